"""A table: every column accounted for, every row a record or a reason, and what is ignored never read."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.formats import table
from scrapers.records import Refused, Source, SourceUnreadable
from tests.scrapers.reads import SHARED, card, rejected, selected

LISTINGS = r"""
title: Cedar Plan
kind: insurer
format: table
start: listings.csv
network: Cedar Basic
columns: {reference: Ref, name: Provider, place: City State Zip, network: Plan, accepting: New patients}
patterns: {place: '(?P<city>.+?), (?P<state>[A-Z]{2}) (?P<zip>[0-9]{5})(?:-[0-9]{4})?'}
words: {network: {CS: Cascade Silver}, accepting: {"Yes": true, "No - full": false}}
ignore: [Languages, birthyear]
"""
HEADER = "Ref,Provider,City State Zip,Plan,New patients,Languages,BirthYear\n"


@pytest.fixture
def cedar(tmp_path: Path) -> Source:
    return card(tmp_path, LISTINGS)


def test_a_row_becomes_a_listing_or_a_reason(cedar: Source, tmp_path: Path) -> None:
    rows = selected(
        cedar,
        HEADER
        + 'C-1,"Reyes,  Ada\t(LMT)","Selah, WA 98942-0001",CS,YES,Vietnamese,1970\n'
        + 'C-2,Bo Holm,,,"no – full",,1971\n'
        + "C-3,Bo Holm,Selah Washington,CS,,,1971\n"
        + "C-4,Bo Holm,,XX,Yes,,1971\n"
        + "C-5,Bo Holm,,CS,Waitlist,,1971\n"
        + "C-6, \u00a0 ,,CS,Yes,,1971\n",
        tmp_path,
    )

    assert rows[0] == {
        "locator": "row 1",
        "reference": "C-1",
        "name": "Reyes, Ada (LMT)",
        "city": "Selah",
        "state": "WA",
        "zip": "98942",
        "network": "Cascade Silver",
        "accepting": True,
    }
    assert rows[1] == {"locator": "row 2", "reference": "C-2", "name": "Bo Holm", "network": "Cedar Basic", "accepting": False}
    assert [row.get("problem") for row in rows[2:]] == [
        "place says 'Selah Washington', which does not fit its pattern",
        "network says 'XX'; the card knows 'CS'; map it under `words:`",
        "accepting says 'Waitlist'; the card knows 'Yes', 'No - full'; map it under `words:`",
        "no name",
    ]
    assert rows[3]["excerpt"] == "C-4 | Bo Holm | XX | Yes"
    assert rows[5]["locator"] == "row 6"


def test_an_ignored_column_is_not_kept(cedar: Source, tmp_path: Path) -> None:
    (row,) = selected(cedar, HEADER + "C-1,Ada,,XX,Yes,Vietnamese,1970\n", tmp_path)
    assert set(row) == {"locator", "reference", "name", "network", "accepting", "problem", "excerpt"}
    assert "1970" not in str(row), "not even in the excerpt of a row that is refused"


def test_a_new_column_is_named(cedar: Source, tmp_path: Path) -> None:
    with pytest.raises(
        Refused, match="my_source: the table has 'Suffix', not on the card; map it under `columns:` or list it under `ignore:`"
    ):
        selected(cedar, HEADER.replace("Languages", "Languages,Suffix"), tmp_path)


def test_a_renamed_column_is_named_with_what_it_was(cedar: Source, tmp_path: Path) -> None:
    with pytest.raises(
        Refused, match=r"the table has 'Provider name', not on the card \(the card's 'Provider' is not there: is it this one\?\)"
    ):
        selected(cedar, HEADER.replace("Provider", "Provider name"), tmp_path)


def test_a_column_that_is_gone_is_named(cedar: Source, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the card maps 'Plan', which the table does not have"):
        selected(cedar, HEADER.replace(",Plan", ""), tmp_path)


def test_a_mapped_column_that_stands_twice_is_refused_and_an_ignored_one_is_not(cedar: Source, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the table has 'Plan' more than once"):
        selected(cedar, HEADER.replace("Plan", "Plan,PLAN"), tmp_path)
    assert len(selected(cedar, HEADER.replace("Languages", "Languages,Languages") + "C-1,Ada,,CS,Yes,,,\n", tmp_path)) == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_delimiter_is_read_from_the_header(cedar: Source, tmp_path: Path, delimiter: str, line_end: str) -> None:
    body = (HEADER + 'C-1,"Ada ""Bo"" Reyes",,CS,Yes,"a,b;c|d\te",\n').replace("\n", line_end)
    cells = [("Ref", "Provider", "City State Zip", "Plan", "New patients", "Languages", "BirthYear")]
    cells += [("C-1", '"Ada ""Bo"" Reyes"', "", "CS", "Yes", '"a,b;c|d\te"', "")]
    body = line_end.join(delimiter.join(row) for row in cells) + line_end
    assert selected(cedar, body, tmp_path)[0]["name"] == 'Ada "Bo" Reyes'


def test_a_mark_in_front_of_utf_8_is_no_part_of_the_first_header(cedar: Source, tmp_path: Path) -> None:
    assert selected(cedar, ("\ufeff" + HEADER + "C-1,Ada,,CS,Yes,,\n").encode(), tmp_path)[0]["reference"] == "C-1"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "windows-1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encoding_is_detected_or_as_the_card_says(tmp_path: Path, encoding: str) -> None:
    body = (HEADER + "C-1,Núñez,,CS,Yes,,\n" * 20).encode(encoding)
    assert [row["name"] for row in selected(card(tmp_path, LISTINGS), body, tmp_path)] == ["Núñez"] * 20
    if encoding in ("latin-1", "windows-1252", "utf-16"):
        assert selected(card(tmp_path, LISTINGS + f"encoding: {encoding}\n"), body, tmp_path)[0]["name"] == "Núñez"


def test_a_letter_far_down_the_file_decides_the_encoding(cedar: Source, tmp_path: Path) -> None:
    plain = HEADER + "C-1,Ada,,CS,Yes,,\n" * 8000
    assert selected(cedar, (plain + "C-2,Núñez – Ruiz,,CS,Yes,,\n").encode("windows-1252"), tmp_path)[-1]["name"] == "Núñez – Ruiz"
    assert selected(cedar, (plain + "C-2,Núñez – Ruiz,,CS,Yes,,\n").encode(), tmp_path)[-1]["name"] == "Núñez – Ruiz"


@pytest.mark.parametrize("stated", ["utf-16", "utf-8"])
def test_a_file_in_another_encoding_than_its_card_says_is_no_table(tmp_path: Path, stated: str) -> None:
    body = (HEADER + "C-1,Núñez,,CS,Yes,,\n").encode("utf-8" if stated == "utf-16" else "utf-16")
    with pytest.raises(SourceUnreadable):
        selected(card(tmp_path, LISTINGS + f"encoding: {stated}\n"), body, tmp_path)


@pytest.mark.parametrize(
    ("body", "stated"),
    [
        (HEADER, "utf-8, fields parted by commas, double quotes, 7 columns, 1 line above the data (detected: encoding, delimiter, quote)"),
        (
            "Providers of Cedar, as of May\n\n" + HEADER.replace(",", "|") + "C-1|Núñez|||||\n",
            "windows-1252, fields parted by pipes, no quotes, 7 columns, 3 lines above the data (detected: encoding, delimiter, quote)",
        ),
    ],
)
def test_how_a_table_is_written_is_stated_in_a_sentence(cedar: Source, body: str, stated: str) -> None:
    assert table.dialect(body.encode("windows-1252"), cedar) == stated


@pytest.mark.parametrize("body", ["", "\n\n", "<!DOCTYPE html><title>Sign in</title>", '{"error": true}', ",,,\n"])
def test_what_is_no_table_is_unreadable(cedar: Source, tmp_path: Path, body: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"expected a (row of column names|table in CSV)"):
        selected(cedar, body, tmp_path)


def test_every_kind_of_line_end_is_one(cedar: Source, tmp_path: Path) -> None:
    rows = selected(cedar, HEADER + 'C-1,Ada,,CS,Yes,,"1970"\r\nC-2,"Bo\r\nHolm",,CS,Yes,,\r\n', tmp_path)
    assert [row["name"] for row in rows] == ["Ada", "Bo Holm"]
    assert [row["name"] for row in selected(cedar, (HEADER + "C-1,Ada,,CS,Yes,,\nC-2,Bo,,CS,Yes,,\n").replace("\n", "\r"), tmp_path)] == [
        "Ada",
        "Bo",
    ]


def test_a_row_that_does_not_fit_is_rejected_and_the_rest_is_read(cedar: Source, tmp_path: Path) -> None:
    good = 'C-1,"Ada\nReyes",,CS,Yes,,\n'
    body = (HEADER + good * 5000 + "C-2,Bo\nC-3,Cy,,CS,Yes,,,x\nC-4,Di,,CS,Yes,\xe9,\n").encode("latin-1") + good.replace(
        "Reyes", "Núñez"
    ).encode()
    assert len(selected(cedar, body, tmp_path)) == 5001
    assert rejected(cedar, body, tmp_path) == [(5002, "MISSING COLUMNS"), (5003, "TOO MANY COLUMNS"), (5004, "INVALID ENCODING")]


@given(
    width=st.integers(1, 6),
    ragged=st.lists(st.integers(1, 9), max_size=60),
    kept=st.sets(st.integers(0, 5), min_size=1),
    cell=st.sampled_from(["a", "a b", 'a "q" b', "a,b", "é"]),
)
@settings(max_examples=40, deadline=None)
def test_a_row_of_the_wrong_width_is_never_taken_for_a_good_one(width: int, ragged: list[int], kept: set[int], cell: str) -> None:
    """Whichever columns are mapped: left-out columns once made the reader lose count, or stop with an internal error."""
    ours = ("reference", "name", "first", "middle", "last", "city")
    mapped = {ours[at]: f"C{at}" for at in sorted(kept | {1}) if at < width}
    if "name" not in mapped:
        return
    ignored = tuple(f"C{at}" for at in range(width) if f"C{at}" not in mapped.values())
    source = Source(name="t", title="T", kind="insurer", format="table", start=("a",), folder=Path(), columns=mapped, ignore=ignored)
    body = io.StringIO(newline="")
    csv.writer(body).writerows([[f"C{at}" for at in range(width)]] + [[cell] * each for each in ragged])
    with TemporaryDirectory() as folder:
        rows = selected(source, body.getvalue(), Path(folder))
    assert len(rows) == ragged.count(width)
    assert all(row["name"] == cell for row in rows)


def test_rows_are_numbered_as_they_stand_in_the_file_however_many_threads_read_it(tmp_path: Path) -> None:
    source = card(tmp_path, "title: T\nkind: insurer\nformat: table\nstart: a.csv\ncolumns: {reference: Ref, name: Name}\n")
    body = "Ref,Name\n" + "".join(f'{number},"A name, with a\nline end"\n' for number in range(1, 300_001))
    rows = selected(source, body, tmp_path)
    assert len(rows) == 300_000
    assert all(row["locator"] == f"row {row['reference']}" for row in rows)


def test_a_table_without_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="`columns` is missing"):
        card(tmp_path, "title: T\nkind: insurer\nformat: table\nstart: a.csv\n")


def test_a_hand_downloaded_copy_of_the_washington_roll_is_read_by_the_card_it_is_like(tmp_path: Path) -> None:
    sample = SHARED / "data/rolls/wa_doh_nursing_sample.csv"
    if not sample.exists():
        pytest.skip("the real samples are not part of the project")
    mine = card(tmp_path, "title: By hand\nkind: license_roll\nformat: table\nlike: wa.doh\nstart: mine.csv\n")
    rows = selected(mine, sample.read_bytes(), tmp_path)
    assert len(rows) == 102
    assert not [row for row in rows if "problem" in row or not {"number", "last", "first", "type", "status"} <= set(row)]
