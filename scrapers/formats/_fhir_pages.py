"""What FHIR servers answer: Bundles page by page, their own statement, manifests of an export, errors, and resources line by line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from scrapers.formats._fhir import concept, objects, text_of, type_of
from scrapers.reading import Unreadable
from scrapers.records import SourceUnreadable

LARGEST_BUNDLE = 256 * 1024**2  # bytes of one Bundle, which is held in memory whole; lines may be any number


@dataclass(frozen=True, slots=True)
class Answer:
    """What one page says: its resources with where each lies, the server's words about the search, and how it goes on."""

    resources: tuple[tuple[str, Any], ...]  # (fullUrl, resource)
    outcomes: tuple[tuple[str, str, str], ...] = ()  # (severity, code, words)
    next: str | None = None
    total: int | None = None
    offers: frozenset[str] | None = None  # of a CapabilityStatement of FHIR 4: the types it names
    includes: frozenset[str] = frozenset()  # of the same: what a search brings along when asked, as "PractitionerRole:practitioner"
    files: tuple[tuple[str, str, int | None], ...] | None = None  # of an export: (type, address, how many resources)
    needs_token: bool = False  # to fetch these files


def answer(said: Any) -> Answer:
    """A Bundle, a statement, a manifest of an export, or one resource alone. Unreadable for any other JSON."""
    after = None
    if isinstance(said, dict) and "resourceType" not in said and isinstance(said.get("results"), dict):
        said, after = said["results"], said.get("next")  # the national directory wraps its Bundles
    kind = said.get("resourceType") if isinstance(said, dict) else None
    if kind is None and isinstance(said, dict) and "output" in said:
        return _manifest(said)
    if not isinstance(kind, str):
        raise Unreadable("JSON without a resourceType, where a FHIR Bundle was expected")
    if kind == "CapabilityStatement":
        parts = [each for part in objects(said, "rest") for each in objects(part, "resource")]
        is_4 = str(said.get("fhirVersion", "4")).startswith("4")
        along = frozenset(str(name) for each in parts for name in each.get("searchInclude") or () if is_4)
        return Answer((), offers=frozenset(str(each.get("type")) for each in parts if is_4), includes=along)
    if kind == "OperationOutcome":
        return Answer((), (complaint(said),))
    if kind != "Bundle":
        return Answer((("", said),))
    entries = objects(said, "entry")
    found = [(text_of(each, "fullUrl") or "", each.get("resource")) for each in entries]
    following = {text_of(each, "url") for each in objects(said, "link") if each.get("relation") == "next"} | {after} - {None}
    following.discard(None)
    if len(following) > 1:
        raise Unreadable("a Bundle with several next links")
    total = said.get("total")
    return Answer(
        tuple((where, each) for where, each in found if type_of(each) != "OperationOutcome"),
        tuple(complaint(each) for _, each in found if each and type_of(each) == "OperationOutcome"),
        next=next(iter(following), None),
        total=total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None,
    )


def _manifest(said: Mapping[str, Any]) -> Answer:
    """https://hl7.org/fhir/uv/bulkdata: `output` and `error`, lists of {type, url, count}."""
    files = [
        (str(each.get("type")), text_of(each, "url") or "", each["count"] if type(each.get("count")) is int else None)
        for each in objects(said, "output")
    ]
    errors = [("OperationOutcome", text_of(each, "url") or "", None) for each in objects(said, "error")]
    return Answer((), files=(*files, *errors), needs_token=said.get("requiresAccessToken") is True)


def answers(body: IO[bytes], what: str) -> Iterator[tuple[int, Answer | Unreadable]]:
    """Each JSON of a body with the line it begins on: one document, or one to a line. SourceUnreadable for one too large to hold."""
    first, number = body.readline(LARGEST_BUNDLE + 1), 1
    while first and not first.strip():
        first, number = body.readline(LARGEST_BUNDLE + 1), number + 1
    if len(first) > LARGEST_BUNDLE:
        raise SourceUnreadable(f"{what} has more than {LARGEST_BUNDLE >> 20} MiB in one line; ask the publisher for NDJSON", "too_large")
    try:
        documents: Iterator[tuple[int, bytes]] = _lines(first, number, body)
        json.loads(first)
    except (ValueError, RecursionError):  # a document of several lines
        rest = body.read(LARGEST_BUNDLE - len(first) + 1)
        if len(first) + len(rest) > LARGEST_BUNDLE:
            raise SourceUnreadable(
                f"{what} is one Bundle of more than {LARGEST_BUNDLE >> 20} MiB; ask the publisher for NDJSON", "too_large"
            ) from None
        documents = iter([(number, first + rest)])
    for number, line in documents:
        try:
            yield number, answer(json.loads(line.decode("utf-8-sig")))
        except Unreadable as reason:
            yield number, reason
        except (ValueError, RecursionError):
            yield number, Unreadable("no JSON")


def _lines(line: bytes, number: int, body: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    while line:
        if line.strip():
            yield number, line
        line, number = body.readline(LARGEST_BUNDLE), number + 1


def complaint(outcome: Mapping[str, Any]) -> tuple[str, str, str]:
    """(severity, code, words) of the gravest issue of an OperationOutcome."""
    order = ("fatal", "error", "warning", "information")
    gravest = min(
        objects(outcome, "issue"), key=lambda each: order.index(each["severity"]) if each.get("severity") in order else 1, default={}
    )
    words = text_of(gravest, "diagnostics") or concept(gravest.get("details")) or "nothing more"
    return str(gravest.get("severity", "error")), str(gravest.get("code", "")), words[:120]
