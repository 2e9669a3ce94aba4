"""Requests for evidence packages, in one sealed row; decides nothing.

There is always one row, of one length until there is very much in it: whoever reads the database learns neither
whether there is a request, nor for whom (as of holds, `store.hold_list`).
"""

from __future__ import annotations

from sqlalchemy import Connection

from server.core.package_record import Requests, decode, encode
from server.store.schema.base import package_list
from server.store.seal import Sealer
from server.store.sealed_row import SealedRow
from server.store.table_state import watch_of

_ROW: SealedRow[Requests] = SealedRow(package_list, "package_list.sealed.1", encode, decode)


def begin(connection: Connection) -> None:
    """Write the empty list of a new installation; without keys it stays as it is, and nothing can be asked."""
    watch = watch_of(connection)
    if watch is not None:
        write(connection, watch.sealer, ())


def read(connection: Connection, sealer: Sealer) -> Requests | None:
    """All of it; None: it cannot be opened."""
    return _ROW.read(connection, sealer)


def read_to_change(connection: Connection, sealer: Sealer) -> Requests | None:
    """The same, and nobody else changes it until the transaction ends."""
    return _ROW.read(connection, sealer, to_change=True)


def write(connection: Connection, sealer: Sealer, requests: Requests) -> None:
    """Seal the list anew."""
    _ROW.write(connection, sealer, requests)
