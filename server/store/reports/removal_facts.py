"""What reports are made from, read in sets; rows as they stand, no wording and no judgement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, func, select

from mdm_adapters.port import Fault, Outcome, Token
from server.core.model import Decision, Level, Reason, State
from server.core.removal.cards import Cards
from server.store.removal.orders import cards_of
from server.store.schema.base import (
    cases,
    device,
    evidence,
    identifier,
    orders,
    pair,
    place,
    place_device,
    witness,
    worker,
)
from server.store.schema.base import (
    connection as connections,
)


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order with all that a report may say of it. levels: how many of its place's devices reached each level."""

    id: str
    token: Token
    place: str
    connection: str
    worker: str
    case: str | None
    reason: Reason
    policy: str
    state: State
    fault: Fault | None
    outcome: Outcome | None
    recoverable: bool
    cards: Cards | None
    attempts: int
    planned_at: datetime
    called_at: datetime | None
    settled_at: datetime | None
    level: Level
    devices: int
    levels: Mapping[Level, int]


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device, who carries it, and when it was last seen fetching after a removal."""

    ref: str
    worker: str
    last_fetch: datetime | None


def read_orders(
    connection: Connection, *, states: Sequence[State], since: datetime | None = None, until: datetime | None = None
) -> Sequence[OrderFacts]:
    """Orders in these states, in order of planning; of done ones those settled in [since, until)."""
    query = (
        select(
            orders,
            identifier.c.token,
            place.c.uid.label("place_uid"),
            connections.c.name.label("connection_name"),
            worker.c.ref.label("worker_ref"),
            cases.c.number.label("case_number"),
            _devices_of_place().label("devices"),
        )
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .join(place, place.c.id == orders.c.place_id)
        .join(connections, connections.c.id == place.c.connection_id)
        .join(worker, worker.c.id == orders.c.worker_id)
        .outerjoin(cases, cases.c.id == orders.c.case_id)
        .where(orders.c.state.in_(states))
        .order_by(orders.c.planned_at, orders.c.id)
    )
    if since is not None:
        query = query.where(orders.c.settled_at >= since)
    if until is not None:
        query = query.where(orders.c.settled_at < until)
    levels: defaultdict[str, dict[Level, int]] = defaultdict(dict)
    chosen = query.with_only_columns(orders.c.id).order_by(None)
    for row in connection.execute(
        select(evidence.c.order_id, evidence.c.level, func.count())
        .where(evidence.c.order_id.in_(chosen))
        .group_by(evidence.c.order_id, evidence.c.level)
    ):
        levels[row[0]][Level(row[1])] = row[2]
    return [
        OrderFacts(
            id=r.id,
            token=Token(r.token),
            place=r.place_uid,
            connection=r.connection_name,
            worker=r.worker_ref,
            case=r.case_number,
            reason=Reason(r.reason),
            policy=r.policy,
            state=State(r.state),
            fault=Fault(r.fault) if r.fault else None,
            outcome=Outcome(r.outcome) if r.outcome else None,
            recoverable=r.recoverable,
            cards=cards_of(r),
            attempts=r.attempts,
            planned_at=r.planned_at,
            called_at=r.called_at,
            settled_at=r.settled_at,
            level=Level(r.level),
            devices=r.devices,
            levels=levels[r.id],
        )
        for r in connection.execute(query)
    ]


def read_devices(connection: Connection) -> Sequence[DeviceFacts]:
    """Every device, and when it was last seen fetching: what its manager or an app on it says of it is no fetch."""
    fetched = (
        select(evidence.c.device_id, func.max(evidence.c.at).label("at"))
        .where(evidence.c.level == Level.DEVICE_SYNCED)
        .group_by(evidence.c.device_id)
        .subquery()
    )
    rows = connection.execute(
        select(device.c.ref, worker.c.ref.label("worker_ref"), fetched.c.at)
        .join(worker, worker.c.id == device.c.worker_id)
        .outerjoin(fetched, fetched.c.device_id == device.c.id)
        .order_by(device.c.ref)
    )
    return [DeviceFacts(*row) for row in rows]


def read_place_sources(connection: Connection) -> Sequence[tuple[str, datetime | None, Fault | None]]:
    """Each place by its opaque id: when it was last read, and why the last try failed."""
    rows = connection.execute(
        select(place.c.uid, connections.c.name, place.c.looked_at, place.c.fault)
        .join(connections, connections.c.id == place.c.connection_id)
        .order_by(connections.c.name, place.c.uid)
    )
    return [(f"{r.name} {r.uid}", r.looked_at, Fault(r.fault) if r.fault else None) for r in rows]


def read_witness_sources(connection: Connection) -> Sequence[tuple[str, datetime]]:
    """Each store's log: when it was last read."""
    return [(r.name, r.read_at) for r in connection.execute(select(witness).order_by(witness.c.name))]


def worker_refs(connection: Connection, ids: Sequence[int]) -> Mapping[int, str]:
    """References of workers by id."""
    rows = connection.execute(select(worker.c.id, worker.c.ref).where(worker.c.id.in_(ids)))
    return {row.id: row.ref for row in rows}


def case_numbers(connection: Connection, ids: Sequence[int]) -> Mapping[int, str]:
    """Case numbers by id."""
    rows = connection.execute(select(cases.c.id, cases.c.number).where(cases.c.id.in_(ids)))
    return {row.id: row.number for row in rows}


def decisions_count(connection: Connection) -> Mapping[Decision, int]:
    """How many pairs were last decided which way, but for those that are postponed, which nothing counts."""
    rows = connection.execute(
        select(pair.c.decision, func.count()).where(pair.c.decision != Decision.DEFER.value).group_by(pair.c.decision)
    )
    return {Decision(row[0]): row[1] for row in rows}


def _devices_of_place() -> ScalarSelect[int]:
    return (
        select(func.count())
        .select_from(place_device)
        .where(place_device.c.place_id == orders.c.place_id)
        .scalar_subquery()
    )
