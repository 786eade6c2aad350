"""What must be true of each source's newest snapshot before anything is held against a listing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pipelines import warehouse
from pipelines.expectations import Expectation
from scrapers.reading import collapsed, record_type
from scrapers.records import Source
from scrapers.sources import EVERY, Audit

Visit = Mapping[str, Any]  # snapshot_id, observed_on, records, problems
# A snapshot that lost more than this share of the last good one is a broken capture until its card explains it.
SHRUNK = 0.4
NOT_SAID = ("source_id", "snapshot_id", "observed_on", "evidence_id", "locator")  # columns that we fill, not the source
# How much older than the directory a roll may be before nothing is held against it.
ROLL_AGE = timedelta(days=7)
ABOUT_A_SNAPSHOT = (*warehouse.RECORDS, "problem", "evidence", "snapshot")


def about_sources(con: warehouse.Connection, audit: Audit, say: Callable[[str], None]) -> list[Expectation]:
    """Expectations about every source's newest snapshot, measured on parsed.*.

    An older snapshot that had shrunk without a reason on its card is taken out of parsed.*: a broken capture
    between two good ones is no history, and nobody vanished.
    """
    counted = counts(con)
    found: list[Expectation] = []
    newest: dict[str, Visit] = {}
    for source in audit.sources:
        visits = [row for row in counted if row["source_id"] == source.name]
        newest[source.name] = visits[-1]
        _, broken = judged(source, visits)
        for visit in broken:
            if visit is not visits[-1]:
                say(f"{source.name}: {visit['snapshot_id']} holds {visit['records']:,} records and is left out as a broken capture")
                leave_out(con, visit["snapshot_id"])
        found += of_source(con, source, visits)
    return found + _of_roll(audit, newest)


def of_source(con: warehouse.Connection, source: Source, visits: Sequence[Visit]) -> list[Expectation]:
    """Expectations about the newest of one source's visits, which are oldest first."""
    last = visits[-1]
    good, broken = judged(source, visits)
    lost = [_of_loss(source, last, good)] if last in broken else []
    return [*_of_counts(source, last), *_of_fill(con, source, last), *_of_controls(con, source, last), *lost]


def counts(con: warehouse.Connection) -> Sequence[Visit]:
    """Every snapshot in parsed.* with how many records and problems were read from it; oldest first within its source."""
    return warehouse.table(
        con,
        """
        select source_id, snapshot_id, observed_on, response_count as responses,
          (select count(*) from parsed.record where record.snapshot_id = snapshot.snapshot_id) as records,
          (select count(*) from parsed.problem where problem.snapshot_id = snapshot.snapshot_id) as problems
        from parsed.snapshot order by source_id, observed_on, finished_at, snapshot_id
        """,
    )


def table_of(source: Source) -> str:
    """The parsed.* table that holds this source's records."""
    return f"parsed.{record_type(source).__name__.lower()}"


def fills(con: warehouse.Connection, source: Source, snapshot_id: str) -> dict[str, float]:
    """The share of a snapshot's records in which each field says something, 0 to 1; empty where there are no records."""
    names = [name for name in warehouse.PARSED[record_type(source).__name__.lower()] if name not in NOT_SAID]
    shares = ", ".join(f'count("{name}") / nullif(count(*), 0) as "{name}"' for name in names)
    rows = warehouse.table(con, f"select {shares} from {table_of(source)} where snapshot_id = $id having count(*) > 0", {"id": snapshot_id})
    return dict(rows[0]) if rows else {}


def stale_after(source: Source) -> timedelta | None:
    """How old a snapshot may grow before it is stale: as the card's `visit: every:` says; a month where it does not, files never."""
    is_file = not any("://" in each for each in source.start)
    every = source.visit.get("every") or (None if is_file else "month")
    return timedelta(days=EVERY[every]) if every else None


def leave_out(con: warehouse.Connection, snapshot_id: str) -> None:
    """Take a snapshot out of parsed.*; its evidence stays."""
    for table in ABOUT_A_SNAPSHOT:
        con.execute(f"delete from parsed.{table} where snapshot_id = $id", {"id": snapshot_id})


def judged(source: Source, visits: Sequence[Visit]) -> tuple[int, list[Visit]]:
    """Records of the last good snapshot, and the snapshots that shrank without a reason."""
    explained = {str(day) for day in source.expect.get("shrank", {})}
    good, broken = 0, []
    for visit in visits:
        if visit["records"] < (1 - SHRUNK) * good and str(visit["observed_on"]) not in explained:
            broken.append(visit)
        else:
            good = visit["records"]
    return good, broken


def _of_counts(source: Source, last: Visit) -> list[Expectation]:
    bounds = source.expect.get("records", {})
    at_least = bounds.get("at_least", 1)
    found = [
        Expectation(
            table=source.name,
            says=f"at least {at_least:,} records",
            value=last["records"],
            low=at_least,
            advice=f"{source.name}: {last['records']:,} records were read from {last['snapshot_id']}, expected at least {at_least:,}; "
            "look at the pages kept under data/raw before believing that nobody is listed",
        ),
        Expectation(
            table=source.name,
            says="problems beyond the number of records",
            value=max(last["problems"] - last["records"], 0),
            high=0,
            advice=f"{source.name}: {last['problems']:,} places could not be read against {last['records']:,} records; "
            f"the card or the page has changed, `rollcall sources check {source.name}` says more",
        ),
    ]
    for says, value, high in (
        ("records", last["records"], bounds.get("at_most")),
        ("problems", last["problems"], source.expect.get("problems_at_most", 0)),
    ):
        if high is not None:
            advice = f"{source.name}: {value:,} {says} in {last['snapshot_id']}, the card expects at most {high:,}"
            found.append(
                Expectation(table=source.name, says=f"at most {high:,} {says}", value=value, high=high, stops=False, advice=advice)
            )
    return found


def _of_fill(con: warehouse.Connection, source: Source, last: Visit) -> list[Expectation]:
    """How often each field that the card bounds says something. Too seldom stops: a changed page looks like that. Too often is a notice."""
    bounds = source.expect.get("fill") or {}
    shares = fills(con, source, last["snapshot_id"]) if bounds else {}
    advice = {
        "at_least": f"the page has probably changed: `rollcall sources check {source.name}` says more",
        "at_most": "look at a page, and mend `expect: fill:` if it is right",
    }
    return [
        Expectation(
            table=source.name,
            says=f"share of records with {field}, {key.replace('_', ' ')} {bound:.0%}",
            value=shares.get(field, 0.0),
            low=bound if key == "at_least" else None,
            high=bound if key == "at_most" else None,
            stops=key == "at_least",
            advice=f"{source.name}: {field} is filled in {shares.get(field, 0.0):.0%} of {last['records']:,} records of "
            f"{last['snapshot_id']}, the card expects {key.replace('_', ' ')} {bound:.0%}; {advice[key]}",
        )
        for field, each in bounds.items()
        for key, bound in each.items()
    ]


def _of_controls(con: warehouse.Connection, source: Source, last: Visit) -> list[Expectation]:
    """Each listing that the card says exists must be found; a crawl that misses it missed others. Its name stays on the card."""
    found = []
    for number, control in enumerate(source.expect.get("includes") or (), 1):
        asked = " and ".join(f'lower("{field}") = $v{place}' for place, field in enumerate(control))
        values = {f"v{place}": collapsed(value).lower() for place, value in enumerate(control.values())}
        count = warehouse.count(con, f"{table_of(source)} where snapshot_id = $id and {asked}", id=last["snapshot_id"], **values)
        found.append(
            Expectation(
                table=source.name,
                says=f"records that are number {number} of `expect: includes:`, by {', '.join(control)}",
                value=count,
                low=1,
                advice=f"{source.name}: number {number} under `expect: includes:` (known by its {', '.join(control)}) is not among the "
                f"{last['records']:,} records of {last['snapshot_id']}; look for it on the site: if it is there the capture missed it and "
                "perhaps others, if it is gone name another on the card",
            )
        )
    return found


def _of_loss(source: Source, last: Visit, good: int) -> Expectation:
    lost = 1 - last["records"] / good
    return Expectation(
        table=source.name,
        says=f"records lost since the last good snapshot, at most {SHRUNK:.0%}",
        value=good - last["records"],
        high=SHRUNK * good,
        advice=f"{source.name}: {last['records']:,} records in {last['snapshot_id']}, {good:,} in the last good snapshot; a directory that "
        f"shrank by {lost:.0%} is a broken capture until its card says why (expect: shrank: {{{last['observed_on']}: reason}})",
    )


def _of_roll(audit: Audit, newest: Mapping[str, Visit]) -> list[Expectation]:
    if audit.roll is None:
        return []
    roll_on = newest[audit.roll.name]["observed_on"]
    found = []
    for source in audit.insurers:
        shown_on = newest[source.name]["observed_on"]
        age = max((shown_on - roll_on).days, 0)
        found.append(
            Expectation(
                table=audit.roll.name,
                says=f"days by which the roll is older than {source.name}, at most {ROLL_AGE.days}",
                value=age,
                high=ROLL_AGE.days,
                advice=f"{audit.roll.name} was taken on {roll_on} and {source.name} on {shown_on}: the roll is {age} days older than the "
                f"directory, at most {ROLL_AGE.days} are allowed; collect the roll again",
            )
        )
    return found
