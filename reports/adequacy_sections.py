"""The report's sections on adequacy: reach, counties, breadth and inflation, each listed beside verified; the words are in adequacy.yml."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Any

import yaml

from matching.records import Connection
from reports import adequacy
from reports.adequacy import Network, Row, index, reach, span, verified
from reports.measures import percent
from reports.records import Context, Section
from reports.render import charts, maps

Places = Sequence[tuple[Row, Mapping[str, Row]]]


def sections(con: Connection, context: Context) -> Iterator[Section]:
    """What this run says of adequacy, in the order in which it is read; needs reports.side, adequacy, breadth and inflation.

    An audit without geography is told so, and given what needs none.
    """
    told = _Adequacy(con, context)
    if not told.networks:
        return
    yield told.reach()
    if told.places("all"):
        yield told.counties()
        yield from (told.insurer(each) for each in told.networks if each.source_id and each.is_whole)
    if told.networks[0].sides["listed"]["licensed_count"] is not None:
        yield told.breadth()
    yield told.inflation()
    if told.places("all"):
        yield told.limits()


@dataclass
class _Adequacy:
    con: Connection
    context: Context
    by_scope: dict[str, Places] = field(default_factory=dict)

    @cached_property
    def words(self) -> Mapping[str, Any]:
        said: Mapping[str, Any] = yaml.safe_load(resources.files("reports").joinpath("adequacy.yml").read_text(encoding="utf-8"))
        return said

    @cached_property
    def networks(self) -> list[Network]:
        """Without the networks of an insurer that has one alone: its row would be the insurer's again."""
        found = adequacy.networks(self.con)
        count = [each.source_id for each in found if not each.is_whole]
        return [each for each in found if each.is_whole or count.count(each.source_id) > 1]

    def places(self, scope: str) -> Places:
        if scope not in self.by_scope:
            self.by_scope[scope] = adequacy.counties(self.con, scope)
        return self.by_scope[scope]

    @cached_property
    def precision(self) -> str:
        """How exactly listings are located: zcta, county, or mixed."""
        asked = "select distinct geo_precision from reports.side where geo_precision is not null"
        kinds = [kind for (kind,) in self.con.execute(asked).fetchall()]
        return str(kinds[0]) if len(kinds) == 1 else "mixed" if kinds else "county"

    def section(self, key: str, name: str = "", *, also: Sequence[str] = (), names: Mapping[str, str], **more: Any) -> Section:
        said = self.words[key]
        told = [line for part in ("words", *also) for line in said.get(part, ())]
        paragraphs = [line for each in told if (line := each.format_map(names).strip())]
        made = {"columns": tuple(said.get("columns", ())), "note": said.get("note", "")} | more
        return Section(key=name or f"adequacy_{key}", title=said["title"].format_map(names), paragraphs=paragraphs, **made)

    def reach(self) -> Section:
        whole = self.networks[0].sides
        has_places = whole["listed"]["county_count"] is not None
        has_list = whole["listed"]["share_benchmark"] is not None
        said = self.words["adequacy"]
        columns = [*(said["columns"] if has_places else said["bare_columns"]), *(said["urban_columns"] if has_list else ())]
        insurers = [each for each in self.networks if each.source_id and each.is_whole]
        bars = [
            (each.insurer, low, high - low, listed - high)
            for each in insurers
            for listed, low, high in [[each.sides[side]["provider_count"] for side in adequacy.SIDES]]
        ]
        names = {"listed": f"{whole['listed']['provider_count']:,}", "verified": verified(whole)}
        return self.section(
            "adequacy",
            "adequacy",
            also=["benchmark", *([] if self.precision == "zcta" else ["proxy"]), *([] if has_list else ["no_list"])]
            if has_places
            else ["no_geography"],
            names=names,
            columns=tuple(columns),
            rows=tuple(self._reach(each, has_places, has_list) for each in self.networks),
            about=tuple(each.source_id for each in self.networks),
            chart=charts.standing(bars),
            alt=said["alt"].format(
                **names,
                bars="; ".join(
                    f"{name} {sum(counts):,} listed, {span(counts[0], counts[0] + counts[1])} verified" for name, *counts in bars
                ),
            ),
        )

    def _reach(self, each: Network, has_places: bool, has_list: bool) -> tuple[Any, ...]:
        listed, high = each.sides["listed"], each.sides["verified_high"]
        row: tuple[Any, ...] = (each.insurer, each.title, listed["provider_count"], verified(each.sides))
        if has_places:
            row += tuple(reach(side, miles) for miles in ("share_30_miles", "share_60_miles") for side in (listed, high))
            row += (listed["empty_county_count"], high["empty_county_count"])
        return row + (tuple(reach(side, "share_benchmark") for side in (listed, high)) if has_list else ())

    def counties(self) -> Section:
        places = self.places("all")
        chart, alt = self.picture(self.networks[0], places)
        rows = [
            (
                county["name"],
                sides["listed"]["population"],
                sides["listed"]["provider_count"],
                verified(sides),
                *(_ratio(sides[side]) for side in ("listed", "verified_high")),
                *(reach(sides[side], "share_30_miles") for side in ("listed", "verified_high")),
                *(self.nearest(sides[side]) for side in ("listed", "verified_high")),
            )
            for county, sides in places
        ]
        return self.section("counties", names={"none": _none(places, len(places))}, rows=tuple(rows), chart=chart, alt=alt)

    def insurer(self, each: Network) -> Section:
        """One insurer's counties where anybody is listed, network by network."""
        own = [other for other in self.networks if other.source_id == each.source_id and not other.is_whole] or [each]
        places = self.places(each.scope)
        rows = sorted(
            (
                county["name"],
                network.title,
                sides["listed"]["provider_count"],
                verified(sides),
                *(_ratio(sides[side]) for side in ("listed", "verified_high")),
                *(self.nearest(sides[side]) for side in ("listed", "verified_high")),
            )
            for network in own
            for county, sides in (places if network is each else self.places(network.scope))
            if sides["listed"]["provider_count"]
        )
        chart, alt = self.picture(each, places)
        names = {"insurer": each.insurer, "none": _none(places, len(places))}
        about = (each.source_id,) * len(rows)
        return self.section(
            "insurer", f"adequacy_{each.source_id}", names=names, rows=tuple(rows), about=about, chart=chart, alt=f"{each.insurer}. {alt}"
        )

    def nearest(self, row: Row) -> str | None:
        """Nought stands for a listing whose position is the county's own middle: there is one in the county, nobody knows where."""
        if row["nearest_miles"] is None:
            return None
        miles = round(row["nearest_miles"])
        return "in the county" if row["nearest_miles"] == 0 else f"{miles:,} mile{'s' * (miles != 1)}"

    def picture(self, each: Network, places: Places) -> tuple[str, str]:
        """The maps listed, verified and difference, and what they show in words; nothing where no county has an outline."""
        drawn = [
            maps.County(
                key=county["county_fips"],
                outline=json.loads(county["outline"]),
                longitude=county["longitude"],
                latitude=county["latitude"],
            )
            for county, _ in places
            if county["outline"]
        ]
        if not drawn:
            return "", ""
        said = self.words["map"]
        people = {county["county_fips"]: county["population"] for county, _ in places}
        counts = {
            side: {county["county_fips"]: sides[side]["provider_count"] for county, sides in places} for side in ("listed", "verified_high")
        }
        gone = {county: listed - counts["verified_high"][county] for county, listed in counts["listed"].items()}
        density = adequacy.cuts([1_000 * count / people[county] for county, count in counts["listed"].items() if people[county]])
        totals = {side: each.sides[side]["provider_count"] for side in counts}
        panels = [
            self._panel(
                name,
                totals[side],
                counts[side],
                {county: 1_000 * count / people[county] for county, count in counts[side].items() if people[county]},
                [*density, None],
                str(said["density"]),
            )
            for name, side in (("listed", "listed"), ("verified", "verified_high"))
        ]
        shares = {county: 100 * count / counts["listed"][county] for county, count in gone.items() if count}
        lost = totals["listed"] - totals["verified_high"]
        panels.append(self._panel("difference", lost, gone, shares, [10, 25, None], str(said["share"])))
        worst = sorted((county for county in gone if gone[county]), key=lambda county: (-gone[county], county))[:3]
        called = {county["county_fips"]: county["name"] for county, _ in places}
        largest = "; ".join(f"{called[county]} {gone[county]:,} of {counts['listed'][county]:,}" for county in worst)
        alt = said["alt"].format(
            state=self.context.state,
            all=len(places),
            **{f"{short}": f"{totals[side]:,}" for short, side in (("listed", "listed"), ("high", "verified_high"))},
            **{f"{short}_some": sum(map(bool, counts[side].values())) for short, side in (("listed", "listed"), ("high", "verified_high"))},
            worst=f"Most contradicted: {largest}." if worst else "None is contradicted.",
            empty=_none(places, 5),
        )
        return maps.counties(panels, drawn), " ".join(alt.split())

    def _panel(
        self, name: str, total: int, counts: Mapping[str, int], values: Mapping[str, float], upper: Sequence[float | None], legend: str
    ) -> maps.Panel:
        """A map whose classes reach up to each of `upper`; the last has no end. The difference is no density, and its numbers fall."""
        falls = name == "difference"
        unit = "%" if falls else ""
        ends = [end for end in upper if end is not None]
        classes = [f"up to {end:g}{unit}" for end in ends] + [f"more than {ends[-1]:g}{unit}" if ends else "somebody"]
        said = self.words["map"]
        line = said[name]["line"].format(count=f"{total:,}", some=sum(map(bool, counts.values())), all=len(counts))
        return maps.Panel(
            title=said[name]["title"],
            line=line,
            shades={
                county: classes[sum(values.get(county, 0) > end for end in ends)] if count else None for county, count in counts.items()
            },
            numbers={county: f"−{count:,}" if falls and count else "" if falls else f"{count:,}" for county, count in counts.items()},
            classes=classes,
            nobody=said["nothing"] if falls else said["nobody"],
            legend=legend,
            colors=maps.BROWNS if falls else maps.BLUES,
            is_hatched=not falls,
        )

    def breadth(self) -> Section:
        licensed = self.networks[0].sides["listed"]["licensed_count"]
        rows = [
            (
                each.insurer,
                each.title,
                each.sides["listed"]["holder_count"],
                percent(each.sides["listed"]["licensed_share"]),
                verified(each.sides, "holder_count"),
                " to ".join(dict.fromkeys(percent(each.sides[side]["licensed_share"]) for side in ("verified_low", "verified_high"))),
            )
            for each in self.networks
        ]
        about = tuple(each.source_id for each in self.networks)
        return self.section("breadth", names={"licensed": f"{licensed:,}"}, rows=tuple(rows), about=about)

    def inflation(self) -> Section:
        persons, listings = (adequacy.inflation(self.con, level) for level in ("provider", "listing"))
        whole = [each for each in self.networks if each.is_whole and each.scope in persons]
        called = {each.scope: each.insurer for each in whole}
        said = self.words["inflation"]
        pairs = [said["pair"].format(larger=called[larger], smaller=called[smaller]) for larger, smaller in adequacy.apart(persons)]
        order = said["apart"].format(pairs="; ".join(pairs)) if pairs else said["none_apart"] if len(whole) > 2 else ""
        rows = [
            (
                each.insurer,
                persons[each.scope]["listed_count"],
                persons[each.scope]["verified_high_count"],
                persons[each.scope]["verified_low_count"],
                *_index(persons[each.scope]),
                listings[each.scope]["listed_count"],
                *_index(listings[each.scope]),
            )
            for each in whole
        ]
        return self.section("inflation", names={"order": order}, rows=tuple(rows), about=tuple(each.source_id for each in whole))

    def limits(self) -> Section:
        said = self.words["limits"]
        ((unique, unplaced, straddling),) = self.con.execute(
            """
            select count(*), count(*) filter (where side.county_fips is null), count(*) filter (where zcta.is_straddling)
            from reports.side
            join curated.listing on listing.listing_id = side.listing_id
            left join curated.zcta on zcta.zip5 = listing.zip5
            where side.side = 'listed'
            """
        ).fetchall()
        ((enrolled,),) = self.con.execute("select count(*) from curated.enrollment").fetchall()
        facts = self.con.execute("select item, says, source, dated from curated.geography_fact order by item").fetchall()
        names = {
            "people": said["enrolled" if enrolled else "residents"],
            "precision": said[self.precision],
            **{name: f"{count:,}" for name, count in (("unique", unique), ("unplaced", unplaced), ("straddling", straddling))},
        }
        return self.section("limits", names=names, rows=tuple(tuple(row) for row in facts))


def _none(places: Places, most: int) -> str:
    """How many counties have nobody listed, and how many nobody who can be verified; by name where there are at most `most`."""
    empty = {side: [county["name"] for county, sides in places if not sides[side]["provider_count"]] for side in adequacy.SIDES}
    gone = [name for name in empty["verified_high"] if name not in empty["listed"]]
    said = "Nobody is listed in" if empty["listed"] else "Somebody is listed in every county"
    parts = [f"{said}{_some(empty['listed'], len(places), most)}."]
    return " ".join([*parts, f"Everybody listed is contradicted in{_some(gone, len(places), most)}."] if gone else parts)


def _some(names: Sequence[str], whole: int, most: int) -> str:
    short = ", ".join(name.removesuffix(" County") for name in names)
    return f" {len(names)} of {whole} counties" * bool(names) + f": {short}" * (0 < len(names) <= most)


def _ratio(row: Row) -> str | None:
    """Persons per 1,000 people, to two digits that count."""
    return None if row["per_1000"] is None else f"{row['per_1000']:.{3 if row['per_1000'] < 0.1 else 2}f}"


def _index(row: Row) -> tuple[str | None, str | None]:
    if row["index_least_from"] is None:
        return None, None
    return index(row["index_least"], row["index_most"]), index(row["index_least_from"], row["index_most_to"])
