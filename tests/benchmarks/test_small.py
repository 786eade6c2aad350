"""Every benchmark still runs, small: what they print at full size is read by people, and nothing else would notice that one broke."""

import shlex
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("benchmarks.providers --seeds 1 --listings 300 --massage 600 --roll 3000 --only 'held-out noise'", "p ≥ 0.95"),
        ("benchmarks.rolls --rows 2000 --rounds 1", "curated.credential holds 2,000 rows"),
        ("benchmarks.registry --rows 300 --rounds 1", "load states"),
        ("benchmarks.streams --megabytes 1 --rounds 1", "prices"),
    ],
)
def test_a_benchmark_runs(asked: str, said: str) -> None:
    run = subprocess.run([sys.executable, "-m", *shlex.split(asked)], capture_output=True, text=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stderr
    assert said in run.stdout
