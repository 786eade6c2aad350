"""An invented county, drawn: curated tables of a few listings and licenses, and what matching makes of them."""

from collections.abc import Callable
from typing import Any

import duckdb

import matching
from matching.clean import MACROS, WASHINGTON_DIGITS, WASHINGTON_LICENSE
from pipelines import models
from tests.tables import cells

ASKED = matching.Settings(profession="massage_therapist", grace_days=30, roll="roll", audit="county")
TYPES = {"MA": ("Massage Therapist License", "massage_therapist"), "RF": ("Reflexologist Certification", "reflexologist")}
PERMIT = ("Massage Therapist Temporary Practice Permit", "massage_therapist")
STATUSES = {
    "ACTIVE": ("active", True), "ON PROBATION": ("active_restricted", True), "EXPIRED": ("expired", False), "INACTIVE": ("inactive", False),
    "SUSPENDED": ("suspended", False), "RETIRED": ("retired", False), "DECEASED": ("deceased", False), "CLOSED": ("closed", None),
    "SUPERSEDED": ("superseded", None), "MILITARY": ("military", None), "ODD": ("unknown", None),
}  # fmt: skip

LISTING = """
create table curated.listing (
  listing_id text, claim_id text, source_id text, snapshot_id text, observed_on date, network text, name_raw text, given_name text,
  middle_name text, family_name text, suffix text, organization text, npi text, license_raw text, address text, address_2 text, zip text,
  phone text, specialty text, evidence_id text, locator text, is_latest boolean, is_organization boolean, license_key text,
  license_digits text, zip5 text, phone_digits text, npi_valid boolean, reference text, is_accepting boolean, state text,
  latitude double, longitude double, geo_precision text)
"""
OTHERS = """
create table curated.credential (credential_id text, source_id text, license_key text, credential_type text, profession text,
  given_name text, middle_name text, family_name text, suffix text, issued_on date,
  expires_on date, status text, may_practice boolean, evidence_id text);
create table curated.credential_history (credential_id text, seen_from_on date, seen_to_on date, status_raw text, status text,
  may_practice boolean, expires_on date, basis text, evidence_id text, locator text);
create table curated.evidence (evidence_id text, url text, snapshot_id text);
create table curated.problem (evidence_id text, locator text, reason text);
create table curated.source (source_id text, surface text, insurer_name text);
create table curated.snapshot (snapshot_id text, source_id text, observed_on date, is_complete boolean, problem_count bigint);
create table curated.registration (npi text, license_key text, entity text, given_name text, middle_name text, family_name text,
  other_given_name text, other_middle_name text, other_family_name text, source_id text, evidence_id text, deactivated_on date,
  deactivation_evidence_id text);
create table curated.exclusion (exclusion_id text, source_id text, given_name text, middle_name text, family_name text, organization text,
  npi text, license_key text, state text, zip5 text, excluded_on date, reinstated_on date, waiver_state text, evidence_id text);
create table curated.participation (claim_id text, npi text, source_id text, strength text, network text, observed_on date, updated_on date,
  evidence_id text, locator text);
create table curated.network (source_id text, network text, line text);
create table curated.claim (claim_id text, last_seen_on date);
create table curated.rule (rule_id text, applies_to text);
insert into curated.source values ('alder', 'website', 'Alder Mutual'), ('alder_api', 'api', 'Alder Mutual'),
  ('birch', 'api', 'Birch Health');
alter table curated.source add column title text;
alter table curated.source add column role text;
alter table curated.source add column completeness text;
insert into curated.source (source_id, role, completeness) values ('roll', 'roll', 'full_history');
insert into curated.source (source_id, title) values ('leie', 'Federal list');
insert into curated.rule values ('us.nsa.verify_90_days', '[website]'), ('us.nsa.required_fields', '[website]'),
  ('us.acas_directory_accurate', '[website, file]'), ('wa.rcw_18_108_030.license_required', '[]');
"""


def drawn(con: duckdb.DuckDBPyConnection, listings: str, roll: str = "number | name | status | expires") -> None:
    """Create curated.*. A cell may be left out: a listing is of alder's network Open on 2026-11-20. A name is "Given Middle Family".

    A roll row's `seen` is "from" or "from to", the captures that said so; several rows of one number are its history.
    """
    con.execute(MACROS)
    con.execute("create schema curated")
    con.execute("create schema ledger")
    con.execute(LISTING)
    con.execute(OTHERS)
    for model in models.load("pipelines/sql/ledger", "ledger"):
        columns = ", ".join(f'"{name}" {kind}' for name, kind in model.types.items())
        con.execute(f"create table {model.name} ({columns})")
    for number, row in enumerate(_rows(listings), 1):
        _list(con, number, {key: value for key, value in row.items() if value is not None})
    for row in _rows(roll):
        _license(con, row)
    con.execute(
        "insert into curated.snapshot select distinct snapshot_id, source_id, observed_on, true, 0 from curated.listing union "
        "select concat('roll@', seen), 'roll', seen, true, 0 "
        "from (select unnest([seen_from_on, seen_to_on]) as seen from curated.credential_history)"
    )
    con.execute(
        "insert into curated.evidence (evidence_id, url) "
        "select distinct evidence_id, concat('https://alder.example/', evidence_id) from curated.listing"
    )
    con.execute(
        "update curated.listing set is_latest = observed_on = (select max(observed_on) from curated.listing as other "
        "where other.source_id = listing.source_id)"
    )
    con.execute("insert into curated.claim select claim_id, max(observed_on) from curated.listing group by claim_id")


def matched(
    con: duckdb.DuckDBPyConnection, listings: str, roll: str = "number | name | status | expires"
) -> Callable[..., list[tuple[Any, ...]]]:
    """Draw, link and ask every check; what is returned asks SQL questions."""
    drawn(con, listings, roll)
    matching.link(con, ASKED)
    matching.findings(con, ASKED)
    return lambda query, *values: con.execute(query, list(values)).fetchall()


def crowd(con: duckdb.DuckDBPyConnection, count: int) -> None:
    """Add `count` licensed bystanders to the roll and link again: a roll large enough for a full name to be one person's."""
    con.execute(
        "insert into curated.credential by name select 'MB' || i as credential_id, 'roll' as source_id, 'MB' || i as license_key, "
        "'massage_therapist' as profession, 'Wanda' || i % 50 as given_name, 'Onlooker' as family_name "
        "from range(10000000, ? + 10000000) as t(i)",
        [count],
    )
    matching.link(con, ASKED)
    matching.findings(con, ASKED)


def stated(con: duckdb.DuckDBPyConnection, registry: str = "npi", excluded: str = "npi", day: str = "2026-11-15") -> None:
    """Draw what a registry and an exclusion list say, as captured on `day`, and link and ask again. A name is "Given Middle Family"."""
    for table, drawing, source in (("registration", registry, "nppes"), ("exclusion", excluded, "leie")):
        for number, row in enumerate(_rows(drawing), 1):
            said: dict[str, str | None] = {"source_id": source, "evidence_id": f"{source}-page"}
            for name, prefix in (("name", ""), ("other", "other_")):
                given, _, rest = (row.pop(name, None) or "").partition(" ")
                middle, _, family = rest.rpartition(" ")
                if given:
                    parts = {"given": given, "middle": middle or None, "family": family.replace("_", " ") or None}
                    said |= {f"{prefix}{part}_name": value for part, value in parts.items()}
            if table == "registration":
                said |= {
                    "entity": "1" if "given_name" in said else None,
                    "deactivation_evidence_id": "gone-page" if row.get("deactivated_on") else None,
                }
            else:
                said |= {"exclusion_id": f"x{number}"}
            said |= {name: value for name, value in row.items() if value is not None}
            con.execute(f"insert into curated.{table} ({', '.join(said)}) values ({', '.join('?' * len(said))})", list(said.values()))
        con.execute(
            "insert into curated.snapshot values (concat($source, '@', $day), $source, $day, true, 0)", {"source": source, "day": day}
        )
    con.execute("insert into curated.evidence (evidence_id, snapshot_id, url) values ('gone-page', 'nppes@' || ?, 'file:gone.xlsx')", [day])
    matching.link(con, ASKED)
    matching.findings(con, ASKED)


def found(con: duckdb.DuckDBPyConnection, check: str) -> dict[str, str]:
    """Which listings a check flagged, with the tier."""
    return dict(con.execute("select listing_id, tier from matching.finding where check_name = ? order by 1", [check]).fetchall())


def _rows(drawing: str) -> list[dict[str, str | None]]:
    heading, rows = cells(drawing)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def _list(con: duckdb.DuckDBPyConnection, number: int, row: dict[str, str]) -> None:
    given, _, rest = row.get("name", "").partition(" ")
    middle, _, family = rest.rpartition(" ")
    day, source, identity = row.get("day", "2026-11-20"), row.get("source", "alder"), row.get("id", f"l{number}")
    text = {
        "listing_id": identity if "day" not in row else f"{identity}@{day}",
        "claim_id": row.get("claim", row.get("reference", identity)),
        "source_id": source,
        "snapshot_id": f"{source}@{day}",
        "observed_on": day,
        "network": None if row.get("network") == "none" else row.get("network", "Open"),
        "name_raw": row.get("name", row.get("practice")),
        "given_name": given or None,
        "middle_name": middle or None,
        "family_name": family.replace("_", " ") or None,
        "organization": row.get("practice"),
        "npi": row.get("npi"),
        "license_raw": row.get("license"),
        "address": None if row.get("address") == "none" else row.get("address", f"{9 + number} Oak St"),
        "zip": row.get("zip", "98101"),
        "phone": None if row.get("phone") == "none" else row.get("phone", f"206 555 01{number:02d}"),
        "specialty": None if row.get("specialty") == "none" else row.get("specialty", "Massage Therapy"),
        "evidence_id": row.get("page", f"page-{identity}"),
        "locator": f"block {number}",
        "reference": row.get("reference"),
        "is_organization": "name" not in row,
        "is_accepting": row.get("accepting"),
        "state": row.get("state", "WA"),
    }
    names = ", ".join(text)
    con.execute(f"insert into curated.listing ({names}) values ({', '.join('?' * len(text))})", list(text.values()))
    con.execute(
        "update curated.listing set license_key = license_key(license_raw, $pattern, $digits), "
        "license_digits = license_digits(license_raw), zip5 = zip5(zip), phone_digits = phone_digits(phone), npi_valid = npi_valid(npi) "
        "where listing_id = $id",
        {"pattern": WASHINGTON_LICENSE, "digits": WASHINGTON_DIGITS, "id": text["listing_id"]},
    )


def _license(con: duckdb.DuckDBPyConnection, row: dict[str, str | None]) -> None:
    number, status = row["number"] or "", row["status"] or ""
    given, _, rest = (row["name"] or "").partition(" ")
    middle, _, family = rest.rpartition(" ")
    kind, profession = TYPES.get(number[:2], PERMIT)
    meaning, may_practice = STATUSES[status]
    seen_from, _, seen_to = (row.get("seen") or "2026-11-20").partition(" ")
    con.execute("delete from curated.credential where credential_id = ?", [number])
    con.execute(
        "insert into curated.credential values (?, 'roll', ?, ?, ?, ?, ?, ?, null, null, ?, ?, ?, 'roll-page')",
        [number, number, kind, profession, given, middle or None, family.replace("_", " "), row["expires"], meaning, may_practice],
    )
    con.execute(
        "insert into curated.credential_history values (?, ?, ?, ?, ?, ?, ?, 'printed status', ?, 'row 1')",
        [number, seen_from, seen_to or seen_from, status, meaning, may_practice, row["expires"], row.get("page") or "roll-page"],
    )


def entered(con: duckdb.DuckDBPyConnection, table: str, drawing: str) -> None:
    """Enter what people did, as drawn, in ledger.<table>; the drawing may leave out ids and who did it ("somebody")."""
    ids = {"verdict", "call", "reply", "report_sent", "attestation", "application", "correction", "disclosure"}
    for number, row in enumerate(_rows(drawing), 1):
        said = {f'"{name}"': value for name, value in row.items() if value is not None}
        said |= {f"{table}_id": f"{table} {number}"} if table in ids and f'"{table}_id"' not in said else {}
        if table not in ("disclosure", "draw", "sign_off") and '"by"' not in said:
            said |= {'"by"': "somebody"}
        con.execute(f"insert into ledger.{table} ({', '.join(said)}) values ({', '.join('?' * len(said))})", list(said.values()))
