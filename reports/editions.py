"""Which reports there are, and the one way to make each: a folder here with a report.yml is a report."""

from collections.abc import Sequence
from importlib import import_module, resources

from matching.records import Connection
from reports.records import Context, Measure, Report


def editions() -> list[str]:
    """The reports that can be made, by name."""
    return sorted(folder.name for folder in resources.files("reports").iterdir() if folder.joinpath("report.yml").is_file())


def build(report: str, con: Connection, measures: Sequence[Measure], context: Context) -> Report:
    """One report of the run in this database."""
    if report not in editions():
        raise ValueError(f"there is no report {report!r}; there are: {', '.join(editions())}")
    made: Report = import_module(f"reports.{report}.sections").build(con, measures, context)
    return made
