"""While removing is paused no call begins, on either engine; resumed, or once the pause runs out, each goes once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mdm_adapters.port import Fault, Outcome, Unreachable
from server.core.log.entries import EntryKind
from server.core.model import FindingKind, Role, State
from server.core.problems import PauseProblem, PauseRefusedError
from server.store import log
from server.store.removal import orders
from server.store.schema import base
from server.store.schema import pauses as schema_pauses
from server.work.admin import setup
from server.work.removal import engine, many_machines, pauses
from server.work.removal.pauses import Actor
from tests.vendors.members import card, tel
from tests.vendors.memory import MemoryStore
from tests.work.world import KINDS, NUMBERS, World, closed, days

pytestmark = pytest.mark.both_databases

ADMIN = Actor("admin-1", Role.IT_ADMINISTRATOR)
OTHER = Actor("admin-2", Role.IT_ADMINISTRATOR)
ONE, TWO, THREE = NUMBERS[:3]


def ready(world: World, *numbers: str) -> None:
    world.tell(closed("100001", *(numbers or (ONE,))))
    for number in numbers or (ONE,):
        world.put(number)
    world.look()
    world.plan()


def pause(world: World, name: str | None = None, *, actor: Actor = ADMIN, hours: int = 4, reason: str = "maintenance"):
    return pauses.pause(world.context, actor, connection_name=name, reason=reason, hours=hours)


def other_store(world: World) -> MemoryStore:
    """A second connection, with a book of worker-2's at it."""
    vendor = MemoryStore(["book-9"])
    setup.put_connection(
        world.context, name="more-books", vendor="memory", base_url="http://127.0.0.1/", login="service",
        secret_file="", kinds={"memory": replace(KINDS["carddav"], name="memory")},
    )  # fmt: skip
    line = "worker-2;Employer 2;team-1;more-books;book-9;device-2;phone-2\n"
    setup.import_places(world.context, "worker;employer;team;connection;address;devices;logins\n" + line)
    world.context = replace(world.context, stores={**world.context.stores, "more-books": vendor})
    return vendor


@pytest.mark.parametrize("name", [None, "books"], ids=["everything", "its connection"])
def test_while_it_is_paused_nothing_is_called_and_once_resumed_each_order_goes_once(world, name):
    ready(world, ONE, TWO)
    made = pause(world, name)
    world.run()
    world.pass_(timedelta(hours=3))
    world.run()
    assert (world.vendor.removals(), world.states(), len(world.book().cards)) == (0, {State.READY: 2}, 2)
    pauses.resume_scope(world.context, OTHER, name)
    world.run()
    assert (world.vendor.removals(), world.states(), world.book().cards) == (2, {State.DONE: 2}, {})
    assert len(world.proofs()) == 2
    (row,) = world.rows(schema_pauses.pause)
    assert (row.uid, row.set_by, row.ended_by, row.ended_at) == (made.row.uid, "admin-1", "admin-2", world.clock.now)


def test_a_pause_that_nobody_remembers_runs_out_and_the_work_goes_on_by_itself(world):
    ready(world)
    pause(world, hours=4)
    world.pass_(timedelta(hours=4) - timedelta(microseconds=1))
    assert world.drain().called == 0
    world.pass_(timedelta(microseconds=1))
    world.run()
    assert (world.vendor.removals(), world.states()) == (1, {State.DONE: 1})
    (row,) = world.rows(schema_pauses.pause)
    assert (row.ended_at, row.ended_by) == (row.ends_at, None)
    assert [body["verb"] for body in world.logged(EntryKind.PAUSE_CHANGED)] == ["paused", "ran_out"]


def test_a_pause_of_one_connection_leaves_the_others_at_work(world):
    vendor = other_store(world)
    ready(world)
    world.tell(closed("100002", TWO, workers=("worker-2",)))
    vendor.books["book-9"].put("card-0.vcf", card(0, *tel(TWO)))
    world.look()
    world.plan()
    pause(world, "books")
    world.run()
    assert (world.vendor.removals(), len(world.book().cards), vendor.books["book-9"].cards) == (0, 1, {})
    assert world.states() == {State.READY: 1, State.DONE: 1}
    pause(world, "more-books")
    pauses.resume_scope(world.context, ADMIN, "books")
    world.run()
    assert world.states() == {State.DONE: 2}


def test_what_was_claimed_before_the_pause_is_given_back_uncalled(world):
    ready(world, ONE, TWO, THREE)
    world.context = replace(world.context, lease=timedelta(hours=1))
    world.vendor.meanwhile.append(lambda: (pause(world), world.clock.pass_(timedelta(seconds=3))))
    assert world.drain().outcomes == {"removed": 1, "paused": 2}
    assert (world.vendor.removals(), world.states()) == (1, {State.CHECKING: 1, State.READY: 2})
    assert sorted(body["outcome"] for body in world.logged(EntryKind.RECEIPT)) == ["paused", "paused", "removed"]
    assert engine.carry_out(world.context) is None
    world.verify()
    assert world.states() == {State.DONE: 1, State.READY: 2}, "what had left is proven while it is paused"
    pauses.resume_scope(world.context, ADMIN, None)
    world.run()
    assert (world.vendor.removals(), world.states(), world.book().cards) == (3, {State.DONE: 3}, {})


def test_whoever_pauses_is_told_what_had_left_and_can_wait_for_it(world):
    ready(world)
    seen = []
    world.vendor.meanwhile.append(lambda: seen.append(pause(world).under_way))
    world.drain()
    assert seen == [1]
    assert pause(world).under_way == 0


def test_an_engine_killed_before_its_receipt_under_a_pause_acts_once_after_it(world):
    ready(world)
    world.context = replace(world.context, lease=timedelta(seconds=10))

    def killed() -> None:
        pause(world)
        raise KeyboardInterrupt

    world.vendor.meanwhile.append(killed)
    with pytest.raises(KeyboardInterrupt):
        world.drain()
    world.clock.pass_(timedelta(seconds=11))
    assert (world.drain().called, world.states()) == (0, {State.CALLING: 1}), "the lease ran out, and it is paused"
    pauses.resume_scope(world.context, ADMIN, None)
    world.run()
    assert (world.states(), world.book().cards, len(world.proofs())) == ({State.DONE: 1}, {}, 1)


def test_reading_and_deciding_go_on(world):
    ready(world)
    pause(world)
    world.put(TWO)
    world.tell(closed("100003", TWO))
    world.run()
    assert world.states() == {State.READY: 2}
    world.book().cards.clear()
    world.look(full=True)
    world.verify()
    assert (world.vendor.removals(), world.states()) == (0, {State.DONE: 2}), "seen to be gone by itself"


def test_a_changed_entry_is_not_read_again_and_again_while_it_is_paused(world):
    ready(world)
    world.vendor.meanwhile.append(lambda: world.book().put("card-0.vcf", card(0, *tel(ONE), "REV:20260101T000000Z")))
    engine.drain(world.context, at_once=1)
    assert world.order().outcome == Outcome.CHANGED
    pause(world)
    before = len(world.vendor.calls)
    engine.carry_on(world.context, at_once=1)
    assert len(world.vendor.calls) == before
    with world.context.store.read() as connection:
        assert orders.places_that_changed(connection) == []
    pauses.resume_scope(world.context, ADMIN, None)
    engine.carry_on(world.context, at_once=1)
    assert world.states() == {State.CHECKING: 1}


def test_the_engines_sleep_through_a_pause_and_wake_when_it_ends(world):
    ready(world)
    far = world.clock.now - days(9)

    def chores() -> set[str]:
        found = many_machines.find_chores(world.context, fresh=far, full_pass=False)
        return {each.task for each in found}

    def due() -> tuple[object, int, frozenset[int]]:
        with world.context.store.read() as connection:
            return (
                orders.next_due(connection),
                orders.due_count(connection, world.clock.now),
                orders.busy_places(connection, world.clock.now),
            )

    place = world.order().place_id
    assert due() == (world.clock.now, 1, {place})
    assert "carry_out" in chores()
    for name in (None, "books"):
        row = pause(world, name, hours=4).row
        assert due() == (row.ends_at, 0, frozenset())
        assert "carry_out" not in chores()
        pauses.resume_scope(world.context, ADMIN, name)
    pause(world, hours=2)
    pause(world, "books", hours=4)
    world.clock.pass_(timedelta(hours=2))
    pauses.end_what_ran_out(world.context)
    assert due() == (world.clock.now + timedelta(hours=2), 0, frozenset())


def test_an_order_to_be_tried_later_than_the_pause_lasts_is_due_then(world):
    ready(world)
    world.vendor.fail_before.append(Unreachable(Fault.TIMED_OUT, wait=5 * 3600))
    world.drain()
    pause(world)
    with world.context.store.read() as connection:
        assert orders.next_due(connection) == world.clock.now + timedelta(hours=5)


# --- who, how long, and why -----------------------------------------------------------------------------------------


def test_a_pause_has_an_administrator_a_reason_without_numbers_and_an_end_within_a_week(world):
    officer = Actor("officer-1", Role.PRIVACY_OFFICER)
    for how, problem in (
        ({"actor": officer}, PauseProblem.NOT_CLEARED),
        ({"reason": "  "}, PauseProblem.NO_REASON),
        ({"reason": "x" * 301}, PauseProblem.TEXT_TOO_LONG),
        ({"reason": "call 06-12345601"}, PauseProblem.IDENTIFIER_IN_TEXT),
        ({"hours": 0}, PauseProblem.HOURS),
        ({"hours": 169}, PauseProblem.HOURS),
        ({"name": "of-nobody"}, PauseProblem.UNKNOWN_CONNECTION),
    ):
        with pytest.raises(PauseRefusedError) as refused:
            pause(world, **how)
        assert refused.value.problem is problem, how
    assert world.rows(schema_pauses.pause) == []
    assert world.logged(EntryKind.REFUSED) == [{"what": "pause", "actor_role": "privacy_officer"}]


def test_the_same_act_twice_is_one_and_another_person_is_told_that_it_is_paused(world):
    first = pause(world)
    assert pause(world).row == first.row
    for again in ({"actor": OTHER}, {"reason": "another reason"}):
        with pytest.raises(PauseRefusedError) as refused:
            pause(world, **again)
        assert refused.value.problem is PauseProblem.PAUSED_ALREADY
    assert len(world.rows(schema_pauses.pause)) == 1
    pause(world, "books", actor=OTHER)
    assert [row.connection for row in pauses.in_force(world.context)] == [None, "books"]


def test_a_pause_is_made_longer_by_who_saw_when_it_ends_and_from_when_it_began_stays_to_be_seen(world):
    row = pause(world).row
    world.clock.pass_(timedelta(hours=3))
    seen = pauses.stamp_of(row)
    longer = pauses.prolong(world.context, OTHER, row.uid, seen=seen, reason="takes longer", hours=8)
    assert (longer.set_at, longer.ends_at) == (row.set_at, world.clock.now + timedelta(hours=8))
    assert (longer.set_by, longer.reason) == ("admin-2", "takes longer")
    for act in (
        lambda: pauses.prolong(world.context, ADMIN, row.uid, seen=seen, reason="still", hours=24),
        lambda: pauses.resume(world.context, ADMIN, row.uid, seen=seen),
    ):
        with pytest.raises(PauseRefusedError) as refused:
            act()
        assert refused.value.problem is PauseProblem.CHANGED
    for hours, problem in ((2, PauseProblem.HOURS), (169, PauseProblem.HOURS)):
        now = pauses.stamp_of(longer)
        with pytest.raises(PauseRefusedError) as refused:
            pauses.prolong(world.context, ADMIN, row.uid, seen=now, reason="still", hours=hours)
        assert refused.value.problem is problem
    assert pauses.in_force(world.context) == [longer]


def test_what_is_over_is_not_made_longer_and_resumed_twice_is_resumed_once(world):
    row = pause(world).row
    seen = pauses.stamp_of(row)
    ended = pauses.resume(world.context, OTHER, row.uid, seen=seen)
    assert pauses.resume(world.context, ADMIN, row.uid, seen=seen) == ended
    for act in (
        lambda: pauses.prolong(world.context, ADMIN, row.uid, seen=seen, reason="still", hours=24),
        lambda: pauses.resume(world.context, ADMIN, "0" * 12, seen=seen),
        lambda: pauses.resume_scope(world.context, ADMIN, None),
    ):
        with pytest.raises(PauseRefusedError) as refused:
            act()
        assert refused.value.problem is PauseProblem.NOT_PAUSED
    assert [body["verb"] for body in world.logged(EntryKind.PAUSE_CHANGED)] == ["paused", "resumed"]


def test_one_that_ran_out_makes_room_for_another(world):
    first = pause(world, hours=1).row
    world.clock.pass_(timedelta(hours=1))
    second = pause(world, hours=1).row
    assert first.uid != second.uid
    assert pauses.in_force(world.context) == [second]
    assert [body["verb"] for body in world.logged(EntryKind.PAUSE_CHANGED)] == ["paused", "ran_out", "paused"]


def test_the_open_log_says_that_and_the_restricted_part_who_where_and_why(world):
    pause(world, "books")
    (body,) = world.logged(EntryKind.PAUSE_CHANGED)
    assert {**body, "pause": ""} == {
        "pause": "", "verb": "paused", "what": "connection", "vendor": "memory", "until": "2025-03-04",
        "actor_role": "it_administrator",
    }  # fmt: skip
    with world.context.store.read() as connection:
        entries = "".join(repr(text) for _, text, _ in log.entries(connection))
    assert "admin-1" not in entries
    assert "maintenance" not in entries


def test_the_removal_report_tells_of_pauses_that_touch_its_days_and_of_no_other(world):
    ready(world)

    def told() -> list[str]:
        section = next(each for each in world.report().sections if each.key == "under_way")
        return [each.message for each in section.paragraphs[1:]]

    assert told() == []
    pause(world)
    pause(world, "books", hours=1)
    world.clock.pass_(timedelta(hours=2))
    assert told() == [
        "Removing is paused everywhere since {since}, until {until} at the latest.",
        "Removing was paused at one connection from {since} to {until}.",
    ]
    pauses.resume_scope(world.context, ADMIN, None)
    assert [each.partition(" paused")[0] for each in told()] == ["Removing was", "Removing was"]
    world.clock.pass_(days(40))
    assert told() == []


# --- beside a hold --------------------------------------------------------------------------------------------------


def test_a_held_order_waits_for_the_end_of_a_pause_as_any_other_and_is_stopped_after_it(world):
    ready(world)
    world.hold()
    pause(world)
    world.drain()
    assert world.states() == {State.READY: 1}
    pauses.resume_scope(world.context, ADMIN, None)
    world.drain()
    assert (world.states(), world.vendor.removals()) == ({State.STOPPED: 1}, 0)


def test_no_question_is_opened_because_of_a_pause(world):
    ready(world)
    pause(world, hours=168)
    for _ in range(6):
        world.pass_(days(1))
        world.run()
    assert FindingKind.ORDER_STUCK.value not in world.findings()
    assert world.states() == {State.READY: 1}
    assert world.rows(base.orders)[0].attempts == 0
