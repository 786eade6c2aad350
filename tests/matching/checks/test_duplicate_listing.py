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
