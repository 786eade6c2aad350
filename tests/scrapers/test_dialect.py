"""Whatever dialect a table was written in, it reads back the same; what cannot be read is a problem, and never a guess."""

# ruff: noqa: E501 rows of tables read best unbroken

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.formats._dialect import encoding_of
from scrapers.reading import collapsed
from scrapers.records import Refused, Source
from tests.scrapers.reads import card, rejected, selected

ROLL = (
    "title: R\nkind: license_roll\nstate: FL\nformat: table\nstart: a.txt\ncolumns: {number: Number, last: Last, status: Status + Reason}\n"
)
LETTERS = st.text(st.sampled_from("abZ09 .,;|'\"#-/éñüßÀ"), max_size=12)  # no two of the accented ones make a letter of utf-8
CELLS = st.tuples(st.text("AB019", min_size=1, max_size=6), LETTERS, LETTERS, LETTERS)


@given(
    rows=st.lists(CELLS, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1252", "latin-1"]),
    title=st.sampled_from([[], [["Licenses, as of May 5, 2026"]], [["Licenses"], []]]),
)
@settings(max_examples=25, deadline=None)
def test_any_table_that_python_writes_reads_back_the_same(
    rows: list[tuple[str, ...]], delimiter: str, quoting: int, line_end: str, encoding: str, title: list[list[str]]
) -> None:
    body = io.StringIO(newline="")
    writer = csv.writer(body, delimiter=delimiter, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerows([*title, ["Number", "Last", "Status", "Reason"], *rows])
    with TemporaryDirectory() as folder:
        source = card(Path(folder), ROLL)
        read = selected(source, body.getvalue().encode(encoding), Path(folder))
        assert rejected(source, body.getvalue().encode(encoding), Path(folder)) == []
    assert [(row["number"], row.get("last"), row.get("status")) for row in read if "problem" not in row] == [
        (number, collapsed(last) or None, collapsed(f"{status} {reason}") or None) for number, last, status, reason in rows
    ]


@given(
    rows=st.lists(
        st.tuples(st.text("AB019", min_size=1, max_size=6), LETTERS, st.dates().map(lambda day: f"{day:%m%d%Y}".zfill(8))), max_size=20
    ),
    encoding=st.sampled_from(["utf-8", "windows-1252", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    is_padded=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_any_table_of_fixed_width_reads_back_the_same(
    rows: list[tuple[str, str, str]], encoding: str, line_end: str, is_padded: bool
) -> None:
    lines = [f"{number:<6} {name:<12}  {day:<8}" for number, name, day in rows]
    body = "".join((line if is_padded else line.rstrip()) + line_end for line in lines)
    widths = "widths: {Nr: [1, 6], Name: [8, 19], Day: [22, 29]}\ncolumns: {number: Nr, name: Name, issued: Day}\n"
    with TemporaryDirectory() as folder:
        source = card(Path(folder), f"title: R\nkind: license_roll\nstate: NY\nformat: table\nstart: a.txt\n{widths}")
        if not rows:
            return
        read = selected(source, body.encode(encoding), Path(folder))
    assert [(row["number"], row.get("name"), row["issued"]) for row in read] == [
        (no, collapsed(name) or None, day) for no, name, day in rows
    ]


def test_letters_where_no_column_is_are_a_problem(tmp_path: Path) -> None:
    source = card(
        tmp_path,
        "title: R\nkind: license_roll\nstate: NY\nformat: table\nstart: a.txt\nwidths: {Nr: [1, 3], Name: [5, 9]}\n"
        "columns: {number: Nr, name: Name}\nconstants: {type: Massage Therapist}\n",
    )
    rows = selected(source, "Nr  Name\n001 Reyes\n002XHolm\n003 Olsenson\n    Vega\n", tmp_path)
    assert rows[0] == {"locator": "row 1", "number": "001", "name": "Reyes", "type": "Massage Therapist"}, (
        "a header of the same names is none"
    )
    said = "letters where the card has no column"
    assert [row.get("problem") for row in rows[1:]] == [said, said, "no license number"]


def test_florida_rows_with_stray_quotes_and_a_pipe_too_many(tmp_path: Path) -> None:
    source = card(tmp_path, ROLL + "quote: none\n")
    body = 'Number|Last|Status|Reason\n1|"DE VEGA|CLEAR|ACTIVE|\n2|O"NEIL"|REVOKED||\n3|HO|LM|CLEAR|ACTIVE|\n4|OLSEN|CLEAR\n5|LUND|CLEAR|ACTIVE|x\n'
    assert [(row["number"], row["last"], row["status"], row.get("problem")) for row in selected(source, body, tmp_path)] == [
        ("1", '"DE VEGA', "CLEAR ACTIVE", None),
        ("2", 'O"NEIL"', "REVOKED", None),
        ("3", "HO", "LM CLEAR", "a field more than the header has"),
        ("5", "LUND", "CLEAR ACTIVE", "a field more than the header has"),
    ]
    assert [line for line, _ in rejected(source, body.encode(), tmp_path)] == [5], "the row of three fields: none is lost"


def test_rows_that_a_stray_quote_swallows_are_a_problem(tmp_path: Path) -> None:
    rows = ['1,"Berg\n'] + [f"{at},Lund,Active,\n" for at in range(2, 6)] + ['6,Vega",Active,\n', '7,"Holm\nalso Hill",Active,\n']
    read = selected(card(tmp_path, ROLL), "Number,Last,Status,Reason\n" + "".join(rows).replace('1,"Berg', '1,"Berg,Active,'), tmp_path)
    assert [(row.get("number"), row.get("last"), row.get("problem")) for row in read][1:] == [("7", "Holm also Hill", None)]
    assert read[0]["problem"] == "a value that holds whole rows: a quote is not closed"
    assert read[0]["excerpt"] == "", "it may be of columns that are never kept"


def test_quotes_that_come_after_none_were_seen_are_a_problem(tmp_path: Path) -> None:
    body = "Number|Last|Status|Reason\n" + "1|REYES|CLEAR|ACTIVE\n" * 5000 + '2|"HOLM"|CLEAR|ACTIVE\n'
    last = selected(card(tmp_path, ROLL), body, tmp_path)[-1]
    assert last["problem"] == "a value in quotes, in a file that quoted none; say `quote:` on the card"


def test_a_file_without_a_header_is_read_by_the_card(tmp_path: Path) -> None:
    source = card(tmp_path, ROLL + "header: [Number, Last, Status, Reason, Expires]\nignore: [Expires]\n")
    assert selected(source, '1,REYES,CLEAR,," 05/12/2027"\n', tmp_path) == [
        {"locator": "row 1", "number": "1", "last": "REYES", "status": "CLEAR"}
    ]
    assert rejected(source, b"1,REYES,CLEAR,,x\n2,HOLM,CLEAR,,x,y\n", tmp_path)[0][0] == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("delimiter: ','", ""),
        ("delimiter: tab", ""),
        ("delimiter: two", "one character, or tab"),
        ("quote: triple", "double, single or none"),
        ("widths: {Nr: [1]}", "first and last position"),
        ("widths: {Nr: [4, 2]}", "first and last position"),
        ("header: [Number, Last]", "the card maps 'Status', 'Reason', which the table does not have"),
        ("constants: {number: '1'}", "fills number twice"),
        ("constants: {expiry: '1'}", "fills 'expiry', which is no field of ours; did you mean 'expires'"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(tmp_path: Path, more: str, said: str) -> None:
    if not said:
        card(tmp_path, f"{ROLL}{more}\n")
        return
    with pytest.raises(Refused, match=said):
        card(tmp_path, f"{ROLL}{more}\n")


@given(st.text(max_size=50))
def test_an_encoding_is_always_found_and_never_damages_utf_8(text: str) -> None:
    body = text.encode("utf-8", errors="ignore")
    if b"\0" not in body and not body.startswith((b"\xff", b"\xfe")):
        assert encoding_of(body) == "utf-8"


def test_a_source_needs_nothing_but_its_columns() -> None:
    source = Source(name="t", title="T", kind="license_roll", format="table", start=("a",), folder=Path(), columns={"number": "Nr"})
    with TemporaryDirectory() as folder:
        assert selected(source, "Nr\n7\n", Path(folder)) == [{"locator": "row 1", "number": "7"}]
