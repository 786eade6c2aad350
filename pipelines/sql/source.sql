-- Every source of the audit, as its card describes it.
select source_id, title, kind, surface, insurer_name, naic, waoic, state, format, role, completeness, card_sha256
from parsed.source
