"""People's names at published frequencies, with an invented tail."""

from bisect import bisect
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Table:
    """Names and how much each weighs."""

    names: tuple[str, ...]
    cumulative: tuple[float, ...]

    def draw(self, rng: Random, count: int) -> list[str]:
        return rng.choices(self.names, cum_weights=self.cumulative, k=count)

    def one(self, rng: Random) -> str:
        return self.names[bisect(self.cumulative, rng.random() * self.cumulative[-1], hi=len(self.names) - 1)]


@cache
def _file() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "names.yml").read_text(encoding="utf-8"))
    return loaded


@cache
def published(table: str) -> tuple[dict[str, float], float]:
    """Name → rate of one table of names.yml, and the total those rates are shares of."""
    entry = _file()[table]
    words = entry["table"].split()
    return {name: float(rate) for name, rate in zip(words[::2], words[1::2], strict=True)}, float(entry["total"])


def _pairs(key: str) -> dict[str, tuple[str, ...]]:
    words = str(_file()[key]).split()
    return {full: tuple(short.split("|")) for full, _, short in (word.partition("=") for word in words)}


@cache
def words(key: str) -> tuple[str, ...]:
    """A word list of names.yml: the parts that invented names are made of."""
    return tuple(str(_file()[key]).split())


@cache
def nicknames() -> dict[str, tuple[str, ...]]:
    return _pairs("nicknames")


@cache
def diacritics() -> dict[str, tuple[str, ...]]:
    return _pairs("diacritics")


def _tailed(table: str, tail: list[str], exponent: float) -> Table:
    """The published names, then the tail: weights fall as rank^-exponent and sum to what the published part leaves over."""
    known, total = published(table)
    invented = [name for name in dict.fromkeys(tail) if name not in known]
    falling = [(len(known) + rank) ** -exponent for rank in range(1, len(invented) + 1)]
    scale = (total - sum(known.values())) / sum(falling)
    weights = [*known.values(), *(weight * scale for weight in falling)]
    return Table((*known, *invented), tuple(accumulate(weights)))


def _surname(rng: Random) -> str:
    name = "".join(rng.choice(words(part)) for part in ("onsets", "vowels", "middles", "surname_ends"))
    kind = rng.random()
    if kind < 0.02:
        return f"Mc{name}"
    if kind < 0.035:
        return f"O'{name}"
    if kind < 0.05:
        return rng.choice(("De La ", "De ", "Van ", "Van Der ", "St. ")) + name
    return name


@cache
def surnames() -> Table:
    """Exponent 1: near the published table's own slope between ranks 200 and 40,000 (rate × rank stays about 10 per 1,000)."""
    rng = Random("surnames")
    return _tailed("surnames", [_surname(rng) for _ in range(60_000)], 1.0)


@cache
def given(table: str) -> Table:
    """Given names of one published table; its tail falls faster than that of surnames."""
    rng = Random(table)
    ends = words("given_ends_men" if table.startswith("men") else "given_ends_women")
    tail = [rng.choice(words("given_starts")) + rng.choice(ends) for _ in range(900)]
    return _tailed(table, tail, 1.3)


def misspell(word: str, rng: Random) -> str:
    """The word with one slip of the keyboard: two letters swapped, one dropped, one doubled or one wrong; never the word itself."""
    if len(word) < 3:
        return word + word[-1]
    while True:
        at = rng.randrange(1, len(word) - 1)
        slip = rng.randrange(4)
        if slip == 0:
            wrong = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        elif slip == 1:
            wrong = word[:at] + word[at + 1 :]
        elif slip == 2:
            wrong = word[:at] + word[at] + word[at:]
        else:
            wrong = word[:at] + rng.choice("aeiounrstl") + word[at + 1 :]
        if wrong != word:
            return wrong
