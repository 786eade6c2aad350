"""Splink 5 on the sets that come with no configuration of their own; runs in .venv-bench.

FEBRL has two configurations: `tutorial`, the library's ready comparisons and settings as in Splink's own examples, and `matched`, the
respects, levels and blocks a careful user would choose. Listings have one, with a careful user's hand in it (nicknames, parts of double
names, swapped names: less would flatter us), at `tutorial` settings (u from ten million pairs) and `1e6` (from one million).
"""

import argparse
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import splink.comparison_level_library as level
import splink.comparison_library as compare
from nicknames import NickNamer
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

LEAST_WEIGHT = -5  # pairs below p = .03 are not written


@dataclass(frozen=True)
class Configuration:
    """What Splink is told about one kind of set."""

    columns: str  # the SELECT list each file is read with
    blocks: list[Any]
    comparisons: list[Any]
    certain: list[Any]  # rules that find nearly only true pairs, for the prior
    recall: float  # the share of true pairs that `certain` is said to find
    train: list[Any]  # one round of EM each
    u_pairs: float
    nicknames: bool = False  # give each row the names that its first_name may be short for, as `long`


def febrl(variant: str) -> Configuration:
    """The FEBRL sets, after Splink's examples for febrl3 and febrl4."""
    born = compare.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True)
    tutorial = Configuration(
        columns="*",
        blocks=[
            block_on("given_name", "surname"),
            "l.given_name = r.surname and l.surname = r.given_name",
            *(block_on(column) for column in ("date_of_birth", "soc_sec_id", "postcode")),
            block_on("state", "address_1"),
            block_on("street_number", "address_1"),
        ],
        comparisons=[
            _tf(compare.NameComparison("given_name")),
            _tf(compare.NameComparison("surname")),
            born,
            compare.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            _tf(compare.ExactMatch("street_number")),
            _tf(compare.DamerauLevenshteinAtThresholds("postcode", [1, 2])),
        ],
        certain=[block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth")],
        recall=0.9,
        train=[block_on("date_of_birth"), block_on("postcode")],
        u_pairs=1e6,
    )
    if variant != "matched":
        return tutorial
    swapped = _when("given_name_l = surname_r and surname_l = given_name_r", "swapped")
    pairs = [
        ("surname", "postcode"),
        ("given_name", "suburb"),
        ("surname", "suburb"),
        ("given_name", "postcode"),
        ("postcode", "street_number"),
    ]
    return replace(
        tutorial,
        blocks=[*tutorial.blocks, *(block_on(*pair) for pair in pairs)],
        comparisons=[
            _levels("given_name", swapped, *_like("given_name", 0.92, 0.85, 0.7)),
            _levels("surname", swapped, *_like("surname", 0.92, 0.85, 0.7)),
            _levels(
                "date_of_birth", _slip("date_of_birth"), _when("left(date_of_birth_l, 4) = left(date_of_birth_r, 4)", "year"), tf=False
            ),
            _levels("soc_sec_id", _slip("soc_sec_id"), tf=False),
            _levels("street_number", _slip("street_number")),
            _levels("address_1", *_like("address_1", 0.92, 0.85, 0.7)),
            _levels("postcode", _slip("postcode")),
            _levels("suburb", *_like("suburb", 0.92, 0.85, 0.7)),
        ],
        train=[block_on("date_of_birth"), block_on("soc_sec_id"), block_on("given_name", "surname")],
        u_pairs=1e7,
    )


def listings(variant: str) -> Configuration:
    """A directory and a roll, with license numbers and NPIs."""
    plain = listings_without_numbers(variant)
    return replace(
        plain,
        blocks=[block_on("npi"), block_on("lic_no"), *plain.blocks],
        comparisons=[
            *plain.comparisons,
            _levels("npi", level.DamerauLevenshteinLevel("npi", 1), tf=False),
            {
                "output_column_name": "license",
                "comparison_levels": [
                    level.NullLevel("lic_no"),
                    _when("lic_no_l = lic_no_r and lic_type_l = lic_type_r", "number and type"),
                    _when("lic_no_l = lic_no_r and (lic_type_l is null or lic_type_r is null)", "number, no type"),
                    _when("damerau_levenshtein(lic_no_l, lic_no_r) <= 1 and lic_type_l = lic_type_r", "a slip, and type"),
                    level.ElseLevel(),
                ],
            },
        ],
        train=[block_on("npi"), block_on("lic_no", "lic_type"), block_on("first_name", "last_name", "zip")],
    )


def listings_without_numbers(variant: str) -> Configuration:
    """A directory and a roll, by names, places and, as in the settings of ../shared, license type: more than `rollcall link` gets."""
    swapped = _when("first_name_l = last_name_r and last_name_l = first_name_r", "swapped")
    initial = "left(first_name_l, 1) = left(first_name_r, 1) and least(length(first_name_l), length(first_name_r)) = 1"
    close = "street_no_l = street_no_r and zip_l = zip_r and jaro_winkler_similarity(street_l, street_r) >= 0.9"
    return Configuration(
        columns="""*, left(first_name, 1) as initial, list_distinct(string_split(replace(last_name, '-', ' '), ' ')
            || [replace(replace(last_name, '-', ''), ' ', '')]) as last_parts, concat_ws(' ', street_no, street, zip) as place""",
        blocks=[
            block_on("last_name", "first_name"),
            block_on("last_name", "initial", "city"),
            block_on("first_name", "phone"),
            block_on("last_name", "phone"),
            block_on("first_name", "street_no", "street"),
            block_on("last_name", "street_no", "street"),
            block_on("left(last_name, 4)", "first_name", "zip"),
            block_on("first_name", "middle_name", "zip"),
            "l.first_name = r.last_name and l.last_name = r.first_name",
            {"blocking_rule": "l.first_name = r.first_name and l.last_parts = r.last_parts", "arrays_to_explode": ["last_parts"]},
            {"blocking_rule": "l.last_name = r.last_name and l.long = r.long and l.zip = r.zip", "arrays_to_explode": ["long"]},
        ],
        comparisons=[
            _levels(
                "first_name",
                _when("len(list_intersect(long_l, long_r)) > 0", "nickname"),
                *_like("first_name", 0.92),
                _when("first_name_l = middle_name_r or middle_name_l = first_name_r", "middle as first"),
                swapped,
                _when(initial, "initial"),
                *_like("first_name", 0.82),
            ),
            _levels(
                "last_name",
                swapped,
                _when("len(list_intersect(last_parts_l, last_parts_r)) > 0", "part of a double name"),
                *_like("last_name", 0.92, 0.82),
            ),
            {
                "output_column_name": "middle",
                "comparison_levels": [
                    level.NullLevel("middle_name"),
                    _when("middle_name_l = middle_name_r and length(middle_name_l) > 1", "in full"),
                    _when("left(middle_name_l, 1) = left(middle_name_r, 1)", "initial"),
                    level.ElseLevel(),
                ],
            },
            compare.ExactMatch("suffix"),
            {
                "output_column_name": "address",
                "comparison_levels": [
                    level.NullLevel("street"),
                    level.ExactMatchLevel("place", term_frequency_adjustments=True),
                    _when(close, "nearly"),
                    _when("zip_l = zip_r and street_l = street_r", "street"),
                    level.ExactMatchLevel("zip", term_frequency_adjustments=True),
                    level.ExactMatchLevel("city", term_frequency_adjustments=True),
                    level.ElseLevel(),
                ],
            },
            _tf(compare.LevenshteinAtThresholds("phone", [1])),
            compare.ExactMatch("lic_type"),
        ],
        certain=[block_on("npi"), block_on("lic_no", "lic_type")],
        recall=0.7,
        train=[block_on("first_name", "last_name", "zip"), block_on("phone", "first_name")],
        u_pairs=1e6 if variant == "1e6" else 1e7,
        nicknames=True,
    )


CONFIGURATIONS: dict[str, Callable[[str], Configuration]] = {
    "febrl": febrl,
    "listings": listings,
    "listings_without_numbers": listings_without_numbers,
}


def link(left: Path, right: Path | None, told: Configuration, out: Path) -> None:
    """Read, train, predict, write id_l, id_r, weight, probability."""
    con = duckdb.connect()
    files = [left, right] if right else [left]
    source = "'{}'"
    if told.nicknames:
        con.register("nickname", _nicknames(con, files))
        source += " left join nickname using (first_name)"
    api = DuckDBAPI(connection=con)
    tables = [api.register(con.sql(f"select {told.columns} from {source.format(file)}").to_arrow_table()) for file in files]
    settings = SettingsCreator(
        link_type="link_only" if right else "dedupe_only",
        unique_id_column_name="uid",
        blocking_rules_to_generate_predictions=told.blocks,
        comparisons=told.comparisons,
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    linker = Linker(tables if right else tables[0], settings)
    linker.training.estimate_probability_two_random_records_match(told.certain, recall=told.recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=told.u_pairs, seed=1)
    for rule in told.train:
        linker.training.estimate_parameters_using_expectation_maximisation(rule, estimate_without_term_frequencies=True)
    found = linker.inference.predict(threshold_match_weight=LEAST_WEIGHT).as_duckdbpyrelation()
    found.project("uid_l as id_l, uid_r as id_r, match_weight as weight, match_probability as probability").write_parquet(str(out))


def _nicknames(con: duckdb.DuckDBPyConnection, files: list[Path]) -> pa.Table:
    """first_name, long: the names it may be short for, and itself."""
    names = [name for (name,) in con.execute(f"select distinct first_name from read_parquet({list(map(str, files))})").fetchall() if name]
    known = NickNamer()
    long = [[name, *(full.upper() for full in sorted(known.canonicals_of(name.lower())))] for name in names]
    return pa.table({"first_name": names, "long": pa.array(long, pa.list_(pa.string()))})


def _tf(comparison: Any) -> Any:
    return comparison.configure(term_frequency_adjustments=True)


def _when(sql: str, label: str) -> dict[str, str]:
    return {"sql_condition": sql, "label_for_charts": label}


def _slip(column: str) -> Any:
    return level.DamerauLevenshteinLevel(column, 1)


def _like(column: str, *thresholds: float) -> list[Any]:
    return [level.JaroWinklerLevel(column, threshold) for threshold in thresholds]


def _levels(column: str, *between: Any, tf: bool = True) -> dict[str, Any]:
    exact = level.ExactMatchLevel(column, term_frequency_adjustments=tf)
    return {"output_column_name": column, "comparison_levels": [level.NullLevel(column), exact, *between, level.ElseLevel()]}


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("left", type=Path)
    asked.add_argument("right", type=Path, nargs="?")
    asked.add_argument("--kind", choices=CONFIGURATIONS, required=True)
    asked.add_argument("--variant", choices=("tutorial", "matched", "1e6"), required=True)
    asked.add_argument("--out", type=Path, required=True)
    given = asked.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("splink").setLevel(logging.ERROR)
    link(given.left, given.right, CONFIGURATIONS[given.kind](given.variant), given.out)
