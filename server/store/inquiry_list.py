"""Mandates of inquiries and what was asked under them, in one sealed row; decides nothing.

There is always one row, of one length until there is very much in it: whoever reads the database learns neither
whether there is an inquiry, nor about whom (as of holds, `store.hold_list`).
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from server.core.inquiry_record import Inquiries, decode, encode
from server.store.database import insert
from server.store.schema.base import inquiry_list
from server.store.seal import SealBrokenError, Sealer
from server.store.table_state import watch_of

PLACE = "inquiry_list.sealed.1"


def begin(connection: Connection) -> None:
    """Write the empty list of a new installation; without keys it stays as it is, and nothing can be asked."""
    watch = watch_of(connection)
    if watch is not None:
        write(connection, watch.sealer, Inquiries())


def read(connection: Connection, sealer: Sealer) -> Inquiries | None:
    """All of it; None: it cannot be opened."""
    return _opened(connection.execute(select(inquiry_list.c.sealed).where(inquiry_list.c.id == 1)).scalar(), sealer)


def read_to_change(connection: Connection, sealer: Sealer) -> Inquiries | None:
    """The same, and nobody else changes it until the transaction ends."""
    query = select(inquiry_list.c.sealed).where(inquiry_list.c.id == 1).with_for_update()
    return _opened(connection.execute(query).scalar(), sealer)


def write(connection: Connection, sealer: Sealer, inquiries: Inquiries) -> None:
    """Seal the list anew."""
    statement = insert(connection, inquiry_list).values(id=1, sealed=sealer.seal(encode(inquiries), PLACE))
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"sealed": statement.excluded.sealed})
    )


def _opened(sealed: bytes | None, sealer: Sealer) -> Inquiries | None:
    if sealed is None:
        return None
    try:
        return decode(sealer.open(bytes(sealed), PLACE))
    except (SealBrokenError, ValueError, TypeError):
        return None
