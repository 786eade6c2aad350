"""Which listings fail which check today."""

import pytest

from tests.reports.world import World


@pytest.fixture
def world() -> World:
    made = World()
    made.source("wa.one", "One")
    return made


def test_a_finding_flags_every_listing_of_its_claim_by_its_best_tier(world: World) -> None:
    world.listing("a1", "wa.one", claim_id="a")
    world.listing("a2", "wa.one", claim_id="a")
    world.finding("f1", "npi_invalid", "a1", tier="B", stage="reviewed")
    world.finding("f2", "npi_invalid", "a2", tier="A")
    assert world.models().rows("select listing_id, tier, is_reviewed, is_final from reports.flagged order by 1") == [
        ("a1", "A", True, False),
        ("a2", "A", True, False),
    ]


def test_of_a_duplicate_the_kept_listing_is_innocent(world: World) -> None:
    world.listing("kept", "wa.one", claim_id="same claim")
    world.listing("again", "wa.one", claim_id="same claim")
    world.add("matching.duplicate", listing_id="again", group_id="g", kind="same_location", keeper_listing_id="kept")
    world.finding("f", "duplicate_listing", "again")
    assert world.models().rows("select listing_id from reports.flagged") == [("again",)]


def test_resolved_and_withdrawn_findings_flag_nothing(world: World) -> None:
    world.listing("a", "wa.one")
    world.finding("f1", "npi_invalid", "a", state="resolved")
    world.finding("f2", "missing_required_field", "a", stage="withdrawn")
    world.listing("clinic", "wa.one", is_organization=True)
    world.finding("f3", "npi_invalid", "clinic")
    assert world.models().rows("select * from reports.flagged") == []


@pytest.mark.parametrize(("persons", "told"), [(9, 0), (10, 10)])
def test_what_rests_on_a_call_is_told_of_ten_persons_who_fail_the_very_same_checks(world: World, persons: int, told: int) -> None:
    for number in range(persons + 3):
        world.listing(f"l{number}", "wa.one")
        world.finding(f"f{number}", "not_at_location", f"l{number}", may_share=False)
        if number >= persons:
            world.finding(f"g{number}", "npi_invalid", f"l{number}")
    world.models()
    assert world.rows("select count(*) from reports.flagged where is_told and check_name = 'not_at_location'") == [(told,)]
    assert world.rows("select count(*), count(*) filter (where may_share) from reports.flagged where check_name = 'npi_invalid'") == [
        (3, 3)
    ]


def test_the_tier_is_that_of_what_may_be_shared(world: World) -> None:
    world.listing("a", "wa.one")
    world.finding("f1", "not_participating", "a", tier="A", may_share=False)
    world.finding("f2", "not_participating", "a", tier="B")
    assert world.models().rows("select tier, may_share, is_told from reports.flagged") == [("B", True, True)]
