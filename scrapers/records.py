"""The words this room hands on. Each is a fact with its source attached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any


class Refused(Exception):
    """One sentence for a person: what we saw, what we expected, what to do. `status` is the exit status it earns."""

    status = 2


class SourceUnreadable(Refused):
    """A source could not be read: it did not answer, or answered something that is not what it publishes."""

    status = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place that publishes listings, credentials or registrations, as its card describes it."""

    name: str  # wa.doh, or the card's stem when the card lies outside the catalogue
    title: str
    kind: str  # insurer | license_roll | registry | exclusion | participation
    format: str
    start: tuple[str, ...]  # URLs, or paths and globs relative to `folder`
    folder: Path
    state: str | None = None
    surface: str | None = None  # website | api | file | pdf | saved_page
    insurer: Mapping[str, str | None] = field(default_factory=dict)
    networks: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    network: str | None = None  # where the source itself does not say
    as_of: Mapping[str, date] = field(default_factory=dict)  # glob → the day such files were taken
    columns: Mapping[str, str] = field(default_factory=dict)  # ours: theirs
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    license_key: Mapping[str, Any] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    visit: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)  # keys that one format alone understands
    card_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything one source said in one visit; never changed afterwards."""

    id: str  # <source>@<day>-<first 12 of sha256>: the same evidence gives the same id on any machine
    source: str
    day: date  # the day the source said it (UTC), or the card's as_of
    started_at: datetime
    finished_at: datetime
    response_count: int
    sha256: str  # of the sorted names of its evidence
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One response, kept byte for byte, with where and when we got it; named by its SHA-256."""

    id: str
    snapshot_id: str
    url: str  # file sources: file:NAME
    fetched_at: datetime
    http_status: int | None  # file sources have none
    sha256: str
    byte_count: int
    content_type: str | None
    path: Path  # where the compressed bytes lie
    body: bytes = field(default=b"", repr=False)  # filled for record parsers only


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One claim by one insurer: this provider can be seen at this place in this network."""

    evidence_id: str
    locator: str  # where in the evidence: "block 17", "row 203"
    reference: str | None = None
    name: str | None = None
    prefix: str | None = None
    first: str | None = None
    middle: str | None = None
    last: str | None = None
    suffix: str | None = None
    organization: str | None = None
    npi: str | None = None
    license: str | None = None
    address: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    phone: str | None = None
    specialty: str | None = None
    network: str | None = None
    accepting: bool | None = None  # None: the insurer does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One license as its roll states it: number, holder, status, dates."""

    evidence_id: str
    locator: str
    number: str
    name: str | None = None
    first: str | None = None
    middle: str | None = None
    last: str | None = None
    suffix: str | None = None
    type: str | None = None
    status: str | None = None
    issued: str | None = None
    expires: str | None = None
    action: str | None = None
    organization: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One NPI as the national registry states it: holder, taxonomy, license, deactivation."""

    evidence_id: str
    locator: str
    npi: str
    taxonomy: str
    name: str | None = None
    license: str | None = None
    deactivated: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in evidence that we refused to interpret."""

    evidence_id: str
    locator: str
    reason: str
    excerpt: str  # at most 200 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to ask of a source, and what its answer must be."""

    url: str
    expects: str = "any"  # html | json | csv | text | any
    is_leaf: bool = False  # nothing follows from the answer, so it need not be read into memory
