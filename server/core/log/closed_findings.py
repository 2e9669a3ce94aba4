"""Whether the tables say of findings that people concluded what the log says: which, and as what they ended; no I/O.

Rows of findings are written by whoever can write the database. That a person concluded one stands in the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from server.core.model import Disposition
from server.core.workdays import local_day

_ENDS = {each.value: each for each in Disposition}
_DESTROYED = "findings"


class FindingDifferenceKind(StrEnum):
    """How a finding differs from what the log says of it."""

    NOT_CONCLUDED = "not_concluded"
    """The table says that a person concluded it; the log does not."""
    GONE = "gone"
    """The log says that a person concluded it; the table has no such finding."""
    OTHERWISE = "otherwise"
    """A person concluded it; in the table it is open, or ended as something else."""


@dataclass(frozen=True, slots=True, order=True)
class FindingDifference:
    """One finding that is not as the log says. finding: its opaque id."""

    finding: str
    kind: FindingDifferenceKind


@dataclass(frozen=True, slots=True)
class FindingEnd:
    """A finding as the table has it. ends: None: it is open."""

    finding: str
    ends: Disposition | None


@dataclass(frozen=True, slots=True)
class _Logged:
    ends: Disposition | None
    """None: it was concluded in words alone, by an earlier version."""
    day: date


class LoggedConclusions:
    """What the log says of findings that people concluded, noted while it is read, entry by entry.

    Those whose period of retention is over go from the tables, and before they do the log says up to which day: one
    that was concluded on such a day is no difference, whether or not its row is still there.
    """

    def __init__(self) -> None:
        self._ended: dict[str, _Logged] = {}
        self._destroyed: dict[str, date] = {}  # the last day, by how they ended

    def note(self, text: object) -> None:
        """Take in an entry's canonical text. What is none is passed over: the audit of the log tells of it."""
        if not isinstance(text, bytes):
            return
        closed = b'"kind":"finding",' in text and b'"verb":"closed"' in text
        if not closed and not (b'"kind":"records_expired",' in text and b'"what":"findings' in text):
            return
        try:
            told = json.loads(text)
            body = told["body"]
            if not closed:
                one = str(body["what"]).removeprefix(_DESTROYED).removeprefix(".")
                for of in (one,) if one else _ENDS.keys() - set(body.get("apart", ())):
                    self._destroyed[of] = max(self._destroyed.get(of, date.min), date.fromisoformat(body["until"]))
            elif "finding" in body:  # else it is a count of those that stand beside it, one by one
                day = local_day(datetime.fromisoformat(told["at"]))
                self._ended[body["finding"]] = _Logged(_ENDS.get(body.get("outcome")), day)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return

    def differences(self, rows: Iterable[FindingEnd]) -> tuple[FindingDifference, ...]:
        """What the tables say beside it, in order of the findings' ids. rows: every finding, in any order.

        One that ended by itself is in the log only by what ended it; whoever writes that into the database ends a
        question until what it asks about is found again.
        """
        found: set[FindingDifference] = set()
        left = dict(self._ended)
        for row in rows:
            logged = left.pop(row.finding, None)
            if logged is None:
                if row.ends not in (None, Disposition.BY_ITSELF):
                    found.add(FindingDifference(row.finding, FindingDifferenceKind.NOT_CONCLUDED))
            elif row.ends is not (logged.ends or Disposition.IN_WORDS):
                found.add(FindingDifference(row.finding, FindingDifferenceKind.OTHERWISE))
        found |= {
            FindingDifference(finding, FindingDifferenceKind.GONE)
            for finding, logged in left.items()
            if logged.day > self._gone_until(logged)
        }
        return tuple(sorted(found))

    def _gone_until(self, logged: _Logged) -> date:
        ends = (logged.ends or Disposition.IN_WORDS).value
        return self._destroyed.get(ends, date.min)
