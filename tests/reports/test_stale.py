"""A document made of evidence older than its source is meant to be visited says so, beside the day."""

from datetime import timedelta

from reports.editions import build
from reports.measures import compute
from reports.records import Report
from tests.reports import example
from tests.reports.world import DAY, World, context


def edition(world: World) -> Report:
    return build("commissioner", world.con, compute(world.con, "commissioner"), context())


def captured(report: Report) -> dict[str, str]:
    (rows,) = [each.rows for each in report.sections if each.key == "sources"]
    return {f"{row[0].split()[-1]} {row[2][:10]}": row[2] for row in rows}


def test_the_newest_capture_of_a_stale_source_is_marked() -> None:
    world = example.run()
    assert "stale" not in "".join(captured(edition(world)).values()) + edition(world).facts["Directories captured"]

    world.con.execute("update curated.snapshot set is_stale = source_id = 'wa.cascadia'")
    report = edition(world)
    marked = {where for where, said in captured(report).items() if "stale" in said}
    assert marked == {f"wa.cascadia {DAY}"}, "an older capture is history, not stale"
    assert captured(report)[f"wa.cascadia {DAY}"].endswith(f"stale: of {DAY}")
    assert report.facts["Directories captured"] == f"{DAY} (stale)"
    assert f"captured {DAY + timedelta(days=1)}" in report.facts["License roll"] and "stale" not in report.facts["License roll"]
