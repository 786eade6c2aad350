"""What people did, from a spreadsheet into the ledger: every row of it or none, and the same file twice changes nothing.

Which columns make which kind of sheet stands in spreadsheets.yml. A row that a person has not filled in yet waits and is counted.
Days are ISO (2026-11-20), a workbook's own dates, or US (11/20/2026) where some day of the file cannot be read otherwise.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipelines import ledger, published, runs
from pipelines.settings import Settings
from reports.render.sheet import FORMULA
from scrapers import sources
from scrapers.records import Refused, Source, SourceUnreadable

TABLE = Path(__file__).with_suffix(".yml")
FIRST_ROWS = 30  # among them stands the header
LONGEST = {"words": 32_767}  # letters; a cell of a workbook holds no more
LINE = 500
NAMED = 5  # faults that one sentence names
LARGEST = 64 * 1024**2  # bytes of a file
SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/((?:19|20)\d\d)(?:[ T].*)?")
UNANSWERED = ("no_answer", "busy", "disconnected")
THEIRS = "the insurer's answers"  # a file that comes from outside, and may decide or sign nothing
SHY = ("therapist", "other")  # kinds of recipient that are persons: kept as pseudonyms


class Wrong(ValueError):
    """What is wrong with one cell or row, for the sentence that names its place."""


@dataclass(frozen=True, slots=True)
class Row:
    """One filled-in row: where it stands, its kind, and what it says in our words; what it does not say is not in it."""

    place: str
    kind: str
    said: Mapping[str, Any]


@dataclass(slots=True)
class Imported:
    """What one file added to the ledger: counts by kind of sheet."""

    new: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    erased: int = 0  # contacts of people who asked to be erased, left out
    left_out: list[str] = field(default_factory=list)  # sheets of the workbook that are of no kind

    def lines(self) -> Iterator[str]:
        """For a person."""
        for kind in sorted(self.new.keys() | self.known.keys() | self.waiting.keys()):
            waits = f", {self.waiting[kind]:,} not filled in yet" if self.waiting[kind] else ""
            yield f"{kind}: {self.new[kind]:,} new, {self.known[kind]:,} already there{waits}"
        if self.erased:
            yield f"{self.erased:,} of people who asked to be erased, left out"
        if self.left_out:
            yield f"left out, as no kind of sheet that we know: {', '.join(self.left_out)}"

    def said(self) -> dict[str, Any]:
        """For a program."""
        counts = {"new": dict(self.new), "known": dict(self.known), "not_filled_in": dict(self.waiting)}
        return {**counts, "erased": self.erased, "left_out": self.left_out}


def import_file(settings: Settings, path: Path, person: str | None = None) -> Imported:
    """Enter what a CSV file or workbook says; `person` did what the file does not say who did.

    Raises Refused, and nothing is entered, when the file cannot be read, is of no known kind, or has a column or a row that is wrong.
    """
    now, done, rows = runs.clock(settings), Imported(), list[Row]()
    faults, lacking = list[str](), list[str]()
    for name, lines in sheets(path):
        kind, at, lacks = _kind(lines)
        if kind is None or lacks:
            if any(sum(bool(each.strip()) for each in line) > 1 for _, line in lines):  # not a page of text
                done.left_out.append(name)
            lacking += [f"this looks like {kind}, whose column {_listed(lacks)} is missing"] if kind else []
            continue
        columns = _columns(path.name, kind, lines[at][1], lines[at + 1 :])
        rows += _rows(kind, columns, lines[at + 1 :], now, faults, done)
    if not done.new:
        said = lacking[0] if lacking else f"no sheet of a kind that we know, which are {_listed(_kinds())}"
        raise Refused(f"{path.name}: {said}; name the columns as docs/volunteer.md does")
    if THEIRS in done.new and len(done.new) > 1:
        ours = _listed(sorted(done.new.keys() - {THEIRS}))
        raise Refused(f"{path.name}: {ours} stand beside {THEIRS}; what an insurer sends back holds its answers alone: save yours apart")
    drawn = {each.id: {"run_id": each.content["run_id"]} for each in ledger.entries(settings) if each.kind == "sample"}
    known = published.Known(settings, [{**row.said, **drawn.get(row.said.get("sample_id", ""), {})} for row in rows])
    for row in rows:
        faults += [f"{row.place}: {fault}" for fault in _checked(row, known, settings, person)]
    if faults:
        more = f"; and {len(faults) - NAMED:,} more" if len(faults) > NAMED else ""
        raise Refused(f"{path.name}: {'; '.join(faults[:NAMED])}{more}. Nothing was entered; mend it and import it again")
    if rows:
        with ledger.writing(settings, now) as writer:
            for row in rows:
                _enter(writer, row, known, person, done)
    return done


# From a file to rows ---------------------------------------------------------------------------------------------


def sheets(path: Path) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """(name, rows with their places) of each table in a spreadsheet. Raises Refused where it is none, or too large."""
    if not path.is_file():
        raise Refused(f"{path}: there is no such file; give a spreadsheet saved as .xlsx or .csv")
    if path.stat().st_size > LARGEST:
        raise Refused(f"{path.name} has {path.stat().st_size:,} bytes; expected a spreadsheet of at most {LARGEST:,}")
    source = Source(name=path.name, title=path.name, kind="insurer", format="table", start=(), folder=path.parent)
    try:
        for sheet in sources.format_of(source).filled_in(path, source):
            yield sheet.name or path.name, sheet.rows
    except SourceUnreadable as reason:
        raise Refused(str(reason)) from reason


@cache
def _card() -> Mapping[str, Any]:
    card: Mapping[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return card


def _kinds() -> Mapping[str, Mapping[str, Any]]:
    kinds: Mapping[str, Mapping[str, Any]] = _card()["kinds"]
    return kinds


def _plain(word: str) -> str:
    """A header or a word with case, blanks and marks aside."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", word).casefold())) or word.strip()


@cache
def _names(kind: str) -> Mapping[str, str]:
    """Header → our column, of one kind."""
    columns = _kinds()[kind]["columns"]
    return {_plain(said): ours for ours, column in columns.items() for said in (*([] if column.get("strict") else [ours]), *column["says"])}


def _kind(lines: Sequence[tuple[str, list[str]]]) -> tuple[str | None, int, list[str]]:
    """(the likeliest kind of a sheet, which line is its header, required columns that it lacks); kind None where nothing is like ours."""
    best: tuple[str | None, int, list[str]] = (None, 0, [])
    rank = (False, 1, 0)
    for at, (_, line) in enumerate(lines[:FIRST_ROWS]):
        header = {_plain(each) for each in line if each.strip()}
        for kind, table in _kinds().items():
            found = {_names(kind)[each] for each in header if each in _names(kind)}
            lacks = [column["says"][0] for ours, column in table["columns"].items() if column.get("required") and ours not in found]
            enough = len(found) > 1 or len(table["columns"]) == 1
            if found and (not lacks and enough, len(found), -len(lacks)) > rank:
                best, rank = (kind, at, lacks), (not lacks and enough, len(found), -len(lacks))
    return best


def _columns(file: str, kind: str, header: Sequence[str], below: Sequence[tuple[str, list[str]]]) -> dict[str, int]:
    """Our column → its place; an unknown column that says something is refused with the nearest right one."""
    names, places = _names(kind), dict[str, int]()
    for place, theirs in enumerate(header):
        ours = names.get(_plain(theirs))
        if ours in places:
            raise Refused(f"{file}: the columns {header[places[ours]]!r} and {theirs!r} both mean {ours}; keep one")
        if ours is not None:
            places[ours] = place
        elif _plain(theirs) not in _shown() and any(line[place : place + 1] not in ([], [""]) for _, line in below):
            spelled = {_plain(each): each for column in _kinds()[kind]["columns"].values() for each in column["says"]}
            near = difflib.get_close_matches(_plain(theirs), spelled, n=1)
            called = repr(theirs[:60].strip()) if theirs.strip() else f"number {place + 1}, which has no name"
            hint = f"did you mean {spelled[near[0]]!r}? If not," if near else f"{kind} have {_listed(spelled.values())};"
            raise Refused(f"{file}: nobody reads the column {called}; {hint} take it out")
    return places


@cache
def _shown() -> frozenset[str]:
    return frozenset(_plain(each) for each in _card()["shown"])


def _rows(
    kind: str, columns: Mapping[str, int], lines: Sequence[tuple[str, list[str]]], now: datetime, faults: list[str], done: Imported
) -> Iterator[Row]:
    """The rows that a person filled in, in our words; what is wrong is added to `faults`, those that wait are counted."""
    table = _kinds()[kind]
    days = [place for ours, place in columns.items() if table["columns"][ours]["is"] == "day"]
    order = _order([line[place] for _, line in lines for place in days if place < len(line)])
    done.new[kind] += 0
    for place, line in lines:
        cells = {ours: line[at].strip() if at < len(line) else "" for ours, at in columns.items()}
        if not any(cells.get(ours) for ours in table["asks"]):
            done.waiting[kind] += 1
            continue
        said: dict[str, Any] = dict(table.get("constants", {}))
        for ours, cell in cells.items():
            column = table["columns"][ours]
            try:
                value = _value(column["is"], cell, order, now)
                if value is None and column.get("required") is True and ours != "by" and column["is"] != "truth":
                    raise Wrong("is blank")
            except Wrong as wrong:
                faults.append(f"{place}: {column['says'][0]} {wrong}")
                continue
            if value is not None:
                said[ours] = value
        yield Row(place, kind, said)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(map(repr, words))


# One cell --------------------------------------------------------------------------------------------------------


def _value(form: str, cell: str, order: str | None, now: datetime) -> Any:
    """What a cell says, None where it says nothing; raises Wrong."""
    text = _text(cell, form)
    if form == "truth":
        meant = [word for word, spellings in _card()["truth"].items() if _plain(text) in map(_plain, spellings)]
        if not meant:
            raise Wrong(f"says {text[:40]!r}; expected yes, no or nothing")
        return {"yes": True, "no": False}.get(meant[0])
    if not text or form == "shown":
        return None
    if form == "day":
        return _day(text, order, now)
    if form == "count":
        if not re.fullmatch(r"[1-9]\d?(\.0)?", text):
            raise Wrong(f"says {text[:40]!r}; expected a number such as 1")
        return int(float(text))
    if form in _card()["choices"]:
        choices = _card()["choices"][form]
        for ours, spellings in choices.items():
            if _plain(text) in map(_plain, (ours, *spellings)):
                return ours
        raise Wrong(f"says {text[:40]!r}; expected one of {', '.join(choices)}")
    if form in ("person", "name") and not any(map(str.isalpha, text)):
        raise Wrong(f"says {text[:40]!r}; expected a name")
    if form in ("id", "claim") and " " in text:
        raise Wrong(f"says {text[:40]!r}; expected an id, which has no blanks")
    return text


def _text(cell: str, form: str) -> str:
    """A cell without what no text holds and no eye sees; the apostrophe with which we disarm a formula is taken off again."""
    cell = cell.replace("\r\n", "\n")
    if cell.startswith("'") and cell[1:].lstrip(" ").startswith(FORMULA):
        cell = cell[1:]
    shown = (each for each in cell if form == "words" or unicodedata.category(each) != "Cf")
    kept = "".join(each if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs") else " " for each in shown).strip()
    kept = kept if form == "words" else " ".join(kept.split())
    longest = LONGEST.get(form, LINE)
    if len(kept) > longest:
        raise Wrong(f"has {len(kept):,} letters; expected at most {longest:,}")
    return kept


def _order(days: Sequence[str]) -> str | None:
    """Whether the slashed days of a file begin with the month or the day; None where none of them can be read one way only."""
    parts = [(int(found[1]), int(found[2])) for each in days if (found := SLASHED.fullmatch(each.strip()))]
    if any(second > 12 for _, second in parts) and not any(first > 12 for first, _ in parts):
        return "month"
    return "day" if any(first > 12 for first, _ in parts) else None


def _day(text: str, order: str | None, now: datetime) -> str:
    """A day as ISO, or a moment with its zone; an hour without a zone is left off."""
    if found := SLASHED.fullmatch(text):
        month, day, year = (int(found[each]) for each in (1, 2, 3))
        if order == "day":
            raise Wrong(f"says {text!r} in a file that puts the day first; write {year}-{day:02}-{month:02} or the like")
        if order is None and month != day:
            raise Wrong(f"says {text!r}, which may be {year}-{month:02}-{day:02} or {year}-{day:02}-{month:02}; write the one you mean so")
        text = f"{year}-{month:02}-{day:02}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(f"says {text[:40]!r}; expected a day such as 2026-11-20") from None
    if moment.date() > (now + timedelta(hours=14)).date():  # the first zone to see a day
        raise Wrong(f"says {text[:40]!r}, which is still to come")
    return moment.isoformat() if moment.tzinfo else moment.date().isoformat()


# One row ---------------------------------------------------------------------------------------------------------


def _checked(row: Row, known: published.Known, settings: Settings, person: str | None) -> Iterator[str]:
    """What is wrong with a row as a whole."""
    table, said = _kinds()[row.kind], row.said
    for group in table.get("either", ()):
        if not any(said.get(each) is not None for each in group):
            yield f"none of {' or '.join(table['columns'][each]['says'][0] for each in group)} is filled in"
    told = [table["columns"][each]["says"][0] for each in ("works_here", "participates", "accepts_patients") if each in said]
    if told and said.get("outcome") in UNANSWERED:
        yield f"{told[0]} is filled in, and the outcome is {said['outcome'].replace('_', ' ')}: nobody can have said it"
    if "by" in table["columns"] and "by" not in said and not person:
        yield f"nobody is named; fill in {table['columns']['by']['says'][0]}, or say --person NAME"
    if "finding_id" in said and (fault := known.fault(said["finding_id"], must_exist=said.get("change") not in (None, "asked"))):
        yield fault
    if "claim_id" in said and not known.has_claim(said["claim_id"]):
        yield f"no published run has the claim {said['claim_id'][:40]!r}"
    if table["table"] in ("sign_off", "report_sent"):
        run_id, day = said.get("run_id", ""), said.get("at", "")[:10]
        if not published.is_run(settings, said.get("audit", ""), run_id):
            yield f"no run {run_id[:40]!r} of {said.get('audit', '')[:40]!r} is published here"
        elif day and (began := _began(run_id)) and day < (began - timedelta(hours=12)).date().isoformat():  # the last zone to see a day
            yield f"the day {day} is before that of run {run_id}, of which nothing was there to be sent or signed"
    if "code" in said and "finding_id" in said and not known.is_code(said["code"], said["finding_id"]):
        yield f"Code {said['code'][:20]!r} is not that of finding {said['finding_id'][:20]!r}: the columns were sorted apart"


def _began(run_id: str) -> datetime | None:
    try:
        return datetime.strptime(run_id, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _enter(writer: ledger.Writer, row: Row, known: published.Known, person: str | None, done: Imported) -> None:
    """Enter one row."""
    kind, said = _kinds()[row.kind]["table"], dict(row.said)
    if kind == "contact":
        is_new = writer.reach(said["name"], said.get("email"), said.get("telephone"))
    elif kind == "erasure":
        is_new = writer.erase(said["name"], person or said["name"])
    else:
        is_new = _enter_deed(writer, kind, said, known, person)
    if is_new is None:
        done.erased += 1
    else:
        (done.new if is_new else done.known)[row.kind] += 1


def _enter_deed(writer: ledger.Writer, kind: str, said: dict[str, Any], known: published.Known, person: str | None) -> bool:
    if "finding_id" in said:
        said["finding_id"] = known.id(said["finding_id"])
        said.pop("code", None)
    by = writer.pseudonym(said.pop("by", None) or said.get("name") or said.get("person") or person or "")
    if kind == "interest":
        said["person"] = by
    if kind == "correction":  # what a deed rested on is looked up, and makes it no other deed
        return writer.enter(kind, said | known.rests_on(said["finding_id"], "claim_id", "basis"), by, same={**said, "by": by})[1]
    if kind in ("verdict", "reply") and "finding_id" in said:
        drawn = writer.known(said.get("sample_id", ""))
        rests = known.rests_on(said["finding_id"], "basis", run_id=drawn.content.get("run_id") if drawn else None)
        return writer.enter(kind, said | rests, by, same=[by, said])[1]
    if kind == "report_sent":
        if said["recipient_kind"] in SHY:
            said["recipient"] = writer.pseudonym(said["recipient"])
        finding = said.pop("finding_id", None)
        id, is_new = writer.enter(kind, said, by)
        if not finding:
            return is_new
        shown = {"report_sent_id": id, "finding_id": finding, "at": said["at"]}
        rests = known.rests_on(finding, "basis", run_id=said["run_id"])
        return writer.enter("disclosure", shown | rests, by, same=[by, shown])[1]
    return writer.enter(kind, said, by)[1]
