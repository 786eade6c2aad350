-- Two listings of one insurer on two surfaces that name one person in one network, from captures at most seven days apart.
-- A page that a volunteer saved is the website. Networks nobody names are not one, and an insurer nobody names is no one's.
with surface as (
  select source_id, fold(insurer_name) as insurer, case when surface = 'saved_page' then 'website' else surface end as surface
  from curated.source
  where insurer_name is not null and surface is not null
), capture as (
  select snapshot.snapshot_id, snapshot.source_id, snapshot.observed_on, surface.insurer, surface.surface
  from curated.snapshot
  join surface on surface.source_id = snapshot.source_id
), beside as (
  select
    one.snapshot_id, one.surface, other.snapshot_id as other_snapshot_id, other.surface as other_surface,
    other.observed_on as other_observed_on
  from capture as one
  join capture as other on other.insurer = one.insurer and other.surface <> one.surface
  where abs(other.observed_on - one.observed_on) <= 7
  qualify row_number() over (
    partition by one.snapshot_id, other.source_id order by abs(other.observed_on - one.observed_on), other.observed_on, other.snapshot_id
  ) = 1
), shown as (
  select listed.*, member.provider_id
  from matching.listed
  left join matching.provider_member as member on member.member_kind = 'listing' and member.member_id = listed.listing_id
  where listed.network is not null and listed.family is not null and listed.snapshot_id in (select snapshot_id from beside)
), pair as (
  select one.listing_id, other.listing_id as other_listing_id, beside.surface, beside.other_surface, beside.other_observed_on, true as by_number
  from beside
  join shown as one on one.snapshot_id = beside.snapshot_id
  join shown as other on other.snapshot_id = beside.other_snapshot_id and other.network = one.network and other.npi = one.npi
  union all
  select one.listing_id, other.listing_id, beside.surface, beside.other_surface, beside.other_observed_on, true
  from beside
  join shown as one on one.snapshot_id = beside.snapshot_id
  join shown as other on other.snapshot_id = beside.other_snapshot_id and other.network = one.network and other.license_key = one.license_key
  union all
  select one.listing_id, other.listing_id, beside.surface, beside.other_surface, beside.other_observed_on, false
  from beside
  join shown as one on one.snapshot_id = beside.snapshot_id
  join shown as other on other.snapshot_id = beside.other_snapshot_id and other.network = one.network and other.provider_id = one.provider_id
), met as (
  select listing_id, other_listing_id, surface, other_surface, other_observed_on, bool_or(by_number) as is_by_number
  from pair
  group by all
)
select
  met.listing_id, met.other_listing_id, met.surface, met.other_surface, met.other_observed_on, met.is_by_number,
  not coalesce(one.zip5 <> other.zip5, false) and coalesce(one.street = other.street, one.phone_digits = other.phone_digits, false)
    as is_same_place
from met
join shown as one on one.listing_id = met.listing_id
join shown as other on other.listing_id = met.other_listing_id
