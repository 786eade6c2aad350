"""Whether a visit to a FHIR server is whole: what came beside what the server counted, promised, and referred to."""

from array import array
from collections import defaultdict
from collections.abc import Collection
from urllib.parse import urljoin

from scrapers.formats import _fhir
from scrapers.formats._fhir import ACCEPTING, ROLE, TYPES, Context
from scrapers.formats._fhir_pages import Answer
from scrapers.reading import Unreadable

CLAMP = 10_000  # where search engines stop counting, and often stop
LOST = 0.05  # share of the resources of a type referred to that may lead nowhere
ALWAYS_THERE = ("Practitioner", "Location")  # without which a directory says nothing; some servers have no Organization at all


class Tally:
    """How many different texts there are, in eight bytes for each that comes."""

    def __init__(self) -> None:
        self._parts = [array("q") for _ in range(256)]

    def add(self, text: str) -> None:
        number = hash(text)
        self._parts[number & 255].append(number)

    def count(self) -> int:
        return sum(len(set(part)) for part in self._parts)

    def missing_from(self, other: "Tally") -> int:
        return sum(len(set(mine) - set(theirs)) for mine, theirs in zip(self._parts, other._parts, strict=True))


class Census:
    """Everything a visit brought, counted. `bases`: the server's addresses; `kinds`: the types it was asked for."""

    def __init__(self, bases: tuple[str, ...], kinds: Collection[str] = TYPES) -> None:
        self._kinds = kinds
        self._context = Context("9999", dict(ACCEPTING), bases)
        self._given: defaultdict[str, Tally] = defaultdict(Tally)  # by type
        self._referred: defaultdict[str, Tally] = defaultdict(Tally)
        self._found: defaultdict[tuple[str, int], Tally] = defaultdict(Tally)  # by search and turn
        self._totals: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self._lines: defaultdict[str, int] = defaultdict(int)
        self._promised: dict[str, int] = {}  # by address of an export's file
        self._pages: defaultdict[tuple[str, int], list[tuple[int, bool]]] = defaultdict(list)  # (resources on it, has it a next link)
        self._cut: str | None = None

    def take(self, url: str, search: str, turn: int, answer: Answer) -> None:
        """Count one answer; `search` is empty for what was not searched for page by page."""
        self._promised |= {urljoin(url, each): said for kind, each, said in answer.files or () if said is not None and kind in self._kinds}
        self._lines[url] += len(answer.resources)
        if search:
            found = self._found[search, turn]
            self._totals[search, turn] += [] if answer.total is None else [answer.total]
            self._pages[search, turn].append((len(answer.resources), answer.next is not None))
        elif answer.next and ("participating-organization=" in url or len(answer.resources) < url.count(",") + 1):
            self._cut = url
        for where, resource in answer.resources:
            key = _fhir.key_of(where, resource)
            if key is None:
                continue
            kind = key.partition("/")[0]
            self._given[kind].add(key)
            if search.split(" ")[0] == kind:
                found.add(key)
            try:
                for row in _fhir.rows(where, resource, self._context):
                    for reference in _fhir.references(row):
                        self._referred[reference.partition("/")[0]].add(reference)
            except Unreadable:
                continue  # there all the same; stated as a problem when the snapshot is read

    @property
    def has_roles(self) -> bool:
        return self._given[ROLE].count() > 0

    def lack(self, trusts_totals: bool) -> str | None:
        """Why this is not everything; None where nothing says so."""
        if self._cut:
            return f"{self._cut} gives fewer resources at once than it was asked for; list the type under `resources:`"
        last = {search: max(turn for each, turn in self._found if each == search) for search, _ in self._found}
        for search, turn in sorted(last.items()):
            count, said = self._found[search, turn].count(), min(self._totals[search, turn], default=0)
            if count < said and trusts_totals:
                return (
                    f"of {said:,} resources that the server counts for {search} it gave {count:,}; "
                    "say `totals: wrong` if the server is known to count wrongly"
                )
            if all(has_next for _, has_next in self._pages[search, turn]):
                return f"the next link of the last page of {search} was not followed"
            if not said or not trusts_totals:
                hollow = [has_next for size, has_next in self._pages[search, turn] if not size]
                if any(hollow) or (trusts_totals and count and hollow):
                    return (
                        f"a page of {search} came back empty, which may be a gap, and no total says that nothing is missing; "
                        "collect again, or say `totals: wrong` if the last page of this server is always empty"
                    )
            if count == CLAMP and said in {0, CLAMP}:
                return f"{search} ends at exactly {CLAMP:,}, as on servers that show no more; divide it by `search:`"
        for url, said in self._promised.items():
            if self._lines[url] < said and trusts_totals:
                return f"the export promised {said:,} resources in {url}, and it has {self._lines[url]:,}"
        for kind, referred in sorted(self._referred.items()):
            lost, asked = referred.missing_from(self._given[kind]), referred.count()
            if (kind in ALWAYS_THERE or self._given[kind].count()) and lost > LOST * asked:
                return f"{lost:,} of the {asked:,} resources of type {kind} that roles refer to are not among those the server gave"
        return None
