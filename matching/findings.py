"""Every check asked of every listing; the listings that fail become findings, told in one sentence each."""

import re
from functools import cache
from importlib import resources

import yaml

from matching import judge
from matching.records import Check, Connection, Settings

LICENSE = ("lapsed_license", "barred_license", "retired_or_deceased")  # one license, read in three ways: withdrawn together
LEAST = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # posteriors from which "same" might be said; SAME is among them


@cache
def checks() -> tuple[Check, ...]:
    """Every check beside this file, by name: its SELECT and what its card says of it."""
    folder = resources.files("matching").joinpath("checks")
    found = []
    for name in sorted(file.name.removesuffix(".sql") for file in folder.iterdir() if file.name.endswith(".sql")):
        card = yaml.safe_load(folder.joinpath(f"{name}.yml").read_text(encoding="utf-8"))
        sql = folder.joinpath(f"{name}.sql").read_text(encoding="utf-8")
        found.append(
            Check(
                name=name,
                question=card["question"],
                sentence=card["sentence"],
                severity=card["severity"],
                about=card["about"],
                basis=tuple(card["basis"]),
                rules=tuple(card["rules"]),
                sql=sql,
            )
        )
    return tuple(found)


def findings(con: Connection, settings: Settings) -> None:
    """Create matching.finding, one row per check and claim (or other subject), and the models it stands on and is read by.

    The sentence, tier and evidence are those of the newest observation that fails. State: resolved if the newest complete
    snapshot of the source has no failing observation, new if no earlier one had, else persisting. Stage: what matching.progress says.
    """
    for model in ("license_on_day", "across", "spell", "answer", "dialled"):
        _model(con, model, settings)
    con.execute(_EMPTY)
    for reads_findings in (False, True):  # a check that asks how a finding went on comes when there are some
        for check in checks():
            if ("matching.finding" in check.sql) is reads_findings:
                _ask(con, check, settings)
        con.execute(_PLACED, {"audit": settings.audit})
        con.execute(_FINDING)
        con.execute(_SIGHTING)
        _model(con, "progress", settings)
        con.execute(_STAGE)
    for model in ("standing", "confirmation"):
        _model(con, model, settings)


def _ask(con: Connection, check: Check, settings: Settings) -> None:
    """Put what fails one check into the temporary table failed."""
    con.execute(f"create or replace temp table failing as {check.sql}", _used(check.sql, settings))
    columns = [column[0] for column in con.execute("select * from failing limit 0").description]
    shared = [name for name in columns if name in _SHARED] + ([] if "about" in columns else [f"'{check.about}' as about"])
    basis = ", ".join(f"coalesce(cast({name} as varchar), '')" for name in check.basis)
    con.execute(
        f"insert into failed by name select {', '.join(shared)}, $check as check_name, $severity as severity, $rules as rule_ids, "
        f"{_sentence(check.sentence)} as sentence, left(sha256(concat_ws('|', $kind, {basis})), 16) as basis from failing",
        {
            "check": check.name,
            "severity": check.severity,
            "rules": list(check.rules),
            "kind": "license" if check.name in LICENSE else check.name,
        },
    )


def sensitivity(con: Connection, settings: Settings) -> None:
    """Create matching.sensitivity: how many listings would be matched, and what would be found, were "same" said from another posterior.

    Pairs are judged, and the checks that read them asked, again for each, and taken back: what stands in matching.* afterwards is what
    stood there before. What any other check finds (in numbers, fields, people's words) is the same from every posterior.
    """
    again = [check for check in checks() if re.search(r"matching\.(pair|license_on_day)\b", check.sql) and "ledger." not in check.sql]
    others = con.execute(_FOUND, {"of": [check.name for check in checks() if check not in again]}).fetchall()
    rows: list[tuple[float, str, str | None, int]] = []
    for least in LEAST:
        con.execute("begin transaction")
        try:
            judge.judge_by(con, least)
            _model(con, "license_on_day", settings)
            con.execute(_EMPTY)
            for check in again:
                _ask(con, check, settings)
            con.execute(_PLACED, {"audit": settings.audit})
            con.execute(_FINDING)
            matched = (
                "select count(distinct listing_id) from matching.pair join matching.listed using (identity_id) where judgement = 'same'"
            )
            rows.append((least, "matched", None, con.execute(matched).fetchone()[0]))
            found = con.execute(_FOUND, {"of": [check.name for check in again]}).fetchall()
            rows += [(least, *row) for row in sorted([*found, *others])]
        finally:
            con.execute("rollback")
    con.execute("create or replace table matching.sensitivity (least double, what varchar, tier varchar, count bigint)")
    for row in rows:
        con.execute("insert into matching.sensitivity values (?, ?, ?, ?)", list(row))


def _model(con: Connection, name: str, settings: Settings) -> None:
    sql = resources.files("matching").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    con.execute(f"create or replace table matching.{name} as {sql}", _used(sql, settings))


def _used(sql: str, settings: Settings) -> dict[str, object]:
    names = [check.name for check in checks()] if "$checks" in sql else []
    values = {"grace_days": settings.grace_days, "profession": settings.profession, "audit": settings.audit, "checks": names}
    return {name: value for name, value in values.items() if f"${name}" in sql}


def _sentence(template: str) -> str:
    """A card's sentence as an SQL expression over the columns its SELECT returns.

    >>> _sentence("Listed on {observed_on}.")
    "concat('Listed on ', coalesce(cast(observed_on as varchar), 'not said'), '.')"
    """
    pieces = re.split(r"\{([a-z_]+)\}", template)
    missing = {"network": "a network the source does not name"}
    words = [
        f"coalesce(cast({piece} as varchar), '{missing.get(piece, 'not said')}')" if at % 2 else "'" + piece.replace("'", "''") + "'"
        for at, piece in enumerate(pieces)
    ]
    return f"concat({', '.join(words)})"


_EMPTY = """
create or replace temp table failed (
  check_name varchar, listing_id varchar, claim_id varchar, subject_kind varchar, subject_id varchar, observed_on date, tier varchar,
  credential_id varchar, evidence_ids varchar[], severity varchar, about varchar, sentence varchar, rule_ids varchar[], basis varchar,
  may_share boolean default true, thread varchar, source_id varchar, snapshot_id varchar, is_latest boolean
)
"""
# What a check hands on; the last six only where it differs: consent, what it is about, what to follow over time in place of the claim,
# and where that was, for what has no listing.
_SHARED = (
    "listing_id", "claim_id", "subject_kind", "subject_id", "observed_on", "tier", "credential_id", "evidence_ids",
    "may_share", "about", "thread", "source_id", "snapshot_id", "is_latest",
)  # fmt: skip

_PLACED = """
create or replace temp table placed as
with located as (
  select
    failed.* replace (
      coalesce(
        failed.thread, failed.claim_id || case when failed.subject_kind = 'listing' and nth.place > 1 then '|' || nth.place else '' end
      ) as thread,
      coalesce(listing.source_id, failed.source_id) as source_id, coalesce(listing.snapshot_id, failed.snapshot_id) as snapshot_id,
      coalesce(listing.is_latest, failed.is_latest) as is_latest
    ),
    listing.network
  from failed
  left join curated.listing on listing.listing_id = failed.listing_id
  left join (
    select listing_id, row_number() over (partition by snapshot_id, claim_id order by locator, listing_id) as place
    from curated.listing
  ) as nth on nth.listing_id = failed.listing_id
)
select
  left(sha256(concat_ws('|', $audit::varchar, located.check_name, located.thread)), 16) as finding_id, $audit::varchar as audit, located.*,
  source.surface, network.line
from located
left join curated.source on source.source_id = located.source_id
left join curated.network on network.source_id = located.source_id and network.network = located.network
"""

_STAGE = "update matching.finding set stage = progress.stage from matching.progress where progress.finding_id = finding.finding_id"

_FOUND = """
select check_name, tier, count(*) from matching.finding where state <> 'resolved' and list_contains($of::varchar[], check_name)
group by all order by all
"""

_SIGHTING = """
create or replace table matching.sighting as
select finding_id, snapshot_id, source_id, observed_on, listing_id, tier, sentence, evidence_ids
from placed
qualify row_number() over (partition by finding_id, snapshot_id order by tier, listing_id) = 1
"""

# A rule about the public website is cited only for what the website showed, and a rule about some lines of insurance never for a network
# that the card says is of another line (what is sold on the marketplace is individual or small group). That nothing was verified for
# 90 days cannot be read off one page: only the same error in captures more than 90 days apart shows it.
_FINDING = """
create or replace table matching.finding as
with spell as (
  select
    finding_id, min(observed_on) as first_seen_on, max(observed_on) as last_seen_on, bool_or(is_latest) as is_current,
    count(distinct snapshot_id) as snapshot_count
  from placed group by finding_id
)
select
  placed.finding_id, placed.audit,
  placed.check_name, placed.subject_kind, placed.subject_id, placed.claim_id, placed.listing_id,
  placed.tier, placed.severity, placed.sentence,
  [rule for rule in placed.rule_ids if list_contains(rules.cited, rule) and not list_contains(coalesce(others.rules, []), rule)
    and (rule <> 'us.nsa.verify_90_days' or spell.last_seen_on - spell.first_seen_on > 90)] as rule_ids,
  placed.observed_on, spell.first_seen_on, spell.last_seen_on,
  case when not spell.is_current then 'resolved' when spell.snapshot_count > 1 then 'persisting' else 'new' end as state,
  'flagged' as stage,
  cast(null as varchar) as signed_by,
  cast(null as timestamp) as rechecked_at,
  placed.credential_id, placed.evidence_ids, placed.source_id, placed.about, placed.basis, placed.may_share
from placed
join spell on spell.finding_id = placed.finding_id
left join (
  select surface, list(rule_id) as cited
  from (select distinct surface from curated.source) as shown
  join curated.rule on not regexp_matches(coalesce(cast(rule.applies_to as varchar), ''), 'website|file|api|pdf')
    or contains(cast(rule.applies_to as varchar), case when shown.surface = 'saved_page' then 'website' else shown.surface end)
  group by surface
) as rules on rules.surface is not distinct from placed.surface
left join (
  select line, list(rule_id) as rules
  from (select distinct line from curated.network where line is not null) as known
  join curated.rule
    on regexp_matches(cast(rule.applies_to as varchar), 'individual|small_group|large_group|marketplace|medicaid|medicare|self_funded')
    and not contains(cast(rule.applies_to as varchar), known.line)
    and not (contains(cast(rule.applies_to as varchar), 'marketplace') and known.line in ('individual', 'small_group'))
  group by line
) as others on others.line = placed.line
qualify row_number() over (
  partition by placed.finding_id order by placed.observed_on desc, placed.tier, placed.listing_id
) = 1
"""
