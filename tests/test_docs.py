"""Documents that cannot rot: words, commands, cards and doctests are held against the code."""

import doctest
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import matching.records
import pipelines.expectations
import pipelines.runs
import reports.records
import scrapers.records
from matching.findings import checks
from pipelines import cli
from scrapers import sources

ROOT = Path(__file__).parents[1]
PAGES = [path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("audits/*.md")] if path.name != "CHANGELOG.md"]
ROOMS = ("scrapers", "matching", "reports", "pipelines", "simulation")
MODULES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if path.name != "__main__.py" and "flows" not in path.parts  # Prefect is imported by its own tests
)


def words() -> dict[str, str]:
    table = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").split("Words that are not classes")[0]
    return dict(re.findall(r"^\| (\w+) \| (.+\.) \|$", table, re.MULTILINE))


@pytest.mark.parametrize("word", sorted(words()))
def test_the_glossary_says_what_the_class_says(word: str) -> None:
    rooms = (scrapers.records, matching.records, reports.records, pipelines.expectations, pipelines.runs)
    (noun,) = [getattr(room, word) for room in rooms if hasattr(room, word) and getattr(room, word).__module__ == room.__name__]
    claim = " ".join(noun.__doc__.split("\n\n")[0].split())
    assert claim.startswith(words()[word]), f"{word}: {claim}"


def fences(kind: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for text in re.findall(rf"```{kind}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            yield page.name, text


def commands() -> list[tuple[str, str]]:
    lines = [(page, line.split("  #")[0].strip()) for page, text in fences("sh") for line in text.splitlines()]
    return [(page, line) for page, line in lines if line.startswith("rollcall ")]


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_in_the_documents_parses(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command: click.Command = cli.rollcall
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"{page}: no verb {words[0]!r}"
        command, words = found, words[1:]
    if words not in (["--help"], ["--version"]):
        command.make_context(command.name, words)  # raises click.UsageError for an option or argument that is not there


@pytest.mark.parametrize(("page", "text"), [each for each in fences("yaml") if "kind:" in each[1]])
def test_every_card_in_the_documents_loads(page: str, text: str, tmp_path: Path) -> None:
    card = tmp_path / "card.yml"
    card.write_text(text, encoding="utf-8")
    assert sources.load(str(card), tmp_path).title == yaml.safe_load(text)["title"]


def test_every_check_is_documented() -> None:
    said = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [check.name for check in checks() if check.name not in said] == []


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0
