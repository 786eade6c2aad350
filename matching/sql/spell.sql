-- A claim as it stood without a break: in every complete snapshot from the first day to the last, at the same place. What somebody said of
-- it speaks of that spell alone: a claim that vanished and came back, or moved, may be another arrangement. Some insurers show one
-- reference at several places; then nobody knows of which one was spoken.
with visit as (
  select snapshot_id, row_number() over (partition by source_id order by observed_on, snapshot_id) as turn from curated.snapshot
), shown as (
  select
    listing.claim_id, any_value(listing.source_id) as source_id, visit.turn, any_value(listing.observed_on) as observed_on,
    min(listing.listing_id) as listing_id, arg_min(listed.identity_id, listing.listing_id) as identity_id,
    case when min(listed.npi) = max(listed.npi) then min(listed.npi) end as npi,
    case when min(listed.license_key) = max(listed.license_key) then min(listed.license_key) end as license_key,
    string_agg(distinct concat_ws('|', listed.street, listed.zip5), '; ' order by concat_ws('|', listed.street, listed.zip5)) as place,
    count(distinct concat_ws('|', listed.street, listed.zip5)) = 1 as is_one_place
  from curated.listing
  join visit on visit.snapshot_id = listing.snapshot_id
  join matching.listed on listed.listing_id = listing.listing_id
  group by listing.claim_id, visit.turn
), run as (
  select *, turn - row_number() over (partition by claim_id, place order by turn) as unbroken from shown
)
select
  claim_id, min(observed_on) as spell_on, max(observed_on) as until_on, any_value(source_id) as source_id, any_value(place) as place, bool_and(is_one_place) as is_one_place,
  arg_max(listing_id, turn) as listing_id, arg_max(identity_id, turn) as identity_id, arg_max(npi, turn) as npi,
  arg_max(license_key, turn) as license_key
from run
group by claim_id, run.place, unbroken
