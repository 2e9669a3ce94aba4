"""The rows of what can be put back: values kept, decided, claimed with a lease and a fence, seen there, destroyed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from mdm_adapters.port import Token
from server.core.model import DeviceUse, Presence
from server.core.removal.putting import BookNow, PutState
from server.store.admin import pauses
from server.store.database import among, insert
from server.store.schema.base import (
    IS_OPEN,
    account,
    cases,
    device,
    entry,
    identifier,
    link,
    membership,
    orders,
    pair,
    place,
    place_device,
    sighting,
    tombstone,
)
from server.store.schema.putting import put_back
from server.store.schema.usage import absence, shared_device
from server.store.wakeups import wake

_S = PutState
_CAN_BE_DECIDED = (_S.KEPT.value, _S.READY.value)
_WAITS = (_S.KEPT.value, _S.READY.value, _S.TAKEN_OUT.value)
Contact = tuple[int, int]
"""A place and an identifier: one row."""


@dataclass(frozen=True, slots=True)
class KeptValue:
    """A value to be kept of what was just removed. sealed: under the key of the case."""

    place: int
    identifier: int
    worker: int
    case: int
    sealed: bytes
    until: datetime


@dataclass(frozen=True, slots=True)
class PutRow:
    """A contact that can be put back, as it is decided on or under our lease. case: under whose key it is sealed."""

    place: int
    place_uid: str
    identifier: int
    token: Token
    worker: int
    case: int
    sealed: bytes = field(repr=False)
    fence: int
    attempts: int

    @property
    def contact(self) -> Contact:
        """By what its row is known."""
        return self.place, self.identifier


@dataclass(frozen=True, slots=True)
class PutSettlement:
    """What became of a claimed put. key: of the entry that we made; next_at: of a ready one; due_at: decide again."""

    row: PutRow
    state: PutState
    key: bytes | None = None
    next_at: datetime | None = None
    due_at: datetime | None = None
    failed: bool = False


def cases_of_orders(connection: Connection, ids: Collection[str]) -> Mapping[str, tuple[int | None, str]]:
    """For which case orders were planned, and why."""
    rows = connection.execute(select(orders.c.id, orders.c.case_id, orders.c.reason).where(orders.c.id.in_(among(ids))))
    return {row.id: (row.case_id, row.reason) for row in rows}


def keep(connection: Connection, values: Sequence[KeptValue], now: datetime) -> None:
    """Keep sealed values; what was kept of the same contact in the same place before goes."""
    if not values:
        return
    statement = insert(connection, put_back)
    new = statement.excluded
    fresh = ("worker_id", "case_id", "state", "sealed", "removed_at", "kept_until", "due_at")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["place_id", "identifier_id"],
            set_={name: new[name] for name in fresh}
            | {"next_at": None, "lease_by": None, "attempts": 0, "accepted_version": None, "entry_key": None}
            | {"fence": put_back.c.fence + 1},
        ),
        [
            {"place_id": each.place, "identifier_id": each.identifier, "worker_id": each.worker, "case_id": each.case}
            | {"state": _S.KEPT.value, "sealed": each.sealed, "removed_at": now, "kept_until": each.until}
            | {"due_at": now}
            for each in values
        ],
    )
    wake(connection)


def any_rows(connection: Connection) -> bool:
    """Whether anything is kept at all."""
    return connection.execute(select(put_back.c.place_id).limit(1)).first() is not None


def make_due(connection: Connection, which: ColumnElement[bool] | None, now: datetime) -> None:
    """Decide again what belongs to these pairs (None: all)."""
    same = and_(pair.c.worker_id == put_back.c.worker_id, pair.c.identifier_id == put_back.c.identifier_id)
    wanted = () if which is None else (exists().where(same, which),)
    connection.execute(update(put_back).where(put_back.c.state.in_(_CAN_BE_DECIDED), *wanted).values(due_at=now))


def make_due_at(connection: Connection, place_id: int, now: datetime) -> None:
    """Decide again what can be put back into a place that was just read in full."""
    waits = and_(put_back.c.place_id == place_id, put_back.c.state == _S.KEPT.value, put_back.c.due_at.is_not(None))
    if connection.execute(update(put_back).where(waits).values(due_at=now)).rowcount:
        wake(connection)


def ask(connection: Connection, worker_id: int, now: datetime) -> None:
    """A worker asks for what they need again: also for what they took out themselves."""
    theirs = and_(put_back.c.worker_id == worker_id, put_back.c.state.in_(_WAITS))
    kept = {"state": _S.KEPT.value, "due_at": now, "next_at": None}
    if connection.execute(update(put_back).where(theirs).values(kept)).rowcount:
        wake(connection)


def next_due(connection: Connection) -> datetime | None:
    """When anything is to be decided again; None: nothing is."""
    found: datetime | None = connection.execute(
        select(func.min(put_back.c.due_at)).where(put_back.c.due_at.is_not(None))
    ).scalar()
    return found


def next_call(connection: Connection) -> datetime | None:
    """When a call is due next, or a lease runs out; None: nothing is, or removing is paused."""
    paused = pauses.paused(connection)
    if paused.everything:
        return None
    found: datetime | None = connection.execute(
        select(func.min(put_back.c.next_at)).where(put_back.c.next_at.is_not(None), *_free(paused))
    ).scalar()
    return found


def due(connection: Connection, now: datetime, limit: int) -> Sequence[PutRow]:
    """What is to be decided now."""
    where = and_(put_back.c.due_at <= now, put_back.c.state.in_(_CAN_BE_DECIDED))
    return _rows(connection, where, limit)


def _rows(connection: Connection, where: ColumnElement[bool], limit: int) -> Sequence[PutRow]:
    query = (
        select(put_back, place.c.uid.label("place_uid"), identifier.c.token)
        .join(place, place.c.id == put_back.c.place_id)
        .join(identifier, identifier.c.id == put_back.c.identifier_id)
        .where(where, put_back.c.sealed.is_not(None))
        .order_by(put_back.c.place_id, put_back.c.identifier_id)
        .limit(limit)
    )
    return [
        PutRow(
            *(row.place_id, row.place_uid, row.identifier_id, Token(row.token), row.worker_id, row.case_id),
            *(row.sealed, row.fence, row.attempts),
        )
        for row in connection.execute(query)
    ]


def books(connection: Connection, rows: Sequence[PutRow], today: date) -> Mapping[Contact, BookNow]:
    """What is known of the books of these rows, and of their workers."""
    places, workers = sorted({each.place for each in rows}), sorted({each.worker for each in rows})
    contacts = tuple_(sighting.c.place_id, sighting.c.identifier_id).in_([each.contact for each in rows])
    seen = {
        (row.place_id, row.identifier_id): Presence(row.presence)
        for row in connection.execute(
            select(sighting.c.place_id, sighting.c.identifier_id, sighting.c.presence).where(contacts)
        )
    }
    leaving = {
        tuple(row)
        for row in connection.execute(
            select(orders.c.place_id, orders.c.identifier_id).where(orders.c.place_id.in_(among(places)), IS_OPEN)
        )
    }
    by_list = exists().where(shared_device.c.device_id == device.c.id, *_on(shared_device, today))
    shared = set(
        connection.execute(
            select(place_device.c.place_id)
            .join(device, device.c.id == place_device.c.device_id)
            .where(place_device.c.place_id.in_(among(places)), or_(device.c.use == DeviceUse.SHARED.value, by_list))
        ).scalars()
    )
    away = _away(connection, workers, today)
    return {
        each.contact: BookNow(
            seen.get(each.contact),
            leaving=each.contact in leaving,
            shared=each.place in shared,
            away=each.worker in away,
            unanswered=each.attempts > 0,
        )
        for each in rows
    }


def _on(table: FromClause, today: date) -> tuple[ColumnElement[bool], ...]:
    return table.c["first"] <= today, or_(table.c["last"].is_(None), table.c["last"] >= today)


def _away(connection: Connection, workers: Sequence[int], today: date) -> frozenset[int]:
    """Those of these workers who are absent, are in no team any more, or may not sign in any more."""
    absent = select(absence.c.worker_id).where(absence.c.worker_id.in_(among(workers)), *_on(absence, today))
    barred = select(account.c.worker_id).where(
        account.c.worker_id.in_(among(workers)), account.c.disabled_at.is_not(None)
    )
    other = membership.alias()
    left = (
        select(membership.c.worker_id)
        .where(
            membership.c.worker_id.in_(among(workers)),
            ~exists().where(other.c.worker_id == membership.c.worker_id, *_on(other, today)),
        )
        .distinct()
    )
    return frozenset(found for query in (absent, barred, left) for found in connection.execute(query).scalars())


def labels(connection: Connection, wanted: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], tuple[str, str]]:
    """Case number and person code by case and identifier, where the register names it in that case."""
    if not wanted:
        return {}
    rows = connection.execute(
        select(link.c.case_id, link.c.identifier_id, cases.c.number, link.c.person)
        .join(cases, cases.c.id == link.c.case_id)
        .where(tuple_(link.c.case_id, link.c.identifier_id).in_(sorted(wanted)), link.c.gone_at.is_(None))
    )
    return {(row.case_id, row.identifier_id): (row.number, row.person) for row in rows}


def write_decided(
    connection: Connection, asked: Sequence[Contact], others: Mapping[Contact, datetime | None], now: datetime
) -> None:
    """asked: put these back now; one that waits already goes on waiting. others: not these; when to decide again."""
    for at, identifier_id in asked:
        mine = and_(put_back.c.place_id == at, put_back.c.identifier_id == identifier_id)
        connection.execute(update(put_back).where(mine).values(due_at=None))
        ready = {"state": _S.READY.value, "next_at": now}
        connection.execute(update(put_back).where(mine, put_back.c.state == _S.KEPT.value).values(ready))
    for (at, identifier_id), again in others.items():
        mine = and_(
            put_back.c.place_id == at,
            put_back.c.identifier_id == identifier_id,
            put_back.c.state.in_(_CAN_BE_DECIDED),
        )
        connection.execute(
            update(put_back).where(mine).values(state=_S.KEPT.value, next_at=None, due_at=again, attempts=0)
        )
    if asked:
        wake(connection)


def claim(connection: Connection, now: datetime, *, by: str, lease: timedelta, limit: int) -> Sequence[PutRow]:
    """Take what is due under a lease, with a fence; nothing where removing is paused."""
    paused = pauses.paused(connection, now)
    if paused.everything:
        return []
    waits = select(put_back.c.place_id, put_back.c.identifier_id).where(put_back.c.next_at <= now, *_free(paused))
    taken = connection.execute(
        waits.order_by(put_back.c.place_id, put_back.c.identifier_id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    if not taken:
        return []
    ours = tuple_(put_back.c.place_id, put_back.c.identifier_id).in_([tuple(row) for row in taken])
    # Whoever let its lease run out may have called.
    failed = case((put_back.c.state == _S.CALLING.value, 1), else_=0)
    leased = {"state": _S.CALLING.value, "next_at": now + lease, "lease_by": by, "fence": put_back.c.fence + 1}
    leased |= {"attempts": put_back.c.attempts + failed}
    connection.execute(update(put_back).where(ours).values(leased))
    return _rows(connection, ours, limit)


def _free(paused: pauses.Paused) -> tuple[ColumnElement[bool], ...]:
    """Not where a pause of a connection covers it."""
    if not paused.numbers:
        return ()
    covered = select(place.c.id).where(place.c.connection_id.in_(sorted(paused.numbers)))
    return (put_back.c.place_id.not_in(covered),)


def is_paused(connection: Connection, rows: Sequence[PutRow], now: datetime) -> bool:
    """Whether a pause covers any of these."""
    paused = pauses.paused(connection, now)
    if not paused.numbers:
        return paused.everything
    found = select(place.c.id).where(
        place.c.id.in_(among(sorted({each.place for each in rows}))), place.c.connection_id.in_(sorted(paused.numbers))
    )
    return paused.everything or connection.execute(found.limit(1)).first() is not None


def are_ours(connection: Connection, rows: Sequence[PutRow]) -> bool:
    """Whether all of these are still under the claim that took them."""
    wanted = {each.contact: each.fence for each in rows}
    found = connection.execute(
        select(put_back.c.place_id, put_back.c.identifier_id, put_back.c.fence).where(
            tuple_(put_back.c.place_id, put_back.c.identifier_id).in_(sorted(wanted)),
            put_back.c.state == _S.CALLING.value,
        )
    )
    return {(row.place_id, row.identifier_id): row.fence for row in found} == wanted


def settle(connection: Connection, settlements: Sequence[PutSettlement]) -> Sequence[PutSettlement]:
    """Write what became of claimed puts of one place; those that another claim has by now are left out.

    An accepted one remembers the place's version, raised by one, so that only a look begun later proves it.
    """
    accepted = [each for each in settlements if each.state is _S.CHECKING]
    version: int | None = None
    if accepted:
        version = connection.execute(
            update(place)
            .where(place.c.id == accepted[0].row.place)
            .values(version=place.c.version + 1, look_due=True)
            .returning(place.c.version)
        ).scalar_one()
    written = []
    for each in settlements:
        values = {
            "state": each.state.value,
            "next_at": each.next_at if each.state is _S.READY else None,
            "due_at": each.due_at,
            "lease_by": None,
            "attempts": 0 if each.state is _S.KEPT else each.row.attempts + each.failed,
            "accepted_version": version if each.state is _S.CHECKING else None,
            **({"entry_key": each.key} if each.state is _S.CHECKING else {}),
        }
        mine = and_(
            put_back.c.place_id == each.row.place,
            put_back.c.identifier_id == each.row.identifier,
            put_back.c.state == _S.CALLING.value,
            put_back.c.fence == each.row.fence,
        )
        if connection.execute(update(put_back).where(mine).values(values)).rowcount:
            written.append(each)
    return written


def places_to_check(connection: Connection) -> Sequence[int]:
    """Places with puts that the store accepted and a look can show."""
    query = select(put_back.c.place_id).where(put_back.c.state == _S.CHECKING.value).distinct()
    return list(connection.execute(query.order_by(put_back.c.place_id)).scalars())


def put_or_being_put(connection: Connection, place_id: int) -> frozenset[int]:
    """Identifiers that we are putting into a place, or have put there and not seen yet."""
    ours = or_(put_back.c.state.in_((_S.CALLING.value, _S.CHECKING.value)), put_back.c.attempts > 0)
    query = select(put_back.c.identifier_id).where(put_back.c.place_id == place_id, ours)
    return frozenset(connection.execute(query).scalars())


@dataclass(frozen=True, slots=True)
class PutsProven:
    """Puts that a look settled, by their tokens; cases: under whose keys the destroyed values were sealed."""

    there: Sequence[Token] = ()
    absent: Sequence[Token] = ()
    cases: frozenset[int] = frozenset()


def prove(connection: Connection, place_id: int, *, version: int) -> PutsProven:
    """Settle what was put by a full look written just before, which began at the place's `version`.

    Seen there: its value is destroyed and it is watched for no more. Absent: its worker took it out, as far as anybody
    knows, and it is not put a second time by itself. Unknown: left as it is.
    """
    rows = connection.execute(
        select(put_back.c.identifier_id, put_back.c.case_id, identifier.c.token, sighting.c.presence)
        .join(identifier, identifier.c.id == put_back.c.identifier_id)
        .outerjoin(
            sighting,
            and_(sighting.c.place_id == put_back.c.place_id, sighting.c.identifier_id == put_back.c.identifier_id),
        )
        .where(
            put_back.c.place_id == place_id,
            put_back.c.state == _S.CHECKING.value,
            put_back.c.accepted_version <= version,
        )
        .order_by(put_back.c.identifier_id)
    ).all()
    if not rows:
        return PutsProven()
    there = [row for row in rows if row.presence == Presence.PRESENT]
    absent = [row for row in rows if row.presence in (None, Presence.ABSENT)]
    of_place = put_back.c.place_id == place_id
    if there:
        ids = among(sorted(row.identifier_id for row in there))
        ours = exists().where(entry.c.place_id == place_id, entry.c.key == put_back.c.entry_key)
        mine = and_(of_place, put_back.c.identifier_id.in_(ids))
        connection.execute(update(put_back).where(mine, ~ours).values(entry_key=None))
        seen = {"state": _S.THERE.value, "sealed": None, "accepted_version": None, "due_at": None, "attempts": 0}
        connection.execute(update(put_back).where(mine).values(seen))
        connection.execute(
            delete(tombstone).where(tombstone.c.place_id == place_id, tombstone.c.identifier_id.in_(ids))
        )
    if absent:
        out = {"state": _S.TAKEN_OUT.value, "accepted_version": None, "entry_key": None, "due_at": None, "attempts": 0}
        mine = and_(of_place, put_back.c.identifier_id.in_(among(sorted(row.identifier_id for row in absent))))
        connection.execute(update(put_back).where(mine).values(out))
    return PutsProven(
        [Token(row.token) for row in there],
        [Token(row.token) for row in absent],
        frozenset(row.case_id for row in there),
    )


def destroy_over(connection: Connection, now: datetime) -> int:
    """Destroy what is kept for nothing; how many that were: what is over, what the register links to its case no more,
    and what stands in its place again, whoever wrote it there.
    """
    linked = exists().where(
        link.c.case_id == put_back.c.case_id,
        link.c.identifier_id == put_back.c.identifier_id,
        link.c.gone_at.is_(None),
    )
    open_order = exists().where(
        orders.c.place_id == put_back.c.place_id, orders.c.identifier_id == put_back.c.identifier_id, IS_OPEN
    )
    stands = exists().where(
        sighting.c.place_id == put_back.c.place_id,
        sighting.c.identifier_id == put_back.c.identifier_id,
        sighting.c.presence == Presence.PRESENT.value,
    )
    for_nothing = or_(
        put_back.c.kept_until <= now,
        ~linked,
        and_(put_back.c.state.in_(_WAITS), put_back.c.attempts == 0, stands, ~open_order),
    )
    idle = put_back.c.state.in_((*_WAITS, _S.CHECKING.value))
    return connection.execute(delete(put_back).where(idle, for_nothing)).rowcount


def destroy_all(connection: Connection) -> int:
    """Destroy all that is kept; how many values that were. What was put stays known as ours."""
    return connection.execute(delete(put_back).where(put_back.c.sealed.is_not(None))).rowcount


def cases_with_values(connection: Connection) -> frozenset[int]:
    """Cases of which anything is kept."""
    query = select(put_back.c.case_id).where(put_back.c.sealed.is_not(None)).distinct()
    return frozenset(connection.execute(query).scalars())
