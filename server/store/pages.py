"""What pages show, read by the page: counts from indexes, lists by the key of the row before; rows as they stand.

Orders that were stopped are in no list: a contact that is no longer called for looks like one that never was, whatever
the cause.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)

from mdm_adapters.port import Fault, Outcome, Token
from server.core.model import OPEN_STATES, Decision, FindingKind, Level, Presence, Reason, State
from server.core.policy.model import ConfirmedBy
from server.core.removal.cards import Cards
from server.store import findings
from server.store.findings import FindingRow
from server.store.removal import closures
from server.store.removal.orders import cards_of
from server.store.schema.base import (
    Instant,
    approval,
    assignment,
    cases,
    deviation,
    device,
    entry,
    evidence,
    finding,
    identifier,
    import_run,
    link,
    orders,
    pair,
    place,
    place_device,
    plan,
    sighting,
    tombstone,
    worker,
)
from server.store.schema.base import (
    connection as connections,
)
from server.store.schema.putting import put_back

_MOST_WORKERS = 40
_OPEN_ORDERS = (orders.c.settled_at.is_(None), orders.c.state.in_(tuple(sorted(OPEN_STATES))))
"""The first of the two is what an index is made for."""
_RARE = frozenset({Level.DEVICE_ATTESTED, Level.CONTAINER_REMOVED})
_DAY = 24 * 3600 * 1_000_000
"""In the unit in which instants are kept."""


# --- counts -------------------------------------------------------------------------------------------------------


def count_in(
    connection: Connection, column: ColumnElement[Any], edges: Sequence[datetime], *where: ColumnElement[bool]
) -> Sequence[int]:
    """How many rows fall between each two edges (the first included, the last not), in one walk over an index."""
    nth = case(*((column < edge, number) for number, edge in enumerate(edges[1:])))
    rows = connection.execute(
        select(nth, func.count()).where(column >= edges[0], column < edges[-1], *where).group_by(nth)
    )
    found = {row[0]: row[1] for row in rows}
    return [found.get(number, 0) for number in range(len(edges) - 1)]


def count_settled(connection: Connection, edges: Sequence[datetime]) -> Sequence[int]:
    """How many orders were proven between each two edges."""
    return count_in(connection, orders.c.settled_at, edges)


def count_open_orders(connection: Connection, edges: Sequence[datetime]) -> Sequence[int]:
    """How many open orders were planned between each two edges."""
    return count_in(connection, orders.c.planned_at, edges, *_OPEN_ORDERS)


def count_open_findings(connection: Connection, edges: Sequence[datetime]) -> Mapping[FindingKind, Sequence[int]]:
    """How many findings that nobody has closed were opened between each two edges, for each kind that has any."""
    nth = case(*((finding.c.opened_at < edge, number) for number, edge in enumerate(edges[1:])))
    rows = connection.execute(
        select(finding.c.kind, nth, func.count())
        .where(finding.c.closed_at.is_(None), finding.c.opened_at >= edges[0], finding.c.opened_at < edges[-1])
        .group_by(finding.c.kind, nth)
    )
    found: dict[FindingKind, list[int]] = {}
    for kind, number, count in rows:
        found.setdefault(FindingKind(kind), [0] * (len(edges) - 1))[number] = count
    return {kind: found[kind] for kind in FindingKind if kind in found}


def open_findings_by_kind(connection: Connection) -> Mapping[FindingKind, int]:
    """How many findings of each kind nobody has closed."""
    rows = connection.execute(
        select(finding.c.kind, func.count()).where(finding.c.closed_at.is_(None)).group_by(finding.c.kind)
    )
    return {FindingKind(row[0]): row[1] for row in rows}


def count_stuck(connection: Connection, passing: Collection[Fault]) -> int:
    """How many orders wait for a person: to decide, or to mend what no repeat mends. passing: faults that go by."""
    query = select(func.count()).select_from(orders).where(_stuck(passing))
    return int(connection.execute(query).scalar_one())


def count_by_level(connection: Connection, since: datetime) -> Mapping[Level, tuple[int, int]]:
    """Of what was proven since then: for each level, contacts in address books and copies on phones."""
    books = connection.execute(
        select(orders.c.level, func.count()).where(orders.c.settled_at >= since).group_by(orders.c.level)
    )
    copies = connection.execute(
        select(evidence.c.level, func.count())
        .join(orders, orders.c.id == evidence.c.order_id)
        .where(orders.c.settled_at >= since)
        .group_by(evidence.c.level)
    )
    found = {Level(level): (count, 0) for level, count in books}
    for level, count in copies:
        found[Level(level)] = (found.get(Level(level), (0, 0))[0], count)
    return found


def count_copies(connection: Connection, since: datetime) -> int:
    """On how many phones there was a copy of what was proven since then: the phones that read its place."""
    books = (
        select(orders.c.place_id, func.count().label("contacts"))
        .where(orders.c.settled_at >= since)
        .group_by(orders.c.place_id)
        .subquery()
    )
    phones = select(place_device.c.place_id, func.count().label("phones")).group_by(place_device.c.place_id).subquery()
    query = select(func.coalesce(func.sum(books.c.contacts * phones.c.phones), 0)).join_from(
        books, phones, phones.c.place_id == books.c.place_id
    )
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class InTime:
    """Of what was removed because its case was finally closed: in_time within the policy's days, late after them.

    backlog: late, and past those days already when the first export came in. undated: without a date to count from.
    """

    in_time: int
    late: int
    backlog: int
    undated: int

    @property
    def whole(self) -> int:
        """All that an organisation answers for."""
        return self.in_time + self.late

    @property
    def classes(self) -> tuple[int, int]:
        """How many took no longer than those days, and how many did, whatever the cause."""
        return self.in_time, self.late + self.backlog

    @property
    def percent(self) -> int:
        """How much of that was in time, in whole per cents, never rounded up; 0 of nothing."""
        return self.in_time * 100 // self.whole if self.whole else 0


def removed_in_time(connection: Connection, since: datetime, until: datetime, days: int) -> InTime:
    """Of what was proven in [since, until), how much within so many days of the closure. No finer class is counted:
    how long a single removal took would tell what kept it.
    """
    closed_at = func.coalesce(
        type_coerce(cases.c.closed_at, BigInteger),
        type_coerce(closures.confirmed_for(orders.c.planned_at), BigInteger),
    )
    begun = connection.execute(select(func.min(type_coerce(import_run.c.at, BigInteger)))).scalar()
    nth = case(
        (closed_at.is_(None), 3),
        (type_coerce(orders.c.settled_at, BigInteger) - closed_at < days * _DAY, 0),
        (closed_at + days * _DAY < (begun or 0), 2),
        else_=1,
    )
    rows = connection.execute(
        select(nth, func.count())
        .select_from(orders)
        .outerjoin(cases, cases.c.id == orders.c.case_id)
        .where(orders.c.settled_at >= since, orders.c.settled_at < until, orders.c.reason == Reason.FINALLY_CLOSED)
        .group_by(nth)
    )
    found = {row[0]: row[1] for row in rows}
    return InTime(*(found.get(number, 0) for number in range(4)))


# --- removals -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order in a list. devices: phones that read its place; synced: of these, seen fetching after the proof."""

    id: str
    token: Token = field(repr=False)
    place: str
    connection: str
    worker: str
    case: str | None
    reason: Reason
    state: State
    level: Level
    fault: Fault | None
    outcome: Outcome | None
    cards: Cards | None
    attempts: int
    planned_at: datetime
    settled_at: datetime | None
    next_at: datetime | None
    devices: int
    synced: int


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders. settled: those proven, else those open. stuck: only those that wait for a person.

    case, reason, level, since, until, plan: only these; since and until of the proof, or of the planning if open.
    """

    settled: bool
    stuck: bool = False
    case: str | None = None
    reason: Reason | None = None
    level: Level | None = None
    since: datetime | None = None
    until: datetime | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page of a list begins: after the row of this id, or before it when paging back.

    An id no list can have known begins at the start.
    """

    id: str
    back: bool = False


def list_orders(
    connection: Connection,
    chosen: OrderFilter,
    *,
    passing: Collection[Fault],
    oldest_first: bool = False,
    after: Key | None = None,
    limit: int,
) -> Sequence[OrderLine]:
    """Up to `limit` orders, by when they were proven (or planned), newest first unless asked otherwise."""
    when = orders.c.settled_at if chosen.settled else orders.c.planned_at
    synced = (
        select(func.count())
        .select_from(evidence)
        .where(evidence.c.order_id == orders.c.id, evidence.c.level == Level.DEVICE_SYNCED)
        .scalar_subquery()
    )
    devices = (
        select(func.count()).select_from(place_device).where(place_device.c.place_id == orders.c.place_id)
    ).scalar_subquery()
    query = (
        select(
            orders,
            identifier.c.token,
            place.c.uid.label("place_uid"),
            connections.c.name.label("connection_name"),
            worker.c.ref.label("worker_ref"),
            cases.c.number.label("case_number"),
            devices.label("devices"),
            synced.label("synced"),
        )
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .join(place, place.c.id == orders.c.place_id)
        .join(connections, connections.c.id == place.c.connection_id)
        .join(worker, worker.c.id == orders.c.worker_id)
        .outerjoin(cases, cases.c.id == orders.c.case_id)
        .where(*_chosen(chosen, passing))
    )
    forward = oldest_first != (after is not None and after.back)
    at = None if after is None else connection.execute(select(when).where(orders.c.id == after.id)).scalar()
    if after is not None and at is not None:
        query = query.where(_beyond(when, orders.c.id, at, after.id, forward=forward))
    order = (when.asc(), orders.c.id.asc()) if forward else (when.desc(), orders.c.id.desc())
    rows = [_order_line(row) for row in connection.execute(query.order_by(*order).limit(limit))]
    return rows[::-1] if after is not None and after.back else rows


def count_orders(connection: Connection, chosen: OrderFilter, *, passing: Collection[Fault], most: int) -> int:
    """How many there are of these, counted no further than `most`."""
    found = select(orders.c.id).where(*_chosen(chosen, passing)).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(found)).scalar_one())


def _beyond(
    when: ColumnElement[Any], number: ColumnElement[Any], at: datetime, id_: str, *, forward: bool
) -> ColumnElement[bool]:
    """Rows that come after one in the order of (when, number), or before it."""
    mine, its = tuple_(when, number), tuple_(literal(at, Instant), literal(id_))
    return mine > its if forward else mine < its


def _chosen(chosen: OrderFilter, passing: Collection[Fault]) -> Sequence[ColumnElement[bool]]:
    when = orders.c.settled_at if chosen.settled else orders.c.planned_at
    where: list[ColumnElement[bool]] = [orders.c.settled_at.is_not(None)] if chosen.settled else list(_OPEN_ORDERS)
    if chosen.stuck:
        where.append(_stuck(passing))
    if chosen.case is not None:
        where.append(orders.c.case_id.in_(select(cases.c.id).where(cases.c.number == chosen.case)))
    if chosen.reason is not None:
        where.append(orders.c.reason == chosen.reason)
    if chosen.level is not None:
        reached = select(evidence.c.order_id).where(evidence.c.level == chosen.level)
        where.append(
            or_(
                orders.c.level == chosen.level,
                # Of a level that few reach all are read at once; of others a few are found with the first rows.
                orders.c.id.in_(reached)
                if chosen.level in _RARE
                else reached.where(evidence.c.order_id == orders.c.id).exists(),
            )
        )
    if chosen.since is not None:
        where.append(when >= chosen.since)
    if chosen.until is not None:
        where.append(when < chosen.until)
    if chosen.plan is not None:
        where.append(orders.c.plan_id.in_(select(plan.c.id).where(plan.c.uid == chosen.plan)))
    return where


def _stuck(passing: Collection[Fault]) -> ColumnElement[bool]:
    lasting = and_(orders.c.fault.is_not(None), orders.c.fault.not_in([fault.value for fault in passing]))
    return and_(*_OPEN_ORDERS, or_(orders.c.state == State.PERSON, lasting))


def _order_line(row: Row[Any]) -> OrderLine:
    return OrderLine(
        id=row.id,
        token=Token(row.token),
        place=row.place_uid,
        connection=row.connection_name,
        worker=row.worker_ref,
        case=row.case_number,
        reason=Reason(row.reason),
        state=State(row.state),
        level=Level(row.level),
        fault=Fault(row.fault) if row.fault else None,
        outcome=Outcome(row.outcome) if row.outcome else None,
        cards=cards_of(row),
        attempts=row.attempts,
        planned_at=row.planned_at,
        settled_at=row.settled_at,
        next_at=row.next_at,
        devices=row.devices,
        synced=row.synced,
    )


@dataclass(frozen=True, slots=True)
class Reached:
    """A phone that read the place, and when it reached a level; None: it did not."""

    device: str
    level: Level | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderPath:
    """An order from closure to proof. closed_by: whose word the closure of its case rests on, where one is known; when
    that was is not told, since from it follows what was kept (decision 0075). watched_until: a reappearance is noticed
    up to then.
    """

    line: OrderLine
    policy: str
    closed_by: ConfirmedBy | None
    plan: str
    held_back: str | None
    released_at: datetime | None
    called_at: datetime | None
    accepted_at: datetime | None
    recoverable: bool
    watched_until: datetime | None
    phones: tuple[Reached, ...]


def order_path(connection: Connection, order_id: str) -> OrderPath | None:
    """All that happened to one order; None if there is none of that id, or it was stopped."""
    row = connection.execute(
        select(
            orders,
            identifier.c.token,
            place.c.uid.label("place_uid"),
            connections.c.name.label("connection_name"),
            worker.c.ref.label("worker_ref"),
            cases.c.number.label("case_number"),
            cases.c.closed_at,
            closures.confirmed_for(orders.c.planned_at).label("confirmed_at"),
            plan.c.uid.label("plan_uid"),
            plan.c.held_back,
            plan.c.released_at,
            tombstone.c.expires_at,
        )
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .join(place, place.c.id == orders.c.place_id)
        .join(connections, connections.c.id == place.c.connection_id)
        .join(worker, worker.c.id == orders.c.worker_id)
        .join(plan, plan.c.id == orders.c.plan_id)
        .outerjoin(cases, cases.c.id == orders.c.case_id)
        .outerjoin(tombstone, tombstone.c.order_id == orders.c.id)
        .where(orders.c.id == order_id, orders.c.state != State.STOPPED)
    ).first()
    if row is None:
        return None
    phones = connection.execute(
        select(device.c.ref, evidence.c.level, evidence.c.at)
        .join(place_device, place_device.c.device_id == device.c.id)
        .outerjoin(evidence, and_(evidence.c.device_id == device.c.id, evidence.c.order_id == order_id))
        .where(place_device.c.place_id == row.place_id)
        .order_by(device.c.ref, evidence.c.at)
    ).all()
    reached = tuple(Reached(each.ref, Level(each.level) if each.level else None, each.at) for each in phones)
    known = {"devices": len({each.device for each in reached}), "synced": sum(each.at is not None for each in reached)}
    line = OrderLine(
        id=row.id,
        token=Token(row.token),
        place=row.place_uid,
        connection=row.connection_name,
        worker=row.worker_ref,
        case=row.case_number,
        reason=Reason(row.reason),
        state=State(row.state),
        level=Level(row.level),
        fault=Fault(row.fault) if row.fault else None,
        outcome=Outcome(row.outcome) if row.outcome else None,
        cards=cards_of(row),
        attempts=row.attempts,
        planned_at=row.planned_at,
        settled_at=row.settled_at,
        next_at=row.next_at,
        **known,
    )
    return OrderPath(
        line=line,
        policy=row.policy,
        closed_by=ConfirmedBy.REGISTER
        if row.closed_at is not None
        else ConfirmedBy.WORK_SUPERVISOR
        if row.confirmed_at is not None
        else None,
        plan=row.plan_uid,
        held_back=row.held_back,
        released_at=row.released_at,
        called_at=row.called_at,
        accepted_at=row.accepted_at,
        recoverable=row.recoverable,
        watched_until=row.expires_at,
        phones=reached,
    )


# --- findings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings. owner: the account whose they are; nobodys: only those that nobody has."""

    open_only: bool
    kind: FindingKind | None = None
    owner: int | None = None
    nobodys: bool = False


def list_findings(
    connection: Connection,
    chosen: FindingFilter,
    *,
    oldest_first: bool | None = None,
    after: Key | None = None,
    limit: int,
) -> Sequence[FindingRow]:
    """Open findings by when they were opened, closed ones by when they were closed.

    oldest_first None: the oldest of those open, the last of those closed.
    """
    when = finding.c.opened_at if chosen.open_only else finding.c.closed_at
    query = findings.select_rows().where(*_found(chosen))
    forward = (chosen.open_only if oldest_first is None else oldest_first) != (after is not None and after.back)
    at = None if after is None else connection.execute(select(when).where(finding.c.uid == after.id)).scalar()
    if after is not None and at is not None:
        query = query.where(_beyond(when, finding.c.uid, at, after.id, forward=forward))
    order = (when.asc(), finding.c.uid.asc()) if forward else (when.desc(), finding.c.uid.desc())
    rows = [findings.row_of(row) for row in connection.execute(query.order_by(*order).limit(limit))]
    return rows[::-1] if after is not None and after.back else rows


def count_findings(connection: Connection, chosen: FindingFilter, *, most: int) -> int:
    """How many there are of these, counted no further than `most`."""
    found = select(finding.c.id).where(*_found(chosen)).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(found)).scalar_one())


def _found(chosen: FindingFilter) -> Sequence[ColumnElement[bool]]:
    closed = finding.c.closed_at
    return (
        closed.is_(None) if chosen.open_only else closed.is_not(None),
        *((finding.c.kind == chosen.kind,) if chosen.kind is not None else ()),
        *((finding.c.owner_id == chosen.owner,) if chosen.owner is not None else ()),
        *((finding.c.owner_id.is_(None),) if chosen.nobodys else ()),
    )


def one_finding(connection: Connection, uid: str) -> FindingRow | None:
    """The finding of that id, open or closed."""
    row = connection.execute(findings.select_rows().where(finding.c.uid == uid)).first()
    return None if row is None else findings.row_of(row)


# --- plans --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan above a limit, with what was asked of it and by whom. waiting: of its orders, how many wait still.

    asked_by, asked_at, ends_at: of the request that nobody has decided yet.
    """

    uid: str
    made_at: datetime
    policy: str
    digest: str
    removals: int
    limit: str
    released_at: datetime | None
    released_by: str | None
    waiting: int
    asked_by: int | None
    asked_at: datetime | None
    ends_at: datetime | None


def list_plans(connection: Connection, *, uid: str | None = None, most: int = 500) -> Sequence[PlanLine]:
    """Plans that broke a limit, those that wait first, then the newest; or the one of that id."""
    waiting = (
        select(func.count())
        .select_from(orders)
        .where(orders.c.plan_id == plan.c.id, orders.c.state == State.WAITING)
        .scalar_subquery()
    )
    query = (
        select(plan, waiting.label("waiting"), approval.c.asked_by, approval.c.asked_at, approval.c.ends_at)
        .outerjoin(approval, and_(approval.c.plan_id == plan.c.id, approval.c.decided_at.is_(None)))
        .where(plan.c.held_back.is_not(None))
        .order_by(plan.c.released_at.is_not(None), plan.c.id.desc())
        .limit(most)
    )
    if uid is not None:
        query = query.where(plan.c.uid == uid)
    return [
        PlanLine(
            r.uid,
            r.made_at,
            r.policy,
            r.digest,
            r.removals,
            r.held_back,
            r.released_at,
            r.released_by,
            r.waiting,
            r.asked_by,
            r.asked_at,
            r.ends_at,
        )
        for r in connection.execute(query)
    ]


def count_waiting_plans(connection: Connection) -> int:
    """How many plans wait for release."""
    query = select(func.count()).select_from(plan).where(plan.c.held_back.is_not(None), plan.c.released_at.is_(None))
    return int(connection.execute(query).scalar_one())


# --- devices and places -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A phone: when it was last seen fetching after a removal, and whether it can be seen to."""

    ref: str
    worker: str
    connection: str | None
    last_fetch: datetime | None
    witnessed: bool


def list_devices(connection: Connection) -> Sequence[DeviceLine]:
    """Every phone, by its reference."""
    fetched = (
        select(func.max(evidence.c.at))
        .where(evidence.c.device_id == device.c.id, evidence.c.level == Level.DEVICE_SYNCED)
        .scalar_subquery()
        .label("fetched")
    )
    rows = connection.execute(
        select(
            device.c.ref,
            device.c.login,
            worker.c.ref.label("worker_ref"),
            func.min(connections.c.name).label("name"),
            fetched,
        )
        .join(worker, worker.c.id == device.c.worker_id)
        .outerjoin(place_device, place_device.c.device_id == device.c.id)
        .outerjoin(place, place.c.id == place_device.c.place_id)
        .outerjoin(connections, connections.c.id == place.c.connection_id)
        .group_by(device.c.id, device.c.ref, device.c.login, worker.c.ref)
        .order_by(device.c.ref)
    )
    return [DeviceLine(r.ref, r.worker_ref, r.name, r.fetched, r.login is not None) for r in rows]


def place_steps(connection: Connection) -> tuple[bool, bool]:
    """Whether any place is known, and whether any was ever looked at."""
    known = connection.execute(select(place.c.id).limit(1)).first() is not None
    looked = connection.execute(select(place.c.id).where(place.c.looked_at.is_not(None)).limit(1)).first() is not None
    return known, looked


def some_workers(connection: Connection) -> Sequence[str]:
    """References of workers with a place, the first forty."""
    rows = connection.execute(
        select(worker.c.ref)
        .where(select(place.c.id).where(place.c.worker_id == worker.c.id).exists())
        .order_by(worker.c.ref)
        .limit(_MOST_WORKERS)
    )
    return list(rows.scalars())


# --- one worker's own ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnItem:
    """A contact in a worker's own address book. case: only of a case the worker is or was on; person: who in it.

    deviation_until: of a deviation in force for this worker and case. ours: an entry stands there that we put.
    """

    identifier: int
    token: Token = field(repr=False)
    place: str
    decision: Decision | None
    reason: Reason | None
    case: str | None
    person: str | None
    deviation_until: datetime | None
    ours: bool = False


def own_items(connection: Connection, worker_id: int, now: datetime) -> Sequence[OwnItem]:
    """What is in the address books of this worker that the register knows, in an order that says nothing of when."""
    on_it = (
        select(assignment.c.case_id)
        .where(assignment.c.case_id == cases.c.id, assignment.c.worker_ref == worker.c.ref, assignment.c.from_at <= now)
        .exists()
    )
    until = (
        select(func.max(deviation.c.until_at))
        .where(
            deviation.c.worker_id == pair.c.worker_id,
            deviation.c.case_id == pair.c.case_id,
            deviation.c.until_at > now,
            deviation.c.ended_at.is_(None),
        )
        .scalar_subquery()
    )
    ours = (
        select(entry.c.id)
        .join(put_back, and_(put_back.c.place_id == entry.c.place_id, put_back.c.entry_key == entry.c.key))
        .where(entry.c.place_id == place.c.id, put_back.c.identifier_id == pair.c.identifier_id)
        .exists()
    )
    rows = connection.execute(
        select(
            pair.c.identifier_id,
            identifier.c.token,
            place.c.uid,
            pair.c.decision,
            pair.c.reason,
            cases.c.number,
            link.c.person,
            until.label("until"),
            ours.label("ours"),
        )
        .join(worker, worker.c.id == pair.c.worker_id)
        .join(identifier, identifier.c.id == pair.c.identifier_id)
        .join(sighting, sighting.c.identifier_id == pair.c.identifier_id)
        .join(place, and_(place.c.id == sighting.c.place_id, place.c.worker_id == pair.c.worker_id))
        .outerjoin(cases, and_(cases.c.id == pair.c.case_id, on_it))
        .outerjoin(link, and_(link.c.case_id == cases.c.id, link.c.identifier_id == pair.c.identifier_id))
        .where(pair.c.worker_id == worker_id, sighting.c.presence == Presence.PRESENT)
        .order_by(cases.c.number, link.c.person, place.c.uid, identifier.c.token)
    )
    return [
        OwnItem(
            r.identifier_id,
            Token(r.token),
            r.uid,
            Decision(r.decision) if r.decision else None,
            Reason(r.reason) if r.reason else None,
            r.number,
            r.person or None,
            r.until,
            bool(r.ours),
        )
        for r in rows
    ]


@dataclass(frozen=True, slots=True)
class OwnPhone:
    """A worker's phone or address book. looked_at: when the book was last read."""

    ref: str
    book: bool
    looked_at: datetime | None


def own_phones(connection: Connection, worker_id: int) -> Sequence[OwnPhone]:
    """The address books and phones of a worker."""
    books = connection.execute(
        select(place.c.uid, place.c.looked_at).where(place.c.worker_id == worker_id).order_by(place.c.uid)
    )
    phones = connection.execute(select(device.c.ref).where(device.c.worker_id == worker_id).order_by(device.c.ref))
    return [
        *(OwnPhone(row.uid, True, row.looked_at) for row in books),
        *(OwnPhone(row.ref, False, None) for row in phones),
    ]


@dataclass(frozen=True, slots=True)
class OwnRemoval:
    """A contact that went from a worker's own address book."""

    token: Token = field(repr=False)
    place: str
    reason: Reason
    settled_at: datetime
    case: str | None


def count_own_removals(connection: Connection, worker_id: int, since: datetime) -> int:
    """How many contacts were removed from a worker's address books since then."""
    query = select(func.count()).where(orders.c.worker_id == worker_id, orders.c.settled_at >= since)
    return int(connection.execute(query).scalar_one())


def own_removals(
    connection: Connection, worker_id: int, since: datetime, most: int | None = None
) -> Sequence[OwnRemoval]:
    """What was removed from a worker's address books since then, newest first. most: no more than so many."""
    on_it = (
        select(assignment.c.case_id)
        .where(assignment.c.case_id == cases.c.id, assignment.c.worker_ref == worker.c.ref)
        .exists()
    )
    rows = connection.execute(
        select(identifier.c.token, place.c.uid, orders.c.reason, orders.c.settled_at, cases.c.number)
        .join(worker, worker.c.id == orders.c.worker_id)
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .join(place, place.c.id == orders.c.place_id)
        .outerjoin(cases, and_(cases.c.id == orders.c.case_id, on_it))
        .where(orders.c.worker_id == worker_id, orders.c.settled_at >= since)
        .order_by(orders.c.settled_at.desc(), orders.c.id)
        .limit(most)
    )
    return [OwnRemoval(Token(r.token), r.uid, Reason(r.reason), r.settled_at, r.number) for r in rows]


@dataclass(frozen=True, slots=True)
class OwnDeviation:
    """A reasoned exception for a worker."""

    uid: str
    case: str
    tier: str
    reason: str
    until_at: datetime


def own_deviations(connection: Connection, worker_id: int, now: datetime) -> Sequence[OwnDeviation]:
    """The deviations in force for a worker."""
    rows = connection.execute(
        select(deviation, cases.c.number)
        .join(cases, cases.c.id == deviation.c.case_id)
        .where(deviation.c.worker_id == worker_id, deviation.c.until_at > now, deviation.c.ended_at.is_(None))
        .order_by(deviation.c.until_at, deviation.c.id)
    )
    return [OwnDeviation(r.uid, r.number, r.tier, r.reason, r.until_at) for r in rows]
