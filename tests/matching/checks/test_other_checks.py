"""no_license_found, wrong_profession, npi_invalid, missing_required_field."""

import duckdb

import matching
from tests.matching.county import ASKED, drawn, found, matched

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
        name | Ida Lee Lund    |
        """,
        ROLL
        + "RF60000001 | Rosa Maria Vega | ACTIVE | 2027-01-01\n"
        + "RF60000002 | Kim Tran Nguyen | ACTIVE | 2027-01-01\n"
        + "RF60000004 | Ida Lee Lund | ACTIVE | 2027-01-01\n"
        + "MA60000003 | Kim Tran Nguyen | EXPIRED | 2020-01-01",
    )
    assert found(con, "wrong_profession") == {"only": "A", "name": "B"}
    assert found(con, "no_license_found") == {}
    with duckdb.connect() as other:
        matched(other, "id | name | license\na | Rosa Vega | RF60000001", ROLL + "RF60000001 | Rosa Vega | ACTIVE | 2027-01-01")
        assert found(other, "wrong_profession") == {}, "the roll holds nobody of the profession"


def test_only_listings_of_the_profession_are_asked_about_licenses(con: duckdb.DuckDBPyConnection) -> None:
    roll = ROLL + "RF60000001 | Rosa Maria Vega | ACTIVE | 2027-01-01\nMA60000003 | Kim Tran Nguyen | EXPIRED | 2020-01-01"
    rows = """
        id       | name            | license    | specialty
        heart    | Rosa Maria Vega | RF60000001 | Cardiology
        family   | Olaf Berg       |            | Family Medicine
        unsaid   | Ida Lund        |            | none
        lapsed   | Kim Tran Nguyen | MA60000003 | Podiatry
        """
    ask = matched(con, rows + "massage | Ada Reyes | | Massage\nother | Ed Poe | | massage therapist", roll)
    assert ask("select listing_id from matching.listed where in_scope order by 1") == [("massage",), ("other",)]
    assert found(con, "wrong_profession") == {} and found(con, "lapsed_license") == {}
    assert found(con, "no_license_found") == {"massage": "C", "other": "C"}
    with duckdb.connect() as silent:
        matched(silent, "id | name | specialty\na | Olaf Berg | none\nb | Ida Lund | none\nc | Ada Reyes | Massage", roll)
        assert found(silent, "no_license_found") == {"a": "C", "b": "C", "c": "C"}, "a directory that shows specialties rarely"
    with duckdb.connect() as titled:
        drawn(titled, "id | name | specialty\na | Olaf Berg | none\nb | Ada Reyes | Massage\nc | Ed Poe | Massage", roll)
        titled.execute("update curated.listing set name_raw = 'Olaf Berg, LMT' where listing_id = 'a'")
        matching.link(titled, ASKED)
        assert titled.execute("select in_scope from matching.listed where listing_id = 'a'").fetchall() == [(True,)]


def test_npi_invalid_is_arithmetic(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, "id | name | npi\na | Rosa Vega | 1234567890\nb | Kim Nguyen | 1234567893\nc | Ida Lund |")
    assert found(con, "npi_invalid") == {"a": "A"}
    assert (
        "1234567890, which fails the check-digit test"
        in ask("select sentence from matching.finding where check_name = 'npi_invalid'")[0][0]
    )


def test_an_npi_that_is_no_digits_is_no_npi(con: duckdb.DuckDBPyConnection) -> None:
    npis = ("N/A", "pending", "-", "1234567893.0", "12345678")
    ask = matched(con, "id | name | npi\n" + "\n".join(f"{at} | Rosa Vega | {npi}" for at, npi in enumerate(npis)))
    assert found(con, "npi_invalid") == {"4": "A"}
    assert ask("select sentence from matching.finding where check_name = 'npi_invalid'") == [
        ("Listed on 2026-11-20 in Open with NPI 12345678, which has 8 digits where every NPI has ten.",)
    ]


def test_an_address_in_the_second_line_is_an_address(con: duckdb.DuckDBPyConnection) -> None:
    drawn(
        con,
        """
        id | name       | address
        a  | Rosa Vega  | none
        b  | Kim Nguyen | 8 Elm St
        c  | Ida Lund   | none
        d  | Ada Reyes  | 7 Elm St
        """,
    )
    con.execute("update curated.listing set address_2 = '9 Oak St' where listing_id = 'a'")
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    assert found(con, "missing_required_field") == {"c": "A"}


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


def test_a_field_that_could_not_be_read_is_not_a_field_left_out(con: duckdb.DuckDBPyConnection) -> None:
    drawn(
        con,
        """
        id | name       | address
        a  | Rosa Vega  | none
        b  | Kim Nguyen | 8 Elm St
        d  | Ada Reyes  | 7 Elm St
        """,
    )
    con.execute("insert into curated.problem select evidence_id, locator, 'names Location/7' from curated.listing where listing_id = 'a'")
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    assert found(con, "missing_required_field") == {}


def test_a_specialty_that_is_only_a_taxonomy_code_is_of_its_profession(con: duckdb.DuckDBPyConnection) -> None:
    matched(con, "id | name | specialty\na | Rosa Vega | 225700000X\nb | Kim Nguyen | 111N00000X")
    assert con.execute("select listing_id, in_scope from matching.listed order by 1").fetchall() == [("a", True), ("b", False)]
