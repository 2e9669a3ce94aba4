"""What stands between a plan and its call: holds, needs, freshness, gates and limits are asked again when acting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from mdm_adapters.port import Outcome
from server.core.log.entries import EntryKind
from server.core.model import Decision, Need, Phase, Reason, Role, State, Tier
from server.core.problems import DecisionProblem, DecisionRefusedError, SetupProblem, SetupRefusedError
from server.core.removal.order_state import EVENT_OF_OUTCOME
from server.store import log
from server.store.removal import needs, orders
from server.store.schema import base
from server.work.admin import setup
from server.work.removal import deviations_and_holds, engine, plan
from server.work.removal.permit import ASKED_AGAIN_AFTER
from tests.gates import whole_gate
from tests.work.world import NOW, NUMBERS, Told, World, closed, days, visible

pytestmark = pytest.mark.both_databases

ONE, TWO, THREE = NUMBERS[:3]


def ready(world: World, *numbers: str) -> None:
    """One card for each number in worker-1's book, seen and ordered away; nothing has been called yet."""
    world.tell(closed("100001", *(numbers or (ONE,))))
    for number in numbers or (ONE,):
        world.put(number)
    world.look()
    world.plan()
    assert set(world.states()) == {State.READY}


def vanish(world: World) -> None:
    assert world.take_in(list(Told("100009", (THREE,)).rows()), confirmed=True).applied is not None


def deviate(world: World) -> None:
    deviations_and_holds.add_deviation(
        world.context,
        by=Role.PRIVACY_OFFICER,
        case="100001",
        worker="worker-1",
        tier=Tier.CONSULT,
        reason="invented reason",
        decided_by="board",
        until_day=(NOW + days(9)).date(),
    )


@dataclass(frozen=True)
class Change:
    """Something that stops an order, and what lets it go on."""

    happens: Callable[[World], object]
    ends: Callable[[World], object]


def tell_again(world: World) -> None:
    world.tell(closed("100001", ONE, TWO))


def release_all(world: World) -> None:
    for row in world.holds():
        world.release(row.uid)


CHANGES = {
    "a hold on the worker": Change(lambda w: w.hold(worker="worker-1"), release_all),
    "a hold on the case": Change(lambda w: w.hold(case="100001"), release_all),
    "a hold on everything": Change(lambda w: w.hold(), release_all),
    "the case opened again": Change(lambda w: w.tell(Told("100001", (ONE, TWO))), tell_again),
    "a closure that was not confirmed": Change(lambda w: w.tell(replace(w.told["100001"], closed_at=None)), tell_again),
    "a closure that was yesterday": Change(lambda w: w.tell(closed("100001", ONE, TWO, ago=1)), tell_again),
    "a link that is not sure": Change(lambda w: w.tell(replace(w.told["100001"], linked=False)), tell_again),
    "monitoring with a contact near": Change(
        lambda w: w.tell(replace(w.told["100001"], phase=Phase.MONITORING, moments=(("worker-1", NOW.date()),))),
        tell_again,
    ),
    "a case that vanished": Change(vanish, lambda w: w.tell(closed("100001", ONE, TWO), confirmed=True)),
    "a register grown stale": Change(lambda w: w.clock.pass_(timedelta(hours=72, microseconds=1)), tell_again),
    "a deviation": Change(deviate, lambda w: (w.clock.pass_(days(10)), w.tell())),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_comes_between_planning_and_acting_stops_the_order_and_its_end_lets_it_go(world, change):
    ready(world)
    change.happens(world)
    assert world.drain().outcomes == {"deferred": 1}
    assert (world.vendor.removals(), len(world.book().cards)) == (0, 1)
    assert world.states() == {State.STOPPED: 1}
    assert [body["outcome"] for body in world.logged(EntryKind.RECEIPT)] == ["deferred"]
    stopped = world.order().id
    world.run()
    assert (world.vendor.removals(), world.states()) == (0, {State.STOPPED: 1})
    change.ends(world)
    world.run()
    assert (world.states()[State.DONE], world.book().cards) == (1, {})
    assert stopped in {row.id for row in world.rows(base.orders)}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_pass_stops_it_as_well(world, change):
    ready(world)
    change.happens(world)
    assert world.plan(full=True).stopped == 1
    assert world.states() == {State.STOPPED: 1}
    assert world.drain().called == 0


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_comes_while_a_claim_is_worked_on_stops_what_has_not_left_yet(world, change):
    ready(world, ONE, TWO)

    def meanwhile() -> None:
        change.happens(world)
        world.clock.pass_(timedelta(seconds=2))

    world.vendor.meanwhile.append(meanwhile)
    assert world.drain().outcomes == {"removed": 1, "deferred": 1}
    assert (world.vendor.removals(), len(world.book().cards)) == (1, 1)
    assert world.states() == {State.CHECKING: 1, State.STOPPED: 1}


@pytest.mark.parametrize("comes", [k for k in CHANGES if k != "a register grown stale"])
def test_what_comes_during_a_call_stops_the_next_one_however_close(world, comes):
    ready(world, ONE, TWO)
    tick = timedelta(seconds=ASKED_AGAIN_AFTER)
    world.vendor.meanwhile.append(lambda: (CHANGES[comes].happens(world), world.clock.pass_(tick)))
    assert world.drain().outcomes == {"removed": 1, "deferred": 1}
    assert world.vendor.removals() == 1


def test_an_answer_of_the_database_is_used_again_for_a_moment_only(world):
    ready(world, ONE, TWO, THREE)
    moment = timedelta(seconds=ASKED_AGAIN_AFTER * 0.6)
    world.vendor.meanwhile += [lambda: (world.hold(), world.clock.pass_(moment)), lambda: world.clock.pass_(moment)]
    done = world.drain()
    assert (done.outcomes, done.gap) == ({"removed": 2, "deferred": 1}, moment.total_seconds())


def test_what_another_card_of_the_same_contact_still_needs_is_asked_again_too(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.put(ONE)
    world.look()
    world.plan()

    def meanwhile() -> None:
        world.hold()
        world.clock.pass_(timedelta(seconds=2))

    world.vendor.meanwhile.append(meanwhile)
    assert world.drain().outcomes == {"deferred": 1}
    assert (len(world.book().cards), world.states()) == (1, {State.STOPPED: 1})


def test_an_order_accepted_before_a_hold_is_proven_all_the_same(world):
    ready(world)
    world.drain()
    world.hold()
    world.plan()
    assert world.states() == {State.CHECKING: 1}
    world.verify()
    assert world.states() == {State.DONE: 1}


def test_a_hold_tells_what_is_beyond_recall_and_what_is_under_way(world):
    ready(world, ONE, TWO, THREE)
    world.drain()
    result = deviations_and_holds.set_hold(
        world.context, Role.INVESTIGATOR, worker="worker-1", case=None, reason="reason", wait=lambda: True
    )
    assert (result.under_way, result.beyond_recall) == (0, 3)
    elsewhere = deviations_and_holds.set_hold(
        world.context, Role.INVESTIGATOR, worker="worker-2", case=None, reason="reason", wait=lambda: True
    )
    assert (elsewhere.under_way, elsewhere.beyond_recall) == (0, 0)


def test_a_hold_waits_for_a_call_that_had_left_and_says_so_if_it_may_not_wait(world):
    ready(world)
    answers: list[deviations_and_holds.HoldSet] = []
    waited: list[bool] = []

    def hold(patience: int) -> None:
        def wait() -> bool:
            waited.append(True)
            return len(waited) < patience

        answers.append(
            deviations_and_holds.set_hold(
                world.context, Role.INVESTIGATOR, worker=None, case="100001", reason="reason", wait=wait
            )
        )

    world.vendor.meanwhile.append(lambda: hold(3))
    world.drain()
    assert ([(each.under_way, each.beyond_recall) for each in answers], len(waited)) == ([(1, 0)], 3)


def test_a_hold_sees_a_claim_that_was_committed_while_it_was_being_set(world):
    """On PostgreSQL the claim's own check may have been made before the hold was in force: it must be waited for."""
    ready(world)
    claimed: list[orders.Claimed] = []
    settled: list[object] = []

    def wait() -> bool:
        settled.append(settle_as_accepted(world, claimed))
        return True

    with ThreadPoolExecutor(1) as pool:
        with world.context.store.write() as connection:
            claimed += orders.claim(connection, world.context.now(), by="engine-2", lease=days(1), limit=1)
            log.append(connection, world.context.now(), [])
            setting = pool.submit(
                deviations_and_holds.set_hold,
                world.context,
                Role.INVESTIGATOR,
                worker="worker-1",
                case=None,
                reason="reason",
                wait=wait,
            )
            if not world.context.store.is_sqlite:  # there it waits for the claim before it begins
                wait_until_somebody_waits_for_a_lock(world)
        result = setting.result()
    assert (len(settled), result.under_way, result.beyond_recall) == (1, 0, 1)


def wait_until_somebody_waits_for_a_lock(world: World) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(100_000):
        with world.context.store.read() as connection:
            if connection.execute(waiting).scalar_one():
                return
    raise AssertionError("nobody waits")


def settle_as_accepted(world: World, claimed: list[orders.Claimed]) -> object:
    receipts = [
        orders.Settlement(each.id, each.fence, EVENT_OF_OUTCOME[Outcome.REMOVED], Outcome.REMOVED) for each in claimed
    ]
    with world.context.store.write() as connection:
        return orders.settle(connection, receipts, world.context.now())


# --- gates --------------------------------------------------------------------------------------------------------


def open_gate(world: World, nth: int = 1, *, until: int = 30) -> None:
    last = (world.clock.now + days(until)).date()
    setup.record_gate(world.context, whole_gate(f"Employer {nth}", last, last), "role")


def test_without_a_gate_no_book_is_read_and_nothing_is_removed(make_world):
    world = make_world(demo=False)
    world.tell(closed("100001", ONE))
    world.put(ONE)
    assert world.run().called == 0
    assert (world.vendor.calls, world.rows(base.entry), world.rows(base.sighting)) == ([], [], [])


def test_a_gate_opens_the_books_of_its_employer_and_of_no_other(make_world):
    world = make_world(demo=False)
    world.tell(closed("100001", ONE, workers=("worker-1", "worker-2")))
    for worker in (1, 2):
        world.put(ONE, worker=worker)
    open_gate(world, 1)
    world.run()
    assert (world.book(1).cards, len(world.book(2).cards)) == ({}, 1)
    assert len({place for _, place in world.vendor.calls}) == 1


def test_a_gate_that_ends_stops_what_was_planned_and_a_new_one_lets_it_go(make_world):
    world = make_world(demo=False)
    open_gate(world, until=1)
    ready(world)
    world.pass_(days(1))
    assert world.context.today() == NOW.date() + days(1), "its last day is a day"
    world.pass_(timedelta(hours=11))
    assert world.context.today() == NOW.date() + days(2)
    calls = len(world.vendor.calls)
    assert world.drain().outcomes == {"deferred": 1}
    world.run()
    assert (len(world.vendor.calls), world.states(), len(world.book().cards)) == (calls, {State.STOPPED: 1}, 1)
    open_gate(world)
    world.plan(full=True)
    world.run()
    assert (world.states(), world.book().cards) == ({State.DONE: 1}, {})


def test_a_gate_is_reviewed_before_it_ends_and_ends_in_the_future(world):
    today = world.context.today()
    late = whole_gate("Employer 1", today + days(2), today + days(1))
    past = whole_gate("Employer 1", today - days(1), today - days(1))
    for gate, problem in ((late, SetupProblem.REVIEW_AFTER_END), (past, SetupProblem.ENDS_IN_PAST)):
        with pytest.raises(SetupRefusedError) as refused:
            setup.record_gate(world.context, gate, "role")
        assert refused.value.problem is problem
    assert world.rows(base.gate) == []


# --- limits -------------------------------------------------------------------------------------------------------


def test_a_plan_above_a_limit_waits_for_its_release_and_then_goes(world):
    world.change(max_removals=2)
    world.tell(closed("100001", ONE, TWO, THREE))
    for number in (ONE, TWO, THREE):
        world.put(number)
    world.run()
    assert (world.states(), world.vendor.removals()) == ({State.WAITING: 3}, 0)
    assert world.logged(EntryKind.PLAN_MADE)[-1]["outcome"] == "held_back"
    (waiting,) = plan.waiting(world.context)
    assert (waiting.removals, waiting.held_back) == (3, "max_removals")
    world.run()
    assert world.states() == {State.WAITING: 3}
    assert plan.release(world.context, waiting.uid, Role.PRIVACY_OFFICER) == 3
    world.run()
    assert (world.states(), world.book().cards, plan.waiting(world.context)) == ({State.DONE: 3}, {}, [])


def test_a_plan_for_too_large_a_share_of_what_was_seen_waits(world):
    world.change(max_share=0.5)
    world.tell(closed("100001", ONE, TWO), Told("100002", (THREE,)))
    for number in (ONE, TWO, THREE):
        world.put(number)
    world.run()
    assert world.states() == {State.WAITING: 2}
    assert [each.held_back for each in plan.waiting(world.context)] == ["max_share"]


@pytest.mark.parametrize("most", [0, 1, 2, 3, 1000])
def test_a_pass_comes_to_the_same_in_however_many_turns_it_is_made(world, databases, tmp_path, monkeypatch, most):
    other = world.twin(databases, tmp_path)
    for each in (world, other):
        each.change(max_removals=most)
        each.tell(closed("100001", ONE, THREE), Told("100002", (TWO,)))
        for number in (ONE, TWO, THREE):
            each.put(number)
        each.put(ONE, worker=2)
        each.look()
    whole = world.plan()
    monkeypatch.setattr(needs, "PAIRS_AT_ONCE", 1)
    turns = other.plan()
    with other.context.store.read() as connection:
        assert len(needs.choose(connection, None)) == 3
    assert (whole.orders, whole.digest, whole.held_back) == (turns.orders, turns.digest, turns.held_back)
    assert whole.decided == turns.decided
    assert world.states() == other.states() == {State.READY if most >= 3 else State.WAITING: 3}
    assert visible(world, Role.PRIVACY_OFFICER) == visible(other, Role.PRIVACY_OFFICER)


def test_an_order_goes_only_if_the_policy_that_planned_it_and_the_one_in_force_both_call_for_it(world):
    world.tell(closed("100001", ONE, ago=20))
    world.put(ONE)
    world.look()
    world.plan()
    assert (world.states(), world.order().policy) == ({State.READY: 1}, "rules-7")
    world.change(version="rules-8", grace_days=30)
    assert world.drain().outcomes == {"deferred": 1}
    assert (world.vendor.removals(), world.book().cards != {}) == (0, True)


def test_the_log_tells_of_an_order_that_goes_under_another_policy_than_planned_it(world):
    world.tell(closed("100001", ONE, ago=40), closed("100002", TWO, ago=40))
    world.put(ONE)
    world.look()
    world.plan()
    world.change(version="rules-8", grace_days=30)
    world.put(TWO)
    world.look()
    world.plan()
    world.drain()
    assert sorted(body.get("policy", "") for body in world.logged(EntryKind.ORDER_SENT)) == ["", "rules-7"]


def test_what_was_released_is_decided_again_before_its_call_all_the_same(world):
    world.change(max_removals=0)
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    world.hold()
    (waiting,) = plan.waiting(world.context)
    plan.release(world.context, waiting.uid, Role.PRIVACY_OFFICER)
    world.run()
    assert (world.states(), world.vendor.removals()) == ({State.STOPPED: 1}, 0)


def test_a_plan_that_does_not_wait_cannot_be_released(world):
    ready(world)
    with pytest.raises(DecisionRefusedError) as refused:
        plan.release(world.context, world.rows(base.plan)[0].uid, Role.PRIVACY_OFFICER)
    assert refused.value.problem is DecisionProblem.NOT_FOUND


# --- leases -------------------------------------------------------------------------------------------------------


def test_an_engine_whose_lease_ran_out_makes_no_further_call(world):
    world.context = replace(world.context, lease=timedelta(seconds=10))
    ready(world, ONE, TWO, THREE)
    world.vendor.meanwhile.append(lambda: world.clock.pass_(timedelta(seconds=10)))
    engine.carry_out(world.context)
    assert (world.vendor.removals(), len(world.book().cards)) == (1, 2)
    assert world.states() == {State.CHECKING: 1, State.READY: 2}
    assert sorted(body["outcome"] for body in world.logged(EntryKind.RECEIPT)) == ["removed", "returned", "returned"]
    world.drain()
    world.verify()
    assert (world.states(), world.book().cards) == ({State.DONE: 3}, {})


def test_a_slow_vendor_gets_through_a_contact_that_stands_in_many_cards(world):
    world.tell(closed("100001", ONE))
    for _ in range(4):
        world.put(ONE)
    world.look()
    world.plan()
    world.vendor.meanwhile += [lambda: world.clock.pass_(timedelta(seconds=3))] * 20
    assert world.drain().outcomes == {"removed": 1}
    assert (world.vendor.removals(), world.book().cards) == (4, {})


def test_a_receipt_that_comes_after_another_engine_took_over_is_entered_as_the_fact_it_is(world):
    world.context = replace(world.context, lease=timedelta(seconds=10))
    ready(world)

    def taken_over() -> None:
        world.clock.pass_(timedelta(seconds=11))
        other = replace(world.context, engine="engine-2")
        assert engine.carry_out(other) is not None

    world.vendor.meanwhile.append(taken_over)
    world.drain()
    receipts = world.logged(EntryKind.RECEIPT)
    told = [(body["outcome"], body["attempt"], body.get("mode")) for body in receipts]
    assert told == [("removed", 2, None), ("already_gone", 1, "late")]
    assert (world.order().fence, world.states()) == (2, {State.CHECKING: 1})
    world.verify()
    assert (world.states(), len(world.proofs())) == ({State.DONE: 1}, 1)


def test_an_item_of_a_dry_run_is_printed_alike_whether_held_or_not():
    needs_both = [Need(Decision.DEFER, Reason.DEFERRED, "rules-7", 1, held=held) for held in (True, False)]
    held, benign = (plan.PlanItem("item", 1, "place", 1, need, need.held) for need in needs_both)
    assert held.held is not benign.held
    assert repr(held) == repr(benign)
