"""A volunteer: a folder with cards and files in it, an audit, and the command run beside them."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.scrapers.site import Reply
from tests.story.command import Said, rollcall

AUDIT = """
title: Massage therapy directories
state: WA
profession: massage_therapist
insurers: [{insurers}]
"""
TABLE = """
title: Evergreen Mutual, a list
kind: insurer
surface: file
network: Cascade Silver
format: table
start: {start}
columns: {{name: Provider, address: Street, city: City, zip: Zip, phone: Phone}}
visit: {{pause_seconds: 0}}
"""
PROVIDERS = """
title: Birch Health, its machine-readable file
kind: insurer
surface: api
network: Birch Bronze
format: cms_json
start: {start}
visit: {{pause_seconds: 0}}
"""
PAGES = """
title: Alder Mutual, its web pages
kind: insurer
surface: website
network: Alder Gold
format: cards
cards: {{block: article, next: "a[rel=next]", fields: {{name: h3}}}}
start: {start}
visit: {{pause_seconds: 0}}
"""
ROLL = """
title: The roll
kind: license_roll
state: WA
format: table
start: roll.csv
as_of: {as_of}
columns: {{number: Number, last: Last, first: First, type: Type, status: Status, expires: Expires}}
license_key: {{pattern: '(?P<prefix>MA)(?P<digits>[0-9]+)', digits: 8}}
words:
  status:
    ACTIVE: {{status: active, may_practice: true}}
    EXPIRED: {{status: expired, may_practice: false}}
"""
HEADER = "Provider,Street,City,Zip,Phone\n"
LIST = HEADER + "".join(f"Rowan Ashdale {chr(64 + n)},{n} Alder St,Tacoma,98402,253-555-01{n:02}\n" for n in range(1, 11))


class Volunteer:
    """A folder with cards and files in it, and the command run beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"

    def has(self, **files: str | bytes) -> None:
        """Files by name; an underscore before the ending stands for the dot."""
        for name, content in files.items():
            path = self.folder / ".".join(name.rsplit("_", 1))
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def audits(self, **cards: str) -> None:
        """An audit of the insurers with these cards."""
        self.has(audit_yml=AUDIT.format(insurers=", ".join(f"./{name}.yml" for name in cards)))
        self.has(**{f"{name}_yml": card for name, card in cards.items()})

    def runs(self, *more: str) -> Said:
        return rollcall("run", self.folder / "audit.yml", "--data", self.data, *more)

    def collects(self) -> Said:
        return rollcall("collect", self.folder / "audit.yml", "--data", self.data)

    def curates(self) -> Said:
        return rollcall("curate", self.folder / "audit.yml", "--data", self.data)

    def is_told(self, status: int, *words: str) -> None:
        """The run ends so: one sentence with these words, and nothing published."""
        done = self.runs()
        assert done.status == status, done.err
        assert [word for word in words if word not in done.sentence] == [], done.sentence
        assert not (self.data / "curated" / "audit" / "current").exists()


def card_page(name: str, after: str | None = None) -> Reply:
    """A page of a directory with one listing on it."""
    link = f'<a rel="next" href="{after}">Next</a>' if after else ""
    body = f"<!doctype html><title>Find care</title><article><h3>{name}</h3></article>{link}"
    return Reply(body=body.encode(), headers={"Content-Type": "text/html"})


def roll(*lines: str) -> str:
    return "Number,Last,First,Type,Status,Expires\n" + "".join(line + "\n" for line in lines)


def wait(is_time: Callable[[], bool], seconds: float = 60) -> None:
    """Until it is time."""
    until = time.monotonic() + seconds
    while not is_time():
        assert time.monotonic() < until, "the moment never came"
        time.sleep(0.002)
