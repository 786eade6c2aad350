"""How a text table is written: detected where its card does not say, stated in a sentence, and never papered over.

Encoding: a byte order mark, else strict utf-8, else windows-1252 (latin-1 where even that has no such letter). A file that holds real
utf-8 letters and a damaged one is utf-8 all the same, and the damaged row is a problem.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scrapers.records import Source, SourceUnreadable

HEAD = 64 * 1024  # bytes from which a dialect is read
FIRST_ROWS = 30  # among them stands the header, if there is one
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
QUOTES = {"double": '"', "single": "'", "none": ""}
CHUNK = 1024**2
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")  # beyond ASCII, in utf-8
NOT_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one table is written: its letters, what parts and quotes its fields, where its header stands."""

    encoding: str
    header: tuple[str, ...]  # theirs, in their order
    delimiter: str = ","
    quote: str = '"'  # empty: quotes mean nothing
    skip: int = 0  # lines in front of the first row of data
    is_trailing: bool = False  # every row ends with one delimiter more
    widths: tuple[tuple[int, int], ...] = ()  # fixed width: first and last position of each column, from 1
    detected: tuple[str, ...] = ()  # what the card does not say

    def __str__(self) -> str:
        if self.widths:
            return f"{self.encoding}, fixed width, {len(self.header)} columns up to position {max(last for _, last in self.widths)}"
        parted = DELIMITERS.get(self.delimiter, repr(self.delimiter))
        quoted = {"": "no quotes", '"': "double quotes", "'": "single quotes"}[self.quote]
        above = f", {self.skip} line{'s' * (self.skip != 1)} above the data" if self.skip else ", no header"
        guessed = f" (detected: {', '.join(self.detected)})" if self.detected else ""
        ends = ", one delimiter too many at the end of each row" if self.is_trailing else ""
        return f"{self.encoding}, fields parted by {parted}, {quoted}, {len(self.header)} columns{above}{ends}{guessed}"


def encoding_of(sample: bytes, *, whole: bool = True) -> str:
    """The encoding of some bytes; `whole=False` where the last character may be cut in two.

    >>> encoding_of("Núñez".encode()), encoding_of("Núñez".encode("cp1252")), encoding_of("Núñez".encode("utf-16"))
    ('utf-8', 'windows-1252', 'utf-16')
    """
    for mark, encoding in MARKS:
        if sample.startswith(mark):
            return encoding
    if sample.count(0, 1) > len(sample) // 4:  # half of the bytes of plain text in utf-16 are noughts
        return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=whole)
    except UnicodeDecodeError:
        return "utf-8" if LETTER.search(sample) else _of_one_byte(sample)
    return "utf-8"


def lay_out(body: IO[bytes], into: Path, source: Source) -> str:
    """Write a text as utf-8 with LF line ends; the encoding it was in, whether the card or its own bytes say so."""
    stated = source.options.get("encoding")
    head = body.read(HEAD)
    encoding = str(stated or encoding_of(head, whole=False))
    if not stated and encoding in ("windows-1252", "latin-1"):
        encoding = "utf-8"  # the whole body decides: a letter in real utf-8 may come later
    is_plain = encoding == "utf-8"
    first = head.decode(encoding, errors="ignore")
    lone = "\r" in first and "\n" not in first
    check, is_valid, is_utf8, is_windows = codecs.getincrementaldecoder("utf-8")(), True, False, True
    decoder, chunk = codecs.getincrementaldecoder(encoding)(), head.removeprefix(codecs.BOM_UTF8) if is_plain else head
    with into.open("wb") as flat:
        kept = b""
        while chunk:
            if is_plain:
                try:
                    if is_valid:
                        check.decode(chunk)
                except UnicodeDecodeError:
                    is_valid = False
                if not chunk.isascii():
                    is_utf8, is_windows = is_utf8 or bool(LETTER.search(chunk)), is_windows and not NOT_WINDOWS.search(chunk)
            else:
                chunk = _decoded(decoder, chunk, source, encoding)
            if b"\0" in chunk:
                raise SourceUnreadable(f"{source.name}: the file holds a byte that no text holds (0); expected a table as text")
            chunk = kept + chunk
            kept = b"\r" if chunk.endswith(b"\r") else b""
            flat.write(_line_ends(chunk[: len(chunk) - len(kept)], lone))
            chunk = body.read(CHUNK)
        flat.write(b"\n" if kept else b"")
        if not is_plain:
            flat.write(_decoded(decoder, b"", source, encoding, last=True))
    if is_plain and not stated and not is_valid and not is_utf8:
        encoding = "windows-1252" if is_windows else "latin-1"
        _rewrite(into, encoding)
    return encoding


def of(text: str, source: Source, wanted: Set[str], same: Callable[[str], str], encoding: str) -> Dialect:
    """The dialect of a table that begins with `text`; `wanted` is what its header must hold, in the form that `same` gives it."""
    if not text.strip():
        raise SourceUnreadable(f"{source.name}: the file is empty; expected a row of column names", "empty")
    options = source.options
    widths = options.get("widths")
    if widths:
        header, places = tuple(widths), tuple((first, last) for first, last in widths.values())
        first = text.split("\n", 1)[0]
        says = [same(first[begin - 1 : end]) for begin, end in places]
        return Dialect(encoding=encoding, header=header, widths=places, skip=int(says == [same(each) for each in header]))
    if text.lstrip()[0] in "<{[":
        raise SourceUnreadable(f"{source.name}: the file begins with {text.lstrip()[:20]!r}, like a page or JSON; expected a table in CSV")
    stated = {"tab": "\t"}.get(options.get("delimiter", ""), options.get("delimiter"))
    best: tuple[bool, int, Dialect] | None = None
    for delimiter in [stated] if stated else DELIMITERS:
        quote = QUOTES[options["quote"]] if "quote" in options else _quote(text, delimiter)
        rows = _rows(text, delimiter, quote)
        found = next((at for at, (_, row) in enumerate(rows) if wanted <= {same(each) for each in row}), None)
        dialect = _shape(source, rows, found or 0, delimiter, quote, encoding)
        rank = (found is not None, len(dialect.header) if "header" not in options else len(rows[0][1]), dialect)
        best = rank if best is None or rank[:2] > best[:2] else best
    assert best is not None  # noqa: S101 there is at least one delimiter to try
    if not any(each.strip() for each in best[2].header):
        raise SourceUnreadable(f"{source.name}: the first row is blank; expected a row of column names", "empty")
    return best[2]


def _shape(source: Source, rows: list[tuple[int, list[str]]], at: int, delimiter: str, quote: str, encoding: str) -> Dialect:
    """The dialect in which row `at` is the header, or the card holds the header."""
    options = source.options
    if "header" in options:
        header, skip, data = tuple(options["header"]), 0, [row for _, row in rows]
    else:
        header, skip, data = tuple(rows[at][1]), rows[at][0], [row for _, row in rows[at + 1 :]]
    is_trailing = bool(header) and not header[-1].strip() and not any(row[len(header) - 1 :] > [""] for row in data)
    header = header[:-1] if is_trailing else header
    is_trailing = is_trailing or (bool(data) and len(data[0]) == len(header) + 1 and not data[0][-1].strip())
    detected = [key for key in ("encoding", "delimiter", "quote") if key not in options]
    return Dialect(
        encoding=encoding,
        header=header,
        delimiter=delimiter,
        quote=quote,
        skip=skip,
        is_trailing=is_trailing,
        detected=tuple(detected),
    )


def _rows(text: str, delimiter: str, quote: str) -> list[tuple[int, list[str]]]:
    """(number of its last line, its fields) of each of the first rows."""
    how = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **how)
    rows = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
            if len(rows) == FIRST_ROWS:
                break
    except csv.Error:  # a field longer than any real one: what stands in front of it is enough
        pass
    return rows or [(0, [])]


def _quote(text: str, delimiter: str) -> str:
    """Whether double quotes enclose fields here, or are letters like any other; without one in sight, what is usual."""
    part = re.escape(delimiter)
    if re.search(rf'(?:^|{part}|\n)"(?:[^"]|"")*"(?={part}|\r|\n|$)', text):
        return '"'
    return "" if '"' in text or delimiter == "|" else '"'


def _of_one_byte(sample: bytes) -> str:
    return "latin-1" if NOT_WINDOWS.search(sample) else "windows-1252"


def _line_ends(chunk: bytes, lone: bool) -> bytes:
    """CR LF and LF are line ends; a CR alone is one only where there is nothing else, and a blank within a field otherwise."""
    chunk = chunk.replace(b"\r\n", b"\n") if b"\r" in chunk else chunk
    return chunk.replace(b"\r", b"\n" if lone else b" ") if b"\r" in chunk else chunk


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, source: Source, encoding: str, *, last: bool = False) -> bytes:
    try:
        return decoder.decode(chunk, last).removeprefix("\ufeff").encode()
    except UnicodeError as damage:
        said = f"{source.name}: {damage}; the file is not {encoding}; correct `encoding:` on the card, or leave it out"
        raise SourceUnreadable(said) from None


def _rewrite(path: Path, encoding: str) -> None:
    """The file in utf-8 that was written in `encoding`."""
    again = path.with_suffix(".utf8")
    with path.open("rb") as old, again.open("wb") as new:
        while chunk := old.read(CHUNK):
            new.write(chunk.decode(encoding).encode())
    again.replace(path)
