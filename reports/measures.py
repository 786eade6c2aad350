"""Every number a report may print, with its interval and the query that gives it again, and how it is printed.

A measure's SQL is stored beside its number and gives that number again on the database of the same run, with nothing else at hand.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from matching.records import Connection
from reports import samples
from reports.census import BANDS, CHECKS, COARSE, COUNT, LICENSE_CHECKS, SEEN, Asked, Count, asked, text
from reports.records import Measure
from reports.samples import LEAST_TO_RATE
from reports.statistics import clopper_pearson, difference, holm, wilson
from reports.withholding import LEAST_TO_TELL

__all__ = [
    "BANDS",
    "CHECKS",
    "LICENSE_CHECKS",
    "clopper_pearson",
    "compared",
    "compute",
    "error_rate",
    "percent",
    "printed",
    "shown",
    "span",
    "verified",
    "wilson",
]

LEAST_TO_TRUST = 30  # below: a rate with a warning
FEWER = f"fewer than {LEAST_TO_TELL}"

# What a scope is bound to: a place is one insurer's network in one county.
BOUND: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "source": ("source_id",),
    "network": ("source_id", "network"),
    "county": ("county_fips",),
    "place": ("source_id", "network", "county_fips"),
}
Place = tuple[str, tuple[str, ...]]  # level, and the value of each column the level is bound to


def compute(con: Connection, report: str, checks: Mapping[str, str] = CHECKS) -> list[Measure]:
    """Every declared measure of one run, for all sources together, for each insurer's, and for networks and counties; reads, never writes.

    `checks` are the checks that ran, name → title. Where there is no license roll, registry or exclusion list, or nobody called, answered
    or attested anything, what needs one is left out: nothing was looked up, and zero would say otherwise.
    """
    kinds = {kind for (kind,) in con.execute("select distinct kind from curated.source").fetchall()}
    unseen = {name for name, sql in SEEN.items() if not con.execute(sql).fetchall()}
    checks = {name: title for name, title in checks.items() if name not in unseen}
    wanted = [each for each in asked(checks) if (each.needs is None or each.needs in kinds) and each.name not in unseen]
    places = _places(con)
    counts = _counted(con, wanted, places)
    found = [
        measure
        for place in places
        for each in wanted
        if place[0] in each.levels
        if (measure := _measure(report, each, place, counts)) is not None
    ]
    return found + samples.compute(con, report)


def shown(measure: Measure) -> str:
    """The number as a page prints it: always the count; the rate with its interval only where enough were counted.

    A warning stands by a rate of fewer than 30; of fewer than 10 no rate is printed.
    """
    if measure.denominator is None:
        return f"{measure.numerator:,}"
    count = f"{measure.numerator:,} of {measure.denominator:,}"
    if measure.value is not None and measure.name.endswith(".kappa"):
        ends = "" if measure.low is None or measure.high is None else f"; {measure.low:.2f} to {measure.high:.2f}"
        return f"{measure.value:.2f} (agreed in {count}{ends})"
    if measure.value is None or measure.low is None or measure.high is None:
        return count
    warning = "; few, read with care" if measure.denominator < LEAST_TO_TRUST else ""
    return f"{count} ({percent(measure.value)}; {span(measure.low, measure.high)}{warning})"


def printed(measures: Mapping[tuple[str, str], Measure], name: str, scope: str = "all") -> str:
    """A number by name and scope as a page prints it, or why it is not printed."""
    if (name, scope) in measures:
        return shown(measures[name, scope])
    return FEWER if name.startswith("survey.") and ("survey.withheld", scope) in measures else "not measured"


def verified(measures: Mapping[tuple[str, str], Measure], scope: str = "all") -> str:
    """The verified network beside the listed one, as a count however small: "2 listed, 0–1 verified"."""
    low, high = (measures[f"standing.verified_{end}", scope].numerator for end in ("low", "high"))
    listed = f"{measures['unique', scope].numerator:,} listed, "
    return listed + (f"{low:,} verified" if low == high else f"{low:,}–{high:,} verified")


def error_rate(measures: Mapping[tuple[str, str], Measure]) -> str:
    """How often this audit's own findings are wrong, measured by people on a random sample of them; "error rate not measured" without one.

    What the simulation says is a test of the software and never printed here.
    """
    right = measures.get(("review.precision", "all"))
    if right is None or right.denominator is None:
        return "error rate not measured"
    wrong = f"{right.denominator - right.numerator:,} of {right.denominator:,} reviewed findings not right"
    if right.value is None or right.exact_low is None or right.exact_high is None:
        return wrong
    return f"{wrong} ({percent(1 - right.value)}; {span(1 - right.exact_high, 1 - right.exact_low)})"


def percent(share: float) -> str:
    """A share in words a page can print.

    >>> percent(0.0452), percent(1.0), percent(0.0004)
    ('4.5%', '100.0%', '<0.1%')
    """
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%"


def span(low: float, high: float) -> str:
    """An interval of shares in words a page can print.

    >>> span(0.1, 0.1717)
    '10.0–17.2%'
    """
    return f"{100 * low:.1f}–{100 * high:.1f}%"


def compared(measures: Sequence[Measure], name: str) -> list[tuple[str, str, float, float, float, float, str]]:
    """One number of every two insurers: (one, other, difference, low, high, p adjusted for the number of pairs by Holm, words).

    Whose intervals overlap is never ranked. Insurers with fewer than 30 in the denominator are not compared.
    """
    rates = {
        each.scope: each
        for each in measures
        if each.name == name and each.scope != "all" and "/" not in each.scope and not each.scope.startswith("county:")
        if each.value is not None and each.denominator is not None and each.denominator >= LEAST_TO_TRUST
    }
    pairs = [(one, other) for at, one in enumerate(sorted(rates)) for other in sorted(rates)[at + 1 :]]
    found = [difference(_of(rates[one]), _of(rates[other])) for one, other in pairs]
    adjusted = holm([each.p for each in found])
    return [
        (one, other, each.value, each.low, each.high, p, _ranked(rates[one], rates[other], p, len(pairs)))
        for (one, other), each, p in zip(pairs, found, adjusted, strict=True)
    ]


def _of(measure: Measure) -> tuple[int, int]:
    return measure.numerator, measure.denominator or 0


def _ranked(one: Measure, other: Measure, p: float, comparisons: int) -> str:
    among = f"p {f'= {p:.3f}' if p >= 0.001 else '< 0.001'} adjusted for {comparisons} comparison{'s' if comparisons > 1 else ''}"
    ends = (one.low or 0.0, one.high or 1.0), (other.low or 0.0, other.high or 1.0)
    if (ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1]) or p >= 0.05:
        return f"no difference can be told: the intervals overlap, or it may be chance ({among})"
    return f"{'higher' if ends[0][0] > ends[1][1] else 'lower'} than the other ({among})"


def _places(con: Connection) -> list[Place]:
    """Every scope: all, the insurers (those that list nobody, too), and the networks and counties that listings in scope name."""
    found: list[Place] = [("all", ())]
    insurers = con.execute("select source_id from curated.source where kind = 'insurer' order by 1").fetchall()
    found += [("source", row) for row in insurers]
    for level in ("network", "county", "place"):
        columns = ", ".join(BOUND[level])
        known = " and ".join(f"{column} is not null" for column in BOUND[level])
        rows = con.execute(f"select distinct {columns} from reports.in_scope where {known} order by all").fetchall()
        found += [(level, row) for row in rows]
    return found


def _counted(con: Connection, wanted: Sequence[Asked], places: Sequence[Place]) -> Mapping[tuple[Place, Count], int]:
    """Each count in each place, with one query to a table, level and column: the same numbers that their own SQL gives one by one."""
    together: dict[tuple[str, str, str | None], dict[Count, None]] = defaultdict(dict)  # a dict keeps its order, and the query with it
    for each in wanted:
        for count in filter(None, (each.numerator, each.denominator)):
            for level in each.levels:
                together[count.table, level, count.of][count] = None
    found: dict[tuple[Place, Count], int] = {}
    for (table, level, of), counts in together.items():
        found |= {(place, count): 0 for place in places if place[0] == level for count in counts}
        width = len(BOUND[level])
        for row in con.execute(_at_once(table, of, BOUND[level], [count.rows(level in COARSE) for count in counts])).fetchall():
            found |= {((level, row[:width]), count): number for count, number in zip(counts, row[width:], strict=True)}
    return found


def _at_once(table: str, of: str | None, bound: Sequence[str], rows: Sequence[str]) -> str:
    """Many counts of one table by place. Different values are counted as those that have such a row, far quicker than with `distinct`."""
    places = ", ".join(bound)
    if of is None:
        numbers = ", ".join(f"count(*) filter (where {each})" for each in rows)
        return f"select {', '.join([*bound, numbers])} from {table}" + (f" group by {places}" if places else "")
    has = ", ".join(f"bool_or({each}) as has_{at}" for at, each in enumerate(rows))
    numbers = ", ".join(f"count(*) filter (where has_{at})" for at in range(len(rows)))
    within = f"select {', '.join([*bound, of, has])} from {table} group by {', '.join([*bound, of])}"
    return f"select {', '.join([*bound, numbers])} from ({within})" + (f" group by {places}" if places else "")


def _measure(report: str, each: Asked, place: Place, counts: Mapping[tuple[Place, Count], int]) -> Measure | None:
    numerator = counts[place, each.numerator]
    denominator = None if each.denominator is None else counts[place, each.denominator]
    if each.or_nothing and not denominator:
        return None
    value = low = high = exact_low = exact_high = None
    if denominator is not None and denominator >= LEAST_TO_RATE:
        value = numerator / denominator
        low, high = wilson(numerator, denominator)
        exact_low, exact_high = clopper_pearson(numerator, denominator)
    too_few = denominator is not None and denominator < LEAST_TO_RATE
    return Measure(
        report=report,
        name=each.name,
        scope=_scope(place),
        title=each.title,
        numerator=numerator,
        denominator=denominator,
        value=value,
        low=low,
        high=high,
        method=COUNT if denominator is None else each.method + (" Too few to state a rate." if too_few else ""),
        sql=_sql(each, place),
        exact_low=exact_low,
        exact_high=exact_high,
    )


def _scope(place: Place) -> str:
    return "/".join(f"county:{value}" if column == "county_fips" else value for column, value in _bound(place)) or "all"


def _sql(each: Asked, place: Place) -> str:
    where = " and ".join(f"{column} = {text(value)}" for column, value in _bound(place)) or "true"
    below = "null" if each.denominator is None else f"({each.denominator.sql(where, place[0] in COARSE)})"
    return f"select ({each.numerator.sql(where, place[0] in COARSE)}) as numerator, {below} as denominator"


def _bound(place: Place) -> Iterator[tuple[str, str]]:
    return zip(BOUND[place[0]], place[1], strict=True)
