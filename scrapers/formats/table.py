"""A table: CSV of any dialect, tabs, pipes, fixed width, a workbook, or a table of a page; plain, gzip, or in a zip.

Every header is mapped under `columns:` or listed under `ignore:`, or the table is refused. An ignored column is never read, and one that
nobody may keep (a year of birth, a social security number) is cut out of the evidence itself, beside the hash of the whole (_personal).
`columns: {status: "Status + Reason"}` joins two of theirs by a blank. What the card does not say of the dialect is detected (see _dialect).
"""

import csv
import gzip
import io
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from scrapers import packed
from scrapers.card import CardMap
from scrapers.formats import _dialect, _personal, _sheets
from scrapers.formats._columns import AND as AND
from scrapers.formats._columns import accounted, select_of
from scrapers.formats._columns import clean as clean
from scrapers.formats._columns import identifier as identifier
from scrapers.formats._columns import literal as literal
from scrapers.formats._columns import quoted as quoted
from scrapers.formats._columns import translated as translated
from scrapers.formats._dialect import Dialect
from scrapers.reading import check_names, decoded, folded, problem
from scrapers.records import Evidence, Problem, Refused, Request, Source, SourceUnreadable, Table

KEYS = ("delimiter", "quote", "header", "widths", "sheet", "constants")
DATES = ("issued", "expires", "enumerated", "updated", "deactivated", "reactivated", "excluded", "reinstated")


def requests(source: Source) -> list[Request]:
    """The whole table is one file per start."""
    return [Request(url=each, expects=_expected(each), is_leaf=True, select=distil(source)) for each in source.start]


def distil(source: Source) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """What is kept of a file: all of it but the columns that nobody may keep."""
    return partial(_personal.kept, source, folded)


def check(source: Source) -> None:
    """A table must say which column is which, and may say how it is written."""
    if not source.columns:
        raise Refused(f"{source.name}: `columns` is missing; say which column of the table is which of ours, e.g. {{name: Provider}}")
    card = CardMap(dict(source.options), source.name, None)
    check_names(source, [*source.columns, *card.map("constants").content], "columns")
    for name in card.map("constants").content:
        card.map("constants").text(name, required=True)
    if "delimiter" in card.content and (len(card.text("delimiter").replace("tab", "\t")) != 1 or card.text("delimiter") in '"\n\r'):
        card.refuse("delimiter", "one character, or tab")
    if "quote" in card.content and card.content["quote"] not in _dialect.QUOTES:
        card.refuse("quote", "double, single or none")
    card.texts("sheet")
    if "header" in card.content and not card.texts("header"):
        card.refuse("header", "the names of the columns, in their order, of a file that has no row of them")
    for name, place in card.map("widths").content.items():
        if not (
            isinstance(place, list) and len(place) == 2 and all(type(each) is int for each in place) and 1 <= place[0] <= place[1] <= 10_000
        ):
            card.map("widths").refuse(name, "first and last position, from 1, e.g. [1, 8]")
    if header := [*card.texts("header"), *card.map("widths").content]:
        accounted(header, source, folded)


def tables(page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    """Each table in the body as one flat file in utf-8, with its SELECT; what cannot be laid out is a problem."""
    with gzip.open(page.path) as blob:
        is_book = _sheets.is_workbook(blob.read(4096))
    if is_book:
        book = folder / "book"
        _unpack_book(page.path, book)
        yield from _chosen(_sheets.of_workbook(book, source), page, source, folder, is_told=True)
        book.unlink()
        return
    wanted, seen = source.options.get("sheet"), set[str]()
    for name, stream in packed.members(page.path, folder=folder):
        if name and wanted and not any(fnmatchcase(name, each) for each in _texts(wanted)):
            continue
        called = PurePosixPath(name).name
        where = f"{name if called in seen else called} " if name else ""  # a locator stands in one place
        seen.add(called)
        target = folder / "table.csv"
        encoding = _dialect.lay_out(stream, target, source)
        with target.open("rb") as flat:
            head = flat.read(_dialect.HEAD).decode("utf-8", errors="replace")
        if head.lstrip()[:1] == "<":
            yield from _of_page(target, page, source, folder, where)
        else:
            yield Table(path=target, select=select_of(source, _of(head, source, folded, encoding), folded, "none", where))
    if not seen:
        raise SourceUnreadable(f"{source.name}: no file of the archive is called {wanted!r}; correct `sheet:`")


def filled_in(path: Path, source: Source) -> Iterator[_sheets.Sheet]:
    """Every table of a file that a person filled in, row by row: a text in any dialect, or a workbook, whose texts stay as typed."""
    with tempfile.TemporaryDirectory(prefix=".filled-") as folder:
        into = Path(folder) / "flat"
        with path.open("rb") as body:
            is_book = _sheets.is_workbook(body.read(4096))
            body.seek(0)
            if is_book:
                blob = Path(folder) / "packed.gz"
                with gzip.open(blob, "wb", compresslevel=1) as copy:
                    shutil.copyfileobj(body, copy, packed.CHUNK)
                _unpack_book(blob, into)
                for sheet in _sheets.of_workbook(into, source):
                    rows = [(at, [each if isinstance(each, str) else _sheets.printed(each) for each in row]) for at, row in sheet.rows]
                    yield _sheets.Sheet(sheet.name, rows)
                return
            encoding = _dialect.lay_out(body, into, source)
        text = _whole(into, source)
    how = _of(text[: _dialect.HEAD], source, folded, encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=how.delimiter, quotechar=how.quote or None, strict=True)
    reader = reader if how.quote else csv.reader(io.StringIO(text, newline=""), delimiter=how.delimiter, quoting=csv.QUOTE_NONE)
    try:
        yield _sheets.Sheet("", [(f"row {at}", row) for at, row in enumerate(reader, 1) if any(each.strip() for each in row)])
    except csv.Error as damage:
        raise SourceUnreadable(
            f"{source.name}: line {reader.line_num} is no row of a table ({damage}); save the file again as .xlsx"
        ) from None


def _whole(path: Path, source: Source) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as damage:
        said = f"{source.name}: a letter is damaged ({damage.object[damage.start : damage.end]!r}); save the file again as .xlsx"
        raise SourceUnreadable(said) from None


def dialect(head: bytes, source: Source) -> str:
    """One sentence: how the table that begins with `head` is written, and what of that the card does not say."""
    if _sheets.is_workbook(head):
        return "a workbook"
    if head.startswith(b"PK\x03\x04"):
        return "a zip"
    encoding = str(source.options.get("encoding") or _dialect.encoding_of(head, whole=False))
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    return "a page" if text.lstrip()[:1] == "<" else str(_of(text, source, folded, encoding))


def reading(source: Source, head: bytes, same: Callable[[str], str]) -> str:
    """The SELECT over a CSV at $path, a compressed blob as it was kept; headers are compared in the form that `same` gives them."""
    text = decoded(head, source, whole=False)
    if "\r\n" in text and not text.split("\n", 1)[0].endswith("\r"):  # DuckDB loses such rows, or stops
        raise SourceUnreadable(f"{source.name}: the first line ends in LF and later ones in CR LF; save the file with one kind of line end")
    how = _of(text, source, same, str(source.options.get("encoding", "utf-8")))
    return select_of(source, how, same, "gzip", encoding=how.encoding)


# A text ----------------------------------------------------------------------------------------------------------


def _of(text: str, source: Source, same: Callable[[str], str], encoding: str) -> Dialect:
    return _dialect.of(text, source, {same(each) for theirs in source.columns.values() for each in theirs.split(AND)}, same, encoding)


# Sheets ----------------------------------------------------------------------------------------------------------


def _of_page(target: Path, page: Evidence, source: Source, folder: Path, where: str) -> Iterator[Table | Problem]:
    if target.stat().st_size > _sheets.LARGEST_PAGE:
        said = f"{source.name}: a page of {target.stat().st_size:,} bytes; expected at most {_sheets.LARGEST_PAGE:,}"
        raise SourceUnreadable(said, "too_large")
    body = target.read_bytes().decode("utf-8", errors="strict")
    target.unlink()
    yield from _chosen(_sheets.of_page(body, where), page, source, folder, is_told=False)


def _chosen(found: Iterator[_sheets.Sheet], page: Evidence, source: Source, folder: Path, *, is_told: bool) -> Iterator[Table | Problem]:
    """The sheets that `sheet:` names, else those that have the card's columns; one that is left unread is said where `is_told`."""
    named, wanted = (
        _texts(source.options.get("sheet", [])),
        {folded(each) for theirs in source.columns.values() for each in theirs.split(AND)},
    )
    read, first, seen = 0, None, []
    for sheet in found:
        seen.append(sheet.name)
        if named and sheet.name not in named:
            continue
        header = next(
            (at for at, (_, row) in enumerate(sheet.rows[: _dialect.FIRST_ROWS]) if wanted <= {folded(str(each)) for each in row}), None
        )
        if header is None:
            first = first or sheet
            if named:
                accounted(_header(sheet.rows[0][1]), source, folded)
            if is_told:
                said = f"the sheet {sheet.name!r} has not the card's columns; name the sheets to read under `sheet:`"
                yield problem(page.id, f"sheet {sheet.name}", said, "")
            continue
        read += 1
        yield from flat(sheet, header, page, source, folder)
    if missing := [each for each in named if each not in seen]:
        raise SourceUnreadable(
            f"{source.name}: there is no {missing[0]!r} here; there are {', '.join(map(repr, seen)) or 'none'}; correct `sheet:`"
        )
    if not read:
        if first is None:
            raise SourceUnreadable(f"{source.name}: nothing stands in any table here; expected a row of column names", "empty")
        accounted(_header(first.rows[0][1]), source, folded)


def flat(sheet: _sheets.Sheet, at: int, page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    """The rows below row `at`, which is the header, as a CSV whose first field is their place."""
    header, rows = _header(sheet.rows[at][1]), sheet.rows[at + 1 :]
    kept = [
        number for number, name in enumerate(header) if name or any(row[number : number + 1] not in ([], [""], [None]) for _, row in rows)
    ]
    mapped = {folded(each) for theirs in source.columns.values() for each in theirs.split(AND)}
    ignored = {folded(each) for each in source.ignore}
    kept = [  # a column in which nothing stands says nothing, whatever it is called
        number
        for number in kept
        if folded(header[number]) in mapped | ignored or any(row[number : number + 1] not in ([], [""], [None]) for _, row in rows)
    ]
    places = accounted([header[number] for number in kept], source, folded)
    meant = {kept[spots[0]]: "date" if ours in DATES else ours for ours, spots in places.items() if ours in (*DATES, "zip")}
    state = kept[places["state"][0]] if "state" in places else None
    target = folder / "sheet.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for place, row in rows:
            if any(row[number] not in ("", None) for number in range(len(header), len(row))) or len(row) < len(header):
                yield problem(page.id, place, f"{len(row)} fields where the header has {len(header)}", "")
                continue
            lives = _sheets.printed(row[state]).upper() if state is not None else None
            shown = [_sheets.printed(row[number], meant.get(number), lives, sheet.day_zero) for number in kept]
            if [folded(each) for each in shown] != [folded(header[number]) for number in kept]:
                writer.writerow([place, *shown])
    how = Dialect(encoding="utf-8", header=tuple(header[number] for number in kept))
    yield Table(path=target, select=select_of(source, how, folded, "none", is_placed=True))


def _header(row: list[Any]) -> list[str]:
    """The names in a row; nothing stands to the right of the last."""
    said = [_sheets.printed(each) for each in row]
    while said and not said[-1]:
        said.pop()
    return said


def _unpack_book(blob: Path, book: Path) -> None:
    """A workbook as a plain file: its parts proved not to flood, where it is an archive."""
    with gzip.open(blob) as body:
        is_ole = body.read(8) == _sheets.OLE
    if not is_ole:
        packed.repacked(blob, book, _sheets.LARGEST_BOOK)
        return
    with packed.opened(blob, _sheets.LARGEST_BOOK) as stream, book.open("wb") as copy:
        shutil.copyfileobj(stream, copy, packed.CHUNK)


def _texts(said: str | Iterable[str]) -> list[str]:
    return [said] if isinstance(said, str) else list(said)


def _expected(url: str) -> str:
    """What the answer must look like: a sign-in page is no table, where a table is text."""
    end = PurePosixPath(urlsplit(url).path).suffix.lower()
    return "csv" if end in (".csv", ".tsv") else "html" if end in (".html", ".htm", ".aspx") else "any"
