"""A gigabyte of invented JSON in bounded memory: provider files as an array and under a key, and an in-network file.

Run as `python -m benchmarks.streams [--megabytes N] [--rounds N]`. Ours begins at kept evidence (a compressed blob) and ends with
parsed.listing in a database on disk, tidied and every refusal told; of the in-network file it begins at the file and ends with
parsed.participation. The floor is DuckDB's own reader: the array, not compressed, into a table on disk. Each is a process of its own;
memory is its peak, DuckDB's included.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from benchmarks import launch
from pipelines import curate, warehouse
from scrapers import sources, visit
from scrapers.evidence import Archive

MEGABYTES = 1000
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
CARD = "title: Invented\nkind: {kind}\nformat: {format}\nstart: {name}.json\nas_of: 2026-11-22\nvisit: {{at_most_megabytes: 100000}}\n"
CARDS = {
    "array": CARD.format(kind="insurer", format="cms_json", name="array") + "network: Invented Silver\n",
    "object": CARD.format(kind="insurer", format="cms_json", name="object") + "network: Invented Silver\n",
    "prices": CARD.format(kind="participation", format="in_network", name="prices") + 'codes: ["97124"]\n',
}


def provider(number: int) -> dict[str, object]:
    """Nobody, at one to three addresses on two plans."""
    places = [
        {"address": f"{number % 9000 + each} Elm Street", "address_2": "", "city": "Alder Falls", "state": "ZZ", "zip": "00301"}
        | {"phone": f"25355501{number % 100:02}"}
        for each in range(1 + number % 3)
    ]
    plans = [{"plan_id_type": "HIOS-PLAN-ID", "plan_id": f"11111ZZ001000{each}", "network_tier": "A", "years": [2026]} for each in (1, 2)]
    return {
        "npi": str(2_900_000_000 + number % 99_999_999),
        "type": "INDIVIDUAL",
        "name": {"prefix": None, "first": f"First{number % 977}", "middle": "Q", "last": f"Last{number % 30_011}", "suffix": None},
        "addresses": places,
        "specialty": ["Massage Therapist"],
        "accepting": "accepting",
        "plans": plans,
        "languages": ["English"],
        "last_updated_on": "2026-11-01",
    }


def service(number: int) -> dict[str, object]:
    """A service at two hundred rates."""
    price = {"negotiated_type": "negotiated", "negotiated_rate": 12.34, "expiration_date": "9999-12-31", "service_code": ["11"] * 3}
    rates = [
        {"provider_references": [each, each + 1], "negotiated_prices": [price | {"billing_class": "professional"}] * 3}
        for each in range(200)
    ]
    code = f"{97000 + number % 1000}"
    return {"negotiation_arrangement": "ffs", "billing_code_type": "CPT", "billing_code": code, "negotiated_rates": rates}


def invent(folder: Path, megabytes: int) -> None:
    """The files and their cards."""
    for name, card in CARDS.items():
        (folder / f"{name}.yml").write_text(card, encoding="utf-8")
    providers = [",\n".join(json.dumps(provider(number)) for number in range(at, at + 20_000)).encode() for at in (0, 20_000)]
    services = [",\n".join(json.dumps(service(number)) for number in range(at, at + 100)).encode() for at in (100, 200)]
    groups = [
        {"provider_group_id": each, "provider_groups": [{"npi": [2_900_000_000 + each], "tin": {"type": "ein", "value": "x"}}]}
        for each in range(201)
    ]
    before = b'{"last_updated_on": "2026-11-01", "provider_references": ' + json.dumps(groups).encode() + b', "in_network": ['
    for name, start, blocks, end in (
        ("array", b"[", providers, b"]"),
        ("object", b'{"last_updated_on": "2026-11-01", "providers": [', providers, b"]}"),
        ("prices", before, services, b"]}"),
    ):
        with (folder / f"{name}.json").open("wb") as file:
            file.write(start)
            for each in _enough(blocks, megabytes * 1_000_000):
                file.write(each)
            file.write(end)
    for name in ("array", "object"):
        _collect(folder, name)


def _enough(blocks: list[bytes], size: int) -> Iterator[bytes]:
    for number in range(max(2, size // len(blocks[0]))):
        yield (b",\n" if number else b"") + blocks[number % 2]


def _collect(folder: Path, name: str) -> None:
    source = sources.load(f"./{name}.yml", folder)
    visit.visit(source, sources.format_of(source), Archive(folder / "raw"), None, NOW)  # type: ignore[arg-type]  # files ask nobody


def ours(folder: Path, name: str) -> None:
    """Evidence → parsed.*, as `rollcall curate` does it; of prices also file → evidence."""
    if name == "prices":
        _collect(folder, name)
    source, archive = sources.load(f"./{name}.yml", folder), Archive(folder / "raw")
    database = folder / f"{name}.duckdb"
    database.unlink(missing_ok=True)
    with warehouse.opened(database) as con:
        warehouse.lay_out(con)
        curate.load_snapshot(con, archive, source, archive.snapshots(name)[-1], ZoneInfo("UTC"))


def floor(folder: Path) -> None:
    """DuckDB's own reader: the array into a table."""
    (folder / "floor.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(folder / "floor.duckdb")) as con:
        con.execute(f"create table provider as from read_json('{folder / 'array.json'}', format='array')")


def measure(megabytes: int, rounds: int) -> None:
    """A table: seconds, peak megabytes and the ratio to the floor of each, medians of the rounds."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        invent(folder, megabytes)
        taken: dict[str, list[dict[str, float]]] = {"floor": [], "array": [], "object": [], "prices": []}
        for _ in range(rounds):
            for part, runs in taken.items():
                log = folder / "log"
                started = [sys.executable, "-I", "-S", str(Path(launch.__file__)), str(log), str(log) + ".err"]
                command = [sys.executable, "-m", "benchmarks.streams", "--part", part, "--folder", home]
                said = json.loads(subprocess.run([*started, *command], check=True, capture_output=True, text=True).stdout)
                if said["status"]:
                    raise SystemExit(Path(str(log) + ".err").read_text(encoding="utf-8"))
                runs.append(said)
        seconds = {part: statistics.median(each["seconds"] for each in runs) for part, runs in taken.items()}
        for part, runs in taken.items():
            size = (folder / f"{'array' if part == 'floor' else part}.json").stat().st_size
            peak, ratio = max(each["megabytes"] for each in runs), seconds[part] / seconds["floor"]
            print(f"{part:<7}{size / 1e6:>8,.0f} MB{seconds[part]:>8.1f} s{peak:>8,.0f} MB peak, {ratio:.2f} x floor")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=MEGABYTES)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--part", choices=("floor", *CARDS))
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.part == "floor":
        floor(asked.folder)
    elif asked.part:
        ours(asked.folder, asked.part)
    else:
        measure(asked.megabytes, asked.rounds)
