-- Grain: one row per listing observation of a person whom nothing on the roll matches, surely or possibly. Absence proves nothing: tier C.
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  'C' as tier, cast(null as varchar) as credential_id, [listing.evidence_id] as evidence_ids, listing.network
from matching.listed
join curated.listing on listing.listing_id = listed.listing_id
where listed.family is not null and listed.given is not null and listed.in_scope
  and exists (select 1 from matching.licensed where licensed.in_profession)
  and not exists (
    select 1 from matching.pair where pair.identity_id = listed.identity_id and pair.judgement in ('same', 'unsure')
  )
