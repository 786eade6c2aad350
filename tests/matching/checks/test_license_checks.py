"""lapsed_license, barred_license, retired_or_deceased: the reasoning of matching.license_on_day, and its tiers."""

import duckdb
import pytest

import matching
from tests.matching.county import ASKED, crowd, drawn, found, matched

ROLL = "number | name | status | expires\n"
VEGA = "id | name | license\na | Rosa Maria Vega | MA60000001"


def test_a_license_lapsed_longer_than_the_grace_is_documented(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(con, VEGA, ROLL + "MA60000001 | Rosa Maria Vega | EXPIRED | 2026-10-01")
    assert found(con, "lapsed_license") == {"a": "A"}
    ((sentence, rules, evidence, credential, severity),) = ask(
        "select sentence, rule_ids, evidence_ids, credential_id, severity from matching.finding"
    )
    assert sentence == "Listed on 2026-11-20 in Open; license MA60000001 had expired on 2026-10-01, 50 days before."
    assert rules == ["wa.rcw_18_108_030.license_required", "us.acas_directory_accurate"]
    assert sorted(evidence) == ["page-a", "roll-page"] and credential == "MA60000001" and severity == "access_preventing"
    assert ask("select standing, evidence_class from matching.standing") == [("contradicted", "roll")]


@pytest.mark.parametrize(("expires", "flagged"), [("2026-11-20", False), ("2026-10-21", False), ("2026-10-20", True), (None, False)])
def test_days_of_grace_and_the_expiry_day_itself_are_left_alone(con: duckdb.DuckDBPyConnection, expires: str | None, flagged: bool) -> None:
    matched(con, VEGA, ROLL + f"MA60000001 | Rosa Maria Vega | EXPIRED | {expires or ''}")
    assert bool(found(con, "lapsed_license")) == flagged


@pytest.mark.parametrize("status", ["ACTIVE", "ON PROBATION", "MILITARY", "ODD", "SUPERSEDED"])
def test_a_status_that_permits_practice_or_explains_nothing_is_no_finding(con: duckdb.DuckDBPyConnection, status: str) -> None:
    ask = matched(con, VEGA, ROLL + f"MA60000001 | Rosa Maria Vega | {status} | 2020-01-01")
    assert ask("select * from matching.finding") == []
    assert ask("select standing from matching.standing") == [("undetermined",)], "a license alone confirms nothing"


@pytest.mark.parametrize(
    ("status", "check"),
    [
        ("SUSPENDED", "barred_license"),
        ("RETIRED", "retired_or_deceased"),
        ("DECEASED", "retired_or_deceased"),
        ("INACTIVE", "lapsed_license"),
    ],
)
def test_a_status_without_a_date_is_probable_until_two_captures_agree(con: duckdb.DuckDBPyConnection, status: str, check: str) -> None:
    ask = matched(con, VEGA, ROLL + f"MA60000001 | Rosa Maria Vega | {status} | 2027-06-01")
    assert found(con, check) == {"a": "B"}
    assert ask("select sentence like '%since unknown.' from matching.finding") == [(True,)]
    with duckdb.connect() as later:
        matched(
            later,
            VEGA,
            "number | name | status | expires | seen\n" + f"MA60000001 | Rosa Maria Vega | {status} | 2027-06-01 | 2026-10-01 2026-11-20",
        )
        assert found(later, check) == {"a": "A"}
    with duckdb.connect() as young:
        matched(
            young,
            VEGA,
            "number | name | status | expires | seen\n" + f"MA60000001 | Rosa Maria Vega | {status} | 2027-06-01 | 2026-11-01 2026-11-20",
        )
        assert found(young, check) == {"a": "B"}, "the captures are closer together than the grace"
    with duckdb.connect() as expired:
        matched(expired, VEGA, ROLL + f"MA60000001 | Rosa Maria Vega | {status} | 2026-06-01")
        assert found(expired, check) == {"a": "A"}, "the expiry alone proves it"


def test_the_best_license_of_a_person_counts(con: duckdb.DuckDBPyConnection) -> None:
    matched(
        con,
        """
        id | name            | license
        a  | Rosa Maria Vega | MA60000001
        b  | Kim Tran Nguyen | MA60000003
        c  | Ana Lee Duarte  | M160000005
        """,
        ROLL
        + """
        MA60000001 | Rosa Maria Vega | EXPIRED    | 2020-01-01
        MA60000002 | Rosa Maria Vega | ACTIVE     | 2027-01-01
        MA60000003 | Kim Tran Nguyen | CLOSED     | 2020-01-01
        MA60000004 | Kim Tran Nguyen | SUSPENDED  | 2021-01-01
        M160000005 | Ana Lee Duarte  | SUPERSEDED | 2020-01-01
        MA60000006 | Ana Lee Duarte  | ACTIVE     | 2027-01-01
        """.strip(),
    )
    assert found(con, "lapsed_license") == {} and set(found(con, "barred_license")) == {"b"}


def test_a_namesake_in_good_standing_protects(con: duckdb.DuckDBPyConnection) -> None:
    roll = ROLL + "MA60000001 | Rosa {one} Vega | EXPIRED | 2020-01-01\nMA60000002 | Rosa {other} Vega | ACTIVE | 2027-01-01"
    outcomes = {}
    for one, other in (("Maria", "Maria"), ("Maria", "M"), ("Maria", "Elena"), ("", "")):
        with duckdb.connect() as each:
            matched(each, "id | name | license\na | Rosa Vega | MA60000001", roll.format(one=one, other=other).replace("  ", " "))
            outcomes[one, other] = found(each, "lapsed_license").get("a")
    assert outcomes == {("Maria", "Maria"): None, ("Maria", "M"): "B", ("Maria", "Elena"): "A", ("", ""): None}


def test_a_name_alone_accuses_only_with_its_full_middle_name_and_ambiguity_never(con: duckdb.DuckDBPyConnection) -> None:
    others = "\n".join(f"MA601{at:05d} | Jo{chr(97 + at % 26)}an P On{chr(97 + at // 26)}looker | ACTIVE | 2027-01-01" for at in range(120))
    matched(
        con,
        """
        id        | name
        full      | Rosa Maria Vega
        initial   | Rosa M Vega
        plain     | Rosa Vega
        ambiguous | Kim Nguyen
        """,
        ROLL
        + """
        MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01
        MA60000002 | Kim Tran Nguyen | EXPIRED | 2020-01-01
        MA60000003 | Kim Thi Nguyen  | EXPIRED | 2020-01-01
        """.strip()
        + "\n"
        + others,
    )
    assert set(found(con, "lapsed_license").values()) == {"B"}, "the roll is too small for a name to be unique on it"
    crowd(con, 5000)
    assert found(con, "lapsed_license") == {"full": "A", "initial": "B", "plain": "B"}
    assert found(con, "no_license_found") == {}, "an unsure match is not no match"


def test_a_wrong_number_is_never_documented(con: duckdb.DuckDBPyConnection) -> None:
    matched(
        con,
        "id | name | license\na | Rosa Maria Vega | MA60000002\nb | Rosa Maria Vega | MA60000009",
        ROLL + "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01\nMA60000002 | Peter Olsen | SUSPENDED | 2020-01-01",
    )
    assert "A" not in found(con, "lapsed_license").values() and found(con, "barred_license") == {}


def test_the_roll_is_read_as_of_the_day_of_the_listing(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id | day        | claim | name            | license
        a  | 2026-03-01 | a     | Rosa Maria Vega | MA60000001
        a  | 2026-11-20 | a     | Rosa Maria Vega | MA60000001
        """,
        """
        number     | name            | status    | expires    | seen
        MA60000001 | Rosa Maria Vega | ACTIVE    | 2027-01-01 | 2026-02-20 2026-05-01
        MA60000001 | Rosa Maria Vega | SUSPENDED | 2027-01-01 | 2026-08-01 2026-11-19
        """,
    )
    assert ask("select listing_id, tier, state, first_seen_on::varchar from matching.finding") == [
        ("a@2026-11-20", "A", "new", "2026-11-20")
    ]


def test_a_roll_much_older_than_the_listing_documents_nothing(con: duckdb.DuckDBPyConnection) -> None:
    matched(
        con,
        VEGA,
        "number | name | status | expires | seen\nMA60000001 | Rosa Maria Vega | EXPIRED | 2026-01-01 | 2026-02-01",
    )
    assert found(con, "lapsed_license") == {"a": "B"}


@pytest.mark.parametrize(("first", "is_cited"), [("2026-08-22", False), ("2026-08-21", True)])
def test_the_90_days_of_the_federal_rule_are_shown_only_by_captures_that_far_apart(
    con: duckdb.DuckDBPyConnection, first: str, is_cited: bool
) -> None:
    rows = "".join(f"\na | {day} | a | Rosa Maria Vega | MA60000001" for day in (first, "2026-11-20"))
    seen_twice = f"id | day | claim | name | license{rows}"
    ask = matched(con, seen_twice, ROLL + "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01")
    assert ask("select list_contains(rule_ids, 'us.nsa.verify_90_days') from matching.finding") == [(is_cited,)]


def test_findings_are_new_then_persist_and_are_resolved(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        """
        id | day        | claim | name             | license
        a  | 2026-10-20 | a     | Rosa Maria Vega  | MA60000001
        a  | 2026-11-20 | a     | Rosa Maria Vega  | MA60000001
        b  | 2026-10-20 | b     | Kim Tran Nguyen  | MA60000002
        c  | 2026-11-20 | c     | Ana Lee Duarte   | MA60000003
        """,
        ROLL
        + "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01\n"
        + "MA60000002 | Kim Tran Nguyen | EXPIRED | 2020-01-01\n"
        + "MA60000003 | Ana Lee Duarte | EXPIRED | 2020-01-01",
    )
    assert ask("select claim_id, state from matching.finding where check_name = 'lapsed_license' order by 1") == [
        ("a", "persisting"), ("b", "resolved"), ("c", "new"),
    ]  # fmt: skip
    assert ask("select claim_id, standing from matching.standing order by 1") == [
        ("a", "contradicted"), ("b", "undetermined"), ("c", "contradicted"),
    ]  # fmt: skip


def test_only_what_the_website_showed_is_held_against_rules_about_the_website(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con, VEGA.replace("license\na", "license | source\na") + " | birch", ROLL + "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01"
    )
    assert ask("select rule_ids from matching.finding") == [(["wa.rcw_18_108_030.license_required"],)]


def test_finding_ids_depend_on_audit_check_and_claim_alone(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, VEGA, ROLL + "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01")
    matching.link(con, ASKED)
    ids = []
    for _ in range(2):
        matching.findings(con, ASKED)
        ids.append(con.execute("select finding_id, left(sha256('county|lapsed_license|a'), 16) from matching.finding").fetchall())
    assert ids[0] == ids[1] and ids[0][0][0] == ids[0][0][1]


SEEN = "number | name | status | expires | seen | page\n"


@pytest.mark.parametrize(
    ("rows", "checks"),
    [
        ("MA60000001 | Rosa Maria Vega | SUSPENDED | 2027-01-01 | 2026-01-01 2026-03-01 | ", {}),
        ("MA60000001 | Rosa Maria Vega | DECEASED | | 2026-11-01 2026-11-10 | ", {}),
        ("MA60000001 | Rosa Maria Vega | SUSPENDED | 2026-02-01 | 2026-01-01 2026-03-01 | ", {"lapsed_license": "B"}),
        ("MA60000001 | Rosa Maria Vega | EXPIRED | 2026-02-01 | 2026-11-01 2026-11-18 | ", {"lapsed_license": "B"}),
        ("MA60000001 | Rosa Maria Vega | SUSPENDED | 2027-01-01 | 2026-01-01 2026-11-19 | ", {"barred_license": "A"}),
    ],
    ids=["suspended, then gone", "dead, then gone", "gone, but its date has passed", "gone for two days", "still there"],
)
def test_a_credential_gone_from_the_roll_proves_no_more_than_its_date(
    con: duckdb.DuckDBPyConnection, rows: str, checks: dict[str, str]
) -> None:
    ask = matched(con, VEGA, SEEN + rows + "\nMA60000002 | Ida Lund | ACTIVE | 2027-01-01 | 2026-01-01 2026-11-19 |")
    assert dict(ask("select check_name, tier from matching.finding")) == checks


@pytest.mark.parametrize(
    ("status", "expires", "checks"),
    [
        ("SUSPENDED", "2027-01-01", {}),
        ("SUSPENDED", "2025-01-01", {"lapsed_license": "B"}),
        ("DECEASED", "", {}),
        ("INACTIVE", "", {}),
        ("EXPIRED", "2026-11-22", {}),
        ("EXPIRED", "2026-01-01", {"lapsed_license": "A"}),
    ],
)
def test_a_roll_first_seen_later_proves_a_lapse_by_its_date_and_nothing_else(
    con: duckdb.DuckDBPyConnection, status: str, expires: str, checks: dict[str, str]
) -> None:
    ask = matched(con, VEGA, SEEN + f"MA60000001 | Rosa Maria Vega | {status} | {expires} | 2026-12-25 2027-03-01 |")
    assert dict(ask("select check_name, tier from matching.finding")) == checks
    assert ask("select * from matching.finding where not sentence like '% had expired on %' or sentence like '%stood as%'") == []


@pytest.mark.parametrize(
    ("status", "expires", "checks"),
    [
        ("SUSPENDED", "2027-01-01", {"barred_license": "B"}),
        ("SUSPENDED", "2025-01-01", {"barred_license": "B"}),
        ("DECEASED", "", {"retired_or_deceased": "B"}),
        ("EXPIRED", "2026-11-22", {}),
        ("EXPIRED", "2026-01-01", {"lapsed_license": "A"}),
    ],
)
def test_a_roll_taken_within_the_week_after_documents_nothing_but_a_dated_lapse(
    con: duckdb.DuckDBPyConnection, status: str, expires: str, checks: dict[str, str]
) -> None:
    ask = matched(con, VEGA, SEEN + f"MA60000001 | Rosa Maria Vega | {status} | {expires} | 2026-11-25 2027-03-01 |")
    assert dict(ask("select check_name, tier from matching.finding")) == checks


def test_number_status_date_and_response_belong_to_one_credential(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        VEGA,
        SEEN
        + "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01 | 2026-11-20 | first\n"
        + "MA60000002 | Rosa Maria Vega | INACTIVE | 2025-01-01 | 2026-11-20 | second",
    )
    ((sentence, credential, evidence),) = ask("select sentence, credential_id, evidence_ids from matching.finding")
    assert "license MA60000002 stood as inactive on the roll and had expired on 2025-01-01" in sentence
    assert credential == "MA60000002" and sorted(evidence) == ["page-a", "second"]


def test_a_closed_license_whose_date_is_not_over_is_unresolved_however_long_it_stood_so(con: duckdb.DuckDBPyConnection) -> None:
    seen = "number | name | status | expires | seen\n"
    matched(con, VEGA, seen + "MA60000001 | Rosa Maria Vega | CLOSED | 2028-01-01 | 2026-06-01 2026-11-20")
    assert set(found(con, "lapsed_license").values()) == {"C"}


def test_a_closed_license_without_a_date_is_unresolved_whatever_stands_beside_it(con: duckdb.DuckDBPyConnection) -> None:
    matched(con, VEGA, ROLL + "MA60000001 | Rosa Maria Vega | CLOSED | \nMA60000002 | Rosa Maria Vega | EXPIRED | 2020-01-01")
    assert found(con, "lapsed_license") == {"a": "C"}


def test_the_response_cited_is_the_one_that_said_so_on_that_day(con: duckdb.DuckDBPyConnection) -> None:
    ask = matched(
        con,
        VEGA,
        SEEN
        + "MA60000001 | Rosa Maria Vega | SUSPENDED | 2027-01-01 | 2026-08-01 2026-11-20 | august\n"
        + "MA60000001 | Rosa Maria Vega | ACTIVE | 2028-01-01 | 2026-12-01 2026-12-01 | december",
    )
    ((evidence,),) = ask("select evidence_ids from matching.finding where check_name = 'barred_license'")
    assert sorted(evidence) == ["august", "page-a"]


@pytest.mark.parametrize(
    ("listed", "lapsed", "active"),
    [
        ("Rosa Vega", "Rosa Maria Vega", "Rosa Vega Olsen"),
        ("Rosa Vega", "Rosa Maria Vega", "Maria Rosa Vega"),
        ("Rosa Maria Vega", "Rosa Maria Vega", "Rosa Marie Vega"),
    ],
)
def test_a_license_in_force_under_nearly_the_same_name_leaves_the_finding_probable(
    con: duckdb.DuckDBPyConnection, listed: str, lapsed: str, active: str
) -> None:
    roll = f"MA60000001 | {lapsed} | EXPIRED | 2020-01-01\nMA60000002 | {active} | ACTIVE | 2027-01-01"
    matched(con, f"id | name | license\na | {listed} | MA60000001", ROLL + roll)
    assert found(con, "lapsed_license") == {"a": "B"}


def test_a_visit_that_passes_midnight_is_one_visit(con: duckdb.DuckDBPyConnection) -> None:
    drawn(
        con,
        """
        id | claim | name            | license    | day
        a  | a     | Rosa Maria Vega | MA60000001 | 2026-11-20
        b  | a     | Rosa Maria Vega | MA60000001 | 2026-11-21
        """,
        ROLL + "MA60000001 | Rosa Maria Vega | EXPIRED | 2020-01-01",
    )
    con.execute("update curated.listing set snapshot_id = 'alder@2026-11-20', is_latest = true")
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    assert con.execute("select state from matching.finding where check_name = 'lapsed_license'").fetchall() == [("new",)]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("full_history", "The roll keeps licenses that have ended."),
        ("current_and_lapsed", "The roll keeps lapsed licenses, and may leave out those that ended otherwise."),
        ("active_only", "The roll holds only licenses in force: one that lapsed would not be on it."),
        (None, "What the roll leaves out is unknown."),
    ],
)
def test_what_absence_from_a_roll_can_mean_is_said(con: duckdb.DuckDBPyConnection, kept: str | None, said: str) -> None:
    drawn(con, "id | name\na | Rosa Vega", ROLL + "MA60000001 | Peter Olsen | ACTIVE | 2030-01-01")
    con.execute("update curated.source set completeness = $kept where source_id = 'roll'", {"kept": kept})
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    ((sentence, tier),) = con.execute("select sentence, tier from matching.finding where check_name = 'no_license_found'").fetchall()
    assert said in sentence
    assert tier == "C"
