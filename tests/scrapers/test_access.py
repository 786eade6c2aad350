"""Tokens, forms, exports that take their time, and bodies of which a part is kept: what a directory behind an API asks of a visitor."""

import base64
import hashlib
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import trustme

from scrapers import fetch, sources
from scrapers.blobs import read
from scrapers.evidence import Archive, Row
from scrapers.fetch import Client, Unavailable
from scrapers.hosts import hosts
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable
from tests.scrapers.reads import card
from tests.scrapers.site import Answer, Asked, Reply, json_, page, served, source

NOW = datetime(2026, 11, 22, 18, 15, 2, tzinfo=UTC)
SECRET = "a-word-nobody-may-find"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.waits: list[float] = []

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    fetch.HOSTS.clear()
    yield Clock()


def client(clock: Clock, **secrets: str) -> Client:
    return Client("audit@example.org", secrets=secrets, clock=clock, sleep=clock.waits.append)


def rows(archive: Archive, card: Source) -> list[Row]:
    (folder,) = archive.visits(card.name)
    return [row for row in archive.attempts(folder) if row["outcome"] != "robots"]


class Door:
    """Hands out a new token to whoever asks as it wants to be asked; shows a page to the bearer of the newest."""

    def __init__(self, header: str, asked: dict[str, Any]) -> None:
        self.header, self.wanted, self.given = header, asked, 0

    def token(self, asked: Asked) -> Reply:
        is_form = asked.headers["content-type"].startswith("application/x-www-form")
        said = {key: value[0] for key, value in parse_qs(asked.body.decode()).items()} if is_form else json.loads(asked.body)
        if {**said, "authorization": asked.headers.get("authorization")} != self.wanted:
            return Reply(status=400)
        self.given += 1
        return json_(json.dumps({"access_token": f"{SECRET}-{self.given}", "expires_in": 900}))

    def page(self, asked: Asked) -> Reply:
        bearer = f"Bearer {SECRET}-{self.given}" if self.header == "authorization" else f"{SECRET}-{self.given}"
        return json_("{}") if self.given and asked.headers.get(self.header) == bearer else Reply(status=401)

    def says(self) -> dict[str, Any]:
        return {"POST /token": self.token, **{f"/page/{number}": self.page for number in range(5)}}


def test_a_subject_token_is_fetched_renewed_before_it_dies_and_never_written_down(tmp_path: Path, clock: Clock) -> None:
    door = Door("subject-token", {"insurerCode": "ZZ_I", "authorization": None})
    archive = Archive(tmp_path)
    with served(door.says()) as site, client(clock) as visitor:
        access = {"scheme": "subject_token", "token": f"{site.url}/token", "ask": {"insurerCode": "ZZ_I"}}
        here = source(f"{site.url}/page/0", options={"access": access})
        with archive.open(here, NOW) as capture:
            for number in range(4):
                visitor.fetch(Request(url=f"{site.url}/page/{number}", expects="json"), here, capture)
                clock.now += timedelta(minutes=7, seconds=20)  # two pages to a token
    assert [path for path in site.asked if path != "/robots.txt"] == [
        *("POST /token", "/page/0", "/page/1"),
        *("POST /token", "/page/2", "/page/3"),
    ]
    assert [row["outcome"] for row in rows(archive, here)] == ["token", "kept", "kept", "token", "kept", "kept"]
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".sqlite"]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_a_token_that_dies_early_is_renewed_once_and_then_the_door_is_shut(tmp_path: Path, clock: Clock) -> None:
    door = Door("authorization", {"grant_type": "client_credentials", "authorization": "Basic " + base64.b64encode(b"us:pw").decode()})
    archive = Archive(tmp_path)
    with served(door.says()) as site, client(clock, EVERGREEN="us:pw") as visitor:
        access = {"scheme": "client_credentials", "token": f"{site.url}/token", "secret": "EVERGREEN"}
        here = source(f"{site.url}/page/0", options={"access": access})
        with archive.open(here, NOW) as capture:
            visitor.fetch(Request(url=f"{site.url}/page/0", expects="json"), here, capture)
            door.given += 1  # the server forgets the token it gave
            visitor.fetch(Request(url=f"{site.url}/page/1", expects="json"), here, capture)
            site.says["/page/2"] = Reply(status=401)  # and now takes none at all
            with pytest.raises(SourceUnreadable) as said:
                visitor.fetch(Request(url=f"{site.url}/page/2", expects="json"), here, capture)
    assert said.value.failure == "login_wall"
    assert [row["outcome"] for row in rows(archive, here)] == [
        *("token", "kept"),
        *("token died", "token", "kept"),
        *("token died", "token", "blocked"),
    ]


def test_another_host_of_the_card_is_not_shown_the_token(tmp_path: Path, clock: Clock) -> None:
    shown: list[str | None] = []

    def file(asked: Asked) -> Reply:
        shown.append(asked.headers.get("subject-token"))
        return json_("[]")

    door = Door("subject-token", {"authorization": None})
    with served(door.says()) as site, served({"/file": file}) as store, client(clock) as visitor:
        access = {"scheme": "subject_token", "token": f"{site.url}/token"}
        hosts = [store.url.removeprefix("http://")]
        here = source(f"{site.url}/page/0", visit={"pause_seconds": 0, "hosts": hosts}, options={"access": access})
        with Archive(tmp_path).open(here, NOW) as capture:
            visitor.fetch(Request(url=f"{site.url}/page/0", expects="json"), here, capture)
            visitor.fetch(Request(url=f"{store.url}/file", expects="json"), here, capture)
    assert shown == [None]


def test_a_secret_that_is_not_there_is_asked_for_by_name(tmp_path: Path, clock: Clock) -> None:
    with served({"/p": page("Rowan Ashdale")}) as site, client(clock) as visitor:
        access = {"scheme": "client_credentials", "token": f"{site.url}/token", "secret": "EVERGREEN"}
        here = source(f"{site.url}/p", options={"access": access})
        with Archive(tmp_path).open(here, NOW) as capture, pytest.raises(Refused, match="ROLLCALL_SECRET_EVERGREEN"):
            visitor.fetch(Request(url=f"{site.url}/p"), here, capture)
    assert site.pages_asked() == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{scheme: magic, token: https://x.example/t}", "'magic' is not known"),
        ("{scheme: subject_token}", "`token` is missing"),
        ("{scheme: subject_token, token: ftp://x.example}", "http"),
        ("{scheme: client_credentials, token: https://x.example/t}", "`secret` is missing"),
        ("{scheme: client_credentials, token: https://x.example/t, secret: 'me:word'}", "ROLLCALL_SECRET_AETNA"),
        ("{scheme: subject_token, token: https://x.example/t, ask: {a: 1}}", "expected text"),
        ("{scheme: subject_token, token: https://x.example/t, minuts: 3}", "did you mean 'minutes'"),
    ],
)
def test_a_card_that_asks_wrongly_is_refused(tmp_path: Path, written: str, told: str) -> None:
    text = (
        f"title: T\nkind: insurer\nformat: cards\nstart: https://x.example\ncards: {{block: p, fields: {{name: b}}}}\naccess: {written}\n"
    )
    with pytest.raises(Refused, match=told):
        card(tmp_path, text)


def test_the_token_server_is_a_host_of_the_card(tmp_path: Path) -> None:
    text = "title: T\nkind: insurer\nformat: cards\nstart: https://x.example\ncards: {block: p, fields: {name: b}}\n"
    here = card(tmp_path, text + "access: {scheme: subject_token, token: https://tokens.example/t}\n")
    assert hosts(here) == {"x.example", "tokens.example"}
    assert sources.load("./my_source.yml", tmp_path).options["access"]["token"] == "https://tokens.example/t"


def test_a_form_is_posted_and_its_label_tells_the_answers_apart(tmp_path: Path, clock: Clock) -> None:
    def shown(asked: Asked) -> Reply:
        return page(f"page {parse_qs(asked.body.decode())['p'][0]}")

    archive = Archive(tmp_path)
    with served({"POST /find": shown}) as site, client(clock) as visitor:
        here = source(f"{site.url}/find")
        with archive.open(here, NOW) as capture:
            kept = [
                visitor.fetch(Request(url=f"{site.url}/find", form={"p": str(n), "state": f"{n}{n}"}, label=f"page {n}"), here, capture)
                for n in (1, 2)
            ]
            again = capture.kept(f"{site.url}/find#page 2")
            snapshot = capture.finish(NOW.date())
    assert [each.url.removeprefix(site.url) for each in kept] == ["/find#page 1", "/find#page 2"]
    assert again is not None
    assert b"page 2" in read(again)
    assert [row["method"] for row in rows(archive, here)] == ["POST", "POST"]
    assert {row["url"] for row in archive.attempts(snapshot) if row["outcome"] == "kept"} == {each.url for each in kept}
    assert len({each.id for each in archive.evidence(snapshot)}) == 2


def test_an_export_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    says: dict[str, Answer] = {
        "/$export": Reply(status=202, headers={"Content-Location": "/status/7"}),
        "/status/7": [Reply(status=202), Reply(status=202, headers={"Retry-After": "30"}), json_('{"output": []}')],
    }
    archive = Archive(tmp_path)
    with served(says) as site, client(clock) as visitor:
        here = source(f"{site.url}/$export")
        with archive.open(here, NOW) as capture:
            asked = Request(url=f"{site.url}/$export", expects="json", waits=True, headers={"Prefer": "respond-async"})
            kept = visitor.fetch(asked, here, capture)
    assert kept.url == f"{site.url}/status/7"
    assert site.pages_asked() == ["/$export", "/status/7", "/status/7", "/status/7"]
    assert [round(wait) for wait in clock.waits] == [fetch.POLL, 30]
    assert [row["outcome"] for row in rows(archive, here)] == ["redirected", "waiting", "waiting", "kept"]


def test_an_answer_that_is_accepted_is_an_answer_when_it_is_whole(tmp_path: Path, clock: Clock) -> None:
    with served({"/p.json": Reply(status=202, body=b'[{"npi": 1}]')}) as site, client(clock) as visitor:
        here = source(f"{site.url}/p.json")
        with Archive(tmp_path).open(here, NOW) as capture:
            assert read(visitor.fetch(Request(url=f"{site.url}/p.json", expects="json"), here, capture)) == b'[{"npi": 1}]'


def test_of_a_body_too_large_to_keep_the_hash_of_all_of_it_is_noted(tmp_path: Path, clock: Clock) -> None:
    def ours(chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from (line + b"\n" for line in b"".join(chunks).split(b"\n") if b"ZZ" in line)

    whole = b"\n".join(b"%d,%s" % (n, b"ZZ" if n % 100 == 0 else b"YY") for n in range(1000))
    archive = Archive(tmp_path)
    with served({"/all.csv": Reply(body=whole)}) as site, client(clock) as visitor:
        here = source(f"{site.url}/all.csv")
        with archive.open(here, NOW) as capture:
            kept = visitor.fetch(Request(url=f"{site.url}/all.csv", expects="csv", select=ours), here, capture)
    assert read(kept).count(b"\n") == 10
    (row,) = rows(archive, here)
    assert (row["whole_sha256"], row["whole_byte_count"]) == (hashlib.sha256(whole).hexdigest(), len(whole))
    assert (row["sha256"], row["byte_count"]) == (kept.sha256, kept.byte_count)


def test_of_a_file_too_large_to_keep_too(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from scrapers.visit import visit

    (tmp_path / "all.csv").write_bytes(b"1,ZZ\n2,YY\n3,ZZ\n")
    here = source("all.csv", folder=tmp_path)
    form = SimpleNamespace(distil=lambda source: lambda chunks: (line for line in b"".join(chunks).splitlines(True) if b"ZZ" in line))
    archive = Archive(tmp_path / "raw")
    with Client("audit@example.org") as visitor:
        first, again = (visit(here, form, archive, visitor, NOW)[0] for _ in range(2))
    assert first == again
    (kept,) = archive.evidence(first)
    assert archive.read(kept) == b"1,ZZ\n3,ZZ\n"
    (row,) = archive.attempts(first)
    assert row["whole_byte_count"] == 15


def failure_of(visitor: Client, here: Source, root: Path, expects: str = "json") -> str:
    fetch.HOSTS.clear()
    with Archive(root).open(here, NOW) as capture, pytest.raises(SourceUnreadable) as said:
        visitor.fetch(Request(url=here.start[0], expects=expects), here, capture)
    return said.value.failure


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(status=404), "gone"),
        (Reply(status=403), "blocked"),
        (Reply(status=403, headers={"Retry-After": "5"}), "busy"),
        (Reply(status=403, body=b'{"resourceType": "OperationOutcome", "issue": [{"code": "throttled"}]}'), "busy"),
        (Reply(status=429), "busy"),
        (Reply(status=401), "login_wall"),
        (Reply(body=b""), "empty"),
        (Reply(body=b'{"providers": [1, 2'), "cut_short"),
        (Reply(body=b"<html><title>Find care</title><p>Hello</p></html>"), "changed_shape"),
        (Reply(status=302, headers={"Location": "https://elsewhere.example/"}), "moved"),
        (Reply(body=b"[1]", promised=10), "unreachable"),
    ],
)
def test_every_failure_has_its_class(tmp_path: Path, clock: Clock, reply: Reply, failure: str) -> None:
    with served({"/p": reply}) as site, client(clock) as visitor:
        here = source(f"{site.url}/p")
        assert failure_of(visitor, here, tmp_path) == failure
        last = rows(Archive(tmp_path), here)[-1]
        assert last.get("failure") == (None if last["outcome"] == "redirected" else failure)


def test_a_name_that_leads_nowhere_and_a_certificate_nobody_trusts(tmp_path: Path, clock: Clock) -> None:
    import http.server
    import threading

    with client(clock) as visitor:
        assert failure_of(visitor, source("http://no-such-host.invalid/p"), tmp_path / "dns") == "dns"
        server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            assert failure_of(visitor, source(f"https://127.0.0.1:{server.server_port}/p"), tmp_path / "tls") == "tls"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def test_what_may_pass_can_be_resumed(tmp_path: Path, clock: Clock) -> None:
    with served({"/p": Reply(status=503)}) as site, client(clock) as visitor:
        here = source(f"{site.url}/p")
        with Archive(tmp_path).open(here, NOW) as capture, pytest.raises(Unavailable):
            visitor.fetch(Request(url=here.start[0]), here, capture)
    assert Archive(tmp_path).latest_incomplete(here.name) == (NOW, "got status 503", "busy")


def test_one_answer_is_one_piece_of_evidence(tmp_path: Path, clock: Clock) -> None:
    kept: list[Evidence] = []
    with served({"/p": page("Rowan Ashdale")}) as site, client(clock) as visitor:
        here = source(f"{site.url}/p")
        with Archive(tmp_path).open(here, NOW) as capture:
            kept += [visitor.fetch(Request(url=f"{site.url}/p"), here, capture)]
            kept += [capture.kept(f"{site.url}/p") or pytest.fail("the page is not kept")]
    assert kept[0] == kept[1]
