"""What can go wrong with a listing, with whose listings it can, and which listings it befalls, at the rates of noise.yml."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from simulation import names, noise
from simulation.listings import Insurer, Listing
from simulation.people import Person

Can = Callable[[Insurer, Listing, Person], bool]


def _always(*_: object) -> bool:
    return True


def _in_practice(insurer: Insurer, listing: Listing, _: Person) -> bool:
    return insurer.shows_practice and bool(listing.place.organization)


def _shows_license(_: Insurer, listing: Listing, person: Person) -> bool:
    return "shows_license" in listing.labels and bool(person.massage)


# Respects in the order in which they are marked: where somebody is decides whether a practice can be named. A listing has at most
# one fault of each respect, so that none hides another.
CAN: Mapping[str, Mapping[str, Can]] = {
    "place": {"moved": _always, "left_network": _always, "missing_field": _always},
    "given": {
        "nickname": lambda insurer, listing, person: person.first in names.nicknames(),
        "initial": _always,
        "middle_as_first": lambda insurer, listing, person: len(person.middle) > 1,
        "misspelt_given": _always,
    },
    "family": {
        "former_name": lambda insurer, listing, person: person.is_woman and bool(person.credentials),
        "hyphen_added": lambda insurer, listing, person: person.is_woman and "-" not in person.last,
        "hyphen_dropped": lambda insurer, listing, person: "-" in person.last,
        "hyphen_spaced": lambda insurer, listing, person: "-" in person.last,
        "respaced": lambda insurer, listing, person: names.respaced(person.last) != person.last,
        "accented": lambda insurer, listing, person: person.last in names.diacritics(),
        "misspelt_family": _always,
    },
    "whole": {"swapped": _always, "clinic_in_name": _in_practice, "person_in_clinic": _in_practice},
    "number": {"license_typo": _shows_license, "license_of_another": _shows_license},
    "npi": {"npi_invalid": _always, "npi_of_another": lambda insurer, listing, person: "shows_npi" in listing.labels},
}
OF_NUMBERS = {*CAN["number"], *CAN["npi"]}


def mark(insurer: Insurer, listings: Sequence[Listing], rng: Random) -> None:
    """Label the listings of people with the faults they are to show."""
    marked = [each for each in listings if each.person and "namesake_colleague" not in each.labels]
    for respect, faults in CAN.items():
        rates, free = noise.group(respect), list(marked)
        for fault, can in faults.items():
            able = [each for each in marked if each.person and can(insurer, each, each.person)]
            free = [each for each in free if not each.labels & {*faults}]
            could = [each for each in free if each.person and can(insurer, each, each.person)]
            for each in rng.sample(could, min(len(could), round(rates[fault] * len(able)))):
                each.labels.add(fault)


def hold_out(listings: Sequence[Listing], rng: Random) -> None:
    """Spoil names in the ways that nobody may tune to: a letter misread, or a neighbouring key."""
    slips = {"look_alike": names.look_alike, "key_neighbour": names.key_neighbour}
    rates = noise.group("held_out")
    for each in listings:
        if each.person is None or each.labels & {"misspelt_given", "misspelt_family", "namesake_colleague"}:
            continue
        luck = rng.random()
        slip = "look_alike" if luck < rates["look_alike"] else "key_neighbour" if luck < sum(rates.values()) else ""
        part = rng.choice(("first", "last"))
        if slip and (wrong := slips[slip](getattr(each, part), rng)) != getattr(each, part):
            setattr(each, part, wrong)
            each.labels.add(slip)
