"""ASP.NET post-backs: a page that is one form, whose dropdowns, buttons and page links all send the form back to the same address.

Every combination of the card's choices is sent once, and every page of its results. Nothing of the page's own program is run: what
`__doPostBack('a','b')` would send is read off the link. An answer is told apart by its label: "ddlCategory=5, ddlArea=12, page 2"; without
"page" it only offers the next choice.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from scrapers.card import CardMap
from scrapers.reading import EXCERPT, advice, collapsed, folded, text
from scrapers.records import Evidence, Refused, Request, Source, SourceUnreadable

SHAPE = ("form", "choose", "submit", "none")
EVENT = re.compile(r"""__doPostBack\(\s*\\?['"]([^'"\\]*)\\?['"]\s*,\s*\\?['"]([^'"\\]*)\\?['"]\s*\)""")
WITH_OPTIONS = re.compile(r"""WebForm_PostBackOptions\(\s*['"]([^'"]*)['"]\s*,\s*['"]([^'"]*)['"]""")
PLACEHOLDER = re.compile(r"\W*(please|select|choose|pick)\b|\W*$", re.I)  # the first line of a dropdown, which chooses nothing
EVERYTHING = re.compile(r"\W*(all|any)\b", re.I)
EXPIRED = re.compile(r"view ?state|state information is invalid|session (has )?(expired|timed out)|timed out", re.I)
UNSENT = {"submit", "button", "image", "reset", "file"}  # controls whose value goes out only when they are used
Choice = tuple[tuple[str, str], ...]  # (dropdown as the card calls it, value)


def check(source: Source) -> None:
    """Refuse a card whose `postback` cannot be what its author meant."""
    given = CardMap(source.options["postback"], f"{source.name}, `postback`", SHAPE)
    for key in ("form", "submit", "none"):
        given.text(key)
    choose = given.map("choose")
    for name, wanted in choose.content.items():
        if wanted != "all" and not choose.texts(name):
            choose.refuse(name, "`all`, or a list of the options to choose")
    if not choose.content and "submit" not in given.content:
        raise Refused(f"{given.where}: says neither what to `choose` nor what to `submit`; expected the names of dropdowns, or of a button")
    if "none" not in given.content and "count" not in source.options["cards"]:
        raise Refused(
            f"{given.where}: a page without results must say so itself; add `none: No providers found`, or `count:` under `cards:`"
        )


def is_results(page: Evidence) -> bool:
    """Whether a page is one of results, rather than one that offers choices."""
    return _state(page)[1] > 0


def combination(page: Evidence) -> Choice:
    """What was chosen to get this page."""
    return _state(page)[0]


def says_none(whole: BeautifulSoup, source: Source) -> bool:
    """Whether a page says that nothing was found."""
    none = source.options["postback"].get("none")
    return none is not None and folded(none) in folded(text(whole))


def follow(page: Evidence, whole: BeautifulSoup, shown: int, total: int | None, source: Source) -> list[Request]:
    """The next page of results, or what the form offers to choose; `shown` and `total` are the results here, and in all as stated."""
    choice, number = _state(page)
    if not number:
        return list(_choices(page, _form(page, whole, source), choice, source))
    if not shown and total != 0 and not says_none(whole, source):
        saw = f"neither results nor that there are none: {text(whole)[:EXCERPT]}"
        failure = "partial" if EXPIRED.search(text(whole)) else "changed_shape"
        raise SourceUnreadable(f"{source.name}: {page.url} shows {saw}; open it in a browser, and check `postback:`", failure)
    if total is not None and shown and (number - 1) * shown >= total and number > 1:
        saw = f"{page.url} shows {shown} of {total} results, which page {number - 1} must have ended"
        raise SourceUnreadable(f"{source.name}: {saw}; the site did not turn the page: check `cards:` `next:`", "partial")
    event = _next(page, whole, number, source)
    return [] if event is None else [_request(page, _form(page, whole, source), event, _label(choice, number + 1))]


def complete(pages: Iterable[tuple[Evidence, int, int | None]]) -> str | None:
    """Why the visit is not whole, of (page, results on it, results stated in all): a combination states more than its pages show."""
    shown: dict[Choice, int] = {}
    stated: dict[Choice, int] = {}
    for page, here, total in pages:
        choice, number = _state(page)
        if number:
            shown[choice] = shown.get(choice, 0) + here
            if total is not None:
                stated[choice] = max(total, stated.get(choice, 0))
    if not shown:
        return "no combination of choices was answered; check `postback: choose:`"
    for choice, total in stated.items():
        if shown[choice] < total:
            return f"{_label(choice, 1)} states {total} listings, its pages show {shown[choice]}"
    return None


def _choices(page: Evidence, form: Tag, chosen: Choice, source: Source) -> Iterator[Request]:
    """Every way to go on from what is chosen so far: a dropdown that sends the form by itself is asked, others are chosen here."""
    given = source.options["postback"]
    left = list(given.get("choose", {}))[len(chosen) :]
    if not left:
        submit = given.get("submit")
        button = _control(form, submit, "input, button", source) if submit else None
        sent = {str(button["name"]): str(button.get("value", ""))} if button is not None else {}
        yield _request(page, form, sent, _label(chosen, 1), _named(form, chosen, source))
        return
    select = _control(form, left[0], "select", source)
    event = EVENT.search(str(select.get("onchange", "")))
    is_last = len(left) == 1
    for value in _options(page, select, left[0], source):
        now = (*chosen, (left[0], value))
        if event and not (is_last and given.get("submit")):
            sent = {"__EVENTTARGET": event[1], "__EVENTARGUMENT": event[2]}
            yield _request(page, form, sent, _label(now, int(is_last)), _named(form, now, source))
        else:
            yield from _choices(page, form, now, source)


def _options(page: Evidence, select: Tag, name: str, source: Source) -> list[str]:
    """The values to choose in a dropdown: every one but the line that chooses nothing, or those the card names by value or by text."""
    offered = {str(each.get("value", _shown(each))): _shown(each) for each in select.select("option")}
    offered = {value: shown for value, shown in offered.items() if value.strip() and not PLACEHOLDER.match(shown)}
    wanted = source.options["postback"]["choose"][name]
    if wanted != "all":
        by_word = {folded(shown): value for value, shown in offered.items()} | {folded(value): value for value in offered}
        for each in [wanted] if isinstance(wanted, str) else wanted:
            if folded(each) not in by_word:
                raise SourceUnreadable(f"{source.name}: {page.url}: {name} does not offer {each!r}; {advice(each, list(offered.values()))}")
        return [by_word[folded(each)] for each in ([wanted] if isinstance(wanted, str) else wanted)]
    if not offered:
        raise SourceUnreadable(f"{source.name}: {page.url}: {name} offers nothing; open it in a browser and check `postback: choose:`")
    if len(offered) > 1 and (every := [shown for shown in offered.values() if EVERYTHING.match(shown)]):
        raise SourceUnreadable(
            f"{source.name}: {page.url}: {name} offers {every[0]!r} beside its parts; name the options to choose on the card"
        )
    return list(offered)


def _shown(option: Tag) -> str:
    """What an option says itself: one that is not closed holds those after it."""
    return collapsed("".join(option.find_all(string=True, recursive=False)))


def _next(page: Evidence, whole: BeautifulSoup, number: int, source: Source) -> dict[str, str] | None:
    """What the card's `next` sends; None on the last page. Of links to numbered pages it is the one after this."""
    selector = source.options["cards"].get("next")
    events: dict[tuple[tuple[str, str], ...], None] = {}
    for link in whole.select(selector) if selector else ():
        if link.has_attr("disabled"):
            continue
        program = f"{link.get('href', '')} {link.get('onclick', '')}"
        if event := EVENT.search(program) or WITH_OPTIONS.search(program):
            events[("__EVENTTARGET", event[1]), ("__EVENTARGUMENT", event[2])] = None
        elif link.get("name"):
            events[((str(link["name"]), str(link.get("value", ""))),)] = None
        elif str(link.get("href", "")).strip("# "):
            raise SourceUnreadable(
                f"{source.name}: what comes after {page.url} is no post-back: {program[:EXCERPT]}; correct `cards:` `next:`"
            )
    by_page = {dict(each).get("__EVENTARGUMENT", ""): dict(each) for each in events}
    if any(re.fullmatch(r"Page\$\d+", argument) for argument in by_page):
        if f"Page${number}" in by_page:
            raise SourceUnreadable(f"{source.name}: {page.url} offers to go to page {number}: the site did not turn the page", "partial")
        return by_page.get(f"Page${number + 1}")
    if len(events) > 1:
        said = "; ".join(" ".join(value for _, value in each) for each in events)[:EXCERPT]
        raise SourceUnreadable(f"{source.name}: what comes after {page.url} is not one page: {said}; correct `cards:` `next:`")
    return dict(next(iter(events))) if events else None


def _form(page: Evidence, whole: BeautifulSoup, source: Source) -> Tag:
    selector = source.options["postback"].get("form", "form")
    found = [form for form in whole.select(selector) if form.select_one("[name=__VIEWSTATE]")]
    if len(found) != 1:
        saw = f"{page.url} has {len(found)} forms {selector!r} that carry a view state, expected one: {text(whole)[:EXCERPT]}"
        raise SourceUnreadable(f"{source.name}: {saw}; open it in a browser, and check `postback: form:`")
    return found[0]


def _control(form: Tag, name: str, kinds: str, source: Source) -> Tag:
    """The one control that the card calls `name`: ASP.NET puts the names of its containers before it."""
    found = [each for each in form.select(kinds) if str(each.get("name", "")).split("$")[-1] == name or each.get("name") == name]
    if len(found) != 1:
        names = [str(each["name"]).split("$")[-1] for each in form.select(kinds) if each.get("name")]
        hint = advice(name, names) if names else "the form has none"
        raise SourceUnreadable(f"{source.name}: the form has {len(found)} controls called {name!r}, expected one; {hint}")
    return found[0]


def _named(form: Tag, chosen: Choice, source: Source) -> dict[str, str]:
    return {str(_control(form, name, "select", source)["name"]): value for name, value in chosen}


def _request(page: Evidence, form: Tag, event: Mapping[str, str], label: str, chosen: Mapping[str, str] | None = None) -> Request:
    here = urldefrag(page.url).url
    fields = _fields(form) | {"__EVENTTARGET": "", "__EVENTARGUMENT": ""} | dict(chosen or {}) | dict(event)
    return Request(url=urldefrag(urljoin(here, str(form.get("action", "")))).url, expects="html", form=fields, label=label)


def _fields(form: Tag) -> dict[str, str]:
    """What a browser would send of the form as it stands."""
    fields: dict[str, str] = {}
    for control in form.select("input[name], select[name], textarea[name]"):
        name, kind = str(control["name"]), str(control.get("type", "text")).lower()
        if control.has_attr("disabled") or kind in UNSENT:
            continue
        if control.name == "select":
            option = control.select_one("option[selected]") or control.select_one("option")
            if option is not None:
                fields[name] = str(option.get("value", _shown(option)))
        elif kind not in {"checkbox", "radio"}:
            fields[name] = control.get_text() if control.name == "textarea" else str(control.get("value", ""))
        elif control.has_attr("checked"):
            fields[name] = str(control.get("value", "on"))
    return fields


def _label(choice: Choice, number: int) -> str:
    said = [f"{name}={quote(value, safe=' ')}" for name, value in choice]
    return ", ".join([*said, f"page {number}"] if number else said)


def _state(page: Evidence) -> tuple[Choice, int]:
    """(what was chosen, number of the page of results, or 0) as the label of a page tells."""
    parts = [part for part in urlsplit(page.url).fragment.split(", ") if part]
    number = int(parts.pop().removeprefix("page ")) if parts and re.fullmatch(r"page \d+", parts[-1]) else 0
    return tuple((name, unquote(value)) for name, _, value in (part.partition("=") for part in parts)), number
