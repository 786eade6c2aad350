"""How right and how sure matching is at the size of a real state: `python -m benchmarks.providers`, or `main()` from elsewhere.

Each seed is an invented state (benchmarks/state.py) whose directories are printed in four ways: with numbers and places, without either,
without both. Every way is matched in a process of its own, so that seconds and memory are matching's alone, and held against the truth.
The last lines are of the same states with the noise that nobody may tune to.

Tier A, tiers A and B: findings that accuse somebody (duplicates and the license checks); form checks are left out of every figure.
Recall: of true cases past grace, under names that no other license holder of the profession bears; the others stand in lines of their own.
A case missed is unsure (left to a person), unmatched (nobody came into question), or was matched and nothing was said, or something else.
"elsewhere" counts those missed that show a former name or another's number: what is printed leads away from them.
"""

import argparse
import multiprocessing
import re
import resource
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path

import matching
from benchmarks import state
from pipelines import warehouse
from reports.measures import clopper_pearson, wilson
from simulation.truth import Truth

FIRST_SEED = 2022
SETTINGS = matching.Settings(profession="massage_therapist", roll=state.ROLL, audit="invented")
ACCUSING = {"lapsed": "lapsed_license", "barred": "barred_license", "retired": "retired_or_deceased"}
CHECKS = (*ACCUSING.values(), "wrong_profession")


@dataclass(frozen=True, slots=True)
class Variant:
    """What the directories print, and whether names are spoilt in the ways held out."""

    name: str
    numbers: bool
    places: bool
    held_out: bool = False


VARIANTS = (
    Variant("names, places, numbers", numbers=True, places=True),
    Variant("names, places", numbers=False, places=True),
    Variant("names, numbers", numbers=True, places=False),
    Variant("names only", numbers=False, places=False),
    Variant("held-out noise", numbers=True, places=True, held_out=True),
)


@dataclass(slots=True)
class Recall:
    """True cases of one kind, and what became of them."""

    due: int = 0
    found: int = 0
    unsure: int = 0
    unmatched: int = 0
    elsewhere: int = 0  # missed, and shown under a former name or another's number

    def __iadd__(self, other: "Recall") -> "Recall":
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self


@dataclass(slots=True)
class Score:
    """One variant of one seed, or of all of them together."""

    right: int = 0  # tier A
    wrong: int = 0
    wrong_by_check: Counter[str] = field(default_factory=Counter)
    recalls: dict[tuple[str, str], Recall] = field(default_factory=lambda: defaultdict(Recall))  # kind, how it is shown
    pairs: list[tuple[float, bool]] = field(default_factory=list)  # stated probability, whether it is that person
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def __iadd__(self, other: "Score") -> "Score":
        self.right, self.wrong = self.right + other.right, self.wrong + other.wrong
        self.wrong_by_check.update(other.wrong_by_check)
        for key, recall in other.recalls.items():
            self.recalls[key] += recall
        self.pairs += other.pairs
        self.seconds += other.seconds
        self.megabytes += other.megabytes
        return self


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print; the arguments are those of the command line."""
    asked = _parser().parse_args(arguments)
    size = state.Size(asked.listings, asked.massage, asked.roll)
    variants = [each for each in VARIANTS if not asked.only or each.name in asked.only]
    scores: dict[str, list[Score]] = defaultdict(list)
    for seed in range(FIRST_SEED, FIRST_SEED + asked.seeds):
        for variant, score in _seed(seed, size, variants):
            scores[variant.name].append(score)
            print(f"{seed}  {variant.name:<24}{_brief(score)}", flush=True)
    for variant in variants:
        pooled = Score()
        for score in scores[variant.name]:
            pooled += score
        print("\n".join(["", *_told(variant.name, pooled, scores[variant.name])]), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.providers", description="Matching at the size of a real state.")
    usual = state.Size()
    for name, value, words in (
        ("seeds", 10, "states to invent"),
        ("listings", usual.listings, "listings of all insurers together"),
        ("massage", usual.massage, "massage credentials, about"),
        ("roll", usual.roll, "rows of the roll"),
    ):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{words} (default {value:,})")
    parser.add_argument("--only", action="append", choices=[each.name for each in VARIANTS], help="one way of printing; may be given again")
    return parser


def _seed(seed: int, size: state.Size, variants: Sequence[Variant]) -> Iterator[tuple[Variant, Score]]:
    invented = {each: state.invent(seed, size, held_out=each) for each in {variant.held_out for variant in variants}}
    base = next(iter(invented.values()))  # what is held out spoils listings; the roll is the same
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "state.duckdb"
        with warehouse.opened(database) as con:
            audit = state.lay(con, base, size)
        owner = state.owners(base)
        for variant in variants:
            shown = state.shown(invented[variant.held_out], numbers=variant.numbers, places=variant.places)
            with warehouse.opened(database) as con:
                state.show(con, audit, shown.listings, places=variant.places)
            seconds, megabytes = _alone(database)
            with warehouse.read_only(database) as con:
                score = _scored(con, shown, owner)
            score.seconds.append(seconds)
            score.megabytes.append(megabytes)
            yield variant, score


def _alone(database: Path) -> tuple[float, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(match, database).result()


def match(database: Path) -> tuple[float, float]:
    """Link and find; returns seconds, and megabytes at the most this process ever held."""
    with warehouse.opened(database) as con:
        began = time.perf_counter()
        matching.link(con, SETTINGS)
        matching.findings(con, SETTINGS)
        took = time.perf_counter() - began
    return took, _peak()


def _peak() -> float:
    """Megabytes at the most. Linux's own figure where there is one: `ru_maxrss` outlives exec, and would be that of whoever started us."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    if found:
        return int(found[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


# A finding about a claim speaks of every listing that makes this claim; one about a listing, of that listing.
_FLAGGED = """
select finding.check_name, finding.tier, listing.locator
from matching.finding
join curated.listing on case when finding.subject_kind = 'listing' then listing.listing_id = finding.listing_id
  else listing.claim_id = finding.claim_id end
"""
_MATCHED = """
select listing.locator, bool_or(match.judgement = 'same') as is_same
from curated.listing join matching.match on match.left_id = listing.listing_id and match.right_kind = 'credential'
group by listing.locator
"""
_PAIRS = """
select listing.locator, credential.license_key, candidate.probability
from matching.candidate
join curated.listing on listing.listing_id = candidate.left_id
join curated.credential on credential.credential_id = candidate.right_id
where candidate.right_kind = 'credential' and candidate.probability > 0.02
"""


def _scored(con: warehouse.Connection, shown: state.Shown, owner: dict[str, str]) -> Score:
    flagged: dict[tuple[str, str], set[int]] = defaultdict(set)
    for check, tier, locator in con.execute(_FLAGGED).fetchall():
        flagged[check, tier].add(_row(locator))
    matched = {_row(locator): bool(is_same) for locator, is_same in con.execute(_MATCHED).fetchall()}
    score = Score()
    for locator, number, probability in con.execute(_PAIRS).fetchall():
        person = shown.truth[_row(locator)].person_id
        score.pairs.append((float(probability), person is not None and owner.get(number) == person))
    _tier_a(score, shown.truth, flagged)
    for kind, check in ACCUSING.items():
        found = flagged[check, "A"] | flagged[check, "B"]
        for at, row in enumerate(shown.truth):
            if row.so[check]:
                score.recalls[kind, _how(row, bool(shown.listings[at].license))] += _case(at, row, found, matched)
    for how, recall in _duplicates(shown, flagged["duplicate_listing", "A"] | flagged["duplicate_listing", "B"]):
        score.recalls["duplicates", how] += recall
    return score


def _row(locator: str) -> int:
    return int(locator.removeprefix("row "))


def _how(row: Truth, shows_number: bool) -> str:
    return f"{'name shared, ' if row.is_shared else ''}{'number printed' if shows_number else 'no number'}"


def _case(at: int, row: Truth, found: set[int], matched: dict[int, bool]) -> Recall:
    if at in found:
        return Recall(due=1, found=1)
    elsewhere = bool({*row.labels} & {"former_name", "license_of_another"})
    return Recall(due=1, unsure=matched.get(at) is False, unmatched=at not in matched, elsewhere=elsewhere)


def _duplicates(shown: state.Shown, found: set[int]) -> Iterator[tuple[str, Recall]]:
    """Of n that show one person n - 1 are due: which one is kept is no matter of truth."""
    groups: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(shown.truth):
        if row.duplicate_group:
            groups[row.duplicate_group].append(at)
    for members in groups.values():
        numbered = sum(bool(shown.listings[at].license or shown.listings[at].npi) for at in members)
        shared = any(shown.truth[at].is_shared for at in members)
        how = f"{'name shared, ' if shared else ''}{'number printed' if numbered > 1 else 'no number'}"
        yield how, Recall(due=len(members) - 1, found=min(len(members) - 1, len(found & {*members})))


def _tier_a(score: Score, rows: Sequence[Truth], flagged: dict[tuple[str, str], set[int]]) -> None:
    for check in CHECKS:
        for at in flagged[check, "A"]:
            said = rows[at].so[check]
            score.right += said is True
            score.wrong += said is False
            score.wrong_by_check[check] += said is False
    groups: Counter[str] = Counter()
    for at in flagged["duplicate_listing", "A"]:
        groups[rows[at].duplicate_group or f"alone {at}"] += 1
    sizes = Counter(row.duplicate_group for row in rows if row.duplicate_group)
    for group, count in groups.items():
        right = min(count, max(0, sizes[group] - 1))
        score.right, score.wrong = score.right + right, score.wrong + count - right
        score.wrong_by_check["duplicate_listing"] += count - right


def _brief(score: Score) -> str:
    return f"{_precision(score)}   matching {score.seconds[0]:6.1f} s, {score.megabytes[0]:6,.0f} MB"


def _precision(score: Score) -> str:
    n = score.right + score.wrong
    if not n:
        return "tier A: no finding"
    low, _ = clopper_pearson(score.right, n)
    return f"tier A {score.right:>6,} right {score.wrong:>4} wrong of {n:>6,}: {score.right / n:.4f}, at least {low:.4f}"


def _told(name: str, pooled: Score, each: Sequence[Score]) -> Iterator[str]:
    yield f"{name}, {len(each)} seeds"
    least = min((score.right / (score.right + score.wrong) for score in each if score.right + score.wrong), default=1.0)
    yield f"  {_precision(pooled)} (exact 95 % bound); least of a seed {least:.4f}"
    yield f"  wrong: {', '.join(f'{check} {count}' for check, count in sorted(pooled.wrong_by_check.items()) if count) or 'none'}"
    titles = "".join(f"{title:>11}" for title in ("true", "found", "recall", "unsure", "unmatched", "elsewhere"))
    yield f"  {'recall, tiers A and B':<22}{'shown':<30}{titles}"
    for (kind, how), recall in sorted(pooled.recalls.items(), key=lambda entry: (entry[0][0], "shared" in entry[0][1], entry[0][1])):
        missed = "" if kind == "duplicates" else f"{recall.unsure:>11,}{recall.unmatched:>11,}{recall.elsewhere:>11,}"
        yield f"  {kind:<22}{how:<30}{recall.due:>11,}{recall.found:>11,}{recall.found / recall.due:>11.3f}{missed}"
    yield from _calibration(pooled.pairs)
    seconds, megabytes = statistics.median(pooled.seconds), max(pooled.megabytes)
    yield f"  matching: {seconds:.1f} s (median), {max(pooled.seconds):.1f} s at most; {megabytes:,.0f} MB at most"


def _calibration(pairs: Sequence[tuple[float, bool]]) -> Iterator[str]:
    """Ten bins of equal count within 0.02 < p < 0.98; the error is their mean distance from the truth, weighted by count."""
    open_ones = sorted(pair for pair in pairs if pair[0] < 0.98)
    error = 0.0
    yield f"  calibration: {len(open_ones):,} pairs with 0.02 < p < 0.98"
    for at in range(10):
        part = open_ones[at * len(open_ones) // 10 : (at + 1) * len(open_ones) // 10]
        if part:
            stated, observed = sum(p for p, _ in part) / len(part), sum(is_so for _, is_so in part) / len(part)
            error += abs(stated - observed) * len(part) / len(open_ones)
            yield f"    {part[0][0]:.3f}–{part[-1][0]:.3f}  n {len(part):>6,}  stated {stated:.3f}  observed {observed:.3f}"
    sure = [is_so for p, is_so in pairs if p >= 0.95]
    if sure:
        low, high = wilson(sum(sure), len(sure))
        yield f"    error {error:.4f}; p ≥ 0.95: {sum(sure):,} of {len(sure):,} right, {sum(sure) / len(sure):.4f} ({low:.4f}–{high:.4f})"


if __name__ == "__main__":
    main()
