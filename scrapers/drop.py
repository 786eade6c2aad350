"""Pages that people saved in a browser and put in a folder: HTML, MHTML, HAR and ZIP files, and who saved them when, where that is known.

A page is known by the address it was saved from, else by its file. Who saved it stands in `saved.csv` or `saved.yml` beside the files
(`file`, `saved_by`, `saved_at`, `url`) or on the card under `saved: {by: …}`; it goes into the manifest and no further. Of a HAR file only
answers of the card's own hosts and addresses are taken, and of these only the body: no cookie, no token, no header.
"""

import base64
import binascii
import csv
import email
import email.policy
import gzip
import io
import json
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urldefrag, urlsplit

from scrapers import packed
from scrapers.card import CardMap, pattern, read_card
from scrapers.records import Refused, Source, SourceUnreadable

KEYS = ("by", "pages")
LARGEST = 1 << 28  # bytes of one file, and of everything in one zip; a browser saves pages, not rolls
HTML, MHTML, HAR, ZIP, PLAIN = (".html", ".htm"), (".mht", ".mhtml"), ".har", ".zip", (".txt", ".json", ".csv")
SIDECARS = ("saved.csv", "saved.yml")
SIDE_KEYS = ("file", "saved_by", "saved_at", "url")
PARTS = re.compile(r"_files$|^__MACOSX$")  # of "Web page, complete": pictures, scripts and other people's frames
CHATTER = re.compile(r"^\.|^(Thumbs\.db|desktop\.ini)$", re.I)  # what a system adds to a folder unasked
SAVED_FROM = re.compile(rb"<!-- saved from url=\(\d{4}\)(https?://\S+) -->")  # what browsers write on top of a page they save
SINGLE_FILE = re.compile(rb"Page saved with SingleFile\s+url: (https?://\S+)\s+saved date: (\w+ \w+ \d+ \d+ [\d:]+ GMT[+-]\d{4})")
HEAD = 8192  # bytes of a page in which it is said where it comes from


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One page that somebody saved."""

    file: str  # with the name of the archive it came in
    body: bytes = field(repr=False)
    url: str = ""
    at: datetime | None = None
    by: str = ""
    number: int = 0  # in a HAR file
    is_fetch: bool = False  # one of a browser's own requests, so that a later answer replaces an earlier one
    is_post: bool = False

    @property
    def expects(self) -> str:
        """What the body must be, as a Request says it."""
        suffix = PurePosixPath(self.file.lower()).suffix
        if suffix in (*HTML, *MHTML) or (self.is_fetch and self.body.lstrip().startswith(b"<")):
            return "html"
        return "json" if suffix == ".json" or (self.is_fetch and self.body.lstrip()[:1] in (b"{", b"[")) else "any"

    @property
    def note(self) -> dict[str, str]:
        """What the manifest says of it beside its address and time."""
        return {"saved_as": self.file} | ({"saved_by": self.by} if self.by else {})


def check(given: object, where: str) -> dict[str, str]:
    """What a card says under `saved`: by whom, and which addresses of a HAR file are pages of results."""
    saved = CardMap(given, f"{where}, `saved`", KEYS)
    return {key: pattern(saved.text(key), f"{saved.where}, `{key}`") if key == "pages" else saved.text(key) for key in saved.content}


def pages(source: Source, files: Mapping[str, Path]) -> list[Saved]:
    """Every page in the files, given by the names they are to have. Refused where one is half a page, or none of this source's."""
    return _distinct(source, [each for name, path in sorted(files.items()) for each in _read(source, name, path)])


def is_page(name: str) -> bool:
    """Whether a file of a folder is something to read: not a sidecar, a picture of a saved page, or what a system left there."""
    path = PurePosixPath(name)
    is_part = any(PARTS.search(folder) for folder in path.parts[:-1])
    return not is_part and not CHATTER.search(path.name) and path.name.lower() not in SIDECARS


def _read(source: Source, name: str, path: Path) -> Iterator[Saved]:
    if path.stat().st_size > LARGEST:
        raise SourceUnreadable(f"{source.name}: {name} has {path.stat().st_size:,} bytes; expected at most {LARGEST:,}", "too_large")
    try:
        body = path.read_bytes()
        beside = {side: (path.parent / side).read_bytes() for side in SIDECARS if (path.parent / side).is_file()}
    except OSError as error:
        raise Refused(f"{source.name}: {path} cannot be read ({error.strerror}); check who may read it") from error
    known = _told(source, beside, {each.name for each in path.parent.iterdir()})
    found = _of_zip(source, name, body) if path.suffix.lower() == ZIP else _of_file(source, name, body)
    yield from (_with(each, known.get(path.name, {}), source) for each in found)


def _of_zip(source: Source, name: str, body: bytes) -> Iterator[Saved]:
    inside: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        blob = Path(folder) / "zip.gz"
        blob.write_bytes(gzip.compress(body, 1))
        try:
            for member, stream in packed.members(blob, LARGEST, Path(folder)):
                inside[member] = stream.read()
        except SourceUnreadable as reason:
            raise SourceUnreadable(f"{source.name}: {name} cannot be opened: {reason}", reason.failure) from reason
    for member in filter(is_page, sorted(inside)):
        parent = PurePosixPath(member).parent
        beside = {side: inside[str(parent / side)] for side in SIDECARS if str(parent / side) in inside}
        here = {PurePosixPath(each).name for each in inside if PurePosixPath(each).parent == parent}
        known = _told(source, beside, here).get(PurePosixPath(member).name, {})
        yield from (_with(each, known, source) for each in _of_file(source, f"{name}/{member}", inside[member]))


def _of_file(source: Source, name: str, body: bytes) -> Iterator[Saved]:
    suffix = PurePosixPath(name.lower()).suffix
    if suffix in HTML:
        yield _of_html(source, name, body)
    elif suffix in MHTML:
        yield _of_mhtml(source, name, body)
    elif suffix == HAR:
        yield from _of_har(source, name, body)
    elif suffix in PLAIN:
        yield Saved(file=name, body=body)
    else:
        known = ", ".join((*HTML, *MHTML, HAR, ZIP, *PLAIN))
        raise Refused(f"{source.name}: {name} is no saved page; expected {known}: save the page as HTML, or take the file away")


def _of_html(source: Source, name: str, body: bytes) -> Saved:
    lower = body.lower()
    if b"<html" in lower and b"</html" not in lower:
        raise SourceUnreadable(
            f"{source.name}: {name} breaks off before its </html>; save the page again and wait until it is there", "cut_short"
        )
    if single := SINGLE_FILE.search(body[:HEAD]):
        at = datetime.strptime(single[2].decode(), "%a %b %d %Y %H:%M:%S GMT%z")
        return Saved(file=name, body=body, url=single[1].decode(errors="replace"), at=at)
    found = SAVED_FROM.search(body[:HEAD])
    return Saved(file=name, body=body, url=found[1].decode(errors="replace") if found else "")


def _of_mhtml(source: Source, name: str, body: bytes) -> Saved:
    message = email.message_from_bytes(body, policy=email.policy.default)
    page = next((part for part in message.walk() if part.get_content_type() == "text/html"), None)
    if page is None or any("Boundary" in type(defect).__name__ for part in message.walk() for defect in part.defects):
        saw = "holds no page" if page is None else "breaks off"
        raise SourceUnreadable(f"{source.name}: {name} {saw}; save the page again, as HTML or MHTML", "cut_short")
    payload = page.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        text = raw.decode(page.get_content_charset("utf-8"))
    except (UnicodeDecodeError, LookupError) as error:
        raise SourceUnreadable(f"{source.name}: {name} is not in the encoding it names ({error}); save the page again, as HTML") from None
    url = page.get("Content-Location") or message.get("Snapshot-Content-Location") or ""
    return Saved(file=name, body=_encoded(source, name, text), url=str(url) if "://" in str(url) else "", at=_mail_date(message))


def _mail_date(message: Message) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(message.get("Date", "")))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


# HAR -------------------------------------------------------------------------------------------------------------


def _of_har(source: Source, name: str, body: bytes) -> Iterator[Saved]:
    wanted, hosts = source.options.get("saved", {}).get("pages"), source.visit.get("hosts", ())
    if not hosts:
        advise = "say whose pages to take, e.g. visit: {hosts: [directory.example]}"
        raise Refused(f"{source.name}: {name} holds all that a browser asked of anybody; {advise}")
    try:
        entries = json.loads(body.decode("utf-8-sig"))["log"]["entries"]
        said = [(each["request"], each["response"], _time(str(each["startedDateTime"]))) for each in entries]
        asked = [(str(ask["method"]), str(ask["url"]), answer, at) for ask, answer, at in said]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        saw = f"is not a whole HAR file ({type(error).__name__}: {error})"
        raise SourceUnreadable(f"{source.name}: {name} {saw}; export it from the browser again", "cut_short") from None
    count = 0
    answered = {url for _, url, answer, _ in asked if answer.get("status") == 200}
    for number, (method, url, answer, at) in enumerate(asked, 1):
        if not _is_of(hosts, url) or not _is_wanted(wanted, url, answer):
            continue
        status = answer.get("status")
        if status != 200 and (url in answered or status in {301, 302, 303, 307, 308}):
            continue
        text = (answer.get("content") or {}).get("text")
        if status != 200 or not text:
            saw = f"status {status} and no page" if status != 200 else "no body"
            advise = "open it once more with the browser's cache switched off, and export again"
            raise SourceUnreadable(f"{source.name}: {name}, entry {number}, has {saw} for {url}; {advise}", "partial")
        count += 1
        yield Saved(
            file=name,
            body=_har_body(source, f"{name}, entry {number}", text, answer["content"].get("encoding")),
            url=url,
            at=at,
            number=number,
            is_fetch=True,
            is_post=method != "GET",
        )
    if not count:
        saw = f"no page of {', '.join(hosts)}" + (f" whose address fits {wanted!r}" if wanted else "")
        raise SourceUnreadable(f"{source.name}: {name} holds {len(asked)} answers, {saw}; check what was exported, and the card", "empty")


def _is_of(hosts: Collection[str], url: str) -> bool:
    return not {urlsplit(url).hostname, urlsplit(url).netloc}.isdisjoint(hosts)


def _is_wanted(wanted: str | None, url: str, answer: Mapping[str, Any]) -> bool:
    """Whether an answer is a page of results: by its address where the card says which, else by being a page or JSON."""
    if wanted:
        return re.search(wanted, url) is not None
    kind = str((answer.get("content") or {}).get("mimeType", "")).lower()
    return "html" in kind or "json" in kind


def _har_body(source: Source, where: str, text: object, encoding: object) -> bytes:
    if encoding != "base64":
        return _encoded(source, where, str(text))
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise SourceUnreadable(f"{source.name}: {where}, is not the base64 it says it is; export it again", "cut_short") from None


def _encoded(source: Source, where: str, text: str) -> bytes:
    """A page that came as characters, as bytes in the card's encoding."""
    encoding = str(source.options.get("encoding", "utf-8"))
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        character = text[error.start]
        raise SourceUnreadable(f"{source.name}: {where} says {character!r}, which {encoding} cannot; correct `encoding:`") from None


# Who saved it, and when ------------------------------------------------------------------------------------------


def _told(source: Source, beside: Mapping[str, bytes], here: set[str]) -> dict[str, Mapping[str, str]]:
    """File → what the sidecar in its folder says of it."""
    if len(beside) > 1:
        raise Refused(f"{source.name}: {' and '.join(beside)} stand side by side; keep one of them")
    known: dict[str, Mapping[str, str]] = {}
    for side, body in beside.items():
        for row in _rows(source, side, body):
            if unknown := [key for key in row if key not in SIDE_KEYS]:
                raise Refused(f"{source.name}: {side} has a column {unknown[0]!r}; expected {', '.join(SIDE_KEYS)}")
            file = row.get("file", "")
            if file not in here or file in known:
                saw = "twice" if file in known else "which is not there"
                raise Refused(f"{source.name}: {side} names the file {file!r}, {saw}; correct it")
            known[file] = row
    return known


def _rows(source: Source, side: str, body: bytes) -> list[dict[str, str]]:
    if side.endswith(".csv"):
        try:
            reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
            return [{str(key): str(value or "").strip() for key, value in row.items()} for row in reader]
        except (UnicodeDecodeError, csv.Error) as error:
            raise Refused(f"{source.name}: {side} is not CSV in UTF-8 ({error}); save it as such") from None
    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder) / side
        card.write_bytes(body)
        said = read_card(card)
    if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        raise Refused(f"{source.name}: {side} is no list; expected `- {{file: page1.html, saved_by: …, saved_at: 2026-11-20}}` to a line")
    return [{str(key): str(value).strip() for key, value in row.items() if value is not None} for row in said]


def _with(page: Saved, told: Mapping[str, str], source: Source) -> Saved:
    """A page with what is known of it elsewhere: its own word counts first, then the sidecar's, then the card's."""
    hosts = source.visit.get("hosts", ())
    by = page.by or told.get("saved_by") or source.options.get("saved", {}).get("by", "")
    url = page.url if page.is_fetch else told.get("url") or page.url
    if url and urlsplit(url).scheme not in {"http", "https"}:
        raise Refused(f"{source.name}: {page.file} is said to come from {url!r}, which is no web address; correct it")
    if url and hosts and not _is_of(hosts, url):
        raise Refused(f"{source.name}: {page.file} was saved from {url}, and the card names only {', '.join(hosts)}; take the file away")
    try:
        at = page.at or (_time(told["saved_at"]) if told.get("saved_at") else None)
    except ValueError:
        saw = f"saved_at {told['saved_at']!r} of {page.file}"
        raise Refused(f"{source.name}: {saw} is no time; write 2026-11-20, or 2026-11-20T14:05-08:00") from None
    return replace(page, by=by, url=url, at=at)


def _time(said: str) -> datetime:
    """A moment; of a day, or of a time without its zone, noon: that is the same day all over the country."""
    at = datetime.fromisoformat(said)
    return at if at.tzinfo else datetime.combine(at.date(), datetime.min.time().replace(hour=12), UTC)


# One of each -----------------------------------------------------------------------------------------------------


def _distinct(source: Source, found: list[Saved]) -> list[Saved]:
    """Each page once, under an address that is its own.

    The same bytes from the same address count once; of what a browser fetched twice the later counts, unless it sent a form: then each
    answer is a page of its own. Two saved files of one address that differ are Refused, since they may be one page or two.
    """
    kept: dict[str, Saved] = {}
    posts: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for page in sorted(found, key=lambda each: (each.at or datetime.min.replace(tzinfo=UTC), each.file, each.number)):
        mark = page.url, sha256(page.body).hexdigest()
        if page.url and mark in seen:
            continue
        seen.add(mark)
        if page.is_post:
            posts[page.url] = posts.get(page.url, 0) + 1
            page = replace(page, url=f"{urldefrag(page.url).url}#answer {posts[page.url]}")
        where = page.url or f"file:{page.file}"
        other = kept.get(where)
        if other is not None and not (page.is_fetch and other.is_fetch):
            advise = "if they are two pages of results, tell them apart in saved.csv (url: …#page 2); else take one away"
            raise Refused(f"{source.name}: {other.file} and {page.file} were both saved from {where} and differ; {advise}")
        kept[where] = replace(page, url=where)
    return list(kept.values())
