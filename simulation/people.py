"""The people of the invented state and what its license roll says of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from simulation import names, noise

GRACE_DAYS = 30
PEOPLE = noise.group("people")
MASSAGE = "Massage Therapist License"
MASSAGE_TYPES = frozenset({MASSAGE, "Massage Practitioner License"})
PERMIT = "Massage Therapist Temporary Practice Permit"
NURSE = "Registered Nurse License"

# What each printed status means. The words are those seen on Washington's roll or named by its owners; "Approved", "Inoperable" and
# "Unlicensed" are there because a reader must meet a word it was not taught.
PERMITS = (
    "ACTIVE",
    "ACTIVE IN RENEWAL",
    "ACTIVE NOT RENEWABLE",
    "ACTIVE PRINT LICENSE",
    "ACTIVE PROVISIONAL",
    "ACTIVE ON PROBATION",
    "ACTIVE WITH CONDITIONS",
    "ACTIVE WITH RESTRICTIONS",
    "RETIRED ACTIVE",
)
BARRED = ("SUSPENDED", "SUMMARY SUSPENSION", "MANDATED SUSPENSION", "REVOKED", "VOLUNTARY SURRENDER", "SURRENDER", "TERMINATED")
GONE = ("RETIRED", "DECEASED")
LAPSED = ("EXPIRED", "INACTIVE", "CLOSED")
SILENT = ("PENDING", "DENIED", "SUPERSEDED", "MILITARY", "APPROVED", "INOPERABLE", "UNLICENSED")
ABROAD = ("EXPIRED WA - ACTIVE MSL", "EXPIRED - ACTIVE MSL")  # a nurse's multistate license
STATUSES = (*PERMITS, *BARRED, *GONE, *LAPSED, *SILENT, *ABROAD)

# How 1,000 massage licenses nobody lists are spread over statuses: invented, a roll with its full history.
COMMON = {
    "ACTIVE": 455, "EXPIRED": 410, "CLOSED": 32, "INACTIVE": 16, "PENDING": 18, "ACTIVE IN RENEWAL": 12, "RETIRED": 14, "DECEASED": 4,
    "SUSPENDED": 5, "REVOKED": 4, "VOLUNTARY SURRENDER": 3, "DENIED": 4, "ACTIVE ON PROBATION": 3, "ACTIVE WITH CONDITIONS": 3,
    "ACTIVE WITH RESTRICTIONS": 2, "RETIRED ACTIVE": 8, "ACTIVE PROVISIONAL": 2, "MILITARY": 2, "TERMINATED": 2, "SUMMARY SUSPENSION": 1,
}  # fmt: skip

# Letters before the digits and, since the form of March 2026, before the first dot. MASS is invented: massage's own was never seen.
PREFIXES = {
    MASSAGE: ("MA", "MASS"),
    "Massage Practitioner License": ("MA", "MASS"),
    PERMIT: ("M1", "MTPP"),
    "Reflexologist Certification": ("RF", "REFL"),
    NURSE: ("RN", "RN"),
    "Licensed Practical Nurse License": ("LP", "LPN"),
    "Nursing Assistant Certification": ("NC", "NAC"),
    "Nursing Assistant Registration": ("NA", "NAR"),
    "Physical Therapist License": ("PT", "PT"),
    "Physical Therapist Assistant License": ("P1", "PTA"),
    "Chiropractor License": ("CH", "CHIR"),
    "Pharmacist License": ("PH", "PHRM"),
}
OTHERS = tuple(kind for kind in PREFIXES if kind not in MASSAGE_TYPES and kind != PERMIT)


class Credential(NamedTuple):
    """One row of the roll."""

    type: str
    digits: str
    status: str
    first_issued: date | None
    issued: date | None
    expires: date | None
    education_due: date | None
    action: str
    is_dotted: bool  # printed in the form of March 2026
    is_upper: bool

    @property
    def plain(self) -> str:
        return f"{PREFIXES[self.type][0]}{self.digits}"

    @property
    def dotted(self) -> str:
        prefix, board = PREFIXES[self.type]
        return f"{board}.{prefix}.{self.digits}"


@dataclass(slots=True, eq=False)
class Person:
    """Somebody with or without a license. The roll shows one present name on every credential; a directory may show another."""

    id: str
    first: str
    middle: str
    last: str
    suffix: str
    birth_year: int
    is_woman: bool
    credentials: list[Credential] = field(default_factory=list)

    @property
    def massage(self) -> list[Credential]:
        return [each for each in self.credentials if each.type in MASSAGE_TYPES]


class Registrar:
    """Makes people and credentials."""

    def __init__(self, rng: Random, today: date) -> None:
        self.rng, self.today = rng, today
        self.people: list[Person] = []
        self._numbers = self._digits()
        self._names = self._drawn()

    def _digits(self) -> Iterator[str]:
        taken: set[int] = set()
        while True:
            number = self.rng.randrange(1_000, 30_000) if self.rng.random() < 0.12 else self.rng.randrange(60_000_000, 61_900_000)
            if number not in taken:
                taken.add(number)
                yield f"{number:08d}"

    def _drawn(self) -> Iterator[tuple[str, str, str, bool, int]]:
        """First, middle, last, is a woman, birth year. A given name may be one of the family's community; the middle name is anyone's."""
        rng = self.rng
        while True:
            for last in names.surnames().draw(rng, 4096):
                is_woman = rng.random() < PEOPLE["women"]
                born = self.today.year - 22 - int(rng.triangular(0, 55, 20))
                table = "men_1970" if not is_woman else "women_1970" if born < 1979 else "women_1988"
                community = names.community_of(last) if rng.random() < PEOPLE["community"] else None
                yield names.given(table, community).one(rng), names.given(table).one(rng), last, is_woman, born

    def person(self) -> Person:
        rng = self.rng
        first, middle, last, is_woman, born = next(self._names)
        luck = rng.random()
        if luck < PEOPLE["no_middle"] or middle == first:
            middle = ""
        elif luck < PEOPLE["no_middle"] + PEOPLE["middle_initial"]:
            middle = middle[0]
        form = rng.random()
        if form < PEOPLE["hyphenated"]:
            last = f"{last}-{names.surnames().one(rng)}"
        elif form < PEOPLE["hyphenated"] + PEOPLE["two_surnames"]:
            last = f"{last} {names.surnames().one(rng)}"
        suffix = rng.choice(("Jr", "III", "II")) if not is_woman and rng.random() < PEOPLE["suffix"] else ""
        made = Person(f"P{len(self.people):06d}", first, middle, last, suffix, born, is_woman)
        self.people.append(made)
        return made

    def day(self, newest: int, oldest: int) -> date:
        """A day between `oldest` and `newest` days before today; negative is to come."""
        return self.today - timedelta(self.rng.randint(newest, oldest))

    def lapsed_on(self, youngest: int, oldest: int) -> date:
        """An expiry in the past, never at the edge of grace: a demo resumed a day or two later has the same truth."""
        return self.today - timedelta(next(age for age in iter(lambda: self.rng.randint(youngest, oldest), 0) if not 27 < age < 34))

    def credential(self, person: Person, status: str, kind: str = MASSAGE, expires: date | None = None) -> Credential:
        """Give the person one credential; statuses that print no date of their own may expire before or after today."""
        rng, issued, first = self.rng, None, None
        has_dates = status not in ("PENDING", "DENIED", "APPROVED", "UNLICENSED") and not (status == "CLOSED" and expires is None)
        if has_dates:
            if expires is None and status in PERMITS:
                expires = self.day(-380, -10)
            elif expires is None and status in ("EXPIRED", *ABROAD):
                expires = self.lapsed_on(1, 7_000)
            elif expires is None:
                expires = self.day(-340, 1_500)
            issued = expires - timedelta(365)
            if issued > self.today:
                issued = self.day(0, 30)
            first = issued - timedelta(365 * rng.randint(0, 18))
        if has_dates and rng.random() < {"SUPERSEDED": 0.5}.get(status, 0.01 if status in PERMITS else 0):
            expires = None
        action = "No"
        if status in BARRED or status in ("ACTIVE ON PROBATION", "ACTIVE WITH CONDITIONS", "ACTIVE WITH RESTRICTIONS"):
            action = "Yes"
        elif rng.random() < 0.004:
            action = "Pending"
        due = expires if expires and kind != PERMIT and rng.random() < 0.8 else None
        made = Credential(kind, next(self._numbers), status, first, issued, expires, due, action, rng.random() < 0.3, rng.random() < 0.8)
        person.credentials.append(made)
        return made

    def licensed(self, kind: str) -> Person:
        """A new person of one kind; the kinds of `standing` in noise.yml and what a good standing may look like."""
        rng, person = self.rng, self.person()
        luck = rng.random()
        if kind == "absent":
            return person
        if kind == "wrong_profession":
            other = rng.choice(("Reflexologist Certification", "Reflexologist Certification", *OTHERS))
            self.credential(person, "ACTIVE", other)
        elif kind == "good":
            self._good(person)
        elif kind == "grace":
            self.credential(person, "EXPIRED", expires=self.lapsed_on(1, 27))
        elif kind == "lapsed":
            newest = self.lapsed_on(34, 365) if luck < 0.5 else self.lapsed_on(34, 2_000)
            if rng.random() < 0.06:
                self.credential(person, "EXPIRED", expires=newest - timedelta(rng.randint(400, 3_000)))
            self.credential(person, "EXPIRED", expires=newest)
            if rng.random() < 0.05:
                self.credential(person, "ACTIVE", "Reflexologist Certification")
        elif kind == "inactive":
            self.credential(person, "INACTIVE")
        elif kind == "closed":
            self.credential(person, "CLOSED", expires=self.lapsed_on(60, 1_500))
        elif kind == "barred":
            self.credential(person, rng.choice(BARRED))
        elif kind in ("retired", "deceased"):
            self.credential(person, kind.upper())
        else:
            raise ValueError(f"no such kind of person: {kind}")
        return person

    def _good(self, person: Person, luck: float | None = None) -> None:
        """A license in force, for eight people in a hundred beside another credential; `luck` below 0.08 picks one of those."""
        rng = self.rng
        luck = rng.random() if luck is None else luck
        if luck < 0.03:
            self.credential(person, "SUPERSEDED", PERMIT, expires=self.day(400, 3_000))
        elif luck < 0.055:
            old = rng.choice(("CLOSED", "EXPIRED", "EXPIRED", "SUPERSEDED"))
            self.credential(person, old, expires=self.day(400, 5_000))
        elif luck < 0.08:
            self.credential(person, rng.choice(("ACTIVE", "EXPIRED")), rng.choice(OTHERS))
        qualified = rng.random() < 0.05
        self.credential(person, rng.choice(PERMITS[1:]) if qualified else "ACTIVE")

    def background(self, rows: int) -> None:
        """Fill the roll up with `rows` rows of people nobody lists: every status at least once, three in five massage licenses."""
        rng = self.rng
        if rows < len(STATUSES):
            raise ValueError(
                f"the roll has {rows} rows left for people nobody lists and needs {len(STATUSES)}: make it larger, or list fewer"
            )
        for status in STATUSES:
            self.credential(self.person(), status, NURSE if status in ABROAD else MASSAGE)
        rows -= len(STATUSES)
        statuses, weights = list(COMMON), list(COMMON.values())
        while rows:
            person, luck = self.person(), rng.random()
            if luck < 0.08 and rows >= 3:
                before = len(person.credentials)
                self._good(person, luck)
                rows -= len(person.credentials) - before
                continue
            is_massage = rng.random() < 0.58
            status = rng.choices(statuses, weights)[0]
            kind = MASSAGE if is_massage else rng.choice(OTHERS)
            if kind == NURSE and status == "EXPIRED" and rng.random() < 0.2:
                status = rng.choice(ABROAD)
            if is_massage and status == "EXPIRED" and rng.random() < 0.03:
                kind = "Massage Practitioner License"  # the title before July 2017
            self.credential(person, status, kind)
            rows -= 1


def roll_rows(people: list[Person], rng: Random) -> list[tuple[str, ...]]:
    """The roll in Washington's 12 columns, in no order; dates are YYYYMMDD or empty, and a suffix stands in the last name."""

    def day(value: date | None) -> str:
        return f"{value.year:04d}{value.month:02d}{value.day:02d}" if value else ""

    rows: list[tuple[str, ...]] = [
        (
            each.dotted if each.is_dotted else each.plain,
            f"{person.last} {person.suffix}".rstrip(),
            person.first,
            person.middle,
            each.type,
            each.status if each.is_upper else each.status.title().replace("Wa -", "WA -").replace("Msl", "MSL"),
            str(person.birth_year),
            day(each.education_due),
            day(each.first_issued),
            day(each.issued),
            day(each.expires),
            each.action,
        )
        for person in people
        for each in person.credentials
    ]
    rng.shuffle(rows)
    return rows
