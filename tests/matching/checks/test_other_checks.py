"""no_license_found, wrong_profession, npi_invalid, missing_required_field."""

import duckdb

from tests.matching.county import found, matched

ROLL = "number | name | status | expires\n"


def test_no_license_found_counts_people_of_the_profession_and_never_more_than_tier_c(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id       | name         | practice     | specialty       | license
        nobody   | Olaf Berg    |              | Massage Therapy |
        other    | Ida Lund     |              | Chiropractic    |
        practice |              | Cedar & Sons | Massage Therapy |
        somebody | Rosa Vega    |              | Massage Therapy | MA60000001
        wrong    | Rita Sandoz  |              | Massage Therapy | MA60000001
        """,
        ROLL + "MA60000001 | Rosa Maria Vega | ACTIVE | 2027-01-01",
    )
    assert found(con, "no_license_found") == {"nobody": "C"}
    assert ask("select left_id, judgement from matching.match order by 1") == [("somebody", "same"), ("wrong", "unsure")]


def test_wrong_profession_needs_every_license_to_be_of_another(con: duckdb.DuckDBPyConnection) -> None:
    matched(
        con,
        """
        id   | name            | license
        only | Rosa Maria Vega | RF60000001
        both | Kim Tran Nguyen | RF60000002
        """,
        ROLL
        + "RF60000001 | Rosa Maria Vega | ACTIVE | 2027-01-01\n"
        + "RF60000002 | Kim Tran Nguyen | ACTIVE | 2027-01-01\n"
        + "MA60000003 | Kim Tran Nguyen | EXPIRED | 2020-01-01",
    )
    assert found(con, "wrong_profession") == {"only": "A"}


def test_npi_invalid_is_arithmetic(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, "id | name | npi\na | Rosa Vega | 1234567890\nb | Kim Nguyen | 1234567893\nc | Ida Lund |")
    assert found(con, "npi_invalid") == {"a": "A"}
    assert (
        "1234567890, which fails the check-digit test"
        in ask("select sentence from matching.finding where check_name = 'npi_invalid'")[0][0]
    )


def test_missing_required_field_asks_only_for_what_most_listings_of_the_source_show(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id | source | name       | phone        | address
        a  | alder  | Rosa Vega  | none         | 9 Oak St
        b  | alder  | Kim Nguyen | 206 555 0101 | 8 Elm St
        d  | alder  | Ada Reyes  | 206 555 0102 | 7 Elm St
        c  | birch  | Ida Lund   | none         | none
        """,
    )
    assert found(con, "missing_required_field") == {"a": "A"}
    assert ask("select sentence from matching.finding where check_name = 'missing_required_field'") == [
        ("Listed on 2026-11-20 in Open without: telephone number. Most listings of this directory show it.",)
    ]
