"""Invented organisations: who works there, with which phones, and the register at one moment; no file, no vCard."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from server.core.model import Phase
from server.sources.invented.books import InventedCard, invent_cards, write_card
from server.sources.invented.lives import AMSTERDAM, Author, Plot, Sizes, plant_incident, tell_years
from server.sources.invented.tiny import tell_tiny
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, MomentRow, Row


class OrganisationSize(StrEnum):
    """Which organisation to invent."""

    TINY = "tiny"
    """5 workers, 8 devices, 60 cases; every answer of the need table at least once."""
    VTAA = "vtaa"
    """130 workers (108 full-time) with a phone each, 10,000 reports a year for 4.5 years."""
    INCIDENT = "incident"
    """As vtaa, with one worker who kept or looked up 37 contacts (DOMAIN 1)."""
    CHAOS = "chaos"
    """A tenth of vtaa with many reassigned and reopened cases and phones that stopped syncing."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A person employed."""

    ref: str
    role: str


@dataclass(frozen=True, slots=True)
class Device:
    """A work phone. silent: offline for weeks, so it never fetches what changed."""

    ref: str
    worker: str
    silent: bool


@dataclass(frozen=True, slots=True)
class Organisation:
    """An invented organisation seen at one moment: its register, its phones and what is in its contact books.

    now: aware, UTC. planted: the (worker, identifier) pairs of the incident. Books do not change with the moment.
    """

    name: str
    kind: OrganisationSize
    seed: int
    now: datetime
    workers: tuple[Worker, ...]
    devices: tuple[Device, ...]
    cases: tuple[CaseRow, ...] = field(repr=False)
    contacts: tuple[ContactRow, ...] = field(repr=False)
    assignments: tuple[AssignmentRow, ...] = field(repr=False)
    moments: tuple[MomentRow, ...] = field(repr=False)
    planted: tuple[tuple[str, str], ...] = field(repr=False)
    plot: Plot = field(repr=False)

    @property
    def books(self) -> Mapping[str, Sequence[bytes]]:
        """Worker -> the vCards in the worker's address book; each book is made when asked for."""
        return _Books(self)

    def cards(self, worker: str) -> Sequence[InventedCard]:
        """What is in a worker's book, before it is written as vCards."""
        refs = [each.ref for each in self.workers]
        return invent_cards(self.name, f"{self.kind}:{self.seed}", worker, refs, self.plot)

    def rows(self) -> Iterator[Row]:
        """The register as its source tells it."""
        yield from self.cases
        yield from self.contacts
        yield from self.assignments
        yield from self.moments

    def seen_at(self, now: datetime) -> Organisation:
        """The same organisation at another moment, at most two weeks after the one it was invented for."""
        return _view(self, now)


class _Books(Mapping[str, Sequence[bytes]]):
    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._workers = [worker.ref for worker in organisation.workers]

    def __getitem__(self, worker: str) -> Sequence[bytes]:
        if worker not in self._workers:
            raise KeyError(worker)
        return [write_card(card) for card in self._organisation.cards(worker)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._workers)

    def __len__(self) -> int:
        return len(self._workers)


def _sizes(kind: OrganisationSize, factor: float) -> Sizes:
    if kind is OrganisationSize.TINY:
        return Sizes(5, 8, 3 / 8, 0.0, 0.0, 8, 8, kept=1.0, odd_every=4)
    scale = factor * (0.1 if kind is OrganisationSize.CHAOS else 1.0)
    workers = max(4, round(130 * scale))
    sizes = Sizes(workers, workers, 0.10, 10_000 * scale, 4.5, 350, max(8, round(600 * scale)))
    if kind is OrganisationSize.CHAOS:
        sizes = replace(sizes, silent=0.12, reassigned=0.4, reopened=0.15, unconfirmed=0.08, private=60)
    return sizes


def invent(kind: OrganisationSize | str, *, seed: int, now: datetime, factor: float = 1.0) -> Organisation:
    """The organisation of this kind and number, seen at `now` (aware). factor: its size against that of DOMAIN 17."""
    kind = OrganisationSize(kind)
    now = now.astimezone(UTC)
    sizes = _sizes(kind, factor)
    rng = random.Random(f"{kind}:{seed}")  # noqa: S311  invented data, not secrets
    width = max(2, len(str(sizes.workers)))
    workers = tuple(
        Worker(f"worker-{index + 1:0{width}}", "front office" if index % 10 == 9 else "case worker")
        for index in range(sizes.workers)
    )
    silent = (
        {2, 5, 7}
        if kind is OrganisationSize.TINY
        else set(rng.sample(range(sizes.devices), round(sizes.devices * sizes.silent)))
    )
    devices = tuple(
        Device(f"device-{index + 1:0{width}}", workers[index % sizes.workers].ref, index in silent)
        for index in range(sizes.devices)
    )
    author = Author(rng, now, [worker.ref for worker in workers], sizes)
    if kind is OrganisationSize.TINY:
        tell_tiny(author)
    else:
        tell_years(author)
    planted = plant_incident(author) if kind is OrganisationSize.INCIDENT else ()
    by_worker: dict[str, list[int]] = {}
    for index, life in enumerate(author.lives):
        for worker in dict.fromkeys(row.worker for row in life.assignments):
            by_worker.setdefault(worker, []).append(index)
    directory, directory_ids = author.directory()
    plot = Plot(
        tuple(author.lives),
        directory,
        directory_ids,
        {worker: tuple(indexes) for worker, indexes in by_worker.items()},
        {worker: tuple(found) for worker, found in author.lookups.items()},
        sizes,
        now,
    )
    empty = Organisation(
        f"Invented organisation {kind}", kind, seed, now, workers, devices, (), (), (), (), planted, plot
    )
    return _view(empty, now)


def _view(organisation: Organisation, now: datetime) -> Organisation:
    """What the register says at this moment: nothing of what comes later, ends of assignments included."""
    plot = organisation.plot
    now = now.astimezone(UTC)
    cases: list[CaseRow] = []
    contacts = list(plot.directory)
    assignments: list[AssignmentRow] = []
    moments: list[MomentRow] = []
    for life in plot.lives:
        if life.opened > now:
            continue
        closed = max((at for at in life.closures if at <= now), default=None)
        opened = life.opened.astimezone(AMSTERDAM).date()
        cases.append(CaseRow(0, life.number, life.phase(now), opened, closed, life.recorded, life.service))
        contacts.extend(life.contacts)
        for row in life.assignments:
            if row.from_at <= now:
                over = row.until_at is not None and row.until_at <= now
                assignments.append(row if over else replace(row, until_at=None))
        if any(at <= now and then is Phase.MONITORING for at, then in life.phases):
            moments.extend(life.moments)
    return replace(
        organisation,
        now=now,
        cases=tuple(cases),
        contacts=tuple(contacts),
        assignments=tuple(assignments),
        moments=tuple(moments),
    )
