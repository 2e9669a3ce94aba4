"""The order's life explored to its last state, and what the engine really did checked against the same rules."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from server.core.log.entries import EntryKind
from server.core.model import Phase, State
from server.work.removal import engine
from tests.campaigns import Draws
from tests.work.removal import life
from tests.work.removal.life import Broken, Rules, Stands
from tests.work.world import NUMBERS, Told, World, closed

LEASE = timedelta(seconds=10)


def test_no_state_that_can_be_reached_breaks_a_rule():
    seen = life.explore()
    assert len(seen) > 5_000
    assert {world.stands for world in seen} == set(Stands)
    assert life.unanswered_for_ever(seen) == []
    assert life.lost(seen) == []


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        (Rules(waits_for_overtaken=False), "nothing is beyond recall"),
        (Rules(waits_for_overtaken=False, checks_lease_before_call=False), "nothing is beyond recall"),
    ],
)
def test_the_model_finds_what_goes_wrong_without_a_rule(rules, fault):
    with pytest.raises(Broken, match=fault):
        life.explore(rules)


def test_the_model_finds_an_order_that_is_lost_where_a_stopped_one_has_no_way_on():
    assert life.lost(life.explore(Rules(stopped_has_a_way_on=False))) != []


def test_without_late_receipts_a_call_would_have_no_outcome():
    assert life.unanswered_for_ever(life.explore(Rules(enters_late_receipts=False))) != []
    assert life.unanswered_for_ever(life.explore(Rules(returns_what_it_does_not_call=False))) != []


def test_what_the_engine_did_keeps_to_the_model(make_world: Callable[[], World], draws: Draws) -> None:
    for dice in draws(8):
        play(make_world(), dice)


def play(world: World, dice: random.Random) -> None:  # noqa: C901  a play in many acts
    """Engines that stall at random while holds and reopenings come and go."""
    world.context = replace(world.context, lease=LEASE)
    numbers = NUMBERS[:4]
    for nth, number in enumerate(numbers):
        world.tell(closed(f"10000{nth}", number))
        world.put(number)
    holds: list[str] = []

    def something() -> None:
        match dice.randrange(5):
            case 0:
                holds.append(world.hold(case=f"10000{dice.randrange(4)}"))
            case 1 if holds:
                world.release(holds.pop())
            case 2:
                nth = dice.randrange(4)
                world.tell(Told(f"10000{nth}", (numbers[nth],), phase=Phase.INVESTIGATION))
            case 3:
                nth = dice.randrange(4)
                world.tell(closed(f"10000{nth}", numbers[nth]))
            case _:
                world.clock.pass_(timedelta(seconds=dice.choice([0.02, 3, 10])))

    def stall(depth: int = 0) -> None:
        something()
        if dice.random() < 0.6 and depth < 2:
            world.clock.pass_(LEASE)
            world.vendor.meanwhile.appendleft(lambda: stall(depth + 1))
            engine.carry_out(replace(world.context, engine=f"engine-{depth + 2}"))

    for _ in range(6):
        world.look()
        world.plan()
        world.vendor.meanwhile.extend([stall, something])
        world.drain()
        world.vendor.meanwhile.clear()
        world.verify()
        something()
    for uid in holds:
        world.release(uid)
    for nth, number in enumerate(numbers):
        world.tell(closed(f"10000{nth}", number))
    for _ in range(3):
        world.clock.pass_(timedelta(minutes=11))
        world.run()
    for order, lines in recorded(world).items():
        try:
            life.replay(lines)
        except Broken as broken:
            raise AssertionError(f"{broken}: {order} {lines}") from None
    assert (set(world.states()), world.book().cards) == ({State.DONE}, {})


def recorded(world: World) -> dict[str, list[tuple[str, str, int, bool]]]:
    """What the log tells of each order, as the model reads it."""
    found: dict[str, list[tuple[str, str, int, bool]]] = defaultdict(list)
    for entry in world.log():
        body = entry.body
        if entry.kind is EntryKind.ORDER_SENT:
            found[str(body["order"])].append(("sent", "", int(str(body["attempt"])), False))
        elif entry.kind is EntryKind.RECEIPT:
            found[str(body["order"])].append(
                ("receipt", str(body["outcome"]), int(str(body["attempt"])), body.get("mode") == "late")
            )
        elif entry.kind is EntryKind.PROOF:
            found[str(body["order"])].append(("proof", str(body.get("level") or body.get("outcome")), 0, False))
    return dict(found)
