"""One source's health on one page: what the verdict is, since when, what changed, why, and what to do next."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import diagnosis, guards, health, ledger, stages, warehouse
from pipelines.lines import LINES, WIDTH
from pipelines.settings import Settings
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.records import Refused, Source, SourceUnreadable
from tests.scrapers.reads import card
from tests.scrapers.site import Reply, Site, served
from tests.story.command import rollcall

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
CARD = """
title: Evergreen provider directory
kind: insurer
format: cards
start: {start}
cards: {{block: article, labels: dl, next: "a[rel=next]", fields: {{name: h3}}}}
columns: {{npi: NPI, phone: Phone, address: Address}}
visit: {{every: day, pause_seconds: 0}}
"""


def listing(number: int, npi: bool = True, more: str = "") -> str:
    said = {"NPI": f"29{number:08d}" if npi else "", "Phone": f"206 555 01{number % 100:02d}", "Address": f"{number} Example Street"}
    labels = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in said.items())
    return f"<article><h3>Practice {number}</h3><dl>{labels}{more}</dl></article>"


def directory(*listings: str) -> Reply:
    return Reply(body=f"<!doctype html><title>Providers</title>{''.join(listings)}".encode())


class Watched:
    """A source whose site answers as told, visited on the days told."""

    def __init__(self, folder: Path, site: Site, more: str = "") -> None:
        self.folder, self.site, self.path = folder, site, folder / "my_source.yml"
        self.source: Source = card(folder, CARD.format(start=site.url + "/find") + more)

    def settings(self, day: int) -> Settings:
        return Settings(data=self.folder / "data", now=NOW + timedelta(days=day))

    def visited(self, day: int, *replies: Reply) -> str | None:
        """What a visit on that day came to: the failure's class, or None."""
        self.site.says["/find"] = list(replies)
        try:
            stages.collect_source(self.settings(day), self.source, lambda *_: None)
        except SourceUnreadable as reason:
            return reason.failure
        return None

    def checked(self, day: int, live: bool = False) -> tuple[dict[str, Any], str]:
        said = health.check(self.settings(day), str(self.path), live)
        lines = list(health.check_lines(said))
        assert len(lines) <= LINES and max(map(len, lines)) <= WIDTH
        json.dumps(said, default=str)
        return said, "\n".join(lines)


@pytest.fixture
def site() -> Any:
    with served({}) as up:
        yield up


def test_never_visited_then_well_then_stale(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site)
    said, page = evergreen.checked(0)
    assert (said["verdict"], said["since"], said["failure"]) == ("never visited", None, None)
    assert f"rollcall sources check {evergreen.path} --live" in " ".join(page.split())

    assert evergreen.visited(0, directory(*map(listing, range(1, 11)))) is None
    said, page = evergreen.checked(1)
    assert (said["verdict"], str(said["since"]), said["next"]) == ("well", "2026-11-02", "nothing")
    assert "1 responses, 10 records, 0 problems" in page
    assert "npi 100%" in page and "nothing to compare with yet" in page

    said, page = evergreen.checked(4)
    assert (said["verdict"], str(said["since"]), said["next"]) == ("stale", "2026-11-04", "collect it again")


def test_what_changed_is_counted_against_the_last_good_snapshot(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site)
    evergreen.visited(0, directory(*map(listing, range(1, 11))))
    evergreen.visited(1, directory(*map(listing, range(3, 13))))
    evergreen.visited(
        2, directory(*(listing(number, npi=number > 8, more="<dt>Fax</dt><dd>1</dd>" * (number > 10)) for number in range(3, 13)))
    )
    said, page = evergreen.checked(2)
    assert said["verdict"] == "well", said["failed"]
    changes = said["changes"]
    assert changes["against"].startswith("my_source@2026-11-03-")
    assert (changes["appeared"], changes["vanished"]) == (0, 2), "those with a label that is not on the card"
    assert "npi 25% (was 100%)" in page
    assert "2 × not on the card: Fax" in page and "e.g. block 10 of http://127.0.0.1" in page


@pytest.mark.parametrize(
    ("replies", "failure", "verdict", "words"),
    [
        ([Reply(status=404)], "gone", "failing", "find the directory's new address"),
        ([Reply(status=403, body=b"<title>Just a moment...</title>")], "blocked", "blocked", "we do not work around it"),
        ([Reply(body=b"")], "empty", "failing", "an empty answer is not an empty directory"),
        ([Reply(body=b"<title>Sign in</title><form><input type=password></form>")], "login_wall", "blocked", "a directory must be public"),
    ],
)
def test_a_failed_visit_names_its_class_and_what_to_do(
    replies: list[Reply], failure: str, verdict: str, words: str, tmp_path: Path, site: Site
) -> None:
    evergreen = Watched(tmp_path, site)
    evergreen.visited(0, directory(*map(listing, range(1, 11))))
    assert [evergreen.visited(day, *replies) for day in (1, 2)] == [failure, failure]
    said, page = evergreen.checked(3)
    assert (said["verdict"], said["failure"], str(said["since"])) == (verdict, failure, "2026-11-03")
    assert words in " ".join(page.split())
    assert "10 records" in page, "the last good snapshot is still counted"
    (row,) = health.status(evergreen.settings(3))["sources"]
    assert row["failure"] == failure
    assert failure in "\n".join(health.status_lines(health.status(evergreen.settings(3))))

    assert evergreen.visited(4, directory(*map(listing, range(1, 11)))) is None
    assert evergreen.checked(4)[0]["verdict"] == "well"


def test_a_refused_source_says_which_good_snapshot_could_be_replayed(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site)
    evergreen.visited(0, directory(listing(1)))
    site.says["/find"] = Reply(status=404)
    with pytest.raises(SourceUnreadable, match="its last good snapshot is of 2026-11-02; `--offline` goes on with it") as refused:
        stages.collect_source(evergreen.settings(9), evergreen.source, lambda *_: None)
    assert refused.value.failure == "gone"


def test_a_broken_capture_is_failing_though_it_ended_whole(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site, "expect: {fill: {npi: {at_least: 0.9}}, includes: [{npi: '2900000003'}]}\n")
    ten = list(map(listing, range(1, 11)))
    evergreen.visited(0, directory(*ten))
    assert evergreen.checked(0)[0]["verdict"] == "well"

    evergreen.visited(1, directory(*ten[:5]))
    said, page = evergreen.checked(1)
    assert (said["verdict"], said["failure"]) == ("failing", "shrank")
    assert "shrank by 50%" in page

    evergreen.visited(2, directory(*(listing(number, npi=number < 4) for number in range(1, 11))))
    said, page = evergreen.checked(2)
    assert (said["failure"], len(said["failed"])) == ("changed_shape", 1)
    assert "npi is filled in 30% of 10 records" in " ".join(page.split()) and "rollcall sources record" in page
    assert said["changes"]["against"].startswith("my_source@2026-11-02"), "the broken capture between is not compared with"

    evergreen.visited(3, directory(*ten[:2], *ten[3:]))
    said, page = evergreen.checked(3)
    assert (said["verdict"], said["failure"]) == ("failing", "partial")
    assert "number 1 under `expect: includes:` (known by its npi) is not among the 9 records" in " ".join(page.split())


def test_a_page_that_is_no_longer_what_the_card_says(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site)
    evergreen.visited(0, directory(*map(listing, range(1, 11))))
    evergreen.visited(1, Reply(body=b"<!doctype html><title>Find care</title><div>A new page altogether</div>"))
    said, page = evergreen.checked(1)
    assert (said["verdict"], said["failure"]) == ("failing", "shrank")
    assert "1 × no provider cards on this page" in page


def test_many_kinds_of_problem_still_fit_one_page(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site)
    odd = [listing(n, more=f"<dt>{'Label ' * 30}{chr(64 + n)}</dt><dd>1</dd>") for n in range(1, 21)]
    evergreen.visited(0, directory(*odd, *map(listing, range(21, 60))))
    said, page = evergreen.checked(0)
    assert len(said["problems"]) == 8
    assert page.splitlines()[-1].startswith("  and ") or len(page.splitlines()) <= LINES


def test_live_asks_for_one_page_and_keeps_nothing(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site)
    site.says["/find"] = directory(*map(listing, range(1, 4)))
    said, page = evergreen.checked(0, live=True)
    assert (said["verdict"], said["live"]["records"], site.pages_asked()) == ("well", 3, ["/find"])
    assert "3 records; filled: name 100%" in page
    assert Archive(tmp_path / "data" / "raw").visits("my_source") == []
    site.says["/find"] = Reply(status=404)
    done = rollcall("sources", "check", evergreen.path, "--live", "--data", tmp_path / "data")
    assert done.status == 3 and "my_source: failing" in done.out


def test_files_have_no_age_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "roll.csv").write_text("License,Name\nXX1,Fern\n")
    text = "title: Roll\nkind: license_roll\nformat: table\nstart: roll.csv\nas_of: 2020-01-05\ncolumns: {number: License, last: Name}\n"
    roll = card(tmp_path, text)
    stages.collect_source(Settings(data=tmp_path / "data", now=NOW), roll, lambda *_: None)
    assert guards.stale_after(roll) is None
    assert health.check(Settings(data=tmp_path / "data", now=NOW), str(tmp_path / "my_source.yml"), False)["verdict"] == "well"
    monthly = card(tmp_path, text + "visit: {every: month}\n")
    assert guards.stale_after(monthly) == timedelta(days=45)
    assert health.check(Settings(data=tmp_path / "data", now=NOW), str(tmp_path / "my_source.yml"), False)["verdict"] == "stale"


def test_what_a_fill_bound_and_a_control_stop(tmp_path: Path) -> None:
    text = "title: A\nkind: insurer\nformat: table\nstart: a.csv\ncolumns: {name: Name, npi: NPI, phone: Phone}\n"
    bounds = "expect: {fill: {npi: {at_least: 0.5}, phone: {at_most: 0.5}}, includes: [{name: OUR  practice, phone: '5'}, {npi: '9'}]}\n"
    source = card(tmp_path, text + bounds)
    with warehouse.opened(tmp_path / "a.duckdb") as con:
        warehouse.lay_out(con)
        origin = {"source_id": source.name, "snapshot_id": "s", "observed_on": NOW.date()}
        said = [{"name": "Our Practice", "phone": "5"}, {"name": "Fern", "phone": "6", "npi": "1"}, {"name": "Ash", "phone": "7"}]
        warehouse.insert(con, "snapshot", [origin])
        warehouse.insert(con, "listing", [origin | row for row in said])
        found = guards.of_source(con, source, guards.counts(con))
    unmet = {each.says: each.stops for each in found if not diagnosis.is_met(each)}
    assert unmet == {
        "share of records with npi, at least 50%": True,
        "share of records with phone, at most 50%": False,
        "records that are number 2 of `expect: includes:`, by npi": True,
    }
    assert not any("Our Practice" in each.advice for each in found), "a name stays on its card"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("expect: {fill: {npo: {at_least: 0.5}}}", "'npo' is not a key here; did you mean 'npi'?"),
        ("expect: {fill: {npi: {at_least: 90}}}", "`at_least` is 90; expected a number from 0 to 1"),
        ("expect: {fill: {npi: {at_least: 0.9, at_most: 0.5}}}", "`at_most` is 0.5; expected a number from 0.9 to 1"),
        ("expect: {includes: [{reference: 17}]}", "`reference` is 17; expected text (put it in quotes"),
        ("expect: {includes: [{}]}", "`includes` is [{}]; expected a list of listings known to exist"),
        ("expect: {includes: {npi: '1'}}", "expected a list of listings known to exist"),
        ("visit: {every: fortnight}", "`every`: 'fortnight' is not known"),
    ],
)
def test_bounds_are_checked_on_the_card(wrong: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        card(tmp_path, "title: A\nkind: insurer\nformat: table\nstart: a.csv\ncolumns: {name: Name}\n" + wrong)
    assert sentence in str(refused.value)


def test_every_class_of_failure_says_what_to_do() -> None:
    told = (SourceUnreadable.__doc__ or "").split("class:")[1].split(".")[0]
    classes = {each.strip() for each in told.replace(" or ", ", ").split(",")}
    assert {" ".join(each.split()) for each in classes} == set(diagnosis.NEXT)


def test_the_catalogue_tells_configured_verified_and_blocked_apart(tmp_path: Path) -> None:
    listed = {row["name"]: row for row in health.sources_list(Settings(data=tmp_path))}
    assert {row["standing"] for row in listed.values()} <= {"configured", "verified", "blocked"}
    assert listed["wa.doh"]["standing"] == ("verified" if sources.load("wa.doh", tmp_path).options.get("verified_on") else "configured")
    heading = next(iter(health.sources_lines(list(listed.values()))))
    assert heading.split() == ["name", "kind", "state", "format", "standing", "verified", "snapshots", "title"]


def test_a_snapshot_is_stale_by_the_clock_of_its_run(tmp_path: Path) -> None:
    sql = Path(guards.__file__).with_name("sql") / "snapshot.sql"
    with warehouse.opened(tmp_path / "a.duckdb") as con:
        warehouse.lay_out(con)
        late = {"weekly": 10, "monthly": 45, "once": None}
        warehouse.insert(con, "source", [{"source_id": name, "stale_after_days": days} for name, days in late.items()])
        taken = [{"snapshot_id": name, "source_id": name, "observed_on": (NOW - timedelta(days=11)).date()} for name in late]
        warehouse.insert(con, "snapshot", taken)
        warehouse.insert(con, "run", [{"run_id": "r", "started_at": warehouse.utc(NOW)}])
        rows = warehouse.table(con, sql.read_text(encoding="utf-8"))
    assert {row["source_id"]: row["is_stale"] for row in rows} == {"weekly": True, "monthly": False, "once": None}


def test_a_card_may_say_why_its_source_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "my_source.yml"
    card(
        tmp_path, CARD.format(start="https://directory.example/find") + "blocked: A captcha stands before every page, seen on 2026-11-01.\n"
    )
    done = rollcall("sources", "check", path, "--data", tmp_path / "data")
    assert done.status == 0, "nobody has been asked, so nothing has failed"
    assert done.out.startswith("my_source: blocked\n") and "A captcha stands before every page" in done.out


def test_a_look_shares_its_turns_with_every_visit(tmp_path: Path, site: Site) -> None:
    evergreen = Watched(tmp_path, site)
    site.says["/find"] = directory(listing(1))
    evergreen.checked(0, live=True)
    assert list((tmp_path / "data" / "raw" / ".hosts").glob("127.0.0.1_*"))


def test_status_holds_the_ledger_against_itself(tmp_path: Path) -> None:
    home = Settings(data=tmp_path / "data", now=NOW)
    assert health.status(home)["ledger"] == {"entries": 0, "wrong": None}
    with ledger.writing(home, NOW) as writer:
        writer.enter("interest", {"audit": "story", "interest": "none"}, writer.pseudonym("Ada Example"))
    assert health.status(home)["ledger"] == {"entries": 1, "wrong": None}
    with sqlite3.connect(home.data / "ledger.sqlite") as behind:
        behind.execute("drop trigger entry_update_refused")
        behind.execute("update entry set at = '2026-01-01T00:00:00+00:00'")
    behind.close()
    assert "entry 1 (interest" in health.status(home)["ledger"]["wrong"]
    said = rollcall("status", "--data", home.data)
    assert said.status == 1 and "the ledger was changed" in said.err
