"""A realistic run, invented whole: three insurers, hundreds of listings, names that try to do harm."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from reports.measures import LICENSE_CHECKS
from tests.reports.world import DAY, ROOT, World, sha

GIVEN = [
    "Adela",
    "Bram",
    "Corwin",
    "Dessa",
    "Elspeth",
    "Farrow",
    "Gwenna",
    "Halden",
    "Isolde",
    "Jorun",
    "Kestrel",
    "Lowen",
    "Maris",
    "Nolan",
    "Orla",
    "Perrin",
    "Quilla",
    "Rowan",
    "Sorrel",
    "Tamsin",
]
FAMILY = [
    "Ashgrove",
    "Birchall",
    "Coldwater",
    "Dunmarrow",
    "Elderfen",
    "Fallowick",
    "Greystoke",
    "Hollowell",
    "Inglemoor",
    "Juniperfield",
    "Kettlewood",
    "Larkmead",
    "Mossbank",
]
CITIES = [("Spokane", "99201"), ("Yakima", "98901"), ("Port Townsend", "98368"), ("Walla Walla", "99362")]
HOSTILE = (
    "<script>alert('name')</script>",
    '=HYPERLINK("http://evil.example","x")',
    "#set page(fill: red); $x^2$ *bold* \\u{0}",
    "Wolfeschlegelsteinhausenbergerdorff" * 4,
    "שרה כהן",
    "مريم \u202eevil",
    "漢字 Näme\u0007 🌲",
    "+1 SUM(A1:A9)",
)
LONG_NAME = "Cascadia Cooperative Health Plan of the Pacific Northwest, a Nonprofit Corporation"
INSURERS = {
    "wa.evergreen_mutual": ("Evergreen Mutual provider directory", "Evergreen Mutual Insurance Company", "99901", "WAOIC-X1", 120),
    "wa.cascadia": ("Cascadia find a therapist", LONG_NAME, "99902", None, 70),
    "wa.tidewater": ("Tidewater machine-readable file", "Tidewater Health Assurance, Inc.", None, None, 8),
}
SHOWN = "Listing {id} in Cascade Silver on 2026-11-20 names {name}; "
SAYS = {
    "duplicate_listing": "{name} is listed again at the same place in Cascade Silver; the listing kept is the one first shown.",
    "lapsed_license": SHOWN + "the roll shows license {key} as expired since 2026-03-02, 263 days before.",
    "barred_license": SHOWN + "the roll shows license {key} with status suspended since 2026-05-11.",
    "retired_or_deceased": SHOWN + "the roll shows license {key} with status retired.",
    "no_license_found": "No license of {name} was found.",
    "missing_required_field": "Listing {id} of {name} shows no telephone number.",
}


def run() -> World:
    """The whole example, its models built."""
    chance, world = random.Random(22), World()
    world.run()
    world.source("wa.doh", "Washington health care provider credentials", "license_roll", day=DAY + timedelta(days=1))
    rules(world, "us", "US")
    rules(world, "wa", "WA")
    for name, (title, legal, naic, waoic, size) in INSURERS.items():
        more: dict[str, Any] = {
            "insurer_name": legal,
            "naic": naic,
            "waoic": waoic,
            "surface": "file" if name == "wa.tidewater" else "website",
            "state": "WA",
        }
        world.source(name, title, day=DAY - timedelta(days=31), latest=False, **more)
        world.source(name, title)
        if name != "wa.tidewater":
            world.add(
                "curated.network",
                source_id=name,
                network="Cascade Silver",
                line="individual",
                regulator="oic",
                filed_as="Cascade Silver 2026",
            )
        for number in range(size):
            _listing(world, chance, name, number)
        for number in range(9):
            world.add(
                "curated.claim_change", claim_id=f"x{number}", source_id=name, snapshot_id=f"{name}@{DAY}", change=chance.choice(CHANGES)
            )
        world.add("curated.problem", problem_id=f"p-{name}", source_id=name, snapshot_id=f"{name}@{DAY}")
    return world.models()


CHANGES = ("appeared", "vanished", "changed")


def rules(world: World, card: str, state: str) -> None:
    """The rules of one state's card, as the warehouse loads them."""
    said: dict[str, Any] = yaml.safe_load((ROOT / Path("states") / f"{card}.yml").read_text(encoding="utf-8"))
    for rule in said["rules"]:
        world.add(
            "curated.rule",
            rule_id=rule["id"],
            citation=rule["citation"],
            says=rule["says"],
            source=rule["source"],
            text_dated=rule["text_dated"] and str(rule["text_dated"]),
            verified_on=rule["verified_on"],
            applies_to=rule["applies_to"],
            state=state,
        )


def _listing(world: World, chance: random.Random, source: str, number: int) -> None:
    id = f"{source.split('.')[1][:3]}{number:04d}"
    name = HOSTILE[number] if number < len(HOSTILE) else f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}-{chance.choice(FAMILY)}, LMT"
    city, zip5 = chance.choice(CITIES)
    key = f"MA6{number:07d}"
    world.listing(id, source, name_raw=name, city=city, zip5=zip5, is_organization=number % 40 == 39)
    draw, told = chance.random(), {"id": id, "name": name, "key": key}
    credential: dict[str, Any] = {"license_key": key, "given_name": "A", "family_name": "B"}

    def found(check: str, tier: str, days: int | None = None) -> None:
        held = f"k-{id}" if check in LICENSE_CHECKS else None
        world.finding(sha(check + id)[:16], check, id, tier, credential_id=held, sentence=SAYS[check].format(**told))
        if held:
            world.ended(id, held, days)

    if number < len(HOSTILE) or draw < 0.06:
        days = chance.choice([12, 60, 263, 700])
        world.credential(f"k-{id}", "expired", id, expires_on=DAY - timedelta(days=days), **credential)
        if days > 30:
            found("lapsed_license", "A" if draw < 0.8 else "B", days)
    elif draw < 0.08:
        world.credential(f"k-{id}", "suspended", id, **credential)
        found("barred_license", "A")
    elif draw < 0.10:
        world.credential(f"k-{id}", "retired", id, expires_on=None, **credential)
        found("retired_or_deceased", "B")
    elif draw < 0.18:
        found("no_license_found", "C")
    elif draw < 0.23:
        world.credential(f"k-{id}", "active", id, judgement="unsure", **credential)
    elif draw < 0.45 and number > 20:
        world.credential(f"k-{id}", "active", id, **credential)
        keeper = f"{source.split('.')[1][:3]}{number - 1:04d}"
        world.add("matching.provider_member", provider_id=keeper, member_kind="listing", member_id=id)
        world.add("matching.duplicate", listing_id=id, group_id=f"g-{id}", kind="same_location", keeper_listing_id=keeper)
        found("duplicate_listing", "A")
    else:
        world.credential(f"k-{id}", "active", id, **credential)
        if draw < 0.55:
            other = f"{source.split('.')[1][:3]}{number - 1:04d}"
            world.add("matching.provider_member", provider_id=other, member_kind="listing", member_id=id)
        if draw > 0.98:
            found("missing_required_field", "A")
        if draw > 0.94:
            world.add(
                "matching.standing",
                claim_id=f"c-{id}",
                standing=chance.choice(["confirmed", "contradicted"]),
                evidence_class="insurer_answer" if number % 3 else "call",
                observed_on=DAY,
            )
