"""How alike are two records, one respect at a time? Each respect is declared once, as ordered levels.

A level has the SQL condition under which it holds (of `identity` and `licensed`), the weight it carries (log2 of how much
more often it is seen when both are one person than when they are not), and its reason in words a clerk can check.
Scoring and `why` read the same stored level; there is no second implementation.
"""

import re
from dataclasses import dataclass

from matching.linkage.names import canonical
from matching.records import Connection

NEAR = 0.92  # Jaro–Winkler from which two spellings may be one name; moving it moves findings


@dataclass(frozen=True, slots=True)
class Level:
    """One answer to "how alike in this respect?"; the first whose condition holds is given."""

    name: str
    when: str
    weight: str
    reason: str  # {column} is filled from the pair


RESPECTS: dict[str, tuple[Level, ...]] = {
    "license_number": (
        Level(
            "equal",
            "identity.license_key = licensed.license_key",
            "log2(0.92 * greatest(roll_count, 1000))",
            "license number {licensed.license_key} on both",
        ),
        Level(
            "digits",
            "identity.license_key is null and identity.license_digits = licensed.license_digits",
            "log2(0.9 * greatest(roll_count, 1000)) - 1",
            "license digits {licensed.license_digits} on both; the listing prints no prefix",
        ),
        Level(
            "one_digit_apart",
            "not is_number_on_roll and length(identity.license_digits) >= 5 "
            "and damerau_levenshtein(identity.license_digits, licensed.license_digits) = 1",
            "8",
            "license numbers are one digit apart: {identity.license_digits} listed, {licensed.license_digits} on the roll",
        ),
        Level(
            "different",
            "identity.license_digits is not null",
            "-5",
            "license numbers differ: {identity.license_digits} listed, {licensed.license_digits} on the roll",
        ),
        Level("unsaid", "true", "0", "the listing shows no license number"),
    ),
    "npi": (
        Level(
            "same_as_listing_with_number",
            "is_bridged and not coalesce(identity.license_digits = licensed.license_digits, false)",
            "log2(0.9 * greatest(roll_count, 1000)) - 3",
            "another listing with NPI {identity.npi} and a name that agrees shows license number {licensed.license_key}",
        ),
        Level("unsaid", "true", "0", "no listing ties the NPI to this license"),
    ),
    "family_name": (
        Level("equal", "family_alike.level = 'equal'", "log2(0.93 / family_share)", "family name {licensed.family} on both"),
        Level(
            "part",
            "family_alike.level = 'part'",
            "greatest(log2(0.05 / family_share) - 1, 2)",
            "one family name is part of the other: {identity.family} listed, {licensed.family} on the roll",
        ),
        Level(
            "moved",
            "identity.family = licensed.middle or identity.middle = licensed.family "
            "or (identity.family = licensed.given and identity.given = licensed.family)",
            "3",
            "a name stands in another place: {identity.given} {identity.middle} {identity.family} listed, "
            "{licensed.given} {licensed.middle} {licensed.family} on the roll",
        ),
        Level(
            "near",
            "family_alike.level = 'near'",
            "6",
            "family names are spelled nearly alike: {identity.family} listed, {licensed.family} on the roll",
        ),
        Level("different", "true", "-6.6", "family names differ: {identity.family} listed, {licensed.family} on the roll"),
    ),
    "given_name": (
        Level("equal", "given_alike.level = 'equal'", "log2(0.88 / given_share)", "given name {licensed.given} on both"),
        Level(
            "nickname",
            "given_alike.level = 'nickname'",
            "greatest(log2(0.06 / given_share), 1)",
            "{identity.given} is a form of {licensed.given}",
        ),
        Level("initial", "given_alike.level = 'initial'", "3", "an initial agrees: {identity.given} listed, {licensed.given} on the roll"),
        Level(
            "near",
            "given_alike.level = 'near'",
            "4",
            "given names are spelled nearly alike: {identity.given} listed, {licensed.given} on the roll",
        ),
        Level(
            "middle",
            "identity.given = licensed.middle or identity.family = licensed.given",
            "1",
            "the listed given name {identity.given} stands elsewhere in the name on the roll: {licensed.given} {licensed.middle}",
        ),
        Level("unsaid", "identity.given is null or licensed.given is null", "0", "one of them gives no given name"),
        Level("different", "true", "-7.6", "given names differ: {identity.given} listed, {licensed.given} on the roll"),
    ),
    "middle_name": (
        Level("unsaid", "identity.middle is null or licensed.middle is null", "0", "one of them gives no middle name"),
        Level(
            "equal",
            "split_part(identity.middle, ' ', 1) = split_part(licensed.middle, ' ', 1) and length(split_part(licensed.middle, ' ', 1)) > 1",
            "greatest(log2(0.7 / middle_share), 2)",
            "middle name {licensed.middle} on both",
        ),
        Level(
            "initial",
            "left(identity.middle, 1) = left(licensed.middle, 1) "
            "and least(length(split_part(identity.middle, ' ', 1)), length(split_part(licensed.middle, ' ', 1))) = 1",
            "3",
            "the middle initial agrees: {identity.middle} listed, {licensed.middle} on the roll",
        ),
        Level(
            "near",
            f"left(identity.middle, 1) = left(licensed.middle, 1) and jaro_winkler_similarity(identity.middle, licensed.middle) >= {NEAR}",
            "3",
            "middle names are spelled nearly alike: {identity.middle} listed, {licensed.middle} on the roll",
        ),
        Level(
            "elsewhere",
            "list_contains(string_split(concat_ws(' ', licensed.given, licensed.family), ' '), split_part(identity.middle, ' ', 1)) "
            "or list_contains(string_split(concat_ws(' ', identity.given, identity.family), ' '), split_part(licensed.middle, ' ', 1))",
            "0",
            "a middle name stands elsewhere in the other name: {identity.middle} listed, {licensed.middle} on the roll",
        ),
        Level("contradicts", "true", "-5", "middle names contradict: {identity.middle} listed, {licensed.middle} on the roll"),
    ),
    "suffix": (
        Level("unsaid", "identity.suffix is null or licensed.suffix is null", "0", "one of them gives no suffix"),
        Level("equal", "identity.suffix = licensed.suffix", "3", "suffix {licensed.suffix} on both"),
        Level("contradicts", "true", "-4", "suffixes contradict: {identity.suffix} listed, {licensed.suffix} on the roll"),
    ),
    "profession": (
        Level("equal", "licensed.in_profession", "0", "the license is one of the audit's profession"),
        Level("different", "true", "-3", "the license is of another profession"),
    ),
}

# May two listings, one and other, name one person? Conditions over their names and form_alike as form.
SAME_FAMILY = """one.family = other.family or contains(' ' || one.family || ' ', ' ' || other.family || ' ')
      or contains(' ' || other.family || ' ', ' ' || one.family || ' ')
      or replace(one.family, ' ', '') = replace(other.family, ' ', '')
      or damerau_levenshtein(one.family, other.family) <= 1 and least(length(one.family), length(other.family)) >= 4"""
SAME_GIVEN = f"""coalesce(one.given = other.given or form.one is not null
      or (least(length(one.given), length(other.given)) = 1 and left(one.given, 1) = left(other.given, 1))
      or (damerau_levenshtein(one.given, other.given) <= 1 and least(length(one.given), length(other.given)) >= 4)
      or jaro_winkler_similarity(one.given, other.given) >= {NEAR}, true)"""
CONTRADICTED = f"""coalesce(left(one.middle, 1) <> left(other.middle, 1)
      or (one.middle <> other.middle and least(length(one.middle), length(other.middle)) > 1
          and jaro_winkler_similarity(one.middle, other.middle) < {NEAR}), false)
      or coalesce(one.suffix <> other.suffix, false)"""


def alike(con: Connection) -> None:
    """Create the temporary tables family_alike and given_alike: listed name, licensed name, level; equal names among them. And
    form_alike: two listed given names that are forms of one.

    Only distinct names are compared, in bulk; the roll's names of another profession count only where they are equal.
    """
    for part in ("family", "given"):
        con.execute(
            f"create or replace temp table {part}_alike as select listed, licensed, 'equal' as level from "
            f"(select distinct {part} as listed from identity where {part} is not null) "
            f"join (select distinct {part} as licensed from matching.licensed where {part} is not null) "
            "on replace(listed, ' ', '') = replace(licensed, ' ', '')"
        )
    _add(con, "family", "part", _PARTS)
    _add(con, "given", "initial", _INITIALS)
    listed, licensed = _names(con, "given", "identity"), _names(con, "given", "matching.licensed where in_profession")
    _keep(con, "forms", [(name, form) for name in {*listed, *licensed} for form in canonical(name)])
    _add(con, "given", "nickname", _NICKNAMES)
    con.execute(_FORMS)
    for part in ("family", "given"):
        _keep(con, "near", near(_names(con, part, "identity"), _names(con, part, "matching.licensed where in_profession")))
        _add(con, part, "near", "select one as listed, other as licensed from near")


def near(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    """Pairs of different names that one slip of the pen tells apart, or two in a long name that stays alike from its beginning.

    >>> near(["NGUYEN", "LEE"], ["NGUYNE", "LEA", "NGUYEN"])
    [('NGUYEN', 'NGUYNE')]
    """
    import pandas
    from rapidfuzz import process
    from rapidfuzz.distance import OSA, JaroWinkler

    if not left or not right:
        return []
    found: list[tuple[str, str]] = []
    others = pandas.Series(right)
    for start in range(0, len(left), 512):  # 512 names at a time, so that the table of distances stays small
        ones = pandas.Series(left[start : start + 512])
        slips = process.cdist(ones, others, scorer=OSA.distance, score_cutoff=2, workers=-1)
        rows, columns = ((slips == 1) | (slips == 2)).nonzero()
        pairs = pandas.DataFrame({"one": ones.to_numpy()[rows], "other": others.to_numpy()[columns], "slips": slips[rows, columns]})
        shorter = pairs[["one", "other"]].apply(lambda names: names.str.len()).min(axis=1)
        pairs = pairs[((pairs["slips"] == 1) & (shorter >= 4)) | ((pairs["slips"] == 2) & (shorter >= 7))]
        if len(pairs):
            likeness = process.cpdist(pairs["one"].to_list(), pairs["other"].to_list(), scorer=JaroWinkler.similarity)
            pairs = pairs[(likeness >= NEAR) | (pairs["slips"] == 1)]
            found += list(zip(pairs["one"], pairs["other"], strict=True))
    return found


_PARTS = """
select distinct one.listed, other.licensed
from (select distinct family as listed, unnest(string_split(family, ' ')) as word from identity) as one
join (select distinct family as licensed, unnest(string_split(family, ' ')) as word from matching.licensed where in_profession) as other
  on one.word = other.word and length(one.word) >= 3
  and one.word not in ('VAN', 'VON', 'DER', 'DEN', 'TER', 'DEL', 'LAS', 'LOS', 'SAN', 'IBN')
where contains(one.listed, ' ') or contains(other.licensed, ' ')
"""

_INITIALS = """
select distinct one.listed, other.licensed
from (select distinct given as listed from identity) as one
join (select distinct given as licensed from matching.licensed where in_profession) as other
  on left(one.listed, 1) = left(other.licensed, 1)
where length(one.listed) = 1 or length(other.licensed) = 1
"""

_NICKNAMES = """
select distinct one.one as listed, other.one as licensed
from forms as one join forms as other on one.other = other.other
where one.one in (select given from identity) and other.one in (select given from matching.licensed where in_profession)
"""


_FORMS = """
create or replace temp table form_alike as
select distinct one.one, other.one as other
from forms as one join forms as other on one.other = other.other
where one.one in (select given from identity) and other.one in (select given from identity)
"""


def _names(con: Connection, part: str, table: str) -> list[str]:
    return [name for (name,) in con.execute(f"select distinct {part} as name from {table} order by name").fetchall() if name]


def _keep(con: Connection, name: str, pairs: list[tuple[str, str]]) -> None:
    con.execute(
        f"create or replace temp table {name} as select unnest($ones::varchar[]) as one, unnest($others::varchar[]) as other",
        {"ones": [one for one, _ in pairs], "others": [other for _, other in pairs]},
    )


def _add(con: Connection, part: str, level: str, query: str) -> None:
    con.execute(
        f"insert into {part}_alike select listed, licensed, '{level}' from ({query}) anti join {part}_alike using (listed, licensed)"
    )


def level_sql(respect: str) -> str:
    """The level of one respect, as an SQL expression."""
    return "case " + " ".join(f"when {level.when} then '{level.name}'" for level in RESPECTS[respect]) + " end"


def weight_sql(respect: str) -> str:
    """What its level weighs, as an SQL expression over the column of the same name."""
    return f"case levelled.{respect} " + " ".join(f"when '{level.name}' then {level.weight}" for level in RESPECTS[respect]) + " end"


def reason_sql(respect: str) -> str:
    """Why, in words a clerk can check, as an SQL expression over the column of the same name."""
    cases = []
    for level in RESPECTS[respect]:
        pieces = re.split(r"\{([a-z_.]+)\}", level.reason)
        words = [f"coalesce({piece}, '(none)')" if at % 2 else "'" + piece.replace("'", "''") + "'" for at, piece in enumerate(pieces)]
        cases.append(f"when '{level.name}' then concat({', '.join(words)})")
    return f"case levelled.{respect} {' '.join(cases)} end"
