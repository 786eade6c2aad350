-- Counties as the audit's geography states them; urban or rural only where the regulator's own list was given.
select
  county.county_fips,
  any_value(county.name) as name,
  any_value(county.population) as population,
  any_value(county.land_sqmi) as land_sqmi,
  any_value(county.latitude) as latitude,
  any_value(county.longitude) as longitude,
  any_value(county.urban_class) as urban_class,
  count(zcta.zip5) as zcta_count,
  count(zcta.zip5) filter (where zcta.share_land < 1) as straddling_count,
  any_value(county.outline) as outline
from parsed.county
left join parsed.zcta on zcta.county_fips = county.county_fips
group by county.county_fips
