"""Writes one insurer's directory after another: whom it lists, where, and what the reader sees."""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

from simulation import faults, names, noise
from simulation.listings import Insurer, Listing
from simulation.people import MASSAGE_TYPES, PERMITS, Person, Registrar
from simulation.places import ODD_NAMES, PHONES, Place, Surveyor, check_digit, phone

STANDING = {kind: share for kind, share in noise.group("standing").items() if kind != "absent_namesake"}
ABSENT_NAMESAKE = noise.group("standing")["absent_namesake"]
SHOWN, PLACE, COPIES = noise.group("shown"), noise.group("place"), noise.group("copies")
NUMBER, NPI, DIRECTORY = noise.group("number"), noise.group("npi"), noise.group("directory")
PHONE_STYLES = {"alder_mutual": (0, 0, 1), "birch_health": (3, 3, 1), "cedar_plan": tuple(range(len(PHONES)))}


class Clerk:
    """Writes one insurer's directory after another, drawing on people and places that they share."""

    def __init__(self, rng: Random, registrar: Registrar, size: int) -> None:
        self.rng, self.registrar, self.surveyor = rng, registrar, Surveyor(rng)
        organizations = [self.surveyor.practice() for _ in range(max(2, size // 20))] + list(ODD_NAMES)
        self.practices = [self.surveyor.place(name) for name in organizations]
        self.known: dict[str, list[Person]] = defaultdict(list)
        self.homes: dict[str, list[Place]] = {}
        self.npis: dict[str, str] = {}
        self.issued: list[str] = []

    def directory(self, insurer: Insurer, size: int) -> list[Listing]:
        """`size` listings of one insurer in the order in which it shows them."""
        rng = self.rng
        clinics = round(DIRECTORY["clinic"] * size)
        groups = self._groups(round(COPIES["duplicate"] * size))
        pairs = max(1, size // 300) if NUMBER[insurer.name] else 0
        base = size - clinics - sum(groups) + len(groups) - 2 * pairs
        listings = [*self._claims(insurer, base), *self._namesakes(insurer, pairs)]
        rng.shuffle(listings)
        self._faults(insurer, listings)
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
            sizes.append(3 if self.rng.random() < COPIES["threes"] and sum(sizes) + 3 <= listed else 2)
        return sizes

    def _claims(self, insurer: Insurer, count: int) -> Iterator[Listing]:
        """People with their networks and places; nobody twice at one place in one network."""
        faulty = {kind: round(share * count) for kind, share in STANDING.items()}
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
        known = self.known[kind]
        if known and self.rng.random() < DIRECTORY["shared"]:
            for _ in range(20):
                person = self.rng.choice(known)
                if person.id not in used:
                    return person
        return self._new(kind)

    def _new(self, kind: str) -> Person:
        rng, person = self.rng, self.registrar.licensed(kind)
        if kind == "absent" and rng.random() < ABSENT_NAMESAKE:
            other = rng.choice(self.registrar.people)  # shares a name with somebody who may well be licensed
            person.first, person.last, person.is_woman = other.first, other.last, other.is_woman
        self.known[kind].append(person)
        self.homes[person.id] = [rng.choice(self.practices) if rng.random() < DIRECTORY["practice"] else self._solo()]
        self.npis[person.id] = self.surveyor.npi()
        self.issued.append(self.npis[person.id])
        return person

    def _solo(self) -> Place:
        return self.surveyor.place(self.surveyor.practice() if self.rng.random() < 0.3 else "")

    def _where(self, insurer: Insurer, person: Person) -> list[tuple[str, Place]]:
        rng, homes = self.rng, self.homes[person.id]
        networks = rng.sample(insurer.networks, min(1 + (rng.random() < DIRECTORY["second_network"]), len(insurer.networks)))
        wanted = 1 if rng.random() >= DIRECTORY["second_place"] else 2 if rng.random() < 0.8 else 3
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

    def _faults(self, insurer: Insurer, listings: list[Listing]) -> None:
        """Decide which numbers each listing shows and what is wrong with it; who moved is listed at a place that is not theirs."""
        for each in listings:
            if self._shows_license(insurer, each):
                each.labels.add("shows_license")
            if "namesake_colleague" in each.labels or self.rng.random() < NPI[insurer.name]:
                each.labels.add("shows_npi")
        faults.mark(insurer, listings, self.rng)
        for each in listings:
            if "moved" in each.labels:
                each.place = self._solo()

    def _shows_license(self, insurer: Insurer, listing: Listing) -> bool:
        if "namesake_colleague" in listing.labels:
            return True
        has_one = listing.person is not None and bool(listing.person.credentials)
        return self.rng.random() < NUMBER[insurer.name] * (1 if has_one else 0.3)

    def _show(self, insurer: Insurer, listing: Listing, person: Person, style: int | None = None) -> None:
        """Fill in what the reader sees."""
        rng = self.rng
        self._show_name(insurer, listing, person)
        listing.organization = listing.place.organization if insurer.shows_practice else ""
        listing.address, listing.address_2 = listing.place.lines(rng.choice((0, 1, 1)) if style is None else style)
        listing.phone = phone(listing.place.phone, rng.choice(PHONE_STYLES[insurer.name]))
        listing.accepting = rng.choice((True, True, True, False, None))
        if "shows_license" in listing.labels:
            listing.license = self._license(listing, person)
        listing.npi = self._npi(listing, person)
        if "missing_field" in listing.labels:
            if rng.random() < PLACE["missing_phone"]:
                listing.phone = ""
            else:
                listing.address = listing.address_2 = ""

    def _npi(self, listing: Listing, person: Person) -> str:
        own = self.npis[person.id]
        if "npi_of_another" in listing.labels:
            return next(npi for npi in iter(lambda: self.rng.choice(self.issued), "") if npi != own)
        if "npi_invalid" in listing.labels:
            return next(npi for npi in iter(lambda: names.mistype(own, self.rng, 2), "") if len(npi) < 10 or check_digit(npi[:9]) != npi[9])
        return own if "shows_npi" in listing.labels else ""

    def _show_name(self, insurer: Insurer, listing: Listing, person: Person) -> None:
        rng, labels = self.rng, listing.labels
        middle = person.first if "middle_as_first" in labels else person.middle
        luck = rng.random() if "namesake_colleague" not in labels else 1
        listing.middle = "" if luck < SHOWN["no_middle"] else middle[:1] if luck < SHOWN["no_middle"] + SHOWN["middle_initial"] else middle
        listing.first, listing.last = self._given(labels, person), self._family(labels, person)
        if "swapped" in labels:
            listing.first, listing.last = listing.last, listing.first
        listing.suffix = "" if rng.random() < SHOWN["suffix_dropped"] else person.suffix
        if rng.random() < SHOWN["prefix"]:
            listing.prefix = rng.choice(("Ms.", "Dr.") if person.is_woman else ("Mr.", "Dr."))
        if rng.random() < SHOWN[f"tail_{insurer.name}"]:
            listing.tail = rng.choice(("LMT", "LMT", "LMT", "LMP", "Lic. Massage Therapist"))
        if insurer.name == "birch_health":  # five boxes and no more: what follows the name goes where a suffix would
            listing.suffix, listing.tail = listing.suffix or listing.tail, ""

    def _given(self, labels: set[str], person: Person) -> str:
        if "nickname" in labels:
            return self.rng.choice(names.nicknames()[person.first])
        if "initial" in labels:
            return person.first[0]
        if "middle_as_first" in labels:
            return person.middle
        return names.misspell(person.first, self.rng) if "misspelt_given" in labels else person.first

    def _family(self, labels: set[str], person: Person) -> str:
        rng, last = self.rng, person.last
        if "former_name" in labels:
            return next(name for name in iter(lambda: names.surnames().one(rng), "") if name != last)
        if "hyphen_added" in labels:
            return f"{last}-{names.surnames().one(rng)}"
        if "hyphen_dropped" in labels:
            return rng.choice(last.split("-"))
        if "hyphen_spaced" in labels:
            return last.replace("-", " ")
        if "respaced" in labels:
            return names.respaced(last)
        if "accented" in labels:
            return names.diacritics()[last][0]
        return names.misspell(last, rng) if "misspelt_family" in labels else last

    def _license(self, listing: Listing, person: Person) -> str:
        """The number, in a form that was in use; people with an old and a new license are often still shown with the old one."""
        rng = self.rng
        own = person.massage or person.credentials
        if not own:
            return f"MA{rng.randrange(62_000_000, 63_000_000)}"  # never issued
        current = [each for each in own if each.status in PERMITS] or own
        shown = own[0] if len(own) > 1 and rng.random() < DIRECTORY["old_number"] else current[-1]
        digits = shown.digits
        if "license_of_another" in listing.labels:
            others = [each for each in self.registrar.people[-400:] if each is not person and each.massage]
            digits = rng.choice(others).massage[0].digits if others else names.mistype(digits, rng, 3)
        elif "license_typo" in listing.labels:
            digits = names.mistype(digits, rng, 3)
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
        free = [each for each in listings if not each.labels & {"missing_field", "namesake_colleague", *faults.OF_NUMBERS}]
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
        if alike < COPIES["alike"]:
            for part in ("prefix", "middle", "address", "address_2", "phone", "license", "npi"):
                setattr(twin, part, getattr(first, part))
        elif alike < COPIES["alike"] + COPIES["initial"]:
            twin.first = first.first[0]
        elif alike < COPIES["alike"] + COPIES["initial"] + COPIES["misspelt"]:
            twin.last = names.misspell(first.last, rng)
            twin.labels.add("misspelt_family")
        if NPI[insurer.name] < 1 and alike >= COPIES["alike"] and rng.random() < COPIES["bare"]:
            twin.license = twin.npi = ""

    def _clinic(self, insurer: Insurer, place: Place) -> Listing:
        rng = self.rng
        made = Listing(insurer.name, None, place, rng.choice(insurer.networks), {"clinic"}, organization=place.organization)
        made.address, made.address_2 = place.lines(1)
        made.phone, made.accepting = phone(place.phone, 0), True
        made.npi = self.surveyor.npi() if NPI[insurer.name] == 1 or rng.random() < 0.5 else ""
        return made
