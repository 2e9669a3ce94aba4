"""Deviations, and what of orders a hold covers (`store.hold_list`): what stands between a need and a removal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, false, or_, select

from server.core.hold_record import Hold, Standing, standing_of
from server.core.model import State, Tier
from server.store.removal.due import make_due
from server.store.schema.base import case_system, cases, deviation, link, orders, overtaken, pair, worker


@dataclass(frozen=True, slots=True)
class DeviationRow:
    """A reasoned exception for one worker and one case."""

    uid: str
    case: str
    worker: str
    tier: Tier
    reason: str
    decided_by: str
    recorded_at: datetime
    until_at: datetime


def worker_id(connection: Connection, ref: str) -> int | None:
    """The worker of that reference, if known."""
    found: int | None = connection.execute(select(worker.c.id).where(worker.c.ref == ref)).scalar()
    return found


def case_ids(connection: Connection, number: str, system: str | None = None) -> Sequence[int]:
    """Cases of that number; more than one if two case systems use it. system: only in this one."""
    query = select(cases.c.id).where(cases.c.number == number).order_by(cases.c.id)
    if system is not None:
        query = query.join(case_system, case_system.c.id == cases.c.system_id).where(case_system.c.name == system)
    return list(connection.execute(query).scalars())


def add_deviation(
    connection: Connection,
    *,
    uid: str,
    case_id: int,
    of_worker: int,
    tier: Tier,
    reason: str,
    decided_by: str,
    now: datetime,
    until: datetime,
) -> None:
    """Record a deviation and let what it covers be decided again."""
    connection.execute(
        deviation.insert().values(
            uid=uid,
            case_id=case_id,
            worker_id=of_worker,
            tier=tier,
            reason=reason,
            decided_by=decided_by,
            recorded_at=now,
            until_at=until,
        )
    )
    make_due(connection, and_(pair.c.worker_id == of_worker, pair.c.identifier_id.in_(_identifiers_of(case_id))), now)


def read_deviations(connection: Connection, now: datetime) -> Sequence[DeviationRow]:
    """Deviations in force, the first to expire first."""
    rows = connection.execute(
        select(deviation, cases.c.number, worker.c.ref)
        .join(cases, cases.c.id == deviation.c.case_id)
        .join(worker, worker.c.id == deviation.c.worker_id)
        .where(deviation.c.until_at > now, deviation.c.ended_at.is_(None))
        .order_by(deviation.c.until_at, deviation.c.id)
    )
    return [
        DeviationRow(r.uid, r.number, r.ref, Tier(r.tier), r.reason, r.decided_by, r.recorded_at, r.until_at)
        for r in rows
    ]


def told_late(connection: Connection, holds: Sequence[Hold]) -> Mapping[str, int]:
    """By hold, calls of what it covers that had been overtaken, took something away, and were told of while it held."""
    told = overtaken.c.touched > 0
    calls = connection.execute(
        select(overtaken.c.order_id, overtaken.c.fence, overtaken.c.answered_at, orders.c.worker_id, link.c.case_id)
        .join(orders, orders.c.id == overtaken.c.order_id)
        .outerjoin(link, link.c.identifier_id == orders.c.identifier_id)
        .where(told, overtaken.c.answered_at.is_not(None))
    ).all()
    found: Counter[str] = Counter()
    for each in holds:
        standing = standing_of([replace(each, ended_at=None)])
        found[each.uid] = len(
            {
                (call.order_id, call.fence)
                for call in calls
                if each.set_at <= call.answered_at
                and (each.ended_at is None or call.answered_at <= each.ended_at)
                and standing.covers(call.worker_id, (call.case_id,))
            }
        )
    return found


def system_of(connection: Connection, case_id: int) -> str | None:
    """The name of a case's system."""
    query = select(case_system.c.name).join(cases, cases.c.system_id == case_system.c.id).where(cases.c.id == case_id)
    found: str | None = connection.execute(query).scalar()
    return found


def open_orders(connection: Connection, covered: Standing) -> int:
    """How many orders that a hold covers have not left yet."""
    waiting = (State.READY, State.WAITING, State.PERSON)
    query = select(orders.c.id, orders.c.worker_id, orders.c.identifier_id).where(orders.c.state.in_(waiting))
    return len(_covered(connection, query, covered))


def accepted_before(connection: Connection, covered: Standing) -> int:
    """How many orders that a hold covers the vendor had accepted before it came."""
    accepted = select(orders.c.id, orders.c.worker_id, orders.c.identifier_id).where(orders.c.state == State.CHECKING)
    return len(_covered(connection, accepted, covered))


def unanswered_calls(connection: Connection, covered: Standing) -> Mapping[tuple[str, bool], int]:
    """Claims of orders that a hold covers and that are not answered, by engine, and whether it is known to answer no
    more: those under a lease, and those that another engine took over.
    """
    of_order = (orders.c.id, orders.c.worker_id, orders.c.identifier_id)
    leased = select(*of_order, orders.c.lease_by.label("engine"), false().label("ended"))
    leased = leased.where(orders.c.state == State.CALLING)
    ended = overtaken.c.ended_at.is_not(None)
    settled = orders.c.state.in_((State.CHECKING, State.DONE))  # what was accepted or proven since is told as that
    over = (
        select(*of_order, overtaken.c.engine, ended.label("ended"))
        .join(orders, orders.c.id == overtaken.c.order_id)
        .where(overtaken.c.answered_at.is_(None), or_(~ended, ~settled))
    )
    return Counter(
        (row.engine, bool(row.ended)) for query in (leased, over) for row in _covered(connection, query, covered)
    )


def _covered(connection: Connection, query: Select[Any], covered: Standing) -> Sequence[Row[Any]]:
    """Rows (id, worker_id, identifier_id, ..) of orders that a hold covers. What the database is asked is the same for
    every hold: whoever reads along learns nothing of whom it is about.
    """
    rows = connection.execute(query).all()
    wanted = select(query.subquery().c.identifier_id)
    cases_of: dict[int, set[int]] = {}
    linked = select(link.c.identifier_id, link.c.case_id).where(link.c.identifier_id.in_(wanted))
    for row in connection.execute(linked):
        cases_of.setdefault(row.identifier_id, set()).add(row.case_id)
    return [row for row in rows if covered.covers(row.worker_id, cases_of.get(row.identifier_id, ()))]


def _identifiers_of(case_id: int) -> Select[Any]:
    return select(link.c.identifier_id).where(link.c.case_id == case_id)
