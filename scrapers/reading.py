"""Reading strictly: what we do not understand, we say."""

import codecs
import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

from scrapers.records import Credential, Exclusion, Listing, Participation, Problem, Refused, Registration, Source, SourceUnreadable

if TYPE_CHECKING:
    from bs4 import Tag

EXCERPT = 200  # characters of a page that a Problem may quote
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
DAMAGED = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # what a file begins with that is not in the encoding we expect


class Unreadable(ValueError):
    """The page says something this parser was not taught. Becomes a Problem, never a guess."""


# Words -----------------------------------------------------------------------------------------------------------


def collapsed(value: str) -> str:
    """Text with every run of blanks, tabs and line ends made one blank, and none at the ends."""
    return " ".join(value.split())


def folded(value: str) -> str:
    """The form in which two spellings of one word are equal: case, blanks and the kind of dash aside.

    >>> folded("Expired  WA – Active MSL")
    'expired wa - active msl'
    """
    return collapsed(value.translate(DASHES)).lower()


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be; None where nothing is near."""
    by_fold = {folded(each): each for each in known}
    close = difflib.get_close_matches(folded(word), by_fold, n=1, cutoff=0.5)
    return by_fold[close[0]] if close else None


def advice(word: str, known: Collection[str]) -> str:
    """How an unknown word is answered: with the nearest right one, else with all of them.

    >>> advice("colums", ["columns", "words"])
    "did you mean 'columns'?"
    """
    close = nearest(word, known)
    return f"did you mean {close!r}?" if close else f"expected one of: {', '.join(sorted(known)) or 'nothing'}"


def meaning(source: Source, column: str, value: str) -> Any:
    """What the source card says `value` means in `column`; a column without `words:` means what it says.

    A blank that the card does not map is None: the source does not say.
    """
    known = source.words.get(column)
    if known is None:
        return value or None
    by_fold = {folded(word): word for word in known}
    if folded(value) in by_fold:
        return known[by_fold[folded(value)]]
    if not value:
        return None
    raise Unreadable(f"{column} says {value[:80]!r}; the card knows {', '.join(map(repr, known))}; map it under `words:`")


# Bytes -----------------------------------------------------------------------------------------------------------


def decoded(body: bytes, source: Source, *, whole: bool = True) -> str:
    """The body as text in the card's encoding (utf-8 unless it says otherwise). Damage is a SourceUnreadable, never a substitute.

    `whole=False` reads the head of a longer body, whose last character may be cut in two.
    """
    encoding = str(source.options.get("encoding", "utf-8"))
    for mark, other in DAMAGED.items():
        if encoding == "utf-8" and body.startswith(mark):
            raise SourceUnreadable(f"{source.name}: byte 0 is the mark of {other}, not utf-8; say `encoding: {other}` on the card")
    try:
        text_ = codecs.getincrementaldecoder(encoding)().decode(body, final=whole)
    except UnicodeDecodeError as damage:
        advise = "if the whole file is in another encoding, say so on the card, e.g. `encoding: latin-1`"
        raise SourceUnreadable(f"{source.name}: byte {damage.start} is not {encoding}; {advise}") from None
    return text_.removeprefix("\ufeff")


# Elements of a page ----------------------------------------------------------------------------------------------


def one(node: "Tag", selector: str) -> "Tag":
    """The single element matching `selector`; none or several is Unreadable."""
    found = node.select(selector)
    if len(found) != 1:
        raise Unreadable(f"expected one {selector!r}, found {len(found)}")
    return found[0]


def text(node: "Tag") -> str:
    """Visible text with its whitespace collapsed."""
    return collapsed(node.get_text(" "))


def attribute(node: "Tag", name: str) -> str:
    """An attribute that must be there and must say something."""
    value = node.get(name, "")
    said = collapsed(value if isinstance(value, str) else " ".join(value or ()))
    if not said:
        raise Unreadable(f"<{node.name}> has no {name}")
    return said


def definitions(node: "Tag") -> dict[str, str]:
    """The label/value pairs of a `<dl>`, labels without their colon; a repeated or unpaired label is Unreadable."""
    labels = [text(label).rstrip(" :") for label in node.select("dt")]
    values = [text(value) for value in node.select("dd")]
    if len(labels) != len(values) or len(labels) != len({folded(label) for label in labels}):
        raise Unreadable(f"labels do not pair with values: {', '.join(labels)}")
    return dict(zip(labels, values, strict=True))


class Labelled:
    """Label/value pairs from one record, each to be taken exactly once.

    Leaving the block with a label untaken is Unreadable, so a column the insurer
    adds tomorrow is noticed tomorrow.

    >>> with Labelled({"Phone": "206 555 0100", "Fax": "206 555 0101"}, ignore=["Fax"]) as said:
    ...     said.take("Phone")
    '206 555 0100'
    """

    def __init__(self, pairs: Mapping[str, str], ignore: Collection[str] = ()) -> None:
        ignored = {folded(label) for label in ignore}
        self._left = {folded(label): (label, value) for label, value in pairs.items() if folded(label) not in ignored}

    def take(self, label: str) -> str:
        """The value that must stand under `label`."""
        if folded(label) not in self._left:
            raise Unreadable(f"no {label!r} here; untaken: {self._untaken() or 'nothing'}")
        return self._left.pop(folded(label))[1]

    def may_take(self, label: str) -> str | None:
        """The value under `label`, or None where this record has no such label."""
        return self._left.pop(folded(label), (label, None))[1]

    def _untaken(self) -> str:
        return ", ".join(label for label, _ in self._left.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None and self._left:
            raise Unreadable(f"not on the card: {self._untaken()}; map it or list it under `ignore`")


# Records ---------------------------------------------------------------------------------------------------------


Record = Listing | Credential | Registration | Exclusion | Participation
NOUNS: dict[str, type[Record]] = {
    "insurer": Listing,
    "license_roll": Credential,
    "registry": Registration,
    "exclusion": Exclusion,
    "participation": Participation,
}


def record_type(source: Source) -> type[Record]:
    """What a source of this kind publishes."""
    return NOUNS[source.kind]


def names(source: Source) -> tuple[str, ...]:
    """Our names for what a record of this source can say."""
    return tuple(each.name for each in fields(record_type(source)) if each.name not in ("evidence_id", "locator"))


def groups(pattern: str) -> list[str]:
    """The named groups of a pattern, in order."""
    return list(re.compile(pattern).groupindex)


def check_names(source: Source, given: Iterable[str], where: str) -> None:
    """Refuse a card that fills a field we do not have, fills one twice, or asks `accepting` without saying what its words mean."""
    patterns = source.options.get("patterns", {})
    filled: list[str] = []
    for name in given:
        if name not in patterns and name not in names(source):
            known = (*names(source), *patterns)
            raise Refused(f"{source.name}: `{where}` fills {name!r}, which is no field of ours; {advice(name, known)}")
        filled += groups(patterns[name]) if name in patterns else [name]
    if twice := sorted({name for name in filled if filled.count(name) > 1}):
        raise Refused(f"{source.name}: `{where}` fills {', '.join(twice)} twice; keep one of them")
    if "accepting" in filled and "accepting" not in source.words:
        example = "words: {accepting: {Yes: true, No: false}}"
        raise Refused(f"{source.name}: `{where}` fills accepting; say what its words mean, e.g. {example}")


def record(source: Source, evidence_id: str, locator: str, said: Mapping[str, str | None]) -> Record:
    """The record that these values amount to under the card's patterns and words; Unreadable where they do not fit."""
    values: dict[str, Any] = {name: collapsed(value) or None for name, value in said.items() if value is not None}
    for name, pattern in source.options.get("patterns", {}).items():
        value = values.pop(name, None)
        if value is not None:
            match = re.fullmatch(pattern, value)
            if match is None:
                raise Unreadable(f"{name} says {value[:80]!r}, which does not fit its pattern")
            values |= {part: found or None for part, found in match.groupdict().items()}
    noun = record_type(source)
    if noun is not Listing:
        if absent := lacking(noun, values):
            raise Unreadable(absent)
        return noun(evidence_id=evidence_id, locator=locator, **values)
    if not any(values.get(part) for part in ("name", "last", "organization")):
        raise Unreadable("no name")
    network = meaning(source, "network", values.get("network") or "")
    accepting = meaning(source, "accepting", values["accepting"] or "") if "accepting" in values else None
    return Listing(evidence_id=evidence_id, locator=locator, **(values | {"network": network or source.network, "accepting": accepting}))


def lacking(noun: type[Record], values: Mapping[str, Any]) -> str | None:
    """Why values cannot be a record of this noun: what every one must say is not among them."""
    needed = {
        Credential: ("number",),
        Registration: ("npi",),
        Exclusion: ("name", "last", "organization", "npi"),
        Participation: ("npi", "organization"),
    }
    called = {Credential: "no license number", Registration: "no NPI"}
    return None if any(values.get(name) for name in needed[noun]) else called.get(noun, "no name")


def problem(evidence_id: str, locator: str, reason: object, said: str) -> Problem:
    """What we refused to interpret, with as much of it as a person needs to find the place."""
    return Problem(evidence_id=evidence_id, locator=locator, reason=str(reason), excerpt=collapsed(said)[:EXCERPT])
