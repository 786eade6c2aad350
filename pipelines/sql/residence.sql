-- Where a county's people are taken to live, twice, because nobody knows: spread evenly (over the middles of its ZIP code areas where they
-- are known, else over its outline), and all at its middle. What both say alike does not hang on the guess.
with area as (
  select county_fips, latitude, longitude, 'zcta' as basis from curated.zcta where latitude is not null
), outline as (
  select county_fips, latitude, longitude, 'outline' as basis
  from parsed.residence
  where county_fips not in (select county_fips from area)
), middle as (
  select county_fips, latitude, longitude, 'county' as basis from curated.county
), placed as (
  select 'even' as spread, * from area
  union all
  select 'even' as spread, * from outline
  union all
  select 'even' as spread, * from middle
  where county_fips not in (select county_fips from area union all select county_fips from outline)
  union all
  select 'middle' as spread, * from middle
)
select
  county_fips,
  spread,
  row_number() over (partition by county_fips, spread order by latitude desc, longitude) as place,
  latitude,
  longitude,
  1.0::double / count(*) over (partition by county_fips, spread) as share,
  basis
from placed
