"""What the log says of proofs beside what the tables say, where the log itself was tampered with."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from server.core.log.entries import EntryKind, LogEntry, canonical
from server.core.log.proven_removals import LoggedProofs, RemovalDifference, RemovalDifferenceKind


def proof(at: object) -> bytes:
    body = {"order": "order-1", "place": "place-1", "look": "look-1", "level": "store_removed"}
    return json.dumps({"at": at, "body": body, "kind": "proof", "seq": 0}, separators=(",", ":")).encode()


EXPIRED = canonical(
    LogEntry(
        1, datetime(2026, 12, 1, tzinfo=UTC), EntryKind.RECORDS_EXPIRED, {"what": "removals", "until": "2026-06-01"}
    )
)


@pytest.mark.parametrize(
    ("at", "gone"),
    [
        ("2026-06-01T21:59:59.000000Z", True),
        ("2026-06-01T22:00:00.000000Z", False),
        ("no moment", False),
        ("2026-05-01T00:00:00", False),
        (7, False),
    ],
    ids=["on its last day", "on the day after", "no moment", "without a zone", "a number"],
)
def test_a_proof_whose_day_is_over_is_no_difference_and_one_whose_moment_was_edited_is_one(at, gone):
    logged = LoggedProofs()
    logged.note(EXPIRED)
    logged.note(proof(at))
    missing = RemovalDifference("order-1", RemovalDifferenceKind.NOT_THERE)
    assert logged.differences([], {}) == (() if gone else (missing,))
