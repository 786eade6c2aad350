"""The one door to the ledger: what people did, each entry with who did it and when, chained by hashes and never changed.

The chain of entries is the only truth; ledger.* in a run's database is a copy of it. An entry names people by pseudonym, a keyed hash of
their name. Names, e-mail addresses and telephone numbers stand in a table aside that can be erased; the chain stays whole without it.
SQLite (DATA/ledger.sqlite) or PostgreSQL (ROLLCALL_LEDGER). Writers wait for one another: BEGIN IMMEDIATE, or an advisory lock.
"""

import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from pipelines import models, warehouse
from pipelines.runs import Stopped
from pipelines.settings import Settings
from scrapers.records import Refused

FIRST = "0" * 64  # what the first entry stands on
LOCK = 0x726F6C6C  # the advisory lock of all writers in PostgreSQL
SHAPE = sa.MetaData()
ENTRY = sa.Table(
    "entry",
    SHAPE,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON
    sa.Column("person", sa.Text, nullable=False),  # pseudonym
    sa.Column("at", sa.Text, nullable=False),  # ISO 8601, UTC: the very letters that are hashed
    sa.Column("previous", sa.Text, nullable=False, unique=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)
CONTACT = sa.Table(
    "contact",
    SHAPE,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("telephone", sa.Text),
)
SALT = sa.Table("salt", SHAPE, sa.Column("salt", sa.Text, primary_key=True))
STAYS = "entries of the ledger are never changed"
GUARDS = {
    "sqlite": [
        f"create trigger entry_{verb}_refused before {verb} on entry begin select raise(abort, '{STAYS}'); end"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        f"create or replace function entry_stays() returns trigger language plpgsql as $$begin raise exception '{STAYS}'; end$$",
        "create trigger entry_refused before update or delete or truncate on entry for each statement execute function entry_stays()",
    ],
}
GUARDED = {
    "sqlite": "select name from sqlite_master where type = 'trigger' and tbl_name = 'entry'",
    "postgresql": "select tgname from pg_trigger where tgrelid = to_regclass('entry') and tgenabled <> 'D'",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that one person did, as it stands in the chain."""

    sequence: int  # from 1, without a gap
    id: str  # hash of its kind and of what makes it this deed and no other
    kind: str  # a table of ledger.*, or erasure
    content: Mapping[str, Any]
    person: str  # pseudonym
    at: datetime  # when it was entered, UTC
    previous: str  # hash of the entry before
    hash: str


@dataclass(frozen=True, slots=True)
class Contact:
    """How a person is reached, kept aside so that it can be erased."""

    person: str  # pseudonym
    name: str
    email: str | None = None
    telephone: str | None = None


class Writer:
    """The ledger while one writer holds it; everything entered appears together when its block ends, or nothing does."""

    def __init__(self, con: sa.Connection, now: datetime) -> None:
        self._con, self._at = con, now.astimezone(UTC).isoformat()
        rows = _rows(con)
        self._known = {row.id: row for row in rows}
        self._head = (rows[-1].sequence, rows[-1].hash) if rows else (0, FIRST)
        self._new: list[dict[str, Any]] = []
        self._erased = {row.content["person"] for row in rows if row.kind == "erasure"}
        self._contacts = {row.person for row in con.execute(sa.select(CONTACT.c.person))}
        salt = con.execute(sa.select(SALT.c.salt)).scalar()
        if salt is None:
            salt = secrets.token_hex(32)
            con.execute(SALT.insert().values(salt=salt))
        self._salt = bytes.fromhex(salt)

    def pseudonym(self, name: str) -> str:
        """The pseudonym of a name, however it is spaced and capitalised; the name is kept among the contacts unless it was erased.

        A pseudonym of this ledger, as we print it for one who was erased, stays what it is.
        """
        if name in self._contacts | self._erased:
            return name
        folded = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        person = "p" + hmac.new(self._salt, folded.encode(), "sha256").hexdigest()[:15]
        if person not in self._contacts | self._erased:
            self._con.execute(CONTACT.insert().values(person=person, name=" ".join(name.split())))
            self._contacts.add(person)
        return person

    def known(self, id: str) -> Entry | None:
        """The entry of that id as it stood when this writer began."""
        return self._known.get(id)

    def enter(self, kind: str, content: Mapping[str, Any], person: str, same: object = None) -> tuple[str, bool]:
        """Append one deed of a pseudonym: (its id, whether it is new). `same`: what makes two deeds one, else who did it and all of it."""
        id = hashlib.sha256(canonical([kind, same or [person, content]]).encode()).hexdigest()[:16]
        if id in self._known:
            return id, False
        sequence, previous = self._head
        row = {"sequence": sequence + 1, "entry_id": id, "kind": kind, "content": canonical(content), "person": person}
        row |= {"at": self._at, "previous": previous}
        row["hash"] = _hash(row)
        self._head = (sequence + 1, str(row["hash"]))
        self._known[id] = _entry(row)
        self._new.append(row)
        return id, True

    def reach(self, name: str, email: str | None, telephone: str | None) -> bool | None:
        """Keep how a person is reached; whether that is new, or None for one who asked to be erased."""
        person = self.pseudonym(name)
        if person in self._erased:
            return None
        said = {"email": email, "telephone": telephone}
        held = self._con.execute(sa.select(CONTACT.c.email, CONTACT.c.telephone).where(CONTACT.c.person == person)).one()
        given = {key: value for key, value in said.items() if value is not None}
        if all(held._mapping[key] == value for key, value in given.items()):
            return False
        self._con.execute(CONTACT.update().where(CONTACT.c.person == person).values(**given))
        return True

    def erase(self, name: str, entered_by: str) -> bool:
        """Erase name, e-mail and telephone of a person, and enter that it was done; the deeds stay, under the pseudonym."""
        person = self.pseudonym(name)
        self._con.execute(CONTACT.delete().where(CONTACT.c.person == person))
        self._contacts.discard(person)
        self._erased.add(person)
        actor = person if entered_by == name else self.pseudonym(entered_by)
        return self.enter("erasure", {"person": person}, actor, {"person": person})[1]

    def close(self) -> None:
        """Write what was entered."""
        if self._new:
            self._con.execute(ENTRY.insert(), self._new)


@contextmanager
def writing(settings: Settings, now: datetime) -> Iterator[Writer]:
    """The ledger, held for one writer; made where there is none. What another writer entered meanwhile is waited for."""
    with _opened(settings, writing=True) as con:
        _make(con)
        writer = Writer(con, now)
        yield writer
        writer.close()


def entries(settings: Settings) -> list[Entry]:
    """Every entry in order, the chain verified; none where there is no ledger. Raises Stopped that names the first wrong one."""
    if not _exists(settings):
        return []
    with _opened(settings) as con:
        return _rows(con) if sa.inspect(con).has_table("entry") else []


def verify(settings: Settings, heads: Sequence[str] = ()) -> int:
    """How many entries the chain has, every hash made anew; raises Stopped that names the first wrong one.

    A chain cannot show that its end was cut off. `heads` are hashes that runs noted (curated.run.ledger_head); one that is gone shows it.
    """
    found = entries(settings)
    gone = [head for head in heads if head not in {entry.hash for entry in found}]
    if gone:
        raise Stopped(f"the ledger lost entries: a run rests on the entry with hash {gone[0][:16]}…, which is gone; restore it from a copy")
    return len(found)


def unguarded(settings: Settings) -> list[str]:
    """The guards against changes that the ledger has lost; none where there is no ledger."""
    if not _exists(settings):
        return []
    with _opened(settings) as con:
        wanted = re.findall(r"create trigger (\w+)", " ".join(GUARDS[con.dialect.name])) if sa.inspect(con).has_table("entry") else []
        there = set(con.exec_driver_sql(GUARDED[con.dialect.name]).scalars())
    return [name for name in wanted if name not in there]


def contacts(settings: Settings) -> list[Contact]:
    """How people are reached, for those who write to them."""
    if not _exists(settings):
        return []
    with _opened(settings) as con:
        found = con.execute(sa.select(CONTACT).order_by(CONTACT.c.person)) if sa.inspect(con).has_table("contact") else ()
        return [Contact(row.person, row.name, row.email, row.telephone) for row in found]


def names(settings: Settings) -> dict[str, str]:
    """Pseudonym → name, of everybody who did not ask to be erased."""
    return {each.person: each.name for each in contacts(settings)}


def declared(settings: Settings, audit: str) -> tuple[str, ...]:
    """The names, in clear, of those who declared an interest or that they have none: signers as they signed, others as they are kept."""
    found = entries(settings)
    told = {entry.content["person"] for entry in found if entry.kind == "interest" and entry.content["audit"] == audit}
    signed = {str(entry.content["name"]) for entry in found if entry.kind == "sign_off" and entry.person in told}
    return tuple(sorted(signed | {each.name for each in contacts(settings) if each.person in told}))


def copy(con: warehouse.Connection, settings: Settings) -> str | None:
    """Fill ledger.* of an open run from the ledger, and note its head, the hash of its last entry, in curated.run; None where it is empty.

    With `settings.until`, what was entered up to that day (UTC).
    """
    found = [entry for entry in entries(settings) if settings.until is None or entry.at.date() <= settings.until]
    for card in models.load("pipelines/sql/ledger", "ledger"):
        kind = card.name.removeprefix("ledger.")
        con.execute(f"delete from {card.name}")
        warehouse.fill(con, card.name, card.types, [row for entry in found if entry.kind == kind for row in _copied(entry)])
    head = found[-1].hash if found else None
    con.execute("update curated.run set ledger_head = $head::text", {"head": head})
    return head


def _copied(entry: Entry) -> Iterator[dict[str, Any]]:
    """The rows of ledger.* that one entry makes: one, and of a draw one for each record drawn."""
    if entry.kind == "draw":
        yield from ({"sample_id": entry.content["sample_id"], **row} for row in entry.content["drawn"])
        return
    yield {"by": entry.person, **entry.content, f"{entry.kind}_id": entry.id, "at": warehouse.utc(when(entry))}


def when(entry: Entry) -> datetime:
    """When it was done, UTC: as was said, else when it was entered, and never later. A day without its hour counts from its end."""
    said = entry.content.get("at")
    if said is None:
        return entry.at
    is_moment = len(said) > len("2026-11-20")
    day = datetime.fromisoformat(said)
    return min(entry.at, day.astimezone(UTC) if is_moment else datetime.combine(day, time(23, 59, 59), UTC))


def canonical(content: object) -> str:
    """JSON of which there is one form only.

    >>> canonical({"b": 1, "a": "é"})
    '{"a":"\\\\u00e9","b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _rows(con: sa.Connection) -> list[Entry]:
    """Every entry in order; raises Stopped at the first that does not follow from the one before."""
    found, previous = [], FIRST
    for place, each in enumerate(con.execute(sa.select(ENTRY).order_by(ENTRY.c.sequence)), 1):
        row = each._asdict()
        if row["sequence"] != place:
            raise Stopped(f"the ledger was changed: entry {place} is gone; restore it from a copy")
        if row["previous"] != previous or row["hash"] != _hash(row):
            raise Stopped(
                f"the ledger was changed: entry {place} ({row['kind']} {row['entry_id']}, {row['at']}) is not what was entered; "
                "restore it from a copy"
            )
        previous = row["hash"]
        found.append(_entry(row))
    return found


def _hash(row: Mapping[str, Any]) -> str:
    said = [row[name] for name in ("sequence", "entry_id", "kind", "content", "person", "at", "previous")]
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def _entry(row: Mapping[str, Any]) -> Entry:
    content, at = json.loads(row["content"]), datetime.fromisoformat(row["at"])
    return Entry(row["sequence"], row["entry_id"], row["kind"], content, row["person"], at, row["previous"], row["hash"])


def _make(con: sa.Connection) -> None:
    """The tables and their guards, where they are not there yet; the writer's lock is held."""
    if not sa.inspect(con).has_table("entry"):
        SHAPE.create_all(con)
        for guard in GUARDS[con.dialect.name]:
            con.exec_driver_sql(guard)


def _exists(settings: Settings) -> bool:
    url = _url(settings)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _url(settings: Settings) -> sa.URL:
    """Where the ledger is. What people do about an invented state stays beside it, whatever the environment says."""
    if settings.ledger is None or (settings.data / "invented.json").exists():
        return sa.URL.create("sqlite", database=str(settings.data / "ledger.sqlite"))
    try:
        url = sa.make_url(settings.ledger)
    except ArgumentError:
        raise Refused("ROLLCALL_LEDGER is no address of a database; expected postgresql://USER@HOST/NAME") from None
    if url.get_backend_name() not in GUARDS:
        raise Refused(f"ROLLCALL_LEDGER names a {url.get_backend_name()} database; expected postgresql://USER@HOST/NAME")
    return url if url.get_backend_name() == "sqlite" else url.set(drivername="postgresql+psycopg")


@contextmanager
def _opened(settings: Settings, writing: bool = False) -> Iterator[sa.Connection]:
    """One transaction; a writer's holds off all others from its first statement on."""
    url = _url(settings)
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        if is_sqlite:
            engine = sa.create_engine(url, connect_args={"timeout": 60}, poolclass=sa.NullPool)
            if writing:
                Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
            sa.event.listen(engine, "connect", _prepare)
            sa.event.listen(engine, "begin", lambda con: con.exec_driver_sql("begin immediate" if writing else "begin"))
        else:
            engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="READ COMMITTED")
    except (NoSuchModuleError, ModuleNotFoundError):
        raise Refused("ROLLCALL_LEDGER names PostgreSQL, and its driver is not installed; install rollcall[postgres]") from None
    try:
        with engine.begin() as con:
            if writing and not is_sqlite:
                con.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            yield con
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines()
        where = url.render_as_string(hide_password=True)
        raise Refused(f"the ledger {where} says: {said[0] if said else error}; nothing was written, see that it can be reached") from error
    finally:
        engine.dispose()


def _prepare(connection: Any, _: object) -> None:
    """What is committed outlives a power cut; readers never wait. The driver begins no transaction of its own."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.execute("pragma synchronous = full")
    cursor.close()
