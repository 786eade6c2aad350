"""Tables drawn in a test, and tables read back as drawn."""

from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).parents[1]


def cells(drawing: str) -> tuple[list[str], list[list[str | None]]]:
    """The heading and the rows of a drawn table; a blank cell is null."""
    heading, *rows = [[cell.strip() for cell in line.split("|")] for line in drawing.strip().splitlines()]
    assert all(len(row) == len(heading) for row in rows), "a row has more or fewer cells than the heading"
    return heading, [[cell or None for cell in row] for row in rows]


def given(con: duckdb.DuckDBPyConnection, table: str, drawing: str) -> None:
    """Create `table` as drawn. A heading is `name` or `name type`."""
    heading, rows = cells(drawing)
    con.execute(f"create schema if not exists {table.split('.')[0]}")
    con.execute(f"create table {table} ({', '.join(cell if ' ' in cell else f'{cell} text' for cell in heading)})")
    if rows:
        con.executemany(f"insert into {table} values ({', '.join('?' * len(heading))})", rows)


def answer(con: duckdb.DuckDBPyConnection, model: str, **settings: object) -> list[tuple[Any, ...]]:
    """The rows that the model in file `model` returns."""
    return con.execute((ROOT / model).read_text(encoding="utf-8"), settings).fetchall()
