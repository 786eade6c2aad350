"""Repeated blocks: provider cards in HTML (by selectors, under `cards:`) or in text (by one rule for each line, under `lines:`).

Whatever a block says beyond the card is a Problem: an unknown label, a line no rule fits, words no selector takes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from scrapers.card import CardMap, pattern
from scrapers.formats import _postback
from scrapers.reading import (
    EXCERPT,
    Labelled,
    Record,
    Unreadable,
    attribute,
    check_names,
    collapsed,
    decoded,
    definitions,
    folded,
    one,
    problem,
    record,
    text,
)
from scrapers.records import Evidence, Problem, Refused, Request, Source, SourceUnreadable

KEYS = ("cards", "lines", "postback")
SHAPE = {"cards": ("block", "fields", "labels", "next", "count", "ignore"), "postback": _postback.SHAPE}  # the keys of its maps
LONGEST_LINE = 500  # characters; a pattern's work grows with a power of the line


@dataclass(frozen=True, slots=True)
class Rule:
    """What one line of a block may say: a pattern, and whether the line may be missing."""

    name: str  # our field, a key of `patterns:`, or "ignore"
    pattern: re.Pattern[str]
    is_optional: bool


def check(source: Source) -> None:
    """Refuse a card whose selectors or line rules cannot be what its author meant."""
    layout, lines = source.options.get("cards"), source.options.get("lines")
    if (layout is None) == (lines is None):
        raise Refused(f"{source.name}: the cards format needs `cards:` (selectors, for HTML) or `lines:` (rules, for text), and not both")
    (_check_layout if lines is None else _check_lines)(source)
    if "postback" in source.options:
        if lines is not None:
            raise Refused(f"{source.name}: `postback` needs `cards:`; `lines:` is for text")
        _postback.check(source)


def requests(source: Source) -> list[Request]:
    """The first page of each start."""
    return [Request(url=each, expects="text" if "lines" in source.options else "html") for each in source.start]


def follow(page: Evidence, source: Source) -> list[Request]:
    """The page behind the card's `next` selector, none on the last page; of a form that sends itself back, what it offers."""
    if "postback" in source.options:
        results = page_of(page, source)
        return _postback.follow(page, results, len(blocks(results, source)), stated(results, source), source)
    selector = source.options.get("cards", {}).get("next")
    if selector is None:
        return []
    targets = {urldefrag(urljoin(page.url, str(link.get("href", "")).strip())).url for link in page_of(page, source).select(selector)}
    targets -= {urldefrag(page.url).url}  # a "next" that is switched off leads nowhere
    if len(targets) > 1 or any(urlsplit(each).scheme not in ("http", "https") for each in targets):
        said = ", ".join(sorted(targets))[:EXCERPT]
        raise SourceUnreadable(f"{source.name}: what comes after {page.url} is not one page: {said}; correct `cards:` `next:`")
    return [Request(url=each, expects="html") for each in sorted(targets)]


def complete(pages: Iterable[Evidence], source: Source) -> str | None:
    """Why the visit is not whole: the site states more listings than its pages show. None where it is whole, or states nothing."""
    layout = source.options.get("cards", {})
    if "postback" in source.options:
        trees = ((page, page_of(page, source)) for page in pages)
        return _postback.complete(((page, len(blocks(tree, source)), stated(tree, source)) for page, tree in trees))
    if "count" not in layout:
        return None
    wanted: dict[str, int | None] = {}
    shown: dict[str, int] = {}
    after: dict[str, list[str]] = {}
    for page in pages:
        url, results = urldefrag(page.url).url, page_of(page, source)
        wanted[url], shown[url] = stated(results, source), len(results.select(layout["block"]))
        after[url] = [each.url for each in follow(page, source)]
    for start in [url for url in (urldefrag(each).url for each in source.start) if url in shown] or list(shown)[:1]:
        chain: dict[str, None] = {}
        here = [start]
        while here and here[0] in shown and here[0] not in chain:
            chain[here[0]] = None
            here = after[here[0]]
        total, most = sum(shown[url] for url in chain), wanted[start]
        if most is None:
            return f"{start} does not state how many listings there are; expected a number at {layout['count']!r}"
        if total < most:
            return f"{start} states {most} listings, its {len(chain)} pages show {total}"
    return None


def lacking(pages: Iterable[Evidence], source: Source) -> Iterator[Problem]:
    """What pages saved by hand lack: those of one address that state one number of listings, and together show fewer."""
    if "count" not in source.options.get("cards", {}):
        return
    shown: dict[tuple[str, int], list[tuple[Evidence, int]]] = {}
    for page in pages:
        results = page_of(page, source)
        if (total := stated(results, source)) is not None:
            where = page.url.partition("?")[0].partition("#")[0] if "://" in page.url else ""
            shown.setdefault((where, total), []).append((replace(page, body=b""), len(blocks(results, source))))
    for (_, total), found in shown.items():
        if (count := sum(each for _, each in found)) < total:
            told = f"the site states {total:,} listings, and of the pages that say so {len(found):,} were saved, which show {count:,}"
            yield problem(found[0][0].id, "page", f"{told}; save the others too", "")


def parse(page: Evidence, source: Source) -> Iterator[Record | Problem]:
    """Read every block on one page; what we cannot read becomes a Problem."""
    yield from _parse_text(page, source) if "lines" in source.options else _parse_html(page, source)


# HTML ------------------------------------------------------------------------------------------------------------


def _parse_html(page: Evidence, source: Source) -> Iterator[Record | Problem]:
    if "postback" in source.options and not _postback.is_results(page):
        return
    results = page_of(page, source)
    outermost = blocks(results, source)
    is_none = "postback" in source.options and _postback.says_none(results, source)
    if not outermost and stated(results, source) != 0 and not is_none:
        yield problem(page.id, "page", "no provider cards on this page", text(results))
    for number, block in enumerate(outermost, 1):
        shown = text(block)
        try:
            yield record(source, page.id, f"block {number}", said(block, source))
        except Unreadable as reason:
            yield problem(page.id, f"block {number}", reason, shown)


def once(source: Source) -> Callable[[Evidence, Iterable[Record | Problem]], Iterator[Record | Problem]]:
    """What passes on each record of a snapshot once where a form shows it under several choices; a repetition under one choice stays."""
    first: dict[object, object] = {}

    def fresh(page: Evidence, records: Iterable[Record | Problem]) -> Iterator[Record | Problem]:
        here = _postback.combination(page) if "postback" in source.options else None
        for each in records:
            known = here if here is None or isinstance(each, Problem) else first.setdefault(replace(each, evidence_id="", locator=""), here)
            if known == here or isinstance(each, Problem):
                yield each

    return fresh


def blocks(results: BeautifulSoup, source: Source) -> list[Tag]:
    """The blocks of a page; of blocks within a block the outermost, which `said` refuses."""
    found = results.select(source.options["cards"]["block"])
    all_blocks = {id(block) for block in found}
    return [block for block in found if not any(id(each) in all_blocks for each in block.parents)]


def value(block: Tag, where: str) -> str:
    """What a block says at "selector @attribute"; nothing where it does not say it once."""
    selector, name = _place(where)
    nodes = block.select(selector) if selector else [block]
    return collapsed(str(nodes[0].get(name, "")) if name else text(nodes[0])) if len(nodes) == 1 else ""


def said(block: Tag, source: Source) -> dict[str, str | None]:
    """Our fields as one block says them, every word of it accounted for. Empties the block as it reads."""
    layout = source.options["cards"]
    if block.select_one(layout["block"]):
        raise Unreadable("a card within a card; correct `cards:` `block:`")
    found: dict[str, str | None] = {}
    taken: list[Tag] = block.select(layout["ignore"]) if "ignore" in layout else []
    for key, where in layout.get("fields", {}).items():
        ours, (selector, name) = key.removesuffix("?"), _place(where)
        if ours != key and selector and not block.select(selector):
            found[ours] = None
            continue
        node = one(block, selector) if selector else block
        found[ours] = attribute(node, name) if name else text(node)
        taken += [] if name else [node]
    if "labels" in layout:
        labels = one(block, layout["labels"])
        with Labelled(definitions(labels), ignore=source.ignore) as labelled:
            found |= {ours: labelled.may_take(theirs) for ours, theirs in source.columns.items()}
        taken.append(labels)
    for node in taken:
        node.clear()
    ignored = {folded(each) for each in source.ignore}
    if left := [each for each in block.stripped_strings if folded(each) not in ignored]:
        raise Unreadable(f"not on the card: {collapsed(' / '.join(left))[:EXCERPT]}; map it or list it under `ignore`")
    return found


def _place(where: str) -> tuple[str, str]:
    """The selector and the attribute of "selector @attribute"; either may be empty."""
    selector, _, name = where.partition("@") if re.search(r"(^|\s)@[\w:-]+$", where) else (where, "", "")
    return selector.strip(), name


def page_of(page: Evidence, source: Source) -> BeautifulSoup:
    """The page as a tree of elements."""
    return BeautifulSoup(decoded(page.body, source), "html.parser")


def stated(results: BeautifulSoup, source: Source) -> int | None:
    """How many listings there are in all, as the page states it."""
    count = source.options["cards"].get("count")
    for node in results.select(count) if count else ():
        if number := re.search(r"\d[\d,]*", text(node)):
            return int(number[0].replace(",", ""))
    return None


def _check_layout(source: Source) -> None:
    layout = CardMap(source.options["cards"], f"{source.name}, `cards`", SHAPE["cards"])
    layout.text("block", required=True)
    fields = layout.map("fields")
    selectors = [(layout, key) for key in layout.content if key != "fields"] + [(fields, key) for key in fields.content]
    for part, key in selectors:
        selector, name = _place(part.text(key, required=True)) if part is fields else (part.text(key, required=True), "")
        try:
            if selector or not name:
                BeautifulSoup("", "html.parser").select(selector)
        except Exception as error:  # noqa: BLE001 the selector library's own class, which bs4 does not hand on
            raise Refused(f"{part.where}, `{key}`: {selector!r} is no selector: {str(error).splitlines()[0]}") from None
    if source.columns and "labels" not in layout.content:
        raise Refused(f"{layout.where}: `columns` maps labels, but `labels` does not say where they are, e.g. labels: dl")
    check_names(source, [*(key.removesuffix("?") for key in fields.content), *source.columns], "fields and columns")


# Text ------------------------------------------------------------------------------------------------------------


def _parse_text(page: Evidence, source: Source) -> Iterator[Record | Problem]:
    rules = _rules(source)
    body, number = decoded(page.body, source), 0
    for first, block in _blocks(body):
        at = 0
        while at < len(block):
            locator = f"line {first + at}"
            matched = _match(block, at, rules)
            if matched is None:
                yield problem(page.id, locator, "no rule of the card fits what stands here", " / ".join(block[at:]))
                break
            end, said = matched
            try:
                yield record(source, page.id, locator, said)
                number += 1
            except Unreadable as reason:
                yield problem(page.id, locator, reason, " / ".join(block[at:end]))
            at = end
    if not number:
        yield problem(page.id, "page", "no provider cards on this page", body[:1000])


def _blocks(body: str) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, its lines with blanks collapsed) of each run of lines that say something."""
    block: list[str] = []
    number = 0
    for number, line in enumerate(body.splitlines(), 1):
        if said := collapsed(line):
            block.append(said)
        elif block:
            yield number - len(block), block
            block = []
    if block:
        yield number - len(block) + 1, block


def _match(block: list[str], at: int, rules: list[Rule]) -> tuple[int, dict[str, str | None]] | None:
    """Where one listing that begins at line `at` ends, and what it says; a line that may be missing is taken where it can be."""
    if not rules:
        return at, {}
    rule, rest = rules[0], rules[1:]
    match = rule.pattern.fullmatch(block[at]) if at < len(block) and len(block[at]) <= LONGEST_LINE else None
    if match and (matched := _match(block, at + 1, rest)):
        own = {} if rule.name == "ignore" else match.groupdict() or {rule.name: block[at]}
        return matched[0], own | matched[1]
    return _match(block, at, rest) if rule.is_optional else None


def _rules(source: Source) -> list[Rule]:
    pairs = [next(iter(each.items())) for each in source.options["lines"]]
    return [Rule(name.removesuffix("?"), re.compile(written), name.endswith("?")) for name, written in pairs]


def _check_lines(source: Source) -> None:
    where = f"{source.name}: `lines`"
    given = source.options["lines"]
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) and len(each) == 1 for each in given):
        raise Refused(f"{where}: expected a list of rules, one `- name: pattern` to a line")
    for each in given:
        ((name, written),) = each.items()
        pattern(written, f"{where}, `{name}`")
    rules = _rules(source)
    if len(rules) > 20 or all(rule.is_optional for rule in rules):
        raise Refused(f"{where}: expected at most 20 rules, at least one of them of a line that is always there")
    for rule in rules:
        if rule.pattern.groups != len(rule.pattern.groupindex):
            raise Refused(f"{where}, `{rule.name}`: expected every group to be named for a field of ours; write (?:…) for the others")
    filled = [name for rule in rules if rule.name != "ignore" for name in (rule.pattern.groupindex or [rule.name])]
    check_names(source, filled, "lines")
