"""What a person reads on a web page: its words, without scripts and styles, and the labels that a screen reader speaks."""

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

LABELS = ("aria-label", "title", "alt", "placeholder")


def is_html(head: bytes) -> bool:
    """Whether a body that begins so is a web page.

    >>> is_html(b"\\xef\\xbb\\xbf <!-- saved --> <!DOCTYPE html>"), is_html(b'{"a": "<p>"}'), is_html(b"<?xml version='1.0'?><list>")
    (True, False, False)
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith(b"<") and (b"<html" in start or b"<!doctype html" in start or not start.startswith(b"<?xml"))


def words(body: bytes) -> str:
    """The page's words in their order, blanks collapsed.

    >>> words(b"<!doctype html><p>See an <b>error</b>?<script>x</script> <a href=/r aria-label='Report it'><svg/></a>")
    'See an error ? Report it'
    """
    said: list[str] = []
    for node in BeautifulSoup(body, "html.parser").descendants:
        if isinstance(node, Tag):
            said += [str(node[label]) for label in LABELS if node.get(label)]
            if node.name == "input" and node.get("type") in ("submit", "button"):
                said.append(str(node.get("value", "")))
        elif type(node) is NavigableString:  # comments, scripts and styles are of classes of their own
            said.append(str(node))
    return " ".join(" ".join(said).split())
