"""The invented state at the size of a real one, laid straight into curated.*: no HTTP, and most of the roll made in bulk.

People who are listed, and every massage credential, come from `simulation.world` and pass through the pipeline's own curation. The other
professions, nine rows in ten of the roll, are drawn in SQL from the same name tables and written to curated.credential as it would be.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from matching.professions import profession_rows
from pipelines import curate, models, warehouse
from scrapers.sources import Audit, load_audit
from simulation import cards, names, noise, pages, people, sites, truth, world
from simulation.listings import Listing
from simulation.places import STATE

TODAY = date(2026, 11, 22)
ROLL = "invented_roll"
WITH_OTHERS = 1.55  # rows of the small roll for each massage credential in it: people nobody lists are of all professions
ISSUED_FROM = 60_000_000  # numbers are handed out in one sequence across professions, as Washington does


@dataclass(frozen=True, slots=True)
class Size:
    """How large a state: listings of all insurers together, massage credentials, and rows of the roll."""

    listings: int = 20_000
    massage: int = 45_000
    roll: int = 2_400_000


@dataclass(frozen=True, slots=True)
class Shown:
    """The listings as one variant prints them, and the truth about them: row n of the one is row n of the other."""

    listings: tuple[Listing, ...]
    truth: tuple[truth.Truth, ...]


def invent(seed: int, size: Size, *, held_out: bool = False) -> world.World:
    """The people, their massage credentials and the directories; the other professions follow in `lay`."""
    return world.build(seed, round(size.listings / 2.3), round(size.massage * WITH_OTHERS), today=TODAY, held_out=held_out)


def shown(invented: world.World, *, numbers: bool, places: bool) -> Shown:
    """What stands in the directories once license numbers and NPIs, or practices, addresses and telephones are left out."""
    hidden: dict[str, Any] = {} if numbers else {"license": "", "npi": ""}
    hidden |= {} if places else {"organization": "", "address": "", "address_2": "", "phone": ""}
    every = [each for directory in invented.directories.values() for each in directory]
    listings = tuple(replace(each, labels=set(each.labels), **(hidden if each.person else {})) for each in every)
    return Shown(listings, truth.rows(listings, invented.people, invented.today))


def lay(con: warehouse.Connection, invented: world.World, size: Size) -> Audit:
    """Create curated.* with the whole roll and the directories as they stand."""
    with tempfile.TemporaryDirectory() as folder:
        card = cards.write(invented, dict.fromkeys(sites.HOSTS, "http://127.0.0.1:1"), Path(folder))
        audit = load_audit(card)
    _lay_out(con, audit)
    rows = (dict(zip(pages.ROLL_FIELDS, row, strict=True)) for row in invented.roll_rows)
    columns = audit.roll.columns if audit.roll else {}
    credentials = [{ours: row[theirs] or None for ours, theirs in columns.items()} for row in rows]
    warehouse.insert(con, "credential", [_at(ROLL, f"row {at}") | row for at, row in enumerate(credentials)])
    models.build(con, curate.curated_models(), curate.named_settings(audit))
    curate.lay_out_ledger(con)
    _bulk(con, invented.seed, size.roll - len(credentials))
    return audit


def show(con: warehouse.Connection, audit: Audit, listings: Sequence[Listing], *, places: bool) -> None:
    """Put these listings in the place of whatever curated.listing holds."""
    _lay_out(con, audit)
    warehouse.insert(con, "listing", [_listing(each, at, places) for at, each in enumerate(listings)])
    curate.split_names(con)
    curate.split_addresses(con)
    wanted = [model for model in curate.curated_models() if model.name in ("curated.listing", "curated.claim")]
    models.build(con, wanted, curate.named_settings(audit))


def owners(invented: world.World) -> dict[str, str]:
    """Whose each license number is; numbers of the other professions belong to nobody who is listed."""
    return {each.plain: person.id for person in invented.people for each in person.credentials}


def _lay_out(con: warehouse.Connection, audit: Audit) -> None:
    """Create parsed.*, with what the cards say and with the visits, and without a record."""
    warehouse.lay_out(con)
    for source in audit.sources:
        warehouse.load_all(con, curate.card_rows(source, "roll" if source is audit.roll else "insurer"))
    warehouse.load_all(con, {**_snapshots(audit), "profession": profession_rows()})


def _at(source: str, locator: str) -> dict[str, Any]:
    return {"source_id": source, "snapshot_id": f"{source}@{TODAY}", "observed_on": TODAY, "evidence_id": source, "locator": locator}


def _snapshots(audit: Audit) -> dict[str, list[dict[str, Any]]]:
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC).replace(tzinfo=None)
    kept = [(source.name, f"{source.name}@{TODAY}") for source in audit.sources]
    return {
        "snapshot": [
            {"source_id": name, "snapshot_id": snapshot, "observed_on": TODAY, "started_at": noon, "finished_at": noon, "response_count": 1}
            for name, snapshot in kept
        ],
        "evidence": [{"evidence_id": name, "snapshot_id": snapshot, "url": f"http://127.0.0.1/{name}"} for name, snapshot in kept],
    }


def _listing(listing: Listing, at: int, places: bool) -> dict[str, Any]:
    """The row that the source's format would read off its page."""
    alone = listing.source == "birch_health"  # boxes for the parts of a name, and no reference
    street = ", ".join(part for part in (listing.address, listing.address_2) if part)
    whole = pages.last_first(listing) if listing.source == "cedar_plan" else pages.full_name(listing)
    name, practice = pages.boxes(listing, whole)
    row = {
        "name": "" if alone else name,
        "organization": practice if listing.person else name if alone else "",
        "reference": "" if alone else listing.reference,
        "license": listing.license,
        "npi": listing.npi,
        "address": street if listing.source == "alder_mutual" else listing.address,
        "address_2": "" if listing.source == "alder_mutual" else listing.address_2,
        "phone": listing.phone,
        "specialty": "Massage Therapy" if not alone else "Massage Therapist" if listing.person else "Massage practice",
        "network": listing.network,
    }
    if alone and listing.person:
        row |= {part: getattr(listing, part) for part in ("prefix", "first", "middle", "last", "suffix")}
    if places:
        row |= {"city": listing.place.city, "state": STATE, "zip": listing.place.zip}
    return _at(listing.source, f"row {at}") | {column: value or None for column, value in row.items()}


def _bulk(con: warehouse.Connection, seed: int, rows: int) -> None:
    """Fill the roll up with `rows` credentials of other professions, under names drawn from the tables that the world draws from."""
    if rows <= 0:
        return
    rates = noise.group("people")
    for table, columns in {"surname": _surnames(), "given": _given(), "kind": _kinds(), "status": _statuses()}.items():
        listed = ", ".join(f"unnest(${column}) as {column}" for column in columns)
        con.execute(f"create or replace temp table {table} as select {listed}", columns)
    for statement in _PEOPLE, _WORDS, _CREDENTIALS, _ROLL, _HISTORY:
        used = {"seed": seed, "rows": rows, "today": TODAY, "first": ISSUED_FROM, **rates}
        con.execute(statement, {name: value for name, value in used.items() if f"${name}" in statement})


def _shares(table: names.Table) -> list[float]:
    return [each / table.cumulative[-1] for each in table.cumulative]


def _surnames() -> Mapping[str, list[Any]]:
    table = names.surnames()
    return {"name": [*table.names], "community": [names.community_of(name) for name in table.names], "upto": _shares(table)}


def _given() -> Mapping[str, list[Any]]:
    columns: dict[str, list[Any]] = {"kind": [], "community": [], "name": [], "upto": []}
    for kind in ("women_1970", "women_1988", "men_1970"):
        for community in (None, *range(names.COMMUNITIES)):
            table = names.given(kind, community)
            columns["kind"] += [kind] * len(table.names)
            columns["community"] += [-1 if community is None else community] * len(table.names)
            columns["name"] += table.names
            columns["upto"] += _shares(table)
    return columns


def _kinds() -> Mapping[str, list[str]]:
    return {"type": [*people.OTHERS], "prefix": [people.PREFIXES[kind][0] for kind in people.OTHERS]}


def _statuses() -> Mapping[str, list[Any]]:
    total, reached = sum(people.COMMON.values()), 0
    upto = []
    for weight in people.COMMON.values():
        reached += weight
        upto.append(reached / total)
    return {"status": [*people.COMMON], "upto": upto}


# Numbers between 0 and 1 that depend on the seed, the row and what they are for.
def _luck(purpose: str) -> str:
    return f"hash($seed || ' {purpose} ' || i) / 18446744073709551616.0"


_PEOPLE = f"""
create or replace temp table drawn as
with row as (
  select
    i, {_luck("last")} as by_last, {_luck("first")} as by_first, {_luck("middle")} as by_middle, {_luck("form")} as form,
    {_luck("second")} as by_second, {_luck("status")} as by_status, {_luck("day")} as by_day, {_luck("old")} as by_old,
    case when {_luck("sex")} >= $women then 'men_1970' when {_luck("age")} < 0.5 then 'women_1970' else 'women_1988' end as kind,
    {_luck("community")} < $community as is_of_community, {_luck("initial")} as by_initial,
    hash($seed || ' type ' || i) % (select count(*) from kind) as by_type
  from range($rows) as t(i)
), named as (
  select row.*, surname.name as last, case when is_of_community then surname.community else -1 end as community
  from row asof join surname on row.by_last < surname.upto
), doubled as (
  select named.*, second.name as second from named asof join surname as second on named.by_second < second.upto
), called as (
  select doubled.*, given.name as first from doubled
  asof join given on doubled.kind = given.kind and doubled.community = given.community and doubled.by_first < given.upto
), full_name as (
  select called.*, given.name as middle from called
  asof join (select * from given where community = -1) as given on called.kind = given.kind and called.by_middle < given.upto
)
select
  i, first,
  case when by_initial < $no_middle or middle = first then null when by_initial < $no_middle + $middle_initial then left(middle, 1)
    else middle end as middle,
  last || case when form < $hyphenated then '-' || second when form < $hyphenated + $two_surnames then ' ' || second else '' end as last,
  status.status, by_day, by_type, by_old < 0.2 as is_old
from full_name asof join status on full_name.by_status < status.upto
"""

_WORDS = """
create or replace temp table kind_read as
select kind.*, row_number() over (order by type) - 1 as place, (
  select min(profession) from curated.profession where profession_key(credential_type) = profession_key(type)
) as profession
from kind;
"""

_CREDENTIALS = """
create or replace temp table bulk as
with typed as (
  select drawn.*, kind_read.type, kind_read.prefix, kind_read.profession
  from drawn join kind_read on kind_read.place = drawn.by_type
), numbered as (
  select
    typed.*,
    case when is_old then row_number() over (partition by is_old, type order by i) + 30000 end as old_number,
    case when not is_old then row_number() over (partition by is_old order by i) end as place
  from typed
), free as (
  select number, row_number() over (order by number) as place
  from range($first, $first + $rows + (select count(*) from curated.credential)) as t(number)
  anti join (select try_cast(right(license_key, 8) as bigint) as number from curated.credential) as taken using (number)
), keyed as (
  select numbered.*, prefix || lpad(cast(coalesce(free.number, old_number) as varchar), 8, '0') as license_key
  from numbered left join free on free.place = numbered.place
)
select
  left(sha256('invented_roll|' || license_key || '|' || type), 20) as credential_id, 'invented_roll' as source_id, 'ZZ' as state,
  license_key as license_raw, license_key, type as credential_type, profession,
  first as given_name, middle as middle_name, last as family_name,
  case when keyed.status = 'EXPIRED' then $today::date - cast(1 + by_day * 7000 as integer)
    when meaning.may_practice then $today::date + cast(10 + by_day * 370 as integer) end as expires_on,
  keyed.status as status_raw, meaning.status, meaning.may_practice, 'invented_roll' as evidence_id, 'bulk ' || i as locator,
  $today::date as roll_on
from keyed
join curated.status_meaning as meaning on meaning.status_raw = keyed.status
"""

_ROLL = "insert into curated.credential by name select * exclude (status_raw) from bulk"
_HISTORY = """
insert into curated.credential_history by name
select credential_id, $today::date as seen_from_on, $today::date as seen_to_on, status_raw, status, may_practice, expires_on,
  'printed status' as basis, evidence_id, locator
from bulk
"""
