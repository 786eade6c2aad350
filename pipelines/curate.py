"""Evidence in, curated.* out: every complete snapshot is read, split, given meaning and held against its expectations."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from matching import clean
from matching.professions import profession_rows
from pipelines import checklist, geography, models, warehouse
from pipelines.guards import leave_out, stale_after
from pipelines.models import ROOT
from pipelines.runs import Run, again, code_version
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.records import Evidence, Problem, Refused, Snapshot, Source, SourceUnreadable, Table
from scrapers.sources import Audit

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class State:
    """What the state's card says: its clock, the rules that hold there, who regulates, where to complain and what may be asked."""

    code: str
    name: str
    zone: ZoneInfo
    rules: tuple[Mapping[str, Any], ...]
    regulator: str | None  # the insurance regulator's name
    regulators: Mapping[str, str]
    doors: tuple[Mapping[str, Any], ...]
    remedies: tuple[Mapping[str, Any], ...]


@cache
def state_of(code: str) -> State:
    """A state's card: federal entries always, its own only where its card is shipped."""
    folder = ROOT / "states"
    known = yaml.safe_load((folder / "names.yml").read_text(encoding="utf-8")).get(code, {"name": code, "time_zone": "UTC"})
    federal = yaml.safe_load((folder / "us.yml").read_text(encoding="utf-8"))
    path = folder / f"{code.lower()}.yml"
    own = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() and code.lower() != "us" else {}
    rules = [{**rule, "state": "US"} for rule in federal["rules"]] + [{**rule, "state": code} for rule in own.get("rules", [])]
    return State(
        code=code,
        name=known["name"],
        zone=ZoneInfo(known["time_zone"]),
        rules=tuple(rules),
        regulator=(own.get("regulator") or {}).get("name"),
        regulators={**own.get("regulators", {}), **federal["regulators"]},
        doors=(*own.get("doors", ()), *federal["doors"]),
        remedies=(*federal["remedies"], *own.get("remedies", ())),
    )


class Unread(Exception):
    """A snapshot whose bytes are what they were, but cannot be read under its source's card."""

    def __init__(self, said: Refused) -> None:
        super().__init__(str(said))
        self.said = said


def load(con: warehouse.Connection, archive: Archive, audit: Audit, run: Run, say: Say) -> None:
    """Fill parsed.* from every complete snapshot of every source."""
    warehouse.lay_out(con)
    state = state_of(audit.state)
    newest: dict[str, str] = {}
    for source in audit.sources:
        archive.must_be_of(source)
        warehouse.load_all(con, card_rows(source, "roll" if source is audit.roll else source.kind))
        snapshots = archive.snapshots(source.name)
        if not snapshots:
            raise SourceUnreadable(f"{source.name}: no complete snapshot is kept; run `rollcall collect {audit.name}` first")
        newest[source.name] = run.snapshots.get(source.name, snapshots[-1].id)
        for snapshot in snapshots:
            try:
                load_snapshot(con, archive, source, snapshot, state.zone)
            except Unread as error:
                if snapshot is snapshots[-1]:
                    again(run, [source.name])
                    raise error.said from error
                leave_out(con, snapshot.id)
                say(f"{source.name}: {snapshot.id} cannot be read as its card stands now, and is left out: {error.said}")
        kept = warehouse.count(con, "parsed.record where source_id = $name", name=source.name)
        say(f"{source.name}: {len(snapshots)} snapshot{'s' * (len(snapshots) != 1)}, {kept:,} records")
    warehouse.load_all(
        con,
        {
            "rule": [_rule_row(rule) for rule in state.rules],
            "profession": profession_rows(),
            "checklist": checklist.rows(con, archive, audit.insurers),
            "run": [
                {
                    "run_id": run.id,
                    "audit": audit.name,
                    "title": audit.title,
                    "state": audit.state,
                    "profession": audit.profession,
                    "grace_days": audit.grace_days,
                    "started_at": warehouse.utc(run.started_at),
                    "code_version": code_version(),
                    "snapshot_ids": list(newest.values()),
                }
            ],
        },
    )
    warehouse.load_all(con, geography.rows(audit.facts))
    split_names(con)
    split_addresses(con)


def card_rows(source: Source, role: str) -> dict[str, list[dict[str, Any]]]:
    return {
        "source": [
            {
                "source_id": source.name,
                "title": source.title,
                "kind": source.kind,
                "surface": source.surface,
                "insurer_name": source.insurer.get("legal_name"),
                "naic": source.insurer.get("naic"),
                "waoic": source.insurer.get("waoic"),
                "state": source.state,
                "format": source.format,
                "role": role,
                "name_order": source.options.get("name_order", "first_last"),
                "completeness": source.options.get("completeness"),
                "stale_after_days": late.days if (late := stale_after(source)) else None,
                "card_sha256": source.card_sha256,
            }
        ],
        "network": [{"source_id": source.name, "network": name, **facts} for name, facts in source.networks.items()],
        "status_word": [
            {
                "source_id": source.name,
                "status_raw": str(raw),
                **{name: meaning.get(name) for name in ("status", "may_practice", "citation")},
            }
            for raw, meaning in source.words.get("status", {}).items()
        ],
    }


def _rule_row(rule: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: rule.get(name) for name in ("citation", "says", "source", "text_dated", "verified_on", "applies_to", "state")}
    return {
        "rule_id": rule["id"],
        **{name: value if isinstance(value, date) or value is None else str(value) for name, value in row.items()},
    }


def load_snapshot(con: warehouse.Connection, archive: Archive, source: Source, snapshot: Snapshot, zone: ZoneInfo) -> None:
    """Fill parsed.* from one snapshot. Unread when its bytes are whole but are not what the card describes."""
    pages = archive.evidence(snapshot)
    shown_on = {page.id: _day(page, snapshot, zone) for page in pages}
    warehouse.insert(
        con,
        "snapshot",
        [
            {
                "snapshot_id": snapshot.id,
                "source_id": source.name,
                "observed_on": max(shown_on.values(), default=snapshot.day),
                "started_at": warehouse.utc(snapshot.started_at),
                "finished_at": warehouse.utc(snapshot.finished_at),
                "response_count": snapshot.response_count,
                "sha256": snapshot.sha256,
            }
        ],
    )
    warehouse.insert(
        con,
        "evidence",
        [
            {
                "evidence_id": page.id,
                "snapshot_id": snapshot.id,
                "url": page.url,
                "fetched_at": warehouse.utc(page.fetched_at),
                "http_status": page.http_status,
                "sha256": page.sha256,
                "byte_count": page.byte_count,
            }
            for page in pages
        ],
    )
    form = sources.format_of(source)
    if hasattr(form, "snapshot_tables"):
        for page in pages:
            _verify(archive, page)
        try:
            _insert_snapshot(con, form, source, snapshot, pages, shown_on)
        except Refused as reason:
            raise Unread(_named(source, reason)) from reason
        return
    once = form.once(source) if hasattr(form, "once") else None  # of pages that overlap, what passes on each record once
    for page in pages:
        is_parsed = hasattr(form, "parse")
        body = archive.read(page) if is_parsed else b""
        with nullcontext() if is_parsed else _verified(archive, page):
            try:
                if is_parsed:
                    records = form.parse(replace(page, body=body), source)
                    _insert_parsed(con, once(page, records) if once else records, source, snapshot, shown_on[page.id])
                elif hasattr(form, "tables"):
                    with warehouse.within(con, form.MEMORY) if hasattr(form, "MEMORY") else nullcontext():
                        _insert_tables(con, form, source, snapshot, page, shown_on[page.id])
                elif select := form.select(source, archive.head(page)):
                    _insert_selected(con, Table(path=page.path, select=select), source, snapshot, page, shown_on[page.id])
            except Refused as reason:
                raise Unread(_named(source, reason)) from reason
    if source.surface == "saved_page" and hasattr(form, "lacking"):  # of a visit it is known before it counts
        lacking = form.lacking((replace(page, body=archive.read(page)) for page in pages), source)
        _insert_parsed(con, lacking, source, snapshot, snapshot.day)


def _named(source: Source, said: Refused) -> Refused:
    """The refusal, beginning with its source: what unpacks a body knows the evidence alone."""
    if str(said).startswith(f"{source.name}:"):
        return said
    told = f"{source.name}: {said}"
    return SourceUnreadable(told, said.failure) if isinstance(said, SourceUnreadable) else Refused(told)


def _verify(archive: Archive, page: Evidence) -> None:
    """Before DuckDB reads a file itself, which would not notice."""
    if not archive.verify(page):
        raise Refused(f"evidence {page.id} ({page.url}) no longer has the SHA-256 it was kept under; restore {page.path} from a backup")


@contextmanager
def _verified(archive: Archive, page: Evidence) -> Iterator[None]:
    """Verify a body on another processor while the block reads it; of a damaged one that is said, whatever the block says."""
    with ThreadPoolExecutor(1) as beside:
        verdict = beside.submit(_verify, archive, page)
        try:
            yield
        finally:
            verdict.result()


def _day(page: Evidence, snapshot: Snapshot, zone: ZoneInfo) -> date:
    return snapshot.day if page.url.startswith("file:") else page.fetched_at.astimezone(zone).date()


def _insert_parsed(con: warehouse.Connection, records: Iterable[Any], source: Source, snapshot: Snapshot, shown_on: date) -> None:
    origin = {"source_id": source.name, "snapshot_id": snapshot.id, "observed_on": shown_on}
    tables: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        tables.setdefault(type(record).__name__.lower(), []).append({**origin, **asdict(record)})
    warehouse.load_all(con, tables)


def _insert_tables(con: warehouse.Connection, form: Any, source: Source, snapshot: Snapshot, page: Evidence, shown_on: date) -> None:
    """Have one body laid out as flat files, a file at a time: each is read by its SELECT and thrown away."""
    with tempfile.TemporaryDirectory(prefix=".flat-", dir=warehouse.folder_of(con)) as folder:
        problems: list[Problem] = []
        for each in form.tables(page, source, Path(folder)):
            if isinstance(each, Problem):
                problems.append(each)
                continue
            _insert_selected(con, each, source, snapshot, page, shown_on)
            if each.path.parent == Path(folder):
                each.path.unlink()
        _insert_parsed(con, problems, source, snapshot, shown_on)


def _insert_snapshot(
    con: warehouse.Connection, form: Any, source: Source, snapshot: Snapshot, pages: list[Evidence], shown_on: Mapping[str, date]
) -> None:
    """Have all pages of a visit laid out together, where what one says is needed to read another."""
    with tempfile.TemporaryDirectory(prefix=".flat-", dir=warehouse.folder_of(con)) as folder:
        problems: list[Problem] = []
        for each in form.snapshot_tables(pages, source, Path(folder)):
            if isinstance(each, Problem):
                problems.append(each)
                continue
            warehouse.insert_joined(con, source.kind, each, source.name, snapshot.id, shown_on)
            each.path.unlink()
        _insert_parsed(con, problems, source, snapshot, snapshot.day)


def _insert_selected(con: warehouse.Connection, table: Table, source: Source, snapshot: Snapshot, page: Evidence, shown_on: date) -> None:
    try:
        warehouse.insert_read(con, source.kind, table, page.id, source.name, snapshot.id, shown_on)
    except warehouse.Misfit as error:
        raise SourceUnreadable(
            f"{source.name}: {page.url} cannot be read as {source.format}: {str(error).splitlines()[0]}; "
            f"snapshot {snapshot.id} is kept; mend the card, or collect again"
        ) from error


def split_names(con: warehouse.Connection) -> None:
    said = con.execute(
        """
        select distinct record.name, source.name_order
        from (
          select source_id, unnest([name, organization]) as name from parsed.listing where first is null and last is null
          union
          select source_id, name from parsed.credential where name is not null and first is null and last is null
          union
          select source_id, name from parsed.exclusion where name is not null and first is null and last is null
        ) as record
        join parsed.source on source.source_id = record.source_id
        where record.name is not null
        """
    ).fetchall()
    rows = []
    for raw, order in said:
        name = clean.read_name(raw, order)
        rows.append(
            {
                "raw": raw,
                "name_order": order,
                "prefix": name.prefix or None,
                "given": name.given or None,
                "middle": name.middle or None,
                "family": name.family or None,
                "suffix": name.suffix or None,
                "credentials": name.credentials or None,
                "organization": name.organization or None,
            }
        )
    warehouse.insert(con, "name_part", rows)


def split_addresses(con: warehouse.Connection) -> None:
    said = con.execute("select distinct address, address_2 from parsed.listing where address is not null").fetchall()
    rows = []
    for address, address_2 in said:
        street, unit = clean.read_address(address, address_2)
        rows.append({"address": address, "address_2": address_2, "street": street or None, "unit": unit or None})
    warehouse.insert(con, "address_part", rows)


def lay_out_ledger(con: warehouse.Connection) -> list[models.Model]:
    """Create ledger.*, the read-only copies of what people did; empty."""
    ledger = models.load("pipelines/sql/ledger", "ledger")
    for model in ledger:
        typed = ", ".join(f'"{name}" {kind}' for name, kind in model.types.items())
        con.execute(f"create table {model.name} ({typed})")
    return ledger


def named_settings(audit: Audit) -> dict[str, Any]:
    """The `$named` settings that models may use."""
    rule = audit.roll.license_key if audit.roll else {}
    return {
        "license_pattern": rule.get("pattern") or "",
        "license_digits": int(rule.get("digits") or 0),
        "profession": audit.profession,
        "grace_days": audit.grace_days,
        "audit": audit.name,
    }


def curated_models() -> list[models.Model]:
    """The cards and SELECTs of curated.*."""
    return models.load("pipelines/sql", "curated")
