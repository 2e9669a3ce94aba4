"""Who may set a hold, what may stand in a reason, and that refusals tell nobody anything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from server.core.hold_record import WORD_LASTS, HoldsWaiting, Requester
from server.core.log.entries import EntryKind
from server.core.model import CLEARED_FOR_HOLDS, Disposition, Role, State, Tier
from server.core.problems import DecisionProblem, DecisionRefusedError, SetupProblem
from server.store import log
from server.store.schema import base
from server.work.removal import deviations_and_holds, findings_desk
from server.work.removal.deviations_and_holds import Cleared
from tests.work.world import KEYS, NOW, NUMBERS, World, closed, days

ONE = NUMBERS[0]
UNCLEARED = sorted(set(Role) - CLEARED_FOR_HOLDS)


def live(world: World) -> None:
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.look()
    world.plan()


@pytest.fixture
def ready(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    return begin_after(live)


def refusal(act: Callable[[], object]) -> SetupProblem:
    with pytest.raises(DecisionRefusedError) as refused:
        act()
    return refused.value.problem


def set_hold(
    world: World, role: Role = Role.INVESTIGATOR, *, by: Cleared | None = None, **how: Any
) -> deviations_and_holds.HoldSet:
    given = {"worker": None, "case": None, "reason": "invented reason", "wait": lambda: False}
    return deviations_and_holds.set_hold(world.context, by or role, **{**given, **how})


def test_only_those_cleared_for_holds_may_set_read_or_release_one(ready):
    uid = set_hold(ready).uid
    for role in UNCLEARED:
        acts: list[Callable[[], object]] = [
            lambda role=role: set_hold(ready, role),
            lambda role=role: deviations_and_holds.list_holds(ready.context, role),
            lambda role=role: deviations_and_holds.release_hold(ready.context, role, uid),
        ]
        before = len(ready.log())
        assert [refusal(act) for act in acts] == [DecisionProblem.NOT_CLEARED] * 3
        assert [entry.kind for entry in ready.log()[before:]] == [EntryKind.RESTRICTED] * 3
    (row,) = ready.holds()
    assert row.in_force


def test_what_stands_behind_a_restricted_line_opens_with_the_key(ready):
    set_hold(ready)
    refusal(lambda: set_hold(ready, Role.LINE_MANAGER))
    opened = [
        log.read_body(KEYS.sealer.open(row.sealed, f"log_restricted.sealed.{row.seq}")).said
        for row in ready.rows(base.log_restricted)
    ]
    assert [text.partition(" ")[0] for text in opened[-2:]] == ["hold_set", "refused"]
    assert "line_manager" in opened[-1]


def test_holds_are_listed_with_their_reason_for_the_cleared_newest_first(ready):
    set_hold(ready, worker="worker-1", reason="first reason")
    ready.clock.pass_(days(1))
    uid = set_hold(ready, case="100001", reason="second reason").uid
    ready.release(uid)
    rows = deviations_and_holds.list_holds(ready.context, Role.INDEPENDENT_OFFICER)
    assert [(row.worker, row.case, row.reason, row.released_at is None) for row in rows] == [
        (None, "100001", "second reason", False),
        ("worker-1", None, "first reason", True),
    ]


def test_a_hold_is_released_once_and_only_if_there_is_one(ready):
    uid = set_hold(ready).uid
    ready.release(uid)
    for unknown in (uid, "nowhere"):
        act = lambda unknown=unknown: deviations_and_holds.release_hold(ready.context, Role.INVESTIGATOR, unknown)  # noqa: E731
        assert refusal(act) is DecisionProblem.NOT_FOUND


def word(world: World, who: str, uid: str, role: Role = Role.INVESTIGATOR) -> bool:
    return deviations_and_holds.release_hold(world.context, Cleared(role, who), uid)


def test_two_people_end_a_hold_and_whoever_set_it_may_be_one_of_them(ready):
    uid = set_hold(ready, by=Cleared(Role.INVESTIGATOR, "a")).uid
    ready.run()
    assert not word(ready, "a", uid)
    assert refusal(lambda: word(ready, "a", uid)) is DecisionProblem.SAID_ALREADY
    assert refusal(lambda: word(ready, "a", uid, Role.INDEPENDENT_OFFICER)) is DecisionProblem.SAID_ALREADY
    ready.run()
    assert (ready.vendor.removals(), ready.holds()[0].in_force) == (0, True)
    assert word(ready, "b", uid)
    ready.run()
    assert ready.states() == {State.DONE: 1}


def test_the_first_word_waits_three_days(ready):
    uid = set_hold(ready).uid
    assert not word(ready, "a", uid)
    ready.clock.pass_(WORD_LASTS)
    assert not word(ready, "b", uid)
    assert word(ready, "a", uid)


@pytest.mark.both_databases
def test_of_two_who_say_so_at_once_one_is_the_first_and_one_the_second(ready):
    """And of the same person twice, one word counts; a third comes too late."""
    uid, other = set_hold(ready).uid, set_hold(ready, worker="worker-1").uid

    def said(who: str, which: str) -> object:
        try:
            return word(ready, who, which)
        except DecisionRefusedError as refused:
            return refused.problem

    with ThreadPoolExecutor(3) as pool:
        told = [each.result() for each in [pool.submit(said, who, uid) for who in ("a", "b", "c")]]
        same = [each.result() for each in [pool.submit(said, "a", other) for _ in range(3)]]
    assert sorted(map(str, told)) == ["False", "True", DecisionProblem.NOT_FOUND]
    assert sorted(map(str, same)) == ["False", *[DecisionProblem.SAID_ALREADY] * 2]
    assert [each.in_force for each in ready.holds()] == [False, True]


@pytest.mark.both_databases
def test_holds_that_are_set_at_once_all_stand(ready):
    with ThreadPoolExecutor(4) as pool:
        made = {each.result().uid for each in [pool.submit(set_hold, ready) for _ in range(4)]}
    assert {each.uid for each in ready.holds() if each.in_force} == made


def waits(world: World, who: str, role: Role = Role.INDEPENDENT_OFFICER) -> HoldsWaiting:
    return deviations_and_holds.waiting_for(world.context, Cleared(role, who))


def test_a_second_cleared_person_is_told_at_once_and_reminded_when_it_is_to_be_reviewed(ready):
    a, b = Cleared(Role.INVESTIGATOR, "a"), Cleared(Role.INDEPENDENT_OFFICER, "b")
    uid = set_hold(ready, by=a, case="100001", review_on=ready.context.today() + days(30)).uid
    assert (waits(ready, "a"), waits(ready, "b")) == (HoldsWaiting(), HoldsWaiting(new=1))
    (row,) = deviations_and_holds.list_holds(ready.context, b)
    assert (row.is_new, row.requester, row.review_on) == (True, Requester.OWN, ready.context.today() + days(30))
    assert waits(ready, "b") == HoldsWaiting()
    ready.clock.pass_(days(30))
    assert (waits(ready, "a"), waits(ready, "b")) == (HoldsWaiting(review=1), HoldsWaiting(review=1))
    assert waits(ready, "z", Role.PRIVACY_OFFICER) == HoldsWaiting()
    deviations_and_holds.review_hold(ready.context, b, uid, ready.context.today() + days(30))
    word(ready, "a", uid)
    assert (waits(ready, "a"), waits(ready, "b")) == (HoldsWaiting(), HoldsWaiting(second=1))
    for day in (ready.context.today(), ready.context.today() - days(1)):
        act = lambda day=day: deviations_and_holds.review_hold(ready.context, b, uid, day)  # noqa: E731
        assert refusal(act) is DecisionProblem.ENDS_IN_PAST
        assert refusal(lambda day=day: set_hold(ready, review_on=day)) is DecisionProblem.ENDS_IN_PAST


def test_while_everything_is_held_those_cleared_are_reminded_all_the_time(ready):
    uid = set_hold(ready, by=Cleared(Role.INVESTIGATOR, "a")).uid
    for _ in range(2):
        deviations_and_holds.list_holds(ready.context, Cleared(Role.INDEPENDENT_OFFICER, "b"))
        assert [waits(ready, who).everything for who in ("a", "b")] == [True, True]
        ready.clock.pass_(days(7))
    word(ready, "a", uid)
    word(ready, "b", uid)
    assert not waits(ready, "b").any


def test_what_a_hold_would_stop_and_what_it_comes_too_late_for_is_told_before_it_is_set(ready):
    foreseen = [
        deviations_and_holds.foresee(ready.context, Role.INVESTIGATOR, worker=worker, case=case)
        for worker, case in ((None, None), ("worker-1", None), (None, "100001"))
    ]
    assert [(each.stops, each.beyond.in_time) for each in foreseen] == [(1, True)] * 3
    assert ready.holds() == []
    ready.drain()
    foreseen = [
        deviations_and_holds.foresee(ready.context, Role.INVESTIGATOR, worker=None, case=None).beyond,
        deviations_and_holds.foresee(ready.context, Role.INVESTIGATOR, worker="worker-1", case=None).beyond,
    ]
    assert [each.beyond_recall for each in foreseen] == [1, 1]


def test_two_holds_on_the_same_are_two_and_both_must_go(ready):
    first, second = set_hold(ready).uid, set_hold(ready, worker="worker-1").uid
    ready.release(first)
    ready.run()
    assert (ready.vendor.removals(), ready.states()) == (0, {State.STOPPED: 1})
    ready.release(second)
    ready.run()
    assert ready.states() == {State.DONE: 1}


@pytest.mark.parametrize(
    ("scope", "problem"),
    [
        ({"worker": "worker-99"}, DecisionProblem.UNKNOWN_WORKER),
        ({"case": "999999"}, DecisionProblem.UNKNOWN_CASE),
    ],
)
def test_a_hold_on_what_is_not_known_is_refused_and_leaves_nothing(ready, scope, problem):
    before = len(ready.log())
    assert refusal(lambda: set_hold(ready, **scope)) is problem
    assert (ready.holds(), len(ready.log())) == ([], before)


TELLING = {
    "a number": ("ask on 06-12345601 first", DecisionProblem.IDENTIFIER_IN_TEXT),
    "a number in another spelling": ("ask on +31 (0)6 1234 5601 first", DecisionProblem.IDENTIFIER_IN_TEXT),
    "an address": ("ask mother@clients.example first", DecisionProblem.IDENTIFIER_IN_TEXT),
    "too much": ("x" * 301, DecisionProblem.TEXT_TOO_LONG),
}


@pytest.mark.parametrize(("text", "problem"), TELLING.values(), ids=TELLING.keys())
def test_no_text_that_people_write_may_carry_an_identifier_or_a_story(ready, text, problem):
    acts = [
        lambda: set_hold(ready, reason=text),
        lambda: deviate(ready, reason=text),
        lambda: deviate(ready, decided_by=text),
        lambda: ready.conclude("finding", Disposition.EXPLAINED, text),
    ]
    before = len(ready.log())
    assert [refusal(act) for act in acts] == [problem] * len(acts)
    assert (ready.holds(), ready.rows(base.deviation), len(ready.log())) == ([], [], before)


# --- deviations ---------------------------------------------------------------------------------------------------


def deviate(world: World, **how: Any) -> str:
    given = {
        "by": Role.PRIVACY_OFFICER,
        "case": "100001",
        "worker": "worker-1",
        "tier": Tier.CONSULT,
        "reason": "invented reason",
        "decided_by": "board",
        "until_day": (world.clock.now + days(10)).date(),
    }
    return deviations_and_holds.add_deviation(world.context, **{**given, **how})


def test_a_deviation_holds_to_the_end_of_its_last_day_in_amsterdam(ready):
    deviate(ready)
    ready.run()
    assert (ready.states(), len(ready.book().cards)) == ({State.STOPPED: 1}, 1)
    (row,) = ready.rows(base.deviation)
    assert row.until_at.isoformat() == "2025-03-14T23:00:00+00:00"
    ready.clock.now = row.until_at - timedelta(microseconds=1)
    ready.tell()
    ready.run()
    assert len(ready.book().cards) == 1
    ready.clock.now = row.until_at
    ready.run()
    assert (ready.states(), ready.book().cards) == ({State.DONE: 1}, {})


def test_a_deviation_is_in_the_log_without_case_worker_or_reason(ready):
    uid = deviate(ready)
    (body,) = ready.logged(EntryKind.DEVIATION_RECORDED)
    assert body == {
        "deviation": uid,
        "tier": "consult",
        "verb": "recorded",
        "until": "2025-03-14",
        "actor_role": "privacy_officer",
    }


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"tier": Tier.BOARD}, DecisionProblem.TIER_CLOSED),
        ({"until_day": (NOW - days(1)).date()}, DecisionProblem.ENDS_IN_PAST),
        ({"until_day": (NOW + days(91)).date()}, DecisionProblem.TOO_LONG),
        ({"worker": "worker-99"}, DecisionProblem.UNKNOWN_WORKER),
        ({"case": "999999"}, DecisionProblem.UNKNOWN_CASE),
    ],
)
def test_a_deviation_that_the_policy_does_not_know_is_refused(ready, how, problem):
    assert refusal(lambda: deviate(ready, **how)) is problem
    assert ready.rows(base.deviation) == []


def test_deviations_in_force_are_listed_until_they_are_over(ready):
    deviate(ready)
    assert [(row.case, row.worker) for row in deviations_and_holds.list_deviations(ready.context)] == [
        ("100001", "worker-1")
    ]
    ready.clock.pass_(days(11))
    assert deviations_and_holds.list_deviations(ready.context) == []


# --- findings -----------------------------------------------------------------------------------------------------


def test_a_finding_is_closed_once_with_what_a_person_concluded(world):
    world.tell(closed("100001", ONE, workers=("worker-2",)))
    world.put(ONE)
    world.run()
    (row,) = world.rows(base.finding)
    done = world.conclude(row.uid, Disposition.EXPLAINED, "it was cover")
    assert (done.disposition, done.closed_at, world.findings()) == ("it was cover", NOW, [])
    again = refusal(lambda: world.conclude(row.uid, Disposition.EXPLAINED, "again"))
    assert again is DecisionProblem.NOT_FOUND
    assert [(body["verb"], body["outcome"]) for body in world.logged(EntryKind.FINDING)] == [("closed", "explained")]


def test_the_read_of_findings_by_a_cleared_person_is_in_the_log(world):
    for role in Role:
        before = len(world.log())
        findings_desk.list_findings(world.context, role)
        kinds = [entry.kind for entry in world.log()[before:]]
        cleared = role in {Role.PRIVACY_OFFICER, *CLEARED_FOR_HOLDS}
        assert kinds == ([EntryKind.RESTRICTED] if cleared else [])


@pytest.mark.parametrize("role", Role)
def test_a_deviation_is_recorded_and_a_finding_closed_by_those_whose_it_is_alone(ready, role):
    tiers = {
        Role.WORKER: {Tier.SELF},
        Role.WORK_SUPERVISOR: {Tier.SELF, Tier.CONSULT},
        Role.PRIVACY_OFFICER: {Tier.SELF, Tier.CONSULT, Tier.BOARD},
    }.get(role, set())
    assert {tier for tier in Tier if not is_refused(lambda tier=tier: deviate(ready, by=role, tier=tier))} == tiers
    close = is_refused(lambda: ready.conclude("nothing", Disposition.EXPLAINED, "looked at", by=role))
    assert close == (role is not Role.PRIVACY_OFFICER)


def is_refused(act) -> bool:
    """Whether the role may not; what else is wrong with the act does not matter."""
    try:
        act()
    except DecisionRefusedError as refused:
        return refused.problem is DecisionProblem.NOT_CLEARED
    return False
