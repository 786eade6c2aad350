"""One page for each legislator: the standing of what is listed in the district's counties, where the audit can tell, and one request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from matching.records import Connection
from reports import lint
from reports.records import Context, Measure, Report, Section
from reports.render import alts, charts
from scrapers.records import Refused

COLUMNS = ("name", "office", "district", "counties", "email")
LONGEST = 120  # letters of one line of an address
STANDINGS = ("confirmed", "undetermined", "contradicted")
CAPTURED = """
select case when min(observed_on) = max(observed_on) then cast(min(observed_on) as text)
  else concat(min(observed_on), ' to ', max(observed_on)) end
from curated.snapshot join curated.source on source.source_id = snapshot.source_id where source.kind = 'insurer' and snapshot.is_latest
"""
RULE = """
select citation || ': ' || says from curated.rule
where verified_on is not null and rule_id in ('us.nsa.verify_90_days', 'wa.rcw_48_49_090.update_30_days')
order by state = 'US', rule_id limit 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody who is to be sent the page: a member of a legislature, as the file of recipients has it."""

    name: str
    office: str = ""
    district: str = ""
    counties: tuple[str, ...] = ()  # names of the district's counties
    email: str = ""


def recipients(rows: Sequence[tuple[str, Sequence[str]]]) -> list[Recipient]:
    """Rows of a spreadsheet, each with its place; the first names the columns: name, and any of office, district, counties (several with
    ; between) and email. Raises Refused where one is missing, foreign or empty.
    """
    (_, header), *lines = rows or [("", ())]
    columns = [column.strip().lower() for column in header]
    if "name" not in columns or set(columns) - set(COLUMNS):
        raise Refused(
            f"the file of recipients has the columns {', '.join(columns) or 'none'}; expected name and any of {', '.join(COLUMNS[1:])}"
        )
    found = []
    for place, cells in lines:
        said = dict.fromkeys(COLUMNS, "") | {column: " ".join(cell.split()) for column, cell in zip(columns, cells, strict=False)}
        if any(cells[len(columns) :]) or not said["name"]:
            raise Refused(f"{place} of the file of recipients has no name or too many cells; give each recipient one row with a name")
        counties = tuple(filter(None, (each.strip() for each in said.pop("counties").split(";"))))
        found.append(Recipient(counties=counties, **said))
    if not found:
        raise Refused("the file of recipients names nobody; give each recipient one row with a name")
    return found


def legislators(con: Connection, measures: Sequence[Measure], context: Context, to: Sequence[Recipient]) -> Iterator[Report]:
    """A page for each recipient, in the order of the file."""
    page = _Page(con, measures, context)
    for recipient in to:
        yield page.report(recipient)


def build(con: Connection, measures: Sequence[Measure], context: Context) -> Report:
    """The page for every legislator: the whole state's figures, no name."""
    return _Page(con, measures, context).report(None)


class _Page:
    def __init__(self, con: Connection, measures: Sequence[Measure], context: Context) -> None:
        self.context = context
        self.words: Mapping[str, Any] = yaml.safe_load(
            resources.files("reports.legislator").joinpath("report.yml").read_text(encoding="utf-8")
        )
        self.counts = {(each.name, each.scope): each.numerator for each in measures}
        counties = con.execute("select name, county_fips from curated.county").fetchall()
        self.counties = {_plain(name): (str(name), f"county:{fips}") for name, fips in counties}
        self.rules = [rule for (rule,) in con.execute(RULE).fetchall()]
        self.captured = str(con.execute(CAPTURED).fetchall()[0][0] or "no day")
        self.regulator = next((f"the {door.to}" for door in context.doors if door.plan == "insured"), "the insurance commissioner")

    def report(self, recipient: Recipient | None) -> Report:
        names, scopes, reason = self._where(recipient)
        here, whole = (self._standing(each) for each in (scopes, ["all"]))
        place = _listed(names) if names else self.context.state
        context, unique = self.context, sum(here)
        filled = {
            "title": context.title,
            "profession": context.profession,
            "state": context.state,
            "captured": self.captured,
            "place": place,
            "run_id": context.run_id,
            "made_on": context.made_at.strftime("%Y-%m-%d"),
            "contact": context.contact or "an address not yet named",
            "regulator": self.regulator,
            "rules": " ".join(self.rules),
            "unique": f"{unique:,}",
            "low": f"{here[0]:,}",
            "high": f"{here[0] + here[1]:,}",
            **{name: f"{count:,}" for name, count in zip(STANDINGS, here, strict=True)},
        }
        bars = [*([(place, *here)] if unique or not names else []), *([(f"{context.state}, all counties", *whole)] if names else [])]
        said = self.words["sections"]
        texts = {key: [line.format_map(filled) for line in said[key]["words"]] for key in said}
        if not unique:
            texts["picture"] = [said["picture"]["nobody"].format_map(filled)]
        if self.rules:
            texts["why"].append(said["why"]["rules"].format_map(filled))
        if reason:
            texts["limits"].append(said["limits"]["whole_state"].format(reason=reason))
        made = Report(
            key="legislator",
            title=self.words["title"].format_map(filled),
            audit=context.audit,
            run_id=context.run_id,
            marks=tuple(context.marks),
            facts={},
            sections=[
                Section(
                    key=key,
                    title=said[key]["title"],
                    paragraphs=texts[key],
                    chart=charts.standing(bars) if key == "picture" else "",
                    alt=alts.standing(bars) if key == "picture" else "",
                )
                for key in said
            ],
            made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            extra={
                "layout": "letter",
                "size": 12,
                "subtitle": self.words["subtitle"].format_map(filled),
                "series": self.words["series"].format_map(filled),
                "foot": self.words["foot"].format_map(filled),
                "figures": [
                    (f"{_range(here)} of {unique:,}", self.words["figure"].format_map(filled))
                    if unique
                    else ("0", self.words["nobody"].format_map(filled))
                ],
                "date": filled["made_on"],
                "to": _address(recipient),
                "email": recipient.email if recipient else "",
                "contacts": [context.contact],
            },
        )
        lint.wording(made)
        lint.privacy(made, "legislator")
        return made

    def _where(self, recipient: Recipient | None) -> tuple[list[str], list[str], str]:
        """Counties by name and their measures' scopes; or the whole state's, and why."""
        reasons = self.words["reasons"]
        if recipient is None:
            return [], ["all"], reasons["no_recipient"]
        if not recipient.counties:
            return [], ["all"], reasons["no_counties"]
        if not self.counties:
            return [], ["all"], reasons["no_geography"]
        if unknown := [each for each in recipient.counties if _plain(each) not in self.counties]:
            raise Refused(
                f"{recipient.name}: no county of {self.context.state} is called {unknown[0]!r}; "
                f"expected names such as {next(iter(self.counties.values()))[0]}, several with ; between"
            )
        found = dict(self.counties[_plain(each)] for each in recipient.counties)
        return list(found), list(found.values()), ""

    def _standing(self, scopes: Sequence[str]) -> tuple[int, int, int]:
        """Unique listings confirmed, undetermined and contradicted; a scope without a measure has none."""
        confirmed, undetermined, contradicted = (
            sum(self.counts.get((f"standing.{name}", scope), 0) for scope in scopes) for name in STANDINGS
        )
        return confirmed, undetermined, contradicted


def _range(standing: tuple[int, int, int]) -> str:
    low, high = standing[0], standing[0] + standing[1]
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _plain(county: str) -> str:
    return " ".join(county.casefold().removesuffix(" county").split())


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _address(recipient: Recipient | None) -> list[str]:
    if recipient is None:
        return []
    district = f"District {recipient.district}" if recipient.district.isdigit() else recipient.district
    return [line if len(line) <= LONGEST else f"{line[:LONGEST]}…" for line in (recipient.name, recipient.office, district) if line]
