"""Adequacy in a drawn state, recomputed in pandas from what was put in; and its sections, which print both networks beside each other."""

import random
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines import geography, models, warehouse
from reports import adequacy
from reports.adequacy_sections import sections
from reports.measures import wilson
from reports.records import Section
from scrapers.geography import SHIPPED, Facts
from simulation.geography import write
from tests.reports.world import World, context

INSURERS = {"zz.alder": ("Alder Mutual", ("Gold", "Silver")), "zz.birch": ("Birch Health", ("Prime",)), "zz.cedar": ("Cedar Plan", (None,))}
STANDINGS = ("confirmed", "contradicted", "undetermined", None)


def drawn(facts: Facts, per_insurer: int = 60) -> World:
    """Invented listings over a geography: some unplaced, some duplicates, some persons in several counties, networks and insurers."""
    chance, world = random.Random(5), World()
    world.run("ZZ")
    warehouse.lay_out(world.con)
    warehouse.load_all(world.con, geography.rows(facts))
    curated = models.load("pipelines/sql", "curated")
    facts_tables = {f"curated.{table}" for table in ("county", "zcta", "residence", "enrollment", "geography_fact")}
    zips = [row["zip5"] for row in geography.rows(facts).get("zcta", []) if not "00366" < row["zip5"] < "00400"]  # Hollow has no others
    zips = chance.sample(zips, min(40, len(zips)))
    number = 0
    for source, (name, networks) in INSURERS.items():
        world.source(source, f"{name} directory", insurer_name=name, surface="website")
        for network in networks:
            world.add("curated.network", source_id=source, network=network)
        for _ in range(per_insurer):
            number += 1
            id = f"l{number:03d}"
            zip5 = chance.choice([*zips, "00999", None])
            world.listing(id, source, network=chance.choice(networks), zip5=zip5)
            world.add("matching.provider_member", provider_id=f"p{chance.randrange(70)}", member_kind="listing", member_id=id)
            if chance.random() < 0.1:
                world.add("matching.duplicate", listing_id=id, group_id=f"g{id}", kind="same_location", keeper_listing_id="another")
            if (standing := chance.choices(STANDINGS, (1, 2, 3, 4))[0]) is not None:
                world.add("matching.standing", claim_id=f"c-{id}", standing=standing)
            if chance.random() < 0.7:
                held = f"k{chance.randrange(50)}"
                if not world.rows(f"select 1 from curated.credential where credential_id = '{held}'"):
                    status = chance.choice(["active", "active", "expired"])
                    world.credential(held, status, profession="massage_therapist")
                pair = {"left_kind": "listing", "left_id": id, "right_kind": "credential", "right_id": held, "judgement": "same"}
                world.add("matching.match", **pair)
    models.build(world.con, [model for model in curated if model.name in facts_tables], {})
    world.con.execute(
        "update curated.listing set county_fips = zcta.county_fips, latitude = coalesce(zcta.latitude, county.latitude), "
        "longitude = coalesce(zcta.longitude, county.longitude), "
        "geo_precision = case when zcta.latitude is null then 'county' else 'zcta' end "
        "from curated.zcta join curated.county on county.county_fips = zcta.county_fips where zcta.zip5 = listing.zip5"
    )
    return world.models()


@pytest.fixture(scope="module")
def zenobia(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("zenobia")
    enrollment = folder / "form_b.csv"
    enrollment.write_text("county,network,enrollees\nAldermoor,Silver,20000\nLysander County,Silver,900\n", encoding="utf-8")
    urban = folder / "urban.csv"
    urban.write_text("Urban counties\nAldermoor\nLysander\n", encoding="utf-8")
    return drawn(Facts(geography=write(folder / "geography"), enrollment=enrollment, urban_counties=urban))


@pytest.fixture(scope="module")
def washington() -> World:
    return drawn(Facts(geography=SHIPPED / "wa"))


@pytest.fixture(scope="module")
def told(zenobia: World) -> dict[str, Section]:
    return {each.key: each for each in sections(zenobia.con, context(state="Zenobia"))}


def frame(world: World, sql: str) -> Any:
    return world.con.execute(sql).df()


def recomputed(world: World) -> Any:
    """The figures by scope, side and county, from the listings, standings, counties and ZIP code areas alone."""
    listed = frame(world, "select * from curated.listing").drop(columns=["county_fips", "latitude", "longitude"])
    person = frame(world, "select member_id as listing_id, provider_id from matching.provider_member")
    twins = set(frame(world, "select listing_id from matching.duplicate")["listing_id"])
    standing = frame(world, "select claim_id, standing from matching.standing")
    county, zcta = frame(world, "select * from curated.county"), frame(world, "select * from curated.zcta")
    homes = frame(world, "select * from curated.residence")
    seen = listed[~listed["listing_id"].isin(twins)].merge(person).merge(standing, how="left").merge(zcta, how="left", on="zip5")
    seen = seen.merge(county[["county_fips", "latitude", "longitude"]], how="left", on="county_fips", suffixes=("", "_middle"))
    seen["latitude"], seen["longitude"] = (seen[each].fillna(seen[f"{each}_middle"]) for each in ("latitude", "longitude"))
    sides = {
        "listed": seen,
        "verified_high": seen[seen["standing"] != "contradicted"],
        "verified_low": seen[seen["standing"] == "confirmed"],
    }
    scopes = {"all": lambda x: x["source_id"] != ""} | {name: lambda x, name=name: x["source_id"] == name for name in INSURERS}
    for name, (_, networks) in INSURERS.items():
        for network in networks:
            scopes[f"{name}/{network or ''}"] = lambda x, n=name, w=network: (x["source_id"] == n) & (x["network"].fillna("") == (w or ""))
    found = []
    for scope, chosen in scopes.items():
        for side, rows in sides.items():
            rows = rows[chosen(rows)]
            placed = rows.dropna(subset=["latitude"])
            far = homes.assign(miles=nearest(homes, placed))
            for _, place in county.iterrows():
                there = rows[rows["county_fips"] == place["county_fips"]]
                said = {"scope": scope, "side": side, "county_fips": place["county_fips"], "listing_count": len(there)}
                said |= {"provider_count": there["provider_id"].nunique(), "unplaced": len(rows) - len(placed)}
                for spread, tail in (("even", ""), ("middle", "_middle")):
                    home = far[(homes["county_fips"] == place["county_fips"]) & (homes["spread"] == spread)]
                    said |= {f"share_{miles}_miles{tail}": home["share"][home["miles"] <= miles].sum() for miles in (30, 60)}
                    said["nearest_miles" if tail else "average_miles"] = (home["share"] * home["miles"]).sum() if len(placed) else np.nan
                found.append(said)
    return pd.DataFrame(found)


def nearest(homes: Any, doors: Any) -> Any:
    """Miles over the sphere by the angle between two directions, which is another way than the model's."""
    if doors.empty:
        return np.full(len(homes), np.inf)
    a, b = (
        np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
        for lat, lon in ((np.radians(each["latitude"]), np.radians(each["longitude"])) for each in (homes, doors))
    )
    return 3958.8 * np.arccos(np.clip(a @ b.T, -1, 1)).min(axis=1)


@pytest.mark.parametrize("state", ["zenobia", "washington"])
def test_adequacy_is_what_pandas_makes_of_the_same_facts(state: str, request: pytest.FixtureRequest) -> None:
    world = request.getfixturevalue(state)
    ours = frame(world, "select * from reports.adequacy").merge(recomputed(world), on=["scope", "side", "county_fips"], suffixes=("", "_"))
    assert (
        len(ours)
        == world.rows("select count(*) from reports.adequacy")[0][0]
        == 3 * len(set(ours["scope"])) * len(set(ours["county_fips"]))
    )
    for figure in ("listing_count", "provider_count", "share_30_miles", "share_60_miles", "share_30_miles_middle", "share_60_miles_middle"):
        np.testing.assert_allclose(ours[figure], ours[f"{figure}_"], atol=1e-9, err_msg=figure)
    for figure in ("nearest_miles", "average_miles"):
        np.testing.assert_allclose(ours[figure], ours[f"{figure}_"], atol=1e-3, err_msg=figure)
    np.testing.assert_allclose(ours["per_1000"], 1000 * ours["provider_count"] / ours["population"])
    breadth = frame(world, "select * from reports.breadth").set_index(["scope", "side"])
    for (scope, side), rows in ours.groupby(["scope", "side"]):
        row = breadth.loc[(scope, side)]
        assert row["unplaced_count"] == rows["unplaced"].iloc[0]
        assert row["empty_county_count"] == (rows["provider_count"] == 0).sum()
        assert row["share_30_miles"] == pytest.approx(np.average(rows["share_30_miles_"], weights=rows["population"]))


def test_the_verified_network_lies_within_the_listed_one(zenobia: World) -> None:
    rows = frame(zenobia, "select * from reports.adequacy").pivot(index=["scope", "county_fips"], columns="side")
    for figure in ("listing_count", "provider_count", "share_30_miles", "share_60_miles"):
        assert (rows[figure]["verified_low"] <= rows[figure]["verified_high"]).all()
        assert (rows[figure]["verified_high"] <= rows[figure]["listed"]).all()
    assert (rows["provider_count"]["verified_high"] < rows["provider_count"]["listed"]).any()


def test_enrolled_people_are_counted_where_a_file_says_how_many(zenobia: World) -> None:
    said = zenobia.rows(
        "select network, county_fips, population from reports.adequacy where population_kind = 'enrolled' and side = 'listed' order by 2"
    )
    assert said == [("Silver", "ZZ001", 900), ("Silver", "ZZ003", 20_000)]


def test_breadth_is_of_license_holders_in_force(zenobia: World) -> None:
    holders = zenobia.rows("select count(*) from curated.credential where may_practice")[0][0]
    named = zenobia.rows(
        "select count(distinct match.right_id) from matching.match join curated.credential on credential_id = right_id and may_practice "
        "join reports.in_scope on in_scope.listing_id = match.left_id and in_scope.is_unique"
    )[0][0]
    row = zenobia.rows("select licensed_count, holder_count, licensed_share from reports.breadth where scope = 'all' and side = 'listed'")[
        0
    ]
    assert row == (holders, named, pytest.approx(named / holders))


def test_inflation_turns_wilsons_interval_over(zenobia: World) -> None:
    for row in adequacy.inflation(zenobia.con, "listing").values():
        low, high = wilson(row["verified_high_count"], row["listed_count"])
        assert row["index_least"] == pytest.approx(row["listed_count"] / row["verified_high_count"])
        assert (row["index_least_from"], row["index_least_to"]) == pytest.approx((max(1, 1 / high), 1 / low), abs=1e-5)
        low, high = wilson(row["verified_low_count"], row["listed_count"])
        assert (row["index_most_from"], row["index_most_to"]) == pytest.approx((1 / high, 1 / low), abs=1e-4)


def test_insurers_are_ordered_only_where_their_whole_ranges_lie_apart() -> None:
    def row(least: float, most: float | None) -> dict[str, Any]:
        return {"index_least_from": least, "index_most_to": most}

    assert list(adequacy.apart({"a": row(3, 9), "b": row(1, 2.9), "c": row(1, None), "all": row(99, 99)})) == [("a", "b")]
    assert list(adequacy.apart({"a": row(1, None), "b": row(1, 3)})) == []


def test_a_small_county_is_printed_as_a_count(zenobia: World, told: dict[str, Section]) -> None:
    rows = {row[0]: row for row in told["adequacy_counties"].rows}
    for county, listed, low, high in zenobia.rows(
        "select county.name, max(provider_count) filter (where side = 'listed'), max(provider_count) filter (where side = 'verified_low'), "
        "max(provider_count) filter (where side = 'verified_high') from reports.adequacy join curated.county using (county_fips) "
        "where scope = 'all' group by 1"
    ):
        assert rows[county][2:4] == (listed, adequacy.span(low, high))
    assert min(row[2] for row in rows.values()) == 0
    assert "Nobody is listed in" in told["adequacy_counties"].paragraphs[0]


def test_the_sections_say_what_the_benchmark_is_not(told: dict[str, Section]) -> None:
    said = " ".join(told["adequacy"].paragraphs)
    assert "not a legal standard for massage" in said
    assert told["adequacy"].columns[-2:] == ("30 urban, 60 rural, listed", "Verified, at most")
    limits = " ".join(told["adequacy_limits"].paragraphs)
    for word in ("straight lines", "stand in for", "not where they work", "reach over a county's border", "middle of its ZIP code's area"):
        assert word in limits
    assert [row[0] for row in told["adequacy_limits"].rows] == sorted(row[0] for row in told["adequacy_limits"].rows)
    assert not re.search(r"\{\w+\}", " ".join([*told["adequacy"].paragraphs, limits, *(section.alt for section in told.values())]))


def test_every_map_has_its_finding_in_words(told: dict[str, Section]) -> None:
    drawn = [section for section in told.values() if section.chart]
    assert {"adequacy", "adequacy_counties", *(f"adequacy_{name}" for name in INSURERS)} == {section.key for section in drawn}
    for section in drawn:
        assert section.chart.startswith("<svg")
        assert re.search(r"\d+ (persons|listed)", section.alt)
    assert "Most contradicted:" in told["adequacy_counties"].alt


def test_every_row_says_whose_it_is(told: dict[str, Section]) -> None:
    for section in told.values():
        assert len(section.columns) == len(section.rows[0])
        if section.about:
            assert len(section.about) == len(section.rows)
    assert set(told["adequacy_zz.birch"].about) == {"zz.birch"}


def test_washington_is_a_county_level_proxy(washington: World) -> None:
    said = {each.key: each for each in sections(washington.con, context())}
    assert "every figure in miles is a county-level proxy" in " ".join(said["adequacy_limits"].paragraphs)
    assert "list of urban counties was not given" in " ".join(said["adequacy"].paragraphs)
    assert len(said["adequacy_counties"].rows) == 39
    assert any("–" in row[4] for row in said["adequacy"].rows), "where people live in their county matters here, and is printed as a range"


def test_without_geography_the_sections_say_so() -> None:
    world = drawn(Facts())
    said = {each.key: each for each in sections(world.con, context())}
    assert "this audit has no geography" in " ".join(said["adequacy"].paragraphs).lower()
    assert set(said) == {"adequacy", "adequacy_breadth", "adequacy_inflation"}
    assert said["adequacy"].columns == ("Insurer", "Network", "Persons listed", "Verified")
