-- A claim is one listing followed over time: the same source, network and reference (or name and place).
select
  listing.claim_id,
  any_value(listing.source_id) as source_id,
  any_value(listing.network) as network,
  min(listing.observed_on) as first_seen_on,
  max(listing.observed_on) as last_seen_on,
  bool_or(listing.is_latest) as is_current,
  count(distinct listing.snapshot_id) as snapshot_count
from curated.listing
group by listing.claim_id
