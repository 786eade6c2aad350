"""No price leaves the parser: a rate and a person's tax number are planted, and everything that an audit leaves on disk is searched."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.scrapers.site import Answer, Reply, Site, served
from tests.story.command import published, rollcall, rows
from tests.story.volunteer import AUDIT, TABLE

RATE, TAX_NUMBER = "8713.0457", "987-65-4329"
PLANTED = [each.encode() for each in (RATE, TAX_NUMBER, TAX_NUMBER.replace("-", ""), "negotiated_rate")]
PERSON, PRACTICE = "2900000011", "2900000029"
HEADER = "Provider,NPI,Street,City,Zip,Phone\n"
LIST = HEADER + f"Rowan Ashdale,{PERSON},1 Alder St,Tacoma,00301,253-555-0101\nBirch Massage LLC,{PRACTICE},2 Alder St,Tacoma,00301,\n"
PRICES = """
title: Birch Health, what it publishes of its contracts
kind: participation
surface: file
network: Birch Bronze
format: in_network
codes: ["97124"]
start: {start}
visit: {{pause_seconds: 0}}
"""


def price(**more: Any) -> dict[str, Any]:
    """A rate, and whom it is for."""
    said = {
        "negotiated_type": "negotiated",
        "negotiated_rate": float(RATE),
        "expiration_date": "9999-12-31",
        "billing_class": "professional",
    }
    return {"negotiated_prices": [said], **more}


def service(code: str, *rates: dict[str, Any]) -> dict[str, Any]:
    return {"negotiation_arrangement": "ffs", "billing_code_type": "CPT", "billing_code": code, "negotiated_rates": list(rates)}


def group(*npis: str) -> dict[str, Any]:
    return {"npi": [int(each) for each in npis], "tin": {"type": "ein", "value": TAX_NUMBER, "business_name": TAX_NUMBER}}


def file() -> bytes:
    """An in-network file of both versions at once, in which garbage, too, holds a rate."""
    whole = {
        "reporting_entity_name": "Birch",
        "last_updated_on": "2026-11-01",
        "provider_references": [
            {"provider_group_id": 1, "provider_groups": [group(PERSON, TAX_NUMBER.replace("-", ""))]},
            {"provider_group_id": 2, "location": "groups.json"},
        ],
        "in_network": [
            service("97124", price(provider_references=[1, 2]), price(provider_groups=[group(PRACTICE)], negotiated_rate=float(RATE))),
            service("99213", price(provider_references=[1])),
        ],
        "negotiated_rate": float(RATE),
    }
    return json.dumps(whole).encode().replace(b'"in_network": [', f'"in_network": [ {RATE} {RATE},'.encode())


@pytest.fixture
def site() -> Iterator[Site]:
    says: dict[str, Answer] = {
        "/index.json": Reply(body=b'{"reporting_structure": [{"in_network_files": [{"location": "in.json.gz"}]}]}'),
        "/in.json.gz": [Reply(status=503, body=file()), Reply(body=gzip.compress(file()))],
        "/groups.json": Reply(body=json.dumps({"provider_groups": [group(PRACTICE)], "negotiated_rate": float(RATE)}).encode()),
    }
    with served(says) as up:
        yield up


def audit(folder: Path, start: str) -> Path:
    """The audit card of a list whose insurer publishes an in-network file."""
    card = folder / "audit.yml"
    card.write_text(AUDIT.format(insurers="./evergreen.yml") + "registries: [./prices.yml]\n", encoding="utf-8")
    listed = TABLE.format(start="list.csv").replace("{name: Provider,", "{name: Provider, npi: NPI,")
    (folder / "evergreen.yml").write_text(listed, encoding="utf-8")
    (folder / "list.csv").write_text(LIST, encoding="utf-8")
    (folder / "prices.yml").write_text(PRICES.format(start=start), encoding="utf-8")
    return card


def planted(data: Path, words: Sequence[bytes] = PLANTED) -> list[str]:
    """Where anything planted is found under the data folder: in files, packed ones unpacked, and in every column of every database."""
    found = []
    for path in sorted(each for each in data.rglob("*") if each.is_file()):
        for name, body in unpacked(path):
            found += [f"{path.name}{name}: {each!r}" for each in words if each in body]
        if path.suffix == ".duckdb" and path.name != "lock.duckdb":
            found += in_database(path, words)
    return found


def unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    body = path.read_bytes()
    yield "", body
    if body[:2] == b"\x1f\x8b":
        yield " unpacked", gzip.decompress(body)
    if body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            yield from ((f" {name}", archive.read(name)) for name in archive.namelist())


def in_database(path: Path, words: Sequence[bytes]) -> list[str]:
    found = []
    with duckdb.connect(str(path), read_only=True) as con:
        for schema, table in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
            said = f'select t::varchar from "{schema}"."{table}" as t'
            for (row,) in con.execute(said).fetchall():
                found += [f"{schema}.{table}: {each!r}" for each in words if each.decode() in row]
    return found


def test_no_price_and_no_tax_number_is_left_anywhere(tmp_path: Path, site: Site) -> None:
    card = audit(tmp_path, f"{site.url}/index.json")
    done = rollcall("run", card, "--data", tmp_path / "data")
    assert done.status == 0, done.err
    assert planted(tmp_path / "data") == []
    assert not any(each.decode() in done.out + done.err for each in PLANTED)
    database = published(tmp_path / "data", "audit")
    assert rows(database, "select npi, strength, network from curated.participation order by npi") == [
        (PERSON, "proof", "Birch Bronze"),
        (PRACTICE, "weak", "Birch Bronze"),  # the list shows it as a practice, and the file does not say whose an NPI is
    ]
    assert set(site.pages_asked()) == {"/index.json", "/in.json.gz", "/groups.json"}
    (whole,) = [each for each in manifest(tmp_path / "data", "prices") if each["url"].endswith("in.json.gz") and each["outcome"] == "kept"]
    assert whole["whole_byte_count"] == len(gzip.compress(file())), "the hash is that of the whole file"


def test_nor_is_any_left_of_a_file_that_a_person_downloaded(tmp_path: Path) -> None:
    groups = [{"provider_group_id": 1, "provider_groups": [group(PERSON), group(PRACTICE)]}]
    services = [service("97124", price(provider_references=[1]))]
    (tmp_path / "in.json").write_text(json.dumps({"provider_references": groups, "in_network": services}), encoding="utf-8")
    done = rollcall("run", audit(tmp_path, "in.json"), "--data", tmp_path / "data")
    assert done.status == 0, done.err
    assert planted(tmp_path / "data") == []
    assert rows(published(tmp_path / "data", "audit"), "select count(*) from curated.participation") == [(2,)]


def test_the_search_would_find_what_is_planted(tmp_path: Path) -> None:
    (tmp_path / "kept.gz").write_bytes(gzip.compress(file()))
    with duckdb.connect(str(tmp_path / "x.duckdb")) as con:
        con.execute(f"create table t as select {RATE} as n, 'x' as s")
    assert {each.split(":")[0] for each in planted(tmp_path)} == {"kept.gz unpacked", "main.t"}


def manifest(data: Path, source: str) -> list[dict[str, Any]]:
    lines = [line for path in (data / "raw" / source).glob("*/manifest.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line) for line in lines]
