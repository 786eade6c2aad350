-- Grain: one row per listing observation whose NPI the registry gives to a person no part of whose names comes back in the name shown.
-- An NPI that is a practice's is no finding on anybody's listing. Documented only where the license number shown stands in the registry
-- beside another NPI, under the listing's own name, and not beside the one shown.
with holder as (
  select npi, min(evidence_id) as evidence_id, list(license_key) as license_keys from curated.registration group by npi
), bound as (
  select listed.listing_id, min(registration.npi) as npi, min(registration.evidence_id) as evidence_id
  from matching.listed
  join curated.listing on listing.listing_id = listed.listing_id
  join curated.registration on registration.license_key = listed.license_key and registration.npi <> trim(listing.npi)
    and regexp_replace(fold(registration.family_name), ' (JR|SR|II|III|IV)$', '') = listed.family
    and left(fold(registration.given_name), 1) = left(listed.given, 1)
  join holder on holder.npi = trim(listing.npi) and not list_contains(holder.license_keys, listed.license_key)
  group by listed.listing_id
  having count(distinct registration.npi) = 1
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  case when bound.npi is not null then 'A' else 'B' end as tier,
  cast(null as varchar) as credential_id,
  -- named as no column is: DuckDB takes the column where a comprehension's variable has its name
  [piece for piece in list_distinct([listing.evidence_id, holder.evidence_id, bound.evidence_id]) if piece is not null] as evidence_ids,
  listing.network, holder.npi,
  case when bound.npi is not null then concat(', and the license number shown to NPI ', bound.npi) else '' end as also
from matching.listed
join curated.listing on listing.listing_id = listed.listing_id
join matching.holder as found on found.identity_id = listed.identity_id and found.kind = 'registration' and found.fit = 'contradicts'
join holder on holder.npi = found.id and holder.npi = trim(listing.npi)
left join bound on bound.listing_id = listing.listing_id
