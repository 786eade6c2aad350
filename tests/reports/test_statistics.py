"""Intervals, samples and comparisons, held against worked values, against scipy and against draws of known truth."""

import random
import subprocess
import sys
from math import sqrt
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from benchmarks import intervals
from reports.statistics import (
    Stratum,
    clopper_pearson,
    clustered,
    difference,
    holm,
    hypergeometric,
    kappa,
    kappa_interval,
    non_response,
    stratified,
    wilson,
)


def as_percent(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    return round(100 * low, 1), round(100 * high, 1)


@pytest.mark.parametrize(
    ("case", "k", "n", "by_wilson", "exact"),
    [
        ("one plan, Senate design", 8, 10, (49.0, 94.3), (44.4, 97.5)),
        ("one plan, NY AG design", 17, 20, (64.0, 94.8), (62.1, 96.8)),
        ("one plan, CMS design", 54, 108, (40.7, 59.3), (40.2, 59.8)),
        ("NY AG overall", 340, 396, (82.1, 88.9), (82.0, 89.1)),
        ("no error in 60", 0, 60, (0.0, 6.0), (0.0, 6.0)),
        ("no error in 300", 0, 300, (0.0, 1.3), (0.0, 1.2)),
    ],
)
def test_intervals_are_those_worked_by_hand(case: str, k: int, n: int, by_wilson: tuple[float, float], exact: tuple[float, float]) -> None:
    assert as_percent(wilson(k, n)) == by_wilson
    assert as_percent(clopper_pearson(k, n)) == exact


def test_a_sample_of_a_small_population_knows_more() -> None:
    assert as_percent(wilson(30, 100, population=400)) == (22.9, 38.3)
    assert as_percent(clopper_pearson(30, 100)) == (21.2, 40.0)
    assert as_percent(hypergeometric(30, 100, 400)) == (22.5, 38.5)
    for everybody in (wilson(30, 100, population=100), hypergeometric(30, 100, 100)):
        assert everybody == (0.3, 0.3)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_hold_the_rate_and_mirror(pair: tuple[int, int]) -> None:
    k, n = pair
    for interval in (wilson, clopper_pearson):
        low, high = interval(k, n)
        assert 0 <= low <= k / n <= high <= 1
        assert interval(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert wilson(k, n, population=2 * n)[0] >= wilson(k, n)[0] - 1e-12
    assert wilson(k, n, confidence=0.99)[0] <= wilson(k, n)[0] + 1e-12


@pytest.mark.parametrize(("k", "n"), [(0, 1), (3, 7), (54, 108), (1, 400), (399, 400)])
def test_they_agree_with_scipy(k: int, n: int) -> None:
    found = stats.binomtest(k, n)
    assert wilson(k, n) == pytest.approx(tuple(found.proportion_ci(method="wilson")), abs=1e-9)
    assert clopper_pearson(k, n) == pytest.approx(tuple(found.proportion_ci(method="exact")), abs=1e-9)


@pytest.mark.parametrize(("n", "population"), [(7, 20), (12, 60)])
def test_the_hypergeometric_interval_keeps_every_population_that_might_have_shown_this(n: int, population: int) -> None:
    for k in range(n + 1):
        kept = [
            so
            for so in range(population + 1)
            if stats.hypergeom.sf(k - 1, population, so, n) > 0.025 and stats.hypergeom.cdf(k, population, so, n) > 0.025
        ]
        assert hypergeometric(k, n, population) == (min(kept) / population, max(kept) / population)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_rate_is_refused(k: int, n: int) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="is no rate"):
            interval(k, n)
    with pytest.raises(ValueError, match="cannot come from a population of 4"):
        wilson(3, 5, population=4)
    with pytest.raises(ValueError, match="cannot come from a population of 4"):
        hypergeometric(3, 5, 4)


def test_coverage_is_what_it_claims() -> None:
    """The benchmark's own grid, with fewer draws; `python -m benchmarks intervals` prints it with 4,000."""
    cells = list(intervals.coverage(draws=400, seed=5))
    assert 0.94 <= fmean(cell.wilson for cell in cells) <= 0.96
    assert fmean(cell.exact for cell in cells) >= 0.95
    assert min(cell.exact_computed for cell in cells) >= 0.95, "never less than it claims"


def test_silence_is_bounded_both_ways() -> None:
    assert non_response(54, 60, 108) == (54 / 108, 102 / 108)
    assert non_response(54, 108, 108) == (0.5, 0.5)
    with pytest.raises(ValueError, match="is no rate"):
        non_response(54, 60, 59)


def test_strata_weigh_what_they_hold() -> None:
    one = stratified([Stratum(400, 100, 30)])
    assert one is not None
    assert (one.low, one.high) == pytest.approx(wilson(30, 100, population=400))
    uneven = stratified([Stratum(900, 50, 5), Stratum(100, 50, 50)])
    assert uneven is not None
    assert uneven.value == pytest.approx(0.9 * 0.1 + 0.1 * 1.0)
    assert uneven.low < uneven.value < uneven.high
    assert stratified([Stratum(900, 50, 5), Stratum(100, 0, 0)]) is None, "a stratum that gave no answer is not guessed"
    assert stratified([Stratum(10, 10, 3), Stratum(10, 10, 4)]) == stratified([Stratum(20, 20, 7)])


def test_stratified_intervals_cover() -> None:
    chance, hits = random.Random(8), 0
    parts = [(600, 60, 0.05), (200, 40, 0.5), (100, 20, 1.0)]
    truth = sum(round(size * share) for size, _, share in parts) / sum(size for size, _, _ in parts)
    for _ in range(600):
        drawn = []
        for size, n, share in parts:
            people = [at < round(size * share) for at in range(size)]
            drawn.append(Stratum(size, n, sum(chance.sample(people, n))))
        found = stratified(drawn)
        assert found is not None
        hits += found.low <= truth <= found.high
    assert hits / 600 >= 0.94


def test_claims_of_one_clinic_are_not_so_many_witnesses() -> None:
    alone = clustered([(at, at % 2 == 0, 1.0) for at in range(120)])
    together = clustered([(at // 6, at // 6 % 2 == 0, 1.0) for at in range(120)])
    assert alone is not None
    assert together is not None
    assert alone.value == together.value == 0.5
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert clustered([(at, at % 2 == 0, 1.0) for at in range(120)]) == alone, "the seed is fixed"
    weighed = clustered([(at, at < 60, 3.0 if at < 60 else 1.0) for at in range(120)])
    assert weighed is not None
    assert weighed.value == 0.75


def test_where_all_clusters_agree_nothing_is_certain() -> None:
    found = clustered([(at // 4, True, 1.0) for at in range(40)])
    assert found is not None
    assert (found.low, found.high) == wilson(10, 10)
    assert clustered([("one clinic", True, 1.0)] * 40) is None


def test_many_comparisons_make_each_less_sure() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_difference_of_two_rates_is_newcombes() -> None:
    found = difference((56, 70), (48, 80))  # Newcombe 1998, table II (a), method 10
    assert (round(found.value, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)
    assert found.p == pytest.approx(stats.fisher_exact([[56, 14], [48, 32]]).pvalue)
    back = difference((48, 80), (56, 70))
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_kappa_is_cohens() -> None:
    said = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    pairs = [(at, who, word) for at, words in enumerate(said) for who, word in enumerate(words)]
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([(at, who, "right") for at in range(9) for who in "xy"]) is None, "habit alone explains it"
    assert kappa([(1, "x", "right"), (2, "y", "wrong")]) is None, "nobody shared a finding"
    assert kappa([(at, who, at % 2) for at in range(9) for who in "xyz"]) == 1


def test_the_interval_of_kappa_is_near_the_one_of_large_samples() -> None:
    said = [("a", "a")] * 200 + [("a", "b")] * 50 + [("b", "a")] * 100 + [("b", "b")] * 150
    low, high = kappa_interval((at, who, word) for at, words in enumerate(said) for who, word in enumerate(words)) or (0, 0)
    error = sqrt(0.7 * 0.3 / 500) / 0.5  # Cohen 1960: of agreement .7 where habit alone gives .5
    assert (low, high) == pytest.approx((0.4 - 1.96 * error, 0.4 + 1.96 * error), abs=0.01)
    assert kappa_interval([(at, who, at % 2) for at in range(9) for who in "xyz"]) is None, "all agree: nothing is known of how sure"
    assert kappa_interval([(1, "x", "right"), (2, "y", "wrong")]) is None


def test_a_command_that_computes_nothing_does_not_wait_for_scipy() -> None:
    code = "import sys, pipelines.cli, reports.measures; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
