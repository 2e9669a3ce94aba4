"""Deviations and holds: what stands between a need and a removal; holds are sealed and shown to nobody uncleared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, update

from server.core.model import State, Tier
from server.store.removal.due import make_due
from server.store.schema.base import case_system, cases, deviation, hold, link, orders, overtaken, pair, worker
from server.store.seal import Sealer


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


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold, opened for those cleared. worker and case None: it covers everything. system: the case's.

    late: calls of what it covers that had been overtaken, took something away, and were told of while it held.
    """

    uid: str
    worker: str | None
    case: str | None
    reason: str
    set_at: datetime
    released_at: datetime | None
    late: int = 0
    system: str | None = None


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


def set_hold(
    connection: Connection,
    sealer: Sealer,
    *,
    uid: str,
    of_worker: int | None,
    of_case: int | None,
    reason: str,
    now: datetime,
) -> None:
    """Set a hold on a worker, a case, or with neither on everything; what it covers is decided again."""
    connection.execute(
        hold.insert().values(
            uid=uid,
            worker_id=of_worker,
            case_id=of_case,
            everything=of_worker is None and of_case is None,
            sealed=sealer.seal(reason, f"hold.{uid}"),
            set_at=now,
        )
    )
    _mark_due(connection, of_worker, of_case, now)


def release_hold(connection: Connection, uid: str, now: datetime) -> bool:
    """End a hold; False if there is none of that id in force."""
    row = connection.execute(
        update(hold)
        .where(hold.c.uid == uid, hold.c.released_at.is_(None))
        .values(released_at=now)
        .returning(hold.c.worker_id, hold.c.case_id)
    ).first()
    if row is None:
        return False
    _mark_due(connection, row.worker_id, row.case_id, now)
    return True


def read_holds(connection: Connection, sealer: Sealer) -> Sequence[HoldRow]:
    """Every hold, newest first: for cleared eyes only."""
    of_its_case = select(link.c.identifier_id).where(link.c.case_id == hold.c.case_id).correlate(hold)
    late = (
        select(func.count())
        .select_from(overtaken)
        .join(orders, orders.c.id == overtaken.c.order_id)
        .where(
            overtaken.c.touched > 0,
            overtaken.c.answered_at >= hold.c.set_at,
            or_(hold.c.released_at.is_(None), overtaken.c.answered_at <= hold.c.released_at),
            or_(
                hold.c.everything,
                orders.c.worker_id == hold.c.worker_id,
                orders.c.identifier_id.in_(of_its_case),
            ),
        )
        .correlate(hold)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(hold, worker.c.ref, cases.c.number, late.label("late"), case_system.c.name.label("system"))
        .outerjoin(worker, worker.c.id == hold.c.worker_id)
        .outerjoin(cases, cases.c.id == hold.c.case_id)
        .outerjoin(case_system, case_system.c.id == cases.c.system_id)
        .order_by(hold.c.id.desc())
    )
    return [
        HoldRow(
            *(r.uid, r.ref, r.number, sealer.open(r.sealed, f"hold.{r.uid}"), r.set_at, r.released_at),
            late=r.late,
            system=r.system,
        )
        for r in rows
    ]


def accepted_before(connection: Connection, of_worker: int | None, of_case: int | None) -> int:
    """How many orders that a hold covers the vendor had accepted before it came."""
    query = select(func.count()).select_from(orders).where(orders.c.state == State.CHECKING)
    return int(connection.execute(query.where(*_covered(of_worker, of_case))).scalar_one())


def unanswered_calls(
    connection: Connection, of_worker: int | None, of_case: int | None
) -> Mapping[tuple[str, bool], int]:
    """Claims of orders that a hold covers and that are not answered, by engine, and whether it is known to answer no
    more: those under a lease, and those that another engine took over.
    """
    covered = _covered(of_worker, of_case)
    found: Counter[tuple[str, bool]] = Counter()
    leased = select(orders.c.lease_by, func.count()).where(orders.c.state == State.CALLING, *covered)
    for engine, count in connection.execute(leased.group_by(orders.c.lease_by)):
        found[engine, False] += count
    ended = overtaken.c.ended_at.is_not(None)
    settled = orders.c.state.in_((State.CHECKING, State.DONE))  # what was accepted or proven since is told as that
    query = (
        select(overtaken.c.engine, ended.label("ended"), func.count())
        .join(orders, orders.c.id == overtaken.c.order_id)
        .where(overtaken.c.answered_at.is_(None), or_(~ended, ~settled), *covered)
    )
    for engine, has_ended, count in connection.execute(query.group_by(overtaken.c.engine, ended)):
        found[engine, bool(has_ended)] += count
    return found


def _covered(of_worker: int | None, of_case: int | None) -> Sequence[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if of_worker is not None:
        where.append(orders.c.worker_id == of_worker)
    if of_case is not None:
        where.append(orders.c.identifier_id.in_(_identifiers_of(of_case)))
    return where


def _identifiers_of(case_id: int) -> Select[Any]:
    return select(link.c.identifier_id).where(link.c.case_id == case_id)


def _mark_due(connection: Connection, of_worker: int | None, of_case: int | None, now: datetime) -> None:
    covered = [pair.c.worker_id == of_worker] if of_worker is not None else []
    if of_case is not None:
        covered.append(pair.c.identifier_id.in_(_identifiers_of(of_case)))
    make_due(connection, and_(*covered) if covered else None, now)
