"""What each check ought to say of each listing, known because we wrote the world; nothing here is shared with the matching it examines."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from simulation.listings import Listing
from simulation.people import BARRED, GONE, GRACE_DAYS, LAPSED, PERMITS, Person
from simulation.registry import Registry

LICENSE_CHECKS = ("lapsed_license", "barred_license", "retired_or_deceased", "no_license_found", "wrong_profession")
REGISTRY_CHECKS = ("npi_deactivated", "npi_of_another", "excluded_provider")
CHECKS = ("duplicate_listing", *LICENSE_CHECKS, "npi_invalid", "missing_required_field", *REGISTRY_CHECKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One listing's true state.

    `key` finds the published curated.listing row again: {"reference"} where the source prints one; otherwise {"npi", "name", "address",
    "zip", "network"} as shown, name being prefix, first, middle, last and suffix joined by spaces. `expected[check]` is None where roll and
    directory together cannot tell: such a listing is not counted. Only what would be a finding is ever None for want of evidence; a person
    in good standing is False, however hard that is to see. `so` is what is so, whether or not anybody could tell; None only where
    that is a matter of words. `is_shared`: somebody else with a license of the profession bears the name shown, or all of this person's.
    """

    source: str
    key: Mapping[str, str]
    network: str
    person_id: str | None  # None: absent from the roll, or a practice
    labels: tuple[str, ...]
    duplicate_group: str | None
    days_since_expiry: int | None  # of the newest massage license, where none permits practice
    credentials: tuple[str, ...]  # plain numbers (MA60123456) of everything the person holds or held
    expected: Mapping[str, bool | None]
    so: Mapping[str, bool | None]
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Score:
    """How one check did: right, wrong and missed findings."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float | None:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        return self.right / (self.right + self.missed) if self.right + self.missed else None


def score(rows: Iterable[Truth], check: str, flagged: Collection[int]) -> Score:
    """Judge one check; `flagged` holds the positions in `rows` of the listings it flagged.

    In a group of n duplicates any n - 1 may be flagged: which one is kept is no matter of truth.
    """
    right = wrong = missed = 0
    groups: dict[str, list[bool]] = defaultdict(list)
    for at, row in enumerate(rows):
        if check == "duplicate_listing" and row.duplicate_group:
            groups[row.duplicate_group].append(at in flagged)
        elif row.expected[check] is not None:
            right += bool(row.expected[check] and at in flagged)
            wrong += not row.expected[check] and at in flagged
            missed += bool(row.expected[check] and at not in flagged)
    for group in groups.values():
        hits, due = sum(group), len(group) - 1
        right, wrong, missed = right + min(hits, due), wrong + max(0, hits - due), missed + max(0, due - hits)
    return Score(right, wrong, missed)


def rows(listings: Iterable[Listing], people: Iterable[Person], today: date, registry: Registry | None = None) -> tuple[Truth, ...]:
    """Truth of every listing, in the order in which they are shown; without a registry nobody could tell what it would say."""
    families: dict[str, list[Person]] = defaultdict(list)
    for holder in people:
        if holder.massage:
            families[holder.last].append(holder)
    kept: set[str] = set()
    found = []
    for listing in listings:
        person, labels = listing.person, set(listing.labels)
        expected: dict[str, bool | None] = {"duplicate_listing": bool(listing.group) and listing.group in kept}
        kept.add(listing.group)
        expected |= dict.fromkeys(LICENSE_CHECKS, False)
        so, is_shared = dict(expected), False
        if person:
            said = _licensed(person, today)
            so |= said
            labels |= _labels(person, said)
            is_shared = _is_shared(listing, person, families)
            hidden = not listing.license and (is_shared or "former_name" in labels)
            expected |= {check: None if hidden and is_so else is_so for check, is_so in said.items()}
            if hidden and "former_name" in labels:
                expected["no_license_found"] = None
        expected["npi_invalid"] = "npi_invalid" in labels
        expected["missing_required_field"] = not listing.phone or not listing.address
        expected |= _registered(listing, registry) if registry else dict.fromkeys(REGISTRY_CHECKS)
        lapse = _lapse(person, today) if person else None
        found.append(
            Truth(
                source=listing.source,
                key=_key(listing),
                network=listing.network,
                person_id=person.id if person and person.credentials else None,
                labels=tuple(sorted(labels - {"shows_license", "shows_npi"})),
                duplicate_group=listing.group or None,
                days_since_expiry=lapse,
                credentials=tuple(each.plain for each in person.credentials) if person else (),
                expected=expected,
                so=so,
                is_shared=is_shared,
            )
        )
    return tuple(found)


def _registered(listing: Listing, registry: Registry) -> dict[str, bool | None]:
    """The three checks that ask the registry and the exclusion list, from the NPI shown and the person meant."""
    since, owner, person = registry.gone.get(listing.npi), registry.owners.get(listing.npi), listing.person
    wrong = person is not None and "npi_of_another" in listing.labels
    said: dict[str, bool | None] = dict.fromkeys(REGISTRY_CHECKS, False)
    said["npi_deactivated"] = since is not None and (registry.today - since).days > GRACE_DAYS
    if wrong:  # where the registry does not hold the other person, or a name is shared, nobody can tell
        mine = {word.upper() for word in (listing.first, listing.middle, listing.last) if len(word) > 1}
        apart = owner is not None and not mine & {word.upper() for word in (owner.first, owner.middle, owner.last)}
        initials = (
            {(listing.first[:1], owner.first[:1]), (listing.middle[:1], owner.first[:1]), (listing.first[:1], owner.middle[:1])}
            if owner
            else ()
        )
        said["npi_of_another"] = True if apart and len(listing.first) > 1 and all(one != other for one, other in initials) else None
    barred = registry.excluded.get(person.id) if person else None
    if person and barred and (barred.until is None or barred.until > registry.today):
        said["excluded_provider"] = True if barred.has_npi and listing.npi == registry.npis[person.id] else None
    elif wrong:
        said["excluded_provider"] = None  # a number alone makes somebody else a candidate
    return said


def _key(listing: Listing) -> dict[str, str]:
    if listing.source != "birch_health":
        return {"reference": listing.reference}
    name = listing.parts or listing.organization
    return {"npi": listing.npi, "name": name, "address": listing.address, "zip": listing.place.zip, "network": listing.network}


def _labels(person: Person, said: Mapping[str, bool | None]) -> set[str]:
    """What is so of the person, whether or not anybody could tell."""
    labels = {"barred_license": "barred", "no_license_found": "absent", "wrong_profession": "wrong_profession"}
    found = {label for check, label in labels.items() if said.get(check)}
    if said.get("retired_or_deceased"):
        found |= {status.lower() for status in _statuses(person) if status in GONE}
    if person.massage and _statuses(person) <= {*LAPSED}:
        found |= {"lapsed"} if said["lapsed_license"] else {"lapsed", "within_grace"}
    return found


def _lapse(person: Person, today: date) -> int | None:
    """Days since the newest massage license expired; None where one permits practice or none has expired."""
    expiries = [each.expires for each in person.massage if each.expires and each.status not in PERMITS]
    days = (today - max(expiries)).days if expiries and not _permits(person) else 0
    return days if days > 0 else None


def _statuses(person: Person) -> set[str]:
    return {each.status for each in person.massage} - {"SUPERSEDED"}


def _permits(person: Person) -> bool:
    return any(each.status in PERMITS for each in person.massage)


def _licensed(person: Person, today: date) -> dict[str, bool | None]:
    """The five license checks, from the person's massage licenses on the roll; a person's best license counts."""
    if not person.credentials:
        return {"no_license_found": True}
    if not person.massage:
        return {"wrong_profession": True, "no_license_found": None}
    if _permits(person):
        return {}
    statuses = _statuses(person)
    expiries = [each.expires for each in person.massage if each.expires]
    is_old = bool(expiries) and (today - max(expiries)).days > GRACE_DAYS
    if statuses & {*BARRED, *GONE}:
        # whether a revoked license that has since expired is also "lapsed" is a matter of words
        lapsed = None if is_old else False
        return {"barred_license": bool(statuses & {*BARRED}), "retired_or_deceased": bool(statuses & {*GONE}), "lapsed_license": lapsed}
    if statuses <= {*LAPSED}:
        return {"lapsed_license": is_old or "INACTIVE" in statuses}
    return dict.fromkeys(("lapsed_license", "no_license_found"), None)


def _is_shared(listing: Listing, person: Person, families: Mapping[str, list[Person]]) -> bool:
    """Another license holder of the profession bears the name shown, as far as it is shown, or this person's own."""
    others = [each for each in families.get(person.last, ()) if each.first == person.first]
    others += [each for each in families.get(listing.last, ()) if listing.first in (each.first, each.first[0])]
    shown = listing.middle[:1]
    return any(each is not person and (not shown or not each.middle or each.middle[0] == shown) for each in others)
