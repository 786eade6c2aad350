"""Judged pairs become providers, and listings that show one person twice become duplicate groups."""

from matching.compare import CONTRADICTED, SAME_FAMILY, SAME_GIVEN
from matching.records import Connection

# Listings and credentials of one person: a license judged the same, an NPI under a name that agrees, or one wording throughout.
# Nothing unsure ties anything together.
_TIES = """
create or replace temp table tie as
select 'listing:' || left_id as one, 'credential:' || right_id as other, judged_by <> 'rule' as is_verdict
from matching.match where judgement = 'same'
union all
select 'listing:' || one.listing_id, 'listing:' || other.listing_id, false
from matching.listed as one
join (
  select identity_id, min(listing_id) as listing_id
  from matching.listed where npi is not null or license_key is not null group by identity_id
) as other
  using (identity_id)
where one.listing_id <> other.listing_id
union all
select 'listing:' || one.listing_id, 'listing:' || other.listing_id, false
from (select identity_id, min(listing_id) as listing_id from matching.listed where npi is not null group by identity_id) as one
join alike as pair on pair.one = one.identity_id
join (select identity_id, min(listing_id) as listing_id from matching.listed where npi is not null group by identity_id) as other
  on other.identity_id = pair.other
where pair.by_npi
union all
select 'listing:' || min(listing_id) over (partition by claim_id, identity_id), 'listing:' || listing_id, false
from matching.listed join curated.listing using (listing_id)
union all
select 'listing:' || one, 'listing:' || other, false from same_place
"""

# Groups that hold a listing together with a credential of which a person said that it is somebody else's.
_DENIED = """
create or replace temp table denied as
select distinct mine.label
from matching.match
join provider as mine on mine.node = 'listing:' || left_id
join provider as theirs on theirs.node = 'credential:' || right_id and theirs.label = mine.label
where judged_by <> 'rule' and judgement = 'different'
"""

# Family names a slip apart, or one within the other, at one telephone or street. A telephone of hundreds is a call centre's.
_NEAR_COLLEAGUES = """
create or replace temp table near_colleague as
with shown as (
  select distinct snapshot_id, unnest([phone_digits, street]) as place, family from matching.listed where family is not null
), small as (
  select *, count(*) over (partition by snapshot_id, place) as family_count from shown
)
select distinct one.family as one, other.family as other
from small as one
join small as other on one.snapshot_id = other.snapshot_id and one.place = other.place and one.family <> other.family
where one.family_count <= 300
  and (damerau_levenshtein(one.family, other.family) <= 1 or contains(one.family, other.family) or contains(other.family, one.family))
"""

# Two identities that may name one person, and what ties them: an NPI, a number, a license, or names alike. A license ties surely
# only where it is documented for both: two names that lead to one license may yet be two people, unless people said of both whose it is.
_ALIKE = f"""
create or replace temp table alike as
with who as (
  select distinct identity_id, family, given, middle, suffix, license_key, license_digits, npi from matching.listed where family is not null
), licensed as (
  select pair.identity_id, min(pair.credential_id) as credential_id, count(*) as credential_count,
    bool_and(pair.is_documented) as is_documented, bool_and(pair.judged_by <> 'rule') as is_told
  from matching.pair where pair.judgement = 'same' group by pair.identity_id
), block as (
  select one.identity_id as one, other.identity_id as other from who as one join who as other on one.npi = other.npi
  union
  select one.identity_id, other.identity_id from who as one join who as other on one.license_digits = other.license_digits
  union
  select one.identity_id, other.identity_id from licensed as one join licensed as other using (credential_id)
  union
  select one.identity_id, other.identity_id
  from who as one join who as other on one.family = other.family and left(one.given, 1) = left(other.given, 1)
  union
  select one.identity_id, other.identity_id
  from near_colleague join who as one on one.family = near_colleague.one join who as other on other.family = near_colleague.other
  where left(one.given, 1) = left(other.given, 1)
), compared as (
  select
    block.one, block.other,
    one.npi = other.npi as by_npi,
    coalesce(one.license_key = other.license_key, one.license_digits = other.license_digits) as by_number,
    mine.credential_id = theirs.credential_id and mine.credential_count = theirs.credential_count as by_credential,
    mine.is_documented and theirs.is_documented as is_license_sure,
    mine.is_told and theirs.is_told as is_told,
    one.middle = other.middle and length(one.middle) > 1 as by_middle,
    coalesce(one.npi <> other.npi, false) as npi_differs,
    coalesce(one.license_digits <> other.license_digits, false) as number_differs,
    coalesce(mine.credential_id <> theirs.credential_id, false) as credential_differs,
    ({SAME_FAMILY}) as family_agrees,
    one.family = other.family and one.given = other.given as is_equal_name,
    one.given = other.given as is_equal_given,
    {SAME_GIVEN} as given_agrees,
    {CONTRADICTED} as is_contradicted
  from block
  join who as one on one.identity_id = block.one
  join who as other on other.identity_id = block.other
  left join licensed as mine on mine.identity_id = block.one
  left join licensed as theirs on theirs.identity_id = block.other
  left join form_alike as form on form.one = one.given and form.other = other.given
  where block.one < block.other
)
select
  one, other, coalesce(by_npi, false) as by_npi, coalesce(by_number, false) as by_number,
  coalesce(by_npi or by_number or by_credential, false) as is_documented,
  coalesce(by_npi or by_number or by_credential and is_license_sure, false) as is_sure,
  coalesce(by_middle, false) as by_middle, is_equal_name
from compared
where coalesce(is_told and by_credential, false)
  or not is_contradicted
  and given_agrees and (family_agrees or by_number and by_middle and is_equal_given)
  and not npi_differs
  and not (number_differs and not coalesce(by_npi, false))
  and not (credential_differs and not coalesce(by_npi, false))
union all
select distinct identity_id, identity_id, npi is not null, license_digits is not null,
  npi is not null or license_digits is not null or identity_id in (select identity_id from licensed),
  npi is not null or license_digits is not null or identity_id in (select identity_id from licensed), length(middle) > 1, true
from matching.listed
"""

# Two listings of one snapshot and network that name one person, and whether they show one place. Two networks nobody names are not one.
_PLACES = """
create or replace temp table together as
with pair as (
  select alike.*, alike.one as identity_one, alike.other as identity_other from alike
  union all
  select alike.*, alike.other, alike.one from alike where alike.one <> alike.other
), compared as (
  select
    one.listing_id as one, other.listing_id as other, pair.is_documented, pair.is_sure, pair.by_middle, pair.is_equal_name,
    coalesce(one.phone_digits = other.phone_digits, false) as same_phone,
    coalesce(one.street = other.street, false) as same_street,
    coalesce(one.unit <> other.unit, false) as units_differ,
    coalesce(one.zip5 <> other.zip5, false) as zips_differ,
    one.street is null or other.street is null as is_placeless,
    coalesce(damerau_levenshtein(one.street, other.street) <= 2
      and regexp_extract(one.street, '^[0-9]+') = regexp_extract(other.street, '^[0-9]+')
      or regexp_extract(one.street, '^[0-9]+') <> '' and regexp_replace(one.street, '\\b(N|S|E|W|NE|NW|SE|SW)\\b ?', '', 'g')
         = regexp_replace(other.street, '\\b(N|S|E|W|NE|NW|SE|SW)\\b ?', '', 'g')
      or regexp_extract(one.street, '^[0-9]+ [A-Z0-9]+') <> '' and regexp_extract(one.street, '^[0-9]+ (?:[NSEW]{1,2} )?[A-Z0-9]+')
         = regexp_extract(other.street, '^[0-9]+ (?:[NSEW]{1,2} )?[A-Z0-9]+'), false) as near_street
  from matching.listed as one
  join pair on pair.identity_one = one.identity_id
  join matching.listed as other
    on other.identity_id = pair.identity_other and other.snapshot_id = one.snapshot_id
    and other.network = one.network and one.listing_id < other.listing_id
    and (one.organization is null or one.specialty is not distinct from other.specialty)
)
select
  *,
  case
    when same_street and not zips_differ and (not units_differ or same_phone) then true
    when near_street and not zips_differ and same_phone then true
    when near_street and not zips_differ and not units_differ and is_documented then true
    when is_placeless and same_phone and not zips_differ then true
    else false end as is_same_place
from compared
where is_documented or same_phone or same_street
"""


# A listing that fits two whose names contradict (J Berg at the telephone of John and of Jane) joins neither, unless a number, an
# NPI or a license joins it to the one and not to the other.
_TORN = """
create or replace temp table torn as
with met as (
  select one as listing_id, other as far, is_documented from together union all select other, one, is_documented from together
), named as (
  select met.*, listed.identity_id from met join matching.listed on listed.listing_id = met.far
)
select one.listing_id, bool_or(one.is_documented and other.is_documented) as by_all
from named as one
join named as other on other.listing_id = one.listing_id and one.identity_id < other.identity_id
anti join alike on alike.one = one.identity_id and alike.other = other.identity_id
group by one.listing_id
"""


def group(con: Connection) -> None:
    """Create matching.duplicate and matching.provider_member."""
    con.execute(_NEAR_COLLEAGUES)
    con.execute(_ALIKE)
    con.execute(_PLACES)
    con.execute(_TORN)
    con.execute(
        "delete from together using torn "
        "where torn.listing_id in (together.one, together.other) and (torn.by_all or not together.is_documented)"
    )
    con.execute("create or replace temp table same_place as select one, other from together where is_same_place")
    con.execute("create or replace temp table one_person as select one, other from together")
    components(con, "same_place", "place_group")
    components(con, "one_person", "person_group")
    con.execute(_DUPLICATES)
    con.execute(_TIES)
    components(con, "tie", "provider")
    for ties_of_rules in ("not is_verdict", "true"):  # and where people contradict each other, "different" wins
        con.execute(_DENIED)
        con.execute(
            f"delete from tie where {ties_of_rules} and one in (select node from provider where label in (select label from denied))"
        )
        components(con, "tie", "provider")
    con.execute(_MEMBERS)


_DUPLICATES = """
create or replace table matching.duplicate as
with member as (
  select node as listing_id, label, 'same_location' as kind from place_group
  union all
  select node, label, 'multi_location' from person_group
), placed as (
  select member.*, first_value(listing.listing_id) over (
    partition by member.kind, member.label
    order by evidence.url, listing.evidence_id, regexp_extract(listing.locator, '^[^0-9]*'),
      try_cast(regexp_extract(listing.locator, '[0-9]+') as bigint),
      listing.locator, listing.listing_id
  ) as keeper_listing_id
  from member
  join curated.listing on listing.listing_id = member.listing_id
  left join curated.evidence on evidence.evidence_id = listing.evidence_id
)
select
  placed.listing_id,
  left(sha256(placed.kind || placed.label), 16) as group_id,
  placed.kind,
  placed.keeper_listing_id,
  coalesce(tie.is_documented, false) as is_documented
from placed
left join (
  select listing_id, bool_or(is_sure and is_exact or by_middle and is_equal_name and is_exact) as is_documented
  from (
    select unnest([one, other]) as listing_id, is_sure, by_middle, is_equal_name, same_street or same_phone as is_exact
    from together where is_same_place
  ) group by listing_id
) as tie on tie.listing_id = placed.listing_id
where placed.kind = 'same_location' or placed.listing_id not in (select node from place_group)
"""

_MEMBERS = """
create or replace table matching.provider_member as
select left(sha256(label), 16) as provider_id, split_part(node, ':', 1) as member_kind, split_part(node, ':', 2) as member_id
from provider
"""


def components(con: Connection, edges: str, name: str) -> None:
    """Create the temporary table `name` (node, label): every node of `edges` (one, other) with the least node it is joined to."""
    con.execute(f"create or replace temp table arc as select one, other from {edges} union select other, one from {edges}")
    con.execute(f"create or replace temp table {name} as select one as node, least(one, min(other)) as label from arc group by one")
    while True:
        con.execute(
            f"create or replace temp table closer as select own.node, own.label as before, least(own.label, min(far.label)) as label "
            f"from {name} as own join arc on arc.one = own.node join {name} as far on far.node = arc.other group by own.node, own.label"
        )
        con.execute(f"create or replace temp table {name} as select node, label from closer")
        if not con.execute("select 1 from closer where label <> before limit 1").fetchall():
            return
