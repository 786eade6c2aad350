-- People enrolled, of the one insurer that has a network of that name; a name nobody or two insurers have stays without one.
select
  coalesce(said.source_id, case when count(distinct network.source_id) = 1 then min(network.source_id) end) as source_id,
  said.network,
  said.county_fips,
  any_value(said.enrollees) as enrollee_count
from parsed.enrollment as said
left join curated.network on network.network = said.network and network.source_id = coalesce(said.source_id, network.source_id)
group by said.source_id, said.network, said.county_fips
