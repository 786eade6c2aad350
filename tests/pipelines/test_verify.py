"""Whatever was done to a packet is named, the first thing first; nothing a packet holds leads out of it; and no network, no database."""

import csv
import json
import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import packet
from pipelines import settings as environment
from pipelines.packet import bag, stamp
from scrapers.records import Refused
from tests.pipelines.published import Published

quiet = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def mine(commissioner_packet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that every test leaves as it found it."""
    folder = tmp_path_factory.mktemp("mine") / "packet-commissioner"
    shutil.copytree(commissioner_packet, folder)
    return folder


@pytest.fixture
def copy(commissioner_packet: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(commissioner_packet, tmp_path / "packet"))


def closed(folder: Path) -> Path:
    """A bag whose hashes agree again: what somebody can do who alters a packet with care."""
    for path in ("evidence/manifest-sha256.txt", "evidence/tagmanifest-sha256.txt"):
        (folder / path).unlink()
    info = dict(line.split(": ", 1) for line in (folder / "evidence/bag-info.txt").read_text().splitlines())
    bag.close(folder / "evidence", info)
    tags = bag.sha256(folder / "evidence/tagmanifest-sha256.txt")
    rows = (folder / "sent.csv").read_text().splitlines()
    (folder / "sent.csv").write_text("\n".join([rows[0], *(tags + row[64:] for row in rows[1:])]) + "\n")
    bag.write(folder / "seal-sha256.txt", bag.sums(folder, ["evidence/tagmanifest-sha256.txt", "timestamp.txt"]))
    return folder


def test_a_good_packet_is_good_and_says_what_that_means(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError("verify asked the network")

    monkeypatch.setattr(socket, "socket", unwanted)
    assert packet.verify(mine) == []
    said = "\n".join(packet.lines(packet.check(mine)))
    assert said.startswith("good: ") and "proved: all " in said and "not proved: who made it" in said and "No authority was asked" in said


@quiet
@given(st.randoms(use_true_random=False))
def test_any_flipped_bit_is_named(mine: Path, chance: random.Random) -> None:
    path = mine / chance.choice(bag.files(mine))
    was = path.read_bytes()
    place, bit = chance.randrange(len(was)), chance.randrange(8)
    try:
        path.write_bytes(was[:place] + bytes([was[place] ^ 1 << bit]) + was[place + 1 :])
        assert path.name in packet.verify(mine)[0]
    finally:
        path.write_bytes(was)


def test_a_flipped_bit_in_each_list_is_named(mine: Path) -> None:
    lists = ["evidence/bagit.txt", "evidence/bag-info.txt", "evidence/packet-sha256.txt", "evidence/sealed-sha256.txt"]
    lists += ["evidence/manifest-sha256.txt", "evidence/tagmanifest-sha256.txt", "seal-sha256.txt", "timestamp.txt"]
    for name in lists:
        was = (mine / name).read_bytes()
        for place in random.Random(7).sample(range(len(was)), 8):
            try:
                (mine / name).write_bytes(was[:place] + bytes([was[place] ^ 1]) + was[place + 1 :])
                assert any(Path(name).name in sentence for sentence in packet.verify(mine)), (name, place)
            finally:
                (mine / name).write_bytes(was)


def test_any_removed_and_any_added_file_is_named(mine: Path) -> None:
    for path in bag.files(mine):
        if path.startswith("sealed/"):
            continue  # handed over apart: its absence is said, and is no fault
        away = mine / path
        was = away.read_bytes()
        away.unlink()
        try:
            assert away.name in packet.verify(mine)[0], path
        finally:
            away.write_bytes(was)
    for folder in [mine, *(each for each in mine.rglob("*") if each.is_dir())]:
        added = folder / "added.txt"
        added.write_text("x", encoding="utf-8")
        try:
            assert any("added.txt" in sentence for sentence in packet.verify(mine)), folder
        finally:
            added.unlink()
    assert packet.verify(mine) == []


def test_without_the_sealed_annex_it_is_good(copy: Path) -> None:
    shutil.rmtree(copy / "sealed")
    (done,) = packet.check(copy)
    assert not done.wrong and any("sealed annex" in each for each in done.unproved)


def test_the_sheet_to_send_may_be_filled_in(copy: Path) -> None:
    with (copy / "sent.csv").open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)

    def write(channel: str, by: str, on: str) -> list[str]:
        with (copy / "sent.csv").open("w", encoding="utf-8-sig", newline="") as out:  # as a spreadsheet saves it
            csv.writer(out).writerows([columns, *([*row[:-3], channel, by, on] for row in rows)])
        return packet.verify(copy)

    assert write("letter", "Ida Rowe", "2026-11-24") == []
    assert "gives channel alone" in write("letter", "", "")[0]
    assert "expected a day" in write("letter", "Ida Rowe", "soon")[0]


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (lambda at: (at / "filing/more.pdf").symlink_to("/etc/hostname"), "is a link or a device"),
    "a linked folder": (lambda at: (at / "evidence/data/more").symlink_to("/etc"), "is a link or a device"),
    "a pipe": (lambda at: os.mkfifo(at / "evidence/data/pipe"), "is a link or a device"),
    "a device's name": (lambda at: (at / "evidence/data/aux.csv").write_text(""), "a name that Windows keeps"),
    "another's case": (lambda at: (at / "evidence/data/Flow.CSV").write_text(""), "are one name on some systems"),
    "a back slash": (lambda at: (at / "evidence/data/a\\b").write_text(""), "a character that no path may hold"),
    "a name for a terminal": (lambda at: (at / "evidence/data/\x1b[2Jx").write_text(""), "a character that no path may hold"),
    "a blank at the end": (lambda at: (at / "filing/x ").write_text(""), "ends with a blank"),
    "a way out": (lambda at: listing(at, "../../etc/passwd"), "leads out of its folder"),
    "an absolute way": (lambda at: listing(at, "/etc/passwd"), "is no path inside the packet"),
    "a drive": (lambda at: listing(at, "C:/secrets"), "a character that no path may hold"),
    "an endless list": (lambda at: os.truncate(at / "evidence/manifest-sha256.txt", 60_000_000_000), "expected at most 50,000,000"),
    "no list": (lambda at: (at / "evidence/manifest-sha256.txt").write_bytes(b"\xff\xfe"), "manifest-sha256.txt was altered"),
}


def listing(folder: Path, path: str) -> None:
    with (folder / "evidence/manifest-sha256.txt").open("a") as file:
        file.write(f"{'0' * 64}  {path}\n")


@pytest.mark.skipif(os.name == "nt", reason="names and links that Windows does not make")
@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_packet_is_answered_in_one_sentence(copy: Path, what: str) -> None:
    spoil, sentence = HOSTILE[what]
    spoil(copy)
    (said,) = packet.verify(copy)
    assert sentence in said and "\n" not in said and "\x1b" not in said


def edited(name: str, edit: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda folder: bag.write(folder / name, edit((folder / name).read_text(encoding="utf-8")))


def of_code(text: str) -> str:
    first = json.loads(text.splitlines()[0])["code"]
    return text.replace(first, first[:-1] + ("0" if first[-1] != "0" else "1"))


def of_first_measure(text: str) -> str:
    said = json.loads(text)
    place = next(place for place, each in enumerate(said) if each["denominator"])
    said[place]["numerator"] = said[place]["denominator"] + 1
    return json.dumps(said)


CAREFUL: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a code": ("evidence/data/exhibits.jsonl", of_code, "does not agree with its own check character"),
    "a number": ("evidence/data/measures.json", of_first_measure, "is no part of a whole"),
    "the draw": (
        "evidence/data/check-us.json",
        lambda text: text.replace('"frame_sha256": "', '"frame_sha256": "0'),
        "not the ones that the draw",
    ),
    "nonsense": ("evidence/data/exhibits.jsonl", lambda _: "[" * 100_000, "cannot be read"),
}


@pytest.mark.parametrize("what", CAREFUL)
def test_what_was_altered_with_care_contradicts_itself(copy: Path, what: str) -> None:
    name, edit, sentence = CAREFUL[what]
    edited(name, edit)(copy)
    assert any(sentence in each for each in packet.verify(closed(copy)))


def test_an_excerpt_altered_with_care_contradicts_its_exhibit(copy: Path) -> None:
    path = next((copy / "evidence/data/excerpts").glob("*.txt"))
    path.write_bytes(path.read_bytes()[:-3] + b"XX\n")
    assert any(f"{path.name}: the " in each for each in packet.verify(closed(copy)))


def test_what_is_no_packet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holds no packet"):
        packet.verify(tmp_path)
    with pytest.raises(Refused, match="is no folder"):
        packet.verify(tmp_path / "nowhere")


# Time stamps -----------------------------------------------------------------------------------------------------

CONFIG = """
[req]
distinguished_name = name
[name]
[tsa]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[stamps]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
"""
MADE = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config c.cnf -keyout ca.key \
  -out ca.pem -days 30 -subj /CN=INVENTED.root \
  -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config c.cnf -keyout tsa.key -out tsa.csr -subj /CN=INVENTED.authority
openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out tsa.pem -extfile c.cnf -extensions tsa
echo 01 > serial
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A time stamp authority on loopback, and its root certificate; OpenSSL signs."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    home = tmp_path_factory.mktemp("authority")
    (home / "c.cnf").write_text(CONFIG, encoding="utf-8")
    subprocess.run(["bash", "-ec", MADE], cwd=home, check=True, capture_output=True)

    class Authority(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (home / "q").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            sign = ["openssl", "ts", "-reply", "-config", "c.cnf", "-section", "stamps", "-queryfile", "q", "-out", "r"]
            subprocess.run(sign, cwd=home, check=True, capture_output=True)
            self.send_response(200)
            self.end_headers()
            self.wfile.write((home / "r").read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Authority) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", home / "ca.pem"
        server.shutdown()


def test_a_stamped_packet_proves_its_day(small_run: Published, authority: tuple[str, Path], tmp_path: Path) -> None:
    asked = replace(small_run.settings, tsa=authority[0], tsa_root=authority[1])
    made = packet.build(asked, small_run.audit, "patient", folder=tmp_path / "stamped")
    (done,) = packet.check(made)
    assert done.wrong == () and "INVENTED.authority" in done.proved[-1] and "yours to trust or not" in done.proved[-1]
    answer, root = (made / "evidence.tsr").read_bytes(), authority[1].read_bytes()
    with pytest.raises(ValueError, match="Mismatch"):
        stamp.read(answer, b"another packet", root)
    with pytest.raises(ValueError):
        stamp.read(answer, (made / "evidence/tagmanifest-sha256.txt").read_bytes())  # nobody trusts that root
    other = packet.build(replace(small_run.settings, tsa=None), small_run.audit, "patient", folder=tmp_path / "other")
    shutil.copyfile(made / "evidence.tsr", other / "evidence.tsr")
    assert any("evidence.tsr" in each for each in packet.verify(other))
    (made / "evidence.tsr").unlink()
    assert "evidence.tsr is missing" in packet.verify(made)[0]


@pytest.mark.parametrize(
    ("authority_", "words"),
    [
        ("http://127.0.0.1:9/", "was asked, and"),
        ("file:///etc/hostname", "expected an address that begins"),
        (None, "No authority was asked"),
    ],
)
def test_without_a_stamp_the_packet_says_why(authority_: str | None, words: str) -> None:
    said = stamp.ask(authority_, b"x")
    assert said.answer is None and words in said.sentence


def test_certificates_that_are_not_there_are_said_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_TSA_ROOT", str(tmp_path / "no.pem"))
    with pytest.raises(Refused, match="which is no file; give the authority's certificates"):
        environment.read(tmp_path)
