-- The latest word of the registries on each NPI: of several files and visits, all rows of the one that was updated last. A deactivated NPI
-- has no row of its own there: the deactivation report dates it, and a row updated on that day or later, or a reactivation, undoes it.
-- Each report names all that are deactivated then, so only a source's newest counts: who is on it no more is active again.
-- A license number is read only beside the roll's own state and for a person; a practice's number there is somebody's, we cannot tell whose.
-- Bare digits are the one license on the roll with those digits whose holder has the registered family name; else they say nothing.
with said as (
  select registration.*, day_of(updated) as updated_on, day_of(deactivated) as gone_on, day_of(reactivated) as back_on
  from parsed.registration
  join curated.snapshot on snapshot.snapshot_id = registration.snapshot_id
), holder as (
  select npi, max((coalesce(updated_on, date '1900-01-01'), observed_on, evidence_id)) as newest
  from said
  where entity is not null
  group by npi
), reports as (
  select source_id, arg_max(snapshot_id, (observed_on, snapshot_id)) as snapshot_id
  from said
  where gone_on is not null and entity is null
  group by source_id
), gone as (
  select npi, max(gone_on) as gone_on, max(back_on) as back_on, arg_max(evidence_id, gone_on) as deactivation_evidence_id
  from said
  where gone_on is not null and (entity is not null or (source_id, snapshot_id) in (select (source_id, snapshot_id) from reports))
    and (reactivated is null or back_on is not null)  -- reactivated on a day that we cannot read
  group by npi
), bare as (
  select distinct ltrim(license, '0') as digits
  from said
  where regexp_full_match(license, '[0-9]{4,}') and length(ltrim(license, '0')) >= 4
), roll as (
  select source_id, state from parsed.source where role = 'roll'
), known as (
  select license_digits(credential.license_key) as digits, fold(credential.family_name) as family, min(credential.license_key) as license_key
  from curated.credential
  where license_digits(credential.license_key) in (select digits from bare)
  group by all
  having count(distinct credential.license_key) = 1
), held as (
  select said.*
  from said
  join holder on holder.npi = said.npi
    and holder.newest = (coalesce(said.updated_on, date '1900-01-01'), said.observed_on, said.evidence_id)
  where said.entity is not null
), numbered as (
  select held.*,
    case when held.entity = '1' and held.license_state = roll.state and regexp_matches(held.license, '[0-9]{3}') then
      case when known.license_key is not null then known.license_key
        when not regexp_full_match(held.license, '[0-9]+') or $license_pattern = '' then license_key(held.license, $license_pattern, $license_digits)
      end end as license_key
  from held
  left join roll on true
  left join known on known.digits = ltrim(held.license, '0') and known.family = fold(held.last)
  qualify row_number() over (partition by held.npi, held.taxonomy order by license_key is null, held.license_state is distinct from roll.state, held.locator) = 1
)
select
  coalesce(numbered.npi, gone.npi) as npi,
  numbered.taxonomy,
  numbered.entity,
  [name for name in [
    nullif(concat_ws(' ', numbered.first, numbered.middle, numbered.last, numbered.suffix), ''),
    case when coalesce(numbered.other_last, numbered.other_first) is not null
      then concat_ws(' ', coalesce(numbered.other_first, numbered.first), numbered.other_middle, coalesce(numbered.other_last, numbered.last)) end,
    numbered.organization
  ] if name is not null] as names,
  numbered.first as given_name,
  numbered.middle as middle_name,
  numbered.last as family_name,
  numbered.suffix,
  numbered.other_first as other_given_name,
  numbered.other_middle as other_middle_name,
  numbered.other_last as other_family_name,
  numbered.organization,
  numbered.license as license_raw,
  numbered.license_state,
  numbered.license_key,
  numbered.city,
  numbered.state,
  zip5(numbered.zip) as zip5,
  phone_digits(numbered.phone) as phone_digits,
  day_of(numbered.enumerated) as enumerated_on,
  numbered.updated_on,
  case when gone.back_on >= gone.gone_on or numbered.updated_on >= gone.gone_on then null else gone.gone_on end as deactivated_on,
  numbered.replaced_by,
  coalesce(numbered.source_id, reported.source_id) as source_id,
  coalesce(numbered.evidence_id, gone.deactivation_evidence_id) as evidence_id,
  numbered.locator,
  case when deactivated_on is not null then gone.deactivation_evidence_id end as deactivation_evidence_id
from numbered
full join gone on gone.npi = numbered.npi
left join (select distinct evidence_id, source_id from said) as reported on reported.evidence_id = gone.deactivation_evidence_id
