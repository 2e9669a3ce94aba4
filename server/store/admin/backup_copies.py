"""A copy of the whole database as it was at one instant, and a database made of one; nothing is encrypted here.

SQLite copies itself (`VACUUM INTO`, with nothing in it of what was deleted). Of PostgreSQL its own programs `pg_dump`
and `pg_restore` do it, found on the machine; they are told the address in their environment, where no list of processes
shows a password.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo
from sqlalchemy import URL, inspect, text

from server.store.database import Connection, Store, told

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_CHUNK = 1 << 20


class NoDumpProgramError(Exception):
    """`pg_dump` or `pg_restore` is not on this machine."""


class OldDumpProgramError(Exception):
    """`pg_dump` is of an older version than the server, which it refuses to dump."""


class DumpFailedError(Exception):
    """`pg_dump` or `pg_restore` ended with a fault. What it said may name rows, so it is repeated nowhere."""


def copy_sqlite(store: Store, to: Path) -> None:
    """Write the database into a file that is not there yet, in one read transaction; others go on writing meanwhile."""
    with told(), store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            raise RuntimeError("a connection without a driver")
        raw.execute("VACUUM INTO ?", [str(to)])


@contextmanager
def dump_of(store: Store) -> Iterator[tuple[Connection, Callable[[], Iterator[bytes]]]]:
    """A picture of PostgreSQL at one instant: to be asked, and to be dumped (custom format) as it is now.

    Raises NoDumpProgramError, OldDumpProgramError; the dump DumpFailedError.
    """
    program = _program("pg_dump")
    with store.snapshot() as connection:
        _require_new_enough(program, connection)
        named = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())
        arguments = [program, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={named}"]
        yield connection, lambda: _output_of(arguments, _environment(store))


def restore_dump(store: Store, dump: Path, *, without: tuple[str, ...] = ()) -> None:
    """Make an empty PostgreSQL database what was dumped, all of it or nothing. without: tables whose rows stay out.

    Raises NoDumpProgramError, DumpFailedError.
    """
    program = _program("pg_restore")
    listed = subprocess.run([program, "--list", str(dump)], capture_output=True, check=False)  # noqa: S603
    if listed.returncode:
        raise DumpFailedError
    lines = listed.stdout.decode("utf-8", "replace").splitlines(keepends=True)
    wanted = dump.with_name(f"{dump.name}.list")
    wanted.write_text("".join(line for line in lines if not _fills(line, without)), encoding="utf-8")
    name = store.engine.url.database or ""
    arguments = [program, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    arguments += [f"--use-list={wanted}", f"--dbname={name}", str(dump)]
    done = subprocess.run(arguments, env=_environment(store), capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise DumpFailedError


def _fills(line: str, tables: tuple[str, ...]) -> bool:
    return any(f" TABLE DATA public {table} " in line for table in tables)


def name_revision(connection: Connection, revision: str) -> None:
    """Say of which revision the tables are: until then no command takes them for an installation."""
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:revision)"), {"revision": revision})


def is_sound(connection: Connection) -> bool:
    """Whether SQLite finds its file whole and every row's reference kept; of PostgreSQL its constraints vouch."""
    if connection.dialect.name != "sqlite":
        return True
    whole = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return whole == ["ok"] and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None


def count_rows(connection: Connection) -> Mapping[str, int]:
    """The number of rows of each table that there is."""
    preparer = connection.dialect.identifier_preparer
    return {
        name: int(connection.exec_driver_sql(f"SELECT count(*) FROM {preparer.quote(name)}").scalar_one())  # noqa: S608
        for name in sorted(inspect(connection).get_table_names())
    }


def has_tables(store: Store) -> bool:
    """Whether there is anything in the database; a file that is not there is not made."""
    name = store.engine.url.database
    if store.is_sqlite:
        file = Path(name or "")
        if any(file.with_name(file.name + end).exists() for end in ("-wal", "-journal")):
            return True  # what was not yet in the file would be poured into any other of its name
        if not file.exists() or not file.stat().st_size:
            return False
    with store.read() as connection:
        return bool(inspect(connection).get_table_names())


def url_of(file: Path) -> str:
    """The address of a SQLite database in a file of any name."""
    return URL.create("sqlite", database=str(file.absolute())).render_as_string()


def put_in_place(store: Store, fresh: Path) -> None:
    """Name a SQLite file as the one of this store, on disk before this returns; nothing lies there."""
    to = Path(store.engine.url.database or "")
    store.close()
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    moved = to.with_name(f".{to.name}.part")
    shutil.move(fresh, moved)
    handle = os.open(moved, os.O_RDWR)
    try:
        os.fchmod(handle, 0o600)
        os.fsync(handle)
    finally:
        os.close(handle)
    moved.rename(to)
    folder = os.open(to.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def empty(store: Store) -> None:
    """Drop all that is in a PostgreSQL database: that of a trial, which was empty before it."""
    with store.write() as connection:
        for name in inspect(connection).get_schema_names():
            if name != "information_schema" and not name.startswith("pg_"):
                connection.exec_driver_sql(f"DROP SCHEMA {connection.dialect.identifier_preparer.quote(name)} CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NoDumpProgramError
    return found


def _require_new_enough(program: str, connection: Connection) -> None:
    said = subprocess.run([program, "--version"], capture_output=True, check=False)  # noqa: S603
    version = _VERSION.search(said.stdout.decode("utf-8", "replace"))
    server = int(str(connection.execute(text("SHOW server_version_num")).scalar_one())) // 10_000
    if version is None or int(version[1]) < server:
        raise OldDumpProgramError


def _environment(store: Store) -> dict[str, str]:
    """The address as libpq's programs read it from variables."""
    given = conninfo_to_dict(store.conninfo)
    names = {each.keyword.decode(): each.envvar.decode() for each in Conninfo.get_defaults() if each.envvar is not None}
    own = {names[word]: str(value) for word, value in given.items() if word in names and value is not None}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("PG")}, **own}


def _output_of(arguments: list[str], environment: Mapping[str, str]) -> Iterator[bytes]:
    """What a program writes, as it comes; DumpFailedError if it ends with a fault."""
    with subprocess.Popen(  # noqa: S603
        arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        try:
            out: IO[bytes] | None = running.stdout
            while out is not None and (part := out.read(_CHUNK)):
                yield part
        except BaseException:
            running.kill()
            raise
    if running.returncode:
        raise DumpFailedError
