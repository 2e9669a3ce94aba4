"""Opens the database, SQLite or PostgreSQL, and hands out transactions; no table is named here but to make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    Engine,
    MetaData,
    Table,
    bindparam,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.schema import CreateTable

__all__ = [
    "MIGRATIONS",
    "Connection",
    "Meanwhile",
    "Store",
    "StoreUnavailableError",
    "among",
    "analyse",
    "copy_in",
    "fill",
    "insert",
    "insert_many",
    "scratch",
]

MIGRATIONS = Path(__file__).parent / "migrations"

_CACHE_KIB = 32 * 1024
"""Pages that a connection to SQLite keeps: with less, a large plan writes the same pages out many times."""


_MANY = 10_000
"""Rows: so many at once change what a planner had better do."""


class StoreUnavailableError(Exception):
    """The database cannot be reached or is not ours; `str()` says what to do, never a secret."""


class StoreOtherVersionError(StoreUnavailableError):
    """The tables are of another version of this program; `newer`: of a later one, which this one does not know."""

    def __init__(self, *, newer: bool) -> None:
        super().__init__("the tables are of another version")
        self.newer = newer


class Store:
    """One database. `write()` and `read()` give a connection in a transaction that ends with the block.

    SQLite: WAL, synchronous FULL, secure_delete, foreign keys, and BEGIN IMMEDIATE for writers, so that two writers
    queue instead of failing half-way. PostgreSQL: READ COMMITTED, with row locks where the statements say so.
    """

    def __init__(self, url: str, *, busy_seconds: float = 30.0) -> None:
        """url: an SQLAlchemy URL. busy_seconds: how long a writer waits for another one."""
        self._url = make_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite}
        # Threads that write wait for each other here: SQLite lets them ask again and again, in no order.
        self._writing: AbstractContextManager[object] = Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            options["connect_args"] = {"timeout": busy_seconds, "check_same_thread": False}
        self.engine: Engine = create_engine(self._url, hide_parameters=True, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; commits at the end of the block, rolls back if it raises."""
        with (
            self._writing,
            self.engine.connect().execution_options(closeout_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads (one consistent picture on SQLite)."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def migrate(self) -> None:
        """Bring the tables to this version; safe to repeat."""
        self._alembic(lambda config: command.upgrade(config, "head"))

    def check(self) -> None:
        """Raises StoreUnavailableError if the database does not answer, or has no tables of ours of this version."""
        try:
            with self.read() as connection:
                found = self.engine.dialect.has_table(connection, "installation")
                version = MigrationContext.configure(connection).get_current_revision() if found else None
        except (OperationalError, DBAPIError) as error:
            raise StoreUnavailableError("the database does not answer; check that it runs and its address") from error
        if not found:
            raise StoreUnavailableError("the database has no tables yet; run: closeout init")
        known = [each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
        if version != known[0]:
            raise StoreOtherVersionError(newer=version not in (None, *known))

    @property
    def conninfo(self) -> str:
        """PostgreSQL's address as libpq reads it, password included: for the one other program that connects to it."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    def make_room(self, schema: str, tables: str) -> None:
        """Make another program's tables, in a PostgreSQL schema of their own; once, whoever comes first.

        schema: a plain name. tables: that program's own SQL.
        """
        with self.write() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [schema])
            if raw.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is None:
                raw.execute(f"CREATE SCHEMA {schema}")
                raw.execute(f"SET LOCAL search_path TO {schema}")
                raw.execute(tables)

    def take_stock(self, written: int) -> None:
        """After many rows were written: statistics for the planner now, not when autovacuum comes by, a minute later.

        Nothing for few rows, nor on SQLite, where questions are asked so that it needs none.
        """
        if not self.is_sqlite and written >= _MANY:
            with self.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                analyse(connection)

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    def _alembic(self, act: Any) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.connect().execution_options(closeout_write=True) as connection:
            config.attributes["connection"] = connection
            act(config)
            connection.commit()


class Meanwhile:
    """Lets the database work on one thing while Python goes on; until `join` nobody else may use that connection.

    Only for what is one long statement: of many short ones, each would wait for Python to let go. To be used in a
    `with` inside the transaction's: what was begun has ended before that one does.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "meanwhile")
        self._begun: Future[object] | None = None

    def start(self, act: Callable[[], object]) -> None:
        """Begin; waits for what was begun before."""
        self.join()
        self._begun = self._thread.submit(act)

    def join(self) -> None:
        """Wait until it has ended; raises what it raised."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if kind is None:
            self.join()


def _set_up_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"cache_size=-{_CACHE_KIB}",
    ):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("closeout_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, of the dialect at hand."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Plain INSERT of many rows in one go; nothing for none."""
    if rows:
        connection.execute(table.insert(), list(rows))


def among(values: Iterable[Any]) -> BindParameter[Any]:
    """These values on the right of IN, at most some thousands: as one parameter, where a list costs as many checks."""
    return bindparam(None, list(values), expanding=True)


def scratch(name: str, *columns: Column[Any]) -> Table:
    """A temporary table, each connection its own, by which many rows are handed to one statement (`fill`).

    A set that is staged and then applied costs a half to a tenth of the same rows sent one by one, on both databases.
    """
    return Table(
        name,
        MetaData(),
        *columns,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
        sqlite_with_rowid=not any(column.primary_key for column in columns),
    )


def fill(connection: Connection, table: Table, rows: Iterable[Sequence[Any]] = ()) -> None:
    """Make a scratch table hold exactly these rows, until the transaction ends."""
    connection.execute(CreateTable(table, if_not_exists=True))
    empty = "TRUNCATE" if connection.dialect.name == "postgresql" else "DELETE FROM"
    connection.exec_driver_sql(f"{empty} {table.name}")
    copy_in(connection, table, rows)


def copy_in(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Add rows to a table the quickest way there is: prepared INSERT on SQLite, COPY on PostgreSQL.

    Every row has a value for each column, in order, as the database keeps it: instants in microseconds (`micros`),
    members of a closed set by their value.
    """
    columns = ", ".join(column.name for column in table.columns)
    if connection.dialect.name != "postgresql":
        marks = ", ".join("?" * len(table.columns))
        listed = rows if isinstance(rows, list) else list(rows)
        if listed:
            connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", listed)  # noqa: S608
        return
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def analyse(connection: Connection) -> None:
    """Tell the planner what there is, in every table."""
    connection.execute(text("ANALYZE"))
