"""The verbs that look and change nothing: status, doctor, why, query, evidence, and link, which needs no audit."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from pipelines import settings as environment
from pipelines.lines import printable
from pipelines.verbs import answer, as_json, data_option, with_data
from scrapers.records import Refused


@click.command(epilog="Example: rollcall status")
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


@click.command(epilog="Example: rollcall doctor")
@as_json
@data_option
def doctor(data: Path | None, as_json: bool) -> None:
    """Say on one page what ails this installation, and what to do about it; exits with 1 where something is bad."""
    from pipelines import doctor as room

    said = room.examine(environment.as_told(data))
    answer([asdict(each) for each in said], as_json, lambda: room.lines(said))
    if any(each.verdict == "bad" for each in said):
        raise click.exceptions.Exit(1)


@click.command(epilog="Example: rollcall why 3f9a0c1d2e4b5a67 --data data/demo")
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


@click.command(epilog='Example: rollcall query "select check_name, count(*) from matching.finding group by 1" --data data/demo')
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


@click.command(epilog="Example: rollcall evidence alder_mutual --out alder.wacz --data data/demo")
@click.argument("source", metavar="SOURCE")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write: .warc.gz or .wacz.")
@as_json
@with_data
def evidence(settings: environment.Settings, source: str, out: Path, as_json: bool) -> None:
    """Write a snapshot as a web archive (WARC, WACZ) that standard tools read.

    SOURCE is a source's name or a snapshot's id, or NAME@FOLDER of a visit that is not whole, and is then marked as such.
    """
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


@click.command(epilog="Example: rollcall link listings.csv roll.parquet --fields fields.yml --out pairs.parquet")
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
