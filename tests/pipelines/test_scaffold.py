"""A volunteer's first ten minutes with a source: one command writes a card that loads, a page that it reads and a test that says so."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import recording, scaffold
from pipelines.models import ROOT
from scrapers import examples, schema, sources
from scrapers.card import read_card
from tests.scrapers.test_schema import errors
from tests.story.command import rollcall

WAYS = [
    ("insurer", "cards"),
    ("insurer", "table"),
    ("insurer", "cms_json"),
    ("insurer", "plan_net"),
    ("insurer", "search_grid"),
    ("insurer", "pdf_table"),
    ("license_roll", "pdf_table"),
    ("insurer", "python"),
    ("license_roll", "table"),
    ("license_roll", "socrata"),
    ("license_roll", "python"),
]


@pytest.fixture(autouse=True)
def in_a_folder_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("kind", "format_"), WAYS)
def test_what_is_written_loads_and_reads_its_own_example(kind: str, format_: str, tmp_path: Path) -> None:
    said = scaffold.new(kind, "wa", "evergreen", format_, None, tmp_path)
    card = tmp_path / "sources" / "wa" / "evergreen.yml"
    source = sources.load(said["source"], tmp_path)
    assert (source.kind, source.state, said["source"]) == (kind, "WA", str(card.relative_to(tmp_path)))
    assert errors(read_card(card), schema.source_schema()) == []
    named = card.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
    assert (card.parent / named).read_text(encoding="utf-8") == schema.SOURCE_FILE.read_text(encoding="utf-8")
    if format_ in ("cms_json", "plan_net", "pdf_table"):  # the format has its own fields, or a page that no editor shows
        assert not said["has_example"]
        return
    (case,) = recording.cases(source)
    read = recording.read(source, next(case.glob("page.*")).read_bytes())
    assert read and not any("Problem" in each for each in read)


def test_a_card_is_never_written_over(tmp_path: Path) -> None:
    assert rollcall("sources", "new", "insurer", "WA", "evergreen").status == 0
    card = tmp_path / "sources" / "wa" / "evergreen.yml"
    card.write_text("mine")
    again = rollcall("sources", "new", "insurer", "WA", "evergreen", "--format", "table")
    assert (again.status, card.read_text()) == (2, "mine")
    assert "is there already and is not written over" in again.sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("insurer", "ZQ", "evergreen"), "STATE is 'ZQ'; expected a state's two letters, e.g. WA"),
        (("insurer", "WA", "Ever Green"), "'Ever Green' cannot name a source"),
        (("insurer", "WA", "con"), "'con' cannot name a source"),
        (("insurer", "WA", "evergreen", "--format", "tabel"), "--format tabel is not for kind insurer; did you mean table?"),
        (("license_roll", "WA", "board", "--format", "plan_net"), "--format plan_net is not for kind license_roll"),
        (("insurer", "WA", "evergreen", "--start", "ftp://a.example/b"), "expected an http(s) URL"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(words: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    said = rollcall("sources", "new", *words)
    assert said.status == 2
    assert sentence in said.sentence
    assert list(tmp_path.iterdir()) == []


def test_the_first_check_asks_a_person_to_read_and_the_second_is_content(tmp_path: Path) -> None:
    name = json.loads(rollcall("sources", "new", "insurer", "WA", "evergreen", "--json").out)["source"]
    first = rollcall("sources", "check", name)
    assert first.status == 1
    assert "never visited" in first.out and "read it against the page beside it" in " ".join(first.out.split())
    second = rollcall("sources", "check", name)
    assert second.status == 0 and "example pages: 1, of which 1 read as reviewed" in second.out
    assert f"rollcall sources check {name} --live" in second.out

    page = next((tmp_path / "sources").rglob("page.html"))
    page.write_text(page.read_text(encoding="utf-8").replace("<dt>Languages</dt>", "<dt>Telehealth</dt>", 1), encoding="utf-8")
    third = rollcall("sources", "check", name)
    assert third.status == 1 and "no longer reads as it was reviewed (entry 1 differs)" in " ".join(third.out.split())


def test_the_test_that_is_written_fails_once_and_then_holds(tmp_path: Path) -> None:
    scaffold.new("insurer", "WA", "evergreen", None, None, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "sources")]
    for status, words in ((1, "read it against the page"), (0, "1 passed")):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert (done.returncode, words in done.stdout) == (status, True), done.stdout


def test_in_a_checkout_card_and_example_lie_on_their_shelves(tmp_path: Path) -> None:
    for room in ("pipelines", "scrapers", "matching", "reports", "states"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def rollcall_there(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines", "sources", *words]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    said = json.loads(rollcall_there("new", "insurer", "WA", "evergreen", "--json").stdout)
    assert said["source"] == "wa.evergreen"
    assert {Path(each).relative_to(tmp_path).as_posix() for each in said["written"]} == {
        "scrapers/insurers/wa/evergreen.yml",
        "tests/scrapers/pages/wa.evergreen/invented/page.html",
    }
    assert "$schema=../../source.schema.json" in Path(said["card"]).read_text(encoding="utf-8")
    assert [rollcall_there("check", "wa.evergreen").returncode for _ in range(2)] == [1, 0]


def test_invented_npis_are_of_nobody_and_pass_their_check() -> None:
    for number in range(1, 50):
        npi = examples._npi(number)
        digits = [int(each) for each in "80840" + npi]
        doubled = [each * 2 - 9 * (each > 4) if place % 2 else each for place, each in enumerate(reversed(digits))]
        assert npi.startswith("29") and sum(doubled) % 10 == 0
