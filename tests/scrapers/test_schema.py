"""The schema that editors complete cards by says what `sources.load` says: no shipped card is underlined, no wrong key is let pass."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scrapers import schema, sources
from scrapers.card import read_card
from scrapers.records import Refused
from simulation import cards, sites, world

HERE = Path(__file__).parent
SHIPPED = sorted(path for shelf in sources.SHELVES for path in (sources.HERE / shelf).rglob("*.yml"))
TAUGHT = sorted((HERE / "cards").glob("*.yml"))
ROLL = {
    "title": "Roll",
    "kind": "license_roll",
    "format": "table",
    "start": "roll.csv",
    "columns": {"number": "License", "last": "Surname"},
}


def errors(card: Any, against: dict[str, Any]) -> list[str]:
    """What the schema says against a card, as an editor reads it: days are text."""
    plain = json.loads(json.dumps(card, default=str))
    return [each.message for each in jsonschema.Draft7Validator(against).iter_errors(plain)]


def test_the_files_are_what_the_code_makes() -> None:
    for path, made in ((schema.SOURCE_FILE, schema.source_schema()), (schema.AUDIT_FILE, schema.audit_schema())):
        jsonschema.Draft7Validator.check_schema(made)
        assert path.read_text(encoding="utf-8") == schema.text_of(made), "run: python -m scrapers.schema"


@pytest.mark.parametrize("path", [*SHIPPED, *TAUGHT], ids=lambda path: path.stem)
def test_no_card_of_ours_is_underlined(path: Path) -> None:
    assert errors(read_card(path), schema.source_schema()) == []


def test_nor_are_those_of_the_invented_state(tmp_path: Path) -> None:
    audit = cards.write(world.build(7, 40, 500, today=date(2026, 11, 22)), dict.fromkeys(sites.HOSTS, "http://127.0.0.1:9"), tmp_path)
    assert errors(read_card(audit), schema.audit_schema()) == []
    for path in tmp_path.glob("*.yml"):
        if path != audit:
            assert errors(read_card(path), schema.source_schema()) == []


def wrong() -> Iterator[dict[str, Any]]:
    """Cards with one key or word that we do not know."""
    yield ROLL | {"colums": {}}
    yield ROLL | {"page_size": 5}  # another format's
    yield ROLL | {"kind": "licence_roll"}
    yield ROLL | {"format": "tabel"}
    yield ROLL | {"surface": "web"}
    yield ROLL | {"state": "Washington"}
    yield ROLL | {"as_of": "last week"}
    yield ROLL | {"encoding": "ascii"}
    yield ROLL | {"insurer": {"legalname": "X"}}
    yield ROLL | {"networks": {"Silver": {"lien": "individual"}}}
    yield ROLL | {"visit": {"pause": 2}}
    yield ROLL | {"visit": {"every": "fortnight"}}
    yield ROLL | {"expect": {"records": {"atleast": 2}}}
    yield ROLL | {"expect": {"fill": {"last": {"at_least": 90}}}}
    yield ROLL | {"expect": {"fill": {"last": {"least": 0.9}}}}
    yield ROLL | {"expect": {"includes": [{}]}}
    yield ROLL | {"words": {"stauts": {}}}
    yield ROLL | {"words": {"status": {"Active": {"status": "activ", "may_practice": True}}}}
    yield ROLL | {"words": {"status": {"Active": {"status": "active"}}}}
    yield ROLL | {"license_key": {"patern": "x"}}
    yield ROLL | {"format": "cards", "cards": {"blok": "article"}, "columns": {}}


@pytest.mark.parametrize(
    "card", list(wrong()), ids=lambda card: str({key: value for key, value in card.items() if ROLL.get(key) != value})[:70]
)
def test_what_a_card_is_refused_for_the_editor_underlines(card: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "roll.yml").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(Refused):
        sources.load("./roll.yml", tmp_path)
    assert errors(card, schema.source_schema())
    assert errors(ROLL, schema.source_schema()) == []


def test_every_key_says_what_it_is() -> None:
    said = schema.source_schema()["properties"]
    assert {key for key, shape in said.items() if not shape.get("description")} == set()
    assert {key for key, shape in schema.audit_schema()["properties"].items() if not shape.get("description")} == set()
    assert {key for key in sources.SOURCE_KEYS + sources.OPTIONS if said[key].keys() == {"description"}} == set()


def test_an_editor_offers_the_fields_of_the_kind() -> None:
    offered = {
        part["if"]["properties"]["kind"]["const"]: set(part["then"]["properties"]["columns"]["properties"])
        for part in schema.source_schema()["allOf"]
        if "kind" in part["if"]["properties"]
    }
    assert {"npi", "accepting"} < offered["insurer"] - offered["license_roll"]
    assert "expires" in offered["license_roll"]
