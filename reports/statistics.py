"""Intervals, samples and comparisons: what a count allows us to say beyond itself.

The only door to scipy, which is imported where it is used: a command that computes nothing does not wait for it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations
from math import sqrt
from statistics import NormalDist

Interval = tuple[float, float]

RESAMPLES = 2_000
SEED = 20_221  # of every bootstrap, so that a number comes again; its value means nothing


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of a frame: how many records it holds, how many of those drawn count, and how many of these are so."""

    population: int
    n: int
    k: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share of a whole frame, estimated from a sample of it, with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(k: int, n: int, *, population: int | None = None, confidence: float = 0.95) -> Interval:
    """Wilson score interval of k in n, the rate's plausible range, 0 to 1.

    `population` is the size of the finite population that the n were drawn from without replacement; the interval then
    narrows as in O'Neill (2021), to nothing when all were looked at.

    >>> [round(100 * end, 1) for end in wilson(340, 396)]
    [82.1, 88.9]
    >>> [round(100 * end, 1) for end in wilson(30, 100, population=400)]
    [22.9, 38.3]
    """
    _check(k, n, population)
    if population == n:
        return k / n, k / n
    return _score(k / n, n if population is None else n * (population - 1) / (population - n), confidence)


def clopper_pearson(k: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Exact binomial interval of k in n: longer than Wilson's, and never covering less than it claims.

    >>> [round(100 * end, 1) for end in clopper_pearson(340, 396)]
    [82.0, 89.1]
    >>> [round(100 * end, 1) for end in clopper_pearson(0, 60)]
    [0.0, 6.0]
    """
    _check(k, n)
    return _beta(k, n, confidence)


def hypergeometric(k: int, n: int, population: int, *, confidence: float = 0.95) -> Interval:
    """Exact interval of the share of a finite population, k of the n drawn from it without replacement being so.

    Every share is kept that would show k or more, and k or fewer, each with more than half of what confidence leaves over.

    >>> [round(100 * end, 1) for end in hypergeometric(30, 100, 400)]
    [22.5, 38.5]
    >>> hypergeometric(30, 100, 100)
    (0.3, 0.3)
    """
    _check(k, n, population)
    return _inverted(k, n, population, confidence)


def non_response(k: int, answered: int, drawn: int) -> Interval:
    """The share of all who were drawn, had nobody who did not answer been so, and had all of them.

    >>> non_response(30, 60, 100)
    (0.3, 0.7)
    """
    _check(k, answered)
    _check(answered, drawn)
    return k / drawn, (k + drawn - answered) / drawn


def stratified(strata: Sequence[Stratum], *, confidence: float = 0.95) -> Estimate | None:
    """The share of a whole frame, each of its strata weighing what it holds; None where a stratum gave no answer at all.

    The variance of a stratum is taken at (k + 1) / (n + 2), so that one in which all agree does not pass for certain, and shrinks with the
    part of the stratum that was looked at. The interval is Wilson's at the sample size that would have this variance undivided: of one
    stratum it is `wilson` with its population.

    >>> stratified([Stratum(400, 100, 30)]).low == wilson(30, 100, population=400)[0]
    True
    >>> half = stratified([Stratum(900, 50, 5), Stratum(100, 50, 50)])
    >>> round(half.value, 2), round(half.low, 2), round(half.high, 2)
    (0.19, 0.13, 0.28)
    """
    if not strata or any(stratum.n == 0 for stratum in strata):
        return None
    frame = sum(stratum.population for stratum in strata)
    value = smooth = variance = 0.0
    for stratum in strata:
        _check(stratum.k, stratum.n, stratum.population)
        weight, rate = stratum.population / frame, (stratum.k + 1) / (stratum.n + 2)
        left = (stratum.population - stratum.n) / (stratum.population - 1) if stratum.population > stratum.n else 0.0
        value += weight * stratum.k / stratum.n
        smooth += weight * rate
        variance += weight**2 * left * rate * (1 - rate) / stratum.n
    if variance == 0:
        return Estimate(value, value, value)
    low, high = _score(value, smooth * (1 - smooth) / variance, confidence)
    return Estimate(value, min(low, value), max(high, value))


def clustered(records: Iterable[tuple[Hashable, bool, float]], *, confidence: float = 0.95, seed: int = SEED) -> Estimate | None:
    """The share of weighted records that are so, when whole clusters (cluster, is so, weight) are drawn again instead of records.

    Percentile bootstrap over clusters with a fixed seed. Where all clusters agree there is nothing to draw: the interval is Wilson's with
    clusters for records. None of fewer than two clusters.

    >>> same = [(clinic, clinic < 15, 1.0) for clinic in range(30) for _ in range(4)]
    >>> found = clustered(same)
    >>> found.value, found.high - found.low > 1.5 * (wilson(60, 120)[1] - wilson(60, 120)[0])
    (0.5, True)
    """
    so: dict[Hashable, float] = defaultdict(float)
    weights: dict[Hashable, float] = defaultdict(float)
    for cluster, is_so, weight in records:
        weights[cluster] += weight
        so[cluster] += weight * is_so
    if len(weights) < 2:
        return None
    hits, sizes = [so[cluster] for cluster in weights], list(weights.values())
    value = sum(hits) / sum(sizes)
    if len({hit / size for hit, size in zip(hits, sizes, strict=True)}) == 1:
        low, high = _score(value, len(sizes), confidence)
        return Estimate(value, low, high)
    import numpy as np
    from scipy import stats  # type: ignore[import-untyped]

    drawn = stats.bootstrap(
        (np.array(hits), np.array(sizes)),
        lambda hit, size, axis: hit.sum(axis=axis) / size.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, min(float(drawn.low), value), max(float(drawn.high), value))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several comparisons adjusted for their number (Holm 1979), in the order given.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    adjusted, most = [0.0] * len(p_values), 0.0
    for turn, at in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        most = max(most, min(1.0, (len(p_values) - turn) * p_values[at]))
        adjusted[at] = most
    return adjusted


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one rate lies above another, with its 95 % interval (Newcombe 1998) and the p-value of Fisher's exact test."""

    value: float
    low: float
    high: float
    p: float


def difference(one: tuple[int, int], other: tuple[int, int]) -> Difference:
    """The first rate (k, n) less the second.

    >>> found = difference((56, 70), (48, 80))
    >>> round(found.value, 2), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    from scipy import stats

    (low, high), (least, most) = wilson(*one), wilson(*other)
    first, second = one[0] / one[1], other[0] / other[1]
    table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
    return Difference(
        value=first - second,
        low=first - second - sqrt((first - low) ** 2 + (most - second) ** 2),
        high=first - second + sqrt((high - first) ** 2 + (second - least) ** 2),
        p=float(stats.fisher_exact(table).pvalue),
    )


def kappa(verdicts: Iterable[tuple[Hashable, Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of (subject, reviewer, judgement): agreement of two reviewers beyond what their habits alone would give.

    Of more reviewers than two: every pair of them who judged the same subjects, each weighing by how many. None where nobody shared a
    subject, or where habit alone explains all agreement.

    >>> said = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    >>> pairs = [(at, who, word) for at, words in enumerate(said) for who, word in enumerate(words)]
    >>> kappa(pairs)
    0.4
    """
    by_subject: dict[Hashable, dict[Hashable, Hashable]] = defaultdict(dict)
    for subject, reviewer, judgement in verdicts:
        by_subject[subject][reviewer] = judgement
    shared: dict[tuple[Hashable, Hashable], list[tuple[Hashable, Hashable]]] = defaultdict(list)
    for judged in by_subject.values():
        for one, other in combinations(sorted(judged, key=str), 2):
            shared[one, other].append((judged[one], judged[other]))
    beyond = possible = 0.0
    for words in shared.values():
        ones, others = Counter(one for one, _ in words), Counter(other for _, other in words)
        by_habit = sum(ones[word] * others[word] for word in ones) / len(words)
        beyond += sum(one == other for one, other in words) - by_habit
        possible += len(words) - by_habit
    return round(beyond / possible, 12) if possible else None


def kappa_interval(verdicts: Iterable[tuple[Hashable, Hashable, Hashable]]) -> Interval | None:
    """Interval of `kappa`, 95 %, by the jackknife over subjects (Fleiss & Davies 1982), within -1 and 1.

    None where kappa is none, or where leaving out any one subject changes nothing, as when all agree: that proves no certainty.

    >>> said = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    >>> pairs = [(at, who, word) for at, words in enumerate(said) for who, word in enumerate(words)]
    >>> [round(end, 2) for end in kappa_interval(pairs) or ()]
    [0.15, 0.65]
    """
    by_subject: dict[Hashable, list[tuple[Hashable, Hashable, Hashable]]] = defaultdict(list)
    for verdict in verdicts:
        by_subject[verdict[0]].append(verdict)
    shared = [own for own in by_subject.values() if len({reviewer for _, reviewer, _ in own}) > 1]
    value = kappa(chain.from_iterable(shared))
    without = [kappa(chain.from_iterable(shared[:at] + shared[at + 1 :])) for at in range(len(shared))]
    known = [each for each in without if each is not None]
    if value is None or len(known) < max(len(shared), 2):
        return None
    error = sqrt((len(known) - 1) / len(known) * sum((each - sum(known) / len(known)) ** 2 for each in known))
    half = NormalDist().inv_cdf(0.975) * error
    return (max(-1.0, value - half), min(1.0, value + half)) if half else None


def _check(k: int, n: int, population: int | None = None) -> None:
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"{k} of {n} is no rate")
    if population is not None and population < n:
        raise ValueError(f"a sample of {n} cannot come from a population of {population}")


def _score(rate: float, size: float, confidence: float) -> Interval:
    """Wilson's interval around `rate` of a sample of `size`, which need be no whole number."""
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    middle = (rate + z2 / (2 * size)) / (1 + z2 / size)
    half = sqrt(z2 * (rate * (1 - rate) / size + z2 / (4 * size * size))) / (1 + z2 / size)
    # at the ends the formula gives 0 and 1 but for rounding
    return (0.0 if rate == 0 else max(0.0, middle - half)), (1.0 if rate == 1 else min(1.0, middle + half))


@cache
def _beta(k: int, n: int, confidence: float) -> Interval:
    """The ends of Clopper and Pearson are quantiles of beta distributions: a thousandth of the time of scipy's search for them."""
    from scipy import special

    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    return low, 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - tail))


@cache
def _inverted(k: int, n: int, population: int, confidence: float) -> Interval:
    from scipy import stats

    tail = (1 - confidence) / 2
    least, most = k, population - (n - k)  # so many are so at least, having been seen, and at most
    low = _first(least, most, lambda so: float(stats.hypergeom.sf(k - 1, population, so, n)) > tail)
    high = _first(least, most, lambda so: float(stats.hypergeom.cdf(k, population, least + most - so, n)) > tail)
    return low / population, (least + most - high) / population


def _first(least: int, most: int, holds: Callable[[int], bool]) -> int:
    """The least whole number of a range from which on `holds`, by bisection; it holds of the last."""
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if holds(middle) else (middle + 1, most)
    return least
