"""What one of several engines does with jobs that it took up; the engines themselves are walked in the journeys."""

from __future__ import annotations

from sqlalchemy import select, update

from server.store.schema.base import log_entry
from server.work.admin import log_checkpoints
from server.work.removal.many_machines import ReadBack, _Engine
from tests.work.world import NUMBERS, World, closed, days


def change_the_log(world: World) -> None:
    """As whoever writes the database can: the newest entry is another than the one that was signed."""
    with world.context.store.write() as connection:
        newest = connection.execute(select(log_entry.c.seq).order_by(log_entry.c.seq.desc()).limit(1)).scalar_one()
        connection.execute(update(log_entry).where(log_entry.c.seq == newest).values(canonical=b"{}"))


def test_a_job_that_was_queued_before_the_log_was_changed_removes_nothing(world: World) -> None:
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    world.look()
    world.plan()
    log_checkpoints.write_checkpoint(world.context)
    engine = _Engine(world.context, at_once=1, every=5.0, say=lambda _text: None, in_force=None, tell=None)
    world.tell()
    change_the_log(world)
    engine._acts()["carry_out"](number=0)
    assert len(world.book().cards) == 1


def test_a_job_removes_what_is_due(world: World) -> None:
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    world.look()
    world.plan()
    engine = _Engine(world.context, at_once=1, every=5.0, say=lambda _text: None, in_force=None, tell=None)
    engine._acts()["carry_out"](number=0)
    assert world.book().cards == {}


def test_cases_that_were_told_of_are_read_back_once_they_are_due_and_not_before(world: World) -> None:
    now, read = world.clock.now, []
    for due, tasks in ((None, []), (now + days(1), []), (now, ["read_back"])):
        told_of = ReadBack(lambda _, due=due: due, read.append)
        engine = _Engine(world.context, 1, 5.0, lambda _text: None, None, None, told_of)
        assert [each.task for each in engine._to_read_back()] == tasks
        assert engine._until_a_pair_is_due() == (float("inf") if due is None else (due - now).total_seconds())
    engine._acts()["read_back"]()
    assert len(read) == 1
