select run_id, audit, title, state, profession, grace_days, started_at, cast(null as timestamp) as finished_at, code_version, snapshot_ids, ledger_head
from parsed.run
