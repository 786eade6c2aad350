"""Code run in a process of its own, and the most memory that process held."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A child's peak counts from its parent's memory at the fork, so a small parent of its own starts it.
SMALL = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // (1024 ** 2 if sys.platform == "darwin" else 1024))
sys.exit(status)
"""


def measured(code: str, *arguments: str | Path, seconds: float = 60) -> tuple[str, int]:
    """What the code printed, and its peak in megabytes."""
    command = [sys.executable, "-c", SMALL, sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    *said, peak = done.stdout.splitlines()
    return "\n".join(said), int(peak)
