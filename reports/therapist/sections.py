"""Letters to the persons named: what was seen, what it may mean, how to correct it; the words are in report.yml."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from itertools import groupby
from typing import Any

import yaml

from matching.records import Connection
from reports import lint
from reports.codes import codes
from reports.records import Context, Measure, Report, Section
from reports.whole.rows import ANSWER_DAYS

RULES = ("wa.wac_284_170_260.provider_changes", "us.nsa.update_2_business_days")  # what an insurer must do once it is told
NAMED = """
with member as (
  select member_id as listing_id, min(provider_id) as provider_id
  from matching.provider_member where member_kind = 'listing' group by member_id
), person as (
  select provider_id, min(listing_id) as listing_id from member group by provider_id
)
select
  coalesce(member.provider_id, person.provider_id, finding.listing_id, finding.subject_id) as provider_id,
  finding.finding_id, finding.check_name, finding.sentence, coalesce(source.insurer_name, source.title) as insurer,
  listing.network, listing.name_raw as name,
  listing.address, listing.city, listing.state, listing.zip5, listing.phone, finding.observed_on,
  credential.credential_id, credential.license_key as license, credential.status, credential.expires_on, credential.status_since_on,
  concat_ws(' ', credential.given_name, credential.middle_name, credential.family_name) as holder, credential.roll_on
from matching.finding
left join member on member.listing_id = finding.listing_id
left join person on finding.subject_kind = 'provider' and person.provider_id = finding.subject_id
left join curated.listing on listing.listing_id = coalesce(finding.listing_id, person.listing_id)
left join curated.source on source.source_id = listing.source_id
left join curated.credential on credential.credential_id = finding.credential_id
where finding.about = 'person' and finding.tier in ('A', 'B') and finding.state <> 'resolved' and finding.stage <> 'withdrawn'
  and coalesce(finding.may_share, true)
order by 1, insurer, listing.network, finding.observed_on desc, finding.check_name, finding.finding_id
"""
HELPING = """
select citation || coalesce(' (text of ' || text_dated || ')', '') || ': ' || says from curated.rule
where verified_on is not null and (state = 'US' or state in (select state from curated.run)) and list_contains($rules, rule_id)
order by state = 'US', rule_id
"""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One page to one person, about every current finding that says something of that person."""

    provider_id: str
    finding_ids: tuple[str, ...]
    report: Report


def letters(con: Connection, context: Context) -> Iterator[Letter]:
    """A letter for each person with a current finding of tier A or B about the person; refused where it says what no letter may."""
    words = _words()
    found = _rows(con, NAMED)
    spoken = codes(row["finding_id"] for row in found)
    helping = [rule for (rule,) in con.execute(HELPING, {"rules": list(RULES)}).fetchall()]
    for provider, rows in groupby(found, key=lambda row: row["provider_id"]):
        about = list(rows)
        report = _letter(words["letter"], context, about, spoken, helping)
        lint.wording(report)
        lint.privacy(report, "therapist")
        yield Letter(provider_id=provider, finding_ids=tuple(row["finding_id"] for row in about), report=report)


def build(con: Connection, _measures: Sequence[Measure], context: Context) -> Report:
    """The letters of one run, and the list of them for whoever sends them."""
    words, written = (
        _words(),
        sorted(letters(con, context), key=lambda letter: (letter.report.extra["to"][0].casefold(), letter.provider_id)),
    )
    filled = _names(context) | {"count": _counted(len(written), "letter")}
    before, persons, annex = (words["list"][key] for key in ("before", "persons", "annex"))
    rows = [letter.report.extra["row"] for letter in written]
    return Report(
        key="therapist",
        title=words["title"].format_map(filled),
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts={"Letters": f"{len(written):,}", "Run": context.run_id},
        sections=(
            Section(
                key="before",
                title=before["title"],
                paragraphs=[line.format_map(filled) for line in (before["words"] if written else [before["nobody"]])],
            ),
            Section(
                key="persons",
                title=persons["title"],
                columns=persons["columns"] if rows else (),
                rows=[(row["Name"], row["Directories"], row["Findings"], row["Codes"], row["Answer by"]) for row in rows],
                quotes=persons["shown"],
            ),
        ),
        annex_columns=tuple(annex["columns"]),
        annex_kinds=tuple(annex["columns"].values()),
        annex=[tuple(row[column] for column in annex["columns"]) for row in rows],
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={
            "subtitle": words["subtitle"].format_map(filled),
            "compact": True,
            "annex_title": annex["title"],
            "annex_words": annex["words"],
            "contacts": [context.contact],
            "letters": tuple(written),
        },
    )


def _letter(words: Mapping[str, Any], context: Context, about: Sequence[Row], spoken: Mapping[str, str], helping: Sequence[str]) -> Report:
    first, checks = about[0], {row["check_name"] for row in about}
    said = list(dict.fromkeys(spoken[row["finding_id"]] for row in about))
    insurers = list(dict.fromkeys(row["insurer"] or "a directory" for row in about))
    filled = _names(context) | {
        "codes": ", ".join(said),
        "insurers": " and ".join(insurers),
        "lists": "lists" if len(insurers) == 1 else "list",
    }
    name, held = first["name"] or first["holder"], {row["credential_id"]: row for row in about if row["credential_id"]}
    family = [words["to_the_family"]] if "retired_or_deceased" in checks else []
    place = " ".join(filter(None, (first["city"], first["state"], first["zip5"])))
    answer, coming = words["answer"], words["next"]
    return Report(
        key="therapist",
        title=words["title"],
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts={},
        sections=(
            _section("why", words, filled, [_seen(row, spoken) for row in about]),
            _section("roll", words, filled, [_held(row) for row in held.values()]),
            Section(key="reasons", title=words["reasons"]["title"], columns=words["reasons"]["columns"], rows=_reasons(words, checks)),
            Section(
                key="answer",
                title=answer["title"].format_map(filled),
                paragraphs=[
                    *(line.format_map(filled) for line in answer["words"]),
                    *([answer["also"].format(rules=" ".join(helping))] if helping else []),
                    answer["copies"],
                ],
            ),
            Section(key="next", title=coming["title"], paragraphs=[line.format_map(filled) for line in coming["words"]]),
        ),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={
            "layout": "letter",
            "size": 9.5 if len(about) == 1 else 9,  # points: so that two findings stand on one page, and most often three
            "subtitle": words["subtitle"].format_map(filled),
            "series": words["series"].format_map(filled),
            "foot": words["foot"].format_map(filled),
            "date": filled["made_on"],
            "to": [name, *family, *filter(None, (first["address"], place))],
            "contacts": [context.contact],
            "row": {
                "Name": name,
                "Directories": "; ".join(insurers),
                "Findings": len(about),
                "Codes": filled["codes"],
                "Answer by": filled["deadline"],
                "License": next((row["license"] for row in held.values()), None),
                "Street": first["address"],
                "City": first["city"],
                "State": first["state"],
                "ZIP": first["zip5"],
            },
        },
    )


def _section(key: str, words: Mapping[str, Any], filled: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> Section:
    said = words[key]
    lines = said["words"] if rows or "none" not in said else [said["none"]]
    return Section(
        key=key,
        title=said["title"],
        paragraphs=[line.format_map(filled) for line in lines],
        columns=said["columns"],
        rows=rows,
        quotes=said["shown"],
    )


def _seen(row: Row, spoken: Mapping[str, str]) -> tuple[Any, ...]:
    """One finding: its code, where, the listing as it was shown, and the sentence."""
    place = " ".join(filter(None, (row["city"], row["state"], row["zip5"])))
    shown = "\n".join(filter(None, (row["name"], row["address"], place, row["phone"])))
    where = "\n".join(filter(None, (row["insurer"], row["network"], f"seen {row['observed_on']}")))
    return spoken[row["finding_id"]], where, shown, row["sentence"]


def _held(row: Row) -> tuple[Any, ...]:
    """The roll's row of one license."""
    return row["license"], row["holder"], str(row["status"]).replace("_", " "), row["expires_on"], row["status_since_on"], row["roll_on"]


def _reasons(words: Mapping[str, Any], checks: set[str]) -> list[tuple[str, str]]:
    """What may explain it: what fits any of this person's checks, and what always may."""
    return [(each["if"], each["then"]) for each in words["reasons"]["rows"] if not each["checks"] or checks & set(each["checks"])]


def _names(context: Context) -> dict[str, str]:
    """What the braces in report.yml stand for in every letter of a run."""
    return {
        "title": context.title,
        "run_id": context.run_id,
        "made_on": context.made_at.strftime("%Y-%m-%d"),
        "deadline": (context.made_at + timedelta(days=ANSWER_DAYS)).strftime("%Y-%m-%d"),
        "contact": context.contact or "an address not yet named (this letter is not sent before it is)",
    }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _words() -> Mapping[str, Any]:
    said: Mapping[str, Any] = yaml.safe_load(resources.files("reports.therapist").joinpath("report.yml").read_text(encoding="utf-8"))
    return said


def _rows(con: Connection, sql: str) -> list[dict[str, Any]]:
    answer = con.execute(sql)
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
