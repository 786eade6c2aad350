"""What the national registry says, as flat files for DuckDB: the registry itself, its deactivation report, an answer of its API."""

import csv
import gzip
import io
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from scrapers import packed
from scrapers.formats.table import clean, identifier, quoted
from scrapers.reading import EXCERPT, folded
from scrapers.records import Evidence, Problem, Source, SourceUnreadable, Table

SLOTS = range(1, 16)
COLUMNS = {
    "npi": "NPI",
    "entity": "Entity Type Code",
    "last": "Provider Last Name (Legal Name)",
    "first": "Provider First Name",
    "middle": "Provider Middle Name",
    "suffix": "Provider Name Suffix Text",
    "other_last": "Provider Other Last Name",
    "other_first": "Provider Other First Name",
    "other_middle": "Provider Other Middle Name",
    "organization": "Provider Organization Name (Legal Business Name)",
    "city": "Provider Business Practice Location Address City Name",
    "state": "Provider Business Practice Location Address State Name",
    "zip": "Provider Business Practice Location Address Postal Code",
    "phone": "Provider Business Practice Location Address Telephone Number",
    "enumerated": "Provider Enumeration Date",
    "updated": "Last Update Date",
    "deactivated": "NPI Deactivation Date",
    "reactivated": "NPI Reactivation Date",
    "replaced_by": "Replacement NPI",
}
SLOT = {
    "taxonomy": "Healthcare Provider Taxonomy Code",
    "license": "Provider License Number",
    "license_state": "Provider License Number State Code",
}
FIELDS = (*COLUMNS, *SLOT)
NEEDED = (*COLUMNS.values(), *(f"{name}_{slot}" for slot in SLOTS for name in SLOT.values()))
REPORT = {"npi": "NPI", "deactivated": "NPPES Deactivation Date"}

BEGINS = re.compile(rb'"[0-9]{10}",')  # a row; a line that does not begin so goes on with the one before
BLOCK = 4 << 20  # bytes of rows looked at together
LONGEST = 16 << 20  # bytes without a row's end after which no row is to be expected
PIECE = 128 << 20  # bytes of rows that lie unpacked on the disk at a time
WORKBOOK = 1 << 30  # bytes of an unpacked workbook; the report of 2026 has 350,000 rows in 60 MB


def blocks(source: Source, chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The header, and the rows in blocks of whole rows."""
    arriving = iter(chunks)
    held = b""
    while b"\n" not in held and len(held) < LONGEST and (chunk := next(arriving, None)) is not None:
        held += chunk
    header, newline, rest = held.partition(b"\n")
    return header.removeprefix(b"\xef\xbb\xbf") + newline, _whole_rows(source, chain([rest], arriving))


def _whole_rows(source: Source, chunks: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) < BLOCK:
            continue
        cut = held.rfind(b"\n", 0, len(held) - 13)
        while cut >= 0 and not BEGINS.match(held, cut + 1):
            cut = held.rfind(b"\n", 0, cut)
        if cut >= 0:
            yield bytes(held[: cut + 1])
            del held[: cut + 1]
        elif len(held) > LONGEST:
            raise SourceUnreadable(f"{source.name}: {LONGEST:,} bytes without the beginning of a row, a quoted NPI; get the file again")
    if held:
        yield bytes(held)


def columns_of(source: Source, header: bytes) -> list[str]:
    """The columns of the file. SourceUnreadable where one that we read is missing, or the values are not in quotes."""
    try:
        columns = next(csv.reader([header.decode("utf-8", errors="replace").rstrip("\r\n")]), [])
    except csv.Error:  # a line end of another sort, or a name longer than any
        columns = []
    if header.count(b'"') != 2 * len(columns) or columns[:1] != [COLUMNS["npi"]]:
        raise SourceUnreadable(
            f"{source.name}: the file begins with {header[:40]!r}; expected quoted names of columns, NPI the first: take it as published"
        )
    known = {folded(each) for each in columns}
    if missing := [each for each in NEEDED if folded(each) not in known]:
        said = ", ".join(map(repr, missing[:3])) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise SourceUnreadable(
            f"{source.name}: of {len(columns)} columns none is {said}; the registry's form has changed: the reader must learn it"
        )
    if len(known) < len(columns):
        raise SourceUnreadable(f"{source.name}: a column stands in the file twice, so we cannot tell which is meant")
    return columns


def rows(page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    """The rows of a file, PIECE bytes at a time, every one as wide as the header: DuckDB would stop at one that is not."""
    for _, body in packed.members(page.path):
        header, whole = blocks(source, iter(partial(body.read, BLOCK), b""))
        columns = columns_of(source, header)
        query, row = _query(columns), 0
        block: bytes | None = next(whole, b"")
        while block:
            path, size = folder / "rows.csv", 0
            with path.open("wb") as file:
                file.write(header)
                while block and size < PIECE:
                    rows = block.splitlines(keepends=True)
                    if not block.isascii() or not all(map(partial(_is_plain, len(columns)), rows)):
                        rows = list(_joined(rows))
                        wrong = [_problem(page, number, each, len(columns)) for number, each in enumerate(rows, row + 1)]
                        yield from filter(None, wrong)
                        block = b"".join(each for each, problem in zip(rows, wrong, strict=True) if problem is None)
                    row += len(rows)
                    size += file.write(block)
                    block = next(whole, None)
            if size:
                yield Table(path=path, select=query)


def _is_plain(width: int, line: bytes) -> bool:
    """A whole row with all its cells in quotes, and no quote or line's end in any."""
    return line.count(b'"') == 2 * width and line.count(b'","') == width - 1


def _joined(lines: list[bytes]) -> Iterator[bytes]:
    """Rows, of the lines of a block: some cells hold a line's end."""
    held = lines[0]
    for line in lines[1:]:
        if BEGINS.match(line):
            yield held
            held = line
        else:
            held += line
    yield held


def _problem(page: Evidence, number: int, row: bytes, width: int) -> Problem | None:
    """Why a row cannot be read; None where it can."""
    try:
        cells = list(csv.reader(io.StringIO(row.decode(), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        reason = f"the row is damaged: {error}"
    else:
        is_whole = [len(each) for each in cells] == [width]
        reason = "" if is_whole else f"the row has {len(cells[0]) if cells else 0} cells; its header has {width}"
    excerpt = row[:EXCERPT].decode(errors="replace")
    return Problem(evidence_id=page.id, locator=f"row {number}", reason=reason, excerpt=excerpt) if reason else None


def _query(columns: list[str]) -> str:
    """The SELECT over such a file: a row per NPI and taxonomy, one where there is none."""
    theirs = {folded(each): each for each in columns}
    types = ", ".join(f"{quoted(each)}: 'VARCHAR'" for each in columns)
    slots = ", ".join(
        "{" + ", ".join(f"'{ours}': {identifier(theirs[folded(f'{name}_{slot}')])}" for ours, name in SLOT.items()) + f", 'place': {slot}}}"
        for slot in SLOTS
    )
    plain = ", ".join(f"{identifier(theirs[folded(name)])} as {ours}" for ours, name in COLUMNS.items())
    return _registrations(f"""
  select {plain},
    [slot for slot in [{slots}] if coalesce(slot.taxonomy, slot.license) is not null] as slots
  from read_csv($path, columns={{{types}}}, header=true, auto_detect=false, delim=',', quote='"', escape='"', strict_mode=true)""")


def _registrations(said: str) -> str:
    """Our fields, of rows with a list of slots."""
    fields = ", ".join(f"{clean(name)} as {name}" for name in COLUMNS)
    slot = ", ".join(f"{clean(f'slot.{name}')} as {name}" for name in SLOT)
    bad = "not coalesce(regexp_matches(npi, '^ *[12][0-9]{9} *$'), false)"
    return f"""
with said as ({said}
), spread as (
  select * exclude (slots), unnest(case when len(slots) > 0 then slots else [null] end) as slot from said
)
select concat('NPI ', npi, ', taxonomy ' || slot.place) as locator, {fields}, {slot},
  case when {bad} then 'the NPI is not ten digits that begin with 1 or 2' end as problem,
  case when {bad} then left(concat_ws(' | ', npi, last, first, organization), {EXCERPT}) end as excerpt
from spread"""


def report(page: Evidence, source: Source, folder: Path, is_bare: bool) -> Iterator[Table | Problem]:
    """The deactivation report: a workbook, alone or in a zip, with a title above its two columns."""
    book = folder / "report.xlsx"
    if is_bare:
        packed.repacked(page.path, book, WORKBOOK)
    else:
        with packed.opened(page.path, WORKBOOK) as inside, gzip.open(folder / "report.gz", "wb", compresslevel=1) as copy:
            shutil.copyfileobj(inside, copy)
        packed.repacked(folder / "report.gz", book, WORKBOOK)
        (folder / "report.gz").unlink()
    rows = _sheet(book, source)
    book.unlink()
    header = next(
        (at for at, row in enumerate(rows[:10]) if {folded(each) for each in row} >= {folded(each) for each in REPORT.values()}), None
    )
    if header is None:
        raise SourceUnreadable(
            f"{source.name}: no row of {page.url} names {' and '.join(REPORT.values())}; expected the deactivation report"
        )
    places = [[folded(each) for each in rows[header]].index(folded(theirs)) for theirs in REPORT.values()]
    path = folder / "report.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        cells = ([each[place] if place < len(each) else "" for place in places] for each in rows[header + 1 :] if any(each))
        csv.writer(file).writerows(cells)
    given = ", ".join(name if name in REPORT else f"null::varchar as {name}" for name in COLUMNS)
    names = "{" + ", ".join(f"'{each}': 'VARCHAR'" for each in REPORT) + "}"
    slots = f"cast([] as struct({', '.join(f'{each} varchar' for each in SLOT)}, place integer)[])"
    said = f"select {given}, {slots} as slots from read_csv($path, columns={names}, header=false, auto_detect=false)"
    yield Table(path=path, select=_registrations(said))


def _sheet(book: Path, source: Source) -> list[list[str]]:
    """The first sheet of a workbook, as text."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        rows = CalamineWorkbook.from_path(str(book)).get_sheet_by_index(0).to_python()
    except CalamineError as error:
        raise SourceUnreadable(f"{source.name}: the deactivation report is no workbook that can be read ({error}); get it again") from error
    return [[str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip() for cell in row] for row in rows]


def answer(page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    """One answer of the API. A number it does not know may be deactivated, or never have been: it says nothing."""
    with gzip.open(page.path) as body:
        try:
            said = json.loads(body.read())
        except (ValueError, RecursionError) as error:
            raise SourceUnreadable(f"{source.name}: {page.url} is no JSON ({error}); expected an answer of the registry's API") from None
    if not isinstance(said, dict) or not isinstance(said.get("results"), list):
        raise SourceUnreadable(f"{source.name}: {page.url} has no results; the API answered {json.dumps(said)[:120]}")
    path = folder / "answer.json"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_flat(each)) + "\n" for each in said["results"] if isinstance(each, dict))
    names = "{" + ", ".join(f"'{each}': 'VARCHAR'" for each in COLUMNS)
    slot = "struct(" + ", ".join(f"{each} varchar" for each in SLOT) + ", place integer)[]"
    said = f"select * from read_json($path, format='newline_delimited', columns={names}, 'slots': {quoted(slot)}}})"
    yield Table(path=path, select=_registrations(said))


def _flat(result: Mapping[str, Any]) -> dict[str, Any]:
    """One result of the API in the words of the full file. Two dashes are a blank."""
    basic, others = result.get("basic") or {}, result.get("other_names") or [{}]
    place: Mapping[str, Any] = next((each for each in result.get("addresses") or () if each.get("address_purpose") == "LOCATION"), {})
    entity = {"NPI-1": "1", "NPI-2": "2"}.get(str(result.get("enumeration_type")))
    flat = {
        "npi": result.get("number"),
        "entity": entity,
        **{ours: basic.get(theirs) for ours, theirs in (("last", "last_name"), ("first", "first_name"), ("middle", "middle_name"))},
        "suffix": basic.get("name_suffix"),
        **{f"other_{part}": others[0].get(f"{part}_name") for part in ("last", "first", "middle")},
        "organization": basic.get("organization_name"),
        **{
            ours: place.get(theirs)
            for ours, theirs in (("city", "city"), ("state", "state"), ("zip", "postal_code"), ("phone", "telephone_number"))
        },
        "enumerated": basic.get("enumeration_date"),
        "updated": basic.get("last_updated"),
        "deactivated": None,
        "reactivated": None,
        "replaced_by": None,
    }
    slots = [
        {"taxonomy": each.get("code"), "license": each.get("license") or None, "license_state": each.get("state"), "place": at}
        for at, each in enumerate(result.get("taxonomies") or (), 1)
    ]
    return {name: None if value == "--" else value for name, value in flat.items()} | {"slots": slots}
