"""Rows of case services (ZGW) that tell of changes: subscriptions, cases to be read back, and which case is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, update

from server.store.database import insert
from server.store.schema.base import connection as connections
from server.store.schema.case_services import case_hint, case_ref, case_watch
from server.store.wakeups import wake

_HEARD_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a service was last heard: not one write for each of its notifications."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WatchRow:
    """A subscription, as `case_watch` says."""

    connection_id: int
    nonce: bytes = field(repr=False)
    ref: str | None
    begun_at: datetime
    heard_at: datetime | None
    polled_at: datetime | None
    missed: int
    stopped: int
    fault: str | None


@dataclass(frozen=True, slots=True)
class HintRow:
    """A case to be read back. connection: the name of the service's."""

    connection_id: int
    connection: str
    key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    version: int
    gone: bool
    tries: int


def connection_id(connection: Connection, name: str) -> int | None:
    """The number of a connection."""
    found: int | None = connection.execute(select(connections.c.id).where(connections.c.name == name)).scalar()
    return found


# --- subscriptions ----------------------------------------------------------------------------------------------------


def put_watch(connection: Connection, id_: int, nonce: bytes, ref: str | None, now: datetime) -> None:
    """A subscription begins, in place of one that there may be."""
    connection.execute(delete(case_watch).where(case_watch.c.connection_id == id_))
    connection.execute(insert(connection, case_watch).values(connection_id=id_, nonce=nonce, ref=ref, begun_at=now))


def name_watch(connection: Connection, id_: int, nonce: bytes, ref: str) -> bool:
    """The service has made it; False: another has come in its place meanwhile."""
    mine = and_(case_watch.c.connection_id == id_, case_watch.c.nonce == nonce)
    return bool(connection.execute(update(case_watch).where(mine).values(ref=ref)).rowcount)


def end_watch(connection: Connection, id_: int) -> bool:
    """It is over, and nothing that it told of is read back any more; False: there was none."""
    connection.execute(delete(case_hint).where(case_hint.c.connection_id == id_))
    return bool(connection.execute(delete(case_watch).where(case_watch.c.connection_id == id_)).rowcount)


def find_watch(connection: Connection, name: str) -> WatchRow | None:
    """The subscription of a connection."""
    row = connection.execute(
        select(case_watch)
        .join(connections, connections.c.id == case_watch.c.connection_id)
        .where(connections.c.name == name)
    ).first()
    if row is None:
        return None
    return WatchRow(
        row.connection_id,
        bytes(row.nonce),
        row.ref,
        row.begun_at,
        row.heard_at,
        row.polled_at,
        row.missed,
        row.stopped,
        row.fault,
    )


def note_poll(connection: Connection, id_: int, now: datetime, *, missed: int, stopped: int) -> None:
    """All cases were asked for. missed: changes that no notification told of. stopped: closures that wait for a
    person, all of them.
    """
    connection.execute(
        update(case_watch)
        .where(case_watch.c.connection_id == id_)
        .values(polled_at=now, missed=case_watch.c.missed + missed, stopped=stopped)
    )


def note_stopped(connection: Connection, id_: int) -> None:
    """One more closure waits for a person."""
    mine = case_watch.c.connection_id == id_
    connection.execute(update(case_watch).where(mine).values(stopped=case_watch.c.stopped + 1))


def note_fault(connection: Connection, id_: int, fault: str | None) -> None:
    """Why a case could not be read back; None: one could."""
    other = case_watch.c.fault.is_distinct_from(fault)
    connection.execute(update(case_watch).where(case_watch.c.connection_id == id_, other).values(fault=fault))


# --- what they told of ------------------------------------------------------------------------------------------------


def hear(connection: Connection, id_: int, now: datetime) -> None:
    """The service told something."""
    long_ago = or_(case_watch.c.heard_at.is_(None), case_watch.c.heard_at < now - _HEARD_EVERY)
    connection.execute(update(case_watch).where(case_watch.c.connection_id == id_, long_ago).values(heard_at=now))


def take_hint(connection: Connection, id_: int, key: bytes, sealed: bytes, now: datetime, *, gone: bool) -> None:
    """A case is to be read back, once however often it is told of, and engines are woken."""
    statement = insert(connection, case_hint).values(
        connection_id=id_, key=key, sealed=sealed, version=1, gone=gone, tries=0, next_at=now
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["connection_id", "key"],
            set_={
                "version": case_hint.c.version + 1,
                "gone": or_(case_hint.c.gone, statement.excluded.gone),
                "tries": 0,
                "next_at": case(
                    (case_hint.c.next_at < statement.excluded.next_at, case_hint.c.next_at),
                    else_=statement.excluded.next_at,
                ),
            },
        )
    )
    wake(connection)


def due_hints(connection: Connection, now: datetime, most: int) -> Sequence[HintRow]:
    """Cases to be read back now, the longest due first."""
    rows = connection.execute(
        select(case_hint, connections.c.name)
        .join(connections, connections.c.id == case_hint.c.connection_id)
        .where(case_hint.c.next_at <= now)
        .order_by(case_hint.c.next_at, case_hint.c.key)
        .limit(most)
    )
    return [
        HintRow(r.connection_id, r.name, bytes(r.key), bytes(r.sealed), r.version, bool(r.gone), r.tries) for r in rows
    ]


def next_due(connection: Connection) -> datetime | None:
    """When the next case is to be read back."""
    found: datetime | None = connection.execute(select(func.min(case_hint.c.next_at))).scalar()
    return found


def hinted(connection: Connection, id_: int) -> frozenset[bytes]:
    """Cases that were told of and not read back yet."""
    rows = connection.execute(select(case_hint.c.key).where(case_hint.c.connection_id == id_))
    return frozenset(bytes(key) for key in rows.scalars())


def settle_hint(connection: Connection, hint: HintRow) -> None:
    """It was read back; what was told meanwhile stays to be read."""
    connection.execute(delete(case_hint).where(_same(hint)))


def put_off_hint(connection: Connection, hint: HintRow, until: datetime, *, tried: bool) -> None:
    """It could not be read back, or was not tried."""
    tries = hint.tries + 1 if tried else hint.tries
    connection.execute(update(case_hint).where(_same(hint)).values(next_at=until, tries=tries))


def _same(hint: HintRow) -> ColumnElement[bool]:
    return and_(
        case_hint.c.connection_id == hint.connection_id,
        case_hint.c.key == hint.key,
        case_hint.c.version == hint.version,
    )


# --- which case is whose ----------------------------------------------------------------------------------------------


def refs_of(connection: Connection, id_: int) -> Mapping[bytes, tuple[int, bool]]:
    """By the key of a case there: the case of the register, and whether it is gone there."""
    rows = connection.execute(
        select(case_ref.c.key, case_ref.c.case_id, case_ref.c.gone_at).where(case_ref.c.connection_id == id_)
    )
    return {bytes(row.key): (row.case_id, row.gone_at is not None) for row in rows}


def case_of(connection: Connection, id_: int, key: bytes) -> int | None:
    """The case of the register that a case there is, as it was last read."""
    where = and_(case_ref.c.connection_id == id_, case_ref.c.key == key)
    found: int | None = connection.execute(select(case_ref.c.case_id).where(where)).scalar()
    return found


def is_shared(connection: Connection, id_: int, key: bytes, case_id: int) -> bool:
    """Whether another case there has the same number."""
    others = select(case_ref.c.key).where(
        case_ref.c.connection_id == id_,
        case_ref.c.case_id == case_id,
        case_ref.c.key != key,
        case_ref.c.gone_at.is_(None),
    )
    return connection.execute(others.limit(1)).first() is not None


def learn_refs(connection: Connection, id_: int, found: Sequence[tuple[bytes, int]]) -> None:
    """Which case each is; one that is there is not gone."""
    for start in range(0, len(found), _AT_ONCE):
        rows = [
            {"connection_id": id_, "key": key, "case_id": case_id} for key, case_id in found[start : start + _AT_ONCE]
        ]
        statement = insert(connection, case_ref).values(rows)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["connection_id", "key"],
                set_={"case_id": statement.excluded.case_id, "gone_at": None},
            )
        )


def mark_gone(connection: Connection, id_: int, key: bytes, now: datetime) -> bool:
    """A case is not there any more; False: that was known."""
    where = and_(case_ref.c.connection_id == id_, case_ref.c.key == key, case_ref.c.gone_at.is_(None))
    return bool(connection.execute(update(case_ref).where(where).values(gone_at=now)).rowcount)
