"""An invented town: a crowd on its roll and in its directory, for the engine to learn from, and people drawn by hand beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import duckdb

from matching.clean import MACROS
from matching.linkage.fields import Field, Fields
from matching.linkage.link import link
from matching.linkage.odds import Linkage
from tests.tables import cells

HEADING = ["uid", "first", "middle", "last", "number", "street", "city", "zip", "phone", "npi"]
KINDS = ["given_name", "middle_name", "family_name", "street_number", "street", "city", "postal_code", "phone", "npi"]
FIELDS = Fields("uid", tuple(Field(column, kind) for column, kind in zip(HEADING[1:], KINDS, strict=True)))

GIVEN = """
Ada Alma Amos Anna Arlo Asa Ben Carl Cora Dale Edna Elsa Emil Enid Etta Evan Faye Finn Gail Glen Hope Hugo Ida Ines Iris Ivan Jane
Joan Joel Judy June Karl Kent Kurt Lena Lila Lois Lora Lyle Mabel Mark Mary Maud Milo Myra Neil Nell Nina Nora Olga Otis Otto Owen
Paul Pearl Rita Rosa Ross Ruby Ruth Saul Sean Thea Tina Todd Vera Viola Wade Walt Wren
""".split()  # noqa: SIM905
STREETS = """
Alder Aspen Cedar Cherry Elm Fern Hazel Juniper Larch Laurel Linden Maple Myrtle Oak Poplar Rowan Spruce Walnut Willow Yew
""".split()  # noqa: SIM905
TOWNS = {"98001": "Aldergate", "98002": "Brackwater", "98003": "Coldharbor", "98004": "Dunmere", "98005": "Eastfen"}

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Pair:
    """One row of the answer."""

    weight: float
    probability: float
    levels: Mapping[str, int]


@dataclass(frozen=True)
class Linked:
    """The answer: pairs by the two ids."""

    pairs: Mapping[tuple[str, str], Pair]
    found: Linkage

    def of(self, uid: str) -> dict[str, float]:
        """The candidates of a left record, and how probable each is."""
        return {right: pair.probability for (left, right), pair in self.pairs.items() if left == uid}

    def probability(self, left: str, right: str) -> float:
        """How probable a pair is; nothing where it is not even a candidate."""
        return self.of(left).get(right, 0.0)


def crowd(roll: int, listings: int, seed: int = 5) -> tuple[list[Row], list[Row]]:
    """Listings of some of a town's people, a slip here and there, and its roll, on which every fifth of them is not."""
    rng = Random(seed)
    ends = ["ford", "ley", "mont", "sby", "ton", "wick"]
    families = [
        a + b + end
        for a in ("Bar", "Cal", "Dren", "Fal", "Gor", "Hal", "Kes", "Mer", "Pen", "Tor")
        for b in ("a", "den", "ing", "o")
        for end in ends
    ]
    people: list[Row] = []
    door: tuple[str | None, ...]
    for at in range(roll * 5 // 4):
        place = rng.choice(list(TOWNS))
        door = (str(rng.randint(1, 400)), f"{rng.choice(STREETS)} St", TOWNS[place], place)
        phone, family = f"206{rng.randint(2000000, 9999999)}", rng.choice(families)
        company = rng.random()
        if people and company < 0.4:  # a clinic's colleague, or somebody of the family
            door, phone = people[-1][4:8], str(people[-1][8])
            family = str(people[-1][3]) if company < 0.1 else family
        people.append((f"r{at}", rng.choice(GIVEN), rng.choice(GIVEN), family, *door, phone, f"1{rng.randint(10**8, 10**9 - 1)}"))
    shown: list[Row] = []
    for at, person in enumerate(rng.sample(people, listings)):
        _, first, middle, last, number, street, city, zip_code, shown_phone, npi = person
        if rng.random() < 0.1:
            last = str(last)[:2] + str(last)[3:]
        if rng.random() < 0.2:
            number, street = str(rng.randint(1, 400)), f"{rng.choice(STREETS)} Street"
        kept = rng.random()
        shown.append(
            (
                f"l{at}",
                first,
                str(middle)[0] if kept < 0.5 else None,
                last,
                number,
                street,
                city,
                zip_code,
                shown_phone if kept < 0.7 else None,
                npi if kept > 0.4 else None,
            )
        )
    return shown, [person for at, person in enumerate(people) if at % 5]


def drawn(table: str) -> list[Row]:
    """Rows of a drawn table under HEADING."""
    heading, rows = cells(table)
    assert heading == HEADING
    return [tuple(row) for row in rows]


def linked(
    left: Sequence[Row],
    right: Sequence[Row] | None,
    fields: Fields = FIELDS,
    *,
    heading: Sequence[str] = HEADING,
    independent: bool = False,
    at_least: float = 0.01,
    threads: int = 2,
    parts: int | None = None,
) -> Linked:
    """Link tables of text."""
    with duckdb.connect(config={"threads": threads}) as con:
        con.execute(MACROS)
        for table, rows in (("mine", left), ("theirs", right or [])):
            laid_out(con, table, heading, rows)
        found = link(con, "mine", None if right is None else "theirs", fields, independent=independent, at_least=at_least, parts=parts)
        answer = con.execute("select * from linked")
        columns = [column[0] for column in answer.description or ()]
        assert columns == ["id_l", "id_r", "weight", "probability", *(f"level_{field.column}" for field in fields.fields)]
        rows = answer.fetchall()
    pairs = {(row[0], row[1]): Pair(row[2], row[3], dict(zip(columns[4:], row[4:], strict=True))) for row in rows}
    assert len(pairs) == len(rows), "a pair stands once"
    return Linked(pairs, found)


def laid_out(con: duckdb.DuckDBPyConnection, table: str, heading: Sequence[str], rows: Iterable[Row]) -> None:
    """A table of text."""
    names = ['"' + name.replace('"', '""') + '"' for name in heading]
    con.execute(f"create table {table} ({', '.join(f'{name} varchar' for name in names)})")
    said = [list(row) for row in rows]
    if said:
        by_column = [list(column) for column in zip(*said, strict=True)]
        unnested = ", ".join(f"unnest($v{at})" for at in range(len(names)))
        con.execute(f"insert into {table} select {unnested}", {f"v{at}": column for at, column in enumerate(by_column)})
