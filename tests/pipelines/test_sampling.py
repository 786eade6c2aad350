"""Samples: so many as the formula says, drawn by seed and by nobody's choice, recorded before the draw, on sheets that import back."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import ledger, publication, sampling, spreadsheets, warehouse
from pipelines.sampling import Drawn
from pipelines.settings import Settings
from scrapers.records import Refused
from tests.story.command import rollcall

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
CLAIMS, FOUND = 150, 60  # claims with a telephone, findings in tiers A and B
TABLES = """
create schema curated; create schema matching; create schema reports;
create table curated.listing as
  select 'l-' || i as listing_id, 'c-' || i as claim_id, 'wa.' || if(i % 5 = 0, 'birch', 'alder') as source_id, 'Net ' || i % 3 as network,
    '=cmd(' || i || ')' as name_raw, null::text as organization, null::text as npi, 'MA' || i as license_raw,
    i || ' Elm St' as address, 'Aldermoor' as city,
    '00301' as zip5, null::text as county_fips, if(i < 150, '(555) 555-01' || lpad((i // 2 % 100)::text, 2, '0'), null) as phone,
    if(i < 150, '55555501' || lpad((i // 2 % 100)::text, 2, '0'), null) as phone_digits,
    null::text as specialty, date '2026-11-19' as observed_on
  from range(170) as t(i);
create table curated.source as select unnest(['wa.alder', 'wa.birch']) as source_id, unnest(['Alder', 'Birch']) as title;
create table reports.in_scope as select listing_id, true as is_unique from curated.listing;
insert into curated.listing select * replace ('l-twin' as listing_id) from curated.listing where listing_id = 'l-3';
insert into reports.in_scope values ('l-twin', false);
create table curated.credential as
  select 'k-1' as credential_id, 'Ada' as given_name, 'Example' as family_name, 'MA1' as license_raw, 'expired' as status,
    date '2026-01-02' as expires_on, null::date as status_since_on;
create table curated.evidence as
  select 'e-1' as evidence_id, 'https://directory.example/1' as url, timestamp '2026-11-19 08:00:00' as fetched_at;
create table matching.finding as
  select lpad(i::text, 16, '0') as finding_id, 'c-' || i as claim_id, 'l-' || i as listing_id, 'k-1' as credential_id,
    ['e-1'] as evidence_ids,
    if(i < 20, 'lapsed_license', 'duplicate_listing') as check_name, if(i < 60, if(i % 2 = 0, 'A', 'B'), 'C') as tier,
    if(i = 60, 'resolved', 'new') as state, 'flagged' as stage, 'Sentence ' || i as sentence
  from range(80) as t(i);
"""


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    publish(tmp_path, "20261119T000000Z")
    return Settings(data=tmp_path, now=NOW)


def publish(data: Path, run: str, more: str = "select 1") -> None:
    folder = data / "curated" / "massage"
    with warehouse.rebuilt(folder / f"audit-{run}.duckdb") as con:
        con.execute(TABLES)
        con.execute(more)
    publication.point(folder, folder / f"audit-{run}.duckdb", print)


def draw(home: Settings, purpose: str = "call", by: str | None = None, seed: int = 7, margin: float = 0.05) -> Drawn:
    return sampling.draw(home, "massage", purpose, margin, 0.95, by, seed, "Ada Example")


def drawn(home: Settings) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ledger.entries(home)[-1].content["drawn"]
    return rows


@given(st.integers(1, 50_000), st.sampled_from([0.01, 0.03, 0.05, 0.1]))
def test_a_sample_is_never_larger_than_its_frame_nor_shrinks_with_it(population: int, margin: float) -> None:
    one, more = sampling.size(population, margin, 0.95), sampling.size(population + 1, margin, 0.95)
    assert 1 <= one <= population
    assert one <= more <= one + 1


def test_frame_and_seed_stand_in_the_ledger_before_the_draw(home: Settings) -> None:
    done = draw(home)
    frame, chosen = ledger.entries(home)
    assert (frame.kind, chosen.kind, frame.id) == ("sample", "draw", done.sample_id)
    assert (frame.content["frame_count"], frame.content["drawn_count"], frame.content["seed"]) == (CLAIMS, 109, 7)
    assert frame.content["run_id"] == "20261119T000000Z"
    assert [each["place"] for each in chosen.content["drawn"]] == list(range(1, 110))
    assert len({each["subject_id"] for each in chosen.content["drawn"]}) == 109
    assert not {f"c-{i}" for i in range(150, 170)} & {each["subject_id"] for each in chosen.content["drawn"]}, "they show no number"


def test_a_frame_recorded_and_not_drawn_is_drawn_as_it_was_recorded(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draw(replace(home, data=twin(home)))

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(sampling, "_drawn", killed)
        draw(home)
    assert [each.kind for each in ledger.entries(home)] == ["sample"]
    assert draw(home).sample_id == whole.sample_id
    assert [each.kind for each in ledger.entries(home)] == ["sample", "draw"]


def twin(home: Settings) -> Path:
    publish(home.data / "twin", "20261119T000000Z")
    return home.data / "twin"


def test_the_same_command_again_changes_nothing_and_writes_the_same_sheet(home: Settings) -> None:
    first = draw(home)
    before, files = ledger.entries(home), [path.read_bytes() for path in first.files]
    later = replace(home, now=NOW.replace(day=25))
    again = sampling.draw(later, "massage", "call", 0.05, 0.95, None, 7, "Bo Example")
    assert (again.sample_id, again.is_new, first.is_new) == (first.sample_id, False, True)
    assert ledger.entries(home) == before
    assert [path.read_bytes() for path in again.files] == files
    publish(home.data, "20261120T000000Z")  # a new run of the same records is the same frame
    assert draw(home).sample_id == first.sample_id
    assert ledger.entries(home) == before


def by_hand(seed: int, count: int) -> list[str]:
    """The draw as docs/method.md tells it, by somebody who has the frame and no Rollcall."""
    ids = sorted(f"c-{i}" for i in range(CLAIMS))
    frame = hashlib.sha256("\n".join(f"{id}\t" for id in ids).encode()).hexdigest()
    return sorted(ids, key=lambda id: hashlib.sha256(f"{seed}\t{frame}\t{id}".encode()).hexdigest())[:count]


def test_anybody_can_repeat_the_draw(home: Settings) -> None:
    draw(home)
    assert [each["subject_id"] for each in drawn(home)] == by_hand(7, 109)
    other = draw(home, seed=8)
    assert other.earlier == 1, "somebody drew before, and the ledger says so"
    assert [each["subject_id"] for each in drawn(home)] == by_hand(8, 109) != by_hand(7, 109)


def test_chance_is_fair(home: Settings) -> None:
    """Over 60 seeds every claim is drawn about as often: 60 draws of 17 of 150 take each 6.8 times."""
    times: Counter[str] = Counter()
    frame = [{"subject_id": f"c-{i}", "stratum": None} for i in range(CLAIMS)]
    for seed in range(600):
        times.update(row["subject_id"] for row in sampling._drawn(sampling._strata(frame, 17, is_divided=False), seed, "frame"))
    assert len(times) == CLAIMS
    assert max(abs(count - 68) for count in times.values()) < 40  # five standard deviations of 7.8


def test_strata_take_their_share_and_none_has_none(home: Settings) -> None:
    done = draw(home, by="source", margin=0.2)
    counts = Counter((each["stratum"], each["stratum_count"], each["stratum_drawn"]) for each in drawn(home))
    assert counts == {("wa.alder", 120, 17): 17, ("wa.birch", 30, 5): 5}
    assert done.drawn_count == 22  # 21 of 150, each part rounded up
    assert ledger.entries(home)[-2].content["strata"] == "source"
    draw(home, by="county")
    assert {each["stratum"] for each in drawn(home)} == {"not said"}


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda home: draw(home, by="contry"), "did you mean 'county'?"),
        (lambda home: draw(home, "review", by="network"), "cannot be divided by 'network'; by check, tier, source"),
        (lambda home: sampling.draw(home, "nobody", "call", 0.05, 0.95, None, 1, None), "nothing is published"),
    ],
)
def test_what_cannot_be_drawn_is_said(home: Settings, act: Callable[[Settings], Drawn], said: str) -> None:
    with pytest.raises(Refused, match=said.replace("?", r"\?")):
        act(home)
    assert ledger.entries(home) == []


def test_nothing_to_draw_from_is_said(home: Settings) -> None:
    publish(home.data, "20261121T000000Z", "delete from matching.finding")
    with pytest.raises(Refused, match="there is nothing to draw from; expected findings in tiers A and B"):
        draw(home, "review")


def sheet(path: Path) -> tuple[openpyxl.Workbook, list[str]]:
    book = openpyxl.load_workbook(path)
    return book, [str(cell.value) for cell in book.worksheets[0][1]]


def test_a_call_sheet_asks_once_per_number_and_imports_back(home: Settings) -> None:
    done = draw(home)
    book, header = sheet(next(path for path in done.files if path.suffix == ".xlsx"))
    page = book.worksheets[0]
    rows = [dict(zip(header, [cell.value for cell in row], strict=True)) for row in page.iter_rows(min_row=2)]
    assert len(rows) == 109 * 3
    assert [row["Attempt"] for row in rows[:3]] == [1, 2, 3]
    numbers = [row["Number to call"] for row in rows[::3]]
    assert [number for at, number in enumerate(numbers) if number not in numbers[:at]] == list(dict.fromkeys(numbers))
    assert all(
        numbers[at] == numbers[at + 1]
        for at in range(len(numbers) - 1)
        if numbers.count(numbers[at]) == 2 and numbers.index(numbers[at]) == at
    )
    shared = [row for row in rows[::3] if numbers.count(row["Number to call"]) == 2]
    assert shared and all(row["Same number as"] for row in shared)
    assert page.cell(2, 3).data_type == "s", "a name that looks like a formula is text"
    offered = {next(iter(each.sqref.ranges)).min_col: each.formula1 for each in page.data_validations.dataValidation}
    assert offered[header.index("Outcome") + 1] == '"' + ",".join(sampling.OUTCOMES) + '"'

    answers = {"Outcome": "wrong number", "Works here?": "no", "Caller": "Ada Example", "Day": "2026-11-20"}
    for column, value in answers.items():
        page.cell(5, header.index(column) + 1).value = value
    filled = home.data / "filled.xlsx"
    book.save(filled)
    told = spreadsheets.import_file(home, filled)
    assert (told.new["calls"], told.waiting["calls"]) == (1, 109 * 3 - 1)
    call = ledger.entries(home)[-1].content
    assert (call["outcome"], call["works_here"], call["attempt"], call["sample_id"]) == ("wrong_number", False, 1, done.sample_id)
    assert call["claim_id"] == rows[3]["Claim"]

    text = next(path for path in done.files if path.suffix == ".csv").read_text(encoding="utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["Claim"] for row in table] == [row["Claim"] for row in rows]
    assert all(row["Name shown"].startswith("'=cmd") for row in table)
    with (home.data / "filled.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows([{**row, **(answers if at == 3 else {})} for at, row in enumerate(table)])
    assert spreadsheets.import_file(home, home.data / "filled.csv").known["calls"] == 1  # the same deed, however it was saved


def test_two_reviewers_judge_the_same_findings_blind(home: Settings) -> None:
    done = draw(home, "review")
    assert (done.frame_count, done.drawn_count) == (FOUND, 53)
    pages = [sheet(path) for path in done.files if path.suffix == ".xlsx"]
    orders = []
    for book, header in pages:
        rows = [dict(zip(header, [cell.value for cell in row], strict=True)) for row in book.worksheets[0].iter_rows(min_row=2)]
        orders.append([row["Finding"] for row in rows])
        assert not {"tier", "Tier", "Severity"} & set(header)
        assert not any(row[column] for row in rows for column in ("Verdict", "Why", "Reviewer", "Day"))
        first = rows[0]
        assert first["Listing as shown"].splitlines()[-1].endswith("of Alder, shown on 2026-11-19") or "Birch" in first["Listing as shown"]
        assert first["License as the roll shows it"] == "Ada Example\nMA1\nexpired\nexpires 2026-01-02"
        assert first["Seen at"] == "https://directory.example/1 on 2026-11-19"
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]
    for (book, header), name, verdict in zip(pages, ("Ada Example", "Bo Example"), ("right", "unsure"), strict=True):
        for at in range(2, 55):
            book.worksheets[0].cell(at, header.index("Verdict") + 1).value = verdict
        book.save(home.data / "filled.xlsx")
        assert spreadsheets.import_file(home, home.data / "filled.xlsx", name).new["verdicts on findings"] == 53
    verdicts = [each for each in ledger.entries(home) if each.kind == "verdict"]
    assert Counter(each.content["judgement"] for each in verdicts) == {"right": 53, "unsure": 53}
    assert {each.content["sample_id"] for each in verdicts} == {done.sample_id}


def test_the_command(home: Settings) -> None:
    words: list[str | Path] = ["sample", "massage", "--seed", "7", "--for", "review", "--by", "check", "--data", home.data]
    said = rollcall(*words)
    assert said.status == 0
    assert said.out.startswith("sample ")
    assert ": 54 of 60, drawn now" in said.out
    told = json.loads(rollcall(*words, "--json").out)
    assert (told["frame"], told["drawn"], told["is_new"]) == (60, 54, False)
    assert all(Path(path).exists() for path in told["files"])
