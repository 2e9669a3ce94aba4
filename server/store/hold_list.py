"""The list of holds in its one sealed row: opened with the key that whoever runs the database has not; decides nothing.

There is always one row, of one length. Each change seals it anew, so that neither what is in it nor what was done to it
can be told from it. What cannot be opened covers everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from server.core.hold_record import UNREADABLE, Hold, Standing, decode, encode, standing_of
from server.store.schema.base import hold_list
from server.store.seal import Sealer
from server.store.sealed_row import SealedRow
from server.store.table_state import watch_of

PLACE = "hold_list.sealed.1"
NOT_BEGUN = b""
"""What stands there before an installation is founded."""
_NONCE = 13
_ROW: SealedRow[Sequence[Hold]] = SealedRow(hold_list, PLACE, encode, decode)


def begin(connection: Connection) -> None:
    """Write the empty list of a new installation; without keys it stays as it is, and nobody can remove anything."""
    watch = watch_of(connection)
    if watch is not None:
        write(connection, watch.sealer, ())


def standing(connection: Connection) -> Standing:
    """What the holds in force cover. Of a database that was opened without keys, nothing may be removed anyway."""
    holds = in_force(connection)
    return UNREADABLE if holds is None else standing_of(holds)


def in_force(connection: Connection) -> Sequence[Hold] | None:
    """The holds that still hold, in order; None: they cannot be opened."""
    watch = watch_of(connection)
    sealed = _ROW.sealed(connection)
    if watch is None:
        return () if sealed == NOT_BEGUN else None
    holds = _ROW.opened(sealed, watch.sealer)
    return None if holds is None else [each for each in holds if each.in_force]


def read(connection: Connection, sealer: Sealer) -> Sequence[Hold] | None:
    """Every hold in order, ended ones included, as far back as the list goes; None: it cannot be opened."""
    return _ROW.read(connection, sealer)


def read_to_change(connection: Connection, sealer: Sealer) -> Sequence[Hold] | None:
    """The same, and nobody else changes it until the transaction ends."""
    return _ROW.read(connection, sealer, to_change=True)


def write(connection: Connection, sealer: Sealer, holds: Sequence[Hold]) -> None:
    """Seal the list anew."""
    _ROW.write(connection, sealer, holds)


def edition(connection: Connection) -> bytes | None:
    """Differs whenever the list was written anew; says nothing of what is in it."""
    found = connection.execute(select(func.substr(hold_list.c.sealed, 1, _NONCE)).where(hold_list.c.id == 1)).scalar()
    return None if found is None else bytes(found)
