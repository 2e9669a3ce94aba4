"""Engines learn of what became due when it is committed, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from server.store import wakeups
from server.store.database import Store
from server.store.removal import needs
from server.store.schema import base
from tests.store.fixtures import lay_tables
from tests.work.world import NOW

SECONDS = 60.0


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'closeout.db'}"
    lay_tables(url)
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def on_server(postgres_url: str) -> Iterator[Store]:
    opened = Store(postgres_url)
    opened.migrate()
    yield opened
    opened.close()


def write(store: Store, *, keep: bool = True) -> None:
    with store.engine.connect().execution_options(closeout_write=True) as connection:
        connection.execute(base.identifier.insert().values(token=b"1" * 32, verified=True))
        connection.execute(base.employer.insert().values(name="one"))
        employer = connection.execute(select(base.employer.c.id)).scalar_one()
        connection.execute(base.worker.insert().values(ref="worker-1", employer_id=employer, team=""))
        (worker,) = connection.execute(select(base.worker.c.id)).scalars()
        needs.add_pairs(connection, worker, list(connection.execute(select(base.identifier.c.id)).scalars()), NOW)
        if keep:
            connection.commit()
        else:
            connection.rollback()


def test_a_commit_of_anybody_else_is_seen_in_a_file_and_what_is_taken_back_is_not(in_file):
    with wakeups.commits_elsewhere(in_file) as commits:
        seen = commits()
        write(in_file, keep=False)
        assert commits() == seen
        write(in_file)
        assert commits() != seen


def test_a_server_tells_whoever_listens_once_it_is_committed(on_server):
    async def heard() -> list[int]:
        told: asyncio.Queue[int] = asyncio.Queue()
        listening = asyncio.create_task(wakeups.listen(on_server, lambda: told.put_nowait(pairs(on_server))))
        found = [await asyncio.wait_for(told.get(), SECONDS)]
        await asyncio.to_thread(write, on_server, keep=False)
        await asyncio.to_thread(write, on_server)
        found.append(await asyncio.wait_for(told.get(), SECONDS))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        return found

    assert asyncio.run(heard()) == [0, 1]


def pairs(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(base.pair)).scalar_one())
