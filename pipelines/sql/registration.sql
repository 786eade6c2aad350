select npi, coalesce(taxonomy, '') as taxonomy, nullif(concat_ws(' ', first, middle, last, suffix, organization), '') as name,
  license_key(license, $license_pattern, $license_digits) as license_key, day_of(deactivated) as deactivated_on, source_id, evidence_id
from parsed.registration
