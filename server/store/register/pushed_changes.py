"""What programs pushed, as rows: which requests were taken and what became of them; no case and no contact is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from server.core.model import PushState, State
from server.store.database import insert
from server.store.schema.base import connection as connections
from server.store.schema.base import link, orders, pair, place, pushed_change

KEPT_FOR = timedelta(days=30)
"""So long the same request sent again is known to be the same."""


@dataclass(frozen=True, slots=True)
class PushedChangeRow:
    """One request that was taken. cases, changed: how many it named, and how many of them it changed."""

    uid: str
    token: str
    request: bytes
    case_system: str
    accepted_at: datetime
    state: PushState
    cases: int
    changed: int
    confirmed_at: datetime | None = None


def put_change(connection: Connection, row: PushedChangeRow, key: bytes) -> None:
    """Keep what became of a request, in place of what became of it before. key: of the sender's key."""
    values = {
        "uid": row.uid,
        "request": row.request,
        "case_system": row.case_system,
        "accepted_at": row.accepted_at,
        "state": row.state.value,
        "cases": row.cases,
        "changed": row.changed,
        "confirmed_at": row.confirmed_at,
    }
    statement = insert(connection, pushed_change).values(token_uid=row.token, key=key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["token_uid", "key"], set_=values))
    connection.execute(delete(pushed_change).where(pushed_change.c.accepted_at < row.accepted_at - KEPT_FOR))


def of_key(connection: Connection, token: str, key: bytes) -> PushedChangeRow | None:
    """What became of the request with that key of a program."""
    return _one(connection, (pushed_change.c.token_uid == token) & (pushed_change.c.key == key))


def find_change(connection: Connection, uid: str) -> PushedChangeRow | None:
    """A request by its id."""
    return _one(connection, pushed_change.c.uid == uid)


def confirm(connection: Connection, uid: str, now: datetime) -> bool:
    """A person lets a stopped request go on; False: there is none that is stopped."""
    stopped = (pushed_change.c.uid == uid) & (pushed_change.c.state == PushState.STOPPED.value)
    return bool(connection.execute(update(pushed_change).where(stopped).values(confirmed_at=now)).rowcount)


def _one(connection: Connection, which: Any) -> PushedChangeRow | None:
    row = connection.execute(select(pushed_change).where(which)).first()
    if row is None:
        return None
    return PushedChangeRow(
        row.uid,
        row.token_uid,
        bytes(row.request),
        row.case_system,
        row.accepted_at,
        PushState(row.state),
        row.cases,
        row.changed,
        row.confirmed_at,
    )


def pairs_of_case(connection: Connection, case_id: int) -> Sequence[tuple[int, int]]:
    """Worker and identifier of each pair in which a contact of the case was seen."""
    of_case = select(link.c.identifier_id).where(link.c.case_id == case_id)
    query = select(pair.c.worker_id, pair.c.identifier_id).where(pair.c.identifier_id.in_(of_case))
    return [(row[0], row[1]) for row in connection.execute(query)]


def proven_of_case(connection: Connection, case_id: int) -> Sequence[tuple[str, str, int]]:
    """Of the contacts of a case what was removed and proven: connection, evidence level, how many."""
    query = (
        select(connections.c.name, orders.c.level, func.count())
        .join(place, place.c.id == orders.c.place_id)
        .join(connections, connections.c.id == place.c.connection_id)
        .where(orders.c.case_id == case_id, orders.c.state == State.DONE.value)
        .group_by(connections.c.name, orders.c.level)
        .order_by(connections.c.name, orders.c.level)
    )
    return [(row[0], row[1], int(row[2])) for row in connection.execute(query)]
