"""A report as a workbook and as CSV, in which no cell from outside can ever be a formula."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from reports.records import Measure, Report
from reports.render.text import plain

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
LONGEST = 32_767  # characters that one cell of a workbook holds
WIDEST = 60
ANSWER = 24  # letters across a column that somebody fills
MEASURE = ("Scope", "Name", "What was counted", "Count", "Out of", "Share", "Low", "High", "Method", "SQL")


def workbook(report: Report) -> bytes:
    """The report as XLSX: Summary, Findings, and Measures, Sources and Flow where it has them, each filtered and with its heading frozen.

    Columns of the annex of kind `blank` are for the reader to fill, with a drop-down where `extra["choices"]` (column → words) offers one;
    every other cell of that sheet is then locked, without a password.
    """
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    marks = " · ".join(report.marks)
    book.set_properties({"title": report.title, "comments": f"{marks} run {report.run_id}", "created": _when(report.made_at)})
    by_key = {section.key: section for section in report.sections}
    choices = report.extra.get("choices", {})
    to_fill = {
        column: choices.get(column, ()) for column, kind in zip(report.annex_columns, report.annex_kinds, strict=False) if kind == "blank"
    }
    summary: list[Sequence[Any]] = [*report.facts.items(), ("Marks", marks), ("Made at", report.made_at)]
    if to_fill:
        summary.append(("To fill in", f"{', '.join(to_fill)}: on the sheet Findings. Leave a row empty to say nothing about it."))
    finding, sources = by_key.get("finding") or by_key.get("first"), by_key.get("sources")
    if finding:
        summary += [("", line) for line in finding.paragraphs]
        summary += [(row[0], " · ".join("" if each is None else str(each) for each in row[1:])) for row in finding.rows]
    _sheet(book, "Summary", marks, ("What", "Value"), summary)
    _sheet(book, "Findings", marks, report.annex_columns, report.annex, to_fill)
    if measures := report.extra.get("measures"):
        _sheet(book, "Measures", marks, MEASURE, map(_measure, measures))
    if sources and sources.rows:
        _sheet(book, "Sources", marks, sources.columns, sources.rows)
    if flow := report.extra.get("flow"):
        _sheet(book, "Flow", marks, ("Source", "Step", "Count"), flow)
    book.close()
    return made.getvalue()


def annex(report: Report) -> bytes:
    """The findings row by row as CSV, UTF-8 with a byte order mark as spreadsheets expect; an apostrophe disarms the sign of a formula."""
    made = io.StringIO()
    out = csv.writer(made, lineterminator="\r\n")
    out.writerow([*report.annex_columns, "Marks"])
    out.writerows([*map(disarmed, row), " ".join(report.marks)] for row in report.annex)
    return made.getvalue().encode("utf-8-sig")


def _measure(each: Measure) -> Sequence[Any]:
    return (each.scope, each.name, each.title, each.numerator, each.denominator, each.value, each.low, each.high, each.method, each.sql)


def disarmed(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _when(made_at: str) -> datetime:
    return datetime.fromisoformat(made_at).replace(tzinfo=None)


def _sheet(
    book: xlsxwriter.Workbook,
    name: str,
    marks: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    answers: Mapping[str, Sequence[str]] | None = None,
) -> None:
    heading = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 2, "bg_color": "#F3F5F8"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    number = book.add_format({"num_format": "#,##0", "valign": "top"})
    share = book.add_format({"num_format": "0.0%", "valign": "top"})
    empty = book.add_format(
        {"text_wrap": True, "valign": "top", "locked": False, "bg_color": "#FFF9E5", "border": 1, "border_color": "#C9CED6"}
    )
    sheet = book.add_worksheet(name)
    sheet.set_landscape()
    sheet.set_paper(1)  # letter
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_header(f"&L&B{marks.replace('&', '&&')}&R{name}")
    sheet.set_footer("&RPage &P of &N")
    widths = [len(column) for column in columns]
    to_fill = {columns.index(column): choices for column, choices in (answers or {}).items()}
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column, heading)
    last = 0
    for last, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if place in to_fill and value in (None, ""):
                sheet.write_blank(last, place, None, empty)
            elif value is None:
                continue
            elif isinstance(value, float):
                sheet.write_number(last, place, value, share)
            elif isinstance(value, int):
                sheet.write_number(last, place, value, number)
            else:
                text = plain(str(value))[:LONGEST]
                sheet.write_string(last, place, text, empty if place in to_fill else wrapped)
                widths[place] = max(widths[place], *map(len, text.split("\n")))
    for place, choices in to_fill.items():
        widths[place] = max([ANSWER, *map(len, choices)])
        if choices and last:
            said = {
                "validate": "list",
                "source": [*choices],
                "error_title": columns[place],
                "error_message": f"One of: {', '.join(choices)}",
            }
            sheet.data_validation(1, place, last, place, said)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, min(WIDEST, width + 2))
    sheet.freeze_panes(1, 1)
    if to_fill:  # against slips only: whoever wants to can unlock it
        sheet.protect("", {"autofilter": True, "sort": True, "format_columns": True, "format_rows": True})
    if columns:
        sheet.autofilter(0, 0, last, len(columns) - 1)


def form(
    title: str,
    about: Sequence[str],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    answers: Mapping[str, Sequence[str]],
    made_at: str,
) -> bytes:
    """A sheet that people fill in, as XLSX, with what to do on its second page; `answers`: column to fill → what its drop-down offers."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    book.set_properties({"title": title, "created": _when(made_at)})
    _sheet(book, "To fill in", title, columns, rows, answers)
    how = book.add_worksheet("How")
    how.set_column(0, 0, 110)
    for at, line in enumerate((title, *about)):
        how.write_string(at, 0, plain(line), book.add_format({"text_wrap": True, "valign": "top"}))
    book.close()
    return made.getvalue()
