"""The systems compared, each a whole process of its own: start, read two files, write the pairs found, exit."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sets import ROOT, SHARED, Labelled, refuse

LAUNCH = ROOT / "benchmarks" / "launch.py"
OURS = Path(sys.executable).parent
PEERS = ROOT / ".venv-bench"


@dataclass(frozen=True)
class Cost:
    """Medians over the rounds of one whole process; `failed` is what it said last when it did not end well."""

    seconds: float
    megabytes: float
    said: dict[str, int]
    failed: str = ""


@dataclass(frozen=True)
class System:
    """A command line for a set and the file it shall write; `by` is the column its pairs are ranked by."""

    name: str
    by: str
    command: Callable[[Labelled, Path], list[str]]


def rollcall(data: Labelled, out: Path) -> list[str]:
    """Ours, told nothing but the fields."""
    return [str(OURS / "rollcall"), "link", *data.files, "--fields", str(data.fields), "--out", str(out), "--json"]


def floor(data: Labelled, out: Path) -> list[str]:
    """DuckDB's exact joins alone (benchmarks/floor.py)."""
    return [str(OURS / "python"), "-m", "benchmarks.floor", *data.files, "--fields", str(data.fields), "--out", str(out)]


def splink(variant: str, peers: Path) -> Callable[[Labelled, Path], list[str]]:
    """Splink 5: by the script of ../shared where it knows the set, else by our configuration of it."""

    def command(data: Labelled, out: Path) -> list[str]:
        python = str(peers / "bin" / "python")
        if not data.given:
            kind = ["--kind", data.fields.stem, "--variant", variant, "--out", str(out)]
            return [python, "-m", "benchmarks.splink_ours", *data.files, *kind]
        name, *special = data.given.split()
        told = "-".join([*special, *{"tutorial": [] if special else ["tutorial"], "1e6": ["u1e6"]}.get(variant, [variant])])
        return [python, str(ROOT / "benchmarks" / "splink_given.py"), str(SHARED / "bench"), str(out), name, told]

    return command


def systems(second: str, peers: Path) -> list[System]:
    """Ours, Splink at its tutorial settings, Splink in a `second` way, the floor."""
    return [
        System("rollcall", "probability", rollcall),
        System("splink tutorial", "weight", splink("tutorial", peers)),
        System(f"splink {second}", "weight", splink(second, peers)),
        System("floor", "", floor),
    ]


def measure(system: System, data: Labelled, out: Path, **environment: str) -> Cost:
    """Run it once."""
    with tempfile.TemporaryDirectory() as logs:
        said, wrong = Path(logs) / "out", Path(logs) / "err"
        command = [str(OURS / "python"), "-I", "-S", str(LAUNCH), str(said), str(wrong), *system.command(data, out)]
        environ = {**os.environ, "LINKAGE_DATA": str(data.folder.parent), "LINKAGE_RESULTS": logs, **environment}
        cost = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environ).stdout)
        words = wrong.read_text(errors="replace").strip().splitlines()
        failed = f"exit {cost['status']}: {words[-1] if words else 'without a word'}" if cost["status"] else ""
        told = said.read_text(errors="replace")
    return Cost(cost["seconds"], cost["megabytes"], _numbers(told) if system.command is rollcall and not failed else {}, failed)


def median(costs: list[Cost]) -> Cost:
    """The median of several rounds; the first failure if there is one."""
    failed = next((cost for cost in costs if cost.failed), None)
    middle = statistics.median
    return failed or Cost(middle(cost.seconds for cost in costs), middle(cost.megabytes for cost in costs), costs[0].said)


def versions(peers: Path) -> str:
    """What stands on both sides; the DuckDB must be the same, or the comparison says nothing."""
    if not (peers / "bin" / "python").exists():
        refuse(f"no Splink at {peers}; `make bench` installs it there, --peers names another virtualenv that has it")
    ask = "import duckdb, importlib.util as u; print(duckdb.__version__, u.find_spec('splink') and __import__('splink').__version__)"
    ours, theirs = (
        subprocess.run([str(place / "python"), "-c", ask], check=True, capture_output=True, text=True).stdout.split()
        for place in (OURS, peers / "bin")
    )
    if ours[0] != theirs[0]:
        refuse(f"DuckDB is {ours[0]} here and {theirs[0]} beside Splink; install the same on both sides with `make bench`")
    return f"DuckDB {ours[0]} on both sides, Splink {theirs[1]}, {os.cpu_count()} cores"


def peer_folder(peers: Path, package: str) -> Path:
    """Where a package of the peers' virtualenv lies."""
    ask = f"import importlib.util as u; print(u.find_spec({package!r}).submodule_search_locations[0])"
    return Path(subprocess.run([str(peers / "bin" / "python"), "-c", ask], check=True, capture_output=True, text=True).stdout.strip())


def invent(peers: Path, home: Path, *, roll: int, listings: int, seed: int) -> Path:
    """Make a scale set."""
    folder = home / f"scale_{listings}x{roll}_{seed}"
    size = ["--roll", str(roll), "--listings", str(listings), "--seed", str(seed)]
    subprocess.run([str(peers / "bin" / "python"), "-m", "benchmarks.invent", str(folder), *size], check=True, cwd=ROOT)
    return folder


def _numbers(told: str) -> dict[str, int]:
    """The counts of `rollcall link --json`."""
    said = json.loads(told[told.index("{") :]) if "{" in told else {}
    return {key: value for key, value in said.items() if isinstance(value, int)}
