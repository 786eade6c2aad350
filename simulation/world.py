"""An invented state: its people, its license roll and three insurers' directories, with the truth kept."""

from dataclasses import dataclass
from datetime import date
from random import Random

from simulation import faults, truth
from simulation.clerk import Clerk
from simulation.listings import INSURERS, Listing
from simulation.people import Person, Registrar, roll_rows
from simulation.registry import Registry, register


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The same arguments make the same world, byte for byte, so only they are ever saved."""

    seed: int
    listings: int
    roll: int
    today: date
    people: tuple[Person, ...]
    roll_rows: tuple[tuple[str, ...], ...]
    directories: dict[str, tuple[Listing, ...]]
    registry: Registry
    truth: tuple[truth.Truth, ...]


def build(seed: int, listings: int = 1_078, roll: int = 60_000, *, today: date, held_out: bool = False) -> World:
    """A world whose largest directory has `listings` rows and whose roll has `roll`; `today` is the day everything is shown.

    `held_out` adds the noise that nobody may tune to: the same world, some of its names spoilt further.
    Raises ValueError where the roll is too small to hold everybody listed.
    """
    rng = Random(f"rollcall {seed}")
    registrar = Registrar(rng, today)
    clerk = Clerk(rng, registrar, listings)
    directories = {insurer.name: tuple(clerk.directory(insurer, round(insurer.size * listings))) for insurer in INSURERS}
    shown = [listing for directory in directories.values() for listing in directory]
    if held_out:
        faults.hold_out(shown, Random(f"held out {seed}"))
    registrar.background(roll - sum(len(person.credentials) for person in registrar.people))
    registry = register(registrar.people, clerk.npis, today, seed)
    return World(
        seed=seed,
        listings=listings,
        roll=roll,
        today=today,
        people=tuple(registrar.people),
        roll_rows=tuple(roll_rows(registrar.people, rng)),
        directories=directories,
        registry=registry,
        truth=truth.rows(shown, registrar.people, today, registry),
    )
