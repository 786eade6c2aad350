-- An insurer's own word that an NPI is contracted, on the last day it gave it. A file does not say whose an NPI is: it proves a person's
-- contract where the registry, or else a listing, says that the NPI is a person's. A practice's NPI, or one nobody knows, is weak.
with person as (
  select npi from curated.listing where npi is not null and not is_organization
  except
  select npi from parsed.registration where entity = '2'
  union
  select npi from parsed.registration where entity = '1'
), said as (
  select participation.*, strength = 'proof' and npi in (select npi from person) as is_proof
  from parsed.participation
  where npi is not null
)
select cast(null as text) as claim_id, npi, source_id, case when is_proof then 'proof' else 'weak' end as strength, network,
  observed_on, day_of(updated) as updated_on, evidence_id, locator
from said
qualify row_number() over (partition by npi, source_id order by observed_on desc, is_proof desc, evidence_id, locator) = 1
