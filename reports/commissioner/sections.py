"""The commissioner's edition, section by section: each puts a question to one run's database; its words are in report.yml."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

import yaml

from matching.records import Connection
from reports.measures import BANDS, CHECKS, percent, shown, span, wilson
from reports.records import Context, Measure, Report, Section
from reports.render import charts

Rows = Sequence[tuple[Any, ...]]

STEPS = ("captured", "parsed", "in_scope", "unique", "matched", "flagged", "reviewed", "final")
ON_PAGE_ONE = (
    "unique",
    "duplicates",
    "duplicate_listing.listing.a",
    "not_in_force.listing.a",
    "not_in_force.listing.ab",
    "not_in_force.provider.a",
    "match.same",
    "match.unsure",
    "match.none",
)
ANNEX = {  # column → the heading it stands under where a row must fit a page
    "Finding": "Finding",
    "Check": "Finding",
    "Tier": "Finding",
    "Insurer": "Insurer",
    "Network": "Insurer",
    "Name as listed": "Listing",
    "License": "Listing",
    "City": "Listing",
    "ZIP3": "Listing",
    "What the records say": "What the records say",
    "Why this license": "What the records say",
    "Rules": "Rules",
    "Observed on": "Evidence",
    "Evidence": "Evidence",
}
HERE = "(rule.state = 'US' or rule.state in (select run.state from curated.run))"
# What made listing and license one: each answer with its weight (log2), and where the sum began.
SAID = """from_json(match.explanation, '[{"respect": "varchar", "reason": "varchar", "weight": "double"}]')"""
WHY = f"""case when match.explanation is not null then concat(
  array_to_string([
    printf('%s (%+.1f)', said.reason, said.weight) for said in {SAID} if said.weight <> 0 and said.respect <> 'prior'
  ], '; '),
  '; starting from ', array_to_string([printf('%+.1f', said.weight) for said in {SAID} if said.respect = 'prior'], ''),
  printf(': probability %.3f, by %s', match.probability, match.judged_by)) end"""
CURRENT = "finding.tier in ('A', 'B') and finding.state <> 'resolved' and finding.stage <> 'withdrawn'"


def build(con: Connection, measures: Sequence[Measure], context: Context) -> Report:
    """The commissioner's edition of one run; needs reports.in_scope, flagged and flow beside curated.* and matching.*."""
    edition = _Edition(con, measures, context)
    subtitle = edition.say("subtitle")
    return Report(
        key="commissioner",
        title=edition.say("title"),
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts=edition.facts(),
        sections=tuple(edition.sections()),
        annex_columns=tuple(ANNEX),
        annex=edition.annex(),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={
            "subtitle": subtitle[:1].upper() + subtitle[1:],
            "notices": [edition.say(mark.lower()) for mark in context.marks if mark.lower() in edition.words],
            "figures": edition.figures(),
            "annex_stacks": ANNEX,
            "measures": tuple(measures),
            "flow": edition.ask("select source_id, step, count from reports.flow order by source_id, place"),
        },
    )


@dataclass
class _Edition:
    con: Connection
    measures: Sequence[Measure]
    context: Context

    def ask(self, sql: str) -> Rows:
        return [tuple(row) for row in self.con.execute(sql).fetchall()]

    @cached_property
    def words(self) -> Mapping[str, Any]:
        said: Mapping[str, Any] = yaml.safe_load(resources.files("reports.commissioner").joinpath("report.yml").read_text(encoding="utf-8"))
        return said

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str], Measure]:
        return {(each.name, each.scope): each for each in self.measures}

    @cached_property
    def insurers(self) -> Rows:
        return self.ask("select source_id, coalesce(insurer_name, title) from curated.source where kind = 'insurer' order by 2, 1")

    @cached_property
    def has_roll(self) -> bool:
        return ("match.same", "all") in self.by_name

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What the braces in report.yml stand for."""
        counts = {name: name for name in ("listings", "duplicates", "unique", "providers")} | {
            "duplicates_a": "duplicate_listing.listing.a"
        }
        if self.has_roll:
            counts |= {"same": "match.same", "unsure": "match.unsure", "unmatched": "match.none"}
            counts |= {"barred": "not_in_force.listing.a", "barred_wide": "not_in_force.listing.ab"}
        said = {name: f"{self.by_name[measure, 'all'].numerator:,}" for name, measure in counts.items()}
        if self.has_roll:
            said["barred"] = shown(self.by_name["not_in_force.listing.a", "all"])
        return said | {
            "title": self.context.title,
            "compared": " compared with the state's own license roll" if self.has_roll else "",
            "state": self.context.state,
            "profession": self.context.profession,
            "insurers": "; ".join(dict.fromkeys(name for _, name in self.insurers)),
            "grace_days": str(self.context.grace_days),
            "run_id": self.context.run_id,
            "code_version": self.context.code_version,
            "contact": self.context.contact or "where to send them is not yet named, and must be before this report is filed",
            "pairs": self.pairs(),
        }

    def pairs(self) -> str:
        judged = self.ask("select judgement, count(*) from matching.match where right_kind = 'credential' group by 1 order by 1")
        return ", ".join(f"{count:,} {judgement}" for judgement, count in judged) or "none"

    def say(self, key: str) -> str:
        return str(self.words[key]).format_map(self.names)

    def section(
        self, key: str, rows: Iterable[tuple[Any, ...]] = (), *, also: Sequence[str] = (), chart: str = "", alt: str = ""
    ) -> Section:
        """The section `key` of report.yml around these rows, with the paragraphs it says only in the cases `also`."""
        said = self.words["sections"][key]
        paragraphs = [line for part in ("words", *also) for line in said.get(part, ())]
        return Section(
            key=key,
            title=said["title"],
            paragraphs=[line.format_map(self.names) for line in paragraphs],
            columns=tuple(said.get("columns", ())),
            rows=tuple(rows),
            note=said.get("note", ""),
            chart=chart,
            alt=alt,
        )

    def sections(self) -> Iterator[Section]:
        roll = "with_roll" if self.has_roll else "without_roll"
        yield self.section("finding", (self.printed(name) for name in ON_PAGE_ONE if (name, "all") in self.by_name), also=[roll])
        yield self.section("insurers", self.networks())
        rules = self.rules()
        yield self.section("legal", (rule[:-1] for rule in rules), also=[] if any(rule[-1] != "US" for rule in rules) else ["federal_only"])
        meanings = self.words["sections"]["definitions"]["rows"]
        yield self.section("definitions", ((word, meaning.format_map(self.names)) for word, meaning in meanings.items()))
        yield self.section("sources", self.sources())
        yield self.flow()
        yield self.section("methods")
        yield self.section("quality", self.measured(), also=[roll, "measured" if self.context.measured else "unmeasured"])
        yield self.results()
        yield self.section("directories", map(self.directory, self.insurers))
        everyone = (*self.insurers, ("all", "All"))
        kinds = ("duplicates", "multi_location")
        yield self.section("duplicates", ((name, *(shown(self.by_name[kind, scope]) for kind in kinds)) for scope, name in everyone))
        if self.has_roll:
            yield self.section("status", self.statuses())
        known = ("standing.confirmed", "standing.undetermined", "standing.contradicted", "unique")
        yield self.section("standing", ((name, *(self.by_name[each, scope].numerator for each in known)) for scope, name in everyone))
        changes = self.changes()
        if changes:
            yield self.section("changes", changes)
        yield self.section("limits")
        yield self.section("corrections")
        yield self.section("evidence", self.evidence())

    def facts(self) -> Mapping[str, str]:
        seen = {
            kind: (titles, (first if first == last else f"{first} to {last}") + (" (stale)" if is_stale else ""))
            for kind, titles, first, last, is_stale in self.ask(
                """
                select source.kind, string_agg(distinct source.title, '; ' order by source.title),
                  cast(min(snapshot.observed_on) as text), cast(max(snapshot.observed_on) as text),
                  coalesce(bool_or(snapshot.is_stale), false)
                from curated.snapshot
                join curated.source on source.source_id = snapshot.source_id
                where snapshot.is_latest
                group by 1
                """
            )
        }
        roll = seen.get("license_roll")
        return {
            "State": self.context.state,
            "Insurers": self.names["insurers"],
            "Directories captured": seen["insurer"][1] if "insurer" in seen else "no complete capture",
            "License roll": f"{roll[0]}, captured {roll[1]}" if roll else "none in this audit",
            "Run": f"{self.context.run_id}, Rollcall {self.context.code_version}",
            "Made": self.context.made_at.strftime("%Y-%m-%d %H:%M UTC"),
        }

    def figures(self) -> list[tuple[str, str]]:
        """The few counts of the first page, each with what it counts."""
        wanted = {
            "listings": "listings in scope",
            "duplicate_listing.listing.a": "documented duplicates (tier A)",
            "not_in_force.listing.a": "license not in force, documented (tier A)",
            "match.none": "matched to no license, which says nothing about the person",
        }
        found = [(self.by_name[name, "all"], words) for name, words in wanted.items() if (name, "all") in self.by_name]
        return [(f"{measure.numerator:,}", f"{words}{_of(measure)}") for measure, words in found]

    def printed(self, name: str) -> tuple[Any, ...]:
        """One measure as a table row; no share where too few were counted."""
        each = self.by_name[name, "all"]
        return (each.title, each.numerator, each.denominator, *_rate(each))

    def networks(self) -> Rows:
        rows = self.ask(
            """
            select coalesce(source.insurer_name, source.title), source.naic, source.waoic, source.surface,
              coalesce(named.network, shown.network), named.line, named.regulator, named.filed_as, coalesce(shown.listings, 0)
            from (select source_id, network, count(*) as listings from reports.in_scope group by all) as shown
            full join curated.network as named on named.source_id = shown.source_id and named.network = shown.network
            join curated.source on source.source_id = coalesce(named.source_id, shown.source_id)
            where source.kind = 'insurer'
            order by 1, 5
            """
        )
        return [tuple("not stated" if cell is None else cell for cell in row) for row in rows]

    def rules(self) -> Rows:
        """The rules of this run, federal ones and the audit state's own; the state stands last in each row."""
        return self.ask(
            f"""
            select citation || chr(10) || rule_id, says, coalesce(replace(applies_to, '_', ' '), 'not stated'), source,
              coalesce(cast(text_dated as text), 'not stated'), coalesce(cast(verified_on as text), 'unverified'), state
            from curated.rule
            where {HERE}
            order by state <> 'US', rule_id
            """
        )

    def sources(self) -> Rows:
        return self.ask(
            """
            select source.title || chr(10) || source.source_id, first.url,
              strftime(snapshot.started_at, '%Y-%m-%d %H:%M:%S') || chr(10) || 'to ' || strftime(snapshot.finished_at, '%Y-%m-%d %H:%M:%S')
                || case when snapshot.is_latest and snapshot.is_stale then chr(10) || 'stale: of ' || snapshot.observed_on else '' end,
              snapshot.response_count, snapshot.record_count, snapshot.problem_count, snapshot.sha256
            from curated.snapshot
            join curated.source on source.source_id = snapshot.source_id
            left join (select snapshot_id, arg_min(url, fetched_at) as url from curated.evidence group by 1) as first
              on first.snapshot_id = snapshot.snapshot_id
            order by source.kind, source.source_id, snapshot.started_at
            """
        )

    def flow(self) -> Section:
        counts = {(source, step): count for source, step, count in self.ask("select source_id, step, count from reports.flow")}
        rows = [(name, *(counts.get((source, step), 0) for step in STEPS)) for source, name in self.insurers]
        totals = [sum(row[place] for row in rows) for place in range(1, len(STEPS) + 1)]
        if len(rows) > 1:
            rows.append(("All", *totals))
        steps = list(zip(self.words["sections"]["flow"]["columns"][1:], totals, strict=True))
        alt = "Bars of listings at each step: " + ", ".join(f"{name} {count:,}" for name, count in steps) + "."
        return self.section("flow", rows, chart=charts.flow(steps), alt=alt)

    def measured(self) -> Rows:
        return [
            (
                *(CHECKS.get(each.check, each.check), each.flagged, each.right, *_share(each.right, each.flagged)),
                *(each.true, each.found, *_share(each.found, each.true), each.unsure),
            )
            for each in self.context.measured
            if each.check != "no_license_found"  # tier C by rule: it has no tier A to be right in
        ]

    def results(self) -> Section:
        ran = [each.name.split(".")[0] for each in self.measures if each.scope == "all" and each.name.endswith(".listing.a")]
        rows, bars = [], []
        for name in ran:
            if name == "not_in_force":
                continue  # the sum of three checks, not a check
            title = CHECKS.get(name, name.replace("_", " ").capitalize())
            a, ab, abc = (self.by_name[f"{name}.listing.{tiers}", "all"] for tiers in ("a", "ab", "abc"))
            persons, wide = (self.by_name[f"{name}.provider.{tiers}", "all"] for tiers in ("a", "ab"))
            tiers = (a.numerator, ab.numerator - a.numerator, abc.numerator - ab.numerator)
            bars.append((title, *tiers))
            rows.append((title, *tiers, a.denominator, *_rate(a), persons.numerator, wide.numerator, persons.denominator))
        alt = "Bars of listings by check and tier: " + "; ".join(f"{name}: A {a:,}, B {b:,}, C {c:,}" for name, a, b, c in bars) + "."
        return self.section("results", rows, chart=charts.findings(bars), alt=alt)

    def directory(self, insurer: tuple[Any, ...]) -> tuple[Any, ...]:
        source, name = insurer
        doubles, unique = self.by_name["duplicates", source], self.by_name["unique", source]
        row = (name, doubles.denominator, doubles.numerator, _rate(doubles)[0], unique.numerator)
        if not self.has_roll:
            return (*row, None, None, None, None)
        barred, wide = (self.by_name[f"not_in_force.listing.{tiers}", source] for tiers in ("a", "ab"))
        return (*row, barred.numerator, wide.numerator, *_rate(barred))

    def statuses(self) -> Rows:
        within = [f"days_since >= {least}" + ("" if most is None else f" and days_since <= {most}") for least, most in BANDS.values()]
        bands = ", ".join(f"count(*) filter (where {each})" for each in [*within, "days_since is null"])
        return self.ask(
            f"select replace(status, '_', ' '), {bands}, count(*) from reports.in_scope"
            " where is_unique and license = 'not_in_force' group by 1 order by 1"
        )

    def changes(self) -> Rows:
        """One row per capture that has another before it."""
        return self.ask(
            """
            select coalesce(source.insurer_name, source.title), cast(snapshot.observed_on as text),
              count(distinct claim_id) filter (where change = 'appeared'), count(distinct claim_id) filter (where change = 'vanished'),
              count(distinct claim_id) filter (where change = 'changed')
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

    def evidence(self) -> Rows:
        return self.ask(
            f"""
            select evidence_id, url, strftime(fetched_at, '%Y-%m-%d %H:%M:%S'), coalesce(cast(http_status as text), 'file'), sha256
            from curated.evidence
            where evidence_id in (select unnest(evidence_ids) from matching.finding where {CURRENT})
            order by url, fetched_at, evidence_id
            """
        )

    def annex(self) -> Rows:
        """Findings of tiers A and B, one row each; of a person neither street nor telephone."""
        return self.ask(
            f"""
            select
              finding.finding_id, finding.check_name, finding.tier, coalesce(source.insurer_name, source.title), listing.network,
              coalesce(listing.name_raw, concat_ws(' ', credential.given_name, credential.middle_name, credential.family_name)),
              coalesce(credential.license_key, listing.license_key), listing.city, left(listing.zip5, 3),
              concat_ws(' ', finding.sentence, confirmation.note), {WHY},
              array_to_string([rule for rule in finding.rule_ids if list_contains(known.rules, rule)], ', '),
              cast(finding.observed_on as text), array_to_string(finding.evidence_ids, ', ')
            from matching.finding
            cross join (select coalesce(list(rule_id), []) as rules from curated.rule where {HERE}) as known
            left join curated.listing on listing.listing_id = finding.listing_id
            left join curated.source on source.source_id = listing.source_id
            left join curated.credential on credential.credential_id = finding.credential_id
            left join matching.confirmation on confirmation.finding_id = finding.finding_id
            left join matching.match on match.left_id = finding.listing_id and match.right_id = finding.credential_id
            where {CURRENT} and (finding.claim_id is null or finding.claim_id in (select claim_id from reports.in_scope))
            order by 4, 5, 3, 2, 6, 1
            """
        )


def _of(measure: Measure) -> str:
    share, interval = _rate(measure)
    if measure.denominator is None:
        return ""
    return f"\n{share} of {measure.denominator:,} ({interval})" if share else f"\nof {measure.denominator:,}"


def _rate(measure: Measure) -> tuple[str | None, str | None]:
    """Share and interval as printed; neither where too few were counted."""
    if measure.value is None or measure.low is None or measure.high is None:
        return None, None
    return percent(measure.value), span(measure.low, measure.high)


def _share(part: int, whole: int) -> tuple[str | None, str | None]:
    return (percent(part / whole), span(*wilson(part, whole))) if whole else (None, None)
