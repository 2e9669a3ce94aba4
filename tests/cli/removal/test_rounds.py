"""The embedded engine: a policy put in force at work, a changed log, and what falls due between two rounds."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from server.cli.removal.rounds import _Rounds, go_round
from server.core.model import State
from server.settings import read_settings
from server.store.database import Store
from server.store.schema import base
from server.store.schema.base import log_entry
from server.store.schema.running import engine_sign, work_count
from tests.store.fixtures import lay_tables
from tests.web.town import POLICIES, Town, checked_policy, found_town
from tests.work.world import NUMBERS, Told, World, closed

SHIPPED = (POLICIES / "veilig-thuis.yaml").read_text("utf-8")
OTHER = SHIPPED.replace('version: "1.0"', 'version: "1.1"')


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    found = found_town(tmp_path / "town", f"sqlite:///{tmp_path / 'town.db'}")
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_policy_put_in_force_is_followed_from_the_next_round_and_one_with_faults_is_not(town, tmp_path):
    settings = read_settings({}, home=tmp_path)
    settings.policy_file.write_text(SHIPPED, "utf-8")
    first, second = (checked_policy(text).policy.version for text in (SHIPPED, OTHER))
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text.partition(":")[0])
        if said[-1] == "round 1":
            settings.policy_file.write_text("policy: {}", "utf-8")
        elif said[-1] == "round 2":
            settings.policy_file.write_text(OTHER, "utf-8")
        elif said[-1] == "round 3":
            os.kill(os.getpid(), signal.SIGTERM)

    go_round(town.context, settings, once=False, every=0.0, say=say)
    assert said == [f"policy {first}", "round 1", "round 2", f"policy {second}", "round 3"]


def test_an_engine_at_work_does_nothing_more_once_the_log_is_changed(town, tmp_path):
    settings = read_settings({}, home=tmp_path)
    settings.policy_file.write_text(SHIPPED, "utf-8")
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text.partition(":")[0])
        if said[-1] == "round 1":
            with town.store.write() as connection:
                connection.execute(log_entry.update().where(log_entry.c.seq == 0).values(canonical=b"{}"))
            for kept in town.folder.glob("*.frontier"):  # what was kept to be quick, which anybody may change
                kept.unlink()
        elif said.count("nothing is done") == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    go_round(town.context, settings, once=False, every=0.0, say=say)
    assert said[1:] == ["round 1", "nothing is done", "nothing is done"]


# --- between two rounds ----------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'world.db'}"
    lay_tables(url)
    store = Store(url)
    yield World(store, tmp_path / "world")
    store.close()


def at_work(world: World, home: Path) -> tuple[_Rounds, list[str]]:
    """An engine after its first round; the next one is an hour away."""
    settings = read_settings({}, home=home)
    settings.policy_file.write_text(SHIPPED, "utf-8")
    said: list[str] = []
    rounds = _Rounds(world.context, settings, 3600.0, said.append)
    rounds.turn()
    world.clock.pass_(timedelta(minutes=1))
    return rounds, said


def test_what_a_closure_calls_for_is_done_between_two_rounds_and_only_books_concerned_are_read(world, tmp_path):
    world.tell(Told("240117", NUMBERS[:1]), Told("240118", NUMBERS[1:2], workers=("worker-2",)))
    rounds, _ = at_work(world, tmp_path)
    world.put(NUMBERS[0])  # since it was read
    world.tell(closed("240117", NUMBERS[0]))
    world.vendor.calls.clear()
    assert rounds._pause() == 0.0
    rounds.turn()
    assert [each.state for each in world.rows(base.orders)] == [State.DONE]
    first, _ = world.rows(base.place)
    assert {place for _, place in world.vendor.calls} == {first.uid}
    assert rounds.rounds == 1


def test_what_is_decided_again_because_of_a_hold_leaves_nothing_to_see(world, tmp_path):
    world.put(NUMBERS[0])
    world.tell(closed("240117", NUMBERS[0], ago=3))
    rounds, said = at_work(world, tmp_path)
    world.hold(worker="worker-1")

    def to_see() -> object:
        tables = (base.log_entry, base.place, base.plan, engine_sign, work_count)
        return [world.rows(each) for each in tables], list(said), list(world.vendor.calls)

    before = to_see()
    assert rounds._pause() == 0.0
    rounds.turn()
    (decided,) = world.rows(base.pair)
    assert (decided.decision, decided.decided_at) == ("defer", world.clock.now)
    assert to_see() == before
    assert rounds._pause() > 0.0


def test_nothing_is_decided_between_two_rounds_on_a_changed_log(world, tmp_path):
    world.put(NUMBERS[0])
    rounds, said = at_work(world, tmp_path)
    world.tell(closed("240117", NUMBERS[0]))
    with world.context.store.write() as connection:
        connection.execute(log_entry.update().where(log_entry.c.seq == 0).values(canonical=b"{}"))
    for kept in world.folder.glob("*.frontier"):
        kept.unlink()
    rounds.turn()
    assert (world.rows(base.orders), said[-1].partition(":")[0]) == ([], "nothing is done")
    assert rounds._pause() > 60.0
