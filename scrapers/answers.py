"""Whether an answer is what was asked for: a block, login or error page is never read as "no results"."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from scrapers.records import Request

JSON_IN_FULL = 64 * 1024 * 1024  # larger JSON is judged by its first and last byte: parsing it twice would double a visit's time
LINE_BYTES = 16 * 1024 * 1024  # no directory or roll has a longer line; a reader would hold all of it in memory
FEW = 2000  # visible characters; a page that says more than this is not a mere block or login page

CALLED: dict[str, str] = {"html": "a page", "json": "JSON", "ndjson": "lines of JSON", "csv": "CSV", "text": "text", "any": "an answer"}
BLOCK_TITLE = re.compile(
    r"just a moment|attention required|access (to this page )?(is |has been )?denied|captcha|checking your browser|blocked", re.I
)
BLOCK_TEXT = re.compile(
    r"checking your browser|captcha|(verify|confirm)\w* (that )?you are (a )?human|are you (a )?(human|robot)|not a robot|unusual traffic"
    r"|enable javascript and cookies|pardon our interruption|access (to this page )?(is |has been )?denied|request (was )?blocked"
    r"|you have been blocked|incapsula incident|automated (access|requests)",
    re.I,
)
BLOCK_MARK = re.compile(r"_cf_chl_opt|px-captcha|captcha-delivery\.com|[\"']\s*(g-recaptcha|h-captcha|cf-turnstile)\b", re.I)
FOOTER = re.compile(r"protected by (re|h)captcha", re.I)  # stands at the foot of many an honest page
PASSWORD = re.compile(r"<input\b[^>]*\btype\s*=\s*[\"']?password", re.I)
LOGIN_TITLE = re.compile(r"\b(sign|log)[ -]?(in|on)\b|\bauthenticat", re.I)
LOGIN_PATH = re.compile(r"/(log-?in|sign-?in|log-?on|sso)([./?]|$)", re.I)
UNSEEN = re.compile(r"<(script|style|title)\b.*?(</\1\s*>|\Z)|<!--.*?-->|<[^>]*>", re.I | re.S)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer is not what was asked for, and what a person can do."""

    saw: str
    advice: str
    outcome: str = "failed"  # failed | blocked, as the manifest says it
    is_passing: bool = False  # a later run may find it healed
    is_worth_asking_again: bool = False  # and so may the next minute
    is_cut_short: bool = False  # by us: what we hold of it is nothing to keep
    failure: str = "changed_shape"  # the class of the failure, as SourceUnreadable tells it


class Lines:
    """Notices a line too long for any reader before the rest of it is read."""

    def __init__(self) -> None:
        self.number = 1
        self._length = 0

    def too_long(self, chunk: bytes) -> bool:
        first = chunk.find(b"\n")
        if self._length + (first if first >= 0 else len(chunk)) > LINE_BYTES:
            return True
        if first >= 0:
            self.number += chunk.count(b"\n")
            self._length = len(chunk) - chunk.rfind(b"\n") - 1
        else:
            self._length += len(chunk)
        return False

    def fault(self) -> Fault:
        return Fault(
            f"found line {self.number:,} longer than {LINE_BYTES >> 20} MiB",
            "a list has one record to a line: check that the file is the right one",
            is_cut_short=True,
            failure="too_large",
        )


def is_packed(head: bytes) -> bool:
    """Whether a body is a workbook, archive or PDF, whose bytes have no lines."""
    return head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b"))


def fault(expects: str, head: bytes, tail: bytes, byte_count: int, body: Callable[[], bytes], encoding: str = "utf-8") -> Fault | None:
    """What is wrong with a body that came with status 200, or was read from a file; None when nothing is.

    `head` and `tail` are its first and last bytes; `body` gives all of it and is called for JSON of up to 64 MB only.
    """
    if not tail.strip() and (byte_count <= len(tail) or not head.strip()):
        return Fault(f"got nothing ({byte_count} bytes)", "an empty answer is not an empty directory; try again later", failure="empty")
    if expects == "html" or is_html(head):
        page = head.decode(encoding, errors="replace")
        titled = f" titled {title(page)!r}" if title(page) else ""
        if is_block(page):
            return blocked(f"got a block page (captcha or bot check){titled}")
        if is_login(page):
            return login(titled)
        if expects in {"json", "ndjson", "csv", "text"}:
            return Fault(f"got an HTML page{titled}", "open the address in a browser and check `start:`")
    return _json_fault(head, tail, byte_count, body, encoding) if expects == "json" else None


def blocked(saw: str) -> Fault:
    advice = "the site turns programs away; do not work around it: ask the publisher, or save the pages by hand and audit the files"
    return Fault(saw, advice, "blocked", failure="blocked")


def login(where: str) -> Fault:
    return Fault(
        f"got a login page{where}",
        "open the address in a browser and check `start:`; a directory must be readable without an account",
        "blocked",
        failure="login_wall",
    )


def is_html(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:512].lower()
    return start.startswith(b"<") and re.search(rb"<(!doctype html|html|head|body|title|form|h1)\b", start) is not None


def title(page: str) -> str:
    """What a page calls itself, at most 80 characters."""
    found = re.search(r"<title\b[^>]*>(.*?)</title", page, re.I | re.S) or re.search(r"<h1\b[^>]*>(.*?)</h1", page, re.I | re.S)
    return _seen(found[1])[:80] if found else ""


def is_block(page: str) -> bool:
    """Whether an HTML page is a captcha or bot check rather than what stands behind it.

    >>> is_block("<title>Just a moment...</title>"), is_block("<p>Rowan Ashdale, LMT</p><p>This site is protected by reCAPTCHA</p>")
    (True, False)
    """
    seen = _seen(page)
    if len(seen) > FEW:
        return False
    return bool(
        BLOCK_TITLE.search(title(page)) or BLOCK_TEXT.search(FOOTER.sub("", seen)) or (BLOCK_MARK.search(page) and len(seen) < FEW // 4)
    )


def is_login(page: str) -> bool:
    """Whether an HTML page asks for a password and offers little else; a login box beside results is not that."""
    seen = _seen(page)
    called_so = bool(LOGIN_TITLE.search(title(page))) and "<form" in page.lower()
    return len(seen) <= FEW and (called_so or (bool(PASSWORD.search(page)) and len(seen) < FEW // 4))


def is_login_address(path: str) -> bool:
    return bool(LOGIN_PATH.search(path))


def sentence(source: str, request: Request, url: str, wrong: Fault) -> str:
    return f"{source}: asked for {CALLED.get(request.expects, request.expects)} at {url}, {wrong.saw}; {wrong.advice}"


def _seen(page: str) -> str:
    """The visible text of a page, its white space collapsed."""
    return " ".join(html.unescape(UNSEEN.sub(" ", page)).split())


def _json_fault(head: bytes, tail: bytes, byte_count: int, body: Callable[[], bytes], encoding: str) -> Fault | None:
    cut = "ask again later; if it stays so, tell the publisher"
    if byte_count > JSON_IN_FULL:
        first, last = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1], tail.rstrip()[-1:]
        whole = (first, last) in {(b"{", b"}"), (b"[", b"]")}
        return None if whole else Fault(f"got {byte_count:,} bytes that do not begin and end as JSON does", cut, failure="cut_short")
    try:
        text = body().decode("utf-8-sig" if encoding == "utf-8" else encoding)
        json.loads(text, object_pairs_hook=_nothing)
    except UnicodeDecodeError as error:
        return Fault(f"got bytes that are not {encoding} (byte {error.start:,})", "say `encoding:` on the card")
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) - 16 or error.msg.startswith("Unterminated string"):
            return Fault(f"got JSON that breaks off after {byte_count:,} bytes", cut, failure="cut_short")
        return Fault(f"got something else ({error.msg} at character {error.pos:,})", "open the address in a browser and check `start:`")
    except RecursionError:
        return Fault("got JSON nested deeper than any directory is", "open the address in a browser and check `start:`")
    return None


def _nothing(pairs: object) -> None:
    """Parsed to be judged, not to be held: every object is dropped as soon as it closes."""
