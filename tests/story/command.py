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
