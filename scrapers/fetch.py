"""The one polite client: robots.txt obeyed, an honest name, one request in flight and a pace per host, a budget, and no tricks.

It answers with a page that is what was asked for, already kept, or with one sentence why not. Every attempt is in the manifest either way.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from random import SystemRandom
from types import TracebackType
from typing import Self
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
from protego import Protego

from scrapers import answers
from scrapers.answers import Fault, Lines, is_packed
from scrapers.blobs import Draft, read
from scrapers.evidence import Attempt, Capture
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable

AGENT = "Rollcall"  # the name a robots.txt may address us by
ATTEMPTS = 5
PASSING = {429, 500, 502, 503, 504}  # statuses that another attempt may heal
MOVED = {301, 302, 303, 307, 308}
REDIRECTS = 5
LEAST_PAUSE = 1.0  # seconds, whatever a card says, between requests to a host that is not this machine
LONGEST_WAIT = 600  # seconds we are willing to be told to wait
ROBOTS = "robots.txt"  # what a request for a robots.txt expects; RFC 9309 §2.5 asks to read 500 KiB, we read 1 MB
CHANCE = SystemRandom()
LARGE = {"socrata", "table", "cms_json"}  # formats whose one response may be a whole roll
ACCEPT = {
    "json": "application/json, application/fhir+json, */*;q=0.5",
    "html": "text/html, application/xhtml+xml, */*;q=0.5",
    "csv": "text/csv, text/plain;q=0.9, */*;q=0.5",
    "text": "text/plain, */*;q=0.5",
}


class Unavailable(SourceUnreadable):
    """The source could not be read for now; the visit may be resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the card allows a visit: seconds between requests, how many, and megabytes of one response."""

    pause_seconds: float
    pages: int
    megabytes: int

    @classmethod
    def of(cls, source: Source) -> "Limits":
        least = 0.0 if all(is_loopback(host) for host in hosts(source)) else LEAST_PAUSE
        return cls(
            pause_seconds=max(least, float(source.visit.get("pause_seconds", 2))),
            pages=int(source.visit.get("at_most_pages", 500)),
            megabytes=int(source.visit.get("at_most_megabytes", 2048 if source.format in LARGE else 64)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one host's robots.txt asks of us, or why nothing is asked."""

    parsed: Protego
    basis: str  # its address, or "no robots.txt (404)"
    crawl_delay: float

    @classmethod
    def read(cls, kept: Evidence) -> "Rules":
        """RFC 9309 §2.3.1: a robots.txt that is not there (4xx) allows everything."""
        text = read(kept).decode(errors="replace") if kept.http_status == 200 else ""
        parsed = Protego.parse(text)
        rate = parsed.request_rate(AGENT)
        return cls(
            parsed=parsed,
            basis=kept.url if kept.http_status == 200 else f"no robots.txt ({kept.http_status})",
            crawl_delay=max(float(parsed.crawl_delay(AGENT) or 0), rate.seconds / rate.requests if rate else 0.0),
        )

    def verdict(self, url: str) -> str:
        return f"{'allowed' if self.parsed.can_fetch(url, AGENT) else 'disallowed'}: {self.basis}"


@dataclass(slots=True, kw_only=True)
class Came:
    """What came back from one request, its body aside."""

    asked_at: datetime
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None


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
    """`contact`: whom a site's keeper may write to. Clock, sleep and the time limit of one response are settable for tests."""

    def __init__(
        self,
        contact: str,
        *,
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
            target = capture.moved(url)  # known when a killed visit is resumed
            if target is None:
                _permit(source, url)
                pause, verdict = Limits.of(source).pause_seconds, None
                if request.expects != ROBOTS:
                    rules = self._robots(url, source, capture, say)
                    verdict = self._obey(rules, url, source, capture)
                    pause = max(pause, rules.crawl_delay)
                    _budget(url, source, capture)
                answer = self._ask(url, request, source, capture, pause, verdict, say)
                if isinstance(answer, Evidence):
                    return answer
                target = answer
            _follow(url, target, request, source)
            if kept := capture.kept(target):
                return kept
            url = target
        raise SourceUnreadable(
            f"{source.name}: {request.url} redirects more than {REDIRECTS} times; "
            "open it in a browser and put the address it ends at under `start:`"
        )

    def _robots(self, url: str, source: Source, capture: Capture, say: Callable[[str], None]) -> Rules:
        """What the host's robots.txt asks, read once in a visit."""
        where = urljoin(url, "/robots.txt")
        key = (str(capture.folder), where)
        if key not in self._rules:
            kept = capture.robots_kept(where) or self.fetch(Request(url=where, expects=ROBOTS), source, capture, say)
            self._rules[key] = rules = Rules.read(kept)
            if rules.crawl_delay > LONGEST_WAIT:
                raise SourceUnreadable(
                    f"{source.name}: {where} asks for {rules.crawl_delay:.0f} s between requests, more than we wait "
                    f"({LONGEST_WAIT} s); ask the publisher for a file"
                )
        return self._rules[key]

    def _obey(self, rules: Rules, url: str, source: Source, capture: Capture) -> str:
        verdict = rules.verdict(url)
        if verdict.startswith("allowed"):
            return verdict
        at = self._clock()
        capture.failed(Attempt(url=url, asked_at=at, fetched_at=at, robots=verdict), verdict, outcome="refused_by_robots")
        raise SourceUnreadable(
            f"{source.name}: {urljoin(url, '/robots.txt')} asks programs to stay away from {url}; we obey: "
            "ask the publisher for leave or for a file"
        )

    def _ask(
        self, url: str, request: Request, source: Source, capture: Capture, pause: float, verdict: str | None, say: Callable[[str], None]
    ) -> Evidence | str:
        """One page: its evidence, or where it redirects to. Passing failures are asked again, five times in all."""
        host = HOSTS.setdefault(host_of(url), Host())
        turn = 0
        while True:
            turn += 1
            with host.lock, capture.draft() as draft:
                self._rest(host, url, say)
                came = self._exchange(url, request, source, draft)
                host.rest(pause)
                attempt = Attempt(
                    url=url,
                    asked=request.url,
                    asked_at=came.asked_at,
                    fetched_at=self._clock(),
                    status=came.status,
                    headers=came.headers,
                    robots=verdict,
                )
                wrong = came.fault or _fault(request, source, came, draft)
                if wrong is None and came.status in MOVED and "location" in came.headers:
                    try:
                        target = address(source, came.headers["location"], url)
                    except SourceUnreadable as nowhere:
                        capture.failed(attempt, str(nowhere), draft)
                        raise
                    capture.redirected(attempt, target, draft)
                    return target
                if wrong is None:
                    return capture.robots(attempt, draft) if request.expects == ROBOTS else capture.keep(attempt, draft)
                capture.failed(attempt, wrong.saw, None if wrong.is_cut_short else draft, wrong.outcome)
                if not wrong.is_passing:
                    raise SourceUnreadable(answers.sentence(source.name, request, url, wrong))
                wait = self._retry_after(came.headers)
                if wait > LONGEST_WAIT:
                    told = f"{url} asks us to come back in {wait:.0f} s, more than the {LONGEST_WAIT} s we wait"
                    raise Unavailable(f"{source.name}: {told}; run again then")
                if not wrong.is_worth_asking_again or turn == ATTEMPTS:
                    last = wrong if turn == 1 else replace(wrong, saw=f"{wrong.saw}, {turn} times")
                    raise Unavailable(answers.sentence(source.name, request, url, last))
                host.rest(wait or 2 ** (turn - 1) * CHANCE.uniform(0.5, 1.5))
                say(f"{url}: {wrong.saw}; attempt {turn + 1} of {ATTEMPTS} follows")

    def _rest(self, host: Host, url: str, say: Callable[[str], None]) -> None:
        seconds = host.free_at - time.monotonic()
        if seconds > 5:
            say(f"waiting {seconds:.0f} s before {url}")
        if seconds > 0:
            self._sleep(seconds)

    def _exchange(self, url: str, request: Request, source: Source, draft: Draft) -> Came:
        """Ask once, streaming the body into `draft`."""
        megabytes = 1 if request.expects == ROBOTS else Limits.of(source).megabytes
        seconds = self._seconds or max(300, 2 * megabytes)
        came = Came(asked_at=self._clock())
        lines = Lines() if request.expects == "csv" else None
        until = time.monotonic() + seconds
        try:
            with self._http.stream("GET", url, headers={"Accept": ACCEPT.get(request.expects, "*/*")}) as response:
                came.status, came.headers = response.status_code, dict(response.headers.items())
                packed = came.headers.get("content-encoding", "identity").lower()
                if packed not in {"identity", "gzip", "x-gzip", "deflate", ""}:
                    came.fault = Fault(f"got a body packed as {packed}, which we did not offer to read", "tell the publisher")
                    return came
                for chunk in response.iter_bytes():
                    if draft.byte_count + len(chunk) > megabytes * 1_000_000:
                        told = "raise `visit: at_most_megabytes:` if it really is that large"
                        came.fault = Fault(f"got more than {megabytes} MB", told, is_cut_short=True)
                        return came
                    draft.write(chunk)
                    if lines and not is_packed(draft.head) and lines.too_long(chunk):
                        came.fault = lines.fault()
                        return came
                    if time.monotonic() > until:
                        came.fault = Fault(
                            f"got {draft.byte_count:,} bytes in {seconds:g} s and no end", "try again later", is_passing=True
                        )
                        return came
        except httpx.TransportError as error:
            told = f"got no whole answer ({type(error).__name__}: {error or 'nothing said'})"
            came.fault = Fault(told, "check the network and the address, then run again", is_passing=True, is_worth_asking_again=True)
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


def hosts(source: Source) -> set[str]:
    """The hosts a visit may ask: those of the card's addresses and of `visit: hosts:`."""
    return {host_of(url) for url in source.start if "://" in url} | {host_of(f"https://{host}") for host in source.visit.get("hosts", ())}


def host_of(url: str) -> str:
    """Host, and the port when it is not the scheme's own.

    >>> host_of("https://Example.org:443/a"), host_of("http://127.0.0.1:8123/")
    ('example.org', '127.0.0.1:8123')
    """
    parts = urlsplit(url)
    port = parts.port
    return f"{parts.hostname or ''}" + ("" if port in {None, 80, 443} else f":{port}")


def is_loopback(host: str) -> bool:
    """Whether a host, as `host_of` names it, is this machine.

    >>> is_loopback("127.0.0.1:8123"), is_loopback("127.example.org")
    (True, False)
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:  # a name, not a number
        return False


def address(source: Source, link: str, base: str = "") -> str:
    """Where a link leads, without its fragment. SourceUnreadable when that is nowhere."""
    try:
        url = urldefrag(urljoin(base, link)).url
        if urlsplit(url).scheme in {"http", "https"} and host_of(url):
            return url
    except ValueError as error:
        raise SourceUnreadable(f"{source.name}: {link!r} is not a web address ({error}); check what leads there") from error
    raise SourceUnreadable(f"{source.name}: {link!r} is not a web address; check what leads there")


def _permit(source: Source, url: str) -> None:
    """Only the card's hosts, and plain http only where the card itself says http."""
    if host_of(url) not in hosts(source):
        raise SourceUnreadable(
            f"{source.name}: sent to another host, {url}, and the card names only {', '.join(sorted(hosts(source)))}; "
            "if the publisher keeps its directory there, add the host under `visit: hosts:`"
        )
    if urlsplit(url).scheme == "http" and not any(each.startswith("http:") for each in source.start):
        raise SourceUnreadable(f"{source.name}: sent from https to plain http, {url}; we do not follow: tell the publisher")


def _follow(url: str, target: str, request: Request, source: Source) -> None:
    """Whether a redirect may be followed."""
    if answers.is_login_address(urlsplit(target).path) and not answers.is_login_address(urlsplit(request.url).path):
        raise SourceUnreadable(answers.sentence(source.name, request, url, answers.login(f" ({target})")))
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        raise SourceUnreadable(f"{source.name}: {url} redirects from https to plain http, {target}; we do not follow: tell the publisher")
    _permit(source, target)


def _budget(url: str, source: Source, capture: Capture) -> None:
    pages = Limits.of(source).pages
    if url not in capture.asked and len(capture.asked) >= pages:
        raise Unavailable(
            f"{source.name}: the visit is not whole after the {pages} requests the card allows, with {url} still to ask; "
            "raise `visit: at_most_pages:` if the source really is that large"
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
        return Fault(f"got status {status}", advice, is_passing=True, is_worth_asking_again=status in PASSING)
    if status in MOVED and "location" in came.headers:
        return None
    if status == 200:
        encoding = str(source.options.get("encoding", "utf-8"))
        return answers.fault(request.expects, draft.head, draft.tail, draft.byte_count, draft.body, encoding)
    if status in {202, 401, 403, 406} or (page and answers.is_block(page) and "retry-after" not in came.headers):
        called = f" titled {answers.title(page)!r}" if answers.title(page) else ""
        return answers.blocked(f"got status {status}, a block{called}")
    if status >= 500 or status == 429:
        return Fault(f"got status {status}", "run again later", is_passing=True, is_worth_asking_again=status in PASSING)
    return Fault(f"got status {status}", "open the address in a browser and check `start:`")
