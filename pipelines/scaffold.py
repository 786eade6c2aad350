"""A new source in ten minutes: a card that loads and teaches, an invented example page that it reads, and the test that reads it."""

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from pipelines import recording
from pipelines.models import ROOT
from scrapers import schema, sources
from scrapers.reading import nearest
from scrapers.records import Refused

SHELF = {"insurer": "insurers", "license_roll": "license_rolls"}
USUAL = {"insurer": "cards", "license_roll": "table"}
SURFACE = {"cards": "website", "search_grid": "website", "table": "file", "pdf_table": "pdf", "python": "website"}  # any other: api
SITE = "https://directory.example.org"
START = {
    "table": "{name}-*.csv",
    "pdf_table": "{name}-*.pdf",
    "socrata": "https://data.example.org/resource/xxxx-xxxx.csv",
    "search_grid": SITE + "/api/providers?lat={latitude}&lon={longitude}&miles={radius}&page={page}",
}
TEST = '''"""Every example page still reads as it did when a person last reviewed it. Run: pytest"""

from pathlib import Path

import pytest

from pipelines import recording

EXAMPLES = recording.below(Path(__file__).parent)


@pytest.mark.parametrize(("source", "case"), EXAMPLES, ids=lambda each: each.name)
def test_page_reads_as_reviewed(source, case):
    to_do = recording.review(source, case)
    assert to_do is None, to_do
'''
LEAF = '''"""How {title} is read. Only for a site that no format fits: asking, politeness and evidence are seen to elsewhere."""

from collections.abc import Iterator

from bs4 import BeautifulSoup

from scrapers.reading import Unreadable, decoded, one, problem, record, text
from scrapers.records import Evidence, Problem, Request, Source


def requests(source: Source) -> list[Request]:
    """What to ask first. A `follow(page, source)` beside it may say what to ask next."""
    return [Request(url=each, expects="html") for each in source.start]


def parse(page: Evidence, source: Source) -> Iterator[object]:
    """Every record of one page; what cannot be read for certain is a Problem with its place, never a guess."""
    results = BeautifulSoup(decoded(page.body, source), "html.parser")
    for number, block in enumerate(results.select("{block}"), 1):
        try:
            yield record(source, page.id, f"block {{number}}", {{{fields}}})
        except Unreadable as reason:
            yield problem(page.id, f"block {{number}}", reason, text(block))
'''
LEAF_PAGE = {
    "insurer": (
        "article.provider",
        '"name": text(one(block, "h3")), "address": text(one(block, "p"))',
        '<article class="provider"><h3>Fernwick Mossgrove, LMT</h3><p>100 Example Street</p></article>',
    ),
    "license_roll": (
        "tr.license",
        '"number": text(one(block, ".number")), "name": text(one(block, ".name")), "status": text(one(block, ".status"))',
        '<table><tr class="license"><td class="number">XX00000001</td><td class="name">Fernwick Mossgrove</td>'
        '<td class="status">Active</td></tr></table>',
    ),
}


def new(kind: str, state: str, name: str, format_: str | None, start: str | None, folder: Path) -> dict[str, Any]:
    """Write card, example and test below `folder`; returns what was written. Refused where one is there, or the card would not load."""
    code, format_ = _state(state), format_ or USUAL[kind]
    if not sources.STEM.fullmatch(name) or name != name.lower():
        raise Refused(f"{name!r} cannot name a source; use at most 33 small letters, digits, _ and -, e.g. evergreen_mutual")
    known = [*(each for each in sources.formats() if kind == "insurer" or each in _of_rolls()), "python"]
    if format_ not in known:
        close = nearest(format_, known)
        hint = f"did you mean {close}?" if close else f"expected {', '.join(known)}"
        raise Refused(f"--format {format_} is not for kind {kind}; {hint}")
    in_checkout = folder.resolve() == ROOT and recording.is_checkout()
    shelf = sources.HERE / SHELF[kind] if in_checkout else folder / "sources"
    card = shelf / code.lower() / f"{name}.yml"
    files = dict(_files(kind, code, name, format_, start, "../../" if in_checkout else "../"))
    with TemporaryDirectory() as trial:  # what would not load is not written at all
        for end, content in files.items():
            (Path(trial) / f"{name}{end}").write_text(content, encoding="utf-8")
        try:
            sources.load(f"./{name}.yml", Path(trial))
        except Refused as more:
            raise Refused(f"a card of format {format_} needs more than can be written for you ({more}); copy the nearest card") from more
    written = {card.with_suffix(end): content for end, content in files.items()}
    for path in written:
        if path.exists():
            raise Refused(f"{path} is there already and is not written over; give the new source another name")
    for path, content in written.items():
        _write(path, content)
    called = f"{code.lower()}.{name}" if in_checkout else str(card.relative_to(folder))
    source = sources.load(called, folder)
    example = _example(kind, format_)
    if example:
        case = recording.home(source) / "invented"
        written[case / f"page{example[0]}"] = example[1]
        _write(case / f"page{example[0]}", example[1])
    if in_checkout:
        (card.parent / "__init__.py").touch()
        test = ROOT / "tests" / "scrapers" / "test_recorded_pages.py"
    else:
        test = shelf / "test_pages.py"
        _write(test, TEST)
        for each in (schema.SOURCE_FILE, schema.AUDIT_FILE):
            _write(shelf / each.name, each.read_text(encoding="utf-8"))
    return {
        "source": called,
        "card": str(card),
        "written": [str(path) for path in written],
        "test": str(test),
        "has_example": example is not None,
    }


def lines(said: Mapping[str, Any]) -> Iterator[str]:
    """What was written and what to do with it, for a person."""
    for path in said["written"]:
        yield f"wrote {path}"
    yield f"test  {said['test']}"
    name = said["source"]
    yield "Next:"
    if said["has_example"]:
        yield f"  rollcall sources check {name}     reads the invented example; look at what it wrote"
    yield f"  edit {said['card']} until it describes the real source"
    yield f"  rollcall sources record {name}    asks for real pages, and keeps them under invented names"


def _state(given: str) -> str:
    names: dict[str, Any] = yaml.safe_load((ROOT / "states" / "names.yml").read_text(encoding="utf-8"))
    if given.upper() not in names:
        raise Refused(f"STATE is {given!r}; expected a state's two letters, e.g. WA")
    return given.upper()


def _of_rolls() -> tuple[str, ...]:
    return tuple(each for each in sources.formats() if each not in ("cms_json", "plan_net", "in_network", "nppes", "leie"))


def _template(name: str) -> str | None:
    file = resources.files("pipelines").joinpath("templates", "new", name)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _files(kind: str, state: str, name: str, format_: str, start: str | None, up: str) -> Iterator[tuple[str, str]]:
    """(ending, content) of the card, and of the parser beside it where no format fits."""
    publisher = name.replace("_", " ").replace("-", " ").title()
    title = publisher + (" provider directory" if kind == "insurer" else " license roll")
    begin = start or START.get(format_, SITE + "/providers?page=1").replace("{name}", name)
    surface = SURFACE.get(format_, "api")
    values = {"title": title, "publisher": publisher, "state": state, "start": begin, "format": format_, "surface": surface}
    body = "start: {{start}}\n" if format_ == "python" else _template(f"{kind}.{format_}.yml") or _template("any.yml") or ""
    card = (_template(f"{kind}.yml") or "") + body + (_template("tail.yml") or "")
    for key, value in values.items():
        card = card.replace(f"{{{{{key}}}}}", json.dumps(value) if key in ("title", "publisher", "start") else value)
    yield ".yml", card.replace("{{schema}}", up + schema.SOURCE_FILE.name)
    if format_ == "python":
        block, fields, _ = LEAF_PAGE[kind]
        yield ".py", LEAF.format(title=title, block=block, fields=fields)


def _example(kind: str, format_: str) -> tuple[str, str] | None:
    """(ending, content) of the invented page of a format; None where there is none."""
    if format_ == "python":
        return ".html", f"<!doctype html>\n<title>Invented</title>\n{LEAF_PAGE[kind][2]}\n"
    found = ((end, _template(f"{kind}.{format_}{end}")) for end in (".html", ".csv", ".json"))
    return next(((end, content) for end, content in found if content is not None), None)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="\n")
