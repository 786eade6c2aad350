"""One page of a finder's answer, in JSON or HTML: its results, where they lie, and how many it states there are."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bs4 import Tag

from scrapers.formats import cards
from scrapers.formats._circles import Point
from scrapers.reading import EXCERPT, Unreadable, collapsed, decoded, folded, text
from scrapers.records import Evidence, Source, SourceUnreadable

PLACES = ("latitude", "longitude", "distance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One result: what it says in our words, or why it cannot be read; and where it lies."""

    locator: str
    shown: str
    said: list[dict[str, str | None]]  # one for each network it is listed in; none where it cannot be read
    unreadable: str | None = None
    point: Point | None = None
    miles: float | None = None  # from the center of the circle, as printed


def results(page: Evidence, source: Source, mile: float) -> tuple[list[Row], int | None]:
    """(the results on a page, how many it states there are). SourceUnreadable where it is no answer of this finder: never "no results"."""
    return (_of_html if "cards" in source.options else _of_json)(page, source, mile)


def _of_json(page: Evidence, source: Source, mile: float) -> tuple[list[Row], int | None]:
    search = source.options["search"]
    try:
        said = json.loads(decoded(page.body, source), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(f"{source.name}: {page.url} is not JSON ({error}); open it in a browser and check `start:`") from None
    found = _at(said, search.get("results", ""))
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        has = collapsed(decoded(page.body, source)) if len(page.body) <= EXCERPT else "a list"
        if isinstance(said, dict) and len(page.body) > EXCERPT:  # a longer answer may name people
            has = f"the keys {', '.join(said)}"[:EXCERPT]
        saw = f"{page.url} has no list of results at {search.get('results', '')!r}, but {has}"
        raise SourceUnreadable(f"{source.name}: {saw}; check `search: results:`")
    total = _at(said, search["total"]) if "total" in search else None
    if "total" in search and not (isinstance(total, str) and total.isdecimal()):
        raise SourceUnreadable(f"{source.name}: {page.url} states no number of results at {search['total']!r}; check `search: total:`")
    rows = [_json_row(number, each, source, mile) for number, each in enumerate(found, 1)]
    return rows, int(total) if isinstance(total, str) else None


def _json_row(number: int, result: dict[str, Any], source: Source, mile: float) -> Row:
    search = source.options["search"]
    flat: dict[str, list[str]] = {}
    _flatten(result, "", flat)
    taken = {*source.columns.values(), *(search[name] for name in PLACES if name in search)}
    known, below = {*taken, *source.ignore}, tuple(f"{each}." for each in source.ignore)
    left = [path for path in flat if path not in known and not path.startswith(below)]
    said = {ours: "; ".join(flat.get(theirs, [])) or None for ours, theirs in source.columns.items()}
    networks = dict.fromkeys(flat.get(source.columns.get("network", ""), []))
    return Row(
        locator=f"result {number}",
        shown=json.dumps(result, ensure_ascii=False),
        said=[] if left else [said | {"network": each} for each in networks] or [said],
        unreadable=f"not on the card: {', '.join(left)}; map it under `columns` or list it under `ignore`" if left else None,
        **_place({name: flat.get(search[name], [""])[0] for name in PLACES if name in search}, mile),
    )


def _flatten(value: object, path: str, flat: dict[str, list[str]]) -> None:
    """Dotted path → what is said there. The elements of a list share its path; what says nothing is not there."""
    if isinstance(value, dict):
        for key, each in value.items():
            _flatten(each, f"{path}.{key}" if path else key, flat)
    elif isinstance(value, list):
        for each in value:
            _flatten(each, path, flat)
    elif value is not None and (said := collapsed(str(value).lower() if isinstance(value, bool) else str(value))):
        flat.setdefault(path, []).append(said)


def _at(said: object, path: str) -> object:
    for key in path.split(".") if path else ():
        said = said.get(key) if isinstance(said, dict) else None
    return said


def _of_html(page: Evidence, source: Source, mile: float) -> tuple[list[Row], int | None]:
    search, whole = source.options["search"], cards.page_of(page, source)
    blocks, total = cards.blocks(whole, source), cards.stated(whole, source)
    is_none = "none" in search and folded(search["none"]) in folded(text(whole))
    if not is_none and ((total is None and "count" in source.options["cards"]) or (not blocks and total != 0)):
        shown = "" if blocks else f": {text(whole)[:EXCERPT]}"
        saw = f"{page.url} shows {len(blocks)} results and does not state how many there are{shown}"
        raise SourceUnreadable(f"{source.name}: {saw}; check `search:` and `cards:`")
    return [_html_row(number, block, source, mile) for number, block in enumerate(blocks, 1)], total


def _html_row(number: int, block: Tag, source: Source, mile: float) -> Row:
    shown, search = text(block), source.options["search"]
    places = {name: cards.value(block, search[name]) for name in PLACES if name in search}
    said: list[dict[str, str | None]] = []
    unreadable = None
    try:
        said.append(cards.said(block, source))
    except Unreadable as reason:
        unreadable = str(reason)
    return Row(locator=f"block {number}", shown=shown, said=said, unreadable=unreadable, **_place(places, mile))


def _place(said: Mapping[str, str], mile: float) -> dict[str, Any]:
    """Point and miles as far as a result says them legibly; from what it does not say nothing is concluded."""
    found: dict[str, Any] = {}
    latitude, longitude = (_degrees(said.get(name, "")) for name in ("latitude", "longitude"))
    if abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude, longitude) != (0, 0):
        found["point"] = Point(latitude, longitude)
    if number := re.search(r"\d+(\.\d+)?|\.\d+", said.get("distance", "")):
        found["miles"] = float(number[0]) * mile
    return found


def _degrees(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        return math.nan
