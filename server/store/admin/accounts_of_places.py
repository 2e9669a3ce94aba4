"""Which worker an account is: their own reference, or the address of a place of theirs; read, never written."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from server.store.schema.base import place, worker


def read(connection: Connection) -> Mapping[str, str]:
    """Workers' references by account, in lower case. An address that two workers share is nobody's."""
    found: dict[str, str] = {}
    shared: set[str] = set()
    rows = connection.execute(select(place.c.address, worker.c.ref).join(worker, worker.c.id == place.c.worker_id))
    for row in rows:
        key = row.address.casefold()
        if found.setdefault(key, row.ref) != row.ref:
            shared.add(key)
    for key in shared:
        del found[key]
    # A worker's own reference comes first, whatever a place is called.
    return found | {row.ref.casefold(): row.ref for row in connection.execute(select(worker.c.ref))}
