"""What people and sites get wrong: each ends in one clear sentence, the exit status that was promised, and nothing published."""

import csv
import io
import re
import time

import openpyxl
import pypdf
import pytest

from tests.scrapers.site import Reply, json_, page, served
from tests.story.command import published, rollcall, rows
from tests.story.volunteer import AUDIT, HEADER, LIST, PAGES, PROVIDERS, ROLL, TABLE, Volunteer, card_page, roll

# Cards -----------------------------------------------------------------------------------------------------------


def test_an_unknown_key_on_a_card_is_answered_with_the_nearest(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv").replace("columns:", "colums:"))
    volunteer.is_told(2, "evergreen.yml", "'colums'", "did you mean 'columns'?")


GARBAGE = ["", "title: [never closed", "- a\n- list\n", "title: twice\ntitle: twice\n", b"\x93\xfa\x00\xff", b"\x00" * 300]


@pytest.mark.parametrize("said", GARBAGE)
def test_an_audit_card_that_is_no_card(volunteer: Volunteer, said: str | bytes) -> None:
    volunteer.has(audit_yml=said)
    volunteer.is_told(2, "audit.yml")


def test_a_card_or_a_file_that_is_not_there(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="lst.csv"))
    volunteer.has(list_csv=LIST)
    volunteer.is_told(2, "there is no file lst.csv", "relative to the card")
    (volunteer.folder / "evergreen.yml").rename(volunteer.folder / "evergreen_mutual.yml")
    volunteer.is_told(2, "there is no card ./evergreen.yml", "did you mean evergreen_mutual.yml?")
    assert "no audit card" in rollcall("run", volunteer.folder / "adit.yml", "--data", volunteer.data).sentence


# Answers ---------------------------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[str, Reply, list[str]]] = {
    "truncated JSON": (PROVIDERS, json_('[{"npi": "1234567893", "type": "INDIVIDUAL", "name": {"fir'), ["JSON that breaks off"]),
    "HTML where JSON was due": (PROVIDERS, page("We have moved"), ["asked for JSON", "got an HTML page titled 'Providers'"]),
    "an empty 200": (PROVIDERS, Reply(), ["got nothing (0 bytes)", "an empty answer is not an empty directory"]),
    "an empty 200 for a page": (PAGES, Reply(), ["got nothing (0 bytes)"]),
    "an empty 200 for a table": (TABLE, Reply(), ["got nothing (0 bytes)"]),
    "a zip that breaks off": (TABLE, Reply(body=b"PK\x03\x04" + bytes(200)), ["the file is a zip that breaks off"]),
    "a captcha": (
        PAGES,
        Reply(body=b"<!doctype html><title>Just a moment...</title><p>Checking your browser before you go on.</p>"),
        ["a block page (captcha or bot check)", "do not work around it"],
    ),
    "a captcha where a table was due": (
        TABLE,
        Reply(body=b"<html><head><title>Attention Required!</title></head><body>Please verify you are human</body></html>"),
        ["a block page"],
    ),
    "a login page": (
        PAGES,
        Reply(body=b"<!doctype html><title>Sign in</title><form><input name=user><input type=password></form>"),
        ["a login page", "without an account"],
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_not_what_was_asked_for(volunteer: Volunteer, kind: str) -> None:
    card, reply, words = ANSWERS[kind]
    with served({"/providers": reply}) as site:
        volunteer.audits(source=card.format(start=f"{site.url}/providers"))
        volunteer.is_told(3, "source: ", *words)


def test_no_results_is_not_believed_either(volunteer: Volunteer) -> None:
    with served({"/providers": page("No results were found.")}) as site:
        volunteer.audits(source=PAGES.format(start=f"{site.url}/providers"))
        volunteer.is_told(1, "0 records were read", "before believing that nobody is listed")


def test_the_same_in_a_file_saved_by_hand(volunteer: Volunteer) -> None:
    volunteer.audits(source=PROVIDERS.format(start="providers.json"))
    volunteer.has(providers_json='[{"npi": "1234567893", "na')
    volunteer.is_told(3, "providers.json", "JSON that breaks off", "take the file anew")
    volunteer.has(providers_json="<!doctype html><html><title>Not found</title></html>")
    volunteer.is_told(3, "expected JSON", "an HTML page titled 'Not found'")
    volunteer.has(providers_json="")
    volunteer.is_told(3, "got nothing (0 bytes)")


def test_another_encoding_is_read_unless_the_card_says_otherwise(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv"))
    volunteer.has(list_csv=(LIST + "Zoë Birkeland,1 Alder St,Tacoma,98402,253-555-0199\n").encode("latin-1"))
    named = "select given_name from curated.listing where name_raw like 'Z%' or name_raw like '%Birkeland' and phone = '253-555-0199'"
    assert volunteer.runs().status == 0
    assert rows(published(volunteer.data, "audit"), named) == [("Zoë",)]
    volunteer.audits(evergreen=TABLE.format(start="list.csv") + "encoding: utf-8\n")
    done = volunteer.runs()
    assert (done.status, "1 problems" in done.err) == (0, True), done.err
    assert rows(published(volunteer.data, "audit"), named) == []
    ((reason,),) = rows(published(volunteer.data, "audit"), "select reason from curated.problem")
    assert "encoding" in str(reason)


def test_a_loop_of_next_links(volunteer: Volunteer) -> None:
    first, second = card_page("Rowan Ashdale", "/find?page=2"), card_page("Ida Birkeland", "/find?page=1")
    with served({"/find?page=1": first, "/find?page=2": second}) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/find?page=1"))
        volunteer.is_told(3, "leads back to", "a loop of next links", "open both in a browser")
        assert site.pages_asked() == ["/find?page=1", "/find?page=2"]


def test_a_redirect_to_another_host(volunteer: Volunteer) -> None:
    with served({"/find": Reply(status=302, headers={"Location": "https://elsewhere.example/find"})}) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/find"))
        volunteer.is_told(3, "another host, https://elsewhere.example/find", "`visit: hosts:`")


def test_one_source_of_three_that_fails_does_not_keep_the_others_from_being_collected(volunteer: Volunteer) -> None:
    with served({"/one.csv": Reply(body=LIST.encode()), "/three.csv": Reply(body=LIST.encode())}) as site:
        volunteer.audits(**{name: TABLE.format(start=f"{site.url}/{name}.csv") for name in ("one", "two", "three")})
        volunteer.is_told(3, "two: ", "status 404")
        assert site.pages_asked() == ["/one.csv", "/two.csv", "/three.csv"]
        site.says["/two.csv"] = Reply(body=LIST.encode())
        assert volunteer.collects().status == 0
        assert site.pages_asked()[3:] == ["/two.csv"], "what was whole is not asked for again"


# What the expectations stop --------------------------------------------------------------------------------------


def test_a_directory_that_shrank_is_a_broken_capture_until_its_card_says_why(volunteer: Volunteer) -> None:
    march, april = LIST, "".join(LIST.splitlines(keepends=True)[:5])  # ten listings, then four
    volunteer.has(march_csv=march, april_csv=april)
    volunteer.audits(evergreen=TABLE.format(start="march.csv") + "as_of: 2026-03-01\n")
    assert volunteer.runs().status == 0
    earlier = published(volunteer.data, "audit")

    both = TABLE.format(start="[march.csv, april.csv]") + "as_of: {march.csv: 2026-03-01, april.csv: 2026-04-01}\n"
    volunteer.audits(evergreen=both)
    time.sleep(1)  # a run is named by the second in which it began
    stopped = volunteer.runs()
    assert stopped.status == 1
    for words in ("4 records", "10 in the last good snapshot", "shrank by 60%", "expect: shrank: {2026-04-01: reason}"):
        assert words in stopped.sentence
    assert published(volunteer.data, "audit") == earlier, "the earlier publication stays current"
    assert rows(earlier, "select count(*) from curated.listing") == [(10,)]

    volunteer.audits(evergreen=both + "expect: {shrank: {2026-04-01: six therapists left when the clinic closed}}\n")
    assert volunteer.runs().status == 0
    counted = "select is_latest, count(*) from curated.listing group by 1 order by 1"
    assert rows(published(volunteer.data, "audit"), counted) == [(False, 10), (True, 4)]


def test_a_roll_more_than_seven_days_older_than_the_directory(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv") + "as_of: 2026-03-20\n")
    volunteer.has(list_csv=LIST, roll_csv=roll("MA60000001,Ashdale,Rowan,Massage Therapist License,ACTIVE,20270101"))
    volunteer.has(audit_yml=AUDIT.format(insurers="./evergreen.yml") + "roll: ./roll.yml\n", roll_yml=ROLL.format(as_of="2026-03-12"))
    volunteer.is_told(1, "the roll is 8 days older than the directory, at most 7 are allowed", "collect the roll again")
    volunteer.has(roll_yml=ROLL.format(as_of="2026-03-13"))
    assert volunteer.collects().status == 0
    assert volunteer.curates().status == 0


def test_a_status_that_nobody_has_explained_is_never_an_accusation(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv") + "as_of: 2026-03-20\n")
    volunteer.has(list_csv=HEADER + "Rowan Ashdale,1 Oak St,Tacoma,98402,2535550101\nIda Birkeland,2 Oak St,Tacoma,98402,2535550102\n")
    volunteer.has(
        roll_csv=roll(
            "MA60000001,Ashdale,Rowan,Massage Therapist License,STAYED PENDING REVIEW,20240101",
            "MA60000002,Birkeland,Ida,Massage Therapist License,EXPIRED,20240101",
        )
    )
    volunteer.has(audit_yml=AUDIT.format(insurers="./evergreen.yml") + "roll: ./roll.yml\n", roll_yml=ROLL.format(as_of="2026-03-20"))
    done = volunteer.runs()
    assert done.status == 0
    assert "notice: curated.status_meaning: " in done.err, "a person is asked what it means"
    database = published(volunteer.data, "audit")
    found = rows(database, "select name_raw, check_name from matching.finding join curated.listing using (listing_id)")
    assert found == [("Ida Birkeland", "lapsed_license")]
    assert rows(database, "select status, may_practice from curated.credential where given_name = 'Rowan'") == [("unknown", None)]


def test_a_site_that_has_healed_is_asked_again(volunteer: Volunteer) -> None:
    """What could not be read, or did not come up to what its card expects, is set aside; the next run does not go on from it."""
    bad = {"torn": b"PK\x03\x04" + bytes(200), "misshapen": b"Sorry\nWe are closed\n", "short": LIST.encode()[:200]}
    with served({"/list.csv": Reply()}) as site:
        volunteer.audits(evergreen=TABLE.format(start=f"{site.url}/list.csv") + "expect: {records: {at_least: 10}}\n")
        for kind, status in (("torn", 3), ("misshapen", 2), ("short", 1)):
            site.says["/list.csv"] = Reply(body=bad[kind])
            volunteer.is_told(status, "evergreen: ")
        site.says["/list.csv"] = Reply(body=LIST.encode())
        assert volunteer.collects().status == 0
        assert volunteer.curates().status == 0
        assert site.pages_asked() == ["/list.csv"] * 4


def test_an_old_capture_that_the_card_no_longer_fits_is_left_out_aloud(volunteer: Volunteer) -> None:
    """The insurer renamed a column, and the volunteer the key. What was said of March then rests on nothing that can be read now."""
    volunteer.has(march_csv=LIST, april_csv=LIST.replace("Provider", "Therapist"))
    volunteer.audits(evergreen=TABLE.format(start="march.csv") + "as_of: 2026-03-01\n")
    assert [volunteer.collects().status, volunteer.curates().status] == [0, 0]
    volunteer.audits(evergreen=TABLE.format(start="april.csv").replace("Provider", "Therapist") + "as_of: 2026-04-01\n")
    assert volunteer.collects().status == 0
    done = volunteer.curates()
    assert done.status == 0, done.err
    assert "evergreen@2026-03-01-" in done.err
    assert "is left out: evergreen: the table has 'Provider', not on the card" in done.err


# What would do harm if it were believed --------------------------------------------------------------------------

FORMULA = '=HYPERLINK("http://evil.example","Rowan Ashdale")'
SCRIPT = "<script>alert(1)</script> Birkeland"


def test_a_formula_and_a_script_come_out_as_the_text_they_are(volunteer: Volunteer) -> None:
    harmful = {FORMULA: "=1+1", SCRIPT: "2 Alder St", "@SUM(A1)": "+3 Oak St", '#panic("typst") $x$': "{{4}} Oak St"}
    text = io.StringIO()  # no telephone: each of them becomes a finding, and is printed
    csv.writer(text, lineterminator="\n").writerows([name, street, "Tacoma", "98402", ""] for name, street in harmful.items())
    volunteer.audits(evergreen=TABLE.format(start="list.csv"))
    volunteer.has(list_csv=LIST + text.getvalue())
    volunteer.has(audit_yml=AUDIT.format(insurers="./evergreen.yml") + "publish: [commissioner]\n")
    done = volunteer.runs()
    assert done.status == 0, done.err
    database = published(volunteer.data, "audit")
    folder = database.parent / database.stem.removeprefix("audit-")

    html = (folder / "commissioner.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in html
    assert not re.search(r"<script\b|\bon\w+=|javascript:", html, re.I)
    assert not re.search(r"<script\b", (folder / "expectations.html").read_text(encoding="utf-8"), re.I)

    cells = [cell for sheet in openpyxl.load_workbook(folder / "commissioner.xlsx") for row in sheet.iter_rows() for cell in row]
    assert {FORMULA, SCRIPT, "@SUM(A1)"} <= {cell.value for cell in cells}
    assert [cell.value for cell in cells if cell.data_type == "f" or cell.hyperlink] == []

    annex = list(csv.reader(io.StringIO((folder / "commissioner.csv").read_text(encoding="utf-8-sig"))))
    assert any(f"'{FORMULA}" in row for row in annex)
    assert [cell for row in annex for cell in row if cell.lstrip()[:1] in ("=", "@", "+")] == []

    paper = pypdf.PdfReader(folder / "commissioner.pdf")
    assert "alert(1)" in "".join(each.extract_text() for each in paper.pages)
    assert re.search(rb"/(JavaScript|JS|Launch)\b", (folder / "commissioner.pdf").read_bytes()) is None
    assert "evil.example" not in str([each.get("/Annots") for each in paper.pages])

    asked = rollcall("query", "select name_raw from curated.listing where name_raw like '=%'", "--csv", "--data", volunteer.data)
    assert asked.out.splitlines()[1].strip('"').startswith("'=HYPERLINK")
