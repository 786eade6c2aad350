"""One insurer's website beside its API: what they say of the same people, what the website lets anybody see, and what may be cited."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scrapers.site import Reply, served
from tests.story.command import published, rollcall, rows
from tests.story.test_county import CEDAR, EVERGREEN, ROLL, as_csv, as_page

AUDIT = """
title: Massage therapists in Hollow County
state: WA
profession: massage_therapist
roll: ./roll.yml
insurers: [./cedar.yml, ./cedar_api.yml]
publish: [commissioner]
"""
# the same insurer, and the same network
API = EVERGREEN.replace("Evergreen Mutual, a list to download", "Cedar Health, for programs").replace("Evergreen Mutual", "Cedar Health")
API = API.replace("surface: file", "surface: api").replace("network: Silver", "network: Gold")
ON_THE_ROLL = """
    Number     | First | Last      | Type                      | Status  | Expires
    MA00000001 | Rowan | Ashdale   | Massage Therapist License | ACTIVE  | 20990630
    MA00000002 | Ida   | Birkeland | Massage Therapist License | EXPIRED | 20201231
    MA00000003 | Mei   | Calloway  | Massage Therapist License | EXPIRED | 20201231
"""
ON_THE_PAGE = """
    id   | name          | License    | Street   | Town         | Telephone
    c101 | Rowan Ashdale | MA00000001 | 7 Oak St | Hollow 98402 | 253-555-0104
    c102 | Ida Birkeland | MA00000002 | 3 Oak St | Hollow 98402 | 253-555-0102
    c103 | Gale Hartwin  |            | 8 Oak St | Hollow 98402 | 253-555-0108
"""
IN_THE_API = """
    Provider      | License    | Street   | City   | Zip   | Phone
    Rowan Ashdale | MA00000001 | 7 Oak St | Hollow | 98402 | 253-555-0199
    Ida Birkeland | MA00000002 | 3 Oak St | Hollow | 98402 | 253-555-0102
    Mei Calloway  | MA00000003 | 5 Oak St | Hollow | 98402 | 253-555-0103
"""
FOOT = "<footer>Found an error? <a href='/report'>Let us know</a>. Updated November 3, 2026.</footer>"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The published database."""
    folder = tmp_path_factory.mktemp("two")
    shown = as_page(ON_THE_PAGE)
    answers = {
        "/roll.csv": as_csv(ON_THE_ROLL),
        "/directory.csv": as_csv(IN_THE_API),
        "/find-care": Reply(body=shown.body + FOOT.encode(), headers=shown.headers),
    }
    with served(answers) as site:
        for name, card in {"roll": ROLL, "cedar": CEDAR, "cedar_api": API}.items():
            (folder / f"{name}.yml").write_text(card.format(url=site.url), encoding="utf-8")
        (folder / "hollow.yml").write_text(AUDIT, encoding="utf-8")
        done = rollcall("run", folder / "hollow.yml", "--data", folder / "data")
        assert done.status == 0, done.err
        yield published(folder / "data", "hollow")


def test_where_the_two_disagree(run: Path) -> None:
    said = rows(
        run,
        "select name_raw, listing.source_id, tier, sentence, rule_ids from matching.finding join curated.listing using (listing_id) "
        "where check_name = 'surfaces_disagree' order by 1",
    )
    assert [(name, source, tier) for name, source, tier, *_ in said] == [
        ("Gale Hartwin", "cedar", "C"), ("Mei Calloway", "cedar_api", "C"), ("Rowan Ashdale", "cedar", "B"),
    ]  # fmt: skip
    told = {str(name): str(sentence) for name, _, _, sentence, _ in said}
    assert "the telephone number differs from the insurer's API" in told["Rowan Ashdale"]
    assert "the insurer's website of" in told["Mei Calloway"] and "was not seen to show it" in told["Mei Calloway"]
    assert not [rules for *_, rules in said if rules], "no rule says which of the two is right"


def test_only_the_website_is_held_against_rules_about_the_website(run: Path) -> None:
    said = rows(
        run,
        "select name_raw, listing.source_id, website, list_contains(rule_ids, 'us.acas_directory_accurate'), note "
        "from matching.finding join curated.listing using (listing_id) join matching.confirmation using (finding_id) "
        "where check_name = 'lapsed_license' order by 1, 2",
    )
    assert [row[:4] for row in said] == [
        ("Ida Birkeland", "cedar", "not needed", True),
        ("Ida Birkeland", "cedar_api", "confirmed", False),
        ("Mei Calloway", "cedar_api", "not seen", False),
    ]
    page = (run.parent / run.stem.removeprefix("audit-") / "commissioner.html").read_text(encoding="utf-8")
    for _, _, website, _, note in said:
        assert website == "not needed" or str(note).split("'")[0] in page


def test_the_share_confirmed_is_a_measure(run: Path) -> None:
    said = "select numerator, denominator, value from reports.measure where name = 'website.confirmed' and scope = 'cedar_api'"
    assert rows(run, said) == [(1, 3, None)]  # Birkeland's license; neither Calloway's nor that she stands in the API alone


def test_what_the_website_lets_anybody_see(run: Path) -> None:
    said = rows(run, "select item, observed, excerpt from curated.checklist order by item")
    assert [(item, observed) for item, observed, _ in said] == [
        ("dated", "observed"),
        ("networks_named", "not observed"),  # our card had to say Gold
        ("no_login", "observed"),
        ("provider_changes", "not observed"),
        ("report_error", "observed"),
        ("required_fields", "not observed"),
        ("specialty", "not observed"),
    ]
    words = {item: excerpt for item, _, excerpt in said}
    assert (words["report_error"], words["dated"]) == ("error? Let us know", "Updated November 3, 2026")
    page = (run.parent / run.stem.removeprefix("audit-") / "checklist.html").read_text(encoding="utf-8")
    assert page.count('class="website"') == 1 and "Cedar Health, a page to look at" in page
    assert "WAC 284-170-260(4)(a)" in page and "DRAFT" in page
    assert rows(run, "select distinct source_id from curated.checklist") == [("cedar",)], "an API is no website"
