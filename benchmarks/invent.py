"""A directory of invented people beside the roll they are licensed on, of any size, with the truth and with every slip named.

Columns of `right` (the roll) and `left` (the listings): uid, first_name, middle_name, last_name, suffix, lic_type, lic_no, npi, street_no,
street, unit, city, zip, phone; all text. `truth` has id_l and id_r, `tags` what was done to each listing, bars between. Names are drawn
from the frequencies of the census of 1990 (package `names`), short forms from `nicknames`; all else is made up. Places and practices grow
with the roll, so that nine million rows are nine states and not one crowded one.

The roll is made and written in chunks of its own seeds: memory does not grow with it. Equal arguments, equal rows.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from nicknames import NickNamer
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Words = NDArray[np.object_]

CHUNK = 250_000
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
TYPES = np.array(["MD", "DO", "RN", "NP", "PA", "LCSW", "LMFT", "PSY", "DDS", "PT", "OT", "RPH", "DC", "OD"], dtype=object)
TYPE_SHARES = np.array([0.16, 0.03, 0.38, 0.05, 0.03, 0.06, 0.06, 0.03, 0.05, 0.05, 0.02, 0.05, 0.02, 0.01])
SUFFIXES = np.array(["JR", "SR", "II", "III"], dtype=object)
STREETS = 3000
NONE = -1  # the code of a blank


def drawn(rng: np.random.Generator, up_to: NDArray[np.float64], count: int) -> Numbers:
    """Places in a list, as often as the running totals of their weights say."""
    places: Numbers = np.searchsorted(up_to, rng.random(count) * up_to[-1]).astype(np.int64)
    return places


class Names:
    """Names of one kind and how often each is drawn."""

    def __init__(self, *files: str) -> None:
        lines = [line.split() for file in files for line in (resources.files("names") / file).read_text("ascii").splitlines()]
        self.words = np.array([line[0] for line in lines], dtype=object)
        self.up_to = np.cumsum([float(line[1]) + 1e-4 for line in lines])

    def draw(self, rng: np.random.Generator, count: int) -> Numbers:
        """Codes into `words`."""
        return drawn(rng, self.up_to, count)


@dataclass(frozen=True)
class Address:
    """Where people work, as codes."""

    zip: Numbers
    number: Numbers
    street: Numbers
    unit: Numbers  # 0: none

    def take(self, rows: Numbers) -> "Address":
        """These rows only."""
        return Address(*(getattr(self, field.name)[rows] for field in fields(self)))

    def where(self, flags: Flags, other: "Address") -> "Address":
        """`other` where flagged."""
        return Address(*(np.where(flags, getattr(other, field.name), getattr(self, field.name)) for field in fields(self)))


@dataclass(frozen=True)
class People:
    """People as codes and numbers; one array per column."""

    row: Numbers
    female: Flags
    first: Numbers
    middle: Numbers
    last: Numbers
    second_last: Numbers
    suffix: Numbers
    type: Numbers
    license: Numbers
    npi: Numbers
    phone: Numbers
    address: Address

    def take(self, rows: Numbers) -> "People":
        """These rows only."""
        return People(*(getattr(self, f.name).take(rows) if f.name == "address" else getattr(self, f.name)[rows] for f in fields(self)))


class State:
    """The places and names all rows are drawn from."""

    def __init__(self, seed: int, roll: int) -> None:
        rng = np.random.default_rng([seed, 0])
        self.seed, self.roll = seed, roll
        self.first = Names("dist.female.first", "dist.male.first")
        self.women, self.men, self.last = Names("dist.female.first"), Names("dist.male.first"), Names("dist.all.last")
        size = max(1, roll // 1_000_000)
        zips, cities, practices = 420 * size, 120 * size, 6000 * size
        self.zips = np.array([f"{10001 + i * 17 % 89_000:05d}" for i in range(zips)], dtype=object)
        endings = np.array(["VILLE", " CITY", "TON", " SPRINGS", " PARK", ""], dtype=object)
        self.cities = np.array([self.last.words[200 + 3 * i] + endings[i % 6] for i in range(cities)], dtype=object)
        self.city_of = np.concatenate([np.arange(cities), rng.integers(0, cities, zips - cities)])
        self.zip_up_to = np.cumsum(rng.permutation(np.arange(1, zips + 1) ** -0.8))
        roads = rng.choice(np.array(["ST", "AVE", "BLVD", "DR", "RD", "LN", "WAY", "CT"], dtype=object), STREETS)
        self.streets = self.last.words[rng.integers(0, 4000, STREETS)] + " " + roads
        self.practice_up_to = np.cumsum(np.arange(1, practices + 1) ** -0.7)
        self.practice = self.addresses(rng, practices)
        self.practice_phone = self.phones(rng, self.practice.zip)

    def addresses(self, rng: np.random.Generator, count: int) -> Address:
        """Anywhere in the state, in crowded ZIP codes more often."""
        return Address(
            zip=drawn(rng, self.zip_up_to, count),
            number=rng.integers(1, 9999, count),
            street=(rng.random(count) ** 1.6 * STREETS).astype(np.int64),
            unit=np.where(rng.random(count) < 0.3, rng.integers(1, 900, count), 0),
        )

    def phones(self, rng: np.random.Generator, zips: Numbers) -> Numbers:
        """A number in the city's area code."""
        return (201 + self.city_of[zips] % 100 * 7) * 10_000_000 + rng.integers(2_000_000, 9_999_999, len(zips))

    def practices(self, rng: np.random.Generator, count: int) -> Numbers:
        """Practices, large ones more often."""
        return drawn(rng, self.practice_up_to, count)

    def first_names(self, rng: np.random.Generator, female: Flags) -> Numbers:
        """First names, as codes into `first`."""
        return np.where(female, self.women.draw(rng, len(female)), len(self.women.words) + self.men.draw(rng, len(female)))

    def npis(self, rows: Numbers) -> Numbers:
        """Different rows have different NPIs with a right check digit (Luhn over 80840 + nine digits)."""
        base = 100_000_000 + (rows * 7_919_033 + self.seed * 104_729) % 900_000_000  # a bijection: 7919033 shares no factor with 9e8
        total: Numbers = np.full(len(rows), 24)  # what the prefix 80840 adds
        for place in range(9):
            digit = base // 10**place % 10
            doubled = digit * 2
            total += np.where(place % 2 == 0, doubled - 9 * (doubled > 9), digit)
        npis: Numbers = base * 10 + -total % 10
        return npis

    def rolls(self) -> Iterator[People]:
        """The roll, chunk by chunk: a third in practices, with relatives at one address and namesakes in one ZIP code."""
        for chunk, start in enumerate(range(0, self.roll, CHUNK)):
            rng, n = np.random.default_rng([self.seed, 1, chunk]), min(CHUNK, self.roll - start)
            rows, female = np.arange(start, start + n), rng.random(n) < 0.55
            first, last = self.first_names(rng, female), self.last.draw(rng, n)
            second = np.where(female & (rng.random(n) < 0.04), self.last.draw(rng, n), NONE)
            address, phone = self.addresses(rng, n), np.zeros(n, np.int64)
            phone = self.phones(rng, address.zip)
            practice, joined = self.practices(rng, n), rng.random(n) < 0.35
            address, phone = address.where(joined, self.practice.take(practice)), np.where(joined, self.practice_phone[practice], phone)
            related, of = rng.random(n) < 0.03, rng.integers(0, n, n)
            last, second = np.where(related, last[of], last), np.where(related, second[of], second)
            address = address.where(related, address.take(of))
            namesake, of = rng.random(n) < 0.01, rng.integers(0, n, n)
            first, last, second = (np.where(namesake, codes[of], codes) for codes in (first, last, second))
            address = replace(address, zip=np.where(namesake, address.zip[of], address.zip))
            yield People(
                row=rows,
                female=female,
                first=first,
                middle=np.where(rng.random(n) < 0.75, self.first_names(rng, female), NONE),
                last=last,
                second_last=second,
                suffix=np.where(~female & (rng.random(n) < 0.04), rng.integers(0, len(SUFFIXES), n), NONE),
                type=rng.choice(len(TYPES), n, p=TYPE_SHARES),
                license=rng.integers(1000, 1_200_000, n),
                npi=self.npis(rows),
                phone=phone,
                address=address,
            )

    def last_names(self, people: People) -> Words:
        """Last names, the double ones with a hyphen."""
        words, double = self.last.words[people.last], people.second_last != NONE
        words[double] += "-" + self.last.words[people.second_last[double]]
        return words

    def roll_table(self, people: People, rng: np.random.Generator) -> pa.Table:
        """The roll as its board publishes it: NPI for six in ten, a phone for eight."""
        n, where = len(people.row), people.address
        return pa.table(
            {
                "uid": _ids("R", people.row, 8),
                "first_name": _coded(people.first, self.first.words),
                "middle_name": _coded(people.middle, self.first.words),
                "last_name": pa.array(self.last_names(people), pa.string()),
                "suffix": _coded(people.suffix, SUFFIXES),
                "lic_type": _coded(people.type, TYPES),
                "lic_no": _text(people.license),
                "npi": _text(people.npi, rng.random(n) < 0.4),
                "street_no": _text(where.number),
                "street": _coded(where.street, self.streets),
                "unit": pc.binary_join_element_wise("STE", _text(where.unit, where.unit == 0), " "),
                "city": _coded(self.city_of[where.zip], self.cities),
                "zip": _coded(where.zip, self.zips),
                "phone": _text(people.phone, rng.random(n) < 0.2),
            }
        )


class Listings:
    """What a directory prints about people; `slips` names what went wrong with whom."""

    def __init__(self, state: State, known: People, unknown: int) -> None:
        self.state, self.rng = state, np.random.default_rng([state.seed, 2])
        self.random = random.Random(f"{state.seed} slips")
        self.known, self.count = known, len(known.row) + unknown
        self.is_known = np.arange(self.count) < len(known.row)
        self.slips: list[tuple[str, Flags]] = [("unknown", ~self.is_known)]

    def some(self, share: float) -> Flags:
        """A random share of the listings."""
        return self.rng.random(self.count) < share

    def slip(self, tag: str, where: Flags, words: Words, change: Callable[[int], str]) -> None:
        """Change `words` where flagged, and remember it."""
        for i in np.flatnonzero(where):
            words[i] = change(int(i))
        self.slips.append((tag, where))

    def typo(self, words: Words, letters: str) -> Callable[[int], str]:
        """One slip of the finger: two swapped, one dropped, one wrong or one too many."""

        def change(i: int) -> str:
            word, place, kind = str(words[i]), self.random.randrange(max(1, len(words[i]) - 1)), self.random.random()
            if len(word) < 3:
                return word
            if kind < 0.3:
                return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            if kind < 0.55:
                return word[:place] + word[place + 1 :]
            return word[:place] + self.random.choice(letters) + word[place + (kind < 0.8) :]

        return change

    def padded(self, known: Any, unknown: Any) -> Any:
        """The roll's values for people on it, others for the rest."""
        return np.concatenate([known, unknown[len(known) :]])

    def names(self) -> tuple[Words, Words, Words, Words]:
        """First, middle, last, suffix: short forms, initials, the middle name used as first, maiden and double names, swaps."""
        state, rng, known = self.state, self.rng, self.known
        self.female = self.padded(known.female, self.some(0.5))
        code = self.padded(known.first, state.first_names(rng, self.female))
        first = state.first.words[code]
        middle = _words(self.padded(known.middle, state.women.draw(rng, self.count)), state.first.words)
        last = self.padded(state.last_names(known), state.last.words[state.last.draw(rng, self.count)])
        suffix = _words(self.padded(known.suffix, np.full(self.count, NONE)), SUFFIXES)
        maiden = state.last.words[state.last.draw(rng, self.count)]

        nicknames = NickNamer()
        short = {word: sorted(nicknames.nicknames_of(word.lower())) for word in set(state.first.words)}
        draw = rng.random(self.count)
        has_short = np.array([bool(short[word]) for word in first])
        middle_used = (draw >= 0.16) & (draw < 0.18) & (middle != "")
        nick = (draw < 0.10) & has_short
        self.slip("nick", nick, first, lambda i: self.random.choice(short[first[i]]).upper())
        self.slip("ftypo", ~nick & (draw < 0.14), first, self.typo(first, LETTERS))
        self.slip("finit", (draw >= 0.14) & (draw < 0.16), first, lambda i: first[i][0])
        first[middle_used], middle[middle_used] = middle[middle_used], first[middle_used].copy()
        self.slips.append(("midfirst", middle_used))

        draw = rng.random(self.count)
        double = np.array(["-" in word for word in last])
        married = self.female & (draw < 0.05)
        self.slip("maiden", married, last, lambda i: str(maiden[i]))
        hyphen = self.female & (draw >= 0.05) & (draw < 0.08)
        self.slip("hyph", hyphen, last, lambda i: self.random.choice(last[i].split("-")) if double[i] else f"{last[i]}-{maiden[i]}")
        self.slip("ltypo", ~married & ~hyphen & (draw < 0.12), last, self.typo(last, LETTERS))
        long = np.array([len(word) > 5 for word in last])
        self.slip("space", (draw >= 0.12) & (draw < 0.13) & long, last, lambda i: f"{last[i][:3]} {last[i][3:]}")
        double = np.array(["-" in word for word in last])
        self.slip("hyphsp", double & self.some(0.3), last, lambda i: last[i].replace("-", " "))
        swapped = self.some(0.01)
        first[swapped], last[swapped] = last[swapped], first[swapped].copy()
        self.slips.append(("swap", swapped))

        draw = rng.random(self.count)
        middle[draw < 0.5] = ""
        initial = (draw >= 0.5) & (draw < 0.8)
        middle[initial] = [word[:1] for word in middle[initial]]
        suffix[self.some(0.6)] = ""
        return first, middle, last, suffix

    def numbers(self) -> tuple[Words, Words, Words]:
        """License type, license number, NPI: often absent, seldom mistyped, seldom another's."""
        state, rng, known, n = self.state, self.rng, self.known, self.count
        kind = TYPES[self.padded(known.type, rng.choice(len(TYPES), n, p=TYPE_SHARES))]
        kind[self.some(0.15)] = ""
        license_ = self.padded(known.license, rng.integers(1000, 1_200_000, n)).astype(str).astype(object)
        other = rng.integers(1000, 1_200_000, n)
        draw, printed = rng.random(n), self.some(0.55)
        self.slip("lictypo", printed & (draw < 0.03), license_, self.typo(license_, DIGITS))
        self.slip("licwrong", printed & (draw >= 0.03) & (draw < 0.035), license_, lambda i: str(other[i]))
        self.slip("nolic", ~printed, license_, lambda i: "")
        npi = self.padded(known.npi, state.npis(state.roll + np.arange(n))).astype(str).astype(object)
        other = state.npis(rng.integers(0, state.roll, n))
        draw, printed = rng.random(n), self.some(0.6)
        self.slip("npitypo", printed & (draw < 0.01), npi, self.typo(npi, DIGITS))
        self.slip("npiwrong", printed & (draw >= 0.01) & (draw < 0.015), npi, lambda i: str(other[i]))
        self.slip("nonpi", ~printed, npi, lambda i: "")
        return kind, license_, npi

    def places(self) -> tuple[Words, Words, Words, Words, Words, Words]:
        """Street number, street, unit, city, ZIP code, phone: the roll's, a practice's or elsewhere."""
        state, rng, known, n = self.state, self.rng, self.known, self.count
        practice, elsewhere = state.practices(rng, n), state.addresses(rng, n)
        draw = rng.random(n)
        at_own, at_practice = self.is_known & (draw < 0.5), ~(self.is_known & (draw < 0.5)) & (draw < 0.8)
        own = Address(*(self.padded(getattr(known.address, f.name), getattr(elsewhere, f.name)) for f in fields(Address)))
        address = elsewhere.where(at_practice, state.practice.take(practice)).where(at_own, own)
        self.slips += [("grpaddr", at_practice), ("newaddr", ~at_own & ~at_practice)]

        elsewhere_phone = state.phones(rng, elsewhere.zip)
        phone = np.where(at_practice, state.practice_phone[practice], elsewhere_phone)
        phone = np.where(self.is_known & self.some(0.45), self.padded(known.phone, elsewhere_phone), phone).astype(str).astype(object)
        number = address.number.astype(str).astype(object)
        street = state.streets[address.street]
        unit = np.where((address.unit == 0) | self.some(0.5), "", "STE " + address.unit.astype(str).astype(object))
        self.slip("sttypo", self.some(0.05), street, self.typo(street, LETTERS))
        self.slip("notypo", self.some(0.04), number, self.typo(number, DIGITS))
        self.slip("phtypo", self.some(0.02), phone, self.typo(phone, DIGITS))
        phone[self.some(0.05)] = ""
        return number, street, unit, state.cities[state.city_of[address.zip]], state.zips[address.zip], phone

    def write(self, out: Path) -> None:
        """left, truth and tags; the listings in an order that says nothing."""
        first, middle, last, suffix = self.names()
        kind, license_, npi = self.numbers()
        number, street, unit, city, zip_, phone = self.places()
        uid = _ids("L", np.arange(self.count), 7)
        names = (
            "first_name",
            "middle_name",
            "last_name",
            "suffix",
            "lic_type",
            "lic_no",
            "npi",
            "street_no",
            "street",
            "unit",
            "city",
            "zip",
            "phone",
        )
        values = (first, middle, last, suffix, kind, license_, npi, number, street, unit, city, zip_, phone)
        columns = {name: pa.array(words, pa.string(), mask=words == "") for name, words in zip(names, values, strict=True)}
        left = pa.table({"uid": uid, **columns}).take(pa.array(self.rng.permutation(self.count)))
        pq.write_table(left, out / "left.parquet")
        pq.write_table(pa.table({"id_l": uid[: len(self.known.row)], "id_r": _ids("R", self.known.row, 8)}), out / "truth.parquet")
        tags: list[list[str]] = [[] for _ in range(self.count)]
        for tag, flags in self.slips:
            for i in np.flatnonzero(flags):
                tags[i].append(tag)
        pq.write_table(pa.table({"uid": uid, "tags": ["|".join(each) for each in tags]}), out / "tags.parquet")


def build(out: Path, *, roll: int, listings: int, seed: int) -> None:
    """Write the set to `out`: 92 % of the listings are of people on the roll, and about one person in seven is listed twice."""
    state = State(seed, roll)
    rng = np.random.default_rng([seed, 3])
    people = min(roll, int(listings * 0.92 * 0.85))
    chosen = rng.choice(roll, people, replace=False)
    chosen = np.sort(np.concatenate([chosen, rng.choice(chosen, int(listings * 0.92) - people)]))
    kept: list[People] = []
    out.mkdir(parents=True, exist_ok=True)
    writer = None
    for some in state.rolls():
        table = state.roll_table(some, rng)
        writer = writer or pq.ParquetWriter(out / "right.parquet", table.schema)
        writer.write_table(table)
        first, last = some.row[0], some.row[-1]
        kept.append(some.take(chosen[(chosen >= first) & (chosen <= last)] - first))
    if writer is None:
        raise SystemExit("a roll has at least one row")
    writer.close()
    known = _together(kept).take(rng.permutation(len(chosen)))
    Listings(state, known, listings - len(chosen)).write(out)


def _together(parts: list[People]) -> People:
    address = Address(*(np.concatenate([getattr(part.address, f.name) for part in parts]) for f in fields(Address)))
    rest = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(People) if f.name != "address"}
    return People(**rest, address=address)


def _words(codes: Numbers, words: Words) -> Words:
    return np.where(codes == NONE, "", words[codes]).astype(object)


def _coded(codes: Numbers, words: Words) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes == NONE), pa.array(words, pa.string())).cast(pa.string())


def _text(numbers: Numbers, blank: Flags | None = None) -> pa.Array:
    return pa.array(numbers, mask=blank).cast(pa.string())


def _ids(letter: str, rows: Numbers, width: int) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.utf8_lpad(_text(rows), width, "0"), "")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("out", type=Path)
    asked.add_argument("--roll", type=int, default=1_000_000)
    asked.add_argument("--listings", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=42)
    given = asked.parse_args()
    build(given.out, roll=given.roll, listings=given.listings, seed=given.seed)
