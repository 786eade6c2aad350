"""A folder as a BagIt 1.0 bag (RFC 8493), and names that are legal everywhere.

A bag here always has bagit.txt, bag-info.txt, manifest-sha256.txt over data/ and tagmanifest-sha256.txt over every other file in it.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TextIO

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST, TAGS = "manifest-sha256.txt", "tagmanifest-sha256.txt"
LINE = re.compile(r"([0-9a-f]{64})  ?\*?(.+)")  # as sha256sum and shasum write it
LONGEST = 120  # characters of a path inside a packet
RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)  # names that Windows keeps for devices
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')


def close(folder: Path, info: Mapping[str, str]) -> None:
    """Make a bag of a folder whose payload lies in data/ and whose further tag files lie beside it."""
    payload = [path for path in files(folder) if path.startswith("data/")]
    sizes = [(folder / path).stat().st_size for path in payload]
    write(folder / "bagit.txt", DECLARATION)
    info = {**info, "Payload-Oxum": f"{sum(sizes)}.{len(sizes)}"}
    write(folder / "bag-info.txt", "".join(f"{name}: {' '.join(value.split())}\n" for name, value in info.items()))
    write(folder / MANIFEST, sums(folder, payload))
    write(folder / TAGS, sums(folder, [path for path in files(folder) if not path.startswith("data/")]))


def files(folder: Path) -> list[str]:
    """Every file below a folder, by its path with slashes, in one order on any machine."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def sums(folder: Path, paths: Iterable[str]) -> str:
    """A line for each file, as sha256sum writes and checks it."""
    return "".join(f"{sha256(folder / path)}  {path}\n" for path in paths)


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, said: str | bytes) -> None:
    """A file with exactly these bytes on any system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(said.encode() if isinstance(said, str) else said)


def opened(path: Path) -> TextIO:
    """The same for a text too long to be held whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="")


def listed(text: str) -> Iterator[tuple[str, str]]:
    """(hash, path) of each line of a manifest. Raises ValueError at a line that is none."""
    for number, line in enumerate(text.splitlines(), 1):
        if (match := LINE.fullmatch(line)) is None:
            raise ValueError(f"line {number} is not a SHA-256 and a path")
        yield match[1], match[2]


def fault(path: str) -> str | None:
    """Why a path may not stand in a packet; None where it may.

    >>> fault("data/exhibits/exhibits-001.html")
    >>> fault("../elsewhere"), fault("C:/x"), fault("data/aux.csv")
    ('leads out of its folder', 'holds a character that no path may hold', 'is a name that Windows keeps for a device')
    """
    parts = PurePosixPath(path).parts
    if path.startswith(("/", "~")):
        return "is no path inside the packet"
    if FORBIDDEN.search(path):
        return "holds a character that no path may hold"
    if ".." in parts:
        return "leads out of its folder"
    if not parts or path != "/".join(parts) or "." in parts:
        return "is written in a roundabout way"
    if len(path) > 2 * LONGEST:
        return "is too long"
    if any(RESERVED.fullmatch(part) for part in parts):
        return "is a name that Windows keeps for a device"
    if any(part.endswith((".", " ")) or part.startswith(" ") for part in parts):
        return "begins with a blank, or ends with a blank or a point"
    return None


def folded(path: str) -> str:
    """The form in which two names are one on a system that does not tell cases or composed letters apart."""
    return unicodedata.normalize("NFC", path).casefold()
