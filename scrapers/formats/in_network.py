"""Transparency-in-Coverage in-network files, versions 1 and 2 (CMSgov/price-transparency-guide): an insurer's own word that it contracts.

`start` is a table of contents, which leads to in-network files, or such a file itself, plain or gzip, of any size. Allowed-amount files are
never asked for. **No price is ever read**: the bytes between the brackets of `negotiated_prices` are stepped over, and what is kept as
evidence is the fragment that `distil` writes: who stands in which provider group, and for each billing code its type, its arrangement and
the groups it names. Beside it the manifest has the address, the headers and the hash of the whole file.

The card's `codes:` are the billing codes of the profession's services. A group that one of them refers to, or "all codes" (CSTM-00,
CSTM-ALL), is `proof` for the persons in it; any other is `weak`. Whether an NPI is a person's, the file does not say: curated.participation
asks the registry. NPI 0 is "unknown". A TIN is dropped, and may be a social security number, unless its type says that it is an NPI.

A provider group that lies in another file (version 1) is asked for where a code of the card refers to it. XML is refused.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urljoin

from scrapers.formats import _split
from scrapers.formats._split import EACH, WHOLE, Piece
from scrapers.formats.table import identifier, literal, quoted
from scrapers.hosts import host_of, hosts
from scrapers.packed import RATIO, SUDDEN
from scrapers.reading import collapsed
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable

KEYS = ("codes",)
KEPT = "provider groups of an in-network file; no price"  # how a fragment begins
ALL_CODES = {"CSTM-00", "CSTM-ALL"}
CODE_TYPES = {"CPT", "HCPCS"}  # a revenue or a local code may have the same five characters
FILE = ("reporting_entity_name", "reporting_entity_type", "issuer_name", "plan_name", "last_updated_on", "version")
RATES = {"provider_references": WHOLE, "provider_groups": EACH}
PLAN = {
    "provider_references": {"provider_groups": EACH, "network_name": WHOLE},
    "in_network": {"negotiated_rates": RATES},
    "provider_groups": EACH,  # of a file of provider groups alone
    "reporting_structure": {"in_network_files": EACH},
}
REMOTE = "#groups "  # after the address of a remote group: what refers to it
Line = dict[str, Any]


def check(source: Source) -> None:
    """The card must say which codes are the profession's, and nothing that has no meaning here."""
    if source.kind != "participation":
        raise Refused(f"{source.name}: `kind` is {source.kind}; an in_network source is one of participation")
    if source.columns:
        raise Refused(f"{source.name}: `columns` has no meaning in the in_network format, whose fields are fixed; take it off the card")
    codes = source.options.get("codes")
    if not isinstance(codes, list) or not codes or not all(isinstance(each, str) and re.fullmatch(r"[0-9A-Z]{5}", each) for each in codes):
        raise Refused(
            f"""{source.name}: `codes` is {codes!r}; expected the billing codes of the services, in quotes, e.g. ["97124", "97140"]"""
        )


def distil(source: Source, codes: Iterable[str] = ()) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """What is kept of a file; `codes` are those that refer to it, where it holds the provider groups of another file."""
    return partial(_distilled, source, tuple(codes))


def requests(source: Source) -> list[Request]:
    """A table of contents, or an in-network file; which of them, its content says."""
    return [Request(url=each, select=distil(source)) for each in source.start]


def follow(page: Evidence, source: Source) -> list[Request]:
    """The in-network files that a table of contents names; the provider groups that a code of the card refers to and that lie elsewhere."""
    files: dict[str, Request] = {}
    referred: dict[str, set[str]] = {}
    places: dict[str, str] = {}
    for line in map(json.loads, page.body.splitlines()):
        if url := line.get("in_network_file"):
            url = urljoin(page.url, url)
            files[url] = Request(url=url, select=distil(source))
        if "location" in line:
            places[line["group"]] = urljoin(page.url, line["location"])
        if line.get("is_ours"):
            for each in line["refers_to"]:
                referred.setdefault(each, set()).add(line["code"])
    codes: dict[str, set[str]] = {}
    for group, url in places.items():
        if group in referred and host_of(url) in hosts(source):
            codes.setdefault(url, set()).update(referred[group])
    files |= {url: Request(url=url, select=distil(source, sorted(said)), is_leaf=True) for url, said in codes.items()}
    return list(files.values())


def select(source: Source, head: bytes) -> str:
    """One SELECT over the fragment at $path: an NPI in a group to a row, once for each business and network, with its best strength."""
    if not head.startswith(json.dumps({"kept": KEPT}).encode()):
        raise SourceUnreadable(f"{source.name}: this is no fragment of an in-network file; collect it anew")
    columns = ", ".join(
        f"{identifier(name)}: '{kind}'"
        for name, kind in (
            *dict.fromkeys(("group", "item", "location", "business", "updated", "plan", "problem", "place"), "VARCHAR").items(),
            *dict.fromkeys(("networks", "npis", "refers_to"), "VARCHAR[]").items(),
            ("is_ours", "BOOLEAN"),
        )
    )
    elsewhere = sorted(hosts(source))
    reached = (
        f"list_contains([{', '.join(map(quoted, elsewhere))}], regexp_extract(location, '^https?://([^/]+)', 1))" if elsewhere else "false"
    )
    return f"""
with line as (
  select row_number() over () as n, * from read_json($path, format='newline_delimited', columns={{{columns}}}, compression='gzip',
    maximum_object_size={_split.LARGEST})
), file as (
  select max(plan) as plan, max(updated) as updated from line
), ours as (
  select distinct unnest(refers_to) as "group" from line where is_ours
), entry as (
  select n, business, "group", item, coalesce(nullif(array_to_string(networks, '; '), ''), {literal(source.network)}) as network,
    is_ours or "group" in (select "group" from ours) or item in (select item from line where is_ours and item is not null) as is_ours,
    unnest(case when len(npis) > 0 then npis else [null] end) as npi
  from line where npis is not null
), said as (
  select npi, business, network, coalesce(bool_or(is_ours), false) and npi is not null as is_proof,
    min_by(concat_ws(' ', 'group ' || "group", 'item ' || item, 'line ' || n), n) as locator
  from entry where coalesce(npi, business) is not null group by npi, business, network
)
select locator, npi, business as organization, network, plan, case when is_proof then 'proof' else 'weak' end as strength, updated,
  cast(null as varchar) as problem, cast(null as varchar) as excerpt
from said, file
union all
select place, null, null, null, null, null, null, problem, '' from line where problem is not null
union all
select 'group ' || "group", null, null, null, null, null, null,
  'the providers of this group lie on another host than the card names; add it under `visit: hosts:`', left(location, 200)
from line where location is not null and "group" in (select "group" from ours) and not {reached}"""


# Writing the fragment --------------------------------------------------------------------------------------------


def _distilled(source: Source, codes: tuple[str, ...], chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield json.dumps({"kept": KEPT}).encode()
    try:
        for line in _lines(source, codes, _split.pieces(_plain(chunks), None, PLAN)):
            yield b"\n" + json.dumps(line).encode()
    except zlib.error as damage:
        raise SourceUnreadable(f"{source.name}: the file is packed, and damaged ({damage}); get it again", "cut_short") from damage
    except SourceUnreadable as reason:
        raise SourceUnreadable(f"{source.name}: {_unpriced(reason)}", reason.failure) from None


def _unpriced(reason: SourceUnreadable) -> str:
    """The sentence without what it quotes, which may be anything of the file."""
    said = str(reason)
    return "the file is not JSON; in-network files are read as JSON, plain or gzip, not as XML or zip" if "begins with" in said else said


def _plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes in blocks, unpacked where they are gzip (in one layer, of one or several members)."""
    held, unpacker = b"", None
    taken = made = 0
    for number, chunk in enumerate(_gathered(chunks)):
        if number == 0:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
            unpacker = zlib.decompressobj(31) if chunk[:2] == b"\x1f\x8b" else None
        if unpacker is None:
            yield chunk
            continue
        held = chunk
        taken += len(chunk)
        while held:
            if unpacker.eof:
                unpacker = zlib.decompressobj(31)
            if block := unpacker.decompress(held, _split.BLOCK):
                made += len(block)
                if made > SUDDEN and made > RATIO * taken:
                    raise SourceUnreadable(f"{taken:,} packed bytes unpack to {made:,} or more; no such file does", "too_large")
                yield block
            held = unpacker.unconsumed_tail or unpacker.unused_data
    if unpacker is not None and not unpacker.eof:
        raise SourceUnreadable("the packed file breaks off; get it again", "cut_short")


def _gathered(chunks: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _split.BLOCK // 4:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _lines(source: Source, codes: tuple[str, ...], pieces: Iterator[Piece]) -> Iterator[Line]:
    """The fragment line by line. A provider group comes before the end of what holds it, so an open group or item is held until then."""
    ours = set(source.options["codes"])
    refers: set[bytes] = set()  # lists of groups, of the item that is open
    networks: list[str] = []
    groups: list[Line] = []
    seen: set[int] = set()
    files: set[str] = set()
    for piece in pieces:
        part, last = piece.path[:1], piece.path[-1:]
        if piece.found and not piece.path:
            raise SourceUnreadable("the file has none of in_network, provider_references, reporting_structure; expected an in-network file")
        if piece.fault:
            yield {"problem": piece.fault, "place": f"{' '.join(piece.path)} {piece.number}"}  # without what it shows: it may be a price
        elif last == ("in_network_files",):
            for each in map(_value, piece.found):
                url = each.get("location") if isinstance(each, dict) else None
                if isinstance(url, str) and url not in files:
                    files.add(url)
                    yield {"in_network_file": url}
        elif last == ("provider_groups",):
            entries = [entry for each in piece.found for entry in _group(_value(each), f"{part[0]} {piece.number}")]
            if part == ("in_network",):  # there one group stands under many rates
                entries = [each for each in entries if hash(json.dumps(each)) not in seen]
                seen |= {hash(json.dumps(each)) for each in entries}
            groups += entries
            if piece.path == ("provider_groups",):
                yield from ({**each, "is_ours": bool(codes)} for each in groups)
                groups = []
        elif piece.path == ("provider_references", "network_name"):
            networks = _texts(_value(piece.found[0]))
        elif last == ("provider_references",) and part == ("in_network",):
            refers.update(piece.found)
        elif piece.path == ("provider_references",) and piece.members is not None:
            group = _id(piece.members.get("provider_group_id"))
            own = _texts(piece.members.get("network_name")) or networks
            if isinstance(place := piece.members.get("location"), str):
                yield {"group": group, "location": place, "networks": own}
            yield from ({"group": group, "networks": own, **each} for each in groups)
            groups, networks = [], []
        elif piece.path == ("in_network",) and piece.members is not None:
            said = piece.members
            code, kind = (collapsed(str(said.get(each, ""))).upper() for each in ("billing_code", "billing_code_type"))
            is_ours = code in ALL_CODES or kind in ALL_CODES or (kind in CODE_TYPES and code in ours)
            item = str(piece.number)
            yield from ({"item": item, **each} for each in groups)
            arrangement = str(said.get("negotiation_arrangement"))
            yield {"item": item, "code": code[:40], "type": kind[:40], "arrangement": arrangement[:40], "is_ours": is_ours} | (
                {"refers_to": sorted({each for listed in refers for each in _ids(_value(listed))})} if is_ours else {}
            )
            groups, refers, seen = [], set(), set()
        elif not piece.path and piece.members is not None:
            yield {key: str(piece.members[key])[:200] for key in FILE if key in piece.members} | {
                "plan": piece.members.get("plan_name"),
                "updated": piece.members.get("last_updated_on"),
            }


def _group(said: Any, place: str) -> Iterator[Line]:
    """One provider group without its TIN: the business and its NPIs, the TIN among them where it is one."""
    if not isinstance(said, dict):
        yield {"problem": "a provider group is no object", "place": place}
        return
    tin = said["tin"] if isinstance(said.get("tin"), dict) else {}
    given = said.get("npi")
    npis = [str(each) for each in (given if isinstance(given, list) else [given])]
    if tin.get("type") == "npi":
        npis.append(str(tin.get("value")))
    known = sorted({each for each in npis if re.fullmatch(r"[12]\d{9}", each)})
    business = tin.get("business_name")
    if not isinstance(business, str) or not business.strip() or sum(map(str.isdigit, business)) >= 9:  # so many digits are a TIN again
        business = None
    yield {"npis": known, "business": business and collapsed(business)[:200]}
    if odd := len([each for each in npis if each not in {"0", "None"} and each not in known]):
        yield {"problem": f"{odd} of its NPIs are not ten digits; left out, for they may be tax numbers", "place": place}


def _value(piece: bytes) -> Any:
    try:
        return json.loads(piece, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None


def _texts(said: Any) -> list[str]:
    return [collapsed(each) for each in (said if isinstance(said, list) else [said]) if isinstance(each, str) and each.strip()]


def _ids(said: Any) -> Iterator[str]:
    return map(_id, said if isinstance(said, list) else [])


def _id(said: Any) -> str:
    """A group's number as text, however it is written; some insurers number with decimals.

    >>> _id("690.10"), _id(690.1), _id(7), _id("7.0")
    ('690.1', '690.1', '7', '7')
    """
    text = str(said)
    return format(Decimal(text).normalize(), "f") if re.fullmatch(r"\d{1,18}(\.\d{1,18})?", text) else text[:40]
