"""Statements put together once and handed straight to the database's driver, for what is done hundreds of times a
second.

SQLAlchemy describes them; what it does at each execution costs ten times as much as a small statement itself. Nothing
here is for statements on small tables that are held to the log (`store.table_state`): those would go unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Column, Connection, Dialect, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

_Process = Callable[[Any], Any] | None
_GIVEN = "p_"
"""Begins the name of a value that is given at each execution: as the bare name of a column SQLAlchemy keeps it."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """sql: in the driver's own style. names: of its values, in order. fixed: values that stand in it."""

    sql: str
    positional: bool
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    into: Mapping[str, Callable[[Any], Any]]
    out: tuple[tuple[int, Callable[[Any], Any]], ...]

    def values(self, given: Mapping[str, Any]) -> Any:
        """What the driver takes."""
        into, fixed = self.into, self.fixed
        found = {name: given[name] if name in given else fixed[name] for name in self.names}
        for name, process in into.items():
            if name in given:
                found[name] = process(found[name])
        return tuple(found[name] for name in self.names) if self.positional else found


class Prepared:
    """One statement. make: gives it, of an INSERT that knows ON CONFLICT in the dialect at hand; its values are
    `given` ones. It must be the same each time.
    """

    def __init__(self, make: Callable[[Callable[[Table], Any]], Any]) -> None:
        self._make = make
        self._ready: dict[str, _Compiled] = {}

    def ready(self, dialect: Dialect) -> _Compiled:
        """As it is for that kind of database."""
        found = self._ready.get(dialect.name)
        if found is None:
            found = self._ready[dialect.name] = _compile(self._make, dialect)
        return found


def value(name: str, type_: TypeEngine[Any]) -> BindParameter[Any]:
    """A value that is given to a prepared statement each time."""
    return bindparam(f"{_GIVEN}{name}", type_=type_)


def given(name: str, column: Column[Any]) -> BindParameter[Any]:
    """The same, of a column's type."""
    return value(name, column.type)


def values_of(table: Table, names: Iterable[str]) -> dict[str, BindParameter[Any]]:
    """For each of these columns a value called as it is."""
    return {name: given(name, table.c[name]) for name in names}


def _compile(make: Callable[[Callable[[Table], Any]], Any], dialect: Dialect) -> _Compiled:
    statement = make(sqlite.insert if dialect.name == "sqlite" else postgresql.insert)
    compiled = statement.compile(dialect=dialect)
    called = {name: bind for bind, name in compiled.bind_names.items()}
    names = tuple(compiled.positiontup or called)
    into: dict[str, Callable[[Any], Any]] = {}
    fixed: dict[str, Any] = {}
    for name, bind in called.items():
        process: _Process = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if not name.startswith(_GIVEN):
            fixed[name] = bind.value if process is None else process(bind.value)
        elif process is not None:
            into[_short(name)] = process
    columns = list(getattr(statement, "exported_columns", ()))
    readers = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in columns]
    out = tuple((at, process) for at, process in enumerate(readers) if process is not None)
    sql = compiled.string if compiled.positiontup else compiled.string.replace(f"%({_GIVEN}", "%(")
    return _Compiled(sql, bool(compiled.positiontup), tuple(map(_short, names)), fixed, into, out)


def _short(name: str) -> str:
    return name.removeprefix(_GIVEN)


class Direct:
    """Runs prepared statements in a transaction that there is; no longer than that."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._dialect = connection.dialect
        raw: Any = connection.connection.driver_connection
        self._cursor = raw.cursor()

    def rows(self, statement: Prepared, **given: Any) -> Sequence[tuple[Any, ...]]:
        """All that it finds."""
        ready = statement.ready(self._dialect)
        self._cursor.execute(ready.sql, ready.values(given))
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return [_read(row, ready.out) for row in found] if ready.out else found

    def row(self, statement: Prepared, **given: Any) -> tuple[Any, ...] | None:
        """The first that it finds."""
        ready = statement.ready(self._dialect)
        self._cursor.execute(ready.sql, ready.values(given))
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return _read(found[0], ready.out) if found else None

    def run(self, statement: Prepared, **given: Any) -> int:
        """Do it; how many rows it touched."""
        ready = statement.ready(self._dialect)
        return int(self._cursor.execute(ready.sql, ready.values(given)).rowcount)

    def many(self, statement: Prepared, given: Sequence[Mapping[str, Any]]) -> None:
        """Do it for each of these; nothing for none."""
        ready = statement.ready(self._dialect)
        if len(given) == 1:
            self._cursor.execute(ready.sql, ready.values(given[0]))
        elif given:
            self._cursor.executemany(ready.sql, [ready.values(each) for each in given])


def _read(row: Sequence[Any], out: Iterable[tuple[int, Callable[[Any], Any]]]) -> tuple[Any, ...]:
    read = list(row)
    for at, process in out:
        read[at] = process(read[at])
    return tuple(read)
