"""FHIR R4 provider directories (Da Vinci PDex Plan-Net): searched page by page, exported in bulk, or read from files.

    start: https://…                       # the server's base; or addresses or files that end in .json or .ndjson (gzip too; no zstd)
    resources: [PractitionerRole, …]       # types read whole; default all that listings need. What is referred to and of another type
                                           # comes along by _include where the server offers that, or is asked for by _id; which suits
                                           # a `search:` for the roles of one specialty
    search: {PractitionerRole: {specialty: 225700000X}}     # parameters by type; a list of maps makes several searches; a parameter
                                           # outside a type goes with every search: {_lastUpdated: gt1900-01-01}
    page_size: 100                         # _count
    bulk: true                             # $export instead of searches
    totals: wrong                          # this server's totals and counts are not to be believed; a search ends where its links end
    headers: {Content-Type: application/json}

One listing is one role at one location in one network: _fhir_listings.py. `words: network:` names networks by name or id, `ignore:` leaves
some out; `words: accepting:` adds codes. Tokens: `access:` (scrapers/access.py).

Pages are followed by their next links; a link that drops to http on the same host is asked by https. A search whose link has expired starts
again from its first page, twice at most. What the server says of itself is never believed when it is less than what it referred to: an
empty answer, a total not reached, a search that ends at exactly 10,000, or many references that lead nowhere are no whole visit.
"""

import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit
from zlib import crc32

from scrapers import packed
from scrapers.card import CardMap
from scrapers.formats import _fhir, _fhir_listings, _fhir_pages
from scrapers.formats._fhir import ACCEPTING, AFFILIATION, ROLE, TYPES, Context
from scrapers.formats._fhir_pages import Answer
from scrapers.formats._fhir_whole import Census
from scrapers.reading import Unreadable, advice, problem
from scrapers.records import Evidence, Problem, Refused, Request, Source, SourceUnreadable, Table

KEYS = ("resources", "search", "page_size", "bulk", "totals", "headers")
PAGE_SIZE = 100  # a server in use answers _count=75 with an empty Bundle
RESTARTS = 2
PART = 1024**3  # bytes of answers for each part in which roles are joined, a few hundred thousand at a time
BATCH = 40  # ids asked for at once
BUSY = {"throttled", "timeout", "transient", "lock-error", "too-costly"}  # issue codes of HL7 that may pass
ALONG = {  # what a role refers to → the parameters by which a search brings it along
    "Practitioner": ("practitioner",),
    "Location": ("location",),
    "Organization": ("organization", "network"),
    "HealthcareService": ("service",),
}
BY_ITSELF = re.compile(r"&_include=[^&]*")  # we add it; the address without it is that of the same page
LOOKED_UP = re.compile(r"[?&](_id|participating-organization)=")
REFUSING = {"login", "unknown", "expired", "forbidden", "suppressed", "security"}
FILES = (".json", ".ndjson", ".json.gz", ".ndjson.gz", ".jsonl")


def check(source: Source) -> None:
    """The format names its own fields; searches are of types and parameters."""
    if source.kind != "insurer":
        raise Refused(f"{source.name}: `kind` is {source.kind}; a plan_net source is an insurer's")
    if source.columns:
        raise Refused(f"{source.name}: `columns` has no meaning in the plan_net format, whose fields are fixed; take it off the card")
    card = CardMap(dict(source.options), source.name, None)
    for each in card.texts("resources"):
        if each not in TYPES:
            raise Refused(f"{source.name}, `resources`: {each!r} is not a type that listings need; {advice(each, TYPES)}")
    if ROLE not in _types(source):
        raise Refused(f"{source.name}, `resources`: {ROLE} is missing; without roles there are no listings")
    if packed_ := next((each for each in source.start if urlsplit(each).path.lower().endswith(".zst")), None):
        raise Refused(
            f"{source.name}: `start` names {packed_}, packed by zstd, which is not read here; unpack it (zstd -d) and name that file"
        )
    card.number("page_size", 1, 10_000, whole=True, otherwise=PAGE_SIZE)
    if not isinstance(source.options.get("bulk", False), bool):
        card.refuse("bulk", "true or false")
    if source.options.get("totals", "wrong") != "wrong":
        card.refuse("totals", "wrong, or no such key")
    headers = card.map("headers")
    for name in headers.content:
        headers.text(name, required=True)
    for kind in card.map("search").content:
        if kind[:1].isupper() and kind not in TYPES:
            raise Refused(f"{source.name}, `search`: {kind!r} is not a type that listings need; {advice(kind, TYPES)}")
    for kind in _types(source):
        _searches(source, kind)
    if len(source.start) > 1 and not all(_is_file(each) for each in source.start if "://" in each):
        raise Refused(f"{source.name}: `start` names {len(source.start)} servers; make a card for each")


def requests(source: Source) -> list[Request]:
    """The server's own statement of what it offers; an export; or the files."""
    asked = []
    for start in source.start:
        if _is_file(start):
            is_lines = "ndjson" in start or start.endswith(".jsonl")
            expects = "any" if start.endswith(".gz") else "ndjson" if is_lines else "json"
            asked.append(Request(url=start, expects=expects, is_leaf=True, headers=_headers(source)))
        elif source.options.get("bulk"):
            query = urlencode({"_type": ",".join(_types(source)), "_outputFormat": "application/fhir+ndjson"}, safe=",", quote_via=quote)
            headers = {"Accept": "application/fhir+json", **_headers(source), "Prefer": "respond-async"}
            asked.append(Request(url=f"{start.rstrip('/')}/$export?{query}", expects="json", waits=True, headers=headers))
        else:
            asked.append(Request(url=f"{start.rstrip('/')}/metadata", expects="json", headers=_headers(source)))
    return asked


def follow(page: Evidence, source: Source) -> list[Request]:
    """The first pages, once the server has said what it offers; the next page; what the roles of this one refer to."""
    try:
        answer = _fhir_pages.answer(json.loads(page.body.decode("utf-8-sig")))
    except (ValueError, RecursionError) as reason:
        told = reason if isinstance(reason, Unreadable) else "no JSON"
        raise SourceUnreadable(f"{source.name}: {page.url} begins with {page.body[:20]!r}, {told}; expected FHIR as JSON") from None
    if answer.offers is not None:
        return _first_pages(page, answer, source)
    if answer.files is not None:
        return _exported(page, answer, source)
    search, turn = _search_of(page.url)
    is_first = not search or _is_first(page.url.partition("#")[0], search, source)
    refusal = _refusal(page, answer, source)
    if refusal and is_first:
        if search and page.url.partition("#")[0] != _first(source, search).url:  # it may be what we asked to have along
            return [_first(source, search)]
        raise refusal
    if not search and LOOKED_UP.search(page.url):
        return _lookups(answer, source)
    if not search:
        raise SourceUnreadable(f"{source.name}: {page.url} is no CapabilityStatement; check that `start:` is the base of a FHIR server")
    if refusal:
        return _again(source, search, turn, str(refusal))
    if is_first and search == ROLE and len(_searches(source, ROLE)) == 1 and not answer.resources and not answer.next:
        raise _empty(source, page.url)
    return [*_next(page, answer, search, turn, source), *_lookups(answer, source)]


def instead(lost: Request, source: Source, reason: SourceUnreadable) -> list[Request] | None:
    """Where the link to a later page has died, its search from the first page; nothing, where a type is not there to be looked up."""
    search, turn = _search_of(lost.name)
    kind = urlsplit(lost.url).path.rsplit("/", 1)[-1]
    if reason.failure not in {"gone", "changed_shape"} or not (search or (LOOKED_UP.search(lost.url) and kind in TYPES)):
        return None
    if not search:  # what refers to it is a problem of its own, and many such are no whole visit
        if reason.failure == "gone":
            return []
        how = (LOOKED_UP.search(lost.url) or [""] * 2)[1]
        raise SourceUnreadable(f"{reason}, and list {kind} under `resources:` if the server has no search by {how}", reason.failure)
    if _is_first(lost.url, search, source):
        if lost.url != _first(source, search).url:
            return [_first(source, search)]
        raise SourceUnreadable(f"{reason}, and give the parameters that the server needs under `search:`", reason.failure)
    return _again(source, search, turn, str(reason))


def complete(pages: Iterable[Evidence], source: Source) -> str | None:
    """Why a visit is not whole: less came than the server counted, or than its own roles refer to. None where nothing says so."""
    census = Census(_bases(source), _types(source))
    for page in pages:
        for _, answer in answers_of(page):
            if not isinstance(answer, Unreadable):  # stated as a problem when the snapshot is read
                census.take(page.url, *_search_of(page.url), answer)
    if not census.has_roles:
        raise _empty(source, source.start[0])
    return census.lack(trusts_totals="totals" not in source.options)


def snapshot_tables(pages: Sequence[Evidence], source: Source, folder: Path) -> Iterator[Table | Problem]:
    """All that a visit brought as flat files, and the SELECT that joins them; every row of it names its own evidence."""
    means = ACCEPTING | dict(source.words.get("accepting", {}))
    parts = [f"role-{number}" for number in range(1 + sum(page.byte_count for page in pages) // PART)]
    with ExitStack() as stack:
        names = [*parts, *(name for name in _fhir_listings.FILES if name != "role")]
        files = {name: stack.enter_context((folder / f"{name}.ndjson").open("w", encoding="utf-8")) for name in names}
        for page in pages:
            day = re.search(r"@(\d{4}-\d\d-\d\d)-", page.snapshot_id)
            today = day[1] if day else page.fetched_at.date().isoformat()
            for row in _rows_of(page, Context(today, means, _bases(source))):
                if isinstance(row, Problem):
                    yield row
                    continue
                line = json.dumps(row | {"evidence": page.id}) + "\n"
                for name in _fhir_listings.FILES_OF[row["kind"]]:
                    files[parts[crc32(row["key"].encode()) % len(parts)] if name == "role" else name].write(line)
    for name in parts:
        yield Table(path=folder / f"{name}.ndjson", select=_fhir_listings.select(source, folder))


# Searches --------------------------------------------------------------------------------------------------------


def _types(source: Source) -> tuple[str, ...]:
    given = source.options.get("resources") or TYPES
    return (given,) if isinstance(given, str) else tuple(given)


def _searches(source: Source, kind: str) -> list[list[tuple[str, str]]]:
    """The parameters of each search for a type."""
    card = CardMap(source.options.get("search", {}), f"{source.name}, `search`", None)
    of_all = _parameters({name: value for name, value in card.content.items() if name not in TYPES}, card.where)
    own = card.content.get(kind)
    return [of_all + _parameters(each, f"{card.where}, `{kind}`") for each in (own if isinstance(own, list) and own else [own or {}])]


def _parameters(given: Any, where: str) -> list[tuple[str, str]]:
    card = CardMap(given, where, None)
    return [(name, value) for name in card.content for value in card.texts(name)]


def _first(source: Source, search: str, turn: int = 0) -> Request:
    """The first page of a search: "PractitionerRole", or "PractitionerRole 2" for the second of that type."""
    kind, _, number = search.partition(" ")
    size = ("_count", str(source.options.get("page_size", PAGE_SIZE)))
    return _request(
        source, kind, [size, *_searches(source, kind)[int(number or 1) - 1]], label=f"{search}, again {turn}" if turn else search
    )


def _request(source: Source, kind: str, query: list[tuple[str, str]], **more: Any) -> Request:
    url = f"{source.start[0].rstrip('/')}/{kind}?{urlencode(query, safe=':/,', quote_via=quote)}"
    return Request(url=url, expects="json", headers=_headers(source), **more)


def _search_of(name: str) -> tuple[str, int]:
    """The search that a page belongs to, and for the how-manieth time: from its label, or after a redirect from its address."""
    url, _, label = name.partition("#")
    search, _, turn = label.partition(", again ")
    kind = urlsplit(url).path.rsplit("/", 1)[-1]
    return search or (kind if kind in TYPES and not LOOKED_UP.search(url) else ""), int(turn or 0)


def _is_first(url: str, search: str, source: Source) -> bool:
    return BY_ITSELF.sub("", url) == BY_ITSELF.sub("", _first(source, search).url)


def _first_pages(page: Evidence, statement: Answer, source: Source) -> list[Request]:
    offered: Collection[str] = statement.offers or ()
    if ROLE not in offered:
        raise SourceUnreadable(f"{source.name}: {page.url} offers no {ROLE} of FHIR 4, but {len(offered)} other types; check `start:`")
    kinds = [kind for kind in _types(source) if kind in offered]
    numbers = [(kind, number) for kind in kinds for number in range(1, len(_searches(source, kind)) + 1)]
    asked = [_first(source, kind if number == 1 else f"{kind} {number}") for kind, number in numbers]
    names = [f"{ROLE}:{name}" for kind in _looked_up(source) for name in ALONG[kind]]
    along = "".join(f"&_include={name}" for name in names if name in statement.includes)
    return [
        replace(each, url=each.url + along) if each.label.split(" ")[0] == ROLE and "_include=" not in each.url else each for each in asked
    ]


def _next(page: Evidence, answer: Answer, search: str, turn: int, source: Source) -> list[Request]:
    """The page behind the next link, by https where this page came by it."""
    if not answer.next:
        return []
    here = page.url.partition("#")[0]
    try:
        link = urljoin(here, answer.next)
        ours, theirs = urlsplit(here), urlsplit(link)
        if (ours.scheme, theirs.scheme) == ("https", "http") and ours.hostname == theirs.hostname and theirs.port in {None, 80, ours.port}:
            link = urlunsplit(theirs._replace(scheme="https", netloc=ours.netloc))
    except ValueError:
        raise SourceUnreadable(f"{source.name}: {here} has a next link that is no address, {answer.next[:80]!r}", "moved") from None
    return [Request(url=link, expects="json", headers=_headers(source), label=f"{search}, again {turn}" if turn else search)]


def _again(source: Source, search: str, turn: int, reason: str) -> list[Request]:
    if turn >= RESTARTS:
        raise SourceUnreadable(
            f"{source.name}: {search} broke off {turn + 1} times, the last time so: {reason.removeprefix(source.name + ': ')}", "partial"
        )
    return [_first(source, search, turn + 1)]


def _lookups(answer: Answer, source: Source) -> list[Request]:
    """By _id, what this page refers to and does not bring, of types that are not searched for themselves."""
    context = Context("9999", dict(ACCEPTING), _bases(source))
    here: set[str] = set()
    referred: set[str] = set()
    bare: set[str] = set()  # organizations of roles that name no network: theirs are named by affiliations
    for where, resource in answer.resources:
        try:
            for row in _fhir.rows(where, resource, context):
                here.add(row["key"])
                referred.update(_fhir.references(row))
                if row["kind"] == ROLE and not row["networks"]:
                    bare.add(row["organization"] or "")
        except Unreadable:
            continue  # stated as a problem when the snapshot is read
    ids = {kind: sorted(key.partition("/")[2] for key in referred - here if key.startswith(f"{kind}/")) for kind in _looked_up(source)}
    whose = sorted(each for each in bare if each.startswith("Organization/") and "#" not in each and AFFILIATION not in _types(source))
    affiliations = [
        _request(
            source, AFFILIATION, [("participating-organization", ",".join(whose[at : at + BATCH])), ("_count", "1000")], is_shared=True
        )
        for at in range(0, len(whose), BATCH)
    ]
    return affiliations + [
        _request(source, kind, [("_id", ",".join(of_kind[at : at + BATCH])), ("_count", str(PAGE_SIZE))], is_leaf=True)
        for kind, of_kind in ids.items()
        for at in range(0, len(of_kind), BATCH)
    ]


def _looked_up(source: Source) -> list[str]:
    return [kind for kind in TYPES if kind not in (*_types(source), ROLE, AFFILIATION)]


def _refusal(page: Evidence, answer: Answer, source: Source) -> SourceUnreadable | None:
    """What the server says went wrong with the search as a whole."""
    for severity, code, words in answer.outcomes:
        if severity in {"fatal", "error"}:
            failure = "busy" if code in BUSY else "login_wall" if code in REFUSING else "partial" if answer.resources else "changed_shape"
            return SourceUnreadable(f"{source.name}: {page.url} answers with an error, {code or 'of no code'}: {words}", failure)
    return None


def _empty(source: Source, url: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{source.name}: {url.partition('#')[0]} gave no {ROLE}; an empty answer is not an empty directory: try another `page_size:`, "
        "or the `search:` that this server needs",
        "empty",
    )


# Exports ---------------------------------------------------------------------------------------------------------


def _exported(page: Evidence, answer: Answer, source: Source) -> list[Request]:
    """The files of an export, and those in which the server says what it could not export."""
    if answer.needs_token and "access" not in source.options:
        raise SourceUnreadable(
            f"{source.name}: {page.url} gives its files to holders of a token only; say `access:` on the card", "login_wall"
        )
    wanted = [url for kind, url, _ in answer.files or () if kind in (*_types(source), "OperationOutcome")]
    if ROLE not in {kind for kind, _, _ in answer.files or ()}:
        raise _empty(source, page.url)
    return [
        Request(url=urljoin(page.url, each), expects="ndjson", is_leaf=True, headers=_headers(source)) for each in dict.fromkeys(wanted)
    ]


# Evidence --------------------------------------------------------------------------------------------------------


def answers_of(page: Evidence) -> Iterator[tuple[int, Answer | Unreadable]]:
    """What a page or a file says, line by line where it has one document to a line."""
    if page.body and not page.body.startswith((packed.GZIP, packed.ZIP)):
        yield from _fhir_pages.answers(io.BytesIO(page.body), page.url)
        return
    for _, body in packed.members(page.path):
        yield from _fhir_pages.answers(body, page.url)


def _rows_of(page: Evidence, context: Context) -> Iterator[_fhir.Row | Problem]:
    for line, answer in answers_of(page):
        if isinstance(answer, Unreadable):
            yield problem(page.id, f"line {line}", answer, "")
            continue
        for severity, code, words in answer.outcomes:
            if severity != "information":
                yield problem(page.id, f"line {line}", f"the server says: {severity} {code}".rstrip(), words)
        named = {where: key for where, each in answer.resources if where and (key := _fhir.key_of(where, each))}
        for number, (where, resource) in enumerate(answer.resources, 1):
            try:
                yield from _fhir.rows(where, resource, replace(context, named=named))
            except Unreadable as reason:
                place = _fhir.key_of(where, resource) or f"line {line} entry {number}"
                yield problem(page.id, place, reason, json.dumps(resource))


def _headers(source: Source) -> dict[str, str]:
    return dict(source.options.get("headers", {}))


def _bases(source: Source) -> tuple[str, ...]:
    return tuple(each.rstrip("/") for each in source.start if "://" in each)


def _is_file(start: str) -> bool:
    return urlsplit(start).path.lower().endswith(FILES)
