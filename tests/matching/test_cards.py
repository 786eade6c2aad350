"""Every table of this room, and every check, is what its card says."""

import duckdb
import pytest

import matching
from matching.findings import checks
from matching.professions import profession_rows, professions
from pipelines import models
from tests.matching.county import ASKED, matched, stated

CHECKS = {
    "duplicate_listing", "lapsed_license", "barred_license", "retired_or_deceased", "no_license_found", "wrong_profession", "npi_invalid",
    "missing_required_field", "surfaces_disagree",
    "npi_deactivated", "npi_of_another", "excluded_provider",
}  # fmt: skip


@pytest.fixture
def county(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    matched(
        con,
        """
        id | name            | license    | address  | zip   | source
        a  | Rosa Maria Vega | MA60000001 | 9 Oak St |       |
        b  | Rosa Vega       | MA60000001 | 9 Oak St |       |
        c  | Ida Lund        |            |          |       |
        d  | Gale Hartwin    | MA60000002 | 7 Elm St | 99201 |
        e  | Gale Hartwin    | MA60000002 | 7 Elm St | 99201 | alder_api
        """,
        "number | name | status | expires\nMA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01\n"
        "MA60000002 | Gale Hartwin | ACTIVE | 2027-01-01",
    )
    con.execute("update curated.listing set npi = '2900000003', npi_valid = true where listing_id = 'c'")
    stated(con, "npi | name\n2900000003 | Ida Lund")
    matching.sensitivity(con, ASKED)
    return con


def test_tables_and_cards_agree_and_every_column_has_words(county: duckdb.DuckDBPyConnection) -> None:
    cards = models.load("matching/sql", "matching")
    built = {name for (name,) in county.execute("select table_name from duckdb_tables() where schema_name = 'matching'").fetchall()}
    assert {card.name.split(".")[1] for card in cards} == built
    models.describe(county, cards)


def test_grain_is_unique(county: duckdb.DuckDBPyConnection) -> None:
    for card in models.load("matching/sql", "matching"):
        keys = ", ".join(card.grain)
        assert county.execute(f"select {keys} from {card.name} group by {keys} having count(*) > 1").fetchall() == [], card.name
        assert county.execute(f"select count(*) > 0 from {card.name}").fetchone() == (True,), (
            f"{card.name} is drawn empty: it shows nothing"
        )


def test_models_can_be_built_again_by_whoever_orders_them(county: duckdb.DuckDBPyConnection) -> None:
    before = county.execute("select * from matching.license_on_day order by all").fetchall()
    models.build(county, models.load("matching/sql", "matching"), {"grace_days": ASKED.grace_days, "profession": ASKED.profession})
    assert county.execute("select * from matching.license_on_day order by all").fetchall() == before


def test_every_check_returns_the_columns_of_its_card(county: duckdb.DuckDBPyConnection) -> None:
    cards = {card.name.split(".")[1]: card for card in models.load("matching/checks", "matching")}
    assert CHECKS == set(cards) == {check.name for check in checks()}
    for check in checks():
        given = {"grace_days": ASKED.grace_days} if "$grace_days" in check.sql else {}
        returned = [column[0] for column in county.execute(f"describe {check.sql}", given).fetchall()]
        assert returned == list(cards[check.name].columns), check.name
        assert check.severity in ("access_preventing", "serious", "minor")


def test_the_demo_county_flags_as_drawn(county: duckdb.DuckDBPyConnection) -> None:
    assert county.execute("select check_name, listing_id, tier from matching.finding order by all").fetchall() == [
        ("duplicate_listing", "b", "A"), ("lapsed_license", "a", "A"), ("lapsed_license", "b", "A"), ("no_license_found", "c", "C"),
        ("surfaces_disagree", "d", "B"),
    ]  # fmt: skip


def test_no_credential_type_belongs_to_two_professions() -> None:
    kinds = [str(row["credential_type"]).lower() for row in profession_rows()]
    assert len(kinds) == len(set(kinds)) and len(professions()) >= 19
