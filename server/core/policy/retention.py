"""How long what closeout itself keeps is kept: kinds of rows, periods, and which days are over; pure, no clock.

What is needed for a decision is no matter of a period: the store leaves it where it is, however old (need > retention).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache

from server.core.model import Disposition
from server.core.workdays import add_months

_MONTHS_OF_YEAR = 12
_WRITTEN = re.compile(r"([1-9][0-9]{0,3}) (day|month|year)s?")
LONGEST_YEARS = 100


class RowKind(StrEnum):
    """What is destroyed when its period is over, by the policy's word for it."""

    REMOVALS = "removals"
    """Orders that are over, with how each was called, proven and confirmed, and what was watched for after them."""
    FINDINGS = "findings"
    DEVIATIONS = "deviations"
    REPORTS = "reports"
    IMPORTS = "imports"
    """That an export of a case system came in; what it said stands in the register."""
    VIEWS_BY_NAME = "views_by_name"
    """That two people saw contacts by name, and why."""
    PAUSES = "pauses"
    ATTESTATIONS = "attestations"
    """What workers stated of numbers saved where nobody can look."""


class CountedFromRow(StrEnum):
    """The moment of a row from which its period counts."""

    SETTLED = "settled"
    """When it was proven; of what was stopped, when it was planned."""
    CLOSED = "closed"
    ENDED = "ended"
    MADE = "made"
    CAME_IN = "came_in"
    DECIDED = "decided"
    """When it was granted or refused, or could be no more."""
    SAID = "said"


COUNTED_FROM: dict[RowKind, CountedFromRow] = {
    RowKind.REMOVALS: CountedFromRow.SETTLED,
    RowKind.FINDINGS: CountedFromRow.CLOSED,
    RowKind.DEVIATIONS: CountedFromRow.ENDED,
    RowKind.REPORTS: CountedFromRow.MADE,
    RowKind.IMPORTS: CountedFromRow.CAME_IN,
    RowKind.VIEWS_BY_NAME: CountedFromRow.DECIDED,
    RowKind.PAUSES: CountedFromRow.ENDED,
    RowKind.ATTESTATIONS: CountedFromRow.SAID,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A period of whole days in Amsterdam. Months and years end on the same day, or on the last of a shorter month."""

    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if (self.months > 0) == (self.days > 0):
            raise ValueError("a span is of days, or of months")

    @classmethod
    def read(cls, written: str) -> Span:
        """From "90 days", "6 months", "1 year"; ValueError."""
        found = _WRITTEN.fullmatch(written)
        if found is None:
            raise ValueError("a number of days, months or years")
        count = int(found[1])
        if found[2] == "day":
            span = cls(days=count)
        else:
            span = cls(months=count * (_MONTHS_OF_YEAR if found[2] == "year" else 1))
        if span.months > LONGEST_YEARS * _MONTHS_OF_YEAR or span.days > LONGEST_YEARS * 366:
            raise ValueError("more days, months or years than anybody can promise")
        return span

    def after(self, day: date) -> date:
        """The first day on which a row of that day is kept no more."""
        return add_months(day, self.months) if self.months else day + timedelta(days=self.days)

    def last_day_over(self, today: date) -> date:
        """The last day whose rows are kept no more: `after` of it is today or before."""
        day = add_months(today, -self.months) if self.months else today - timedelta(days=self.days)
        # The last of a short month ends several days at once: the latest of them counts.
        while self.after(day + timedelta(days=1)) <= today:
            day += timedelta(days=1)
        while self.after(day) > today:
            day -= timedelta(days=1)
        return day

    @property
    def shortest_days(self) -> int:
        """How many days it is at the least."""
        return _shortest(self)


@cache
def _shortest(span: Span) -> int:
    if not span.months:
        return span.days
    # In four years from here every length of month and year comes by.
    first = date(2001, 1, 1)
    days = (first + timedelta(days=n) for n in range(4 * 366))
    return min((span.after(day) - day).days for day in days)


@dataclass(frozen=True, slots=True)
class RetentionTerm:
    """How long rows of a kind are kept. ends: of findings, only those that ended as this; None: all others.

    assumed: no source gives it.
    """

    kind: RowKind
    span: Span
    ends: Disposition | None = None
    assumed: bool = False
    sources: tuple[str, ...] = ()
    """The titles of what it rests on."""

    @property
    def name(self) -> str:
        """A word for it, in the log and in tables: findings, findings.by_itself."""
        return self.kind.value if self.ends is None else f"{self.kind.value}.{self.ends.value}"


def apart(terms: Sequence[RetentionTerm], term: RetentionTerm) -> frozenset[Disposition]:
    """Of a term for all findings: as what those ended that have a term of their own."""
    if term.ends is not None:
        return frozenset()
    return frozenset(each.ends for each in terms if each.kind is term.kind and each.ends is not None)
