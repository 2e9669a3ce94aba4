"""The lives of invented cases: who is in them, who works on them, when they end; no book and no file.

A case is kept as its whole life, the days after the moment it is invented for included, so that a register can be seen
on any day. Patterns and sizes: DOMAIN 17.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.core.model import ContactClass, Phase
from server.sources.invented.numbers import (
    SWITCHBOARD,
    client_numbers,
    colleague_number,
    foreign_number,
    professional_number,
    spell,
)
from server.sources.rows import AssignmentRow, ContactRow, MomentRow

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
AHEAD = timedelta(days=14)
"""How far after the moment they are invented for lives go on."""
_SERVICES = ("Directe overdracht", "Voorwaarden & Vervolg", "Onderzoek")
_SATURDAY = 5
_HOUSEHOLD = ((2, 3, 4, 5, 6), (40, 32, 18, 7, 3))
"""Client numbers in a case and how often: 3 on average."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large an organisation is and how often what happens in it."""

    workers: int
    devices: int
    silent: float
    reports_a_year: float
    years: float
    private: int
    professionals: int
    reassigned: float = 0.12
    reopened: float = 0.02
    unconfirmed: float = 0.03
    kept: float = 0.6
    """Of the numbers of a case, how many each of its workers typed in: makes 1,150 stale ones on each phone."""
    odd_every: int = 50
    """One in so many cards is kept in an odd way."""


@dataclass(frozen=True, slots=True)
class InventedPerson:
    """Someone in a case: identifiers in normal form, each with the days since which it is no longer theirs."""

    code: str | None
    contact_class: ContactClass
    identifiers: tuple[str, ...]
    former: tuple[tuple[str, date], ...] = ()
    linked: bool = True


@dataclass(frozen=True, slots=True)
class Life:
    """A case from its report to its end. phases: since when it is in which; closures: confirmed ones."""

    number: str
    opened: datetime
    phases: tuple[tuple[datetime, Phase], ...]
    closures: tuple[datetime, ...]
    recorded: bool | None
    service: str
    people: tuple[InventedPerson, ...]
    assignments: tuple[AssignmentRow, ...]
    moments: tuple[MomentRow, ...]
    contacts: tuple[ContactRow, ...]

    def phase(self, now: datetime) -> Phase:
        """The phase at a moment not before the report."""
        return self.phases[bisect_right(self.phases, now, key=lambda step: step[0]) - 1][1]


@dataclass(frozen=True, slots=True)
class Plot:
    """What every view of one organisation shares."""

    lives: tuple[Life, ...]
    directory: tuple[ContactRow, ...]
    directory_ids: Mapping[str, ContactClass]
    by_worker: Mapping[str, tuple[int, ...]]
    lookups: Mapping[str, tuple[tuple[int, str], ...]]
    """Worker -> (index of a life, identifier) kept without ever having been assigned."""
    sizes: Sizes
    born: datetime
    """The moment it was invented for: what comes later is in no book yet."""


class Author:
    """Makes up lives one after the other; holds what has been given out already."""

    def __init__(self, rng: random.Random, now: datetime, workers: Sequence[str], sizes: Sizes) -> None:
        self.rng = rng
        self.now = now
        self.today = now.astimezone(AMSTERDAM).date()
        self.workers = list(workers)
        self.sizes = sizes
        self.lives: list[Life] = []
        self.lookups: dict[str, list[tuple[int, str]]] = {}
        self._clients = client_numbers()
        self._given = 0
        self.professionals = tuple(professional_number(nth) for nth in range(sizes.professionals))

    def directory(self) -> tuple[tuple[ContactRow, ...], dict[str, ContactClass]]:
        """The contacts of the whole organisation that stay: its own lines and those it works with."""
        identifiers = dict.fromkeys(
            (colleague_number(index) for index in range(len(self.workers))), ContactClass.COLLEAGUE
        )
        identifiers[SWITCHBOARD] = ContactClass.COLLEAGUE
        for index, number in enumerate(self.professionals):
            identifiers[number] = (ContactClass.PROFESSIONAL, ContactClass.CHAIN_PARTNER)[index % 2]
        rows = tuple(
            ContactRow(0, None, None, kind, spell(number, self.rng, odd=0.0)) for number, kind in identifiers.items()
        )
        return rows, identifiers

    def identifier(self) -> str:
        """The next client's number or address: now and then an e-mail address or a number from abroad."""
        self._given += 1
        chance = self.rng.random()
        if chance < 0.03:
            return f"contact-{self._given:06}@clients.example"
        if chance < 0.05:
            return foreign_number(self._given)
        return next(self._clients)

    def household(self, size: int | None = None) -> tuple[InventedPerson, ...]:
        """The people of one case: clients A, B, C ... and who reported them."""
        size = size or self.rng.choices(*_HOUSEHOLD)[0]
        people = []
        for index in range(size):
            former: tuple[tuple[str, date], ...] = ()
            if self.rng.random() < 0.03:
                former = ((self.identifier(), self.today - timedelta(days=self.rng.randrange(200, 1500))),)
            people.append(InventedPerson("ABCDEFGH"[index], ContactClass.CLIENT, (self.identifier(),), former))
        if self.rng.random() < 0.5:
            people.append(InventedPerson("R", ContactClass.REPORTER, (self.identifier(),)))
        return tuple(people)

    def people(self, household: Sequence[InventedPerson]) -> tuple[InventedPerson, ...]:
        """A household and the two professionals who work with it."""
        known = self.rng.sample(self.professionals, 2)
        return (*household, *(InventedPerson(None, ContactClass.PROFESSIONAL, (number,)) for number in known))

    def life(
        self,
        opened: datetime,
        steps: Sequence[tuple[datetime, Phase]],
        workers: Sequence[tuple[str, datetime, datetime | None]],
        people: Sequence[InventedPerson],
        *,
        closures: Sequence[datetime] = (),
        moments: Sequence[tuple[str, date]] = (),
        recorded: bool | None = True,
        service: str | None = None,
    ) -> int:
        """Add a life; its index."""
        index = len(self.lives)
        number = f"{100_000 + (index * 37 + 23_456) % 900_000:06}"
        self.lives.append(
            Life(
                number,
                opened,
                tuple(steps),
                tuple(closures),
                recorded,
                service or self.rng.choice(_SERVICES),
                tuple(people),
                tuple(
                    AssignmentRow(0, number, worker, "second visitor" if nth else "case worker", start, until)
                    for nth, (worker, start, until) in enumerate(workers)
                ),
                tuple(MomentRow(0, number, worker, day) for worker, day in moments),
                tuple(
                    ContactRow(
                        0, number, person.code, person.contact_class, spell(value, self.rng), since, person.linked
                    )
                    for person in people
                    for value, since in (*((v, None) for v in person.identifiers), *person.former)
                ),
            )
        )
        return index

    @staticmethod
    def at(day: date, minute: int | None = None) -> datetime:
        """A local day in UTC: its first instant, or that minute of it."""
        local = datetime.combine(day, time(), AMSTERDAM)
        if minute is not None:
            local = local.replace(hour=minute // 60, minute=minute % 60)
        return local.astimezone(UTC)

    def workday(self, day: date) -> date:
        """This day; of a weekend some day of the week after, so that Mondays are no heap."""
        if day.weekday() < _SATURDAY:
            return day
        return day + timedelta(days=7 - day.weekday() + self.rng.randrange(5))

    def closing(self, day: date) -> datetime:
        """When a closure is said to be confirmed: most systems know the day only, which ends at midnight."""
        if self.rng.random() < 0.6:
            return self.at(day + timedelta(days=1))
        return self.at(day, self.rng.randrange(9 * 60, 17 * 60))


def _contact(number: str, person: InventedPerson, value: str, since: date | None) -> ContactRow:
    return ContactRow(0, number, person.code, person.contact_class, value, since, person.linked)


def tell_years(author: Author) -> None:
    """Reports as they came in over the years, some on households known already (DOMAIN 17)."""
    rng, sizes = author.rng, author.sizes
    start = author.today - timedelta(days=round(sizes.years * 365))
    span = (author.today + AHEAD - start).days
    count = round(sizes.reports_a_year * span / 365)
    days = sorted(rng.randrange(span) for _ in range(count))
    households: list[tuple[InventedPerson, ...]] = []
    for offset in days:
        if len(households) > 20 and rng.random() < 0.38:
            household = households[rng.randrange(len(households))]
        else:
            household = author.household()
            households.append(household)
        _tell_case(author, author.workday(start + timedelta(days=offset)), household)


def _tell_case(author: Author, day: date, household: Sequence[InventedPerson]) -> None:
    """One case from its report on: triage, a service, perhaps monitoring, closure, now and then a reopening."""
    rng, sizes = author.rng, author.sizes
    opened = author.at(day, rng.randrange(8 * 60, 17 * 60))
    first, second, third = rng.sample(author.workers, 3)
    steps: list[tuple[datetime, Phase]] = [(opened, Phase.TRIAGE)]
    moments: list[tuple[str, date]] = []
    closures: list[datetime] = []
    service = rng.choice(_SERVICES)
    ends = day + timedelta(days=int(rng.expovariate(1 / 45)) + 1)
    if rng.random() < 0.1:
        steps = [(opened, Phase.ADVICE_OPEN)]
    elif service != _SERVICES[0]:
        middle = day + (ends - day) // 3
        steps.append((author.at(middle), Phase.WAITING if rng.random() < 0.2 else Phase.INVESTIGATION))
        steps.append((author.at(middle + (ends - day) // 2), Phase.TRANSFER_PENDING))
    if rng.random() < 0.6:
        steps.append((author.at(ends), Phase.MONITORING))
        moments = [(first, ends + timedelta(days=91)), (first, ends + timedelta(days=365))]
        ends = ends + timedelta(days=rng.randrange(370, 640))
    ends = author.workday(ends)
    closed = author.closing(ends)
    steps.append((closed, Phase.CLOSED))
    confirmed = rng.random() >= sizes.unconfirmed
    if confirmed:
        closures.append(closed)
    if rng.random() < sizes.reopened:
        again = author.workday(ends + timedelta(days=rng.randrange(10, 200)))
        steps.append((author.at(again, 600), Phase.TRIAGE))
        closed = author.closing(author.workday(again + timedelta(days=rng.randrange(5, 60))))
        steps.append((closed, Phase.CLOSED))
        closures.append(closed)
        confirmed = True
    over = closed if confirmed and rng.random() < 0.3 else None
    start = author.at(day)
    workers: list[tuple[str, datetime, datetime | None]] = [(first, start, over)]
    if rng.random() < sizes.reassigned:
        handed = author.at(day + timedelta(days=max(1, (ends - day).days // 2)))
        workers = [(first, start, handed), (third, handed, over)]
        moments = [(third, on) for _, on in moments]
    if rng.random() < 0.85:
        workers.append((second, start, over))  # a first home visit is never made alone (DOMAIN L25)
    recorded = rng.choices((True, False, None), (97, 2, 1))[0]
    author.life(
        opened,
        steps,
        workers,
        author.people(household),
        closures=closures,
        moments=moments,
        recorded=recorded,
        service=service,
    )


def plant_incident(author: Author) -> tuple[tuple[str, str], ...]:
    """One worker and 37 contacts: most of his own closed cases, some in monitoring, some of colleagues (DOMAIN 1)."""
    worker = author.workers[min(12, len(author.workers) - 1)]
    wanted = {"closed": 22, "monitoring": 9, "colleague": 6}
    found: dict[str, str] = {}
    for index in author.rng.sample(range(len(author.lives)), len(author.lives)):
        life = author.lives[index]
        if life.opened > author.now:
            continue
        phase = life.phase(author.now)
        mine = any(row.worker == worker for row in life.assignments)
        closed = phase is Phase.CLOSED and any(at <= author.now for at in life.closures)
        sort = "monitoring" if mine and phase is Phase.MONITORING else "closed" if mine and closed else ""
        if not mine and (closed or phase is Phase.MONITORING):
            sort = "colleague"
        identifier = life.people[0].identifiers[0]
        if wanted.get(sort, 0) and identifier not in found:
            wanted[sort] -= 1
            found[identifier] = worker
            author.lookups.setdefault(worker, []).append((index, identifier))
    return tuple((worker, identifier) for identifier in found)
