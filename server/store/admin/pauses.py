"""Pauses: where no call to remove may begin, until when and why; what waits for them is counted, not listed.

Few rows are open at a time, so they are read first and become a condition on orders only where there are any: while
nothing is paused, a claim costs one look at an empty index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select, update

from server.core.model import Role, State
from server.store.schema.base import connection as connections
from server.store.schema.base import installation, orders, place
from server.store.schema.pauses import pause
from server.store.wakeups import wake


@dataclass(frozen=True, slots=True)
class PauseRow:
    """A pause. connection, vendor None: of everything. ended_at None: nobody ended it, and it did not run out yet.

    ended_by None: it ran out. set_by: whoever set it, or made it longer last.
    """

    uid: str
    connection: str | None
    vendor: str | None
    reason: str
    set_by: str = field(repr=False)
    set_as: Role
    set_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    ended_by: str | None = field(repr=False)

    def over_at(self, now: datetime) -> datetime | None:
        """When it was over; None: it holds now."""
        return self.ended_at or (self.ends_at if self.ends_at <= now else None)


@dataclass(frozen=True, slots=True)
class Paused:
    """What is paused at one moment. names, numbers: of connections that are paused by themselves.

    ends_at: when the first of these pauses ends.
    """

    everything: bool = False
    names: frozenset[str] = frozenset()
    numbers: frozenset[int] = frozenset()
    ends_at: datetime | None = None

    def __bool__(self) -> bool:
        return self.everything or bool(self.numbers)

    def covers(self, name: str) -> bool:
        """Whether no call to remove may begin at the connection of that name."""
        return self.everything or name in self.names


def add(
    connection: Connection,
    *,
    uid: str,
    connection_id: int | None,
    reason: str,
    set_by: str,
    set_as: Role,
    now: datetime,
    ends_at: datetime,
) -> None:
    """Pause a connection, or everything. The table refuses a second open one of the same scope."""
    connection.execute(
        pause.insert().values(
            uid=uid,
            connection_id=connection_id,
            everything=connection_id is None,
            reason=reason,
            set_by=set_by,
            set_as=set_as.value,
            set_at=now,
            ends_at=ends_at,
        )
    )


def prolong(connection: Connection, uid: str, *, ends_at: datetime, reason: str, set_by: str, set_as: Role) -> None:
    """Make an open one last until another time, with the reason of whoever says so."""
    connection.execute(
        update(pause)
        .where(pause.c.uid == uid, pause.c.ended_at.is_(None))
        .values(ends_at=ends_at, reason=reason, set_by=set_by, set_as=set_as.value)
    )


def end(connection: Connection, uid: str, now: datetime, by: str) -> None:
    """End an open one."""
    connection.execute(
        update(pause).where(pause.c.uid == uid, pause.c.ended_at.is_(None)).values(ended_at=now, ended_by=by)
    )
    wake(connection)


def take_turn(connection: Connection) -> None:
    """Let others who pause or resume wait until this transaction is over (SQLite has one writer anyway)."""
    connection.execute(select(installation.c.id).with_for_update())


def any_ran_out(connection: Connection, now: datetime) -> bool:
    """Whether there is one whose time is over and that is not marked as over."""
    return bool(connection.execute(select(exists().where(pause.c.ended_at.is_(None), pause.c.ends_at <= now))).scalar())


def run_out(connection: Connection, now: datetime) -> Sequence[PauseRow]:
    """Mark those that ran out as over; returns them, each once, whoever else asks."""
    over = select(pause.c.uid).where(pause.c.ended_at.is_(None), pause.c.ends_at <= now)
    if not (uids := list(connection.execute(over).scalars())):
        return []
    done = connection.execute(
        update(pause)
        .where(pause.c.uid.in_(uids), pause.c.ended_at.is_(None), pause.c.ends_at <= now)
        .values(ended_at=pause.c.ends_at)
        .returning(pause.c.uid)
    )
    return [row for uid in done.scalars() if (row := find(connection, uid)) is not None]


def find(connection: Connection, uid: str) -> PauseRow | None:
    """The pause of that id, over or not."""
    row = connection.execute(_rows().where(pause.c.uid == uid)).first()
    return None if row is None else _row(row)


def open_of(connection: Connection, connection_id: int | None) -> PauseRow | None:
    """The open pause of a connection (None: of everything), also one that has run out and was not marked yet."""
    scope = pause.c.connection_id.is_(None) if connection_id is None else pause.c.connection_id == connection_id
    row = connection.execute(_rows().where(pause.c.ended_at.is_(None), scope)).first()
    return None if row is None else _row(row)


def in_force(connection: Connection, now: datetime) -> Sequence[PauseRow]:
    """Those in force, of everything first, then by connection."""
    rows = connection.execute(
        _rows()
        .where(pause.c.ended_at.is_(None), pause.c.ends_at > now)
        .order_by(pause.c.everything.desc(), connections.c.name)
    )
    return [_row(row) for row in rows]


def touching(connection: Connection, since: datetime, until: datetime) -> Sequence[PauseRow]:
    """Those that held at some time between the two, in the order in which they began."""
    ended = func.coalesce(pause.c.ended_at, pause.c.ends_at)
    rows = connection.execute(_rows().where(pause.c.set_at < until, ended > since).order_by(pause.c.set_at, pause.c.id))
    return [_row(row) for row in rows]


def newest(connection: Connection, *, limit: int) -> Sequence[PauseRow]:
    """Those that are over, newest first."""
    rows = connection.execute(
        _rows().where(pause.c.ended_at.is_not(None)).order_by(pause.c.ended_at.desc(), pause.c.id.desc()).limit(limit)
    )
    return [_row(row) for row in rows]


NOTHING = Paused()


def paused(connection: Connection, now: datetime | None = None) -> Paused:
    """What is paused. now None: also by those that have run out and were not marked yet."""
    query = select(pause.c.connection_id, pause.c.ends_at, connections.c.name).outerjoin(
        connections, connections.c.id == pause.c.connection_id
    )
    query = query.where(pause.c.ended_at.is_(None))
    rows = connection.execute(query if now is None else query.where(pause.c.ends_at > now)).all()
    if not rows:
        return NOTHING
    return Paused(
        any(row.connection_id is None for row in rows),
        frozenset(row.name for row in rows if row.name is not None),
        frozenset(row.connection_id for row in rows if row.connection_id is not None),
        min(row.ends_at for row in rows),
    )


def not_covered(what: Paused) -> Sequence[ColumnElement[bool]]:
    """Conditions by which an order is of no paused connection; none while nothing is paused. Not for everything."""
    if not what.numbers:
        return ()
    return (orders.c.place_id.not_in(select(place.c.id).where(place.c.connection_id.in_(sorted(what.numbers)))),)


def next_end(connection: Connection) -> datetime | None:
    """When an order that waits for a pause alone is due: at the end of that pause, or when it is to be tried again."""
    times = []
    for row in connection.execute(select(pause.c.connection_id, pause.c.ends_at).where(pause.c.ended_at.is_(None))):
        first: datetime | None = connection.execute(
            select(func.min(orders.c.next_at)).where(orders.c.next_at.is_not(None), *_covered(row.connection_id))
        ).scalar()
        if first is not None:
            times.append(max(first, row.ends_at))
    return min(times, default=None)


def paused_places(connection: Connection, of_worker: int, now: datetime) -> frozenset[str]:
    """Our ids of a worker's places at which no removal begins now."""
    what = paused(connection, now)
    if not what:
        return frozenset()
    query = select(place.c.uid).where(place.c.worker_id == of_worker)
    if not what.everything:
        query = query.where(place.c.connection_id.in_(sorted(what.numbers)))
    return frozenset(connection.execute(query).scalars())


def count_waiting(connection: Connection, row: PauseRow, planned_before: datetime) -> int:
    """How many open orders that were planned before then a pause keeps from being called."""
    waits = orders.c.state.in_((State.READY, State.CALLING))
    query = select(func.count()).select_from(orders).where(waits, orders.c.planned_at <= planned_before)
    of_it = _of_name(row.connection)
    return int(connection.execute(query.where(*of_it)).scalar_one())


def count_calling(connection: Connection, row: PauseRow, now: datetime) -> int:
    """How many orders of its scope are under a lease that runs: their calls may have left before the pause."""
    query = select(func.count()).select_from(orders).where(orders.c.state == State.CALLING, orders.c.next_at > now)
    return int(connection.execute(query.where(*_of_name(row.connection))).scalar_one())


def _covered(connection_id: int | None) -> Sequence[ColumnElement[bool]]:
    if connection_id is None:
        return ()
    return (orders.c.place_id.in_(select(place.c.id).where(place.c.connection_id == connection_id)),)


def _of_name(name: str | None) -> Sequence[ColumnElement[bool]]:
    if name is None:
        return ()
    of_it = select(place.c.id).join(connections, connections.c.id == place.c.connection_id)
    return (orders.c.place_id.in_(of_it.where(connections.c.name == name)),)


def _rows() -> Select[tuple[object, ...]]:
    return select(pause, connections.c.name.label("connection_name"), connections.c.vendor).outerjoin(
        connections, connections.c.id == pause.c.connection_id
    )


def _row(row: Row[tuple[object, ...]]) -> PauseRow:
    return PauseRow(
        row.uid,
        row.connection_name,
        row.vendor,
        row.reason,
        row.set_by,
        Role(row.set_as),
        row.set_at,
        row.ends_at,
        row.ended_at,
        row.ended_by,
    )
