"""Lay out the table of a PDF as lines of JSON; run as a process of its own, since a hostile PDF can take all the memory there is.

On standard input: {"paper": file, "into": file, "names": the headers on the card}. Written: {"header": [...]} and one {"page", "row",
"confidence", "cells"} for each row. Imports nothing of ours.
"""

import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGES = 3_000
WORDS = 20_000  # on one page; a full page of small print has 1,500
MEMORY = 2 * 1024**3  # bytes
PROCESSOR = 900  # seconds
TOO_MANY = 3  # exit status
LINE = 0.5  # of a letter's height: words nearer than that stand on one line
WRAPPED = 1.6  # of the height of a row: a line nearer below than that may continue it
CONTINUED = 0.9  # how sure we are of a word from such a line
BESIDE = 0.5  # of a letter's height: words nearer than that may be of one cell
ALIGNED = 2  # points: a word that far from where its column begins stands there by chance
Word = dict[str, Any]


def main() -> int:
    asked = json.load(sys.stdin)
    _bounded()
    import pdfplumber

    with pdfplumber.open(asked["paper"]) as paper, Path(asked["into"]).open("w", encoding="utf-8") as out:
        if len(paper.pages) > PAGES:
            print(f"has {len(paper.pages):,} pages")
            return TOO_MANY
        header: list[str] = []
        edges: list[float] = []
        for number, page in enumerate(paper.pages, 1):
            words = page.extract_words(keep_blank_chars=False, use_text_flow=False)
            if len(words) > WORDS:
                print(f"has {len(words):,} words on page {number}")
                return TOO_MANY
            lines = _lines(words)
            found = next(((at, placed) for at, line in enumerate(lines) if (placed := _header(line, asked["names"]))), None)
            if found:
                at, placed = found
                names = [name for name, _, _ in placed]
                if not header:
                    header = names
                    out.write(json.dumps({"header": header}) + "\n")
                edges = _ruled(page, placed) or _edges(placed, [word for line in lines[at + 1 :] for word in line])
                lines = lines[at + 1 :]
            if header:
                for at, (confidence, cells) in enumerate(_rows(lines, edges, _rules(page)), 1):
                    out.write(json.dumps({"page": number, "row": at, "confidence": confidence, "cells": cells}) + "\n")
            page.close()
    return 0


def _bounded() -> None:
    """Let the system end this process at its limits, where the system can."""
    try:
        import resource
    except ImportError:  # Windows, where only the clock of the one who started us holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR + 5))


def _lines(words: list[Word]) -> list[list[Word]]:
    """Words that stand on one line, from left to right; lines from the top."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda each: (each["top"], each["x0"])):
        if lines and word["top"] - lines[-1][0]["top"] < LINE * (word["bottom"] - word["top"]):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda each: each["x0"]) for line in lines]


def _header(line: list[Word], names: list[str]) -> list[tuple[str, float, float]]:
    """(name, left, right) of each header when the line is made of the card's names and nothing else; else nothing."""
    known = {tuple(name.lower().split()): name for name in names}
    placed: list[tuple[str, float, float]] = []
    at = 0
    while at < len(line):
        for size in range(min(12, len(line) - at), 0, -1):
            if (said := tuple(word["text"].lower() for word in line[at : at + size])) in known:
                placed.append((known[said], line[at]["x0"], line[at + size - 1]["x1"]))
                at += size
                break
        else:
            return []
    return placed if len(placed) == len({name for name, _, _ in placed}) and len(placed) > len(names) / 2 else []


def _ruled(page: Any, placed: list[tuple[str, float, float]]) -> list[float]:
    """Where lines are drawn between the headers; nothing where any two have none, or more than one, between them."""
    drawn = sorted({round(edge["x0"], 1) for edge in page.edges if edge["orientation"] == "v"})
    edges: list[float] = []
    for (_, _, right), (_, left, _) in itertools.pairwise(placed):
        between = [x for x in drawn if right - 1 <= x <= left + 1]
        if not between or between[-1] - between[0] > 3:
            return []
        edges.append(sum(between) / len(between))
    return edges


def _edges(placed: list[tuple[str, float, float]], words: list[Word]) -> list[float]:
    """Between two headers, the place that the fewest words cross; of several as good, the middle of the widest gap."""
    edges: list[float] = []
    for (_, left, _), (_, right, _) in itertools.pairwise(placed):
        near = [(max(word["x0"], left), min(word["x1"], right)) for word in words if word["x1"] > left and word["x0"] < right]
        stops = sorted({left, right, *(x for each in near for x in each)})
        best = min(
            ((sum(x0 < (a + b) / 2 < x1 for x0, x1 in near), -(b - a), (a + b) / 2) for a, b in itertools.pairwise(stops)),
            default=(0, 0, right),
        )
        edges.append(best[2])
    return edges


def _rules(page: Any) -> list[float]:
    """Where lines are drawn between rows; nothing where there are too few to part them."""
    drawn = sorted({round(edge["top"], 1) for edge in page.edges if edge["orientation"] == "h"})
    return drawn if len(drawn) > 2 else []


def _rows(lines: list[list[Word]], edges: list[float], rules: list[float]) -> Iterator[tuple[float, list[str]]]:
    """(confidence, cells) of each row: what stands between two rules, or a line and those near below it whose first cell is blank."""
    begins = _begins(lines, edges)
    row: list[list[Word]] = []
    for line in lines:
        if row and rules:
            above, below = (sum(rule <= each[0]["top"] + 1 for rule in rules) for each in (row[-1], line))
            continues = above == below
        else:
            near = bool(row) and line[0]["top"] - row[-1][0]["top"] < WRAPPED * (line[0]["bottom"] - line[0]["top"])
            continues = near and bool(edges) and not any((word["x0"] + word["x1"]) / 2 < edges[0] for word in line)
        if row and not continues:
            yield _row(row, edges, begins, 1 if rules else CONTINUED)
            row = []
        row.append(line)
    if row:
        yield _row(row, edges, begins, 1 if rules else CONTINUED)


def _begins(lines: list[list[Word]], edges: list[float]) -> list[float]:
    """Where most words that come first in each column begin."""
    firsts: list[Counter[float]] = [Counter() for _ in range(len(edges) + 1)]
    for line in lines:
        for column, words in itertools.groupby(line, key=lambda word: _column(word, edges)):
            firsts[column][round(next(words)["x0"])] += 1
    return [each.most_common(1)[0][0] if each else 0.0 for each in firsts]


def _column(word: Word, edges: list[float]) -> int:
    return sum((word["x0"] + word["x1"]) / 2 >= edge for edge in edges)


def _row(lines: list[list[Word]], edges: list[float], begins: list[float], continued: float) -> tuple[float, list[str]]:
    """The cells, and how sure we are of the least sure of them."""
    cells: list[list[str]] = [[] for _ in range(len(edges) + 1)]
    sure: list[list[float]] = [[] for _ in cells]
    for depth, line in enumerate(lines):
        for before, word in itertools.pairwise([None, *line]):
            assert word is not None  # noqa: S101 only the first of all is nothing
            column = _column(word, edges)
            cells[column].append(word["text"])
            crosses = any(word["x0"] < edge - 0.5 and word["x1"] > edge + 0.5 for edge in edges)
            runs_on = (
                before is not None
                and _column(before, edges) != column
                and word["x0"] - before["x1"] < BESIDE * (word["bottom"] - word["top"])
                and abs(word["x0"] - begins[column]) > ALIGNED
            )
            sure[column].append(0 if crosses or runs_on else continued if depth else 1)
    return round(min(sum(each) / len(each) for each in sure if each), 2), [" ".join(cell) for cell in cells]


if __name__ == "__main__":
    sys.exit(main())
