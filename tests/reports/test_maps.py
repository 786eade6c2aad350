"""Maps: every county drawn and numbered, nobody hatched, three greys that stay apart when printed."""

import re
from itertools import pairwise

import pytest
import vl_convert

from reports.render import maps

SQUARES = {key: [[x, 0], [x + 1, 0], [x + 1, 1], [x, 1], [x, 0]] for x, key in enumerate(("a", "b", "c", "d"))}
PLACES = [
    maps.County(key=key, outline={"type": "Polygon", "coordinates": [ring]}, longitude=ring[0][0] + 0.5, latitude=0.5)
    for key, ring in SQUARES.items()
]
PANEL = maps.Panel(
    title="Listed", line="9 persons", shades={"a": None, "b": "few", "c": "some", "d": "many"}, classes=("few", "some", "many"),
    numbers={"a": "0", "b": "1", "c": "3", "d": "<5>"}, nobody="nobody", legend="Persons",
)  # fmt: skip


@pytest.fixture(scope="module")
def svg() -> str:
    return maps.counties([PANEL], PLACES)


def test_every_county_has_its_shade_and_number(svg: str) -> None:
    for color in (maps.NOBODY, *maps.BLUES):
        assert f'fill="{color}"' in svg
    for said in ("Listed", "9 persons", ">0<", ">1<", ">3<", "&lt;5&gt;", "nobody", "many"):
        assert said in svg
    assert vl_convert.svg_to_png(svg).startswith(b"\x89PNG")


def test_only_where_nobody_is_there_is_hatching(svg: str) -> None:
    def hatching(drawn: str) -> str:
        (found,) = re.findall(r'<path[^>]*d="([^"]*)"[^>]*stroke="#6b6b6b"', drawn)
        return str(found)

    lines = re.findall(r"M([\d.]+),([\d.]+)L([\d.]+),([\d.]+)", hatching(svg))
    assert len(lines) > 10
    assert all(float(x) <= maps.WIDTH / 4 + 0.2 for line in lines for x in line[::2]), "inside the first of four equal squares"
    all_there = maps.Panel(title="", line="", shades=dict.fromkeys(SQUARES, "few"), numbers={}, classes=("few",), nobody="", legend="")
    assert "#6b6b6b" not in maps.counties([all_there], PLACES)


@pytest.mark.parametrize("colors", [maps.BLUES, maps.BROWNS])
def test_shades_stay_apart_in_black_and_white(colors: tuple[str, ...]) -> None:
    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])

    lights = [luminance(color) for color in colors]
    for light, dark in pairwise(lights):
        assert (light + 0.05) / (dark + 0.05) > 1.8
    assert 1.05 / (lights[-1] + 0.05) > 4.5, "white numbers on the darkest can be read (WCAG 2.2, contrast AA)"
