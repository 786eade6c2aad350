"""Facts about places, from the files an audit names into parsed.*: counties, ZIP code areas, urban counties, people enrolled."""

import csv
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from python_calamine import CalamineError, CalamineWorkbook

from pipelines import outlines
from scrapers.card import CardMap, read_card
from scrapers.geography import Facts
from scrapers.records import Refused

Row = dict[str, Any]
Grid = list[list[str]]
Number = TypeVar("Number", int, float)

COUNTY = ("county_fips", "name", "population", "land_sqmi", "latitude", "longitude")
ZCTA = ("zip5", "county_fips", "share_land")
ENROLLMENT = ("county", "network", "enrollees")
CLASSES = ("urban", "rural")
LARGEST_FILE = 64 * 1000**2  # bytes; the United States' ZIP code areas take 2 million


def rows(facts: Facts) -> dict[str, list[Row]]:
    """The rows of parsed.county, zcta, residence, enrollment and geography_fact; none where an audit has no geography.

    Raises Refused with file, line, what stands there and what was expected.
    """
    if facts.geography is None:
        for key, path in (("urban_counties", facts.urban_counties), ("enrollment", facts.enrollment)):
            if path:
                raise Refused(f"{path.name}: `{key}` names counties, and this audit has none; name a folder under `geography:`")
        return {}
    counties = _counties(facts.geography / "county.csv")
    known = {each["county_fips"] for each in counties}
    shapes = outlines.read(facts.geography / "counties.topojson", known)
    urban = urban_counties(facts.urban_counties, counties) if facts.urban_counties else {}
    for county in counties:
        county["outline"] = json.dumps(shapes[county["county_fips"]]) if county["county_fips"] in shapes else None
        county["urban_class"] = urban.get(county["county_fips"])
    spots = [
        {"county_fips": county, "latitude": latitude, "longitude": longitude}
        for county, shape in shapes.items()
        for longitude, latitude in outlines.spread(shape)
    ]
    return {
        "county": counties,
        "zcta": _zctas(facts.geography / "zcta.csv", known),
        "residence": spots,
        "enrollment": enrolled(facts.enrollment, counties) if facts.enrollment else [],
        "geography_fact": _facts(facts.geography / "facts.yml", facts),
    }


def _counties(path: Path) -> list[Row]:
    found = [
        {
            "county_fips": _text(row, "county_fips", place, r"[0-9A-Z]{5}", "five digits, e.g. 53063"),
            "name": _text(row, "name", place, r".{1,60}", "the county's name"),
            "population": _number(row, "population", place, int, 0, 1e9),
            "land_sqmi": _number(row, "land_sqmi", place, float, 0.001, 1e6),
            **_position(row, place),
        }
        for place, row in _table(path, COUNTY)
    ]
    return _once(found, ("county_fips",), path)


def _zctas(path: Path, known: Collection[str]) -> list[Row]:
    found = [
        {
            "zip5": _text(row, "zip5", place, r"\d{5}", "five digits"),
            "county_fips": _county_of(row["county_fips"], known, place),
            "share_land": _number(row, "share_land", place, float, 0.0, 1.0),
            **(_position(row, place) if row.get("latitude") or row.get("longitude") else {}),
        }
        for place, row in _table(path, ZCTA)
    ]
    return _once(found, ("zip5",), path)


def _facts(path: Path, facts: Facts) -> list[Row]:
    if not path.is_file():
        raise Refused(f"{path.name} is missing in {path.parent.name}; say there what each file holds, from where and of when")
    card = CardMap(read_card(path), path.name, ("facts",))
    keys = ("item", "says", "source", "dated")
    given = [CardMap(each, f"{path.name}, `facts`", keys) for each in card.content.get("facts") or ()]
    said: list[Row] = [{key: each.text(key, required=True) for key in keys} for each in given]
    more = (
        ("Urban counties", facts.urban_counties, "As the list given says."),
        ("Enrollment", facts.enrollment, "As the file given says."),
    )
    return said + [
        {"item": item, "says": says, "source": path.name, "dated": "as the file's publisher states"} for item, path, says in more if path
    ]


def urban_counties(path: Path, counties: Sequence[Row]) -> dict[str, str]:
    """County → urban or rural, from a list that names the urban ones, or names them all with a column that says which.

    Raises Refused where no column names counties, a cell below does not, or what stands beside them cannot be told.
    """
    grid = _grid(path)
    names = _names(counties)
    wide = max((len(line) for line in grid), default=0)
    at = max(range(wide), key=lambda column: sum(_folded(line[column]) in names for line in grid if column < len(line)), default=0)
    lines = [line for line in grid if at < len(line) and line[at].strip()]
    first = next((place for place, line in enumerate(lines) if _folded(line[at]) in names), None)
    if first is None:
        raise Refused(f"{path.name}: no column names counties of this state; expected a column of names like {counties[0]['name']!r}")
    listed: dict[str, list[str]] = {}
    for line in lines[first:]:
        if _folded(line[at]) not in names:
            raise Refused(
                f"{path.name}: {line[at]!r} stands among the counties and is none of this state; take the line out or mend the name"
            )
        listed[names[_folded(line[at])]] = [_folded(cell) for column, cell in enumerate(line) if column != at]
    told = {county: [word for word in CLASSES if word in beside] for county, beside in listed.items()}
    if all(len(words) == 1 for words in told.values()):
        return {county: words[0] for county, words in told.items()}
    if any(told.values()) or any("rural" in cell for beside in listed.values() for cell in beside) or len(listed) == len(counties):
        raise Refused(
            f"{path.name}: whether each county is urban or rural cannot be told; expected the urban counties alone, "
            "or all with a column that says urban or rural"
        )
    return {county["county_fips"]: "urban" if county["county_fips"] in listed else "rural" for county in counties}


def enrolled(path: Path, counties: Sequence[Row]) -> list[Row]:
    """People enrolled by county and network; `source` only where two insurers give a network the same name."""
    names = _names(counties)
    found = []
    for place, row in _table(path, ENROLLMENT):
        if _folded(row["county"]) not in names:
            raise Refused(
                f"{place}: {row['county']!r} is no county of this state; expected a name like {counties[0]['name']!r} or its code"
            )
        found.append(
            {
                "county_fips": names[_folded(row["county"])],
                "network": _text(row, "network", place, r".{1,200}", "a network's name as the listings show it"),
                "source_id": row.get("source") or None,
                "enrollees": _number(row, "enrollees", place, int, 0, 1e9),
            }
        )
    return _once(found, ("county_fips", "network", "source_id"), path)


def _names(counties: Sequence[Row]) -> dict[str, str]:
    """Every way a list may call a county, folded → its code: code, "King County", "King"."""
    named = {_folded(each["county_fips"]): each["county_fips"] for each in counties}
    for each in counties:
        whole = _folded(each["name"])
        named |= {whole: each["county_fips"], whole.removesuffix(" county"): each["county_fips"]}
    return named


def _folded(cell: str) -> str:
    return " ".join(cell.split()).casefold()


def _grid(path: Path) -> Grid:
    """A CSV file, or the first sheet of a workbook, as text."""
    if path.read_bytes()[:2] != b"PK":
        return list(_lines(path))
    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except (CalamineError, ValueError, OSError) as error:
        raise Refused(f"{path.name} cannot be read as a workbook ({error}); save it again as XLSX or CSV") from error
    return [[str(cell) for cell in line] for line in sheet]


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Refused(f"{path.name} is {path.stat().st_size:,} bytes; expected at most {LARGEST_FILE:,}")
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file, strict=True)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path.parent.name}/{path.name} cannot be read as CSV in UTF-8: {error}") from error


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """(place, row by heading) of a CSV file; columns nobody asks for are let lie."""
    lines = _lines(path)
    heading = [each.strip() for each in next(lines, [])]
    if lacking := [name for name in columns if name not in heading]:
        raise Refused(
            f"{path.name}: no column {', '.join(lacking)}; expected {', '.join(columns)}, and there are {', '.join(heading) or 'none'}"
        )
    for number, line in enumerate(lines, 2):
        if any(line):
            if len(line) != len(heading):
                raise Refused(f"{path.name}, line {number}: {len(line)} values under {len(heading)} headings; mend the line")
            yield f"{path.name}, line {number}", {name: value.strip() for name, value in zip(heading, line, strict=True)}


def _once(found: list[Row], key: Sequence[str], path: Path) -> list[Row]:
    seen: set[tuple[Any, ...]] = set()
    for row in found:
        said = tuple(row[name] for name in key)
        if said in seen:
            raise Refused(f"{path.name}: {' · '.join(str(each) for each in said if each)} stands there twice; keep one line")
        seen.add(said)
    if not found:
        raise Refused(f"{path.name} has no rows; expected one for each {key[0]}")
    return found


def _text(row: Mapping[str, str], name: str, place: str, shape: str, expected: str) -> str:
    if not re.fullmatch(shape, row[name]):
        raise Refused(f"{place}: `{name}` is {row[name]!r}; expected {expected}")
    return row[name]


def _county_of(code: str, known: Collection[str], place: str) -> str:
    if code not in known:
        raise Refused(f"{place}: `county_fips` is {code!r}, which county.csv does not have; mend one of the two")
    return code


def _number(row: Mapping[str, str], name: str, place: str, kind: Callable[[str], Number], least: float, most: float) -> Number:
    try:
        value: Number | None = kind(row[name])
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise Refused(f"{place}: `{name}` is {row[name]!r}; expected a {'whole ' * (kind is int)}number from {least:g} to {most:g}")
    return value


def _position(row: Mapping[str, str], place: str) -> Row:
    return {
        "latitude": _number(row, "latitude", place, float, -90, 90),
        "longitude": _number(row, "longitude", place, float, -180, 180),
    }
