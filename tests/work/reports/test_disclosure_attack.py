"""Somebody with a linear programme and all reports that were made tries to pin what was withheld as a small count.

Not a line of `server.core.reports.disclosure` is used for the attack: unknowns are what a report counts, none below
nought; every figure that was printed, and how many devices there are, is an equation. What lies between the least and
the most that these allow is what the attacker learns (scipy's HiGHS).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.optimize import linprog

from server.core.reports.disclosure import Atom, Cell, Protected, Release, Table, cross_table, protect
from server.core.usage.declarations import Cause, DeclarationState, UsageOutcome
from server.core.usage.model import Confidence, Quantity
from server.work.reports import counted as summaries
from server.work.usage import declarations
from tests.campaigns import Draws

K = 5
Equation = tuple[frozenset[Any], int]


def equations(releases: Iterable[Release]) -> list[Equation]:
    """What these tell: each shown figure is the sum of its parts. A part that was corrected is another unknown."""
    return [
        (frozenset((atom, each.atoms[atom].amount) for atom in atoms), sum(each.atoms[atom].amount for atom in atoms))
        for each in releases
        for atoms in each.shown.values()
        if atoms
    ]


def span(group: frozenset[Any], told: Sequence[Equation]) -> tuple[float, float]:
    """The least and the most that a group can be."""
    unknowns = sorted({each for atoms, _ in told for each in atoms} | group, key=repr)
    at = {each: n for n, each in enumerate(unknowns)}
    goal = np.zeros(len(unknowns))
    goal[[at[each] for each in group]] = 1
    left = np.zeros((len(told), len(unknowns)))
    for row, (atoms, _) in enumerate(told):
        left[row, [at[each] for each in atoms]] = 1
    right = [amount for _, amount in told]
    ends = []
    for sign in (1, -1):
        found = linprog(sign * goal, A_eq=left if told else None, b_eq=right if told else None, bounds=(0, 10_000))
        assert found.success
        ends.append(sign * found.fun)
    return ends[0], ends[1]


def pinned(known: Sequence[Release], releases: Sequence[Release]) -> list[tuple[Any, float, float]]:
    """Small figures that were withheld, and that an attacker knows to within less than one."""
    told = equations([*known, *releases])
    found = []
    for each in releases:
        for key, atoms in each.withheld.items():
            group = frozenset((atom, each.atoms[atom].amount) for atom in atoms)
            if 0 < sum(amount for _, amount in group) < K:
                low, high = span(group, told)
                if high - low < 1 - 1e-6:
                    found.append((key, low, high))
    return found


def devices(random: Random, many: int) -> list[SimpleNamespace]:
    """An invented register: each device with its paper, its loan and its talk."""
    states = random.choices(list(DeclarationState), weights=[random.random() ** 3 for _ in DeclarationState], k=many)
    return [
        SimpleNamespace(
            standing=SimpleNamespace(state=state, loan_agreement=random.random() < 0.85),
            conversation=None if random.random() < 0.3 else "a day",
            conversation_due=SimpleNamespace(isoformat=lambda: "2027-01-01"),
        )
        for state in states
    ]


def evidence(random: Random, many: int) -> list[SimpleNamespace]:
    weights = [random.random() ** 3 for _ in UsageOutcome]
    return [
        SimpleNamespace(
            quantity=quantity,
            outcome=random.choices(list(UsageOutcome), weights=weights)[0],
            causes=random.choice([(), (random.choice(list(Cause)),)]),
            confidence=random.choice([None, Confidence.MEASURED]),
            contested=random.random() < 0.1,
        )
        for _ in range(many)
        for quantity in (Quantity.CALLS, Quantity.MEGABYTES)
    ]


def declared(random: Random, many: int, before: Sequence[Release], day: int) -> tuple[Protected, Release]:
    """A report on declarations as it is made, and what everybody knows besides."""
    counts: Mapping[tuple[str, ...], int] = declarations._count(
        devices(random, many),  # type: ignore[arg-type]
        evidence(random, many),  # type: ignore[arg-type]
        (f"2026-0{day}-01", f"2026-0{day}-28"),
        f"2026-0{day}-28",
    )
    table = declarations._table({key: Cell(count, frozenset(range(many))) for key, count in counts.items()})
    known = declarations._known(table, "devices")
    return protect(table, K, [*before, known], least=K), known


def test_no_small_count_of_devices_is_pinned_by_any_pair_of_reports_on_declarations(draws: Draws) -> None:
    for random in draws(5):
        many = random.choice([7, 21, 52])
        made: list[Protected] = []
        known: list[Release] = []
        for day in (1, 2, 3):
            safe, anyhow = declared(random, many, [each.release for each in made], day)
            made.append(safe)
            known.append(anyhow)
            assert not [key for key, amount in safe.shown.items() if 0 < amount < K]
        for pair in combinations(range(3), 2):
            assert pinned([known[n] for n in pair], [made[n].release for n in pair]) == []


def removed(random: Random, teams: Sequence[str], months: Sequence[str]) -> Mapping[tuple[Any, ...], Cell]:
    people = {team: frozenset(range(n * 20, n * 20 + random.choice([3, 6, 9, 14]))) for n, team in enumerate(teams)}
    return {
        (team, month, reason): Cell(random.choice([0, 0, 1, 2, 3, 8, 40]), people[team])
        for team in teams
        for month in months
        for reason in ("closed", "ended")
    }


def test_no_small_count_is_pinned_by_any_pair_of_councils_reports_with_what_management_is_told(draws: Draws) -> None:
    for random in draws(5):
        months = [f"2026-{n:02}" for n in range(1, 10)]
        every = removed(random, ["north", "east", "south", "west"], months)
        everyone = frozenset().union(*(cell.people for cell in every.values()))
        releases: list[Release] = []
        known: list[Release] = []
        for first in (0, 3):  # two half-years that overlap by a quarter
            mine, label = months[first : first + 6], f"from {months[first]}"
            cells = {key: cell for key, cell in every.items() if key[1] in mine}
            table = cross_table("removed", cells, {1: dict.fromkeys(mine, label)})
            counted: dict[Atom, Cell] = {
                (what, label, kind): Cell(random.choice([0, 0, 1, 2, 4, 7, 30]), everyone)
                for what in ("opened", "closed", "recorded", "standing")
                for kind in ("one", "two", "three")
            }
            whole = Table({**table.atoms, **counted}, {**table.figures, **{key: frozenset({key}) for key in counted}})
            known.append(summaries._told_elsewhere(whole))
            safe = protect(whole, K, [*releases, known[-1]], least=K)
            assert not [key for key, amount in safe.shown.items() if 0 < amount < K]
            releases.append(safe.release)
        assert pinned(known, releases) == []


def test_the_attacker_finds_what_an_unprotected_table_gives_away() -> None:
    everyone = frozenset(range(20))
    table = cross_table("devices", {("valid",): Cell(18, everyone), ("missing",): Cell(2, everyone)})
    shown = {key: atoms for key, atoms in table.figures.items() if key != ("devices", "missing")}
    open_ = Release(table.atoms, shown, {("devices", "missing"): table.figures["devices", "missing"]})
    assert pinned([], [open_]) == [(("devices", "missing"), 2.0, 2.0)]
    assert pinned([], [protect(table, K, [], least=K).release]) == []
