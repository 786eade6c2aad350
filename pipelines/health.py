"""What `plan`, `status` and `sources` answer: what would be asked of whom, and how sources and runs fare."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import audits, diagnosis, guards, ledger, publication, published, recording, runs, stages
from pipelines.lines import page, printable
from pipelines.queries import rows_of, table_lines
from pipelines.settings import Settings
from reports.whole.rows import NOTICE_DAYS
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.records import Source, SourceUnreadable
from scrapers.visit import is_online
from scrapers.visit import plan as visit_plan

FIRST = 3  # of what a visit begins with, named for a person; the others are counted
STAGES = """
select stage, count(*) as n from matching.finding where state <> 'resolved' and tier in ('A', 'B') group by stage
order by list_position(['flagged', 'reviewed', 'notified', 'answered', 'final', 'withdrawn'], stage)
"""
TOLD = "select greatest(max(insurer_told_at), max(person_told_at)) as at from matching.progress"


def plan(settings: Settings, card: str) -> dict[str, Any]:
    """What a run of this audit would ask of whom; asks nothing."""
    audit = audits.read(Path(card))
    archive = Archive(settings.raw)
    asked: list[dict[str, Any]] = []
    for source in audit.sources:
        said = visit_plan(source, archive, sources.format_of(source))
        asked.append(
            {
                "source": source.name,
                "title": source.title,
                "requests": said.requests,
                "at_least": said.at_least,
                "first": list(said.first),
                "is_estimate": said.is_estimate,
                "hosts": list(said.hosts),
                "robots": {host: f"{seen[0]} on {seen[1]}" if seen else "not asked yet" for host, seen in said.robots.items()},
                "pause_seconds": said.pause_seconds,
                "minutes": said.minutes,
            }
        )
    return {"audit": audit.name, "title": audit.title, "sources": asked, "minutes": round(sum(row["minutes"] for row in asked), 1)}


def plan_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """The plan for a person."""
    yield f"{said['title']}: about {said['minutes']:g} minutes"
    rows = [
        (
            row["source"],
            f"{_at_most(row)}{row['requests']}",
            ", ".join(row["hosts"]) or "files",
            "; ".join(row["robots"].values()),
            f"{row['pause_seconds']:g} s",
            f"{row['minutes']:g}",
        )
        for row in said["sources"]
    ]
    yield from table_lines(("source", "requests", "hosts", "robots", "pause", "minutes"), rows)
    for row in said["sources"]:
        if row["first"]:
            more = f" and {len(row['first']) - FIRST} more" if len(row["first"]) > FIRST else ""
            yield printable(f"{row['source']} begins with {'; '.join(row['first'][:FIRST])}{more}")


def _at_most(row: Mapping[str, Any]) -> str:
    if not row["is_estimate"]:
        return ""
    return "at most " if row["at_least"] is None else f"{row['at_least']} to at most "


def status(settings: Settings) -> dict[str, Any]:
    """Runs published and unfinished, what people did about their findings, the ledger, and each kept source's newest visit."""
    now = runs.clock(settings)
    told = []
    for home in sorted(path for path in (settings.data / "curated").glob("*") if path.is_dir()):
        run = runs.latest(settings, home.name)
        path = publication.current(home)
        told.append(
            {
                "audit": home.name,
                "published": path.stem.removeprefix("audit-") if path else None,
                "database": str(path) if path else None,
                "unfinished": run.id if run and "publish" not in run.done else None,
                "stages_done": list(run.done) if run else [],
                **_done_about(home, path),
            }
        )
    archive = Archive(settings.raw)
    known = {source.name: source for source in sources.catalogue()}
    homes = sorted(path for path in settings.raw.glob("[!.]*") if path.is_dir())
    kept = [_health(archive, path.name, known.get(path.name), now) for path in homes]
    return {"data": str(settings.data), "audits": told, "ledger": _ledger(settings), "sources": kept}


def _done_about(home: Path, path: Path | None) -> dict[str, Any]:
    """Findings of tiers A and B by stage, and until when those who were last written to may answer; as filed, where the run is."""
    if path is None:
        return {"is_filed": False, "findings": {}, "answers_until": None}
    filed = home / "filed" / path.stem.removeprefix("audit-") / path.name
    path = filed if filed.exists() else path
    has = rows_of(path, "select 1 from duckdb_tables() where schema_name = 'matching' and table_name = 'progress'")
    told = rows_of(path, TOLD)[0]["at"] if has else None
    return {
        "is_filed": path == filed,
        "findings": {row["stage"]: row["n"] for row in rows_of(path, STAGES)},
        "answers_until": str(told.date() + timedelta(days=NOTICE_DAYS)) if told else None,
    }


def _ledger(settings: Settings) -> dict[str, Any]:
    """How many entries the ledger has, or the first thing wrong with it; that its end was cut off, published runs show."""
    try:
        return {"entries": ledger.verify(settings, published.heads(settings)), "wrong": None}
    except runs.Stopped as reason:
        return {"entries": None, "wrong": str(reason)}


def _health(archive: Archive, name: str, source: Source | None, now: datetime) -> dict[str, Any]:
    snapshots = archive.snapshots(name)
    last = snapshots[-1] if snapshots else None
    unfinished = archive.latest_incomplete(name)
    late = guards.stale_after(source) if source else timedelta(days=sources.EVERY["month"])
    return {
        "source": name,
        "snapshots": len(snapshots),
        "newest": last.id if last else None,
        "finished_at": last.finished_at.isoformat() if last else None,
        "responses": last.response_count if last else None,
        "stale": (now.date() - last.day > late if late else False) if last else None,
        "unfinished_since": unfinished[0] if unfinished else None,
        "unfinished_because": unfinished[1] if unfinished else None,
        "failure": unfinished[2] if unfinished else None,
    }


def status_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """Status for a person."""
    if not said["audits"] and not said["sources"]:
        yield f"nothing under {said['data']} yet; `rollcall demo` shows what a run leaves"
        return
    yield from table_lines(
        ("audit", "published run", "unfinished run", "stages done"),
        [(row["audit"], row["published"] or "none", row["unfinished"] or "", ", ".join(row["stages_done"])) for row in said["audits"]],
    )
    yield from (f"{row['audit']}: {_standing(row)}" for row in said["audits"] if row["published"])
    kept = said["ledger"]
    yield "ledger: " + (kept["wrong"] or f"{kept['entries']:,} entries, none changed or gone")
    yield ""
    yield from table_lines(
        ("source", "snapshots", "newest", "health", "failure", "the newest visit is not whole because"),
        [
            (
                row["source"],
                row["snapshots"],
                row["newest"] or "none",
                "stale" if row["stale"] else "",
                row["failure"] or "",
                row["unfinished_because"] or row["unfinished_since"] or "",
            )
            for row in said["sources"]
        ],
    )


def _standing(row: Mapping[str, Any]) -> str:
    """What became of a published run's findings, and what is due."""
    counted = ", ".join(f"{count:,} {stage}" for stage, count in row["findings"].items()) or "none"
    if row["is_filed"]:
        return f"filed; findings in tiers A and B: {counted}"
    due = f"answers may come until {row['answers_until']}; " if row["answers_until"] else ""
    return f"findings in tiers A and B: {counted}; {due}`rollcall file` lists what is missing"


def sources_list(settings: Settings) -> list[dict[str, Any]]:
    """Every shipped card; configured, verified and blocked are three different things."""
    archive = Archive(settings.raw)
    return [
        {
            "name": source.name,
            "kind": source.kind,
            "state": source.state,
            "format": source.format,
            "standing": sources.standing_of(source),
            "verified_on": source.options.get("verified_on"),
            "snapshots": len(archive.snapshots(source.name)),
            "title": source.title,
        }
        for source in sources.catalogue()
    ]


def sources_lines(said: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The catalogue for a person."""
    columns = ("name", "kind", "state", "format", "standing", "verified_on", "snapshots", "title")
    rows = [tuple("" if row[each] is None else row[each] for each in columns) for row in said]
    yield from table_lines(tuple(each.removesuffix("_on") for each in columns), rows)


def check(settings: Settings, name: str, live: bool) -> dict[str, Any]:
    """One source: card validated, newest snapshots read and compared, what failed, what to do; `live` asks for the first page."""
    source = sources.load(name, Path.cwd())
    said = diagnosis.diagnose(Archive(settings.raw), source, runs.clock(settings), name) | {"live": None}
    said["examples"] = [{"case": case.name, "to_do": recording.review(source, case)} for case in recording.cases(source)]
    if live:
        said["live"] = found = _first_page(settings, source)
        if found["failure"]:
            verdict = "blocked" if found["failure"] in diagnosis.TURNED_AWAY else "failing"
            todo = diagnosis.NEXT[found["failure"]].format(name=name)
            said |= {"verdict": verdict, "failure": found["failure"], "since": runs.clock(settings).date(), "next": todo}
        elif said["verdict"] == "never visited":
            said |= {"verdict": "well", "next": "compare a record with the page in a browser, and set `verified_on:`"}
    return said


def _first_page(settings: Settings, source: Source) -> dict[str, Any]:
    """Ask for the first page, as a visit would, and read it; nothing of it is kept. A source of files is asked nothing."""
    found: dict[str, Any] = {"failure": None, "records": None, "problems": [], "filled": {}}
    if not is_online(source):
        return found | {"said": "files, read where they lie; nothing is asked"}
    form = sources.format_of(source)
    with tempfile.TemporaryDirectory() as folder, Client(contact=stages.contact(settings, [source]), secrets=settings.secrets) as client:
        archive = Archive(Path(folder), hosts=Archive(settings.raw).hosts)
        try:
            with archive.open(source, runs.clock(settings)) as capture:
                page = client.fetch(form.requests(source)[0], source, capture)
                snapshot = capture.finish(capture.started_at.date())
        except SourceUnreadable as reason:
            return found | {"said": str(reason), "failure": reason.failure}
        found["said"] = f"{page.url}: {page.byte_count:,} bytes"
        with diagnosis.looked_at(archive, source, [snapshot]) as (con, unread):
            if unread:
                return found | {"said": unread[snapshot.id], "failure": "changed_shape"}
            (visit,) = guards.counts(con)
            found |= {"records": visit["records"], "problems": diagnosis.problems(con, snapshot.id)}
            return found | {"filled": diagnosis.changes(con, source, snapshot.id, None)["filled"]}


def check_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """One source's health for a person; at most a page."""
    yield from page(_check_lines(said))


def _check_lines(said: Mapping[str, Any]) -> Iterator[str]:
    began = f" since {said['since']}" if said["since"] else ""
    failure = f" ({said['failure'].replace('_', ' ')})" if said["failure"] else ""
    yield f"{said['source']}: {said['verdict']}{failure}{began}"
    yield f"  next: {said['next']}"
    yield f"  {said['title']} (format {said['format']}, card valid, {said['standing']}, {said['snapshots']} whole snapshots)"
    if said["blocked"]:
        yield f"  blocked, as its card says: {printable(said['blocked'])}"
    for sentence in said["failed"]:
        yield f"  {printable(sentence)}"
    if "unfinished_since" in said:
        yield f"  newest visit, {said['unfinished_since']:%Y-%m-%d %H:%M} UTC, not whole, {said['kept']} pages kept:"
        yield f"    {printable(said['unfinished_because'])}"
    for row in said["counts"][-4:]:
        yield f"  {row['snapshot_id']}: {row['responses']:,} responses, {row['records']:,} records, {row['problems']:,} problems"
    if said["written"]:
        yield f"  written as {printable(said['written'])}"
    if said["proof"]:
        yield f"  why this is all: {printable(said['proof'])}"
    if said["changes"]:
        yield from _change_lines(said["changes"])
    yield from _problem_lines(said["problems"])
    if said["examples"]:
        yield f"  example pages: {len(said['examples'])}, of which {sum(not each['to_do'] for each in said['examples'])} read as reviewed"
    yield from (f"    {each['to_do']}" for each in said["examples"] if each["to_do"])
    if said["live"]:
        yield f"  live: {printable(said['live']['said'])}"
        if said["live"]["records"] is not None:
            yield f"    {said['live']['records']:,} records; filled: {_shares(said['live']['filled'])}"
        yield from _problem_lines(said["live"]["problems"])


def _change_lines(changes: Mapping[str, Any]) -> Iterator[str]:
    yield f"  filled: {_shares(changes['filled'], changes.get('was_filled', {}))}"
    if changes["against"] is None:
        yield f"  nothing to compare with yet; the middle page has {changes['page_bytes']:,} bytes"
        return
    yield f"  against {changes['against']}: {changes['appeared']:,} appeared, {changes['vanished']:,} vanished"
    yield f"  the middle page has {changes['page_bytes']:,} bytes, it had {changes['page_bytes_before']:,}"
    for key, words in (("new_fields", "now filled, not before"), ("lost_fields", "filled before, not now")):
        if changes[key]:
            yield f"  {words}: {', '.join(changes[key])}"


def _shares(filled: Mapping[str, float], was: Mapping[str, float] | None = None) -> str:
    moved = {name: f" (was {share:.0%})" for name, share in (was or {}).items()}
    return ", ".join(f"{name} {share:.0%}{moved.get(name, '')}" for name, share in filled.items()) or "nothing"


def _problem_lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in found:
        yield f"  {row['count']:,} × {printable(row['reason'])}"
        yield f"      e.g. {row['locator']} of {printable(row['url'] or '')}"
