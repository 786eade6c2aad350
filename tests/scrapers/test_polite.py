"""Politeness, measured where it counts: at the server, which writes down when each request came and when it was answered."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from scrapers import fetch
from scrapers.evidence import Archive
from scrapers.fetch import Client, Unavailable
from scrapers.records import Request, Snapshot, Source, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers.site import next_link, reader, serving, source

TAKES = 0.03  # seconds the server thinks about each answer, in which nobody else may ask
ROUGH = 0.02  # seconds by which two clocks' readings of one moment may differ
Said = tuple[int, dict[str, str], bytes]


@dataclass
class Host:
    """A server that answers what it is told to, and what it saw: (method and path, came, answered)."""

    url: str = ""
    robots: bytes = b""
    says: dict[str, list[Said]] = field(default_factory=dict)
    seen: list[tuple[str, float, float]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.seen]

    def most_in_flight(self) -> int:
        """How many requests it was busy with at once, at worst."""
        moments = sorted([(came, 1) for _, came, _ in self.seen] + [(answered, -1) for _, _, answered in self.seen])
        here = worst = 0
        for _, change in moments:
            here += change
            worst = max(worst, here)
        return worst

    def pauses(self) -> list[float]:
        """Seconds between an answer and the next request."""
        told = sorted(self.seen, key=lambda each: each[1])
        return [after[1] - before[2] for before, after in pairwise(told)]


@pytest.fixture(autouse=True)
def _no_debts() -> None:
    fetch.HOSTS.clear()


@pytest.fixture
def host() -> Iterator[Host]:
    with answering() as up:
        yield up


@contextmanager
def answering() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(f"POST {self.path}")

        def do_GET(self) -> None:
            self.answer(self.path)

        def answer(self, what: str) -> None:
            came = time.monotonic()
            time.sleep(TAKES)
            told = host.says.get(what)
            status, headers, body = (told.pop(0) if len(told) > 1 else told[0]) if told else (200, {}, b"<!doctype html><p>Rowan Ashdale")
            if what == "/robots.txt":
                status, body = (200, host.robots) if host.robots else (404, b"")
            host.seen.append((what, came, time.monotonic()))
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as host.url:
        yield host


def card(host: Host, *paths: str, name: str = "wa.evergreen", pause: float = 0, **more: Any) -> Source:
    made = source(*(host.url + path for path in paths), visit={"pause_seconds": pause}, **more)
    return Source(**{each: getattr(made, each) for each in made.__dataclass_fields__} | {"name": name})


def call(folder: Path, asked: Source, reads: Any = None) -> list[Snapshot]:
    with Client("audit@example.org") as client:
        return visit(asked, reads or reader(), Archive(folder), client, datetime.now(UTC))


def at_once(*work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def test_several_sources_of_one_host_are_asked_one_request_at_a_time(host: Host, tmp_path: Path) -> None:
    cards = [card(host, *(f"/{name}/{n}" for n in range(4)), name=f"wa.s{name}", pause=0.05) for name in range(4)]
    at_once(*(partial(call, tmp_path, each) for each in cards))
    assert len(host.seen) == 4 * 5
    assert host.most_in_flight() == 1
    assert min(host.pauses()) >= 0.05 - ROUGH


VISIT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.visit import visit
from tests.scrapers.site import reader, source
from dataclasses import replace
name, root, url = sys.argv[1:]
card = replace(source(*(f"{url}/{name}/{n}" for n in range(4)), visit={"pause_seconds": 0.05}), name=name)
with Client("audit@example.org") as client:
    visit(card, reader(), Archive(Path(root)), client, datetime.now(UTC))
"""


def test_several_processes_too(host: Host, tmp_path: Path) -> None:
    command = [sys.executable, "-c", VISIT]
    running = [subprocess.Popen([*command, f"wa.s{n}", str(tmp_path), host.url], cwd=Path(__file__).parents[2]) for n in range(3)]
    assert [each.wait(timeout=60) for each in running] == [0, 0, 0]
    assert len(host.seen) == 3 * 5
    assert host.most_in_flight() == 1
    assert min(host.pauses()) >= 0.05 - ROUGH


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_told_to_come_back_later_we_do(host: Host, tmp_path: Path, status: int, as_date: bool) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True) if as_date else "1"
    host.says["/p"] = [(status, {"Retry-After": when}, b"busy"), (200, {}, b"<!doctype html><p>Rowan Ashdale")]
    call(tmp_path, card(host, "/p"))
    assert host.paths() == ["/robots.txt", "/p", "/p"]
    assert host.most_in_flight() == 1
    _, until_asked_again = host.pauses()
    assert 1 - ROUGH <= until_asked_again < 10


def test_what_a_host_says_to_one_source_holds_for_all(host: Host, tmp_path: Path) -> None:
    host.says["/a"] = [(429, {"Retry-After": "1"}, b"slow down")]

    def insist() -> None:
        with pytest.raises(Unavailable):
            call(tmp_path, card(host, "/a", name="wa.one"))

    at_once(insist, lambda: call(tmp_path, card(host, *(f"/b{n}" for n in range(3)), name="wa.two")))
    told = sorted(host.seen, key=lambda each: each[1])
    for (path, _, answered), (_, came, _) in pairwise(told):
        if path == "/a":
            assert came - answered >= 1 - ROUGH
    assert host.most_in_flight() == 1


def test_a_host_that_wants_an_hour_is_not_asked_by_the_next_source_either(host: Host, tmp_path: Path) -> None:
    host.says["/a"] = [(503, {"Retry-After": "3600"}, b"closed")]
    for name in ("wa.one", "wa.two"):
        with pytest.raises(Unavailable, match="more than the 600 s we wait"):
            call(tmp_path, card(host, "/a", name=name))
    assert host.paths() == ["/robots.txt", "/a"]


def test_the_fifth_refusal_is_waited_out_as_well(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "ATTEMPTS", 2)
    host.says["/a"] = [(429, {"Retry-After": "1"}, b"slow down")]
    with pytest.raises(Unavailable):
        call(tmp_path, card(host, "/a", name="wa.one"))
    call(tmp_path, card(host, "/b", name="wa.two"))
    assert host.paths() == ["/robots.txt", "/a", "/a", "/robots.txt", "/b"]
    assert min(host.pauses()[1:3]) >= 1 - ROUGH


@pytest.mark.parametrize("asks", [b"User-agent: *\nCrawl-delay: 0.4\n", b"User-agent: *\nRequest-rate: 5/2\n"])
def test_the_pace_that_robots_txt_asks_for_is_kept_from_the_first_page_on(host: Host, tmp_path: Path, asks: bytes) -> None:
    host.robots = asks
    call(tmp_path, card(host, "/a", "/b", "/c"))
    assert host.paths() == ["/robots.txt", "/a", "/b", "/c"]
    assert min(host.pauses()) >= 0.4 - ROUGH


def test_what_robots_txt_disallows_is_never_asked_for_by_any_way(host: Host, tmp_path: Path) -> None:
    host.robots = b"User-agent: *\nDisallow: /private\n"
    host.says["/to"] = [(302, {"Location": "/private/a"}, b"")]
    host.says["/next"] = [(200, {}, b'<!doctype html><p>x</p><a rel="next" href="/private/b">')]
    posts = reader()
    posts.requests = lambda asked: [Request(url=f"{host.url}/private/form", form={"page": "1"}, label="page 1")]
    encoded = "/%70rivate/c"
    for number, (path, reads) in enumerate(
        [("/private/x", reader()), ("/to", reader()), ("/next", reader(follow=next_link)), ("/form", posts), (encoded, reader())]
    ):
        with pytest.raises(SourceUnreadable, match="we obey") as said:
            call(tmp_path, card(host, path, name=f"wa.s{number}"), reads)
        assert said.value.failure == "robots"
    assert set(host.paths()) == {"/robots.txt", "/to", "/next"}


def test_robots_txt_is_read_anew_in_every_visit(host: Host, tmp_path: Path) -> None:
    call(tmp_path, card(host, "/p"))
    host.robots = b"User-agent: Rollcall\nDisallow: /p\n"
    with pytest.raises(SourceUnreadable, match="we obey"):
        call(tmp_path, card(host, "/p"))
    assert host.paths() == ["/robots.txt", "/p", "/robots.txt"]


def test_robots_txt_is_read_anew_when_a_visit_is_resumed_a_day_later(host: Host, tmp_path: Path) -> None:
    asked = card(host, "/a", "/b")
    for hours, b_says in ((0, 503), (23, 503), (25, 200)):
        host.says["/b"] = [(b_says, {"Retry-After": "601"} if b_says == 503 else {}, b"<!doctype html><p>x")]
        now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hours)
        forget(tmp_path)
        with Client("audit@example.org", clock=lambda now=now: now) as client:  # type: ignore[misc]
            try:
                visit(asked, reader(), Archive(tmp_path), client, now)
            except Unavailable:
                assert b_says == 503
    assert host.paths() == ["/robots.txt", "/a", "/b", "/b", "/robots.txt", "/b"]


def forget(folder: Path) -> None:
    """What we were told to wait has passed."""
    fetch.HOSTS.clear()
    shutil.rmtree(folder / ".hosts", ignore_errors=True)


def test_forms_and_tokens_keep_the_pace_and_the_rules(host: Host, tmp_path: Path) -> None:
    host.says["POST /token"] = [(200, {"Content-Type": "application/json"}, b'{"access_token": "t1", "expires_in": 900}')]
    host.says["POST /find"] = [(200, {}, b"<!doctype html><p>Rowan Ashdale")]
    posts = reader()
    posts.requests = lambda asked: [Request(url=f"{host.url}/find", form={"page": n}, label=f"page {n}") for n in "123"]
    access = {"scheme": "subject_token", "token": f"{host.url}/token", "ask": {"insurerCode": "X"}}
    (snapshot,) = call(tmp_path, card(host, "/find", pause=0.2, options={"access": access}), posts)
    assert snapshot.response_count == 3
    assert host.paths() == ["/robots.txt", "POST /token", "POST /find", "POST /find", "POST /find"]
    assert host.most_in_flight() == 1
    assert min(host.pauses()) >= 0.2 - ROUGH

    host.robots = b"User-agent: *\nDisallow: /token\n"
    with pytest.raises(SourceUnreadable, match="we obey"):
        call(tmp_path, card(host, "/find", options={"access": access}), posts)
    assert host.paths()[5:] == ["/robots.txt"]
