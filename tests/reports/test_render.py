"""The documents: marked on every page, readable by everyone, and deaf to what a name would have them do."""

import csv
import io
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import openpyxl
import pypdf
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.records import Report, Section
from reports.render import charts, html, pdf, sheet
from reports.render.text import plain
from tests.reports import example


class Reading(HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def tiny(report: Report, **more: object) -> Report:
    """The same report, of one section."""
    return replace(report, sections=report.sections[:1], annex=(), **more)  # type: ignore[arg-type]


def test_the_page_needs_nothing_else(page: str) -> None:
    read = Reading(page)
    tags = {tag for tag, _ in read.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "img", "base", "form"}
    for tag, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not [name for name in attributes if name in ("src", "srcset", "action", "data", "xlink:href")], tag
        assert attributes.get("href") is None or str(attributes["href"]).startswith("#")
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_the_page_can_be_heard_and_walked(page: str) -> None:
    elements = Reading(page).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(attributes["href"])[1:] for tag, attributes in elements if tag == "a"]
    assert links[0] == "report"  # the skip link is first
    assert set(links) <= set(ids)
    tables = sum(tag == "table" for tag, _ in elements)
    assert tables == sum(tag == "caption" for tag, _ in elements) > 10
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in elements if tag == "th")
    assert [attributes["lang"] for tag, attributes in elements if tag == "html"] == ["en"]
    figures = [attributes for tag, attributes in elements if tag == "figure"]
    assert len(figures) >= 2
    assert all(re.search(r"\d", str(attributes["aria-label"])) for attributes in figures)  # the numbers, not the name of a picture
    headings = [int(tag[1]) for tag, _ in elements if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1 and set(headings[1:]) == {2}


def test_the_page_bears_its_marks_on_screen_and_paper(page: str) -> None:
    status = page[page.index('class="status"') :][:200]
    assert "DRAFT · INVENTED" in status
    assert "position: sticky" in page  # stays on every screen
    assert "position: fixed" in page  # drawn again on each printed page


def test_names_that_try_to_do_harm_do_nothing_on_the_page(page: str) -> None:
    read = Reading(page)
    for name in example.HOSTILE:
        assert plain(name) in read.text
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\u0007" not in page


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_from_its_paper_by_day_and_night(page: str) -> None:
    for line in page.splitlines():
        if "--ink:" in line:
            color = dict(part.strip().split(": ") for part in line[line.index("--") :].split(";")[:7] if "--" in part)
            for ink in ("--ink", "--quiet", "--deep", "--mark"):
                for paper in ("--paper", "--tint"):
                    low, high = sorted((luminance(color[ink]), luminance(color[paper])))
                    assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper, line)


def test_the_pdf_bears_its_marks_and_number_on_every_page(printed: list[str]) -> None:
    count = len(printed)
    assert count > 5
    for number, text in enumerate(printed, start=1):
        assert "DRAFT · INVENTED" in text, number
        assert f"Page {number} of {count}" in text


def test_the_pdf_is_tagged_titled_and_says_its_language(document: pypdf.PdfReader, report: Report) -> None:
    root: Any = document.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert document.metadata is not None
    assert document.metadata.title == "Massage therapy directories – findings for the insurance commissioner"
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
    kinds: set[str] = set()
    alts: list[str] = []
    waiting: list[Any] = [root["/StructTreeRoot"]]
    while waiting:
        node = waiting.pop().get_object()
        if isinstance(node, pypdf.generic.ArrayObject):
            waiting += node
        elif isinstance(node, pypdf.generic.DictionaryObject):
            kinds.add(str(node.get("/S")))
            alts += [str(node["/Alt"])] if "/Alt" in node else []
            waiting += [node["/K"]] if "/K" in node and not isinstance(node["/K"], int) else []
    assert kinds >= {"/H1", "/H2", "/Table", "/THead", "/TH", "/TD", "/P", "/Figure"}
    assert len(alts) == sum(bool(section.chart) for section in report.sections)


def test_only_fonts_that_travel_with_it(document: pypdf.PdfReader) -> None:
    resources: list[Any] = [page["/Resources"] for page in document.pages]
    fonts = {str(font.get_object()["/BaseFont"]) for each in resources for font in each.get("/Font", {}).values()}
    assert any("SourceSansPro" in font for font in fonts)
    ours = ("SourceSansPro", "DejaVuSansMono", "LibertinusSerif")  # the latter two come with typst, for signs and scripts the first lacks
    assert all(any(family in font for family in ours) for font in fonts), fonts


def test_names_that_try_to_do_harm_are_only_text_in_the_pdf(printed: list[str]) -> None:
    seen = "".join("".join(printed).split())
    for said in (
        "<script>alert('name')</script>",
        "#setpage(fill:red);$x^2$*bold*\\u{0}",
        "=HYPERLINK(",
        "[U+6F22][U+5B57]Näme[U+0007][U+1F332]",
    ):
        assert said in seen
    assert "Wolfeschlegelsteinhausenbergerdorff" * 4 in seen


def test_headings_come_again_and_no_text_leaves_the_page(document: pypdf.PdfReader, printed: list[str]) -> None:
    annex = ["What the records say" in text for text in printed]
    assert sum(annex) > 3 and all(annex[annex.index(True) :])
    ends: list[float] = []
    for page in document.pages:

        def visit(text: str, cm: list[float], tm: list[float], *_: object, edge: float = float(page.mediabox.width)) -> None:
            if text.strip():
                ends.append(edge - cm[4] - tm[4])

        page.extract_text(visitor_text=visit)
    assert min(ends) > 36  # points: half an inch


def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    for render in (pdf.document, html.page, sheet.workbook, sheet.annex):
        assert render(report) == render(report), render


def test_a_cell_can_never_be_a_formula(report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheet.workbook(report)))
    assert book.sheetnames == ["Summary", "Findings", "Measures", "Sources", "Flow"]
    for each in book:
        assert each.freeze_panes == "B2"
        assert each.auto_filter.ref
        assert "DRAFT · INVENTED" in each.oddHeader.left.text
        assert not [cell for row in each.iter_rows() for cell in row if cell.data_type == "f" or cell.hyperlink]
    place = list(report.annex_columns).index("Name as listed")
    names = [row[place] for row in book["Findings"].iter_rows(values_only=True)]
    assert '=HYPERLINK("http://evil.example","x")' in names
    measures = list(book["Measures"].iter_rows(values_only=True))
    assert len(measures) == len(report.extra["measures"]) + 1
    assert isinstance(measures[1][3], int)
    assert str(measures[1][9]).startswith("select ")

    rows = list(csv.reader(io.StringIO(sheet.annex(report).decode("utf-8-sig"))))
    assert len(rows) == len(report.annex) + 1
    assert {row[-1] for row in rows[1:]} == {"DRAFT INVENTED"}
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'+1 SUM(A1:A9)" in cells


def test_what_the_reader_fills_is_open_and_offers_its_answers_and_the_rest_is_locked(report: Report) -> None:
    asked = replace(
        tiny(report),
        annex_columns=("Finding", "Answer", "Your words"),
        annex_kinds=("id", "blank", "blank"),
        annex=[("f1", None, None), ("f2", None, None)],
        extra={"choices": {"Answer": ["concur", "dispute", "explain"]}},
    )
    book = openpyxl.load_workbook(io.BytesIO(sheet.workbook(asked)))
    assert book.sheetnames == ["Summary", "Findings"]  # nothing of what this edition does not have
    rows = book["Findings"]
    assert rows.protection.sheet and rows.freeze_panes == "B2"
    assert [[cell.protection.locked for cell in row] for row in rows.iter_rows()] == [
        [True] * 3,
        [True, False, False],
        [True, False, False],
    ]
    [offered] = rows.data_validations.dataValidation
    assert (str(offered.sqref), offered.formula1) == ("B2:B3", '"concur,dispute,explain"')
    assert ("To fill in", "Answer, Your words: on the sheet Findings. Leave a row empty to say nothing about it.") in book["Summary"].values
    assert next(iter(rows.values)) == ("Finding", "Answer", "Your words")  # as it is read back


@given(st.lists(st.text(max_size=40), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_any_text_at_all_renders(report: Report, said: list[str]) -> None:
    name, sentence, city = said
    section = Section(key="x", title="X", paragraphs=[name], columns=("A", "B"), rows=[(sentence, 1), (city, None)])
    strange = replace(report, sections=(section,), annex_columns=("N", "S"), annex=[(name, sentence)], extra={}, facts={"Name": name})
    assert pdf.document(strange).startswith(b"%PDF")
    read = Reading(html.page(strange))
    assert "script" not in {tag for tag, _ in read.elements}
    sheet.workbook(strange)
    assert not sheet.annex(strange).decode("utf-8-sig").splitlines()[1].startswith(("=", "+", "-", "@"))


def test_a_final_report_bears_no_mark(report: Report) -> None:
    final = tiny(report, marks=())
    assert "DRAFT" not in Reading(html.page(replace(final, extra={}))).text
    assert "Page 1 of" in pypdf.PdfReader(io.BytesIO(pdf.document(final))).pages[0].extract_text()


def test_pictures_say_what_they_show_in_the_words_beside_them() -> None:
    rates = [("Same & <b>", 30, 400, 0.075, 0.053, 0.105), ("Same & <b>", 2, 8, None, None, None)]
    drawn = charts.intervals(rates)
    assert "7.5% (30 of 400)" in drawn and "2 of 8, too few for a share" in drawn  # two rows, though of one name
    assert "<b>" not in drawn
    assert charts.intervals([]).startswith("<svg")

    drawn = charts.standing([("Evergreen", 12, 362, 26), ("Tidewater", 5, 0, 3), ("Nobody", 0, 0, 0)])
    assert all(said in drawn for said in ("12 to 374 of 400 verified", "5 of 8 verified", "0 of 0 verified", "undetermined"))

    seen, told = date(2026, 5, 1), date(2026, 6, 20)
    lanes = [("Directory", [(seen, "listed", "listed"), (told, "gone", "no longer <i>")]), ("Insurer", [(told, "event", "told")])]
    drawn = charts.timeline(lanes)
    assert all(said in drawn for said in ("2026-05-01", "2026-06-20", "no longer &lt;i", "told", "Directory", "Insurer"))


def test_pictures_are_read_in_black_and_white() -> None:
    greys = sorted(luminance(color) for color in (charts.DARK, charts.MIDDLE, charts.LIGHT))
    for darker, lighter in pairwise(greys):
        assert (lighter + 0.05) / (darker + 0.05) >= 1.9  # told apart without color; each has a dark edge as well


def test_charts_say_each_number_and_escape_each_name() -> None:
    drawn = charts.findings([("<b>&", 1200, 3, 0)])
    assert "A 1,200 · B 3 · C 0" in drawn
    assert "<b>" not in drawn
    assert "1,200" in charts.flow([("Captured", 1200), ("Read", 0)])
    assert charts.flow([]).startswith("<svg")
