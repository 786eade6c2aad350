-- What the roll said, on the day of each listing, of the licenses of the person it names: the rows a license finding rests on.
-- Only pairs judged the same accuse. A license in force under a compatible name protects: under the very same name it
-- ends the matter, otherwise the finding is probable, not documented. A status the roll does not explain protects too.
-- A credential that the roll's newest capture of that day does not hold (first seen more than 7 days later, or gone from it) proves
-- only what its expiry date proves: a lapse, or nothing. One first seen up to 7 days later documents nothing but a dated lapse.
with roll_row as (
  select *, sum(is_change) over (partition by credential_id order by seen_from_on) as spell
  from (
    select *, case when status is distinct from lag(status) over (partition by credential_id order by seen_from_on) then 1 else 0 end as is_change
    from curated.credential_history
  )
), history as (
  select *,
    min(seen_from_on) over (partition by credential_id, spell) as status_since_on,
    max(seen_to_on) over (partition by credential_id, spell) as status_until_on,
    row_number() over (partition by credential_id order by seen_from_on) = 1 as is_first
  from roll_row
), asked as (
  select
    listed.listing_id, listed.observed_on, pair.credential_id, pair.judgement, pair.is_documented, pair.is_compatible,
    licensed.family, licensed.given, licensed.middle, licensed.suffix
  from matching.listed
  join matching.pair on pair.identity_id = listed.identity_id
  join matching.licensed on licensed.credential_id = pair.credential_id
  where listed.in_scope and pair.in_profession and (pair.judgement = 'same' or pair.is_compatible)
), day as (
  select distinct asked.credential_id, asked.observed_on, credential.source_id
  from asked join curated.credential on credential.credential_id = asked.credential_id
), capture as (
  select distinct source_id, observed_on as captured_on from curated.snapshot
), on_day as (
  select
    day.credential_id, day.observed_on,
    coalesce(known.status, first_seen.status) as status,
    case when known.credential_id is not null then known.may_practice else first_seen.may_practice end as may_practice,
    case when known.credential_id is not null then known.expires_on else first_seen.expires_on end as expires_on,
    coalesce(known.status_since_on, first_seen.status_since_on) as status_since_on,
    coalesce(known.status_until_on, first_seen.status_until_on) as status_until_on,
    coalesce(known.evidence_id, first_seen.evidence_id) as evidence_id,
    known.seen_to_on as last_seen_on,
    known.credential_id is null as is_after,
    known.credential_id is null and first_seen.seen_from_on > day.observed_on + 7 as is_roll_later,
    coalesce(known.seen_to_on < capture.captured_on, false) as is_vanished
  from day
  asof left join capture on capture.source_id = day.source_id and capture.captured_on <= day.observed_on
  asof left join history as known on known.credential_id = day.credential_id and known.seen_from_on <= day.observed_on
  left join history as first_seen on first_seen.credential_id = day.credential_id and first_seen.is_first
), seen as (
  select
    asked.*, on_day.status, on_day.expires_on, on_day.status_since_on, on_day.status_until_on, on_day.evidence_id,
    on_day.last_seen_on + 7 >= asked.observed_on and not on_day.is_vanished or on_day.is_after and on_day.status = 'expired' as is_fresh,
    on_day.is_roll_later or on_day.is_vanished as is_absent,
    coalesce(on_day.expires_on + cast($grace_days as integer) < asked.observed_on, false) as is_dated,
    coalesce(on_day.may_practice, false) as is_in_force,
    on_day.may_practice is null and coalesce(on_day.status, 'unknown') in ('unknown', 'military', 'active', 'active_restricted', 'active_limited')
      or (is_absent and not is_dated and on_day.status <> 'superseded') as is_unexplained,
    case
      when on_day.may_practice or (is_absent and not is_dated) then null
      when is_absent and on_day.status in ('suspended', 'revoked', 'surrendered', 'terminated', 'retired', 'deceased') then 'lapsed'
      when on_day.status in ('suspended', 'revoked', 'surrendered', 'terminated') then 'barred'
      when on_day.status in ('retired', 'deceased') then 'gone'
      when on_day.status in ('expired', 'inactive', 'closed') then 'lapsed' end as state
  from asked
  left join on_day on on_day.credential_id = asked.credential_id and on_day.observed_on = asked.observed_on
), protected as (
  select
    mine.listing_id,
    bool_or(other.judgement = 'same' or (
      mine.family = other.family and mine.given is not distinct from other.given and mine.middle is not distinct from other.middle
    )) as is_cleared
  from seen as mine
  join seen as other on other.listing_id = mine.listing_id and (other.is_in_force or other.is_unexplained)
  where mine.judgement = 'same' and mine.state is not null
    and (
      mine.middle is null or other.middle is null
      or (least(length(mine.middle), length(other.middle)) = 1 and left(mine.middle, 1) = left(other.middle, 1))
      or jaro_winkler_similarity(split_part(mine.middle, ' ', 1), split_part(other.middle, ' ', 1)) >= 0.92
      -- a middle name that stands elsewhere in the other name (Rosa Vega Olsen, Maria Rosa Vega) contradicts nothing
      or list_has_any(string_split(mine.middle, ' '), string_split(concat_ws(' ', other.given, other.family), ' '))
      or list_has_any(string_split(other.middle, ' '), string_split(concat_ws(' ', mine.given, mine.family), ' '))
    )
    and not coalesce(mine.suffix <> other.suffix, false)
  group by mine.listing_id
), accused as (
  select
    seen.*,
    row_number() over (
      partition by listing_id
      order by case state when 'barred' then 1 when 'gone' then 2 else 3 end, case when state = 'lapsed' then expires_on end desc nulls first,
        is_documented desc, expires_on desc nulls last, credential_id
    ) as rank,
    bool_or(state = 'lapsed' and status = 'expired' and expires_on + cast($grace_days as integer) >= observed_on) over (partition by listing_id)
      as is_recent
  from seen
  where judgement = 'same' and state is not null
), lead_row as (
  select
    accused.* exclude (status),
    case when is_absent then 'expired' else status end as status,
    coalesce(least(status_until_on, observed_on) - status_since_on >= cast($grace_days as integer), false) as is_seen_twice
  from accused
  where rank = 1
)
select
  lead_row.listing_id,
  lead_row.credential_id,
  lead_row.state,
  lead_row.status,
  credential.license_key as license,
  lead_row.expires_on as expired_on,
  cast(lead_row.observed_on - lead_row.expires_on as integer) as days_lapsed,
  case
    when lead_row.is_dated and lead_row.status = 'expired'
      then concat('had expired on ', lead_row.expires_on, ', ', lead_row.observed_on - lead_row.expires_on, ' days before')
    when lead_row.is_dated
      then concat('stood as ', lead_row.status, ' on the roll and had expired on ', lead_row.expires_on, ', ', lead_row.observed_on - lead_row.expires_on, ' days before')
    when lead_row.is_seen_twice then concat('stood as ', lead_row.status, ' on the roll, first seen so on ', lead_row.status_since_on)
    else concat('stood as ', lead_row.status, ' on the roll, since unknown') end as what,
  case
    when lead_row.status = 'closed' and not lead_row.is_dated then 'C'  -- of which no roll says that it ends the right to practice
    when lead_row.is_documented and protected.listing_id is null and (lead_row.is_dated or lead_row.is_seen_twice) and lead_row.is_fresh then 'A'
    else 'B' end as tier,
  list_distinct([listing.evidence_id, lead_row.evidence_id]) as evidence_ids
from lead_row
join curated.listing on listing.listing_id = lead_row.listing_id
join curated.credential on credential.credential_id = lead_row.credential_id
left join protected on protected.listing_id = lead_row.listing_id
where not coalesce(protected.is_cleared, false)
  and (lead_row.state <> 'lapsed' or not lead_row.is_recent)
  and (lead_row.state <> 'lapsed' or lead_row.is_dated or lead_row.status <> 'expired')
