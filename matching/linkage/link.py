"""Link two tables, or deduplicate one: prepare, choose keys, learn weights from a part of the pairs, then weigh all of them, part by part.

Nothing about a pair depends on how the rows are ordered, how many threads run or into how many parts the left table is cut: what is
learnt is learnt from records chosen by the hash of their id, and every left record's candidates stand in one part.
"""

from collections.abc import Callable, Sequence

import numpy

from matching.linkage import candidates, chance, compare, odds, prepare, weigh
from matching.linkage.candidates import Blocking, Rule
from matching.linkage.chance import Size, share_of_hashes
from matching.linkage.compare import Comparison
from matching.linkage.fields import Fields, Respect, respects
from matching.linkage.odds import ALL, Linkage
from matching.linkage.weigh import Floats
from matching.records import Connection
from scrapers.records import Refused

TRAINING = 250_000  # pairs from which the weights are learnt, about
PART = 20_000_000  # pairs weighed before the best of them are kept, about


def _quiet(said: str) -> None:
    """Say nothing."""


def link(
    con: Connection,
    left: str,
    right: str | None,
    fields: Fields,
    *,
    independent: bool = False,
    at_least: float = 0.01,
    parts: int | None = None,
    explain: bool = False,
    say: Callable[[str], None] = _quiet,
) -> Linkage:
    """Create the temporary table `linked`: pairs of the relations `left` and `right` (None: `left` with itself), as docs/linking.md has it.

    `parts`: into how many the left table is cut; None, as many as memory asks for. `explain`: with a weight_<column> for each field and
    `rules`, a bit for each rule that found the pair; with pairs that were rejected, down to odds of 2^-14, and whatever shares a number;
    and with the temporary table `twin` (uid, weight), what each left record could reach. Raises Refused where an id is missing or repeated.
    """
    independent = independent or right is None
    con.execute(prepare.MACROS)
    asked = respects(fields)
    comparisons = compare.compare(asked)
    if any(comparison.respect.kind == "organization" for comparison in comparisons):
        compare.add_words_alike(con)
    say("reading")
    counts = [_read(con, side, source, fields, asked) for side, source in (("left_record", left), ("right_record", right))]
    size = Size(counts[0], counts[1], right is None)
    say(f"{size.left:,} records" + ("" if size.dedupe else f" and {size.right:,}"))
    candidates.given_forms(con, asked)
    equal = chance.count(con, asked, size)
    blocking = candidates.plan(con, asked, size.left, size.right, dedupe=size.dedupe)
    candidates.left_keys(con, blocking)
    chance.lay_out(con, asked, equal, size)
    say(f"{len(blocking.rules)} rules; learning")
    u = chance.by_chance(con, comparisons, equal, size)
    found = _learn(con, blocking, comparisons, u, size, independent=independent)
    found.explain = explain
    con.execute("create or replace temp table judged (l integer, r integer, rules uinteger, weight double, probability double)")
    parts = parts or max(-(-int(blocking.pairs) // PART), 1)
    for part in range(parts):
        say(f"weighing, part {part + 1} of {parts}")
        after = f"hash(l_uid) >= {share_of_hashes(part / parts)}"
        before = f" and hash(l_uid) < {share_of_hashes((part + 1) / parts)}" if part + 1 < parts else ""
        odds.weigh_part(con, found, ALL if parts == 1 else after + before)
        odds.judge_part(con, found, at_least, independent=independent)
    _levels(con, found, fields, explain=explain)
    return found


def _read(con: Connection, side: str, source: str | None, fields: Fields, asked: Sequence[Respect]) -> int:
    if source is None:
        con.execute(f"create or replace temp view {side} as select rowid, * from left_record")
    else:
        prepare.prepare(con, side, source, fields, asked)
        missing, twice = con.execute(
            f"select (select count(*) from {side} where uid is null), "
            f"(select uid from {side} where uid is not null group by uid having count(*) > 1 order by uid limit 1)"
        ).fetchone()
        which = side.split("_")[0]
        if missing:
            raise Refused(f"{which} table: {missing} records have no {fields.id!r}; every record needs an id of its own")
        if twice is not None:
            raise Refused(f"{which} table: the id {twice!r} stands more than once in {fields.id!r}; every record needs an id of its own")
    (count,) = con.execute(f"select count(*) from {side}").fetchone()
    return int(count)


def _learn(
    con: Connection, blocking: Blocking, comparisons: tuple[Comparison, ...], u: list[Floats], size: Size, *, independent: bool
) -> Linkage:
    """Weights, and from the same pairs the shares of the kinds of pair and of left records that are nobody on the right."""
    share = min(TRAINING / max(blocking.pairs, 1), 1.0)
    part = ALL if share == 1 else f"hash(l_uid) < {share_of_hashes(share)}"
    answers = ", ".join(f"({comparison.sql(str)})::utinyint as level_{comparison.name}" for comparison in comparisons)
    rare = sorted({column for comparison in comparisons for column in comparison.surprise.values()})
    if any(comparison.name == "street" for comparison in comparisons):
        rare.append("surprise_door")
    source = next(odds.pairs(con, blocking, comparisons, size, part))
    with odds.as_written(con):
        con.execute(f"create or replace temp table answer as select {', '.join(['rule', 'i', 'j', *rare, answers])} from {source}")
    levels = [f"level_{comparison.name}" for comparison in comparisons]
    counted = con.execute(f"select {', '.join(levels)}, rule, count(*)::double as n from answer group by all order by all").fetchnumpy()
    answered = numpy.column_stack([counted[level] for level in levels]).astype(numpy.int64)
    patterns, place = numpy.unique(answered, axis=0, return_inverse=True)
    counts = numpy.zeros((len(patterns), len(blocking.rules)))
    counts[place.ravel(), counted["rule"].astype(numpy.int64)] = counted["n"]
    left_out = numpy.array([[_settled(comparison, rule) for comparison in comparisons] for rule in blocking.rules])
    found = Linkage(size, comparisons, blocking, weigh.learn(comparisons, u, patterns, counts, left_out))
    found.compared = round(float(counts.sum()) / share)
    odds.set_priors(con, found, share, independent=independent)
    con.execute("drop table answer")
    return found


def _settled(comparison: Comparison, rule: Rule) -> bool:
    """Is the answer all but settled where this rule holds? It settles what it enforces; a door the rest of the address, a ZIP its city."""
    area, kind = {"postal_code", "city", "state"}, comparison.respect.kind
    if comparison.name in rule.respects:
        return True
    return ("street" in rule.respects and kind in area | {"unit"}) or (bool(area & set(rule.respects)) and kind in area)


def _levels(con: Connection, found: Linkage, fields: Fields, *, explain: bool) -> None:
    """Create linked: judged pairs with their ids and one level per field; of several questions a field asks, the least alike."""
    own: dict[int, list[int]] = {}
    extra = ["judged.rules"] if explain else []
    for at, comparison in enumerate(found.comparisons):
        own.setdefault(comparison.respect.field, []).append(at)
    shown = []
    for position, those in own.items():
        column = fields.fields[position].column
        levels = ", ".join(found.comparisons[at].sql(str) for at in those)
        shown.append(f"greatest({levels})::utinyint as {prepare.quoted('level_' + column)}")
        if explain:
            shown.append(f"{' + '.join(odds.term(found, at) for at in those)} as {prepare.quoted('weight_' + column)}")
    con.execute(
        f"create or replace temp table linked as select l_uid as id_l, r_uid as id_r, judged.weight, judged.probability, "
        f"{', '.join(extra + shown)} from judged join left_full on left_full.i = judged.l "
        f"join (select rowid as j, {chance.right_columns(found.comparisons)} from right_record) as theirs on theirs.j = judged.r"
    )
    if explain:
        con.execute(f"create or replace temp table twin as select l_uid as uid, {odds.twin(found)} as weight from left_full")
    (found.written,) = con.execute("select count(*) from linked").fetchone()
