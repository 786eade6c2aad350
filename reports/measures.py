"""Rates, intervals, finite populations, suppression of small counts; and every number a report may print.

A measure's SQL is stored beside its number and gives that number again on the database of the same run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from statistics import NormalDist

from matching.records import Connection
from reports.records import Measure

Interval = tuple[float, float]

LEAST_TO_RATE = 10  # below: a count, never a rate
LEAST_TO_TRUST = 30  # below: a rate with a warning

LICENSE_CHECKS = ("lapsed_license", "barred_license", "retired_or_deceased")

CHECKS: Mapping[str, str] = {
    "duplicate_listing": "Duplicate listing",
    "lapsed_license": "License expired, inactive or closed",
    "barred_license": "License suspended, revoked or surrendered",
    "retired_or_deceased": "License holder retired or deceased",
    "no_license_found": "No license found on the roll",
    "wrong_profession": "Licensed in another profession",
    "npi_invalid": "NPI fails its own check digit",
    "missing_required_field": "Required field missing",
    "npi_deactivated": "NPI deactivated",
    "npi_of_another": "NPI of somebody else",
    "excluded_provider": "On an exclusion list, or under a name that is",
    "surfaces_disagree": "The insurer's own surfaces disagree",
}
NEEDS: Mapping[str, str] = {
    **dict.fromkeys((*LICENSE_CHECKS, "not_in_force", "no_license_found", "wrong_profession"), "license_roll"),
    **dict.fromkeys(("npi_deactivated", "npi_of_another"), "registry"),
    "excluded_provider": "exclusion",
}  # check → the kind of source without which it was not asked, and zero would say otherwise
SEEN: Mapping[str, str] = {
    "npi_deactivated": "select npi from curated.registration where deactivated_on is not null limit 1",  # an API knows of none
    "surfaces_disagree": "select insurer_name from curated.source where insurer_name <> '' group by 1 having count(distinct surface) > 1",
}  # check → what must have rows, for the same reason
ROLL = "license_roll"
TIERS: Mapping[str, tuple[str, ...]] = {"a": ("A",), "ab": ("A", "B"), "abc": ("A", "B", "C")}
TIERS_IN_WORDS = {"a": "tier A", "ab": "tiers A and B", "abc": "tiers A, B and C"}
BANDS = {"0_30": (0, 30), "31_90": (31, 90), "91_365": (91, 365), "over_365": (366, None)}

CENSUS = (
    "Every listing in scope was compared with the whole roll: a census, so the count has no sampling error. "
    "The Wilson 95 % interval reads the rate as an estimate of the process that makes such listings. "
    "Uncertainty of matching is shown by counting tier A alone and tiers A and B together."
)
LOOKED = (
    "Every current finding about a listing that an API or a file showed, where the insurer's website was captured within seven days and "
    "names the network: whether the website shows that person at that place. What was not recognised there may be there all the same. "
    "The Wilson 95 % interval reads the rate as an estimate of the process that makes such listings."
)
COUNT = "A count of every listing in scope; nothing was sampled and nothing is estimated."


def wilson(k: int, n: int, *, population: int | None = None, confidence: float = 0.95) -> Interval:
    """Wilson score interval of k in n, the rate's plausible range, 0 to 1.

    `population` is the size of the finite population that the n were drawn from without replacement; the interval then
    narrows as in O'Neill (2021), to nothing when all were looked at.

    >>> [round(100 * end, 1) for end in wilson(340, 396)]
    [82.1, 88.9]
    >>> [round(100 * end, 1) for end in wilson(30, 100, population=400)]
    [22.9, 38.3]
    """
    _check(k, n)
    rate = k / n
    if population is not None:
        if population < n:
            raise ValueError(f"a sample of {n} cannot come from a population of {population}")
        if population == n:
            return rate, rate
    size = n if population is None else n * (population - 1) / (population - n)
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    middle = (rate + z2 / (2 * size)) / (1 + z2 / size)
    half = sqrt(z2 * (rate * (1 - rate) / size + z2 / (4 * size * size))) / (1 + z2 / size)
    # at the ends the formula gives 0 and 1 but for rounding
    return (0.0 if k == 0 else max(0.0, middle - half)), (1.0 if k == n else min(1.0, middle + half))


def clopper_pearson(k: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Exact binomial interval of k in n: longer than Wilson's, and never covering less than it claims.

    >>> [round(100 * end, 1) for end in clopper_pearson(340, 396)]
    [82.0, 89.1]
    >>> [round(100 * end, 1) for end in clopper_pearson(0, 60)]
    [0.0, 6.0]
    """
    _check(k, n)
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else _solve(lambda p: _at_least(k, n, p) < tail)
    high = 1.0 if k == n else _solve(lambda p: _at_least(n - k, n, 1 - p) >= tail)
    return low, high


def _check(k: int, n: int) -> None:
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"{k} of {n} is no rate")


def _solve(below: Callable[[float], bool]) -> float:
    """The p at which `below` turns from true to false, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def _at_least(k: int, n: int, p: float) -> float:
    """P(X ≥ k) for X binomial(n, p), summed from its shorter side."""
    if p in (0.0, 1.0):
        return float(k == 0 or p == 1.0)

    def mass(i: int) -> float:
        return exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) + (n - i) * log(1 - p))

    if 2 * k > n:
        return sum(mass(i) for i in range(k, n + 1))
    return 1 - sum(mass(i) for i in range(k))


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


def shown(measure: Measure) -> str:
    """The number as a page prints it: always the count; the rate with its interval only where enough were counted.

    A warning stands by a rate of fewer than 30; of fewer than 10 no rate is printed.
    """
    if measure.denominator is None:
        return f"{measure.numerator:,}"
    count = f"{measure.numerator:,} of {measure.denominator:,}"
    if measure.value is None or measure.low is None or measure.high is None:
        return count
    warning = "; few, read with care" if measure.denominator < LEAST_TO_TRUST else ""
    return f"{count} ({percent(measure.value)}; {span(measure.low, measure.high)}{warning})"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A measure before its number exists: what is counted, out of what."""

    name: str
    title: str
    numerator: str
    denominator: str | None
    needs: str | None = None  # a kind of source
    method: str = CENSUS


SCOPED = "select count(*) from reports.in_scope where {scope}"
UNIQUE = "select count(*) from reports.in_scope where is_unique and {scope}"
PROVIDERS = "select count(distinct provider_id) from reports.in_scope where {scope}"


def _asked(checks: Mapping[str, str]) -> Iterator[_Asked]:
    """Every measure that can be computed, in the order in which it is printed."""
    yield _Asked("listings", "Listings in scope", SCOPED, None)
    yield _Asked("unique", "Unique listings", UNIQUE, SCOPED)
    yield _Asked("duplicates", "Duplicate listings", f"{SCOPED} and not is_unique", SCOPED)
    yield _Asked("multi_location", "Unique listings of persons listed at several locations", f"{UNIQUE} and is_multi_location", UNIQUE)
    yield _Asked("providers", "Persons listed", PROVIDERS, None)
    for link, words in {"same": "matched to a license", "unsure": "left unsure", "none": "matched to no license"}.items():
        yield _Asked(f"match.{link}", f"Unique listings {words}", f"{UNIQUE} and roll_match = '{link}'", UNIQUE, ROLL)
    decided = "claim_id in (select claim_id from matching.standing where standing {which})"
    for standing in ("confirmed", "contradicted"):
        which = decided.format(which=f"= '{standing}'")
        yield _Asked(f"standing.{standing}", f"Unique listings {standing}", f"{UNIQUE} and {which}", UNIQUE)
    neither = decided.format(which="in ('confirmed', 'contradicted')")
    yield _Asked("standing.undetermined", "Unique listings neither confirmed nor contradicted", f"{UNIQUE} and not {neither}", UNIQUE)
    others = "select count(*) from matching.confirmation where is_current and {which} and {scope}"
    yield _Asked(
        "website.confirmed",
        "Findings from an API or a file whose listing the website shows, too",
        others.replace("{which}", "website = 'confirmed'"),
        others.replace("{which}", "website in ('confirmed', 'not seen')"),
        method=LOOKED,
    )
    yield _Asked("website.awaiting", "Findings that await the website", others.replace("{which}", "website = 'awaiting'"), None)
    groups = {"not_in_force": ("License not in force", LICENSE_CHECKS), **{name: (title, (name,)) for name, title in checks.items()}}
    for name, (title, members) in groups.items():
        for key, tiers in TIERS.items():
            yield from _of_check(name, f"{title}, {TIERS_IN_WORDS[key]}", members, key, tiers)
    lapsed = f"{UNIQUE} and license = 'not_in_force'"
    for band, (least, most) in BANDS.items():
        words = f"{least} to {most} days" if most is not None else f"more than {least - 1} days"
        days = f"days_since >= {least}" + (f" and days_since <= {most}" if most is not None else "")
        yield _Asked(f"lapsed.days_{band}", f"Unique listings, license not in force for {words}", f"{lapsed} and {days}", lapsed, ROLL)
    yield _Asked("lapsed.undated", "Unique listings, license not in force, no date", f"{lapsed} and days_since is null", lapsed, ROLL)


def _of_check(name: str, title: str, members: tuple[str, ...], key: str, tiers: tuple[str, ...]) -> Iterator[_Asked]:
    failing = f"from reports.flagged where check_name in ({_texts(members)}) and tier in ({_texts(tiers)}) and {{scope}}"
    needs = NEEDS.get(name)
    # a duplicate is by definition not among the unique: it alone is counted out of all listings
    out_of, only = (SCOPED, "") if name == "duplicate_listing" else (UNIQUE, " and is_unique")
    yield _Asked(f"{name}.listing.{key}", f"{title}: listings", f"select count(distinct listing_id) {failing}{only}", out_of, needs)
    yield _Asked(f"{name}.provider.{key}", f"{title}: persons", f"select count(distinct provider_id) {failing}", PROVIDERS, needs)


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def compute(con: Connection, report: str, checks: Mapping[str, str] = CHECKS) -> list[Measure]:
    """Every declared measure of one run, for all sources together and for each insurer's; reads, never writes.

    `checks` are the checks that ran, name → title. Where there is no license roll, registry or exclusion list, what needs one is left
    out: nothing was looked up, and zero would say otherwise.
    """
    kinds = {kind for (kind,) in con.execute("select distinct kind from curated.source").fetchall()}
    sources = con.execute("select source_id from curated.source where kind = 'insurer' order by source_id").fetchall()
    checks = {name: title for name, title in checks.items() if name not in SEEN or con.execute(SEEN[name]).fetchall()}
    scopes = {"all": "true", **{name: f"source_id = {_texts((name,))}" for (name,) in sources}}
    return [
        _measure(con, report, asked, scope, where)
        for scope, where in scopes.items()
        for asked in _asked(checks)
        if asked.needs is None or asked.needs in kinds
    ]


def _measure(con: Connection, report: str, asked: _Asked, scope: str, where: str) -> Measure:
    below = "null" if asked.denominator is None else f"({asked.denominator.format(scope=where)})"
    sql = f"select ({asked.numerator.format(scope=where)}) as numerator, {below} as denominator"
    numerator, denominator = con.execute(sql).fetchone()
    value = low = high = None
    if denominator is not None and denominator >= LEAST_TO_RATE:
        value = numerator / denominator
        low, high = wilson(numerator, denominator)
    return Measure(
        report=report,
        name=asked.name,
        scope=scope,
        title=asked.title,
        numerator=numerator,
        denominator=denominator,
        value=value,
        low=low,
        high=high,
        method=COUNT if denominator is None else asked.method + (" Too few to state a rate." if denominator < LEAST_TO_RATE else ""),
        sql=sql,
    )
