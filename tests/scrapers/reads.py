"""What a test needs to have a body read as the warehouse has it read: kept as a compressed blob, selected by DuckDB."""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from scrapers import sources
from scrapers.records import Evidence, Source

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
    """The rows of a table, as the source's SELECT gives them; each without the columns that say nothing."""
    body = body.encode() if isinstance(body, str) else body
    blob = folder / "blob.gz"
    blob.write_bytes(gzip.compress(body))
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        query = sources.format_of(source).select(source, body[: 64 * 1024])
        rows = con.execute(query, {"path": str(blob)})
        names = [column[0] for column in rows.description]
        return [said(dict(zip(names, row, strict=True))) for row in rows.fetchall()]


def rejected(source: Source, body: bytes, folder: Path) -> list[tuple[Any, ...]]:
    """(line, why) of the rows that DuckDB's own reader refused."""
    blob = folder / "blob.gz"
    blob.write_bytes(gzip.compress(body))
    with duckdb.connect() as con:
        con.execute(sources.format_of(source).select(source, body[: 64 * 1024]), {"path": str(blob)}).fetchall()
        return con.execute("select distinct line, error_type from reject_errors order by line").fetchall()


def said(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the fields of which the source says nothing."""
    return {name: value for name, value in row.items() if value is not None}
