-- Who stands on an exclusion list as last captured: a list that is replaced every month drops whom it reinstates and says no more.
-- A reinstatement published on its own ends every exclusion of the same person that began before it, and the one of that name, day and
-- type whatever numbers stand beside it. A row with a day that we cannot read may be over, or not begun: it is a problem and no exclusion.
with said as (
  select
    exclusion.*,
    exclusion.first is not null or exclusion.last is not null as has_parts,
    part.given as part_given, part.middle as part_middle, part.family as part_family, part.suffix as part_suffix,
    part.organization as part_organization
  from parsed.exclusion
  join curated.snapshot on snapshot.snapshot_id = exclusion.snapshot_id and snapshot.is_latest
  join parsed.source on source.source_id = exclusion.source_id
  left join parsed.name_part as part on part.raw = exclusion.name and part.name_order = source.name_order
), read as (
  select
    source_id,
    case when has_parts then first else part_given end as given_name,
    case when has_parts then middle else part_middle end as middle_name,
    case when has_parts then last else part_family end as family_name,
    coalesce(suffix, part_suffix) as suffix,
    coalesce(organization, part_organization, case when not has_parts and part_family is null then name end) as organization,
    case when npi_valid(npi) then trim(npi) end as npi,
    license as license_raw,
    type, specialty, city, state, zip5(zip) as zip5,
    day_of(excluded) as excluded_on, day_of(reinstated) as reinstated_on, upper(trim(waiver)) as waiver_state, evidence_id, locator
  from said
  where not is_unread_day(excluded) and not is_unread_day(reinstated)
), identified as (
  select *,
    concat_ws('|', source_id, coalesce(fold(family_name), ''), coalesce(fold(given_name), ''), coalesce(fold(middle_name), ''),
      coalesce(fold(suffix), ''), coalesce(fold(organization), '')) as named,
    concat_ws('|', named, coalesce(npi, ''), coalesce(fold(license_raw), '')) as who
  from read
)
select
  left(sha256(concat_ws('|', who, coalesce(cast(excluded_on as varchar), ''), coalesce(type, ''), coalesce(zip5, ''))), 20) as exclusion_id,
  identified.source_id,
  given_name, middle_name, family_name, suffix, organization, npi, license_raw,
  case when source.state = roll.state then license_key(license_raw, $license_pattern, $license_digits) end as license_key,
  type as exclusion_type, specialty, city, identified.state, zip5, excluded_on,
  greatest(max(reinstated_on) over (partition by who), max(reinstated_on) over (partition by named, excluded_on, type)) as last_reinstated_on,
  case when last_reinstated_on >= excluded_on or excluded_on is null then last_reinstated_on end as reinstated_on,
  waiver_state, evidence_id, locator
from identified
join parsed.source on source.source_id = identified.source_id
left join (select state from parsed.source where role = 'roll') as roll on true
qualify row_number() over (partition by exclusion_id order by reinstated_on desc nulls last, evidence_id, locator) = 1
