-- Grain: one row per listing observation that another surface of the same insurer contradicts, or does not show.
-- A contradiction is told once, of the surface nearer the public: website, PDF, file, API. It needs both to say something, and neither
-- to say the other's word elsewhere about that person at that place. That one surface shows nobody accuses no one: tier C, and only
-- between captures read whole without a problem, within a network and three-digit ZIP area that the other shows, and only where
-- nobody there bears the family name with that initial and no practice is shown at that street or telephone. A price file shows nobody and
-- is silent about nobody: where it proves a contract it speaks for the surface that shows the person, and does not raise the tier.
with rank as (
  select unnest(['website', 'pdf', 'file', 'api']) as surface, unnest([1, 2, 3, 4]) as place,
    unnest(['website', 'PDF', 'file', 'API']) as word
), side as (
  select
    across.*, one.street as street, other.street as other_street, one.zip5 as zip5, other.zip5 as other_zip5,
    one.phone_digits as phone, other.phone_digits as other_phone, shown.is_accepting as accepting, elsewhere.is_accepting as other_accepting,
    elsewhere.evidence_id as other_evidence_id
  from matching.across
  join matching.listed as one on one.listing_id = across.listing_id
  join matching.listed as other on other.listing_id = across.other_listing_id
  join curated.listing as shown on shown.listing_id = across.listing_id
  join curated.listing as elsewhere on elsewhere.listing_id = across.other_listing_id
), told as (
  select
    listing_id, other_surface,
    bool_or(is_same_place and phone = other_phone) as is_phone_there,
    bool_or(is_same_place and accepting = other_accepting) as is_accepting_there,
    bool_or(is_same_place) as is_place_there,
    count(distinct concat(other_street, '|', other_zip5)) = 1 and bool_and(other_street is not null) as is_one_place
  from side
  group by listing_id, other_surface
), differing as (
  select
    side.listing_id, side.other_surface, side.other_observed_on, side.is_by_number, side.other_evidence_id,
    unnest([field for field in [
      case when side.is_same_place and side.phone <> side.other_phone
        and not coalesce(mine.is_phone_there, false) and not coalesce(theirs.is_phone_there, false) then 'the telephone number' end,
      case when side.is_same_place and side.accepting <> side.other_accepting
        and not coalesce(mine.is_accepting_there, false) and not coalesce(theirs.is_accepting_there, false)
        then 'whether new patients are accepted' end,
      case when mine.is_one_place and theirs.is_one_place and not mine.is_place_there
        and (side.zip5 <> side.other_zip5 or regexp_extract(side.street, '^[0-9]+') <> regexp_extract(side.other_street, '^[0-9]+'))
        then 'the address' end
    ] if field is not null]) as field
  from side
  join rank as near on near.surface = side.surface
  join rank as far on far.surface = side.other_surface and far.place > near.place
  join told as mine on mine.listing_id = side.listing_id and mine.other_surface = side.other_surface
  join told as theirs on theirs.listing_id = side.other_listing_id and theirs.other_surface = side.surface
), whole as (
  select
    snapshot.snapshot_id, snapshot.source_id, snapshot.observed_on, fold(source.insurer_name) as insurer,
    case when source.surface = 'saved_page' then 'website' else source.surface end as surface
  from curated.snapshot
  join curated.source on source.source_id = snapshot.source_id
  where snapshot.is_complete and snapshot.problem_count = 0 and source.insurer_name is not null and source.surface is not null
), beside as (
  select one.snapshot_id, other.snapshot_id as other_snapshot_id, other.surface as other_surface, other.observed_on as other_observed_on
  from whole as one
  join whole as other on other.insurer = one.insurer and other.surface <> one.surface
  where abs(other.observed_on - one.observed_on) <= 7
  qualify row_number() over (
    partition by one.snapshot_id, other.source_id order by abs(other.observed_on - one.observed_on), other.observed_on, other.snapshot_id
  ) = 1
), area as (
  select distinct snapshot_id, network, left(zip5, 3) as zip3 from matching.listed where in_scope and family is not null
), bearer as (
  select snapshot_id, network, family, list(distinct left(given, 1)) as initials, count(*) > count(given) as is_any
  from matching.listed where family is not null
  group by all
), practice as (
  select distinct snapshot_id, unnest([street, phone_digits]) as place from matching.listed where family is null
), met as (
  select distinct across.listing_id, other.snapshot_id
  from matching.across
  join matching.listed as other on other.listing_id = across.other_listing_id
), stated as (
  select listing.listing_id, participation.observed_on as stated_on, participation.evidence_id as stated_evidence_id
  from curated.listing
  join curated.source as shower on shower.source_id = listing.source_id
  join curated.participation on participation.npi = trim(listing.npi) and participation.strength = 'proof'
    and participation.observed_on between listing.observed_on - 90 and listing.observed_on + 7
  join curated.source as filer on filer.source_id = participation.source_id and fold(filer.insurer_name) = fold(shower.insurer_name)
  where listing.npi_valid
  qualify row_number() over (partition by listing.listing_id order by participation.observed_on desc, participation.evidence_id) = 1
), absent as (
  select listed.listing_id, beside.other_surface, beside.other_observed_on, stated.stated_on, stated.stated_evidence_id
  from matching.listed
  join beside on beside.snapshot_id = listed.snapshot_id
  join area on area.snapshot_id = beside.other_snapshot_id and area.network = listed.network and area.zip3 = left(listed.zip5, 3)
  left join bearer
    on bearer.snapshot_id = beside.other_snapshot_id and bearer.network = listed.network and bearer.family = listed.family
  left join stated on stated.listing_id = listed.listing_id
  anti join met on met.listing_id = listed.listing_id and met.snapshot_id = beside.other_snapshot_id
  anti join practice as street on street.snapshot_id = beside.other_snapshot_id and street.place = listed.street
  anti join practice as line on line.snapshot_id = beside.other_snapshot_id and line.place = listed.phone_digits
  where listed.in_scope and listed.family is not null
    and (bearer.family is null or not (bearer.is_any or listed.given is null or list_contains(bearer.initials, left(listed.given, 1))))
), said as (
  select listing_id, concat(field, ' differs from the insurer''s ', rank.word, ' of ', other_observed_on) as words,
    case when is_by_number then 'B' else 'C' end as tier, other_evidence_id
  from differing join rank on rank.surface = differing.other_surface
  union all
  select listing_id, concat('the insurer''s ', rank.word, ' of ', other_observed_on, ', read whole, was not seen to show it',
    ', although the in-network file of ' || stated_on || ' names the NPI'), 'C', stated_evidence_id
  from absent join rank on rank.surface = absent.other_surface
), disagreement as (
  -- beside what is better documented, what is less so is not said
  select listing_id, tier, string_agg(distinct words, '; ' order by words) as said,
    coalesce(list(distinct other_evidence_id) filter (other_evidence_id is not null), []) as other_evidence_ids
  from (select * from said qualify tier = min(tier) over (partition by listing_id))
  group by listing_id, tier
)
select
  listing.listing_id, listing.claim_id, 'claim' as subject_kind, listing.claim_id as subject_id, listing.observed_on,
  disagreement.tier, cast(null as varchar) as credential_id,
  list_concat([listing.evidence_id], list_sort(disagreement.other_evidence_ids)) as evidence_ids,
  listing.network, coalesce(rank.word, 'directory') as surface, disagreement.said,
  regexp_replace(disagreement.said, ' of [0-9]{4}-[0-9]{2}-[0-9]{2}|, although [^;]*', '', 'g') as differs
from disagreement
join curated.listing on listing.listing_id = disagreement.listing_id
join curated.source on source.source_id = listing.source_id
left join rank on rank.surface = case when source.surface = 'saved_page' then 'website' else source.surface end
