-- What the pages kept of each public website show of what anybody must be able to see.
select source_id, snapshot_id, item, observed, said, evidence_id, excerpt from parsed.checklist
