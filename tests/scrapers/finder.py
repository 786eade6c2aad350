"""An invented finder on loopback that answers only near a place and never with more than its cap: real sockets, real HTTP.

It lies in the open sea, where no ZIP code is. It measures on its own: another radius of the Earth, and the law of cosines.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from math import acos, cos, radians, sin
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.scrapers.site import serving

Place = tuple[float, float]
SOUTH, WEST, NORTH, EAST = 10.0, -150.0, 13.5, -145.0
TOWNS = [(10.4, -149.5), (12.9, -145.6), (11.7, -147.4), (11.75, -147.35), (13.2, -149.1)]


@dataclass(frozen=True)
class Provider:
    reference: str
    name: str
    latitude: float
    longitude: float
    phone: str


def providers(count: int, seed: int = 4) -> list[Provider]:
    """Half of them in five towns, half anywhere in the area, whose corners each have one."""
    dice = random.Random(seed)
    corners = [(SOUTH, WEST), (SOUTH, EAST), (NORTH, WEST), (NORTH, EAST)]
    made = []
    for number in range(count):
        if number < 4:
            latitude, longitude = corners[number]
        elif number % 2:
            town = dice.choice(TOWNS)
            latitude, longitude = town[0] + dice.gauss(0, 0.03), town[1] + dice.gauss(0, 0.03)
        else:
            latitude, longitude = dice.uniform(SOUTH, NORTH), dice.uniform(WEST, EAST)
        phone = f"808-555-01{number % 100:02}"
        made.append(Provider(f"F-{number:04}", f"Provider Number {number}", round(latitude, 6), round(longitude, 6), phone))
    return made


@dataclass
class Finder:
    """What it holds, and how it answers. `zips`: it knows places by ZIP code alone."""

    held: list[Provider]
    cap: int = 50
    size: int = 50
    largest: float = 1e9  # miles; a wider search is silently made this wide
    expands: int = 0  # a search that finds fewer goes on to so many, however far they are
    is_by_distance: bool = False
    kilometers: bool = False
    states_total: bool = True
    forgets: Callable[[Provider, Place], bool] = lambda provider, place: False
    zips: dict[str, Place] = field(default_factory=dict)
    html: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> bytes:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        place = self.zips[query["zip"]] if self.zips else (float(query["lat"]), float(query["lon"]))
        unit = 1.609344 if self.kilometers else 1.0
        wanted = min(float(query["radius"]) / unit, self.largest)
        near = [each for each in self.held if self.expands or abs(each.latitude - place[0]) * 69 < wanted + 1]
        away = sorted(((miles(place, (each.latitude, each.longitude)), each) for each in near), key=lambda found: found[0])
        within = [each for each in away if each[0] <= wanted]
        if len(within) < self.expands:
            within = away[: self.expands]
        found = [(how_far * unit, each) for how_far, each in within if not self.forgets(each, place)]
        total = len(found)
        if not self.is_by_distance:
            random.Random(7).shuffle(found)
        page = int(query.get("page", 1)) - 1
        shown = found[: self.cap][page * self.size : (page + 1) * self.size]
        return (self._html if self.html else self._json)(shown, total)

    def _json(self, shown: list[tuple[float, Provider]], total: int) -> bytes:
        results = [
            {
                "id": each.reference,
                "name": {"full": each.name},
                "location": {"lat": each.latitude, "lon": each.longitude, "phone": each.phone},
                "distance": round(how_far, 1),
                "languages": ["English", None],
            }
            for how_far, each in shown
        ]
        return json.dumps({"data": {"providers": results} | ({"total": total} if self.states_total else {})}).encode()

    def _html(self, shown: list[tuple[float, Provider]], total: int) -> bytes:
        blocks = "".join(
            f'<li data-id="{each.reference}" data-lat="{each.latitude}" data-lon="{each.longitude}">'
            f"<h3>{each.name}</h3><p>{each.phone}</p><i>{how_far:.1f} miles</i></li>"
            for how_far, each in shown
        )
        return f"<!doctype html><title>Find care</title><p id=n>{total} results</p><ul>{blocks}</ul>".encode()


def miles(here: Place, there: Place) -> float:
    """By the law of cosines on a sphere of 3,963 miles, the Earth's radius at the equator."""
    up, over = radians(here[0]), radians(there[0])
    said = sin(up) * sin(over) + cos(up) * cos(over) * cos(radians(there[1] - here[1]))
    return 3963.0 * acos(max(-1.0, min(1.0, said)))


@contextmanager
def opened(finder: Finder) -> Iterator[Finder]:
    """The finder, on a free port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or every answer waits 40 ms for an acknowledgement

        def do_GET(self) -> None:
            is_robots = self.path == "/robots.txt"
            body = b"" if is_robots else finder.answer(self.path)
            if not is_robots:
                finder.asked.append(self.path)
            self.send_response(404 if is_robots else 200)
            self.send_header("Content-Type", "text/html" if finder.html else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as finder.url:
        yield finder
