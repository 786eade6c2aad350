-- Networks that a card names or a listing shows; what nobody has stated stays null.
with shown as (
  select distinct source_id, network from parsed.listing where network is not null
), named as (
  select source_id, network, line, regulator, filed_as from parsed.network
)
select
  coalesce(named.source_id, shown.source_id) as source_id,
  coalesce(named.network, shown.network) as network,
  named.line,
  named.regulator,
  named.filed_as,
  shown.network is not null as is_shown
from named
full join shown on shown.source_id = named.source_id and shown.network = named.network
