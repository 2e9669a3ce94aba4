"""What the tables call proven is what the log has proofs of: a removal changed in the database is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, select, update

from server.core.log.proven_removals import RemovalDifferenceKind
from server.store.removal import proven
from server.store.schema.base import device, evidence, orders, place, removed_entry, tombstone
from server.work.admin import log_checkpoints
from tests.work.world import NUMBERS, World, closed

GONE, OPEN = NUMBERS[0], NUMBERS[1]


def live(world: World) -> None:
    """One contact is proven gone; another's removal is refused, and stays open."""
    world.tell(closed("100001", GONE))
    world.put(GONE)
    world.look()
    world.run()
    world.tell(closed("100001", GONE, OPEN))
    world.put(OPEN)
    world.look()
    world.plan()


@pytest.fixture
def told(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    return begin_after(live)


def differences(world: World) -> list[tuple[str, RemovalDifferenceKind]]:
    found = log_checkpoints.check_log(world.context, world.context.checkpoint_file).removals
    return [(each.order, each.kind) for each in found]


def ids(world: World) -> tuple[str, str]:
    """The removal that is proven, and the one that is open."""
    rows = {row.settled_at is not None: row.id for row in world.rows(orders)}
    return rows[True], rows[False]


def test_removals_that_nobody_touched_are_as_the_log_says(told):
    assert differences(told) == []
    assert sorted(row.state for row in told.rows(orders)) == ["done", "ready"]


def _forget(connection: Connection, gone: str, _open: str) -> None:
    for table in (removed_entry, tombstone, evidence):
        connection.execute(delete(table).where(table.c.order_id == gone))
    connection.execute(delete(orders).where(orders.c.id == gone))


def _forge(connection: Connection, gone: str, open_: str) -> None:
    when = connection.execute(select(orders.c.settled_at).where(orders.c.id == gone)).scalar_one()
    values = {"state": "done", "settled_at": when, "next_at": None, "level": "store_removed"}
    connection.execute(update(orders).where(orders.c.id == open_).values(values))


def _reopen(connection: Connection, gone: str, _open: str) -> None:
    values = {"state": "stopped", "settled_at": None, "level": "ordered"}
    connection.execute(update(orders).where(orders.c.id == gone).values(values))


def _hasten(connection: Connection, gone: str, _open: str) -> None:
    before = connection.execute(select(orders.c.settled_at).where(orders.c.id == gone)).scalar_one()
    connection.execute(update(orders).where(orders.c.id == gone).values(settled_at=before - timedelta(days=20)))


def _move(connection: Connection, gone: str, _open: str) -> None:
    here = connection.execute(select(orders.c.place_id).where(orders.c.id == gone)).scalar_one()
    other = connection.execute(select(place.c.id).where(place.c.id != here).limit(1)).scalar_one()
    connection.execute(update(orders).where(orders.c.id == gone).values(place_id=other))


@pytest.mark.parametrize(
    ("edit", "of_the_proven", "kind"),
    [
        (_forget, True, RemovalDifferenceKind.NOT_THERE),
        (_forge, False, RemovalDifferenceKind.NOT_PROVEN),
        (_reopen, True, RemovalDifferenceKind.NOT_DONE),
        (_hasten, True, RemovalDifferenceKind.NOT_DONE),
        (_move, True, RemovalDifferenceKind.NOT_DONE),
    ],
    ids=["deleted", "called proven", "called open", "proven earlier", "at another place"],
)
def test_a_removal_that_was_changed_in_the_database_is_found(told, edit, of_the_proven, kind):
    gone, open_ = ids(told)
    with told.context.store.write() as connection:
        edit(connection, gone, open_)
    assert differences(told) == [(gone if of_the_proven else open_, kind)]


def test_an_engine_says_so_once_a_day(told):
    assert log_checkpoints.audit_now(told.context) is None
    gone, open_ = ids(told)
    with told.context.store.write() as connection:
        _reopen(connection, gone, open_)
    assert log_checkpoints.audit_now(told.context) == (
        "removals recorded otherwise than the log says: 1; see: closeout log verify"
    )


def test_a_phone_s_confirmation_that_no_witness_gave_is_found(told):
    gone, _ = ids(told)
    with told.context.store.write() as connection:
        phone = connection.execute(select(device.c.id).limit(1)).scalar_one()
        row = {"order_id": gone, "device_id": phone, "level": "device_synced", "at": told.clock(), "how": "store_log"}
        connection.execute(evidence.insert(), row)
    assert differences(told) == [(gone, RemovalDifferenceKind.DEVICES)]


def test_every_removal_is_read_whatever_its_state(told):
    with told.context.store.read() as connection:
        rows = {row.order: row.proven_at is not None for row in proven.removals(connection)}
        assert proven.confirming_devices(connection) == {}
    gone, open_ = ids(told)
    assert rows == {gone: True, open_: False}
