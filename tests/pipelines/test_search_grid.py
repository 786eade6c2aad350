"""A finder's overlapping circles become one listing for each provider, and `sources check` says why these are all."""

from datetime import UTC, datetime
from pathlib import Path

from pipelines import diagnosis, health, settings
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.visit import visit
from tests.scrapers.finder import Finder, opened, providers
from tests.scrapers.test_search_grid import finder_card

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_overlapping_circles_are_one_listing_for_each_provider(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "raw")
    with opened(Finder(providers(300))) as site, Client("tests@example.org") as client:
        source = finder_card(tmp_path, site.url)
        snapshots = visit(source, sources.format_of(source), archive, client, NOW)
    with diagnosis.looked_at(archive, source, snapshots) as (con, unread):
        assert con.execute("select count(*), count(distinct reference) from parsed.listing").fetchall() == [(300, 300)]
        assert (con.execute("select count(*) from parsed.problem").fetchone(), unread) == ((0,), {})
    said = diagnosis.diagnose(archive, source, NOW, "tern.yml") | {"live": None, "examples": []}
    assert said["proof"].startswith("300 providers in ")
    assert "they cover the whole area" in " ".join(" ".join(health.check_lines(said)).split())


def test_a_plan_names_the_first_circles_and_the_fewest_requests_a_visit_can_need(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "raw")
    with opened(Finder(providers(30))) as site, Client("tests@example.org") as client:
        source = finder_card(tmp_path, site.url)
        (tmp_path / "one.yml").write_text(
            f"title: One finder\nstate: WA\nprofession: massage_therapist\ninsurers: [./{source.name}.yml]\n", encoding="utf-8"
        )
        said = health.plan(settings.read(tmp_path), str(tmp_path / "one.yml"))
        assert site.asked == []
        visit(source, sources.format_of(source), archive, client, NOW)
        asked = [path for path in site.asked if path != "/robots.txt"]
    (row,) = said["sources"]
    assert row["at_least"] == len(asked) == 5, "one circle, and the four into which it is split to show a wrong cap"
    lines = list(health.plan_lines(said))
    assert f"5 to at most {row['requests']}" in " ".join(lines)
    assert lines[-1].startswith(f"{source.name} begins with the circle of ") and len(row["first"]) == 1
