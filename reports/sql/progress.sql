-- How far each finding that may be shown has come, and for how long its error was seen. A finding stands here whatever became of it.
with watched as (
  select source_id, max(observed_on) - min(observed_on) as days_watched from curated.snapshot group by source_id
), claim as (
  select claim_id, min(source_id) as source_id from curated.listing group by claim_id
)
select
  finding.finding_id,
  claim.source_id,
  finding.check_name,
  finding.tier,
  finding.state <> 'resolved' and finding.stage <> 'withdrawn' as is_current,
  finding.last_seen_on - finding.first_seen_on as days_apart,
  watched.days_watched,
  progress.insurer_told_at is not null as is_sent,
  progress.insurer_told_at is not null and progress.answered_at is not null as is_answered,
  case when progress.insurer_told_at is not null and progress.answered_at is not null then progress.insurer_answer end as answer,
  finding.stage = 'withdrawn' as is_withdrawn,
  coalesce(progress.decided = 'upheld' and finding.stage <> 'withdrawn', false) as is_upheld
from matching.finding
left join claim on claim.claim_id = finding.claim_id
left join watched on watched.source_id = claim.source_id
left join matching.progress on progress.finding_id = finding.finding_id
where finding.may_share
