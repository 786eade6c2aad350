"""Whom one provider's word on all of an insurer's listings reaches: by number or documented match, never by a name."""

from collections.abc import Iterator

import duckdb
import pytest

import matching
from tests.matching.county import ASKED, drawn, entered, matched, stated
from tests.matching.test_answers import npi

A, B, C, D, E, F, G, H = (npi(number) for number in range(1, 9))
LISTINGS = f"""
id          | name              | npi | license    | address   | source
by_npi      | Ada Alberts       | {A} |            | 1 Oak St  |
by_license  | Bea Bertrand      |     | MA60000002 | 2 Oak St  |
carried     | Cia Castellan     | {C} |            | 3 Oak St  |
by_name     | Dot Dieterle      |     |            | 4 Oak St  |
other_npi   | Eve Eckersley     | {E} | MA60000005 | 5 Oak St  |
elsewhere   | Fay Fitzwalter    | {F} |            | 6 Oak St  | birch
two_one     | Gia Gottschalk    | {G} |            | 7 Oak St  |
two_other   | Gia Gottschalk    | {G} |            | 88 Elm St |
borrowed    | Hal Hollingsworth |     | MA60000002 | 9 Oak St  |
old_number  | Ida Ingersoll     |     | MA60000009 | 10 Oak St |
direct      | Jo Jellicoe       | {H} |            | 11 Oak St |
"""
ROLL = """
number     | name           | status  | expires
MA60000002 | Bea Bertrand   | ACTIVE  | 2027-01-01
MA60000003 | Cia Castellan  | ACTIVE  | 2027-01-01
MA60000004 | Dot Dieterle   | ACTIVE  | 2027-01-01
MA60000005 | Eve Eckersley  | ACTIVE  | 2027-01-01
MA60000009 | Ida Ingersoll  | CLOSED  | 2020-01-01
MA60000010 | Ida Ingersoll  | ACTIVE  | 2027-01-01
"""
SAID = f"""
source_id | claim_id   | npi    | license_key | participates | works_here
alder     |            | {A}    |             | false        |
alder     |            |        | MA60000002  | false        |
alder     |            |        | MA60000003  | false        |
alder     |            |        | MA60000004  | false        |
alder     |            | {B}    | MA60000005  | false        |
alder     |            | {F}    |             | false        |
alder     |            | {G}    |             | true         | false
          | direct     | {B}    |             | false        |
          | old_number |        | MA60000010  | false        |
"""


@pytest.fixture(scope="module")
def asked() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        drawn(con, LISTINGS, ROLL)
        heading, *rows = SAID.strip().splitlines()
        entered(con, "attestation", "\n".join([f"{heading} | at", *(f"{row} | 2026-11-21" for row in rows)]))
        stated(con, f"npi | name | license_key\n{C} | Cia Castellan | MA60000003")
        yield con


def test_a_word_on_all_of_an_insurers_reaches_by_number_and_by_documented_match(asked: duckdb.DuckDBPyConnection) -> None:
    found = dict(asked.execute("select claim_id, participates from matching.answer where participates is not null").fetchall())
    assert found == {"by_npi": False, "by_license": False, "carried": False, "old_number": False}


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("by_name", "a name alone"),
        ("other_npi", "the NPI given is not the one shown"),
        ("elsewhere", "another insurer's"),
        ("borrowed", "the number shown is another's: the names contradict"),
        ("two_one", "of two places nobody knows which was denied, so that it confirms neither"),
        ("direct", "somebody else's NPI"),
    ],
)
def test_in_doubt_a_word_reaches_nobody(asked: duckdb.DuckDBPyConnection, claim: str, why: str) -> None:
    said = asked.execute("select standing from matching.standing where claim_id = ?", [claim]).fetchall()
    assert said == [("undetermined",)], why
    found = asked.execute("select check_name from matching.finding where claim_id = ? and check_name like 'not_%'", [claim]).fetchall()
    assert found == [], why


def test_a_verdict_that_it_is_somebody_else_takes_the_word_away(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, "id | name | license\nby_license | Bea Bertrand | MA60000002", ROLL)
    entered(con, "attestation", "source_id | license_key | participates | at\nalder | MA60000002 | false | 2026-11-21")
    matching.findings(con, ASKED)
    assert ask("select check_name from matching.finding") == [("not_participating",)]
    entered(
        con,
        "verdict",
        "left_kind | left_id | right_kind | right_id | judgement | at\n"
        "listing | by_license | credential | MA60000002 | different | 2026-11-22",
    )
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    assert ask("select * from matching.answer") == []
