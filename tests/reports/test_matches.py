"""The page on how listings were matched: drawn from a county, each number where it belongs."""

from math import log2

import duckdb
import pytest

import matching
from reports.editions import build
from reports.records import Report, Section
from reports.render import html
from tests.matching.county import ASKED, matched
from tests.matching.test_link import CROWD
from tests.reports.world import context


@pytest.fixture(scope="module")
def made() -> Report:
    with duckdb.connect() as con:
        matched(
            con,
            """
            id | name            | license    | claim
            a  | Rosa Maria Vega | MA60000001 | one
            b  | Kim Nguyen      |            | two
            c  | <b>Ida</b> Lund | MA60000003 | three
            d  | Ana Olsen       |            | four
            """,
            "number | name | status | expires\n"
            "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01\n"
            "MA60000004 | Kim Tran Nguyen | ACTIVE | 2027-01-01\n"
            "MA60000005 | Kim Thi Nguyen | ACTIVE | 2027-01-01\n"
            "MA60000003 | Ida Lund | ACTIVE | 2027-01-01\n" + CROWD,
        )
        con.execute(
            "insert into ledger.verdict by name select 'listing' as left_kind, 'd' as left_id, 'credential' as right_kind, "
            "'MA60000004' as right_id, 'different' as judgement, 'asked' as reason, 'reviewer 7' as \"by\", "
            "timestamp '2026-11-21' as \"at\""
        )
        matching.link(con, ASKED)
        matching.findings(con, ASKED)
        matching.sensitivity(con, ASKED)
        return build("matches", con, (), context())


def section(made: Report, key: str) -> Section:
    return next(each for each in made.sections if each.key == key)


def test_every_part_is_there_and_counts_agree(made: Report) -> None:
    assert [each.key for each in made.sections] == ["keys", "weights", "scores", "examples", "linkable", "sensitivity", "verdicts"]
    counted = [sum(int(row[at]) for row in section(made, "scores").rows) for at in (1, 2, 3)]
    assert counted[:2] == [1, 2], "Rosa the same; Kim, and a name full of markup behind a good number, unsure"
    assert sum(int(row[1]) for row in section(made, "linkable").rows) == 4
    assert section(made, "verdicts").paragraphs == ["Verdicts of named people that stand above the rules: 1 different."]


def test_weights_are_the_logarithm_of_their_shares(made: Report) -> None:
    rows = {(question, answer): (float(m), float(u), float(weight)) for question, answer, m, u, weight in section(made, "weights").rows}
    m, u, weight = rows["family name", "equal"]
    assert weight == pytest.approx(log2(m / u), abs=0.15)
    assert all(weight <= 0 for (_, answer), (_, _, weight) in rows.items() if answer == "different")


def test_a_stricter_threshold_matches_no_more(made: Report) -> None:
    matched = [int(row[1]) for row in section(made, "sensitivity").rows]
    assert matched == sorted(matched, reverse=True)
    assert matched[0] > 0
    assert [row[0] for row in section(made, "sensitivity").rows] == ["0.50", "0.60", "0.70", "0.80", "0.90", "0.95", "0.99"]


def test_an_example_adds_up_in_words_and_no_name_is_markup(made: Report) -> None:
    said = section(made, "examples").alt
    assert "license number MA60000001 on both" in said
    assert "before anything is compared" in said
    assert "<b>Ida" not in html.page(made)


def test_sensitivity_leaves_everything_as_it_was() -> None:
    with duckdb.connect() as con:
        ask = matched(con, "id | name | license\na | Rosa Vega | MA60000001", "number | name | status | expires\n"
            "MA60000001 | Rosa Vega | EXPIRED | 2020-01-01\n" + CROWD)  # fmt: skip
        tables = ("pair", "finding", "license_on_day", "standing")
        before = [ask(f"select * from matching.{table} order by all") for table in tables]
        matching.sensitivity(con, ASKED)
        assert [ask(f"select * from matching.{table} order by all") for table in tables] == before
