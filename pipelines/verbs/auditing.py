"""The verbs that make a run: demo, run, its four stages, plan and deploy."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pipelines import settings as environment
from pipelines.verbs import answer, as_json, audit_card, watching, with_data


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


@click.command(epilog="Example: rollcall demo --listings 300 --seed 7")
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


@click.command(epilog="Example: rollcall run audits/my_audit.yml")
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


def _stage(name: str, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text, epilog=f"Example: rollcall {name} audits/my_audit.yml")
    @audit_card
    @as_json
    @with_data
    def one(settings: environment.Settings, audit: str, as_json: bool) -> None:
        _go(settings, audit, as_json, only=name)

    return one


STAGES = (
    _stage("collect", "Visit every source of an audit and keep what it answers."),
    _stage("curate", "Read kept evidence into curated tables and hold them against their expectations."),
    _stage("match", "Compare listings with licenses and with each other, and ask every check."),
    _stage("publish", "Measure, write the DRAFT documents and publish the database."),
)


@click.command(epilog="Example: rollcall plan audits/my_audit.yml")
@audit_card
@as_json
@with_data
def plan(settings: environment.Settings, audit: str, as_json: bool) -> None:
    """Say what a run would ask of whom, before any request: requests, hosts, robots verdicts, pace, minutes."""
    from pipelines import audits, health

    said = health.plan(settings, audits.find(audit))
    answer(said, as_json, lambda: health.plan_lines(said))


@click.command(epilog='Example: rollcall deploy audits/my_audit.yml --cron "0 5 1 * *" --timezone America/Los_Angeles')
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
