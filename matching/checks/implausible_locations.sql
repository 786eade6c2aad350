-- Grain: one row per person, network and snapshot: at eight different places in five ZIP codes or more, or at five in five of which two
-- lie more than 150 miles apart, as the crow flies between what is known of them. One person means one valid NPI, or one license by
-- number or documented match; a name alone never. A place is a house number in a ZIP code, so that a street written in two ways is one.
with known as (
  select listed.listing_id, concat('NPI ', listed.npi) as person, 2 as rank
  from matching.listed
  where listed.npi is not null and listed.family is not null
  union all
  select listed.listing_id, concat('license ', licensed.license_key), 1
  from matching.listed
  join matching.pair on pair.identity_id = listed.identity_id and pair.judgement = 'same'
    and (pair.is_documented or pair.license_number in ('equal', 'digits'))
  join matching.licensed on licensed.credential_id = pair.credential_id
  where licensed.license_key is not null
), shown as (
  select
    known.person, known.rank, listing.*, regexp_extract(listed.street, '^[0-9]+') as house,
    case when coalesce(listing.geo_precision, '') <> 'county' then radians(listing.latitude) end as north,
    case when coalesce(listing.geo_precision, '') <> 'county' then radians(listing.longitude) end as east
  from known
  join matching.listed on listed.listing_id = known.listing_id
  join curated.listing on listing.listing_id = known.listing_id
  where listing.network is not null and listing.zip5 is not null and regexp_matches(listed.street, '^[0-9]')
), many as (
  select
    snapshot_id, network, person, any_value(rank) as rank, count(distinct concat(house, '|', zip5)) as place_count, count(distinct zip5) as zip_count,
    min(listing_id) as first_listing_id, list(distinct listing_id) as listing_ids, list_sort(list(distinct evidence_id)) as evidence_ids
  from shown
  group by snapshot_id, network, person
  having place_count >= 5 and zip_count >= 5
), pair as (
  select
    one.snapshot_id, one.network, one.person,
    power(sin((other.north - one.north) / 2), 2) + cos(one.north) * cos(other.north) * power(sin((other.east - one.east) / 2), 2) as haversine
  from many
  join shown as one on one.snapshot_id = many.snapshot_id and one.network = many.network and one.person = many.person
  join shown as other on other.snapshot_id = one.snapshot_id and other.network = one.network and other.person = one.person
), apart as (
  select snapshot_id, network, person, 7917.5 * asin(sqrt(least(max(haversine), 1))) as miles
  from pair
  where haversine is not null
  group by all
), implausible as (
  select many.*, apart.miles
  from many
  left join apart on apart.snapshot_id = many.snapshot_id and apart.network = many.network and apart.person = many.person
  where many.place_count >= 8 or apart.miles > 150
)
select
  listing.listing_id, cast(null as varchar) as claim_id, 'provider' as subject_kind, implausible.person as subject_id, listing.observed_on,
  'B' as tier, cast(null as varchar) as credential_id,
  implausible.evidence_ids, listing.network, implausible.place_count, implausible.zip_count,
  case when implausible.miles > 150 then concat(', two of them about ', cast(round(implausible.miles) as integer), ' miles apart') else '' end as apart,
  concat_ws('|', listing.source_id, listing.network, implausible.person) as thread
from implausible
join curated.listing on listing.listing_id = implausible.first_listing_id
where not exists (
  select 1 from implausible as better
  where better.snapshot_id = implausible.snapshot_id and better.network = implausible.network and better.rank < implausible.rank
    and list_has_any(better.listing_ids, implausible.listing_ids)
)
