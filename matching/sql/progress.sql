-- What people did about each finding, and the stage that follows. Later entries outrank earlier ones; of two at one moment the one more
-- careful of the person counts. A withdrawal settles what rests on the same basis about the same person, wherever it is found; once the
-- basis has changed, what was done up to then no longer counts, nor does any deed done on another basis than the finding has now: who
-- judged, was sent or answered something else did not do so of this. An insurer has been told only by what was sent to that insurer.
with place as (
  select finding.finding_id, finding.claim_id, finding.basis, finding.about, source.source_id, fold(source.insurer_name) as insurer
  from matching.finding
  left join curated.source on source.source_id = finding.source_id
), member as (
  select distinct listing.claim_id, member.provider_id
  from matching.provider_member as member
  join curated.listing on member.member_kind = 'listing' and listing.listing_id = member.member_id
), person as (
  select place.finding_id, member.provider_id from place join member on member.claim_id = place.claim_id
  union
  select finding.finding_id, member.provider_id
  from matching.finding
  join matching.provider_member as member on member.member_kind = 'listing' and member.member_id = finding.listing_id
  union
  select finding.finding_id, member.provider_id
  from matching.finding
  join matching.provider_member as member on member.member_kind = 'credential' and member.member_id = finding.subject_id
  where finding.subject_kind = 'credential'
), decision as (
  select correction.*
  from ledger.correction
  where change in ('upheld', 'withdrawn', 'amended')
  qualify row_number() over (
    partition by finding_id order by "at" desc, list_position(['withdrawn', 'amended', 'upheld'], change), correction_id
  ) = 1
), withdrawal as (
  select decision.finding_id, decision.basis, decision.reason, decision."at", coalesce(decision.claim_id, place.claim_id) as claim_id
  from decision left join place on place.finding_id = decision.finding_id
  where decision.change = 'withdrawn'
), settled as (
  select place.finding_id, withdrawal.finding_id as settled_by, withdrawal."at", withdrawal.reason
  from place
  join withdrawal on withdrawal.finding_id = place.finding_id and coalesce(withdrawal.basis, place.basis) = place.basis
  union
  select place.finding_id, withdrawal.finding_id, withdrawal."at", withdrawal.reason
  from place
  join withdrawal on withdrawal.basis = place.basis
  left join decision as own on own.finding_id = place.finding_id and own.change <> 'withdrawn' and own."at" > withdrawal."at"
  where own.finding_id is null and (
    withdrawal.claim_id = place.claim_id
    or exists (
      select 1 from member join person on person.provider_id = member.provider_id
      where member.claim_id = withdrawal.claim_id and person.finding_id = place.finding_id
    )
    or exists (
      select 1 from person as mine join person as theirs on theirs.provider_id = mine.provider_id
      where mine.finding_id = place.finding_id and theirs.finding_id = withdrawal.finding_id
    )
  )
), withdrawn as (
  select * from settled
  qualify row_number() over (partition by finding_id order by settled_by = finding_id desc, "at", settled_by) = 1
), since as (
  select place.finding_id, place.basis, coalesce(max(correction."at"), timestamp '1900-01-01') as since
  from place
  left join ledger.correction on correction.finding_id = place.finding_id and correction.change = 'withdrawn' and correction.basis <> place.basis
  group by place.finding_id, place.basis
), judged as (
  select verdict.finding_id, verdict.judgement, verdict."at"
  from ledger.verdict
  join since on since.finding_id = verdict.finding_id and verdict."at" > since.since and coalesce(verdict.basis, since.basis) = since.basis
  qualify row_number() over (
    partition by verdict.finding_id, verdict."by" order by verdict."at" desc, list_position(['wrong', 'unsure', 'right'], verdict.judgement)
  ) = 1
), upheld as (
  select correction.finding_id, max(correction."at") as "at"
  from ledger.correction
  join since on since.finding_id = correction.finding_id and correction."at" > since.since and coalesce(correction.basis, since.basis) = since.basis
  where correction.change = 'upheld'
  group by correction.finding_id
), review as (
  select
    judged.finding_id, count(*) as reviewer_count, count(*) filter (judgement = 'right') as right_count,
    count(*) filter (judgement = 'wrong') as wrong_count, count(*) filter (judgement = 'unsure') as unsure_count,
    max(judged."at") filter (judgement = 'right') as right_at,
    count(*) filter (judgement = 'wrong' and not coalesce(judged."at" < upheld."at", false)) as standing_wrong_count
  from judged left join upheld on upheld.finding_id = judged.finding_id
  group by judged.finding_id
), decided as (
  select correction.finding_id, correction.change, correction."at", correction.reason
  from ledger.correction
  join since on since.finding_id = correction.finding_id and correction."at" > since.since
    and (coalesce(correction.basis, since.basis) = since.basis or correction.change = 'asked')
  qualify row_number() over (
    partition by correction.finding_id
    order by correction."at" desc, list_position(['withdrawn', 'asked', 'amended', 'upheld'], change), correction_id
  ) = 1
), sent as (
  select place.finding_id, report_sent.recipient_kind, report_sent."at", report_sent.channel
  from ledger.disclosure
  join ledger.report_sent on report_sent.report_sent_id = disclosure.report_sent_id
  join place on place.finding_id = disclosure.finding_id
  join since on since.finding_id = place.finding_id and report_sent."at" > since.since
    and coalesce(disclosure.basis, since.basis) = since.basis
  where report_sent.recipient_kind = 'therapist' or report_sent.recipient_kind = 'insurer' and exists (
    select 1 from curated.source as addressee
    where (addressee.source_id = place.source_id or fold(addressee.insurer_name) = place.insurer)
      and fold(report_sent.recipient) in (fold(addressee.source_id), fold(addressee.title), fold(addressee.insurer_name))
  )
), told as (
  select
    finding_id, min("at") filter (recipient_kind = 'insurer') as insurer_told_at,
    arg_min(channel, "at") filter (recipient_kind = 'insurer') as insurer_channel, min("at") filter (recipient_kind = 'therapist') as person_told_at
  from sent group by finding_id
), reply as (
  select reply.finding_id, reply.by_kind, reply.answer, reply.words, reply."at"
  from ledger.reply
  join since on since.finding_id = reply.finding_id and reply."at" > since.since and coalesce(reply.basis, since.basis) = since.basis
  qualify row_number() over (
    partition by reply.finding_id, reply.by_kind order by reply."at" desc, list_position(['dispute', 'explain', 'concur'], reply.answer), reply.reply_id
  ) = 1
)
select
  place.finding_id, coalesce(review.right_count, 0) as right_count, coalesce(review.wrong_count, 0) as wrong_count,
  coalesce(review.unsure_count, 0) as unsure_count, coalesce(review.reviewer_count, 0) as reviewer_count, review.right_at as reviewed_at,
  told.insurer_told_at, told.insurer_channel, told.person_told_at,
  insurer."at" as answered_at, insurer.answer as insurer_answer, insurer.words as insurer_words,
  person."at" as person_answered_at, person.answer as person_answer, person.words as person_words,
  case when withdrawn.finding_id is not null then 'withdrawn' else decided.change end as decided,
  coalesce(withdrawn."at", decided."at") as decided_at,
  case when withdrawn.finding_id is not null then withdrawn.reason else decided.reason end as reason,
  nullif(withdrawn.settled_by, place.finding_id) as withdrawn_with,
  case
    when withdrawn.finding_id is not null then 'withdrawn'
    when coalesce(review.right_count, 0) = 0 or review.standing_wrong_count > 0 then 'flagged'
    when told.insurer_told_at is null or (place.about = 'person' and told.person_told_at is null) then 'reviewed'
    when insurer.finding_id is null then 'notified'
    else 'answered' end as stage
from place
left join withdrawn on withdrawn.finding_id = place.finding_id
left join review on review.finding_id = place.finding_id
left join decided on decided.finding_id = place.finding_id
left join told on told.finding_id = place.finding_id
left join reply as insurer on insurer.finding_id = place.finding_id and insurer.by_kind = 'insurer'
left join reply as person on person.finding_id = place.finding_id and person.by_kind = 'therapist'
where coalesce(withdrawn.finding_id, review.finding_id, decided.finding_id, told.finding_id, insurer.finding_id, person.finding_id) is not null
