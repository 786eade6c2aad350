"""A table in a PDF, ruled by lines or aligned by eye, over any number of pages; how sure we are of each row is kept with it.

The confidence of a row is that of its least sure cell: the share of the cell's words that stand wholly in their column and do not run on
from the column before; a word from a line which we took for the continuation of the row above counts nine tenths. A row below the card's
`confidence_at_least` (0.9 unless it says otherwise) is a problem, whatever it seems to say.
A PDF is read in a process of its own, which ends when it takes too long, too much memory or has too many pages.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scrapers import packed
from scrapers.card import CardMap
from scrapers.formats import table
from scrapers.formats._columns import AND, accounted, select_of
from scrapers.formats._dialect import Dialect
from scrapers.formats._personal import is_personal
from scrapers.reading import collapsed, folded, problem
from scrapers.records import Evidence, Problem, Refused, Request, Source, SourceUnreadable, Table

KEYS = ("confidence_at_least", "constants")
LARGEST = 256 * 1000**2  # bytes
SECONDS = 900  # for a whole PDF; a page of a directory takes about half a second
CONFIDENT = 0.9


def requests(source: Source) -> list[Request]:
    """The whole table is one file per start."""
    return [Request(url=each, expects="any", is_leaf=True) for each in source.start]


def check(source: Source) -> None:
    """As a table; a confidence between 0 and 1; and no column that nobody may keep, for nothing can be cut out of a PDF."""
    table.check(source)
    if named := [each for each in source.ignore if is_personal(each)]:
        raise Refused(
            f"{source.name}: `ignore` names {named[0]!r}, which nobody may keep, and a PDF is kept whole; ask the publisher for a table, "
            "of which such a column is left out"
        )
    CardMap(dict(source.options), source.name, None).number("confidence_at_least", 0, 1, whole=False, otherwise=CONFIDENT)


def tables(page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    """The rows of every page as one flat file; rows we are not sure of as problems."""
    paper, said = folder / "page.pdf", folder / "rows.ndjson"
    with packed.opened(page.path, LARGEST) as body, paper.open("wb") as copy:
        while chunk := body.read(packed.CHUNK):
            copy.write(chunk)
    with paper.open("rb") as begun:
        if b"%PDF-" not in begun.read(1024):
            raise SourceUnreadable(f"{source.name}: the file does not begin like a PDF; expected one")
    wanted = sorted({each for theirs in source.columns.values() for each in theirs.split(AND)})
    _read(source, paper, said, [*wanted, *source.ignore])
    least = float(source.options.get("confidence_at_least", CONFIDENT))
    header: list[str] = []
    target, count = folder / "rows.csv", 0
    with said.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8", newline="") as flat:
        for row in map(json.loads, lines):
            if "header" in row:
                header = row["header"]
                accounted(header, source, folded)
                continue
            place, cells = (
                f"page {row['page']} row {row['row']}, confidence {row['confidence']:.2f}",
                [collapsed(each) for each in row["cells"]],
            )
            count += 1
            if row["confidence"] < least:
                yield problem(page.id, place, f"we are not sure enough how this row is meant; the card asks for {least:g}", "")
            else:
                flat.write(",".join('"' + each.replace('"', '""') + '"' for each in (place, *cells)) + "\n")
    paper.unlink()
    said.unlink()
    if not header:
        raise SourceUnreadable(f"{source.name}: no line of the PDF holds {', '.join(map(repr, wanted))}; expected a row of column names")
    if not count:
        yield problem(page.id, "page", "the table has a header and no row", "")
    yield Table(path=target, select=select_of(source, Dialect(encoding="utf-8", header=tuple(header)), folded, "none", is_placed=True))


def _read(source: Source, paper: Path, into: Path, names: list[str]) -> None:
    """Have another process lay the rows out; it is ended when it takes longer than it may."""
    from scrapers.formats import _paper  # its own file is what the other process runs

    asked = json.dumps({"paper": str(paper), "into": str(into), "names": names})
    try:
        ended = subprocess.run(  # noqa: S603 our own file, by our own interpreter
            [sys.executable, "-I", str(_paper.__file__)], input=asked, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise SourceUnreadable(
            f"{source.name}: the PDF was not read within {SECONDS} seconds; split it, or read another file", "too_large"
        ) from None
    if ended.returncode == _paper.TOO_MANY:
        raise SourceUnreadable(f"{source.name}: the PDF {ended.stdout.strip()}; expected at most {_paper.PAGES:,} pages", "too_large")
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or [f"it ended with status {ended.returncode}"])[-1][:200]
        failure = "too_large" if "MemoryError" in ended.stderr or ended.returncode < 0 else "cut_short"
        raise SourceUnreadable(f"{source.name}: the PDF cannot be read ({last}); save it again, or get it again", failure) from None
    if not into.exists():
        raise Refused(f"{source.name}: the PDF was read, and nothing came of it; try again")
