"""Insurers' in-network files: who stands in which group, and never for how much."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.formats import in_network
from scrapers.records import Refused, Source, SourceUnreadable
from tests.scrapers.reads import SHARED, card, page, said

CARD = 'title: Birch\nkind: participation\nformat: in_network\nstart: https://birch.example/toc.json\ncodes: ["97124", "97140"]\n'
PRICE = 8713.0457  # of which no digit may be kept
PERSON, OTHER, PRACTICE, STRANGER = "2900000011", "2900000029", "2900000037", "2900000045"


@pytest.fixture
def birch(tmp_path: Path) -> Source:
    return card(tmp_path, CARD)


def rate(*ids: Any, **more: Any) -> dict[str, Any]:
    price = {"negotiated_type": "negotiated", "negotiated_rate": PRICE, "expiration_date": "9999-12-31", "service_code": ["11"]}
    return {**({"provider_references": list(ids)} if ids else {}), "negotiated_prices": [price | {"billing_class": "professional"}], **more}


def item(code: str, *rates: dict[str, Any], kind: str = "CPT") -> dict[str, Any]:
    named = {"negotiation_arrangement": "ffs", "name": "a service", "billing_code_type": kind, "billing_code": code, "description": "…"}
    return {**named, "negotiated_rates": list(rates)}


def group(*npis: str, tin: tuple[str, str] = ("ein", "99-8765432"), business: str | None = "Birch Massage LLC") -> dict[str, Any]:
    said = {"type": tin[0], "value": tin[1]} | ({"business_name": business} if business else {})
    return {"npi": [int(each) for each in npis], "tin": said}


def file(references: list[dict[str, Any]], items: list[dict[str, Any]]) -> dict[str, Any]:
    named = {"reporting_entity_name": "Birch", "plan_name": "Birch Silver", "last_updated_on": "2026-11-01", "version": "2.0.0"}
    return {**named, "provider_references": references, "in_network": items}


def reference(number: Any, *groups: dict[str, Any], networks: tuple[str, ...] = ("Birch Net",)) -> dict[str, Any]:
    return {"provider_group_id": number, "network_name": list(networks), "provider_groups": list(groups)}


def kept(source: Source, said: Any, codes: tuple[str, ...] = ()) -> bytes:
    """The fragment of a file, asked for in pieces of any size."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    found = b"".join(in_network.distil(source, codes)(body[at : at + 1000] for at in range(0, len(body), 1000)))
    assert str(PRICE).encode() not in found
    assert not any(each in found for each in (b"rate", b"9999-12-31", b"99-8765432", b"professional"))
    return found


def read(source: Source, fragment: bytes, folder: Path) -> list[dict[str, Any]]:
    blob = folder / "fragment.gz"
    blob.write_bytes(gzip.compress(fragment))
    with duckdb.connect() as con:
        rows = con.execute(in_network.select(source, fragment[:1000]), {"path": str(blob)})
        names = [column[0] for column in rows.description]
        return sorted((said(dict(zip(names, row, strict=True))) for row in rows.fetchall()), key=lambda row: str(sorted(row.items())))


def strengths(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["npi"]: row["strength"] for row in rows if "npi" in row}


def test_who_is_in_a_group_that_a_code_of_the_card_names_is_proved(birch: Source, tmp_path: Path) -> None:
    said = file(
        [reference(1, group(PERSON, PRACTICE)), reference(2, group(OTHER)), reference(3, group(STRANGER))],
        [item("97124", rate(1)), item("99213", rate(1, 2)), item("97140", rate(2), kind="LOCAL")],
    )
    rows = read(birch, kept(birch, said), tmp_path)
    assert strengths(rows) == {PERSON: "proof", PRACTICE: "proof", OTHER: "weak", STRANGER: "weak"}
    assert next(row for row in rows if row["npi"] == PERSON) == {
        "locator": "group 1 line 2",
        "npi": PERSON,
        "organization": "Birch Massage LLC",
        "network": "Birch Net",
        "plan": "Birch Silver",
        "strength": "proof",
        "updated": "2026-11-01",
    }


@pytest.mark.parametrize(("code", "kind"), [("CSTM-00", "CSTM-ALL"), ("CSTM-ALL", "CPT"), ("CSTM-00", "CPT")])
def test_all_codes_are_every_code(birch: Source, tmp_path: Path, code: str, kind: str) -> None:
    said = file([reference(1, group(PERSON)), reference(2, group(OTHER))], [item(code, rate(1), kind=kind)])
    assert strengths(read(birch, kept(birch, said), tmp_path)) == {PERSON: "proof", OTHER: "weak"}


def test_groups_may_follow_the_services_and_be_numbered_with_decimals(birch: Source, tmp_path: Path) -> None:
    whole = file([], [item("97124", rate(690.64462), rate(7))]) | {"more": {"a": [1]}}
    body = json.dumps({**{key: each for key, each in whole.items() if key != "provider_references"}})[:-1].encode()
    body += b', "provider_references": ' + json.dumps([reference(690.64462, group(PERSON)), reference(7.0, group(OTHER))]).encode() + b"}"
    assert strengths(read(birch, kept(birch, body), tmp_path)) == {PERSON: "proof", OTHER: "proof"}


def test_version_1_writes_groups_beside_the_prices(birch: Source, tmp_path: Path) -> None:
    inline = rate(provider_groups=[group(PERSON), group(OTHER)])
    said = file([], [item("97124", inline, inline), item("99213", rate(provider_groups=[group(OTHER), group(STRANGER)]))])
    said = {key: each for key, each in said.items() if key != "provider_references"}
    fragment = kept(birch, said)
    assert strengths(read(birch, fragment, tmp_path)) == {PERSON: "proof", OTHER: "proof", STRANGER: "weak"}
    assert fragment.count(PERSON.encode()) == 1, "a group that stands under many rates is kept once"


def test_a_tax_number_is_dropped_unless_it_is_an_npi(birch: Source, tmp_path: Path) -> None:
    said = file(
        [
            reference(1, group("0", tin=("npi", PERSON), business=None), group("0", tin=("ein", "998765432"), business="998-76-5432")),
            reference(2, group("0", tin=("ein", "998765432")), group(OTHER, "998765432", tin=("npi", "998765432"))),
        ],
        [item("97124", rate(1, 2))],
    )
    fragment = kept(birch, said)
    assert not any(each in fragment for each in (b"998765432", b"998-76-5432", b"99-8765432"))
    rows = read(birch, fragment, tmp_path)
    assert strengths(rows) == {PERSON: "proof", OTHER: "proof"}
    (unknown,) = [row for row in rows if "npi" not in row and "strength" in row]
    assert (unknown["organization"], unknown["strength"]) == ("Birch Massage LLC", "weak"), "NPI 0 means that the NPI is not known"
    assert [row["problem"] for row in rows if "problem" in row] == [
        "2 of its NPIs are not ten digits; left out, for they may be tax numbers"
    ]


def test_a_table_of_contents_leads_to_in_network_files_only(birch: Source, tmp_path: Path) -> None:
    listed = {"description": "a", "location": "https://birch.example/in.json.gz"}
    structure = {"reporting_plans": [{"plan_id": "1"}], "in_network_files": [listed, listed | {"location": "more.json"}]}
    said = {
        "reporting_entity_name": "Birch",
        "reporting_structure": [structure | {"allowed_amount_file": listed | {"location": "no.json"}}, structure],
    }
    fragment = kept(birch, said)
    (start,) = in_network.requests(birch)
    asked = in_network.follow(replace(page(fragment), url=start.url), birch)
    assert [(each.url, each.is_leaf) for each in asked] == [
        ("https://birch.example/in.json.gz", False),
        ("https://birch.example/more.json", False),
    ]
    assert read(birch, fragment, tmp_path) == []


def test_groups_that_lie_elsewhere_are_asked_for_where_a_code_of_the_card_needs_them(birch: Source, tmp_path: Path) -> None:
    places = {1: "https://birch.example/g1.json", 2: "https://birch.example/g2.json", 3: "https://elsewhere.example/g3.json"}
    said = file(
        [{"provider_group_id": number, "location": place} for number, place in places.items()],
        [item("97124", rate(1, 3)), item("99213", rate(2))],
    )
    fragment = kept(birch, said)
    (asked,) = in_network.follow(replace(page(fragment), url="https://birch.example/in.json"), birch)
    assert (asked.url, asked.is_leaf) == ("https://birch.example/g1.json", True)
    assert asked.select is not None
    remote = b"".join(asked.select(iter([json.dumps({"provider_groups": [group(PERSON)]}).encode()])))
    assert strengths(read(birch, remote, tmp_path)) == {PERSON: "proof"}
    (problem,) = read(birch, fragment, tmp_path)
    assert problem["problem"] == "the providers of this group lie on another host than the card names; add it under `visit: hosts:`"
    assert problem["locator"] == "group 3"


def test_a_packed_file_reads_as_a_plain_one(birch: Source) -> None:
    body = json.dumps(file([reference(1, group(PERSON))], [item("97124", rate(1))])).encode()
    half = len(body) // 2
    assert kept(birch, gzip.compress(body)) == kept(birch, body) == kept(birch, gzip.compress(body[:half]) + gzip.compress(body[half:]))


@pytest.mark.parametrize(
    ("body", "sentence", "failure"),
    [
        (b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa">]><root>&a;</root>', "not as XML", "changed_shape"),
        (b"PK\x03\x04", "not as XML or zip", "changed_shape"),
        (b'{"providers": []}', "expected an in-network file", "changed_shape"),
        (b"[]", "the file is a list", "changed_shape"),
        (b"", "the file is empty", "empty"),
        (json.dumps(file([], [item("97124", rate(1))])).encode()[:-9], "breaks off", "cut_short"),
        (gzip.compress(json.dumps(file([], [item("97124", rate(1))])).encode())[:-30], "breaks off", "cut_short"),
        (b"\x1f\x8b" + b"x" * 90, "damaged", "cut_short"),
        (gzip.compress(b'{"a": "' + b"0" * 80_000_000), "packed bytes unpack to", "too_large"),
    ],
)
def test_what_is_no_in_network_file_is_refused_without_a_word_of_it(birch: Source, body: bytes, sentence: str, failure: str) -> None:
    with pytest.raises(SourceUnreadable, match=sentence) as refused:
        kept(birch, body)
    assert refused.value.failure == failure
    assert str(PRICE) not in str(refused.value)


def test_garbage_is_a_problem_with_its_place_that_quotes_nothing(birch: Source, tmp_path: Path) -> None:
    body = json.dumps(file([reference(1, group(PERSON))], [item("97124", rate(1))])).encode()
    broken = body.replace(b'"in_network": [', f'"in_network": [{PRICE} {PRICE}, '.encode())
    rows = read(birch, kept(birch, broken), tmp_path)
    assert strengths(rows) == {PERSON: "proof"}
    assert [(row["locator"], row["problem"], row["excerpt"]) for row in rows if "problem" in row] == [
        ("in_network 0", "no JSON after this record", "")
    ]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2000), st.binary(max_size=5), st.integers(0, 5))
def test_no_damage_lets_a_price_out(where: int, instead: bytes, cut: int) -> None:
    source = replace(SOURCE, options={"codes": ["97124"]})
    body = json.dumps(
        file([reference(1, group(PERSON))], [item("97124", rate(1), rate(1, network_name=["n"])), item("1", rate(1))])
    ).encode()
    body = body[: where % len(body)] + instead + body[where % len(body) + cut :]
    lines: list[bytes] = []
    try:
        lines.extend(in_network.distil(source)(iter([body])))
    except SourceUnreadable as reason:
        lines.append(str(reason).encode())
    assert not any(secret in b"".join(lines) for secret in (b"8713", b"0457", b"9999-12", b"98765"))


SOURCE = Source(name="birch", title="Birch", kind="participation", format="in_network", start=(), folder=Path())


def test_a_fragment_of_something_else_is_not_read(birch: Source) -> None:
    with pytest.raises(SourceUnreadable, match="no fragment of an in-network file"):
        in_network.select(birch, b'{"in_network": []}')


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (CARD.replace('["97124", "97140"]', "[97124]"), "in quotes"),
        (CARD.replace('codes: ["97124", "97140"]\n', ""), "`codes` is None"),
        (CARD.replace("participation", "insurer"), "one of participation"),
        (CARD + "columns: {npi: npi}\n", "`columns` has no meaning"),
    ],
)
def test_a_card_that_lacks_what_is_needed_is_refused(tmp_path: Path, wrong: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        card(tmp_path, wrong)


def real() -> Iterator[tuple[str, int, int, int]]:
    """File, rows, problems, and the groups that lie elsewhere."""
    yield "2026-03-01_ameriben_core_main_lp_in-network-rates.json", 21, 0, 0
    yield "2026-03-01_ameriben_frontier_behavioral_health_in-network-rates.json", 21, 0, 0
    yield "carefirst_v1.0.0_examplefile.json.gz", 0, 0, 370
    yield "spec_examples/in-network-rates-no-npi.json", 2, 0, 0
    yield "spec_examples/in-network-rates-fee-for-service-single-plan-sample.json", 6, 3, 0
    yield "spec_examples/table-of-contents-sample.json", 0, 0, 0


@pytest.mark.parametrize(("name", "rows", "problems", "elsewhere"), list(real()))
def test_the_published_files_are_read(birch: Source, tmp_path: Path, name: str, rows: int, problems: int, elsewhere: int) -> None:
    sample = SHARED / "data/prices" / name
    if not sample.exists():
        pytest.skip("the real files are not part of the project")
    fragment = b"".join(in_network.distil(birch)(iter([sample.read_bytes()])))
    assert b"negotiated_" not in fragment
    assert fragment.count(b'"location"') == elsewhere
    found = read(birch, fragment, tmp_path)
    assert sum("problem" not in row for row in found) == rows
    assert sum("problem" in row for row in found) == problems


def test_xml_is_refused_whatever_it_holds(birch: Source) -> None:
    samples = sorted((SHARED / "data/prices/spec_examples").glob("*.xml"))
    if not samples:
        pytest.skip("the real files are not part of the project")
    for sample in samples:
        with pytest.raises(SourceUnreadable, match="not as XML"):
            kept(birch, sample.read_bytes())
