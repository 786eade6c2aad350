"""What is the matter with one source: a verdict, since when, what changed since the last good snapshot, and what to do next."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import curate, guards, warehouse
from pipelines.expectations import Expectation
from scrapers import sources
from scrapers.evidence import STAMP, Archive
from scrapers.reading import record_type
from scrapers.records import Refused, Snapshot, Source

COMPARED = 12  # the newest snapshots are looked at, for the last good one may lie before several broken ones …
BYTES = 500_000_000  # … as long as they are no more than this together, and always the newest two
MOVED = 0.05  # a fill rate that moved by less is not worth a word
TURNED_AWAY = {"blocked", "login_wall", "robots"}
NEXT = {  # class of failure → what to do
    "dns": "nobody knows a host of that name: check the address under `start:` in a browser, then this machine's network",
    "tls": "the site's certificate is not one we trust: look at it in a browser, tell the publisher, and run again once it is mended",
    "unreachable": "no answer came: run again in an hour; if a browser gets one meanwhile, ask the publisher whether they turn us away",
    "busy": "the site asked for patience: run again later, perhaps with a longer `visit: pause_seconds:`",
    "blocked": "the site turns programs away, and we do not work around it: ask the publisher, or save the pages by hand (saved_page)",
    "login_wall": "a login stands before the page: check `start:` in a browser where you are not signed in; a directory must be public",
    "robots": "robots.txt asks programs to stay away, and we obey: ask the publisher for leave or for a file, or save the pages by hand",
    "moved": "open the address in a browser and put the one it ends at under `start:` (another host also under `visit: hosts:`)",
    "gone": "the page is no longer there: find the directory's new address and put it under `start:`",
    "empty": "an empty answer is not an empty directory: look at the page in a browser, and run again later",
    "cut_short": "the answer broke off: run again; if it stays so, tell the publisher",
    "too_large": "check that `start:` names what you mean; if it really is that large, raise `visit: at_most_megabytes:`",
    "shrank": "look at the site: if the directory really shrank, say why under `expect: shrank:`, else collect again",
    "partial": "not everything came: run again; if it stays so, check on the card what leads to the next page",
    "budget": "if the source really is that large raise `visit: at_most_pages:`; then run again, which goes on where this visit stopped",
    "changed_shape": "it is not what the card describes: `rollcall sources record {name}` keeps an example; mend the card against it",
}
# What makes two records of two snapshots the same one, where that is less than all they say.
SAME = {
    "listing": "coalesce(reference, concat_ws('|', name, last, first, organization, address)) || '|' || coalesce(network, '')",
    "credential": "concat_ws('|', number, type)",
    "registration": "concat_ws('|', npi, taxonomy)",
    "exclusion": "concat_ws('|', npi, name, last, first, middle, organization, excluded)",
    "participation": "concat_ws('|', npi, organization, network, plan)",
}


def since(archive: Archive, name: str, is_whole: bool) -> datetime | None:
    """When the unbroken row of whole (or of failed) visits that ends with the newest one began."""
    began = None
    for folder in reversed(archive.visits(name)):
        if (folder / "complete.json").exists() is not is_whole:
            break
        began = datetime.strptime(folder.name.split("-")[0], STAMP).replace(tzinfo=UTC)
    return began


def diagnose(archive: Archive, source: Source, now: datetime, called: str) -> dict[str, Any]:
    """One source as its evidence shows it; asks nobody. `called` is how a person named it: a card of their own by its path."""
    snapshots = archive.snapshots(source.name)
    unfinished = archive.latest_incomplete(source.name)
    said: dict[str, Any] = {
        "source": source.name,
        "title": source.title,
        "format": source.format,
        "standing": sources.standing_of(source),
        "blocked": source.options.get("blocked"),
        "snapshots": len(snapshots),
        "newest": snapshots[-1].id if snapshots else None,
        "counts": [],
        "changes": None,
        "problems": [],
        "failed": [],
        "failure": None,
        "written": _written(archive, source, snapshots[-1]) if snapshots else None,
        "proof": _proof(archive, source, snapshots[-1]) if snapshots else None,
    }
    with looked_at(archive, source, _newest(archive, snapshots)) as (con, unread):
        visits = [visit for visit in guards.counts(con) if visit["snapshot_id"] not in unread]
        said["counts"] = visits
        if visits:
            newest = visits[-1]["snapshot_id"]
            _, broken = guards.judged(source, visits)
            good = [visit for visit in visits[:-1] if visit not in broken]
            unmet = [each for each in guards.of_source(con, source, visits) if each.stops and not is_met(each)]
            said["failed"] = [each.advice for each in unmet]
            said["changes"] = changes(con, source, newest, good[-1]["snapshot_id"] if good else None)
            said["problems"] = problems(con, newest)
            if unmet:
                said["failure"] = "shrank" if visits[-1] in broken else _class_of(unmet)
        if snapshots and snapshots[-1].id in unread:
            said |= {"failed": [unread[snapshots[-1].id]], "failure": "changed_shape"}
    if unfinished:
        said |= {"unfinished_since": unfinished[0], "unfinished_because": unfinished[1], "failure": unfinished[2]}
        said["kept"] = sum(row["outcome"] == "kept" for row in archive.attempts(archive.visits(source.name)[-1]))
    found = _verdict(archive, source, snapshots, said, now)
    return said | found | {"next": found["next"].format(name=called)}


def _written(archive: Archive, source: Source, snapshot: Snapshot) -> str | None:
    """How the first file of a snapshot is written, where the format detects that; a file it cannot read is told of elsewhere."""
    state = getattr(sources.format_of(source), "dialect", None)
    if state is None:
        return None
    try:
        return str(state(archive.head(archive.evidence(snapshot)[0]), source))
    except Refused as reason:
        return str(reason)


def _proof(archive: Archive, source: Source, snapshot: Snapshot) -> str | None:
    """How we know that a snapshot is all there is, where the format can tell."""
    prove = getattr(sources.format_of(source), "proof", None)
    pages = (replace(page, body=archive.read(page)) for page in archive.evidence(snapshot))
    return str(prove(pages, source)) if prove else None


def _verdict(archive: Archive, source: Source, snapshots: Sequence[Snapshot], said: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    late = guards.stale_after(source)
    blocked = source.options.get("blocked")
    began: date | None
    if said["failure"]:
        verdict = "blocked" if said["failure"] in TURNED_AWAY else "failing"
        began = _day(since(archive, source.name, False)) if "unfinished_since" in said else snapshots[-1].day
        todo = NEXT[said["failure"]]
    elif "unfinished_since" in said:
        verdict, began, todo = "unfinished", _day(since(archive, source.name, False)), "run again: it goes on where it stopped"
    elif not snapshots:
        verdict, began = "blocked" if blocked else "never visited", None
        todo = NEXT["blocked"] if blocked else "`rollcall sources check {name} --live` asks for its first page"
    elif late and now.date() - snapshots[-1].day > late:
        verdict, began, todo = "stale", snapshots[-1].day + late, "collect it again"
    else:
        verdict, began, todo = "well", _day(since(archive, source.name, True)), "nothing"
    return {"verdict": verdict, "since": began, "next": todo}


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def is_met(said: Expectation) -> bool:
    """As the gate judges, without the seconds that Great Expectations takes to be there."""
    return (said.low is None or said.value >= said.low) and (said.high is None or said.value <= said.high)


def _class_of(unmet: Sequence[Expectation]) -> str:
    """Too few, or a known one missing, is a part of a directory; anything else is a page that changed."""
    few = all("records" in each.says and not each.says.startswith(("share", "problems")) for each in unmet)
    return "partial" if few else "changed_shape"


@contextmanager
def looked_at(archive: Archive, source: Source, snapshots: Sequence[Snapshot]) -> Iterator[tuple[warehouse.Connection, dict[str, str]]]:
    """Snapshots of one source in parsed.*, for as long as they are looked at; and for those that cannot be read, why."""
    unread: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, warehouse.opened(Path(folder) / "looked.duckdb") as con:
        warehouse.lay_out(con)
        for snapshot in snapshots:
            try:
                curate.load_snapshot(con, archive, source, snapshot, ZoneInfo("UTC"))
            except curate.Unread as error:
                unread[snapshot.id] = str(error)
        yield con, unread


def _newest(archive: Archive, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    found: list[Snapshot] = []
    size = 0
    for snapshot in reversed(snapshots[-COMPARED:]):
        size += sum(page.byte_count for page in archive.evidence(snapshot))
        if len(found) >= 2 and size > BYTES:
            break
        found.insert(0, snapshot)
    return found


def changes(con: warehouse.Connection, source: Source, newest: str, before: str | None) -> dict[str, Any]:
    """The newest snapshot's fields and page sizes, and against `before` what appeared, vanished and moved."""
    noun = record_type(source).__name__.lower()
    filled = guards.fills(con, source, newest)
    said: dict[str, Any] = {"against": before, "filled": {name: share for name, share in filled.items() if share}}
    said["page_bytes"] = _page_bytes(con, newest)
    if before is None:
        return said
    was = guards.fills(con, source, before)
    said["was_filled"] = {name: share for name, share in was.items() if abs(share - filled.get(name, 0.0)) >= MOVED}
    said["new_fields"] = [name for name, share in filled.items() if share and not was.get(name)]
    said["lost_fields"] = [name for name, share in was.items() if share and not filled.get(name)]
    said["page_bytes_before"] = _page_bytes(con, before)
    keys = f"(select distinct {SAME[noun]} as key from {guards.table_of(source)} where snapshot_id ="
    counted = con.execute(
        f"select count(*) filter (where old.key is null), count(*) filter (where new.key is null) "
        f"from {keys} $newest) as new full join {keys} $before) as old on old.key = new.key",
        {"newest": newest, "before": before},
    ).fetchone()
    said["appeared"], said["vanished"] = counted or (0, 0)
    return said


def _page_bytes(con: warehouse.Connection, snapshot_id: str) -> int:
    median = "select cast(median(byte_count) as bigint) from parsed.evidence where snapshot_id = $id"
    found = con.execute(median, {"id": snapshot_id}).fetchone()
    return int(found[0] or 0) if found else 0


def problems(con: warehouse.Connection, snapshot_id: str) -> list[dict[str, Any]]:
    """Reasons why something could not be read, alike but for what they quote taken together; each with an example and its place."""
    return warehouse.table(
        con,
        """
        select count(*) as count, arg_min(reason, locator) as reason, min(locator) as locator,
          arg_min(evidence.url, locator) as url
        from parsed.problem left join parsed.evidence on evidence.evidence_id = problem.evidence_id
        where problem.snapshot_id = $id
        group by regexp_replace(reason, '''[^'']*''|\"[^\"]*\"|[0-9]+', '', 'g') order by 1 desc, 2 limit 8
        """,
        {"id": snapshot_id},
    )
