-- What each reviewer last said of each finding of the newest sample drawn for review.
select verdict.finding_id, verdict."by" as reviewer, verdict.judgement
from ledger.verdict
join ledger.draw on draw.subject_kind = 'finding' and draw.subject_id = verdict.finding_id
join ledger.sample on sample.sample_id = draw.sample_id
where sample.sample_id = (
  select sample_id
  from ledger.sample
  where purpose = 'review' and audit in (select audit from curated.run)
  order by "at" desc, sample_id
  limit 1
)
qualify row_number() over (partition by verdict.finding_id, verdict."by" order by verdict."at" desc, verdict.verdict_id) = 1
