"""How two values answer each kind of question: levels in small tables, 0 unsaid, 1 equal, the last different."""

from collections.abc import Mapping

import duckdb
import pytest

from matching.linkage.compare import compare
from matching.linkage.fields import Field, Fields, respects


def level(question: str, left: Mapping[str, str | None], right: Mapping[str, str | None]) -> str:
    """The name of the level that two prepared records reach in one respect; they say what is drawn and nothing else."""
    asked = respects(Fields("uid", tuple(Field(kind, kind) for kind in left)))
    comparison = next(each for each in compare(asked) if each.name == question)
    with duckdb.connect() as con:
        said = {f"l_{name}": value for name, value in left.items()} | {f"r_{name}": value for name, value in right.items()}
        columns = ", ".join(f"${name}::varchar as {name}" for name in said)
        answer = con.execute(f"select {comparison.sql(str)} from (select {columns}, '|WILLIAM|' as given_forms)", said).fetchone()
    assert answer
    return comparison.levels[int(answer[0])]


@pytest.mark.parametrize(
    ("kind", "left", "right", "said"),
    [
        ("given_name", None, "ANN", "unsaid"),
        ("given_name", "ANN", "ANN", "equal"),
        ("given_name", "BILL", "WILLIAM", "form"),
        ("given_name", "A", "ANN", "initial"),
        ("given_name", "KATHERINE", "KATHERNE", "near"),
        ("given_name", "ANN", "ROBERT", "different"),
        ("family_name", "SMITH", "SMITH", "equal"),
        ("family_name", "GARCIA LOPEZ", "LOPEZ", "part"),
        ("family_name", "MC DONALD", "MCDONALD", "part"),
        ("family_name", "ASHDALE", "ASHDLAE", "near"),
        ("family_name", "ASHDALE", "QUILL", "different"),
        ("middle_name", "A", "ANN", "initial"),
        ("middle_name", "ANN", "ROSE", "different"),
        ("date", "19710309", "19710903", "slip"),
        ("date", "19710309", "19710309", "equal"),
        ("date", "19710309", "20031224", "different"),
        ("npi", "1234567893", "1234567839", "slip"),
        ("npi", "1234567893", "1999999984", "different"),
        ("phone", "2065550101", "2065550110", "slip"),
        ("phone", "2065550101", "2065559999", "exchange"),
        ("phone", "2065550101", "4257770000", "different"),
        ("email", "ida@one.example", "ida@two.example", "local"),
        ("category", "MA", "MA", "equal"),
        ("category", "MA", "RN", "different"),
        ("state", "WA", "OR", "different"),
    ],
)
def test_one_question_asked_alone(kind: str, left: str | None, right: str | None, said: str) -> None:
    assert level(kind, {kind: left}, {kind: right}) == said


SWAPPED = ({"given_name": "BIRKELAND", "family_name": "OTTOLINE"}, {"given_name": "OTTOLINE", "family_name": "BIRKELAND"})


def test_names_that_changed_places_are_one_answer_not_two() -> None:
    assert level("family_name", *SWAPPED) == "swapped"
    assert level("given_name", *SWAPPED) == "unsaid"


def test_a_middle_name_that_is_used_as_first() -> None:
    left = {"given_name": "MAREN", "middle_name": None, "family_name": "THORSBY"}
    right = {"given_name": "INGRID", "middle_name": "MAREN", "family_name": "THORSBY"}
    assert level("given_name", left, right) == "middle"
    assert level("middle_name", left, right) == "unsaid"
    assert level("given_name", left | {"middle_name": "I"}, right) == "turned"
    assert level("given_name", left | {"middle_name": "SIGRID"}, right) == "different"


def test_a_middle_name_that_the_roll_has_as_first() -> None:
    left = {"given_name": "INGRID", "middle_name": "MAREN", "family_name": "THORSBY"}
    right = {"given_name": "MAREN", "middle_name": None, "family_name": "THORSBY"}
    assert level("given_name", left, right) == "second"
    assert level("given_name", left, right | {"middle_name": "I"}) == "second"
    assert level("given_name", left, right | {"middle_name": "SIGRID"}) == "different"


@pytest.mark.parametrize(
    "kind", ["given_name", "family_name", "street", "city", "date", "npi", "phone", "email", "text", "year", "postal_code", "unit"]
)
def test_nobody_is_first_and_nobody_second(kind: str) -> None:
    values = [
        "ANN",
        "ANNE",
        "A",
        "12",
        "123",
        "19710309",
        "19710390",
        "2065550101",
        "2065550110",
        "ida@one.example",
        "ida@two.example",
        None,
    ]
    (comparison,) = compare(respects(Fields("uid", (Field("said", kind),))))
    with duckdb.connect() as con:
        con.execute("create table one as select unnest($values) as said", {"values": values})
        both = f"(select one.said as l_{kind}, other.said as r_{kind}, '' as given_forms from one, one as other)"
        asked = f"select l_{kind}, r_{kind}, {comparison.sql(str)} from {both}"
        levels = {(left, right): reached for left, right, reached in con.execute(asked).fetchall()}
    assert len(levels) == len(values) ** 2
    assert all(levels[left, right] == levels[right, left] for left, right in levels)
