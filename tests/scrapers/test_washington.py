"""The cards of Washington's carriers: what is on them was seen somewhere, and what nobody has called is not called verified."""

import re
import socket
from pathlib import Path

import pytest

from pipelines import health, settings
from scrapers import sources
from scrapers.records import Refused, Source
from tests.scrapers.reads import card

ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "scrapers" / "insurers" / "wa").glob("*.yml"))
AUDIT = ROOT / "audits" / "wa_massage.yml"
# legal name, NAIC and WAOIC numbers as orders of the Insurance Commissioner print them; None: not seen, and not guessed
CARRIERS = {
    "wa.cigna": (None, None, None),
    "wa.coordinated_care": ("Coordinated Care Corporation", None, None),
    "wa.humana": (None, None, None),
    "wa.kaiser": ("Kaiser Foundation Health Plan of Washington", None, None),
    "wa.medicaid": ("Washington State Health Care Authority", None, None),
    "wa.molina": ("Molina Healthcare of Washington, Inc.", "96270", "136"),
    "wa.premera": ("Premera Blue Cross", "47570", None),
    "wa.regence": ("Regence BlueShield", "53902", None),
    "wa.unitedhealthcare": ("UnitedHealthcare of Washington, Inc.", None, None),
}


def load(name: str) -> Source:
    return sources.load(name, ROOT)


def test_these_carriers_have_cards() -> None:
    assert {f"wa.{path.stem}" for path in CARDS} == set(CARRIERS)


@pytest.mark.parametrize("name", CARRIERS)
def test_a_card_says_who_the_carrier_is_and_guesses_nothing(name: str) -> None:
    source = load(name)
    assert tuple(source.insurer.get(key) for key in ("legal_name", "naic", "waoic")) == CARRIERS[name]
    assert (source.kind, source.state, source.surface, source.format) == ("insurer", "WA", "api", "plan_net")
    assert source.networks == {}, "no network's name was seen yet"
    assert source.options["terms"] and source.visit["pause_seconds"] >= 2
    assert sources.standing_of(source) == "configured", "nobody has called it"


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_number_on_a_card_says_where_it_was_seen(path: Path) -> None:
    said = path.read_text(encoding="utf-8")
    assert "seen = read in a stored copy of the page named; recalled = from memory" in said
    for line in re.findall(r"^ +(?:legal_name|naic|waoic): .*$", said, re.MULTILINE):
        assert "seen" in line.partition("#")[2] or re.search(r": null\b", line), line


@pytest.mark.parametrize("name", CARRIERS)
def test_a_visit_begins_at_the_carriers_own_server(name: str) -> None:
    source = load(name)
    (first,) = sources.format_of(source).requests(source)
    assert first.url == f"{source.start[0]}/metadata" and first.url.startswith("https://")
    assert source.options["search"] == {"PractitionerRole": {"specialty": "225700000X"}}, (
        "only massage is asked for, of servers for a country"
    )


def test_regences_token_is_asked_for_as_its_page_says() -> None:
    said = load("wa.regence").options["access"]
    assert (said["scheme"], said["minutes"]) == ("subject_token", 15)
    assert {key: value for key, value in said["ask"].items() if value} == {"insurerCode": "RG_I", "brandCode": "RG_WW"}
    assert len(said["ask"]) == 9, "the other codes are sent empty"


def test_the_audit_is_ready_to_run_and_its_plan_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a plan opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    said = health.plan(settings.read(tmp_path), str(AUDIT))
    asked = {row["source"]: row for row in said["sources"]}
    assert {
        "wa.doh",
        "wa.regence",
        "wa.premera",
        "wa.kaiser",
        "wa.molina",
        "wa.unitedhealthcare",
        "wa.coordinated_care",
        "wa.medicaid",
    } <= set(asked)
    assert asked["wa.premera"]["hosts"] == ["api.opalahealth.io:45000"]
    assert set(asked["wa.premera"]["robots"].values()) == {"not asked yet"}
    assert all(row["is_estimate"] for name, row in asked.items() if name.startswith("wa."))
    assert not any(tmp_path.iterdir()), "and leaves nothing"


MINE = "title: T\nkind: insurer\nsurface: file\nformat: table\ncolumns: {name: Provider}\nnetwork: Silver\nstart: mine.csv\n"


@pytest.mark.parametrize(
    ("more", "standing"),
    [
        ("", "configured"),
        ("verified_on: null\n", "configured"),
        ("verified_on: 2026-11-20\n", "verified"),
        ("verified_on: 2026-11-20\nblocked: since 1 November every answer is a login page\n", "blocked"),
    ],
)
def test_configured_verified_and_blocked_are_three_things(tmp_path: Path, more: str, standing: str) -> None:
    assert sources.standing_of(card(tmp_path, MINE + more)) == standing


def test_terms_and_blocked_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="`blocked` is True; expected text"):
        card(tmp_path, MINE + "blocked: true\n")


def test_a_copy_downloaded_by_hand_is_neither_verified_nor_blocked_with_its_model(tmp_path: Path) -> None:
    card(tmp_path, MINE + "verified_on: 2026-11-20\nblocked: asks for a login\nterms: not for programs\n", "model")
    copy = card(tmp_path, "title: T\nkind: insurer\nformat: table\nlike: ./model.yml\nnetwork: Silver\nstart: mine.csv\n", "copy")
    assert sources.standing_of(copy) == "configured" and "terms" not in copy.options
