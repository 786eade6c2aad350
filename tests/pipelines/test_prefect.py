"""Scheduling with real parts: a Prefect server, a process pool and a worker, by the very commands of docs/scheduling.md."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from simulation import cards, sites, world

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SMALL = {"seed": 7, "listings": 40, "roll": 2000}
SOURCES = ("invented_roll", "alder_mutual", "birch_health", "cedar_plan", "invented_nppes", "invented_leie")
STAGES = [*(f"collect {source}" for source in SOURCES), "curate", "match", "publish"]


def told(way: int) -> list[list[str]]:
    """The commands that docs/scheduling.md gives for one way, comments off."""
    text = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^## {way}\..*?^```sh\n(.*?)^```", text, re.M | re.S)
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [line for line in lines if line and line[0] in {"prefect", "rollcall"}]


def line(way: int, *start: str) -> list[str]:
    """The one command of a way that begins so."""
    (found,) = [each for each in told(way) if each[: len(start)] == list(start)]
    return found


def every_minute(way: int, card: Path) -> list[str]:
    """A way's `rollcall deploy`, for our card and without waiting for the sixth of the month."""
    rollcall, deploy, _, cron, _, *rest = line(way, "rollcall", "deploy")
    return [rollcall, deploy, str(card), cron, "* * * * *", *rest]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], Any], seconds: float, says: Callable[[], str] = lambda: "") -> Any:
    """Wait until something is so; the clock here is real because schedules are."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.5)
    pytest.fail(f"not within {seconds:.0f} s\n{says()}")


def at_work(home: Path) -> list[int]:
    """Every process of this machine that was started with our PREFECT_HOME."""
    mark = f"PREFECT_HOME={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0") and b"Z" not in (folder / "stat").read_bytes().split()[2]:
                found.append(int(folder.name))
        except OSError:  # it ended while we looked, or is not ours
            continue
    return found


@contextmanager
def ended(home: Path) -> Iterator[None]:
    """Whatever happens inside, no process of ours outlives the block."""
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):  # a worker started so survives the first
            for pid in at_work(home):
                os.kill(pid, number)
            for _ in range(20):
                if not at_work(home):
                    break
                time.sleep(0.25)


@dataclass(frozen=True)
class Prefect:
    """A server with its pool and its worker."""

    env: dict[str, str]
    folder: Path
    api: httpx.Client

    def do(self, command: list[str], cwd: Path = ROOT, fails: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([str(BIN / command[0]), *command[1:]], env=self.env, cwd=cwd, capture_output=True, text=True, timeout=120)
        assert fails or done.returncode == 0, done.stdout + done.stderr
        return done

    def keep(self, command: list[str]) -> None:
        """Start what stays running."""
        with (self.folder / f"{command[1]}.log").open("w") as log:
            subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                env=self.env,
                cwd=self.folder,  # not the checkout: a worker may be started anywhere
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def log(self) -> str:
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in self.folder.glob("*.log"))

    def ask(self, path: str, **body: Any) -> Any:
        answer = self.api.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def deployment(self, name: str) -> dict[str, Any]:
        flow, short = name.split("/")
        answer = self.api.get(f"/deployments/name/{flow}/{short}")
        answer.raise_for_status()
        return dict(answer.json())

    def runs(self, deployment: dict[str, Any], state: str) -> list[dict[str, Any]]:
        wanted = {"deployment_id": {"any_": [deployment["id"]]}, "state": {"type": {"any_": [state]}}}
        return list(self.ask("/flow_runs/filter", flow_runs=wanted, sort="EXPECTED_START_TIME_ASC"))

    def tasks(self, run: dict[str, Any]) -> dict[str, str]:
        """Task runs by name (Prefect's own ending off), in the order they began."""
        found = self.ask("/task_runs/filter", task_runs={"flow_run_id": {"any_": [run["id"]]}}, sort="EXPECTED_START_TIME_ASC")
        return {re.sub(r"-[0-9a-f]{3}$", "", each["name"]): each["state_type"] for each in found}

    def said(self, run: dict[str, Any]) -> str:
        """Everything a run logged."""
        lines: list[dict[str, Any]] = []
        while len(page := self.ask("/logs/filter", logs={"flow_run_id": {"any_": [run["id"]]}}, limit=200, offset=len(lines))):
            lines += page
        return "\n".join(each["message"] for each in lines)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Ours without anything that Prefect or Rollcall would read, and with a home of its own."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "ROLLCALL"))}
    return {**ours, "PREFECT_HOME": str(home), "PATH": f"{BIN}{os.pathsep}{ours['PATH']}", **more}


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    folder = tmp_path_factory.mktemp("prefect")
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    (setting,) = re.findall(r"^export (.*)$", (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8"), re.M)
    settings = dict(each.split("=", 1) for each in setting.split())
    env = environment(folder / "home", **settings | {"PREFECT_API_URL": url, "PREFECT_SERVER_API_PORT": str(port)})
    with ended(folder / "home"), httpx.Client(base_url=url, timeout=30) as api:
        ours = Prefect(env, folder, api)
        ours.keep(line(2, "prefect", "server"))
        until(lambda: _answers(api), 120, ours.log)
        ours.do(line(2, "prefect", "work-pool"))
        ours.keep(line(2, "prefect", "worker"))
        yield ours
    assert not at_work(folder / "home")


def _answers(api: httpx.Client) -> bool:
    try:
        return api.get("/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def invented() -> world.World:
    return world.build(SMALL["seed"], SMALL["listings"], SMALL["roll"], today=datetime.now(UTC).date())


def test_a_schedule_fires_by_itself(prefect: Prefect, invented: world.World, tmp_path: Path) -> None:
    with sites.serve(invented) as up:
        card = cards.write(invented, up.urls, tmp_path / "cards")
        asked = every_minute(2, card)
        said = json.loads(prefect.do([*asked, "--data", str(tmp_path / "data"), "--json"]).stdout)
        assert said == {"deployment": "audit/invented", "cron": "* * * * *", "timezone": "America/Los_Angeles", "pool": "local"}
        deployment = prefect.deployment("audit/invented")
        run = until(lambda: prefect.runs(deployment, "COMPLETED"), 150, prefect.log)[0]
        prefect.api.patch(f"/deployments/{deployment['id']}", json={"paused": True}).raise_for_status()
        until(lambda: not prefect.runs(deployment, "RUNNING"), 90, prefect.log)
    assert run["auto_scheduled"]
    assert run["parameters"] == {"card": str(card), "data": str(tmp_path / "data")}
    assert prefect.tasks(run) == dict.fromkeys(STAGES, "COMPLETED")
    documents = {path.name for path in (tmp_path / "data" / "curated" / "invented").glob("*/commissioner.*")}
    assert documents == {"commissioner.html", "commissioner.pdf", "commissioner.xlsx", "commissioner.csv"}
    status = prefect.do([*line(2, "rollcall", "status"), "--data", str(tmp_path / "data"), "--json"]).stdout
    shown = {path.name for path in (tmp_path / "data" / "curated" / "invented").glob("2*") if path.is_dir()}
    assert shown and all(each in status for each in shown)
    logged = prefect.said(run)
    assert "alder_mutual@" in logged and "findings" in logged  # ids and counts
    names = {form for person in invented.people for form in (f"{person.first} {person.last}", f"{person.last}, {person.first}")}
    assert not [name for name in names if name.casefold() in logged.casefold()]


def test_a_failed_source_says_why(prefect: Prefect, invented: world.World, tmp_path: Path) -> None:
    with sites.serve(invented) as up:
        closed = f"http://127.0.0.1:{free_port()}"
        card = cards.write(invented, {**up.urls, "birch_health": closed}, tmp_path / "cards")
        card = card.rename(card.with_name("half.yml"))
        prefect.do(["rollcall", "deploy", str(card), "--cron", "0 5 1 1 *", "--data", str(tmp_path / "data")])
        prefect.do([*line(2, "prefect", "deployment")[:-1], "audit/half"])
        deployment = prefect.deployment("audit/half")
        run = until(lambda: prefect.runs(deployment, "FAILED"), 120, prefect.log)[0]
    message = run["state"]["message"]
    assert "birch_health" in message and closed in message and "run again" in message
    assert "\n" not in message and "Traceback" not in message
    wanted = dict.fromkeys(STAGES[: len(SOURCES)], "COMPLETED") | {"collect birch_health": "FAILED"}
    assert prefect.tasks(run) == wanted  # the other sources were visited, and nothing was made of half of them
    assert not list((tmp_path / "data" / "curated").glob("*/current"))


def test_every_deployment_of_prefect_yaml_runs(prefect: Prefect, tmp_path: Path) -> None:
    prefect.do(line(3, "prefect", "--no-prompt"))
    card = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    for each in card["deployments"]:
        flow = "demo" if each["entrypoint"].endswith("invented") else "audit"
        deployment = prefect.deployment(f"{flow}/{each['name']}")
        (schedule,) = deployment["schedules"]
        (asked,) = each["schedules"]
        assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == (asked["cron"], asked["timezone"])
        assert schedule["active"] == asked["active"]
        assert not {"say", "progress", "quality", "marks"} & set(deployment["parameter_openapi_schema"]["properties"])
    here = os.path.relpath(tmp_path, ROOT)  # a relative folder is the checkout's, whatever folder the worker was started in
    prefect.do([*line(3, "prefect", "deployment"), "--param", f'data="{here}"', "--param", "listings=40"])
    weekly = prefect.deployment("demo/weekly")
    run = until(lambda: prefect.runs(weekly, "COMPLETED") or prefect.runs(weekly, "FAILED"), 180, prefect.log)[0]
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert run["parameters"] == {"data": here, "listings": 40, "seed": 2022}
    (inner,) = prefect.ask("/flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [run["id"]]}})
    assert set(inner["parameters"]) == {"card", "data", "start", "offline", "only", "until"}  # what is a function stayed in its process
    assert prefect.tasks(inner) == dict.fromkeys(STAGES, "COMPLETED")
    (page,) = (tmp_path / "demo" / "curated" / "invented").glob("*/commissioner.html")
    assert "INVENTED" in page.read_text(encoding="utf-8")


def test_a_run_by_hand_is_shown_where_a_server_is_in_use(prefect: Prefect, invented: world.World, tmp_path: Path) -> None:
    with sites.serve(invented) as up:
        card = cards.write(invented, up.urls, tmp_path / "cards")
        said = prefect.do(["rollcall", "run", str(card), "--data", str(tmp_path / "data"), "--json"])
    assert json.loads(said.stdout)["documents"]
    named = {"name": {"any_": [f"audit {card}"]}}
    (run,) = prefect.ask("/flow_runs/filter", flow_runs=named)
    assert run["state_type"] == "COMPLETED"
    assert set(run["parameters"]) == {"card", "data", "start", "offline", "only", "until"}


def test_a_pool_that_is_not_there_is_named(prefect: Prefect, invented: world.World, tmp_path: Path) -> None:
    card = cards.write(invented, dict.fromkeys(sites.HOSTS, "http://127.0.0.1:9"), tmp_path / "cards")
    said = prefect.do(["rollcall", "deploy", str(card), "--cron", "0 5 6 * *", "--pool", "kitchen"], fails=True)
    assert said.returncode == 2
    assert said.stderr.startswith("rollcall: work pool 'kitchen' is not on") and said.stderr.count("\n") == 1
    assert "prefect work-pool create kitchen --type process" in said.stderr


def test_a_laptop_needs_one_process(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    env = environment(home)
    large = world.build(11, 1_078, 60_000, today=datetime.now(UTC).date())  # its audit takes long enough to be stopped in the middle
    with ended(home), sites.serve(large) as up:
        card = cards.write(large, up.urls, tmp_path / "cards")
        asked = every_minute(1, card)

        def waits(name: str) -> tuple[subprocess.Popen[bytes], Callable[[], str]]:
            said = tmp_path / name
            with said.open("w") as log:
                command = [str(BIN / asked[0]), *asked[1:], "--data", str(data)]
                process = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
            until(lambda: "waiting for * * * * *" in said.read_text() or process.poll() is not None, 120, said.read_text)
            assert process.poll() is None, said.read_text()
            return process, said.read_text

        process, said = waits("first.log")
        until(lambda: "Beginning flow run" in said(), 120, said)
        process.terminate()  # in the middle of an audit
        assert process.wait(30) == 0, said()
        until(lambda: not at_work(home), 15)
        assert "never awaited" not in said() and "Connection refused" not in said()
        assert not list((data / "curated").glob("*/current"))

        process, said = waits("second.log")
        until(lambda: list((data / "curated").glob("*/current")), 150, said)  # the interrupted audit, gone on with
        until(lambda: "Finished in state Completed()" in said().splitlines()[-1], 30, said)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it, to everybody in front
        assert process.wait(30) == 130
        assert said().splitlines()[-1].startswith("rollcall: interrupted")
        until(lambda: not at_work(home), 15)

        process, said = waits("third.log")
        process.kill()  # nobody is left to stop the server, and yet it ends
        process.wait(30)
        until(lambda: not at_work(home), 30)
