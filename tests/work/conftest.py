"""What the tests of acts may ask for: a small world on either database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.store.database import Store
from tests.store.fixtures import Databases, _sqlite_templates, databases, migrate, store
from tests.work.world import World

__all__ = ["_sqlite_templates", "databases", "store"]


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    """Two workers with a book each."""
    return World(store, tmp_path)


@pytest.fixture
def make_world(databases: Databases, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A world of another make."""
    opened: list[Store] = []

    def make(**how: Any) -> World:
        opened.append(Store(databases.fresh("migrated", migrate)))
        return World(opened[-1], tmp_path, **how)

    yield make
    for each in opened:
        each.close()
