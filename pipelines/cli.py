"""One way in: `rollcall <verb>`."""

import difflib
import errno
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from pipelines import settings as environment
from pipelines.lines import printable
from scrapers.records import Refused

UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOSPC}

P = ParamSpec("P")
R = TypeVar("R")


class Verbs(click.Group):
    """The verbs in the order a person needs them; a misspelt one is answered with the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In order of definition, not of the alphabet."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, naming the nearest verb."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            raise click.UsageError(f"no verb {args[0]!r}; " + (f"did you mean {near[0]!r}?" if near else "`rollcall --help` lists them"))
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rollcall", message="%(prog)s %(version)s")
def rollcall() -> None:
    """Audit health insurers' provider directories against state license rolls, with the evidence kept."""


def main() -> None:
    """Run the command; every way out has the exit status that README.md lists, and at most one sentence on stderr."""
    try:
        sys.exit(rollcall.main(standalone_mode=False))  # what click returns is the status a verb left with, or None
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(2)
    except Refused as reason:
        click.echo(f"rollcall: {printable(reason)}", err=True)
        sys.exit(reason.status)
    except (KeyboardInterrupt, click.exceptions.Abort):
        _interrupted()
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # what DuckDB makes of Ctrl-C
            raise
        _interrupted()
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `| head` does
        sys.exit(0)
    except OSError as wrong:
        if wrong.errno not in UNWRITABLE:
            raise
        where = f"{wrong.filename} cannot be written" if wrong.filename else "something cannot be written"
        click.echo(f"rollcall: {where} ({wrong.strerror}); make room or leave for it there, or give another folder with --data", err=True)
        sys.exit(2)


def _interrupted() -> NoReturn:
    click.echo("rollcall: interrupted; what was collected is kept, and the same command goes on from there", err=True)
    sys.exit(130)


def with_data(verb: Callable[..., R]) -> Callable[..., R]:
    """Give a verb --data, and hand it Settings."""

    @click.option(
        "--data", type=click.Path(file_okay=False, path_type=Path), help="Where evidence and results lie (or ROLLCALL_DATA). [./data]"
    )
    @wraps(verb)
    def wrapped(*args: Any, data: Path | None, **kwargs: Any) -> R:
        return verb(environment.read(data), *args, **kwargs)

    return wrapped


as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
audit_card = click.argument("audit", metavar="AUDIT")


def answer(said: object, as_json: bool, lines: Callable[[], Iterator[str]]) -> None:
    """Print one answer, for a program or for a person."""
    if as_json:
        click.echo(json.dumps(said, indent=2, default=str, ensure_ascii=False))
    else:
        for line in lines():
            click.echo(printable(line))


@contextmanager
def watching() -> Iterator[tuple[Callable[[str], None], Callable[[int, int | None, str], None]]]:
    """How long work speaks: a bar and lines on a terminal, plain lines elsewhere; always on stderr."""
    if not sys.stderr.isatty():
        yield (lambda line: click.echo(printable(line), err=True)), (lambda done, total, what: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)

        def progress(done: int, total: int | None, what: str) -> None:
            bars.update(bar, completed=done, total=total, description=printable(what))

        def say(line: str) -> None:
            bars.update(bar, description=line[:60])
            console.print(printable(line), markup=False)

        yield say, progress


def _go(settings: environment.Settings, audit: str, as_json: bool, **how: Any) -> None:
    from pipelines import audits
    from pipelines.flows.audit import audit as flow

    call = flow if settings.prefect_api_url else flow.fn
    with watching() as (say, progress):
        done = call(card=audits.find(audit), data=str(settings.data), say=say, progress=progress, **how)
    if done is None:
        answer({"done": True}, as_json, lambda: iter(()))
        return
    said = {
        "run_id": done.run_id,
        "database": str(done.database),
        "documents": [str(path) for path in done.documents],
        "listings": done.listing_count,
        "findings": done.finding_count,
    }
    answer(said, as_json, lambda: _published(done))


def _published(done: Any) -> Iterator[str]:
    yield f"{done.listing_count:,} listings, {done.finding_count:,} findings, run {done.run_id}"
    for path in done.documents:
        report = path.suffix in {".html", ".pdf"} and "commissioner" in path.name
        yield f"{'notices' if path.name == 'corrections' else 'packet' if path.is_dir() else 'report' if report else 'file':9}{path}"
    yield f"database {done.database}"


@rollcall.command(epilog="Example: rollcall demo --listings 300 --seed 7")
@click.option("--listings", default=1078, show_default=True, type=click.IntRange(20, 200_000), help="Listings of the largest insurer.")
@click.option("--seed", default=2022, show_default=True, type=click.IntRange(0), help="The same seed invents the same state.")
@as_json
@with_data
def demo(settings: environment.Settings, listings: int, seed: int, as_json: bool) -> None:
    """Audit an invented state over loopback HTTP and compare every finding with the known truth."""
    from pipelines import demo as room
    from pipelines.flows.audit import audit as flow

    with watching() as (say, progress):
        done = room.run(settings, listings, seed, flow.fn, say, progress)
    answer(done.said(), as_json, done.lines)


@rollcall.command(epilog="Example: rollcall run audits/my_audit.yml")
@audit_card
@click.option(
    "--from", "start", type=click.Choice(["collect", "curate", "match", "publish"]), default="collect", help="Start at this stage."
)
@click.option("--offline", is_flag=True, help="Replay kept evidence; ask nobody anything.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Replay evidence as it stood on that day (UTC), offline; published beside the audit, as AUDIT@DAY.",
)
@as_json
@with_data
def run(settings: environment.Settings, audit: str, start: str, offline: bool, until: datetime | None, as_json: bool) -> None:
    """Collect, curate, match and publish one audit; goes on where an interrupted run stopped."""
    _go(settings, audit, as_json, start=start, offline=offline, until=str(until.date()) if until else None)


def _stage(name: str, help_text: str) -> None:
    @rollcall.command(name=name, help=help_text, epilog=f"Example: rollcall {name} audits/my_audit.yml")
    @audit_card
    @as_json
    @with_data
    def one(settings: environment.Settings, audit: str, as_json: bool) -> None:
        _go(settings, audit, as_json, only=name)


_stage("collect", "Visit every source of an audit and keep what it answers.")
_stage("curate", "Read kept evidence into curated tables and hold them against their expectations.")
_stage("match", "Compare listings with licenses and with each other, and ask every check.")
_stage("publish", "Measure, write the DRAFT documents and publish the database.")


@rollcall.command(epilog="Example: rollcall plan audits/my_audit.yml")
@audit_card
@as_json
@with_data
def plan(settings: environment.Settings, audit: str, as_json: bool) -> None:
    """Say what a run would ask of whom, before any request: requests, hosts, robots verdicts, pace, minutes."""
    from pipelines import audits, health

    said = health.plan(settings, audits.find(audit))
    answer(said, as_json, lambda: health.plan_lines(said))


@rollcall.command(epilog="Example: rollcall status")
@as_json
@with_data
def status(settings: environment.Settings, as_json: bool) -> None:
    """Show runs, what people did about their findings, the ledger, the health of sources, and what is stale or unfinished."""
    from pipelines import health
    from pipelines.runs import Stopped

    said = health.status(settings)
    answer(said, as_json, lambda: health.status_lines(said))
    if said["ledger"]["wrong"]:
        raise Stopped(said["ledger"]["wrong"])


@rollcall.command(name="file", epilog="Example: rollcall file audits/my_audit.yml")
@audit_card
@as_json
@with_data
def file_run(settings: environment.Settings, audit: str, as_json: bool) -> None:
    """Remove DRAFT: freeze the newest run for ever, or list all that it lacks and exit with 1."""
    from pipelines import audits, filing
    from pipelines.runs import Stopped

    with watching() as (say, _):
        done = filing.file(settings, audits.read(Path(audits.find(audit))), audit, say)
    answer(asdict(done), as_json, lambda: filing.lines(done))
    if isinstance(done, filing.Unready):
        raise Stopped(f"run {done.run_id} of {done.audit} is not filed: what it lacks is listed above ({len(done.missing)})")


@rollcall.command(name="packet", epilog="Example: rollcall packet audits/my_audit.yml --to insurer")
@audit_card
@click.option(
    "--to",
    "edition",
    required=True,
    type=click.Choice(["commissioner", "insurer", "therapist", "legislator", "public", "patient"]),
    help="Who reads it.",
)
@click.option("--planned", is_flag=True, help="To an insurer: announce the audit, before any finding.")
@click.option(
    "--recipients",
    type=click.Path(path_type=Path),
    help="Legislators, a page each: a CSV with name, [office, district, counties (; between), email].",
)
@as_json
@with_data
def make_packet(settings: environment.Settings, audit: str, edition: str, planned: bool, recipients: Path | None, as_json: bool) -> None:
    """Write what one kind of reader is handed, with its evidence; DRAFT unless the newest run is filed."""
    from pipelines import audits, filing

    if recipients and edition != "legislator":
        raise click.UsageError("--recipients names legislators; it goes with --to legislator alone")
    if recipients and not recipients.is_file():
        raise Refused(f"{recipients}: there is no such file; give legislators, one row each, saved as CSV (UTF-8)")
    with watching() as (say, _):
        done = filing.hand(settings, audits.read(Path(audits.find(audit))), edition, planned, recipients, say)
    answer(asdict(done), as_json, lambda: filing.handed_lines(done))


@rollcall.command(epilog="Example: rollcall verify packet-commissioner")
@click.argument("folder", metavar="PACKET", type=click.Path(path_type=Path))
@as_json
@with_data
def verify(_: environment.Settings, folder: Path, as_json: bool) -> None:
    """Check a packet with no network and no database: what was changed, removed or added is named."""
    from pipelines import packet
    from pipelines.runs import Stopped

    done = packet.check(folder)
    answer([asdict(each) for each in done], as_json, lambda: packet.lines(done))
    wrong = [sentence for each in done for sentence in each.wrong]
    if wrong:
        raise Stopped(wrong[0])


@rollcall.command(epilog="Example: rollcall why 3f9a0c1d2e4b5a67 --data data/demo")
@click.argument("finding", metavar="FINDING")
@click.option("--audit", "audit", help="The audit, where several are published.")
@click.option("--run", "run_id", help="An earlier run of it.")
@as_json
@with_data
def why(settings: environment.Settings, finding: str, audit: str | None, run_id: str | None, as_json: bool) -> None:
    """Walk one finding back to the match, the listing, and kept bytes whose SHA-256 is checked anew."""
    from pipelines import queries

    said = queries.why(settings, finding, audit, run_id)
    answer(said, as_json, lambda: queries.why_lines(said))
    if not said["verified"]:
        raise Refused(f"finding {finding}: kept evidence does not match its SHA-256; do not use it, restore data/raw from a copy")


@rollcall.command(epilog="Example: rollcall link listings.csv roll.parquet --fields fields.yml --out pairs.parquet")
@click.argument("left", metavar="LEFT", type=click.Path(path_type=Path))
@click.argument("right", metavar="[RIGHT]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--fields",
    "card",
    required=True,
    type=click.Path(path_type=Path),
    help="A YAML file: the id column, and what kind each other column is.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The Parquet file of pairs to write.")
@click.option("--independent", is_flag=True, help="Judge each pair alone, though a record may have several candidates.")
@click.option("--at-least", default=0.01, show_default=True, help="Write pairs of at least this probability.")
@as_json
@with_data
def link(
    settings: environment.Settings, left: Path, right: Path | None, card: Path, out: Path, independent: bool, at_least: float, as_json: bool
) -> None:
    """Link any two tables (Parquet or CSV), or deduplicate one: which records mean the same, and how sure that is."""
    from pipelines import link as linking

    def say(line: str) -> None:
        if sys.stderr.isatty():
            click.echo(printable(line), err=True)

    memory = settings.memory_limit
    said = linking.link_files(left, right, card, out, independent=independent, at_least=at_least, memory_limit=memory, say=say)
    answer(said, as_json, lambda: linking.lines(said))


@rollcall.command(epilog='Example: rollcall query "select check_name, count(*) from matching.finding group by 1" --data data/demo')
@click.argument("sql", metavar="SQL")
@click.option("--audit", "audit", help="The audit, where several are published.")
@click.option("--run", "run_id", help="An earlier run of it.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; cells that a spreadsheet would run are disarmed.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(0.1), help="Stop after this long.")
@as_json
@with_data
def query(
    settings: environment.Settings, sql: str, audit: str | None, run_id: str | None, as_csv: bool, seconds: float, as_json: bool
) -> None:
    """Ask the published database in SQL: read-only, no file access, bounded time and memory."""
    from pipelines import queries

    columns, rows = queries.query(settings, sql, audit, run_id, seconds)
    if as_csv:
        click.echo(queries.csv_text(columns, rows), nl=False)
        return
    answer([dict(zip(columns, row, strict=True)) for row in rows], as_json, lambda: queries.table_lines(columns, rows))


@rollcall.command(epilog='Example: rollcall deploy audits/my_audit.yml --cron "0 5 1 * *" --timezone America/Los_Angeles')
@audit_card
@click.option("--cron", required=True, help="When, as a cron line: minute hour day month weekday.")
@click.option("--timezone", "zone", help="IANA time zone of the cron line. [the audit state's]")
@click.option("--pool", default="local", show_default=True, help="The Prefect work pool whose worker runs it.")
@click.option("--serve", is_flag=True, help="No pool and no worker: this process waits and runs it (for a laptop).")
@as_json
@with_data
def deploy(settings: environment.Settings, audit: str, cron: str, zone: str | None, pool: str, serve: bool, as_json: bool) -> None:
    """Schedule an audit on the Prefect server in use, or in this process with --serve."""
    from pipelines import audits
    from pipelines.flows import deployment

    said = deployment.deploy(settings, Path(audits.find(audit)), cron, zone, pool, serve)
    answer(said, as_json, lambda: iter([f"scheduled {said['deployment']}: {said['cron']} ({said['timezone']}), pool {said['pool']}"]))


@rollcall.group(cls=Verbs, name="sources", epilog="Example: rollcall sources list")
def sources_group() -> None:
    """The catalogue of sources and their health."""


@sources_group.command(name="list", epilog="Example: rollcall sources list")
@as_json
@with_data
def list_sources(settings: environment.Settings, as_json: bool) -> None:
    """List the source cards that Rollcall ships."""
    from pipelines import health

    said = health.sources_list(settings)
    answer(said, as_json, lambda: health.sources_lines(said))


@sources_group.command(name="check", epilog="Example: rollcall sources check wa.doh --live")
@click.argument("name", metavar="NAME")
@click.option("--live", is_flag=True, help="Ask the source for its first page and read it.")
@as_json
@with_data
def check_source(settings: environment.Settings, name: str, live: bool, as_json: bool) -> None:
    """Validate a source card and say in one page how the source fares."""
    from pipelines import health

    said = health.check(settings, name, live)
    answer(said, as_json, lambda: health.check_lines(said))
    if said["failure"]:
        raise click.exceptions.Exit(3)
    if any(each["to_do"] for each in said["examples"]):
        raise click.exceptions.Exit(1)


@sources_group.command(name="new", epilog="Example: rollcall sources new insurer WA evergreen_mutual --start https://example.org/find")
@click.argument("kind", type=click.Choice(["insurer", "license_roll"]))
@click.argument("state", metavar="STATE")
@click.argument("name", metavar="NAME")
@click.option("--format", "format_", help="A format, or python where none fits. [cards for an insurer, table for a roll]")
@click.option("--start", help="Where to begin: an address, or files beside the card.")
@as_json
@with_data
def new_source(_: environment.Settings, kind: str, state: str, name: str, format_: str | None, start: str | None, as_json: bool) -> None:
    """Write card, invented example page and test of a new source; nothing is asked of anybody."""
    from pipelines import scaffold

    said = scaffold.new(kind, state, name, format_, start, Path.cwd())
    answer(said, as_json, lambda: scaffold.lines(said))


@sources_group.command(name="record", epilog="Example: rollcall sources record wa.evergreen_mutual --pages 2")
@click.argument("name", metavar="NAME")
@click.option("--pages", default=1, show_default=True, type=click.IntRange(1, 20), help="At most so many.")
@as_json
@with_data
def record_source(settings: environment.Settings, name: str, pages: int, as_json: bool) -> None:
    """Ask a source for pages, as politely as a visit does, and keep them cut down and disguised as examples."""
    from pipelines import recording

    said = recording.record(settings, name, pages)
    answer(said, as_json, lambda: iter(recording.record_lines(said)))


@rollcall.command(epilog="Example: rollcall evidence alder_mutual --out alder.wacz --data data/demo")
@click.argument("source", metavar="SOURCE")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write: .warc.gz or .wacz.")
@as_json
@with_data
def evidence(settings: environment.Settings, source: str, out: Path, as_json: bool) -> None:
    """Write a snapshot as a web archive (WARC, WACZ) that standard tools read; SOURCE is a source's name or a snapshot's id."""
    from scrapers import warc
    from scrapers.evidence import Archive

    archive = Archive(settings.raw)
    snapshot = warc.snapshot_of(archive, source)
    count = warc.write(archive, snapshot, out)
    answer(
        {"snapshot": snapshot.id, "answers": count, "file": str(out)},
        as_json,
        lambda: iter([f"{count:,} answers of {snapshot.id} in {out}"]),
    )


@rollcall.command(name="import", epilog="Example: rollcall import verdicts.xlsx --person 'Ada Example'")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--person", help="Who did what the file does not say who did.")
@as_json
@with_data
def import_(settings: environment.Settings, file: Path, person: str | None, as_json: bool) -> None:
    """Enter what people did into the ledger, from CSV or XLSX told apart by its header; twice changes nothing.

    Verdicts, calls, replies, attestations, applications, corrections, documents sent, sign-offs, interests, contacts, erasure requests.
    """
    from pipelines import spreadsheets

    done = spreadsheets.import_file(settings, file, person)
    answer(done.said(), as_json, done.lines)


@rollcall.command(epilog="Example: rollcall sample my_audit --margin 0.05 --confidence 0.95 --by network --seed 7")
@audit_card
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["call", "review"]),
    default="call",
    show_default=True,
    help="Listings to telephone, or findings to review.",
)
@click.option(
    "--margin", default=0.05, show_default=True, type=click.FloatRange(0.001, 0.5), help="How far off a share may be, either way."
)
@click.option("--confidence", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.999), help="How often it is not farther off.")
@click.option("--by", help="Draw from each part: source, network, county, city; of findings check, tier, source.")
@click.option("--seed", required=True, type=click.IntRange(0, 2**63 - 1), help="Choose it before you look; it is recorded before the draw.")
@click.option("--person", help="Who draws. [ROLLCALL_CONTACT]")
@as_json
@with_data
def sample(
    settings: environment.Settings,
    audit: str,
    purpose: str,
    margin: float,
    confidence: float,
    by: str | None,
    seed: int,
    person: str | None,
    as_json: bool,
) -> None:
    """Draw listings to telephone or findings to review, and write the sheets to fill in; the same command draws the same."""
    from pipelines import sampling

    done = sampling.draw(settings, audit, purpose, margin, confidence, by, seed, person)
    said = {
        "sample_id": done.sample_id,
        "frame": done.frame_count,
        "drawn": done.drawn_count,
        "is_new": done.is_new,
        "earlier": done.earlier,
    }
    answer(said | {"files": [str(path) for path in done.files]}, as_json, lambda: sampling.lines(done))


if __name__ == "__main__":
    main()
