"""Repeated blocks in HTML or text: every word of a block is a field, is ignored by name, or makes the block a Problem."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from scrapers import sources
from scrapers.records import Listing, Problem, Refused, Source, SourceUnreadable
from tests.scrapers.reads import SHARED, card, page

HTML = """
title: Maple
kind: insurer
format: cards
start: "https://maple.example/find?page=1"
cards:
  block: article
  next: a[rel=next]
  labels: dl
  count: .count
  fields: {name: h3, reference: "@data-ref", npi: "a.npi @data-npi", "suffix?": small}
  ignore: .distance
columns: {phone: Phone, network: Plan}
ignore: [Languages, Get directions]
"""
TEXT = r"""
title: Fern
kind: insurer
format: cards
start: saved/*.txt
network: Fern Basic
lines:
  - name: '.+'
  - organization?: '.+'
  - address: '.+'
  - place: '(?P<city>.+?), (?P<state>[A-Z]{2}) (?P<zip>\d{5})'
  - phone?: '\(\d{3}\) \d{3}-\d{4}'
  - specialty?: 'Specialty: (?P<specialty>.+)'
  - ignore?: 'Get directions .*'
  - accepting?: 'Self-restricted provider not accepting new patients'
words: {accepting: {Self-restricted provider not accepting new patients: false}}
"""


def article(
    inside: str = "", name: str = "Ada Reyes", facts: str = "<dt>Phone</dt><dd>509 555 0100</dd><dt>Plan</dt><dd>Silver</dd>"
) -> str:
    return f'<article data-ref="M-1"><h3>{name}</h3><a class="npi" data-npi="1234567893"></a>{inside}<dl>{facts}</dl></article>'


def read(source: Source, body: str | bytes) -> list[Listing | Problem]:
    return list(sources.format_of(source).parse(page(body), source))


def reasons(source: Source, body: str) -> list[str]:
    return [each.reason for each in read(source, body) if isinstance(each, Problem)]


@pytest.fixture
def maple(tmp_path: Path) -> Source:
    return card(tmp_path, HTML)


@pytest.fixture
def fern(tmp_path: Path) -> Source:
    return card(tmp_path, TEXT)


# HTML ------------------------------------------------------------------------------------------------------------


def test_a_block_is_a_listing(maple: Source) -> None:
    inside = '<small>LMT</small><p class="distance">3.2 miles</p><a href="/map">Get directions</a><script>track()</script>'
    assert read(maple, article(inside)) == [
        Listing(
            evidence_id="e1",
            locator="block 1",
            reference="M-1",
            name="Ada Reyes",
            suffix="LMT",
            npi="1234567893",
            phone="509 555 0100",
            network="Silver",
        )
    ]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (article("<p>Not accepting patients</p>"), "not on the card: Not accepting patients; map it or list it under `ignore`"),
        (article(facts="<dt>Telehealth only</dt><dd>Yes</dd>"), "not on the card: Telehealth only; map it or list it under `ignore`"),
        (article("<h3>Bo Holm</h3>"), "expected one 'h3', found 2"),
        (article(name=" "), "no name"),
        (article().replace(' data-ref="M-1"', ""), "<article> has no data-ref"),
        (article(facts="<dt>Phone</dt>"), "labels do not pair with values: Phone"),
    ],
)
def test_what_the_card_does_not_know_makes_the_block_a_problem_and_the_next_is_read(maple: Source, block: str, reason: str) -> None:
    wrong, right = read(maple, block + article())
    assert isinstance(wrong, Problem)
    assert (wrong.reason, wrong.locator) == (reason, "block 1")
    assert isinstance(right, Listing)
    assert right.locator == "block 2"


def test_a_cell_is_inert_text(maple: Source) -> None:
    (listing,) = read(maple, article(name="&lt;script&gt;alert(1)&lt;/script&gt; =cmd|' /C calc'!A0"))
    assert isinstance(listing, Listing)
    assert listing.name == "<script>alert(1)</script> =cmd|' /C calc'!A0"


def test_a_card_within_a_card_is_not_read(maple: Source) -> None:
    assert reasons(maple, f"<article>{article()}</article>") == ["a card within a card; correct `cards:` `block:`"]
    assert len(reasons(maple, "<article>" * 2000)) == 1, "and a page cannot hold the reader up with it"
    deep, listing = read(maple, article("<div>" * 5000 + "deep" + "</div>" * 5000) + article())
    assert isinstance(deep, Problem)
    assert isinstance(listing, Listing)


def test_a_page_without_cards_is_a_problem_unless_it_says_there_are_none(maple: Source) -> None:
    assert reasons(maple, "<h1>One moment</h1><p>We are checking that you are human.</p>") == ["no provider cards on this page"]
    assert read(maple, '<p class="count">0 results</p>') == []


def test_the_next_page_is_the_one_the_page_links_to(maple: Source) -> None:
    follow = sources.format_of(maple).follow
    assert [each.url for each in follow(page('<a rel="next" href="?page=2#top">Next</a>' * 2), maple)] == [
        "https://directory.example/providers?page=2"
    ]
    assert follow(page("<p>the last page</p>"), maple) == []
    assert follow(page('<a rel="next" href="#">Next</a>'), maple) == [], "a link that is switched off leads nowhere"
    for links in ('<a rel="next" href="?page=2">2</a><a rel="next" href="?page=3">3</a>', '<a rel="next" href="javascript:go()">Next</a>'):
        with pytest.raises(SourceUnreadable, match="is not one page"):
            follow(page(links), maple)


def pages(counts: Sequence[int], stated: str) -> list[object]:
    """The pages of one search, each with so many cards, every one saying how many there are."""
    return [
        page(
            f'<p class="count">{stated}</p>'
            + article() * count
            + (f'<a rel="next" href="?page={number + 1}">Next</a>' if number < len(counts) else ""),
            f"https://maple.example/find?page={number}",
        )
        for number, count in enumerate(counts, 1)
    ]


def test_a_visit_is_whole_when_the_pages_show_what_the_site_states(maple: Source) -> None:
    complete = sources.format_of(maple).complete
    assert complete(pages([3, 3, 1], "7 providers near you"), maple) is None
    assert complete(pages([3, 3], "7 providers"), maple) == "https://maple.example/find?page=1 states 7 listings, its 2 pages show 6"
    assert complete(pages([1], "1,204 providers"), maple) == "https://maple.example/find?page=1 states 1204 listings, its 1 pages show 1"
    assert complete(pages([1], "some providers"), maple) == (
        "https://maple.example/find?page=1 does not state how many listings there are; expected a number at '.count'"
    )


def test_another_encoding_is_read_when_the_card_says_so(tmp_path: Path) -> None:
    body = article(name="Núñez").encode("latin-1")
    with pytest.raises(SourceUnreadable, match=r"byte \d+ is not utf-8"):
        read(card(tmp_path, HTML), body)
    (listing,) = read(card(tmp_path, HTML + "encoding: latin-1\n"), body)
    assert isinstance(listing, Listing)
    assert listing.name == "Núñez"


# Text ------------------------------------------------------------------------------------------------------------

ADA = "REYES ADA M\nSELAH SPA\n7 BIRCH AVE\nSELAH,  WA     98942\n(509) 555-0100\nSpecialty: MASSAGE\n"
BO = "HOLM BO\n9 ELM ST\nYAKIMA, WA 98901\n"


def test_blocks_of_lines_are_listings_whatever_the_whitespace(fern: Source) -> None:
    body = "\n" + ADA.replace("\n", "\r\n") + "\t\t\t\t\n" + BO + "\n\n" + BO + "Self-restricted provider not accepting new patients"
    ada, bo, closed = read(fern, body)
    assert ada == Listing(
        evidence_id="e1",
        locator="line 2",
        name="REYES ADA M",
        organization="SELAH SPA",
        address="7 BIRCH AVE",
        city="SELAH",
        state="WA",
        zip="98942",
        phone="(509) 555-0100",
        specialty="MASSAGE",
        network="Fern Basic",
    )
    assert isinstance(bo, Listing)
    assert (bo.name, bo.organization, bo.address, bo.phone, bo.accepting, bo.locator) == ("HOLM BO", None, "9 ELM ST", None, None, "line 9")
    assert isinstance(closed, Listing)
    assert closed.accepting is False


def test_listings_glued_together_are_told_apart(fern: Source) -> None:
    listings = read(fern, BO + ADA + "Get directions (4 miles)\n" + ADA + BO)
    assert [each.name for each in listings if isinstance(each, Listing)] == ["HOLM BO", "REYES ADA M", "REYES ADA M", "HOLM BO"]


def test_a_practice_that_ends_like_a_place_is_no_place(fern: Source) -> None:
    (listing,) = read(fern, "SELAH SPA\nOF YAKIMA, PA\n9 ELM ST\nYAKIMA, WA 98901\n")
    assert isinstance(listing, Listing)
    assert (listing.name, listing.organization, listing.city) == ("SELAH SPA", "OF YAKIMA, PA", "YAKIMA")


def test_a_line_no_rule_fits_makes_the_rest_of_its_block_a_problem(fern: Source) -> None:
    ada, wrong, bo = read(fern, ADA + "Telehealth only\nNO FIXED PLACE\n\n" + BO)
    assert isinstance(ada, Listing)
    assert isinstance(bo, Listing)
    assert isinstance(wrong, Problem)
    assert (wrong.locator, wrong.reason, wrong.excerpt) == (
        "line 7",
        "no rule of the card fits what stands here",
        "Telehealth only / NO FIXED PLACE",
    )


def test_a_page_of_no_listings_is_a_problem(fern: Source) -> None:
    assert reasons(fern, " \n\t\n") == ["no provider cards on this page"]
    assert len(reasons(fern, "We are checking that you are human.")) == 2


def test_a_hostile_line_cannot_hold_the_reader_up(tmp_path: Path) -> None:
    slow = card(tmp_path, TEXT.replace("- name: '.+'", "- name: '(?P<name>.*a.*a.*a.*b)'"))
    assert reasons(slow, "a" * 100_000 + "\n" + "aaaa" * 20)[0] == "no rule of the card fits what stands here"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("- address:", "- adress:", "`lines` fills 'adress', which is no field of ours; did you mean 'address'?"),
        ("- address:", "- name:", "`lines` fills name twice"),
        ("(?P<city>", "(", "expected every group to be named"),
        ("(?P<city>.+?)", "(?P<city>(.+)+)", "repeats a repetition"),
        ("(?P<city>", "(?P<town>", "fills 'town'"),
        ("words:", "ignore: []\n#", "fills accepting; say what its words mean"),
        ("format: cards", "format: cards\ncards: {block: article}", "and not both"),
    ],
)
def test_a_bad_line_rule_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        card(tmp_path, TEXT.replace(old, new))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("block: article", "blok: article", "'blok' is not a key here; did you mean 'block'?"),
        ("block: article", "block: 'article['", "`block`: 'article[' is no selector"),
        ("name: h3", "nmae: h3", "fills 'nmae', which is no field of ours; did you mean 'name'?"),
        ("name: h3", "name: 3", "`name` is 3; expected text"),
        ("  labels: dl\n", "", "`labels` does not say where they are"),
        ("phone: Phone", "name: Name", "fills name twice"),
    ],
)
def test_a_bad_layout_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        card(tmp_path, HTML.replace(old, new))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("aes_2018-03_acupuncture_acupuncture_services.txt", 370),
        ("lynzt_2018-04_Acupuncture_Acupuncture_Services.txt", 371),
        ("aes_2018-03_chiropractic_services_chiropractic_services.txt", 2268),
        ("lynzt_2018-04_Chiropractic_Services_Chiropractic.txt", 2272),
    ],
)
def test_two_captures_of_a_real_directory_are_read_whole(fern: Source, name: str, count: int) -> None:
    sample = SHARED / "data/directories/mn-mhcp" / name
    if not sample.exists():
        pytest.skip("the real samples are not part of the project")
    records = read(fern, sample.read_bytes())
    assert not [each for each in records if isinstance(each, Problem)]
    assert len(records) == count
    assert sum(each.accepting is False for each in records if isinstance(each, Listing)) == 1
