"""One exhibit per finding shown: the listing as its source showed it, the roll's row, why they are one person, when, and where to look.

Everything comes from four questions to the database, however many findings there are.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from matching.records import Connection
from reports.codes import codes
from reports.lint import withheld
from reports.spoken import CHECKS
from reports.whole.rows import SHOWN as CURRENT

Pairs = tuple[tuple[str, str], ...]  # label → value, as printed
Row = Mapping[str, Any]

# What leaves shows of an individual name, license, NPI, city and ZIP3; these are withheld.
PLACE = ("address", "address_2", "zip5", "phone", "organization")
OUTSIDE = (
    "name_raw",
    "network",
    "reference",
    "specialty",
    "city",
    "sentence",
    "note",
    "explanation",
    "license_raw",
)  # may hold what a directory put there
TELLS_A_PLACE = ("address", "street", "phone", "place", "zip", "postal", "organization", "unit")  # a reason about these names it
WITHHELD = "withheld; in the sealed annex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One kept response as an exhibit cites it."""

    evidence_id: str
    snapshot_id: str
    source_id: str
    source: str  # its title
    url: str
    fetched_at: str  # UTC
    status: str  # HTTP status, or "file"
    sha256: str  # of the whole response
    byte_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """One record an exhibit rests on: in which response, where, and what it said in the source's own words."""

    part: str  # listing, other (the listing it repeats) or roll
    id: str
    evidence_id: str
    locator: str
    said: Mapping[str, str | date]
    strong: tuple[str, ...]  # names in `said` that prove a record to be this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """All that the page about one finding says."""

    code: str
    finding_id: str
    check: str
    title: str
    tier: str
    severity: str
    stage: str
    sentence: str
    source_id: str | None
    insurer: str
    network: str | None
    observed_on: str
    claim_id: str | None
    listing_id: str | None
    name: str
    license_key: str | None
    listing: Pairs
    other: Pairs
    roll: Pairs
    reasons: tuple[str, ...]
    timeline: Pairs
    rules: Pairs  # citation and whether its text was verified → what it says
    steps: tuple[str, ...]
    responses: tuple[Response, ...]
    cited: tuple[Cited, ...]


def exhibits(con: Connection, *, source_id: str | None = None, look_up: str | None = None, withhold: bool = True) -> list[Exhibit]:
    """The exhibits of every finding that may be shown (tiers A and B, current, not withdrawn), by insurer, network and name.

    `source_id`: of that insurer's listings alone. `look_up`: an address that shows one license, with {number} where it goes.
    `withhold`: leave out what an edition that leaves may not show of an individual.
    """
    of = {"source_id": source_id}
    named = codes(row["finding_id"] for row in _rows(con, NAMED, of))
    responses = {row["evidence_id"]: Response(**row) for row in _rows(con, RESPONSES)}
    rules = {row["rule_id"]: _rule(row) for row in _rows(con, RULES)}
    return [_exhibit(row, named[row["finding_id"]], responses, rules, look_up, withhold) for row in _rows(con, FOUND, of)]


def _rows(con: Connection, sql: str, named: Mapping[str, Any] | None = None) -> Iterator[Row]:
    """Rows one after another: thousands of wide ones at once would take more memory than all else."""
    answer = con.execute(sql, dict(named or {}))
    names = [column[0] for column in answer.description or ()]
    while rows := answer.fetchmany(500):
        for row in rows:
            yield dict(zip(names, row, strict=True))


def _listing(prefix: str) -> str:
    columns = ["listing_id", "observed_on", "network", "reference", "name_raw", "family_name", "npi", "license_raw", "specialty"]
    columns += ["evidence_id", "organization", "address", "address_2", "city", "state", "zip5", "phone", "is_accepting", "locator"]
    return ", ".join(f"{prefix}.{name} as {prefix}_{name}" for name in columns)


SHOWN = f"{CURRENT} and (finding.claim_id is null or finding.claim_id in (select claim_id from reports.in_scope))"
FOUND = f"""
with shown as (
  select finding_id, list(distinct observed_on order by observed_on) as days from matching.sighting group by 1
), printed as (
  select credential_id, arg_max(status_raw, seen_to_on) as status_raw from curated.credential_history group by 1
)
select finding.finding_id, finding.check_name, finding.tier, finding.severity, finding.stage, finding.sentence, finding.observed_on,
  finding.claim_id, finding.listing_id, finding.first_seen_on, finding.last_seen_on, finding.rule_ids, finding.evidence_ids,
  source.source_id, coalesce(source.insurer_name, source.title) as insurer, coalesce(listing.network, claim.network) as shown_network,
  {_listing("listing")}, {_listing("other")},
  credential.credential_id, credential.license_raw, credential.license_key, credential.credential_type, credential.given_name,
  credential.middle_name, credential.family_name, credential.suffix, credential.status, credential.issued_on, credential.expires_on,
  credential.status_since_on, credential.action, credential.roll_on, credential.evidence_id as roll_evidence_id,
  credential.locator as roll_locator, roll.title as roll_title, printed.status_raw,
  match.explanation, match.probability, match.judged_by, confirmation.note, shown.days,
  progress.insurer_told_at, progress.insurer_channel, progress.person_told_at, progress.answered_at, progress.insurer_answer,
  progress.decided, progress.decided_at
from matching.finding
left join curated.listing on listing.listing_id = finding.listing_id
left join curated.claim on claim.claim_id = finding.claim_id
left join curated.source on source.source_id = finding.source_id
left join curated.credential on credential.credential_id = finding.credential_id
left join curated.source as roll on roll.source_id = credential.source_id
left join printed on printed.credential_id = credential.credential_id
left join (
  select match.* from matching.match
  semi join matching.finding on finding.listing_id = match.left_id and finding.credential_id = match.right_id
  where match.left_kind = 'listing' and match.right_kind = 'credential'
) as match on match.left_id = finding.listing_id and match.right_id = finding.credential_id
left join matching.duplicate on duplicate.listing_id = finding.listing_id and finding.check_name = 'duplicate_listing'
  and duplicate.kind = 'same_location' and duplicate.keeper_listing_id <> finding.listing_id
left join curated.listing as other on other.listing_id = duplicate.keeper_listing_id
left join matching.confirmation on confirmation.finding_id = finding.finding_id
left join matching.progress on progress.finding_id = finding.finding_id
left join shown on shown.finding_id = finding.finding_id
where {SHOWN} and ($source_id is null or source.source_id = $source_id)
order by insurer nulls last, shown_network nulls last, listing.name_raw nulls last, finding.finding_id
"""
NAMED = f"select finding_id from matching.finding where {SHOWN} and ($source_id is null or source_id = $source_id)"
RULES = """
select rule_id, citation, says, verified_on, source, text_dated
from curated.rule
where state = 'US' or state in (select state from curated.run)
"""
RESPONSES = f"""
select evidence.evidence_id, evidence.snapshot_id, snapshot.source_id, source.title as source, evidence.url,
  strftime(evidence.fetched_at, '%Y-%m-%dT%H:%M:%SZ') as fetched_at, coalesce(cast(evidence.http_status as text), 'file') as status,
  evidence.sha256, evidence.byte_count
from curated.evidence
join curated.snapshot on snapshot.snapshot_id = evidence.snapshot_id
join curated.source on source.source_id = snapshot.source_id
where evidence_id in (select unnest(evidence_ids) from matching.finding where {SHOWN})
  or evidence_id in (select evidence_id from curated.credential where credential_id in (select credential_id from matching.finding))
order by source.kind, source.source_id, evidence.fetched_at, evidence.evidence_id
"""


def _exhibit(
    row: Row, code: str, responses: Mapping[str, Response], rules: Mapping[str, tuple[str, str]], look_up: str | None, withhold: bool
) -> Exhibit:
    if withhold:
        row = {name: _safe(value) if name.endswith(OUTSIDE) else value for name, value in row.items()}
    holder = " ".join(str(row[part]) for part in ("given_name", "middle_name", "family_name", "suffix") if row[part])
    cited = tuple(_cited(row, withhold))
    resting = dict.fromkeys([*(each.evidence_id for each in cited), *row["evidence_ids"]])
    return Exhibit(
        code=code,
        finding_id=row["finding_id"],
        check=row["check_name"],
        title=CHECKS.get(row["check_name"], row["check_name"].replace("_", " ").capitalize()),
        tier=row["tier"],
        severity=row["severity"] or "",
        stage=row["stage"],
        sentence=" ".join(each for each in (row["sentence"], row["note"]) if each),
        source_id=row["source_id"],
        insurer=row["insurer"] or "",
        network=row["shown_network"],
        observed_on=str(row["observed_on"]),
        claim_id=row["claim_id"],
        listing_id=row["listing_id"],
        name=row["listing_name_raw"] or holder,
        license_key=row["license_key"],
        listing=_shown(row, "listing", withhold),
        other=_shown(row, "other", withhold),
        roll=_roll(row, holder),
        reasons=tuple(_reasons(row, withhold)),
        timeline=tuple(sorted(_timeline(row))),
        rules=tuple(rules[each] for each in row["rule_ids"] or () if each in rules),
        steps=tuple(_steps(row, responses, look_up)),
        responses=tuple(responses[each] for each in resting if each in responses),
        cited=cited,
    )


@lru_cache(maxsize=1_000)
def _safe(text: str | None) -> str | None:
    return withheld(text)


def _shown(row: Row, prefix: str, withhold: bool) -> Pairs:
    """A listing's own words, field by field; what it does not show is said, and so is what is withheld."""
    if row[f"{prefix}_listing_id"] is None:
        return ()
    labels = {
        "Name": "name_raw",
        "License": "license_raw",
        "NPI": "npi",
        "Reference": "reference",
        "Network": "network",
        "Specialty": "specialty",
        "Practice": "organization",
        "Street": "address",
        "Second line": "address_2",
        "City": "city",
        "ZIP": "zip5",
        "Telephone": "phone",
    }
    said = []
    for label, column in labels.items():
        value = row[f"{prefix}_{column}"]
        if withhold and column in PLACE:
            value = (value or "")[:3] if column == "zip5" else value and WITHHELD
            label = "ZIP3" if column == "zip5" else label
        elif withhold and column == "city" and _has_number(value):
            value = WITHHELD  # a street, put where the city belongs
        if value or column not in ("reference", "organization", "address_2"):
            said.append((label, str(value or "not shown")))
    accepting = row[f"{prefix}_is_accepting"]
    said.append(("New patients", "not shown" if accepting is None else "yes" if accepting else "no"))
    said.append(("Shown on", str(row[f"{prefix}_observed_on"])))
    return tuple(said)


def _roll(row: Row, holder: str) -> Pairs:
    if row["credential_id"] is None:
        return ()
    said = {
        "Roll": row["roll_title"],
        "License": row["license_raw"],
        "Holder": holder,
        "Type": row["credential_type"],
        "Status as printed": row["status_raw"],
        "Read as": (row["status"] or "").replace("_", " "),
        "Status since": row["status_since_on"],
        "Issued": row["issued_on"],
        "Expires": row["expires_on"],
        "Action": row["action"],
        "Captured on": row["roll_on"],
    }
    always = ("Status as printed", "Expires")
    return tuple((label, str(value or "not printed")) for label, value in said.items() if value or label in always)


def _reasons(row: Row, withhold: bool) -> Iterator[str]:
    for said in json.loads(row["explanation"]) if row["explanation"] else ():
        if said["weight"] and said["respect"] != "prior":
            hidden = withhold and any(word in said["respect"] for word in TELLS_A_PLACE)
            yield f"{'the same place' if hidden else said['reason']} ({said['weight']:+.1f})"
    if row["probability"] is not None:
        yield f"together a probability of {row['probability']:.3f} that listing and license are one person, judged by {row['judged_by']}"


def _timeline(row: Row) -> Iterator[tuple[str, str]]:
    first, last, told = row["first_seen_on"], row["last_seen_on"], _day(row["insurer_told_at"])
    yield str(first), "first seen so"
    for day in row["days"] or ():
        if first < day <= last:
            yield str(day), "still listed so, after it was reported" if told and day > told else "still listed so"
    if told:
        yield str(told), f"reported to the insurer ({row['insurer_channel'] or 'channel not said'})"
    if row["person_told_at"]:
        yield str(_day(row["person_told_at"])), "the person listed was written to"
    if row["answered_at"]:
        yield str(_day(row["answered_at"])), f"the insurer answered: {row['insurer_answer'] or 'in words alone'}"
    if row["decided_at"]:
        yield str(_day(row["decided_at"])), f"decided: {row['decided']}"


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _rule(rule: Row) -> tuple[str, str]:
    seen = f"text verified {rule['verified_on']}" if rule["verified_on"] else "text NOT verified"
    dated = f", copy of {rule['text_dated']}" if rule["text_dated"] else ""
    return f"{rule['citation']} ({seen}{dated}; {rule['source']})", rule["says"]


def _steps(row: Row, responses: Mapping[str, Response], look_up: str | None) -> Iterator[str]:
    """What a reader does alone: what to look for on which page, of a duplicate on both, and then what the roll and other records say."""
    for part in ("listing", "other"):
        evidence, name, place = (row[f"{part}_{column}"] for column in ("evidence_id", "name_raw", "locator"))
        if (page := responses.get(evidence)) and page.url.startswith("file:"):
            yield f"In the insurer's file {page.url.removeprefix('file:')}, go to {place} and look for {name}."
        elif page:
            yield f"Open {page.url} and look for {name} ({place}). The page may have changed since it was kept."
    if row["license_raw"]:
        where = look_up.replace("{number}", row["license_raw"]) if look_up else ""
        at = f"Open {where}, or ask" if where else "Ask"
        yield f"{at} the roll ({row['roll_title']}) for license {row['license_raw']}, and compare status and dates."
    shown = {row[f"{part}_evidence_id"] for part in ("listing", "other", "roll")}
    whom = f"NPI {row['listing_npi']}" if row["listing_npi"] else row["listing_name_raw"]
    for page in (responses[each] for each in row["evidence_ids"] if each in responses and each not in shown):
        yield f"Compare what {page.source} says of {whom}: {page.url.removeprefix('file:')}."


def _cited(row: Row, withhold: bool) -> Iterator[Cited]:
    for part in ("listing", "other"):
        if row[f"{part}_listing_id"] is not None:
            names = {"name": "name_raw", "license": "license_raw", "npi": "npi", "reference": "reference", "network": "network"}
            names |= {"specialty": "specialty", "city": "city", "zip": "zip5"}
            said = {name: row[f"{part}_{column}"] for name, column in names.items()}
            said = {name: value for name, value in said.items() if not withhold or _may_leave(name, value)}
            strong = ("reference", "npi", "license", "family")
            yield _record(row, part, row[f"{part}_listing_id"], said, row[f"{part}_family_name"], strong)
    if row["credential_id"] is not None:
        said = {"license": row["license_raw"], "given": row["given_name"], "middle": row["middle_name"], "type": row["credential_type"]}
        said |= {"status": row["status_raw"], "issued": row["issued_on"], "expires": row["expires_on"], "action": row["action"]}
        yield _record(row, "roll", row["credential_id"], said, row["family_name"], ("license", "family"))


def _may_leave(name: str, value: str | None) -> bool:
    return "withheld]" not in (value or "") and not (name == "city" and _has_number(value))


def _has_number(text: str | None) -> bool:
    return any(each.isdigit() for each in text or "")


def _record(row: Row, part: str, id: str, said: Mapping[str, Any], family: str | None, strong: Sequence[str]) -> Cited:
    whole = {**said, "family": family.split()[-1] if family else None}  # one word of it: points and hyphens were read away
    return Cited(
        part=part,
        id=id,
        evidence_id=row[f"{part}_evidence_id"],
        locator=row[f"{part}_locator"],
        said={name: value for name, value in whole.items() if value},
        strong=tuple(name for name in strong if whole.get(name)),
    )


def by_response(shown: Sequence[Exhibit]) -> dict[str, dict[str, Cited]]:
    """Evidence id → the records cited from it, each once."""
    found: dict[str, dict[str, Cited]] = defaultdict(dict)
    for exhibit in shown:
        for each in exhibit.cited:
            found[each.evidence_id].setdefault(each.id, each)
    return dict(found)
