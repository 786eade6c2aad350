-- Grain: one row per listing observation. The reasoning is in matching.license_on_day.
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  license.tier, license.credential_id, license.evidence_ids,
  listing.network, license.license, license.what, license.status, license.expired_on, license.days_lapsed
from matching.license_on_day as license
join curated.listing on listing.listing_id = license.listing_id
where license.state = 'lapsed'
