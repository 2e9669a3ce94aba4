"""A work supervisor confirms a closure: who may, of which cases, what follows, how it lapses and is taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from server.core.log.entries import EntryKind
from server.core.model import Decision, Phase, Reason, Role, State
from server.core.policy.model import ConfirmedBy
from server.core.problems import ClosureProblem, DecisionProblem, DecisionRefusedError, SetupProblem
from server.core.removal.closures import ClosureAnswer, ClosureEnd
from server.core.usage.counterparties import NEVER
from server.store.schema import base
from server.store.usage import case_days
from server.work.admin import access
from server.work.admin.access import Person
from server.work.register import closures, supervision
from server.work.register.closures import ClosureQuestion
from tests.work.world import NOW, NUMBERS, Told, World, days, open_lines

ONE, TWO = NUMBERS[:2]
LONG_AGO = date(2025, 1, 6)
CONFIRMED, NOT_YET = ClosureAnswer.CONFIRMED, ClosureAnswer.NOT_YET


def ended(number: str, *clients: str, **facts: Any) -> Told:
    """Closed by its status; nobody confirmed it."""
    return Told(number, clients, phase=Phase.CLOSED, **facts)


def live(world: World) -> None:
    world.change(closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR)
    world.tell(ended("100001", ONE), ended("100002", TWO))
    world.put(ONE)
    world.put(TWO)
    world.look()
    world.plan()


@pytest.fixture
def asking(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    """Two cases of worker-1 that are closed by their status, under a policy that asks the work supervisor."""
    return begin_after(live)


def supervisor(world: World, nth: int = 1, worker: str | None = None) -> Person:
    row = access.demo_account(world.context, Role.WORK_SUPERVISOR, nth=nth, worker=worker)
    token = access.begin_session(world.context, row)
    found = access.find_person(world.context, token, limits=access.SignInLimits())
    assert isinstance(found, Person)
    return found


def questions(world: World, person: Person) -> Sequence[ClosureQuestion]:
    with world.context.store.read() as connection:
        return closures.read_questions(world.context, connection, person, "team-1")[0]


def asked(world: World, person: Person, case: str = "100001") -> str:
    (found,) = [each.asked for each in questions(world, person) if each.case == case]
    return found


def confirm(world: World, person: Person, *names: str, day: date = LONG_AGO) -> int:
    return closures.answer(world.context, person, "team-1", names or [asked(world, person)], CONFIRMED, day)


def refusal(act: Callable[[], object]) -> SetupProblem:
    with pytest.raises(DecisionRefusedError) as refused:
        act()
    return refused.value.problem


def decisions(world: World) -> list[tuple[str, str]]:
    return [(row.decision, row.reason) for row in world.rows(base.pair)]


WAITS = (Decision.REVIEW.value, Reason.CLOSURE_UNCONFIRMED.value)
GOES = (Decision.REMOVE.value, Reason.FINALLY_CLOSED.value)
POSTPONED = (Decision.DEFER.value, Reason.DEFERRED.value)


def answers(world: World) -> list[tuple[str, str | None]]:
    return [(row.answer, row.ended_as) for row in world.rows(base.closure)]


# --- what follows -------------------------------------------------------------------------------------------------


def test_a_closed_case_waits_for_an_answer(asking):
    (first, second) = questions(asking, supervisor(asking))
    assert (first.case, first.workers, first.contacts, first.own) == ("100001", ("worker-1",), 1, False)
    assert second.case == "100002"
    assert decisions(asking) == [WAITS, WAITS]


def test_what_was_confirmed_goes_and_the_case_that_was_not_stays(asking):
    confirm(asking, supervisor(asking))
    asking.run()
    assert decisions(asking) == [GOES, WAITS]
    assert asking.states() == {State.DONE: 1}
    (body,) = asking.logged(EntryKind.CLOSURE_ANSWERED)
    assert body == {
        "closure": asking.rows(base.closure)[0].uid,
        "verb": "confirmed",
        "since": "2025-01-06",
        "actor_role": "work_supervisor",
    }


def test_the_grace_runs_from_the_day_that_was_stated(asking):
    confirm(asking, supervisor(asking), day=NOW.date() - timedelta(days=2))
    asking.plan()
    assert decisions(asking) == [POSTPONED, WAITS]
    goes_at = datetime(2025, 3, 2, 23, tzinfo=UTC) + days(14)
    assert asking.rows(base.pair)[0].due_at == asking.clock.now + days(1), "as all that is postponed"
    asking.pass_(goes_at - days(0.5) - asking.clock.now)
    asking.plan()
    assert (asking.states(), asking.rows(base.pair)[0].due_at) == ({}, goes_at)
    asking.clock.now = goes_at
    asking.plan()
    assert decisions(asking) == [GOES, WAITS]


def test_a_confirmation_of_today_postpones_at_once(asking):
    confirm(asking, supervisor(asking), day=NOW.date())
    asking.plan()
    assert decisions(asking) == [POSTPONED, WAITS]


def test_a_hold_outweighs_a_confirmation(asking):
    asking.hold(case="100001")
    confirm(asking, supervisor(asking))
    asking.run()
    assert decisions(asking) == [POSTPONED, WAITS]
    assert asking.states() == {}


def test_a_confirmation_under_a_limit_on_mass_action_waits_for_release(asking):
    asking.change(max_removals=1)
    person = supervisor(asking)
    confirm(asking, person, *(each.asked for each in questions(asking, person)))
    asking.run()
    assert asking.states() == {State.WAITING: 2}


def test_what_is_not_recorded_in_the_case_file_goes_to_a_person_all_the_same(asking):
    asking.change(require_recorded=True)
    asking.tell(ended("100001", ONE, recorded=False))
    asking.plan()
    confirm(asking, supervisor(asking))
    asking.plan()
    assert decisions(asking)[0] == (Decision.REVIEW.value, Reason.NOT_RECORDED.value)


def test_a_policy_that_leaves_it_to_the_register_asks_nobody_and_heeds_nothing(asking):
    person = supervisor(asking)
    name = asked(asking, person)
    confirm(asking, person)
    asking.change(closure_confirmed_by=ConfirmedBy.REGISTER)
    asking.plan(full=True)
    assert decisions(asking) == [WAITS, WAITS]
    assert questions(asking, person) == []
    assert refusal(lambda: confirm(asking, person, name)) is ClosureProblem.REGISTER_CONFIRMS


def test_the_closure_that_the_register_tells_of_wins(asking):
    confirm(asking, supervisor(asking))
    asking.tell(ended("100001", ONE, closed_at=NOW - days(1)))
    asking.plan()
    assert decisions(asking) == [POSTPONED, WAITS]
    assert answers(asking) == [("confirmed", ClosureEnd.LAPSED)]


# --- who may, and what ---------------------------------------------------------------------------------------------


def test_nobody_confirms_a_case_of_their_own(asking):
    own = supervisor(asking, worker="worker-1")
    (first, _) = questions(asking, own)
    assert first.own
    assert refusal(lambda: confirm(asking, own, first.asked)) is ClosureProblem.OWN_CASE
    other = supervisor(asking, worker="worker-2")
    assert [each.own for each in questions(asking, other)] == [False, False]
    assert confirm(asking, other) == 1


def test_a_case_that_somebody_once_worked_on_is_their_own(asking):
    asking.tell(ended("100001", ONE, spells=(("worker-2", NOW - days(300), NOW - days(200)),)))
    asking.plan()
    other = supervisor(asking, worker="worker-2")
    assert refusal(lambda: confirm(asking, other)) is ClosureProblem.OWN_CASE


def test_an_account_that_names_no_worker_confirms_nothing_outside_a_demo(asking):
    nameless = supervisor(asking)
    with asking.context.store.write() as connection:
        connection.execute(base.installation.update().values(demo=False))
    assert refusal(lambda: confirm(asking, nameless)) is ClosureProblem.WORKER_UNKNOWN
    assert answers(asking) == []


@pytest.mark.parametrize(
    ("day", "problem"),
    [
        (NOW.date() + timedelta(days=1), ClosureProblem.DAY_IN_FUTURE),
        (date(2024, 1, 8), ClosureProblem.BEFORE_OPENING),
    ],
)
def test_a_day_that_cannot_be_is_refused(asking, day, problem):
    person = supervisor(asking)
    assert refusal(lambda: confirm(asking, person, day=day)) is problem
    assert answers(asking) == []


def test_only_so_many_at_once_and_at_least_one(asking):
    person = supervisor(asking)
    many = [f"{n:020x}" for n in range(closures.AT_ONCE + 1)]
    assert refusal(lambda: confirm(asking, person, *many)) is ClosureProblem.TOO_MANY_CHOSEN
    assert (
        refusal(lambda: closures.answer(asking.context, person, "team-1", [], NOT_YET)) is ClosureProblem.NOTHING_CHOSEN
    )


def test_a_question_of_another_team_or_of_nobodys_making_is_refused(asking):
    person = supervisor(asking)
    name = asked(asking, person)
    act = lambda team, name: closures.answer(asking.context, person, team, [name], CONFIRMED, LONG_AGO)  # noqa: E731
    assert refusal(lambda: act("team-2", name)) is DecisionProblem.CHANGED_SINCE
    assert refusal(lambda: act("team-1", "0" * 20)) is DecisionProblem.CHANGED_SINCE


# --- twice, late, anew ---------------------------------------------------------------------------------------------


def test_a_double_click_answers_once(asking):
    person = supervisor(asking)
    name = asked(asking, person)
    assert confirm(asking, person, name) == 1
    before = len(asking.log())
    assert confirm(asking, person, name) == 1
    assert answers(asking) == [("confirmed", None)]
    assert len(asking.log()) == before


def test_who_comes_second_is_told_and_overwrites_nothing(asking):
    first, second = supervisor(asking), supervisor(asking, nth=2)
    name = asked(asking, second)
    confirm(asking, first)
    assert refusal(lambda: confirm(asking, second, name)) is DecisionProblem.CHANGED_SINCE
    assert refusal(lambda: confirm(asking, first, name, day=date(2025, 1, 7))) is DecisionProblem.CHANGED_SINCE
    assert answers(asking) == [("confirmed", None)]


def test_what_was_asked_of_a_case_that_opened_again_meanwhile_is_refused_with_all_beside_it(asking):
    person = supervisor(asking)
    names = [each.asked for each in questions(asking, person)]
    asking.tell(Told("100001", (ONE,)))
    assert refusal(lambda: confirm(asking, person, *names)) is DecisionProblem.CHANGED_SINCE
    assert answers(asking) == []


def test_not_yet_is_recorded_changes_nothing_and_may_become_a_confirmation(asking):
    person = supervisor(asking)
    closures.answer(asking.context, person, "team-1", [asked(asking, person)], NOT_YET)
    asking.plan()
    assert decisions(asking) == [WAITS, WAITS]
    later = questions(asking, person)
    assert [(each.case, each.not_yet_at) for each in later] == [("100002", None), ("100001", NOW)]
    confirm(asking, person)
    assert answers(asking) == [("not_yet", ClosureEnd.ANSWERED_ANEW), ("confirmed", None)]


# --- it lapses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        Told("100001", (ONE,)),
        Told("100001", (ONE,), phase=Phase.MONITORING),
        ended("100001", ONE, closed_at=NOW - days(3)),
    ],
    ids=["reopened", "monitored", "closed on another day"],
)
def test_a_confirmation_lapses_when_the_register_tells_otherwise_and_does_not_come_back(asking, told):
    person = supervisor(asking)
    confirm(asking, person)
    asking.tell(told)
    assert answers(asking) == [("confirmed", ClosureEnd.LAPSED)]
    assert asking.logged(EntryKind.CLOSURE_ANSWERED)[-1] == {"verb": "lapsed", "count": 1}
    asking.tell(ended("100001", ONE))
    asking.run()
    assert decisions(asking) == [WAITS, WAITS]
    assert asked(asking, person)


def test_a_full_import_that_tells_nothing_new_loses_no_confirmation(asking):
    confirm(asking, supervisor(asking))
    for _ in range(3):
        asking.pass_(days(1))
    assert answers(asking) == [("confirmed", None)]
    asking.run()
    assert decisions(asking) == [GOES, WAITS]


def test_a_case_that_a_full_import_leaves_out_keeps_its_confirmation_for_when_it_is_back(asking):
    confirm(asking, supervisor(asking))
    told = asking.told.pop("100001")
    asking.tell(confirmed=True)
    asking.plan()
    assert decisions(asking)[0] == (Decision.REVIEW.value, Reason.LINK_UNKNOWN.value)
    asking.tell(told, confirmed=True)
    asking.plan()
    assert decisions(asking) == [GOES, WAITS]


# --- it is taken back ----------------------------------------------------------------------------------------------


def uid_of(world: World) -> str:
    return str(world.rows(base.closure)[-1].uid)


def test_a_confirmation_is_withdrawn_before_anything_went_and_nothing_goes(asking):
    person = supervisor(asking)
    confirm(asking, person)
    asking.plan()
    assert asking.states() == {State.READY: 1}
    taken = closures.withdraw(asking.context, supervisor(asking, nth=2), "team-1", uid_of(asking))
    assert (taken.case, taken.removed, taken.leaving) == ("100001", 0, 0)
    asking.drain()
    asking.run()
    assert answers(asking) == [("confirmed", ClosureEnd.WITHDRAWN)]
    assert decisions(asking) == [WAITS, WAITS]
    assert asking.vendor.removals() == 0
    assert asked(asking, person)


def test_after_a_removal_it_is_a_correction_that_says_what_is_gone(asking):
    asking.put(ONE, worker=2)
    asking.tell(ended("100001", ONE, workers=("worker-1", "worker-2")))
    asking.look()
    asking.plan()
    person = supervisor(asking)
    confirm(asking, person)
    asking.run()
    taken = closures.withdraw(asking.context, person, "team-1", uid_of(asking))
    assert (taken.removed, taken.leaving) == (2, 0)
    assert answers(asking) == [("confirmed", ClosureEnd.CORRECTED)]
    assert asking.logged(EntryKind.CLOSURE_ANSWERED)[-1]["count"] == 2


def test_what_went_for_another_reason_is_not_said_to_have_gone_by_the_confirmation(asking):
    gone = NOW - days(40)
    asking.tell(ended("100001", ONE, workers=(), spells=(("worker-1", NOW - days(400), gone),)))
    asking.put(ONE, worker=2)
    asking.tell(ended("100001", ONE, workers=("worker-2",), spells=(("worker-1", NOW - days(400), gone),)))
    asking.look()
    asking.plan()
    person = supervisor(asking)
    confirm(asking, person, day=NOW.date())
    asking.run()
    assert [row.reason for row in asking.rows(base.orders)] == [Reason.NO_LONGER_ASSIGNED]
    assert closures.withdraw(asking.context, person, "team-1", uid_of(asking)).removed == 0


def test_a_withdrawal_at_the_moment_of_the_call_says_that_a_store_was_being_asked(asking):
    person = supervisor(asking)
    confirm(asking, person)
    taken = []
    asking.vendor.meanwhile.append(
        lambda: taken.append(closures.withdraw(asking.context, person, "team-1", uid_of(asking)))
    )
    asking.run()
    assert [(each.removed, each.leaving) for each in taken] == [(0, 1)]
    assert answers(asking) == [("confirmed", ClosureEnd.CORRECTED)]


def test_withdrawing_twice_is_withdrawing_once_and_of_nobody_elses_team(asking):
    person = supervisor(asking)
    confirm(asking, person)
    uid = uid_of(asking)
    assert refusal(lambda: closures.withdraw(asking.context, person, "team-2", uid)) is DecisionProblem.NOT_FOUND
    assert refusal(lambda: closures.withdraw(asking.context, person, "team-1", "nothing")) is DecisionProblem.NOT_FOUND
    one = closures.withdraw(asking.context, person, "team-1", uid)
    before = len(asking.log())
    assert closures.withdraw(asking.context, person, "team-1", uid) == one
    assert len(asking.log()) == before


def test_what_lapsed_cannot_be_withdrawn_any_more(asking):
    person = supervisor(asking)
    confirm(asking, person)
    asking.tell(Told("100001", (ONE,)))
    act = lambda: closures.withdraw(asking.context, person, "team-1", uid_of(asking))  # noqa: E731
    assert refusal(act) is DecisionProblem.CHANGED_SINCE


def test_confirmed_again_after_a_withdrawal_it_counts_again(asking):
    person = supervisor(asking)
    confirm(asking, person)
    asking.plan()
    closures.withdraw(asking.context, person, "team-1", uid_of(asking))
    asking.plan()
    assert asking.states() == {State.STOPPED: 1}
    confirm(asking, person)
    asking.run()
    assert asking.states() == {State.DONE: 1}


# --- what else counts it -------------------------------------------------------------------------------------------


def test_whoever_calls_after_a_confirmed_closure_calls_a_former_client_where_the_policy_heeds_it(asking):
    person = supervisor(asking)
    confirm(asking, person)
    with asking.context.store.read() as connection:
        (number,) = connection.execute(select(base.closure.c.case_id)).scalars()
        ran = {
            heeds: case_days.case_spells(connection, [number, number + 1], supervisors=heeds) for heeds in (True, False)
        }
    opened = date(2024, 1, 9).toordinal()
    assert ran == {
        True: {number: ((opened, date(2025, 1, 6).toordinal()),), number + 1: ((opened, NEVER),)},
        False: {number: ((opened, NEVER),), number + 1: ((opened, NEVER),)},
    }


# --- a hold beneath it is silent -----------------------------------------------------------------------------------


def shown(world: World, person: Person) -> list[object]:
    """All that the supervisor's page, the log and the rows tell of it, but for what only the cleared can open."""
    team = supervision.read_team(world.context, person)
    assert team is not None
    pairs = [(row.worker_id, row.identifier_id, row.decision, row.reason) for row in world.rows(base.pair)]
    answers_given = [(each.number, each.on_date, each.ended_as) for each in team.answers]
    return [
        [(each.case, each.workers, each.contacts, each.own) for each in team.questions],
        answers_given,
        [line for line in open_lines(world) if line[1] is not EntryKind.CLOSURE_ANSWERED],
        [(body["verb"], body.get("count")) for body in world.logged(EntryKind.CLOSURE_ANSWERED)],
        pairs,
    ]


def test_a_supervisor_cannot_tell_a_held_case_from_one_whose_grace_runs(asking, databases):
    folder = asking.folder / "twin"
    folder.mkdir()
    other = asking.twin(databases, folder)
    asking.hold(case="100001")
    told = []
    for world in (asking, other):
        person = supervisor(world)
        steps: list[object] = [shown(world, person)]
        confirm(world, person, day=NOW.date() - timedelta(days=2))
        world.run()
        steps.append(shown(world, person))
        taken = closures.withdraw(world.context, person, "team-1", uid_of(world))
        steps += [(taken.removed, taken.leaving), shown(world, person)]
        told.append(steps)
    assert told[0] == told[1]


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_who_answer_at_the_same_moment_one_is_told_that_the_other_was_first(asking, attempt):
    people = [supervisor(asking, nth=nth) for nth in (1, 2)]
    names = [each.asked for each in questions(asking, people[0])]
    together = Barrier(2)

    def act(person: Person) -> SetupProblem | int:
        together.wait(10)
        try:
            return confirm(asking, person, *(names if person is people[0] else reversed(names)))
        except DecisionRefusedError as refused:
            return refused.problem

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(act, people))
    assert sorted(map(str, told)) == ["2", DecisionProblem.CHANGED_SINCE.value]
    assert answers(asking) == [("confirmed", None)] * 2


def test_an_import_that_reopens_the_case_at_the_same_moment_leaves_no_confirmation_behind(asking):
    person = supervisor(asking)
    name = asked(asking, person)
    together = Barrier(2)

    def reopen() -> None:
        together.wait(10)
        asking.tell(Told("100001", (ONE,)))

    def act() -> None:
        together.wait(10)
        with suppress(DecisionRefusedError):
            confirm(asking, person, name)

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(reopen), pool.submit(act)):
            done.result(30)
    assert ("confirmed", None) not in answers(asking)
