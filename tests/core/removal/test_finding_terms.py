"""Terms of findings in working days, as what they may end, and how a day's work is dealt out."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.model import Disposition, FindingKind
from server.core.removal.finding_terms import (
    BY_PEOPLE,
    ENDS,
    LEFT_LYING,
    PUT_OFF_AT_ALL,
    WITHIN,
    Dealt,
    Heap,
    deal_out,
    due_day,
    last_day_to_put_off,
    opened_before,
    working_days_old,
)
from server.core.workdays import STATUTORY, add_working_days

DAYS = st.dates(date(2015, 1, 1), date(2045, 12, 31))
SOON, PAPER = FindingKind.REAPPEARED, FindingKind.DECLARATION_MISSING


@pytest.mark.parametrize(
    ("kind", "opened", "due"),
    [
        (SOON, date(2026, 11, 30), date(2026, 12, 3)),
        (SOON, date(2026, 12, 24), date(2026, 12, 30)),  # Christmas and Boxing Day, a Friday and a Saturday
        (SOON, date(2026, 5, 4), date(2026, 5, 8)),  # 5 May
        (SOON, date(2026, 4, 2), date(2026, 4, 9)),  # Good Friday and Easter Monday
        (SOON, date(2026, 11, 28), date(2026, 12, 2)),  # on a Saturday
        (FindingKind.PHONE_UNPROTECTED, date(2026, 11, 30), date(2026, 12, 7)),
        (PAPER, date(2026, 11, 30), date(2026, 12, 14)),
    ],
)
def test_a_finding_is_due_so_many_dutch_working_days_after_it_was_opened(kind, opened, due):
    assert due_day(kind, opened, None) == due


def test_a_day_that_somebody_set_goes_before_the_term_of_its_kind():
    assert due_day(SOON, date(2026, 11, 30), date(2026, 12, 21)) == date(2026, 12, 21)


def test_weekends_and_holidays_make_a_finding_no_older():
    assert [working_days_old(date(2026, 12, 24), date(2026, 12, day)) for day in (24, 25, 27, 28, 31)] == [
        0,
        0,
        0,
        1,
        4,
    ]


@given(DAYS, DAYS, st.sampled_from(sorted({*WITHIN.values(), *(each + LEFT_LYING for each in WITHIN.values())})))
def test_what_was_opened_before_the_edge_is_late_and_nothing_else_is(opened, today, count):
    assert (opened < opened_before(today, count)) == (add_working_days(opened, count, STATUTORY) < today)


@given(DAYS, st.integers(0, 200))
def test_a_finding_is_put_off_four_weeks_at_once_and_twelve_in_all(opened, age):
    today = opened + timedelta(days=age)
    latest = last_day_to_put_off(opened, today)
    end = add_working_days(opened, PUT_OFF_AT_ALL, STATUTORY)
    assert latest is None if end <= today else today < latest <= end and latest - today < timedelta(days=40)


def test_every_kind_may_end_as_something_and_none_as_what_only_the_program_says():
    assert ENDS.keys() == WITHIN.keys() == set(FindingKind)
    assert all(ends and set(ends) <= set(BY_PEOPLE) for ends in ENDS.values())
    assert set(Disposition) - set(BY_PEOPLE) == {Disposition.BY_ITSELF, Disposition.IN_WORDS}


def test_where_closing_lets_something_be_called_absent_again_somebody_has_looked():
    seen = {Disposition.NOTHING_THERE, Disposition.PUT_RIGHT}
    assert set(ENDS[FindingKind.UNREADABLE_ENTRY]) == set(ENDS[FindingKind.MIXED_UNCLEAR]) == seen


def test_what_is_alike_stays_with_one_person_unless_it_is_more_than_an_even_share():
    heaps = [
        Heap(FindingKind.REAPPEARED, 3),
        Heap(FindingKind.DECLARATION_MISSING, 11),
        Heap(FindingKind.EMPTY_BOOK, 2),
    ]
    assert deal_out(heaps, [0, 0]) == [
        Dealt(FindingKind.DECLARATION_MISSING, 8, 0),
        Dealt(FindingKind.DECLARATION_MISSING, 3, 1),
        Dealt(FindingKind.REAPPEARED, 3, 1),
        Dealt(FindingKind.EMPTY_BOOK, 2, 1),
    ]


def test_who_has_much_already_gets_less_and_nobody_is_no_one():
    assert deal_out([Heap(FindingKind.REAPPEARED, 4)], [10, 0]) == [Dealt(FindingKind.REAPPEARED, 4, 1)]
    assert deal_out([Heap(FindingKind.REAPPEARED, 4)], []) == ()


@given(
    st.dictionaries(st.sampled_from(FindingKind), st.integers(1, 60), max_size=8),
    st.lists(st.integers(0, 50), min_size=1, max_size=5),
)
def test_everything_is_dealt_out_once_and_nobody_gets_more_than_an_even_share_allows(heaps, has):
    dealt = deal_out([Heap(kind, count) for kind, count in heaps.items()], has)
    given_out = Counter()
    loads = list(has)
    for part in dealt:
        given_out[part.kind] += part.count
        loads[part.to] += part.count
    assert given_out == heaps
    even = -(-(sum(has) + sum(heaps.values())) // len(has))
    assert max(loads) <= max(even, *has)
