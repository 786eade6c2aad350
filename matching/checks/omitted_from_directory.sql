-- Grain: one row per holder of a license in force whom an insurer has accepted, and whole capture of its website that was not seen to show
-- anybody who could be that person: by number, by match sure or unsure, or by a family name like theirs with the initial of one of
-- their given names. Nobody can be looked for whose names are not known. What may not be shown is not leant on where something else is there.
with directory as (
  select
    snapshot.source_id, snapshot.snapshot_id, snapshot.observed_on, source.insurer_name, fold(source.insurer_name) as insurer,
    snapshot.is_complete and snapshot.problem_count = 0 as is_whole,
    snapshot.observed_on = max(snapshot.observed_on) over (partition by snapshot.source_id) as is_latest
  from curated.snapshot
  join curated.source on source.source_id = snapshot.source_id
  where source.surface = 'website' and source.insurer_name is not null
), holder as (
  select credential.credential_id, credential.license_key, credential.evidence_id, licensed.license_digits, licensed.family, licensed.given, licensed.middle
  from curated.credential
  join matching.licensed on licensed.credential_id = credential.credential_id
  where licensed.in_profession and credential.may_practice and credential.license_key is not null and licensed.given is not null
), registered as (
  select npi, min(license_key) as license_key from curated.registration where license_key is not null group by npi having count(distinct license_key) = 1
), attested as (
  select
    coalesce(said.license_key, registered.license_key) as license_key, fold(source.insurer_name) as insurer, said.participates,
    cast(said."at" as date) as said_on, coalesce(said.may_share, false) as may_share
  from ledger.attestation as said
  join curated.source on source.source_id = said.source_id
  left join registered on registered.npi = trim(said.npi)
  where said.participates is not null and coalesce(said.license_key = registered.license_key, true)
  qualify row_number() over (
    partition by coalesce(said.license_key, registered.license_key), fold(source.insurer_name)
    order by said."at" desc, said.participates, said.attestation_id
  ) = 1
), applied as (
  select application.license_key, fold(source.insurer_name) as insurer, application.network, application.outcome, application.outcome_on
  from ledger.application
  join curated.source on source.source_id = application.source_id
  qualify row_number() over (
    partition by application.license_key, fold(source.insurer_name), application.network order by application."at" desc, application.application_id
  ) = 1
), accepted as (
  select directory.*, 'in-network file' as class, registered.license_key, true as may_share, stated.evidence_id as stated_evidence_id,
    concat('its own in-network file, as of ', stated.observed_on, ', names the provider''s NPI') as said
  from directory
  join curated.source on fold(source.insurer_name) = directory.insurer
  join curated.participation as stated on stated.source_id = source.source_id and stated.strength = 'proof'
    and stated.observed_on between directory.observed_on - 90 and directory.observed_on + 7
  join registered on registered.npi = stated.npi
  union all
  select directory.*, 'attestation', attested.license_key, attested.may_share, null, concat('the provider attested on ', said_on, ' to take part')
  from directory
  join attested on attested.insurer = directory.insurer and attested.participates
    and said_on between directory.observed_on - 180 and directory.observed_on - cast($grace_days as integer)
  union all
  select directory.*, 'application', applied.license_key, false, null, concat('it accepted the provider''s application on ', outcome_on)
  from directory
  join applied on applied.insurer = directory.insurer and applied.outcome = 'accepted'
    and outcome_on between directory.observed_on - 365 and directory.observed_on - cast($grace_days as integer)
    and (applied.network is null or exists (
      select 1 from curated.listing where listing.snapshot_id = directory.snapshot_id and fold(listing.network) = fold(applied.network)
    ))
), called as (
  select credential_id, family, given, middle from holder where license_key in (select license_key from accepted)
  union
  select holder.credential_id, fold(registration.family_name), fold(registration.given_name), fold(registration.middle_name)
  from holder join curated.registration on registration.license_key = holder.license_key
  union
  select holder.credential_id, fold(registration.other_family_name), fold(coalesce(registration.other_given_name, registration.given_name)), null
  from holder join curated.registration on registration.license_key = holder.license_key and registration.other_family_name is not null
), public as (
  select directory.snapshot_id, listed.*, trim(listing.npi) as npi_shown
  from directory
  join curated.source on fold(source.insurer_name) = directory.insurer and source.surface in ('website', 'saved_page')
  join curated.snapshot on snapshot.source_id = source.source_id and abs(snapshot.observed_on - directory.observed_on) <= 7
  join matching.listed on listed.snapshot_id = snapshot.snapshot_id
  join curated.listing on listing.listing_id = listed.listing_id
), bearer as (
  select distinct snapshot_id, family, left(given, 1) as initial from public where family is not null
), doubted as (
  select public.snapshot_id, pair.credential_id
  from public join matching.pair on pair.identity_id = public.identity_id and pair.judgement <> 'different'
  union
  select public.snapshot_id, holder.credential_id from public join holder on holder.license_digits = public.license_digits
  union
  select public.snapshot_id, holder.credential_id
  from public
  join curated.registration on registration.npi = public.npi_shown
  join holder on holder.license_key = registration.license_key
  union
  select bearer.snapshot_id, called.credential_id
  from bearer
  join called on (bearer.initial is null or bearer.initial in (left(called.given, 1), left(called.middle, 1))) and (
    list_has_any(string_split(bearer.family, ' '), string_split(called.family, ' '))
    or jaro_winkler_similarity(bearer.family, called.family) >= 0.9
  )
), shown as (
  select accepted.* from accepted
  qualify may_share = bool_or(may_share) over (partition by snapshot_id, license_key)
)
select
  cast(null as varchar) as listing_id, cast(null as varchar) as claim_id, 'credential' as subject_kind, holder.credential_id as subject_id,
  any_value(shown.observed_on) as observed_on, case when count(distinct shown.class) > 1 then 'A' else 'B' end as tier, holder.credential_id,
  list_concat([any_value(holder.evidence_id)], coalesce(
    list_sort(list(distinct shown.stated_evidence_id) filter (shown.stated_evidence_id is not null)), []
  )) as evidence_ids,
  any_value(shown.insurer_name) as insurer, any_value(holder.license_key) as license,
  string_agg(distinct shown.said, '; ' order by shown.said) as said,
  string_agg(distinct shown.class, ', ' order by shown.class) as classes,
  bool_and(shown.may_share) as may_share, concat_ws('|', shown.source_id, holder.credential_id) as thread,
  shown.source_id, shown.snapshot_id, bool_or(shown.is_latest) as is_latest
from shown
join holder on holder.license_key = shown.license_key
anti join doubted on doubted.snapshot_id = shown.snapshot_id and doubted.credential_id = holder.credential_id
anti join attested as denied on denied.license_key = shown.license_key and denied.insurer = shown.insurer and not denied.participates
where shown.is_whole
group by shown.source_id, shown.snapshot_id, holder.credential_id
