"""Example pages of a source: asked for politely, cut down, disguised, kept beside the tests, and read again for ever after.

A page without expected.json has one written, and a person reads it against the page; from then on it must read so.
"""

import gzip
import json
import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from matching.clean import CREDENTIALS, PREFIXES, SUFFIXES
from pipelines import runs, stages, warehouse
from pipelines.models import ROOT
from pipelines.settings import Settings
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.examples import Disguise, disguised, kind_of, trimmed
from scrapers.fetch import Client
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable, Table
from scrapers.visit import files_of, is_online

EXAMPLE = "https://directory.example/providers?page=1"  # where a kept example says it comes from
NOT_REVIEWED = ("evidence_id", "excerpt")  # both follow from the page itself
HEAD = 4 * 1024 * 1024  # bytes of a file that an example is cut from
ENDS = {"html": ".html", "json": ".json"}


def home(source: Source) -> Path:
    """Where this source's example pages lie: in pages/ beside a card of your own; of the catalogue's, among the tests of a checkout."""
    base = source.folder
    if base.resolve().is_relative_to(sources.HERE):
        base = ROOT / "tests" / "scrapers" if is_checkout() else Path.cwd()
    return base / "pages" / source.name


def is_checkout() -> bool:
    """Whether this is Rollcall's source code, with its tests, rather than an installed package."""
    return (ROOT / "pyproject.toml").is_file()


def cases(source: Source) -> list[Path]:
    """The folders of this source's examples, each with one page."""
    return sorted(page.parent for page in home(source).glob("*/page.*"))


def below(folder: Path) -> list[tuple[Source, Path]]:
    """Every example of every card in a folder and the folders in it."""
    cards = (path for path in sorted(folder.rglob("*.yml")) if "pages" not in path.parts)
    return [(source, case) for source in (sources.load(f"./{path.name}", path.parent) for path in cards) for case in cases(source)]


def read(source: Source, body: bytes) -> list[dict[str, Any]]:
    """What the source's reader makes of one page, each as {noun: what is said}."""
    form = sources.format_of(source)
    with tempfile.TemporaryDirectory() as folder:
        blob = Path(folder) / "page.gz"
        blob.write_bytes(gzip.compress(body))
        page = Evidence(
            id="example",
            snapshot_id="example",
            url=EXAMPLE,
            fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
            http_status=200,
            sha256=sha256(body).hexdigest(),
            byte_count=len(body),
            content_type=None,
            path=blob,
        )
        if hasattr(form, "parse"):
            said = [{type(each).__name__: asdict(each)} for each in form.parse(replace(page, body=body), source)]
        else:
            said = _selected(form, page, body, source, Path(folder))
    return [
        {noun: {key: value for key, value in what.items() if value is not None and key not in NOT_REVIEWED} for noun, what in each.items()}
        for each in said
    ]


def _selected(form: Any, page: Evidence, body: bytes, source: Source, folder: Path) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    with warehouse.opened(folder / "example.duckdb") as con:
        if hasattr(form, "snapshot_tables"):
            tables = form.snapshot_tables([page], source, folder)
        elif not hasattr(form, "tables"):
            select = form.select(source, body[: 64 * 1024])
            tables = [Table(path=page.path, select=select)] if select else []
        else:
            tables = form.tables(page, source, folder)
        for each in tables:
            if not isinstance(each, Table):
                said.append({"Problem": asdict(each)})
                continue
            rows = warehouse.selected(con, each)
            if hasattr(form, "snapshot_tables"):  # a join has no order of its own
                rows.sort(key=lambda row: (str(row["locator"]), str(row.get("network"))))
            said += [{"Problem" if row.get("problem") is not None else "Row": row} for row in rows]
    return said


def review(source: Source, case: Path) -> str | None:
    """What a person must do about one example; None when it reads as it was reviewed. Writes expected.json where there is none."""
    said = read(source, next(case.glob("page.*")).read_bytes())
    expected = case / "expected.json"
    if not expected.exists():
        expected.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return f"wrote {expected}: read it against the page beside it, then run again"
    known = json.loads(expected.read_text(encoding="utf-8"))
    if said == known:
        return None
    differ = [place for place, (now, then) in enumerate(zip(said, known, strict=False), 1) if now != then]
    where = f"entry {differ[0]} differs" if differ else f"{len(said)} entries, {len(known)} were reviewed"
    return f"{case} no longer reads as it was reviewed ({where}): mend the card; or delete expected.json and review it again"


def record(settings: Settings, name: str, count: int) -> dict[str, Any]:
    """Keep up to `count` pages of a source as examples. What its card cannot wholly read yet stays under DATA, with its real names."""
    source = sources.load(name, Path.cwd())
    bodies = _asked(settings, source, count) if is_online(source) else _heads(source, count)
    disguise = Disguise(_kept_words(source))
    cut: list[tuple[bytes, int, int]] = []
    for body in bodies:
        small = trimmed(body, source)
        if not _records(source, small)[0] and _records(source, body)[0]:
            small = body  # cut down it no longer reads
        found, unread = _records(source, small)
        disguise.learn(found)
        cut.append((small, len(found), unread))
    stamp = runs.clock(settings).strftime("%Y%m%d-%H%M%S")
    told = []
    for number, (small, read_count, unread) in enumerate(cut, 1):
        if read_count and not unread:
            shown = disguised(small, source, disguise)
            folder = home(source) / f"{stamp}-{number}"
            still = len(_records(source, shown)[0])
        else:
            shown, folder, still = small, settings.data / "recorded" / source.name / f"{stamp}-{number}", 0
        folder.mkdir(parents=True)
        page = folder / f"page{ENDS.get(kind_of(shown), '.txt' if 'lines' in source.options else '.csv')}"
        page.write_bytes(shown)
        told.append({"page": str(page), "records": read_count, "unread": unread, "records_disguised": still})
    return {"source": name, "pages": told, "dropped": _drop_invented(source) if any(map(_is_example, told)) else None}


def _is_example(row: Mapping[str, Any]) -> bool:
    return bool(row["records"]) and not row["unread"]


def record_lines(said: Mapping[str, Any]) -> list[str]:
    """What was recorded, for a person."""
    lines = []
    for row in said["pages"]:
        if _is_example(row):
            lines.append(f"{row['page']}: {row['records']} records, names and numbers replaced")
            if row["records_disguised"] != row["records"]:
                lines.append(f"  once they were replaced only {row['records_disguised']} could be read: mend the page by hand")
        else:
            lines.append(f"{row['page']}: the card reads {row['records']} records and not {row['unread'] or 'one'} place(s) there yet,")
            lines.append("  so real names stand on it: look, but never share it")
            lines.append(f"  mend the card, then `rollcall sources record {said['source']}` again")
    if any(map(_is_example, said["pages"])):
        lines.append("Read every page before you share it: what the card does not read may still name somebody. Then:")
        lines.append(f"  rollcall sources check {said['source']}    writes expected.json; read that against the page too")
    if said["dropped"]:
        lines.append(f"{said['dropped']}, the invented example, is removed: a real one stands in for it")
    return lines


def _asked(settings: Settings, source: Source, count: int) -> list[bytes]:
    """The first pages as a visit would ask for them; robots.txt, pace and limits hold, and nothing but the answers is kept."""
    form = sources.format_of(source)
    bodies: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder, Client(contact=stages.contact(settings, [source]), secrets=settings.secrets) as client:
        archive = Archive(Path(folder), hosts=Archive(settings.raw).hosts)
        with archive.open(source, runs.clock(settings)) as capture:
            queue: deque[Request] = deque(form.requests(source))
            while queue and len(bodies) < count:
                request = queue.popleft()
                page = client.fetch(request, source, capture)
                bodies.append(archive.read(page))
                if hasattr(form, "follow") and not request.is_leaf:
                    queue.extend(form.follow(replace(page, body=bodies[-1]), source))
    return bodies


def _heads(source: Source, count: int) -> list[bytes]:
    bodies = []
    for path in list(files_of(source).values())[:count]:
        with path.open("rb") as file:
            bodies.append(file.read(HEAD))
    return bodies


def _records(source: Source, body: bytes) -> tuple[list[dict[str, Any]], int]:
    """Its records, and how many places could not be read; nothing of a page that as a whole is not what the card describes."""
    try:
        said = read(source, body)
    except (SourceUnreadable, Refused, ValueError):
        return [], 0
    found = [what for each in said for noun, what in each.items() if noun != "Problem"]
    return found, len(said) - len(found)


def _kept_words(source: Source) -> frozenset[str]:
    """Words that name nobody: titles and credentials around names, and whatever stands on the card."""
    said = json.dumps([source.title, dict(source.columns), dict(source.words), source.ignore, dict(source.options)], default=str)
    return PREFIXES | SUFFIXES | CREDENTIALS | set("".join(c if c.isalpha() else " " for c in said).split())


def _drop_invented(source: Source) -> str | None:
    """Remove the example that `sources new` wrote, unless somebody changed it."""
    case = home(source) / "invented"
    known = {sha256(path.read_bytes()).hexdigest() for path in (ROOT / "pipelines" / "templates" / "new").glob("*")}
    pages = list(case.glob("page.*"))
    if not pages or sha256(pages[0].read_bytes()).hexdigest() not in known:
        return None
    for path in case.iterdir():
        path.unlink()
    case.rmdir()
    return str(case)
