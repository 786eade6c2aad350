"""A FHIR server that does everything wrong: every role is read once all the same, or the visit stops with its class."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines import curate, warehouse
from scrapers import fetch
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.formats import plan_net
from scrapers.formats._fhir_pages import Answer
from scrapers.formats._fhir_whole import Census
from scrapers.records import Refused, Snapshot, Source, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers import fhir
from tests.scrapers.fhir import Server
from tests.scrapers.fhir_resources import directory, made, practitioner, role
from tests.scrapers.reads import SHARED, card, joined, page, said

NOW = datetime(2026, 11, 22, 18, 15, 2, tzinfo=UTC)
CARD = """
title: Evergreen
kind: insurer
state: WA
format: plan_net
start: {base}
page_size: 10
visit: {{pause_seconds: 0, at_most_pages: 200}}
"""


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    fetch.HOSTS.clear()
    yield Archive(tmp_path / "raw")


def card_of(server: Server, tmp_path: Path, more: str = "") -> Source:
    return card(tmp_path, CARD.format(base=server.base) + more)


def collect(archive: Archive, source: Source, server: Server | None = None, secrets: dict[str, str] | None = None) -> Snapshot:
    clock = server.clock if server else fetch.now
    with Client("audit@example.org", sleep=lambda _: None, clock=clock, secrets=secrets) as client:
        (snapshot,) = visit(source, plan_net, archive, client, NOW)
    return snapshot


def loaded(archive: Archive, source: Source, snapshot: Snapshot) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The listings and problems that the warehouse makes of a snapshot."""
    with warehouse.opened(Path(":memory:")) as con:
        warehouse.lay_out(con)
        curate.load_snapshot(con, archive, source, snapshot, ZoneInfo("America/Los_Angeles"))
        return (
            [said(row) for row in warehouse.table(con, "select * from parsed.listing order by reference, network")],
            [said(row) for row in warehouse.table(con, "select * from parsed.problem order by locator, reason")],
        )


# A server that does everything wrong ------------------------------------------------------------------------------

SUBJECT = "access: {{scheme: subject_token, token: {url}/token, ask: {{insurerCode: X_I}}, minutes: 15}}"
OAUTH = "access: {{scheme: client_credentials, token: {url}/token, secret: EVERGREEN}}"
WHOLE = {  # faults → what the card needs to say for every role to be read once all the same
    (): "",
    ("total_absent",): "",
    ("total_of_page",): "",
    ("total_clamped",): "",
    ("total_wrong",): "totals: wrong",
    ("overlap",): "",
    ("overlap", "total_absent", "opaque"): "",
    ("opaque",): "",
    ("page_size",): "",
    ("count_75",): "",
    ("needs_search",): "search: {{_lastUpdated: gt1900-01-01}}",
    ("cursor_dies",): "",
    ("cursor_dies_politely",): "",
    ("429",): "",
    ("403_retry",): "",
    ("403_outcome",): "",
    ("504",): "",
    ("needs_token",): SUBJECT,
    ("needs_token", "token_dies_early"): SUBJECT,
    ("needs_oauth",): OAUTH,
    ("warning",): "",
    ("other_types",): "",
    ("absolute",): "",
    ("duplicates",): "",
    ("no_affiliations",): "",
}
STOPS = {  # faults → (the class of the failure, what the card says)
    ("empty",): ("empty", ""),
    ("count_75",): ("empty", "page_size: 75"),
    ("total_wrong",): ("partial", ""),
    ("loses_a_page",): ("partial", ""),
    ("loses_a_page", "total_absent"): ("partial", ""),
    ("loses_a_page", "total_wrong"): ("partial", "totals: wrong"),
    ("stops_early",): ("partial", ""),
    ("loop",): ("partial", ""),
    ("next_itself",): ("partial", ""),
    ("stuck",): ("budget", "visit: {{pause_seconds: 0, at_most_pages: 40}}"),
    ("other_host",): ("moved", ""),
    ("no_address",): ("moved", ""),
    ("needs_search",): ("changed_shape", ""),
    ("cursor_always_dies",): ("partial", ""),
    ("403",): ("blocked", ""),
    ("504_always",): ("busy", ""),
    ("needs_token",): ("login_wall", ""),
    ("needs_token", "token_never_good"): ("login_wall", SUBJECT),
    ("xml",): ("changed_shape", ""),
    ("xml_later",): ("partial", ""),
    ("error_entry",): ("partial", ""),
    ("error_status_200",): ("changed_shape", ""),
    ("no_practitioner_role",): ("changed_shape", ""),
}


def written(server: Server, tmp_path: Path, more: str) -> Source:
    own = {line.split(":")[0] for line in more.splitlines()}
    kept = "\n".join(line for line in CARD.splitlines() if line.split(":")[0] not in own)
    return card(tmp_path, (kept + "\n" + more).format(base=server.base, url=server.url) + "\n")


@pytest.mark.parametrize("faults", WHOLE, ids=", ".join)
def test_every_role_is_read_once(faults: tuple[str, ...], archive: Archive, tmp_path: Path) -> None:
    with fhir.served(*faults) as server:
        source = written(server, tmp_path, WHOLE[faults])
        snapshot = collect(archive, source, server, secrets={"EVERGREEN": "id:secret"})
    listings, problems = joined(source, archive.evidence(snapshot), tmp_path / "flat")
    roles = [each for each in listings if each["reference"].startswith("PractitionerRole")]
    assert {each["reference"] for each in roles} == {f"PractitionerRole/r{n} Location/l{n % 12}" for n in range(40)}
    assert len(roles) == 40
    assert len(listings) == (40 if "no_affiliations" in faults else 41)
    assert roles[0] == {**roles[0], "network": "Cascade Silver", "accepting": True, "city": "Nowhere", "license": "MA60000000"}
    stated = {"warning": "the server says: warning incomplete", "cursor_dies_politely": "the server says: error not-found"}
    assert [each["problem"] for each in problems] == [stated[fault] for fault in faults if fault in stated]
    assert server.most_in_flight == 1
    assert len(server.asked) <= 200


@pytest.mark.parametrize("faults", STOPS, ids=", ".join)
def test_or_the_visit_stops_with_its_class(faults: tuple[str, ...], archive: Archive, tmp_path: Path) -> None:
    failure, more = STOPS[faults]
    with fhir.served(*faults) as server:
        source = written(server, tmp_path, more)
        with pytest.raises(SourceUnreadable) as stopped:
            collect(archive, source, server)
    assert (stopped.value.failure, archive.snapshots(source.name)) == (failure, [])
    assert len(server.asked) <= 201


def test_tokens_are_renewed_in_mid_crawl_and_kept_nowhere(archive: Archive, tmp_path: Path) -> None:
    with fhir.served("needs_token", "page_size") as server:
        collect(archive, written(server, tmp_path, SUBJECT), server)
    assert len(server.tokens) == 2
    assert [given.get("Authorization") for given in server.headers] == [None] * len(server.headers)
    kept = [path.read_bytes() for path in archive.root.rglob("*") if path.is_file()]
    assert not any(b"token-0" in (gzip.decompress(each) if each[:2] == b"\x1f\x8b" else each) for each in kept)


def test_a_visit_that_a_server_broke_off_is_taken_up_again_and_its_dead_cursor_replaced(archive: Archive, tmp_path: Path) -> None:
    with fhir.served("opaque", "504_always") as server:
        source = card_of(server, tmp_path)
        with pytest.raises(SourceUnreadable) as stopped:
            collect(archive, source)
        assert stopped.value.failure == "busy"
        asked = len(server.asked)
        server.faults = frozenset({"cursor_dies"})
        snapshot = collect(archive, source)
        assert server.asked[asked:].count("/fhir/metadata") == 0
    listings, problems = joined(source, archive.evidence(snapshot), tmp_path / "flat")
    assert (len(listings), problems) == (41, [])


def test_every_fault_is_tried() -> None:
    assert {
        each for faults in (*WHOLE, *STOPS, *EXPORTS, ("window", "no_organizations", "ids_by_ten", "no_ids"), *INCLUDES) for each in faults
    } == set(fhir.FAULTS)


# Exports ---------------------------------------------------------------------------------------------------------

BULK = "page_size: 100\nbulk: true"
EXPORTS = {  # faults → (class of the failure, or none; what the card says)
    (): (None, BULK),
    ("export_error",): (None, BULK),
    ("export_short", "total_wrong"): (None, f"{BULK}\ntotals: wrong"),
    ("export_token", "needs_token"): (None, f"{BULK}\n{SUBJECT}"),
    ("export_empty",): ("empty", BULK),
    ("export_short",): ("partial", BULK),
    ("export_token",): ("login_wall", BULK),
}


@pytest.mark.parametrize("faults", EXPORTS, ids=", ".join)
def test_an_export_is_waited_for_and_counted(faults: tuple[str, ...], archive: Archive, tmp_path: Path) -> None:
    failure, more = EXPORTS[faults]
    with fhir.served(*faults) as server:
        source = written(server, tmp_path, more)
        if failure:
            with pytest.raises(SourceUnreadable) as stopped:
                collect(archive, source, server)
            assert stopped.value.failure == failure
            return
        snapshot = collect(archive, source, server)
    assert server.asked.count("/bulk/status") == 3
    assert not any("InsurancePlan" in path for path in server.asked if path.startswith("/bulk"))
    listings, problems = joined(source, archive.evidence(snapshot), tmp_path / "flat")
    assert len(listings) == (40 if "export_short" in faults else 41)
    assert [each["problem"] for each in problems] == ["the server says: error exception"] * ("export_error" in faults)


def test_roles_of_one_specialty_bring_only_what_they_refer_to(archive: Archive, tmp_path: Path) -> None:
    resources = directory() + [role(n, specialty=[{"coding": [{"code": "111N00000X"}]}], id=f"c{n}") for n in range(40)]
    more = "resources: PractitionerRole\nsearch: {{PractitionerRole: [{{specialty: 225700000X}}, {{specialty: 171100000X}}]}}"
    with fhir.served(resources=resources) as server:
        source = written(server, tmp_path, more)
        snapshot = collect(archive, source, server)
    listings, problems = joined(source, archive.evidence(snapshot), tmp_path / "flat")
    assert (len(listings), problems) == (40, [])
    assert listings[0] == {**listings[0], "last": "Quillon", "network": "Cascade Silver", "city": "Nowhere"}
    assert len(server.asked) == 2 + 4 + 1 + 4 * 2 + 1 * 3 - 2  # robots, statement; roles; places repeat; the clinic and network once


BY_ID = "page_size: 40\nresources: [PractitionerRole]"


def test_without_organizations_persons_and_places_are_read_and_their_networks_are_problems(archive: Archive, tmp_path: Path) -> None:
    for number, more in enumerate(("", BY_ID)):
        with fhir.served("no_organizations", "no_affiliations") as server:
            source = written(server, tmp_path, more)
            snapshot = collect(Archive(tmp_path / str(number)), source)
        listings, problems = joined(source, Archive(tmp_path / str(number)).evidence(snapshot), tmp_path / "flat")
        assert (len(listings), len(problems)) == (40, 80)
        assert listings[0] == {**listings[0], "last": "Quillon", "city": "Nowhere"}
        assert not any("network" in each for each in listings)
        assert {each["locator"] for each in problems} == {each["locator"] for each in listings}


INCLUDES = {  # faults → how often something is asked for by _id, and a search of roles begun
    ("includes",): (1, 1),  # the network
    ("includes_ignored",): (3, 1),  # persons, places, and practice with network
    ("includes_refused",): (3, 2),
    ("includes_complain",): (3, 2),
    ("includes", "page_size"): (1, 1),
}


@pytest.mark.parametrize("faults", INCLUDES, ids=", ".join)
def test_what_roles_refer_to_comes_along_where_the_server_offers_that(faults: tuple[str, ...], archive: Archive, tmp_path: Path) -> None:
    with fhir.served(*faults) as server:
        source = written(server, tmp_path, BY_ID)
        snapshot = collect(archive, source, server)
    listings, problems = joined(source, archive.evidence(snapshot), tmp_path / "flat")
    assert {each["reference"] for each in listings} == {f"PractitionerRole/r{n} Location/l{n % 12}" for n in range(40)}
    assert [each["problem"] for each in problems] == ["the server says: error not-supported"] * ("includes_complain" in faults)
    assert all(each["network"] == "Cascade Silver" and each["city"] == "Nowhere" and each["last"] for each in listings)
    begun = [path for path in server.asked if path.startswith("/fhir/PractitionerRole?") and "_offset" not in path]
    assert (sum("_id=" in path for path in server.asked), len(begun)) == INCLUDES[faults]
    assert ("PractitionerRole:practitioner" in begun[0], "PractitionerRole:network" in begun[0]) == (True, False)


def test_of_roles_without_a_network_the_affiliations_of_their_practice_are_asked_for(archive: Archive, tmp_path: Path) -> None:
    resources = [each for each in directory() if each["resourceType"] != "PractitionerRole"]
    resources += [role(n, extension=[]) for n in range(3)]
    with fhir.served(resources=resources) as server:
        source = written(server, tmp_path, BY_ID)
        snapshot = collect(archive, source, server)
    listings, problems = joined(source, archive.evidence(snapshot), tmp_path / "flat")
    assert {each["reference"].split()[0]: each["network"] for each in listings} == {
        **{f"PractitionerRole/r{n}": "Olympic Gold" for n in range(3)},
        "OrganizationAffiliation/a1": "Olympic Gold",
    }
    assert [path for path in server.asked if "OrganizationAffiliation" in path] == [
        "/fhir/OrganizationAffiliation?participating-organization=Organization/o1&_count=1000"
    ]
    assert problems == []


def test_where_there_are_no_affiliations_none_are_missed(archive: Archive, tmp_path: Path) -> None:
    resources = [each for each in directory() if each["resourceType"] != "PractitionerRole"] + [role(0, extension=[])]
    with fhir.served("no_affiliations", resources=resources) as server:
        source = written(server, tmp_path, BY_ID)
        snapshot = collect(archive, source, server)
    listings, _ = joined(source, archive.evidence(snapshot), tmp_path / "flat")
    assert [each.get("network") for each in listings] == [None]


def test_what_is_packed_by_zstd_is_refused_by_name(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"`start` names roles.ndjson.zst, packed by zstd"):
        card(tmp_path, "title: F\nkind: insurer\nformat: plan_net\nstart: roles.ndjson.zst\n")
    (tmp_path / "roles.ndjson").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(40))
    source = card(tmp_path, "title: F\nkind: insurer\nformat: plan_net\nstart: roles.ndjson\nas_of: 2026-11-20\n")
    snapshot = collect(archive, source)
    with pytest.raises(SourceUnreadable, match=r"is packed by zstd, which is not read here; unpack it \(zstd -d\)"):
        joined(source, archive.evidence(snapshot), tmp_path / "flat")


@pytest.mark.parametrize(
    ("fault", "failure", "told"), [("ids_by_ten", "partial", "fewer resources"), ("no_ids", "changed_shape", "by _id")]
)
def test_a_server_without_a_search_by_id_is_refused_by_name(fault: str, failure: str, told: str, archive: Archive, tmp_path: Path) -> None:
    with fhir.served(fault) as server:
        source = written(server, tmp_path, BY_ID)
        with pytest.raises(SourceUnreadable, match=told) as stopped:
            collect(archive, source)
    assert stopped.value.failure == failure


# Cards and links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("resources: [PractitionerRoles]", "did you mean 'PractitionerRole'"),
        ("resources: [Location]", "without roles there are no listings"),
        ("search: {PractitionerRoles: {}}", "did you mean 'PractitionerRole'"),
        ("search: {PractitionerRole: {specialty: 5}}", "expected a list of texts"),
        ("bulk: sometimes", "expected true or false"),
        ("totals: right", "expected wrong"),
        ("columns: {name: Name}", "fields are fixed"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(more: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=told):
        card(tmp_path, CARD.format(base="https://maple.example/fhir") + more)


def test_a_next_link_that_drops_to_http_is_asked_by_https(tmp_path: Path) -> None:
    source = card(tmp_path, CARD.format(base="https://maple.example/fhir"))
    body = {
        "resourceType": "Bundle",
        "entry": [{"resource": role(1)}],
        "link": [{"relation": "next", "url": "http://maple.example/fhir?c=2"}],
    }
    (after,) = plan_net.follow(page(json.dumps(body), "https://maple.example/fhir/PractitionerRole?_count=10#PractitionerRole"), source)
    assert (after.url, after.label) == ("https://maple.example/fhir?c=2", "PractitionerRole")


def test_a_search_that_ends_at_exactly_ten_thousand_is_not_believed() -> None:
    for count, told in ((10_000, "ends at exactly 10,000"), (10_001, None)):
        census = Census(())
        found = tuple(("", made("PractitionerRole", f"r{number}")) for number in range(count))
        census.take("https://maple.example/fhir", "PractitionerRole", 0, Answer(found, total=10_000))
        assert (told or "None") in str(census.lack(trusts_totals=True))


def test_a_next_link_that_was_never_followed_is_a_gap() -> None:
    census = Census(())
    census.take("https://maple.example/fhir", "PractitionerRole", 0, Answer((("", made("PractitionerRole", "r1")),), next="?page=2"))
    assert "was not followed" in str(census.lack(trusts_totals=False))


@pytest.mark.parametrize("share", [1, 4])
def test_many_references_that_lead_nowhere_are_no_whole_visit(share: int, archive: Archive, tmp_path: Path) -> None:
    lost = {f"p{number}" for number in range(share)}
    with fhir.served(resources=[each for each in directory() if each["id"] not in lost]) as server:
        source = card_of(server, tmp_path)
        if share == 4:
            with pytest.raises(SourceUnreadable, match="4 of the 40 resources of type Practitioner") as stopped:
                collect(archive, source)
            assert stopped.value.failure == "partial"
            return
        listings, problems = loaded(archive, source, collect(archive, source))
    assert (len(listings), [each["locator"] for each in problems]) == (40, ["PractitionerRole/r0 Location/l0"])


def test_files_are_read_as_pages_are(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "roles.ndjson").write_text("\n".join(json.dumps(each) for each in directory(3)) + "\n{broken\n", encoding="utf-8")
    (tmp_path / "more.json").write_text(
        json.dumps({"resourceType": "Bundle", "entry": [{"resource": role(3)}]}, indent=1), encoding="utf-8"
    )
    (tmp_path / "packed.ndjson.gz").write_bytes(gzip.compress(json.dumps(practitioner(3)).encode()))
    text = CARD.format(base="['*.ndjson', '*.json', '*.gz']") + "as_of: 2026-11-20\n"
    source = card(tmp_path, text)
    listings, problems = loaded(archive, source, collect(archive, source))
    assert [each["reference"] for each in listings[1:]] == [f"PractitionerRole/r{n} Location/l{n}" for n in range(4)]
    assert [(each["locator"], each["reason"]) for each in problems] == [("line 24", "no JSON")]


# Real files ------------------------------------------------------------------------------------------------------


def test_the_guides_own_examples(archive: Archive, tmp_path: Path) -> None:
    folder = SHARED / "data/plan-net/example"
    if not folder.is_dir():
        pytest.skip("../shared/data/plan-net is not here")
    resources = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    with fhir.served(resources=resources) as server:
        source = card(tmp_path, CARD.format(base=server.base).replace("state: WA\n", ""))
        listings, problems = loaded(archive, source, collect(archive, source))
    assert problems == []
    kinds = [each["reference"].split("/")[0] for each in listings]
    assert (kinds.count("PractitionerRole"), kinds.count("OrganizationAffiliation")) == (6, 8)
    assert {each["network"] for each in listings} == {"ACME CT Preferred Provider Network"}
    assert [each.get("accepting") for each in listings].count(False) == 4


def test_the_national_directorys_pages(archive: Archive, tmp_path: Path) -> None:
    folder = SHARED / "data/plan-net"
    if not folder.is_dir():
        pytest.skip("../shared/data/plan-net is not here")
    source = card(tmp_path, CARD.format(base=f"'{folder}/*.json'") + "as_of: 2026-11-20\n")
    (snapshot,) = [collect(archive, source)]
    assert loaded(archive, source, snapshot) == ([], [])  # organizations and a practitioner, and no role
    found = [each for page_ in archive.evidence(snapshot) for _, each in plan_net.answers_of(page_)]
    assert [len(each.resources) for each in found if isinstance(each, Answer)] == [10, 1]
