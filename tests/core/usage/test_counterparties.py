"""Who is behind a number on a day, held against an oracle that goes through days one by one and knows no spells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.model import ContactClass
from server.core.usage.counterparties import (
    ALWAYS,
    NEVER,
    NOBODY_KNOWS,
    PARTY,
    Behind,
    Days,
    Held,
    Known,
    Line,
    OfCase,
    PastSpell,
    gaps_of,
    holder_on,
    in_team,
    spells_of,
    use_of,
    whose,
    without,
    worded,
)
from server.core.usage.model import Counterparty, Use

LAST = 40
DAYS = range(1, LAST + 1)


# --- the oracle -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What happened to one case. turns: days on which it began, had its last day, began again, and so on."""

    turns: tuple[int, ...]
    former: int | None
    assigned: tuple[Days, ...]

    def running(self) -> set[int]:
        """Its days, one by one."""
        days: set[int] = set()
        open_ = False
        for day in DAYS:
            if day in self.turns[::2]:
                open_ = True
            if open_:
                days.add(day)
            if day in self.turns[1::2]:
                open_ = False
        return days if self.former is None else {day for day in days if day < self.former}

    def over(self) -> set[int]:
        """The days after its first on which it does not run and the number is still theirs."""
        theirs = {day for day in DAYS if self.former is None or day < self.former}
        return {day for day in theirs if day > self.turns[0]} - self.running()

    def as_the_register_tells(self, case: int) -> OfCase:
        """The present beginning and end, and what was kept of earlier ones."""
        begins, ends = self.turns[::2], self.turns[1::2]
        past = [
            PastSpell(first, last, again) for first, last, again in zip(begins, ends, begins[1:], strict=False)
        ]  # fmt: skip
        running = len(begins) > len(ends)
        spells = spells_of(begins[-1], None if running else ends[-1], running=running, past=past)
        return OfCase(case, spells, NEVER if self.former is None else self.former)


def oracle(cases: Sequence[Told], on_duty: set[int], day: int) -> tuple[Counterparty, Use]:
    """The rules as sentences: a client while a case runs; business only in one's own case; former between and after."""
    if any(day in case.running() for case in cases):
        mine = any(
            day in case.running() and (day in on_duty or any(day in range(a, b + 1) for a, b in case.assigned))
            for case in cases
        )
        return Counterparty.CLIENT, Use.BUSINESS if mine else Use.UNCLASSIFIED
    if any(day in case.over() for case in cases):
        return Counterparty.FORMER_CLIENT, Use.UNCLASSIFIED
    return Counterparty.UNKNOWN, Use.UNCLASSIFIED


spans = st.tuples(st.integers(1, LAST), st.integers(0, 15)).map(lambda each: (each[0], each[0] + each[1]))
told = st.builds(
    Told,
    turns=st.lists(st.integers(2, LAST), min_size=1, max_size=5, unique=True).map(lambda days: tuple(sorted(days))),
    former=st.none() | st.integers(2, LAST),
    assigned=st.lists(spans, max_size=2).map(tuple),
)


@given(st.lists(told, min_size=1, max_size=3), st.sets(st.integers(1, LAST), max_size=6))
def test_every_day_is_what_the_rules_say_of_it(cases: list[Told], on_duty: set[int]):
    known = Known(None, tuple(case.as_the_register_tells(n) for n, case in enumerate(cases)))
    own = {n: case.assigned for n, case in enumerate(cases)}
    line, to_others = Line(known, own), Line(known, {})
    for day in DAYS:
        assert to_others.on(day) is known.behind(day, {})
        behind = known.behind(day, own, on_duty=day in on_duty)
        assert (PARTY[behind], use_of(behind)) == oracle(cases, on_duty, day)
        assert line.on(day) is known.behind(day, own)
        assert known.on(day)[0] is PARTY[behind]


@given(st.lists(told, min_size=1, max_size=3), told)
def test_what_a_case_does_later_changes_nothing_of_the_days_before(cases: list[Told], later: Told):
    begins = later.turns[0]
    before = Known(None, tuple(case.as_the_register_tells(n) for n, case in enumerate(cases)))
    after = Known(None, (*before.cases, later.as_the_register_tells(99)))
    assert [before.on(day) for day in DAYS if day < begins] == [after.on(day) for day in DAYS if day < begins]


# --- by name --------------------------------------------------------------------------------------------------------


def client(*spells: Days, former: int = NEVER) -> Known:
    return NOBODY_KNOWS.also(ContactClass.CLIENT, OfCase(1, spells, former))


def uses(known: Known, own: Mapping[int, Sequence[Days]], days: Sequence[int]) -> list[tuple[Counterparty, Use]]:
    behind = [known.behind(day, own) for day in days]
    return [(PARTY[each], use_of(each)) for each in behind]


def test_a_friend_who_becomes_a_colleagues_client_makes_nothing_business_before_or_after():
    friend = client((100, NEVER))
    assert uses(friend, {}, [10, 99, 100, 200]) == [
        (Counterparty.UNKNOWN, Use.UNCLASSIFIED),
        (Counterparty.UNKNOWN, Use.UNCLASSIFIED),
        (Counterparty.CLIENT, Use.UNCLASSIFIED),
        (Counterparty.CLIENT, Use.UNCLASSIFIED),
    ]


def test_a_client_is_business_from_the_day_of_the_assignment_to_its_last():
    assert uses(client((100, NEVER)), {1: ((110, 120),)}, [105, 110, 120, 121]) == [
        (Counterparty.CLIENT, Use.UNCLASSIFIED),
        (Counterparty.CLIENT, Use.BUSINESS),
        (Counterparty.CLIENT, Use.BUSINESS),
        (Counterparty.CLIENT, Use.UNCLASSIFIED),
    ]


def test_an_assignment_to_a_case_that_ended_makes_nothing_business():
    assert uses(client((1, 50)), {1: ((1, NEVER),)}, [50, 51]) == [
        (Counterparty.CLIENT, Use.BUSINESS),
        (Counterparty.FORMER_CLIENT, Use.UNCLASSIFIED),
    ]


def test_one_case_of_a_client_lends_the_other_nothing():
    both = client((1, 50)).also(ContactClass.CLIENT, OfCase(2, ((1, NEVER),)))
    assert both.behind(60, {1: ((1, NEVER),)}) is Behind.CLIENT_OF_OTHERS
    assert both.behind(60, {2: ((1, NEVER),)}) is Behind.CLIENT


def test_a_colleague_is_one_whatever_cases_say():
    both = client((1, 50)).also(ContactClass.COLLEAGUE, None)
    assert {both.behind(day, {}) for day in (0, 10, 60)} == {Behind.COLLEAGUE}
    assert both.on(10) == (Counterparty.COLLEAGUE, ())


def test_a_number_that_is_theirs_no_more_is_nobodys_we_know():
    assert client((1, NEVER), former=30).behind(30, {1: ((1, NEVER),)}) is Behind.UNKNOWN


@pytest.mark.parametrize("word", Counterparty)
def test_a_feeds_own_word_is_taken_as_it_stands(word: Counterparty):
    assert PARTY[worded(word)] is word


@pytest.mark.parametrize(
    ("opened", "closed", "running", "past", "spells"),
    [
        (10, None, True, (), ((10, NEVER),)),
        (None, None, True, (), ((ALWAYS, NEVER),)),
        (10, 20, False, (), ((10, 20),)),
        (10, None, False, (), ((10, NEVER),)),
        (10, 20, True, (), ((10, NEVER),)),
        (30, 20, True, (), ((ALWAYS, 20), (30, NEVER))),
        (30, None, True, (PastSpell(10, 20, 30),), ((10, 20), (30, NEVER))),
        (10, None, True, (PastSpell(10, 20, 25),), ((10, 20), (25, NEVER))),
        (10, 40, False, (PastSpell(10, 20, 25),), ((10, 20), (25, 40))),
        (28, 20, True, (PastSpell(None, 20, 25),), ((ALWAYS, 20), (28, NEVER))),
        (10, 22, False, (PastSpell(10, 20, 25),), ((10, 20), (22, 22))),
        (10, 20, False, (PastSpell(10, 20, 25),), ((10, 20),)),
    ],
    ids=[
        "runs",
        "nobody knows since when",
        "ended",
        "closed by its status alone",
        "reopened, nobody knows when",
        "reopened before anybody looked",
        "reopened, with a day",
        "reopened, seen on day 25",
        "reopened and ended",
        "the day of the reopening was told later",
        "ended again before the reopening was seen",
        "the reopening was taken back",
    ],
)
def test_when_a_case_ran(opened: int | None, closed: int | None, running: bool, past: Sequence[PastSpell], spells):
    assert spells_of(opened, closed, running=running, past=past) == spells


def test_a_case_is_over_between_its_spells_and_after_the_last():
    assert gaps_of(((10, 20), (21, 30), (40, 50))) == ((31, 39), (51, NEVER))
    assert gaps_of(((10, NEVER),)) == ()


def test_a_phone_with_two_holders_on_one_day_is_neithers_on_that_day():
    held = [Held(1, (ALWAYS, 20)), Held(2, (20, 40)), Held(2, (38, NEVER))]
    assert [holder_on(held, day) for day in (1, 19, 20, 21, 39, 41)] == [1, 1, None, 2, 2, 2]
    assert holder_on([Held(1, (10, 20))], 9) is None


held_by_some = st.lists(st.builds(Held, worker=st.integers(1, 3), days=spans), max_size=4)


@given(held_by_some, st.lists(spans, max_size=3))
def test_days_fall_into_pieces_without_a_gap_or_an_overlap(held: list[Held], away: list[Days]):
    by_day: dict[int, int | None] = {}
    for (first, last), worker in whose(held, (1, LAST)):
        for day in range(first, last + 1):
            assert day not in by_day
            by_day[day] = worker
    assert by_day == {day: holder_on(held, day) for day in DAYS}
    left = [day for first, last in without((1, LAST), away) for day in range(first, last + 1)]
    assert left == [day for day in DAYS if not any(first <= day <= last for first, last in away)]


@given(st.lists(st.tuples(spans, st.sampled_from(["team-1", "team-2"])), max_size=3))
def test_a_day_is_of_the_team_of_that_day(teams: list[tuple[Days, str]]):
    found = {day: team for (first, last), team in in_team((1, LAST), teams) for day in range(first, last + 1)}
    for day in DAYS:
        on = [team for (first, last), team in teams if first <= day <= last]
        assert found[day] == (on[0] if on else "")
