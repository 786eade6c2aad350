"""From a first run to a filed report, over real loopback HTTP: what `rollcall file` asks for, step by step, and what it leaves.

An invented state whose truth is known, its largest directory of the size of the real audit of 2022. The clock is moved, because fourteen
days must pass; nothing else is pretended. What people do they do as people would: they fill in the sheets that were written for them, and
import them.
"""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pypdf
import pytest
import yaml

from pipelines import demo, runs, settings, stages, warehouse
from scrapers.fetch import Client
from simulation import cards, sites, truth, world
from tests.story import command
from tests.story.command import ROOT, Said, published, rollcall

pytestmark = pytest.mark.slow

FIRST = datetime(2026, 3, 2, 18, tzinfo=UTC)
LETTERS = datetime(2026, 3, 4, 18, tzinfo=UTC)
ANSWERED = datetime(2026, 3, 16, 18, tzinfo=UTC)  # twelve days later
LAST = datetime(2026, 3, 23, 18, tzinfo=UTC)
LISTINGS, ROLL = 1_078, 60_000
REVIEWERS = ("Ida Birkeland", "Mei Calloway")
NOTEBOOK = ROOT / "docs" / "recompute.ipynb"


def rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    return command.rows(database, sql)


class Office:
    """Everybody who has to do with one audit: the volunteer, two reviewers, an insurer, and the clock on the wall."""

    def __init__(self, state: world.World, card: Path, data: Path, at: Callable[[datetime], None]) -> None:
        self.state, self.card, self.data, self.at = state, card, data, at

    @property
    def now(self) -> datetime:
        return runs.clock(settings.read(self.data))

    def does(self, verb: str, *words: str | Path, card: bool = True) -> Said:
        done = rollcall(verb, *([self.card] if card else []), *words, "--data", self.data)
        assert done.status == 0, done.err + done.out
        return done

    def publishes(self, *editions: str) -> None:
        """Change for whom the runs write, which is no other audit."""
        said = yaml.safe_load(self.card.read_text(encoding="utf-8")) | {"publish": list(editions)}
        self.card.write_text(yaml.safe_dump(said), encoding="utf-8")

    def imports(self, path: Path) -> Said:
        return self.does("import", path, card=False)

    def enters(self, name: str, columns: str, *lines: str) -> Said:
        path = self.data / name
        path.write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
        return self.imports(path)

    @property
    def database(self) -> Path:
        return published(self.data, cards.AUDIT)

    @property
    def run_id(self) -> str:
        return self.database.stem.removeprefix("audit-")

    @property
    def folder(self) -> Path:
        return self.database.parent / self.run_id

    def asks(self, sql: str) -> list[tuple[Any, ...]]:
        return rows(self.database, sql)

    def lacks(self) -> dict[str, str]:
        """What `file` says is missing: step → sentence; it exits with 1."""
        done = rollcall("file", self.card, "--json", "--data", self.data)
        assert done.status == 1, done.err
        assert f"run {self.run_id} of invented is not filed" in done.sentence
        return {each["step"]: each["sentence"] for each in json.loads(done.out)["missing"]}

    def reviews(self, sheet: Path, reviewer: str, wrong: str = "") -> list[str]:
        """One person judges every row by the truth, but for one finding that they get wrong; returns the findings that are not so."""
        known = self.truth()
        table = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8-sig"))))
        for row in table:
            row["Verdict"] = "wrong" if row["Finding"] == wrong or known.get(row["Finding"]) is False else "right"
            row["Why"], row["Reviewer"] = "looked it up", reviewer
        self.imports(fill(sheet, table))
        return [row["Finding"] for row in table if known.get(row["Finding"]) is False]

    def rows_on(self, day: date) -> tuple[truth.Truth, ...]:
        """What was true of each listing on a day."""
        listed = [listing for directory in self.state.directories.values() for listing in directory]
        return truth.rows(listed, self.state.people, day, self.state.registry)

    def truth(self) -> Mapping[str, bool | None]:
        """Finding → whether it is so in the invented state, whoever could tell; None where that is a matter of words."""
        rows = self.rows_on(self.now.date())
        with warehouse.read_only(self.database) as con:
            place = demo.places(con, self.state)
            found = warehouse.table(con, "select finding_id, check_name, listing_id, subject_kind from matching.finding")
        said = {}
        for row in found:
            known = rows[place[row["listing_id"]]] if row["listing_id"] in place else None
            if known is not None and row["check_name"] in known.expected:
                is_twin = row["check_name"] == "duplicate_listing" and bool(known.duplicate_group)
                said[row["finding_id"]] = is_twin or known.so.get(row["check_name"], known.expected[row["check_name"]])
        return said

    def sends(self, folder: Path, channel: str) -> int:
        """Fill in the list beside what was sent and import it; returns how many rows it has."""
        sheet = folder / "sent.csv"
        table = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8-sig"))))
        for row in table:
            row["channel"], row["sent_by"], row["sent_on"] = channel, "Rowan Ashdale", self.now.isoformat()
        self.imports(fill(sheet, table))
        return len(table)


def fill(sheet: Path, table: list[dict[str, str]]) -> Path:
    """Save the sheet, filled in, as the spreadsheet program would."""
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return sheet


@dataclass(frozen=True)
class Story:
    """What was seen at each step, and the office at the end of it, when the run is filed."""

    office: Office
    drafts: Path  # documents of the first run
    first_lacks: Mapping[str, str]
    later_lacks: Mapping[str, str]
    letters_sent: Path  # the packet of letters that went out
    withdrawn: str  # a finding that the insurer disputed, rightly
    told: list[tuple[str, str]]  # the recipients of the notices of correction
    unsigned_lacks: Mapping[str, str]
    filed: Path
    filing: Said


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The whole way, once."""

    def at(now: datetime) -> None:
        """Set the clock: the one thing that a test may not wait for."""
        patch.setattr(settings, "read", lambda data=None: replace(read(data), now=now, contact="corrections@example.org"))
        patch.setattr(stages, "Client", partial(Client, clock=lambda: now))

    read = settings.read
    home = tmp_path_factory.mktemp("office")
    state = world.build(2022, LISTINGS, ROLL, today=FIRST.date())
    with sites.serve(state) as up, pytest.MonkeyPatch.context() as patch:
        card = cards.write(state, up.urls, home / "cards", publish=("commissioner", "insurer", "therapist"))
        office = Office(state, card, home / "data", at)
        yield from told(office)


def told(office: Office) -> Iterator[Story]:
    """What everybody does, in order."""
    # Week 1: a run nobody watches. It leaves drafts, and lacks everything.
    office.at(FIRST)
    office.does("run")
    drafts = office.folder
    first_lacks = office.lacks()

    # Two reviewers get the same findings in different orders, and do not talk. One of them gets one wrong; it is upheld.
    office.does("sample", "--for", "review", "--margin", "0.001", "--seed", "7")
    (sheet, other) = sorted((office.database.parent / "samples").rglob("review-?.csv"))
    (doubted,), *_ = office.asks(
        "select finding_id from matching.finding where check_name = 'duplicate_listing' and tier = 'A' order by 1 limit 1"
    )
    wrong = office.reviews(sheet, REVIEWERS[0])
    office.reviews(other, REVIEWERS[1], wrong=doubted)
    office.at(FIRST.replace(hour=20))
    assert wrong, "in a directory of this size some findings are wrong"
    decided = {doubted: "upheld"} | dict.fromkeys(wrong, "withdrawn")
    decisions = [f"{finding},{change},looked up again,Oskar Dunmore" for finding, change in decided.items()]
    office.enters("decided.csv", "finding,change,reason,decided by", *decisions)

    # Insurers and the persons named are told, by documents that heed the review.
    office.at(LETTERS)
    office.does("run", "--from", "match", "--offline")
    office.at(LETTERS.replace(hour=20))
    letters_sent = office.folder / "packet-therapist"
    office.sends(letters_sent, "letter")
    notices = sorted((office.folder / "packet-insurer").glob("*/sent.csv"))
    assert len(notices) == 3
    for notice in notices:
        office.sends(notice.parent, "the directory's own error report")

    # One insurer answers in its workbook: it concedes all but one, and of that one it is right.
    office.at(ANSWERED)
    withdrawn = answers(office, office.folder / "packet-insurer" / "alder_mutual")
    reason = "the license was renewed under a former name"
    office.at(ANSWERED.replace(hour=19))
    office.enters("withdrawn.csv", "finding,change,reason,decided by", f"{withdrawn},withdrawn,{reason} (360-555-0142),Oskar Dunmore")
    office.publishes()
    office.does("run", "--from", "match", "--offline")
    later_lacks = office.lacks()
    assert (office.folder / "corrections" / "sent.csv").exists(), "the run left a notice for whoever was shown it"
    done = json.loads(office.does("packet", "--to", "insurer", "--json").out)
    corrected = [(each["recipient_kind"], each["recipient"]) for each in done["notices"]]
    office.at(ANSWERED.replace(hour=20))
    office.sends(Path(done["corrections"]), "letter")

    # Week 4: everything is captured again, and two people sign.
    office.at(LAST)
    office.publishes("commissioner")
    office.does("run")
    unsigned_lacks = office.lacks()
    office.enters("interests.csv", "audit,name,interest", *(f"invented,{name},none" for name in REVIEWERS))
    signature = f"invented,{office.run_id},{{}},reviewer,I have read it to the end"
    office.enters("signed.csv", "audit,run,name,capacity,statement", *(signature.format(name) for name in REVIEWERS))
    filing = office.does("file")
    filed = office.database.parent / "filed" / office.run_id
    yield Story(office, drafts, first_lacks, later_lacks, letters_sent, withdrawn, corrected, unsigned_lacks, filed, filing)


def answers(office: Office, packet: Path) -> str:
    """The insurer fills in the workbook it was sent and sends it back; returns the finding it disputes."""
    (book,) = packet.rglob("answers.xlsx")
    back = office.data / "answers of alder.xlsx"
    opened = openpyxl.load_workbook(book)
    (sheet, head) = next(
        (each, row) for each in opened for row in each.iter_rows() if {"Finding", "Your answer"} <= {cell.value for cell in row}
    )
    place = {cell.value: cell.column for cell in head}
    disputed = ""
    for row in range(head[0].row + 1, sheet.max_row + 1):
        finding = sheet.cell(row, place["Finding"]).value
        if not finding:
            continue
        is_lapsed = office.asks(f"select 1 from matching.finding where finding_id = '{finding}' and check_name = 'lapsed_license'")
        answer, words = "concur", None
        if is_lapsed and not disputed:
            disputed, answer, words = str(finding), "dispute", "Renewed on 2026-01-15 under a former name. =1+1"
        sheet.cell(row, place["Your answer"], answer)
        sheet.cell(row, place["Your words"], words)
        sheet.cell(row, place["Answered by"], "Tobias Farrow")
    opened.save(back)
    office.imports(back)
    assert disputed
    return disputed


def test_unattended_a_run_leaves_drafts_that_a_stranger_can_act_on(story: Story) -> None:
    packet, notices, letters = (story.drafts / f"packet-{edition}" for edition in ("commissioner", "insurer", "therapist"))
    for folder in (packet, letters, *notices.iterdir()):
        assert rollcall("verify", folder).status == 0
    assert sorted(path.name for path in notices.iterdir()) == ["alder_mutual", "birch_health", "cedar_plan"]
    for document in (
        packet / "filing" / "summary.pdf",
        notices / "alder_mutual" / "notice" / "notice.pdf",
        letters / "letters" / "all.pdf",
    ):
        assert all({"DRAFT", "INVENTED"} <= set(page.replace("·", " ").split()) for page in pages(document)), document


def test_each_step_that_is_missing_is_named(story: Story) -> None:
    assert {"reviewed", "error rate", "insurer told", "person told", "signed"} <= set(story.first_lacks)
    assert "error rate not measured" in story.first_lacks["error rate"]
    assert "of 2 people signed" in story.first_lacks["signed"]
    assert {"insurer told", "person told", "withdrawals told", "signed"} <= set(story.later_lacks)
    assert not {"reviewed", "error rate"} & set(story.later_lacks)
    assert set(story.unsigned_lacks) == {"signed"}, "and nothing else"


def test_whoever_was_shown_what_is_withdrawn_is_told(story: Story) -> None:
    assert ("insurer", "Alder Mutual of Zenobia (INVENTED)") in story.told
    assert [kind for kind, _ in story.told].count("therapist") == 1
    folder = next(story.office.database.parent.glob("*/corrections"))
    letter = "".join(pages(next(folder.glob("insurer-*.pdf"))))
    assert "the license was renewed under a former name ([telephone number withheld])" in " ".join(letter.split())


def test_the_filed_run_is_final_and_stands_for_ever(story: Story) -> None:
    assert "filed run" in story.filing.out
    assert all(name in story.filing.out for name in REVIEWERS)
    for document in (story.filed / "commissioner.pdf", story.filed / "packet-commissioner" / "filing" / "summary.pdf"):
        assert not [page for page in pages(document) if "DRAFT" in page]
        assert all("INVENTED" in page for page in pages(document))
    assert rollcall("verify", story.filed / "packet-commissioner").status == 0

    database = story.filed / f"audit-{story.office.run_id}.duckdb"
    stages_of: dict[str, int] = dict(
        rows(database, "select stage, count(*) from matching.finding where state <> 'resolved' and tier = 'A' group by 1")
    )
    assert stages_of["final"] > 9
    late = "select count(*) from matching.finding where tier in ('A', 'B') and state <> 'resolved' and stage not in ('final', 'withdrawn')"
    waiting = f"{late} and may_share and about = 'person' and claim_id in (select claim_id from reports.in_scope)"
    assert rows(database, waiting) == [(0,)], "what came too late is shown in no row"
    signed = rows(database, "select distinct signed_by, rechecked_at >= timestamp '2026-03-23' from matching.finding where stage = 'final'")
    assert signed == [(", ".join(REVIEWERS), True)]

    asked = rollcall(
        "query",
        "select count(*) as n from matching.finding where stage = 'final'",
        "--run",
        story.office.run_id,
        "--csv",
        "--data",
        story.office.data,
    )
    assert int(asked.out.splitlines()[1]) == sum(rows(database, "select count(*) from matching.finding where stage = 'final'")[0])

    assert "What stays here: tables/ and the database" in (story.filed / "README.txt").read_text(encoding="utf-8")
    before = sums(story.filed)
    again = story.office.does("file")
    assert "was filed before, and nothing changed" in again.out
    assert sums(story.filed) == before
    listed = (story.filed / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert {line[66:]: line[:64] for line in listed} == {name: sha for name, sha in before.items() if name != "SHA256SUMS"}
    if os.name == "posix":
        assert not [path for path in story.filed.rglob("*") if path.is_file() and path.stat().st_mode & 0o222]


def test_what_is_filed_is_short_small_and_stands_alone(story: Story) -> None:
    filing = story.filed / "packet-commissioner" / "filing"
    assert sorted(path.name for path in filing.iterdir()) == ["cover.pdf", "summary.pdf", "workbook.xlsx"]
    assert len(pages(filing / "summary.pdf")) <= 4
    assert sum(path.stat().st_size for path in filing.iterdir()) <= 10_000_000


def test_nobody_is_named_who_was_not_written_to_a_fortnight_before(story: Story) -> None:
    database = story.filed / f"audit-{story.office.run_id}.duckdb"
    with (story.filed / "packet-commissioner" / "evidence" / "data" / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        shown = {row["Finding"] for row in csv.DictReader(file)}
    told = {
        kind: {finding for (finding,) in rows(database, f"{TOLD} where sent.recipient_kind = '{kind}' and sent.\"at\" <= {FORTNIGHT}")}
        for kind in ("therapist", "insurer")
    }
    people = {finding for (finding,) in rows(database, "select finding_id from matching.finding where about = 'person'")}
    assert len(shown & people) > 100
    assert shown & people <= told["therapist"]
    assert shown <= told["insurer"]


TOLD = "select disclosure.finding_id from ledger.disclosure join ledger.report_sent as sent using (report_sent_id)"
FORTNIGHT = "timestamp '2026-03-23 18:00' - interval 14 days"


def test_a_letter_has_one_page_where_no_more_than_two_findings_are_of_the_person(story: Story) -> None:
    with (story.letters_sent / "sent.csv").open(encoding="utf-8-sig", newline="") as file:
        findings = Counter(row["document_sha256"] for row in csv.DictReader(file))
    letters = {hashlib.sha256(path.read_bytes()).hexdigest(): pages(path) for path in story.letters_sent.glob("letters/[0-9]*.pdf")}
    assert letters.keys() == findings.keys()
    assert {len(pages) for letter, pages in letters.items() if findings[letter] <= 2} == {1}
    assert all(len(pages) <= 2 and "corrections@example.org" in pages[0] for pages in letters.values())


def test_the_printed_counts_are_the_truth_but_for_what_is_printed_as_undecided(story: Story) -> None:
    database = story.filed / f"audit-{story.office.run_id}.duckdb"
    printed: dict[str, int] = dict(rows(database, "select name, numerator from reports.measure where scope = 'all'"))
    wrong = [finding for finding, is_so in story.office.truth().items() if is_so is False]
    final = {finding for (finding,) in rows(database, "select finding_id from matching.finding where stage = 'final'")}
    assert not final & set(wrong), "what two people saw to be wrong is not filed"

    named = [row for row in story.office.rows_on(LAST.date()) if "clinic" not in row.labels]
    unique = [row for row in named if not row.expected["duplicate_listing"]]
    assert abs(printed["listings"] - len(named)) <= sum("person_in_clinic" in row.labels for row in named) + 1, "and a practice named oddly"
    undecided = printed["match.unsure"] + printed["match.none"]
    withdrawn = dict(rows(database, "select check_name, count(*) from matching.finding where stage = 'withdrawn' group by 1"))
    for check in ("lapsed_license", "barred_license", "retired_or_deceased"):
        so = sum(row.so[check] is True for row in unique)
        assert printed[f"{check}.listing.a"] <= so <= printed[f"{check}.listing.abc"] + undecided + withdrawn.get(check, 0), check
    doubles = len(named) - len(unique)
    assert printed["duplicate_listing.listing.a"] <= doubles <= printed["duplicates"] + undecided


def test_a_withdrawn_finding_stands_in_no_edition(story: Story) -> None:
    database = story.filed / f"audit-{story.office.run_id}.duckdb"
    assert rows(database, f"select stage from matching.finding where finding_id = '{story.withdrawn}'") == [("withdrawn",)]
    naming = [
        path
        for path in story.filed.rglob("*")
        if path.suffix in {".csv", ".html", ".jsonl", ".json", ".txt"} and story.withdrawn in path.read_text(encoding="utf-8-sig")
    ]
    assert naming == []
    shown = openpyxl.load_workbook(story.filed / "commissioner.xlsx", read_only=True)
    assert not [1 for sheet in shown for row in sheet.iter_rows(values_only=True) if story.withdrawn in row]


def test_its_own_error_rate_is_printed_with_its_interval(story: Story) -> None:
    database = story.filed / f"audit-{story.office.run_id}.duckdb"
    ((right, drawn),) = rows(database, "select numerator, denominator from reports.measure where name = 'review.precision'")
    assert right < drawn, "the withdrawn one counts as wrong"
    text = " ".join(" ".join(pages(story.filed / "commissioner.pdf")).split())
    assert f"Findings right, of those reviewed {right:,} of {drawn:,} ({100 * right / drawn:.1f}%; " in text
    first, *_ = pages(story.filed / "packet-commissioner" / "filing" / "summary.pdf")
    for page in (text, " ".join(first.split())):
        assert f"{drawn - right:,} of {drawn:,} reviewed findings not right (" in page
        assert "error rate not measured" not in page


def test_the_notebook_recomputes_every_figure_without_us(story: Story, tmp_path: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert not re.search(r"^\s*(?:import|from) (?:rollcall|pipelines|reports|matching|scrapers|simulation)\b", code, re.MULTILINE)

    def executed(folder: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-c", code]
        return subprocess.run(command, env={"FILED": str(folder), "PATH": ""}, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = executed(story.filed)
    assert done.returncode == 0, done.stderr
    ((count,),) = rows(story.filed / f"audit-{story.office.run_id}.duckdb", "select count(*) from reports.measure")
    assert f"{count:,} numbers recomputed, all as printed" in done.stdout

    forged = tmp_path / "forged"
    shutil.copytree(story.filed / "tables", forged / "tables")
    measure = forged / "tables" / "reports.measure.parquet"
    measure.chmod(0o644)
    with duckdb.connect() as con:
        con.execute(f"create table forged as from '{measure}'")
        con.execute("update forged set numerator = numerator + 1 where name = 'listings' and scope = 'all'")
        con.execute(f"copy forged to '{measure}'")
    (forged / "SHA256SUMS").write_text("".join(f"{sha}  tables/{name}\n" for name, sha in sums(forged / "tables").items()))
    done = executed(forged)
    assert done.returncode != 0
    assert "'listings', 'all'" in done.stderr


@cache
def pages(path: Path) -> list[str]:
    """The text of each page of a PDF."""
    return [page.extract_text() for page in pypdf.PdfReader(path).pages]


def sums(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
