-- How each claim stands. A word confirms it only where it affirms the network and does not deny the place; it contradicts it where it denies
-- either. The roll can contradict a claim, never confirm one: a license says nothing about a contract. Nothing said is nothing known,
-- and where classes of evidence contradict each other nobody knows.
with word as (
  select
    answer.claim_id, answer.evidence_class, answer.observed_on,
    case when not answer.participates or not answer.works_here then 'contradicted' when answer.participates then 'confirmed' end as standing
  from matching.answer
  join curated.claim on claim.claim_id = answer.claim_id and claim.last_seen_on = answer.to_on
  union all
  select claim_id, 'roll', max(observed_on), 'contradicted'
  from matching.finding
  where tier = 'A' and state <> 'resolved' and stage <> 'withdrawn'
    and check_name in ('lapsed_license', 'barred_license', 'retired_or_deceased')
  group by claim_id
), ranked as (
  select *, list_position(['attestation', 'insurer_answer', 'call', 'in_network_file', 'roll'], evidence_class) as rank
  from word where standing is not null
), heard as (
  select
    claim_id, count(distinct standing) = 1 as is_one, min(standing) as standing, arg_min(evidence_class, rank) as evidence_class,
    arg_min(observed_on, rank) as observed_on,
    string_agg(concat(evidence_class, ' ', observed_on, ': ', standing), '; ' order by rank) as says
  from ranked
  group by claim_id
)
select
  claim.claim_id,
  case when heard.is_one then heard.standing else 'undetermined' end as standing,
  case when heard.is_one then heard.evidence_class end as evidence_class,
  case when heard.is_one then heard.observed_on else claim.last_seen_on end as observed_on,
  heard.says
from curated.claim
left join heard on heard.claim_id = claim.claim_id
