"""What a run hands out: reports.* tables, the documents, and the pointer that readers follow."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC
from pathlib import Path

from matching.professions import professions
from pipelines import models, warehouse
from pipelines.curate import named_settings, state_of
from reports import editions, measures
from reports.records import Context, Door, Measure, Measured, Remedy
from reports.render import html, pdf, sheet
from scrapers.sources import Audit

Say = Callable[[str], None]
CHECKERS = {  # pages for those who check the work, for no audience outside; each made of every run that has what it tells of
    "matches": "curated.source where kind = 'license_roll'",
    "checklist": "curated.checklist",
}


def measure(con: warehouse.Connection, audit: Audit) -> list[Measure]:
    """Create reports.measure and the other reports.* tables from this run's findings; returns the measures."""
    cards = models.load("reports/sql", "reports")
    models.build(con, cards, named_settings(audit))
    found = measures.compute(con, "commissioner")
    types = next(model.types for model in cards if model.name == "reports.measure")
    con.execute(f"create or replace table reports.measure ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
    unnested = ", ".join(f"unnest(${name}::{kind}[])" for name, kind in types.items())
    con.execute(f"insert into reports.measure select {unnested}", {name: [getattr(each, name) for each in found] for name in types})
    return found


def measures_of(con: warehouse.Connection) -> list[Measure]:
    """The measures of a run as they were counted."""
    names = [each.name for each in fields(Measure)]
    return [Measure(**row) for row in warehouse.table(con, f"select {', '.join(names)} from reports.measure order by rowid")]


def marks(audit: Audit, *, is_filed: bool) -> tuple[str, ...]:
    """What every page of an audit bears: DRAFT until it is filed, and INVENTED for ever where the audit is of an invented state."""
    return (*(() if is_filed else ("DRAFT",)), *(("INVENTED",) if audit.title.startswith("INVENTED") else ()))


def context(
    con: warehouse.Connection, audit: Audit, marks: Sequence[str], contact: str | None = None, measured: Sequence[Measured] = ()
) -> Context:
    """What the editions of the run in this database are told beyond its tables."""
    (row,) = warehouse.table(con, "select run_id, code_version, started_at from curated.run")
    state = state_of(audit.state)
    return Context(
        audit=audit.name,
        title=audit.title,
        state=state.name,
        profession=f"{professions()[audit.profession].title}s",
        run_id=row["run_id"],
        code_version=row["code_version"],
        made_at=row["started_at"].replace(tzinfo=UTC),
        marks=tuple(marks),
        grace_days=audit.grace_days,
        contact=f"{audit.by}, {contact}" if audit.by and contact else contact,
        measured=measured,
        regulator=state.regulator or "insurance commissioner",
        regulators=state.regulators,
        doors=[Door(**door) for door in state.doors],
        remedies=[Remedy(**remedy) for remedy in state.remedies],
    )


def documents(
    con: warehouse.Connection,
    audit: Audit,
    folder: Path,
    marks: Sequence[str],
    found: Sequence[Measure],
    measured: Sequence[Measured],
    contact: str | None,
    say: Say,
) -> list[str]:
    """Write every edition the audit publishes, for insurers one per source; returns the file names."""
    written: dict[str, bytes] = {}
    told = context(con, audit, marks, contact, measured)
    for name, report in editions.build_each(dict.fromkeys(audit.publish), con, found, told):
        written[f"{name}.html"] = html.page(report).encode()
        written[f"{name}.pdf"] = pdf.document(report)
        written[f"{name}.xlsx"] = sheet.workbook(report)
        written[f"{name}.csv"] = sheet.annex(report)
    for checker, needed in CHECKERS.items():
        if warehouse.count(con, needed):
            written[f"{checker}.html"] = html.page(editions.build(checker, con, found, told)).encode()
    for name, content in written.items():
        (folder / name).write_bytes(content)
        say(f"{name}: {len(content) / 1024:,.0f} KB")
    return list(written)


def point(home: Path, target: Path, say: Say) -> None:
    """Let readers see `target`: `current` names it, then audit.duckdb becomes a link or copy of it; each is replaced at once."""
    named = home / "current.part"
    named.write_text(target.name + "\n", encoding="utf-8")
    warehouse.settle(named, home / "current")
    link = home / "audit.duckdb.part"
    link.unlink(missing_ok=True)
    try:
        os.link(target, link)
    except OSError:  # a file system without hard links
        shutil.copyfile(target, link)
    try:
        link.replace(home / "audit.duckdb")
    except PermissionError:  # Windows, while somebody has the old one open
        link.unlink()
        say(f"notice: audit.duckdb is open elsewhere and still shows the run before; `current` names {target.name}")


def current(home: Path) -> Path | None:
    """The database that `current` names, or None where nothing is published."""
    pointer = home / "current"
    return home / pointer.read_text(encoding="utf-8").strip() if pointer.exists() else None
