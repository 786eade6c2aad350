"""What `query` and `why` answer from a published database: plain data, and the same in lines for a person."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import publication, warehouse
from pipelines.lines import printable
from pipelines.settings import Settings
from reports.render.sheet import disarmed
from scrapers.evidence import Archive
from scrapers.records import Evidence, Refused


def database(settings: Settings, audit: str | None, run_id: str | None) -> Path:
    """The published database meant, or with `run_id` that of an earlier run, as it was filed where it was filed.

    Refused when there is none, or several and none is named.
    """
    homes = sorted(path.parent for path in (settings.data / "curated").glob("*/current"))
    # what was replayed as of an earlier day is asked for by its name alone
    homes = [home for home in homes if (home.name == audit if audit else "@" not in home.name)]
    if not homes:
        hint = "; the demo's is under data/demo: add --data data/demo" if (settings.data / "demo" / "curated").exists() else ""
        raise Refused(f"nothing is published under {settings.data}{f' for {audit}' if audit else ''}; run an audit first{hint}")
    if len(homes) > 1:
        raise Refused(f"several audits are published ({', '.join(home.name for home in homes)}); say which with --audit")
    if run_id:
        kept = {path.stem.removeprefix("audit-"): path for place in (".", "filed/*") for path in homes[0].glob(f"{place}/audit-*.duckdb")}
        if run_id not in kept:
            raise Refused(f"no run {run_id!r} of {homes[0].name} is published; published: {', '.join(sorted(kept))}")
        return kept[run_id]
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


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """RFC 4180 text, disarmed."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([disarmed(cell) for cell in row] for row in rows)
    return out.getvalue()


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """A plain table."""
    cells = [[printable(cell)[:60] for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in cells)]) for place, name in enumerate(columns)]
    yield "  ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True)).rstrip()
    yield "  ".join("-" * width for width in widths)
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield f"({len(rows):,} row{'s' * (len(rows) != 1)})"


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


def _pages(archive: Archive, row: Mapping[str, Any]) -> Iterator[Evidence]:
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
            yield f"  {each['respect']:<14} {each['weight']:+6.1f}  {printable(each['reason'])}"
    for rule in said["rules"]:
        mark = f"text verified {rule['verified_on']}" if rule["verified_on"] else "text NOT verified"
        yield f"rule {rule['citation']} ({mark}): {rule['says']}"
    for row in said["evidence"]:
        yield f"evidence {row['url']}"
        yield f"  fetched {row['fetched_at']} UTC, status {row['http_status']}, {row['byte_count']:,} bytes"
        yield f"  SHA-256 {row['sha256']}: {_verdict(row)}"


def _verdict(row: Mapping[str, Any]) -> str:
    if row["kept_at"] is None:
        return "IT IS NOT UNDER data/raw HERE"
    return f"the kept bytes match, {row['kept_at']}" if row["verified"] else f"THE KEPT BYTES DO NOT MATCH, {row['kept_at']}"
