"""Three invented insurers, and a line of a directory with what is true of it beside what it shows."""

from dataclasses import dataclass, field

from simulation.people import Person
from simulation.places import Place


@dataclass(frozen=True, slots=True)
class Insurer:
    """A directory, and how large it is beside the largest. How often it prints which number stands in noise.yml."""

    name: str
    title: str
    size: float
    networks: tuple[str, ...]

    @property
    def shows_practice(self) -> bool:
        """The CMS file names a person or a practice, never both."""
        return self.name != "birch_health"


INSURERS = (
    Insurer("alder_mutual", "Alder Mutual", 1.0, ("Alder Open", "Alder Select", "Alder Community")),
    Insurer("birch_health", "Birch Health", 0.8, ("Birch Core", "Birch Plus")),
    Insurer("cedar_plan", "Cedar Plan", 0.5, ("Cedar Basic",)),
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
