"""A gate: on what ground, for what and until when an employer's address books or usage feeds may be read; no row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from server.core.model import GateScope


@dataclass(frozen=True, slots=True)
class Gate:
    """What must stand before an employer's people's books, or its usage feeds, may be read: DPIA and consent.

    dpia_version, dpia_on: which text of the DPIA, and its day. advice: the data protection officer's on it (GDPR
    35(2)), reference or location. consent_on: the day of the works council's decision. "" and None: nobody recorded it.
    """

    employer: str
    dpia: str
    consent: str
    purpose: str
    review_on: date
    ends_on: date
    scope: GateScope = GateScope.REMOVAL
    dpia_version: str = ""
    dpia_on: date | None = None
    advice: str = ""
    consent_on: date | None = None
