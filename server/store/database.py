"""Opens the database, SQLite or PostgreSQL, and hands out transactions; no table is named here but to make them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    URL,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.schema import CreateTable

from server.store.seal import Sealer

__all__ = [
    "MIGRATIONS",
    "MOVED",
    "Connection",
    "Meanwhile",
    "SealingKeyNeededError",
    "Store",
    "StoreOtherVersionError",
    "StoreProblem",
    "StoreUnavailableError",
    "among",
    "among_keys",
    "analyse",
    "copy_in",
    "fill",
    "insert",
    "insert_many",
    "newest_revision",
    "scratch",
    "told",
]

MOVED = "moved"
"""The version of tables whose rows are elsewhere by now."""
MIGRATIONS = Path(__file__).parent / "migrations"

_CACHE_KIB = 32 * 1024
"""Pages that a connection to SQLite keeps: with less, a large plan writes the same pages out many times."""


_CONNECT_SECONDS = 10
"""How long PostgreSQL may take to let somebody in; libpq itself would wait for minutes."""

_ASK_AGAIN_MILLISECONDS = 200
"""SQLite waits deaf to signals; asked again so often, a writer in a queue can be stopped."""

_PROBE_MILLISECONDS = 10_000
"""How long an examination waits for whoever writes the log just then."""

_MANY = 10_000
"""Rows: so many at once change what a planner had better do."""


class StoreProblem(StrEnum):
    """Why the database does not do what was asked; `cli.faults` has a sentence for each."""

    EMPTY = "empty"
    """It answers and has no tables of ours."""
    MOVED = "moved"
    """Its rows were moved to another database (`store.admin.moving`)."""
    OTHER_VERSION = "other_version"
    BUSY = "busy"
    """Another writer, too many connections, a deadlock: the same may work in a moment."""
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    """The login, or what it may do."""
    DISK_FULL = "disk_full"
    DISK_FAULT = "disk_fault"
    READ_ONLY = "read_only"
    DAMAGED = "damaged"
    BAD_ADDRESS = "bad_address"
    """Its address is not valid, or the driver that it names is not installed."""


class SealingKeyNeededError(Exception):
    """An update seals what an earlier version kept in clear, and has no key for it: nothing was changed."""


PASSING = frozenset({StoreProblem.BUSY, StoreProblem.UNREACHABLE})
"""What may be gone at the next try: whoever works without end waits and goes on."""

_SAID = {
    StoreProblem.EMPTY: "the database has no tables yet; run: closeout init",
    StoreProblem.MOVED: "this database was moved to a server; name that one in CLOSEOUT_DATABASE_FILE",
    StoreProblem.OTHER_VERSION: "the tables are of another version",
    StoreProblem.BUSY: "the database is busy; try again",
    StoreProblem.UNREACHABLE: "the database does not answer; check that it runs and its address",
    StoreProblem.REFUSED: "the database does not let this login in, or not do this",
    StoreProblem.DISK_FULL: "the disk of the database is full",
    StoreProblem.DISK_FAULT: "the disk of the database cannot be read or written",
    StoreProblem.READ_ONLY: "the database may not be written",
    StoreProblem.DAMAGED: "the database is damaged, or is none",
    StoreProblem.BAD_ADDRESS: "the address of the database is not valid",
}

_OF_SQLITE = {
    "BUSY": StoreProblem.BUSY,
    "LOCKED": StoreProblem.BUSY,
    "PROTOCOL": StoreProblem.BUSY,
    "FULL": StoreProblem.DISK_FULL,
    "IOERR": StoreProblem.DISK_FAULT,
    "CANTOPEN": StoreProblem.UNREACHABLE,
    "READONLY": StoreProblem.READ_ONLY,
    "PERM": StoreProblem.READ_ONLY,
    "CORRUPT": StoreProblem.DAMAGED,
    "NOTADB": StoreProblem.DAMAGED,
}
"""By the word of SQLite's result code (https://sqlite.org/rescode.html); what is not here is a fault of ours."""

_OF_POSTGRES = (
    ("08", StoreProblem.UNREACHABLE),
    ("57P", StoreProblem.UNREACHABLE),
    ("3D", StoreProblem.UNREACHABLE),
    ("28", StoreProblem.REFUSED),
    ("42501", StoreProblem.REFUSED),
    ("40", StoreProblem.BUSY),
    ("55P03", StoreProblem.BUSY),
    ("53100", StoreProblem.DISK_FULL),
    ("53", StoreProblem.BUSY),
    ("25006", StoreProblem.READ_ONLY),
    ("58", StoreProblem.DISK_FAULT),
    ("XX", StoreProblem.DAMAGED),
)
"""By how SQLSTATE begins (PostgreSQL, appendix A); the first that fits."""


class StoreUnavailableError(Exception):
    """The database cannot be used; `problem` says why, `str()` what to do, never a secret."""

    def __init__(self, problem: StoreProblem) -> None:
        super().__init__(_SAID[problem])
        self.problem = problem


class StoreOtherVersionError(StoreUnavailableError):
    """The tables are of another version of this program; `newer`: of a later one, which this one does not know."""

    def __init__(self, *, newer: bool) -> None:
        super().__init__(StoreProblem.OTHER_VERSION)
        self.newer = newer


def problem_of(error: BaseException) -> StoreProblem | None:
    """What an error of a driver means for who asked; None: it is no such error, or a fault of our own statement."""
    if isinstance(error, PoolTimeoutError):
        return StoreProblem.BUSY
    raised: Any = error.orig if isinstance(error, DBAPIError) else error
    word = str(getattr(raised, "sqlite_errorname", None) or "").split("_")
    if len(word) > 1:
        return _OF_SQLITE.get(word[1])
    if not hasattr(raised, "sqlstate"):
        return None
    state = raised.sqlstate
    if state is None:
        # psycopg has no state where there was no answer: no connection, or one that broke off.
        return StoreProblem.UNREACHABLE if type(raised).__name__ == "OperationalError" else None
    return next((problem for begins, problem in _OF_POSTGRES if state.startswith(begins)), None)


@contextmanager
def told() -> Iterator[None]:
    """Whatever a driver says of a database that cannot be used, as StoreUnavailableError."""
    try:
        yield
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        raise StoreUnavailableError(problem) from error


class TransactionHooks:
    """Hands each transaction of an engine to whoever watches it; nobody does at first."""

    def __init__(self) -> None:
        self.watcher: TransactionWatcher | None = None

    def begun(self, connection: Connection) -> None:
        """It begins."""
        if self.watcher is not None:
            self.watcher.begun(connection)

    def executes(
        self, connection: Connection, statement: Any, _many: Any, _given: Any, options: Mapping[str, Any]
    ) -> None:
        """It is about to execute a statement."""
        if self.watcher is not None:
            self.watcher.executes(connection, statement, options)

    def ends(self, connection: Connection) -> None:
        """It is about to commit."""
        if self.watcher is not None:
            self.watcher.ends(connection)


class TransactionWatcher(Protocol):
    """Looks at each transaction of a database."""

    def begun(self, connection: Connection) -> None:
        """It begins."""

    def executes(self, connection: Connection, statement: Any, options: Mapping[str, Any]) -> None:
        """It is about to execute a statement."""

    def ends(self, connection: Connection) -> None:
        """It is about to commit."""


class Store:
    """One database. `write()` and `read()` give a connection in a transaction that ends with the block.

    SQLite: WAL, synchronous FULL, secure_delete, foreign keys, and BEGIN IMMEDIATE for writers, so that two writers
    queue instead of failing half-way. PostgreSQL: READ COMMITTED, with row locks where the statements say so.
    """

    def __init__(self, url: str, *, busy_seconds: float = 30.0) -> None:
        """url: an SQLAlchemy URL. busy_seconds: how long a writer waits for another one, unless the URL says it
        (`?timeout=`). StoreUnavailableError: BAD_ADDRESS. Nothing is connected to yet.
        """
        self._url = _address_of(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.commits = 0
        """Transactions that were kept, or may have been: what to tell of an act that ended half-way."""
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite}
        # Threads that write wait for each other here: SQLite lets them ask again and again, in no order.
        self._writing: AbstractContextManager[object] = Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            waits = {} if "timeout" in self._url.query else {"timeout": busy_seconds}
            options["connect_args"] = {**waits, "check_same_thread": False}
        elif "connect_timeout" not in self._url.query:
            options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
        try:
            self.engine: Engine = create_engine(self._url, hide_parameters=True, **options)
        except (ImportError, ArgumentError, NoSuchModuleError):
            raise StoreUnavailableError(StoreProblem.BAD_ADDRESS) from None
        if self.is_sqlite:
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self.hooks = TransactionHooks()
        """What looks at each transaction. Listeners are added before any thread uses the engine, and never later: each
        transaction that begins meanwhile would fail, or go unseen."""
        event.listen(self.engine, "begin", self.hooks.begun)
        event.listen(self.engine, "before_execute", self.hooks.executes)
        event.listen(self.engine, "commit", self.hooks.ends)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; commits at the end of the block, rolls back if it raises."""
        with (
            told(),
            self._writing,
            self.engine.connect().execution_options(closeout_write=True) as connection,
            connection.begin() as transaction,
        ):
            yield connection
            self.commits += 1
            try:
                transaction.commit()
            except DBAPIError:
                # A file is rolled back; a server that no longer answers may have kept it.
                self.commits -= self.is_sqlite
                raise

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a transaction on a connection of its own among those that may have been kept; last before its end."""
        yield
        self.commits += 1

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads (one consistent picture on SQLite)."""
        with told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that only reads, one consistent picture on every database, however long it takes.

        For what compares one table with another: in READ COMMITTED each statement would see what was written since.
        """
        if self.is_sqlite:
            with self.read() as connection:
                yield connection
            return
        options = {"isolation_level": "REPEATABLE READ"}
        with told(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def migrate(self, sealer: Sealer | None = None) -> None:
        """Bring the tables to this version, all of it or nothing; safe to repeat.

        sealer: seals what an earlier version kept in clear; SealingKeyNeededError where that has to be done without.
        """
        with self.read() as connection:
            version = MigrationContext.configure(connection).get_current_revision()
        if version != _revisions()[0]:
            self._alembic(lambda config: command.upgrade(config, "head"), sealer)

    def revision(self, connection: Connection) -> str | None:
        """Of which revision the tables are; None: of none that is written down."""
        return MigrationContext.configure(connection).get_current_revision()

    def check(self) -> None:
        """Raises StoreUnavailableError if the database does not answer, or has no tables of ours of this version.

        A file that is not there is not made by looking for it.
        """
        if self.is_sqlite and not self._file_there():
            raise StoreUnavailableError(StoreProblem.EMPTY)
        with self.read() as connection:
            found = self.engine.dialect.has_table(connection, "installation")
            version = MigrationContext.configure(connection).get_current_revision() if found else None
        if not found:
            raise StoreUnavailableError(StoreProblem.EMPTY)
        if version == MOVED:
            raise StoreUnavailableError(StoreProblem.MOVED)
        known = _revisions()
        if version != known[0]:
            raise StoreOtherVersionError(newer=version not in (None, *known))

    def probe(self) -> None:
        """Write something and take it back: whether a pass could. StoreUnavailableError says why it could not."""
        with (
            told(),
            self._writing,
            self.engine.connect().execution_options(closeout_write=True) as connection,
            connection.begin() as transaction,
        ):
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_PROBE_MILLISECONDS}")
            fill(connection, _PROBE, [(1,)])
            connection.execute(text("UPDATE log_head SET id = id"))
            transaction.rollback()

    def _file_there(self) -> bool:
        name = self._url.database
        if not name or name == ":memory:" or name.startswith("file:"):
            return True
        try:
            return Path(name).stat().st_size > 0
        except FileNotFoundError:
            return False
        except ValueError:  # a name with a null in it
            raise StoreUnavailableError(StoreProblem.BAD_ADDRESS) from None
        except OSError:
            raise StoreUnavailableError(StoreProblem.UNREACHABLE) from None

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

    def forget_deleted(self, tables: Sequence[str]) -> bool:
        """Let go of what was deleted from these tables of ours; False: others read it still.

        SQLite: what stands in the log of pages (WAL) is moved to the file, where deleted rows were overwritten, and the
        log is cut off. PostgreSQL: VACUUM.
        """
        with told(), self.engine.connect() as connection:
            if self.is_sqlite:
                raw: Any = connection.connection.driver_connection
                (waits,) = raw.execute("PRAGMA busy_timeout").fetchone()
                raw.execute("PRAGMA busy_timeout = 50")  # writers wait as long as this waits for readers
                try:
                    (busy, _pages, _moved) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                finally:
                    raw.execute(f"PRAGMA busy_timeout = {waits}")
                return not busy
            connection.execution_options(isolation_level="AUTOCOMMIT")
            for name in tables:
                connection.exec_driver_sql(f'VACUUM "{name}"')
        return True

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    def _alembic(self, act: Any, sealer: Sealer | None = None) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["sealer"] = sealer or _Keyless()
        with told(), self.engine.connect().execution_options(**_MIGRATES) as connection:
            connection.begin()  # one transaction for all of it: else each migration would end its own
            config.attributes["connection"] = connection
            act(config)
            connection.commit()
            self.commits += 1


_MIGRATES = {"closeout_write": True, "closeout_migrating": True}


class _Keyless:
    """What migrations seal with where no key is at hand."""

    def seal(self, _value: str, _place: str) -> bytes:
        """Raises SealingKeyNeededError."""
        raise SealingKeyNeededError

    def open(self, _sealed: bytes, _place: str) -> str:
        """Raises SealingKeyNeededError."""
        raise SealingKeyNeededError


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


def newest_revision() -> str:
    """Of which revision the tables of this version are."""
    return _revisions()[0]


@cache
def _revisions() -> tuple[str, ...]:
    """All that there are, newest first; each is a file to be run, and they stay as they are while we run."""
    return tuple(each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


def _address_of(url: str) -> URL:
    try:
        found = make_url(url)
        found.get_backend_name()
    except (ArgumentError, ValueError):
        raise StoreUnavailableError(StoreProblem.BAD_ADDRESS) from None
    return found


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
    if not connection.get_execution_options().get("closeout_write", False):
        connection.exec_driver_sql("BEGIN")
        return
    raw: Any = connection.connection.driver_connection
    (waits,) = raw.execute("PRAGMA busy_timeout").fetchone()
    until = time.monotonic() + waits / 1000
    raw.execute(f"PRAGMA busy_timeout = {min(waits, _ASK_AGAIN_MILLISECONDS)}")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if problem_of(error) is not StoreProblem.BUSY or time.monotonic() >= until:
                    raise
            else:
                return
    finally:
        raw.execute(f"PRAGMA busy_timeout = {waits}")


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


def among_keys(connection: Connection, column: Column[Any], keys: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a column is one of these keys, texts or integers: one parameter in the statement, too, whose text is the
    same for any number of them.
    """
    if connection.dialect.name == "postgresql":
        return column == func.any(bindparam(None, list(keys), type_=postgresql.ARRAY(column.type)))
    given = func.json_each(bindparam(None, json.dumps(list(keys)))).table_valued("value")
    return column.in_(select(given.c.value))


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
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
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


_PROBE = scratch("s_probe", Column("id", Integer, primary_key=True))
