"""What `plan`, `status`, `why`, `query` and `sources` answer: plain data, and the same in lines for a person."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import curate, publication, runs, stages, warehouse
from pipelines.settings import Settings
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.records import Problem, Refused, Source, SourceUnreadable
from scrapers.visit import plan as visit_plan

STALE = {"day": 2, "week": 10, "month": 45, "quarter": 120}  # days after which a source visited `every` so often is late


def database(settings: Settings, audit: str | None, run_id: str | None) -> Path:
    """The published database meant; Refused when there is none, or several and none is named."""
    homes = sorted(path.parent for path in (settings.data / "curated").glob("*/current"))
    if audit:
        homes = [home for home in homes if home.name == audit]
    if not homes:
        hint = "; the demo's is under data/demo: add --data data/demo" if (settings.data / "demo" / "curated").exists() else ""
        raise Refused(f"nothing is published under {settings.data}{f' for {audit}' if audit else ''}; run an audit first{hint}")
    if len(homes) > 1:
        raise Refused(f"several audits are published ({', '.join(home.name for home in homes)}); say which with --audit")
    if run_id:
        wanted = homes[0] / f"audit-{run_id}.duckdb"
        if not wanted.exists():
            known = ", ".join(sorted(path.stem.removeprefix("audit-") for path in homes[0].glob("audit-*.duckdb")))
            raise Refused(f"no run {run_id!r} of {homes[0].name} is published; published: {known}")
        return wanted
    found = publication.current(homes[0])
    if found is None or not found.exists():
        raise Refused(f"{homes[0] / 'current'} names a database that is not there; publish the audit again")
    return found


def query(settings: Settings, sql: str, audit: str | None, run_id: str | None, seconds: float) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of one read-only question."""
    return warehouse.ask(database(settings, audit, run_id), sql, {}, seconds)


def rows_of(path: Path, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """Rows of a published database as dictionaries."""
    columns, rows = warehouse.ask(path, sql, parameters)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def disarmed(cell: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """RFC 4180 text, disarmed."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([disarmed(cell) for cell in row] for row in rows)
    return out.getvalue()


def printable(cell: Any) -> str:
    """One line of text that cannot move a terminal's cursor."""
    said = "" if cell is None else str(cell)
    return "".join(letter if letter.isprintable() else "�" for letter in said)


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """A plain table."""
    cells = [[printable(cell)[:60] for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in cells)]) for place, name in enumerate(columns)]
    yield "  ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True)).rstrip()
    yield "  ".join("-" * width for width in widths)
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield f"({len(rows):,} row{'s' * (len(rows) != 1)})"


def plan(settings: Settings, card: str) -> dict[str, Any]:
    """What a run of this audit would ask of whom; asks nothing."""
    audit = sources.load_audit(Path(card))
    archive = Archive(settings.raw)
    asked = []
    for source in [*([audit.roll] if audit.roll else []), *audit.insurers]:
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
    audits = []
    for home in sorted(path for path in (settings.data / "curated").glob("*") if path.is_dir()):
        run = runs.latest(settings, home.name)
        path = publication.current(home)
        audits.append(
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
    return {"data": str(settings.data), "audits": audits, "sources": kept}


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


def why(settings: Settings, finding: str, audit: str | None, run_id: str | None) -> dict[str, Any]:
    """One finding with its check, match, comparisons, listing and evidence; every piece of evidence is hashed anew."""
    if not finding.isalnum():
        raise Refused(f"{finding!r} is not a finding id; ids are 16 letters and digits, as in the annex of a report")
    path = database(settings, audit, run_id)
    found = rows_of(path, "select * from matching.finding where starts_with(finding_id, $start) limit 2", start=finding.lower())
    if len(found) != 1:
        raise Refused(f"{'no' if not found else 'more than one'} finding {finding!r} in {path.name}; `rollcall query` lists them")
    said = found[0]
    listing = rows_of(path, "select * from curated.listing where listing_id = $id", id=said["listing_id"])
    matches = rows_of(
        path,
        "select match.*, credential.license_raw, credential.credential_type, credential.status, credential.expires_on, "
        "credential.evidence_id as roll_evidence_id, credential.locator as roll_locator "
        "from matching.match left join curated.credential on credential_id = right_id "
        "where left_id = $id order by weight desc",
        id=said["listing_id"],
    )
    for match in matches:
        match["explanation"] = json.loads(match["explanation"]) if match["explanation"] else []
    evidence = rows_of(
        path,
        "select evidence.*, snapshot.source_id from curated.evidence join curated.snapshot using (snapshot_id) where evidence_id in "
        "(select unnest(evidence_ids) from matching.finding where finding_id = $id) order by fetched_at",
        id=said["finding_id"],
    )
    archive = Archive(settings.raw)
    kept = {page.id: page for row in evidence for page in _pages(archive, row)}
    for row in evidence:
        row["verified"] = row["evidence_id"] in kept and archive.verify(kept[row["evidence_id"]])
        row["kept_at"] = str(kept[row["evidence_id"]].path) if row["evidence_id"] in kept else None
    rules = rows_of(
        path,
        "select * from curated.rule where list_contains((select rule_ids from matching.finding where finding_id = $id), rule_id)",
        id=said["finding_id"],
    )
    return {
        "finding": said,
        "listing": listing[0] if listing else None,
        "matches": matches,
        "rules": rules,
        "evidence": evidence,
        "verified": bool(evidence) and all(row["verified"] for row in evidence),
    }


def _pages(archive: Archive, row: Mapping[str, Any]) -> Iterator[Any]:
    for snapshot in archive.snapshots(row["source_id"]):
        if snapshot.id == row["snapshot_id"]:
            yield from archive.evidence(snapshot)


def why_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """The walk back for a person."""
    finding = said["finding"]
    yield f"{finding['check_name']}, tier {finding['tier']}, {finding['state']}, {finding['stage']}"
    yield f"  {printable(finding['sentence'])}"
    yield f"  first seen {finding['first_seen_on']}, last seen {finding['last_seen_on']}"
    listing = said["listing"]
    if listing:
        yield f"listing {listing['listing_id']} of {listing['source_id']}, {printable(listing['network'])}, shown {listing['observed_on']}"
        place = ", ".join(printable(listing[part]) for part in ("address", "city", "zip5") if listing[part])
        yield f"  {printable(listing['name_raw'])}; {place}"
        yield f"  read from {listing['locator']}"
    for match in said["matches"]:
        held = f"{printable(match['credential_type'])}, {match['status']}, expires {match['expires_on'] or 'not said'}"
        yield f"match: {match['judgement']} as {printable(match['license_raw'])} ({held})"
        yield f"  probability {match['probability']:.3f}, judged by {match['judged_by']}; read from {match['roll_locator']}"
        if match["judgement"] == "unsure":
            continue  # supports nothing; the finding does not rest on it
        for each in match["explanation"]:
            yield f"  {each['respect']:<12} {each['weight']:+6.1f}  {printable(each['reason'])}"
    for rule in said["rules"]:
        mark = f"text verified {rule['verified_on']}" if rule["verified_on"] else "text NOT verified"
        yield f"rule {rule['citation']} ({mark}): {rule['says']}"
    for row in said["evidence"]:
        yield f"evidence {row['url']}"
        yield f"  fetched {row['fetched_at']} UTC, status {row['http_status']}, {row['byte_count']:,} bytes"
        yield f"  SHA-256 {row['sha256']}: {'the kept bytes match' if row['verified'] else 'THE KEPT BYTES DO NOT MATCH'}"
        yield f"  kept at {row['kept_at']}"


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
    """Ask for the first page, as a visit would, and read it; nothing of it is kept."""
    form = sources.format_of(source)
    client = Client(contact=stages.contact(settings, [source]))
    with tempfile.TemporaryDirectory() as folder:
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
