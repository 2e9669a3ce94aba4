"""What programs are told at `/api/status`: whole, counted here anew from the tables, and no more than counts."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

import pytest
from sqlalchemy import func, select

from server.core.model import OPEN_STATES
from server.store.schema import base
from server.work.admin import access

OPEN = [state.value for state in OPEN_STATES]


@pytest.fixture
def told(town, stranger):
    """Asks for the status as a program does."""
    token = access.make_token(town.context, "monitoring", [access.Scope.STATUS], days=30)
    return lambda: stranger.get("/api/status", headers={"Authorization": f"Bearer {token}"}).json


def counted(town, column, *where) -> dict[str, int]:
    with town.store.read() as connection:
        rows = connection.execute(select(column, func.count()).where(*where).group_by(column))
        return {str(key): count for key, count in rows}


def newest(town, column):
    with town.store.read() as connection:
        return connection.execute(select(func.max(column))).scalar_one()


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=4, seconds=1)], ids=["now", "after four days"])
def test_the_status_is_what_the_tables_hold(town, told, later):
    town.clock.now += later
    now = town.clock.now
    looked = newest(town, base.place.c.looked_at)
    with town.store.read() as connection:
        registers = connection.execute(select(base.case_system.c.name, base.case_system.c.read_at)).all()
        failing = connection.execute(
            select(func.count()).select_from(base.place).where(base.place.c.fault.is_not(None))
        ).scalar_one()
        known = connection.execute(select(func.count()).select_from(base.place)).scalar_one()
        waiting = connection.execute(
            select(func.count())
            .select_from(base.orders)
            .where(base.orders.c.state.in_(OPEN), base.orders.c.planned_at < now - timedelta(days=3))
        ).scalar_one()
    status = told()
    states = counted(town, base.orders.c.state)
    assert {key: count for key, count in status.pop("orders").items() if count} == {
        state: count if state == "done" else ceil(count / 10) * 10
        for state, count in states.items()
        if state != "stopped"
    }
    assert status == {
        "at": now.isoformat(),
        "findings": counted(town, base.finding.c.kind, base.finding.c.closed_at.is_(None)),
        "paused": [],
        "overdue": ceil(waiting / 10) * 10,
        "registers": {
            row.name: {"read_at": row.read_at.isoformat(), "age": int((now - row.read_at).total_seconds())}
            for row in registers
        },
        "engine": {"last_sign": looked.isoformat(), "age": int((now - looked).total_seconds())},
        "places": {"known": known, "failing": failing},
    }
    assert waiting > 0
    assert registers


def test_before_anything_was_read_the_ages_are_null_and_not_nought(town, told):
    with town.store.write() as connection:
        connection.execute(base.place.update().values(looked_at=None))
        connection.execute(base.case_system.update().values(read_at=None))
    status = told()
    assert status["engine"] == {"last_sign": None, "age": None}
    assert set(map(repr, status["registers"].values())) == {"{'age': None, 'read_at': None}"}
