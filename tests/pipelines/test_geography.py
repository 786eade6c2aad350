"""Facts about places: carried as they are, read strictly, and put to listings without claiming more than is known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from pipelines import expectations, geography, models, outlines, runs, warehouse
from scrapers.geography import SHIPPED, Facts
from scrapers.records import Refused
from scrapers.sources import load_audit
from simulation.geography import COUNTIES, write
from tests.pipelines.test_curated import MARCH, built, con, listed

__all__ = ["con"]  # the fixture
WASHINGTON = Facts(geography=SHIPPED / "wa")


def unmet(con: warehouse.Connection, cards: list[models.Model]) -> list[str]:
    """What stops a run, in words."""
    return [each.says for each in expectations.of_models(con, cards) if each.stops and each.high == 0 < each.value]


@pytest.fixture(scope="module")
def zenobia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("zenobia") / "geography")


@pytest.fixture(scope="module")
def counties() -> list[dict[str, Any]]:
    return geography.rows(WASHINGTON)["county"]


def test_washington_is_carried_whole() -> None:
    rows = geography.rows(WASHINGTON)
    assert (len(rows["county"]), len(rows["zcta"])) == (39, 605)
    assert sum(row["population"] for row in rows["county"]) == 7_705_281  # the 2020 Census, as published for the state
    assert sum(row["land_sqmi"] for row in rows["county"]) == pytest.approx(66_455, rel=0.001)
    assert sum(row["share_land"] < 1 for row in rows["zcta"]) == 85
    assert all(row["outline"] for row in rows["county"])
    assert {row["county_fips"] for row in rows["zcta"]} == {row["county_fips"] for row in rows["county"]}
    assert {"item", "says", "source", "dated"} == set(rows["geography_fact"][0])


@pytest.mark.parametrize("facts", [WASHINGTON, None], ids=["washington", "zenobia"])
def test_points_lie_inside_their_county_and_their_middle_is_its_middle(facts: Facts | None, zenobia: Path) -> None:
    """A spread of people whose average place were not the county's middle would move them."""
    rows = geography.rows(facts or Facts(geography=zenobia))
    for county in rows["county"]:
        points = [(row["longitude"], row["latitude"]) for row in rows["residence"] if row["county_fips"] == county["county_fips"]]
        assert 40 <= len(points) <= 80
        x, y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
        assert (abs(x - county["longitude"]) < 0.2, abs(y - county["latitude"]) < 0.1) == (True, True), county["name"]
        lines = outlines.rings(json.loads(county["outline"]))
        for px, py in points[::7]:
            crossed = sum(
                (ay > py) != (by > py) and px < ax + (py - ay) / (by - ay) * (bx - ax)
                for line in lines
                for (ax, ay), (bx, by) in zip(line, [*line[1:], line[0]], strict=True)
            )
            assert crossed % 2 == 1


def test_listings_are_located_no_better_than_is_known(con: warehouse.Connection, zenobia: Path) -> None:
    """Also: curated.county, zcta, residence, enrollment and geography_fact hold what the files say."""
    rows = geography.rows(Facts(geography=zenobia))
    bare = next(row for row in rows["zcta"] if row["zip5"] == "00364")
    del bare["latitude"], bare["longitude"]
    warehouse.load_all(con, rows)
    listed(con, MARCH, "name | zip | network\nAda Reyes | 00303-1234 | S\nBo Lund | 00364 | S\nCy Park | 00999 | S\nDee Moor | | S")
    cards = built(con)
    seen = warehouse.table(con, "select county_fips, geo_precision, latitude from curated.listing order by locator")
    middle = {row["county_fips"]: row["latitude"] for row in warehouse.table(con, "select * from curated.county")}
    assert [(row["county_fips"], row["geo_precision"]) for row in seen] == [
        ("ZZ003", "zcta"),
        ("ZZ007", "county"),
        (None, None),
        (None, None),
    ]
    assert seen[0]["latitude"] == pytest.approx(next(row["latitude"] for row in rows["zcta"] if row["zip5"] == "00303"))
    assert seen[1]["latitude"] == middle["ZZ007"]
    assert seen[2]["latitude"] is None
    spread = con.execute("select distinct county_fips, spread, round(sum(share), 9) from curated.residence group by 1, 2").fetchall()
    assert len(spread) == 2 * len(COUNTIES)
    assert {share for *_, share in spread} == {1.0}
    bases = con.execute("select distinct spread, basis from curated.residence order by all").fetchall()
    assert bases == [("even", "zcta"), ("middle", "county")]
    assert con.execute("select sum(zcta_count), sum(straddling_count) from curated.county").fetchall() == [(len(rows["zcta"]), 8)]
    assert con.execute("select count(*) from curated.geography_fact").fetchall() == [(3,)]
    about = [
        model for model in cards if model.name.split(".")[1] in ("county", "zcta", "residence", "enrollment", "geography_fact", "listing")
    ]
    models.describe(con, about)
    assert unmet(con, about) == []


def test_without_positions_people_are_spread_over_the_outline(con: warehouse.Connection) -> None:
    warehouse.load_all(con, geography.rows(WASHINGTON))
    listed(con, MARCH, "name | zip | network\nAda Reyes | 99201 | S")
    built(con)
    assert con.execute("select county_fips, geo_precision from curated.listing").fetchall() == [("53063", "county")]
    bases = con.execute("select spread, basis, count(*) > 2000 from curated.residence group by 1, 2 order by 1").fetchall()
    assert bases == [("even", "outline", True), ("middle", "county", False)]


def sheet(path: Path, rows: list[list[str]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        for at, row in enumerate(rows):
            page.write_row(at, 0, row)
    return path


def test_a_list_of_urban_counties_is_read_in_the_shapes_it_may_come_in(tmp_path: Path, counties: list[dict[str, Any]]) -> None:
    titled = [
        ["Urban Counties"],
        ["Updated 03-30-2022"],
        ["No.", "County Name"],
        ["1", "King County"],
        ["2", "  pierce "],
        ["3", "Spokane"],
    ]
    read = geography.urban_counties(sheet(tmp_path / "list.xlsx", titled), counties)
    assert {county for county, kind in read.items() if kind == "urban"} == {"53033", "53053", "53063"}
    assert len(read) == 39
    assert read["53019"] == "rural"
    told = [["County", "Class"], *([each["name"], "Urban" if each["population"] > 200_000 else "RURAL"] for each in counties)]
    read = geography.urban_counties(sheet(tmp_path / "all.xlsx", told), counties)
    assert sum(kind == "urban" for kind in read.values()) == sum(each["population"] > 200_000 for each in counties)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([["Region"], ["West"]], "no column names counties"),
        ([["County"], ["King"], ["Multnomah"]], "'Multnomah' stands among the counties"),
        ([["County", "Kind"], ["King", "Urban"], ["Ferry", "mostly rural"]], "cannot be told"),
        ([["County", "Kind"], ["King", "Urban"], ["Ferry", ""]], "cannot be told"),
        ([], "no column names counties"),
    ],
)
def test_a_list_that_could_be_read_two_ways_is_refused(
    rows: list[list[str]], sentence: str, tmp_path: Path, counties: list[dict[str, Any]]
) -> None:
    with pytest.raises(Refused, match=sentence):
        geography.urban_counties(sheet(tmp_path / "list.xlsx", rows), counties)


def test_a_workbook_that_is_none_is_refused(tmp_path: Path, counties: list[dict[str, Any]]) -> None:
    (tmp_path / "list.xlsx").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(Refused, match=r"list\.xlsx cannot be read as a workbook"):
        geography.urban_counties(tmp_path / "list.xlsx", counties)


def test_enrollment_goes_to_the_network_it_names(con: warehouse.Connection, tmp_path: Path, zenobia: Path) -> None:
    said = tmp_path / "form_b.csv"
    said.write_text("county,network,enrollees,month\nZZ003,Silver,120,2026-03\nCinder,Gone,7,2026-03\n", encoding="utf-8")
    warehouse.load_all(con, geography.rows(Facts(geography=zenobia, enrollment=said)))
    listed(con, MARCH, "name | zip | network\nAda Reyes | 00300 | Silver")
    cards = built(con)
    assert con.execute("select source_id, network, county_fips, enrollee_count from curated.enrollment order by 2 desc").fetchall() == [
        ("alder", "Silver", "ZZ003", 120),
        (None, "Gone", "ZZ005", 7),
    ]
    about = [model for model in cards if model.name == "curated.enrollment"]
    assert unmet(con, about) == ["source_id is never empty", "every network is in curated.network"], "a network nobody lists stops the run"


def broken(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (broken("county.csv", lambda text: text.replace("population", "people", 1)), "county.csv: no column population"),
        (broken("county.csv", lambda text: text.replace(",214300,", ",lots,")), "county.csv, line 2: `population` is 'lots'"),
        (broken("county.csv", lambda text: text.replace("ZZ003", "ZZ001")), "county.csv: ZZ001 stands there twice"),
        (broken("zcta.csv", lambda text: text.replace("00324,ZZ001", "00324,ZZ099")), "zcta.csv, line 2: `county_fips` is 'ZZ099'"),
        (broken("zcta.csv", lambda text: text.replace("00324,", "324,")), "zcta.csv, line 2: `zip5` is '324'"),
        (broken("zcta.csv", lambda text: text.replace(",0.64,", ",64,", 1)), "`share_land` is '64'; expected a number from 0 to 1"),
        (broken("zcta.csv", lambda text: text + "00333\n"), "1 values under 5 headings"),
        (broken("counties.topojson", lambda text: text.replace("counties", "shapes", 1)), "counties.topojson is no TopoJSON"),
        (broken("counties.topojson", lambda text: text.replace('"ZZ001"', '"ZZ099"')), "'ZZ099' is an outline's id"),
        (broken("facts.yml", lambda text: text.replace("says", "said")), "did you mean 'says'"),
        (lambda folder: (folder / "facts.yml").unlink(), "facts.yml is missing"),
        (lambda folder: (folder / "county.csv").unlink(), "county.csv cannot be read"),
    ],
)
def test_a_damaged_geography_is_refused_in_a_sentence(spoil: Callable[[Path], None], sentence: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "geography")
    spoil(folder)
    with pytest.raises(Refused) as said:
        geography.rows(Facts(geography=folder))
    assert sentence in str(said.value)


CARD = "{title: Story, state: %s, profession: massage_therapist, insurers: [./alder.yml]%s}"


def audit_card(folder: Path, state: str = "ZZ", more: str = "") -> Path:
    (folder / "alder.yml").write_text("{title: Alder, kind: insurer, format: table, start: alder.csv, columns: {name: Name}}")
    (folder / "story.yml").write_text(CARD % (state, more))
    return folder / "story.yml"


def test_a_card_names_its_geography_or_takes_what_is_shipped(tmp_path: Path, zenobia: Path) -> None:
    assert load_audit(audit_card(tmp_path)).facts == Facts()
    assert load_audit(audit_card(tmp_path, "WA")).facts.geography == SHIPPED / "wa"
    write(tmp_path / "places")
    assert load_audit(audit_card(tmp_path, "WA", ", geography: places")).facts.geography == tmp_path / "places"
    with pytest.raises(Refused, match=r"story\.yml: `enrollment` names form_b\.csv, and there is no such file"):
        load_audit(audit_card(tmp_path, more=", enrollment: form_b.csv"))
    (tmp_path / "form_b.csv").write_text("county,network,enrollees\n")
    with pytest.raises(Refused, match="this audit has none"):
        geography.rows(load_audit(audit_card(tmp_path, more=", enrollment: form_b.csv")).facts)


def test_a_changed_fact_is_another_run(tmp_path: Path) -> None:
    write(tmp_path / "places")
    card = audit_card(tmp_path, more=", geography: places")
    before = runs.digest(load_audit(card))
    assert runs.digest(load_audit(card)) == before
    broken("county.csv", lambda text: text.replace(",214300,", ",214301,"))(tmp_path / "places")
    assert runs.digest(load_audit(card)) != before
