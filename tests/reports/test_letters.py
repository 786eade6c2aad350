"""Letters to the persons named, the legislator's page and the patient's: who is written to, what is said, and what never is."""

import csv
import io
import re
import time
from dataclasses import replace
from typing import Any

import pypdf
import pytest

from reports import codes, lint
from reports.legislator import sections as legislator
from reports.patient import sections as patient
from reports.records import Door, Report
from reports.render import html, pdf, sheet
from reports.therapist import sections as therapist
from scrapers.records import Refused
from tests.reports import example, letters
from tests.reports.test_render import Reading
from tests.reports.world import World, sha


@pytest.fixture(scope="module")
def run() -> World:
    return letters.run(len(example.HOSTILE) + 2)


@pytest.fixture(scope="module")
def written(run: World) -> list[therapist.Letter]:
    return list(therapist.letters(run.con, letters.told()))


def text(report: Report) -> str:
    """The letter as it is printed, on one line."""
    pages = pypdf.PdfReader(io.BytesIO(pdf.document(report))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def pages(made: bytes) -> int:
    return len(pypdf.PdfReader(io.BytesIO(made)).pages)


def test_one_letter_to_each_person_about_all_that_is_said_of_the_person(written: list[therapist.Letter]) -> None:
    assert len(written) == len(example.HOSTILE) + 2
    first = next(letter for letter in written if letter.provider_id == "p000")
    assert first.finding_ids == (sha("000a")[:16], sha("000b")[:16])  # both places, one letter
    assert len({each for letter in written for each in letter.finding_ids}) == len(written) + 1


def test_a_finding_about_a_listing_alone_brings_no_letter(written: list[therapist.Letter]) -> None:
    assert sha("twin")[:16] not in {each for letter in written for each in letter.finding_ids}


@pytest.mark.parametrize(
    "change", ["tier = 'C'", "state = 'resolved'", "stage = 'withdrawn'", "about = 'listing'", "may_share = false"], ids=lambda each: each
)
def test_nobody_is_written_to_about_what_no_longer_stands(change: str) -> None:
    world = letters.run(2)
    world.con.execute(f"update matching.finding set {change} where listing_id = '001a'")
    assert [letter.provider_id for letter in therapist.letters(world.con, letters.told())] == ["p000"]


def test_a_letter_says_what_was_seen_and_how_to_correct_it(written: list[therapist.Letter]) -> None:
    first = next(letter for letter in written if letter.provider_id == "p000")
    said = text(first.report)
    for each in first.finding_ids:
        assert codes.code(each) in said
    for expected in (
        "Dessa Dunmarrow 0", "12 Hidden Street", "509-555-0100",  # the person's own listing, as it was shown
        "MA60000000", "expired", "2026-03-02", "2026-11-21",  # the roll's row, and the day it was read
        "You hold a license under another name", letters.CONTACT, "by 2026-12-13", "No account",
        "It accuses nobody", "withdrawn everywhere", "as verityhealthstream.com reports", "WAC 284-170-260(4)(b)",
        "none about any contract",
    ):  # fmt: skip
        assert expected in said, expected
    assert said.index("another name") < said.index("You renewed")  # asked first
    assert "has died" not in said


def test_a_letter_about_a_death_is_to_whoever_opens_it() -> None:
    world = letters.run(1)
    world.con.execute("update matching.finding set check_name = 'retired_or_deceased' where about = 'person'")
    [letter] = therapist.letters(world.con, letters.told())
    assert "or whoever opens this person's mail" in letter.report.extra["to"]
    assert "Please accept our sympathy" in text(letter.report)


def test_a_letter_about_a_place_asks_whether_the_listing_is_right_and_speaks_of_no_license() -> None:
    world = letters.run(1)
    world.con.execute("update matching.finding set check_name = 'not_at_location', credential_id = null where about = 'person'")
    [letter] = therapist.letters(world.con, letters.told())
    said = text(letter.report)
    assert "The listing is right, and what somebody told us is not." in said
    assert "No license was compared" in said and "You hold a license" not in said and "MA60000000 Dessa" not in said


def test_each_letter_is_one_page_whatever_the_name(written: list[therapist.Letter]) -> None:
    assert pages(pdf.letters([letter.report for letter in written])) == len(written)


def test_a_hundred_letters_take_no_time_to_speak_of() -> None:
    world, began = letters.run(100), time.process_time()
    found = list(therapist.letters(world.con, letters.told()))
    made = pdf.letters([letter.report for letter in found])
    assert time.process_time() - began < 6  # 300 took 4 s when measured
    assert pages(made) == 100


def test_a_name_that_tries_to_do_harm_is_only_a_name(written: list[therapist.Letter]) -> None:
    for letter in written:
        assert "script" not in {tag for tag, _ in Reading(html.page(letter.report)).elements}
    assert "<script>alert('name')</script>" in text(next(letter for letter in written if letter.provider_id == "p001").report)


def test_whoever_sends_them_is_told_that_they_are_confidential(run: World) -> None:
    listed = therapist.build(run.con, [], letters.told())
    said = Reading(html.page(listed)).text
    assert "Confidential." in said and "at least 14 must pass" in said and "sent.csv" in said
    assert len(listed.annex) == len(example.HOSTILE) + 2
    assert [len(row) for row in listed.annex] == [len(listed.annex_columns)] * len(listed.annex) and len(listed.annex_kinds) == len(
        listed.annex_columns
    )
    lint.wording(listed)
    lint.privacy(listed, "therapist")
    assert sheet.annex(listed).startswith(b"\xef\xbb\xbfName,")


def test_nobody_named_is_no_letter_and_says_so() -> None:
    listed = therapist.build(letters.run(0).con, [], letters.told())
    assert not listed.annex and "no letter to send" in Reading(html.page(listed)).text


def test_a_letter_without_an_address_for_the_answer_says_that_it_may_not_be_sent() -> None:
    [letter] = therapist.letters(letters.run(1).con, letters.told(contact=None))
    assert "not yet named (this letter is not sent before it is)" in text(letter.report)


# --- the legislator's page ---

FILE = "name,office,district,counties,email\nQuilla Kettlewood,State Senator,District 99,Larkmead; Mossbank County,q@legislature.example\n"


def filled_in(text: str) -> list[tuple[str, list[str]]]:
    return [(f"row {place}", row) for place, row in enumerate(csv.reader(text.splitlines()), 1)]


def test_recipients_are_read_from_a_spreadsheet() -> None:
    [first, second] = legislator.recipients(filled_in(FILE + "Bram Ashgrove,,,,\n"))
    assert first == replace(letters.RECIPIENT, counties=("Larkmead", "Mossbank County"), email="q@legislature.example")
    assert second == legislator.Recipient(name="Bram Ashgrove")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("", "columns none"),
        ("office\nSenator\n", "expected name"),
        ("name,salary\nA,1\n", "salary"),
        ("name\n", "names nobody"),
        ("name,office\n,Senator\n", "row 2"),
        ("name\nA,B\n", "row 2"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(file: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        legislator.recipients(filled_in(file))


def test_a_legislator_reads_of_the_counties_of_the_district(run: World) -> None:
    [page] = legislator.legislators(run.con, letters.measures(), letters.told(), legislator.recipients(filled_in(FILE)))
    said = text(page)
    assert page.extra["to"] == ["Quilla Kettlewood", "State Senator", "District 99"]
    assert page.extra["figures"][0][0] == "2 to 37 of 42"
    assert "at least 2, and on at most 37" in said and "Larkmead and Mossbank" in said and "whole state" not in said
    assert "Ask the Office of the Insurance Commissioner" in said
    assert pages(pdf.document(page)) == 1


def test_a_county_without_a_listing_says_that_and_counts_nothing(run: World) -> None:
    run.add("curated.county", county_fips="53995", name="Elderfen")
    to = [legislator.Recipient(name="A", counties=("elderfen county",))]
    [page] = legislator.legislators(run.con, letters.measures(), letters.told(), to)
    assert page.extra["figures"][0][0] == "0" and "are shown in Elderfen by the directories" in text(page)
    [picture] = [section for section in page.sections if section.key == "picture"]
    assert "Elderfen" not in picture.alt and "all counties 12 confirmed" in picture.alt, "an empty row is no picture"


def test_without_counties_the_figures_are_the_states_and_say_so(run: World) -> None:
    world = letters.run(0)
    world.con.execute("delete from curated.county")
    for con, recipient, reason in (
        (run.con, legislator.Recipient(name="A"), "names no county"),
        (world.con, letters.RECIPIENT, "no geography"),
    ):
        [page] = legislator.legislators(con, letters.measures(), letters.told(), [recipient])
        assert page.extra["figures"][0][0] == "12 to 374 of 400"
        assert f"Figures are for the whole state: {reason}" in text(page) or reason in text(page)


def test_a_county_nobody_knows_is_refused_by_name(run: World) -> None:
    with pytest.raises(Refused, match="Atlantis"):
        list(legislator.legislators(run.con, letters.measures(), letters.told(), [legislator.Recipient(name="A", counties=("Atlantis",))]))


def test_a_recipient_that_tries_to_do_harm_is_only_text_and_no_person_is_named(run: World) -> None:
    to = [legislator.Recipient(name=name, office=name, district=name) for name in example.HOSTILE]
    made = list(legislator.legislators(run.con, letters.measures(), letters.told(), to))
    assert pages(pdf.letters(made)) == len(to)
    for page in made:
        read = Reading(html.page(page))
        assert "script" not in {tag for tag, _ in read.elements}
        assert "Dunmarrow" not in read.text


# --- the patient's page ---


def test_a_patient_finds_the_door_of_each_kind_of_plan(run: World) -> None:
    page = patient.build(run.con, [], letters.told())
    said = text(page)
    for expected in (
        "Office of the Insurance Commissioner", "800-562-6900", "U.S. Department of Labor", "866-444-3272", "human resources",
        "Health Care Authority", "1-800-MEDICARE", "1-800-985-3059",
        "within one business day (42 U.S.C. § 300gg-115(a)(3))", "Not legal advice", "legal name",
    ):  # fmt: skip
        assert expected in said, expected
    assert pages(pdf.document(page)) == 1
    assert not re.search(r"\bR\b|unverified", said)


def test_a_door_nobody_saw_is_printed_as_unverified_and_a_missing_one_as_missing(run: World) -> None:
    recalled = Door(name="x", to="Some office", source="memory", mark="R", plan="medicaid", phone="555-0100")
    said = text(patient.build(run.con, [], letters.told(doors=(recalled,))))
    assert "Some office (unverified)" in said
    assert said.count("Not established for Washington") == 5


def test_without_the_rule_no_deadline_is_claimed(run: World) -> None:
    world = letters.run(0)
    world.con.execute("delete from curated.rule")
    said = text(patient.build(world.con, [], letters.told()))
    assert "business day" not in said and "Ask for the answer in writing" in said


def test_the_states_own_door_stands_before_the_federal_one(run: World) -> None:
    def door(to: str, **more: Any) -> Door:
        return Door(name="x", to=to, source="y", mark="S", plan="insured", **more)

    said = text(patient.build(run.con, [], letters.told(doors=(door("State office"), door("Federal office")))))
    assert "State office" in said and "Federal office" not in said
