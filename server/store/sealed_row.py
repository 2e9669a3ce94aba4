"""One list in one sealed row, opened with a key that whoever runs the database has not; which list, say its modules.

There is always one row. Each change seals it anew, so that neither what is in it nor what was done to it can be told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection, Table, select

from server.store.database import insert
from server.store.seal import SealBrokenError, Sealer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SealedRow(Generic[T]):
    """The row of a table. place: what it is sealed for. decode: ValueError or TypeError for what is no such list."""

    table: Table
    place: str
    encode: Callable[[T], str]
    decode: Callable[[str], T]

    def sealed(self, connection: Connection, *, to_change: bool = False) -> bytes | None:
        """As it lies there. to_change: nobody else changes it until the transaction ends."""
        query = select(self.table.c.sealed).where(self.table.c.id == 1)
        found: bytes | None = connection.execute(query.with_for_update() if to_change else query).scalar()
        return None if found is None else bytes(found)

    def opened(self, sealed: bytes | None, sealer: Sealer) -> T | None:
        """What is in it; None: it cannot be opened, or is no such list."""
        if sealed is None:
            return None
        try:
            return self.decode(sealer.open(sealed, self.place))
        except (SealBrokenError, ValueError, TypeError):
            return None

    def read(self, connection: Connection, sealer: Sealer, *, to_change: bool = False) -> T | None:
        """The list; None: it cannot be opened."""
        return self.opened(self.sealed(connection, to_change=to_change), sealer)

    def write(self, connection: Connection, sealer: Sealer, content: T) -> None:
        """Seal the list anew."""
        statement = insert(connection, self.table).values(id=1, sealed=sealer.seal(self.encode(content), self.place))
        connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_={"sealed": statement.excluded.sealed})
        )
