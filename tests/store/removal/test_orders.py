"""The life of an order's row: planned, claimed under a lease with a fence, settled, proven; side by side as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from mdm_adapters.port import Fault, Outcome, Shape
from server.core.model import OPEN_STATES, Level, State
from server.core.removal.order_state import Event
from server.store.database import Store
from server.store.removal import orders
from server.store.removal.orders import Claimed, Planned, Settlement
from server.store.schema import base
from tests.store.fixtures import Databases, migrate
from tests.store.ground import (
    NOW,
    POLICY,
    Ground,
    days,
    delta,
    full_look,
    lay,
    lay_and_look,
    place_row,
    seen,
    survey,
    token,
    write,
)

LEASE = timedelta(seconds=30)
LATER = NOW + LEASE


def planned(ground: Ground, *numbers: int, worker: int = 0, basis: str = "") -> list[Planned]:
    """Removals of these identifiers from one worker's book."""
    return [
        Planned(
            id=f"order-{worker + 1}-{n}{basis}",
            place=ground.places[worker],
            identifier=ground.identifiers[n - 1],
            worker=ground.workers[worker],
            case=None,
            reason="finally_closed",
        )
        for n in numbers
    ]


def plan(store: Store, removals: Sequence[Planned], *, uid: str = "plan-1", waits: str | None = None) -> Sequence[str]:
    with store.write() as connection:
        draft = orders.PlanDraft(connection, uid, NOW, "rules-7")
        draft.stage(removals, waits)()
        draft.finish("digest", waits)
        return draft.written


def claim(store: Store, now: datetime = NOW, *, by: str = "engine-1", limit: int = 100) -> Sequence[Claimed]:
    with store.write() as connection:
        return orders.claim(connection, now, by=by, lease=LEASE, limit=limit)


def settle(store: Store, *settlements: Settlement, now: datetime = NOW) -> dict[str, State]:
    with store.write() as connection:
        return {change.id: change.after for change in orders.settle(connection, settlements, now)}


def accepted(each: Claimed) -> Settlement:
    return Settlement(each.id, each.fence, Event.ACCEPTED, Outcome.REMOVED)


def look_and_prove(
    store: Store, ground: Ground, *present: int, now: datetime = NOW, worker: int = 0
) -> dict[str, State]:
    """A full look that finds these identifiers, and what it settles."""
    place = ground.places[worker]
    with store.read() as connection:
        begun = place_row(connection, place)
    assert write(store, place, full_look(*(seen(f"card-{n}", n) for n in present)), when=now, begun_at=begun)
    return prove(store, place, version=begun.version, now=now)


def prove(store: Store, place: int, *, version: int, now: datetime = NOW) -> dict[str, State]:
    with store.write() as connection:
        changes = orders.prove(connection, place, version=version, now=now, policy=POLICY)
        return {change.id: change.after for change in changes}


def row(store: Store, order: str) -> Any:
    with store.read() as connection:
        return connection.execute(select(base.orders).where(base.orders.c.id == order)).one()


def states(store: Store) -> dict[str, State]:
    with store.read() as connection:
        return {each.id: State(each.state) for each in connection.execute(select(base.orders))}


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """Two workers, three contacts each, all seen."""
    opened = Store(databases.fresh("looked", lay_and_look))
    yield opened
    opened.close()


@pytest.fixture
def ground(store: Store) -> Ground:
    return survey(store)


@pytest.fixture
def crowd(databases: Databases) -> Iterator[tuple[Store, Ground]]:
    """Four workers, twenty contacts each."""
    opened = Store(databases.fresh("migrated", migrate))
    yield opened, lay(opened, workers=4, identifiers=20)
    opened.close()


# --- planning -----------------------------------------------------------------------------------------------------


def test_a_planned_order_is_ready_at_once(store, ground):
    assert plan(store, planned(ground, 1)) == ["order-1-1"]
    order = row(store, "order-1-1")
    assert (order.state, order.next_at, order.level, order.attempts, order.fence) == ("ready", NOW, "ordered", 0, 0)


def test_a_plan_above_a_limit_waits_and_its_release_lets_exactly_its_orders_go(store, ground):
    plan(store, planned(ground, 1, 2), uid="held-back", waits="max_removals")
    plan(store, planned(ground, 3), uid="another", waits="max_share")
    assert claim(store) == []
    with store.write() as connection:
        assert [each.uid for each in orders.waiting_plans(connection)] == ["held-back", "another"]
        assert orders.release_plan(connection, "held-back", LATER, "privacy_officer") == 2
        assert orders.release_plan(connection, "held-back", LATER, "privacy_officer") is None
        assert orders.release_plan(connection, "nowhere", LATER, "privacy_officer") is None
        assert [each.uid for each in orders.waiting_plans(connection)] == ["another"]
    assert {each.id for each in claim(store, LATER)} == {"order-1-1", "order-1-2"}


def test_planning_the_same_again_changes_nothing(store, ground):
    plan(store, planned(ground, 1, 2))
    before = [row(store, each) for each in ("order-1-1", "order-1-2")]
    assert plan(store, planned(ground, 1, 2), uid="plan-2") == []
    assert [row(store, each) for each in ("order-1-1", "order-1-2")] == before
    with store.read() as connection:
        assert connection.execute(select(base.plan.c.uid)).scalars().all() == ["plan-1"]


def test_a_stopped_order_that_is_called_for_again_begins_afresh_and_keeps_its_fence(store, ground):
    plan(store, planned(ground, 1))
    (mine,) = claim(store)
    settle(store, Settlement(mine.id, mine.fence, Event.FAILED, fault=Fault.TIMED_OUT, next_at=NOW))
    (mine,) = claim(store)
    settle(store, Settlement(mine.id, mine.fence, Event.NOT_NOW))
    assert plan(store, planned(ground, 1), uid="plan-2") == ["order-1-1"]
    again = row(store, "order-1-1")
    assert (again.state, again.fault, again.outcome, again.next_at, again.fence) == ("ready", None, None, NOW, 2)


def test_a_stopped_order_called_for_by_a_plan_above_a_limit_waits(store, ground):
    plan(store, planned(ground, 1))
    with store.write() as connection:
        orders.move_all(connection, ["order-1-1"], Event.NOT_NOW)
    plan(store, planned(ground, 1), uid="plan-2", waits="max_share")
    assert states(store) == {"order-1-1": State.WAITING}


def test_an_order_that_is_done_is_never_opened_again(store, ground):
    plan(store, planned(ground, 1))
    settle(store, *map(accepted, claim(store)))
    look_and_prove(store, ground, 2, 3)
    before = row(store, "order-1-1")
    plan(store, planned(ground, 1), uid="plan-2")
    assert row(store, "order-1-1") == before


@pytest.mark.parametrize("waits", [None, "max_removals"])
def test_a_need_whose_ground_was_corrected_replaces_the_order_that_waits(store, ground, waits):
    plan(store, planned(ground, 1), waits=waits)
    assert plan(store, planned(ground, 1, basis="-corrected"), uid="plan-2") == ["order-1-1-corrected"]
    assert states(store) == {"order-1-1": State.STOPPED, "order-1-1-corrected": State.READY}


def test_a_need_whose_ground_was_corrected_leaves_alone_what_is_under_way(store, ground):
    plan(store, planned(ground, 1, 2))
    first, second = claim(store)
    settle(store, accepted(first))
    assert plan(store, planned(ground, 1, 2, basis="-corrected"), uid="plan-2") == []
    assert states(store) == {first.id: State.CHECKING, second.id: State.CALLING}


def test_orders_of_pairs_decided_otherwise_stop_and_no_others(store, ground):
    plan(store, [*planned(ground, 1, 2, 3), *planned(ground, 1, worker=1)])
    settle(store, *(Settlement(each.id, each.fence, Event.UNCLEAR) for each in claim(store, limit=1)))
    (person,) = (name for name, state in states(store).items() if state is State.PERSON)
    worker = int(person.split("-")[1]) - 1
    with store.write() as connection:
        kept = {(ground.workers[worker], ground.identifiers[0]), (ground.workers[worker], ground.identifiers[1])}
        stopped = orders.stop_unneeded(connection, {f"order-{worker + 1}-2"}, {*kept, (ground.workers[worker], -1)})
    assert set(stopped) == {f"order-{worker + 1}-1"}
    assert {name for name, state in states(store).items() if state is State.STOPPED} == set(stopped)


# --- claims, leases, fences ---------------------------------------------------------------------------------------


def test_a_claim_takes_what_is_due_the_longest_due_first_and_no_more_than_asked(store, ground):
    plan(store, planned(ground, 1, 2, 3))
    with store.write() as connection:
        for n in (1, 2, 3):
            connection.execute(
                base.orders.update().where(base.orders.c.id == f"order-1-{n}").values(next_at=NOW - days(4 - n))
            )
    assert [each.id for each in claim(store, NOW - days(1.5), limit=1)] == ["order-1-1"]
    assert [each.id for each in claim(store, NOW - days(1.5))] == ["order-1-2"]


def test_a_claim_tells_all_that_the_call_needs(store, ground):
    plan(store, planned(ground, 2))
    assert claim(store) == [
        Claimed(
            id="order-1-2",
            place=ground.places[0],
            place_uid="place-1",
            identifier=ground.identifiers[1],
            token=token(2),
            worker=ground.workers[0],
            policy="rules-7",
            attempts=0,
            fence=1,
        )
    ]
    order = row(store, "order-1-2")
    assert (order.state, order.lease_by, order.next_at, order.called_at) == ("calling", "engine-1", LATER, NOW)


def test_what_is_claimed_is_nobody_elses_until_its_lease_runs_out(store, ground):
    plan(store, planned(ground, 1))
    (mine,) = claim(store)
    assert claim(store, LATER - timedelta(microseconds=1), by="engine-2") == []
    (theirs,) = claim(store, LATER, by="engine-2")
    assert (theirs.fence, theirs.attempts) == (mine.fence + 1, 0)


@pytest.mark.parametrize("late", [Event.ACCEPTED, Event.FAILED, Event.NOT_NOW, Event.CHANGED, Event.UNCLEAR])
def test_the_receipt_of_a_caller_whose_lease_was_taken_over_counts_for_nothing(store, ground, late):
    plan(store, planned(ground, 1))
    (mine,) = claim(store)
    (theirs,) = claim(store, LATER, by="engine-2")
    before, version = row(store, mine.id), version_of(store, ground)
    assert settle(store, Settlement(mine.id, mine.fence, late, next_at=NOW)) == {}
    assert (row(store, mine.id), version_of(store, ground)) == (before, version)
    assert settle(store, accepted(theirs), now=LATER) == {theirs.id: State.CHECKING}


def test_a_late_receipt_counts_as_long_as_nobody_has_taken_over(store, ground):
    plan(store, planned(ground, 1))
    (mine,) = claim(store)
    assert settle(store, accepted(mine), now=LATER + days(1)) == {mine.id: State.CHECKING}


def test_a_receipt_counts_once(store, ground):
    plan(store, planned(ground, 1))
    (mine,) = claim(store)
    assert settle(store, accepted(mine)) == {mine.id: State.CHECKING}
    before = row(store, mine.id)
    assert settle(store, Settlement(mine.id, mine.fence, Event.NOT_NOW)) == {}
    assert row(store, mine.id) == before


def version_of(store: Store, ground: Ground) -> int:
    with store.read() as connection:
        return place_row(connection, ground.places[0]).version


def test_an_acceptance_raises_the_places_version_and_asks_for_a_look(store, ground):
    plan(store, planned(ground, 1, 2))
    before = version_of(store, ground)
    settle(store, *map(accepted, claim(store)))
    assert version_of(store, ground) == before + 1
    with store.read() as connection:
        assert place_row(connection, ground.places[0]).look_due
        assert not place_row(connection, ground.places[1]).look_due
    order = row(store, "order-1-1")
    assert (order.state, order.accepted_version, order.accepted_at) == ("checking", before + 1, NOW)


def test_a_refusal_raises_no_version(store, ground):
    plan(store, planned(ground, 1))
    before = version_of(store, ground)
    (mine,) = claim(store)
    again_at = NOW + days(1)
    settle(store, Settlement(mine.id, mine.fence, Event.FAILED, fault=Fault.THROTTLED, next_at=again_at))
    assert version_of(store, ground) == before
    order = row(store, mine.id)
    assert (order.state, order.next_at, order.fault, order.lease_by) == ("ready", again_at, "throttled", None)


def test_next_due_is_the_first_call_to_make_or_lease_to_run_out(store, ground):
    with store.read() as connection:
        assert orders.next_due(connection) is None
    plan(store, planned(ground, 1, 2))
    (mine,) = claim(store, limit=1)
    settle(store, accepted(mine))
    claim(store)
    with store.read() as connection:
        assert orders.next_due(connection) == LATER


def side_by_side(count: int, work: Any) -> list[Any]:
    """Let several threads begin the same work at once."""
    start = Barrier(count)

    def begin(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_claimers_side_by_side_never_share_an_order(crowd):
    store, ground = crowd
    everything = [each for worker in range(4) for each in planned(ground, *range(1, 21), worker=worker)]
    plan(store, everything)

    def take_all(number: int) -> list[str]:
        mine: list[str] = []
        while some := claim(store, by=f"engine-{number}", limit=7):
            mine += [each.id for each in some]
        return mine

    taken = Counter(each for mine in side_by_side(4, take_all) for each in mine)
    assert taken == Counter(each.id for each in everything)
    with store.read() as connection:
        assert set(connection.execute(select(base.orders.c.fence)).scalars()) == {1}


def test_an_order_whose_lease_ran_out_is_taken_over_by_exactly_one(store, ground):
    plan(store, planned(ground, 1, 2, 3))
    claim(store)
    taken = side_by_side(4, lambda number: claim(store, LATER, by=f"engine-{number}"))
    assert sorted(each.id for some in taken for each in some) == ["order-1-1", "order-1-2", "order-1-3"]


def test_settlements_side_by_side_in_opposite_order_neither_deadlock_nor_get_lost(crowd):
    store, ground = crowd
    plan(store, [each for worker in range(4) for each in planned(ground, *range(1, 21), worker=worker)])
    mine = claim(store)

    def settle_a_part(number: int) -> dict[str, State]:
        part = [each for each in mine if each.identifier % 4 == number]
        return settle(store, *map(accepted, part if number % 2 else reversed(part)))

    done: Iterable[dict[str, State]] = side_by_side(4, settle_a_part)
    assert Counter(state for part in done for state in part.values()) == {State.CHECKING: 80}


# --- proof --------------------------------------------------------------------------------------------------------


def test_seen_absent_by_a_later_full_look_is_done_with_a_tombstone(store, ground):
    plan(store, planned(ground, 1))
    settle(store, *map(accepted, claim(store)))
    assert look_and_prove(store, ground, 2, 3, now=LATER) == {"order-1-1": State.DONE}
    order = row(store, "order-1-1")
    assert (order.settled_at, order.level, order.next_at) == (LATER, Level.STORE_REMOVED, None)
    with store.read() as connection:
        stone = connection.execute(select(base.tombstone)).one()
    assert (stone.place_id, stone.identifier_id, stone.order_id, stone.removed_at, stone.expires_at) == (
        ground.places[0],
        ground.identifiers[0],
        "order-1-1",
        LATER,
        LATER + days(365),
    )


def test_accepted_and_still_there_is_to_be_called_again_and_never_done(store, ground):
    plan(store, planned(ground, 1))
    settle(store, *map(accepted, claim(store)))
    assert look_and_prove(store, ground, 1, 2, 3, now=LATER) == {"order-1-1": State.READY}
    order = row(store, "order-1-1")
    assert (order.state, order.fault, order.settled_at) == ("ready", Fault.ACCEPTS_ANYTHING, None)
    assert order.next_at > LATER


def test_while_an_entry_cannot_be_read_nothing_is_proven(store, ground):
    plan(store, planned(ground, 1))
    settle(store, *map(accepted, claim(store)))
    with store.read() as connection:
        begun = place_row(connection, ground.places[0])
    broken = seen("broken", shape=Shape.UNREADABLE)
    write(store, ground.places[0], full_look(broken, seen("card-2", 2)), begun_at=begun)
    assert prove(store, ground.places[0], version=begun.version) == {}
    assert states(store) == {"order-1-1": State.CHECKING}


def test_a_look_begun_before_the_acceptance_is_not_written_and_proves_nothing(store, ground):
    plan(store, planned(ground, 1))
    with store.read() as connection:
        begun = place_row(connection, ground.places[0])
    (mine,) = claim(store)
    settle(store, accepted(mine))
    assert write(store, ground.places[0], full_look(), begun_at=begun) is None
    with store.read() as connection:
        presence = connection.execute(select(base.sighting.c.presence)).scalars().all()
        assert set(presence) == {"present"}
    assert prove(store, ground.places[0], version=begun.version) == {}
    assert states(store) == {"order-1-1": State.CHECKING}


def test_what_is_seen_absent_by_itself_needs_no_call(store, ground):
    plan(store, planned(ground, 1))
    plan(store, planned(ground, 2), uid="plan-2", waits="max_share")
    assert look_and_prove(store, ground, 3) == {"order-1-1": State.DONE, "order-1-2": State.DONE}


def test_an_order_that_is_being_called_is_left_to_its_caller(store, ground):
    plan(store, planned(ground, 1))
    (mine,) = claim(store)
    assert look_and_prove(store, ground, 2, 3) == {}
    assert settle(store, accepted(mine)) == {mine.id: State.CHECKING}
    assert look_and_prove(store, ground, 2, 3) == {mine.id: State.DONE}


def test_a_stopped_order_is_not_made_done_by_what_others_removed(store, ground):
    plan(store, planned(ground, 1))
    with store.write() as connection:
        orders.move_all(connection, ["order-1-1"], Event.NOT_NOW)
    assert look_and_prove(store, ground, 2, 3) == {}
    assert states(store) == {"order-1-1": State.STOPPED}


def test_a_proof_at_one_place_says_nothing_of_another(store, ground):
    plan(store, [*planned(ground, 1), *planned(ground, 1, worker=1)])
    settle(store, *map(accepted, claim(store)))
    assert look_and_prove(store, ground, 2, 3) == {"order-1-1": State.DONE}
    assert states(store) == {"order-1-1": State.DONE, "order-2-1": State.CHECKING}
    with store.read() as connection:
        assert orders.places_to_check(connection) == [ground.places[1]]


def test_proving_twice_settles_once(store, ground):
    plan(store, planned(ground, 1))
    settle(store, *map(accepted, claim(store)))
    look_and_prove(store, ground, 2, 3)
    before = row(store, "order-1-1")
    assert look_and_prove(store, ground, 2, 3, now=LATER) == {}
    assert row(store, "order-1-1") == before


def test_reading_a_place_again_wakes_what_met_a_changed_entry_there_and_nothing_else(store, ground):
    plan(store, [*planned(ground, 1, 2), *planned(ground, 1, worker=1)])
    outcome = {"order-1-1": Outcome.CHANGED, "order-2-1": Outcome.CHANGED}
    settle(
        store,
        *(Settlement(each.id, each.fence, Event.CHANGED, outcome.get(each.id), next_at=LATER) for each in claim(store)),
    )
    with store.write() as connection:
        orders.wake_changed(connection, ground.places[0], NOW)
    assert [each.id for each in claim(store, NOW)] == ["order-1-1"]


# --- evidence of devices ------------------------------------------------------------------------------------------


def evidence(store: Store, login: str, address: str, after: str) -> Sequence[tuple[str, int]]:
    with store.write() as connection:
        return orders.raise_evidence(connection, "books", [(login, address, after)], LATER)


def test_a_device_that_fetched_after_the_proving_look_raises_the_evidence_once(store, ground):
    plan(store, planned(ground, 1))
    settle(store, *map(accepted, claim(store)))
    before = version_of(store, ground)
    look_and_prove(store, ground, 2, 3)
    uid = f"look-place-1-{before}"
    assert [order for order, _ in evidence(store, "phone-1", "book-1", uid)] == ["order-1-1"]
    assert evidence(store, "phone-1", "book-1", uid) == []


@pytest.mark.parametrize(
    ("login", "address", "of_look"),
    [("phone-2", "book-1", 0), ("phone-1", "book-2", 0), ("phone-1", "book-1", -1), ("somebody", "book-1", 0)],
    ids=["another place's phone", "another book", "an earlier look", "an unknown login"],
)
def test_a_fetch_by_another_or_of_another_book_or_before_the_proof_is_no_evidence(
    store, ground, login, address, of_look
):
    look_and_prove(store, ground, 1, 2, 3)
    plan(store, planned(ground, 1))
    settle(store, *map(accepted, claim(store)))
    proving = version_of(store, ground)
    look_and_prove(store, ground, 2, 3, now=LATER)
    uid = f"look-place-1-{proving if of_look == 0 else proving - 2}"
    with store.read() as connection:
        looks = connection.execute(select(base.look.c.uid)).scalars().all()
    assert uid in looks
    assert evidence(store, login, address, uid) == []


def test_counts_tell_every_state(store, ground):
    plan(store, planned(ground, 1, 2, 3))
    settle(store, *map(accepted, claim(store, limit=1)))
    with store.read() as connection:
        assert orders.counts_by_state(connection) == {State.CHECKING: 1, State.READY: 2}
    assert {State.CHECKING, State.READY} <= OPEN_STATES


def test_a_delta_by_itself_settles_nothing(store, ground):
    plan(store, planned(ground, 1))
    write(store, ground.places[0], delta(gone=["card-1"]))
    assert states(store) == {"order-1-1": State.READY}


# --- a clock that ran ahead ---------------------------------------------------------------------------------------


def bring_back(store: Store, now: datetime) -> int:
    with store.write() as connection:
        return orders.bring_back(connection, now)


def test_what_a_clock_that_ran_ahead_left_waiting_is_due_now_and_a_lease_begins_again(store, ground):
    plan(store, planned(ground, 1, 2))
    ahead = NOW + days(30)
    failed, claimed = claim(store, ahead)
    settle(store, Settlement(failed.id, failed.fence, Event.FAILED, fault=Fault.TIMED_OUT, next_at=ahead), now=ahead)
    assert (claim(store, by="engine-2"), bring_back(store, NOW)) == ([], 2)
    assert [row(store, each.id).next_at for each in (failed, claimed)] == [NOW, LATER]
    assert [each.id for each in claim(store, by="engine-2")] == [failed.id]
    assert [each.id for each in claim(store, LATER, by="engine-3")] == [failed.id, claimed.id]


def test_waits_and_leases_of_a_clock_that_is_right_stay_as_they_are(store, ground):
    plan(store, planned(ground, 1, 2))
    failed, claimed = claim(store)
    longest = NOW + timedelta(hours=6)
    settle(store, Settlement(failed.id, failed.fence, Event.FAILED, fault=Fault.TIMED_OUT, next_at=longest))
    assert bring_back(store, NOW) == 0
    assert [row(store, each.id).next_at for each in (failed, claimed)] == [longest, LATER]


def test_attempts_are_calls_that_failed_and_not_claims(store, ground):
    plan(store, planned(ground, 1))
    for fault in (Fault.TIMED_OUT, None, Fault.THROTTLED):
        (mine,) = claim(store)
        event = Event.FAILED if fault else Event.CHANGED
        settle(store, Settlement(mine.id, mine.fence, event, fault=fault, next_at=NOW))
    assert (row(store, mine.id).attempts, row(store, mine.id).fence) == (2, 3)
