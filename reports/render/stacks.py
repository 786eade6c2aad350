"""How the annex's many columns stand in the few that a page has room for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import spoken
from reports.records import Report


@dataclass(frozen=True, slots=True)
class Stack:
    """Columns of the annex printed one above the other under one heading."""

    heading: str
    columns: Sequence[str]
    places: Sequence[int]
    spoken: Mapping[str, Mapping[str, str]]

    def lines(self, row: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """Label and value of what this row has to show here; what the heading already names needs no label."""
        for name, place in zip(self.columns, self.places, strict=True):
            if row[place] not in (None, ""):
                said = spoken.each(self.spoken[name], row[place]) if name in self.spoken else row[place]
                yield ("" if name == self.heading else name), said


def stacks(report: Report) -> list[Stack]:
    """The stacks a report names in `extra`, or each column alone; its codes in the words of `spoken` there."""
    where = report.extra.get("annex_stacks") or {name: name for name in report.annex_columns}
    columns = list(report.annex_columns)
    headings = dict.fromkeys(where[name] for name in columns)
    names = {heading: [name for name in columns if where[name] == heading] for heading in headings}
    said = report.extra.get("spoken", {})
    return [Stack(heading, names[heading], [columns.index(name) for name in names[heading]], said) for heading in headings]


def heading(report: Report) -> tuple[str, str]:
    """What stands above the annex: `annex_title` and `annex_words` of `extra`, or what suits rows of findings."""
    said = (
        f"{len(report.annex):,} findings of tiers A and B. Each says what the listing and the records said on the day named; "
        "none says anything else about a person."
    )
    return report.extra.get("annex_title", "Annex: findings row by row"), report.extra.get("annex_words", said)
