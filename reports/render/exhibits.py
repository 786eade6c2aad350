"""Exhibits as web pages and as a tagged PDF, one finding to a printed page. Texts reach both as data and are never markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from reports import spoken
from reports.exhibits import Exhibit
from reports.render import pdf
from reports.render.html import PAGES
from reports.render.text import cell

LONG = 40  # letters of a word that must be broken to fit half a page
NOT_CUT = "no bytes of the response can be shown to be this record alone, so its fields are given as they were read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What stands on every page of a bundle of exhibits."""

    title: str
    marks: Sequence[str]
    run_id: str
    made_at: str


def document(shown: Sequence[Exhibit], where: Mapping[str, str], cover: Cover) -> bytes:
    """The exhibits as PDF (PDF/UA-1); the same exhibits give the same bytes. `where`: id of a cited record → its bytes, in words."""
    return pdf.compiled(_template(), "exhibits", _cover(cover) | {"exhibits": [_data(each, where) for each in shown]}, cover.made_at)


def page(shown: Sequence[Exhibit], where: Mapping[str, str], cover: Cover) -> str:
    """The exhibits as HTML that needs nothing else; #CODE leads to each."""
    return PAGES.get_template("exhibit.html").render(_cover(cover) | {"language": "en", "exhibits": [_data(each, where) for each in shown]})


def _cover(cover: Cover) -> dict[str, Any]:
    return {"title": cell(cover.title), "marks": cell(" · ".join(cover.marks)) if cover.marks else "", "run": cell(cover.run_id)}


def _data(each: Exhibit, where: Mapping[str, str]) -> dict[str, Any]:
    at: dict[str, list[str]] = {}
    for cited in each.cited:
        at.setdefault(cited.evidence_id, []).append(f"{cited.part}, {cited.locator}: {where.get(cited.id, NOT_CUT)}")
    columns = {"The listing, as its source showed it": each.listing, "The listing it repeats": each.other, "The roll's row": each.roll}
    lists = {
        "Why listing and license are one person's": each.reasons,
        "When": [f"{day} {what}" for day, what in each.timeline],
        "Look it up yourself": each.steps,
    }
    evidence = [
        (
            f"{response.source}, {response.evidence_id}",
            f"{response.url}, fetched {response.fetched_at}, status {response.status}, {response.byte_count:,} bytes. "
            f"SHA-256 of the whole response: {response.sha256}"
            + "".join(f". Cited of it: {words}" for words in at.get(response.evidence_id, ())),
        )
        for response in each.responses
    ]
    pairs = {"Rules": each.rules, "Kept responses": evidence}
    return {
        "code": each.code,
        "title": cell(each.title),
        "under": cell(
            f"Finding {each.finding_id}, tier {spoken.each(spoken.TIERS, each.tier)}, {spoken.each(spoken.STAGES, each.stage)}. "
            f"{each.insurer}; observed on {each.observed_on}"
        ),
        "sentence": cell(each.sentence),
        "columns": [[title, _pairs(rows)] for title, rows in columns.items() if rows],
        "lists": [[title, [cell(row) for row in rows]] for title, rows in lists.items() if rows],
        "pairs": [[title, _pairs(rows)] for title, rows in pairs.items() if rows],
        "long": any(len(word) >= LONG for _, value in (*each.listing, *each.other, *each.roll) for word in value.split())
        or any(len(response.url) >= 2 * LONG for response in each.responses),
    }


_cell = lru_cache(maxsize=20_000)(cell)  # most labels and many values come again on every page


def _pairs(rows: Sequence[tuple[str, str]]) -> list[list[str]]:
    return [[_cell(label), _cell(value)] for label, value in rows]


@cache
def _template() -> bytes:
    return resources.files(__package__).joinpath("exhibit.typ").read_bytes()
