-- Complete visits only; an incomplete one is never loaded.
select
  snapshot.snapshot_id,
  snapshot.source_id,
  snapshot.observed_on,
  snapshot.started_at,
  snapshot.finished_at,
  true as is_complete,
  snapshot.response_count,
  coalesce(record.record_count, 0) as record_count,
  coalesce(problem.problem_count, 0) as problem_count,
  snapshot.sha256,
  snapshot.snapshot_id = last_value(snapshot.snapshot_id) over (
    partition by snapshot.source_id order by snapshot.observed_on, snapshot.finished_at, snapshot.snapshot_id
    rows between unbounded preceding and unbounded following
  ) as is_latest,
  date_diff('day', snapshot.observed_on, cast((select max(started_at) from parsed.run) as date)) > source.stale_after_days as is_stale
from parsed.snapshot
left join parsed.source on source.source_id = snapshot.source_id
left join (select snapshot_id, count(*) as record_count from parsed.record group by snapshot_id) as record
  on record.snapshot_id = snapshot.snapshot_id
left join (select snapshot_id, count(*) as problem_count from parsed.problem group by snapshot_id) as problem
  on problem.snapshot_id = snapshot.snapshot_id
