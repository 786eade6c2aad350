-- Grain: one row per listing observation of a person whose licenses on the roll are all of other professions.
-- Any credential of the audit's profession under a compatible name, whatever its status, ends the matter. So does a roll
-- that holds nobody of the profession. Documented only where the listing shows that very number: a name is not a trade.
with held as (
  select
    listed.listing_id, pair.credential_id, pair.is_documented and pair.license_number = 'equal' as is_documented,
    row_number() over (partition by listed.listing_id order by pair.is_documented and pair.license_number = 'equal' desc, pair.probability desc, pair.credential_id) as rank
  from matching.listed
  join matching.pair on pair.identity_id = listed.identity_id
  where listed.in_scope and pair.judgement = 'same' and not pair.in_profession
    and exists (select 1 from matching.licensed where licensed.in_profession)
    and not exists (
      select 1 from matching.pair as own
      where own.identity_id = listed.identity_id and own.in_profession and (own.is_compatible or own.judgement <> 'different')
    )
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  case when held.is_documented then 'A' else 'B' end as tier, held.credential_id,
  list_distinct([listing.evidence_id, credential.evidence_id]) as evidence_ids,
  listing.network, credential.license_key as license, coalesce(credential.credential_type, 'of a type not printed') as credential_type
from held
join curated.listing on listing.listing_id = held.listing_id
join curated.credential on credential.credential_id = held.credential_id
where held.rank = 1
