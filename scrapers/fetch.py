"""The one polite client: robots.txt obeyed, an honest name, one request in flight and a pace per host, a budget, and no tricks.

It answers with a page that is what was asked for, already kept, or with one sentence why not. Every attempt is in the manifest either way.
"""

import hashlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from random import SystemRandom
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urljoin

import httpx

from scrapers import access, answers
from scrapers.access import Pass
from scrapers.answers import Fault, Lines, is_packed
from scrapers.blobs import Draft
from scrapers.evidence import Attempt, Capture
from scrapers.hosts import AGENT, Limits, Rules, address, host_of, may_follow, permit
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable

ATTEMPTS = 5
PASSING = {429, 500, 502, 503, 504}  # statuses that another attempt may heal
MOVED = {301, 302, 303, 307, 308}
REDIRECTS = 5
LONGEST_WAIT = 600  # seconds we are willing to be told to wait
LONGEST_DEBT = 86_400  # seconds that being told to wait is remembered
LONGEST_EXPORT = 4 * 3600  # seconds a server may take to have an export ready
POLL = 10  # seconds between questions whether it is, where the server does not say
ROBOTS_LIFE = timedelta(hours=24)  # RFC 9309 §2.4: what was read a day ago is read again
ASKS_WHO = "a directory must be readable without an account; where its publisher hands tokens to anybody, say how under `access:`"
ROBOTS = "robots.txt"  # what a request for a robots.txt expects; RFC 9309 §2.5 asks to read 500 KiB, we read 1 MB
CHANCE = SystemRandom()
QUOTA = re.compile(rb'"throttled"|\bquota\b|rate.?limit|too many requests', re.IGNORECASE)
ACCEPT = {
    "json": "application/json, application/fhir+json, */*;q=0.5",
    "ndjson": "application/fhir+ndjson, application/x-ndjson, application/ndjson, */*;q=0.5",
    "html": "text/html, application/xhtml+xml, */*;q=0.5",
    "csv": "text/csv, text/plain;q=0.9, */*;q=0.5",
    "text": "text/plain, */*;q=0.5",
}


class Unavailable(SourceUnreadable):
    """The source could not be read for now; the visit may be resumed."""


class _Cut(Exception):
    """We stopped reading a body; the fault says why."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class Body(Protocol):
    """Where the bytes of an answer go."""

    head: bytes
    byte_count: int

    def write(self, chunk: bytes) -> None: ...


@dataclass(slots=True)
class Unkept:
    """An answer held in memory and never written down: it carries a token."""

    head: bytes = b""
    byte_count: int = 0

    def write(self, chunk: bytes) -> None:
        self.head += chunk
        self.byte_count += len(chunk)


@dataclass(slots=True, kw_only=True)
class Came:
    """What came back from one request, its body aside."""

    asked_at: datetime
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    whole: tuple[str, int] | None = None  # SHA-256 and bytes of all that came, where only a part was taken


class Host:
    """One host: asked by one thread at a time, and not before `free_at` (monotonic seconds)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.free_at = 0.0

    def rest(self, seconds: float) -> None:
        self.free_at = max(self.free_at, time.monotonic() + seconds)


HOSTS: dict[str, Host] = {}  # of this process: two visits to one host share its pace


def now() -> datetime:
    return datetime.now(UTC)


def silent(_: str) -> None:
    """Say nothing."""


class Client:
    """`contact`: whom a site's keeper may write to; `secrets`: "id:secret" by the name a card's `access: secret:` gives.

    Clock, sleep and the time limit of one response are settable for tests.
    """

    def __init__(
        self,
        contact: str,
        *,
        secrets: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], None] = time.sleep,
        seconds_per_response: float | None = None,
    ) -> None:
        if not (contact.strip() and contact.isascii() and contact.isprintable()):
            raise Refused(f"the contact named to the sites we ask is {contact!r}; give an e-mail address or a URL in plain ASCII")
        try:
            release = version("rollcall")
        except PackageNotFoundError:  # a checkout that was not installed
            release = "0"
        self.user_agent = f"{AGENT}/{release} (+provider directory audit; contact: {contact.strip()})"
        self._clock, self._sleep, self._seconds = clock, sleep, seconds_per_response
        self._secrets = secrets or {}
        self._passes: dict[str, Pass] = {}
        self._rules: dict[tuple[str, str], Rules] = {}
        self._http = httpx.Client(
            headers={"User-Agent": self.user_agent, "Accept-Encoding": "gzip, deflate"},
            timeout=httpx.Timeout(60, connect=20, read=min(60, seconds_per_response or 60)),
            mounts={f"all://{name}": None for name in ("127.0.0.1", "localhost", "[::1]")},  # no proxy stands before loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def fetch(self, request: Request, source: Source, capture: Capture, say: Callable[[str], None] = silent) -> Evidence:
        """The page, kept; redirects followed. SourceUnreadable (Unavailable, when it may pass) in one sentence otherwise."""
        url = address(source, request.url)
        for _ in range(REDIRECTS + 1):
            target = None if request.form is not None else capture.moved(url)  # known when a killed visit is resumed
            if target is None:
                permit(source, url)
                pause, verdict = Limits.of(source).pause_seconds, None
                if request.expects != ROBOTS:
                    rules = self._robots(url, source, capture, say)
                    verdict = self._obey(rules, url, source, capture)
                    pause = max(pause, rules.crawl_delay)
                    _budget(replace(request, url=url).name, source, capture)
                answer = self._ask(url, request, source, capture, pause, verdict, say)
                if isinstance(answer, Evidence):
                    return answer
                target = answer
            may_follow(url, target, request, source)
            if kept := capture.kept(target):
                return kept
            url = target
            request = replace(request, form=None, label="")  # a form is answered by the page it leads to
        raise SourceUnreadable(
            f"{source.name}: {request.url} redirects more than {REDIRECTS} times; "
            "open it in a browser and put the address it ends at under `start:`",
            "moved",
        )

    def _robots(self, url: str, source: Source, capture: Capture, say: Callable[[str], None]) -> Rules:
        """What the host's robots.txt asks, read once in a visit."""
        where = urljoin(url, "/robots.txt")
        key = (str(capture.folder), where)
        if key not in self._rules or self._clock() - self._rules[key].read_at > ROBOTS_LIFE:
            kept = capture.robots_kept(where)
            if kept is None or self._clock() - kept.fetched_at > ROBOTS_LIFE:
                kept = self.fetch(Request(url=where, expects=ROBOTS), source, capture, say)
            self._rules[key] = rules = Rules.read(kept)
            HOSTS.setdefault(host_of(where), Host()).rest(min(rules.crawl_delay, LONGEST_WAIT))
            if rules.crawl_delay > LONGEST_WAIT:
                raise SourceUnreadable(
                    f"{source.name}: {where} asks for {rules.crawl_delay:.0f} s between requests, more than we wait "
                    f"({LONGEST_WAIT} s); ask the publisher for a file",
                    "robots",
                )
        return self._rules[key]

    def _obey(self, rules: Rules, url: str, source: Source, capture: Capture) -> str:
        verdict = rules.verdict(url)
        if verdict.startswith("allowed"):
            return verdict
        at = self._clock()
        attempt = Attempt(url=url, asked_at=at, fetched_at=at, robots=verdict)
        capture.failed(attempt, verdict, outcome="refused_by_robots", failure="robots")
        raise SourceUnreadable(
            f"{source.name}: {urljoin(url, '/robots.txt')} asks programs to stay away from {url}; we obey: "
            "ask the publisher for leave or for a file",
            "robots",
        )

    def _ask(
        self, url: str, request: Request, source: Source, capture: Capture, pause: float, verdict: str | None, say: Callable[[str], None]
    ) -> Evidence | str:
        """One page: its evidence, or where it redirects to. Passing failures are asked again, five times in all."""
        host = HOSTS.setdefault(host_of(url), Host())
        turn, renewed, until = 0, False, time.monotonic() + LONGEST_EXPORT
        while True:
            turn += 1
            token = self._pass(url, source, capture, say) if request.expects != ROBOTS else {}
            with self._turn(host, url, source, capture, say), capture.draft() as draft:
                came = self._exchange(url, request, source, draft, token)
                host.rest(pause)
                attempt = Attempt(
                    url=replace(request, url=url).name,
                    asked=request.name,
                    asked_at=came.asked_at,
                    fetched_at=self._clock(),
                    status=came.status,
                    headers=came.headers,
                    robots=verdict,
                    method="GET" if request.form is None else "POST",
                    whole=came.whole,
                )
                wrong = came.fault or _fault(request, source, came, draft)
                if wrong is None and (onward := _onward(request, came)):
                    try:
                        target = address(source, onward, url)
                    except SourceUnreadable as nowhere:
                        capture.failed(attempt, str(nowhere), draft, failure="moved")
                        raise
                    if target != url or not request.waits:
                        capture.redirected(attempt, target, draft)
                        return target
                if wrong is None and request.waits and came.status == 202:
                    if time.monotonic() > until:
                        raise Unavailable(
                            f"{source.name}: {url} is not ready after {LONGEST_EXPORT // 3600} hours; run again later", "busy"
                        )
                    capture.noted(attempt, "waiting")
                    host.rest(min(self._retry_after(came.headers) or POLL, LONGEST_WAIT))
                    say(f"{url}: not ready yet ({came.headers.get('x-progress', 'the server does not say how far')})")
                    turn -= 1
                    continue
                if wrong is None:
                    return capture.robots(attempt, draft) if request.expects == ROBOTS else capture.keep(attempt, draft)
                if came.status == 401 and token and not renewed:
                    capture.noted(attempt, "token died")
                    self._passes.pop(source.name, None)
                    renewed, turn = True, turn - 1
                    continue
                capture.failed(attempt, wrong.saw, None if wrong.is_cut_short else draft, wrong.outcome, wrong.failure)
                if not wrong.is_passing:
                    raise SourceUnreadable(answers.sentence(source.name, request, url, wrong), wrong.failure)
                wait = min(self._retry_after(came.headers), LONGEST_DEBT)
                host.rest(wait)  # whoever asks this host next, it is left alone for so long
                if wait > LONGEST_WAIT:
                    told = f"{url} asks us to come back in {wait:.0f} s, more than the {LONGEST_WAIT} s we wait"
                    raise Unavailable(f"{source.name}: {told}; run again then", "busy")
                if not wrong.is_worth_asking_again or turn == ATTEMPTS:
                    last = wrong if turn == 1 else replace(wrong, saw=f"{wrong.saw}, {turn} times")
                    raise Unavailable(answers.sentence(source.name, request, url, last), wrong.failure)
                if not wait:
                    host.rest(2 ** (turn - 1) * CHANCE.uniform(0.5, 1.5))
                say(f"{url}: {wrong.saw}; attempt {turn + 1} of {ATTEMPTS} follows")

    def _pass(self, url: str, source: Source, capture: Capture, say: Callable[[str], None]) -> Mapping[str, str]:
        """The header that carries the source's token, asked for anew when the last one is dying; empty where none is needed.

        Only the hosts of `start` are shown it: files of an export may lie with somebody else.
        """
        if "access" not in source.options or host_of(url) not in {host_of(each) for each in source.start}:
            return {}
        held = self._passes.get(source.name)
        if held is None or held.until <= self._clock():
            held = self._passes[source.name] = self._token(source, capture, say)
        return held.headers

    def _token(self, source: Source, capture: Capture, say: Callable[[str], None]) -> Pass:
        asked = access.question(source, self._secrets)
        request = Request(url=asked.url, expects="json", headers=asked.headers)
        rules = self._robots(asked.url, source, capture, say)
        verdict = self._obey(rules, asked.url, source, capture)
        host = HOSTS.setdefault(host_of(asked.url), Host())
        for turn in range(1, ATTEMPTS + 1):
            with self._turn(host, asked.url, source, capture, say):
                body = Unkept()
                came = self._exchange(asked.url, request, source, body, {}, asked.content)
                host.rest(max(Limits.of(source).pause_seconds, rules.crawl_delay))
                attempt = Attempt(
                    url=asked.url, asked_at=came.asked_at, fetched_at=self._clock(), status=came.status, robots=verdict, method="POST"
                )
                if came.fault is None and came.status in {200, 201}:
                    capture.noted(attempt, "token")
                    return access.answer(source, body.head, self._clock())
                wrong = came.fault or _token_fault(came.status or 0)
                capture.failed(attempt, wrong.saw, None, wrong.outcome, wrong.failure)
                if not wrong.is_passing:
                    raise SourceUnreadable(answers.sentence(source.name, request, asked.url, wrong), wrong.failure)
                host.rest(min(self._retry_after(came.headers), LONGEST_WAIT) or 2 ** (turn - 1) * CHANCE.uniform(0.5, 1.5))
        raise Unavailable(
            answers.sentence(source.name, request, asked.url, replace(wrong, saw=f"{wrong.saw}, {ATTEMPTS} times")), wrong.failure
        )

    @contextmanager
    def _turn(self, host: Host, url: str, source: Source, capture: Capture, say: Callable[[str], None]) -> Iterator[None]:
        """Have the host to ourselves, of all threads and processes that keep evidence here, once it has rested."""
        with host.lock, capture.turn(host_of(url)) as shared:
            host.rest(min(shared.free_at - time.time(), LONGEST_DEBT))
            seconds = host.free_at - time.monotonic()
            try:
                if seconds > max(LONGEST_WAIT, Limits.of(source).pause_seconds):
                    told = f"{host_of(url)} asked to be left alone for {seconds:.0f} s more, more than the {LONGEST_WAIT} s we wait"
                    raise Unavailable(f"{source.name}: {told}; run again then", "busy")
                if seconds > 5:
                    say(f"waiting {seconds:.0f} s before {url}")
                if seconds > 0:
                    self._sleep(seconds)
                yield
            finally:
                shared.free_at = time.time() + host.free_at - time.monotonic()

    def _exchange(
        self, url: str, request: Request, source: Source, body: Body, token: Mapping[str, str], content: bytes | None = None
    ) -> Came:
        """Ask once, streaming the answer, or the part of it that `request.select` takes, into `body`."""
        megabytes = 1 if request.expects == ROBOTS or content is not None else Limits.of(source).megabytes
        seconds = self._seconds or max(300, 2 * megabytes)
        came = Came(asked_at=self._clock())
        lines = Lines() if request.expects in {"csv", "ndjson"} else None
        until = time.monotonic() + seconds
        whole, count = hashlib.sha256(), 0

        def pieces(response: httpx.Response) -> Iterator[bytes]:
            nonlocal count
            head = b""
            for chunk in response.iter_bytes():
                count += len(chunk)
                head = head or chunk
                if count > megabytes * 1_000_000:
                    told = "raise `visit: at_most_megabytes:` if it really is that large"
                    raise _Cut(Fault(f"got more than {megabytes} MB", told, is_cut_short=True, failure="too_large"))
                if lines and not is_packed(head) and lines.too_long(chunk):
                    raise _Cut(lines.fault())
                if time.monotonic() > until:
                    told = f"got {count:,} bytes in {seconds:g} s and no end"
                    raise _Cut(Fault(told, "try again later", is_passing=True, failure="unreachable"))
                if request.select:
                    whole.update(chunk)
                yield chunk

        try:
            asked = {"Accept": ACCEPT.get(request.expects, "*/*"), **request.headers, **token}
            data = dict(request.form) if request.form is not None else None
            method = "GET" if data is None and content is None else "POST"
            with self._http.stream(method, url, headers=asked, data=data, content=content) as response:
                came.status, came.headers = response.status_code, dict(response.headers.items())
                packed = came.headers.get("content-encoding", "identity").lower()
                if packed not in {"identity", "gzip", "x-gzip", "deflate", ""}:
                    came.fault = Fault(f"got a body packed as {packed}, which we did not offer to read", "tell the publisher")
                    return came
                is_part = request.select is not None and came.status in {200, 202}
                for piece in request.select(pieces(response)) if request.select and is_part else pieces(response):
                    # of a failure, too, nothing is kept that would not be kept of an answer; a page says why
                    if request.select is None or is_part or answers.is_html(body.head or piece):
                        body.write(piece)
                came.whole = (whole.hexdigest(), count) if is_part else None
        except _Cut as cut:
            came.fault = cut.fault
        except SourceUnreadable as reason:  # what `select` says of a body it cannot read
            came.fault = Fault(f"got what cannot be read ({reason})", "open the address and check `start:`", failure=reason.failure)
        except httpx.TransportError as error:
            came.fault = _unreached(error)
        except (httpx.DecodingError, httpx.InvalidURL) as error:
            came.fault = Fault(f"got something unreadable ({error})", "open the address in a browser and check `start:`")
        return came

    def _retry_after(self, headers: Mapping[str, str]) -> float:
        """Seconds the server asked us to wait: RFC 9110 §10.2.3, a number or a date; 0 when it did not say, or not legibly."""
        said = headers.get("retry-after", "").strip()
        if said.isdecimal():
            return float(said)
        try:
            at = parsedate_to_datetime(said)
        except ValueError:
            return 0.0
        return max(0.0, (at.astimezone(UTC) - self._clock()).total_seconds())


def _budget(url: str, source: Source, capture: Capture) -> None:
    pages = Limits.of(source).pages
    if url not in capture.asked and len(capture.asked) >= pages:
        raise Unavailable(
            f"{source.name}: the visit is not whole after the {pages} requests the card allows, with {url} still to ask; "
            "raise `visit: at_most_pages:` if the source really is that large",
            "budget",
        )


def _fault(request: Request, source: Source, came: Came, draft: Draft) -> Fault | None:
    """What is wrong with an answer that came whole; None for a page, a redirect, or a robots.txt that rules or is not there."""
    status = came.status or 0
    page = draft.head.decode(errors="replace") if answers.is_html(draft.head) else ""
    if request.expects == ROBOTS:
        if (status in MOVED and "location" in came.headers) or (400 <= status < 500 and status != 429):
            return None
        if status == 200:
            return answers.blocked("got a block page (captcha or bot check)") if answers.is_block(page) else None
        advice = "not knowing what programs may read there, we ask for nothing: run again later"
        return Fault(f"got status {status}", advice, is_passing=True, is_worth_asking_again=status in PASSING, failure="busy")
    if _onward(request, came) or (request.waits and status == 202):
        return None
    if status in {200, 202}:
        encoding = str(source.options.get("encoding", "utf-8"))
        wrong = answers.fault(request.expects, draft.head, draft.tail, draft.byte_count, draft.body, encoding)
        if status == 202 and (wrong or request.expects not in {"json", "ndjson", "csv"}):
            return answers.blocked("got status 202, a block")
        return wrong
    if status == 403 and ("retry-after" in came.headers or QUOTA.search(draft.head)):
        told = "its quota for programs is used up: run again later, with a longer `pause_seconds`"
        return Fault("got status 403 for too many requests", told, is_passing=True, is_worth_asking_again=True, failure="busy")
    if status in {401, 403, 406} or (page and answers.is_block(page) and "retry-after" not in came.headers):
        called = f" titled {answers.title(page)!r}" if answers.title(page) else ""
        wrong = answers.blocked(f"got status {status}, a block{called}")
        return replace(wrong, advice=ASKS_WHO, failure="login_wall") if status == 401 else wrong
    if status >= 500 or status == 429:
        again = status in PASSING
        return Fault(f"got status {status}", "run again later", is_passing=True, is_worth_asking_again=again, failure="busy")
    failure = "gone" if status in {404, 410} else "changed_shape"
    return Fault(f"got status {status}", "open the address in a browser and check `start:`", failure=failure)


def _onward(request: Request, came: Came) -> str | None:
    """Where a redirect leads, or an export that is being made ready."""
    if came.status in MOVED and "location" in came.headers:
        return came.headers["location"]
    return came.headers.get("content-location") if request.waits and came.status == 202 else None


def _unreached(error: httpx.TransportError) -> Fault:
    """Why no whole answer came: the name, the certificate, or the way there."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    told = f"got no whole answer ({type(error).__name__}: {error or 'nothing said'})"
    if any(isinstance(each, socket.gaierror) for each in causes):
        advice = "the name leads nowhere: check the network, then the address on the card"
        return Fault(told, advice, is_passing=True, is_worth_asking_again=True, failure="dns")
    if any(isinstance(each, ssl.SSLError) for each in causes):
        return Fault(told, "its certificate is not trusted, and we do not go on without: tell the publisher", failure="tls")
    advice = "check the network and the address, then run again"
    return Fault(told, advice, is_passing=True, is_worth_asking_again=True, failure="unreachable")


def _token_fault(status: int) -> Fault:
    if status >= 500 or status == 429:
        return Fault(f"got status {status}", "run again later", is_passing=True, is_worth_asking_again=True, failure="busy")
    advice = "it gives us no token: read the publisher's developer page and correct `access:`"
    return Fault(f"got status {status}", advice, "blocked", failure="login_wall")
