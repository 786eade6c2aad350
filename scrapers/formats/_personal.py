"""What nobody may keep of a table: years of birth, ages and social security numbers, cut out while the body arrives.

A column is told by its name; one that the card maps is never cut. Of a text its cells go, each with a delimiter (of fixed width, blanks
take their place), and nothing else, so that every row keeps its number. A row of another width than its header may hold such a value
anywhere: a line that says so takes its place, and becomes a problem. Of a gzip the text is kept; of a zip in which any file has such a
column, the files that the card reads. Out of a workbook or a page nothing can be cut: one with such a column is refused. All else passes
untouched.
"""

import codecs
import re
import tempfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import chain, islice
from typing import IO

from scrapers import packed
from scrapers.formats import _dialect, _sheets
from scrapers.formats._columns import AND, FEWEST
from scrapers.formats._dialect import Dialect
from scrapers.formats._unzip import Arriving
from scrapers.records import Source, SourceUnreadable

NAMED = re.compile(r"birth(?!ing)|^dob|dob$|^yob$|^born|^age$|^ssn|ssn$|^ssan$|socialsec", re.IGNORECASE)
ANYWHERE = re.compile(r"birth|d\W?o\W?b|yob|born|\bage\b|s\W?s\W?a?\W?n|social\W?sec", re.IGNORECASE)  # in a page that has such a column
LONGEST = 1 << 20  # bytes of one row
BATCH = 10_000  # rows
Same = Callable[[str], str]


def is_personal(header: str) -> bool:
    """Whether a column of this name is one that nobody may keep.

    >>> [is_personal(each) for each in ("BirthYear", "Birth-Year-Range", "D.O.B.", "SSN", "Business Name", "Birthing Center")]
    [True, True, True, True, False, False]
    """
    return NAMED.search(re.sub(r"[\W_]+", "", header)) is not None


def kept(source: Source, same: Same, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What is kept of a body; `same` gives headers the form in which the format compares them."""
    arriving = Arriving(chunks)
    head = arriving.peek(_dialect.HEAD)
    whole = iter(arriving.some, b"")
    is_book, is_zip = _sheets.is_workbook(head), head.startswith(packed.ZIP)
    if not (is_book or is_zip or head.startswith(packed.GZIP)):
        yield from _without(source, same, head, whole)
        return
    with tempfile.TemporaryFile() as spool, tempfile.TemporaryFile() as rest:  # nameless: they end with the process
        for chunk in whole:
            spool.write(chunk)
        result: IO[bytes] = spool
        if is_book:
            _refuse_book(source, same, spool)
        elif _has_any(source, same, spool):
            if is_zip:
                _write_zip(source, same, spool, rest)
            else:
                rest.writelines(piece for _, head, inside in _files(spool) for piece in _without(source, same, head, inside))
            result = rest
        result.seek(0)
        yield from iter(lambda: result.read(packed.CHUNK), b"")


# Packed ----------------------------------------------------------------------------------------------------------


def _files(spool: IO[bytes]) -> Iterator[tuple[str, bytes, Iterator[bytes]]]:
    """(name, its beginning, all of it) of each file in a packed body."""
    spool.seek(0)
    for name, stream in packed.arriving(spool, "the file"):
        head = stream.read(_dialect.HEAD)
        yield name, head, chain([head], iter(lambda inside=stream: inside.read(packed.CHUNK), b""))  # type: ignore[misc]


def _has_any(source: Source, same: Same, spool: IO[bytes]) -> bool:
    """Whether a packed body holds such a column. Refused where it stands in a page, or may stand in a workbook, that the card reads."""
    found = False
    for name, head, inside in _files(spool):
        if _is_read(source, name) and _sheets.is_workbook(head):
            raise SourceUnreadable(f"{source.name}: {name[:80]!r} in the zip is a workbook; unpack it, and give the workbook itself")
        if _is_read(source, name) and _is_page(source, head):
            deque(_without(source, same, head, inside), maxlen=0)
        found = found or bool(_columns(source, same, head)[1])
    return found


def _is_read(source: Source, name: str) -> bool:
    wanted = source.options.get("sheet") or ["*"]
    return not name or any(fnmatchcase(name, each) for each in ([wanted] if isinstance(wanted, str) else wanted))


def _write_zip(source: Source, same: Same, spool: IO[bytes], into: IO[bytes]) -> None:
    """The files that the card reads, as a zip whose bytes are the same on any machine: without days, and not packed."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for name, head, inside in _files(spool):
            if _is_read(source, name):
                with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                    for piece in _without(source, same, head, inside):
                        member.write(piece)


def _refuse_book(source: Source, same: Same, spool: IO[bytes]) -> None:
    with tempfile.TemporaryFile() as plain:
        spool.seek(0)
        is_archive = not spool.read(len(_sheets.OLE)).startswith(_sheets.OLE)
        if is_archive:
            spool.seek(0)
            packed.stored(packed.arriving(spool, "the workbook", _sheets.LARGEST_BOOK), plain)
        book = plain if is_archive else spool
        book.seek(0)
        _refuse(source, same, _sheets.of_workbook(book, source), "a workbook")


def _refuse(source: Source, same: Same, sheets: Iterable[_sheets.Sheet], what: str) -> None:
    """Refuse a workbook or page of which a table has such a column."""
    wanted = _wanted(source, same)
    for sheet in sheets:
        first = [[str(each) for each in row] for _, row in sheet.rows[: _dialect.FIRST_ROWS]]
        header = next((row for row in first if wanted <= {same(each) for each in row}), first[0])
        if named := [each for each in header if is_personal(each) and same(each) not in wanted]:
            raise SourceUnreadable(
                f"{source.name}: {what} with a column {named[0]!r}, which nobody may keep; save it as CSV, of which that column is left out"
            )


# Text ------------------------------------------------------------------------------------------------------------


def _wanted(source: Source, same: Same) -> set[str]:
    return {same(each) for theirs in source.columns.values() for each in theirs.split(AND)}


def _columns(source: Source, same: Same, head: bytes) -> tuple[Dialect | None, list[int]]:
    """How a text that begins with `head` is written, and the places of the columns to be cut; None where it is no table."""
    encoding = _encoding(source, head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
    wanted = _wanted(source, same)
    try:
        how = _dialect.of(text.replace("\r", " " if "\n" in text else "\n"), source, wanted, same, encoding)
    except SourceUnreadable:  # which the reader says again, in its place
        return None, []
    return how, [at for at, each in enumerate(how.header) if is_personal(each) and same(each) not in wanted]


def _encoding(source: Source, head: bytes) -> str:
    return str(source.options.get("encoding") or _dialect.encoding_of(head, whole=False))


def _is_page(source: Source, head: bytes) -> bool:
    return head.decode(_encoding(source, head), errors="replace").removeprefix("\ufeff").lstrip()[:1] == "<"


def _without(source: Source, same: Same, head: bytes, whole: Iterable[bytes]) -> Iterator[bytes]:
    """A text without these columns. A page with one is refused; what is no table passes, for the reader to refuse."""
    encoding = _encoding(source, head)
    if _is_page(source, head):
        body = bytearray()
        for chunk in whole:
            body += chunk
            if len(body) > _sheets.LARGEST_PAGE:
                raise SourceUnreadable(f"{source.name}: a page of more than {_sheets.LARGEST_PAGE:,} bytes; expected fewer", "too_large")
        page = body.decode(encoding, errors="replace")
        if ANYWHERE.search(page):
            _refuse(source, same, _sheets.of_page(page), "a page")
        yield bytes(body)
        return
    how, places = _columns(source, same, head)
    if how is None or not places:
        yield from whole
        return
    lone = b"\r" in head and b"\n" not in head
    if not encoding.startswith("utf-16"):
        yield from _cut(source, how, places, whole, lone)
        return
    order = "utf-16-be" if encoding.endswith("be") or head.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
    try:
        for piece in _cut(source, how, places, (each.encode() for each in codecs.iterdecode(whole, order)), lone):
            yield piece.decode().encode(order)
    except UnicodeError as damage:
        raise SourceUnreadable(f"{source.name}: {damage}; the file is damaged: get it again", "cut_short") from None


def _cut(source: Source, how: Dialect, places: list[int], chunks: Iterable[bytes], lone: bool) -> Iterator[bytes]:
    """Every row as it came, without the cells in these places; in batches."""
    lines = _lines(source, chunks, b"\r" if lone else b"\n")
    rows = _blanked(how, places, lines) if how.widths else _cells_cut(source, how, places, lines)
    while batch := b"".join(islice(rows, BATCH)):
        yield batch


def _lines(source: Source, chunks: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """Lines with their ends."""
    held = b""
    for chunk in chunks:
        *whole, held = (held + chunk).split(end)
        yield from (each + end for each in whole)
        if len(held) > LONGEST:
            raise SourceUnreadable(f"{source.name}: a line has no end within {LONGEST:,} bytes; get the file again", "too_large")
    if held:
        yield held


def _blanked(how: Dialect, places: list[int], lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of fixed width with blanks in these columns; a line that goes on beyond the last column is told of, and not kept."""
    last = max(last for _, last in how.widths)
    yield from islice(lines, how.skip)
    for line in lines:
        text = line.rstrip(b"\r\n")
        code = "utf-8" if _is_utf8(text) else "latin-1"
        said = text.decode(code)
        if said[last:].strip():
            yield b" " * last + b"not kept: longer than its columns" + line[len(text) :]
            continue
        for first, end in (how.widths[at] for at in places):
            said = said[: first - 1] + " " * len(said[first - 1 : end]) + said[end:]
        yield said.encode(code) + line[len(text) :]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cells_cut(source: Source, how: Dialect, places: list[int], lines: Iterator[bytes]) -> Iterator[bytes]:
    """Rows without these cells, or with nothing in them where the card and no row names the columns; lines above the header as they are."""
    parting, width = how.delimiter.encode(), len(how.header) + how.is_trailing
    yield from islice(lines, max(0, how.skip - 1 - sum(each.count("\n") for each in how.header)))
    is_header = how.skip > 0
    for row, cells in _rows(source, how, lines):
        text = row.rstrip(b"\r\n")
        end = row[len(text) :]
        if is_header and len(cells) < len(how.header):
            raise SourceUnreadable(f"{source.name}: a quote is wrong in the row of column names; get the file again")
        if is_header or (len(cells) == width and not (b"\n" in text and _swallows(cells, parting))):
            for at in reversed(places):
                cells[at : at + 1] = [] if how.skip else [b""]
            yield parting.join(cells) + end
        elif text:
            saw = f"{len(cells)} fields where the header has {width}" if len(cells) != width else "whole rows in one field"
            yield f"not kept: {saw}".replace(how.delimiter, " ").encode() + end
        else:
            yield row
        is_header = False


def _rows(source: Source, how: Dialect, lines: Iterator[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """(its lines, its cells) of each row. Where a quote is wrong, a line is a row of no cells."""
    quote, parting = how.quote.encode(), how.delimiter.encode()
    if not quote:
        yield from ((line, line.rstrip(b"\r\n").split(parting)) for line in lines)
        return
    q, d = re.escape(quote), re.escape(parting)
    begun = b"%b[^%b]*+(?:%b%b[^%b]*+)*+" % (q, q, q, q, q)  # a cell in quotes, but for the last
    cell = re.compile(b"(?:\\A|%b)(%b%b(?=%b|\\Z)|(?!%b)[^%b\n]*+)" % (d, begun, q, d, q, d))
    is_open = re.compile(b"(?:(?:%b%b|(?!%b)[^%b\n]*+)%b)*+%b\\Z" % (begun, q, q, d, d, begun))
    waiting: deque[bytes] = deque()
    while line := waiting.popleft() if waiting else next(lines, b""):
        row, more, cells = line, list[bytes](), line.rstrip(b"\r\n").split(parting)
        while quote in line and parting.join(cells := cell.findall(text := row.rstrip(b"\r\n"))) != text:
            following = list(_until(quote, waiting, lines)) if is_open.match(row) else []
            more += following
            if not following:
                waiting.extendleft(reversed(more))
                row, cells = line, []
                break
            row += b"".join(following)
            if len(row) > LONGEST:
                raise SourceUnreadable(f"{source.name}: a quote is not closed within {LONGEST:,} bytes; get the file again", "too_large")
        yield row, cells


def _until(quote: bytes, waiting: deque[bytes], lines: Iterator[bytes]) -> Iterator[bytes]:
    """The following lines, up to the first that holds a quote, or until there are too many."""
    size = 0
    while size <= LONGEST and (line := waiting.popleft() if waiting else next(lines, b"")):
        yield line
        size += len(line)
        if quote in line:
            return


def _swallows(cells: list[bytes], parting: bytes) -> bool:
    """Whether a cell goes on over line ends and holds as many delimiters as a row, or several, may have; an address hardly does."""
    return any(b"\n" in each and each.count(parting) >= min(FEWEST, len(cells) - 1) for each in cells)
