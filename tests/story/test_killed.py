"""Killed at the worst moments, an audit goes on from there: nothing asked twice, nothing lost, nothing half published."""

import json
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from simulation.cards import AUDIT
from tests.story.command import ended, published, rollcall, rows, started
from tests.story.conftest import Invented
from tests.story.volunteer import wait


def test_an_audit_killed_three_times_ends_as_one_that_never_was(invented: Invented, tmp_path: Path) -> None:
    """SIGKILL in mid-collect, mid-curate and mid-publish of one run, each time started again by the same command."""
    began, data, work = datetime.now(UTC).date(), tmp_path / "data", tmp_path / "data/curated" / AUDIT / "work"

    kill(invented, data, lambda: len(kept(data, "alder_mutual")) >= 2)
    asked_before = {(source, path) for source in invented.sites.urls for path in kept(data, source)}
    assert ("alder_mutual", "/directory/massage?page=1") in asked_before
    assert len(kept(data, "alder_mutual")) < 6, "killed too late: the directory was whole"

    requests = len(invented.sites.log)
    kill(invented, data, lambda: size(work / "curate.part.wal") > 100_000)
    assert not (work / "curate.duckdb").exists()
    asked_again = {(host, path) for host, path, _ in invented.sites.log[requests:] if path != "/robots.txt"}
    assert asked_again, "the visit went on"
    assert not asked_again & asked_before

    requests = len(invented.sites.log)
    kill(invented, data, lambda: any((work / "documents.part").glob("*")))
    assert not (data / "curated" / AUDIT / "current").exists(), "nothing half published"

    last = ended(started("run", invented.card, "--data", data))
    assert last.status == 0, last.err
    assert "match: done before the interruption" in last.err
    assert invented.sites.log[requests:] == [], "whole visits are not repeated"
    if datetime.now(UTC).date() != began:
        pytest.skip("midnight passed between the two runs: their snapshots are of two days")
    undisturbed, resumed = exported(invented.database), exported(published(data, AUDIT))
    assert undisturbed.keys() == resumed.keys()
    assert [table for table in undisturbed if undisturbed[table] != resumed[table]] == []
    assert {name.split(".")[0] for name in undisturbed} >= {"curated", "matching", "reports"}


def test_a_reader_neither_disturbs_the_next_run_nor_is_disturbed_by_it(invented: Invented) -> None:
    """Somebody has the published database open in a DuckDB shell while the audit runs and publishes again."""
    home = invented.data / "curated" / AUDIT
    question = "select run_id, (select count(*) from matching.finding), (select count(*) from curated.listing) from curated.run"
    with duckdb.connect(str(home / "audit.duckdb"), read_only=True) as reader:
        before = reader.execute(question).fetchall()
        again = rollcall("run", invented.card, "--from", "match", "--data", invented.data)
        assert again.status == 0, again.err
        assert reader.execute(question).fetchall() == before
    after = rows(home / "audit.duckdb", question)
    assert after == rows(invented.database, question)
    assert after[0][0] != before[0][0], "the next run is another one"
    assert after[0][1:] == before[0][1:], "of the same evidence"
    assert rollcall("query", question, "--run", before[0][0], "--data", invented.data).status == 0, "and the earlier one can still be asked"


def test_ctrl_c_while_the_tables_are_made(invented: Invented, tmp_path: Path) -> None:
    """Ctrl-C inside a query ends as it does anywhere else."""
    work = tmp_path / "data/curated" / AUDIT / "work"
    shutil.copytree(invented.data / "raw", tmp_path / "data/raw")
    process = started("run", invented.card, "--offline", "--data", tmp_path / "data")
    wait(lambda: (work / "gate-curate.json").exists() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.status == 130, done.err
    assert "interrupted; what was collected is kept" in done.sentence


def kill(invented: Invented, data: Path, is_time: Callable[[], bool]) -> None:
    """Start the run, and SIGKILL it as soon as it is time."""
    process = started("run", invented.card, "--data", data)
    wait(lambda: is_time() or process.poll() is not None)
    process.kill()
    assert ended(process).status == -9


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def kept(data: Path, source: str) -> list[str]:
    """The path and query of every page whose manifest row is written, robots.txt aside."""
    found = []
    for manifest in (data / "raw" / source).glob("*/manifest.jsonl"):
        for line in manifest.read_bytes().splitlines():
            row = json.loads(line) if line.endswith(b"}") else {}
            if row.get("outcome") == "kept":
                parts = urlsplit(row["url"])
                found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return found


def exported(database: Path) -> dict[str, list[str]]:
    """Every table's rows, sorted, without run ids and `_at` columns."""
    with duckdb.connect(str(database), read_only=True) as con:
        found = {}
        for schema, table in con.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall():
            columns = [name for (name,) in con.execute(f"select column_name from (describe {schema}.{table})").fetchall()]
            same = ", ".join(f'"{name}"' for name in columns if name != "run_id" and not name.endswith("_at"))
            found[f"{schema}.{table}"] = sorted(map(repr, con.execute(f"select {same} from {schema}.{table}").fetchall()))
        return found
