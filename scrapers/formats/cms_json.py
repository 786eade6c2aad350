"""The machine-readable provider files that CMS requires of marketplace plans (CMSgov/QHP-provider-formulary-APIs).

`start` is the index (provider_urls, plan_urls, formulary_urls) or a provider file itself. A provider file is an array of providers, or
that array under "providers". One listing is one provider at one address in one network; tiers and years are set aside.

The network is what `words: {network: …}` says of a plan_id (a plan of no interest is listed under `ignore:`), else the card's `network:`,
else the plan_id. An array is streamed; under "providers" the whole file is held at once, in about six times its size.
"""

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import urljoin, urlsplit

from scrapers.formats.table import clean, identifier, literal, quoted, translated
from scrapers.reading import EXCERPT, decoded
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable

LARGEST_PROVIDER = 32 * 1024**2  # bytes of one provider; a telehealth doctor at 352 addresses has 60 KB
LARGEST_FILE = 2 * 1024**3  # bytes of a file whose providers lie under one key
TYPES = ("INDIVIDUAL", "FACILITY", "GROUP")
ACCEPTING = {"accepting": True, "not accepting": False, "accepting in some locations": None}
PERSON = ("prefix", "first", "middle", "last", "suffix")
PLACE = ("address", "address_2", "city", "state", "zip", "phone")
SPECIALTY = ("specialty", "speciality", "facility_type", "group_type")  # the README prints "speciality", its own samples "specialty"
# what real issuers print where they know nothing: null everywhere (NULL in capitals is somebody's name), and in one field alone
PLACEHOLDERS = {"state": "UN", "zip": "99999", "phone": "999999999"}


def check(source: Source) -> None:
    """The format names its own fields."""
    if source.columns:
        raise Refused(f"{source.name}: `columns` has no meaning in the cms_json format, whose fields are fixed; take it off the card")
    if source.kind != "insurer":
        raise Refused(f"{source.name}: `kind` is {source.kind}; a cms_json source is an insurer's")


def requests(source: Source) -> list[Request]:
    """The index, which says what to ask next; or a file whose name says that it holds providers, which need not be held in memory."""
    return [Request(url=url, expects="json", is_leaf="provider" in PurePosixPath(urlsplit(url).path).name.lower()) for url in source.start]


def follow(page: Evidence, source: Source) -> list[Request]:
    """The provider files that an index names. Its plan and formulary files are not asked for."""
    if page.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return []
    try:
        index = json.loads(decoded(page.body, source))
    except (ValueError, RecursionError):
        raise SourceUnreadable(f"{source.name}: {page.url} begins with {page.body[:20]!r}; expected JSON") from None
    if isinstance(index, dict) and "providers" in index:
        return []
    urls = index.get("provider_urls") if isinstance(index, dict) else None
    if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
        raise SourceUnreadable(f"{source.name}: {page.url} names no provider files; expected an index with a list of provider_urls")
    return [Request(url=urljoin(page.url, url), expects="json", is_leaf=True) for url in dict.fromkeys(urls)]


def select(source: Source, head: bytes) -> str:
    """One SELECT over the JSON at $path: `locator` ("record N address M", then the network), our fields, `problem`, `excerpt`."""
    accepting, unknown_accepting = translated("accepting", "said.accepting", ACCEPTING | dict(source.words.get("accepting", {})))
    texts = dict.fromkeys(("npi", "type", "facility_name", "group_name", "accepting"), "VARCHAR")
    record = json.dumps(texts | dict.fromkeys(("name", "addresses", "plans", *SPECIALTY), "JSON"))
    person = ", ".join(f"{_text(_member('said.name', part))} as {identifier(part)}" for part in PERSON)
    place = ", ".join(f"'{part}': {_text(f'each.{part}', part)}" for part in PLACE)
    specialties = " || ".join(_list(f"said.{each}", "VARCHAR") for each in SPECIALTY)
    plans = _list("said.plans", {"plan_id": "VARCHAR"})
    fields = ("npi", "organization", "name", *PERSON)
    return f"""
with element as ({_elements(source, decoded(head, source, whole=False))}
), transformed as (
  select n, record, json_transform(record, '{record}') as said from element
), provider as (
  select n, record, said,
    upper({_text("said.type")}) as kind,
    {_text("said.npi")} as npi,
    {_text("coalesce(said.facility_name, said.group_name)")} as organization,
    {_text("case json_type(said.name) when 'VARCHAR' then said.name ->> '$' end")} as name,
    {person},
    [{_text("each")} for each in {specialties}] as specialties,
    [{{{place}}} for each in {_list("said.addresses", dict.fromkeys(PLACE, "VARCHAR"))}] as places,
    list_sort(list_distinct([each.plan_id for each in {plans} if each.plan_id is not null{_ignored(source)}])) as plans,
    len({plans}) > 0 as has_plans
  from transformed
), judged as (
  select * replace (case when len(places) > 0 then places else [null] end as places),
    {_networks(source)} as networks,
    {_unknown_plans(source)} as unknown_plans,
    {accepting} as accepting,
    case when json_type(record) is distinct from 'OBJECT' then 'not a provider: expected an object'
         when kind is null or kind not in ({", ".join(map(quoted, TYPES))})
           then 'type says ' || coalesce('''' || left(kind, 80) || '''', 'nothing') || '; expected {", ".join(TYPES)}'
         when json_type(said.addresses) not in ('ARRAY', 'OBJECT', 'NULL') then 'addresses are neither a list nor an address'
         when coalesce(last, first, name, organization) is null then 'no name'
         {unknown_accepting} end as reason
  from provider
), entered as (
  select *,
    case when reason is not null then [{{'network': null::varchar, 'problem': reason}}]
         else [{{'network': each, 'problem': null::varchar}} for each in networks]
           || [{{'network': null::varchar, 'problem': each}} for each in unknown_plans] end as entries
  from judged
), placed as (
  select *, unnest([{{'at': i, 'said': places[i]}} for i in range(1, len(places) + 1)]) as place from entered
), spread as (
  select *, unnest(entries) as entry from placed
)
select 'record ' || n || ' address ' || place.at || coalesce(' network ' || entry.network, '') as locator,
  {", ".join(map(identifier, fields))}, {", ".join(f"place.said.{part} as {identifier(part)}" for part in PLACE)},
  nullif(array_to_string([each for each in specialties if each is not null], '; '), '') as specialty,
  entry.network as network, accepting, entry.problem as problem,
  case when entry.problem is not null then left(record::varchar, {EXCERPT}) end as excerpt
from spread
where entry.problem is null or place.at = 1"""


def _elements(source: Source, head: str) -> str:
    """A table of (n, record): the providers of the file, numbered from 1. An index holds none."""
    start = head.lstrip()
    if start.startswith("["):
        return f"""
  select row_number() over () as n, record
  from read_json($path, format='array', records=false, columns={{record: 'JSON'}}, compression='gzip',
    maximum_object_size={LARGEST_PROVIDER})"""
    if start.startswith("{") and re.search(r'"(provider|plan|formulary)_urls"\s*:', start):
        return "\n  select 0 as n, null::json as record where $path::varchar is null"
    if start.startswith("{") and re.search(r'"providers"\s*:\s*\[', start):
        return f"""
  select row_number() over () as n, record
  from (
    select unnest(json_transform(json_extract(whole, '$.providers'), '["JSON"]')) as record
    from read_json($path, format='unstructured', records=false, columns={{whole: 'JSON'}}, compression='gzip',
      maximum_object_size={LARGEST_FILE})
  ) listed"""
    raise SourceUnreadable(f'{source.name}: the file begins with {start[:20]!r}; expected a list of providers, or one under "providers"')


def _list(value: str, structure: object) -> str:
    """The expression for a JSON value as a list of that structure; one alone is a list of one."""
    many, alone = quoted(json.dumps([structure])), quoted(json.dumps(structure))
    transformed = f"when 'ARRAY' then json_transform({value}, {many}) else [json_transform({value}, {alone})]"
    return f"case coalesce(json_type({value}), 'NULL') when 'NULL' then [] {transformed} end"


def _member(value: str, name: str) -> str:
    return f"({value} ->> '$.{name}')"


def _text(value: str, part: str = "") -> str:
    """The expression for a text, null where it is blank or a placeholder."""
    cleaned = f"nullif({clean(value)}, 'null')"
    return f"nullif({cleaned}, {quoted(PLACEHOLDERS[part])})" if part in PLACEHOLDERS else cleaned


def _networks(source: Source) -> str:
    """The expression for the networks a provider is listed in; a list of one null where it names no plan."""
    known = source.words.get("network")
    otherwise = f"[cast({literal(source.network)} as varchar)]"
    if known is not None:
        meant = ", ".join(f"{quoted(plan)}: {literal(network)}" for plan, network in known.items())
        networks = f"list_sort(list_distinct([map {{{meant}}}[each] for each in plans if list_contains({_ids(known)}, each)]))"
    else:
        networks = otherwise if source.network else "plans"
    return f"case when has_plans then {networks} else {otherwise} end"


def _unknown_plans(source: Source) -> str:
    """The expression for what is wrong with plan ids that are not on the card: a list of one reason, or of none."""
    known = source.words.get("network")
    if known is None:
        return "cast([] as varchar[])"
    new = f"[each for each in plans if not list_contains({_ids(known)}, each)]"
    advice = " is not on the card; map it under `words:` `network:` or list it under `ignore:`"
    return f"[reason for reason in ['plan ' || array_to_string({new}[1:3], ', ') || {quoted(advice)}] if len({new}) > 0]"


def _ignored(source: Source) -> str:
    return f" and not list_contains({_ids(source.ignore)}, each.plan_id)" if source.ignore else ""


def _ids(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"
