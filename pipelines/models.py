"""A model is one SELECT with a card beside it; models run in the order in which they read each other."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from matching.records import Connection

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ("parsed", "curated", "matching", "reports", "ledger")
FOLDERS = {"curated": "pipelines/sql", "ledger": "pipelines/sql/ledger", "matching": "matching/sql", "reports": "reports/sql"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One table: what a row is, its grain, what each column means, and what must be true of it."""

    name: str  # curated.listing
    row: str
    grain: Sequence[str]
    columns: Mapping[str, str]
    expect: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    notice: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    sql: str | None = None  # None: built by code (matching) or by the ledger
    types: Mapping[str, str] = field(default_factory=dict)


def load(folder: str, schema: str) -> list[Model]:
    """The models whose cards lie in `folder`, by name."""
    return [_read(card, schema) for card in sorted((ROOT / folder).glob("*.yml"))]


def of(*schemas: str) -> list[Model]:
    """Every model of these schemas."""
    return [model for schema in schemas for model in load(FOLDERS[schema], schema)]


def _read(card: Path, schema: str) -> Model:
    said = yaml.safe_load(card.read_text(encoding="utf-8"))
    query = card.with_suffix(".sql")
    columns = said["columns"]
    typed = {name: each["type"] for name, each in columns.items() if isinstance(each, dict)}
    return Model(
        name=f"{schema}.{card.stem}",
        row=said["row"],
        grain=tuple(said["grain"]),
        columns={name: each["means"] if isinstance(each, dict) else each for name, each in columns.items()},
        expect=tuple(said.get("expect") or ()),
        notice=tuple(said.get("notice") or ()),
        sql=query.read_text(encoding="utf-8") if query.exists() else None,
        types=typed,
    )


def reads(con: Connection, sql: str) -> set[str]:
    """The schema-qualified tables that one SELECT reads."""
    row = con.execute("select json_serialize_sql($sql::varchar)", {"sql": sql}).fetchone()
    tree = json.loads(row[0]) if row else {"error": True, "error_message": "no answer"}
    if tree["error"]:
        raise ValueError(tree["error_message"])
    return {
        f"{node['schema_name']}.{node['table_name']}" for node in walk(tree) if node.get("type") == "BASE_TABLE" and node["schema_name"]
    }


def walk(tree: object) -> Iterator[dict[str, Any]]:
    """Every object of a serialised query."""
    if isinstance(tree, dict):
        yield tree
    branches = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for branch in branches:
        yield from walk(branch)


def in_order(con: Connection, models: Iterable[Model]) -> list[Model]:
    """Models with SQL, each after those it reads; a circle is a ValueError."""
    waiting = {model.name: model for model in models if model.sql is not None}
    needs = {name: reads(con, model.sql or "") & waiting.keys() - {name} for name, model in waiting.items()}
    ordered: list[Model] = []
    while waiting:
        ready = sorted(name for name in waiting if not needs[name] & waiting.keys())
        if not ready:
            raise ValueError(f"these models read each other in a circle: {', '.join(sorted(waiting))}")
        ordered += [waiting.pop(name) for name in ready]
    return ordered


def build(con: Connection, models: Iterable[Model], settings: Mapping[str, Any]) -> list[Model]:
    """Run each model's SELECT into its table; a SELECT is given just the `$named` settings it mentions."""
    done = in_order(con, models)
    for model in done:
        sql = model.sql or ""
        used = {name: value for name, value in settings.items() if f"${name}" in sql}
        con.execute(f"create or replace table {model.name} as {sql}", used)
    return done


def describe(con: Connection, models: Iterable[Model]) -> None:
    """Put every card's words on its table and columns as COMMENTs; a column without words is a ValueError."""
    for model in models:
        found = _columns(con, model)
        if set(found) != set(model.columns):
            odd = sorted(set(found) ^ set(model.columns))
            raise ValueError(f"{model.name}: table and card disagree about {', '.join(odd)}")
        claim = f"{model.row} Grain: {', '.join(model.grain)}."
        con.execute(f"comment on table {model.name} is {quoted(claim)}")
        for name in found:
            con.execute(f'comment on column {model.name}."{name}" is {quoted(model.columns[name])}')


def odd(con: Connection, models: Iterable[Model]) -> list[str]:
    """Tables and columns that not both a database and the cards have, e.g. `curated.listing.county_fips`; of another version, usually."""
    found = ["parsed"] if con.execute("select 1 from duckdb_schemas() where schema_name = 'parsed'").fetchall() else []  # lies in no file
    for model in models:
        there = _columns(con, model)
        found += [f"{model.name}.{each}" for each in sorted(set(there) ^ set(model.columns))] if there else [model.name]
    return found


def _columns(con: Connection, model: Model) -> list[str]:
    schema, table = model.name.split(".")
    asked = "select column_name from duckdb_columns() where schema_name = $schema and table_name = $table order by column_index"
    return [name for (name,) in con.execute(asked, {"schema": schema, "table": table}).fetchall()]


def quoted(text: str) -> str:
    """A SQL string literal; COMMENT takes no parameters."""
    return "'" + text.replace("'", "''") + "'"
