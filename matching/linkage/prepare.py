"""Two raw tables become two prepared ones: one column per respect, in comparable form; null where nothing can be read."""

import json
import re
from collections.abc import Callable, Sequence

from matching.clean import PARTICLES, STREET_WORDS, fold, read_address, read_name
from matching.linkage.fields import Fields, Respect
from matching.records import Connection

LONGEST = 96  # characters of a value that are compared; a longer one is cut, lest one row cost as much as a million
TEXT = 400  # and of an address or a full name, which holds several values
AT_ONCE = 100_000  # distinct texts read in Python at a time

MACROS = r"""
create or replace macro date_digits(x) as
  case when regexp_full_match(x, '[0-9]{8}') then x
       when regexp_matches(x, '^\s*[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}') then
         regexp_extract(x, '([0-9]{4})', 1) || lpad(regexp_extract(x, '^\s*[0-9]{4}[-/.]([0-9]{1,2})', 1), 2, '0')
         || lpad(regexp_extract(x, '^\s*[0-9]{4}[-/.][0-9]{1,2}[-/.]([0-9]{1,2})', 1), 2, '0')
       when regexp_matches(x, '^\s*[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}') then
         regexp_extract(x, '([0-9]{4})', 1) || lpad(regexp_extract(x, '^\s*([0-9]{1,2})', 1), 2, '0')
         || lpad(regexp_extract(x, '^\s*[0-9]{1,2}[-/.]([0-9]{1,2})', 1), 2, '0')
       else nullif(regexp_replace(x, '[^0-9]', '', 'g'), '') end;
create or replace macro number_key(x) as
  nullif(ltrim(case when regexp_full_match(x, '[0-9]+') then x else regexp_replace(upper(x), '[^0-9A-Z]', '', 'g') end, '0'), '');
"""

_NAME_SUFFIX = " (JR|SR|II|III|IV|2ND|3RD|4TH)$"
_PARTICLE = rf"\b({'|'.join(sorted(PARTICLES))}) "  # it stands with its name: DE LA CRUZ is DELACRUZ, and shares nothing with DE SOTO
_UNIT_WORD = "^(SUITE|STE|UNIT|APARTMENT|APT|ROOM|RM|FLAT|NO|NUMBER) "

# One SQL expression per kind, over {x}; text already in comparable form passes at the least cost.
_IN_SQL = {
    "given_name": "fold({x})",
    "middle_name": "fold({x})",
    "family_name": f"case when contains({{x}}, ' ') then "
    f"regexp_replace(regexp_replace(fold({{x}}), '{_NAME_SUFFIX}', ''), '{_PARTICLE}', '\\1', 'g') else fold({{x}}) end",
    "name_suffix": "fold({x})",
    "unit": f"nullif(trim(regexp_replace(fold({{x}}), '{_UNIT_WORD}', '')), '')",
    "city": "fold({x})",
    "state": "fold({x})",
    "category": "fold({x})",
    "text": "fold({x})",
    "street_number": "case when regexp_full_match({x}, '[1-9][0-9]*') then {x} "
    "else nullif(ltrim(regexp_replace(upper({x}), '[^0-9A-Z]', '', 'g'), '0'), '') end",
    "postal_code": "case when regexp_full_match({x}, '[0-9]{{5}}') then {x} when regexp_matches({x}, '^ *[0-9]{{5}}[- ]?[0-9]{{4}} *$') "
    "then left(trim({x}), 5) else nullif(regexp_replace(upper({x}), '[^0-9A-Z]', '', 'g'), '') end",
    "phone": "case when regexp_full_match({x}, '[0-9]{{7,10}}') then {x} "
    "else nullif(right(regexp_replace({x}, '[^0-9]', '', 'g'), 10), '') end",
    "email": "nullif(lower(trim({x})), '')",
    "date": "date_digits({x})",
    "year": "nullif(regexp_extract({x}, '[0-9]{{4}}'), '')",
    "npi": "nullif(regexp_replace({x}, '[^0-9]', '', 'g'), '')",
    "license_number": "number_key({x})",
    "identifier": "number_key({x})",
}
_LEGAL_FORMS = frozenset(["A", "AN", "CO", "CORP", "INC", "LLC", "LLP", "LTD", "PC", "PLLC", "PS", "THE"])


def _street(text: str) -> tuple[str | None, ...]:
    return (" ".join(STREET_WORDS.get(word, word) for word in (fold(text) or "").split()) or None,)


def _address(text: str) -> tuple[str | None, ...]:
    """Number, street and unit.

    >>> _address("1200 North Pine Street, Suite 200")
    ('1200', 'N PINE ST', '200')
    """
    street, unit = read_address(text)
    found = re.match(r"([0-9]+[A-Z]?)\b[ -]*(.*)", street or "")
    return (found[1], found[2] or None, unit) if found else (None, street, unit)


def _full_name(text: str) -> tuple[str | None, ...]:
    """Given, middle and family name and suffix; of an organization the whole text stands as family name.

    >>> _full_name("O'Neil, Mary Ann, LMT"), _full_name("Cedar & Stone Massage, PA")
    (('MARY', 'ANN', 'ONEIL', None), (None, None, 'CEDAR STONE MASSAGE PA', None))
    >>> _full_name("Rosa de la Cruz")
    ('ROSA', None, 'DELACRUZ', None)
    """
    name = read_name(text)
    if name.organization and not name.family:
        return None, None, fold(name.organization), None
    return fold(name.given), fold(name.middle), re.sub(_PARTICLE, r"\1", fold(name.family) or "") or None, fold(name.suffix)


def _organization(text: str) -> tuple[str | None, ...]:
    """The words of its name, without legal forms and articles unless nothing else is left.

    >>> _organization("The Cedar Clinic, Inc.")
    ('CEDAR CLINIC',)
    """
    words = (fold(text) or "").split()
    return (" ".join([word for word in words if word not in _LEGAL_FORMS] or words) or None,)


# Kinds of field that are read in Python, once per distinct text: the respects they fill, in order.
_IN_PYTHON: dict[str, Callable[[str], tuple[str | None, ...]]] = {
    "street": _street,
    "address": _address,
    "full_name": _full_name,
    "organization": _organization,
}


def quoted(name: str) -> str:
    """A column's name as an SQL identifier, whatever it holds.

    >>> print(quoted('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def prepare(con: Connection, side: str, source: str, fields: Fields, asked: Sequence[Respect]) -> None:
    """Create the temporary table `side` (uid and one column per respect) of the relation `source`; a row's number is its rowid."""
    columns: list[str] = []
    joins: list[str] = []
    raws: list[str] = []
    for position, field in enumerate(fields.fields):
        own = [respect for respect in asked if respect.field == position]
        raw = f"cast(source.{quoted(field.column)} as varchar)"
        if field.kind in _IN_PYTHON:
            said = f"{side}_said_{position}"
            short = f"case when strlen({raw}) > {TEXT} then left({raw}, {TEXT}) else {raw} end"
            _read(con, said, f"select distinct {short} as raw from {source} as source", [respect.name for respect in own], field.kind)
            raws.append(f"{short} as raw_{position}")
            joins.append(f"left join {said} on {said}.raw = raw_{position}")
            columns += [f"{said}.{respect.name}" for respect in own]
        else:
            # Cut before it is read, in the rare case: a text is dear to read in proportion to its length.
            short = f"case when strlen({raw}) > {LONGEST} then left({raw}, {LONGEST}) else {raw} end"
            columns += [f"{_IN_SQL[respect.kind].format(x='raw_' + str(position))} as {respect.name}" for respect in own]
            raws.append(f"{short} as raw_{position}")
    con.execute(
        f"create or replace temp table {side} as select uid, {', '.join(columns)} from "
        f"(select cast(source.{quoted(fields.id)} as varchar) as uid, {', '.join(raws)} from {source} as source) {' '.join(joins)}"
    )


def door(asked: Sequence[Respect]) -> str | None:
    """The expression of a record's door, as an integer: street number and street, or the street where numbers are not told apart."""
    names = {respect.name for respect in asked}
    if "street" not in names:
        return None
    return (
        "case when street_number is not null and street is not null then hash(street_number, street) end"
        if "street_number" in names
        else "hash(street)"
    )


def _read(con: Connection, table: str, texts: str, names: list[str], kind: str) -> None:
    """Create the temporary table `table`: each distinct text as `raw`, and what Python reads in it."""
    read = _IN_PYTHON[kind]
    con.execute(
        f"create or replace temp table {table}_raw as select raw, row_number() over (order by raw) as place from ({texts}) where "
        f"raw is not null"
    )
    con.execute(f"create or replace temp table {table} (raw varchar, {', '.join(f'{name} varchar' for name in names)})")
    (count,) = con.execute(f"select count(*) from {table}_raw").fetchone()
    for start in range(0, count, AT_ONCE):
        raws = con.execute(f"select raw from {table}_raw where place > {start} and place <= {start + AT_ONCE}").fetchall()
        put(con, table, [(raw, *(value and value[:LONGEST] for value in read(raw))) for (raw,) in raws])
    con.execute(f"drop table {table}_raw")


def put(con: Connection, table: str, rows: Sequence[Sequence[str | None]]) -> None:
    """Insert rows of text. They travel as one JSON literal: a bound parameter would import pandas, a third of a second."""
    if rows:
        literal = json.dumps(rows, ensure_ascii=False).replace("'", "''")
        columns = ", ".join(f"row[{at}]" for at in range(1, len(rows[0]) + 1))
        con.execute(f"insert into {table} select {columns} from (select unnest(from_json('{literal}', '[[\"varchar\"]]')) as row)")
