"""A small invented state, called and asked as people would: every claim stands as the truth says, and nobody is accused by silence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import duckdb
import pytest

import matching
from simulation import phones, world
from simulation.listings import Listing
from simulation.people import BARRED, PERMITS
from simulation.phones import Told
from simulation.world import World
from tests.matching.county import ASKED, drawn, entered

TODAY, CALLED = date(2026, 11, 20), date(2026, 11, 23)


@dataclass(frozen=True)
class Asked:
    con: duckdb.DuckDBPyConnection
    listings: tuple[Listing, ...]
    said: tuple[Told, ...]
    called: frozenset[int]
    written_to: frozenset[int]


def _drawing(zenobia: World, listings: tuple[Listing, ...]) -> tuple[str, str]:
    """The directories and their people's massage licenses, as drawn tables."""
    heading = "id | claim | day | source | network | name | practice | npi | license | address | zip | phone | accepting"
    shown = []
    for at, each in enumerate(listings):
        name = " ".join(part.replace(" ", "_") for part in (each.first, each.middle, each.last) if part)
        accepting = "" if each.accepting is None else str(each.accepting)
        cells = (f"l{at}", str(at), str(TODAY), each.source, each.network, name, "" if name else "Some Practice", each.npi, each.license)
        shown.append(" | ".join((*cells, each.address or "none", each.place.zip, each.phone or "none", accepting)))
    roll = ["number | name | status | expires"]
    for person in {each.person.id: each.person for each in listings if each.person}.values():
        for one in person.massage:
            status = "ACTIVE" if one.status in PERMITS else "SUSPENDED" if one.status in BARRED else one.status
            name = " ".join(part.replace(" ", "_") for part in (person.first, person.middle, person.last) if part)
            roll.append(f"{one.plain} | {name} | {status} | {one.expires or ''}")
    return "\n".join([heading, *shown]), "\n".join(roll)


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """138 listings; every second called, every third written to."""
    zenobia = world.build(29, 60, 600, today=TODAY)
    listings = tuple(listing for directory in zenobia.directories.values() for listing in directory)
    said = phones.told(zenobia)
    called, written_to = frozenset(range(0, len(listings), 2)), frozenset(range(0, len(listings), 3))
    with duckdb.connect() as con:
        drawn(con, *_drawing(zenobia, listings))
        rows = {
            "call": list(phones.calls(said, {at: str(at) for at in sorted(called)}, CALLED)),
            "attestation": list(phones.attestations(zenobia, said, {at: str(at) for at in sorted(written_to)}, CALLED)),
        }
        for table, entries in rows.items():
            body = [" | ".join("" if cell is None else str(cell) for cell in row.values()) for row in entries]
            entered(con, table, "\n".join([" | ".join(entries[0]), *body]))
        matching.link(con, ASKED)
        matching.findings(con, ASKED)
        yield Asked(con, listings, said, called, written_to)


def _words(asked: Asked, at: int, is_on_roll: bool) -> set[str]:
    """What was heard of one listing, by the truth alone: confirmed, contradicted, both or nothing."""
    each, heard = asked.said[at], set()
    if at in asked.written_to and each.attests:
        heard.add("confirmed" if each.participates and each.works_here else "contradicted")
    if at in asked.called and each.outcomes[-1:] == ("reached",):
        heard.add("contradicted" if not each.works_here or not each.participates else "confirmed")
    return heard | ({"contradicted"} if is_on_roll else set())


def _is_sure(asked: Asked, at: int) -> bool:
    """The numbers shown are the person's own: a provider's word passes no number that differs."""
    return not asked.listings[at].labels & {"license_typo", "license_of_another", "npi_invalid", "npi_of_another"}


def test_every_claim_stands_as_the_truth_says(asked: Asked) -> None:
    stands = {int(claim): standing for claim, standing in asked.con.execute("select claim_id, standing from matching.standing").fetchall()}
    license = "('lapsed_license', 'barred_license', 'retired_or_deceased')"
    on_roll = asked.con.execute(f"select claim_id from matching.finding where tier = 'A' and check_name in {license}").fetchall()
    expected = {}
    for at in stands:
        words = _words(asked, at, (str(at),) in on_roll)
        expected[at] = words.pop() if len(words) == 1 else "undetermined"
    assert {at: stands[at] for at in stands if _is_sure(asked, at)} == {at: expected[at] for at in stands if _is_sure(asked, at)}
    assert all(stands[at] in (expected[at], "undetermined", "contradicted") for at in stands if not _is_sure(asked, at))
    counts = {standing: [*stands.values()].count(standing) for standing in ("confirmed", "contradicted", "undetermined")}
    assert min(counts.values()) >= 10, f"each occurs: {counts}"


def test_nothing_is_contradicted_by_silence(asked: Asked) -> None:
    said = "select claim_id, evidence_class from matching.standing where standing = 'contradicted' and evidence_class <> 'roll'"
    for claim, kind in asked.con.execute(said).fetchall():
        each = asked.said[int(claim)]
        assert not (each.participates and each.works_here), f"{kind} of claim {claim}"
        assert int(claim) in (asked.written_to if kind == "attestation" else asked.called)


def test_findings_say_what_is_so(asked: Asked) -> None:
    found = asked.con.execute("select check_name, claim_id, may_share from matching.finding where claim_id is not null").fetchall()
    so: dict[str, Callable[[Told], bool]] = {
        "not_participating": lambda each: each.participates is False,
        "not_at_location": lambda each: each.works_here is False,
        "not_accepting_but_listed": lambda each: each.accepts_patients is False,
        "unreachable_at_listing": lambda each: each.outcomes[-1] not in ("reached", "refused"),
    }
    for check, is_so in so.items():
        claims = [int(claim) for name, claim, _ in found if name == check]
        assert claims, f"{check} occurs"
        assert [claim for claim in claims if not is_so(asked.said[claim])] == [], check
    shared = {int(claim) for name, claim, may_share in found if name in so and may_share}
    assert shared and all(asked.said[claim].may_share and asked.said[claim].attests for claim in shared)
    assert asked.con.execute("select * from matching.finding where check_name = 'implausible_locations'").fetchall() == []
