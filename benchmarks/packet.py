"""A packet of five thousand findings: seconds and memory, on an invented state whose sites are served on loopback.

Inside the clock is `packet.build` alone, in a process of its own; the run it is made of comes first. Two builds are compared byte for byte.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from pipelines.packet import bag
from simulation import cards
from tests.pipelines.published import published

MEASURED = """
import re, resource, sys, time
from pathlib import Path
from pipelines import audits, packet
from pipelines.settings import Settings
began = time.perf_counter()
made = packet.build(Settings(data=Path(sys.argv[1])), audits.read(Path(sys.argv[2])), sys.argv[3], folder=Path(sys.argv[4]))
built = time.perf_counter()
# the build's own peak: of a process that another started, ru_maxrss is also the other's
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
megabytes = int(peak[1]) // 1024 if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
began_to_verify = time.perf_counter()
wrong = packet.verify(made)
print(f"{built - began:.1f} {time.perf_counter() - began_to_verify:.1f} {megabytes} {len(wrong)}")
"""


def main(listings: int, seed: int, rounds: int, home: Path | None) -> None:
    """Print, for each round, what a packet of that many listings took; `home` keeps the run to be measured again."""
    with tempfile.TemporaryDirectory() as folder:
        data, card = run(home or Path(folder), listings, seed)
        print(f"{'packet':<14}{'findings':>10}{'seconds':>9}{'verify':>8}{'MB':>6}{'files':>7}{'wrong':>7}{'the same bytes':>16}")
        before: dict[str, str] = {}
        for place in range(rounds):
            made = Path(folder) / f"packet-{place}"
            command = [sys.executable, "-c", MEASURED, str(data), str(card), "commissioner", str(made)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, checked, peak, wrong = done.stdout.split()[-4:]  # DuckDB may show progress before
            files = {path: bag.sha256(made / path) for path in bag.files(made)}
            shown = sum(1 for _ in (made / "evidence/data/exhibits.jsonl").open("rb"))
            same = "yes" if files == before else "–" if not before else "NO"
            print(f"{'commissioner':<14}{shown:>10,}{seconds:>9}{checked:>8}{peak:>6}{len(files):>7}{wrong:>7}{same:>16}")
            before = files


def run(home: Path, listings: int, seed: int) -> tuple[Path, Path]:
    """The data folder and the audit card of a published run, made unless it is there."""
    if not (home / "data" / "curated" / cards.AUDIT / "current").exists():
        published(home, listings, 5 * listings, seed)
    return home / "data", home / "cards" / f"{cards.AUDIT}.yml"
