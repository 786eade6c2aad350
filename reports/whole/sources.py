"""Where it comes from: captures, rules, responses, what changed between captures, and how to make the same again."""

import hashlib
import json

from reports.lint import withheld
from reports.records import Door, Section
from reports.whole.asking import HERE, Asking
from reports.whole.rows import SHOWN

FINDINGS_SQL = (
    "select sha256(string_agg(concat_ws('|', finding_id, tier, state), ' ' order by finding_id)) as findings from matching.finding"
)


def sources(run: Asking) -> Section:
    rows = run.ask(
        """
        select source.title || chr(10) || source.source_id, first.url,
          strftime(snapshot.started_at, '%Y-%m-%d %H:%M:%S') || chr(10) || 'to ' || strftime(snapshot.finished_at, '%Y-%m-%d %H:%M:%S')
            || case when snapshot.is_latest and snapshot.is_stale then chr(10) || 'stale: of ' || snapshot.observed_on else '' end,
          snapshot.response_count, snapshot.record_count, snapshot.problem_count, snapshot.sha256, source.source_id, source.kind
        from curated.snapshot
        join curated.source on source.source_id = snapshot.source_id
        left join (select snapshot_id, arg_min(url, fetched_at) as url from curated.evidence group by 1) as first
          on first.snapshot_id = snapshot.snapshot_id
        order by source.kind, source.source_id, snapshot.started_at
        """
    )
    about = [source if kind == "insurer" else "" for *_, source, kind in rows]
    return run.section("sources", [(title, withheld(url), *rest) for title, url, *rest, _, _ in rows], about=about)


def legal(run: Asking) -> Section:
    """The rules of this run, federal ones and the audit state's own, each with where and when its text was seen."""
    rules = run.ask(
        f"""
        select citation || chr(10) || rule_id, says, coalesce(replace(applies_to, '_', ' '), 'not stated'), source,
          coalesce(cast(text_dated as text), 'not stated'), coalesce(cast(verified_on as text), 'unverified'), state
        from curated.rule
        where {HERE}
        order by state <> 'US', rule_id
        """
    )
    return run.section("legal", (rule[:-1] for rule in rules), also=[] if any(rule[-1] != "US" for rule in rules) else ["federal_only"])


def cited(run: Asking) -> Section:
    """The verified rules that the rows shown are held against, the most cited first."""
    rows = run.ask(
        f"""
        select rule.citation, rule.says, rule.source, count(*)
        from (select unnest(rule_ids) as rule_id from matching.finding where {SHOWN}) as named
        join curated.rule on rule.rule_id = named.rule_id and rule.verified_on is not null and {HERE}
        group by all
        order by 4 desc, 1, 2
        """
    )
    return run.section("cited", rows)


def definitions(run: Asking) -> Section:
    meanings = run.words["sections"]["definitions"]["rows"]
    return run.section("definitions", ((word, meaning.format_map(run.names)) for word, meaning in meanings.items()))


def doors(run: Asking) -> Section:
    told = run.context.doors
    return run.section("doors", [(each.name, each.to, _where(each), each.note, each.source) for each in told])


def _where(door: Door) -> str | None:
    return "\n".join(filter(None, (door.where, door.phone))) or None


def remedy(run: Asking) -> Section:
    return run.section("remedy", [(each.asks, each.source, each.mark) for each in run.context.remedies])


def changes(run: Asking) -> Section:
    """One row per capture that has another before it."""
    rows = run.ask(
        """
        select coalesce(source.insurer_name, source.title), cast(snapshot.observed_on as text),
          count(distinct claim_id) filter (where change = 'appeared'), count(distinct claim_id) filter (where change = 'vanished'),
          count(distinct claim_id) filter (where change = 'changed'), source.source_id
        from (
          select *, row_number() over (partition by source_id order by observed_on, snapshot_id) as turn from curated.snapshot
        ) as snapshot
        join curated.source on source.source_id = snapshot.source_id and source.kind = 'insurer'
        left join curated.claim_change on claim_change.snapshot_id = snapshot.snapshot_id
        where snapshot.turn > 1
        group by all
        order by 1, 2
        """
    )
    return run.section("changes", [row[:-1] for row in rows], about=[row[-1] for row in rows])


def evidence(run: Asking) -> Section:
    """The responses that the rows shown rest on, and no others."""
    rows = run.ask(
        f"""
        select evidence.evidence_id, evidence.url, strftime(evidence.fetched_at, '%Y-%m-%d %H:%M:%S'),
          coalesce(cast(evidence.http_status as text), 'file'), evidence.sha256
        from curated.evidence
        where evidence.evidence_id in (select unnest(evidence_ids) from matching.finding where {SHOWN})
        order by evidence.url, evidence.fetched_at, evidence.evidence_id
        """
    )
    return run.section("evidence", [(id, withheld(url), *rest) for id, url, *rest in rows])


def versions(run: Asking) -> Section:
    """What was sent before, by run, edition and kind of recipient; offices and insurers by name, persons only counted."""
    rows = run.ask(
        """
        select run_id, edition, case when recipient_kind in ('insurer', 'regulator') then recipient else recipient_kind end as sent_to,
          channel, count(*), strftime(min("at"), '%Y-%m-%d'), strftime(max("at"), '%Y-%m-%d')
        from ledger.report_sent
        where audit = $audit
        group by all
        order by min("at"), run_id, edition, sent_to
        """,
        audit=run.context.audit,
    )
    return run.section("versions", [tuple(withheld(cell) if isinstance(cell, str) else cell for cell in row) for row in rows])


def reproduction(run: Asking) -> Section:
    """Two sums by which anybody who makes this run again can see that it is the same: of the findings, and of the measures."""
    ((findings,),) = run.ask(FINDINGS_SQL)
    told = [(each.scope, each.name, each.numerator, each.denominator) for each in run.measures]
    measures = hashlib.sha256(json.dumps(sorted(told, key=str)).encode()).hexdigest()
    ((count,),) = run.ask("select count(*) from matching.finding")
    return run.section(
        "reproduction",
        [
            ("Findings", findings or "none", f"id, tier and state of {count:,} findings, in order of id, by the query above"),
            ("Measures", measures, f"scope, name, numerator and denominator of {len(told):,} measures, as a sorted JSON list"),
        ],
    )
