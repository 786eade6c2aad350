"""Scheduling: an audit on the Prefect server in use, or in one waiting process."""

import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.curate import state_of
from pipelines.flows import laptop
from pipelines.settings import Settings, tell_nobody
from scrapers.records import Refused
from scrapers.sources import load_audit


def deploy(settings: Settings, card: Path, cron: str, zone: str | None, pool: str, serve: bool) -> dict[str, Any]:
    """Schedule one audit; raises Refused when the cron line, the zone, the server or its pool cannot be used."""
    tell_nobody()
    asked = load_audit(card)  # a card that cannot be read fails now, not in the night
    timezone = zone or state_of(asked.state).zone.key
    how = {
        "name": asked.name,
        "schedule": _schedule(cron, timezone),
        "parameters": {"card": str(card.resolve()), "data": str(settings.data.resolve())},
    }
    said = {"deployment": f"audit/{asked.name}", "cron": cron, "timezone": timezone, "pool": None if serve else pool}
    if not serve:
        return said | {"deployment_id": _register(settings, pool, how)}
    if settings.prefect_api_url:
        _serve(settings.prefect_api_url, how)
    else:
        with laptop.server() as url:
            os.environ["PREFECT_API_URL"] = url
            _serve(url, how)
    return said
