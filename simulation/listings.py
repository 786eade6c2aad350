"""What three invented insurers list, and what is wrong with it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from simulation import names
from simulation.people import MASSAGE_TYPES, PERMITS, Person, Registrar
from simulation.places import ODD_NAMES, PHONES, Place, Surveyor, phone

# Shares of an insurer's listings. First what is so of the person, then what is so of the listing. Invented, near what audits report.
OF_PERSON = {
    "grace": 0.012,  # expired, but not longer than the grace
    "lapsed": 0.068,
    "inactive": 0.006,
    "closed": 0.004,
    "barred": 0.015,
    "retired": 0.025,
    "deceased": 0.005,
    "absent": 0.03,  # never on the roll
    "wrong_profession": 0.01,
}
OF_LISTING = {
    "wrong_number": 0.015,
    "misspelt": 0.03,
    "moved": 0.04,
    "left_network": 0.06,
    "former_name": 0.025,
    "npi_invalid": 0.007,
    "missing_field": 0.01,
}
DUPLICATES = 0.12  # listings that stand in a group of two or three
CLINICS = 0.02  # listings of a practice, naming nobody
SHARED = 0.45  # people an insurer takes from those another insurer already lists
TAILS = {"alder_mutual": 0.35, "birch_health": 0.06, "cedar_plan": 0.1}  # names followed by LMT and the like
PHONE_STYLES = {"alder_mutual": (0, 0, 1), "birch_health": (3, 3, 1), "cedar_plan": tuple(range(len(PHONES)))}
PRACTICES = 0.35  # people who work in a practice with others


@dataclass(frozen=True, slots=True)
class Insurer:
    """A directory: how large it is beside the largest, and how often it prints which number."""

    name: str
    title: str
    size: float
    networks: tuple[str, ...]
    license_share: float
    npi_share: float


INSURERS = (
    Insurer("alder_mutual", "Alder Mutual", 1.0, ("Alder Open", "Alder Select", "Alder Community"), 0.60, 0.70),
    Insurer("birch_health", "Birch Health", 0.8, ("Birch Core", "Birch Plus"), 0.0, 1.0),
    Insurer("cedar_plan", "Cedar Plan", 0.5, ("Cedar Basic",), 0.85, 0.40),
)


@dataclass(slots=True, eq=False)
class Listing:
    """One line of a directory as shown, and beside it what is true of it."""

    source: str
    person: Person | None  # None: a practice, naming nobody
    place: Place
    network: str
    labels: set[str] = field(default_factory=set)
    group: str = ""  # listings that show the same thing twice
    reference: str = ""
    prefix: str = ""
    first: str = ""
    middle: str = ""
    last: str = ""
    suffix: str = ""
    tail: str = ""  # LMT and the like
    organization: str = ""
    npi: str = ""
    license: str = ""
    address: str = ""
    address_2: str = ""
    phone: str = ""
    accepting: bool | None = None

    @property
    def parts(self) -> str:
        """Prefix, first, middle, last and suffix, as a form with five boxes shows them."""
        return " ".join(part for part in (self.prefix, self.first, self.middle, self.last, self.suffix) if part)


class Clerk:
    """Writes one insurer's directory after another, drawing on people and places that they share."""

    def __init__(self, rng: Random, registrar: Registrar, size: int) -> None:
        self.rng, self.registrar, self.surveyor = rng, registrar, Surveyor(rng)
        organizations = [self.surveyor.practice() for _ in range(max(2, size // 20))] + list(ODD_NAMES)
        self.practices = [self.surveyor.place(name) for name in organizations]
        self.known: dict[str, list[Person]] = defaultdict(list)
        self.homes: dict[str, list[Place]] = {}
        self.npis: dict[str, str] = {}

    def directory(self, insurer: Insurer, size: int) -> list[Listing]:
        """`size` listings of one insurer in the order in which it shows them."""
        rng = self.rng
        clinics = round(CLINICS * size)
        groups = self._groups(round(DUPLICATES * size))
        pairs = max(1, size // 300) if insurer.license_share else 0
        base = size - clinics - sum(groups) + len(groups) - 2 * pairs
        listings = [*self._claims(insurer, base), *self._namesakes(insurer, pairs)]
        rng.shuffle(listings)
        self._faults(insurer, listings, size)
        for listing in listings:
            if listing.person:
                self._show(insurer, listing, listing.person)
        listings += self._copies(insurer, listings, groups)
        odd = [place for place in self.practices if place.organization in ODD_NAMES]
        listings += [self._clinic(insurer, odd.pop() if odd else self.surveyor.place(self.surveyor.practice())) for _ in range(clinics)]
        rng.shuffle(listings)
        for at, listing in enumerate(listings):
            listing.reference = f"{insurer.name[0].upper()}{at * 7 + 100_003}"
        return listings

    def _groups(self, listed: int) -> list[int]:
        """Sizes of the groups of duplicates: three in four are pairs, the rest threes."""
        sizes: list[int] = []
        while sum(sizes) + 2 <= listed:
            sizes.append(3 if self.rng.random() < 0.25 and sum(sizes) + 3 <= listed else 2)
        return sizes

    def _claims(self, insurer: Insurer, count: int) -> Iterator[Listing]:
        """People with their networks and places; nobody twice at one place in one network."""
        faulty = {kind: round(share * count) for kind, share in OF_PERSON.items()}
        quotas = {"good": count - sum(faulty.values()), **faulty}  # the good first: the absent borrow names of those already known
        used: set[str] = set()
        for kind, left in quotas.items():
            while left:
                person = self._person(kind, used)
                used.add(person.id)
                claims = self._where(insurer, person)[:left]
                left -= len(claims)
                several = len({place for _, place in claims}) > 1
                for network, place in claims:
                    yield Listing(insurer.name, person, place, network, {"multi_location"} if several else set())

    def _person(self, kind: str, used: set[str]) -> Person:
        if self.rng.random() < SHARED:
            free = [person for person in self.known[kind] if person.id not in used]
            if free:
                return self.rng.choice(free)
        return self._new(kind)

    def _new(self, kind: str) -> Person:
        rng, person = self.rng, self.registrar.licensed(kind)
        if kind == "absent" and rng.random() < 0.3:
            other = rng.choice(self.registrar.people)  # shares a name with somebody who may well be licensed
            person.first, person.last, person.is_woman = other.first, other.last, other.is_woman
        self.known[kind].append(person)
        self.homes[person.id] = [rng.choice(self.practices) if rng.random() < PRACTICES else self._solo()]
        self.npis[person.id] = self.surveyor.npi()
        return person

    def _solo(self) -> Place:
        return self.surveyor.place(self.surveyor.practice() if self.rng.random() < 0.3 else "")

    def _where(self, insurer: Insurer, person: Person) -> list[tuple[str, Place]]:
        rng, homes = self.rng, self.homes[person.id]
        networks = rng.sample(insurer.networks, 1 if rng.random() < 0.75 else min(2, len(insurer.networks)))
        wanted = 1 if rng.random() < 0.9 else 2 if rng.random() < 0.8 else 3
        while len(homes) < wanted:
            homes.append(self._solo())
        return [(network, place) for network in networks for place in homes[:wanted]]

    def _namesakes(self, insurer: Insurer, pairs: int) -> Iterator[Listing]:
        """Practices where two licensed people of one name work: not duplicates, and the numbers shown say so."""
        for _ in range(pairs):
            one, other = self._new("good"), self._new("good")
            other.first, other.last, other.suffix, one.suffix = one.first, one.last, "", ""
            other.middle = next(name for name in ("Blair", "Quinn") if name[0] != one.middle[:1])
            place, network = self.rng.choice(self.practices), self.rng.choice(insurer.networks)
            for person in (one, other):
                self.homes[person.id] = [place]
                yield Listing(insurer.name, person, place, network, {"namesake_colleague"})

    def _faults(self, insurer: Insurer, listings: list[Listing], size: int) -> None:
        """Mark listings with the faults of OF_LISTING; none gets two that would hide each other."""
        shows_license = {id(each) for each in listings if self._shows_license(insurer, each)}
        for each in listings:
            if id(each) in shows_license:
                each.labels.add("shows_license")
        for fault, share in OF_LISTING.items():
            if fault == "wrong_number" and not insurer.license_share:
                continue
            free = [each for each in listings if not each.labels & {*OF_LISTING, "namesake_colleague"}]
            if fault == "wrong_number":
                free = [each for each in free if "shows_license" in each.labels and each.person and each.person.massage]
            if fault == "former_name":
                free = [each for each in free if each.person and each.person.is_woman and each.person.credentials]
            for each in self.rng.sample(free, min(len(free), round(share * size))):
                each.labels.add(fault)
                if fault == "moved":
                    each.place = self._solo()

    def _shows_license(self, insurer: Insurer, listing: Listing) -> bool:
        if "namesake_colleague" in listing.labels:
            return True
        has_one = listing.person is not None and bool(listing.person.credentials)
        return self.rng.random() < (insurer.license_share if has_one else insurer.license_share * 0.3)

    def _show(self, insurer: Insurer, listing: Listing, person: Person, style: int | None = None) -> None:
        """Fill in what the reader sees."""
        rng = self.rng
        self._show_name(insurer, listing, person)
        listing.organization = listing.place.organization if insurer.license_share else ""
        listing.address, listing.address_2 = listing.place.lines(rng.choice((0, 1, 1)) if style is None else style)
        listing.phone = phone(listing.place.phone, rng.choice(PHONE_STYLES[insurer.name]))
        listing.accepting = rng.choice((True, True, True, False, None))
        if "shows_license" in listing.labels:
            listing.license = self._license(listing, person)
        shows_npi = rng.random() < insurer.npi_share or listing.labels & {"npi_invalid", "namesake_colleague"}
        listing.npi = self.npis[person.id] if shows_npi else ""
        if "npi_invalid" in listing.labels:
            at = rng.randrange(2, 10)
            wrong = str((int(listing.npi[at]) + rng.randint(1, 9)) % 10)
            listing.npi = listing.npi[:at] + wrong + listing.npi[at + 1 :] if rng.random() < 0.7 else listing.npi[:9]
        if "missing_field" in listing.labels:
            if rng.random() < 0.6:
                listing.phone = ""
            else:
                listing.address = listing.address_2 = ""

    def _show_name(self, insurer: Insurer, listing: Listing, person: Person) -> None:
        rng, luck = self.rng, self.rng.random()
        listing.first, listing.last, listing.suffix = person.first, person.last, person.suffix
        if person.first in names.nicknames() and rng.random() < 0.08:
            listing.first = rng.choice(names.nicknames()[person.first])
            listing.labels.add("nickname")
        listing.middle = "" if luck < 0.3 else person.middle if luck > 0.8 or insurer.name == "birch_health" else person.middle[:1]
        if "namesake_colleague" in listing.labels:
            listing.middle = person.middle
        if "former_name" in listing.labels:
            listing.last = next(name for name in iter(lambda: names.surnames().one(rng), "") if name != person.last)
        elif "misspelt" in listing.labels:
            part = rng.choice(("first", "last", "last"))
            setattr(listing, part, names.misspell(getattr(listing, part), rng))
        elif person.last in names.diacritics() and rng.random() < 0.15:
            listing.last = names.diacritics()[person.last][0]
        elif "-" in person.last and rng.random() < 0.3:
            listing.last = person.last.replace("-", " ")
        if rng.random() < 0.06:
            listing.prefix = rng.choice(("Ms.", "Dr.") if person.is_woman else ("Mr.", "Dr."))
        if rng.random() < TAILS[insurer.name]:
            listing.tail = rng.choice(("LMT", "LMT", "LMT", "LMP", "Lic. Massage Therapist"))
        if insurer.name == "birch_health":  # five boxes and no more: what follows the name goes where a suffix would
            listing.suffix, listing.tail = listing.suffix or listing.tail, ""

    def _license(self, listing: Listing, person: Person) -> str:
        """The number, in a form that was in use; people with an old and a new license are often still shown with the old one."""
        rng = self.rng
        own = person.massage or person.credentials
        if not own:
            return f"MA{rng.randrange(62_000_000, 63_000_000)}"  # never issued
        current = [each for each in own if each.status in PERMITS] or own
        shown = own[0] if len(own) > 1 and rng.random() < 0.4 else current[-1]
        digits = shown.digits
        if "wrong_number" in listing.labels:
            others = [each for each in self.registrar.people[-400:] if each is not person and each.massage]
            if others and rng.random() < 0.5:
                digits = rng.choice(others).massage[0].digits
            else:
                at = rng.randrange(3, 8)
                digits = digits[:at] + str((int(digits[at]) + rng.randint(1, 9)) % 10) + digits[at + 1 :]
        luck, prefix = rng.random(), shown.plain[:2]
        if luck < 0.55:
            return prefix + digits
        if luck < 0.7:
            return f"{prefix} {digits}"
        if luck < 0.95 or shown.type not in MASSAGE_TYPES:
            return f"{shown.dotted.partition('.')[0]}.{prefix}.{digits}"
        return digits

    def _copies(self, insurer: Insurer, listings: list[Listing], groups: list[int]) -> Iterator[Listing]:
        """The same person at the same place in the same network once more: some letter for letter, most written a little differently."""
        rng = self.rng
        free = [each for each in listings if not each.labels & {"missing_field", "namesake_colleague", "npi_invalid", "wrong_number"}]
        for number, (size, first) in enumerate(zip(groups, rng.sample(free, len(groups)), strict=True)):
            first.group = f"{insurer.name}-{number:04d}"
            first.labels.add("duplicate")
            shown = [self._face(first)]
            for _ in range(size - 1):
                twin = Listing(first.source, first.person, first.place, first.network, set(first.labels), first.group)
                while True:
                    self._twin(insurer, first, twin)
                    # letter for letter only where the source gives each line a reference of its own
                    if insurer.name != "birch_health" or self._face(twin) not in shown:
                        break
                shown.append(self._face(twin))
                yield twin

    def _face(self, listing: Listing) -> tuple[str, ...]:
        return listing.npi, listing.parts, listing.address, listing.place.zip, listing.network

    def _twin(self, insurer: Insurer, first: Listing, twin: Listing) -> None:
        rng = self.rng
        if twin.person:
            self._show(insurer, twin, twin.person, rng.randrange(4))
        twin.first, twin.last, twin.suffix, twin.tail, twin.labels = first.first, first.last, first.suffix, first.tail, set(first.labels)
        alike = rng.random()
        if alike < 0.35:
            for part in ("prefix", "middle", "address", "address_2", "phone", "license", "npi"):
                setattr(twin, part, getattr(first, part))
        elif alike < 0.45:
            twin.first = first.first[0]
        if insurer.npi_share < 1 and alike >= 0.35 and rng.random() < 0.3:
            twin.license = twin.npi = ""

    def _clinic(self, insurer: Insurer, place: Place) -> Listing:
        rng = self.rng
        made = Listing(insurer.name, None, place, rng.choice(insurer.networks), {"clinic"}, organization=place.organization)
        made.address, made.address_2 = place.lines(1)
        made.phone, made.accepting = phone(place.phone, 0), True
        made.npi = self.surveyor.npi() if insurer.npi_share == 1 or rng.random() < 0.5 else ""
        return made
