"""The game: somebody sees for 120 days all that a role may see, and guesses whether there was a hold.

What a role may see is proven elsewhere: the same as if the held contact had been taken out by its worker
(`tests/work/removal/test_never_there.py`, decision 0075). So all that tells is that a removal does not happen, or
happens late once the hold has ended. Here an organisation lives with and without a hold, and an adversary, written from
the rules of who may see what and not from our code, practises on games of its own, picks what told most, and then
guesses. One run serves all roles. Each leak that was once there, put back, lets it win.

Out of the game: a worker with the phone in hand, whoever reads the store itself, and whoever knows from elsewhere that
a contact is on a phone (SECURITY.md).
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from server.core.model import REMOVALS, ContactClass, Link, Phase, Role
from server.core.policy.model import Policy
from server.core.removal.need import decide

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
BEFORE, DAYS = 20, 120
"""Days that went by before anybody looked, and days on which they look."""
WORKERS = 40
A_DAY = 16
"""Cases closed on a working day, at most; half as many on the average."""
QUIET = range(BEFORE + 50, BEFORE + 71)
"""Three weeks in summer in which no case is closed."""
GUESSES = 200
AT_MOST = 120
"""Right by chance alone with p = 0.003."""
AT_LEAST = 190
POLICY = Policy(
    version="rules-1",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=7,
    require_recorded=False,
    former_number_days=365,
    tombstone_days=365,
    max_removals=1000,
    max_share=1.0,
    max_closures_factor=10.0,
)
WITHOUT_GRACE = replace(POLICY, grace_days=0)


@cache
def goes(ago: int, *, held: bool, grace: bool = True) -> bool:
    """Whether a contact goes so many days after its case was closed, by our rules."""
    link = Link(
        1, ContactClass.CLIENT, Phase.CLOSED, START, was_assigned=True, closed_at=START - timedelta(ago), recorded=True
    )
    policy = POLICY if grace else WITHOUT_GRACE
    return decide([link], policy, START, START - timedelta(400), held=held).decision in REMOVALS


@dataclass(frozen=True)
class Contact:
    """In an address book. closed: the day of its case's closure; found: from when on it is seen there, mostly earlier;
    taken: the day on which its worker takes it out; held: the days on which a hold covers it.
    """

    nth: int
    case: int
    worker: int
    closed: int
    found: int
    taken: int | None
    held: range

    def gone(self) -> int | None:
        """The day on which it is removed by us; None: it never is."""
        day = max(self.closed, self.found)
        while not goes(day - self.closed, held=day in self.held):
            day = self.held.stop if day in self.held else day + 1
        return day if self.taken is None or day < self.taken else None


@dataclass(frozen=True)
class Removal:
    """One that happened, with all that any role is shown of it."""

    day: int
    case: int
    worker: int
    late: bool


@dataclass
class Seen:
    """Closures by case, worker and day, as who knows the register has them, and removals. leaks: of what nobody is
    shown, what once was, as it stood on each day.
    """

    closures: dict[int, tuple[int, int]]
    asked: int = 0
    """The case whose client asks about their number: the one that is held, or any that was closed then."""
    removals: list[Removal] = field(default_factory=list)
    leaks: dict[str, list[Any]] = field(default_factory=dict)


def drawn(dice: Random, held: str) -> tuple[dict[int, tuple[int, int]], list[Contact]]:
    """Cases with worker and day of closure, and contacts. held: "case", "worker", or nothing."""
    cases: dict[int, tuple[int, int]] = {}
    contacts: list[Contact] = []
    paces = [dice.choice((1, 1, 2, 3, 4)) for _ in range(WORKERS)]
    chosen = dice.choices(range(WORKERS), paces)[0]
    set_on, size = BEFORE + dice.randrange(25), dice.choice((1, 2, 3))
    ends = BEFORE + DAYS + 400 if dice.random() < 0.6 else set_on + dice.randrange(72, 95)
    for day in range(BEFORE + DAYS):
        if day % 7 > 4 or day in QUIET:
            continue
        for _ in range(sum(dice.random() < 0.5 for _ in range(A_DAY))):
            worker, case = dice.choices(range(WORKERS), paces)[0], len(cases)
            covered = range(0)
            if held == "worker" and worker == chosen:
                covered = range(set_on, ends)
            cases[case] = worker, day
            for _ in range(dice.choice((0, 0, 1, 1, 2, 3))):
                contacts.append(_contact(dice, len(contacts), case, worker, day, covered))
    if held == "case":
        at = next(nth for nth, each in enumerate(contacts) if each.closed >= set_on)
        case = contacts[at].case
        of_case = [nth for nth, each in enumerate(contacts) if each.case == case][:size]
        for nth in of_case:
            contacts[nth] = replace(contacts[nth], held=range(set_on, ends), taken=None)
    return cases, contacts


def _contact(dice: Random, nth: int, case: int, worker: int, day: int, covered: range) -> Contact:
    """One in ten is taken out by its worker in the days of grace; one in thirty is found long after the closure."""
    found = day + dice.randrange(90) if dice.random() < 1 / 30 else day
    taken = day + dice.randrange(1, 14) if dice.random() < 0.1 else None
    return Contact(nth, case, worker, day, found, taken, covered)


def play(dice: Random, held: str, *, spy: bool = False) -> Seen:
    """One organisation over all those days. spy: also what once leaked."""
    cases, contacts = drawn(dice, held)
    seen = Seen(closures=cases)
    for each in contacts:
        day = each.gone()
        if day is not None and BEFORE <= day < BEFORE + DAYS:
            seen.removals.append(Removal(day, each.case, each.worker, day > each.closed + POLICY.grace_days + 1))
    if spy:
        seen.leaks = _leaks(contacts)
    begun = [case for case, (_, day) in cases.items() if BEFORE <= day < BEFORE + 25]
    seen.asked = next((each.case for each in contacts if each.held), dice.choice(begun))
    return seen


def _leaks(contacts: Sequence[Contact]) -> dict[str, list[Any]]:
    """What was shown of each day of those that are there and postponed."""
    days = range(BEFORE, BEFORE + DAYS)
    there: list[list[Contact]] = [[] for _ in range(days.stop)]
    for each in contacts:
        ends = [day for day in (each.gone(), each.taken) if day is not None]
        for day in range(max(each.closed, each.found), min([*ends, days.stop])):
            there[day].append(each)
    told: dict[str, list[Any]] = {name: [] for name in BETRAYS}
    for day in days:
        ages = [day - each.closed for each in there[day]]
        tried = [goes(day - each.closed, held=day in each.held, grace=False) for each in there[day]]
        told["the count of a draft without grace"].append(tried.count(False))
        told["ids of the postponed"].append([each.nth for each in there[day]])
        told["the age of what is postponed"].append(max(ages, default=0))
        told["no moment at which it is decided again"].append(any(goes(age, held=False) for age in ages))
        told["exact counts"].append(len(ages))
    return told


def _stays_too_long(told: Sequence[Sequence[int]]) -> bool:
    """Whether an id is there for more days than the grace has."""
    days = Counter(nth for ids in told for nth in ids)
    return max(days.values(), default=0) > POLICY.grace_days + 1


BETRAYS: Mapping[str, Callable[[Sequence[Any]], bool]] = {
    "the count of a draft without grace": any,
    "ids of the postponed": _stays_too_long,
    "the age of what is postponed": lambda told: max(told) > POLICY.grace_days,
    "no moment at which it is decided again": any,
    "exact counts": lambda told: 0 not in told[QUIET.start + 15 - BEFORE : QUIET.stop - BEFORE],
}
"""What the adversary makes of each leak, by the rules alone."""

# --- what roles work out ---------------------------------------------------------------------------------------------

Told = dict[str, float]


def of_counts(seen: Seen) -> Told:
    """Who has figures by the day and by the month, and knows how many cases closed: line managers, supervisors, API
    clients, readers of metrics, receivers of mail and webhooks.
    """
    by_day = Counter(each.day for each in seen.removals)
    late = [each for each in seen.removals if each.late]
    closed = Counter(day for _, day in seen.closures.values())
    rates = []
    for first in range(BEFORE, BEFORE + DAYS, 30):
        removed = sum(by_day[day] for day in range(first, first + 30))
        closures = sum(closed[day - POLICY.grace_days] for day in range(first, first + 30))
        rates.append(removed / max(1, closures))
    return {
        "removals": len(seen.removals),
        "removals for each closure": len(seen.removals) / max(1, len(seen.closures)),
        "least of a month": min(rates),
        "fall from first to last": rates[0] - rates[-1],
        "late": len(late),
        "most late on one day": max(Counter(each.day for each in late).values(), default=0),
        "days with closures and no removal": sum(
            closed[day - POLICY.grace_days] > 0 and not by_day[day] for day in range(BEFORE, BEFORE + DAYS)
        ),
    }


def of_books(seen: Seen) -> Told:
    """Who also has removals by address book: auditors, the data-protection officer, IT administrators, readers of the
    log and its feeds.
    """
    days: dict[int, list[int]] = defaultdict(list)
    for each in seen.removals:
        days[each.worker].append(each.day)
    rests = {
        book: max(after - before for before, after in pairwise([BEFORE, *sorted(on), BEFORE + DAYS]))
        for book, on in days.items()
    }
    odd = {book: rest * len(days[book]) / DAYS for book, rest in rests.items() if len(days[book]) > 3}
    return of_counts(seen) | {
        "longest rest of a book": max(rests.values(), default=0),
        "longest rest against its pace": max(odd.values(), default=0),
        "rest at the end against its pace": max(
            ((BEFORE + DAYS - max(on)) * len(on) / DAYS for on in days.values() if len(on) > 3), default=0
        ),
        "books with little": sum(len(on) < 3 for on in days.values()),
        "spread of books": statistics.pstdev([len(on) for on in days.values()]) if days else 0,
    }


def of_cases(seen: Seen) -> Told:
    """Who also has case numbers and knows the register: privacy officers."""
    by_case: dict[int, list[int]] = defaultdict(list)
    for each in seen.removals:
        by_case[each.case].append(each.day)
    ended = {
        case: (worker, day)
        for case, (worker, day) in seen.closures.items()
        if BEFORE <= day + POLICY.grace_days < BEFORE + DAYS - 1
    }
    without = [case for case in ended if case not in by_case]
    of_worker = Counter(ended[case][0] for case in ended)
    lacking = Counter(ended[case][0] for case in without)
    took = [
        max(days) - seen.closures[case][1] for case, days in by_case.items() if max(days) > seen.closures[case][1] + 15
    ]
    return of_books(seen) | {
        "cases without a removal": len(without),
        "share of cases without": len(without) / max(1, len(ended)),
        "most of a worker without": max(
            (lacking[each] / count for each, count in of_worker.items() if count > 4), default=0
        ),
        "worst of a worker": max((lacking[each] - 0.4 * count for each, count in of_worker.items()), default=0),
        "longest that one took": max(took, default=0),
        "long ones": sum(each > 40 for each in took),
        "cases in two parts": sum(max(days) - min(days) > 20 for days in by_case.values()),
    }


def of_letters(seen: Seen) -> Told:
    """Who asks each week about the number of one case, as its client or for them, and sees nothing else."""
    days = [each.day for each in seen.removals if each.case == seen.asked]
    closed = seen.closures[seen.asked][1]
    return {"weeks until gone": (max(days, default=BEFORE + DAYS + 7) - closed) // 7}


SEES: Mapping[Role, Callable[[Seen], Told]] = {
    Role.PRIVACY_OFFICER: of_cases,
    Role.AUDITOR: of_books,
    Role.DATA_PROTECTION_OFFICER: of_books,
    Role.IT_ADMINISTRATOR: of_books,
    Role.LINE_MANAGER: of_counts,
    Role.WORK_SUPERVISOR: of_counts,
    Role.CASE_SYSTEM: of_counts,
}
"""The worker has the phone in hand; who is cleared for holds sees them."""


@dataclass(frozen=True)
class Judge:
    """A way to guess: a hold, if what was worked out is above (or below) the edge."""

    name: str
    edge: float
    above: bool

    def says(self, told: Told) -> bool:
        return (told[self.name] >= self.edge) is self.above


def practise(played: Sequence[tuple[Told, bool]]) -> Judge:
    """What would have guessed best in these games."""
    judges = [
        Judge(name, edge, above)
        for name in played[0][0]
        for edge in sorted({told[name] for told, _ in played})[:: max(1, len(played) // 60)]
        for above in (True, False)
    ]
    return max(judges, key=lambda judge: sum(judge.says(told) is truth for told, truth in played))


def games(seed: str, count: int, held: str, *, spy: bool = False) -> list[tuple[Seen, bool]]:
    """So many games, with and without a hold by the toss of a coin."""
    truths = [Random(f"{seed} {nth} truth").random() < 0.5 for nth in range(count)]
    return [(play(Random(f"{seed} {nth}"), held if truth else "", spy=spy), truth) for nth, truth in enumerate(truths)]


def guessed_right(seed: str, held: str, guesses: int = GUESSES) -> dict[str, int]:
    """How many guesses are right after some practice, by what a role sees."""
    practice, real = games(f"{seed} practice", guesses // 2, held), games(seed, guesses, held)
    right = {}
    for sees in (of_counts, of_books, of_cases):
        judge = practise([(sees(seen), truth) for seen, truth in practice])
        right[sees.__name__] = sum(judge.says(sees(seen)) is truth for seen, truth in real)
    return right


def test_no_role_guesses_a_hold_on_a_case_better_than_by_chance(draws):
    played: list[int] = []
    for dice in draws(1):
        right = guessed_right(str(dice.random()), "case")
        played.append(max(right.values()))
        assert statistics.fmean(played) <= AT_MOST, right
        assert played[-1] <= AT_MOST + 12, right  # a campaign plays often


def test_a_hold_on_a_worker_is_noticed_by_who_adds_up_removals_as_the_manual_says():
    right = guessed_right("worker", "worker", guesses=100)
    assert min(right.values()) > 62, right


def test_a_hold_on_a_case_is_noticed_by_its_client_who_asks_each_week_as_the_manual_says():
    practice, real = games("letters practice", 40, "case"), games("letters", 60, "case")
    judge = practise([(of_letters(seen), truth) for seen, truth in practice])
    right = sum(judge.says(of_letters(seen)) is truth for seen, truth in real)
    assert 38 < right < 54  # three of four, about


@pytest.fixture(scope="module")
def watched() -> list[tuple[Seen, bool]]:
    return games("leaks", GUESSES, "case", spy=True)


@pytest.mark.parametrize("leak", BETRAYS)
def test_each_leak_that_was_there_once_lets_the_adversary_win(watched, leak):
    right = sum(BETRAYS[leak](seen.leaks[leak]) is truth for seen, truth in watched)
    assert right >= AT_LEAST


def test_every_role_is_in_the_game_or_out_of_it_for_a_reason():
    assert set(Role) - set(SEES) == {Role.WORKER, Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR}
