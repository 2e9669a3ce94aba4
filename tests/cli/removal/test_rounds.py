"""The embedded engine follows a policy that is put in force while it works, and removes nothing on a changed log."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.cli.removal.rounds import go_round
from server.settings import read_settings
from server.store.schema.base import log_entry
from tests.web.town import POLICIES, Town, checked_policy, found_town

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
