"""Rows of FHIR resources joined into listings, in one SELECT for the warehouse, so that the warehouse need not hold a directory in memory.

One listing is one PractitionerRole, or one OrganizationAffiliation with a network, at one Location in one network. A reference that leads
nowhere leaves its part of the listing empty and is a problem in the same place; what is inactive, or over, is no listing.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from scrapers.formats._fhir import AFFILIATION, ROLE
from scrapers.formats.table import identifier, literal, quoted
from scrapers.reading import EXCERPT, folded
from scrapers.records import Source

TEXT, TEXTS = "VARCHAR", "VARCHAR[]"
OWN = {"kind": TEXT, "key": TEXT, "evidence": TEXT, "updated": TEXT, "digest": TEXT, "is_current": "BOOLEAN"}
PLACE = {"locations": TEXTS, "services": TEXTS, "phone": TEXT, "accepting": "STRUCT(network VARCHAR, means BOOLEAN)[]"}
ADDRESS = dict.fromkeys(("address", "address_2", "city", "state", "zip"), TEXT)
PERSON = ("name", "prefix", "first", "middle", "last", "suffix")
AS_ROLE = {
    **dict.fromkeys(("practitioner", "practitioner_said", "practitioner_npi", "organization", "organization_said"), TEXT),
    "networks": "STRUCT(key VARCHAR, said VARCHAR)[]",
    "specialty": TEXT,
    "codes": TEXTS,
    **PLACE,
}
FILES: Mapping[str, Mapping[str, str]] = {  # by file: its columns
    "role": AS_ROLE,
    "affiliation": AS_ROLE,  # which are among the roles too: here for the networks of an organization
    "service": PLACE,
    "practitioner": {**dict.fromkeys((*PERSON, "npi"), TEXT), "licenses": "STRUCT(number VARCHAR, states VARCHAR[], codes VARCHAR[])[]"},
    "location": {**ADDRESS, "phone": TEXT, "accepting": PLACE["accepting"]},
    "organization": {"name": TEXT, "npi": TEXT, **ADDRESS, "phone": TEXT},
}
FILES_OF = {
    ROLE: ("role",),
    AFFILIATION: ("role", "affiliation"),
    "Practitioner": ("practitioner",),
    "Location": ("location",),
    "Organization": ("organization",),
    "HealthcareService": ("service",),
}
WANTED = {  # what roles refer to
    "service": "select unnest(services) from role_read",
    "practitioner": "select practitioner from role_read",
    "location": "select unnest(locations) from role_read union all select unnest(locations) from service_read",
    "organization": """select organization from role_read union all select network.key
      from (select unnest(networks) as network from role_read union all select unnest(networks) from affiliation_read)""",
}
MERGED = ("reference", *PERSON, "organization", "npi", "license", *ADDRESS, "phone", "specialty")
GONE = "', which the server did not give, or gave in two versions'"


def select(source: Source, folder: Path) -> str:
    """One SELECT over the roles at $path and the other files in `folder`. Every row has its own evidence_id."""
    lists = {name: _from_lists(*each) for name, each in _accepting().items()}
    of_all = ("evidence", "network", *MERGED)
    shown = ", ".join(f"said.{identifier(name)}" for name in of_all)
    merged = ", ".join(f"any_value(said.{identifier(name)}) as {identifier(name)}" for name in of_all)
    columns = ", ".join(map(identifier, (*MERGED, "network", "accepting")))
    blank = ", ".join(f"null as {identifier(name)}" for name in (*MERGED, "network", "accepting"))
    return f"""
with {", ".join(_versions(name, folder) for name in FILES)}
, affiliated as (
  select organization, list_sort(list(distinct network)) as networks
  from (select organization, unnest(networks) as network from affiliation where is_current)
  where organization is not null
  group by organization
), served as (
  select asked.key, flatten(list(service.locations)) as locations, flatten(list(service.accepting)) as accepting,
    min(service.phone) as phone, list(asked.service) filter (where service.key is null) as missing
  from (select key, unnest(services) as service from role where is_current) as asked
  left join service on service.key = asked.service and service.is_current
  group by asked.key
), offered as (
  select role.*, served.accepting as served_accepting, served.phone as served_phone,
    case when len(role.locations) > 0 then list_distinct(role.locations)
         when len(served.locations) > 0 then list_distinct(served.locations) else [null] end as places,
    case when len(role.networks) > 0 then list_distinct(role.networks)
         when role.kind = '{ROLE}' then coalesce(affiliated.networks, [null]) else [null] end as offered_in,
    case when len(role.locations) > 0 then [] else coalesce(served.missing, []) end as missing_services
  from role
  left join served on served.key = role.key
  left join affiliated on affiliated.organization = role.organization
  where role.is_current and (role.kind = '{ROLE}' or len(role.networks) > 0)
), placed as (
  select *, unnest(places) as place_key from offered
), entered as (
  select *, unnest(offered_in) as shown_in from placed
), joined as (
  select entered.*, entered.shown_in.key as network_key,
    entered.key || coalesce(' ' || entered.place_key, '') as reference,
    entered.practitioner is not null or entered.practitioner_said is not null or entered.practitioner_npi is not null as is_person,
    {", ".join(f"person.{identifier(name)} as {identifier(name)}" for name in PERSON if name != "name")},
    person.name as name_said, person.npi as person_npi, person.licenses, practice.name as practice_name, practice.npi as practice_npi,
    {", ".join(f"place.{name} as place_{name}, practice.{name} as practice_{name}" for name in (*ADDRESS, "phone"))},
    place.accepting as place_accepting,
    coalesce(net.name, entered.shown_in.said) as network_said,
    [fold for fold in [{", ".join(map(_fold, ("net.name", "shown_in.said", "shown_in.key", "split_part(shown_in.key, '/', 2)")))}]
      if fold is not null] as network_folds,
    [each for each in [
      case when person.key is null then entered.practitioner end, case when place.key is null then entered.place_key end,
      case when practice.key is null then entered.organization end] if each is not null] || missing_services as missing,
    net.key is null as is_network_missing
  from entered
  left join practitioner as person on person.key = entered.practitioner
  left join location as place on place.key = entered.place_key
  left join organization as practice on practice.key = entered.organization
  left join organization as net on net.key = entered.shown_in.key
  where coalesce(person.is_current, true) and coalesce(place.is_current, true) and coalesce(practice.is_current, true)
    and coalesce(net.is_current, true)
), understood as (
  select * replace (
      case when is_person then coalesce(name_said, case when coalesce("first", "last") is null then practitioner_said end) end
        as name_said),
    {_network(source)} as network, {_unknown_network(source)} as unknown_network,
    coalesce(practice_name, organization_said) as organization_shown,
    {_licenses(source)} as held,
    {_ignored(source)} as is_ignored,
    case {" ".join(f"when len({each}) > 0 then {meaning}" for each, meaning in lists.values())} end as takes_new
  from joined
), judged as materialized (
  select * replace (missing || case when is_network_missing and network_key is not null and {_needs_network(source)}
      then [network_key] else [] end as missing),
    list_distinct([each.number for each in held]) as numbers,
    list_distinct([each.number for each in held if list_has_any(each.codes, codes)]) as fitting,
    case when is_person then coalesce(name_said, "first", "last") else organization_shown end is null as is_nobody
  from understood
  where not is_ignored
), said as (
  select evidence, reference, key, network, network_key, takes_new, specialty,
    name_said as name, prefix, "first", middle, "last", suffix, organization_shown as organization,
    case when is_person then coalesce(person_npi, practitioner_npi) else practice_npi end as npi,
    case when len(numbers) = 1 then numbers[1] when len(fitting) = 1 then fitting[1] end as license,
    {", ".join(f"case when place_key is null and not is_person then practice_{name} else place_{name} end as {name}" for name in ADDRESS)},
    coalesce(phone, served_phone, place_phone, case when not is_person then practice_phone end) as phone
  from judged
  where unknown_network is null and not is_nobody
), problem as (
  {" union all ".join(_contradicted(name) for name in FILES if name != "affiliation")}
  union all
  select evidence, reference, 'names ' || unnest(missing) || {GONE}, key from judged
  union all
  select evidence, reference, unknown_network, key from judged where unknown_network is not null
  union all
  select evidence, reference, 'no name', key from judged
  where is_nobody and (practitioner is null or not list_contains(missing, practitioner))
  union all
  select evidence, practitioner, 'states several license numbers, ' || array_to_string(list_sort(numbers), ', ')
    || ', and not which of them this role rests on', key
  from judged where len(numbers) > 1 and len(fitting) <> 1
), named_twice as (
  select reference, network from said group by reference, network having count(*) > 1
), listing as (
  select {shown}, takes_new as accepting from said
  anti join named_twice as twice on said.reference = twice.reference and said.network is not distinct from twice.network
  union all
  select {merged}, case when min(takes_new) = max(takes_new) then min(takes_new) end as accepting
  from said semi join named_twice as twice on said.reference = twice.reference and said.network is not distinct from twice.network
  group by evidence, said.reference, network
)
select evidence as evidence_id, reference as locator, {columns}, null as problem, null as excerpt from listing
union all
select distinct evidence, locator, {blank}, reason, left(excerpt, {EXCERPT}) from problem"""


def _versions(name: str, folder: Path) -> str:
    """The newest version of each resource, and whether another says something else without being older.

    Of what roles refer to, only what these roles refer to is held; few resources come twice, and only those are sorted.
    """
    path = "$path" if name == "role" else quoted(str(folder / f"{name}.ndjson"))
    columns = json.dumps(OWN | dict(FILES[name])).replace('"', "'")
    wanted = f" where key in ({WANTED[name]})" if name in WANTED else ""
    return f"""{name}_read as materialized (
  select * from read_json({path}, format = 'newline_delimited', columns = {columns}, compression = 'uncompressed'){wanted}
), {name}_twice as (
  select key from {name}_read group by key having count(*) > 1
), {name}_version as (
  select *, false as is_contradicted from {name}_read anti join {name}_twice using (key)
  union all
  select *, case when bool_or(updated = '') over (partition by key)
      then min(digest) over (partition by key) <> max(digest) over (partition by key)
      else min(digest) over (partition by key, updated) <> max(digest) over (partition by key, updated) end as is_contradicted
  from {name}_read semi join {name}_twice using (key)
  qualify row_number() over (partition by key order by updated desc, digest, evidence) = 1
), {name} as (
  select * from {name}_version where not is_contradicted
)"""


def _contradicted(name: str) -> str:
    told = "'stands here in two versions, of which none says that it is the newer'"
    return f"select evidence as evidence, key as locator, {told} as reason, key as excerpt from {name}_version where is_contradicted"


def _accepting() -> dict[str, tuple[str, str]]:
    """Who says whether new patients are taken, the nearest first: role, service, place; and each of this network before of all."""
    lists = {"own": "accepting", "served": "served_accepting", "place": "place_accepting"}
    return {f"{who}_{whom}": (each, test) for who, each in lists.items() for whom, test in (("here", "= network_key"), ("all", "is null"))}


def _from_lists(each: str, test: str) -> tuple[str, str]:
    """The list of what is said, and the one meaning it has; null where it has several."""
    meanings = f"[said.means for said in coalesce({each}, []) if said.network {test}]"
    return (
        meanings,
        f"case when len(list_distinct({meanings})) = 1 and len([m for m in {meanings} if m is null]) = 0 then {meanings}[1] end",
    )


def _licenses(source: Source) -> str:
    """The licenses of the source's state: those said to be valid there, else those of which no state is said."""
    if source.state is None:
        return "coalesce(licenses, [])"
    of_state = f"[each for each in coalesce(licenses, []) if list_contains(each.states, {quoted(source.state)})]"
    return f"case when len({of_state}) > 0 then {of_state} else [each for each in coalesce(licenses, []) if len(each.states) = 0] end"


def _network(source: Source) -> str:
    """What a network is called: as the card's words say, by name or id; else its name, else the card's network."""
    otherwise, known = f"cast({literal(source.network)} as varchar)", source.words.get("network")
    if known is None:
        return f"coalesce(network_said, {otherwise})"
    if not known:
        return otherwise
    meant = ", ".join(f"{quoted(folded(word))}: cast({literal(network)} as varchar)" for word, network in known.items())
    return f"coalesce(map {{{meant}}}[{_first_known(known)}], {otherwise})"


def _unknown_network(source: Source) -> str:
    known = source.words.get("network")
    if known is None:
        return "cast(null as varchar)"
    told = "' is not on the card; map it under `words:` `network:` or list it under `ignore:`'"
    shown = "coalesce(network_said || ' (' || network_key || ')', network_said, network_key)"
    return f"case when len(network_folds) > 0 and {_first_known(known)} is null then 'network ' || {shown} || {told} end"


def _needs_network(source: Source) -> str:
    """Whether a network that leads nowhere leaves its listing without one."""
    known = source.words.get("network")
    return "network_said is null" if known is None else f"{_first_known(known)} is null"


def _ignored(source: Source) -> str:
    return f"len([fold for fold in network_folds if list_contains({_texts(map(folded, source.ignore))}, fold)]) > 0"


def _first_known(known: Iterable[str]) -> str:
    return f"[fold for fold in network_folds if list_contains({_texts(map(folded, known))}, fold)][1]"


def _fold(value: str) -> str:
    r"""As scrapers.reading.folded does."""
    return f"nullif(lower(trim(regexp_replace(translate({value}, '‐‑‒–—―−', '-------'), '\\s+', ' ', 'g'))), '')"


def _texts(values: Iterable[str]) -> str:
    return f"cast([{', '.join(map(quoted, values))}] as varchar[])"
