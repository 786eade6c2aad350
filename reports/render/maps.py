"""Maps of a state's counties as SVG, side by side: one shade and one number for each, and hatching where there is nobody."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from reports.render.charts import DARK, FONT, INK, LIGHT, MIDDLE, svg

BLUES = (LIGHT, MIDDLE, DARK)
BROWNS = ("#f6e3cf", "#d99a5b", "#7a3b0e")  # luminance 79 %, 40 % and 7 %: apart from each other in grey, and from the blues in color
NOBODY = "#ffffff"
WIDTH = 290  # of one map; its height follows from the state's shape
HATCH = 0.03  # of the map's width, from line to line

Point = tuple[float, float]
Ring = Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """Where a county lies: a GeoJSON outline and its middle, in degrees."""

    key: str
    outline: Mapping[str, Any]
    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One map: what it shows in a word and a line, each county's class and printed number, and the classes from few to many."""

    title: str
    line: str
    shades: Mapping[str, str | None]  # county → class; None: nobody, hatched
    numbers: Mapping[str, str]
    classes: Sequence[str]  # at most three
    nobody: str  # what hatching, or white, means
    legend: str
    colors: Sequence[str] = BLUES
    is_hatched: bool = True


def counties(panels: Sequence[Panel], places: Sequence[County]) -> str:
    """The panels side by side over the same outlines, north up, with equal miles east and north at the state's middle."""
    middle = math.radians(sum(each.latitude for each in places) / len(places))
    drawn = {each.key: _flat(each.outline, middle) for each in places}
    points = [point for polygons in drawn.values() for polygon in polygons for ring in polygon for point in ring]
    (left, right), (low, high) = ((min(side), max(side)) for side in zip(*points, strict=True))
    height = round(WIDTH * (high - low) / (right - left))
    middles = {each.key: (each.longitude * math.cos(middle), each.latitude) for each in places}
    data: dict[str, Any] = {}  # by name: two layers draw the same words
    maps = [_map(panel, drawn, middles, (right - left) * HATCH, data) | {"width": WIDTH, "height": height} for panel in panels]
    picture = {
        "$schema": alt.SCHEMA_URL,
        "hconcat": maps,
        "spacing": 26,
        "background": "white",
        "resolve": {"scale": {"color": "independent", "fill": "independent"}},
        "config": {"font": FONT, "view": {"continuousWidth": 300, "continuousHeight": 300, "stroke": None}},
        "datasets": data,
    }
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.1f}", svg(picture))  # a tenth of a pixel: half the bytes


def _map(
    panel: Panel, drawn: Mapping[str, list[list[Ring]]], middles: Mapping[str, Point], apart: float, data: dict[str, Any]
) -> dict[str, Any]:
    """One map as Vega-Lite; altair would check and copy every part of it several times."""

    def layer(rows: Sequence[Mapping[str, Any]], kind: str, encoding: Mapping[str, Any], **mark: Any) -> dict[str, Any]:
        name = next((name for name, known in data.items() if known is rows), f"rows{len(data)}")
        data[name] = rows
        return {"data": {"name": name}, "mark": {"type": kind, **mark}, **({"encoding": encoding} if encoding else {})}

    shapes = [
        {"type": "Feature", "geometry": _geometry("MultiPolygon", shape), "class": panel.shades.get(key) or panel.nobody}
        for key, shape in drawn.items()
    ]
    shades = {
        "field": "class",
        "type": "nominal",
        "scale": {"domain": [panel.nobody, *panel.classes], "range": [NOBODY, *panel.colors[: len(panel.classes)]]},
        "legend": {
            "title": panel.legend, "orient": "bottom", "direction": "horizontal", "columns": 2, "symbolType": "square",
            "symbolStrokeColor": INK, "symbolStrokeWidth": 0.6, "titleFont": FONT, "titleFontSize": 12, "titleFontWeight": "normal",
            "labelFont": FONT, "labelFontSize": 12, "titleLimit": WIDTH, "labelLimit": WIDTH // 2, "titleColor": INK, "labelColor": INK,
        },
    }  # fmt: skip
    layers = [layer(shapes, "geoshape", {"color": shades}, stroke=INK, strokeWidth=0.6)]
    if panel.is_hatched and (empty := [drawn[key] for key in drawn if panel.shades.get(key) is None]):
        lines = [{"type": "Feature", "geometry": _geometry("MultiLineString", list(_hatching(shape, apart)))} for shape in empty]
        layers.append(layer(lines, "geoshape", {}, filled=False, stroke="#6b6b6b", strokeWidth=0.7))
    darkest = panel.classes[-1] if len(panel.classes) == 3 else None
    for is_dark in (False, True):
        words = [
            {"x": x, "y": y, "text": panel.numbers.get(key, "")}
            for key, (x, y) in middles.items()
            if (panel.shades.get(key) == darkest and darkest is not None) == is_dark
        ]
        if words:
            where = {"longitude": _field("x", "quantitative"), "latitude": _field("y", "quantitative"), "text": _field("text", "nominal")}
            text = {"font": FONT, "fontSize": 12.5, "fontWeight": 600}
            halo = "#ffffff" if not is_dark else DARK if panel.colors is BLUES else panel.colors[-1]
            layers.append(layer(words, "text", where, stroke=halo, strokeWidth=3, strokeOpacity=0.75, **text))
            layers.append(layer(words, "text", where, color="#ffffff" if is_dark else INK, **text))
    title = {
        "text": panel.title, "subtitle": panel.line, "font": FONT, "subtitleFont": FONT, "fontSize": 17, "subtitleFontSize": 13,
        "color": INK, "subtitleColor": INK, "anchor": "start", "offset": 8,
    }  # fmt: skip
    return {"layer": layers, "projection": {"type": "identity", "reflectY": True}, "title": title}


def _field(name: str, kind: str) -> dict[str, str]:
    return {"field": name, "type": kind}


def _geometry(kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": kind, "coordinates": coordinates}


def _flat(outline: Mapping[str, Any], middle: float) -> list[list[Ring]]:
    """A GeoJSON outline on a plane: longitudes shrunk as they are at this latitude (radians)."""
    parts = [outline["coordinates"]] if outline["type"] == "Polygon" else outline["coordinates"]
    return [[[(x * math.cos(middle), y) for x, y in ring] for ring in part] for part in parts]


def _hatching(polygons: Sequence[Sequence[Ring]], apart: float) -> Iterator[list[Point]]:
    """Parallel lines from south-west to north-east, cut to the inside of the polygons: drawn as lines, they print anywhere."""
    turned = [[(y - x, y + x) for x, y in ring] for polygon in polygons for ring in polygon]  # by 45 degrees, and larger by the root of 2
    levels = [level for ring in turned for level, _ in ring]
    step = apart * math.sqrt(2)
    for number in range(math.ceil(min(levels) / step), math.floor(max(levels) / step) + 1):
        level = number * step
        crossings = sorted(
            place + (level - at) / (next_at - at) * (next_place - place)
            for ring in turned
            for (at, place), (next_at, next_place) in zip(ring, [*ring[1:], ring[0]], strict=True)
            if (at <= level) != (next_at <= level)
        )
        for start, end in zip(crossings[::2], crossings[1::2], strict=True):
            yield [((along - level) / 2, (along + level) / 2) for along in (start, end)]
