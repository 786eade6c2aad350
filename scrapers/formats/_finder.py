"""How a finder is asked: what its card says, the circles it can be asked for, and their addresses."""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from scrapers.card import CardMap, one_of
from scrapers.formats import cards
from scrapers.formats._circles import MILES, Box, Circle, Point, cover, reach
from scrapers.records import Refused, Source, SourceUnreadable

SEARCH = ("area", "places", "radius", "cap", "page", "order", "results", "total", "latitude", "longitude", "distance", "none", "margin")
SLOTS = ("latitude", "longitude", "zip", "radius", "page")
EDGES = ("south", "west", "north", "east")


@dataclass(frozen=True, kw_only=True)
class Finder:
    """How a finder is asked, in miles and degrees."""

    source: str
    template: str
    area: Box
    places: tuple[tuple[str, Point], ...]  # of a finder that knows a place by its ZIP code alone
    radii: tuple[float, ...]  # those it offers, ascending; empty: any up to `at_most`
    at_most: float
    least: float  # the smallest circle worth asking for
    mile: float  # miles in the finder's unit
    margin: float  # miles by which its centers may lie elsewhere
    cap: int
    first: int  # number of the first page
    size: int  # results on a page
    is_by_distance: bool

    @property
    def has_pages(self) -> bool:
        return "{page}" in self.template

    def circle(self, box: Box) -> Circle | None:
        """The smallest circle this finder can be asked for that covers `box`, round its center or the place next to it."""
        zip_, point = min(self.places, key=lambda place: place[1].roughly(box.center), default=("", box.center))
        needed = reach(box.farthest(point), self.margin)
        radii = self.radii or (math.ceil(needed / self.mile * 100) / 100 * self.mile,)
        return next((Circle(point, radius, zip_) for radius in radii if needed <= radius <= self.at_most), None)

    @cached_property
    def first_circles(self) -> list[Circle]:
        """What the area is first covered with."""
        return self._cover([self.area], math.inf, lambda box: True)

    def smaller(self, circle: Circle) -> list[Circle]:
        """What covers a circle whose answer was not all of it; nothing where the finder can be asked for nothing smaller."""
        if self.places:
            return self._cover([self.area], circle.radius, circle.touches)
        box = self._box(circle)
        quarters = box.quarters() if box.farthest(box.center) / 2 >= self.least else ()
        return self._cover(quarters, circle.radius, lambda box: True)

    def _cover(self, boxes: Iterable[Box], below: float, is_wanted: Callable[[Box], bool]) -> list[Circle]:
        largest = max((radius for radius in self.radii if radius < below), default=0.0)
        if self.radii and not largest:
            return []

        def is_worth_it(box: Box) -> bool:
            return is_wanted(box) and (not self.places or any(box.nearest(point) <= largest for _, point in self.places))

        def circle(box: Box) -> Circle | None:
            return None if largest and box.farthest(box.center) > largest else self.circle(box)

        return list(dict.fromkeys(cover(boxes, circle, below, self.least, is_worth_it)))

    def _box(self, circle: Circle) -> Box:
        """The box that a circle was asked for: boxes halve the area again and again, and no two of them have one center."""
        box = self.area
        while written(box.center) != written(circle.center):
            if box.farthest(box.center) < self.least / 2:
                raise ValueError
            box = box.around(circle.center)
        return box

    def url(self, circle: Circle, page: int) -> str:
        latitude, longitude = written(circle.center)
        radius = f"{circle.radius / self.mile:.2f}".rstrip("0").rstrip(".")
        said = {"latitude": latitude, "longitude": longitude, "zip": circle.zip, "radius": radius, "page": str(page)}
        return re.sub(r"\{(\w+)\}", lambda slot: said[slot[1]], self.template)

    def asked(self, url: str) -> tuple[Circle, int]:
        """The circle and page that an address asks for. SourceUnreadable where it asks for none of ours: a redirect may lead to another."""
        found = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^&#/]+)", re.escape(self.template)), url)
        slots = found.groupdict() if found else {}
        try:
            page, zip_, miles = int(slots.get("page", self.first)), slots.get("zip", ""), float(slots["radius"]) * self.mile
            if self.places:
                circle = next(Circle(dict(self.places)[zip_], radius, zip_) for radius in self.radii if math.isclose(radius, miles))
            else:
                box = self._box(Circle(Point(float(slots["latitude"]), float(slots["longitude"])), miles))
                circle = next(each for each in [self.circle(box)] if each and abs(each.radius - miles) < 0.01)
        except (KeyError, ValueError, StopIteration):
            saw = f"{url} answered, which is no circle of the card"
            raise SourceUnreadable(f"{self.source}: {saw}; expected {self.template}: check `start:` and `search:`", "moved") from None
        return circle, page

    def called(self, circle: Circle) -> str:
        return f"the circle of {circle.radius / self.mile:g} round {circle.zip or ', '.join(written(circle.center))}"


def written(point: Point) -> tuple[str, str]:
    """A place as an address says it; six decimals are four inches."""
    return f"{point.latitude:.6f}", f"{point.longitude:.6f}"


def finder_of(source: Source) -> Finder:
    return _read(source.name, source.start[0], json.dumps(source.options["search"], default=str))


def check(source: Source) -> None:
    """Refuse a card that does not say how its finder is asked, or asks it for what it cannot answer."""
    where = f"{source.name}, `search`"
    if "search" not in source.options:
        raise Refused(f"{where} is missing; expected a map with at least `area:`, `radius:` and `cap:`")
    search = CardMap(source.options["search"], where, SEARCH)
    for key in ("results", "total", "latitude", "longitude", "distance", "none"):
        search.text(key)
    _check_reading(source, search)
    if not is_asked(source):
        return
    if len(source.start) != 1 or "{radius}" not in source.start[0]:
        raise Refused(f"{source.name}: `start` must be one address with {{radius}}, and {{latitude}} and {{longitude}} or {{zip}}")
    slots, finder = re.findall(r"\{(\w*)\}", source.start[0]), finder_of(source)
    if ("latitude" in search.content) != ("longitude" in search.content):
        raise Refused(f"{where}: `latitude` and `longitude` go together; say where both stand in a result")
    if wrong := [slot for slot in slots if slot not in SLOTS or slots.count(slot) > 1]:
        raise Refused(f"{source.name}: `start` has {{{wrong[0]}}}; expected each of {', '.join(SLOTS)} at most once")
    if set(slots) - {"radius", "page"} != ({"zip"} if finder.places else {"latitude", "longitude"}):
        raise Refused(f"{source.name}: `start` must ask by {{latitude}} and {{longitude}}, or by {{zip}} with `places:` under `search:`")
    if finder.places and not finder.radii:
        raise Refused(f"{where}: places need the radii that the finder offers, e.g. radius: {{unit: miles, one_of: [5, 10, 25]}}")
    if finder.size < finder.cap and not finder.has_pages:
        raise Refused(f"{where}: `page: size:` is smaller than `cap`, and `start` has no {{page}} to ask for more")


def is_asked(source: Source) -> bool:
    """Whether the finder is asked, rather than read from pages that people saved: then it is only said how to read an answer."""
    return any("://" in each for each in source.start)


def _check_reading(source: Source, search: CardMap) -> None:
    if "cards" in source.options:
        cards.check(source)
        if "count" not in source.options["cards"] and "none" not in search.content:
            raise Refused(
                f"{search.where}: a page without results must say so itself; add `none: No providers found`, or `count:` under `cards:`"
            )
    elif not source.columns:
        raise Refused(f"{source.name}: `columns` is empty; say where our fields stand in a result, e.g. columns: {{name: fullName}}")


@lru_cache(maxsize=16)
def _read(source: str, template: str, written_: str) -> Finder:
    search = CardMap(json.loads(written_), f"{source}, `search`", SEARCH)
    area, radius = search.map("area", EDGES), search.map("radius", ("unit", "one_of", "at_most", "least"))
    page, places = search.map("page", ("first", "size")), search.content.get("places") or []
    box = Box(*(_degrees(area, key, 90 if key in ("south", "north") else 180) for key in EDGES))
    if box.south >= box.north or box.west >= box.east:
        raise Refused(f"{area.where}: south must be below north and west below east; west of Greenwich is negative, e.g. west: -124.8")
    mile = MILES[one_of(radius.content.get("unit"), tuple(MILES), f"{radius.where}, `unit`")]
    offered = radius.content.get("one_of") or []
    if not isinstance(offered, list) or not all(isinstance(each, int | float) and 0 < each < 12_000 for each in offered):
        radius.refuse("one_of", "a list of numbers")
    if bool(offered) == ("at_most" in radius.content):
        raise Refused(f"{radius.where}: say `one_of:` with the radii the finder offers, or `at_most:` with its largest, and not both")
    if not isinstance(places, list):
        search.refuse("places", "a list, one {zip: …, latitude: …, longitude: …} to a line")
    known = [CardMap(each, f"{search.where}, `places`", ("zip", "latitude", "longitude")) for each in places]
    cap = int(search.number("cap", 2, 100_000, whole=True))
    if search.text("order"):
        one_of(search.content["order"], ("distance",), f"{search.where}, `order`")
    return Finder(
        source=source,
        template=template,
        area=box,
        places=tuple(
            (each.text("zip", required=True), Point(_degrees(each, "latitude", 90), _degrees(each, "longitude", 180))) for each in known
        ),
        radii=tuple(sorted(float(each) * mile for each in offered)),
        at_most=float(radius.number("at_most", 0.1, 12_000, whole=False, otherwise=12_000)) * mile,
        least=float(radius.number("least", 0.01, 1000, whole=False, otherwise=min(offered, default=2.5) / 10)) * mile,
        mile=mile,
        margin=float(search.number("margin", 0, 100, whole=False)) * mile,
        cap=cap,
        first=int(page.number("first", 0, 1, whole=True, otherwise=1)),
        size=int(page.number("size", 1, 100_000, whole=True, otherwise=cap)),
        is_by_distance="order" in search.content,
    )


def _degrees(given: CardMap, key: str, most: float) -> float:
    if given.content.get(key) is None:
        given.refuse(key, "degrees, e.g. 47.6")
    return float(given.number(key, -most, most, whole=False))
