"""A hold set while an engine is at work: once the command has returned, nothing that it covers is deleted any more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from server.sources.invented import invent, write_export
from tests.demo import SERVICE, books, list_places
from tests.journeys.office import Office
from tests.parts.dav import DavServer

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(300)]

WRITE = re.compile(r"\] (?:DELETE|PUT) request for ")


def test_nothing_is_deleted_once_the_hold_is_in_force(database_url: str, tmp_path: Path) -> None:
    organisation = invent("tiny", seed=3, now=datetime.now(UTC).replace(microsecond=0))
    office = Office(tmp_path, database_url)
    with books(organisation, tmp_path) as server:
        office.set_up(
            server,
            list_places(organisation, server, tmp_path),
            write_export(organisation, tmp_path, "generic-en"),
            login=SERVICE,
            log=False,
        )
        office.say("look")
        begun = server.log_path.stat().st_size
        engine = subprocess.Popen(
            [sys.executable, "-m", "server", "run"],
            env=os.environ | office.environ | {"CLOSEOUT_AT_ONCE": "3"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        wait_for_writes(server, begun, 8, engine)
        answer = office.say("hold", "set", "--everything", "--reason", "invented reason", role="investigator")
        held_at = server.log_path.stat().st_size
        cards = {worker.ref: server.client().names(f"{SERVICE}/{worker.ref}") for worker in organisation.workers}
        assert engine.wait(120) in (0, 1), engine.communicate()[1]
        engine.communicate()
        office.say("verify")
        office.say("run")
        later = server.log_path.read_bytes()[held_at:].decode(errors="replace")
        assert WRITE.findall(later) == []
        assert cards == {
            worker.ref: server.client().names(f"{SERVICE}/{worker.ref}") for worker in organisation.workers
        }
    states = {row.state: row.count for row in office.ask("SELECT state, count(*) AS count FROM orders GROUP BY state")}
    assert states.get("stopped", 0) > 0, "the hold came while there was work left"
    assert {"ready", "calling", "checking", "waiting"} & states.keys() == set()
    assert answer["ok"]


def wait_for_writes(server: DavServer, begun: int, count: int, engine: subprocess.Popen[bytes]) -> None:
    moment = Event()
    while engine.poll() is None:
        with server.log_path.open("rb") as log:
            log.seek(begun)
            if len(WRITE.findall(log.read().decode(errors="replace"))) >= count:
                return
        moment.wait(0.002)
    raise AssertionError("the engine was done before the hold could come")
