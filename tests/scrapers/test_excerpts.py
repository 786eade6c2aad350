"""The bytes of a record are found where they stand, and not claimed where they cannot be shown."""

import json
from datetime import date
from pathlib import Path

import pytest

from scrapers.excerpts import Wanted, cut
from scrapers.records import Source


def source(**options: object) -> Source:
    return Source(name="s", title="", kind="insurer", format="cards", start=(), folder=Path(), options=dict(options))


def found(body: bytes, locator: str, said: dict[str, str | date], strong: tuple[str, ...], **options: object) -> dict[str, bytes] | None:
    """The values cut for one record, each checked to stand in the body where it is said to."""
    excerpt = cut(body, source(**options), {"x": Wanted(locator, said, strong)}).get("x")
    if excerpt is None:
        return None
    assert excerpt.whole == body[slice(*excerpt.part)]
    for first, value in excerpt.values.values():
        assert body[first : first + len(value)] == value and excerpt.part[0] <= first < excerpt.part[1]
    return {name: value for name, (_, value) in excerpt.values.items()}


PAGE = b"""<!doctype html><main>
<!-- <article class="card"> -->
<article class="card wide" data-ref="A1"><h3>Ann  O&#x27;Lee</h3><p>Spokane, 99201</p><article><b>Inner</b></article></article>
<article class=card><h3>Ann O'Lee &amp; Sons</h3><p>Yakima</p><p>License MA60000002</article>
</main>"""


def test_blocks_of_a_page() -> None:
    card = {"block": "main > article.card"}
    assert found(PAGE, "block 1", {"name": "Ann O'Lee", "reference": "A1", "zip": "99201"}, ("reference",), cards=card) == {
        "name": b"Ann  O&#x27;Lee",
        "reference": b"A1",
        "zip": b"99201",
    }
    said: dict[str, str | date] = {"name": "Ann O'Lee & Sons", "license": "MA60000002"}
    assert found(PAGE, "block 2", said, ("license",), cards=card) == {"name": b"Ann O'Lee &amp; Sons", "license": b"MA60000002"}
    assert found(PAGE, "block 1", {"license": "MA60000009"}, ("license",), cards=card) is None


@pytest.mark.parametrize(("first", "locator"), [("", "row 2"), ("Roll of today\n\n", "row 2"), ("", "row 1")])
def test_rows_of_a_table_wherever_its_header_stands(first: str, locator: str) -> None:
    """A row that is not where it was counted is found by its number, where that is the row's alone."""
    body = f'{first}number,last,expires,born\nMA1,"Ray, ""R""",04/07/2026,1970\nMA2,"Lee\nJr",20260407,1980\n'.encode()
    said: dict[str, str | date] = {"number": "MA2", "last": "Lee", "expires": date(2026, 4, 7)}
    assert found(body, locator, said, ("number",)) == {"number": b"MA2", "last": b"Lee", "expires": b"20260407"}
    assert found(body, "row 1", {"number": "MA1", "last": 'Ray, "R"'}, ("number", "last")) == {"number": b"MA1", "last": b'Ray, ""R""'}


def test_a_number_is_not_found_in_a_longer_one() -> None:
    body = b"number\nMA600000021\nMA60000002\n"
    assert found(body, "row 1", {"number": "MA60000002"}, ("number",)) == {"number": b"MA60000002"}
    assert found(b"number\nMA600000021\n", "row 1", {"number": "MA60000002"}, ("number",)) is None


def test_of_two_rows_that_could_be_meant_neither_is() -> None:
    body = b"number,city\nMA2,Spokane\nMA2,Yakima\n"
    assert found(body, "row 9", {"number": "MA2"}, ("number",)) is None


def test_records_of_json_and_lines_of_text() -> None:
    people = [{"npi": "2916873203", "name": "Zoë"}, {"npi": "2922724051", "name": 'Bo "B"'}]
    for body in (json.dumps(people).encode(), json.dumps({"providers": people}, ensure_ascii=False, indent=1).encode()):
        said: dict[str, str | date] = {"npi": "2916873203", "name": "Zoë"}
        assert found(body, "record 1 address 1 network N", said, ("npi",)) == {
            "npi": b"2916873203",
            "name": json.dumps("Zoë").strip('"').encode() if body.isascii() else "Zoë".encode(),
        }
        assert found(body, "record 2 address 1", {"npi": "2922724051"}, ("npi",)) == {"npi": b"2922724051"}
    text = b"Ann Lee\r\nSpokane\r\n\r\nBo Ray\r\nYakima\r\n"
    assert found(text, "line 4", {"family": "Ray", "city": "Yakima"}, ("family",)) == {"family": b"Ray", "city": b"Yakima"}
    assert found(text, "line 1", {"family": "Lee", "city": "Yakima"}, ("family", "city")) is None


@pytest.mark.parametrize("body", [b"PK\x03\x04 MA2", b"%PDF-1.7 MA2", b"", b'"' * 1001 + b"\nMA2", b"[" * 100_000, b"\xff\xfeM\0A\0002\0"])
def test_what_cannot_be_cut_is_not(body: bytes) -> None:
    for locator in ("row 1", "record 1", "block 1", "Role/17", "page"):
        assert found(body, locator, {"number": "MA3"}, ("number",), cards={"block": "p"}) is None
    assert found(b"MA3", "row 1", {"city": "Spokane"}, ()) is None  # nothing proves it
