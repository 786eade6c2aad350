-- The latest word of the roll on each credential: the row that last said what the newest line of its history says.
with latest as (
  select * from curated.credential_history
  anti join (
    select credential_id, max(seen_to_on) as seen_to_on from curated.credential_history group by credential_id having count(*) > 1
  ) as newest on newest.credential_id = credential_history.credential_id and credential_history.seen_to_on < newest.seen_to_on
), typed as (
  select said.source_id, said.type, min(profession.profession) as profession
  from (select distinct source_id, type from parsed.credential) as said
  join parsed.source on source.source_id = said.source_id
  join curated.profession
    on profession_key(profession.credential_type) in (profession_key(said.type), profession_key(source.state || ' ' || said.type))
  group by said.source_id, said.type
)
select
  latest.credential_id,
  credential.source_id,
  source.state,
  credential.number as license_raw,
  latest.roll_key as license_key,
  credential.type as credential_type,
  typed.profession,
  case when credential.first is not null or credential.last is not null then credential.first else part.given end as given_name,
  case when credential.first is not null or credential.last is not null then credential.middle else part.middle end as middle_name,
  case when credential.first is not null or credential.last is not null then credential.last else part.family end as family_name,
  coalesce(credential.suffix, part.suffix) as suffix,
  day_of(credential.issued) as issued_on,
  latest.expires_on,
  latest.status,
  latest.may_practice,
  cast(null as date) as status_since_on,
  latest.action,
  latest.last_evidence_id as evidence_id,
  latest.last_locator as locator,
  latest.seen_to_on as roll_on
from latest
join parsed.credential on credential.evidence_id = latest.last_evidence_id and credential.locator = latest.last_locator
join parsed.source on source.source_id = credential.source_id
left join typed on typed.source_id = credential.source_id and typed.type = credential.type
left join parsed.name_part as part on part.raw = credential.name and part.name_order = source.name_order
