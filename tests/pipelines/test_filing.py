"""What stands between a run and its filing, one step at a time; and what a filed run answers."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines import curate, filing, ledger, publication, published, requirements, runs, settings, warehouse
from pipelines.requirements import Asked, Missing

NOW = datetime(2026, 3, 20, 18, tzinfo=UTC)
TOLD = datetime(2026, 3, 2, 18)  # noqa: DTZ001 as DuckDB keeps it
SHAPES = {
    "curated.source": "source_id text, title text, kind text, insurer_name text",
    "curated.snapshot": "snapshot_id text, source_id text, observed_on date, is_latest boolean, is_stale boolean",
    "reports.in_scope": "claim_id text",
    "reports.measure": "name text, numerator integer, denominator integer, value double",
    "matching.finding": "finding_id text, check_name text, tier text, about text, stage text, state text, may_share boolean, claim_id text,"
    " credential_id text, first_seen_on date, source_id text",
    "matching.progress": "finding_id text, right_count integer, wrong_count integer, decided text, decided_at timestamp,"
    " insurer_told_at timestamp, person_told_at timestamp, answered_at timestamp, insurer_answer text, person_answered_at timestamp,"
    " person_answer text, reason text, stage text",
    "reports.judged": "is_right boolean, frame_count integer",
    "curated.run": "audit text",
}


class Case:
    """A run that everything was done for; a test takes one thing away."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        for schema in ("curated", "matching", "reports", "ledger", "seen"):
            self.con.execute(f"create schema {schema}")
        for table, columns in SHAPES.items():
            self.con.execute(f"create table {table} ({columns})")
        cards = curate.lay_out_ledger(self.con)
        tables = tuple(each.name.removeprefix("ledger.") for each in cards)
        self.con.execute(f"""
            insert into curated.source values ('roll', 'The roll', 'license_roll', null), ('alder', 'Directory', 'insurer', 'Alder Mutual');
            insert into curated.snapshot values ('r', 'roll', '2026-03-18', true, false), ('a', 'alder', '2026-03-18', true, false),
              ('a0', 'alder', '2026-03-01', false, true);
            insert into reports.in_scope values ('c1'), ('c2'), ('c3');
            insert into reports.measure values ('review.precision', 99, 100, 0.99);
            insert into curated.run values ('story');
            insert into matching.finding values
              ('f1', 'lapsed_license', 'A', 'person', 'notified', 'persisting', true, 'c1', 'k1', '2026-03-01', 'alder'),
              ('f2', 'duplicate_listing', 'A', 'listing', 'answered', 'persisting', true, 'c2', null, '2026-03-01', 'alder');
            insert into matching.progress
              (finding_id, right_count, wrong_count, insurer_told_at, person_told_at, answered_at, insurer_answer)
              values ('f1', 1, 0, '{TOLD}', '{TOLD}', null, null), ('f2', 1, 0, '{TOLD}', null, '{TOLD}', 'concur');
            insert into ledger.report_sent (report_sent_id, audit, run_id, edition, recipient_kind, recipient, "at")
              values ('s1', 'story', 'r0', 'insurer', 'insurer', 'alder', '{TOLD}');
            insert into ledger.disclosure (disclosure_id, report_sent_id, finding_id, "at")
              values ('d1', 's1', 'f1', '{TOLD}'), ('d2', 's1', 'f2', '{TOLD}');
            insert into ledger.sign_off values ('o1', 'story', 'r1', 'Ida Birkeland', 'reviewer', 'I read it', '{TOLD}'),
              ('o2', 'story', 'r1', 'Mei Calloway', 'counsel', 'I read it', '{TOLD}');
        """)
        for table in tables:
            self.con.execute(f"create table seen.{table} as select * from ledger.{table}")
        self.asked = Asked(
            audit="story",
            card="story",
            run_id="r1",
            now=NOW,
            by="Story County Massage Association",
            contact="corrections@example.org",
            tables=tables,
            grain={each.name.removeprefix("ledger."): tuple(each.grain) for each in cards},
            stale_cards=None,
            interests=("Ida Birkeland", "Mei Calloway"),
        )

    def missing(self, *sql: str) -> list[Missing]:
        for each in sql:
            self.con.execute(each)
        return requirements.missing(self.con, self.asked)


@pytest.fixture
def case() -> Case:
    return Case()


def test_a_run_for_which_all_was_done_lacks_nothing(case: Case) -> None:
    assert case.missing() == []


LACKS = {
    "a verdict came in after the run": (
        "insert into ledger.verdict (verdict_id, finding_id) values ('v9', 'f1')",
        "entries since the run",
        "1 verdict",
    ),
    "a source was never captured whole": ("insert into curated.source values ('birch', 'Birch', 'insurer', 'Birch')", "sources", "birch"),
    "a registry is older than it is visited": (
        "insert into curated.source values ('nppes', 'NPPES', 'registry', null);"
        "insert into curated.snapshot values ('n', 'nppes', '2025-01-01', true, true)",
        "sources",
        "nppes (2025-01-01)",
    ),
    "the roll is eight days old": (
        "update curated.snapshot set observed_on = '2026-03-12' where source_id = 'roll'",
        "captured again",
        "roll on 2026-03-12",
    ),
    "a card says that the roll is of next year": (
        "update curated.snapshot set observed_on = '2027-03-18' where source_id = 'roll'",
        "captured again",
        "roll on 2027-03-18",
    ),
    "nobody looked at a finding": ("update matching.finding set stage = 'flagged' where finding_id = 'f2'", "reviewed", "1 finding"),
    "nobody looked at one of tier B about a person": (
        "update matching.finding set stage = 'flagged', tier = 'B' where finding_id = 'f1'",
        "reviewed",
        "1 finding",
    ),
    "a reviewer called one wrong": (
        "update matching.finding set stage = 'flagged' where finding_id = 'f1';"
        "update matching.progress set wrong_count = 1 where finding_id = 'f1'",
        "decided",
        "1 finding",
    ),
    "the insurer disputes one": (
        "update matching.progress set insurer_answer = 'dispute' where finding_id = 'f2'",
        "decided",
        "1 finding",
    ),
    "it was upheld before the insurer disputed it": (
        "update matching.progress set insurer_answer = 'dispute', decided = 'upheld', decided_at = '2026-03-01' where finding_id = 'f2'",
        "decided",
        "1 finding",
    ),
    "the person disputes what was upheld against the insurer": (
        "update matching.progress set person_answer = 'dispute', person_answered_at = '2026-03-09', decided = 'upheld',"
        " decided_at = '2026-03-08' where finding_id = 'f1'",
        "decided",
        "1 finding",
    ),
    "the person explains what nobody decided": (
        "update matching.progress set person_answer = 'explain', person_answered_at = '2026-03-09' where finding_id = 'f1'",
        "decided",
        "1 finding",
    ),
    "it was to be said otherwise, and is said as it was": (
        "update matching.progress set decided = 'amended', decided_at = '2026-03-09' where finding_id = 'f1'",
        "decided",
        "1 finding",
    ),
    "too few were judged for a rate": (
        "update reports.measure set denominator = 4, value = null; insert into reports.judged select true, 40 from range(4)",
        "error rate",
        "ten findings drawn at random, or all",
    ),
    "somebody asked for a correction": ("update matching.progress set decided = 'asked' where finding_id = 'f1'", "decided", "1 finding"),
    "one called wrong was upheld, and nobody calls it right": (
        "update matching.finding set stage = 'flagged' where finding_id = 'f1';"
        "update matching.progress set wrong_count = 1, right_count = 0, decided = 'upheld' where finding_id = 'f1'",
        "reviewed",
        "1 finding",
    ),
    "no sample was drawn": ("delete from reports.measure", "error rate", "none was drawn"),
    "a sample was not judged to its end": (
        "update reports.measure set name = 'review.judged'",
        "error rate",
        "of 100 findings drawn for it, two people judged 99",
    ),
    "the insurer has had one for thirteen days": (
        "update matching.progress set insurer_told_at = '2026-03-07 18:00:00' where finding_id = 'f2'",
        "insurer told",
        "Alder Mutual was not told 14 days ago of 1 finding; 1 since, the last on 2026-03-07",
    ),
    "a person was not asked": ("update matching.progress set person_told_at = null", "person told", "1 finding"),
    "one signature is there": ("delete from ledger.sign_off where name = 'Ida Birkeland'", "signed", "1 of 2 people"),
    "one person signed twice": ("update ledger.sign_off set name = 'Ida Birkeland '", "signed", "1 of 2 people"),
    "one person signed in two spellings": (
        "update ledger.sign_off set name = 'birkeland, ida m.' where sign_off_id = 'o2'",
        "signed",
        "1 of 2 people",
    ),
    "the other signature is of an earlier run": ("update ledger.sign_off set run_id = 'r0' where sign_off_id = 'o1'", "signed", "run r1"),
    "somebody was shown what is withdrawn": (
        "update matching.finding set stage = 'withdrawn' where finding_id = 'f1';"
        "update matching.progress set decided = 'withdrawn', decided_at = '2026-03-10' where finding_id = 'f1'",
        "withdrawals told",
        "1 recipient and withdrawn since, untold: 1 finding",
    ),
}


@pytest.mark.parametrize("lack", LACKS)
def test_each_step_that_is_missing_is_named_alone(case: Case, lack: str) -> None:
    sql, step, words = LACKS[lack]
    (found,) = case.missing(sql)
    assert (found.step, words in found.sentence) == (step, True), found
    assert found.count == 1
    assert found.to_do


@pytest.mark.parametrize(
    ("change", "step", "words"),
    [
        (lambda asked: replace(asked, by=None), "who makes it", "who makes the audit"),
        (lambda asked: replace(asked, contact=None), "contact", "corrections"),
        (lambda asked: replace(asked, interests=("Ida Birkeland",)), "interests", "Mei Calloway"),
        (lambda asked: replace(asked, stale_cards="its cards were changed"), "run again", "cards were changed"),
        (lambda asked: replace(asked, now=NOW + timedelta(days=6)), "captured again", "alder on 2026-03-18, roll on 2026-03-18"),
    ],
)
def test_and_so_is_what_is_no_row_of_the_run(case: Case, change: Callable[[Asked], Asked], step: str, words: str) -> None:
    case.asked = change(case.asked)
    (found,) = case.missing()
    assert (found.step, words in found.sentence) == (step, True), found


def test_a_signature_or_an_interest_given_after_the_run_needs_no_new_run(case: Case) -> None:
    case.con.execute("delete from seen.sign_off")
    assert case.missing("insert into ledger.interest (interest_id, audit) values ('i9', 'story')") == []


def test_what_nobody_would_be_shown_needs_nobodys_step(case: Case) -> None:
    """Resolved, tier C, withdrawn, withheld, and of another profession: no row of an edition."""
    unseen = {
        "g1": "'A', 'person', 'flagged', 'resolved', true, 'c3'",
        "g2": "'C', 'person', 'flagged', 'new', true, 'c3'",
        "g3": "'A', 'person', 'withdrawn', 'new', true, 'c3'",
        "g4": "'A', 'person', 'flagged', 'new', false, 'c3'",
        "g5": "'A', 'person', 'flagged', 'new', true, 'another profession'",
    }
    rows = [f"insert into matching.finding values ('{id}', 'x', {said}, null, '2026-03-01', 'alder')" for id, said in unseen.items()]
    assert case.missing(*rows) == []


def test_what_appears_after_the_notice_waits_for_the_next_filing(case: Case) -> None:
    """Otherwise the capture on the day, which always finds something, would undo the notice of two weeks ago."""
    said = "'g', 'lapsed_license', 'A', 'person', 'flagged', 'new', true, 'c3', 'k', '2026-03-{day}', 'alder'"
    new = f"insert into matching.finding values ({said})"
    assert case.missing(new.format(day="18")) == []
    case.con.execute("delete from matching.finding where finding_id = 'g'")
    steps = {each.step for each in case.missing(new.format(day="01"))}
    assert steps == {"reviewed", "insurer told", "person told"}, "this one could have been in the notice"


def test_all_of_a_few_findings_need_no_rate(case: Case) -> None:
    """Fewer than ten make no rate; who judged every one of them has measured all there is."""
    assert case.missing("update reports.measure set value = null", "insert into reports.judged select true, 4 from range(4)") == []


def test_what_is_withdrawn_and_not_found_any_more_is_told_as_well(case: Case) -> None:
    """A better match may end a finding; who read the wrong one must hear of it all the same."""
    gone = (
        "insert into {0}.disclosure (disclosure_id, report_sent_id, finding_id) values ('d9', 's1', 'gone')",
        "insert into {0}.correction (correction_id, finding_id, change, \"at\") values ('x', 'gone', 'withdrawn', '2026-03-10')",
    )
    (found,) = case.missing(*(sql.format(schema) for sql in gone for schema in ("ledger", "seen")))
    assert (found.step, found.which) == ("withdrawals told", ("gone",))


def test_an_earlier_recipient_is_told_by_a_document_of_a_later_run(case: Case) -> None:
    case.missing(
        "update matching.finding set stage = 'withdrawn' where finding_id = 'f1'",
        "update matching.progress set decided = 'withdrawn', decided_at = '2026-03-10' where finding_id = 'f1'",
    )
    later = "('s2', 'story', 'r0', 'insurer', 'insurer', '{to}', '2026-03-11')"
    columns = 'report_sent_id, audit, run_id, edition, recipient_kind, recipient, "at"'
    insert = "insert into {schema}.report_sent (" + columns + ") values " + later
    for schema in ("ledger", "seen"):
        case.con.execute(insert.format(schema=schema, to="birch"))
    assert [each.step for each in case.missing()] == ["withdrawals told"]
    for schema in ("ledger", "seen"):
        case.con.execute(f"update {schema}.report_sent set recipient = 'alder', run_id = '20260302T180000Z' where report_sent_id = 's2'")
    assert [each.step for each in case.missing()] == ["withdrawals told"], "it was made before the decision, and only sent after it"
    for column, said in (("run_id", "20260310T180000Z"), ("audit", "another"), ("edition", "planned")):
        for schema in ("ledger", "seen"):
            case.con.execute(f"update {schema}.report_sent set {column} = '{said}' where report_sent_id = 's2'")
        assert bool(case.missing()) is (column != "run_id"), "a document of another audit, or of another kind, tells nothing of it"


def test_a_filed_run_answers_though_nothing_else_is_left(tmp_path: Path) -> None:
    """`query --run` reads the database that was filed, not the draft of the same run."""
    from pipelines import queries

    home = tmp_path / "curated" / "story"
    for folder, said in ((home, "draft"), (home / "filed" / "20260320T180000Z", "final")):
        with warehouse.rebuilt(folder / "audit-20260320T180000Z.duckdb") as con:
            con.execute(f"create table word as select '{said}' as said")
    with warehouse.rebuilt(home / "audit-20260420T180000Z.duckdb") as con:
        con.execute("create table word as select 'later' as said")
    publication.point(home, home / "audit-20260420T180000Z.duckdb", print)

    def asked(run_id: str | None) -> object:
        return queries.query(settings.Settings(data=tmp_path), "select said from word", None, run_id, 5)[1][0][0]

    assert (asked(None), asked("20260320T180000Z")) == ("later", "final")
    (home / "audit-20260320T180000Z.duckdb").unlink()
    assert asked("20260320T180000Z") == "final"
    (home / "filed" / "20260320T180000Z" / "audit-20260320T180000Z.duckdb").chmod(0o444)
    assert asked("20260320T180000Z") == "final"


def test_a_ledger_cut_off_is_seen_by_what_was_published_and_filed(tmp_path: Path) -> None:
    home = settings.Settings(data=tmp_path, now=NOW)
    with ledger.writing(home, NOW) as writer:
        writer.enter("verdict", {"finding_id": "f1", "judgement": "right"}, writer.pseudonym("Ida Birkeland"))
    (entry,) = ledger.entries(home)
    story = tmp_path / "curated" / "story"
    for folder, head in ((story, entry.hash), (story / "filed" / "20260320T180000Z", "0" * 64)):
        with warehouse.rebuilt(folder / "audit-20260320T180000Z.duckdb") as con:
            con.execute(f"create schema curated; create table curated.run as select '{head}' as ledger_head")
    publication.point(story, story / "audit-20260320T180000Z.duckdb", print)
    with pytest.raises(runs.Stopped, match="the ledger lost entries"):
        ledger.verify(home, published.heads(home))
    (story / "filed" / "20260320T180000Z" / "audit-20260320T180000Z.duckdb").unlink()
    assert ledger.verify(home, published.heads(home)) == 1


def test_a_filed_run_that_somebody_touched_is_handed_to_nobody(tmp_path: Path) -> None:
    kept = {"audit": "story", "run_id": "r1", "filed_at": "2026-03-20", "signed_by": ["Ida Birkeland"]}
    (tmp_path / filing.KEPT).write_text(json.dumps(kept))
    (tmp_path / "commissioner.csv").write_text("Finding\n")
    names = (filing.KEPT, "commissioner.csv")
    (tmp_path / filing.SUMS).write_text(
        "".join(f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    )
    assert filing.filed(tmp_path).run_id == "r1"
    (tmp_path / "commissioner.csv").write_text("Findinq\n")
    with pytest.raises(runs.Stopped, match="is not as it was filed"):
        filing.filed(tmp_path)
