"""Which reports there are, and the one way to make each: a folder here with a report.yml is a report.

An edition whose report.yml says `of: whole` is a part of the one Report of the run (reports.whole): which sections in which order,
which columns and rows of the annex, which words first. It computes nothing. Any other has a `sections.py` of its own. What leaves is held
against reports.lint before anybody draws it; a page marked `inside: true` is for those who check the work.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module, resources
from typing import Any

import yaml

from matching.records import Connection
from reports import lint
from reports.records import Context, Measure, Report, Section
from reports.whole import sections as whole
from scrapers.records import Refused

SUPPORT = {"evidence", "legal"}  # sections whose rows bear an id that a row of the annex may cite
INSURERS = "select source_id from curated.source where kind = 'insurer' order by source_id"


def editions() -> list[str]:
    """The reports that can be made, by name."""
    return sorted(folder.name for folder in resources.files("reports").iterdir() if folder.joinpath("report.yml").is_file())


def build(edition: str, con: Connection, measures: Sequence[Measure], context: Context, recipient: str | None = None) -> Report:
    """One report of the run in this database; `recipient`, an insurer's source, where each insurer is sent its own.

    Raises Refused where the wording or a fact about a person is not what this edition may carry.
    """
    made = {report.extra.get("recipient"): report for _, report in build_each([edition], con, measures, context)}
    if recipient in made:
        return made[recipient]
    if recipient is None and len(made) == 1:
        return next(iter(made.values()))
    known = ", ".join(str(each) for each in made if each) or "none"
    raise Refused(f"the {edition} edition is made for one insurer at a time, not for {recipient or 'all'}; expected one of: {known}")


def build_each(names: Iterable[str], con: Connection, measures: Sequence[Measure], context: Context) -> Iterator[tuple[str, Report]]:
    """Every report of these editions with the name of its file: one of each, but of an edition for insurers one per insurer's source."""
    run: Report | None = None
    for name in names:
        card = _card(name)
        to = [str(source) for (source,) in con.execute(INSURERS).fetchall()] if card.get("each") == "insurer" else [None]
        if card.get("of") == "whole":
            run = run or whole.build(con, measures, context)
        for recipient in to:
            called = f"{name}-{recipient}" if recipient else name
            if run and card.get("of") == "whole":
                yield called, part(name, run, recipient)
            else:
                made = import_module(f"reports.{name}.sections").build(con, measures, context, *([recipient] if recipient else []))
                yield called, _linted(name, made)


def part(edition: str, run: Report, recipient: str | None = None) -> Report:
    """An edition of the run's one Report; `recipient` sees only what is about its own source."""
    card = _card(edition)
    names: Mapping[str, str] = {**run.extra["names"], **(run.extra["names_of"][recipient] if recipient else {})}
    by_key = {section.key: section for section in run.sections}
    shown = [by_key[key] for each in card["sections"] for key in by_key if key == each or key.startswith(f"{each}_")]  # adequacy_…
    columns, kinds, annex, stacks = _annex(card.get("annex", {}), run, recipient)
    cited = {each for row in annex for place, kind in enumerate(kinds) if kind == "ids" for each in str(row[place] or "").split(", ")}
    first = [_first(card["first"], names)] if "first" in card else []
    subtitle = str(card["subtitle"]).format_map(names)
    marked = [mark.lower() for mark in run.marks]
    extra: dict[str, Any] = {
        "subtitle": subtitle[:1].upper() + subtitle[1:],
        "notices": [str(card[mark]).format_map(names) for mark in marked if mark in card],
        "figures": run.extra["figures_of"][recipient] if recipient else run.extra["figures"] if card.get("figures", True) else [],
        "annex_stacks": stacks,
        "spoken": run.extra["spoken"],
        "choices": card.get("annex", {}).get("choices", {}),
        "measures": [each for each in run.extra["measures"] if recipient is None or each.scope.split("/")[0] == recipient],
        "flow": [row for row in run.extra["flow"] if recipient in (None, row[0])],
        "recipient": recipient,
        "compact": bool(card.get("compact")),
        "contacts": run.extra["contacts"],
        "whole": run,
    }
    for key in ("title", "words"):
        if key in card.get("annex", {}):
            extra[f"annex_{key}"] = str(card["annex"][key]).format_map(names)
    made = replace(
        run,
        key=edition,
        title=str(card["title"]).format_map(names),
        facts={**run.facts, **({"Insurers": names["insurer"]} if recipient else {})},
        sections=(*first, *(_narrowed(section, recipient, cited) for section in shown)),
        annex_columns=columns,
        annex_kinds=kinds,
        annex=annex,
        extra=extra,
    )
    return _linted(edition, made)


def summary(report: Report) -> Report:
    """What an edition says, on at most four pages for the commissioner; it stands alone in a filing."""
    return part("summary", report.extra["whole"])


def _linted(edition: str, made: Report) -> Report:
    if not _card(edition).get("inside"):
        lint.wording(made)
        lint.privacy(made, edition)
    return made


def _narrowed(section: Section, recipient: str | None, cited: set[str]) -> Section:
    """Only rows about the recipient or about nobody, and of responses those that a row shown rests on; a picture of more goes."""
    rows = list(section.rows)
    about = list(section.about)
    if (section.key in SUPPORT and recipient) or section.key == "evidence":
        keep = [str(row[0]).split("\n")[-1] in cited for row in rows]
    else:
        keep = [recipient is None or not about or about[place] in ("", recipient) for place in range(len(rows))]
    if all(keep):
        return section
    rows = [row for row, kept in zip(rows, keep, strict=True) if kept]
    about = [each for each, kept in zip(about, keep, strict=True) if kept] if about else []
    return replace(section, rows=tuple(rows), about=tuple(about), chart="", alt="")


def _first(card: Mapping[str, Any], names: Mapping[str, str]) -> Section:
    return Section(key="first", title=card["title"], paragraphs=[line.format_map(names) for line in card["words"]])


def _annex(
    card: Mapping[str, Any], run: Report, recipient: str | None
) -> tuple[Sequence[str], Sequence[str], Sequence[Sequence[Any]], Mapping[str, str]]:
    """Columns, their kinds, rows, and each column's heading. One that names none of the run's is left empty, to be filled."""
    stacks = {column: heading for heading, group in card.get("columns", {}).items() for column in group}
    ours = {column: ours for group in card.get("columns", {}).values() for column, ours in group.items()}
    if not ours:
        return (), (), (), {}
    at = {column: place for place, column in enumerate(run.annex_columns)}
    rows = [row for row in run.annex if recipient is None or row[at["Source"]] == recipient]
    annex = [tuple(None if column is None else row[at[column]] for column in ours.values()) for row in rows]
    return tuple(ours), tuple("blank" if column is None else run.annex_kinds[at[column]] for column in ours.values()), annex, stacks


@cache
def _card(edition: str) -> Mapping[str, Any]:
    if edition not in editions():
        raise ValueError(f"there is no report {edition!r}; there are: {', '.join(editions())}")
    said: Mapping[str, Any] = yaml.safe_load(resources.files(f"reports.{edition}").joinpath("report.yml").read_text(encoding="utf-8"))
    return said
