"""Scheduling: an audit on the Prefect server in use, or in one process that waits."""

import asyncio
import multiprocessing
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Cron, Schedule
from prefect.settings import PREFECT_API_REQUEST_TIMEOUT, PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.types.entrypoint import EntrypointType

from pipelines import audits
from pipelines.curate import state_of
from pipelines.flows import laptop
from pipelines.flows.audit import audit as flow
from pipelines.settings import Settings
from scrapers.records import Refused


def deploy(settings: Settings, card: Path, cron: str, zone: str | None, pool: str, serve: bool) -> dict[str, Any]:
    """Schedule one audit; with `serve`, wait and run it until this process is ended.

    Raises Refused when the card, the cron line, the time zone, the server or its pool cannot be used.
    """
    asked = audits.read(card)  # a card that cannot be read fails now, not in the night
    schedule = _schedule(cron, zone or state_of(asked.state).zone.key)
    if not serve and not settings.prefect_api_url:
        raise Refused("no Prefect server is in use: set PREFECT_API_URL (docs/scheduling.md shows how to start one), or add --serve")
    how = {
        "name": asked.name,
        "schedule": schedule,
        "parameters": {"card": str(card.resolve()), "data": str(settings.data.resolve())},
        "entrypoint_type": EntrypointType.MODULE_PATH,  # installed, so it is found from whatever folder a worker chooses
    }
    server = nullcontext(settings.prefect_api_url) if settings.prefect_api_url else laptop.server()
    with server as url, temporary_settings({PREFECT_API_URL: url}):
        _check(url, None if serve else pool)
        if serve:
            _wait(how)
        else:
            asyncio.run(_register(how, pool))
    return {"deployment": f"audit/{asked.name}", "cron": cron, "timezone": schedule.timezone, "pool": None if serve else pool}


def _schedule(cron: str, zone: str) -> Schedule:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, ZoneInfoNotFoundError) as unknown:
        raise Refused(f"--timezone {zone!r} is no time zone we know; write an IANA name, e.g. America/Los_Angeles") from unknown
    try:
        if len(cron.split()) == 5:  # Prefect would read a sixth part as seconds
            return Cron(cron, timezone=zone)
        raise ValueError(cron)
    except ValueError as wrong:
        raise Refused(f"--cron {cron!r} cannot be read; write minute hour day month weekday, e.g. '0 5 6 * *'") from wrong


def answers(url: str, seconds: float = 3) -> None:
    """Refused unless a Prefect server answers there, and soon."""
    with temporary_settings({PREFECT_API_URL: url, PREFECT_API_REQUEST_TIMEOUT: seconds, PREFECT_CLIENT_MAX_RETRIES: 0}):
        _check(url, None)


def _check(url: str, pool: str | None) -> None:
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            raise Refused(f"no Prefect server answers at {url}; start it with `prefect server start`, or correct PREFECT_API_URL")
        try:
            if pool:
                client.read_work_pool(pool)
        except ObjectNotFound as missing:
            raise Refused(
                f"work pool {pool!r} is not on {url}; create it with `prefect work-pool create {pool} --type process`"
            ) from missing


async def _register(how: dict[str, Any], pool: str) -> None:
    await (await flow.ato_deployment(**how, work_pool_name=pool)).aapply()


class Waiting(Runner):
    """Prefect's runner, ended by SIGTERM as by Ctrl-C: its own handler calls a coroutine that nobody awaits."""

    told_to_end = False

    def handle_sigterm(self, *_: Any, **__: Any) -> None:
        """Interrupt a run under way and the waiting; the run is gone on with at the next start."""
        self.told_to_end = True
        for run in multiprocessing.active_children():
            if run.pid:
                os.kill(run.pid, signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def _wait(how: dict[str, Any]) -> None:
    runner = Waiting(name=how["name"])
    runner.add_flow(flow, **how)
    sys.stderr.write(f"{how['name']}: waiting for {how['schedule'].cron} ({how['schedule'].timezone}); Ctrl-C ends it\n")
    try:
        asyncio.run(runner.start())
    except KeyboardInterrupt:
        if runner.told_to_end:
            sys.exit(0)
        raise
