"""Days as people type and read them in forms; days, weeks and ages as instants, in Amsterdam, for pages that count."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from babel.dates import format_date, get_month_names

from server.core.days import AMSTERDAM, midnight

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_DAY = 24
"""Characters that a day takes at most, spaces and all."""
_PATTERNS = {"nl": "dd-MM-y", "en": "dd/MM/y"}
_DAY_FIRST = re.compile(r"(\d{1,2})(?:\s*[-/.]\s*|\s+)(\d{1,2}|[a-z]+\.?)(?:\s*[-/.]\s*|\s+)(\d{4})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)


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


def read_day(text: str) -> date | None:
    """A day as somebody typed it, in either language; None if it is none.

    The day stands first, as in both languages of the pages (31-12-2026, 31/12/2026, 31 dec 2026), or the year does
    (2026-12-31). A year of two digits is none: which century it means is a guess.
    """
    text = text.strip().lower()
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = found.groups()
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = found.groups()
    else:
        return None
    number = int(month) if month.isdigit() else _months().get(month.rstrip("."), 0)
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None


def typed_day(text: str, language: str) -> str:
    """What stands in a field for a day: a day as the reader would type it, and anything else as it was typed."""
    day = read_day(text)
    return text if day is None else format_date(day, _PATTERNS.get(language, "y-MM-dd"), locale=language)


@lru_cache(maxsize=1)
def _months() -> Mapping[str, int]:
    """Months by name and abbreviation, in small letters, in both languages; they nowhere contradict each other."""
    return {
        name.lower().rstrip("."): number
        for language in _PATTERNS
        for width in ("wide", "abbreviated")
        for context in ("format", "stand-alone")
        for number, name in get_month_names(width, context=context, locale=language).items()
    }
