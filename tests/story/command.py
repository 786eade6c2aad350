"""The public command, as a person types it: in this process where speed matters, as a process of its own where it is to be killed."""

import contextlib
import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import duckdb

from pipelines import cli

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one sentence that a command in trouble leaves on stderr, without the name of the command."""
        said = [line for line in self.err.splitlines() if line.startswith("rollcall: ")]
        assert len(said) == 1, self.err
        assert self.err.endswith(said[0] + "\n"), self.err
        assert "Traceback" not in self.err + self.out, self.err
        return said[0].removeprefix("rollcall: ")


def rollcall(*words: str | Path) -> Said:
    """`rollcall WORDS`, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["rollcall", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as done:
            return Said(int(done.code or 0), out.getvalue(), err.getvalue())
    return Said(0, out.getvalue(), err.getvalue())


def started(*words: str | Path) -> subprocess.Popen[str]:
    """`rollcall WORDS`, in a process of its own that is under way."""
    command = [sys.executable, "-m", "pipelines", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# A child's peak counts from its parent's memory at the fork, so a small parent of its own starts it.
_MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
sys.exit(status)
"""


def measured(*words: str | Path, seconds: float = 120) -> tuple[Said, int]:
    """`rollcall WORDS` to its end, and the most memory it held, in bytes."""
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "pipelines", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    *said, peak = done.stdout.splitlines()
    return Said(done.returncode, "\n".join(said), done.stderr), int(peak)


def ended(process: subprocess.Popen[str], seconds: float = 120) -> Said:
    """How that process ended."""
    out, err = process.communicate(timeout=seconds)
    return Said(process.returncode, out, err)


def published(data: Path, audit: str) -> Path:
    """The database that `current` names."""
    home = data / "curated" / audit
    return home / (home / "current").read_text(encoding="utf-8").strip()


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    """What a published database answers."""
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute(sql).fetchall()
