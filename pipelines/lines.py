"""Text for a terminal."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

LINES = 40  # of one page
WIDTH = 150  # characters of one line


def page(lines: Iterable[str], indent: int = 6) -> Iterator[str]:
    """At most a page: long lines go on under themselves, and the last line says how many more there are."""
    parts = [part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent=" " * indent)]
    yield from parts[: LINES - 1]
    if len(parts) >= LINES:
        yield f"  and {len(parts) - LINES + 1} lines more; `--json` has them all"


def printable(cell: Any) -> str:
    """One line of text that cannot move a terminal's cursor."""
    said = "" if cell is None else str(cell)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in said)


def few(names: Sequence[str], shown: int = 2) -> str:
    """The first of some names, and how many more there are.

    >>> few(["a", "b", "c"]), few(["a"])
    ('a, b and 1 more', 'a')
    """
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
