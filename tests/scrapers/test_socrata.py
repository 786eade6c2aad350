"""A Socrata dataset: only the mapped columns are asked for, page after page, and a bulk file is read by the same card."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from scrapers import sources
from scrapers.reading import folded
from scrapers.records import Refused
from tests.scrapers.reads import card, page, selected

ROLL = "title: Copy\nkind: license_roll\nformat: socrata\nlike: wa.doh\nstart: {start}\npage_size: 2\n"
START = "http://127.0.0.1:8000/resource/abcd-1234.csv"


def test_only_the_mapped_columns_are_asked_for() -> None:
    roll = sources.load("wa.doh", Path())
    (first,) = sources.format_of(roll).requests(roll)
    asked = parse_qs(urlsplit(first.url).query)
    assert first.url.startswith("https://data.wa.gov/resource/qxh8-f4bd.csv?")
    assert asked["$select"] == [
        "credentialnumber,lastname,firstname,middlename,credentialtype,status,firstissuedate,expirationdate,actiontaken"
    ]
    assert (asked["$order"], asked["$limit"], asked["$offset"]) == ([":id"], ["50000"], ["0"])
    assert "birth" not in first.url


@pytest.mark.parametrize(
    "start", ["/resource/abcd-1234.csv", "/resource/abcd-1234.json", "/resource/abcd-1234", "/d/abcd-1234", "/abcd-1234"]
)
def test_a_dataset_may_be_written_in_any_of_its_addresses(tmp_path: Path, start: str) -> None:
    roll = card(tmp_path, ROLL.format(start="http://127.0.0.1:8000" + start))
    (first,) = sources.format_of(roll).requests(roll)
    assert first.url.startswith(START + "?$select=credentialnumber,")
    assert not first.is_leaf


def test_the_next_page_is_asked_for_while_a_page_is_full(tmp_path: Path) -> None:
    roll = card(tmp_path, ROLL.format(start=START))
    form = sources.format_of(roll)
    (first,) = form.requests(roll)
    full = 'credentialnumber,lastname\n"MA1","Two\nlines"\n"MA2","B"\n'
    (second,) = form.follow(page(full, first.url), roll)
    assert second.url == first.url.replace("$offset=0", "$offset=2")
    assert form.follow(page("credentialnumber,lastname\nMA3,C\n", second.url), roll) == []
    assert form.follow(page("credentialnumber,lastname\n", second.url), roll) == []


def test_a_bulk_file_is_one_request_and_its_headers_are_the_same_columns(tmp_path: Path) -> None:
    bulk = "https://data.example/api/views/abcd-1234/rows.csv?accessType=DOWNLOAD"
    roll = card(tmp_path, ROLL.format(start=bulk))
    form = sources.format_of(roll)
    (only,) = form.requests(roll)
    assert (only.url, only.is_leaf, form.follow(page("", bulk), roll)) == (bulk, True, [])

    body = (
        "Credential Number,LastName,First_Name,MiddleName,CredentialType,Status,BirthYear,CEDueDate,FirstIssueDate,LastIssueDate,"
        "ExpirationDate,ActionTaken\n"
        "XMAT.MA.60000001,Reyes,Ada,,Massage Therapist License,Active,1970,,20190102,20250102,20270102,No\n"
    )
    assert selected(roll, body, tmp_path) == [
        {
            "locator": "row 1",
            "number": "XMAT.MA.60000001",
            "first": "Ada",
            "last": "Reyes",
            "type": "Massage Therapist License",
            "status": "Active",
            "issued": "20190102",
            "expires": "20270102",
            "action": "No",
        }
    ]


def test_a_page_size_the_server_does_not_give_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="`page_size` is 100000; expected a whole number from 1 to 50000"):
        card(tmp_path, ROLL.format(start=START).replace("page_size: 2", "page_size: 100000"))


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("MA60123456", "MA60123456"),
        ("ma 60123456", "MA60123456"),
        ("MA-60123456", "MA60123456"),
        ("XMAT.MA.60123456", "MA60123456"),
        ("xmat.ma.60123456", "MA60123456"),
        ("RN.RN.60123456.MSL", "RN60123456"),
        ("DO.OP.60123456-IMLC", "OP60123456"),
        ("N361123456", "N361123456"),
        ("NATP.N2.61123456", "N261123456"),
        ("MA00012345", "MA00012345"),
        ("MA12345", "MA00012345"),
        ("60123456", None),
        ("MA601234567", None),
        ("unknown", None),
    ],
)
def test_a_washington_number_has_one_key_however_it_is_printed(printed: str, key: str | None) -> None:
    how = sources.load("wa.doh", Path()).license_key
    match = re.fullmatch(how["pattern"], printed)
    assert (match and match["prefix"].upper() + match["digits"].zfill(how["digits"])) == key


def test_a_status_permits_practice_forbids_it_or_says_nothing_either_way() -> None:
    words = sources.load("wa.doh", Path()).words["status"]
    by_fold = {folded(word): (means["status"], means["may_practice"]) for word, means in words.items()}
    assert by_fold["retired active"] == ("active_limited", True), "not retired: ninety days a year"
    assert by_fold["active on probation"] == ("active_restricted", True)
    assert by_fold["expired wa - active msl"] == ("superseded", True), "the multistate license permits practice"
    assert by_fold["expired"] == ("expired", False)
    silent = {status for status, may_practice in by_fold.values() if may_practice is None}
    assert silent == {"superseded", "pending", "closed", "military", "unknown"}
    assert all(means["citation"] for means in words.values())
