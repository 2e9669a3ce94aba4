"""The plan of a case in monitoring: which contacts are planned, where each day comes from, when it may be there; pure.

The months of the policy are counted from a day that the register tells. Days of the case system and changes of a work
supervisor come on top (DOMAIN L9, L10, C9, 14.5). Former numbers and deviations are asked before any of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from server.core.days import end_of, midnight
from server.core.model import Link, Monitored, PlanChange
from server.core.policy.model import CountedFrom, Policy, WindowUnit
from server.core.workdays import STATUTORY, add_months, is_working_day

_DAY = timedelta(days=1)


class PlannedBy(StrEnum):
    """Where a planned contact comes from."""

    POLICY = "policy"
    """One of the policy's months, counted from the start."""
    CASE_SYSTEM = "case_system"
    WORK_SUPERVISOR = "work_supervisor"


class ChangeEnd(StrEnum):
    """Why a work supervisor's change of a plan is no longer in force."""

    CHANGED_ANEW = "changed_anew"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """The case is not in monitoring any more."""


class PlannedContact(NamedTuple):
    """One contact of a plan. months: which of the policy's it is; None: an extra one. instead_of: the computed day that
    it takes the place of. on None: it does not take place.
    """

    on: date | None
    by: PlannedBy
    months: int | None = None
    instead_of: date | None = None


class ContactPlan(NamedTuple):
    """A plan as it stands. start: from which day the months are counted, None: not known. left_out: days of the case
    system that open no window, since the policy has no extra moments.
    """

    start: date | None
    contacts: tuple[PlannedContact, ...]
    left_out: tuple[date, ...] = ()

    @property
    def days(self) -> tuple[date, ...]:
        """The days of contact, in order, each once."""
        return tuple(sorted({each.on for each in self.contacts if each.on is not None}))


def start_of(case: Monitored, policy: Policy) -> date | None:
    """From which day the months of this case are counted; None: nobody has told."""
    stated = next((each.on for each in case.changes if each.months == 0 and each.on is not None), None)
    if stated is not None:
        return stated
    match policy.counted_from:
        case CountedFrom.TRANSFER:
            return case.transferred_on
        case CountedFrom.START_OF_PHASE:
            return case.monitoring_from or case.seen_from
        case CountedFrom.CASE_FIELD:
            return case.plan_counts_from


def plan_of(case: Monitored, named: Sequence[date], policy: Policy) -> ContactPlan:
    """The plan of a case. named: the days of the case system, of one worker or of all of them."""
    return _plan(
        start_of(case, policy),
        tuple(sorted(set(named))),
        case.changes,
        policy.planned_months,
        policy.extra_moments,
        policy.monitoring_window_days,
        policy.window_unit,
    )


@lru_cache(maxsize=8192)
def _plan(
    start: date | None,
    named: tuple[date, ...],
    changes: tuple[PlanChange, ...],
    months: tuple[int, ...],
    extra: bool,
    count: int,
    unit: WindowUnit,
) -> ContactPlan:
    changed = {each.months: each.on for each in changes if each.months}
    left = list(named)
    contacts: list[PlannedContact] = []
    for each in months:
        computed = None if start is None else add_months(start, each)
        if each in changed:
            contacts.append(PlannedContact(changed[each], PlannedBy.WORK_SUPERVISOR, each, computed))
        elif computed is not None:
            near = _nearest(computed, left, count, unit)
            if near is None:
                contacts.append(PlannedContact(computed, PlannedBy.POLICY, each))
            else:
                left.remove(near)
                contacts.append(
                    PlannedContact(near, PlannedBy.CASE_SYSTEM, each, None if near == computed else computed)
                )
    # Without a start nobody knows which of its days is a month's own and which is extra.
    counts = extra or start is None
    contacts += [PlannedContact(day, PlannedBy.CASE_SYSTEM) for day in left if counts]
    contacts += [PlannedContact(each.on, PlannedBy.WORK_SUPERVISOR) for each in changes if each.months is None]
    contacts.sort(key=lambda each: (each.on or each.instead_of or date.max, each.months or 0))
    return ContactPlan(start, tuple(contacts), () if counts else tuple(left))


def _nearest(computed: date, days: Sequence[date], count: int, unit: WindowUnit) -> date | None:
    """The day of the case system that is this month's: the nearest within its window, the earlier of two."""
    opens, shuts = first_day(computed, count, unit), last_day(computed, count, unit)
    near = [day for day in days if opens <= day <= shuts]
    return min(near, key=lambda day: (abs(day - computed), day), default=None)


def in_plan(link: Link) -> bool:
    """Whether the worker is one of those who keep contact: named by the case system or, where it names nobody, on the
    case now.
    """
    if link.planned_moments:
        return True
    return link.monitored is not None and not link.monitored.names_workers and link.assigned_now


def days_of(link: Link, policy: Policy) -> tuple[date, ...]:
    """The days on which this worker's contact is planned, as far as anybody knows."""
    if link.monitored is None:
        return link.planned_moments
    return plan_of(link.monitored, link.planned_moments, policy).days if in_plan(link) else ()


def is_known(case: Monitored, policy: Policy) -> bool:
    """Whether anybody knows when contact is planned: from the case system's own plan, or since each of the policy's
    months can be counted or was given a day.
    """
    if case.names_workers or start_of(case, policy) is not None:
        return True
    return {each.months for each in case.changes}.issuperset(policy.planned_months)


@lru_cache(maxsize=8192)
def window(day: date, count: int, unit: WindowUnit) -> tuple[datetime, datetime]:
    """From which instant until before which a contact may be there: midnights in Amsterdam, as UTC."""
    return midnight(first_day(day, count, unit)), end_of(last_day(day, count, unit))


def first_day(day: date, count: int, unit: WindowUnit) -> date:
    """The first day of the window around a planned day."""
    return _away(day, -count, unit)


def last_day(day: date, count: int, unit: WindowUnit) -> date:
    """The last day of it."""
    return _away(day, count, unit)


@lru_cache(maxsize=8192)
def _away(day: date, count: int, unit: WindowUnit) -> date:
    if unit is WindowUnit.DAYS:
        return day + count * _DAY
    step = _DAY if count > 0 else -_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_working_day(day, STATUTORY)
    return day
