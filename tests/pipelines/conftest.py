"""One small published run for the tests of what is made of it, and its commissioner packet: made once, whichever worker comes first."""

import time
from pathlib import Path

import pytest

from pipelines import packet
from tests.pipelines.published import Published, published

SECONDS = 300


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Published:
    workers = hasattr(request.config, "workerinput")
    home = (tmp_path_factory.getbasetemp().parent if workers else tmp_path_factory.getbasetemp()) / "small_run"
    try:
        home.mkdir()
    except FileExistsError:  # another worker is making it
        began = time.monotonic()
        while not (home / "made").exists():
            assert time.monotonic() - began < SECONDS, "the worker that makes the run is gone"
            time.sleep(0.1)
        return published(home)
    made = published(home)
    packet.build(made.settings, made.audit, "commissioner", folder=home / "packet-commissioner")
    (home / "made").touch()
    return made


@pytest.fixture(scope="session")
def commissioner_packet(small_run: Published) -> Path:
    return small_run.settings.data.parent / "packet-commissioner"
