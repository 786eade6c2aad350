select cast(null as text) as claim_id, npi, source_id, strength, observed_on, evidence_id
from parsed.participation
