"""Two engines on PostgreSQL drain one plan; one is killed half-way, and the other takes over within a lease."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from server.cli import run_command
from server.sources.invented import Organisation, invent, write_export
from tests.demo import SERVICE, books, list_places
from tests.parts.dav import DavServer
from tests.store.fixtures import lay_tables

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(600)]

LEASE = 3.0
PATIENCE = 240.0
WRITE = re.compile(r"\] (?:DELETE|PUT) request for ")
DELETED = re.compile(r"\] DELETE response status for '([^']+)' .*: 20[04] ")
OPEN = "SELECT count(*) FROM orders WHERE state IN ('ready', 'calling', 'checking', 'waiting')"
TO_DO = f"""
SELECT ({OPEN}) + (SELECT count(*) FROM place WHERE full_at IS NULL)
    + (SELECT count(*) FROM pair WHERE due_at <= extract(epoch FROM now()) * 1000000)
"""
"""What is open, and what has yet to be read or decided: orders come of it."""


@pytest.fixture
def organisation() -> Organisation:
    return invent("tiny", seed=5, now=datetime.now(UTC).replace(microsecond=0))


def test_a_killed_engine_s_work_is_taken_over_within_a_lease(
    postgres_url: str, tmp_path: Path, organisation: Organisation
) -> None:
    with books(organisation, tmp_path) as server:
        environ = _installation(organisation, server, tmp_path, postgres_url)
        with _engine(environ) as first, _engine(environ) as second:
            _wait(lambda: len(WRITE.findall(server.log_path.read_text(errors="replace"))) >= 6, first, second)
            first.kill()
            first.wait()
            leased = f"SELECT coalesce(max(next_at), 0) FROM orders WHERE lease_by LIKE '%/{first.pid}/%'"
            lease_ends = _ask(postgres_url, leased)
            _wait(lambda: not _ask(postgres_url, TO_DO), second)
            ended = time.time() * 1_000_000
            second.send_signal(signal.SIGTERM)
            assert second.wait(60) == 0
        deletions = Counter(DELETED.findall(server.log_path.read_text(errors="replace")))

    lines = [json.loads(bytes(row)) for row in _column(postgres_url, "SELECT canonical FROM log_entry ORDER BY seq")]
    done = set(_column(postgres_url, "SELECT id FROM orders WHERE state = 'done'"))
    proofs = Counter(line["body"]["order"] for line in lines if line["kind"] == "proof" and line["body"].get("level"))
    assert done
    assert set(_column(postgres_url, "SELECT DISTINCT state FROM orders")) <= {"done", "person", "stopped"}
    assert proofs == dict.fromkeys(done, 1)
    assert {card: times for card, times in deletions.items() if times > 1} == {}
    assert run_command(["log", "verify"], environ) == 0
    assert ended > lease_ends


def test_jobs_that_are_lost_are_found_again_by_the_next_sweep(
    postgres_url: str, tmp_path: Path, organisation: Organisation
) -> None:
    """Whoever empties the table of jobs while an engine works loses nothing: what is due stands in the rows."""
    with books(organisation, tmp_path) as server:
        environ = _installation(organisation, server, tmp_path, postgres_url)
        with _engine(environ) as engine:
            _wait(lambda: bool(_ask(postgres_url, "SELECT count(*) FROM sighting")), engine)
            (schema,) = _column(postgres_url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'jobs%'")
            there = f"{postgres_url}&options=-csearch_path%3D{schema}"
            _column(there, "WITH gone AS (DELETE FROM procrastinate_jobs RETURNING 1) SELECT 1")
            _wait(lambda: bool(_ask(postgres_url, "SELECT count(*) FROM orders")), engine)
            _wait(lambda: not _ask(postgres_url, OPEN), engine)
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(60) == 0


def test_one_round_works_until_nothing_is_due(postgres_url: str, tmp_path: Path, organisation: Organisation) -> None:
    with books(organisation, tmp_path) as server:
        environ = _installation(organisation, server, tmp_path, postgres_url)
        assert run_command(["engine", "--once"], environ) == 0
        assert _ask(postgres_url, "SELECT count(*) FROM orders") > 0
        assert _ask(postgres_url, OPEN) == 0


def test_paused_no_engine_calls_and_resumed_the_next_round_carries_out_all(
    postgres_url: str, tmp_path: Path, organisation: Organisation
) -> None:
    with books(organisation, tmp_path) as server:
        environ = _installation(organisation, server, tmp_path, postgres_url)
        filled = len(WRITE.findall(server.log_path.read_text(errors="replace")))
        assert run_command(["pause", "--reason", "maintenance"], environ) == 0
        assert run_command(["engine", "--once"], environ) == 0
        waiting = _ask(postgres_url, OPEN)
        assert waiting == _ask(postgres_url, "SELECT count(*) FROM orders WHERE state = 'ready' AND attempts = 0") > 0
        assert len(WRITE.findall(server.log_path.read_text(errors="replace"))) == filled
        assert run_command(["resume"], environ) == 0
        assert run_command(["engine", "--once"], environ) == 0
        assert _ask(postgres_url, OPEN) == 0


def test_what_is_new_is_passed_on_without_a_timer(
    postgres_url: str, tmp_path: Path, organisation: Organisation
) -> None:
    with books(organisation, tmp_path) as server, _listener() as (port, heard):
        environ = _installation(organisation, server, tmp_path, postgres_url) | {
            "CLOSEOUT_WEBHOOK_URL": f"http://127.0.0.1:{port}/",
            "CLOSEOUT_WEBHOOK_SECRET": "an invented secret of some length",
        }
        assert run_command(["notify"], environ) == 0
        for told in (["pause", "--reason", "maintenance", "--patience", "0"], ["resume"]):
            assert run_command(told, environ) == 0
        assert heard == []
        with _engine(environ) as engine:
            _wait(lambda: bool(heard), engine)
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(60) == 0


@contextmanager
def _listener() -> Iterator[tuple[int, list[str]]]:
    heard: list[str] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _installation(organisation: Organisation, server: DavServer, folder: Path, database_url: str) -> dict[str, str]:
    environ = {
        "CLOSEOUT_HOME": str(folder / "installation"),
        "CLOSEOUT_DATABASE": database_url,
        "CLOSEOUT_LEASE_SECONDS": str(LEASE),
        "CLOSEOUT_AT_ONCE": "2",
    }
    secret = folder / "service.password"
    secret.write_text(server.password(SERVICE))
    lay_tables(database_url)
    for arguments in (
        ["init", organisation.name, "--demo"],
        [
            *("connection", "put", "books", "--vendor", "carddav", "--url", server.url, "--login", SERVICE),
            *("--secret-file", str(secret)),
        ],
        ["place", "import", str(list_places(organisation, server, folder))],
        ["cases", "import", *map(str, write_export(organisation, folder, "generic-en")), "--mapping", "generic-en"],
    ):
        assert run_command(arguments, environ) == 0
    return environ


@contextmanager
def _engine(environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "server", "engine", "--every", "5"],
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait(ready: Callable[[], bool], *engines: subprocess.Popen[str]) -> None:
    """Until it is so; an engine that ends before, or patience that does, is the failure."""
    until = time.monotonic() + PATIENCE
    while not ready():
        for engine in engines:
            assert engine.poll() is None, engine.communicate()[1]
        assert time.monotonic() < until, "it takes too long"
        try:
            engines[0].wait(0.02)
        except subprocess.TimeoutExpired:
            continue


def _column(url: str, query: str) -> list[object]:
    engine = create_engine(url)
    with engine.begin() as connection:
        found = list(connection.execute(text(query)).scalars())
    engine.dispose()
    return found


def _ask(url: str, query: str) -> int:
    (answer,) = _column(url, query)
    return int(answer)  # type: ignore[call-overload]
