"""A finder that answers only near a place, and never with more than so many results: a state is covered with circles that prove it.

The card's area is asked about as one circle (or as a few of the finder's largest). A circle whose answer reaches the cap is split in four;
one that answers fewer is proved: all of it was shown. The pages alone decide what is asked next, so a visit that was killed can go on.
The visit is whole when the proved circles cover the area, each of them showed as many as it stated, and none left out a provider that
another shows inside it; for that the first circles are split once however few they answer. Results beyond a circle are kept, and prove
nothing. `proof` says all that in a line.

Overlapping circles show a provider several times: `once` keeps the first, and a circle that contradicts it is a Problem.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from urllib.parse import urldefrag

from scrapers.formats import cards
from scrapers.formats._circles import DOUBT, Circle, Point, reach, uncovered
from scrapers.formats._finder import SEARCH, Finder, check, finder_of, is_asked, written
from scrapers.formats._results import Row, results
from scrapers.reading import Record, Unreadable, problem, record
from scrapers.records import Evidence, Listing, Problem, Refused, Request, Source, SourceUnreadable

__all__ = ["KEYS", "SHAPE", "at_least", "check", "complete", "first", "follow", "once", "parse", "proof", "requests"]
KEYS = ("search", "cards")
SHAPE = {"search": SEARCH, **cards.SHAPE}
NAMED = 3  # gaps that a sentence names; it counts the others
SHORTEST_DEGREE = 68.7  # miles of latitude, on any model of the Earth
ROUNDING = 0.1  # miles that a printed distance may be off by being rounded


@dataclass(slots=True)
class Answer:
    """What a finder said of one circle, over all its pages."""

    rows: list[Row] = field(default_factory=list)
    totals: set[int] = field(default_factory=set)  # each that a page stated
    is_shifting: bool = False  # a page repeats a result of another, so a third may lack one


# Asking ----------------------------------------------------------------------------------------------------------


def requests(source: Source) -> list[Request]:
    """The first page of each circle that the area is first covered with."""
    finder = finder_of(source)
    circles = finder.first_circles
    if not circles:
        raise Refused(f"{source.name}: no circle of `search: radius:` covers any part of the area; check its unit, and the places")
    return [_request(finder, source, circle, finder.first) for circle in circles]


def at_least(source: Source) -> int:
    """How many requests a visit cannot do without: the first circles, and those into which each is split whatever it answers."""
    circles = finder_of(source).first_circles
    return len(circles) + len({small for each in circles for small in finder_of(source).smaller(each)})


def first(source: Source) -> tuple[str, ...]:
    """The circles that the area is first covered with, in words."""
    return tuple(map(finder_of(source).called, finder_of(source).first_circles))


def follow(page: Evidence, source: Source) -> list[Request]:
    """The circle's next page, and the smaller circles where its answer is not all of it; nothing where the circle is proved."""
    finder = finder_of(source)
    circle, number = finder.asked(urldefrag(page.url).url)
    rows, total = results(page, source, finder.mile)
    seen = (number - finder.first) * finder.size + len(rows)
    is_beyond = _reaches_beyond(rows, circle, finder)
    has_more = not is_beyond and len(rows) >= finder.size and (total is None or seen < total) and finder.has_pages
    is_full = seen >= finder.cap or (total is not None and total >= finder.cap and not finder.is_by_distance)
    is_short = total is not None and seen < total and not has_more
    is_control = number == finder.first and circle in finder.first_circles
    asks = [_request(finder, source, circle, number + 1)] if has_more and not is_full else []
    if is_control or (not is_beyond and (is_full or is_short)):
        asks += [_request(finder, source, each, finder.first) for each in finder.smaller(circle)]
    return asks


def _request(finder: Finder, source: Source, circle: Circle, page: int) -> Request:
    return Request(url=finder.url(circle, page), expects="html" if "cards" in source.options else "json", is_shared=True)


def _reaches_beyond(rows: list[Row], circle: Circle, finder: Finder) -> bool:
    """Whether an answer in order of distance goes on beyond the circle, so that nothing in the circle is missing from it."""
    away = [circle.center.miles(row.point) if row.point else row.miles for row in rows]
    known = [each for each in away if each is not None]
    in_order = len(known) == len(rows) and all(here <= there * DOUBT + ROUNDING for here, there in pairwise(known))
    return finder.is_by_distance and bool(known) and in_order and known[-1] > reach(circle.radius, finder.margin + ROUNDING)


# Proving ---------------------------------------------------------------------------------------------------------


def complete(pages: Iterable[Evidence], source: Source) -> str | None:
    """Why the visit is not whole; None where its circles prove that it is."""
    finder = finder_of(source)
    answers = _answers(pages, finder, source)
    return _fault(answers, finder) or _gaps(answers, finder)


def proof(pages: Iterable[Evidence], source: Source) -> str:
    """How we know that every provider of the area was shown, or why we do not."""
    if not is_asked(source):
        return "not proved: pages saved by hand are not known to be all"
    finder = finder_of(source)
    try:
        answers = _answers(pages, finder, source)
    except SourceUnreadable as reason:  # kept under another card
        return f"not proved: {reason}"
    if wrong := _fault(answers, finder) or _gaps(answers, finder):
        return f"not proved: {wrong}"
    proved = _proved(answers, finder)
    seen = {_key(row)[0] for answer in answers.values() for row in answer.rows}
    most = max(len(answers[circle].rows) for circle in proved)
    ordered = ", or in order of distance answered beyond itself" if finder.is_by_distance else ""
    return (
        f"{len(seen):,} providers in {len(answers):,} circles; {len(proved):,} circles answered fewer than the cap of {finder.cap}{ordered}"
        f" (the most was {most}), they cover the whole area, and none left out a provider that another circle shows inside it"
    )


def _answers(pages: Iterable[Evidence], finder: Finder, source: Source) -> dict[Circle, Answer]:
    answers: dict[Circle, Answer] = {}
    seen: set[tuple[Circle, str]] = set()
    for circle, _, page in sorted(((*finder.asked(urldefrag(page.url).url), page) for page in pages), key=lambda each: each[1]):
        rows, total = results(page, source, finder.mile)
        answer = answers.setdefault(circle, Answer())
        here = {(circle, row.shown) for row in rows}
        answer.rows += rows
        answer.totals |= set() if total is None else {total}
        answer.is_shifting |= bool(here & seen)
        seen |= here
    return answers


def _proved(answers: dict[Circle, Answer], finder: Finder) -> list[Circle]:
    return [circle for circle, answer in answers.items() if _is_proved(circle, answer, finder)]


def _is_proved(circle: Circle, answer: Answer, finder: Finder) -> bool:
    if answer.is_shifting or len(answer.totals) > 1:
        return False
    count = len(answer.rows)
    return _reaches_beyond(answer.rows, circle, finder) or (count < finder.cap and count >= max(answer.totals, default=0))


def _fault(answers: dict[Circle, Answer], finder: Finder) -> str | None:
    """What the answers show to be wrong with the card or the finder, whatever they cover."""
    if not any(answer.rows for answer in answers.values()):
        return f"{len(answers)} circles showed no provider at all; open the finder in a browser and check `start:` and `search:`"
    for circle, answer in answers.items():
        if len(answer.rows) > finder.cap:
            saw = f"{finder.called(circle)} showed {len(answer.rows)} results"
            return f"{saw}, more than the card's cap of {finder.cap}; correct `search: cap:`"
        for row in answer.rows:
            if row.point and row.miles is not None:
                ours = circle.center.miles(row.point)
                if abs(ours - row.miles) > finder.margin + ROUNDING + ours * (DOUBT - 1):
                    saw = f"{finder.called(circle)} prints a distance of {row.miles / finder.mile:.1f} for {row.locator}"
                    wants = f"by its coordinates it is {ours / finder.mile:.1f}"
                    return f"{saw}, and {wants}; correct `search:` `unit:` or the places, or give a `margin:`"
    return _left_out(answers, finder)


def _left_out(answers: dict[Circle, Answer], finder: Finder) -> str | None:
    """A provider that one circle shows well inside another, which was taken to be proved and does not show it."""
    shown = {circle: {_key(row) for row in answer.rows} for circle, answer in answers.items()}
    known: list[tuple[float, float, float, tuple[str, str], str]] = []  # latitude, longitude, how far from there at most, who, reference
    for circle, answer in answers.items():
        for row in answer.rows:
            if row.said and (row.point or row.miles is not None):
                at, off = (row.point, 0.0) if row.point else (circle.center, (row.miles or 0.0) + ROUNDING)
                known.append((at.latitude, at.longitude, off, _key(row), row.said[0].get("reference") or "a provider"))
    known = sorted(set(known))
    for circle in _proved(answers, finder):
        inside = circle.radius / DOUBT - finder.margin - ROUNDING
        low, high = (bisect_left(known, (circle.center.latitude + side * inside / SHORTEST_DEGREE,)) for side in (-1, 1))
        for latitude, longitude, off, who, called in known[low:high]:
            if who not in shown[circle] and circle.center.miles(Point(latitude, longitude)) + off < inside:
                saw = f"{finder.called(circle)} answered {len(answers[circle].rows)} results and left out {called}, which lies inside it"
                return f"{saw}; ask again later, and if it stays so check `cap:`, `unit:` and `at_most:` under `search:`"
    return None


def _gaps(answers: dict[Circle, Answer], finder: Finder) -> str | None:
    """The parts of the area that no proved circle covers, counted; the first named."""
    proved = _proved(answers, finder)
    gaps = uncovered(finder.area, proved, finder.margin, finder.least)
    if not gaps:
        return None
    named = " · ".join(", ".join(written(gap.center)) for gap in gaps[:NAMED]) + (" …" if len(gaps) > NAMED else "")
    full = [circle for circle in set(answers) - set(proved) if not set(finder.smaller(circle)) & set(answers)]
    saw = ""
    if full:
        least = min(full, key=lambda circle: (circle.radius, circle.zip, circle.center.latitude, circle.center.longitude))
        eg = f"{finder.called(least)}: {len(answers[least].rows)}"
        saw = f"; {len(full)} circles did not show all of themselves and cannot be split, e.g. {eg}"
    advise = "allow smaller circles (`radius:`) or more `places:`, or ask for a file of the directory"
    return f"{len(proved):,} circles are proved, but {len(gaps):,} parts of the area lie in none of them, round {named}{saw}; {advise}"


def _key(row: Row) -> tuple[str, str]:
    """Which provider, and where: the reference, else all it says, and the coordinates."""
    first = row.said[0] if row.said else {}
    who = first.get("reference") or " | ".join(value for _, value in sorted(first.items()) if value) or row.shown
    return who, ", ".join(written(row.point)) if row.point else ""


# Reading ---------------------------------------------------------------------------------------------------------


def parse(page: Evidence, source: Source) -> Iterator[Record | Problem]:
    """Every result of one page; what we cannot read becomes a Problem."""
    for row in results(page, source, 1.0)[0]:
        if row.unreadable is not None:
            yield problem(page.id, row.locator, row.unreadable, row.shown)
        for said in row.said:
            try:
                yield record(source, page.id, row.locator, said)
            except Unreadable as reason:
                yield problem(page.id, row.locator, reason, row.shown)


def once(_: Source) -> Callable[[Evidence, Iterable[Record | Problem]], Iterator[Record | Problem]]:
    """What passes on each provider of a snapshot once, page after page: by reference, network and place, or else by all that is said.

    One that a later circle shows differently is a Problem there.
    """
    known: dict[tuple[object, ...], Listing] = {}

    def fresh(_: Evidence, records: Iterable[Record | Problem]) -> Iterator[Record | Problem]:
        for each in records:
            if not isinstance(each, Listing):
                yield each
                continue
            bare = replace(each, evidence_id="", locator="")
            place = (each.address, each.address_2, each.city, each.zip)
            first = known.setdefault((each.reference, each.network, *place) if each.reference else (bare,), bare)
            if first is bare:
                yield each
            elif first != bare:
                differ = ", ".join(name for name in Listing.__dataclass_fields__ if getattr(first, name) != getattr(bare, name))
                reason = f"another circle shows this provider with another {differ}; the first one read is kept"
                yield problem(each.evidence_id, each.locator, reason, f"reference {each.reference}")

    return fresh
