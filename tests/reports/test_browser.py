"""Every page in a real browser: no fault that axe sees, by day and by night, wide and narrow; all by keyboard; nothing leaves the page."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from reports.records import Report
from reports.render import html
from tests.reports import letters

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
WIDTHS = (1280, 320)  # CSS pixels; 320 is a screen of 1,280 at 400 %, as WCAG 1.4.10 asks
STOPS = """() => {
  const groups = new Set(), all = [...document.querySelectorAll('a[href], input, textarea, select, button, summary, [tabindex="0"]')];
  return all.filter(each => each.checkVisibility() && !(each.type === 'radio' && (groups.has(each.name) || !groups.add(each.name)))).length;
}"""
HERE = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const box = at.getBoundingClientRect(), style = getComputedStyle(at);
  window.seen = window.seen || new Map();
  if (!window.seen.has(at)) window.seen.set(at, window.seen.size);
  return {stop: window.seen.get(at), skip: at.className === 'skip', href: at.getAttribute('href'),
    shown: box.right > 0 && box.width > 0 && (style.outlineStyle !== 'none' || style.boxShadow !== 'none')};
}"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "no chromium in the path; make test-browser fetches Debian's"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory, made: Mapping[str, Report]) -> dict[str, Path]:
    """Every page of a small demonstration, each edition of the drawn run, hostile names and all, and the letters."""
    data = tmp_path_factory.mktemp("browser")
    demo = subprocess.run(
        [sys.executable, "-m", "pipelines", "demo", "--listings", "60", "--data", str(data)], cwd=ROOT, capture_output=True, text=True
    )
    assert demo.returncode in (0, 1), demo.stderr
    found = {path.stem: path for path in sorted(data.rglob("*.html"))}
    for name, report in {**made, **letters.reports()}.items():
        found[f"own-{name}"] = data / f"own-{name}.html"
        found[f"own-{name}"].write_text(html.page(report), encoding="utf-8")
    assert {"commissioner", "matches", "checklist"} <= set(found)
    return found


def opened(chromium: Browser, path: Path, width: int = 1280, scheme: Any = "light", *, bypass: bool = False) -> Page:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=bypass)
    page = context.new_page()
    page.goto(path.as_uri())
    return page


def watched(page: Page) -> tuple[list[str], list[str]]:
    """Lists that fill with the addresses the page asks for and with what the browser complains of."""
    requests: list[str] = []
    said: list[str] = []

    def asked(request: Request) -> None:
        requests.append(request.url)

    def complained(message: ConsoleMessage) -> None:
        said.append(message.text)

    page.on("request", asked)
    page.on("console", complained)
    return requests, said


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(chromium: Browser, pages: dict[str, Path], width: int, scheme: str) -> None:
    faults = []
    for name, path in pages.items():
        page = opened(chromium, path, width, scheme, bypass=True)  # the page's own policy lets no script in, not even axe
        faults += [(name, each["id"], each["help"], each["nodes"][0]["html"][:200]) for each in Axe().run(page).response["violations"]]
        page.context.close()
    assert not faults, json.dumps(faults, indent=1)


def test_nothing_must_be_scrolled_sideways_on_a_narrow_screen(chromium: Browser, pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        page = opened(chromium, path, 320)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 320, name
        page.context.close()


def test_everything_is_reached_by_keyboard_and_seen_to_be(chromium: Browser, pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        page = opened(chromium, path)
        wanted, seen = page.evaluate(STOPS), set()
        for press in range(wanted + 2):
            page.keyboard.press("Tab")
            at = page.evaluate(HERE)
            if at is None:
                break
            assert at["shown"], (name, press, at)
            assert press > 0 or (at["skip"] and at["href"] == "#report"), name
            seen.add(at["stop"])
        assert len(seen) == wanted, (name, len(seen), wanted)
        page.context.close()


def test_the_page_asks_nobody_for_anything_and_runs_nothing(chromium: Browser, pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        context = chromium.new_context()
        page = context.new_page()
        requests, said = watched(page)
        page.goto(path.as_uri(), wait_until="networkidle")
        assert (requests, said) == ([path.as_uri()], []), name
        page.evaluate("document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/x.png'}))")
        page.wait_for_timeout(100)
        assert any("Content Security Policy" in each for each in said), name  # whatever got into the page could fetch nothing either
        context.close()
