"""The ledger under ten writers, kills, tampering and erasure; on SQLite always, on PostgreSQL in `make test-postgres`."""

import multiprocessing
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from pipelines import curate, ledger, warehouse
from pipelines.runs import Stopped
from pipelines.settings import Settings
from scrapers.records import Refused

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
WRITERS, EACH = 10, 50
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def programs() -> Path:
    """Where PostgreSQL's own programs lie; Debian keeps them off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A throw-away PostgreSQL on loopback, run by somebody who is not root: PostgreSQL refuses root."""
    who: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="rollcall-postgres-"))
    if who:
        shutil.chown(home, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make: list[str | Path] = [programs() / "initdb", "-D", home / "data", "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(make, check=True, cwd=home, stdout=subprocess.DEVNULL, **who)
    serve: list[str | Path] = [
        programs() / "postgres",
        "-D",
        home / "data",
        "-p",
        str(port),
        "-k",
        home,
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    server = subprocess.Popen(serve, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)
    url = f"postgresql://tester@127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                psycopg.connect(f"{url}/postgres").close()
                break
            except psycopg.OperationalError:
                assert server.poll() is None, "PostgreSQL ended"
                time.sleep(0.1)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(home)


@pytest.fixture(params=BOTH)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(data=tmp_path, now=NOW)
    cluster = request.getfixturevalue("cluster")
    name = re.sub(r"\W", "_", f"t_{tmp_path.name}_{time.time_ns()}")
    with psycopg.connect(f"{cluster}/postgres", autocommit=True) as con:
        con.execute(f'create database "{name}"'.encode())
    return Settings(data=tmp_path, now=NOW, ledger=f"{cluster}/{name}")


def raw(home: Settings, *statements: str) -> None:
    """What somebody does to the database behind our back."""
    if home.ledger:
        with psycopg.connect(home.ledger) as con:
            for each in statements:
                con.execute(each.encode())
        return
    plain = sqlite3.connect(home.data / "ledger.sqlite")
    for each in statements:
        plain.execute(each)
    plain.commit()
    plain.close()


def unguard(home: Settings) -> list[str]:
    if home.ledger:
        return ["alter table entry disable trigger all"]
    return ["drop trigger entry_update_refused", "drop trigger entry_delete_refused"]


def verdict(writer: ledger.Writer, finding: str, person: str = "Ada Example", **more: Any) -> tuple[str, bool]:
    return writer.enter("verdict", {"finding_id": finding, "judgement": "right", **more}, writer.pseudonym(person))


def some(home: Settings, count: int = 5) -> list[ledger.Entry]:
    with ledger.writing(home, NOW) as writer:
        for number in range(count):
            verdict(writer, f"finding-{number}")
    return ledger.entries(home)


# What a writer's process runs: deeds one at a time, each its own transaction, each acknowledged once it is kept.


def write(home: Settings, name: str, count: int) -> None:
    for number in range(count):
        with ledger.writing(home, datetime.now(UTC)) as writer:
            verdict(writer, f"{name}-{number}", name)


SLOW_WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pipelines import ledger
from pipelines.settings import Settings
home = Settings(data=Path(sys.argv[1]), ledger=sys.argv[2] or None)
for number in range(int(sys.argv[3])):
    with ledger.writing(home, datetime.now(UTC)) as writer:
        for part in range(40):
            id, _ = writer.enter("verdict", {"finding_id": f"{number}-{part}", "judgement": "right"}, writer.pseudonym("Ada Example"))
    print(number, flush=True)
"""


def test_ten_writers_at_once_lose_and_double_nothing(home: Settings) -> None:
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload([__name__])
    writers = [spawn.Process(target=write, args=(replace(home, now=None), f"Writer {n}", EACH)) for n in range(WRITERS)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(120)
    assert [each.exitcode for each in writers] == [0] * WRITERS
    assert ledger.verify(home) == WRITERS * EACH
    said = {entry.content["finding_id"] for entry in ledger.entries(home)}
    assert said == {f"Writer {n}-{number}" for n in range(WRITERS) for number in range(EACH)}
    assert len(ledger.contacts(home)) == WRITERS


def test_a_kill_in_mid_write_loses_and_doubles_nothing(home: Settings) -> None:
    batches, kept = 40, 0
    for wait in (1, 7):
        command = [sys.executable, "-c", SLOW_WRITER, str(home.data), home.ledger or "", str(batches)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(wait)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
        process.wait()
        kept = ledger.verify(home)
        assert kept % 40 == 0, "a batch was torn"
        assert kept >= 40 * len([line for line in told if line.strip()]), "something acknowledged was lost"
        assert kept < 40 * batches, "the kill came too late to show anything"
    with ledger.writing(home, NOW) as writer:  # the same import again, to its end
        new = [verdict(writer, f"{number}-{part}")[1] for number in range(batches) for part in range(40)]
    assert new.count(True) == 40 * batches - kept
    assert ledger.verify(home) == 40 * batches


def test_what_fails_in_the_middle_leaves_nothing(home: Settings) -> None:
    before = some(home)
    with pytest.raises(ZeroDivisionError), ledger.writing(home, NOW) as writer:
        verdict(writer, "another", "Somebody New")
        raise ZeroDivisionError
    assert ledger.entries(home) == before
    assert [each.name for each in ledger.contacts(home)] == ["Ada Example"]


@pytest.mark.parametrize("change", ["update entry set content = '{}' where sequence = 2", "delete from entry where sequence = 2"])
def test_the_database_itself_refuses_to_change_an_entry(home: Settings, change: str) -> None:
    before = some(home)
    with pytest.raises((sqlite3.Error, psycopg.Error), match="entries of the ledger are never changed"):
        raw(home, change)
    assert ledger.entries(home) == before


FORGED = "insert into entry select 6, 'forged', kind, content, person, at, hash, 'ffff' from entry where sequence = 5"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("update entry set content = replace(content, 'right', 'wrong') where sequence = 3", "entry 3 "),
        ("update entry set person = 'p0' where sequence = 1", "entry 1 "),
        ("update entry set at = '2020-01-01T00:00:00+00:00' where sequence = 5", "entry 5 "),
        ("delete from entry where sequence = 4", "entry 4 is gone"),
        ("delete from entry where sequence = 1", "entry 1 is gone"),
        (FORGED, "entry 6 "),
    ],
)
def test_tampering_is_named(home: Settings, change: str, wrong: str, tmp_path: Path) -> None:
    some(home)
    raw(home, *unguard(home), change)
    with pytest.raises(Stopped, match=f"the ledger was changed: {wrong}"):
        ledger.verify(home)
    with pytest.raises(Stopped), ledger.writing(home, NOW) as writer:  # nobody builds on it
        verdict(writer, "another")
    with pytest.raises(Stopped), run(tmp_path) as con:
        ledger.copy(con, home)


def test_a_guard_that_is_gone_is_named(home: Settings) -> None:
    some(home)
    assert ledger.unguarded(home) == []
    raw(home, *unguard(home))
    assert ledger.unguarded(home) == (["entry_refused"] if home.ledger else ["entry_update_refused", "entry_delete_refused"])


def test_an_end_cut_off_is_seen_by_the_runs_that_noted_it(home: Settings) -> None:
    last = some(home)[-1]
    raw(home, *unguard(home), "delete from entry where sequence = 5")
    assert ledger.verify(home) == 4  # a chain alone cannot know
    with pytest.raises(Stopped, match="the ledger lost entries"):
        ledger.verify(home, [last.hash])


def test_twice_changes_nothing_and_two_people_are_two(home: Settings) -> None:
    with ledger.writing(home, NOW) as writer:
        first = verdict(writer, "f", "Ada Example")
        assert first[1]
        assert verdict(writer, "f", "  ada   EXAMPLE ") == (first[0], False)
        assert verdict(writer, "f", "Bo Example")[1]
    with ledger.writing(home, NOW.replace(day=25)) as writer:
        assert verdict(writer, "f") == (first[0], False)
    assert ledger.verify(home) == 2


def test_erasing_a_person_leaves_the_chain_whole(home: Settings) -> None:
    with ledger.writing(home, NOW) as writer:
        assert writer.reach("Ada Example", "ada@example.org", "555-0101")
        assert writer.reach("Ada Example", "ada@example.org", None) is False
        verdict(writer, "f")
    (ada,) = ledger.contacts(home)
    assert (ada.email, ada.telephone) == ("ada@example.org", "555-0101")
    with ledger.writing(home, NOW) as writer:
        assert writer.erase("Ada Example", "Bo Example")
        assert not writer.erase("Ada Example", "Bo Example")
    assert [each.name for each in ledger.contacts(home)] == ["Bo Example"]
    with ledger.writing(home, NOW) as writer:  # an old file again: nothing is doubled, and the name does not come back
        assert not verdict(writer, "f")[1]
        assert writer.reach("Ada Example", "ada@example.org", None) is None
    assert ledger.verify(home) == 2
    with ledger.writing(home, NOW) as writer:  # a sheet of ours names her by pseudonym: she is the same still
        assert writer.pseudonym(ada.person) == ada.person == writer.pseudonym("ADA EXAMPLE")
    assert [each.name for each in ledger.contacts(home)] == ["Bo Example"]
    assert all("Ada" not in str(entry.content) and entry.person != "Ada Example" for entry in ledger.entries(home))


def run(folder: Path) -> Any:
    """An open database with ledger.* laid out, and a row of curated.run."""
    con = duckdb.connect()
    for schema in ("curated", "ledger"):
        con.execute(f"create schema {schema}")
    con.execute("create table curated.run as select 'r' as run_id, null::text as ledger_head")
    curate.lay_out_ledger(con)
    return con


def test_a_run_gets_a_pseudonymous_copy_and_notes_the_head(home: Settings, tmp_path: Path) -> None:
    with ledger.writing(home, NOW) as writer:
        ada = writer.pseudonym("Ada Example")
        call = {"claim_id": "c1", "attempt": 2, "outcome": "reached", "works_here": False, "at": "2026-11-18", "words": "=1+1 'moved'\n"}
        writer.enter("call", call, ada)
        writer.enter("call", {"claim_id": "c2", "outcome": "busy", "at": "2026-11-20"}, ada)
        writer.enter("application", {"source_id": "s", "license_key": "MA60000001", "applied_on": "2026-10-01", "outcome": "none"}, ada)
        sample, _ = writer.enter("sample", {"audit": "a", "seed": 7, "frame_count": 2, "drawn_count": 1}, ada)
        drawn = [{"place": 1, "subject_kind": "claim", "subject_id": "c1", "stratum_count": 2, "stratum_drawn": 1}]
        writer.enter("draw", {"sample_id": sample, "drawn": drawn}, ada)
    with run(tmp_path) as con:
        head = ledger.copy(con, home)
        assert ledger.copy(con, home) == head == ledger.entries(home)[-1].hash  # again: refilled, not doubled
        assert con.execute("select ledger_head from curated.run").fetchall() == [(head,)]
        columns = 'claim_id, attempt, works_here, participates, words, cast("at" as text)'
        said = con.execute(f"select {columns} from ledger.call order by 1").fetchall()
        assert said == [
            ("c1", 2, False, None, "=1+1 'moved'\n", "2026-11-18 23:59:59"),  # a day counts from its end
            ("c2", None, None, None, None, "2026-11-20 18:00:00"),  # or from when it was entered
        ]
        assert con.execute('select distinct "by" from ledger.call').fetchall() == [(ada,)]
        assert con.execute("select applied_on, outcome_on from ledger.application").fetchall() == [(date(2026, 10, 1), None)]
        joined = "select sample_id = $id, place, subject_id, stratum, stratum_count from ledger.draw join ledger.sample using (sample_id)"
        assert con.execute(joined, {"id": sample}).fetchall() == [(True, 1, "c1", None, 2)]
        assert ledger.copy(con, replace(home, until=date(2026, 11, 19))) is None  # as of a day before anybody did anything
        assert warehouse.count(con, "ledger.call") == 0


def test_no_ledger_is_an_empty_one_and_reading_makes_none(tmp_path: Path) -> None:
    home = Settings(data=tmp_path / "new")
    assert ledger.entries(home) == []
    assert ledger.contacts(home) == []
    with run(tmp_path) as con:
        assert ledger.copy(con, home) is None
    assert not home.data.exists()


def test_who_declared_an_interest_is_known_by_name(home: Settings) -> None:
    with ledger.writing(home, NOW) as writer:
        for name in ("Ada Example", "Bo Example"):
            person = writer.pseudonym(name)
            writer.enter("interest", {"audit": "a", "person": person, "interest": "none"}, person)
        writer.enter("sign_off", {"audit": "a", "run_id": "r", "name": "Ada  Example"}, writer.pseudonym("Ada  Example"))
    assert set(ledger.declared(home, "a")) == {"Ada  Example", "Ada Example", "Bo Example"}
    assert ledger.declared(home, "b") == ()


def test_what_is_done_about_an_invented_state_stays_beside_it(tmp_path: Path) -> None:
    (tmp_path / "invented.json").write_text("{}")
    home = Settings(data=tmp_path, ledger="postgresql://nobody@127.0.0.1:9/nowhere")
    assert len(some(home)) == 5
    assert (tmp_path / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u@h/d", "names a mysql database; expected postgresql://"),
        ("not a url", "is no address of a database"),
        ("postgresql://u:hunter2@127.0.0.1:9/d", r"says: .*nothing was written"),
    ],
)
def test_a_ledger_that_cannot_be_reached_is_said_without_its_password(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=said) as refused:
        some(Settings(data=tmp_path, ledger=url))
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(Settings(data=tmp_path, ledger=url))


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Refused, match="file is not a database"):
        some(Settings(data=tmp_path))


DEEDS = st.lists(st.tuples(st.sampled_from(["enter", "again", "erase", "reach"]), st.integers(0, 3), st.integers(0, 4)), max_size=14)


@effort(max_examples=25, deadline=None)
@given(sessions=st.lists(DEEDS, max_size=5))
def test_any_interleaving_gives_a_chain_that_verifies(sessions: list[list[tuple[str, int, int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home, deeds, erased = Settings(data=Path(folder)), set[tuple[int, int]](), set[int]()
        for session in sessions:
            with ledger.writing(home, NOW) as writer:
                for verb, who, what in session:
                    name = f"Person {who}"
                    if verb == "erase":
                        assert writer.erase(name, name) == (who not in erased)
                        erased.add(who)
                    elif verb == "reach":
                        assert (writer.reach(name, f"{what}@example.org", None) is None) == (who in erased)
                    else:
                        assert verdict(writer, f"f{what}", name)[1] == ((who, what) not in deeds)
                        deeds.add((who, what))
        assert ledger.verify(home) == len(deeds) + len(erased)
        assert not {each.name for each in ledger.contacts(home)} & {f"Person {who}" for who in erased}


def test_nothing_was_done_later_than_it_was_entered(home: Settings) -> None:
    """A decision dated tomorrow would settle what somebody says tonight."""
    with ledger.writing(home, NOW) as writer:
        for said in ("2026-11-22T08:00:00+14:00", "2026-11-21", "2026-11-20T06:00:00-05:00"):
            writer.enter("correction", {"finding_id": "f", "change": "upheld", "at": said}, writer.pseudonym("Ada Example"))
    *later, before = map(ledger.when, ledger.entries(home))
    assert later == [NOW, NOW]
    assert before == datetime(2026, 11, 20, 11, tzinfo=UTC)
