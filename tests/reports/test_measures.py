"""Every number with its interval, and every number again from its own SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures import clopper_pearson, compute, percent, shown, wilson
from reports.records import Measure
from tests.reports import example
from tests.reports.world import DAY, World


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
    assert wilson(30, 100, population=100) == (0.3, 0.3)
    with pytest.raises(ValueError, match="cannot come from a population of 99"):
        wilson(30, 100, population=99)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_hold_the_rate_and_mirror(pair: tuple[int, int]) -> None:
    k, n = pair
    for interval in (wilson, clopper_pearson):
        low, high = interval(k, n)
        assert 0 <= low <= k / n <= high <= 1
        assert interval(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert wilson(k, n, population=2 * n)[0] >= wilson(k, n)[0] - 1e-12
    assert wilson(k, n, confidence=0.99)[0] <= wilson(k, n)[0] + 1e-12


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_rate_is_refused(k: int, n: int) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="is no rate"):
            interval(k, n)


def by_name(world: World, scope: str = "all") -> dict[str, Measure]:
    return {each.name: each for each in compute(world.con, "commissioner") if each.scope == scope}


def small(count: int) -> World:
    """`count` listings of one insurer, every second with an expired license found in tier A."""
    world = World()
    world.run()
    world.source("wa.doh", "Roll", "license_roll")
    world.source("wa.one", "One")
    for number in range(count):
        world.listing(f"l{number}", "wa.one")
        if number % 2:
            world.credential(f"k{number}", "expired", f"l{number}")
            world.finding(f"f{number}", "lapsed_license", f"l{number}")
    return world.models()


def test_under_ten_no_rate_under_thirty_a_warning() -> None:
    few, some, many = (by_name(small(count))["lapsed_license.listing.a"] for count in (9, 10, 30))
    assert (few.numerator, few.denominator, few.value, few.low) == (4, 9, None, None)
    assert shown(few) == "4 of 9"
    assert "Too few" in few.method
    assert shown(some) == "5 of 10 (50.0%; 23.7–76.3%; few, read with care)"
    assert shown(many) == "15 of 30 (50.0%; 33.2–66.8%)"
    assert shown(by_name(small(9))["listings"]) == "9"
    assert percent(0.0004) == "<0.1%"


def test_every_measure_comes_again_from_its_own_sql(world: World) -> None:
    measures = compute(world.con, "commissioner")
    assert len({(each.name, each.scope) for each in measures}) == len(measures)
    for each in measures:
        assert world.con.execute(each.sql).fetchall() == [(each.numerator, each.denominator)], each.name
        assert each.denominator is None or 0 <= each.numerator <= each.denominator, each.name
        assert "Wilson" in each.method or each.denominator is None
    number = {(each.name, each.scope): each.numerator for each in measures}
    assert number["listings", "all"] == sum(number["listings", source] for source in example.INSURERS)
    assert number["unique", "all"] + number["duplicates", "all"] == number["listings", "all"]
    assert sum(number[f"match.{link}", "all"] for link in ("same", "unsure", "none")) == number["unique", "all"]
    standings = ("confirmed", "contradicted", "undetermined")
    assert sum(number[f"standing.{each}", "all"] for each in standings) == number["unique", "all"]


def test_tiers_add_up_and_persons_are_counted_once() -> None:
    world = World()
    world.run()
    world.source("wa.doh", "Roll", "license_roll")
    world.source("wa.one", "One")
    for id in ("a", "b", "c", "twin"):
        world.listing(id, "wa.one")
    for id in ("a", "twin"):
        world.add("matching.provider_member", provider_id="p", member_kind="listing", member_id=id)
    world.add("matching.duplicate", listing_id="twin", group_id="g", kind="same_location", keeper_listing_id="a")
    world.finding("f1", "duplicate_listing", "twin")
    world.finding("f2", "lapsed_license", "a")
    world.finding("f3", "lapsed_license", "twin")
    world.finding("f4", "lapsed_license", "b", tier="B")
    world.finding("f5", "lapsed_license", "c", tier="C")
    counted = {name: (each.numerator, each.denominator) for name, each in by_name(world.models()).items()}
    assert counted["duplicate_listing.listing.a"] == (1, 4)
    assert [counted[f"lapsed_license.listing.{tiers}"] for tiers in ("a", "ab", "abc")] == [(1, 3), (2, 3), (3, 3)]
    assert [counted[f"lapsed_license.provider.{tiers}"] for tiers in ("a", "ab", "abc")] == [(1, 3), (2, 3), (3, 3)]
    assert counted["not_in_force.listing.a"] == (1, 3)


def test_without_a_roll_nothing_is_said_of_licenses() -> None:
    world = World()
    world.run("MN")
    world.source("mn.one", "One")
    world.listing("a", "mn.one")
    names = {each.name for each in compute(world.models().con, "commissioner")}
    assert "duplicate_listing.listing.a" in names
    assert not [name for name in names if name.startswith(("match.", "lapsed", "no_license", "not_in_force", "barred"))]


def test_without_a_registry_or_an_exclusion_list_nothing_is_said_of_what_they_would_say() -> None:
    world = World()
    world.run("WA")
    world.source("wa.one", "One")
    world.source("leie", "Federal list", "exclusion")
    world.listing("a", "wa.one")
    names = {each.name for each in compute(world.models().con, "commissioner")}
    assert "excluded_provider.listing.a" in names, "asked, and nobody found"
    assert not [name for name in names if name.startswith(("npi_deactivated", "npi_of_another"))]


def test_a_registry_that_reports_no_deactivation_was_not_asked_for_any() -> None:
    world = World()
    world.run("WA")
    world.source("wa.one", "One")
    world.source("nppes", "The API", "registry")
    world.listing("a", "wa.one")

    def asked() -> set[str]:
        return {each.name.split(".")[0] for each in compute(world.con, "commissioner")}

    world.models()
    assert {"npi_of_another", "npi_deactivated"} & asked() == {"npi_of_another"}
    world.add("curated.registration", npi="2900000004", source_id="nppes", deactivated_on=DAY)
    assert {"npi_of_another", "npi_deactivated"} <= asked()


def test_an_insurer_whose_name_is_sql_counts_like_any_other() -> None:
    world = World()
    world.source("wa.o'hara'; drop table curated.listing; --", "O'Hara")
    world.listing("a", "wa.o'hara'; drop table curated.listing; --")
    assert by_name(world.models(), "wa.o'hara'; drop table curated.listing; --")["listings"].numerator == 1
