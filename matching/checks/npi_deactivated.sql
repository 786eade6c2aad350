-- Grain: one row per listing observation whose NPI had been deactivated for longer than the grace days and is not active again.
-- Documented while the registry was captured at most 45 days before the listing, or later: an older report cannot know of a reactivation.
with gone as (
  select npi, source_id, max(deactivated_on) as deactivated_on, max(deactivation_evidence_id) as evidence_id
  from curated.registration
  where deactivated_on is not null
  group by all
), captured as (
  select source_id, max(observed_on) as captured_on from curated.snapshot group by source_id
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  case when captured.captured_on + 45 >= listing.observed_on then 'A' else 'B' end as tier,
  cast(null as varchar) as credential_id, list_distinct([listing.evidence_id, gone.evidence_id]) as evidence_ids,
  listing.network, gone.npi, gone.deactivated_on, cast(listing.observed_on - gone.deactivated_on as integer) as days_gone
from gone
join curated.listing on listing.npi_valid and trim(listing.npi) = gone.npi
left join captured on captured.source_id = gone.source_id
where gone.deactivated_on + cast($grace_days as integer) < listing.observed_on
