"""The national registry's full file, 330 columns and a million invented rows, beside DuckDB reading and writing the same CSV.

Run as `python -m benchmarks.registry [--rows N] [--rounds N]`. `collect` is a zip of the file taken into evidence; `load` goes from there
to curated.registration in a database on disk; both with every row, and with the two in a hundred in which a cell says WA. The floor is
DuckDB alone: every column of the CSV (out of its zip) read as text, written to another CSV. Each is its own process; memory is its peak.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks import launch
from pipelines import curate, models, warehouse
from pipelines.runs import Run
from scrapers import sources, visit
from scrapers.evidence import Archive
from scrapers.formats._npi import COLUMNS, SLOT, SLOTS

ROWS = 1_000_000
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
WIDTH = 330
NAME = "npidata_pfile_20050523-20261108.csv"
CARD = "title: Registry\nkind: registry\nformat: nppes\nstart: ../npi.zip\nas_of: 2026-11-22\n"
CARDS = {
    "roll.yml": "title: R\nkind: license_roll\nstate: WA\nformat: table\nlike: wa.doh\nstart: roll.csv\nas_of: 2026-11-22\nignore: []\n",
    "nobody.yml": "title: Nobody\nkind: insurer\nformat: table\nstart: nobody.csv\ncolumns: {name: Name}\nas_of: 2026-11-22\n",
    "audit.yml": "title: A\nstate: WA\nprofession: massage_therapist\ninsurers: [./nobody.yml]\nregistries: [./nppes.yml]\n",
    "nobody.csv": "Name\nNo One\n",
}
PARTS = ("floor", "collect all", "load all", "collect states", "load states")


def invent(folder: Path, rows: int) -> int:
    """The cards of an audit with every row and of one with one state's; the file, and its zip. Bytes of the file."""
    for kind, states in (("all", ""), ("states", "states: [WA]\n")):
        (folder / kind).mkdir()
        for name, text in {**CARDS, "nppes.yml": CARD + states}.items():
            (folder / kind / name).write_text(text, encoding="utf-8")
    state = "case when i % 50 = 0 then 'WA' else ['CA', 'NY', 'TX', 'OH', 'FL'][cast(1 + hash(i + 3) % 5 as bigint)] end"
    values = {
        "npi": "cast(2900000000 + i as varchar)",
        "entity": "case when i % 5 = 0 then '2' else '1' end",
        "state": state,
        "last": "case when i % 5 > 0 then 'Lastname' || hash(i) % 90000 end",
        "first": "case when i % 5 > 0 then 'First' || hash(i + 1) % 5000 end",
        "organization": "case when i % 5 = 0 then 'Practice ' || hash(i) % 900000 || ', LLC' end",
        "city": "'City' || hash(i + 2) % 20000",
        "zip": "lpad(cast(hash(i) % 999999999 as varchar), 9, '0')",
        "phone": "'206555' || lpad(cast(i % 10000 as varchar), 4, '0')",
        "enumerated": "'05/23/2008'",
        "updated": "strftime(date '2010-01-01' + cast(i % 5800 as integer), '%m/%d/%Y')",
    }
    slots = {
        1: ["'225700000X'", "'AB' || hash(i) % 9999999", state],
        2: ["case when i % 4 = 0 then '171100000X' end", "case when i % 4 = 0 then hash(i + 9) % 9999999 end", "null"],
    }
    read = {theirs: values.get(ours, "''") for ours, theirs in COLUMNS.items()}
    for slot in SLOTS:
        read |= {f"{theirs}_{slot}": said for theirs, said in zip(SLOT.values(), slots.get(slot, ["''"] * 3), strict=True)}
    # what nobody reads: addresses, telephones, names of officials, and empty cells, as many characters a row as the real file has
    others = [f"'{at} Invented Street No ' || hash(i + {at}) % 9999" if at < 8 else "''" for at in range(WIDTH - len(read))]
    cells = [*(f"coalesce(cast({said} as varchar), '') as \"{name}\"" for name, said in read.items())]
    cells += [f'{said} as "Other Provider Identifier_{at}"' for at, said in enumerate(others)]
    target = folder / NAME
    with duckdb.connect() as con:
        con.execute("set memory_limit = '4GB'")
        con.execute(f"copy (select {', '.join(cells)} from range({rows}) as t(i)) to '{target}' (header, force_quote *)")
    lines = target.read_bytes().split(b"\n", 1)
    if not lines[0].startswith(b'"'):  # DuckDB quotes no header
        target.write_bytes(b",".join(b'"' + each + b'"' for each in lines[0].rstrip(b"\r").split(b",")) + b"\n" + lines[1])
    with zipfile.ZipFile(folder / "npi.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(target, NAME)
    return target.stat().st_size


def collect(folder: Path) -> None:
    """Keep the registry, or the part of it that the card asks for, as evidence."""
    audit = sources.load_audit(folder / "audit.yml")
    for source in audit.sources:
        visit.visit(source, sources.format_of(source), Archive(folder / "raw"), None, NOW)  # type: ignore[arg-type]  # files ask nobody


def load(folder: Path) -> None:
    """Evidence → curated.registration, as `rollcall curate` does it."""
    audit = sources.load_audit(folder / "audit.yml")
    run = Run(id="20261122T180000Z", audit=audit.name, card_sha256="", started_at=NOW, folder=folder)
    wanted = ("source", "snapshot", "profession", "status_meaning", "credential", "credential_history", "registration")
    with warehouse.rebuilt(folder / "ours.duckdb") as con:
        curate.load(con, Archive(folder / "raw"), audit, run, lambda line: None)
        built = [model for model in curate.curated_models() if model.name.removeprefix("curated.") in wanted]
        models.build(con, built, curate.named_settings(audit))


def floor(folder: Path) -> None:
    """DuckDB alone reads the CSV and writes it."""
    with duckdb.connect() as con:
        con.execute(f"copy (from read_csv('{folder / NAME}', all_varchar=true)) to '{folder / 'floor.csv'}' (header)")


def part(name: str, folder: Path) -> None:
    """One of PARTS, in this process."""
    what, _, kind = name.partition(" ")
    {"floor": floor, "collect": collect, "load": load}[what](folder / kind)


def measure(rows: int, rounds: int, within: Path | None) -> None:
    """A table: seconds and peak megabytes of each part, medians of the rounds, and its ratio to the floor."""
    with tempfile.TemporaryDirectory(dir=within) as home:
        folder = Path(home)
        size = invent(folder, rows)
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in PARTS}
        for turn in range(rounds):
            for name, runs in taken.items():
                if turn and name.startswith("collect"):
                    continue  # the same file collected again adds nothing
                log = folder / "log"
                started = [sys.executable, "-I", "-S", str(Path(launch.__file__)), str(log), str(log) + ".err"]
                command = [sys.executable, "-m", "benchmarks.registry", "--part", name, "--folder", home]
                said = json.loads(subprocess.run([*started, *command], check=True, capture_output=True, text=True).stdout)
                if said["status"]:
                    raise SystemExit(Path(str(log) + ".err").read_text(encoding="utf-8"))
                runs.append(said)
        print(f"{rows:,} rows of {WIDTH} columns, {size / 1e6:,.0f} MB of CSV, {(folder / 'npi.zip').stat().st_size / 1e6:,.0f} MB of zip")
        seconds = {name: statistics.median(each["seconds"] for each in runs) for name, runs in taken.items()}
        for name, runs in taken.items():
            held = ""
            if name.startswith("load"):
                with duckdb.connect(str(folder / name.split()[1] / "ours.duckdb"), read_only=True) as con:
                    (count,) = con.execute("select count(*) from curated.registration").fetchone() or (0,)
                held = f"   {count:,} registrations"
            peak = max(each["megabytes"] for each in runs)
            print(f"{name:<16}{seconds[name]:>8.1f} s {peak:>8,.0f} MB   x {seconds[name] / seconds['floor']:.2f}{held}")
        print("wanted of load all: at most x 3")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--within", type=Path, help="a folder on a disk with 6 GB to spare")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.part:
        part(asked.part, asked.folder)
    else:
        measure(asked.rows, asked.rounds, asked.within)
