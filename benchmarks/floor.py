"""The floor: DuckDB alone reads both files, joins them on exact values, compares nothing further and writes the pairs.

Joined on: given and family name; family name and phone; family name, street number, street and postal code; the name of an organization; an
identifier. Run as its own process, like the systems it stands under.
"""

import argparse
from pathlib import Path

import duckdb
import yaml

JOINS = (
    {"given_name", "family_name"},
    {"family_name", "phone"},
    {"family_name", "street_number", "street", "postal_code"},
    {"organization"},
    {"identifier"},
)


def join(left: Path, right: Path | None, fields: Path, out: Path) -> None:
    """Write id_l, id_r of every pair that one of the joins finds."""
    card = yaml.safe_load(fields.read_text(encoding="utf-8"))
    uid, column_of = card["id"], {field["kind"]: field["column"] for field in card["fields"]}
    once = "" if right else f" and l.{uid} < r.{uid}"
    found = " union ".join(
        f"select l.{uid} as id_l, r.{uid} as id_r from l join r on "
        + " and ".join(f"l.{column_of[kind]} = r.{column_of[kind]}" for kind in sorted(kinds))
        + once
        for kinds in JOINS
        if kinds <= column_of.keys()
    )
    with duckdb.connect() as con:
        con.execute(f"create temp table l as from '{left}'")
        con.execute(f"create temp table r as from '{right or left}'")
        con.execute(f"copy ({found}) to '{out}'")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("left", type=Path)
    asked.add_argument("right", type=Path, nargs="?")
    asked.add_argument("--fields", type=Path, required=True)
    asked.add_argument("--out", type=Path, required=True)
    given = asked.parse_args()
    join(given.left, given.right, given.fields, given.out)
