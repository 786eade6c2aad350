"""A run is one passage through the house; what it has finished is written down, so that the next start goes on from there."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipelines.settings import Settings
from scrapers.records import Refused
from scrapers.sources import Audit

STAGES = ("collect", "curate", "match", "publish")
# A crawl is one look at a directory; older than this, what is left of it is another day's directory.
RESUMABLE = timedelta(hours=48)


class Stopped(Refused):
    """An expectation, a guard or a missing step stopped the run; what was done so far stands."""

    status = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One passage through the house: code version and snapshots in, findings out."""

    id: str  # when it began, e.g. 20261122T181502Z
    audit: str
    card_sha256: str
    started_at: datetime
    folder: Path  # DATA/curated/<audit>/work
    snapshots: Mapping[str, str] = field(default_factory=dict)  # source → newest snapshot of this run
    done: tuple[str, ...] = ()

    def database(self, stage: str) -> Path:
        """Where a finished stage leaves its database."""
        return self.folder / f"{stage}.duckdb"


def clock(settings: Settings) -> datetime:
    """Now, UTC, to the second."""
    return (settings.now or datetime.now(UTC)).replace(microsecond=0)


def begin(settings: Settings, audit: Audit, stage: str = "collect") -> Run:
    """The unfinished run of this audit where one can be resumed, else a new one; starting past `collect` goes on with the last run."""
    last = latest(settings, audit.name)
    now = clock(settings)
    fresh = last is not None and last.card_sha256 == digest(audit) and now - last.started_at < RESUMABLE
    if last is not None and stage == "collect" and fresh and "publish" not in last.done:
        return last
    if stage == "collect" or last is None:
        return _write(
            Run(
                id=now.strftime("%Y%m%dT%H%M%SZ"),
                audit=audit.name,
                card_sha256=digest(audit),
                started_at=now,
                folder=settings.curated(audit.name) / "work",
            )
        )
    if stage != "curate" and last.card_sha256 != digest(audit):
        raise Refused(
            f"{audit.name}: its cards or Rollcall itself changed since the last curate, and {stage} would mix the two; "
            f"run `rollcall run {audit.name} --from curate`"
        )
    last = replace(last, card_sha256=digest(audit))
    if "publish" in last.done:  # a published run is never changed: going through a stage again is a new run
        last = replace(last, id=now.strftime("%Y%m%dT%H%M%SZ"), started_at=now)
    return _write(replace(last, done=tuple(each for each in STAGES[: STAGES.index(stage)] if each in last.done)))


def latest(settings: Settings, audit: str) -> Run | None:
    """The last run of an audit, finished or not."""
    path = settings.curated(audit) / "work" / "run.json"
    if not path.exists():
        return None
    said = json.loads(path.read_text(encoding="utf-8"))
    return Run(
        id=said["id"],
        audit=said["audit"],
        card_sha256=said["card_sha256"],
        started_at=datetime.fromisoformat(said["started_at"]),
        folder=path.parent,
        snapshots=said["snapshots"],
        done=tuple(said["done"]),
    )


def collected(run: Run, source: str, snapshot_id: str) -> Run:
    """Note the snapshot that this run took of one source."""
    return _write(replace(run, snapshots={**run.snapshots, source: snapshot_id}))


def again(run: Run, sources: Collection[str]) -> Run:
    """Note that what this run took of some sources will not do: started again, it visits them anew."""
    kept = {source: snapshot for source, snapshot in run.snapshots.items() if source not in sources}
    if kept == run.snapshots:
        return run
    return _write(replace(run, snapshots=kept, done=tuple(stage for stage in run.done if stage != "collect")))


def finished(run: Run, stage: str) -> Run:
    """Note that a stage is whole."""
    return _write(replace(run, done=tuple(dict.fromkeys((*run.done, stage)))))


def _write(run: Run) -> Run:
    run.folder.mkdir(parents=True, exist_ok=True)
    said = {**asdict(run), "started_at": run.started_at.isoformat()}
    del said["folder"]
    part = run.folder / "run.json.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(said, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    part.replace(run.folder / "run.json")
    return run


def digest(audit: Audit) -> str:
    """What an audit asks of whom, and by which code: where either changed, an unfinished run is not resumed."""
    asked = [each.card_sha256 for each in audit.sources]
    said = json.dumps([audit.name, audit.state, audit.profession, audit.grace_days, asked, audit.facts.sha256, code_version()])
    return hashlib.sha256(said.encode()).hexdigest()


def code_version() -> str:
    """The release of Rollcall at work, and the commit where it runs from a checkout."""
    try:
        release = version("rollcall")
    except PackageNotFoundError:
        release = "unreleased"
    root = Path(__file__).resolve().parents[1]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return release
    said = subprocess.run(  # noqa: S603 - a fixed command on our own checkout
        [git, "-C", str(root), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return f"{release}+{said.stdout.strip()}" if said.returncode == 0 else release
