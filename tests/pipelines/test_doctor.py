"""Sick installations, each made for real in a folder of its own, and what `doctor` says of it."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines import audits, filing, ledger, models, publication, runs, stages, warehouse
from pipelines.doctor import kept, machine
from pipelines.doctor.signs import heard
from pipelines.lines import LINES, WIDTH
from pipelines.settings import NAMES, Settings
from scrapers import sources
from tests.scrapers.site import Reply, served
from tests.story.command import rollcall

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
RUN = "20261102T120000Z"
SOURCE = "{title: Alder, kind: insurer, format: table, start: alder.csv, as_of: 2026-11-01, columns: {name: Name}}"
AUDIT = "{title: Story, state: ZZ, profession: massage_therapist, insurers: [../sources/alder.yml], publish: []}"


def database(path: Path, *schemas: str, without: str = "") -> None:
    """An empty database with the tables of these schemas, less one column."""
    with warehouse.rebuilt(path) as con:
        for model in models.of(*schemas):
            con.execute(f"create schema if not exists {model.name.split('.')[0]}")
            columns = [f'"{name}" text' for name in model.columns if f"{model.name}.{name}" != without]
            con.execute(f"create table {model.name} ({', '.join(columns)})")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cards, a snapshot, a run that was curated and one that was published, and a ledger."""
    place = tmp_path_factory.mktemp("well")
    home = Settings(data=place / "data", now=NOW)
    for path, text in {"sources/alder.yml": SOURCE, "sources/alder.csv": "Name\nFernwick\n", "audits/story.yml": AUDIT}.items():
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")
    stages.collect_source(home, sources.load("./alder.yml", place / "sources"), lambda *_: None)
    run = runs.begin(home, audits.read(place / "audits" / "story.yml"))
    for stage in ("collect", "curate"):
        run = runs.finished(run, stage)
    database(run.database("curate"), *stages.LEFT["curate"])
    database(run.folder.parent / f"audit-{RUN}.duckdb", *models.FOLDERS)
    publication.point(run.folder.parent, run.folder.parent / f"audit-{RUN}.duckdb", lambda _: None)
    with ledger.writing(home, NOW) as writer:
        writer.enter("interest", {"audit": "story", "interest": "none"}, writer.pseudonym("Ada Example"))
    return place


@pytest.fixture
def well(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A copy of it to make sick, with nothing in the environment; the work is done there."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ROLLCALL_")]:
        monkeypatch.delenv(name)
    return Settings(data=tmp_path / "data", contact="audit@example.org", now=NOW)


def said(check: str, home: Settings) -> tuple[set[str], str]:
    """The verdicts of one check, and its sentences."""
    found = heard({**machine.CHECKS, **kept.CHECKS}[check](home))
    return {verdict for verdict, _ in found}, "\n".join(says for _, says in found)


def only(path: Path, pattern: str) -> Path:
    (found,) = path.glob(pattern)
    return found


def test_a_well_installation_is_well_and_said_so_on_one_page(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_CONTACT", "audit@example.org")
    done = rollcall("doctor", "--json", "--data", well.data)
    told = {(each["check"], each["verdict"]) for each in json.loads(done.out)}
    assert (done.status, done.err) == (0, "") and told == {(check, "ok") for check in (*machine.CHECKS, *kept.CHECKS)}, done.out
    assert f"audit-{RUN}.duckdb, with this version's tables" in done.out and "1 entries, none changed or gone" in done.out

    (well.data / "ledger.sqlite").write_bytes(b"no ledger at all" * 100)
    for number in range(60):
        (Path("audits") / f"wrong_{number}.yml").write_text("{title: Wrong}", encoding="utf-8")
    done = rollcall("doctor", "--data", well.data)
    page = done.out.splitlines()
    assert done.status == 1 and len(page) <= LINES and max(map(len, page)) <= WIDTH
    assert page[0] == "61 bad, 0 warn, 12 ok" and "and 57 more; `--json` has them all" in done.out
    assert [line.split()[0] for line in page if not line.startswith(" ")][1:5] == ["bad"] * 4, "the worst first"


def test_nothing_at_all_is_well_too(tmp_path: Path) -> None:
    empty = Settings(data=tmp_path / "data")
    assert {check: said(check, empty)[0] for check in kept.CHECKS} == {check: {"ok"} for check in kept.CHECKS}
    assert not empty.data.exists(), "looking leaves nothing behind"


def test_packages_that_break_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fastapi-0.151.1.dist-info").mkdir()
    (tmp_path / "fastapi-0.151.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: fastapi\nVersion: 0.151.1\n")
    (tmp_path / "nicknames.py").write_text("raise ImportError('built for another machine')")
    monkeypatch.delitem(sys.modules, "nicknames", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    verdicts, page = said("packages", Settings(data=tmp_path))
    assert verdicts == {"bad"} and len(page.splitlines()) == 2
    assert "fastapi 0.151.1 is installed; expected fastapi<0.151; install requirements.lock again" in page
    assert "ImportError: built for another machine; expected that it can be imported" in page


def test_it_speaks_where_hardly_anything_can_be_imported_or_printed(tmp_path: Path) -> None:
    for package in ("duckdb", "pandas", "great_expectations", "prefect", "fastapi", "altair", "typst", "scipy"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('built for another machine – é')", encoding="utf-8")
    child = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-m", "pipelines", "doctor"], env=child, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stderr, done.stderr
    assert "built for another machine ? ?" in done.stdout and "no PDF can be made (ImportError" in done.stdout
    assert "what is kept here could not be looked at (ImportError" in done.stdout
    assert "warn  encoding   output is ascii" in done.stdout


def test_settings_that_are_set_and_wrong(well: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("settings", well)[0] == {"ok"}
    assert said("settings", replace(well, contact=None))[0] == said("settings", replace(well, contact="Ada"))[0] == {"warn"}
    monkeypatch.setenv("ROLLCALL_MEMORY", "plenty")
    monkeypatch.setenv("ROLLCALL_CONTCAT", "audit@example.org")
    sick = replace(well, tsa="ftp://stamp.example.org", tsa_root=tmp_path / "no.pem", secrets={"EXAMPLE": "hush hush"})
    verdicts, page = said("settings", sick)
    assert verdicts == {"warn", "bad"} and "hush" not in page
    for part in (
        "ROLLCALL_MEMORY says 'plenty'; expected a size",
        "ROLLCALL_CONTCAT is set and means nothing here; did you mean ROLLCALL_CONTACT?",
        "ROLLCALL_TSA says 'ftp://stamp.example.org'; expected an address",
        f"ROLLCALL_TSA_ROOT names {tmp_path / 'no.pem'} (FileNotFoundError",
        "ROLLCALL_SECRET_EXAMPLE is not of the form id:secret",
    ):
        assert part in page
    assert rollcall("status", "--data", well.data).status == 2, "every other verb still refuses"
    text = Path(str(sys.modules["pipelines.settings"].__file__)).read_text(encoding="utf-8")
    assert all(f'("{name}")' in text or f'["{name}"]' in text for name in NAMES), "names that nobody reads"


def test_a_data_folder_that_cannot_be_used(well: Settings, tmp_path: Path) -> None:
    taken = replace(well, data=tmp_path / "sources" / "alder.csv")
    verdicts, page = said("data", taken)
    assert verdicts == {"bad"} and "alder.csv cannot be written" in page
    if os.geteuid() != 0:  # root may write anywhere
        well.data.chmod(0o500)
        verdicts, page = said("data", well)
        well.data.chmod(0o700)
        assert verdicts == {"bad"} and "Permission denied" in page
    with (well.data / "curated" / "story" / "audit-20261103T120000Z.duckdb").open("wb") as large:
        large.truncate(4 << 40)  # a file of holes, larger than any disk here
    verdicts, page = said("data", well)
    assert verdicts == {"warn"} and "expected 13,194.1 GB for the next run" in page


def test_paths_longer_than_the_system_takes(tmp_path: Path) -> None:
    assert said("paths", Settings(data=tmp_path))[0] == {"ok"}
    verdicts, page = said("paths", Settings(data=Path("/" + "a" * 200, *["b" * 200] * 19)))
    assert verdicts == {"bad"} and "choose a data folder nearer the root" in page


def test_evidence_that_was_changed_lost_or_fetched_tomorrow(well: Settings) -> None:
    assert "1 sources, 1 bodies" in said("evidence", well)[1]
    blob = only(well.raw, "alder/blobs/??/*.gz")
    whole = blob.read_bytes()
    blob.write_bytes(whole[: len(whole) // 2])
    verdicts, page = said("evidence", well)
    assert verdicts == {"bad"} and "the bytes kept of file:alder.csv no longer have their SHA-256" in page and str(blob) in page
    blob.unlink()
    assert said("evidence", well)[0] == {"bad"}
    blob.write_bytes(whole)

    verdicts, page = said("evidence", replace(well, now=NOW - timedelta(days=40)))
    assert verdicts == {"bad"} and "and the clock here says 2026-09-23 12:00; set the clock" in page

    manifest = only(well.raw, "alder/*/manifest.jsonl")
    kept_as = manifest.read_bytes()
    manifest.write_bytes(kept_as.replace(b"alder.csv", b"birch.csv"))
    verdicts, page = said("evidence", well)
    assert verdicts == {"bad"} and "is not the one snapshot" in page
    manifest.write_bytes(kept_as)

    only(well.raw, "alder/*/complete.json").write_text("{")
    verdicts, page = said("evidence", well)
    assert verdicts == {"bad"} and "cannot be read" in page and "restore it from a copy" in page


def test_what_readers_are_led_to(well: Settings) -> None:
    home = well.data / "curated" / "story"
    path = home / f"audit-{RUN}.duckdb"
    path.unlink()
    verdicts, page = said("published", well)
    assert verdicts == {"bad"} and "names a database that is not there" in page
    (home / "audit.duckdb").unlink()
    path.write_bytes(b"no database" * 1000)
    verdicts, page = said("published", well)
    assert verdicts == {"bad"} and f"{path} cannot be opened as a database" in page
    asked = rollcall("query", "select 1", "--data", well.data)
    assert asked.status == 2 and "cannot be opened as a database" in asked.sentence
    path.unlink()
    database(path, *models.FOLDERS, without="curated.run.code_version")
    asked = rollcall("packet", "story", "--to", "commissioner", "--data", well.data)
    assert asked.status == 2 and "has not the tables that this version of Rollcall asks about" in asked.sentence
    verdicts, page = said("published", well)
    assert verdicts == {"warn"} and "differ in curated.run.code_version" in page and "`rollcall run story --from curate`" in page
    path.unlink()
    database(path, *models.FOLDERS)
    (home / "work" / "run.json").write_text("{", encoding="utf-8")
    verdicts, page = said("published", well)
    assert verdicts == {"ok", "bad"} and "run.json cannot be read" in page


def test_a_stage_of_another_version_is_refused_in_one_sentence(well: Settings) -> None:
    work = well.data / "curated" / "story" / "work"
    (work / "curate.duckdb").unlink()
    database(work / "curate.duckdb", *stages.LEFT["curate"], without="curated.listing.county_fips")
    done = rollcall("run", "story", "--from", "match", "--data", well.data)
    assert done.status == 2
    assert done.sentence.endswith(
        "whose tables differ from this one's in curated.listing.county_fips; "
        "run `rollcall run story --from curate`, which makes them anew from kept evidence"
    )
    verdicts, page = said("published", well)
    assert verdicts == {"ok", "warn"} and done.sentence in page


def test_a_filed_run_that_was_changed(well: Settings) -> None:
    folder = well.data / "curated" / "story" / "filed" / RUN
    folder.mkdir(parents=True)
    kept_as = {"audit": "story", "run_id": RUN, "signed_by": ["Ada Example"], "filed_at": NOW.isoformat()}
    (folder / filing.KEPT).write_text(json.dumps(kept_as), encoding="utf-8")
    sha256 = hashlib.sha256((folder / filing.KEPT).read_bytes()).hexdigest()
    (folder / filing.SUMS).write_text(f"{sha256}  {filing.KEPT}\n", encoding="utf-8")
    assert said("filed", well) == ({"ok"}, f"story {RUN}: as filed")
    (folder / filing.KEPT).write_text(json.dumps(kept_as | {"signed_by": []}), encoding="utf-8")
    verdicts, page = said("filed", well)
    assert verdicts == {"bad"} and "filed.json is not as it was filed; restore it from a copy" in page


def test_a_ledger_that_was_changed_or_left_open_to_it(well: Settings) -> None:
    with sqlite3.connect(well.data / "ledger.sqlite") as behind:
        behind.execute("drop trigger entry_update_refused")
    behind.close()
    verdicts, page = said("ledger", well)
    assert verdicts == {"bad"} and "its 1 entries whole, has lost what keeps them from being changed (entry_update_refused)" in page
    with sqlite3.connect(well.data / "ledger.sqlite") as behind:
        behind.execute("update entry set at = '2026-01-01T00:00:00+00:00'")
    behind.close()
    verdicts, page = said("ledger", well)
    assert verdicts == {"bad"} and "the ledger was changed: entry 1" in page
    shutil.copyfile(__file__, well.data / "ledger.sqlite")
    verdicts, page = said("ledger", well)
    assert verdicts == {"bad"} and "file is not a database" in page


def test_a_ledger_is_held_against_runs_that_open(well: Settings) -> None:
    (well.data / "curated" / "story" / f"audit-{RUN}.duckdb").write_bytes(b"")
    verdicts, page = said("ledger", well)
    assert verdicts == {"warn"} and "1 entries are whole, but published runs could not be held against it" in page


def test_what_killed_runs_left(well: Settings) -> None:
    work = well.data / "curated" / "story" / "work"
    (work / "match.part").write_bytes(b"x" * 3_000_000)
    (work / "documents.part").mkdir()
    blobs = only(well.raw, "alder/blobs")
    (blobs / "0123.part").touch()
    assert said("leftovers", well)[0] == {"ok"}, "what is new may be being written"
    for path in (work / "match.part", work / "documents.part", blobs / "0123.part"):
        os.utime(path, (time.time() - 7200,) * 2)
    verdicts, page = said("leftovers", well)
    assert verdicts == {"warn"} and "documents.part" in page and "and 1 more (3.0 MB)" in page


def test_cards_that_do_not_load(well: Settings) -> None:
    assert said("cards", well)[0] == {"ok"}
    Path("audits/old.yml").write_text(AUDIT.replace("massage_therapist", "masage_therapist"), encoding="utf-8")
    Path("sources/birch.yml").write_text(SOURCE.replace("columns", "colums"), encoding="utf-8")
    Path("sources/cedar.yml").write_text("{title: Cedar, kind: insurer, start: alder.csv}", encoding="utf-8")
    Path("sources/cedar.py").write_text("def parse(", encoding="utf-8")
    verdicts, page = said("cards", well)
    assert verdicts == {"bad"} and len(page.splitlines()) == 3
    assert "did you mean massage_therapist?" in page and "birch.yml" in page and "cedar.yml: SyntaxError" in page


def test_a_page_in_another_font_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "font_source_sans_pro.py").write_text(f"font_directory = {str(tmp_path / 'gone')!r}")
    code = "from pipelines.doctor import machine; print(*machine.documents(None))"
    child = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=child, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("('bad', 'Source Sans Pro is not where its package says")


def test_a_prefect_server_that_answers_or_not(tmp_path: Path) -> None:
    assert said("prefect", Settings(data=tmp_path))[0] == {"ok"}
    with served({"/api/health": Reply(body=b"true")}) as up:
        assert said("prefect", Settings(data=tmp_path, prefect_api_url=f"{up.url}/api"))[0] == {"ok"}
    verdicts, page = said("prefect", Settings(data=tmp_path, prefect_api_url=f"{up.url}/api"))
    assert verdicts == {"bad"} and f"no Prefect server answers at {up.url}/api; start it" in page
