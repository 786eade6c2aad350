"""Any bytes to any format's reader, and what must be true of whatever it makes of them."""

import gzip
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import curate, warehouse
from scrapers import sources
from scrapers.answers import is_packed
from scrapers.evidence import Archive
from scrapers.reading import Record, Unreadable, record_type
from scrapers.records import Evidence, Problem, Refused, Snapshot, Source
from tests.scrapers.reads import page

HERE = Path(__file__).parent
PAGES = HERE.parent / "scrapers" / "pages"  # recorded pages, of every source that has some
CARDS = HERE.parent / "scrapers" / "cards"
OWN = HERE / "seeds"  # for formats whose sources have no recorded page
OPEN = ExitStack()  # for as long as this process lives
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SNAPSHOT = Snapshot(
    id="s@2026-11-22-0123456789ab",
    source="s",
    day=date(2026, 11, 22),
    started_at=NOW,
    finished_at=NOW,
    response_count=1,
    sha256="",
    folder=Path(),
)


@dataclass(frozen=True)
class Case:
    """One card, and examples of what its source says."""

    source: Source
    url: str
    seeds: tuple[bytes, ...]

    @property
    def name(self) -> str:
        return self.source.name


@cache
def cases() -> tuple[Case, ...]:
    """Every card with an example, by name: recorded pages, and the folders of tests/fuzz/seeds with a card.yml each."""
    found = []
    for home in sorted(path for path in PAGES.iterdir() if path.is_dir()):
        own = CARDS / f"{home.name}.yml"
        source = sources.load(f"./{own.name}" if own.exists() else home.name, own.parent)
        found.append(_case(source, sorted(home.glob("*/page.*"))))
    for card in sorted(OWN.glob("*/card.yml")):
        source = replace(sources.load("./card.yml", card.parent), name=card.parent.name)
        found.append(_case(source, sorted(path for path in card.parent.iterdir() if path != card)))
    return tuple(found)


def _case(source: Source, examples: list[Path]) -> Case:
    asked = sources.format_of(source).requests(source) if "://" in source.start[0] else []
    return Case(source, asked[0].name if asked else f"file:{examples[0].name}", tuple(path.read_bytes() for path in examples))


def formats() -> set[str]:
    """Every format there is."""
    return {path.stem for path in Path(sources.__file__).with_name("formats").glob("[!_]*.py")}


def read(case: Case, body: bytes) -> list[dict[str, Any]]:
    """The records and problems that the source's reader makes of a body; none where the body is refused in a sentence."""
    distil = getattr(sources.format_of(case.source), "distil", None)
    if distil is None:
        return _read(case, body)
    found = _read(case, body) if body in case.seeds else []  # an example may be what was kept rather than what was sent
    with suppress(Refused):
        found += _read(case, b"".join(distil(case.source)(iter([body[:100], body[100:]]))))
    return found


def _read(case: Case, body: bytes) -> list[dict[str, Any]]:
    form = sources.format_of(case.source)
    with tempfile.TemporaryDirectory() as folder:
        evidence = replace(page(body), url=case.url, snapshot_id=SNAPSHOT.id)
        evidence = replace(evidence, path=Path(folder) / f"{evidence.sha256}.gz")
        evidence.path.write_bytes(gzip.compress(body, 1))
        if follow := getattr(form, "follow", None):
            with suppress(Refused, Unreadable):
                list(follow(evidence, case.source))
        if complete := getattr(form, "complete", None):
            with suppress(Refused, Unreadable):
                complete(iter([evidence]), case.source)
        with suppress(Refused, curate.Unread):
            if hasattr(form, "parse"):
                return [_said(each) for each in form.parse(evidence, case.source)]
            return _loaded(case.source, replace(evidence, body=b""))
    return []


class One(Archive):
    """An archive of one page, which lies where it says."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence.path.parent)
        self._evidence = evidence

    def evidence(self, snapshot: Snapshot) -> list[Evidence]:
        """The page."""
        return [self._evidence]


def _loaded(source: Source, evidence: Evidence) -> list[dict[str, Any]]:
    con = _warehouse()
    nouns = (record_type(source).__name__.lower(), "problem")
    for table in ("snapshot", "evidence", *nouns):
        con.execute(f"delete from parsed.{table}")
    curate.load_snapshot(con, One(evidence), source, SNAPSHOT, ZoneInfo("UTC"))
    records, problems = (warehouse.table(con, f"select * from parsed.{noun}") for noun in nouns)
    return [*records, *({**each, "problem": each["reason"]} for each in problems)]


@cache
def _warehouse() -> Any:
    con = OPEN.enter_context(warehouse.opened(Path(":memory:")))
    con.execute("set threads = 1")
    warehouse.lay_out(con)
    return con


def _said(record: Record | Problem) -> dict[str, Any]:
    said = asdict(record) | {"problem": record.reason if isinstance(record, Problem) else None}
    "".join(value for value in said.values() if isinstance(value, str)).encode()  # or the warehouse could not hold it
    return said


# What must be true ------------------------------------------------------------------------------------------------


def check(case: Case, body: bytes) -> None:
    """Read, and hold every record against the body: each word of it stands there or on the card, and each problem has its place."""
    found = read(case, body)
    known = {each.name for each in fields(record_type(case.source))} - {"evidence_id", "locator"}
    known -= {"accepting", "network", "strength"}  # said in the card's words
    words = None if is_packed(body[:8]) or b"%PDF" in body[:1024] else _words(case.source, body)
    for row in found:
        assert row.get("locator"), f"no place: {row}"
        if row.get("problem") is not None:
            assert len(row["excerpt"] or "") <= 200, f"an excerpt of {len(row['excerpt'])} characters"
            continue
        for name in known & row.keys():
            for word in re.split(r"[\W_]+", str(row[name] or "")):  # a reader may join a list
                assert words is None or _folded(word) in words, f"{name} says {word!r}, which the body does not"


def _words(source: Source, body: bytes) -> str:
    """Everything the body says, in whatever way its format may be unpacked, blanks and case aside."""
    encoding = str(source.options.get("encoding", "utf-8"))
    text = body.decode(encoding, errors="replace")
    said = [text, unescape(text), text.replace('""', '"'), body.decode("latin-1")]
    for line in [text, *text.splitlines()]:
        try:
            said += _strings(json.loads(line.removeprefix("\ufeff")))
        except (ValueError, RecursionError):
            continue
    return _folded("\n".join(said))


def _folded(text: str) -> str:
    return "".join(text.casefold().split())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif value is not None:
        yield str(value)
