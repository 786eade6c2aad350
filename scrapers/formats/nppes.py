"""The national registry of NPIs (NPPES): its monthly full file, weekly increments, deactivation report, and API v2.1 for single numbers.

`start` is the page that links the files, a file itself, or the API (then `numbers:` names the NPIs to ask for: of a search it answers
at most 1,200, so a search is refused). Of a file with `states:`, a row is kept when one of its cells says exactly one of them (the state
of the practice, of a license, of an address for letters …): evidence is the header and those rows as printed, beside the hash of the whole.
A deactivated NPI has a blank row and no state; the deactivation report, which is small and kept whole, says it instead.

One record is one NPI and one of its 15 taxonomies. Columns are found by name, never by place: the file of today has 330, that of 2018
had 329 without `Certification Date`. The 64 we read must be there; others are passed over, unlike in a `table`, because the card cannot
name 266 of them and the registry adds new ones at its end. A row begins with its quoted NPI. Not read: other names of organizations,
other names of a person beyond the one in the row, further places.
"""

import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from bs4 import BeautifulSoup

from scrapers.formats import _npi
from scrapers.formats._unzip import Arriving, first_name, unzipped
from scrapers.records import Evidence, Problem, Refused, Request, Source, SourceUnreadable, Table

KEYS = ("states", "numbers")
MONTHLY = re.compile(r"NPPES_Data_Dissemination_([A-Z][a-z]+)_(\d{4})(_V2)?\.zip", re.IGNORECASE)
WEEKLY = re.compile(r"NPPES_Data_Dissemination_\d{6}_\d{6}_Weekly(_V2)?\.zip", re.IGNORECASE)
GONE = re.compile(r"NPPES_Deactivated_NPI_Report_\d{6}(_V2)?\.zip", re.IGNORECASE)
DATA = re.compile(r"(.*/)?npidata_pfile_\d{8}-\d{8}\.csv", re.IGNORECASE)
# what a workbook, or a zip of one, begins with
OFFICE = re.compile(r"\[Content_Types\]\.xml|(_rels|docProps|xl)/.*|.*\.xlsx", re.IGNORECASE)


def check(source: Source) -> None:
    """The format names its own columns; `states` are two capital letters each, `numbers` NPIs."""
    if source.kind != "registry":
        raise Refused(f"{source.name}: `kind` is {source.kind}; an nppes source is a registry")
    if source.columns or source.ignore:
        raise Refused(
            f"{source.name}: `columns` and `ignore` have no meaning in the nppes format, whose columns are fixed; take them off the card"
        )
    for key, shape, example in (("states", r"[A-Z]{2}", "[WA, OR]"), ("numbers", r"[12]\d{9}", '["2900000004"]')):
        given = source.options.get(key)
        if given is not None and not (isinstance(given, list) and given and all(re.fullmatch(shape, str(each)) for each in given)):
            raise Refused(f"{source.name}: `{key}` is {given!r}; expected a list such as {key}: {example}")
    api = [each for each in source.start if _is_api(each)]
    if api and not source.options.get("numbers"):
        raise Refused(
            f"{source.name}: `start` is the registry's API, which answers at most 1,200 of a search however many there are; "
            "name the NPIs to ask for under `numbers:`, or start from the full file"
        )
    if any(urlsplit(each).query for each in api):
        raise Refused(f"{source.name}: `start` asks the API a question of its own; give its bare address, and the NPIs under `numbers:`")


def requests(source: Source) -> list[Request]:
    """Each file; for a page of links the page; for the API one request per number."""
    asked: list[Request] = []
    for url in source.start:
        if _is_api(url):
            queries = [urlencode({"version": "2.1", "number": str(each)}) for each in source.options["numbers"]]
            asked += [Request(url=f"{url}?{query}", expects="json", is_leaf=True) for query in queries]
        elif urlsplit(url).path.lower().endswith((".zip", ".csv")):
            asked.append(_file(url, source))
        else:
            asked.append(Request(url=url, expects="html"))
    return asked


def follow(page: Evidence, source: Source) -> list[Request]:
    """The files a page links to: the newest full file, every weekly increment, the newest deactivation report."""
    if not page.body.lstrip().startswith(b"<"):
        return []
    links = [urljoin(page.url, str(each["href"])) for each in BeautifulSoup(page.body, "html.parser").select("a[href]")]
    by_name = {urlsplit(each).path.rpartition("/")[2]: each for each in links}
    full, weeks, gone = ([name for name in by_name if shape.fullmatch(name)] for shape in (MONTHLY, WEEKLY, GONE))
    if not full or not gone:
        saw = f"{len(full)} full files and {len(gone)} deactivation reports"
        raise SourceUnreadable(f"{source.name}: {page.url} links to {saw}; expected one of each: compare the page with the card")
    chosen = [max(full, key=_month), *sorted(_newest_form(weeks)), max(gone, key=_day)]
    return [_file(by_name[name], source) for name in chosen]


def distil(source: Source) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """What is kept of a file: of the registry itself the header and the rows of the card's states, of anything else all of it."""
    return partial(_kept, source)


def tables(page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    """The registrations in one piece of evidence, in flat files of bounded size."""
    with gzip.open(page.path) as blob:
        head = blob.read(4096)
    began = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first := first_name(head):
        yield from _npi.report(page, source, folder, is_bare=not first.lower().endswith(".xlsx"))
    elif began == b"{":
        yield from _npi.answer(page, source, folder)
    elif began != b"<":  # a page of links holds no registration
        yield from _npi.rows(page, source, folder)


# What is kept -----------------------------------------------------------------------------------------------------


def _file(url: str, source: Source) -> Request:
    return Request(url=url, is_leaf=True, select=distil(source))


def _is_api(url: str) -> bool:
    return "://" in url and urlsplit(url).path.rstrip("/").endswith("/api")


def _month(name: str) -> tuple[str, int, bool]:
    found = MONTHLY.fullmatch(name)
    months = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    month = found[1][:3].lower() if found else ""
    return (found[2] if found else "", months.index(month) if month in months else -1, bool(found and found[3]))


def _newest_form(names: list[str]) -> list[str]:
    """Each week once: in the form of 2026 (_V2) where it is there in both."""
    return [name for name in names if re.sub(r"\.zip$", "_V2.zip", name, flags=re.IGNORECASE) not in names]


def _day(name: str) -> tuple[str, bool]:
    found = re.search(r"_(\d\d)(\d\d)(\d\d)(_V2)?\.zip", name, re.IGNORECASE)
    return (f"{found[3]}{found[1]}{found[2]}", bool(found[4])) if found else ("", False)


def _kept(source: Source, chunks: Iterable[bytes]) -> Iterator[bytes]:
    arriving = Arriving(chunks)
    head = arriving.peek(4096)
    rest = iter(arriving.some, b"")
    if (name := first_name(head)) and not OFFICE.fullmatch(name):
        for member, inside in unzipped(arriving):
            if DATA.fullmatch(member):
                yield from _selected(source, inside)
                for _ in inside:
                    pass
                break
        else:
            raise SourceUnreadable(
                f"{source.name}: the zip holds no npidata_pfile_….csv; expected the registry's full file or a week of it"
            )
        for _ in rest:  # the hash is of the whole
            pass
    elif head.removeprefix(b"\xef\xbb\xbf").startswith((b'"NPI"', b"NPI")):
        yield from _selected(source, rest)
    else:
        yield from rest


def _selected(source: Source, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The header, and every row of which a cell is one of the states, as printed."""
    cells = [f'"{state}"'.encode() for state in source.options.get("states", ())]
    header, blocks = _npi.blocks(source, chunks)
    _npi.columns_of(source, header)
    yield header
    for block in blocks:
        yield _with(block, cells) if cells else block


def _with(block: bytes, cells: list[bytes]) -> bytes:
    """The rows of a block in which one of these cells stands.

    The cell is searched for in the whole block and its row found around it: ten times as fast as looking at every row.
    """
    spans: set[tuple[int, int]] = set()
    for cell in cells:
        at = block.find(cell)
        while at >= 0:
            start, end = at, at
            while not _npi.BEGINS.match(block, start := block.rfind(b"\n", 0, max(start - 1, 0)) + 1) and start:
                pass
            while (end := block.find(b"\n", end) + 1) and end < len(block) and not _npi.BEGINS.match(block, end):
                pass
            end = end or len(block)
            spans.add((start, end))
            at = block.find(cell, end)
    return b"".join(block[start:end] for start, end in sorted(spans))
