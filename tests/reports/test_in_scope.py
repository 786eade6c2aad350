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


def test_only_the_newest_capture_of_persons_of_the_profession_is_in_scope(world: World) -> None:
    world.listing("now", "wa.one")
    world.listing("before", "wa.one", is_latest=False)
    world.listing("clinic", "wa.one", is_organization=True)
    world.listing("dentist", "wa.one", in_scope=False)
    assert world.models().rows("select listing_id, provider_id, is_unique, roll_match from reports.in_scope") == [
        ("now", "now", True, "none")
    ]


def test_the_best_license_counts(world: World) -> None:
    world.listing("closed and active", "wa.one")
    world.credential("k1", "closed", "closed and active")
    world.credential("k2", "active", "closed and active")
    world.listing("expired and cleared", "wa.one")
    world.credential("k3", "expired", "expired and cleared", expires_on=DAY - timedelta(days=50))
    found = world.models().rows("select listing_id, credential_id, license, days_since from reports.in_scope order by 1")
    assert found == [
        ("closed and active", "k2", "in_force", None),
        ("expired and cleared", "k3", "unclear", None),  # matching named no such license: another may be the person's
    ]


@pytest.mark.parametrize(
    ("status", "expired", "said", "license", "days"),
    [
        ("expired", 0, None, "in_force", None),  # valid through its expiry date
        ("expired", -3, None, "in_force", None),  # the roll was read later than the listing
        ("expired", 1, None, "not_in_force", 1),  # young: shown, no finding
        ("expired", 31, None, "unclear", None),
        ("expired", 263, 263, "not_in_force", 263),
        ("suspended", -100, None, "unclear", None),
        ("suspended", -100, -100, "not_in_force", None),  # barred before it would have run out: since unknown
        ("retired", 400, 400, "not_in_force", 400),
        ("active", 5, None, "in_force", None),  # the roll's word stands
    ],
)
def test_since_when(world: World, status: str, expired: int, said: int | None, license: str, days: int | None) -> None:
    world.listing("a", "wa.one")
    world.credential("k", status, "a", expires_on=DAY - timedelta(days=expired))
    if said is not None:
        world.ended("a", "k", said)
    assert world.models().rows("select license, days_since from reports.in_scope") == [(license, days)]


def test_unsure_is_not_a_match(world: World) -> None:
    world.listing("a", "wa.one")
    world.credential("k", "expired", "a", judgement="unsure")
    assert world.models().rows("select roll_match, credential_id, license from reports.in_scope") == [("unsure", None, None)]


def test_one_of_each_group_is_unique(world: World) -> None:
    for id in ("kept", "again"):
        world.listing(id, "wa.one")
        world.add("matching.duplicate", listing_id=id, group_id="g", kind="same_location", keeper_listing_id="kept")
    assert world.models().rows("select listing_id, is_unique from reports.in_scope order by 1") == [("again", False), ("kept", True)]


def test_whoever_is_listed_at_several_locations_of_one_network_is_no_duplicate(world: World) -> None:
    for id, network, person in (
        ("again", "Open", "Ada"),
        ("here", "Open", "Ada"),
        ("there", "Open", "Ada"),
        ("elsewhere", "Select", "Ada"),
        ("twice", "Open", "Bo"),
        ("two", "Open", "Bo"),
    ):
        world.listing(id, "wa.one", network=network)
        world.add("matching.provider_member", provider_id=person, member_kind="listing", member_id=id)
    for id, keeper in (("again", "here"), ("here", "here"), ("twice", "two"), ("two", "two")):
        world.add("matching.duplicate", listing_id=id, group_id=keeper, kind="same_location", keeper_listing_id=keeper)
    assert world.models().rows("select listing_id from reports.in_scope where is_unique and is_multi_location order by 1") == [
        ("here",),
        ("there",),
    ]


def standings(world: World, insurer: str = "wa.one") -> list[tuple[str, str]]:
    world.models()
    return world.rows(f"select distinct standing, public_standing from reports.in_scope where source_id = '{insurer}' order by all")


@pytest.mark.parametrize(("persons", "standing"), [(9, "undetermined"), (10, "confirmed")])
def test_answers_in_confidence_are_counted_from_ten_persons_on_and_never_by_place(world: World, persons: int, standing: str) -> None:
    for number in range(persons):
        world.listing(f"l{number}", "wa.one")
        world.add("matching.standing", claim_id=f"c-l{number}", standing="confirmed", evidence_class="call", observed_on=DAY)
    assert standings(world) == [(standing, "undetermined")]


def test_who_agreed_to_be_named_is_counted_alone(world: World) -> None:
    for id, consent, day in (("a", True, DAY), ("b", False, DAY), ("c", True, DAY - timedelta(days=1))):
        world.listing(id, "wa.one")
        world.add("matching.standing", claim_id=f"c-{id}", standing="contradicted", evidence_class="attestation", observed_on=DAY)
        says = {"participates": False, "may_share": consent, "from_on": DAY - timedelta(days=90), "to_on": day}
        world.add("matching.answer", claim_id=f"c-{id}", evidence_class="attestation", **says)
    world.models()
    found = world.rows("select listing_id, standing, public_standing from reports.in_scope order by 1")
    assert found == [("a", "contradicted", "contradicted"), ("b", "undetermined", "undetermined"), ("c", "undetermined", "undetermined")]


def test_without_the_answer_the_roll_still_contradicts(world: World) -> None:
    world.listing("a", "wa.one")
    world.finding("f", "lapsed_license", "a")
    world.add("matching.standing", claim_id="c-a", standing="contradicted", evidence_class="call", observed_on=DAY)
    assert standings(world) == [("contradicted", "contradicted")]


def test_where_an_answer_in_confidence_spares_somebody_it_does_so_everywhere(world: World) -> None:
    world.listing("a", "wa.one")
    world.finding("f", "lapsed_license", "a")
    world.add("matching.standing", claim_id="c-a", standing="undetermined", observed_on=DAY)
    assert standings(world) == [("undetermined", "undetermined")]
