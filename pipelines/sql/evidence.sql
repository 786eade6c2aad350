select evidence_id, snapshot_id, url, fetched_at, http_status, sha256, byte_count
from parsed.evidence
