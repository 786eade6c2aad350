"""Codes of a finding in words, for pages that people read; workbooks and CSV keep the codes."""

from collections.abc import Mapping
from typing import Final

from reports.measures import CHECKS as OF_LISTINGS

CHECKS: Final[Mapping[str, str]] = {**OF_LISTINGS, "omitted_from_directory": "Accepted by the insurer, and not seen in its directory"}
TIERS: Final[Mapping[str, str]] = {"A": "A (documented)", "B": "B (probable)", "C": "C (unresolved)"}
SEVERITIES: Final[Mapping[str, str]] = {"access_preventing": "prevents access"}
STAGES: Final[Mapping[str, str]] = {
    "flagged": "flagged by rule",
    "reviewed": "reviewed by a person",
    "notified": "insurer and person told",
    "answered": "answered by the insurer",
    "final": "final, signed by two people",
}
STATES: Final[Mapping[str, str]] = {"persisting": "seen before"}


def each(words: Mapping[str, str], value: str) -> str:
    """The words for one code, or for several with commas between; each code without words stands as it is.

    >>> each({"us.a": "42 U.S.C. § 1", "us.b": "42 U.S.C. § 1"}, "us.a, us.b, us.c")
    '42 U.S.C. § 1; us.c'
    """
    return "; ".join(dict.fromkeys(words.get(code, code) for code in value.split(", ")))
