"""The text of the policy that was put in force, as one row, so that a file edited in its place is noticed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from server.store.database import insert
from server.store.schema.base import orders, policy_in_force


@dataclass(frozen=True, slots=True)
class PutInForce:
    """What was put in force. content: the text of the installation's own file; None: it has none."""

    content: str | None


def read(connection: Connection) -> PutInForce | None:
    """What was put in force last; None: nobody has noted it yet."""
    row = connection.execute(select(policy_in_force.c.content).where(policy_in_force.c.id == 1)).first()
    return None if row is None else PutInForce(row.content)


def put(connection: Connection, content: str | None, now: datetime) -> None:
    """Note what is in force from now on; in a write transaction, so that nobody else does meanwhile."""
    values = {"content": content, "put_at": now}
    row = insert(connection, policy_in_force).values(id=1, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))


def decided_anything(connection: Connection) -> bool:
    """Whether any removal was ever ordered here."""
    return bool(connection.execute(select(exists(select(orders.c.id)))).scalar())
