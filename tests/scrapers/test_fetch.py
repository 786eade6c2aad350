"""The polite client, against a site that misbehaves over real HTTP."""

import gzip
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from scrapers import answers, fetch
from scrapers.blobs import read
from scrapers.evidence import Archive, Row
from scrapers.fetch import Client, Unavailable
from scrapers.hosts import Limits
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable
from tests.scrapers.site import Reply, Site, json_, page, served, source

NOW = datetime(2026, 11, 22, 18, 15, 2, tzinfo=UTC)
CAPTCHA = b"<html><head><title>Just a moment...</title></head><body>Checking your browser before accessing the site.</body></html>"
LOGIN = b'<html><title>Sign in</title><form><input name="user"><input type="password" name="pw"></form></html>'


class Visitor:
    """A client and an archive; waits are written down instead of waited."""

    def __init__(self, root: Path) -> None:
        self.archive = Archive(root)
        self.waits: list[float] = []
        self.clock = lambda: NOW
        self.seconds: float | None = None

    def fetch(self, card: Source, expects: str = "html", url: str | None = None) -> Evidence:
        with (
            self.archive.open(card, NOW) as capture,
            Client("audit@example.org", clock=self.clock, sleep=self.waits.append, seconds_per_response=self.seconds) as client,
        ):
            return client.fetch(Request(url=url or card.start[0], expects=expects), card, capture)

    def rows(self) -> list[Row]:
        """What the manifest says of everything but robots.txt."""
        (folder,) = self.archive.visits("wa.evergreen")
        return [row for row in self.archive.attempts(folder) if not row["url"].endswith("/robots.txt")]

    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in self.rows()]


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Visitor]:
    fetch.HOSTS.clear()  # a port may come back within a second, owing the rest of another test
    yield Visitor(tmp_path)


def refusal(visitor: Visitor, reply: Reply, expects: str = "html") -> str:
    """The sentence said about one bad answer, which is not asked for twice; the attempt is in the manifest."""
    with served({"/p": reply}) as site, pytest.raises(SourceUnreadable) as said:
        visitor.fetch(source(f"{site.url}/p"), expects)
    assert not isinstance(said.value, Unavailable)
    assert site.pages_asked() == ["/p"]
    assert str(said.value).startswith("wa.evergreen: ")
    assert "\n" not in str(said.value)
    return str(said.value)


def test_a_page_is_kept_with_everything_about_it(visitor: Visitor) -> None:
    said = {"Set-Cookie": "session=abc", "Content-Type": "text/html", "X-Served-By": "one"}
    with served({"/p?page=2": Reply(body=b"<p>Rowan Ashdale</p>", headers=said)}) as site:
        kept = visitor.fetch(source(f"{site.url}/p?page=2#top"))
    assert read(kept) == b"<p>Rowan Ashdale</p>"
    assert (kept.url, kept.http_status, kept.content_type, kept.byte_count) == (f"{site.url}/p?page=2", 200, "text/html", 20)
    (row,) = visitor.rows()
    assert (row["outcome"], row["method"], row["status"], row["fetched_at"]) == ("kept", "GET", 200, "2026-11-22T18:15:02.000+00:00")
    assert row["headers"]["x-served-by"] == "one"
    assert "set-cookie" not in row["headers"]
    assert row["robots"] == "allowed: no robots.txt (404)"
    (agent,) = site.agents
    assert agent.startswith("Rollcall/")
    assert agent.endswith("(+provider directory audit; contact: audit@example.org)")


def test_a_contact_must_be_named() -> None:
    for contact in ("", "zoë@example.org", "a@example.org\r\nX: y"):
        with pytest.raises(Refused, match="contact"):
            Client(contact)


def test_retry_after_in_seconds_and_as_a_date(visitor: Visitor) -> None:
    later = format_datetime(NOW + timedelta(seconds=40), usegmt=True)
    busy = [Reply(status=429, headers={"Retry-After": "7"}), Reply(status=503, headers={"Retry-After": later}), page("Rowan Ashdale")]
    with served({"/p": busy}) as site:
        visitor.fetch(source(f"{site.url}/p"))
    assert [round(wait) for wait in visitor.waits] == [7, 40]
    assert visitor.outcomes() == ["failed", "failed", "kept"]


def test_a_wait_longer_than_ours_ends_the_visit_for_now(visitor: Visitor) -> None:
    with (
        served({"/p": Reply(status=429, headers={"Retry-After": "7200"})}) as site,
        pytest.raises(Unavailable, match="7200 s, more than the 600 s"),
    ):
        visitor.fetch(source(f"{site.url}/p"))
    assert site.pages_asked() == ["/p"]


def test_a_500_heals(visitor: Visitor) -> None:
    with served({"/p": [Reply(status=500, body=b"<h1>Oops</h1>"), page("Rowan Ashdale")]}) as site:
        visitor.fetch(source(f"{site.url}/p"))
    assert site.pages_asked() == ["/p", "/p"]
    assert visitor.outcomes() == ["failed", "kept"]
    assert visitor.rows()[0]["sha256"], "the body that came with the failure is kept to be shown"
    assert 0 < visitor.waits[0] <= 1.5


def test_a_500_that_does_not_heal_is_asked_five_times(visitor: Visitor) -> None:
    with served({"/p": Reply(status=502)}) as site, pytest.raises(Unavailable, match=r"got status 502, 5 times; run again later"):
        visitor.fetch(source(f"{site.url}/p"))
    assert visitor.outcomes() == ["failed"] * 5
    assert all(longer > shorter for shorter, longer in pairwise(visitor.waits[::2])), "each wait is longer than the one before the last"


def test_nobody_there(visitor: Visitor) -> None:
    with served({}) as site:
        gone = site.url
    with pytest.raises(Unavailable, match=r"asked for robots.txt .*ConnectError"):
        visitor.fetch(source(f"{gone}/p"))


def test_robots_disallow_is_obeyed_and_recorded(visitor: Visitor) -> None:
    says: dict[str, Reply | list[Reply]] = {"/robots.txt": Reply(body=b"User-agent: *\nDisallow: /p"), "/p": page("Rowan Ashdale")}
    with served(says) as site, pytest.raises(SourceUnreadable, match=r"robots\.txt asks programs to stay away from .*/p; we obey"):
        visitor.fetch(source(f"{site.url}/p"))
    assert site.asked == ["/robots.txt"]
    (row,) = visitor.rows()
    assert (row["outcome"], row["status"], row["robots"]) == ("refused_by_robots", None, f"disallowed: {site.url}/robots.txt")


def test_robots_may_address_us_by_name(visitor: Visitor) -> None:
    rules = b"User-agent: *\nDisallow: /\n\nUser-agent: rollcall\nDisallow: /private\nCrawl-delay: 30"
    with served({"/robots.txt": Reply(body=rules), "/a": page("one"), "/b": page("two")}) as site:
        card = source(f"{site.url}/a", f"{site.url}/b")
        visitor.fetch(card)
        visitor.fetch(card, url=f"{site.url}/b")
    assert site.asked == ["/robots.txt", "/a", "/b"], "robots.txt is asked once in a visit, also when the visit is resumed"
    assert round(visitor.waits[-1]) == 30
    assert visitor.rows()[0]["robots"] == f"allowed: {site.url}/robots.txt"


@pytest.mark.parametrize("reply", [Reply(status=503), Reply(status=429)])
def test_not_knowing_the_robots_txt_we_ask_for_nothing(visitor: Visitor, reply: Reply) -> None:
    with served({"/robots.txt": reply, "/p": page("Rowan Ashdale")}) as site, pytest.raises(Unavailable, match="we ask for nothing"):
        visitor.fetch(source(f"{site.url}/p"))
    assert set(site.asked) == {"/robots.txt"}


def test_a_forbidden_robots_txt_forbids_nothing(visitor: Visitor) -> None:
    with served({"/robots.txt": Reply(status=403), "/p": page("Rowan Ashdale")}) as site:
        visitor.fetch(source(f"{site.url}/p"))
    assert visitor.rows()[0]["robots"] == "allowed: no robots.txt (403)"


def test_a_redirect_on_the_same_host_is_followed(visitor: Visitor) -> None:
    with served({"/p": Reply(status=301, headers={"Location": "/q?x=1"}), "/q?x=1": page("Rowan Ashdale")}) as site:
        card = source(f"{site.url}/p")
        kept = visitor.fetch(card)
        visitor.fetch(card)
    assert kept.url == f"{site.url}/q?x=1"
    assert visitor.outcomes()[:2] == ["redirected", "kept"]
    assert visitor.rows()[1]["asked"] == f"{site.url}/p"
    assert site.pages_asked()[:2] == ["/p", "/q?x=1"]
    assert "/p" not in site.pages_asked()[2:], "a redirect this visit has seen is not asked again"


def test_a_redirect_to_another_host_is_not(visitor: Visitor) -> None:
    with served({"/p": page("elsewhere")}) as other:
        said = refusal(visitor, Reply(status=302, headers={"Location": f"{other.url}/p"}))
    assert "another host" in said
    assert "visit: hosts:" in said
    assert other.asked == []


def test_a_further_host_may_stand_on_the_card(visitor: Visitor) -> None:
    with served({"/p": page("elsewhere")}) as other, served({"/p": Reply(status=302, headers={"Location": f"{other.url}/p"})}) as site:
        kept = visitor.fetch(source(f"{site.url}/p", visit={"pause_seconds": 0, "hosts": (other.url.removeprefix("http://"),)}))
    assert kept.url == f"{other.url}/p"
    assert other.asked == ["/robots.txt", "/p"], "its own robots.txt is asked first"


def test_redirects_obey_robots_too(visitor: Visitor) -> None:
    says: dict[str, Reply | list[Reply]] = {
        "/robots.txt": Reply(body=b"User-agent: *\nDisallow: /q"),
        "/p": Reply(status=302, headers={"Location": "/q"}),
        "/q": page("no"),
    }
    with served(says) as site, pytest.raises(SourceUnreadable, match=r"stay away from .*/q"):
        visitor.fetch(source(f"{site.url}/p"))
    assert "/q" not in site.asked


def test_a_redirect_loop_ends(visitor: Visitor) -> None:
    with (
        served({"/p": Reply(status=302, headers={"Location": "/p"})}) as site,
        pytest.raises(SourceUnreadable, match="redirects more than 5 times"),
    ):
        visitor.fetch(source(f"{site.url}/p"))
    assert site.pages_asked() == ["/p"]


def test_plain_http_only_where_the_card_says_http(visitor: Visitor) -> None:
    card = source("https://directory.example.org/p")
    with visitor.archive.open(card, NOW) as capture, Client("audit@example.org") as client:
        with pytest.raises(SourceUnreadable, match="plain http"):
            client.fetch(Request(url="http://directory.example.org/p?page=2"), card, capture)
        with pytest.raises(SourceUnreadable, match="not a web address"):
            client.fetch(Request(url="javascript:void(0)"), card, capture)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(body=CAPTCHA), "block page (captcha or bot check) titled 'Just a moment...'"),
        (Reply(body=CAPTCHA, status=503), "status 503, a block titled 'Just a moment...'"),
        (Reply(body=b"<html><h1>Access Denied</h1>", status=403), "status 403, a block titled 'Access Denied'"),
        (Reply(body=b"{}", status=202), "status 202, a block"),
        (Reply(status=401), "status 401, a block"),
        (Reply(body=b"<html><p>Please solve the <b>captcha</b> to go on</p></html>"), "block page"),
        (Reply(body=LOGIN), "login page titled 'Sign in'"),
        (Reply(status=302, headers={"Location": "/account/login?back=p"}), "login page"),
    ],
)
def test_block_and_login_pages_are_never_no_results(visitor: Visitor, reply: Reply, says: str) -> None:
    assert says in refusal(visitor, reply)
    if reply.status != 302:
        assert visitor.outcomes() == ["blocked"]
        assert bool(visitor.rows()[0]["sha256"]) == bool(reply.body)


def test_a_login_box_or_a_captcha_notice_beside_results_is_no_block(visitor: Visitor) -> None:
    listing = "<article>Rowan Ashdale, LMT, 12 Alder Way, Spokane WA 99201, (509) 555-0112, accepting new patients</article>" * 6
    around = "<!doctype html><title>Find care</title><form>Members<input type=password></form>{}<p>This site is protected by reCAPTCHA.</p>"
    body = around.format(listing)
    with served({"/p": Reply(body=body.encode())}) as site:
        visitor.fetch(source(f"{site.url}/p"))
    assert visitor.outcomes() == ["kept"]


@pytest.mark.parametrize("expects", ["html", "json", "csv"])
def test_an_empty_200_is_not_an_empty_directory(visitor: Visitor, expects: str) -> None:
    assert "got nothing (0 bytes)" in refusal(visitor, Reply(), expects)


def test_html_where_json_was_due(visitor: Visitor) -> None:
    said = refusal(visitor, Reply(body=b"<!DOCTYPE html><title>Welcome to Evergreen</title><p>Hello</p>"), "json")
    assert "asked for JSON at" in said
    assert said.endswith("got an HTML page titled 'Welcome to Evergreen'; open the address in a browser and check `start:`")


def test_html_where_csv_was_due(visitor: Visitor) -> None:
    assert "got an HTML page titled 'Gone'" in refusal(visitor, Reply(body=b"\n<html><title>Gone</title>"), "csv")


@pytest.mark.parametrize("body", ['[{"npi": "1"}, {"np', '{"a": [1, 2', '{"a": "b'])
def test_truncated_json(visitor: Visitor, body: str) -> None:
    assert f"JSON that breaks off after {len(body)} bytes" in refusal(visitor, json_(body), "json")


def test_what_is_no_json_at_all(visitor: Visitor) -> None:
    assert "got something else (Expecting value at character 0)" in refusal(
        visitor, json_("Service is being updated. Please be patient."), "json"
    )


def test_json_in_another_encoding_is_named(visitor: Visitor) -> None:
    assert "not utf-8 (byte 12)" in refusal(visitor, Reply(body='{"name": "Zoë"}'.encode("latin-1")), "json")


def test_json_too_large_to_parse_is_judged_by_its_ends() -> None:
    def never() -> bytes:
        raise AssertionError("a body of more than 64 MB is not read into memory")

    size = 65 << 20
    assert answers.fault("json", b'\n[{"npi": 1}', b"}]\n", size, never) is None
    cut = answers.fault("json", b'[{"npi": 1}', b'{"npi": 2', size, never)
    assert cut is not None
    assert "do not begin and end as JSON does" in cut.saw


@pytest.mark.parametrize(
    ("location", "says"),
    [("http://[", "is not a web address"), ("mailto:desk@example.org", "got something unreadable"), ("//", "redirects more than")],
)
def test_a_redirect_to_nowhere(visitor: Visitor, location: str, says: str) -> None:
    assert says in refusal(visitor, Reply(status=302, headers={"Location": location}))
    assert visitor.outcomes() == (["redirected"] if location == "//" else ["failed"])


def test_whole_json_passes_also_with_a_mark_and_nothing_in_it(visitor: Visitor) -> None:
    with served({"/p": Reply(body=b"\xef\xbb\xbf[]")}) as site:
        visitor.fetch(source(f"{site.url}/p"), "json")
    assert visitor.outcomes() == ["kept"]


def test_a_short_body_is_asked_again(visitor: Visitor) -> None:
    with served({"/p": [Reply(body=b"[1, 2", promised=900), json_("[1, 2]")]}) as site:
        assert read(visitor.fetch(source(f"{site.url}/p"), "json")) == b"[1, 2]"
    assert visitor.outcomes() == ["failed", "kept"]
    with served({"/p": Reply(body=b"[1, 2", promised=900)}) as site, pytest.raises(Unavailable, match="no whole answer"):
        visitor.fetch(source(f"{site.url}/p"), "json")
    assert len(site.pages_asked()) == 5


def test_a_slow_drip_is_cut_off(visitor: Visitor) -> None:
    visitor.seconds = 0.5
    with served({"/p": Reply(body=b"x" * 400, drip=0.02)}) as site, pytest.raises(Unavailable, match=r"bytes in 0\.5 s and no end"):
        visitor.fetch(source(f"{site.url}/p"))
    assert site.pages_asked() == ["/p"]


def test_too_much_is_refused_packed_or_not(visitor: Visitor) -> None:
    much = b"x" * 1_100_000
    for reply in (Reply(body=much), Reply(body=gzip.compress(much), headers={"Content-Encoding": "gzip"})):
        with served({"/p": reply}) as site, pytest.raises(SourceUnreadable, match=r"more than 1 MB; raise `visit: at_most_megabytes:`"):
            visitor.fetch(source(f"{site.url}/p", visit={"pause_seconds": 0, "at_most_megabytes": 1}, card_sha256=site.url))
    assert not list(visitor.archive.root.rglob("*.part"))


def test_a_line_too_long_for_any_reader(visitor: Visitor) -> None:
    body = b"name,phone\n" + b"x" * (17 << 20)
    assert "line 2 longer than 16 MiB" in refusal_of_large(visitor, body)


def refusal_of_large(visitor: Visitor, body: bytes) -> str:
    with served({"/p": Reply(body=body)}) as site, pytest.raises(SourceUnreadable) as said:
        visitor.fetch(source(f"{site.url}/p"), "csv")
    return str(said.value)


def test_one_request_at_a_time_and_a_pace_per_host(tmp_path: Path) -> None:
    """Two visits in one process, to one host."""
    says: dict[str, Reply | list[Reply]] = {f"/{n}": page(str(n)) for n in range(6)}

    def visit(root: Path, site: Site, numbers: range) -> Callable[[], None]:
        def run() -> None:
            card = source(*(f"{site.url}/{n}" for n in numbers), visit={"pause_seconds": 0.1})
            with Archive(root).open(card, NOW) as capture, Client("audit@example.org") as client:
                for url in card.start:
                    client.fetch(Request(url=url, expects="html"), card, capture)

        return run

    with served(says) as site:
        threads = [threading.Thread(target=visit(tmp_path / f"{first}", site, range(first, first + 3))) for first in (0, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(site.asked) == 8
    assert min(later - earlier for earlier, later in pairwise(site.asked_at)) >= 0.1


def test_a_card_cannot_hurry_a_stranger() -> None:
    haste = {"pause_seconds": 0}
    assert Limits.of(source("http://127.0.0.1:8123/x", visit=haste)).pause_seconds == 0
    assert Limits.of(source("https://directory.example/x", visit=haste)).pause_seconds == 1.0
    assert Limits.of(source("https://127.example/x", visit=haste)).pause_seconds == 1.0
