-- Grain: one row per listing observation that lacks a field the statute names, among those its source shows on most listings
-- of that snapshot. A field that a page shows now and then (a specialty beyond the page's own heading) is the page's habit.
with shown as (
  select
    snapshot_id, count(name_raw) > 0.5 * count(*) as name, count(coalesce(address, address_2)) > 0.5 * count(*) as address,
    count(phone) > 0.5 * count(*) as phone, count(specialty) > 0.5 * count(*) as specialty
  from curated.listing
  group by snapshot_id
), lacking as (
  select
    listing.*,
    [field for field in [
      case when shown.name and nullif(trim(listing.name_raw), '') is null then 'name' end,
      case when shown.address and nullif(trim(concat(listing.address, listing.address_2)), '') is null then 'address' end,
      case when shown.phone and nullif(trim(listing.phone), '') is null then 'telephone number' end,
      case when shown.specialty and nullif(trim(listing.specialty), '') is null then 'specialty' end
    ] if field is not null] as fields
  from curated.listing
  join shown on shown.snapshot_id = listing.snapshot_id
)
select
  listing_id, claim_id, 'claim' as subject_kind, claim_id as subject_id, observed_on,
  'A' as tier, cast(null as varchar) as credential_id, [evidence_id] as evidence_ids,
  network, array_to_string(fields, ', ') as missing
from lacking
where len(fields) > 0
  -- a field that we could not read, such as a reference that leads nowhere, is not one the insurer left out
  and not exists (select 1 from curated.problem where problem.evidence_id = lacking.evidence_id and problem.locator = lacking.locator)
