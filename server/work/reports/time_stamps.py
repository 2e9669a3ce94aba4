"""Time-stamps of an authority elsewhere (RFC 3161): asked for a digest, and held against its certificates.

The authority learns the digest of a manifest and nothing else. Only this module knows the library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)


class BadStampError(Exception):
    """It is no time-stamp of that content, or not by an authority that is trusted."""


def ask(authority: Callable[[bytes], bytes], content: bytes) -> bytes:
    """The authority's answer about this content, in full. Raises BadStampError, and what `authority` raises.

    Whether its certificate is to be trusted is for whoever reads it: here it has only to answer what was asked.
    """
    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    told = authority(request.as_bytes())
    answer = _read(told)
    if not _answers(answer, content) or answer.tst_info.nonce != request.nonce:
        raise BadStampError
    return told


def check(told: bytes, content: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """When the authority saw this content, if its certificate leads to one of these. Raises BadStampError."""
    answer = _read(told)
    try:
        # Without this the signer's own certificate, which the answer carries, would not be followed to its authority.
        verifier = VerifierBuilder(roots=list(roots)).build()
        if not _answers(answer, content) or not verifier.verify(answer, hashlib.sha256(content).digest()):
            raise BadStampError
    except (VerificationError, ValueError, TypeError):
        raise BadStampError from None
    return answer.tst_info.gen_time


def read_roots(pem: bytes) -> Sequence[x509.Certificate]:
    """Certificates of a file; raises ValueError for one without any."""
    return x509.load_pem_x509_certificates(pem)


def _read(told: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(_in_order(told))
    except (ValueError, TypeError, IndexError):
        raise BadStampError from None


def _in_order(told: bytes) -> bytes:
    """The same answer with its certificates in the order of DER.

    `openssl ts` and others write them as their chain goes, which CMS allows and the library does not read. They are
    not signed, and only change places: no length changes.
    """
    at = 0
    # Into the answer, past its status; into ContentInfo, past its type; into its [0]; into SignedData, past version,
    # digest algorithms and content.
    for passed in (1, 1, 0, 3):
        at = _within(told, at)[0]
        for _ in range(passed):
            at = _within(told, at)[1]
    if told[at] != _CERTIFICATES:
        return told
    start, end = _within(told, at)
    found, at = [], start
    while at < end:
        after = _within(told, at)[1]
        found.append(told[at:after])
        at = after
    return told[:start] + b"".join(sorted(found)) + told[end:]


_CERTIFICATES = 0xA0
_LONG_FORM = 0x80


def _within(told: bytes, at: int) -> tuple[int, int]:
    """Where the content of the value at that place begins and ends (X.690, 8.1.3); raises ValueError, IndexError."""
    length, start = told[at + 1], at + 2
    if length & _LONG_FORM:
        octets = length - _LONG_FORM
        start, length = start + octets, int.from_bytes(told[start : start + octets])
        if not octets:
            raise ValueError("a length without an end")
    if start + length > len(told):
        raise ValueError("a length that leads beyond the end")
    return start, start + length


def _answers(answer: TimeStampResponse, content: bytes) -> bool:
    try:
        granted = answer.status == PKIStatus.GRANTED
        return granted and answer.tst_info.message_imprint.message == hashlib.sha256(content).digest()
    except ValueError:
        return False
