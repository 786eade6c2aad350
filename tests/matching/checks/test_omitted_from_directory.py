"""omitted_from_directory: accepted by the insurer, and not on its website read whole; any doubt is a listing."""

from collections.abc import Iterator

import duckdb
import pytest

import matching
from tests.matching.county import ASKED, drawn, entered, found
from tests.matching.test_answers import npi

# Everybody is accepted by alder in some way; who is shown there, perhaps, is not omitted.
ROLL = """
number     | name             | status  | expires
MA60000001 | Ada Alberts      | ACTIVE  | 2027-01-01
MA60000002 | Bea Bertrand     | ACTIVE  | 2027-01-01
MA60000003 | Cia Castellan    | ACTIVE  | 2027-01-01
MA60000004 | Dot Dieterle     | ACTIVE  | 2027-01-01
MA60000005 | Eve Eckersley    | ACTIVE  | 2027-01-01
MA60000006 | Fay Fitzwalter   | EXPIRED | 2020-01-01
MA60000007 | Gia Gottschalk   | ACTIVE  | 2027-01-01
MA60000008 | Hal Hollingsworth | ACTIVE | 2027-01-01
MA60000009 | Ida Ingersoll    | ACTIVE  | 2027-01-01
MA60000010 | Jo Maria Jellicoe | ACTIVE | 2027-01-01
MA60000011 | Kay Kettering    | ACTIVE  | 2027-01-01
MA60000012 | Lea Lindqvist    | ACTIVE  | 2027-01-01
MA60000013 | Mia Montague     | ACTIVE  | 2027-01-01
MA60000014 | Nia Northcote    | ACTIVE  | 2027-01-01
"""
LISTINGS = f"""
name              | license    | npi        | practice
Dot Dieterle      |            |            |
Eve Changed       | MA60000005 |            |
Maria Jellicoe    |            |            |
K Kettering-Olsen |            |            |
Somebody Else     |            | {npi(12)} |
                  |            |            | Oak Massage
"""
FILED = {"MA60000001": 1, "MA60000002": 2, "MA60000012": 12}
SAID = """
source_id | license_key | participates | at         | may_share
alder     | MA60000002  | true         | 2026-10-01 | true
alder     | MA60000003  | true         | 2026-10-01 |
alder     | MA60000004  | true         | 2026-10-01 |
alder     | MA60000005  | true         | 2026-10-01 |
alder     | MA60000006  | true         | 2026-10-01 |
alder     | MA60000007  | true         | 2026-11-01 |
alder     | MA60000008  | true         | 2026-01-01 |
alder_api | MA60000009  | true         | 2026-10-01 |
alder     | MA60000010  | true         | 2026-10-01 |
alder     | MA60000011  | true         | 2026-10-01 |
birch     | MA60000013  | true         | 2026-10-01 |
alder     | MA60000001  | true         | 2026-10-01 | false
alder     | MA60000014  | false        | 2026-11-19 |
"""
APPLIED = """
source_id | network | license_key | applied_on | outcome  | outcome_on | at
alder     | Open    | MA60000003  | 2026-08-01 | accepted | 2026-09-01 | 2026-09-02
alder     | Open    | MA60000013  | 2026-08-01 | accepted | 2026-11-01 | 2026-11-02
alder     | Select  | MA60000007  | 2026-08-01 | accepted | 2026-09-01 | 2026-09-02
alder     | Open    | MA60000014  | 2026-08-01 | accepted | 2026-09-01 | 2026-09-02
"""


def laid_out(con: duckdb.DuckDBPyConnection) -> None:
    drawn(con, LISTINGS, ROLL)
    con.execute("insert into curated.source (source_id, insurer_name) values ('alder_price', 'Alder Mutual')")
    for license, number in FILED.items():
        con.execute("insert into curated.registration by name select ? as npi, ? as license_key, '1' as entity", [npi(number), license])
        stated = (
            "select ? as npi, 'alder_price' as source_id, 'proof' as strength, date '2026-11-18' as observed_on, 'filed' as evidence_id"
        )
        con.execute(f"insert into curated.participation by name {stated}", [npi(number)])
    entered(con, "attestation", SAID)
    entered(con, "application", APPLIED)
    matching.link(con, ASKED)
    matching.findings(con, ASKED)


@pytest.fixture(scope="module")
def asked() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        laid_out(con)
        yield con


def omitted(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    said = "select subject_id, tier || case when may_share then '' else ' not shared' end from matching.finding where check_name = ?"
    return dict(con.execute(said, ["omitted_from_directory"]).fetchall())


def test_who_was_accepted_and_is_not_seen_on_the_website(asked: duckdb.DuckDBPyConnection) -> None:
    assert omitted(asked) == {
        "MA60000001": "B",  # by the file alone; what she attested without consent is not leant on
        "MA60000002": "A",
        "MA60000003": "A not shared",
        "MA60000009": "B not shared",  # attested of the insurer's other source
    }


def test_it_has_no_listing_names_nobody_and_walks_back_to_roll_and_file(asked: duckdb.DuckDBPyConnection) -> None:
    row = asked.execute(
        "select sentence, listing_id, claim_id, subject_kind, source_id, about, evidence_ids, credential_id, state from matching.finding "
        "where check_name = 'omitted_from_directory' and subject_id = 'MA60000002'"
    ).fetchone()
    assert row == (
        "Alder Mutual's website, read whole on 2026-11-20, was not seen to show the holder of license MA60000002 in any network, although "
        "its own in-network file, as of 2026-11-18, names the provider's NPI; the provider attested on 2026-10-01 to take part.",
        None, None, "credential", "alder", "listing", ["roll-page", "filed"], "MA60000002", "new",
    )  # fmt: skip
    website = (
        "select website from matching.confirmation join matching.finding using (finding_id) where check_name = 'omitted_from_directory'"
    )
    assert set(asked.execute(website).fetchall()) == {("not needed",)}


@pytest.mark.parametrize(
    "change",
    [
        "update curated.snapshot set problem_count = 1 where source_id = 'alder'",
        "update curated.snapshot set is_complete = false where source_id = 'alder'",
        "update curated.source set surface = 'api' where source_id = 'alder'",
        "update curated.source set insurer_name = null where source_id = 'alder'",
    ],
)
def test_what_was_not_read_whole_on_the_website_omits_nobody(asked: duckdb.DuckDBPyConnection, change: str) -> None:
    asked.execute("begin")
    asked.execute(change)
    matching.findings(asked, ASKED)
    assert found(asked, "omitted_from_directory") == {}
    asked.execute("rollback")
