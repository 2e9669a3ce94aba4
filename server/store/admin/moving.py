"""All rows of one database into another of the other kind, and the mark on what was moved; who decides is not here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Connection, Table, func, inspect, select, text

from server.store.database import MOVED, Store, copy_in
from server.store.schema import (
    attestation,
    base,
    case_services,
    pauses,
    phones,
    putting,
    reports,
    retention,
    running,
    usage,
)

_ALL = (attestation, base, case_services, pauses, phones, putting, reports, retention, running, usage)
"""Every module that names tables: `metadata` knows those alone that were loaded."""
_CHUNK = 2000
_WHOLE = 1 << 256


class TargetState(StrEnum):
    """What is where the rows go."""

    EMPTY = "empty"
    UNFINISHED = "unfinished"
    """A move that was broken off: tables of ours that no command takes for an installation."""
    INSTALLATION = "installation"
    FOREIGN = "foreign"
    """Tables that are not ours."""


def target_state(store: Store) -> TargetState:
    """What is in a PostgreSQL database."""
    with store.read() as connection:
        names = set(inspect(connection).get_table_names())
        if not names:
            return TargetState.EMPTY
        if base.installation.name not in names:
            return TargetState.FOREIGN
        named = store.revision(connection) is not None
        founded = connection.execute(select(base.installation.c.id)).first() is not None
    return TargetState.INSTALLATION if named and founded else TargetState.UNFINISHED


def missing_tables(connection: Connection) -> bool:
    """Whether a table of ours is not there: a copy that was not whole, or a hand that took it away."""
    return bool(set(base.metadata.tables) - set(inspect(connection).get_table_names()))


def forget_revision(connection: Connection) -> None:
    """Take the version away: until it is named again no command takes the tables for an installation."""
    connection.execute(text("DELETE FROM alembic_version"))


def copy_rows(source: Connection, target: Connection) -> None:
    """Every row of SQLite into the same tables of PostgreSQL, and where their numbers go on.

    RuntimeError where there is a table that this module does not know: its rows would stay behind.
    """
    if set(inspect(source).get_table_names()) - set(base.metadata.tables) - {"alembic_version"}:
        raise RuntimeError("a table that is not in the schema")
    names = ", ".join(f'"{table.name}"' for table in base.metadata.sorted_tables)
    target.exec_driver_sql(f"TRUNCATE {names}")  # some are born with a row
    for table in base.metadata.sorted_tables:
        copy_in(target, table, _raw_rows(source, table))
        _go_on(source, target, table)


def _raw_rows(source: Connection, table: Table) -> Iterator[list[Any]]:
    """The rows as SQLite keeps them; it has no booleans of its own."""
    logical = [n for n, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    rows = source.exec_driver_sql(f'SELECT {names} FROM "{table.name}"')  # noqa: S608 - names of our own
    for row in rows.yield_per(_CHUNK):
        values = list(row)
        for n in logical:
            values[n] = None if values[n] is None else bool(values[n])
        yield values


def _go_on(source: Connection, target: Connection, table: Table) -> None:
    """A number that was given once is not given again, also of a row that is gone."""
    key = table.autoincrement_column
    if key is None:
        return
    named = {"table": f'"{table.name}"', "column": key.name}
    sequence = target.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), named).scalar_one()
    if sequence is None:
        return
    last = source.execute(select(func.max(key))).scalar_one() or 0
    if inspect(source).has_table("sqlite_sequence"):
        given = source.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).scalar()
        last = max(last, given or 0)
    if last:
        target.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})


def contents(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """Of each table the number of its rows, and a sum of their digests: the same for the same rows in any order."""
    return {table.name: _content(connection, table) for table in base.metadata.sorted_tables}


def _content(connection: Connection, table: Table) -> tuple[int, int]:
    count, total = 0, 0
    for row in connection.execute(select(table), execution_options={"yield_per": _CHUNK}):
        count += 1
        total += int.from_bytes(hashlib.sha256(repr(tuple(row)).encode()).digest(), "big")
    return count, total % _WHOLE


def mark_moved(connection: Connection) -> None:
    """From the end of this transaction on nothing can be written here, by who runs already neither; SQLite."""
    connection.execute(text("UPDATE alembic_version SET version_num = :moved"), {"moved": MOVED})
    for name in inspect(connection).get_table_names():
        for act in ("INSERT", "UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f'CREATE TRIGGER "moved_{name}_{act.lower()}" BEFORE {act} ON "{name}" '
                "BEGIN SELECT RAISE(ABORT, 'this database was moved'); END"
            )


def is_moved(store: Store) -> bool:
    """Whether this database was moved elsewhere."""
    with store.read() as connection:
        return store.revision(connection) == MOVED
