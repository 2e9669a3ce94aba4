"""A gate as an employer records it, by function and by command, whole but for what a test is about."""

from __future__ import annotations

from datetime import date

from server.core.admin.gates import Gate
from server.core.model import GateScope


def whole_gate(
    employer: str, review_on: date, ends_on: date, scope: GateScope = GateScope.REMOVAL, purpose: str = "removal"
) -> Gate:
    """With a DPIA, the advice on it and a consent of long ago."""
    return Gate(
        employer=employer,
        dpia="D-1",
        consent="C-1",
        purpose=purpose,
        review_on=review_on,
        ends_on=ends_on,
        scope=scope,
        dpia_version="1",
        dpia_on=date(2020, 1, 6),
        advice="A-1",
        consent_on=date(2020, 1, 13),
    )


def gate_record(employer: str = "Invented employer", dpia: str = "D-1", consent: str = "C-1") -> tuple[str, ...]:
    """The command that records one, but for `--purpose`, `--review` and `--until`."""
    return (
        *("gate", "record", "--employer", employer),
        *("--dpia", dpia, "--dpia-version", "1", "--dpia-date", "2026-01-05", "--advice", "A-1"),
        *("--consent", consent, "--consent-date", "2026-01-12"),
    )
