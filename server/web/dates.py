"""Days, weeks and ages as instants, in Amsterdam; for pages that count over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from server.core.days import AMSTERDAM, midnight

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def last_weeks(today: date, count: int) -> Sequence[date]:
    """The Mondays of so many weeks, the running one last."""
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=count - 1 - nth) for nth in range(count)]


def last_days(today: date, count: int) -> Sequence[date]:
    """So many days, today last."""
    return [today - timedelta(days=count - 1 - nth) for nth in range(count)]


def edges_of(days: Sequence[date], step: timedelta) -> Sequence[datetime]:
    """The instants between which each of these days, or weeks, lies."""
    return [midnight(day) for day in (*days, days[-1] + step)]


def age_edges(now: datetime, days: Sequence[int]) -> Sequence[datetime]:
    """From long ago to now, cut at so many days of age, the oldest first."""
    return [LONG_AGO, *(now - timedelta(days=age) for age in days), now + timedelta(microseconds=1)]


def last_day(until: datetime) -> date:
    """The last day that lies wholly before an instant, in Amsterdam."""
    return (until - timedelta(microseconds=1)).astimezone(AMSTERDAM).date()
