"""Tables that do not come as text: the sheets of a workbook and the tables of a page, as rows of values with their places.

Merged cells: a value holds for every row it spans, and stands in the first of the columns it spans.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import python_calamine
from bs4 import BeautifulSoup, Tag

from scrapers.reading import collapsed, text
from scrapers.records import Source, SourceUnreadable

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls
LARGEST_BOOK = 512 * 1000**2  # bytes of a workbook unpacked: it is held in memory
LARGEST_PAGE = 64 * 1000**2  # bytes of a page: its tree is many times as large
WIDEST_SPAN = 1000
LARGEST_TABLE = 5_000_000  # cells of one table of a page, spans filled in
DAY_ZERO = {
    False: date(1899, 12, 30),
    True: date(1904, 1, 1),
}  # of a workbook as usual (it takes 1900 for a leap year), and of an old Mac's
NOUGHTS = frozenset(("CT", "MA", "ME", "NH", "NJ", "PR", "RI", "VT", "VI"))  # where every ZIP code begins with 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table among several: what it is called, and its rows as (place, values)."""

    name: str
    rows: list[tuple[str, list[Any]]]
    day_zero: date | None = None  # from which a number that is a date counts; None where we cannot know


def is_workbook(head: bytes) -> bool:
    """The bytes begin an .xlsx, .xlsb, .ods or .xls file."""
    return head.startswith(OLE) or (head.startswith(b"PK\x03\x04") and bool(re.search(rb"\[Content_Types\]|xl/|opendocument", head[:4096])))


def of_workbook(path: Path | IO[bytes], source: Source) -> Iterator[Sheet]:
    """Every visible sheet with something on it."""
    day_zero = _day_zero(path)
    if not isinstance(path, Path):
        path.seek(0)
    try:
        with python_calamine.CalamineWorkbook.from_object(path) as book:
            for about in book.sheets_metadata:
                if about.typ != python_calamine.SheetTypeEnum.WorkSheet or about.visible != python_calamine.SheetVisibleEnum.Visible:
                    continue
                sheet = book.get_sheet_by_name(about.name)
                values = sheet.to_python(skip_empty_area=False)
                for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
                    for row in range(top + 1, min(bottom + 1, len(values))):
                        values[row][left] = values[top][left]
                rows = [(f"{about.name} row {at}", row) for at, row in enumerate(values, 1) if any(each not in ("", None) for each in row)]
                if rows:
                    yield Sheet(about.name, rows, day_zero)
    except (python_calamine.CalamineError, OSError, ValueError) as damage:
        raise SourceUnreadable(f"{source.name}: the workbook cannot be read ({damage}); save it again as .xlsx", "cut_short") from None
    except BaseException as damage:
        if type(damage).__name__ != "PanicException":  # a reader's own bug, met in a torn .xls; its class cannot be imported
            raise
        raise SourceUnreadable(f"{source.name}: the workbook is damaged ({damage}); save it again as .xlsx", "cut_short") from None


def of_page(page: str, where: str = "") -> Iterator[Sheet]:
    """Every table of a page that holds no other table; named by its caption or id, else by its number. `where`: begins every place."""
    soup, seen = BeautifulSoup(page, "html.parser"), set[str]()
    for number, node in enumerate((each for each in soup.select("table") if not each.select_one("table")), 1):
        name = text(node.caption) if node.caption else str(node.get("id") or number)
        place = f"{where}table {f'{name} ({number})' if name in seen else name}"  # of several with one name, each its own
        seen.add(name)
        rows = [(f"{place} row {at}", row) for at, row in enumerate(_grid(node), 1) if any(row)]
        if rows:
            yield Sheet(name, rows)


def printed(value: Any, meant: str | None = None, state: str | None = None, day_zero: date | None = DAY_ZERO[False]) -> str:
    """A value of a workbook as the sheet shows it.

    A number has lost what a text keeps. Put back only where there is no doubt: a whole number in a column of dates is the workbook's count
    of days, and a ZIP code of four digits in a state where all begin with 0 has lost that.

    >>> printed(1234567893.0), printed(45292.0, "date"), printed(2134.0, "zip", "MA"), printed(2134.0, "zip", "WA")
    ('1234567893', '2024-01-01', '02134', '2134')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.date().isoformat() if (value.hour, value.minute, value.second) == (0, 0, 0) else value.isoformat(" ")
    if isinstance(value, int | float):
        shown = str(int(value)) if value == value // 1 and abs(value) < 1e15 else repr(value)
        if meant == "date" and day_zero and shown.isdigit() and 10_000 <= int(shown) < 80_000:
            return (day_zero + timedelta(days=int(shown))).isoformat()
        return shown.zfill(5) if meant == "zip" and state in NOUGHTS and re.fullmatch(r"\d{3,4}", shown) else shown
    return collapsed(str(value))


def _day_zero(path: Path | IO[bytes]) -> date | None:
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as parts:
        if "xl/workbook.xml" not in parts.namelist():
            return None
        said = parts.read("xl/workbook.xml")
    return DAY_ZERO[re.search(rb"""date1904\s*=\s*["'](1|true)""", said) is not None]


def _grid(node: Tag) -> list[list[str]]:
    """The cells of a table, row by row, spans filled in."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column → rows it still spans, and what stands there
    cells = 0
    for row in node.select("tr"):
        here = [cell for cell in row.select("td, th") if cell.find_parent("tr") is row]
        own = [(_own(cell), _span(cell, "colspan"), _span(cell, "rowspan")) for cell in here]
        line: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        while own or len(line) in hanging:
            if len(line) in hanging:
                left, value = hanging[len(line)]
                wide, tall = 1, left
            else:
                value, wide, tall = own.pop(0)
            for shown in (value, *[""] * (wide - 1)):
                if tall > 1:
                    below[len(line)] = (tall - 1, shown)
                line.append(shown)
        hanging = below
        cells += len(line)
        if cells > LARGEST_TABLE:
            raise SourceUnreadable(f"a table of the page has more than {LARGEST_TABLE:,} cells; expected fewer", "too_large")
        grid.append(line)
    return grid


def _own(cell: Tag) -> str:
    """The text of a cell, without that of the next where a page forgot to end this one."""
    if cell.find(["td", "th", "tr"]) is None:
        return text(cell)
    return collapsed(" ".join(each for each in cell.strings if each.find_parent(["td", "th"]) is cell))


def _span(cell: Tag, name: str) -> int:
    said = str(cell.get(name, "1"))
    return min(max(int(said), 1), WIDEST_SPAN) if said.isdecimal() and len(said) < 6 else 1
