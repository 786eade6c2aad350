"""The wheel carries everything: installed in a fresh environment outside the checkout, it runs the demo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.wheel


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command whose failure fails the test with what it said."""
    plain = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=plain, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_wheel_installed_elsewhere_runs_the_demo(tmp_path: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    run(uv, "build", "--no-build-isolation", "--python", sys.executable, "--out-dir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("rollcall-*.whl")
    elsewhere = tmp_path / "elsewhere"
    run(uv, "venv", "--python", sys.executable, elsewhere / "env", cwd=tmp_path)
    python = elsewhere / "env" / "bin" / "python"
    run(uv, "pip", "install", "--python", python, "--require-hashes", "--requirement", ROOT / "requirements.lock", cwd=elsewhere)
    run(uv, "pip", "install", "--python", python, "--no-deps", wheel, cwd=elsewhere)
    said = run(elsewhere / "env" / "bin" / "rollcall", "demo", "--listings", "60", "--data", elsewhere / "data", cwd=elsewhere)
    assert "lapsed_license" in said
    assert "INVENTED" in said
    (report,) = (elsewhere / "data" / "demo" / "curated" / "invented").glob("*/commissioner.pdf")
    assert report.read_bytes().startswith(b"%PDF-")
    where = run(python, "-c", "import pipelines; print(pipelines.__file__)", cwd=elsewhere)
    assert str(ROOT) not in where
