-- Grain: one row per listing observation beyond the one that is kept. Same network, same person, same place.
select
  listing.listing_id, listing.claim_id, 'listing' as subject_kind, listing.listing_id as subject_id, listing.observed_on,
  case when duplicate.is_documented then 'A' else 'B' end as tier,
  cast(null as varchar) as credential_id,
  list_distinct([listing.evidence_id, keeper.evidence_id]) as evidence_ids,
  listing.network, listing.locator, keeper.locator as keeper_locator
from matching.duplicate
join curated.listing on listing.listing_id = duplicate.listing_id
join curated.listing as keeper on keeper.listing_id = duplicate.keeper_listing_id
where duplicate.kind = 'same_location' and duplicate.listing_id <> duplicate.keeper_listing_id
