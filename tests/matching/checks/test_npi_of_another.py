"""npi_of_another: only where nothing of the name comes back, and never for the NPI of a practice."""

import duckdb

from tests.matching.county import drawn, found, stated

NPI, OTHER = "2900000003", "2900000011"


def test_who_is_left_alone(con: duckdb.DuckDBPyConnection) -> None:
    listed = (
        "Rosa Vega", "Rosa Olsen", "Vega Rosa", "R Lund", "Maria Vega", "Maria Vega-Lund", "Rose Nordin", "Ann Rosa Berg", "Rosa",
        "Rsoa Nordin", "Maria Berg", "Ida Vegas",
    )  # fmt: skip
    rows = "\n".join(f"l{at} | {name} | {NPI}" for at, name in enumerate(listed))
    drawn(con, f"id | name | npi\n{rows}\npractice | | {NPI}".replace("practice | |", "practice |  |"))
    stated(con, f"npi | name | other\n{NPI} | Rosa Maria Vega | Rosa Maria Quist\n{NPI} | Rosa Maria Vega | Rosa Maria Quist")
    assert found(con, "npi_of_another") == {}


def test_a_practices_npi_on_a_persons_listing_is_no_fault(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, f"id | name | npi\na | Olaf Berg | {NPI}\nb | Ida Lund | {OTHER}")
    stated(con, f"npi | entity\n{NPI} | 2")
    assert found(con, "npi_of_another") == {}, "a practice's number, and one that the registry as we hold it does not name"


def test_another_name_altogether_is_probable_and_documented_by_the_license_number(con: duckdb.DuckDBPyConnection) -> None:
    drawn(
        con,
        f"""
        id     | name         | npi   | license
        bare   | Olaf Berg    | {NPI} |
        bound  | Ida Lee Lund | {NPI} | MA60000001
        holder | Rosa Vega    | {NPI} | MA60000002
        """,
        "number | name | status | expires\nMA60000001 | Ida Lee Lund | ACTIVE | 2027-01-01\nMA60000002 | Rosa Vega | ACTIVE | 2027-01-01",
    )
    stated(con, f"npi | name | license_key\n{NPI} | Rosa Vega | MA60000002\n{OTHER} | Ida L Lund | MA60000001")
    assert found(con, "npi_of_another") == {"bare": "B", "bound": "A"}
    said = dict(con.execute("select listing_id, sentence from matching.finding where check_name = 'npi_of_another'").fetchall())
    assert said["bound"].endswith(f"to a person of an altogether different name, and the license number shown to NPI {OTHER}.")
    assert said["bare"].endswith("to a person of an altogether different name.") and "Vega" not in "".join(said.values())
    assert dict(con.execute("select listing_id, npi from matching.listed").fetchall()) == {"bare": None, "bound": None, "holder": NPI}


def test_a_license_number_beside_the_shown_npi_documents_nothing(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, f"id | name | npi | license\na | Ida Lund | {NPI} | MA60000001")
    stated(con, f"npi | name | license_key\n{NPI} | Rosa Vega | MA60000001\n{OTHER} | Ida Lund | MA60000001")
    assert found(con, "npi_of_another") == {"a": "B"}
