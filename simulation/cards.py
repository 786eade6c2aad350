"""Source cards and the audit card of the invented state, written beside each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from simulation import geography, pages
from simulation.people import GRACE_DAYS
from simulation.places import STATE, STATE_NAME
from simulation.sites import HOSTS, STARTS
from simulation.world import World

AUDIT = "invented"


def write(world: World, urls: Mapping[str, str], folder: Path, publish: Sequence[str] = ("commissioner",)) -> Path:
    """Write the cards of roll, insurers, registry and exclusion list, and of the audit, into `folder`; returns the audit card."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in HOSTS:
        card = {"start": urls[name] + STARTS[name], **_cards(world)[name]}
        _write(folder / f"{name}.yml", card)
    audit = {
        "title": f"INVENTED: massage therapy directories, {STATE_NAME}",
        "by": f"INVENTED association of massage therapists, {STATE_NAME}",
        "state": STATE,
        "profession": "massage_therapist",
        "roll": "./invented_roll.yml",
        "insurers": [f"./{name}.yml" for name in HOSTS[1:4]],
        "registries": [f"./{name}.yml" for name in HOSTS[4:]],
        "grace_days": GRACE_DAYS,
        "publish": list(publish),
        "geography": "./" + geography.write(folder / "geography").name,
    }
    _write(folder / f"{AUDIT}.yml", audit)
    return folder / f"{AUDIT}.yml"


def _write(path: Path, card: Mapping[str, Any]) -> None:
    text = f"# {pages.NOTICE}.\n" + yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True, width=120)
    path.write_text(text, encoding="utf-8")


def _cards(world: World) -> dict[str, dict[str, Any]]:
    return {
        "invented_roll": {
            "title": f"INVENTED license roll of {STATE_NAME}",
            "kind": "license_roll",
            "surface": "api",
            "state": STATE,
            "format": "socrata",
            "like": "wa.doh",
            "visit": _visit(world),
            "expect": _expect(len(world.roll_rows)),
        },
        "alder_mutual": {
            **_insurer(world, "alder_mutual", "Alder Mutual", "website", pages.NETWORK_WORDS),
            "format": "cards",
            "cards": {
                "block": "article.provider",
                "next": "a[rel=next]",
                "labels": "dl",
                "count": ".result-count",
                "fields": {"name": "h3", "reference": "@data-ref"},
            },
            "columns": {
                "organization": "Practice",
                "specialty": "Specialty",
                "license": "License number",
                "npi": "NPI",
                "address": "Address",
                "place": "Location",
                "phone": "Telephone",
                "network": "Network",
                "accepting": "New patients",
            },
            "patterns": {"place": r"(?P<city>.+), (?P<state>[A-Z]{2}) (?P<zip>\d{5})"},
            "words": {
                "network": {word: network for network, word in pages.NETWORK_WORDS.items()},
                "accepting": {"Yes": True, "No": False, "": None},
            },
            "ignore": ["Languages"],
        },
        "birch_health": {
            **_insurer(world, "birch_health", "Birch Health", "api", dict.fromkeys(pages.PLANS.values())),
            "format": "cms_json",
            "words": {
                "network": dict(pages.PLANS),
                "accepting": {"accepting": True, "not accepting": False, "accepting in some locations": None},
            },
        },
        "cedar_plan": {
            **_insurer(world, "cedar_plan", "Cedar Plan", "file", {"Cedar Basic": ""}),
            "format": "table",
            "columns": {
                "reference": "Listing ID",
                "name": "Provider",
                "organization": "Practice",
                "license": "License No.",
                "npi": "NPI",
                "address": "Address 1",
                "address_2": "Address 2",
                "city": "City",
                "state": "State",
                "zip": "Zip",
                "phone": "Phone",
                "specialty": "Specialty",
                "network": "Network",
                "accepting": "Accepting",
            },
            "words": {"network": {"CEDAR BASIC": "Cedar Basic"}, "accepting": {"Y": True, "N": False, "": None}},
            "ignore": ["Notice"],
        },
        "invented_nppes": {
            "title": "INVENTED national registry of NPIs",
            "kind": "registry",
            "surface": "file",
            "format": "nppes",
            "states": [STATE],
            "visit": _visit(world),
        },
        "invented_leie": {
            "title": "INVENTED federal list of excluded individuals and entities",
            "kind": "exclusion",
            "surface": "file",
            "format": "leie",
            "visit": _visit(world),
        },
    }


def _insurer(world: World, name: str, title: str, surface: str, networks: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": f"INVENTED {title} provider directory",
        "kind": "insurer",
        "surface": surface,
        "insurer": {"legal_name": f"{title} of {STATE_NAME} (INVENTED)", "naic": "00000"},
        "networks": {network: {"line": "individual"} for network in networks},
        "visit": _visit(world),
        "expect": _expect(len(world.directories[name])),
    }


def _visit(world: World) -> dict[str, Any]:
    """A loopback card's pace is 0; nothing else is skipped."""
    return {"every": "day", "pause_seconds": 0, "at_most_pages": pages.page_count(world) + 50}


def _expect(count: int) -> dict[str, Any]:
    """A tenth more or less is still the same directory."""
    return {"records": {"at_least": int(count * 0.9), "at_most": int(count * 1.1) + 1}}
