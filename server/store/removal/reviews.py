"""Pairs that wait for a person, the longest first, and what a person said of their identifiers; sets, and one by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, update

from mdm_adapters.port import Token
from server.core.model import Decision, Presence, Reason, Whose
from server.core.removal.plan import item_id
from server.store.removal.due import make_due
from server.store.schema.base import case_system, cases, identifier, link, pair, place, sighting, worker


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A worker's contact that waits. uid: opaque, the same while it waits. case None: the directory says whose it is.

    since: when it began to wait, whatever the reason was then.
    """

    uid: str
    worker_id: int
    identifier_id: int
    case_id: int | None
    worker: str
    team: str
    case: str | None
    system: str | None
    reason: Reason
    since: datetime


def waiting(connection: Connection, *, limit: int | None = None) -> Sequence[ReviewRow]:
    """What waits, the longest first. limit: at most so many."""
    rows = connection.execute(
        select(
            *(pair.c.worker_id, pair.c.identifier_id, pair.c.case_id, pair.c.reason, pair.c.waits_since),
            *(worker.c.ref, worker.c.team, cases.c.number, case_system.c.name, identifier.c.token),
        )
        .join(worker, worker.c.id == pair.c.worker_id)
        .join(identifier, identifier.c.id == pair.c.identifier_id)
        .outerjoin(cases, cases.c.id == pair.c.case_id)
        .outerjoin(case_system, case_system.c.id == cases.c.system_id)
        .where(_waits())
        .order_by(pair.c.waits_since, pair.c.worker_id, pair.c.identifier_id)
        .limit(limit)
    )
    return [
        ReviewRow(
            item_id(f"review {row.worker_id}", Token(row.token)),
            row.worker_id,
            row.identifier_id,
            row.case_id,
            row.ref,
            row.team,
            row.number,
            row.name,
            Reason(row.reason),
            row.waits_since,
        )
        for row in rows
    ]


def count(connection: Connection) -> Mapping[Reason, tuple[int, datetime]]:
    """For each reason how many wait, and since when the one that has waited longest."""
    rows = connection.execute(
        select(pair.c.reason, func.count(), func.min(pair.c.waits_since)).where(_waits()).group_by(pair.c.reason)
    )
    return {Reason(reason): (number, since) for reason, number, since in rows}


def _waits() -> ColumnElement[bool]:
    """Decided so, and still there: what has left a worker's books asks nothing of anybody."""
    there = exists().where(
        place.c.worker_id == pair.c.worker_id,
        sighting.c.place_id == place.c.id,
        sighting.c.identifier_id == pair.c.identifier_id,
        sighting.c.presence != Presence.ABSENT.value,
    )
    return and_(pair.c.decision == Decision.REVIEW.value, pair.c.waits_since.is_not(None), there)


def say_whose(connection: Connection, case_id: int, identifier_id: int, whose: Whose, now: datetime) -> bool:
    """Write down whose an identifier is; False if the register itself tells by now. Whoever has it is decided again."""
    told = and_(link.c.gone_at.is_(None), link.c.linked, link.c.former_since.is_(None))
    done = connection.execute(
        update(link)
        .where(link.c.case_id == case_id, link.c.identifier_id == identifier_id, ~told)
        .values(whose=whose.value)
    )
    _mark_due(connection, identifier_id, now)
    return bool(done.rowcount)


def say_recorded(connection: Connection, case_id: int, identifier_id: int, now: datetime) -> bool:
    """Write down that the contact is in the case file; whoever has it is decided again."""
    done = connection.execute(
        update(link).where(link.c.case_id == case_id, link.c.identifier_id == identifier_id).values(recorded_at=now)
    )
    _mark_due(connection, identifier_id, now)
    return bool(done.rowcount)


def _mark_due(connection: Connection, identifier_id: int, now: datetime) -> None:
    make_due(connection, pair.c.identifier_id == identifier_id, now)
