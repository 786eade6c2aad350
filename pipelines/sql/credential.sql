-- The latest word of the roll on each credential.
with read as (
  select
    credential.*,
    snapshot.observed_on as roll_on,
    snapshot.finished_at,
    coalesce(license_key(credential.number, $license_pattern, $license_digits), fold(credential.number)) as license_key,
    meaning.status as meant,
    meaning.may_practice as permits,
    part.given as part_given, part.middle as part_middle, part.family as part_family, part.suffix as part_suffix,
    credential.first is not null or credential.last is not null as has_parts
  from parsed.credential
  join curated.snapshot on snapshot.snapshot_id = credential.snapshot_id
  join parsed.source on source.source_id = credential.source_id
  left join curated.status_meaning as meaning
    on meaning.source_id = credential.source_id and meaning.status_raw = status_key(credential.status)
  left join parsed.name_part as part on part.raw = credential.name and part.name_order = source.name_order
), latest as (
  select * from read
  qualify row_number() over (
    partition by source_id, license_key, type
    order by roll_on desc, finished_at desc, snapshot_id desc, coalesce(permits, true) desc, day_of(expires) desc nulls first, locator
  ) = 1
), identified as (
  select *, left(sha256(concat_ws('|', source_id, license_key, coalesce(type, ''))), 20) as credential_id from latest
)
select
  identified.credential_id,
  identified.source_id,
  source.state,
  identified.number as license_raw,
  identified.license_key,
  identified.type as credential_type,
  profession.profession,
  case when identified.has_parts then identified.first else identified.part_given end as given_name,
  case when identified.has_parts then identified.middle else identified.part_middle end as middle_name,
  case when identified.has_parts then identified.last else identified.part_family end as family_name,
  coalesce(identified.suffix, identified.part_suffix) as suffix,
  day_of(identified.issued) as issued_on,
  day_of(identified.expires) as expires_on,
  history.status,
  history.may_practice,
  cast(null as date) as status_since_on,
  identified.evidence_id,
  identified.locator,
  identified.roll_on
from identified
join parsed.source on source.source_id = identified.source_id
left join curated.profession on profession_key(profession.credential_type) = profession_key(identified.type)
left join (
  select credential_id, status, may_practice from curated.credential_history
  qualify row_number() over (partition by credential_id order by seen_to_on desc, seen_from_on desc) = 1
) as history on history.credential_id = identified.credential_id
qualify row_number() over (partition by identified.credential_id order by profession.profession) = 1
