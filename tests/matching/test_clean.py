"""What is printed, in comparable form; and nothing made up where it cannot be read."""

import doctest
import importlib

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.clean import MACROS, WASHINGTON_DIGITS, WASHINGTON_LICENSE, address_key, fold, read_address, read_name

PRINTED = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzÀÉÑØßł0123456789 .,'’-#&()/\t"), max_size=40)
WORD = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=3, max_size=8).map(str.capitalize)


@pytest.fixture(scope="module")
def sql() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(MACROS)
    return con


@pytest.mark.parametrize("module", ["clean", "findings", "professions"])
def test_examples_in_docstrings_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"matching.{module}"))
    assert result.attempted and not result.failed


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("MA60123456", "MA60123456"),
        ("MA 60123456", "MA60123456"),
        ("ma-60123456", "MA60123456"),
        ("XXXX.MA.60123456", "MA60123456"),
        ("RN.RN.60902940.MSL", "RN60902940"),
        ("DO.OP.60817760-IMLC", "OP60817760"),
        ("Lic# MA60123456", "MA60123456"),
        ("MA 12345", "MA00012345"),
        ("N361053193", "N361053193"),
        ("60123456", None),
        ("pending", None),
        ("", None),
        (None, None),
    ],
)
def test_one_license_number_has_one_key(sql: duckdb.DuckDBPyConnection, printed: str | None, key: str | None) -> None:
    question = "select license_key($raw, $pattern, $digits)"
    assert sql.execute(question, {"raw": printed, "pattern": WASHINGTON_LICENSE, "digits": WASHINGTON_DIGITS}).fetchone() == (key,)


def test_elsewhere_a_key_is_letters_and_digits(sql: duckdb.DuckDBPyConnection) -> None:
    assert sql.execute("select license_key('lmt 12-34', '', 0), license_key('lmt 12-34', null, null)").fetchone() == ("LMT1234", "LMT1234")


def test_digits_alone_are_kept_for_numbers_printed_without_prefix(sql: duckdb.DuckDBPyConnection) -> None:
    row = sql.execute("select license_digits('XXXX.MA.60123456'), license_digits('MA00012345'), license_digits('n/a')").fetchone()
    assert row == ("60123456", "12345", None)


def test_phones_and_zips_that_say_nothing_are_null(sql: duckdb.DuckDBPyConnection) -> None:
    phones = ["(206) 555-0134", "1-206-555-0134 ext. 12", "206.555.0134x5", "0000000000", "9999999999", "555-0134", None]
    read = [sql.execute("select phone_digits(?)", [each]).fetchall()[0][0] for each in phones]
    assert read == ["2065550134"] * 3 + [None] * 4
    zips = ["98101", "98101-2233", "981012233", "00000", "9810", None]
    assert [sql.execute("select zip5(?)", [each]).fetchall()[0][0] for each in zips] == ["98101"] * 3 + [None] * 3


def test_an_npi_is_ten_digits_that_pass_the_check(sql: duckdb.DuckDBPyConnection) -> None:
    npis = ["1234567893", " 1234567893 ", "1234567890", "0000000000", "3234567891", "12345", "", None]
    assert [sql.execute("select npi_valid(?)", [each]).fetchall()[0][0] for each in npis] == [True, True, *[False] * 4, None, None]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(PRINTED, min_size=1))
def test_fold_is_one_thing_in_sql_and_in_python(sql: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    rows = sql.execute(
        "select text, fold(text), fold(fold(text)) from (select unnest($texts::varchar[]) as text)", {"texts": texts}
    ).fetchall()
    assert rows == [(text, fold(text), fold(text)) for text in texts]


@pytest.mark.parametrize(
    ("printed", "order", "parts"),
    [
        ("NGUYEN, KIM T", "first_last", ("KIM", "T", "NGUYEN", None)),
        ("Nguyen, Kim T., LMT", "first_last", ("Kim", "T", "Nguyen", None)),
        ("SMITH, JOHN A, JR, DC", "first_last", ("JOHN", "A", "SMITH", "JR")),
        ("Smith Jr., John", "first_last", ("John", None, "Smith", "Jr")),
        ("Rose O'Neil L.Ac.", "first_last", ("Rose", None, "O'Neil", None)),
        ("Yo-Yo Ma", "first_last", ("Yo-Yo", None, "Ma", None)),
        ("LINH T DO", "first_last", ("LINH", "T", "DO", None)),
        ("Ma, Linh", "first_last", ("Linh", None, "Ma", None)),
        ("Jane Smith-Jones, MS, LMT", "first_last", ("Jane", None, "Smith-Jones", None)),
        ("Kim Nguyen, Licensed Massage Therapist", "first_last", ("Kim", None, "Nguyen", None)),
        ("van der Berg, Anna", "first_last", ("Anna", None, "van der Berg", None)),
        ("Mary St. John", "first_last", ("Mary", None, "St John", None)),
        ("DE LA CRUZ ANA M", "last_first", ("ANA", "M", "DE LA CRUZ", None)),
        ("ABEL RAYMOND J JR", "last_first", ("RAYMOND", "J", "ABEL", "JR")),
    ],
)
def test_names_are_read_in_every_order(printed: str, order: str, parts: tuple[str | None, ...]) -> None:
    name = read_name(printed, order)
    assert (name.given, name.middle, name.family, name.suffix) == parts


@pytest.mark.parametrize(
    "printed", ["Cedar & Stone", "Healing Hands LLC", "360 Chiropractic", "Oak Street Massage Clinic, PA", "John Doe PC"]
)
def test_practices_are_not_people(printed: str) -> None:
    name = read_name(printed)
    assert name.organization == printed and name.family is None and name.given is None


@given(PRINTED, st.sampled_from(["first_last", "last_first"]))
def test_reading_a_name_never_fails_and_never_loses_it(text: str, order: str) -> None:
    name = read_name(text, order)
    if any(c.isalnum() for c in text):
        assert name.family or name.organization
    assert all(part is None or part == part.strip() != "" for part in (name.prefix, name.given, name.middle, name.family, name.suffix))


@given(WORD, WORD, WORD)
def test_a_name_written_last_first_reads_the_same_as_first_last(given_name: str, middle: str, family: str) -> None:
    one, other = read_name(f"{given_name} {middle} {family}, LMT"), read_name(f"{family}, {given_name} {middle}, LMT")
    if one.organization is None and one.family == family and one.prefix is None and one.credentials == other.credentials == "LMT":
        assert (other.given, other.middle, other.family) == (one.given, one.middle, one.family)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("1200 North Pine Street, Suite 200", None), ("1200 N. Pine St.", "#200")),
        (("P. O. Box 14", None), ("PO BOX 14", None)),
        (("Suite B, 9 Oak Avenue", None), ("9 Oak Ave", "Unit B")),
        (("2705 BUNKER LAKE BLVD 112", None), ("2705 Bunker Lake Boulevard", "Ste. 112")),
        (("9 First Ave., 2nd Floor", None), ("9 1st Avenue", "Floor 2")),
    ],
)
def test_one_place_has_one_key(one: tuple[str, str | None], other: tuple[str, str | None]) -> None:
    assert address_key(*one, "98101-1234") == address_key(*other, "98101")


@given(PRINTED, st.none() | PRINTED)
def test_reading_an_address_never_fails_and_twice_is_once(address: str, address_2: str | None) -> None:
    street, unit = read_address(address, address_2)
    assert (street or unit) is not None or not any(c.isalnum() and c.isascii() for c in address)
    assert street is None or read_address(street)[0] is not None
