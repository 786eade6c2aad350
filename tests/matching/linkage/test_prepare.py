"""What is read in a text before it is compared, whatever the text."""

from collections.abc import Callable, Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.clean import MACROS
from matching.linkage import names, prepare
from matching.linkage.fields import Field, Fields, respects
from matching.linkage.prepare import _address, _full_name, _organization, _street
from tests.matching.linkage.town import Row, laid_out

Read = Callable[[str], tuple[str | None, ...]]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                "DR",
                "MARY",
                "O'NEIL",
                "JR",
                "LMT",
                "PLLC",
                "The",
                "12",
                "12B",
                "N.",
                "North",
                "Pine",
                "St",
                "Suite",
                "#200",
                "PO",
                "Box",
                ",",
                ";",
                "&",
                "(",
                ")",
                "-",
            ]
        ),
        max_size=8,
    ).map(" ".join),
)


@given(TEXTS)
def test_nothing_is_so_odd_that_it_cannot_be_read(text: str) -> None:
    for read, width in ((_street, 1), (_address, 3), (_full_name, 4), (_organization, 1)):
        parts = read(text)
        assert len(parts) == width
        assert all(part is None or (part and part == part.strip()) for part in parts), "nothing, or something"


@given(TEXTS)
@pytest.mark.parametrize("read", [_street, _organization])
def test_what_was_read_reads_the_same(read: Read, text: str) -> None:
    (once,) = read(text)
    assert read(once or "") == (once,)


@given(TEXTS)
def test_the_case_of_letters_says_nothing_about_a_street(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert _street(plain.lower()) == _street(plain.upper())
    assert _address(plain.lower()) == _address(plain.upper())


def test_long_names_keep_no_more_than_is_compared() -> None:
    assert all(len(part or "") <= 10_000 for part in _full_name("x" * 10_000))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(MACROS)
        opened.execute(prepare.MACROS)
        yield opened


@pytest.mark.parametrize(
    ("kind", "said", "read"),
    [
        ("given_name", " José-María ", ("JOSE MARIA",)),
        ("family_name", "O'Neil Jr.", ("ONEIL",)),
        ("postal_code", "98101-2233", ("98101",)),
        ("postal_code", "K1A 0B1", ("K1A0B1",)),
        ("phone", "+1 (206) 555-0101", ("2065550101",)),
        ("email", " Ida@Example.org ", ("ida@example.org",)),
        ("date", "1971-03-09", ("19710309",)),
        ("date", "3/9/1971", ("19710309",)),
        ("date", "19710309", ("19710309",)),
        ("year", "born 1971", ("1971",)),
        ("npi", "123-456-7893", ("1234567893",)),
        ("license_number", "ma-0060123", ("MA0060123",)),
        ("identifier", "000123", ("123",)),
        ("unit", "Suite 200", ("200",)),
        ("street_number", "0012", ("12",)),
        ("street", "North Pine Street", ("N PINE ST",)),
        ("address", "1200 North Pine Street, Suite 200", ("1200", "N PINE ST", "200")),
        ("full_name", "O'Neil, Mary Ann, LMT", ("MARY", "ANN", "ONEIL", None)),
        ("organization", "The Cedar Clinic, Inc.", ("CEDAR CLINIC",)),
        ("text", "", (None,)),
    ],
)
def test_each_kind_in_comparable_form(con: duckdb.DuckDBPyConnection, kind: str, said: str, read: Row) -> None:
    fields = Fields("uid", (Field("said", kind),))
    laid_out(con, "source", ["uid", "said"], [("1", said), ("2", None)])
    prepare.prepare(con, "left_record", "source", fields, respects(fields))
    rows = con.execute("select * from left_record order by uid").fetchall()
    assert rows == [("1", *read), ("2", *[None] * len(read))]


def test_nothing_longer_than_is_compared_is_kept(con: duckdb.DuckDBPyConnection) -> None:
    fields = Fields("uid", (Field("a", "given_name"), Field("b", "full_name"), Field("c", "text")))
    laid_out(con, "source", ["uid", "a", "b", "c"], [("1", *["x" * 10_000] * 3)])
    prepare.prepare(con, "left_record", "source", fields, respects(fields))
    (row,) = con.execute("select * from left_record").fetchall()
    assert max(len(value) for value in row if value) == prepare.LONGEST


def test_texts_travel_whole(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table kept (a varchar, b varchar)")
    rows = [("O'Neil", 'a "b" \\'), ("שרה", None), ("a\nb", "\U0001f600"), ("", "%")]
    prepare.put(con, "kept", rows)
    assert con.execute("select * from kept").fetchall() == rows


def test_forms_of_given_names() -> None:
    assert names.forms_of(["KATHY"], ["KATHERINE", "KATHY", "ANN"]) == [("KATHY", "KATHERINE")]
    assert names.forms_of([], ["ANN"]) == []
