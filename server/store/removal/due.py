"""What is to be decided again now, because something happened: the one place that says so, and wakes engines for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, Update, and_, exists, select, update

from server.core.model import Presence
from server.store.schema.base import assignment, link, pair, place, sighting, worker
from server.store.wakeups import wake


def make_due(connection: Connection, chosen: ColumnElement[bool] | None, now: datetime) -> int:
    """Have these pairs (None: all) decided again as soon as this transaction is committed; returns how many."""
    statement = update(pair).values(due_at=now)
    found = connection.execute(statement if chosen is None else statement.where(chosen)).rowcount
    if found:
        wake(connection)
    return found


def of_cases(case_ids: Select[tuple[int]]) -> ColumnElement[bool]:
    """Every pair with an identifier of these cases."""
    return pair.c.identifier_id.in_(select(link.c.identifier_id).where(link.c.case_id.in_(case_ids)))


def look_soon(connection: Connection, case_ids: Select[tuple[int]], now: datetime) -> None:
    """Have books of those who worked on these cases read soon, where a contact of theirs was not seen: one may have
    been put there since. What was seen needs no look, the store itself says whether it is still as it was seen.

    For closures alone: what is read must not tell of a hold.
    """
    if connection.execute(hinting(case_ids, now)).rowcount:
        wake(connection)


def hinting(case_ids: Select[tuple[int]], now: datetime | BindParameter[datetime]) -> Update:
    """The statement for it."""
    unseen = (
        select(worker.c.id)
        .select_from(assignment)
        .join(worker, worker.c.ref == assignment.c.worker_ref)
        .join(link, link.c.case_id == assignment.c.case_id)
        .where(
            assignment.c.case_id.in_(case_ids),
            worker.c.id == place.c.worker_id,
            link.c.gone_at.is_(None),
            ~exists().where(
                sighting.c.place_id == place.c.id,
                sighting.c.identifier_id == link.c.identifier_id,
                sighting.c.presence == Presence.PRESENT.value,
            ),
        )
    )
    theirs = and_(place.c.looked_at.is_not(None), unseen.correlate(place).exists())
    return update(place).where(theirs).values(hinted_at=now)
