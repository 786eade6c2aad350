-- Grain: one row per listing observation whose NPI cannot be one: digits alone, but not ten, or the check digit is wrong.
-- Text that is no number (N/A, pending) or a number spoilt by a spreadsheet (1234567893.0) is no NPI, and no finding.
with shown as (
  select listing_id, trim(npi) as npi, luhn_sum(case when regexp_matches(trim(npi), '^[0-9]{10}$') then trim(npi) else '0000000000' end) as sum
  from curated.listing
  where regexp_matches(trim(npi), '^[0-9]+$')
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  'A' as tier, cast(null as varchar) as credential_id, [listing.evidence_id] as evidence_ids, listing.network, shown.npi,
  case when length(shown.npi) = 10 then 'fails the check-digit test that every NPI passes'
    else concat('has ', length(shown.npi), ' digits where every NPI has ten') end as why
from shown
join curated.listing on listing.listing_id = shown.listing_id
where length(shown.npi) <> 10 or (24 + shown.sum) % 10 <> 0
