"""How right scored pairs are, against the truth: pair by pair, one per left record, one to one, and as groups.

A set is a folder with left.parquet, perhaps right.parquet, truth.parquet (id_l, id_r), for one table clusters.parquet (uid, cluster),
perhaps tags.parquet (uid, tags). Precision and recall count pairs; every F1 is at its own best threshold. Ties keep the order of the file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]

SURE = 0.95
ELSEWHERE = (
    "nolic",
    "lictypo",
    "licwrong",
    "nonpi",
    "npitypo",
    "npiwrong",
    "grpaddr",
    "newaddr",
    "sttypo",
    "notypo",
    "phtypo",
)  # not the name
CUTS = 60  # thresholds tried for groups: as many quantiles of the scores


@dataclass(frozen=True)
class Best:
    """Precision and recall where F1 is highest."""

    precision: float
    recall: float
    f1: float
    threshold: float


@dataclass(frozen=True)
class Scored:
    """One system on one set. `found`: share of the true pairs that it scored at all."""

    pairs: int
    found: float
    raw: Best
    per_left: Best | None  # two tables: the best right record of each left one
    one_to_one: Best | None  # two tables: greedily from the best pair down, each record once
    groups: Best | None  # one table: pairs within connected components, against pairs within true clusters


@dataclass(frozen=True)
class AtSure:
    """What is asserted at p ≥ .95, over all true pairs and slip by slip."""

    precision: float
    recall: float
    slips: list["Slip"]
    unknown: int  # listings of people who are not on the roll
    unknown_matched: float  # the share of them that is matched all the same


@dataclass(frozen=True)
class Slip:
    """Recall where one thing went wrong: in all such listings, and in those whose name has no other slip."""

    tag: str
    listings: int
    recall: float
    alone: int
    recall_alone: float | None


def score(folder: Path, pairs: Path, by: str) -> Scored:
    """Score the pairs a system wrote (id_l, id_r and the column `by`, higher is surer)."""
    with duckdb.connect() as con:
        linked = _load(con, folder, pairs, by)
        a, b, scores = _columns(con, "select l, r, score from scored order by score desc, place")
        low, high = _columns(con, "select least(l, r), greatest(l, r) from true_pair")
        (is_left,) = _columns(con, "select side = 1 from record order by number")
        clusters = "select dense_rank() over (order by coalesce(cluster, 'alone ' || uid)) - 1 from cluster order by number"
        (cluster,) = _columns(con, clusters) if not linked else (is_left,)
    count = len(is_left)
    truth = np.unique(low * count + high)
    keys = np.minimum(a, b) * count + np.maximum(a, b)
    once = np.sort(np.unique(keys, return_index=True)[1])  # a pair given twice counts with its better score
    a, b, scores, hit = a[once], b[once], scores[once], np.isin(keys[once], truth)
    raw = best(hit, scores, len(truth))
    found = float(hit.sum() / len(truth))
    if not linked:
        return Scored(len(hit), found, raw, None, None, _groups(a, b, scores, raw.threshold, cluster))
    first = np.sort(np.unique(np.where(is_left[a], a, b), return_index=True)[1])
    single = _greedy(a, b)
    return Scored(
        len(hit), found, raw, best(hit[first], scores[first], len(truth)), best(hit[single], scores[single], len(truth)), groups=None
    )


def at_sure(folder: Path, pairs: Path) -> AtSure:
    """What a system asserts at p ≥ .95, by what was done to the listing; needs tags.parquet."""
    with duckdb.connect() as con:
        _load(con, folder, pairs, "probability")
        con.execute(f"create table tag as select uid, unnest(string_split(tags, '|')) as tag from '{folder}/tags.parquet'")
        con.execute(f"create table sure as select distinct l, r from scored where score >= {SURE}")
        con.execute(
            "create table told as select true_pair.*, sure.l is not null as found from true_pair left join sure on"
            " least(sure.l, sure.r) = least(true_pair.l, true_pair.r) and greatest(sure.l, sure.r) = greatest(true_pair.l, true_pair.r)"
        )
        recall, right, asserted = con.execute(
            "select avg(found::int), count(*) filter (where found), (select count(*) from sure) from told"
        ).fetchall()[0]
        slips = con.execute(
            f"""with named as (select *, (tag not in {ELSEWHERE})::int as in_name from tag where tag <> ''),
                slip as (select *, sum(in_name) over (partition by uid) = in_name as alone from named)
            select tag, count(*), avg(found::int), count(*) filter (where alone), avg(found::int) filter (where alone)
            from told join record on number = l join slip using (uid) group by tag order by tag in {ELSEWHERE}, 2 desc, tag"""
        ).fetchall()
        unknown, matched = con.execute(
            """select count(*), avg((number in (select l from sure union all select r from sure))::int)
            from tag join record using (uid) where tag = 'unknown'"""
        ).fetchall()[0]
    return AtSure(right / asserted if asserted else 0.0, recall, [Slip(*slip) for slip in slips], unknown, matched or 0.0)


def best(hit: Flags, scores: Scores, truth: int) -> Best:
    """The highest F1 over thresholds, of pairs ordered from the surest down; pairs of equal score stand or fall together."""
    if not len(hit):
        return Best(0.0, 0.0, 0.0, 0.0)
    right, asserted = np.cumsum(hit), np.arange(1, len(hit) + 1)
    f1 = np.where(np.append(scores[1:] != scores[:-1], True), 2 * right / (asserted + truth), -1)
    at = int(np.argmax(f1))
    return Best(float(right[at] / asserted[at]), float(right[at] / truth), float(f1[at]), float(scores[at]))


def _load(con: duckdb.DuckDBPyConnection, folder: Path, pairs: Path, by: str) -> bool:
    """record(number, uid, side), true_pair(l, r), scored(l, r, score, place), perhaps cluster; whether there are two tables."""
    linked = (folder / "right.parquet").exists()
    right = f"union all select uid, 2 from '{folder}/right.parquet'" if linked else ""
    con.execute(
        f"""create table record as select row_number() over () - 1 as number, uid, side
        from (select uid, 1 as side from '{folder}/left.parquet' {right})"""
    )
    con.execute(
        f"""create table true_pair as select a.number as l, b.number as r from '{folder}/truth.parquet' t
        join record a on a.uid = t.id_l join record b on b.uid = t.id_r"""
    )
    con.execute(
        f"""create table scored as select a.number as l, b.number as r, {by}::double as score, file_row_number as place
        from read_parquet('{pairs}', file_row_number = true) p join record a on a.uid = p.id_l join record b on b.uid = p.id_r"""
    )
    if not linked:
        con.execute(f"create table cluster as select number, uid, cluster from '{folder}/clusters.parquet' join record using (uid)")
    return linked


def _columns(con: duckdb.DuckDBPyConnection, sql: str) -> list[NDArray[Any]]:
    return [np.asarray(column) for column in con.execute(sql).fetchnumpy().values()]


def _greedy(a: Numbers, b: Numbers) -> Flags:
    taken: set[int] = set()
    keep = np.zeros(len(a), bool)
    for i, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        if x not in taken and y not in taken:
            taken.update((x, y))
            keep[i] = True
    return keep


def _groups(a: Numbers, b: Numbers, scores: Scores, threshold: float, truth: Numbers) -> Best:
    if not len(scores):
        return Best(0.0, 0.0, 0.0, 0.0)
    tried = []
    for cut in sorted({threshold, *np.quantile(scores, np.linspace(0, 1, CUTS)).tolist()}):
        group = components(len(truth), a[scores >= cut], b[scores >= cut])
        both = _pairs_within(group * len(truth) + truth)
        precision, recall = both / max(_pairs_within(group), 1), both / max(_pairs_within(truth), 1)
        tried.append(Best(precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0, cut))
    return max(tried, key=lambda at: at.f1)


def components(count: int, a: Numbers, b: Numbers) -> Numbers:
    """The lowest record that each record is connected with.

    >>> components(5, np.array([3, 1]), np.array([4, 3])).tolist()
    [0, 1, 2, 1, 1]
    """
    root = np.arange(count)
    while True:
        low = np.minimum(root[a], root[b])
        if np.array_equal(root[a], low) and np.array_equal(root[b], low):
            return root
        np.minimum.at(root, root[a], low)
        np.minimum.at(root, root[b], low)
        while not np.array_equal(root, root[root]):
            root = root[root]


def _pairs_within(groups: Numbers) -> int:
    sizes = np.unique(groups, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())
