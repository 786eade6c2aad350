-- Which listings in scope fail which check, and how well documented that is. A finding is about a claim, so it flags every
-- listing of that claim; only of a duplicate is the kept listing innocent. Resolved and withdrawn findings flag nothing.
select
  in_scope.listing_id,
  in_scope.source_id,
  in_scope.provider_id,
  in_scope.is_unique,
  finding.check_name,
  min(finding.tier) as tier,
  bool_or(finding.stage in ('reviewed', 'notified', 'answered', 'final')) as is_reviewed,
  bool_or(finding.stage = 'final') as is_final
from matching.finding
join reports.in_scope on in_scope.claim_id = finding.claim_id
where finding.state <> 'resolved' and finding.stage <> 'withdrawn' and not (finding.check_name = 'duplicate_listing' and in_scope.is_unique)
group by all
