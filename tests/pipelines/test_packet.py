"""What is handed over: it stands alone, shows of a person no more than it may, cites bytes that are there, and is made the same twice."""

import csv
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bagit  # type: ignore[import-untyped]
import duckdb
import openpyxl
import pypdf
import pytest

from pipelines import packet, warehouse
from pipelines.packet import bag, contents
from reports import codes
from reports.exhibits import exhibits
from scrapers.evidence import Archive
from scrapers.records import Refused
from tests.pipelines.published import Published


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def shown(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "evidence/data/exhibits.jsonl").read_text(encoding="utf-8").splitlines()]


def texts(folder: Path, *, printed: bool = False) -> Iterator[tuple[Path, str]]:
    """Every file of a packet as text: workbooks as the XML inside, and PDF, which says what the HTML beside it says, where asked for."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".pdf" and not printed:
            continue
        if path.suffix == ".pdf":
            yield path, "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                yield path, "\n".join(book.read(name).decode() for name in book.namelist())
        elif path.is_file():
            yield path, path.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def insurer_packets(small_run: Published) -> Path:
    return packet.build(small_run.settings, small_run.audit, "insurer")


def test_the_bag_is_one_for_the_library_of_congress(commissioner_packet: Path) -> None:
    assert bagit.Bag(str(commissioner_packet / "evidence")).validate()


def test_every_finding_of_the_annex_has_its_exhibit(commissioner_packet: Path) -> None:
    annex, found = table(commissioner_packet / "evidence/data/findings.csv"), shown(commissioner_packet)
    assert sorted(row["Finding"] for row in annex) == sorted(str(each["finding_id"]) for each in found)
    for each in found:
        assert str(each["finding_id"]).startswith(codes.read(str(each["code"])))
        page, anchor = str(each["page"]).split("#")
        assert f'id="{anchor}"' in (commissioner_packet / "evidence/data" / page).read_text(encoding="utf-8")
        assert each["responses"] and each["listing"] and each["steps"] and each["timeline"]
    printed = [
        page.extract_text()
        for path in (commissioner_packet / "evidence/data/exhibits").glob("*.pdf")
        for page in pypdf.PdfReader(path).pages
    ]
    assert all(any(str(each["code"]) in page for page in printed) for each in found)


def test_a_reader_is_told_where_to_look_up_all_that_a_finding_rests_on(commissioner_packet: Path) -> None:
    found = shown(commissioner_packet)
    assert {"duplicate_listing", "npi_deactivated"} <= {str(each["check"]) for each in found}
    for each in found:
        steps = " ".join(each["steps"])
        for response in each["responses"]:
            asked = "ask the roll" if response["source_id"] == "invented_roll" else response["url"].removeprefix("file:")
            assert asked.casefold() in steps.casefold(), each


def test_the_filing_stands_alone(commissioner_packet: Path) -> None:
    filing = commissioner_packet / "filing"
    assert {path.name for path in filing.iterdir()} == {"summary.pdf", "workbook.xlsx", "cover.pdf"}
    assert sum(path.stat().st_size for path in filing.iterdir()) <= 10_000_000
    assert len(pypdf.PdfReader(filing / "summary.pdf").pages) <= 4
    assert "DRAFT" in pypdf.PdfReader(filing / "cover.pdf").pages[0].extract_text()


def test_cited_bytes_are_bytes_of_the_response(small_run: Published, commissioner_packet: Path, insurer_packets: Path) -> None:
    archive = Archive(small_run.settings.raw)
    kept = {
        page.id: page for source in small_run.audit.sources for each in archive.snapshots(source.name) for page in archive.evidence(each)
    }
    for folder in (commissioner_packet, *insurer_packets.iterdir()):
        rows = table(folder / "evidence/data/excerpts.csv")
        assert {row["how"] for row in rows} == {"bytes of the response"}
        for row in rows:
            body, first, count = archive.read(kept[row["evidence_id"]]), int(row["first_byte"]), int(row["byte_count"])
            held = (folder / "evidence/data" / row["file"]).read_bytes()
            assert body[first : first + count] == held[int(row["offset"]) : int(row["offset"]) + count]
            assert row["response_sha256"] == kept[row["evidence_id"]].sha256


def test_street_and_telephone_are_in_the_sealed_annex_alone(small_run: Published, commissioner_packet: Path) -> None:
    with warehouse.read_only(small_run.database) as con:
        ids = [str(each["listing_id"]) for each in shown(commissioner_packet)]
        said = con.execute(
            "select address, phone, zip5 from curated.listing where list_contains($ids, listing_id)", {"ids": ids}
        ).fetchall()
    secrets = {text for row in said for text in row[:2] if text} | {f"{zip5}<" for *_, zip5 in said if zip5}
    assert len(secrets) > 20
    read = dict(texts(commissioner_packet, printed=True))
    sealed = read.pop(commissioner_packet / "sealed" / "sealed-annex.xlsx")
    for path, text in read.items():
        assert not [each for each in secrets if each in text], path
    assert [each for each in secrets if each in sealed]


def test_an_insurer_sees_its_own_listings_as_it_displayed_them_and_nobody_elses(small_run: Published, insurer_packets: Path) -> None:
    with warehouse.read_only(small_run.database) as con:
        references = dict(con.execute("select reference, source_id from curated.listing where reference is not null").fetchall())
    for folder in insurer_packets.iterdir():
        own = {each["source_id"] for each in shown(folder)}
        assert own == {folder.name}
        for path, text in texts(folder):
            words = set(re.findall(r"\w+", text))
            assert not [each for each, source in references.items() if source != folder.name and each in words], path
        whole = [row for row in table(folder / "evidence/data/excerpts.csv") if row["part"] == "listing"]
        assert whole and {row["field"] for row in whole} == {"all"}
        assert table(folder / "sent.csv")[0]["recipient"] == folder.name
        assert packet.verify(folder) == []


def test_two_builds_from_one_run_are_the_same_bytes(small_run: Published, commissioner_packet: Path, tmp_path: Path) -> None:
    again = packet.build(small_run.settings, small_run.audit, "commissioner", folder=tmp_path / "again")
    assert {path: bag.sha256(again / path) for path in bag.files(again)} == {
        path: bag.sha256(commissioner_packet / path) for path in bag.files(commissioner_packet)
    }


def test_names_are_short_and_legal_on_windows(commissioner_packet: Path, insurer_packets: Path) -> None:
    for folder in (commissioner_packet, insurer_packets):
        for path in bag.files(folder):
            assert bag.fault(path) is None
            assert len(f"data/curated/massage_wa/20261122T181502Z/{folder.name}/{path}") < 120


@pytest.mark.parametrize("tool", ["sha256sum", "shasum"])
def test_the_printed_recipe_finds_nothing_wrong_until_something_is(tool: str, commissioner_packet: Path, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} here")
    readme = (commissioner_packet / "README.txt").read_text(encoding="utf-8")
    (recipe,) = [line.strip() for line in readme.splitlines() if f"&& {tool} " in line]
    packet = shutil.copytree(commissioner_packet, tmp_path / "packet")

    def checked() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", recipe], cwd=packet, capture_output=True, text=True, check=False)

    assert (checked().returncode, checked().stdout) == (0, "")
    summary = packet / "filing" / "summary.pdf"
    summary.write_bytes(summary.read_bytes() + b" ")
    assert checked().returncode == 1 and "filing/summary.pdf" in checked().stdout
    assert "Get-FileHash" in readme and "does not prove" in readme


def test_ten_are_drawn_by_a_rule_nobody_chooses(commissioner_packet: Path) -> None:
    said = json.loads((commissioner_packet / "evidence/data/check-us.json").read_text(encoding="utf-8"))
    ids = [str(each["finding_id"]) for each in shown(commissioner_packet)]
    assert contents.drawn(ids) == contents.drawn(reversed(ids)) == (said["frame_sha256"], said["findings"])
    assert len(set(said["findings"])) == 10
    page = (commissioner_packet / "evidence/data/check-us.html").read_text(encoding="utf-8")
    assert said["frame_sha256"] in page and all(codes.code(each) in page for each in said["findings"])


def test_sheets_to_send_name_document_and_finding(commissioner_packet: Path) -> None:
    rows = table(commissioner_packet / "sent.csv")
    assert {row["finding_id"] for row in rows} == {each["finding_id"] for each in shown(commissioner_packet)}
    assert {row["document_sha256"] for row in rows} == {bag.sha256(commissioner_packet / "evidence/tagmanifest-sha256.txt")}
    assert {(row["channel"], row["sent_by"], row["sent_on"]) for row in rows} == {("", "", "")}


@pytest.mark.parametrize("book", [False, True])
def test_a_letter_for_each_person_and_a_page_for_each_legislator(small_run: Published, tmp_path: Path, book: bool) -> None:
    letters = packet.build(small_run.settings, small_run.audit, "therapist", folder=tmp_path / "t")
    rows = table(letters / "sent.csv")
    assert rows and {row["document_sha256"] for row in rows} == {bag.sha256(path) for path in (letters / "letters").glob("0*.pdf")}
    assert packet.verify(letters) == []
    to = tmp_path / ("to.xlsx" if book else "to.csv")
    filled = [("name", "district", "counties"), ("Ida Rowe", "3", ""), ("Ole Vik", "4", "")]
    to.write_text("".join(",".join(row) + "\n" for row in filled), encoding="utf-8")
    if book:
        made = openpyxl.Workbook()
        for row in filled:
            made.active.append(row)
        made.save(to)
    pages = packet.build(small_run.settings, small_run.audit, "legislator", folder=tmp_path / "l", recipients=to)
    assert [row["recipient"] for row in table(pages / "sent.csv")] == ["Ida Rowe", "Ole Vik"]
    assert packet.verify(pages) == []


@pytest.mark.parametrize("edition", ["public", "patient", "planned"])
def test_pages_for_many_name_nobody(small_run: Published, tmp_path: Path, edition: str) -> None:
    planned = edition == "planned"
    made = packet.build(small_run.settings, small_run.audit, "insurer" if planned else edition, folder=tmp_path / "p", planned=planned)
    with warehouse.read_only(small_run.database) as con:
        names = [name for (name,) in con.execute("select distinct name_raw from curated.listing where length(name_raw) > 8").fetchall()]
    for path, text in texts(made):
        assert not [name for name in names if name in text], path
    assert packet.verify(made) == []


def test_timeline_says_reported_and_still_listed(small_run: Published, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    shutil.copyfile(small_run.database, copy)
    with duckdb.connect(str(copy)) as con:
        finding = exhibits(con)[0].finding_id
        con.execute("update matching.finding set first_seen_on = last_seen_on - 40 where finding_id = ?", [finding])
        con.execute(
            "insert into matching.progress (finding_id, insurer_told_at, insurer_channel)"
            " select finding_id, last_seen_on - 30, 'portal' from matching.finding where finding_id = $id",
            {"id": finding},
        )
        found = {each.finding_id: each for each in exhibits(con)}[finding]
        assert [what for _, what in found.timeline] == [
            "first seen so",
            "reported to the insurer (portal)",
            "still listed so, after it was reported",
        ]
        con.execute("update matching.finding set may_share = false where finding_id = ?", [finding])
        assert finding not in {each.finding_id for each in exhibits(con)}
        con.execute("update matching.finding set may_share = true, stage = 'withdrawn' where finding_id = ?", [finding])
        assert finding not in {each.finding_id for each in exhibits(con)}


def test_damaged_evidence_leaves_the_old_packet(small_run: Published, commissioner_packet: Path, tmp_path: Path) -> None:
    home = tmp_path / "data"
    shutil.copytree(small_run.settings.raw, home / "raw")
    cited = table(commissioner_packet / "evidence/data/excerpts.csv")[0]["response_sha256"]
    next((home / "raw").rglob(f"{cited}.gz")).write_bytes(b"no longer what it was")
    target = tmp_path / "packet"
    target.mkdir()
    (target / "old.txt").write_text("the packet before", encoding="utf-8")
    with pytest.raises(Refused, match="no longer has the SHA-256"):
        packet.build(replace(small_run.settings, data=home), small_run.audit, "commissioner", small_run.database, target)
    assert (target / "old.txt").read_text(encoding="utf-8") == "the packet before"


def test_what_cannot_be_made_is_refused_in_a_sentence(small_run: Published, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no packet is made to 'press'"):
        packet.build(small_run.settings, small_run.audit, "press")
    with pytest.raises(Refused, match="ahead of an audit"):
        packet.build(small_run.settings, small_run.audit, "public", planned=True)
    with pytest.raises(Refused, match="nothing is published"):
        packet.build(replace(small_run.settings, data=tmp_path), small_run.audit, "public")
