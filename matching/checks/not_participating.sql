-- Grain: one row per listing observation that the provider, the insurer or whoever answered its telephone has since denied. Only what was
-- said counts, never silence; where anybody who could know affirms it, the insurer's own file included, nobody is accused.
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  case when denied.evidence_class = 'call' then 'B' else 'A' end as tier, cast(null as varchar) as credential_id,
  [listing.evidence_id] as evidence_ids, listing.network,
  case denied.evidence_class
    when 'attestation' then concat('the provider attested on ', denied.observed_on, ' not to take part in that network')
    when 'insurer_answer' then concat('the insurer answered on ', denied.observed_on, ' that the provider is not contracted in it')
    else concat('whoever answered its telephone on ', denied.observed_on, ' said that the provider does not take part in that network') end as said,
  denied.answer_id, denied.may_share
from matching.answer as denied
join curated.listing on listing.claim_id = denied.claim_id and listing.observed_on between denied.from_on and denied.to_on
where not denied.participates and not exists (
  select 1 from matching.answer as affirmed
  where affirmed.claim_id = denied.claim_id and affirmed.spell_on = denied.spell_on and affirmed.participates
)
qualify row_number() over (
  partition by listing.listing_id order by tier, denied.may_share desc, denied.evidence_class, denied.spell_on desc
) = 1
