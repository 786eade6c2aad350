"""Editions are parts of one Report: none says a number that the whole does not, and each shows only what its reader may see."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
import yaml

from reports import editions
from reports.measures import CHECKS, compute, shown
from reports.records import Report
from reports.render import html, pdf, sheet
from reports.whole import sections
from reports.whole.rows import ANSWER_DAYS, COLUMNS
from scrapers.records import Refused
from tests.reports import example
from tests.reports.world import DAY, World, context, sha

NUMBER = re.compile(r"(?<![\w.,:/-])\d[\d,]*(?:\.\d+)?%?")


@pytest.fixture(scope="module")
def whole(made: Mapping[str, Report]) -> Report:
    found: Report = made["commissioner"].extra["whole"]
    return found


@pytest.fixture(scope="module")
def insurers(made: Mapping[str, Report]) -> list[Report]:
    return [report for name, report in made.items() if name.startswith("insurer-")]


def texts(report: Report) -> Iterator[str]:
    yield from (report.title, str(report.extra.get("subtitle", "")), *report.facts.values())
    yield from (f"{value} {label}" for value, label in report.extra.get("figures", ()))
    for section in report.sections:
        yield from (*section.paragraphs, section.note, section.alt)
        yield from (str(cell) for row in section.rows for cell in row if cell is not None)
    yield from (str(cell) for row in report.annex for cell in row if cell is not None)


def numbers(report: Report) -> set[str]:
    return {found.rstrip(",") for text in texts(report) for found in NUMBER.findall(text)}


def test_every_number_of_an_edition_is_one_of_the_whole(made: Mapping[str, Report], whole: Report) -> None:
    known = numbers(whole) | {found for each in whole.extra["measures"] for found in NUMBER.findall(f"{shown(each)} {each.numerator:,}")}
    names = (whole.extra["names"], *whole.extra["names_of"].values())
    known |= {found for said in names for text in said.values() for found in NUMBER.findall(text)}
    words = {"10", "90", "0.8", "0.99", "256"}  # said in words of an edition: thresholds, days, SHA-256
    for name, report in made.items():
        assert numbers(report) - known <= words, name
    assert len(made) == 4 + len(example.INSURERS)


def test_an_edition_computes_nothing(made: Mapping[str, Report], whole: Report) -> None:
    by_key = {section.key: section for section in whole.sections}
    for name, report in made.items():
        for section in report.sections:
            if section.key == "first":
                continue
            assert set(section.rows) <= set(by_key[section.key].rows), (name, section.key)
            assert section.paragraphs == by_key[section.key].paragraphs


def test_each_insurer_sees_its_own_listings_as_it_showed_them_and_no_other(insurers: list[Report], whole: Report) -> None:
    source = list(COLUMNS).index("Source")
    finding = list(COLUMNS).index("Finding")
    seen: set[str] = set()
    for report in insurers:
        own = {row[finding] for row in whole.annex if row[source] == report.extra["recipient"]}
        rows = [dict(zip(report.annex_columns, row, strict=True)) for row in report.annex]
        assert {row["Finding"] for row in rows} == own
        assert not own & seen
        seen |= own
        assert {row["Address shown"] for row in rows} == {"12 Hidden Street"}
        assert {row["Telephone shown"] for row in rows} == {"509-555-0100"}
        others = [name for _, name, *_ in example.INSURERS.values() if name != report.facts["Insurers"]]
        said = "\n".join(texts(report))
        assert not [name for name in others if name in said]
        assert {each.scope.split("/")[0] for each in report.extra["measures"]} == {report.extra["recipient"]}
        assert report.extra["whole"] is not report
    assert seen == {row[finding] for row in whole.annex}


def test_the_insurers_workbook_asks_and_comes_back(insurers: list[Report]) -> None:
    report = insurers[0]
    rows = [dict(zip(report.annex_columns, row, strict=True)) for row in report.annex]
    due = (context().made_at + timedelta(days=ANSWER_DAYS)).date().isoformat()
    for row in rows:
        assert row["Answer by"] == due
        assert row["Change asked for"] and row["Fault"] and row["Code"]
        assert [row[column] for column in ("Your answer", "Participates", "Your words", "Answered by", "Answered on")] == [None] * 5
    assert report.extra["choices"] == {"Your answer": ["concur", "dispute", "explain"], "Participates": ["yes", "no", "unknown"]}
    first = " ".join(report.sections[0].paragraphs)
    assert f"answer each by {due}" in first
    assert "own rule of notice" in first and "no law" in first
    header = next(csv.reader(io.StringIO(sheet.annex(report).decode("utf-8-sig"))))
    assert {"Finding", "Your reference", "Your answer", "Participates", "Your words", "Answered by", "Answered on"} <= set(header)


def test_every_check_asks_for_a_change_of_its_own() -> None:
    said = yaml.safe_load((Path(sections.__file__).parent / "words.yml").read_text(encoding="utf-8"))["changes_asked"]
    assert set(said) >= {*CHECKS, "other"}
    assert len(set(said.values())) > len(said) - 2


def test_the_public_is_shown_counts_and_nobody(made: Mapping[str, Report]) -> None:
    public = made["public"]
    assert public.annex == () and public.annex_columns == ()
    said = "\n".join(texts(public))
    place = list(made["commissioner"].annex_columns).index("Name as listed")
    names = [row[place] for row in made["commissioner"].annex]
    assert names and not [name for name in names if name in said]
    assert not re.search(r"MA6\d{7}|Hidden|555-01", said)
    assert not {"evidence", "said", "versions"} & {section.key for section in public.sections}


def test_street_and_telephone_are_sealed_apart(made: Mapping[str, Report]) -> None:
    sealed = made["sealed"]
    row = dict(zip(sealed.annex_columns, sealed.annex[0], strict=True))
    assert (row["Street"], row["Telephone"]) == ("12 Hidden Street", "509-555-0100")
    assert len(sealed.annex) == len(made["commissioner"].annex)
    assert "SEALED" in sealed.title
    assert "Hidden Street" not in "\n".join(texts(made["commissioner"]))


def test_the_summary_has_at_most_four_pages_and_stands_alone(made: Mapping[str, Report]) -> None:
    made_again = editions.summary(made["commissioner"])
    assert made_again == made["summary"]
    assert [section.key for section in made_again.sections] == ["finding", "interests", "cited", "replies", "remedy", "checking"]
    pages = pypdf.PdfReader(io.BytesIO(pdf.document(made_again))).pages
    assert len(pages) <= 4
    first = pages[0].extract_text()
    for said in (
        "could be confirmed",
        "NAIC 99901",
        "This holds for the days named",
        "at most",
        "Interests",
        "Write to",
        "RCW 48.49.090(1)",
        "Asked for",
    ):
        assert said in first, said
    assert not made_again.annex


def test_an_announcement_names_nobody_and_finds_nothing(world: World) -> None:
    announced = editions.build("planned", world.con, [], context(contact="audit@example.org"), "wa.cascadia")
    said = "\n".join(texts(announced))
    assert announced.extra["recipient"] == "wa.cascadia" and example.LONG_NAME in said
    assert "https://directory.wa.cascadia.example" in said and "audit@example.org" in said
    assert not announced.annex and "Not before 2026-12-06" in said
    assert not [name for (name,) in world.rows("select name_raw from curated.listing") if name in said]
    html.page(announced)


def test_an_edition_for_one_insurer_is_asked_for_by_its_name(world: World) -> None:
    with pytest.raises(
        Refused, match=r"one insurer at a time, not for all; expected one of: wa\.cascadia, wa\.evergreen_mutual, wa\.tidewater"
    ):
        editions.build("planned", world.con, [], context())
    with pytest.raises(Refused, match=r"not for wa\.other"):
        editions.build("planned", world.con, [], context(), "wa.other")


def small() -> World:
    """One insurer with one finding that everybody may see."""
    world = World()
    world.run()
    example.rules(world, "us", "US")
    world.source("wa.doh", "Roll", "license_roll")
    world.source("wa.one", "One", insurer_name="One Mutual")
    world.listing("a", "wa.one", name_raw="Ada Quill")
    world.credential("k", "expired", "a", license_key="MA60000001")
    world.finding(sha("seen"), "lapsed_license", "a", credential_id="k", rule_ids=["us.nsa.verify_90_days"])
    return world


def of(world: World, edition: str = "commissioner", **more: Any) -> Report:
    world.models()
    return editions.build(edition, world.con, compute(world.con, "commissioner"), context(**more))


HIDDEN: dict[str, dict[str, Any]] = {
    "withdrawn": {"stage": "withdrawn"},
    "resolved": {"state": "resolved"},
    "unresolved": {"tier": "C"},
    "unshared": {"may_share": False},
}


def test_what_may_not_be_shown_is_named_nowhere() -> None:
    world = small()
    for place, (why, more) in enumerate(HIDDEN.items()):
        world.listing(why, "wa.one", name_raw=f"Bela Hush-{why}", npi="2900000001", city=f"Quiet{'abcd'[place]}")
        world.finding(sha(why), "not_participating", why, **{"tier": "A", "sentence": f"Bela Hush-{why} said so."} | more)
        world.add("matching.progress", finding_id=sha(why), insurer_answer="dispute", insurer_words=f"Bela Hush-{why} is with us.")
    world.models()
    parts = ("commissioner", "insurer", "sealed", "public", "summary")
    for name, made in editions.build_each(parts, world.con, compute(world.con, "commissioner"), context()):
        said = "\n".join(texts(made))
        assert not re.search("Hush|Quiet|2900000001", said), name
        assert ("Ada Quill" in said) == (name in ("commissioner", "insurer-wa.one", "sealed")), name
        if name in ("commissioner", "insurer-wa.one", "public"):
            assert "It concerns fewer than 10 providers and stands in no row" in said


@pytest.fixture(scope="module")
def answered() -> Report:
    """A run in which people declared, signed, sent and replied."""
    world = small()
    words = "This is fraudulent! She is at 12 Hidden Street, 509-555-0100."
    reply = {"insurer_answer": "dispute", "insurer_words": words, "answered_at": DAY, "person_words": "My own secret."}
    world.add("matching.progress", finding_id=sha("seen"), decided="upheld", reason="The roll says so.", **reply)
    world.add("ledger.interest", interest_id="1", audit="massage", person="p1", interest="Member of an association of therapists.", at=DAY)
    world.add("ledger.interest", interest_id="2", audit="another", person="p2", interest="Elsewhere.", at=DAY)
    for place, (person, said) in enumerate([("p3", "None."), ("p4", "none"), ("p1", "none")]):
        world.add("ledger.interest", interest_id=f"n{place}", audit="massage", person=person, interest=said, at=DAY)
    run = context().run_id
    world.add("ledger.sign_off", sign_off_id="s", audit="massage", run_id=run, name="Ida Sign", capacity="reviewer", at=DAY)
    world.add("ledger.sign_off", sign_off_id="t", audit="massage", run_id="an older run", name="Old Sign", capacity="reviewer", at=DAY)
    world.add("ledger.verdict", verdict_id="v", finding_id=sha("seen"), judgement="right", by="p4", at=DAY)
    world.add("ledger.verdict", verdict_id="w", finding_id=sha("seen"), judgement="wrong", by="p5", at=DAY)
    sent = {"audit": "massage", "run_id": "r1", "edition": "insurer", "channel": "e-mail", "at": DAY}
    to = [("insurer", "wa.one"), ("therapist", "p-77"), ("therapist", "p-78"), ("regulator", "The Commissioner")]
    for place, (kind, who) in enumerate(to):
        world.add("ledger.report_sent", report_sent_id=str(place), recipient_kind=kind, recipient=who, **sent)
    return of(world)


def test_replies_are_printed_as_they_were_given_and_only_what_tells_a_place_is_withheld(answered: Report) -> None:
    (row,) = {section.key: section for section in answered.sections}["said"].rows
    assert row[1:] == (
        *("One Mutual", "dispute", "“This is fraudulent! She is at [street withheld], [telephone number withheld].”"),
        *("2026-11-20", "upheld", "“The roll says so.”"),
    )
    assert "secret" not in "\n".join(texts(answered))


def test_interests_and_signatures_stand_on_the_first_page(answered: Report, report: Report) -> None:
    assert report.facts["Interests"].startswith("Nobody who worked on this audit has declared an interest")
    assert "Signed by" not in report.facts
    assert answered.facts["Interests"] == "1 declared: “Member of an association of therapists.” 2 people declared to have none."
    assert answered.facts["Signed by"] == "Ida Sign, reviewer, 2026-11-20"


def test_a_row_says_who_reviewed_it_and_what_was_answered(answered: Report) -> None:
    row = dict(zip(answered.annex_columns, answered.annex[0], strict=True))
    assert (row["Reviewed by"], row["Reply"]) == ("p4", "dispute")
    assert row["Its words"].startswith("“This is")


def test_earlier_editions_are_listed_and_persons_only_counted(answered: Report) -> None:
    rows = {section.key: section for section in answered.sections}["versions"].rows
    assert {(row[2], row[4]) for row in rows} == {("wa.one", 1), ("therapist", 2), ("The Commissioner", 1)}
    assert "p-77" not in str(rows)


def test_a_name_or_a_place_that_a_directory_spoilt_does_not_stop_the_report() -> None:
    world = small()
    spoilt = {"city": "Spokane 99201", "npi": "call me", "license_key": "MA; lives here"}
    world.listing("b", "wa.one", name_raw="Bo Lark, 88 Maple Avenue, 509-555-0101", **spoilt)
    world.finding(sha("spoilt"), "missing_required_field", "b", sentence="Write to bo@lark.example, Spokane, WA 99201.")
    made = of(world)
    (row,) = [dict(zip(made.annex_columns, row, strict=True)) for row in made.annex if row[0] == sha("spoilt")]
    assert row["Name as listed"] == "Bo Lark, [street withheld], [telephone number withheld]"
    assert row["What the records say"] == "Write to [e-mail address withheld], Spokane, [ZIP code withheld]."
    assert (row["City"], row["NPI"], row["License"]) == (None, None, None)


def test_the_whole_is_shown_to_nobody(whole: Report) -> None:
    assert whole.key == sections.KEY not in editions.editions()
    with pytest.raises(ValueError, match="there is no report 'whole'"):
        editions.build("whole", World().con, [], context())


def test_what_has_stood_longest_is_shown_by_code_and_without_a_name() -> None:
    world = small()
    for days in (400, 95, 29):
        world.listing(f"l{days}", "wa.one", name_raw="Ana Persisting")
        world.finding(sha(f"{days}"), "missing_required_field", f"l{days}", first_seen_on=DAY - timedelta(days=days))
    world.add("matching.progress", finding_id=sha("400"), insurer_told_at=DAY - timedelta(days=200))
    made = of(world)
    section = {each.key: each for each in made.sections}["longest"]
    assert [row[5] for row in section.rows] == [400, 95], "from the longest down, and nothing below 30 days"
    code = dict(zip(made.annex_columns, next(row for row in made.annex if row[0] == sha("400")), strict=True))["Code"]
    assert section.rows[0][0] == code and code in section.chart and "insurer told" in section.alt
    assert "Persisting" not in section.chart + section.alt + str(section.rows)
    assert "longest" not in {each.key for each in of(small()).sections}, "without such a finding there is no empty table"


def test_insurers_are_pictured_with_their_intervals_and_not_ranked(report: Report) -> None:
    section = {each.key: each for each in report.sections}["directories"]
    names = [row[0] for row in section.rows]
    assert (
        section.chart
        and [section.alt.index(name) for name in names] == sorted(section.alt.index(name) for name in names)
        and names == sorted(names)
    )


def test_pages_say_codes_in_words_and_files_keep_them(report: Report) -> None:
    page, rows = html.page(report), sheet.annex(report).decode("utf-8-sig")
    assert "lapsed_license" in rows and "lapsed_license" not in page.split('id="annex"')[1]
    assert CHECKS["lapsed_license"] in page.split('id="annex"')[1] and "A (documented)" in page
