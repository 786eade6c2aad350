"""How often the intervals hold the truth: `python -m benchmarks intervals`.

A population of known share is made, a sample is drawn from it without replacement, and the interval is asked whether it holds the share;
for every population, sample and share of the grid. Claimed is 95 %: Wilson's with finite-population correction means to hold it on
average over shares, the exact (hypergeometric) one never less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from reports.statistics import hypergeometric, wilson

DRAWS = 4_000
SEED = 2_022
POPULATIONS = (200, 400, 1_078, 3_000)
SAMPLES = (20, 60, 150)
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.97)


@dataclass(frozen=True, slots=True)
class Cell:
    """One population, sample and share, and how often each interval held it."""

    population: int
    n: int
    share: float
    wilson: float
    exact: float
    wilson_width: float
    exact_width: float
    exact_computed: float  # over every sample that can be, each as often as it is: what the draws would come to in the end


def coverage(draws: int = DRAWS, seed: int = SEED) -> Iterator[Cell]:
    """Every cell of the grid, from so many seeded draws each."""
    import numpy as np
    from scipy import stats  # type: ignore[import-untyped]

    chance = np.random.default_rng(seed)
    for population in POPULATIONS:
        for n in SAMPLES:
            for share in SHARES:
                so = round(share * population)
                drawn, times = np.unique(chance.hypergeometric(so, population - so, n, size=draws), return_counts=True)
                found = [(wilson(int(k), n, population=population), hypergeometric(int(k), n, population)) for k in drawn]
                truth = so / population
                weighed = list(zip(found, (int(count) / draws for count in times), strict=True))
                held = [sum(part for ends, part in weighed if ends[kind][0] <= truth <= ends[kind][1]) for kind in (0, 1)]
                width = [sum(part * (ends[kind][1] - ends[kind][0]) for ends, part in weighed) for kind in (0, 1)]
                every = np.arange(max(0, n - population + so), min(n, so) + 1)
                often = stats.hypergeom.pmf(every, population, so, n)
                ends_of = [hypergeometric(int(k), n, population) for k in every]
                computed = sum(float(part) for ends, part in zip(ends_of, often, strict=True) if ends[0] <= truth <= ends[1])
                yield Cell(population, n, truth, held[0], held[1], width[0], width[1], computed)


def main() -> None:
    """Print the grid, and the means."""
    cells = list(coverage())
    print(f"share of {DRAWS:,} draws without replacement in which the 95 % interval held the truth, seed {SEED}; mean width in points")
    print(f"{'N':>6}{'n':>6}{'share':>8}{'Wilson':>10}{'width':>8}{'exact':>10}{'width':>8}")
    for cell in cells:
        print(
            f"{cell.population:>6,}{cell.n:>6}{cell.share:>8.3f}{cell.wilson:>10.3f}{100 * cell.wilson_width:>8.1f}"
            f"{cell.exact:>10.3f}{100 * cell.exact_width:>8.1f}"
        )
    for name in ("wilson", "exact", "exact_computed"):
        found = [getattr(cell, name) for cell in cells]
        under = sum(each < 0.95 for each in found)
        print(f"{name}: mean {fmean(found):.4f}, least {min(found):.4f}, cells under .95: {under} of {len(found)}")


if __name__ == "__main__":
    main()
