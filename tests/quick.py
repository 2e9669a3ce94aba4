"""What every process that runs tests keeps from one test to the next, so that it is not made hundreds of times over.

Only what no test can tell: compiled statements and pages, memory that is not looked through again, and files that
are in memory. No fixture.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Hashable
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.util import LRUCache

STATEMENTS = 5_000
IN_MEMORY = Path("/dev/shm")
ROOM = 8 * 2**30
"""Bytes that must be free there, and of memory: twice what some 250 databases of 8 MB on each of two workers take."""


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
    """What there is now, modules and collected tests, stays to the end: the garbage collector need not look at it.

    At the rest it looks less often than by itself: a tenth of the time went there, and there is memory enough.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def hold_files_in_memory() -> None:
    """Let what this run writes stay in memory where there is room, unless TMPDIR says where: no crash is awaited.

    A commit waits for a disk, and a database of PostgreSQL is hundreds of files: on a disk they took more time than
    what was tested with them. Programs that tests start do likewise.
    """
    if not any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")) and _room_in_memory() >= ROOM:
        os.environ["TMPDIR"] = str(IN_MEMORY)
        tempfile.tempdir = None  # it was asked for already


def _room_in_memory() -> int:
    """Bytes that files in memory may take; 0 where there are none, or programs may not be run from there."""
    try:
        there, mounted = os.statvfs(IN_MEMORY), Path("/proc/mounts").read_text()
        available = int(Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return 0
    in_memory = any(line.split()[1:3] == [str(IN_MEMORY), "tmpfs"] for line in mounted.splitlines())
    if not in_memory or there.f_flag & os.ST_NOEXEC or not os.access(IN_MEMORY, os.W_OK | os.X_OK):
        return 0
    return min(there.f_bavail * there.f_frsize, available)
