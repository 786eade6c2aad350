"""The directory checklist: for each public website of one run, what a program saw on the pages kept, and boxes for a person."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import yaml

from matching.records import Connection
from reports.records import Context, Measure, Report

ITEMS = """
select item, observed, said, excerpt, evidence_id, url, strftime(fetched_at, '%Y-%m-%d %H:%M') as fetched_at
from curated.checklist left join curated.evidence using (evidence_id) where source_id = $source
"""
# of a federal and a state rule about the same question both are printed, in the order in which the item names them
RULES = """
select rule_id, citation, says, source, coalesce('text of ' || text_dated, 'text not dated') as dated
from curated.rule where verified_on is not null and (state = 'US' or state in (select state from curated.run))
"""
WEBSITES = """
select source.source_id, source.title, coalesce(source.insurer_name, 'not stated on the card') as insurer, snapshot.observed_on,
  snapshot.response_count, min_by(evidence.url, evidence.fetched_at) as url
from curated.source
join curated.snapshot on snapshot.snapshot_id in (select snapshot_id from curated.checklist where source_id = source.source_id)
left join curated.evidence on evidence.snapshot_id = snapshot.snapshot_id
group by all order by insurer, source.source_id
"""


def build(con: Connection, _measures: Sequence[Measure], context: Context) -> Report:
    """A form for each website in curated.checklist; filled by hand, on paper or on the screen, and by nobody else."""
    words: Mapping[str, Any] = yaml.safe_load(resources.files("reports.checklist").joinpath("report.yml").read_text(encoding="utf-8"))
    rules = {row["rule_id"]: row for row in _rows(con, RULES)}
    websites = [
        {**website, "items": tuple(_items(words, rules, {row["item"]: row for row in _rows(con, ITEMS, source=website["source_id"])}))}
        for website in _rows(con, WEBSITES)
    ]
    return Report(
        key="checklist",
        title=words["title"].format(title=context.title),
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts={"Run": context.run_id, "Program": context.code_version},
        sections=(),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={"template": "checklist/form.html", "subtitle": words["subtitle"], "websites": websites, "words": words},
    )


def _items(words: Mapping[str, Any], rules: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key, item in words["items"].items():
        found = seen.get(key)
        yield {
            "key": key,
            "question": item["question"],
            "hint": item.get("hint", ""),
            "rules": [rules[rule] for rule in item["rules"] if rule in rules],
            "observed": words["observed"][found["observed"] if found else "by_person"],
            "is_observed": bool(found and found["observed"] == "observed"),
            "found": found,
        }


def _rows(con: Connection, sql: str, **values: Any) -> list[dict[str, Any]]:
    answer = con.execute(sql, values)
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
