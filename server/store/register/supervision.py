"""What a work supervisor's own team has open: closures that nobody confirmed, and deviations in force; reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from server.core.model import Reason, Role, Tier
from server.store.removal.deviations_and_holds import DeviationRow
from server.store.schema.base import account, account_role, cases, deputy, deviation, pair, worker


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


# --- deputies ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeputyRow:
    """Somebody who stands in for a team. name: of the account, or its id where a provider vouches for it."""

    uid: str
    account: int
    name: str
    until_at: datetime


def supervisors(connection: Connection) -> Sequence[tuple[int, str, str]]:
    """(our number, id, name or id) of every account that may work as a supervisor, in the order of names."""
    name = func.coalesce(account.c.name, account.c.uid)
    rows = connection.execute(
        select(account.c.id, account.c.uid, name.label("said"))
        .join(account_role, account_role.c.account_id == account.c.id)
        .where(account_role.c.role == Role.WORK_SUPERVISOR.value, account.c.disabled_at.is_(None))
        .order_by(name)
    )
    return [(row.id, row.uid, row.said) for row in rows]


def add_deputy(
    connection: Connection, *, uid: str, team: str, of_account: int, named_by: int, now: datetime, until: datetime
) -> None:
    """Let somebody stand in. The table refuses who names themselves."""
    connection.execute(
        deputy.insert().values(
            uid=uid, team=team, account_id=of_account, named_by=named_by, named_at=now, until_at=until
        )
    )


def deputies_of(connection: Connection, team: str, now: datetime) -> Sequence[DeputyRow]:
    """Who stands in for a team now, the first to end first."""
    rows = connection.execute(
        select(
            deputy.c.uid,
            deputy.c.account_id,
            func.coalesce(account.c.name, account.c.uid).label("said"),
            deputy.c.until_at,
        )
        .join(account, account.c.id == deputy.c.account_id)
        .where(deputy.c.team == team, deputy.c.until_at > now, deputy.c.ended_at.is_(None))
        .order_by(deputy.c.until_at, deputy.c.id)
    )
    return [DeputyRow(row.uid, row.account_id, row.said, row.until_at) for row in rows]


def teams_stood_in_for(connection: Connection, of_account: int, now: datetime) -> Sequence[str]:
    """The teams for which an account stands in now, by name."""
    rows = connection.execute(
        select(deputy.c.team)
        .where(deputy.c.account_id == of_account, deputy.c.until_at > now, deputy.c.ended_at.is_(None))
        .distinct()
        .order_by(deputy.c.team)
    )
    return list(rows.scalars())


def end_deputy(connection: Connection, uid: str, team: str, now: datetime) -> bool:
    """End it; False if there is none of that id for that team any more."""
    done = connection.execute(
        update(deputy)
        .where(deputy.c.uid == uid, deputy.c.team == team, deputy.c.ended_at.is_(None), deputy.c.until_at > now)
        .values(ended_at=now)
    )
    return bool(done.rowcount)
