"""One small published run over the invented state, made by the stages' own functions without the gates between them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

import matching
from pipelines import audits, ledger, models, publication, runs, stages, warehouse
from pipelines import curate as rooms
from pipelines.settings import Settings
from scrapers.evidence import Archive
from scrapers.sources import Audit
from simulation import cards, sites, world


@dataclass(frozen=True)
class Published:
    """A published run: whose settings and audit a packet is made of."""

    settings: Settings
    audit: Audit
    database: Path


def published(home: Path, listings: int = 60, roll: int = 400, seed: int = 7) -> Published:
    """Invent, collect, curate, match, measure, unless that was done; no documents, no gates, no sensitivity."""
    settings = Settings(data=home / "data", contact="audit@example.org")
    card = home / "cards" / f"{cards.AUDIT}.yml"
    if (done := publication.current(settings.curated(cards.AUDIT))) is not None:
        return Published(settings, audits.read(card), done)
    invented = world.build(seed, listings, roll, today=datetime.now(UTC).date())
    with sites.serve(invented) as up:
        cards.write(invented, up.urls, home / "cards")
        said = yaml.safe_load(card.read_text(encoding="utf-8"))
        said.pop("geography", None)  # maps take longer to draw than all the rest, and have tests of their own
        card.write_text(yaml.safe_dump(said), encoding="utf-8")
        audit = audits.read(card)
        run = runs.begin(settings, audit)
        for source in audit.sources:
            run = runs.collected(run, source.name, stages.collect_source(settings, source, lambda *_: None).id)
    target = settings.curated(audit.name) / f"audit-{run.id}.duckdb"
    with warehouse.rebuilt(target) as con:
        rooms.load(con, Archive(settings.raw), audit, run, lambda _: None)
        models.build(con, rooms.curated_models(), rooms.named_settings(audit))
        rooms.lay_out_ledger(con)
        ledger.copy(con, settings)
        asked = matching.Settings(
            profession=audit.profession, grace_days=audit.grace_days, roll=audit.roll.name if audit.roll else None, audit=audit.name
        )
        matching.link(con, asked)
        matching.findings(con, asked)
        publication.measure(con, audit)
        con.execute(
            "update curated.run set run_id = $id, started_at = $at, finished_at = $at, code_version = '0.1.0'",
            {"id": run.id, "at": warehouse.utc(run.started_at)},
        )
    publication.point(target.parent, target, lambda _: None)
    return Published(settings, audit, target)
