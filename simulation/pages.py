"""What the invented sites answer: bodies that depend on the world alone, so the same world gives the same bytes on any port."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from html import escape

from simulation.listings import Listing
from simulation.places import STATE, STATE_NAME
from simulation.world import World

NOTICE = f"INVENTED: {STATE_NAME} is no state; nobody listed here exists"
ROLL_FIELDS = (
    "credentialnumber", "lastname", "firstname", "middlename", "credentialtype", "status", "birthyear", "ceduedate", "firstissuedate",
    "lastissuedate", "expirationdate", "actiontaken",
)  # fmt: skip
ROLL_PATH, DIRECTORY = "/resource/inv0-0001.csv", "/directory/massage"
INDEX, CSV_PATH = "/cms-data-index.json", "/files/INVENTED_cedar_basic.csv"
PAGE_SIZE = 25
ROW_LIMIT, ROW_LIMIT_MOST = 1_000, 50_000
PLANS = {"00000ZZ0010001": "Birch Core", "00000ZZ0010002": "Birch Core", "00000ZZ0020001": "Birch Plus"}
NETWORK_WORDS = {"Alder Open": "Alder Open Network", "Alder Select": "Alder Select (tiered)", "Alder Community": "Alder Community Care"}


class BadQuery(ValueError):
    """The roll was asked something it does not answer."""


def roll(world: World, query: Mapping[str, str]) -> str:
    """Rows of the roll as CSV, with the five `$` words of the Socrata API that a downloader needs."""
    unknown = set(query) - {"$select", "$order", "$limit", "$offset"}
    if unknown:
        raise BadQuery(f"Unrecognized arguments {sorted(unknown)}")
    fields = [name.strip() for name in query.get("$select", ",".join(ROLL_FIELDS)).split(",")]
    order = query.get("$order", ":id").split()[0]
    for name in (*fields, order):
        if name not in ROLL_FIELDS and not (name == ":id" and name == order):
            raise BadQuery(f"No such column: {name}")
    try:
        limit, offset = int(query.get("$limit", ROW_LIMIT)), int(query.get("$offset", 0))
    except ValueError as reason:
        raise BadQuery(str(reason)) from reason
    if not 0 <= limit <= ROW_LIMIT_MOST or offset < 0:
        raise BadQuery(f"$limit must be 0 to {ROW_LIMIT_MOST}")
    rows = world.roll_rows
    if order != ":id":
        by = ROLL_FIELDS.index(order)
        rows = tuple(sorted(rows, key=lambda row: row[by]))
    at = [ROLL_FIELDS.index(name) for name in fields]
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([row[each] for each in at] for row in rows[offset : offset + limit])
    return out.getvalue()


def page_count(world: World) -> int:
    return max(1, -(-len(world.directories["alder_mutual"]) // PAGE_SIZE))


def html(world: World, number: int) -> str:
    """One page of Alder Mutual's directory, counted from 1."""
    listings = world.directories["alder_mutual"]
    cards = "\n".join(_card(each) for each in listings[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])
    last = page_count(world)
    links = [f'<a rel="prev" href="?page={number - 1}">Previous</a>'] if number > 1 else []
    links += [f'<a rel="next" href="?page={number + 1}">Next</a>'] if number < last else []
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>INVENTED Alder Mutual: find a massage therapist, page {number}</title></head>
<body>
<p class="invented" style="background:#fc0;padding:.5em"><strong>{NOTICE}</strong></p>
<h1>Find a massage therapist</h1>
<p class="result-count">{len(listings)} listings</p>
<main>
{cards}
</main>
<nav>Page {number} of {last} {" ".join(links)}</nav>
<footer><a href="/directory/report">Report an error in this directory</a></footer>
</body></html>
"""


def _card(listing: Listing) -> str:
    name, practice = boxes(listing, full_name(listing))
    facts = {
        "Practice": practice,
        "Specialty": "Massage Therapy",
        "License number": listing.license,
        "NPI": listing.npi,
        "Address": ", ".join(part for part in (listing.address, listing.address_2) if part),
        "Location": f"{listing.place.city}, {STATE} {listing.place.zip}",
        "Telephone": listing.phone,
        "Network": NETWORK_WORDS[listing.network],
        "New patients": {True: "Yes", False: "No", None: ""}[listing.accepting],
        "Languages": "English",
    }
    pairs = "".join(f"<dt>{label}</dt><dd>{escape(value)}</dd>" for label, value in facts.items())
    return f'<article class="provider" data-ref="{listing.reference}"><h3>{escape(name)}</h3><dl>{pairs}</dl></article>'


def boxes(listing: Listing, name: str) -> tuple[str, str]:
    """What stands in the boxes for a person and for a practice, `name` being the person's as this source writes it."""
    practice = listing.organization
    if listing.person is None:
        return practice, ""
    if "person_in_clinic" in listing.labels:
        return practice, name
    return (f"{name} - {practice}" if "clinic_in_name" in listing.labels else name), practice


def full_name(listing: Listing) -> str:
    """First name first, as Alder Mutual writes it."""
    return f"{listing.parts}, {listing.tail}" if listing.tail else listing.parts


def cms_index() -> str:
    """Where the other files are; relative, so that no port is in a body."""
    files = {"provider_urls": ["/providers-1.json", "/providers-2.json"], "formulary_urls": [], "plan_urls": ["/plans.json"]}
    return json.dumps({"notice": NOTICE, **files}, indent=1)


def cms_plans() -> str:
    plans = [
        {
            "plan_id_type": "HIOS-PLAN-ID",
            "plan_id": plan,
            "marketing_name": f"INVENTED {network} plan {plan[-1]}",
            "plan_contact": "nobody@birch.invalid",
            "network": [{"network_tier": "PREFERRED"}],
            "last_updated_on": "2026-01-01",
        }
        for plan, network in PLANS.items()
    ]
    return json.dumps(plans, indent=1)


def cms_providers(world: World, file: int) -> str:
    """One of the two provider files. A record is a person as written once: its addresses hold for all its plans."""
    written: dict[tuple[object, ...], list[Listing]] = defaultdict(list)
    for each in world.directories["birch_health"]:
        name = (each.prefix, each.first, each.middle, each.last, each.suffix, each.organization)
        written[each.npi, name, each.accepting, each.network].append(each)
    merged: dict[tuple[object, ...], tuple[list[Listing], list[str]]] = {}
    for key, listings in written.items():
        addresses = tuple((each.address, each.address_2, each.place.zip, each.phone) for each in listings)
        merged.setdefault((*key[:-1], addresses), (listings, []))[1].append(listings[0].network)
    records = [_record(listings, networks, world.today.replace(day=1).isoformat()) for listings, networks in merged.values()]
    half = len(records) // 2
    return json.dumps(records[:half] if file == 1 else records[half:], indent=1)


def _record(listings: list[Listing], networks: list[str], updated: str) -> dict[str, object]:
    first = listings[0]
    addresses = [
        {
            key: value
            for key, value in (
                ("address", each.address),
                ("address_2", each.address_2),
                ("city", each.place.city),
                ("state", STATE),
                ("zip", each.place.zip),
                ("phone", each.phone),
            )
            if value or key != "address_2"
        }
        for each in listings
    ]
    plans = [
        {"plan_id_type": "HIOS-PLAN-ID", "plan_id": plan, "network_tier": "PREFERRED", "years": [int(updated[:4])]}
        for plan, network in PLANS.items()
        if network in networks
    ]
    if not first.person:
        who: dict[str, object] = {"type": "FACILITY", "facility_name": first.organization, "facility_type": ["Massage practice"]}
    else:
        boxes = (("prefix", first.prefix), ("first", first.first), ("middle", first.middle), ("last", first.last), ("suffix", first.suffix))
        accepting = {True: "accepting", False: "not accepting", None: "accepting in some locations"}[first.accepting]
        name = {box: value for box, value in boxes if value}
        who = {"type": "INDIVIDUAL", "name": name, "specialty": ["Massage Therapist"], "accepting": accepting}
    return {"npi": first.npi, **who, "addresses": addresses, "plans": plans, "last_updated_on": updated}


CSV_FIELDS = (
    "Listing ID", "Provider", "Practice", "License No.", "NPI", "Address 1", "Address 2", "City", "State", "Zip", "Phone", "Specialty",
    "Network", "Accepting", "Notice",
)  # fmt: skip


def table(world: World) -> str:
    """Cedar Plan's directory: "LAST, FIRST M", every cell quoted, lines ended as on Windows."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(CSV_FIELDS)
    writer.writerows(_row(each) for each in world.directories["cedar_plan"])
    return out.getvalue()


def last_first(listing: Listing) -> str:
    """LAST, FIRST M, as Cedar Plan writes it."""
    given = " ".join(part for part in (listing.first, listing.middle) if part)
    family = " ".join(part for part in (listing.last, listing.suffix) if part)
    name = f"{family}, {given}".upper()
    return f"{name}, {listing.tail}" if listing.tail else name


def _row(listing: Listing) -> tuple[str, ...]:
    name, practice = boxes(listing, last_first(listing))
    place = listing.place
    return (
        listing.reference,
        name,
        practice,
        listing.license,
        listing.npi,
        *(listing.address, listing.address_2, place.city, STATE, place.zip),
        listing.phone,
        "Massage Therapy",
        listing.network.upper(),
        {True: "Y", False: "N", None: ""}[listing.accepting],
        "INVENTED",
    )
