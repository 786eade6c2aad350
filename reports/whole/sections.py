"""The one Report of a run. Every number any edition prints is made here, once; an edition chooses among sections, columns and rows."""

from collections.abc import Iterator, Mapping, Sequence

from matching.records import Connection
from reports import adequacy_sections, spoken
from reports.records import Context, Measure, Report, Section
from reports.whole import page_one, results, rows, sources
from reports.whole.asking import Asking

KEY = "whole"


def build(con: Connection, measures: Sequence[Measure], context: Context) -> Report:
    """Everything that can be said of one run; needs curated.*, ledger.*, matching.* and reports.*. Shown to nobody as it is.

    `extra` holds, beside what a page needs, `names` (what braces in an edition's own words stand for) and the same per insurer's source,
    `names_of`, with the `figures_of` its first page.
    """
    run = Asking(con, measures, context)
    shown = rows.rows(run)
    at = list(rows.COLUMNS).index("Source")
    names = {**run.names} | {"notice_days": str(rows.NOTICE_DAYS), "unshared": rows.unshared(run), "findings": f"{len(shown):,}"}
    names |= {"due": rows.due(context).isoformat(), "findings_sql": sources.FINDINGS_SQL, "pictured": results.pictured(run)}
    run.names = names  # what only the rows know is said in the sections, too
    own = {
        source: run.names_of(source) | {"insurer": name, "findings": f"{sum(row[at] == source for row in shown):,}"}
        for source, name in run.insurers
    }
    return Report(
        key=KEY,
        title=context.title,
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts=page_one.facts(run),
        sections=tuple(_sections(run, shown)),
        annex_columns=tuple(rows.COLUMNS),
        annex=shown,
        annex_kinds=tuple(rows.COLUMNS.values()),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={
            "names": names,
            "names_of": own,
            "figures": page_one.figures(run),
            "figures_of": {source: page_one.figures(run, source) for source in run.sources},
            "measures": tuple(measures),
            "flow": run.ask("select source_id, step, count from reports.flow order by source_id, place"),
            "contacts": _contacts(context),
            "spoken": _spoken(run),
        },
    )


def _sections(run: Asking, shown: list[tuple[object, ...]]) -> Iterator[Section]:
    has = "with_roll" if run.has_roll else "without_roll"
    yield page_one.finding(run)
    yield page_one.interests(run)
    yield page_one.counts(run)
    yield page_one.insurers(run)
    yield page_one.jurisdiction(run)
    yield sources.doors(run)
    yield sources.legal(run)
    yield sources.cited(run)
    yield sources.definitions(run)
    yield sources.sources(run)
    yield results.flow(run)
    yield run.section("methods")
    yield run.section("quality", also=[has])
    yield results.families(run, "review", ["review."])
    yield results.software(run)
    yield results.results(run)
    yield results.two_counts(run)
    yield results.own_results(run)
    yield results.directories(run)
    yield results.duplicates(run)
    yield results.status(run)
    yield results.standing(run)
    yield results.participation(run)
    yield results.families(run, "survey", ["survey."])
    yield from list(adequacy_sections.sections(run.con, run.context)) or [run.section("adequacy")]
    yield sources.changes(run)
    yield results.families(run, "persistence", ["persistence."])
    yield from results.longest(run, shown)
    yield results.uncertainty(run)
    yield results.replies(run)
    yield sources.remedy(run)
    yield run.section("limits")
    yield run.section("corrections")
    yield sources.versions(run)
    yield sources.evidence(run)
    yield run.section("checking")
    yield sources.reproduction(run)
    yield rows.said(run, shown)


def _spoken(run: Asking) -> dict[str, Mapping[str, str]]:
    """Column of the annex → its codes in words, as pages print them."""
    rules: dict[str, str] = dict(run.ask("select rule_id, citation from curated.rule where citation is not null order by rule_id"))
    words = {"Check": spoken.CHECKS, "Tier": spoken.TIERS, "Severity": spoken.SEVERITIES, "Stage": spoken.STAGES, "State": spoken.STATES}
    return {**words, "Rules": rules, "Rule": rules}


def _contacts(context: Context) -> tuple[str, ...]:
    """Addresses and numbers of offices, and our own: no individual's."""
    offices = [said for door in context.doors for said in (door.where, door.phone)]
    return tuple(said for said in (context.contact, *offices) if said)
