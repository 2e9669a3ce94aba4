"""Closures that a work supervisor confirms: which days may be stated, from when one counts, when it lapses; no store.

A confirmation is somebody's word that the final closure was confirmed in writing (DOMAIN L11, L15). It speaks of the
case as the register told of it at that moment, and lapses by itself as soon as the register tells of another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from server.core.days import AMSTERDAM, end_of
from server.core.model import Phase


class ClosureAnswer(StrEnum):
    """What a work supervisor said of a closed case."""

    CONFIRMED = "confirmed"
    """The final closure was confirmed in writing, on the day they named."""
    NOT_YET = "not_yet"


class ClosureEnd(StrEnum):
    """Why an answer is no longer in force."""

    ANSWERED_ANEW = "answered_anew"
    WITHDRAWN = "withdrawn"
    """Nothing had been removed on its ground."""
    CORRECTED = "corrected"
    """Withdrawn when contacts were gone already: what is gone stays gone, and that was told."""
    LAPSED = "lapsed"
    """The register tells of another case by now: open or in monitoring, begun anew, or closed on another day."""


class DayFault(StrEnum):
    """Why a day cannot be the one of a final closure."""

    IN_FUTURE = "in_future"
    BEFORE_OPENING = "before_opening"


@dataclass(frozen=True, slots=True)
class RegisterSays:
    """What the register says of one case. closed_at: its own confirmed closure."""

    phase: Phase
    opened_on: date | None
    closed_at: datetime | None


def waits(case: RegisterSays) -> bool:
    """Whether a case is closed by its status and the register itself tells of no confirmed closure."""
    return case.phase is Phase.CLOSED and case.closed_at is None


def fault_of_day(day: date, case: RegisterSays, today: date) -> DayFault | None:
    """Why that day cannot be; None: it can."""
    if day > today:
        return DayFault.IN_FUTURE
    if case.opened_on is not None and day < case.opened_on:
        return DayFault.BEFORE_OPENING
    return None


def counts_from(day: date, said_at: datetime) -> datetime:
    """The instant of a closure of which only the day was stated: the end of that day, or when it was said if sooner.

    Grace runs from there. An export that names a day is read in the same way; only nobody can have confirmed anything
    after the moment at which they said so.
    """
    after = end_of(day)
    return min(after, said_at)


def still_stands(day: date | None, opened_on: date | None, case: RegisterSays) -> bool:
    """Whether an answer still speaks of the case as the register tells of it now.

    day: that was stated, None for "not yet". opened_on: the case's start when that was said.
    """
    if case.phase is not Phase.CLOSED or case.opened_on != opened_on:
        return False
    return case.closed_at is None or _last_day(case.closed_at) == day


def _last_day(closed_at: datetime) -> date:
    """The day of a closure; one at midnight is of the day before."""
    return (closed_at - timedelta(microseconds=1)).astimezone(AMSTERDAM).date()
