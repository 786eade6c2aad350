-- Grain: one row per listing observation of somebody who may stand on an exclusion list in force that day, by the best of what they share.
-- A number shared (NPI, or a license number on a list of the roll's state) is documented where the names agree, and probable where they neither
-- agree nor contradict; a license number without letters is then only a candidate, as is a number where the names contradict wholly, or one is a
-- person and the other a practice. A name shared with place is only a candidate, and none where numbers differ. The list must be at most 45 days
-- older than the listing to document anything: an older one cannot know of a reinstatement.
with list as (
  select
    exclusion.*, source.title, regexp_replace(fold(exclusion.family_name), ' (JR|SR|II|III|IV)$', '') as family, fold(exclusion.given_name) as given,
    fold(exclusion.middle_name) as middle, captured.captured_on
  from curated.exclusion
  left join curated.source on source.source_id = exclusion.source_id
  left join (select source_id, max(observed_on) as captured_on from curated.snapshot group by source_id) as captured
    on captured.source_id = exclusion.source_id
), numbered as (
  select listed.listing_id, list.exclusion_id,
    case when list.npi = trim(listing.npi) then concat('NPI ', list.npi) else concat('license number ', list.license_key) end as shared,
    -- bare digits may be a number of another profession's as well: under a name that only resembles the one shown they say nothing
    case when found.fit = 'unclear' and not coalesce(list.npi = trim(listing.npi), false) and not regexp_matches(list.license_key, '[A-Z]')
        then 'contradicts'
      when found.fit is not null then found.fit
      when list.family is null and fold(list.organization) in (fold(listing.organization), listed.organization) then 'agrees'
      else 'contradicts' end as fit
  from list
  join curated.listing on (listing.npi_valid and trim(listing.npi) = list.npi) or listing.license_key = list.license_key
  join matching.listed on listed.listing_id = listing.listing_id
  left join matching.holder as found on found.identity_id = listed.identity_id and found.kind = 'exclusion' and found.id = list.exclusion_id
), named as (
  select listed.listing_id, list.exclusion_id, 'name' as shared, 'name' as fit
  from list
  join matching.listed on listed.family = list.family and listed.given = list.given
  join curated.listing on listing.listing_id = listed.listing_id
  where (list.state = listing.state or list.zip5 = listing.zip5)
    and not coalesce(left(list.middle, 1) <> left(listed.middle, 1), false)
    and not coalesce(listing.npi_valid and list.npi <> trim(listing.npi), false)
    and not coalesce(list.license_key <> listing.license_key, false)
), shown as (
  select found.*, row_number() over (
    partition by found.listing_id
    order by case found.fit when 'agrees' then 1 when 'unclear' then 2 when 'name' then 3 else 4 end, list.excluded_on desc nulls last, found.exclusion_id
  ) as rank
  from (from numbered union all from named) as found
  join list on list.exclusion_id = found.exclusion_id
  join curated.listing on listing.listing_id = found.listing_id
  where coalesce(list.excluded_on <= listing.observed_on, true)
    and coalesce(list.reinstated_on > listing.observed_on, true)
    and (list.waiver_state is null or not list_contains(string_split_regex(list.waiver_state, '[^A-Z]+'), upper(trim(listing.state))))
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  case when shown.fit not in ('agrees', 'unclear') then 'C'
    when shown.fit = 'agrees' and list.excluded_on is not null and list.captured_on + 45 >= listing.observed_on then 'A'
    else 'B' end as tier,
  cast(null as varchar) as credential_id, list_distinct([listing.evidence_id, list.evidence_id]) as evidence_ids,
  listing.network, shown.shared, coalesce(list.title, list.source_id) as list_title, list.excluded_on,
  concat(
    case when shown.fit = 'name' then 'a person of this name' else concat('the ', shown.shared, ' shown') end,
    ' stands on the list "', list_title, '" as excluded since ', coalesce(cast(list.excluded_on as varchar), 'a day it does not print'),
    case when shown.fit = 'name' then '. A name alone is only a candidate: it may be somebody else'
      when shown.fit = 'contradicts' then ', under a name that is not the one shown: only a candidate' else '' end
  ) as what
from shown
join list on list.exclusion_id = shown.exclusion_id
join curated.listing on listing.listing_id = shown.listing_id
where shown.rank = 1
