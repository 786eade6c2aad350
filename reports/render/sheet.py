"""A report as a workbook and as CSV, in which no cell from outside can ever be a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from reports.records import Measure, Report
from reports.render.text import plain

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
LONGEST = 32_767  # characters that one cell of a workbook holds
WIDEST = 60
MEASURE = ("Scope", "Name", "What was counted", "Count", "Out of", "Share", "Low", "High", "Method", "SQL")


def workbook(report: Report) -> bytes:
    """The report as XLSX: Summary, Findings, Measures, Sources and Flow, each filtered and with its heading frozen."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    marks = " · ".join(report.marks)
    book.set_properties({"title": report.title, "comments": f"{marks} run {report.run_id}", "created": _when(report.made_at)})
    by_key = {section.key: section for section in report.sections}
    summary: list[Sequence[Any]] = [*report.facts.items(), ("Marks", marks), ("Made at", report.made_at)]
    finding, sources = by_key.get("finding"), by_key.get("sources")
    if finding:
        summary += [("", line) for line in finding.paragraphs]
        summary += [(row[0], " · ".join("" if each is None else str(each) for each in row[1:])) for row in finding.rows]
    _sheet(book, "Summary", marks, ("What", "Value"), summary)
    _sheet(book, "Findings", marks, report.annex_columns, report.annex)
    _sheet(book, "Measures", marks, MEASURE, map(_measure, report.extra.get("measures", ())))
    _sheet(book, "Sources", marks, sources.columns if sources else (), sources.rows if sources else ())
    _sheet(book, "Flow", marks, ("Source", "Step", "Count"), report.extra.get("flow", ()))
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


def _sheet(book: xlsxwriter.Workbook, name: str, marks: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    heading = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 2, "bg_color": "#F3F5F8"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    number = book.add_format({"num_format": "#,##0", "valign": "top"})
    share = book.add_format({"num_format": "0.0%", "valign": "top"})
    sheet = book.add_worksheet(name)
    sheet.set_landscape()
    sheet.set_paper(1)  # letter
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_header(f"&L&B{marks.replace('&', '&&')}&R{name}")
    sheet.set_footer("&RPage &P of &N")
    widths = [len(column) for column in columns]
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column, heading)
    last = 0
    for last, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, float):
                sheet.write_number(last, place, value, share)
            elif isinstance(value, int):
                sheet.write_number(last, place, value, number)
            else:
                text = plain(str(value))[:LONGEST]
                sheet.write_string(last, place, text, wrapped)
                widths[place] = max(widths[place], *map(len, text.split("\n")))
    for place, width in enumerate(widths):
        sheet.set_column(place, place, min(WIDEST, width + 2))
    sheet.freeze_panes(1, 1)
    if columns:
        sheet.autofilter(0, 0, last, len(columns) - 1)
