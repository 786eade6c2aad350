"""Spreadsheets that volunteers, reviewers and insurers send back: every kind, every way to say no, and nothing entered by halves."""

import csv
import io
import shutil
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from pipelines import ledger, publication, spreadsheets, warehouse
from pipelines.settings import Settings
from reports import codes
from scrapers.records import Refused
from tests.story.command import rollcall

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
FINDING, OTHER, GONE, RUN = "59d502274f1ab366", "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "20261101T000000Z"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two published runs: the current one, and one before it that knew a finding more."""
    data = tmp_path_factory.mktemp("published")
    folder = data / "curated" / "massage"
    for run, found in (("20261019T000000Z", [FINDING, OTHER, GONE]), (RUN, [FINDING, OTHER])):
        with warehouse.rebuilt(folder / f"audit-{run}.duckdb") as con:
            con.execute("create schema curated; create schema matching")
            con.execute("create table curated.listing as select unnest(['c-1', 'c-2']) as claim_id")
            con.execute("create table matching.finding (finding_id text, claim_id text, basis text)")
            con.executemany("insert into matching.finding values (?, 'c-1', ?)", [[each, f"{run[:6]}-{each[:2]}"] for each in found])
    publication.point(folder, folder / f"audit-{RUN}.duckdb", print)
    return data


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Settings:
    shutil.copytree(published, tmp_path / "data")
    return Settings(data=tmp_path / "data", now=NOW)


@pytest.fixture
def bare(tmp_path: Path) -> Settings:
    """Nothing is published, so no id can be looked up."""
    return Settings(data=tmp_path, now=NOW)


def csv_file(home: Settings, header: str, *rows: str, name: str = "sheet.csv", encoding: str = "utf-8") -> Path:
    path = home.data / name
    path.write_bytes("\r\n".join([header, *rows]).encode(encoding))
    return path


def book(home: Settings, *sheets: list[list[Any]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for at, rows in enumerate(sheets, 1):
        sheet = made.create_sheet(f"Page {at}")
        for row in rows:
            sheet.append(row)
    path = home.data / "book.xlsx"
    made.save(path)
    return path


def entered(home: Settings, path: Path, person: str | None = None) -> list[ledger.Entry]:
    """What a file adds: the first time all of it, the second time nothing."""
    before = len(ledger.entries(home))
    first, second = spreadsheets.import_file(home, path, person), spreadsheets.import_file(home, path, person)
    assert sum(second.new.values()) == 0
    assert sum(second.known.values()) + second.erased == sum(first.new.values()) + sum(first.known.values()) + first.erased
    ledger.verify(home)
    return ledger.entries(home)[before:]


def refusal(home: Settings, path: Path, person: str | None = "Ada Example") -> str:
    before = ledger.entries(home), ledger.contacts(home)
    with pytest.raises(Refused) as refused:
        spreadsheets.import_file(home, path, person)
    assert (ledger.entries(home), ledger.contacts(home)) == before
    assert refused.value.status == 2
    return str(refused.value)


KINDS: list[tuple[str, str, str, str, dict[str, Any]]] = [
    (
        "verdicts on pairs",
        "First kind,First record,Second kind,Second record,Verdict,Why,Reviewer,Day",
        "listing,l-1,License,k-1,not the same,other middle name,Ada Example,2026-11-18",
        "verdict",
        {
            "left_kind": "listing",
            "left_id": "l-1",
            "right_kind": "credential",
            "right_id": "k-1",
            "judgement": "different",
            "reason": "other middle name",
            "at": "2026-11-18",
        },
    ),
    (
        "verdicts on findings",
        "No,Finding,Your verdict,Sample",
        f"1,{FINDING},Correct,s-1",
        "verdict",
        {"finding_id": FINDING, "judgement": "right", "sample_id": "s-1", "basis": "202611-59"},
    ),
    (
        "calls",
        "Claim,Attempt,Outcome,Works here?,Takes part?,New patients?,What was said,Caller,Day",
        "c-1,2,Reached,Yes,no,unknown,moved away,Ada Example,11/18/2026",
        "call",
        {
            "claim_id": "c-1",
            "attempt": 2,
            "outcome": "reached",
            "works_here": True,
            "participates": False,
            "words": "moved away",
            "at": "2026-11-18",
        },
    ),
    (
        "replies",
        "From,Finding,Reply,Words,Name",
        f"Carrier,{FINDING},we disagree,She renewed.,Cy Example",
        "reply",
        {"by_kind": "insurer", "finding_id": FINDING, "answer": "dispute", "words": "She renewed.", "basis": "202611-59"},
    ),
    (
        "the insurer's answers",
        "Finding,Code,Check,Tier,Your reference,Network,Name shown,Telephone shown,Fault,Rule,Change asked for,Evidence,Answer by,"
        "Answer,Participates,Your words,Answered by,Answered on,Marks",
        f"{FINDING},B7A-G49-TFP,lapsed,A,R-77,Select,=x,555-0101,expired,WAC,out,e,2026-12-04,concur,unknown,,Cy Example,2026-11-19,DRAFT",
        "reply",
        {"by_kind": "insurer", "finding_id": FINDING, "answer": "concur", "at": "2026-11-19", "basis": "202611-59"},
    ),
    (
        "attestations",
        "Therapist,License,Insurer,Takes part,Works here,New patients,May we share this with your name",
        "Di Example,MA60000001,wa.alder,no,,yes,yes",
        "attestation",
        {"license_key": "MA60000001", "source_id": "wa.alder", "participates": False, "accepts_patients": True, "may_share": True},
    ),
    (
        "applications to join",
        "Insurer,Network,License,County code,Applied on,Outcome,Outcome on,Name",
        "wa.alder,Alder Select,MA60000001,53063,2026-09-01,panel closed,2026-10-01,Di Example",
        "application",
        {
            "source_id": "wa.alder",
            "network": "Alder Select",
            "license_key": "MA60000001",
            "county_fips": "53063",
            "applied_on": "2026-09-01",
            "outcome": "closed",
            "outcome_on": "2026-10-01",
        },
    ),
    (
        "corrections",
        "Finding,Decision,Why,Decided by",
        f"{FINDING},Withdrawn,license under another name,Ada Example",
        "correction",
        {"finding_id": FINDING, "change": "withdrawn", "reason": "license under another name", "claim_id": "c-1", "basis": "202611-59"},
    ),
    (
        "sign-offs",
        "Audit,Run,Name,Capacity,Statement,Signed on",
        f"massage,{RUN},Ada Example,officer,I reviewed it.,2026-11-20",
        "sign_off",
        {
            "audit": "massage",
            "run_id": RUN,
            "name": "Ada Example",
            "capacity": "officer",
            "statement": "I reviewed it.",
            "at": "2026-11-20",
        },
    ),
]


@pytest.mark.parametrize(("kind", "header", "row", "table", "content"), KINDS, ids=[each[0] for each in KINDS])
def test_every_kind_of_sheet(kind: str, header: str, row: str, table: str, content: dict[str, Any], home: Settings) -> None:
    (entry,) = entered(home, csv_file(home, header, row), person="Bo Example")
    assert (entry.kind, dict(entry.content)) == (table, content)
    names = {each.person: each.name for each in ledger.contacts(home)}
    assert names[entry.person] == next((name for name in ("Ada Example", "Cy Example", "Di Example") if name in row), "Bo Example")
    cells = [list(each) for each in csv.reader(io.StringIO(f"{header}\n{row}"))]
    other = Settings(data=home.data / "xlsx", now=NOW)
    shutil.copytree(home.data / "curated", other.data / "curated")
    (same,) = entered(other, book(home, [["Notes to this sheet"], [], *cells]), person="Bo Example")
    assert same.content == entry.content


def test_every_kind_that_the_card_names_is_tried_here() -> None:
    tried = {each[0] for each in KINDS} | {"documents sent", "interests", "contacts", "erasure requests"}
    assert tried == set(spreadsheets._kinds())


SENT = "document_sha256,audit,run_id,edition,recipient_kind,recipient,finding_id,channel,sent_by,sent_on"


def test_documents_sent_and_what_they_disclosed(home: Settings) -> None:
    rows = [f"abc,massage,{RUN},insurer,insurer,wa.alder,{each},e-mail,Ada Example,2026-11-02" for each in (FINDING, OTHER)]
    waiting = f"abd,massage,{RUN},insurer,insurer,wa.birch,{FINDING},,,"
    letter = f"abe,massage,{RUN},therapist,therapist,Di Example,{FINDING},letter,Ada Example,2026-11-03"
    done = entered(home, csv_file(home, SENT, *rows, waiting, letter))
    assert Counter(each.kind for each in done) == {"report_sent": 2, "disclosure": 3}
    insurer, therapist = (each for each in done if each.kind == "report_sent")
    assert insurer.content["recipient"] == "wa.alder"
    assert therapist.content["recipient"] in {each.person for each in ledger.contacts(home) if each.name == "Di Example"}
    assert {each.content["report_sent_id"] for each in done if each.kind == "disclosure"} == {insurer.id, therapist.id}
    half = f"abd,massage,{RUN},insurer,insurer,wa.birch,{FINDING},letter,Ada Example,"
    assert "row 2: sent_on is blank" in refusal(home, csv_file(home, SENT, half))
    unknown = f"abd,massage,20200101T000000Z,insurer,insurer,wa.birch,{FINDING},letter,Ada Example,2026-11-02"
    assert "no run '20200101T000000Z' of 'massage' is published here" in refusal(home, csv_file(home, SENT, unknown))


def test_an_announcement_shows_no_finding(home: Settings) -> None:
    done = entered(home, csv_file(home, SENT, f",massage,{RUN},planned,insurer,wa.alder,,letter,Ada Example,2026-11-02"))
    assert [each.kind for each in done] == ["report_sent"]


def test_interests_contacts_and_an_erasure(home: Settings) -> None:
    (interest,) = entered(home, csv_file(home, "Audit,Name,Conflict of interest", "massage,Ada Example,none"))
    assert interest.content["person"] == interest.person != "Ada Example"
    assert not entered(home, csv_file(home, "Name,E-mail,Phone", "Ada Example,ada@example.org,555-0101", "Bo Example,,"))
    assert [(each.name, each.telephone) for each in ledger.contacts(home)] == [("Ada Example", "555-0101")]
    (erasure,) = entered(home, csv_file(home, "Name to erase", "ada example"))
    assert (erasure.kind, erasure.content) == ("erasure", {"person": interest.person})
    assert ledger.contacts(home) == []
    assert not entered(home, csv_file(home, "Name,E-mail,Phone", "Ada Example,ada@example.org,555-0101"))
    assert ledger.contacts(home) == []


def test_a_list_of_names_erases_nobody(bare: Settings) -> None:
    entered(bare, csv_file(bare, "Name,E-mail", "Ada Example,ada@example.org"))
    assert "no sheet of a kind that we know" in refusal(bare, csv_file(bare, "Name", "Ada Example"))


def test_a_finding_is_named_by_its_code_too_and_found_in_earlier_runs(home: Settings) -> None:
    header = "Finding,Change,Reason,By"
    (entry,) = entered(home, csv_file(home, header, f"{codes.code(FINDING).lower()},asked,not me,Di Example"))
    assert (entry.content["finding_id"], entry.content["basis"]) == (FINDING, "202611-59")
    (entry,) = entered(home, csv_file(home, header, f"{GONE},asked,not me,Di Example"))
    assert entry.content["basis"] == "202610-bb"


def test_a_decision_is_the_same_when_what_it_rests_on_has_changed(home: Settings) -> None:
    path = csv_file(home, "Finding,Decision,Why,By", f"{FINDING},withdrawn,renewed,Ada Example")
    entered(home, path)
    folder = home.data / "curated" / "massage"
    publication.point(folder, folder / "audit-20261019T000000Z.duckdb", print)
    assert entered(home, path) == []


def test_without_a_run_only_what_needs_none_is_entered(bare: Settings) -> None:
    entered(bare, csv_file(bare, "Finding,Decision,Why,By", f"{FINDING},asked,not me,Di Example"))
    assert "no published run has the finding" in refusal(
        bare, csv_file(bare, "Finding,Decision,Why,By", f"{FINDING},withdrawn,not her,Di Example")
    )


def test_rows_not_filled_in_wait(home: Settings) -> None:
    done = spreadsheets.import_file(home, csv_file(home, "Finding,Verdict,Why", f"{FINDING},right,", f"{OTHER},,"), "Ada Example")
    assert list(done.lines()) == ["verdicts on findings: 1 new, 0 already there, 1 not filled in yet"]


def test_all_or_nothing_and_bad_rows_are_named(home: Settings) -> None:
    rows = [f"{FINDING},right,2026-11-01", f"{OTHER},maybe,2026-11-01", "cccccccccccccccc,right,2026-11-01", f"{FINDING},wrong,2026-12-24"]
    said = refusal(home, csv_file(home, "Finding,Verdict,Day", *rows))
    assert "row 3: Verdict says 'maybe'; expected one of right, wrong, unsure" in said
    assert "row 4: no published run has the finding 'cccccccccccccccc'" in said
    assert "row 5: Day says '2026-12-24', which is still to come" in said
    assert said.endswith("Nothing was entered; mend it and import it again")


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("Finding,Verdict,Raeson", f"{FINDING},right,x", "nobody reads the column 'Raeson'; did you mean 'Reason'?"),
        ("Finding,Verdict,Star sign", f"{FINDING},right,Leo", "nobody reads the column 'Star sign'"),
        ("Finding,Verdict,", f"{FINDING},right,x", "nobody reads the column number 3, which has no name"),
        ("Finding,Verdict,Your verdict", f"{FINDING},right,right", "'Verdict' and 'Your verdict' both mean judgement"),
        ("Finding,Why,Reviewer", f"{FINDING},x,y", "whose column 'Verdict' is missing"),
        ("Colour,Shape", "red,round", "no sheet of a kind that we know"),
        ("Finding,Reply,Words", f"{FINDING},concur,x", "whose column 'From' is missing"),  # whose reply it is, is never guessed
        ("Claim,Outcome", "c-9,busy", "no published run has the claim 'c-9'"),
        ("Claim,Outcome,Works here?", "c-1,no answer,no", "nobody can have said it"),
        ("Claim,Outcome,Works here?", "c-1,reached,perhaps", "Works here? says 'perhaps'; expected yes, no or nothing"),
        ("Claim,Outcome,What was said", "c-1,,hello", "Result is blank"),
        ("Claim,Outcome,Attempt", "c-1,busy,several", "Attempt says 'several'; expected a number such as 1"),
        ("Finding,Verdict", "B7A-G49-TFQ,right", "row 2: "),
        ("Finding,Verdict", "../../etc/passwd,right", "row 2: "),
        ("From,Answer", "insurer,concur", "none of Finding or Claim is filled in"),
    ],
)
def test_what_is_wrong_is_said(header: str, row: str, said: str, home: Settings) -> None:
    assert said in refusal(home, csv_file(home, header, row))


def test_somebody_must_have_done_it(bare: Settings) -> None:
    path = csv_file(bare, "Finding,Verdict", f"{FINDING},right")
    assert "nobody is named; fill in Reviewer, or say --person NAME" in refusal(bare, path, None)


@pytest.mark.parametrize(
    ("days", "read"),
    [
        (["2026-11-03", "2026-11-18"], ["2026-11-03", "2026-11-18"]),
        (["11/3/2026", "11/18/2026"], ["2026-11-03", "2026-11-18"]),  # the second can be read one way only
        (["05/05/2026"], ["2026-05-05"]),
        (["2026-11-18T15:30-08:00", "2026-11-18 15:30"], ["2026-11-18T15:30:00-08:00", "2026-11-18"]),
        (["11/03/2026"], "which may be 2026-11-03 or 2026-03-11"),
        (["18/11/2026", "03/11/2026"], "in a file that puts the day first"),
        (["13/13/2026"], "in a file that puts the day first"),
        (["2026-02-30"], "expected a day such as 2026-11-20"),
        (["yesterday"], "expected a day such as 2026-11-20"),
    ],
)
def test_days(days: list[str], read: list[str] | str, bare: Settings) -> None:
    path = csv_file(bare, "Claim,Outcome,Attempt,Day", *[f"c-1,busy,{at},{day}" for at, day in enumerate(days, 1)])
    if isinstance(read, str):
        assert read in refusal(bare, path)
    else:
        assert [each.content["at"] for each in entered(bare, path, "Ada Example")] == read


def test_a_workbook_s_own_days_and_numbers(bare: Settings) -> None:
    rows: list[list[Any]] = [
        ["Claim", "Attempt", "Outcome", "Day"],
        ["c-1", 1, "busy", date(2026, 11, 3)],
        ["c-1", 2.0, "busy", datetime(2026, 11, 4, 9, 30)],  # noqa: DTZ001 a workbook knows no zone
    ]
    done = entered(bare, book(bare, [["Read me"], ["Thank you"]], rows), "Ada Example")
    assert [(each.content["attempt"], each.content["at"]) for each in done] == [(1, "2026-11-03"), (2, "2026-11-04")]


def test_several_kinds_in_one_workbook_and_a_page_of_another_kind(bare: Settings) -> None:
    verdicts, calls = [["Finding", "Verdict"], [FINDING, "right"]], [["Claim", "Outcome"], ["c-1", "busy"]]
    done = spreadsheets.import_file(bare, book(bare, verdicts, [["Colour", "Shape"], ["red", "round"]], calls), "Ada Example")
    assert dict(done.new) == {"verdicts on findings": 1, "calls": 1}
    assert done.left_out == ["Page 2"]


HOSTILE = [
    "=1+1",
    "+SUM(A1)",
    "@x",
    "-2+3",
    '=HYPERLINK("http://x.example")',
    "'=1+1",
    "<script>",
    "x" * 10_000,
    "שלום\u202e",
    "'; drop table entry; --",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words(words: str, bare: Settings) -> None:
    rows = [["Finding", "Verdict", "Why"], [FINDING, "right", words]]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path = bare.data / "sheet.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    (entry,) = entered(bare, path, "Ada Example")
    assert entry.content["reason"] == words.removeprefix("'" if words == "'=1+1" else "")  # what disarms a formula comes off


def test_control_characters_are_no_letters(bare: Settings) -> None:
    (entry,) = entered(bare, csv_file(bare, "Finding,Verdict,Why", f'{FINDING},right,"bell\x07 and\x1b[2J\nline"'), "Ada\x07 Example")
    assert entry.content["reason"] == "bell  and [2J\nline"


def test_what_is_too_long_is_refused(bare: Settings) -> None:
    assert "has 40,000 letters; expected at most 32,767" in refusal(
        bare, csv_file(bare, "Finding,Verdict,Why", f"{FINDING},right,{'x' * 40_000}")
    )
    assert "has 600 letters; expected at most 500" in refusal(
        bare, csv_file(bare, "Finding,Verdict,Sample", f"{FINDING},right,{'x' * 600}")
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found_out(encoding: str, comma: str, bare: Settings) -> None:
    rows = [f"Finding{comma}Verdict{comma}Why", f"{FINDING}{comma}right{comma}Núñez"]
    (entry,) = entered(bare, csv_file(bare, *rows, encoding=encoding), "Ada Example")
    assert entry.content["reason"] == "Núñez"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n\n", "is empty"),
        (b"PK\x03\x04 xl/ torn", "zip"),
        (b"Finding,Verdict\r\n\x00\x00,right\r\n", "a byte that no text holds"),
        (b"<html><p>Sign in</p></html>", "like a page"),
        (b"Finding,Verdict,Why\r\nx,right,N\xc3\xba\xff\r\n", "a letter is damaged"),
        (b'Finding,Verdict\r\n"x","right\r\n', "no row of a table"),
    ],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, said: str, bare: Settings) -> None:
    path = bare.data / "sheet.csv"
    path.write_bytes(content)
    assert said in refusal(bare, path)
    assert "there is no such file" in refusal(bare, bare.data / "nowhere.csv")


@effort(max_examples=60, deadline=None)
@given(
    cells=st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), max_size=4),
    header=st.sampled_from(["Finding,Verdict,Why", "Claim,Outcome,Day"]),
)
def test_whatever_is_typed_is_entered_or_refused(cells: list[list[str]], header: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Settings(data=tmp_path_factory.mktemp("typed"), now=NOW)
    text = io.StringIO()
    csv.writer(text).writerows([header.split(","), *cells])
    path = home.data / "sheet.csv"
    path.write_bytes(text.getvalue().encode("utf-8", errors="replace"))
    try:
        entered(home, path, "Ada Example")
    except Refused:
        assert ledger.entries(home) == []


def test_the_command_says_what_it_did(home: Settings) -> None:
    path = csv_file(home, "Finding,Verdict", f"{FINDING},right")
    assert rollcall("import", path, "--person", "Ada Example", "--data", home.data).out == "verdicts on findings: 1 new, 0 already there\n"
    again = rollcall("import", path, "--person", "Ada Example", "--data", home.data, "--json")
    assert '"verdicts on findings": 1' in again.out.split("known")[1]
    wrong = rollcall("import", csv_file(home, "Finding,Verdict", "x,right"), "--person", "A", "--data", home.data)
    assert (wrong.status, wrong.sentence.startswith("sheet.csv: row 2: ")) == (2, True)


def test_a_name_is_what_a_reader_sees(home: Settings) -> None:
    """Two signatures that look alike are one; what nobody can see is none."""
    sheet = "Audit,Run,Name,Capacity,Statement"
    row = f"massage,{RUN},{{}},officer,I read it"
    (entry,) = entered(home, csv_file(home, sheet, row.format("Ada\u200b Exam\u00adple\u202e")))
    assert entry.content["name"] == "Ada Example"
    for name in ("\u200b", "-", "\u00a0\u2060 "):
        assert "is blank" in (said := refusal(home, csv_file(home, sheet, row.format(name)))) or "expected a name" in said


def test_nothing_is_sent_or_signed_before_its_run_was_there(home: Settings) -> None:
    """A day typed wrong by a year would make fourteen days of notice out of none."""
    sent = "audit,run_id,edition,recipient_kind,recipient,finding_id,channel,sent_by,sent_on"
    row = f"massage,{RUN},insurer,insurer,alder,{FINDING},letter,Ada Example,{{}}"
    assert "is before that of run" in refusal(home, csv_file(home, sent, row.format("2025-11-19")))
    assert len(entered(home, csv_file(home, sent, row.format("2026-10-31")))) == 2, "the run's day, west of Greenwich"
    signed = f"massage,{RUN},Ada Example,officer,I read it,2026-10-30"
    assert "is before that of run" in refusal(home, csv_file(home, "Audit,Run,Name,Capacity,Statement,Signed on", signed))


def test_an_answer_whose_code_and_finding_were_sorted_apart_is_refused(home: Settings) -> None:
    header = "Finding,Code,Your reference,Your answer,Answered by"
    row = f"{FINDING},{{}},R-77,dispute,Cy Example"
    for code in (codes.code(OTHER), "B7A-G49-TFQ"):
        assert "sorted apart" in refusal(home, csv_file(home, header, row.format(code)))
    assert len(entered(home, csv_file(home, header, row.format(codes.code(FINDING))))) == 1


def test_what_a_deed_rested_on_is_kept_and_makes_it_no_other_deed(home: Settings) -> None:
    """A verdict is on what the finding said in the run that its sample was drawn in; what was sent, on what its own run said."""
    old = "20261019T000000Z"
    with ledger.writing(home, NOW) as writer:
        sample, _ = writer.enter("sample", {"audit": "massage", "run_id": old}, writer.pseudonym("Ada Example"))
    verdicts = csv_file(home, "Finding,Verdict,Reviewer,Sample", f"{FINDING},right,Ada Example,{sample}", f"{FINDING},right,Ada Example,")
    assert [each.content["basis"] for each in entered(home, verdicts)] == ["202610-59", "202611-59"]
    sent = "audit,run_id,edition,recipient_kind,recipient,finding_id,channel,sent_by,sent_on"
    rows = [f"massage,{run},insurer,insurer,alder,{FINDING},letter,Ada Example,2026-11-19" for run in (old, RUN)]
    disclosed = [each.content for each in entered(home, csv_file(home, sent, *rows)) if each.kind == "disclosure"]
    assert [each["basis"] for each in disclosed] == ["202610-59", "202611-59"]


def test_an_insurers_workbook_decides_and_signs_nothing(home: Settings) -> None:
    answers = [["Finding", "Your reference", "Your answer", "Answered by"], [FINDING, "R-77", "dispute", "Cy Example"]]
    decided = [["Finding", "Decision", "Why", "Decided by"], [FINDING, "withdrawn", "so they say", "Ada Example"]]
    assert "'corrections' stand beside" in refusal(home, book(home, answers, decided))
    assert len(entered(home, book(home, answers))) == 1
