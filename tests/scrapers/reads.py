"""What a test needs to have a body read as the warehouse has it read: kept as a compressed blob, selected by DuckDB."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from scrapers import sources
from scrapers.records import Evidence, Problem, Source, Table

SHARED = Path(__file__).parents[3] / "shared"


def card(folder: Path, text: str, name: str = "my_source") -> Source:
    """The source that a card with this text describes."""
    (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return sources.load(f"./{name}.yml", folder)


def page(body: bytes | str, url: str = "https://directory.example/providers?page=1") -> Evidence:
    """One answer, as a record parser is handed it."""
    body = body.encode() if isinstance(body, str) else body
    return Evidence(
        id="e1",
        snapshot_id="s1",
        url=url,
        fetched_at=datetime(2026, 11, 22, tzinfo=UTC),
        http_status=200,
        sha256=sha256(body).hexdigest(),
        byte_count=len(body),
        content_type=None,
        path=Path("unused"),
        body=body,
    )


def selected(source: Source, body: bytes | str, folder: Path) -> list[dict[str, Any]]:
    """The rows of a table, as the source's SELECTs give them, and what it could not lay out; each without what says nothing."""
    rows, _ = _read(source, body, folder)
    return rows


def joined(source: Source, pages: Sequence[Evidence], folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records and problems of all pages of a visit together, each without the columns that say nothing."""
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    with duckdb.connect() as con:
        con.execute("set threads = 1")
        for each in sources.format_of(source).snapshot_tables(pages, source, folder):
            if isinstance(each, Problem):
                problems.append({"locator": each.locator, "problem": each.reason})
                continue
            found = con.execute(each.select, {"path": str(each.path)})
            names = [column[0] for column in found.description]
            rows += [said(dict(zip(names, row, strict=True))) for row in found.fetchall()]
    problems += [row for row in rows if "problem" in row]
    records = [row for row in rows if "problem" not in row]
    return sorted(records, key=lambda row: (row["locator"], row.get("network", ""))), sorted(problems, key=lambda row: str(row["locator"]))


def rejected(source: Source, body: bytes, folder: Path) -> list[tuple[Any, ...]]:
    """(line, why) of the rows that DuckDB's own reader refused."""
    _, refused = _read(source, body, folder)
    return refused


def _read(source: Source, body: bytes | str, folder: Path) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    body = body.encode() if isinstance(body, str) else body
    blob = folder / "blob.gz"
    blob.write_bytes(gzip.compress(body))
    form = sources.format_of(source)
    found: list[dict[str, Any]] = []
    refused: list[tuple[Any, ...]] = []
    (folder / "flat").mkdir(exist_ok=True)
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        if hasattr(form, "tables"):
            laid_out = form.tables(replace(page(body), path=blob), source, folder / "flat")
        else:
            laid_out = iter([Table(path=blob, select=form.select(source, body[: 64 * 1024]))])
        for each in laid_out:
            if isinstance(each, Problem):
                found.append({"locator": each.locator, "problem": each.reason, **({"excerpt": each.excerpt} if each.excerpt else {})})
                continue
            con.execute(f"create or replace temp table reading as {each.select}", {"path": str(each.path)})
            rows = con.execute(
                "select * replace (case when locator like '% ' then locator || (rowid + 1) else locator end as locator) from reading"
            )
            names = [column[0] for column in rows.description]
            found += [said(dict(zip(names, row, strict=True))) for row in rows.fetchall()]
            refused += con.execute("select distinct line, error_type from reject_errors order by line").fetchall()
            con.execute("drop table reject_errors; drop table reject_scans; drop table reading")
            if each.path != blob:
                each.path.unlink()
    return found, refused


def said(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the fields of which the source says nothing."""
    return {name: value for name, value in row.items() if value is not None}
