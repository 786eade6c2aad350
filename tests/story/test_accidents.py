"""What happens to the machine and its people: memory, Ctrl-C, a disk that refuses, two runs at once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.scrapers.site import Reply, served
from tests.story.command import ended, measured, published, rows, started
from tests.story.volunteer import HEADER, LIST, PAGES, TABLE, Volunteer, card_page, wait


def test_a_line_of_two_gigabytes_is_not_read_into_memory(volunteer: Volunteer) -> None:
    """In a file and over HTTP, in one process whose memory is measured."""
    long = volunteer.folder / "long.csv"
    long.write_text(HEADER)
    os.truncate(long, 2 * 1024**3)  # a sparse file: it takes no room on disk
    with endless(HEADER.encode(), 2 * 1024**3) as (url, sent):
        volunteer.audits(filed=TABLE.format(start="long.csv"), served=TABLE.format(start=f"{url}/long.csv"))
        began = time.monotonic()
        done, peak = measured("run", volunteer.folder / "audit.yml", "--data", volunteer.data)
    assert done.status == 3, done.err
    failed = [line for line in done.err.splitlines() if line.startswith("failed: ")]
    assert [line.split(": ")[1] for line in failed] == ["filed", "served"]
    assert all("line 2 longer than 16 MiB" in line for line in failed), failed
    assert done.sentence
    assert peak < 600e6, f"{peak / 1e6:.0f} MB"
    assert sent[0] < 200e6, "the rest of the line was not even asked for"
    assert time.monotonic() - began < 60


def test_ctrl_c_loses_nothing(volunteer: Volunteer) -> None:
    slow = Reply(body=b"<p>slow</p>" * 9, drip=0.5)
    with served({"/find?page=1": card_page("Rowan Ashdale", "/find?page=2"), "/find?page=2": slow}) as site:
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
            except (BrokenPipeError, ConnectionResetError):
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
