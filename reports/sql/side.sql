-- The network an insurer lists and the one that can be verified, listing by listing. Verified is a range: from what was confirmed (low) to
-- what was not contradicted (high); what nobody knows is in the high end alone. Counts by network and place must not give away what one
-- provider said in confidence, so they rest on what can be shown (in_scope.public_standing).
select
  in_scope.listing_id,
  side.side,
  in_scope.source_id,
  in_scope.network,
  in_scope.provider_id,
  listing.county_fips,
  listing.latitude,
  listing.longitude,
  listing.geo_precision
from reports.in_scope
join curated.listing on listing.listing_id = in_scope.listing_id
cross join (select unnest(['listed', 'verified_high', 'verified_low']) as side) as side
where in_scope.is_unique and case side.side
  when 'listed' then true
  when 'verified_high' then in_scope.public_standing <> 'contradicted'
  else in_scope.public_standing = 'confirmed' end
