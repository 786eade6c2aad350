"""How far findings have come (reports.progress)."""

from datetime import timedelta

from tests.reports.world import DAY, World


def test_what_may_not_be_shared_is_not_followed_and_the_rest_is_whatever_became_of_it() -> None:
    world = World()
    world.source("wa.one", "One")
    world.source("wa.one", "One", day=DAY - timedelta(days=40), latest=False)
    for id in ("a", "b", "c"):
        world.listing(id, "wa.one")
    world.finding("f-a", "npi_invalid", "a", first_seen_on=DAY - timedelta(days=40))
    world.finding("f-b", "lapsed_license", "b", stage="withdrawn")
    world.finding("f-c", "not_at_location", "c", may_share=False)
    world.add("matching.progress", finding_id="f-a", insurer_told_at=DAY, answered_at=DAY, insurer_answer="dispute", decided="upheld")
    world.add("matching.progress", finding_id="f-b", answered_at=DAY, insurer_answer="concur", decided="withdrawn")
    columns = "finding_id, source_id, is_current, days_apart, days_watched, is_sent, is_answered, answer, is_withdrawn, is_upheld"
    assert world.models().rows(f"select {columns} from reports.progress order by 1") == [
        ("f-a", "wa.one", True, 40, 40, True, True, "dispute", False, True),
        ("f-b", "wa.one", False, 0, 40, False, False, None, True, False),
    ]
