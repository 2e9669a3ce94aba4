"""What a zaak of a Zaken API (ZGW) that was read back says of a case that is known; no request and no row is here.

Only whether the case runs is taken from it: what was never told of a case stays as it is known, so that nothing is
removed since a service left it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from server.core.days import end_of
from server.core.model import Phase
from server.core.register.one_case import CaseContent


class ZaakState(StrEnum):
    """Whether a zaak runs, by its end date and by whether its status is one that ends it (`isEindstatus`)."""

    OPEN = "open"
    ENDED = "ended"
    UNCLEAR = "unclear"
    """The two disagree, or the end date lies ahead: the service is changing it just then, or is wrong."""


@dataclass(frozen=True, slots=True)
class ZaakRead:
    """A zaak as it was read back. number: its `identificatie`. ended_on: its `einddatum`. final: `isEindstatus` of its
    status; None: it has no status yet.
    """

    number: str
    ended_on: date | None
    final: bool | None


def state_of(zaak: ZaakRead, today: date) -> ZaakState:
    """Closed counts only where both say so."""
    if zaak.ended_on is None and not zaak.final:
        return ZaakState.OPEN
    if zaak.ended_on is not None and zaak.final and zaak.ended_on <= today:
        return ZaakState.ENDED
    return ZaakState.UNCLEAR


def told_by(zaak: ZaakRead, known: CaseContent, *, confirms: bool, today: date) -> CaseContent | None:
    """The case as it is after that; None: nothing of it changes.

    confirms: an end status there is the final closure confirmed in writing (DOMAIN L11); else the case is closed by its
    status alone, and a work supervisor is asked. A case that runs again is in investigation: there its contacts stay,
    until the case system tells more.
    """
    case = known.case
    match state_of(zaak, today):
        case ZaakState.OPEN if case.phase == Phase.CLOSED.value:
            return replace(known, case=case._replace(phase=Phase.INVESTIGATION.value, closed_at=None))
        case ZaakState.ENDED if case.phase != Phase.CLOSED.value:
            return replace(
                known, case=case._replace(phase=Phase.CLOSED.value, closed_at=_end(zaak) if confirms else None)
            )
        case ZaakState.ENDED if confirms and case.closed_at is None:
            return replace(known, case=case._replace(closed_at=_end(zaak)))
        case _:
            return None


def _end(zaak: ZaakRead) -> datetime | None:
    """Of a day its end, as in an export."""
    if zaak.ended_on is None:
        return None
    return end_of(zaak.ended_on)
