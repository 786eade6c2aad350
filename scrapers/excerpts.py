"""Where in a response a record stands, byte for byte: the part that a locator names, and in it the values that were read from it.

A part is believed only where it holds what the record says of itself (its number, reference, NPI or name). Where no bytes can be shown to
be the record's (a join of several resources, a workbook, a PDF), nothing is cut, and whoever asked says so.
"""

import html
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html.parser import HTMLParser

from scrapers.records import Source

LARGEST = 64_000_000  # bytes of a response that is searched
PLACE = re.compile(r"(?:.* )?(row|block|line|record) (\d+)\b")
LETTER = re.compile(rb"[0-9A-Za-z\x80-\xff]")
BLANK = rb"(?:\s|&nbsp;|&#160;|\xc2\xa0)+"
QUOTED_ROW = re.compile(rb'[^"\n]*(?:"[^"]*"[^"\n]*)*(?:\n|\Z)')
ROW = re.compile(rb"[^\n]*(?:\n|\Z)")
BINARY = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff")
ENDLESS = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
MOST = 200  # places at which a number is looked for when it does not stand where its locator says

Part = tuple[int, int]  # first byte, and the first byte after


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record to be found again: where it was read, and what it said in its own words; `strong` are the names of what proves it."""

    locator: str
    said: Mapping[str, str | date]
    strong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The bytes of one record: where its part of the response begins and ends, that part, and first byte and bytes of each value in it."""

    part: Part
    whole: bytes
    values: Mapping[str, tuple[int, bytes]]


def cut(body: bytes, source: Source, wanted: Mapping[str, Wanted]) -> dict[str, Excerpt]:
    """The excerpts that can be proved, by the names in `wanted`; a record not in the answer could not be cut from this response.

    >>> from pathlib import Path
    >>> roll = Source(name="r", title="", kind="license_roll", format="table", start=(), folder=Path())
    >>> said = {"number": "MA60000002", "last": "Lee"}
    >>> cut(b"no,last\\nMA60000001,Ray\\nMA60000002,Lee\\n", roll, {"x": Wanted("row 2", said, ("number",))})["x"].values
    {'number': (23, b'MA60000002'), 'last': (34, b'Lee')}
    """
    if len(body) > LARGEST or body.startswith(BINARY):
        return {}
    parts: dict[str, Sequence[Part]] = {}
    found: dict[str, Excerpt] = {}
    for name, record in wanted.items():
        place = PLACE.match(record.locator)
        if place is None:
            continue
        kind = place[1]
        if kind not in parts:
            parts[kind] = list(_parts(body, source, kind))
        if excerpt := _proved(body, parts[kind], int(place[2]) - (kind != "row"), record):
            found[name] = excerpt
    return found


def _proved(body: bytes, parts: Sequence[Part], at: int, record: Wanted) -> Excerpt | None:
    """The record in the part its locator names, or in the only other part that holds what proves it."""
    strong = [name for name in record.strong if record.said.get(name)]
    if not strong:
        return None
    tried = [parts[at]] if 0 <= at < len(parts) else []
    for part in tried:
        if excerpt := _read(body, part, record, strong):
            return excerpt
    others = [each for each in dict.fromkeys(_holding(body, parts, str(record.said[strong[0]]))) if each not in tried]
    proved = [excerpt for each in others if (excerpt := _read(body, each, record, strong))]
    return proved[0] if len(proved) == 1 else None


def _read(body: bytes, part: Part, record: Wanted, strong: Sequence[str]) -> Excerpt | None:
    region = body[slice(*part)]
    values = {name: place for name, value in record.said.items() if (place := _first(region, value))}
    if not all(name in values for name in strong):
        return None
    return Excerpt(part, region, {name: (part[0] + first, region[first:last]) for name, (first, last) in values.items()})


def _holding(body: bytes, parts: Sequence[Part], value: str) -> Iterator[Part]:
    """The parts in which a value stands as it is."""
    said, begins, at = value.encode(), [first for first, _ in parts], -1
    for _ in range(MOST):
        at = body.find(said, at + 1)
        if at < 0:
            return
        place = bisect_right(begins, at) - 1
        if place >= 0 and at < parts[place][1]:
            yield parts[place]


def _first(region: bytes, value: str | date) -> Part | None:
    """Where a value stands; a day in any of the ways in which rolls print one."""
    if isinstance(value, str):
        return _find(region, value)
    printed = (value.isoformat(), f"{value:%Y%m%d}", f"{value:%m/%d/%Y}", f"{value.month}/{value.day}/{value.year}")
    return next(filter(None, (_find(region, each) for each in printed)), None)


def _find(region: bytes, value: str) -> Part | None:
    """Where a value stands by itself: as it is, or as a page, JSON or a quoted field writes it."""
    said = value.encode()
    at = region.find(said)
    while at >= 0:
        if _is_whole(region, at, at + len(said)):
            return at, at + len(said)
        at = region.find(said, at + 1)
    if value.isalnum() and value.isascii():
        return None  # nothing in it can be written otherwise
    words = [b"(?:" + b"|".join(re.escape(each) for each in _spellings(word)) + b")" for word in value.split()]
    for match in re.finditer(BLANK.join(words), region):
        if _is_whole(region, *match.span()):
            return match.span()
    return None


def _spellings(word: str) -> dict[bytes, None]:
    texts = [word, html.escape(word), html.escape(word, quote=False), json.dumps(word)[1:-1], word.replace('"', '""')]
    return dict.fromkeys(text.encode(code, "replace") for text in texts for code in ("utf-8", "cp1252"))


def _is_whole(region: bytes, first: int, last: int) -> bool:
    """Whether the bytes are no part of a longer word or number."""
    before = first > 0 and LETTER.match(region, first) and LETTER.match(region, first - 1)
    after = last < len(region) and LETTER.match(region, last - 1) and LETTER.match(region, last)
    return not before and not after


# Parts -----------------------------------------------------------------------------------------------------------


def _parts(body: bytes, source: Source, kind: str) -> Iterator[Part]:
    """The parts that locators of this kind count; of rows the header comes first, as number nought."""
    if kind == "row":
        yield from (match.span() for match in (ROW if body.count(b'"') % 2 else QUOTED_ROW).finditer(body) if match[0].strip())
    elif kind == "line":
        yield from _lines(body)
    elif kind == "record":
        yield from _elements(body.decode("latin-1"))
    elif "block" in (layout := source.options.get("cards", {})):
        blocks = _Blocks(str(layout["block"]))
        yield from blocks.of(body.decode("latin-1"))  # so that a place in the text is a place in the bytes


def _lines(body: bytes) -> Iterator[Part]:
    """From each line to the blank line that ends its block."""
    lines = [match.span() for match in re.finditer(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)", body)]
    end, parts = len(body), []
    for first, last in reversed(lines):
        end = first if not body[first:last].strip() else end
        parts.append((first, max(end, first)))
    yield from reversed(parts)


def _elements(text: str) -> Iterator[Part]:
    """The elements of the list that a JSON text is or begins with, or the lines of JSON lines."""
    decoder, at = json.JSONDecoder(), text.find("[") + 1
    while at:
        at = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]  # it matches nothing at all, too
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield at, end
        at = end


class _Blocks(HTMLParser):
    """The elements that the last part of a selector names, by tag, id, classes and attributes; the outermost alone."""

    def __init__(self, selector: str) -> None:
        super().__init__(convert_charrefs=False)
        last = re.split(r"[\s>+~]+", selector.split(",")[0].strip())[-1]
        last = re.sub(r":[\w-]+(\([^)]*\))?", "", last)
        tag = re.match(r"[\w-]+", last)
        self.tag = tag[0].lower() if tag else None
        self.id = next(iter(re.findall(r"#([\w-]+)", last)), None)
        self.classes = set(re.findall(r"\.([\w-]+)", last))
        self.has = dict(re.findall(r"\[([\w-]+)(?:[~|^$*]?=[\"']?([^\"'\]]*)[\"']?)?\]", last))
        self.parts: list[Part] = []
        self.open: tuple[str, int, int] | None = None  # tag, first byte, how many of that tag are open in it

    def of(self, text: str) -> list[Part]:
        self.text, self.begins = text, [0, *(match.end() for match in re.finditer("\n", text))]
        self.feed(text)
        self.close()
        self._end(len(text))
        return self.parts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.open is None:
            if self._is_meant(tag, dict(attrs)):
                self.open = (tag, self._at(), 1)
        elif tag == self.open[0] and tag not in ENDLESS:
            self.open = (tag, self.open[1], self.open[2] + 1)

    def handle_endtag(self, tag: str) -> None:
        if self.open is not None and tag == self.open[0]:
            self.open = (tag, self.open[1], self.open[2] - 1)
            if not self.open[2]:
                self._end(self.text.find(">", self._at()) + 1)

    def _is_meant(self, tag: str, said: Mapping[str, str | None]) -> bool:
        return (
            (self.tag is None or tag == self.tag)
            and (self.id is None or said.get("id") == self.id)
            and self.classes <= set((said.get("class") or "").split())
            and all(name in said and (not value or value in (said[name] or "")) for name, value in self.has.items())
        )

    def _end(self, last: int) -> None:
        if self.open is not None:
            self.parts.append((self.open[1], last))
            self.open = None

    def _at(self) -> int:
        line, column = self.getpos()
        return self.begins[line - 1] + column
