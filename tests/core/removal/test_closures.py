"""Which days may be stated for a closure, from when a confirmation counts, and when it lapses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.model import Phase
from server.core.removal.closures import DayFault, RegisterSays, counts_from, fault_of_day, still_stands, waits

TODAY = date(2026, 3, 17)
NOW = datetime(2026, 3, 17, 10, 30, tzinfo=UTC)
OPENED = date(2025, 9, 1)
CLOSED = RegisterSays(Phase.CLOSED, OPENED, None)


@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_closed_case_of_which_the_register_tells_no_closure_waits(phase):
    assert waits(RegisterSays(phase, OPENED, None)) is (phase is Phase.CLOSED)
    assert not waits(RegisterSays(phase, OPENED, NOW))


@pytest.mark.parametrize(
    ("day", "fault"),
    [
        (TODAY, None),
        (TODAY + timedelta(days=1), DayFault.IN_FUTURE),
        (OPENED, None),
        (OPENED - timedelta(days=1), DayFault.BEFORE_OPENING),
    ],
)
def test_a_day_lies_between_the_opening_and_today(day, fault):
    assert fault_of_day(day, CLOSED, TODAY) is fault


def test_a_case_whose_opening_nobody_knows_may_have_closed_on_any_day_up_to_today():
    assert fault_of_day(date(2019, 1, 1), RegisterSays(Phase.CLOSED, None, None), TODAY) is None


def test_a_confirmation_counts_from_the_end_of_its_day_in_amsterdam():
    assert counts_from(date(2026, 3, 10), NOW) == datetime(2026, 3, 10, 23, tzinfo=UTC)
    assert counts_from(date(2025, 7, 10), NOW) == datetime(2025, 7, 10, 22, tzinfo=UTC)


def test_a_confirmation_of_today_counts_from_when_it_was_said():
    assert counts_from(TODAY, NOW) == NOW


@given(st.dates(date(2020, 1, 1), TODAY))
def test_no_confirmation_counts_from_after_it_was_said_or_before_its_day(day):
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2)
    assert start <= counts_from(day, NOW) <= NOW


DAY = date(2026, 3, 2)
MIDNIGHT_AFTER = datetime(2026, 3, 2, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("case", "stands"),
    [
        (CLOSED, True),
        (RegisterSays(Phase.INVESTIGATION, OPENED, None), False),
        (RegisterSays(Phase.MONITORING, OPENED, None), False),
        (RegisterSays(Phase.CLOSED, date(2026, 1, 5), None), False),
        (RegisterSays(Phase.CLOSED, None, None), False),
        (RegisterSays(Phase.CLOSED, OPENED, MIDNIGHT_AFTER), True),
        (RegisterSays(Phase.CLOSED, OPENED, MIDNIGHT_AFTER - timedelta(hours=9)), True),
        (RegisterSays(Phase.CLOSED, OPENED, MIDNIGHT_AFTER + timedelta(minutes=1)), False),
        (RegisterSays(Phase.CLOSED, OPENED, MIDNIGHT_AFTER - timedelta(days=1)), False),
    ],
    ids=[
        "nothing new", "reopened", "monitored", "begun anew", "opening unknown", "closed that day, by its end",
        "closed that day, with a time", "closed a day later", "closed a day earlier",
    ],
)  # fmt: skip
def test_a_confirmation_lapses_when_the_register_tells_of_another_case(case, stands):
    assert still_stands(DAY, OPENED, case) is stands


def test_a_not_yet_lapses_with_the_case_it_spoke_of():
    assert still_stands(None, OPENED, CLOSED)
    assert not still_stands(None, OPENED, RegisterSays(Phase.CLOSED, OPENED, MIDNIGHT_AFTER))
