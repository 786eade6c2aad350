"""Real pages, saved by real volunteers: read whole, followed over time, and held against no rule that does not apply."""

import json
import re
from pathlib import Path

import openpyxl
import pytest

from tests.story.command import published, rollcall, rows

SHARED = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the real samples in ../shared are not here")

CAPTURES = {
    "acupuncture": ("aes_2018-03_acupuncture_acupuncture_services.txt", "lynzt_2018-04_Acupuncture_Acupuncture_Services.txt"),
    "chiropractic": ("aes_2018-03_chiropractic_services_chiropractic_services.txt", "lynzt_2018-04_Chiropractic_Services_Chiropractic.txt"),
}
AUDIT = """
title: Minnesota Health Care Programs directory
state: MN
profession: acupuncturist
insurers: [./acupuncture.yml, ./chiropractic.yml]
"""
# A saved page: listings are blocks of lines with a blank line between them, and some lines may be missing.
CARD = """
title: Minnesota Health Care Programs, {name}
kind: insurer
surface: saved_page
state: MN
insurer: {{legal_name: Minnesota Health Care Programs}}
network: MHCP
format: cards
name_order: last_first
start: [{files}]
as_of: {{{days}}}
lines:
  - name: '.+'
  - organization?: '.+'
  - address: '.+'
  - place: '(?P<city>.+?), +(?P<state>[A-Z]{{2}}) +(?P<zip>\\d{{5}}(?:-?\\d{{4}})?)'
  - phone?: '\\(\\d{{3}}\\) \\d{{3}}-\\d{{4}}'
  - specialty?: 'Specialty: (?P<specialty>.+)'
  - accepting?: 'Self-restricted provider not accepting new patients'
words: {{accepting: {{"Self-restricted provider not accepting new patients": false}}}}
"""
DAYS = ("2018-03-15", "2018-04-15")
CHANGES = "select source_id, change, field, claim_id, before_value, after_value from curated.claim_change order by all"
CLAIMS = "select claim_id, first_seen_on, last_seen_on, is_current from curated.claim order by all"


def audit(folder: Path, captures: int = 2, more: str = "") -> Path:
    """The cards of a volunteer who has so many captures of each directory; returns the audit's."""
    for name, files in CAPTURES.items():
        given = files[:captures]
        days = ", ".join(f"{file}: {day}" for file, day in zip(given, DAYS, strict=False))
        (folder / f"{name}.yml").write_text(CARD.format(name=name, files=", ".join(given), days=days), encoding="utf-8")
        for file in given:
            if not (folder / file).exists():
                (folder / file).write_bytes((SHARED / "directories" / "mn-mhcp" / file).read_bytes())
    (folder / "mn.yml").write_text(AUDIT + more, encoding="utf-8")
    return folder / "mn.yml"


def blocks(file: str) -> list[tuple[str, ...]]:
    """What stands between blank lines, white space collapsed: counted here without any code of ours."""
    text = (SHARED / "directories" / "mn-mhcp" / file).read_text(encoding="utf-8")
    found = [tuple(" ".join(line.split()) for line in block.splitlines() if line.strip()) for block in re.split(r"\n\s*\n", text)]
    return [block for block in found if block]


@pytest.fixture(scope="module")
def minnesota(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an audit of both captures, its documents written."""
    home = tmp_path_factory.mktemp("minnesota")
    done = rollcall("run", audit(home, more="publish: [commissioner]\n"), "--data", home / "data")
    assert done.status == 0, done.err
    return home / "data"


def test_every_block_is_a_listing_or_a_problem(minnesota: Path) -> None:
    database = published(minnesota, "mn")
    counted = rows(database, "select source_id, observed_on::text, record_count, problem_count from curated.snapshot order by all")
    assert counted == [
        ("acupuncture", "2018-03-15", 370, 0),
        ("acupuncture", "2018-04-15", 371, 0),
        ("chiropractic", "2018-03-15", 2268, 0),  # of 2,267 blocks: one glues two listings together
        ("chiropractic", "2018-04-15", 2272, 0),
    ]
    assert [len(blocks(file)) for files in CAPTURES.values() for file in files] == [370, 371, 2267, 2272]
    lines = sum(len(block) for files in CAPTURES.values() for file in files for block in blocks(file))
    read = rows(
        database,
        "select sum(2 + (city is not null)::int + (phone is not null)::int + (specialty is not null)::int "
        "+ (is_accepting is not null)::int + (organization is not null and name_raw <> organization)::int) from curated.listing",
    )
    assert read == [(lines,)], "every line of every block went into one field"
    assert rows(database, "select count(*) from curated.listing where city is null or state is null or zip5 is null") == [(0,)]


def test_what_appeared_and_what_vanished_is_what_a_comparison_of_the_blocks_says(minnesota: Path) -> None:
    """Here nothing else changed: every difference between the captures is in a name or an address, which make another claim."""
    found = rows(published(minnesota, "mn"), "select source_id, change, count(*)::int from curated.claim_change group by all order by all")
    expected = []
    for name, files in CAPTURES.items():
        before, after = ({block[:8] for block in blocks(file)} for file in files)
        glued = {block for block in before if len(block) == 8 and {block[:4], block[4:]} <= after}
        before = (before - glued) | {part for block in glued for part in (block[:4], block[4:])}
        expected += [(name, "appeared", len(after - before))]
        expected += [(name, "vanished", len(before - after))] if before - after else []
    assert found == expected == [("acupuncture", "appeared", 1), ("chiropractic", "appeared", 8), ("chiropractic", "vanished", 4)]


def test_no_rule_of_another_state_and_no_question_about_licenses_without_a_roll(minnesota: Path) -> None:
    database = published(minnesota, "mn")
    checks = {check for (check,) in rows(database, "select distinct check_name from matching.finding")}
    assert "duplicate_listing" in checks
    assert checks <= {"duplicate_listing", "missing_required_field", "npi_invalid"}
    assert rows(database, "select rule_id from curated.rule where not starts_with(rule_id, 'us.')") == []
    assert rows(database, "select count(*) from matching.match where right_kind = 'credential'") == [(0,)]
    folder = database.parent / database.stem.removeprefix("audit-")
    html = (folder / "commissioner.html").read_text(encoding="utf-8")
    sheets = openpyxl.load_workbook(folder / "commissioner.xlsx", read_only=True)
    cells = " ".join(str(cell) for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row if cell)
    told = re.sub(r"<[^>]+>", " ", html)
    for said in (told, cells, (folder / "commissioner.csv").read_text(encoding="utf-8-sig")):
        assert "Minnesota" in said or "MHCP" in said
        assert re.findall(r"\b(RCW|WAC)\b|wa\.(?:rcw|wac)|Washington State|Revised Code of Washington", said) == []
    assert "us.nsa" in cells or "300gg" in cells, "federal rules hold there too"


def test_white_space_is_no_change(minnesota: Path, tmp_path: Path) -> None:
    """The April pages saved by another browser: other line ends, tabs, no-break spaces, blank lines with blanks in them."""
    card = audit(tmp_path)
    for _, after in CAPTURES.values():
        lines = (tmp_path / after).read_bytes().decode().splitlines()
        mangled = ["  \t" + re.sub(r"[ \t]+", "\u00a0  ", line) + " \t " for line in lines]
        (tmp_path / after).write_bytes("\r\n".join(["", *mangled, " ", ""]).encode())
    done = rollcall("run", card, "--data", tmp_path / "data")
    assert done.status == 0, done.err
    assert rows(published(tmp_path / "data", "mn"), CHANGES) == rows(published(minnesota, "mn"), CHANGES)
    assert rows(published(tmp_path / "data", "mn"), CLAIMS) == rows(published(minnesota, "mn"), CLAIMS)


def test_a_volunteer_who_adds_the_april_pages_later_learns_the_same(minnesota: Path, tmp_path: Path) -> None:
    first = rollcall("run", audit(tmp_path, captures=1), "--data", tmp_path / "data")
    assert first.status == 0, first.err
    assert rows(published(tmp_path / "data", "mn"), CHANGES) == []
    second = rollcall("run", audit(tmp_path), "--data", tmp_path / "data")
    assert second.status == 0, second.err
    for said in (CHANGES, CLAIMS, "select finding_id, tier, state, first_seen_on, last_seen_on from matching.finding order by all"):
        assert rows(published(tmp_path / "data", "mn"), said) == rows(published(minnesota, "mn"), said)


# A roll, and the machine-readable files ----------------------------------------------------------------------------

NOBODY = """
title: Nobody's list
kind: insurer
surface: file
network: None
format: table
start: list.csv
as_of: 2026-04-01
columns: {name: Provider}
"""
NURSES = """
title: The nursing rows of the roll, downloaded by hand
kind: license_roll
format: table
like: wa.doh
start: wa_doh_nursing_sample.csv
as_of: 2026-04-01
"""


def test_the_nursing_sample_of_washingtons_roll(tmp_path: Path) -> None:
    """102 credentials in a table whose columns come in another order than the live roll's; not one status is unknown."""
    sample = SHARED / "rolls" / "wa_doh_nursing_sample.csv"
    (tmp_path / sample.name).write_bytes(sample.read_bytes())
    (tmp_path / "nurses.yml").write_text(NURSES)
    (tmp_path / "nobody.yml").write_text(NOBODY)
    (tmp_path / "list.csv").write_text("Provider\nRowan Ashdale\n")
    (tmp_path / "nursing.yml").write_text(
        "title: Nursing\nstate: WA\nprofession: massage_therapist\nroll: ./nurses.yml\ninsurers: [./nobody.yml]\n"
    )
    done = rollcall("run", tmp_path / "nursing.yml", "--data", tmp_path / "data")
    assert done.status == 0, done.err
    database = published(tmp_path / "data", "nursing")
    found = rows(
        database,
        """
        select said.status_raw, credential.status, credential.may_practice, count(*)::int,
          bool_and(regexp_matches(license_key, '^[A-Z][A-Z0-9][0-9]{8}$'))
        from curated.credential join curated.credential_history as said using (credential_id) group by all order by 4 desc, 1
        """,
    )
    assert found == [
        # printed, meant, may practice, credentials, every number in Washington's form
        ("ACTIVE", "active", True, 53, True),
        ("EXPIRED", "expired", False, 27, True),
        ("SUPERSEDED", "superseded", None, 10, True),  # a temporary permit that became a license
        ("EXPIRED WA - ACTIVE MSL", "superseded", True, 9, True),  # by a multistate license of another state
        ("CLOSED", "closed", None, 3, True),
    ]
    assert rows(database, "select count(*)::int, count(*) filter (where status = 'unknown')::int from curated.credential") == [(102, 0)]
    birth = "select table_name, column_name from duckdb_columns() where column_name ilike '%birth%'"
    assert rows(database, birth) == [], "the birth year is cut out of the file"


MARKETPLACE = """
title: The marketplace sample
kind: insurer
surface: file
format: cms_json
start: {file}
as_of: 2026-04-01
"""


@pytest.mark.parametrize("file", ["providers.json", "real_issuer_records_trimmed.json"])
def test_the_machine_readable_samples(tmp_path: Path, file: str) -> None:
    """Names, places, networks and NPIs as the file itself says them: one listing per provider, address and plan."""
    body = (SHARED / "qhp" / file).read_bytes()
    (tmp_path / file).write_bytes(body)
    (tmp_path / "issuer.yml").write_text(MARKETPLACE.format(file=file))
    (tmp_path / "market.yml").write_text("title: Market\nstate: WA\nprofession: massage_therapist\ninsurers: [./issuer.yml]\n")
    done = rollcall("run", tmp_path / "market.yml", "--data", tmp_path / "data")
    assert done.status == 0, done.err
    database = published(tmp_path / "data", "market")
    shown = set(rows(database, "select npi, name_raw, address, city, state, zip5, phone, network from curated.listing"))
    assert shown == {listing for provider in json.loads(body) for listing in listings(provider)}
    assert rows(database, "select count(*) from curated.problem") == [(0,)]


def listings(provider: dict[str, object]) -> list[tuple[object, ...]]:
    """What one provider of the file amounts to, computed from the file."""

    def said(value: object, nothing: tuple[str, ...] = ()) -> str | None:
        text = " ".join(str(value).split()) if value is not None else ""
        return None if text in ("", "null", *nothing) else text

    name = provider.get("name")
    if isinstance(name, dict):
        name = " ".join(part for part in (said(name.get(key)) for key in ("prefix", "first", "middle", "last", "suffix")) if part)
    name = said(name) or said(provider.get("facility_name")) or said(provider.get("group_name"))
    places = provider.get("addresses") or [{}]
    plans = provider.get("plans") or [{}]
    assert isinstance(places, list)
    assert isinstance(plans, list)
    return [
        (
            said(provider.get("npi")),
            name,
            said(place.get("address")),
            said(place.get("city")),
            said(place.get("state"), ("UN",)),
            (said(place.get("zip"), ("99999",)) or "")[:5] or None,
            said(place.get("phone"), ("999999999",)),
            said(plan.get("plan_id")),
        )
        for place in places
        for plan in plans
    ]
