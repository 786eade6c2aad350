"""A card is read to its last key: a good one becomes a Source, a bad one a sentence that names the key and the way out."""

import pickle
import shutil
from datetime import date
from pathlib import Path

import pytest

from scrapers import sources
from scrapers.records import Refused, Source
from tests.scrapers.reads import card

ROLL = "title: Roll\nkind: license_roll\nformat: table\nstart: roll.csv\ncolumns: {number: License, last: Surname}\n"
INSURER = "title: Maple Mutual\nkind: insurer\nformat: table\nstart: listings.csv\ncolumns: {name: Provider, accepting: New patients}\n"
ACCEPTING = "words: {accepting: {Yes: true, No: false}}\n"


def test_a_whole_card_becomes_a_source(tmp_path: Path) -> None:
    source = card(
        tmp_path,
        """
title: Maple Mutual provider directory
kind: insurer
state: WA
surface: website
insurer: {legal_name: Maple Mutual of Washington, naic: "12345"}
networks: {Cascade Silver: {line: individual, regulator: oic}, Cascade Bronze:}
format: table
start: [https://maple.example/providers.csv]
network: Cascade Silver
as_of: {"spring/*.csv": 2026-03-02, "*": 2026-11-20}
columns: {name: Provider, place: City State Zip, network: Plan, accepting: New patients}
patterns: {place: '(?P<city>.+?), (?P<state>[A-Z]{2}) (?P<zip>[0-9]{5})'}
words: {network: {CS: Cascade Silver, "": }, accepting: {Yes: true, no: false, "": }}
ignore: [Languages]
visit: {every: month, pause_seconds: 0.5, at_most_pages: 900, hosts: [files.maple.example]}
expect: {records: {at_least: 900, at_most: 1500}, problems_at_most: 5, shrank: {2026-11-20: a clinic closed}}
""",
    )

    assert (source.name, source.title, source.state) == ("my_source", "Maple Mutual provider directory", "WA")
    assert source.start == ("https://maple.example/providers.csv",)
    assert source.networks == {"Cascade Silver": {"line": "individual", "regulator": "oic"}, "Cascade Bronze": {}}
    assert source.as_of == {"spring/*.csv": date(2026, 3, 2), "*": date(2026, 11, 20)}
    assert source.words["accepting"] == {"Yes": True, "no": False, "": None}, (
        "keys are text as written, though YAML calls them true and false"
    )
    assert source.visit["hosts"] == ("files.maple.example",)
    assert source.expect["shrank"] == {date(2026, 11, 20): "a clinic closed"}
    assert source.options == {"patterns": {"place": "(?P<city>.+?), (?P<state>[A-Z]{2}) (?P<zip>[0-9]{5})"}}
    assert pickle.loads(pickle.dumps(source)) == source  # noqa: S301 our own


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (ROLL + "colums: {}\n", "my_source.yml: 'colums' is not a key here; did you mean 'columns'?"),
        (ROLL + "networks: {Silver: {lien: individual}}\n", "'lien' is not a key here; did you mean 'line'?"),
        (ROLL + "insurer: {legalname: X}\n", "did you mean 'legal_name'?"),
        (ROLL + "visit: {pause: 2}\n", "my_source.yml, `visit`: 'pause' is not a key here; did you mean 'pause_seconds'?"),
        (ROLL + "expect: {records: {atleast: 2}}\n", "did you mean 'at_least'?"),
        (ROLL + "page_size: 5\n", "'page_size' is not a key here"),
        (ROLL.replace("license_roll", "licence_roll"), "`kind`: 'licence_roll' is not known; did you mean 'license_roll'?"),
        (ROLL + "surface: web\n", "`surface`: 'web' is not known; did you mean 'website'?"),
        (ROLL.replace("format: table", "format: tabel"), "`format`: 'tabel' is not known; did you mean 'table'?"),
        (ROLL.replace("format: table\n", ""), "`format` is missing, and no my_source.py stands beside the card"),
        (ROLL.replace("title: Roll\n", ""), "`title` is missing; expected text"),
        (ROLL.replace("title: Roll", "title: [Roll]"), "`title` is ['Roll']; expected text"),
        (ROLL.replace("start: roll.csv\n", ""), "`start` is missing"),
        (ROLL.replace("roll.csv", "ftp://rolls.example/a.csv"), "expected an http(s) URL"),
        (ROLL.replace("Surname", "Yes"), "`last` is True; expected text (put it in quotes if it is meant as text)"),
        (ROLL.replace("last:", "surname:"), "fills 'surname', which is no field of ours; did you mean 'name'?"),
        (ROLL.replace("last:", "fist:"), "fills 'fist', which is no field of ours; did you mean 'first'?"),
        (ROLL.replace("{number: License, last: Surname}", "[number]"), "`columns` is ['number']; expected a map"),
        (ROLL + "state: Washington\n", "`state` is 'Washington'; expected its two capital letters, e.g. WA"),
        (ROLL + "as_of: 2026-02-30\n", "is not YAML"),
        (ROLL + "as_of: last week\n", "'last week' is no date; expected year-month-day"),
        (ROLL + "name_order: first\n", "`name_order`: 'first' is not known"),
        (ROLL + "encoding: ascii\n", "`encoding`: 'ascii' is not known"),
        (ROLL + "license_key: {pattern: '([A-Z', digits: 8}\n", "is no regular expression"),
        (ROLL + "license_key: {pattern: '([A-Z]+)', digits: 8}\n", "expected (?P<digits>…)"),
        (
            ROLL + "license_key: {pattern: '(?P<digits>[0-9]+)', digits: eight}\n",
            "`digits` is 'eight'; expected a whole number from 1 to 20",
        ),
        (ROLL + "patterns: {last: '(?P<last>(a+)+)'}\n", "repeats a repetition"),
        (ROLL + "patterns: {last: '(?P<last>(?=a).*)'}\n", "looks ahead"),
        (ROLL + f"patterns: {{last: '(?P<last>{'a' * 500})'}}\n", "at most 400 characters"),
        (ROLL + "patterns: {last: '(.*), (?P<first>.*)'}\n", "expected every group to be named"),
        (ROLL + "words: {stauts: {}}\n", "'stauts' is not a key here; did you mean 'status'?"),
        (ROLL + "words: {status: {Active: {status: activ, may_practice: true}}}\n", "'activ' is not known; did you mean 'active'?"),
        (ROLL + "words: {status: {Active: {status: active}}}\n", "`may_practice` is missing; expected true, false or null"),
        (ROLL + "words: {status: {Active: {status: active, may_practice: 1}}}\n", "`may_practice` is 1; expected true, false or null"),
        (ROLL + "words: {status: {A - B: {}, a – b: {}}}\n", "differ only in case, blanks or dashes"),
        (INSURER, "fills accepting; say what its words mean"),
        (INSURER + "words: {accepting: {Yes: maybe}}\n", "'Yes' means 'maybe'; expected true, false or null"),
        (INSURER + ACCEPTING + "networks: {Silver: }\nnetwork: Sliver\n", "'Sliver' is not under `networks`; did you mean 'Silver'?"),
        (ROLL + "title: Again\n", "line 6: the key 'title' stands here twice"),
        (ROLL + "expect: &a {records: }\nvisit: *a\n", "an alias; write the value out"),
        ("- a\n- b\n", "my_source.yml is ['a', 'b']; expected a map"),
        ("", "my_source.yml is empty; expected a map"),
        ("a: [1\n", "my_source.yml, line 2"),
        ("a: \x00\n", "is not YAML"),
        ("[" * 5000, "is not YAML"),
        ("x" * 300_000, "a card has at most"),
    ],
)
def test_a_bad_card_is_refused_with_the_way_out(tmp_path: Path, wrong: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        card(tmp_path, wrong)
    assert sentence in str(refusal.value)
    assert refusal.value.status == 2


def test_a_card_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes("title: Sévigné\n".encode("latin-1"))
    with pytest.raises(Refused, match=r"latin\.yml is not YAML"):
        sources.load("./latin.yml", tmp_path)


def test_a_name_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    card(tmp_path, ROLL, "oak_roll")
    with pytest.raises(Refused, match=r"there is no card wa\.dho; did you mean wa.doh"):
        sources.load("wa.dho", tmp_path)
    with pytest.raises(Refused, match=r"there is no card \./oak_rol\.yml; did you mean oak_roll\.yml"):
        sources.load("./oak_rol.yml", tmp_path)
    with pytest.raises(Refused, match="`rollcall sources list` shows the catalogue"):
        sources.load("something_else_entirely", tmp_path)


def test_a_file_name_that_cannot_name_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="use at most 33 letters, digits, _ and -"):
        card(tmp_path, ROLL, "my insurer")


def test_a_roll_downloaded_by_hand_takes_its_meaning_from_the_card_it_is_like(tmp_path: Path) -> None:
    roll = sources.load("wa.doh", tmp_path)
    mine = card(tmp_path, "title: By hand\nkind: license_roll\nformat: table\nlike: wa.doh\nstart: mine.csv\nignore: [birthyear]\n")

    assert (mine.columns, mine.words, mine.license_key, mine.state) == (roll.columns, roll.words, roll.license_key, "WA")
    assert (mine.ignore, mine.expect, mine.format) == (("birthyear",), {}, "table"), "its own keys win; the rest is not taken"
    again = card(tmp_path, "title: Copy of a copy\nkind: license_roll\nformat: table\nlike: wa.doh\nstart: mine.csv\n", "again")
    with pytest.raises(Refused, match="itself like another"):
        card(tmp_path, "title: T\nkind: license_roll\nformat: table\nlike: ./again.yml\nstart: mine.csv\n", "third")
    assert again.card_sha256 != mine.card_sha256


def test_the_hash_of_a_card_is_of_what_it_says_not_of_how_it_is_written(tmp_path: Path) -> None:
    first = card(tmp_path, ROLL)
    commented = card(tmp_path, "# a habit of this source\n" + ROLL)
    changed = card(tmp_path, ROLL.replace("Surname", "Name"))
    assert first.card_sha256 == commented.card_sha256 != changed.card_sha256


def test_a_parser_may_stand_beside_its_card(tmp_path: Path) -> None:
    (tmp_path / "oak.py").write_text(
        "KEYS = ('door',)\n\ndef requests(source):\n    return []\n\ndef parse(page, source):\n    yield page.id\n"
    )
    source = card(tmp_path, "title: Oak\nkind: insurer\nstart: https://oak.example/\ndoor: left\n", "oak")
    assert source.options == {"door": "left"}
    assert sources.format_of(source).requests(source) == []
    assert sources.format_of(pickle.loads(pickle.dumps(source))).__name__ == "leaf_oak"  # noqa: S301 our own


def test_every_shipped_card_can_be_read() -> None:
    shipped = {source.name: source for source in sources.catalogue()}
    assert shipped["wa.doh"].state == "WA"
    assert all(hasattr(sources.format_of(source), "requests") for source in shipped.values())
    assert not [source.name for source in shipped.values() if source.kind == "insurer" and "example" in " ".join(source.start)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a roll and two insurers."""
    card(tmp_path, ROLL, "roll")
    card(tmp_path, INSURER + ACCEPTING, "maple")
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "maple.yml", tmp_path / "other/maple.yml")
    return tmp_path


def audit(folder: Path, text: str) -> sources.Audit:
    (folder / "massage.yml").write_text("title: Massage\nstate: WA\nprofession: massage_therapist\n" + text)
    return sources.load_audit(folder / "massage.yml")


def test_an_audit_card_names_its_sources(folder: Path) -> None:
    whole = audit(folder, "roll: wa.doh\ninsurers: [./maple.yml]\nregistries: [nppes]\ngrace_days: 45\npublish: [commissioner, public]\n")
    assert isinstance(whole.roll, Source)
    assert (whole.name, whole.roll.name, [each.name for each in whole.insurers]) == ("massage", "wa.doh", ["maple"])
    assert [each.name for each in whole.registries] == ["nppes"]
    assert (whole.grace_days, whole.publish, whole.folder) == (45, ("commissioner", "public"), folder)

    least = audit(folder, "insurers: ./maple.yml\n")
    assert (least.roll, least.grace_days, least.publish) == (None, 30, ()), "without a roll, no question about licenses"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("insurers: [./maple.yml]\ngrace: 30\n", "massage.yml: 'grace' is not a key here; did you mean 'grace_days'?"),
        ("insurers: [./maple.yml, ./other/maple.yml]\n", "two sources are called maple; rename one"),
        ("insurers: []\n", "`insurers` is empty"),
        ("insurers: [./roll.yml]\n", "`insurers` names roll, which is a card of kind license_roll"),
        ("roll: ./maple.yml\ninsurers: [./maple.yml]\n", "`roll` is maple, which is a card of kind insurer"),
        ("roll: wa.doh\ninsurers: [maple]\n", "there is no card maple"),
        ("insurers: [./maple.yml]\npublish: [comissioner]\n", "did you mean 'commissioner'?"),
        ("insurers: [./maple.yml]\ngrace_days: soon\n", "`grace_days` is 'soon'; expected a whole number"),
        ("insurers: [./maple.yml]\ngrace_days: true\n", "`grace_days` is True; expected a whole number"),
    ],
)
def test_a_bad_audit_card_is_refused(folder: Path, wrong: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        audit(folder, wrong)
    assert sentence in str(refusal.value)


def test_an_audit_that_is_not_there_is_answered_with_the_nearest(folder: Path) -> None:
    audit(folder, "insurers: [./maple.yml]\n")
    with pytest.raises(Refused, match=r"there is no card masage\.yml; did you mean massage\.yml"):
        sources.load_audit(folder / "masage.yml")
