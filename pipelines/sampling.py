"""`sample`: so many records of a published run, drawn by chance, as a sheet to fill in.

Frame, its hash, size and seed stand in the ledger before anything is drawn. A record's place in the draw is the order of
SHA-256(seed, frame's hash, its id): anybody can repeat it, and nobody chooses.
"""

import csv
import difflib
import hashlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from pipelines import ledger, queries, runs
from pipelines.settings import Settings
from reports.render import sheet
from scrapers.records import Refused

# What may be drawn, and the columns by which its frame may be divided.
FRAMES = {
    "call": """
        select listing.claim_id as subject_id, {stratum} as stratum
        from reports.in_scope
        join curated.listing on listing.listing_id = in_scope.listing_id
        where in_scope.is_unique and listing.phone_digits is not null
        qualify row_number() over (partition by listing.claim_id order by listing.listing_id) = 1
        order by 1
        """,
    "review": """
        select finding.finding_id as subject_id, {stratum} as stratum
        from matching.finding
        left join curated.listing on listing.listing_id = finding.listing_id
        where finding.tier in ('A', 'B') and finding.state <> 'resolved' and finding.stage <> 'withdrawn'
        order by 1
        """,
}
STRATA = {
    "call": {"source": "listing.source_id", "network": "listing.network", "county": "listing.county_fips", "city": "upper(listing.city)"},
    "review": {"check": "finding.check_name", "tier": "finding.tier", "source": "listing.source_id"},
}
SUBJECT = {"call": "claim", "review": "finding"}
CALLS = """
    select
      listing.claim_id as subject_id, listing.listing_id, listing.name_raw, listing.organization, listing.phone, listing.phone_digits,
      listing.address, concat_ws(' ', listing.city, listing.zip5) as city, listing.network, source.title, listing.specialty
    from reports.in_scope
    join curated.listing on listing.listing_id = in_scope.listing_id
    join curated.source on source.source_id = listing.source_id
    where in_scope.is_unique and list_contains($ids::text[], listing.claim_id)
    qualify row_number() over (partition by listing.claim_id order by listing.listing_id) = 1
    """
REVIEWS = """
    select
      finding.finding_id as subject_id, finding.sentence, listing.*, source.title, credential.given_name as held_given,
      credential.family_name as held_family, credential.license_raw as held_license, credential.status as held_status,
      credential.expires_on as held_expires, credential.status_since_on as held_since,
      (select string_agg(concat(url, ' on ', cast(fetched_at as date)), chr(10) order by fetched_at, url)
        from curated.evidence where list_contains(finding.evidence_ids, evidence_id)) as seen
    from matching.finding
    left join curated.listing on listing.listing_id = finding.listing_id
    left join curated.source on source.source_id = listing.source_id
    left join curated.credential on credential.credential_id = finding.credential_id
    where list_contains($ids::text[], finding.finding_id)
    """
ATTEMPTS = 3
CALL_COLUMNS = (
    *("No", "Number to call", "Name shown", "Practice shown", "Insurer shown", "Network shown", "Address shown", "City and ZIP"),
    *("Same number as", "Attempt", "Day", "Outcome", "Works here?", "Takes part?", "New patients?", "What was said", "Caller"),
    *("Claim", "Listing", "Sample"),
)
REVIEW_COLUMNS = (
    *("No", "What it says", "Listing as shown", "License as the roll shows it", "Seen at"),
    *("Verdict", "Why", "Reviewer", "Day", "Finding", "Sample"),
)
OUTCOMES = ("reached", "no answer", "voicemail", "busy", "disconnected", "wrong number", "refused")
TRUTH = ("yes", "no", "unknown")
CALL_HOW = (
    "One row is one attempt: fill in the first row of a listing, then its second and third on other days, until somebody was reached.",
    "Listings with one number stand together, and 'Same number as' names the others: call once, ask about each, and fill in a row of each.",
    "Say: «I am a volunteer who checks whether what a health insurer's directory shows is right. It is about your listing, not about you.»",
    "Ask: 1. Does NAME work at ADDRESS? 2. Does NAME take part in NETWORK of INSURER? 3. Does NAME take new patients of that network?",
    "Read back what you understood. Do not say that you are a patient, do not record the call, and ask about nothing else.",
    "Leave blank, or choose unknown, what was not said. «I do not know» is no answer against anybody. At most 20 minutes on hold.",
    "An answer is counted. It is shown with a name only if its provider agrees in writing (an attestation).",
    "Then: rollcall import THIS FILE. Rows not filled in wait; the same file may be imported again.",
)
REVIEW_HOW = (
    "Judge each finding alone, from what stands in its row and from the page it was seen at. Do not ask how anybody else judged.",
    "right: what it says is so. wrong: it is not so. unsure: you cannot tell; say what is missing. Unsure is an honest answer.",
    "Two people get the same findings, in different orders. Compare only after both are imported.",
    "Then: rollcall import THIS FILE. Rows not filled in wait; the same file may be imported again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One drawn sample and the sheets it was written to."""

    sample_id: str
    frame_count: int
    drawn_count: int
    is_new: bool
    earlier: int  # samples drawn before from the same frame
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Stratum:
    """One part of a frame: its records, and how many of them are drawn."""

    name: str | None
    members: Sequence[str]
    wanted: int


def size(population: int, margin: float, confidence: float) -> int:
    """How many of `population` show a share to ± `margin` at `confidence`, whatever it is (Cochran, Sampling Techniques, 4.4).

    >>> [size(n, 0.05, 0.95) for n in (100, 200, 400, 800, 1500, 3000)]
    [80, 132, 197, 260, 306, 341]
    """
    endless = (NormalDist().inv_cdf((1 + confidence) / 2) / (2 * margin)) ** 2
    return math.ceil(endless / (1 + (endless - 1) / population))


def draw(
    settings: Settings, audit: str, purpose: str, margin: float, confidence: float, by: str | None, seed: int, person: str | None
) -> Drawn:
    """Draw one sample of the newest published run of an audit, or write the sheets of the same sample again."""
    name = Path(audit).stem if audit.endswith((".yml", ".yaml")) else audit
    database = queries.database(settings, name, None)
    frame = queries.rows_of(database, FRAMES[purpose].format(stratum=_stratum(purpose, by)))
    if not frame:
        raise Refused(f"{name}: there is nothing to draw from; expected {_frame_says(purpose)}")
    lines = "\n".join(f"{row['subject_id']}\t{row['stratum'] or ''}" for row in frame)
    frame_sha256 = hashlib.sha256(lines.encode()).hexdigest()
    strata = _strata(frame, size(len(frame), margin, confidence), is_divided=by is not None)
    what = {
        "audit": name,
        "purpose": purpose,
        "frame_sha256": frame_sha256,
        "seed": seed,
        "drawn_count": sum(each.wanted for each in strata),
    }
    content = what | {"run_id": database.stem.removeprefix("audit-"), "frame_count": len(frame), "margin": margin, "confidence": confidence}
    content |= {"strata": by} if by else {}
    now, who = runs.clock(settings), person or settings.contact or "whoever keeps this machine"
    earlier = [each for each in ledger.entries(settings) if each.kind == "sample" and each.content["frame_sha256"] == frame_sha256]
    same = [each for each in earlier if what.items() <= each.content.items()]
    if same:
        sample_id, by_whom = same[0].id, same[0].person
    else:
        with ledger.writing(settings, now) as writer:  # before the draw, and for good
            by_whom = writer.pseudonym(who)
            sample_id, _ = writer.enter("sample", content, by_whom, same=what)
    rows = list(_drawn(strata, seed, frame_sha256))
    with ledger.writing(settings, now) as writer:
        kind = {"subject_kind": SUBJECT[purpose]}
        writer.enter("draw", {"sample_id": sample_id, "drawn": [kind | row for row in rows]}, by_whom, same={"sample_id": sample_id})
    made_at = next(each for each in ledger.entries(settings) if each.id == sample_id).at.isoformat()
    folder = settings.curated(name) / "samples" / sample_id
    return Drawn(
        sample_id=sample_id,
        frame_count=len(frame),
        drawn_count=len(rows),
        is_new=not same,
        earlier=len(earlier) - len(same),
        files=tuple(_written(folder, database, purpose, sample_id, seed, [row["subject_id"] for row in rows], made_at)),
    )


def _stratum(purpose: str, by: str | None) -> str:
    known = STRATA[purpose]
    if by is not None and by not in known:
        near = difflib.get_close_matches(by, known, n=1)
        raise Refused(
            f"a {purpose} sample cannot be divided by {by!r}; " + (f"did you mean {near[0]!r}?" if near else f"by {', '.join(known)}")
        )
    return f"coalesce({known[by]}, 'not said')" if by else "null"


def _frame_says(purpose: str) -> str:
    return {"call": "listings in scope that show a telephone number", "review": "findings in tiers A and B"}[purpose]


def _strata(frame: Sequence[Mapping[str, Any]], wanted: int, *, is_divided: bool) -> list[Stratum]:
    """The parts of a frame, each with its share of the draw, rounded up: no part has none, and the whole is never less precise."""
    parts: dict[str | None, list[str]] = {}
    for row in frame:
        parts.setdefault(row["stratum"], []).append(row["subject_id"])
    share = {name: -(-wanted * len(members) // len(frame)) for name, members in parts.items()}
    return [
        Stratum(name if is_divided else None, members, share[name])
        for name, members in sorted(parts.items(), key=lambda each: str(each[0]))
    ]


def _place(*parts: object) -> str:
    return hashlib.sha256("\t".join(map(str, parts)).encode()).hexdigest()


def _drawn(strata: Sequence[Stratum], seed: int, frame_sha256: str) -> Iterator[dict[str, Any]]:
    """The rows of ledger.draw, in the order of the draw."""
    chosen = [
        (place, subject, stratum)
        for stratum in strata
        for place, subject in sorted((_place(seed, frame_sha256, each), each) for each in stratum.members)[: stratum.wanted]
    ]
    for number, (_, subject, stratum) in enumerate(sorted(chosen, key=lambda each: each[0]), 1):
        counts = {"stratum_count": len(stratum.members), "stratum_drawn": stratum.wanted}
        yield {"place": number, "subject_id": subject, **({"stratum": stratum.name} if stratum.name is not None else {}), **counts}


# Sheets ----------------------------------------------------------------------------------------------------------


def _written(folder: Path, database: Path, purpose: str, sample_id: str, seed: int, ids: Sequence[str], made_at: str) -> Iterator[Path]:
    """The sheets of one sample, as workbook and as CSV: one for callers, or one for each of two reviewers."""
    folder.mkdir(parents=True, exist_ok=True)
    if purpose == "call":
        found = {row["subject_id"]: row for row in queries.rows_of(database, CALLS, ids=list(ids))}
        choices: dict[str, Sequence[str]] = {
            "Day": (),
            "Outcome": OUTCOMES,
            **dict.fromkeys(("Works here?", "Takes part?", "New patients?"), TRUTH),
        }
        choices |= {"What was said": (), "Caller": ()}
        yield from _files(folder / "call", "Call sheet", CALL_HOW, CALL_COLUMNS, list(_calls(ids, found, sample_id)), choices, made_at)
        return
    found = {row["subject_id"]: row for row in queries.rows_of(database, REVIEWS, ids=list(ids))}
    choices = {"Verdict": ("right", "wrong", "unsure"), "Why": (), "Reviewer": (), "Day": ()}
    for copy in (1, 2):
        ordered = sorted(ids, key=lambda id: _place(seed, copy, id))
        rows = [_review(at, found[id], sample_id) for at, id in enumerate(ordered, 1)]
        yield from _files(folder / f"review-{copy}", f"Review sheet {copy}", REVIEW_HOW, REVIEW_COLUMNS, rows, choices, made_at)


def _files(
    path: Path,
    title: str,
    about: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    choices: Mapping[str, Sequence[str]],
    made_at: str,
) -> Iterator[Path]:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(columns)
    out.writerows([sheet.disarmed(cell) for cell in row] for row in rows)
    for end, content in (
        (".xlsx", sheet.form(title, about, columns, rows, choices, made_at)),
        (".csv", text.getvalue().encode("utf-8-sig")),
    ):
        written = path.with_suffix(end)
        written.write_bytes(content)
        yield written


def _calls(ids: Sequence[str], found: Mapping[str, Mapping[str, Any]], sample_id: str) -> Iterator[Sequence[Any]]:
    """Three rows a claim, in the order of the draw but for claims that show one number: they stand where the first of them does."""
    by_number: dict[str, list[str]] = {}
    for id in ids:
        by_number.setdefault(found[id]["phone_digits"], []).append(id)
    numbered = {id: number for number, id in enumerate((id for shared in by_number.values() for id in shared), 1)}
    for id, number in numbered.items():
        row = found[id]
        shared = ", ".join(str(numbered[each]) for each in by_number[row["phone_digits"]] if each != id)
        shown = (
            number,
            row["phone"],
            row["name_raw"],
            row["organization"],
            row["title"],
            row["network"],
            row["address"],
            row["city"],
            shared,
        )
        for attempt in range(1, ATTEMPTS + 1):
            yield (*shown, attempt, *[None] * 7, id, row["listing_id"], sample_id)


def _review(number: int, row: Mapping[str, Any], sample_id: str) -> Sequence[Any]:
    """One finding with what it rests on, without its tier."""
    place = ", ".join(row[part] for part in ("address", "city", "zip5") if row[part])
    said = {"license": row["license_raw"], "NPI": row["npi"], "phone": row["phone"], "specialty": row["specialty"]}
    listing = [row["name_raw"], row["organization"], place, *(f"{what} {value}" for what, value in said.items() if value)]
    listing += [f"in {row['network'] or 'no network named'} of {row['title']}, shown on {row['observed_on']}" if row["title"] else None]
    held = [" ".join(part for part in (row["held_given"], row["held_family"]) if part), row["held_license"], row["held_status"]]
    held += [f"expires {row['held_expires']}" if row["held_expires"] else None, f"since {row['held_since']}" if row["held_since"] else None]
    shown = ("\n".join(each for each in part if each) for part in (listing, held))
    return (number, row["sentence"], *shown, row["seen"], *[None] * 4, row["subject_id"], sample_id)


def lines(done: Drawn) -> Iterator[str]:
    """For a person."""
    yield f"sample {done.sample_id}: {done.drawn_count:,} of {done.frame_count:,}, {'drawn now' if done.is_new else 'drawn before'}"
    if done.earlier:
        yield f"notice: other samples of the same records in the ledger: {done.earlier}; say which one you report, and why"
    for path in done.files:
        yield f"file     {path}"
