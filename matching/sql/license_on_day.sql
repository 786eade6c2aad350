-- What the roll said, on the day of each listing, of the licenses of the person it names: the rows a license finding rests on.
-- Only pairs judged the same accuse. A license in force under a compatible name protects: under the very same name it
-- ends the matter, otherwise the finding is probable, not documented. A status the roll does not explain protects too.
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
  select distinct credential_id, observed_on from asked
), on_day as (
  select
    day.credential_id, day.observed_on,
    coalesce(known.status, first_seen.status) as status,
    case when known.credential_id is not null then known.may_practice else first_seen.may_practice end as may_practice,
    case when known.credential_id is not null then known.expires_on else first_seen.expires_on end as expires_on,
    coalesce(known.status_since_on, first_seen.status_since_on) as status_since_on,
    coalesce(known.status_until_on, first_seen.status_until_on) as status_until_on,
    known.credential_id is null and first_seen.seen_from_on > day.observed_on + 7 as is_roll_later
  from day
  asof left join history as known on known.credential_id = day.credential_id and known.seen_from_on <= day.observed_on
  left join history as first_seen on first_seen.credential_id = day.credential_id and first_seen.is_first
), seen as (
  select
    asked.*, on_day.status, on_day.expires_on, on_day.status_since_on, on_day.status_until_on, on_day.is_roll_later,
    coalesce(on_day.may_practice, false) as is_in_force,
    on_day.may_practice is null and coalesce(on_day.status, 'unknown') in ('unknown', 'military', 'active', 'active_restricted', 'active_limited')
      as is_unexplained,
    case
      when on_day.may_practice then null
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
    and (other.judgement = 'same' or other.is_compatible)
    and not coalesce(left(mine.middle, 1) <> left(other.middle, 1), false)
    and not coalesce(length(mine.middle) > 1 and length(other.middle) > 1 and mine.middle <> other.middle, false)
    and not coalesce(mine.suffix <> other.suffix, false)
  group by mine.listing_id
), accused as (
  select
    seen.*,
    max(case when state = 'lapsed' then expires_on end) over (partition by listing_id) as lapsed_on,
    row_number() over (
      partition by listing_id
      order by case state when 'barred' then 1 when 'gone' then 2 else 3 end, is_documented desc, expires_on desc nulls last, credential_id
    ) as rank,
    bool_or(state = 'lapsed' and status = 'expired' and expires_on + cast($grace_days as integer) >= observed_on) over (partition by listing_id)
      as is_recent
  from seen
  where judgement = 'same' and state is not null
), lead_row as (
  select
    accused.*,
    case when state = 'lapsed' then lapsed_on else expires_on end as ended_on,
    coalesce(case when state = 'lapsed' then lapsed_on else expires_on end + cast($grace_days as integer) < observed_on, false) as is_dated,
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
  lead_row.ended_on as expired_on,
  cast(lead_row.observed_on - lead_row.ended_on as integer) as days_lapsed,
  case
    when lead_row.is_dated and lead_row.status = 'expired'
      then concat('had expired on ', lead_row.ended_on, ', ', lead_row.observed_on - lead_row.ended_on, ' days before')
    when lead_row.is_dated
      then concat('stood as ', lead_row.status, ' on the roll and had expired on ', lead_row.ended_on, ', ', lead_row.observed_on - lead_row.ended_on, ' days before')
    when lead_row.is_seen_twice then concat('stood as ', lead_row.status, ' on the roll, first seen so on ', lead_row.status_since_on)
    else concat('stood as ', lead_row.status, ' on the roll, since unknown') end as what,
  case
    when lead_row.status = 'closed' and lead_row.ended_on is null then 'C'
    when lead_row.is_documented and protected.listing_id is null and (lead_row.is_dated or lead_row.is_seen_twice)
      and (select max(seen_to_on) from curated.credential_history) + 7 >= lead_row.observed_on then 'A'
    else 'B' end as tier,
  list_distinct([listing.evidence_id, credential.evidence_id]) as evidence_ids
from lead_row
join curated.listing on listing.listing_id = lead_row.listing_id
join curated.credential on credential.credential_id = lead_row.credential_id
left join protected on protected.listing_id = lead_row.listing_id
where not coalesce(protected.is_cleared, false)
  and (lead_row.is_dated or not lead_row.is_roll_later)
  and (lead_row.state <> 'lapsed' or not lead_row.is_recent)
  and (lead_row.state <> 'lapsed' or lead_row.is_dated or lead_row.status <> 'expired')
