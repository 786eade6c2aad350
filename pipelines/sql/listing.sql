-- Every observation of every complete snapshot. Names come in parts from the source, or are split by
-- matching.clean over the distinct names (parsed.name_part); nothing here changes what was shown. A person who stands where the
-- practice belongs is meant, if the text ends in a title or the listing shows a license number.
with said as (
  select
    listing.*,
    nullif(concat_ws(' ', listing.prefix, listing.first, listing.middle, listing.last, listing.suffix), '') as name_of_parts,
    listing.first is not null or listing.last is not null as has_parts
  from parsed.listing
), told as (
  select
    said.*, source.name_order, part.organization as organization_of_name,
    coalesce(part.family is null and practice.family is not null and practice.given is not null
      and (practice.credentials is not null or said.license is not null), false) as is_person_in_practice,
    case when is_person_in_practice then practice else part end as person
  from said
  join parsed.source on source.source_id = said.source_id
  left join parsed.name_part as part on part.raw = said.name and part.name_order = source.name_order and not said.has_parts
  left join parsed.name_part as practice
    on practice.raw = said.organization and practice.name_order = source.name_order and not said.has_parts
), split as (
  select
    told.*,
    coalesce(told.name, told.name_of_parts, told.organization) as name_raw,
    case when told.has_parts then told.first else person.given end as given_name,
    case when told.has_parts then told.middle else person.middle end as middle_name,
    case when told.has_parts then told.last else person.family end as family_name,
    case when told.has_parts then told.suffix else person.suffix end as name_suffix,
    person.credentials as credentials_tail,
    case when is_person_in_practice then nullif(told.name, told.organization) else coalesce(told.organization, organization_of_name) end
      as organization_name,
    not told.has_parts and person.family is null as is_organization
  from told
), placed as (
  select
    split.*,
    zip5(split.zip) as zip5,
    case when place.street is not null then concat(place.street, '|', place.unit, '|', zip5(split.zip)) end as address_key
  from split
  left join parsed.address_part as place
    on place.address is not distinct from split.address and place.address_2 is not distinct from split.address_2
)
select
  left(sha256(concat_ws('|', placed.source_id, placed.snapshot_id, placed.evidence_id, placed.locator, coalesce(placed.network, ''))), 20)
    as listing_id,
  left(sha256(concat_ws('|', placed.source_id, coalesce(placed.network, ''),
    coalesce(placed.reference, concat_ws('|', coalesce(fold(placed.name_raw), ''), coalesce(placed.address_key, '')))
  )), 20) as claim_id,
  placed.source_id,
  placed.snapshot_id,
  placed.observed_on,
  placed.network,
  placed.reference,
  placed.name_raw,
  placed.given_name,
  placed.middle_name,
  placed.family_name,
  placed.name_suffix as suffix,
  placed.organization_name as organization,
  placed.npi,
  placed.license as license_raw,
  license_key(placed.license, $license_pattern, $license_digits) as license_key,
  placed.address,
  placed.address_2,
  placed.city,
  placed.state,
  placed.zip5,
  area.county_fips,
  coalesce(area.latitude, county.latitude) as latitude,
  coalesce(area.longitude, county.longitude) as longitude,
  case when area.latitude is not null then 'zcta' when county.latitude is not null then 'county' end as geo_precision,
  placed.phone,
  placed.specialty,
  placed.accepting as is_accepting,
  placed.evidence_id,
  placed.locator,
  snapshot.is_latest,
  placed.name_order,
  placed.is_organization,
  placed.credentials_tail,
  placed.address_key,
  phone_digits(placed.phone) as phone_digits,
  license_digits(placed.license) as license_digits,
  npi_valid(placed.npi) as npi_valid
from placed
join curated.snapshot on snapshot.snapshot_id = placed.snapshot_id
left join curated.zcta as area on area.zip5 = placed.zip5
left join curated.county on county.county_fips = area.county_fips
