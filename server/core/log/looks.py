"""What the log says of many looks together that changed nothing; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from server.core.log.entries import write_instant


def digest_of_looks(looks: Iterable[tuple[str, datetime]]) -> str:
    """Names places (opaque ids) with the instant at which each was looked at last, in any order: 64 hex digits."""
    digest = sha256(b"closeout/looks/v1\n")
    for line in sorted(f"{place} {write_instant(at)}\n" for place, at in looks):
        digest.update(line.encode())
    return digest.hexdigest()
