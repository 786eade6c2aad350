"""Any text from outside, made safe to show: one line of visible characters, none of which moves or hides another."""

import unicodedata
from datetime import date
from typing import Any

ABSENT = "–"


def plain(text: str) -> str:
    r"""White space collapsed within lines; control, direction and other invisible characters spelled out.

    >>> plain("Ana  \t Lee"), plain("x\u202ey\u0007")
    ('Ana Lee', 'x[U+202E]y[U+0007]')
    """
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line if line.isprintable() else "".join(_visible(each) for each in line) for line in lines)


def _visible(each: str) -> str:
    return spelled(each) if unicodedata.category(each).startswith("C") else each


def spelled(each: str) -> str:
    """A character that a page cannot show, by its code point."""
    return f"[U+{ord(each):04X}]"


def cell(value: Any) -> str:
    """A table cell as text: whole numbers with thousands, a dash for what is absent."""
    if value is None or value == "":
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, date):
        return value.isoformat()
    return plain(str(value))


def is_number(value: Any) -> bool:
    """Whether a cell is set to the right: a number, or a share in words."""
    return isinstance(value, int | float) or (isinstance(value, str) and value[:1].isdigit() and value.endswith("%"))
