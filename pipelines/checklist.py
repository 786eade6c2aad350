"""What the public pages of a directory let anybody see, observed on the pages kept and said only of them.

What was looked for and not found was "not seen on the pages kept", never missing: a person looks again, on the form that
reports.checklist makes. What pages that were kept cannot show at all is not observable.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines import warehouse
from scrapers import page_text
from scrapers.evidence import Archive
from scrapers.records import Evidence, Source
from scrapers.visit import is_online

OBSERVED, UNSEEN, UNOBSERVABLE = "observed", "not observed", "not observable"
PAGES = 40  # of a directory's pages that are read for phrases: the first ones and others spread evenly; they share one frame
WEBSITES = ("website", "saved_page")

_WRONG = r"\b(?:error|inaccura\w+|incorrect|mistake|wrong|out[- ]of[- ]date|outdated|not correct|corrections?)\b"
_TELL = r"\b(?:report|let us know|tell us|notify us|contact us|call us|e-?mail us|suggest|submit|send us)\b"
_DATE = (
    r"(?:\d{1,2}/\d{1,2}/(?:20)?\d\d|20\d\d-\d\d-\d\d|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? (?:\d{1,2}(?:st|nd|rd|th)?,? )?20\d\d)"
)
PHRASES: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "report_error": (
        "A way to report an error",
        re.compile(rf"{_TELL}[^.?!]{{0,80}}{_WRONG}|{_WRONG}[^.!]{{0,80}}{_TELL}", re.IGNORECASE),
    ),
    "provider_changes": (
        "A way for providers to report changes",
        re.compile(
            r"\b(?:providers?|practitioners?|therapists?|clinicians?)\b[^.!]{0,80}\b(?:update|change|correct|edit|attest)\b[^.!]{0,40}"
            r"\b(?:information|listing|details|profile|directory|data)\b",
            re.IGNORECASE,
        ),
    ),
    "dated": (
        "A date that says how current it is",
        re.compile(rf"\b(?:updated|as of|refreshed|revised|verified|accurate on)\b[^.!?]{{0,30}}?\b{_DATE}", re.IGNORECASE),
    ),
}
FIELDS = {
    "name": "coalesce(name, first, last, organization)",
    "address": "coalesce(address, address_2)",
    "telephone": "phone",
    "specialty": "specialty",
}


def rows(con: warehouse.Connection, archive: Archive, sources: Sequence[Source]) -> Iterator[dict[str, Any]]:
    """Rows of parsed.checklist: every item that can be observed, of the newest capture of each website."""
    for source in sources:
        if source.surface in WEBSITES:
            pages = archive.evidence(archive.snapshots(source.name)[-1])
            for item, (observed, said, evidence, excerpt) in _items(con, archive, source, pages).items():
                yield {
                    "source_id": source.name,
                    "snapshot_id": pages[0].snapshot_id,
                    "item": item,
                    "observed": observed,
                    "said": said,
                    "evidence_id": evidence,
                    "excerpt": excerpt,
                }


Seen = tuple[str, str, str | None, str | None]  # observed, in a sentence, the response that shows it, its words


def _items(con: warehouse.Connection, archive: Archive, source: Source, pages: Sequence[Evidence]) -> dict[str, Seen]:
    return {
        "no_login": _open(source, pages),
        **_phrases(archive, pages),
        **_listings(con, source, pages[0].snapshot_id),
    }


def _open(source: Source, pages: Sequence[Evidence]) -> Seen:
    if not is_online(source):
        return UNOBSERVABLE, "The pages were saved by a person; they do not tell whether an account was used.", None, None
    if "access" in source.options:
        return UNOBSERVABLE, "The pages were read with a token, so they do not tell whether anybody can see them.", pages[0].id, None
    return OBSERVED, f"{len(pages):,} pages answered a visitor who had no account and gave no policy number.", pages[0].id, None


def _phrases(archive: Archive, pages: Sequence[Evidence]) -> dict[str, Seen]:
    web = [page for page in pages if page_text.is_html(archive.head(page, 256))]
    if not web:
        return dict.fromkeys(PHRASES, (UNOBSERVABLE, "No web page was kept, only the data behind one.", None, None))
    looked = _spread(web, PAGES)
    found: dict[str, Seen] = {}
    for page in looked:
        if len(found) == len(PHRASES):
            break
        words = page_text.words(archive.read(page))
        for item, (what, pattern) in PHRASES.items():
            if item not in found and (match := pattern.search(words)):
                found[item] = OBSERVED, f"{what} was seen.", page.id, match.group()[:200]  # what stands beside it may be a person's
    return {
        item: found.get(item, (UNSEEN, f"{what} was not seen on the {len(looked):,} pages read of {len(pages):,} kept.", None, None))
        for item, (what, _) in PHRASES.items()
    }


def _spread(pages: Sequence[Evidence], count: int) -> list[Evidence]:
    """The page asked first, and others at even distances through the rest."""
    first = min(pages, key=lambda page: (page.fetched_at, page.url))
    rest = [page for page in pages if page is not first]
    step = max(1.0, len(rest) / (count - 1))
    return [first, *(rest[int(at * step)] for at in range(min(len(rest), count - 1)))]


def _listings(con: warehouse.Connection, source: Source, snapshot: str) -> dict[str, Seen]:
    counts = ", ".join(f"count({each}) as {name}" for name, each in FIELDS.items())
    every = " is not null and ".join(FIELDS.values()) + " is not null"
    shown = warehouse.table(
        con,
        f"select count(*) as listings, count(network) as network, {counts}, any_value(evidence_id) as any_page, "
        "min(evidence_id) filter (network is not null) as network_page, min(evidence_id) filter (specialty is not null) as specialty_page, "
        f"min(evidence_id) filter ({every}) as whole_page from parsed.listing where snapshot_id = $id",
        {"id": snapshot},
    )[0]
    listings = shown["listings"]
    if not listings:
        return dict.fromkeys(
            ("networks_named", "specialty", "required_fields"), (UNOBSERVABLE, "No listing was read from the pages kept.", None, None)
        )
    networks = UNSEEN, f"None of {listings:,} listings read names its network; our card had to say which it is.", shown["any_page"], None
    if shown["network"] and source.network is None:
        networks = OBSERVED, f"{shown['network']:,} of {listings:,} listings read name their network.", shown["network_page"], None
    fill = ", ".join(f"{name} on {shown[name] / listings:.0%}" for name in FIELDS)
    are_usual = all(shown[name] > listings / 2 for name in FIELDS)  # as missing_required_field asks
    specialty = shown["specialty"] > listings / 2
    return {
        "networks_named": networks,
        "specialty": (
            OBSERVED if specialty else UNSEEN,
            f"{shown['specialty']:,} of {listings:,} listings read show a specialty.",
            shown["specialty_page"],
            None,
        ),
        "required_fields": (OBSERVED if are_usual else UNSEEN, f"Of {listings:,} listings read: {fill}.", shown["whole_page"], None),
    }
