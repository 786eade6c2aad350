"""Hollow County: one invented county, audited twice, a month apart. Read this to see what the system does.

Two insurers say whom their members can see. The state's license roll says who may practice. Both are ordinary web servers here,
on loopback; the cards below are what a volunteer writes about them; the command is the one a volunteer types.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest

from pipelines import settings, stages
from scrapers.fetch import Client
from tests.scrapers.site import Reply, Site, served
from tests.story.command import published, rollcall, rows

AUDIT = """
title: Massage therapists in Hollow County
state: WA
profession: massage_therapist
roll: ./roll.yml
insurers: [./evergreen.yml, ./cedar.yml]
grace_days: 30                  # a lapse this young is left alone
publish: [commissioner]
"""
ROLL = """
title: The license roll
kind: license_roll
state: WA
format: table
start: {url}/roll.csv
columns: {{number: Number, first: First, last: Last, type: Type, status: Status, expires: Expires}}
license_key: {{pattern: '(?P<prefix>MA)(?P<digits>[0-9]+)', digits: 8}}
words:
  status:
    ACTIVE: {{status: active, may_practice: true}}
    EXPIRED: {{status: expired, may_practice: false}}
    SUSPENDED: {{status: suspended, may_practice: false}}
    RETIRED: {{status: retired, may_practice: false}}
visit: {{pause_seconds: 0}}
"""
EVERGREEN = """
title: Evergreen Mutual, a list to download
kind: insurer
surface: file
insurer: {{legal_name: Evergreen Mutual}}
network: Silver
format: table
start: {url}/directory.csv
columns: {{name: Provider, license: License, address: Street, city: City, zip: Zip, phone: Phone}}
visit: {{pause_seconds: 0}}
"""
CEDAR = """
title: Cedar Health, a page to look at
kind: insurer
surface: website
insurer: {{legal_name: Cedar Health}}
network: Gold
format: cards
start: {url}/find-care
cards: {{block: article, labels: dl, fields: {{name: h3, reference: "@id"}}}}
columns: {{license: License, address: Street, place: Town, phone: Telephone}}
patterns: {{place: '(?P<city>.+) (?P<zip>[0-9]{{5}})'}}
visit: {{pause_seconds: 0}}
"""
MARCH, APRIL = date(2026, 3, 2), date(2026, 4, 2)

ROLL_IN_MARCH = """
    Number     | First  | Last      | Type                      | Status    | Expires
    MA00000001 | Rowan  | Ashdale   | Massage Therapist License | ACTIVE    | 20270630
    MA00000002 | Ida    | Birkeland | Massage Therapist License | EXPIRED   | 20251231
    MA00000003 | Mei    | Calloway  | Massage Therapist License | EXPIRED   | 20260210
    MA00000004 | Oskar  | Dunmore   | Massage Therapist License | SUSPENDED | 20270101
    MA00000005 | Vera   | Ekholm    | Massage Therapist License | EXPIRED   | 20230101
    MA00000006 | Vera   | Ekholm    | Massage Therapist License | ACTIVE    | 20270101
    MA00000007 | Tobias | Farrow    | Massage Therapist License | RETIRED   | 20240101
"""
EVERGREEN_IN_MARCH = """
    Provider          | License    | Street         | City   | Zip   | Phone
    Rowan Ashdale LMT | MA00000001 | 12 Alder St    | Hollow | 98402 | 253-555-0101
    Ashdale, Rowan    | ma00000001 | 12 Alder St.   | Hollow | 98402 | (253) 555-0101
    Rowan Ashdale LMT | MA00000001 | 900 Harbor Ave | Hollow | 98403 | 253-555-0101
    Ida Birkeland     | MA00000002 | 3 Oak St       | Hollow | 98402 | 253-555-0102
    Mei Calloway      | MA00000003 | 5 Oak St       | Hollow | 98402 | 253-555-0103
    Tobias Farrow     | MA00000007 | 9 Oak St       | Hollow | 98402 | 253-555-0107
"""
CEDAR_IN_MARCH = """
    id   | name          | License    | Street     | Town         | Telephone
    c101 | Oskar Dunmore | MA00000004 | 7 Oak St   | Hollow 98402 | 253-555-0104
    c102 | Vera Ekholm   | MA00000005 | 8 Oak St   | Hollow 98402 | 253-555-0105
    c103 | Gale Hartwin  |            | 1 Fern Way | Hollow 98404 | 253-555-0108
"""

FOUND_IN_MARCH = """
    listed as      | by        | check               | tier | state | first seen
    Ashdale, Rowan | evergreen | duplicate_listing   | A    | new   | 2026-03-02
    Gale Hartwin   | cedar     | no_license_found    | C    | new   | 2026-03-02
    Ida Birkeland  | evergreen | lapsed_license      | A    | new   | 2026-03-02
    Oskar Dunmore  | cedar     | barred_license      | B    | new   | 2026-03-02
    Tobias Farrow  | evergreen | retired_or_deceased | A    | new   | 2026-03-02
"""
FOUND_IN_APRIL = """
    listed as      | by        | check               | tier | state      | first seen
    Ashdale, Rowan | evergreen | duplicate_listing   | A    | persisting | 2026-03-02
    Gale Hartwin   | cedar     | no_license_found    | C    | persisting | 2026-03-02
    Ida Birkeland  | evergreen | lapsed_license      | A    | persisting | 2026-03-02
    Mei Calloway   | evergreen | lapsed_license      | A    | new        | 2026-04-02
    Oskar Dunmore  | cedar     | barred_license      | A    | persisting | 2026-03-02
    Tobias Farrow  | evergreen | retired_or_deceased | A    | resolved   | 2026-03-02
"""
FINDINGS = """
    select name_raw, listing.source_id, check_name, tier, finding.state, first_seen_on
    from matching.finding join curated.listing using (listing_id) order by all
"""


class County:
    """The county's web, and the volunteer's folder. `audits` runs the audit as on that day."""

    def __init__(self, site: Site, folder: Path, on: Callable[[date], None]) -> None:
        self.site, self.folder, self.on = site, folder, on
        for name, card in {"roll": ROLL, "evergreen": EVERGREEN, "cedar": CEDAR, "hollow": AUDIT}.items():
            (folder / f"{name}.yml").write_text(card.format(url=site.url) if name != "hollow" else card, encoding="utf-8")

    def publishes(self, roll: str, evergreen: str, cedar: str) -> None:
        self.site.says |= {"/roll.csv": as_csv(roll), "/directory.csv": as_csv(evergreen), "/find-care": as_page(cedar)}

    def audits(self, day: date) -> Path:
        self.on(day)
        done = rollcall("run", self.folder / "hollow.yml", "--data", self.folder / "data")
        assert done.status == 0, done.err
        return published(self.folder / "data", "hollow")


@pytest.fixture(scope="module")
def hollow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The databases published in March and in April."""

    def on(day: date) -> None:
        """Set the clock: the one thing that a test may not wait for."""
        now = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
        patch.setattr(settings, "read", lambda data=None: replace(read(data), now=now))
        patch.setattr(stages, "Client", partial(Client, clock=lambda: now))

    read = settings.read
    with served({}) as site, pytest.MonkeyPatch.context() as patch:
        county = County(site, tmp_path_factory.mktemp("hollow"), on)
        county.publishes(ROLL_IN_MARCH, EVERGREEN_IN_MARCH, CEDAR_IN_MARCH)
        march = county.audits(MARCH)
        # By April Evergreen has taken Farrow off its list and corrected Birkeland's telephone; everything else still stands.
        farrow_left = "".join(line for line in EVERGREEN_IN_MARCH.splitlines(keepends=True) if "Farrow" not in line)
        county.publishes(ROLL_IN_MARCH, farrow_left.replace("253-555-0102", "253-555-0199"), CEDAR_IN_MARCH)
        yield march, county.audits(APRIL)


def test_what_one_look_at_the_county_shows(hollow: tuple[Path, Path]) -> None:
    """Not there: Calloway, whose license ran out 20 days ago, and Ekholm, whose old license lapsed but who holds a new one."""
    march, _ = hollow
    assert shown(march, FINDINGS) == drawn(FOUND_IN_MARCH)


def test_what_a_second_look_a_month_later_adds(hollow: tuple[Path, Path]) -> None:
    """Calloway's lapse is now 51 days old. Dunmore's suspension bears no date; two looks at the roll 31 days apart document it."""
    _, april = hollow
    assert shown(april, FINDINGS) == drawn(FOUND_IN_APRIL)


def test_a_finding_says_what_is_so_and_keeps_its_id(hollow: tuple[Path, Path]) -> None:
    march, april = hollow
    said = "select finding_id, sentence from matching.finding where check_name = 'lapsed_license' and first_seen_on = '2026-03-02'"
    [(before, then)], [(after, now)] = rows(march, said), rows(april, said)
    assert before == after
    for sentence, day, age in ((str(then), "2026-03-02", "61 days"), (str(now), "2026-04-02", "92 days")):
        for words in ("MA00000002", "had expired on 2025-12-31", day, age):
            assert words in sentence
        assert not {"ghost", "fake", "fraud"} & set(sentence.lower().split())


def test_a_suspension_without_a_date_is_said_to_be_since_unknown(hollow: tuple[Path, Path]) -> None:
    march, april = hollow
    said = "select sentence from matching.finding where check_name = 'barred_license'"
    assert "stood as suspended on the roll, since unknown" in str(rows(march, said))
    assert "stood as suspended on the roll, first seen so on 2026-03-02" in str(rows(april, said))


def test_one_therapist_twice_at_one_place_is_a_duplicate_and_at_two_places_is_not(hollow: tuple[Path, Path]) -> None:
    _, april = hollow
    told = "select name_raw, address, kind from matching.duplicate join curated.listing using (listing_id) where is_latest order by all"
    assert shown(april, told) == drawn("""
        name              | address        | kind
        Ashdale, Rowan    | 12 Alder St.   | same_location
        Rowan Ashdale LMT | 12 Alder St    | same_location
        Rowan Ashdale LMT | 900 Harbor Ave | multi_location
    """)


def test_what_changed_between_the_two_looks(hollow: tuple[Path, Path]) -> None:
    _, april = hollow
    told = """
        select any_value(name_raw), change, field, coalesce(before_value, ''), coalesce(after_value, '')
        from curated.claim_change join curated.listing using (claim_id) group by claim_change.claim_id, 2, 3, 4, 5 order by all
    """
    assert shown(april, told) == drawn("""
        listed as     | change   | field | before       | after
        Ida Birkeland | changed  | phone | 253-555-0102 | 253-555-0199
        Tobias Farrow | vanished |       |              |
    """)


def test_the_roll_is_remembered(hollow: tuple[Path, Path]) -> None:
    _, april = hollow
    told = """
        select license_key, credential.status, seen_from_on, seen_to_on
        from curated.credential join curated.credential_history using (credential_id)
        where family_name in ('Dunmore', 'Ekholm') order by all
    """
    assert shown(april, told) == drawn("""
        license    | status    | from       | to
        MA00000004 | suspended | 2026-03-02 | 2026-04-02
        MA00000005 | expired   | 2026-03-02 | 2026-04-02
        MA00000006 | active    | 2026-03-02 | 2026-04-02
    """)


def test_the_page_for_the_commissioner_is_a_draft_and_names_its_sources(hollow: tuple[Path, Path]) -> None:
    march, april = hollow
    for database in (march, april):
        page = (database.parent / database.stem.removeprefix("audit-") / "commissioner.html").read_text(encoding="utf-8")
        for words in ("DRAFT", "Hollow County", "Evergreen Mutual", "Cedar Health", "RCW 18.108.030", "/find-care"):
            assert words in page


# Drawing ---------------------------------------------------------------------------------------------------------


def cells(drawing: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in drawing.strip().splitlines()]


def drawn(drawing: str) -> list[list[str]]:
    """The rows of a drawn table, without its heading."""
    return cells(drawing)[1:]


def shown(database: Path, question: str) -> list[list[str]]:
    """The answer of a published database, as text."""
    return [[str(cell) for cell in row] for row in rows(database, question)]


def as_csv(drawing: str) -> Reply:
    lines = [",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in cells(drawing)]
    return Reply(body="\n".join([*lines, ""]).encode(), headers={"Content-Type": "text/csv"})


def as_page(drawing: str) -> Reply:
    """A web page with a card for each row; columns after id and name become labels and values."""
    heading, *listings = cells(drawing)
    articles = []
    for reference, name, *facts in listings:
        said = "".join(f"<dt>{label}</dt><dd>{fact}</dd>" for label, fact in zip(heading[2:], facts, strict=True))
        articles.append(f"<article id={reference}><h3>{name}</h3><dl>{said}</dl></article>")
    page = f"<!doctype html><title>Find care in Hollow County</title>{''.join(articles)}"
    return Reply(body=page.encode(), headers={"Content-Type": "text/html"})
