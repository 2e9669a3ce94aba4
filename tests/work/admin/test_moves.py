"""An installation moves from SQLite to PostgreSQL whole, is never in two places, and can be stopped at any point."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from server.core.problems import MoveProblem, MoveRefusedError
from server.store.admin import backup_copies, moving
from server.store.admin.moving import TargetState
from server.store.database import Store, StoreProblem, StoreUnavailableError
from server.store.schema import base
from server.work.admin import log_checkpoints, moves, table_checks
from tests.parts.postgres import Postgres
from tests.store.fixtures import migrate
from tests.work.world import NUMBERS, World, closed

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)


@pytest.fixture
def target(postgres: Postgres) -> Iterator[str]:
    """The address of an empty database of PostgreSQL."""
    url = postgres.fresh_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def laid(postgres: Postgres) -> Iterator[str]:
    """The same, as a move leaves it that was stopped when the tables were made: to make them takes a second or more."""
    url = postgres.fresh_database(postgres.make_template("migrated", migrate))
    yield url
    postgres.drop_database(url)


@pytest.fixture
def lived(world: World) -> World:
    """A world with cases, removals, proofs, findings and a hold."""
    world.put(NUMBERS[0], worker=1)
    world.put(NUMBERS[1], worker=2)
    world.tell(closed("100001", NUMBERS[0]), closed("100002", NUMBERS[1], workers=("worker-2",)))
    world.run()
    world.hold(worker="worker-1")
    log_checkpoints.write_checkpoint(world.context)
    return world


def problem_of(act: Callable[[], object]) -> MoveProblem:
    with pytest.raises(MoveRefusedError) as raised:
        act()
    return raised.value.problem


def test_every_row_arrives_as_it_was_and_work_goes_on_there_alone(lived: World, target: str):
    source = lived.context.store
    gone = base.identifier.insert().values(token=b"g" * 32, verified=True)
    with source.write() as connection:
        # Numbers of identifiers are never given again, also where their row is gone.
        last = connection.execute(gone).inserted_primary_key[0]
        connection.execute(base.identifier.delete().where(base.identifier.c.id == last))
    with source.read() as connection:
        before = moving.contents(connection)
        newest = connection.exec_driver_sql("SELECT max(id) FROM worker").scalar_one()
    done = moves.move(source, target)
    store = Store(target)
    store.check()
    with store.read() as connection:
        assert moving.contents(connection) == before
    assert done.rows == sum(count for count, _ in before.values()) > 50
    context = replace(lived.context, store=store)
    assert log_checkpoints.check_log(context, context.checkpoint_file, restricted=True).sound
    assert table_checks.compare(context).sound
    assert log_checkpoints.standing(context) is log_checkpoints.Standing.SOUND
    with store.write() as connection:
        assert connection.execute(gone).inserted_primary_key[0] > last
    there = lived.continued(store, lived.context.checkpoint_file.parent)
    there.put(NUMBERS[2], worker=1)
    there.tell(closed("100003", NUMBERS[2], workers=("worker-2",)))
    there.run()
    assert log_checkpoints.check_log(there.context, there.context.checkpoint_file, restricted=True).sound
    with store.write() as connection:
        employer = connection.exec_driver_sql("SELECT min(id) FROM employer").scalar_one()
        row = base.worker.insert().values(ref="worker-9", employer_id=employer, team="team-1")
        assert connection.execute(row).inserted_primary_key == (newest + 1,), "a number is not given twice"
    store.close()
    assert_takes_nothing(source)
    assert problem_of(lambda: moves.move(source, target)) is MoveProblem.MOVED_ALREADY


def assert_takes_nothing(source: Store) -> None:
    """Nobody acts on the old database any more, not even who had it open before."""
    with pytest.raises(StoreUnavailableError) as raised:
        source.check()
    assert raised.value.problem is StoreProblem.MOVED
    for act in (base.worker.delete(), base.orders.update().values(next_at=None), base.log_head.update().values(id=1)):
        with pytest.raises(IntegrityError, match="this database was moved"), source.write() as connection:
            connection.execute(act)


def _stopped(act: Callable[[], object], owner: Any, name: str, *, after: bool) -> None:
    """A child does it and vanishes, as by kill -9, before or after a step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the child ends by itself
        child = os.fork()
    if child == 0:
        step = getattr(owner, name)

        def stop(*given: Any) -> object:
            if after:
                step(*given)
            os._exit(9)

        setattr(owner, name, stop)
        try:
            act()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_stopped_at_any_point_it_is_in_one_place_and_the_next_try_ends_it(lived: World, laid: str):
    source = lived.context.store
    source.close()
    store = Store(laid)
    for owner, name, after, moved in (
        (moving, "copy_rows", True, False),
        (moving, "mark_moved", True, False),  # the copy is kept, the mark is not yet
        (moves, "_name", False, True),
    ):
        _stopped(lambda: moves.move(source, laid), owner, name, after=after)
        assert moving.target_state(store) is TargetState.UNFINISHED, name
        assert moving.is_moved(source) is moved, name
        store.close()
        source.close()
    done = moves.move(source, laid)
    store.check()
    assert moving.target_state(store) is TargetState.INSTALLATION
    with store.read() as connection:
        assert sum(backup_copies.count_rows(connection).values()) == done.rows + 1, "and the version"
    store.close()


def test_where_something_is_or_nothing_can_be_it_does_not_go(lived: World, target: str):
    source = lived.context.store
    assert problem_of(lambda: moves.move(source, "sqlite://")) is MoveProblem.NOT_A_SERVER
    server = Store(target)
    assert problem_of(lambda: moves.move(server, target)) is MoveProblem.NOT_EMBEDDED
    with server.write() as connection:
        connection.exec_driver_sql("CREATE TABLE of_others (id int)")
    assert problem_of(lambda: moves.move(source, target)) is MoveProblem.PLACE_TAKEN
    server.close()
    assert not moving.is_moved(source)


def test_no_table_is_left_behind(lived: World, laid: str):
    source = lived.context.store
    with source.write() as connection:
        connection.exec_driver_sql("CREATE TABLE newcomer (id INTEGER)")
    with pytest.raises(RuntimeError, match="not in the schema"):
        moves.move(source, laid)
    assert not moving.is_moved(source)


def test_what_arrives_otherwise_is_taken_back(lived: World, laid: str, monkeypatch: pytest.MonkeyPatch):
    source = lived.context.store
    copy = moving.copy_rows

    def other(old: Any, new: Any) -> None:
        copy(old, new)
        new.execute(base.worker.update().values(team="another team"))

    monkeypatch.setattr(moving, "copy_rows", other)
    assert problem_of(lambda: moves.move(source, laid)) is MoveProblem.DIFFERS
    assert not moving.is_moved(source)
    source.check()
