"""The invented state's web answers over real HTTP, stumbles as it says, and shows the whole world."""

import csv
import io
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import pytest
import yaml

from simulation import cards, pages, world
from simulation.sites import HOSTS, STARTS, Sites, serve
from simulation.world import World

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def zenobia() -> World:
    return world.build(7, 260, 3_000, today=TODAY)


@pytest.fixture
def web(zenobia: World) -> Iterator[Sites]:
    with serve(zenobia) as sites:
        yield sites


def get(url: str) -> tuple[int, dict[str, str], str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, dict(refusal.headers), refusal.read().decode()


def test_a_429_and_a_500_come_once_each_and_heal(web: Sites) -> None:
    start = web.urls["alder_mutual"] + pages.DIRECTORY
    status, headers, _ = get(f"{start}?page=2")
    assert (status, headers["Retry-After"]) == (429, "1")
    assert get(f"{start}?page=2")[0] == 200
    assert [get(f"{start}?page=3")[0] for _ in range(3)] == [500, 200, 200]
    assert web.log[:2] == [("alder_mutual", "/directory/massage?page=2", 429), ("alder_mutual", "/directory/massage?page=2", 200)]


def test_robots_allow_the_directory_and_keep_admin_to_themselves(web: Sites) -> None:
    robots = RobotFileParser(web.urls["alder_mutual"] + "/robots.txt")
    robots.read()
    assert robots.can_fetch("rollcall", web.urls["alder_mutual"] + STARTS["alder_mutual"])
    assert not robots.can_fetch("rollcall", web.urls["alder_mutual"] + "/admin/users")
    assert get(web.urls["cedar_plan"] + "/robots.txt")[0] == 404


def test_next_links_lead_through_every_listing(web: Sites, zenobia: World) -> None:
    url: str | None = web.urls["alder_mutual"] + STARTS["alder_mutual"]
    references: list[str] = []
    while url:
        status, _, body = get(url)
        if status == 200:
            assert "INVENTED" in body
            assert str(urlsplit(url).port) not in body
            assert 'class="result-count">260 ' in body
            references += re.findall(r'data-ref="(\w+)"', body)
            found = re.search(r'rel="next" href="([^"]+)"', body)
            url = urljoin(url, found[1]) if found else None
    assert references == [listing.reference for listing in zenobia.directories["alder_mutual"]]


def test_the_roll_is_paged_and_selected_as_socrata_does(web: Sites, zenobia: World) -> None:
    start = web.urls["invented_roll"] + pages.ROLL_PATH
    assert len(list(csv.DictReader(io.StringIO(get(start)[2])))) == 1_000, "Socrata's default"
    rows: list[dict[str, str]] = []
    for offset in (0, 2_000):
        query = f"?$select=credentialnumber,lastname,status&$order=:id&$limit=2000&$offset={offset}"
        rows += csv.DictReader(io.StringIO(get(start + query)[2]))
    assert [(row["credentialnumber"], row["lastname"], row["status"]) for row in rows] == [(r[0], r[1], r[5]) for r in zenobia.roll_rows]
    assert set(rows[0]) == {"credentialnumber", "lastname", "status"}, "the birth year stays at the source"
    for wrong in ("?$select=nosuch", "?$limit=50001", "?$where=1", "?$limit=many"):
        assert get(start + wrong)[0] == 400


def test_cms_files_name_every_listing_in_its_network(web: Sites, zenobia: World) -> None:
    base = web.urls["birch_health"]
    index = json.loads(get(base + STARTS["birch_health"])[2])
    shown = set()
    for file in index["provider_urls"]:
        for record in json.loads(get(urljoin(base, file))[2]):
            name = record.get("facility_name") or " ".join(record["name"].values())
            for address in record["addresses"]:
                for network in {pages.PLANS[plan["plan_id"]] for plan in record["plans"]}:
                    shown.add((record["npi"], name, address["address"], address["zip"], network))
    known = {tuple(row.key.values()) for row in zenobia.truth if row.source == "birch_health"}
    assert shown == known
    assert {plan["plan_id"] for plan in json.loads(get(urljoin(base, index["plan_urls"][0]))[2])} == set(pages.PLANS)


def test_the_csv_holds_what_a_spreadsheet_would_run_and_a_page_would(web: Sites, zenobia: World) -> None:
    rows = list(csv.DictReader(io.StringIO(get(web.urls["cedar_plan"] + STARTS["cedar_plan"])[2], newline="")))
    assert [row["Listing ID"] for row in rows] == [listing.reference for listing in zenobia.directories["cedar_plan"]]
    cells = [cell for row in rows for cell in row.values()]
    assert any(cell.startswith("=HYPERLINK") for cell in cells)
    assert any("<script>" in cell for cell in cells)
    assert {row["Notice"] for row in rows} == {"INVENTED"}
    bodies = "".join(pages.html(zenobia, page) for page in range(1, pages.page_count(zenobia) + 1))
    assert "<script>" not in bodies and "&lt;script&gt;" in bodies


def test_ports_can_be_chosen_and_bodies_do_not_depend_on_them(zenobia: World) -> None:
    with serve(zenobia) as first:
        ports = tuple(int(url.rpartition(":")[2]) for url in first.urls.values())
        body = get(first.urls["birch_health"] + "/providers-1.json")[2]
    with serve(zenobia, ports) as again:
        assert again.urls == first.urls
    with serve(zenobia) as other:
        assert get(other.urls["birch_health"] + "/providers-1.json")[2] == body


def test_cards_point_at_the_sites_and_map_every_label_shown(web: Sites, zenobia: World, tmp_path: Path) -> None:
    audit = yaml.safe_load(cards.write(zenobia, web.urls, tmp_path).read_text())
    assert audit["state"] == "ZZ" and audit["publish"] == ["commissioner"]
    listed = [tmp_path / each for each in (audit["roll"], *audit["insurers"], *audit["registries"])]
    assert [path.stem for path in listed] == [*HOSTS]
    read = {path.stem: yaml.safe_load(path.read_text()) for path in listed}
    for name, card in read.items():
        assert card["start"] == web.urls[name] + STARTS[name]
        assert card["visit"]["pause_seconds"] == 0
        assert "INVENTED" in card["title"]
    page = pages.html(zenobia, 1)
    html = read["alder_mutual"]
    assert set(re.findall("<dt>(.*?)</dt>", page)) == {*html["columns"].values(), *html["ignore"]}
    locations = re.findall("<dt>Location</dt><dd>(.*?)</dd>", page)
    assert locations and all(re.fullmatch(html["patterns"]["place"], place) for place in locations)
    assert set(pages.CSV_FIELDS) == {*read["cedar_plan"]["columns"].values(), *read["cedar_plan"]["ignore"]}
    assert set(read["birch_health"]["words"]["network"]) == set(pages.PLANS)
