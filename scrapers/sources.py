"""Cards: what a person writes about a source or an audit, found, checked to the last key and made into nouns.

A bad card is Refused with the file, the key as written and the nearest right one.
"""

import hashlib
import importlib
import importlib.util
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn
from urllib.parse import urlsplit

from scrapers import access, drop, geography
from scrapers.card import CardMap, one_of, pattern, read_card
from scrapers.reading import NOUNS, advice, check_names, folded, nearest
from scrapers.records import Refused, Source

HERE = Path(__file__).parent
SHELVES = ("insurers", "license_rolls", "registries")
KINDS = ("insurer", "license_roll", "registry", "exclusion", "participation")
EVIDENCE = ("registry", "exclusion", "participation")  # kinds an audit card lists under `registries`
SURFACES = ("website", "api", "file", "pdf", "saved_page")
READERS = ("commissioner", "insurer", "therapist", "legislator", "public", "patient")
COMPLETENESS = ("full_history", "current_and_lapsed", "active_only")  # what "not found on this roll" means
ENCODINGS = ("utf-8", "latin-1", "windows-1252", "utf-16")
STATUSES = (
    *("active", "active_restricted", "active_limited", "expired", "inactive", "suspended", "revoked", "surrendered", "terminated"),
    *("denied", "retired", "deceased", "pending", "closed", "superseded", "military", "unknown"),
)
STANDING = ("verified_on", "terms", "blocked")  # what became of a publication itself; a copy downloaded by hand has none of it
OPTIONS = (
    "patterns",
    "name_order",
    "encoding",
    "completeness",
    "access",
    "saved",
    *STANDING,
)  # of every format; a format adds its own KEYS
SOURCE_KEYS = (
    *("title", "kind", "state", "surface", "insurer", "networks", "format", "start", "network", "as_of"),
    *("columns", "words", "license_key", "like", "ignore", "visit", "expect"),
)
INSURER_KEYS = ("legal_name", "naic", "waoic")
NETWORK_KEYS = ("line", "regulator", "filed_as")
EVERY = {"day": 2, "week": 10, "month": 45, "quarter": 120}  # days after which a source visited `every` so often is late
AUDIT_KEYS = ("title", "by", "state", "profession", "roll", "insurers", "registries", "grace_days", "publish", *geography.KEYS)
LAYOUT = ("delimiter", "quote", "header", "widths", "sheet", "constants")  # of a table; it is the same in a copy of it
TAKEN_BY_LIKE = ("state", "columns", "words", "ignore", "license_key", *(key for key in OPTIONS if key not in STANDING), *LAYOUT)
STEM = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d)$)[a-z0-9][a-z0-9_-]{0,32}", re.IGNORECASE)  # it names a folder on every system


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One question put to some insurers: whose listings, beside which roll, for which profession."""

    name: str  # the card's stem
    title: str
    by: str | None  # who makes it, as its letters say; None: printed as not named
    state: str
    profession: str
    roll: Source | None  # None: no question about licenses is asked
    insurers: tuple[Source, ...]
    registries: tuple[Source, ...]  # optional evidence: registries, exclusion lists, insurers' own in-network files
    grace_days: int  # how young a lapse must be to be left alone
    publish: tuple[str, ...]
    folder: Path
    facts: geography.Facts  # files about places

    @property
    def sources(self) -> tuple[Source, ...]:
        """Everything to be visited: the roll first, then the insurers, then the registries."""
        return (*((self.roll,) if self.roll else ()), *self.insurers, *self.registries)


def catalogue() -> list[Source]:
    """Every source whose card is shipped, by name."""
    return [load(name, HERE) for name in sorted(_shipped())]


def load(name_or_path: str, relative_to: Path) -> Source:
    """The source of that catalogue name, or of the card at that path."""
    path, name = _find(name_or_path, relative_to)
    content = dict(CardMap(read_card(path), path.name, None).content)
    if content.get("like") is not None:
        content = _like(CardMap(content, path.name, None).text("like", required=True), path) | content
    return _source(name, path, content)


def load_audit(path: Path) -> Audit:
    """The audit that a card describes, with every source it names."""
    if not path.is_file():
        _missing(path.name, [each.name for each in path.parent.glob("*.yml")])
    card = CardMap(read_card(path), path.name, AUDIT_KEYS)
    stem = _stem(path)
    roll_name = card.text("roll")
    roll = load(roll_name, path.parent) if roll_name else None
    if roll and roll.kind != "license_roll":
        raise Refused(f"{path.name}: `roll` is {roll.name}, which is a card of kind {roll.kind}; expected a license_roll")
    insurers = tuple(load(each, path.parent) for each in card.texts("insurers"))
    if not insurers:
        raise Refused(f"{path.name}: `insurers` is empty; name at least one source whose listings are to be read")
    for insurer in insurers:
        if insurer.kind != "insurer":
            raise Refused(f"{path.name}: `insurers` names {insurer.name}, which is a card of kind {insurer.kind}; expected an insurer")
    registries = tuple(load(each, path.parent) for each in card.texts("registries"))
    for each in registries:
        if each.kind not in EVIDENCE:
            raise Refused(f"{path.name}: `registries` names {each.name}, a card of kind {each.kind}; expected one of {', '.join(EVIDENCE)}")
    names = [each.name for each in (*insurers, *registries, *([roll] if roll else []))]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(f"{path.name}: two sources are called {', '.join(twice)}; rename one of the cards")
    state = _state(card.text("state", required=True), path.name)
    return Audit(
        name=stem,
        title=card.text("title", required=True),
        by=card.text("by"),
        state=state,
        profession=card.text("profession", required=True),
        roll=roll,
        insurers=insurers,
        registries=registries,
        grace_days=int(card.number("grace_days", 0, 3650, whole=True, otherwise=30)),
        publish=tuple(one_of(each, READERS, f"{path.name}, `publish`") for each in card.texts("publish")),
        folder=path.parent,
        facts=geography.of_card(card, path.parent, state),
    )


def formats() -> list[str]:
    """The names that `format:` may say."""
    return sorted(each.stem for each in (HERE / "formats").glob("[!_]*.py"))


def standing_of(source: Source) -> str:
    """Blocked (its card says why it cannot be read), verified (somebody compared the card with the live source), or merely configured."""
    return "blocked" if source.options.get("blocked") else "verified" if source.options.get("verified_on") else "configured"


def format_of(source: Source) -> ModuleType:
    """The module that reads this source: one of `scrapers.formats`, or the NAME.py beside its card."""
    if not source.format.endswith(".py"):
        return importlib.import_module(f"scrapers.formats.{source.format}")
    path = source.folder / source.format
    spec = importlib.util.spec_from_file_location(f"leaf_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise Refused(f"{source.name}: {path.name} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _find(name_or_path: str, relative_to: Path) -> tuple[Path, str]:
    """The card's file, and the name of its source."""
    if "/" in name_or_path or "\\" in name_or_path or name_or_path.endswith((".yml", ".yaml")):
        path = relative_to / name_or_path
        if not path.is_file():
            _missing(name_or_path, [each.name for each in path.parent.glob("*.yml")])
        return path, _stem(path)
    shipped = _shipped()
    if name_or_path not in shipped:
        _missing(name_or_path, shipped)
    return shipped[name_or_path], name_or_path


def _shipped() -> dict[str, Path]:
    """Dotted name → card, of every card in the catalogue. The path below its shelf is the name."""
    found: dict[str, Path] = {}
    for shelf in SHELVES:
        for path in sorted((HERE / shelf).rglob("*.yml")):
            name = ".".join(path.relative_to(HERE / shelf).with_suffix("").parts)
            if name in found:
                raise Refused(f"two cards are called {name}: {found[name]} and {path}; rename one")
            found[name] = path
    return found


def _missing(asked: str, known: Collection[str]) -> NoReturn:
    close = nearest(asked, known) or nearest(asked.rsplit(".", 1)[-1], known)
    hint = f"did you mean {close}?" if close else "`rollcall sources list` shows the catalogue; the path of your own card ends in .yml"
    raise Refused(f"there is no card {asked}; {hint}")


def _stem(path: Path) -> str:
    if not STEM.fullmatch(path.stem):
        raise Refused(
            f"{path.name}: a card's file name names what it describes; use at most 33 letters, digits, _ and -, "
            "and no name that Windows keeps for itself"
        )
    return path.stem


def _like(name: str, path: Path) -> dict[str, Any]:
    """What a roll downloaded by hand takes from the card of the roll it is a copy of."""
    model, _ = _find(name, path.parent)
    content = CardMap(read_card(model), model.name, None).content
    if content.get("like") is not None:
        raise Refused(f"{path.name}: `like` names {name}, which is itself like another; name that one")
    return {key: content[key] for key in TAKEN_BY_LIKE if key in content}


def _source(name: str, path: Path, content: dict[str, Any]) -> Source:
    leaf = path.with_suffix(".py")
    written = content.get("format")
    if written is None and not leaf.is_file():
        known = ", ".join(formats())
        raise Refused(f"{path.name}: `format` is missing, and no {leaf.name} stands beside the card; expected one of: {known}")
    reader = leaf.name if written is None else one_of(written, formats(), f"{path.name}, `format`")
    draft = Source(name=name, title="", kind="", format=reader, start=(), folder=path.parent)
    own: Collection[str] = getattr(format_of(draft), "KEYS", ())

    card = CardMap(content, path.name, (*SOURCE_KEYS, *OPTIONS, *own))
    kind = one_of(card.text("kind", required=True), KINDS, f"{path.name}, `kind`")
    networks = {key: _named(each, NETWORK_KEYS) for key, each in card.map("networks").maps()}
    code = hashlib.sha256(leaf.read_bytes()).hexdigest() if written is None else ""
    state = card.text("state") or (name[:2].upper() if re.match(r"[a-z]{2}\.", name) else "")
    source = Source(
        name=name,
        title=card.text("title", required=True),
        kind=kind,
        format=reader,
        start=_start(card),
        folder=path.parent,
        state=_state(state, path.name) if state else None,
        surface=one_of(card.text("surface"), SURFACES, f"{path.name}, `surface`") if card.text("surface") else None,
        insurer=_named(card.map("insurer"), INSURER_KEYS),
        networks=networks,
        network=_known_network(card.text("network"), networks, f"{path.name}, `network`") or None,
        as_of=_as_of(card),
        columns={key: card.map("columns").text(key, required=True) for key in card.map("columns").content},
        words=_words(card, networks),
        license_key=_license_key(card),
        ignore=card.texts("ignore"),
        visit=_visit(card),
        expect=_expect(card, kind),
        options=_options(card, own),
        card_sha256=hashlib.sha256(json.dumps([content, code], sort_keys=True, default=str).encode()).hexdigest(),
    )
    check_names(source, source.columns, "columns")
    if check := getattr(format_of(source), "check", None):
        check(source)
    return source


def _state(value: str, where: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", value):
        raise Refused(f"{where}: `state` is {value!r}; expected its two capital letters, e.g. WA")
    return value


def _named(given: CardMap, known: Collection[str]) -> dict[str, str | None]:
    CardMap(given.content, given.where, known)
    return {key: given.text(key) or None for key in given.content}


def _known_network(value: str, networks: Mapping[str, object], where: str) -> str:
    if value and networks and value not in networks:
        raise Refused(f"{where}: {value!r} is not under `networks`; {advice(value, networks.keys())}")
    return value


def _start(card: CardMap) -> tuple[str, ...]:
    if not (start := card.texts("start")):
        card.refuse("start", "a URL, or a file's path or glob relative to the card")
    for each in start:
        scheme, host = urlsplit(each)[:2] if "://" in each else ("http", "a file")
        if not each.strip() or scheme not in ("http", "https") or not host:
            raise Refused(f"{card.where}: `start` says {each!r}; expected an http(s) URL, or a file's path or glob relative to the card")
    return start


def _date(value: object, where: str) -> date:
    try:
        return value if type(value) is date else date.fromisoformat(str(value))
    except ValueError:
        raise Refused(f"{where}: {value!r} is no date; expected year-month-day, e.g. 2026-11-20") from None


def _as_of(card: CardMap) -> dict[str, date]:
    value = card.content.get("as_of")
    if value is None:
        return {}
    by_glob = value if isinstance(value, dict) else {"*": value}
    return {glob: _date(each, f"{card.where}, `as_of`") for glob, each in by_glob.items()}


def _words(card: CardMap, networks: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    words = {column: each.content for column, each in card.map("words", ("network", "accepting", "status")).maps()}
    for column, known in words.items():
        where = f"{card.where}, `words`, `{column}`"
        if len({folded(word) for word in known}) < len(known):
            raise Refused(f"{where}: two words differ only in case, blanks or dashes; keep one")
        for word, means in known.items():
            if column == "accepting" and not isinstance(means, bool | None):
                raise Refused(f"{where}: {word!r} means {means!r}; expected true, false or null")
            if column == "network" and means is not None:
                _known_network(CardMap(known, where, None).text(word, required=True), networks, where)
            if column == "status":
                status = CardMap(means, f"{where}, {word!r}", ("status", "may_practice", "citation"))
                one_of(status.text("status", required=True), STATUSES, status.where)
                status.text("citation")
                if "may_practice" not in status.content or not isinstance(status.content["may_practice"], bool | None):
                    status.refuse("may_practice", "true, false or null (null: the status says nothing either way)")
    return words


def _license_key(card: CardMap) -> dict[str, Any]:
    given = card.map("license_key", ("pattern", "digits"))
    if not given.content:
        return {}
    written = pattern(given.content.get("pattern"), f"{given.where}, `pattern`")
    found = re.compile(written).groupindex
    if "digits" not in found or set(found) - {"prefix", "digits"}:
        said = ", ".join(found) or "none"
        raise Refused(f"{given.where}: the groups of `pattern` are {said}; expected (?P<digits>…) and perhaps (?P<prefix>…)")
    return {"pattern": written, "digits": int(given.number("digits", 1, 20, whole=True, otherwise=1))}


def _visit(card: CardMap) -> dict[str, Any]:
    given = card.map("visit", ("every", "pause_seconds", "at_most_pages", "at_most_megabytes", "hosts"))
    if given.text("every"):
        one_of(given.text("every"), EVERY, f"{given.where}, `every`")
    given.texts("hosts")
    given.number("pause_seconds", 0, 3600, whole=False)
    given.number("at_most_pages", 1, 1_000_000, whole=True, otherwise=1)
    given.number("at_most_megabytes", 1, 1_000_000, whole=True, otherwise=1)
    return given.content | ({"hosts": given.texts("hosts")} if "hosts" in given.content else {})


def _expect(card: CardMap, kind: str) -> dict[str, Any]:
    given = card.map("expect", ("records", "problems_at_most", "shrank", "fill", "includes"))
    records = given.map("records", ("at_least", "at_most"))
    least = records.number("at_least", 0, 1e12, whole=True)
    records.number("at_most", least, 1e12, whole=True, otherwise=1_000_000_000_000)
    given.number("problems_at_most", 0, 1e12, whole=True)
    known = [each.name for each in fields(NOUNS[kind]) if each.name not in ("evidence_id", "locator")]
    for _, share in given.map("fill", known).maps():
        CardMap(share.content, share.where, ("at_least", "at_most"))
        share.number("at_most", share.number("at_least", 0, 1, whole=False), 1, whole=False, otherwise=1)
    controls = given.content.get("includes", [])
    if not isinstance(controls, list) or not all(controls):
        given.refuse("includes", "a list of listings known to exist, each by some of our fields, e.g. [{reference: P-1017}]")
    for control in (CardMap(each, f"{given.where}, `includes`", known) for each in controls):
        for field in control.content:
            control.text(field, required=True)
    shrank = given.map("shrank")
    reasons = {_date(day, shrank.where): shrank.text(day, required=True) for day in shrank.content}
    return given.content | ({"shrank": reasons} if reasons else {})


def _options(card: CardMap, own: Collection[str]) -> dict[str, Any]:
    """What one format alone understands, with the options of every format checked; a format's `check` sees to its own."""
    options = {key: card.content[key] for key in (*OPTIONS, *own) if card.content.get(key) is not None}
    for key, allowed in (("name_order", ("first_last", "last_first")), ("encoding", ENCODINGS), ("completeness", COMPLETENESS)):
        if key in options:
            one_of(options[key], allowed, f"{card.where}, `{key}`")
    if "access" in options:
        options["access"] = access.check(options["access"], card.where)
    if "saved" in options:
        options["saved"] = drop.check(options["saved"], card.where)
    for key in ("terms", "blocked"):
        card.text(key)
    if "verified_on" in options:
        options["verified_on"] = _date(options["verified_on"], f"{card.where}, `verified_on`")
    for name, written in card.map("patterns").content.items():
        where = f"{card.where}, `patterns`, `{name}`"
        found = re.compile(pattern(written, where))
        if not found.groups or found.groups != len(found.groupindex):
            raise Refused(f"{where}: expected every group to be named for a field of ours, e.g. (?P<city>.+?); write (?:…) for the others")
    return options
