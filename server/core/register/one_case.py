"""One case as a case system tells of it, and what its telling changes: two states compared; no row is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from server.core.days import AMSTERDAM
from server.core.model import Phase

_CLOSED = Phase.CLOSED.value
_MONITORING = Phase.MONITORING.value


class CaseFields(NamedTuple):
    """A case itself. phase: the value of a `Phase`. closed_at: of its confirmed closure."""

    phase: str
    opened_on: date | None
    closed_at: datetime | None
    recorded: bool
    transferred_on: date | None = None
    monitoring_from: date | None = None
    plan_counts_from: date | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is finally closed: by its phase, and with a confirmed closure."""
        return self.phase == _CLOSED and self.closed_at is not None


class LinkFields(NamedTuple):
    """An identifier of a person of the case. of_class: the value of a `ContactClass`."""

    token: bytes
    person: str
    of_class: str
    linked: bool
    former_since: datetime | None


class AssignmentFields(NamedTuple):
    """A worker on the case, by their reference in the case system."""

    worker_ref: str
    from_at: datetime
    until_at: datetime | None
    role: str


class MomentFields(NamedTuple):
    """A planned contact of the monitoring plan."""

    worker_ref: str
    on_date: date


@dataclass(frozen=True, slots=True)
class CaseContent:
    """A case, whole: what its lists leave out is not so. No two with the same key are in one list."""

    case: CaseFields
    links: frozenset[LinkFields]
    assignments: frozenset[AssignmentFields]
    moments: frozenset[MomentFields]

    def said(self) -> str:
        """All of it as a text: the same text is the same state."""
        lists: Sequence[frozenset[tuple[object, ...]]] = (self.links, self.assignments, self.moments)
        return "\n".join(sorted([repr(tuple(self.case)), *(repr(list(each)) for some in lists for each in some)]))


class Spell(NamedTuple):
    """A time in which a case ran before it was reopened. first: None: nobody knows."""

    first: date | None
    last: date
    reopened_on: date


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What a telling changes. touched: it tells anything else than was known. closes: the case was not finally closed,
    or not known, and now is. reopens: it was called closed and is not any more. seen_monitored_on: on which day it was
    first called monitored. left: tokens that it names no more.
    """

    touched: bool
    closes: bool
    reopens: bool
    seen_monitored_on: date | None
    left: frozenset[bytes]


def change_of(
    known: CaseContent | None, told: CaseContent, *, seen_monitored_on: date | None, as_of: datetime
) -> CaseChange:
    """What telling this changes. known: None: the case is new. seen_monitored_on: as it was. as_of: when told."""
    if known is None:
        return CaseChange(True, told.case.is_over, False, None, frozenset())
    before, after = known.case.phase, told.case.phase
    if after != _MONITORING:
        seen_monitored_on = None
    elif before != _MONITORING:
        seen_monitored_on = as_of.astimezone(AMSTERDAM).date()
    named = {each.token for each in told.links}
    return CaseChange(
        known != told,
        told.case.is_over and not known.case.is_over,
        before == _CLOSED and after != _CLOSED,
        seen_monitored_on,
        frozenset(each.token for each in known.links if each.token not in named),
    )


def spell_before(
    *, ended: datetime, opened_on: date | None, phase: str, opens: date | None, as_of: datetime
) -> Spell | None:
    """When a case ran that was closed and is told of as running again, or as another; None: it is told of as the same.

    ended, opened_on: of the case as it was known. phase, opens: as it is told now.
    """
    # At midnight the day of the closure is the day before.
    last = (ended - timedelta(microseconds=1)).astimezone(AMSTERDAM).date()
    stated = opens if opens is not None and opens > last else None
    if stated is None and phase == _CLOSED:
        return None
    again = max(stated or as_of.astimezone(AMSTERDAM).date(), last + timedelta(days=1))
    return Spell(opened_on if opened_on is not None and opened_on <= last else None, last, again)
