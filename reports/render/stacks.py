"""How the annex's many columns stand in the few that a page has room for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reports.records import Report


@dataclass(frozen=True, slots=True)
class Stack:
    """Columns of the annex printed one above the other under one heading."""

    heading: str
    columns: Sequence[str]
    places: Sequence[int]

    def lines(self, row: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """Label and value of what this row has to show here; what the heading already names needs no label."""
        for name, place in zip(self.columns, self.places, strict=True):
            if row[place] not in (None, ""):
                yield ("" if name == self.heading else name), row[place]


def stacks(report: Report) -> list[Stack]:
    """The stacks a report names in `extra`, or each column alone."""
    where = report.extra.get("annex_stacks") or {name: name for name in report.annex_columns}
    columns = list(report.annex_columns)
    headings = dict.fromkeys(where[name] for name in columns)
    names = {heading: [name for name in columns if where[name] == heading] for heading in headings}
    return [Stack(heading, names[heading], [columns.index(name) for name in names[heading]]) for heading in headings]


def heading(report: Report) -> tuple[str, str]:
    """What stands above the annex: `annex_title` and `annex_words` of `extra`, or what suits rows of findings."""
    said = (
        f"{len(report.annex):,} findings of tiers A and B. Each says what the listing and the records said on the day named; "
        "none says anything else about a person."
    )
    return report.extra.get("annex_title", "Annex: findings row by row"), report.extra.get("annex_words", said)
