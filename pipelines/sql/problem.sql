-- What we refused to interpret: rows a parser could not read, and values that are not what their column should hold.
with said as (
  select source_id, snapshot_id, evidence_id, locator, reason, excerpt from parsed.problem
  union all
  select credential.source_id, credential.snapshot_id, credential.evidence_id, credential.locator,
    'expiry date ' || quote_of(credential.expires) || ' is not a date', left(credential.number, 200)
  from parsed.credential
  where credential.expires is not null and day_of(credential.expires) is null
  union all
  select credential.source_id, credential.snapshot_id, credential.evidence_id, credential.locator,
    'status ' || quote_of(credential.status) || ' is not on the card; map it under words: status', left(credential.number, 200)
  from parsed.credential
  join curated.status_meaning as meaning on meaning.source_id = credential.source_id and meaning.status_raw = status_key(credential.status)
  where not meaning.is_on_card
  union all
  select source_id, snapshot_id, evidence_id, locator, kind || ' date ' || quote_of(said) || ' is not a date', ''
  from (
    select exclusion.*, unnest(['exclusion', 'reinstatement']) as kind, unnest([excluded, reinstated]) as said from parsed.exclusion
  ) as dated
  where is_unread_day(said)
)
select
  left(sha256(concat_ws('|', source_id, snapshot_id, coalesce(evidence_id, ''), coalesce(locator, ''), reason,
    row_number() over (partition by source_id, snapshot_id, evidence_id, locator, reason order by excerpt))), 20) as problem_id,
  source_id, snapshot_id, evidence_id, locator, reason, excerpt
from said
