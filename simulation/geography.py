"""Zenobia's counties: eight, around the towns of the invented state, with outlines, people and ZIP code areas. The same for every seed."""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

from simulation.places import STATE_NAME, TOWNS

Point = tuple[float, float]  # longitude, latitude; degrees

# From south-west to north-east, four to a row: name, people, towns. The last has no town, and nobody practices there.
COUNTIES = (
    ("Lysander", 214_300, ("Port Lysander", "Marrow Bay")), ("Aldermoor", 611_900, ("Aldermoor",)),
    ("Cinder", 88_400, ("Cinder Falls", "Tallow Springs")), ("Lantern", 11_700, ("Lantern Hill",)),
    ("Birchwater", 172_600, ("Birchwater", "Wexcombe")), ("Quill", 47_200, ("North Quill", "Hollin")),
    ("Orrin", 26_800, ("Saint Orrin", "Ferrowdale")), ("Hollow", 3_900, ()),
)  # fmt: skip
ACROSS = 4
WEST, SOUTH, WIDE, HIGH = -150.0, 45.0, 1.3, 1.05  # in the open Pacific; a county is about 60 by 70 miles
MILES = 69.05  # to a degree of latitude
SPARE = range(368, 400)  # last three digits of the ZIP codes without a town, four to a county


def write(folder: Path) -> Path:
    """Write county.csv, zcta.csv, counties.topojson and facts.yml into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    topology = outlines()
    borders = [border(topology, at) for at in range(len(COUNTIES))]
    _csv(folder / "county.csv", ("county_fips", "name", "population", "land_sqmi", "latitude", "longitude"), _counties(borders))
    _csv(folder / "zcta.csv", ("zip5", "county_fips", "share_land", "latitude", "longitude"), _areas(topology, borders))
    (folder / "counties.topojson").write_text(json.dumps(topology, separators=(",", ":")) + "\n", encoding="utf-8")
    facts = [
        {"item": item, "says": says, "source": f"INVENTED, as all of {STATE_NAME}", "dated": "never"}
        for item, says in (
            ("County population, land area and middle", "Invented people on invented land."),
            ("ZIP code areas", "ZIP codes from 00300, which nobody has, each with the middle of its area."),
            ("County outlines", "Drawn by a program over the open ocean."),
        )
    ]
    (folder / "facts.yml").write_text(yaml.safe_dump({"facts": facts}, sort_keys=False, width=120), encoding="utf-8")
    return folder


def code(at: int) -> str:
    """A county's code, where a real one has five digits."""
    return f"ZZ{2 * at + 1:03d}"


def outlines() -> dict[str, Any]:
    """The counties as TopoJSON: corners of a grid moved a little, and each edge between two of them a ragged arc that neighbours share."""
    rng = Random("the coast of Zenobia")
    rows = len(COUNTIES) // ACROSS
    corners = {
        (x, y): (WEST + WIDE * (x + rng.uniform(-0.2, 0.2)), SOUTH + HIGH * (y + rng.uniform(-0.2, 0.2)))
        for y in range(rows + 1)
        for x in range(ACROSS + 1)
    }
    edges = [((x, y), (x + 1, y)) for y in range(rows + 1) for x in range(ACROSS)]
    edges += [((x, y), (x, y + 1)) for y in range(rows) for x in range(ACROSS + 1)]
    arcs = [[[round(x, 4), round(y, 4)] for x, y in _ragged(corners[a], corners[b], rng)] for a, b in edges]
    number = {edge: at for at, edge in enumerate(edges)}
    geometries = []
    for at, (name, _, _) in enumerate(COUNTIES):
        x, y = at % ACROSS, at // ACROSS
        south, north = number[(x, y), (x + 1, y)], number[(x, y + 1), (x + 1, y + 1)]
        west, east = number[(x, y), (x, y + 1)], number[(x + 1, y), (x + 1, y + 1)]
        ring = [west, north, ~east, ~south]
        geometries.append({"type": "Polygon", "id": code(at), "properties": {"name": name}, "arcs": [ring]})
    return {"type": "Topology", "objects": {"counties": {"type": "GeometryCollection", "geometries": geometries}}, "arcs": arcs}


def _ragged(start: Point, end: Point, rng: Random, depth: int = 4) -> list[Point]:
    """A line between two points, each middle moved aside by up to a tenth of the length."""
    if depth == 0:
        return [start, end]
    aside = rng.uniform(-0.1, 0.1)
    across, up = end[0] - start[0], end[1] - start[1]
    middle = ((start[0] + end[0]) / 2 - aside * up, (start[1] + end[1]) / 2 + aside * across)
    return _ragged(start, middle, rng, depth - 1) + _ragged(middle, end, rng, depth - 1)[1:]


def border(topology: dict[str, Any], at: int) -> list[Point]:
    """A county's outline, closed."""
    (ring,) = topology["objects"]["counties"]["geometries"][at]["arcs"]
    arcs = [topology["arcs"][each] if each >= 0 else topology["arcs"][~each][::-1] for each in ring]
    return [(x, y) for arc in arcs for x, y in arc[1:]]


def _area_and_middle(line: Sequence[Point]) -> tuple[float, Point]:
    """Square miles and centroid of a closed line."""
    pairs = [(a, b, a[0] * b[1] - b[0] * a[1]) for a, b in zip(line, [*line[1:], line[0]], strict=True)]
    twice = sum(turn for _, _, turn in pairs)
    x = sum((a[0] + b[0]) * turn for a, b, turn in pairs) / (3 * twice)
    y = sum((a[1] + b[1]) * turn for a, b, turn in pairs) / (3 * twice)
    return abs(twice) / 2 * MILES**2 * math.cos(math.radians(y)), (x, y)


def _counties(borders: Sequence[list[Point]]) -> Iterator[tuple[Any, ...]]:
    for at, (name, people, _) in enumerate(COUNTIES):
        area, (x, y) = _area_and_middle(borders[at])
        yield code(at), f"{name} County", people, f"{area:.1f}", f"{y:.4f}", f"{x:.4f}"


def _areas(topology: dict[str, Any], borders: Sequence[list[Point]]) -> Iterator[tuple[Any, ...]]:
    """A town's ZIP codes wind outward from its middle; four more lie towards the corners of each county, one of them across a border."""
    spare = iter(SPARE)
    for at, (_, _, towns) in enumerate(COUNTIES):
        _, (x, y) = _area_and_middle(borders[at])
        for place, town in enumerate(towns):
            side = (place - (len(towns) - 1) / 2) * 0.6
            for number, tail in enumerate(TOWNS[town]):
                angle, far = number * 2.4, (1 + 1.5 * number) / MILES
                yield f"00{tail}", code(at), 1, f"{y + 0.4 * side + far * math.sin(angle):.4f}", f"{x + side + far * math.cos(angle):.4f}"
        (ring,) = topology["objects"]["counties"]["geometries"][at]["arcs"]
        for place, arc in enumerate(ring):
            corner_x, corner_y = topology["arcs"][arc][0] if arc >= 0 else topology["arcs"][~arc][-1]
            share = 0.64 if place == 0 else 1
            yield f"00{next(spare)}", code(at), share, f"{0.35 * y + 0.65 * corner_y:.4f}", f"{0.35 * x + 0.65 * corner_x:.4f}"


def _csv(path: Path, heading: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])
