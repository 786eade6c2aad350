"""Given names that are forms of one another, from the nicknames package, for many names at once."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any


@cache
def _namer() -> Any:
    from nicknames import NickNamer

    return NickNamer()


def canonical(name: str) -> frozenset[str]:
    """What a given name may be a form of, itself and its first word among it.

    >>> "KATHERINE" in canonical("KATHY") & canonical("KATHERINE ANN")
    True
    """
    words = {name, name.split(" ")[0]}
    return frozenset(words | {form.upper() for word in words if len(word) > 1 for form in _namer().canonicals_of(word.lower())})


def forms_of(ones: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Every pair of one and another, different, name that are forms of one name.

    >>> forms_of(["BILL", "ANN"], ["WILLIAM", "BILLY", "SUE"])
    [('BILL', 'BILLY'), ('BILL', 'WILLIAM')]
    """
    by_canonical: dict[str, set[str]] = defaultdict(set)
    for other in others:
        for name in canonical(other):
            by_canonical[name].add(other)
    return sorted({(one, other) for one in ones for name in canonical(one) for other in by_canonical.get(name, ()) if other != one})
