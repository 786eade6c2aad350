"""Which listings an audit speaks about, and what it knows of each."""

from datetime import timedelta

import pytest

from tests.reports.world import DAY, World


@pytest.fixture
def world() -> World:
    made = World()
    made.source("wa.doh", "Roll", "license_roll")
    made.source("wa.one", "One")
    return made


def test_only_the_newest_capture_of_persons_is_in_scope(world: World) -> None:
    world.listing("now", "wa.one")
    world.listing("before", "wa.one", is_latest=False)
    world.listing("clinic", "wa.one", is_organization=True)
    assert world.models().rows("select listing_id, provider_id, is_unique, roll_match from reports.in_scope") == [
        ("now", "now", True, "none")
    ]


def test_the_best_license_counts(world: World) -> None:
    world.listing("closed and active", "wa.one")
    world.credential("k1", "closed", "closed and active")
    world.credential("k2", "active", "closed and active")
    world.listing("expired and unknown", "wa.one")
    world.credential("k3", "expired", "expired and unknown", expires_on=DAY - timedelta(days=50))
    world.credential("k4", "unknown", "expired and unknown")
    world.listing("through the person", "wa.one")
    world.credential("k5", "expired", "through the person", expires_on=DAY - timedelta(days=50))
    world.credential("k6", "active")
    world.add("matching.provider_member", provider_id="p", member_kind="listing", member_id="through the person")
    world.add("matching.provider_member", provider_id="p", member_kind="credential", member_id="k6")
    found = world.models().rows("select listing_id, credential_id, license, days_since from reports.in_scope order by 1")
    assert found == [
        ("closed and active", "k2", "in_force", None),
        ("expired and unknown", "k4", "unclear", None),
        ("through the person", "k6", "in_force", None),
    ]


@pytest.mark.parametrize(
    ("status", "expires_in", "since", "license", "days"),
    [
        ("expired", 0, None, "in_force", None),  # valid through its expiry date
        ("expired", 3, None, "in_force", None),  # the roll was read later than the listing
        ("expired", -1, None, "not_in_force", 1),
        ("suspended", 100, -40, "not_in_force", 40),
        ("retired", 100, None, "not_in_force", None),  # since unknown
        ("retired", -400, None, "not_in_force", 400),  # since the expiry at the latest
        ("active", -5, None, "in_force", None),  # the roll's word stands
    ],
)
def test_since_when(world: World, status: str, expires_in: int, since: int | None, license: str, days: int | None) -> None:
    world.listing("a", "wa.one")
    begun = None if since is None else DAY + timedelta(days=since)
    world.credential("k", status, "a", expires_on=DAY + timedelta(days=expires_in), status_since_on=begun)
    assert world.models().rows("select license, days_since from reports.in_scope") == [(license, days)]


def test_unsure_is_not_a_match(world: World) -> None:
    world.listing("a", "wa.one")
    world.credential("k", "expired", "a", judgement="unsure")
    assert world.models().rows("select roll_match, credential_id, license from reports.in_scope") == [("unsure", None, None)]


def test_one_of_each_group_is_unique_and_several_locations_are_no_duplicate(world: World) -> None:
    for id in ("kept", "again", "here", "there"):
        world.listing(id, "wa.one")
    for id, kind, keeper in (
        ("kept", "same_location", "kept"),
        ("again", "same_location", "kept"),
        ("here", "multi_location", "here"),
        ("there", "multi_location", "here"),
    ):
        world.add("matching.duplicate", listing_id=id, group_id=f"g-{keeper}", kind=kind, keeper_listing_id=keeper)
    assert world.models().rows("select listing_id, is_unique, is_multi_location from reports.in_scope order by 1") == [
        ("again", False, False),
        ("here", True, True),
        ("kept", True, False),
        ("there", True, True),
    ]
