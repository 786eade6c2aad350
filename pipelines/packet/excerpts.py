"""The cited bytes of kept responses, listed piece by piece: whoever holds the response can hold them beside it.

data/excerpts/<evidence id>.txt    the pieces, one after another, a line feed after each
data/excerpts.csv                  a row per piece: of which response, from which byte, and where it stands in that file
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.packet import bag
from reports.exhibits import Cited, Exhibit, Response, by_response
from scrapers.evidence import Archive
from scrapers.excerpts import LARGEST, Excerpt, Wanted, cut
from scrapers.records import Evidence, Source

COLUMNS = (
    *("record", "part", "evidence_id", "url", "fetched_at", "status", "response_sha256", "response_bytes", "locator"),
    *("how", "field", "first_byte", "byte_count", "file", "offset", "sha256"),
)
BYTES, FIELDS = "bytes of the response", "fields as read"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of an excerpt: which field they are, and from which byte of the response; None where they are no bytes of it."""

    field: str
    first: int | None
    said: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """One record's excerpt as the packet holds it."""

    words: str  # where it is, for a reader
    file: str
    sha256: str  # of its pieces, one after another


def write(folder: Path, archive: Archive, sources: Sequence[Source], shown: Sequence[Exhibit], *, withhold: bool) -> dict[str, Kept]:
    """Write the excerpts of everything the exhibits cite below `folder`/data; returns them by the id of the record.

    `withhold`: only the values an edition that leaves may show; else the whole part of the page, as the insurer displayed it.
    Raises Refused where a response is no longer what was kept: nothing is cited from it then.
    """
    responses = {each.evidence_id: each for exhibit in shown for each in exhibit.responses}
    pages, by_name = _pages(archive, responses.values()), {source.name: source for source in sources}
    kept: dict[str, Kept] = {}
    with bag.opened(folder / "data" / "excerpts.csv") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for evidence_id, records in sorted(by_response(shown).items()):
            response = responses[evidence_id]
            source, page = by_name.get(response.source_id), pages.get(evidence_id)
            found = _cut(archive, page, source, records) if page and source else {}
            name, at, written = f"excerpts/{evidence_id}.txt", 0, io.BytesIO()
            for id, record in sorted(records.items()):
                pieces = list(_pieces(record, found.get(id), withhold))
                how = BYTES if id in found else FIELDS
                for each in pieces:
                    row = (id, record.part, evidence_id, response.url, response.fetched_at, response.status, response.sha256)
                    where = (response.byte_count, record.locator, how, each.field, each.first, len(each.said), name, at)
                    table.writerow([*row, *where, hashlib.sha256(each.said).hexdigest()])
                    written.write(each.said + b"\n")
                    at += len(each.said) + 1
                kept[id] = Kept(_words(found.get(id), name), name, hashlib.sha256(b"".join(each.said for each in pieces)).hexdigest())
            bag.write(folder / "data" / name, written.getvalue())
    return kept


def _cut(archive: Archive, page: Evidence, source: Source, records: Mapping[str, Cited]) -> dict[str, Excerpt]:
    if page.byte_count > LARGEST:
        return {}
    wanted = {id: Wanted(each.locator, each.said, each.strong) for id, each in records.items()}
    return cut(archive.read(page), source, wanted)


def _pieces(record: Cited, excerpt: Excerpt | None, withhold: bool) -> Iterator[Piece]:
    if excerpt is None:
        said = {name: str(value)[:3] if withhold and name == "zip" else str(value) for name, value in record.said.items()}
        yield Piece("all", None, json.dumps(said, ensure_ascii=False, sort_keys=True).encode())
    elif withhold or record.part == "roll":
        for name, (first, said_) in sorted(excerpt.values.items(), key=lambda value: (value[1][0], value[0])):
            if name != "family" or "name" not in excerpt.values:
                yield Piece(name, first, said_[:3] if withhold and name == "zip" else said_)
    else:
        yield Piece("all", excerpt.part[0], excerpt.whole)


def _words(excerpt: Excerpt | None, name: str) -> str:
    if excerpt is None:
        return f"no bytes can be shown to be this record alone, so its fields are given as they were read, in {name}"
    first, last = excerpt.part
    return f"bytes {first:,} to {last - 1:,} of the response, counted from 0; the values cited are in {name}"


def _pages(archive: Archive, responses: Iterable[Response]) -> dict[str, Evidence]:
    """The kept pages by their ids; a visit that is no longer there has none."""
    wanted: dict[str, set[str]] = {}
    for each in responses:
        wanted.setdefault(each.source_id, set()).add(each.snapshot_id)
    found: dict[str, Evidence] = {}
    for source, snapshots in wanted.items():
        for snapshot in archive.snapshots(source):
            if snapshot.id in snapshots:
                found |= {page.id: page for page in archive.evidence(snapshot)}
    return found
