"""What the tests of acts may ask for: a small world on either database, and one that has lived through something."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.store.database import Store
from tests.store.fixtures import Databases, _sqlite_templates, databases, migrate, store
from tests.work.world import World

__all__ = ["_sqlite_templates", "databases", "store"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of acts runs on both databases; its further parameters on PostgreSQL are left to campaigns.

    They ask for the same statements with other facts. What a statement does on each is the store's to promise, whose
    tests run on both with all their parameters; so do tests of acts with the marker `both_databases`. One with the
    marker `statements_tried` asks for statements that others of its file have asked PostgreSQL for: it is left to
    campaigns there.
    """
    on_postgresql: dict[str, list[pytest.Item]] = {}
    for item in items:
        how = getattr(item, "callspec", None)
        apart = item.get_closest_marker("both_databases") or item.get_closest_marker("campaign")
        if Path(__file__).parent in item.path.parents and not apart and how and "postgresql" in how.params.values():
            if item.get_closest_marker("statements_tried"):
                item.add_marker(pytest.mark.campaign)
            else:
                on_postgresql.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for same in on_postgresql.values():
        first = min(same, key=lambda item: item.nodeid)
        for item in same:
            if item is not first:
                item.add_marker(pytest.mark.campaign)


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Two workers with a book each."""
    return make_world()


@pytest.fixture
def make_world(databases: Databases, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A world of another make, each with a folder of its own: a campaign makes one for each draw."""
    opened: list[Store] = []

    def make(*, workers: int = 2, demo: bool = True, **how: Any) -> World:
        def found(url: str) -> None:
            World(Store(url), tmp_path, workers=workers, demo=demo).context.store.close()

        opened.append(Store(databases.fresh(f"world-{workers}-{demo}", found)))
        folder = tmp_path if len(opened) == 1 else tmp_path / f"world-{len(opened)}"
        folder.mkdir(exist_ok=True)
        return World(opened[-1], folder, workers=workers, demo=demo, founded=True, **how)

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """A fresh database with its tables."""
    return databases.fresh("migrated", migrate)


@pytest.fixture(scope="session")
def _lived() -> dict[tuple[str, str], World]:
    return {}


@pytest.fixture
def begin_after(
    databases: Databases,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    _lived: dict[tuple[str, str], World],
) -> Iterator[Callable[[Callable[[World], object]], World]]:
    """A world that has lived through something: `begin_after(what)`; once in this process, for all who ask."""
    opened: list[Store] = []

    def begin(what: Callable[[World], object]) -> World:
        key = f"{what.__module__}.{what.__qualname__}"

        def live(url: str) -> None:
            # Not in the folder of the test that asks first: that one goes with it.
            world = World(Store(url), tmp_path_factory.mktemp("lived"))
            what(world)
            world.context.store.close()
            _lived[databases.kind, key] = world

        opened.append(Store(databases.fresh(key, live)))
        lived = _lived[databases.kind, key]
        if lived.context.checkpoint_file.exists():
            shutil.copy(lived.context.checkpoint_file, tmp_path)
        return lived.continued(opened[-1], tmp_path)

    yield begin
    for each in opened:
        each.close()
