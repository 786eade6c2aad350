"""What `plan`, `status` and `sources` answer: what would be asked of whom, and how sources and runs fare."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import audits, curate, publication, runs, stages
from pipelines.lines import printable
from pipelines.queries import table_lines
from pipelines.settings import Settings
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.records import Problem, Source, SourceUnreadable
from scrapers.visit import is_online
from scrapers.visit import plan as visit_plan

STALE = {"day": 2, "week": 10, "month": 45, "quarter": 120}  # days after which a source visited `every` so often is late


def plan(settings: Settings, card: str) -> dict[str, Any]:
    """What a run of this audit would ask of whom; asks nothing."""
    audit = audits.read(Path(card))
    archive = Archive(settings.raw)
    asked: list[dict[str, Any]] = []
    for source in audit.sources:
        said = visit_plan(source, archive)
        asked.append(
            {
                "source": source.name,
                "title": source.title,
                "requests": said.requests,
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
            f"{'at most ' if row['is_estimate'] else ''}{row['requests']}",
            ", ".join(row["hosts"]) or "files",
            "; ".join(row["robots"].values()),
            f"{row['pause_seconds']:g} s",
            f"{row['minutes']:g}",
        )
        for row in said["sources"]
    ]
    yield from table_lines(("source", "requests", "hosts", "robots", "pause", "minutes"), rows)


def status(settings: Settings) -> dict[str, Any]:
    """Runs published and unfinished, and each kept source's newest visit."""
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
            }
        )
    archive = Archive(settings.raw)
    kept = [_health(archive, folder.name, None, now) for folder in sorted(path for path in settings.raw.glob("*") if path.is_dir())]
    return {"data": str(settings.data), "audits": told, "sources": kept}


def _health(archive: Archive, name: str, source: Source | None, now: datetime) -> dict[str, Any]:
    snapshots = archive.snapshots(name)
    last = snapshots[-1] if snapshots else None
    unfinished = archive.latest_incomplete(name)
    every = str(source.visit.get("every", "month")) if source else "month"
    late = timedelta(days=STALE.get(every, 45))
    return {
        "source": name,
        "snapshots": len(snapshots),
        "newest": last.id if last else None,
        "finished_at": last.finished_at.isoformat() if last else None,
        "responses": last.response_count if last else None,
        "stale": now - last.finished_at.astimezone(UTC) > late if last else None,
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
    yield ""
    yield from table_lines(
        ("source", "snapshots", "newest", "health", "unfinished"),
        [
            (
                row["source"],
                row["snapshots"],
                row["newest"] or "none",
                {True: "stale", False: "", None: ""}[row["stale"]],
                row["unfinished_because"] or row["unfinished_since"] or "",
            )
            for row in said["sources"]
        ],
    )


def sources_list(settings: Settings) -> list[dict[str, Any]]:
    """Every shipped card; configured, verified and blocked are three different things."""
    archive = Archive(settings.raw)
    return [
        {
            "name": source.name,
            "kind": source.kind,
            "state": source.state,
            "format": source.format,
            "title": source.title,
            "verified_on": source.options.get("verified_on"),
            "snapshots": len(archive.snapshots(source.name)),
        }
        for source in sources.catalogue()
    ]


def sources_lines(said: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The catalogue for a person."""
    rows = [(row["name"], row["kind"], row["format"], row["verified_on"] or "never called", row["snapshots"], row["title"]) for row in said]
    yield from table_lines(("name", "kind", "format", "verified", "snapshots", "title"), rows)


def check(settings: Settings, name: str, live: bool) -> dict[str, Any]:
    """One source: its card validated, its two newest snapshots read and counted, what could not be read; `live` asks for the first page."""
    source = sources.load(name, Path.cwd())
    archive = Archive(settings.raw)
    said = _health(archive, source.name, source, runs.clock(settings))
    said |= {"title": source.title, "format": source.format, "card": "valid", "live": None}
    said["counts"], said["problems"] = curate.count(archive, source, archive.snapshots(source.name)[-2:])
    if live:
        said["live"] = _first_page(settings, source)
    if said["live"] and not said["live"]["ok"]:
        said["verdict"] = "failing"
    elif not said["newest"] and not live:
        said["verdict"] = "never visited"
    else:
        said["verdict"] = "stale" if said["stale"] else "well"
    return said


def _first_page(settings: Settings, source: Source) -> dict[str, Any]:
    """Ask for the first page, as a visit would, and read it; nothing of it is kept. A source of files is asked nothing."""
    if not is_online(source):
        return {"ok": True, "said": "files, read where they lie; nothing is asked", "records": None, "problems": []}
    form = sources.format_of(source)
    with tempfile.TemporaryDirectory() as folder, Client(contact=stages.contact(settings, [source]), secrets=settings.secrets) as client:
        archive = Archive(Path(folder))
        try:
            with archive.open(source, runs.clock(settings)) as capture:
                page = client.fetch(form.requests(source)[0], source, capture)
                body = archive.read(page)
        except SourceUnreadable as reason:
            return {"ok": False, "said": str(reason), "records": None, "problems": []}
    records = list(form.parse(replace(page, body=body), source)) if hasattr(form, "parse") else []
    return {
        "ok": True,
        "said": f"{page.url}: {page.byte_count:,} bytes",
        "records": sum(not isinstance(record, Problem) for record in records) if hasattr(form, "parse") else None,
        "problems": sorted({record.reason for record in records if isinstance(record, Problem)})[:10],
    }


def check_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """One source's health for a person; at most a page."""
    yield f"{said['source']}: {said['verdict']} ({said['title']}; format {said['format']}, card {said['card']})"
    for row in said["counts"]:
        yield f"  {row['snapshot']}: {row['responses']:,} responses, {row['records']:,} records, {row['problems']:,} problems"
    for row in said["problems"]:
        yield f"  {row['count']:,} × {printable(row['reason'])}"
    if said["unfinished_since"]:
        yield f"  unfinished visit of {said['unfinished_since']}: {said['unfinished_because'] or 'interrupted'}"
    if said["live"]:
        yield f"  live: {said['live']['said']}"
        if said["live"]["records"] is not None:
            yield f"  first page: {said['live']['records']} records"
        for problem in said["live"]["problems"]:
            yield f"  problem: {printable(problem)}"
