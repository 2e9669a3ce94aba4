"""Fixtures that store and work tests share: a migrated database of either kind, copied from a template in no time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from server.store.database import Store
from tests.parts.postgres import Postgres

KINDS = ("sqlite", "postgresql")


def migrate(url: str) -> None:
    """Make the tables; leaves no connection open."""
    store = Store(url)
    store.migrate()
    store.close()


def lay_tables(url: str) -> None:
    """What `migrate` makes of a SQLite database that is not there yet, from a copy: for tests about something else.

    Nothing for one of PostgreSQL: whoever opens it makes its tables.
    """
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///").partition("?")[0])
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write_bytes(_tables())


@cache
def _tables() -> bytes:
    with TemporaryDirectory(prefix="closeout-tables-") as folder:
        file = Path(folder) / "closeout.db"
        migrate(f"sqlite:///{file}")
        return file.read_bytes()


class Databases:
    """Fresh databases of one kind, each a copy of what was prepared once: `fresh(key, prepare)` gives a URL."""

    def __init__(self, kind: str, folder: Path, templates: dict[str, Path], postgres: Postgres | None) -> None:
        self.kind = kind
        self._folder, self._templates, self._postgres = folder, templates, postgres
        self._numbers = count(1)
        self._made: list[str] = []
        self._lent: list[str] = []
        self._opened: list[Store] = []

    def fresh(self, key: str, prepare: Callable[[str], None], *, of: str | None = None) -> str:
        """A copy of the database that `prepare(url)` filled, once in this process; it leaves no connection open.

        of: key of another one, prepared already, that it is a copy of before it is filled.
        """
        if self._postgres is not None:
            self._lent.append(self._postgres.lend(key, prepare, of=of))
            return self._lent[-1]
        file = self._folder / f"closeout-{next(self._numbers)}.db"
        if key not in self._templates:
            template = self._templates[""] / f"{key}.db"
            if of is not None:
                shutil.copy(self._templates[of], template)
            prepare(f"sqlite:///{template}")
            self._templates[key] = template
        shutil.copy(self._templates[key], file)
        return f"sqlite:///{file}"

    def copy(self, first: Store) -> Store:
        """A second database that holds what a first one holds now; the first one's connections are let go."""
        first.close()
        if self._postgres is None:
            file = self._folder / f"closeout-{next(self._numbers)}.db"
            if Path(str(first.engine.url.database)).exists():
                shutil.copy(str(first.engine.url.database), file)
            self._opened.append(Store(f"sqlite:///{file}"))
        else:
            self._made.append(self._postgres.fresh_database(template=first.engine.url.database))
            self._opened.append(Store(self._made[-1]))
        return self._opened[-1]

    def drop(self) -> None:
        """Let go of all that was made here."""
        for store in self._opened:
            store.close()
        if self._postgres is not None:
            for url in self._made:
                self._postgres.drop_database(url)
            for url in self._lent:
                self._postgres.take_back(url)


@pytest.fixture(scope="session")
def _sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {"": tmp_path_factory.mktemp("templates")}


@pytest.fixture(params=KINDS)
def databases(
    request: pytest.FixtureRequest, tmp_path: Path, _sqlite_templates: dict[str, Path]
) -> Iterator[Databases]:
    """Whoever asks for it, or for what is made of it, runs on SQLite and on PostgreSQL."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    made = Databases(request.param, tmp_path, _sqlite_templates, postgres)
    yield made
    made.drop()


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """A store with all tables and nothing in them."""
    opened = Store(databases.fresh("migrated", migrate))
    yield opened
    opened.close()
