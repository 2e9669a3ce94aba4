"""The organisation `tiny`: sixty cases that tell the whole story, each answer of the need table at least once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from server.core.model import Phase
from server.sources.invented.lives import Author, InventedPerson

CASES = 60
_Moments = Sequence[tuple[str, date]]
_Spells = Sequence[tuple[str, datetime, datetime | None]]


def tell_tiny(author: Author) -> None:
    """Sixty cases of five workers; days are counted back from the author's today."""
    tale = _Tale(author)
    tale.kept_while_open()
    tale.monitored()
    tale.closed()
    tale.for_a_person()
    tale.handed_over()
    tale.shared_and_returned()
    tale.looked_up()
    tale.closed_tomorrow()
    tale.closed_long_ago()


class _Tale:
    def __init__(self, author: Author) -> None:
        self.author = author
        self.workers = author.workers

    def ago(self, days: int) -> date:
        return self.author.today - timedelta(days=days)

    def morning(self, days: int) -> datetime:
        return self.author.at(self.ago(days), 9 * 60 + 30)

    def night(self, days: int) -> datetime:
        """The first instant of that day."""
        return self.author.at(self.ago(days))

    def case(
        self,
        worker: str,
        opened: int,
        steps: Sequence[tuple[int, Phase]] = (),
        *,
        closed: int | None = None,
        confirmed: bool = True,
        household: Sequence[InventedPerson] | None = None,
        workers: _Spells = (),
        moments: _Moments = (),
        recorded: bool | None = True,
    ) -> int:
        """A case reported `opened` days ago, its later steps, and its closure at the end of a day."""
        told = [(self.morning(opened), Phase.TRIAGE), *((self.morning(days), phase) for days, phase in steps)]
        closures = []
        if closed is not None:
            told.append((self.night(closed - 1), Phase.CLOSED))
            closures = [self.night(closed - 1)] if confirmed else []
        return self.author.life(
            self.morning(opened),
            told,
            workers or [(worker, self.night(opened), None)],
            self.author.people(household or self.author.household()),
            closures=closures,
            moments=moments,
            recorded=recorded,
        )

    def kept_while_open(self) -> None:
        """Assigned, in each phase in which the work needs the number."""
        one, two, three, four, five = self.workers
        self.case(one, 3)
        for days, worker, phase in (
            (30, one, Phase.WAITING),
            (40, two, Phase.INVESTIGATION),
            (50, three, Phase.CONDITIONS_FOLLOWUP),
            (70, four, Phase.TRANSFER_PENDING),
            (2, five, Phase.ADVICE_OPEN),
        ):
            self.case(worker, days, [(days - 1, phase)])

    def monitored(self) -> None:
        """Kept around a planned contact, else gone until the next one."""
        one, two, three, four, five = self.workers
        near = ((one, 91), (two, 90), (five, 366))
        far = ((one, 200), (two, 210), (three, 220), (four, 190), (five, 230))
        for worker, days in (*near, *far):
            moments = [(worker, self.ago(days - 91)), (worker, self.ago(days - 365))]
            self.case(worker, days + 40, [(days, Phase.MONITORING)], moments=moments)

    def closed(self) -> None:
        """Finally closed: just now, so that grace runs; long ago; and on the day of the report itself."""
        one, two, _, four, five = self.workers
        for worker, days in ((one, 1), (two, 2), (four, 3)):
            self.case(worker, 60, closed=days)
        for nth in range(17):
            steps = [(390 + 20 * nth, Phase.INVESTIGATION)]
            self.case(self.workers[nth % 5], 400 + 20 * nth, steps, closed=60 + 17 * nth)
        same_day = self.author.at(self.ago(95), 16 * 60 + 35)
        self.author.life(
            self.morning(95),
            [(self.morning(95), Phase.TRIAGE), (same_day, Phase.CLOSED)],
            [(five, self.night(95), None), (one, self.night(95), None)],
            self.author.people(self.author.household()),
            closures=[same_day],
        )

    def for_a_person(self) -> None:
        """Not recorded in the case file; closed by status only; nobody knows whose number it is; a former number."""
        one, two, three, four, five = self.workers
        self.case(two, 300, closed=120, recorded=False)
        self.case(three, 310, closed=130, recorded=None)
        self.case(four, 280, closed=100, confirmed=False)
        self.case(five, 290, closed=110, confirmed=False)
        unsure = [replace(person, linked=False) for person in self.author.household(2)]
        self.case(one, 250, closed=90, household=unsure)
        for worker, days in ((one, 900), (two, 20)):
            person = replace(self.author.household(2)[0], former=((self.author.identifier(), self.ago(days)),))
            self.case(worker, 1000, closed=70, household=[person])

    def handed_over(self) -> None:
        """To a colleague, long ago and two days ago, while the case goes on; and a closed case opened again."""
        one, two, three, four, five = self.workers
        for before, after, days in ((one, two, 60), (three, four, 75), (five, one, 2)):
            workers = [(before, self.night(120), self.night(days)), (after, self.night(days), None)]
            self.case(before, 120, [(100, Phase.INVESTIGATION)], workers=workers)
        self.author.life(
            self.morning(400),
            [(self.morning(400), Phase.TRIAGE), (self.night(299), Phase.CLOSED), (self.morning(10), Phase.TRIAGE)],
            [(two, self.night(400), None)],
            self.author.people(self.author.household(2)),
            closures=[self.night(299)],
        )

    def shared_and_returned(self) -> None:
        """One number in an open case of one worker and a closed case of another; a family that came back."""
        one, two, three, four, five = self.workers
        for closed_worker, open_worker in ((two, one), (four, five)):
            shared = self.author.household(2)
            self.case(closed_worker, 500, closed=200, household=shared)
            self.case(open_worker, 20, [(15, Phase.INVESTIGATION)], household=shared)
        family = self.author.household(3)
        self.case(three, 800, closed=420, household=family)
        self.case(three, 12, household=family)

    def looked_up(self) -> None:
        """Kept without ever being assigned: from a colleague's open case, a monitored one, and one closed long ago."""
        one, _, three, four, _ = self.workers
        moments = [(four, self.ago(109)), (four, self.ago(-165))]
        for index in (
            self.case(four, 25, [(20, Phase.INVESTIGATION)]),
            self.case(four, 240, [(200, Phase.MONITORING)], moments=moments),
            self.case(one, 600, closed=300),
        ):
            identifier = self.author.lives[index].people[0].identifiers[0]
            self.author.lookups.setdefault(three, []).append((index, identifier))

    def closed_tomorrow(self) -> None:
        """Closed in the day after: a second day has something to do."""
        one, _, three, _, _ = self.workers
        soon = self.author.now.replace(second=0, microsecond=0) + timedelta(hours=9)
        for worker in (one, three):
            self.author.life(
                self.morning(80),
                [(self.morning(80), Phase.TRIAGE), (soon, Phase.CLOSED)],
                [(worker, self.night(80), None)],
                self.author.people(self.author.household()),
                closures=[soon],
            )

    def closed_long_ago(self) -> None:
        """The rest of the sixty."""
        while len(self.author.lives) < CASES:
            nth = len(self.author.lives)
            self.case(self.workers[nth % 5], 700 + nth, closed=365 + nth)
