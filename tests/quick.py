"""What every process that runs tests keeps from one test to the next, so that it is not made hundreds of times over.

Only what no test can tell: compiled statements and pages, and memory that is not looked through again. No fixture.
"""

from __future__ import annotations

import gc
from collections.abc import Hashable
from types import CodeType
from typing import Any

from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.util import LRUCache

STATEMENTS = 5_000


class Statements:
    """Compiled statements of all databases of one kind: an installation has one engine, the tests have thousands.

    SQLAlchemy's key begins with the dialect, an object of each engine's own; here its name and driver stand for it.
    """

    def __init__(self) -> None:
        self._kept: LRUCache[Hashable, Compiled] = LRUCache(STATEMENTS)

    @staticmethod
    def _key(key: tuple[Any, ...]) -> Hashable:
        dialect, *rest = key
        return (dialect.name, dialect.driver, *rest)

    def get(self, key: tuple[Any, ...]) -> Compiled | None:
        found: Compiled | None = self._kept.get(self._key(key))
        return found

    def __setitem__(self, key: tuple[Any, ...], compiled: Compiled) -> None:
        self._kept[self._key(key)] = compiled


class Pages(BytecodeCache):
    """Compiled templates, by their text: each town has an application of its own, and all have the same pages."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code


PAGES = Pages()


def share_statements() -> None:
    """From now on a statement is compiled once in this process, whatever database it is for."""
    statements = Statements()

    @event.listens_for(Engine, "engine_connect")
    def _share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)


def leave_in_peace() -> None:
    """What there is now, modules and collected tests, stays to the end: the garbage collector need not look at it."""
    gc.collect()
    gc.freeze()
