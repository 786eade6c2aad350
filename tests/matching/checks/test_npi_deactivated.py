"""npi_deactivated: a dated fact of the registry, and silence wherever it has none."""

import duckdb

import matching
from tests.matching.county import ASKED, drawn, found, stated

NPI = "2900000003"
LISTINGS = f"""
id     | name       | npi
shown  | Rosa Vega  | {NPI}
other  | Kim Nguyen | 2900000011
none   | Ida Lund   |
"""


def test_only_an_npi_gone_for_longer_than_the_grace_days(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, LISTINGS)
    stated(con, f"npi | deactivated_on\n{NPI} | 2026-10-21")
    assert found(con, "npi_deactivated") == {}, "thirty days are grace"
    con.execute("delete from curated.registration")
    stated(con, f"npi | deactivated_on\n{NPI} | 2026-10-20\n2900000011 |")
    assert found(con, "npi_deactivated") == {"shown": "A"}
    assert con.execute(
        "select sentence, list_sort(evidence_ids) from matching.finding where check_name = 'npi_deactivated'"
    ).fetchall() == [
        (
            f"Listed on 2026-11-20 in Open with NPI {NPI}, which the national registry had deactivated on 2026-10-20, 31 days before.",
            ["gone-page", "page-shown"],
        )
    ]


def test_not_before_it_was_deactivated_and_documented_only_by_a_report_of_about_then(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, f"id | name | npi | day\nbefore | Rosa Vega | {NPI} | 2026-03-01\nafter | Rosa Vega | {NPI} | 2026-11-20")
    stated(con, f"npi | deactivated_on\n{NPI} | 2026-05-01", day="2026-10-06")
    assert found(con, "npi_deactivated") == {"after@2026-11-20": "A"}
    con.execute("update curated.snapshot set observed_on = date '2026-10-05' where source_id = 'nppes'")
    matching.findings(con, ASKED)
    assert found(con, "npi_deactivated") == {"after@2026-11-20": "B"}, "a report 46 days old cannot know of a reactivation"


def test_a_younger_file_of_the_registry_makes_no_old_report_young(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, LISTINGS)
    stated(con, f"npi | deactivated_on\n{NPI} | 2026-05-01", day="2026-10-05")
    con.execute("insert into curated.snapshot values ('nppes@2026-11-19', 'nppes', date '2026-11-19', true, 0)")
    matching.findings(con, ASKED)
    assert found(con, "npi_deactivated") == {"shown": "B"}


def test_a_report_is_of_the_day_in_its_name(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, LISTINGS)
    stated(con, f"npi | deactivated_on\n{NPI} | 2026-05-01", day="2026-11-20")
    for name, tier in (("100526", "B"), ("100626", "A"), ("129926", "A"), ("122526", "A")):  # what is no day yet is the day of capture
        con.execute(
            "update curated.evidence set url = ? where evidence_id = 'gone-page'",
            [f"https://x.example/NPPES_Deactivated_NPI_Report_{name}_V2.zip"],
        )
        matching.findings(con, ASKED)
        assert found(con, "npi_deactivated") == {"shown": tier}, name
