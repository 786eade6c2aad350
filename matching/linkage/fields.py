"""What is compared: the columns of two tables, each of a known kind, and the respects in which two records are compared.

A field is a column and its kind. A respect is one question asked of a pair; most fields ask one, a full name or an address several.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from scrapers.records import Refused

WHO, FAMILY, PLACE = "who", "family", "place"

# kind → the respects it asks, and what each is about: who is meant, of which family, or where
KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "given_name": (("given_name", WHO),),
    "middle_name": (("middle_name", WHO),),
    "family_name": (("family_name", FAMILY),),
    "name_suffix": (("name_suffix", WHO),),
    "full_name": (("given_name", WHO), ("middle_name", WHO), ("family_name", FAMILY), ("name_suffix", WHO)),
    "organization": (("organization", WHO),),
    "address": (("street_number", PLACE), ("street", PLACE), ("unit", PLACE)),
    "street_number": (("street_number", PLACE),),
    "street": (("street", PLACE),),
    "unit": (("unit", PLACE),),
    "city": (("city", PLACE),),
    "state": (("state", PLACE),),
    "postal_code": (("postal_code", PLACE),),
    "phone": (("phone", PLACE),),
    "email": (("email", WHO),),
    "date": (("date", WHO),),
    "year": (("year", WHO),),
    "npi": (("npi", WHO),),
    "license_number": (("license_number", WHO),),
    "identifier": (("identifier", WHO),),
    "category": (("category", WHO),),
    "text": (("text", WHO),),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the tables to be linked, and what kind of thing it holds."""

    column: str
    kind: str


@dataclass(frozen=True, slots=True)
class Fields:
    """The column that names a record, and the columns that are compared."""

    id: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Respect:
    """One question asked of every pair: in what, by which kind of answer, about whom or where."""

    name: str  # the prepared column; unique
    kind: str  # what the answers look like
    group: str
    field: int  # position of its field


def read_fields(card: object, source: str) -> Fields:
    """The fields a card declares. `source` names the card in what is said of its faults.

    Raises Refused where a key or a kind is unknown, a column is named twice, or nothing is to be compared.
    """
    if not isinstance(card, Mapping):
        raise Refused(f"{source}: expected `id:` and `fields:`, saw {type(card).__name__}; see `rollcall link --help`")
    _known(card, ("id", "fields"), source)
    identity, listed = card.get("id"), card.get("fields")
    if not isinstance(identity, str) or not identity:
        raise Refused(f"{source}: `id:` must name the column that tells records apart")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise Refused(f"{source}: `fields:` must list at least one {{column, kind}}")
    fields = tuple(_field(one, source) for one in listed)
    columns = [field.column for field in fields]
    if twice := next((column for column in columns if columns.count(column) > 1), None):
        raise Refused(f"{source}: column {twice!r} is listed twice; give each column one kind")
    return Fields(identity, fields)


def _field(one: Any, source: str) -> Field:
    if not isinstance(one, Mapping):
        raise Refused(f"{source}: a field is {{column: …, kind: …}}, saw {one!r}")
    _known(one, ("column", "kind"), source)
    column, kind = one.get("column"), one.get("kind")
    if not isinstance(column, str) or not column:
        raise Refused(f"{source}: a field without `column:`; name the column it compares")
    if not isinstance(kind, str) or kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KINDS)}"
        raise Refused(f"{source}: column {column!r} has the unknown kind {kind!r}; {hint}")
    return Field(column, kind)


def _known(card: Mapping[Any, Any], keys: Sequence[str], source: str) -> None:
    for key in card:
        if key not in keys:
            near = get_close_matches(str(key), keys, n=1)
            raise Refused(f"{source}: unknown key {key!r}; " + (f"did you mean {near[0]!r}?" if near else f"known are {', '.join(keys)}"))


def respects(fields: Fields) -> tuple[Respect, ...]:
    """Every question the fields ask, in their order; a second field of a kind asks under a numbered name.

    Beside a person's name an organization says where they work, not who they are: colleagues share it.

    >>> [respect.name for respect in respects(Fields("id", (Field("a", "full_name"), Field("b", "phone"), Field("c", "phone"))))]
    ['given_name', 'middle_name', 'family_name', 'name_suffix', 'phone', 'phone_2']
    """
    asked: list[Respect] = []
    of_people = any(group == FAMILY for field in fields.fields for _, group in KINDS[field.kind])
    for position, field in enumerate(fields.fields):
        for kind, usual in KINDS[field.kind]:
            group = PLACE if kind == "organization" and of_people else usual
            count = sum(other.kind == kind for other in asked) + 1
            asked.append(Respect(kind if count == 1 else f"{kind}_{count}", kind, group, position))
    return tuple(asked)
