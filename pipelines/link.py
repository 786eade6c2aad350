"""From two files to pairs: open what is to be linked, hand it to the engine, write what it found."""

import csv
import difflib
import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matching.linkage.fields import Fields, read_fields
from matching.linkage.link import link
from matching.linkage.odds import Linkage
from matching.linkage.prepare import quoted
from matching.linkage.weigh import KINDS_OF_PAIR
from pipelines import warehouse
from scrapers.card import read_card
from scrapers.records import Refused

HEAD = 65_536  # bytes looked at to tell what a file is
SEPARATORS = ",;\t|"
PARQUET = {".parquet", ".pq"}


@dataclass(frozen=True, slots=True)
class Table:
    """A file to be linked, and the relation that reads the columns asked for from it, every one as text."""

    path: Path
    sql: str
    columns: tuple[str, ...]


def link_files(
    left: Path,
    right: Path | None,
    card: Path,
    out: Path,
    *,
    independent: bool = False,
    at_least: float = 0.01,
    memory_limit: str = "4GB",
    threads: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Write `out`: the pairs of two files, or of one with itself, ordered by id_l, falling probability and id_r. Returns what was done.

    Raises Refused when a file, the fields or the place of `out` is not what it must be; `out` then stays as it was.
    """
    began = time.perf_counter()
    if not 0 <= at_least <= 1:
        raise Refused(f"--at-least is a probability between 0 and 1, saw {at_least:g}")
    fields = read_fields(read_card(card), card.name)
    paths = [left] if right is None else [left, right]
    _check_place(out, [*paths, card])
    part = out.with_name(out.name + ".tmp")
    try:
        with warehouse.workbench(out.parent, memory_limit, threads) as con:
            tables = [_table(con, path, fields) for path in paths]
            found = _linked(con, tables, fields, independent=independent, at_least=at_least, say=say)
            say(f"writing {out.name}")
            rows = "select * from linked order by id_l, probability desc, id_r"
            (written,) = con.execute(f"copy ({rows}) to {warehouse.literal(str(part))} (format parquet)").fetchone() or (0,)
        warehouse.settle(part, out)
    except PermissionError as error:
        raise Refused(f"{out} cannot be written ({error.strerror}); give a folder in which you may write") from error
    except warehouse.TooLittleMemory as error:
        raise Refused(f"linking these needs more than the {memory_limit} it may take; allow more, as in ROLLCALL_MEMORY=8GB") from error
    finally:
        part.unlink(missing_ok=True)
    return _said(found, out, int(written), time.perf_counter() - began)


def lines(said: dict[str, Any]) -> Iterator[str]:
    """What was done, for a person."""
    tables = f"{said['left']:,} records" + ("" if said["right"] is None else f" with {said['right']:,}")
    yield f"{said['pairs_written']:,} pairs of {tables}, {said['pairs_compared']:,} compared, {said['seconds']:.1f} s"
    for rule in said["rules"]:
        yield f"  {rule['pairs']:>15,}  {' + '.join(rule['atoms']) or 'every pair'}"
    if said["recall"] is not None:
        yield f"  about {100 * said['recall']:.0f} % of the true pairs share one of these keys"
    if said["blocks_capped"]:
        yield f"  {said['blocks_capped']:,} keys too common to be compared on alone"
    yield f"pairs    {said['out']}"


def _said(found: Linkage, out: Path, written: int, seconds: float) -> dict[str, Any]:
    return {
        "out": str(out),
        "left": found.size.left,
        "right": None if found.size.dedupe else found.size.right,
        "pairs_compared": found.compared,
        "pairs_written": written,
        "blocks_capped": sum(found.blocking.capped.values()),
        "rules": [{"atoms": list(rule.atoms), "pairs": round(rule.pairs)} for rule in found.blocking.rules],  # about
        "recall": None if found.recall is None else round(found.recall, 4),  # of the rules, reckoned by capture and recapture
        "shares": dict(zip(KINDS_OF_PAIR, map(float, found.shares), strict=False)),
        "seconds": round(seconds, 3),
    }


def _check_place(out: Path, inputs: Sequence[Path]) -> None:
    if out.suffix.lower() not in PARQUET:
        raise Refused(f"--out {out.name}: pairs are written as Parquet; give a name that ends in .parquet")
    if not out.parent.is_dir():
        raise Refused(f"--out {out}: there is no folder {out.parent}; make it first")
    if out.is_dir():
        raise Refused(f"--out {out} is a folder; give the name of a file")
    if out.exists() and any(path.exists() and path.samefile(out) for path in inputs):
        raise Refused(f"--out {out} is one of the files to be read; give another name")


def _linked(
    con: warehouse.Connection, tables: Sequence[Table], fields: Fields, *, independent: bool, at_least: float, say: Callable[[str], None]
) -> Linkage:
    """What the engine finds; what it trips over is looked at again, to say in which file and where."""
    left, right = tables[0].sql, tables[1].sql if len(tables) > 1 else None
    try:
        return link(con, left, right, fields, independent=independent, at_least=at_least, say=say)
    except Refused:
        for table in tables:
            _check_ids(con, table, fields.id)
        raise
    except warehouse.Misfit:
        for table in tables:
            _check_readable(con, table)
        raise


def _check_ids(con: warehouse.Connection, table: Table, name: str) -> None:
    column = quoted(name)
    (count,) = con.execute(f"select count(*) from {table.sql} where {column} is null").fetchone() or (0,)
    if count:
        raise Refused(f"{table.path.name}: {_rows(count)} without an id in column {name!r}; give every record an id")
    repeated = con.execute(
        f"select {column}, count(*) as n, count(*) over () from {table.sql} group by 1 having n > 1 order by n desc, {column} limit 1"
    ).fetchone()
    if repeated:
        one, times, others = repeated
        also = f", and {others - 1:,} other ids stand on more than one" if others > 1 else ""
        raise Refused(
            f"{table.path.name}: id {one[:60]!r} in column {name!r} stands on {_rows(times)}{also}; give every record an id of its own"
        )


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _table(con: warehouse.Connection, path: Path, fields: Fields) -> Table:
    source, columns = _opened(con, path)
    wanted = tuple(dict.fromkeys([fields.id, *(field.column for field in fields.fields)]))
    texts = []
    for name in wanted:
        at = [text for column, text in columns if column == name]
        if not at:
            raise Refused(f"{path.name} has no column {name!r}; {_instead(name, [column for column, _ in columns])}")
        if len(at) > 1:
            raise Refused(f"{path.name} has {len(at)} columns {name!r}; rename all but the one that is meant")
        texts.append(f"{at[0]} as {quoted(name)}")
    return Table(path, f"(select {', '.join(texts)} from {source})", wanted)


def _instead(name: str, columns: Sequence[str]) -> str:
    by_fold = {column.casefold(): column for column in columns}
    near = difflib.get_close_matches(name.casefold(), by_fold, n=1)
    return (
        f"did you mean {by_fold[near[0]]!r}?" if near else f"it has {', '.join(map(repr, columns[:8]))}{', …' if len(columns) > 8 else ''}"
    )


def _opened(con: warehouse.Connection, path: Path) -> tuple[str, list[tuple[str, str]]]:
    """The table function that reads a file, Parquet or CSV by what it begins with, and its columns: each name, and the column as text."""
    if not path.is_file():
        raise Refused(f"{path} is {'a folder' if path.is_dir() else 'not there'}; give the path of a Parquet or CSV file")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}); allow it to be read, or give a copy") from error
    where = warehouse.literal(re.sub(r"([*?\[])", r"[\1]", str(path)))  # DuckDB takes a path for a pattern
    if head.startswith(b"PAR1"):
        source = f"read_parquet({where}, hive_partitioning = false)"
        try:
            described = con.execute(f"describe select * from {source}").fetchall()
        except warehouse.Misfit as error:
            raise Refused(_fault(path, str(error))) from error
        return source, [(name, _text(quoted(name), kind)) for name, kind, *_ in described]
    if path.suffix.lower() in PARQUET:
        raise Refused(f"{path.name} is not Parquet: it does not begin with PAR1; write it anew, or name it .csv if it is CSV")
    separator, names = _heading(path, head)
    # told what it reads, DuckDB guesses at nothing: guessing, it takes one long row for the heading
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(names)))
    how = f"auto_detect = false, header = true, columns = {{{columns}}}, delim = {warehouse.literal(separator)}"
    source = f"read_csv({where}, {how}, quote = '\"', escape = '\"', hive_partitioning = false)"
    return source, [(name, f"c{at}") for at, name in enumerate(names)]


def _heading(path: Path, head: bytes) -> tuple[str, list[str]]:
    """The separator of a CSV file and the names of its columns."""
    if not head.strip():
        raise Refused(f"{path.name} is empty; expected a row of column names")
    if b"\0" in head or head.startswith((b"PK\3\4", b"\x1f\x8b")):
        raise Refused(f"{path.name} is neither Parquet nor CSV in UTF-8; save it as one of the two")
    try:
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEAD else "ignore")
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise Refused(_fault(path, f"CSV Error on Line: {line} Invalid unicode")) from error
    separator = max(SEPARATORS, key=text.splitlines()[0].count)
    return separator, next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def _text(column: str, kind: str) -> str:
    """A column as text; a whole number kept as a floating one loses its `.0`, and what is not a number is nothing."""
    if kind == "VARCHAR":
        return column
    text = f"cast({column} as varchar)"
    return f"nullif(regexp_replace({text}, '\\.0$', ''), 'nan')" if kind in {"DOUBLE", "FLOAT"} else text


def _check_readable(con: warehouse.Connection, table: Table) -> None:
    read = ", ".join(f"max(strlen({quoted(name)}))" for name in table.columns)
    try:
        con.execute(f"select {read} from {table.sql}").fetchall()
    except warehouse.Misfit as error:
        raise Refused(_fault(table.path, str(error))) from error


def _fault(path: Path, message: str) -> str:
    """What is wrong with a file, of which DuckDB said `message`; nothing that stands in the file is repeated."""
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"{path.name}, line {line[1]}" if line else path.name
    if re.search(r"[Ii]nvalid (unicode|string encoding)|not utf-8|not valid UTF", message):
        return f"{where}: text that is not UTF-8, half a surrogate pair perhaps; save it as UTF-8"
    if columns := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message):
        return f"{where}: {columns[2]} cells under {columns[1]} column names; mend the row, or quote what holds a separator"
    if re.search(r"unterminated|[Qq]uote", message):
        return f"{where}: a quotation mark that is not closed, or stands inside a cell undoubled; mend the row"
    if line or "CSV" in message:
        return f"{where} cannot be read as CSV; save it anew as CSV in UTF-8, or as Parquet"
    return f"{where} cannot be read: it is broken off or not Parquet; write it anew"
