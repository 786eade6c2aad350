"""progress: what people did about a finding, and the stage that follows; every transition, also out of order and contradictory."""

import duckdb
import pytest

from pipelines import models
from tests.matching.county import entered
from tests.tables import given

# Two findings of one person at two insurers rest on one license; the third is about somebody else, the others are about listings.
FINDINGS = """
finding_id | check_name        | claim_id | listing_id | subject_kind | subject_id | source_id | about   | basis
alder      | lapsed_license    | c1       | l1         | claim        | c1         | alder     | person  | license-1
birch      | barred_license    | c2       | l2         | claim        | c2         | birch     | person  | license-1
other      | lapsed_license    | c3       | l3         | claim        | c3         | alder     | person  | license-9
double     | duplicate_listing | c1       | l1         | listing      | l1         | alder     | listing | copies-1
again      | duplicate_listing | c4       | l4         | listing      | l4         | alder     | listing | copies-1
"""


@pytest.fixture
def desk(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Findings, the person behind two of them, two insurers, and an empty ledger."""
    con.execute("create macro fold(said) as upper(trim(said))")
    given(con, "matching.finding", FINDINGS)
    given(con, "curated.listing", "listing_id | claim_id\nl1 | c1\nl2 | c2\nl3 | c3\nl4 | c4\nold | c0")
    given(
        con,
        "matching.provider_member",
        "provider_id | member_kind | member_id\np | listing | l1\np | listing | l2\nq | listing | l3\nr | listing | l4\np | listing | old",
    )
    given(
        con,
        "curated.source",
        "source_id | title | insurer_name\nalder | Alder directory | Alder Mutual\nalder_api | Alder interface | Alder Mutual\n"
        "birch | Birch | Birch Health",
    )
    con.execute("create schema ledger")
    for model in models.load("pipelines/sql/ledger", "ledger"):
        columns = ", ".join(f'"{name}" {kind}' for name, kind in model.types.items())
        con.execute(f"create table {model.name} ({columns})")
    return con


CARD = next(card for card in models.load("matching/sql", "matching") if card.name == "matching.progress")


def progress(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, object]]:
    con.execute(f"create or replace temp table said as {CARD.sql}")
    assert [name for (name,) in con.execute("select column_name from (describe said)").fetchall()] == list(CARD.columns)
    return {row[0]: dict(zip(CARD.columns, row, strict=True)) for row in con.execute("select * from said").fetchall()}


def did(con: duckdb.DuckDBPyConnection, entries: str) -> None:
    """Entries about findings, one a line: `day finding what [by|to]`."""
    tables: dict[str, list[str]] = {}
    for number, line in enumerate(entries.strip().splitlines()):
        day, finding, what, *more = line.split()
        said = more[0] if more else "x"
        if what in ("right", "wrong", "unsure"):
            tables.setdefault("verdict", []).append(f"{finding} | {what} | {said} | 2026-{day}")
        elif what in ("upheld", "withdrawn", "amended", "asked"):
            claim = {"alder": "c1", "birch": "c2", "other": "c3", "gone": "c0"}.get(finding, "")
            tables.setdefault("correction", []).append(
                f"{finding} | {what} | {said if more else ''} | {claim} | because {what} | 2026-{day}"
            )
        elif what == "told":
            kind = "therapist" if said == "her" else "insurer"
            tables.setdefault("report_sent", []).append(f"s{number} | {kind} | {said.replace('_', ' ')} | letter {day} | 2026-{day}")
            tables.setdefault("disclosure", []).append(f"s{number} | {finding} | 2026-{day}")
        else:
            kind, word = what.split(":")
            tables.setdefault("reply", []).append(f"{finding} | {kind} | {word} | words of {day} | 2026-{day}")
    headings = {
        "verdict": "finding_id | judgement | by | at",
        "correction": "finding_id | change | basis | claim_id | reason | at",
        "report_sent": "report_sent_id | recipient_kind | recipient | channel | at",
        "disclosure": "report_sent_id | finding_id | at",
        "reply": "finding_id | by_kind | answer | words | at",
    }
    for table, rows in tables.items():
        entered(con, table, "\n".join([headings[table], *rows]))


REVIEWED = "11-01 alder right ann\n"
TOLD = "11-02 alder told alder\n"
ASKED = "11-02 alder told her\n"


@pytest.mark.parametrize(
    ("entries", "stage"),
    [
        (TOLD, "flagged"),
        ("11-01 alder unsure ann", "flagged"),
        (REVIEWED, "reviewed"),
        ("11-01 alder right ann\n11-01 alder unsure bob", "reviewed"),
        ("11-01 alder right ann\n11-01 alder wrong bob", "flagged"),
        ("11-01 alder wrong ann\n11-02 alder right ann", "reviewed"),
        ("11-02 alder right ann\n11-01 alder wrong ann", "reviewed"),
        ("11-01 alder right ann\n11-02 alder wrong ann", "flagged"),
        ("11-01 alder right ann\n11-01 alder wrong ann", "flagged"),
        ("11-01 alder right ann\n11-01 alder wrong bob\n11-02 alder upheld", "reviewed"),
        ("11-01 alder right ann\n11-03 alder wrong bob\n11-02 alder upheld", "flagged"),
        ("11-01 alder right ann\n11-02 alder wrong bob\n11-02 alder upheld", "flagged"),
        ("11-01 alder right ann\n11-01 alder wrong bob\n11-02 alder amended", "flagged"),
        ("11-01 alder wrong bob\n11-02 alder upheld", "flagged"),
        (REVIEWED + TOLD, "reviewed"),
        (REVIEWED + ASKED, "reviewed"),
        (REVIEWED + TOLD + ASKED, "notified"),
        (TOLD + ASKED + "11-30 alder right ann", "notified"),
        (REVIEWED + ASKED + "11-02 alder told birch", "reviewed"),
        (REVIEWED + ASKED + "11-02 alder told alder_mutual", "notified"),
        (REVIEWED + ASKED + "11-02 alder told alder_interface", "notified"),
        (REVIEWED + ASKED + "11-02 alder told somebody_else", "reviewed"),
        (REVIEWED + TOLD + ASKED + "11-05 alder insurer:concur", "answered"),
        (REVIEWED + "11-05 alder insurer:concur", "reviewed"),
        (REVIEWED + TOLD + ASKED + "11-05 alder therapist:dispute", "notified"),
        (REVIEWED + TOLD + ASKED + "11-05 alder insurer:concur\n11-06 alder wrong bob", "flagged"),
        (REVIEWED + TOLD + ASKED + "11-05 alder insurer:dispute\n11-06 alder withdrawn license-1", "withdrawn"),
        ("11-06 alder withdrawn license-1", "withdrawn"),
        ("11-06 alder withdrawn", "withdrawn"),
        (REVIEWED + "11-06 alder withdrawn license-1\n11-07 alder upheld", "reviewed"),
        (REVIEWED + "11-07 alder withdrawn license-1\n11-06 alder upheld", "withdrawn"),
        (REVIEWED + "11-06 alder withdrawn license-1\n11-06 alder upheld", "withdrawn"),
        (REVIEWED + "11-06 alder withdrawn license-1\n11-07 alder asked", "withdrawn"),
        (REVIEWED + TOLD + ASKED + "11-06 alder withdrawn license-0", "flagged"),
        (REVIEWED + "11-06 alder withdrawn license-0\n11-07 alder right ann", "reviewed"),
        (REVIEWED + "11-06 alder asked", "reviewed"),
        ("11-01 double right ann\n11-02 double told alder", "notified"),
    ],
)
def test_every_step_and_every_contradiction(desk: duckdb.DuckDBPyConnection, entries: str, stage: str) -> None:
    did(desk, entries)
    assert progress(desk).get(entries.split()[1], {"stage": "flagged"})["stage"] == stage


def test_a_finding_that_nobody_touched_has_no_row(desk: duckdb.DuckDBPyConnection) -> None:
    assert progress(desk) == {}
    did(desk, "11-01 elsewhere right ann\n11-01 alder right ann")
    assert set(progress(desk)) == {"alder"}, "findings of other audits share the ledger"


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ("11-06 alder withdrawn license-1", {"alder": None, "birch": "alder"}),
        ("11-06 gone withdrawn license-1", {"alder": "gone", "birch": "gone"}),
        ("11-06 birch withdrawn license-1\n11-07 alder withdrawn license-1", {"alder": None, "birch": None}),
        ("11-06 other withdrawn license-1", {}),
        ("11-06 alder withdrawn license-0", {}),
        ("11-06 alder withdrawn license-1\n11-07 alder upheld", {}),
        ("11-06 alder withdrawn license-1\n11-07 birch upheld", {"alder": None}),
        ("11-06 double withdrawn copies-1", {"double": None}),
    ],
    ids=[
        "at the other insurer too", "a claim no longer flagged", "each by its own", "somebody else's", "on other grounds", "taken back",
        "upheld there since", "another person's of one basis",
    ],
)  # fmt: skip
def test_a_withdrawal_settles_the_person_everywhere_while_its_basis_stands(
    desk: duckdb.DuckDBPyConnection, entries: str, found: dict[str, str | None]
) -> None:
    did(desk, entries)
    assert {name: row["withdrawn_with"] for name, row in progress(desk).items() if row["stage"] == "withdrawn"} == found


def test_what_was_said_is_kept_in_its_words_and_the_first_notice_counts(desk: duckdb.DuckDBPyConnection) -> None:
    did(
        desk,
        REVIEWED + "11-09 alder told alder\n11-04 alder told alder\n11-05 alder told her\n11-08 alder insurer:dispute\n"
        "11-08 alder insurer:concur\n11-07 alder insurer:explain\n11-08 alder therapist:dispute\n11-01 alder unsure bob\n"
        "11-09 alder asked\n11-08 alder upheld",
    )
    row = progress(desk)["alder"]
    assert (row["right_count"], row["wrong_count"], row["unsure_count"], row["reviewer_count"]) == (1, 0, 1, 2)
    assert (str(row["insurer_told_at"])[:10], row["insurer_channel"], str(row["person_told_at"])[:10]) == (
        "2026-11-04", "letter 11-04", "2026-11-05",
    )  # fmt: skip
    assert (row["insurer_answer"], str(row["answered_at"])[:10], row["insurer_words"]) == ("dispute", "2026-11-08", "words of 11-08")
    assert (row["person_answer"], row["decided"], row["reason"], row["stage"]) == ("dispute", "asked", "because asked", "answered")


def test_what_was_done_about_something_else_counts_for_nothing(desk: duckdb.DuckDBPyConnection) -> None:
    """A finding keeps its id when another license, or another status, is found behind it; nobody judged or was told of that."""
    did(desk, REVIEWED + TOLD + ASKED + "11-05 alder insurer:concur\n11-06 alder asked")
    for table in ("verdict", "disclosure", "reply"):
        desk.execute(f"update ledger.{table} set basis = 'license-1'")
    assert progress(desk)["alder"]["stage"] == "answered"
    desk.execute("update matching.finding set basis = 'license-2' where finding_id = 'alder'")
    said = progress(desk)["alder"]
    assert (said["stage"], said["right_count"], said["insurer_told_at"], said["person_told_at"]) == ("flagged", 0, None, None)
    assert said["decided"] == "asked", "a doubt is never lost"


def test_a_decision_on_something_else_upholds_nothing(desk: duckdb.DuckDBPyConnection) -> None:
    did(desk, "11-01 alder right ann\n11-02 alder wrong bob\n11-03 alder upheld license-9")
    assert progress(desk)["alder"]["stage"] == "flagged"
