"""The invented state in the national registry and on the federal exclusion list: who has which NPI, whose is gone, who is excluded.

The files have the shape of the real ones: 330 quoted columns in a zip, a workbook in a zip, a CSV with CR LF. Nothing here is shared with
the readers it examines.
"""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from simulation.people import Person
from simulation.places import STATE

WIDTH, SLOTS = 330, 15
PERSON = (
    "NPI", "Entity Type Code", "Replacement NPI", "Provider Organization Name (Legal Business Name)", "Provider Last Name (Legal Name)",
    "Provider First Name", "Provider Middle Name", "Provider Name Suffix Text", "Provider Other Last Name", "Provider Other First Name",
    "Provider Other Middle Name", "Provider Business Practice Location Address City Name",
    "Provider Business Practice Location Address State Name", "Provider Business Practice Location Address Postal Code",
    "Provider Business Practice Location Address Telephone Number", "Provider Enumeration Date", "Last Update Date",
    "NPI Deactivation Date", "NPI Reactivation Date",
)  # fmt: skip
SLOT = (
    "Healthcare Provider Taxonomy Code",
    "Provider License Number",
    "Provider License Number State Code",
    "Healthcare Provider Primary Taxonomy Switch",
)
NUMBERED = tuple(f"{name}_{slot}" for slot in range(1, SLOTS + 1) for name in SLOT)
COLUMNS = (*PERSON, *NUMBERED, *(f"Other Provider Identifier_{at}" for at in range(WIDTH - len(PERSON) - len(NUMBERED))))
EXCLUDED = (
    "LASTNAME", "FIRSTNAME", "MIDNAME", "BUSNAME", "GENERAL", "SPECIALTY", "UPIN", "NPI", "DOB", "ADDRESS", "CITY", "STATE", "ZIP",
    "EXCLTYPE", "EXCLDATE", "REINDATE", "WAIVERDATE", "WVRSTATE",
)  # fmt: skip
FULL, GONE = "NPPES_Data_Dissemination_November_2026_V2.zip", "NPPES_Deactivated_NPI_Report_110926_V2.zip"
INDEX, LIST = "/nppes/NPI_Files.html", "/exclusions/UPDATED.csv"
MASSAGE = "225700000X"
SHARES = {
    "absent": 0.06,
    "number": 0.75,
    "gone": 0.03,
    "back": 0.01,
    "excluded": 0.012,
    "with_npi": 0.4,
    "over": 0.003,
}  # of people listed; chosen


@dataclass(frozen=True, slots=True)
class Excluded:
    """One exclusion: since when, whether the list prints the person's NPI, and the day it ended."""

    since: date
    has_npi: bool
    until: date | None


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """What is so of the people who are listed."""

    npis: Mapping[str, str]  # person → NPI
    owners: Mapping[str, Person]  # NPI → person, those in the registry whose NPI is active
    gone: Mapping[str, date]  # NPI → the day it was deactivated, not reactivated since
    excluded: Mapping[str, Excluded]  # person → exclusion
    rows: tuple[tuple[str, ...], ...]
    today: date


def register(people: Sequence[Person], npis: Mapping[str, str], today: date, seed: int) -> Registry:
    """Enter the people in the registry, some not, some no longer. It draws on luck of its own: the world stays as it is without."""
    rng = Random(f"registry {seed}")
    owners: dict[str, Person] = {}
    gone: dict[str, date] = {}
    excluded: dict[str, Excluded] = {}
    rows = []
    for person in people:
        npi = npis.get(person.id)
        if npi is None:
            continue
        luck, since = rng.random(), today - timedelta(rng.choice([*range(3, 27), *range(34, 700)]))
        back = today - timedelta(1) if luck > 1 - SHARES["back"] else None
        if luck < SHARES["gone"]:
            gone[npi] = since
            rows.append(_row({"NPI": npi, "NPI Deactivation Date": _us(since)}))
        elif luck > SHARES["gone"] + SHARES["absent"]:
            owners[npi] = person
            rows.append(
                _row(
                    _person(rng, person, npi, today)
                    | ({} if back is None else {"NPI Deactivation Date": _us(since), "NPI Reactivation Date": _us(back)})
                )
            )
        if rng.random() < SHARES["excluded"] + SHARES["over"]:
            until = today - timedelta(10) if rng.random() < SHARES["over"] / (SHARES["excluded"] + SHARES["over"]) else None
            excluded[person.id] = Excluded(today - timedelta(rng.randint(50, 4_000)), rng.random() < SHARES["with_npi"], until)
    return Registry(npis, owners, gone, excluded, tuple(rows), today)


def index() -> str:
    """The page that links the files."""
    links = "".join(f'<li><a href="./{name}">{name}</a></li>' for name in (FULL, GONE))
    return (
        f"<!doctype html><html><title>INVENTED NPI files</title><p>INVENTED: nobody named in these files exists</p><ul>{links}</ul></html>"
    )


def full(registry: Registry) -> bytes:
    """The full file in its zip."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([COLUMNS, *registry.rows])
    return _packed(f"npidata_pfile_20050523-{registry.today:%Y%m%d}.csv", text.getvalue().encode())


def report(registry: Registry) -> bytes:
    """The deactivation report: a workbook of a title and two columns, in a zip."""
    said = [
        ("INVENTED NPPES Deactivated NPI Report",),
        ("NPI", "NPPES Deactivation Date"),
        *((npi, _us(day)) for npi, day in registry.gone.items()),
    ]
    return _packed("INVENTED Deactivated NPI Report.xlsx", _workbook(said))


def exclusions(registry: Registry, people: Sequence[Person]) -> str:
    """The exclusion list, with a column of blank birth dates."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    text.write(",".join(EXCLUDED) + "\r\n")
    days = {"EXCLDATE": "20190520", "REINDATE": "0" * 8, "WAIVERDATE": "0" * 8}
    elsewhere = {"BUSNAME": "INVENTED WELLNESS OF ANOTHER STATE", "NPI": "0" * 10, "STATE": "YY", "EXCLTYPE": "1128a1"} | days
    writer.writerow((dict.fromkeys(EXCLUDED, "") | elsewhere).values())
    for person in people:
        if (said := registry.excluded.get(person.id)) is None:
            continue
        cells = dict.fromkeys(EXCLUDED, "") | {
            "LASTNAME": person.last.upper(),
            "FIRSTNAME": person.first.upper(),
            "MIDNAME": person.middle[:1].upper(),
            "GENERAL": "INVENTED",
            "SPECIALTY": "MASSAGE THERAPIST",
            "NPI": registry.npis[person.id] if said.has_npi else "0" * 10,
            "STATE": STATE,
            "EXCLTYPE": "1128b4",
            "EXCLDATE": f"{said.since:%Y%m%d}",
            "REINDATE": f"{said.until:%Y%m%d}" if said.until else "0" * 8,
            "WAIVERDATE": "0" * 8,
        }
        writer.writerow(cells.values())
    return text.getvalue()


def _person(rng: Random, person: Person, npi: str, today: date) -> dict[str, str]:
    said = {
        "NPI": npi,
        "Entity Type Code": "1",
        "Provider Last Name (Legal Name)": person.last.upper(),
        "Provider First Name": person.first.upper(),
        "Provider Middle Name": person.middle.upper(),
        "Provider Name Suffix Text": person.suffix.upper(),
        "Provider Business Practice Location Address State Name": STATE,
        "Provider Enumeration Date": "05/23/2008",
        "Last Update Date": _us(today - timedelta(rng.randint(720, 4_000))),
        f"{SLOT[0]}_1": MASSAGE,
        f"{SLOT[3]}_1": "Y",
    }
    if person.massage and rng.random() < SHARES["number"]:
        number = person.massage[-1]
        written = (number.plain, f"{number.plain[:2]} {number.digits}", number.digits.lstrip("0"), "LMT")
        said |= {f"{SLOT[1]}_1": rng.choices(written, (6, 2, 3, 1))[0], f"{SLOT[2]}_1": STATE}
    return said


def _row(said: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(said.get(name, "") for name in COLUMNS)


def _us(day: date) -> str:
    return f"{day:%m/%d/%Y}"


def _packed(name: str, body: bytes) -> bytes:
    """A zip whose bytes depend on the file alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _workbook(rows: Sequence[Sequence[str]]) -> bytes:
    """A workbook of one sheet, of text in cells: written by hand, because a library would put the hour into it."""
    sheet = "".join("<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) + "</row>" for row in rows)
    space, office = "http://schemas.openxmlformats.org", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{space}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{space}/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{office}">'
        '<sheets><sheet name="DeactivatedNPIs" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{space}/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="sheet1.xml"/></Relationships>',
        "xl/sheet1.xml": f'<worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>{sheet}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()
