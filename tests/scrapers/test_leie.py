"""The federal exclusion list: all of it kept byte for byte, but the dates of birth."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.formats import leie
from scrapers.records import Refused, Source, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers.reads import SHARED, card, selected

CARD = "title: Federal list\nkind: exclusion\nformat: leie\nstart: UPDATED.csv\nas_of: 2026-11-01\n"
COLUMNS = "LASTNAME FIRSTNAME MIDNAME BUSNAME GENERAL SPECIALTY UPIN NPI DOB ADDRESS CITY STATE ZIP EXCLTYPE EXCLDATE REINDATE WAIVERDATE"
HEADER = ",".join([*COLUMNS.split(), "WVRSTATE"])
BLANK = '"00000000"'
ROWS = (
    '"VEGA","ROSA","M","","IND- LIC HC SERV","MASSAGE THERAPIST","","2900000003","19700131","9 OAK ST","SELAH","WA","00303",'
    f'"1128a1","20200220",{BLANK},{BLANK},""',
    '"","","","CEDAR, ""THE"" & SONS","CLINIC","REHAB","","0000000000","","7 ELM\nST","YAKIMA","WA","00304",'
    '"1128b5","20210320","20230420","20220101","OR"',
    f'"","","","","CLINIC","","","0000000000","19700132","","","","","1128b5",{BLANK},{BLANK},{BLANK},""',
)
LIST = ("\r\n".join((HEADER, *ROWS)) + "\r\n").encode()
REAL = SHARED / "data/exclusions/leie_UPDATED_head_2026-08-02.csv"


def kept(source: Source, body: bytes, size: int = 100) -> bytes:
    return b"".join(leie.distil(source)(body[at : at + size] for at in range(0, len(body), size)))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return card(tmp_path, CARD)


def test_dates_of_birth_are_cut_out_and_nothing_else(source: Source) -> None:
    expected = LIST.replace(b"DOB,", b"").replace(b'"0000000000","","7', b'"0000000000","7')
    expected = expected.replace(b'"19700131",', b"").replace(b'"19700132",', b"")
    for size in (1, 7, 4096):
        assert kept(source, LIST, size) == expected
    last = LIST.replace(b"DOB,ADDRESS", b"ADDRESS").replace(b"WVRSTATE\r", b"WVRSTATE,DOB\r")
    assert b"DOB" not in kept(source, last.split(b"\n")[0] + b"\n")


def test_evidence_database_and_manifest_hold_no_date_of_birth(source: Source, tmp_path: Path) -> None:
    (tmp_path / "UPDATED.csv").write_bytes(LIST)
    archive = Archive(tmp_path / "raw")
    with Client("audit@example.org") as client:
        (snapshot,) = visit(source, leie, archive, client, datetime(2026, 11, 22, tzinfo=UTC))
    (evidence,) = archive.evidence(snapshot)
    assert b"1970" not in archive.read(evidence)
    assert not [each for each in (tmp_path / "raw").rglob("*") if each.is_file() and b"1970" in each.read_bytes()]
    (row,) = archive.attempts(snapshot)
    assert row["whole_byte_count"] == len(LIST) and row["byte_count"] < len(LIST)


def test_noughts_are_blanks_and_a_row_without_a_name_is_a_problem(source: Source, tmp_path: Path) -> None:
    assert selected(source, kept(source, LIST), tmp_path) == [
        {
            "locator": "row 1", "last": "VEGA", "first": "ROSA", "middle": "M", "specialty": "MASSAGE THERAPIST", "npi": "2900000003",
            "city": "SELAH", "state": "WA", "zip": "00303", "type": "1128a1", "excluded": "20200220",
        },
        {
            "locator": "row 2", "organization": 'CEDAR, "THE" & SONS', "specialty": "REHAB", "city": "YAKIMA", "state": "WA",
            "zip": "00304", "type": "1128b5", "excluded": "20210320", "reinstated": "20230420", "waiver": "OR",
        },
        {"locator": "row 3", "type": "1128b5", "problem": "no name", "excerpt": ""},
    ]  # fmt: skip


def test_what_is_no_such_list_is_refused(source: Source, tmp_path: Path) -> None:
    for body, sentence in (
        (b"<html>busy</html>", "with one column DOB"),
        (LIST.replace(b'"19700131",', b""), "a row has 17 cells and the header 18"),
        (LIST[:300] + b'"' + b"x" * (3 << 20), "no end within"),
    ):
        with pytest.raises(SourceUnreadable, match=sentence):
            kept(source, body)
    with pytest.raises(SourceUnreadable, match="differs from it by 'COUNTRY'"):
        selected(source, kept(source, LIST.replace(b"CITY", b"CITY,COUNTRY", 1).split(b"\r\n")[0] + b"\r\n"), tmp_path)
    with pytest.raises(Refused, match="a leie source is an exclusion list"):
        card(tmp_path, CARD.replace("kind: exclusion", "kind: registry"))


def test_the_real_list_is_read(source: Source, tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip("the four real rows are not beside this checkout")
    rows = selected(source, kept(source, REAL.read_bytes()), tmp_path)
    assert len(rows) == 4 and sum("npi" in row for row in rows) == 1 and not any("reinstated" in row or "problem" in row for row in rows)
