"""Phones that stopped syncing: proposals to take the account off them and put it on again, released by a person."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, and_, exists, func, or_, select, update

from server.core.model import Level, State
from server.core.phones.asks import Asked
from server.store.phones.managed import held_among, may_be_read, put_ask
from server.store.schema.base import connection as connections
from server.store.schema.base import device, evidence, orders, place, place_device
from server.store.schema.phones import device_fetch, phone, repush, repush_phone


@dataclass(frozen=True, slots=True)
class RepushRow:
    """A proposal to take the account off phones and put it on again, with how far it has come."""

    uid: str
    made_at: datetime
    digest: str
    phones: int
    gone: int
    back: int
    released_at: datetime | None
    refused_at: datetime | None


def stubborn_phones(
    connection: Connection, names: Collection[str], before: datetime, today: date
) -> Sequence[tuple[int, str]]:
    """Phones (number, id) that were never seen fetching since a contact was proven gone before that instant.

    Only where fetching can be seen at all: a store's log with a login for that phone, or its own figures of it.
    """
    witnessed = or_(
        and_(connections.c.log_file.is_not(None), device.c.login.is_not(None)),
        exists().where(device_fetch.c.device_id == device.c.id, device_fetch.c.place_id == place.c.id),
    )
    unseen = (
        select(place_device.c.device_id)
        .join(device, device.c.id == place_device.c.device_id)
        .join(place, place.c.id == place_device.c.place_id)
        .join(connections, connections.c.id == place.c.connection_id)
        .join(orders, orders.c.place_id == place.c.id)
        .where(
            orders.c.state == State.DONE,
            orders.c.settled_at < before,
            witnessed,
            ~exists().where(
                evidence.c.order_id == orders.c.id,
                evidence.c.device_id == place_device.c.device_id,
                evidence.c.level != Level.STORE_REMOVED,
            ),
        )
    )
    at = connections.alias("at")
    proposed = exists().where(
        repush_phone.c.phone_id == phone.c.id,
        repush.c.id == repush_phone.c.repush_id,
        repush.c.refused_at.is_(None),
        repush_phone.c.back_at.is_(None),
    )
    rows = connection.execute(
        select(phone.c.id, phone.c.uid)
        .join(at, at.c.id == phone.c.connection_id)
        .where(
            at.c.name.in_(sorted(names)),
            phone.c.device_id.in_(unseen),
            ~proposed,
            may_be_read(connection, today),
        )
        .order_by(phone.c.id)
    ).all()
    held = held_among(connection, [row.id for row in rows])
    return [(row.id, row.uid) for row in rows if row.id not in held]


def propose_repush(connection: Connection, phones: Sequence[int], *, policy: str, digest: str, now: datetime) -> str:
    """Write the proposal; its id."""
    uid = uuid.uuid4().hex[:12]
    number = connection.execute(
        repush.insert().values(uid=uid, made_at=now, policy=policy, digest=digest).returning(repush.c.id)
    ).scalar_one()
    connection.execute(repush_phone.insert(), [{"repush_id": number, "phone_id": each} for each in phones])
    return uid


def read_repushes(connection: Connection) -> Sequence[RepushRow]:
    """All proposals, newest first."""
    rows = connection.execute(
        select(
            repush,
            func.count(repush_phone.c.phone_id).label("phones"),
            func.count(repush_phone.c.gone_at).label("gone"),
            func.count(repush_phone.c.back_at).label("back"),
        )
        .join(repush_phone, repush_phone.c.repush_id == repush.c.id)
        .group_by(*repush.c)
        .order_by(repush.c.id.desc())
    )
    return [RepushRow(r.uid, r.made_at, r.digest, r.phones, r.gone, r.back, r.released_at, r.refused_at) for r in rows]


def answer_repush(connection: Connection, uid: str, now: datetime, by: str, *, grant: bool) -> int | None:
    """Release a proposal, or refuse it; how many phones are to be asked now. None: no such proposal waits."""
    values = {"released_at": now, "released_by": by} if grant else {"refused_at": now}
    row = connection.execute(
        update(repush)
        .where(repush.c.uid == uid, repush.c.released_at.is_(None), repush.c.refused_at.is_(None))
        .values(values)
        .returning(repush.c.id)
    ).first()
    if row is None:
        return None
    if not grant:
        return 0
    ids = connection.execute(select(repush_phone.c.phone_id).where(repush_phone.c.repush_id == row.id)).scalars().all()
    for phone_id in ids:
        put_ask(connection, phone_id, Asked.PULL, now, repush_id=row.id)
    return len(ids)
