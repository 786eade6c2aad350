-- Grain: one row per listing observation that shows new patients as accepted although the provider, or whoever answered its telephone, said
-- the contrary at most 90 days after it was shown; and any later one that still shows it without having changed in between.
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  case when denied.evidence_class = 'attestation' then 'A' else 'B' end as tier, cast(null as varchar) as credential_id,
  [listing.evidence_id] as evidence_ids, listing.network,
  case when denied.evidence_class = 'attestation' then concat('the provider attested on ', denied.observed_on, ' to take none')
    else concat('whoever answered its telephone on ', denied.observed_on, ' said that the provider takes none') end as said,
  denied.answer_id, denied.may_share
from matching.answer as denied
join curated.listing on listing.claim_id = denied.claim_id and listing.observed_on between denied.from_on and denied.to_on and listing.is_accepting
where not denied.accepts_patients
  and exists (
    select 1 from curated.listing as before
    where before.claim_id = denied.claim_id and before.is_accepting and before.observed_on between denied.from_on and denied.observed_on
  )
  and not exists (
    select 1 from curated.listing as changed
    where changed.claim_id = denied.claim_id and changed.is_accepting is distinct from true
      and changed.observed_on between denied.observed_on and listing.observed_on
  )
  and not exists (
    select 1 from matching.answer as affirmed
    where affirmed.claim_id = denied.claim_id and affirmed.spell_on = denied.spell_on and affirmed.accepts_patients
  )
qualify row_number() over (
  partition by listing.listing_id order by tier, denied.may_share desc, denied.evidence_class, denied.spell_on desc
) = 1
