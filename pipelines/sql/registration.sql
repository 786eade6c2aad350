select npi, taxonomy, name, license_key(license, $license_pattern, $license_digits) as license_key,
  day_of(deactivated) as deactivated_on, source_id, evidence_id
from parsed.registration
