"""The whole audit: how often the checks are right over ten invented states, and what matching costs beside a naive peer.

Quality: each seed is a whole audit over loopback HTTP, held against the known truth.
Speed: `matching.link` on the last seed's tables, as a ratio to its floor and to a naive peer in the same process:
  floor  DuckDB joins listings and roll on the license number alone
  peer   rapidfuzz compares every distinct listed name with every distinct licensed name (token_sort_ratio, two threads)
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import rapidfuzz

import matching
from pipelines import demo, warehouse
from pipelines.flows.audit import audit
from pipelines.runs import Run, latest
from pipelines.settings import Settings
from scrapers.sources import load_audit
from simulation import cards, sites, world

SEEDS = tuple(range(2022, 2032))
ROUNDS = 3


def quality(home: Path) -> None:
    """One audit per seed; a line per seed and check."""
    titles = [f"{title:>11}" for title in ("A right", "A wrong", "precision", "A+B right", "A+B wrong", "recall", "unsure", "seconds")]
    print(f"{'seed':>5} {'check':<24}{''.join(titles)}")
    precisions = []
    for seed in SEEDS:
        began = time.perf_counter()
        lines = measured(home / str(seed), seed)
        took = time.perf_counter() - began
        right, wrong = sum(line.documented.right for line in lines), sum(line.documented.wrong for line in lines)
        precisions.append(right / (right + wrong))
        for line in lines:
            probable = line.probable if line.probable.right + line.probable.wrong else line.candidates
            print(
                f"{seed:>5} {line.check:<24}{line.documented.right:>11}{line.documented.wrong:>11}{_share(line.documented.precision):>11}"
                f"{probable.right:>11}{probable.wrong:>11}{_share(probable.recall):>11}{line.unsure:>11}"
            )
        print(f"{seed:>5} {'all checks, tier A':<24}{right:>11}{wrong:>11}{_share(precisions[-1]):>11}{took:>55.1f}", flush=True)
    print(f"tier A precision over {len(SEEDS)} seeds: least {min(precisions):.4f}, median {statistics.median(precisions):.4f}")


def measured(data: Path, seed: int) -> tuple[demo.Line, ...]:
    """Collect, curate and match one invented state, and compare with its truth."""
    home = Settings(data=data)
    today = demo.today(home)
    invented = world.build(seed, 1078, demo.ROLL, today=today)
    with sites.serve(invented) as up:
        card = cards.write(invented, up.urls, data / "cards")
        for stage in ("collect", "curate", "match"):
            audit.fn(card=str(card), data=str(data), only=stage, say=lambda line: None)
    with warehouse.read_only(_run(data).database("match")) as con:
        return demo.compare(con, invented)


def speed(data: Path) -> None:
    """Matching beside its floor and a naive peer, medians of three."""
    asked = load_audit(data / "cards" / "invented.yml")
    settings = matching.Settings(profession=asked.profession, grace_days=asked.grace_days, roll=asked.roll.name if asked.roll else None)
    with warehouse.rebuilt(data / "bench.duckdb", _run(data).database("curate")) as con:
        listed = _names(con, "select distinct upper(name_raw) from curated.listing")
        licensed = _names(con, "select distinct upper(concat_ws(' ', given_name, middle_name, family_name)) from curated.credential")
        floor = _median(
            lambda: con.execute(
                "select count(*) from curated.listing join curated.credential on listing.license_key = credential.license_key"
            ).fetchall()
        )
        peer = _median(
            lambda: rapidfuzz.process.cdist(
                listed, licensed, scorer=rapidfuzz.fuzz.token_sort_ratio, score_cutoff=85, workers=2, dtype="uint8"
            )
        )
        ours = _median(lambda: matching.link(con, settings))
    print(f"matching {len(listed):,} listed names with {len(licensed):,} licensed ones, seconds: {ours:.2f}; ratio to")
    print(f"  the floor (license numbers joined in DuckDB, {floor:.3f} s)          {ours / floor:8.1f}")
    print(f"  a naive peer (rapidfuzz, every name with every name, {peer:.2f} s)  {ours / peer:8.2f}")


def _run(data: Path) -> Run:
    run = latest(Settings(data=data), cards.AUDIT)
    if run is None:
        raise LookupError(f"no run under {data}")
    return run


def _names(con: warehouse.Connection, sql: str) -> list[str]:
    return [name for (name,) in con.execute(sql).fetchall()]


def _median(work: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main(*, speed_only: bool = False) -> None:
    """Print the error rate of every seed, then the speed on the last one's tables."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if speed_only:
            measured(home / str(SEEDS[-1]), SEEDS[-1])
        else:
            quality(home)
        speed(home / str(SEEDS[-1]))
