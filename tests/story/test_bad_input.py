"""What people and sites get wrong: each ends in one clear sentence, the exit status that was promised, and nothing published."""

import csv
import io
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import openpyxl
import pypdf
import pytest

from tests.scrapers.site import Reply, json_, page, served
from tests.story.command import Said, ended, published, rollcall, rows, started

AUDIT = """
title: Massage therapy directories
state: WA
profession: massage_therapist
insurers: [{insurers}]
"""
TABLE = """
title: Evergreen Mutual, a list
kind: insurer
surface: file
network: Cascade Silver
format: table
start: {start}
columns: {{name: Provider, address: Street, city: City, zip: Zip, phone: Phone}}
visit: {{pause_seconds: 0}}
"""
PROVIDERS = """
title: Birch Health, its machine-readable file
kind: insurer
surface: api
network: Birch Bronze
format: cms_json
start: {start}
visit: {{pause_seconds: 0}}
"""
PAGES = """
title: Alder Mutual, its web pages
kind: insurer
surface: website
network: Alder Gold
format: cards
cards: {{block: article, next: "a[rel=next]", fields: {{name: h3}}}}
start: {start}
visit: {{pause_seconds: 0}}
"""
ROLL = """
title: The roll
kind: license_roll
state: WA
format: table
start: roll.csv
as_of: {as_of}
columns: {{number: Number, last: Last, first: First, type: Type, status: Status, expires: Expires}}
license_key: {{pattern: '(?P<prefix>MA)(?P<digits>[0-9]+)', digits: 8}}
words:
  status:
    ACTIVE: {{status: active, may_practice: true}}
    EXPIRED: {{status: expired, may_practice: false}}
"""
HEADER = "Provider,Street,City,Zip,Phone\n"
LIST = HEADER + "".join(f"Rowan Ashdale {each},{each} Alder St,Tacoma,98402,253-555-01{each:02}\n" for each in "ABCDEFGHIJ" for each in [ord(each) - 64])


class Volunteer:
    """A folder with cards and files in it, and the command run beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"

    def has(self, **files: str | bytes) -> None:
        """Files by name; an underscore before the ending stands for the dot."""
        for name, content in files.items():
            path = self.folder / ".".join(name.rsplit("_", 1))
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def audits(self, **cards: str) -> None:
        """An audit of the insurers with these cards."""
        self.has(audit_yml=AUDIT.format(insurers=", ".join(f"./{name}.yml" for name in cards)))
        self.has(**{f"{name}_yml": card for name, card in cards.items()})

    def runs(self, *more: str) -> Said:
        return rollcall("run", self.folder / "audit.yml", "--data", self.data, *more)

    def collects(self) -> Said:
        return rollcall("collect", self.folder / "audit.yml", "--data", self.data)

    def is_told(self, status: int, *words: str) -> None:
        """The run ends so: one sentence with these words, and nothing published."""
        done = self.runs()
        assert done.status == status, done.err
        assert [word for word in words if word not in done.sentence] == [], done.sentence
        assert not (self.data / "curated" / "audit" / "current").exists()


@pytest.fixture
def volunteer(tmp_path: Path) -> Volunteer:
    return Volunteer(tmp_path)


# Cards -----------------------------------------------------------------------------------------------------------


def test_an_unknown_key_on_a_card_is_answered_with_the_nearest(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv").replace("columns:", "colums:"))
    volunteer.is_told(2, "evergreen.yml", "'colums'", "did you mean 'columns'?")


@pytest.mark.parametrize("said", ["", "title: [never closed", "- a\n- list\n", "title: twice\ntitle: twice\n", b"\x93\xfa\x00\xff", b"\x00" * 300])
def test_an_audit_card_that_is_no_card(volunteer: Volunteer, said: str | bytes) -> None:
    volunteer.has(audit_yml=said)
    volunteer.is_told(2, "audit.yml")


def test_a_card_or_a_file_that_is_not_there(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="lst.csv"))
    volunteer.has(list_csv=LIST)
    volunteer.is_told(2, "there is no file lst.csv", "relative to the card")
    (volunteer.folder / "evergreen.yml").rename(volunteer.folder / "evergreen_mutual.yml")
    volunteer.is_told(2, "there is no card ./evergreen.yml", "did you mean evergreen_mutual.yml?")
    assert "no audit card" in rollcall("run", volunteer.folder / "adit.yml", "--data", volunteer.data).sentence


# Answers ---------------------------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[str, Reply, list[str]]] = {
    "truncated JSON": (PROVIDERS, json_('[{"npi": "1234567893", "type": "INDIVIDUAL", "name": {"fir'), ["JSON that breaks off"]),
    "HTML where JSON was due": (PROVIDERS, page("We have moved"), ["asked for JSON", "got an HTML page titled 'Providers'"]),
    "an empty 200": (PROVIDERS, Reply(), ["got nothing (0 bytes)", "an empty answer is not an empty directory"]),
    "an empty 200 for a page": (PAGES, Reply(), ["got nothing (0 bytes)"]),
    "an empty 200 for a table": (TABLE, Reply(), ["got nothing (0 bytes)"]),
    "a page of another encoding": (TABLE, Reply(body=f"{HEADER}Zoë Ashdale,1 Alder St,Tacoma,98402,\n".encode("latin-1")), ["utf-8", "`encoding:"]),
    "a captcha": (
        PAGES,
        Reply(body=b"<!doctype html><title>Just a moment...</title><p>Checking your browser before you go on.</p>"),
        ["a block page (captcha or bot check)", "do not work around it"],
    ),
    "a captcha where a table was due": (
        TABLE,
        Reply(body=b"<html><head><title>Attention Required!</title></head><body>Please verify you are human</body></html>"),
        ["a block page"],
    ),
    "a login page": (
        PAGES,
        Reply(body=b"<!doctype html><title>Sign in</title><form><input name=user><input type=password></form>"),
        ["a login page", "without an account"],
    ),
    "a page without a single listing": (PAGES, page("No results were found."), ["0 records were read", "before believing that nobody is listed"]),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_not_what_was_asked_for(volunteer: Volunteer, kind: str) -> None:
    card, reply, words = ANSWERS[kind]
    with served({"/providers": reply}) as site:
        volunteer.audits(source=card.format(start=f"{site.url}/providers"))
        volunteer.is_told(1 if kind == "a page without a single listing" else 3, "source: ", *words)


def test_the_same_in_a_file_saved_by_hand(volunteer: Volunteer) -> None:
    volunteer.audits(source=PROVIDERS.format(start="providers.json"))
    volunteer.has(providers_json='[{"npi": "1234567893", "na')
    volunteer.is_told(3, "providers.json", "JSON that breaks off", "take the file anew")
    volunteer.has(providers_json="<!doctype html><html><title>Not found</title></html>")
    volunteer.is_told(3, "expected JSON", "an HTML page titled 'Not found'")
    volunteer.has(providers_json="")
    volunteer.is_told(3, "got nothing (0 bytes)")


def test_another_encoding_is_read_once_the_card_says_so(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv"))
    volunteer.has(list_csv=(LIST + "Zoë Birkeland,1 Alder St,Tacoma,98402,253-555-0199\n").encode("latin-1"))
    volunteer.is_told(3, "is not utf-8", "`encoding: latin-1`")
    volunteer.audits(evergreen=TABLE.format(start="list.csv") + "encoding: latin-1\n")
    assert volunteer.runs().status == 0
    assert rows(published(volunteer.data, "audit"), "select given_name from curated.listing where name_raw like 'Z%'") == [("Zoë",)]


def test_a_line_of_two_gigabytes_is_not_read_into_memory(volunteer: Volunteer) -> None:
    """In a file and over HTTP, in one process whose memory is measured."""
    long = volunteer.folder / "long.csv"
    long.write_text(HEADER)
    os.truncate(long, 2 * 1024**3)  # a sparse file: it takes no room on disk
    with endless(HEADER.encode(), 2 * 1024**3) as (url, sent):
        volunteer.audits(filed=TABLE.format(start="long.csv"), served=TABLE.format(start=f"{url}/long.csv"))
        process = started("run", volunteer.folder / "audit.yml", "--data", volunteer.data)
        began = time.monotonic()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        done = ended(process)
    assert done.status == 3, done.err
    failed = [line for line in done.err.splitlines() if line.startswith("failed: ")]
    assert [line.split(": ")[1] for line in failed] == ["filed", "served"]
    assert all("line 2 longer than 16 MiB" in line for line in failed), failed
    assert done.sentence
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert peak < 600e6, f"{peak / 1e6:.0f} MB"
    assert sent[0] < 200e6, "the rest of the line was not even asked for"
    assert time.monotonic() - began < 60


def test_a_loop_of_next_links(volunteer: Volunteer) -> None:
    says = {"/find?page=1": card_page("Rowan Ashdale", "/find?page=2"), "/find?page=2": card_page("Ida Birkeland", "/find?page=1")}
    with served(says) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/find?page=1"))
        volunteer.is_told(3, "leads back to", "a loop of next links", "open both in a browser")
        assert site.pages_asked() == ["/find?page=1", "/find?page=2"]


def test_a_redirect_to_another_host(volunteer: Volunteer) -> None:
    with served({"/find": Reply(status=302, headers={"Location": "https://elsewhere.example/find"})}) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/find"))
        volunteer.is_told(3, "another host, https://elsewhere.example/find", "`visit: hosts:`")


def test_one_source_of_three_that_fails_does_not_keep_the_others_from_being_collected(volunteer: Volunteer) -> None:
    with served({"/one.csv": Reply(body=LIST.encode()), "/three.csv": Reply(body=LIST.encode())}) as site:
        volunteer.audits(**{name: TABLE.format(start=f"{site.url}/{name}.csv") for name in ("one", "two", "three")})
        volunteer.is_told(3, "two: ", "status 404")
        assert site.pages_asked() == ["/one.csv", "/two.csv", "/three.csv"]
        site.says["/two.csv"] = Reply(body=LIST.encode())
        assert volunteer.collects().status == 0
        assert site.pages_asked()[3:] == ["/two.csv"], "what was whole is not asked for again"


# What the expectations stop --------------------------------------------------------------------------------------


def test_a_directory_that_shrank_is_a_broken_capture_until_its_card_says_why(volunteer: Volunteer) -> None:
    march, april = LIST, "".join(LIST.splitlines(keepends=True)[:5])  # ten listings, then four
    volunteer.has(march_csv=march, april_csv=april)
    volunteer.audits(evergreen=TABLE.format(start="march.csv") + "as_of: 2026-03-01\n")
    assert volunteer.runs().status == 0
    earlier = published(volunteer.data, "audit")

    both = TABLE.format(start="[march.csv, april.csv]") + "as_of: {march.csv: 2026-03-01, april.csv: 2026-04-01}\n"
    volunteer.audits(evergreen=both)
    time.sleep(1)  # a run is named by the second in which it began
    stopped = volunteer.runs()
    assert stopped.status == 1
    for words in ("4 records", "10 in the last good snapshot", "shrank by 60%", "expect: shrank: {2026-04-01: reason}"):
        assert words in stopped.sentence
    assert published(volunteer.data, "audit") == earlier, "the earlier publication stays current"
    assert rows(earlier, "select count(*) from curated.listing") == [(10,)]

    volunteer.audits(evergreen=both + "expect: {shrank: {2026-04-01: six therapists left when the clinic closed}}\n")
    assert volunteer.runs().status == 0
    assert rows(published(volunteer.data, "audit"), "select is_latest, count(*) from curated.listing group by 1 order by 1") == [(False, 10), (True, 4)]


def test_a_roll_more_than_seven_days_older_than_the_directory(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv") + "as_of: 2026-03-20\n")
    volunteer.has(list_csv=LIST, roll_csv=roll("MA60000001,Ashdale,Rowan,Massage Therapist License,ACTIVE,20270101"))
    volunteer.has(audit_yml=AUDIT.format(insurers="./evergreen.yml") + "roll: ./roll.yml\n", roll_yml=ROLL.format(as_of="2026-03-12"))
    volunteer.is_told(1, "the roll is 8 days older than the directory, at most 7 are allowed", "collect the roll again")
    volunteer.has(roll_yml=ROLL.format(as_of="2026-03-13"))
    assert volunteer.collects().status == 0
    assert rollcall("curate", volunteer.folder / "audit.yml", "--data", volunteer.data).status == 0


def test_a_status_that_nobody_has_explained_is_never_an_accusation(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv") + "as_of: 2026-03-20\n")
    volunteer.has(list_csv=HEADER + "Rowan Ashdale,1 Alder St,Tacoma,98402,253-555-0101\nIda Birkeland,2 Alder St,Tacoma,98402,253-555-0102\n")
    volunteer.has(
        roll_csv=roll(
            "MA60000001,Ashdale,Rowan,Massage Therapist License,STAYED PENDING REVIEW,20240101",
            "MA60000002,Birkeland,Ida,Massage Therapist License,EXPIRED,20240101",
        )
    )
    volunteer.has(audit_yml=AUDIT.format(insurers="./evergreen.yml") + "roll: ./roll.yml\n", roll_yml=ROLL.format(as_of="2026-03-20"))
    done = volunteer.runs()
    assert done.status == 0
    assert "notice: curated.status_meaning: " in done.err, "a person is asked what it means"
    database = published(volunteer.data, "audit")
    found = rows(database, "select name_raw, check_name from matching.finding join curated.listing using (listing_id)")
    assert found == [("Ida Birkeland", "lapsed_license")]
    assert rows(database, "select status, may_practice from curated.credential where given_name = 'Rowan'") == [("unknown", None)]


# What would do harm if it were believed --------------------------------------------------------------------------

FORMULA = '=HYPERLINK("http://evil.example","Rowan Ashdale")'
SCRIPT = "<script>alert(1)</script> Birkeland"


def test_a_formula_and_a_script_come_out_as_the_text_they_are(volunteer: Volunteer) -> None:
    shown = [[name, street, "Tacoma", "98402", ""] for name, street in ((FORMULA, "=1+1"), (SCRIPT, "2 Alder St"), ("@SUM(A1)", "+3 Oak St"))]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*shown, ["Ida Oakes", "4 Alder St", "Tacoma", "98402", "253-555-0102"]])
    volunteer.audits(evergreen=TABLE.format(start="list.csv"))
    volunteer.has(list_csv=HEADER + text.getvalue())
    volunteer.has(audit_yml=AUDIT.format(insurers="./evergreen.yml") + "publish: [commissioner]\n")
    done = volunteer.runs()
    assert done.status == 0, done.err
    database = published(volunteer.data, "audit")
    folder = database.parent / database.stem.removeprefix("audit-")

    html = (folder / "commissioner.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in html
    assert not re.search(r"<script\b|\bon\w+=|javascript:", html, re.I)
    assert not re.search(r"<script\b", (folder / "expectations.html").read_text(encoding="utf-8"), re.I)

    cells = [cell for sheet in openpyxl.load_workbook(folder / "commissioner.xlsx") for row in sheet.iter_rows() for cell in row]
    assert {FORMULA, SCRIPT, "@SUM(A1)"} <= {cell.value for cell in cells}
    assert [cell.value for cell in cells if cell.data_type == "f" or cell.hyperlink] == []

    annex = list(csv.reader(io.StringIO((folder / "commissioner.csv").read_text(encoding="utf-8-sig"))))
    assert any(f"'{FORMULA}" in row for row in annex)
    assert [cell for row in annex for cell in row if cell.lstrip()[:1] in ("=", "@", "+")] == []

    paper = pypdf.PdfReader(folder / "commissioner.pdf")
    assert "alert(1)" in "".join(each.extract_text() for each in paper.pages)
    assert re.search(rb"/(JavaScript|JS|Launch)\b", (folder / "commissioner.pdf").read_bytes()) is None
    assert "evil.example" not in str([each.get("/Annots") for each in paper.pages])

    asked = rollcall("query", "select name_raw from curated.listing where name_raw like '=%'", "--csv", "--data", volunteer.data)
    assert asked.out.splitlines()[1].strip('"').startswith("'=HYPERLINK")


# The machine and its people --------------------------------------------------------------------------------------


def test_ctrl_c_loses_nothing(volunteer: Volunteer) -> None:
    with served({"/find?page=1": card_page("Rowan Ashdale", "/find?page=2"), "/find?page=2": Reply(body=b"<p>slow</p>" * 9, drip=0.5)}) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/find?page=1"))
        process = started("run", volunteer.folder / "audit.yml", "--data", volunteer.data)
        wait(lambda: "/find?page=2" in site.asked)
        process.send_signal(signal.SIGINT)
        done = ended(process)
        assert done.status == 130, done.err
        assert "interrupted; what was collected is kept" in done.sentence
        site.says["/find?page=2"] = card_page("Ida Birkeland")
        assert volunteer.collects().status == 0
        assert site.pages_asked() == ["/find?page=1", "/find?page=2", "/find?page=2"]


def test_a_data_folder_that_cannot_be_written(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv"))
    volunteer.has(list_csv=LIST, drawer_txt="a file where a folder should be")
    volunteer.data = volunteer.folder / "drawer.txt" / "data"
    volunteer.is_told(2, "drawer.txt", "--data")
    if os.geteuid() != 0:  # root may write everywhere
        volunteer.data = volunteer.folder / "locked"
        volunteer.data.mkdir(mode=0o500)
        volunteer.is_told(2, "locked", "--data")


def test_two_runs_of_one_audit_at_once(volunteer: Volunteer) -> None:
    """The second is told so at once, whatever the first is doing; the first ends well."""
    with served({"/find": Reply(body=card_page("Rowan Ashdale").body, drip=0.005)}) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/find"))
        first = started("run", volunteer.folder / "audit.yml", "--data", volunteer.data)
        wait(lambda: "/find" in site.asked)
        volunteer.is_told(2, "another run", "let it finish")
        wait((volunteer.data / "curated" / "audit" / "work" / "curate.part").exists)
        volunteer.is_told(2, "another run", "let it finish")
        done = ended(first)
    assert done.status == 0, done.err
    assert rows(published(volunteer.data, "audit"), "select name_raw from curated.listing") == [("Rowan Ashdale",)]


# Helpers ---------------------------------------------------------------------------------------------------------


def card_page(name: str, after: str | None = None) -> Reply:
    """A page of a directory with one listing on it."""
    link = f'<a rel="next" href="{after}">Next</a>' if after else ""
    body = f"<!doctype html><title>Find care</title><article><h3>{name}</h3></article>{link}"
    return Reply(body=body.encode(), headers={"Content-Type": "text/html"})


def roll(*lines: str) -> str:
    return "Number,Last,First,Type,Status,Expires\n" + "".join(line + "\n" for line in lines)


def wait(is_time: Any) -> None:
    until = time.monotonic() + 60
    while not is_time():
        assert time.monotonic() < until, "the moment never came"
        time.sleep(0.005)


@contextmanager
def endless(head: bytes, length: int) -> Iterator[tuple[str, list[int]]]:
    """A server that answers with one line of `length` bytes, for as long as anybody listens; and how much it has sent."""
    sent = [0]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/robots.txt":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(len(head) + length))
            self.end_headers()
            self.wfile.write(head)
            try:
                while sent[0] < length:
                    self.wfile.write(b"x" * (1 << 20))
                    sent[0] += 1 << 20
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                self.close_connection = True  # the visitor has heard enough

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        server.server_close()
