"""Registries and exclusion lists from what they said (parsed.*) to what checks read (curated.*), in drawn tables."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from matching.clean import WASHINGTON_DIGITS, WASHINGTON_LICENSE
from pipelines import curate, models, warehouse

FORM = {
    "license_pattern": WASHINGTON_LICENSE,
    "license_digits": WASHINGTON_DIGITS,
    "profession": "massage_therapist",
    "grace_days": 30,
    "audit": "a",
}
OCTOBER, NOVEMBER = date(2026, 10, 15), date(2026, 11, 15)


def drawn(con: warehouse.Connection, table: str, source: str, day: date, drawing: str) -> None:
    heading, *lines = [[cell.strip() for cell in line.split("|")] for line in drawing.strip().splitlines()]
    rows: list[dict[str, Any]] = [dict(zip(heading, [cell or None for cell in line], strict=True)) for line in lines]
    visit = f"{source}@{day}"
    origin = {"source_id": source, "snapshot_id": visit, "observed_on": day, "evidence_id": visit}
    warehouse.insert(con, table, [{**origin, "locator": f"row {number}", **row} for number, row in enumerate(rows, 1)])


@pytest.fixture
def con(tmp_path: Path) -> Iterator[warehouse.Connection]:
    with warehouse.opened(tmp_path / "story.duckdb") as opened:
        warehouse.lay_out(opened)
        for source, kind in (("roll", "license_roll"), ("nppes", "registry"), ("leie", "exclusion")):
            role = "roll" if source == "roll" else kind
            warehouse.insert(
                opened, "source", [{"source_id": source, "kind": kind, "role": role, "state": "WA", "name_order": "first_last"}]
            )
            for day in (OCTOBER, NOVEMBER):
                visit = f"{source}@{day}"
                taken = {"snapshot_id": visit, "source_id": source, "observed_on": day, "sha256": "0" * 64, "response_count": 1}
                warehouse.insert(opened, "snapshot", [taken])
                warehouse.insert(opened, "evidence", [{"evidence_id": visit, "snapshot_id": visit, "url": "file:x", "sha256": "0" * 64}])
        yield opened


def built(con: warehouse.Connection) -> None:
    curate.split_names(con)
    cards = [each for each in curate.curated_models() if each.name != "curated.listing"]
    con.execute("create table curated.listing (source_id text, snapshot_id text, claim_id text, observed_on date)")
    wanted = {"curated.registration", "curated.exclusion", "curated.snapshot", "curated.credential", "curated.credential_history"}
    wanted |= {"curated.status_meaning", "curated.profession", "curated.problem"}
    cards = [each for each in cards if each.name in wanted]
    models.build(con, cards, FORM)
    for each in cards:
        if each.name in ("curated.registration", "curated.exclusion"):
            assert {column[0] for column in con.execute(f"describe {each.name}").fetchall()} == set(each.columns)


def test_the_row_updated_last_speaks_for_an_npi(con: warehouse.Connection) -> None:
    head = "npi | entity | first | last | other_last | organization | updated | taxonomy\n"
    drawn(
        con,
        "registration",
        "nppes",
        OCTOBER,
        head + "2900000003 | 1 | Rosa | Vega | | | 01/01/2026 | A\n2900000003 | 1 | Rosa | Vega | | | 01/01/2026 | B",
    )
    rows = "2900000003 | 1 | Rosa | Lund | Vega | | 11/01/2026 | B\n2900000011 | 2 | | | | Cedar & Sons | 11/01/2026 |"
    drawn(con, "registration", "nppes", NOVEMBER, head + rows)
    built(con)
    assert con.execute("select npi, taxonomy, names, updated_on, source_id from curated.registration order by all").fetchall() == [
        ("2900000003", "B", ["Rosa Lund", "Rosa Vega"], date(2026, 11, 1), "nppes"),
        ("2900000011", None, ["Cedar & Sons"], date(2026, 11, 1), "nppes"),
    ]


def test_a_deactivation_lasts_until_something_later_undoes_it(con: warehouse.Connection) -> None:
    drawn(
        con,
        "registration",
        "nppes",
        NOVEMBER,
        """
        npi | entity | last | updated    | deactivated | reactivated
        1   |        |      |            | 10/20/2026  |
        2   | 1      | Vega | 01/01/2026 |             |
        2   |        |      |            | 10/20/2026  |
        3   | 1      | Lund | 10/21/2026 |             |
        3   |        |      |            | 10/20/2026  |
        4   | 1      | Berg | 01/01/2026 | 10/20/2015  | 03/20/2016
        5   | 1      | Olsen| 01/01/2016 | 10/20/2015  | 10/20/2015
        6   | 1      | Quist| 01/01/2026 |             |
        """,
    )
    built(con)
    gone = con.execute(
        "select npi, family_name, evidence_id, deactivation_evidence_id from curated.registration "
        "where deactivated_on is not null order by all"
    )
    assert gone.fetchall() == [("1", None, "nppes@2026-11-15", "nppes@2026-11-15"), ("2", "Vega", "nppes@2026-11-15", "nppes@2026-11-15")]
    assert warehouse.count(con, "curated.registration") == 6


def test_who_is_not_on_the_newest_report_is_active_again(con: warehouse.Connection) -> None:
    head = "npi | entity | last | updated | deactivated | reactivated\n"
    drawn(con, "registration", "nppes", OCTOBER, head + "1 | | | | 05/20/2026 |\n2 | | | | 05/20/2026 |")
    drawn(
        con,
        "registration",
        "nppes",
        NOVEMBER,
        head + "2 | | | | 05/20/2026 |\n3 | 1 | Berg | 01/01/2026 | 10/20/2015 | 03/20/2016\n4 | | | | 05/20/2026 | 6/1/26",
    )
    built(con)
    assert con.execute("select npi from curated.registration where deactivated_on is not null order by 1").fetchall() == [("2",)]
    con.execute("delete from parsed.registration where snapshot_id = 'nppes@2026-11-15' and entity is null")
    con.execute("drop table curated.listing")
    built(con)
    gone = con.execute("select npi from curated.registration where deactivated_on is not null order by 1")
    assert gone.fetchall() == [("1",), ("2",)], "a visit without a report says nothing of who is on it"


def test_a_license_number_is_read_only_where_it_is_sure(con: warehouse.Connection) -> None:
    drawn(
        con,
        "credential",
        "roll",
        NOVEMBER,
        """
        number     | first | last | type
        MA60000001 | Rosa  | Vega | Massage Therapist License
        MA60000002 | Ida   | Lund | Massage Therapist License
        RN60000002 | Ida   | Lund | Registered Nurse License
        MA00012345 | Olaf  | Berg | Massage Therapist License
        """,
    )
    drawn(
        con,
        "registration",
        "nppes",
        NOVEMBER,
        """
        npi | entity | last | license         | license_state
        01  | 1      | Vega | MA60000001      | WA
        02  | 1      | Vega | ma 60000001     | WA
        03  | 1      | Vega | 60000001        | WA
        04  | 1      | Berg | 12345           | WA
        05  | 1      | Lund | 60000002        | WA
        06  | 1      | Berg | 60000001        | WA
        07  | 1      | Vega | MA60000001      | OR
        08  | 2      | Vega | MA60000001      | WA
        09  | 1      | Vega | LMT             | WA
        10  | 1      | Vega | MASS.MA.60000001| WA
        """,
    )
    built(con)
    assert con.execute("select npi, license_key from curated.registration order by npi").fetchall() == [
        ("01", "MA60000001"), ("02", "MA60000001"), ("03", "MA60000001"), ("04", "MA00012345"), ("05", None), ("06", None), ("07", None),
        ("08", None), ("09", None), ("10", "MA60000001"),
    ]  # fmt: skip


def test_the_list_as_last_captured_and_what_ends_an_exclusion(con: warehouse.Connection) -> None:
    head = "first | last | name | organization | npi | state | type | excluded | reinstated | waiver\n"
    drawn(con, "exclusion", "leie", OCTOBER, head + "Gone | Since | | | | WA | 1128a1 | 20200101 | |")
    drawn(
        con,
        "exclusion",
        "leie",
        NOVEMBER,
        head
        + "ROSA | VEGA | | | 2900000003 | WA | 1128a1 | 20200220 | | or\n"
        + "IDA | LUND | | | | WA | 1128b4 | 20100101 | |\n"
        + "IDA | LUND | | | | WA | 1128b4 | 20100101 | 20151231 |\n"
        + "IDA | LUND | | | | WA | 1128a1 | 20200101 | |\n"
        + " | | Berg, Olaf T | | 2900000004 | WA | | 02/03/2024 | |\n"
        + " | | | Cedar & Sons | | WA | | someday | |\n"
        + "ADA | REYES | | | 2900000029 | WA | 1128a1 | 20200101 | |\n"
        + "ADA | REYES | | | | WA | 1128a1 | 20200101 | 20260901 |\n"
        + "BO | HOLM | | | 2900000037 | WA | | 20200101 | 9/1/26 |\n"
        + "KIM | NORDIN | | | 2900000045 | WA | | 1/1/20 | |\n"
        + "EVA | STRAND | | | 2900000052 | WA | | 20200101 | Indefinite |",
    )
    built(con)
    said = "select family_name, given_name, organization, npi, excluded_on, reinstated_on, waiver_state from curated.exclusion order by all"
    assert con.execute(said).fetchall() == [
        ("Berg", "Olaf", None, None, date(2024, 2, 3), None, None),
        ("LUND", "IDA", None, None, date(2010, 1, 1), date(2015, 12, 31), None),
        ("LUND", "IDA", None, None, date(2020, 1, 1), None, None),
        ("REYES", "ADA", None, "2900000029", date(2020, 1, 1), date(2026, 9, 1), None),
        ("REYES", "ADA", None, None, date(2020, 1, 1), date(2026, 9, 1), None),
        ("STRAND", "EVA", None, "2900000052", date(2020, 1, 1), None, None),
        ("VEGA", "ROSA", None, "2900000003", date(2020, 2, 20), None, "OR"),
        (None, None, "Cedar & Sons", None, None, None, None),
    ]
    assert con.execute("select locator, reason from curated.problem order by all").fetchall() == [
        ("row 10", "exclusion date '1/1/20' is not a date"),
        ("row 9", "reinstatement date '9/1/26' is not a date"),
    ]
