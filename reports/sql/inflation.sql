-- How much larger a network looks than it can be shown to be: listed over verified, at its two ends. The interval is Wilson's of the share
-- verified (z = 1.959964), turned over; below 10 listed there is a count and no index.
with counted as (
  select
    scope, level,
    count(distinct id) filter (where side = 'listed') as listed_count,
    count(distinct id) filter (where side = 'verified_high') as verified_high_count,
    count(distinct id) filter (where side = 'verified_low') as verified_low_count
  from (
    select unnest(['all', source_id, 'all', source_id]) as scope, unnest(['listing', 'listing', 'provider', 'provider']) as level,
      unnest([listing_id, listing_id, provider_id, provider_id]) as id, side
    from reports.side
  ) as each_one
  group by scope, level
), share as (
  select *, listed_count::double as n, verified_high_count / listed_count::double as high, verified_low_count / listed_count::double as low
  from counted
), wilson as (
  select *,
    (high + 1.920729 / n) / (1 + 3.841459 / n) as high_middle, 1.959964 * sqrt((high * (1 - high) + 0.960365 / n) / n) / (1 + 3.841459 / n) as high_half,
    (low + 1.920729 / n) / (1 + 3.841459 / n) as low_middle, 1.959964 * sqrt((low * (1 - low) + 0.960365 / n) / n) / (1 + 3.841459 / n) as low_half
  from share
)
select
  scope,
  level,
  listed_count,
  verified_high_count,
  verified_low_count,
  case when n >= 10 then 1 / nullif(high, 0) end as index_least,
  case when n >= 10 then greatest(1.0::double, 1 / (high_middle + high_half)) end as index_least_from,
  case when n >= 10 and high > 0 then 1 / (high_middle - high_half) end as index_least_to,
  case when n >= 10 then 1 / nullif(low, 0) end as index_most,
  case when n >= 10 then greatest(1.0::double, 1 / (low_middle + low_half)) end as index_most_from,
  case when n >= 10 and low > 0 then 1 / (low_middle - low_half) end as index_most_to
from wilson
