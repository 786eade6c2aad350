"""A site on loopback whose behaviour a test scripts: real sockets, real HTTP."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

from scrapers.records import Evidence, Request, Source


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the site says once. `drip`: seconds between its bytes. `promised`: a Content-Length it does not keep."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float = 0
    promised: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request as the site saw it."""

    headers: Mapping[str, str]
    body: bytes


Answer = Reply | list[Reply] | Callable[[Asked], Reply]


@dataclass
class Site:
    """Replies by path and query ("POST /path" for a form): one, a list said in turn whose last is said again, or what a function makes.

    Anything else is 404.
    """

    url: str
    says: dict[str, Answer]
    asked: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def pages_asked(self) -> list[str]:
        return [path for path in self.asked if path != "/robots.txt"]


def page(text: str, after: str | None = None) -> Reply:
    """A page of results, with a link to the next."""
    link = f'<a rel="next" href="{after}">Next</a>' if after else ""
    body = f"<!doctype html><title>Providers</title><p>{text}</p>{link}".encode()
    return Reply(body=body, headers={"Content-Type": "text/html"})


def json_(text: str) -> Reply:
    return Reply(body=text.encode(), headers={"Content-Type": "application/json"})


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Where such a handler answers, on a free port of its own, for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def served(says: Mapping[str, Answer]) -> Iterator[Site]:
    """The site, on a free port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.do_GET("POST ", self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self, method: str = "", body: bytes = b"") -> None:
            site.asked.append(method + self.path)
            site.asked_at.append(time.monotonic())
            site.agents.add(self.headers["User-Agent"])
            said = site.says.get(method + self.path, Reply(status=404))
            if isinstance(said, list):
                said = said.pop(0) if len(said) > 1 else said[0]
            elif callable(said):
                said = said(Asked({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body) if said.promised is None else said.promised))
            self.end_headers()
            try:
                for each in [bytes([byte]) for byte in said.body] if said.drip else [said.body]:
                    self.wfile.write(each)
                    self.wfile.flush()
                    time.sleep(said.drip)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the visitor has hung up on a slow answer, as it should
            if said.promised is not None:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as url:
        site = Site(url, dict(says))
        yield site


def source(*start: str, folder: Path = Path(), **more: Any) -> Source:
    """A card of an invented insurer, with no pause between requests."""
    given: dict[str, Any] = {"visit": {"pause_seconds": 0}, "format": "cards", "card_sha256": "c1"} | more
    return Source(name="wa.evergreen", title="Evergreen", kind="insurer", start=start, folder=folder, **given)


def reader(
    expects: str = "html", is_leaf: bool = False, follow: Callable[[Evidence, Source], list[Request]] | None = None
) -> SimpleNamespace:
    """A format that asks for the card's addresses and nothing after them, unless `follow` says."""
    made = SimpleNamespace(requests=lambda source: [Request(url=url, expects=expects, is_leaf=is_leaf) for url in source.start])
    if follow:
        made.follow = follow
    return made


def next_link(page: Evidence, source: Source) -> list[Request]:
    """The page behind rel=next."""
    _, found, rest = page.body.decode().partition('rel="next" href="')
    return [Request(url=urljoin(page.url, rest.split('"')[0]), expects="html")] if found else []
