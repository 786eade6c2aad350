"""Words that no report may say, and facts about a person that no report may carry: both are refused before anything is drawn.

Each function passes or raises; neither repairs. What somebody else wrote is exempt from the first only where it is marked as theirs (a
Section's `quotes`, an annex column of kind name or quote), and never from the second. A column of the annex whose kind is not named
here, or a value that its kind does not allow, is refused: what cannot be told apart from an address is taken for one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote_plus

from reports.records import Report
from scrapers.records import Refused

ACCUSING = re.compile(r"\b(ghost\w*|phantom\w*|fake\w*|fraud\w*|scam\w*|bogus|sham)\b", re.IGNORECASE)
MONEY = re.compile(
    r"\b(reimburs\w*|fee (?:schedule|level|increase)s?|(?:payment|contracted|provider) rates?|rates? (?:of|for) (?:pay|services?)\w*"
    r"|(?:higher|lower|raise|increase) (?:the )?(?:rates?|fees?)|under-?paid|under-?payments?)\b",
    re.IGNORECASE,
)
REFUSAL = re.compile(
    r"\b(boycott\w*|collective(?:ly)? (?:refus|negotiat|bargain|withdraw|declin)\w*|refus\w+ (?:to )?(?:contract|join|participat|sign)\w*"
    r"|(?:leave|quit|drop) (?:the|their|its) networks? (?:together|as one))\b",
    re.IGNORECASE,
)
NEVER: Final[Mapping[str, re.Pattern[str]]] = {
    "a word that accuses somebody": ACCUSING,
    "what is paid for services": MONEY,
    "refusing together": REFUSAL,
}

SUFFIXES = (
    "Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Way|Court|Ct|Place|Pl|Highway|Hwy|Parkway|Pkwy|Circle|Cir"
    "|Terrace|Ter|Trail|Trl|Loop|Square|Sq|Plaza|Alley"
)
UPPER = SUFFIXES.upper()
STREET = re.compile(
    rf"\b\d{{1,6}}[A-Za-z]?(?:-\d+)?\s+(?:(?:[A-Z][\w'.-]*|\d+(?:st|nd|rd|th|ST|ND|RD|TH))\s+){{0,4}}(?:{SUFFIXES}|{UPPER})\b"
    r"|\b\d{1,6}\s+(?:[a-z][\w'.-]*\s+){1,2}(?:street|avenue|ave|road|rd|boulevard|blvd|highway|hwy|lane|ln)\b"
    r"|\b[Pp]\.?\s?[Oo]\.?\s?[Bb][Oo][Xx]\s+\d+|\b(?:Suite|Ste|STE|SUITE|Apt|APT|Apartment|Unit|UNIT)\.?\s*#?\d+"
)
PHONE = re.compile(r"(?<![\w-])(?:\+?1[ .-]?)?(?:\(\d{3}\)\s?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])|(?<!NPI )(?<!\w)\d{10}(?!\w)")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
BIRTH = re.compile(r"\b(?:born|birth(?:day|date)?|dob|d\.o\.b\.)[^.;\n]{0,20}?\b(?:19|20)\d\d\b", re.IGNORECASE)
ZIP = re.compile(r"\b[A-Z]{2},?\s+\d{5}(?:-\d{4})?\b|\bZIP(?: code)?:?\s+\d{5}\b")
FACTS: Final[Mapping[str, re.Pattern[str]]] = {
    "street": STREET,
    "telephone number": PHONE,
    "e-mail address": EMAIL,
    "year of birth": BIRTH,
    "ZIP code": ZIP,
}
QUOTATION = re.compile(r"“[^”]*”")  # among the facts of the first page, what people declared
URL = re.compile(r"https?://\S+")
HASH = re.compile(r"\b[0-9a-f]{16,64}\b")

OWN = {"insurer", "therapist", "sealed"}  # what an edition hands back to whom it came from, or seals
THEIRS = {"street", "telephone number", "ZIP code"}  # of the facts above, what such an edition may carry

# What may stand in a column of rows about individuals. None: any text, read like prose.
KINDS: Final[Mapping[str, str | None]] = {
    "id": r"[\w.:@-]{1,80}",
    "ids": r"[\w.:@, -]*",
    "code": r"[0-9A-Z-]{3,24}",
    "word": r"[A-Za-z][A-Za-z _-]{0,60}",
    "tier": r"[AB]",
    "count": r"\d{1,9}",
    "license": r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,39}",
    "npi": r"\d{10}",
    "place": r"[^\d]{1,80}",
    "zip3": r"\d{3}",
    "date": r"\d{4}-\d\d-\d\d",
    "blank": r"",
    "text": None,
    "name": None,
    "quote": None,
    "street": None,
    "phone": None,
    "zip": None,
}
SEALED = {"street", "phone", "zip"}
QUOTED = {"name", "quote"}


def wording(report: Report) -> None:
    """Refuse a report that accuses anybody, speaks of what is paid for services, or of refusing together."""
    for place, text in _said(report):
        for what, pattern in NEVER.items():
            if found := pattern.search(URL.sub(" ", text)):
                raise Refused(
                    f"the {report.key} edition says {found.group()!r} ({place}): {what} stands in no report; "
                    "say what the listing shows, or mark the words as somebody else's"
                )


def privacy(report: Report, edition: str) -> None:
    """Refuse a report that carries of a person more than name, license, NPI, city and ZIP3, or anything it cannot tell apart from that."""
    known = [str(each) for each in report.extra.get("contacts", ()) if each]
    for place, text in _texts(report):
        _clean(report, edition, place, text, known)
    if report.annex and len(report.annex_kinds) != len(report.annex_columns):
        raise Refused(f"the {report.key} edition does not say what its annex's columns hold; name a kind of reports.lint.KINDS for each")
    for row in report.annex:
        for column, kind, value in zip(report.annex_columns, report.annex_kinds, row, strict=True):
            _column(report, edition, column, kind, value, known)


def withheld(text: str | None) -> str | None:
    """Words from outside without the facts above, each replaced by a mark in square brackets.

    >>> withheld("Call Ana at 509-555-0100, 12 Hidden Street")
    'Call Ana at [telephone number withheld], [street withheld]'
    """
    if text is None:
        return None
    for what, pattern in FACTS.items():
        text = pattern.sub(f"[{what} withheld]", text)
    return text


def _column(report: Report, edition: str, column: str, kind: str, value: object, known: list[str]) -> None:
    place = f"annex, {column}"
    if kind not in KINDS or (kind in SEALED and edition not in OWN):
        raise Refused(f"the {report.key} edition has a column {column!r} of kind {kind!r}, which this edition may not show")
    if value is None or value == "":
        return
    pattern = KINDS[kind]
    if pattern is not None and not re.fullmatch(pattern, str(value)):
        raise Refused(
            f"the {report.key} edition has a value under {column!r} that is no {kind}; it is kept back, since it may say anything"
        )
    if pattern is None and kind not in SEALED:
        _clean(report, edition, place, str(value), known)


def _clean(report: Report, edition: str, place: str, text: str, known: list[str]) -> None:
    for each in known:
        text = text.replace(each, " ")
    text = HASH.sub(" ", unquote_plus(text) if "://" in text else text)
    for what, pattern in FACTS.items():
        if edition in OWN and what in THEIRS:
            continue
        if pattern.search(text):
            said = f"the {report.key} edition carries a {what} ({place})"
            raise Refused(f"{said}; of a person it may show name, license, NPI, city and ZIP3; withhold it or seal it")


def _texts(report: Report) -> Iterator[tuple[str, str]]:
    """Every text outside the annex, with the place where it stands."""
    yield "title", report.title
    yield from (
        (key, str(report.extra[key])) for key in ("subtitle", "series", "foot", "annex_title", "annex_words") if key in report.extra
    )
    yield from (("notice", str(each)) for each in report.extra.get("notices", ()))
    yield from ((f"figure {value}", str(label)) for value, label in report.extra.get("figures", ()))
    yield from ((f"first page, {label}", str(value)) for label, value in report.facts.items())
    for section in report.sections:
        ours = (section.title, *section.paragraphs, *section.columns, section.note, section.alt)
        yield from ((section.key, str(each)) for each in ours)
        for row in section.rows:
            cells = zip(section.columns, row, strict=True)
            yield from ((f"{section.key}, {column}", str(cell)) for column, cell in cells if cell is not None)


def _said(report: Report) -> Iterator[tuple[str, str]]:
    """Every text that is ours: not what is marked as somebody else's."""
    quotes = {f"{section.key}, {column}" for section in report.sections for column in section.quotes}
    for place, text in _texts(report):
        if place not in quotes:
            yield place, QUOTATION.sub(" ", text) if place.startswith("first page") else text
    for row in report.annex:
        for column, kind, value in zip(report.annex_columns, report.annex_kinds, row, strict=False):
            if kind not in QUOTED and value is not None:
                yield f"annex, {column}", str(value)
