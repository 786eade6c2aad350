-- The attempts to reach one claim at the number it showed then, in the 90 days up to the last of them. Whoever answered that number, for
-- whichever claim, has answered: a practice's telephone is several people's. A claim that shows several numbers has to be told which was called.
with number as (
  select claim_id, observed_on, case when count(distinct phone_digits) = 1 then min(phone_digits) end as phone
  from curated.listing
  group by claim_id, observed_on
), placed as (
  select
    call.claim_id, call.outcome, cast(call."at" as date) as called_on, spell.spell_on, spell.until_on,
    case when call.listing_id is null then number.phone else dialled.phone_digits end as phone
  from ledger.call
  join matching.spell on spell.claim_id = call.claim_id and spell.spell_on <= cast(call."at" as date)
  join number on number.claim_id = spell.claim_id and number.observed_on between spell.spell_on and cast(call."at" as date)
  left join curated.listing as dialled on dialled.listing_id = call.listing_id
  where coalesce(dialled.claim_id, call.claim_id) = call.claim_id
  qualify row_number() over (partition by call.call_id order by spell.spell_on desc, number.observed_on desc) = 1
), recent as (
  select * from placed
  where phone is not null and called_on <= until_on + 90
  qualify called_on > max(called_on) over (partition by claim_id, spell_on, phone) - 90
), tried as (
  select
    claim_id, spell_on, phone, count(*) as attempt_count, count(distinct called_on) as day_count, min(called_on) as first_on, max(called_on) as last_on,
    count(distinct called_on) filter (outcome in ('disconnected', 'wrong_number')) as dead_day_count,
    count(distinct called_on) filter (outcome = 'wrong_number') as wrong_day_count
  from recent
  group by claim_id, spell_on, phone
)
select tried.*, exists (
    select 1 from placed
    where placed.phone = tried.phone and placed.outcome in ('reached', 'refused') and placed.called_on between tried.last_on - 90 and tried.last_on + 90
  ) as is_answered
from tried
