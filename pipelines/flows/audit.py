"""The audit as Prefect flows: each stage is a task, one task per source while collecting.

Called plainly (`audit.fn`), the stages run in this process and need no server. Deployed, a server schedules the flow,
a worker runs it, and every stage is a task run in Prefect's API.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from prefect import Flow, Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.utilities.callables import parameter_schema

from pipelines import audits, demo, runs, stages
from pipelines import settings as environment
from pipelines.runs import STAGES, Run
from pipelines.stages import Published
from scrapers.records import Refused
from scrapers.sources import Audit

P = ParamSpec("P")
R = TypeVar("R")
Progress = Callable[[int, int | None, str], None]
Stage = Literal["collect", "curate", "match", "publish"]
# What only the calling process can use, and what a form on a server may not change.
OURS = frozenset({"say", "progress", "marks", "quality"})

collect_source = task(name="collect", task_run_name="collect {source.name}", cache_policy=NO_CACHE)(stages.collect_source)
curate = task(name="curate", cache_policy=NO_CACHE)(stages.curate)
match = task(name="match", cache_policy=NO_CACHE)(stages.match)
publish = task(name="publish", cache_policy=NO_CACHE)(stages.publish)


def step(work: Task[P, R]) -> Callable[P, R]:
    """A task where a Prefect flow runs, the plain function elsewhere."""
    return work if FlowRunContext.get() is not None else work.fn


class Home(Flow[P, R]):
    """A flow that keeps OURS at home: no server is sent those arguments, and no form of a deployment offers them."""

    def __init__(self, fn: Callable[P, R], **options: Any) -> None:
        super().__init__(fn, **options)
        whole = inspect.signature(fn)
        self.__signature__ = whole.replace(parameters=[each for each in whole.parameters.values() if each.name not in OURS])
        self.parameters = parameter_schema(self)

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """What the API is told."""
        return super().serialize_parameters({name: value for name, value in parameters.items() if name not in OURS})


@partial(Home, name="audit", flow_run_name="audit {card}", validate_parameters=False)
def audit(
    card: str,
    data: str | None = None,
    start: Stage = "collect",
    offline: bool = False,
    until: str | None = None,
    only: Stage | None = None,
    say: Callable[[str], None] | None = None,
    progress: Progress | None = None,
    marks: tuple[str, ...] = ("DRAFT",),
    quality: stages.Quality | None = None,
) -> Published | None:
    """Collect → curate → match → publish for one audit card, from stage `start`; `only` runs that stage alone.

    `until`, a day as YYYY-MM-DD (UTC): offline, from the snapshots of the days up to it; published beside the audit, as NAME@DAY.

    Raises Refused (and its kinds) with one sentence; Prefect shows it as the reason of a failed run.
    """
    settings = environment.read(Path(data) if data else None)
    if until:
        settings, offline = replace(settings, until=date.fromisoformat(until)), True
    tell = say or _logger()
    asked = audits.read(Path(card))
    run = runs.begin(settings, asked, only or start)
    published: Published | None = None
    for stage in (only,) if only else STAGES[STAGES.index(start) :]:
        if stage in run.done and not only:
            tell(f"{stage}: done before the interruption")
        elif stage == "collect" and not offline:
            run = _collect(settings, asked, run, tell, progress)
        elif stage == "curate":
            run = step(curate)(settings, asked, run, tell)
        elif stage == "match":
            run = step(match)(settings, asked, run, tell)
        elif stage == "publish":
            published = step(publish)(settings, asked, run, tell, marks, quality)
    return published


def _collect(settings: environment.Settings, asked: Audit, run: Run, tell: Callable[[str], None], progress: Progress | None) -> Run:
    """Visit every source that this run has not visited yet; one that fails does not keep the others from being visited."""
    failed: list[Refused] = []
    for source in asked.sources:
        if source.name in run.snapshots:
            tell(f"{source.name}: {run.snapshots[source.name]} was complete before the interruption")
            continue
        try:
            snapshot = step(collect_source)(settings, source, progress or _no_progress)
        except Refused as reason:
            failed.append(reason)
            tell(f"failed: {reason}")
            continue
        tell(f"{source.name}: {snapshot.response_count:,} responses kept as {snapshot.id}")
        run = runs.collected(run, source.name, snapshot.id)
    if failed:
        raise max(failed, key=lambda reason: reason.status)
    return runs.finished(run, "collect")


def _no_progress(done: int, total: int | None, what: str) -> None:
    """Nobody is watching."""


def _logger() -> Callable[[str], None]:
    return get_run_logger().info if FlowRunContext.get() is not None else print


@flow(name="demo", validate_parameters=False)
def invented(data: str | None = None, listings: int = 1078, seed: int = 2022) -> Any:
    """Audit the invented state over loopback HTTP and compare every finding with the known truth."""
    settings = environment.read(Path(data) if data else None)
    return demo.run(settings, listings, seed, audit if FlowRunContext.get() is not None else audit.fn, _logger())
