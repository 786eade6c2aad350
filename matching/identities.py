"""Whom do listings speak of, and whom does the roll name? Both in comparable form, with the numbers each identity is known by.

An identity is one wording of who is meant; listings that say exactly the same of a person share it, and are compared once. A claim that a
person has judged is an identity of its own: a verdict about one Kim Nguyen says nothing of another.
"""

from matching import holders
from matching.clean import read_address
from matching.compare import CONTRADICTED, SAME_FAMILY, SAME_GIVEN, forms_alike
from matching.professions import professions
from matching.records import Connection, Settings

SUFFIX = " (JR|SR|II|III|IV)$"  # some sources print it with the family name
LEAST_DIGITS = 4  # of a license number without its prefix, for it to be looked up

# One row per listing: who it speaks of (identity), where, and whether it speaks of the audit's profession at all: its specialty
# says so, or it shows none where most listings of the visit show none either, or the name carries the profession's title.
LISTED = """
create or replace table matching.listed as
with habit as (
  select snapshot_id, count(fold(specialty)) > 0.5 * count(*) as shows_specialty from curated.listing group by snapshot_id
), reviewed as (
  select distinct listing.claim_id
  from ledger.verdict join curated.listing on verdict.left_kind = 'listing' and listing.listing_id = verdict.left_id
), said as (
  select
    listing.listing_id, listing.snapshot_id, listing.network, listing.observed_on,
    case when not listing.is_organization then regexp_replace(fold(listing.family_name), $suffixes, '') end as family,
    case when not listing.is_organization then fold(listing.given_name) end as given,
    case when not listing.is_organization then fold(listing.middle_name) end as middle,
    case when not listing.is_organization
      then coalesce(fold(listing.suffix), nullif(regexp_extract(fold(listing.family_name), $suffixes, 1), '')) end as suffix,
    case when listing.is_organization then coalesce(fold(listing.name_raw), fold(listing.organization)) end as organization,
    listing.license_key, ltrim(listing.license_digits, '0') as license_digits,
    case when listing.npi_valid then trim(listing.npi) end as npi, reviewed.claim_id as reviewed_claim_id,
    place.street, place.unit, listing.zip5, listing.phone_digits, fold(listing.specialty) as specialty,
    case
      when fold(listing.specialty) is not null then regexp_matches(lower(listing.specialty), $words)
      else not habit.shows_specialty or coalesce(regexp_matches(upper(listing.name_raw), $titles), false) end as in_scope
  from curated.listing
  join habit on habit.snapshot_id = listing.snapshot_id
  left join reviewed on reviewed.claim_id = listing.claim_id
  left join place on place.address is not distinct from listing.address and place.address_2 is not distinct from listing.address_2
)
select * exclude (reviewed_claim_id), left(sha256(concat_ws('|',
  coalesce(family, ''), coalesce(given, ''), coalesce(middle, ''), coalesce(suffix, ''), coalesce(organization, ''),
  coalesce(license_key, ''), coalesce(license_digits, ''), coalesce(npi, ''), reviewed_claim_id
)), 20) as identity_id
from said
"""

# One row per credential of the roll.
LICENSED = """
create or replace table matching.licensed as
with said as (
  select
    credential_id, coalesce(profession = $profession, false) as in_profession,
    license_key, ltrim(license_digits(license_key), '0') as license_digits,
    regexp_replace(fold(family_name), $suffixes, '') as family, fold(given_name) as given, fold(middle_name) as middle,
    coalesce(fold(suffix), nullif(regexp_extract(fold(family_name), $suffixes, 1), '')) as suffix
  from curated.credential
  where source_id = $roll
)
select *, concat_ws('|', replace(family, ' ', ''), coalesce(given, ''), coalesce(middle, ''), coalesce(suffix, '')) as person_key
from said
where family is not null
"""

# A number printed without its prefix is the one of the profession, or else of whoever holds it; where several do, it says nothing.
IDENTITY = f"""
create or replace temp table identity as
with said as (
  select
    identity_id, any_value(family) as family, any_value(given) as given, any_value(middle) as middle, any_value(suffix) as suffix,
    any_value(license_key) as license_key, any_value(license_digits) as license_digits, any_value(npi) as npi,
    bool_or(in_scope) as in_scope
  from matching.listed
  where family is not null
  group by identity_id
), known as (
  select
    license_digits,
    case
      when count(distinct license_key) filter (in_profession) = 1 then min(license_key) filter (in_profession)
      when count(distinct license_key) = 1 then min(license_key) end as license_key
  from matching.licensed
  where license_digits in (select license_digits from said where license_key is null and length(license_digits) >= {LEAST_DIGITS})
  group by license_digits
)
select
  said.*,
  coalesce(said.license_key, known.license_key, case when known.license_digits is null then said.license_digits end) as number
from said left join known on said.license_key is null and known.license_digits = said.license_digits
"""

# An NPI under names that contradict each other is a practice's, or a mistake: it says nothing of who is meant.
SHARED = f"""
update identity set npi = null where npi in (
  select one.npi
  from identity as one
  join identity as other on one.npi = other.npi and one.identity_id < other.identity_id
  left join form_alike as form on form.one = one.given and form.other = other.given
  where not ({SAME_FAMILY}) or not ({SAME_GIVEN}) or {CONTRADICTED}
)
"""
FORGOTTEN = "update matching.listed set npi = null where family is not null and npi not in (select npi from identity where npi is not null)"

# A number said of one holder of a valid NPI, by another listing or by the registry, is carried to whoever shows that NPI; of two, none.
CARRIED = """
create or replace temp table carried as
with known as (
  select npi, number, 'listing' as carried_by from identity where npi is not null and number is not null
  union
  select npi, license_key, 'registry' from curated.registration
  where license_key in (select license_key from matching.licensed) and npi in (select npi from identity)
)
select identity.identity_id, min(known.number) as number, min(known.carried_by) as carried_by
from identity join known on known.npi = identity.npi and known.number is distinct from identity.number
group by identity.identity_id
having count(distinct known.number) = 1
"""


def read(con: Connection, settings: Settings) -> None:
    """Create matching.listed and matching.licensed, and the temporary tables identity (with its number) and carried (numbers by NPI)."""
    con.execute("create schema if not exists matching")
    places = con.execute("select distinct address, address_2 from curated.listing order by all").fetchall()
    read_places = [read_address(*place) for place in places]
    con.execute(
        "create or replace temp table place as select unnest($address::varchar[]) as address, unnest($address_2::varchar[]) as address_2, "
        "unnest($street::varchar[]) as street, unnest($unit::varchar[]) as unit",
        {
            "address": [place[0] for place in places],
            "address_2": [place[1] for place in places],
            "street": [place[0] for place in read_places],
            "unit": [place[1] for place in read_places],
        },
    )
    own = professions()[settings.profession]
    titles = f"\\b({'|'.join(own.titles) or own.title.upper()})\\b"
    con.execute(LISTED, {"words": "|".join([*own.words, *(code.lower() for code in own.taxonomy)]), "titles": titles, "suffixes": SUFFIX})
    con.execute(LICENSED, {"profession": settings.profession, "roll": settings.roll or "", "suffixes": SUFFIX})
    con.execute(IDENTITY)
    holders.state(con)
    forms_alike(con)
    holders.compare(con)
    con.execute(SHARED)
    con.execute(FORGOTTEN)
    con.execute(CARRIED)
