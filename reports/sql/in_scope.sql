-- The listings an audit speaks about: what each insurer's newest complete visit showed of persons of the audited profession.
-- Every rate counts these rows and no others. Whether a license was in force is matching's answer (license_on_day); events too
-- young to be findings are shown beside it. What matching would not say, because another license may be the person's, stays unclear.
-- Who told a caller something, or attested it without agreeing to be named, is never counted among fewer than ten: standing then says
-- what can be said without. Counts of an insurer or of all say `standing`, those of a network or place `public_standing`: no sum of
-- what is printed, less another, tells of fewer than ten.
with held as (
  select
    match.left_id as listing_id,
    credential.credential_id,
    credential.status,
    case
      when credential.may_practice or (credential.status = 'expired' and credential.expires_on >= listing.observed_on) then 'in_force'
      when not credential.may_practice
        and listing.observed_on - coalesce(credential.status_since_on, credential.expires_on) between 0 and cast($grace_days as integer)
        then 'not_in_force'
      else 'unclear'
    end as license,
    coalesce(credential.status_since_on, credential.expires_on) as event_on
  from matching.match
  join curated.credential on credential.credential_id = match.right_id
  join curated.listing on listing.listing_id = match.left_id
  where match.left_kind = 'listing' and match.right_kind = 'credential' and match.judgement = 'same'
), best as (
  select *
  from held
  qualify row_number() over (
    partition by listing_id
    order by case license when 'in_force' then 0 when 'not_in_force' then 1 else 2 end, event_on desc nulls last, credential_id
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
  select listing_id, bool_or(kind = 'same_location' and keeper_listing_id <> listing_id) as is_duplicate
  from matching.duplicate
  group by listing_id
), stated as (
  select
    listing.listing_id,
    case when ended.listing_id is not null then ended.credential_id else best.credential_id end as credential_id,
    case when ended.listing_id is not null then ended.status else best.status end as status,
    case when ended.listing_id is not null then 'not_in_force' else best.license end as license,
    case when ended.listing_id is not null then ended.expired_on else best.event_on end as event_on
  from curated.listing
  left join matching.license_on_day as ended on ended.listing_id = listing.listing_id
  left join best on best.listing_id = listing.listing_id
), shared as (
  select distinct listing.listing_id
  from curated.listing
  join matching.answer on answer.claim_id = listing.claim_id and listing.observed_on between answer.from_on and answer.to_on
  where answer.may_share and (answer.participates is not null or not answer.works_here)
), documented as (
  select distinct claim_id
  from matching.finding
  where tier = 'A' and state <> 'resolved' and stage <> 'withdrawn'
    and check_name in ('lapsed_license', 'barred_license', 'retired_or_deceased')
), scoped as (
  select
    listing.listing_id,
    listing.source_id,
    listing.network,
    listing.claim_id,
    coalesce(person.provider_id, listing.listing_id) as provider_id,
    listing.county_fips,
    listing.observed_on,
    not coalesce(twin.is_duplicate, false) as is_unique,
    case when stated.credential_id is not null then 'same' when unsure.listing_id is not null then 'unsure' else 'none' end as roll_match,
    stated.credential_id,
    stated.status,
    stated.license,
    case when stated.license = 'not_in_force' and stated.event_on <= listing.observed_on then stated.event_on end as event_on,
    case when stated.license = 'not_in_force' and stated.event_on <= listing.observed_on
      then listing.observed_on - stated.event_on end as days_since,
    coalesce(standing.standing, 'undetermined') as full_standing,
    case
      when standing.evidence_class in ('call', 'attestation') and shared.listing_id is null and documented.claim_id is null then 'undetermined'
      else coalesce(standing.standing, 'undetermined')
    end as public_standing
  from curated.listing
  join curated.source on source.source_id = listing.source_id
  join matching.listed on listed.listing_id = listing.listing_id
  join stated on stated.listing_id = listing.listing_id
  left join unsure on unsure.listing_id = listing.listing_id
  left join person on person.listing_id = listing.listing_id
  left join twin on twin.listing_id = listing.listing_id
  left join matching.standing on standing.claim_id = listing.claim_id
  left join shared on shared.listing_id = listing.listing_id
  left join documented on documented.claim_id = listing.claim_id
  where source.kind = 'insurer' and listing.is_latest and listed.in_scope and not coalesce(listing.is_organization, false)
), private as (
  select source_id, full_standing, count(distinct provider_id) as provider_count
  from scoped
  where is_unique and full_standing <> public_standing
  group by source_id, full_standing
)
select
  scoped.* exclude (full_standing, public_standing),
  scoped.network is not null
    and count(*) filter (where scoped.is_unique) over (partition by scoped.provider_id, scoped.source_id, scoped.network) > 1 as is_multi_location,
  case when scoped.full_standing <> scoped.public_standing and coalesce(private.provider_count, 0) < 10 then scoped.public_standing
    else scoped.full_standing end as standing,
  scoped.public_standing
from scoped
left join private on private.source_id = scoped.source_id and private.full_standing = scoped.full_standing
