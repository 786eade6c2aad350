"""No sum of what is printed, less another, tells of fewer than ten; every way of adding up is tried."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from reports.samples import DRAWN, FAMILIES, TOLD
from reports.withholding import blocks, closed, is_small, may_print


def test_a_small_answer_hides_behind_the_next_smallest() -> None:
    told = blocks(dict(zip(DRAWN, (54, 0, 4, 12, 11, 14, 13), strict=True)), FAMILIES)
    assert frozenset({"contradicted", "unsettled"}) in told
    assert may_print(("confirmed", "not_accepting"), told)
    assert not may_print(("contradicted",), told)
    assert may_print(DRAWN, told)


def test_where_all_answers_together_are_few_none_is_told() -> None:
    told = blocks(dict(zip(DRAWN, (3, 0, 1, 0, 40, 0, 20), strict=True)), FAMILIES)
    assert told == [frozenset(DRAWN)]


def test_an_insurer_alone_is_not_closed_since_the_total_less_the_others_would_tell_it() -> None:
    yes, no = frozenset({"yes"}), frozenset({"no"})
    rows = {"one": {"yes": 30, "no": 20}, "two": {"yes": 12, "no": 3}, "three": {"yes": 14, "no": 11}}
    assert closed(rows, [yes, no]) == {"two", "three"}
    assert closed({"one": {"yes": 30, "no": 20}, "two": {"yes": 12, "no": 0}}, [yes, no]) == set()


def rank(rows: Sequence[Sequence[int]]) -> int:
    """How many of these equations say something new."""
    return int(np.linalg.matrix_rank(np.array(rows)))


@pytest.mark.parametrize("seed", range(40))
def test_no_small_count_is_a_sum_of_printed_ones(seed: int) -> None:
    chance = random.Random(seed)
    sources = ["a", "b", "c", "d"][: chance.randint(1, 4)]
    rows = {source: {answer: chance.choice((0, 3, 9, 12, 15, 40)) for answer in DRAWN} for source in sources}
    every = {answer: sum(row[answer] for row in rows.values()) for answer in DRAWN}
    told = blocks(every, FAMILIES)
    shut = closed(rows, told)
    cells = [(source, answer) for source in sources for answer in DRAWN]
    known = [[int(source == each) for source, _ in cells] for each in sources]  # how many were drawn is public
    for number in TOLD:
        for answers in (number.so, number.of):
            if all(may_print(part, told) for part in (number.so, number.of)):
                known.append([int(answer in answers) for _, answer in cells])
                known += [[int(source == each and answer in answers) for source, answer in cells] for each in sources if each not in shut]
    before = rank(known)
    for source in sources:
        for answer in DRAWN:
            if is_small(rows[source][answer]):
                asked = [int(cell == (source, answer)) for cell in cells]
                assert rank([*known, asked]) > before, f"{source}: {answer} can be worked out"
