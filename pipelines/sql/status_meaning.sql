-- What each status on each roll means is data with a source per row. A status met on a roll but not on its card
-- is listed here as unknown: it supports nothing until a person has read it.
with word as (
  select source_id, status_key(status_raw) as status_raw, min(status) as status, bool_and(may_practice) as may_practice,
    min(citation) as citation
  from parsed.status_word
  group by source_id, status_key(status_raw)
), met as (
  select distinct source_id, status_key(status) as status_raw
  from (select distinct source_id, status from parsed.credential where status is not null) as said
)
select
  coalesce(word.source_id, met.source_id) as source_id,
  coalesce(word.status_raw, met.status_raw) as status_raw,
  coalesce(word.status, 'unknown') as status,
  word.may_practice,
  coalesce(word.citation, 'not on the card: a person must read it') as citation,
  met.status_raw is not null as is_met,
  word.status_raw is not null as is_on_card
from word
full join met on met.source_id = word.source_id and met.status_raw = word.status_raw
