"""Where each reader of a store's log left off."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from server.store.database import insert
from server.store.schema.base import witness


def cursor_of(connection: Connection, name: str) -> str | None:
    """The cursor kept for that witness; None: it never read."""
    found: str | None = connection.execute(select(witness.c.cursor).where(witness.c.name == name)).scalar()
    return found


def keep_cursor(connection: Connection, name: str, cursor: str, now: datetime) -> None:
    """Read up to here."""
    values = {"cursor": cursor, "read_at": now}
    connection.execute(
        insert(connection, witness)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
