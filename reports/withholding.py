"""Which counts of answers given in confidence may be printed, so that nothing printed, added or taken away tells of fewer than ten.

Everybody is told how many were drawn. Answers are told apart only in blocks of nobody or of ten and more, and an insurer's only where its
own blocks are so and those of the insurers left out, seen together, are so too.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

LEAST_TO_TELL = 10  # answers given in confidence; fewer are not counted at all

Block = frozenset[str]


def is_small(count: int) -> bool:
    """Somebody, and fewer than ten."""
    return 0 < count < LEAST_TO_TELL


def blocks(counts: Mapping[str, int], families: Sequence[Sequence[Block]]) -> list[Block]:
    """The answers of `counts` in the blocks that may be told apart; a small one merges with the next smallest of its family first.

    >>> told = {"yes": 54, "no": 12, "unclear": 3, "silent": 39}
    >>> family = [frozenset({"yes"}), frozenset({"no"}), frozenset({"unclear"})]
    >>> [sorted(block) for block in blocks(told, [family, [frozenset({"silent"})]])]
    [['no', 'unclear'], ['yes'], ['silent']]
    """
    found: list[Block] = []
    for family in families:
        by_size = sorted(
            (cell for cell in family if _sum(counts, cell) >= LEAST_TO_TELL), key=lambda cell: (_sum(counts, cell), sorted(cell))
        )
        hidden = [cell for cell in family if is_small(_sum(counts, cell))]
        while hidden and (len(hidden) < 2 or sum(_sum(counts, cell) for cell in hidden) < LEAST_TO_TELL):
            if not by_size:
                return [frozenset().union(*(cell for each in families for cell in each))]
            hidden.append(by_size.pop(0))
        found += [frozenset().union(*hidden)] if hidden else []
        apart = [cell for cell in family if cell not in hidden]
        found += [part for cell in apart for part in _parts(counts, cell)]
    return found


def may_print(answers: Collection[str], told: Iterable[Block]) -> bool:
    """Whether a count of these answers is one of whole blocks."""
    return all(block <= frozenset(answers) or not block & frozenset(answers) for block in told)


def closed(rows: Mapping[str, Mapping[str, int]], told: Sequence[Block]) -> set[str]:
    """Of the insurers in `rows` (insurer → answer → count) those whose answers are not printed.

    A table of which sums of rows and of columns are known leaves a cell open unless the rest of its row or column is empty: so at least two
    insurers are closed, and each block holds nobody of them or ten and more.

    >>> yes, no = frozenset({"yes"}), frozenset({"no"})
    >>> sorted(closed({"one": {"yes": 30, "no": 20}, "two": {"yes": 12, "no": 3}, "three": {"yes": 14, "no": 11}}, [yes, no]))
    ['three', 'two']
    """

    def column(names: Iterable[str], block: Block) -> int:
        return sum(_sum(rows[name], block) for name in names)

    shut = {name for name in rows if any(is_small(column([name], block)) for block in told)}
    others = sorted(rows.keys() - shut, key=lambda name: (sum(rows[name].values()), name))
    while shut and others:
        sums = [column(shut, block) for block in told]
        if len(shut) > 1 and not any(map(is_small, sums)) and sum(map(bool, sums)) > 1:
            break
        shut.add(others.pop(0))
    return shut


def _sum(counts: Mapping[str, int], answers: Iterable[str]) -> int:
    return sum(counts.get(answer, 0) for answer in answers)


def _parts(counts: Mapping[str, int], cell: Block) -> list[Block]:
    """A cell of several answers, apart where each of them may be told."""
    return [cell] if any(is_small(counts.get(answer, 0)) for answer in cell) else [frozenset({answer}) for answer in sorted(cell)]
