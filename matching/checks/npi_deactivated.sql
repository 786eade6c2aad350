-- Grain: one row per listing observation whose NPI had been deactivated for longer than the grace days and is not active again.
-- Documented while the report that says so is of at most 45 days before the listing, or later: an older one cannot know of a reactivation,
-- whatever else of the registry was captured since. A report is of the day in its name, else of the day it was captured.
with said as (
  select evidence.evidence_id,
    least(snapshot.observed_on, coalesce(
      cast(try_strptime(regexp_extract(evidence.url, 'Deactivated_NPI_Report_([0-9]{6})', 1), '%m%d%y') as date), snapshot.observed_on)) as said_on
  from curated.evidence
  join curated.snapshot on snapshot.snapshot_id = evidence.snapshot_id
), gone as (
  select npi, max(deactivated_on) as deactivated_on, max(deactivation_evidence_id) as evidence_id
  from curated.registration
  where deactivated_on is not null
  group by all
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  case when said.said_on + 45 >= listing.observed_on then 'A' else 'B' end as tier,
  cast(null as varchar) as credential_id, list_distinct([listing.evidence_id, gone.evidence_id]) as evidence_ids,
  listing.network, gone.npi, gone.deactivated_on, cast(listing.observed_on - gone.deactivated_on as integer) as days_gone
from gone
join curated.listing on listing.npi_valid and trim(listing.npi) = gone.npi
left join said on said.evidence_id = gone.evidence_id
where gone.deactivated_on + cast($grace_days as integer) < listing.observed_on
