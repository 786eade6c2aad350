-- Grain: one row per listing observation beyond the one that is kept. Same network, same person, same place.
-- The same reference again on another page of one visit is our own overlapping capture, and no finding.
with shown as (
  select
    listing.*, evidence.url,
    reference is not null and listing.evidence_id <> first_value(listing.evidence_id) over (
      partition by listing.snapshot_id, claim_id, reference order by evidence.url, listing.evidence_id
    ) as is_again
  from curated.listing
  left join curated.evidence on evidence.evidence_id = listing.evidence_id
)
select
  listing.listing_id, listing.claim_id, 'listing' as subject_kind, listing.listing_id as subject_id, listing.observed_on,
  case when duplicate.is_documented then 'A' else 'B' end as tier,
  cast(null as varchar) as credential_id,
  list_distinct([listing.evidence_id, keeper.evidence_id]) as evidence_ids,
  listing.network, listing.locator,
  case
    when keeper.evidence_id = listing.evidence_id then keeper.locator
    when keeper.url <> listing.url then concat(keeper.locator, ' of page ', regexp_replace(keeper.url, '^[a-z]+://[^/]+', ''))
    else concat(keeper.locator, ' of response ', keeper.evidence_id) end as keeper_locator
from matching.duplicate
join shown as listing on listing.listing_id = duplicate.listing_id and not listing.is_again
join shown as keeper on keeper.listing_id = duplicate.keeper_listing_id
where duplicate.kind = 'same_location' and duplicate.listing_id <> duplicate.keeper_listing_id
