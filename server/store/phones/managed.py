"""Phones at their managers: what is known of them, what is to be asked of them, and what became of that."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update
from sqlalchemy import delete as delete_from

from mdm_adapters.phones import AppPresence, AppSight, Aspect, Phone, Platform, Posture
from server.core.model import GateScope, Level, State
from server.core.phones.asks import Asked, AskStanding
from server.core.phones.posture import AccountNews, Pull, account_news, findings_of
from server.store import hold_list
from server.store.admin import pauses
from server.store.database import among, insert
from server.store.findings import BY_ITSELF, NewFinding, open_findings
from server.store.schema.base import (
    connection as connections,
)
from server.store.schema.base import (
    device,
    evidence,
    finding,
    gate,
    installation,
    micros,
    orders,
    place,
    place_device,
    worker,
)
from server.store.schema.phones import (
    device_handle,
    manager_state,
    phone,
    phone_app,
    phone_ask,
    phone_fact,
    repush,
    repush_phone,
)
from server.store.seal import Sealer

_HANDLE = "phone.handle"
PAUSED = (Asked.SYNC, Asked.PULL)
"""What is not asked while removing is paused. A phone tells on, and an account that was taken off is put on again."""
_CHUNK = 1000
_LATER = timedelta(minutes=5)
"""How far ahead of ours a phone's clock may be before what it says of the time is not believed."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a list of phones changed: how many are listed, new, left, matched with a worker, and ambiguous."""

    listed: int
    new: int
    left: int
    matched: int


@dataclass(frozen=True, slots=True)
class KnownPhone:
    """A phone as an act needs it. phone: as its manager knows it, opened. uid: our opaque id."""

    id: int
    uid: str
    connection: str
    phone: Phone = field(repr=False)
    worker: int | None
    device: int | None


@dataclass(frozen=True, slots=True)
class ClaimedAsk:
    """Something to ask of a phone, or to follow, under a lease. handle: what the manager calls it, once asked."""

    id: int
    command: str = field(repr=False)
    handle: str | None = field(repr=False)
    what: Asked
    state: AskStanding
    attempts: int
    fence: int
    made_at: datetime
    asked_at: datetime | None
    repush: int | None
    at: KnownPhone


@dataclass(frozen=True, slots=True)
class AskSettled:
    """What became of a claimed ask. next_at None: it has ended. asked: the manager was reached with it just now."""

    id: int
    fence: int
    state: AskStanding
    next_at: datetime | None
    handle: str | None = field(default=None, repr=False)
    fault: str | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What a posture that was written came to: findings opened, and orders raised for the container that is gone."""

    findings: int = 0
    gone: tuple[tuple[str, int], ...] = ()


def handle_key(sealer: Sealer, value: str) -> bytes:
    """By which a manager's handle, a serial number or a login is found again; case and outer blanks do not count."""
    return sealer.hash(value.strip().lower(), _HANDLE)


# --- inventory ----------------------------------------------------------------------------------------------------


def connection_id(connection: Connection, name: str) -> int | None:
    """Our number of a connection."""
    found: int | None = connection.execute(select(connections.c.id).where(connections.c.name == name)).scalar()
    return found


_TOLD_OF_PHONES = (
    *("serial_key", "user_key", "platform", "owned", "supervised", "managed", "compliant", "user_enrolled"),
    *("listed_at", "left_at"),
)


def put_inventory(
    connection: Connection, sealer: Sealer, connection_id: int, listed: Sequence[Phone], now: datetime, *, whole: bool
) -> Inventory:
    """Write a list of a manager's phones, and match all with workers.

    whole: it names all there are, so a phone that is not in it has left; else that says nothing.
    """
    before = {
        row.key: row
        for row in connection.execute(
            select(phone.c.id, phone.c.key, phone.c.left_at).where(phone.c.connection_id == connection_id)
        )
    }
    by_key = {handle_key(sealer, each.ref): each for each in listed}
    rows = [
        {
            "uid": uuid.uuid4().hex[:12],
            "connection_id": connection_id,
            "key": key,
            "sealed_ref": sealer.seal(each.ref, f"phone.ref.{connection_id}"),
            "serial_key": handle_key(sealer, each.serial) if each.serial else None,
            "user_key": handle_key(sealer, each.user) if each.user else None,
            "platform": each.platform.value,
            "owned": each.owned,
            "supervised": each.supervised,
            "managed": each.managed,
            "compliant": each.compliant,
            "user_enrolled": each.user_enrolled,
            "seen_at": min(each.seen_at, now) if each.seen_at else None,
            "listed_at": now,
            "left_at": None,
        }
        for key, each in by_key.items()
    ]
    statement = insert(connection, phone)
    statement = statement.on_conflict_do_update(
        index_elements=["connection_id", "key"],
        set_={
            "seen_at": func.coalesce(statement.excluded.seen_at, phone.c.seen_at),
            **{name: statement.excluded[name] for name in _TOLD_OF_PHONES},
        },
    )
    for start in range(0, len(rows), _CHUNK):
        connection.execute(statement, rows[start : start + _CHUNK])
    gone = [row.id for key, row in before.items() if whole and key not in by_key and row.left_at is None]
    note_left(connection, gone, now)
    matched = match_phones(connection, sealer, connection_id, now)
    new = sum(key not in before or before[key].left_at is not None for key in by_key)
    return Inventory(len(by_key), new, len(gone), matched)


def note_left(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """These phones are with their manager no more: what it told of them is forgotten, what was asked has lapsed."""
    for start in range(0, len(ids), _CHUNK):
        some = among(ids[start : start + _CHUNK])
        connection.execute(update(phone).where(phone.c.id.in_(some)).values(left_at=now, due_at=None))
        connection.execute(delete_from(phone_fact).where(phone_fact.c.phone_id.in_(some)))
        connection.execute(delete_from(phone_app).where(phone_app.c.phone_id.in_(some)))
        connection.execute(
            update(phone_ask)
            .where(phone_ask.c.phone_id.in_(some), phone_ask.c.next_at.is_not(None))
            .values(state=AskStanding.LAPSED, next_at=None, ended_at=now)
        )


def match_phones(connection: Connection, sealer: Sealer, connection_id: int, now: datetime) -> int:
    """Say of a manager's phones whose they are; returns how many are somebody's.

    What a person wrote in a list wins. Else the login the manager knows: the worker's reference, a device's own login
    or a mailbox. One that fits two workers fits none. A phone newly matched is due: nothing was asked of it yet.
    """
    named = {
        row.key: row.device_id
        for row in connection.execute(select(device_handle).where(device_handle.c.connection_id == connection_id))
    }
    devices = {row.id: row for row in connection.execute(select(device.c.id, device.c.worker_id, device.c.login))}
    of_worker: dict[int, list[int]] = {}
    for held in devices.values():
        of_worker.setdefault(held.worker_id, []).append(held.id)
    by_login = {handle_key(sealer, held.login): held.id for held in devices.values() if held.login}
    workers: dict[bytes, set[int]] = {}
    for who in connection.execute(select(worker.c.id, worker.c.ref)):
        workers.setdefault(handle_key(sealer, who.ref), set()).add(who.id)
    for box in connection.execute(select(place.c.worker_id, place.c.address).where(place.c.address.like("%@%"))):
        workers.setdefault(handle_key(sealer, box.address), set()).add(box.worker_id)
    rows = connection.execute(
        select(phone.c.id, phone.c.key, phone.c.serial_key, phone.c.user_key, phone.c.worker_id, phone.c.device_id)
        .where(phone.c.connection_id == connection_id, phone.c.left_at.is_(None))
        .order_by(phone.c.id)
    ).all()
    found: dict[int, tuple[int | None, int | None]] = {}
    fitting: dict[int, list[int]] = {}
    for row in rows:
        device_id = next(
            (named[key] for key in (row.key, row.serial_key, row.user_key) if key in named), by_login.get(row.user_key)
        )
        if device_id is not None:
            found[row.id] = (devices[device_id].worker_id, device_id)
        elif len(fits := workers.get(row.user_key, set())) == 1:
            fitting.setdefault(next(iter(fits)), []).append(row.id)
    taken = {device_id for _, device_id in found.values()}
    for worker_id, phones in fitting.items():
        free = [each for each in of_worker.get(worker_id, ()) if each not in taken]
        only = free[0] if len(free) == 1 and len(phones) == 1 else None
        found |= dict.fromkeys(phones, (worker_id, only))
    for row in rows:
        now_of = found.get(row.id, (None, None))
        if (row.worker_id, row.device_id) != now_of:
            values = {"worker_id": now_of[0], "device_id": now_of[1], "due_at": None if now_of[0] is None else now}
            connection.execute(update(phone).where(phone.c.id == row.id).values(values))
    return len(found)


def keep_listing(connection: Connection, connection_id: int, *, listed_at: datetime, next_at: datetime) -> None:
    """A manager's phones were listed."""
    _keep_state(
        connection, connection_id, {"listed_at": listed_at, "next_at": next_at, "fault": None, "fault_at": None}
    )


def keep_fault(connection: Connection, connection_id: int, fault: str, now: datetime, *, next_at: datetime) -> None:
    """A manager's phones could not be listed."""
    _keep_state(connection, connection_id, {"fault": fault, "fault_at": now, "next_at": next_at})


def ask_for_listing(connection: Connection, connection_id: int, now: datetime) -> None:
    """Somebody told of a phone that is not known here: list them anew, now."""
    _keep_state(connection, connection_id, {"next_at": now})


def _keep_state(connection: Connection, connection_id: int, values: Mapping[str, object]) -> None:
    statement = insert(connection, manager_state).values(connection_id=connection_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["connection_id"], set_=dict(values)))


@dataclass(frozen=True, slots=True)
class ManagerState:
    """When a manager's phones were last listed, when they are to be listed again, and why they could not be."""

    connection: str
    listed_at: datetime | None
    next_at: datetime | None
    fault: str | None


def manager_states(connection: Connection, names: Collection[str]) -> Sequence[ManagerState]:
    """Of these connections, by name; one that was never listed is due."""
    rows = connection.execute(
        select(
            *(connections.c.name, manager_state.c.listed_at, manager_state.c.next_at, manager_state.c.fault),
        )
        .outerjoin(manager_state, manager_state.c.connection_id == connections.c.id)
        .where(connections.c.name.in_(sorted(names)))
        .order_by(connections.c.name)
    )
    return [ManagerState(r.name, r.listed_at, r.next_at, r.fault) for r in rows]


# --- what a removal calls for -------------------------------------------------------------------------------------


def mark_due(connection: Connection, place_id: int, now: datetime) -> int:
    """Something was proven gone from a place: the phones that read it, and its worker's, are to be asked to fetch.

    Called in the transaction that settles the orders, so that no crash can lose it. One mark for any number of orders.
    """
    readers = select(place_device.c.device_id).where(place_device.c.place_id == place_id)
    holder = select(place.c.worker_id).where(place.c.id == place_id)
    return connection.execute(
        update(phone)
        .where(
            phone.c.left_at.is_(None),
            or_(phone.c.device_id.in_(readers), phone.c.worker_id.in_(holder)),
        )
        .values(due_at=func.coalesce(phone.c.due_at, micros(now)))  # never skipped: who clears it holds the row
    ).rowcount


def may_be_read(connection: Connection, today: date) -> ColumnElement[bool]:
    """A phone of somebody, behind an open gate: what it tells may be kept."""
    known = and_(phone.c.left_at.is_(None), phone.c.worker_id.is_not(None))
    if connection.execute(select(installation.c.demo)).scalar_one():
        return known
    gated = exists().where(
        worker.c.id == phone.c.worker_id,
        gate.c.employer_id == worker.c.employer_id,
        gate.c.ends_on >= today,
        gate.c.scope == GateScope.REMOVAL,
    )
    return and_(known, gated)


def held_among(connection: Connection, ids: Collection[int]) -> frozenset[int]:
    """Those of these phones of which a hold covers what they may hold: their account is not taken off.

    They are asked all else as any other phone is, since what is left out would show that there is a hold; getting in
    touch with a manager takes nothing off a phone. What is asked of the database here is the same whatever is held.
    """
    standing = hold_list.standing(connection)
    found: set[int] = set()
    chosen = sorted(ids)
    for at in range(0, len(chosen), _CHUNK):
        some = chosen[at : at + _CHUNK]
        workers = _workers_of(connection, some)
        cases = _cases_of(connection, {each for of_phone in workers.values() for each in of_phone})
        found |= {
            phone_id
            for phone_id in some
            if standing.everything
            or any(standing.covers(each, cases.get(each, ())) for each in workers.get(phone_id, ()))
        }
    return frozenset(found)


def _workers_of(connection: Connection, ids: Sequence[int]) -> Mapping[int, Collection[int]]:
    """By phone, its worker and those whose places it reads."""
    found: dict[int, set[int]] = {}
    some = among(ids)
    for row in connection.execute(select(phone.c.id, phone.c.worker_id).where(phone.c.id.in_(some))):
        found[row.id] = set() if row.worker_id is None else {row.worker_id}
    readers = (
        select(phone.c.id, place.c.worker_id)
        .join(place_device, place_device.c.device_id == phone.c.device_id)
        .join(place, place.c.id == place_device.c.place_id)
        .where(phone.c.id.in_(some))
    )
    for row in connection.execute(readers.distinct()):
        found[row.id].add(row.worker_id)
    return found


def _cases_of(connection: Connection, workers: Collection[int]) -> Mapping[int, Collection[int]]:
    """By worker, the cases of which something of theirs was removed."""
    found: dict[int, set[int]] = {}
    done = select(orders.c.worker_id, orders.c.case_id).where(
        orders.c.state == State.DONE, orders.c.worker_id.in_(among(sorted(workers)))
    )
    for row in connection.execute(done.distinct()):
        found.setdefault(row.worker_id, set()).add(row.case_id)
    return found


def make_asks(
    connection: Connection,
    can: Mapping[str, Collection[Asked]],
    now: datetime,
    today: date,
    *,
    rest: timedelta,
    limit: int,
) -> int:
    """Turn phones that are due into what is asked of them: one of a kind for each phone, whatever called for it.

    can: what each manager can, by connection. rest: how long a phone is left alone after it was asked the same; what
    comes meanwhile is one with it. Returns how many phones.
    """
    rows = connection.execute(
        select(phone.c.id, connections.c.name)
        .join(connections, connections.c.id == phone.c.connection_id)
        .where(phone.c.due_at <= now, connections.c.name.in_(sorted(can)), may_be_read(connection, today))
        .order_by(phone.c.due_at, phone.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=phone)
    ).all()
    for row in rows:
        for what in (Asked.SYNC, Asked.POSTURE):
            if what in can[row.name]:
                put_ask(connection, row.id, what, now, rest=rest)
    if rows:
        connection.execute(update(phone).where(phone.c.id.in_([row.id for row in rows])).values(due_at=None))
    return len(rows)


def put_ask(
    connection: Connection,
    phone_id: int,
    what: Asked,
    now: datetime,
    *,
    rest: timedelta = timedelta(),
    wait: timedelta = timedelta(),
    repush_id: int | None = None,
) -> None:
    """Something to ask of a phone; one that still waits to be asked serves, one that was asked before is superseded.

    rest: how long after the last one of its kind. wait: from now.
    """
    open_ask = connection.execute(
        select(phone_ask.c.id, phone_ask.c.state, phone_ask.c.asked_at, phone_ask.c.next_at).where(
            phone_ask.c.phone_id == phone_id, phone_ask.c.what == what, phone_ask.c.next_at.is_not(None)
        )
    ).first()
    if open_ask is not None and open_ask.state == AskStanding.DUE and open_ask.asked_at is None:
        if now + wait < open_ask.next_at and not rest:
            connection.execute(update(phone_ask).where(phone_ask.c.id == open_ask.id).values(next_at=now + wait))
        return
    if open_ask is not None:
        connection.execute(
            update(phone_ask)
            .where(phone_ask.c.id == open_ask.id)
            .values(state=AskStanding.SUPERSEDED, next_at=None, ended_at=now)
        )
    last: datetime | None = connection.execute(
        select(func.max(phone_ask.c.asked_at)).where(phone_ask.c.phone_id == phone_id, phone_ask.c.what == what)
    ).scalar()
    connection.execute(
        phone_ask.insert().values(
            command=str(uuid.uuid4()),
            phone_id=phone_id,
            what=what,
            state=AskStanding.DUE,
            repush_id=repush_id,
            made_at=now,
            next_at=max(now + wait, now if last is None else last + rest),
        )
    )


def claim_asks(
    connection: Connection,
    sealer: Sealer,
    names: Collection[str],
    now: datetime,
    today: date,
    *,
    lease: timedelta,
    limit: int,
    paused: Collection[str] = (),
) -> Sequence[ClaimedAsk]:
    """Take asks of these connections that are due, or are to be followed, under a lease; hold and gate asked again.

    paused: connections where none of `PAUSED` is asked anew.
    """
    free = _not_held(connection, now)
    allowed = exists().where(
        phone.c.id == phone_ask.c.phone_id,
        connections.c.id == phone.c.connection_id,
        connections.c.name.in_(sorted(names)),
        may_be_read(connection, today),
        or_(phone_ask.c.what != Asked.PULL, phone.c.id.in_(among(free))),
        or_(
            phone_ask.c.state != AskStanding.DUE,
            phone_ask.c.what.not_in(PAUSED),
            connections.c.name.not_in(sorted(paused)),
        ),
    )
    due = (
        select(phone_ask.c.id)
        .where(phone_ask.c.next_at <= now, allowed)
        .order_by(phone_ask.c.next_at, phone_ask.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = connection.execute(
        update(phone_ask)
        .where(phone_ask.c.id.in_(due))
        .values(next_at=now + lease, fence=phone_ask.c.fence + 1, attempts=phone_ask.c.attempts + 1)
        .returning(phone_ask.c.id)
    )
    ids = list(taken.scalars())
    if not ids:
        return []
    rows = connection.execute(
        select(phone_ask, *_KNOWN)
        .join(phone, phone.c.id == phone_ask.c.phone_id)
        .join(connections, connections.c.id == phone.c.connection_id)
        .where(phone_ask.c.id.in_(among(ids)))
        .order_by(connections.c.name, phone_ask.c.phone_id, phone_ask.c.id)
    )
    return [
        ClaimedAsk(
            id=row.id,
            command=row.command,
            handle=row.handle,
            what=Asked(row.what),
            state=AskStanding(row.state),
            attempts=row.attempts,
            fence=row.fence,
            made_at=row.made_at,
            asked_at=row.asked_at,
            repush=row.repush_id,
            at=_known(row, sealer),
        )
        for row in rows
    ]


def _not_held(connection: Connection, now: datetime) -> Sequence[int]:
    """Phones whose account is to be taken off by now and that no hold covers."""
    due = select(phone_ask.c.phone_id).where(phone_ask.c.next_at <= now, phone_ask.c.what == Asked.PULL).distinct()
    ids = set(connection.execute(due).scalars())
    return sorted(ids - held_among(connection, ids))


_KNOWN = (
    phone.c.id.label("phone_number"),
    phone.c.uid.label("phone_uid"),
    phone.c.connection_id,
    connections.c.name.label("connection_name"),
    phone.c.sealed_ref,
    phone.c.platform,
    phone.c.owned,
    phone.c.supervised,
    phone.c.managed,
    phone.c.compliant,
    phone.c.user_enrolled,
    phone.c.seen_at,
    phone.c.worker_id,
    phone.c.device_id,
)


def _known(row: Any, sealer: Sealer) -> KnownPhone:
    opened = Phone(
        sealer.open(row.sealed_ref, f"phone.ref.{row.connection_id}"),
        Platform(row.platform),
        owned=row.owned,
        supervised=row.supervised,
        managed=row.managed,
        compliant=row.compliant,
        user_enrolled=row.user_enrolled,
        seen_at=row.seen_at,
    )
    return KnownPhone(row.phone_number, row.phone_uid, row.connection_name, opened, row.worker_id, row.device_id)


def askable_phones(connection: Connection, sealer: Sealer, name: str, today: date) -> Sequence[KnownPhone]:
    """A manager's phones of which posture and apps may be read: somebody's, behind a gate."""
    rows = connection.execute(
        select(*_KNOWN)
        .join(connections, connections.c.id == phone.c.connection_id)
        .where(connections.c.name == name, may_be_read(connection, today))
        .order_by(phone.c.id)
    )
    return [_known(row, sealer) for row in rows]


def ask_postures(
    connection: Connection, connection_id: int, now: datetime, today: date, *, older_than: timedelta, limit: int
) -> int:
    """Ask the posture of phones of which it was not asked for that long; returns how many."""
    asked = exists().where(
        phone_ask.c.phone_id == phone.c.id,
        phone_ask.c.what == Asked.POSTURE,
        or_(phone_ask.c.made_at > now - older_than, phone_ask.c.next_at.is_not(None)),
    )
    ids = connection.execute(
        select(phone.c.id)
        .where(phone.c.connection_id == connection_id, may_be_read(connection, today), ~asked)
        .order_by(phone.c.id)
        .limit(limit)
    ).scalars()
    found = ids.all()
    for phone_id in found:
        put_ask(connection, phone_id, Asked.POSTURE, now)
    return len(found)


def next_ask(connection: Connection, names: Collection[str], today: date) -> datetime | None:
    """When something is to be asked or followed next at these managers; None: nothing is.

    Marks of phones at a paused manager wait for the end of the pause; asks there are put off each time they are due.
    """
    paused = pauses.paused(connection)

    def marked(some: Collection[str]) -> datetime | None:
        query = select(func.min(phone.c.due_at)).where(
            phone.c.due_at.is_not(None), _at_managers(some), may_be_read(connection, today)
        )
        found: datetime | None = connection.execute(query).scalar() if some else None
        return found

    asks = (
        select(func.min(phone_ask.c.next_at))
        .join(phone, phone.c.id == phone_ask.c.phone_id)
        .where(phone_ask.c.next_at.is_not(None), _at_managers(names))
    )
    waiting = [name for name in names if paused.covers(name)]
    times = [connection.execute(asks).scalar(), marked([name for name in names if name not in waiting])]
    if waiting and paused.ends_at is not None and (first := marked(waiting)) is not None:
        times.append(max(first, paused.ends_at))
    return min((each for each in times if each is not None), default=None)


def _at_managers(names: Collection[str]) -> ColumnElement[bool]:
    return phone.c.connection_id.in_(select(connections.c.id).where(connections.c.name.in_(sorted(names))))


def postpone(connection: Connection, names: Collection[str], now: datetime, until: datetime) -> int:
    """What is due at these managers and was not taken up (a hold, a closed gate, a manager that fails) waits."""
    of_them = (
        select(phone.c.id)
        .join(connections, connections.c.id == phone.c.connection_id)
        .where(connections.c.name.in_(sorted(names)))
    )
    return connection.execute(
        update(phone_ask).where(phone_ask.c.next_at <= now, phone_ask.c.phone_id.in_(of_them)).values(next_at=until)
    ).rowcount


def settle_asks(connection: Connection, settled: Sequence[AskSettled], now: datetime) -> Sequence[AskSettled]:
    """Write what became of claimed asks; returns those whose lease nobody else took, and that had not ended since."""
    ours = []
    for each in settled:
        values: dict[str, object] = {"state": each.state, "next_at": each.next_at, "fault": each.fault}
        if each.next_at is None:
            values["ended_at"] = now
        if each.handle is not None:
            values["handle"] = each.handle
        if each.asked:
            values["asked_at"] = now
        done = connection.execute(
            update(phone_ask)
            .where(phone_ask.c.id == each.id, phone_ask.c.fence == each.fence, phone_ask.c.next_at.is_not(None))
            .values(values)
        )
        if done.rowcount:
            ours.append(each)
    return ours


# --- what a phone told --------------------------------------------------------------------------------------------


def find_phone(connection: Connection, sealer: Sealer, name: str, ref: str) -> KnownPhone | None:
    """The phone a manager speaks of; None: not known here."""
    row = connection.execute(
        select(*_KNOWN)
        .join(connections, connections.c.id == phone.c.connection_id)
        .where(connections.c.name == name, phone.c.key == handle_key(sealer, ref), phone.c.left_at.is_(None))
    ).first()
    return None if row is None else _known(row, sealer)


def note_seen(connection: Connection, phone_id: int, now: datetime) -> None:
    """A phone checked in with its MDM."""
    connection.execute(update(phone).where(phone.c.id == phone_id).values(seen_at=now))


def is_readable(connection: Connection, phone_id: int, today: date) -> bool:
    """Whether what this phone tells may be kept."""
    found = select(phone.c.id).where(phone.c.id == phone_id, may_be_read(connection, today))
    return connection.execute(found).first() is not None


def hear_of_ask(connection: Connection, phone_id: int, command: str, state: AskStanding, now: datetime) -> bool:
    """An event told how far a command has come; what has ended stays as it is. Whether it was one of ours."""
    values: dict[str, object] = {"state": state, "fault": None}
    if state in (AskStanding.DONE, AskStanding.FAILED):
        values |= {"next_at": None, "ended_at": now, "asked_at": func.coalesce(phone_ask.c.asked_at, micros(now))}
    row = connection.execute(
        update(phone_ask)
        .where(
            phone_ask.c.phone_id == phone_id,
            or_(phone_ask.c.command == command, phone_ask.c.handle == command),
            phone_ask.c.next_at.is_not(None),
        )
        .values(values)
        .returning(phone_ask.c.what, phone_ask.c.repush_id)
    ).first()
    if row is not None and state is AskStanding.DONE:
        follow_up(connection, phone_id, Asked(row.what), row.repush_id, now)
    return row is not None


_PUSH_ANYWAY = timedelta(days=1)
"""A phone whose account was taken off gets it back after this, though nobody saw that it was gone."""


def follow_up(connection: Connection, phone_id: int, what: Asked, repush_id: int | None, now: datetime) -> None:
    """After an account was taken off or put on, see what is so; one that was taken off is always put on again."""
    if what in (Asked.PULL, Asked.PUSH):
        put_ask(connection, phone_id, Asked.POSTURE, now)
    if what is Asked.PULL:
        put_ask(connection, phone_id, Asked.PUSH, now, wait=_PUSH_ANYWAY, repush_id=repush_id)


def write_posture(
    connection: Connection, at: KnownPhone, told: Posture, now: datetime, *, apps: Collection[str]
) -> Read:
    """Keep what a phone told: the latest of each aspect, and of these apps. Opens and answers findings; proves that an
    account is gone."""
    when = told.told_at if told.told_at <= now + _LATER else now
    of_account = told.facts.get(Aspect.CONTACT_ACCOUNT) is not None
    had_account = of_account and facts_of(connection, at.id).get(Aspect.CONTACT_ACCOUNT, (None, when))[0] is True
    if told.facts:
        rows = [
            {"phone_id": at.id, "aspect": aspect, "holds": holds, "told_at": when}
            for aspect, holds in told.facts.items()
        ]
        statement = insert(connection, phone_fact).values(rows)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["phone_id", "aspect"],
                set_={"holds": statement.excluded.holds, "told_at": statement.excluded.told_at},
                where=phone_fact.c.told_at <= when,
            )
        )
    write_apps(connection, {at.phone.ref: at.id}, (each for each in told.apps if each.app in apps), now)
    opened = _weigh(connection, at, now) if told.facts else 0  # apps are weighed by nobody
    gone = _prove_gone(connection, at, told, when, now, had_account=had_account) if of_account else ()
    return Read(opened, gone)


def write_apps(connection: Connection, ids: Mapping[str, int], sights: Iterable[AppSight], now: datetime) -> int:
    """Keep what was seen of watched apps. ids: our numbers by handle.

    Unknown replaces nothing that was known, but for one thing: an app that was found by its name, and is not found by
    any name now, is no longer known to be there.
    """
    kept = 0
    statement = insert(connection, phone_app)
    for sight in sights:
        if sight.phone not in ids:
            continue
        told_at = min(sight.told_at, now) if sight.told_at else None
        values = {
            "presence": sight.presence.value,
            "managed": sight.managed,
            "by_name": sight.by_name,
            "told_at": told_at,
        }
        clause = statement.values(phone_id=ids[sight.phone], app=sight.app, **values)
        if sight.presence is AppPresence.UNKNOWN and sight.by_name:
            clause = clause.on_conflict_do_update(
                index_elements=["phone_id", "app"], set_=values, where=phone_app.c.by_name
            )
        elif sight.presence is AppPresence.UNKNOWN:
            clause = clause.on_conflict_do_nothing()
        else:
            newer = or_(phone_app.c.told_at.is_(None), phone_app.c.presence == AppPresence.UNKNOWN)
            if told_at is not None:
                newer = or_(newer, phone_app.c.told_at <= told_at)
            clause = clause.on_conflict_do_update(index_elements=["phone_id", "app"], set_=values, where=newer)
        connection.execute(clause)
        kept += 1
    return kept


def _weigh(connection: Connection, at: KnownPhone, now: datetime) -> int:
    """Open a finding for a phone that told it lacks what protects; answer one that it told to have again."""
    repushed = connection.execute(
        select(repush_phone.c.repush_id)
        .join(repush, repush.c.id == repush_phone.c.repush_id)
        .where(
            repush_phone.c.phone_id == at.id,
            repush_phone.c.back_at.is_(None),
            repush.c.released_at.is_not(None),
        )
    ).first()
    found = findings_of(facts_of(connection, at.id), taken_off=repushed is not None)
    opened = open_findings(
        connection,
        [NewFinding(kind, subject=at.uid, worker=at.worker) for kind, opens in found.items() if opens],
        now,
    )
    answered = [kind for kind, opens in found.items() if not opens]
    connection.execute(
        update(finding)
        .where(finding.c.kind.in_(answered), finding.c.subject == at.uid, finding.c.closed_at.is_(None))
        .values({**BY_ITSELF, "closed_at": now})
    )
    return opened


def _prove_gone(
    connection: Connection, at: KnownPhone, told: Posture, when: datetime, now: datetime, *, had_account: bool
) -> tuple[tuple[str, int], ...]:
    """The account that we took off is gone from the phone: every order settled before that rises for this device."""
    account = told.facts.get(Aspect.CONTACT_ACCOUNT)
    row = connection.execute(
        select(phone_ask.c.repush_id, phone_ask.c.asked_at, phone_ask.c.state, repush_phone.c.gone_at)
        .join(
            repush_phone,
            and_(repush_phone.c.repush_id == phone_ask.c.repush_id, repush_phone.c.phone_id == phone_ask.c.phone_id),
        )
        .where(
            phone_ask.c.phone_id == at.id,
            phone_ask.c.what == Asked.PULL,
            phone_ask.c.asked_at.is_not(None),
            repush_phone.c.back_at.is_(None),
        )
        .order_by(phone_ask.c.id.desc())
    ).first()
    if row is None:
        return ()
    pull = Pull(row.asked_at, confirmed=row.state == AskStanding.DONE, gone=row.gone_at is not None)
    news = account_news(account, when, pull, had_account=had_account)
    if news is AccountNews.NOTHING:
        return ()
    mine = and_(repush_phone.c.repush_id == row.repush_id, repush_phone.c.phone_id == at.id)
    if news is AccountNews.BACK:
        connection.execute(update(repush_phone).where(mine).values(back_at=now))
        return ()
    connection.execute(update(repush_phone).where(mine).values(gone_at=when))
    put_ask(connection, at.id, Asked.PUSH, now, repush_id=row.repush_id)
    if news is not AccountNews.GONE_PROVEN or at.device is None:
        return ()
    return _raise_container(connection, at.device, when)


def _raise_container(connection: Connection, device_id: int, when: datetime) -> tuple[tuple[str, int], ...]:
    rows = connection.execute(
        select(orders.c.id)
        .join(place_device, place_device.c.place_id == orders.c.place_id)
        .where(
            place_device.c.device_id == device_id,
            orders.c.state == State.DONE,
            orders.c.settled_at <= when,
            ~exists().where(
                evidence.c.order_id == orders.c.id,
                evidence.c.device_id == device_id,
                evidence.c.level == Level.CONTAINER_REMOVED,
            ),
        )
    )
    new = [(str(row.id), device_id) for row in rows]
    write_evidence(connection, new, Level.CONTAINER_REMOVED, when, "mdm_account_gone")
    return tuple(new)


def write_evidence(
    connection: Connection, new: Sequence[tuple[str, int]], level: Level, when: datetime, how: str
) -> None:
    """What a device adds to orders that are done. when: of what proves it. how: a word for who said so."""
    if new:
        connection.execute(
            insert(connection, evidence).on_conflict_do_nothing(),
            [{"order_id": o, "device_id": d, "level": level.value, "at": when, "how": how} for o, d in new],
        )


def facts_of(connection: Connection, phone_id: int) -> dict[Aspect, tuple[bool | None, datetime]]:
    """What a phone told last of each aspect, with when."""
    rows = connection.execute(select(phone_fact).where(phone_fact.c.phone_id == phone_id))
    return {Aspect(row.aspect): (row.holds, row.told_at) for row in rows}
