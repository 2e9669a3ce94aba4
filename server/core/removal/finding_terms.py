"""Within how many working days a finding is looked into, how long it may be put off, as what it may end, and how the
work of a day is dealt out; no store. A hold has no part in it: only the kind of a finding, and when it was opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from server.core.model import ABOUT_DECLARATIONS, ABOUT_PHONES, Disposition, FindingKind
from server.core.workdays import STATUTORY, WorkingCalendar, add_working_days, count_working_days, is_working_day

_SOON, _LATER, _PAPER = 3, 5, 10
WITHIN: Mapping[FindingKind, int] = {
    **dict.fromkeys(FindingKind, _SOON),
    **dict.fromkeys((FindingKind.NUMBER_OVERWRITTEN, FindingKind.CASE_NUMBER_ENTRY, *ABOUT_PHONES), _LATER),
    **dict.fromkeys(ABOUT_DECLARATIONS, _PAPER),
}
"""Working days in which somebody looks into it, where nobody set another day. Three where a client's number may
still be within reach or nothing can be proven until then, ten where a paper is missing.
"""
LEFT_LYING = 5
"""Working days past its day after which others than its owner are told of it."""
PUT_OFF_AT_ONCE = 20
PUT_OFF_AT_ALL = 60
"""Working days for which it may be put off at once, and after it was opened: then it is concluded, or it lies."""

_ORDINARY = (Disposition.EXPLAINED, Disposition.PUT_RIGHT)
ENDS: Mapping[FindingKind, tuple[Disposition, ...]] = {
    **dict.fromkeys(FindingKind, (Disposition.PUT_RIGHT, Disposition.EXPLAINED, Disposition.ACCEPTED)),
    FindingKind.WITHOUT_ASSIGNMENT: (
        *_ORDINARY,
        Disposition.REGISTER_WRONG,
        Disposition.PASSED_ON,
        Disposition.UNFOUNDED,
    ),
    FindingKind.REAPPEARED: (*_ORDINARY, Disposition.PASSED_ON, Disposition.UNFOUNDED),
    FindingKind.UNREADABLE_ENTRY: (Disposition.NOTHING_THERE, Disposition.PUT_RIGHT),
    FindingKind.NUMBER_OVERWRITTEN: (*_ORDINARY, Disposition.REGISTER_WRONG, Disposition.UNFOUNDED),
    FindingKind.CASE_NUMBER_ENTRY: (Disposition.NOTHING_THERE, Disposition.PUT_RIGHT, Disposition.REGISTER_WRONG),
    FindingKind.MIXED_UNCLEAR: (Disposition.PUT_RIGHT, Disposition.NOTHING_THERE),
    FindingKind.PLACE_UNSEEN: (Disposition.PUT_RIGHT, Disposition.ACCEPTED),
    FindingKind.EMPTY_BOOK: (*_ORDINARY, Disposition.PASSED_ON),
}
"""As what a person may end each kind. Where closing it lets something be called absent again, no ending says that
nobody looked.
"""

BY_PEOPLE = tuple(each for each in Disposition if each not in (Disposition.BY_ITSELF, Disposition.IN_WORDS))
"""What a person can choose among, over all kinds."""


@dataclass(frozen=True, slots=True)
class Heap:
    """What is alike and nobody's: how many findings of a kind."""

    kind: FindingKind
    count: int


@dataclass(frozen=True, slots=True)
class Dealt:
    """A part of a heap for one person. to: the place of that person among those it was dealt out to."""

    kind: FindingKind
    count: int
    to: int


def due_day(kind: FindingKind, opened: date, set_day: date | None, calendar: WorkingCalendar = STATUTORY) -> date:
    """The last day on which it is in time: what a person set, else so many working days after it was opened."""
    return set_day or add_working_days(opened, WITHIN[kind], calendar)


def opened_before(today: date, count: int, calendar: WorkingCalendar = STATUTORY) -> date:
    """What was opened before this day had its `count` working days before `today`: `due_day` turned round, for sets."""
    day = today - timedelta(days=1)
    while count:
        count -= is_working_day(day, calendar)
        day -= timedelta(days=1)
    return day + timedelta(days=1)


def working_days_old(opened: date, today: date, calendar: WorkingCalendar = STATUTORY) -> int:
    """Its age in working days; one that was opened today has none."""
    return count_working_days(opened, today, calendar)


def last_day_to_put_off(opened: date, today: date, calendar: WorkingCalendar = STATUTORY) -> date | None:
    """Until which day it may be put off; None: no further."""
    latest = min(add_working_days(today, PUT_OFF_AT_ONCE, calendar), add_working_days(opened, PUT_OFF_AT_ALL, calendar))
    return latest if latest > today else None


def deal_out(heaps: Sequence[Heap], has: Sequence[int]) -> Sequence[Dealt]:
    """Who gets how many of what is nobody's, the largest heap first, each to whoever has least.

    has: how many each person has already. What is alike stays with one person, unless it is more than an even share.
    """
    if not has:
        return ()
    loads = list(has)
    even = max(1, -(-(sum(loads) + sum(each.count for each in heaps)) // len(loads)))
    dealt: dict[tuple[FindingKind, int], int] = {}
    for heap in sorted(heaps, key=lambda each: (-each.count, each.kind)):
        left = heap.count
        while left:
            to = min(range(len(loads)), key=lambda nth: (loads[nth], nth))
            part = min(left, max(1, even - loads[to]))
            dealt[heap.kind, to] = dealt.get((heap.kind, to), 0) + part
            loads[to] += part
            left -= part
    return [Dealt(kind, count, to) for (kind, to), count in dealt.items()]
