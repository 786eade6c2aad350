"""What FHIR resources say becomes listings, however they lie on pages; what cannot be read is a problem in its place."""

import copy
import gzip
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scrapers.formats import _fhir, _fhir_pages, plan_net
from scrapers.reading import Unreadable
from tests.scrapers.fhir_resources import (
    NPI_SYSTEM,
    Resource,
    directory,
    extension,
    license_of,
    location,
    made,
    newpatients,
    npi,
    organization,
    practitioner,
    reference,
    role,
)
from tests.scrapers.reads import card, joined, page

CARD = """
title: Maple
kind: insurer
state: WA
format: plan_net
start: https://maple.example/fhir
"""


def read(tmp_path: Path, *pages: Sequence[Resource], more: str = "") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Listings and problems of pages that one visit brought."""
    source = card(tmp_path, CARD + more)
    evidence = []
    for number, resources in enumerate(pages):
        entries = [{"fullUrl": f"https://maple.example/fhir/{each['resourceType']}/{each['id']}", "resource": each} for each in resources]
        body = json.dumps({"resourceType": "Bundle", "entry": entries}).encode()
        blob = tmp_path / f"{number}.gz"
        blob.write_bytes(gzip.compress(body))
        evidence.append(replace(page(body), id=f"e{number}", path=blob, body=b""))
    rows, said_ = joined(source, evidence, tmp_path / "flat")
    problems = [{"locator": each["locator"], "reason": each["problem"]} for each in said_]
    listings = [{name: value for name, value in each.items() if name != "evidence_id"} for each in rows]
    return listings, sorted(problems, key=lambda each: (each["locator"], each["reason"]))


def alone(tmp_path: Path, *resources: Resource, more: str = "") -> dict[str, Any]:
    """The one listing of a directory of 1 role, its practitioner, place and network, with these in their places."""
    (listing,), problems = read(tmp_path, small(*resources), more=more)
    assert problems == []
    return listing


def small(*resources: Resource) -> list[Resource]:
    usual = {f"{each['resourceType']}/{each['id']}": each for each in directory(1) if each["resourceType"] != "OrganizationAffiliation"}
    return list((usual | {f"{each['resourceType']}/{each['id']}": each for each in resources}).values())


def without(resources: Sequence[Resource], kind: str) -> list[Resource]:
    return [each for each in resources if each["resourceType"] != kind]


def test_one_role_at_one_place_in_one_network_is_a_listing(tmp_path: Path) -> None:
    assert alone(tmp_path) == {
        "locator": "PractitionerRole/r0 Location/l0",
        "reference": "PractitionerRole/r0 Location/l0",
        "first": "Alder",
        "middle": "M0",
        "last": "Quillon",
        "suffix": "LMT",
        "organization": "Quiet Lantern Clinic",
        "npi": npi(0),
        "license": "MA60000000",
        "address": "100 Invented Way",
        "address_2": "Suite 1",
        "city": "Nowhere",
        "state": "WA",
        "zip": "00300",
        "phone": "206-555-0100",
        "specialty": "Massage Therapist (225700000X)",
        "network": "Cascade Silver",
        "accepting": True,
    }


NETWORKS = [extension("network-reference", valueReference=reference(f"Organization/{each}")) for each in ("cascade", "olympic")]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (practitioner(0, identifier=[]), {"npi": None}),
        (practitioner(0, identifier=[{"system": "https://terminology.hl7.org/NamingSystem/npi/", "value": npi(7)}]), {"npi": npi(7)}),
        (
            practitioner(0, identifier=[{"type": {"coding": [{"code": "LN"}]}, "value": "MA60999999"}], qualification=[]),
            {"license": "MA60999999"},
        ),
        (practitioner(0, name=[{"text": "Rusk, Briar LMT"}]), {"name": "Rusk, Briar LMT", "first": None, "last": None}),
        (practitioner(0, name={"family": "Rusk", "given": ["Briar", None]}), {"first": "Briar", "middle": None, "last": "Rusk"}),
        (
            practitioner(
                0,
                name=[
                    {"use": "old", "family": "Sallow"},
                    {"use": "maiden", "family": "Tarn"},
                    {"use": "usual", "family": "Umber", "given": ["Elm"]},
                    {"use": "official", "family": "Vetch", "period": {"end": "2020"}},
                ],
            ),
            {"first": "Elm", "last": "Umber"},
        ),
        (practitioner(0, qualification=[license_of("OR1", "OR"), license_of("MA60000001")]), {"license": "MA60000001"}),
        (practitioner(0, qualification=[license_of("OR1", "OR")]), {"license": None}),
        (practitioner(0, qualification=[license_of("RN60000001", code="163W00000X"), license_of("MA60000001")]), {"license": "MA60000001"}),
        (location(0, address={"postalCode": "00300"}), {"address": None, "city": None, "zip": "00300"}),
        (location(0, address={"text": "7 Invented Way, Nowhere"}), {"address": "7 Invented Way, Nowhere", "zip": None}),
        (role(0, extension=[]), {"network": None, "accepting": None}),
        (role(0, extension=[NETWORKS[0], newpatients("nopt")]), {"accepting": False}),
        (role(0, extension=[NETWORKS[0], newpatients("existptfam")]), {"accepting": None}),
        (role(0, extension=[NETWORKS[0], newpatients("newpt"), newpatients("nopt", "Organization/cascade")]), {"accepting": False}),
        (role(0, extension=[NETWORKS[0], newpatients("nopt", "Organization/olympic")]), {"accepting": None}),
        (role(0, extension=[NETWORKS[0], newpatients("nopt"), newpatients("newpt")]), {"accepting": None}),
        (role(0, specialty=[{"coding": [{"code": "225700000X", "system": "urn:other"}]}]), {"specialty": "225700000X"}),
        (role(0, specialty=[]), {"specialty": None}),
        (role(0, telecom=[]), {"phone": None}),
        (role(0, telecom=[{"value": "desk@maple.example"}, {"value": "(206) 555-0142"}]), {"phone": "(206) 555-0142"}),
        (
            role(
                0,
                telecom=[
                    {"system": "fax", "value": "1"},
                    {"system": "phone", "value": "2", "rank": 9},
                    {"system": "phone", "value": "3", "rank": 1},
                ],
            ),
            {"phone": "3"},
        ),
        (
            role(0, practitioner={"identifier": {"system": NPI_SYSTEM, "value": npi(5)}, "display": "Hazel Wold"}),
            {"name": "Hazel Wold", "npi": npi(5), "last": None},
        ),
        (role(0, practitioner=None), {"last": None, "npi": None, "organization": "Quiet Lantern Clinic"}),
        (
            role(0, organization=reference("#c"), contained=[{"resourceType": "Organization", "id": "c", "name": "Inside"}]),
            {"organization": "Inside"},
        ),
        (
            role(0, organization=reference("https://maple.example/fhir/Organization/o1/_history/3")),
            {"organization": "Quiet Lantern Clinic"},
        ),
        (role(0, period={"end": "2026"}), {}),
    ],
)
def test_what_a_resource_says(resource: Resource, expected: dict[str, Any], tmp_path: Path) -> None:
    listing = alone(tmp_path, resource)
    assert {name: listing.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "resource",
    [
        role(0, active=False),
        role(0, period={"end": "2026-11-21"}),
        role(0, period={"end": "2026-10"}),
        practitioner(0, active=False),
        location(0, status="inactive"),
        organization("cascade", "Cascade Silver", active=False),
    ],
)
def test_what_is_over_is_not_listed(resource: Resource, tmp_path: Path) -> None:
    assert read(tmp_path, small(resource)) == ([], [])


def test_a_role_in_two_networks_at_two_places_is_four_listings(tmp_path: Path) -> None:
    own = [*NETWORKS, newpatients("nopt", "Organization/olympic"), newpatients("newpt")]
    both = role(0, location=[reference("Location/l0"), reference("Location/l1")], extension=own)
    listings, problems = read(tmp_path, small(both))
    assert [(each["zip"], each["network"], each["accepting"]) for each in listings] == [
        ("00300", "Cascade Silver", True),
        ("00300", "Olympic Gold", False),
        ("00301", "Cascade Silver", True),
        ("00301", "Olympic Gold", False),
    ]
    assert problems == []


def test_a_role_without_networks_has_those_its_organization_is_affiliated_with(tmp_path: Path) -> None:
    listings, _ = read(tmp_path, [*small(role(0, extension=[])), *directory(0)])
    assert [(each["locator"], each["network"]) for each in listings] == [
        ("OrganizationAffiliation/a1 Location/l1", "Olympic Gold"),
        ("PractitionerRole/r0 Location/l0", "Olympic Gold"),
    ]
    assert "last" not in listings[0]
    assert listings[0]["organization"] == "Quiet Lantern Clinic"


def test_an_affiliation_with_no_place_is_at_its_organization_and_with_no_network_no_listing(tmp_path: Path) -> None:
    (affiliation,) = [each for each in directory() if each["resourceType"] == "OrganizationAffiliation"]
    others = without(directory(0), "OrganizationAffiliation")
    (listing,), problems = read(tmp_path, [*others, affiliation | {"location": []}])
    assert (listing["address"], listing["zip"], problems) == ("9 Invented Way", "00309", [])
    assert read(tmp_path, [*others, affiliation | {"network": None}]) == ([], [])


def test_a_role_without_places_is_where_its_services_are(tmp_path: Path) -> None:
    service = made("HealthcareService", "s", location=[reference("Location/l3")], extension=[newpatients("nopt")])
    listing = alone(tmp_path, role(0, location=None, healthcareService=[reference("HealthcareService/s")], extension=NETWORKS[:1]), service)
    assert (listing["zip"], listing["accepting"]) == ("00303", False)


def test_networks_are_called_what_the_card_says(tmp_path: Path) -> None:
    both = small(role(0, extension=NETWORKS))
    named = 'words: {network: {"CASCADE  silver": Silver, olympic: Gold}}'
    assert [each["network"] for each in read(tmp_path, both, more=named)[0]] == ["Gold", "Silver"]
    listings, problems = read(tmp_path, both, more="words: {network: {Cascade Silver: Silver}}")
    assert [each["network"] for each in listings] == ["Silver"]
    told = "network Olympic Gold (Organization/olympic) is not on the card; map it under `words:` `network:` or list it under `ignore:`"
    assert [each["reason"] for each in problems] == [told]
    listings, problems = read(tmp_path, both, more="words: {network: {Cascade Silver: Silver}}\nignore: [olympic gold]")
    assert ([each["network"] for each in listings], problems) == (["Silver"], [])
    one = read(tmp_path, both, more="words: {network: {Cascade Silver: One, Olympic Gold: One}}")[0]
    assert [each["network"] for each in one] == ["One"]
    (listing,), _ = read(tmp_path, small(role(0, extension=[])), more="network: Open")
    assert listing["network"] == "Open"


@pytest.mark.parametrize(
    ("resources", "fields", "lost"),
    [
        (without(small(), "Location"), {"last": "Quillon", "address": None}, "Location/l0"),
        (without(small(), "Organization"), {"last": "Quillon", "network": None, "organization": None}, "Organization/cascade"),
        (small(role(0, location=None, healthcareService=[reference("HealthcareService/s")])), {"address": None}, "HealthcareService/s"),
        (
            small(role(0, organization=reference("https://elsewhere.example/fhir/Organization/o1"))),
            {"organization": None},
            "https://elsewhere",
        ),
        (small(role(0, practitioner={"reference": "Practitioner/9", "display": "Iris Yarrow"})), {"name": "Iris Yarrow"}, "Practitioner/9"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem_in_the_listings_place(
    resources: list[Resource], fields: dict[str, Any], lost: str, tmp_path: Path
) -> None:
    (listing,), problems = read(tmp_path, resources)
    assert {name: listing.get(name) for name in fields} == fields
    assert problems
    assert {each["locator"] for each in problems} == {listing["locator"]}
    assert any(each["reason"].startswith(f"names {lost}") for each in problems)


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (without(small(), "Practitioner"), "names Practitioner/p0, which the server did not give, or gave in two versions"),
        (small(practitioner(0, name=[])), "no name"),
        (small(role(0, extension=[NETWORKS[0], newpatients("maybe")])), "accepting says 'maybe'"),
        (small(role(0, specialty="massage")), "specialty is not an object nor a list of them"),
        (small(role(0, telecom=[{"system": "phone", "value": {}}])), "value is not text"),
    ],
)
def test_what_cannot_be_read_is_no_listing_but_a_problem(resources: list[Resource], reason: str, tmp_path: Path) -> None:
    listings, problems = read(tmp_path, resources)
    assert listings == []
    assert any(each["reason"].startswith(reason) for each in problems)


def test_several_licenses_of_which_none_fits_the_role_are_a_problem_and_no_license(tmp_path: Path) -> None:
    (listing,), (problem,) = read(tmp_path, small(practitioner(0, qualification=[license_of("MA60000001"), license_of("MA60000002")])))
    assert "license" not in listing
    assert problem["locator"] == "Practitioner/p0"
    assert problem["reason"].startswith("states several license numbers, MA60000001, MA60000002")


def test_of_two_versions_the_newer_counts_and_of_two_without_a_date_none(tmp_path: Path) -> None:
    newer = location(0, address={"postalCode": "00399"}, meta={"lastUpdated": "2026-11-01T00:00:00.1234567-08:00"})
    for pages in (([newer], small()), (small(), [newer])):
        (listing,), problems = read(tmp_path, *pages)
        assert (listing["zip"], problems) == ("00399", [])
    undated = [location(0, meta={}), location(0, address={"postalCode": "00399"}, meta={})]
    (listing,), problems = read(tmp_path, [*without(small(), "Location"), undated[0]], [undated[1]])
    assert "zip" not in listing
    assert [each["locator"] for each in problems] == ["Location/l0", "PractitionerRole/r0 Location/l0"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_listings_are_the_same_however_the_resources_lie_on_pages(data: st.DataObject, tmp_path: Path) -> None:
    resources = directory(8)
    order = data.draw(st.permutations(resources))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(order)), max_size=6)))
    pages = [order[start:end] for start, end in itertools.pairwise([0, *cuts, len(order)])]
    again = data.draw(st.lists(st.sampled_from(resources), max_size=5))
    listings, problems = read(tmp_path, *pages, again)
    assert (listings, problems) == read(tmp_path, resources)
    assert len(listings) == 9


def test_a_large_directory_is_joined_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(tmp_path, directory(8), directory(8))
    monkeypatch.setattr(plan_net, "PART", 5_000)
    assert read(tmp_path, directory(8), directory(8)) == whole
    assert len(list((tmp_path / "flat").glob("role-*"))) > 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(resource=st.sampled_from(directory(1)), path=st.lists(st.integers(0, 9), max_size=6), value=JSON)
def test_no_shape_of_a_resource_is_a_crash(resource: Resource, path: list[int], value: Any) -> None:
    damaged: Any = copy.deepcopy(resource)
    here: Any = damaged
    for step in path:
        keys: list[Any] = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        if not keys:
            break
        key = keys[step % len(keys)]
        if not isinstance(here[key], dict | list) or step == 9:
            here[key] = value
            break
        here = here[key]
    for said_ in (
        damaged,
        value,
        {"resourceType": "Bundle", "entry": [{"resource": damaged}, value]},
        {"resourceType": "Bundle", "link": value},
    ):
        try:
            for where, each in _fhir_pages.answer(said_).resources:
                json.dumps(list(_fhir.rows(where, each, _fhir.Context("2026-11-22", _fhir.ACCEPTING))))
        except Unreadable as reason:
            assert str(reason)
