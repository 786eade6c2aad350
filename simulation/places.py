"""Addresses, phones and NPIs that nobody has: an invented state, ZIPs and area codes never assigned."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from simulation.names import words

STATE = "ZZ"  # no USPS code
STATE_NAME = "Zenobia"
# Towns with the last three digits of their ZIPs. USPS has assigned no ZIP that starts with 000 to 004; ours start with 003.
TOWNS = {
    "Aldermoor": range(300, 308), "Birchwater": range(310, 315), "Cinder Falls": range(318, 322), "Port Lysander": range(324, 330),
    "Marrow Bay": range(332, 335), "Tallow Springs": range(338, 341), "North Quill": range(343, 346), "Saint Orrin": range(348, 350),
    "Wexcombe": range(352, 354), "Hollin": range(356, 358), "Ferrowdale": range(360, 362), "Lantern Hill": range(364, 366),
}  # fmt: skip
KINDS = {"Street": "St", "Avenue": "Ave", "Road": "Rd", "Boulevard": "Blvd", "Drive": "Dr", "Lane": "Ln", "Court": "Ct", "Way": "Way"}
DIRECTIONS = {"North": "N", "South": "S", "East": "E", "West": "W", "Northwest": "NW", "Southeast": "SE"}
UNITS = (("Suite", "Ste"), ("Suite", "Ste"), ("Suite", "Ste"), ("Unit", "#"), ("Building", "Bldg"))
PRACTICES = (
    "Massage",
    "Massage Therapy",
    "Wellness Center",
    "Massage & Bodywork",
    "Spine and Sport",
    "Therapeutics PLLC",
    "Chiropractic Clinic",
)
# A page and a spreadsheet must survive these two.
ODD_NAMES = ("<script>alert('invented')</script> Bodywork", '=HYPERLINK("about:blank","Massage")')


@dataclass(frozen=True, slots=True)
class Place:
    """One door: an address, a phone and perhaps the name of the practice behind it."""

    number: str
    direction: str
    street: str
    kind: str
    unit: tuple[str, str] | None  # long and short word
    unit_number: str
    city: str
    zip: str
    phone: str  # ten digits
    organization: str

    def lines(self, style: int) -> tuple[str, str]:
        """Street and unit as a clerk writes them: 0 in full, 1 shortened, 2 with `#`, 3 in capitals."""
        short = style > 0
        direction = DIRECTIONS[self.direction] if short and self.direction else self.direction
        street = " ".join(word for word in (self.number, direction, self.street, KINDS[self.kind] if short else self.kind) if word)
        unit = ""
        if self.unit:
            word = "#" if style == 2 and self.unit[0] != "Building" else self.unit[short]
            unit = f"#{self.unit_number}" if word == "#" else f"{word} {self.unit_number}"
        return (street.upper(), unit.upper()) if style == 3 else (street, unit)


PHONES = ("({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "{}{}{}", "+1 {} {} {}", "{}/{}-{}")


def phone(digits: str, style: int) -> str:
    """Ten digits in one of the forms of PHONES."""
    return PHONES[style].format(digits[:3], digits[3:6], digits[6:])


def check_digit(nine: str) -> str:
    """The Luhn digit of an NPI: over 80840 and its first nine digits (45 CFR 162.406).

    >>> check_digit("123456789")
    '3'
    """
    total = 0
    for at, letter in enumerate(reversed("80840" + nine)):
        doubled = int(letter) * (2 if at % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


class Surveyor:
    """Hands out places, phones and NPIs, none twice."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._addresses: set[tuple[str, str, str]] = set()
        self._phones = self._drawn_phones()
        self._npis: set[str] = set()
        self._names: set[str] = set()

    def _drawn_phones(self) -> Iterator[str]:
        """555-0100 to 555-0199 are kept for fiction; area codes N9X are kept unassigned by the numbering plan. Then the exchanges 55X."""
        for exchange in range(555, 1000):
            block = [f"{area}9{tail}{exchange}01{line:02d}" for area in range(2, 10) for tail in range(10) for line in range(100)]
            self.rng.shuffle(block)
            yield from block

    def npi(self) -> str:
        """Luhn-valid, from 29…: every NPI known to have been given out starts with 1."""
        while True:
            nine = f"29{self.rng.randrange(10**7):07d}"
            if nine not in self._npis:
                self._npis.add(nine)
                return nine + check_digit(nine)

    def practice(self) -> str:
        rng = self.rng
        while True:
            name = " ".join((*(rng.choice(words(part)) for part in ("practice_first", "practice_second")), rng.choice(PRACTICES)))
            if rng.random() < 0.3 or len(self._names) > 1_000:
                name = f"{rng.choice(list(TOWNS))} {name}"
            if name not in self._names or len(self._names) > 5_000:
                self._names.add(name)
                return name

    def place(self, organization: str = "") -> Place:
        rng = self.rng
        while True:
            city = rng.choice(list(TOWNS))
            number, street = str(rng.randint(100, 9_999)), rng.choice(words("streets"))
            if (number, street, city) not in self._addresses:
                break
        self._addresses.add((number, street, city))
        unit = rng.choice(UNITS) if rng.random() < 0.55 else None
        return Place(
            number=number,
            direction=rng.choice(list(DIRECTIONS)) if rng.random() < 0.4 else "",
            street=street,
            kind=rng.choice(list(KINDS)),
            unit=unit,
            unit_number=str(rng.randint(1, 40)) if rng.random() < 0.8 else rng.choice("ABCDEF"),
            city=city,
            zip=f"00{rng.choice(TOWNS[city])}",
            phone=next(self._phones),
            organization=organization,
        )
