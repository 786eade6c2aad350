"""A finder that answers only near a place, with a cap: all of a state is read, and it is known to be all, or it is said what is missing."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scrapers import sources
from scrapers.blobs import read
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.formats import search_grid
from scrapers.reading import Record
from scrapers.records import Evidence, Listing, Problem, Refused, Source, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers import finder as sea
from tests.scrapers.finder import Finder, Provider, opened, providers
from tests.scrapers.reads import card, page

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
AREA = f"{{south: {sea.SOUTH}, west: {sea.WEST}, north: {sea.NORTH}, east: {sea.EAST}}}"
BY_PLACE = "/find?lat={latitude}&lon={longitude}&radius={radius}"
JSON = """
  results: data.providers
  total: data.total
  latitude: location.lat
  longitude: location.lon
  distance: distance
columns: {reference: id, name: name.full, phone: location.phone}
ignore: [languages]
"""
HTML = """
  latitude: '@data-lat'
  longitude: '@data-lon'
  distance: i
cards:
  block: li
  count: '#n'
  fields: {reference: '@data-id', name: h3, phone: p}
  ignore: i
"""


def finder_card(
    folder: Path,
    url: str,
    *,
    ask: str = BY_PLACE,
    cap: int = 50,
    radius: str = "{unit: miles, at_most: 500}",
    search: str = "",
    reads: str = JSON,
) -> Source:
    said = f"  area: {AREA}\n  radius: {radius}\n  cap: {cap}\n{search}{reads}"
    head = f"title: Tern\nkind: insurer\nsurface: website\nformat: search_grid\nstart: {url}{ask}\nnetwork: Tern Basic\n"
    return card(folder, f"{head}visit: {{pause_seconds: 0, at_most_pages: 3000}}\nsearch:\n{said}", "tern")


def pages_of(source: Source, folder: Path) -> list[Evidence]:
    """The evidence of a whole visit, in the order the warehouse reads it."""
    archive = Archive(folder / "raw")
    with Client("tests@example.org") as client:
        (snapshot,) = visit(source, sources.format_of(source), archive, client, NOW)
    return [replace(each, body=read(each)) for each in archive.evidence(snapshot)]


def read_once(pages: list[Evidence], source: Source) -> Iterator[Record | Problem]:
    fresh = search_grid.once(source)
    for each in pages:
        yield from fresh(each, search_grid.parse(each, source))


def listings(pages: list[Evidence], source: Source) -> list[Listing]:
    """What the pages amount to, where there is no problem."""
    found = list(read_once(pages, source))
    assert [each for each in found if not isinstance(each, Listing)] == []
    return [each for each in found if isinstance(each, Listing)]


def references(found: list[Listing]) -> list[str]:
    return sorted(str(each.reference) for each in found)


def refusal(source: Source, folder: Path) -> SourceUnreadable:
    with pytest.raises(SourceUnreadable) as caught:
        pages_of(source, folder)
    return caught.value


# All of it, and known to be ---------------------------------------------------------------------------------------


def test_4000_providers_of_a_finder_that_shows_50_are_all_found_and_it_is_said_why_we_know(tmp_path: Path) -> None:
    held = providers(4000)
    with opened(Finder(held)) as site:
        source = finder_card(tmp_path, site.url)
        pages = pages_of(source, tmp_path)
    found = listings(pages, source)
    assert references(found) == sorted(each.reference for each in held)  # all, and each once
    assert {(each.name, each.phone) for each in found} == {(each.name, each.phone) for each in held}
    assert len(site.asked) == len(set(site.asked)) == len(pages) < 1000
    said = search_grid.proof(pages, source)
    assert said.startswith(f"4,000 providers in {len(pages):,} circles; ")
    assert said.endswith("they cover the whole area, and none left out a provider that another circle shows inside it")


def test_a_visit_that_was_killed_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    with opened(Finder(providers(250))) as site:
        whole = finder_card(tmp_path, site.url)
        with pytest.raises(SourceUnreadable, match="at_most_pages") as stopped:
            pages_of(replace(whole, visit={"pause_seconds": 0, "at_most_pages": 20}), tmp_path)
        assert stopped.value.failure == "budget"
        first = list(site.asked)
        pages = pages_of(whole, tmp_path)
    assert len(first) == 20 and len(site.asked) == len(set(site.asked)) == len(pages)
    assert len(listings(pages, whole)) == 250


BY_DISTANCE = "  order: distance\n"
IN_PAGES = "  page: {first: 1, size: 10}\n"


@pytest.mark.parametrize(
    ("site", "asked"),
    [
        pytest.param(Finder([], html=True), {"reads": HTML}, id="in HTML"),
        pytest.param(Finder([], size=10), {"ask": f"{BY_PLACE}&page={{page}}", "search": IN_PAGES}, id="in pages of 10, 50 in all"),
        pytest.param(Finder([], states_total=False), {"reads": JSON.replace("  total: data.total\n", "")}, id="that states no total"),
        pytest.param(Finder([], kilometers=True), {"radius": "{unit: km, at_most: 800}"}, id="in kilometers"),
        pytest.param(Finder([]), {"radius": "{unit: miles, one_of: [100, 50, 25, 10, 5, 1]}"}, id="that offers some radii only"),
        pytest.param(Finder([], expands=20), {}, id="that goes on to 20 where it finds fewer"),
        pytest.param(Finder([], is_by_distance=True, expands=50), {"search": BY_DISTANCE}, id="that always answers the nearest 50"),
    ],
)
def test_a_finder(site: Finder, asked: dict[str, Any], tmp_path: Path) -> None:
    with opened(replace(site, held=providers(200), asked=[])) as site:
        source = finder_card(tmp_path, site.url, **asked)
        pages = pages_of(source, tmp_path)
    assert references(listings(pages, source)) == sorted(each.reference for each in site.held)
    assert search_grid.proof(pages, source).startswith("200 providers in ")


# ZIP codes --------------------------------------------------------------------------------------------------------


def zips(step: float) -> dict[str, tuple[float, float]]:
    """Invented ZIP codes on a grid with so many degrees between them."""
    found: dict[str, tuple[float, float]] = {}
    for row in range(round((sea.NORTH - sea.SOUTH) / step) + 1):
        for column in range(round((sea.EAST - sea.WEST) / step) + 1):
            found[f"{300 + len(found):05}"] = (round(sea.SOUTH + row * step, 4), round(sea.WEST + column * step, 4))
    return found


def places(known: dict[str, tuple[float, float]]) -> str:
    lines = "".join(f"  - {{zip: '{zip_}', latitude: {at[0]}, longitude: {at[1]}}}\n" for zip_, at in known.items())
    return f"  places:\n{lines}"


BY_ZIP = "/find?zip={zip}&radius={radius}"


def zip_card(folder: Path, url: str, known: dict[str, tuple[float, float]], cap: int = 110) -> Source:
    return finder_card(folder, url, ask=BY_ZIP, radius="{unit: miles, one_of: [250, 100, 50, 30]}", cap=cap, search=places(known))


def test_a_finder_that_knows_zip_codes_alone_is_covered_by_those_on_the_card(tmp_path: Path) -> None:
    known = zips(0.5)
    with opened(Finder(providers(400), zips=known, cap=110, size=110)) as site:
        source = zip_card(tmp_path, site.url, known)
        pages = pages_of(source, tmp_path)
        assert len(listings(pages, source)) == 400
        assert len(site.asked) == len(set(site.asked)) < 2 * len(known)
    assert search_grid.proof(pages, source).startswith("400 providers in ")


def test_where_no_zip_code_of_the_card_reaches_is_a_gap(tmp_path: Path) -> None:
    known = {zip_: at for zip_, at in zips(0.5).items() if at[0] < 12}
    with opened(Finder(providers(400), zips=known, cap=110, size=110)) as site:
        reason = refusal(zip_card(tmp_path, site.url, known), tmp_path)
    assert reason.failure == "partial"
    assert "parts of the area lie in none of them, round 1" in str(reason) and "more `places:`" in str(reason)


# Not all of it, and it is said why --------------------------------------------------------------------------------


def left_out(provider: Provider, place: tuple[float, float]) -> bool:
    """Searches from the west do not show one of the providers."""
    return provider.reference == "F-0008" and place[1] < provider.longitude


@pytest.mark.parametrize(
    ("site", "asked", "says"),
    [
        pytest.param(
            Finder([], cap=20, size=20, states_total=False),
            {"reads": JSON.replace("  total: data.total\n", "")},
            r"the circle of .* answered 20 results and left out F-\d+, which lies inside it",
            id="a cap of 20 where the card says 50",
        ),
        pytest.param(Finder([], largest=60), {"cap": 400}, "left out F-", id="a radius that is quietly made smaller"),
        pytest.param(Finder([], forgets=left_out), {}, "left out F-0008", id="a provider who is shown and then not"),
        pytest.param(Finder([], kilometers=True), {}, "prints a distance of .* by its coordinates it is", id="kilometers taken for miles"),
        pytest.param(
            Finder([], expands=50),
            {"radius": "{unit: miles, at_most: 500, least: 60}"},
            r"circles did not show all of themselves and cannot be split, e.g. the circle of 1",
            id="always 50, in any order",
        ),
        pytest.param(Finder([], cap=60, size=60), {}, "more than the card's cap of 50; correct", id="a cap of 60 where the card says 50"),
    ],
)
def test_a_finder_that_cannot_be_trusted_is_partial(site: Finder, asked: dict[str, Any], says: str, tmp_path: Path) -> None:
    with opened(replace(site, held=providers(120), asked=[])) as site:
        reason = refusal(finder_card(tmp_path, site.url, **asked), tmp_path)
    assert reason.failure == "partial"
    assert re.search(says, str(reason)), str(reason)


def test_more_providers_in_one_building_than_the_cap_are_a_gap_with_its_place(tmp_path: Path) -> None:
    held = [replace(each, latitude=11.0, longitude=-148.0) for each in providers(60)]
    with opened(Finder(held)) as site:
        reason = refusal(finder_card(tmp_path, site.url, radius="{unit: miles, at_most: 500, least: 2}"), tmp_path)
    assert reason.failure == "partial"
    assert "· 11.011719, -148.007812;" in str(reason) and "cannot be split, e.g. the circle of" in str(reason)


def test_a_finder_that_shows_nobody_anywhere_is_not_an_empty_directory(tmp_path: Path) -> None:
    with opened(Finder([])) as site:
        assert "5 circles showed no provider at all" in str(refusal(finder_card(tmp_path, site.url), tmp_path))


# One page ---------------------------------------------------------------------------------------------------------

FIRST = "https://tern.example/find?lat=11.750000&lon=-147.500000&radius=210.4"
ONE = """{"data": {"total": 1, "providers": [{"id": "F-1", "name": {"full": "Ada Reyes"}, "location": {"phone": "808 555 0101"}, %s}]}}"""


def terns(folder: Path, **more: Any) -> Source:
    return finder_card(folder, "https://tern.example", **more)


def test_what_a_result_says_beyond_the_card_is_a_problem(tmp_path: Path) -> None:
    (said,) = search_grid.parse(page(ONE % '"board": {"name": "x"}', FIRST), terns(tmp_path))
    assert isinstance(said, Problem)
    assert said.reason == "not on the card: board.name; map it under `columns` or list it under `ignore`"


def test_a_provider_in_two_networks_is_two_listings(tmp_path: Path) -> None:
    source = terns(tmp_path, reads=JSON.replace("reference: id", "reference: id, network: plans.name"))
    said = list(search_grid.parse(page(ONE % '"plans": [{"name": "Silver"}, {"name": "Gold"}]', FIRST), source))
    assert [each.network for each in said if isinstance(each, Listing)] == ["Silver", "Gold"]


def test_a_circle_that_contradicts_another_is_a_problem_and_the_first_is_kept(tmp_path: Path) -> None:
    source = terns(tmp_path)
    pages = [page((ONE % '"distance": 3').replace("0101", number), FIRST) for number in ("0101", "0101", "0199")]
    first, wrong = read_once(pages, source)
    assert isinstance(first, Listing) and first.phone == "808 555 0101"
    assert isinstance(wrong, Problem) and "with another phone; the first one read is kept" in wrong.reason


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<html>", "is not JSON"),
        ('{"error": "over quota"}', 'has no list of results at \'data.providers\', but {"error": "over quota"}'),
        ('{"data": {"providers": [1]}}', "has no list of results"),
        ('{"data": {"providers": []}}', "states no number of results at 'data.total'"),
        ('{"data": {"total": null, "providers": []}}', "states no number of results"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_an_answer_that_is_none_is_not_an_empty_circle(body: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=re.escape(says)):
        search_grid.follow(page(body, FIRST), terns(tmp_path))


def test_a_page_without_results_must_say_so(tmp_path: Path) -> None:
    source = terns(tmp_path, reads=HTML.replace("  count: '#n'\n", ""), search="  none: Nobody near you\n")
    assert list(search_grid.parse(page("<p>Nobody  near you.</p>", FIRST), source)) == []
    with pytest.raises(SourceUnreadable, match="shows 0 results and does not state how many"):
        search_grid.follow(page("<p>Something went wrong.</p>", FIRST), source)


@pytest.mark.parametrize(
    "url", ["https://tern.example/find", FIRST.replace("210", "100"), FIRST.replace("11.75", "11.76"), FIRST.replace("11.75", "north")]
)
def test_an_answer_from_another_address_is_no_circle(url: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="which is no circle of the card") as caught:
        search_grid.follow(page(ONE % '"distance": 3', url), terns(tmp_path))
    assert caught.value.failure == "moved"


# The card ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"ask": "/find?lat={latitude}"}, "`start` must be one address with {radius}"),
        ({"ask": "/find?at={latitude}&radius={radius}"}, "must ask by {latitude} and {longitude}, or by {zip}"),
        ({"ask": BY_PLACE + "&size={size}"}, "`start` has {size}; expected each of"),
        ({"ask": BY_ZIP}, "or by {zip} with `places:`"),
        ({"radius": "{unit: leagues, at_most: 5}"}, "'leagues' is not known"),
        ({"radius": "{unit: miles}"}, "or `at_most:` with its largest, and not both"),
        ({"radius": "{unit: miles, one_of: [0]}"}, "expected a list of numbers"),
        ({"search": IN_PAGES}, "`start` has no {page}"),
        ({"search": "  order: name\n"}, "'name' is not known"),
        ({"search": "  cop: 5\n"}, "did you mean 'cap'?"),
        ({"reads": JSON.replace("  longitude: location.lon\n", "")}, "`latitude` and `longitude` go together"),
        ({"reads": HTML.replace("  count: '#n'\n", "")}, "a page without results must say so itself"),
        ({"ask": BY_ZIP, "search": "  places: [{zip: '00301', latitude: 11}]\n"}, "`longitude` is missing; expected degrees"),
        ({"ask": BY_ZIP, "search": "  places: [{zip: '00301', latitude: 11, longitude: -148}]\n"}, "places need the radii"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(more: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        terns(tmp_path, **more)
    assert says in str(caught.value)


def test_answers_that_people_saved_are_read_and_prove_nothing(tmp_path: Path) -> None:
    answer = {"status": 200, "content": {"mimeType": "application/json", "text": ONE % '"distance": 3'}}
    entry = {"startedDateTime": "2026-11-20T18:05:00Z", "request": {"method": "GET", "url": FIRST}, "response": answer}
    (tmp_path / "all.har").write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    head = "title: Tern\nkind: insurer\nsurface: saved_page\nformat: search_grid\nstart: all.har\nvisit: {hosts: [tern.example]}\n"
    source = card(tmp_path, f"{head}search:{JSON}", "tern")
    pages = pages_of(source, tmp_path)
    assert [(each.reference, each.name) for each in listings(pages, source)] == [("F-1", "Ada Reyes")]
    assert [each.url for each in pages] == [FIRST]
    assert search_grid.proof(pages, source) == "not proved: pages saved by hand are not known to be all"


def test_a_box_the_wrong_way_round_is_refused(tmp_path: Path) -> None:
    text = (terns(tmp_path).folder / "tern.yml").read_text(encoding="utf-8")
    with pytest.raises(Refused, match="south must be below north"):
        card(tmp_path, text.replace(f"north: {sea.NORTH}", "north: 9"), "tern")


def test_places_no_radius_reaches_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    source = zip_card(tmp_path, "https://tern.example", {"00301": (47.0, -120.0)})
    with pytest.raises(Refused, match="covers any part of the area"):
        search_grid.requests(source)
