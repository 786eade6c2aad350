"""The flows without a server: the same stages, nothing started, nothing sent."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect import Flow

from pipelines.cli import main
from pipelines.flows import audit as module
from pipelines.flows.audit import audit
from simulation import cards, sites, world

ROOT = Path(__file__).parents[2]
HEAVY = {"prefect", "great_expectations", "pandas", "duckdb", "typst", "altair", "httpx"}


@pytest.fixture(scope="module")
def invented() -> world.World:
    return world.build(7, 40, 2000, today=datetime.now(UTC).date())


@pytest.fixture
def card(invented: world.World, tmp_path: Path) -> Path:
    """An audit whose sites are down: enough for what is refused before anybody is asked."""
    return cards.write(invented, dict.fromkeys(sites.HOSTS, "http://127.0.0.1:9"), tmp_path / "cards")


def environment(home: Path) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")} | {"PREFECT_HOME": str(home)}


def test_help_pays_for_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys\nfrom pipelines.cli import main\ntry: main()\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    for words in (["--help"], ["deploy", "--help"], ["run", "--help"]):
        said = subprocess.run(
            [sys.executable, "-c", code, *words], env=environment(tmp_path), capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert "Usage" in said.stdout
        assert not HEAVY & set(said.stderr.split())


def test_a_run_without_a_server_starts_none(invented: world.World, tmp_path: Path) -> None:
    with sites.serve(invented) as up:
        card = cards.write(invented, up.urls, tmp_path / "cards")
        done = subprocess.run(
            [sys.executable, "-m", "pipelines", "run", str(card), "--data", str(tmp_path / "data"), "--json"],
            env=environment(tmp_path / "home"),
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    assert all(Path(each).exists() for each in json.loads(done.stdout)["documents"])
    assert not list((tmp_path / "home").glob("*.db*"))  # a temporary server would have left its database
    assert "temporary server" not in done.stderr


def test_the_flow_called_plainly_runs_the_same_stages(invented: world.World, tmp_path: Path) -> None:
    said: list[str] = []
    with sites.serve(invented) as up:
        card = cards.write(invented, up.urls, tmp_path / "cards")
        done = audit.fn(card=str(card), data=str(tmp_path / "data"), say=said.append)
        assert done is not None and done.database.exists()
        asked = len(up.log)
        said.clear()
        again = audit.fn(card=str(card), data=str(tmp_path / "data"), start="match", say=said.append)
        assert len(up.log) == asked  # a later stage asks nobody
    assert again is not None and again.finding_count == done.finding_count
    assert any("findings" in line for line in said)


def test_what_is_a_function_never_leaves_its_process() -> None:
    offered = {"card", "data", "start", "offline", "only", "until"}
    assert set(audit.parameters.properties) == offered
    sent = audit.serialize_parameters({"card": "a.yml", "start": "match", "say": print, "progress": print, "marks": (), "quality": print})
    assert sent == {"card": "a.yml", "start": "match"}
    json.dumps(sent)


def test_every_flow_has_a_deployment_with_its_time_zone() -> None:
    flows = {name for name, value in vars(module).items() if isinstance(value, Flow)}
    said = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    deployed = set()
    for each in said["deployments"]:
        place, name = each["entrypoint"].rsplit(".", 1)
        flow = getattr(import_module(place), name)
        assert set(each["parameters"]) <= set(flow.parameters.properties)
        assert all(len(schedule["cron"].split()) == 5 and ZoneInfo(schedule["timezone"]) for schedule in each["schedules"])
        deployed.add(name)
    assert deployed == flows


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


REFUSED = [
    (["--cron", "when it suits"], "--cron 'when it suits' cannot be read"),
    (["--cron", "61 5 6 * *"], "--cron '61 5 6 * *' cannot be read"),
    (["--cron", "0 0 5 6 * *"], "--cron '0 0 5 6 * *' cannot be read"),
    (["--cron", "0 5 6 * *", "--timezone", "Mars/Olympus"], "--timezone 'Mars/Olympus' is no time zone we know"),
    (["--cron", "0 5 6 * *", "--timezone", "../zones"], "--timezone '../zones' is no time zone we know"),
    (["--cron", "0 5 6 * *"], "no Prefect server is in use: set PREFECT_API_URL"),
    (["--cron", "nonsense", "--serve"], "--cron 'nonsense' cannot be read"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED, ids=lambda each: each if isinstance(each, str) else "")
def test_what_cannot_be_scheduled_is_refused_in_one_sentence(
    words: list[str], sentence: str, card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(sys, "argv", ["rollcall", "deploy", str(card), *words])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert said.startswith(f"rollcall: {sentence}") and said.count("\n") == 1


def test_a_server_that_does_not_answer_is_named(card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{closed_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.setattr(sys, "argv", ["rollcall", "deploy", str(card), "--cron", "0 5 6 * *"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert said == f"rollcall: no Prefect server answers at {url}; start it with `prefect server start`, or correct PREFECT_API_URL\n"
