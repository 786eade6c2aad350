"""Listed and verified networks beside each other: what reports.adequacy, breadth and inflation say, in numbers a page can print."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matching.records import Connection

Row = Mapping[str, Any]
SIDES = ("listed", "verified_low", "verified_high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One scope whose adequacy is told: all insurers together, one insurer's directory, or one of its networks."""

    scope: str
    source_id: str  # "": all together
    insurer: str
    network: str  # "": all of the insurer's
    sides: Mapping[str, Row]  # side → its row of reports.breadth

    @property
    def is_whole(self) -> bool:
        """All networks of an insurer, or of all."""
        return self.scope in ("all", self.source_id)

    @property
    def title(self) -> str:
        return "all" if self.is_whole else self.network or "not stated"


def networks(con: Connection) -> list[Network]:
    """All together first, then the insurers by name, each before its networks."""
    names = dict(con.execute("select source_id, coalesce(insurer_name, title) from curated.source").fetchall())
    sides: dict[str, dict[str, Row]] = {}
    for row in _rows(con, "select * from reports.breadth"):
        sides.setdefault(row["scope"], {})[row["side"]] = row
    found = []
    for scope, rows in sides.items():
        source, network = rows["listed"]["source_id"] or "", rows["listed"]["network"] or ""
        insurer = names[source] if source else "All insurers"
        found.append(Network(scope=scope, source_id=source, insurer=insurer, network=network, sides=rows))
    return sorted(found, key=lambda each: (bool(each.source_id), each.insurer, each.source_id, not each.is_whole, each.network))


def counties(con: Connection, scope: str) -> list[tuple[Row, Mapping[str, Row]]]:
    """Each county by name, with the scope's rows of reports.adequacy by side."""
    sides: dict[str, dict[str, Row]] = {}
    for row in _rows(con, "select * from reports.adequacy where scope = $scope", {"scope": scope}):
        sides.setdefault(row["county_fips"], {})[row["side"]] = row
    places = _rows(con, "select * from curated.county order by name, county_fips")
    return [(place, sides[place["county_fips"]]) for place in places if place["county_fips"] in sides]


def inflation(con: Connection, level: str) -> dict[str, Row]:
    """Scope → its row of reports.inflation, at level listing or provider."""
    return {row["scope"]: row for row in _rows(con, "select * from reports.inflation where level = $level", {"level": level})}


def apart(rows: Mapping[str, Row]) -> Iterator[tuple[str, str]]:
    """(larger, smaller): insurers whose whole range of the index, from the least to the most with their intervals, lie apart.

    Where confirmed counts are few the range has no upper end, and nobody's lies above it.
    """
    known = {scope: row for scope, row in rows.items() if scope != "all" and row["index_least_from"] is not None}
    for larger in sorted(known):
        for smaller in sorted(known):
            most = known[smaller]["index_most_to"]
            if most is not None and known[larger]["index_least_from"] > most:
                yield larger, smaller


def span(low: int, high: int) -> str:
    """A count known between two ends.

    >>> span(0, 1), span(1200, 1200)
    ('0–1', '1,200')
    """
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def verified(sides: Mapping[str, Row], count: str = "provider_count") -> str:
    """The verified network as a range, from confirmed to not contradicted."""
    return span(sides["verified_low"][count], sides["verified_high"][count])


def reach(row: Row, miles: str) -> str:
    """Share of the people reached, under both assumptions about where they live; `miles` names the column, e.g. share_30_miles.

    >>> reach({"share_30_miles": 0.541, "share_30_miles_middle": 1.0}, "share_30_miles")
    '54–100%'
    """
    low, high = sorted(round(100 * row[name]) for name in (miles, f"{miles}_middle"))
    return f"{high}%" if low == high else f"{low}–{high}%"


def index(least: float | None, most: float | None) -> str:
    """How many are listed for each one verified; open upwards where none is confirmed.

    >>> index(1.234, 6.13), index(1.0, None), index(None, None)
    ('1.23–6.13', '1.00 or more', '–')
    """
    if least is None:
        return "–"
    return f"{least:.2f} or more" if most is None else f"{least:.2f}–{most:.2f}"


def cuts(values: Sequence[float]) -> list[float]:
    """At most two numbers that part the values above zero into thirds, to two digits.

    >>> cuts([0, 0.123, 0.5, 1.0, 2.34, 4, 17])
    [0.5, 2.3]
    """
    some = sorted(value for value in values if value > 0)
    parts = [float(f"{some[len(some) * third // 3 - 1]:.2g}") for third in (1, 2) if len(some) >= 3]
    return sorted(set(parts))


def _rows(con: Connection, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    answer = con.execute(sql, dict(parameters or {}))
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
