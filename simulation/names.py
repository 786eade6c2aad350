"""People's names at published frequencies, with an invented tail."""

from bisect import bisect
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import yaml

from simulation import noise


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
def given(table: str, community: int | None = None) -> Table:
    """Given names of one published table, whose tail falls faster than that of surnames; only those common in one community, if asked."""
    rng = Random(table)
    ends = words("given_ends_men" if table.startswith("men") else "given_ends_women")
    tail = [rng.choice(words("given_starts")) + rng.choice(ends) for _ in range(900)]
    every = _tailed(table, tail, 1.3)
    if community is None:
        return every
    weights = (high - low for low, high in pairwise((0.0, *every.cumulative)))
    own = [(name, weight) for name, weight in zip(every.names, weights, strict=True) if community_of(name) == community]
    return Table(tuple(name for name, _ in own), tuple(accumulate(weight for _, weight in own)))


COMMUNITIES = 8


def community_of(name: str) -> int:
    """Which of the communities a given name is common in, or a family belongs to."""
    return crc32(name.encode()) % COMMUNITIES


def respaced(name: str) -> str:
    """A compound name with its space or apostrophe left out, or Mc with a space after it; a name in one piece as it is.

    >>> respaced("De La Cruz"), respaced("O'Neil"), respaced("McDonald"), respaced("Baker")
    ('DeLaCruz', 'ONeil', 'Mc Donald', 'Baker')
    """
    if name.startswith("Mc") and name[2:3].isupper():
        return f"Mc {name[2:]}"
    return name.replace(" ", "").replace("'", "")


def misspell(word: str, rng: Random) -> str:
    """The word with a slip: a letter dropped, doubled or wrong, or two swapped; now and then with two slips; never the word itself."""
    shares = noise.group("spelling")
    again = rng.random() < shares.pop("second_slip")
    wrong = word
    while wrong == word:
        wrong = _slip(word, rng, rng.choices(list(shares), list(shares.values()))[0])
        wrong = _slip(wrong, rng, "substitution") if again else wrong
    return wrong


def _slip(word: str, rng: Random, kind: str) -> str:
    if len(word) < 3:
        return word + word[-1]
    at = rng.randrange(1, len(word) - 1)
    if kind == "transposition":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    put = {"omission": "", "insertion": 2 * word[at], "substitution": rng.choice("aeiounrstl")}[kind]
    return word[:at] + put + word[at + 1 :]


def mistype(digits: str, rng: Random, first: int) -> str:
    """A number with one digit wrong or left out, or two swapped, from position `first` on; never the number itself."""
    shares = noise.group("digits")
    wrong = digits
    while wrong == digits:
        at, kind = rng.randrange(first, len(digits) - 1), rng.choices(list(shares), list(shares.values()))[0]
        if kind == "transposition":
            wrong = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        else:
            wrong = digits[:at] + (str((int(digits[at]) + rng.randint(1, 9)) % 10) if kind == "substitution" else "") + digits[at + 1 :]
    return wrong


# Held out: nothing below is done to a name while anybody tunes.
LOOK_ALIKES = {"m": "rn", "rn": "m", "d": "cl", "cl": "d", "w": "vv", "l": "I", "o": "0", "e": "c", "h": "b", "u": "ii", "g": "q"}
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def look_alike(word: str, rng: Random) -> str:
    """The word with one letter (or two) read as what looks like it; the word itself where nothing in it does."""
    places = [(at, seen) for seen in LOOK_ALIKES for at in range(1, len(word)) if word.startswith(seen, at)]
    if not places:
        return word
    at, seen = rng.choice(places)
    return word[:at] + LOOK_ALIKES[seen] + word[at + len(seen) :]


def key_neighbour(word: str, rng: Random) -> str:
    """The word with one letter replaced by a key beside it; the word itself where it holds no plain letter after the first."""
    places = [at for at in range(1, len(word)) if word[at] in "".join(ROWS)]
    if not places:
        return word
    at = rng.choice(places)
    row = next(row for row in ROWS if word[at] in row)
    column = row.index(word[at])
    return word[:at] + rng.choice([row[near] for near in (column - 1, column + 1) if 0 <= near < len(row)]) + word[at + 1 :]
