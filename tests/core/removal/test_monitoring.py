"""The plan of a case in monitoring, a named test for each row of the table, and a second reading of it by dateutil."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.easter import easter
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from server.core.model import ContactClass, Decision, Link, Monitored, Phase, PlanChange, Reason
from server.core.policy.model import CountedFrom, Policy, WindowUnit
from server.core.removal.monitoring import ContactPlan, PlannedBy, PlannedContact, plan_of, window
from server.core.removal.need import decide

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
TICK = timedelta(microseconds=1)
POLICY = Policy(
    version="rules-7",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=14,
    require_recorded=True,
    former_number_days=365,
    tombstone_days=365,
    max_removals=100,
    max_share=0.5,
    max_closures_factor=10.0,
    planned_months=(3, 12),
)
HANDED_OVER = Monitored(transferred_on=date(2025, 1, 15))
POLICYS, CASE_SYSTEM, SUPERVISOR = PlannedBy


def plan(case: Monitored = HANDED_OVER, *named: date, **other: object) -> ContactPlan:
    return plan_of(case, named, replace(POLICY, **other))  # type: ignore[arg-type]


def link(case: Monitored = HANDED_OVER, *named: date, now: datetime, **facts: object) -> Link:
    """Of a worker who is on the case."""
    return Link(
        1, ContactClass.CLIENT, Phase.MONITORING, now, was_assigned=True, assigned_now=True, recorded=True,
        planned_moments=named, monitored=case,
    )._replace(**facts)  # fmt: skip


def at(day: date, hour: float = 0) -> datetime:
    return datetime.combine(day, time(), AMSTERDAM).astimezone(UTC) + timedelta(hours=hour)


def answer(each: Link, now: datetime, **other: object) -> tuple[Decision, Reason]:
    need = decide([each], replace(POLICY, **other), now, now)  # type: ignore[arg-type]
    return need.decision, need.reason


KEPT = (Decision.KEEP, Reason.MONITORING_WINDOW)
GONE = (Decision.REMOVE_REPROVISIONABLE, Reason.MONITORING_OUTSIDE)


# --- the months of the policy (DOMAIN L9, 14.5) --------------------------------------------------------------------


def test_l9_contact_is_planned_three_and_twelve_months_after_the_start():
    assert plan() == ContactPlan(
        date(2025, 1, 15),
        (PlannedContact(date(2025, 4, 15), POLICYS, 3), PlannedContact(date(2026, 1, 15), POLICYS, 12)),
    )


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2025, 8, 31), 3, date(2025, 11, 30)),
        (date(2025, 12, 31), 60, date(2030, 12, 31)),
    ],
)
def test_in_a_month_that_is_too_short_its_last_day_counts(start, months, day):
    assert plan(Monitored(transferred_on=start), planned_months=(months,)).days == (day,)


@pytest.mark.parametrize(
    ("counted_from", "start"),
    [
        (CountedFrom.TRANSFER, date(2025, 1, 1)),
        (CountedFrom.START_OF_PHASE, date(2025, 2, 1)),
        (CountedFrom.CASE_FIELD, date(2025, 3, 1)),
    ],
)
def test_the_months_count_from_what_the_policy_names(counted_from, start):
    case = Monitored(date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1), date(2025, 2, 9))
    assert plan(case, counted_from=counted_from).start == start


def test_the_day_on_which_monitoring_was_seen_to_begin_stands_in_for_one_that_is_not_told():
    seen = Monitored(seen_from=date(2025, 2, 9))
    assert plan(seen, counted_from=CountedFrom.START_OF_PHASE).start == date(2025, 2, 9)
    assert plan(seen, counted_from=CountedFrom.TRANSFER).start is None


# --- days of the case system and of the work supervisor (DOMAIN L10) ------------------------------------------------


def test_a_day_of_the_case_system_within_the_window_takes_the_place_of_the_computed_one():
    moved = PlannedContact(date(2025, 4, 29), CASE_SYSTEM, 3, date(2025, 4, 15))
    assert plan(HANDED_OVER, date(2025, 4, 29)).contacts[0] == moved
    assert plan(HANDED_OVER, date(2025, 4, 29)).days == (date(2025, 4, 29), date(2026, 1, 15))


def test_a_day_of_the_case_system_outside_the_window_is_an_extra_contact():
    assert plan(HANDED_OVER, date(2025, 4, 30)).days == (date(2025, 4, 15), date(2025, 4, 30), date(2026, 1, 15))


def test_of_two_days_near_the_computed_one_the_nearer_takes_its_place_and_the_other_is_extra():
    found = plan(HANDED_OVER, date(2025, 4, 10), date(2025, 4, 16))
    assert [(each.on, each.months) for each in found.contacts] == [
        (date(2025, 4, 10), None), (date(2025, 4, 16), 3), (date(2026, 1, 15), 12),
    ]  # fmt: skip


def test_without_extra_moments_other_days_of_the_case_system_open_no_window_and_are_told():
    found = plan(HANDED_OVER, date(2025, 4, 16), date(2025, 8, 1), extra_moments=False)
    assert (found.days, found.left_out) == ((date(2025, 4, 16), date(2026, 1, 15)), (date(2025, 8, 1),))


def test_without_a_start_the_days_of_the_case_system_are_the_whole_plan():
    found = plan(Monitored(names_workers=True), date(2025, 8, 1), extra_moments=False)
    assert found == ContactPlan(None, (PlannedContact(date(2025, 8, 1), CASE_SYSTEM),))


@pytest.mark.parametrize(
    ("change", "days"),
    [
        (PlanChange(0, date(2025, 2, 28)), (date(2025, 5, 28), date(2026, 2, 28))),
        (PlanChange(3, date(2025, 6, 2)), (date(2025, 6, 2), date(2026, 1, 15))),
        (PlanChange(3, None), (date(2026, 1, 15),)),
        (PlanChange(None, date(2025, 7, 1)), (date(2025, 4, 15), date(2025, 7, 1), date(2026, 1, 15))),
    ],
    ids=["another start", "another day", "does not take place", "extra"],
)
def test_a_work_supervisor_changes_the_plan(change, days):
    assert plan(HANDED_OVER._replace(changes=(change,)), extra_moments=False).days == days


def test_a_change_of_the_work_supervisor_outweighs_the_case_system():
    case = HANDED_OVER._replace(changes=(PlanChange(3, date(2025, 6, 2)),))
    assert plan(case, date(2025, 4, 16), extra_moments=False).days == (date(2025, 6, 2), date(2026, 1, 15))


def test_a_month_that_was_changed_before_the_start_is_known_counts_all_the_same():
    case = Monitored(changes=(PlanChange(3, date(2025, 6, 2)),))
    assert plan(case).days == (date(2025, 6, 2),)


# --- who is in the plan, and what is not known ----------------------------------------------------------------------


def test_c9_contact_is_there_around_a_planned_day_and_gone_in_between():
    for day, expected in [
        (date(2025, 3, 31), GONE), (date(2025, 4, 1), KEPT), (date(2025, 4, 29), KEPT), (date(2025, 4, 30), GONE),
        (date(2025, 12, 31), GONE), (date(2026, 1, 1), KEPT), (date(2026, 1, 29), KEPT), (date(2026, 1, 30), GONE),
    ]:  # fmt: skip
        assert answer(link(now=at(day)), at(day)) == expected, day


def test_l10_whoever_the_case_system_does_not_name_has_no_planned_contact():
    now = at(date(2025, 4, 15))
    assert answer(link(HANDED_OVER._replace(names_workers=True), now=now), now) == GONE
    assert answer(link(HANDED_OVER._replace(names_workers=True), date(2025, 8, 1), now=now), now) == KEPT


def test_i3_whoever_left_the_case_has_no_planned_contact_unless_named():
    now = at(date(2025, 4, 15))
    left = {"assigned_now": False, "assigned_until": at(date(2025, 1, 15))}
    assert answer(link(now=now, **left), now) == GONE
    assert answer(link(HANDED_OVER._replace(names_workers=True), date(2025, 4, 16), now=now, **left), now) == KEPT


def test_without_a_start_and_without_a_planned_day_a_person_decides():
    now = at(date(2025, 4, 15))
    unknown = (Decision.REVIEW, Reason.PLAN_UNKNOWN)
    assert answer(link(Monitored(), now=now), now) == unknown
    assert answer(link(Monitored(), now=now), now, planned_months=()) == GONE
    extra = Monitored(changes=(PlanChange(None, date(2025, 4, 16)),))
    assert answer(link(extra, now=now), now) == KEPT
    assert answer(link(extra, now=at(date(2025, 6, 1))), at(date(2025, 6, 1))) == unknown
    every_month = Monitored(changes=(PlanChange(3, date(2025, 6, 30)), PlanChange(12, None)))
    assert answer(link(every_month, now=now), now) == GONE
    assert answer(link(Monitored(), now=now, deviation_until=now + TICK), now) == (Decision.KEEP, Reason.DEVIATION)
    assert answer(link(Monitored(), now=now, former_since=at(date(2024, 1, 1))), now)[1] is Reason.FORMER_NUMBER


def test_who_is_on_the_case_until_a_day_is_decided_again_on_it():
    now, ends = at(date(2025, 4, 15)), at(date(2025, 4, 20))
    assert decide([link(now=now, assigned_until=ends)], POLICY, now, now).next_at == ends
    assert decide([link(Monitored(), now=now, assigned_until=ends)], POLICY, now, now).next_at == ends


# --- windows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2024, 2, 29), 24)],
    ids=["summer time begins", "summer time ends", "leap day"],
)
def test_a_window_is_of_whole_days_in_amsterdam(day, hours):
    opens, shuts = window(day, 0, WindowUnit.DAYS)
    assert (opens, shuts - opens) == (at(day), timedelta(hours=hours))


@pytest.mark.parametrize(
    ("day", "count", "first", "last"),
    [
        (date(2025, 6, 18), 5, date(2025, 6, 11), date(2025, 6, 25)),
        (date(2025, 6, 14), 1, date(2025, 6, 13), date(2025, 6, 16)),
        (date(2025, 12, 24), 3, date(2025, 12, 19), date(2025, 12, 31)),
        (date(2025, 4, 22), 2, date(2025, 4, 16), date(2025, 4, 24)),
        (date(2025, 5, 6), 1, date(2025, 5, 2), date(2025, 5, 7)),
        (date(2025, 6, 14), 0, date(2025, 6, 14), date(2025, 6, 14)),
    ],
    ids=["plain", "a Saturday", "Christmas", "Easter", "Liberation Day", "none"],
)
def test_a_window_in_working_days_leaves_out_weekends_and_holidays(day, count, first, last):
    assert window(day, count, WindowUnit.WORKING_DAYS) == (at(first), at(last + timedelta(days=1)))


# --- a second reading of the same rules, by dateutil ----------------------------------------------------------------


def is_off(day: date) -> bool:
    """Weekends, and the days of the Algemene termijnenwet, article 3, with Good Friday and 5 May each year."""
    year = day.year
    moving = {easter(year) + timedelta(days=each) for each in (-2, 0, 1, 39, 49, 50)}
    king = date(year, 4, 27)
    fixed = {date(year, 1, 1), date(year, 5, 5), date(year, 12, 25), date(year, 12, 26)}
    return day.weekday() > 4 or day in moving | fixed | {king - timedelta(days=king.weekday() == 6)}


def inside(day: date, today: date, count: int, *, working: bool) -> bool:
    """Whether no more than so many days, without `day` itself, lie from it up to today: counted one by one."""
    if not working:
        return abs((day - today).days) <= count
    step = 1 if today > day else -1
    between = [day + timedelta(days=step * nth) for nth in range(1, abs((today - day).days) + 1)]
    if not between:
        return True
    worked = sum(not is_off(each) for each in between)
    # The last day of a window is itself a working day.
    return worked < count or (worked == count and not is_off(between[-1]))


def planned(start: date | None, named: set[date], changes: list[PlanChange], policy: Policy) -> tuple[set[date], bool]:
    """The days of contact, and whether one that the policy asks for is planned on nobody knows which day."""
    working = policy.window_unit is WindowUnit.WORKING_DAYS
    for each in changes:
        start = each.on if each.months == 0 else start
    days, left, unknown = set(), set(named), False
    for months in policy.planned_months:
        of_month = [each.on for each in changes if each.months == months]
        if of_month:
            days |= {each for each in of_month if each is not None}
        elif start is not None:
            computed = start + relativedelta(months=months)
            near = sorted(
                (abs(each - computed), each)
                for each in left
                if inside(computed, each, policy.monitoring_window_days, working=working)
            )
            left -= {near[0][1]} if near else set()
            days.add(near[0][1] if near else computed)
        elif not named:
            unknown = True
    if policy.extra_moments or start is None:
        days |= left
    days |= {each.on for each in changes if each.months is None and each.on is not None}
    return days, unknown


starts = st.none() | st.dates(date(2023, 11, 1), date(2025, 3, 31))
policies = st.builds(
    replace,
    st.just(POLICY),
    planned_months=st.lists(st.integers(1, 24), max_size=3, unique=True).map(sorted).map(tuple),
    extra_moments=st.booleans(),
    monitoring_window_days=st.integers(0, 20),
    window_unit=st.sampled_from(WindowUnit),
)
some_days = st.dates(date(2024, 1, 1), date(2026, 4, 1))
some_changes = st.lists(
    st.builds(PlanChange, st.none() | st.integers(0, 24), some_days)
    | st.builds(PlanChange, st.integers(1, 24), st.none()),
    max_size=3,
    unique_by=lambda each: each,
)


@given(
    start=starts, named=st.sets(some_days, max_size=3), changes=some_changes, policy=policies, now=some_days,
    minutes=st.sampled_from([0, -1, 1, 720]),
)  # fmt: skip
def test_a_second_reading_comes_to_the_same_answers_at_every_moment(start, named, changes, policy, now, minutes):
    """No contact is missing that is needed at the moment of acting, and none is there that is not."""
    one_a_month = {each.months if each.months is not None else each.on: each for each in changes}
    changes = list(one_a_month.values())
    moment = at(now) + timedelta(minutes=minutes)
    case = Monitored(transferred_on=start, names_workers=bool(named), changes=tuple(changes))
    decision = decide([link(case, *sorted(named), now=moment)], policy, moment, moment).decision
    days, unknown = planned(start, named, changes, policy)
    today = moment.astimezone(AMSTERDAM).date()
    working = policy.window_unit is WindowUnit.WORKING_DAYS
    near = any(inside(each, today, policy.monitoring_window_days, working=working) for each in days)
    otherwise = Decision.REVIEW if unknown else Decision.REMOVE_REPROVISIONABLE
    assert decision is (Decision.KEEP if near else otherwise)
