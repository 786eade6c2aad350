"""duplicate_listing: the same network, the same person, the same place; anything else is not."""

import duckdb
import pytest

from tests.matching.county import found, matched

A, B = "1234567893", "1245319599"


@pytest.mark.parametrize(
    ("rows", "flagged"),
    [
        (
            "a | Kim Nguyen | A | Open | 9 Oak Street, Ste 2 | 206 555 0101\nb | Kim T Nguyen | A | Open | 9 Oak St #2 | 206 555 0101",
            {"b": "A"},
        ),
        ("a | Kim Nguyen | A | Open | 9 Oak St Ste 2 | 206 555 0101\nb | Kim Nguyen | A | Open | 9 Oak St | 206 555 0102", {"b": "A"}),
        ("a | Kim Nguyen | A | Open | 9 Oak St | 206 555 0101\nb | K Nguyen | | Open | 9 Oak St | 206 555 0101", {"b": "B"}),
        ("a | Kim Nguyen | A | Open | 9 Oak St | 206 555 0101\nb | Kim Nguyen | A | Core | 9 Oak St | 206 555 0101", {}),
        ("a | Kim Nguyen | A | Open | 9 Oak St | 206 555 0101\nb | Kim Nguyen | A | Open | 7 Elm St | 206 555 0102", {}),
        ("a | Kim Nguyen | A | Open | 9 Oak St Ste 2 | 206 555 0101\nb | Kim Nguyen | A | Open | 9 Oak St Ste 7 | 206 555 0102", {}),
        ("a | Kim Nguyen | A | Open | 9 Oak St | 206 555 0101\nb | Kim Nguyen | B | Open | 9 Oak St | 206 555 0101", {}),
        ("a | Kim Tran Nguyen | | Open | 9 Oak St | 206 555 0101\nb | Kim Lee Nguyen | | Open | 9 Oak St | 206 555 0101", {}),
        ("a | Kim Nguyen | | Open | 9 Oak St | 206 555 0101\nb | Olaf Berg | | Open | 9 Oak St | 206 555 0101", {}),
    ],
    ids=[
        "written differently",
        "a unit left out",
        "an initial",
        "two networks",
        "two places",
        "two suites",
        "two NPIs",
        "two middle names",
        "colleagues",
    ],
)
def test_what_is_a_duplicate(con: duckdb.DuckDBPyConnection, rows: str, flagged: dict[str, str]) -> None:
    drawing = "\n".join(rows.replace("| A |", f"| {A} |").replace("| B |", f"| {B} |").splitlines())
    matched(con, "id | name | npi | network | address | phone\n" + drawing)
    assert found(con, "duplicate_listing") == flagged


def test_several_places_are_told_apart_from_duplicates(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        f"""
        id | name       | npi | address  | phone
        a  | Kim Nguyen | {A} | 9 Oak St | 206 555 0101
        b  | Kim Nguyen | {A} | 9 Oak St | 206 555 0101
        c  | Kim Nguyen | {A} | 7 Elm St | 206 555 0102
        """,
    )
    assert ask("select listing_id, kind, keeper_listing_id from matching.duplicate order by 1") == [
        ("a", "same_location", "a"), ("b", "same_location", "a"), ("c", "multi_location", "a"),
    ]  # fmt: skip


def test_different_license_numbers_tell_two_people_apart(con: duckdb.DuckDBPyConnection) -> None:
    matched(
        con,
        """
        id | name       | license    | address  | phone
        a  | Kim Nguyen | MA60000001 | 9 Oak St | 206 555 0101
        b  | Kim Nguyen | MA60000002 | 9 Oak St | 206 555 0101
        """,
    )
    assert found(con, "duplicate_listing") == {}


PLACE = "9 Oak St | 206 555 0101"


@pytest.mark.parametrize(
    ("rows", "flagged"),
    [
        (f"a | Kim Nguyen | {A} | {PLACE}\nb | Kevin Nguyen | {A} | {PLACE}", {}),
        (f"a | Kim Nguyen | {A} | {PLACE}\nb | Kim Berg | {A} | {PLACE}", {}),
        (f"a | John Berg | | {PLACE}\nb | J Berg | | {PLACE}\nc | Jane Berg | | {PLACE}", {}),
        (f"a | John Berg | {A} | {PLACE}\nb | J Berg | {A} | {PLACE}\nc | Jane Berg | | {PLACE}", {"b": "A"}),
    ],
    ids=["one NPI, two given names", "one NPI, two family names", "an initial of two", "an initial told by its NPI"],
)
def test_people_of_one_practice_are_not_one_person(con: duckdb.DuckDBPyConnection, rows: str, flagged: dict[str, str]) -> None:
    ask = matched(con, "id | name | npi | address | phone\n" + rows)
    assert found(con, "duplicate_listing") == flagged
    count = len(rows.splitlines()) - len(flagged)
    assert ask("select count(distinct provider_id) from matching.provider_member") == [(count,)]


def test_two_wordings_that_lead_to_one_license_by_name_alone_are_probably_one_person(con: duckdb.DuckDBPyConnection) -> None:
    matched(
        con,
        f"id | name | npi | address | phone\na | Kim T Nguyen | | {PLACE}\nb | Kim Nguyen | {A} | {PLACE}",
        "number | name | status | expires\nMA60000001 | Kim Tran Nguyen | ACTIVE | 2027-01-01",
    )
    assert found(con, "duplicate_listing") == {"b": "B"}


def test_networks_the_source_does_not_name_are_not_one_network(con: duckdb.DuckDBPyConnection) -> None:
    matched(con, f"id | name | npi | network | address\na | Kim Nguyen | {A} | none | 9 Oak St\nb | Kim Nguyen | {A} | none | 9 Oak St")
    assert found(con, "duplicate_listing") == {}


def test_one_reference_on_two_pages_is_our_own_overlap_and_two_on_one_page_are_the_directorys(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        f"""
        id | reference | page   | name       | npi | address
        a  | r1        | page/1 | Kim Nguyen | {A} | 9 Oak St
        b  | r1        | page/2 | Kim Nguyen | {A} | 9 Oak St
        c  | r2        | page/3 | Ida Lund   | {B} | 8 Elm St
        d  | r2        | page/3 | Ida Lund   | {B} | 8 Elm St
        """,
    )
    assert found(con, "duplicate_listing") == {"d": "A"}
    assert ask("select kind, keeper_listing_id from matching.duplicate where listing_id = 'b'") == [("same_location", "a")]


def test_the_kept_listing_is_the_first_of_the_first_page_and_its_page_is_named(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        f"""
        id | page   | name       | npi | address
        a  | page/2 | Kim Nguyen | {A} | 9 Oak St
        b  | page/1 | Kim Nguyen | {A} | 9 Oak St
        c  | page/1 | Kim Nguyen | {A} | 9 Oak St
        """,
    )
    says = "Listed on 2026-11-20 in Open at block {}; {} of the same directory shows the same person at the same place."
    assert ask("select listing_id, sentence from matching.finding order by 1") == [
        ("a", says.format(1, "block 2 of page /page/1")), ("c", says.format(3, "block 2")),
    ]  # fmt: skip
