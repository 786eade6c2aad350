-- Grain: one row per listing observation whose NPI cannot be one: not ten digits beginning with 1 or 2, or the check digit is wrong.
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  'A' as tier, cast(null as varchar) as credential_id, [listing.evidence_id] as evidence_ids, listing.network, trim(listing.npi) as npi
from curated.listing
where listing.npi_valid = false
