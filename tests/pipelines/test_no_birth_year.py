"""No year of birth is kept: one is planted in a bulk file of a roll, and everything that an audit leaves on disk is searched for it."""

import hashlib
import io
import zipfile
from pathlib import Path

import pdfplumber
import pytest

from tests.pipelines.test_no_price import manifest, planted
from tests.story.command import published, rollcall, rows
from tests.story.volunteer import AUDIT, ROLL, TABLE

BORN, TAX_NUMBER = "1957-03-19", "987-65-4329"
PLANTED = [each.encode() for each in (BORN, TAX_NUMBER)]
PEOPLE = (("Rowan", "Ashdale", "EXPIRED"), ("Juniper", "Okafor", "ACTIVE"), ("Linnea", "Marchetti", "EXPIRED"))
BULK = "Number,Last,First,Type,Date of birth,Status,Expires,SSN\n" + "".join(
    f"MA6100000{n},{last},{first},Massage Therapist License,{BORN},{status},2020-01-01,{TAX_NUMBER}\n"
    for n, (first, last, status) in enumerate(PEOPLE, 1)
)
DAMAGED = f"MA61000004,Ashdale,Rowan,D,Massage Therapist License,{BORN},EXPIRED,2020-01-01,{TAX_NUMBER}\n"
LIST = "Provider,License,Street,City,Zip,Phone\n" + "".join(
    f"{first} {last},MA6100000{n},{n} Alder St,Tacoma,00301,253-555-010{n}\n" for n, (first, last, _) in enumerate(PEOPLE, 1)
)


def audit(folder: Path) -> Path:
    card = folder / "audit.yml"
    card.write_text(AUDIT.format(insurers="./evergreen.yml") + "roll: ./roll.yml\n", encoding="utf-8")
    listed = TABLE.format(start="list.csv").replace("{name: Provider,", "{name: Provider, license: License,")
    (folder / "evergreen.yml").write_text(listed + "as_of: 2026-11-20\n", encoding="utf-8")
    (folder / "roll.yml").write_text(ROLL.format(as_of="2026-11-20") + "ignore: [Date of birth]\n", encoding="utf-8")
    (folder / "list.csv").write_text(LIST, encoding="utf-8")
    return card


def printed(folder: Path) -> str:
    """Everything that the PDFs below a folder print."""
    pages = []
    for path in folder.rglob("*.pdf"):
        with pdfplumber.open(path) as paper:
            pages += [page.extract_text() for page in paper.pages]
    return "\n".join(pages)


def test_no_year_of_birth_is_left_anywhere_and_the_rest_stands_where_it_stood(tmp_path: Path) -> None:
    card, data = audit(tmp_path), tmp_path / "data"
    body = (BULK + DAMAGED).encode()
    (tmp_path / "roll.csv").write_bytes(body)
    done = rollcall("run", card, "--data", data)
    assert done.status == 0, done.err
    assert planted(data, PLANTED) == []
    assert not any(each in done.out + done.err for each in (BORN, TAX_NUMBER))

    (kept,) = [each for each in manifest(data, "roll") if each["outcome"] == "kept"]
    assert (kept["whole_sha256"], kept["whole_byte_count"]) == (hashlib.sha256(body).hexdigest(), len(body))
    database = published(data, "audit")
    assert rows(database, "select license_raw, locator from curated.credential order by 1") == [
        (f"MA6100000{n}", f"row {n}") for n in (1, 2, 3)
    ]
    assert rows(database, "select locator, excerpt from curated.problem") == [("record 5", "")], "the damaged row, in its place"
    found = rows(database, "select finding_id from matching.finding where check_name = 'lapsed_license' order by 1")
    assert len(found) == 2
    why = rollcall("why", str(found[0][0]), "--data", data)
    assert why.status == 0, why.err
    assert "roll" in why.out and BORN not in why.out


@pytest.mark.slow
@pytest.mark.parametrize("packed", [True, False])
def test_nor_is_one_in_papers_and_packet_and_the_same_evidence_replays_to_the_same_findings(tmp_path: Path, packed: bool) -> None:
    card, data = audit(tmp_path), tmp_path / "data"
    with card.open("a", encoding="utf-8") as file:
        file.write("by: An invented guild\npublish: [commissioner]\n")
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("roll.csv", BULK)
    (tmp_path / "roll.csv").write_bytes(zipped.getvalue() if packed else BULK.encode())
    said = []
    for words in ((), ("--offline",)):
        done = rollcall("run", card, "--data", data, *words)
        assert done.status == 0, done.err
        said.append(rows(published(data, "audit"), "select finding_id, evidence_ids, sentence from matching.finding order by 1"))
    assert said[0] == said[1] and len(said[0]) == 2
    assert planted(data, PLANTED) == []
    paper = printed(data)
    assert "Evergreen" in paper and BORN not in paper and TAX_NUMBER not in paper
    excerpts = [each.read_text(encoding="utf-8") for each in data.rglob("data/excerpts/*.txt")]
    assert packed or any("MA61000001" in each for each in excerpts), "the row is cited byte for byte"
