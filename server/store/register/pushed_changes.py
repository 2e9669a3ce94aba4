"""What programs pushed, as rows: which requests were taken and what became of them; no case and no contact is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from server.core.model import PushState, State
from server.store.prepared import Direct, Prepared, given, values_of
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
    direct = Direct(connection)
    direct.run(
        _PUT,
        token_uid=row.token,
        key=key,
        uid=row.uid,
        request=row.request,
        case_system=row.case_system,
        accepted_at=row.accepted_at,
        state=row.state.value,
        cases=row.cases,
        changed=row.changed,
        confirmed_at=row.confirmed_at,
    )
    direct.run(_FORGET, before=row.accepted_at - KEPT_FOR)


def _put(insert: Any) -> Any:
    said = (*("uid", "request", "case_system", "accepted_at", "state", "cases", "changed", "confirmed_at"),)
    statement = insert(pushed_change).values(values_of(pushed_change, ("token_uid", "key", *said)))
    return statement.on_conflict_do_update(
        index_elements=["token_uid", "key"], set_={name: statement.excluded[name] for name in said}
    )


_PUT = Prepared(_put)
_FORGET = Prepared(
    lambda _: delete(pushed_change).where(pushed_change.c.accepted_at < given("before", pushed_change.c.accepted_at))
)
_COLUMNS = (
    *("uid", "token_uid", "request", "case_system", "accepted_at", "state", "cases", "changed", "confirmed_at"),
)
_OF_KEY = Prepared(
    lambda _: select(*(pushed_change.c[name] for name in _COLUMNS)).where(
        pushed_change.c.token_uid == given("token", pushed_change.c.token_uid),
        pushed_change.c.key == given("key", pushed_change.c.key),
    )
)


def of_key(connection: Connection, token: str, key: bytes) -> PushedChangeRow | None:
    """What became of the request with that key of a program."""
    return _read(Direct(connection).row(_OF_KEY, token=token, key=key))


def find_change(connection: Connection, uid: str) -> PushedChangeRow | None:
    """A request by its id."""
    wanted = select(*(pushed_change.c[name] for name in _COLUMNS)).where(pushed_change.c.uid == uid)
    return _read(connection.execute(wanted).first())


def confirm(connection: Connection, uid: str, now: datetime) -> bool:
    """A person lets a stopped request go on; False: there is none that is stopped."""
    stopped = (pushed_change.c.uid == uid) & (pushed_change.c.state == PushState.STOPPED.value)
    return bool(connection.execute(update(pushed_change).where(stopped).values(confirmed_at=now)).rowcount)


def _read(row: Sequence[Any] | None) -> PushedChangeRow | None:
    if row is None:
        return None
    uid, token, request, system, accepted_at, state, named, changed, confirmed_at = row
    return PushedChangeRow(
        uid, token, bytes(request), system, accepted_at, PushState(state), named, changed, confirmed_at
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
