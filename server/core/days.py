"""Days of Amsterdam as instants: when one begins and ends; what counts as a working day stands in `workdays`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def midnight(day: date) -> datetime:
    """The first instant of a day."""
    return datetime.combine(day, time(), AMSTERDAM).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The first instant after a day."""
    return midnight(day + timedelta(days=1))
