"""A folder of pages that people saved in a browser: each is read once, and it is kept where it came from and who saved it."""

import base64
import gzip
import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines import curate, warehouse
from scrapers import sources
from scrapers.blobs import read
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.records import Listing, Refused, Snapshot, Source, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers.reads import card

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SITE = "https://directory.example/find"
CARD = """
title: Heron
kind: insurer
surface: saved_page
format: cards
start: {start}
network: Heron Basic
visit: {{hosts: [directory.example]}}
cards: {{block: article, fields: {{name: h3}}}}
{more}
"""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "raw")


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "saved"
    folder.mkdir()
    return folder


def heron(folder: Path, start: str = "saved", more: str = "") -> Source:
    return card(folder, CARD.format(start=start, more=more), "heron")


def taken(source: Source, archive: Archive) -> list[Snapshot]:
    with Client("tests@example.org") as client:
        return visit(source, sources.format_of(source), archive, client, NOW)


def one(source: Source, archive: Archive) -> dict[str, list[str | None]]:
    """Address → the names listed there, of the one snapshot."""
    (snapshot,) = taken(source, archive)
    form = sources.format_of(source)
    return {
        page.url: [each.name for each in form.parse(replace(page, body=read(page)), source) if isinstance(each, Listing)]
        for page in archive.evidence(snapshot)
    }


def page(*names: str, comment: str = "") -> str:
    cards = "".join(f"<article><h3>{name}</h3></article>" for name in names)
    return f"<!doctype html>\n{comment}\n<html><title>Find care</title><body>{cards}</body></html>"


def saved_from(url: str) -> str:
    """What browsers write on top of a page they save."""
    return f"<!-- saved from url=({len(url):04}){url} -->"


def entry(url: str, text: str | None, at: str = "2026-11-20T18:05:00.000Z", **more: Any) -> dict[str, Any]:
    """One exchange as a browser exports it, secrets and all."""
    secret = [{"name": "Cookie", "value": "session=SECRET"}, {"name": "Authorization", "value": "Bearer SECRET"}]
    content = {"mimeType": "text/html; charset=utf-8"} | ({} if text is None else {"text": text}) | more.get("content", {})
    return {
        "startedDateTime": at,
        "request": {"method": more.get("method", "GET"), "url": url, "headers": secret, "cookies": secret, "postData": {"text": "SECRET"}},
        "response": {"status": more.get("status", 200), "headers": [{"name": "Set-Cookie", "value": "SECRET"}], "content": content},
    }


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": list(entries)}})


def mhtml(url: str, html: str) -> bytes:
    message = EmailMessage()
    message["From"] = "<Saved by a browser>"
    message["Snapshot-Content-Location"] = url
    message["Date"] = "Fri, 20 Nov 2026 10:05:00 -0800"
    message.set_content(html, subtype="html")
    message.add_related(b"\x89PNG", "image", "png", cid="<logo>")
    next(message.iter_parts())["Content-Location"] = url
    return message.as_bytes()


def rows(archive: Archive, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    return {row["url"]: row for row in archive.attempts(snapshot)}


def text_of(folder: Path) -> Iterable[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


# What is read -----------------------------------------------------------------------------------------------------


def test_every_kind_of_saved_page_is_read_from_where_it_came(archive: Archive, drop: Path, tmp_path: Path) -> None:
    (drop / "first.html").write_text(page("Ada Reyes", comment=saved_from(f"{SITE}?page=1")), encoding="utf-8")
    (drop / "first_files").mkdir()
    (drop / "first_files" / "advert.html").write_text("<article><h3>Buy now</h3></article>", encoding="utf-8")
    when = "Fri Nov 20 2026 10:05:00 GMT-0800 (Pacific Standard Time)"
    single = f"<!--\n Page saved with SingleFile \n url: {SITE}?page=2 \n saved date: {when}\n-->"
    (drop / "second.htm").write_text(page("Bo Lind", comment=single), encoding="utf-8")
    (drop / "third.mhtml").write_bytes(mhtml(f"{SITE}?page=3", page("Cy Møller")))
    (drop / "fourth.har").write_text(
        har(entry(f"{SITE}?page=4", page("Di Vos")), entry("https://ads.example/", "<p>Buy")), encoding="utf-8"
    )
    with zipfile.ZipFile(drop / "rest.zip", "w") as packed:
        packed.writestr("friday/fifth.html", page("Ed Wu", comment=saved_from(f"{SITE}?page=5")))
        packed.writestr("friday/sixth.html", page("Flo Abt"))
        packed.writestr("friday/sixth_files/frame.html", page("Buy now"))
        packed.writestr("__MACOSX/friday/._sixth.html", b"\0")
    assert one(heron(tmp_path), archive) == {
        f"{SITE}?page=1": ["Ada Reyes"],
        f"{SITE}?page=2": ["Bo Lind"],
        f"{SITE}?page=3": ["Cy Møller"],
        f"{SITE}?page=4": ["Di Vos"],
        f"{SITE}?page=5": ["Ed Wu"],
        "file:rest.zip/friday/sixth.html": ["Flo Abt"],
    }


def test_text_saved_from_a_page_keeps_its_own_name(archive: Archive, drop: Path, tmp_path: Path) -> None:
    (drop / "page.txt").write_text("Ada Reyes\n\nBo Lind\n", encoding="utf-8")
    text = CARD.format(start="saved/*.txt", more="lines: [{name: '.+'}]").replace("cards: {block: article, fields: {name: h3}}\n", "")
    assert one(card(tmp_path, text, "heron"), archive) == {"file:page.txt": ["Ada Reyes", "Bo Lind"]}


def test_who_saved_a_page_and_when_is_in_the_manifest_and_nowhere_else(archive: Archive, drop: Path, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (drop / f"{name}.html").write_text(page(name.title()), encoding="utf-8")
    told = f"file,saved_by,saved_at,url\none.html,A. Volunteer,2026-11-19T20:30-08:00,{SITE}?page=1\ntwo.html,,2026-11-20,\n"
    (drop / "saved.csv").write_text(told, encoding="utf-8")
    (snapshot,) = taken(heron(tmp_path, more="saved: {by: The Tuesday group}\nas_of: 2026-11-20"), archive)
    kept = rows(archive, snapshot)
    first, second, third = kept[f"{SITE}?page=1"], kept["file:two.html"], kept["file:three.html"]
    assert (first["saved_by"], first["saved_as"], first["method"]) == ("A. Volunteer", "one.html", "SAVED")
    assert first["fetched_at"] == "2026-11-20T04:30:00.000+00:00"
    assert (second["saved_by"], second["fetched_at"]) == ("The Tuesday group", "2026-11-20T12:00:00.000+00:00")
    assert third["saved_by"] == "The Tuesday group"
    assert snapshot.day == date(2026, 11, 20)


def test_a_sidecar_may_be_yaml_and_may_lie_in_the_archive(archive: Archive, drop: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(drop / "week.zip", "w") as packed:
        packed.writestr("a.html", page("Ada Reyes"))
        packed.writestr("saved.yml", f'- {{file: a.html, saved_by: A. Volunteer, saved_at: "2026-11-18", url: "{SITE}?page=7"}}')
    (snapshot,) = taken(heron(tmp_path), archive)
    assert rows(archive, snapshot)[f"{SITE}?page=7"]["saved_by"] == "A. Volunteer"
    assert snapshot.day == date(2026, 11, 18)  # the day the pages were saved, not the day the archive was written


def test_the_same_folder_twice_adds_nothing_whatever_the_dates_of_its_files(archive: Archive, drop: Path, tmp_path: Path) -> None:
    path = drop / "all.har"
    path.write_text(har(entry(f"{SITE}?page=1", page("Ada Reyes"))), encoding="utf-8")
    first = taken(heron(tmp_path), archive)
    os.utime(path, (1, 1))
    assert [each.id for each in taken(heron(tmp_path), archive)] == [each.id for each in first]
    assert len(archive.visits("heron")) == 1


# HAR --------------------------------------------------------------------------------------------------------------


def test_of_a_har_only_the_pages_are_kept_and_no_secret(archive: Archive, drop: Path, tmp_path: Path) -> None:
    image = entry(f"{SITE}/logo.png", "iVBORw0K", content={"mimeType": "image/png", "encoding": "base64"})
    packed = entry(f"{SITE}?page=2", base64.b64encode(page("Bo Lind").encode()).decode(), content={"encoding": "base64"})
    facets = entry("https://directory.example/facets.json", "{}", content={"mimeType": "application/json"})
    (drop / "all.har").write_text(har(entry(f"{SITE}?page=1", page("Ada Reyes")), image, packed, facets), encoding="utf-8")
    source = heron(tmp_path, more=r"saved: {pages: '/find\?page='}")
    assert one(source, archive) == {f"{SITE}?page=1": ["Ada Reyes"], f"{SITE}?page=2": ["Bo Lind"]}
    assert not [each for each in text_of(tmp_path / "raw") if b"SECRET" in each]


def test_a_page_loaded_again_counts_once_and_each_answer_to_a_form_counts(archive: Archive, drop: Path, tmp_path: Path) -> None:
    later, earlier = "2026-11-20T18:09:00Z", "2026-11-20T18:05:00Z"
    entries = [
        entry(f"{SITE}?page=1", page("Ada Reyes", "Bo Lind"), at=later),
        entry(f"{SITE}?page=1", page("Ada Reyes"), at=earlier),
        entry(f"{SITE}?page=2", None, at=earlier, status=500),
        entry(f"{SITE}?page=2", page("Cy Moe"), at=later),
        entry(SITE, page("Di Vos"), at=earlier, method="POST"),
        entry(SITE, page("Ed Wu"), at=later, method="POST"),
        entry(SITE, page("Ed Wu"), at="2026-11-20T18:10:00Z", method="POST"),
    ]
    (drop / "all.har").write_text(har(*entries), encoding="utf-8")
    assert one(heron(tmp_path), archive) == {
        f"{SITE}?page=1": ["Ada Reyes", "Bo Lind"],
        f"{SITE}?page=2": ["Cy Moe"],
        f"{SITE}#answer 1": ["Di Vos"],
        f"{SITE}#answer 2": ["Ed Wu"],
    }


# What is refused --------------------------------------------------------------------------------------------------

LOGIN = "<html><title>Sign in</title><form><input type=password></form></html>"
TWICE = {"a.html": page("Ada Reyes", comment=saved_from(SITE)), "b.html": page("Bo Lind", comment=saved_from(SITE))}


@pytest.mark.parametrize(
    ("files", "failure", "says"),
    [
        ({"a.html": page("Ada Reyes")[:-7]}, "cut_short", "a.html breaks off before its </html>"),
        ({"a.html": LOGIN}, "login_wall", "expected a page in a.html, got a login page titled 'Sign in'"),
        ({"a.html": "<html><title>Just a moment...</title></html>"}, "blocked", "got a block page"),
        ({"a.html": ""}, "empty", "got nothing"),
        ({"a.mht": mhtml(SITE, page("Ada Reyes"))[:-40]}, "cut_short", "a.mht breaks off"),
        ({"a.mht": b"Subject: none\n\nnothing"}, "cut_short", "a.mht holds no page"),
        ({"a.har": har(entry(SITE, page("Ada Reyes")))[:-9]}, "cut_short", "a.har is not a whole HAR file"),
        ({"a.har": har(entry(SITE, None))}, "partial", f"a.har, entry 1, has no body for {SITE}"),
        ({"a.har": har(entry(SITE, "no", status=429))}, "partial", f"has status 429 and no page for {SITE}"),
        ({"a.har": har(entry("https://ads.example/", "<p>"))}, "empty", "holds 1 answers, no page of directory.example"),
        ({"a.har": har(entry(SITE, "%", content={"encoding": "base64"}))}, "cut_short", "is not the base64 it says it is"),
        ({"a.har": "[" * 100_000}, "cut_short", "is not a whole HAR file"),
        ({"a.zip": b"PK\x03\x04"}, "cut_short", "a.zip cannot be opened"),
        (TWICE, None, f"a.html and b.html were both saved from {SITE} and differ"),
        (
            {"a.html": page("x", comment=saved_from("https://other.example/"))},
            None,
            "a.html was saved from https://other.example/, and the card names only",
        ),
        ({"a.webarchive": "x"}, None, "a.webarchive is no saved page; expected .html"),
        ({"a.html": page("x"), "saved.csv": "file,when\na.html,today\n"}, None, "saved.csv has a column 'when'; expected file, saved_by"),
        ({"a.html": page("x"), "saved.csv": "file,saved_at\na.html,today\n"}, None, "saved_at 'today' of a.html is no time"),
        ({"a.html": page("x"), "saved.csv": "file,saved_by\nb.html,me\n"}, None, "names the file 'b.html', which is not there"),
        ({"a.html": page("x"), "saved.csv": "file,url\na.html,page one\n"}, None, "'page one', which is no web address"),
        ({"a.html": page("x"), "saved.csv": "file\na.html\n", "saved.yml": "[]"}, None, "saved.csv and saved.yml stand side by side"),
        ({"a.html": page("x"), "saved.yml": "a.html: me"}, None, "saved.yml is no list"),
        ({"saved.csv": "file\n"}, None, "saved is a folder without pages"),
    ],
)
def test_a_folder_that_cannot_be_read_whole_is_refused(
    files: dict[str, str | bytes], failure: str | None, says: str, archive: Archive, drop: Path, tmp_path: Path
) -> None:
    for name, body in files.items():
        (drop / name).write_bytes(body if isinstance(body, bytes) else body.encode())
    with pytest.raises(Refused) as caught:
        taken(heron(tmp_path), archive)
    assert says in str(caught.value)
    assert getattr(caught.value, "failure", None) == failure
    assert archive.snapshots("heron") == []


def test_pages_of_one_address_are_told_apart_by_the_sidecar(archive: Archive, drop: Path, tmp_path: Path) -> None:
    for name, body in TWICE.items():
        (drop / name).write_text(body, encoding="utf-8")
    (drop / "saved.csv").write_text(f"file,url\na.html,{SITE}#page 1\nb.html,{SITE}#page 2\n", encoding="utf-8")
    assert one(heron(tmp_path), archive) == {f"{SITE}#page 1": ["Ada Reyes"], f"{SITE}#page 2": ["Bo Lind"]}


def test_a_page_saved_twice_unchanged_counts_once(archive: Archive, drop: Path, tmp_path: Path) -> None:
    for name in ("a.html", "copy of a.html"):
        (drop / name).write_text(TWICE["a.html"], encoding="utf-8")
    assert one(heron(tmp_path), archive) == {SITE: ["Ada Reyes"]}


def test_a_har_needs_a_card_that_names_its_hosts(archive: Archive, drop: Path, tmp_path: Path) -> None:
    (drop / "a.har").write_text(har(entry(SITE, page("Ada Reyes"))), encoding="utf-8")
    text = CARD.format(start="saved", more="").replace("visit: {hosts: [directory.example]}\n", "")
    with pytest.raises(Refused, match="say whose pages to take"):
        taken(card(tmp_path, text, "heron"), archive)


def test_a_name_that_climbs_out_of_its_archive_is_refused(archive: Archive, drop: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(drop / "a.zip", "w") as packed:
        packed.writestr("../a.html", page("Ada Reyes"))
    with pytest.raises(SourceUnreadable, match=r"a\.zip cannot be opened: .* leads out of its archive"):
        taken(heron(tmp_path), archive)


def test_what_is_said_under_saved_is_checked(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="did you mean 'pages'"):
        heron(tmp_path, more="saved: {page: x}")
    with pytest.raises(Refused, match="no regular expression"):
        heron(tmp_path, more="saved: {pages: '('}")


@pytest.mark.parametrize(
    ("saved", "lacks"),
    [
        ({"1": ("3", 2), "2": ("3", 1)}, []),
        ({"1": ("3", 2)}, ["the site states 3 listings, and of the pages that say so 1 were saved, which show 2; save the others too"]),
        ({"1": ("1,200 providers", 2), "2": ("2", 2)}, ["the site states 1,200 listings, and of the pages that say so 1 were saved"]),
        ({"1": ("many", 2)}, []),
    ],
    ids=["all", "one missing", "of two searches", "not said"],
)
def test_what_the_site_counts_is_held_against_what_was_saved(
    archive: Archive, drop: Path, tmp_path: Path, saved: dict[str, tuple[str, int]], lacks: list[str]
) -> None:
    for name, (count, shown) in saved.items():
        body = page(*(f"Person {name}{at}" for at in range(shown))).replace("<body>", f'<body><p class="n">{count}</p>')
        (drop / f"{name}.html").write_text(body, encoding="utf-8")
    source = heron(tmp_path)
    source = replace(source, options={**source.options, "cards": {**source.options["cards"], "count": ".n"}})
    (snapshot,) = taken(source, archive)
    with warehouse.opened(Path(":memory:")) as con:
        warehouse.lay_out(con)
        curate.load_snapshot(con, archive, source, snapshot, ZoneInfo("UTC"))
        assert warehouse.count(con, "parsed.listing") == sum(shown for _, shown in saved.values()), "what was saved is read all the same"
        found = [row["reason"] for row in warehouse.table(con, "select reason from parsed.problem")]
    assert len(found) == len(lacks) and all(each.startswith(told) for each, told in zip(found, lacks, strict=True))
