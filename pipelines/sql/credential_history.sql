-- What a roll said of a credential, from the first snapshot that said it to the last; status as of any day is read here.
-- Several rows for one credential in one snapshot (a roll that repeats itself) count once, the one that permits most first.
with read as (
  select
    credential.source_id,
    snapshot.observed_on,
    snapshot.finished_at,
    snapshot.snapshot_id,
    coalesce(license_key(credential.number, $license_pattern, $license_digits), fold(credential.number)) as license_key,
    credential.type as credential_type,
    credential.status as status_raw,
    coalesce(meaning.status, case when day_of(credential.expires) < snapshot.observed_on then 'expired' else 'unknown' end) as status,
    case when meaning.status is not null then meaning.may_practice when day_of(credential.expires) < snapshot.observed_on then false end
      as may_practice,
    day_of(credential.expires) as expires_on,
    credential.evidence_id,
    credential.locator
  from parsed.credential
  join curated.snapshot on snapshot.snapshot_id = credential.snapshot_id
  left join curated.status_meaning as meaning
    on meaning.source_id = credential.source_id and meaning.status_raw = status_key(credential.status)
), one_each as (
  select * from read
  qualify row_number() over (
    partition by source_id, license_key, credential_type, snapshot_id
    order by coalesce(may_practice, true) desc, expires_on desc nulls first, status_raw, evidence_id, locator
  ) = 1
), marked as (
  select *,
    row(status_raw, status, may_practice, expires_on) as said,
    lag(row(status_raw, status, may_practice, expires_on)) over spell as said_before
  from one_each
  window spell as (partition by source_id, license_key, credential_type order by observed_on, finished_at, snapshot_id)
), numbered as (
  select *, sum(case when said is distinct from said_before then 1 else 0 end) over (
    partition by source_id, license_key, credential_type order by observed_on, finished_at, snapshot_id
  ) as spell
  from marked
)
select
  left(sha256(concat_ws('|', source_id, license_key, coalesce(credential_type, ''))), 20) as credential_id,
  min(observed_on) as seen_from_on,
  max(observed_on) as seen_to_on,
  first(status_raw order by observed_on, finished_at, snapshot_id) as status_raw,
  first(status order by observed_on, finished_at, snapshot_id) as status,
  first(may_practice order by observed_on, finished_at, snapshot_id) as may_practice,
  first(expires_on order by observed_on, finished_at, snapshot_id) as expires_on,
  case when max(status_raw) is null then 'expiry date' else 'printed status' end as basis,
  first(evidence_id order by observed_on, finished_at, snapshot_id) as evidence_id,
  first(locator order by observed_on, finished_at, snapshot_id) as locator
from numbered
group by source_id, license_key, credential_type, spell
