"""Zenobia's map holds together: every town in a county, outlines that share their borders, nothing that is anywhere real."""

import csv
import json
from pathlib import Path

import pytest

from simulation.geography import COUNTIES, border, outlines, write
from simulation.places import TOWNS


def test_every_zip_code_of_every_town_lies_in_one_county(tmp_path: Path) -> None:
    folder = write(tmp_path)
    with (folder / "zcta.csv").open(encoding="utf-8") as file:
        areas = {row["zip5"]: row["county_fips"] for row in csv.DictReader(file)}
    assert {f"00{tail}" for tails in TOWNS.values() for tail in tails} <= areas.keys()
    assert all("00300" <= each <= "00399" for each in areas)
    assert sorted(town for _, _, towns in COUNTIES for town in towns) == sorted(TOWNS)
    assert len(set(areas.values())) == len(COUNTIES)


def test_neighbours_share_their_border() -> None:
    topology = outlines()
    used = [arc if arc >= 0 else ~arc for each in topology["objects"]["counties"]["geometries"] for arc in each["arcs"][0]]
    inner = [arc for arc in set(used) if used.count(arc) == 2]
    assert (len(topology["arcs"]), len(inner)) == (22, 10)
    assert all(len(border(topology, at)) == 64 for at in range(len(COUNTIES)))
    assert all(-151 < x < -144 and 44 < y < 48 for arc in topology["arcs"] for x, y in arc), "the open Pacific"


def test_the_same_map_every_time(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name) for name in ("first", "second"))
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_land_people_and_middle_agree_with_the_outline(tmp_path: Path) -> None:
    shapes = json.loads((write(tmp_path) / "counties.topojson").read_text(encoding="utf-8"))
    with (tmp_path / "county.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [each["id"] for each in shapes["objects"]["counties"]["geometries"]] == [row["county_fips"] for row in rows]
    for at, row in enumerate(rows):
        xs, ys = zip(*border(shapes, at), strict=True)
        box = (max(xs) - min(xs)) * (max(ys) - min(ys)) * 69.05 * 69.05 * 0.695  # the cosine of 46 degrees north
        assert 0.6 * box < float(row["land_sqmi"]) < box
        assert (min(xs) + max(xs)) / 2 == pytest.approx(float(row["longitude"]), abs=0.15)
