"""A database that cuts its connections, or is locked, while an engine works: it waits and goes on; nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
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

OPEN = "SELECT count(*) AS count FROM orders WHERE state IN ('ready', 'calling', 'checking', 'waiting')"
CUTS = 6
SECONDS = 240.0


def test_an_engine_outlives_a_database_that_goes_away_again_and_again(database_url: str, tmp_path: Path) -> None:
    organisation = invent("tiny", seed=13, now=datetime.now(UTC).replace(microsecond=0))
    office = Office(tmp_path, database_url)
    office.environ |= {"CLOSEOUT_LEASE_SECONDS": "3", "CLOSEOUT_AT_ONCE": "2"}
    with books(organisation, tmp_path) as server:
        places, export = list_places(organisation, server, tmp_path), write_export(organisation, tmp_path, "generic-en")
        office.set_up(server, places, export, login=SERVICE, log=False)
        engine = subprocess.Popen(
            [sys.executable, "-m", "server", "engine", "--every", "2"],
            env=os.environ | office.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            for _ in range(CUTS):
                time.sleep(1.0)
                _go_away(database_url)
            _until(lambda: _ask(office, "SELECT count(*) AS count FROM orders") > 0 and _ask(office, OPEN) == 0, engine)
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(SECONDS) == 0, engine.communicate()[1]
        finally:
            if engine.poll() is None:
                engine.kill()
            engine.communicate()
    sent, answered, proven = Counter[object](), Counter[object](), Counter[object]()
    for entry in office.log():
        if entry.kind is EntryKind.ORDER_SENT:
            sent[entry.body["order"], entry.body["attempt"]] += 1
        elif entry.kind is EntryKind.RECEIPT:
            answered[entry.body["order"], entry.body["attempt"]] += 1
        elif entry.kind is EntryKind.PROOF and entry.body.get("level"):
            proven[entry.body["order"]] += 1
    assert set(sent.values()) == set(answered.values()) == set(proven.values()) == {1}
    assert sent.keys() == answered.keys()


def _go_away(database_url: str) -> None:
    """Cut every connection; of a file, hold its lock for a second."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        if database_url.startswith("sqlite"):
            connection.execute(text("BEGIN IMMEDIATE")).close()
            time.sleep(1.0)
            connection.rollback()
        else:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            connection.execute(text(f"{cut} AND pid <> pg_backend_pid()"))
    engine.dispose()


def _ask(office: Office, query: str) -> int:
    try:
        return int(office.ask(query)[0].count)
    except DBAPIError:
        return -1


def _until(there: Callable[[], bool], engine: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SECONDS
    while not there():
        assert engine.poll() is None, engine.communicate()[1]
        assert time.monotonic() < end, "the work does not end"
        time.sleep(0.2)
