"""What lies in a packet's bag beside the cited bytes: exhibits, the draw for those who check, measures, flow, rules, sources and method."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.packet import bag
from pipelines.packet.excerpts import Kept
from reports.exhibits import Exhibit, Response
from reports.records import Context, Measure, Report, Section
from reports.render import exhibits as render
from reports.render import html, pdf
from reports.render.sheet import disarmed

PAGES, PRINTED = 200, 40  # exhibits to one web page, and to one PDF: what typst keeps in memory grows with its documents
MOST_PRINTED = 1_000  # exhibits; beyond, the web pages are printed by whoever needs paper, because typst takes 6 ms a page
DRAWN = 10

RULES = """
select rule_id, citation, says, source, text_dated, verified_on, applies_to, state from curated.rule
where state = 'US' or state in (select state from curated.run) order by state, rule_id
"""
FLOW = "select source_id, step, count from reports.flow where $of is null or source_id = $of order by source_id, place"
SOURCES = """
select source.source_id, source.title, source.kind, source.surface, snapshot.snapshot_id, snapshot.observed_on, snapshot.started_at,
  snapshot.finished_at, snapshot.response_count, snapshot.record_count, snapshot.problem_count, snapshot.sha256
from curated.snapshot join curated.source on source.source_id = snapshot.source_id
where $of is null or source.source_id = $of or source.kind <> 'insurer'
order by all
"""


def origin(folder: Path, con: warehouse.Connection, context: Context) -> None:
    """What every packet holds: the rules, and which run and code it is of."""
    run = {"audit": context.audit, "run_id": context.run_id, "code_version": context.code_version, "marks": list(context.marks)}
    bag.write(folder / "data" / "method" / "run.json", _json(run | {"began_at": context.made_at.isoformat()}))
    bag.write(folder / "data" / "rules.csv", _asked(con, RULES))


def figures(folder: Path, con: warehouse.Connection, report: Report) -> None:
    """What an edition with numbers adds: measures with their SQL, flow, sources, and the report itself; an insurer's are its own."""
    data, of = folder / "data", {"of": report.extra.get("recipient")}
    measures: Sequence[Measure] = report.extra["measures"]
    names = [each.name for each in fields(Measure)]
    bag.write(data / "measures.csv", table(names, ([getattr(each, name) for name in names] for each in measures)))
    bag.write(data / "measures.json", _json([asdict(each) for each in measures]))
    bag.write(data / "flow.csv", _asked(con, FLOW, of))
    bag.write(data / "sources.csv", _asked(con, SOURCES, of))
    bag.write(data / "method" / "report.html", html.page(replace(report, annex_columns=(), annex=(), annex_kinds=())))


def _asked(con: warehouse.Connection, sql: str, named: Mapping[str, Any] | None = None) -> str:
    answer = con.execute(sql, dict(named or {}))
    return table([column[0] for column in answer.description or ()], answer.fetchall())


def exhibits(folder: Path, shown: Sequence[Exhibit], kept: Mapping[str, Kept], cover: render.Cover) -> None:
    """The exhibits: for programs, as web pages, and as PDF where they are not too many."""
    data, where = folder / "data", {id: each.words for id, each in kept.items()}
    with bag.opened(data / "exhibits.jsonl") as file:
        for place, each in enumerate(shown):
            cited = [
                {"part": one.part, "id": one.id, "evidence_id": one.evidence_id, "locator": one.locator}
                | {"excerpt": kept[one.id].file, "excerpt_sha256": kept[one.id].sha256}
                for one in each.cited
            ]
            page = f"exhibits/{place // PAGES + 1:03}.html#{each.code}"
            said = {**vars_of(each), "responses": [vars_of(one) for one in each.responses], "cited": cited, "page": page}
            file.write(json.dumps(said, ensure_ascii=False) + "\n")
    for at in range(0, len(shown), PAGES):
        bag.write(data / "exhibits" / f"{at // PAGES + 1:03}.html", render.page(shown[at : at + PAGES], where, cover))
    for at in range(0, len(shown) if len(shown) <= MOST_PRINTED else 0, PRINTED):
        bag.write(data / "exhibits" / f"{at // PRINTED + 1:03}.pdf", render.document(shown[at : at + PRINTED], where, cover))


def vars_of(record: Exhibit | Response) -> dict[str, Any]:
    """Its fields as they are; `asdict` would copy every text of it, which takes longer than all else here."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


def drawn(finding_ids: Iterable[str]) -> tuple[str, list[str]]:
    """The hash of all findings shown, and the ten that it draws: those whose own hash with it is smallest. Anybody can draw them again.

    >>> drawn(["b", "a"])[1] == drawn(["a", "b"])[1]
    True
    """
    ids = sorted(finding_ids)
    frame = hashlib.sha256("".join(f"{each}\n" for each in ids).encode()).hexdigest()
    return frame, sorted(ids, key=lambda each: hashlib.sha256((frame + each).encode()).hexdigest())[:DRAWN]


def check_us(folder: Path, shown: Sequence[Exhibit], report: Report, words: Mapping[str, Any], contact: str) -> None:
    """The ten findings that a stranger looks up himself: as HTML, as PDF, and the draw for programs."""
    frame, chosen = drawn(each.finding_id for each in shown)
    by_id = {each.finding_id: each for each in shown}
    told = {"count": f"{len(chosen)}", "all": f"{len(shown):,}", "contact": contact, "frame": frame}
    first = Section(key="how", title="What to do", paragraphs=[line.format_map(told) for line in (*words["intro"], words["how"])])
    sections = [
        Section(
            key=each.code,
            title=f"{each.code} · {each.title}",
            paragraphs=[each.sentence],
            columns=words["columns"],
            rows=[(step, words["tick"]) for step in each.steps] or [("Read its exhibit.", words["tick"])],
        )
        for each in (by_id[id] for id in chosen)
    ]
    made = replace(
        report,
        key="check",
        title=words["title"],
        facts={},
        sections=(first, *sections),
        annex_columns=(),
        annex=(),
        annex_kinds=(),
        extra={"subtitle": words["subtitle"].format_map(told), "compact": True},
    )
    bag.write(folder / "data" / "check-us.html", html.page(made))
    bag.write(folder / "data" / "check-us.pdf", pdf.document(made))
    bag.write(folder / "data" / "check-us.json", _json({"frame_sha256": frame, "findings": chosen}))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV in which no cell from outside can be a formula."""
    made = io.StringIO()
    out = csv.writer(made, lineterminator="\n")
    out.writerow(columns)
    out.writerows([disarmed(cell) for cell in row] for row in rows)
    return made.getvalue()


def _json(said: Any) -> str:
    return json.dumps(said, indent=1, ensure_ascii=False, default=str) + "\n"
