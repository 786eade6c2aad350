"""A Plan-Net server on loopback that does, switch by switch, what servers in use were seen to do. Its directory is invented."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.scrapers.fhir_resources import TYPES, Resource, directory, made, practitioner
from tests.scrapers.site import serving

FAULTS = {
    # what it says of a search
    "empty": "answers every search with an empty Bundle",
    "total_absent": "states no total",
    "total_wrong": "counts more than it gives",
    "total_of_page": "states the size of the page as the total",
    "total_clamped": "counts to 10,000 and no further, and gives all",
    "window": "counts to 10,000 and gives no more",
    "loses_a_page": "its third page of roles is empty, with a next link",
    "stops_early": "its second page of roles has no next link",
    # how it pages
    "loop": "the third page of roles leads back to the first",
    "next_itself": "the second page of roles leads to itself",
    "stuck": "answers every offset with the first page, and a link to a further one",
    "overlap": "each page begins with the last five resources of the page before",
    "other_host": "next links lead to another host",
    "no_address": "next links are no address",
    "opaque": "next links are cursors that do not name the type",
    "page_size": "gives seven at a time, whatever was asked for",
    "count_75": "answers _count=75 with an empty Bundle",
    "needs_search": "refuses a search without a parameter",
    "cursor_dies": "cursors expire once, in the middle of the roles",
    "cursor_always_dies": "no cursor lives to the fourth page of roles",
    "cursor_dies_politely": "an expired cursor is an OperationOutcome with status 200",
    # how it refuses
    "429": "asks us to slow down, once per page",
    "403_retry": "quota as 403 with Retry-After, once per page",
    "403_outcome": "quota as 403 with an OperationOutcome, once per page",
    "403": "turns programs away",
    "504": "every other answer is a gateway's time-out",
    "504_always": "every answer but the first three is a gateway's time-out",
    "needs_token": "wants a Subject-Token, which dies after 15 minutes; a minute passes with each request",
    "token_dies_early": "its tokens die after 5 minutes",
    "token_never_good": "its tokens are never accepted",
    "needs_oauth": "wants a bearer token given to registered clients",
    # what it sends
    "xml": "answers in XML",
    "xml_later": "answers in XML from the second page on",
    "warning": "an OperationOutcome among the entries warns",
    "error_entry": "an OperationOutcome among the entries says that a part is missing",
    "error_status_200": "an OperationOutcome instead of a Bundle",
    "other_types": "gives Endpoints and Practitioners where roles were asked for",
    "absolute": "references are absolute, with another scheme, and versioned",
    "duplicates": "every resource stands on two pages",
    "no_practitioner_role": "its statement offers no roles",
    "no_affiliations": "its statement offers no OrganizationAffiliation, and a search for it is 404",
    "no_organizations": "has no Organization: its statement does not offer them, and a search for them is 404",
    "ids_by_ten": "gives ten at most of the ids asked for, and a next link",
    "no_ids": "refuses searches by _id",
    "includes": "says that roles bring along what they refer to, and does it",
    "includes_ignored": "says so and does not",
    "includes_refused": "says so, and refuses to when asked",
    "includes_complain": "says so, and answers with an OperationOutcome of status 200",
    # exports
    "export_empty": "the manifest names no files",
    "export_short": "a file has fewer lines than the manifest says",
    "export_error": "a part could not be exported",
    "export_token": "the files are for holders of a token",
}


@dataclass
class Server:
    """What it has, what is wrong with it, and what it was asked."""

    resources: list[Resource]
    faults: frozenset[str]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    time: datetime = datetime(2026, 11, 22, 18, tzinfo=UTC)  # of its clock, which the client may share
    tokens: dict[str, datetime] = field(default_factory=dict)  # → when it was given
    in_flight: int = 0
    most_in_flight: int = 0
    _said: dict[str, int] = field(default_factory=dict)
    _cursors: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"{self.url}/fhir"

    def has(self, *faults: str) -> bool:
        return bool(self.faults.intersection(faults))

    def clock(self) -> datetime:
        return self.time

    def times(self, what: str) -> int:
        """How often this was asked before."""
        self._said[what] = self._said.get(what, 0) + 1
        return self._said[what] - 1

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(path)
        query = {name: " ".join(values) for name, values in parse_qs(url.query).items()}
        self.time += timedelta(minutes=1)
        if url.path == "/robots.txt":
            return 404, {}, b""
        if url.path == "/token":
            return self._token(headers, body)
        if refused := self._refusal(path, headers):
            return refused
        if self.has("xml") or (self.has("xml_later") and "_offset" in query):
            return 200, {"Content-Type": "application/fhir+xml"}, b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>'
        if url.path == "/fhir/metadata":
            return self._statement()
        if url.path == "/fhir/$export" or url.path.startswith("/bulk"):
            return self._export(url.path, headers)
        kind = url.path.rsplit("/", 1)[-1]
        if url.path == "/fhir" and "_cursor" in query:
            kind, offset, size = self._cursors[query["_cursor"]].split()
            return self._search(kind, {"_offset": offset, "_count": size})
        if kind not in TYPES or not self._has(kind):
            return 404, {}, b"{}"
        return self._search(kind, query)

    def _refusal(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes] | None:
        turn = self.times(path)
        if self.has("needs_token", "needs_oauth"):
            given = headers.get("Subject-Token") if self.has("needs_token") else headers.get("Authorization", "").removeprefix("Bearer ")
            lives = timedelta(minutes=5 if self.has("token_dies_early") else 15)
            born = self.tokens.get(given or "")
            if born is None or self.time - born >= lives or self.has("token_never_good"):
                return 401, {}, outcome("error", "expired", "token expired")
        if self.has("429") and turn == 0:
            return 429, {"Retry-After": "1"}, b""
        if self.has("403_retry") and turn == 0:
            return 403, {"Retry-After": "1"}, b""
        if self.has("403_outcome") and turn == 0:
            return 403, {}, outcome("error", "throttled", "quota exceeded")
        if self.has("403") and "/metadata" not in path:
            return 403, {}, b"{}"
        if (self.has("504") and turn == 0) or (self.has("504_always") and len(self.asked) > 4):
            return 504, {}, b""
        return None

    def _token(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self.has("needs_oauth") and "Basic" not in headers.get("Authorization", ""):
            return 401, {}, b"{}"
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = self.time
        return 200, {}, json.dumps({"access_token": token} | ({"asked": body.decode()} if body else {})).encode()

    def _statement(self) -> tuple[int, dict[str, str], bytes]:
        along = [f"PractitionerRole:{name}" for name in ("practitioner", "location", "organization")]  # networks it does not
        includes = {"searchInclude": along} if any(fault.startswith("includes") for fault in self.faults) else {}
        offered = [
            {"type": kind, **(includes if kind == "PractitionerRole" else {})}
            for kind in TYPES
            if not (kind == "PractitionerRole" and self.has("no_practitioner_role")) and self._has(kind)
        ]
        return said({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": offered}]})

    def _has(self, kind: str) -> bool:
        return not (
            (kind == "OrganizationAffiliation" and self.has("no_affiliations")) or (kind == "Organization" and self.has("no_organizations"))
        )

    def _search(self, kind: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        size, offset = int(query.get("_count", 10)), int(query.get("_offset", 0))
        if self.has("needs_search") and not set(query) - {"_count", "_offset"}:
            return 400, {}, outcome("error", "required", "a search parameter is required")
        if self.has("error_status_200"):
            return 200, {}, outcome("error", "processing", "the index is being built")
        found = [each for each in self.resources if each["resourceType"] == kind]
        if "_id" in query:
            if self.has("no_ids"):
                return 400, {}, outcome("error", "not-supported", "_id")
            size = 10 if self.has("ids_by_ten") else size
            found = [each for each in found if each["id"] in query["_id"].split(",")]
        if "_include" in query and self.has("includes_refused"):
            return 400, {}, outcome("error", "not-supported", "_include")
        if "_include" in query and self.has("includes_complain"):
            return 200, {}, outcome("error", "not-supported", "_include")
        if "participating-organization" in query:
            whose = query["participating-organization"].split(",")
            found = [each for each in found if each["participatingOrganization"]["reference"] in whose]
        if "specialty" in query:
            found = [each for each in found if query["specialty"] in json.dumps(each.get("specialty"))]
        if self.has("empty") or (self.has("count_75") and size == 75):
            found = []
        size = 7 if self.has("page_size") else size
        page, is_role = offset // size, kind == "PractitionerRole"
        if is_role and page >= 2 and self._is_dead(page):
            if self.has("cursor_dies_politely"):
                return 200, {}, outcome("error", "not-found", "the cursor has expired")
            return 410, {}, outcome("error", "not-found", "the cursor has expired")
        start = 0 if self.has("stuck") and is_role else max(0, offset - 5) if self.has("overlap") else offset
        shown = found[start : offset + size] if not self.has("stuck") else found[:size]
        if self.has("window"):
            shown, found = found[start : min(offset + size, 10_000)], found[:10_000]
        if self.has("duplicates"):
            shown = found[max(0, offset - size) : offset + size]
        following = offset + size if offset + size < len(found) or (self.has("stuck") and is_role) else None
        if is_role and self.has("loses_a_page") and page == 2:
            shown = []
        if is_role and self.has("stops_early") and page == 1:
            following = None
        link = self._link(kind, query, size, following) if following is not None else None
        if is_role and link and self.has("loop") and page == 2:
            link = f"{self.base}/{kind}?{urlencode(query | {'_offset': '0'})}" if query.get("_offset") is None else self._start(kind, query)
        if is_role and link and self.has("next_itself") and page == 1:
            link = f"{self.base}/{kind}?{urlencode(query)}"
        entries = [{"fullUrl": f"{self.base}/{each['resourceType']}/{each['id']}", "resource": self._sent(each)} for each in shown]
        if "_include" in query and self.has("includes"):
            wanted = {key for name in query["_include"].split() for each in shown for key in self._referred(each, name.partition(":")[2])}
            entries += [
                {"resource": each, "search": {"mode": "include"}}
                for each in self.resources
                if f"{each['resourceType']}/{each['id']}" in wanted
            ]
        if is_role and self.has("other_types"):
            entries += [{"resource": made("Endpoint", f"e{offset}")}, {"resource": practitioner(offset)}]
        if is_role and self.has("warning", "error_entry") and page == 1:
            grave = "error" if self.has("error_entry") else "warning"
            entries.append(
                {"resource": json.loads(outcome(grave, "incomplete", "one shard did not answer")), "search": {"mode": "outcome"}}
            )
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
        bundle["link"] = [{"relation": "self", "url": "…"}] + ([{"relation": "next", "url": link}] if link else [])
        if not self.has("total_absent"):
            bundle["total"] = self._total(len(found), len(shown))
        return said(bundle)

    def _referred(self, resource: Resource, name: str) -> list[str]:
        many = resource.get(name) or []
        return [each["reference"] for each in (many if isinstance(many, list) else [many])]

    def _is_dead(self, page: int) -> bool:
        if self.has("cursor_always_dies"):
            return page == 3
        return self.has("cursor_dies", "cursor_dies_politely") and self.times("cursor") == 0

    def _total(self, count: int, on_page: int) -> int:
        if self.has("total_wrong"):
            return count + 500
        if self.has("total_of_page"):
            return on_page
        return min(count, 10_000) if self.has("total_clamped", "window") else count

    def _start(self, kind: str, query: dict[str, str]) -> str:
        return f"{self.base}/{kind}?{urlencode({name: value for name, value in query.items() if name != '_offset'})}"

    def _link(self, kind: str, query: dict[str, str], size: int, offset: int) -> str:
        if self.has("no_address"):
            return "http://[::1/fhir"
        host = "http://elsewhere.example/fhir" if self.has("other_host") else self.base
        if self.has("opaque", "cursor_dies", "cursor_always_dies", "cursor_dies_politely"):
            cursor = f"c{len(self._cursors)}"
            self._cursors[cursor] = f"{kind} {offset} {size}"
            return f"{host}?_cursor={cursor}"
        return f"{host}/{kind}?{urlencode(query | {'_offset': str(offset)})}"

    def _sent(self, resource: Resource) -> Resource:
        if not self.has("absolute"):
            return resource
        written = json.dumps(resource)
        for kind in TYPES:
            written = written.replace(f'"reference": "{kind}/', f'"reference": "{self.base.replace("http:", "https:")}/{kind}/')
        sent: Resource = json.loads(written)
        return sent

    def _export(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path == "/fhir/$export":
            if headers.get("Prefer") != "respond-async":
                return 400, {}, outcome("error", "required", "Prefer: respond-async")
            return 202, {"Content-Location": f"{self.url}/bulk/status"}, b""
        if path == "/bulk/status":
            if self.times("status") < 2:
                return 202, {"Retry-After": "1", "X-Progress": "half"}, b""
            output = [
                {"type": kind, "url": f"{self.url}/bulk/{kind}.ndjson", "count": len(self._of(kind))} for kind in TYPES if self._of(kind)
            ]
            error = [{"type": "OperationOutcome", "url": f"{self.url}/bulk/errors.ndjson"}] if self.has("export_error") else []
            manifest = {"transactionTime": "2026-11-22T00:00:00Z", "request": "…", "requiresAccessToken": self.has("export_token")}
            return said(manifest | {"output": [] if self.has("export_empty") else output, "error": error})
        if path == "/bulk/errors.ndjson":
            return 200, {}, outcome("error", "exception", "three roles could not be exported") + b"\n"
        lines = self._of(path.removeprefix("/bulk/").removesuffix(".ndjson"))
        lines = lines[:-1] if self.has("export_short") and "Role" in path else lines
        return 200, {"Content-Type": "application/fhir+ndjson"}, b"\n".join(json.dumps(each).encode() for each in lines) + b"\n"

    def _of(self, kind: str) -> list[Resource]:
        return [each for each in self.resources if each["resourceType"] == kind]


def outcome(severity: str, code: str, words: str) -> bytes:
    issue = {"severity": severity, "code": code, "diagnostics": words}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def said(resource: Resource) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/fhir+json"}, json.dumps(resource).encode()


@contextmanager
def served(*faults: str, resources: list[Resource] | None = None) -> Iterator[Server]:
    """The server on a free port, with these of its FAULTS."""
    unknown = set(faults) - set(FAULTS)
    assert not unknown, f"no such fault: {unknown}"
    server = Server(copy.deepcopy(directory() if resources is None else resources), frozenset(faults))
    guard = threading.Lock()

    def answered(handler: BaseHTTPRequestHandler, find: Callable[..., tuple[int, dict[str, str], bytes]]) -> None:
        with guard:
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
            server.asked.append(handler.path)
            server.headers.append(dict(handler.headers.items()))
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        status, headers, body = find(handler.path, dict(handler.headers.items()), content)
        with guard:
            server.in_flight -= 1
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body leave together

        def do_GET(self) -> None:
            answered(self, server.answer)

        def do_POST(self) -> None:
            answered(self, server.answer)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as server.url:
        yield server
