"""Terms in months and in Dutch working days: which days count, and when a term ends; the day is always an argument.

Days are those of Europe/Amsterdam. Public holidays come from the library `holidays`; what organisations decide for
themselves (5 May, Good Friday, own closing days) is a parameter. Texts that give a term: DOMAIN L3, X2, X3, 14.4.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from holidays import country_holidays

from server.core.days import AMSTERDAM

IGJ_WORKING_DAYS = 3
"""Without delay means within three working days after it was established (DOMAIN X2)."""
IGJ_INQUIRY_WEEKS = 6
"""An own inquiry takes six weeks at most (DOMAIN X3)."""
ASSESSMENT_WORKING_DAYS = 5
"""The full safety assessment takes five working days (DOMAIN L3)."""
_DISPUTED = {"Liberation Day", "Good Friday"}
_SATURDAY = 5


class LiberationDay(StrEnum):
    """When 5 May is a day off."""

    EVERY_YEAR = "every_year"
    EVERY_FIVE_YEARS = "every_five_years"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """What an organisation does not work on, beside weekends and the holidays nobody disputes.

    closed: the organisation's own closing days. STATUTORY is the calendar for terms that a law sets.
    """

    liberation_day: LiberationDay
    good_friday: bool
    closed: frozenset[date] = frozenset()


STATUTORY = WorkingCalendar(LiberationDay.EVERY_YEAR, good_friday=True)
"""Algemene termijnenwet, article 3: 5 May counts as a holiday each year, and Good Friday is put on a par with one."""


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def is_working_day(day: date, calendar: WorkingCalendar) -> bool:
    """Whether work is expected on that day. Veilig Thuis works day and night: this is for terms, never for people."""
    return (
        day.weekday() < _SATURDAY
        and day not in calendar.closed
        and day not in _holidays(day.year, calendar.liberation_day, calendar.good_friday)
    )


def add_working_days(day: date, count: int, calendar: WorkingCalendar) -> date:
    """The count-th working day after `day`, which itself never counts. ValueError: count below one."""
    if count < 1:
        raise ValueError("count at least one working day")
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day, calendar)
    return day


def count_working_days(after: date, until: date, calendar: WorkingCalendar) -> int:
    """How many working days lie after `after`, up to and with `until`; 0 if `until` is not later."""
    return sum(
        is_working_day(after + timedelta(days=step), calendar) for step in range(1, max(0, (until - after).days) + 1)
    )


def last_working_day(until: date, calendar: WorkingCalendar) -> date:
    """`until` if that is a working day, else the last one before it: when people must really be done."""
    while not is_working_day(until, calendar):
        until -= timedelta(days=1)
    return until


def local_day(moment: datetime) -> date:
    """The day it then was in Amsterdam. ValueError: the moment has no zone, so nobody knows."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(AMSTERDAM).date()


def notify_by(established_at: datetime, calendar: WorkingCalendar = STATUTORY) -> date:
    """The last day to tell the inspectorate: three working days after it was *established*, not after a first sign."""
    return add_working_days(local_day(established_at), IGJ_WORKING_DAYS, calendar)


def inquiry_until(started_at: datetime) -> date:
    """The last day of an own inquiry into something unclear: six weeks of seven days, to the day, weekend or not."""
    return local_day(started_at) + timedelta(weeks=IGJ_INQUIRY_WEEKS)


def assess_by(received_at: datetime, calendar: WorkingCalendar = STATUTORY) -> date:
    """The last day of the full safety assessment: five working days after the report came in."""
    return add_working_days(local_day(received_at), ASSESSMENT_WORKING_DAYS, calendar)


@lru_cache(maxsize=256)
def _holidays(year: int, liberation_day: LiberationDay, good_friday: bool) -> frozenset[date]:
    named = country_holidays("NL", years=year, language="en_US")
    # 5 May can be Ascension Day too (2005, 2016), so a day stays as long as one of its names does.
    days = {day for day in named if set(named.get_list(day)) - _DISPUTED}
    if good_friday:
        days.update(named.get_named("Good Friday"))
    if liberation_day is LiberationDay.EVERY_YEAR or (
        liberation_day is LiberationDay.EVERY_FIVE_YEARS and year % 5 == 0
    ):
        days.add(date(year, 5, 5))
    return frozenset(days)
