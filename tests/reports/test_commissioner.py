"""What the commissioner reads: every part in its place, no rule of another state, nothing of a person that is not needed."""

import re
from typing import Any

import pytest

from pipelines.curate import state_of
from reports.editions import build, editions
from reports.measures import compute
from reports.records import Remedy, Report, Section
from tests.reports import example
from tests.reports.world import DAY, World, context, sha


def edition(world: World, **more: Any) -> Report:
    return build("commissioner", world.con, compute(world.con, "commissioner"), context(**more))


def section(report: Report, key: str) -> Section:
    return {each.key: each for each in report.sections}[key]


def annex(report: Report) -> list[dict[str, Any]]:
    return [dict(zip(report.annex_columns, row, strict=True)) for row in report.annex]


def text(report: Report) -> str:
    """Everything the report says, in one string."""
    parts = [report.title, *report.facts.values()]
    for each in report.sections:
        parts += [each.title, *each.paragraphs, *each.columns, each.note, each.alt, *(str(cell) for row in each.rows for cell in row)]
    return "\n".join([*parts, *(str(cell) for row in report.annex for cell in row)])


ROWS = {  # the 22 parts of a directory audit report that a regulator can use: its section, or the annex
    "one-page finding": "finding",
    "jurisdiction": "jurisdiction",
    "legal standard": "legal",
    "definitions": "definitions",
    "data sources": "sources",
    "flow": "flow",
    "methods": "methods",
    "match quality": "review",
    "results by deficiency type": "results",
    "duplicates": "duplicates",
    "license status": "status",
    "participation evidence": "participation",
    "adequacy effect": "adequacy",
    "persistence": "persistence",
    "uncertainty": "uncertainty",
    "insurer reply": "replies",
    "limitations and conflicts": "limits",
    "remedy requested": "remedy",
    "evidence bundle": "evidence",
    "reproduction": "reproduction",
    "privacy, corrections": "corrections",
    "version history": "versions",
}


@pytest.mark.parametrize("part", ROWS)
def test_every_part_is_there_or_said_to_be_missing(report: Report, empty: Report, part: str) -> None:
    for made in (report, empty):
        found = section(made, ROWS[part])
        assert found.paragraphs or found.rows, part
        assert all(found.paragraphs)
    assert report.annex and not empty.annex


@pytest.fixture(scope="module")
def empty() -> Report:
    """What is said of a directory that showed nobody, in a state without a card, with no roll."""
    world = World()
    world.run("MN")
    world.source("mn.one", "One")
    return edition(world.models(), state="Minnesota", measured=(), regulators={}, doors=(), remedies=())


def test_what_a_run_lacks_is_said(empty: Report) -> None:
    for key in ("insurers", "jurisdiction", "doors", "legal", "participation", "survey", "changes", "replies", "remedy"):
        if not section(empty, key).rows:
            assert any("issing in this run" in line for line in section(empty, key).paragraphs), key
    assert "Error rate not measured" in " ".join(section(empty, "review").paragraphs)
    assert "not tested" in " ".join(section(empty, "software").paragraphs)
    assert "has declared an interest" in " ".join(section(empty, "interests").paragraphs)


def test_the_parts_are_sound(report: Report) -> None:
    assert "commissioner" in editions()
    assert report.marks == ("DRAFT", "INVENTED")
    keys = [each.key for each in report.sections]
    assert keys[:2] == ["finding", "interests"] and len(keys) == len(set(keys))
    for each in report.sections:
        assert all(len(row) == len(each.columns) for row in each.rows), each.key
        assert bool(each.chart) == bool(each.alt)
        assert not each.about or len(each.about) == len(each.rows), each.key
        assert set(each.quotes) <= set(each.columns), each.key
    assert "{" not in "".join(line for each in report.sections for line in each.paragraphs)


def test_the_finding_says_what_was_counted_and_what_not(report: Report) -> None:
    said = " ".join(section(report, "finding").paragraphs)
    assert re.match(r"\d+ of \d+ unique listings could be confirmed as a person who is in that network at that place", said)
    assert "participation is a fact about a contract" in said
    assert "that documented findings may be held against" in said and "Asked for:" in said and "This holds for the days named" in said
    counted = " ".join(section(report, "counts").paragraphs)
    assert "listings of persons in scope (massage therapist, Washington)" in counted
    assert example.LONG_NAME in counted
    assert "Neither says anything about the person listed" in counted
    assert [row[0] for row in section(report, "counts").rows][:2] == ["Unique listings", "Unique listings confirmed"]
    assert all(re.fullmatch(r"\d+\.\d–\d+\.\d%", row[4]) for row in section(report, "counts").rows)
    rows = {row[0].split("\n")[0]: row for row in section(report, "finding").rows}
    assert rows["Evergreen Mutual Insurance Company"][0].endswith("NAIC 99901, WAOIC WAOIC-X1")
    assert rows["Evergreen Mutual Insurance Company"][2] == "2026-11-20"
    assert rows["Tidewater Health Assurance, Inc."][5] == "5 of 8"  # too few to rate: a count


def test_the_two_definitions_stand_apart(report: Report) -> None:
    rows = section(report, "two_counts").rows
    assert [row[:2] for row in rows[:4]] == [
        ("Strict definition", "unique listings"),
        ("Strict definition", "persons"),
        ("Wide definition", "unique listings"),
        ("Wide definition", "persons"),
    ]
    words = {row[0]: row[1] for row in section(report, "definitions").rows}
    assert "never mixed" in words["Wide count"] and "Strict count" in words


def test_answers_of_fewer_than_ten_providers_are_in_no_count(report: Report, world: World) -> None:
    rows = section(report, "participation").rows
    assert {row[1] for row in rows} == {"the insurer's answer"}  # calls were made, to fewer than ten
    assert world.rows("select 1 from matching.standing where evidence_class = 'call' limit 1")
    printed = {row[0]: (row[1], row[3]) for row in section(report, "standing").rows}
    for name in {row[0] for row in rows}:
        assert tuple(sum(row[place] for row in rows if row[0] == name) for place in (2, 3)) == printed[name]


def test_a_remedy_is_printed_with_where_it_was_taken_from(report: Report) -> None:
    rows = section(report, "remedy").rows
    assert any("EmblemHealth" in row[1] and row[2] == "S2" for row in rows)
    assert all(row[1] and row[2] in ("S", "S2") for row in rows)


def test_no_word_calls_a_person_anything(report: Report) -> None:
    ours = text(report).lower()
    for word in ("ghost", "fake", "fraud", "reimbursement", "boycott"):
        assert word not in ours


def test_unknown_jurisdiction_stays_not_stated(report: Report) -> None:
    rows = {row[0].split("\n")[0]: row for row in section(report, "insurers").rows}
    assert rows["Tidewater Health Assurance, Inc."][1:] == ("Cascade Silver\nfiled as not stated", "file", "not stated", "not stated", 8)
    assert rows["Evergreen Mutual Insurance Company"][3:5] == ("individual", "Office of the Insurance Commissioner")
    lines = {row[0]: row for row in section(report, "jurisdiction").rows}
    assert lines["not stated"][1:] == ("not stated", 8, "not known without the line")
    assert "RCW 48.49.090(1)" in lines["individual"][3] and "45 CFR 156.230" not in lines["individual"][3]


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
    world.finding(sha("f"), "npi_invalid", "a", rule_ids=["wa.wac_284_170_260.monthly", "us.acas_directory_accurate"])
    federal = state_of("MN")
    card = {"regulators": federal.regulators, "doors": (), "remedies": [Remedy(**each) for each in federal.remedies]}
    made = edition(world.models(), state="Minnesota", marks=("DRAFT",), measured=(), **card)
    said = text(made)
    assert [row["Rules"] for row in annex(made)] == ["us.acas_directory_accurate"]
    assert not re.search(r"RCW|WAC 284|\bwa\.|Washington", said)
    assert "No rules card for Minnesota has been verified; only federal rules are printed." in said
    assert "This audit has no license roll" in said
    assert not section(made, "status").rows
    assert not section(made, "changes").rows
    assert "Error rate not measured" in said


def test_an_unverified_rule_says_so() -> None:
    world = World()
    world.run()
    world.add("curated.rule", rule_id="wa.x", citation="WAC 1", says="…", source="memory", applies_to="website", state="WA")
    world.source("wa.one", "One")
    assert section(edition(world.models()), "legal").rows[0][5] == "unverified"


def test_the_annex_names_only_what_is_needed(report: Report) -> None:
    rows = annex(report)
    assert {row["Tier"] for row in rows} == {"A", "B"}
    assert not [row for row in rows if row["Check"] == "no_license_found"]
    said = text(report)
    assert "Hidden Street" not in said
    assert "555-0100" not in said
    assert not re.search(r"\b9920\d\b", said)  # whole ZIP codes
    whys = [row["Why this license"] for row in rows if row["Check"] == "lapsed_license"]
    assert whys
    assert all(
        re.fullmatch(r"license number MA-\S+ on both \(\+14\.8\); starting from -15\.8: probability 0\.999, by rule", why) for why in whys
    )
    assert all(len(row["ZIP3"]) == 3 for row in rows)
    assert all(row["License"] is None or re.fullmatch(r"[A-Z]{2}\d{8}", row["License"]) for row in rows)
    assert not {"Street", "Telephone", "ZIP", "Source"} & set(report.annex_columns)
    assert {"License", "License as printed", "NPI", "County", "Stage", "Reviewed by", "Reply", "Code"} <= set(report.annex_columns)


def test_tier_c_is_counted_and_not_named() -> None:
    world = World()
    world.run()
    world.source("wa.doh", "Roll", "license_roll")
    world.source("wa.one", "One")
    world.listing("a", "wa.one", name_raw="Quill Unfound")
    world.finding(sha("f"), "no_license_found", "a", tier="C", sentence="No license of Quill Unfound was found.")
    made = edition(world.models())
    assert "Quill" not in text(made)
    rows = {row[0]: row for row in section(made, "results").rows}
    assert rows["No license found on the roll"][1:5] == (0, 0, 1, 1)


def test_every_row_of_the_annex_leads_to_its_evidence(report: Report) -> None:
    known = {row[0]: row for row in section(report, "evidence").rows}
    assert {row["Evidence"] for row in annex(report)} == set(known)
    assert all(row[1].startswith("https://") and len(row[4]) == 64 for row in known.values())
    assert all(len(row[6]) == 64 for row in section(report, "sources").rows)


def test_the_sums_of_the_reproduction_are_those_of_the_run(report: Report, world: World) -> None:
    rows = {row[0]: row for row in section(report, "reproduction").rows}
    (said,) = [line for line in section(report, "reproduction").paragraphs if "rollcall query" in line]
    ((findings,),) = world.rows(said.split('"')[1])
    assert rows["Findings"][1] == findings and len(findings) == 64
    assert len(rows["Measures"][1]) == 64


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
    again = edition(example.run())
    assert (again.sections, again.annex, again.facts) == (report.sections, report.annex, report.facts)


def test_a_report_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="there is no report 'gossip'; there are: checklist, commissioner"):
        build("gossip", World().con, [], context())
