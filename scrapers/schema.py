"""What a card may say, as JSON Schema (draft 7), so that an editor completes its keys and underlines a wrong one.

Made of the lists that `scrapers.sources` checks. `python -m scrapers.schema` writes the two files; a test keeps them equal.
"""

import importlib
import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from scrapers import access, drop, sources
from scrapers.reading import NOUNS

Schema = dict[str, Any]

SOURCE_FILE = Path(__file__).with_name("source.schema.json")
AUDIT_FILE = Path(__file__).with_name("audit.schema.json")
DRAFT = "http://json-schema.org/draft-07/schema#"

TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": {"type": "string"}}]}
OR_NULL: Schema = {"type": ["string", "null"]}
DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
COUNT: Schema = {"type": "integer", "minimum": 0}
STATE: Schema = {"type": "string", "pattern": "^[A-Z]{2}$"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def texts_by(names: Collection[str] = ()) -> Schema:
    """A map of texts, whose likely keys are named so that an editor offers them."""
    return {"type": ["object", "null"], "properties": dict.fromkeys(names, TEXT), "additionalProperties": TEXT}


def closed(properties: Mapping[str, Any], *required: str) -> Schema:
    """A map with these keys and no other."""
    said: Schema = {"type": ["object", "null"], "properties": dict(properties), "additionalProperties": False}
    return said | ({"required": list(required)} if required else {})


def by_name(each: Schema) -> Schema:
    return {"type": ["object", "null"], "additionalProperties": each}


def bounds(number: Schema) -> Schema:
    return closed({"at_least": number, "at_most": number})


MEANING = closed(
    {"status": {"enum": list(sources.STATUSES)}, "may_practice": {"type": ["boolean", "null"]}, "citation": TEXT}, "status", "may_practice"
)
WORDS = {"network": by_name(OR_NULL), "accepting": by_name({"type": ["boolean", "null"]}), "status": by_name(MEANING)}

# Every key: what it says to a person, and what its value must be.
SOURCE: Mapping[str, tuple[str, Schema]] = {
    "title": ("What the publisher calls it", TEXT),
    "kind": ("What it publishes", {"enum": list(sources.KINDS)}),
    "state": ("The state, two capital letters", STATE),
    "surface": ("Where it is shown; rules about the public directory are cited only for a website", {"enum": list(sources.SURFACES)}),
    "insurer": ("Who the insurer is", closed(dict.fromkeys(sources.INSURER_KEYS, OR_NULL))),
    "networks": ("Each network, and what is known of it", by_name(closed(dict.fromkeys(sources.NETWORK_KEYS, OR_NULL)))),
    "format": ("How it is read; left out where NAME.py stands beside the card", {"enum": list(sources.formats())}),
    "start": ("Where to begin: addresses, or files and globs relative to this card", TEXTS),
    "network": ("The network, where the source itself does not say", TEXT),
    "as_of": ("Of files: the day they were taken; or glob: day", {"anyOf": [DAY, by_name(DAY)]}),
    "columns": ("ours: theirs. Every column is mapped here or listed under ignore", texts_by()),
    "words": ("What its words mean", closed(WORDS)),
    "license_key": (
        "How a printed license number becomes a key: groups (?P<prefix>…) and (?P<digits>…)",
        closed({"pattern": TEXT, "digits": {"type": "integer", "minimum": 1, "maximum": 20}}, "pattern"),
    ),
    "like": ("Take columns, words, ignore and license_key from that card", TEXT),
    "ignore": ("Columns, labels or texts that no check asks for", TEXTS),
    "visit": (
        "How often and how gently it is asked",
        closed(
            {
                "every": {"enum": list(sources.EVERY)},
                "pause_seconds": {"type": "number", "minimum": 0, "maximum": 3600},
                "at_most_pages": {"type": "integer", "minimum": 1},
                "at_most_megabytes": {"type": "integer", "minimum": 1},
                "hosts": TEXTS,
            }
        ),
    ),
    "expect": (
        "What must hold of a capture before it is used",
        closed(
            {
                "records": bounds(COUNT),
                "problems_at_most": COUNT,
                "shrank": by_name(TEXT),
                "fill": by_name(bounds(SHARE)),
                "includes": {"type": "array", "minItems": 1, "items": {"type": "object", "minProperties": 1, "additionalProperties": TEXT}},
            }
        ),
    ),
    "patterns": ("One value split into several fields: a regular expression whose groups are our fields", texts_by()),
    "name_order": ("How a name without a comma is written", {"enum": ["first_last", "last_first"]}),
    "encoding": ("How its text is written, where that is not utf-8", {"enum": list(sources.ENCODINGS)}),
    "completeness": ("What a license roll holds, so what “not found” means", {"enum": list(sources.COMPLETENESS)}),
    "access": (
        "How a token that anybody may have is asked for",
        closed(
            dict.fromkeys(access.KEYS, TEXT)
            | {"scheme": {"enum": list(access.SCHEMES)}, "minutes": {"type": "number", "minimum": 1}, "ask": by_name({"type": "string"})},
            "scheme",
            "token",
        ),
    ),
    "saved": (
        "Of pages saved by hand: by whom, and a pattern of the addresses in a HAR file that hold results",
        closed(dict.fromkeys(drop.KEYS, TEXT)),
    ),
    "verified_on": ("The day somebody compared this card with the live source; null: nobody has", {"anyOf": [DAY, {"type": "null"}]}),
    "terms": ("What the site's terms of use say of programs, and the day they were read", OR_NULL),
    "blocked": ("Why it cannot be read, where that is so; it is then asked nothing", OR_NULL),
}
AUDIT: Mapping[str, tuple[str, Schema]] = {
    "title": ("What the report is called", TEXT),
    "by": ("Who makes the audit, as its letters say: an association, a person", TEXT),
    "state": ("The state, two capital letters", STATE),
    "profession": ("A key of matching/professions.yml", TEXT),
    "roll": ("The license roll: a name of the catalogue or the path of a card; left out, no license question is asked", TEXT),
    "insurers": ("Names of the catalogue, or paths of cards", TEXTS),
    "registries": ("Optional evidence: registries, exclusion lists, price files", TEXTS),
    "grace_days": ("How young a lapse must be to be left alone", {"type": "integer", "minimum": 0, "maximum": 3650}),
    "geography": ("A folder of county.csv, zcta.csv, facts.yml and perhaps counties.topojson; left out, the one shipped", TEXT),
    "urban_counties": ("The regulator's list of urban counties, XLSX or CSV; without it no county is called urban or rural", TEXT),
    "enrollment": ("People enrolled, CSV: county, network, enrollees (and source); without it population stands in", TEXT),
    "publish": ("Whose editions are made", {"anyOf": [{"enum": list(sources.READERS)}, {"items": {"enum": list(sources.READERS)}}]}),
}


def source_schema() -> Schema:
    """The schema of a source card. Under a format, its own keys and no other's; under a kind, its own fields are offered."""
    own = {name: _own(name) for name in sources.formats()}
    base = (*sources.SOURCE_KEYS, *sources.OPTIONS)
    properties = {key: _said(SOURCE.get(key, ("", {}))) for key in base}
    for name, keys in own.items():
        for key in keys:
            properties.setdefault(key, {"description": f"Of the {name} format"})
    return {
        "$schema": DRAFT,
        "title": "Rollcall source card",
        "type": "object",
        "properties": properties,
        "required": ["start"],
        "allOf": [
            *(
                {"if": _is("format", name), "then": {"propertyNames": {"enum": [*base, *keys]}, "properties": keys}}
                for name, keys in own.items()
            ),
            *({"if": _is("kind", kind), "then": {"properties": {"columns": texts_by(_fields(kind))}}} for kind in sources.KINDS),
        ],
    }


def audit_schema() -> Schema:
    """The schema of an audit card."""
    return {
        "$schema": DRAFT,
        "title": "Rollcall audit card",
        "type": "object",
        "properties": {key: _said(AUDIT.get(key, ("", {}))) for key in sources.AUDIT_KEYS},
        "required": ["title", "state", "profession", "insurers"],
        "additionalProperties": False,
    }


def text_of(schema: Schema) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _said(entry: tuple[str, Schema]) -> Schema:
    words, shape = entry
    return ({"description": words} if words else {}) | shape


def _own(format_: str) -> dict[str, Schema]:
    """The keys that a format alone understands; of a map, the keys it says under SHAPE."""
    module = importlib.import_module(f"scrapers.formats.{format_}")
    shape: Mapping[str, Collection[str]] = getattr(module, "SHAPE", {})
    return {key: closed({each: {} for each in shape[key]}) if key in shape else {} for key in getattr(module, "KEYS", ())}


def _fields(kind: str) -> list[str]:
    return [each.name for each in fields(NOUNS[kind]) if each.name not in ("evidence_id", "locator")]


def _is(key: str, value: str) -> Schema:
    return {"properties": {key: {"const": value}}, "required": [key]}


if __name__ == "__main__":
    SOURCE_FILE.write_text(text_of(source_schema()), encoding="utf-8")
    AUDIT_FILE.write_text(text_of(audit_schema()), encoding="utf-8")
