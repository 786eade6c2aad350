"""implausible_locations: one person at more places than one can work at; several places are legitimate, and a name alone is nobody."""

import duckdb

import matching
from tests.matching.county import ASKED, drawn
from tests.matching.test_answers import npi


def many(name: str, count: int, zips: int, number: int, **more: str) -> list[str]:
    """Listings of one person at so many places in so many ZIP codes; those of "Nobody" show no number."""
    shown = "" if name.startswith("Nobody") else npi(number)
    own = {"network": "Open", "license": "", "npi": shown} | more
    first, last = name.split()
    return [
        f"{last}{at} | {name} | {own['npi']} | {own['license']} | {100 + at} {first} St | 9{number:02d}{at % zips:02d} | {own['network']}"
        for at in range(count)
    ]


def test_a_person_at_more_places_than_one_can_work_at(con: duckdb.DuckDBPyConnection) -> None:
    rows = [
        *many("Ada Alberts", 8, 5, 1), *many("Bea Bertrand", 7, 7, 2), *many("Cia Castellan", 9, 4, 3), *many("Nobody Known", 12, 12, 4),
        *many("Eve Eckersley", 5, 5, 5), *many("Fay Fitzwalter", 5, 5, 6, network="none"),
        *many("Gia Gottschalk", 9, 9, 7, npi="", license="MA60000007"),
        *many("Hal Hollingsworth", 5, 5, 8), *many("Ida Ingersoll", 5, 5, 8, npi=npi(8)),
        *many("Jo Jellicoe", 8, 8, 9, license="MA60000009"),
    ]  # fmt: skip
    rows += [row.replace("Alberts0", "Alberts_again").replace("100 Ada St", "100 North Ada Street") for row in rows[:1]]
    drawn(
        con,
        "id | name | npi | license | address | zip | network\n" + "\n".join(rows),
        "number | name | status | expires\n"
        "MA60000007 | Gia Gottschalk | ACTIVE | 2027-01-01\nMA60000009 | Jo Jellicoe | ACTIVE | 2027-01-01",
    )
    # Eve's first and last lie at the two ends of the state, the rest at one; Bea's lie together
    con.execute(
        "update curated.listing set latitude = 47.6, longitude = -122.3, geo_precision = 'zcta' where zip5 like '905%' or zip5 like '902%'"
    )
    con.execute("update curated.listing set latitude = 47.7, longitude = -117.4 where listing_id = 'Eckersley4'")
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    found = con.execute(
        "select subject_id, tier, sentence, len(evidence_ids), claim_id, subject_kind, about from matching.finding "
        "where check_name = 'implausible_locations' order by 1"
    ).fetchall()
    assert [(subject, tier) for subject, tier, *_ in found] == [
        (f"NPI {npi(1)}", "B"), (f"NPI {npi(5)}", "B"), ("license MA60000007", "B"), ("license MA60000009", "B"),
    ]  # fmt: skip
    assert found[0][2] == (
        "Listed on 2026-11-20 in Open at 8 different places in 5 ZIP codes, under one number. "
        "Working at several places is legitimate: a candidate to be asked about, not an error in itself."
    )
    assert ", two of them about 228 miles apart, under one number" in found[1][2]
    assert [row[3:] for row in found[:1]] == [(9, None, "provider", "listing")]
    before = con.execute("select finding_id from matching.finding where check_name = 'implausible_locations' order by 1").fetchall()
    con.execute("update curated.listing set geo_precision = 'county' where geo_precision = 'zcta'")
    matching.findings(con, ASKED)
    after = con.execute("select finding_id from matching.finding where check_name = 'implausible_locations' order by 1").fetchall()
    assert set(after) < set(before) and len(after) == 3, "two counties' centres say little of how far two places are"
