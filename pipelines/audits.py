"""Audit cards: where they lie, and what must hold of one before anybody is asked anything."""

import difflib
from pathlib import Path

from matching.professions import professions
from pipelines.models import ROOT
from scrapers.records import Refused
from scrapers.sources import Audit, load_audit


def find(name: str) -> str:
    """The audit card meant by NAME: a path, or the name of a card under ./audits or among those shipped."""
    given = Path(name)
    shelves = (Path("audits"), ROOT / "audits")
    for path in (given, *(shelf / f"{name}.yml" for shelf in shelves)):
        if path.is_file():
            return str(path)
    near = difflib.get_close_matches(given.stem, {path.stem for shelf in shelves for path in shelf.glob("*.yml")}, n=1)
    raise Refused(
        f"no audit card {name!r}: looked for that path and for audits/{name}.yml; "
        + (f"did you mean {near[0]!r}?" if near else "write one as docs/volunteer.md shows")
    )


def read(path: Path) -> Audit:
    """The audit a card describes. Refused when the card is wrong or its profession is not one we know."""
    audit = load_audit(path)
    if audit.profession not in professions():
        near = difflib.get_close_matches(audit.profession, professions(), n=1)
        hint = f"did you mean {near[0]}?" if near else "matching/professions.yml lists them"
        raise Refused(f"{path.name}: `profession` says {audit.profession}, which is not a key of matching/professions.yml; {hint}")
    return audit
