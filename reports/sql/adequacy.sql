-- What each network comes to in each county, as listed and as verified. Distances are straight lines (haversine, Earth's mean radius of
-- 3958.8 miles) from where people are taken to live (curated.residence) to the positions of listings, at which each distance is taken once,
-- however many are listed there. A county without anybody listed has its row, too. Sums are rounded: the order of addition is the
-- machine's, and would show in the last digits.
with scoped as (
  select unnest(['all', source_id, concat(source_id, '/', network)]) as scope, unnest([null, source_id, source_id]) as source_id,
    unnest([null, null, network]) as network, side, listing_id, provider_id, county_fips, latitude, longitude
  from reports.side
), scope as (
  select scope, any_value(source_id) as source_id, any_value(network) as network from scoped group by scope
), grid as (
  select scope.*, side.side, county.county_fips, county.population
  from scope
  cross join curated.county
  cross join (select unnest(['listed', 'verified_high', 'verified_low']) as side) as side
), counted as (
  select scope, side, county_fips, count(distinct listing_id) as listing_count, count(distinct provider_id) as provider_count
  from scoped group by scope, side, county_fips
), position as (
  select distinct scope, side, latitude, longitude from scoped where latitude is not null
), mile as (
  select
    home.county_fips, home.spread, home.place, home.share, door.latitude, door.longitude,
    7917.6 * asin(least(1, sqrt(
      pow(sin(radians(door.latitude - home.latitude) / 2), 2)
      + cos(radians(home.latitude)) * cos(radians(door.latitude)) * pow(sin(radians(door.longitude - home.longitude) / 2), 2)
    ))) as miles
  from curated.residence as home
  cross join (select distinct latitude, longitude from position) as door
), nearest as (
  select position.scope, position.side, mile.county_fips, mile.spread, mile.place, any_value(mile.share) as share, min(mile.miles) as miles
  from mile
  join position on position.latitude = mile.latitude and position.longitude = mile.longitude
  group by position.scope, position.side, mile.county_fips, mile.spread, mile.place
), reached as (
  select
    scope, side, county_fips,
    round(coalesce(sum(share) filter (where spread = 'even' and miles <= 30), 0), 9) as share_30_miles,
    round(coalesce(sum(share) filter (where spread = 'even' and miles <= 60), 0), 9) as share_60_miles,
    round(coalesce(sum(share) filter (where spread = 'middle' and miles <= 30), 0), 9) as share_30_miles_middle,
    round(coalesce(sum(share) filter (where spread = 'middle' and miles <= 60), 0), 9) as share_60_miles_middle,
    min(miles) filter (where spread = 'middle') as nearest_miles,
    round(sum(share * miles) filter (where spread = 'even'), 6) as average_miles
  from nearest group by scope, side, county_fips
)
select
  grid.scope,
  grid.source_id,
  grid.network,
  grid.county_fips,
  grid.side,
  coalesce(counted.listing_count, 0) as listing_count,
  coalesce(counted.provider_count, 0) as provider_count,
  coalesce(enrollment.enrollee_count, grid.population) as population,
  case when enrollment.enrollee_count is null then 'residents' else 'enrolled' end as population_kind,
  1000.0::double * coalesce(counted.provider_count, 0) / nullif(coalesce(enrollment.enrollee_count, grid.population), 0) as per_1000,
  coalesce(reached.share_30_miles, 0) as share_30_miles,
  coalesce(reached.share_60_miles, 0) as share_60_miles,
  coalesce(reached.share_30_miles_middle, 0) as share_30_miles_middle,
  coalesce(reached.share_60_miles_middle, 0) as share_60_miles_middle,
  reached.nearest_miles,
  reached.average_miles
from grid
left join counted on counted.scope = grid.scope and counted.side = grid.side and counted.county_fips = grid.county_fips
left join reached on reached.scope = grid.scope and reached.side = grid.side and reached.county_fips = grid.county_fips
left join curated.enrollment
  on enrollment.source_id = grid.source_id and enrollment.network = grid.network and enrollment.county_fips = grid.county_fips
