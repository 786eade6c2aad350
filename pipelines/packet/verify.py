"""Check a packet with no network and no database: every byte of it, and whether what it says agrees with itself.

Somebody else made the folder: nothing in it is followed, run, or read further than its own lists allow.
"""

import csv
import hashlib
import io
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.lines import printable
from pipelines.packet import bag, stamp
from pipelines.packet.build import FILLED, SENT, TAG_MANIFEST
from pipelines.packet.contents import drawn
from reports import codes
from scrapers.records import Refused

MOST_FILES = 100_000
LARGEST_LIST = 50_000_000  # bytes of a list or table that is read whole
LARGEST_LINE = 1_000_000
TAGS = {"bagit.txt", "bag-info.txt", bag.MANIFEST, "packet-sha256.txt", "sealed-sha256.txt"}
BESIDE = {"sent.csv", "timestamp.txt", "seal-sha256.txt", "evidence.tsr", "evidence.tsr.pem"}  # what no list in the bag can hold


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking one packet: everything wrong, the first thing first; what is proved, and what cannot be."""

    folder: Path
    wrong: tuple[str, ...]
    proved: tuple[str, ...]
    unproved: tuple[str, ...]


class Wrong(ValueError):
    """One thing wrong, in a sentence; nothing further can be read from there."""


def verify(folder: Path) -> list[str]:
    """Everything wrong with a packet, the first thing first; empty where nothing is. Raises Refused where there is no packet."""
    return [sentence for each in check(folder) for sentence in each.wrong]


def check(folder: Path) -> list[Checked]:
    """The packet in a folder, or each of the packets in it (one to an insurer)."""
    if not folder.is_dir() or folder.is_symlink():
        raise Refused(f"{folder} is no folder; give the folder of a packet, the one with README.txt and evidence/ in it")
    if (folder / "evidence").exists() or (folder / "seal-sha256.txt").exists():
        return [_Check(folder).done()]
    inside = [each for each in sorted(folder.iterdir()) if each.is_dir() and (each / "evidence").is_dir()]
    if not inside:
        raise Refused(f"{folder} holds no packet; expected README.txt and evidence/ in it, or a folder for each packet")
    return [_Check(each).done() for each in inside]


def lines(done: list[Checked]) -> Iterator[str]:
    """The answer for a person: the first thing wrong first, then what is proved and what is not."""
    for each in done:
        if each.wrong:
            yield f"NOT GOOD: {each.folder}: {len(each.wrong)} thing{'s' * (len(each.wrong) != 1)} wrong, the first first"
            yield from (f"  {sentence}" for sentence in each.wrong[:20])
            if len(each.wrong) > 20:
                yield f"  and {len(each.wrong) - 20:,} more"
        else:
            yield f"good: {each.folder}"
            yield from (f"  proved: {sentence}" for sentence in each.proved)
        yield from (f"  not proved: {sentence}" for sentence in each.unproved)


class _Check:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wrong: list[str] = []
        self.proved: list[str] = []
        self.unproved: list[str] = [
            "who made it, and that the sources said what is cited: compare the bytes an exhibit names, or look it up"
        ]
        self.there: dict[str, int] = {}  # path → bytes

    def done(self) -> Checked:
        steps: tuple[Callable[[], None], ...] = (self.names, self.bag, self.beside, self.sealed, self.seal, self.info, self.sent)
        for step in (*steps, self.excerpts, self.exhibits, self.draw, self.measures, self.stamp):
            try:
                step()
            except Wrong as error:
                self.wrong.append(str(error))
                if step in (self.names, self.bag):
                    break  # what is not the file it should be is not interpreted
            except (ValueError, KeyError, TypeError, AttributeError, OSError, csv.Error, RecursionError) as error:
                said = printable(str(error))[:200]
                self.wrong.append(f"{step.__name__}: what the packet holds cannot be read as what it should be ({said}); get it again")
        return Checked(self.folder, tuple(dict.fromkeys(self.wrong)), tuple(self.proved), tuple(self.unproved))

    # Names -------------------------------------------------------------------------------------------------------

    def names(self) -> None:
        """Only plain files and folders, under names that are legal and distinct everywhere."""
        seen: dict[str, str] = {}
        for path, entry in self._walk(self.folder, ""):
            kind = entry.stat(follow_symlinks=False).st_mode
            if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                raise Wrong(f"{printable(path)} is a link or a device; a packet holds files and folders alone")
            if fault := bag.fault(path):
                raise Wrong(f"{printable(path)} {fault}; no packet holds such a name")
            if (other := seen.setdefault(bag.folded(path), path)) != path:
                raise Wrong(f"{printable(path)} and {printable(other)} are one name on some systems; a packet never holds both")
            if stat.S_ISREG(kind):
                self.there[path] = entry.stat(follow_symlinks=False).st_size
            if len(seen) > MOST_FILES:
                raise Wrong(f"the folder holds more than {MOST_FILES:,} files; no packet does")

    def _walk(self, folder: Path, below: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                path = f"{below}{entry.name}"
                yield path, entry
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path), f"{path}/")

    # Hashes ------------------------------------------------------------------------------------------------------

    def bag(self) -> None:
        """The bag is whole: every file it lists is there and is what it was, and there is no other."""
        if self._text("evidence/bagit.txt") != bag.DECLARATION:
            raise Wrong("evidence/bagit.txt does not declare BagIt 1.0 in UTF-8, as every packet's does; it was altered")
        tags = self._listed(TAG_MANIFEST, "evidence/")
        payload = self._listed(f"evidence/{bag.MANIFEST}", "evidence/") if f"evidence/{bag.MANIFEST}" in self.there else {}
        for name in sorted(TAGS - {"sealed-sha256.txt"} - {path.removeprefix("evidence/") for path in tags}):
            self.wrong.append(f"{TAG_MANIFEST} does not list {name}; it was altered")
        self._same(tags, TAG_MANIFEST)
        self._same(payload, f"evidence/{bag.MANIFEST}")
        for path in self.there:
            if path.startswith("evidence/") and path != TAG_MANIFEST and path not in tags and path not in payload:
                self.wrong.append(f"{path} was added: no list of the packet names it")
        odd = [path for path in payload if not path.startswith("evidence/data/")] + [
            path for path in tags if path.startswith("evidence/data/")
        ]
        self.wrong += [f"{path} stands in the wrong manifest" for path in odd]
        if self.wrong:
            raise Wrong(self.wrong[0])
        self.proved.append(
            f"all {len(payload):,} files of evidence/data are what they were when the bag was made, none is missing or added"
        )

    def beside(self) -> None:
        """What lies outside the bag is what the bag says of it."""
        listed = self._listed("evidence/packet-sha256.txt", "")
        self._same(listed, "evidence/packet-sha256.txt")
        for path in self.there:
            if not path.startswith(("evidence/", "sealed/")) and path not in listed and path not in BESIDE:
                self.wrong.append(f"{path} was added: no list of the packet names it")
        self.proved.append(f"the {len(listed)} documents outside it are those the bag was made with")

    def sealed(self) -> None:
        """The sealed annex is the one that the bag means, where it is here."""
        name = "evidence/sealed-sha256.txt"
        listed = self._listed(name, "") if name in self.there else {}
        here = [path for path in self.there if path.startswith("sealed/")]
        self.wrong += [f"{path} was added: no list of the packet names it" for path in here if path not in listed]
        if here:
            self._same(listed, name)
        elif listed:
            self.unproved.append("the sealed annex, which is not here: it is handed over apart")

    def seal(self) -> None:
        """Tag manifest, time stamp and what is said of it belong together."""
        listed = self._listed("seal-sha256.txt", "")
        wanted = {TAG_MANIFEST, "timestamp.txt", *({"evidence.tsr", "evidence.tsr.pem"} & self.there.keys())}
        self.wrong += [
            f"seal-sha256.txt does not list {path}; one of the two was added or altered" for path in sorted(wanted - listed.keys())
        ]
        self._same(listed, "seal-sha256.txt")

    def _same(self, listed: Mapping[str, str], by: str) -> None:
        for path, wanted in listed.items():
            if path not in self.there:
                self.wrong.append(f"{printable(path)} is missing; {by} lists it")
            elif bag.sha256(self.folder / path) != wanted:
                self.wrong.append(f"{path} was altered: its SHA-256 is not the one in {by} (or {by} itself was altered)")

    def _listed(self, name: str, below: str) -> dict[str, str]:
        """Path in the packet → hash, of one list."""
        found: dict[str, str] = {}
        for number, (sha256, path) in enumerate(self._lines_of(name), 1):
            if number > MOST_FILES:
                raise Wrong(f"{name} lists more than {MOST_FILES:,} files; no packet holds so many")
            if fault := bag.fault(path):
                raise Wrong(f"{name} lists {printable(path)[:200]}, which {fault}; it is not followed")
            if found.setdefault(f"{below}{path}", sha256) != sha256:
                raise Wrong(f"{name} lists {path} twice, with two hashes; it was altered")
        return found

    def _lines_of(self, name: str) -> Iterator[tuple[str, str]]:
        try:
            yield from bag.listed(self._text(name))
        except Wrong:
            raise
        except ValueError as error:
            raise Wrong(f"{name} was altered: {error}") from error

    def _text(self, name: str) -> str:
        if name not in self.there:
            raise Wrong(f"{name} is missing; every packet has one")
        if self.there[name] > LARGEST_LIST:
            raise Wrong(f"{name} has {self.there[name]:,} bytes; expected at most {LARGEST_LIST:,}")
        try:
            return (self.folder / name).read_bytes().decode()
        except UnicodeDecodeError as error:
            raise Wrong(f"{name} was altered: byte {error.start} is not UTF-8") from error

    # What it says ------------------------------------------------------------------------------------------------

    def info(self) -> None:
        """What the bag says of its size is so."""
        said = dict(line.split(": ", 1) for line in self._text("evidence/bag-info.txt").splitlines())
        data = [size for path, size in self.there.items() if path.startswith("evidence/data/")]
        if said.get("Payload-Oxum") != f"{sum(data)}.{len(data)}":
            self.wrong.append(
                f"evidence/bag-info.txt says the payload is {printable(said.get('Payload-Oxum'))}, found {sum(data)}.{len(data)}"
            )

    def sent(self) -> None:
        """The sheet for whoever sends it names the documents and findings of this packet; it may be filled in."""
        rows = self._table("sent.csv")
        run = json.loads(self._text("evidence/data/method/run.json"))
        wanted = {
            (
                bag.sha256(self.folder / row["document"]),
                run["audit"],
                run["run_id"],
                row["recipient_kind"],
                row["recipient"],
                row["finding_id"],
            )
            for row in self._table("evidence/data/to-send.csv")
            if row["document"] in self.there
        }
        for number, row in enumerate(rows, 2):
            if list(row) != list(SENT) or None in row.values():
                raise Wrong(f"sent.csv, line {number}, has not the columns {', '.join(SENT)}; take them from a fresh packet")
            keys = ("document_sha256", "audit", "run_id", "recipient_kind", "recipient", "finding_id")
            if tuple(row[name] for name in keys) not in wanted and row["recipient_kind"] not in ("legislator", "other"):
                self.wrong.append(f"sent.csv, line {number}, names a document or a finding that is not this packet's")
            filled = [name for name in FILLED if row[name]]
            if filled and len(filled) < len(FILLED):
                self.wrong.append(f"sent.csv, line {number}, gives {', '.join(filled)} alone; fill in {', '.join(FILLED)}")
            elif filled and not _is_day(row["sent_on"]):
                self.wrong.append(
                    f"sent.csv, line {number}, says it was sent on {printable(row['sent_on'])[:40]}; expected a day such as 2026-11-24"
                )
        if len(rows) != len({tuple(row.values()) for row in rows}) or len(rows) < len(wanted):
            self.wrong.append(f"sent.csv has {len(rows)} rows; {len(wanted)} different ones belong to this packet")

    def excerpts(self) -> None:
        """Every cited piece is in its file, byte for byte as listed."""
        if "evidence/data/excerpts.csv" not in self.there:
            return
        self.cited: dict[str, Any] = {}
        opened: tuple[str, bytes] = ("", b"")
        for row in self._table("evidence/data/excerpts.csv"):
            if row["file"] != opened[0]:
                path = f"evidence/data/{row['file']}"
                if path not in self.there or self.there[path] > LARGEST_LIST:
                    raise Wrong(f"evidence/data/excerpts.csv names {printable(row['file'])}, which is not in the packet")
                opened = (row["file"], (self.folder / path).read_bytes())
            piece = opened[1][int(row["offset"]) : int(row["offset"]) + int(row["byte_count"])]
            if hashlib.sha256(piece).hexdigest() != row["sha256"]:
                self.wrong.append(f"evidence/data/{row['file']}: the {row['field']} of {row['record']} is not what excerpts.csv lists")
            self.cited.setdefault(row["record"], hashlib.sha256()).update(piece)
        self.proved.append(f"the cited bytes of {len(self.cited):,} records are those the exhibits were made from")

    def exhibits(self) -> None:
        """Every exhibit's code belongs to its finding, and its excerpts are there."""
        if "evidence/data/exhibits.jsonl" not in self.there:
            return
        self.findings: list[str] = []
        for number, line in enumerate(self._text("evidence/data/exhibits.jsonl").splitlines(), 1):
            if len(line) > LARGEST_LINE:
                raise Wrong(f"evidence/data/exhibits.jsonl, line {number}, is longer than any exhibit")
            said = json.loads(line)
            try:
                if not said["finding_id"].startswith(codes.read(said["code"])):
                    self.wrong.append(f"exhibit {printable(said['code'])} is not the code of finding {printable(said['finding_id'])}")
            except ValueError as error:
                self.wrong.append(f"evidence/data/exhibits.jsonl, line {number}: {error}")
            for each in said["cited"]:
                kept = self.cited.get(each["id"])
                if kept is None or kept.hexdigest() != each["excerpt_sha256"]:
                    self.wrong.append(f"exhibit {printable(said['code'])}: the excerpt of {printable(each['id'])} is not the one it cites")
            self.findings.append(said["finding_id"])
        self.proved.append(f"the codes of {len(self.findings):,} exhibits agree with their check characters and their findings")

    def draw(self) -> None:
        """The ten findings to check are those that nobody chose."""
        if "evidence/data/check-us.json" not in self.there:
            return
        said = json.loads(self._text("evidence/data/check-us.json"))
        frame, chosen = drawn(self.findings)
        if (said["frame_sha256"], said["findings"]) != (frame, chosen):
            self.wrong.append("evidence/data/check-us.json: the findings to check are not the ones that the draw gives")
        self.proved.append(f"the {len(chosen)} findings of check-us are the ones the draw gives")

    def measures(self) -> None:
        """Every number is possible, and the two tables of numbers agree."""
        if "evidence/data/measures.json" not in self.there:
            return
        said = json.loads(self._text("evidence/data/measures.json"))
        rows = self._table("evidence/data/measures.csv")
        if len(rows) != len(said):
            self.wrong.append(f"evidence/data/measures.csv has {len(rows)} numbers and measures.json {len(said)}")
        for row, each in zip(rows, said, strict=False):
            name = f"{printable(each['name'])} of {printable(each['scope'])}"
            if any(
                _text_of(each[column]) != row[column].removeprefix("'") for column in ("name", "scope", "numerator", "denominator", "value")
            ):
                self.wrong.append(f"{name}: measures.csv and measures.json do not say the same")
            if each["denominator"] is not None and not 0 <= each["numerator"] <= each["denominator"]:
                self.wrong.append(f"{name}: {each['numerator']} of {each['denominator']} is no part of a whole")
            if None not in (each["value"], each["low"], each["high"]) and not each["low"] <= each["value"] <= each["high"]:
                self.wrong.append(f"{name}: {each['value']} lies outside its own interval")
        self.proved.append(
            f"{len(said):,} measures are possible numbers, and both tables of them agree; that they are right takes the database"
        )

    def stamp(self) -> None:
        """The time stamp, where there is one, is of this bag."""
        if "evidence.tsr" not in self.there:
            self.unproved.append(f"when it was made: {printable(self._text('timestamp.txt').strip())[:300]}")
            return
        root = (self.folder / "evidence.tsr.pem").read_bytes() if "evidence.tsr.pem" in self.there else b""
        try:
            said = stamp.read((self.folder / "evidence.tsr").read_bytes()[: stamp.LARGEST], (self.folder / TAG_MANIFEST).read_bytes(), root)
        except ValueError as error:
            raise Wrong(f"evidence.tsr is no good time stamp of this bag: {printable(str(error))[:200]}") from error
        self.proved.append(f"the bag was there at the time stamp of {said}")

    def _table(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self._text(name).removeprefix("\ufeff"), newline="")))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text.strip()[:10])
    except ValueError:
        return False
    return True


def _text_of(value: Any) -> str:
    return "" if value is None else str(value)
