-- The newest word of each class of evidence on each spell of a claim; absence of a word is no row. A word speaks of what was shown at most
-- 90 days before or after it, and never of a spell that began later. A provider's word on all of an insurer's reaches the claims of
-- that person there by the number shown or by a documented match, never by name alone, nor past a number that differs. What is said of
-- the place says nothing where several are shown. Of two words of one moment, what both say.
with held as (
  select spell.claim_id, spell.spell_on, licensed.license_key, bool_or(pair.is_documented or pair.license_number in ('equal', 'digits')) as is_documented
  from matching.spell
  join matching.pair on pair.identity_id = spell.identity_id and pair.judgement = 'same'
  join matching.licensed on licensed.credential_id = pair.credential_id
  group by all
), reached as (
  select
    said.attestation_id, said.claim_id is not null as is_direct, spell.claim_id, spell.spell_on, spell.place,
    coalesce(spell.npi = trim(said.npi), false) as is_npi, coalesce(spell.npi <> trim(said.npi), false) as is_other_npi,
    held.license_key is not null or coalesce(spell.license_key = said.license_key, false) as is_license,
    coalesce(held.is_documented, false) or coalesce(spell.license_key = said.license_key
      and said.license_key not in (select license_key from matching.licensed where license_key is not null), false) as is_sure_license,
    held.license_key is null and coalesce(spell.license_key <> said.license_key, false) as is_other_license
  from ledger.attestation as said
  join matching.spell on spell.source_id = coalesce(said.source_id, spell.source_id) and spell.claim_id = coalesce(said.claim_id, spell.claim_id)
    and spell.spell_on <= cast(said."at" as date)
  left join held on held.claim_id = spell.claim_id and held.spell_on = spell.spell_on and held.license_key = said.license_key
  where coalesce(said.claim_id, said.source_id) is not null
  qualify row_number() over (partition by said.attestation_id, spell.claim_id order by spell.spell_on desc) = 1
), attested as (
  select reached.*, not is_direct and count(distinct place) over (partition by attestation_id) > 1 as is_anywhere
  from reached
  where case when is_direct then is_npi or is_license or not (is_other_npi or is_other_license)
    else (is_npi or is_sure_license) and not is_other_npi and not is_other_license end
), named as (
  select claim.claim_id, left(sha256(concat_ws('|', $audit::varchar, asked.check_name, claim.claim_id)), 16) as finding_id
  from curated.claim cross join (select unnest($checks::varchar[]) as check_name) as asked
  where (select count(*) from ledger.reply where claim_id is null and participates is not null) > 0
), said as (
  select
    attested.claim_id, 'attestation' as evidence_class, attestation_id as answer_id, said."at",
    case when attested.is_anywhere and not said.works_here then nullif(said.participates, true) else said.participates end as participates,
    case when not attested.is_anywhere then said.works_here end as works_here,
    case when not attested.is_anywhere then said.accepts_patients end as accepts_patients, coalesce(said.may_share, false) as may_share
  from attested join ledger.attestation as said using (attestation_id)
  union all
  select coalesce(reply.claim_id, named.claim_id), 'insurer_answer', reply.reply_id, reply."at", reply.participates, null, null, true
  from ledger.reply
  left join named on named.finding_id = reply.finding_id and reply.claim_id is null
  where reply.by_kind = 'insurer' and reply.participates is not null
  union all
  select call.claim_id, 'call', call.call_id, call."at", call.participates, call.works_here, call.accepts_patients, false
  from ledger.call
  left join curated.listing as dialled on dialled.listing_id = call.listing_id
  where call.outcome = 'reached' and coalesce(dialled.claim_id, call.claim_id) = call.claim_id
  union all
  select
    spell.claim_id, 'in_network_file', concat(stated.source_id, '|', stated.npi), cast(stated.observed_on as timestamp), true, null, null, true
  from curated.participation as stated
  join curated.source as theirs on theirs.source_id = stated.source_id
  join matching.spell on spell.npi = stated.npi
  join curated.source as own on own.source_id = spell.source_id and fold(own.insurer_name) = fold(theirs.insurer_name)
  join curated.listing on listing.listing_id = spell.listing_id
  where stated.strength = 'proof'
    and (stated.network is null or list_contains([fold(piece) for piece in string_split(stated.network, ';')], fold(listing.network)))
), spoken as (
  select
    said.* replace (
      case when not spell.is_one_place and not said.works_here then nullif(said.participates, true) else said.participates end as participates,
      case when spell.is_one_place then said.works_here end as works_here
    ),
    cast(said."at" as date) as observed_on, spell.spell_on,
    greatest(spell.spell_on, cast(said."at" as date) - 90) as from_on, least(spell.until_on, cast(said."at" as date) + 90) as to_on
  from said
  join matching.spell on spell.claim_id = said.claim_id and (spell.spell_on <= cast(said."at" as date) or said.evidence_class = 'in_network_file')
  qualify row_number() over (partition by said.claim_id, said.evidence_class, said.answer_id order by spell.spell_on desc) = 1
)
select
  claim_id, evidence_class, spell_on, any_value(observed_on) as observed_on, any_value(from_on) as from_on, any_value(to_on) as to_on,
  min(answer_id) as answer_id,
  case when bool_and(participates) = bool_or(participates) then bool_and(participates) end as participates,
  case when bool_and(works_here) = bool_or(works_here) then bool_and(works_here) end as works_here,
  case when bool_and(accepts_patients) = bool_or(accepts_patients) then bool_and(accepts_patients) end as accepts_patients,
  bool_and(may_share) as may_share
from (select * from spoken where from_on <= to_on qualify "at" = max("at") over (partition by claim_id, evidence_class, spell_on))
group by claim_id, evidence_class, spell_on
