"""Every recorded page still reads as it did when a person last reviewed it.

A page without expected.json has one written, and fails: read it against the page, then run again. The pages are invented, and so are
the sources whose cards lie in tests/scrapers/cards; every other source is the shipped one of that name.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from scrapers import sources
from tests.scrapers.reads import page, said, selected

HERE = Path(__file__).parent
CASES = sorted(page.parent for page in HERE.glob("pages/*/*/page.*"))
NOT_REVIEWED = ("evidence_id", "excerpt")  # both follow from the page itself


def records(case: Path, folder: Path) -> list[dict[str, Any]]:
    """What the source's reader makes of the page, as {noun: what is said}."""
    own = HERE / f"cards/{case.parent.name}.yml"
    source = sources.load(f"./{own.name}" if own.exists() else case.parent.name, own.parent)
    form = sources.format_of(source)
    body = next(case.glob("page.*")).read_bytes()
    if hasattr(form, "parse"):
        return [{type(each).__name__: said(asdict(each))} for each in form.parse(page(body), source)]
    return [{"Problem" if "problem" in row else "Row": row} for row in selected(source, body, folder)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}, {case.name}")
def test_page_reads_as_reviewed(case: Path, tmp_path: Path) -> None:
    read = [
        {noun: {key: value for key, value in what.items() if key not in NOT_REVIEWED} for noun, what in each.items()}
        for each in records(case, tmp_path)
    ]
    expected = case / "expected.json"
    if not expected.exists():
        expected.write_text(json.dumps(read, indent=2) + "\n", encoding="utf-8")
        pytest.fail(f"wrote {expected.relative_to(HERE)}: read it against the page, then run again")
    assert read == json.loads(expected.read_text(encoding="utf-8"))


def test_there_are_pages_of_every_kind() -> None:
    assert {next(case.glob("page.*")).suffix for case in CASES} == {".html", ".txt", ".json", ".csv"}
