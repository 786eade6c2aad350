"""Every recorded page still reads as it did when a person last reviewed it.

A page without expected.json has one written, and fails: read it against the page, then run again. The pages are invented, or real ones
under invented names (`rollcall sources record`). Sources whose cards lie in tests/scrapers/cards are invented; every other source is the
shipped one of that name.
"""

from pathlib import Path

import pytest

from pipelines import recording
from scrapers import sources
from scrapers.records import Source

HERE = Path(__file__).parent
CASES = sorted(page.parent for page in HERE.glob("pages/*/*/page.*"))


def source_of(case: Path) -> Source:
    own = HERE / f"cards/{case.parent.name}.yml"
    return sources.load(f"./{own.name}" if own.exists() else case.parent.name, own.parent)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}, {case.name}")
def test_page_reads_as_reviewed(case: Path) -> None:
    to_do = recording.review(source_of(case), case)
    assert to_do is None, to_do


def test_there_are_pages_of_every_kind() -> None:
    assert {next(case.glob("page.*")).suffix for case in CASES} >= {".html", ".txt", ".json", ".csv"}


def test_what_is_recorded_for_a_shipped_card_is_read_here() -> None:
    source = sources.load("wa.doh", HERE)
    assert recording.cases(source)
    assert set(recording.cases(source)) <= set(CASES)
