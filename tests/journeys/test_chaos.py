"""The invented organisation `chaos` on a real Radicale behind a way that fails, told by a case system that fails too.

Requests are refused, throttled, dropped before they arrive or after they were done, and answered with nonsense; exports
say that everything is closed, lose cases, break off and come in the wrong order; cases are reopened and reassigned
while orders are under way, over the night on which the clock changes. In the end nothing is lost and nothing invented.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mdm_adapters.http import Connection
from mdm_adapters.registry import KINDS, STORES
from server.app import SHIPPED_POLICY, check_policy
from server.core.model import REMOVALS
from server.sources.case_file import open_export
from server.sources.invented import Organisation, all_closed, day_after, invent, truth, without_cases, write_export
from server.sources.mapping import load_mapping
from server.store.database import Store
from server.store.removal import orders
from server.work.admin import log_checkpoints, setup
from server.work.context import Context
from server.work.register import intake
from server.work.register.intake import IntakeOutcome
from server.work.removal import engine, verify
from tests.campaigns import Draws
from tests.demo import SERVICE, books
from tests.parts.dav import DavServer
from tests.store.fixtures import lay_tables
from tests.vendors.badserver import Action, Drop, Raw, Said, Seen, bad_server, forward
from tests.vtaa import desks_of, numbers_of
from tests.work.world import KEYS, Clock

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(600)]

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
"""The clock changes in the night after it."""
MAPPING = "generic-en"
FAULTS_AMONG = 8
DELETED = re.compile(r"\] DELETE response status for '([^']+)' .*: 20[04] ")
NONSENSE = Raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 23\r\n\r\n<html>Please wait</html")


@dataclass
class Way:
    """What lies between us and the server: one in so many requests does not go well, until it is `calm`."""

    server: DavServer
    dice: random.Random
    calm: bool = False
    met: Counter[str] = field(default_factory=Counter)

    def __call__(self, seen: Seen) -> Action:
        goes_well = self.calm or self.dice.randrange(FAULTS_AMONG)
        bad = None if goes_well else min(self.faults, key=lambda fault: self.met[fault])  # all of them come up
        if bad is None:
            return forward(self.server, seen)
        self.met[bad] += 1
        return self.faults[bad](self, seen)

    def _done_but_not_told(self, seen: Seen) -> Action:
        forward(self.server, seen)
        return Drop()

    faults = {  # noqa: RUF012
        "never arrived": lambda _way, _seen: Drop(),
        "done but not told": _done_but_not_told,
        "nonsense": lambda _way, _seen: NONSENSE,
        "refused": lambda _way, _seen: Said(503),
        "throttled": lambda _way, _seen: Said(429, headers={"retry-after": "1"}),  # and nobody asks for a second
    }


@pytest.fixture
def chaos() -> Organisation:
    return invent("chaos", seed=11, now=NOW, factor=0.02)


def test_a_way_that_fails_and_a_case_system_that_fails_lose_nothing_and_invent_nothing(
    tmp_path: Path, chaos: Organisation, draws: Draws
) -> None:
    for dice in draws(1):
        folder = tmp_path / f"{draws.seed}"
        folder.mkdir()
        play(folder, chaos, dice)


def play(folder: Path, chaos: Organisation, dice: random.Random) -> None:
    with books(chaos, folder) as server:
        before = {worker.ref: numbers_of(server, worker.ref) for worker in chaos.workers}
        way = Way(server, dice)
        with bad_server(way) as proxy:
            context, clock = installed(folder, chaos, proxy.url, server.password(SERVICE))
            gone = lived_through(context, clock, folder, chaos, way)
        after = {worker.ref: numbers_of(server, worker.ref) for worker in chaos.workers}
        deletions = Counter(DELETED.findall(server.log_path.read_text(errors="replace")))

    assert set(way.met) == set(Way.faults)
    with context.store.read() as connection:
        states = orders.counts_by_state(connection)
    assert set(states) <= {"done", "person", "stopped"}
    assert gone.must
    assert sum(len(after[worker] & numbers) for worker, numbers in gone.must.items()) <= states.get("person", 0)
    for worker, there in before.items():
        assert after[worker] <= there
        assert there - after[worker] <= gone.ever.get(worker, set())
    assert {card: times for card, times in deletions.items() if times > 1} == {}
    log_checkpoints.write_checkpoint(context)
    checked = log_checkpoints.check_log(context, context.checkpoint_file)
    assert checked.sound
    assert checked.removals == ()
    context.store.close()


@dataclass
class Gone:
    """Ends of numbers by worker. must: the rules say now that they go. ever: they said so at some moment."""

    must: dict[str, set[str]] = field(default_factory=dict)
    ever: dict[str, set[str]] = field(default_factory=dict)


def lived_through(context: Context, clock: Clock, folder: Path, chaos: Organisation, way: Way) -> Gone:
    """Two days of it; what had to go by then."""
    gone = Gone()

    def told(organisation: Organisation, name: str, expected: IntakeOutcome) -> None:
        place = folder / f"{clock.now:%d%H%M}-{name}"
        place.mkdir()
        export = open_export(write_export(organisation, place, MAPPING), load_mapping(MAPPING))
        assert intake.take_in(context, export).outcome is expected

    def worked(organisation: Organisation, rounds: int) -> None:
        for _ in range(rounds):
            clock.pass_(timedelta(minutes=61))
            remember(context, clock, organisation, gone)
            engine.run_once(context, full=False, at_once=2)
            verify.verify(context)

    told(chaos, "first", IntakeOutcome.APPLIED)
    remember(context, clock, chaos, gone)
    engine.run_once(context, full=False, at_once=2)
    told(all_closed(chaos), "closed", IntakeOutcome.STOPPED)
    worked(chaos, 2)
    told(without_cases(chaos, 0.3), "lost", IntakeOutcome.STOPPED)
    broken_off(context, folder, chaos)
    worked(chaos, 2)
    clock.now = NOW + timedelta(days=1)
    later = day_after(chaos).organisation
    told(later, "next day", IntakeOutcome.APPLIED)
    remember(context, clock, later, gone)
    clock.pass_(timedelta(seconds=1))
    told(chaos, "too late", IntakeOutcome.OLDER)
    worked(later, 3)
    way.calm = True
    for _ in range(3):
        clock.pass_(timedelta(minutes=61))
        gone.must = remember(context, clock, later, gone)
        engine.run_once(context, full=True, at_once=2)
        verify.verify(context)
    return gone


def broken_off(context: Context, folder: Path, organisation: Organisation) -> None:
    """An export that breaks off in the middle of a line gives nothing."""
    place = folder / "broken"
    place.mkdir()
    paths = write_export(organisation, place, MAPPING)
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[: len(whole) // 2])
    assert intake.take_in(context, open_export(paths, load_mapping(MAPPING))).outcome in (
        IntakeOutcome.FAULTY,
        IntakeOutcome.STOPPED,
    )


def remember(context: Context, clock: Clock, organisation: Organisation, gone: Gone) -> dict[str, set[str]]:
    """What a second reading of the rules calls for at this moment."""
    rules = context.policy
    now: dict[str, set[str]] = {}
    decided = truth(
        organisation,
        clock.now,
        rules.grace_days,
        rules.monitoring_window_days,
        require_recorded=rules.require_recorded,
        former_number_days=rules.former_number_days,
        first_seen=NOW,
    )
    for (worker, identifier), decision in decided.items():
        if decision in REMOVALS and "@" not in identifier:
            now.setdefault(worker, set()).add(identifier[-9:])
    for worker, numbers in now.items():
        gone.ever.setdefault(worker, set()).update(numbers)
    desks = desks_of(organisation)
    return {worker: numbers - desks for worker, numbers in now.items()}


def installed(folder: Path, organisation: Organisation, url: str, password: str) -> tuple[Context, Clock]:
    """An installation whose clock is moved by hand, and whose way to the server is this one."""
    lay_tables(f"sqlite:///{folder / 'closeout.db'}")
    document = check_policy(SHIPPED_POLICY).document
    assert document is not None
    clock = Clock(NOW)
    context = Context(
        store=Store(f"sqlite:///{folder / 'closeout.db'}"),
        clock=clock,
        keys=KEYS,
        policy=replace(document.policy, max_share=1.0),
        stores={"books": STORES["carddav"](Connection(url, SERVICE, password))},
        witnesses={},
        checkpoint_file=folder / "checkpoints.txt",
    )
    context.store.migrate()
    setup.found(context, organisation.name, demo=True)
    setup.put_connection(
        context, name="books", vendor="carddav", base_url=url, login=SERVICE, secret_file="", kinds=KINDS
    )
    rows = [
        f"{worker.ref};Invented employer;Invented team;books;{url}/{SERVICE}/{worker.ref}/;device-{worker.ref}"
        for worker in organisation.workers
    ]
    setup.import_places(context, "\n".join(["worker;employer;team;connection;address;devices", *rows]))
    return context, clock
