"""surfaces_disagree, across and confirmation: one insurer on two surfaces; silence accuses nobody, and a website is not an API."""

import duckdb
import pytest

import matching
from tests.matching.county import ASKED, drawn, found, matched

KIM, IDA = "1234567893", "1245319599"
BOTH = f"""
    id | source    | name       | npi   | address  | phone        | accepting
    w  | alder     | Kim Nguyen | {KIM} | 9 Oak St | 206 555 0101 | true
"""
OTHERS = f"""\
    x  | alder     | Ida Lund   | {IDA} | 7 Elm St | 206 555 0102 | true
    y  | alder_api | Ida Lund   | {IDA} | 7 Elm St | 206 555 0102 | true
"""


@pytest.mark.parametrize(
    ("row", "tier", "said"),
    [
        (f"a | alder_api | Kim Nguyen | {KIM} | 9 Oak Street | (206) 555-0101 | true", None, None),
        (f"a | alder_api | Kim Nguyen | {KIM} | 9 Oak St | 206 555 0109 | true", "B", "the telephone number differs"),
        (f"a | alder_api | Kim Nguyen | {KIM} | 9 Oak St | none | true", None, None),
        (f"a | alder_api | Kim Nguyen | {KIM} | 9 Oak St | 206 555 0101 | false", "B", "whether new patients are accepted differs"),
        (f"a | alder_api | Kim Nguyen | {KIM} | 9 Oak St | 206 555 0101 |", None, None),
        (f"a | alder_api | Kim Nguyen | {KIM} | 88 Fir Ave | 206 555 0101 | true", "B", "the address differs"),
        (f"a | alder_api | Kim Nguyen | {KIM} | none | 206 555 0101 | true", None, None),
        ("a | alder_api | Kim Nguyen | | 9 Oak St | 206 555 0109 | true", None, None),
        (f"a | birch     | Kim Nguyen | {KIM} | 9 Oak St | 206 555 0109 | true", "C", "read whole, was not seen to show it"),
    ],
    ids=[
        "the same, written differently", "telephone", "no telephone there", "accepting", "accepting not said", "place", "no place there",
        "perhaps somebody else", "another insurer",
    ],
)  # fmt: skip
def test_what_two_surfaces_of_one_insurer_say(con: duckdb.DuckDBPyConnection, row: str, tier: str | None, said: str | None) -> None:
    ask = matched(con, BOTH + OTHERS + row)
    assert found(con, "surfaces_disagree") == ({"w": tier} if tier else {})
    if said:
        ((sentence, rules),) = ask("select sentence, rule_ids from matching.finding where check_name = 'surfaces_disagree'")
        assert said in sentence and sentence.startswith("Listed on 2026-11-20 in Open by the insurer's website;")
        assert rules == []
        assert "555" not in sentence and "Oak" not in sentence, (
            "many practice at home: the sentence says which field, never what stands in it"
        )


def test_a_contradiction_is_told_once_and_walks_back_to_both_surfaces(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, BOTH + f"    a | alder_api | Kim Nguyen | {KIM} | 9 Oak St | 206 555 0109 | true")
    assert ask("select listing_id, evidence_ids, subject_kind from matching.finding where check_name = 'surfaces_disagree'") == [
        ("w", ["page-w", "page-a"], "claim")
    ]


@pytest.mark.parametrize(
    ("rows", "flagged"),
    [
        ("", {"w": "C"}),
        ("p | alder_api | K Nguyen | | 5 Ash St | 206 555 0108 |", {}),
        ("p | alder_api | Kim Nguyen-Berg | | 5 Ash St | 206 555 0108 |", {"w": "C"}),
        ("p | alder_api | Olaf Nguyen | | 5 Ash St | 206 555 0108 |", {"w": "C"}),
    ],
    ids=["nobody", "an initial", "another family name", "a namesake with another initial"],
)
def test_what_one_surface_does_not_show_is_counted_and_no_more(con: duckdb.DuckDBPyConnection, rows: str, flagged: dict[str, str]) -> None:
    matched(con, BOTH + OTHERS + rows)
    assert {id: tier for id, tier in found(con, "surfaces_disagree").items() if id == "w"} == flagged


@pytest.mark.parametrize(
    ("npi", "strength", "insurer", "day", "is_told"),
    [
        (KIM, "proof", "ALDER mutual", "2026-11-01", True),
        (KIM, "weak", "Alder Mutual", "2026-11-01", False),
        (KIM, "proof", "Birch Health", "2026-11-01", False),
        (KIM, "proof", "Alder Mutual", "2026-08-01", False),
        (IDA, "proof", "Alder Mutual", "2026-11-01", False),
    ],
    ids=["named", "a practice perhaps", "another insurer", "long ago", "silent"],
)
def test_a_price_file_speaks_for_the_surface_that_shows_a_person_and_never_against_it(
    con: duckdb.DuckDBPyConnection, npi: str, strength: str, insurer: str, day: str, is_told: bool
) -> None:
    ask = matched(con, BOTH + OTHERS)
    (before,) = ask("select finding_id, basis from matching.finding where check_name = 'surfaces_disagree'")
    con.execute("insert into curated.source (source_id, surface, insurer_name) values ('prices', 'file', ?)", [insurer])
    con.execute("insert into curated.snapshot values ('prices@1', 'prices', date '2026-11-20', true, 0)")
    con.execute(
        "insert into curated.participation (npi, source_id, strength, observed_on, evidence_id) values (?, 'prices', ?, ?, 'price-page')",
        [npi, strength, day],
    )
    matching.findings(con, ASKED)
    assert found(con, "surfaces_disagree") == {"w": "C"}
    ((sentence, evidence),) = ask("select sentence, evidence_ids from matching.finding where check_name = 'surfaces_disagree'")
    assert sentence.endswith(f"was not seen to show it{', although the in-network file of 2026-11-01 names the NPI' if is_told else ''}.")
    assert evidence == ["page-w", *(["price-page"] if is_told else [])]
    (after,) = ask("select finding_id, basis from matching.finding where check_name = 'surfaces_disagree'")
    assert after == before, "what somebody withdrew stays withdrawn"


def test_a_practice_at_that_place_may_be_where_the_person_is(con: duckdb.DuckDBPyConnection) -> None:
    matched(
        con,
        f"""
        id | source    | name       | practice    | npi   | address  | phone
        w  | alder     | Kim Nguyen |             | {KIM} | 9 Oak St | 206 555 0101
        x  | alder_api | Ida Lund   |             | {IDA} | 7 Elm St | 206 555 0102
        z  | alder     | Ida Lund   |             | {IDA} | 7 Elm St | 206 555 0102
        p  | alder_api |            | Oak Massage |       | 9 Oak St | 206 555 0101
        """,
    )
    assert found(con, "surfaces_disagree") == {}


@pytest.mark.parametrize(
    "change",
    [
        "update curated.snapshot set problem_count = 1 where source_id = 'alder_api'",
        "update curated.snapshot set is_complete = false where source_id = 'alder_api'",
        "update curated.snapshot set observed_on = date '2026-11-28' where source_id = 'alder_api'",
        "update curated.source set insurer_name = null",
        "update curated.listing set network = 'Core' where source_id = 'alder_api'",
        "update curated.listing set zip5 = '99201' where source_id = 'alder_api'",
    ],
    ids=[
        "something unread",
        "a broken visit",
        "eight days later",
        "an insurer nobody names",
        "another network",
        "another part of the state",
    ],
)
def test_a_gap_is_no_absence(con: duckdb.DuckDBPyConnection, change: str) -> None:
    drawn(con, BOTH + OTHERS)
    con.execute(change)
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    assert "w" not in found(con, "surfaces_disagree")


def test_pairs_stand_both_ways_and_know_what_made_them(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        f"""
        id | source    | name       | npi   | license    | address
        w  | alder     | Kim Nguyen | {KIM} |            | 9 Oak St
        a  | alder_api | Kim Nguyen | {KIM} |            | 5 Ash St
        l  | alder     | Ida Lund   |       | MA60000001 | 7 Elm St
        m  | alder_api | Ida Lund   |       |            | 7 Elm St
        """,
        "number | name | status | expires\nMA60000001 | Ida Lund | ACTIVE | 2027-01-01",
    )
    assert ask("select listing_id, other_listing_id, other_surface, is_by_number, is_same_place from matching.across order by all") == [
        ("a", "w", "website", True, False), ("l", "m", "api", False, True), ("m", "l", "website", False, True),
        ("w", "a", "api", True, False),
    ]  # fmt: skip


LAPSED = "number | name | status | expires\nMA60000001 | Rosa Vega | EXPIRED | 2020-01-01"


@pytest.mark.parametrize(
    ("rows", "website", "words"),
    [
        ("", "awaiting", "Shown by the insurer's API; awaits confirmation on its public website."),
        (
            "w | alder | Rosa Vega | MA60000001 | 9 Oak St",
            "confirmed",
            "showed the same person at the same place in this network on 2026-11-20.",
        ),
        (
            "w | alder | Rosa Vega | MA60000001 | 88 Fir Ave",
            "not seen",
            "no word about the public directory until somebody has looked there.",
        ),
    ],
)
def test_what_an_api_showed_awaits_the_website(con: duckdb.DuckDBPyConnection, rows: str, website: str, words: str) -> None:
    ask = matched(con, "id | source | name | license | address\na | alder_api | Rosa Vega | MA60000001 | 9 Oak St\n" + rows, LAPSED)
    ((found, needs, said, drawn),) = ask(
        "select website, needs_website, note, is_drawn from matching.confirmation join matching.finding using (finding_id) "
        "where check_name = 'lapsed_license' and confirmation.listing_id = 'a'"
    )
    assert (found, needs, drawn) == (website, True, website != "confirmed")
    assert said.endswith(words)
    ((rules,),) = ask("select rule_ids from matching.finding where check_name = 'lapsed_license' and listing_id = 'a'")
    assert rules == ["wa.rcw_18_108_030.license_required"], "no rule about the public directory, confirmed or not"
    assert ask("select distinct website, note from matching.confirmation where listing_id = 'w'") == (
        [("not needed", None)] if rows else []
    )


def test_the_sample_to_look_up_is_drawn_by_its_frame(con: duckdb.DuckDBPyConnection) -> None:
    """120 findings of one source: 92 tell the share to five points either way. Another finding more is another frame, and another draw."""
    listed = "\n".join(f"a{i:03} | alder_api | Rosa Vega | MA60000001 | {i} Oak St" for i in range(120))
    ask = matched(con, f"id | source | name | license | address\n{listed}", LAPSED)
    drawn = ask("select count(*) filter (is_drawn), count(distinct draw), count(distinct frame_sha256) from matching.confirmation")
    assert drawn == [(92, 120, 1)]
    first = ask("select listing_id from matching.confirmation order by draw limit 5")
    matching.findings(con, ASKED)
    assert ask("select listing_id from matching.confirmation order by draw limit 5") == first
    con.execute("update curated.listing set is_latest = false where listing_id = 'a007'")
    matching.findings(con, ASKED)
    assert ask("select count(*), max(draw) from matching.confirmation") == [(120, 119)], "a resolved finding is not looked up"
    assert ask("select listing_id from matching.confirmation order by draw nulls last limit 5") != first


@pytest.mark.parametrize(
    ("line", "cited"),
    [
        ("individual", ["us.acas_directory_accurate", "us.nsa.required_fields"]),
        ("medicaid", []),
        (None, ["us.acas_directory_accurate", "us.nsa.required_fields"]),
    ],
)
def test_a_rule_about_other_lines_of_insurance_is_not_cited(con: duckdb.DuckDBPyConnection, line: str | None, cited: list[str]) -> None:
    drawn(con, "id | name | license | address\nw | Rosa Vega | MA60000001 | 9 Oak St\nx | Ida Lund | | none", LAPSED)
    con.execute("update curated.rule set applies_to = 'website, individual, self_funded' where rule_id = 'us.nsa.required_fields'")
    con.execute("update curated.rule set applies_to = 'website, marketplace' where rule_id = 'us.acas_directory_accurate'")
    con.execute("insert into curated.network values ('alder', 'Open', ?)", [line])
    again = "select * replace ('y' as listing_id, 'y' as claim_id) from curated.listing where listing_id = 'w'"
    con.execute(f"insert into curated.listing by name {again}")
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    said = con.execute("select list_sort(list_distinct(flatten(list(rule_ids)))) from matching.finding").fetchone()
    assert said and [rule for rule in said[0] if rule.startswith("us.")] == cited
