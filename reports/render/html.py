"""A report as one web page that needs nothing else: no script, no style or picture from elsewhere."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.records import Report
from reports.render.stacks import heading, stacks
from reports.render.text import cell, is_number

PAGES = Environment(
    loader=ChoiceLoader([PackageLoader("reports.render", "."), PackageLoader("reports", ".")]),  # a report may bring a page of its own
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.filters["cell"] = cell
PAGES.filters["is_number"] = is_number


def page(report: Report) -> str:
    """The report as HTML: every text escaped, every mark on every screen and every printed page."""
    return PAGES.get_template(report.extra.get("template", "page.html")).render(
        report=report,
        title=report.title,
        language=report.language,
        pictures={section.key: Markup(section.chart) for section in report.sections if section.chart},  # noqa: S704 – drawn by charts.py
        stacks=stacks(report),
        annex=heading(report),
        marks=" · ".join(report.marks),
    )
