"""A table in a PDF: rows over pages, ruled or only aligned, and what cannot be read for certain kept out of them."""

# ruff: noqa: E501 rows of tables read best unbroken

from pathlib import Path

import pytest
import typst

from scrapers.formats import pdf_table
from scrapers.records import Refused, Source, SourceUnreadable
from tests.scrapers.reads import SHARED, card, selected

LIST = (
    "title: Excluded\nkind: exclusion\nstate: ZZ\nformat: pdf_table\nstart: a.pdf\n"
    "columns: {last: Last Name, first: First Name, npi: NPI, excluded: Begin Date, type: Reason}\nignore: [End Date]\n"
)
HEADER = ["Last Name", "First Name", "NPI", "Begin Date", "Reason", "End Date"]


@pytest.fixture
def excluded(tmp_path: Path) -> Source:
    return card(tmp_path, LIST)


def paper(rows: list[list[str]], *, ruled: bool, height: str = "120pt") -> bytes:
    """An invented list on as many pages as it needs, its header repeated on each."""
    cells = "".join("".join(f"[{cell}]," for cell in row) for row in rows)
    header = "".join(f"[{cell}]," for cell in HEADER)
    return typst.compile(
        f"""#set page(width: 700pt, height: {height}, margin: 20pt)
        #set text(size: 8pt)
        #table(columns: (1fr, 1fr, 70pt, 70pt, 1.5fr, 70pt), stroke: {"0.5pt" if ruled else "none"}, table.header({header}), {cells})""".encode()
    )


def rows(count: int) -> list[list[str]]:
    return [[f"Lund{at}", "Ida Mae", f"29{at:08}", "5/1/2020", "Program related conviction", ""] for at in range(count)]


@pytest.mark.parametrize("ruled", [True, False])
def test_every_row_of_every_page_is_read_once(excluded: Source, tmp_path: Path, ruled: bool) -> None:
    read = selected(excluded, paper(rows(12), ruled=ruled), tmp_path)
    assert read == [
        {
            "locator": row["locator"],
            "last": f"Lund{at}",
            "first": "Ida Mae",
            "npi": f"29{at:08}",
            "excluded": "5/1/2020",
            "type": "Program related conviction",
        }
        for at, row in enumerate(read)
    ]
    assert len(read) == 12
    assert read[0]["locator"] == "page 1 row 1, confidence 1.00"
    assert read[-1]["locator"].startswith("page 3 row"), "the header stands on each page, and is no row"


@pytest.mark.parametrize(("ruled", "confidence"), [(True, "1.00"), (False, "0.9")])
def test_a_cell_of_two_lines_is_one_and_less_sure_where_nothing_is_ruled(
    excluded: Source, tmp_path: Path, ruled: bool, confidence: str
) -> None:
    body = paper([["Lund", "Ida", "2900000009", "5/1/2020", "Program related conviction, " * 3, ""], *rows(1)], ruled=ruled)
    first, second = selected(excluded, body, tmp_path)
    assert first["type"] == ("Program related conviction, " * 3).strip()
    assert first["locator"].startswith(f"page 1 row 1, confidence {confidence}")
    assert second["last"] == "Lund0"


def test_a_name_that_runs_into_the_next_column_is_a_problem(excluded: Source, tmp_path: Path) -> None:
    overflow = "#box(width: 60pt)[#box(width: 400pt)[Quiet Lantern Massage and Bodywork of the Lower Valley Inc]]"
    body = paper([*rows(4), [overflow, "", "2900000009", "5/1/2020", "Fraud", ""]], ruled=False, height="300pt")
    read = selected(excluded, body, tmp_path)
    assert sorted(row["last"] for row in read if "problem" not in row) == ["Lund0", "Lund1", "Lund2", "Lund3"]
    (problem,) = [row for row in read if "problem" in row]
    assert problem["problem"] == "we are not sure enough how this row is meant; the card asks for 0.9"
    assert problem["locator"].startswith("page 1 row 5, confidence 0.")


def test_the_card_says_how_sure_is_sure_enough(tmp_path: Path) -> None:
    body = paper([["Lund", "Ida", "2900000009", "5/1/2020", "Program related conviction, " * 3, ""]], ruled=False)
    (row,) = selected(card(tmp_path, LIST + "confidence_at_least: 0.99\n"), body, tmp_path)
    assert "the card asks for 0.99" in row["problem"]
    with pytest.raises(Refused, match="`confidence_at_least` is 2; expected a number from 0 to 1"):
        card(tmp_path, LIST + "confidence_at_least: 2\n")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!doctype html>", "does not begin like a PDF"),
        (b"%PDF-1.7\nnothing of the kind", "the PDF cannot be read"),
        (b"", "does not begin like a PDF"),
    ],
)
def test_what_is_no_pdf_is_unreadable(excluded: Source, tmp_path: Path, body: bytes, said: str) -> None:
    with pytest.raises(SourceUnreadable, match=said):
        selected(excluded, body, tmp_path)


def test_a_pdf_that_prints_a_day_of_birth_is_refused_for_it_is_kept_whole(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="names 'Date of Birth', which nobody may keep, and a PDF is kept whole"):
        card(tmp_path, LIST.replace("[End Date]", "[End Date, Date of Birth]"))


def test_a_pdf_without_the_header_is_unreadable(excluded: Source, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no line of the PDF holds 'Begin Date', 'First Name', 'Last Name', 'NPI', 'Reason'"):
        selected(excluded, typst.compile(b"Nothing here"), tmp_path)


def test_a_pdf_of_too_many_pages_is_refused_by_number(excluded: Source, tmp_path: Path) -> None:
    count = 3001
    kids = " ".join(f"{at + 3} 0 R" for at in range(count))
    parts = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Count {count} /Kids [{kids}] >>"]
    parts += ["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"] * count
    body, starts = b"%PDF-1.4\n", []
    for at, part in enumerate(parts, 1):
        starts.append(len(body))
        body += f"{at} 0 obj\n{part}\nendobj\n".encode()
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    body += f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(parts) + 1} /Root 1 0 R >>\n".encode()
    body += f"startxref\n{body.rindex(b'xref')}\n%%EOF".encode()
    with pytest.raises(SourceUnreadable, match=r"has 3,001 pages; expected at most 3,000") as raised:
        selected(excluded, body, tmp_path)
    assert raised.value.failure == "too_large"


def test_a_pdf_that_takes_too_long_is_given_up(excluded: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_table, "SECONDS", 0.01)
    with pytest.raises(SourceUnreadable, match=r"was not read within 0.01 seconds") as raised:
        selected(excluded, paper(rows(1), ruled=True), tmp_path)
    assert raised.value.failure == "too_large"


def test_every_row_of_a_real_list_is_a_record_or_a_reason(tmp_path: Path) -> None:
    path = SHARED / "data/exclusions/tn1-0.pdf"
    if not path.exists():
        pytest.skip("the real samples are not part of the project")
    read = selected(card(tmp_path, LIST), path.read_bytes(), tmp_path)
    assert len(read) == 11
    assert len([row for row in read if "problem" in row]) == 1, "a name of a practice that runs into the column of first names"
