"""Bodies on disk: each once, compressed, named by the SHA-256 of its bytes, and there after a power cut or not at all."""

import gzip
import hashlib
import json
import os
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from scrapers.records import Evidence, Refused

HEAD = 65_536
DAMAGED = (FileNotFoundError, gzip.BadGzipFile, EOFError, zlib.error)


class Draft:
    """A body on its way to disk: hashed and compressed as it comes, never whole in memory. Discarded unless an attempt takes it."""

    def __init__(self, blobs: Path) -> None:
        self._blobs = blobs
        self._part = blobs / f"{uuid.uuid4().hex}.part"
        self._raw = self._part.open("wb")
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=self._raw, mtime=0)
        self._hash = hashlib.sha256()
        self.byte_count = 0
        self.head = b""  # the first HEAD bytes
        self.tail = b""  # the last few

    def write(self, chunk: bytes) -> None:
        self._gzip.write(chunk)
        self._hash.update(chunk)
        self.byte_count += len(chunk)
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        self.tail = (self.tail + chunk[-64:])[-64:]

    def body(self) -> bytes:
        """All of it so far, in memory; nothing can be written after this."""
        self._close()
        return gzip.decompress(self._part.read_bytes())

    def commit(self) -> str:
        """Put the body under its name, durably; returns its SHA-256."""
        self._close()
        sha256 = self._hash.hexdigest()
        path = blob_of(self._blobs, sha256)
        make(path.parent)
        if sha256_of(path) != sha256:  # not there yet, or no longer what it was
            self._part.replace(path)
            sync(path.parent)
        return sha256

    def _close(self) -> None:
        if not self._raw.closed:
            self._gzip.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gzip.close()
        self._raw.close()
        self._part.unlink(missing_ok=True)


def read(evidence: Evidence, limit: int | None = None) -> bytes:
    """The body, verified. Refused when it is not what was kept, or is larger than `limit` bytes."""
    if limit is not None and evidence.byte_count > limit:
        raise Refused(f"evidence {evidence.id} ({evidence.url}) has {evidence.byte_count:,} bytes, expected at most {limit:,}")
    sentence = f"evidence {evidence.id} ({evidence.url}) no longer has the SHA-256 it was kept under; restore {evidence.path} from a backup"
    try:
        body = b"".join(_chunks(evidence.path))
    except DAMAGED as error:
        raise Refused(sentence) from error
    if hashlib.sha256(body).hexdigest() != evidence.sha256:
        raise Refused(sentence)
    return body


def blob_of(blobs: Path, sha256: str) -> Path:
    return blobs / sha256[:2] / f"{sha256}.gz"


def _chunks(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as body:
        while chunk := body.read(1 << 20):
            yield chunk


def sha256_of(path: Path) -> str | None:
    """Of the bytes inside a blob; None when there are none to be had."""
    found = hashlib.sha256()
    try:
        for chunk in _chunks(path):
            found.update(chunk)
    except DAMAGED:
        return None
    return found.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return said


def write_json(path: Path, said: dict[str, Any]) -> None:
    """All of it or none of it, also across a power cut."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync(path.parent)


def make(folder: Path) -> None:
    if not folder.exists():
        make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut. Windows neither offers nor needs it."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
