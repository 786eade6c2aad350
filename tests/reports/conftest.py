"""One example run and its documents, made once for all tests of the reports."""

import io
from collections.abc import Mapping

import pypdf
import pytest

from reports.editions import build_each
from reports.measures import compute
from reports.records import Report
from reports.render import html, pdf
from tests.reports import example
from tests.reports.world import World, context


@pytest.fixture(scope="session")
def world() -> World:
    return example.run()


@pytest.fixture(scope="session")
def made(world: World) -> Mapping[str, Report]:
    """The parts of the example's one Report: each edition by the name of its file."""
    parts = ("commissioner", "summary", "sealed", "public", "insurer")
    return dict(build_each(parts, world.con, compute(world.con, "commissioner"), context()))


@pytest.fixture(scope="session")
def report(made: Mapping[str, Report]) -> Report:
    return made["commissioner"]


@pytest.fixture(scope="session")
def page(report: Report) -> str:
    return html.page(report)


@pytest.fixture(scope="session")
def document(report: Report) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf.document(report)))


@pytest.fixture(scope="session")
def printed(document: pypdf.PdfReader) -> list[str]:
    """The text of each page of the PDF."""
    return [page.extract_text() for page in document.pages]
