"""`file`: the step that removes DRAFT. It lists all that is missing, or freezes the newest run so that it can be cited for ever."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines import corrections, curate, ledger, models, packet, publication, published, requirements, runs, warehouse
from pipelines.corrections import Notice
from pipelines.requirements import Asked, Missing
from pipelines.settings import Settings
from scrapers.records import Refused
from scrapers.sources import Audit

Say = Callable[[str], None]
SUMS = "SHA256SUMS"  # as sha256sum writes and checks it
KEPT = "filed.json"
STAYS = """What may leave this folder: commissioner.* and the packets, without their sealed/ part unless it is asked for.
What stays here: tables/ and the database. They hold streets and telephone numbers, and what providers said in confidence
(ledger.call, ledger.attestation). Whoever is given them to recompute the report promises to keep them so.
"""
NAMING = ("commissioner", "insurer")  # editions with rows about persons, for others than themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A frozen run: its folder, who signed it, and when."""

    audit: str
    run_id: str
    folder: Path
    signed_by: tuple[str, ...]
    filed_at: str  # UTC
    is_new: bool = False  # False: it had been filed before, and nothing changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unready:
    """A run that is not filed, and everything that it lacks."""

    audit: str
    run_id: str
    missing: tuple[Missing, ...]


def file(settings: Settings, audit: Audit, card: str, say: Say) -> Filed | Unready:
    """Freeze the newest published run, or say everything that it lacks. A run that is filed stays as it is, whatever is entered later."""
    home = settings.curated(audit.name)
    database = publication.current(home)
    if database is None:
        raise Refused(f"{audit.name}: nothing is published that could be filed; run `rollcall run {card}` first")
    run_id = database.stem.removeprefix("audit-")
    ledger.verify(settings, published.heads(settings))
    if (home / "filed" / run_id).exists():
        return filed(home / "filed" / run_id)
    with warehouse.read_only(database) as con:
        (made_by,) = con.execute("select code_version from curated.run").fetchone() or ("",)
    if made_by != runs.code_version():  # whose tables may be others: what else is missing is asked of the next run
        why = f"Rollcall {runs.code_version()}, which is at work now (it was made by {made_by})"
        return Unready(audit=audit.name, run_id=run_id, missing=(requirements.again(card, run_id, why),))
    with _live(settings, audit, card, run_id, database) as (con, asked):
        if lacking := requirements.missing(con, asked):
            return Unready(audit=audit.name, run_id=run_id, missing=tuple(lacking))
        return _freeze(settings, audit, con, asked, say)


def filed(folder: Path) -> Filed:
    """What a filed run says of itself; raises Stopped where a file of it is not as it was filed."""
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        sha256, name = line.split("  ", 1)
        if not (folder / name).is_file() or _sha256(folder / name) != sha256:
            raise runs.Stopped(f"{folder / name} is not as it was filed; restore it from a copy")
    kept = json.loads((folder / KEPT).read_text(encoding="utf-8"))
    signed = tuple(kept["signed_by"])
    return Filed(audit=kept["audit"], run_id=kept["run_id"], folder=folder, signed_by=signed, filed_at=kept["filed_at"])


def lines(done: Filed | Unready) -> Iterator[str]:
    """The answer of `file` for a person."""
    if isinstance(done, Unready):
        yield f"run {done.run_id} of {done.audit} lacks:"
        for place, each in enumerate(done.missing, 1):
            yield f"{place:2}. {each.step}: {each.sentence}"
            yield f"    → {each.to_do}"
        return
    yield f"{'filed' if done.is_new else 'was filed before, and nothing changed:'} run {done.run_id} of {done.audit}, {done.filed_at}"
    yield f"signed by {', '.join(done.signed_by)}"
    for path in sorted(done.folder.glob("commissioner.*")):
        yield f"{'report' if path.suffix in {'.html', '.pdf'} else 'file':9}{path}"
    yield f"packet   {done.folder / 'packet-commissioner'}"
    yield f"database {done.folder / f'audit-{done.run_id}.duckdb'}"
    yield f"tables   {done.folder / 'tables'}, hashes in {done.folder / SUMS}; tables and database stay here: see README.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A packet that was written, and who must first hear of a correction."""

    audit: str
    run_id: str
    folder: Path
    is_draft: bool
    corrections: Path | None  # None: nobody is to be told of a withdrawal
    notices: tuple[Notice, ...]
    unasked: int = 0  # findings about a person that it may name, of which that person was not written to


def hand(settings: Settings, audit: Audit, edition: str, planned: bool, recipients: Path | None, say: Say) -> Handed:
    """Write one packet of the newest published run, as it was filed where it was; and a notice to whoever saw what is now withdrawn."""
    home = settings.curated(audit.name)
    database = publication.current(home)
    if database is None:
        raise Refused(f"{audit.name}: nothing is published that a packet could be made of; run `rollcall run {audit.name}` first")
    run_id = database.stem.removeprefix("audit-")
    folder, is_filed = home / run_id, False
    if (home / "filed" / run_id).exists():
        folder, is_filed = filed(home / "filed" / run_id).folder, True
        database = folder / database.name
    name = f"packet-{'planned' if planned else edition}"
    if is_filed and (folder / name).exists():  # what was filed is never written again
        made = folder / name
    else:
        made = packet.build(
            settings, audit, edition, database, folder / name, is_filed=is_filed, planned=planned, recipients=recipients, say=say
        )
    with warehouse.read_only(database) as con:
        context = publication.context(con, audit, publication.marks(audit, is_filed=is_filed), settings.contact)
        notices = corrections.write(con, context, ledger.names(settings), home / run_id / corrections.FOLDER)
        requirements.lay_out(con)
        unasked = warehouse.count(con, "due where about = 'person' and person_told_at is null and not is_late")
    return Handed(
        audit=audit.name,
        run_id=run_id,
        folder=made,
        is_draft=not is_filed,
        corrections=home / run_id / corrections.FOLDER if notices else None,
        notices=tuple(notices),
        unasked=0 if planned or edition not in NAMING else unasked,
    )


def handed_lines(done: Handed) -> Iterator[str]:
    """The answer of `packet` for a person."""
    yield f"packet   {done.folder}{' (DRAFT)' if done.is_draft else ''}"
    if done.is_draft:
        yield f"notice   a draft of run {done.run_id}, no filing: every page says DRAFT, and `rollcall file` alone takes that away"
    if done.unasked:
        yield (
            f"notice   {done.unasked:,} of its findings name persons who were not written to: "
            f"`rollcall packet {done.audit} --to therapist` and its sent.csv come first"
        )
    for path in sorted(done.folder.rglob("sent.csv")):
        yield f"fill in  {path} when it was sent, then rollcall import it"
    for each in done.notices:
        count = len(each.finding_ids)
        what = f"{count:,} finding{'s are' if count != 1 else ' is'} withdrawn"
        yield f"tell     {each.recipient} ({each.recipient_kind}) that {what}: {each.path}"
    if done.corrections:
        yield f"fill in  {done.corrections / 'sent.csv'} when they were told, then rollcall import it"


@contextmanager
def _live(settings: Settings, audit: Audit, card: str, run_id: str, database: Path) -> Iterator[tuple[warehouse.Connection, Asked]]:
    """A copy of the run, with the ledger as it is now in ledger.* and as the run saw it in seen.*; it goes when the block ends."""
    copy, last = settings.curated(audit.name) / "work" / "file.duckdb", runs.latest(settings, audit.name)
    try:
        with warehouse.alone(copy.parent):
            shutil.copyfile(database, copy)
            with warehouse.opened(copy, settings.memory_limit) as con:
                cards = models.load("pipelines/sql/ledger", "ledger")
                tables = tuple(each.name.removeprefix("ledger.") for each in cards)
                con.execute("create schema seen")
                for table in tables:
                    con.execute(f"create table seen.{table} as select * from ledger.{table}")
                ledger.copy(con, settings)
                yield (
                    con,
                    Asked(
                        audit=audit.name,
                        card=card,
                        run_id=run_id,
                        now=runs.clock(settings),
                        by=audit.by,
                        contact=settings.contact,
                        tables=tables,
                        grain={each.name.removeprefix("ledger."): tuple(each.grain) for each in cards},
                        stale_cards=None if last and last.card_sha256 == runs.digest(audit) else "its cards were changed",
                        interests=_declared(settings, audit, run_id),
                    ),
                )
    finally:
        for left in (copy, copy.with_name(copy.name + ".wal")):
            left.unlink(missing_ok=True)


def _declared(settings: Settings, audit: Audit, run_id: str) -> tuple[str, ...]:
    """Of those who signed this run, by name, who declared an interest in the audit, or that there is none."""
    entries = [entry for entry in ledger.entries(settings) if entry.content.get("audit") == audit.name]
    declared = {entry.content.get("person", entry.person) for entry in entries if entry.kind == "interest"}
    signed = [entry for entry in entries if entry.kind == "sign_off" and entry.content["run_id"] == run_id]
    return tuple(" ".join(entry.content["name"].split()) for entry in signed if entry.person in declared)


def _freeze(settings: Settings, audit: Audit, con: warehouse.Connection, asked: Asked, say: Say) -> Filed:
    """Write everything beside the place where it will stand, then put it there by one rename."""
    home = settings.curated(audit.name)
    part, folder = home / "filed" / f".{asked.run_id}.part", home / "filed" / asked.run_id
    shutil.rmtree(part, ignore_errors=True)
    (part / "tables").mkdir(parents=True)

    signed = requirements.signers(con, asked)
    _settle_stages(con, audit, signed)
    con.execute("drop schema seen cascade")
    found = publication.measures_of(con)  # the numbers that were signed, not counted again
    models.describe(con, models.of(*models.FOLDERS))
    publication.documents(con, audit, part, publication.marks(audit, is_filed=True), found, (), settings.contact, say)
    rows = _parquet(con, part / "tables")
    con.execute("checkpoint")
    database = part / f"audit-{asked.run_id}.duckdb"
    shutil.copyfile(home / "work" / "file.duckdb", database)
    packet.build(settings, audit, "commissioner", database, part / "packet-commissioner", is_filed=True, say=say)
    kept = {
        "audit": audit.name,
        "run_id": asked.run_id,
        "filed_at": asked.now.isoformat(),
        "signed_by": list(signed),
        "code_version": runs.code_version(),
        "rows": rows,
    }
    (part / "README.txt").write_text(STAYS, encoding="utf-8")
    (part / KEPT).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    (part / SUMS).write_text(_sums(part), encoding="utf-8")
    for path in part.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    part.rename(folder)
    return replace(filed(folder), is_new=True)


def _settle_stages(con: warehouse.Connection, audit: Audit, signed: tuple[str, ...]) -> None:
    """Make final what everybody concerned was told and nobody withdrew; what came too late for that stays counted, and is shown in no row.

    `rechecked_at` is the older of the newest captures of the directory and, where the finding rests on a license, of the roll.
    """
    con.execute(
        """
        update matching.finding set stage = 'final', signed_by = $signed, rechecked_at = (
          select min(snapshot.finished_at)
          from curated.snapshot
          join curated.source on source.source_id = snapshot.source_id
          where snapshot.is_latest
            and (source.source_id = due.source_id or source.kind = 'license_roll' and finding.credential_id is not null)
        )
        from due
        where due.finding_id = finding.finding_id and not due.is_late and due.stage in ('notified', 'answered')
        """,
        {"signed": ", ".join(signed)},
    )
    steps = [each for each in models.load("reports/sql", "reports") if each.name in ("reports.flagged", "reports.flow")]
    models.build(con, steps, curate.named_settings(audit))  # which now reach the last step
    con.execute("update matching.finding set may_share = false where finding_id in (select finding_id from due where is_late)")


def _parquet(con: warehouse.Connection, folder: Path) -> dict[str, int]:
    """Write every table, its rows in one order on any machine; returns how many rows each has."""
    rows = {}
    for schema, table in con.execute(
        "select table_schema, table_name from information_schema.tables where list_contains($schemas, table_schema) order by all",
        {"schemas": list(models.FOLDERS)},
    ).fetchall():
        target = warehouse.literal(str(folder / f"{schema}.{table}.parquet"))
        con.execute(f'copy (select * from {schema}."{table}" order by all) to {target} (format parquet)')
        rows[f"{schema}.{table}"] = warehouse.count(con, f'{schema}."{table}"')
    return rows


def _sums(folder: Path) -> str:
    """A line for every file, as sha256sum writes it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
