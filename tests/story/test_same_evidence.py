"""Every finding walks back to bytes whose hash verifies, and the same bytes say the same on another machine."""

import json
import shutil
from pathlib import Path

import pytest

from simulation import cards
from tests.story.command import published, rollcall, rows
from tests.story.conftest import Invented

CHECKS = {
    *("barred_license", "duplicate_listing", "lapsed_license", "missing_required_field"),
    *("no_license_found", "npi_invalid", "retired_or_deceased", "wrong_profession"),
    *("npi_deactivated", "npi_of_another", "excluded_provider"),
}


@pytest.fixture(scope="module")
def elsewhere(invented: Invented, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another machine: the evidence copied to another folder, sites that nobody can reach from there, and an offline run."""
    home = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(invented.data / "raw", home / "data" / "raw")
    nowhere = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(invented.sites.urls, 9)}
    card = cards.write(invented.world, nowhere, home / "cards")
    asked = len(invented.sites.log)
    done = rollcall("run", card, "--offline", "--data", home / "data")
    assert done.status == 0, done.err
    assert len(invented.sites.log) == asked
    return home / "data"


def test_the_same_evidence_has_the_same_ids_on_another_machine(invented: Invented, elsewhere: Path) -> None:
    there = published(elsewhere, cards.AUDIT)
    for said in (
        "select listing_id, claim_id, evidence_id from curated.listing order by all",
        "select credential_id, evidence_id from curated.credential order by all",
        "select snapshot_id from curated.snapshot order by all",
        "select finding_id, check_name, tier, state, listing_id, sentence from matching.finding order by all",
    ):
        here = rows(invented.database, said)
        assert here, said
        assert rows(there, said) == here


def test_why_walks_findings_of_every_check_back_to_bytes_that_verify(invented: Invented) -> None:
    two_of_each = "qualify row_number() over (partition by check_name order by finding_id) <= 2"
    found = rows(invented.database, f"select check_name, finding_id from matching.finding {two_of_each}")
    assert {check for check, _ in found} == CHECKS
    for check, finding in found:
        done = rollcall("why", str(finding), "--json", "--data", invented.data)
        assert done.status == 0, done.err
        said = json.loads(done.out)
        assert said["finding"]["check_name"] == check
        assert said["listing"]["listing_id"] == said["finding"]["listing_id"]
        assert said["evidence"]
        for page in said["evidence"]:
            assert page["verified"] is True
            assert page["url"].startswith("http://127.0.0.1:")
            assert page["fetched_at"]
            assert len(page["sha256"]) == 64
        if check in ("lapsed_license", "barred_license", "retired_or_deceased", "wrong_profession"):
            assert len(said["evidence"]) == 2, "the listing's page and the roll's"
            assert any(match["right_id"] == said["finding"]["credential_id"] and match["explanation"] for match in said["matches"])
        told = rollcall("why", str(finding), "--data", invented.data)
        assert said["finding"]["sentence"] in told.out
        assert all(f"SHA-256 {page['sha256']}: the kept bytes match" in told.out for page in said["evidence"])


def test_one_flipped_byte_in_kept_evidence_is_noticed(elsewhere: Path) -> None:
    asked = "select finding_id from matching.finding where check_name = 'npi_invalid' order by 1 limit 1"
    [(finding,)] = rows(published(elsewhere, cards.AUDIT), asked)
    before = rollcall("why", str(finding), "--json", "--data", elsewhere)
    assert before.status == 0
    blob = Path(json.loads(before.out)["evidence"][0]["kept_at"])
    flipped = bytearray(blob.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    blob.write_bytes(flipped)

    after = rollcall("why", str(finding), "--data", elsewhere)
    assert after.status == 2
    assert "kept evidence does not match its SHA-256; do not use it" in after.sentence
    assert "THE KEPT BYTES DO NOT MATCH" in after.out
    again = rollcall("run", elsewhere.parent / "cards" / f"{cards.AUDIT}.yml", "--offline", "--data", elsewhere)
    assert again.status != 0, "nor is anything read from it"
    assert "no longer has the SHA-256 it was kept under" in again.sentence
