"""Packed bodies: what is inside is streamed, and what would flood, climb or mislead is refused by size and name."""

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from scrapers import packed
from scrapers.packed import members, opened, repacked
from scrapers.records import Refused, SourceUnreadable
from tests.scrapers.measured import measured

ROLL = b"number,name\nMA61000001,Ashdale\n"


def kept(folder: Path, body: bytes) -> Path:
    """The body as evidence keeps it."""
    blob = folder / "blob.gz"
    blob.write_bytes(gzip.compress(body, mtime=0))
    return blob


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, body in files:
            archive.writestr(name, body, None if isinstance(name, str) else method)
    return made.getvalue()


def read(blob: Path, limit: int = packed.LARGEST) -> list[tuple[str, bytes]]:
    return [(name, stream.read()) for name, stream in members(blob, limit, blob.parent)]


def refused(blob: Path, limit: int = packed.LARGEST) -> tuple[str, str]:
    """(failure, sentence) of a body that nothing is read of."""
    with pytest.raises(SourceUnreadable) as reason:
        read(blob, limit)
    assert "\n" not in str(reason.value)
    return reason.value.failure, str(reason.value)


@pytest.mark.parametrize(
    "body", [ROLL, gzip.compress(ROLL), gzip.compress(ROLL[:9]) + gzip.compress(ROLL[9:])], ids=["plain", "gzip", "two"]
)
def test_a_plain_or_gzip_body_is_one_nameless_member(tmp_path: Path, body: bytes) -> None:
    blob = kept(tmp_path, body)
    assert read(blob) == [("", ROLL)]
    with opened(blob) as stream:
        assert list(stream) == [b"number,name\n", b"MA61000001,Ashdale\n"]


def test_an_empty_body_is_an_empty_member(tmp_path: Path) -> None:
    assert read(kept(tmp_path, b"")) == [("", b"")]


def test_a_zip_gives_its_files_in_order_without_folders_and_what_a_system_adds(tmp_path: Path) -> None:
    body = zipped(
        ("b/", b""),
        ("b/two.csv", b"2"),
        ("__MACOSX/b/._two.csv", b"x"),
        ("a.csv", b"1"),
        (".DS_Store", b"x"),
        ("book.xlsx", zipped(("x", b""))),
    )
    assert [name for name, _ in read(kept(tmp_path, body))] == ["b/two.csv", "a.csv", "book.xlsx"]
    assert [path.name for path in tmp_path.iterdir()] == ["blob.gz"], "nothing is unpacked under a name of the archive's"


def test_one_file_may_be_asked_for_and_no_more(tmp_path: Path) -> None:
    with opened(kept(tmp_path, zipped(("roll.csv", ROLL)))) as stream:
        assert stream.read() == ROLL
    with (
        pytest.raises(SourceUnreadable, match=r"several files \('a', 'b' …\); expected one"),
        opened(kept(tmp_path, zipped(("a", b""), ("b", b"")))),
    ):
        pass
    with pytest.raises(SourceUnreadable, match="zip of no file at all"), opened(kept(tmp_path, zipped())):
        pass


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "leads out of its archive"),
        ("../../roll.csv", "leads out of its archive"),
        ("a/../../roll.csv", "leads out of its archive"),
        ("C:roll.csv", "leads out of its archive"),
        ("a\\..\\roll.csv", "leads out of its archive"),
        ("\\\\host\\share\\roll.csv", "leads out of its archive"),
        ("roll\n.csv", "leads out of its archive"),
        ("x" * 5000 + "/..", "leads out of its archive"),
    ],
)
def test_a_name_that_climbs_is_refused_by_name(tmp_path: Path, name: str, why: str) -> None:
    failure, said = refused(kept(tmp_path, zipped(("good.csv", ROLL), (name, ROLL))))
    assert (failure, why in said) == ("changed_shape", True)
    assert repr(name)[1:20] in said
    assert len(said) < 300


def test_two_files_of_one_name_are_refused_also_where_a_system_folds_case(tmp_path: Path) -> None:
    failure, said = refused(kept(tmp_path, zipped(("Roll.csv", ROLL), ("roll.CSV", b"other"))))
    assert (failure, "'roll.CSV' stands in the archive twice" in said) == ("changed_shape", True)


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("roll.csv")
    link.external_attr = 0o120777 << 16
    assert "is a link or a device" in refused(kept(tmp_path, zipped((link, b"/etc/passwd"))))[1]


def test_a_password_is_refused(tmp_path: Path) -> None:
    body = bytearray(zipped(("roll.csv", ROLL)))
    body[body.index(b"PK\x01\x02") + 8] |= 1
    assert "locked with a password" in refused(kept(tmp_path, bytes(body)))[1]


def test_an_unusual_method_is_refused(tmp_path: Path) -> None:
    assert "packed by method 14; expected deflate" in refused(kept(tmp_path, zipped(("roll.csv", ROLL), method=zipfile.ZIP_LZMA)))[1]


@pytest.mark.parametrize(
    "body",
    [gzip.compress(gzip.compress(ROLL)), zipped(("a.csv", ROLL), ("b.zip", zipped(("c", ROLL)))), zipped(("b.csv", gzip.compress(ROLL)))],
    ids=["gzip", "zip", "gzip in zip"],
)
def test_an_archive_within_an_archive_is_refused(tmp_path: Path, body: bytes) -> None:
    failure, said = refused(kept(tmp_path, body))
    assert (failure, "archive within an archive" in said) == ("too_large", True)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MEMBERS", 3)
    assert refused(kept(tmp_path, zipped(*((f"{n}.csv", b"") for n in range(4)))))[1].endswith("is a zip of 4 files; expected at most 3")


def test_a_table_of_contents_that_would_fill_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    body = bytearray(zipped(("roll.csv", ROLL)))
    struct.pack_into("<L", body, body.rindex(b"PK\x05\x06") + 12, 20_000_000)
    failure, said = refused(kept(tmp_path, bytes(body)))
    assert (failure, "table of contents alone has 20,000,000 bytes" in said) == ("too_large", True)


def test_more_bytes_than_are_read_of_such_a_file_are_refused_by_size_and_name(tmp_path: Path) -> None:
    two = zipped(("a.csv", b"a" * 600), ("b.csv", b"b" * 700))
    failure, said = refused(kept(tmp_path, two), 1000)
    assert failure == "too_large"
    assert said.endswith("would unpack to 1,300 bytes ('b.csv' alone 700); expected at most 1,000")
    assert [len(body) for _, body in read(kept(tmp_path, two), 1300)] == [600, 700]
    for body in (b"x" * 1001, gzip.compress(b"x" * 1001)):
        failure, said = refused(kept(tmp_path, body), 1000)
        assert (failure, "more than 1,000 bytes" in said) == ("too_large", True)


def test_a_zip_that_lies_about_its_size_is_never_unpacked_past_it(tmp_path: Path) -> None:
    body = bytearray(zipped(("roll.csv", b"x" * 5_000_000)))
    struct.pack_into("<L", body, body.index(b"PK\x01\x02") + 24, 10)
    struct.pack_into("<L", body, body.index(b"PK\x01\x02") + 16, zlib.crc32(b"x" * 10))  # it says that ten bytes are all
    into = tmp_path / "again.zip"
    repacked(kept(tmp_path, bytes(body)), into, 1000)
    assert into.stat().st_size < 1000, "a reader that trusts archives is handed ten bytes, not five million"


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9, 0.999])
def test_a_torn_archive_is_cut_short_never_shorter(tmp_path: Path, at: float) -> None:
    noise = b"".join(b"%d,%d\n" % (n, n * n * 7919 % 104729) for n in range(5000))
    for whole in (gzip.compress(noise), zipped(("roll.csv", noise))):
        assert refused(kept(tmp_path, whole[: int(len(whole) * at)]))[0] == "cut_short"


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    gz = bytearray(gzip.compress(ROLL))
    gz[-8] ^= 1
    stored = zipped(("roll.csv", ROLL), method=zipfile.ZIP_STORED).replace(b"Ashdale", b"Ashdole")
    for body in (bytes(gz), stored):
        assert refused(kept(tmp_path, body))[0] == "cut_short"


def test_a_damaged_blob_of_ours_is_not_the_sources_fault(tmp_path: Path) -> None:
    blob = kept(tmp_path, ROLL * 1000)
    blob.write_bytes(blob.read_bytes()[:-20])
    with pytest.raises(Refused, match="restore it from a backup") as reason:
        read(blob)
    assert not isinstance(reason.value, SourceUnreadable)


BOMB = """
import sys, time
from pathlib import Path
from scrapers.packed import members
from scrapers.records import SourceUnreadable
began = time.monotonic()
try:
    for _, stream in members(Path(sys.argv[1]), folder=Path(sys.argv[1]).parent):
        while stream.read(1 << 20):
            pass
except SourceUnreadable as reason:
    print(reason.failure, round(time.monotonic() - began, 1), reason, sep="|")
"""


@pytest.mark.parametrize("sort", ["gzip", "zip", "gzip of gzip"])
def test_a_sudden_gigabyte_is_refused_in_little_memory_and_time(tmp_path: Path, sort: str) -> None:
    body = gzip.compress(bytes(1 << 20)) * 1024
    if sort == "zip":
        body = zipped(("roll.csv", bytes(200 << 20)))
    if sort == "gzip of gzip":
        body = gzip.compress(gzip.compress(body))
        assert len(body) < 1024, "a gigabyte in less than a kilobyte"
    told, megabytes = measured(BOMB, kept(tmp_path, body))
    failure, seconds, said = told.split("|")
    assert failure == "too_large"
    assert megabytes < 100
    assert float(seconds) < 2
    assert "archive within an archive" in said if sort == "gzip of gzip" else "times; no list of providers does" in said
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 12_000_000


def test_any_byte_of_an_archive_may_be_wrong(tmp_path: Path) -> None:
    """Read whole, or refused in a sentence: never anything else, and never other bytes than were packed."""
    whole = zipped(("a.csv", ROLL), ("b.csv", ROLL * 3))
    for at in range(len(whole)):
        for value in (0, 255, whole[at] ^ 1):
            body = whole[:at] + bytes([value]) + whole[at + 1 :]
            try:
                found = read(kept(tmp_path, body))
            except SourceUnreadable:
                continue
            assert {inside for _, inside in found} <= {ROLL, ROLL * 3, body}
