"""Looks that change nothing: counted as they are made, and told in the log together (decision 0072)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from server.core.log.looks import digest_of_looks
from server.store.database import insert
from server.store.schema.base import place
from server.store.schema.running import quiet_looks

TOLD_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class QuietLooks:
    """Those of some time. failed: of them, those that failed as the look before did. places: at how many they were, or
    others were since. digest: of these places and when each was looked at last.
    """

    looks: int
    failed: int
    places: int
    digest: str


def count(connection: Connection, now: datetime, *, failed: bool) -> QuietLooks | None:
    """Count one; what is to be told in the log now, None while the newest telling is younger than an hour.

    Before anything is appended to the log in the same transaction.
    """
    new = insert(connection, quiet_looks).values(id=1, since=now, looks=1, failed=int(failed))
    grown = {"looks": quiet_looks.c.looks + 1, "failed": quiet_looks.c.failed + int(failed)}
    upsert = new.on_conflict_do_update(index_elements=["id"], set_=grown)
    row = connection.execute(upsert.returning(quiet_looks.c.since, quiet_looks.c.looks, quiet_looks.c.failed)).one()
    if timedelta(0) <= now - row.since < TOLD_EVERY:
        return None
    seen = connection.execute(select(place.c.uid, place.c.looked_at).where(place.c.looked_at >= row.since)).all()
    connection.execute(update(quiet_looks).values(since=now, looks=0, failed=0))
    digest = digest_of_looks((each.uid, each.looked_at) for each in seen)
    return QuietLooks(row.looks, row.failed, len(seen), digest)
