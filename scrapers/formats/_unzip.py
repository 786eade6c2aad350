"""The files of a zip while it is still arriving, for archives too large to be kept whole or laid on a disk.

What the table of contents at a zip's end would say is not known yet; each file's own header and checksum are. APPNOTE.TXT, 4.3.7 and 4.3.9.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

from scrapers.packed import LARGEST, RATIO, SUDDEN
from scrapers.records import SourceUnreadable

HEADER = struct.Struct("<4s5H3L2H")
FILE, STATED_AFTER, LOCKED, WIDE = b"PK\x03\x04", 0x08, 0x2041, 0xFFFFFFFF
STORED, DEFLATED = 0, 8
CHUNK = 1 << 20


class Arriving:
    """Bytes that come in chunks, taken in the sizes we want."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._held = iter(chunks), b""

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, or fewer where no more come; they are still to be taken."""
        while len(self._held) < count and (chunk := next(self._chunks, None)) is not None:
            self._held += chunk
        return self._held[:count]

    def take(self, count: int) -> bytes:
        """The next `count` bytes. cut_short where fewer come."""
        taken = self.peek(count)
        if len(taken) < count:
            raise SourceUnreadable("the zip breaks off; get it again", "cut_short")
        self._held = self._held[count:]
        return taken

    def some(self, at_most: int = CHUNK) -> bytes:
        """Whatever comes next; nothing at the end."""
        held = self.peek(1) and self._held[:at_most]
        self._held = self._held[len(held) :]
        return held

    def give_back(self, rest: bytes) -> None:
        self._held = rest + self._held


def first_name(head: bytes) -> str:
    """The name of the first file of a zip that begins so; "" where it is no zip."""
    if not head.startswith(FILE) or len(head) < HEADER.size:
        return ""
    return head[HEADER.size : HEADER.size + HEADER.unpack_from(head)[9]].decode(errors="replace")


def unzipped(arriving: Arriving) -> Iterator[tuple[str, Iterator[bytes]]]:
    """(name, its bytes) of each file in turn; what is not read of one is passed over when the next is asked for.

    SourceUnreadable: cut_short (torn, or a checksum is wrong), too_large, changed_shape (a password, another method than deflate).
    """
    while arriving.peek(4) == FILE:
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = HEADER.unpack(arriving.take(HEADER.size))
        name = arriving.take(name_length).decode(errors="replace")
        extra = arriving.take(extra_length)
        if flags & LOCKED or method not in (STORED, DEFLATED) or (method == STORED and flags & STATED_AFTER):
            raise SourceUnreadable(
                f"{name[:80]!r} in the zip is locked, or packed in a way that cannot be read as it comes; unpack it by hand"
            )
        if WIDE in (packed, size):
            size, packed = _wide(extra, size, packed, name)
        stated = None if flags & STATED_AFTER else (crc, packed, size)
        inside = _inflated(arriving, name, stated) if method == DEFLATED else _copied(arriving, name, crc, size)
        yield name, inside
        for _ in inside:
            pass


def _wide(extra: bytes, size: int, packed: int, name: str) -> tuple[int, int]:
    """The sizes of a file beyond 4 GB: 8 bytes each, in the header's extra field 1, where the header itself says nothing."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1 and length >= 16 and at + 20 <= len(extra):
            wide_size, wide_packed = struct.unpack_from("<2Q", extra, at + 4)
            return (wide_size if size == WIDE else size), (wide_packed if packed == WIDE else packed)
        at += 4 + length
    raise SourceUnreadable(f"{name[:80]!r} in the zip states no size; get it again", "cut_short")


def _inflated(arriving: Arriving, name: str, stated: tuple[int, int, int] | None) -> Iterator[bytes]:
    engine, crc, taken, made = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0, 0
    try:
        while not engine.eof:
            chunk = engine.unconsumed_tail
            if not chunk:
                if not (chunk := arriving.some()):
                    raise SourceUnreadable(f"{name[:80]!r} in the zip breaks off after {made:,} bytes; get it again", "cut_short")
                taken += len(chunk)
            piece = engine.decompress(chunk, CHUNK)
            crc, made = zlib.crc32(piece, crc), made + len(piece)
            if made > LARGEST or (made > SUDDEN and made > RATIO * taken):
                raise SourceUnreadable(f"{name[:80]!r} unpacks from {taken:,} bytes to {made:,} or more; no registry does", "too_large")
            yield piece
    except zlib.error as error:
        raise SourceUnreadable(f"{name[:80]!r} in the zip is damaged ({error}); get it again", "cut_short") from error
    arriving.give_back(engine.unused_data)
    found = (crc, taken - len(engine.unused_data), made)
    if stated is None:
        forms = [
            mark + struct.pack(shape, *found) for mark in (b"PK\x07\x08", b"") for shape in ("<L2Q", "<3L") if made <= WIDE or "Q" in shape
        ]
        after = next((form for form in forms if arriving.peek(len(form)) == form), b"")
        arriving.take(len(after))
        stated = found if after else None
    if stated != found:
        raise SourceUnreadable(f"{name[:80]!r} in the zip is not what its checksum says; get it again", "cut_short")


def _copied(arriving: Arriving, name: str, crc: int, size: int) -> Iterator[bytes]:
    found, left = 0, size
    while left:
        if not (piece := arriving.some(min(left, CHUNK))):
            raise SourceUnreadable(f"{name[:80]!r} in the zip breaks off; get it again", "cut_short")
        found, left = zlib.crc32(piece, found), left - len(piece)
        yield piece
    if found != crc:
        raise SourceUnreadable(f"{name[:80]!r} in the zip is not what its checksum says; get it again", "cut_short")
