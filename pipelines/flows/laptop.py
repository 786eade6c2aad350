"""A Prefect server of one's own, on loopback, for as long as one process waits.

Prefect's own temporary server runs flows but schedules nothing, so a laptop that waits for a cron line gets a whole one.
"""

import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from scrapers.records import Refused

PATIENCE = 120.0  # seconds; a first start creates the server's database, and two busy cores took 40


@contextmanager
def server() -> Iterator[str]:
    """Start a server, yield its API's URL, stop it; should this process be killed, the server ends by itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}/api"
    child = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pipelines.flows.laptop", str(port)],
        stdin=subprocess.PIPE,  # never written to: its end tells the child that we are gone
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the one who waits; the server is stopped after it
    )
    try:
        until = time.monotonic() + PATIENCE
        while not answers(url):
            if child.poll() is not None or time.monotonic() > until:
                raise Refused("the scheduling server did not start; `prefect server start` says why")
            time.sleep(0.2)
        yield url
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def answers(url: str) -> bool:
    """Whether a Prefect server answers at an API's URL."""
    with suppress(OSError), urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=10) as answer:  # noqa: S310 - the user's own server
        return bool(answer.read(8) == b"true")
    return False


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    Thread(target=_end_with_the_parent, daemon=True).start()
    sys.argv = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", sys.argv[1], "--no-ui", "--log-level", "ERROR"]
    runpy.run_module("prefect", run_name="__main__")
