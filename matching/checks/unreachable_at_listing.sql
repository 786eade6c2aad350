-- Grain: one row per listing observation whose telephone number nobody answered: three attempts on two days or more, or twice, on two days,
-- a number disconnected or somebody else's. A number that answered for any listing is no such number. It says nothing of the contract.
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  'B' as tier, cast(null as varchar) as credential_id, [listing.evidence_id] as evidence_ids, listing.network,
  case when dialled.dead_day_count >= 2
    then concat('was disconnected or somebody else''s on ', dialled.dead_day_count, ' days from ', dialled.first_on, ' to ', dialled.last_on)
    else concat('was not answered in ', dialled.attempt_count, ' attempts on ', dialled.day_count, ' days from ', dialled.first_on, ' to ', dialled.last_on)
    end as said,
  dialled.phone, false as may_share
from matching.dialled
join matching.spell on spell.claim_id = dialled.claim_id and spell.spell_on = dialled.spell_on
join curated.listing on listing.claim_id = dialled.claim_id and listing.phone_digits = dialled.phone
  and listing.observed_on between greatest(dialled.first_on - 90, spell.spell_on) and least(dialled.last_on + 90, spell.until_on)
where not dialled.is_answered
  and (dialled.attempt_count >= 3 and dialled.day_count >= 2 or dialled.dead_day_count >= 2)
qualify row_number() over (partition by listing.listing_id order by dialled.last_on desc, dialled.phone) = 1
