"""A database that cuts its connections, or is locked, while an engine works: it waits and goes on; nothing is lost."""

from __future__ import annotations

import os
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
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from server.core.log.entries import EntryKind
from server.sources.invented import invent, write_export
from tests.demo import SERVICE, books, list_places
from tests.journeys.office import Office
from tests.store.fixtures import lay_tables

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(600)]

OPEN = "SELECT count(*) AS count FROM orders WHERE state IN ('ready', 'calling', 'checking', 'waiting')"
SIGNS = "SELECT count(*) AS count FROM engine_sign"
"""A sweep is over, so its signals are taken care of; its tables alone come before that."""
CUTS = 6
SECONDS = 240.0


def test_an_engine_outlives_a_database_that_goes_away_again_and_again(database_url: str, tmp_path: Path) -> None:
    organisation = invent("tiny", seed=13, now=datetime.now(UTC).replace(microsecond=0))
    office = Office(tmp_path, database_url)
    office.environ |= {"CLOSEOUT_LEASE_SECONDS": "3", "CLOSEOUT_AT_ONCE": "2"}
    with books(organisation, tmp_path) as server:
        places, export = list_places(organisation, server, tmp_path), write_export(organisation, tmp_path, "generic-en")
        office.set_up(server, places, export, login=SERVICE, log=False)
        said = tmp_path / "engine.said"
        with _engine(office, said) as engine:
            for _ in range(CUTS):
                time.sleep(1.0)
                _go_away(database_url)
            _until(
                lambda: _ask(office, "SELECT count(*) AS count FROM orders") > 0 and _ask(office, OPEN) == 0,
                engine,
                said,
            )
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(SECONDS) == 0, said.read_text()
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


def test_an_engine_that_begins_before_its_database_waits_for_it(postgres_url: str, tmp_path: Path) -> None:
    office = Office(tmp_path, postgres_url)
    lay_tables(postgres_url)
    office.say("init", "Invented organisation", "--demo")
    _let_in(postgres_url, yes=False)
    said = tmp_path / "engine.said"
    with _engine(office, said) as engine:
        _until(lambda: "waiting" in said.read_text(), engine, said)
        _let_in(postgres_url, yes=True)
        _until(lambda: _ask(office, SIGNS) > 0, engine, said)
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(SECONDS) == 0, said.read_text()


@contextmanager
def _engine(office: Office, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An engine at work; what it says goes to a file, which does not fill up as a pipe does."""
    with said.open("wb") as file:
        command = [sys.executable, "-m", "server", "engine", "--every", "2"]
        engine = subprocess.Popen(command, env=os.environ | office.environ, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield engine
    finally:
        if engine.poll() is None:
            engine.kill()
        engine.wait()


def _let_in(database_url: str, *, yes: bool) -> None:
    """Let connections in, or let none in and end those that there are."""
    address = make_url(database_url)
    engine = create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS {str(yes).lower()}"))
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(text(cut), {"name": address.database if not yes else None})
    engine.dispose()


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


def _until(there: Callable[[], bool], engine: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + SECONDS
    while not there():
        assert engine.poll() is None, said.read_text()
        assert time.monotonic() < end, "the work does not end"
        time.sleep(0.2)
