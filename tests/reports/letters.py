"""An invented run in which some people are to be asked: the letters, the legislator's page and the patient's are made of it."""

from datetime import timedelta
from functools import cache
from typing import Any

import yaml

from reports.legislator import sections as legislator
from reports.patient import sections as patient
from reports.records import Context, Door, Measure, Report
from reports.therapist import sections as therapist
from tests.reports import example
from tests.reports.world import DAY, ROOT, World, context, sha

CONTACT = "corrections@audit.example"
LATE = {  # what later tables have beyond those every test draws
    "matching.finding": {"about": "text", "may_share": "boolean"},
    "curated.credential": {"roll_on": "date"},
    "curated.listing": {"state": "text"},
}


def run(persons: int = 3) -> World:
    """One insurer; `persons` people with a lapsed license, the first at two places; one finding that says nothing about its person."""
    world = World()
    for table, columns in LATE.items():
        for column, kind in columns.items():
            world.con.execute(f"alter table {table} add column if not exists {column} {kind}")
    world.con.execute("create table if not exists curated.county (county_fips text, name text)")
    for fips, name in (("53999", "Larkmead"), ("53997", "Mossbank")):
        world.add("curated.county", county_fips=fips, name=name)
    world.run()
    world.source("wa.doh", "Washington health care provider credentials", "license_roll", day=DAY + timedelta(days=1))
    world.source("wa.evergreen_mutual", "Evergreen Mutual provider directory", insurer_name="Evergreen Mutual Insurance Company")
    for card, state in (("us", "US"), ("wa", "WA")):
        example.rules(world, card, state)
    for number in range(persons):
        _person(world, number)
    world.listing("twin", "wa.evergreen_mutual", name_raw="Corwin Elderfen")
    world.finding(sha("twin")[:16], "duplicate_listing", "twin", about="listing", may_share=True)
    return world


def _person(world: World, number: int) -> None:
    name = example.HOSTILE[number - 1] if 0 < number <= len(example.HOSTILE) else f"Dessa Dunmarrow {number}"
    key, places = f"MA6{number:07d}", ["a", "b"] if number == 0 else ["a"]
    for place in places:
        id = f"{number:03d}{place}"
        more = {"name_raw": name, "address": f"{12 + number} Hidden Street", "state": "WA", "phone": "509-555-0100"}
        world.listing(id, "wa.evergreen_mutual", **more)
        world.add("matching.provider_member", provider_id=f"p{number:03d}", member_kind="listing", member_id=id)
        world.finding(
            sha(id)[:16],
            "lapsed_license",
            id,
            credential_id=f"k{number:03d}",
            about="person",
            may_share=True,
            sentence=f"Listed on {DAY} in Cascade Silver; license {key} expired on 2026-03-02.",
        )
    held: dict[str, Any] = {"license_key": key, "given_name": "Dessa", "family_name": "Dunmarrow", "expires_on": DAY - timedelta(days=263)}
    world.credential(f"k{number:03d}", "expired", f"{number:03d}a", roll_on=DAY + timedelta(days=1), **held)


def told(**more: Any) -> Context:
    """The context of such a run, with the doors of Washington's card."""
    said = [yaml.safe_load((ROOT / "states" / f"{card}.yml").read_text(encoding="utf-8")) for card in ("wa", "us")]
    return context(**({"contact": CONTACT, "doors": tuple(Door(**door) for card in said for door in card["doors"])} | more))


def measures() -> list[Measure]:
    """Standing of all listings and of two counties."""
    counts = {"all": (12, 362, 26), "county:53999": (2, 30, 4), "county:53997": (0, 5, 1)}
    return [
        Measure(
            report="commissioner", name=f"standing.{name}", scope=scope, title="", numerator=count, denominator=sum(each), value=None,
            low=None, high=None, method="", sql="select 1",
        )
        for scope, each in counts.items()
        for name, count in zip(("confirmed", "undetermined", "contradicted"), each, strict=True)
    ]  # fmt: skip


@cache
def reports() -> dict[str, Report]:
    """One of each page made for one reader: a letter, the list of letters, a legislator's page with and without a name, the patient's."""
    world, context = run(len(example.HOSTILE) + 2), told()
    [addressed] = legislator.legislators(world.con, measures(), context, [RECIPIENT])
    return {
        "letter": next(iter(therapist.letters(world.con, context))).report,
        "therapist": therapist.build(world.con, [], context),
        "legislator": legislator.build(world.con, measures(), context),
        "addressed": addressed,
        "patient": patient.build(world.con, [], context),
    }


RECIPIENT = legislator.Recipient(
    name="Quilla Kettlewood", office="State Senator", district="District 99", counties=("Larkmead", "Mossbank County")
)
