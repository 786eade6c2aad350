-- The way from what an insurer showed to what is said about it, as counts of listings. Each step is a part of the one
-- before, except that matched and flagged are both parts of unique: a listing may be flagged without any credential.
with counted as (
  select
    source.source_id,
    (select count(*) from curated.listing where listing.source_id = source.source_id and listing.is_latest) as parsed,
    (
      select count(*)
      from curated.problem
      join curated.snapshot on snapshot.snapshot_id = problem.snapshot_id and snapshot.is_latest
      where problem.source_id = source.source_id
    ) as problems,
    (select count(*) from reports.in_scope where in_scope.source_id = source.source_id) as in_scope,
    (select count(*) from reports.in_scope where in_scope.source_id = source.source_id and is_unique) as unique_listings,
    (select count(*) from reports.in_scope where in_scope.source_id = source.source_id and is_unique and roll_match = 'same') as matched,
    (
      select count(distinct listing_id) from reports.flagged
      where flagged.source_id = source.source_id and is_unique and may_share and tier in ('A', 'B')
    ) as flagged,
    (
      select count(distinct listing_id) from reports.flagged
      where flagged.source_id = source.source_id and is_unique and may_share and tier in ('A', 'B') and is_reviewed
    ) as reviewed,
    (
      select count(distinct listing_id) from reports.flagged
      where flagged.source_id = source.source_id and is_unique and may_share and tier in ('A', 'B') and is_final
    ) as final
  from curated.source
  where source.kind = 'insurer'
)
select
  source_id,
  unnest(['captured', 'parsed', 'in_scope', 'unique', 'matched', 'flagged', 'reviewed', 'final']) as step,
  unnest([1, 2, 3, 4, 5, 6, 7, 8]) as place,
  unnest([parsed + problems, parsed, in_scope, unique_listings, matched, flagged, reviewed, final]) as count
from counted
