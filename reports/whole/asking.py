"""What every part of the report has at hand: the run's database, its measures, the words, and the ways in which a number is printed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

import yaml

from matching.records import Connection
from reports.measures import error_rate, percent, shown, span
from reports.records import Context, Measure, Section

Rows = Sequence[tuple[Any, ...]]

ALL = "all"
HERE = "(rule.state = 'US' or rule.state in (select run.state from curated.run))"
FEW = "fewer than 10"


@dataclass
class Asking:
    """One run, asked for the sections of its report."""

    con: Connection
    measures: Sequence[Measure]
    context: Context

    def ask(self, sql: str, **values: Any) -> Rows:
        return [tuple(row) for row in self.con.execute(sql, values or None).fetchall()]

    @cached_property
    def words(self) -> Mapping[str, Any]:
        said: Mapping[str, Any] = yaml.safe_load(resources.files(__package__).joinpath("words.yml").read_text(encoding="utf-8"))
        return said

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str], Measure]:
        return {(each.name, each.scope): each for each in self.measures}

    @cached_property
    def insurers(self) -> Rows:
        """Source and legal name of each insurer's source, in the order in which tables list them."""
        return self.ask("select source_id, coalesce(insurer_name, title) from curated.source where kind = 'insurer' order by 2, 1")

    @cached_property
    def sources(self) -> tuple[str, ...]:
        return tuple(source for source, _ in self.insurers)

    @cached_property
    def has_roll(self) -> bool:
        return ("match.same", ALL) in self.by_name

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What the words' braces stand for, all insurers together."""
        context = self.context
        return self.names_of(ALL) | {
            "title": context.title,
            "compared": " compared with the state's own license roll" if self.has_roll else "",
            "state": context.state,
            "profession": context.profession,
            "insurers": "; ".join(dict.fromkeys(name for _, name in self.insurers)),
            "grace_days": str(context.grace_days),
            "audit": context.audit,
            "run_id": context.run_id,
            "code_version": context.code_version,
            "made_on": context.made_at.strftime("%Y-%m-%d"),
            "error_rate": error_rate(self.by_name),
            "contact": context.contact or "an address that is not yet named, and must be before this report is filed",
            "pairs": self._pairs(),
        }

    def names_of(self, scope: str) -> dict[str, str]:
        """The same of one insurer's source: its own counts, each a measure's."""
        counted = {
            "listings": "listings",
            "duplicates": "duplicates",
            "unique": "unique",
            "providers": "providers",
            "same": "match.same",
            "unsure": "match.unsure",
            "unmatched": "match.none",
            "confirmed": "standing.confirmed",
            "contradicted": "standing.contradicted",
            "undetermined": "standing.undetermined",
            "not_contradicted": "standing.verified_high",
            "barred_wide": "not_in_force.listing.ab",
            "duplicates_a": "duplicate_listing.listing.a",
        }
        said = {name: f"{self.count(measure, scope):,}" for name, measure in counted.items()}
        barred = self.by_name.get(("not_in_force.listing.a", scope))
        return said | {"barred": shown(barred) if barred else "–"}

    def count(self, name: str, scope: str = ALL) -> int:
        """A measure's count; nought where the run could not ask it, which its own section says."""
        found = self.by_name.get((name, scope))
        return found.numerator if found else 0

    def printed(self, name: str, scope: str = ALL) -> tuple[Any, ...]:
        """One measure as a table row: title, count, out of, share, interval; no share where too few were counted."""
        each = self.by_name[name, scope]
        return (each.title, each.numerator, each.denominator, *rate(each))

    def family(self, start: str, scope: str = ALL) -> list[Measure]:
        """The measures of one kind, in the order in which they were declared."""
        return [each for each in self.measures if each.scope == scope and each.name.startswith(start)]

    def say(self, key: str) -> str:
        return str(self.words[key]).format_map(self.names)

    def section(
        self,
        key: str,
        rows: Iterable[tuple[Any, ...]] = (),
        *,
        also: Sequence[str] = (),
        about: Iterable[str] = (),
        chart: str = "",
        alt: str = "",
    ) -> Section:
        """The section `key` of words.yml around these rows, with the paragraphs it says only in the cases `also`.

        Without rows it says what is missing, where its words tell.
        """
        said, rows = self.words["sections"][key], tuple(rows)
        parts = ["words", *also, *([] if rows else ["missing"])]
        return Section(
            key=key,
            title=said["title"],
            paragraphs=[line.format_map(self.names) for part in parts for line in said.get(part, ())],
            columns=tuple(said.get("columns", ())),
            rows=rows,
            note=said.get("note", "").format_map(self.names),
            chart=chart if rows else "",
            alt=alt if rows else "",
            about=tuple(about),
            quotes=tuple(said.get("quotes", ())),
        )

    def _pairs(self) -> str:
        judged = self.ask("select judgement, count(*) from matching.match where right_kind = 'credential' group by 1 order by 1")
        return ", ".join(f"{count:,} {judgement}" for judgement, count in judged) or "none"


def rate(measure: Measure) -> tuple[str | None, str | None]:
    """Share and interval as printed; neither where too few were counted."""
    if measure.value is None or measure.low is None or measure.high is None:
        return None, None
    return percent(measure.value), span(measure.low, measure.high)


def quoted(words: str | None) -> str | None:
    """Somebody else's words, in quotation marks, as the lint wants them marked."""
    return f"“{words}”" if words else None
