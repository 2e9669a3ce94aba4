"""Months as usage counts them, from a day or its ordinal and back; nothing is read."""

from __future__ import annotations

from datetime import date, timedelta


def ordinals(period: tuple[date, date]) -> tuple[int, int]:
    """First and last day of a period as ordinals."""
    return period[0].toordinal(), period[1].toordinal()


def months_of(days: tuple[int, int]) -> range:
    """The months (as `month_of` counts them) of days from one ordinal to another, both included."""
    return range(month_of_ordinal(days[0]), month_of_ordinal(days[1]) + 1)


def month_of_ordinal(day: int) -> int:
    """The month (as `month_of` counts them) of a day's ordinal."""
    return month_of(date.fromordinal(day))


# --- reading --------------------------------------------------------------------------------------------------------


def month_of(day: date) -> int:
    """The month of a day, counted from year 0."""
    return day.year * 12 + day.month - 1


def bounds(month: int) -> tuple[date, date]:
    """First and last day of a month."""
    year, index = divmod(month, 12)
    next_year, next_index = divmod(month + 1, 12)
    return date(year, index + 1, 1), date(next_year, next_index + 1, 1) - timedelta(days=1)


def day_at(ordinal: int | None) -> date | None:
    """The day of an ordinal."""
    return None if ordinal is None else date.fromordinal(ordinal)
