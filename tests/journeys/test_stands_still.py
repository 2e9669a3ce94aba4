"""An engine is halted (SIGSTOP) at its work, outlives its lease, and wakes: a hold never says that it came in time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from server.core.log.entries import EntryKind
from server.sources.invented import invent, write_export
from tests.demo import SERVICE, books, list_places
from tests.journeys.office import Office

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(600)]

WRITE = re.compile(r"\] (?:DELETE|PUT) request for ")
LEASE = 2.0
SECONDS = 120.0
CALLING = "SELECT count(*) AS count FROM orders WHERE state = 'calling'"
OPEN = "SELECT count(*) AS count FROM overtaken WHERE answered_at IS NULL AND ended_at IS NULL"


def test_a_hold_waits_for_an_engine_that_stands_still_and_what_it_still_does_is_told(
    database_url: str, tmp_path: Path
) -> None:
    organisation = invent("tiny", seed=11, now=datetime.now(UTC).replace(microsecond=0))
    office = Office(tmp_path, database_url)
    office.environ |= {"CLOSEOUT_LEASE_SECONDS": str(LEASE), "CLOSEOUT_AT_ONCE": "1"}
    with books(organisation, tmp_path) as server:
        places, export = list_places(organisation, server, tmp_path), write_export(organisation, tmp_path, "generic-en")
        office.set_up(server, places, export, login=SERVICE, log=False)
        office.say("look")
        begun = server.log_path.stat().st_size

        def writes(since: int) -> int:
            return len(WRITE.findall(server.log_path.read_bytes()[since:].decode(errors="replace")))

        with _run(office) as first:
            _until(lambda: writes(begun) >= 3, first)
            _halt_between_transactions(office, first)
            halted_at = server.log_path.stat().st_size
            answer = _hold(office, status=1)
            assert not answer["ok"]
            assert "under way any more" not in str(answer["lines"])
            time.sleep(LEASE)
            with _run(office) as second:
                assert second.wait(SECONDS) in (0, 1), second.communicate()[1]
                second.communicate()
            assert _count(office, OPEN) > 0
            assert _count(office, CALLING) == 0
            assert not _hold(office, status=1)["ok"], "the first engine may still wake"
            assert writes(halted_at) <= 1, "but for a request that had left"
            first.send_signal(signal.SIGCONT)
            assert first.wait(SECONDS) in (0, 1), first.communicate()[1]
            first.communicate()
        assert writes(halted_at) <= 1, "an engine that wakes begins no call"
        assert _count(office, OPEN) == 0
        _hold(office, status=0)
        held_at = server.log_path.stat().st_size
        office.say("verify")
        office.say("run")
        assert writes(held_at) == 0
    sent, answered = Counter[tuple[object, object]](), Counter[tuple[object, object]]()
    for entry in office.log():
        counted = {EntryKind.ORDER_SENT: sent, EntryKind.RECEIPT: answered}.get(entry.kind)
        if counted is not None:
            counted[entry.body["order"], entry.body["attempt"]] += 1
    assert sent == answered
    assert set(sent.values()) == {1}


def test_what_a_killed_engine_had_claimed_is_told_as_not_known(database_url: str, tmp_path: Path) -> None:
    organisation = invent("tiny", seed=11, now=datetime.now(UTC).replace(microsecond=0))
    office = Office(tmp_path, database_url)
    with books(organisation, tmp_path) as server:
        places, export = list_places(organisation, server, tmp_path), write_export(organisation, tmp_path, "generic-en")
        office.set_up(server, places, export, login=SERVICE, log=False)
        office.say("look")
        begun = server.log_path.stat().st_size
        with _run(office) as engine:
            _until(
                lambda: len(WRITE.findall(server.log_path.read_bytes()[begun:].decode(errors="replace"))) >= 3, engine
            )
            _halt_between_transactions(office, engine)
            engine.kill()
            engine.communicate()
        answer = _hold(office, status=0)
    assert any("ended without an answer" in line for line in answer["lines"]), answer


def _hold(office: Office, *, status: int) -> dict[str, object]:
    words = ("--everything", "--reason", "invented reason", "--patience", "0.2")
    return dict(office.say("hold", "set", *words, role="investigator", status=status))


@contextmanager
def _run(office: Office) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "run"],
        env=os.environ | office.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _halt_between_transactions(office: Office, engine: subprocess.Popen[bytes]) -> None:
    """Halt it while it has orders and no lock: where somebody else can go on."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert engine.poll() is None, "the work was over before it could be halted"
        engine.send_signal(signal.SIGSTOP)
        time.sleep(0.01)
        if _writable(office) and _count(office, CALLING):
            return
        engine.send_signal(signal.SIGCONT)
        time.sleep(0.003)
    raise AssertionError("it was never caught at work")


def _writable(office: Office) -> bool:
    sqlite = office.database_url.startswith("sqlite")
    engine = create_engine(office.database_url, connect_args={"timeout": 0.05} if sqlite else {})
    ask = "BEGIN IMMEDIATE" if sqlite else "SELECT 1 FROM log_head, orders FOR UPDATE NOWAIT"
    try:
        with engine.connect() as connection:
            connection.execute(text(ask)).close()
            connection.rollback()
    except DBAPIError:
        return False
    else:
        return True
    finally:
        engine.dispose()


def _count(office: Office, query: str) -> int:
    return int(office.ask(query)[0].count)


def _until(there: Callable[[], bool], engine: subprocess.Popen[bytes]) -> None:
    while not there():
        assert engine.poll() is None, "the engine was done before it could be halted"
        time.sleep(0.002)
