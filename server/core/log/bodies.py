"""Whether what stands behind restricted entries is what they committed to; nothing is opened here.

A commitment needs its key, which is sealed with the body: without the sealing key only presence and form can be told.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from server.core.log.audit import LogFault, LogFaultKind
from server.core.log.entries import commitment

_RESTRICTED = re.compile(rb'"body":\{"commitment":"([0-9a-f]{64})"\},"kind":"restricted",')
_DESTROYED = re.compile(rb'"kind":"key_changed",')
SHORTEST_SEALED = 1 + 12 + 16 + 65
"""Bytes of a sealed body that says nothing: version, nonce, tag, and its commitment's key in hex with a blank."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A body as it was sealed. key: its commitment's; committed: what that is over."""

    key: bytes
    committed: str


def commitment_in(text: bytes) -> bytes | None:
    """What an entry commits to, 32 bytes; None: it is no restricted one. text: canonical."""
    found = _RESTRICTED.search(text)
    return bytes.fromhex(found[1].decode()) if found else None


def destroys_key(text: bytes) -> bool:
    """Whether an entry says that the sealing key of what came before it was destroyed. text: canonical."""
    return bool(_DESTROYED.search(text)) and b'"verb":"destroyed"' in text and b'"what":"sealing"' in text


def audit_bodies(
    commitments: Mapping[int, bytes],
    bodies: Iterable[tuple[int, object]],
    open_body: Callable[[int, bytes], Opened | None] | None,
    destroyed_before: int = 0,
) -> tuple[LogFault, ...]:
    """What is wrong with bodies: one that is missing, and one that is not what was committed to.

    commitments: by the number of their entry. bodies: (number, sealed), in order. open_body: None where no key is
    given; its answer None: it does not open. destroyed_before: of entries before that number the key was destroyed.
    """
    left = {seq: each for seq, each in commitments.items() if seq >= destroyed_before}
    changed: list[int] = []
    for seq, sealed in bodies:
        if seq < destroyed_before and seq in commitments:
            continue
        expected = left.pop(seq, None)
        if expected is None or not _is_whole(seq, sealed, expected, open_body):
            changed.append(seq)
    missing = sorted(left)
    found = ((LogFaultKind.BODY_MISSING, missing), (LogFaultKind.BODY_CHANGED, changed))
    return tuple(LogFault(kind, min(where), len(where)) for kind, where in found if where)


def _is_whole(
    seq: int, sealed: object, expected: bytes, open_body: Callable[[int, bytes], Opened | None] | None
) -> bool:
    if not isinstance(sealed, bytes) or len(sealed) < SHORTEST_SEALED:
        return False
    if open_body is None:
        return True
    opened = open_body(seq, sealed)
    if opened is None or len(opened.key) != len(expected):
        return False
    return hmac.compare_digest(commitment(opened.key, opened.committed.encode()), expected)
