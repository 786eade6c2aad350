"""Which credential types, taxonomy codes and titles belong to which profession: `professions.yml`, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml


@dataclass(frozen=True, slots=True)
class Profession:
    """A kind of work that a license permits; `permits` are its temporary forms, which permit it too."""

    title: str
    credential_types: Mapping[str, str]  # → the two letters of its numbers in Washington
    permits: Sequence[str]
    taxonomy: Sequence[str]
    titles: Sequence[str]
    words: Sequence[str]  # in a specialty, lower case: this profession is meant
    elsewhere: Sequence[str] = ()  # credential types as other states' rolls print them

    @property
    def prefix(self) -> str:
        """The two letters of its usual license numbers."""
        return next(iter(self.credential_types.values()))


@cache
def professions() -> dict[str, Profession]:
    """Every profession by its key.

    >>> professions()["massage_therapist"].credential_types["Massage Therapist License"]
    'MA'
    """
    text = resources.files("matching").joinpath("professions.yml").read_text(encoding="utf-8")
    return {key: Profession(**card) for key, card in yaml.safe_load(text).items()}


def profession_rows() -> list[dict[str, str | None]]:
    """The rows of curated.profession, one per profession and credential type; the prefix is Washington's, None where it has none.

    >>> profession_rows()[0]
    {'profession': 'massage_therapist', 'credential_type': 'Massage Therapist License', 'prefix': 'MA', 'title': 'massage therapist'}
    """
    return [
        {"profession": key, "credential_type": kind, "prefix": prefix, "title": card.title}
        for key, card in professions().items()
        for kind, prefix in [*card.credential_types.items(), *((other, None) for other in (*card.permits, *card.elsewhere))]
    ]
