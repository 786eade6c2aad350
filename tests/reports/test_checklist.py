"""The directory checklist: observed things with their pages, unseen things as questions, and rules only where their text was verified."""

from html.parser import HTMLParser

import pytest
import yaml

from pipelines import checklist, publication
from reports import editions
from reports.render import html
from scrapers import sources
from tests.reports.test_states import STATES, read
from tests.reports.world import ROOT, World, context, sha

WORDS = yaml.safe_load((ROOT / "reports" / "checklist" / "report.yml").read_text(encoding="utf-8"))
RULES = {rule["id"]: rule for card in ("us", "wa") for rule in read(STATES / f"{card}.yml")["rules"]}


def drawn(world: World) -> World:
    world.run()
    world.source("wa.cedar", "Cedar find care", surface="website", insurer_name="Cedar <Health>")
    world.source("wa.fern", "Fern pages saved", surface="saved_page", insurer_name="Fern Plan")
    for rule in RULES.values():
        row = {name: rule[name] for name in ("citation", "says", "source", "text_dated", "verified_on", "applies_to")}
        world.add("curated.rule", rule_id=rule["id"], state=rule["id"][:2].upper(), **row)
    page = sha("wa.cedar")[:20]
    for item, observed, said, evidence, excerpt in (
        ("no_login", "observed", "12 pages answered a visitor who had no account and gave no policy number.", page, None),
        ("report_error", "observed", "A way to report an error was seen.", page, "See <b>an error</b>? Tell us"),
        ("dated", "not observed", "A date that says how current it is was not seen on the 12 pages read of 12 kept.", None, None),
    ):
        row = {"item": item, "observed": observed, "said": said, "evidence_id": evidence, "excerpt": excerpt}
        world.add("curated.checklist", source_id="wa.cedar", snapshot_id="wa.cedar@2026-11-20", **row)
    told = {"observed": "not observable", "said": "The pages were saved by a person."}
    world.add("curated.checklist", source_id="wa.fern", snapshot_id="wa.fern@2026-11-20", item="no_login", **told)
    return world


class Form(HTMLParser):
    """The controls of a page and what each is called."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.controls: list[dict[str, str | None]] = []
        self.labelled = 0
        self.links: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("input", "textarea"):
            self.controls.append(dict(attrs))
        self.labelled += tag == "label"
        if tag == "a":
            self.links.append(dict(attrs).get("href"))


@pytest.fixture
def hollow() -> World:
    return drawn(World())


@pytest.fixture
def page(hollow: World) -> str:
    return html.page(editions.build("checklist", hollow.con, (), context()))


def test_each_website_has_every_question_with_boxes_and_a_place_to_sign(page: str) -> None:
    form = Form(page)
    radios = [each for each in form.controls if each.get("type") == "radio"]
    assert len(radios) == 2 * len(WORDS["items"]) * len(WORDS["answers"])
    assert len({each["name"] for each in radios}) == 2 * len(WORDS["items"])
    assert not [each for each in form.controls if "checked" in each or (each.get("value") and each.get("type") == "text")], (
        "nothing is filled in"
    )
    assert form.labelled == len(form.controls), "every box has its words"
    for words in ("Who looked, and when", "Cedar &lt;Health&gt;: Cedar find care", "Fern Plan: Fern pages saved", "DRAFT"):
        assert words in page


def test_what_was_observed_stands_beside_its_page_and_its_words(page: str) -> None:
    assert "https://directory.wa.cedar.example/find?profession=massage&page=1" in Form(page).links
    assert "See &lt;b&gt;an error&lt;/b&gt;? Tell us" in page and "<b>an error" not in page
    assert f"evidence {sha('wa.cedar')[:20]}" in page


def test_what_was_not_seen_is_never_missing(page: str) -> None:
    assert "Not seen on the pages kept.</strong> A date that says how current it is was not seen on the 12 pages read of 12 kept." in page
    assert "Such pages cannot show it.</strong> The pages were saved by a person." in page
    assert page.count("For a person to see.") == 2 * len(WORDS["items"]) - 4
    assert "missing" not in page.replace(WORDS["items"]["dated"]["hint"], "")


def test_rules_are_printed_as_law_only_where_their_text_was_verified(hollow: World, page: str) -> None:
    assert "<strong>WAC 284-170-260(4)(a)</strong> (text of 2021): The directory includes clear instructions" in page
    assert WORDS["unverified"] not in page
    hollow.con.execute("update curated.rule set verified_on = null where rule_id = 'wa.wac_284_170_260.report_inaccuracies'")
    again = html.page(editions.build("checklist", hollow.con, (), context()))
    assert "WAC 284-170-260(4)(a)" not in again
    assert again.count(WORDS["unverified"]) == 2  # one question, two websites
    hollow.con.execute("update curated.run set state = 'OR'")
    assert "WAC" not in html.page(editions.build("checklist", hollow.con, (), context()))


def test_items_rules_and_observations_are_the_same_everywhere() -> None:
    named = {rule for item in WORDS["items"].values() for rule in item["rules"]}
    assert named <= set(RULES)
    observed: set[str] = {"no_login", "networks_named", "specialty", "required_fields", *checklist.PHRASES}
    assert observed <= set(WORDS["items"])
    assert set(WORDS["observed"]) == {checklist.OBSERVED, checklist.UNSEEN, checklist.UNOBSERVABLE, "by_person"}


def test_it_is_no_edition_that_is_sent() -> None:
    assert "checklist" in editions.editions() and "checklist" in publication.CHECKERS
    assert "checklist" not in sources.READERS, "an audit card cannot ask for it"


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("report_error", "Found an error in this listing? Please let us know."),
        ("report_error", "To report inaccurate information call 1-800-555-0100"),
        ("report_error", "If this is out of date, contact us"),
        ("provider_changes", "Providers: sign in to update your directory information"),
        ("dated", "Directory last updated November 3, 2026"),
        ("dated", "Information is accurate as of 11/03/2026."),
        ("dated", "Refreshed: 2026-11-03"),
        ("dated", "Data current as of Nov 2026"),
    ],
)
def test_words_that_are_recognised(item: str, said: str) -> None:
    assert checklist.PHRASES[item][1].search(said)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("report_error", "The plan is not responsible for errors or inaccurate information."),
        ("report_error", "Annual report to members"),
        ("provider_changes", "Update your own profile, members!"),
        ("dated", "Copyright 2026"),
        ("dated", "Updated monthly"),
        ("dated", "Office founded 11/03/1996"),
    ],
)
def test_words_that_say_something_else(item: str, said: str) -> None:
    assert not checklist.PHRASES[item][1].search(said)
