"""Every number with its interval, and every number again from its own SQL."""

from datetime import timedelta

import pytest

from reports.measures import compared, compute, error_rate, percent, printed, shown, span, verified
from reports.records import Measure
from reports.statistics import clopper_pearson, wilson
from tests.reports import example
from tests.reports.world import DAY, World


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
        if each.value is not None and each.denominator is not None:
            assert (each.low, each.high) == wilson(each.numerator, each.denominator)
            assert (each.exact_low, each.exact_high) == clopper_pearson(each.numerator, each.denominator)
            assert each.population is None, "a census has nothing it was drawn from"
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


def test_places_add_up_to_their_insurer_and_a_county_crosses_insurers() -> None:
    world = World()
    world.source("wa.one", "One")
    world.source("wa.two", "Two")
    for number, (source, network, county) in enumerate(
        [
            ("wa.one", "Silver", "53019"),
            ("wa.one", "Gold", "53019"),
            ("wa.one", "Gold", None),
            ("wa.two", "Silver", "53019"),
            ("wa.two", None, "53063"),
        ]
    ):
        world.listing(f"l{number}", source, network=network, county_fips=county)
    every = compute(world.models().con, "commissioner")
    assert all(world.con.execute(each.sql).fetchall() == [(each.numerator, each.denominator)] for each in every)
    found = {each.scope: each.numerator for each in every if each.name == "listings"}
    assert found == {
        "all": 5,
        "wa.one": 3,
        "wa.one/Gold": 2,
        "wa.one/Gold/county:53019": 1,
        "wa.one/Silver": 1,
        "wa.one/Silver/county:53019": 1,
        "wa.two": 2,
        "wa.two/Silver": 1,
        "wa.two/Silver/county:53019": 1,
        "county:53019": 3,
        "county:53063": 1,
    }


def test_the_verified_network_is_a_range_printed_however_small() -> None:
    world = World()
    world.source("wa.one", "One")
    for id, standing in (("a", None), ("b", "contradicted"), ("c", "confirmed")):
        world.listing(id, "wa.one", county_fips="53019" if id < "c" else "53063")
        if standing:
            world.add("matching.standing", claim_id=f"c-{id}", standing=standing, evidence_class="insurer_answer", observed_on=DAY)
    found = {(each.name, each.scope): each for each in compute(world.models().con, "commissioner")}
    assert verified(found, "county:53019") == "2 listed, 0–1 verified"
    assert verified(found, "county:53063") == "1 listed, 1 verified"
    assert verified(found) == "3 listed, 1–2 verified"
    assert shown(found["standing.verified_high", "all"]) == "2 of 3"


def test_the_two_definitions_are_counted_apart() -> None:
    world = World()
    world.source("wa.doh", "Roll", "license_roll")
    world.source("wa.one", "One")
    failing = {
        "a": "lapsed_license",
        "b": "not_at_location",
        "c": "unreachable_at_listing",
        "d": "not_accepting_but_listed",
        "e": "npi_invalid",
    }
    for id, check in failing.items():
        world.listing(id, "wa.one")
        world.finding(f"f-{id}", check, id, severity="minor" if id == "e" else "access_preventing")
    found = by_name(world.models())
    assert [found[f"{name}.listing.a"].numerator for name in ("not_in_force", "strict", "wide", "access")] == [1, 2, 4, 4]
    assert [found[f"{name}.provider.a"].numerator for name in ("strict", "wide")] == [2, 4]
    assert "unreachable_at_listing.listing.a" not in found, "nobody called, so nothing is said of who was reached"


def test_what_was_told_in_confidence_is_counted_from_ten_persons_on() -> None:
    def counted(persons: int) -> dict[tuple[str, str], Measure]:
        world = World()
        world.source("wa.doh", "Roll", "license_roll")
        world.source("wa.one", "One")
        world.source("wa.two", "Two")
        world.add("ledger.call", call_id="x", claim_id="c-l0", outcome="reached", works_here=False)
        for number in range(40):
            world.listing(f"l{number}", "wa.one" if number < 30 else "wa.two", county_fips="53019")
            if number < persons:
                world.finding(f"f{number}", "not_at_location", f"l{number}", may_share=False)
        world.finding("lapsed", "lapsed_license", "l29")
        return {(each.name, each.scope): each for each in compute(world.models().con, "commissioner")}

    for persons, told in ((9, 0), (10, 10), (12, 12)):
        found = counted(persons)
        assert {found["not_at_location.listing.a", scope].numerator for scope in ("all", "wa.one")} == {told}
        assert found["strict.listing.a", "wa.one"].numerator == 1, "of several checks together only what may be shared counts"
        assert found["not_at_location.listing.a", "wa.one/Cascade Silver"].numerator == 0
        assert found["not_at_location.provider.a", "wa.one"].numerator == 0
        assert found["wide.listing.a", "wa.one"].numerator == 1


def test_persistence_is_counted_where_captures_lie_that_far_apart() -> None:
    world = World()
    world.source("wa.one", "One")
    world.source("wa.one", "One", day=DAY - timedelta(days=95), latest=False)
    world.source("wa.new", "New")
    for id, days in (("a", 95), ("b", 40), ("c", 0)):
        world.listing(id, "wa.one")
        world.finding(f"f-{id}", "npi_invalid", id, first_seen_on=DAY - timedelta(days=days))
    world.finding("f-d", "missing_required_field", "c", first_seen_on=DAY - timedelta(days=95), state="resolved")
    world.listing("n", "wa.new")
    world.finding("f-n", "npi_invalid", "n")
    found = {(each.name, each.scope): (each.numerator, each.denominator) for each in compute(world.models().con, "commissioner")}
    assert [found.get((f"persistence.days_{days}.a", "wa.one")) for days in (30, 90, 180)] == [(2, 3), (1, 3), None]
    assert found["persistence.days_30.a", "all"] == (2, 3), "who was captured once was not watched"
    assert ("persistence.days_30.a", "wa.new") not in found


def test_what_the_insurer_answered() -> None:
    world = World()
    world.source("wa.one", "One")
    answers = ("concur", "concur", "dispute", "explain", None, None)
    for number, answer in enumerate(answers):
        world.listing(f"l{number}", "wa.one")
        world.finding(f"f{number}", "npi_invalid", f"l{number}", stage="withdrawn" if number == 3 else "notified")
        decided = {2: "upheld", 3: "withdrawn"}.get(number)
        told, at = (DAY, DAY) if answer else (DAY if number == 4 else None, None)
        world.add(
            "matching.progress", finding_id=f"f{number}", insurer_told_at=told, answered_at=at, insurer_answer=answer, decided=decided
        )
    found = by_name(world.models())
    said = {name.removeprefix("reply."): (each.numerator, each.denominator) for name, each in found.items() if name.startswith("reply.")}
    assert said == {
        "sent": (5, None),
        "answered": (4, 5),
        "concurred": (2, 4),
        "disputed": (1, 4),
        "explained": (1, 4),
        "upheld": (1, None),
        "withdrawn": (1, None),
    }


def test_insurers_are_compared_two_by_two_and_ranked_only_where_intervals_part() -> None:
    world = World()
    world.source("wa.doh", "Roll", "license_roll")
    for source, failing, size in (("wa.one", 40, 100), ("wa.two", 5, 100), ("wa.three", 36, 100), ("wa.tiny", 8, 9)):
        world.source(source, source)
        for number in range(size):
            world.listing(f"{source}{number}", source)
            if number < failing:
                world.finding(f"f{source}{number}", "lapsed_license", f"{source}{number}")
    rows = {(one, other): rest for one, other, *rest in compared(compute(world.models().con, "commissioner"), "lapsed_license.listing.a")}
    assert set(rows) == {("wa.one", "wa.three"), ("wa.one", "wa.two"), ("wa.three", "wa.two")}, (
        "of nine no rate is stated, so none compared"
    )
    assert str(rows["wa.one", "wa.three"][-1]).startswith("no difference can be told")
    assert str(rows["wa.one", "wa.two"][-1]) == "higher than the other (p < 0.001 adjusted for 3 comparisons)"
    assert rows["wa.one", "wa.two"][0] == pytest.approx(0.35)


def test_without_a_review_the_error_rate_is_not_measured(world: World) -> None:
    found = {(each.name, each.scope): each for each in compute(world.con, "commissioner")}
    assert error_rate(found) == "error rate not measured"
    assert printed(found, "review.precision") == "not measured"
    assert printed(found, "listings") == shown(found["listings", "all"])
    assert span(0.1, 0.1717) == "10.0–17.2%"
