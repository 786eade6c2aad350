"""The insurers' machine-readable files: one listing for each provider, address and network, and no guess about the rest."""

import gzip
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from scrapers import sources
from scrapers.formats import cms_json
from scrapers.records import Problem, Refused, Source, SourceUnreadable
from tests.scrapers.reads import SHARED, card, page, said

CARD = "title: Birch\nkind: insurer\nformat: cms_json\nstart: https://birch.example/index.json\n"
PLANS = (
    "words: {network: {11111WA0010001: Birch Silver, 11111WA0010002: Birch Silver, 11111WA0010003: Birch Gold}}\nignore: [11111WA0019999]\n"
)


def selected(source: Source, body: bytes | str, folder: Path) -> list[dict[str, Any]]:
    """What the warehouse is given of a body: its rows and problems as they stand there, without the columns that say nothing."""
    body = body.encode() if isinstance(body, str) else body
    blob = folder / "blob.gz"
    blob.write_bytes(gzip.compress(body))
    found: list[dict[str, Any]] = []
    with duckdb.connect() as con:
        for piece in sources.format_of(source).tables(replace(page(""), path=blob), source, folder):
            if isinstance(piece, Problem):
                found.append({"locator": piece.locator, "problem": piece.reason, "excerpt": piece.excerpt})
                continue
            rows = con.execute(piece.select, {"path": str(piece.path)})
            names = [column[0] for column in rows.description]
            found += [said(dict(zip(names, row, strict=True))) for row in rows.fetchall()]
            piece.path.unlink()
    return sorted(found, key=_place)


def _place(row: dict[str, Any]) -> tuple[list[int], str]:
    """A record's number, then the address's; DuckDB's threads keep no order."""
    return [int(each) for each in re.findall(r"(?:record|address|plan) (\d+)", row["locator"])], "~" if "problem" in row else row["locator"]


@pytest.fixture
def birch(tmp_path: Path) -> Source:
    return card(tmp_path, CARD + PLANS)


def provider(**said: Any) -> dict[str, Any]:
    """A therapist at one address on one plan, but for what is said of her."""
    whole: dict[str, Any] = {
        "npi": "1234567893",
        "type": "INDIVIDUAL",
        "name": {"first": "Ada", "last": "Reyes"},
        "addresses": [{"address": "7 Birch Ave", "city": "Selah", "state": "WA", "zip": "98942", "phone": "5095550100"}],
        "specialty": ["Massage Therapist"],
        "accepting": "accepting",
        "plans": plans("11111WA0010001"),
    }
    return whole | said


def plans(*ids: str) -> list[dict[str, Any]]:
    """Every plan in two tiers."""
    return [{"plan_id_type": "HIOS-PLAN-ID", "plan_id": each, "network_tier": tier, "years": [2026]} for each in ids for tier in ("A", "B")]


def test_one_listing_for_each_address_and_network(birch: Source, tmp_path: Path) -> None:
    two = [{"address": "7 Birch Ave", "city": "Selah"}, {"address": "9 Elm St", "city": "Yakima"}]
    said = provider(addresses=two, plans=plans("11111WA0010002", "11111WA0010001", "11111WA0010003", "11111WA0019999"))
    rows = selected(birch, json.dumps([provider(), said]), tmp_path)

    assert rows[0] == {
        "locator": "record 1 address 1 network Birch Silver",
        "npi": "1234567893",
        "first": "Ada",
        "last": "Reyes",
        "address": "7 Birch Ave",
        "city": "Selah",
        "state": "WA",
        "zip": "98942",
        "phone": "5095550100",
        "specialty": "Massage Therapist",
        "network": "Birch Silver",
        "accepting": True,
    }
    assert [row["locator"] for row in rows[1:]] == [
        "record 2 address 1 network Birch Gold",
        "record 2 address 1 network Birch Silver",
        "record 2 address 2 network Birch Gold",
        "record 2 address 2 network Birch Silver",
    ]


def test_the_network_is_the_cards_or_else_the_plan(tmp_path: Path) -> None:
    body = json.dumps([provider(plans=plans("11111WA0010001", "11111WA0010002"))])
    assert [row["network"] for row in selected(card(tmp_path, CARD), body, tmp_path)] == ["11111WA0010001", "11111WA0010002"]
    assert [row["network"] for row in selected(card(tmp_path, CARD + "network: Birch\n"), body, tmp_path)] == ["Birch"]


def test_without_a_plan_the_network_is_not_said_and_a_plan_of_no_interest_is_no_listing(birch: Source, tmp_path: Path) -> None:
    rows = selected(birch, json.dumps([provider(plans=[]), provider(plans=None), provider(plans=plans("11111WA0019999"))]), tmp_path)
    assert [row["locator"] for row in rows] == ["record 1 address 1", "record 2 address 1"]
    assert not [row for row in rows if "network" in row]


def test_what_stands_for_nothing_is_nothing_but_null_may_be_a_name(birch: Source, tmp_path: Path) -> None:
    nothing = {"address": "null", "address_2": " ", "city": "null", "state": "UN", "zip": "99999", "phone": "999999999"}
    rows = selected(birch, json.dumps([provider(name={"prefix": None, "first": "null", "last": "NULL"}, addresses=[nothing])]), tmp_path)
    assert rows == [
        {
            "locator": "record 1 address 1 network Birch Silver",
            "npi": "1234567893",
            "last": "NULL",
            "specialty": "Massage Therapist",
            "network": "Birch Silver",
            "accepting": True,
        }
    ]


def test_both_spellings_and_both_kinds_of_provider(birch: Source, tmp_path: Path) -> None:
    facility = {"npi": 1234567893, "type": "Facility", "facility_name": "Selah  Spa", "facility_type": ["Clinic", "Spa"], "addresses": []}
    several = provider(
        specialty=None, speciality=["Massage;Reflexology", "Cupping"], accepting="accepting in some locations", languages=["vi"]
    )
    rows = selected(birch, json.dumps([facility, several, provider(type="GROUP", name="Selah Group", specialty="Massage")]), tmp_path)
    assert rows[0] == {"locator": "record 1 address 1", "npi": "1234567893", "organization": "Selah Spa", "specialty": "Clinic; Spa"}
    assert rows[1]["specialty"] == "Massage;Reflexology; Cupping"
    assert "accepting" not in rows[1], "open at some of its doors says nothing about this one"
    assert (rows[2]["name"], rows[2]["specialty"]) == ("Selah Group", "Massage")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (provider(type="ROBOT"), "type says 'ROBOT'; expected INDIVIDUAL, FACILITY, GROUP"),
        (provider(type=None), "type says nothing; expected INDIVIDUAL, FACILITY, GROUP"),
        (provider(name={"first": "", "last": "null"}), "no name"),
        (provider(name=None), "no name"),
        (provider(addresses="7 Birch Ave"), "addresses are neither a list nor an address"),
        (provider(accepting="by referral"), "accepting says 'by referral'"),
        (7, "not a provider: expected an object"),
    ],
)
def test_what_we_cannot_read_is_one_reason_and_the_rest_is_read(birch: Source, tmp_path: Path, wrong: object, reason: str) -> None:
    rows = selected(birch, json.dumps([wrong, provider()]), tmp_path)
    assert rows[0]["problem"].startswith(reason)
    assert rows[0]["locator"] == "record 1 address 1"
    assert rows[0]["excerpt"] == json.dumps(wrong, separators=(",", ":"))[:200]
    assert rows[1]["locator"] == "record 2 address 1 network Birch Silver"


def test_a_plan_that_is_not_on_the_card_is_a_problem_beside_the_networks_that_are(birch: Source, tmp_path: Path) -> None:
    rows = selected(birch, json.dumps([provider(plans=plans("11111WA0010003", "22222WA0010001"))]), tmp_path)
    assert [row.get("network") for row in rows] == ["Birch Gold", None]
    assert rows[1]["problem"] == "plan 22222WA0010001 is not on the card; map it under `words:` `network:` or list it under `ignore:`"


def test_the_list_may_lie_under_a_key(birch: Source, tmp_path: Path) -> None:
    body = json.dumps({"last_updated": "2026-11-01", "providers": [provider(), provider(type="ROBOT")]})
    assert [row["locator"] for row in selected(birch, body, tmp_path)] == ["record 1 address 1 network Birch Silver", "record 2 address 1"]
    assert selected(birch, '{"providers": []}', tmp_path) == []


def test_an_index_leads_to_provider_files_and_to_the_plans_where_the_card_maps_them(birch: Source, tmp_path: Path) -> None:
    form = sources.format_of(birch)
    (index,) = form.requests(birch)
    body = json.dumps(
        {
            "provider_urls": ["p1.json", "https://files.birch.example/p2.json", "p1.json"],
            "plan_urls": ["plans.json", "https://elsewhere.example/plans.json"],
            "formulary_urls": ["y"],
        }
    )
    plan = ("https://birch.example/plans.json", True)  # the other is on a host the card does not name, and only a help
    providers = [("https://birch.example/p1.json", True), ("https://files.birch.example/p2.json", True)]
    assert [(each.url, each.is_leaf) for each in form.follow(page(body, index.url), birch)] == [plan, *providers]
    unmapped = card(tmp_path, CARD + "network: Birch\n")
    assert [(each.url, each.is_leaf) for each in form.follow(page(body, index.url), unmapped)] == providers
    assert selected(birch, body, tmp_path) == []


def test_a_plan_file_names_the_plans_that_the_card_lacks(birch: Source, tmp_path: Path) -> None:
    body = json.dumps(
        [
            {"plan_id_type": "HIOS-PLAN-ID", "plan_id": "11111WA0010001", "marketing_name": "Birch Silver 1"},
            {"plan_id_type": "HIOS-PLAN-ID", "plan_id": "11111WA0019999", "marketing_name": "Birch Dental"},
            {"plan_id_type": "HIOS-PLAN-ID", "plan_id": "11111WA0010009", "marketing_name": "Birch  Bronze 9"},
        ]
    )
    (lacking,) = selected(birch, body, tmp_path)
    assert (lacking["locator"], lacking["problem"]) == (
        "plan 3",
        "plan 11111WA0010009 (Birch Bronze 9) is not on the card; map it under `words:` `network:` or list it under `ignore:`",
    )


@pytest.mark.parametrize("written", ["array", "under a key", "lines", "one alone", "gzip", "zip", "pretty", "latin-1"])
def test_the_same_providers_however_they_are_written(birch: Source, tmp_path: Path, written: str) -> None:
    people = [provider(npi=str(number), name={"first": "Zoë", "last": "Reyes"}) for number in range(1, 2 if written == "one alone" else 4)]
    body: bytes = json.dumps(people).encode()
    where, source = "", birch
    if written == "under a key":
        body = json.dumps({"as_of": "2026", "meta": [{"providers": 1}], "providers": people, "more": {"a": "]"}}).encode()
    elif written in ("lines", "one alone"):
        body = "\n".join(json.dumps(each) for each in people).encode()
    elif written == "gzip":
        body = gzip.compress(body)
    elif written == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("part 1.json", body)
        body, where = packed.getvalue(), "part 1.json "
    elif written == "pretty":
        body = b"\xef\xbb\xbf" + json.dumps(people, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode()
    elif written == "latin-1":
        body, source = json.dumps(people, ensure_ascii=False).encode("latin-1"), card(tmp_path, CARD + PLANS + "encoding: latin-1\n")
    rows = selected(source, body, tmp_path)
    assert [row["locator"] for row in rows] == [f"{where}record {n} address 1 network Birch Silver" for n in range(1, len(people) + 1)]
    assert {row["first"] for row in rows} == {"Zoë"}


def test_garbage_is_a_problem_with_its_place_and_the_records_beside_it_are_read(birch: Source, tmp_path: Path) -> None:
    good = json.dumps(provider())
    body = f'[{good}, {{"npi": "2" "type": 1}}, {good} oops, {good}, {{"npi": "a\nb"}}]'
    rows = selected(birch, body, tmp_path)
    assert [row["locator"] for row in rows if "problem" not in row] == [f"record {n} address 1 network Birch Silver" for n in (1, 3, 4)]
    assert {(row["locator"], row["problem"]) for row in rows if "problem" in row} == {
        ("record 2 address 1", "not a provider: no JSON that can be read"),
        ("record 3", "no JSON after this record"),
        ("record 5 address 1", "not a provider: no JSON that can be read"),
    }


def test_a_file_that_breaks_off_is_refused_with_its_place(birch: Source, tmp_path: Path) -> None:
    body = json.dumps([provider(), provider()])
    for short in (body[:-1], body[:-20], body[: len(body) // 2 + 3]):
        with pytest.raises(SourceUnreadable, match=rf"breaks off after {len(short):,} bytes, after record") as refused:
            selected(birch, short, tmp_path)
        assert refused.value.failure == "cut_short"


def test_odd_blanks_are_tidied_wherever_they_stand(birch: Source, tmp_path: Path) -> None:
    odd = provider(name={"first": " Ada\u00a0 ", "last": 'O"Neil\t'}, specialty=["Massage   Therapist", ""])
    (row,) = selected(birch, json.dumps([odd]), tmp_path)
    assert (row["first"], row["last"], row["specialty"]) == ("Ada", 'O"Neil', "Massage Therapist")


def test_a_start_may_be_the_provider_file_itself(tmp_path: Path) -> None:
    direct = card(tmp_path, CARD.replace("index.json", "Providers-1.json"))
    form = sources.format_of(direct)
    assert form.requests(direct)[0].is_leaf, "it need not be held in memory"
    assert form.follow(page("[]"), direct) == []
    assert form.follow(page('{"providers": []}'), direct) == []


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "{}", '{"provider_urls": []}', '{"provider_urls": "p1.json"}', "7"])
def test_an_index_that_names_no_provider_files_is_unreadable(birch: Source, body: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"expected (JSON|an index with a list of provider_urls)"):
        sources.format_of(birch).follow(page(body), birch)


@pytest.mark.parametrize("body", ["<html>", "{}", "7", ""])
def test_what_is_no_provider_file_is_unreadable(birch: Source, tmp_path: Path, body: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"expected (JSON|a list of providers)"):
        selected(birch, body, tmp_path)


def test_records_are_numbered_as_they_stand_in_the_file(birch: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cms_json, "CHUNK", 100_000)  # so that small files, too, come in many pieces
    body = json.dumps([provider(npi=str(number)) if number % 7 else number for number in range(1, 5_001)])
    rows = selected(birch, body, tmp_path)
    assert len(rows) == 5_000
    read = [row for row in rows if "problem" not in row]
    assert all(row["locator"] == f"record {row['npi']} address 1 network Birch Silver" for row in read)
    assert [row["excerpt"] for row in rows if "problem" in row] == [str(number) for number in range(7, 5_001, 7)]
    assert not list(tmp_path.glob("*.ndjson")), "every piece was handed on"


def test_a_card_with_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="`columns` has no meaning in the cms_json format"):
        card(tmp_path, CARD + "columns: {name: name}\n")


@pytest.mark.parametrize(
    ("name", "listings", "problems"), [("providers.json", 7, 0), ("real_issuer_records_trimmed.json", 22, 0), ("plans.json", 0, 0)]
)
def test_the_published_samples_are_read(tmp_path: Path, name: str, listings: int, problems: int) -> None:
    sample = SHARED / "data/qhp" / name
    if not sample.exists():
        pytest.skip("the real samples are not part of the project")
    rows = selected(card(tmp_path, CARD), sample.read_bytes(), tmp_path)
    assert sum("problem" in row for row in rows) == problems
    assert sum("problem" not in row for row in rows) == listings
    assert len({row["locator"] for row in rows}) == len(rows)
