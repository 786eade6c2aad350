-- The newest sample of findings drawn for review, one row per finding drawn. A finding is right when two persons or more judged it and
-- none doubted it, or when what was doubted was upheld by a later decision; one that was withdrawn or amended was not right, nor is
-- one that somebody asked to correct before that is decided.
with newest as (
  select sample_id, frame_count
  from ledger.sample
  where purpose = 'review' and audit in (select audit from curated.run)
  qualify row_number() over (order by "at" desc, sample_id) = 1
), counted as (
  select
    finding_id,
    count(*) as reviewer_count,
    count(*) filter (where judgement = 'right') as right_count,
    count(*) filter (where judgement = 'wrong') as wrong_count
  from reports.review
  group by finding_id
)
select
  draw.sample_id,
  draw.subject_id as finding_id,
  coalesce(draw.stratum, '') as stratum,
  coalesce(draw.stratum_count, newest.frame_count) as stratum_count,
  newest.frame_count,
  coalesce(counted.reviewer_count, 0) as reviewer_count,
  coalesce(counted.right_count, 0) as right_count,
  coalesce(counted.wrong_count, 0) as wrong_count,
  progress.decided,
  case
    when coalesce(counted.reviewer_count, 0) < 2 then null
    when progress.decided in ('withdrawn', 'amended', 'asked') then false
    else counted.right_count = counted.reviewer_count or coalesce(progress.decided = 'upheld', false)
  end as is_right
from newest
join ledger.draw on draw.sample_id = newest.sample_id and draw.subject_kind = 'finding'
left join counted on counted.finding_id = draw.subject_id
left join matching.progress on progress.finding_id = draw.subject_id
