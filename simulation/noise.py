"""How often what goes wrong: every rate of the simulation stands in noise.yml, with what it is a share of and on whose word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

INSURERS = ("alder_mutual", "birch_health", "cedar_plan")
KNOWN: Mapping[str, tuple[str, ...]] = {
    "standing": (
        "grace", "lapsed", "inactive", "closed", "barred", "retired", "deceased", "absent", "absent_namesake", "wrong_profession",
    ),
    "people": ("women", "no_middle", "middle_initial", "hyphenated", "two_surnames", "suffix", "community"),
    "given": ("nickname", "initial", "middle_as_first", "misspelt_given"),
    "family": ("former_name", "hyphen_added", "hyphen_dropped", "hyphen_spaced", "respaced", "accented", "misspelt_family"),
    "whole": ("swapped", "clinic_in_name", "person_in_clinic"),
    "shown": ("no_middle", "middle_initial", "prefix", "suffix_dropped", *(f"tail_{name}" for name in INSURERS)),
    "number": (*INSURERS, "license_typo", "license_of_another"),
    "npi": (*INSURERS, "npi_invalid", "npi_of_another"),
    "place": ("moved", "left_network", "missing_field", "missing_phone"),
    "copies": ("duplicate", "threes", "alike", "initial", "misspelt", "bare"),
    "directory": ("clinic", "shared", "practice", "second_network", "second_place", "old_number"),
    "spelling": ("omission", "insertion", "substitution", "transposition", "second_slip"),
    "digits": ("substitution", "transposition", "omission"),
    "phones": ("no_answer", "voicemail", "busy", "refused", "disconnected", "wrong_number", "takes_nobody", "attests", "consents"),
    "held_out": ("look_alike", "key_neighbour"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """One share, what it is a share of, who published it, and how it was chosen where they gave a range or nothing."""

    value: float
    of: str
    source: str
    note: str = ""


def read(text: str) -> dict[str, dict[str, Rate]]:
    """Every group of rates. Raises ValueError on a group, a rate or a word about a rate that is missing or not known."""
    said: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(text)
    _same("groups", said, KNOWN)
    for name, entries in said.items():
        _same(name, entries, KNOWN[name])
    return {name: {each: _rate(f"{name}.{each}", entry) for each, entry in entries.items()} for name, entries in said.items()}


def _same(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    odd = sorted({*given} ^ {*known})
    if odd:
        raise ValueError(f"noise.yml, {where}: {', '.join(odd)} should stand there and does not, or stands there and is not known")


def _rate(where: str, entry: Mapping[str, Any]) -> Rate:
    odd = sorted({*entry} - {"note"} ^ {"value", "of", "source"})
    if odd:
        raise ValueError(f"noise.yml, {where}: {', '.join(odd)}: a rate has value, of, source and perhaps note, each once")
    if not 0 <= entry["value"] <= 1:
        raise ValueError(f"noise.yml, {where}: {entry['value']} is no share")
    return Rate(float(entry["value"]), str(entry["of"]), str(entry["source"]), str(entry.get("note", "")))


@cache
def rates() -> dict[str, dict[str, Rate]]:
    """noise.yml as it stands beside this file."""
    return read((Path(__file__).parent / "noise.yml").read_text(encoding="utf-8"))


def group(name: str) -> dict[str, float]:
    """One group of rates, by name."""
    return {rate: said.value for rate, said in rates()[name].items()}
