"""What a call to a listing would find and what its provider would attest: from the truth about the world, on luck of its own.

The world is the same with and without it. Rows have the columns of ledger.call and ledger.attestation; `sheet` writes them as the
spreadsheets that people fill in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from simulation import noise
from simulation.world import World

ATTEMPTS = (0, 1, 3)  # days after the first on which a number is tried again; three at most
CALLS = ("claim_id", "outcome", "attempt", "works_here", "participates", "accepts_patients", "words", "by", "at")
ATTESTATIONS = ("claim_id", "npi", "license_key", "participates", "works_here", "accepts_patients", "may_share", "words", "by", "at")
Row = dict[str, str | int | bool | date | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One listing: what is so of its person there, how each attempt to call it ends, and whether the person answers a letter.

    The first three are None where the listing names nobody. `outcomes` is empty where it shows no telephone or names nobody.
    """

    participates: bool | None
    works_here: bool | None
    accepts_patients: bool | None
    outcomes: tuple[str, ...]
    attests: bool
    may_share: bool


def told(world: World, seed: int = 0) -> tuple[Told, ...]:
    """What is so of each listing, in the order of `world.truth`; the same for the same world and seed."""
    rng, rates = Random(f"phones {world.seed} {seed}"), noise.group("phones")
    shown = [listing for directory in world.directories.values() for listing in directory]
    left = {
        (listing.source, listing.network, listing.person.id) for listing in shown if listing.person and "left_network" in listing.labels
    }
    persons: dict[str, tuple[bool, bool, bool]] = {}  # takes patients, answers letters, consents
    found = []
    for listing, row in zip(shown, world.truth, strict=True):
        if listing.person is None:
            found.append(Told(participates=None, works_here=None, accepts_patients=None, outcomes=(), attests=False, may_share=False))
            continue
        luck = (rng.random() >= rates["takes_nobody"], rng.random() < rates["attests"], rng.random() < rates["consents"])
        takes, attests, consents = persons.setdefault(listing.person.id, luck)
        is_gone = bool({"retired", "deceased"} & {*row.labels})
        works = not is_gone and "moved" not in row.labels
        found.append(
            Told(
                participates=not is_gone and (listing.source, listing.network, listing.person.id) not in left,
                works_here=works,
                accepts_patients=not is_gone and takes,
                outcomes=tuple(_outcomes(rng, rates, works)) if listing.phone else (),
                attests=attests and row.person_id is not None and "deceased" not in row.labels,
                may_share=consents,
            )
        )
    return tuple(found)


def _outcomes(rng: Random, rates: Mapping[str, float], works: bool) -> Iterator[str]:
    """Attempts until somebody is reached or refuses, a dead number has been tried twice, or there have been three."""
    luck, dead = rng.random(), 0
    line = (
        "disconnected" if luck < rates["disconnected"] else "wrong_number" if luck < rates["disconnected"] + rates["wrong_number"] else ""
    )
    for _ in ATTEMPTS:
        missed = rng.random()
        if line and not works:
            dead += 1
            yield line
            if dead == 2:
                return
        elif missed < rates["no_answer"]:
            yield "no_answer"
        elif missed < rates["no_answer"] + rates["voicemail"]:
            yield "voicemail"
        elif missed < rates["no_answer"] + rates["voicemail"] + rates["busy"]:
            yield "busy"
        else:
            yield "refused" if rng.random() < rates["refused"] else "reached"
            return


def calls(said: Sequence[Told], claims: Mapping[int, str], first_on: date) -> Iterator[Row]:
    """Every attempt to call the listings at these places in `said`, whose claims `claims` names; the first on `first_on`."""
    for at, claim in claims.items():
        for number, (outcome, later) in enumerate(zip(said[at].outcomes, ATTEMPTS, strict=False), 1):
            heard = outcome == "reached"
            yield {
                "call_id": f"invented call {claim} {number}",
                "sample_id": None,
                "claim_id": claim,
                "listing_id": None,
                "attempt": number,
                "outcome": outcome,
                "works_here": said[at].works_here if heard else None,
                "participates": said[at].participates if heard and said[at].works_here else None,  # nobody else knows
                "accepts_patients": said[at].accepts_patients if heard and said[at].works_here else None,
                "words": "INVENTED",
                "by": "invented caller",
                "at": first_on + timedelta(later),
            }


def attestations(world: World, said: Sequence[Told], claims: Mapping[int, str], day: date) -> Iterator[Row]:
    """What the providers listed at these places in `said` attest on `day`, of those who answer at all."""
    for at, claim in claims.items():
        if not said[at].attests:
            continue
        person = world.truth[at].person_id or ""
        yield {
            "attestation_id": f"invented attestation {claim}",
            "claim_id": claim,
            "source_id": None,
            "npi": world.registry.npis[person],
            "license_key": world.truth[at].credentials[-1],
            "participates": said[at].participates,
            "works_here": said[at].works_here,
            "accepts_patients": said[at].accepts_patients,
            "may_share": said[at].may_share,
            "words": "INVENTED",
            "by": f"invented {person}",
            "at": day,
        }


def sheet(rows: Sequence[Row], columns: Sequence[str]) -> list[list[str]]:
    """Rows as a spreadsheet shows them, under `columns`: yes, no, blank, a day as YYYY-MM-DD."""
    words = {True: "yes", False: "no", None: ""}
    return [
        [*columns],
        *([words[cell] if cell is None or isinstance(cell, bool) else str(cell) for cell in map(row.get, columns)] for row in rows),
    ]
