"""An invented ASP.NET WebForms directory on loopback, which takes back only a view state it gave: real sockets, real HTTP.

Choosing a category sends the form and fills the areas; the button searches; links in a grid or a button turn the pages.
"""

import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from tests.scrapers.site import serving

AREAS = {"5": {"12": "King, north & south", "13": "Pierce"}, "6": {"14": "Clark"}}
CATEGORIES = {"5": "Acupuncture", "6": "Massage therapy"}
BOX = "ctl00$Main$"
KEY = b"of this server alone"


@dataclass
class Directory:
    """`held`: names by (category, area). `fault`: what it does wrong."""

    held: dict[tuple[str, str], list[str]]
    size: int = 2
    pager: str = "next"  # next | numbers | button
    fault: str = ""
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, form: dict[str, str] | None) -> tuple[int, str]:
        if form is None:
            return 200, self._page({}, [])
        self.asked.append(form)
        state = unsealed(form.get("__VIEWSTATE", ""))
        if state is None or form.get("__EVENTVALIDATION") != "valid" or (self.fault == "expires" and "page" in state):
            return 200, "<html><title>Error</title><p>The state information is invalid for this page and might be corrupted.</p></html>"
        category, target = form.get(f"{BOX}ddlCategory", ""), form["__EVENTTARGET"]
        if target == f"{BOX}ddlCategory":
            return 200, self._page({"category": category}, [])
        if f"{BOX}btnSearch" in form:
            if self.fault == "validates":
                return 200, self._page({"category": category}, ["<span>Please enter the letters shown in the picture.</span>"])
            return 200, self._results({"category": category, "area": form[f"{BOX}ddlArea"], "page": "1"})
        page = int(state["page"]) + 1 if target != f"{BOX}grid" else int(form["__EVENTARGUMENT"].removeprefix("Page$"))
        return 200, self._results(state | {"page": state["page"] if self.fault == "stays" else str(page)})

    def _results(self, state: dict[str, str]) -> str:
        names = self.held.get((state["category"], state["area"]), [])
        page = int(state["page"])
        shown = names[(page - 1) * self.size : page * self.size]
        stated = len(names) + (1 if self.fault == "hides" else 0)
        blocks = "".join(f"<div class=card><b>{name}</b></div>" for name in shown)
        last = -(-len(names) // self.size)
        links = ""
        if self.pager == "numbers":
            for number in range(1, last + 1):
                link = f"""<a href="javascript:__doPostBack(&#39;{BOX}grid&#39;,&#39;Page${number}&#39;)">{number}</a>"""
                links += f"<span>{number}</span>" if number == page else link
        elif page < last and self.pager == "button":
            links = f'<input type="submit" name="{BOX}btnNext" value="Next">'
        elif page < last:
            links = f"""<a href="javascript:__doPostBack('{BOX}lnkNext','')">Next</a>"""
        else:
            links = '<a disabled="disabled">Next</a>'
        told = f"<p id=n>{stated} found</p>" if names else "<p>No providers were found.</p>"
        return self._page(state, [told, blocks, links])

    def _page(self, state: dict[str, str], content: list[str]) -> str:
        category = state.get("category", "")
        change = f"javascript:setTimeout(&#39;__doPostBack(\\&#39;{BOX}ddlCategory\\&#39;,\\&#39;\\&#39;)&#39;, 0)"
        areas = {"": "-- Select an area --"} | AREAS.get(category, {}) if category else {}
        return f"""<!doctype html><html><title>Provider search</title>
<form><input name="q"><input type="submit" value="Search the site"></form>
<form method="post" action="./find.aspx" id="aspnetForm">
<input type="hidden" name="__VIEWSTATE" value="{sealed(state)}"><input type="hidden" name="__EVENTVALIDATION" value="valid">
<input type="hidden" name="__EVENTTARGET"><input type="checkbox" name="{BOX}chkOpen" value="y"><input type="text" name="{BOX}txtName">
<select name="{BOX}ddlCategory" onchange="{change}">{options({"0": "Select a category"} | CATEGORIES, category)}</select>
<select name="{BOX}ddlArea">{options(areas, state.get("area", ""))}</select>
<input type="submit" name="{BOX}btnSearch" value="Search"><input type="submit" name="{BOX}btnClear" value="Clear">
{"".join(content)}</form></html>"""


def options(offered: dict[str, str], chosen: str) -> str:
    return "".join(f'<option value="{value}"{" selected" * (value == chosen)}>{shown}</option>' for value, shown in offered.items())


def sealed(state: dict[str, str]) -> str:
    said = json.dumps(state).encode().hex()
    return f"{said}.{hmac.new(KEY, said.encode(), sha256).hexdigest()}"


def unsealed(given: str) -> dict[str, str] | None:
    said, _, seal = given.partition(".")
    if not hmac.compare_digest(hmac.new(KEY, said.encode(), sha256).hexdigest(), seal):
        return None
    state: dict[str, str] = json.loads(bytes.fromhex(said))
    return state


@contextmanager
def opened(directory: Directory) -> Iterator[Directory]:
    """The directory, on a free port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._say(*(directory.answer(None) if self.path == "/find.aspx" else (404, "")))

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(sent, keep_blank_values=True).items()}
            self._say(*(directory.answer(fields) if self.path == "/find.aspx" else (404, "")))

        def _say(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as url:
        directory.url = f"{url}/find.aspx"
        yield directory
