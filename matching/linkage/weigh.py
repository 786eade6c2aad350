"""What an answer weighs: m, v and the shares of the kinds of pair, learnt from the tables themselves.

A pair is of one of five kinds: the same person at the same place (match), the same person elsewhere (moved), somebody of the
same family at the same place (household), somebody else at the same place (practice), or two records at random. Answers about
who is meant follow m for the first two kinds and u for the others; answers about the family follow u only for practice and random;
answers about the place follow m at the same place, u at random, and v for the moved. Expectation–maximisation runs over counts of
answer patterns, one set per blocking rule; what a rule itself enforces teaches nothing there. (Fellegi & Sunter 1969; several kinds
of pair: Larsen & Rubin 2001.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from matching.linkage.compare import Comparison
from matching.linkage.fields import FAMILY, PLACE, WHO

Floats = NDArray[numpy.float64]
KINDS_OF_PAIR = ("match", "moved", "household", "practice", "random")
FOLLOWS_M = {WHO: (0, 1), FAMILY: (0, 1, 2), PLACE: (0, 2, 3)}  # kinds of pair in which answers about this follow m

LEAST_BESIDE = numpy.array([0.0, 0.0, 0.02, 0.05])  # households and practices for each match, at the least
TELLING = 0.1  # an answer that more random pairs share tells nobody apart
ROUNDS = 25
M_STRENGTH = 30.0  # imaginary pairs behind what is believed of m before looking
M_DOUBT = 0.1  # and so many more for each pair looked at: what is learnt from sure pairs alone thinks errors too rare
FOR_LIFE = ("npi", "middle_name")  # of these a person has one; a family name changes, a given name has forms
V_STRENGTH = 90.0
U_STRENGTH = 300.0  # and behind u within a blocking rule


@dataclass(frozen=True, slots=True)
class Weights:
    """m, u and v per comparison: arrays over levels, of which 0 is unsaid and weighs nothing. `found`: rules × kinds of pair."""

    m: tuple[Floats, ...]
    u: tuple[Floats, ...]
    v: tuple[Floats, ...]
    found: Floats

    def m_over_u(self, at: int) -> Floats:
        """log2(m / u) of each level. However short the tables, to be different never speaks for being the same."""
        weights = numpy.log2(self.m[at] / self.u[at])
        weights[-1] = min(weights[-1], 0.0)
        return weights

    def v_over_u(self, at: int) -> tuple[float, float]:
        """log2(v / u) of equal, and of anything else."""
        v, u = min(self.v[at][1], 0.999), min(self.u[at][1], 0.999)
        return float(numpy.log2(v / u)), float(numpy.log2((1 - v) / (1 - u)))


def believed(comparison: Comparison) -> Floats:
    """m before looking: one person's records are mostly equal, now and then near, seldom different, hardly ever in what is for life."""
    count = len(comparison.levels)
    m = numpy.full(count, 0.10 / max(count - 3, 1))
    m[0], m[1], m[-1] = 0.0, 0.85, 0.005 if comparison.respect.kind in FOR_LIFE else 0.05
    m /= m.sum()
    m[0] = 1.0
    return m


def kinds_possible(comparisons: Sequence[Comparison]) -> NDArray[numpy.bool_]:
    """Which kinds of pair these questions can tell apart: without two answers about the place only match and random."""
    groups = [comparison.respect.group for comparison in comparisons]
    placed = groups.count(PLACE) >= 2
    return numpy.array([True, placed, placed and FAMILY in groups, placed, True])


def learn(
    comparisons: Sequence[Comparison], u: Sequence[Floats], patterns: NDArray[Any], counts: Floats, left_out: NDArray[numpy.bool_]
) -> Weights:
    """m and v, and within each rule u and the shares of the kinds of pair, by expectation–maximisation.

    patterns: distinct answer patterns × comparisons. counts: patterns × rules. left_out: rules × comparisons that teach nothing there.
    """
    width = [len(comparison.levels) for comparison in comparisons]
    start = numpy.concatenate([[0], numpy.cumsum(width)])
    column = numpy.repeat(numpy.arange(len(width)), width)
    said = numpy.concatenate([numpy.arange(count) > 0 for count in width])
    group = [comparison.respect.group for comparison in comparisons for _ in comparison.levels]
    placed = numpy.array([one == PLACE for one in group])
    by_v = numpy.array([[kind == 1 and one == PLACE for one in group] for kind in range(5)])
    by_m = numpy.array([[kind in FOLLOWS_M[one] for one in group] for kind in range(5)])
    hot = numpy.zeros((len(patterns), start[-1]))
    for at in range(len(width)):
        hot[numpy.arange(len(patterns)), start[at] + patterns[:, at]] = 1.0

    def normal(flat: Floats) -> Floats:
        sums = numpy.bincount(column, weights=flat * said)[column]
        return numpy.where(said, flat / numpy.maximum(sums, 1e-300), 1.0)

    everywhere_u = numpy.concatenate(list(u))
    first_m = m = numpy.concatenate([believed(comparison) for comparison in comparisons])
    first_v = v = normal(0.05 * m + 0.95 * everywhere_u)
    rules = counts.shape[1]
    own_u = numpy.tile(everywhere_u, (rules, 1))
    counted = ~left_out[:, column] & said
    shares = numpy.array([0.15, 0.05, 0.02, 0.08, 0.70]) * kinds_possible(comparisons)
    share = numpy.tile(shares, (rules, 1))
    telling = numpy.array([one[1] < TELLING for one in u])[column] & ~placed
    share[~(counted & telling).any(axis=1), 1] = 0  # where names teach nothing, a person who moved looks like anybody
    share /= share.sum(axis=1, keepdims=True)
    for _ in range(ROUNDS):
        new_m, new_v = numpy.zeros_like(m), numpy.zeros_like(v)
        for rule in range(rules):
            own = counts[:, rule] > 0
            if not own.any():
                continue
            x, n = hot[own], counts[own, rule]
            likely = numpy.log(numpy.maximum(numpy.where(by_v, v, numpy.where(by_m, m, own_u[rule])), 1e-12)) * counted[rule]
            logs = x @ likely.T + numpy.log(numpy.maximum(share[rule], 1e-300))
            belief = numpy.exp(logs - logs.max(axis=1, keepdims=True))
            belief /= belief.sum(axis=1, keepdims=True)
            weighed = belief * n[:, None]
            # A doubtful pair teaches by the square of its doubt: many that are hardly possible must not outvote the few that are sure.
            seen, sure = weighed.T @ x, (weighed * belief).T @ x
            new_m += (numpy.where(placed, seen, sure) * (by_m & ~by_v)).sum(axis=0) * counted[rule]
            new_v += (seen * by_v).sum(axis=0) * counted[rule]
            own_u[rule] = normal((seen * ~(by_m | by_v)).sum(axis=0) + U_STRENGTH * everywhere_u)
            total = weighed.sum(axis=0) + 1e-9 * (share[rule] > 0)
            share[rule] = total / total.sum()
        looked_at = numpy.bincount(column, weights=new_m * said)[column]
        m = normal(new_m + (M_STRENGTH + M_DOUBT * looked_at) * first_m)
        v = normal(new_v + V_STRENGTH * first_v)
    parts = [slice(start[at], start[at + 1]) for at in range(len(width))]
    return Weights(tuple(m[one] for one in parts), tuple(u), tuple(v[one] for one in parts), share)


def shares_of_all(logs: Floats, possible: NDArray[numpy.bool_], records: int, pairs: float) -> Floats:
    """The share of each kind but random among all `pairs`, by fixed point over the pairs found.

    logs: found pairs × four kinds, log2 likelihood over that of random. `records`: of the smaller table, where the search begins.
    """
    ratios = numpy.exp2(numpy.clip(logs, -200, 200))
    share = numpy.where(possible[:4], records / pairs / 4, 0.0)
    for _ in range(30):
        odds = ratios * share
        belief = odds / (odds.sum(axis=1, keepdims=True) + max(1 - share.sum(), 1e-9))
        share = numpy.where(possible[:4], numpy.minimum((belief.sum(axis=0) + 0.1) / pairs, 0.2), 0.0)
    # A table of people may show no household and no practice; spouses and colleagues exist all the same.
    return numpy.maximum(share, share[0] * LEAST_BESIDE) if possible[2] else share
