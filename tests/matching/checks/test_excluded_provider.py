"""excluded_provider: a number is documented, a name alone is only ever a candidate."""

import duckdb

from tests.matching.county import drawn, found, stated

NPI, OTHER = "2900000003", "2900000011"
LISTING = f"id | name | npi\na | Rosa Maria Vega | {NPI}"


def test_exclusions_that_are_not_in_force_say_nothing(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, LISTING)
    stated(con)
    assert found(con, "excluded_provider") == {}, "without a list nothing is said"
    stated(
        con,
        excluded=f"""
        npi   | name      | state | excluded_on | reinstated_on | waiver_state
        {NPI} | Rosa Vega | WA    | 2026-11-21  |               |
        {NPI} | Rosa Vega | WA    | 2020-02-20  | 2026-11-20    |
        {NPI} | Rosa Vega | WA    | 2020-02-20  |               | WA
        {NPI} | Rosa Vega | WA    | 2020-02-20  |               | OR, WA
        """,
    )
    assert found(con, "excluded_provider") == {}, "to come, over, waived here"
    con.execute("delete from curated.exclusion")
    stated(con, excluded=f"npi | name | excluded_on | waiver_state | reinstated_on\n{NPI} | Rosa Vega | 2020-02-20 | OR | 2026-11-21")
    assert found(con, "excluded_provider") == {"a": "A"}, "waived elsewhere, and reinstated the day after"


def test_a_name_is_never_more_than_a_candidate(con: duckdb.DuckDBPyConnection) -> None:
    drawn(
        con,
        f"""
        id       | name            | npi     | state | zip
        place    | Rosa Maria Vega |         | WA    |
        zip      | Rosa Vega       |         | none  | 98222
        abroad   | Rosa Vega       |         | OR    |
        middle   | Rosa Quinn Vega |         | WA    |
        number   | Rosa Vega       | {OTHER} | WA    |
        somebody | Olaf Berg       |         | WA    |
        """,
    )
    listed = f"npi | name | state | zip5 | excluded_on\n{NPI} | Rosa M Vega | WA | 98222 | 2020-02-20"
    stated(con, excluded=listed)
    assert found(con, "excluded_provider") == {"place": "C", "zip": "C"}
    ((sentence,),) = con.execute(
        "select sentence from matching.finding where check_name = 'excluded_provider' and listing_id = 'place'"
    ).fetchall()
    assert sentence == (
        'Listed on 2026-11-20 in Open; a person of this name stands on the list "Federal list" as excluded since 2020-02-20. '
        "A name alone is only a candidate: it may be somebody else."
    )


def test_a_number_is_documented_unless_the_names_contradict(con: duckdb.DuckDBPyConnection) -> None:
    drawn(
        con,
        f"""
        id      | name       | practice     | npi        | license
        same    | Rosa Vega  |              | {NPI}      |
        changed | Rosa Lund  |              | {NPI}      |
        other   | Olaf Berg  |              | {NPI}      |
        clinic  |            | Cedar & Sons | {OTHER}    |
        worker  | Ida Quist  |              | {OTHER}    |
        license | Kim Nordin |              |            | MA60000001
        undated | Ada Reyes  |              | 2900000029 |
        """,
    )
    stated(
        con,
        excluded=f"""
        npi        | name       | organization | license_key | excluded_on
        {NPI}      | Rosa Vega  |              |             | 2020-02-20
        {OTHER}    |            | CEDAR & SONS |             | 2021-03-20
                   | Kim Nordin |              | MA60000001  | 2022-04-20
        2900000029 | Ada Reyes  |              |             |
        """,
    )
    assert found(con, "excluded_provider") == {
        "same": "A", "changed": "B", "other": "C", "clinic": "A", "worker": "C", "license": "A", "undated": "B",
    }  # fmt: skip
    said = dict(con.execute("select listing_id, sentence from matching.finding where check_name = 'excluded_provider'").fetchall())
    assert (
        said["same"] == f'Listed on 2026-11-20 in Open; the NPI {NPI} shown stands on the list "Federal list" as excluded since 2020-02-20.'
    )
    assert said["other"].endswith("under a name that is not the one shown: only a candidate.")
    con.execute("update curated.snapshot set observed_on = date '2026-10-05' where source_id = 'leie'")
    stated(con, day="2026-10-05")
    assert found(con, "excluded_provider")["same"] == "B", "a list 46 days old cannot know of a reinstatement"


def test_bare_digits_are_a_license_of_many_professions_and_document_only_under_the_same_name(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, "id | name | license\nsame | Rosa Vega | 123456\nother | Rosa Lund | 234567\nprefixed | Rosa Lund | MA60000001")
    con.execute("update curated.listing set license_key = license_raw where license_key is null")
    stated(
        con,
        excluded="""
        npi | name      | license_key | excluded_on
            | Rosa Vega | 123456      | 2020-02-20
            | Rosa Berg | 234567      | 2020-02-20
            | Rosa Berg | MA60000001  | 2020-02-20
        """,
    )
    assert found(con, "excluded_provider") == {"same": "A", "other": "C", "prefixed": "B"}
