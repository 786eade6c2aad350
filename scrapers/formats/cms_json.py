"""The machine-readable provider files that CMS requires of marketplace plans (CMSgov/QHP-provider-formulary-APIs).

`start` is the index (provider_urls, plan_urls, formulary_urls) or a provider file itself. A provider file is an array of providers, that
array under "providers", or one provider to a line; plain or gzip, of any size. One listing is one provider at one address in one network;
tiers and years are set aside.

The network is what `words: {network: …}` says of a plan_id (a plan of no interest is listed under `ignore:`), else the card's `network:`,
else the plan_id. Where the card maps plan ids, the plan files are read too, and say by what name a plan is sold that the card lacks.

Medicare Advantage plans publish files of the same family from 2026 (42 CFR 422.111(m)). None was seen: what they say in these words is
read, and a record that says it otherwise is a problem with its place.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapers.formats import _split
from scrapers.formats._split import EACH
from scrapers.formats.table import clean, identifier, literal, quoted, translated
from scrapers.hosts import host_of, hosts
from scrapers.packed import members
from scrapers.reading import EXCERPT, collapsed, decoded
from scrapers.records import Evidence, Problem, Refused, Request, Source, SourceUnreadable, Table

MEMORY = "160MB"  # DuckDB's share while chunks are read: more is no quicker, and of a gigabyte all of it stays in memory
CHUNK = 64 * 1024**2  # bytes that DuckDB is handed at once; of smaller pieces it writes every row twice
HEAD = 65_536
TYPES = ("INDIVIDUAL", "FACILITY", "GROUP")
ACCEPTING = {"accepting": True, "not accepting": False, "accepting in some locations": None}
PERSON = ("prefix", "first", "middle", "last", "suffix")
PLACE = ("address", "address_2", "city", "state", "zip", "phone")
NAME_ALONE = (
    "case when coalesce(said.name.last, said.name.first) is null and json_type(record, '$.name') = 'VARCHAR' then record ->> '$.name' end"
)
SPECIALTY = ("specialty", "speciality", "facility_type", "group_type")  # the README prints "speciality", its own samples "specialty"
# what real issuers print where they know nothing: null everywhere (NULL in capitals is somebody's name), and in one field alone
PLACEHOLDERS = {"state": "UN", "zip": "99999", "phone": "999999999"}
UNTIDY = r"""" |\s"|  |\\|[^\x20-\x7E]"""  # a record without any of these has no text that needs tidying
MAP_IT = "map it under `words:` `network:` or list it under `ignore:`"


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
    """The provider files that an index names, and its plan files where the card maps plan ids. Formulary files are not asked for."""
    if page.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return []
    try:
        index = json.loads(decoded(page.body, source))
    except (ValueError, RecursionError):
        raise SourceUnreadable(f"{source.name}: {page.url} begins with {page.body[:20]!r}; expected JSON") from None
    if isinstance(index, dict) and "providers" in index:
        return []
    providers = _urls(index, "provider_urls", page)
    if not providers:
        raise SourceUnreadable(f"{source.name}: {page.url} names no provider files; expected an index with a list of provider_urls")
    plans = [url for url in _urls(index, "plan_urls", page) if host_of(url) in hosts(source)] if "network" in source.words else []
    return [Request(url=url, expects="json", is_leaf=True) for url in dict.fromkeys([*plans, *providers])]


def _urls(index: object, key: str, page: Evidence) -> list[str]:
    said = index.get(key) if isinstance(index, dict) else None
    return [urljoin(page.url, each) for each in said] if isinstance(said, list) and all(isinstance(each, str) for each in said) else []


def tables(page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    """The providers in bounded pieces, one to a line, while the next piece is being cut; of a plan file, the plans the card does not know.

    A row's `locator` is "record N address M network …"; N counts over the whole file.
    """
    with ThreadPoolExecutor(1) as ahead:
        cut = _cut(page, source, folder)
        coming = ahead.submit(next, cut, None)
        while (piece := coming.result()) is not None:
            coming = ahead.submit(next, cut, None)
            yield piece


def _cut(page: Evidence, source: Source, folder: Path) -> Iterator[Table | Problem]:
    encoding = str(source.options.get("encoding", "utf-8"))
    for number, (name, stream) in enumerate(members(page.path, folder=folder)):
        where = f"{name} " if name else ""
        try:
            yield from _file(_split.blocks(stream, encoding), page, source, folder / str(number), where)
        except SourceUnreadable as reason:
            raise SourceUnreadable(f"{source.name}: {where}{reason}", reason.failure) from reason
        except UnicodeDecodeError as damage:
            raise SourceUnreadable(f"{source.name}: {where}a byte is not {encoding}; say `encoding:` on the card") from damage


def _file(blocks: Iterator[bytes], page: Evidence, source: Source, stem: Path, where: str) -> Iterator[Table | Problem]:
    flat: _Flat | None = None
    is_list = is_of_plans = False
    try:
        for piece in _split.pieces(blocks, EACH, {"providers": EACH}):
            found = piece.found
            if piece.members is not None and not piece.path:  # the root ends
                if not is_list and not _is_index(found, piece.members):
                    raise SourceUnreadable('the file is an object; expected a list of providers, or one under "providers"')
                if is_list or "npi" not in piece.members:
                    continue
            if piece.fault:
                yield Problem(evidence_id=page.id, locator=f"{where}record {piece.number}", reason=piece.fault, excerpt=piece.excerpt)
            if found and not is_list:
                is_of_plans = _is_plan(found[0])
            is_list = True
            if is_of_plans:
                yield from _unknown(source, page, piece)
            elif found:
                if flat and (flat.file.tell() > CHUNK or flat.following != piece.number):
                    yield flat.table(source, where)
                    flat = None
                flat = flat or _Flat(stem.with_name(f"{stem.name}-{piece.number}.ndjson").open("wb"), piece.number, piece.number)
                flat.write(found)
        if flat:
            yield flat.table(source, where)
    finally:
        if flat:
            flat.file.close()


@dataclass(slots=True)
class _Flat:
    """A file being written, a numbered record to a line."""

    file: BufferedWriter
    first: int
    following: int
    longest: int = 0

    def write(self, records: Sequence[bytes]) -> None:
        self.file.write(b"".join(b'{"n":%d,"r":%b}\n' % numbered for numbered in enumerate(records, self.following)))
        self.following += len(records)
        self.longest = max(self.longest, *map(len, records))

    def table(self, source: Source, where: str) -> Table:
        self.file.close()
        return Table(
            path=Path(self.file.name), select=_select(source, range(self.first, self.following), self.longest, where), is_placed=True
        )


def _is_index(found: Iterable[bytes], members: Mapping[str, Any]) -> bool:
    """Whether an object alone is an index, which lists nobody, or one provider."""
    return "npi" in members or any(re.search(rb'"(provider|plan|formulary)_urls"\s*:', each[:HEAD]) for each in found)


def _is_plan(record: bytes) -> bool:
    said = _read(record)
    return isinstance(said, dict) and "plan_id" in said and "npi" not in said


def _read(record: bytes) -> Any:
    try:
        return json.loads(record)
    except (ValueError, RecursionError):
        return None


def _unknown(source: Source, page: Evidence, piece: _split.Piece) -> Iterator[Problem]:
    """The plans that the card neither maps nor ignores, by the names they are sold under."""
    known = {*source.words.get("network", ()), *source.ignore}
    for number, record in enumerate(piece.found, piece.number):
        said = _read(record)
        plan = said.get("plan_id") if isinstance(said, dict) else None
        if not isinstance(plan, str):
            reason = "not a plan: expected an object with a plan_id"
        elif "network" not in source.words or plan in known:
            continue
        else:
            reason = f"plan {plan[:40]} ({collapsed(str(said.get('marketing_name')))[:80]}) is not on the card; {MAP_IT}"
        yield Problem(evidence_id=page.id, locator=f"plan {number}", reason=reason, excerpt=record[:EXCERPT].decode(errors="replace"))


def _select(source: Source, numbers: range, longest: int, where: str) -> str:
    """One SELECT over the lines at $path, which hold the records of these numbers, none of them longer than `longest`."""
    accepting, unknown_accepting = translated("accepting", "said.accepting", ACCEPTING | dict(source.words.get("accepting", {})))
    shape: dict[str, Any] = dict.fromkeys(("npi", "type", "facility_name", "group_name", "accepting"), "VARCHAR")
    shape |= {"name": dict.fromkeys(PERSON, "VARCHAR"), "addresses": [dict.fromkeys(PLACE, "VARCHAR")], "plans": [{"plan_id": "VARCHAR"}]}
    shape |= {each: ["VARCHAR"] for each in SPECIALTY}
    person = ", ".join(f"{_text(f'said.name.{identifier(part)}')} as {identifier(part)}" for part in PERSON)
    usual, *others = (_list(each, shape[each]) for each in SPECIALTY)
    is_usual = " and ".join(f"not contains(record::varchar, '\"{each}\":')" for each in SPECIALTY[1:])
    specialties = f"case when {is_usual} then {usual} else {' || '.join([usual, *others])} end"
    size = max(1 << 20, 1 << (longest + 40).bit_length())  # DuckDB holds twice this for each of its threads
    return f"""
with line as (
  select n, r as record
  from read_json($path, format='newline_delimited', columns={{n: 'BIGINT', r: 'JSON'}}, ignore_errors=true, maximum_object_size={size})
), provider as (
  select n, record, json_transform(record, {quoted(json.dumps(shape))}) as said,
    regexp_matches(record::varchar, '{UNTIDY}') as is_untidy
  from line where n is not null
), told as (
  select n, record, is_untidy, said,
    upper({_text("said.type")}) as kind,
    {_text("said.npi")} as npi,
    {_text("coalesce(said.facility_name, said.group_name)")} as organization,
    {_text(NAME_ALONE)} as name,
    {person},
    [{_text("each")} for each in {specialties}] as specialties,
    {_list("addresses", shape["addresses"])} as places,
    {_list("plans", shape["plans"])} as plans
  from provider
), planned as (
  select * replace (list_sort(list_distinct([each.plan_id for each in plans if each.plan_id is not null{_ignored(source)}])) as plans),
    len(plans) > 0 as has_plans
  from told
), judged as (
  select * replace (case when len(places) > 0 then places else [null] end as places),
    {_networks(source)} as networks,
    {_unknown_plans(source)} as unknown_plans,
    {accepting} as accepting,
    nullif(array_to_string(specialties, '; '), '') as specialty,
    case when record is null or not starts_with(record::varchar, '{{') then 'not a provider: expected an object'
         when kind is null or kind not in ({", ".join(map(quoted, TYPES))})
           then 'type says ' || coalesce('''' || left(kind, 80) || '''', 'nothing') || '; expected {", ".join(TYPES)}'
         when said.addresses is null and json_type(record, '$.addresses') not in ('OBJECT', 'NULL')
           then 'addresses are neither a list nor an address'
         when coalesce(last, first, name, organization) is null then 'no name'
         {unknown_accepting} end as reason
  from planned
), entered as (
  select n, is_untidy, npi, organization, name, {", ".join(map(identifier, PERSON))}, specialty, accepting, places,
    case when reason is not null or len(unknown_plans) > 0 then coalesce(left(record::varchar, {EXCERPT}), 'null') end as shown,
    case when reason is not null then [{{'network': null::varchar, 'problem': reason}}]
         else [{{'network': each, 'problem': null::varchar}} for each in networks]
           || [{{'network': null::varchar, 'problem': each}} for each in unknown_plans] end as entries
  from judged
), placed as (
  select *, unnest(places) as place, generate_subscripts(places, 1) as m from entered
), spread as (
  select *, unnest(entries) as entry from placed
)
select {quoted(where + "record ")} || n || ' address ' || m || coalesce(' network ' || entry.network, '') as locator,
  npi, organization, name, {", ".join(map(identifier, PERSON))},
  {", ".join(f"{_text(f'place.{part}', part)} as {identifier(part)}" for part in PLACE)},
  specialty, entry.network as network, accepting, entry.problem as problem,
  case when entry.problem is not null then shown end as excerpt
from spread
where entry.problem is null or m = 1
union all
select {quoted(where + "record ")} || n || ' address 1', {", ".join(["null"] * 17)}, 'not a provider: no JSON that can be read', ''
from (select unnest(range({numbers.start}, {numbers.stop})) as n) as missing
where n not in (select n from line where n is not null)"""


def _list(name: str, shape: list[Any]) -> str:
    """The expression for a member of the provider as a list; one alone is a list of one."""
    alone = f"[json_transform(record -> '$.{name}', {quoted(json.dumps(shape[0]))})]"
    return f"""case when said.{name} is not null then said.{name} when not contains(record::varchar, '"{name}":') then []
      when json_type(record, '$.{name}') not in ('ARRAY', 'NULL') then {alone} else [] end"""


def _text(value: str, part: str = "") -> str:
    """The expression for a text, null where it is blank or a placeholder."""
    tidied = f"nullif(nullif(case when is_untidy then {clean(value)} else {value} end, ''), 'null')"
    return f"nullif({tidied}, {quoted(PLACEHOLDERS[part])})" if part in PLACEHOLDERS else tidied


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
    advice = " is not on the card; " + MAP_IT
    return f"[reason for reason in ['plan ' || array_to_string({new}[1:3], ', ') || {quoted(advice)}] if len({new}) > 0]"


def _ignored(source: Source) -> str:
    return f" and not list_contains({_ids(source.ignore)}, each.plan_id)" if source.ignore else ""


def _ids(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"
