"""The words this room hands on. Each is a fact with its source attached."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any


class Refused(Exception):
    """One sentence for a person: what we saw, what we expected, what to do. `status` is the exit status it earns."""

    status = 2


class SourceUnreadable(Refused):
    """A source could not be read: it did not answer, or answered something that is not what it publishes.

    `failure` is its class: dns, tls, unreachable, busy, blocked, login_wall, robots, moved, gone, empty, cut_short, too_large, shrank,
    partial, budget or changed_shape.
    """

    status = 3

    def __init__(self, said: str, failure: str = "changed_shape") -> None:
        super().__init__(said)
        self.failure = failure


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
    """One NPI and one of its taxonomies as the national registry states them: holder, license, deactivation."""

    evidence_id: str
    locator: str
    npi: str
    entity: str | None = None  # 1 a person, 2 an organization; None: the registry no longer says
    last: str | None = None
    first: str | None = None
    middle: str | None = None
    suffix: str | None = None
    other_last: str | None = None  # a former or professional name
    other_first: str | None = None
    other_middle: str | None = None
    organization: str | None = None
    taxonomy: str | None = None
    license: str | None = None  # free text, as the holder typed it
    license_state: str | None = None
    city: str | None = None  # of the practice
    state: str | None = None
    zip: str | None = None
    phone: str | None = None
    enumerated: str | None = None
    updated: str | None = None
    deactivated: str | None = None
    reactivated: str | None = None
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """One person or practice that a government excludes from its health programs. A name alone is only a candidate."""

    evidence_id: str
    locator: str
    name: str | None = None
    last: str | None = None
    first: str | None = None
    middle: str | None = None
    suffix: str | None = None
    organization: str | None = None
    npi: str | None = None
    license: str | None = None
    type: str | None = None  # the legal basis, as printed
    specialty: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    excluded: str | None = None
    reinstated: str | None = None
    waiver: str | None = None  # the state in which the exclusion is waived


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """An insurer's own word that a provider is contracted; its absence is never evidence. Holds no price."""

    evidence_id: str
    locator: str
    npi: str | None = None
    organization: str | None = None  # the business name of the group; never a tax number
    network: str | None = None
    plan: str | None = None
    strength: str = "weak"  # proof: the person's own NPI under a service of the profession, or under all services; weak: otherwise
    updated: str | None = None  # the day the file gives itself


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
    expects: str = "any"  # html | json | ndjson | csv | text | any
    is_leaf: bool = False  # nothing follows from the answer, so it need not be read into memory
    is_shared: bool = False  # several pages may lead to it; of any other, a page that leads to it again leads in a circle
    headers: Mapping[str, str] = field(default_factory=dict)  # none of them secret: they are kept
    form: Mapping[str, str] | None = None  # sent by POST, as a browser sends a form
    label: str = ""  # with `form`: tells apart answers from one address, on any machine and day ("page 2"); part of where the answer lies
    waits: bool = False  # 202 means "not ready": go where Content-Location says, or ask again after Retry-After
    select: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None  # of a body too large to keep: the part that is kept

    @property
    def name(self) -> str:
        """What tells this request apart from every other of a visit."""
        return f"{self.url}#{self.label}" if self.label else self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One flat file that the warehouse reads by one SELECT with $path; made from evidence, and thrown away once read."""

    path: Path
    select: str
    is_placed: bool = False  # its locators are whole; else one that ends in a blank ("row ") is completed by the number of its row
