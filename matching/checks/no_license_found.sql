-- Grain: one row per listing observation of a person whom nothing on the roll matches, surely or possibly. Absence proves nothing: tier C.
-- How little it says depends on what the roll keeps.
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  'C' as tier, cast(null as varchar) as credential_id, [listing.evidence_id] as evidence_ids, listing.network,
  case (select min(completeness) from curated.source where role = 'roll')
    when 'full_history' then 'The roll keeps licenses that have ended.'
    when 'current_and_lapsed' then 'The roll keeps lapsed licenses, and may leave out those that ended otherwise.'
    when 'active_only' then 'The roll holds only licenses in force: one that lapsed would not be on it.'
    else 'What the roll leaves out is unknown.' end as kept,
  concat_ws(' ', listed.given, listed.middle, listed.family, listed.suffix, listed.license_digits) as shown
from matching.listed
join curated.listing on listing.listing_id = listed.listing_id
where listed.family is not null and listed.given is not null and listed.in_scope
  and exists (select 1 from matching.licensed where licensed.in_profession)
  and not exists (
    select 1 from matching.pair where pair.identity_id = listed.identity_id and pair.judgement in ('same', 'unsure')
  )
