"""A visit as a whole: from a card to snapshots, and what happens when it does not get there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scrapers import fetch
from scrapers.evidence import Archive, locator
from scrapers.fetch import Client, Unavailable
from scrapers.reading import Unreadable
from scrapers.records import Evidence, Refused, Request, Snapshot, Source, SourceUnreadable
from scrapers.visit import plan, visit
from tests.scrapers.site import Reply, json_, next_link, page, reader, served, source

NOW = datetime(2026, 11, 22, 18, 15, 2, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
PAGED = reader(follow=next_link)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    fetch.HOSTS.clear()
    yield Archive(tmp_path / "raw")


def collect(archive: Archive, card: Source, reads: Any = PAGED, now: datetime = NOW) -> list[Snapshot]:
    with Client("audit@example.org", sleep=lambda _: None) as client:
        return visit(card, reads, archive, client, now)


def said(archive: Archive, snapshot: Snapshot) -> dict[str, bytes]:
    return {locator(each.url): archive.read(each) for each in archive.evidence(snapshot)}


def written(root: Path) -> dict[str, int]:
    """Every file below, with when it was last written."""
    return {str(path): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def three_pages() -> dict[str, Reply | list[Reply]]:
    return {"/find?page=1": page("one", "?page=2"), "/find?page=2": page("two", "?page=3"), "/find?page=3": page("three")}


# Pages -----------------------------------------------------------------------------------------------------------


def test_pages_are_followed_to_the_last(archive: Archive) -> None:
    steps: list[tuple[int, int | None, str]] = []
    with served(three_pages()) as site, Client("audit@example.org") as client:
        card = source(f"{site.url}/find?page=1")
        (snapshot,) = visit(card, PAGED, archive, client, NOW, lambda *step: steps.append(step))
    assert site.asked == ["/robots.txt", "/find?page=1", "/find?page=2", "/find?page=3"]
    assert list(said(archive, snapshot)) == ["/find?page=1", "/find?page=2", "/find?page=3"]
    assert (snapshot.day, snapshot.response_count) == (date(2026, 11, 22), 3)
    assert steps[0] == (0, None, f"{site.url}/find?page=1")
    assert steps[-1] == (3, 3, "done")


def test_breadth_first_and_each_leaf_once(archive: Archive) -> None:
    """Two indexes that name the same file name it once."""

    def follow(index: Evidence, card: Source) -> list[Request]:
        base = index.url.rsplit("/", 1)[0]
        return [Request(url=f"{base}/{name}", expects="json", is_leaf=True) for name in index.body.decode().strip('"').split()]

    says: dict[str, Reply | list[Reply]] = {
        "/a": json_('"x y"'),
        "/b": json_('"y z"'),
        "/x": json_("[1]"),
        "/y": json_("[2]"),
        "/z": json_("[3]"),
    }
    with served(says) as site:
        collect(archive, source(f"{site.url}/a", f"{site.url}/b", f"{site.url}/a"), reader("json", follow=follow))
    assert site.pages_asked() == ["/a", "/b", "/x", "/y", "/z"]


def test_a_loop_of_next_links(archive: Archive) -> None:
    says = three_pages() | {"/find?page=3": page("three", "?page=2")}
    with (
        served(says) as site,
        pytest.raises(SourceUnreadable, match=r"^wa.evergreen: .*page=3 leads back to .*page=2, a loop of next links after 3 pages"),
    ):
        collect(archive, source(f"{site.url}/find?page=1"))
    assert len(site.pages_asked()) == 3
    assert archive.snapshots("wa.evergreen") == []


def test_the_budget_counts_pages_and_neither_robots_nor_retries(archive: Archive) -> None:
    says = three_pages() | {"/find?page=2": [Reply(status=500), page("two", "?page=3")]}
    with served(says) as site:
        card = source(f"{site.url}/find?page=1", visit={"pause_seconds": 0, "at_most_pages": 2})
        for _ in range(2):
            with pytest.raises(Unavailable, match="not whole after the 2 requests the card allows"):
                collect(archive, card)
        assert site.pages_asked() == ["/find?page=1", "/find?page=2", "/find?page=2"], "asked once, not again by the second run"
        assert archive.snapshots("wa.evergreen") == []
        larger = source(f"{site.url}/find?page=1", visit={"pause_seconds": 0, "at_most_pages": 3}, card_sha256="c2")
        assert collect(archive, larger)[0].response_count == 3


def test_what_passes_is_resumed_and_what_does_not_starts_anew(archive: Archive) -> None:
    with served(three_pages() | {"/find?page=3": Reply(status=503)}) as site:
        card = source(f"{site.url}/find?page=1")
        with pytest.raises(Unavailable):
            collect(archive, card)
        site.says["/find?page=3"] = page("Please confirm you are human")
        with pytest.raises(SourceUnreadable, match="block page"):
            collect(archive, card, now=NOW + timedelta(hours=1))
        assert site.pages_asked().count("/find?page=1") == 1
        assert archive.latest_incomplete("wa.evergreen")
        site.says["/find?page=3"] = page("three")
        (snapshot,) = collect(archive, card, now=NOW + timedelta(hours=2))
        assert site.pages_asked().count("/find?page=1") == 2
    assert snapshot.started_at == NOW + timedelta(hours=2)
    assert archive.latest_incomplete("wa.evergreen") is None


def test_a_visit_two_days_old_starts_again(archive: Archive) -> None:
    with served(three_pages() | {"/find?page=3": [Reply(status=503)] * 5 + [page("three")]}) as site:
        card = source(f"{site.url}/find?page=1")
        with pytest.raises(Unavailable):
            collect(archive, card)
        (snapshot,) = collect(archive, card, now=NOW + timedelta(hours=49))
    assert site.pages_asked().count("/find?page=1") == 2
    assert snapshot.day == date(2026, 11, 24)


KILLED = """
import sys
from datetime import datetime
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.visit import visit
from tests.scrapers.site import next_link, reader, source
with Client("audit@example.org") as client:
    visit(source(sys.argv[2]), reader(follow=next_link), Archive(Path(sys.argv[3])), client, datetime.fromisoformat(sys.argv[4]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_killed_in_mid_visit_it_asks_again_for_nothing_it_kept(archive: Archive, tmp_path: Path) -> None:
    numbers = range(1, 9)
    says: dict[str, Reply | list[Reply]] = {f"/find?page={n}": page(f"listing {n}", f"?page={n + 1}" if n < 8 else None) for n in numbers}
    slow = Reply(body=page("listing 5", "?page=6").body, drip=0.2)  # killed in the middle of it
    with served(says | {"/find?page=5": [slow, page("listing 5", "?page=6")]}) as site:
        card = source(f"{site.url}/find?page=1")
        command = [sys.executable, "-c", KILLED, str(ROOT), card.start[0], str(archive.root), NOW.isoformat()]
        with subprocess.Popen(command) as killed:
            until = time.monotonic() + 30
            while "/find?page=5" not in site.asked and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.3)
            os.kill(killed.pid, signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
        assert archive.snapshots("wa.evergreen") == []
        assert archive.latest_incomplete("wa.evergreen") == (NOW, "interrupted before it was whole", None)
        (resumed,) = collect(archive, card, now=NOW + timedelta(hours=1))
        assert site.asked.count("/robots.txt") == 1
        assert sorted(site.pages_asked()) == sorted([f"/find?page={n}" for n in numbers] + ["/find?page=5"])
        undisturbed = collect(Archive(tmp_path / "undisturbed"), card)[0]
    assert resumed.id == undisturbed.id
    assert not list(archive.root.rglob("*.part"))


def test_the_format_judges_whether_the_visit_is_whole(archive: Archive) -> None:
    def complete(pages: Iterable[Evidence], card: Source) -> str | None:
        read = sum(page.body.count(b"<p>") for page in pages)
        return f"the site counts 4 listings and shows {read}; look at the last page" if read < 4 else None

    with served(three_pages()) as site, pytest.raises(SourceUnreadable, match=r"^wa.evergreen: the site counts 4 listings and shows 3"):
        collect(archive, source(f"{site.url}/find?page=1"), SimpleNamespace(requests=PAGED.requests, follow=next_link, complete=complete))
    assert archive.snapshots("wa.evergreen") == []


def test_a_page_whose_next_link_cannot_be_read(archive: Archive) -> None:
    def follow(page: Evidence, card: Source) -> list[Request]:
        raise Unreadable("expected one 'a[rel=next]', found 2")

    with served(three_pages()) as site, pytest.raises(SourceUnreadable, match=r"cannot go on: expected one"):
        collect(archive, source(f"{site.url}/find?page=1"), reader(follow=follow))


def test_pages_two_addresses_redirect_to_count_once(archive: Archive) -> None:
    to = Reply(status=302, headers={"Location": "/p"})
    with served({"/a": to, "/b": to, "/p": page("one", "/q"), "/q": page("two")}) as site:
        (snapshot,) = collect(archive, source(f"{site.url}/a", f"{site.url}/b"))
    assert site.pages_asked() == ["/a", "/p", "/b", "/q"]
    assert snapshot.response_count == len(archive.evidence(snapshot)) == 2


def test_a_kept_page_that_was_damaged_is_asked_for_again(archive: Archive) -> None:
    with served(three_pages() | {"/find?page=3": [Reply(status=503)] * 5 + [page("three")]}) as site:
        card = source(f"{site.url}/find?page=1")
        with pytest.raises(Unavailable):
            collect(archive, card)
        (row,) = [row for row in archive.attempts(archive.visits(card.name)[0]) if row["url"].endswith("page=2")]
        (archive.root / card.name / "blobs" / row["sha256"][:2] / f"{row['sha256']}.gz").write_bytes(b"")
        (snapshot,) = collect(archive, card)
    assert site.pages_asked().count("/find?page=1") == 1
    assert site.pages_asked().count("/find?page=2") == 2
    assert b"two" in said(archive, snapshot)["/find?page=2"]


def test_a_plan_asks_nothing(archive: Archive) -> None:
    says = three_pages() | {"/robots.txt": Reply(body=b"User-agent: *\nDisallow: /admin\nCrawl-delay: 20")}
    with served(says) as site:
        card = source(f"{site.url}/find?page=1", visit={"pause_seconds": 2, "at_most_pages": 90, "hosts": ("cdn.example.org",)})
        host = site.url.removeprefix("http://")
        before = plan(card, archive)
        assert (before.requests, before.is_estimate, before.pause_seconds, before.minutes) == (90, True, 2, 3.0)
        assert before.robots == {host: None, "cdn.example.org": None}
        assert site.asked == []
        collect(archive, card)
        after = plan(card, archive)
        assert (after.requests, after.is_estimate, after.pause_seconds, after.minutes) == (3, False, 20, 1.0)
        verdict = after.robots[host]
        assert verdict is not None
        assert verdict[0] == f"allowed: {site.url}/robots.txt"
        assert len(site.asked) == 4


# Files -----------------------------------------------------------------------------------------------------------


def test_files_are_grouped_by_the_days_on_the_card(archive: Archive, tmp_path: Path) -> None:
    for name in ("november_a.csv", "november_b.csv", "december_a.csv"):
        (tmp_path / name).write_text(f"name\n{name}\n")
    card = source("*.csv", folder=tmp_path, format="table", as_of={"november_*": date(2026, 11, 20), "december_*": date(2026, 12, 20)})
    with pytest.raises(Refused, match="2026-12-20, which is yet to come"):
        collect(archive, card)
    november, december = collect(archive, card, now=NOW + timedelta(days=40))
    assert (november.day, december.day) == (date(2026, 11, 20), date(2026, 12, 20))
    assert said(archive, november) == {"file:november_a.csv": b"name\nnovember_a.csv\n", "file:november_b.csv": b"name\nnovember_b.csv\n"}
    (kept,) = archive.evidence(december)
    assert (kept.url, kept.http_status) == ("file:december_a.csv", None)
    assert archive.snapshots("wa.evergreen") == [november, december]


def test_files_collected_twice_add_nothing(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "roll.csv").write_text("name\nRowan Ashdale\n")
    card = source("roll.csv", folder=tmp_path, format="table", as_of={"*": date(2026, 11, 20)})
    first = collect(archive, card)
    before = written(archive.root)
    assert collect(archive, card, now=NOW + timedelta(days=3)) == first
    assert written(archive.root) == before
    (tmp_path / "roll.csv").write_text("name\nRowan Ashdale\nWren Thistlewood\n")
    (second,) = collect(archive, card, now=NOW + timedelta(days=3))
    assert [each.id for each in archive.snapshots("wa.evergreen")] == [first[0].id, second.id]


def test_without_as_of_a_file_says_what_it_said_on_the_day_it_was_written(archive: Archive, tmp_path: Path) -> None:
    for name, at in (("a.csv", datetime(2026, 3, 1, 12, tzinfo=UTC)), ("b.csv", datetime(2026, 3, 2, 23, 59, tzinfo=UTC))):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (at.timestamp(), at.timestamp()))
    (snapshot,) = collect(archive, source("?.csv", folder=tmp_path, format="table"))
    assert (snapshot.day, snapshot.response_count) == (date(2026, 3, 2), 2)


def test_files_of_one_name_are_told_apart_by_their_folders(archive: Archive, tmp_path: Path) -> None:
    for folder in ("east", "west"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "roll.csv").write_text(folder)
    card = source("cards/../*/roll.csv", folder=tmp_path, format="table", as_of={"*": date(2026, 11, 20)})
    (tmp_path / "cards").mkdir()
    (snapshot,) = collect(archive, card)
    assert said(archive, snapshot) == {"file:east/roll.csv": b"east", "file:west/roll.csv": b"west"}


@pytest.mark.parametrize("entry", ["roll.csv", "rolls/*.csv", "../rolls/november.csv"])
def test_a_missing_file_is_named_as_on_the_card(archive: Archive, tmp_path: Path, entry: str) -> None:
    with pytest.raises(Refused) as refusal:
        collect(archive, source(entry, folder=tmp_path, format="table"))
    assert refusal.value.status == 2
    assert f"wa.evergreen: there is no file {entry} in {tmp_path}" in str(refusal.value)
    assert not archive.root.exists()


def test_what_the_card_must_not_say(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "roll.csv").write_text("name\n")
    with pytest.raises(Refused, match=r"both addresses and files"):
        collect(archive, source("roll.csv", "https://directory.example.org/p", folder=tmp_path))
    with pytest.raises(Refused, match=r"\. is a folder"):
        collect(archive, source(".", folder=tmp_path))
    with pytest.raises(Refused, match=r"gives roll.csv no day"):
        collect(archive, source("roll.csv", folder=tmp_path, as_of={"*.txt": date(2026, 11, 20)}))
    with pytest.raises(Refused, match=r"gives roll.csv several days"):
        collect(archive, source("roll.csv", folder=tmp_path, as_of={"*.csv": date(2026, 11, 20), "r*": date(2026, 11, 21)}))


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("roll.csv", b"", "expected CSV in .*roll.csv, got nothing"),
        ("roll.csv", b"<!doctype html><title>Sign in</title><form></form>", "got a login page titled 'Sign in'"),
        ("providers.json", b'[{"npi": "1"}, {"np', "expected JSON in .*providers.json, got JSON that breaks off after 19 bytes"),
        ("page.html", b"<html><title>Just a moment...</title>", "block page"),
    ],
)
def test_files_are_judged_as_answers_are(archive: Archive, tmp_path: Path, name: str, body: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(SourceUnreadable, match=f"^wa.evergreen: .*{says}"):
        collect(archive, source(name, folder=tmp_path, format="table"))
    assert archive.snapshots("wa.evergreen") == []
    assert archive.latest_incomplete("wa.evergreen")


def test_a_line_of_two_gigabytes_is_refused_after_sixteen_megabytes(archive: Archive, tmp_path: Path) -> None:
    with (tmp_path / "roll.csv").open("wb") as file:
        file.write(b"name\nRowan Ashdale\n")
        file.truncate(2 << 30)  # sparse: two gigabytes that take no room
    card = source("roll.csv", folder=tmp_path, format="table", as_of={"*": date(2026, 11, 20)})
    begun = time.monotonic()
    with pytest.raises(SourceUnreadable, match="found line 3 longer than 16 MiB"):
        collect(archive, card)
    assert time.monotonic() - begun < 5
    assert sum(path.stat().st_size for path in archive.root.rglob("*.gz")) == 0


def test_a_workbook_has_no_lines(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "roll.xlsx").write_bytes(b"PK\x03\x04" + os.urandom(1 << 20).replace(b"\n", b"") * 17)
    assert len(collect(archive, source("roll.xlsx", folder=tmp_path, format="table"))) == 1


def test_a_blocked_source_is_asked_nothing(archive: Archive) -> None:
    with served({"/p": page("Rowan Ashdale")}) as site, Client("audit@example.org") as client:
        here = source(f"{site.url}/p", options={"blocked": "a captcha since March"})
        with pytest.raises(SourceUnreadable, match="a captcha since March") as said:
            visit(here, reader(), archive, client, NOW)
    assert (said.value.failure, site.asked) == ("blocked", [])
