"""The rows behind the report: every finding that may be shown, with all that any edition shows of it; an edition takes some columns.

Shown are current findings of tiers A and B that were not withdrawn and may be shared; of the others only how many there are.
"""

import re
from datetime import date, timedelta
from typing import Any, Final

from reports.codes import codes
from reports.lint import KINDS, withheld
from reports.records import Context, Section
from reports.whole.asking import FEW, HERE, Asking, quoted
from reports.withholding import LEAST_TO_TELL

NOTICE_DAYS = 14  # our own rule of notice, before anything is filed; no law sets it
ANSWER_DAYS = 21  # from the day a document is made: the notice begins when it is sent, and a letter takes a week to be delivered and read
SHOWN = "finding.tier in ('A', 'B') and finding.state <> 'resolved' and finding.stage <> 'withdrawn' and finding.may_share"
COLUMNS: Final = {  # column → its kind, in the words of reports.lint.KINDS; `Source` tells an edition whose row it is and is shown by none
    "Source": "id",
    "Finding": "id",
    "Code": "code",
    "Check": "word",
    "Tier": "tier",
    "Severity": "word",
    "Stage": "word",
    "State": "word",
    "Insurer": "text",
    "Network": "text",
    "Reference": "text",
    "Name as listed": "name",
    "License": "license",
    "License as printed": "license",
    "NPI": "npi",
    "Street": "street",
    "City": "place",
    "County": "place",
    "ZIP": "zip",
    "ZIP3": "zip3",
    "Telephone": "phone",
    "What the records say": "text",
    "Change asked for": "text",
    "Why this license": "text",
    "Rules": "ids",
    "Observed on": "date",
    "First seen": "date",
    "Last seen": "date",
    "Reviewed by": "text",
    "Reply": "word",
    "Its words": "quote",
    "Answer by": "date",
    "Evidence": "ids",
}
OUTSIDE = ("Name as listed", "Network", "Reference", "What the records say", "Why this license")  # may hold what a directory put there
# What made listing and license one: each answer with its weight (log2), and where the sum began.
SAID = """from_json(match.explanation, '[{"respect": "varchar", "reason": "varchar", "weight": "double"}]')"""
WHY = f"""case when match.explanation is not null then concat(
  array_to_string([
    printf('%s (%+.1f)', said.reason, said.weight) for said in {SAID} if said.weight <> 0 and said.respect <> 'prior'
  ], '; '),
  '; starting from ', array_to_string([printf('%+.1f', said.weight) for said in {SAID} if said.respect = 'prior'], ''),
  printf(': probability %.3f, by %s', match.probability, match.judged_by)) end"""
ROWS = f"""
select
  finding.source_id as "Source", finding.finding_id as "Finding", finding.check_name as "Check",
  finding.tier as "Tier", finding.severity as "Severity", finding.stage as "Stage", finding.state as "State",
  coalesce(source.insurer_name, source.title) as "Insurer", listing.network as "Network",
  listing.reference as "Reference",
  coalesce(listing.name_raw, concat_ws(' ', credential.given_name, credential.middle_name, credential.family_name)) as "Name as listed",
  coalesce(credential.license_key, listing.license_key) as "License",
  coalesce(credential.license_raw, listing.license_raw) as "License as printed",
  case when regexp_full_match(listing.npi, '[0-9]{{10}}') then listing.npi end as "NPI",
  nullif(concat_ws(', ', listing.address, listing.address_2), '') as "Street",
  case when not regexp_matches(listing.city, '[0-9]') then listing.city end as "City",
  county.name as "County",
  listing.zip5 as "ZIP", case when regexp_matches(listing.zip5, '^[0-9]{{3}}') then left(listing.zip5, 3) end as "ZIP3",
  listing.phone as "Telephone",
  concat_ws(' ', finding.sentence, confirmation.note) as "What the records say",
  {WHY} as "Why this license",
  array_to_string([rule for rule in finding.rule_ids if list_contains(known.rules, rule)], ', ') as "Rules",
  cast(finding.observed_on as text) as "Observed on", cast(finding.first_seen_on as text) as "First seen",
  cast(finding.last_seen_on as text) as "Last seen",
  judged.people as "Reviewed by",
  progress.insurer_answer as "Reply", progress.insurer_words as "Its words",
  array_to_string(finding.evidence_ids, ', ') as "Evidence"
from matching.finding
cross join (select coalesce(list(rule_id), []) as rules from curated.rule where {HERE}) as known
left join curated.listing on listing.listing_id = finding.listing_id
left join curated.source on source.source_id = finding.source_id
left join curated.county on county.county_fips = listing.county_fips
left join curated.credential on credential.credential_id = finding.credential_id
left join matching.confirmation on confirmation.finding_id = finding.finding_id
left join matching.progress on progress.finding_id = finding.finding_id
left join (
  select match.* from matching.match
  semi join matching.finding on finding.listing_id = match.left_id and finding.credential_id = match.right_id
) as match on match.left_id = finding.listing_id and match.right_id = finding.credential_id
left join (
  select finding_id, string_agg(distinct verdict."by", ', ' order by verdict."by") as people
  from ledger.verdict where judgement = 'right' group by finding_id
) as judged on judged.finding_id = finding.finding_id
where {SHOWN} and (finding.claim_id is null or finding.claim_id in (select claim_id from reports.in_scope))
order by "Insurer", "Network", "Tier", "Check", "Name as listed", "Finding"
"""


def rows(run: Asking) -> list[tuple[Any, ...]]:
    """One row per finding shown, in the order of COLUMNS."""
    answer = run.con.execute(ROWS)
    names = [column[0] for column in answer.description]
    found = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    called = codes(row["Finding"] for row in found)
    asked = run.words["changes_asked"]
    by = due(run.context).isoformat()
    for row in found:
        row["Code"] = called[row["Finding"]]
        row["Change asked for"] = asked.get(row["Check"], asked["other"])
        row["Answer by"] = by
        row["Its words"] = quoted(withheld(row["Its words"]))
        row |= {column: withheld(row[column]) for column in OUTSIDE}
        row |= {column: fitting(row[column]) for column in ("License", "License as printed")}
    return [tuple(row[column] for column in COLUMNS) for row in found]


def due(context: Context) -> date:
    """The day by which an insurer is asked to answer."""
    return context.made_at.date() + timedelta(days=ANSWER_DAYS)


def fitting(license: str | None) -> str | None:
    """A license number as it is; nothing where a directory printed something else in its place."""
    return license if license and re.fullmatch(KINDS["license"] or "", license) else None


def said(run: Asking, shown: list[tuple[Any, ...]]) -> Section:
    """The insurers' replies verbatim, for the findings that are shown."""
    at = {column: place for place, column in enumerate(COLUMNS)}
    decided = {
        finding: (on, decision, quoted(withheld(reason)))
        for finding, on, decision, reason in run.ask(
            "select finding_id, strftime(answered_at, '%Y-%m-%d'), decided, reason from matching.progress where insurer_answer is not null"
        )
    }
    told = [row for row in shown if row[at["Finding"]] in decided]
    return run.section(
        "said",
        [(*(row[at[each]] for each in ("Code", "Insurer", "Reply", "Its words")), *decided[row[at["Finding"]]]) for row in told],
        about=[row[at["Source"]] for row in told],
    )


def unshared(run: Asking) -> str:
    """About how many providers findings are shown in no row, because somebody's answer is behind them; not exactly, where they are few."""
    ((count,),) = run.ask(
        """
        select count(distinct coalesce(in_scope.provider_id, finding.subject_id))
        from matching.finding
        left join reports.in_scope on in_scope.listing_id = finding.listing_id
        where not may_share and tier in ('A', 'B') and state <> 'resolved' and stage <> 'withdrawn'
        """
    )
    words = run.words["unshared"]
    if not count:
        return str(words["none"])
    return str(words["some"]).format(count=FEW if count < LEAST_TO_TELL else f"{count:,}")
