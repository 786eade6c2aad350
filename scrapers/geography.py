"""Files of facts beside an audit card: the state's counties, the regulator's list of urban counties, people enrolled by county."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scrapers.card import CardMap
from scrapers.records import Refused

SHIPPED = Path(__file__).parents[1] / "states" / "geography"
KEYS = ("geography", "urban_counties", "enrollment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Where an audit's facts about places lie; None where there are none, and then nothing is said that needs them."""

    geography: Path | None = None  # a folder: county.csv, zcta.csv, facts.yml and perhaps counties.topojson
    urban_counties: Path | None = None
    enrollment: Path | None = None

    @property
    def sha256(self) -> str:
        """Of every file's name and bytes: a changed file is another question."""
        return hashlib.sha256(
            b"".join(hashlib.sha256(path.name.encode() + path.read_bytes()).digest() for path in self.files())
        ).hexdigest()

    def files(self) -> Iterator[Path]:
        """Every file there is, in a fixed order."""
        if self.geography:
            names = ("county.csv", "zcta.csv", "facts.yml", "counties.topojson")
            yield from (path for path in (self.geography / name for name in names) if path.is_file())
        yield from (path for path in (self.urban_counties, self.enrollment) if path)


def of_card(card: CardMap, folder: Path, state: str) -> Facts:
    """What an audit card names, relative to it; without `geography` the one shipped for its state, where there is one."""
    named = {key: folder / card.text(key) if card.text(key) else None for key in KEYS}
    for key, path in named.items():
        if path and not (path.is_dir() if key == "geography" else path.is_file()):
            kind = "folder" if key == "geography" else "file"
            raise Refused(f"{card.where}: `{key}` names {card.text(key)}, and there is no such {kind} beside the card; mend the path")
    shipped = SHIPPED / state.lower()
    return Facts(
        geography=named["geography"] or (shipped if shipped.is_dir() else None),
        urban_counties=named["urban_counties"],
        enrollment=named["enrollment"],
    )
