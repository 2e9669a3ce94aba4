"""Who is behind a number on a day, and whether the job gave this worker a reason: pure, from what the register tells.

A number is a client's from the day a case of theirs began to the day it ended, case by case: before, it is nobody's we
know, and between an end and a reopening it is a former client's, whatever came after. That a client of a colleague is
a client says nothing of the worker who called: business for certain is only what was one's own to do (decision 0061).

Days are counted from 1 January of the year 1 (`date.toordinal`): feeds are millions of rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TypeAlias

from server.core.model import ContactClass
from server.core.usage.model import Counterparty, Use

Days: TypeAlias = tuple[int, int]
"""The first and the last day, both included."""
ALWAYS, NEVER = 1, 10**7
"""Before every day, and after every day: of a beginning that nobody knows, and of an end that did not come."""


class Behind(StrEnum):
    """Who is behind a number, seen from one worker on one day."""

    COLLEAGUE = "colleague"
    CLIENT = "client"
    """Of a case that was theirs that day: they were on it, planned, on duty for all, or had a deviation."""
    CLIENT_OF_OTHERS = "client_of_others"
    """Of a case of which nobody says what this worker had to do with it that day."""
    FORMER_CLIENT = "former_client"
    PROFESSIONAL = "professional"
    UNKNOWN = "unknown"


PARTY: Mapping[Behind, Counterparty] = {
    Behind.COLLEAGUE: Counterparty.COLLEAGUE,
    Behind.CLIENT: Counterparty.CLIENT,
    Behind.CLIENT_OF_OTHERS: Counterparty.CLIENT,
    Behind.FORMER_CLIENT: Counterparty.FORMER_CLIENT,
    Behind.PROFESSIONAL: Counterparty.PROFESSIONAL,
    Behind.UNKNOWN: Counterparty.UNKNOWN,
}
WITH_CLIENTS = frozenset({Behind.CLIENT, Behind.CLIENT_OF_OTHERS, Behind.FORMER_CLIENT})
_BUSINESS = frozenset({Behind.COLLEAGUE, Behind.CLIENT, Behind.PROFESSIONAL})
_CLASSES: Mapping[ContactClass, Behind] = {
    ContactClass.CLIENT: Behind.CLIENT,
    ContactClass.REPORTER: Behind.CLIENT,
    ContactClass.PROFESSIONAL: Behind.PROFESSIONAL,
    ContactClass.CHAIN_PARTNER: Behind.PROFESSIONAL,
    ContactClass.COLLEAGUE: Behind.COLLEAGUE,
}
_WORDS: Mapping[Counterparty, Behind] = {
    **{party: behind for behind, party in PARTY.items()},
    Counterparty.CLIENT: Behind.CLIENT,
}


def use_of(behind: Behind) -> Use:
    """What contact was for, where neither the feed nor its mapping says it. What nobody knows is never private."""
    return Use.BUSINESS if behind in _BUSINESS else Use.UNCLASSIFIED


# --- cases ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PastSpell:
    """A time in which a case ran, before it was reopened. first: None: nobody knows. reopened: the day it was again."""

    first: int | None
    last: int
    reopened: int


def spells_of(
    opened: int | None, closed: int | None, *, running: bool, past: Iterable[PastSpell] = ()
) -> tuple[Days, ...]:
    """When a case ran, in order; it is somebody's on these days and on no others.

    opened: its present beginning; None: not known. closed: the last day before the confirmed closure that the register
    names; None: it names none. running: it is not closed now (closed by a status alone is not closed).
    """
    found: list[Days] = []
    since = ALWAYS
    for each in sorted(past, key=lambda spell: spell.last):
        begins = max(since, each.first or ALWAYS)
        if begins <= each.last:
            found.append((begins, each.last))
        since = max(since, each.reopened)
    if running and closed is not None and opened is not None and max(closed, since) < opened:
        # Reopened before anybody looked: of the time before, the register still says when it ended.
        if since <= closed:
            found.append((since, closed))
        since = opened
    ends = NEVER if running or closed is None else closed
    begins = max(since, opened or ALWAYS)
    if ends < begins and (not found or found[-1][1] < ends):
        begins = ends  # closed again before the reopening was seen: one day of it is known
    if begins <= ends:
        found.append((begins, ends))
    return tuple(found)


def gaps_of(spells: Sequence[Days]) -> tuple[Days, ...]:
    """The days after each spell until the next, the last one without an end if it did end."""
    found = [(one[1] + 1, other[0] - 1) for one, other in pairwise(spells)]
    if spells and spells[-1][1] < NEVER:
        found.append((spells[-1][1] + 1, NEVER))
    return tuple((first, last) for first, last in found if first <= last)


@dataclass(frozen=True, slots=True)
class OfCase:
    """A client's number in one case. spells: when the case ran, in order. former: from when it is theirs no more."""

    case: int
    spells: tuple[Days, ...]
    former: int = NEVER

    def runs(self, day: int) -> bool:
        """Whether it is a running case's number that day."""
        return day < self.former and any(first <= day <= last for first, last in self.spells)

    def began(self, day: int) -> bool:
        """Whether it is, or was before, a running case's number that day."""
        return day < self.former and bool(self.spells) and self.spells[0][0] <= day


@dataclass(frozen=True, slots=True)
class Known:
    """What the register says of one number. fixed: who it is, whatever cases say. cases: of a client."""

    fixed: Behind | None = None
    cases: tuple[OfCase, ...] = ()

    def also(self, contact_class: ContactClass, case: OfCase | None) -> Known:
        """With what one more row of the register says of it."""
        behind = _CLASSES[contact_class]
        if behind is not Behind.CLIENT or case is None:
            return Known(behind, self.cases)
        return Known(self.fixed, (*self.cases, case))

    def on(self, day: int) -> tuple[Counterparty, tuple[int, ...]]:
        """With whom contact is that day, and whose cases it may be about."""
        if self.fixed is not None:
            return PARTY[self.fixed], ()
        theirs = [each for each in self.cases if each.began(day)]
        if not theirs:
            return Counterparty.UNKNOWN, ()
        running = any(each.runs(day) for each in theirs)
        return (
            Counterparty.CLIENT if running else Counterparty.FORMER_CLIENT,
            tuple(each.case for each in theirs),
        )

    def behind(self, day: int, own: Mapping[int, Sequence[Days]], *, on_duty: bool = False) -> Behind:
        """The same as one worker stands to it. own: by case, when it was theirs. on_duty: for all cases, that day."""
        if self.fixed is not None:
            return self.fixed
        party, _ = self.on(day)
        if party is not Counterparty.CLIENT:
            return Behind.UNKNOWN if party is Counterparty.UNKNOWN else Behind.FORMER_CLIENT
        theirs = on_duty or any(
            each.runs(day) and any(first <= day <= last for first, last in own.get(each.case, ()))
            for each in self.cases
        )
        return Behind.CLIENT if theirs else Behind.CLIENT_OF_OTHERS


def worded(word: Counterparty) -> Behind:
    """What a feed's own word comes to: who wrote that they had contact with a client says it of their own work."""
    return _WORDS[word]


NOBODY_KNOWS = Known()


class Line:
    """What a number is to one worker on every day: worked out once, and looked up for each row."""

    __slots__ = ("_answers", "_starts")

    def __init__(self, known: Known, own: Mapping[int, Sequence[Days]]) -> None:
        if known.fixed is None and len(known.cases) == 1 and known.cases[0].case not in own:
            self._starts, self._answers = _of_others(known.cases[0])  # nearly all: one client, one case, not theirs
            return
        days = {ALWAYS}
        for each in known.cases:
            days.add(each.former)
            for first, last in (*each.spells, *own.get(each.case, ())):
                days |= {first, last + 1}
        self._starts = sorted(days)
        self._answers = [known.behind(day, own) for day in self._starts]

    def on(self, day: int) -> Behind:
        """Who is behind it that day; whether the worker was on duty is not in it."""
        return self._answers[bisect_right(self._starts, day) - 1]


def _of_others(case: OfCase) -> tuple[list[int], list[Behind]]:
    """From which days on a number of one case is what, to whoever has nothing to do with it."""
    starts, answers = [ALWAYS], [Behind.UNKNOWN]
    for first, last in case.spells:
        if first == starts[-1]:
            answers[-1] = Behind.CLIENT_OF_OTHERS
        else:
            starts.append(first)
            answers.append(Behind.CLIENT_OF_OTHERS)
        starts.append(last + 1)
        answers.append(Behind.FORMER_CLIENT)
    while starts and starts[-1] >= case.former:
        starts.pop()
        answers.pop()
    return [*starts, case.former], [*answers, Behind.UNKNOWN]


# --- who had a phone ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """One worker had a device in these days."""

    worker: int
    days: Days


def holder_on(held: Collection[Held], day: int) -> int | None:
    """Who had it that day; None: nobody, or two at once, and then it is neither's."""
    on = {each.worker for each in held if each.days[0] <= day <= each.days[1]}
    return on.pop() if len(on) == 1 else None


def whose(held: Collection[Held], span: Days) -> tuple[tuple[Days, int | None], ...]:
    """The days of a span, in pieces, each with who had the device; None: nobody, or two at once."""
    cuts = {span[0]}
    for each in held:
        cuts |= {each.days[0], each.days[1] + 1}
    found: list[tuple[Days, int | None]] = []
    for first, last in _pieces(cuts, span):
        worker = holder_on(held, first)
        since = found.pop()[0][0] if found and found[-1][1] == worker else first
        found.append(((since, last), worker))
    return tuple(found)


def in_team(days: Days, teams: Sequence[tuple[Days, str]]) -> tuple[tuple[Days, str], ...]:
    """The days in pieces, each with the team of that day; what is in no team is in ""."""
    cuts = {days[0]}
    for each, _ in teams:
        cuts |= {each[0], each[1] + 1}
    return tuple(
        ((first, last), next((team for each, team in teams if each[0] <= first <= each[1]), ""))
        for first, last in _pieces(cuts, days)
    )


def without(days: Days, away: Iterable[Days]) -> tuple[Days, ...]:
    """The days but those that lie in a time away."""
    left = [days]
    for first, last in away:
        left = [
            piece
            for begins, ends in left
            for piece in ((begins, min(ends, first - 1)), (max(begins, last + 1), ends))
            if piece[0] <= piece[1]
        ]
    return tuple(sorted(set(left)))


def _pieces(cuts: Iterable[int], span: Days) -> Sequence[Days]:
    starts = sorted(day for day in cuts if span[0] <= day <= span[1])
    return [(first, after - 1) for first, after in pairwise([*starts, span[1] + 1])]
