"""Pages of a real site become examples that name nobody real: asked for politely, cut down, disguised, and read as before."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines import recording
from scrapers import examples, sources
from scrapers.records import Refused
from tests.scrapers.reads import card
from tests.scrapers.site import Reply, Site, page, served
from tests.story.command import rollcall

CARD = """
title: Evergreen
kind: insurer
format: cards
start: {start}
cards: {{block: article, next: "a[rel=next]", fields: {{name: h3, "phone?": .phone, "organization?": .at, "reference?": "@data-ref"}}}}
visit: {{pause_seconds: 0}}
"""
# People invented for this test, who stand for real ones: nothing of them may be left.
PEOPLE = [("Zebulon Quackenbush, LMT", "(206) 862-4417"), ("Dr. Philippa O'Mulrooney", "425.862.9921"), ("Zebulon Truitt", "2068624417")]


def block(name: str, phone: str, number: int) -> str:
    return (
        f'<article data-ref="PRV-77310{number}" style="color:red" onclick="go()"><h3>{name}</h3>'
        f'<span class="phone">{phone}</span><span class="at">Quackenbush  Bodywork\n PLLC</span></article>'
    )


def directory(people: list[tuple[str, str]], after: str = "") -> Reply:
    blocks = "".join(block(name, phone, number) for number, (name, phone) in enumerate(people))
    link = f'<a rel="next" href="{after}" title="as Zebulon Quackenbush">Next</a>' if after else ""
    head = "<title>Evergreen</title><script>track('quackenbush')</script><!-- made for quackenbush@mail.example -->"
    foot = '<article data-ref="PRV-9"><h3>Write to zeb@bodywork.example</h3></article>' if not after else ""
    return Reply(body=f"<!doctype html>{head}{blocks}{foot}{link}".encode())


def named(text: str) -> list[str]:
    """What is left of the people above."""
    return [each for each in ("quackenbush", "zebulon", "mulrooney", "truitt", "862", "77310", "bodywork") if each in text.lower()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(here: Path, site: Site, *words: str) -> dict[str, Any]:
    card(here, CARD.format(start=site.url + "/find"))
    done = rollcall("sources", "record", "./my_source.yml", "--data", here / "data", "--json", *words)
    assert done.status == 0, done.err
    said: dict[str, Any] = json.loads(done.out)
    return said


def test_pages_are_cut_down_and_name_nobody_real(here: Path) -> None:
    with served({"/find": directory(PEOPLE * 2, after="/find?page=2"), "/find?page=2": directory(PEOPLE[:1])}) as site:
        said = recorded(here, site, "--pages", "2")
        assert site.asked == ["/robots.txt", "/find", "/find?page=2"]
    assert [row["records"] for row in said["pages"]] == [3, 2]
    assert [row["records_disguised"] for row in said["pages"]] == [3, 2]
    first, second = (Path(row["page"]).read_text(encoding="utf-8") for row in said["pages"])
    assert named(first + second) == []
    assert not any(word in first for word in ("<script", "<!--", "onclick", "style=", "@mail"))
    source = sources.load("./my_source.yml", here)
    records = [each["Listing"] for text in (first, second) for each in recording.read(source, text.encode())]
    assert records[0]["name"].endswith(", LMT") and records[1]["name"].startswith("Dr. ")
    assert records[0]["name"].split()[0] == records[2]["name"].split()[0], "the same for the same"
    assert records[0]["name"] == records[3]["name"], "on every page"
    phones = ["".join(c for c in record["phone"] if c.isdigit()) for record in records if "phone" in record]
    assert phones and all(phone[-7:].startswith("55501") for phone in phones)
    assert phones[0] == phones[2], "one number, printed in two ways"
    assert "someone@example.org" in second
    assert [path.name for path in (here / "data" / "raw").iterdir()] == [".hosts"], "whose turn it is, and nothing of the answers"


def test_what_the_card_cannot_read_never_lies_among_the_examples(here: Path) -> None:
    with served({"/find": page("Zebulon Quackenbush")}) as site:
        said = recorded(here, site)
        (row,) = said["pages"]
    assert row["records"] == 0
    assert Path(row["page"]).is_relative_to(here / "data" / "recorded")
    assert recording.cases(sources.load("./my_source.yml", here)) == []
    assert any("never share it" in line for line in recording.record_lines(said))


def test_nor_does_a_page_of_which_one_place_is_not_read(here: Path) -> None:
    body = directory(PEOPLE).body.replace(b"<h3>Dr. Philippa", b"<i>New</i><h3>Dr. Philippa")
    with served({"/find": Reply(body=body)}) as site:
        (row,) = recorded(here, site)["pages"]
    assert (row["records"], row["unread"]) == (2, 1)
    assert Path(row["page"]).is_relative_to(here / "data" / "recorded"), "the one it could not read would still be named"


def test_robots_are_obeyed_and_a_block_ends_it(here: Path) -> None:
    card_text = "User-agent: *\nDisallow: /find"
    with served({"/robots.txt": Reply(body=card_text.encode()), "/find": directory(PEOPLE)}) as site:
        card(here, CARD.format(start=site.url + "/find"))
        done = rollcall("sources", "record", "./my_source.yml", "--data", here / "data")
        assert done.status == 3 and "asks programs to stay away" in done.sentence
        assert site.pages_asked() == []
    with served({"/find": Reply(body=b"<title>Just a moment...</title>", status=403)}) as site:
        card(here, CARD.format(start=site.url + "/find"))
        assert rollcall("sources", "record", "./my_source.yml", "--data", here / "data").status == 3


def test_the_invented_example_gives_way_to_a_real_one(here: Path) -> None:
    name = json.loads(rollcall("sources", "new", "insurer", "WA", "evergreen", "--json").out)["source"]
    path = here / name
    body = (path.parent / "pages" / "evergreen" / "invented" / "page.html").read_text(encoding="utf-8").replace("Mossgrove", "Truitt")
    with served({"/find": Reply(body=body.encode())}) as site:
        path.write_text(path.read_text(encoding="utf-8").replace("https://directory.example.org/providers?page=1", site.url + "/find"))
        done = rollcall("sources", "record", name, "--data", here / "data")
    assert done.status == 0 and "the invented example, is removed" in done.out
    (case,) = recording.cases(sources.load(name, here))
    assert case.name != "invented" and "Truitt" not in (case / "page.html").read_text(encoding="utf-8")
    assert "Languages" in (case / "page.html").read_text(encoding="utf-8"), "words of the card stay"


def test_a_file_is_cut_to_its_first_rows(here: Path) -> None:
    roll = "title: Roll\nkind: license_roll\nformat: table\nstart: roll.csv\ncolumns: {number: License, name: Name, expires: Expires}\n"
    rows = ["License,Name,Expires", 'MA60862441,"QUACKENBUSH,\nZEBULON",20300131', "MA60862442,TRUITT PHILIPPA,20300131"]
    (here / "roll.csv").write_text("\n".join([*rows, *(f"MA608600{n:02d},X Y,20300131" for n in range(50))]) + "\n")
    card(here, roll)
    done = rollcall("sources", "record", "./my_source.yml", "--data", here / "data", "--json")
    (row,) = json.loads(done.out)["pages"]
    text = Path(row["page"]).read_text(encoding="utf-8")
    assert text.startswith("License,Name,Expires\nMA") and named(text) == []
    assert (row["records"], row["records_disguised"], text.count("20300131")) == (2, 2, 2), "a day is no number of a person"


def test_json_is_cut_and_disguised_by_its_values(here: Path) -> None:
    source = card(here, "{title: A, kind: insurer, format: cms_json, start: [https://a.example/providers.json]}")
    provider = {
        "npi": "1234567893",
        "type": "INDIVIDUAL",
        "name": {"first": "Zebulon", "last": "Quackenbush"},
        "plans": [],
        "phone": 2068624417,
    }
    body = json.dumps([provider] * 9).encode()
    small = examples.trimmed(body, source)
    disguise = examples.Disguise(())
    disguise.learn([{"npi": "1234567893", "first": "Zebulon", "last": "Quackenbush"}])
    said = json.loads(examples.disguised(small, source, disguise))
    assert len(said) == 3 and said[0]["type"] == "INDIVIDUAL"
    assert named(json.dumps(said)) == [] and said[0]["npi"].startswith("29")


def test_what_nobody_can_look_at_in_an_editor_is_refused() -> None:
    with pytest.raises(Refused, match="make a small one of the same shape"):
        examples.kind_of(b"PK\x03\x04 a workbook")
