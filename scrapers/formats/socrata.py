"""A dataset on a Socrata site (data.wa.gov and its like): asked for in pages, and only for the columns the card maps.

`start` is https://HOST/resource/ID.csv (or /d/ID, or /ID). Any other address, such as a bulk rows.csv, is one file and read as it is.
Limits, ordering by :id and lower-case field names: dev.socrata.com.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import parse_qs, quote, urlencode

from scrapers.formats import _personal, table
from scrapers.reading import decoded
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable

KEYS = ("page_size",)
LARGEST_PAGE = 50_000  # SODA 2.0's own limit
DATASET = re.compile(r"(https?://[^/]+)/(?:resource/|d/)?([a-z0-9]{4}-[a-z0-9]{4})(?:\.csv|\.json)?")


def check(source: Source) -> None:
    """As a table; and pages of a size the server gives."""
    table.check(source)
    size = source.options.get("page_size", LARGEST_PAGE)
    if type(size) is not int or not 1 <= size <= LARGEST_PAGE:
        raise Refused(f"{source.name}: `page_size` is {size!r}; expected a whole number from 1 to {LARGEST_PAGE}")


def requests(source: Source) -> list[Request]:
    """The first page of each dataset, or the whole of each bulk file."""
    return [
        _page(source, each, 0) if DATASET.fullmatch(each) else Request(url=each, expects="csv", is_leaf=True, select=distil(source))
        for each in source.start
    ]


def distil(source: Source) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """As of a table: a bulk file holds columns that nobody may keep, and a server may send what it was not asked for."""
    return partial(_personal.kept, source, _field)


def follow(page: Evidence, source: Source) -> list[Request]:
    """The next page, while this one is full."""
    url, _, query = page.url.partition("?")
    asked = parse_qs(query)
    if not DATASET.fullmatch(url) or "$limit" not in asked:
        return []
    limit, offset = int(asked["$limit"][0]), int(asked["$offset"][0])
    try:
        rows = sum(1 for row in csv.reader(io.StringIO(decoded(page.body, source), newline="")) if row) - 1
    except csv.Error as error:
        raise SourceUnreadable(f"{source.name}: {page.url} is not CSV ({error}); open it in a browser and check `start:`") from error
    return [_page(source, url, offset + limit)] if rows >= limit else []


def select(source: Source, head: bytes) -> str:
    """As a table, with CredentialNumber, credential_number and credentialnumber being one column."""
    if "\0" in decoded(head, source, whole=False).split("\n", 1)[0]:  # _field would pass over it, and SQL cannot say it
        raise SourceUnreadable(f"{source.name}: the first row holds a zero byte; expected a row of column names in text")
    return table.reading(source, head, _field)


def _field(header: str) -> str:
    return re.sub(r"[\W_]+", "", header).lower()


def _page(source: Source, dataset: str, offset: int) -> Request:
    query = {
        "$select": ",".join(dict.fromkeys(each for theirs in source.columns.values() for each in theirs.split(table.AND))),
        "$order": ":id",  # without an order, pages may overlap
        "$limit": source.options.get("page_size", LARGEST_PAGE),
        "$offset": offset,
    }
    resource = DATASET.sub(r"\1/resource/\2.csv", dataset)
    return Request(url=f"{resource}?{urlencode(query, quote_via=quote, safe='$:,')}", expects="csv", select=distil(source))
