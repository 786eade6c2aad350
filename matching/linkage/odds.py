"""From weights to odds: what answers weigh together, how common each kind of pair is, and every pair's posterior."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy
from numpy.typing import NDArray

from matching.linkage import candidates, chance, weigh
from matching.linkage.candidates import Blocking
from matching.linkage.chance import Size
from matching.linkage.compare import Comparison
from matching.linkage.fields import FAMILY, PLACE, WHO
from matching.linkage.weigh import Floats, Weights
from matching.records import Connection

ALL = "true"  # the whole left table
FORGOTTEN = -9.0  # log2 odds below which a pair is not kept, usually: far under what is ever reported
REJECTED = -14.0  # and where pairs that were rejected are kept
NUMBERS = ("npi", "license_number", "identifier")
RECAPTURED = 30  # true pairs found both by name and by place, at the least, for the others to be reckoned
CERTAIN = 60.0  # log2 odds above which nothing is gained


@dataclass(slots=True)
class Linkage:
    """What was found out on the way: the rules, the weights, how common each kind of pair is, how many pairs were compared and written."""

    size: Size
    comparisons: tuple[Comparison, ...]
    blocking: Blocking
    weights: Weights
    shares: Floats = field(default_factory=lambda: numpy.zeros(4))  # match, moved, household, practice, among all pairs
    nobody: float = 1.0  # share of left records that are taken to be none of the right ones, before looking
    recall: float | None = None  # share of true pairs that the rules find, where names and places could both find them
    explain: bool = False  # keep what was rejected, too
    compared: int = 0  # pairs, once for every rule that found them; reckoned from the part that was learnt from
    written: int = 0

    @property
    def same(self) -> tuple[int, ...]:
        """The kinds of pair that are one and the same: a person who moved is, an organization of the same name elsewhere is a branch."""
        kinds = {comparison.respect.kind for comparison in self.comparisons}
        return (0,) if "organization" in kinds and "family_name" not in kinds else (0, 1)

    @property
    def other(self) -> tuple[int, ...]:
        """The kinds of pair but random that are not."""
        return tuple(kind for kind in range(4) if kind not in self.same)


@contextmanager
def as_written(con: Connection) -> Iterator[None]:
    """Joins as they are written: right records stream past the keys of the left ones. And no sum is copied into the conditions on it."""
    con.execute("set disabled_optimizers = 'filter_pushdown,build_side_probe_side'")
    try:
        yield
    finally:
        con.execute("reset disabled_optimizers")


def pairs(con: Connection, found: Blocking, comparisons: Sequence[Comparison], size: Size, part: str) -> Iterator[str]:
    """FROM clauses of rule, i, j and the columns comparisons read: all pairs found for the left records in `part`, the usual ones first."""
    order = " and l_uid < r_uid" if size.dedupe else ""
    theirs = chance.right_columns(comparisons)
    if not found.rules[0].atoms:
        yield f"(select 0 as rule, * from left_full where {part}) join (select rowid as j, {theirs} from right_record) on true{order}"
        return
    mine = "left_key"
    if part != ALL:
        mine = "key_of_part"
        con.execute(
            f"create or replace temp table {mine} as select left_key.* from left_key semi join (select i from left_full where "
            f"{part}) as those using (i)"
        )
    for keys in candidates.right_keys(found, theirs):
        own = f"(select rule, k, i as own from {mine}) as mine"
        yield f"({keys}) as theirs join {own} on mine.k = theirs.k join left_full on left_full.i = mine.own{order}"


def _sums(found: Linkage, *, answered: bool = False) -> dict[str, str]:
    """SQL of what the answers about one thing weigh together, in bits: who, family, place (m over u), moved (place, v over u); and crowd.

    Colleagues share a door by the square of how many are there, a person and their listing only by how many: where few share it (a
    high crowd), a colleague is the less likely. `answered`: read levels already found, in columns level_….
    """
    names = [comparison.name for comparison in found.comparisons]
    sums: dict[str, list[str]] = {WHO: [], FAMILY: [], PLACE: [], "moved": []}
    for at, comparison in enumerate(found.comparisons):
        name, values = comparison.name, _values(found, at)
        sums[comparison.respect.group].append(_chosen(name, values) if answered else comparison.sql(values.__getitem__))
        if comparison.respect.group == PLACE:
            equal, other = (f"{value:.6f}" for value in found.weights.v_over_u(at))
            sums["moved"].append(
                _chosen(name, ["0", f"{equal} + surprise_{name}", *[other] * (len(values) - 2)])
                if answered
                else f"case when l_{name} = r_{name} then {equal} + surprise_{name} "
                f"when l_{name} is null or r_{name} is null then 0 else {other} end"
            )

    def equal_in(*those: str) -> str:
        return " and ".join(f"level_{name} = 1" if answered else f"l_{name} = r_{name}" for name in those)

    crowds = [f"case when {equal_in('phone')} then surprise_phone end"] if "phone" in names else []
    if "street" in names:
        crowds.append(f"case when {equal_in(*(name for name in ('street_number', 'street') if name in names))} then surprise_door end")
    return {name: " + ".join(terms) or "0" for name, terms in sums.items()} | {
        "crowd": f"coalesce(greatest({', '.join(crowds)}), 0)" if crowds else "0"
    }


def _values(found: Linkage, at: int) -> list[str]:
    """What each level of one comparison weighs, in bits, as SQL: nothing when unsaid, more where what agrees is rare."""
    comparison, ratio = found.comparisons[at], found.weights.m_over_u(at)
    return ["0"] + [
        f"{ratio[level]:.6f}" + (f" + {comparison.surprise[level]}" if level in comparison.surprise else "")
        for level in range(1, len(comparison.levels))
    ]


def term(found: Linkage, at: int) -> str:
    """What the answer to one comparison weighs for one person and against two, as SQL over a pair's columns."""
    return found.comparisons[at].sql(_values(found, at).__getitem__)


def twin(found: Linkage) -> str:
    """The log2 odds that a left record and its perfect twin are one, as SQL over left_full: how much the record says at all."""
    terms = [
        f"case when l_{comparison.name} is null then 0 else {_values(found, at)[1]} end" for at, comparison in enumerate(found.comparisons)
    ]
    return " + ".join([repr(float(numpy.log2(found.shares[0] / max(1 - found.shares.sum(), 1e-9)))), *terms])


def _chosen(name: str, values: Sequence[str]) -> str:
    return f"case level_{name} " + " ".join(f"when {level} then {value}" for level, value in enumerate(values)) + " end"


def set_priors(con: Connection, found: Linkage, share: float, *, independent: bool) -> None:
    """Set the shares of the kinds of pair, and of left records with nobody on the right, from `answer`, the pairs of `share` of them."""
    possible = weigh.kinds_possible(found.comparisons)
    columns = ", ".join(f"{sql} as {name}" for name, sql in _sums(found, answered=True).items())
    once = "select * from answer qualify row_number() over (partition by i, j order by rule) = 1"
    sums = con.execute(f"select i, {columns} from ({once}) order by i, j").fetchnumpy()
    who, family, place, moved, crowd = (numpy.asarray(sums[name], dtype=numpy.float64) for name in (WHO, FAMILY, PLACE, "moved", "crowd"))
    logs = numpy.column_stack([who + family + place, who + family + moved, family + place - crowd, place - crowd])
    smaller = min(found.size.left, found.size.right)
    found.shares = weigh.shares_of_all(logs, possible, smaller, found.size.pairs * share)
    # Colleagues were met only where a name agrees too, or in light blocks; how many there are in all, the sizes of all blocks tell.
    for rule, kinds in zip(found.blocking.rules, found.weights.found, strict=True):
        for atom in (found.blocking.atoms[name] for name in rule.atoms if name in ("phone", "door")):
            if possible[3]:
                found.shares[3] = max(found.shares[3], kinds[3] * atom.pairs / found.size.pairs)
    if independent:
        return
    ratios = numpy.exp2(numpy.clip(logs, -200, 200)) * found.shares
    below = max(1 - found.shares.sum(), 1e-9) + ratios[:, found.other].sum(axis=1)
    odds = numpy.minimum(ratios[:, found.same].sum(axis=1) / below, 2.0**CERTAIN)
    _, record = numpy.unique(sums["i"], return_inverse=True)
    captures = _captures(con, found)
    for _ in range(10):
        belief = odds / (found.nobody + numpy.bincount(record, weights=odds, minlength=1)[record])
        found.recall = _recall(belief, *captures)
        known = belief.sum() / (found.recall or 1) / max(found.size.left * share, 1)
        found.nobody = float(min(max(1 - known, 0.02), 1.0))


def _captures(con: Connection, found: Linkage) -> tuple[NDArray[numpy.bool_], NDArray[numpy.bool_]]:
    """Which pairs of `answer`, in order of i and j, rules about names alone found, and which rules about the place alone."""
    group = {comparison.name: comparison.respect.group for comparison in found.comparisons}
    about = [{group[name] for name in rule.respects} for rule in found.blocking.rules]
    by_name, by_place = ([at for at, groups in enumerate(about) if groups and groups <= those] for those in ({WHO, FAMILY}, {PLACE}))
    caught = con.execute(
        f"select bool_or(list_contains({by_name}::utinyint[], rule)) as by_name, bool_or(list_contains({by_place}::utinyint[], rule)) "
        "as by_place from answer group by i, j order by i, j"
    ).fetchnumpy()
    return numpy.asarray(caught["by_name"], dtype=bool), numpy.asarray(caught["by_place"], dtype=bool)


def _recall(belief: Floats, by_name: NDArray[numpy.bool_], by_place: NDArray[numpy.bool_]) -> float | None:
    """The share of true pairs that the rules find, by capture and recapture (Petersen 1896, Lincoln 1930).

    What a name is spoilt by does not spoil the place: so names find as large a share of all true pairs as of those found by place.
    None where hardly any was found by both.
    """
    both, placed, named = (float(belief[those].sum()) for those in (by_name & by_place, by_place, by_name))
    return min(float(belief.sum()) / (named * placed / both), 1.0) if both >= RECAPTURED else None


def weigh_part(con: Connection, found: Linkage, part: str) -> None:
    """Create weighed (l, r, rule, weight in log2 odds): the pairs of the left records in `part` that are worth keeping."""
    sums = _sums(found)
    logs = [float(numpy.log2(max(one, 1e-30))) for one in found.shares]
    random = float(numpy.log2(max(1 - found.shares.sum(), 1e-9)))
    terms = [
        f"{logs[0]} + who + family + place",
        f"{logs[1]} + who + family + moved",
        f"{logs[2]} + family + place - crowd",
        f"{logs[3]} + place - crowd",
    ]
    above = _log_sum([terms[kind] for kind in found.same if found.shares[kind] > 0])
    below = _log_sum([str(random), *(terms[kind] for kind in found.other if found.shares[kind] > 0)])
    # However well the place agrees, it agrees as well for a colleague: names must bring a pair above this before the place is looked at.
    known = [f"surprise_{name}" for name, own in (("phone", "phone"), ("door", "street")) if own in [c.name for c in found.comparisons]]
    crowd = f"greatest({', '.join([*known, '0'])})"
    forgotten = REJECTED if found.explain else FORGOTTEN
    needed = f"{forgotten} - greatest({logs[0] - logs[3]} + {crowd}, {logs[1] + 18})" if found.shares[3] > 0 else "-1e9"
    placed = [comparison.name for comparison in found.comparisons if comparison.respect.group == PLACE]
    # And where nothing of the place is equal, names alone must say that somebody moved.
    known_by = "true"
    if found.shares[1] > 0 and 1 in found.same:
        elsewhere = sum(max(found.weights.v_over_u(at)[1], 0.0) for at, one in enumerate(found.comparisons) if one.name in placed)
        here = " or ".join(f"l_{name} = r_{name}" for name in placed)
        known_by = f"({here} or who + family > {forgotten - logs[1] - elsewhere})"
    carried = ", ".join(
        ["i", "j", "rule", *(f"l_{name}, r_{name}, surprise_{name}" for name in placed), *(["surprise_door"] if "street" in placed else [])]
    )
    numbers = [comparison.name for comparison in found.comparisons if found.explain and comparison.respect.kind in NUMBERS]
    numbered = " or ".join(f"coalesce(l_{name} = r_{name}, false)" for name in numbers) or "false"
    con.execute("create or replace temp table weighed (l integer, r integer, rule utinyint, weight double)")
    for source in pairs(con, found.blocking, found.comparisons, found.size, part):
        with as_written(con):
            con.execute(
                f"insert into weighed select i, j, rule, weight from (select i, j, rule, is_numbered, {above} - {below} as weight from "
                "(select i, j, rule, is_numbered, who, family, "
                f"{sums[PLACE]} as place, {sums['moved']} as moved, {sums['crowd']} as crowd from "
                f"(select {carried}, {numbered} as is_numbered, {sums[WHO]} as who, {sums[FAMILY]} as family from {source}) "
                f"where is_numbered or who + family > {needed} and {known_by})) where is_numbered or weight > {forgotten}"
            )


def _log_sum(terms: Sequence[str]) -> str:
    """log2 of the sum of powers of two, safe from overflow."""
    if len(terms) == 1:
        return f"({terms[0]})"
    return f"log2({' + '.join(f'pow(2, greatest(least({term}, 500), -500))' for term in terms)})"


def judge_part(con: Connection, found: Linkage, at_least: float, *, independent: bool) -> None:
    """Add to judged (l, r, rules, weight, probability) the pairs in weighed whose posterior is at least so much.

    The posterior is among all candidates of the left record and "none of them"; `independent`: of the pair alone. `rules` has a
    bit for each rule that found the pair.
    """
    once = "select l, r, max(weight) as weight, bit_or(1::uinteger << rule) as rules from weighed group by l, r"
    odds = f"select *, pow(2, least(weight, {CERTAIN})) as odds from ({once})"
    posterior = "odds / (1 + odds)" if independent else f"odds / ({found.nobody!r} + sum(odds) over (partition by l))"
    con.execute(
        f"insert into judged select l, r, rules, weight, probability from (select *, {posterior} as probability from ({odds})) "
        f"where probability >= {at_least!r}"
    )
