"""JSON of any size cut into the pieces a reader wants, by its brackets alone: what lies between them is never parsed, nor held.

Memory holds one block and one piece, whatever the file's size.

A piece comes without line ends, so that pieces written one to a line are newline-delimited JSON. (A raw line end is white space in JSON;
it becomes a carriage return, which like it may stand between values and never inside a text.) Whether a piece is JSON is for its reader
to say.
"""

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple, NoReturn

from scrapers.formats._brackets import Brackets
from scrapers.reading import EXCERPT, collapsed
from scrapers.records import SourceUnreadable

BLOCK = 2 * 1024**2
LARGEST = 32 * 1024**2  # bytes of one piece; a telehealth doctor at 352 addresses has 60 KB
EACH: Final = "each"  # hand on every element of this array
WHOLE: Final = "whole"  # hand on this array or object
Wanted = str | dict[str, Any]  # EACH, WHOLE, or what is wanted of the members of this object or of every object in this array

BLANK = b" \t\r\n"
ARRAY, OBJECT = b"[{"


class Piece(NamedTuple):
    """What was found under `path` (keys from the root): elements of an array, a whole value, or the plain members of an object that ends.

    `number` is that of the first element, or of the object in its array, counted from 1. An object without plain members is not told of.
    """

    path: tuple[str, ...]
    number: int
    found: Sequence[bytes] = ()
    members: dict[str, Any] | None = None  # numbers as they are written
    fault: str | None = None  # what was not understood; `excerpt` shows it
    excerpt: str = ""


@dataclass(slots=True)
class _Frame:
    """An array or object that was entered; `number` is its own in the array it stands in, `count` that of its elements so far."""

    path: tuple[str, ...]
    level: int
    bracket: int
    wanted: Any
    number: int = 1
    count: int = 0
    members: dict[str, Any] = field(default_factory=dict)
    is_begun: bool = False  # a member or an element stood here, so a comma must follow
    batch: list[bytes] = field(default_factory=list)


def pieces(blocks: Iterable[bytes], elements: Wanted | None, members: dict[str, Any], largest: int = LARGEST) -> Iterator[Piece]:
    """What is wanted of one JSON text: of its `elements` where the root is an array, of its `members` where it is an object.

    Objects one after another are read as the elements of an array would be. An object alone, with none of the wanted members, is handed
    on whole with its plain members, under the empty path. SourceUnreadable where the text is no JSON, breaks off, or its brackets do
    not pair.
    """
    walk = _Walk(elements, members, largest)
    for block in blocks:
        if block:
            yield from walk.feed(block.replace(b"\n", b"\r"))
    yield from walk.end()


def blocks(stream: IO[bytes], encoding: str = "utf-8") -> Iterator[bytes]:
    """A stream in blocks, as UTF-8 without a mark."""
    decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
    is_first = True
    while block := stream.read(BLOCK):
        if decoder:
            block = decoder.decode(block).encode()
        yield block.removeprefix(codecs.BOM_UTF8) if is_first else block
        is_first = False


class _Walk:
    """Where in the text we are: in the frames entered so far, or in a value that is skipped or taken."""

    def __init__(self, elements: Wanted | None, members: dict[str, Any], largest: int) -> None:
        self._elements, self._members, self._largest = elements, members, largest
        self._brackets = Brackets(0)
        self._frames: list[_Frame] = []
        self._text, self._offset = b"", 0  # what of the file is still needed, and how many bytes came before it
        self._last = 0  # in the text; up to there all is dealt with
        self._inside: int | None = None  # the level of a value that is being skipped or taken
        self._begin: int | None = None  # where the value begins that is taken
        self._root: int | None = None  # where the root begins, while it may yet be the first of many
        self._path: tuple[str, ...] = ()
        self._is_oversize = self._is_over = self._is_lines = False
        self._alone: Piece | None = None
        self._said: list[Piece] = []
        self._known: dict[tuple[bytes, bool], tuple[dict[str, Any], str]] = {}

    def feed(self, block: bytes) -> list[Piece]:
        held = len(self._text)
        self._text += block
        if not (self._frames or self._is_over or self._alone or self._inside is not None):
            self._begin_root()
        marks = zip(*self._brackets.of(block), strict=True)
        for place, bracket, level in marks:
            if self._inside is None:
                self._bracket(held + place, bracket, level)
            elif level <= self._inside:
                self._close_value(held + place + 1)
                if self._frames and self._frames[-1].wanted == EACH:
                    self._regular(self._frames[-1], marks, held)
        self._trim()
        return self._spoken()

    def end(self) -> list[Piece]:
        """What is left to say at the end of the file."""
        if self._alone:
            self._after(self._text[self._last :])
            self._said.append(self._alone)
        elif self._is_lines and self._inside is None and not self._brackets.is_in_string:
            self._element_gap(self._frames[0], self._text[self._last :], is_end=True)
            self._flush(self._frames[0])
        elif self._is_over:
            self._after(self._text[self._last :])
        elif not self._frames and self._inside is None:
            raise SourceUnreadable("the file is empty; expected JSON", "empty")
        else:
            where = self._frames[-1] if self._frames else None
            after = f", after record {where.count - (self._inside is not None)}" if where and where.wanted == EACH else ""
            said = f"the JSON breaks off after {self._offset + len(self._text):,} bytes{after}; get the file again"
            raise SourceUnreadable(said, "cut_short")
        return self._spoken()

    # One bracket, and what stands before it ---------------------------------------------------------------------

    def _begin_root(self) -> None:
        start = self._text.lstrip(BLANK)
        if not start:
            return
        if start[0] not in (ARRAY, OBJECT):
            raise SourceUnreadable(f"the file begins with {start[:20]!r}; expected JSON")
        if start[0] == ARRAY and self._elements is None:
            raise SourceUnreadable("the file is a list; expected an object with named parts")
        self._brackets.deepest = (
            _deepest(self._elements, 0) if start[0] == ARRAY else max(_deepest(each, 1) for each in self._members.values())
        )

    def _bracket(self, at: int, bracket: int, level: int) -> None:
        opens = bracket & 2
        if not self._frames:
            self._outermost(at, bracket)
        elif not opens:
            self._close_frame(at, bracket)
        elif self._frames[-1].bracket == OBJECT:
            frame = self._frames[-1]
            key = self._member_gap(frame, self._text[self._last : at], is_end=False)
            self._open(at, bracket, level, (*frame.path, key), frame.wanted.get(key), frame.number)
        else:
            frame = self._frames[-1]
            self._element_gap(frame, self._text[self._last : at], is_end=False)
            frame.count += 1
            if frame.wanted == EACH:
                self._inside, self._begin, self._path = level, at, frame.path
            elif bracket == OBJECT:
                self._open(at, bracket, level, frame.path, frame.wanted, frame.count)
            else:
                self._fault(frame.path, frame.count, "a list where an object was expected", "")
                self._inside = level

    def _outermost(self, at: int, bracket: int) -> None:
        """A root: the first, or one more, which makes all of them lines."""
        if self._is_over or not bracket & 2:
            if not self._is_over:
                self._unpaired(at, bracket)
            return
        if self._alone:
            first, self._alone, self._is_lines = list(self._alone.found), None, True
            self._frames = [_Frame((), -1, 0, EACH, count=1, batch=first)]
            self._brackets.deepest = 0
            self._bracket(at, bracket, 0)
            return
        if self._text[self._last : at].strip(BLANK):
            raise SourceUnreadable(f"the file begins with {self._text[self._last : at].strip(BLANK)[:20]!r}; expected JSON")
        if bracket == OBJECT:
            self._root = at
        self._open(at, bracket, 0, (), self._elements if bracket == ARRAY else self._members, 1)

    def _open(self, at: int, bracket: int, level: int, path: tuple[str, ...], wanted: Any, number: int) -> None:
        """Enter a value, take it whole, or step over it."""
        if wanted is not None and level:
            self._root = None
        if wanted == WHOLE:
            self._inside, self._begin, self._path = level, at, path
        elif wanted == EACH and bracket == OBJECT:
            self._fault(path, number, "an object where a list was expected", "")
            self._inside = level
        elif wanted is None:
            self._inside = level
        else:
            self._frames.append(_Frame(path, level, bracket, wanted, number))
            self._last = at + 1

    def _close_value(self, end: int) -> None:
        if self._begin is not None:
            frame = self._frames[-1]
            is_each = frame.wanted == EACH
            if self._is_oversize or end - self._begin > self._largest:
                self._flush(frame)
                number = frame.count if is_each else frame.number
                self._fault(self._path, number, f"larger than {self._largest >> 20} MiB; no record is", "")
            elif is_each:
                frame.batch.append(self._text[self._begin : end])
            else:
                self._said.append(Piece(self._path, frame.number, [self._text[self._begin : end]]))
        self._inside = self._begin = None
        self._is_oversize = False
        self._last = end

    def _close_frame(self, at: int, bracket: int) -> None:
        frame = self._frames[-1]
        if bracket != frame.bracket + 2:
            self._unpaired(at, bracket)
        gap = self._text[self._last : at]
        if frame.bracket == OBJECT:
            self._member_gap(frame, gap, is_end=True)
        else:
            self._element_gap(frame, gap, is_end=True)
            self._flush(frame)
            if not frame.count:
                self._said.append(Piece(frame.path, 1))  # a list of nothing was there
        self._frames.pop()
        self._last = at + 1
        if frame.bracket == OBJECT:
            if not self._frames and self._root is not None:
                self._alone = Piece((), 1, [self._text[self._root : at + 1]], frame.members)
                self._root = None
                return
            if frame.members:
                self._said.append(Piece(frame.path, frame.number, members=frame.members))
        self._is_over = not self._frames

    def _regular(self, frame: _Frame, marks: Iterator[tuple[int, int, int]], held: int) -> None:
        """Elements that follow one another as they should: what `_bracket` and `_close_value` do, in a tenth of the time."""
        text, batch, at_level, between = self._text, frame.batch, frame.level + 1, b"" if self._is_lines else b","
        last, begin, begun = self._last, -1, 0
        for place, bracket, level in marks:
            if level > at_level:
                continue
            at = held + place
            if begin >= 0 and at - begin < self._largest:
                batch.append(text[begin : at + 1])
                last, begin = at + 1, -1
            elif begin < 0 and level == at_level and bracket & 2 and text[last:at].strip(BLANK) == between:
                begin, begun = at, begun + 1
            else:
                self._last, frame.count = last, frame.count + begun
                if begin >= 0:
                    self._inside, self._begin, self._path = at_level, begin, frame.path
                    self._close_value(at + 1)
                else:
                    self._bracket(at, bracket, level)
                return
        self._last, frame.count = last, frame.count + begun
        if begin >= 0:
            self._inside, self._begin, self._path = at_level, begin, frame.path

    # What stands between brackets -------------------------------------------------------------------------------

    def _member_gap(self, frame: _Frame, gap: bytes, is_end: bool) -> str:
        """Take the plain members in it; the key of the value that follows."""
        found = self._known.get((gap, frame.is_begun)) if not is_end else None
        if found is None:
            text = gap.strip(BLANK)
            if not text and is_end:
                return ""
            try:
                if frame.is_begun:
                    if not text.startswith(b","):
                        raise ValueError
                    text = text[1:]
                said: dict[str, Any] = json.loads(b"{" + text + (b"}" if is_end else b" null}"), parse_int=str, parse_float=str)
            except (ValueError, RecursionError):
                self._fault(frame.path, frame.number, "no JSON between the members of an object", _shown(gap))
                return ""
            key = "" if is_end else next(reversed(said))
            if not is_end:
                del said[key]
            found = said, key
            if len(gap) <= 64 and len(self._known) < 1000:
                self._known[gap, frame.is_begun] = found
        frame.is_begun = True
        frame.members |= found[0]
        return found[1]

    def _element_gap(self, frame: _Frame, gap: bytes, is_end: bool) -> None:
        """Take the elements in it that are neither object nor list; nearly always there are none."""
        text = gap.strip(BLANK)
        if self._is_lines:
            if text:
                self._fault(frame.path, frame.count, "no JSON after this record", _shown(text))
            return
        if text == (b"," if frame.is_begun and not is_end else b""):
            frame.is_begun = True
            return
        try:
            if frame.is_begun:
                if not text.startswith(b","):
                    raise ValueError
                text = text[1:]
            if not is_end:
                if not text.endswith(b","):
                    raise ValueError
                text = text[:-1]
            plain = json.loads(b"[" + text + b"]")
            if not plain:
                raise ValueError
        except (ValueError, RecursionError):
            self._flush(frame)
            self._fault(frame.path, frame.count, "no JSON after this record", _shown(gap))
        else:
            if frame.wanted == EACH:
                frame.batch += [json.dumps(each).encode() for each in plain]
            else:
                self._fault(frame.path, frame.count + 1, "a plain value where an object was expected", _shown(gap))
            frame.count += len(plain)
        frame.is_begun = True

    def _after(self, text: bytes) -> None:
        if text.strip(BLANK):
            self._fault((), 1, "bytes after the end of the JSON", _shown(text))

    # Telling ----------------------------------------------------------------------------------------------------

    def _flush(self, frame: _Frame) -> None:
        if frame.batch:
            whole = frame.count - (self._begin is not None)
            self._said.append(Piece(frame.path, whole - len(frame.batch) + 1, frame.batch))
            frame.batch = []

    def _fault(self, path: tuple[str, ...], number: int, fault: str, excerpt: str) -> None:
        self._said.append(Piece(path, number, fault=fault, excerpt=excerpt))

    def _spoken(self) -> list[Piece]:
        if self._frames:
            self._flush(self._frames[-1])
        said, self._said = self._said, []
        return said

    def _unpaired(self, at: int, bracket: int) -> NoReturn:
        raise SourceUnreadable(
            f"byte {self._offset + at:,}: {chr(bracket)!r} closes what was not opened; the file is damaged: get it again"
        )

    def _trim(self) -> None:
        """Let go of the text that nothing needs any more."""
        if self._begin is not None:
            if len(self._text) - self._begin > self._largest:
                self._is_oversize, self._begin = True, len(self._text)
            keep = self._begin
        elif self._is_over:
            keep = min(self._last, len(self._text))
            self._text = self._text[: keep + 4 * EXCERPT]
        elif self._inside is not None:
            keep = len(self._text)
        else:
            keep = self._last
        if self._root is not None:
            keep = self._root
        if len(self._text) - keep > self._largest:
            if self._root is None:
                raise SourceUnreadable(
                    f"byte {self._offset + keep:,}: {self._largest >> 20} MiB without a bracket; no directory is so", "too_large"
                )
            self._root = None
            self._trim()
            return
        self._text = self._text[keep:]
        self._offset += keep
        self._last -= keep
        self._begin = None if self._begin is None else self._begin - keep
        self._root = None if self._root is None else self._root - keep


def _deepest(wanted: Wanted | None, level: int) -> int:
    """The level of the deepest bracket that a plan looks at, in a value at `level`."""
    if isinstance(wanted, dict):
        return max(_deepest(each, level + 2) for each in wanted.values())
    return level + (wanted == EACH)


def _shown(text: bytes) -> str:
    return collapsed(text[: 4 * EXCERPT].decode(errors="replace"))[:EXCERPT]
