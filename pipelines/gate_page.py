"""The result page of the gates: every expectation, what was measured, and whether the run may go on. Reads offline."""

import json

from jinja2 import Environment, PackageLoader, select_autoescape

from pipelines.expectations import Verdict
from pipelines.runs import Run
from scrapers.sources import Audit


def keep(run: Run, room: str, verdicts: list[Verdict]) -> None:
    """Note one room's verdicts beside the run."""
    rows = [
        {
            "table": verdict.expectation.table,
            "says": verdict.expectation.says,
            "value": verdict.expectation.value,
            "stops": verdict.expectation.stops,
            "met": verdict.met,
            "sentence": "" if verdict.met else verdict.sentence,
        }
        for verdict in verdicts
    ]
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / f"gate-{room}.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def every(run: Run, audit: Audit) -> str:
    """The page for all rooms that this run has passed or been stopped at."""
    rooms = []
    for room in ("curate", "match", "publish"):
        path = run.folder / f"gate-{room}.json"
        if path.exists():
            rooms.append((room, json.loads(path.read_text(encoding="utf-8"))))
    environment = Environment(loader=PackageLoader("pipelines"), autoescape=select_autoescape(default=True))
    return environment.get_template("expectations.html").render(run=run, audit=audit, rooms=rooms)
