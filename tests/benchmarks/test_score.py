"""Scoring, held against four records and pairs that a reader can count."""

from pathlib import Path

import duckdb
import pytest

from benchmarks import score


def laid(folder: Path, **tables: str) -> Path:
    for name, rows in tables.items():
        duckdb.sql(rows).write_parquet(str(folder / f"{name}.parquet"))
    return folder


@pytest.fixture
def listings(tmp_path: Path) -> Path:
    return laid(
        tmp_path,
        left="select unnest(['l1', 'l2', 'l3']) as uid",
        right="select unnest(['r1', 'r2', 'r3']) as uid",
        truth="select unnest(['l1', 'l2']) as id_l, unnest(['r1', 'r2']) as id_r",
        clusters="select unnest(['l1', 'l2', 'l3', 'r1', 'r2', 'r3']) as uid, unnest(['a', 'b', null, 'a', 'b', null]) as cluster",
        pairs="select unnest(['l1', 'l1', 'l2', 'l3']) as id_l, unnest(['r1', 'r2', 'r2', 'r2']) as id_r, "
        "unnest([0.9, 0.8, 0.7, 0.6]) as probability",
    )


def test_pairs_are_counted_down_to_the_best_threshold(listings: Path) -> None:
    found = score.score(listings, listings / "pairs.parquet", "probability")
    assert found.raw.precision == pytest.approx(2 / 3)
    assert (found.raw.recall, found.raw.threshold) == (1.0, 0.7)
    assert found.found == 1.0


def test_one_candidate_for_each_listing_leaves_the_wrong_one_out(listings: Path) -> None:
    found = score.score(listings, listings / "pairs.parquet", "probability")
    assert found.per_left is not None and found.per_left.f1 == 1.0
    assert found.one_to_one is not None and found.one_to_one.f1 == 1.0


def test_a_true_pair_that_is_missing_costs_recall(listings: Path) -> None:
    duckdb.sql("select 'l1' as id_l, 'r1' as id_r, 0.9 as probability").write_parquet(str(listings / "pairs.parquet"))
    found = score.score(listings, listings / "pairs.parquet", "probability")
    assert (found.raw.precision, found.raw.recall) == (1.0, 0.5)
