"""Which pairs are worth comparing: those that share a key. A key is one thing two records say alike, or two or three together.

Keys are hashed to integers and joined. The lightest blocks of a key stand alone, as many as the budget allows; what is common (SMITH,
a clinic's phone) counts only together with something else. So no block is ever larger than the budget, whatever the tables hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from matching.linkage import prepare
from matching.linkage.fields import Respect
from matching.linkage.names import forms_of
from matching.linkage.prepare import put
from matching.records import Connection

BUDGET = 1.0  # chance pairs a rule may bring for each record of both tables; a key that stands alone half as many
LEAST_BUDGET = 600_000  # however small the tables
WORTH = 0.3  # a key whose light blocks hold a smaller share of the records does not stand alone
MOST_RULES = 24
CROWD = 64  # left records that share a key before its block is measured

_NUMBERS = ("npi", "license_number", "identifier", "email", "phone", "date")
_AREAS = ("postal_code", "city")


@dataclass(slots=True)
class Atom:
    """One thing a key is made of: what the left records say (a select of i, v) and what the right ones say (expressions that may be null).

    Where a right record says several things (the parts of a compound surname, the words of a clinic's name) `several` selects j,
    every column and `said`, one row for each.
    """

    name: str
    respects: tuple[str, ...]
    left: str
    right: tuple[str, ...]
    several: str | None = None
    is_place: bool = False
    counted: str | None = None  # the often_ table that counts its values already
    pairs: float = 0.0  # how many pairs share a value
    lightest: int = 0  # blocks of up to so many pairs stand alone
    covers: float = 0.0  # share of the left keys in such blocks


@dataclass(frozen=True, slots=True)
class Rule:
    """Atoms that must all agree; `respects` are what they enforce, `pairs` how many pairs are expected."""

    atoms: tuple[str, ...]
    respects: tuple[str, ...]
    pairs: float


@dataclass(slots=True)
class Blocking:
    """The rules, in order, and the atoms they are made of. Keys that stood in blocks too large are counted in `capped`."""

    atoms: dict[str, Atom]
    budget: int
    rules: list[Rule] = field(default_factory=list)
    capped: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def pairs(self) -> float:
        """How many pairs all rules together bring, about; a pair found by two rules counts twice."""
        return sum(rule.pairs for rule in self.rules)


def _scalar(name: str, value: str, respects: tuple[str, ...], *, is_place: bool = False, counted: str | None = None) -> Atom:
    left = f"select i, v from (select rowid as i, {value} as v from left_record) where v is not null"
    return Atom(name, respects, left, (value,), is_place=is_place, counted=counted)


def _atoms(asked: Sequence[Respect]) -> list[Atom]:
    names = {respect.name: respect.kind for respect in asked}
    found = [
        _scalar(
            name,
            f"case when strlen({name}) >= 5 then {name} end" if kind in _NUMBERS else name,
            (name,),
            is_place=kind in (*_AREAS, "phone"),
            counted=name,
        )
        for name, kind in names.items()
        if kind in (*_NUMBERS, *_AREAS)
    ]
    if "family_name" in names:
        parts = "unnest(string_split(family_name, ' ') || [replace(family_name, ' ', '')])"
        mine = (
            "select rowid as i, family_name as v from left_record where family_name is not null "
            f"union all select rowid, {parts} from left_record where contains(family_name, ' ')"
        )
        mine = f"select distinct i, v from ({mine}) where strlen(v) > 2 or contains(v, ' ')"
        found.append(Atom("family", ("family_name",), mine, ("family_name",), f"select *, {parts} as said from right_spaced"))
    if "given_name" in names:
        found.append(Atom("given", ("given_name",), "select i, v from left_given", ("given_name",)))
        if "family_name" in names:
            found.append(_scalar("initial", "left(given_name, 1)", ("given_name",)))
    if {"given_name", "middle_name", "family_name"} <= set(names):
        mine = (
            "select rowid as i, given_name || '/' as v from left_record where strlen(given_name) > 1 "
            "union all select rowid, '/' || middle_name from left_record where strlen(middle_name) > 1"
        )
        found.append(Atom("turned", ("given_name", "middle_name"), mine, ("middle_name || '/'", "'/' || given_name")))
    if door := prepare.door(asked):
        found.append(_scalar("door", door, tuple(sorted({"street", "street_number"} & set(names))), is_place=True, counted="door"))
    if "organization" in names:
        words = "unnest(list_distinct(string_split(organization, ' ') || [replace(organization, ' ', '')[:5]]))"
        mine = f"select i, v from (select rowid as i, {words} as v from left_record where organization is not null) where strlen(v) > 1"
        found.append(
            Atom(
                "organization",
                ("organization",),
                mine,
                (),
                f"select rowid as j, *, {words} as said from right_record where organization is not null",
            )
        )
    found += [_scalar(name, name, (name,), counted=name) for name, kind in names.items() if kind == "text"]
    if {"given_name", "family_name"} <= set(names) and not any(atom.is_place for atom in found):
        # Where nothing says where, a family name misspelt, or kept as a middle name, is found by the given name beside it.
        mine, theirs = "select i, v from left_spelled", ["family_name"]
        if "middle_name" in names:
            mine += (
                " union all select rowid, middle_name from left_record where strlen(middle_name) > 1 "
                "union all select rowid, '/' || family_name from left_record where strlen(family_name) > 1"
            )
            theirs.append("'/' || middle_name")
        found.append(Atom("else", ("family_name",), mine, tuple(theirs)))
    return found


# Keys too common to stand beside anything: with what each makes a rule.
_ONLY_WITH = {"initial": "family", "turned": "family", "else": "given"}
_EITHER = ({"given", "initial", "turned"}, {"family", "else"})  # of these one at a time: the one says what the other says

# A name, and the name without each of its letters: two names one slip apart share one of these.
_CUTS = """
select name, name as cut from ({names}) union all
select name, left(name, n - 1) || substr(name, n + 1) from (select name, unnest(range(1, length(name) + 1)) as n from ({names}))
"""


def given_forms(con: Connection, asked: Sequence[Respect]) -> None:
    """Create form (one, other: given names of left and right that are forms of one name) and left_given (i, v: a left record's
    given name and its other forms).
    """
    names = [respect.name for respect in asked]
    con.execute("create or replace temp table form (one varchar, other varchar)")
    if "given_name" not in names:
        return
    one, other = (
        [name for (name,) in con.execute(f"select distinct given_name from {side} where given_name is not null").fetchall()]
        for side in ("left_record", "right_record")
    )
    put(con, "form", forms_of(one, other))
    con.execute(
        "create or replace temp table left_given as select rowid as i, given_name as v from left_record where given_name is not null "
        "union all select left_record.rowid, form.other from left_record join form on form.one = left_record.given_name"
    )


def plan(con: Connection, asked: Sequence[Respect], left: int, right: int, *, dedupe: bool) -> Blocking:
    """The rules: every smallest set of up to three atoms, at most one of them a place, that brings no more chance pairs than the budget.

    Creates left_<atom>_key (i, v, is_heavy) for each atom.
    """
    space = left * max(left - 1, 1) / 2 if dedupe else left * right
    budget = max(int(BUDGET * (left + (0 if dedupe else right))), LEAST_BUDGET)
    blocking = Blocking({atom.name: atom for atom in _atoms(asked)}, budget)
    if space <= budget:
        blocking.rules.append(Rule((), (), space))
        return blocking
    if "family" in blocking.atoms:
        con.execute("create or replace temp table right_spaced as select rowid as j, * from right_record where contains(family_name, ' ')")
    if "else" in blocking.atoms:
        _spell(con)
    for atom in blocking.atoms.values():
        if heavy := _measure(con, atom, budget // 2, dedupe=dedupe):
            blocking.capped[(atom.name,)] = heavy
    whole: list[set[str]] = []
    for size in (1, 2, 3):
        for chosen in combinations(blocking.atoms.values(), size):
            names = {atom.name for atom in chosen}
            if (
                any(smaller <= names for smaller in whole)
                or any(len(those & names) > 1 for those in _EITHER)
                or sum(atom.is_place for atom in chosen) > 1
            ):
                continue
            if any(_ONLY_WITH.get(name, name) not in names for name in names):
                continue
            expected = space
            for atom in chosen:
                expected *= atom.pairs / space
            if expected <= (budget if size > 1 else budget // 2):
                whole.append(names)
            elif size > 1 or chosen[0].covers < WORTH:
                continue
            respects = tuple(sorted({name for atom in chosen for name in atom.respects}))
            blocking.rules.append(Rule(tuple(atom.name for atom in chosen), respects, min(expected, budget / 2) if size == 1 else expected))
    blocking.rules = sorted(blocking.rules, key=lambda rule: (len(rule.atoms), rule.pairs))[:MOST_RULES]
    return blocking


def _spell(con: Connection) -> None:
    """Create left_spelled (i, v): a left record's family name as the right table may spell it, one slip of the pen away."""
    mine, theirs = (
        _CUTS.format(names=f"select distinct family_name as name from {side} where length(family_name) between 4 and 30")
        for side in ("left_record", "right_record")
    )
    con.execute(
        f"create or replace temp table left_spelled as with alike as (select distinct mine.name as one, theirs.name as other "
        f"from ({mine}) as mine join ({theirs}) as theirs on theirs.cut = mine.cut and theirs.name <> mine.name) "
        "select left_record.rowid as i, alike.other as v from alike join left_record on left_record.family_name = alike.one "
        "where damerau_levenshtein(alike.one, alike.other) = 1"
    )


def _measure(con: Connection, atom: Atom, budget: int, *, dedupe: bool) -> int:
    """Create left_<atom>_key and set how many pairs share a value, and which blocks are light enough to stand alone; count the others."""
    if atom.counted:
        counts = f"select v, mine, mine * theirs as pairs from often_{atom.counted}"
    else:
        value, table = (atom.right[0], "right_record") if atom.right else ("said", f"({atom.several})")
        counts = (
            f"with mine as (select v, count(*) as n from ({atom.left}) group by v) select v, mine.n as mine, mine.n * theirs.n as "
            f"pairs from mine join "
            f"(select v, count(*) as n from (select {value} as v from {table}) where v in (select v from mine) group by v) as "
            f"theirs using (v)"
        )
    con.execute(f"create or replace temp table block as select v, mine, pairs {'// 2' if dedupe else ''} as pairs from ({counts})")
    total, lightest = con.execute(
        f"select coalesce(sum(n * pairs), 0), coalesce(max(pairs) filter (running <= {budget}), 0) from "
        "(select pairs, n, sum(n * pairs) over (order by pairs) as running from (select pairs, count(*) as n from block group by pairs))"
    ).fetchone()
    atom.pairs, atom.lightest = float(total), int(lightest)
    covers, heavy = con.execute(
        f"select coalesce(sum(mine) filter (pairs <= {atom.lightest}) / sum(mine), 0), count(*) filter (pairs > {atom.lightest}) from block"
    ).fetchone()
    atom.covers = float(covers)
    con.execute(
        f"create or replace temp table left_{atom.name}_key as select said.i, said.v, coalesce(block.pairs > {atom.lightest}, "
        f"false) as is_heavy "
        f"from ({atom.left}) as said left join block on block.v = said.v"
    )
    return int(heavy)


def left_keys(con: Connection, blocking: Blocking) -> None:
    """Create left_key (rule, k, i): every key every rule makes of the left records."""
    con.execute("create or replace temp table left_key (rule utinyint, k ubigint, i integer)")
    for at, rule in enumerate(blocking.rules):
        members = [blocking.atoms[name] for name in rule.atoms]
        if not members:
            continue
        tables = " ".join(
            f"left_{atom.name}_key as t{n}" if n == 0 else f"join left_{atom.name}_key as t{n} on t{n}.i = t0.i"
            for n, atom in enumerate(members)
        )
        # What stands alone already needs no company.
        conditions = [
            f"{'not ' if len(members) == 1 else ''}t{n}.is_heavy"
            for n, atom in enumerate(members)
            if any(other.atoms == (atom.name,) for other in blocking.rules)
        ]
        keys = f"select hash({', '.join([str(at), *(f't{n}.v' for n in range(len(members)))])}) as k, t0.i from {tables}"
        keys += f" where {' and '.join(conditions)}" if conditions else ""
        if set(rule.atoms) == {"family", "given"}:
            turned = "given_name, family_name" if rule.atoms[0] == "family" else "family_name, given_name"
            keys += f" union select hash({at}, {turned}), rowid from left_record where given_name is not null and family_name is not null"
        con.execute(f"insert into left_key select {at}, k, i from ({keys})")
    for name in blocking.atoms:
        con.execute(f"drop table if exists left_{name}_key")
    con.execute("drop table if exists left_given")
    _cap(con, blocking)


def _cap(con: Connection, blocking: Blocking) -> None:
    """Forget keys whose block alone would spend the budget: names that stand together oftener than chance, as UNKNOWN UNKNOWN does."""
    con.execute(
        "create or replace temp table crowded as select k, any_value(rule) as rule, count(*) as n from left_key group by k "
        f"having n >= {CROWD}"
    )
    if not con.execute("select 1 from crowded limit 1").fetchall():
        return
    theirs = " union all ".join(f"select k from ({keys}) where k in (select k from crowded)" for keys in right_keys(blocking, "1 as one"))
    con.execute(
        f"create or replace temp table giant as select k, rule from crowded join (select k, count(*) as theirs from ({theirs}) group by k) "
        f"using (k) where n * theirs > {blocking.budget}"
    )
    con.execute("delete from left_key using giant where left_key.k = giant.k")
    for at, count in con.execute("select rule, count(*) from giant group by rule").fetchall():
        name = blocking.rules[at].atoms
        blocking.capped[name] = blocking.capped.get(name, 0) + int(count)


def right_keys(blocking: Blocking, columns: str) -> list[str]:
    """SELECTs of j, k and the columns: every key every rule makes of the right records; the first of the usual ones."""
    usual: list[str] = []
    several: dict[str, list[str]] = {}
    for at, rule in enumerate(blocking.rules):
        members = [blocking.atoms[name] for name in rule.atoms]
        if not members:
            continue
        usual += _hashes(at, [atom.right for atom in members])
        for special in members:
            if special.several:
                several.setdefault(special.several, []).extend(
                    _hashes(at, [("said",) if atom is special else atom.right for atom in members])
                )
    selects = [f"select j, {columns}, k from (select rowid as j, *, unnest([{', '.join(usual)}]) as k from right_record)"] if usual else []
    return selects + [
        f"select j, {columns}, k from (select *, unnest([{', '.join(keys)}]) as k from ({source}))" for source, keys in several.items()
    ]


def _hashes(rule: int, values: Sequence[Sequence[str]]) -> list[str]:
    """One expression for each way to choose a value of each atom; null where an atom says nothing."""
    return [
        f"case when {' and '.join(f'{value} is not null' for value in chosen)} then hash({', '.join([str(rule), *chosen])}) end"
        for chosen in product(*values)
    ]
