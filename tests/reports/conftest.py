"""One example run and its documents, made once for all tests of the reports."""

import io

import pypdf
import pytest

from reports.editions import build
from reports.measures import compute
from reports.records import Report
from reports.render import html, pdf
from tests.reports import example
from tests.reports.world import World, context


@pytest.fixture(scope="session")
def world() -> World:
    return example.run()


@pytest.fixture(scope="session")
def report(world: World) -> Report:
    return build("commissioner", world.con, compute(world.con, "commissioner"), context())


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
