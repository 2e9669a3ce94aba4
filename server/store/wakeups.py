"""How engines learn that something is due as soon as it is committed; what is due stands in rows, never in a signal.

A signal carries nothing and is the same for whatever made something due. One that is lost costs the time until the next
round, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Connection, text

from server.store.database import Store, StoreProblem, StoreUnavailableError, told

_CHANNEL = "closeout_due"
_CONNECT_SECONDS = 10


def wake(connection: Connection) -> None:
    """Wake engines once this transaction is committed. SQLite tells them of every commit by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY)


_NOTIFY = text(f"SELECT pg_notify('{_CHANNEL}', '')")


@contextmanager
def commits_elsewhere(store: Store) -> Iterator[Callable[[], int]]:
    """SQLite: a number that is another one once any other connection or process has committed; it costs microseconds.

    The number raises StoreUnavailableError.
    """
    with told(), closing(store.engine.raw_connection()) as connection:
        raw: Any = connection.driver_connection

        def number() -> int:
            with told():
                (found,) = raw.execute("PRAGMA data_version").fetchone()
            return int(found)

        yield number


async def listen(store: Store, hear: Callable[[], None]) -> None:
    """PostgreSQL: call `hear` for each signal, and at the beginning, as one may have come before.

    Ends only by being cancelled, or with StoreUnavailableError where the database goes away.
    """
    import psycopg  # noqa: PLC0415  an extra: who uses SQLite does without

    try:
        listening = await psycopg.AsyncConnection.connect(
            store.conninfo, autocommit=True, connect_timeout=_CONNECT_SECONDS
        )
        async with listening:
            await listening.execute(f"LISTEN {_CHANNEL}")
            hear()
            async for _ in listening.notifies():
                hear()
    except psycopg.Error:
        raise StoreUnavailableError(StoreProblem.UNREACHABLE) from None
    raise StoreUnavailableError(StoreProblem.UNREACHABLE)
