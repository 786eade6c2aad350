"""One visit to one source, from its card to whole snapshots: pages asked for politely, or files copied."""

import glob
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urljoin

from scrapers import answers, drop
from scrapers.answers import Fault, Lines, is_packed
from scrapers.blobs import Draft, read
from scrapers.evidence import Archive, Attempt, Capture, digest, locator, snapshot_id
from scrapers.fetch import Client, Unavailable
from scrapers.hosts import Limits, Rules, address, host_of, hosts
from scrapers.reading import Unreadable
from scrapers.records import Evidence, Refused, Request, Snapshot, Source, SourceUnreadable

Select = Callable[[Iterator[bytes]], Iterator[bytes]]
Progress = Callable[[int, int | None, str], None]  # how many are done, of how many when that is known, and what is happening

CHUNK = 1 << 20
LARGEST_INDEX = 64 * 1024 * 1024  # bytes; what is larger is data, from which nothing follows, and is not read into memory
EXPECTS = {".json": "json", ".ndjson": "ndjson", ".csv": "csv", ".tsv": "csv", ".html": "html", ".htm": "html"}  # of a file, by its name
OF_LINES = {"table", "cards", "socrata"}  # formats whose reader holds a line in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a visit would ask of whom, known without asking."""

    source: str
    requests: int  # of the last whole visit; the card's budget when there was none; 0 for files
    at_least: int | None = None  # where the format can tell what a visit cannot do without
    first: tuple[str, ...] = ()  # what would be asked first, in words, where the format has them
    is_estimate: bool  # there was no whole visit yet
    hosts: tuple[str, ...]
    robots: Mapping[str, tuple[str, date] | None] = field(
        default_factory=dict
    )  # host → verdict on what the card starts with, and when read
    pause_seconds: float
    minutes: float  # of pauses alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One body on this machine that is to be kept: a file, or a page out of one."""

    where: str  # file:NAME, or the address it was saved from
    called: str  # in a sentence
    expects: str
    chunks: Callable[[], Iterator[bytes]]
    attempt: Attempt


def quiet(done: int, total: int | None, doing: str) -> None:
    """Show no progress."""


def visit(source: Source, reader: Any, archive: Archive, client: Client, now: datetime, progress: Progress = quiet) -> list[Snapshot]:
    """What the source says now: one snapshot, or for files one per day.

    Refused and SourceUnreadable carry one sentence. After Unavailable the next visit resumes this one; after any other it starts anew.
    """
    if is_online(source) and (why := source.options.get("blocked")):
        told = f"{source.name}: its card says that it cannot be read ({why}), so nothing is asked"
        raise SourceUnreadable(f"{told}; save the pages by hand, or take `blocked:` off the card once that has changed", "blocked")
    if is_online(source):
        return [_ask(source, reader, archive, client, now, progress)]
    return _copy(source, reader, archive, now, progress)


def is_online(source: Source) -> bool:
    """Whether the source is asked rather than copied. Refused when the card mixes addresses and files."""
    kinds = {"://" in each for each in source.start}
    if len(kinds) != 1:
        raise Refused(f"{source.name}: `start:` names both addresses and files, or nothing; make a card for each")
    return kinds.pop()


def plan(source: Source, archive: Archive, reader: Any = None) -> Plan:
    """What a visit would ask of whom: requests, hosts, the robots.txt verdict last known, pace; and what `reader` knows. Asks nothing."""
    limits = Limits.of(source)
    if not is_online(source):
        return Plan(source=source.name, requests=0, is_estimate=False, hosts=(), pause_seconds=0.0, minutes=0.0)
    whole = archive.snapshots(source.name)
    count = whole[-1].response_count if whole else limits.pages
    robots: dict[str, tuple[str, date] | None] = dict.fromkeys(sorted(hosts(source)))
    pause = limits.pause_seconds
    for url in source.start:
        kept, known = archive.last_robots(source.name, urljoin(url, "/robots.txt")), robots[host_of(url)]
        if kept and not (known and known[0].startswith("disallowed")):
            rules = Rules.read(kept)
            robots[host_of(url)] = rules.verdict(url), kept.fetched_at.date()
            pause = max(pause, rules.crawl_delay)
    return Plan(
        source=source.name,
        requests=count,
        at_least=reader.at_least(source) if hasattr(reader, "at_least") else None,
        first=reader.first(source) if hasattr(reader, "first") else (),
        is_estimate=not whole,
        hosts=tuple(robots),
        robots=robots,
        pause_seconds=pause,
        minutes=round(count * pause / 60, 1),
    )


# Pages -----------------------------------------------------------------------------------------------------------


def _ask(source: Source, reader: Any, archive: Archive, client: Client, now: datetime, progress: Progress) -> Snapshot:
    with archive.open(source, now) as capture:
        try:
            pages = _walk(source, reader, capture, client, progress)
            if complete := getattr(reader, "complete", None):
                reason = complete((replace(page, body=read(page) if page.byte_count <= LARGEST_INDEX else b"") for page in pages), source)
                if reason:
                    raise SourceUnreadable(f"{source.name}: {reason}", "partial")
            snapshot = capture.finish(capture.started_at.date())
        except Unavailable:
            raise
        except SourceUnreadable as reason:
            capture.abandon(str(reason), reason.failure)
            raise
        except Unreadable as reason:
            told = f"{source.name}: the visit cannot go on: {reason}"
            capture.abandon(told, "changed_shape")
            raise SourceUnreadable(told) from reason
    return next(each for each in archive.snapshots(source.name) if each.id == snapshot.id)


def _walk(source: Source, reader: Any, capture: Capture, client: Client, progress: Progress) -> list[Evidence]:
    """Every page, each address once, breadth first; what this visit already holds is not asked for again."""
    follow: Callable[[Evidence, Source], list[Request]] | None = getattr(reader, "follow", None)
    instead: Callable[[Request, Source, SourceUnreadable], list[Request] | None] | None = getattr(reader, "instead", None)
    queue: deque[Request] = deque()
    seen: set[str] = set()
    answered: set[str] = set()
    pages: list[Evidence] = []

    def enqueue(requests: list[Request], found_on: str | None) -> None:
        for request in requests:
            asked = replace(request, url=address(source, request.url))
            if asked.name not in seen:
                seen.add(asked.name)
                queue.append(asked)
            elif found_on and not request.is_leaf and not request.is_shared:
                raise SourceUnreadable(
                    f"{source.name}: {found_on} leads back to {asked.name}, a loop of next links after {len(pages)} pages; "
                    "open both in a browser and check what the card takes for the next link",
                    "partial",
                )

    enqueue(reader.requests(source), None)
    while queue:
        request = queue.popleft()
        total = None if follow and not request.is_leaf else len(seen)
        progress(len(pages), total, request.name)
        try:
            page = capture.kept(request.name) or client.fetch(request, source, capture, partial(progress, len(pages), total))
        except Unavailable:
            raise
        except SourceUnreadable as lost:
            others = instead(request, source, lost) if instead else None
            if others is None:
                raise
            enqueue(others, None)
            continue
        if page.url in answered:  # two addresses that redirect to one page
            continue
        answered.add(page.url)
        pages.append(page)
        if follow and not request.is_leaf and page.byte_count <= LARGEST_INDEX:
            enqueue(follow(replace(page, body=read(page)), source), page.url)
    progress(len(pages), len(pages), "done")
    return pages


# Files -----------------------------------------------------------------------------------------------------------


def _copy(source: Source, reader: Any, archive: Archive, now: datetime, progress: Progress) -> list[Snapshot]:
    """A snapshot per day that the card's `as_of` tells apart; files that were collected before add nothing."""
    snapshots = []
    select: Select | None = reader.distil(source) if hasattr(reader, "distil") else None
    for day, files in sorted(_days(source, files_of(source)).items()):
        if source.as_of and day > (now + timedelta(days=1)).date():  # a day's grace: it may be tomorrow already where they were taken
            raise Refused(f"{source.name}: `as_of:` says {day}, which is yet to come; expected the day the files were taken")
        taken_on, pieces = _pieces(source, reader, day, files, now)
        known = [each for each in archive.snapshots(source.name) if each.day == taken_on]
        same = []
        if known:
            name = snapshot_id(source.name, taken_on, digest((locator(each.where), _sha256(source, each, select)) for each in pieces))
            same = [each for each in known if each.id == name]
        snapshots.append(same[0] if same else _keep(source, taken_on, pieces, archive, now, progress, select))
    return snapshots


def _pieces(source: Source, reader: Any, day: date, files: list[Path], now: datetime) -> tuple[date, list[Piece]]:
    """What is to be kept of the files of one day; and that day, where pages that people saved tell it better than the files' own dates."""
    named = _named(files)
    if not (source.surface == "saved_page" and hasattr(reader, "parse")):
        return day, [
            Piece(
                where=where,
                called=str(path),
                expects=EXPECTS.get(path.suffix.lower(), "any"),
                chunks=partial(_chunks, source, path),
                attempt=Attempt(url=where, asked_at=now, fetched_at=now),
            )
            for where, path in named.items()
        ]
    found = drop.pages(source, {where.removeprefix("file:"): path for where, path in named.items()})
    times = [each.at for each in found if each.at]
    taken_on = max(times).astimezone(UTC).date() if not source.as_of and times and len(times) == len(found) else day
    noon = datetime.combine(taken_on, time(12), UTC)  # of a page that does not say when it was saved: that day, all over the country
    return taken_on, [
        Piece(
            where=each.url,
            called=each.file,
            expects=each.expects,
            chunks=partial(iter, [each.body]),
            attempt=Attempt(url=each.url, asked_at=now, fetched_at=each.at or noon, method="SAVED", note=each.note),
        )
        for each in found
    ]


def _keep(
    source: Source, day: date, pieces: list[Piece], archive: Archive, now: datetime, progress: Progress, select: Select | None
) -> Snapshot:
    with archive.open(source, now, resume=False) as capture:
        for done, piece in enumerate(pieces):
            progress(done, len(pieces), piece.where)
            with capture.draft() as draft:
                wrong, whole = _stream(source, piece, draft, select)
                attempt = replace(piece.attempt, whole=whole)
                if wrong is None:
                    capture.keep(attempt, draft)
                    continue
                expected = answers.CALLED[piece.expects]
                advise = "take the file anew, or check `start:` and `encoding:`"
                told = f"{source.name}: expected {expected} in {piece.called}, {wrong.saw}; {advise}"
                capture.failed(attempt, wrong.saw, None if wrong.is_cut_short else draft, wrong.outcome, wrong.failure)
                capture.abandon(told, wrong.failure)
                raise SourceUnreadable(told, wrong.failure)
        progress(len(pieces), len(pieces), "done")
        return capture.finish(day)


def _stream(source: Source, piece: Piece, draft: Draft, select: Select | None) -> tuple[Fault | None, tuple[str, int] | None]:
    """What is wrong with a file, once it, or the part of it that is kept, is in `draft`; and what the whole of it was."""
    whole, count, lines = hashlib.sha256(), 0, Lines()

    def counted() -> Iterator[bytes]:
        nonlocal count
        for chunk in piece.chunks():
            whole.update(chunk)
            count += len(chunk)
            yield chunk

    try:
        for part in select(counted()) if select else piece.chunks():
            draft.write(part)
            if source.format in OF_LINES and not is_packed(draft.head) and lines.too_long(part):
                return lines.fault(), None
    except SourceUnreadable as reason:
        return Fault(f"found what cannot be read ({reason})", "take the file anew", is_cut_short=True, failure=reason.failure), None
    expects = piece.expects if source.format in OF_LINES or not select else "any"  # what such a format keeps is of its own making
    encoding = str(source.options.get("encoding", "utf-8"))
    wrong = answers.fault(expects, draft.head, draft.tail, draft.byte_count, draft.body, encoding)
    return wrong, (whole.hexdigest(), count) if select else None


def files_of(source: Source) -> dict[str, Path]:
    """The files the card names, by the name they have on it."""
    found: dict[str, Path] = {}
    for entry in source.start:
        here = source.folder / entry
        # Path.glob takes no absolute pattern, and does not give names back as the card writes them
        is_drop = source.surface == "saved_page"
        pattern = f"{glob.escape(entry)}/**" if is_drop and here.is_dir() else entry
        names = [entry] if here.is_file() else sorted(glob.glob(pattern, root_dir=source.folder, recursive=True))  # noqa: PTH207
        files = [name for name in names if (source.folder / name).is_file() and (not is_drop or drop.is_page(name))]
        if not files:
            saw = f"{entry} is a folder{' without pages' if is_drop else ''}" if here.is_dir() else f"there is no file {entry}"
            raise Refused(f"{source.name}: {saw} in {source.folder}; `start:` must name files, as paths or globs relative to the card")
        found |= {name: source.folder / name for name in files}
    return found


def _days(source: Source, files: Mapping[str, Path]) -> dict[date, list[Path]]:
    """Files by the day they were taken: what `as_of` says, or else all by the day the newest was written (UTC)."""
    if not source.as_of:
        newest = max(path.stat().st_mtime for path in files.values())
        return {datetime.fromtimestamp(newest, UTC).date(): list(files.values())}
    days: dict[date, list[Path]] = {}
    for name, path in files.items():
        said = {day for pattern, day in source.as_of.items() if PurePath(name).match(pattern)}
        if len(said) != 1:
            saw = "several days" if said else "no day"
            raise Refused(f"{source.name}: `as_of:` gives {name} {saw}; expected one: each file must match one glob or globs of one day")
        days.setdefault(said.pop(), []).append(path)
    return days


def _named(files: list[Path]) -> dict[str, Path]:
    """`file:NAME` for each; where two files have one name, with as many of their folders as tell them apart."""
    depth = 1
    while len({path.parts[-depth:] for path in files}) < len(set(files)):
        depth += 1
    return {"file:" + "/".join(path.parts[-depth:]): path for path in files}


def _sha256(source: Source, piece: Piece, select: Select | None) -> str:
    """Of the bytes of a file that would be kept, or of its beginning when a line is too long: such a file was never kept."""
    found, lines, head = hashlib.sha256(), Lines(), b""
    for chunk in select(piece.chunks()) if select else piece.chunks():
        found.update(chunk)
        head = head or chunk
        if source.format in OF_LINES and not is_packed(head) and lines.too_long(chunk):
            break
    return found.hexdigest()


def _chunks(source: Source, path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise Refused(f"{source.name}: {path} cannot be read ({error.strerror}); check who may read it") from error
