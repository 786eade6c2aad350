"""answer, dialled, spell, standing, and the checks that rest on what somebody said: every case is one claim of one drawn county."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

import matching
from pipelines import models
from simulation.places import check_digit
from tests.matching.county import ASKED, drawn, entered

DAYS = ("2026-10-01", "2026-10-20", "2026-11-20")  # alder's complete captures

# claim: what people did | standing | class | findings, with tiers. A attestation, I insurer's answer, C somebody reached, F its file,
# L license lapsed, N no answer, D disconnected, W wrong number, X refused; p takes part, w works there, a takes patients; @ the day, where
# it is not 21 November.
CASES = {
    "silent": ("", "undetermined", None, ""),
    "attested": ("A:p+w+", "confirmed", "attestation", ""),
    "attested_network_only": ("A:p+", "confirmed", "attestation", ""),
    "attested_place_only": ("A:w+", "undetermined", None, ""),
    "denied_by_provider": ("A:p-", "contradicted", "attestation", "not_participating A"),
    "elsewhere_by_provider": ("A:p+w-", "contradicted", "attestation", "not_at_location A"),
    "insurer_yes": ("I:p+", "confirmed", "insurer_answer", ""),
    "insurer_no": ("I:p-", "contradicted", "insurer_answer", "not_participating A"),
    "call_yes": ("C:p+w+", "confirmed", "call", ""),
    "call_no": ("C:p-", "contradicted", "call", "not_participating B"),
    "call_elsewhere": ("C:w-", "contradicted", "call", "not_at_location B"),
    "call_not_known": ("C:", "undetermined", None, ""),
    "refused": ("X", "undetermined", None, ""),
    "filed": ("F", "confirmed", "in_network_file", ""),
    "lapsed": ("L", "contradicted", "roll", "lapsed_license A"),
    "file_and_provider_agree": ("F A:p+", "confirmed", "attestation", ""),
    "provider_against_call": ("A:p+ C:p-", "undetermined", None, ""),
    "file_against_provider": ("F A:p-", "undetermined", None, ""),
    "insurer_against_provider": ("I:p+ A:p-", "undetermined", None, ""),
    "roll_against_provider": ("A:p+ L", "undetermined", None, "lapsed_license A"),
    "roll_and_provider": ("A:p- L", "contradicted", "attestation", "lapsed_license A, not_participating A"),
    "insurer_and_call": ("C:p- I:p-", "contradicted", "insurer_answer", "not_participating A"),
    "place_denied_contract_filed": ("A:p+w- F", "undetermined", None, "not_at_location A"),
    "place_denied_and_affirmed": ("A:w+ C:w-", "contradicted", "call", ""),
    "newer_yes": ("A:p-@11-01 A:p+@11-10", "confirmed", "attestation", ""),
    "newer_no": ("A:p+@11-01 A:p-@11-10", "contradicted", "attestation", "not_participating A"),
    "both_at_once": ("A:p+@11-10 A:p-@11-10", "undetermined", None, ""),
    "newer_not_known": ("C:p-@11-01 C:@11-02", "undetermined", None, ""),
    "said_before_it_was_listed": ("A:p-@09-15", "undetermined", None, ""),
    "said_between_captures": ("A:p-@10-05", "contradicted", "attestation", "not_participating A"),
    "said_long_after": ("A:p-@2027-03-01", "undetermined", None, ""),
    "takes_nobody": ("A:a-", "undetermined", None, "not_accepting_but_listed A"),
    "takes_nobody_says_the_line": ("C:a-", "undetermined", None, "not_accepting_but_listed B"),
    "takes_some": ("A:a- C:a+", "undetermined", None, ""),
    "takes_nobody_unsaid": ("A:a-", "undetermined", None, ""),
    "takes_nobody_then_corrected": ("A:a-@10-05", "undetermined", None, "not_accepting_but_listed A resolved"),
    "takes_nobody_still_shown": ("A:a-@10-05", "undetermined", None, "not_accepting_but_listed A"),
    "three_on_two_days": ("N@11-21 N@11-22 N@11-22", "undetermined", None, "unreachable_at_listing B"),
    "three_on_one_day": ("N N N", "undetermined", None, ""),
    "two_on_two_days": ("N@11-21 N@11-22", "undetermined", None, ""),
    "dead_on_two_days": ("D@11-21 D@11-22", "undetermined", None, "unreachable_at_listing B"),
    "dead_on_one_day": ("D D", "undetermined", None, ""),
    "wrong_on_two_days": ("W@11-21 W@11-22", "undetermined", None, "not_at_location B, unreachable_at_listing B"),
    "wrong_but_there": ("W@11-21 W@11-22 A:w+", "undetermined", None, "unreachable_at_listing B"),
    "reached_in_the_end": ("N@11-21 N@11-22 N@11-23 C:w+@11-24", "undetermined", None, ""),
    "refused_in_the_end": ("N@11-21 N@11-22 N@11-23 X@11-24", "undetermined", None, ""),
    "tried_long_apart": ("N@2026-10-02 N@2027-01-02 N@2027-01-03", "undetermined", None, ""),
    "same_number_silent": ("N@11-21 N@11-22 N@11-23", "undetermined", None, ""),
    "same_number_answers": ("C:p+w+", "confirmed", "call", ""),
    "new_number": ("N@10-02 N@10-03 N@10-04", "undetermined", None, "unreachable_at_listing B resolved"),
    "came_back": ("A:p-@10-05", "undetermined", None, "not_participating A resolved"),
    "moved": ("A:w-@10-25", "undetermined", None, "not_at_location A resolved"),
    "young": ("A:p-@11-01", "undetermined", None, ""),
    "two_places": ("A:p+w-", "undetermined", None, ""),
    "two_places_denied": ("A:p-w-", "contradicted", "attestation", "not_participating A"),
    "two_places_called": ("N@11-21 N@11-22 N@11-23", "undetermined", None, ""),
}
ABSENT = {"came_back": DAYS[1:2], "young": DAYS[:2]}
OUTCOMES = {"C": "reached", "N": "no_answer", "D": "disconnected", "W": "wrong_number", "X": "refused"}
WORDS = {"p": "participates", "w": "works_here", "a": "accepts_patients"}


def npi(number: int) -> str:
    nine = f"29{number:07d}"
    return nine + check_digit(nine)


def _entries(claim: str, said: str) -> Iterator[tuple[str, dict[str, str]]]:
    for entry in said.split():
        kind, day = entry[0], entry.partition("@")[2] or "11-21"
        row = {"claim_id": claim, "at": day if len(day) > 5 else f"2026-{day}"}
        row |= {WORDS[word]: str(entry[at + 1] == "+") for at, word in enumerate(entry.partition("@")[0]) if word in WORDS}
        if kind == "A":
            yield "attestation", row
        elif kind == "I":
            yield "reply", row | {"by_kind": "insurer"}
        elif kind in OUTCOMES:
            yield "call", row | {"outcome": OUTCOMES[kind]}


@pytest.fixture(scope="module")
def asked() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every case's claim in alder's captures, its person licensed, what was said entered; linked and asked once."""
    listings, roll, told = [], [], []
    for number, (claim, (said, *_)) in enumerate(CASES.items()):
        name = f"Ann {claim.replace('_', '').capitalize()}"
        status = "EXPIRED | 2020-01-01" if "L" in said.split() else "ACTIVE | 2027-12-31"
        roll.append(f"MA6{number:07d} | {name} | {status} | 2026-09-01 2026-11-20")
        for day in DAYS:
            if day in ABSENT.get(claim, ()):
                continue
            corrected = claim == "takes_nobody_then_corrected" and day == DAYS[2]
            accepting = "" if claim == "takes_nobody_unsaid" else str(not corrected)
            phone = 7 if claim.startswith("same_number") else 900 + number if claim == "new_number" and day == DAYS[2] else 100 + number
            place = 9 if claim == "moved" and day == DAYS[2] else number + 10
            listings.append(
                f"{claim} | {claim} | {day} | {name} | MA6{number:07d} | {npi(number)} | {place} Oak St | 206 555 {phone:04d} | {accepting}"
            )
            if claim.startswith("two_places"):
                again = listings[-1].split(" | ")
                listings.append(" | ".join([f"{claim}_other", *again[1:6], "77 Elm St", f"206 555 {500 + number:04d}", again[8]]))
        told += [(table, row) for table, row in _entries(claim, said)]
    with duckdb.connect() as con:
        drawn(
            con,
            "id | claim | day | name | license | npi | address | phone | accepting\n" + "\n".join(listings),
            "number | name | status | expires | seen\n" + "\n".join(roll),
        )
        for table, row in told:
            entered_one(con, table, row)
        con.execute("insert into curated.source (source_id, insurer_name) values ('alder_price', 'Alder Mutual')")
        filed: list[tuple[str, str, str | None]] = [
            (npi(number), "proof", "Select;OPEN") for number, (said, *_) in enumerate(CASES.values()) if "F" in said.split()
        ]
        filed += [(npi([*CASES].index("silent")), "weak", None), (npi([*CASES].index("refused")), "proof", "Select")]
        stated = "select ? as npi, 'alder_price' as source_id, ? as strength, ? as network, date '2026-11-19' as observed_on"
        con.executemany(f"insert into curated.participation by name {stated}", filed)
        matching.link(con, ASKED)
        matching.findings(con, ASKED)
        yield con


def entered_one(con: duckdb.DuckDBPyConnection, table: str, row: dict[str, str]) -> None:
    (count,) = con.execute(f"select count(*) from ledger.{table}").fetchone() or (0,)
    said = {f"{table}_id": f"{table}-{count}"} | row
    entered(con, table, " | ".join(said) + "\n" + " | ".join(said.values()))


@pytest.mark.parametrize("claim", CASES)
def test_a_claim_stands_as_people_said_and_is_accused_of_no_more(asked: duckdb.DuckDBPyConnection, claim: str) -> None:
    _, standing, kind, findings = CASES[claim]
    said = asked.execute("select standing, evidence_class from matching.standing where claim_id = ?", [claim]).fetchone()
    assert said == (standing, kind)
    found = asked.execute(
        "select check_name || ' ' || tier || case when state = 'resolved' then ' resolved' else '' end from matching.finding "
        "where claim_id = ? order by 1",
        [claim],
    ).fetchall()
    assert ", ".join(name for (name,) in found) == findings


def test_both_sides_of_a_contradiction_are_told(asked: duckdb.DuckDBPyConnection) -> None:
    told = dict(asked.execute("select claim_id, says from matching.standing").fetchall())
    assert told["roll_against_provider"] == "attestation 2026-11-21: confirmed; roll 2026-11-20: contradicted"
    assert told["silent"] is None


def test_what_rests_on_a_call_or_on_a_word_without_consent_may_not_be_shown(asked: duckdb.DuckDBPyConnection) -> None:
    shared = asked.execute("select distinct check_name, claim_id from matching.finding where may_share").fetchall()
    assert {(check, claim) for check, claim in shared if check != "lapsed_license"} == {
        ("not_participating", "insurer_no"), ("not_participating", "insurer_and_call"),
    }  # fmt: skip
    consented = "update ledger.attestation set may_share = true where claim_id = 'denied_by_provider'"
    asked.execute("begin")
    asked.execute(consented)
    matching.findings(asked, ASKED)
    assert asked.execute("select may_share from matching.finding where claim_id = 'denied_by_provider'").fetchall() == [(True,)]
    asked.execute("rollback")


def test_the_sentence_names_day_and_class_and_nobody(asked: duckdb.DuckDBPyConnection) -> None:
    told = dict(
        asked.execute(
            "select claim_id || ' ' || check_name, sentence from matching.finding where check_name <> 'lapsed_license'"
        ).fetchall()
    )
    assert told["denied_by_provider not_participating"] == (
        "Listed on 2026-11-20 in Open; the provider attested on 2026-11-21 not to take part in that network."
    )
    assert told["three_on_two_days unreachable_at_listing"] == (
        "Listed on 2026-11-20 in Open; the telephone number shown was not answered in 3 attempts on 2 days from 2026-11-21 to 2026-11-22. "
        "That does not mean that the provider does not take part in the network."
    )
    assert told["takes_nobody not_accepting_but_listed"] == (
        "Listed on 2026-11-20 in Open as accepting new patients; the provider attested on 2026-11-21 to take none."
    )
    assert not [said for said in told.values() if "Ann" in said or "555" in said or "Oak" in said]


def test_cards_and_grains(asked: duckdb.DuckDBPyConnection) -> None:
    for card in models.load("matching/sql", "matching"):
        if card.name in ("matching.spell", "matching.answer", "matching.dialled", "matching.sighting", "matching.standing"):
            found = asked.execute(f"select column_name from (describe {card.name})").fetchall()
            assert sorted(name for (name,) in found) == sorted(card.columns), card.name
            keys = ", ".join(card.grain)
            assert asked.execute(f"select {keys} from {card.name} group by {keys} having count(*) > 1").fetchall() == [], card.name
    assert asked.execute("select spell_on, until_on from matching.spell where claim_id = 'came_back' order by 1").fetchall() == [
        (date(2026, 10, 1), date(2026, 10, 1)), (date(2026, 11, 20), date(2026, 11, 20)),
    ]  # fmt: skip


def test_a_finding_was_seen_in_each_capture_that_showed_it(asked: duckdb.DuckDBPyConnection) -> None:
    seen = dict(
        asked.execute(
            "select claim_id, list(cast(sighting.observed_on as varchar) order by sighting.observed_on) "
            "from matching.sighting join matching.finding using (finding_id) group by claim_id"
        ).fetchall()
    )
    assert (seen["said_between_captures"], seen["came_back"]) == ([*DAYS], [DAYS[0]])


def test_a_reply_that_names_only_the_finding_is_an_answer_about_its_claim(asked: duckdb.DuckDBPyConnection) -> None:
    (finding,) = asked.execute("select finding_id from matching.finding where claim_id = 'denied_by_provider'").fetchone() or ("",)
    asked.execute("begin")
    entered_one(
        asked, "reply", {"finding_id": finding, "by_kind": "insurer", "participates": "true", "answer": "dispute", "at": "2026-11-25"}
    )
    matching.findings(asked, ASKED)
    said = asked.execute("select standing, says from matching.standing where claim_id = 'denied_by_provider'").fetchone()
    assert said == ("undetermined", "attestation 2026-11-21: contradicted; insurer_answer 2026-11-25: confirmed")
    assert asked.execute("select * from matching.finding where claim_id = 'denied_by_provider'").fetchall() == [], (
        "in doubt, nobody is accused"
    )
    asked.execute("rollback")
