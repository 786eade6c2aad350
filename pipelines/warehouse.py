"""The one door to DuckDB: open, load, run models, copy, publish by rename, and ask questions read-only."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from matching.clean import MACROS
from scrapers.reading import NOUNS
from scrapers.records import Credential, Exclusion, Listing, Participation, Problem, Refused, Registration, Table

Connection = duckdb.DuckDBPyConnection

# Macros that only curated.* needs; what compares names, numbers and places lies in matching.clean.
OURS = r"""
create or replace macro status_key(said) as
  nullif(upper(trim(regexp_replace(regexp_replace(said, '\s*[-–—]+\s*', ' - ', 'g'), '\s+', ' ', 'g'))), '');
create or replace macro profession_key(said) as nullif(upper(trim(regexp_replace(said, '[^A-Za-z]+', ' ', 'g'))), '');
create or replace macro quote_of(said) as '''' || left(said, 60) || '''';
create or replace macro day_of(said) as cast(case
  when regexp_matches(said, '^(19|20)\d{6}$') then try_strptime(said, '%Y%m%d')
  when regexp_matches(said, '^\d{1,2}/\d{1,2}/(19|20)\d{2}$') then try_strptime(said, '%m/%d/%Y')
  when regexp_matches(said, '^(19|20)\d{2}-\d{2}-\d{2}([T ].*)?$') then try_strptime(left(said, 10), '%Y-%m-%d')
end as date);
create or replace macro is_unread_day(said) as coalesce(regexp_matches(said, '[1-9]') and day_of(said) is null, false);
"""

_META = {"source_id": "text", "snapshot_id": "text", "observed_on": "date"}


def _raw(record: type) -> dict[str, str]:
    said = {each.name: "boolean" if each.name == "accepting" else "text" for each in fields(record)}
    return said if record is Problem else said | {"problem": "text", "excerpt": "text"}  # for as long as rows are being read


PARSED: Mapping[str, Mapping[str, str]] = {
    "source": {
        **dict.fromkeys(["source_id", "title", "kind", "surface", "insurer_name", "naic", "waoic", "state", "format", "role"], "text"),
        **dict.fromkeys(["completeness", "name_order", "card_sha256"], "text"),
        "stale_after_days": "integer",
    },
    "network": dict.fromkeys(["source_id", "network", "line", "regulator", "filed_as"], "text"),
    "snapshot": {
        **_META,
        "started_at": "timestamp",
        "finished_at": "timestamp",
        "response_count": "bigint",
        "sha256": "text",
    },
    "evidence": {
        "evidence_id": "text",
        "snapshot_id": "text",
        "url": "text",
        "fetched_at": "timestamp",
        "http_status": "integer",
        "sha256": "text",
        "byte_count": "bigint",
    },
    "listing": {**_META, **_raw(Listing)},
    "credential": {**_META, **_raw(Credential)},
    "problem": {"source_id": "text", "snapshot_id": "text", **_raw(Problem)},
    "status_word": {**dict.fromkeys(["source_id", "status_raw", "status", "citation"], "text"), "may_practice": "boolean"},
    "profession": dict.fromkeys(["profession", "credential_type", "prefix", "title"], "text"),
    "rule": {
        **dict.fromkeys(["rule_id", "citation", "says", "source", "text_dated", "applies_to", "state"], "text"),
        "verified_on": "date",
    },
    "name_part": dict.fromkeys(
        ["raw", "name_order", "prefix", "given", "middle", "family", "suffix", "credentials", "organization"], "text"
    ),
    "address_part": dict.fromkeys(["address", "address_2", "street", "unit"], "text"),
    "registration": {**_META, **_raw(Registration)},
    "exclusion": {**_META, **_raw(Exclusion)},
    "participation": {**_META, **_raw(Participation)},
    "checklist": dict.fromkeys(["source_id", "snapshot_id", "item", "observed", "said", "evidence_id", "excerpt"], "text"),
    "county": {
        **dict.fromkeys(["county_fips", "name", "urban_class", "outline"], "text"),
        "population": "bigint",
        **dict.fromkeys(["land_sqmi", "latitude", "longitude"], "double"),
    },
    "zcta": {"zip5": "text", "county_fips": "text", **dict.fromkeys(["share_land", "latitude", "longitude"], "double")},
    "residence": {"county_fips": "text", "latitude": "double", "longitude": "double"},
    "enrollment": {**dict.fromkeys(["county_fips", "source_id", "network"], "text"), "enrollees": "bigint"},
    "geography_fact": dict.fromkeys(["item", "says", "source", "dated"], "text"),
    "run": {
        **dict.fromkeys(["run_id", "audit", "title", "state", "profession", "code_version", "ledger_head"], "text"),
        "grace_days": "integer",
        "started_at": "timestamp",
        "snapshot_ids": "text[]",
    },
}


RECORDS = tuple(noun.__name__.lower() for noun in NOUNS.values())  # the tables of parsed.* that hold what sources publish


@contextmanager
def opened(path: Path, memory_limit: str = "4GB", scratch: Path | None = None) -> Iterator[Connection]:
    """A working database, open for writing; nothing is fetched from anywhere, and it spills beside itself."""
    spill = scratch or path.with_suffix(".spill")
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory_limit,
        "temp_directory": str(spill),
        "preserve_insertion_order": "true",
    }
    con = duckdb.connect(str(path), config=config)
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set wal_autocheckpoint = '8GB'")  # every file is built whole or thrown away: one checkpoint, at its end, is enough
        con.execute("set enable_progress_bar = false")
        con.execute(MACROS)
        con.execute(OURS)
        yield con
        con.execute("checkpoint")
    finally:
        con.close()
        shutil.rmtree(spill, ignore_errors=True)


@contextmanager
def workbench(beside: Path, memory_limit: str = "4GB", threads: int | None = None) -> Iterator[Connection]:
    """A database in memory that ends with the block; it spills into a folder of its own in `beside`, which goes with it.

    It takes at most `memory_limit`, and at most what DuckDB would take of this machine (four fifths).
    """
    with tempfile.TemporaryDirectory(prefix=".rollcall-", dir=beside, ignore_cleanup_errors=True) as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": spill,
            "preserve_insertion_order": "false",
        }
        con = duckdb.connect(config=config | ({"threads": threads} if threads else {}))
        try:
            con.execute("set enable_progress_bar = false")
            con.execute(MACROS)
            with within(con, memory_limit):
                yield con
        finally:
            con.close()


@contextmanager
def within(con: Connection, memory_limit: str) -> Iterator[None]:
    """For the block DuckDB takes at most so much memory, or what it was given where that is less; the rest it spills."""
    given, asked = (f"parse_formatted_bytes({size})" for size in ("current_setting('memory_limit')", literal(memory_limit)))
    before, least = con.execute(f"select {given}, least({given}, {asked})").fetchone() or (memory_limit, memory_limit)
    con.execute(f"set memory_limit = '{least}B'")
    try:
        yield
    finally:
        con.execute(f"set memory_limit = '{before}B'")


def literal(text: str) -> str:
    """Text as an SQL literal, for where a bound parameter would import pandas.

    >>> literal("O'Neil")
    "'O''Neil'"
    """
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def rebuilt(target: Path, base: Path | None = None, memory_limit: str = "4GB") -> Iterator[Connection]:
    """A database that appears at `target` only when the block ends well; it starts as a copy of `base` where one is given."""
    with alone(target.parent):
        part = target.with_suffix(".part")
        for left in (part, part.with_name(part.name + ".wal")):
            left.unlink(missing_ok=True)
        if base is not None:
            shutil.copyfile(base, part)
        with opened(part, memory_limit, scratch=target.with_suffix(".spill")) as con:
            yield con
        settle(part, target)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep every other process out of a working folder until the block ends; the system lets go when the holder dies."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = duckdb.connect(str(folder / "lock.duckdb"))
    except duckdb.IOException as error:
        if not any(word in str(error) for word in ("lock", "used by another process")):
            raise
        raise Refused(f"another run is at work in {folder} just now; let it finish, or stop it, then run again") from error
    try:
        yield
    finally:
        held.close()


def settle(part: Path, target: Path) -> None:
    """Put `part` at `target` at once and for good, so that a power cut leaves the old file or the new one."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def lay_out(con: Connection) -> None:
    """Create parsed.*, empty: a database of its own, in memory and spilled beside it, that ends with the connection.

    Raw fields may hold a holder's address, and what is dropped from a file still lies in its free blocks: no file ever holds them.
    """
    for schema in ("curated", "matching", "reports", "ledger"):
        con.execute(f"create schema if not exists {schema}")
    con.execute("attach if not exists ':memory:' as parsed")
    for table, columns in PARSED.items():
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        con.execute(f"create or replace table parsed.{table} ({typed})")
    every = " union all ".join(f"select source_id, snapshot_id from parsed.{table}" for table in RECORDS)
    con.execute(f"create or replace view parsed.record as {every}")


def insert(con: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append rows to parsed.`table` in bulk; a column not given is null."""
    return fill(con, f"parsed.{table}", PARSED[table], rows)


def fill(con: Connection, table: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> int:
    """Append rows to any table in bulk, as its columns' types; a column not given is null, one not known is left out."""
    if not rows:
        return 0
    import pandas  # a third of a second, which `rollcall link` does without

    # dtype object keeps text as text: an NPI, a ZIP code or a license number never becomes a number
    frame = pandas.DataFrame({name: pandas.Series([row.get(name) for row in rows], dtype="object") for name in columns})
    con.register("incoming", frame)
    chosen = ", ".join(f'cast("{name}" as {kind})' for name, kind in columns.items())
    names = ", ".join(f'"{name}"' for name in columns)
    con.execute(f"insert into {table} ({names}) select {chosen} from incoming")
    con.unregister("incoming")
    return len(rows)


def selected(con: Connection, read: Table) -> list[dict[str, Any]]:
    """The rows of a table reader's SELECT, their locators complete."""
    con.execute(f"create or replace temp table reading as {read.select}", {"path": str(read.path)})
    place = "case when locator like '% ' then locator || (rowid + 1) else locator end"
    rows = table(con, f"select * replace ({place} as locator) from reading order by rowid")
    con.execute("drop table reading")
    return rows


def insert_read(con: Connection, kind: str, read: Table, evidence_id: str, source_id: str, snapshot_id: str, observed_on: date) -> None:
    """Run a table reader's SELECT over one evidence file; rows that name a problem, and rows DuckDB rejects, become problems.

    All of them or none. Raises duckdb.Error when the file as a whole cannot be read.
    """
    origin = {"source_id": source_id, "snapshot_id": snapshot_id, "observed_on": observed_on, "evidence_id": evidence_id}
    noun = NOUNS[kind].__name__.lower()
    path = {"path": str(read.path)}
    _forget_rejects(con)
    given = [name for (name,) in con.execute(f"select column_name from (describe ({read.select}))", path).fetchall()]
    wanted = [name for name in PARSED[noun] if name in given and name not in origin]
    columns = ", ".join(f'"{name}"' for name in wanted)
    con.execute("begin")
    try:
        con.execute(
            f"insert into parsed.{noun} (source_id, snapshot_id, observed_on, evidence_id, {columns}) "
            f"select $source_id, $snapshot_id, $observed_on, $evidence_id, {columns} from ({read.select})",
            origin | path,
        )
        if not read.is_placed:  # counted afterwards: counting rows while they are read would hold all processors but one up
            first = f"(select min(rowid) from parsed.{noun} where locator like '% ')"
            con.execute(f"update parsed.{noun} set locator = locator || (rowid + 1 - {first}) where locator like '% '")
        _set_apart(con, noun)
        if _exists(con, "reject_errors"):
            con.execute(
                "insert into parsed.problem (source_id, snapshot_id, evidence_id, locator, reason, excerpt) "
                "select $source_id, $snapshot_id, $evidence_id, 'record ' || line, "
                "'the row does not fit its header: ' || lower(replace(min(error_type::text), '_', ' ')), "
                # the row itself may hold what we never keep, such as a birth year; the evidence has it
                "'' from reject_errors group by line",
                {name: value for name, value in origin.items() if name != "observed_on"},
            )
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    _forget_rejects(con)


def _set_apart(con: Connection, noun: str) -> None:
    """Make problems of the rows just read that name one."""
    con.execute(
        "insert into parsed.problem (source_id, snapshot_id, evidence_id, locator, reason, excerpt) "
        f"select source_id, snapshot_id, evidence_id, locator, problem, left(excerpt, 200) from parsed.{noun} where problem is not null"
    )
    con.execute(f"delete from parsed.{noun} where problem is not null")


def insert_joined(con: Connection, kind: str, table: Table, source_id: str, snapshot_id: str, shown_on: Mapping[str, date]) -> None:
    """Run a SELECT over what all pages of a visit said; its rows name the evidence each rests on (`shown_on`: evidence → day)."""
    said = {"source_id": source_id, "snapshot_id": snapshot_id}
    shown = "select unnest($evidence) as evidence_id, unnest($days) as observed_on"
    con.execute(f"create or replace temp table shown as {shown}", {"evidence": list(shown_on), "days": list(shown_on.values())})
    con.execute("set preserve_insertion_order = false")  # in which a join of millions of rows fits beside the memory it is given
    con.execute(f"create or replace temp table reading as {table.select}", {"path": str(table.path)})
    con.execute("reset preserve_insertion_order")
    noun = NOUNS[kind].__name__.lower()
    given = [name for (name,) in con.execute("select column_name from (describe reading)").fetchall()]
    columns = ", ".join(f'"{name}"' for name in PARSED[noun] if name in given)
    con.execute(
        f"insert into parsed.{noun} (source_id, snapshot_id, observed_on, {columns}) "
        f"select $source_id, $snapshot_id, observed_on, {columns} from reading left join shown using (evidence_id) where problem is null",
        said,
    )
    con.execute(
        "insert into parsed.problem (source_id, snapshot_id, evidence_id, locator, reason, excerpt) "
        "select $source_id, $snapshot_id, evidence_id, locator, problem, left(excerpt, 200) from reading where problem is not null",
        said,
    )
    con.execute("drop table reading; drop table shown")


def folder_of(con: Connection) -> Path | None:
    """Where the open database lies; None when it is in memory."""
    (path,) = con.execute("select path from duckdb_databases() where database_name = current_database()").fetchone() or (None,)
    return Path(path).parent if path else None


def _exists(con: Connection, table: str) -> bool:
    return con.execute("select 1 from duckdb_tables() where table_name = $name", {"name": table}).fetchone() is not None


def _forget_rejects(con: Connection) -> None:
    for table in ("reject_errors", "reject_scans"):
        if _exists(con, table):
            con.execute(f"drop table {table}")


# What DuckDB says of a file that is not what its card says; a full disk or too little memory is not among them.
Misfit = (duckdb.DataError, duckdb.InvalidInputException)
TooLittleMemory = duckdb.OutOfMemoryException


def ask(
    path: Path, sql: str, parameters: Mapping[str, Any] | None = None, seconds: float = 60.0
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Answer one question from a published database: read-only, no file or network access, configuration locked.

    Raises Refused when the SQL is wrong, would write, or takes longer than `seconds`.
    """
    con = _for_reading(
        path,
        {
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": "2GB",
            "lock_configuration": "true",
        },
    )
    alarm = threading.Timer(seconds, con.interrupt)
    alarm.start()
    try:
        answer = con.execute(sql, dict(parameters or {}))
        if answer.description is None:
            return [], []
        columns = [str(column[0]) for column in answer.description]
        return columns, answer.fetchall()
    except duckdb.InterruptException as stopped:
        raise Refused(f"the query took longer than {seconds:g} seconds and was stopped; ask for less") from stopped
    except duckdb.Error as wrong:
        raise Refused(f"DuckDB refused the query: {str(wrong).splitlines()[0]}") from wrong
    finally:
        alarm.cancel()
        con.close()


def table(con: Connection, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    answer = con.execute(sql, dict(parameters) if parameters else {})
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def count(con: Connection, rows: str, **parameters: Any) -> int:
    """How many rows `rows` (a table, and perhaps a condition) has."""
    answer = con.execute(f"select count(*) from {rows}", parameters).fetchone()
    return int(answer[0]) if answer else 0


def load_all(con: Connection, tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Append several small parsed.* tables."""
    for name, rows in tables.items():
        insert(con, name, list(rows))


def utc(moment: datetime) -> datetime:
    """A timestamp as DuckDB keeps it: UTC without a zone."""
    return moment.replace(tzinfo=None) if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


@contextmanager
def read_only(path: Path) -> Iterator[Connection]:
    """A published database, for our own questions; Refused where it has not the tables they are about."""
    con = _for_reading(path, {"autoinstall_known_extensions": "false"})
    try:
        yield con
    except (duckdb.CatalogException, duckdb.BinderException) as wrong:
        said = str(wrong).splitlines()[0]
        told = f"{path} has not the tables that this version of Rollcall asks about ({said})"
        raise Refused(f"{told}; make it anew with `rollcall run AUDIT --from curate`, or ask with the version that made it") from wrong
    finally:
        con.close()


def _for_reading(path: Path, config: dict[str, str | bool | int | float | list[str]]) -> Connection:
    """Refused where the file is no database, or not a whole one."""
    try:
        return duckdb.connect(str(path), read_only=True, config=config)
    except duckdb.Error as wrong:
        said = str(wrong).splitlines()[0]
        raise Refused(f"{path} cannot be opened as a database ({said}); restore it from a copy, or run its audit again") from wrong
