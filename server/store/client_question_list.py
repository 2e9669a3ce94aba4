"""What is kept of clients' questions, in one sealed row that is always there; decides nothing.

Whoever reads the database learns neither how many asked nor when (as of holds, `store.hold_list`).
"""

from __future__ import annotations

from sqlalchemy import Connection

from server.core.client_question_record import ClientQuestions, decode, encode
from server.store.schema.base import client_question_list
from server.store.seal import Sealer
from server.store.sealed_row import SealedRow
from server.store.table_state import watch_of

_ROW = SealedRow(client_question_list, "client_question_list.sealed.1", encode, decode)


def begin(connection: Connection) -> None:
    """Write the empty list of a new installation; without keys it stays as it is, and nobody can be answered."""
    watch = watch_of(connection)
    if watch is not None:
        write(connection, watch.sealer, ClientQuestions())


def read(connection: Connection, sealer: Sealer) -> ClientQuestions | None:
    """All of it; None: it cannot be opened."""
    return _ROW.read(connection, sealer)


def read_to_change(connection: Connection, sealer: Sealer) -> ClientQuestions | None:
    """The same, and nobody else changes it until the transaction ends."""
    return _ROW.read(connection, sealer, to_change=True)


def write(connection: Connection, sealer: Sealer, questions: ClientQuestions) -> None:
    """Seal the list anew."""
    _ROW.write(connection, sealer, questions)
