"""Evidence out: one snapshot as a WARC that warcio reads and checks, and as a WACZ whose index finds every answer."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from scrapers import warc
from scrapers.evidence import Archive, Attempt
from scrapers.fetch import Client
from scrapers.records import Refused, Snapshot, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers.measured import measured
from tests.scrapers.site import Reply, next_link, page, reader, served, source

NOW = datetime(2026, 11, 22, 18, 15, 2, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "raw")


@pytest.fixture
def crawled(archive: Archive) -> Snapshot:
    """A real visit: robots.txt, a redirect, a failure that passed, a packed page and its successor."""
    packed = gzip.compress(b'<!doctype html><title>Providers</title><p>Rowan Ashdale</p><a rel="next" href="/p?page=2">Next</a>')
    says: dict[str, Reply | list[Reply]] = {
        "/robots.txt": Reply(body=b"User-agent: *\nDisallow: /private\n"),
        "/p": Reply(status=302, headers={"Location": "/p?page=1"}),
        "/p?page=1": [
            Reply(status=503, body=b"busy", headers={"Retry-After": "0"}),
            Reply(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "text/html; charset=utf-8", "Set-Cookie": "s=secret"}),
        ],
        "/p?page=2": page("Blake Quillan"),
    }
    with served(says) as site, Client(contact="none", sleep=lambda seconds: None) as client:
        (snapshot,) = visit(source(f"{site.url}/p"), reader(follow=next_link), archive, client, NOW)
    return snapshot


def records(stream: Any) -> list[tuple[str, str | None, dict[str, str], bytes]]:
    """(type, URI, WARC headers, payload) of each record, as warcio reads it, its digests checked."""
    return [
        (
            record.rec_type,
            record.rec_headers.get_header("WARC-Target-URI"),
            dict(record.rec_headers.headers),
            record.content_stream().read(),
        )
        for record in ArchiveIterator(stream, check_digests="raise")
    ]


def checked(out: Path) -> None:
    """`warcio check` finds nothing wrong."""
    done = subprocess.run([sys.executable, "-m", "warcio.cli", "check", "-v", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no digest to check" not in done.stdout


def test_a_visit_as_warc(archive: Archive, crawled: Snapshot, tmp_path: Path) -> None:
    out = tmp_path / "visit.warc.gz"
    assert warc.write(archive, crawled, out) == 5
    checked(out)
    found = records(out.open("rb"))
    rows = archive.attempts(crawled)
    responses = [each for each in found if each[0] == "response"]
    assert [each[0] for each in found] == ["warcinfo", *["response", "request", "metadata"] * 5]
    assert [each[1] for each in responses] == [row["url"] for row in rows]
    assert [hashlib.sha256(each[3]).hexdigest() for each in responses] == [row["sha256"] or hashlib.sha256().hexdigest() for row in rows]
    assert [json.loads(each[3]) for each in found if each[0] == "metadata"] == rows
    assert [row["outcome"] for row in rows] == ["robots", "redirected", "failed", "kept", "kept"]
    assert b"Rowan Ashdale" in responses[3][3], "unpacked, as it is kept"
    assert b"secret" not in gzip.decompress(out.read_bytes())


def test_headers_are_those_that_came_and_what_was_true_of_packed_bytes_is_renamed(
    archive: Archive, crawled: Snapshot, tmp_path: Path
) -> None:
    out = tmp_path / "visit.warc.gz"
    warc.write(archive, crawled, out)
    answers = [record.http_headers for record in ArchiveIterator(out.open("rb")) if record.rec_type == "response"]
    assert [each.get_statuscode() for each in answers] == ["200", "302", "503", "200", "200"]
    assert answers[1].get_header("Location") == "/p?page=1"
    packed = answers[3]
    assert packed.get_header("Content-Encoding") is None
    assert packed.get_header("X-Archive-Orig-Content-Encoding") == "gzip"
    assert packed.get_header("Content-Length") == str(archive.attempts(crawled)[3]["byte_count"])
    asked = [record.http_headers for record in ArchiveIterator(out.open("rb")) if record.rec_type == "request"]
    assert asked[3].get_header("Host").startswith("127.0.0.1:")


def test_the_same_snapshot_gives_the_same_bytes(archive: Archive, crawled: Snapshot, tmp_path: Path) -> None:
    for suffix in warc.SUFFIXES:
        one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
        warc.write(archive, crawled, one)
        warc.write(archive, crawled, two)
        assert one.read_bytes() == two.read_bytes()


def test_a_wacz_finds_every_answer_by_its_index(archive: Archive, crawled: Snapshot, tmp_path: Path) -> None:
    out = tmp_path / "visit.wacz"
    assert warc.write(archive, crawled, out) == 5
    with zipfile.ZipFile(out) as package:
        assert package.testzip() is None
        (inside,) = [info for info in package.infolist() if info.filename.startswith("archive/")]
        assert inside.compress_type == zipfile.ZIP_STORED, "the index's offsets are those of the zip's own bytes"
        whole = package.read(inside)
        lines = package.read("indexes/index.cdx").decode().splitlines()
        assert lines == sorted(lines)
        for line in lines:
            key, stamp, said = line.split(" ", 2)
            entry = json.loads(said)
            at = int(entry["offset"])
            ((sort, url, headers, body),) = records(io.BytesIO(whole[at : at + int(entry["length"])]))
            assert (sort, url, f"archive/{entry['filename']}") == ("response", entry["url"], inside.filename)
            assert headers["WARC-Payload-Digest"] == entry["digest"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
            assert headers["WARC-Date"].translate({ord(mark): None for mark in "-:TZ"})[:14] == stamp
            assert key == warc.key(url or "")
        head, *pages = map(json.loads, package.read("pages/pages.jsonl").decode().splitlines())
        assert head["format"] == "json-pages-1.0"
        assert {(each["id"], each["url"]) for each in pages} == {(each.id, each.url) for each in archive.evidence(crawled)}
        manifest = package.read("datapackage.json")
        described = json.loads(manifest)
        assert (described["profile"], described["wacz_version"]) == ("data-package", "1.1.1")
        assert described["mainPageUrl"] == pages[0]["url"]
        for each in described["resources"]:
            body = package.read(each["path"])
            assert (each["bytes"], each["hash"]) == (len(body), f"sha256:{hashlib.sha256(body).hexdigest()}")
        listed = {each["path"] for each in described["resources"]}
        assert set(package.namelist()) == listed | {"datapackage.json", "datapackage-digest.json"}
        digest = json.loads(package.read("datapackage-digest.json"))
        assert digest == {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(manifest).hexdigest()}"}


def test_files_are_resources_and_a_name_may_hold_anything(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "roll ä 100%.csv").write_text("number\nMA61000001\n", encoding="utf-8")
    with Client(contact="none") as client:
        (snapshot,) = visit(source("roll ä 100%.csv", folder=tmp_path, format="table"), reader(), archive, client, NOW)
    out = tmp_path / "roll.warc.gz"
    assert warc.write(archive, snapshot, out) == 1
    checked(out)
    found = records(out.open("rb"))
    assert [each[0] for each in found] == ["warcinfo", "resource", "metadata"]
    assert (found[1][1], found[1][3]) == ("file:roll%20%C3%A4%20100%.csv", b"number\nMA61000001\n")
    warc.write(archive, snapshot, tmp_path / "roll.wacz")


def test_a_page_saved_by_hand_is_a_resource_of_the_day_it_was_saved(archive: Archive, tmp_path: Path) -> None:
    card = source("saved.html", folder=tmp_path)
    saved_at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    with archive.open(card, NOW) as capture:
        with capture.draft() as draft:
            draft.write(b"<!doctype html><p>Rowan Ashdale")
            note = {"saved_by": "a volunteer"}
            url = "https://directory.example.org/p"
            capture.keep(Attempt(url=url, asked_at=NOW, fetched_at=saved_at, method="SAVED", note=note), draft)
        snapshot = capture.finish(date(2026, 11, 20))
    out = tmp_path / "saved.warc.gz"
    assert warc.write(archive, snapshot, out) == 1
    checked(out)
    _, (sort, url_said, headers, _), (_, _, _, row) = records(out.open("rb"))
    assert (sort, url_said, headers["Content-Type"], headers["WARC-Date"][:10]) == ("resource", url, "text/html", "2026-11-20")
    assert json.loads(row)["saved_by"] == "a volunteer"


def test_what_was_kept_in_part_or_not_at_all_says_so(archive: Archive, tmp_path: Path) -> None:
    card = source("https://directory.example.org/big")
    with archive.open(card, NOW) as capture:
        at: dict[str, Any] = {"asked_at": NOW, "fetched_at": NOW}
        with capture.draft() as draft:
            draft.write(b'{"a": "fragment"}')
            capture.keep(Attempt(url="https://directory.example.org/big", status=200, whole=("ab" * 32, 10**9), **at), draft)
        with capture.draft() as draft:
            draft.write(b"x" * 1000)
            capture.failed(Attempt(url="https://directory.example.org/cut", status=200, **at), "got more than 1 MB", None)
        capture.failed(Attempt(url="https://directory.example.org/none", **at), "got no whole answer")
        capture.noted(Attempt(url="https://directory.example.org/token", status=200, method="POST", **at), "token")
        capture.failed(Attempt(url="https://directory.example.org/private", **at), "disallowed", outcome="refused_by_robots")
        snapshot = capture.finish(date(2026, 11, 22))
    out = tmp_path / "part.warc.gz"
    assert warc.write(archive, snapshot, out) == 3
    checked(out)
    by_url: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for sort, url, headers, _ in records(out.open("rb")):
        by_url.setdefault((url or "").rpartition("/")[2], []).append((sort, headers))
    assert by_url["big"][0][1]["WARC-Truncated"] == "unspecified"
    assert [sort for sort, _ in by_url["none"]] == ["request", "metadata"]
    assert by_url["token"][0][1]["WARC-Truncated"] == "unspecified", "a token is never kept"
    assert [sort for sort, _ in by_url["private"]] == ["metadata"], "what was never asked has no request"
    ((_, _, _, row),) = [each for each in records(out.open("rb")) if each[0] == "metadata" and (each[1] or "").endswith("big")]
    assert json.loads(row)["whole_byte_count"] == 10**9


def test_a_header_cannot_begin_a_record_of_its_own(archive: Archive, tmp_path: Path) -> None:
    card = source("https://directory.example.org/p")
    evil = {"X-Note": "a\r\n\r\nWARC/1.1\r\nWARC-Type: response\r\n", "content-type": "text/html\r\nX: y"}
    with archive.open(card, NOW) as capture:
        with capture.draft() as draft:
            draft.write(b"<p>")
            url = "https://directory.example.org/p?a=\r\nWARC-Type: warcinfo"
            capture.keep(Attempt(url=url, asked_at=NOW, fetched_at=NOW, status=200, headers=evil), draft)
        snapshot = capture.finish(date(2026, 11, 22))
    for suffix in warc.SUFFIXES:
        warc.write(archive, snapshot, tmp_path / f"evil{suffix}")
    checked(tmp_path / "evil.warc.gz")
    assert [each[0] for each in records((tmp_path / "evil.warc.gz").open("rb"))] == ["warcinfo", "response", "request", "metadata"]
    with zipfile.ZipFile(tmp_path / "evil.wacz") as package:
        assert len(package.read("indexes/index.cdx").splitlines()) == 1


def test_a_damaged_blob_leaves_nothing(archive: Archive, crawled: Snapshot, tmp_path: Path) -> None:
    (first, _) = archive.evidence(crawled)
    first.path.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(Refused, match="no longer what was kept; restore it"):
        warc.write(archive, crawled, tmp_path / "visit.wacz")
    assert not list(tmp_path.glob("visit*"))


def test_a_snapshot_is_named_by_its_source_or_its_id(archive: Archive, crawled: Snapshot) -> None:
    assert warc.snapshot_of(archive, "wa.evergreen") == crawled == warc.snapshot_of(archive, crawled.id)
    with pytest.raises(Refused, match=r"no whole snapshot 'wa\.evergren' is kept in .*; there is wa\.evergreen"):
        warc.snapshot_of(archive, "wa.evergren")
    with pytest.raises(Refused, match=f"there is {crawled.id}"):
        warc.snapshot_of(archive, "wa.evergreen@2026-11-21-000000000000")
    with pytest.raises(Refused, match="no whole snapshot"):
        warc.snapshot_of(archive, "../raw/wa.evergreen")


def test_only_two_sorts_of_file_are_written(archive: Archive, crawled: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"visit.zip is neither .warc.gz"):
        warc.write(archive, crawled, tmp_path / "visit.zip")
    with pytest.raises(Refused, match="there is no folder"):
        warc.write(archive, crawled, tmp_path / "nowhere" / "visit.wacz")


WRITE = """
import sys
from pathlib import Path
from scrapers import warc
from scrapers.evidence import Archive
archive = Archive(Path(sys.argv[1]))
warc.write(archive, warc.snapshot_of(archive, "wa.evergreen"), Path(sys.argv[2]))
"""


def test_a_large_body_is_never_whole_in_memory(archive: Archive, tmp_path: Path) -> None:
    card = source("https://directory.example.org/roll.csv")
    with archive.open(card, NOW) as capture:
        with capture.draft() as draft:
            for number in range(200):
                draft.write(bytes([number]) * 1_000_000)
            capture.keep(Attempt(url=card.start[0], asked_at=NOW, fetched_at=NOW, status=200), draft)
        capture.finish(date(2026, 11, 22))
    _, megabytes = measured(WRITE, archive.root, tmp_path / "large.wacz")
    assert megabytes < 100


@pytest.mark.parametrize("over", [True, False], ids=["abandoned", "interrupted"])
def test_a_visit_that_is_not_whole_is_written_by_its_folder_and_says_so(archive: Archive, tmp_path: Path, over: bool) -> None:
    says: dict[str, Any] = {"/p?page=1": page("Rowan Ashdale", "/p?page=2"), "/p?page=2": Reply(status=403 if over else 503)}
    with served(says) as site, Client(contact="none", sleep=lambda seconds: None) as client, pytest.raises(SourceUnreadable):
        visit(source(f"{site.url}/p?page=1"), reader(follow=next_link), archive, client, NOW)
    (folder,) = archive.visits("wa.evergreen")
    name = f"wa.evergreen@{folder.name}"
    with pytest.raises(Refused, match=f"no whole snapshot 'wa.evergreen' is kept .* there is {name}"):
        warc.snapshot_of(archive, "wa.evergreen")
    snapshot = warc.snapshot_of(archive, name)
    for file in ("v.warc.gz", "v.wacz"):
        warc.write(archive, snapshot, tmp_path / file)
    checked(tmp_path / "v.warc.gz")
    with (tmp_path / "v.warc.gz").open("rb") as stream:
        said = records(stream)
    assert b"description: INCOMPLETE, so that nothing rests on it (" in said[0][3] and (b"403" in said[0][3]) == over
    assert {status for sort, status, _, body in said if sort == "response" and b"Ashdale" in body} == {f"{site.url}/p?page=1"}
    with zipfile.ZipFile(tmp_path / "v.wacz") as package:
        assert json.loads(package.read("datapackage.json"))["description"].startswith("INCOMPLETE")
        assert b"INCOMPLETE" in package.read("pages/pages.jsonl").splitlines()[0]


def test_of_a_visit_that_asked_nothing_there_is_nothing_to_write(archive: Archive) -> None:
    with archive.open(source("https://directory.example/p"), NOW):
        pass
    (folder,) = archive.visits("wa.evergreen")
    with pytest.raises(Refused, match="asked nothing before it ended"):
        warc.snapshot_of(archive, f"wa.evergreen@{folder.name}")
