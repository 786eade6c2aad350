"""The national registry: kept by state, found by name, read whole or with a problem in its place."""

import csv
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.formats import nppes
from scrapers.formats._npi import COLUMNS, SLOT, SLOTS
from scrapers.formats._unzip import Arriving, unzipped
from scrapers.records import Problem, Refused, Source, SourceUnreadable, Table
from scrapers.visit import visit
from tests.scrapers.reads import SHARED, card, page, said
from tests.scrapers.site import Reply, served

CARD = "title: Registry\nkind: registry\nformat: nppes\nstart: npi.zip\nas_of: 2026-11-15\nstates: [WA]\nvisit: {pause_seconds: 0}\n"
REAL = SHARED / "data/registries/nppes_practitioners_2018_400.csv"
NAME = "npidata_pfile_20050523-20261108.csv"
ROSA = {
    "npi": "2900000003",
    "entity": "1",
    "last": "Vega",
    "first": "Rosa",
    "state": "WA",
    "updated": "03/01/2026",
    "taxonomy_1": "225700000X",
    "license_1": "MA60000001",
    "license_state_1": "WA",
    "taxonomy_2": "171100000X",
}
IDA = {
    "npi": "2900000011",
    "entity": "1",
    "last": 'Lund "Ida"',
    "first": "Ida\nLee",
    "state": "OR",
    "license_15": "7",
    "license_state_15": "WA",
}
ABROAD = {"npi": "2900000029", "entity": "2", "organization": "WA, Cedar & Sons", "state": "OR"}


def header(width: int = 330) -> list[str]:
    """The columns of the file: those we read, among others, as many as it has."""
    slots = [f"{name}_{slot}" for slot in SLOTS for name in SLOT.values()]
    others = [f"Other Provider Identifier_{at}" for at in range(width - len(COLUMNS) - len(slots))]
    return [*list(COLUMNS.values())[:10], *others[:100], *slots, *list(COLUMNS.values())[10:], *others[100:]]


def registry(*rows: Mapping[str, str], columns: list[str] | None = None) -> bytes:
    """A file as the registry writes it: every value in quotes."""
    names = dict(COLUMNS) | {f"{ours}_{at}": f"{theirs}_{at}" for ours, theirs in SLOT.items() for at in SLOTS}
    columns, text = columns or header(), io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        theirs = {names[ours]: value for ours, value in row.items()}
        writer.writerow([theirs.get(each, "") for each in columns])
    return text.getvalue().encode()


def packed(files: Mapping[str, bytes], **how: Any) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inside in files.items():
            archive.writestr(name, inside, **how)
    return body.getvalue()


def workbook(rows: list[list[str]]) -> bytes:
    from openpyxl import Workbook

    book, body = Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(body)
    return body.getvalue()


def kept(source: Source, body: bytes, size: int = 777) -> bytes:
    return b"".join(nppes.distil(source)(body[at : at + size] for at in range(0, len(body), size)))


def read(source: Source, body: bytes, folder: Path) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The rows that the warehouse would load, and the problems."""
    blob = folder / "blob.gz"
    blob.write_bytes(gzip.compress(body))
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    with duckdb.connect() as con:
        for each in nppes.tables(replace(page(b""), path=blob), source, folder):
            if isinstance(each, Table):
                answer = con.execute(each.select, {"path": str(each.path)})
                names = [column[0] for column in answer.description]
                rows += [said(dict(zip(names, row, strict=True))) for row in answer.fetchall()]
                each.path.unlink()
            else:
                problems.append(each)
    return sorted(rows, key=lambda row: str(row["locator"])), problems


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return card(tmp_path, CARD)


def test_a_row_is_kept_as_printed_when_a_cell_says_the_state(source: Source) -> None:
    whole = registry(ROSA, ABROAD, IDA)
    lines = registry(ROSA, IDA)
    for size in (1, 13, 777, 1 << 20):
        assert kept(source, whole, size) == lines, "the state of a practice, the fifteenth license; not a name with WA in it"
    assert kept(replace(source, options={}), whole) == whole
    full = packed({"Readme.pdf": b"%PDF" * 9999, NAME: whole, NAME.replace(".csv", "_fileheader.csv"): b"x"})
    assert kept(source, full) == lines
    assert kept(source, full, 3) == lines


def test_one_record_per_taxonomy_by_the_names_of_columns(source: Source, tmp_path: Path) -> None:
    for columns in (header(), header(329), ["NPI", *reversed(header()[1:]), "Certification Date of 2027"]):
        rows, problems = read(source, registry(ROSA, IDA, ABROAD, columns=columns), tmp_path)
        assert problems == []
        person = {"npi": "2900000003", "entity": "1", "last": "Vega", "first": "Rosa", "state": "WA", "updated": "03/01/2026"}
        assert rows == [
            {"locator": "NPI 2900000003, taxonomy 1", **person, "taxonomy": "225700000X", "license": "MA60000001", "license_state": "WA"},
            {"locator": "NPI 2900000003, taxonomy 2", **person, "taxonomy": "171100000X"},
            {
                "locator": "NPI 2900000011, taxonomy 15",
                "npi": "2900000011",
                "entity": "1",
                "last": 'Lund "Ida"',
                "first": "Ida Lee",
                "state": "OR",
                "license": "7",
                "license_state": "WA",
            },
            {"locator": "NPI 2900000029", "npi": "2900000029", "entity": "2", "organization": "WA, Cedar & Sons", "state": "OR"},
        ]


def test_a_damaged_row_is_a_problem_and_the_others_are_read(source: Source, tmp_path: Path) -> None:
    head, *lines = registry(ROSA, IDA | {"first": "Ida"}, ABROAD).splitlines(keepends=True)
    body = head + lines[0][:-4] + b"\n" + lines[1].replace(b"Lund", b"L\xffnd") + lines[2]
    rows, problems = read(source, body, tmp_path)
    assert [row["npi"] for row in rows] == ["2900000029"]
    assert [(each.locator, each.reason[:29]) for each in problems] == [
        ("row 1", "the row has 329 cells; its he"),
        ("row 2", "the row is damaged: 'utf-8' c"),
    ]
    odd, _ = read(source, registry({"npi": "9900000003", "last": "Vega"}), tmp_path)
    assert odd[0]["problem"] == "the NPI is not ten digits that begin with 1 or 2"


def test_large_files_are_read_in_pieces(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scrapers.formats._npi.PIECE", 50_000)
    monkeypatch.setattr("scrapers.formats._npi.BLOCK", 10_000)
    rows, problems = read(source, registry(*(ROSA | {"npi": f"29{at:08d}", "first": "Rosa\r\nMaria"} for at in range(300))), tmp_path)
    assert len({row["npi"] for row in rows}) == 300 and len(rows) == 600 and problems == []
    assert not [each for each in tmp_path.iterdir() if each.suffix == ".csv"]


@pytest.mark.parametrize("bare", [True, False], ids=["workbook", "workbook in a zip"])
def test_the_deactivation_report_is_kept_whole_and_read_below_its_title(bare: bool, source: Source, tmp_path: Path) -> None:
    book = workbook([["NPPES Deactivated NPI Report"], ["NPI", "NPPES Deactivation Date"], ["2900000003", "10/20/2026"]])
    body = book if bare else packed({"NPPES Deactivated NPI Report 20261110.xlsx": book})
    assert kept(source, body) == body
    rows, problems = read(source, body, tmp_path)
    assert (rows, problems) == ([{"locator": "NPI 2900000003", "npi": "2900000003", "deactivated": "10/20/2026"}], [])
    with pytest.raises(SourceUnreadable, match="names NPI and NPPES Deactivation Date; expected the deactivation report"):
        read(source, workbook([["NPI", "When"], ["2900000003", "10/20/2026"]]), tmp_path)


def test_an_answer_of_the_api(source: Source, tmp_path: Path) -> None:
    body = b"""{"result_count": 1, "results": [{"number": "2900000003", "enumeration_type": "NPI-1", "created_epoch": "1",
      "basic": {"first_name": "ROSA", "last_name": "VEGA", "name_suffix": "--", "last_updated": "2026-03-01"},
      "other_names": [{"type": "Former Name", "first_name": "ROSA", "last_name": "OLSEN"}],
      "addresses": [{"address_purpose": "MAILING", "state": "OR"}, {"address_purpose": "LOCATION", "state": "WA", "city": "SELAH"}],
      "taxonomies": [{"code": "225700000X", "license": "MA60000001", "state": "WA", "primary": true}]}]}"""
    rows, _ = read(source, body, tmp_path)
    assert rows == [
        {
            "locator": "NPI 2900000003, taxonomy 1",
            "npi": "2900000003",
            "entity": "1",
            "last": "VEGA",
            "first": "ROSA",
            "other_last": "OLSEN",
            "other_first": "ROSA",
            "city": "SELAH",
            "state": "WA",
            "updated": "2026-03-01",
            "taxonomy": "225700000X",
            "license": "MA60000001",
            "license_state": "WA",
        }
    ]
    assert read(source, b'{"result_count": 0, "results": []}', tmp_path) == ([], []), "an NPI it does not know says nothing"
    with pytest.raises(SourceUnreadable, match="has no results"):
        read(source, b'{"Errors": [{"description": "no"}]}', tmp_path)


def test_files_that_are_not_the_registry_are_refused(source: Source) -> None:
    without = [each for each in header() if each != "Entity Type Code"]
    for body, sentence in (
        (registry(columns=without), "none is 'Entity Type Code'"),
        (b"NPI,Entity Type Code\n2900000003,1\n", "expected quoted names of columns, NPI the first"),
        (packed({"pl_pfile_20050523-20261108.csv": b"x"}), "holds no npidata_pfile"),
        (registry(columns=[*header(), "NPI"]), "stands in the file twice"),
    ):
        with pytest.raises(SourceUnreadable, match=sentence):
            kept(source, body)


def test_a_torn_damaged_or_sudden_zip_is_refused(source: Source) -> None:
    full = packed({NAME: registry(ROSA, IDA)})
    at = full.index(NAME.encode()) + len(NAME) + 60
    for body, failure in (
        (full[: len(full) // 2], "cut_short"),
        (full[:at] + bytes([full[at] ^ 0xFF]) + full[at + 1 :], "cut_short"),
        (packed({NAME: registry(ROSA) + b" " * (40 << 20)}), "too_large"),
    ):
        with pytest.raises(SourceUnreadable) as refused:
            kept(source, body, 1 << 16)
        assert refused.value.failure == failure


def streamed(name: bytes, body: bytes, wide: bool) -> bytes:
    """A zip as it is written to a pipe: sizes and checksum after each file, in 4 or 8 bytes."""
    engine = zlib.compressobj(wbits=-15)
    inside = engine.compress(body) + engine.flush()
    after = b"PK\x07\x08" + struct.pack("<L2Q" if wide else "<3L", zlib.crc32(body), len(inside), len(body))
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 8, 8, 0, 0, 0, 0, 0, len(name), 0) + name + inside + after


@pytest.mark.parametrize("wide", [True, False])
def test_a_zip_that_states_its_sizes_afterwards(wide: bool) -> None:
    body = streamed(b"one.csv", b"1" * 5000, wide) + streamed(b"two.csv", b"2" * 70, wide) + b"PK\x01\x02rest"
    for size in (1, 50, 5000):
        chunks = (body[at : at + size] for at in range(0, len(body), size))
        assert [(name, b"".join(inside)) for name, inside in unzipped(Arriving(chunks))] == [
            ("one.csv", b"1" * 5000),
            ("two.csv", b"2" * 70),
        ]


def test_cards_that_ask_for_what_the_api_cannot_say_are_refused(tmp_path: Path) -> None:
    api = "title: R\nkind: registry\nformat: nppes\nstart: https://registry.example/api/\n"
    with pytest.raises(Refused, match="at most 1,200 of a search"):
        card(tmp_path, api)
    with pytest.raises(Refused, match="question of its own"):
        card(tmp_path, api.replace("/api/", "/api/?state=WA") + 'numbers: ["2900000003"]\n')
    with pytest.raises(Refused, match="`states` is \\['Washington'\\]"):
        card(tmp_path, CARD.replace("[WA]", "[Washington]"))
    asked = nppes.requests(card(tmp_path, api + 'numbers: ["2900000003", "2900000011"]\n'))
    assert [each.url for each in asked] == [
        f"https://registry.example/api/?version=2.1&number={npi}" for npi in ("2900000003", "2900000011")
    ]


def test_the_page_of_links_is_followed_to_the_newest_of_each(tmp_path: Path) -> None:
    stem = "NPPES_Data_Dissemination_"
    names = [
        f"{stem}October_2026_V2.zip", f"{stem}November_2026.zip", f"{stem}November_2026_V2.zip", f"{stem}110926_111526_Weekly.zip",
        f"{stem}110926_111526_Weekly_V2.zip", f"{stem}111626_112226_Weekly_V2.zip", "NPPES_Deactivated_NPI_Report_101326_V2.zip",
        "NPPES_Deactivated_NPI_Report_111026_V2.zip", "Readme.pdf",
    ]  # fmt: skip
    links = "".join(f"<a href='./{name}'>{name}</a>" for name in names)
    book = workbook([["NPI", "NPPES Deactivation Date"], ["2900000029", "10/20/2026"]])
    week = packed({NAME: registry(ROSA | {"last": "Quist"})})
    says: dict[str, Reply | list[Reply]] = {
        "/NPI_Files.html": Reply(body=f"<html>{links}</html>".encode(), headers={"Content-Type": "text/html"}),
        f"/{names[2]}": Reply(body=packed({NAME: registry(ROSA, ABROAD)})),
        f"/{names[4]}": Reply(body=week),
        f"/{names[5]}": Reply(body=week),
        f"/{names[7]}": Reply(body=packed({"report.xlsx": book})),
    }
    with served(says) as site:
        online = CARD.replace("npi.zip", f"{site.url}/NPI_Files.html").replace("as_of: 2026-11-15\n", "")
        source, archive = card(tmp_path, online), Archive(tmp_path / "raw")
        with Client("audit@example.org", sleep=lambda _: None) as client:
            (snapshot,) = visit(source, nppes, archive, client, datetime(2026, 11, 22, tzinfo=UTC))
        assert sorted(site.pages_asked()) == sorted(says)
    found: dict[str, Any] = {}
    for each in archive.evidence(snapshot):
        rows, problems = rows_of(each, source, tmp_path)
        found[each.url.rpartition("/")[2]] = [row["npi"] for row in rows]
        assert problems == []
    assert found == {
        "NPI_Files.html": [],
        names[2]: ["2900000003"] * 2,
        names[4]: ["2900000003"] * 2,
        names[5]: ["2900000003"] * 2,
        names[7]: ["2900000029"],
    }
    (row,) = [each for each in archive.attempts(snapshot) if each["url"].endswith(names[2]) and each["outcome"] == "kept"]
    assert row["whole_byte_count"] == len(packed({NAME: registry(ROSA, ABROAD)})) and row["whole_sha256"] != row["sha256"]


def rows_of(evidence: Any, source: Source, folder: Path) -> tuple[list[dict[str, Any]], list[Any]]:
    with gzip.open(evidence.path) as body:
        return read(source, body.read(), folder)


def test_real_files_are_read(source: Source, tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip("the real sample of 2018 is not beside this checkout")
    body = REAL.read_bytes()
    rows, problems = read(source, body, tmp_path)
    assert (len(rows), len({row["npi"] for row in rows}), problems) == (509, 400, [])
    assert {row["entity"] for row in rows} == {"1"} and sum("license" in row for row in rows) > 300
    assert len(kept(replace(source, options={"states": ["CA"]}), body).splitlines()) == 5
    answer, _ = read(source, (REAL.parent / "npi_api_v2.1_200results.json").read_bytes(), tmp_path)
    assert (len(answer), len({row["npi"] for row in answer})) == (246, 200)
