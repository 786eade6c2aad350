"""A page cut down to an example that may be shown: a few records, nothing that runs, and invented people for real ones.

Names, addresses and practices that the card's own reader found are replaced wherever they stand, and so is everything that looks like a
telephone, an NPI, a number of six or more digits or an e-mail address. What no reader found may still name somebody: a person must look.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import Comment, NavigableString, Tag

from scrapers import answers
from scrapers.reading import decoded
from scrapers.records import Refused, Source

SHOWN = 3  # records kept of a page
RUNS = ("script", "style", "noscript", "template", "svg", "iframe", "object", "link", "meta")
STRUCTURE = {"class", "id", "type", "rel", "for", "role", "method", "charset", "lang"}  # attributes that name nobody
PEOPLE = ("name", "prefix", "first", "middle", "last", "other_first", "other_middle", "other_last")
WHOLE = ("organization", "address", "address_2")
NUMBERS = ("reference", "license", "number", "npi")
SURNAMES = (
    "Ashdale Brookmere Cresthollow Dunfield Elmsworth Fernwick Glenharrow Hartmoor Ivesdale Juniperly Kestrelton Larkmead Mossgrove "
    "Northbeck Oakenfold Pinehallow Quillford Rushbourne Silvermere Thornleigh Umberfield Valewood Willowby Yarrowdale"
)
EMAIL = r"[\w.+-]+@[\w-]+\.[\w.-]+"
TELEPHONE = r"(?<!\d)(?:\+?1[-. ]?)?\(?[2-9]\d{2}\)?[-. ]{0,2}\d{3}[-. ]?\d{4}(?!\d)"
DIGITS = r"(?<!\d)(?!(?:19|20)\d{6}(?!\d))\d{6,}(?!\d)"  # eight that begin as a year are a day


def kind_of(body: bytes) -> str:
    """html, json or text. Refused for what a person cannot read in an editor."""
    head = body[:4096]
    if answers.is_packed(head) or b"\0" in head.replace(b"\xff\xfe", b""):
        raise Refused(
            "a packed file, workbook or PDF cannot be trimmed here; make a small one of the same shape with invented names by hand"
        )
    if answers.is_html(head):
        return "html"
    return "json" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "text"


def trimmed(body: bytes, source: Source) -> bytes:
    """The page with its first three records, and without what runs or decorates."""
    text, kind = decoded(body, source), kind_of(body)
    if kind == "json":
        return _encoded(json.dumps(_few(json.loads(text)), indent=1, ensure_ascii=False), source)
    if kind == "text":
        return _encoded(_first_lines(text, in_blocks="lines" in source.options), source)
    page = BeautifulSoup(text, "html.parser")
    for node in page.select(",".join(RUNS)):
        node.decompose()
    for remark in page.find_all(string=lambda each: isinstance(each, Comment)):
        remark.extract()
    for node in page.find_all(True):
        node.attrs = {name: value for name, value in node.attrs.items() if name != "style" and not name.startswith("on")}
    block = source.options.get("cards", {}).get("block")
    for node in page.select(block)[SHOWN:] if block else ():
        node.decompose()
    return _encoded(re.sub(r"\n\s*\n+", "\n", str(page)), source)


class Disguise:
    """Invented names and numbers for real ones: the same for the same, on every page it is used for."""

    def __init__(self, keep: Collection[str]) -> None:
        self._keep = {each.lower() for each in keep}  # words that name nobody: of the card, and behind names
        self._values: dict[str, str] = {}
        self._words: dict[str, str] = {}

    def learn(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Remember whom these records name."""
        for record in records:
            said = {name: str(value) for name, value in record.items() if value is not None}
            for name in PEOPLE:
                for word in re.findall(r"[^\W\d_]{2,}", said.get(name, "")):
                    if word.lower() not in self._keep:
                        self._words.setdefault(word.lower(), self._surname(len(self._words)))
            for name in WHOLE:
                if len(value := said.get(name, "")) > 3:
                    count = len(self._values) + 1
                    self._values.setdefault(value.lower(), f"Practice {count}" if name == "organization" else f"{count}00 Example Street")
            for name in NUMBERS:
                if len(value := said.get(name, "")) > 3:
                    self._values.setdefault(value.lower(), self._number(value))

    def text(self, said: str) -> str:
        """The text with every known name, and whatever looks like a person's number, replaced."""
        values = sorted(self._values, key=len, reverse=True)
        whole = [r"(?<!\w)" + r"\s+".join(map(re.escape, each.split())) + r"(?!\w)" for each in values]
        words = [rf"(?<![^\W\d_]){re.escape(each)}(?![^\W\d_])" for each in self._words]
        return re.sub("|".join([*whole, EMAIL, TELEPHONE, DIGITS, *words]), self._other, said, flags=re.IGNORECASE)

    def _other(self, found: re.Match[str]) -> str:
        said = found[0]
        known = " ".join(said.lower().split())
        if known in self._values:
            return self._values[known]
        if known in self._words:
            word = self._words[known]
            return word.upper() if said.isupper() else word.lower() if said.islower() else word
        if "@" in said:
            return "someone@example.org"
        return self._number(said)

    def _surname(self, count: int) -> str:
        names = SURNAMES.split()
        turn, place = divmod(count, len(names))
        return names[place] + "by" * turn

    def _number(self, said: str) -> str:
        """As printed, with other digits: NPIs that pass their check under 29…, telephones within 555-01xx."""
        digits = re.sub(r"\D", "", said)
        if digits in self._values:
            return _in_place(said, self._values[digits])
        count = len(self._values) + 1
        if len(digits) == 10 and said.strip() == digits and digits[0] in "12":
            other = _npi(count)
        elif re.fullmatch(TELEPHONE, said.strip()):
            other = digits[:-7] + f"55501{count % 100:02d}"
        else:
            other = str(7_000_000_019 * count % 10 ** max(len(digits), 1)).zfill(len(digits))
        if digits:
            self._values[digits] = other
        return _in_place(said, other)


def disguised(body: bytes, source: Source, disguise: Disguise) -> bytes:
    """The page with `disguise` laid over what it says; labels, tags and a table's header stay."""
    text, kind = decoded(body, source), kind_of(body)
    if kind == "json":
        return _encoded(json.dumps(_each(json.loads(text), disguise.text), indent=1, ensure_ascii=False), source)
    if kind == "text":
        header, end, rest = ("", "", text) if "lines" in source.options else text.partition("\n")
        return _encoded(header + end + disguise.text(rest), source)
    page = BeautifulSoup(text, "html.parser")
    for node in page.find_all(string=True):
        if type(node) is NavigableString:
            node.replace_with(disguise.text(node))
    for tag in page.find_all(True):
        if isinstance(tag, Tag):
            for name, value in tag.attrs.items():
                if isinstance(value, str) and name not in STRUCTURE:
                    tag.attrs[name] = disguise.text(value)
    return _encoded(str(page), source)


def _encoded(text: str, source: Source) -> bytes:
    return text.encode(str(source.options.get("encoding", "utf-8")))


def _few(value: Any) -> Any:
    """JSON whose lists of records are cut to a few."""
    if isinstance(value, dict):
        return {key: _few(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_few(each) for each in (value[:SHOWN] if value and isinstance(value[0], dict) else value)]
    return value


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """JSON with every text in it changed; its keys stay."""
    if isinstance(value, dict):
        return {key: _each(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_each(each, change) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 100_000:
        return int(change(str(value)))
    return change(value) if isinstance(value, str) else value


def _first_lines(text: str, *, in_blocks: bool) -> str:
    """A header and a few rows, or a few blocks parted by blank lines."""
    if in_blocks:
        return "\n\n".join(re.split(r"\n\s*\n", text.strip())[:SHOWN]) + "\n"
    kept, quotes = "", 0
    for number, line in enumerate(text.splitlines(keepends=True)):
        if number > SHOWN and quotes % 2 == 0:
            break
        kept += line
        quotes += line.count('"')
    return kept


def _in_place(said: str, digits: str) -> str:
    """Digits put where the digits of `said` stand.

    >>> _in_place("(206) 555-0100", "2065550177")
    '(206) 555-0177'
    """
    left = iter(digits)
    return re.sub(r"\d", lambda _: next(left, "0"), said)


def _npi(count: int) -> str:
    """The `count`th invented NPI: 29…, with the check digit of 80840 before it (45 CFR 162.406)."""
    body = f"29{count:07d}"
    doubled = [int(each) * (2 if place % 2 == 0 else 1) for place, each in enumerate(reversed(body))]
    total = 24 + sum(each // 10 + each % 10 for each in doubled)
    return body + str(-total % 10)
