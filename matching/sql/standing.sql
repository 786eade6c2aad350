-- How each claim stands. The roll can contradict a claim, never confirm one: a license says nothing about a contract.
with against as (
  select claim_id, max(observed_on) as observed_on
  from matching.finding
  where tier = 'A' and state <> 'resolved' and stage <> 'withdrawn'
    and check_name in ('lapsed_license', 'barred_license', 'retired_or_deceased')
  group by claim_id
)
select
  claim.claim_id,
  case when against.claim_id is null then 'undetermined' else 'contradicted' end as standing,
  case when against.claim_id is not null then 'roll' end as evidence_class,
  coalesce(against.observed_on, claim.last_seen_on) as observed_on
from curated.claim
left join against on against.claim_id = claim.claim_id
