"""What a work supervisor's own team has open: closures that nobody confirmed, and deviations in force; reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from server.core.model import Reason, Tier
from server.store.exceptions import DeviationRow
from server.store.schema import cases, deviation, pair, worker


@dataclass(frozen=True, slots=True)
class UnconfirmedRow:
    """A case of the team whose status is closed and whose final closure nobody confirmed. contacts: still held."""

    case: str
    worker: str
    contacts: int


def team_of(connection: Connection, of_worker: int) -> str | None:
    """The team of a worker."""
    found: str | None = connection.execute(select(worker.c.team).where(worker.c.id == of_worker)).scalar()
    return found


def first_team(connection: Connection) -> str | None:
    """The first team by name."""
    found: str | None = connection.execute(select(func.min(worker.c.team))).scalar()
    return found


def unconfirmed(connection: Connection, team: str, *, limit: int) -> Sequence[UnconfirmedRow]:
    """Cases and workers of a team that wait for a confirmed closure, those with the most contacts first."""
    count = func.count()
    rows = connection.execute(
        select(cases.c.number, worker.c.ref, count.label("contacts"))
        .select_from(pair)
        .join(worker, worker.c.id == pair.c.worker_id)
        .join(cases, cases.c.id == pair.c.case_id)
        .where(worker.c.team == team, pair.c.reason == Reason.CLOSURE_UNCONFIRMED.value)
        .group_by(cases.c.number, worker.c.ref)
        .order_by(count.desc(), cases.c.number, worker.c.ref)
        .limit(limit)
    )
    return [UnconfirmedRow(row.number, row.ref, row.contacts) for row in rows]


def deviations_of(connection: Connection, team: str, now: datetime) -> Sequence[DeviationRow]:
    """Deviations of a team in force, the first to end first."""
    rows = connection.execute(
        select(deviation, cases.c.number, worker.c.ref)
        .join(cases, cases.c.id == deviation.c.case_id)
        .join(worker, worker.c.id == deviation.c.worker_id)
        .where(worker.c.team == team, deviation.c.until_at > now, deviation.c.ended_at.is_(None))
        .order_by(deviation.c.until_at, deviation.c.id)
    )
    return [
        DeviationRow(r.uid, r.number, r.ref, Tier(r.tier), r.reason, r.decided_by, r.recorded_at, r.until_at)
        for r in rows
    ]


def is_of_team(connection: Connection, team: str, ref: str) -> bool:
    """Whether a worker is of that team."""
    return connection.execute(select(worker.c.id).where(worker.c.ref == ref, worker.c.team == team)).first() is not None
