"""What is known of the plans of cases in monitoring, and what work supervisors changed in them; everything in sets.

A change lets whoever has a contact of the case be decided again, in its own transaction (`closures.hold_still`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Connection, Select, exists, func, or_, select, update

from server.core.model import Monitored, Phase, PlanChange
from server.core.policy.model import CountedFrom
from server.core.removal.monitoring import ChangeEnd
from server.store.database import among
from server.store.schema.base import account, assignment, cases, moment, plan_change, worker


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change of a plan. by: the account's name, or its id where a provider vouches for it."""

    uid: str
    case_id: int
    months: int | None
    on_date: date | None
    reason: str
    said_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class MonitoredCase:
    """A case in monitoring. named: (worker's reference, day) of each contact that the case system plans. workers: of
    the team, who are on the case now or named.
    """

    id: int
    number: str
    facts: Monitored
    named: tuple[tuple[str, date], ...]
    workers: tuple[str, ...]


def monitored(connection: Connection, chosen: Select[Any]) -> Mapping[int, Monitored]:
    """What is known of the plans of those of these cases that are in monitoring. chosen: ids of cases."""
    planned = exists().where(moment.c.case_id == cases.c.id)
    rows = connection.execute(
        select(
            *(cases.c.id, cases.c.transferred_on, cases.c.monitoring_from, cases.c.plan_counts_from),
            *(cases.c.seen_monitored_on, planned),
        ).where(cases.c.phase == Phase.MONITORING.value, cases.c.id.in_(chosen))
    ).all()
    changes = _changes(connection, chosen) if rows else {}
    return {row[0]: Monitored(row[1], row[2], row[3], row[4], bool(row[5]), changes.get(row[0], ())) for row in rows}


def _changes(connection: Connection, chosen: Select[Any]) -> Mapping[int, tuple[PlanChange, ...]]:
    in_force = plan_change.c.ended_at.is_(None)
    if connection.execute(select(plan_change.c.id).where(in_force).limit(1)).first() is None:
        return {}
    found: dict[int, tuple[PlanChange, ...]] = {}
    for case_id, months, on in connection.execute(
        select(plan_change.c.case_id, plan_change.c.months, plan_change.c.on_date)
        .where(in_force, plan_change.c.case_id.in_(chosen))
        .order_by(plan_change.c.id)
    ):
        found[case_id] = (*found.get(case_id, ()), PlanChange(months, on))
    return found


def cases_of_team(connection: Connection, team: str, now: datetime, *, case_id: int | None = None) -> list[int]:
    """Cases in monitoring that a worker of the team is on now, or is to have a planned contact of; by number."""
    of_team = select(worker.c.ref).where(worker.c.team == team)
    on_it = (
        exists()
        .where(
            assignment.c.case_id == cases.c.id,
            assignment.c.worker_ref.in_(of_team),
            assignment.c.from_at <= now,
            or_(assignment.c.until_at.is_(None), assignment.c.until_at > now),
        )
        .correlate(cases)
    )
    named = exists().where(moment.c.case_id == cases.c.id, moment.c.worker_ref.in_(of_team)).correlate(cases)
    query = select(cases.c.id).where(cases.c.phase == Phase.MONITORING.value, or_(on_it, named))
    if case_id is not None:
        query = query.where(cases.c.id == case_id)
    return list(connection.execute(query.order_by(cases.c.number, cases.c.id)).scalars())


def read_cases(connection: Connection, team: str, ids: Sequence[int], now: datetime) -> Sequence[MonitoredCase]:
    """These cases in monitoring, in this order."""
    facts = monitored(connection, select(cases.c.id).where(cases.c.id.in_(among(ids))))
    numbers = {
        row.id: row.number
        for row in connection.execute(select(cases.c.id, cases.c.number).where(cases.c.id.in_(among(ids))))
    }
    named: dict[int, list[tuple[str, date]]] = {}
    for row in connection.execute(
        select(moment.c.case_id, moment.c.worker_ref, moment.c.on_date)
        .where(moment.c.case_id.in_(among(ids)))
        .order_by(moment.c.on_date, moment.c.worker_ref)
    ):
        named.setdefault(row.case_id, []).append((row.worker_ref, row.on_date))
    here: dict[int, set[str]] = {}
    for on_it in connection.execute(
        select(assignment.c.case_id, assignment.c.worker_ref)
        .join(worker, worker.c.ref == assignment.c.worker_ref)
        .where(
            worker.c.team == team,
            assignment.c.case_id.in_(among(ids)),
            assignment.c.from_at <= now,
            or_(assignment.c.until_at.is_(None), assignment.c.until_at > now),
        )
    ):
        here.setdefault(on_it.case_id, set()).add(on_it.worker_ref)
    return [
        MonitoredCase(
            each,
            numbers[each],
            facts[each],
            tuple(named.get(each, ())),
            tuple(sorted({ref for ref, _ in named.get(each, ())} or here.get(each, set()))),
        )
        for each in ids
        if each in facts
    ]


def changes_of(connection: Connection, case_id: int) -> Sequence[ChangeRow]:
    """The changes of a case's plan in force, in the order in which they were made."""
    return [_row(each) for each in connection.execute(_CHANGES.where(plan_change.c.case_id == case_id)).all()]


def change(connection: Connection, uid: str) -> ChangeRow | None:
    """A change in force by its id."""
    found = connection.execute(_CHANGES.where(plan_change.c.uid == uid)).first()
    return None if found is None else _row(found)


_CHANGES = (
    select(plan_change, func.coalesce(account.c.name, account.c.uid).label("by"))
    .join(account, account.c.id == plan_change.c.said_by)
    .where(plan_change.c.ended_at.is_(None))
    .order_by(plan_change.c.id)
)


def _row(row: Any) -> ChangeRow:
    return ChangeRow(row.uid, row.case_id, row.months, row.on_date, row.reason, row.said_at, row.by)


def put_change(
    connection: Connection,
    *,
    uid: str,
    case_id: int,
    team: str,
    change: PlanChange,
    reason: str,
    by: int,
    now: datetime,
) -> None:
    """Write a change down; the one of the same month before it is no longer in force."""
    if change.months is not None:
        connection.execute(
            update(plan_change)
            .where(
                plan_change.c.case_id == case_id,
                plan_change.c.months == change.months,
                plan_change.c.ended_at.is_(None),
            )
            .values(ended_at=now, ended_as=ChangeEnd.CHANGED_ANEW.value, ended_by=by)
        )
    connection.execute(
        plan_change.insert().values(
            uid=uid,
            case_id=case_id,
            team=team,
            months=change.months,
            on_date=change.on,
            reason=reason,
            said_by=by,
            said_at=now,
        )
    )


def end_change(connection: Connection, uid: str, by: int, now: datetime) -> bool:
    """Withdraw a change; False if it is no longer in force."""
    done = connection.execute(
        update(plan_change)
        .where(plan_change.c.uid == uid, plan_change.c.ended_at.is_(None))
        .values(ended_at=now, ended_as=ChangeEnd.WITHDRAWN.value, ended_by=by)
    )
    return bool(done.rowcount)


def lapse(connection: Connection, changed: Select[Any], now: datetime) -> int:
    """End the changes of cases that are not in monitoring any more; returns how many. changed: ids of cases."""
    elsewhere = select(cases.c.id).where(cases.c.id.in_(changed), cases.c.phase != Phase.MONITORING.value)
    done = connection.execute(
        update(plan_change)
        .where(plan_change.c.ended_at.is_(None), plan_change.c.case_id.in_(elsewhere))
        .values(ended_at=now, ended_as=ChangeEnd.LAPSED.value)
    )
    return int(done.rowcount)


_BEGINS: Mapping[CountedFrom, tuple[Column[date], ...]] = {
    CountedFrom.TRANSFER: (cases.c.transferred_on,),
    CountedFrom.START_OF_PHASE: (cases.c.monitoring_from, cases.c.seen_monitored_on),
    CountedFrom.CASE_FIELD: (cases.c.plan_counts_from,),
}


def without_plan(connection: Connection, counted_from: CountedFrom | None) -> tuple[int, int]:
    """How many cases are in monitoring, and in how many nothing is planned and no day tells when a plan begins.

    counted_from: None: no months are counted at all.
    """
    planned = exists().where(moment.c.case_id == cases.c.id)
    stated = exists().where(
        plan_change.c.case_id == cases.c.id, plan_change.c.months == 0, plan_change.c.ended_at.is_(None)
    )
    begins = [] if counted_from is None else [each.is_not(None) for each in _BEGINS[counted_from]]
    row = connection.execute(
        select(func.count(), func.count().filter(~or_(planned, stated, *begins)))
        .select_from(cases)
        .where(cases.c.phase == Phase.MONITORING.value)
    ).one()
    return int(row[0]), 0 if counted_from is None else int(row[1])
