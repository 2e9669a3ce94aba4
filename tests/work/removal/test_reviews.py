"""What waits for a person has a list, whose turn it is, what they can do, and an age; and an answer is acted on."""

from __future__ import annotations

import pytest

from server.core.log.entries import EntryKind
from server.core.model import Decision, FindingKind, Phase, Reason, Role, State
from server.core.policy.model import ConfirmedBy, CountedFrom
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.removal.reviews import ACTS, Act, whose_turn
from server.store.schema import base
from server.work.removal import deviations_and_holds, findings_desk, plan, reviews
from tests.work.world import NOW, NUMBERS, POLICY, Told, World, closed, days

OLD, NEW, THIRD = NUMBERS[:3]
PRIVACY = Role.PRIVACY_OFFICER


def waiting(world: World) -> list[tuple[str | None, str, Reason, int, Role, tuple[Act, ...]]]:
    return [
        (each.row.case, each.row.worker, each.row.reason, each.days, each.turn, each.acts)
        for each in reviews.list_waiting(world.context, PRIVACY)
    ]


def say(world: World, act: Act, **more: object) -> None:
    (only,) = reviews.list_waiting(world.context, PRIVACY)
    reviews.answer(world.context, PRIVACY, only.row.uid, act, reason="the worker was asked", **more)  # type: ignore[arg-type]


def decisions(world: World) -> list[tuple[str, str]]:
    return [(row.decision, row.reason) for row in world.rows(base.pair)]


def corrected(world: World) -> None:
    """A number that stood in the case for three days, and is still on the phone."""
    world.put(OLD)
    world.tell(Told("100001", (OLD,)))
    world.run()
    world.pass_(days(3))
    world.tell(closed("100001", NEW, ago=30))
    world.run()


def unknown(world: World) -> None:
    world.put(OLD)
    world.tell(closed("100001", OLD, linked=False))
    world.run()


def unrecorded(world: World) -> None:
    world.change(require_recorded=True)
    world.put(OLD)
    world.tell(closed("100001", OLD, recorded=False))
    world.run()


def unconfirmed(world: World) -> None:
    world.put(OLD)
    world.tell(Told("100001", (OLD,), phase=Phase.CLOSED))
    world.run()


def stale(world: World) -> None:
    world.put(OLD)
    world.tell(closed("100001", OLD))
    world.clock.pass_(days(10))
    world.run()


def test_every_reason_for_which_a_person_decides_is_somebodys_turn_and_has_its_acts():
    asking = {Reason(reason) for reason in ACTS}
    assert asking == {
        Reason.REGISTER_STALE,
        Reason.LINK_UNKNOWN,
        Reason.FORMER_NUMBER,
        Reason.NOT_RECORDED,
        Reason.CLOSURE_UNCONFIRMED,
        Reason.PLAN_UNKNOWN,
    }
    assert [reason for reason in asking if not ACTS[reason]] == [Reason.REGISTER_STALE]
    assert whose_turn(Reason.REGISTER_STALE, POLICY) is Role.IT_ADMINISTRATOR
    assert whose_turn(Reason.CLOSURE_UNCONFIRMED, POLICY) is PRIVACY
    assert whose_turn(Reason.PLAN_UNKNOWN, POLICY) is Role.WORK_SUPERVISOR


@pytest.mark.parametrize(
    ("situation", "reason", "turn"),
    [
        (corrected, Reason.FORMER_NUMBER, PRIVACY),
        (unknown, Reason.LINK_UNKNOWN, PRIVACY),
        (unrecorded, Reason.NOT_RECORDED, PRIVACY),
        (unconfirmed, Reason.CLOSURE_UNCONFIRMED, PRIVACY),
        (stale, Reason.REGISTER_STALE, Role.IT_ADMINISTRATOR),
    ],
)
def test_what_waits_is_listed_with_its_age_and_what_may_be_done(world, situation, reason, turn):
    situation(world)
    assert waiting(world) == [("100001", "worker-1", reason, 0, turn, ACTS[reason])]
    world.clock.pass_(days(40))
    if reason is not Reason.REGISTER_STALE:
        world.tell()
    world.run()
    assert waiting(world) == [("100001", "worker-1", reason, 40, turn, ACTS[reason])]


def test_a_closure_is_the_work_supervisors_turn_where_the_policy_asks_them(world):
    world.change(closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR)
    unconfirmed(world)
    assert [turn for *_, turn, _ in waiting(world)] == [Role.WORK_SUPERVISOR]


def test_what_has_left_the_phone_waits_for_nobody(world):
    corrected(world)
    world.book().cards.clear()
    world.look(full=True)
    assert waiting(world) == []


@pytest.mark.parametrize(
    ("situation", "act"), [(corrected, Act.THEIRS), (unknown, Act.THEIRS), (unrecorded, Act.RECORDED)]
)
def test_what_a_person_said_lets_the_contact_go_by_the_rules(world, situation, act):
    situation(world)
    say(world, act)
    assert world.run().outcomes == {"removed": 1}
    assert world.states() == {State.DONE: 1}
    assert waiting(world) == []


@pytest.mark.parametrize("situation", [corrected, unknown])
def test_a_number_of_somebody_else_is_left_alone_and_out_of_sight(world, situation):
    situation(world)
    say(world, Act.NOT_THEIRS)
    world.run()
    world.pass_(days(1))
    world.run()
    assert (len(world.book().cards), decisions(world)) == (1, [(Decision.IGNORE, Reason.NOT_IN_REGISTER)])


def test_a_number_of_somebody_else_is_the_clients_again_once_the_register_says_so(world):
    corrected(world)
    say(world, Act.NOT_THEIRS)
    world.run()
    world.tell(closed("100001", NEW, OLD))
    assert world.run().outcomes == {"removed": 1}


def test_a_contact_can_be_kept_with_a_reason_until_a_day(world):
    corrected(world)
    until = (world.clock.now + days(30)).date()
    say(world, Act.KEEP, until=until, consulted="team lead")
    world.run()
    assert decisions(world) == [(Decision.KEEP, Reason.DEVIATION)]
    world.pass_(days(32))
    world.run()
    assert [row[2] for row in waiting(world)] == [Reason.FORMER_NUMBER]


def test_what_was_said_to_be_in_the_case_file_counts_no_more_once_the_case_was_opened_again(world):
    unrecorded(world)
    world.hold(worker="worker-1")
    say(world, Act.RECORDED)
    world.run()
    assert decisions(world) == [(Decision.DEFER, Reason.DEFERRED)]
    world.tell(Told("100001", (OLD,), recorded=False))
    world.tell(closed("100001", OLD, recorded=False))
    world.run()
    assert decisions(world) == [(Decision.REVIEW, Reason.NOT_RECORDED)]


@pytest.mark.parametrize("role", sorted(set(Role) - {PRIVACY}))
def test_only_a_privacy_officer_answers(world, role):
    corrected(world)
    (only,) = reviews.list_waiting(world.context, PRIVACY)
    with pytest.raises(DecisionRefusedError) as refused:
        reviews.answer(world.context, role, only.row.uid, Act.THEIRS, reason="so")
    assert refused.value.problem is DecisionProblem.NOT_CLEARED


@pytest.mark.parametrize(
    ("act", "more", "problem"),
    [
        (Act.RECORDED, {}, DecisionProblem.CHANGED_SINCE),
        (Act.KEEP, {}, DecisionProblem.MISSING_VALUE),
        (Act.THEIRS, {"reason": "bel 06-12345601"}, DecisionProblem.IDENTIFIER_IN_TEXT),
    ],
    ids=["not for this reason", "no day", "a number in the reason"],
)
def test_an_answer_that_does_not_fit_changes_nothing(world, act, more, problem):
    corrected(world)
    (only,) = reviews.list_waiting(world.context, PRIVACY)
    before = world.rows(base.link)
    with pytest.raises(DecisionRefusedError) as refused:
        reviews.answer(world.context, PRIVACY, only.row.uid, act, **{"reason": "so", **more})
    assert (refused.value.problem, world.rows(base.link)) == (problem, before)


def test_an_answer_is_in_the_log_without_a_name_or_number(world):
    corrected(world)
    say(world, Act.NOT_THEIRS)
    said = world.logged(EntryKind.FINDING)[-1]
    assert {name: said[name] for name in ("what", "verb", "actor_role")} == {
        "what": "former_number",
        "verb": "not_theirs",
        "actor_role": "privacy_officer",
    }


def test_a_held_contact_that_a_person_answered_for_looks_like_one_that_is_postponed(make_world):
    held, free = make_world(), make_world()
    for each, ago in ((held, 30), (free, -2)):
        each.put(OLD)
        each.tell(Told("100001", (OLD,)))
        each.run()
        each.pass_(days(3))
        each.tell(closed("100001", NEW, ago=ago))
        each.run()
    held.hold(case="100001")
    traces = []
    for each in (held, free):
        say(each, Act.THEIRS)
        each.run()
        traces.append((decisions(each), waiting(each), each.states(), each.findings()))
    assert traces[0] == traces[1]
    assert traces[0][0] == [(Decision.DEFER, Reason.DEFERRED)]


# --- a pilot, limits by day, two case systems ---------------------------------------------------------------------


def test_a_plan_alone_asks_its_questions_too_and_says_that_it_is_a_pilot(world):
    world.put(OLD, worker=2)
    world.tell(Told("100001", (OLD,)))
    world.look()
    plan.rehearse(world.context)
    assert plan.rehearse(world.context).findings == 0
    (found,) = findings_desk.list_findings(world.context, PRIVACY)
    assert (found.kind, found.case, found.worker, found.pilot) == (
        FindingKind.WITHOUT_ASSIGNMENT,
        "100001",
        "worker-2",
        True,
    )
    assert [row.decision for row in world.rows(base.pair)] == [None]
    world.plan()
    (found,) = findings_desk.list_findings(world.context, PRIVACY)
    assert found.pilot is False


def test_many_small_plans_of_one_day_wait_where_one_large_one_would(world):
    world.change(max_removals=2)
    for number in NUMBERS[:6]:
        world.put(number)
    for nth, number in enumerate(NUMBERS[:6]):
        world.tell(closed(f"10000{nth}", number))
        world.run()
    assert world.states() == {State.DONE: 2, State.WAITING: 4}
    world.pass_(days(1))
    world.tell(closed("200001", NUMBERS[7]))
    world.put(NUMBERS[7])
    assert world.run().outcomes == {"removed": 1}


def test_what_a_person_released_does_not_count_against_the_day(world):
    world.change(max_removals=1)
    for number in NUMBERS[:3]:
        world.put(number)
    world.tell(closed("100001", NUMBERS[0]), closed("100002", NUMBERS[1]))
    world.run()
    (waits,) = plan.waiting(world.context)
    plan.release(world.context, waits.uid, PRIVACY)
    world.run()
    world.tell(closed("100003", NUMBERS[2]))
    world.run()
    assert world.states() == {State.DONE: 3}


def test_many_small_exports_of_one_day_stop_where_one_large_one_would(world):
    numbers = [f"20{n:04}" for n in range(60)]
    world.tell(*(Told(number) for number in numbers))
    world.clock.pass_(days(1))
    outcomes = [str(world.tell(*(closed(each) for each in numbers[n : n + 10])).outcome) for n in range(0, 60, 10)]
    assert outcomes == ["applied", "applied", "stopped", "stopped", "stopped", "stopped"]
    world.clock.pass_(days(1))
    world.told |= {number: Told(number) for number in numbers[20:]}
    assert str(world.tell(closed(numbers[20])).outcome) == "applied"


def test_a_closure_that_is_told_on_its_own_day_is_confirmed(world):
    world.put(OLD)
    world.tell(Told("100001", (OLD,), phase=Phase.CLOSED, closed_at=NOW.replace(hour=23)))
    world.run()
    assert decisions(world) == [(Decision.DEFER, Reason.DEFERRED)]


def test_a_hold_by_case_asks_which_case_system_where_two_use_the_number(world):
    world.tell(closed("100001", OLD))
    with world.context.store.write() as connection:
        other = connection.execute(
            base.case_system.insert().values(name="other").returning(base.case_system.c.id)
        ).scalar_one()
        connection.execute(base.cases.insert().values(system_id=other, number="100001", phase="triage", recorded=False))
    with pytest.raises(DecisionRefusedError) as refused:
        world.hold(case="100001")
    assert refused.value.problem is DecisionProblem.CASE_IN_SEVERAL
    names = [row.name for row in world.rows(base.case_system)]
    for system in names:
        deviations_and_holds.set_hold(
            world.context,
            Role.INDEPENDENT_OFFICER,
            worker=None,
            case="100001",
            system=system,
            reason="invented reason",
            wait=lambda: False,
        )
    told = deviations_and_holds.list_holds(world.context, Role.INDEPENDENT_OFFICER)
    assert [(row.case, row.system) for row in told] == [("100001", name) for name in reversed(names)]


def test_cases_in_monitoring_of_which_nobody_knows_the_plan_are_counted(world):
    world.change(planned_months=(3, 12))
    assert plan.unplanned_monitoring(world.context) == (0, 0)
    world.tell(
        Told("100001", (OLD,), phase=Phase.MONITORING),
        Told("100002", (NEW,), phase=Phase.MONITORING, moments=(("worker-1", NOW.date()),)),
        Told("100004", (), phase=Phase.MONITORING, transferred_on=NOW.date()),
        closed("100003", THIRD),
    )
    assert plan.unplanned_monitoring(world.context) == (3, 1)
    world.change(counted_from=CountedFrom.START_OF_PHASE)
    assert plan.unplanned_monitoring(world.context) == (3, 2)
    world.change(planned_months=())
    assert plan.unplanned_monitoring(world.context) == (3, 0)
