"""Which pairs are worth comparing: what listings say of whom and where, what the roll says, and the pairs that share something.

A pair is looked at when it shares the license number (with or without its prefix), a number carried over from another listing
with the same NPI, or a name that is alike in both parts. Nothing else is compared, so nothing else can be judged the same.
"""

from matching.clean import read_address
from matching.compare import CONTRADICTED, SAME_FAMILY, SAME_GIVEN
from matching.professions import professions
from matching.records import Connection, Settings

SUFFIX = " (JR|SR|II|III|IV)$"  # some sources print it with the family name

# One row per listing: who it speaks of (identity), where, and whether it speaks of the audit's profession at all: its specialty
# says so, or it shows none where most listings of the visit show none either, or the name carries the profession's title.
LISTED = """
create or replace table matching.listed as
with habit as (
  select snapshot_id, count(fold(specialty)) > 0.5 * count(*) as shows_specialty from curated.listing group by snapshot_id
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
    case when listing.npi_valid then trim(listing.npi) end as npi,
    place.street, place.unit, listing.zip5, listing.phone_digits, fold(listing.specialty) as specialty,
    case
      when fold(listing.specialty) is not null then regexp_matches(lower(listing.specialty), $words)
      else not habit.shows_specialty or coalesce(regexp_matches(upper(listing.name_raw), $titles), false) end as in_scope
  from curated.listing
  join habit on habit.snapshot_id = listing.snapshot_id
  left join place on place.address is not distinct from listing.address and place.address_2 is not distinct from listing.address_2
)
select *, left(sha256(concat_ws('|', coalesce(family, ''), coalesce(given, ''), coalesce(middle, ''), coalesce(suffix, ''),
  coalesce(organization, ''), coalesce(license_key, ''), coalesce(license_digits, ''), coalesce(npi, ''))), 20) as identity_id
from said
"""

# One row per credential of the roll, with how common its names are there: beside 100 other names, lest a short roll make every name rare
# or common.
LICENSED = """
create or replace table matching.licensed as
with said as (
  select
    credential_id, profession = $profession as in_profession, license_key, ltrim(license_digits(license_key), '0') as license_digits,
    regexp_replace(fold(family_name), $suffixes, '') as family, fold(given_name) as given, fold(middle_name) as middle,
    coalesce(fold(suffix), nullif(regexp_extract(fold(family_name), $suffixes, 1), '')) as suffix
  from curated.credential
  where source_id = $roll
)
select
  credential_id, coalesce(in_profession, false) as in_profession, license_key, license_digits, family, given, middle, suffix,
  concat_ws('|', replace(family, ' ', ''), coalesce(given, ''), coalesce(middle, ''), coalesce(suffix, '')) as person_key,
  count(*) over () as roll_count,
  count(*) over (partition by family) / (count(*) over () + 100) as family_share,
  count(*) over (partition by given) / (count(*) over () + 100) as given_share,
  count(*) over (partition by middle) / (count(*) over () + 100) as middle_share
from said
where family is not null
"""

IDENTITY = """
create or replace temp table identity as
select
  identity_id, any_value(family) as family, any_value(given) as given, any_value(middle) as middle, any_value(suffix) as suffix,
  any_value(license_key) as license_key, any_value(license_digits) as license_digits, any_value(npi) as npi,
  any_value(license_digits) in (select license_digits from matching.licensed where license_digits is not null) as is_number_on_roll
from matching.listed
where family is not null
group by identity_id
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

# A number said by one listing speaks for another with the same valid NPI.
BRIDGE = """
create or replace temp table bridge as
select distinct one.identity_id, other.license_key, other.license_digits
from identity as one
join identity as other on one.npi = other.npi and one.identity_id <> other.identity_id and other.license_digits is not null
where (one.license_digits is null or one.license_digits <> other.license_digits)
"""

CANDIDATES = """
create or replace temp table looked_at as
with number as (
  select identity.identity_id, licensed.credential_id
  from identity join matching.licensed on licensed.license_key = identity.license_key
  union
  select identity.identity_id, licensed.credential_id
  from identity join matching.licensed on licensed.license_digits = identity.license_digits
  where identity.license_key is null and length(identity.license_digits) >= 4
), bridged as (
  select bridge.identity_id, licensed.credential_id
  from bridge join matching.licensed on licensed.license_key = bridge.license_key
  union
  select bridge.identity_id, licensed.credential_id
  from bridge join matching.licensed on licensed.license_digits = bridge.license_digits
  where bridge.license_key is null and length(bridge.license_digits) >= 4
), named as (
  select identity.identity_id, licensed.credential_id
  from identity
  join family_alike on family_alike.listed = identity.family
  join matching.licensed on licensed.family = family_alike.licensed
  join given_alike on given_alike.listed = identity.given and given_alike.licensed = licensed.given
  where (licensed.in_profession and (family_alike.level = 'equal' or given_alike.level in ('equal', 'nickname', 'initial')))
     or (family_alike.level = 'equal' and given_alike.level = 'equal')
  union
  select identity.identity_id, licensed.credential_id
  from identity join matching.licensed on licensed.given = identity.given
    and (licensed.middle = identity.family or licensed.family = identity.middle)
  where licensed.in_profession and length(identity.family) > 1
  union
  select identity.identity_id, licensed.credential_id
  from identity join matching.licensed on licensed.family = identity.family and licensed.middle = identity.given
  where licensed.in_profession and length(identity.given) > 1
  union
  select identity.identity_id, licensed.credential_id
  from identity join matching.licensed on licensed.family = identity.given and licensed.given = identity.family
  where licensed.in_profession
)
select pair.identity_id, pair.credential_id, bool_or(pair.is_bridged) as is_bridged
from (
  select *, false as is_bridged from number
  union all select *, true from bridged
  union all select *, false from named
) as pair
group by pair.identity_id, pair.credential_id
"""


def read(con: Connection, settings: Settings) -> None:
    """Create matching.listed and matching.licensed, and the temporary table identity."""
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
    con.execute(LISTED, {"words": "|".join(own.words), "titles": titles, "suffixes": SUFFIX})
    con.execute(LICENSED, {"profession": settings.profession, "roll": settings.roll or "", "suffixes": SUFFIX})
    con.execute(IDENTITY)


def pair_up(con: Connection) -> None:
    """Create the temporary table looked_at: every pair of identity and credential worth comparing."""
    con.execute(SHARED)
    con.execute(FORGOTTEN)
    con.execute(BRIDGE)
    con.execute(CANDIDATES)
