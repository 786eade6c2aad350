"""What a reader who hears the PDF is told: read back from its structure tree with a program that is not ours."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import pikepdf
import pytest

from reports.records import Report, Section
from reports.render import alts, charts, pdf
from tests.reports import letters

BARS = [("Larkmead", 2, 30, 4), ("Mossbank", 0, 5, 1)]
WHOLE = Report(
    key="commissioner",
    title="Directories of Washington – findings",
    audit="massage",
    run_id="20261122T181502Z",
    marks=("DRAFT", "INVENTED"),
    facts={"State": "Washington"},
    sections=(
        Section(
            key="one", title="Finding", paragraphs=["A first paragraph.", "A second."], columns=("What", "Count"), rows=[("Listings", 42)]
        ),
        Section(key="two", title="Standing", paragraphs=["Before."], chart=charts.standing(BARS), alt=alts.standing(BARS), note="After."),
    ),
    annex_columns=("Finding", "Name"),
    annex=[("f1", "Dessa Dunmarrow"), ("f2", "Corwin Elderfen")],
    annex_kinds=("id", "name"),
    made_at="2026-11-22T18:20:05Z",
    extra={"figures": [("42", "listings")]},
)


@dataclass
class Read:
    """Every element of a structure tree in reading order, and what headings and headers say."""

    kinds: list[str] = field(default_factory=list)
    alts: list[str] = field(default_factory=list)
    headings: list[tuple[str, str]] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)  # of a table: its text and its scope
    rows: list[list[str]] = field(default_factory=list)  # of each table row, its cells' kinds
    text: str = ""


def read(made: bytes) -> tuple[pikepdf.Pdf, Read]:
    document = pikepdf.open(io.BytesIO(made))
    said = {page.objgen: dict(_marked(page)) for page in document.pages}
    found = Read()
    found.text = _walk(document.Root.StructTreeRoot, None, said, found)
    return document, found


def _walk(node: Any, page: Any, said: dict[Any, dict[int, str]], found: Read) -> str:
    """The text below a node; notes on the way what stands where."""
    if isinstance(node, pikepdf.Array):
        return "".join(_walk(each, page, said, found) for each in node)
    if isinstance(node, int):
        return said[page.objgen].get(node, "")
    if not isinstance(node, pikepdf.Dictionary):
        return ""
    page = node.get("/Pg", page)
    if node.get("/Type") == "/MCR":
        return said[page.objgen].get(int(node.MCID), "")
    kind = str(node.get("/S", ""))
    found.kinds.append(kind)
    if "/Alt" in node:
        found.alts.append(str(node.Alt))
    if kind == "/TR":
        found.rows.append([])
    if kind in ("/TH", "/TD"):
        found.rows[-1].append(kind)
    text = _walk(node.get("/K", ""), page, said, found)
    if kind in ("/H1", "/H2"):
        found.headings.append((kind, " ".join(text.split())))
    if kind == "/TH":
        attributes: Any = node.get("/A", [])
        scopes = [str(each.Scope) for each in (attributes if isinstance(attributes, pikepdf.Array) else [attributes]) if "/Scope" in each]
        found.headers.append((" ".join(text.split()), "".join(scopes)))
    return text


def _marked(page: pikepdf.Page) -> Iterator[tuple[int, str]]:
    """Each piece of marked content of a page and its text, by the fonts' own tables."""
    tables = {name: _table(font) for name, font in page.Resources.get("/Font", {}).items()}
    inside: list[int | None] = []
    letters: dict[int, str] = {}
    font: dict[int, str] = {}
    stream: Any = pikepdf.parse_content_stream(page)
    for operands, operator in stream:
        if str(operator) in ("BDC", "BMC"):
            properties: Any = operands[1] if len(operands) > 1 and isinstance(operands[1], pikepdf.Dictionary) else {}
            inside.append(int(properties["/MCID"]) if "/MCID" in properties else (inside[-1] if inside else None))
        elif str(operator) == "EMC":
            inside.pop()
        elif str(operator) == "Tf":
            font = tables[str(operands[0])]
        elif str(operator) in ("Tj", "TJ") and inside and inside[-1] is not None:
            parts = operands[0] if str(operator) == "TJ" else [operands[0]]
            codes = b"".join(bytes(part) for part in parts if isinstance(part, pikepdf.String))
            text = "".join(font.get(int.from_bytes(codes[at : at + 2], "big"), "") for at in range(0, len(codes), 2))
            letters[inside[-1]] = letters.get(inside[-1], "") + text
    return iter(letters.items())


def _table(font: Any) -> dict[int, str]:
    """A font's own table of what each glyph means (ToUnicode)."""
    table: dict[int, str] = {}
    lines = bytes(font.ToUnicode.read_bytes()).decode("latin-1").splitlines()
    for line in lines:
        parts = line.strip().strip("<>").split("> <")
        if line.startswith("<") and len(parts) == 2:
            table[int(parts[0], 16)] = bytes.fromhex(parts[1]).decode("utf-16-be")
        elif line.startswith("<") and len(parts) == 3 and not parts[2].startswith("["):
            low, high, first = int(parts[0], 16), int(parts[1], 16), ord(bytes.fromhex(parts[2]).decode("utf-16-be")[0])
            table |= {code: chr(first + code - low) for code in range(low, high + 1)}
    return table


@pytest.fixture(scope="module")
def papers() -> dict[str, bytes]:
    return {"report": pdf.document(WHOLE), **{name: pdf.document(report) for name, report in letters.reports().items()}}


def test_each_document_names_itself_and_its_language(papers: dict[str, bytes]) -> None:
    for name, document in papers.items():
        opened, _ = read(document)
        assert str(opened.Root.Lang) == "en", name
        assert str(opened.docinfo.Title), name
        assert opened.Root.ViewerPreferences.DisplayDocTitle, name
        assert opened.Root.MarkInfo.Marked, name
        said = opened.Root.Metadata.read_bytes()
        assert b"<pdfuaid:part>1</pdfuaid:part>" in said, name
        assert b"<pdfaid:part>2</pdfaid:part>" in said and b"<pdfaid:conformance>A</pdfaid:conformance>" in said, name
    assert str(pikepdf.open(io.BytesIO(papers["report"])).docinfo.Title) == WHOLE.title


def test_headings_are_headings_and_in_order(papers: dict[str, bytes]) -> None:
    _, found = read(papers["report"])
    assert found.headings == [
        ("/H1", WHOLE.title), ("/H2", "Finding"), ("/H2", "Standing"), ("/H2", "Annex: findings row by row"),
    ]  # fmt: skip
    for name, report in letters.reports().items():
        _, found = read(papers[name])
        assert found.headings[0] == ("/H1", report.title), name
        assert [said for kind, said in found.headings[1:] if kind == "/H2"][: len(report.sections)] == [
            each.title for each in report.sections
        ]


def test_table_headers_say_what_they_are_headers_of(papers: dict[str, bytes]) -> None:
    _, found = read(papers["report"])
    assert found.headers == [(each, "/Column") for each in ("What", "Count", "Finding", "Name")]
    assert found.rows == [["/TH", "/TH"], ["/TD", "/TD"], ["/TH", "/TH"], ["/TD", "/TD"], ["/TD", "/TD"]]
    _, found = read(papers["letter"])
    assert ("As the directory showed it", "/Column") in found.headers and ("Valid through", "/Column") in found.headers


def test_a_picture_says_every_number_it_shows(papers: dict[str, bytes]) -> None:
    _, found = read(papers["report"])
    assert found.alts == [alts.standing(BARS)]
    assert "Larkmead 2 confirmed, 30 undetermined, 4 contradicted" in found.alts[0]
    _, found = read(papers["addressed"])
    [said] = found.alts
    assert "Larkmead and Mossbank 2 confirmed, 35 undetermined, 5 contradicted, so 2 to 37 of 42 verified" in said


def test_prose_is_tagged_as_paragraphs(papers: dict[str, bytes]) -> None:
    _, found = read(papers["report"])
    assert found.kinds.count("/P") >= 4  # the two of the first section, the one before the picture and the one after it


def test_a_long_annex_is_cut_and_says_so() -> None:
    rows = [(f"f{number}", "Corwin Elderfen") for number in range(pdf.PRINTED + 5)]
    _, found = read(pdf.document(replace(WHOLE, sections=(), annex=rows)))
    assert sum(row[:1] == ["/TD"] for row in found.rows) == pdf.PRINTED
    assert "the first 1,000 of 1,005; the workbook and the CSV have them all." in found.text


def test_the_same_report_gives_the_same_bytes_for_letters_too() -> None:
    for name, report in letters.reports().items():
        assert pdf.document(report) == pdf.document(report), name


@pytest.mark.browser
def test_a_validator_that_is_not_ours_finds_no_fault(papers: dict[str, bytes], made: Mapping[str, Report]) -> None:
    validator: Any = import_module("page")  # make test-browser installs it
    editions = {name: pdf.document(edition) for name, edition in made.items()}
    for name, document in {**papers, **editions}.items():
        for profile in ("ua1", "2a"):
            report = validator.validate_pdf_bytes(document, profile=profile)
            assert report.is_compliant, (name, profile, [(each.rule_id, each.message) for each in report.failures][:5])
            assert report.rules.total > 50  # it did look
