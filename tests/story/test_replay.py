"""`--offline` says the same again from the same evidence, and `--until` says what an earlier day's evidence said."""

import shutil
from pathlib import Path

import pytest

from tests.story.command import published, rollcall, rows
from tests.story.volunteer import AUDIT, LIST, ROLL, TABLE, Volunteer, roll

ASKED = (
    "select snapshot_id, source_id, observed_on, response_count from curated.snapshot order by all",
    "select listing_id, claim_id, evidence_id, locator, name_raw from curated.listing order by all",
    "select credential_id, status, expires_on, evidence_id from curated.credential order by all",
    "select left_id, right_id, judgement, round(probability, 9), explanation from matching.match order by all",
    "select finding_id, check_name, tier, severity, state, sentence, first_seen_on, last_seen_on from matching.finding order by all",
    "select name, scope, numerator, denominator, value, low, high from reports.measure order by all",
    "select * from reports.flow order by all",
)
ROWAN = "Rowan Ashdale,8 Oak St,Tacoma,98402,253-555-0198\n"
ACTIVE = "MA60000001,Ashdale,Rowan,Massage Therapist License,ACTIVE,20270101"
LAPSED = ACTIVE.replace("ACTIVE,20270101", "EXPIRED,20260101")


def answers(database: Path) -> dict[str, list[tuple[object, ...]]]:
    return {asked: rows(database, asked) for asked in ASKED}


@pytest.fixture
def march(volunteer: Volunteer) -> Volunteer:
    """A list and a roll of March, audited; Ida's telephone is missing and Rowan's license has lapsed."""
    volunteer.audits(evergreen=TABLE.format(start="'*_list.csv'") + "as_of: {march_*: 2026-03-20, april_*: 2026-04-20}\n")
    volunteer.has(march_list_csv=LIST + ROWAN + "Ida Birkeland,9 Oak St,Tacoma,98402,\n")
    card = ROLL.format(as_of="{march_*: 2026-03-20, april_*: 2026-04-20}").replace("roll.csv", "'*_roll.csv'")
    volunteer.has(roll_yml=card, march_roll_csv=roll(LAPSED))
    volunteer.has(audit_yml=AUDIT.format(insurers="./evergreen.yml") + "roll: ./roll.yml\n")
    done = volunteer.runs()
    assert done.status == 0, done.err
    return volunteer


def test_offline_says_the_same_in_another_folder(march: Volunteer, tmp_path: Path) -> None:
    shutil.copytree(march.data / "raw", tmp_path / "elsewhere" / "raw")
    done = rollcall("run", march.folder / "audit.yml", "--offline", "--data", tmp_path / "elsewhere")
    assert done.status == 0, done.err
    here, there = (answers(published(data, "audit")) for data in (march.data, tmp_path / "elsewhere"))
    assert here == there
    assert [asked for asked in ASKED if not here[asked]] == []


def test_any_earlier_day_is_replayed_to_what_was_said_then(march: Volunteer) -> None:
    said_in_march = answers(published(march.data, "audit"))
    march.has(april_list_csv=LIST + ROWAN + "Ida Birkeland,9 Oak St,Tacoma,98402,253-555-0199\n", april_roll_csv=roll(ACTIVE))
    assert march.runs().status == 0
    now = published(march.data, "audit")
    said_in_april = answers(now)
    assert said_in_april != said_in_march

    done = rollcall("run", march.folder / "audit.yml", "--until", "2026-04-19", "--data", march.data)
    assert done.status == 0, done.err
    assert answers(published(march.data, "audit@2026-04-19")) == said_in_march
    assert published(march.data, "audit") == now, "what readers of the audit see has not moved"
    assert rollcall("query", "select 1", "--data", march.data).status == 0, "nor has which audit is meant"
    asked = rollcall("query", "select max(observed_on) from curated.listing", "--audit", "audit@2026-04-19", "--data", march.data)
    assert "2026-03-20" in asked.out


def test_a_day_before_all_evidence_is_refused_in_a_sentence(march: Volunteer) -> None:
    done = rollcall("run", march.folder / "audit.yml", "--until", "2026-03-19", "--data", march.data)
    assert done.status == 3
    assert "no complete snapshot is kept" in done.sentence
