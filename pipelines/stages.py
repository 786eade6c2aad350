"""The four stages of a run, each a plain function: collect → curate → match → publish.

A stage reads what the one before it finished and appears whole or not at all, so a run that was killed goes on
from the last finished stage. Flows wear these functions; nothing here knows of Prefect.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matching
from pipelines import corrections, expectations, gate_page, guards, ledger, models, packet, publication, runs, warehouse
from pipelines import curate as rooms
from pipelines.lines import few
from pipelines.runs import Run, Stopped
from pipelines.settings import Settings
from reports.records import Measured
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.hosts import hosts, is_loopback
from scrapers.records import Refused, Snapshot, Source, SourceUnreadable
from scrapers.sources import Audit
from scrapers.visit import visit

LEFT = {"curate": ("curated", "ledger"), "match": ("curated", "ledger", "matching")}  # stage → schemas whose tables it leaves whole

Say = Callable[[str], None]
Progress = Callable[[int, int | None, str], None]
Quality = Callable[[warehouse.Connection], Sequence[Measured]]  # the measured error rate to print, from this run's findings


@dataclass(frozen=True, slots=True)
class Published:
    """What a finished run leaves: its id, its database and its documents."""

    run_id: str
    database: Path
    documents: tuple[Path, ...]
    listing_count: int
    finding_count: int


def collect_source(settings: Settings, source: Source, progress: Progress) -> Snapshot:
    """Visit one source, or go on with its interrupted visit; returns its newest complete snapshot."""
    with Client(contact=contact(settings, [source]), secrets=settings.secrets) as client:
        archive = Archive(settings.raw)
        try:
            return visit(source, sources.format_of(source), archive, client, runs.clock(settings), progress)[-1]
        except SourceUnreadable as reason:
            if not (good := archive.snapshots(source.name)):
                raise
            said = f"{reason}; its last good snapshot is of {good[-1].day}; `--offline` goes on with it, and documents say how old it is"
            raise SourceUnreadable(said, reason.failure) from reason


def contact(settings: Settings, asked: Sequence[Source]) -> str:
    """Who answers for our requests; a site that is not this machine is not asked without a name to complain to."""
    strangers = sorted(source.name for source in asked if not all(is_loopback(host) for host in hosts(source)))
    if strangers and not settings.contact:
        raise Refused(
            f"{', '.join(strangers)}: these sites are asked over the internet and nobody is named to answer for it; "
            "set ROLLCALL_CONTACT to an e-mail address or a page where their owners can reach you"
        )
    return settings.contact or "this machine only"


def curate(settings: Settings, audit: Audit, run: Run, say: Say) -> Run:
    """Read every snapshot into parsed.*, build curated.*, and stop where an expectation is not met."""
    with warehouse.rebuilt(run.database("curate"), memory_limit=settings.memory_limit) as con:
        rooms.load(con, Archive(settings.raw, settings.until), audit, run, say)
        about_sources = guards.about_sources(con, audit, say)
        cards = rooms.curated_models()
        models.build(con, cards, rooms.named_settings(audit))
        models.describe(con, cards)
        models.describe(con, rooms.lay_out_ledger(con))
        gate("curate", run, audit, [*about_sources, *expectations.of_models(con, cards)], say)
    return runs.finished(run, "curate")


def match(settings: Settings, audit: Audit, run: Run, say: Say) -> Run:
    """Compare listings with credentials and with each other, judge the pairs, and ask every check."""
    base = finished_database(run, "curate")
    with warehouse.rebuilt(run.database("match"), base, settings.memory_limit) as con:
        asked = matching.Settings(
            profession=audit.profession, grace_days=audit.grace_days, roll=audit.roll.name if audit.roll else None, audit=audit.name
        )
        ledger.copy(con, settings)
        matching.link(con, asked)
        say(f"{warehouse.count(con, 'matching.candidate'):,} pairs looked at")
        matching.findings(con, asked)
        say("asking again from other thresholds")
        matching.sensitivity(con, asked)
        cards = models.load("matching/sql", "matching")
        models.describe(con, cards)
        gate("match", run, audit, expectations.of_models(con, cards), say)
        say(f"{warehouse.count(con, 'matching.finding'):,} findings")
    return runs.finished(run, "match")


def publish(
    settings: Settings, audit: Audit, run: Run, say: Say, marks: Sequence[str] = ("DRAFT",), quality: Quality | None = None
) -> Published:
    """Measure, render the documents, and put database and documents where readers look, the pointer last."""
    with warehouse.alone(run.folder):
        home = settings.curated(audit.name)
        target = home / f"audit-{run.id}.duckdb"
        if publication.current(home) == target:  # killed after readers were shown the way, before it was noted
            return _handed(settings, audit, run, target, say)
        base = finished_database(run, "match")
        part = run.folder / "documents.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        database = run.database("publish")
        with warehouse.rebuilt(database, base, settings.memory_limit) as con:
            found = publication.measure(con, audit)
            # a run that began past `curate` stands on the tables of the run before it
            con.execute(
                "update curated.run set run_id = $id, started_at = $began, finished_at = $now, code_version = $code",
                {
                    "id": run.id,
                    "began": warehouse.utc(run.started_at),
                    "now": warehouse.utc(runs.clock(settings)),
                    "code": runs.code_version(),
                },
            )
            cards = models.load("reports/sql", "reports")
            models.describe(con, cards)
            gate("publish", run, audit, expectations.of_models(con, cards), say)
            marks = tuple(dict.fromkeys((*marks, *publication.marks(audit, is_filed=False))))
            publication.documents(con, audit, part, marks, found, quality(con) if quality else (), settings.contact, say)
        (part / "expectations.html").write_text(gate_page.every(run, audit), encoding="utf-8")
        folder = home / run.id
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
        warehouse.settle(database, target)
        publication.point(home, target, say)
        return _handed(settings, audit, run, target, say)


def _handed(settings: Settings, audit: Audit, run: Run, database: Path, say: Say) -> Published:
    """The end of a published run: a DRAFT packet for each reader it writes for, whole or not there at all; and notices of withdrawals."""
    for edition in audit.publish:
        if not (database.parent / run.id / f"packet-{edition}").exists():
            packet.build(settings, audit, edition, database, say=say)
    with warehouse.read_only(database) as con:
        told = publication.context(con, audit, publication.marks(audit, is_filed=False), settings.contact)
        corrections.write(con, told, ledger.names(settings), database.parent / run.id / corrections.FOLDER)
    return _summary(runs.finished(run, "publish"), database)


def _summary(run: Run, database: Path) -> Published:
    """What stands published under a run's name."""
    with warehouse.read_only(database) as con:
        listings = warehouse.count(con, "curated.listing where is_latest")
        found = warehouse.count(con, "matching.finding where state <> 'resolved'")
    return Published(run.id, database, tuple(sorted((database.parent / run.id).iterdir())), listings, found)


def gate(room: str, run: Run, audit: Audit, asked: Sequence[expectations.Expectation], say: Say) -> list[expectations.Verdict]:
    """Judge a room's expectations, keep the result page, say every notice, and stop at the first `expect` that fails."""
    verdicts = expectations.judge(asked)
    gate_page.keep(run, room, verdicts)
    failed = [verdict for verdict in verdicts if not verdict.met]
    for verdict in failed:
        if not verdict.expectation.stops:
            say(f"notice: {verdict.sentence}")
    stops = [verdict for verdict in failed if verdict.expectation.stops]
    if stops:
        about = {verdict.expectation.table for verdict in stops}  # sources, or tables that any of them may have filled
        runs.again(run, about & run.snapshots.keys() or run.snapshots.keys())
        page = run.folder / "expectations.html"
        page.write_text(gate_page.every(run, audit), encoding="utf-8")
        more = f" (and {len(stops) - 1} more, see {page})" if len(stops) > 1 else f" (all expectations: {page})"
        raise Stopped(stops[0].sentence + more)
    return verdicts


def finished_database(run: Run, stage: str) -> Path:
    """The database that `stage` left; a missing one, or one of another version's tables, is a Refused that names the verb to run."""
    path = run.database(stage)
    if not path.exists() or stage not in run.done:
        raise Refused(f"{run.audit}: nothing to go on with; run `rollcall {stage} {run.audit}` first")
    with warehouse.read_only(path) as con:
        odd = models.odd(con, models.of(*LEFT[stage]))
    if odd:
        raise Refused(
            f"{run.audit}: {path} was made by another version of Rollcall, whose tables differ from this one's in {few(odd)}; "
            f"run `rollcall run {run.audit} --from curate`, which makes them anew from kept evidence"
        )
    return path
