"""Vendors' events: a proven one makes a place be looked at soon; none raises a level, settles an order or is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from mdm_adapters.port import Denied, Fault, Garbled, Hint, Unreachable, Watching
from server.core.model import State
from server.store.removal import presence
from server.store.schema import base
from server.work.removal import change_notifications, engine
from server.work.removal.many_machines import find_chores
from tests.vendors.telling import TellingStore, event
from tests.work.world import NUMBERS, Vendor, World, closed

ONE, TWO = NUMBERS[:2]
PAGES = "https://closeout.org.example"


class Telling(TellingStore, Vendor):
    """The vendor of a world, telling."""


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    made = make_world(vendor=Telling(["book-1", "book-2"]))
    made.context = replace(made.context, pages=PAGES)
    return made


def uid(world: World, worker: int = 1) -> str:
    with world.context.store.read() as connection:
        return str(
            connection.execute(select(base.place.c.uid).where(base.place.c.address == f"book-{worker}")).scalar_one()
        )


def tell(world: World, says: Hint = Hint.CHANGED, worker: int = 1) -> frozenset[Hint]:
    place = uid(world, worker)
    return change_notifications.hear(
        world.context, "books", place, event(change_notifications.secret_of(world.context, "books", place), says)
    )


def looks(world: World) -> list[str]:
    return [place for verb, place in world.vendor.calls if verb == "look"]


def test_every_place_is_watched_under_an_address_and_a_secret_of_its_own(world: World) -> None:
    told = change_notifications.keep_watch(world.context)

    (beacons,) = world.vendor.watched
    assert told == {"books": Watching(made=2)}
    assert [each.url for each in beacons] == [f"{PAGES}/api/events/books?place={uid(world, n)}" for n in (1, 2)]
    assert len({each.secret for each in beacons}) == 2
    assert all(len(each.secret) == 64 for each in beacons)
    assert "book" not in "".join(each.url.partition("place=")[2] + each.secret for each in beacons)


@pytest.mark.parametrize("address", ["", "http://pages.org.example", "http://127.0.0.1:8765"])
def test_nobody_is_asked_to_tell_where_our_pages_cannot_be_reached_safely(world: World, address: str) -> None:
    assert change_notifications.keep_watch(replace(world.context, pages=address)) == {}


def test_a_vendor_that_will_not_tell_stops_nothing(world: World) -> None:
    world.vendor.unwilling = Unreachable(Fault.THROTTLED)

    assert change_notifications.faults_of(change_notifications.keep_watch(world.context)) == {Fault.THROTTLED}


def test_places_behind_a_closed_gate_are_not_watched(make_world: Callable[..., World]) -> None:
    world = make_world(vendor=Telling(["book-1", "book-2"]), demo=False)

    change_notifications.keep_watch(replace(world.context, pages=PAGES))

    assert world.vendor.watched == [[]]


def test_a_hint_makes_that_place_be_read_by_its_changes_and_no_other(world: World) -> None:
    world.look()
    world.tell(closed("100001", ONE))
    world.look()  # in full, since the register learnt a number
    world.put(ONE)
    world.vendor.calls.clear()

    assert tell(world) == {Hint.CHANGED}
    looked = engine.follow_hints(world.context, at_once=2)

    assert looks(world) == [uid(world)]
    assert [(each.full, each.fault) for each in looked] == [(False, None)]
    assert world.states() == {State.READY: 1}
    assert change_notifications.are_waiting(world.context) is False


def test_what_went_untold_makes_a_full_look(world: World) -> None:
    world.look()

    tell(world, Hint.MISSED)

    assert [each.full for each in engine.follow_hints(world.context, at_once=1)] == [True]


def test_no_event_settles_an_order_or_raises_its_level(world: World) -> None:
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.look()
    world.plan()
    world.drain()
    before = (world.states(), world.order().level)

    for says in (Hint.CHANGED, Hint.MISSED, Hint.CHANGED):
        tell(world, says)

    assert (world.states(), world.order().level) == before == ({State.CHECKING: 1}, "ordered")
    assert world.proofs() == []


def test_a_hint_that_comes_while_the_place_is_read_is_not_lost(world: World) -> None:
    world.look()
    tell(world)
    world.clock.now += timedelta(seconds=1)
    told = []

    class Meanwhile(Telling):
        def _look(self, *args: object) -> object:  # type: ignore[override]
            if not told:
                told.append(tell(world))
            return super()._look(*args)  # type: ignore[arg-type]

    world.vendor.__class__ = Meanwhile
    engine.follow_hints(world.context, at_once=1)
    assert change_notifications.are_waiting(world.context) is True
    engine.follow_hints(world.context, at_once=1)
    assert change_notifications.are_waiting(world.context) is False


def test_duplicate_hints_are_one_look(world: World) -> None:
    world.look()
    world.vendor.calls.clear()

    for _ in range(5):
        tell(world)
    engine.follow_hints(world.context, at_once=1)
    engine.follow_hints(world.context, at_once=1)

    assert looks(world) == [uid(world)]


def test_an_event_whose_sender_is_not_proven_changes_nothing(world: World) -> None:
    world.look()
    secrets = ("", "x", change_notifications.secret_of(world.context, "books", uid(world, 2)))

    for secret in secrets:
        with pytest.raises(Denied):
            change_notifications.hear(world.context, "books", uid(world), event(secret, Hint.MISSED))
    with pytest.raises(Garbled):
        change_notifications.hear(world.context, "books", uid(world), b"canary")

    assert change_notifications.are_waiting(world.context) is False


def test_a_hint_about_a_place_that_is_none_does_nothing(world: World) -> None:
    world.look()
    stranger = change_notifications.secret_of(world.context, "books", "nowhere")

    assert change_notifications.hear(world.context, "books", "nowhere", event(stranger)) == {Hint.CHANGED}
    assert change_notifications.are_waiting(world.context) is False


def test_a_place_whose_gate_closed_is_not_read_for_a_hint(make_world: Callable[..., World]) -> None:
    world = make_world(vendor=Telling(["book-1", "book-2"]), demo=False)
    with world.context.store.write() as connection:
        presence.take_hint(connection, uid(world), "books", world.context.now(), missed=False)

    assert list(engine.follow_hints(world.context, at_once=1)) == []
    assert (looks(world), change_notifications.are_waiting(world.context)) == ([], False)


def test_a_look_that_fails_is_left_to_the_next_round(world: World) -> None:
    world.look()
    tell(world)
    world.vendor.fail_before.append(Unreachable(Fault.DROPPED))

    assert [each.fault for each in engine.follow_hints(world.context, at_once=1)] == [Fault.DROPPED]
    assert change_notifications.are_waiting(world.context) is False


def test_many_engines_find_a_hint_too(world: World) -> None:
    world.run()
    fresh = world.clock.now - timedelta(hours=1)
    assert [each for each in find_chores(world.context, fresh=fresh, full_pass=False) if each.task == "look"] == []

    tell(world)

    (chore,) = [each for each in find_chores(world.context, fresh=fresh, full_pass=False) if each.task == "look"]
    assert chore.arguments["full"] is False
