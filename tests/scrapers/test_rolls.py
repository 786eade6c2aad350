"""The license rolls of other states: invented rows in the shape of each, read by the shipped card, and what each status may support."""

# ruff: noqa: E501 rows of tables read best unbroken

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipelines import warehouse
from scrapers import sources
from tests.scrapers.reads import rejected, selected

ROLLS = ("tx.tdlr", "fl.mqa", "co.dora", "il.idfpr", "ct.elicense", "de.dpr", "ny.nysed")
FLORIDA = (
    "pro_cde|Profession-Name|lic_id|Expire-Date|Original-Date|Rank-Code|License-Number|Status-Effective-Date|Board-Action-Indicator|"
    "License-Status-Description|Last-Name|First-Name|Middle-Name|Name-Suffix|Business-Name|License-Active-Status-Description|County|"
    "County-Description|Mailing-Address-Line1|Mailing-Address-line2|Mailing-Address-line3|Mailing-Address-City|Mailing-Address-State|"
    "Mailing-Address-ZIPcode|Mailing-Address-Area-Code|Mailing-Address-Phone-Number|Mailing-Address-Phone-Extension|"
    "Practice-Location-Address-Line1|Practice-Location-Address-line2|Practice-Location-Address-line3|Practice-Location-Address-City|"
    "Practice-Location-Address-State|Practice-Location-Address-ZIPcode|Email|Mod-Cdes|Prescribe-Ind|Dispensing-Ind|Birth-Year-Range|Other-License \n"
)


def read(name: str, body: str | bytes, folder: Path) -> list[dict[str, Any]]:
    return selected(sources.load(name, folder), body, folder)


@pytest.mark.parametrize("name", ROLLS)
def test_a_roll_says_what_is_known_of_it(name: str, tmp_path: Path) -> None:
    source = sources.load(name, tmp_path)
    assert source.kind == "license_roll"
    assert "verified_on" not in source.options, "nobody has called it"
    assert source.options.get("completeness") == {"tx.tdlr": "current_and_lapsed", "ny.nysed": None}.get(name, "full_history")
    for raw, word in source.words.get("status", {}).items():
        assert word["citation"], raw
        # a status that says nothing either way must not be one that a check takes for an end
        assert word["may_practice"] is not None or word["status"] in ("unknown", "pending", "closed", "superseded"), raw
        assert word["status"] != "terminated", f"{raw}: nobody has read who ended it, and barred_license would tell it"


def test_texas_has_no_header_no_status_and_a_blank_before_the_date(tmp_path: Path) -> None:
    row = 'Massage Therapist,100001, 05/12/2027,EXAMPLE,"REYES, ADA MAE",,,,,,,,,,,,,MT,N,,,,\n'
    longer = row.replace("100001", "100002").replace(",,,,\n", ",,,,,x\n")
    assert read("tx.tdlr", row + longer, tmp_path) == [
        {"locator": "row 1", "number": "100001", "name": "REYES, ADA MAE", "type": "Massage Therapist", "expires": "05/12/2027"}
    ]
    assert [line for line, _ in rejected(sources.load("tx.tdlr", tmp_path), (row + longer).encode(), tmp_path)] == [2]


def test_florida_comes_in_a_zip_with_pipes_and_stray_quotes(tmp_path: Path) -> None:
    fields = [""] * 39
    for at, value in {
        1: "Massage Therapist",
        3: "08/31/2027",
        4: "01/05/2015",
        5: "MA",
        6: "10001",
        8: "N",
        9: "DELINQUENT",
        10: '"DE VEGA',
    }.items():
        fields[at] = value
    for at, value in {
        11: "ADA",
        12: "MAE",
        15: "ACTIVE",
        18: "9 HOME ST",
        27: "7 OAK ST",
        28: "STE 2",
        30: "ASHGROVE",
        31: "FL",
        32: "00301",
    }.items():
        fields[at] = value
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as parts:
        parts.writestr("dbdumps/ldms/PROF_ALL.txt", (FLORIDA + "|".join(fields) + "|\n").replace("\n", "\r\n"))
    (row,) = read("fl.mqa", body.getvalue(), tmp_path)
    assert row == {
        "locator": "PROF_ALL.txt row 1",
        "number": "MA 10001",
        "last": '"DE VEGA',
        "first": "ADA",
        "middle": "MAE",
        "type": "Massage Therapist",
        "status": "DELINQUENT ACTIVE",
        "issued": "01/05/2015",
        "expires": "08/31/2027",
        "action": "N",
        "address": "7 OAK ST STE 2",
        "city": "ASHGROVE",
        "state": "FL",
        "zip": "00301",
    }


def test_colorado_joins_type_and_number_and_dates_its_actions(tmp_path: Path) -> None:
    header = (
        "licensetype,licensenumber,lastname,firstname,middlename,suffix,entityname,licensestatusdescription,licensefirstissuedate,"
        "licenseexpirationdate,disciplineeffectivedate,programaction,city,state\n"
    )
    body = (
        header
        + "MT,0010001,Reyes,Ada,Mae,,,Active - With Conditions,2015-01-05T00:00:00.000,2027-08-31T00:00:00.000,2019-02-01T00:00:00.000,Stipulation,Ash,CO\n"
    )
    assert read("co.dora", body, tmp_path) == [
        {
            "locator": "row 1",
            "number": "MT 0010001",
            "last": "Reyes",
            "first": "Ada",
            "middle": "Mae",
            "type": "MT",
            "status": "Active - With Conditions",
            "issued": "2015-01-05T00:00:00.000",
            "expires": "2027-08-31T00:00:00.000",
            "action": "2019-02-01T00:00:00.000 Stipulation",
            "city": "Ash",
            "state": "CO",
        }
    ]


def test_illinois(tmp_path: Path) -> None:
    body = (
        "license_number,last_name,first_name,middle,suffix,business_name,description,license_status,original_issue_date,expiration_date,"
        "discipline_start_date,action,city,state\n227010001,REYES,ADA,M,,,LICENSED MASSAGE THERAPIST,NOT RENEWED,01/05/2015,12/31/2024,,,ASH,IL\n"
    )
    (row,) = read("il.idfpr", body, tmp_path)
    assert (row["number"], row["status"], row["expires"], row["type"]) == (
        "227010001",
        "NOT RENEWED",
        "12/31/2024",
        "LICENSED MASSAGE THERAPIST",
    )
    assert "action" not in row


def test_in_connecticut_the_meaning_stands_in_the_reason(tmp_path: Path) -> None:
    header = "fullcredentialcode,name,businessname,credential,status,statusreason,issuedate,expirationdate,city,state\n"
    body = header + "".join(
        f"20.00{at},ADA M REYES,,MASSAGE THERAPIST,{status},{reason},2015-01-05T00:00:00.000,2024-08-31T00:00:00.000,ASH,CT\n"
        for at, (status, reason) in enumerate([("INACTIVE", "LAPSED DUE TO NON-RENEWAL"), ("ACTIVE", "CURRENT"), ("INACTIVE", "")])
    )
    known = sources.load("ct.elicense", tmp_path).words["status"]
    said = [row["status"] for row in read("ct.elicense", body, tmp_path)]
    assert [(known[each]["status"], known[each]["may_practice"]) for each in said] == [
        ("expired", False),
        ("active", True),
        ("unknown", None),
    ]


def test_delaware(tmp_path: Path) -> None:
    body = (
        "license_no,last_name,first_name,license_type,license_status,issue_date,expiration_date,disciplinary_action,city,state\n"
        "MT-0010001,Reyes,Ada,Massage Therapist,Probation,2015-01-05T00:00:00.000,2027-08-31T00:00:00.000,Y,Ash,DE\n"
    )
    (row,) = read("de.dpr", body, tmp_path)
    assert (row["number"], row["status"], row["action"], row["state"]) == ("MT-0010001", "Probation", "Y", "DE")


def test_new_york_is_fixed_width_and_says_nothing_about_today(tmp_path: Path) -> None:
    body = "20150105 010001 REYES ADA MAE\r\n       * 010002 HOLM BO\r\n"
    assert read("ny.nysed", body, tmp_path) == [
        {"locator": "row 1", "number": "010001", "name": "REYES ADA MAE", "issued": "20150105", "type": "Massage Therapist"},
        {"locator": "row 2", "number": "010002", "name": "HOLM BO", "issued": "*", "type": "Massage Therapist"},
    ]


@pytest.mark.parametrize(
    ("name", "printed", "key"),
    [
        ("tx.tdlr", "MT100001", "00100001"),
        ("tx.tdlr", "100001", "00100001"),
        ("fl.mqa", "MA 10001", "MA00010001"),
        ("fl.mqa", "ma10001", "MA00010001"),
        ("co.dora", "MT 0010001", "MT000010001"),
        ("co.dora", "MT.10001", "MT000010001"),
        ("il.idfpr", "227.010001", "227010001"),
        ("il.idfpr", "227010001", "227010001"),
        ("ct.elicense", "20.001234", "20001234"),
        ("de.dpr", "MT-0010001", "MT0010001"),
        ("ny.nysed", "10001", "010001"),
    ],
)
def test_a_number_has_one_key_however_it_is_printed(name: str, printed: str, key: str, tmp_path: Path) -> None:
    rule = sources.load(name, tmp_path).license_key
    with warehouse.workbench(tmp_path) as con:
        said = con.execute(
            "select license_key($raw, $p, $d)", {"raw": printed, "p": rule.get("pattern") or "", "d": int(rule.get("digits") or 0)}
        )
        assert said.fetchone() == (key,)
