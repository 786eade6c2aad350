"""One card as a person wrote it, read strictly: every key known, every value of its type, every pattern safe."""

import re
from collections.abc import Collection, Hashable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from scrapers.reading import advice
from scrapers.records import Refused

LARGEST_CARD = 256 * 1024  # bytes; the largest real one is a hundredth of it
LONGEST_PATTERN = 400
# Python's matcher and DuckDB's must mean the same, and a page must not be able to hold a matcher up
NOT_IN_BOTH = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9Z]|[*+?}]\+")
REPEATED_REPETITION = re.compile(r"\((?:[^()\\]|\\.)*(?<!\\)[*+}](?:[^()\\]|\\.)*\)[*+{]")


def read_card(path: Path) -> object:
    """What a YAML file says, read strictly: a key twice, an alias, or a file that is no YAML is Refused."""
    try:
        body = path.read_bytes()
        if len(body) > LARGEST_CARD:
            raise Refused(f"{path.name} is {len(body):,} bytes; a card has at most {LARGEST_CARD:,}")
        return yaml.load(body.decode("utf-8-sig"), _Loader)  # noqa: S506 a SafeLoader
    except OSError as error:
        raise Refused(f"{path.name} cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        advise = """put a key with a question mark in quotes: {"phone?": …}""" if "got '?'" in str(error.problem) else "mend it there"
        raise Refused(f"{path.name}{line}: {error.problem}; {advise}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused(f"{path.name} is not YAML: {str(error).splitlines()[0]}") from None


class _Loader(yaml.SafeLoader):
    """YAML in which a key is the text as written (Yes stays "Yes"), stands once, and nothing is copied by reference."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "an alias; write the value out", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        read: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key that is not plain text", key.start_mark)
            if key.value in read:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands here twice", key.start_mark)
            read[key.value] = self.construct_object(value, deep=True)
        return read


class CardMap:
    """One map of a card. Every value is asked for by key and by what it must be; keys that are not `known` are refused at once."""

    def __init__(self, content: object, where: str, known: Collection[str] | None) -> None:
        if not isinstance(content, dict):
            said = "empty" if content is None else repr(content)[:80]
            raise Refused(f"{where} is {said}; expected a map, one `key: value` to a line")
        self.content: dict[str, Any] = content
        self.where = where
        for key in content:
            if known is not None and key not in known:
                raise Refused(f"{where}: {key!r} is not a key here; {advice(key, known)}")

    def refuse(self, key: str, expected: str) -> NoReturn:
        value = self.content.get(key)
        quote = "" if isinstance(value, str | dict | list | None) else " (put it in quotes if it is meant as text)"
        raise Refused(f"{self.where}: `{key}` is {'missing' if value is None else repr(value)[:80]}; expected {expected}{quote}")

    def text(self, key: str, required: bool = False) -> str:
        """The text under `key`; the empty text where the card does not say."""
        value = self.content.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or not value.strip():
            self.refuse(key, "text")
        return value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one text alone is a list of one."""
        value = self.content.get(key)
        value = [value] if isinstance(value, str) else value or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.refuse(key, "a list of texts")
        return tuple(value)

    def number(self, key: str, least: float, most: float, *, whole: bool, otherwise: float = 0) -> float:
        value = self.content.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not least <= value <= most:
            self.refuse(key, f"a {'whole ' if whole else ''}number from {least:g} to {most:g}")
        return value

    def map(self, key: str, known: Collection[str] | None = None) -> "CardMap":
        """The map under `key`, empty where the card does not say."""
        value = self.content.get(key)
        return CardMap({} if value is None else value, f"{self.where}, `{key}`", known)

    def maps(self) -> Iterator[tuple[str, "CardMap"]]:
        for key in self.content:
            yield key, self.map(key)


def one_of(value: object, allowed: Collection[str], where: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Refused(f"{where}: {value!r} is not known; {advice(str(value), allowed)}")
    return value


def pattern(value: object, where: str) -> str:
    """A regular expression that means the same here and in DuckDB, and that no page can hold up."""
    if not isinstance(value, str) or not value or len(value) > LONGEST_PATTERN:
        raise Refused(f"{where}: {str(value)[:80]!r} is no pattern; expected a regular expression of at most {LONGEST_PATTERN} characters")
    if NOT_IN_BOTH.search(value):
        raise Refused(f"{where}: {value!r} looks ahead, behind or back; write a pattern without that")
    if REPEATED_REPETITION.search(value):
        raise Refused(f"{where}: {value!r} repeats a repetition, which can take for ever; write it without")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise Refused(f"{where}: {value!r} is no regular expression: {error}") from None
    return value
