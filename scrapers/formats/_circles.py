"""Boxes and circles on the Earth: what covers what. Degrees for places, miles for distances.

A circle covers a box when it reaches the box's four corners: along a parallel the distance to a point grows with the difference in
longitude, and along a meridian it has no maximum but at an end, so the farthest place of a box is a corner of it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH = 3958.8  # miles, the mean radius; finders that use another one, or the ellipsoid, differ by at most 0.6 %
MILES = {"miles": 1.0, "km": 1 / 1.609344}
DOUBT = 1.01  # a circle is trusted to reach this much less far than it says


@dataclass(frozen=True, slots=True)
class Point:
    """A place, in degrees."""

    latitude: float
    longitude: float

    def miles(self, other: "Point") -> float:
        """The great-circle distance (haversine).

        >>> round(Point(47.6, -122.3).miles(Point(45.5, -122.7)))
        146
        """
        here, there = radians(self.latitude), radians(other.latitude)
        across = sin(radians(other.longitude - self.longitude) / 2)
        up = sin((there - here) / 2)
        return 2 * EARTH * asin(min(1.0, sqrt(up * up + cos(here) * cos(there) * across * across)))

    def roughly(self, other: "Point") -> float:
        """A number that grows with the distance of places near each other, quicker to have."""
        narrow = cos(radians(self.latitude))
        return (self.latitude - other.latitude) ** 2 + (narrow * (self.longitude - other.longitude)) ** 2


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the map between two parallels and two meridians."""

    south: float
    west: float
    north: float
    east: float

    @property
    def center(self) -> Point:
        return Point((self.south + self.north) / 2, (self.west + self.east) / 2)

    def farthest(self, point: Point) -> float:
        """Miles from `point` to the corner that is farthest from it, and so to the farthest place of the box."""
        return max(Point(latitude, longitude).miles(point) for latitude in (self.south, self.north) for longitude in (self.west, self.east))

    def nearest(self, point: Point) -> float:
        """Miles from `point` to about the nearest place of the box; 0 inside it."""
        return point.miles(Point(min(max(point.latitude, self.south), self.north), min(max(point.longitude, self.west), self.east)))

    def quarters(self) -> tuple["Box", "Box", "Box", "Box"]:
        middle = self.center
        return (
            Box(self.south, self.west, middle.latitude, middle.longitude),
            Box(self.south, middle.longitude, middle.latitude, self.east),
            Box(middle.latitude, self.west, self.north, middle.longitude),
            Box(middle.latitude, middle.longitude, self.north, self.east),
        )

    def around(self, point: Point) -> "Box":
        """The quarter in which `point` lies."""
        middle = self.center
        return self.quarters()[2 * (point.latitude >= middle.latitude) + (point.longitude >= middle.longitude)]


@dataclass(frozen=True, slots=True)
class Circle:
    """Everything within `radius` miles of a place, which a finder may know by its ZIP code alone."""

    center: Point
    radius: float
    zip: str = ""

    def covers(self, box: Box, margin: float) -> bool:
        return reach(box.farthest(self.center), margin) <= self.radius

    def touches(self, box: Box) -> bool:
        return box.nearest(self.center) <= self.radius * DOUBT


def reach(miles: float, margin: float) -> float:
    """The radius that is sure to reach a place so many miles away, from a center that may be `margin` miles off."""
    return miles * DOUBT + margin


def cover(
    boxes: Iterable[Box], circle_of: Callable[[Box], Circle | None], below: float, least: float, is_worth_it: Callable[[Box], bool]
) -> Iterator[Circle]:
    """The coarsest circles of a radius less than `below` that cover `boxes`; none for a part smaller than `least`, or not worth it."""
    for box in boxes:
        if not is_worth_it(box):
            continue
        circle = circle_of(box)
        if circle is not None and circle.radius < below:
            yield circle
        elif box.farthest(box.center) / 2 >= least:
            yield from cover(box.quarters(), circle_of, below, least, is_worth_it)


def uncovered(box: Box, circles: list[Circle], margin: float, least: float) -> list[Box]:
    """Parts of `box` that are not covered, coarse where that is plain and cut no smaller than `least`; none where all of it is covered.

    A part counts as covered when one circle covers it whole.
    """
    near = [circle for circle in circles if circle.touches(box)]
    if any(circle.covers(box, margin) for circle in near):
        return []
    if not any(circle.center.miles(box.center) <= circle.radius for circle in near) or box.farthest(box.center) / 2 < least:
        return [box]
    return [gap for quarter in box.quarters() for gap in uncovered(quarter, near, margin, least)]
