"""Strict reading: every word is understood or named, and a blank is never an answer."""

import doctest
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from scrapers import reading
from scrapers.reading import Labelled, Unreadable, definitions, meaning, one, text
from scrapers.records import Refused, Source, SourceUnreadable


def source(**said: object) -> Source:
    card = {"name": "maple", "title": "Maple", "kind": "insurer", "format": "cards", "start": (), "folder": Path()}
    return Source(**(card | said))  # type: ignore[arg-type]


def soup(html: str) -> Tag:
    return BeautifulSoup(html, "html.parser")


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(reading).failed == 0


def test_a_word_means_what_the_card_says_whatever_its_case_blanks_and_dashes() -> None:
    maple = source(words={"accepting": {"Yes - all": True, "No": False, "": None}, "network": {"CS": "Cascade Silver"}})
    assert meaning(maple, "accepting", "YES  –  ALL") is True
    assert meaning(maple, "accepting", "no") is False
    assert meaning(maple, "accepting", "") is None
    assert meaning(maple, "network", "cs") == "Cascade Silver"
    assert meaning(maple, "network", "") is None, "a blank the card does not map says nothing"
    assert meaning(maple, "specialty", "Massage") == "Massage", "a column without words means what it says"


def test_a_word_that_is_not_on_the_card_is_not_guessed() -> None:
    maple = source(words={"accepting": {"Yes": True, "No": False}})
    with pytest.raises(Unreadable, match="accepting says 'Waitlist'; the card knows 'Yes', 'No'; map it under `words:`"):
        meaning(maple, "accepting", "Waitlist")


def test_bytes_are_read_in_the_encoding_of_the_card_or_refused_by_position() -> None:
    assert reading.decoded("\ufeffNúñez".encode(), source()) == "Núñez"
    assert reading.decoded("Núñez".encode("latin-1"), source(options={"encoding": "latin-1"})) == "Núñez"
    with pytest.raises(SourceUnreadable, match=r"maple: byte 1 is not utf-8; .*`encoding: latin-1`"):
        reading.decoded("Núñez".encode("latin-1"), source())
    with pytest.raises(SourceUnreadable, match="say `encoding: utf-16`"):
        reading.decoded("Núñez".encode("utf-16"), source())


def test_the_head_of_a_body_may_end_within_a_character() -> None:
    assert reading.decoded("Nú".encode()[:2], source(), whole=False) == "N"
    with pytest.raises(SourceUnreadable):
        reading.decoded("Nú".encode()[:2], source())


def test_one_element_is_one() -> None:
    block = soup("<article><h3>Ada\n Reyes</h3><p>a</p><p>b</p></article>")
    assert text(one(block, "h3")) == "Ada Reyes"
    with pytest.raises(Unreadable, match="expected one 'p', found 2"):
        one(block, "p")
    with pytest.raises(Unreadable, match="expected one 'h4', found 0"):
        one(block, "h4")


def test_labels_pair_with_values_or_are_refused() -> None:
    assert definitions(soup("<dl><dt>Phone:</dt><dd> 206  555 0100 </dd></dl>")) == {"Phone": "206 555 0100"}
    for broken in ("<dt>Phone</dt>", "<dt>Phone</dt><dd>1</dd><dt>PHONE</dt><dd>2</dd>"):
        with pytest.raises(Unreadable, match="labels do not pair with values"):
            definitions(soup(f"<dl>{broken}</dl>"))


def test_every_label_is_taken_once_or_ignored() -> None:
    with (
        pytest.raises(Unreadable, match="not on the card: Telehealth only; map it or list it under `ignore`"),
        Labelled({"Telehealth only": "Yes"}),
    ):
        pass
    with Labelled({"Phone": "1", "Fax": "2"}, ignore=["fax"]) as said:
        assert said.take("PHONE") == "1"
        assert said.may_take("NPI") is None
        with pytest.raises(Unreadable, match="no 'Phone' here; untaken: nothing"):
            said.take("Phone")


def test_a_card_cannot_fill_a_field_twice() -> None:
    maple = source(options={"patterns": {"place": "(?P<city>.+), (?P<state>[A-Z]{2})"}})
    reading.check_names(maple, ["name", "place"], "columns")
    with pytest.raises(Refused, match="`columns` fills city twice; keep one of them"):
        reading.check_names(maple, ["name", "place", "city"], "columns")


def test_a_record_without_a_name_or_a_number_is_no_record() -> None:
    with pytest.raises(Unreadable, match="no name"):
        reading.record(source(), "e1", "block 1", {"name": " ", "city": "Yakima"})
    with pytest.raises(Unreadable, match="no license number"):
        reading.record(source(kind="license_roll"), "e1", "row 1", {"last": "Reyes"})
