-- The newest sample drawn to be telephoned, one row per claim drawn, and how its calls ended. Calls nobody drew are no part of it: who
-- chose them may have had a reason. The newest word counts. Silence after three attempts is unreachable, after fewer still open.
with newest as (
  select sample_id, frame_count
  from ledger.sample
  where purpose = 'call' and audit in (select audit from curated.run)
  qualify row_number() over (order by "at" desc, sample_id) = 1
), said as (
  select
    call.claim_id,
    count(*) as attempt_count,
    bool_or(call.outcome = 'reached') as is_reached,
    arg_max(call.outcome, (call."at", call.attempt, call.call_id)) as last_outcome,
    arg_max(call.works_here, (call."at", call.attempt, call.call_id)) filter (where call.outcome = 'reached') as works_here,
    arg_max(call.participates, (call."at", call.attempt, call.call_id)) filter (where call.outcome = 'reached') as participates,
    arg_max(call.accepts_patients, (call."at", call.attempt, call.call_id)) filter (where call.outcome = 'reached') as accepts_patients
  from ledger.call
  join newest on newest.sample_id = call.sample_id
  group by call.claim_id
), shown as (
  select
    listing.claim_id,
    arg_max(listing.source_id, (listing.observed_on, listing.listing_id)) as source_id,
    arg_max(listing.address_key, (listing.observed_on, listing.listing_id)) as address_key,
    arg_max(member.provider_id, (listing.observed_on, listing.listing_id)) as provider_id
  from curated.listing
  left join matching.provider_member as member on member.member_kind = 'listing' and member.member_id = listing.listing_id
  group by listing.claim_id
)
select
  draw.sample_id,
  draw.subject_id as claim_id,
  shown.source_id,
  coalesce(shown.provider_id, draw.subject_id) as provider_id,
  coalesce(shown.address_key, draw.subject_id) as clinic,
  draw.stratum,
  coalesce(draw.stratum_count, newest.frame_count) as stratum_count,
  newest.frame_count,
  coalesce(said.attempt_count, 0) as attempt_count,
  case
    when said.is_reached and (said.works_here = false or said.participates = false) then 'contradicted'
    when said.is_reached and said.participates and said.accepts_patients = false then 'not_accepting'
    when said.is_reached and said.participates then 'confirmed'
    when said.is_reached then 'unsettled'
    when said.last_outcome = 'refused' then 'refused'
    when said.last_outcome in ('disconnected', 'wrong_number') or said.attempt_count >= 3 then 'unreachable'
    else 'unanswered'
  end as disposition
from newest
join ledger.draw on draw.sample_id = newest.sample_id and draw.subject_kind = 'claim'
left join said on said.claim_id = draw.subject_id
left join shown on shown.claim_id = draw.subject_id
