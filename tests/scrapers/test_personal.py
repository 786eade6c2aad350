"""A year of birth never reaches the disk: it is cut out of a table while it arrives, whatever the table is packed and written in."""

import gzip
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scrapers import sources
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.records import Source, SourceUnreadable
from scrapers.visit import visit
from tests.scrapers.reads import card, rejected, selected
from tests.scrapers.site import Reply, served
from tests.scrapers.test_workbook import book, old_book

CARD = (
    "title: A roll\nkind: license_roll\nstate: ZZ\nsurface: file\nformat: table\nstart: roll.csv\nas_of: 2026-11-20\n"
    "columns: {number: Number, last: Last, status: Status}\nignore: [BirthYear]\n"
)
HEADER = "Number,Last,BirthYear,Status\n"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
YEAR = b"1957"


@pytest.fixture
def roll(tmp_path: Path) -> Source:
    return card(tmp_path, CARD)


def kept(source: Source, body: bytes | str, size: int = 7) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    return b"".join(sources.format_of(source).distil(source)(body[at : at + size] for at in range(0, len(body), size)))


def zipped(**files: bytes | str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inside in files.items():
            archive.writestr(name.replace("_", "."), inside)
    return body.getvalue()


def test_the_cells_are_cut_out_and_nothing_else(roll: Source) -> None:
    body = (
        "\ufeffA roll of 2026\r\n\r\nNumber,Last,BirthYear,Status\r\n"
        'MA1,"Ashdale, ""Jr""",1957,ACTIVE\r\nMA2,"Two\r\nlines","1957","ACTIVE"\r\n\r\nMA3,5\' 7" tall,1957,\r\nMA4,Núñez,1957,'
    )
    without = body.replace("BirthYear,", "").replace('"1957",', "").replace("1957,", "")
    for size in (1, 5, 4096):
        assert kept(roll, body, size) == without.encode()
    assert kept(roll, without) == without.encode(), "what was kept, kept again, is the same"


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "latin-1", "utf-16"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), ("|", "\r\n"), ("\t", "\r"), (";", "\n")])
def test_in_any_dialect_the_rows_are_read_as_before(roll: Source, tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    body = (HEADER + "MA1,Núñez,1957,ACTIVE\nMA2,Ray,1957,EXPIRED\n" * 20).replace(",", delimiter).replace("\n", end).encode(encoding)
    less = kept(roll, body)
    assert YEAR not in less.replace(b"\0", b"") and len(less) < len(body)
    assert selected(roll, less, tmp_path) == selected(roll, body, tmp_path)


def test_a_column_is_told_by_its_name_and_one_that_is_mapped_stays(tmp_path: Path) -> None:
    other = card(tmp_path, CARD.replace("ignore: [BirthYear]", "").replace("Status}", "Birth Place}"))
    for name in ("BirthYear", "birth_date", "Date of Birth", "DOB", "D.O.B.", "Year of birth", "SSN", "Last 4 SSN", "Age"):
        assert kept(other, f"Number,Last,{name},Birth Place\nMA1,Ray,1957,Selah\n") == b"Number,Last,Birth Place\nMA1,Ray,Selah\n"
    for name in ("Business Name", "Birthing Center", "Languages", "Agency"):
        body = f"Number,Last,{name},Birth Place\nMA1,Ray,1957,Selah\n".encode()
        assert kept(other, body) == body


def test_several_and_the_last_columns_are_cut(roll: Source) -> None:
    assert kept(roll, "SSN,Number,Last,Status,BirthYear\n987654329,MA1,Ray,ACTIVE,1957\n") == b"Number,Last,Status\nMA1,Ray,ACTIVE\n"


def test_a_row_of_another_width_is_not_kept_and_is_a_problem_in_its_place(roll: Source, tmp_path: Path) -> None:
    body = HEADER + "MA1,Ray,1957,ACTIVE\nMA2,Lee,Ann,1957,ACTIVE\nMA3,1957\nMA4,Fox,1957,EXPIRED\n"
    less = kept(roll, body)
    assert less.splitlines()[2:4] == [b"not kept: 5 fields where the header has 4", b"not kept: 2 fields where the header has 4"]
    assert [row["number"] for row in selected(roll, less, tmp_path)] == ["MA1", "MA4"]
    assert [line for line, _ in rejected(roll, less, tmp_path)] == [line for line, _ in rejected(roll, body.encode(), tmp_path)] == [3, 4]


@pytest.mark.parametrize("wrong", ['MA2,"Lee,1957,ACTIVE', 'MA2,"Lee"s,1957,ACTIVE', '"MA2,Lee,1957,ACTIVE\nMA3,"Fox,1957,ACTIVE'])
def test_a_quote_that_is_wrong_hides_no_year_and_swallows_no_other_row(roll: Source, tmp_path: Path, wrong: str) -> None:
    body = HEADER + '"MA1","Ray",1957,"ACTIVE"\n' + wrong + "\n" + '"MA4","Elm",1957,"EXPIRED"\n'
    less = kept(roll, body)
    assert YEAR not in less and less.count(b"not kept") == wrong.count("\n") + 1
    assert [row["number"] for row in selected(roll, less, tmp_path)] == ["MA1", "MA4"]


@pytest.mark.parametrize("more", ["", ",,"])
def test_rows_swallowed_by_a_pair_of_stray_quotes_are_not_kept(tmp_path: Path, more: str) -> None:
    wide = card(tmp_path, CARD.replace("[BirthYear]", "[BirthYear, A, B]"))
    header = HEADER.replace("Status", "Status,A,B") if more else HEADER
    row = f'MA2,"Lee,1957,ACTIVE{more}\nMA3,Fox",1957,ACTIVE{more}\n'
    assert YEAR not in kept(wide, header + row)


def test_a_quote_that_is_never_closed_is_refused_before_it_fills_the_memory(roll: Source) -> None:
    with pytest.raises(SourceUnreadable, match="a quote is not closed within"):
        kept(roll, HEADER + 'MA0,"Ray",1957,ACTIVE\n"MA1,Ray,1957,ACTIVE\n' + "MA2,Lee,1957,ACTIVE\n" * 60_000, 1 << 16)


def test_where_no_row_names_the_columns_their_cells_are_emptied(tmp_path: Path) -> None:
    bare = card(tmp_path, CARD + "header: [Number, Last, BirthYear, Status]\n")
    assert kept(bare, "MA1,Ray,1957,ACTIVE\nMA2,Lee,1957,EXPIRED\n") == b"MA1,Ray,,ACTIVE\nMA2,Lee,,EXPIRED\n"


def test_in_fixed_width_blanks_take_their_place(tmp_path: Path) -> None:
    fixed = card(tmp_path, CARD + "widths: {Number: [1, 3], Last: [4, 9], BirthYear: [10, 13], Status: [14, 20]}\n")
    body = "MA1Núñez 1957ACTIVE\r\nMA2Lee   1957EXPIRED\r\nMA3Fox   1957EXPIRED 1957\r\nMA4Elm\r\n"
    expected = "MA1Núñez     ACTIVE\r\nMA2Lee       EXPIRED\r\n" + " " * 20 + "not kept: longer than its columns\r\nMA4Elm\r\n"
    for encoding in ("utf-8", "latin-1"):
        assert kept(fixed, body.encode(encoding)) == expected.encode(encoding)
    found = selected(fixed, kept(fixed, body), tmp_path)
    assert [row.get("number") for row in found] == ["MA1", "MA2", None, "MA4"] and "letters where" in found[2]["problem"]


def test_a_gzip_is_kept_as_text_and_one_without_such_a_column_as_it_came(roll: Source) -> None:
    assert kept(roll, gzip.compress((HEADER + "MA1,Ray,1957,ACTIVE\n").encode())) == b"Number,Last,Status\nMA1,Ray,ACTIVE\n"
    plain = gzip.compress(b"Number,Last,Status\nMA1,Ray,ACTIVE\n")
    assert kept(roll, plain) == plain


def test_of_a_zip_the_files_that_are_read_are_kept(tmp_path: Path) -> None:
    some = card(tmp_path, CARD + 'sheet: "a.*"\n')
    body = zipped(a_csv=HEADER + "MA1,Ray,1957,ACTIVE\n", b_csv="Other,DOB\nx,1957\n", a_txt=HEADER + "MA2,Lee,1957,ACTIVE\n")
    less = kept(some, body)
    with zipfile.ZipFile(io.BytesIO(less)) as archive:
        assert archive.namelist() == ["a.csv", "a.txt"]
        assert archive.read("a.txt") == b"Number,Last,Status\nMA2,Lee,ACTIVE\n"
    assert selected(some, less, tmp_path) == selected(some, body, tmp_path)
    plain = zipped(a_csv="Number,Last,Status\nMA1,Ray,ACTIVE\n")
    assert kept(some, plain) == plain


def test_a_workbook_or_a_page_with_such_a_column_is_refused(roll: Source) -> None:
    row = ["MA1", "Ray", 1957, "ACTIVE"]
    said = "with a column 'BirthYear', which nobody may keep; save it as CSV"
    with pytest.raises(SourceUnreadable, match=f"a workbook {said}"):
        kept(roll, book({"Roll": [["Number", "Last", "BirthYear", "Status"], row]}))
    with pytest.raises(SourceUnreadable, match=f"a workbook {said}"):
        kept(roll, old_book([["Number", "Last", "BirthYear", "Status"], row]))
    page = "<html><table><tr><th>{}</th></tr><tr><td>{}</td></tr></table></html>"
    with pytest.raises(SourceUnreadable, match=f"a page {said}"):
        kept(roll, page.format("</th><th>".join(HEADER.strip().split(",")), "</td><td>".join(map(str, row))))
    with pytest.raises(SourceUnreadable, match=f"a page {said}"):
        kept(roll, zipped(a_html=page.format("</th><th>".join(HEADER.strip().split(",")), "</td><td>".join(map(str, row)))))
    with pytest.raises(SourceUnreadable, match=r"'a\.xlsx' in the zip is a workbook; unpack it"):
        kept(roll, zipped(a_xlsx=book({"Roll": [["Number", "Last", "BirthYear", "Status"], row]})))
    for plain in (book({"Roll": [["Number", "Last", "Status"], ["MA1", "Born", "ACTIVE"]]}), page.format("Number", "Born").encode()):
        assert kept(roll, plain) == plain


def test_evidence_and_manifest_of_a_file_hold_none_and_the_hash_of_the_whole(roll: Source, tmp_path: Path) -> None:
    body = (HEADER + "MA1,Ray,1957,ACTIVE\n").encode()
    (tmp_path / "roll.csv").write_bytes(body)
    archive = Archive(tmp_path / "raw")
    with Client("audit@example.org") as client:
        first, again = (visit(roll, sources.format_of(roll), archive, client, NOW)[0] for _ in range(2))
    assert first == again, "a file collected before adds nothing"
    (row,) = archive.attempts(first)
    assert (row["whole_sha256"], row["whole_byte_count"]) == (hashlib.sha256(body).hexdigest(), len(body))
    (tmp_path / "roll.csv").write_text("Number,Last,Status\nMA1,Ray,ACTIVE\n")
    with Client("audit@example.org") as client:
        (untouched,) = visit(roll, sources.format_of(roll), archive, client, NOW)
    assert untouched == first and years(tmp_path / "raw") == []


@pytest.mark.parametrize("path", ["/resource/abcd-1234.csv", "/api/views/abcd-1234/rows.csv"])
def test_nor_do_those_of_a_dataset_whose_server_sends_what_nobody_asked_for(tmp_path: Path, path: str) -> None:
    body = b"credentialnumber,lastname,firstname,middlename,credentialtype,status,birthyear,firstissuedate,expirationdate,actiontaken\n"
    body += b"MA60000001,Ray,Ann,,Massage Therapist License,ACTIVE,1957,20190102,20270102,No\n"
    with served({}) as site, Client("audit@example.org") as client:
        start = f"start: {site.url}{path}\nvisit: {{pause_seconds: 0}}\n"
        here = card(tmp_path, f"title: Copy\nkind: license_roll\nformat: socrata\nlike: wa.doh\n{start}")
        (asked,) = sources.format_of(here).requests(here)
        site.says[asked.url.removeprefix(site.url)] = Reply(body=body)
        archive = Archive(tmp_path / "raw")
        (snapshot,) = visit(here, sources.format_of(here), archive, client, NOW)
    (evidence,) = archive.evidence(snapshot)
    assert selected(here, archive.read(evidence), tmp_path)[0]["number"] == "MA60000001"
    assert [row["whole_byte_count"] for row in archive.attempts(snapshot) if row["outcome"] == "kept"] == [len(body)]
    assert years(tmp_path / "raw") == []


def test_a_part_that_is_the_whole_is_not_called_a_part(roll: Source, tmp_path: Path) -> None:
    (tmp_path / "roll.csv").write_text("Number,Last,Status\nMA1,Ray,ACTIVE\n")
    archive = Archive(tmp_path / "raw")
    with Client("audit@example.org") as client:
        (snapshot,) = visit(roll, sources.format_of(roll), archive, client, NOW)
    assert "whole_sha256" not in json.dumps(archive.attempts(snapshot))


def years(raw: Path) -> list[str]:
    """The files below a folder, packed ones unpacked, in which the planted year stands."""
    found = []
    for path in sorted(each for each in raw.rglob("*") if each.is_file()):
        body = path.read_bytes()
        found += [path.name] if YEAR in body or (path.suffix == ".gz" and YEAR in gzip.decompress(body)) else []
    return found
