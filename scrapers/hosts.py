"""Whom a visit may ask, how often, and what a host's robots.txt asks of it. Asks nobody itself."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urldefrag, urljoin, urlsplit

from protego import Protego

from scrapers import answers
from scrapers.blobs import read
from scrapers.records import Evidence, Request, Source, SourceUnreadable

AGENT = "Rollcall"  # the name a robots.txt may address us by
LEAST_PAUSE = 1.0  # seconds, whatever a card says, between requests to a host that is not this machine
LARGE = {"socrata", "table", "cms_json", "plan_net", "nppes", "leie", "in_network"}  # formats whose one response may be a whole roll


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
    read_at: datetime

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
            read_at=kept.fetched_at,
        )

    def verdict(self, url: str) -> str:
        return f"{'allowed' if self.parsed.can_fetch(url, AGENT) else 'disallowed'}: {self.basis}"


def hosts(source: Source) -> set[str]:
    """The hosts a visit may ask: those of the card's addresses, of `visit: hosts:`, and the one that hands out its tokens."""
    urls = [url for url in source.start if "://" in url] + [f"https://{host}" for host in source.visit.get("hosts", ())]
    token = source.options.get("access", {}).get("token")
    return {host_of(url) for url in [*urls, *([token] if token else [])]}


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
        raise SourceUnreadable(f"{source.name}: {link!r} is not a web address ({error}); check what leads there", "moved") from error
    raise SourceUnreadable(f"{source.name}: {link!r} is not a web address; check what leads there", "moved")


def permit(source: Source, url: str) -> None:
    """Only the card's hosts, and plain http only where the card itself says http; SourceUnreadable otherwise."""
    if host_of(url) not in hosts(source):
        raise SourceUnreadable(
            f"{source.name}: sent to another host, {url}, and the card names only {', '.join(sorted(hosts(source)))}; "
            "if the publisher keeps its directory there, add the host under `visit: hosts:`",
            "moved",
        )
    if urlsplit(url).scheme == "http" and not any(each.startswith("http:") for each in source.start):
        raise SourceUnreadable(f"{source.name}: sent from https to plain http, {url}; we do not follow: tell the publisher", "moved")


def may_follow(url: str, target: str, request: Request, source: Source) -> None:
    """SourceUnreadable where a redirect leads to a login, to another host or out of https."""
    if answers.is_login_address(urlsplit(target).path) and not answers.is_login_address(urlsplit(request.url).path):
        raise SourceUnreadable(answers.sentence(source.name, request, url, answers.login(f" ({target})")), "login_wall")
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        told = f"{source.name}: {url} redirects from https to plain http, {target}; we do not follow: tell the publisher"
        raise SourceUnreadable(told, "moved")
    permit(source, target)
