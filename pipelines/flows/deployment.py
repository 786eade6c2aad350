"""Scheduling: an audit on the Prefect server in use, or in one waiting process."""

import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.curate import state_of
from pipelines.flows.audit import audit as flow
from pipelines.settings import Settings
from scrapers.records import Refused
from scrapers.sources import load_audit


def deploy(settings: Settings, card: Path, cron: str, zone: str | None, pool: str, serve: bool) -> dict[str, Any]:
    """Schedule one audit; raises Refused when the cron line or the server cannot be used."""
    from prefect.deployments.runner import EntrypointType
    from prefect.exceptions import ObjectNotFound
    from prefect.schedules import Cron

    asked = load_audit(card)  # a card that cannot be read fails now, not in the night
    timezone = zone or state_of(asked.state).zone.key
    try:
        ZoneInfo(timezone)
        schedule = Cron(cron, timezone=timezone)
    except (ValueError, ZoneInfoNotFoundError) as wrong:
        raise Refused(f"--cron {cron!r} with --timezone {timezone!r} cannot be read: {str(wrong).splitlines()[-1].strip()}") from wrong
    parameters = {"card": str(card.resolve()), "data": str(settings.data.resolve())}
    said = {"deployment": f"audit/{asked.name}", "cron": cron, "timezone": timezone, "pool": None if serve else pool}
    if serve:
        flow.serve(name=asked.name, schedule=schedule, parameters=parameters, print_starting_message=True)
        return said
    if not settings.prefect_api_url:
        raise Refused("no Prefect server is in use: set PREFECT_API_URL (docs/volunteer.md shows how to start one), or add --serve")
    try:
        flow.deploy(
            name=asked.name,
            work_pool_name=pool,
            schedule=schedule,
            parameters=parameters,
            build=False,
            push=False,
            entrypoint_type=EntrypointType.MODULE_PATH,
            job_variables={"working_dir": os.fspath(Path.cwd())},
            print_next_steps=False,
        )
    except (ObjectNotFound, ValueError) as missing:
        raise Refused(
            f"work pool {pool!r} is not on {settings.prefect_api_url}; create it with `prefect work-pool create {pool} --type process`"
        ) from missing
    return said
