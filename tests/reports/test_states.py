"""The rules a report may print: each with its source, none claiming more than was seen."""

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

STATES = Path(__file__).parents[2] / "states"
CARDS = sorted(path for path in STATES.glob("*.yml") if path.stem != "names")
PROMISED = {
    "us": {
        "us.nsa.contractual_relationship",
        "us.nsa.verify_90_days",
        "us.nsa.update_2_business_days",
        "us.nsa.required_fields",
        "us.acas_directory_accurate",
    },
    "wa": {
        "wa.rcw_48_49_090.update_30_days",
        "wa.wac_284_170_260.monthly",
        "wa.wac_284_170_260.public_access",
        "wa.wac_284_170_260.required_content",
        "wa.wac_284_170_200.adequate_choice",
        "wa.rcw_18_108_030.license_required",
    },
}
SURFACES = {"website", "api", "file", "pdf", "saved_page"}
LINES = {"individual", "small_group", "large_group", "marketplace", "medicaid", "medicare_advantage", "self_funded"}


def read(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return said


@pytest.mark.parametrize("card", CARDS, ids=lambda path: path.stem)
def test_a_rule_says_where_its_words_were_seen(card: Path) -> None:
    said = read(card)
    assert list(said) == ["name", "regulator", "regulators", "doors", "remedies", "rules"]
    assert said["regulator"] is None or said["regulator"]["name"]
    ids = [rule["id"] for rule in said["rules"]]
    assert len(ids) == len(set(ids))
    for rule in said["rules"]:
        assert list(rule) == ["id", "citation", "says", "source", "mark", "text_dated", "verified_on", "applies_to", "note"], rule["id"]
        assert rule["id"].startswith(f"{card.stem}.")
        assert set(rule["applies_to"].split(", ")) <= SURFACES | LINES, rule["id"]
        assert all(rule[key] for key in ("citation", "says", "source"))
        # what was seen only at second hand, or only remembered, is printed as unverified
        assert isinstance(rule["verified_on"], date) if rule["mark"] == "S" else rule["verified_on"] is None, rule["id"]
        assert rule["mark"] in {"S", "S2", "R"}
    for door in said["doors"]:
        assert door["to"] and door["source"] and door["mark"] in {"S", "S2", "R"}
    for remedy in said["remedies"]:
        assert set(remedy) == {"key", "asks", "source", "mark"}
        assert remedy["source"] and remedy["mark"] in {"S", "S2"}  # what was only recalled is not asked for
    assert all(words for words in said["regulators"].values())


@pytest.mark.parametrize("card", PROMISED)
def test_the_rules_that_checks_name_exist(card: str) -> None:
    assert {rule["id"] for rule in read(STATES / f"{card}.yml")["rules"]} >= PROMISED[card]


def test_every_state_has_a_time_zone_that_python_knows() -> None:
    names = read(STATES / "names.yml")
    assert len(names) == 56 + 1  # states and territories, and the invented one
    for code, said in names.items():
        assert len(code) == 2 and said["name"] and ZoneInfo(said["time_zone"]).key == said["time_zone"]
    for card in CARDS:
        if card.stem != "us":
            assert read(card)["name"] == names[card.stem.upper()]["name"]
