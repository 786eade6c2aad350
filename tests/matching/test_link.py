"""Who is meant: same, different or unsure, with reasons; one person across insurers; one person shown twice."""

import json

import duckdb
import pytest

import matching
from tests.matching.county import ASKED, drawn, matched


def judgements(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    return {
        (left, right): judgement
        for left, right, judgement in con.execute("select left_id, right_id, judgement from matching.match").fetchall()
    }


CROWD = "\n".join(
    f"MA601{number:05d} | Walk{chr(97 + number % 26)}in Q On{chr(97 + number // 26 % 26)}looker | ACTIVE | 2027-01-01"
    for number in range(60)
)


def roll(rows: str) -> str:
    """The drawn licenses among sixty of people nobody asks about, so that names have frequencies."""
    return "number | name | status | expires\n" + rows.strip() + "\n" + CROWD


def test_number_and_name_agree_in_every_printed_form(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id | name            | license
        a  | Kim Tran Nguyen | MA60000001
        b  | Kim T Nguyen    | XXXX.MA.60000001
        c  | Kim Nguyen      | 60000001
        d  | Kim Nguyen-Ross | MA 60000001
        e  | Kim Nguyne      | MA60000001
        """.replace("Nguyen-Ross", "Nguyen-Ross"),
        roll("MA60000001 | Kim Tran Nguyen | ACTIVE | 2027-01-01"),
    )
    assert judgements(con) == dict.fromkeys([(each, "MA60000001") for each in "abcde"], "same")
    assert ask("select min(probability) > 0.99 from matching.match") == [(True,)]


def test_a_number_of_somebody_else_is_unsure_and_says_so(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, "id | name | license\na | Rosa Maria Vega | MA60000002", roll("MA60000002 | Peter Olsen | EXPIRED | 2020-01-01"))
    assert judgements(con) == {("a", "MA60000002"): "unsure"}
    ((explanation,),) = ask("select explanation from matching.match")
    reasons = {said["respect"]: said["reason"] for said in json.loads(explanation)}
    assert reasons["license_number"] == "license number MA60000002 on both"
    assert reasons["family_name"] == "family names differ: VEGA listed, OLSEN on the roll"
    assert ask("select * from matching.finding") == []


def test_a_name_alone_is_the_same_only_when_nobody_else_could_be_meant(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id      | name
        unique  | Rosa Maria Vega
        plain   | Rosa Vega
        twofold | Kim Nguyen
        told    | Kim Tran Nguyen
        other   | Kim Lee Nguyen
        """,
        roll("""
        MA60000001 | Rosa Maria Vega | ACTIVE | 2027-01-01
        MA60000002 | Kim Tran Nguyen | ACTIVE | 2027-01-01
        MA60000003 | Kim Thi Nguyen  | ACTIVE | 2027-01-01
        """),
    )
    said = judgements(con)
    assert {pair: judgement for pair, judgement in said.items() if pair[0] != "other"} == {
        ("unique", "MA60000001"): "same",
        ("plain", "MA60000001"): "same",
        ("twofold", "MA60000002"): "unsure",
        ("twofold", "MA60000003"): "unsure",
        ("told", "MA60000002"): "same",
    }
    ((named, fully),) = ask(
        "select max(probability) filter (left_id = 'plain'), max(probability) filter (left_id = 'unique') from matching.candidate"
    )
    assert named < fully
    assert "same" not in [judgement for pair, judgement in said.items() if pair[0] == "other"], "its middle name contradicts both"
    assert ask("select judgement from matching.candidate where left_id = 'told' and right_id = 'MA60000003'") == [("different",)]


@pytest.mark.parametrize(
    ("listed", "licensed"),
    [
        ("Kathy Ann Brandvold", "Katherine Ann Brandvold"),
        ("Katherine Ann Brandvold-Ito", "Katherine Ann Brandvold"),
        ("Katherine Ann Brandvlod", "Katherine Ann Brandvold"),
        ("Katherine Ann O'Brandvold", "Katherine Ann O_Brandvold"),
        ("Katherine Ann Brändvold", "Katherine Ann Brandvold"),
    ],
)
def test_ways_to_write_one_name(con: duckdb.DuckDBPyConnection, listed: str, licensed: str) -> None:
    matched(con, f"id | name\na | {listed}", roll(f"MA60000001 | {licensed} | ACTIVE | 2027-01-01"))
    assert judgements(con) == {("a", "MA60000001"): "same"}


@pytest.mark.parametrize(
    ("listed", "licensed"),
    [
        ("Ana Van_Thouz", "Ana Van_Der_Hann"),  # a particle is no name
        ("Ana Lund", "Ina Land"),
    ],
)
def test_what_two_names_only_seem_to_share(con: duckdb.DuckDBPyConnection, listed: str, licensed: str) -> None:
    matched(con, f"id | name\na | {listed}", roll(f"MA60000001 | {licensed} | EXPIRED | 2020-01-01"))
    assert judgements(con) == {}


def test_two_licenses_under_one_plain_name_are_not_one_person_by_name_alone(con: duckdb.DuckDBPyConnection) -> None:
    crowd = "\n".join(f"MA602{at:05d} | Kim Nguyen | ACTIVE | 2027-01-01" for at in range(12))
    matched(con, "id | name\na | Kim Nguyen", roll(crowd))
    assert set(judgements(con).values()) == {"unsure"}


def test_a_number_is_carried_to_another_listing_with_the_same_npi(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id | source | name        | license    | npi
        a  | alder  | Kim Nguyen  | MA60000002 | 1234567893
        b  | birch  | Kim Nguyen  |            | 1234567893
        """,
        roll("""
        MA60000002 | Kim Tran Nguyen | ACTIVE | 2027-01-01
        MA60000003 | Kim Thi Nguyen  | ACTIVE | 2027-01-01
        """),
    )
    said = judgements(con)
    assert said["a", "MA60000002"] == said["b", "MA60000002"] == "same"
    assert ("b", "MA60000003") not in said
    ((a,), (b,)) = ask("select provider_id from matching.provider_member where member_id in ('a', 'b')")
    assert a == b


def test_digits_that_several_licenses_share_say_nothing(con: duckdb.DuckDBPyConnection) -> None:
    rows = "MA60000001 | Rosa Vega | ACTIVE | 2027-01-01\nTP60000001 | Peter Olsen | EXPIRED | 2020-01-01"
    ask = matched(con, "id | name | license\na | Rosa Vega | 60000001\nb | Peter Olsen | 60000001", roll(rows))
    levels = ask(
        "select listing_id, credential_id, license_number from matching.pair join matching.listed using (identity_id) "
        "where family_name = 'equal' order by all"
    )
    assert levels == [("a", "MA60000001", "unsaid"), ("b", "TP60000001", "unsaid")]


def test_a_number_is_carried_from_the_registry(con: duckdb.DuckDBPyConnection) -> None:
    two = roll("MA60000002 | Kim Tran Nguyen | ACTIVE | 2027-01-01\nMA60000003 | Kim Thi Nguyen  | ACTIVE | 2027-01-01")
    ask = matched(con, "id | name | npi\na | Kim Nguyen | 1234567893", two)
    assert set(judgements(con).values()) == {"unsure"}
    con.execute("insert into curated.registration (npi, license_key) values ('1234567893', 'MA60000003')")
    matching.link(con, ASKED)
    assert judgements(con)["a", "MA60000003"] == "same"
    ((explanation,),) = ask("select explanation from matching.match where judgement = 'same'")
    reasons = {said["respect"]: said["reason"] for said in json.loads(explanation)}
    assert reasons["npi"] == "the national registry gives license number MA60000003 beside NPI 1234567893"


def test_what_an_explanation_adds_up_to_is_the_weight(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        "id | name | license\na | Rosa M Vega | MA60000001\nb | Kathy Vega |\nc | Vega Rosa |",
        roll("MA60000001 | Rosa Maria Vega | ACTIVE | 2027-01-01\nMA60000002 | Katherine Vega | ACTIVE | 2027-01-01"),
    )
    pairs = ask("select weight, explanation from matching.candidate where judgement <> 'different'")
    assert len(pairs) >= 3
    for weight, explanation in pairs:
        assert sum(said["weight"] for said in json.loads(explanation)) == pytest.approx(weight, abs=0.05)


def test_nothing_unsure_ties_two_listings_to_one_provider(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        "id | name\na | Kim Nguyen\nb | Kim T Nguyen",
        roll("MA60000002 | Kim Tran Nguyen | ACTIVE | 2027-01-01\nMA60000003 | Kim Thi Nguyen | ACTIVE | 2027-01-01"),
    )
    assert ask("select count(distinct provider_id) from matching.provider_member") == [(2,)]


def test_a_practice_is_matched_to_nobody(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, "id | practice\na | Vega Massage", roll("MA60000001 | Rosa Vega | EXPIRED | 2020-01-01"))
    assert ask("select * from matching.candidate") == [] and ask("select * from matching.finding") == []


def test_without_a_roll_nothing_is_asked_of_licenses(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, "id | name | license\na | Rosa Vega | MA60000001")
    asked = matching.Settings(profession="massage_therapist")
    matching.link(con, asked)
    matching.findings(con, asked)
    assert con.execute("select * from matching.finding").fetchall() == []


def test_the_same_tables_come_out_whatever_the_order_of_rows(con: duckdb.DuckDBPyConnection) -> None:
    listings = ["a | Kim Nguyen | MA60000002 | 9 Oak St", "b | Kim T Nguyen | | 9 Oak St", "c | Kim Tran Nguyen | MA60000002 | 8 Elm St"]
    tables = []
    for rows in (listings, listings[::-1]):
        with duckdb.connect() as each:
            ask = matched(
                each, "\n".join(["id | name | license | address", *rows]), roll("MA60000002 | Kim Tran Nguyen | EXPIRED | 2020-01-01")
            )
            tables.append([
                ask("select * from matching.candidate order by all"),
                ask("select * from matching.provider_member order by all"),
                ask("select listing_id, kind from matching.duplicate order by all"),
                ask("select check_name, tier from matching.finding order by all"),
            ])  # fmt: skip
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("listed", "judgement"),
    [
        ("Peter Vega", "unsure"),
        ("Rosa Elena Vega", "unsure"),
        ("Rosa Olsen", "same"),  # a family name changes; the number and the given name stay, and no other Rosa Olsen is licensed
        ("Rosa Maria Olsen", "same"),
        ("Rosa Lund", "unsure"),
    ],
)
def test_one_part_of_a_name_is_not_the_name_behind_the_number(con: duckdb.DuckDBPyConnection, listed: str, judgement: str) -> None:
    rows = "MA60000001 | Rosa Maria Vega | SUSPENDED | 2020-01-01\nMA60000002 | Rosa Ida Lund | ACTIVE | 2027-01-01"
    ask = matched(con, f"id | name | license\na | {listed} | MA60000001", roll(rows))
    assert judgements(con)["a", "MA60000001"] == judgement
    assert ask("select tier from matching.finding") == ([("B",)] if judgement == "same" else [])


def test_an_npi_under_names_that_contradict_says_nothing(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id | source | name         | license    | npi
        a  | alder  | Kim Nguyen   | MA60000002 | 1234567893
        b  | birch  | Kim Nguyen   |            | 1234567893
        c  | birch  | Kevin Nguyen |            | 1234567893
        """,
        roll("MA60000002 | Kim Tran Nguyen | ACTIVE | 2027-01-01\nMA60000003 | Kim Thi Nguyen | ACTIVE | 2027-01-01"),
    )
    assert judgements(con) == {("a", "MA60000002"): "same", ("b", "MA60000002"): "unsure", ("b", "MA60000003"): "unsure"}
    assert ask("select count(distinct provider_id) from matching.provider_member where member_kind = 'listing'") == [(3,)]


TWO_KIMS = (
    "id | source | name            | license    | npi        | claim\n"
    "a  | alder  | Kim Tran Nguyen | MA60000002 | 1234567893 | one\n"
    "b  | birch  | Kim Nguyen      |            | 1234567893 | two\n"
    "c  | birch  | Kim Nguyen      |            | 1234567893 | three\n"
)
TWO_LICENSES = "MA60000002 | Kim Tran Nguyen | SUSPENDED | 2027-01-01\nMA60000003 | Kim Thi Nguyen | ACTIVE | 2027-01-01"


def verdict(con: duckdb.DuckDBPyConnection, listing: str, license: str, judgement: str, day: str = "2026-11-21") -> None:
    """A reviewer judges one pair; then everything is linked again."""
    con.execute(
        "insert into ledger.verdict by name select 'listing' as left_kind, ? as left_id, 'credential' as right_kind, ? as right_id, "
        "? as judgement, 'asked [, by phone' as reason, 'reviewer 7' as \"by\", cast(? as timestamp) as \"at\"",
        [listing, license, judgement, day],
    )
    matching.link(con, ASKED)
    matching.findings(con, ASKED)


def test_a_verdict_outranks_the_rules_for_its_own_claim_and_no_other(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, TWO_KIMS, roll(TWO_LICENSES))
    assert judgements(con) == dict.fromkeys([(each, "MA60000002") for each in "abc"], "same")
    verdict(con, "b", "MA60000002", "different")
    assert judgements(con) == {("a", "MA60000002"): "same", ("b", "MA60000002"): "different", ("c", "MA60000002"): "same"}
    found = dict(ask("select listing_id, check_name from matching.finding"))
    assert found == {"a": "barred_license", "b": "no_license_found", "c": "barred_license"}
    ((by, said),) = ask("select judged_by, explanation from matching.match where left_id = 'b'")
    assert by == "reviewer 7"
    assert json.loads(said)[-1]["reason"] == "reviewer 7 judged: asked [, by phone"


def test_the_newest_verdict_counts_and_names_somebody_no_rule_would(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, "id | name\na | Rosa Olsen", roll("MA60000001 | Rosa Vega | EXPIRED | 2020-01-01"))
    assert judgements(con) == {}
    verdict(con, "a", "MA60000001", "different", "2026-11-19")
    verdict(con, "a", "MA60000001", "same")
    assert judgements(con) == {("a", "MA60000001"): "same"}
    assert ask("select check_name, tier from matching.finding") == [("lapsed_license", "B")]


def test_two_listings_of_which_people_said_whose_they_are_are_one_person_whatever_their_names(con: duckdb.DuckDBPyConnection) -> None:
    place = "Open | 9 Oak St | 206 555 0101"
    ask = matched(
        con,
        f"id | name | network | address | phone\na | Ida J Lund Vega | {place}\nb | I Lund Vega | {place}",
        roll("MA60000001 | Ida Jo Vega | ACTIVE | 2027-01-01\nMA60000002 | Ilse Lund Vega | ACTIVE | 2027-01-01"),
    )
    flagged = "select listing_id, tier from matching.finding where check_name = 'duplicate_listing'"
    assert ask(flagged) == []
    verdict(con, "a", "MA60000001", "same")
    assert ask(flagged) == []
    verdict(con, "b", "MA60000001", "same")
    assert ask(flagged) == [("b", "B")]


def test_of_two_verdicts_given_at_once_the_more_cautious_counts(con: duckdb.DuckDBPyConnection) -> None:
    matched(con, "id | name\na | Rosa Vega", roll("MA60000001 | Rosa Vega | EXPIRED | 2020-01-01"))
    for judgement in ("same", "different", "unsure"):
        verdict(con, "a", "MA60000001", judgement)
    assert judgements(con) == {("a", "MA60000001"): "different"}


def test_whoever_a_person_has_named_is_not_named_otherwise_by_a_rule(con: duckdb.DuckDBPyConnection) -> None:
    matched(con, TWO_KIMS, roll(TWO_LICENSES))
    verdict(con, "b", "MA60000003", "same")
    said = judgements(con)
    assert (said["b", "MA60000003"], said["b", "MA60000002"], said["c", "MA60000002"]) == ("same", "unsure", "same")


def test_different_beats_same_through_others(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, TWO_KIMS, roll(TWO_LICENSES))
    together = "select count(*) from matching.provider_member as one join matching.provider_member as other using (provider_id) "
    pair = "where one.member_id = 'b' and other.member_id = 'MA60000002'"
    assert ask(together + pair) == [(1,)]
    verdict(con, "b", "MA60000002", "different")  # its NPI still ties b to a, and a to the license
    assert ask(together + pair) == [(0,)]


def test_probabilities_have_six_places_for_the_order_of_a_sum_changes_the_rest(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, "id | name\na | Rosa Vega\nb | Kim Nguyen", roll("MA60000001 | Rosa Maria Vega | ACTIVE | 2027-01-01"))
    for table in ("pair", "candidate", "match"):
        assert ask(f"select * from matching.{table} where probability <> round(probability, 6) or weight <> round(weight, 6)") == []
