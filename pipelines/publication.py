"""What a run hands out: reports.* tables, the documents, and the pointer that readers follow."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from matching.professions import professions
from pipelines import models, warehouse
from pipelines.curate import named_settings, state_of
from pipelines.runs import Run, code_version
from reports import editions, measures
from reports.records import Context, Measure, Measured
from reports.render import html, pdf, sheet
from scrapers.sources import Audit

Say = Callable[[str], None]
CHECKERS = {  # pages for those who check the work, for no audience outside; each made of every run that has what it tells of
    "matches": "curated.source where kind = 'license_roll'",
    "checklist": "curated.checklist",
}


def measure(con: warehouse.Connection, audit: Audit) -> list[Measure]:
    """Create reports.measure and the other reports.* tables from this run's findings; returns the measures."""
    models.build(con, models.load("reports/sql", "reports"), named_settings(audit))
    found = measures.compute(con, "commissioner")
    con.execute(
        "create or replace table reports.measure (report text, name text, scope text, title text, numerator bigint, denominator bigint, "
        "value double, low double, high double, method text, sql text)"
    )
    columns = [each.name for each in fields(Measure)]
    con.executemany(
        f"insert into reports.measure ({', '.join(columns)}) values ({', '.join(f'${name}' for name in columns)})",
        [asdict(each) for each in found],
    )
    return found


def documents(
    con: warehouse.Connection,
    audit: Audit,
    run: Run,
    folder: Path,
    marks: Sequence[str],
    found: Sequence[Measure],
    measured: Sequence[Measured],
    contact: str | None,
    say: Say,
) -> list[str]:
    """Write every edition that can be made; returns the file names."""
    written: dict[str, bytes] = {}
    context = Context(
        audit=audit.name,
        title=audit.title,
        state=state_of(audit.state).name,
        profession=f"{professions()[audit.profession].title}s",
        run_id=run.id,
        code_version=code_version(),
        made_at=run.started_at,
        marks=tuple(marks),
        grace_days=audit.grace_days,
        contact=contact,
        measured=measured,
    )
    made = [edition for edition in editions.editions() if edition not in CHECKERS]
    for edition in audit.publish:
        if edition not in made:
            say(f"notice: the {edition} edition is not made yet; made: {', '.join(made)}")
            continue
        report = editions.build(edition, con, found, context)
        written[f"{edition}.html"] = html.page(report).encode()
        written[f"{edition}.pdf"] = pdf.document(report)
        written[f"{edition}.xlsx"] = sheet.workbook(report)
        written[f"{edition}.csv"] = sheet.annex(report)
    for checker, needed in CHECKERS.items():
        if warehouse.count(con, needed):
            written[f"{checker}.html"] = html.page(editions.build(checker, con, found, context)).encode()
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
