-- What a roll said of a credential, from the first snapshot that said it to the last; status as of any day is read here.
-- Several rows for one credential in one snapshot (a roll that repeats itself, or prints one row per case) count once: the status that
-- permits most first, the action that is last in the alphabet (the most recent where the card puts its date in front). Of several
-- snapshots of one day the last counts.
with meant as (
  select said.source_id, said.status_raw, meaning.status, meaning.may_practice
  from (select distinct source_id, status as status_raw from parsed.credential) as said
  join curated.status_meaning as meaning on meaning.source_id = said.source_id and meaning.status_raw = status_key(said.status_raw)
), parted as (
  select
    credential.source_id, credential.number, credential.type, credential.status as status_raw, credential.action,
    credential.evidence_id, credential.locator, snapshot.observed_on, snapshot.finished_at, snapshot.snapshot_id,
    day_of(credential.expires) as expires_on,
    license_parts(credential.number, $license_pattern) as parts
  from parsed.credential
  join curated.snapshot on snapshot.snapshot_id = credential.snapshot_id
), keyed as (
  select parted.*, coalesce(license_of(parts, $license_pattern, $license_digits), fold(number)) as license_key from parted
), read as materialized (
  select
    left(sha256(concat_ws('|', keyed.source_id, keyed.license_key, coalesce(keyed.type, ''))), 20) as credential_id,
    keyed.license_key, keyed.observed_on, keyed.finished_at, keyed.snapshot_id, keyed.status_raw,
    coalesce(meant.status, case when keyed.expires_on < keyed.observed_on then 'expired' else 'unknown' end) as status,
    case when meant.status is not null then meant.may_practice when keyed.expires_on < keyed.observed_on then false end as may_practice,
    keyed.expires_on, keyed.action, keyed.evidence_id, keyed.locator
  from keyed
  left join meant on meant.source_id = keyed.source_id and meant.status_raw = keyed.status_raw
), repeated as (
  select credential_id from read group by credential_id having count(*) > 1
), one_each as (
  select * replace (max(action) over (partition by credential_id, snapshot_id) as action)
  from read semi join repeated using (credential_id)
  qualify row_number() over (
    partition by credential_id, observed_on
    order by finished_at desc, snapshot_id desc, coalesce(may_practice, true) desc, expires_on desc nulls first, status_raw, evidence_id, locator
  ) = 1
), marked as (
  select *, row(status_raw, status, may_practice, expires_on) as said, lag(row(status_raw, status, may_practice, expires_on)) over spell as said_before
  from one_each
  window spell as (partition by credential_id order by observed_on, finished_at, snapshot_id)
), numbered as (
  select *, sum(case when said is distinct from said_before then 1 else 0 end) over (
    partition by credential_id order by observed_on, finished_at, snapshot_id
  ) as spell
  from marked
), spoken as (
  select
    credential_id, min(observed_on) as seen_from_on, max(observed_on) as seen_to_on,
    first(row(status_raw, status, may_practice, expires_on, evidence_id, locator) order by observed_on, finished_at, snapshot_id) as begun,
    last(row(license_key, action, evidence_id, locator) order by observed_on, finished_at, snapshot_id) as ended
  from numbered
  group by credential_id, spell
)
-- most credentials stand once in the one snapshot there is; comparing them with nothing is left out
select
  credential_id, license_key as roll_key, observed_on as seen_from_on, observed_on as seen_to_on, status_raw, status, may_practice, expires_on,
  case when status_raw is null then 'expiry date' else 'printed status' end as basis, action, evidence_id, locator,
  evidence_id as last_evidence_id, locator as last_locator
from read anti join repeated using (credential_id)
union all
select
  credential_id, ended[1], seen_from_on, seen_to_on, begun[1], begun[2], begun[3], begun[4],
  case when begun[1] is null then 'expiry date' else 'printed status' end, ended[2], begun[5], begun[6], ended[3], ended[4]
from spoken
