"""What the commissioner reads: every part in its place, no rule of another state, nothing of a person that is not needed."""

import re
from typing import Any

import pytest

from reports.editions import build, editions
from reports.measures import compute
from reports.records import Report, Section
from tests.reports import example
from tests.reports.world import DAY, World, context


def edition(world: World, **more: Any) -> Report:
    return build("commissioner", world.con, compute(world.con, "commissioner"), context(**more))


def section(report: Report, key: str) -> Section:
    return {each.key: each for each in report.sections}[key]


def text(report: Report) -> str:
    """Everything the report says, in one string."""
    parts = [report.title, *report.facts.values()]
    for each in report.sections:
        parts += [each.title, *each.paragraphs, *each.columns, each.note, each.alt, *(str(cell) for row in each.rows for cell in row)]
    return "\n".join([*parts, *(str(cell) for row in report.annex for cell in row)])


def test_the_parts_stand_in_order(report: Report) -> None:
    assert "commissioner" in editions()
    assert [each.key for each in report.sections] == [
        *("finding", "insurers", "legal", "definitions", "sources", "flow", "methods", "quality", "results", "directories"),
        *("duplicates", "status", "standing", "changes", "limits", "corrections", "evidence"),
    ]
    assert report.marks == ("DRAFT", "INVENTED")
    for each in report.sections:
        assert all(len(row) == len(each.columns) for row in each.rows), each.key
        assert bool(each.chart) == bool(each.alt)
    assert "{" not in "".join(line for each in report.sections for line in each.paragraphs)


def test_the_finding_says_what_was_counted_and_what_not(report: Report) -> None:
    said = " ".join(section(report, "finding").paragraphs)
    assert "listings of persons in scope (massage therapist, Washington)" in said
    assert example.LONG_NAME in said
    assert "Neither says anything about the person listed" in said
    assert "participation is a fact about a contract" in said
    assert [row[0] for row in section(report, "finding").rows][:2] == ["Unique listings", "Duplicate listings"]
    assert all(re.fullmatch(r"\d+\.\d–\d+\.\d%", row[4]) for row in section(report, "finding").rows)


def test_no_word_calls_a_person_anything(report: Report) -> None:
    ours = text(report).lower()
    for word in ("ghost", "fake", "fraud", "reimbursement", "boycott"):
        assert word not in ours


def test_unknown_jurisdiction_stays_not_stated(report: Report) -> None:
    rows = {row[0]: row for row in section(report, "insurers").rows}
    assert rows["Tidewater Health Assurance, Inc."] == (
        *("Tidewater Health Assurance, Inc.", "not stated", "not stated", "file", "Cascade Silver"),
        *("not stated", "not stated", "not stated", 8),
    )
    assert rows["Evergreen Mutual Insurance Company"][5:7] == ("individual", "oic")


def test_rules_are_printed_with_their_dates(report: Report) -> None:
    rows = {row[0].split("\n")[1]: row for row in section(report, "legal").rows}
    assert rows["wa.wac_284_170_260.monthly"][4:] == ("2021", "2026-11-22")
    assert rows["us.nsa.verify_90_days"][4] == "not stated"


def test_no_rule_of_washington_is_printed_for_minnesota() -> None:
    world = World()
    world.run("MN")
    example.rules(world, "us", "US")
    example.rules(world, "wa", "WA")  # loaded by mistake: still not printed
    world.source("mn.one", "One")
    world.listing("a", "mn.one")
    world.finding("f", "npi_invalid", "a", rule_ids=["wa.wac_284_170_260.monthly", "us.acas_directory_accurate"])
    made = edition(world.models(), state="Minnesota", marks=("DRAFT",), measured=())
    said = text(made)
    assert [row[11] for row in made.annex] == ["us.acas_directory_accurate"]
    assert not re.search(r"RCW|WAC 284|\bwa\.|Washington", said)
    assert "No rules card for Minnesota has been verified; only federal rules are printed." in said
    assert "This audit has no license roll" in said
    assert "status" not in [each.key for each in made.sections]
    assert "changes" not in [each.key for each in made.sections]
    assert "Not measured in this run" in said


def test_an_unverified_rule_says_so() -> None:
    world = World()
    world.run()
    world.add("curated.rule", rule_id="wa.x", citation="WAC 1", says="…", source="memory", applies_to="website", state="WA")
    world.source("wa.one", "One")
    assert section(edition(world.models()), "legal").rows[0][5] == "unverified"


def test_the_annex_names_only_what_is_needed(report: Report) -> None:
    assert {row[2] for row in report.annex} == {"A", "B"}
    assert not [row for row in report.annex if row[1] == "no_license_found"]
    said = text(report)
    assert "Hidden Street" not in said
    assert "555-0100" not in said
    assert not re.search(r"\b9920\d\b", said)  # whole ZIP codes
    whys = [row[10] for row in report.annex if row[1] == "lapsed_license"]
    assert whys
    assert all(
        re.fullmatch(r"license number MA-\S+ on both \(\+14\.8\); starting from -15\.8: probability 0\.999, by rule", why) for why in whys
    )
    zips = {row[8] for row in report.annex}
    assert all(len(each) == 3 for each in zips)
    assert all(row[6] is None or re.fullmatch(r"[A-Z]{2}\d{8}", row[6]) for row in report.annex)


def test_tier_c_is_counted_and_not_named() -> None:
    world = World()
    world.run()
    world.source("wa.doh", "Roll", "license_roll")
    world.source("wa.one", "One")
    world.listing("a", "wa.one", name_raw="Quill Unfound")
    world.finding("f", "no_license_found", "a", tier="C", sentence="No license of Quill Unfound was found.")
    made = edition(world.models())
    assert "Quill" not in text(made)
    rows = {row[0]: row for row in section(made, "results").rows}
    assert rows["No license found on the roll"][1:5] == (0, 0, 1, 1)


def test_every_row_of_the_annex_leads_to_its_evidence(report: Report) -> None:
    known = {row[0]: row for row in section(report, "evidence").rows}
    assert {row[13] for row in report.annex} == set(known)
    assert all(row[1].startswith("https://") and len(row[4]) == 64 for row in known.values())
    assert all(len(row[6]) == 64 for row in section(report, "sources").rows)


def test_changes_between_captures_are_counted_by_claim() -> None:
    world = World()
    world.run()
    world.source("wa.one", "One", day=DAY.replace(month=10), latest=False)
    snapshot = world.source("wa.one", "One")
    world.source("wa.two", "Two")
    for claim, change in (("a", "appeared"), ("b", "changed"), ("b", "changed"), ("c", "changed")):
        world.add("curated.claim_change", claim_id=claim, source_id="wa.one", snapshot_id=snapshot, change=change)
    assert section(edition(world.models()), "changes").rows == (("One", "2026-11-20", 1, 0, 2),)


def test_the_same_run_gives_the_same_report(report: Report) -> None:
    assert edition(example.run()) == report


def test_a_report_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="there is no report 'gossip'; there are: checklist, commissioner"):
        build("gossip", World().con, [], context())
