-- Grain: one row per listing observation of whose place it was said that the provider does not work there, or whose telephone was somebody
-- else's on two days. Where anybody who could know says that the provider works there, or somebody there answers the number, nobody is accused.
with denied as (
  select
    claim_id, spell_on, from_on, to_on, cast(null as varchar) as phone, answer_id, may_share,
    case evidence_class when 'attestation' then 'A' else 'B' end as tier,
    case evidence_class when 'attestation' then concat('the provider attested on ', observed_on, ' not to work at the place shown')
      else concat('whoever answered its telephone on ', observed_on, ' said that the provider does not work at the place shown') end as said
  from matching.answer
  where not works_here
  union all
  select
    claim_id, spell_on, first_on - 90, last_on + 90, phone, concat(claim_id, '|', phone), false, 'B',
    concat('the telephone number shown was somebody else''s on ', wrong_day_count, ' days up to ', last_on)
  from matching.dialled
  where wrong_day_count >= 2 and not is_answered
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  denied.tier, cast(null as varchar) as credential_id, [listing.evidence_id] as evidence_ids, listing.network,
  denied.said, denied.answer_id, denied.may_share
from denied
join matching.spell on spell.claim_id = denied.claim_id and spell.spell_on = denied.spell_on
join curated.listing on listing.claim_id = denied.claim_id and (denied.phone is null or listing.phone_digits = denied.phone)
  and listing.observed_on between greatest(denied.from_on, spell.spell_on) and least(denied.to_on, spell.until_on)
where not exists (
  select 1 from matching.answer as affirmed
  where affirmed.claim_id = denied.claim_id and affirmed.spell_on = denied.spell_on and affirmed.works_here
)
qualify row_number() over (partition by listing.listing_id order by denied.tier, denied.may_share desc, denied.answer_id) = 1
