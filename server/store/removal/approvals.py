"""Requests that a second person decides, as rows; who may ask and who may grant is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from server.store.database import insert
from server.store.schema.base import approval, plan


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request that nobody has decided yet. asked_by: our number of the account."""

    id: int
    plan: int
    digest: str
    asked_by: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class WaitingPlan:
    """A plan that waits for release."""

    id: int
    digest: str


def waiting_plan(connection: Connection, uid: str) -> WaitingPlan | None:
    """The plan of that id, if it waits; locked until the transaction ends."""
    row = connection.execute(
        select(plan.c.id, plan.c.digest)
        .where(plan.c.uid == uid, plan.c.held_back.is_not(None), plan.c.released_at.is_(None))
        .with_for_update()
    ).first()
    return None if row is None else WaitingPlan(row.id, row.digest)


def open_request(connection: Connection, plan_id: int) -> RequestRow | None:
    """The request for a plan that nobody has decided; it may have run out."""
    row = connection.execute(
        select(approval).where(approval.c.plan_id == plan_id, approval.c.decided_at.is_(None))
    ).first()
    return None if row is None else RequestRow(row.id, row.plan_id, row.digest, row.asked_by, row.ends_at)


def ask(connection: Connection, plan_id: int, digest: str, asked_by: int, now: datetime, ends_at: datetime) -> bool:
    """Ask for a plan's release; False if somebody has asked already."""
    made = connection.execute(
        insert(connection, approval)
        .values(plan_id=plan_id, digest=digest, asked_by=asked_by, asked_at=now, ends_at=ends_at)
        .on_conflict_do_nothing()
    )
    return bool(made.rowcount)


def decide(connection: Connection, request_id: int, decided_by: int, now: datetime, *, granted: bool) -> bool:
    """Grant or refuse; False if it was decided already. The table refuses a grant by who asked."""
    done = connection.execute(
        update(approval)
        .where(approval.c.id == request_id, approval.c.decided_at.is_(None))
        .values(decided_by=decided_by, decided_at=now, granted=granted)
    )
    return bool(done.rowcount)
