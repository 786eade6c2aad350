"""Every table of this room, and every check, is what its card says."""

from pathlib import Path

import duckdb
import pytest
import yaml

import matching
from matching.findings import checks
from matching.professions import profession_rows, professions
from pipelines import models
from tests.matching.county import ASKED, entered, matched, stated

ROOT = Path(__file__).parents[2]
CHECKS = {
    "duplicate_listing", "lapsed_license", "barred_license", "retired_or_deceased", "no_license_found", "wrong_profession", "npi_invalid",
    "missing_required_field", "surfaces_disagree",
    "npi_deactivated", "npi_of_another", "excluded_provider",
    "not_participating", "not_at_location", "not_accepting_but_listed", "unreachable_at_listing", "implausible_locations",
    "omitted_from_directory", "reported_and_still_listed",
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
    entered(con, "call", "claim_id | outcome | participates | at\nc | reached | true | 2026-11-21\nd | no_answer | | 2026-11-21")
    stated(con, "npi | name\n2900000003 | Ida Lund")
    (finding,) = con.execute("select finding_id from matching.finding where listing_id = 'a'").fetchone() or ("",)
    entered(con, "verdict", f"finding_id | judgement | at\n{finding} | right | 2026-11-22")
    matching.findings(con, ASKED)
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
    asked = {"grace_days": ASKED.grace_days, "profession": ASKED.profession, "audit": ASKED.audit, "checks": [*CHECKS]}
    models.build(county, models.load("matching/sql", "matching"), asked)
    assert county.execute("select * from matching.license_on_day order by all").fetchall() == before


def test_every_check_returns_the_columns_of_its_card(county: duckdb.DuckDBPyConnection) -> None:
    cards = {card.name.split(".")[1]: card for card in models.load("matching/checks", "matching")}
    assert CHECKS == set(cards) == {check.name for check in checks()}
    for check in checks():
        given = {"grace_days": ASKED.grace_days} if "$grace_days" in check.sql else {}
        returned = [column[0] for column in county.execute(f"describe {check.sql}", given).fetchall()]
        assert returned == list(cards[check.name].columns), check.name
        assert check.severity in ("access_preventing", "serious", "minor") and check.about in ("person", "listing")
        assert {*check.basis} <= {*returned}, f"{check.name} rests on what it does not return"
        assert "observed_on" not in check.basis, "a basis stands whatever the day"


def test_every_rule_a_check_cites_is_on_a_card() -> None:
    known = {
        rule["id"] for card in ("us", "wa") for rule in yaml.safe_load((ROOT / f"states/{card}.yml").read_text(encoding="utf-8"))["rules"]
    }
    assert {rule for check in checks() for rule in check.rules} <= known


def test_the_demo_county_flags_as_drawn(county: duckdb.DuckDBPyConnection) -> None:
    assert county.execute("select check_name, listing_id, tier from matching.finding order by all").fetchall() == [
        ("duplicate_listing", "b", "A"), ("lapsed_license", "a", "A"), ("lapsed_license", "b", "A"), ("no_license_found", "c", "C"),
        ("surfaces_disagree", "d", "B"),
    ]  # fmt: skip


def test_no_credential_type_belongs_to_two_professions() -> None:
    kinds = [str(row["credential_type"]).lower() for row in profession_rows()]
    assert len(kinds) == len(set(kinds)) and len(professions()) >= 19
