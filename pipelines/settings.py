"""What the environment may decide, read once and in one place."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from scrapers.records import Refused

SECRET = "ROLLCALL_SECRET_"  # noqa: S105 the beginning of a name
NAMES = tuple(f"ROLLCALL_{each}" for each in ("DATA", "CONTACT", "LEDGER", "MEMORY", "TSA", "TSA_ROOT"))  # all others that mean something


@dataclass(frozen=True, slots=True)
class Settings:
    """Where data lies, who answers for our requests, and what time it is."""

    data: Path
    contact: str | None = None  # printed in the User-Agent; needed for any host but loopback
    prefect_api_url: str | None = None
    ledger: str | None = field(default=None, repr=False)  # PostgreSQL, where several people write; None: DATA/ledger.sqlite
    memory_limit: str = "4GB"
    tsa: str | None = None  # a time stamp authority (RFC 3161) that packets are shown to; None: nobody is asked
    tsa_root: Path | None = None  # certificates (PEM) its stamps may rest on, beside this system's own
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # ROLLCALL_SECRET_NAME="id:secret", by NAME
    now: datetime | None = None  # tests alone set the clock
    until: date | None = None  # evidence as it stood on that day (UTC) is replayed, and published in a folder of its own

    @property
    def raw(self) -> Path:
        """Evidence, append-only."""
        return self.data / "raw"

    def curated(self, audit: str) -> Path:
        """One audit's databases and documents."""
        return self.data / "curated" / (f"{audit}@{self.until}" if self.until else audit)


def read(data: Path | None = None) -> Settings:
    """Settings from the environment; `data` given on the command line wins over ROLLCALL_DATA.

    Raises Refused when ROLLCALL_MEMORY is no size, or ROLLCALL_TSA_ROOT no file.
    """
    told = as_told(data)
    if not re.fullmatch(r"[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B", told.memory_limit):
        raise Refused(f"ROLLCALL_MEMORY says {told.memory_limit!r}; expected a size such as 4GB or 800MB")
    if told.tsa_root and not told.tsa_root.is_file():
        raise Refused(f"ROLLCALL_TSA_ROOT names {told.tsa_root}, which is no file; give the authority's certificates (PEM), or unset it")
    return told


def as_told(data: Path | None = None) -> Settings:
    """What the environment says, good or not; `doctor` looks at it as it is."""
    return Settings(
        data=data or Path(os.environ.get("ROLLCALL_DATA") or "data"),
        contact=os.environ.get("ROLLCALL_CONTACT") or None,
        prefect_api_url=os.environ.get("PREFECT_API_URL") or None,
        ledger=os.environ.get("ROLLCALL_LEDGER") or None,
        memory_limit=os.environ.get("ROLLCALL_MEMORY") or "4GB",
        tsa=os.environ.get("ROLLCALL_TSA") or None,
        tsa_root=Path(os.environ["ROLLCALL_TSA_ROOT"]) if os.environ.get("ROLLCALL_TSA_ROOT") else None,
        secrets={name.removeprefix(SECRET): value for name, value in os.environ.items() if name.startswith(SECRET)},
    )


def tell_nobody() -> None:
    """Switch off the telemetry of Prefect and Great Expectations; call before importing either."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # the ephemeral server needs longer than its default 20 s on a slow machine
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
