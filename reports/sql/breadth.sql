-- Each network over the whole state, as listed and as verified: its persons, the share of the licensed workforce they are (after the
-- Inspector General, HHS-OIG OEI-02-23-00540, which measured networks against state licensing boards), and what the counties' figures
-- come to, each county weighted by its people. No roll we know prints where a license holder practices, so the workforce is the whole state's.
with scoped as (
  select unnest(['all', source_id, concat(source_id, '/', network)]) as scope, unnest([null, source_id, source_id]) as source_id,
    unnest([null, null, network]) as network, side, listing_id, provider_id, county_fips
  from reports.side
), scope as (
  select scope, any_value(source_id) as source_id, any_value(network) as network from scoped group by scope
), grid as (
  select scope.*, side.side from scope cross join (select unnest(['listed', 'verified_high', 'verified_low']) as side) as side
), holder as (
  select credential.credential_id, coalesce(min(member.provider_id), credential.credential_id) as person_id
  from curated.credential
  left join matching.provider_member as member on member.member_kind = 'credential' and member.member_id = credential.credential_id
  where credential.profession = $profession and coalesce(credential.may_practice, credential.expires_on >= credential.roll_on, false)
  group by credential.credential_id
), counted as (
  select
    scoped.scope, scoped.side,
    count(distinct scoped.listing_id) as listing_count,
    count(distinct scoped.provider_id) as provider_count,
    count(distinct scoped.listing_id) filter (where scoped.county_fips is null) as unplaced_count,
    count(distinct holder.person_id) as holder_count
  from scoped
  join reports.in_scope on in_scope.listing_id = scoped.listing_id
  left join holder on holder.credential_id = in_scope.credential_id
  group by scoped.scope, scoped.side
), county as (
  select
    adequacy.scope, adequacy.side,
    count(*) as county_count,
    count(*) filter (where adequacy.provider_count = 0) as empty_county_count,
    sum(adequacy.population) as population,
    sum(adequacy.population) filter (where adequacy.provider_count = 0) as empty_county_population,
    round(sum(adequacy.population * adequacy.share_30_miles) / nullif(sum(adequacy.population), 0), 9) as share_30_miles,
    round(sum(adequacy.population * adequacy.share_60_miles) / nullif(sum(adequacy.population), 0), 9) as share_60_miles,
    round(sum(adequacy.population * adequacy.share_30_miles_middle) / nullif(sum(adequacy.population), 0), 9) as share_30_miles_middle,
    round(sum(adequacy.population * adequacy.share_60_miles_middle) / nullif(sum(adequacy.population), 0), 9) as share_60_miles_middle,
    case when count(county.urban_class) = count(*) then round(sum(adequacy.population
      * case county.urban_class when 'urban' then adequacy.share_30_miles else adequacy.share_60_miles end
    ) / nullif(sum(adequacy.population), 0), 9) end as share_benchmark,
    case when count(county.urban_class) = count(*) then round(sum(adequacy.population
      * case county.urban_class when 'urban' then adequacy.share_30_miles_middle else adequacy.share_60_miles_middle end
    ) / nullif(sum(adequacy.population), 0), 9) end as share_benchmark_middle
  from reports.adequacy
  join curated.county on county.county_fips = adequacy.county_fips
  group by adequacy.scope, adequacy.side
), workforce as (
  select nullif(count(distinct person_id), 0) as licensed_count from holder
)
select
  grid.scope,
  grid.source_id,
  grid.network,
  grid.side,
  coalesce(counted.listing_count, 0) as listing_count,
  coalesce(counted.provider_count, 0) as provider_count,
  coalesce(counted.unplaced_count, 0) as unplaced_count,
  workforce.licensed_count,
  case when workforce.licensed_count is not null then coalesce(counted.holder_count, 0) end as holder_count,
  coalesce(counted.holder_count, 0) / workforce.licensed_count::double as licensed_share,
  county.county_count,
  county.empty_county_count,
  cast(county.population as bigint) as population,
  cast(coalesce(county.empty_county_population, 0) as bigint) as empty_county_population,
  1000.0::double * coalesce(counted.provider_count, 0) / nullif(county.population, 0) as per_1000,
  county.share_30_miles,
  county.share_60_miles,
  county.share_30_miles_middle,
  county.share_60_miles_middle,
  county.share_benchmark,
  county.share_benchmark_middle
from grid
cross join workforce
left join counted on counted.scope = grid.scope and counted.side = grid.side
left join county on county.scope = grid.scope and county.side = grid.side
