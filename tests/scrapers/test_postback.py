"""ASP.NET post-backs: every choice of a form is asked for once and every page of its results read; an error page is never "no results"."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scrapers import sources
from scrapers.blobs import read
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.formats import cards
from scrapers.records import Evidence, Listing, Refused, Source, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers.reads import card, page
from tests.scrapers.webforms import BOX, Directory, opened, sealed

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
HELD = {("5", "12"): ["Ada Reyes", "Bo Lind", "Cy Moe", "Di Vos", "Ed Wu"], ("5", "13"): ["Flo Abt", "Ada Reyes"], ("6", "14"): []}
CARD = """
title: Wren
kind: insurer
surface: website
format: cards
start: {start}
network: Wren Basic
visit: {{pause_seconds: 0, at_most_pages: 40}}
cards: {{block: .card, {count}next: '{next}', fields: {{name: b}}}}
postback:
  form: '#aspnetForm'
  choose: {choose}
  submit: btnSearch
  none: No providers were found
"""
NEXT = "a:-soup-contains(Next)"
COUNT = "count: '#n', "


def wren(folder: Path, start: str, *, choose: str = "{ddlCategory: all, ddlArea: all}", next: str = NEXT, count: str = COUNT) -> Source:
    return card(folder, CARD.format(start=start, choose=choose, next=next, count=count), "wren")


def visited(source: Source, folder: Path) -> list[Evidence]:
    archive = Archive(folder / "raw")
    with Client("tests@example.org") as client:
        (snapshot,) = visit(source, sources.format_of(source), archive, client, NOW)
    return [replace(each, body=read(each)) for each in archive.evidence(snapshot)]


def listed(pages: list[Evidence], source: Source) -> dict[str, list[str | None]]:
    """Label → the names on that page, of the pages that name somebody."""
    fresh = cards.once(source)
    found = {urlsplit(each.url).fragment: list(fresh(each, cards.parse(each, source))) for each in pages}
    return {label: [each.name for each in records if isinstance(each, Listing)] for label, records in found.items() if records}


@pytest.mark.parametrize(
    ("pager", "next_"), [("next", NEXT), ("numbers", 'a[href*="Page$"]'), ("button", "input[value=Next]"), ("next", f"{NEXT}, a[disabled]")]
)
def test_every_choice_is_asked_for_once_and_every_page_read(pager: str, next_: str, tmp_path: Path) -> None:
    with opened(Directory(HELD, pager=pager)) as site:
        source = wren(tmp_path, site.url, next=next_, count="" if pager == "button" else COUNT)
        pages = visited(source, tmp_path)
    assert [urlsplit(each.url).fragment for each in pages] == [
        "",
        "ddlCategory=5",
        "ddlCategory=5, ddlArea=12, page 1",
        "ddlCategory=5, ddlArea=12, page 2",
        "ddlCategory=5, ddlArea=12, page 3",
        "ddlCategory=5, ddlArea=13, page 1",
        "ddlCategory=6",
        "ddlCategory=6, ddlArea=14, page 1",
    ]
    assert len(site.asked) == 7
    assert listed(pages, source) == {
        "ddlCategory=5, ddlArea=12, page 1": ["Ada Reyes", "Bo Lind"],
        "ddlCategory=5, ddlArea=12, page 2": ["Cy Moe", "Di Vos"],
        "ddlCategory=5, ddlArea=12, page 3": ["Ed Wu"],
        "ddlCategory=5, ddlArea=13, page 1": ["Flo Abt"],  # who is shown under two areas is one listing
    }


def test_a_browser_sends_what_stands_in_the_form_and_the_button_that_was_pressed(tmp_path: Path) -> None:
    with opened(Directory(HELD)) as site:
        visited(wren(tmp_path, site.url, choose="{ddlCategory: ['6'], ddlArea: Clark}"), tmp_path)
    chosen, searched = site.asked
    assert chosen["__EVENTTARGET"] == f"{BOX}ddlCategory"
    assert f"{BOX}btnSearch" not in chosen
    assert searched == {
        "__VIEWSTATE": sealed({"category": "6"}),
        "__EVENTVALIDATION": "valid",
        "__EVENTTARGET": "",
        "__EVENTARGUMENT": "",
        f"{BOX}txtName": "",
        f"{BOX}ddlCategory": "6",
        f"{BOX}ddlArea": "14",
        f"{BOX}btnSearch": "Search",
    }


def test_a_visit_that_was_killed_goes_on_with_the_form_it_kept(tmp_path: Path) -> None:
    with opened(Directory(HELD)) as site:
        source = wren(tmp_path, site.url)
        with pytest.raises(SourceUnreadable, match="at_most_pages"):
            visited(replace(source, visit={"pause_seconds": 0, "at_most_pages": 4}), tmp_path)
        before = len(site.asked)
        assert len(visited(source, tmp_path)) == 8
        assert len(site.asked) == 7 > before


@pytest.mark.parametrize(
    ("site", "asked", "failure", "says"),
    [
        ({"fault": "expires"}, {}, "partial", "neither results nor that there are none: .*The state information is invalid"),
        ({"fault": "validates"}, {}, "changed_shape", "neither results nor that there are none: .*Please enter the letters"),
        ({"fault": "stays"}, {}, "partial", "shows 2 of 5 results, which page 3 must have ended; the site did not turn the page"),
        ({"fault": "stays", "pager": "numbers"}, {"next": 'a[href*="Page$"]'}, "partial", "offers to go to page 2: the site did not turn"),
        ({"fault": "hides"}, {}, "partial", "ddlCategory=5, ddlArea=12, page 1 states 6 listings, its pages show 5"),
        (
            {},
            {"choose": "{ddlCategory: [Massage]}"},
            "changed_shape",
            "ddlCategory does not offer 'Massage'; did you mean 'Massage therapy'",
        ),
        ({}, {"choose": "{ddlCatgory: all}"}, "changed_shape", "0 controls called 'ddlCatgory', expected one; did you mean 'ddlCategory'"),
        ({}, {"choose": "{ddlArea: all}"}, "changed_shape", "ddlArea offers nothing"),
        ({"pager": "numbers"}, {"next": "a"}, None, ""),
        ({"pager": "numbers"}, {"next": "#aspnetForm > span"}, "partial", "states 5 listings, its pages show 2"),
    ],
)
def test_a_form_that_does_not_answer_as_it_should_is_a_failure_of_its_class(
    site: dict[str, Any], asked: dict[str, str], failure: str | None, says: str, tmp_path: Path
) -> None:
    with opened(Directory(HELD, **site)) as directory:
        source = wren(tmp_path, directory.url, **asked)
        if failure is None:
            assert len(visited(source, tmp_path)) == 8
            return
        with pytest.raises(SourceUnreadable, match=says) as caught:
            visited(source, tmp_path)
    assert caught.value.failure == failure


FORM = """<html><form id="aspnetForm" method="post"><input type="hidden" name="__VIEWSTATE" value="x">
<select name="a$ddlArea" onchange="__doPostBack('a$ddlArea','')">{options}</select>{more}</form></html>"""


def asks(source: Source, body: str, label: str = "") -> list[tuple[str, dict[str, str]]]:
    found = cards.follow(page(body, f"https://wren.example/find.aspx{'#' if label else ''}{label}"), source)
    return [(each.label, dict(each.form or {})) for each in found]


def test_a_dropdown_that_sends_the_form_itself_needs_no_button(tmp_path: Path) -> None:
    text = CARD.format(start="https://wren.example/find.aspx", choose="{ddlArea: all}", next=NEXT, count="").replace(
        "  submit: btnSearch\n", ""
    )
    (asked,) = asks(card(tmp_path, text, "wren"), FORM.format(options="<option value=''>Choose<option value='a, b=c'>One", more=""))
    assert asked[0] == "ddlArea=a%2C b%3Dc, page 1"
    assert (asked[1]["__EVENTTARGET"], asked[1]["a$ddlArea"]) == ("a$ddlArea", "a, b=c")


def test_a_link_with_validation_options_is_read_off_too(tmp_path: Path) -> None:
    source = wren(tmp_path, "https://wren.example/find.aspx", count="")
    program = 'WebForm_DoPostBackWithOptions(new WebForm_PostBackOptions("a$next", "7", true, "", "", false, true))'
    link = f"<a href='javascript:{program}'>Next</a>"
    (asked,) = asks(source, FORM.format(options="", more=f"<div class=card><b>Ada Reyes</b></div>{link}"), "ddlArea=1, page 4")
    assert asked[0] == "ddlArea=1, page 5"
    assert (asked[1]["__EVENTTARGET"], asked[1]["__EVENTARGUMENT"]) == ("a$next", "7")


@pytest.mark.parametrize(
    ("body", "label", "says"),
    [
        (FORM.format(options="<option value=0>All areas<option value=1>North", more=""), "", "offers 'All areas' beside its parts"),
        ("<html><form id=aspnetForm></form></html>", "", "has 0 forms '#aspnetForm' that carry a view state"),
        (FORM.format(options="", more="<div class=card><b>x</b></div><a href=/two>Next</a>"), "page 1", "is no post-back"),
        (
            FORM.format(
                options="",
                more="<div class=card><b>x</b></div>"
                + "".join(f"<a href=\"javascript:__doPostBack('{each}','')\">Next</a>" for each in "ab"),
            ),
            "page 1",
            "is not one page: a ; b",
        ),
    ],
)
def test_what_the_card_does_not_foresee_is_said(body: str, label: str, says: str, tmp_path: Path) -> None:
    source = wren(tmp_path, "https://wren.example/find.aspx", choose="{ddlArea: all}", count="")
    with pytest.raises(SourceUnreadable) as caught:
        asks(source, body, label)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("postback: {submit: go, non: x}", "did you mean 'none'?"),
        ("postback: {none: x}", "says neither what to `choose` nor what to `submit`"),
        ("postback: {submit: go}", "a page without results must say so itself"),
        ("postback: {choose: {a: 5}, none: x}", "expected a list of texts"),
        ("lines: [{name: x}]\npostback: {submit: go, none: x}", "and not both"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(line: str, says: str, tmp_path: Path) -> None:
    text = CARD.format(start="https://wren.example/", choose="", next=NEXT, count="").partition("postback:")[0] + line
    with pytest.raises(Refused) as caught:
        card(tmp_path, text, "wren")
    assert says in str(caught.value)
