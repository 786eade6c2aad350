"""A drawn run: the tables a report reads, filled with invented rows whose counts are known."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from pipelines import models
from pipelines.curate import state_of
from reports.records import Context, Door, Measured, Remedy

ROOT = Path(__file__).parents[2]
DAY = date(2026, 11, 20)
cards = cache(models.load)
SHAPES = {
    "curated.run": "run_id text, audit text, title text, state text, profession text, grace_days integer",
    "curated.source": "source_id text, title text, kind text, surface text, insurer_name text, naic text, waoic text, state text",
    "curated.network": "source_id text, network text, line text, regulator text, filed_as text",
    "curated.snapshot": "snapshot_id text, source_id text, observed_on date, started_at timestamp, finished_at timestamp,"
    " response_count integer, record_count integer, problem_count integer, sha256 text, is_latest boolean, is_stale boolean",
    "curated.evidence": "evidence_id text, snapshot_id text, url text, fetched_at timestamp, http_status integer, sha256 text",
    "curated.listing": "listing_id text, claim_id text, source_id text, snapshot_id text, observed_on date, network text, name_raw text,"
    " license_key text, address text, city text, zip5 text, phone text, evidence_id text, is_latest boolean, is_organization boolean,"
    " county_fips text, latitude double, longitude double, geo_precision text, npi text, address_key text,"
    " license_raw text, reference text, address_2 text",
    "curated.credential": "credential_id text, source_id text, license_key text, given_name text, middle_name text, family_name text,"
    " status text, may_practice boolean, status_since_on date, expires_on date, evidence_id text, profession text, roll_on date,"
    " license_raw text",
    "curated.county": "county_fips text, name text, population bigint, land_sqmi double, latitude double, longitude double,"
    " urban_class text, zcta_count bigint, straddling_count bigint, outline text",
    "curated.zcta": "zip5 text, county_fips text, share_land double, is_straddling boolean, latitude double, longitude double",
    "curated.residence": "county_fips text, spread text, place bigint, latitude double, longitude double, share double, basis text",
    "curated.enrollment": "source_id text, network text, county_fips text, enrollee_count bigint",
    "curated.geography_fact": "item text, says text, source text, dated text",
    "curated.registration": "npi text, taxonomy text, source_id text, deactivated_on date",
    "curated.problem": "problem_id text, source_id text, snapshot_id text",
    "curated.claim_change": "claim_id text, source_id text, snapshot_id text, change text",
    "curated.rule": "rule_id text, citation text, says text, source text, text_dated text, verified_on date, applies_to text, state text",
    "curated.checklist": "source_id text, snapshot_id text, item text, observed text, said text, evidence_id text, excerpt text",
    "matching.confirmation": "finding_id text, listing_id text, source_id text, is_current boolean, website text, note text",
    "matching.match": "left_kind text, left_id text, right_kind text, right_id text, judgement text, judged_by text,"
    " probability double, explanation text",
    "matching.provider_member": "provider_id text, member_kind text, member_id text",
    "matching.duplicate": "listing_id text, group_id text, kind text, keeper_listing_id text",
    "matching.listed": "listing_id text, in_scope boolean",
    "matching.license_on_day": "listing_id text, credential_id text, status text, expired_on date",
    "matching.standing": "claim_id text, standing text, evidence_class text, observed_on date",
    "matching.finding": "finding_id text, audit text, check_name text, subject_kind text, subject_id text, claim_id text, listing_id text,"
    " tier text, severity text, sentence text, rule_ids text[], observed_on date, first_seen_on date, last_seen_on date, state text,"
    " stage text, credential_id text, evidence_ids text[], source_id text, about text, basis text, may_share boolean",
    "matching.answer": "claim_id text, evidence_class text, spell_on date, observed_on date, from_on date, to_on date, answer_id text,"
    " participates boolean, works_here boolean, accepts_patients boolean, may_share boolean",
    "matching.progress": "finding_id text, right_count integer, wrong_count integer, unsure_count integer, reviewer_count integer,"
    " reviewed_at timestamp, insurer_told_at timestamp, insurer_channel text, person_told_at timestamp, answered_at timestamp,"
    " insurer_answer text, insurer_words text, person_answer text, person_words text, decided text, decided_at timestamp, reason text,"
    " withdrawn_with text",
}


@dataclass
class World:
    """An open database with the shape of a run, and short ways to put rows in it."""

    con: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        for schema in ("curated", "matching", "ledger", "reports"):
            self.con.execute(f"create schema {schema}")
        for table, columns in SHAPES.items():
            self.con.execute(f"create table {table} ({columns})")
        for model in cards("pipelines/sql/ledger", "ledger"):
            typed = ", ".join(f'"{name}" {kind}' for name, kind in model.types.items())
            self.con.execute(f"create table {model.name} ({typed})")

    def add(self, table: str, **row: Any) -> None:
        names, blanks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        self.con.execute(f"insert into {table} ({names}) values ({blanks})", list(row.values()))

    def run(self, state: str = "WA") -> None:
        self.add("curated.run", run_id="r", audit="massage", title="Massage therapy directories", state=state, grace_days=30)

    def source(self, name: str, title: str, kind: str = "insurer", day: date = DAY, latest: bool = True, **more: Any) -> str:
        """A source with one complete snapshot of `day` and one response in it; returns the snapshot's id."""
        if not self.con.execute("select 1 from curated.source where source_id = ?", [name]).fetchone():
            self.add("curated.source", source_id=name, title=title, kind=kind, **more)
        snapshot, at = f"{name}@{day}", datetime.combine(day, datetime.min.time()) + timedelta(hours=18, minutes=15)
        self.add(
            "curated.snapshot",
            snapshot_id=snapshot,
            source_id=name,
            observed_on=day,
            started_at=at,
            finished_at=at + timedelta(minutes=7),
            response_count=1,
            record_count=0,
            problem_count=0,
            sha256=sha(snapshot),
            is_latest=latest,
        )
        self.add(
            "curated.evidence",
            evidence_id=sha(name)[:20],
            snapshot_id=snapshot,
            http_status=200,
            sha256=sha("body" + name),
            fetched_at=at,
            url=f"https://directory.{name}.example/find?profession=massage&page=1",
        )
        return snapshot

    def listing(self, id: str, source: str, **more: Any) -> None:
        row: dict[str, Any] = {
            "listing_id": id,
            "claim_id": f"c-{id}",
            "source_id": source,
            "snapshot_id": f"{source}@{DAY}",
            "observed_on": DAY,
            "network": "Cascade Silver",
            "name_raw": f"Name {id}",
            "city": "Spokane",
            "zip5": "99201",
            "address": "12 Hidden Street",
            "phone": "509-555-0100",
            "evidence_id": sha(source)[:20],
            "is_latest": True,
            "is_organization": False,
        }
        in_scope = more.pop("in_scope", True)
        self.add("curated.listing", **(row | more))
        self.add("matching.listed", listing_id=id, in_scope=in_scope)

    def credential(self, id: str, status: str = "active", listing: str | None = None, judgement: str = "same", **more: Any) -> None:
        may = {"active": True, "unknown": None}.get(status, False)
        row = {"credential_id": id, "source_id": "wa.doh", "license_key": f"MA-{id}", "status": status, "may_practice": may}
        self.add("curated.credential", **(row | {"expires_on": DAY + timedelta(days=200)} | more))
        if listing:
            why = [{"respect": "prior", "weight": -15.8, "reason": "before"}, {"respect": "npi", "weight": 0, "reason": "nothing"}]
            why.append({"respect": "license_number", "weight": 14.84, "reason": f"license number MA-{id} on both"})
            pair = {"left_kind": "listing", "left_id": listing, "right_kind": "credential", "right_id": id}
            said = {"judgement": judgement, "judged_by": "rule", "probability": 0.9987, "explanation": json.dumps(why)}
            self.add("matching.match", **pair, **said)

    def ended(self, listing: str, credential: str, days: int | None) -> None:
        """What matching says of a license that was not in force on the day of the listing."""
        since = None if days is None else DAY - timedelta(days=days)
        self.con.execute(
            "insert into matching.license_on_day select ?, credential_id, status, ? from curated.credential where credential_id = ?",
            [listing, since, credential],
        )

    def finding(self, id: str, check: str, listing: str, tier: str = "A", **more: Any) -> None:
        found = "select claim_id, evidence_id, source_id from curated.listing where listing_id = ?"
        claim, evidence, source = self.con.execute(found, [listing]).fetchone() or (None, None, None)
        row = {
            "finding_id": id,
            "audit": "massage",
            "check_name": check,
            "subject_kind": "listing",
            "subject_id": listing,
            "claim_id": claim,
            "listing_id": listing,
            "tier": tier,
            "severity": "serious",
            "sentence": f"Sentence of {id}.",
            "rule_ids": ["wa.rcw_48_49_090.update_30_days"],
            "observed_on": DAY,
            "first_seen_on": DAY,
            "last_seen_on": DAY,
            "source_id": source,
            "about": "person",
            "may_share": True,
            "state": "new",
            "stage": "flagged",
            "evidence_ids": [evidence],
        }
        self.add("matching.finding", **(row | more))

    def models(self) -> "World":
        """Run the reports' own models over what was put in."""
        models.build(self.con, cards("reports/sql", "reports"), {"grace_days": 30, "profession": "massage_therapist"})
        return self

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()


def context(**more: Any) -> Context:
    """What the reports of these tests are told beyond the tables."""
    said: dict[str, Any] = {
        "audit": "massage",
        "title": "Massage therapy directories",
        "state": "Washington",
        "profession": "massage therapist",
        "run_id": "20261122T181502Z",
        "code_version": "0.1.0",
        "made_at": datetime(2026, 11, 22, 18, 20, 5, tzinfo=UTC),
        "marks": ("DRAFT", "INVENTED"),
        "measured": (
            Measured(check="duplicate_listing", flagged=376, right=376, true=390, found=376, unsure=9),
            Measured(check="lapsed_license", flagged=41, right=41, true=44, found=43, unsure=3),
        ),
    }
    state = state_of("WA")
    said["regulators"] = state.regulators
    said["doors"] = [Door(**{**door, "note": door.get("note", "")}) for door in state.doors]
    said["remedies"] = [Remedy(**remedy) for remedy in state.remedies]
    return Context(**(said | more))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
