"""The promises of `server.core.workdays`: terms end on the day that Dutch calendars say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from dateutil.easter import easter
from hypothesis import given
from hypothesis import strategies as st

from server.core.workdays import (
    STATUTORY,
    LiberationDay,
    WorkingCalendar,
    add_working_days,
    assess_by,
    count_working_days,
    inquiry_until,
    is_working_day,
    last_working_day,
    local_day,
    notify_by,
)

PLAIN = WorkingCalendar(LiberationDay.NEVER, good_friday=False)
FIVE_YEARS = WorkingCalendar(LiberationDay.EVERY_FIVE_YEARS, good_friday=False)

DAYS = st.dates(date(2015, 1, 1), date(2045, 12, 31))
CALENDARS = st.builds(
    WorkingCalendar, st.sampled_from(LiberationDay), good_friday=st.booleans(), closed=st.frozensets(DAYS, max_size=5)
)


@pytest.mark.parametrize("year", range(1995, 2061))
def test_the_undisputed_holidays_are_off_in_every_year_and_nothing_else_is(year: int) -> None:
    sunday = easter(year)
    royal = date(year, 4, 27 if year > 2013 else 30)
    off = {
        date(year, 1, 1),
        sunday + timedelta(days=1),
        royal if royal.weekday() != 6 else royal - timedelta(days=1),
        sunday + timedelta(days=39),
        sunday + timedelta(days=50),
        date(year, 12, 25),
        date(year, 12, 26),
    }
    days = [date(year, 1, 1) + timedelta(days=step) for step in range(365)]
    found = {day for day in days if day.weekday() < 5 and not is_working_day(day, PLAIN)}
    assert found == {day for day in off if day.weekday() < 5}


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 4, 27), False),  # a Monday, King's Day
        (date(2025, 4, 28), True),  # the 27th was a Sunday, so King's Day was Saturday the 26th
        (date(2012, 4, 30), False),  # Queen's Day then, a Monday
        (date(2014, 4, 30), True),  # no longer
        (date(2014, 4, 28), True),  # King's Day moved from Sunday 27 to Saturday 26
    ],
)
def test_kings_day_is_moved_back_from_a_sunday(day: date, works: bool) -> None:
    assert is_working_day(day, PLAIN) is works


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2025, {LiberationDay.EVERY_YEAR: False, LiberationDay.EVERY_FIVE_YEARS: False, LiberationDay.NEVER: True}),
        (2026, {LiberationDay.EVERY_YEAR: False, LiberationDay.EVERY_FIVE_YEARS: True, LiberationDay.NEVER: True}),
    ],
)
def test_liberation_day_is_off_as_the_organisation_says(year: int, expected: dict[LiberationDay, bool]) -> None:
    found = {rule: is_working_day(date(year, 5, 5), WorkingCalendar(rule, good_friday=False)) for rule in LiberationDay}
    assert found == expected


def test_ascension_day_on_the_fifth_of_may_is_off_whatever_is_said_of_liberation_day() -> None:
    assert [is_working_day(date(2016, 5, 5), WorkingCalendar(rule, good_friday=False)) for rule in LiberationDay] == [
        False,
        False,
        False,
    ]


def test_good_friday_is_off_only_where_that_was_agreed() -> None:
    friday = date(2026, 4, 3)
    assert is_working_day(friday, PLAIN)
    assert not is_working_day(friday, WorkingCalendar(LiberationDay.NEVER, good_friday=True))
    assert not is_working_day(friday, STATUTORY)


def test_a_closing_day_of_the_organisation_is_off() -> None:
    bridge = date(2026, 5, 15)
    assert is_working_day(bridge, PLAIN)
    assert not is_working_day(
        bridge, WorkingCalendar(LiberationDay.NEVER, good_friday=False, closed=frozenset({bridge}))
    )


@pytest.mark.parametrize(
    ("established", "by"),
    [
        (datetime(2026, 3, 3, 9, 0, tzinfo=UTC), date(2026, 3, 6)),  # Tuesday to Friday
        (datetime(2026, 3, 5, 9, 0, tzinfo=UTC), date(2026, 3, 10)),  # over a weekend
        (datetime(2026, 3, 7, 9, 0, tzinfo=UTC), date(2026, 3, 11)),  # established on a Saturday
        (datetime(2026, 4, 2, 9, 0, tzinfo=UTC), date(2026, 4, 9)),  # over Good Friday and Easter Monday
        (datetime(2025, 12, 23, 9, 0, tzinfo=UTC), date(2025, 12, 30)),  # over Christmas
        # 23:30 UTC on Monday is already Tuesday in Amsterdam, in winter and in summer time.
        (datetime(2026, 3, 2, 23, 30, tzinfo=UTC), date(2026, 3, 6)),
        (datetime(2026, 6, 1, 22, 30, tzinfo=UTC), date(2026, 6, 5)),
    ],
)
def test_the_inspectorate_is_told_within_three_working_days(established: datetime, by: date) -> None:
    assert notify_by(established) == by


def test_an_inquiry_ends_after_six_weeks_even_in_a_weekend_and_over_a_change_of_the_clock() -> None:
    # The clock goes forward on 29 March 2026, in these six weeks.
    assert inquiry_until(datetime(2026, 3, 14, 23, 30, tzinfo=UTC)) == date(2026, 4, 26)
    assert inquiry_until(datetime(2026, 3, 14, 22, 30, tzinfo=UTC)) == date(2026, 4, 25)
    assert last_working_day(date(2026, 4, 25), STATUTORY) == date(2026, 4, 24)


def test_a_safety_assessment_takes_five_working_days() -> None:
    assert assess_by(datetime(2026, 4, 23, 9, 0, tzinfo=UTC)) == date(2026, 5, 1)
    assert assess_by(datetime(2026, 4, 23, 9, 0, tzinfo=UTC), PLAIN) == date(2026, 5, 1)  # King's Day counts for all
    assert assess_by(datetime(2026, 4, 28, 9, 0, tzinfo=UTC)) == date(2026, 5, 6)
    assert assess_by(datetime(2026, 4, 28, 9, 0, tzinfo=UTC), FIVE_YEARS) == date(2026, 5, 5)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        local_day(datetime(2026, 3, 3, 9, 0))  # noqa: DTZ001  that is the point


def test_no_working_days_are_not_added() -> None:
    with pytest.raises(ValueError, match="at least one"):
        add_working_days(date(2026, 3, 3), 0, PLAIN)


@given(DAYS, st.integers(1, 40), CALENDARS)
def test_adding_and_counting_agree(day: date, count: int, calendar: WorkingCalendar) -> None:
    until = add_working_days(day, count, calendar)
    assert is_working_day(until, calendar)
    assert count_working_days(day, until, calendar) == count
    assert last_working_day(until, calendar) == until
    assert count_working_days(until, day, calendar) == 0


@given(DAYS, st.integers(1, 40), CALENDARS, st.frozensets(DAYS, max_size=5))
def test_more_days_off_never_make_a_term_shorter(
    day: date, count: int, calendar: WorkingCalendar, more: frozenset[date]
) -> None:
    longer = WorkingCalendar(calendar.liberation_day, calendar.good_friday, calendar.closed | more)
    assert add_working_days(day, count, longer) >= add_working_days(day, count, calendar)
