"""The words this room hands on: what we compared, what we concluded, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

SAME = 0.8  # posterior from which a pair may be judged the same; see DECISIONS and the page on matching for what moving it changes


class Connection(Protocol):
    """An open database, handed to us; only `pipelines.warehouse` opens one."""

    def execute(self, query: str, parameters: Mapping[str, Any] | list[Any] | None = None, /) -> Any: ...
    def register(self, view_name: str, python_object: Any, /) -> Any: ...
    def unregister(self, view_name: str, /) -> Any: ...
    def create_function(self, name: str, function: Any, parameters: Any = None, return_type: Any = None, /) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an audit asks: of which profession, by which roll, and how young a lapse is left alone."""

    profession: str  # a key of professions.yml
    grace_days: int = 30
    roll: str | None = None  # source_id of the license roll; None: no roll, no question about licenses
    audit: str = "audit"


class Judgement(StrEnum):
    """Same, different or unsure; by a rule or by a named person."""

    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"


class Tier(StrEnum):
    """How well documented a finding is, by rule: A documented, B probable, C unresolved."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True)
class Provider:
    """The person or practice inferred behind listings and credentials."""

    id: str
    members: tuple[tuple[str, str], ...]  # (kind, id)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two records are in one respect, and why, in words a clerk can check."""

    respect: str
    level: int
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class Match:
    """Two records, their comparisons, the probability and the judgement."""

    left: tuple[str, str]
    right: tuple[str, str]
    probability: float
    judgement: Judgement
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked of every listing; a listing that fails it becomes a Finding."""

    name: str
    question: str
    sentence: str
    severity: str
    about: str  # person (who is asked first) or listing
    basis: tuple[str, ...]  # columns of what it rests on: withdrawn, it stays so while they stay the same
    rules: tuple[str, ...]
    sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A listing that failed a check, with its tier and the evidence it walks back to."""

    id: str
    check: str
    claim_id: str | None
    tier: Tier
    sentence: str
    evidence_ids: tuple[str, ...]
