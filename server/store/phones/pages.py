"""Phones as people see them: coverage by team, one phone with all that is known of it, what was asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select, tuple_

from mdm_adapters.phones import AppPresence, Aspect, Platform
from server.core.model import DeviceUse
from server.core.phones.asks import Asked, AskStanding, is_shown
from server.store.schema.base import connection as connections
from server.store.schema.base import device, employer, orders, place, place_device, worker
from server.store.schema.phones import phone, phone_app, phone_ask, phone_fact


@dataclass(frozen=True, slots=True)
class TeamCover:
    """A team with its devices. without, one, several: workers by how many devices they carry or read from.

    shared, loan: of its devices. unmanaged: devices without a manager now.
    """

    employer: str
    team: str
    workers: int
    without: int
    one: int
    several: int
    devices: int
    shared: int
    loan: int
    unmanaged: int


def team_covers(connection: Connection) -> Sequence[TeamCover]:
    """Every team of every employer, by name. A device that several workers of a team read from is one."""
    holds = (
        select(place.c.worker_id, place_device.c.device_id)
        .join(place_device, place_device.c.place_id == place.c.id)
        .union(select(device.c.worker_id, device.c.id))
        .subquery()
    )
    managed = set(
        connection.execute(
            select(phone.c.device_id).where(phone.c.left_at.is_(None), phone.c.device_id.is_not(None))
        ).scalars()
    )
    uses = {row.id: row.use for row in connection.execute(select(device.c.id, device.c.use))}
    carried: dict[int, set[int]] = {}
    for row in connection.execute(select(holds)):
        carried.setdefault(row.worker_id, set()).add(row.device_id)
    teams: dict[tuple[str, str], list[set[int]]] = {}
    workers = select(worker.c.id, worker.c.team, employer.c.name).join(employer, employer.c.id == worker.c.employer_id)
    for who in connection.execute(workers):
        teams.setdefault((who.name, who.team), []).append(carried.get(who.id, set()))
    found = []
    for (name, team), each in sorted(teams.items()):
        devices = set().union(*each)
        found.append(
            TeamCover(
                name,
                team,
                workers=len(each),
                without=sum(not held for held in each),
                one=sum(len(held) == 1 for held in each),
                several=sum(len(held) > 1 for held in each),
                devices=len(devices),
                shared=sum(uses[number] == DeviceUse.SHARED for number in devices),
                loan=sum(uses[number] == DeviceUse.LOAN for number in devices),
                unmanaged=len(devices - managed),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone at a manager as people see it; worker and device for those cleared."""

    id: int
    uid: str
    connection: str
    vendor: str
    platform: Platform
    worker: str | None = field(repr=False)
    device: str | None = field(repr=False)
    use: DeviceUse | None
    owned: bool | None
    supervised: bool | None
    user_enrolled: bool | None
    compliant: bool | None
    seen_at: datetime | None
    left_at: datetime | None
    due_at: datetime | None


def read_phones(connection: Connection, *, uid: str | None = None) -> Sequence[PhoneLine]:
    """Managed phones now (or the one of that id, though it left), in the order they came."""
    query = (
        select(
            phone,
            *(connections.c.name, connections.c.vendor, worker.c.ref.label("worker_ref")),
            *(device.c.ref.label("device_ref"), device.c.use),
        )
        .join(connections, connections.c.id == phone.c.connection_id)
        .outerjoin(worker, worker.c.id == phone.c.worker_id)
        .outerjoin(device, device.c.id == phone.c.device_id)
        .order_by(phone.c.id)
    )
    query = query.where(phone.c.left_at.is_(None)) if uid is None else query.where(phone.c.uid == uid)
    return [
        PhoneLine(
            id=r.id,
            uid=r.uid,
            connection=r.name,
            vendor=r.vendor,
            platform=Platform(r.platform),
            worker=r.worker_ref,
            device=r.device_ref,
            use=DeviceUse(r.use) if r.use else None,
            owned=r.owned,
            supervised=r.supervised,
            user_enrolled=r.user_enrolled,
            compliant=r.compliant,
            seen_at=r.seen_at,
            left_at=r.left_at,
            due_at=r.due_at,
        )
        for r in connection.execute(query)
    ]


def facts_by_device(connection: Connection) -> Mapping[str, Mapping[Aspect, tuple[bool | None, datetime]]]:
    """What phones told last and when, by our reference of the device."""
    rows = connection.execute(
        select(device.c.ref, phone_fact.c.aspect, phone_fact.c.holds, phone_fact.c.told_at)
        .join(phone, phone.c.id == phone_fact.c.phone_id)
        .join(device, device.c.id == phone.c.device_id)
        .where(phone.c.left_at.is_(None))
        .order_by(phone_fact.c.told_at)
    )
    found: dict[str, dict[Aspect, tuple[bool | None, datetime]]] = {}
    for row in rows:
        found.setdefault(row.ref, {})[Aspect(row.aspect)] = row.holds, row.told_at
    return found


@dataclass(frozen=True, slots=True)
class AppLine:
    """Of one app of the catalogue on one phone."""

    app: str
    presence: AppPresence
    managed: bool | None
    by_name: bool
    told_at: datetime | None


def apps_of(connection: Connection, phone_id: int) -> Sequence[AppLine]:
    """What is known of watched apps on a phone."""
    rows = connection.execute(select(phone_app).where(phone_app.c.phone_id == phone_id).order_by(phone_app.c.app))
    return [AppLine(r.app, AppPresence(r.presence), r.managed, r.by_name, r.told_at) for r in rows]


@dataclass(frozen=True, slots=True)
class AskLine:
    """Something asked of a phone, as people see it."""

    what: Asked
    state: AskStanding
    made_at: datetime
    asked_at: datetime | None
    ended_at: datetime | None
    fault: str | None


def _shown() -> ColumnElement[bool]:
    allowed = [(what, state) for what in Asked for state in AskStanding if is_shown(what, state)]
    return tuple_(phone_ask.c.what, phone_ask.c.state).in_(allowed)


def asks_of(connection: Connection, phone_id: int, *, limit: int = 20) -> Sequence[AskLine]:
    """The latest things asked of a phone, newest first, as far as they may be seen."""
    rows = connection.execute(
        select(phone_ask).where(phone_ask.c.phone_id == phone_id, _shown()).order_by(phone_ask.c.id.desc()).limit(limit)
    )
    return [AskLine(Asked(r.what), AskStanding(r.state), r.made_at, r.asked_at, r.ended_at, r.fault) for r in rows]


def asks_for_order(connection: Connection, order_id: str) -> Sequence[tuple[str, AskLine]]:
    """What was asked of phones because of a removal: of each phone the first of a kind made since it was proven."""
    settled = select(orders.c.settled_at, orders.c.worker_id, orders.c.place_id).where(orders.c.id == order_id)
    row = connection.execute(settled).first()
    if row is None or row.settled_at is None:
        return []
    readers = select(place_device.c.device_id).where(place_device.c.place_id == row.place_id)
    asks = connection.execute(
        select(phone_ask, phone.c.uid)
        .join(phone, phone.c.id == phone_ask.c.phone_id)
        .where(
            or_(phone.c.device_id.in_(readers), phone.c.worker_id == row.worker_id),
            phone_ask.c.made_at >= row.settled_at,
            _shown(),
        )
        .order_by(phone_ask.c.id)
    )
    first: dict[tuple[str, str], AskLine] = {}
    for r in asks:
        line = AskLine(Asked(r.what), AskStanding(r.state), r.made_at, r.asked_at, r.ended_at, r.fault)
        first.setdefault((r.uid, r.what), line)
    return [(uid, line) for (uid, _), line in first.items()]
