"""The words this room hands on: numbers with the rows behind them, and the pages that carry them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number with its numerator, denominator, interval and the rows behind it."""

    report: str
    name: str
    scope: str  # "all", or a source name
    title: str
    numerator: int
    denominator: int | None
    value: float | None
    low: float | None
    high: float | None
    method: str
    sql: str  # reproduces numerator and denominator on that run's database
    exact_low: float | None = None
    exact_high: float | None = None
    population: int | None = None  # what a sample was drawn from; None: everything was counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a report: a heading, prose, and at most one table and one picture."""

    key: str
    title: str
    paragraphs: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    note: str = ""
    chart: str = ""  # SVG
    alt: str = ""  # what the chart shows, in words
    about: Sequence[str] = ()  # which insurer's source each row speaks of; "" or no entry: of all together
    quotes: Sequence[str] = ()  # columns whose cells are somebody else's words, printed as they were given


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one kind of reader is shown of one run: sections in order, and the rows behind them."""

    key: str  # commissioner
    title: str
    audit: str
    run_id: str
    marks: Sequence[str]  # printed on every page: DRAFT, INVENTED
    facts: Mapping[str, str]  # label → value on the first page
    sections: Sequence[Section]
    annex_columns: Sequence[str] = ()
    annex: Sequence[Sequence[Any]] = ()
    annex_kinds: Sequence[str] = ()  # what stands in each column of the annex, in the words of reports.lint.KINDS
    language: str = "en"
    made_at: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A public place where somebody may complain or ask, and where that was read."""

    name: str
    to: str
    source: str
    mark: str  # S seen in a stored copy, S2 seen at second hand, R recalled
    where: str | None = None  # an address; None: not established
    phone: str | None = None
    plan: str = ""  # whose door it is for a patient: insured, self_funded, government, medicaid, medicare, bill; "": nobody's
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One thing a regulator may ask of an insurer, and the settlement or rule it was taken from."""

    key: str
    asks: str
    source: str
    mark: str  # as of a Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How one check did on the invented state, where the truth is known."""

    check: str
    flagged: int  # tier A
    right: int  # of those
    true: int  # cases that should have been found
    found: int  # of those, in tier A or B
    unsure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a report must know beyond the tables: which audit it is of, when and by what it was made, and the marks it bears."""

    audit: str
    title: str
    state: str  # in words: Washington
    profession: str  # in words: massage therapist
    run_id: str
    code_version: str
    made_at: datetime  # UTC; the only clock a document sees
    marks: Sequence[str] = ("DRAFT",)
    grace_days: int = 30
    contact: str | None = None  # where a correction is sent; None: printed as not yet named
    measured: Sequence[Measured] = ()  # how often the checks were right where the truth is known
    regulator: str = "insurance commissioner"  # by name, where the state's card has it
    regulators: Mapping[str, str] = field(default_factory=dict)  # a card's word for who regulates a network → its name
    doors: Sequence[Door] = ()
    remedies: Sequence[Remedy] = ()
