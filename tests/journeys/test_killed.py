"""`run` is killed with SIGKILL in the middle of its work, again and again: nothing is lost, doubled or made up.

Each kill comes when the server's log shows another write arriving, so it falls in or after a call, before or after the
receipt; where exactly is left to the machine.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from mdm_adapters.port import FieldKind
from server.cli import run_command
from server.core.identity.reading import registered
from server.core.identity.tokens import Tokeniser
from server.core.model import REMOVALS
from server.sources.invented import Organisation, invent, truth, write_export
from tests.campaigns import MINUTES, Draws
from tests.demo import SERVICE, books, list_places
from tests.parts.dav import DavServer
from tests.store.fixtures import lay_tables

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(600)]

KILLS, MANY_KILLS = 5, 14
ROUNDS = 60
WRITE = re.compile(r"\] (?:DELETE|PUT) request for ")
DELETED = re.compile(r"\] DELETE response status for '([^']+)' .*: 20[04] ")


def test_every_order_is_settled_once_however_often_the_run_is_killed(
    make_database_url: Callable[[], str], tmp_path: Path, draws: Draws
) -> None:
    for dice in draws(1):
        folder = tmp_path / f"{draws.seed}"
        folder.mkdir()
        _play(make_database_url(), folder, dice, MANY_KILLS if draws.campaign and MINUTES >= 1 else KILLS)


def _play(database_url: str, folder: Path, dice: random.Random, kills: int) -> None:
    organisation = invent("tiny", seed=7, now=datetime.now(UTC).replace(microsecond=0))
    with books(organisation, folder) as server:
        environ = _installation(organisation, server, folder, database_url)
        killed = 0
        for _ in range(ROUNDS):
            if _run_and_kill(environ, server, dice):
                killed += 1
            if killed >= kills:
                break
        assert killed >= kills, "the work was over before it could be killed often enough"
        _finish(environ)
        left = {worker.ref: server.client().cards(f"{SERVICE}/{worker.ref}") for worker in organisation.workers}
        log = server.log_path.read_text(errors="replace")

    engine = create_engine(database_url)
    with engine.connect() as connection:
        orders = connection.execute(
            text(
                "SELECT o.id, o.state, i.token, w.ref, s.presence FROM orders o"
                " JOIN identifier i ON i.id = o.identifier_id JOIN worker w ON w.id = o.worker_id"
                " JOIN sighting s ON s.place_id = o.place_id AND s.identifier_id = o.identifier_id"
            )
        ).all()
        lines = [
            json.loads(bytes(row[0]))
            for row in connection.execute(text("SELECT canonical FROM log_entry ORDER BY seq"))
        ]
    engine.dispose()

    done = {order.id for order in orders if order.state == "done"}
    proofs = Counter(line["body"]["order"] for line in lines if line["kind"] == "proof" and line["body"].get("level"))
    assert {order.state for order in orders} <= {"done", "person"}
    assert done
    assert proofs == dict.fromkeys(done, 1)
    looks = {line["body"]["look"] for line in lines if line["kind"] == "sighting" and line["body"]["mode"] == "full"}
    assert {line["body"]["look"] for line in lines if line["kind"] == "proof"} <= looks
    assert {order.presence for order in orders if order.state == "done"} == {"absent"}
    deletions = Counter(DELETED.findall(log))
    assert {card: times for card, times in deletions.items() if times > 1} == {}
    assert (
        _still_there(organisation, environ, {(o.ref, bytes(o.token)) for o in orders if o.state == "done"}, left) == []
    )
    assert run_command(["log", "verify"], environ) == 0


def _installation(organisation: Organisation, server: DavServer, folder: Path, database_url: str) -> dict[str, str]:
    environ = {
        "CLOSEOUT_HOME": str(folder / "installation"),
        "CLOSEOUT_DATABASE": database_url,
        "CLOSEOUT_LEASE_SECONDS": "0.3",
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


def _run_and_kill(environ: Mapping[str, str], server: DavServer, dice: random.Random) -> bool:
    """Start `run`, and kill it when a few more writes have reached the server; False if it ended before."""
    more = dice.randint(1, 6)
    begun = server.log_path.stat().st_size
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "run"],
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server.log_path.open(errors="replace") as log:
        log.seek(begun)
        written = ""
        while process.poll() is None:
            written += log.read()
            if len(WRITE.findall(written)) >= more:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                return process.returncode == -signal.SIGKILL
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.002)
    assert process.returncode in (0, 1), process.communicate()[1]
    return False


def _finish(environ: Mapping[str, str]) -> None:
    """Run and verify until nothing is open any more; each round takes longer than a lease."""
    for _ in range(ROUNDS):
        for command in ("run", "verify"):
            subprocess.run(
                [sys.executable, "-m", "server", command], env=os.environ | environ, check=False, capture_output=True
            )
        engine = create_engine(environ["CLOSEOUT_DATABASE"])
        with engine.connect() as connection:
            open_now = connection.execute(
                text("SELECT count(*) FROM orders WHERE state IN ('ready', 'calling', 'checking', 'waiting')")
            ).scalar_one()
        engine.dispose()
        if not open_now:
            return
    pytest.fail("orders stay open")


def _still_there(
    organisation: Organisation,
    environ: Mapping[str, str],
    done: set[tuple[str, bytes]],
    left: Mapping[str, Mapping[str, str]],
) -> list[tuple[str, str]]:
    """Identifiers that must be gone by an independent reading, have a proven order, and yet stand in a card."""
    tokeniser = Tokeniser((Path(environ["CLOSEOUT_HOME"]) / "keys" / "identifier.key").read_bytes())
    decisions = truth(organisation, datetime.now(UTC), 14, 14, require_recorded=False, former_number_days=365)
    found = []
    for (worker, identifier), decision in decisions.items():
        kind = FieldKind.EMAIL if "@" in identifier else FieldKind.PHONE
        tokens = {bytes(tokeniser.token(each)) for each in registered(identifier, kind)}
        if decision in REMOVALS and any((worker, token) in done for token in tokens):
            needle = identifier.lower() if "@" in identifier else re.sub(r"\D", "", identifier)[-9:]
            for card in left[worker].values():
                text_ = card.replace("\r\n ", "").lower()
                lines = [line for line in text_.splitlines() if line.startswith(("tel", "item", "email", "note"))]
                digits = [re.sub(r"\D", "", line) for line in lines]
                if any(needle in each for each in (lines if "@" in needle else digits)):
                    found.append((worker, needle[-4:]))
    return found
