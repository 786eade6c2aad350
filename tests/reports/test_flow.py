"""The way from captured to final, step by step."""

from tests.reports.world import World


def test_each_step_counts_what_is_left() -> None:
    world = World()
    world.source("wa.doh", "Roll", "license_roll")
    snapshot = world.source("wa.one", "One")
    world.source("wa.empty", "Empty")
    for id in ("a", "b", "c", "twin"):
        world.listing(id, "wa.one")
    world.listing("old", "wa.one", is_latest=False)
    world.listing("clinic", "wa.one", is_organization=True)
    world.add("curated.problem", problem_id="p", source_id="wa.one", snapshot_id=snapshot)
    world.add("curated.problem", problem_id="q", source_id="wa.one", snapshot_id="an older one")
    world.add("matching.duplicate", listing_id="twin", group_id="g", kind="same_location", keeper_listing_id="a")
    world.credential("k", "expired", "a")
    world.finding("f1", "lapsed_license", "a", stage="final")
    world.finding("f2", "missing_required_field", "b", tier="B")
    world.finding("f3", "no_license_found", "c", tier="C")
    world.finding("f4", "duplicate_listing", "twin")
    found = world.models().rows("select step, count from reports.flow where source_id = 'wa.one' order by place")
    assert found == [
        ("captured", 6),
        ("parsed", 5),
        ("in_scope", 4),
        ("unique", 3),
        ("matched", 1),
        ("flagged", 2),
        ("reviewed", 1),
        ("final", 1),
    ]
    assert world.rows("select count(*), sum(count) from reports.flow where source_id = 'wa.empty'") == [(8, 0)]
    assert world.rows("select distinct source_id from reports.flow order by 1") == [("wa.empty",), ("wa.one",)]
