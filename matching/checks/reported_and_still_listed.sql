-- Grain: one row per finding that the insurer was sent, and complete capture at least 30 days later that still shows it. A capture since
-- then that did not show it, or a claim that vanished and came back, is a correction: what came after is no longer what was reported.
with told as (
  select finding.finding_id, cast(progress.insurer_told_at as date) as told_on, progress.insurer_channel as channel
  from matching.finding
  join matching.progress on progress.finding_id = finding.finding_id
  where progress.insurer_told_at is not null and progress.stage <> 'withdrawn'
), since as (
  select
    told.*, snapshot.snapshot_id, snapshot.source_id, snapshot.observed_on, sighting.finding_id is not null as is_seen,
    bool_and(sighting.finding_id is not null) over (partition by told.finding_id order by snapshot.observed_on, snapshot.snapshot_id) as is_unbroken,
    string_agg(cast(snapshot.observed_on as varchar), ', ') over (
      partition by told.finding_id order by snapshot.observed_on, snapshot.snapshot_id rows unbounded preceding
    ) as days,
    snapshot.observed_on = max(snapshot.observed_on) over (partition by told.finding_id) as is_latest
  from told
  join matching.finding on finding.finding_id = told.finding_id
  join curated.snapshot on snapshot.source_id = finding.source_id and snapshot.observed_on > told.told_on
  left join matching.sighting on sighting.finding_id = told.finding_id and sighting.snapshot_id = snapshot.snapshot_id
)
select
  sighting.listing_id, finding.claim_id, finding.subject_kind, finding.subject_id, sighting.observed_on, sighting.tier, finding.credential_id,
  sighting.evidence_ids, finding.finding_id as reported_id, replace(finding.check_name, '_', ' ') as what, since.told_on,
  coalesce(since.channel, 'a channel not noted') as channel, since.days, cast(since.observed_on - since.told_on as integer) as days_since,
  finding.basis as reported_basis, finding.about, finding.may_share, finding.finding_id as thread, finding.source_id, since.snapshot_id, since.is_latest
from since
join matching.finding on finding.finding_id = since.finding_id
join matching.sighting on sighting.finding_id = since.finding_id and sighting.snapshot_id = since.snapshot_id
where since.is_unbroken and since.observed_on >= since.told_on + 30
