"""A snapshot as the files that web archives exchange: WARC 1.1 (ISO 28500), or WACZ 1.1.1, which is a WARC in a zip with its index.

Every row of the manifest is there: what was asked and answered, redirects, failures and robots.txt included, and as a metadata record the
row itself, word for word. The same snapshot gives the same bytes. Bodies are streamed; the index of one visit is held in memory. A visit
that is not whole is written under the name of its folder, and says so.
"""

import gzip
import hashlib
import json
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from scrapers.answers import is_html
from scrapers.blobs import DAMAGED, blob_of, read_json
from scrapers.evidence import Archive, Row, evidence_id, locator
from scrapers.reading import nearest
from scrapers.records import Refused, Snapshot

SUFFIXES = (".warc.gz", ".wacz")
CHUNK = 1 << 20
URI = "!#$%&'()*+,/:;=?@[]~"  # what a URI may hold besides letters, digits and -._~ (RFC 3986)
UNPACKED = ("content-encoding", "transfer-encoding", "content-length")  # true of the bytes on the wire, not of the body as it is kept
NOT_KEPT = {"token", "token died", "waiting"}  # outcomes of exchanges of which only the fact is kept
HERE = uuid.UUID("6f4e3f0e-31a3-5d5a-9d9e-0d1f6a6f8a11")  # the name space of record ids; any fixed one does


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one answer stands in the WARC, as an index says it."""

    url: str
    at: str  # RFC 3339, UTC
    mime: str
    status: int | None
    digest: str
    offset: int
    length: int
    evidence_id: str | None  # of what the snapshot rests on; None for redirects, failures and robots.txt

    def line(self, filename: str) -> str:
        said = {
            "url": self.url,
            "mime": self.mime,
            "status": str(self.status or 200),
            "digest": self.digest,
            "length": str(self.length),
            "offset": str(self.offset),
            "filename": filename,
        }
        return f"{key(self.url)} {''.join(digit for digit in self.at[:19] if digit.isdigit())} {json.dumps(said)}\n"


def snapshot_of(archive: Archive, asked: str) -> Snapshot:
    """The snapshot of that id, or the newest one of the source of that name; or the visit SOURCE@FOLDER, which need not be whole."""
    name = asked.partition("@")[0]
    is_name = name.strip(".") == name and "/" not in name and "\\" not in name
    found = {each.id: each for each in archive.snapshots(name)} if is_name else {}
    if asked in found:
        return found[asked]
    broken = {f"{name}@{each.name}": each for each in archive.visits(name) if not _is_whole(each)} if is_name else {}
    if asked in broken:
        return _incomplete(archive, name, broken[asked])
    if asked == name and found:
        return list(found.values())[-1]
    homes = sorted(path.name for path in archive.root.iterdir() if path.is_dir()) if archive.root.is_dir() else []
    known = [*found, *broken] or [each for each in homes if archive.snapshots(each)]
    close = nearest(asked, known) or (", ".join(known[-5:]) if known else "")
    raise Refused(
        f"no whole snapshot {asked!r} is kept in {archive.root}; " + (f"there is {close}" if close else "run `rollcall collect` first")
    )


def _is_whole(visit: Path) -> bool:
    return (visit / "complete.json").exists()


def _incomplete(archive: Archive, source: str, visit: Path) -> Snapshot:
    """A visit that does not count, as far as it came. Refused when nothing was asked yet."""
    rows = archive.attempts(visit)
    if not rows:
        raise Refused(f"{source}: the visit in {visit} asked nothing before it ended; there is nothing to write")
    times = [datetime.fromisoformat(row["fetched_at"]) for row in rows]
    return Snapshot(
        id=f"{source}@{visit.name}",
        source=source,
        day=times[0].date(),
        started_at=times[0],
        finished_at=times[-1],
        response_count=sum(row["outcome"] == "kept" for row in rows),
        sha256="",
        folder=visit,
    )


def _standing(snapshot: Snapshot) -> str:
    """What is to be said of a visit in front of everything else; nothing of one that is whole."""
    if _is_whole(snapshot.folder):
        return ""
    over = snapshot.folder / "abandoned.json"
    reason = " ".join(str(read_json(over)["reason"]).split()) if over.exists() else "interrupted before it was whole"
    return f"INCOMPLETE, so that nothing rests on it ({reason}). "


def write(archive: Archive, snapshot: Snapshot, out: Path) -> int:
    """Write `out`, whole or not at all; returns how many answers it holds. Refused when a kept byte is no longer what it was."""
    if not out.name.endswith(SUFFIXES):
        raise Refused(f"{out.name} is neither .warc.gz (for warcio, pywb) nor .wacz (for ReplayWeb.page); name it one of the two")
    if not out.parent.is_dir():
        raise Refused(f"there is no folder {out.parent} to write {out.name} into; make it, or name another")
    if _is_whole(snapshot.folder):
        archive.evidence(snapshot)  # refused when the manifest is not the one the snapshot was named by
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            count = (
                _wacz(archive, snapshot, file) if out.name.endswith(".wacz") else sum(1 for _ in _records(archive, snapshot, file.write))
            )
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return count


def key(url: str) -> str:
    """The key an index is searched by: the host's names from the right, then port, path and sorted query, in small letters.

    >>> key("https://www.Example.org:8443/Find?b=2&a=1"), key("file:roll.csv")
    ('org,example:8443)/find?a=1&b=2', 'file:roll.csv')
    """
    parts = urlsplit(url.lower())
    if not parts.hostname:
        return url.lower()
    host = ",".join(reversed(parts.hostname.removeprefix("www.").split(".")))
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True), key=lambda pair: pair[0]))
    return f"{host}{f':{parts.port}' if parts.port else ''}){parts.path or '/'}{f'?{query}' if query else ''}"


# WARC ------------------------------------------------------------------------------------------------------------


def _records(archive: Archive, snapshot: Snapshot, write: Callable[[bytes], object]) -> Iterator[Entry]:
    """Write the whole WARC, giving an entry for every record that holds an answer or a file."""
    blobs = snapshot.folder.parent / "blobs"
    about = {
        "software": "Rollcall",
        "format": "WARC File Format 1.1",
        "conformsTo": "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "isPartOf": snapshot.id,
        "description": _standing(snapshot)
        + "One visit to one source. A body is kept as it was after unpacking; headers that were true of the packed bytes "
        "alone are renamed X-Archive-Orig-*. A request record holds what the manifest says was asked, a metadata record the row of the "
        "manifest itself. No cookie and no token was ever kept.",
    }
    fields = "".join(f"{name}: {value}\r\n" for name, value in about.items()).encode()
    named = {"WARC-Filename": f"{snapshot.id}.warc.gz"}
    at = _record(write, "warcinfo", _id(snapshot.id), _date(snapshot.started_at.isoformat()), "application/warc-fields", named, fields)
    for number, row in enumerate(archive.attempts(snapshot)):
        url, answer = quote(row["url"], safe=URI), _id(snapshot.id, number, "answer")
        when = _date(row["asked_at" if row["status"] is not None else "fetched_at"])  # a page saved by hand: when it was saved
        target = {"WARC-Target-URI": url}
        together = dict(target)
        if _has_answer(row):
            body = (blob_of(blobs, row["sha256"]), row["byte_count"], row["sha256"]) if row["sha256"] else None
            sort, media, block = _answer(row) if row["status"] is not None else ("resource", _media(row, blobs), b"")
            digest = f"sha256:{row['sha256'] or hashlib.sha256().hexdigest()}"
            more = target | {"WARC-Payload-Digest": digest}
            if row.get("whole_sha256") or row["outcome"] in NOT_KEPT or (row["byte_count"] and not row["sha256"]):
                more["WARC-Truncated"] = "unspecified"
            length = _record(write, sort, answer, when, media, more, block, body)
            mime = _said_type(row) or ("unk" if sort == "response" else media)
            cited = evidence_id(snapshot.id, locator(row["url"]), row["sha256"]) if row["outcome"] == "kept" else None
            yield Entry(url, when, mime, row["status"], digest, at, length, cited)
            at += length
            together["WARC-Concurrent-To"] = answer
        if row["method"] in {"GET", "POST"} and row["outcome"] != "refused_by_robots":
            at += _record(
                write, "request", _id(snapshot.id, number, "asked"), when, "application/http; msgtype=request", together, _asked(row)
            )
        said = json.dumps(row, sort_keys=True).encode()
        at += _record(write, "metadata", _id(snapshot.id, number, "row"), when, "application/json", together, said)


def _has_answer(row: Row) -> bool:
    return row["status"] is not None or row["sha256"] is not None


def _answer(row: Row) -> tuple[str, str, bytes]:
    """(record type, content type, the head of its block) of an HTTP response."""
    try:
        phrase = HTTPStatus(row["status"]).phrase
    except ValueError:
        phrase = ""
    size = row["byte_count"] if row["sha256"] else 0
    headers = [(f"X-Archive-Orig-{name}" if name.lower() in UNPACKED else name, value) for name, value in row["headers"].items()]
    lines = [f"HTTP/1.1 {row['status']} {phrase}", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {size}"]
    return "response", "application/http; msgtype=response", _lines(lines)


def _media(row: Row, blobs: Path) -> str:
    """The media type of a file that stands for itself: what was said of it, or whether it is a page."""
    try:
        with gzip.open(blob_of(blobs, row["sha256"])) as body:
            return _said_type(row) or ("text/html" if is_html(body.read(512)) else "application/octet-stream")
    except DAMAGED:
        return "application/octet-stream"  # the body itself, read next, says what is wrong


def _said_type(row: Row) -> str:
    said = {name.lower(): value for name, value in row["headers"].items()}.get("content-type", "")
    return str(said).split(";")[0].strip()


def _asked(row: Row) -> bytes:
    parts = urlsplit(quote(row["url"], safe=URI))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _lines([f"{row['method']} {path} HTTP/1.1", f"Host: {parts.netloc}"])


def _lines(lines: Iterable[str]) -> bytes:
    """The head of an HTTP message; a header that would begin another is kept on its line."""
    return "".join(" ".join(line.splitlines()) + "\r\n" for line in lines).encode() + b"\r\n"


def _record(
    write: Callable[[bytes], object],
    sort: str,
    name: str,
    at: str,
    media: str,
    more: Mapping[str, str],
    block: bytes,
    body: tuple[Path, int, str] | None = None,
) -> int:
    """Write one record as a gzip member of its own; returns how many bytes it took. `body`: a blob, its bytes and its SHA-256."""
    headers = {"WARC-Type": sort, "WARC-Record-ID": name, "WARC-Date": at, "Content-Type": media, **more}
    if body is None:
        headers["WARC-Block-Digest"] = f"sha256:{hashlib.sha256(block).hexdigest()}"
    headers["Content-Length"] = str(len(block) + (body[1] if body else 0))
    packer, taken = zlib.compressobj(6, zlib.DEFLATED, 31), 0

    def put(packed: bytes) -> None:
        nonlocal taken
        taken += len(packed)
        write(packed)

    put(packer.compress("".join(["WARC/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in headers.items()), "\r\n"]).encode() + block))
    for chunk in _body(*body) if body else ():
        put(packer.compress(chunk))
    put(packer.compress(b"\r\n\r\n"))
    put(packer.flush())
    return taken


def _body(blob: Path, size: int, sha256: str) -> Iterator[bytes]:
    found, count = hashlib.sha256(), 0
    lost = f"evidence in {blob} is no longer what was kept; restore it from a backup"
    try:
        with gzip.open(blob) as stream:
            while chunk := stream.read(CHUNK):
                found.update(chunk)
                count += len(chunk)
                if count > size:
                    break
                yield chunk
    except DAMAGED as error:
        raise Refused(lost) from error
    if (found.hexdigest(), count) != (sha256, size):
        raise Refused(lost)


def _id(*what: object) -> str:
    return f"<urn:uuid:{uuid.uuid5(HERE, ' '.join(map(str, what)))}>"


def _date(said: str) -> str:
    """A time of the manifest as WARC and WACZ write it.

    >>> _date("2026-11-20T05:00:00.250+00:00"), _date("2026-11-20T05:00:00+00:00")
    ('2026-11-20T05:00:00.250Z', '2026-11-20T05:00:00Z')
    """
    return said.removesuffix("+00:00") + "Z"


# WACZ ------------------------------------------------------------------------------------------------------------


def _wacz(archive: Archive, snapshot: Snapshot, file: IO[bytes]) -> int:
    resources: list[dict[str, Any]] = []
    made = snapshot.finished_at
    inside = f"{snapshot.id}.warc.gz"
    with zipfile.ZipFile(file, "w") as package:

        @contextmanager
        def member(path: str, method: int = zipfile.ZIP_DEFLATED) -> Iterator[Callable[[bytes], object]]:
            """A file of the package, which is hashed and listed as it is written."""
            info = zipfile.ZipInfo(path, made.timetuple()[:6])
            info.compress_type, info.create_system, info.external_attr = method, 3, 0o644 << 16
            found, count = hashlib.sha256(), 0
            with package.open(info, "w", force_zip64=True) as stream:

                def put(chunk: bytes) -> None:
                    nonlocal count
                    found.update(chunk)
                    count += len(chunk)
                    stream.write(chunk)

                yield put
            resources.append({"name": path.rpartition("/")[2], "path": path, "hash": f"sha256:{found.hexdigest()}", "bytes": count})

        with member(f"archive/{inside}", zipfile.ZIP_STORED) as put:
            entries = list(_records(archive, snapshot, put))
        with member("indexes/index.cdx") as put:
            for line in sorted(entry.line(inside) for entry in entries):
                put(line.encode())
        shown = [entry for entry in entries if entry.evidence_id]
        with member("pages/pages.jsonl") as put:
            put(_json({"format": "json-pages-1.0", "id": "pages", "title": f"{_standing(snapshot)}Every answer the snapshot rests on"}))
            for entry in shown:
                put(_json({"id": entry.evidence_id, "url": entry.url, "ts": entry.at, "title": entry.url}))
        contents = {
            "profile": "data-package",
            "wacz_version": "1.1.1",
            "title": snapshot.id,
            "description": _standing(snapshot)
            + f"What {snapshot.source} said on {snapshot.day}, as Rollcall kept it. The id of a page is that of the evidence.",
            "created": _date(made.isoformat()),
            "software": "Rollcall",
            **({"mainPageUrl": shown[0].url, "mainPageDate": shown[0].at} if shown else {}),
            "resources": list(resources),
        }
        manifest = json.dumps(contents, indent=2).encode()
        with member("datapackage.json") as put:
            put(manifest)
        with member("datapackage-digest.json") as put:
            put(_json({"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(manifest).hexdigest()}"}))
    return len(entries)


def _json(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"
