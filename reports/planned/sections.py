"""The announcement of an audit, made from what is public of the insurer alone; its words are in report.yml."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import resources
from typing import Any

import yaml

from matching.records import Connection
from reports.lint import withheld
from reports.records import Context, Measure, Report, Section
from reports.whole.rows import NOTICE_DAYS

SOURCE = """
select coalesce(source.insurer_name, source.title), source.title, coalesce(source.surface, 'not stated'),
  min_by(evidence.url, evidence.fetched_at)
from curated.source
left join curated.snapshot on snapshot.source_id = source.source_id
left join curated.evidence on evidence.snapshot_id = snapshot.snapshot_id
where source.source_id = $source
group by all
"""


def build(con: Connection, _measures: Sequence[Measure], context: Context, source: str) -> Report:
    """The announcement to one insurer, of a source that this database already knows."""
    insurer, *captured = con.execute(SOURCE, {"source": source}).fetchone()
    return announce(context, source, insurer, [captured])


def announce(context: Context, source: str, insurer: str, captured: Sequence[Sequence[str | None]]) -> Report:
    """The announcement to `insurer`; `captured` is what will be: title, surface and first address each. Needs no run and no database."""
    words: Mapping[str, Any] = yaml.safe_load(resources.files(__package__ or "").joinpath("report.yml").read_text(encoding="utf-8"))
    names = {
        "title": context.title,
        "insurer": insurer,
        "profession": context.profession,
        "state": context.state,
        "grace_days": str(context.grace_days),
        "notice_days": str(NOTICE_DAYS),
        "from_on": (context.made_at + timedelta(days=NOTICE_DAYS)).strftime("%Y-%m-%d"),
        "code_version": context.code_version,
        "contact": context.contact or "not yet named, and must be before this is sent",
    }
    return Report(
        key="planned",
        title=words["title"].format_map(names),
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts={
            "To": insurer,
            "Audit": context.title,
            "Made": context.made_at.strftime("%Y-%m-%d"),
            "Write to": names["contact"],
        },
        sections=tuple(
            Section(
                key=key,
                title=said["title"],
                paragraphs=[line.format_map(names) for line in said["words"]],
                columns=tuple(said.get("columns", ())),
                rows=[tuple(map(withheld, row)) for row in captured] if key == "captured" else (),
            )
            for key, said in words["sections"].items()
        ),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={
            "subtitle": words["subtitle"].format_map(names),
            "notices": [words[mark.lower()] for mark in context.marks if mark.lower() in words],
            "contacts": [context.contact] if context.contact else [],
            "recipient": source,
            "compact": True,
        },
    )
