"""Installation, employers, gates, workers, devices, connections and places: rows of what administrators set up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import IntegrityError

from server.core.admin.gates import Gate
from server.core.model import GateScope
from server.core.naming import known_spelling, spellings
from server.store.database import Store, insert
from server.store.schema.base import (
    assignment,
    case_system,
    device,
    employer,
    gate,
    identifier,
    installation,
    place,
    place_device,
    plan,
    worker,
)
from server.store.schema.base import (
    connection as connections,
)


@dataclass(frozen=True, slots=True)
class Installation:
    """The one organisation this database serves."""

    uid: str
    name: str
    demo: bool
    key_check: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A contact server and how to sign in to it; the secret stays in its file.

    ca_file: who signed the server's certificate. log_file: the store's own log, if it can witness devices fetching.
    options: what only this vendor needs (a tenant, a client id), never a secret.
    """

    id: int
    name: str
    vendor: str
    base_url: str
    login: str
    secret_file: str
    ca_file: str | None
    log_file: str | None
    options: Mapping[str, str]
    demo: bool


class PutPlace(StrEnum):
    """What naming a place came to."""

    NEW = "new"
    KNOWN = "known"
    MOVED = "moved"
    """It was another worker's until now."""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A place with what the engine must know of it. gated: the worker's employer has a gate in force today.

    cards: how many entries it holds at least, private ones included, as last read and believed.
    line, listed_at: where it stands in the list by which it was last taken in, and when that was; None: not known.
    """

    id: int
    uid: str
    connection: str
    worker: int
    worker_ref: str
    address: str = field(repr=False)
    cursor: str | None = field(repr=False)
    version: int
    searched_to: int
    look_due: bool
    hinted_at: datetime | None
    full_at: datetime | None
    looked_at: datetime | None
    fault: str | None
    gated: bool
    devices: int
    cards: int = 0
    line: int | None = None
    listed_at: datetime | None = None


def found(connection: Connection, row: Installation, at: datetime) -> None:
    """Write the installation's own row, once."""
    connection.execute(
        installation.insert().values(
            id=1, uid=row.uid, name=row.name, demo=row.demo, key_check=row.key_check, created_at=at
        )
    )


def has_installation(connection: Connection) -> bool:
    """Whether `init` has been here."""
    return connection.execute(select(installation.c.id)).first() is not None


def read_installation(connection: Connection) -> Installation:
    """The installation; NoResultFound before `init`."""
    row = connection.execute(select(installation)).one()
    return Installation(row.uid, row.name, row.demo, row.key_check)


def record_gate(connection: Connection, gate_: Gate, at: datetime, by: str) -> int:
    """Record a gate for an employer, known or new; returns its id."""
    employer_id = employer_named(connection, gate_.employer)
    row = connection.execute(
        gate.insert()
        .values(
            employer_id=employer_id,
            dpia=gate_.dpia,
            consent=gate_.consent,
            scope=gate_.scope,
            purpose=gate_.purpose,
            review_on=gate_.review_on,
            ends_on=gate_.ends_on,
            dpia_version=gate_.dpia_version or None,
            dpia_on=gate_.dpia_on,
            advice=gate_.advice or None,
            consent_on=gate_.consent_on,
            recorded_at=at,
            recorded_by=by,
        )
        .returning(gate.c.id)
    )
    return int(row.scalar_one())


def gates(connection: Connection) -> Sequence[Gate]:
    """Every gate ever recorded, newest first."""
    rows = connection.execute(
        select(gate, employer.c.name).join(employer, employer.c.id == gate.c.employer_id).order_by(gate.c.id.desc())
    )
    return [
        Gate(
            employer=row.name,
            dpia=row.dpia,
            consent=row.consent,
            purpose=row.purpose,
            review_on=row.review_on,
            ends_on=row.ends_on,
            scope=GateScope(row.scope),
            dpia_version=row.dpia_version or "",
            dpia_on=row.dpia_on,
            advice=row.advice or "",
            consent_on=row.consent_on,
        )
        for row in rows
    ]


def employer_named(connection: Connection, name: str) -> int:
    """The id of an employer, made if new; one that is spelt otherwise is the same."""
    known = {row.name: row.id for row in connection.execute(select(employer).order_by(employer.c.id))}
    spelt = known_spelling(name, known)
    if spelt in known:
        return int(known[spelt])
    connection.execute(insert(connection, employer).values(name=spelt).on_conflict_do_nothing())
    return int(connection.execute(select(employer.c.id).where(employer.c.name == spelt)).scalar_one())


def find_employer(connection: Connection, name: str) -> str | None:
    """An employer by its name as it is spelt here; None: there is none."""
    known = connection.execute(select(employer.c.name).order_by(employer.c.id)).scalars().all()
    spelt = known_spelling(name, known)
    return spelt if spelt in known else None


def may_remove_for(connection: Connection, name: str, today: date) -> bool:
    """Whether a gate for removing is open for an employer, or this is a demo."""
    if connection.execute(select(installation.c.demo)).scalar_one():
        return True
    open_one = (
        select(gate.c.id)
        .join(employer, employer.c.id == gate.c.employer_id)
        .where(employer.c.name == name, gate.c.ends_on >= today, gate.c.scope == GateScope.REMOVAL.value)
        .limit(1)
    )
    return connection.execute(open_one).first() is not None


def worker_spellings(connection: Connection) -> dict[str, str]:
    """How each worker is spelt here, by its key: those with a place first, then those of the register alone."""
    ours = connection.execute(select(worker.c.ref).order_by(worker.c.id)).scalars()
    register = connection.execute(
        select(assignment.c.worker_ref).distinct().order_by(assignment.c.worker_ref)
    ).scalars()
    return spellings([*ours, *register])


def spellings_of_workers(store: Store, refs: Sequence[str]) -> Mapping[str, str]:
    """How each of these is spelt, by its key: made anew only where they are others than the last time."""
    known = _SPELT.get(store)
    if known is None or known[0] != refs:
        known = _SPELT[store] = (refs, spellings(refs))
    return known[1]


_SPELT: WeakKeyDictionary[Store, tuple[Sequence[str], Mapping[str, str]]] = WeakKeyDictionary()


def put_connection(connection: Connection, values: Mapping[str, Any]) -> int:
    """Make or change a connection by its name."""
    statement = insert(connection, connections).values(**values)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={key: value for key, value in values.items() if key != "name"}
    )
    connection.execute(statement)
    return int(connection.execute(select(connections.c.id).where(connections.c.name == values["name"])).scalar_one())


def remove_connection(connection: Connection, id_: int) -> bool:
    """Take a connection away; False, and nothing is done, if a place, a phone or a pause is known by it."""
    try:
        with connection.begin_nested():
            connection.execute(connections.delete().where(connections.c.id == id_))
    except IntegrityError:
        return False
    return True


def read_connections(connection: Connection) -> Sequence[ConnectionRow]:
    """All connections, by name."""
    rows = connection.execute(select(connections).order_by(connections.c.name))
    return [
        ConnectionRow(
            r.id,
            r.name,
            r.vendor,
            r.base_url,
            r.login,
            r.secret_file,
            r.ca_file,
            r.log_file,
            json.loads(r.options),
            r.demo,
        )
        for r in rows
    ]


def put_worker(connection: Connection, ref: str, employer_id: int, team: str) -> int:
    """Make or change a worker by reference. team: "" of one who is known: as it was, nobody said anything of it."""
    statement = insert(connection, worker).values(ref=ref, employer_id=employer_id, team=team)
    said = {"employer_id": employer_id, "team": team} if team else {"employer_id": employer_id}
    connection.execute(statement.on_conflict_do_update(index_elements=["ref"], set_=said))
    return int(connection.execute(select(worker.c.id).where(worker.c.ref == ref)).scalar_one())


def put_place(
    connection: Connection,
    *,
    uid: str,
    connection_id: int,
    worker_id: int,
    address: str,
    devices: Mapping[str, str],
    line: int | None = None,
    at: datetime | None = None,
) -> PutPlace:
    """Make a place known with its devices (reference -> login or ""). line, at: of the list that names it, and when.

    A place that changes hands keeps what was seen there; a device moves to the worker named last.
    """
    before = connection.execute(
        select(place.c.worker_id).where(place.c.connection_id == connection_id, place.c.address == address)
    ).scalar()
    connection.execute(
        insert(connection, place)
        .values(uid=uid, connection_id=connection_id, worker_id=worker_id, address=address)
        .on_conflict_do_nothing(index_elements=["connection_id", "address"])
    )
    where = (place.c.connection_id == connection_id) & (place.c.address == address)
    values: dict[str, Any] = {"worker_id": worker_id}
    if line is not None:
        values |= {"list_line": line, "listed_at": at}
    connection.execute(update(place).where(where).values(**values))
    place_id = connection.execute(select(place.c.id).where(where)).scalar_one()
    for ref, login in devices.items():
        held = {"worker_id": worker_id, "login": login or None}
        connection.execute(
            insert(connection, device).values(ref=ref, **held).on_conflict_do_update(index_elements=["ref"], set_=held)
        )
        device_id = connection.execute(select(device.c.id).where(device.c.ref == ref)).scalar_one()
        connection.execute(
            insert(connection, place_device).values(place_id=place_id, device_id=device_id).on_conflict_do_nothing()
        )
    if before is None:
        return PutPlace.NEW
    return PutPlace.KNOWN if before == worker_id else PutPlace.MOVED


def read_places(connection: Connection, today: date, *, ids: Sequence[int] | None = None) -> Sequence[PlaceRow]:
    """Places (all, or these), in order of id."""
    gated = (
        select(func.count())
        .select_from(gate)
        .where(gate.c.employer_id == worker.c.employer_id, gate.c.ends_on >= today, gate.c.scope == GateScope.REMOVAL)
        .scalar_subquery()
    )
    devices = (
        select(func.count()).select_from(place_device).where(place_device.c.place_id == place.c.id).scalar_subquery()
    )
    query = (
        select(place, connections.c.name, worker.c.ref, gated.label("gates"), devices.label("devices"))
        .join(connections, connections.c.id == place.c.connection_id)
        .join(worker, worker.c.id == place.c.worker_id)
        .order_by(place.c.id)
    )
    if ids is not None:
        query = query.where(place.c.id.in_(ids))
    return [
        PlaceRow(
            id=r.id,
            uid=r.uid,
            connection=r.name,
            worker=r.worker_id,
            worker_ref=r.ref,
            address=r.address,
            cursor=r.cursor,
            version=r.version,
            searched_to=r.searched_to,
            look_due=r.look_due,
            hinted_at=r.hinted_at,
            full_at=r.full_at,
            looked_at=r.looked_at,
            fault=r.fault,
            gated=r.gates > 0,
            devices=r.devices,
            cards=r.cards,
            line=r.list_line,
            listed_at=r.listed_at,
        )
        for r in connection.execute(query)
    ]


def addresses(connection: Connection, connection_name: str) -> Sequence[str]:
    """The addresses of a connection's places."""
    query = (
        select(place.c.address)
        .join(connections, connections.c.id == place.c.connection_id)
        .where(connections.c.name == connection_name)
    )
    return list(connection.execute(query).scalars())


def newest_identifier(connection: Connection) -> int:
    """The number of the identifier that came into the register last; 0 for none."""
    return int(connection.execute(select(func.coalesce(func.max(identifier.c.id), 0))).scalar_one())


def newest_instant(connection: Connection) -> datetime | None:
    """The latest time at which a place was read or a plan made, by which a clock that went back is noticed."""
    times = [connection.execute(select(func.max(column))).scalar() for column in (place.c.looked_at, plan.c.made_at)]
    return max((each for each in times if each is not None), default=None)


def case_systems(connection: Connection) -> Sequence[tuple[str, datetime | None]]:
    """Case systems, each with when its register was last read soundly."""
    rows = connection.execute(select(case_system.c.name, case_system.c.read_at).order_by(case_system.c.name))
    return [(row.name, row.read_at) for row in rows]
