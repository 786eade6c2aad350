"""The invented state's web: one real HTTP server for its roll and one for each insurer, on loopback."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qsl, urlsplit

from simulation import pages, registry
from simulation.world import World

HOSTS = ("invented_roll", "alder_mutual", "birch_health", "cedar_plan", "invented_nppes", "invented_leie")
STARTS = {
    "invented_roll": pages.ROLL_PATH,
    "alder_mutual": f"{pages.DIRECTORY}?page=1",
    "birch_health": pages.INDEX,
    "cedar_plan": pages.CSV_PATH,
    "invented_nppes": registry.INDEX,
    "invented_leie": registry.LIST,
}
ROBOTS = {
    "invented_roll": "User-agent: *\nAllow: /resource/\nDisallow: /admin/\n",
    "alder_mutual": "User-agent: *\nAllow: /directory/\nDisallow: /admin/\n",
    "birch_health": "User-agent: *\nDisallow:\n",
}  # Cedar Plan has none: a 404 forbids nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a content type and a body."""

    body: str | bytes
    kind: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sites:
    """Servers that are up: where each host is, and every request that came, in order."""

    urls: Mapping[str, str]  # host → http://127.0.0.1:port
    log: list[tuple[str, str, int]]  # host, path with query, status


class Host:
    """What one host answers. Alder Mutual's stumbles twice in its life: a 429 and a 500, each on one page and once."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world, self.lock = name, world, Lock()
        last = pages.page_count(world)
        self.stumbles = [
            (min(2, last), Answer("<p>INVENTED: too many requests</p>", status=429, headers={"Retry-After": "1"})),
            (min(3, last), Answer("<p>INVENTED: something broke</p>", status=500)),
        ]

    def answer(self, target: str) -> Answer:
        asked = urlsplit(target)
        query = dict(parse_qsl(asked.query, keep_blank_values=True))
        if asked.path == "/robots.txt" and self.name in ROBOTS:
            return Answer(ROBOTS[self.name], "text/plain")
        routes: dict[str, dict[str, Callable[[], Answer]]] = {
            "invented_roll": {pages.ROLL_PATH: lambda: self._roll(query)},
            "alder_mutual": {pages.DIRECTORY: lambda: self._page(query)},
            "birch_health": {
                pages.INDEX: lambda: Answer(pages.cms_index(), "application/json"),
                "/plans.json": lambda: Answer(pages.cms_plans(), "application/json"),
                "/providers-1.json": lambda: Answer(pages.cms_providers(self.world, 1), "application/json"),
                "/providers-2.json": lambda: Answer(pages.cms_providers(self.world, 2), "application/json"),
            },
            "cedar_plan": {pages.CSV_PATH: lambda: Answer(pages.table(self.world), "text/csv")},
            "invented_nppes": {
                registry.INDEX: lambda: Answer(registry.index()),
                f"/nppes/{registry.FULL}": lambda: Answer(registry.full(self.world.registry), "application/zip"),
                f"/nppes/{registry.GONE}": lambda: Answer(registry.report(self.world.registry), "application/zip"),
            },
            "invented_leie": {registry.LIST: lambda: Answer(registry.exclusions(self.world.registry, self.world.people), "text/csv")},
        }
        return routes[self.name].get(asked.path, lambda: Answer("<p>INVENTED: no such page</p>", status=404))()

    def _roll(self, query: Mapping[str, str]) -> Answer:
        try:
            return Answer(pages.roll(self.world, query), "text/csv")
        except pages.BadQuery as reason:
            return Answer(json.dumps({"error": True, "message": f"INVENTED: {reason}"}), "application/json", 400)

    def _page(self, query: Mapping[str, str]) -> Answer:
        number = query.get("page", "1")
        if not number.isdecimal() or not 1 <= int(number) <= pages.page_count(self.world):
            return Answer("<p>INVENTED: no such page</p>", status=404)
        with self.lock:
            for stumble in self.stumbles:
                if stumble[0] == int(number):
                    self.stumbles.remove(stumble)
                    return stumble[1]
        return Answer(pages.html(self.world, int(number)))


@contextmanager
def serve(world: World, ports: tuple[int, ...] | None = None) -> Iterator[Sites]:
    """Serve the world on 127.0.0.1 until the block ends; `ports` in the order of HOSTS, None picks free ones."""
    urls: dict[str, str] = {}
    log: list[tuple[str, str, int]] = []
    with ExitStack() as stack:
        for name, port in zip(HOSTS, ports or (0,) * len(HOSTS), strict=True):
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", port), _handler(Host(name, world), log)))
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name=name).start()
            stack.callback(server.shutdown)
            urls[name] = f"http://127.0.0.1:{server.server_address[1]}"
        yield Sites(urls, log)


def _handler(host: Host, log: list[tuple[str, str, int]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes; waiting for an acknowledgement between them costs 40 ms a page
        server_version, sys_version = "Invented/1", ""

        def do_GET(self) -> None:
            answer = host.answer(self.path)
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            log.append((host.name, self.path, answer.status))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind if isinstance(answer.body, bytes) else f"{answer.kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Invented", "yes")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are kept in `Sites.log`, not on the terminal."""

    return Handler
