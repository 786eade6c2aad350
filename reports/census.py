"""What is counted of every listing in scope: each number's name, its title, and the rows it counts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.withholding import LEAST_TO_TELL

LICENSE_CHECKS = ("lapsed_license", "barred_license", "retired_or_deceased")

CHECKS: Mapping[str, str] = {
    "duplicate_listing": "Duplicate listing",
    "lapsed_license": "License expired, inactive or closed",
    "barred_license": "License suspended, revoked or surrendered",
    "retired_or_deceased": "License holder retired or deceased",
    "no_license_found": "No license found on the roll",
    "wrong_profession": "Licensed in another profession",
    "npi_invalid": "NPI fails its own check digit",
    "missing_required_field": "Required field missing",
    "npi_deactivated": "NPI deactivated",
    "npi_of_another": "NPI of somebody else",
    "excluded_provider": "On an exclusion list, or under a name that is",
    "surfaces_disagree": "The insurer's own surfaces disagree",
    "implausible_locations": "More locations than one person can work at",
    "not_at_location": "Said not to work at the place listed",
    "not_participating": "Said not to take part in the network",
    "unreachable_at_listing": "Not reachable as listed",
    "not_accepting_but_listed": "Listed as accepting, said to take no new patients",
    "reported_and_still_listed": "Reported to the insurer and still listed",
}
STRICT = (*LICENSE_CHECKS, "not_at_location", "not_participating")
WIDE = (*STRICT, "unreachable_at_listing", "not_accepting_but_listed")
GROUPS: Mapping[str, tuple[str, str]] = {  # name → title, and which rows of reports.flagged
    "not_in_force": ("License not in force", "check_name in ({})"),
    "strict": ("Strict definition: license not in force, or said not to be there or in the network", "check_name in ({})"),
    "wide": ("Wide definition (New York Attorney General): the strict one, or unreachable, or not accepting", "check_name in ({})"),
    "access": ("Any finding that keeps a patient from being seen", "prevents_access"),
}
MEMBERS = {"not_in_force": LICENSE_CHECKS, "strict": STRICT, "wide": WIDE, "access": ()}

ROLL = "license_roll"
NEEDS: Mapping[str, str] = {
    **dict.fromkeys((*LICENSE_CHECKS, "not_in_force", "strict", "wide", "no_license_found", "wrong_profession"), ROLL),
    **dict.fromkeys(("npi_deactivated", "npi_of_another"), "registry"),
    "excluded_provider": "exclusion",
}  # name → the kind of source without which it was not asked, and zero would say otherwise


def _said(what: str, *tables: str) -> str:
    return " union all ".join(f"(select 1 from ledger.{table} where {what} is not null limit 1)" for table in tables)


SEEN: Mapping[str, str] = {
    "npi_deactivated": "select npi from curated.registration where deactivated_on is not null limit 1",  # an API knows of none
    "surfaces_disagree": "select insurer_name from curated.source where insurer_name <> '' group by 1 having count(distinct surface) > 1",
    "not_at_location": _said("works_here", "call", "attestation"),
    "not_participating": _said("participates", "call", "attestation", "reply"),
    "unreachable_at_listing": "select 1 from ledger.call limit 1",
    "not_accepting_but_listed": _said("accepts_patients", "call", "attestation"),
    "reported_and_still_listed": "select 1 from ledger.report_sent limit 1",
    "omitted_from_directory": "(select 1 from ledger.attestation limit 1) union all (select 1 from ledger.application limit 1) union all "
    "(select 1 from curated.source where kind = 'participation' limit 1)",
}  # check → what must have rows, for the same reason
TIERS: Mapping[str, tuple[str, ...]] = {"a": ("A",), "ab": ("A", "B"), "abc": ("A", "B", "C")}
TIERS_IN_WORDS = {"a": "tier A", "ab": "tiers A and B", "abc": "tiers A, B and C"}
BANDS = {"0_30": (0, 30), "31_90": (31, 90), "91_365": (91, 365), "over_365": (366, None)}
SPANS = (30, 90, 180)  # days between captures that showed the same error

CENSUS = (
    "Every listing in scope was compared with the whole roll: a census, so the count has no sampling error. "
    "The Wilson 95 % interval, and the exact one beside it, read the rate as an estimate of the process that makes such listings. "
    "Uncertainty of matching is shown by counting tier A alone and tiers A and B together."
)
LOOKED = (
    "Every current finding about a listing that an API or a file showed, where the insurer's website was captured within seven days and "
    "names the network: whether the website shows that person at that place. What was not recognised there may be there all the same. "
    "The Wilson 95 % interval reads the rate as an estimate of the process that makes such listings."
)
STOOD = (
    "Every unique listing in scope, by the best evidence there is of it. A license alone confirms nothing, so the verified network is a "
    "range: from what was confirmed to what was not contradicted. Answers given by telephone, and attestations without consent to be "
    "named, are counted for an insurer only where they are of ten persons or more, for a network or county never: the range is then wide. "
    "The Wilson 95 % interval reads the rate as an estimate of the process that makes such listings."
)
UNITED = (
    " Findings that rest on a telephone call, or an attestation without consent to be named, are counted by listing only where ten persons "
    "or more fail the very same checks, and by person never: what is printed is then the least that is so."
)
LASTED = (
    "Current findings whose source was captured so many days apart or more: of how many both the first and the last of such captures "
    "showed the same error. The Wilson 95 % interval reads the rate as an estimate of the process that makes such listings."
)
ANSWERED = (
    "Every finding of which the insurer was told and that may be shown with the name, by its last answer. The Wilson 95 % interval reads "
    "the rate as an estimate of the process that makes such listings."
)
COUNT = "A count of every listing in scope; nothing was sampled and nothing is estimated."


COARSE = ("all", "source")
NETWORKS = (*COARSE, "network")
EVERYWHERE = (*NETWORKS, "county", "place")


@dataclass(frozen=True, slots=True)
class Count:
    """So many rows of a table, or different values of a column in it; `{told}` and `{standing}` depend on how small the place is."""

    table: str
    where: str = "true"
    of: str | None = None  # the column; None: rows

    def sql(self, scope: str, is_coarse: bool) -> str:
        both = " and ".join(part for part in (self.rows(is_coarse), scope) if part != "true")
        return f"select count({f'distinct {self.of}' if self.of else '*'}) from {self.table}" + (f" where {both}" if both else "")

    def rows(self, is_coarse: bool) -> str:
        told, standing = ("is_told", "standing") if is_coarse else ("may_share", "public_standing")
        return self.where.replace("{told}", told).replace("{standing}", standing)

    def __and__(self, more: str) -> "Count":
        return Count(self.table, more if self.where == "true" else f"{self.where} and {more}", self.of)


@dataclass(frozen=True, slots=True)
class Asked:
    """A measure before its number exists: what is counted, out of what, and for how small a place."""

    name: str
    title: str
    numerator: Count
    denominator: Count | None
    needs: str | None = None  # a kind of source
    method: str = CENSUS
    levels: tuple[str, ...] = NETWORKS
    or_nothing: bool = False  # left out where the denominator is empty: there was nothing to see


SCOPED = Count("reports.in_scope")
UNIQUE = SCOPED & "is_unique"
PROVIDERS = Count("reports.in_scope", of="provider_id")


def asked(checks: Mapping[str, str]) -> Iterator[Asked]:
    """Every measure that can be computed of a census, in the order in which it is printed."""
    yield Asked("listings", "Listings in scope", SCOPED, None, levels=EVERYWHERE)
    yield Asked("unique", "Unique listings", UNIQUE, SCOPED, levels=EVERYWHERE)
    yield Asked("duplicates", "Duplicate listings", SCOPED & "not is_unique", SCOPED)
    yield Asked("multi_location", "Unique listings of persons listed at several locations", UNIQUE & "is_multi_location", UNIQUE)
    yield Asked("providers", "Persons listed", PROVIDERS, None)
    for link, words in {"same": "matched to a license", "unsure": "left unsure", "none": "matched to no license"}.items():
        yield Asked(f"match.{link}", f"Unique listings {words}", UNIQUE & f"roll_match = '{link}'", UNIQUE, ROLL)
    yield from _standing()
    yield from _website()
    for name, (title, rows) in GROUPS.items():
        yield from _flagged(name, title, rows.format(_texts(MEMBERS[name])), "may_share", SCOPED & "is_unique")
    for name, title in checks.items():
        # a duplicate is by definition not among the unique: it alone is counted out of all listings
        out_of = SCOPED if name == "duplicate_listing" else UNIQUE
        yield from _flagged(name, title, f"check_name = {text(name)}", "{told}", out_of)
    lapsed = UNIQUE & "license = 'not_in_force'"
    for band, (least, most) in BANDS.items():
        words = f"{least} to {most} days" if most is not None else f"more than {least - 1} days"
        days = f"days_since >= {least}" + (f" and days_since <= {most}" if most is not None else "")
        yield Asked(f"lapsed.days_{band}", f"Unique listings, license not in force for {words}", lapsed & days, lapsed, ROLL)
    yield Asked("lapsed.undated", "Unique listings, license not in force, no date", lapsed & "days_since is null", lapsed, ROLL)
    yield from _lasting()
    yield from _replies()
    yield from _omitted()


def _standing() -> Iterator[Asked]:
    titles = {
        "confirmed": ("Unique listings confirmed", "{standing} = 'confirmed'"),
        "contradicted": ("Unique listings contradicted", "{standing} = 'contradicted'"),
        "undetermined": ("Unique listings neither confirmed nor contradicted", "{standing} = 'undetermined'"),
        "verified_low": ("Verified network, at least: unique listings confirmed", "{standing} = 'confirmed'"),
        "verified_high": ("Verified network, at most: unique listings not contradicted", "{standing} <> 'contradicted'"),
    }
    for name, (title, which) in titles.items():
        yield Asked(f"standing.{name}", title, UNIQUE & which, UNIQUE, method=STOOD, levels=EVERYWHERE)


def _website() -> Iterator[Asked]:
    current = Count("matching.confirmation", "is_current")
    shown, looked = current & "website = 'confirmed'", current & "website in ('confirmed', 'not seen')"
    title = "Findings from an API or a file whose listing the website shows, too"
    yield Asked("website.confirmed", title, shown, looked, method=LOOKED, levels=COARSE)
    yield Asked("website.awaiting", "Findings that await the website", current & "website = 'awaiting'", None, levels=COARSE)


def _flagged(name: str, title: str, rows: str, told: str, out_of: Count) -> Iterator[Asked]:
    levels = EVERYWHERE if name == "not_in_force" else NETWORKS
    for key, tiers in TIERS.items():
        failing, words = f"{rows} and tier in ({_texts(tiers)})", TIERS_IN_WORDS[key]
        only = "" if name == "duplicate_listing" else " and is_unique"
        listings = Count("reports.flagged", f"{failing} and {told}{only}", "listing_id" if name in GROUPS else None)
        persons = Count("reports.flagged", f"{failing} and may_share", "provider_id")
        method = CENSUS + UNITED
        yield Asked(f"{name}.listing.{key}", f"{title}, {words}: listings", listings, out_of, NEEDS.get(name), method, levels)
        yield Asked(f"{name}.provider.{key}", f"{title}, {words}: persons", persons, PROVIDERS, NEEDS.get(name), method)


def _lasting() -> Iterator[Asked]:
    for days in SPANS:
        for key, tiers in TIERS.items():
            current = Count("reports.progress", f"is_current and tier in ({_texts(tiers)}) and days_watched >= {days}")
            title = f"Findings seen again after {days} days or more, {TIERS_IN_WORDS[key]}"
            name = f"persistence.days_{days}.{key}"
            yield Asked(name, title, current & f"days_apart >= {days}", current, method=LASTED, levels=COARSE, or_nothing=True)


def _replies() -> Iterator[Asked]:
    sent = Count("reports.progress", "is_sent")
    answered = sent & "is_answered"
    yield Asked("reply.sent", "Findings of which the insurer was told", sent, None, levels=COARSE)
    told = (None, ANSWERED, COARSE, True)
    yield Asked("reply.answered", "Findings the insurer answered", answered, sent, *told)
    yield Asked("reply.concurred", "Findings the insurer conceded", answered & "answer = 'concur'", answered, *told)
    yield Asked("reply.disputed", "Findings the insurer disputed", answered & "answer = 'dispute'", answered, *told)
    yield Asked("reply.explained", "Findings the insurer explained", answered & "answer = 'explain'", answered, *told)
    for word in ("upheld", "withdrawn"):
        rows = Count("reports.progress", f"is_{word}")
        yield Asked(f"reply.{word}", f"Findings {word} after they were doubted", rows, None, levels=COARSE)


def _omitted() -> Iterator[Asked]:
    missing = "check_name = 'omitted_from_directory' and state <> 'resolved' and stage <> 'withdrawn'"
    private = f"(select count(distinct subject_id) from matching.finding where {missing} and not may_share)"
    rows = Count("matching.finding", f"{missing} and (may_share or {private} >= {LEAST_TO_TELL})")
    yield Asked(
        "omitted_from_directory", "Persons whom the insurer accepted and its website was not seen to show", rows, None, levels=("all",)
    )


def text(value: str) -> str:
    """A value as SQL spells it."""
    return "'" + value.replace("'", "''") + "'"


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(map(text, values))
