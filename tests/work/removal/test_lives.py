"""Generated lives of cases, told well and badly for most of a year, beside a model in plain Python.

Workers come and go, numbers are overwritten and corrected, closures stay unconfirmed, cases are opened again, exports
fail for weeks, the clock runs ahead. After the last fresh export and enough days each contact that the register ever
linked is gone, or waits for a person with a reason, or is kept with a need; and none is out of sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from server.core.model import OPEN_PHASES, Decision, FindingKind, Phase, Role
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, MomentRow, Row
from server.store.schema import base
from server.work.removal import reviews
from tests import oracle
from tests.oracle import Rules
from tests.oracle import Told as Fact
from tests.work.world import NOW, NUMBERS, POLICY, World, days, token_of

RULES = Rules(
    grace=POLICY.grace_days,
    stale_hours=POLICY.staleness_hours,
    window=POLICY.monitoring_window_days,
    former=90,
    correction=POLICY.correction_days,
    recorded_first=True,
)
WORKERS = ("worker-1", "worker-2")
OPENED = datetime(2024, 1, 9, 8, tzinfo=UTC)


@dataclass
class Life:
    """A case as it really is. numbers: each that it ever had, the one of now last. spells: of each worker."""

    number: str
    numbers: list[str]
    phase: Phase = Phase.INVESTIGATION
    closed_at: datetime | None = None
    recorded: bool = True
    spells: dict[str, list[tuple[datetime, datetime | None]]] = field(default_factory=dict)
    moments: list[date] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """As an export tells of it: the numbers of before are in none."""
        yield CaseRow(0, self.number, self.phase, OPENED.date(), self.closed_at, self.recorded)
        yield ContactRow(0, self.number, "A", "client", self.numbers[-1], None, linked=True)  # type: ignore[arg-type]
        for worker, spells in self.spells.items():
            for since, until in spells:
                yield AssignmentRow(0, self.number, worker, "case worker", since, until)
            for day in self.moments:
                yield MomentRow(0, self.number, worker, day)


@dataclass
class Register:
    """What the product was told, by the model: of each case its newest rows, and when it named which number."""

    read: datetime | None = None
    cases: dict[str, Life] = field(default_factory=dict)
    named: dict[tuple[str, str], tuple[datetime, datetime | None]] = field(default_factory=dict)

    def take(self, lives: list[Life], now: datetime) -> None:
        self.read = now
        for life in lives:
            current = life.numbers[-1]
            for (case, number), (since, gone) in list(self.named.items()):
                if case == life.number and number != current and gone is None:
                    self.named[case, number] = since, now
            since, _ = self.named.get((life.number, current), (now, None))
            self.named[life.number, current] = since, None
            copied = {worker: list(spells) for worker, spells in life.spells.items()}
            self.cases[life.number] = replace(life, spells=copied, numbers=list(life.numbers), moments=[*life.moments])

    def facts(self, worker: str, number: str) -> list[Fact]:
        found = []
        for (case, each), (since, gone) in self.named.items():
            if each == number:
                life = self.cases[case]
                spells = tuple(life.spells.get(worker, ()))
                found.append(
                    Fact(
                        of="client",
                        phase=life.phase.value,
                        read=self.read,
                        spells=spells,
                        closed=life.closed_at,
                        recorded=life.recorded,
                        planned=tuple(life.moments) if worker in life.spells else (),
                        named=(since, gone),
                    )
                )
        return found


class Year:
    """A world, the lives in it, and what the model knows of both."""

    def __init__(self, world: World, dice: Random) -> None:
        self.world, self.random = world, dice
        world.change(former_number_days=RULES.former, require_recorded=True)
        self.register = Register()
        self.spare = list(NUMBERS)
        self.seen: dict[tuple[str, str], datetime] = {}
        self.lives = [self.open_case(f"10{n:04}") for n in range(10)]

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    def open_case(self, number: str) -> Life:
        life = Life(number, [self.spare.pop()], spells={"worker-1": [(OPENED, None)]})
        self.put(life)
        return life

    def put(self, life: Life) -> None:
        """Whoever is on the case has its number; now and then a colleague who is not."""
        for worker in WORKERS:
            on_it = any(until is None for _, until in life.spells.get(worker, ()))
            if (on_it or self.random.random() < 0.2) and life.numbers[-1] not in self.held(worker):
                self.world.put(life.numbers[-1], worker=WORKERS.index(worker) + 1)

    def held(self, worker: str) -> set[str]:
        """The numbers in a worker's book."""
        cards = self.world.book(WORKERS.index(worker) + 1).cards.values()
        bodies = [body.decode() for _, body in cards]
        return {number for number in NUMBERS if any(number in body for body in bodies)}

    # --- what happens -------------------------------------------------------------------------------------------

    def happen(self, life: Life) -> None:
        what = self.random.choice(
            [
                self.reassign,
                self.overwrite,
                self.close,
                self.close,
                self.confirm,
                self.reopen,
                self.monitor,
                self.record,
            ]
        )
        what(life)

    def reassign(self, life: Life) -> None:
        leaving = self.random.choice(WORKERS)
        other = WORKERS[1 - WORKERS.index(leaving)]
        spells = life.spells.get(leaving, [])
        if spells and spells[-1][1] is None:
            spells[-1] = spells[-1][0], self.now
            if not any(until is None for _, until in life.spells.get(other, [])):
                life.spells.setdefault(other, []).append((self.now, None))
            self.put(life)

    def overwrite(self, life: Life) -> None:
        if len(life.numbers) < 4 and self.spare:
            life.numbers.append(self.spare.pop())
            self.put(life)

    def close(self, life: Life) -> None:
        if life.phase is not Phase.CLOSED:
            confirmed = self.random.random() < 0.7
            life.phase, life.closed_at = Phase.CLOSED, self.now if confirmed else None
            life.recorded = self.random.random() < 0.8

    def confirm(self, life: Life) -> None:
        if life.phase is Phase.CLOSED and life.closed_at is None:
            life.closed_at = self.now

    def reopen(self, life: Life) -> None:
        if life.phase is not Phase.INVESTIGATION:
            life.phase, life.closed_at, life.moments = Phase.INVESTIGATION, None, []
            self.put(life)

    def monitor(self, life: Life) -> None:
        if life.phase in OPEN_PHASES:
            life.phase = Phase.MONITORING
            life.moments = [(self.now + days(self.random.randint(5, 90))).date()]

    def record(self, life: Life) -> None:
        life.recorded = True

    # --- what is told and done ----------------------------------------------------------------------------------

    def export(self) -> None:
        rows = [row for life in self.lives for row in life.rows()]
        assert str(self.world.take_in(rows, confirmed=True).outcome) == "applied"
        self.register.take(self.lives, self.now)

    def run(self) -> None:
        self.world.run()
        for worker in WORKERS:
            for number in self.held(worker):
                self.seen.setdefault((worker, number), self.now)

    def expected(self, worker: str, number: str) -> str:
        return oracle.answer(self.register.facts(worker, number), RULES, self.now, self.seen[worker, number])

    def check_nothing_needed_is_gone(self) -> None:
        """What was kept and there before, and is to be kept still, is there."""
        kept = {each for each in self.seen if self.expected(*each) == "keep"}
        there = {(worker, number) for worker in WORKERS for number in self.held(worker)}
        assert (kept & self.last_kept) - there == set()
        self.last_kept = kept & there

    last_kept: set[tuple[str, str]] = set()  # noqa: RUF012  replaced, never changed


def test_after_the_last_fresh_export_and_enough_days_no_contact_is_out_of_sight(make_world, draws):
    for dice in draws(2):
        year = Year(make_world(), dice)
        year.export()
        year.run()
        silent = 0
        for _ in range(25):
            year.world.clock.pass_(timedelta(days=year.random.randint(1, 9), hours=year.random.randint(0, 20)))
            for life in year.random.sample(year.lives, 3):
                year.happen(life)
            silent = silent - 1 if silent else year.random.choice([0, 0, 0, 0, 0, 3])
            if not silent:
                year.export()
            if year.random.random() < 0.1:
                here = year.now
                year.world.clock.pass_(days(year.random.choice([2, 50, 500])))
                year.world.run()
                year.world.clock.now = here
                if not silent:
                    year.export()
            year.run()
            if not silent:
                year.check_nothing_needed_is_gone()
        for _ in range(4):
            year.world.clock.pass_(days(5))
            year.export()
            year.run()
        check_the_end(year)


def check_the_end(year: Year) -> None:
    """Gone, or waits with a reason, or kept with a need; as the rules say of each, and none is out of sight."""
    waits = {
        (each.row.worker_id, each.row.identifier_id): each
        for each in reviews.list_waiting(year.world.context, Role.PRIVACY_OFFICER)
    }
    ids = {row.token: row.id for row in year.world.rows(base.identifier)}
    decided = {(row.worker_id, row.identifier_id): row for row in year.world.rows(base.pair)}
    workers = {row.ref: row.id for row in year.world.rows(base.worker)}
    ends = set()
    for worker, number in year.seen:
        expected = year.expected(worker, number)
        pair = workers[worker], ids[bytes(token_of(number))]
        there = number in year.held(worker)
        ends.add(expected)
        if expected.startswith("remove"):
            assert not there, (worker, number, expected)
        elif there:
            assert decided[pair].decision == expected, (worker, number)
            assert decided[pair].decision not in (Decision.IGNORE, Decision.DEFER)
            assert (pair in waits) is (expected == "review")
            assert decided[pair].reason
    assert {"keep", "review", "remove"} <= ends
    assert all(each.turn is not None and each.days >= 0 for each in waits.values())
    kinds = {row.kind for row in year.world.rows(base.finding)}
    assert FindingKind.NUMBER_OVERWRITTEN in kinds
    latest = year.now + year.world.context.policy.longest_wait
    assert all(row.due_at is None or row.due_at <= latest for row in decided.values())
    assert year.now > NOW
