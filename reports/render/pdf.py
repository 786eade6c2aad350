"""A report as a tagged PDF (PDF/UA-1 and PDF/A-2a). The template is fixed; a report's texts reach it as data and are never markup."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import font_source_sans_pro
import typst

from reports.records import Report, Section
from reports.render.stacks import heading, stacks
from reports.render.text import cell, is_number, spelled

STANDARDS: Final[Any] = ["a-2a", "ua-1"]  # PDF/A-4 cannot be PDF/UA-1 too: they ask for different versions of PDF
PAGE, ACROSS = 497.0, 705.0  # points of text across an upright page, and across the annex's
CELL, GLYPH = 9.0, 4.5  # padding of a cell, and a wide average letter at 8.5 points
UNBROKEN = 16  # letters; a longer word may break, after its marks first
MARKED = re.compile(r"[^/._=&?:@-]*[/._=&?:@-]?")  # the same as in document.typ
LONG, LONG_ACROSS = 160, 400  # letters beyond which a text earns its column no more room; the same of the annex
LONGEST = 600
PRINTED = 1_000  # rows of the annex; 5,000 make 600 pages, 11 MB and 950 MB of memory, and the workbook and the CSV have them all


def document(report: Report) -> bytes:
    """The report as PDF; the same report gives the same bytes. A report of the layout `letter` is a letter or a sheet of one page."""
    return letters([report]) if report.extra.get("layout") == "letter" else _compiled("document.typ", [report])


def letters(reports: Sequence[Report]) -> bytes:
    """At least one report of the layout `letter`, as one PDF, each from a page of its own."""
    return _compiled("letter.typ", reports)


def _compiled(template: str, reports: Sequence[Report]) -> bytes:
    return compiled(_template(template), "reports", [_data(report) for report in reports], reports[0].made_at)


def compiled(template: bytes, name: str, data: Any, made_at: str) -> bytes:
    """A template's PDF; it finds the data, texts that are never markup, as JSON in sys.inputs under `name`."""
    said = json.dumps(_shown(data), ensure_ascii=False)
    made = _compiler().compile(
        template, format="pdf", sys_inputs={name: said}, pdf_standards=STANDARDS, timestamp=datetime.fromisoformat(made_at)
    )
    if not isinstance(made, bytes):
        raise TypeError("typst gave no document")
    return made


def _data(report: Report) -> dict[str, Any]:
    extra = report.extra
    return {
        "title": cell(report.title),
        "subtitle": cell(extra["subtitle"]) if extra.get("subtitle") else "",
        "language": report.language,
        "marks": [cell(mark) for mark in report.marks],
        "run": cell(report.run_id),
        "made": cell(report.made_at),
        "notices": [cell(each) for each in extra.get("notices", ())],
        "figures": [[cell(value), cell(label)] for value, label in extra.get("figures", ())],
        "facts": [[cell(label), cell(value)] for label, value in report.facts.items()],
        "sections": [_section(section) for section in report.sections],
        "annex": _annex(report),
        "compact": bool(extra.get("compact")),  # no page break after the first section
        **{name: cell(extra[name]) if extra.get(name) else "" for name in ("series", "date", "foot")},  # of a letter, as these two
        "to": [cell(line) for line in extra.get("to", ())],
        "size": extra.get("size", 10),  # points
    }


def _section(section: Section) -> dict[str, Any]:
    rows = [[_clipped(value) for value in row] for row in section.rows] if section.columns else []
    return {
        "key": section.key,
        "title": cell(section.title),
        "paragraphs": [cell(each) for each in section.paragraphs],
        "note": cell(section.note) if section.note else "",
        "chart": section.chart,
        "chart_width": _width(section.chart),
        "alt": cell(section.alt),
        "columns": [cell(name) for name in section.columns],
        "rows": rows,
        "numbers": [_are_numbers([row[place] for row in section.rows]) for place in range(len(section.columns))],
        "widths": _widths(section.columns, rows),
    }


def _annex(report: Report) -> dict[str, Any]:
    piles = stacks(report)
    rows = [[[[name, _clipped(value)] for name, value in pile.lines(row)] for pile in piles] for row in report.annex[:PRINTED]]
    texts = [["\n".join(f"{name} {value}" for name, value in lines) for lines in row] for row in rows]
    headings = [cell(pile.heading) for pile in piles]
    title, words = heading(report)
    if len(report.annex) > PRINTED:
        words += f" Printed here: the first {PRINTED:,} of {len(report.annex):,}; the workbook and the CSV have them all."
    said = {"title": cell(title), "words": cell(words), "columns": headings, "rows": rows}
    return said | {"widths": _widths(headings, texts, ACROSS, LONG_ACROSS)}


def _width(chart: str) -> float:
    """How wide a picture is printed, in points: letters of 13 pixels come out at 9 points."""
    found = re.search(r'width="([0-9.]+)"', chart)
    return min(PAGE, float(found.group(1)) * 9 / 13) if found else PAGE


def _clipped(value: Any) -> str:
    """A cell's text, cut where it would not fit a page; the workbook and the CSV have the whole."""
    text = cell(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… (cut here; the CSV has it whole)"


def _are_numbers(values: Sequence[Any]) -> bool:
    seen = [value for value in values if value is not None]
    return bool(seen) and all(map(is_number, seen))


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], page: float = PAGE, long: int = LONG) -> list[float]:
    """Each column's part of the page, in points: room for its longest word first, the rest by the length of its texts."""
    texts = [[name, *(row[place] for row in rows)] for place, name in enumerate(columns)]
    least = [CELL + GLYPH * min(UNBROKEN, max(len(piece) for text in column for piece in _pieces(text))) for column in texts]
    wanted = [min(long, max(len(line) for text in column for line in text.split("\n"))) ** 0.8 for column in texts]
    spare = max(0.0, page - sum(least))
    return [round(low + spare * want / sum(wanted), 1) for low, want in zip(least, wanted, strict=True)]


def _pieces(text: str) -> list[str]:
    """What the template leaves unbroken: words, and of a long word the parts between its marks."""
    return ["", *(piece for word in text.split() for piece in (MARKED.findall(word) if len(word) > UNBROKEN else [word]))]


def _shown(value: Any) -> Any:
    """The same data, with each character that no font here can draw spelled out: PDF/UA-1 forbids the empty box."""
    if isinstance(value, str):
        return value if value.isascii() else "".join(each if each.isascii() or _can_draw(each) else spelled(each) for each in value)
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value


@cache
def _can_draw(each: str) -> bool:
    try:
        _compiler().compile(PROBE, format="pdf", sys_inputs={"text": each}, pdf_standards=STANDARDS)
    except typst.TypstError:
        return False
    return True


PROBE = b'#set document(title: "probe")\n#set text(font: ("Source Sans Pro", "DejaVu Sans Mono"))\n#sys.inputs.text'


@cache
def _template(name: str) -> bytes:
    """The parts both templates share, then the template: one text, since a template given as bytes can include no file."""
    return b"".join(resources.files(__package__).joinpath(each).read_bytes() for each in ("parts.typ", name))


def _compiler() -> typst.Compiler:
    return typst.Compiler(font_paths=_fonts())


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[font_source_sans_pro.font_directory])
