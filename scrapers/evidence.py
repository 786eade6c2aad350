"""What a source answered, kept byte for byte: the only writer of data/raw. Keep, verify, replay.

    <root>/<source>/blobs/ab/<sha256>.gz    a body, named by the SHA-256 of its bytes
    <root>/<source>/<started_at>/           one visit: visit.json, manifest.jsonl (a row per attempt, failures included),
                                            then complete.json or abandoned.json
    <root>/<source>/source.json             whose evidence this is, so that two cards of one name do not share a folder
    <root>/.hosts/<host>.sqlite             whose turn it is to ask that host, and when it may next be asked

A body is on disk before its manifest row is, and a row before the next request is asked: a power cut loses at most the request in flight.
Ids are made of names, days and bytes: the same evidence has the same ids on any machine.
"""

import gzip
import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from scrapers.blobs import HEAD, Draft, blob_of, make, read, read_json, sha256_of, sync, write_json
from scrapers.records import Evidence, Refused, Snapshot, Source

Row = dict[str, Any]  # one line of a manifest

RESUMABLE = timedelta(hours=48)  # pages further apart than this are not one visit
STAMP = "%Y%m%dT%H%M%SZ"
VISIT = re.compile(r"\d{8}T\d{6}Z(?:-\d+)?")  # -2, -3 …: further visits begun in the same second
SECRET = {"set-cookie", "cookie", "authorization", "proxy-authorization"}


def locator(url: str) -> str:
    """Where in the source a piece of evidence lies, whatever the host and port: path, query and the label of a form; or `file:NAME`.

    >>> locator("https://example.org:8443/find?page=2"), locator("https://example.org/find#page 2"), locator("file:roll.csv")
    ('/find?page=2', '/find#page 2', 'file:roll.csv')
    """
    if url.startswith("file:"):
        return url
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")


def digest(named: Iterable[tuple[str, str]]) -> str:
    """The SHA-256 of a visit: of its sorted lines "<locator> <body sha256>", each once."""
    lines = sorted({f"{where} {sha256}" for where, sha256 in named})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def snapshot_id(source: str, day: date, sha256: str) -> str:
    return f"{source}@{day}-{sha256[:12]}"


def evidence_id(snapshot: str, where: str, sha256: str) -> str:
    return hashlib.sha256(f"{snapshot} {where} {sha256}".encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request and what came back, as the manifest records it."""

    url: str  # that answered
    asked: str = ""  # what the format asked for, when redirects led from there to `url`
    asked_at: datetime
    fetched_at: datetime
    status: int | None = None  # None: no answer, or a file
    headers: Mapping[str, str] = field(default_factory=dict)
    robots: str | None = None  # the verdict under which it was asked
    method: str = ""  # GET, or READ for a file, unless it says otherwise
    whole: tuple[str, int] | None = None  # SHA-256 and bytes of all that came, where only a part is kept
    note: Mapping[str, str] = field(default_factory=dict)  # of a page saved by hand: by whom, and when


@dataclass(slots=True)
class Turn:
    """A host held by one thread of one process; it is to be left alone until `free_at`, seconds since the epoch."""

    free_at: float


class Capture:
    """One visit being kept; holds the source's lock for as long as it is open."""

    def __init__(self, source: str, folder: Path, started_at: datetime, lock: sqlite3.Connection, hosts: Path) -> None:
        self.source, self.folder, self.started_at, self._lock, self._hosts = source, folder, started_at, lock, hosts
        self.blobs = folder.parent / "blobs"
        self.asked: set[str] = set()  # every address asked in this visit, robots.txt aside
        self._kept: dict[str, Row] = {}
        self._moved: dict[str, str] = {}
        self._robots: dict[str, Row] = {}
        for row in _rows(folder):
            self._learn(row)
        manifest = folder / "manifest.jsonl"
        torn = manifest.exists() and not manifest.read_bytes().endswith(b"\n")
        self._manifest = manifest.open("ab")
        self._manifest.write(b"\n" if torn else b"")
        sync(folder)

    def draft(self) -> Draft:
        return Draft(self.blobs)

    def kept(self, url: str) -> Evidence | None:
        """The page this visit already holds for `url`, still intact. Its ids are provisional: a snapshot is named when it is whole."""
        row = self._kept.get(url)
        kept = self._evidence(row) if row else None
        return kept if kept and sha256_of(kept.path) == kept.sha256 else None

    def moved(self, url: str) -> str | None:
        """Where `url` redirected to, when it was asked earlier in this visit."""
        return self._moved.get(url)

    def robots_kept(self, url: str) -> Evidence | None:
        """The robots.txt this visit already read; `http_status` says whether there was one."""
        return self._evidence(self._robots[url]) if url in self._robots else None

    def keep(self, attempt: Attempt, draft: Draft) -> Evidence:
        return self._evidence(self._append(attempt, "kept", draft))

    def failed(
        self, attempt: Attempt, reason: str, draft: Draft | None = None, outcome: str = "failed", failure: str | None = None
    ) -> None:
        """`outcome`: failed, blocked or refused_by_robots. A body that came with the failure is kept to be shown."""
        self._append(attempt, outcome, draft, reason=reason, failure=failure)

    def noted(self, attempt: Attempt, outcome: str) -> None:
        """An exchange of which nothing is kept but that it was: a token, or a server that is not ready yet."""
        self._append(attempt, outcome, None)

    def redirected(self, attempt: Attempt, target: str, draft: Draft) -> None:
        self._append(attempt, "redirected", draft, reason=f"to {target}", target=target)

    def robots(self, attempt: Attempt, draft: Draft) -> Evidence:
        return self._evidence(self._append(attempt, "robots", draft))

    @contextmanager
    def turn(self, host: str) -> Iterator[Turn]:
        """Hold a host while it is asked; every other thread and process that keeps evidence below this root waits."""
        make(self._hosts)
        with closing(_patient(self._hosts / f"{host.replace(':', '_')}.sqlite")) as shared:
            shared.execute("create table if not exists turn (free_at real)")
            said = shared.execute("select max(free_at) from turn").fetchone()[0]
            turn = Turn(said or 0.0)
            try:
                yield turn
            finally:
                shared.execute("delete from turn")
                shared.execute("insert into turn values (?)", [turn.free_at])
                shared.execute("commit")

    def abandon(self, reason: str, failure: str | None = None) -> None:
        """Mark this visit as never to be resumed."""
        write_json(self.folder / "abandoned.json", {"reason": reason, "failure": failure, "at": _iso(datetime.now(UTC))})

    def finish(self, day: date) -> Snapshot:
        """Mark this visit as whole and name it."""
        if not self._kept:
            raise Refused(f"{self.source}: the visit kept no page at all; check `start:` on the card")
        named = {(locator(row["url"]), row["sha256"]) for row in self._kept.values()}
        sha256 = digest(named)
        snapshot = Snapshot(
            id=snapshot_id(self.source, day, sha256),
            source=self.source,
            day=day,
            started_at=self.started_at,
            finished_at=max(_time(row["fetched_at"]) for row in self._kept.values()),
            response_count=len(named),
            sha256=sha256,
            folder=self.folder,
        )
        write_json(
            self.folder / "complete.json",
            {
                "id": snapshot.id,
                "source": snapshot.source,
                "day": str(day),
                "started_at": _iso(snapshot.started_at),
                "finished_at": _iso(snapshot.finished_at),
                "response_count": snapshot.response_count,
                "sha256": sha256,
            },
        )
        return snapshot

    def _append(self, attempt: Attempt, outcome: str, draft: Draft | None, **more: object) -> Row:
        has_body = draft is not None and (draft.byte_count > 0 or outcome in {"kept", "robots"})
        sha256 = draft.commit() if draft is not None and has_body else None
        is_part = attempt.whole is not None and attempt.whole[0] != sha256
        row: Row = {
            "url": attempt.url,
            "asked": attempt.asked or attempt.url,
            "method": attempt.method or ("GET" if "://" in attempt.url else "READ"),
            "asked_at": _iso(attempt.asked_at),
            "fetched_at": _iso(attempt.fetched_at),
            "status": attempt.status,
            "headers": {name: value for name, value in attempt.headers.items() if name.lower() not in SECRET},
            "sha256": sha256,
            "byte_count": draft.byte_count if draft is not None else 0,
            "outcome": outcome,
            "reason": None,
            "robots": attempt.robots,
            **({"whole_sha256": attempt.whole[0], "whole_byte_count": attempt.whole[1]} if attempt.whole and is_part else {}),
            **attempt.note,
            **more,
        }
        self._manifest.write(json.dumps(row).encode() + b"\n")
        self._manifest.flush()
        os.fsync(self._manifest.fileno())
        self._learn(row)
        return row

    def _learn(self, row: Row) -> None:
        if row["outcome"] == "robots":
            self._robots[row["asked"]] = row
            return
        if row["outcome"] == "kept":
            self._kept[row["asked"]] = self._kept[row["url"]] = row
        if row["outcome"] == "redirected":
            self._moved[row["url"]] = row["target"]
        if row["outcome"] not in {"refused_by_robots", "token"} and urlsplit(row["asked"]).path != "/robots.txt":
            self.asked.add(row["url"])

    def _evidence(self, row: Row) -> Evidence:
        return _evidence(row, f"{self.source}@unfinished", self.blobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._manifest.close()
        self._lock.close()


class Archive:
    """Every visit ever kept, by source, below one folder; or those of the days up to `until`."""

    def __init__(self, root: Path, until: date | None = None, hosts: Path | None = None) -> None:
        self.root, self.until = root, until
        self.hosts = hosts or root / ".hosts"  # a look of which nothing is kept shares its turns with every visit

    def snapshots(self, source: str) -> list[Snapshot]:
        """The whole visits, oldest first; the same bytes of the same day count once."""
        found: dict[str, Snapshot] = {}
        for folder in self.visits(source):
            if (folder / "complete.json").exists():
                said = read_json(folder / "complete.json")
                snapshot = Snapshot(
                    id=said["id"],
                    source=said["source"],
                    day=date.fromisoformat(said["day"]),
                    started_at=_time(said["started_at"]),
                    finished_at=_time(said["finished_at"]),
                    response_count=said["response_count"],
                    sha256=said["sha256"],
                    folder=folder,
                )
                if self.until is None or snapshot.day <= self.until:
                    found.setdefault(snapshot.id, snapshot)
        return sorted(found.values(), key=lambda snapshot: (snapshot.day, snapshot.finished_at))

    def evidence(self, snapshot: Snapshot) -> list[Evidence]:
        """What the snapshot rests on, without bodies, by locator. Refused when the manifest is not the one it was named by."""
        blobs = snapshot.folder.parent / "blobs"
        found = {
            each.id: each for each in (_evidence(row, snapshot.id, blobs) for row in _rows(snapshot.folder) if row["outcome"] == "kept")
        }
        if digest((locator(each.url), each.sha256) for each in found.values()) != snapshot.sha256:
            raise Refused(
                f"{snapshot.source}: the manifest in {snapshot.folder} is not the one snapshot {snapshot.id} was named by; restore it"
            )
        return sorted(found.values(), key=lambda each: (locator(each.url), each.sha256))

    def read(self, evidence: Evidence, limit: int | None = None) -> bytes:
        return read(evidence, limit)

    def head(self, evidence: Evidence, n: int = HEAD) -> bytes:
        """The first `n` bytes, not verified."""
        with gzip.open(evidence.path) as body:
            return body.read(n)

    def verify(self, evidence: Evidence) -> bool:
        """Whether the bytes on disk are the bytes that were kept."""
        return sha256_of(evidence.path) == evidence.sha256

    def must_be_of(self, source: Source) -> None:
        """Refused when the folder of this name holds another source's evidence."""
        path = self.root / source.name / "source.json"
        if path.exists() and (kept := read_json(path)) != _owner(source):
            raise Refused(
                f"{source.name}: {path.parent} holds evidence of {kept['of']} ({kept['kind']}), and this card says {_owner(source)['of']} "
                f"({source.kind}); give one of the two cards another file name"
            )

    def attempts(self, visit: Snapshot | Path) -> list[Row]:
        """Every manifest row of one visit, in the order written."""
        return list(_rows(visit.folder if isinstance(visit, Snapshot) else visit))

    def visits(self, source: str) -> list[Path]:
        """The folders of every visit to one source, oldest first, whole or not."""
        home = self.root / source
        return sorted((each for each in home.iterdir() if VISIT.fullmatch(each.name)), key=_turn) if home.is_dir() else []

    def last_robots(self, source: str, url: str) -> Evidence | None:
        """The robots.txt at `url` as last read in any visit to this source."""
        for folder in reversed(self.visits(source)):
            for row in _rows(folder):
                if row["outcome"] == "robots" and row["asked"] == url:
                    return _evidence(row, f"{source}@{folder.name}", folder.parent / "blobs")
        return None

    def latest_incomplete(self, source: str) -> tuple[datetime, str, str | None] | None:
        """When the newest visit began, why it does not count and the class of that failure; None when it counts."""
        for folder in reversed(self.visits(source)):
            if (folder / "abandoned.json").exists():
                said = read_json(folder / "abandoned.json")
                return _started(folder), said["reason"], said.get("failure")
            if (folder / "complete.json").exists():
                return None
            failed = [row for row in _rows(folder) if row["reason"] and row["outcome"] != "redirected"]
            if failed:
                return _started(folder), failed[-1]["reason"], failed[-1].get("failure")
            return _started(folder), "interrupted before it was whole", None
        return None

    def open(self, source: Source, now: datetime, resume: bool = True) -> Capture:
        """Resume the newest visit when it is unfinished, under the same card and younger than 48 h; else begin anew."""
        self.must_be_of(source)
        home = self.root / source.name
        make(home / "blobs")
        if not (home / "source.json").exists():
            write_json(home / "source.json", _owner(source))
        lock = _lock(home / "lock.sqlite", source.name)
        try:
            for part in (home / "blobs").glob("*.part"):  # of a visit that was killed: the lock is ours, nobody writes them
                part.unlink()
            for folder in self.visits(source.name)[-1:] if resume else ():
                over = any((folder / mark).exists() for mark in ("complete.json", "abandoned.json"))
                if not over and now - _started(folder) < RESUMABLE and _card(folder) == source.card_sha256:
                    return Capture(source.name, folder, _started(folder), lock, self.hosts)
            folder = _begin(home, now)
            write_json(folder / "visit.json", {"source": source.name, "card_sha256": source.card_sha256, "started_at": _iso(now)})
            return Capture(source.name, folder, _started(folder), lock, self.hosts)
        except BaseException:
            lock.close()
            raise


def _owner(source: Source) -> dict[str, Any]:
    return {"kind": source.kind, "of": source.insurer.get("legal_name") or source.state or source.title}


def _lock(path: Path, source: str) -> sqlite3.Connection:
    """A lock between processes on any system, let go by the system when its holder dies."""
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("begin exclusive")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise Refused(f"{source}: another run is visiting this source just now; let it finish, or stop it, then run again") from error
    return lock


def _patient(path: Path) -> sqlite3.Connection:
    """A lock as `_lock` has it, waited for; asked for again and again, because a wait inside SQLite cannot be interrupted."""
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    while True:
        try:
            lock.execute("pragma synchronous = off")  # a forgotten rest after a power cut does no harm
            lock.execute("begin exclusive")
            return lock
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                lock.close()
                raise
            time.sleep(0.02)


def _begin(home: Path, now: datetime) -> Path:
    """A folder of its own for a visit that begins now."""
    stamp = now.astimezone(UTC).strftime(STAMP)
    count = 1
    while (folder := home / (stamp if count == 1 else f"{stamp}-{count}")).exists():
        count += 1
    make(folder)
    return folder


def _turn(folder: Path) -> tuple[str, int]:
    stamp, _, count = folder.name.partition("-")
    return stamp, int(count or 1)


def _started(folder: Path) -> datetime:
    return datetime.strptime(folder.name.split("-")[0], STAMP).replace(tzinfo=UTC)


def _card(folder: Path) -> str | None:
    """The card under which a visit began; None when a power cut left it unsaid."""
    said = folder / "visit.json"
    return str(read_json(said)["card_sha256"]) if said.exists() else None


def _rows(folder: Path) -> Iterator[Row]:
    """The rows of a manifest. A line torn by a power cut stands for the request in flight and is passed over."""
    manifest = folder / "manifest.jsonl"
    for line in manifest.read_bytes().split(b"\n") if manifest.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _evidence(row: Row, snapshot: str, blobs: Path) -> Evidence:
    headers = {name.lower(): value for name, value in row["headers"].items()}
    return Evidence(
        id=evidence_id(snapshot, locator(row["url"]), row["sha256"]),
        snapshot_id=snapshot,
        url=row["url"],
        fetched_at=_time(row["fetched_at"]),
        http_status=row["status"],
        sha256=row["sha256"],
        byte_count=row["byte_count"],
        content_type=headers.get("content-type"),
        path=blob_of(blobs, row["sha256"]),
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _time(said: str) -> datetime:
    return datetime.fromisoformat(said)
