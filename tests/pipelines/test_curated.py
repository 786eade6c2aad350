"""From what sources said (parsed.*) to what analysts query (curated.*), in drawn tables."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from matching.professions import profession_rows
from pipelines import curate, expectations, models, warehouse
from scrapers.records import Refused

FORM = {
    "license_pattern": r"(?:[A-Z]{4}\.)?(?P<prefix>[A-Z][A-Z0-9])[. ]?(?P<digits>\d{8})",
    "license_digits": 8,
    "profession": "massage_therapist",
    "grace_days": 30,
    "audit": "story",
}
JANUARY, FEBRUARY, MARCH = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)


def rows(drawing: str) -> list[dict[str, Any]]:
    """A drawn table as rows; a blank cell is null."""
    heading, *lines = [[cell.strip() for cell in line.split("|")] for line in drawing.strip().splitlines()]
    return [dict(zip(heading, [cell or None for cell in line], strict=True)) for line in lines]


@pytest.fixture
def con(tmp_path: Path) -> Iterator[warehouse.Connection]:
    with warehouse.opened(tmp_path / "story.duckdb") as opened:
        warehouse.lay_out(opened)
        for source, role, kind in (("alder", "insurer", "insurer"), ("roll", "roll", "license_roll")):
            card = {"source_id": source, "kind": kind, "role": role, "state": "ZZ", "name_order": "first_last"}
            warehouse.insert(opened, "source", [card])
            for day in (JANUARY, FEBRUARY, MARCH):
                visit = f"{source}@{day}"
                taken = {"snapshot_id": visit, "source_id": source, "observed_on": day, "sha256": "0" * 64, "response_count": 1}
                warehouse.insert(opened, "snapshot", [taken])
                warehouse.insert(opened, "evidence", [{"evidence_id": visit, "snapshot_id": visit, "url": "file:x", "sha256": "0" * 64}])
        warehouse.insert(
            opened,
            "status_word",
            rows("""
                source_id | status_raw           | status            | may_practice | citation
                roll      | Active               | active            | true         | a page
                roll      | Active – On Probation| active_restricted | true         | a page
                roll      | EXPIRED              | expired           | false        | a page
                roll      | Superseded           | superseded        |              | a page
            """),
        )
        warehouse.insert(opened, "profession", rows("profession | credential_type\nmassage_therapist | Massage Therapist License"))
        yield opened


def listed(con: warehouse.Connection, day: date, drawing: str) -> None:
    origin = {"source_id": "alder", "snapshot_id": f"alder@{day}", "observed_on": day, "evidence_id": f"alder@{day}"}
    warehouse.insert(con, "listing", [{**origin, "locator": f"row {number}", **row} for number, row in enumerate(rows(drawing), 1)])


def licensed(con: warehouse.Connection, day: date, drawing: str) -> None:
    origin = {"source_id": "roll", "snapshot_id": f"roll@{day}", "observed_on": day, "evidence_id": f"roll@{day}"}
    for number, row in enumerate(rows(drawing), 1):
        warehouse.insert(con, "credential", [{"type": "Massage Therapist License", **origin, "locator": f"row {number}", **row}])


def built(con: warehouse.Connection) -> list[models.Model]:
    curate.split_names(con)
    curate.split_addresses(con)
    cards = curate.curated_models()
    models.build(con, cards, FORM)
    return cards


def test_a_listing_keeps_what_was_shown_and_adds_what_can_be_compared(con: warehouse.Connection) -> None:
    listed(
        con,
        MARCH,
        """
        name                 | address              | zip        | phone          | license       | npi        | network
        Kim T. Nguyen, LMT   | 100 Alder Street #2  | 00901-1234 | (509) 555-0100 | ma 60123456   | 2000000003 | Silver
        Alder Massage LLC    |                      | 00901      | 000-000-0000   | see office    | 1234567890 | Silver
        """,
    )
    built(con)
    seen = warehouse.table(con, "select * from curated.listing order by locator")
    assert [(row["given_name"], row["middle_name"], row["family_name"], row["is_organization"]) for row in seen] == [
        ("Kim", "T", "Nguyen", False),
        (None, None, None, True),
    ]
    assert [(row["license_key"], row["zip5"], row["phone_digits"], row["npi_valid"]) for row in seen] == [
        ("MA60123456", "00901", "5095550100", False),
        (None, "00901", None, False),
    ]
    assert seen[0]["name_raw"] == "Kim T. Nguyen, LMT"
    assert seen[1]["address_key"] is None  # a ZIP code alone is no place


def test_a_person_in_the_place_of_a_practice_is_a_person(con: warehouse.Connection) -> None:
    listed(
        con,
        MARCH,
        """
        name                               | organization            | license     | network
        Quiet Lantern Massage              | Ida Lund                | MA60123456  | Silver
        Quiet Lantern Massage              | Ida Lund, LMT           |             | Silver
        Quiet Lantern Massage              | Ida Lund                |             | Silver
        Quiet Lantern Massage              | Cedar Stone Massage LLC | MA60123456  | Silver
        Ida Lund - Quiet Lantern Massage   |                         |             | Silver
                                           | Ida Lund                | MA60123456  | Silver
        """,
    )
    built(con)
    seen = warehouse.table(con, "select * from curated.listing order by locator")
    assert [(row["given_name"], row["family_name"], row["organization"], row["is_organization"]) for row in seen] == [
        ("Ida", "Lund", "Quiet Lantern Massage", False),
        ("Ida", "Lund", "Quiet Lantern Massage", False),
        (None, None, "Ida Lund", True),  # neither a title nor a number: two words may name a practice
        (None, None, "Cedar Stone Massage LLC", True),
        ("Ida", "Lund", "Quiet Lantern Massage", False),
        ("Ida", "Lund", None, False),
    ]


def test_a_claim_is_followed_and_white_space_is_no_change(con: warehouse.Connection) -> None:
    listed(
        con,
        JANUARY,
        """
        name       | address     | zip   | phone      | network
        Ada Reyes  | 7 Birch  St | 00902 | 5095550101 | N
        Bo Lund    | 9 Elm St    | 00902 | 5095550102 | N
        """,
    )
    listed(
        con,
        FEBRUARY,
        """
        name       | address     | zip   | phone      | network
        Ada  Reyes | 7 Birch St  | 00902 | 5095550199 | N
        Cy Park    | 1 Oak St    | 00903 | 5095550103 | N
        """,
    )
    con.execute("delete from parsed.snapshot where observed_on = $day", {"day": MARCH})
    built(con)
    said = warehouse.table(
        con,
        "select change, field, before_value, after_value, name_raw from curated.claim_change join curated.listing using (claim_id) "
        "where change <> 'changed' or listing.observed_on = claim_change.observed_on order by change, name_raw",
    )
    assert [tuple(row.values()) for row in said] == [
        ("appeared", "", None, None, "Cy Park"),
        ("changed", "phone", "5095550101", "5095550199", "Ada  Reyes"),
        ("vanished", "", None, None, "Bo Lund"),
    ]
    current = warehouse.table(con, "select is_current, first_seen_on, last_seen_on, snapshot_count from curated.claim order by 2, 3, 1")
    assert [tuple(row.values()) for row in current] == [
        (False, JANUARY, JANUARY, 1),
        (True, JANUARY, FEBRUARY, 2),
        (True, FEBRUARY, FEBRUARY, 1),
    ]


def test_history_says_what_the_roll_said_and_for_how_long(con: warehouse.Connection) -> None:
    licensed(con, JANUARY, "number | last | status | expires\nMA60123456 | Reyes | ACTIVE | 20260131")
    licensed(con, FEBRUARY, "number | last | status | expires\nMASS.MA.60123456 | Reyes | Expired | 20260131")
    licensed(con, MARCH, "number | last | status | expires\nMASS.MA.60123456 | Reyes | Expired | 20260131")
    built(con)
    history = con.execute("select seen_from_on, seen_to_on, status, may_practice from curated.credential_history order by 1").fetchall()
    assert history == [(JANUARY, JANUARY, "active", True), (FEBRUARY, MARCH, "expired", False)]
    latest = con.execute("select license_key, status, expires_on, profession from curated.credential").fetchall()
    assert latest == [("MA60123456", "expired", date(2026, 1, 31), "massage_therapist")]


def test_of_a_roll_taken_twice_on_one_day_the_last_word_counts(con: warehouse.Connection) -> None:
    for visit, hour, status in (("roll@morning", 8, "Expired"), ("roll@noon", 12, "Active")):
        origin = {"source_id": "roll", "snapshot_id": visit, "observed_on": MARCH}
        warehouse.insert(
            con,
            "snapshot",
            [{**origin, "finished_at": warehouse.utc(datetime(2026, 3, 1, hour, tzinfo=UTC)), "sha256": "0" * 64, "response_count": 1}],
        )
        warehouse.insert(con, "evidence", [{"evidence_id": visit, "snapshot_id": visit, "url": "file:x", "sha256": "0" * 64}])
        said = {"evidence_id": visit, "locator": "row 1", "number": "MA60123456", "last": "Reyes", "status": status}
        warehouse.insert(con, "credential", [{**origin, **said}])
    cards = built(con)
    assert con.execute("select seen_from_on, status from curated.credential_history").fetchall() == [(MARCH, "active")]
    assert con.execute("select status, evidence_id from curated.credential").fetchall() == [("active", "roll@noon")]
    grains = [each for each in expectations.judge(expectations.of_models(con, cards)) if "credential" in each.sentence and not each.met]
    assert grains == []


def test_an_unknown_status_says_nothing_and_goes_to_a_person(con: warehouse.Connection) -> None:
    licensed(
        con,
        MARCH,
        """
        number     | last  | status                | expires
        MA60000001 | Reyes | Active - on probation | 20270131
        MA60000002 | Lund  | Superseded            |
        MA60000003 | Park  | Under Moonlight       | soon
        """,
    )
    cards = built(con)
    meant = con.execute("select license_key, status, may_practice from curated.credential order by 1").fetchall()
    assert meant == [("MA60000001", "active_restricted", True), ("MA60000002", "superseded", None), ("MA60000003", "unknown", None)]
    reasons = {reason for (reason,) in con.execute("select reason from curated.problem").fetchall()}
    assert reasons == {"expiry date 'soon' is not a date", "status 'Under Moonlight' is not on the card; map it under words: status"}
    noticed = [verdict.sentence for verdict in expectations.judge(expectations.of_models(con, cards)) if not verdict.met]
    assert "curated.status_meaning: expected is_on_card; 1 row differs" in noticed


def test_a_roll_that_repeats_a_license_keeps_what_permits_most(con: warehouse.Connection) -> None:
    twice = """
        number     | last  | status  | expires
        MA60000001 | Reyes | Expired | 20250131
        MA60000001 | Reyes | Active  | 20270131
    """
    licensed(con, MARCH, twice)
    built(con)
    assert con.execute("select status, may_practice from curated.credential").fetchall() == [("active", True)]


def test_a_roll_with_one_row_for_each_case_has_one_credential_with_its_latest_action(con: warehouse.Connection) -> None:
    licensed(
        con,
        FEBRUARY,
        """
        number     | last  | status                | expires  | action
        MA60000001 | Reyes | Active - On Probation | 20270131 | 2019-02-01 Stipulation
        MA60000001 | Reyes | Active - On Probation | 20270131 | 2021-06-01 Letter
        MA60000001 | Reyes | Active - On Probation | 20270131 |
        MA60000002 | Lund  | Active                | 20270131 |
        """,
    )
    licensed(
        con,
        MARCH,
        "number | last | status | expires | action\nMA60000001 | Reyes | Active - On Probation | 20270131 | 2026-03-01 Suspension",
    )
    built(con)
    held = con.execute("select license_key, action, locator, roll_on from curated.credential order by 1").fetchall()
    assert held == [("MA60000001", "2026-03-01 Suspension", "row 1", MARCH), ("MA60000002", None, "row 4", FEBRUARY)]
    said = con.execute(
        "select seen_from_on, seen_to_on, evidence_id, last_evidence_id from curated.credential_history order by 2, 1"
    ).fetchall()
    assert said == [
        (FEBRUARY, FEBRUARY, f"roll@{FEBRUARY}", f"roll@{FEBRUARY}"),
        (FEBRUARY, MARCH, f"roll@{FEBRUARY}", f"roll@{MARCH}"),
    ]


@pytest.mark.parametrize(("state", "means"), [("CO", "massage_therapist"), ("ZZ", None)])
def test_a_code_that_means_a_profession_in_one_state_means_it_there_alone(con: warehouse.Connection, state: str, means: str | None) -> None:
    con.execute("update parsed.source set state = $state where source_id = 'roll'", {"state": state})
    warehouse.insert(con, "profession", [dict(row) for row in profession_rows()])
    licensed(con, MARCH, "number | last | type\n10001 | Reyes | LICENSED MASSAGE THERAPIST\n10002 | Lund | MT")
    built(con)
    said = con.execute("select license_raw, profession from curated.credential order by 1").fetchall()
    assert said == [("10001", "massage_therapist"), ("10002", means)]


def test_one_number_in_two_types_is_two_credentials(con: warehouse.Connection) -> None:
    licensed(
        con,
        MARCH,
        "number | type | last | status\nMA60000001 | Massage Therapist License | Reyes | Active\nMA60000001 | Barber | Lund | Expired",
    )
    built(con)
    held = con.execute("select credential_type, family_name, status from curated.credential order by 1").fetchall()
    assert held == [("Barber", "Lund", "expired"), ("Massage Therapist License", "Reyes", "active")]


def test_a_roll_without_statuses_is_read_by_its_expiry_dates(con: warehouse.Connection) -> None:
    licensed(con, MARCH, "number | last | status | expires\nMA60000001 | Reyes | | 02/01/2026\nMA60000002 | Lund | | 2027-02-01T00:00:00")
    built(con)
    said = con.execute("select status, may_practice, basis from curated.credential_history order by expires_on").fetchall()
    assert said == [("expired", False, "expiry date"), ("unknown", None, "expiry date")]


def test_a_roll_without_statuses_says_something_else_once_the_date_has_passed(con: warehouse.Connection) -> None:
    for day in (JANUARY, MARCH):
        licensed(con, day, "number | last | expires\nMA60000001 | Reyes | 20260201")
    built(con)
    said = con.execute("select seen_from_on, status, may_practice, evidence_id from curated.credential_history order by 1").fetchall()
    assert said == [(JANUARY, "unknown", None, f"roll@{JANUARY}"), (MARCH, "expired", False, f"roll@{MARCH}")]


@pytest.mark.parametrize("printed", ["12/31/27", "26-01-02", "2026115", "20261301", "0001-01-01", "31/12/2026"])
def test_a_date_that_could_be_read_two_ways_is_no_date(con: warehouse.Connection, printed: str) -> None:
    licensed(con, MARCH, f"number | last | expires\nMA60000001 | Reyes | {printed}")
    built(con)
    assert con.execute("select status, may_practice, expires_on from curated.credential_history").fetchall() == [("unknown", None, None)]
    assert con.execute("select reason from curated.problem").fetchall() == [(f"expiry date '{printed}' is not a date",)]


def test_every_table_and_column_carries_a_comment(con: warehouse.Connection) -> None:
    listed(con, MARCH, "name | network\nAda Reyes | N")
    models.describe(con, built(con))
    silent = con.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'curated' and coalesce(comment, '') = '' "
        "union all select table_name, '' from duckdb_tables() where schema_name = 'curated' and coalesce(comment, '') = ''"
    ).fetchall()
    assert silent == []


def test_networks_and_rules_and_runs_are_carried(con: warehouse.Connection) -> None:
    """Also: source, evidence, snapshot, profession, registration and participation keep CONTRACT's columns."""
    listed(con, MARCH, "name | network\nAda Reyes | Silver")
    warehouse.insert(con, "network", [{"source_id": "alder", "network": "Gold", "line": "individual"}])
    warehouse.insert(con, "rule", [{"rule_id": "us.x", "citation": "42 USC", "verified_on": MARCH}])
    warehouse.insert(con, "run", [{"run_id": "r1", "audit": "story", "snapshot_ids": ["a", "b"]}])
    built(con)
    assert con.execute("select network, line, is_shown from curated.network order by 1").fetchall() == [
        ("Gold", "individual", False),
        ("Silver", None, True),
    ]
    assert con.execute("select snapshot_ids, finished_at from curated.run").fetchall() == [(["a", "b"], None)]
    visits = "select snapshot_id, record_count, is_latest from curated.snapshot where source_id = 'alder' order by 1"
    assert con.execute(visits).fetchall() == [(f"alder@{day}", int(day == MARCH), day == MARCH) for day in (JANUARY, FEBRUARY, MARCH)]
    for table in ("source", "evidence", "profession", "registration", "participation", "rule"):
        con.execute(f"select * from curated.{table}").fetchall()


def test_models_run_after_those_they_read() -> None:
    order = [
        models.Model(name="curated.b", row="", grain=["x"], columns={}, sql="select * from curated.a"),
        models.Model(name="curated.a", row="", grain=["x"], columns={}, sql="select 1 as x"),
    ]
    with warehouse.opened(Path(":memory:")) as con:
        assert [model.name for model in models.in_order(con, order)] == ["curated.a", "curated.b"]
        circle = [models.Model(name="curated.a", row="", grain=["x"], columns={}, sql="select * from curated.b"), order[0]]
        with pytest.raises(ValueError, match=r"curated\.a, curated\.b"):
            models.in_order(con, circle)


def test_a_database_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "x.duckdb"
    with pytest.raises(RuntimeError), warehouse.rebuilt(target) as con:
        con.execute("create table t as select 1")
        raise RuntimeError("a power cut")
    assert not target.exists()
    with warehouse.rebuilt(target) as con:
        con.execute("create table t as select 1 as x")
    assert warehouse.ask(target, "select x from t") == (["x"], [(1,)])


def test_no_file_holds_what_was_parsed(tmp_path: Path) -> None:
    """Not even in blocks that a dropped table would leave behind."""
    target = tmp_path / "x.duckdb"
    with warehouse.rebuilt(target) as con:
        warehouse.lay_out(con)
        warehouse.insert(con, "credential", [{"source_id": "roll", "number": f"ZZ{number}"} for number in range(3000)])
        con.execute("create table curated.license as select count(number) as n from parsed.credential")
    with pytest.raises(Refused, match=r"parsed\.credential"):
        warehouse.ask(target, "select * from parsed.credential")
    assert warehouse.ask(target, "select n from curated.license") == (["n"], [(3000,)])
    assert [path for path in tmp_path.rglob("*") if path.is_file() and b"ZZ2999" in path.read_bytes()] == []
