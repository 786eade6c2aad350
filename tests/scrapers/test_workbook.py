"""Workbooks and the tables of a page: which sheet, which header, and what a number has lost."""

# ruff: noqa: E501 rows of tables read best unbroken

import io
import struct
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from scrapers.formats._sheets import OLE
from scrapers.records import Refused, Source, SourceUnreadable
from tests.scrapers.reads import SHARED, card, rejected, selected

LISTINGS = "title: Cedar\nkind: insurer\nformat: table\nstart: a.xlsx\nnetwork: Cedar\n"
COLUMNS = "columns: {name: Provider, npi: NPI, city: City, state: State, zip: Zip}\nignore: [Since]\n"
NOBODY, ENDS = 0xFFFFFFFF, 0xFFFFFFFE  # of a compound file: no entry, the end of a chain
HEADER = ["Provider", "NPI", "City", "State", "Zip", "Since"]


@pytest.fixture
def cedar(tmp_path: Path) -> Source:
    return card(tmp_path, LISTINGS + COLUMNS)


def book(sheets: dict[str, list[list[Any]]], *, merged: str = "", hidden: str = "", old_mac: bool = False) -> bytes:
    body = io.BytesIO()
    made = xlsxwriter.Workbook(body, {"in_memory": True, "date_1904": old_mac})
    for name, rows in sheets.items():
        sheet = made.add_worksheet(name)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(at, column, value, made.add_format({"num_format": "mm/dd/yyyy"}))
                else:
                    sheet.write(at, column, value)
        if merged and name == next(iter(sheets)):
            sheet.merge_range(merged, rows[int(merged.split(":")[0][1:]) - 1][0])
        if name == hidden:
            sheet.hide()
    made.close()
    return body.getvalue()


def old_book(rows: list[list[Any]], name: str = "Roll") -> bytes:
    """The same as .xls: BIFF8 ([MS-XLS] 2.4) in a compound file ([MS-CFB] 2) of one table, one folder and one stream."""

    def record(kind: int, body: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def text(said: str, size: str) -> bytes:
        return struct.pack(f"<{size}B", len(said), 1) + said.encode("utf-16-le")

    def cell(row: int, column: int, value: Any) -> bytes:
        place = struct.pack("<HHH", row, column, 0)
        return record(0x0204, place + text(value, "H")) if isinstance(value, str) else record(0x0203, place + struct.pack("<d", value))

    def begins(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0))

    def entry(called: str, kind: int, child: int, first: int, size: int) -> bytes:
        coded = called.encode("utf-16-le")
        about = struct.pack("<HBBIII", len(coded) + 2, kind, 1, NOBODY, NOBODY, child)
        return coded.ljust(64, b"\0") + about + bytes(36) + struct.pack("<IQ", first, size)

    cells = b"".join(cell(at, column, value) for at, row in enumerate(rows) for column, value in enumerate(row))
    listed = [begins(5), record(0x0085, struct.pack("<IH", 0, 0) + text(name, "B")), record(0x000A)]
    listed[1] = record(0x0085, struct.pack("<IH", sum(map(len, listed)), 0) + text(name, "B"))
    stream = b"".join([*listed, begins(0x10), cells, record(0x000A)])
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    count = len(stream) // 512
    assert count < 126, "one sector holds the table of that many"
    head = struct.pack("<8s16xHHHHH6xIIIIIIIIII", OLE, 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, ENDS, 0, ENDS, 0, 0)
    table = struct.pack(f"<{count + 2}I", 0xFFFFFFFD, ENDS, *range(3, count + 2), ENDS)
    folder = entry("Root Entry", 5, 1, ENDS, 0) + entry("Workbook", 2, NOBODY, 2, len(stream)) + bytes(256)
    return head.ljust(512, b"\xff") + table.ljust(512, b"\xff") + folder + stream


def test_a_sheet_is_read_below_its_title_and_its_header(cedar: Source, tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Directory of Cedar Plan"],
        [],
        HEADER,
        ["Reyes,  Ada", 2900000009.0, "Ashgrove", "WA", "00301", date(2020, 1, 5)],
    ]
    read = selected(cedar, book({"Providers": [*rows, [None] * 6, ["Holm, Bo", "", "Ashgrove", "WA", 301, ""]], "Empty": []}), tmp_path)
    assert read == [
        {
            "locator": "Providers row 4",
            "name": "Reyes, Ada",
            "npi": "2900000009",
            "city": "Ashgrove",
            "state": "WA",
            "zip": "00301",
            "network": "Cedar",
        },
        {"locator": "Providers row 6", "name": "Holm, Bo", "city": "Ashgrove", "state": "WA", "zip": "301", "network": "Cedar"},
    ]


def test_a_zip_code_that_became_a_number_is_restored_where_there_is_no_doubt(cedar: Source, tmp_path: Path) -> None:
    body = book(
        {"P": [HEADER, ["Ada", "", "Boston", "MA", 2134, ""], ["Bo", "", "Selah", "WA", 2134, ""], ["Cy", "", "Selah", "", 98942.0, ""]]}
    )
    assert [row["zip"] for row in selected(cedar, body, tmp_path)] == ["02134", "2134", "98942"]


@pytest.mark.parametrize("old_mac", [False, True])
def test_dates_and_days_counted_in_numbers(tmp_path: Path, old_mac: bool) -> None:
    roll = card(
        tmp_path,
        "title: R\nkind: license_roll\nstate: VA\nformat: table\nstart: a.xlsx\ncolumns: {number: Nr, issued: From, expires: To}\n",
    )
    count = (date(2027, 3, 31) - (date(1904, 1, 1) if old_mac else date(1899, 12, 30))).days
    body = book({"R": [["Nr", "From", "To"], ["0017", date(2020, 1, 5), count], ["0018", "n/a", "12/31/2027"]]}, old_mac=old_mac)
    assert [(row["number"], row["issued"], row["expires"]) for row in selected(roll, body, tmp_path)] == [
        ("0017", "2020-01-05", "2027-03-31"),
        ("0018", "n/a", "12/31/2027"),
    ]


def test_an_old_workbook_is_read_as_a_new_one(tmp_path: Path) -> None:
    roll = card(tmp_path, "title: X\n" + ROLL + "columns: {number: Number, name: Name, expires: Expires}\n")
    rows: list[list[Any]] = [
        ["A roll of 2026", "", ""],
        ["Number", "Name", "Expires"],
        ["MA1", "Núñez, Ada", 45292],
        ["MA2", "Lund, Ida", "2026-01-31"],
    ]
    assert selected(roll, old_book(rows), tmp_path) == [
        # from which day such a book counts is not known
        {"locator": "Roll row 3", "number": "MA1", "name": "Núñez, Ada", "expires": "45292"},
        {"locator": "Roll row 4", "number": "MA2", "name": "Lund, Ida", "expires": "2026-01-31"},
    ]
    many: list[list[Any]] = [["Number", "Name", "Expires"], *([f"MA{at}", "Lund", ""] for at in range(700))]
    assert len(selected(roll, old_book(many), tmp_path)) == 700
    for size in (600, 1500, 1700):
        with pytest.raises(SourceUnreadable, match=r"the workbook (cannot be read|is damaged)"):
            selected(roll, old_book(rows)[:size], tmp_path)


def test_a_sheet_without_the_columns_is_said_and_a_hidden_one_is_not_read(cedar: Source, tmp_path: Path) -> None:
    sheets = {
        "P": [HEADER, ["Ada", "", "", "", "", ""]],
        "Actions": [["Number", "Action"], ["1", "Fine"]],
        "Old": [HEADER, ["Bo", "", "", "", "", ""]],
    }
    rows = selected(cedar, book(sheets, hidden="Old"), tmp_path)
    assert [row.get("name") for row in rows] == ["Ada", None]
    assert rows[1]["problem"] == "the sheet 'Actions' has not the card's columns; name the sheets to read under `sheet:`"
    named = card(tmp_path, f"{LISTINGS}{COLUMNS}sheet: P\n")
    assert [row.get("name") for row in selected(named, book(sheets), tmp_path)] == ["Ada"]
    with pytest.raises(SourceUnreadable, match="there is no 'Q' here; there are 'P', 'Actions', 'Old'; correct `sheet:`"):
        selected(card(tmp_path, f"{LISTINGS}{COLUMNS}sheet: Q\n"), book(sheets), tmp_path)


def test_a_new_column_is_named_and_one_in_which_nothing_stands_is_not(cedar: Source, tmp_path: Path) -> None:
    assert len(selected(cedar, book({"P": [[*HEADER, "Revised 05/09/2026"], ["Ada", "", "", "", "", "", ""]]}), tmp_path)) == 1
    with pytest.raises(Refused, match="the table has 'Fax', not on the card"):
        selected(cedar, book({"P": [[*HEADER, "Fax"], ["Ada", "", "", "", "", "", "555-0100"]]}), tmp_path)
    with pytest.raises(Refused, match=r"the table has 'Name'.*not on the card"):
        selected(cedar, book({"P": [["Name", *HEADER[1:]], ["Ada", "", "", "", "", ""]]}), tmp_path)


def test_a_merged_cell_holds_for_every_row_it_spans(cedar: Source, tmp_path: Path) -> None:
    body = book({"P": [HEADER, ["Reyes, Ada", "", "Ashgrove", "WA", "00301", ""], ["", "", "Fernley", "WA", "00302", ""]]}, merged="A2:A3")
    assert [(row["name"], row["city"]) for row in selected(cedar, body, tmp_path)] == [
        ("Reyes, Ada", "Ashgrove"),
        ("Reyes, Ada", "Fernley"),
    ]


def test_the_header_again_is_no_record_and_a_cell_beyond_it_is_a_problem(cedar: Source, tmp_path: Path) -> None:
    rows = selected(cedar, book({"P": [HEADER, HEADER, ["Ada", "", "", "", "", ""], ["Bo", "", "", "", "", "", "stray"]]}), tmp_path)
    assert [row["problem"] for row in rows if "problem" in row] == ["7 fields where the header has 6"]
    assert [row["name"] for row in rows if "name" in row] == ["Ada"]


def test_a_damaged_workbook_is_unreadable(cedar: Source, tmp_path: Path) -> None:
    whole = book({"P": [HEADER]})
    with pytest.raises(SourceUnreadable):
        selected(cedar, whole[: len(whole) // 2], tmp_path)
    with pytest.raises(SourceUnreadable, match="the workbook cannot be read"):
        selected(cedar, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, tmp_path)


def test_a_workbook_that_floods_is_refused_by_size(cedar: Source, tmp_path: Path) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
        parts.writestr("xl/workbook.xml", b" " * 60_000_000)
    with pytest.raises(SourceUnreadable, match="60,000,000"):
        selected(cedar, body.getvalue(), tmp_path)


def test_the_table_with_the_columns_is_found_among_those_of_a_page(cedar: Source, tmp_path: Path) -> None:
    cells = "".join(f"<th>{each}</th>" for each in HEADER)
    body = f"""<!doctype html><table><tr><td>Menu<td><table><tr><td>Home</table></table>
      <table><caption>Providers</caption><tr>{cells}<tr><td rowspan=2>Ada<br>Reyes<td><td>Ashgrove<td>WA<td>00301<td>
      <tr><td><td>Fernley<td>WA<td>00302<td><tr><td colspan=6>Clinics<tr><td>Bo Holm<td></table>"""
    rows = selected(cedar, body, tmp_path)
    assert [(row.get("name"), row.get("city"), row["locator"]) for row in rows if "problem" not in row] == [
        ("Ada Reyes", "Ashgrove", "table Providers row 2"),
        ("Ada Reyes", "Fernley", "table Providers row 3"),
        ("Clinics", None, "table Providers row 4"),
    ]
    assert [row["problem"] for row in rows if "problem" in row] == ["2 fields where the header has 6"]


def test_a_page_without_the_table_is_named_as_such(cedar: Source, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="nothing stands in any table here"):
        selected(cedar, "<!doctype html><title>Sign in</title><form></form>", tmp_path)
    with pytest.raises(Refused, match="the table has 'Home', not on the card"):
        selected(cedar, "<!doctype html><table><tr><td>Home</table>", tmp_path)


def test_files_of_an_archive_are_read_by_name(tmp_path: Path) -> None:
    roll = "title: R\nkind: license_roll\nstate: FL\nformat: table\nstart: a.zip\nquote: none\ncolumns: {number: Nr}\n"
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as parts:
        parts.writestr("dumps/PROF_ALL.txt", "Nr|\n1|\n2|\n")
        parts.writestr("dumps/layout.txt", "no table")
    source = card(tmp_path, f"{roll}sheet: '*/PROF_ALL.txt'\n")
    assert selected(source, body.getvalue(), tmp_path) == [{"locator": f"PROF_ALL.txt row {at}", "number": str(at)} for at in (1, 2)]
    with pytest.raises(SourceUnreadable, match="no file of the archive is called"):
        selected(card(tmp_path, f"{roll}sheet: roll.txt\n"), body.getvalue(), tmp_path)


def test_no_two_rows_stand_in_one_place(tmp_path: Path) -> None:
    source = card(tmp_path, "title: T\nkind: insurer\nformat: table\nstart: a.zip\ncolumns: {name: Name}\n")
    table = "<table><caption>Providers</caption><tr><th>Name<tr><td>{}</table>"
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as parts:
        parts.writestr("king/list.csv", "Name\nAda Reyes\n")
        parts.writestr("pierce/list.csv", "Name\nBo Holm\n")
        parts.writestr("a.html", "<html>" + table.format("Kim Nordin") + table.format("Eva Strand"))
    assert {row["locator"]: row["name"] for row in selected(source, body.getvalue(), tmp_path)} == {
        "list.csv row 1": "Ada Reyes",
        "pierce/list.csv row 1": "Bo Holm",
        "a.html table Providers row 2": "Kim Nordin",
        "a.html table Providers (2) row 2": "Eva Strand",
    }


# Real files: counts only, never a value --------------------------------------------------------------------------

ROLL = "kind: license_roll\nstate: ZZ\nformat: table\nstart: a\n"
EXCLUSION = "kind: exclusion\nstate: ZZ\nformat: table\nstart: a\n"
VIRGINIA = (
    "columns: {number: license_no, type: occupation, first: first_name, middle: middle_name, last: last_name, suffix: name_suffix, "
    "status: license_status, issued: issue_date, expires: expiration_date, address: addr_line_1 + addr_line_2 + addr_line_3, city: addr_city, "
    "state: addr_state, zip: addr_zipcode, action: flag_of_notice_or_action}\nignore: [Spec1, Spec2, Spec3]\n"
    "sheet: [Licensed Midwife, Nurse Prac. with Midwife cert]\n"
)
REAL = {
    "rolls/ga_newlicenses.csv": (
        ROLL
        + "columns: {name: Name, address: Address, number: 'License #', type: License Type, status: Status, issued: Issued, expires: Expires}\n"
        "ignore: [Profession, Last Renewal Date]\n",
        925,
    ),
    "rolls/ma_sample.csv": (
        ROLL
        + "columns: {name: licensee_name, number: license_number, type: license_type, address: address, status: status, issued: issue_date, "
        "expires: expiration_date, action: compliance_actions}\nignore: [drug_schedules, revoked_date, associated_records, void_date, "
        "certification, retirement_date, aprn_supervision, surrendered_date, fines]\n",
        102,
    ),
    "rolls/nursys_sample.csv": (
        ROLL + "columns: {name: name_on_license, number: license, type: type, status: license_status, issued: license_original_issue_date, "
        "expires: license_expiration_date}\nignore: [compact_status, license_state, advanced_practice_license_recognition_information, active]\n",
        127,
    ),
    "rolls/ny_nysed_28MID.txt": (
        ROLL + "widths: {Day: [1, 8], Nr: [10, 15], Holder: [17, 80]}\ncolumns: {issued: Day, number: Nr, name: Holder}\n",
        1904,
    ),
    "rolls/or_midwives.csv": (
        ROLL
        + "columns: {number: LicenseNo, type: LicenseType, issued: LicenseIssueDate, last: ApplicantLastName, first: ApplicantFirstName, "
        "status: LicenseStatus, address: MailingAddress1 + MailingAddress2, city: MailingCity, state: MailingState, zip: MailingPostalCode}\n"
        "ignore: [Board, LicenseRenewalDate, PublicRecord, Disclose]\n",
        187,
    ),
    "rolls/ut_cnm_clean.csv": (
        ROLL
        + "columns: {number: license_number, type: known_credentials, status: license_status, name: name, city: city, state: state, zip: zip}\n"
        "ignore: [documents, state_of_record, data_source, date_collected]\n",
        650,
    ),
    "rolls/va_dhp_midwives.xlsx": (ROLL + VIRGINIA, 375),
    "rolls/wi_dsps_nurse_midwives.csv": (
        ROLL + "columns: {name: Full Name, number: License Number, type: Profession Name, status: Status, issued: First Issue Date, "
        "expires: Expiration}\nignore: [Cred Type ID]\n",
        620,
    ),
    "exclusions/oh1-0.xlsx": (
        EXCLUSION
        + "columns: {last: Last Name, first: First Name, organization: Organization Name, npi: NPI, city: City, state: State, zip: Zip Code, "
        "type: Status, excluded: Action Date, specialty: Provider Type}\nignore: [DOB, Address 1, Address 2, Provider ID, Date Added]\n",
        879,
    ),
    "exclusions/az1-0.html": (
        EXCLUSION
        + "columns: {last: Last Name / Company Name, first: First Name, excluded: Term Date, specialty: Specialty, npi: NPI Number}\n",
        36,
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_every_row_of_a_real_file_is_read(name: str, tmp_path: Path) -> None:
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip("the real samples are not part of the project")
    text, count = REAL[name]
    source = card(tmp_path, f"title: Real\n{text}")
    rows = selected(source, path.read_bytes(), tmp_path)
    assert [row["problem"] for row in rows if "problem" in row] == []
    assert len(rows) == count
    assert rejected(source, path.read_bytes(), tmp_path) == []
