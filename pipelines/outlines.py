"""County outlines: TopoJSON in, GeoJSON geometries and evenly spread points out."""

import json
import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from scrapers.records import Refused

Point = tuple[float, float]  # longitude, latitude; degrees
Ring = list[Point]
Shape = dict[str, Any]  # a GeoJSON Polygon or MultiPolygon

SPOTS = 60  # about so many points stand for a county: Washington's largest then has one every 9 miles
LARGEST_FILE = 16 * 1000**2  # bytes; a state's outlines take 14 thousand


def read(path: Path, known: Collection[str]) -> dict[str, Shape]:
    """County → outline, from the object `counties`; none where there is no such file. Raises Refused where it is no such TopoJSON."""
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it is {path.stat().st_size:,} bytes")
        topology = json.loads(path.read_text(encoding="utf-8"))
        arcs = list(_arcs(topology))
        shapes = {str(each["id"]): _shape(each, arcs) for each in topology["objects"]["counties"]["geometries"]}
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        said = f"{type(error).__name__}: {error}"
        raise Refused(f"{path.name} is no TopoJSON with an object `counties` ({said}); see states/geography/README.md") from error
    if strange := sorted(shapes.keys() - set(known)):
        raise Refused(f"{path.name}: {strange[0]!r} is an outline's id and no county_fips of county.csv; mend one of the two")
    return shapes


def _arcs(topology: Shape) -> Iterator[Ring]:
    """Arcs in degrees: steps on a grid where the topology has a transform."""
    grid = topology.get("transform")
    (wide, high), (west, south) = (grid["scale"], grid["translate"]) if grid else ((1, 1), (0, 0))
    for arc in topology["arcs"]:
        x, y, line = 0.0, 0.0, []
        for step_x, step_y in arc:
            x, y = (x + step_x, y + step_y) if grid else (step_x, step_y)
            line.append((round(x * wide + west, 5), round(y * high + south, 5)))
        yield line


def _shape(geometry: Shape, arcs: Sequence[Ring]) -> Shape:
    kind = geometry["type"]
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"an outline is a {kind}")
    parts = [geometry["arcs"]] if kind == "Polygon" else geometry["arcs"]
    polygons = [[_ring(ring, arcs) for ring in part] for part in parts]
    return {"type": kind, "coordinates": polygons[0] if kind == "Polygon" else polygons}


def _ring(numbers: Sequence[int], arcs: Sequence[Ring]) -> Ring:
    """Arcs end to end; ~n is arc n backwards, and where two meet the point stands once."""
    joined: Ring = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        joined += arc[1:] if joined else arc
    return joined


def rings(shape: Shape) -> list[Ring]:
    """Every ring of an outline, holes too."""
    return [ring for part in ([shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]) for ring in part]


def spread(shape: Shape, spots: int = SPOTS) -> list[Point]:
    """Points at equal distances inside an outline, about `spots` of them: people spread evenly over the land."""
    lines = rings(shape)
    longitudes, latitudes = zip(*(point for line in lines for point in line), strict=True)
    shrink = math.cos(math.radians((min(latitudes) + max(latitudes)) / 2))
    area = abs(sum(_area(line) for line in lines)) * shrink
    step = math.sqrt(area / spots)  # degrees of latitude
    found = []
    for row in range(math.ceil((max(latitudes) - min(latitudes)) / step)):
        latitude = min(latitudes) + (row + 0.5) * step
        crossings = sorted(cross for line in lines for cross in _crossings(line, latitude))
        for enter, leave in zip(crossings[::2], crossings[1::2], strict=True):
            start = math.ceil((enter - min(longitudes)) / (step / shrink) - 0.5)
            column = min(longitudes) + (start + 0.5) * step / shrink
            while column < leave:
                found.append((round(column, 5), round(latitude, 5)))
                column += step / shrink
    return found


def _area(line: Ring) -> float:
    """Signed, in square degrees, with a hole's sign against its border's where rings wind as TopoJSON has them."""
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(line, [*line[1:], line[0]], strict=True)) / 2


def _crossings(line: Ring, latitude: float) -> Iterator[float]:
    """Where a ring crosses a parallel, an even number of times."""
    for (x, y), (next_x, next_y) in zip(line, [*line[1:], line[0]], strict=True):
        if (y <= latitude) != (next_y <= latitude):
            yield x + (latitude - y) / (next_y - y) * (next_x - x)
