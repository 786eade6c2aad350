-- Which listings in scope fail which check, and how well documented that is. A finding is about a claim, so it flags every
-- listing of that claim; only of a duplicate is the kept listing innocent. Resolved and withdrawn findings flag nothing.
-- What rests on an answer that may not be shared is counted only together with ten persons or more of the same insurer whose listings
-- fail the very same checks: whatever is counted, added or taken away, is then never fewer than ten of them.
with failing as (
  select
    in_scope.listing_id,
    in_scope.source_id,
    in_scope.network,
    in_scope.county_fips,
    in_scope.provider_id,
    in_scope.is_unique,
    finding.check_name,
    coalesce(min(finding.tier) filter (where finding.may_share), min(finding.tier)) as tier,
    bool_or(finding.severity = 'access_preventing') as prevents_access,
    bool_or(coalesce(finding.may_share, false)) as may_share,
    bool_or(finding.stage in ('reviewed', 'notified', 'answered', 'final')) as is_reviewed,
    bool_or(finding.stage = 'final') as is_final
  from matching.finding
  join reports.in_scope on in_scope.claim_id = finding.claim_id
  where finding.state <> 'resolved' and finding.stage <> 'withdrawn' and not (finding.check_name = 'duplicate_listing' and in_scope.is_unique)
  group by all
), signed as (
  select
    listing_id, source_id, provider_id, is_unique,
    string_agg(concat(check_name, tier, may_share), ' ' order by check_name) as failed_checks
  from failing
  group by all
), crowd as (
  select source_id, failed_checks, is_unique, count(distinct provider_id) as provider_count from signed group by all
)
select
  failing.*,
  failing.may_share or crowd.provider_count >= 10 as is_told
from failing
join signed on signed.listing_id = failing.listing_id
join crowd on crowd.source_id = signed.source_id and crowd.failed_checks = signed.failed_checks and crowd.is_unique = signed.is_unique
