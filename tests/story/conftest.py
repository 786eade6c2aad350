"""One small invented state, served for the whole session, and one undisturbed run of its audit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from simulation import cards, sites, world
from tests.story.command import published, rollcall
from tests.story.volunteer import Volunteer


@dataclass(frozen=True)
class Invented:
    """The state, its servers, its audit card, and a data folder in which that audit ran undisturbed."""

    world: world.World
    sites: sites.Sites
    card: Path
    data: Path

    @property
    def database(self) -> Path:
        return published(self.data, cards.AUDIT)


@pytest.fixture(scope="session")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invented]:
    home = tmp_path_factory.mktemp("invented")
    state = world.build(2022, 150, 3_000, today=datetime.now(UTC).date())
    with sites.serve(state) as up:
        card = cards.write(state, up.urls, home / "cards")
        slow = home / "cards" / "alder_mutual.yml"  # a visit that takes a second or two, so that it can be killed half way
        said = yaml.safe_load(slow.read_text(encoding="utf-8"))
        said["visit"]["pause_seconds"] = 0.3
        slow.write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
        done = rollcall("run", card, "--data", home / "data")
        assert done.status == 0, done.err
        yield Invented(state, up, card, home / "data")


@pytest.fixture
def volunteer(tmp_path: Path) -> Volunteer:
    return Volunteer(tmp_path)
