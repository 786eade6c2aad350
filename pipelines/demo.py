"""The demo: audit the invented state over loopback HTTP, then hold every finding against the known truth."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pipelines import runs, warehouse
from pipelines.settings import Settings
from pipelines.stages import Published
from reports.records import Measured
from scrapers.records import Refused
from simulation import cards, sites, truth, world

Say = Callable[[str], None]
ROLL = 60_000
READERS = ("commissioner", "insurer", "therapist")  # to whom the demo writes
WORDS = {"commissioner": "report", "packet-commissioner": "packet", "packet-insurer": "notices", "packet-therapist": "letters"}
PORTS = (8791, 8792, 8793, 8794, 8795, 8796)  # the same every time, so that an interrupted demo finds its sites again


@dataclass(frozen=True, slots=True)
class Line:
    """How one check did against the truth."""

    check: str
    documented: truth.Score  # tier A
    probable: truth.Score  # tiers A and B
    candidates: truth.Score  # all tiers
    unsure: int  # true cases whose match was left unsure
    unknowable: int  # listings of which nobody could tell: not counted


@dataclass(frozen=True, slots=True)
class Done:
    """A finished demo: what was published, and how right it was."""

    published: Published
    lines_by_check: tuple[Line, ...]
    seed: int

    def said(self) -> dict[str, Any]:
        """For a program."""
        return {
            "run_id": self.published.run_id,
            "seed": self.seed,
            "database": str(self.published.database),
            "documents": [str(path) for path in self.published.documents],
            "checks": [
                {
                    "check": line.check,
                    "tier_a": {**asdict(line.documented), "precision": line.documented.precision},
                    "tiers_a_b": {**asdict(line.probable), "precision": line.probable.precision, "recall": line.probable.recall},
                    "all_tiers": {**asdict(line.candidates), "precision": line.candidates.precision, "recall": line.candidates.recall},
                    "unsure": line.unsure,
                    "unknowable": line.unknowable,
                }
                for line in self.lines_by_check
            ],
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield f"INVENTED state, seed {self.seed}: {self.published.listing_count:,} listings, {self.published.finding_count:,} findings"
        yield ""
        yield from _accuracy(self.lines_by_check)
        yield ""
        for path in self.published.documents:
            yield f"{WORDS.get(path.stem, 'page'):9}{path}"
        yield f"database {self.published.database}"


def _accuracy(said: tuple[Line, ...]) -> Iterator[str]:
    yield f"{'check':<24}{'tier A right/wrong':>20}{'precision':>11}{'A+B right/wrong':>18}{'recall':>8}{'unsure':>8}{'unknowable':>12}"
    for line in said:
        chosen = line.probable if line.probable.right + line.probable.wrong else line.candidates
        mark = "" if chosen is line.probable else " (tier C)"
        yield (
            f"{line.check:<24}{f'{line.documented.right}/{line.documented.wrong}':>20}{_share(line.documented.precision):>11}"
            f"{f'{chosen.right}/{chosen.wrong}{mark}':>18}{_share(chosen.recall):>8}{line.unsure:>8}{line.unknowable:>12}"
        )
    wrong, right = sum(line.documented.wrong for line in said), sum(line.documented.right for line in said)
    yield f"{'all checks':<24}{f'{right}/{wrong}':>20}{_share(right / (right + wrong) if right + wrong else None):>11}"
    yield "unsure: true cases left to a person; unknowable: neither roll nor directory could tell, so not counted"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def run(
    settings: Settings, listings: int, seed: int, flow: Callable[..., Any], say: Say, progress: Callable[..., None] | None = None
) -> Done:
    """Invent, serve, audit, compare. Raises Refused where the folder holds a real audit."""
    home = replace(settings, data=settings.data / "demo")
    _refuse_real(home.data)
    invented, ports = _state(home, listings, seed)
    with sites.serve(invented, ports) as up:
        card = cards.write(invented, up.urls, home.data / "cards", publish=READERS)
        rows = len(invented.roll_rows)
        say(f"invented state, seed {seed}: a roll of {rows:,} rows, three insurers, a registry and an exclusion list on loopback")
        published = flow(
            card=str(card),
            data=str(home.data),
            say=say,
            progress=progress,
            marks=("DRAFT", "INVENTED"),
            quality=lambda con: measured(compare(con, invented)),
        )
    with warehouse.read_only(published.database) as con:
        return Done(published, compare(con, invented), seed)


def _refuse_real(data: Path) -> None:
    strangers = [path.parent for path in (data / "curated").glob("*/current") if path.parent.name != cards.AUDIT]
    strangers += [path for path in (data / "raw").glob("*") if path.is_dir() and path.name not in {*sites.HOSTS, ".hosts"}]
    if strangers:
        raise Refused(
            f"{data} holds a real audit ({strangers[0].name}); the demo writes only beside nothing or its own: give another --data"
        )


def _state(settings: Settings, listings: int, seed: int) -> tuple[world.World, tuple[int, ...] | None]:
    """The world and its ports; an interrupted demo with the same arguments finds the same ones."""
    kept = settings.data / "invented.json"
    shown_on = today(settings)
    asked = {"seed": seed, "listings": listings, "roll": _roll_size(listings)}
    said = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    last = runs.latest(settings, cards.AUDIT)
    if {name: said.get(name) for name in asked} == asked and last is not None and "publish" not in last.done:
        shown_on = date.fromisoformat(said["today"])
        wanted = tuple(said["ports"])
    else:
        wanted = PORTS
    ports = wanted if all(_is_free(port) for port in wanted) else tuple(_free_port() for _ in PORTS)
    settings.data.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({**asked, "today": shown_on.isoformat(), "ports": ports}) + "\n", encoding="utf-8")
    return world.build(seed, listings, asked["roll"], today=shown_on), ports


def today(settings: Settings) -> date:
    """The day on which the invented state shows its listings: its clock is UTC."""
    return runs.clock(settings).date()


def _roll_size(listings: int) -> int:
    """60,000 rows beside the 1,078 listings of the real audit of 2022, and in that proportion above it."""
    return max(ROLL, round(ROLL * listings / 1078))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def compare(con: warehouse.Connection, invented: world.World) -> tuple[Line, ...]:
    """Every check's findings on the newest listings against the truth."""
    place, unsure = _placed(con, invented)
    flagged: dict[tuple[str, str], set[int]] = {}
    for row in warehouse.table(con, _FLAGGED):
        flagged.setdefault((row["check_name"], row["tier"]), set()).add(place[row["listing_id"]])
    return tuple(_line(invented, check, flagged, unsure) for check in truth.CHECKS)


def places(con: warehouse.Connection, invented: world.World) -> dict[str, int]:
    """Where the truth of each of the newest listings stands, by listing id."""
    return _placed(con, invented)[0]


def _placed(con: warehouse.Connection, invented: world.World) -> tuple[dict[str, int], set[int]]:
    """The same, and the places of those whose match was left unsure."""
    shown = warehouse.table(
        con,
        """
        select listing.listing_id, listing.source_id, listing.reference, listing.npi, listing.name_raw, listing.address, listing.zip5,
          listing.network,
          exists (select 1 from matching.match where left_id = listing.listing_id and judgement = 'unsure')
            and not exists (select 1 from matching.match where left_id = listing.listing_id and judgement = 'same'
              and right_kind = 'credential') as is_unsure
        from curated.listing where listing.is_latest
        """,
    )
    found_again: dict[tuple[str, ...], list[int]] = {}
    for at, known in enumerate(invented.truth):
        found_again.setdefault((known.source, *_truth_key(known)), []).append(at)
    place: dict[str, int] = {}
    unsure: set[int] = set()
    for row in shown:
        named = row["reference"] is not None
        key = (row["source_id"], row["reference"]) if named else (row["source_id"], *_spelled(row))
        if not found_again.get(key):
            raise LookupError(f"listing {row['listing_id']} of {row['source_id']} is not in the truth")
        place[row["listing_id"]] = found_again[key].pop() if len(found_again[key]) > 1 else found_again[key][0]
        if row["is_unsure"]:
            unsure.add(place[row["listing_id"]])
    return place, unsure


# A finding about a claim speaks of every listing that makes this claim today; one about a listing, of that listing.
_FLAGGED = """
select finding.check_name, finding.tier, listing.listing_id
from matching.finding
join curated.listing on case when finding.subject_kind = 'listing' then listing.listing_id = finding.listing_id
  else listing.claim_id = finding.claim_id end
where finding.state <> 'resolved' and listing.is_latest
"""


def _truth_key(row: truth.Truth) -> tuple[str, ...]:
    if "reference" in row.key:
        return (row.key["reference"],)
    return tuple(row.key[part] or "" for part in ("npi", "name", "address", "zip", "network"))


def _spelled(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[part] or "" for part in ("npi", "name_raw", "address", "zip5", "network"))


def _line(invented: world.World, check: str, flagged: dict[tuple[str, str], set[int]], unsure: set[int]) -> Line:
    by_tier = [flagged.get((check, tier), set()) for tier in ("A", "B", "C")]
    rows = invented.truth
    missed_unsure = sum(bool(rows[at].expected[check]) for at in unsure - by_tier[0] - by_tier[1])
    return Line(
        check,
        truth.score(rows, check, by_tier[0]),
        truth.score(rows, check, by_tier[0] | by_tier[1]),
        truth.score(rows, check, by_tier[0] | by_tier[1] | by_tier[2]),
        missed_unsure if check != "duplicate_listing" else 0,
        sum(row.expected[check] is None for row in rows),
    )


def measured(said: tuple[Line, ...]) -> list[Measured]:
    """The measured error rate as the report prints it."""
    return [
        Measured(
            check=line.check,
            flagged=line.documented.right + line.documented.wrong,
            right=line.documented.right,
            true=line.probable.right + line.probable.missed,
            found=line.probable.right,
            unsure=line.unsure,
        )
        for line in said
    ]
