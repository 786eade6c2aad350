"""The federal list of excluded individuals and entities (OIG LEIE): UPDATED.csv, its monthly supplements and reinstatements.

One record is one exclusion. NPI 0000000000 and day 00000000 are blanks. The list prints a date of birth: that column is cut out of every
row before anything is kept, and all else is kept byte for byte; the hash of the file as it came stands in the manifest. Most rows have no
NPI, and none a number of another kind that we may ask for: a name alone is only a candidate.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from functools import partial

from scrapers.formats.table import clean, identifier, quoted
from scrapers.reading import EXCERPT, decoded
from scrapers.records import Refused, Request, Source, SourceUnreadable

COLUMNS = {
    "last": "LASTNAME",
    "first": "FIRSTNAME",
    "middle": "MIDNAME",
    "organization": "BUSNAME",
    "specialty": "SPECIALTY",
    "npi": "NPI",
    "city": "CITY",
    "state": "STATE",
    "zip": "ZIP",
    "type": "EXCLTYPE",
    "excluded": "EXCLDATE",
    "reinstated": "REINDATE",
    "waiver": "WVRSTATE",
}
PASSED_OVER = ("GENERAL", "UPIN", "ADDRESS", "WAIVERDATE")  # an address may be a home
NEVER_KEPT = "DOB"
BLANKS = {"npi": "0000000000", "excluded": "00000000", "reinstated": "00000000"}
LONGEST = 1 << 20  # bytes of one row
CELL = re.compile(rb'"(?:[^"]|"")*"|[^",\r\n]*')


def check(source: Source) -> None:
    """The format names its own columns."""
    if source.kind != "exclusion":
        raise Refused(f"{source.name}: `kind` is {source.kind}; a leie source is an exclusion list")
    if source.columns or source.ignore:
        raise Refused(
            f"{source.name}: `columns` and `ignore` have no meaning in the leie format, whose columns are fixed; take them off the card"
        )


def requests(source: Source) -> list[Request]:
    """Each file is one CSV."""
    return [Request(url=each, expects="csv", is_leaf=True, select=distil(source)) for each in source.start]


def distil(source: Source) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """What is kept of a file: all of it but the dates of birth."""
    return partial(_without_birth, source.name)


def select(source: Source, head: bytes) -> str:
    """One SELECT over the CSV at $path: `locator` ("row N"), our fields, `problem`, `excerpt`."""
    header = next(csv.reader(io.StringIO(decoded(head, source, whole=False), newline="")), [])
    if sorted(header) != sorted([*COLUMNS.values(), *PASSED_OVER]):
        odd = sorted({*header} ^ {*COLUMNS.values(), *PASSED_OVER})
        saw = f"differs from it by {', '.join(map(repr, odd))}" if odd else "holds a column twice"
        raise SourceUnreadable(f"{source.name}: the list's header {saw}; expected the columns of the LEIE, without the date of birth")
    types = ", ".join(f"{quoted(each)}: 'VARCHAR'" for each in header)
    fields = ", ".join(f"nullif({clean(identifier(theirs))}, {quoted(BLANKS.get(ours, ''))}) as {ours}" for ours, theirs in COLUMNS.items())
    bad = "coalesce(last, organization) is null"
    # every column is looked at: a scan that stores rejects takes a row of the wrong width for a good one where one is left out
    whole_rows = f"hash({', '.join(map(identifier, header))}) is not null"
    return f"""
select 'row ' || n as locator, * exclude (n), case when {bad} then 'no name' end as problem,
  case when {bad} then left(concat_ws(' | ', first, specialty, city, state), {EXCERPT}) end as excerpt
from (
  select row_number() over () as n, {fields}
  from read_csv($path, columns={{{types}}}, header=true, auto_detect=false, delim=',', quote='"', escape='"', strict_mode=true,
    compression='gzip', store_rejects=true)
  where {whole_rows}
) said"""


def _without_birth(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    place: int | None = None
    for row in _rows(name, chunks):
        cells = _cells(row)
        if place is None:
            names = [row[start:end].strip(b'"').decode(errors="replace") for start, end in cells]
            if names.count(NEVER_KEPT) != 1:
                saw = row[:40].removeprefix(b"\xef\xbb\xbf")
                raise SourceUnreadable(
                    f"{name}: the file begins with {saw!r}; expected the header of the LEIE, with one column {NEVER_KEPT}"
                )
            place, width = names.index(NEVER_KEPT), len(names)
        if len(cells) != width:
            # without the right width nobody can tell which cell the date of birth is
            raise SourceUnreadable(f"{name}: a row has {len(cells)} cells and the header {width}; get the file again")
        start, end = cells[place]
        yield row[:start] + row[end + 1 :] if place < width - 1 else row[: start - 1] + row[end:]


def _rows(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Rows with their line's end; a line's end in quotes is no row's."""
    held = b""
    for chunk in chunks:
        held += chunk
        *lines, rest = held.split(b"\n")
        held = b""
        for line in lines:
            held += line + b"\n"
            if held.count(b'"') % 2 == 0:
                yield held
                held = b""
        held += rest
        if len(held) > LONGEST + len(chunk):
            raise SourceUnreadable(f"{name}: a row has no end within {LONGEST:,} bytes; get the file again")
    if held:
        yield held


def _cells(row: bytes) -> list[tuple[int, int]]:
    """Where each cell of a row begins and ends."""
    line, cells, at = row.rstrip(b"\r\n"), [], 0
    while True:
        found = CELL.match(line, at)
        end = found.end() if found else at
        cells.append((at, end))
        if end >= len(line):
            return cells
        at = end + 1
