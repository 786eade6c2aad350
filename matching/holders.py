"""Whom do a registry and an exclusion list name under the numbers that listings show? Do those names fit the listing's?

A name fits if family and given name may be one person's, as between two listings: slips, forms of a name, parts of a double name. It
contradicts only where nothing of it comes back: neither part alike, none of its words, no initial in place of a name, whatever the order.
All else is unclear.
"""

from matching.compare import NEAR, SAME_FAMILY, SAME_GIVEN
from matching.records import Connection

SUFFIX = " (JR|SR|II|III|IV)$"

# Every name under which the registry or an exclusion list knows the holder of a number that some listing shows.
STATED = """
create or replace temp table stated as
with person as (
  select 'registration' as kind, npi as id, family_name as family, given_name as given, middle_name as middle
  from curated.registration
  where entity = '1' and npi in (select npi from identity)
  union
  select 'registration', npi, coalesce(other_family_name, family_name), coalesce(other_given_name, given_name), other_middle_name
  from curated.registration
  where entity = '1' and coalesce(other_family_name, other_given_name) is not null and npi in (select npi from identity)
  union
  select 'exclusion', exclusion_id, family_name, given_name, middle_name
  from curated.exclusion
  where family_name is not null and (npi in (select npi from identity) or license_key in (select license_key from identity))
)
select kind, id, regexp_replace(fold(family), $suffixes, '') as family, fold(given) as given, fold(middle) as middle from person
"""

HOLDER = f"""
create or replace table matching.holder as
with number as (
  select identity_id, 'registration' as kind, npi as id from identity where npi is not null
  union
  select identity.identity_id, 'exclusion', exclusion.exclusion_id
  from identity
  join curated.exclusion on exclusion.npi = identity.npi or exclusion.license_key = identity.license_key
), compared as (
  select
    number.identity_id, number.kind, number.id,
    coalesce(({SAME_FAMILY}) and one.given is not null and other.given is not null and {SAME_GIVEN}, false) as agrees,
    one.given is not null and other.given is not null and other.family is not null
      and not ({SAME_FAMILY}) and jaro_winkler_similarity(one.family, other.family) < {NEAR}
      and not ({SAME_GIVEN})
      and left(one.given, 1) <> left(coalesce(other.middle, '-'), 1) and left(other.given, 1) <> left(coalesce(one.middle, '-'), 1)
      and jaro_winkler_similarity(one.family, other.given) < {NEAR} and jaro_winkler_similarity(one.given, other.family) < {NEAR}
      and not list_has_any(
        string_split(concat_ws(' ', one.family, one.given, one.middle), ' '),
        [word for word in string_split(concat_ws(' ', other.family, other.given, other.middle), ' ') if length(word) > 1]
      ) as contradicts
  from number
  join identity as one on one.identity_id = number.identity_id
  join stated as other on other.kind = number.kind and other.id = number.id
  left join form_alike as form on form.one = one.given and form.other = other.given
)
select
  identity_id, kind, id,
  case when bool_or(agrees) then 'agrees' when bool_and(contradicts) then 'contradicts' else 'unclear' end as fit
from compared
group by all
"""

# An NPI that the registry gives to somebody else says nothing of whom this listing means.
FORGOTTEN = "npi = null where identity_id in (select identity_id from matching.holder where kind = 'registration' and fit = 'contradicts')"


def state(con: Connection) -> None:
    """Create the temporary table stated, before given names are compared."""
    con.execute(STATED, {"suffixes": SUFFIX})


def compare(con: Connection) -> None:
    """Create matching.holder, and forget NPIs of somebody else; identity and form_alike stand."""
    con.execute(HOLDER)
    con.execute(f"update identity set {FORGOTTEN}")
    con.execute(f"update matching.listed set {FORGOTTEN}")
