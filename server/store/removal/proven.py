"""Proven removals as the tables have them, streamed, for an audit that holds them against the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, func, select

from server.core.log.proven_removals import RemovalRow
from server.core.model import Level
from server.store.schema.base import evidence, orders, place

_CHUNK = 5000


def removals(connection: Connection) -> Iterator[RemovalRow]:
    """Every removal, proven or not, in any order."""
    query = select(orders.c.id, place.c.uid, orders.c.settled_at).join(place, place.c.id == orders.c.place_id)
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}):
        yield RemovalRow(row.id, row.uid, row.settled_at)


def confirming_devices(connection: Connection) -> Mapping[tuple[str, Level], int]:
    """How many phones confirm a removal, by its id and the level of evidence."""
    query = select(evidence.c.order_id, evidence.c.level, func.count().label("phones"))
    rows = connection.execute(query.group_by(evidence.c.order_id, evidence.c.level))
    return {(row.order_id, Level(row.level)): row.phones for row in rows}
