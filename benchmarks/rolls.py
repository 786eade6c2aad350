"""A license roll of 2.4 million invented rows into curated.credential, beside DuckDB reading and writing the same CSV.

Run as `python -m benchmarks.rolls [--rows N] [--rounds N]`. Ours begins at kept evidence (a compressed blob) and ends with
curated.credential, its history and the meaning of its statuses in a database on disk, every check and refusal on the way. The floor is
DuckDB alone: every column of the CSV read as text and written to another CSV. Each is a process of its own; memory is its peak.
"""

# ruff: noqa: E501 rows of tables read best unbroken

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks import launch
from pipelines import curate, models, warehouse
from pipelines.runs import Run
from scrapers import sources, visit
from scrapers.evidence import Archive

ROWS = 2_400_000
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
TYPES = ("Registered Nurse License", "Massage Therapist License", "Pharmacy Technician License", "Home Care Aide Certification")
PREFIXES = ("RN", "MA", "VA", "HM")
STATUSES = ("ACTIVE", "ACTIVE", "ACTIVE", "EXPIRED", "EXPIRED", "SUPERSEDED", "CLOSED", "INACTIVE")
ROLL = "title: An invented roll\nkind: license_roll\nstate: WA\nformat: table\nlike: wa.doh\nstart: roll.csv\nas_of: 2026-11-22\n"
INSURER = "title: Nobody\nkind: insurer\nformat: table\nstart: nobody.csv\ncolumns: {name: Name}\nas_of: 2026-11-22\n"
AUDIT = "title: A roll\nstate: WA\nprofession: massage_therapist\nroll: ./roll.yml\ninsurers: [./nobody.yml]\n"


def invent(folder: Path, rows: int) -> Path:
    """The cards, and a CSV with Washington's twelve columns and no one's name in it."""
    for name, text in {"roll.yml": ROLL, "nobody.yml": INSURER, "audit.yml": AUDIT, "nobody.csv": "Name\nNo One\n"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    target = folder / "roll.csv"
    with duckdb.connect() as con:
        con.execute(f"""copy (
          select {list(PREFIXES)}[1 + i % 4] || lpad(cast(60000000 + i as varchar), 8, '0') as CredentialNumber,
            'Lastname' || chr(cast(65 + i % 26 as integer)) || (hash(i) % 90000) as LastName, 'First' || (hash(i + 1) % 5000) as FirstName,
            case when i % 3 = 0 then '' else 'M' || (i % 26) end as MiddleName, {list(TYPES)}[1 + i % 4] as CredentialType,
            {list(STATUSES)}[cast(1 + hash(i + 2) % 8 as bigint)] as Status, '' as BirthYear, '20261231' as CEDueDate, '20150101' as FirstIssueDate,
            '20250101' as LastIssueDate, case when i % 11 = 0 then '' else strftime(date '2019-01-01' + cast(i % 3650 as integer), '%Y%m%d') end
              as ExpirationDate, case when i % 50 = 0 then 'Yes' else 'No' end as ActionTaken
          from range({rows}) as t(i)) to '{target}' (header, delimiter ',')""")
    return target


def collect(folder: Path) -> None:
    """Keep the files as evidence."""
    audit = sources.load_audit(folder / "audit.yml")
    for source in audit.sources:
        visit.visit(source, sources.format_of(source), Archive(folder / "raw"), None, NOW)  # type: ignore[arg-type]  # files ask nobody


def ours(folder: Path) -> None:
    """Evidence → curated.credential, as `rollcall curate` does it."""
    audit = sources.load_audit(folder / "audit.yml")
    run = Run(id="20261122T180000Z", audit=audit.name, card_sha256="", started_at=NOW, folder=folder)
    wanted = ("source", "snapshot", "profession", "status_meaning", "credential", "credential_history")
    with warehouse.rebuilt(folder / "ours.duckdb") as con:
        curate.load(con, Archive(folder / "raw"), audit, run, lambda line: None)
        built = [model for model in curate.curated_models() if model.name.removeprefix("curated.") in wanted]
        models.build(con, built, curate.named_settings(audit))


def floor(folder: Path) -> None:
    """DuckDB alone reads the CSV and writes it."""
    with duckdb.connect() as con:
        con.execute(f"copy (from read_csv('{folder / 'roll.csv'}', all_varchar=true)) to '{folder / 'floor.csv'}' (header)")


def measure(rows: int, rounds: int) -> None:
    """A table: seconds and peak megabytes of each, medians of the rounds, and the ratio."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        size = invent(folder, rows).stat().st_size
        collect(folder)
        taken: dict[str, list[dict[str, float]]] = {"floor": [], "ours": []}
        for _ in range(rounds):
            for part, runs in taken.items():
                log = folder / "log"
                started = [sys.executable, "-I", "-S", str(Path(launch.__file__)), str(log), str(log) + ".err"]
                command = [sys.executable, "-m", "benchmarks.rolls", "--part", part, "--folder", home]
                said = json.loads(subprocess.run([*started, *command], check=True, capture_output=True, text=True).stdout)
                if said["status"]:
                    raise SystemExit(Path(str(log) + ".err").read_text(encoding="utf-8"))
                runs.append(said)
        with duckdb.connect(str(folder / "ours.duckdb"), read_only=True) as con:
            held = con.execute("select count(*), count(distinct credential_id) from curated.credential").fetchone()
        print(
            f"{rows:,} rows, {size / 1e6:,.0f} MB of CSV; curated.credential holds {held[0]:,} rows, {held[1]:,} credentials"
            if held
            else ""
        )
        seconds = {part: statistics.median(each["seconds"] for each in runs) for part, runs in taken.items()}
        for part, runs in taken.items():
            print(f"{part:<6}{seconds[part]:>8.1f} s {max(each['megabytes'] for each in runs):>8,.0f} MB")
        print(f"ratio {seconds['ours'] / seconds['floor']:.2f} (wanted: at most 3)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=("ours", "floor"))
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.part:
        {"ours": ours, "floor": floor}[asked.part](asked.folder)
    else:
        measure(asked.rows, asked.rounds)
