-- What appeared, vanished or changed between one complete snapshot of a source and the next. Values are compared
-- as shown with white space collapsed, so a re-flowed page is no change.
with visit as (
  select source_id, snapshot_id, observed_on,
    row_number() over (partition by source_id order by observed_on, finished_at, snapshot_id) as turn
  from curated.snapshot
), spelled as (
  select
    visit.source_id, visit.turn, visit.snapshot_id, visit.observed_on, listing.claim_id,
    unnest(['name', 'organization', 'npi', 'license', 'address', 'city', 'zip', 'phone', 'specialty', 'accepting']) as field,
    unnest([listing.name_raw, listing.organization, listing.npi, listing.license_raw,
      concat_ws(' ', listing.address, listing.address_2), listing.city, listing.zip5, listing.phone, listing.specialty,
      cast(listing.is_accepting as text)]) as shown
  from curated.listing
  join visit on visit.snapshot_id = listing.snapshot_id
), seen as (
  select source_id, turn, snapshot_id, observed_on, claim_id, field,
    string_agg(distinct trim(regexp_replace(coalesce(shown, ''), '\s+', ' ', 'g')), '; '
      order by trim(regexp_replace(coalesce(shown, ''), '\s+', ' ', 'g'))) as shown
  from spelled
  group by all
), claims as (
  select distinct source_id, turn, claim_id from seen
), appeared as (
  select visit.source_id, visit.snapshot_id, visit.observed_on, claims.claim_id
  from claims
  join visit on visit.source_id = claims.source_id and visit.turn = claims.turn
  where claims.turn > 1
    and not exists (select 1 from claims as before where before.claim_id = claims.claim_id and before.turn = claims.turn - 1)
), vanished as (
  select visit.source_id, visit.snapshot_id, visit.observed_on, claims.claim_id
  from claims
  join visit on visit.source_id = claims.source_id and visit.turn = claims.turn + 1
  where not exists (select 1 from claims as after where after.claim_id = claims.claim_id and after.turn = claims.turn + 1)
), changed as (
  select after.source_id, after.snapshot_id, after.observed_on, after.claim_id, after.field,
    before.shown as before_value, after.shown as after_value
  from seen as before
  join seen as after on after.claim_id = before.claim_id and after.field = before.field and after.turn = before.turn + 1
  where before.shown <> after.shown
)
select claim_id, source_id, snapshot_id, observed_on, 'appeared' as change, '' as field,
  cast(null as text) as before_value, cast(null as text) as after_value
from appeared
union all
select claim_id, source_id, snapshot_id, observed_on, 'vanished', '', null, null from vanished
union all
select claim_id, source_id, snapshot_id, observed_on, 'changed', field, before_value, after_value from changed
