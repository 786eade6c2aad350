"""The evidence archive: what is kept stays as it was, and says so when it does not."""

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from scrapers.blobs import sha256_of
from scrapers.evidence import Archive, Attempt, Capture, digest, evidence_id, locator, snapshot_id
from scrapers.records import Refused, Snapshot
from tests.scrapers.site import source

NOW = datetime(2026, 11, 22, 18, 15, 2, tzinfo=UTC)
CARD = source("https://directory.example.org/p")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "raw")


def keep(capture: Capture, url: str, body: bytes, status: int | None = 200, at: datetime = NOW) -> None:
    with capture.draft() as draft:
        draft.write(body)
        capture.keep(Attempt(url=url, asked_at=at, fetched_at=at, status=status), draft)


def whole(archive: Archive, now: datetime = NOW, host: str = "https://directory.example.org", **pages: str) -> Snapshot:
    """A finished visit to pages of that text."""
    with archive.open(CARD, now) as capture:
        for name, text in pages.items():
            keep(capture, f"{host}/{name}", text.encode(), at=now)
        return capture.finish(now.date())


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_visit_on_disk(archive: Archive) -> None:
    snapshot = whole(archive, p="Rowan Ashdale")
    (kept,) = archive.evidence(snapshot)
    assert files(archive.root) == {
        "wa.evergreen/lock.sqlite",
        "wa.evergreen/source.json",
        f"wa.evergreen/blobs/{kept.sha256[:2]}/{kept.sha256}.gz",
        "wa.evergreen/20261122T181502Z/visit.json",
        "wa.evergreen/20261122T181502Z/manifest.jsonl",
        "wa.evergreen/20261122T181502Z/complete.json",
    }
    assert gzip.decompress(kept.path.read_bytes()) == b"Rowan Ashdale" == archive.read(kept)
    assert archive.snapshots("wa.evergreen") == [snapshot]
    assert (snapshot.day, snapshot.response_count, snapshot.started_at, snapshot.finished_at) == (date(2026, 11, 22), 1, NOW, NOW)


def test_ids_are_names_days_and_bytes(archive: Archive, tmp_path: Path) -> None:
    """The clock, the host, the port and the order of asking do not matter; a byte does."""
    here = whole(archive, p="one", q="two")
    there = whole(Archive(tmp_path / "elsewhere"), NOW + timedelta(hours=2), "http://127.0.0.1:8123", q="two", p="one")
    other = whole(Archive(tmp_path / "other"), p="one", q="two.")
    assert here.id == there.id == f"wa.evergreen@2026-11-22-{here.sha256[:12]}"
    assert other.id != here.id
    ids = [[each.id for each in Archive(snapshot.folder.parents[1]).evidence(snapshot)] for snapshot in (here, there, other)]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


def test_ids_are_those_of_the_design() -> None:
    """Written out, so that a change of recipe is a decision and not an accident: every published id hangs on it."""
    one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"  # of "one"
    sha256 = digest([("/q", one), ("/p?page=2", one), ("/q", one)])
    assert sha256 == "7309d25ae8cbe96851e88874f21350bd9f874a779a37222dd15704b8b871a56d"
    assert snapshot_id("wa.evergreen", date(2026, 11, 22), sha256) == "wa.evergreen@2026-11-22-7309d25ae8cb"
    assert evidence_id("wa.evergreen@2026-11-22-abc", "/q", one) == "76583a73c59568926e5c"
    assert locator("http://127.0.0.1:80") == "/"


def test_evidence_comes_by_locator_and_robots_is_not_among_it(archive: Archive) -> None:
    with archive.open(CARD, NOW) as capture:
        for name in ("q", "p?page=2", "p"):
            keep(capture, f"https://directory.example.org/{name}", name.encode())
        with capture.draft() as draft:
            draft.write(b"User-agent: *\nDisallow:")
            capture.robots(Attempt(url="https://directory.example.org/robots.txt", asked_at=NOW, fetched_at=NOW, status=200), draft)
        capture.failed(Attempt(url="https://directory.example.org/r", asked_at=NOW, fetched_at=NOW, status=500), "got status 500")
        snapshot = capture.finish(NOW.date())
    assert [locator(each.url) for each in archive.evidence(snapshot)] == ["/p", "/p?page=2", "/q"]
    assert [row["outcome"] for row in archive.attempts(snapshot)] == ["kept", "kept", "kept", "robots", "failed"]
    robots = archive.last_robots("wa.evergreen", "https://directory.example.org/robots.txt")
    assert robots is not None
    assert archive.read(robots) == b"User-agent: *\nDisallow:"


def test_what_must_not_be_kept_is_not(archive: Archive) -> None:
    with archive.open(CARD, NOW) as capture:
        said = {"Set-Cookie": "s=1", "Authorization": "Bearer x", "ETag": "e"}
        capture.failed(Attempt(url="https://directory.example.org/r", asked_at=NOW, fetched_at=NOW, headers=said), "got status 500")
    assert [row["headers"] for row in archive.attempts(archive.visits("wa.evergreen")[0])] == [{"ETag": "e"}]


def test_a_tampered_blob_is_found_out(archive: Archive) -> None:
    snapshot = whole(archive, p="expires 2027")
    (kept,) = archive.evidence(snapshot)
    assert archive.verify(kept)
    for damage in (gzip.compress(b"expires 2020"), kept.path.read_bytes()[:-9], b"not gzip", b""):
        kept.path.write_bytes(damage)
        assert not archive.verify(kept)
        with pytest.raises(Refused, match="no longer has the SHA-256 it was kept under"):
            archive.read(kept)
    kept.path.unlink()
    assert not archive.verify(kept)
    with pytest.raises(Refused, match="no longer has the SHA-256 it was kept under"):
        archive.read(kept)
    whole(archive, NOW + timedelta(days=1), p="expires 2027")
    assert archive.verify(kept), "the same bytes, met again, mend it"


def test_a_tampered_manifest_is_found_out(archive: Archive) -> None:
    snapshot = whole(archive, p="one", q="two")
    manifest = snapshot.folder / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(Refused, match="is not the one snapshot"):
        archive.evidence(snapshot)


def test_reading_only_as_much_as_one_can_hold(archive: Archive) -> None:
    (kept,) = archive.evidence(whole(archive, p="Rowan Ashdale"))
    assert archive.head(kept, 5) == b"Rowan"
    assert archive.read(kept, limit=13) == b"Rowan Ashdale"
    with pytest.raises(Refused, match="has 13 bytes, expected at most 12"):
        archive.read(kept, limit=12)


def test_a_torn_line_stands_for_the_request_in_flight(archive: Archive) -> None:
    with archive.open(CARD, NOW) as capture:
        keep(capture, "https://directory.example.org/p", b"one")
        keep(capture, "https://directory.example.org/q", b"two")
    (folder,) = archive.visits("wa.evergreen")
    manifest = folder / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    with archive.open(CARD, NOW + timedelta(minutes=5)) as capture:
        assert capture.kept("https://directory.example.org/p")
        assert capture.kept("https://directory.example.org/q") is None
        keep(capture, "https://directory.example.org/q", b"two")
        snapshot = capture.finish(NOW.date())
    assert snapshot.folder == folder
    assert [locator(each.url) for each in archive.evidence(snapshot)] == ["/p", "/q"]
    assert len(manifest.read_bytes().splitlines()) == 3, "the torn line stays; the next begins on a line of its own"


@pytest.mark.parametrize(
    ("hours", "card", "is_resumed"), [(47, "c1", True), (48, "c1", False), (1, "c2", False)], ids=["young", "two days old", "another card"]
)
def test_when_an_unfinished_visit_is_resumed(archive: Archive, hours: int, card: str, is_resumed: bool) -> None:
    with archive.open(CARD, NOW) as capture:
        keep(capture, "https://directory.example.org/p", b"one")
    with archive.open(source(*CARD.start, card_sha256=card), NOW + timedelta(hours=hours)) as capture:
        assert (capture.kept("https://directory.example.org/p") is not None) is is_resumed
        assert (capture.started_at == NOW) is is_resumed


def test_what_is_over_is_not_resumed(archive: Archive) -> None:
    whole(archive, p="one")
    with archive.open(CARD, NOW) as capture:
        assert capture.folder.name == "20261122T181502Z-2"
        capture.abandon("wa.evergreen: got a login page")
    assert archive.latest_incomplete("wa.evergreen") == (NOW, "wa.evergreen: got a login page", None)
    with archive.open(CARD, NOW) as capture:
        assert capture.folder.name == "20261122T181502Z-3"
        capture.failed(Attempt(url="https://directory.example.org/p", asked_at=NOW, fetched_at=NOW), "got status 500")
    assert archive.latest_incomplete("wa.evergreen") == (NOW, "got status 500", None)
    assert len(archive.snapshots("wa.evergreen")) == 1
    whole(archive, NOW + timedelta(hours=1), p="two")
    assert archive.latest_incomplete("wa.evergreen") is None
    assert archive.latest_incomplete("wa.never") is None
    assert archive.snapshots("wa.never") == []


def test_the_same_bytes_of_the_same_day_count_once(archive: Archive) -> None:
    first, second = whole(archive, p="one"), whole(archive, NOW + timedelta(hours=3), p="one")
    assert first.id == second.id
    assert archive.snapshots("wa.evergreen") == [first]
    third = whole(archive, NOW + timedelta(days=1), p="one")
    assert [each.id for each in archive.snapshots("wa.evergreen")] == [first.id, third.id]


def test_two_cards_of_one_name_do_not_share_evidence(archive: Archive) -> None:
    whole(archive, p="one")
    other = replace(CARD, insurer={"legal_name": "Another Insurer"})
    with pytest.raises(Refused, match=r"wa\.evergreen: .* holds evidence of .* Another Insurer .* another file name"):
        archive.open(other, NOW)


def test_a_visit_that_kept_nothing_is_no_snapshot(archive: Archive) -> None:
    with archive.open(CARD, NOW) as capture, pytest.raises(Refused, match="kept no page at all"):
        capture.finish(NOW.date())


def test_a_large_body_is_never_whole_in_memory(archive: Archive) -> None:
    """300 MB through a process that may hold 160 MB of data."""
    resource = pytest.importorskip("resource", reason="the limit is set with setrlimit, which Windows has not")
    assert resource
    script = f"""
import resource, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from scrapers.evidence import Archive, Attempt
from tests.scrapers.site import source
resource.setrlimit(resource.RLIMIT_DATA, (160 << 20, 160 << 20))
now = datetime(2026, 11, 22, tzinfo=UTC)
with Archive(Path({str(archive.root)!r})).open(source("https://directory.example.org/p"), now) as capture, capture.draft() as draft:
    for n in range(300):
        draft.write(bytes([n % 251]) * 1_000_000)
    capture.keep(Attempt(url="https://directory.example.org/p", asked_at=now, fetched_at=now, status=200), draft)
    capture.finish(now.date())
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    (kept,) = archive.evidence(archive.snapshots("wa.evergreen")[0])
    assert kept.byte_count == 300_000_000
    assert sha256_of(kept.path) == kept.sha256


def test_one_visit_to_a_source_at_a_time_between_processes(archive: Archive) -> None:
    script = f"""
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from scrapers.evidence import Archive
from tests.scrapers.site import source
with Archive(Path({str(archive.root)!r})).open(source("https://directory.example.org/p"), datetime(2026, 11, 22, tzinfo=UTC)):
    print("open", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(Refused, match=r"^wa.evergreen: another run is visiting this source just now"):
            archive.open(CARD, NOW)
        holder.kill()
        holder.wait()
    with archive.open(CARD, NOW) as capture:
        assert capture.folder.is_dir(), "a killed holder lets go"
        with pytest.raises(Refused, match="another run"):
            archive.open(CARD, NOW)


def test_a_manifest_row_says_what_the_contract_promises(archive: Archive) -> None:
    snapshot = whole(archive, p="one")
    row = json.loads((snapshot.folder / "manifest.jsonl").read_text())
    assert row == {
        "url": "https://directory.example.org/p",
        "asked": "https://directory.example.org/p",
        "method": "GET",
        "asked_at": "2026-11-22T18:15:02.000+00:00",
        "fetched_at": "2026-11-22T18:15:02.000+00:00",
        "status": 200,
        "headers": {},
        "sha256": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
        "byte_count": 3,
        "outcome": "kept",
        "reason": None,
        "robots": None,
    }
