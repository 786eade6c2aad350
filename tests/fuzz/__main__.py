"""`make fuzz`: every format's reader under a coverage-guided fuzzer, seeded with recorded pages, for FUZZ_SECONDS in all.

What it finds stays in build/fuzz/<source>/ and is tried first the next time; a body that breaks a reader is named in the last line.
"""

import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

HOME = Path(__file__).parents[2] / "build" / "fuzz"
LONGEST = 10  # seconds for one body of a few kilobytes: more is a hang
MEMORY = 2048  # megabytes


def fuzz(name: str, arguments: list[str]) -> None:
    """One source, in this process, until libFuzzer has had its time."""
    import atheris

    with atheris.instrument_imports(include=["scrapers", "bs4", "soupsieve", "protego"]):
        from tests.fuzz.reads import cases, check

        (case,) = [each for each in cases() if each.name == name]
    atheris.Setup([name, *arguments], lambda body: check(case, body))
    atheris.Fuzz()


def main() -> int:
    """Every source in turn, each in a process of its own; 1 when a body broke one."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("make fuzz needs atheris, which has wheels for Linux only")
        return 2
    from tests.fuzz.reads import cases

    seconds = max(2, int(os.environ.get("FUZZ_SECONDS") or 60) // len(cases()))
    broken = 0
    for case in cases():
        corpus, found = HOME / case.name / "corpus", HOME / case.name / "found"
        corpus.mkdir(parents=True, exist_ok=True)
        found.mkdir(exist_ok=True)
        for seed in case.seeds:
            (corpus / sha256(seed).hexdigest()[:16]).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", f"-timeout={LONGEST}", f"-rss_limit_mb={MEMORY}", "-max_len=20000"]
        command = [sys.executable, "-m", "tests.fuzz", case.name, *limits, f"-artifact_prefix={found}{os.sep}", str(corpus)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=HOME.parents[1], check=False
        )
        tried = re.findall(r"^#(\d+)", done.stdout, re.M)
        print(
            f"{case.name:20} {case.source.format:12} {tried[-1] if tried else '0':>8} bodies",
            "" if done.returncode == 0 else "BROKEN",
            flush=True,
        )
        if done.returncode:
            broken += 1
            print(_told(done.stdout))
    print(f"{broken} of {len(cases())} readers broke" + (f"; the bodies are in {HOME}/*/found" if broken else ""))
    return min(broken, 1)


def _told(output: str) -> str:
    """The traceback, or where there is none (a hang, too much memory) libFuzzer's own last lines."""
    _, found, traceback = output.partition("=== Uncaught Python exception: ===")
    return (found + traceback.partition("\n==")[0])[-3000:] if found else output[-1500:]


if __name__ == "__main__":
    if sys.argv[1:]:
        fuzz(sys.argv[1], sys.argv[2:])
    else:
        sys.exit(main())
