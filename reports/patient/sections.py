"""One page for a patient whose directory was wrong: plan, door, what to bring, what to say. The doors are those of the state's card."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import yaml

from matching.records import Connection
from reports import lint
from reports.records import Context, Door, Measure, Report, Section

RULE = "select citation from curated.rule where verified_on is not null and rule_id = 'us.nsa.answer_1_business_day'"


def build(con: Connection, _measures: Sequence[Measure], context: Context) -> Report:
    """The page for patients of the audit's state; an office that was not established is said to be so."""
    words: Mapping[str, Any] = yaml.safe_load(resources.files("reports.patient").joinpath("report.yml").read_text(encoding="utf-8"))
    filled = {
        "title": context.title,
        "state": context.state,
        "run_id": context.run_id,
        "made_on": context.made_at.strftime("%Y-%m-%d"),
        "contact": context.contact or "an address not yet named",
        "rules": ", ".join(citation for (citation,) in con.execute(RULE).fetchall()),
    }
    doors = {door.plan: door for door in reversed(context.doors) if door.plan}  # the state's own stand first and win
    report = Report(
        key="patient",
        title=words["title"],
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts={},
        sections=tuple(_sections(words["sections"], filled, doors)),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={
            "layout": "letter",
            "size": 11.5,
            **{key: words[key].format_map(filled) for key in ("subtitle", "series", "foot")},
            "contacts": [context.contact, *(each for door in context.doors for each in (door.where, door.phone))],
        },
    )
    lint.wording(report)
    lint.privacy(report, "patient")
    return report


def _sections(words: Mapping[str, Any], filled: Mapping[str, str], doors: Mapping[str, Door]) -> Iterator[Section]:
    ask, plans, attach, say = (words[key] for key in ("ask", "doors", "attach", "say"))
    answer = ask["rules" if filled["rules"] else "no_rules"].format_map(filled)
    yield Section(key="ask", title=ask["title"], paragraphs=[*ask["words"], answer])
    unknown = plans["unknown"].format_map(filled)
    rows = [(said["you"], said["is"], _door(doors[plan]) if plan in doors else unknown) for plan, said in plans["plans"].items()]
    yield Section(key="doors", title=plans["title"], paragraphs=plans["words"], columns=plans["columns"], rows=rows)
    yield Section(key="attach", title=attach["title"], paragraphs=attach["words"])
    yield Section(key="say", title=say["title"], paragraphs=say["words"])


def _door(door: Door) -> str:
    """An office with its telephone and address, or what is known instead; what nobody saw in its own words is printed as unverified."""
    seen = "" if door.mark == "S" else " (unverified)"
    reached = [each for each in (door.phone, door.where) if each]
    return "\n".join([f"{door.to}{seen}", *(reached or [door.note])])
