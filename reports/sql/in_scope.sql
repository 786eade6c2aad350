-- The listings an audit speaks about: what each insurer's newest complete visit showed of persons. Every rate counts these
-- rows and no others. A provider's best credential counts, so one that permits practice outranks any that does not; a
-- license is valid through its expiry date; an event without a date of its own is dated by an expiry that has passed.
with held as (
  select left_id as listing_id, right_id as credential_id
  from matching.match
  where left_kind = 'listing' and right_kind = 'credential' and judgement = 'same'
  union
  select listed.member_id, licensed.member_id
  from matching.provider_member as listed
  join matching.provider_member as licensed on licensed.provider_id = listed.provider_id and licensed.member_kind = 'credential'
  where listed.member_kind = 'listing'
), dated as (
  select
    held.listing_id,
    credential.credential_id,
    credential.status,
    case
      when credential.may_practice then 'in_force'
      when credential.may_practice is null then 'unclear'
      when credential.status = 'expired' and credential.expires_on >= listing.observed_on then 'in_force'
      else 'not_in_force'
    end as license,
    coalesce(
      credential.status_since_on,
      case when credential.expires_on < listing.observed_on then credential.expires_on end
    ) as event_on,
    credential.expires_on
  from held
  join curated.credential on credential.credential_id = held.credential_id
  join curated.listing on listing.listing_id = held.listing_id
), best as (
  select *
  from dated
  qualify row_number() over (
    partition by listing_id
    order by case license when 'in_force' then 0 when 'unclear' then 1 else 2 end, event_on desc nulls last, expires_on desc nulls last,
      credential_id
  ) = 1
), unsure as (
  select distinct left_id as listing_id
  from matching.match
  where left_kind = 'listing' and right_kind = 'credential' and judgement = 'unsure'
), person as (
  select member_id as listing_id, min(provider_id) as provider_id
  from matching.provider_member
  where member_kind = 'listing'
  group by member_id
), twin as (
  select
    listing_id,
    bool_or(kind = 'same_location' and keeper_listing_id <> listing_id) as is_duplicate,
    bool_or(kind = 'multi_location') as is_multi_location
  from matching.duplicate
  group by listing_id
)
select
  listing.listing_id,
  listing.source_id,
  listing.network,
  listing.claim_id,
  coalesce(person.provider_id, listing.listing_id) as provider_id,
  listing.observed_on,
  not coalesce(twin.is_duplicate, false) as is_unique,
  coalesce(twin.is_multi_location, false) as is_multi_location,
  case when best.listing_id is not null then 'same' when unsure.listing_id is not null then 'unsure' else 'none' end as roll_match,
  best.credential_id,
  best.status,
  best.license,
  case when best.license = 'not_in_force' then best.event_on end as event_on,
  case when best.license = 'not_in_force' then listing.observed_on - best.event_on end as days_since
from curated.listing
join curated.source on source.source_id = listing.source_id
left join best on best.listing_id = listing.listing_id
left join unsure on unsure.listing_id = listing.listing_id
left join person on person.listing_id = listing.listing_id
left join twin on twin.listing_id = listing.listing_id
where source.kind = 'insurer' and listing.is_latest and not coalesce(listing.is_organization, false)
