"""Text for a terminal."""

from typing import Any


def printable(cell: Any) -> str:
    """One line of text that cannot move a terminal's cursor."""
    said = "" if cell is None else str(cell)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in said)
