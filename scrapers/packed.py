"""What lies in a kept body that came packed: read as a stream, and refused before it can flood a disk, a memory or a folder.

A body is plain, gzip or zip. One layer is unpacked and never more: a file that is itself an archive is refused, and a workbook is handed
on as it is.
Nothing is ever written under a name that an archive gives.
"""

import gzip
import io
import re
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from scrapers.records import Refused, SourceUnreadable

LARGEST = 256 * 1000**3  # bytes of everything unpacked; the largest files an insurer must publish come near it
RATIO = 200  # unpacked bytes to a packed one; tables of real rows stay below 100, nothing but noughts is 230 to 1,030
SUDDEN = 16 * 1000**2  # bytes below which no ratio is suspicious
MEMBERS = 10_000
DIRECTORY = 16 * 1024**2  # bytes of a zip's table of contents, which zipfile holds in memory whole
CHUNK = 1024**2
GZIP, ZIP, ZSTD = b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
WORKBOOK = (".xlsx", ".xlsm", ".xlsb", ".ods")  # archives to a machine, one document to a person
CHATTER = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")  # what a system adds to a folder unasked
CLIMBS = re.compile(r"^/|^[A-Za-z]:|\\|(^|/)\.\.(/|$)|[\x00-\x1f]")
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, struct.error, NotImplementedError, UnicodeDecodeError)


def members(path: Path, limit_bytes: int = LARGEST, folder: Path | None = None) -> Iterator[tuple[str, IO[bytes]]]:
    """(name, stream) of each file in the body that the gzip blob at `path` holds; one member named "" where the body is plain or gzip.

    A stream is good until the next member is asked for. A zip's bytes lie in a nameless temporary file in `folder` meanwhile.
    SourceUnreadable in one sentence: too_large (size, ratio, number of files), cut_short (torn, or a checksum is wrong), or changed_shape
    (a name that climbs or stands twice, a link, a password, an archive in the archive).
    """
    what = f"evidence {path.name.split('.')[0][:12]}"
    with gzip.open(path) as blob:
        yield from _inside(_stream(blob.read, _lost(path), lambda count: None), what, limit_bytes, folder)


def arriving(body: IO[bytes], what: str, limit_bytes: int = LARGEST) -> Iterator[tuple[str, IO[bytes]]]:
    """As `members`, of a body that is not kept yet; `what` it is, in a sentence."""
    yield from _inside(_stream(body.read, _torn(what), lambda count: None), what, limit_bytes, None)


@contextmanager
def opened(path: Path, limit_bytes: int = LARGEST, folder: Path | None = None) -> Iterator[IO[bytes]]:
    """The one file in the body, as a stream; SourceUnreadable where there are several, or none."""
    inside = members(path, limit_bytes, folder)
    name, stream = next(inside, (None, None))
    if stream is None:
        raise SourceUnreadable(f"evidence {path.name[:12]} is a zip of no file at all; expected one", "empty")
    yield stream
    if (another := next(inside, None)) is not None:
        raise SourceUnreadable(f"evidence {path.name[:12]} is a zip of several files ({name!r}, {another[0]!r} …); expected one")


def repacked(path: Path, into: Path, limit_bytes: int) -> None:
    """Write a workbook anew at `into`, from what was proved of it: for a reader that trusts what an archive says of itself."""
    stored(members(path, limit_bytes, into.parent), into)


def stored(files: Iterable[tuple[str, IO[bytes]]], into: Path | IO[bytes]) -> None:
    """Write files as a zip whose bytes are the same on any machine: without days, and not packed."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as plain:
        for name, stream in files:
            with plain.open(zipfile.ZipInfo(name), "w", force_zip64=True) as copy:
                shutil.copyfileobj(stream, copy, CHUNK)


def _inside(body: io.BufferedReader, what: str, limit_bytes: int, folder: Path | None) -> Iterator[tuple[str, IO[bytes]]]:
    head = body.peek(4)[:4]
    if head[:2] == GZIP:
        with _unpacked(body, what, limit_bytes) as inside:
            yield "", _alone(inside, what, "")
    elif head == ZIP or head == b"PK\x05\x06":
        yield from _of_zip(body, what, limit_bytes, folder)
    elif head == ZSTD:
        raise SourceUnreadable(f"{what} is packed by zstd, which is not read here; unpack it (zstd -d), or take it as gzip or as it is")
    else:
        yield "", _stream(body.read, _torn(what), _budget(what, limit_bytes))


def _of_zip(body: IO[bytes], what: str, limit_bytes: int, folder: Path | None) -> Iterator[tuple[str, IO[bytes]]]:
    with tempfile.TemporaryFile(dir=folder) as spool:
        shutil.copyfileobj(body, spool, CHUNK)
        if (size := _directory_bytes(spool)) > DIRECTORY:
            _too_large(f"{what} is a zip whose table of contents alone has {size:,} bytes; expected at most {DIRECTORY:,}")
        try:
            archive = zipfile.ZipFile(spool)
        except (*DAMAGED, ValueError) as error:
            raise SourceUnreadable(f"{what} is a zip that breaks off or is damaged ({error}); get it again", "cut_short") from error
        with archive:
            spend = _budget(what, limit_bytes)
            for info in _wanted(archive, what, limit_bytes):
                torn = _torn(f"{what}, {_short(info.filename)}")
                with _translated(torn):
                    inside = archive.open(info)
                with inside:
                    yield info.filename, _alone(_stream(inside.read, torn, spend), what, info.filename)


def _wanted(archive: zipfile.ZipFile, what: str, limit_bytes: int) -> list[zipfile.ZipInfo]:
    """The files of an archive in their order, every one of them of a sort we open, before the first is opened."""
    listed = archive.infolist()
    if len(listed) > MEMBERS:
        _too_large(f"{what} is a zip of {len(listed):,} files; expected at most {MEMBERS:,}")
    seen: set[str] = set()
    for info in listed:
        named = f"{what}, {_short(info.orig_filename)}"
        if CLIMBS.search(info.orig_filename) or not info.orig_filename:
            raise SourceUnreadable(f"{named} is a name that leads out of its archive; pack the files again under plain names")
        folded = unicodedata.normalize("NFC", info.filename).casefold()
        if folded in seen:
            raise SourceUnreadable(f"{named} stands in the archive twice, so we cannot tell which is meant; keep one")
        seen.add(folded)
        if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise SourceUnreadable(f"{named} is a link or a device; pack the files themselves")
        if info.header_offset < 0:
            raise SourceUnreadable(f"{named} lies before the archive begins; get it again", "cut_short")
        if info.flag_bits & 0x2041:
            raise SourceUnreadable(f"{named} is locked with a password; unpack it and give the files")
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise SourceUnreadable(f"{named} is packed by method {info.compress_type}; expected deflate (8): pack it again as a plain zip")
        if info.file_size > SUDDEN and info.file_size > RATIO * max(info.compress_size, 1):
            _sudden(named, info.compress_size, info.file_size)
    if (total := sum(info.file_size for info in listed)) > limit_bytes:
        largest = max(listed, key=lambda info: info.file_size)
        said = f"{_short(largest.filename)} alone {largest.file_size:,}"
        _too_large(f"{what} would unpack to {total:,} bytes ({said}); expected at most {limit_bytes:,}")
    return [info for info in listed if not info.is_dir() and not CHATTER.search(info.filename)]


@contextmanager
def _unpacked(body: IO[bytes], what: str, limit_bytes: int) -> Iterator[io.BufferedReader]:
    """What a gzip body holds, within its limits."""
    taken = made = 0
    within = _budget(what, limit_bytes)

    def take(count: int) -> None:
        nonlocal taken
        taken += count

    def make(count: int) -> None:
        nonlocal made
        made += count
        within(count)
        if made > SUDDEN and made > RATIO * taken:
            _sudden(what, taken, made)

    with gzip.GzipFile(fileobj=_stream(body.read, _torn(what), take)) as inside:
        yield _stream(inside.read, _torn(what), make)


class _Counted(io.RawIOBase):
    """A stream whose every read is counted, and whose damage is said in a sentence."""

    def __init__(self, read: Callable[[int], bytes], torn: Callable[[Exception], Refused], count: Callable[[int], None]) -> None:
        self._read, self._torn, self._count = read, torn, count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _translated(self._torn):
            chunk = self._read(len(buffer))
        self._count(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _stream(read: Callable[[int], bytes], torn: Callable[[Exception], Refused], count: Callable[[int], None]) -> io.BufferedReader:
    return io.BufferedReader(_Counted(read, torn, count), 128 * 1024)


@contextmanager
def _translated(torn: Callable[[Exception], Refused]) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise torn(error) from error


def _torn(what: str) -> Callable[[Exception], Refused]:
    return lambda error: SourceUnreadable(f"{what} is packed, and breaks off or is damaged ({error}); get it again", "cut_short")


def _lost(path: Path) -> Callable[[Exception], Refused]:
    return lambda error: Refused(f"evidence in {path} is no longer what was kept ({error}); restore it from a backup")


def _budget(what: str, limit_bytes: int) -> Callable[[int], None]:
    """Counts bytes, of one stream or several, and refuses the one that is too many."""
    spent = 0

    def spend(count: int) -> None:
        nonlocal spent
        spent += count
        if spent > limit_bytes:
            _too_large(f"{what} unpacks to more than {limit_bytes:,} bytes, the most we read of such a file")

    return spend


def _alone(stream: io.BufferedReader, what: str, name: str) -> io.BufferedReader:
    """The stream, unless it is an archive again."""
    head = stream.peek(4)[:4]
    if head[:2] == GZIP or (head == ZIP and not name.lower().endswith(WORKBOOK)):
        named = f", {_short(name)}," if name else ""
        raise SourceUnreadable(f"{what}{named} is an archive within an archive; unpack it and give the files", "too_large")
    return stream


def _directory_bytes(file: IO[bytes]) -> int:
    """How large a zip says its table of contents is (APPNOTE 4.3.14, 4.3.16); 0 where it says nothing, which zipfile then refuses."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 65_557 - 20 - 56))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return 0
    stated: int = struct.unpack_from("<L", tail, at + 12)[0]
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    return max(stated if stated != 0xFFFFFFFF else 0, struct.unpack_from("<Q", tail, wide + 40)[0] if 0 <= wide <= at - 56 else 0)


def _sudden(what: str, packed: int, unpacked: int) -> NoReturn:
    _too_large(f"{what} unpacks from {packed:,} bytes to {unpacked:,} or more, over {RATIO} times; no list of providers does")


def _too_large(said: str) -> NoReturn:
    raise SourceUnreadable(said, "too_large")


def _short(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:79] + "…")
