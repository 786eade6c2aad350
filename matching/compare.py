"""May two wordings name one person, and in what words is that said? Conditions over names, and a sentence for every level of every respect.

What an answer weighs is learnt from the tables (matching.linkage); what it means to a clerk who checks it stands here.
"""

import re

from matching.linkage.names import forms_of
from matching.linkage.prepare import put
from matching.records import Connection

NEAR = 0.92  # Jaro–Winkler from which two spellings may be one name; moving it moves findings

# respect → level → the sentence; {column} is filled from the pair. A respect is a column of matching.pair.
SENTENCES: dict[str, dict[str, str]] = {
    "license_number": {
        "unsaid": "the listing shows no license number",
        "equal": "license number {licensed.license_key} on both",
        "digits": "license digits {licensed.license_digits} on both; the listing prints no prefix",
        "slip": "license numbers are one digit apart: {identity.number} listed, {licensed.license_key} on the roll",
        "two_slips": "license numbers are two digits apart: {identity.number} listed, {licensed.license_key} on the roll",
        "different": "license numbers differ: {identity.number} listed, {licensed.license_key} on the roll",
    },
    "npi": {
        "unsaid": "nothing else ties the NPI to a license",
        "equal": "another listing with NPI {identity.npi} and a name that agrees shows license number {licensed.license_key}",
        "registered": "the national registry gives license number {licensed.license_key} beside NPI {identity.npi}",
        "slip": "by NPI {identity.npi} license number {carried.number} is known, one digit apart from {licensed.license_key} on the roll",
        "two_slips": "by NPI {identity.npi} license number {carried.number} is known, two digits apart from {licensed.license_key}",
        "different": "by NPI {identity.npi} another license number is known, {carried.number}; {licensed.license_key} on the roll",
    },
    "family_name": {
        "unsaid": "one of them gives no family name",
        "equal": "family name {licensed.family} on both",
        "part": "one family name is part of the other: {identity.family} listed, {licensed.family} on the roll",
        "near": "family names are spelled nearly alike: {identity.family} listed, {licensed.family} on the roll",
        "alike": "family names resemble one another: {identity.family} listed, {licensed.family} on the roll",
        "swapped": "given and family name have changed places: {identity.given} {identity.family} listed, "
        "{licensed.given} {licensed.family} on the roll",
        "middle": "the family name of one is the middle name of the other: {identity.given} {identity.middle} {identity.family} listed, "
        "{licensed.given} {licensed.middle} {licensed.family} on the roll",
        "different": "family names differ: {identity.family} listed, {licensed.family} on the roll",
    },
    "given_name": {
        "unsaid": "given names are not compared: one is missing, or stands as the family name",
        "equal": "given name {licensed.given} on both",
        "form": "{identity.given} is a form of {licensed.given}",
        "near": "given names are spelled nearly alike: {identity.given} listed, {licensed.given} on the roll",
        "initial": "an initial agrees: {identity.given} listed, {licensed.given} on the roll",
        "turned": "given and middle name have changed places: {identity.given} {identity.middle} listed, "
        "{licensed.given} {licensed.middle} on the roll",
        "middle": "the listed given name is the middle name on the roll: {identity.given} {identity.middle} listed, "
        "{licensed.given} {licensed.middle} on the roll",
        "second": "the listed middle name is the given name on the roll: {identity.given} {identity.middle} listed, "
        "{licensed.given} {licensed.middle} on the roll",
        "alike": "given names resemble one another: {identity.given} listed, {licensed.given} on the roll",
        "different": "given names differ: {identity.given} listed, {licensed.given} on the roll",
    },
    "middle_name": {
        "unsaid": "middle names are not compared: one is missing, or stands elsewhere in the name",
        "equal": "middle name {licensed.middle} on both",
        "initial": "the middle initial agrees: {identity.middle} listed, {licensed.middle} on the roll",
        "near": "middle names are spelled nearly alike: {identity.middle} listed, {licensed.middle} on the roll",
        "different": "middle names differ: {identity.middle} listed, {licensed.middle} on the roll",
    },
    "suffix": {
        "unsaid": "one of them gives no suffix",
        "equal": "suffix {licensed.suffix} on both",
        "different": "suffixes differ: {identity.suffix} listed, {licensed.suffix} on the roll",
    },
    "profession": {
        "unsaid": "the listing is not of the audit's profession",
        "equal": "the license is of the listed profession",
        "different": "the license is of another profession than listed",
    },
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


def forms_alike(con: Connection) -> None:
    """Create the temporary table form_alike (one, other): given names, listed or of a number's holder, that are forms of one name."""
    said = "select given from identity union select given from stated order by given"
    names = [name for (name,) in con.execute(said).fetchall() if name is not None]
    con.execute("create or replace temp table form_alike (one varchar, other varchar)")
    put(con, "form_alike", forms_of(names, names))


def sentence_sql(respect: str) -> str:
    """Why, in words a clerk can check, as an SQL expression over the level in the column named like the respect."""
    cases = []
    for level, sentence in SENTENCES[respect].items():
        pieces = re.split(r"\{([a-z_.]+)\}", sentence)
        words = [f"coalesce({piece}, '(none)')" if at % 2 else "'" + piece.replace("'", "''") + "'" for at, piece in enumerate(pieces)]
        cases.append(f"when '{level}' then concat({', '.join(words)})")
    return f"case levelled.{respect} {' '.join(cases)} end"
