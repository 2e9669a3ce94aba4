"""The orders' rows: planned, claimed with a lease and a fencing number, settled once; plans beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
    update,
)

from mdm_adapters.port import Fault, Outcome, Token
from server.core.model import OPEN_STATES, GateScope, Level, Presence, State, Verb
from server.core.policy.model import Policy
from server.core.removal.cards import Cards, add_call
from server.core.removal.order_state import LONGEST_WAIT_SECONDS, Event, count_change, follow
from server.core.removal.proof import RETRY_AFTER_A_FALSE_YES, OrderSeen, proofs
from server.store import hold_list
from server.store.admin import pauses
from server.store.database import among, fill, insert, insert_many, scratch
from server.store.schema.base import (
    IS_OPEN,
    Instant,
    closure,
    deviation,
    device,
    evidence,
    finding,
    gate,
    identifier,
    import_run,
    installation,
    look,
    micros,
    orders,
    overtaken,
    place,
    place_device,
    plan,
    plan_change,
    removed_entry,
    sighting,
    tombstone,
    worker,
)
from server.store.schema.base import (
    connection as connections,
)
from server.store.schema.pauses import pause
from server.store.wakeups import wake

_CHUNK = 5000
_LONGEST_WAIT = timedelta(seconds=LONGEST_WAIT_SECONDS)
_CARDS = tuple(orders.c[f"cards_{name}"] for name in Cards._fields)

_planned = scratch(
    "planned_order",
    Column("id", Text),
    Column("place_id", BigInteger),
    Column("identifier_id", BigInteger),
    Column("worker_id", BigInteger),
    Column("case_id", BigInteger),
    Column("reason", Text),
)
_kept = scratch("kept_pair", Column("worker_id", BigInteger), Column("identifier_id", BigInteger))
_settled = scratch(
    "settled_order",
    Column("id", Text),
    Column("state", Text),
    Column("next_at", Instant),
    Column("outcome", Text),
    Column("fault", Text),
    Column("recoverable", Boolean),
    Column("accepted_at", Instant),
    Column("accepted_version", BigInteger),
    Column("changes", Integer),
    Column("attempts", Integer),
    *(Column(column.name, Integer) for column in _CARDS),
)
_done = scratch("done_order", Column("id", Text), Column("identifier_id", BigInteger))


class Planned(NamedTuple):
    """One removal that a pass calls for; a row as it is staged, since a first pass calls for a hundred thousand."""

    id: str
    place: int
    identifier: int
    worker: int
    case: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan as kept. held_back: the limit it broke, until it is released."""

    uid: str
    made_at: datetime
    policy: str
    digest: str
    removals: int
    held_back: str | None
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """An order under our lease. fence: what a receipt must carry to count. attempts: calls of it that failed so far."""

    id: str
    place: int
    place_uid: str
    identifier: int
    token: Token
    worker: int
    policy: str
    attempts: int
    fence: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed order: the event, what the vendor said, and when to try again if it did not work.

    cards: its cards by this call alone; None: it was not called.
    """

    id: str
    fence: int
    event: Event
    outcome: Outcome | None = None
    fault: Fault | None = None
    recoverable: bool = False
    next_at: datetime | None = None
    cards: Cards | None = None


@dataclass(frozen=True, slots=True)
class OrderMove:
    """An order's move, for the log."""

    id: str
    place: int
    before: State
    after: State


@dataclass(slots=True)
class PlanDraft:
    """A plan while it is made: orders go in as they are decided, and the plan's own row is finished last.

    made_at: when its orders were decided. id: of its row, once it has an order. written: ids of the orders that are new
    or called for again.
    """

    connection: Connection
    uid: str
    made_at: datetime
    policy: str
    id: int | None = None
    written: list[str] = field(default_factory=list)

    def stage(self, planned: Iterable[Planned], held_back: str | None) -> Callable[[], object]:
        """Take orders in; what is returned writes them, in one statement. held_back: the limit that the plan breaks.

        An order that is open already stays as it is. One that waits under another id for the same contact at the same
        place (its closure date was corrected) is stopped first; one that is being called or checked is left to finish.
        """
        # as the indexes have them, so that each page is written once
        fresh = staged = sorted(planned, key=attrgetter("place", "identifier"))
        if staged:
            fill(self.connection, _planned, staged)
            fresh = list(_fresh(self.connection, staged))
            if len(fresh) < len(staged):
                fill(self.connection, _planned, fresh)
        if not fresh:
            return lambda: None
        if self.id is None:
            self.id = self._write_row(held_back)
        self.written += [each.id for each in fresh]
        state = State.READY if held_back is None else State.WAITING
        return partial(_write_planned, self.connection, self, self.id, state)

    def finish(self, digest: str, held_back: str | None) -> None:
        """Say what the plan came to; one without an order leaves no row."""
        if self.id is not None:
            values = {"digest": digest, "held_back": held_back, "removals": len(self.written)}
            self.connection.execute(update(plan).where(plan.c.id == self.id).values(values))

    def _write_row(self, held_back: str | None) -> int:
        values = {
            "uid": self.uid,
            "made_at": self.made_at,
            "policy": self.policy,
            "digest": "",
            "removals": 0,
            "held_back": held_back,
        }
        return int(self.connection.execute(plan.insert().values(values).returning(plan.c.id)).scalar_one())


def _fresh(connection: Connection, staged: Sequence[Planned]) -> Sequence[Planned]:
    """Those of the staged orders that are not open; what they supersede is stopped."""
    open_now = {
        (row.place_id, row.identifier_id): (row.id, State(row.state))
        for row in connection.execute(
            select(orders.c.id, orders.c.place_id, orders.c.identifier_id, orders.c.state)
            .join(
                _planned,
                (_planned.c.place_id == orders.c.place_id) & (_planned.c.identifier_id == orders.c.identifier_id),
            )
            .where(orders.c.verb == Verb.REMOVE.value, IS_OPEN)
        )
    }
    if not open_now:
        return staged
    fresh = []
    superseded = []
    for each in staged:
        known, state = open_now.get((each.place, each.identifier), (None, State.STOPPED))
        if known is None:
            fresh.append(each)
        elif known != each.id and state in (State.READY, State.WAITING, State.PERSON):
            superseded.append(known)
            fresh.append(each)
    move_all(connection, superseded, Event.NOT_NOW)
    return fresh


def planned_since(connection: Connection, since: datetime) -> Mapping[str, State]:
    """Orders of the plans made since then that nobody had to release, with where they stand, but for stopped ones."""
    made = select(plan.c.id).where(plan.c.made_at >= since, plan.c.held_back.is_(None))
    planned = and_(orders.c.plan_id.in_(made), orders.c.state != State.STOPPED.value)
    rows = connection.execute(select(orders.c.id, orders.c.state).where(planned))
    return {row.id: State(row.state) for row in rows}


def _write_planned(connection: Connection, draft: PlanDraft, plan_id: int, state: State) -> None:
    """Make orders of what is staged."""
    fixed: dict[str, object] = {
        "plan_id": plan_id,
        "verb": Verb.REMOVE.value,
        "policy": draft.policy,
        "state": state.value,
        "planned_at": draft.made_at,
        "next_at": draft.made_at if state is State.READY else None,
        "level": Level.ORDERED.value,
    }
    staged = select(*_planned.columns, *(literal(value, orders.c[name].type) for name, value in fixed.items()))
    # SQLite needs a WHERE to tell ON CONFLICT from a join's ON
    statement = insert(connection, orders).from_select([*_planned.columns.keys(), *fixed], staged.where(true()))
    new = statement.excluded
    renewed = ("plan_id", "state", "next_at", "case_id", "reason", "policy", "planned_at")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={name: new[name] for name in renewed} | {"fault": None, "outcome": None},
            where=orders.c.state == State.STOPPED,
        )
    )


def stop_unneeded(connection: Connection, wanted: Collection[str], kept: Collection[tuple[int, int]]) -> Sequence[str]:
    """Stop orders whose pair (worker, identifier) was decided again and is removed no more.

    wanted: ids that the pass called for. kept: the pairs it decided otherwise. Those being called are stopped by their
    own check before the call.
    """
    if not kept:
        return []
    fill(connection, _kept, sorted(kept))
    rows = connection.execute(
        select(orders.c.id)
        .join(
            _kept,
            (_kept.c.worker_id == orders.c.worker_id) & (_kept.c.identifier_id == orders.c.identifier_id),
        )
        .where(orders.c.state.in_((State.READY, State.WAITING, State.PERSON)))
    )
    ids = [each for each in rows.scalars() if each not in wanted]
    move_all(connection, ids, Event.NOT_NOW)
    return ids


def move_all(connection: Connection, ids: Sequence[str], event: Event, *, now: datetime | None = None) -> int:
    """Let one event happen to many orders that are not under a lease; returns how many moved.

    now: when a released order may be called.
    """
    moved = 0
    for before in State:
        after = follow(before, event)
        if after is before or State.CALLING in (before, after):
            continue
        for start in range(0, len(ids), _CHUNK):
            moved += connection.execute(
                update(orders)
                .where(orders.c.id.in_(among(ids[start : start + _CHUNK])), orders.c.state == before)
                .values(state=after, next_at=now if after is State.READY else None)
            ).rowcount
    if moved and now is not None:
        wake(connection)
    return moved


def claim(connection: Connection, now: datetime, *, by: str, lease: timedelta, limit: int) -> Sequence[Claimed]:
    """Take up to `limit` orders that are due under a lease, grouped by place as far as they come that way.

    SKIP LOCKED lets several engines claim side by side. An order whose lease ran out is due again: its caller died, or
    its receipt will come late; that its claim was overtaken is kept. None where removing is paused.
    """
    paused = pauses.paused(connection, now)
    if paused.everything:
        return []
    due = connection.execute(
        select(orders.c.id, orders.c.state, orders.c.fence, orders.c.lease_by, orders.c.called_at)
        .where(orders.c.next_at <= now, *pauses.not_covered(paused))
        .order_by(orders.c.next_at, orders.c.place_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    ids = [row.id for row in due]
    if not ids:
        return []
    insert_many(
        connection,
        overtaken,
        [
            {"order_id": row.id, "fence": row.fence, "engine": row.lease_by, "claimed_at": row.called_at}
            | {"overtaken_at": now}
            for row in due
            if row.state == State.CALLING
        ],
    )
    connection.execute(
        update(orders)
        .where(orders.c.id.in_(among(ids)))
        .values(
            state=State.CALLING,
            next_at=now + lease,
            lease_by=by,
            fence=orders.c.fence + 1,
            called_at=now,
        )
    )
    rows = connection.execute(
        select(
            *(orders.c.id, orders.c.place_id, orders.c.identifier_id, orders.c.worker_id),
            *(orders.c.policy, orders.c.attempts, orders.c.fence),
            *(place.c.uid.label("place_uid"), identifier.c.token),
        )
        .join(place, place.c.id == orders.c.place_id)
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .where(orders.c.id.in_(among(ids)))
        .order_by(orders.c.place_id, orders.c.id)
    )
    return [
        Claimed(
            id=row.id,
            place=row.place_id,
            place_uid=row.place_uid,
            identifier=row.identifier_id,
            token=Token(row.token),
            worker=row.worker_id,
            policy=row.policy,
            attempts=row.attempts,
            fence=row.fence,
        )
        for row in rows
    ]


def bring_back(connection: Connection, now: datetime) -> int:
    """Let no wait be further away than the longest there is, and no lease than its own length; how many were.

    A clock that jumped forward and back leaves such times. What waited so is due now; a lease begins again, since
    whoever holds it may be calling.
    """
    ran_ahead = _ran_ahead(now)
    if connection.execute(select(orders.c.id).where(ran_ahead).limit(1)).first() is None:
        return 0
    length = type_coerce(orders.c.next_at, BigInteger) - type_coerce(orders.c.called_at, BigInteger)
    again = case((orders.c.state == State.CALLING, micros(now) + length), else_=micros(now))
    started = case((orders.c.state == State.CALLING, micros(now)), else_=type_coerce(orders.c.called_at, BigInteger))
    values = {"next_at": type_coerce(again, Instant), "called_at": type_coerce(started, Instant)}
    return connection.execute(update(orders).where(ran_ahead).values(values)).rowcount


def _ran_ahead(now: datetime) -> ColumnElement[bool]:
    return and_(
        orders.c.next_at > now,
        or_(
            and_(orders.c.state == State.READY, orders.c.next_at > now + _LONGEST_WAIT),
            and_(orders.c.state == State.CALLING, orders.c.called_at > now),
        ),
    )


def cards_of(row: Row[Any]) -> Cards | None:
    """The counts of cards in a row of all columns; None: no call of it was counted."""
    if row.cards_removed is None:
        return None
    return Cards(*(getattr(row, column.name) or 0 for column in _CARDS))


def settle(
    connection: Connection, settlements: Sequence[Settlement], now: datetime, *, by: str | None = None
) -> Sequence[OrderMove]:
    """Write what became of claimed orders; those whose lease another has taken since are left alone.

    by: the engine that claimed them. A database put back to an earlier state gives a fencing number a second time.

    Accepted orders remember the place's version at this moment, raised by one, so that only a look begun later proves.
    """
    if not settlements:
        return []
    by_id = {each.id: each for each in settlements}
    rows = connection.execute(
        select(
            *(orders.c.id, orders.c.place_id, orders.c.fence, orders.c.changes, orders.c.attempts, orders.c.lease_by),
            *_CARDS,
        )
        .where(orders.c.id.in_(among(sorted(by_id))), orders.c.state == State.CALLING)
        .order_by(orders.c.id)
        .with_for_update()
    ).all()
    ours = [row for row in rows if row.fence == by_id[row.id].fence and by in (None, row.lease_by)]
    accepted_at = sorted({row.place_id for row in ours if by_id[row.id].event is Event.ACCEPTED})
    versions = _raise_versions(connection, accepted_at)
    at = micros(now)
    values = []
    changes = []
    for row in ours:
        each = by_id[row.id]
        event, met = count_change(each.event, row.changes)
        after = follow(State.CALLING, event)
        accepted = each.event is Event.ACCEPTED
        changes.append(OrderMove(row.id, row.place_id, State.CALLING, after))
        values.append(
            (
                row.id,
                after.value,
                None if each.next_at is None or after is not State.READY else micros(each.next_at),
                each.outcome.value if each.outcome else None,
                each.fault.value if each.fault else None,
                each.recoverable,
                at if accepted else None,
                versions[row.place_id] if accepted else None,
                met,
                row.attempts + (each.event is Event.FAILED),
                *_counted(row[6:], each.cards),
            )
        )
    if values:
        fill(connection, _settled, values)
        settled = {column.name: column for column in _settled.columns if column.name != "id"}
        connection.execute(update(orders).where(orders.c.id == _settled.c.id).values({**settled, "lease_by": None}))
    return changes


def _counted(before: Sequence[int | None], newest: Cards | None) -> Sequence[int | None]:
    """An order's counts of cards after one more call, as they are kept."""
    if newest is None:
        return before
    return newest if before[0] is None else add_call(Cards(*(count or 0 for count in before)), newest)


News = tuple[int | bytes | None, ...]
"""What there is of all that may stop a removal; a later answer that differs says that something came."""


def news(connection: Connection) -> News:
    """The newest of the pauses, deviations, confirmations, changes of plans, gates and imports: their numbers, which
    grow; and which edition of the list of holds there is.
    """
    newest = (select(func.max(table.c.id)).scalar_subquery() for table in _MAY_STOP)
    return (hold_list.edition(connection), *connection.execute(select(*newest)).one())


_MAY_STOP = (pause, deviation, closure, plan_change, gate, import_run)


def are_ours(connection: Connection, claimed: Sequence[Claimed]) -> bool:
    """Whether all of these are still under the claim that took them."""
    ids = [each.id for each in claimed]
    rows = connection.execute(select(orders.c.id, orders.c.fence, orders.c.state).where(orders.c.id.in_(among(ids))))
    held = {row.id: row.fence for row in rows if row.state == State.CALLING}
    return all(held.get(each.id) == each.fence for each in claimed)


def renew(connection: Connection, claimed: Sequence[Claimed], now: datetime, lease: timedelta) -> frozenset[str]:
    """Let the lease of these begin again; ids of those that nobody took over meanwhile."""
    fence_of = {each.id: each.fence for each in claimed}
    rows = connection.execute(
        select(orders.c.id, orders.c.fence)
        .where(orders.c.id.in_(among(sorted(fence_of))), orders.c.state == State.CALLING)
        .order_by(orders.c.id)
        .with_for_update()
    )
    ours = [row.id for row in rows if row.fence == fence_of[row.id]]
    connection.execute(update(orders).where(orders.c.id.in_(among(ours))).values(next_at=now + lease, called_at=now))
    return frozenset(ours)


def enter_late(
    connection: Connection, settlements: Sequence[Settlement], now: datetime, *, by: str, again: bool = False
) -> Sequence[Settlement]:
    """Keep the receipts of claims that were overtaken: what was done is a fact; returns those that are new.

    An order that was stopped meanwhile, or waits to be called, is to be looked at like any other that the store
    accepted; whoever has it now settles it all the same. again: they may have been written before.
    """
    if not settlements:
        return []
    ids = sorted({each.id for each in settlements})
    known = {
        (row.order_id, row.fence): row.answered_at
        for row in connection.execute(select(overtaken).where(overtaken.c.order_id.in_(among(ids))).with_for_update())
    }
    rows = {
        row.id: row for row in connection.execute(select(orders).where(orders.c.id.in_(among(ids))).with_for_update())
    }
    new = []
    for each in settlements:
        place_in_line = known.get((each.id, each.fence), _UNKNOWN)
        if each.id not in rows or (place_in_line is _UNKNOWN and again) or isinstance(place_in_line, datetime):
            continue
        new.append(each)
        touched = each.cards.touched if each.cards else 0
        outcome = each.outcome.value if each.outcome else each.event.value
        statement = insert(connection, overtaken).values(
            order_id=each.id,
            fence=each.fence,
            engine=by,
            overtaken_at=now,
            answered_at=now,
            outcome=outcome,
            touched=touched,
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["order_id", "fence"],
                set_={"answered_at": now, "outcome": outcome, "touched": touched},
            )
        )
        _enter_fact(connection, rows[each.id], each, now)
    return new


_UNKNOWN = object()


def _enter_fact(connection: Connection, row: Row[Any], late: Settlement, now: datetime) -> None:
    """Let an order know what a late receipt of it says was done."""
    if not late.cards:
        return
    values: dict[str, Any] = {}
    cards = add_call(cards_of(row) or Cards(), late.cards._replace(gone=0, changed=0, unclear=0, failed=0))
    values |= {column.name: count for column, count in zip(_CARDS, cards, strict=True)}
    before = State(row.state)
    after = follow(before, Event.ACCEPTED_LATE) if late.event is Event.ACCEPTED and late.cards.touched else before
    if after is not before:
        version = _raise_versions(connection, [row.place_id])[row.place_id]
        values |= {"state": after, "next_at": None, "outcome": late.outcome.value if late.outcome else None}
        values |= {"accepted_at": now, "accepted_version": version, "fault": None, "called_at": row.called_at or now}
        values |= {"recoverable": late.recoverable}
    connection.execute(update(orders).where(orders.c.id == row.id).values(values))


def mark_ended(connection: Connection, engines: Collection[str], now: datetime) -> int:
    """The engines of these names run no more: their overtaken claims will not be answered; how many that were."""
    open_ = (overtaken.c.answered_at.is_(None), overtaken.c.ended_at.is_(None))
    return connection.execute(
        update(overtaken).where(overtaken.c.engine.in_(sorted(engines)), *open_).values(ended_at=now)
    ).rowcount


@dataclass(frozen=True, slots=True)
class AwaitedEngine:
    """An engine of which claims were overtaken and wait for its answer. since: when the first of them was overtaken."""

    name: str
    claims: int
    since: datetime


def engines_awaited(connection: Connection) -> Sequence[AwaitedEngine]:
    """Engines whose answer is waited for, longest first."""
    since = func.min(overtaken.c.overtaken_at)
    query = (
        select(overtaken.c.engine, func.count(), since)
        .where(overtaken.c.answered_at.is_(None), overtaken.c.ended_at.is_(None))
        .group_by(overtaken.c.engine)
        .order_by(since, overtaken.c.engine)
    )
    return [AwaitedEngine(name, claims, first) for name, claims, first in connection.execute(query)]


def engines_unanswered(connection: Connection) -> Sequence[str]:
    """Names of engines of which a claim was overtaken and is neither answered nor known to end without an answer."""
    open_ = (overtaken.c.answered_at.is_(None), overtaken.c.ended_at.is_(None))
    return list(connection.execute(select(overtaken.c.engine).where(*open_).distinct()).scalars())


def _raise_versions(connection: Connection, places: Sequence[int]) -> dict[int, int]:
    if not places:
        return {}
    in_order = select(place.c.id).where(place.c.id.in_(places)).order_by(place.c.id)
    connection.execute(in_order.with_for_update())  # two engines that lock the same places in one order do not deadlock
    rows = connection.execute(
        update(place)
        .where(place.c.id.in_(places))
        .values(version=place.c.version + 1, look_due=True)
        .returning(place.c.id, place.c.version)
    )
    return {row.id: row.version for row in rows}


def places_to_check(connection: Connection) -> Sequence[int]:
    """Places with orders that the vendor accepted and a look can prove."""
    query = select(orders.c.place_id).where(orders.c.state == State.CHECKING, ~orders.c.recoverable).distinct()
    return list(connection.execute(query.order_by(orders.c.place_id)).scalars())


def prove(connection: Connection, place_id: int, *, version: int, now: datetime, policy: Policy) -> Sequence[OrderMove]:
    """Settle a place's orders by a full look written just before, which began at the place's `version`.

    Absent: done, with a tombstone. Present although the vendor accepted: to be called again. Unknown: left as it is.
    An order accepted after the look began is not proven by it; nor is one of which the vendor keeps a copy that can
    come back (a soft delete): that one stays to be checked.
    """
    rows = connection.execute(
        select(orders.c.id, orders.c.state, orders.c.identifier_id, orders.c.recoverable, sighting.c.presence)
        .outerjoin(
            sighting,
            (sighting.c.place_id == orders.c.place_id) & (sighting.c.identifier_id == orders.c.identifier_id),
        )
        .where(
            orders.c.place_id == place_id,
            or_(
                orders.c.state.in_((State.READY, State.WAITING, State.CHECKING, State.PERSON)),
                # Stopped, but somebody who was overtaken may have called all the same.
                and_(
                    orders.c.state == State.STOPPED,
                    exists().where(
                        overtaken.c.order_id == orders.c.id,
                        or_(overtaken.c.answered_at.is_(None), overtaken.c.touched > 0),
                    ),
                ),
            ),
            or_(orders.c.accepted_version.is_(None), orders.c.accepted_version <= version),
        )
        .with_for_update(of=orders)
    ).all()
    contact_of = {row.id: row.identifier_id for row in rows}
    proven = proofs(
        OrderSeen(row.id, State(row.state), None if row.presence is None else Presence(row.presence), row.recoverable)
        for row in rows
    )
    done = [each.order for each in proven if each.after is State.DONE]
    again = [each.order for each in proven if each.after is State.READY]
    if done:
        fill(connection, _done, [(order, contact_of[order]) for order in done])
        connection.execute(
            update(orders)
            .where(orders.c.id == _done.c.id)
            .values(state=State.DONE, settled_at=now, next_at=None, level=Level.STORE_REMOVED, fault=None)
        )
        statement = insert(connection, tombstone).from_select(
            ["place_id", "identifier_id", "order_id", "removed_at", "expires_at"],
            select(
                literal(place_id),
                _done.c.identifier_id,
                _done.c.id,
                literal(now, Instant),
                literal(now + timedelta(days=policy.tombstone_days), Instant),
            ).where(true()),
        )
        new = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["place_id", "identifier_id"],
                set_={"order_id": new.order_id, "removed_at": new.removed_at, "expires_at": new.expires_at},
            )
        )
    for start in range(0, len(again), _CHUNK):
        connection.execute(
            update(orders)
            .where(orders.c.id.in_(again[start : start + _CHUNK]))
            .values(state=State.READY, next_at=now + RETRY_AFTER_A_FALSE_YES, fault=Fault.ACCEPTS_ANYTHING.value)
        )
    closed = exists().where(
        orders.c.id == removed_entry.c.order_id,
        orders.c.place_id == place_id,
        orders.c.state.not_in(sorted(OPEN_STATES)),
    )
    connection.execute(removed_entry.delete().where(closed))
    return [OrderMove(each.order, place_id, each.before, each.after) for each in proven]


def wake_waiting(connection: Connection, place_id: int, identifiers: Collection[int], now: datetime) -> int:
    """Entries came or changed that can be removed: orders on a contact in them that wait for a person about another
    entry go on meanwhile; returns how many. Not those whose entries changed too often: that is what they wait for.
    """
    if not identifiers:
        return 0
    waiting = (
        orders.c.place_id == place_id,
        orders.c.state == State.PERSON,
        orders.c.outcome == Outcome.UNCLEAR.value,
        orders.c.identifier_id.in_(among(sorted(identifiers))),
    )
    ids = list(connection.execute(select(orders.c.id).where(*waiting)).scalars())
    return move_all(connection, ids, Event.LOOKED_AT, now=now)


def wake_changed(connection: Connection, place_id: int, now: datetime) -> None:
    """A place was read again: orders that met a changed entry there need wait no longer."""
    connection.execute(
        update(orders)
        .where(orders.c.place_id == place_id, orders.c.state == State.READY, orders.c.outcome == Outcome.CHANGED.value)
        .values(next_at=now)
    )


def places_that_changed(connection: Connection) -> Sequence[int]:
    """Places where an order met an entry that had changed since it was read: they must be read again.

    Not where removing is paused: nothing would come of it, and it would be done again and again.
    """
    paused = pauses.paused(connection)
    if paused.everything:
        return []
    query = select(orders.c.place_id).where(
        orders.c.state == State.READY, orders.c.outcome == Outcome.CHANGED.value, *pauses.not_covered(paused)
    )
    return list(connection.execute(query.distinct().order_by(orders.c.place_id)).scalars())


def release_plan(connection: Connection, uid: str, now: datetime, by: str) -> int | None:
    """Let the orders of a plan that waits be called; returns how many, None if no such plan waits."""
    row = connection.execute(
        update(plan)
        .where(plan.c.uid == uid, plan.c.held_back.is_not(None), plan.c.released_at.is_(None))
        .values(released_at=now, released_by=by)
        .returning(plan.c.id)
    ).first()
    if row is None:
        return None
    ids = connection.execute(
        select(orders.c.id).where(orders.c.plan_id == row.id, orders.c.state == State.WAITING)
    ).scalars()
    return move_all(connection, list(ids), Event.RELEASED, now=now)


def of_findings(connection: Connection, uids: Sequence[str]) -> Sequence[str]:
    """Open orders about the contacts and the places of findings."""
    found: list[str] = []
    for start in range(0, len(uids), _CHUNK):
        query = (
            select(orders.c.id)
            .join(
                finding,
                (finding.c.place_id == orders.c.place_id) & (finding.c.identifier_id == orders.c.identifier_id),
            )
            .where(finding.c.uid.in_(among(uids[start : start + _CHUNK])), orders.c.state.in_(sorted(OPEN_STATES)))
            .distinct()
        )
        found.extend(connection.execute(query).scalars())
    return found


def waiting_plans(connection: Connection) -> Sequence[PlanRow]:
    """Plans above a limit that nobody has released, oldest first."""
    rows = connection.execute(
        select(plan).where(plan.c.held_back.is_not(None), plan.c.released_at.is_(None)).order_by(plan.c.id)
    )
    return [
        PlanRow(row.uid, row.made_at, row.policy, row.digest, row.removals, row.held_back, row.released_at)
        for row in rows
    ]


def counts_by_state(connection: Connection) -> Mapping[State, int]:
    """How many orders stand in each state."""
    rows = connection.execute(select(orders.c.state, func.count()).group_by(orders.c.state))
    return {State(row[0]): row[1] for row in rows}


def next_due(connection: Connection) -> datetime | None:
    """When an order is due next, a lease runs out, or a pause ends that an order waits for; None: nothing is."""
    paused = pauses.paused(connection)
    found: datetime | None = None
    if not paused.everything:
        found = connection.execute(
            select(func.min(orders.c.next_at)).where(orders.c.next_at.is_not(None), *pauses.not_covered(paused))
        ).scalar()
    times = (found, pauses.next_end(connection) if paused else None)
    return min((each for each in times if each is not None), default=None)


def due_count(connection: Connection, now: datetime) -> int:
    """How many orders may be claimed now."""
    paused = pauses.paused(connection, now)
    if paused.everything:
        return 0
    due = select(func.count()).select_from(orders).where(orders.c.next_at <= now, *pauses.not_covered(paused))
    return int(connection.execute(due).scalar_one())


def busy_places(connection: Connection, now: datetime) -> frozenset[int]:
    """Places with orders that are being called or are to be called now."""
    paused = pauses.paused(connection, now)
    free = and_(orders.c.next_at <= now, *pauses.not_covered(paused))
    called = and_(orders.c.state == State.CALLING, orders.c.next_at > now)
    query = select(orders.c.place_id).where(
        orders.c.next_at.is_not(None), called if paused.everything else or_(called, free)
    )
    return frozenset(connection.execute(query.distinct()).scalars())


def gated_places(connection: Connection, places: Collection[int], today: date) -> frozenset[int]:
    """Those of these places that may be worked on today: a demo, or the worker's employer has a gate in force."""
    if connection.execute(select(installation.c.demo)).scalar_one():
        return frozenset(places)
    rows = connection.execute(
        select(place.c.id)
        .join(worker, worker.c.id == place.c.worker_id)
        .join(gate, gate.c.employer_id == worker.c.employer_id)
        .where(place.c.id.in_(places), gate.c.ends_on >= today, gate.c.scope == GateScope.REMOVAL)
    )
    return frozenset(rows.scalars())


def raise_evidence(
    connection: Connection, connection_name: str, fetched: Iterable[tuple[str, str, str]], now: datetime
) -> Sequence[tuple[str, int]]:
    """Devices that fetched a place of a connection after a full look: (login, place address, look id).

    Every order of that place which that look or an earlier one settled rises for that device. Returns the new pairs of
    order id and device id.
    """
    raised: list[tuple[str, int]] = []
    for login, address, after in dict.fromkeys(fetched):
        rows = connection.execute(
            select(orders.c.id, device.c.id.label("device_id"), evidence.c.level)
            .select_from(look)
            .join(place, place.c.id == look.c.place_id)
            .join(connections, connections.c.id == place.c.connection_id)
            .join(place_device, place_device.c.place_id == place.c.id)
            .join(device, device.c.id == place_device.c.device_id)
            .join(orders, orders.c.place_id == place.c.id)
            .outerjoin(
                evidence,
                (evidence.c.order_id == orders.c.id)
                & (evidence.c.device_id == device.c.id)
                & (evidence.c.level == Level.DEVICE_SYNCED),
            )
            .where(
                connections.c.name == connection_name,
                look.c.uid == after,
                place.c.address == address,
                device.c.login == login,
                orders.c.state == State.DONE,
                orders.c.settled_at <= look.c.at,
                evidence.c.level.is_(None),
            )
        ).all()
        new = [(row.id, row.device_id) for row in rows]
        if new:
            connection.execute(
                insert(connection, evidence).on_conflict_do_nothing(),
                [
                    {
                        "order_id": order,
                        "device_id": of,
                        "level": Level.DEVICE_SYNCED.value,
                        "at": now,
                        "how": "store_log",
                    }
                    for order, of in new
                ],
            )
        raised += new
    return raised
