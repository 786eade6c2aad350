"""A time stamp (RFC 3161) that somebody else signs: proof that a packet's tag manifest was there on that day.

The authority is asked by HTTP where ROLLCALL_TSA names one; it sees a hash and nothing else. Whatever it answers, or nothing, is said. A
stamp is held against the root certificates this system trusts, and those of ROLLCALL_TSA_ROOT, which then go with the packet.
"""

import hashlib
import ssl
import urllib.error
import urllib.request
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

SECONDS = 20
LARGEST = 100_000  # bytes of an answer; real ones have a few thousand


@dataclass(frozen=True, slots=True)
class Stamp:
    """What came of asking: the authority's answer where it is good, and a sentence either way."""

    answer: bytes | None
    sentence: str


def fault(authority: str) -> str | None:
    """What is wrong with the address of an authority, in words; None where it can be asked."""
    if urlsplit(authority).scheme in ("http", "https"):
        return None
    return f"ROLLCALL_TSA says {authority!r}; expected an address that begins with https:// or http://"


def roots_in(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file; OSError or ValueError where there are none to be had."""
    return x509.load_pem_x509_certificates(path.read_bytes())


def ask(authority: str | None, stamped: bytes, roots: bytes = b"") -> Stamp:
    """Ask for a stamp of these bytes. Never raises: a packet without a stamp says why."""
    if authority is None:
        return Stamp(None, "No authority was asked for a time stamp (ROLLCALL_TSA names none).")
    if wrong := fault(authority):
        return Stamp(None, f"No time stamp: {wrong}.")
    request = TimestampRequestBuilder().data(stamped).hash_algorithm(HashAlgorithm.SHA256).build()
    post = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        authority, data=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, method="POST"
    )
    try:
        with urllib.request.urlopen(post, timeout=SECONDS) as reply:  # noqa: S310
            answer = reply.read(LARGEST)
        said = read(answer, stamped, roots, request.nonce)
    except (OSError, ValueError, urllib.error.URLError) as error:
        return Stamp(None, f"No time stamp: {authority} was asked, and {' '.join(str(error).split())[:200]}.")
    return Stamp(answer, f"Time stamp of {said} by {authority}, over evidence/tagmanifest-sha256.txt, in evidence.tsr.")


def read(answer: bytes, stamped: bytes, roots: bytes = b"", nonce: int | None = None) -> str:
    """When and by whom a stamp over these bytes was signed, in words. Raises ValueError where it is no good stamp of them.

    `roots`: certificates (PEM) to trust beside this system's own and those the answer carries; which of them it rests on is said.
    """
    try:
        response = decode_timestamp_response(answer)
        carried = [x509.load_der_x509_certificate(each) for each in sorted(response.signed_data.certificates)]
        own = [each for each in [*carried, *(x509.load_pem_x509_certificates(roots) if roots else ())] if each.issuer == each.subject]
        signer = _signer(response, carried)
        for trusted, words in (
            (_of_system(), "a root this system trusts"),
            (own, "a root that came with it, which is yours to trust or not"),
        ):
            try:
                _hold(response, carried, list(trusted), hashlib.sha256(stamped).digest(), nonce)
            except VerificationError as error:
                reason = error
                continue
            return f"{_when(response)}, signed with the certificate of {signer}, under {words}"
        raise ValueError(f"it does not hold: {reason}")
    except Exception as error:  # whatever the libraries make of bytes that anybody may have written
        raise ValueError(f"its stamp cannot be read: {error}") from error


def _hold(
    response: TimeStampResponse, carried: Sequence[x509.Certificate], roots: list[x509.Certificate], digest: bytes, nonce: int | None
) -> None:
    if not roots:
        raise VerificationError("there is no root certificate to hold it against; ROLLCALL_TSA_ROOT may name one")
    between = [each for each in carried if each.issuer != each.subject]
    VerifierBuilder(roots=roots, intermediates=between, nonce=nonce).build().verify(response, digest)


@cache
def _of_system() -> tuple[x509.Certificate, ...]:
    """The root certificates of this system."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some old roots break today's rules of form
        return tuple(x509.load_der_x509_certificate(each) for each in ssl.create_default_context().get_ca_certs(binary_form=True))


def _signer(response: TimeStampResponse, certificates: Sequence[x509.Certificate]) -> str:
    signers = {(each.issuer, each.serial_number) for each in response.signed_data.signer_infos}
    return next((each.subject.rfc4514_string() for each in certificates if (each.issuer, each.serial_number) in signers), "nobody named")


def _when(response: TimeStampResponse) -> str:
    at: datetime = response.tst_info.gen_time
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
