"""What somebody might send to break us: refused in one sentence by size and name, in bounded memory and time, or read as the text it is."""

import gzip
import io
import json
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.scrapers.site import Reply, served
from tests.story.command import measured, published, rows
from tests.story.volunteer import HEADER, LIST, PAGES, PROVIDERS, TABLE, Volunteer

MOST = 700_000_000  # bytes of a whole run; the command alone takes near half of that
NOTHING = bytes(1 << 20)


def gigabyte() -> bytes:
    """A gigabyte of noughts as one gzip stream of a megabyte: the same deflated block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(NOTHING) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush(zlib.Z_FINISH)
    crc = 0
    for _ in range(1024):
        crc = zlib.crc32(NOTHING, crc)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + block * 1024 + end + crc.to_bytes(4, "little") + (1 << 30).to_bytes(4, "little")


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name.replace("__", "/"), body)
    return made.getvalue()


def refused(volunteer: Volunteer, *words: str) -> None:
    """The run ends within its memory and time with status 3 and one sentence of these words; nothing is published."""
    began = time.monotonic()
    done, peak = measured("run", volunteer.folder / "audit.yml", "--data", volunteer.data)
    assert (done.status, [word for word in words if word not in done.sentence]) == (3, []), done.err
    assert peak < MOST, f"{peak:,} bytes"
    assert time.monotonic() - began < 60
    assert not (volunteer.data / "curated" / "audit" / "current").exists()
    kept = sum(path.stat().st_size for path in volunteer.data.rglob("*") if path.is_file())
    assert kept < 20_000_000, f"{kept:,} bytes were laid on the disk"


def test_a_gigabyte_out_of_a_megabyte_of_transfer_encoding(volunteer: Volunteer) -> None:
    with served({"/list": Reply(body=gigabyte(), headers={"Content-Encoding": "gzip", "Content-Type": "text/html"})}) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/list"))
        refused(volunteer, "got more than 64 MB", "/list")


def test_an_encoding_within_an_encoding(volunteer: Volunteer) -> None:
    twice = gzip.compress(gigabyte())
    assert len(twice) < 10_000
    with served({"/list": Reply(body=twice, headers={"Content-Encoding": "gzip, gzip"})}) as site:
        volunteer.audits(alder=PAGES.format(start=f"{site.url}/list"))
        refused(volunteer, "packed as gzip, gzip")


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("list.csv.gz", gzip.compress(HEADER.encode()) + gzip.compress(b"a,b,c,d,e\n" * 100_000) * 1024, ("unpacks from",)),
        ("list.csv.gz", gzip.compress(gigabyte()), ("archive within an archive",)),
        ("list.zip", zipped(**{"list.csv": bytes(200 << 20)}), ("'list.csv' unpacks from",)),
        ("list.zip", zipped(**{"..__..__list.csv": LIST.encode()}), ("'../../list.csv'", "leads out of its archive")),
        ("list.xlsx", zipped(**{"[Content_Types].xml": b"<x/>", "xl__worksheets__sheet1.xml": bytes(200 << 20)}), ("unpacks from",)),
    ],
    ids=["gzip", "gzip of gzip", "zip", "a climbing name", "workbook"],
)
def test_a_packed_file_that_would_flood_or_climb(volunteer: Volunteer, name: str, body: bytes, words: tuple[str, ...]) -> None:
    volunteer.audits(evergreen=TABLE.format(start=name))
    (volunteer.folder / name).write_bytes(body)
    refused(volunteer, *words)
    assert {path.name for path in volunteer.folder.iterdir()} == {"audit.yml", "evergreen.yml", name, "data"}


LAUGHS = "<!DOCTYPE html [" + '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)) + "]>"
OUTSIDE = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(("declared", "name"), [(LAUGHS, "Ashdale &a9;"), (OUTSIDE, "Ashdale &x;")], ids=["billion laughs", "outside"])
def test_entities_are_text(volunteer: Volunteer, declared: str, name: str) -> None:
    volunteer.has(a_html=f"{declared}<html><title>Find care</title><article><h3>{name}</h3></article></html>")
    volunteer.audits(alder=PAGES.format(start="a.html"))
    assert (volunteer.collects().status, volunteer.curates().status) == (0, 0)
    ((said,),) = rows(curated(volunteer), "select name_raw from curated.listing")
    assert str(said).rstrip(";") == name.rstrip(";"), "an entity that HTML does not know stands for itself"


def curated(volunteer: Volunteer) -> Path:
    """The database that `curate` left."""
    return volunteer.data / "curated" / "audit" / "work" / "curate.duckdb"


def provider(**more: object) -> dict[str, object]:
    place = {"address": "1 Alder St", "city": "Tacoma", "state": "WA", "zip": "98402", "phone": "2535550101"}
    plans = [{"plan_id_type": "HIOS-PLAN-ID", "plan_id": "00000WA0010001", "network_tier": "PREFERRED", "years": [2026]}]
    said = {"npi": "2900000009", "type": "INDIVIDUAL", "addresses": [place], "plans": plans, "last_updated_on": "2026-11-01"}
    return said | {"name": {"first": "Rowan", "last": "Ashdale"}} | more


ODD = {
    "ten thousand characters": "Ashdale" + "x" * 10_000,
    "a nought": "Ash\x00dale",
    "half a surrogate pair": "Ash\ud800dale",
    "right to left": "\u202eeladhsA\u202c \u05e9\u05dc\u05d5\u05dd",
    "what moves a terminal": "Ash\x1b[2Jdale\x07",
    "blanks of every sort": "Ash\u200bdale\u00a0\u2028Rowan\u0085",
}


def test_an_odd_name_is_a_listing_or_a_problem_with_its_place(volunteer: Volunteer) -> None:
    """In JSON, in a table and on a page alike; the ordinary listing beside them is read, and every document written."""
    listed = [provider(name={"first": "Rowan", "last": name}) for name in ODD.values()]
    volunteer.has(birch_json=json.dumps([*listed, provider(npi="2900000017", name={"first": "Blake", "last": "Quillan"})]))
    # no UTF-8 holds half a pair: such a file is refused whole, with the place of the byte
    names = [name for name in ODD.values() if name.isascii() or "\ud800" not in name] + ["Blake Quillan"]
    listable = [name for name in names if "\x00" not in name]  # a table with a zero byte is refused whole, as a test below shows
    volunteer.has(list_csv=HEADER + "".join(f'"{name}",{n} Oak St,Tacoma,98402,\n' for n, name in enumerate(listable)))
    volunteer.has(a_html="<!doctype html><title>Find care</title>" + "".join(f"<article><h3>{name}</h3></article>" for name in names))
    birch, evergreen, alder = PROVIDERS.format(start="birch.json"), TABLE.format(start="list.csv"), PAGES.format(start="a.html")
    volunteer.audits(birch=birch, evergreen=evergreen, alder=alder)
    done = volunteer.runs()
    assert done.status == 0, done.err
    assert "\x1b" not in done.out + done.err
    database = published(volunteer.data, "audit")
    both = "(select source_id, locator from curated.listing union all select source_id, locator from curated.problem)"
    found = rows(database, f"select source_id, count(*) from {both} group by all order by all")
    assert found == [("alder", len(names)), ("birch", len(ODD) + 1), ("evergreen", len(listable))]
    assert rows(database, "select count(*) from curated.listing where family_name = 'Quillan'") == [(3,)]
    assert rows(database, "select count(*) from curated.problem where locator is null or length(excerpt) > 200") == [(0,)]


CARDS = {
    "an alias that doubles": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "ten thousand brackets": "title: " + "[" * 10_000,
    "an object to be made": "title: !!python/object/apply:os.system ['true']\n",
    "a megabyte": "title: " + "x" * 1_000_000,
    "a key of noughts": "\x00: 1\n",
    "not text at all": "\ud800",
}


@pytest.mark.parametrize("card", CARDS, ids=str)
def test_a_card_that_explodes_is_refused(volunteer: Volunteer, card: str) -> None:
    volunteer.audits(evergreen="")
    (volunteer.folder / "evergreen.yml").write_bytes(CARDS[card].encode(errors="surrogatepass"))
    began = time.process_time()
    volunteer.is_told(2, "evergreen.yml")
    assert time.process_time() - began < 5


def test_a_column_named_by_a_nought_is_refused_in_a_sentence(volunteer: Volunteer) -> None:
    volunteer.audits(evergreen=TABLE.format(start="list.csv"))
    volunteer.has(list_csv=b"Provider,Street,City,Zip,Phone,x\x00\nRowan Ashdale,1 Oak St,Tacoma,98402,,\n")
    done = volunteer.runs()
    assert done.status in {2, 3}, done.err
    assert done.sentence
