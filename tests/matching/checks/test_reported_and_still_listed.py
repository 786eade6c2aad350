"""reported_and_still_listed: the insurer was told, and a complete capture 30 days later still shows it."""

from collections.abc import Iterator

import duckdb
import pytest

import matching
from tests.matching.county import ASKED, drawn, entered

DAYS = ("2026-08-01", "2026-09-05", "2026-10-01", "2026-11-20")
GONE = {"repaired": DAYS[1:], "came_back": DAYS[1:2]}
# finding's claim: whom it was sent to and when | reported as still listed, on the newest capture that shows it
TOLD = {
    "kept": ("alder 2026-08-10", True),
    "late": ("alder 2026-11-01", False),
    "repaired": ("alder 2026-08-10", False),
    "came_back": ("alder 2026-08-10", False),
    "another": ("birch 2026-08-10", False),
    "untold": ("", False),
    "withdrawn": ("alder 2026-08-10", False),
}


@pytest.fixture(scope="module")
def asked() -> Iterator[duckdb.DuckDBPyConnection]:
    listings = [
        f"{claim} | {claim} | {day} | Ann {claim.replace('_', '').capitalize()} | MA6{number:07d} | {number + 10} Oak St"
        for number, claim in enumerate(TOLD) for day in DAYS if day not in GONE.get(claim, ())
    ]  # fmt: skip
    listings += [f"steady | steady | {day} | Ada Alberts | MA69999999 | 99 Oak St" for day in DAYS]
    roll = [
        f"MA6{number:07d} | Ann {claim.replace('_', '').capitalize()} | EXPIRED | 2020-01-01 | 2026-07-30 2026-11-20"
        for number, claim in enumerate(TOLD)
    ]
    with duckdb.connect() as con:
        drawn(
            con,
            "id | claim | day | name | license | address\n" + "\n".join(listings),
            "number | name | status | expires | seen\n" + "\n".join([*roll, "MA69999999 | Ada Alberts | ACTIVE | 2027-01-01 | 2026-07-30"]),
        )
        con.execute("insert into curated.rule values ('wa.wac_284_170_260.investigate', '[website]')")
        matching.link(con, ASKED)
        matching.findings(con, ASKED)
        by_claim = dict(con.execute("select claim_id, finding_id from matching.finding where check_name = 'lapsed_license'").fetchall())
        for claim, (sent, _) in TOLD.items():
            if sent:
                to, day = sent.split()
                heading = "report_sent_id | recipient_kind | recipient | channel | at"
                entered(con, "report_sent", f"{heading}\n{claim} | insurer | {to} | its own error report | {day}")
                entered(con, "disclosure", f"report_sent_id | finding_id | at\n{claim} | {by_claim[claim]} | {day}")
        entered(con, "correction", f"finding_id | change | at\n{by_claim['withdrawn']} | withdrawn | 2026-09-01")
        matching.findings(con, ASKED)
        yield con


def test_what_was_reported_and_is_still_shown_a_month_later(asked: duckdb.DuckDBPyConnection) -> None:
    found = asked.execute(
        "select claim_id, tier, state, about, may_share, sentence, rule_ids, observed_on::varchar from matching.finding "
        "where check_name = 'reported_and_still_listed'"
    ).fetchall()
    assert found == [
        (
            "kept", "A", "persisting", "person", True,
            "Reported to the insurer on 2026-08-10 by its own error report (lapsed license); still shown on 2026-11-20, 102 days later "
            "(captures since: 2026-09-05, 2026-10-01, 2026-11-20).",
            ["wa.wac_284_170_260.investigate"], "2026-11-20",
        )
    ]  # fmt: skip
    assert {claim for claim, (_, is_kept) in TOLD.items() if is_kept} == {"kept"}


def test_each_capture_since_is_a_sighting_of_it(asked: duckdb.DuckDBPyConnection) -> None:
    days = asked.execute(
        "select cast(sighting.observed_on as varchar) from matching.sighting join matching.finding using (finding_id) "
        "where check_name = 'reported_and_still_listed' order by 1"
    ).fetchall()
    assert days == [("2026-10-01",), ("2026-11-20",)], "the capture 26 days after is too early to say anything"


def test_a_withdrawn_finding_stays_withdrawn_in_the_table_of_findings(asked: duckdb.DuckDBPyConnection) -> None:
    found = dict(asked.execute("select claim_id, stage from matching.finding where check_name = 'lapsed_license'").fetchall())
    assert found == dict.fromkeys(TOLD, "flagged") | {"withdrawn": "withdrawn"}
    standing = dict(asked.execute("select claim_id, standing from matching.standing").fetchall())
    assert (standing["kept"], standing["withdrawn"], standing["repaired"]) == ("contradicted", "undetermined", "undetermined")
