"""How alike are two records by chance? How often each value occurs, and u: the share of random pairs that answer a question in each way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from matching.linkage import prepare
from matching.linkage.compare import Comparison
from matching.linkage.fields import Respect
from matching.linkage.weigh import Floats
from matching.records import Connection

PAIRS = 200_000  # random pairs that show how often names are alike by chance
# A short table makes every value look common: its values stand beside so many others that were never seen.
BESIDE = {"given_name": 100, "middle_name": 100, "family_name": 100, "npi": 1000, "license_number": 1000, "identifier": 1000}
# How many others bear a value that one right record bears: the share of values met where two bear them, of those where at most two do.
# Nearly every door is one holder's own, a rare name is often borne by two; and nothing is nobody else's for certain.
ALONE = """
select least(greatest((coalesce(sum(mine) filter (theirs = 2), 0) + 10) / (coalesce(sum(mine) filter (theirs <= 2), 0) + 20), 0.02), 0.5)
  as alone
from met
"""
SWAPPED = 0.01  # share of records whose given and family name are taken to have changed places, before looking
SAMPLE = 20_000  # records of each side they are made of


@dataclass(frozen=True, slots=True)
class Size:
    """How many records are linked with how many; deduplicating, a table with itself."""

    left: int
    right: int
    dedupe: bool

    @property
    def pairs(self) -> float:
        """How many pairs there are."""
        return max(self.left * (self.left - 1) / 2 if self.dedupe else float(self.left * self.right), 1.0)


def count(con: Connection, asked: Sequence[Respect], size: Size) -> dict[str, float]:
    """Create often_<name> (v, mine, theirs) for each respect and for the door: how often each left value occurs on either side.

    Returns u of equality, in closed form: the sum over values of left share times right share. Four more compare a name with another
    column: given as middle name and the reverse, given as family name and the reverse.
    """
    names = {respect.name for respect in asked}
    columns = {name: name for name in (respect.name for respect in asked)}
    if door := prepare.door(asked):
        columns["door"] = door
    shared = {"given_name", "family_name", "middle_name"} & names  # asked of another column too: all their values are counted
    for name, value in columns.items():
        con.execute(
            f"create or replace temp table mine_{name} as select {value} as v, count(*) as n from left_record group by 1 having v "
            f"is not null"
        )
        those = "" if name in shared else f" where {value} in (select v from mine_{name})"
        con.execute(
            f"create or replace temp table theirs_{name} as select {value} as v, count(*) as n from right_record{those} group by "
            f"1 having v is not null"
        )
    beside = {respect.name: BESIDE.get(respect.kind, 0) for respect in asked}
    pairs = [(name, name, name) for name in columns]
    if {"given_name", "middle_name"} <= names:
        pairs += [("given_as_middle", "given_name", "middle_name"), ("middle_as_given", "middle_name", "given_name")]
    if {"given_name", "family_name"} <= names:
        pairs += [("given_as_family", "given_name", "family_name"), ("family_as_given", "family_name", "given_name")]
    totals = {
        side: con.execute(f"select {', '.join(f'count({value})' for value in columns.values())} from {side}").fetchone()
        for side in ("left_record", "right_record")
    }
    place = {name: at for at, name in enumerate(columns)}
    u: dict[str, float] = {}
    for name, mine, theirs in pairs:
        left, right = max(totals["left_record"][place[mine]], 1), max(totals["right_record"][place[theirs]], 1)
        others = beside.get(mine, 0)
        # A value's share among the right records, but for the one that is compared.
        share = f"greatest(theirs - 1, alone) / {right + others}" if mine == theirs else f"theirs / {right + others}"
        con.execute(
            f"create or replace temp table often_{name} as with met as (select mine.v, mine.n as mine, theirs.n as theirs "
            f"from mine_{mine} as mine join theirs_{theirs} as theirs on mine.v = theirs.v), few as ({ALONE}) "
            f"select v, mine, theirs, {share} as share from met, few"
        )
        (together,) = con.execute(
            f"select sum(1.0 * mine * {'(theirs - 1)' if size.dedupe and mine == theirs else 'theirs'}) from often_{name}"
        ).fetchone()
        u[name] = min(max(float(together or 0) / (left * right), 0.5 / (left * right)), 0.999)
    for name in columns:
        con.execute(f"drop table mine_{name}")
        con.execute(f"drop table theirs_{name}")
    if "given_as_family" in u:
        u["swapped"] = u["given_as_family"] * u["family_as_given"]
    return u


def lay_out(con: Connection, asked: Sequence[Respect], u: dict[str, float], size: Size) -> None:
    """Create left_full: i and the columns of left_record as l_…, a given name's forms, and for each value how surprising its equality is.

    A surprise is log2 of u over the share of others who bear the value: a rare surname says more than a common one.
    """
    names = [respect.name for respect in asked]
    columns, joins = ["left_record.rowid as i", "uid as l_uid", *(f"left_record.{name} as l_{name}" for name in names)], []
    values = {
        "door": f"({prepare.door(asked)})",
        "given_as_middle": "given_name",
        "middle_as_given": "middle_name",
        "given_as_family": "given_name",
        "family_as_given": "family_name",
    }
    for name in (name for name in u if name != "swapped"):
        columns.append(f"coalesce(log2({u[name]!r} / often_{name}.share), 0)::double as surprise_{name}")
        joins.append(f"left join often_{name} on often_{name}.v = {values.get(name, f'left_record.{name}')}")
    if "swapped" in u:
        # How likely these two names stand the wrong way round, from the names alone: a given name CAMPOS hardly stands right.
        least = f"{0.5 / max(size.right, 1)!r}"
        turned = f"{SWAPPED} * coalesce(often_given_as_family.share, {least}) * coalesce(often_family_as_given.share, {least})"
        right = f"{1 - SWAPPED} * coalesce(often_given_name.share, {least}) * coalesce(often_family_name.share, {least})"
        columns.append(
            f"(surprise_given_as_family + surprise_family_as_given + log2({turned} / ({turned} + {right}) / {SWAPPED}))::float as "
            f"surprise_swapped"
        )
    if "given_name" in names:
        columns.append("forms.given_forms")
        forms = "select one, '|' || string_agg(other, '|' order by other) || '|' as given_forms from form group by one"
        joins.append(f"left join ({forms}) as forms on forms.one = left_record.given_name")
    con.execute(f"create or replace temp table left_full as select {', '.join(columns)} from left_record {' '.join(joins)}")
    for name in (name for name in u if name != "swapped"):
        con.execute(f"drop table often_{name}")


def by_chance(con: Connection, comparisons: Sequence[Comparison], equal: dict[str, float], size: Size) -> list[Floats]:
    """u per comparison, over its levels: equalities as `count` found them, the others from random pairs."""
    answers = ", ".join(f"{comparison.sql(str)} as {comparison.name}" for comparison in comparisons)
    con.execute(f"create or replace temp table by_chance as select {answers} from {_random_pairs(con, right_columns(comparisons), size)}")
    shares = [_shares(con, comparison, equal) for comparison in comparisons]
    for table in ("by_chance", "chance", "left_sample", "right_sample"):
        con.execute(f"drop table if exists {table}")
    return shares


def _shares(con: Connection, comparison: Comparison, equal: dict[str, float]) -> Floats:
    counted = dict(con.execute(f"select {comparison.name}, count(*) from by_chance group by 1").fetchall())
    share = numpy.array([0.0] + [counted.get(level, 0) + 0.3 for level in range(1, len(comparison.levels))])
    # Other levels of a rare value hold besides only where nothing else of the name contradicts: how often, the random pairs tell.
    known = {level: equal[column.removeprefix("surprise_")] for level, column in comparison.surprise.items() if level in comparison.closed}
    rest = [level for level in range(1, len(share)) if level not in known]
    for level, value in known.items():
        share[level] = value
    share[rest] *= max(1 - sum(known.values()), 1e-6) / share[rest].sum()
    share[0] = 1.0
    return share


def right_columns(comparisons: Sequence[Comparison]) -> str:
    """The columns of right_record that comparisons read, under the names they read them by."""
    return ", ".join(["uid as r_uid", *(f"{comparison.name} as r_{comparison.name}" for comparison in comparisons)])


def _random_pairs(con: Connection, theirs: str, size: Size) -> str:
    """FROM clause of about PAIRS pairs that any order of the rows would give: all of them, or rows in the order of their hash, shifted."""
    if size.pairs <= 2 * PAIRS:
        return f"left_full, (select {theirs} from right_record)" + (" where l_uid < r_uid" if size.dedupe else "")
    for table, side, uid, columns, count in (
        ("left_sample", "left_full", "l_uid", "*", size.left),
        ("right_sample", "right_record", "uid", theirs, size.right),
    ):
        con.execute(
            f"create or replace temp table {table} as select {columns}, row_number() over (order by hash({uid}), {uid}) - 1 as place "
            f"from {side} where hash({uid}) < {share_of_hashes(SAMPLE / count)}"
        )
    left, right = con.execute("select (select count(*) from left_sample), (select count(*) from right_sample)").fetchone()
    shifts = -(-PAIRS // max(left, 1))
    con.execute(
        f"create or replace temp table chance as select left_sample.place as l, (left_sample.place + 7919 * s + 31) % {max(right, 1)} as r "
        f"from left_sample, range({shifts}) as shift(s)"
    )
    source = "chance join left_sample on left_sample.place = chance.l join right_sample on right_sample.place = chance.r"
    return source + (" where l_uid <> r_uid" if size.dedupe else "")


def share_of_hashes(share: float) -> str:
    """The bound, in SQL, below which about this share of all 64-bit hashes fall."""
    return f"{min(int(max(share, 0.0) * 2**64), 2**64 - 1)}::ubigint"
