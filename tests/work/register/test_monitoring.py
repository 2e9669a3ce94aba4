"""Plans of cases in monitoring: what they do to contacts, who may see and change them, and what ends a change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from server.core.log.entries import EntryKind
from server.core.model import Decision, Phase, PlanChange, Reason, Role, State
from server.core.policy.model import CountedFrom
from server.core.problems import DecisionProblem, DecisionRefusedError, PlanProblem, SetupProblem
from server.core.removal.monitoring import ChangeEnd, PlannedBy
from server.store.schema import base
from server.work.admin import access
from server.work.admin.access import Person
from server.work.register import monitoring
from server.work.register.monitoring import CasePlan
from tests.work.world import NOW, NUMBERS, Told, World, days

ONE, TWO, THREE = NUMBERS[:3]
TODAY = NOW.date()
KEPT = (Decision.KEEP.value, Reason.MONITORING_WINDOW.value)
GONE = (Decision.REMOVE_REPROVISIONABLE.value, Reason.MONITORING_OUTSIDE.value)
UNKNOWN = (Decision.REVIEW.value, Reason.PLAN_UNKNOWN.value)
AGO_3_MONTHS, AGO_6_MONTHS = date(2024, 12, 5), date(2024, 9, 5)
"""Before the fifth of March 2025, on which all of this begins."""


def live(world: World) -> None:
    world.change(planned_months=(3, 12))
    world.tell(
        Told("100001", (ONE,), phase=Phase.MONITORING, transferred_on=AGO_3_MONTHS),
        Told("100002", (TWO,), phase=Phase.MONITORING, transferred_on=AGO_6_MONTHS),
        Told("100003", (THREE,), phase=Phase.MONITORING),
    )
    for each in (ONE, TWO, THREE):
        world.put(each)
    world.look()
    world.plan()


@pytest.fixture
def watched(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    """Three cases of worker-1 in monitoring: a contact is near, none is near, and nobody knows."""
    return begin_after(live)


def supervisor(world: World, nth: int = 1, worker: str | None = None) -> Person:
    row = access.demo_account(world.context, Role.WORK_SUPERVISOR, nth=nth, worker=worker)
    found = access.find_person(world.context, access.begin_session(world.context, row), limits=access.SignInLimits())
    assert isinstance(found, Person)
    return found


def plans(world: World, person: Person) -> dict[str, CasePlan]:
    team = monitoring.read_plans(world.context, person)
    assert team is not None
    return {each.case: each for each in team.plans}


def change(world: World, person: Person, months: int | None, on: date | None, *, case: str = "100003") -> str | None:
    key = plans(world, person)[case].key
    return monitoring.change(world.context, person, "", key, PlanChange(months, on), "It was agreed so.")


def refusal(act: Callable[[], object]) -> SetupProblem:
    with pytest.raises(DecisionRefusedError) as refused:
        act()
    return refused.value.problem


def decisions(world: World) -> list[tuple[str, str]]:
    return [(row.decision, row.reason) for row in world.rows(base.pair)]


def test_a_contact_stays_near_a_computed_day_and_goes_in_between_and_is_asked_for_where_nobody_knows(watched):
    assert decisions(watched) == [KEPT, GONE, UNKNOWN]
    watched.run()
    assert watched.states() == {State.DONE: 1}


def test_a_window_that_shuts_is_found_by_the_moment_at_which_it_does(watched):
    row = watched.rows(base.pair)[0]
    watched.clock.now = row.due_at - timedelta(microseconds=1)
    watched.tell()
    watched.plan()
    assert decisions(watched)[0] == KEPT
    watched.clock.now = row.due_at
    watched.plan()
    assert decisions(watched)[0] == GONE


def test_the_day_on_which_an_export_first_called_a_case_monitored_stands_in_for_its_start(watched):
    watched.change(counted_from=CountedFrom.START_OF_PHASE, planned_months=(1,))
    assert plans(watched, supervisor(watched))["100003"].start is None
    watched.tell(Told("100003", (THREE,), phase=Phase.CLOSED))
    watched.tell(Told("100003", (THREE,), phase=Phase.MONITORING))
    watched.pass_(days(3))
    assert plans(watched, supervisor(watched))["100003"].start == TODAY
    watched.tell(Told("100003", (THREE,), phase=Phase.MONITORING, monitoring_from=TODAY - timedelta(days=9)))
    assert plans(watched, supervisor(watched))["100003"].start == TODAY - timedelta(days=9)


def test_plans_are_listed_with_the_unknown_first_and_say_where_each_day_comes_from(watched):
    found = plans(watched, supervisor(watched))
    assert [(each.case, each.known, each.upcoming) for each in found.values()] == [
        ("100003", False, None), ("100001", True, date(2025, 3, 5)), ("100002", True, date(2025, 9, 5)),
    ]  # fmt: skip
    first = found["100001"]
    assert (first.workers, first.own, first.start) == (("worker-1",), False, AGO_3_MONTHS)
    assert [(each.contact.by, each.contact.months, each.first, each.last) for each in first.lines] == [
        (PlannedBy.POLICY, 3, date(2025, 2, 19), date(2025, 3, 19)),
        (PlannedBy.POLICY, 12, date(2025, 11, 21), date(2025, 12, 19)),
    ]


def test_a_supervisor_says_from_which_day_the_months_count_and_the_contact_is_decided_again(watched):
    uid = change(watched, supervisor(watched), 0, AGO_3_MONTHS)
    watched.plan()
    assert decisions(watched) == [KEPT, GONE, KEPT]
    assert watched.logged(EntryKind.PLAN_CHANGED) == [
        {"plan_change": uid, "verb": "recorded", "actor_role": "work_supervisor"}
    ]
    person = supervisor(watched)
    assert monitoring.withdraw(watched.context, person, "", plans(watched, person)["100003"].key, str(uid))
    assert not monitoring.withdraw(watched.context, person, "", plans(watched, person)["100003"].key, str(uid))
    watched.plan()
    assert decisions(watched) == [KEPT, GONE, UNKNOWN]


@pytest.mark.parametrize(
    ("months", "on", "expected"),
    [(3, None, GONE), (3, TODAY + timedelta(days=60), GONE), (3, TODAY, KEPT), (None, TODAY, KEPT)],
)
def test_a_change_of_a_month_moves_its_window(watched, months, on, expected):
    change(watched, supervisor(watched), months, on, case="100001")
    watched.plan()
    assert decisions(watched)[0] == expected


def test_the_same_change_again_is_none_and_another_of_the_same_month_takes_its_place(watched):
    person = supervisor(watched)
    assert change(watched, person, 3, TODAY) is not None
    assert change(watched, person, 3, TODAY) is None
    change(watched, person, 3, TODAY + timedelta(days=1))
    ends = [(row.on_date, row.ended_as) for row in watched.rows(base.plan_change)]
    assert ends == [(TODAY, ChangeEnd.CHANGED_ANEW.value), (TODAY + timedelta(days=1), None)]


def test_changes_lapse_when_the_case_leaves_monitoring(watched):
    change(watched, supervisor(watched), 0, AGO_3_MONTHS)
    watched.tell(Told("100003", (THREE,), phase=Phase.TRIAGE))
    watched.tell(Told("100003", (THREE,), phase=Phase.MONITORING))
    watched.plan()
    assert [row.ended_as for row in watched.rows(base.plan_change)] == [ChangeEnd.LAPSED.value]
    assert decisions(watched)[2] == UNKNOWN


def test_nobody_changes_the_plan_of_a_case_of_their_own(watched):
    own = supervisor(watched, nth=2, worker="worker-1")
    key = plans(watched, own)["100003"].key
    new = PlanChange(0, TODAY)
    assert plans(watched, own)["100003"].own
    assert refusal(lambda: monitoring.change(watched.context, own, "", key, new, "So.")) is PlanProblem.OWN_CASE
    assert refusal(lambda: monitoring.withdraw(watched.context, own, "", key, "x")) is PlanProblem.OWN_CASE


@pytest.mark.parametrize(
    ("new", "reason", "problem"),
    [
        (PlanChange(6, TODAY), "So.", PlanProblem.NO_SUCH_MONTH),
        (PlanChange(3, TODAY + monitoring.REACH + timedelta(days=1)), "So.", PlanProblem.DAY_OUT_OF_REACH),
        (PlanChange(0, None), "So.", DecisionProblem.MISSING_VALUE),
        (PlanChange(None, None), "So.", DecisionProblem.MISSING_VALUE),
        (PlanChange(3, TODAY), " ", DecisionProblem.MISSING_VALUE),
        (PlanChange(3, TODAY), "Call 06-12345678.", DecisionProblem.IDENTIFIER_IN_TEXT),
    ],
)
def test_what_cannot_be_is_refused(watched, new, reason, problem):
    person = supervisor(watched)
    key = plans(watched, person)["100001"].key
    assert refusal(lambda: monitoring.change(watched.context, person, "", key, new, reason)) is problem
    assert watched.rows(base.plan_change) == []


def test_another_team_and_an_invented_key_are_answered_as_what_does_not_exist(watched):
    person = supervisor(watched)
    key = plans(watched, person)["100001"].key
    assert monitoring.read_plan(watched.context, person, "team-2", key) is None
    assert monitoring.read_plan(watched.context, person, "", "0" * 16) is None
    new = PlanChange(3, TODAY)
    other = refusal(lambda: monitoring.change(watched.context, person, "team-2", key, new, "So."))
    invented = refusal(lambda: monitoring.change(watched.context, person, "", "0" * 16, new, "So."))
    assert (other, invented) == (DecisionProblem.NOT_CLEARED, DecisionProblem.NOT_FOUND)


def test_more_than_twelve_changes_do_not_count_at_once(watched):
    person = supervisor(watched)
    for nth in range(monitoring.MOST_CHANGES):
        change(watched, person, None, TODAY + timedelta(days=nth))
    assert refusal(lambda: change(watched, person, None, TODAY + timedelta(days=99))) is PlanProblem.TOO_MANY


def test_a_plan_is_the_same_with_and_without_a_hold(watched):
    before = plans(watched, supervisor(watched))
    watched.hold(case="100002")
    watched.plan()
    assert plans(watched, supervisor(watched)) == before
