"""An engine that stands still and wakes: what it may still do, what becomes of what it did, and who is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from server.core.log.entries import EntryKind
from server.core.model import Phase, Role, State
from server.core.problems import EngineProblem, EngineRefusedError
from server.store import log
from server.store.schema import base
from server.work.removal import deviations_and_holds, engine, engines
from server.work.removal.alive import has_ended, name_this_process
from tests.work.world import KEYS, NUMBERS, Told, World, closed, open_lines, visible

pytestmark = pytest.mark.both_databases

ONE, TWO = NUMBERS[:2]
LEASE = timedelta(seconds=10)


def ready(world: World, *numbers: str) -> None:
    world.context = replace(world.context, lease=LEASE)
    world.tell(closed("100001", *(numbers or (ONE,))))
    for number in numbers or (ONE,):
        world.put(number)
    world.look()
    world.plan()


def stand_still(world: World, happens: Callable[[], object], *, then: Callable[[], object] = lambda: None) -> None:
    """The engine stands still in its first call; another takes its orders over after that happened."""

    def still() -> None:
        happens()
        world.clock.pass_(LEASE)
        assert engine.carry_out(replace(world.context, engine="engine-2")) is not None
        then()

    world.vendor.meanwhile.append(still)
    world.drain()


def set_hold(world: World, answers: list[deviations_and_holds.HoldSet] | None = None) -> deviations_and_holds.HoldSet:
    answer = deviations_and_holds.set_hold(
        world.context, Role.INVESTIGATOR, worker=None, case="100001", reason="reason", wait=lambda: False
    )
    if answers is not None:
        answers.append(answer)
    return answer


def late(world: World) -> list[tuple[str, int]]:
    """Late receipts in the log: outcome, and the sending that they answer."""
    return [
        (str(body["outcome"]), int(body["attempt"]))
        for body in world.logged(EntryKind.RECEIPT)
        if body.get("mode") == "late"
    ]


def test_a_hold_does_not_say_that_nothing_is_beyond_recall_while_an_overtaken_engine_has_not_answered(world):
    ready(world)
    answers: list[deviations_and_holds.HoldSet] = []
    stand_still(world, lambda: set_hold(world, answers), then=lambda: set_hold(world, answers))
    assert [(each.under_way, each.in_time) for each in answers] == [(1, False), (1, False)]
    assert world.book().cards == {}, "the first engine woke and deleted"
    after = set_hold(world)
    assert (after.under_way, after.beyond_recall) == (0, 1)


def test_of_an_engine_whose_machine_is_gone_a_person_says_so_and_a_hold_says_that_nobody_knows(world):
    ready(world)
    world.context = replace(world.context, engine="a machine elsewhere")
    answers: list[deviations_and_holds.HoldSet] = []

    def told() -> None:
        (awaited,) = engines.list_awaited(world.context)
        assert (awaited.name, awaited.claims) == (world.context.engine, 1)
        for role in set(Role) - engines.MAY_SAY_GONE:
            with pytest.raises(EngineRefusedError):
                engines.say_gone(world.context, role, awaited.name)
        set_hold(world, answers)
        assert engines.say_gone(world.context, Role.IT_ADMINISTRATOR, awaited.name) == 1
        set_hold(world, answers)

    stand_still(world, lambda: None, then=told)
    assert [(each.under_way, each.unknown, each.in_time) for each in answers] == [(1, 0, False), (0, 0, False)]
    assert [dict(body)["count"] for body in world.logged(EntryKind.ENGINE_ENDED)] == [1]
    assert late(world) == [("already_gone", 1)], "the word was wrong: what it told all the same is entered"
    assert engines.list_awaited(world.context) == []


def test_nobody_says_of_an_engine_that_runs_here_that_it_is_gone(world):
    ready(world)
    world.context = replace(world.context, engine=name_this_process())

    def told() -> None:
        with pytest.raises(EngineRefusedError) as refused:
            engines.say_gone(world.context, Role.IT_ADMINISTRATOR, world.context.engine)
        assert refused.value.problem is EngineProblem.STILL_RUNS

    stand_still(world, lambda: None, then=told)
    with pytest.raises(EngineRefusedError) as refused:
        engines.say_gone(world.context, Role.IT_ADMINISTRATOR, "nobody/1/2.3.4.5")
    assert refused.value.problem is EngineProblem.NOT_AWAITED


def test_what_an_overtaken_engine_did_is_entered_told_to_the_cleared_and_proven(world):
    ready(world)
    hold: list[str] = []
    stand_still(world, lambda: hold.append(set_hold(world).uid))
    assert (world.states(), late(world)) == ({State.CHECKING: 1}, [("removed", 1)])
    assert world.order().cards_removed == 1
    opened = [
        log.read_body(KEYS.sealer.open(row.sealed, f"log_restricted.sealed.{row.seq}")).said
        for row in world.rows(base.log_restricted)
    ]
    assert f"late_receipt {world.order().id} removed" in opened
    (row,) = [each for each in deviations_and_holds.list_holds(world.context, Role.INVESTIGATOR) if each.uid == hold[0]]
    assert row.late == 1
    world.verify()
    assert (world.states(), len(world.proofs())) == ({State.DONE: 1}, 1)


def test_an_overtaken_engine_that_wakes_begins_no_further_call(world):
    ready(world, ONE, TWO)
    stand_still(world, lambda: set_hold(world))
    assert (world.vendor.removals(), len(world.book().cards)) == (1, 1)
    assert late(world) == [("removed", 1), ("returned", 1)] or late(world) == [("returned", 1), ("removed", 1)]
    assert world.states() == {State.CHECKING: 1, State.STOPPED: 1}


def test_by_the_clock_that_goes_on_while_the_machine_sleeps_the_lease_runs_out_too(world):
    boot = [0.0]
    world.context = replace(world.context, lease=LEASE, since_boot=lambda: boot[0])
    world.tell(closed("100001", ONE, TWO))
    world.put(ONE)
    world.put(TWO)
    world.look()
    world.plan()

    def sleep() -> None:
        boot[0] += LEASE.total_seconds()

    world.vendor.meanwhile.append(sleep)
    engine.carry_out(world.context)
    assert (world.vendor.removals(), world.states()) == (1, {State.CHECKING: 1, State.READY: 1})


def test_every_sending_has_its_receipt(world):
    ready(world, ONE, TWO)
    stand_still(world, lambda: set_hold(world))
    sent = {(body["order"], body["attempt"]) for body in world.logged(EntryKind.ORDER_SENT)}
    answered = [(body["order"], body["attempt"]) for body in world.logged(EntryKind.RECEIPT)]
    assert sorted(sent) == sorted(answered)


def test_a_stopped_order_whose_caller_died_without_a_word_is_settled_when_its_card_is_seen_absent(world):
    ready(world)
    with world.context.store.write() as connection:
        engine.orders.claim(connection, world.clock.now, by="engine-0", lease=LEASE, limit=1)
    world.book().delete(next(iter(world.book().cards)))  # its call went out; then it died
    world.hold()
    world.clock.pass_(LEASE)
    world.drain()
    assert world.states() == {State.STOPPED: 1}
    world.look(full=True)
    assert (world.states(), len(world.proofs())) == ({State.DONE: 1}, 1)


def test_an_order_that_was_stopped_before_any_call_is_not_settled_by_what_the_worker_does(world):
    ready(world)
    world.hold()
    world.drain()
    world.book().delete(next(iter(world.book().cards)))
    world.look(full=True)
    assert (world.states(), world.proofs()) == ({State.STOPPED: 1}, [])


def test_of_an_engine_of_this_machine_that_ended_a_hold_waits_no_longer_and_says_that_it_does_not_know(world):
    ready(world)
    shown = subprocess.run(
        [sys.executable, "-c", "from server.work.removal.alive import name_this_process as n; print(n())"],
        capture_output=True,
        text=True,
        check=True,
    )
    name = shown.stdout.strip()
    with world.context.store.write() as connection:
        engine.orders.claim(connection, world.clock.now, by=name, lease=LEASE, limit=1)
    found = set_hold(world)
    assert (found.under_way, found.unknown, found.in_time) == (0, 1, False)
    world.clock.pass_(LEASE)
    world.drain()
    assert (set_hold(world).under_way, set_hold(world).unknown) == (0, 1)


def test_a_process_is_known_to_have_ended_only_where_that_can_be_told():
    mine = name_this_process()
    machine, pid, rest = mine.split("/")
    started, boot, space, word = rest.split(".")
    assert not has_ended(mine, one_machine=False)
    assert has_ended(f"{machine}/{pid}/{int(started) + 1}.{boot}.{space}.{word}", one_machine=False)
    elsewhere = f"{machine}/{pid}/{started}.another.{space}.{word}"
    assert (has_ended(elsewhere, one_machine=False), has_ended(elsewhere, one_machine=True)) == (False, True)
    assert not has_ended(f"{machine}/{pid}/1.{boot}.1{space}.{word}", one_machine=False)
    for name in ("", "engine-1", "a/b/c", "host/12/abcdef12"):
        assert not has_ended(name, one_machine=True)


@pytest.mark.parametrize("role", [Role.LINE_MANAGER, Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR])
def test_what_came_late_under_a_hold_looks_like_what_came_late_for_an_ordinary_cause(world, databases, tmp_path, role):
    ready(world)
    twin = world.twin(databases, tmp_path / "twin")
    (tmp_path / "twin").mkdir()
    reopened = Told("100001", (ONE,), phase=Phase.CLOSED, closed_at=world.clock.now - timedelta(days=1))
    stand_still(world, lambda: (world.tell(world.told["100001"]), set_hold(world)))
    stand_still(twin, lambda: twin.tell(reopened))
    assert late(world) == late(twin) == [("removed", 1)]
    assert _alike(visible(world, role)) == _alike(visible(twin, role))
    kinds = [(at, kind) for at, kind, _ in open_lines(world) if kind is not EntryKind.RESTRICTED]
    assert [kind for _, kind in kinds] == [kind for _, kind, _ in open_lines(twin) if kind is not EntryKind.RESTRICTED]


def _alike(seen: dict[str, Any]) -> dict[str, Any]:
    """What is shown, without what a case that was told anew changes openly."""
    report = json.loads(seen["report"])
    return {**seen, "report": report.get("figures"), "digest": None, "items": len(seen["items"])}
