"""What waited for fresh news, or was decided by a clock that was wrong, is decided again: a plain run finds it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.core.model import Phase, State
from server.store.schema import base
from server.work.admin import setup
from server.work.register.intake import IntakeOutcome
from server.work.removal import engine
from tests.gates import whole_gate
from tests.work.world import NOW, NUMBERS, POLICY, Told, World, closed, days

ONE, TWO, THREE = NUMBERS[:3]
UNCONFIRMED = Told("100002", (TWO,), phase=Phase.CLOSED)


def due(world: World) -> list[object]:
    return [row.due_at for row in world.rows(base.pair)]


def reasons(world: World) -> list[str]:
    return [row.reason for row in world.rows(base.pair)]


def test_a_plain_run_returns_to_what_met_a_stale_register_once_an_export_comes_in(world):
    """Closed, then eighteen days without an export, then fresh ones that tell nothing new: the run did not return."""
    world.tell(Told("100001", (ONE,)))
    world.put(ONE)
    world.run()
    world.clock.pass_(days(1))
    world.tell(closed("100001", ONE, ago=-1))
    world.run()
    world.clock.pass_(days(18))
    world.run()
    assert (reasons(world), due(world)) == (["register_stale"], [None])
    world.tell()
    assert due(world) == [world.clock.now]
    assert world.run().outcomes == {"removed": 1}
    assert world.states() == {State.DONE: 1}


def test_what_would_be_decided_again_some_day_anyway_does_not_wait_for_that_day(world):
    """A number that is former has a day on which it becomes too old, and a closure may lie ahead."""
    world.put(ONE)
    world.tell(Told("100001", (ONE,)))
    world.run()
    world.pass_(days(60))
    world.tell(closed("100001", TWO, ago=-60))
    world.run()
    world.clock.pass_(days(20))
    world.run()
    assert reasons(world) == ["register_stale"]
    assert due(world) != [None]
    world.tell()
    assert world.run().outcomes == {"removed": 1}


def test_only_what_waited_for_that_case_system_is_due(world):
    world.tell(Told("100001", (ONE,)), UNCONFIRMED)
    world.put(ONE)
    world.put(TWO)
    world.run()
    before = due(world)
    world.clock.pass_(days(1))
    world.tell()
    assert due(world) == before == [None, None]


def test_what_was_stopped_just_before_its_call_is_due_again(world):
    """The register grew too old between the plan and the call: the order was stopped, and nothing came back to it."""
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.look()
    world.plan()
    world.clock.pass_(days(10))
    assert world.drain().outcomes == {"deferred": 1}
    assert (world.states(), due(world)) == ({State.STOPPED: 1}, [world.clock.now])
    world.plan()
    assert (reasons(world), due(world)) == (["register_stale"], [None])
    world.tell()
    assert world.run().outcomes == {"removed": 1}


def test_what_was_stopped_since_no_gate_was_open_is_due_when_one_is(make_world):
    world = make_world(demo=False)
    day = NOW.date()

    def gate(last: int) -> None:
        setup.record_gate(
            world.context,
            whole_gate("Employer 1", day + timedelta(last), day + timedelta(last)),
            "it_administrator",
        )

    gate(0)
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.look()
    world.plan()
    world.clock.pass_(days(1))
    world.tell()
    assert world.drain().outcomes == {"deferred": 1}
    assert due(world) == [None]
    gate(30)
    assert world.run().outcomes == {"removed": 1}


@pytest.mark.parametrize("ahead", [1, 20, 400], ids=["a day", "twenty days", "beyond the longest wait"])
def test_a_clock_that_ran_ahead_and_was_put_right_leaves_nothing_behind(world, ahead):
    """Orders were called for, contacts first seen and places read in a future that is far away again."""
    world.tell(Told("100001", (ONE,)), closed("100002", TWO), Told("100003", (THREE,), workers=()))
    world.put(ONE)
    world.put(TWO)
    world.run()
    world.put(TWO)
    world.clock.pass_(days(ahead))
    world.tell(closed("100001", ONE, ago=30))
    world.put(THREE)
    world.look(full=True)
    world.plan()
    world.clock.now = NOW + days(1)
    assert world.tell().outcome is IntakeOutcome.APPLIED
    world.run()
    latest = world.clock.now + POLICY.longest_wait
    times = [
        getattr(row, column)
        for table, columns in (
            (base.pair, ("due_at", "decided_at")),
            (base.sighting, ("first_at", "since_at")),
            (base.place, ("looked_at", "full_at", "hinted_at")),
            (base.orders, ("next_at",)),
        )
        for row in world.rows(table)
        for column in columns
    ]
    assert max(each for each in times if each is not None) <= latest
    world.pass_(days(15))
    world.run()
    assert world.book().cards == {}


def test_an_export_taken_in_by_a_clock_that_ran_ahead_does_not_shut_out_every_later_one(world):
    world.clock.pass_(days(100))
    world.tell(Told("100001", (ONE,)))
    world.clock.now = NOW
    assert world.tell(closed("100001", ONE)).outcome is IntakeOutcome.APPLIED
    world.put(ONE)
    assert world.run().outcomes == {"removed": 1}


def test_a_pair_waits_no_longer_than_the_policy_ever_lets_anything_wait(world):
    until = NOW + days(3000)
    world.tell(Told("100001", (ONE,), workers=(), spells=(("worker-1", NOW - days(9), until),)))
    world.put(ONE)
    world.run()
    assert due(world) == [NOW + POLICY.longest_wait]
    assert POLICY.longest_wait == days(365)


def test_the_longest_wait_is_that_of_the_slowest_rule():
    small = replace(POLICY, grace_days=3, former_number_days=0, monitoring_window_days=2, deviation_tiers=())
    assert small.longest_wait == days(3)
    assert replace(small, grace_days=0, monitoring_window_days=0).longest_wait == days(1)


def test_a_hold_leaves_the_same_trace_as_a_postponement_when_an_order_is_stopped_before_its_call(make_world):
    """Held at the last moment, or needed again at the last moment: what is stopped is due, and then postponed."""
    held, free = make_world(), make_world()
    for each in (held, free):
        each.tell(closed("100001", ONE))
        each.put(ONE)
        each.look()
        each.plan()
    held.hold(case="100001")
    free.tell(closed("100001", ONE, ago=1))
    traces = []
    for each in (held, free):
        assert engine.drain(each.context, at_once=1).outcomes == {"deferred": 1}
        each.plan()
        traces.append([(row.decision, row.reason, row.decided_at) for row in each.rows(base.pair)])
    assert traces[0] == traces[1]
