"""Vintages of a table: what was told of one period, by cohorts, and whether a revision may be told; pure, no I/O.

A figure is fixed when it is first told, to the people of that day. Those who were always counted alike are one
*cohort*; a vintage is a set of cohorts. A later vintage takes the place of a group's figures only if the rows of nobody
there changed, or of k people or more, against every earlier vintage: else the group stays as it was told (the problem
of differencing). What is shown of a vintage is decided once, over all vintages together (`disclosure.protect`), and
everything else is made from what is shown: no combination of reports tells more than these tables.

Terms and method: Hundepool and others, Statistical Disclosure Control (2012), chapters 4 (threshold rule, primary and
complementary cell suppression, merged categories) and 5 (differencing of linked and revised tables).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from server.core.reports.disclosure import Atom, Cell, Key, Release, Table, protect

NOBODY = 0
"""Stands for whoever an amount is of that could not be attributed: it may be anybody's."""
ALL = "*"
"""The group of all groups."""
LEAST_MARGIN = 3
"""By how many units a withheld figure, or a person's part of one, is uncertain at the least: by more than one."""
LEAST_COUNT = 4
"""No amount below this is shown, however small the smallest group is."""

Member: TypeAlias = tuple[int, str]
"""A person (our number), and the digest of what they had: another digest is another unknown."""
Figures: TypeAlias = Mapping[str, frozenset[str]]
"""By name, the cells that a figure sums."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one person had in one group. covered: phones or accounts of which something told."""

    person: int
    group: str
    digest: str
    amounts: Mapping[str, int] = field(repr=False)
    covered: int = 1


@dataclass(frozen=True, slots=True)
class Cohort:
    """People of one group who were always counted together, with their sums; it names nobody outside the server."""

    group: str
    members: frozenset[Member] = field(repr=False)
    amounts: Mapping[str, int] = field(repr=False)
    covered: int


@dataclass(frozen=True, slots=True)
class Vintage:
    """Which cohorts a vintage counts, and which figures of which groups are shown of it."""

    cohorts: frozenset[int]
    shown: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TableTold:
    """All that was told of one period and measure, oldest first."""

    cohorts: tuple[Cohort, ...] = ()
    vintages: tuple[Vintage, ...] = ()

    def amount(self, group: str, cells: Iterable[str]) -> int:
        """The sum of cells in a group (or `ALL`) by the newest vintage."""
        return sum(each.amounts.get(cell, 0) for each in self.in_group(group) for cell in cells)

    def covered(self, group: str) -> int:
        """How many phones or accounts the newest vintage counts in a group."""
        return sum(each.covered for each in self.in_group(group))

    def members(self) -> frozenset[Member]:
        """Whom the newest vintage counts, and with what."""
        return frozenset(member for each in self.in_group(ALL) for member in each.members)

    def shows(self, group: str, figure: str) -> bool:
        """Whether the newest vintage shows a figure of a group."""
        return bool(self.vintages) and (group, figure) in self.vintages[-1].shown

    def in_group(self, group: str) -> Sequence[Cohort]:
        """The cohorts of a group in the newest vintage."""
        if not self.vintages:
            return ()
        cohorts = [self.cohorts[at] for at in sorted(self.vintages[-1].cohorts)]
        return [each for each in cohorts if group in (ALL, each.group)]


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """k: the smallest group. unit: how many of an amount make one of what is printed. zeros: a nought is kept, too,
    unless nobody at all had any.
    """

    k: int
    unit: int = 1
    zeros: bool = True

    @property
    def least(self) -> int:
        """Amounts below this are withheld."""
        return max(self.k, LEAST_COUNT) * self.unit


def merge_small(sizes: Mapping[str, int], k: int) -> Mapping[str, str]:
    """For each team the group that it is told in: teams below k together, and if those are too few, with the smallest
    of the others (the first by name where several are). A group is called by its teams, in order.
    """
    small = sorted(name for name, size in sizes.items() if size < k)
    others = sorted((size, name) for name, size in sizes.items() if size >= k)
    while small and sum(sizes[name] for name in small) < k and others:
        small.append(others.pop(0)[1])
    together = " + ".join(name or "–" for name in sorted(small))
    return {name: together if name in small else name for name in sizes}


def revise(
    told: TableTold, parts: Sequence[Contribution], figures: Mapping[str, Figures], rule: ThresholdRule, known: Figures
) -> TableTold:
    """What is told from now on; the same object where nothing new may be told, or nothing changed.

    parts: what everybody has now, one for each person and group. figures: by table, tables sharing no cell. known: sums
    that everybody knows anyhow (each phone is one of these), by name.
    """
    now: defaultdict[str, dict[Member, Contribution]] = defaultdict(dict)
    for part in parts:
        now[part.group][part.person, part.digest] = part
    latest = _members(told, told.vintages[-1]) if told.vintages else {}
    moved = [
        group
        for group in sorted(now.keys() | latest.keys())
        if now[group].keys() != latest.get(group, frozenset()) and _may_move(told, group, frozenset(now[group]), rule)
    ]
    if not moved:
        return told
    cohorts, into = _refine(told.cohorts, {group: now[group] for group in moved})
    vintages = tuple(Vintage(_split(each.cohorts, into), each.shown) for each in told.vintages)
    counted = {at for at in (vintages[-1].cohorts if vintages else ()) if cohorts[at].group not in moved}
    counted |= {at for at, each in enumerate(cohorts) if each.group in moved and each.members <= now[each.group].keys()}
    shown: set[tuple[str, str]] = set()
    for table in figures.values():
        shown |= _protect(cohorts, vintages, frozenset(counted), table, rule, known)
    possible = {name for table in figures.values() for name, cells in table.items() if cells}
    if not vintages and not any(name in possible for _, name in shown):
        return told
    return TableTold(tuple(cohorts), (*vintages, Vintage(frozenset(counted), frozenset(shown))))


def _members(told: TableTold, vintage: Vintage) -> Mapping[str, frozenset[Member]]:
    found: defaultdict[str, set[Member]] = defaultdict(set)
    for at in vintage.cohorts:
        found[told.cohorts[at].group] |= told.cohorts[at].members
    return {group: frozenset(members) for group, members in found.items()}


def _may_move(told: TableTold, group: str, now: frozenset[Member], rule: ThresholdRule) -> bool:
    """Whether the rows of nobody changed, or of enough people, against everything that was told of the group."""
    for vintage in told.vintages:
        before = _members(told, vintage).get(group, frozenset())
        changed = {person for person, _ in before ^ now}
        if changed and len(changed) < rule.k:
            return False
    return True


def _refine(
    cohorts: Sequence[Cohort], now: Mapping[str, Mapping[Member, Contribution]]
) -> tuple[list[Cohort], Mapping[int, tuple[int, ...]]]:
    """Cohorts split into those whose rows are as they were and the others, and new ones; what each became."""
    found: list[Cohort] = []
    into: dict[int, tuple[int, ...]] = {}
    seen: defaultdict[str, set[Member]] = defaultdict(set)
    for at, cohort in enumerate(cohorts):
        present = now.get(cohort.group)
        here = cohort.members & present.keys() if present is not None else cohort.members
        seen[cohort.group] |= here
        if not here or here == cohort.members:
            into[at] = (len(found),)
            found.append(cohort)
            continue
        assert present is not None
        stayed = _cohort(cohort.group, {member: present[member] for member in here})
        left = Counter(cohort.amounts)
        left.subtract(stayed.amounts)
        into[at] = (len(found), len(found) + 1)
        gone = Cohort(cohort.group, cohort.members - here, dict(left), cohort.covered - stayed.covered)
        found += [stayed, gone]
    for group, present in sorted(now.items()):
        new = {member: part for member, part in present.items() if member not in seen[group]}
        if new:
            found.append(_cohort(group, new))
    return found, into


def _cohort(group: str, parts: Mapping[Member, Contribution]) -> Cohort:
    amounts: Counter[str] = Counter()
    for part in parts.values():
        amounts.update(part.amounts)
    return Cohort(group, frozenset(parts), dict(amounts), sum(part.covered for part in parts.values()))


def _split(cohorts: Iterable[int], into: Mapping[int, tuple[int, ...]]) -> frozenset[int]:
    return frozenset(new for old in cohorts for new in into[old])


def _protect(
    cohorts: Sequence[Cohort],
    vintages: Sequence[Vintage],
    counted: frozenset[int],
    table: Figures,
    rule: ThresholdRule,
    known: Figures,
) -> set[tuple[str, str]]:
    """Which figures of one table may be shown in the vintage of these cohorts, beside what was shown before."""
    everybody = frozenset(person for each in cohorts for person, _ in each.members)
    few = len({person for at in counted for person, _ in cohorts[at].members} - {NOBODY}) < rule.k
    names = frozenset(cell for cells in table.values() for cell in cells)
    names |= {cell for cells in known.values() if cells & names for cell in cells}
    # What nobody at all had is nought for everybody, and told as such: it is no unknown.
    used = {cell for cell in names if few or any(cohorts[at].amounts.get(cell) for at in counted)}

    def cells_of(some: Iterable[int]) -> dict[Atom, Cell]:
        return {
            (at, cell): Cell(cohorts[at].amounts.get(cell, 0), _people(cohorts[at], everybody))
            for at in some
            for cell in names
            if cell in used or cohorts[at].amounts.get(cell)
        }

    def atoms_of(some: Iterable[int], group: str, cells: Iterable[str], atoms: Mapping[Atom, Cell]) -> frozenset[Atom]:
        listed = list(cells)
        found = ((at, cell) for at in some if group in (ALL, cohorts[at].group) for cell in listed)
        return frozenset(each for each in found if each in atoms)

    earlier = []
    for each in vintages:
        atoms = cells_of(each.cohorts)
        figures = {
            (group, name): atoms_of(each.cohorts, group, table[name], atoms)
            for group, name in each.shown
            if name in table
        }
        earlier.append(Release(atoms, {key: value for key, value in figures.items() if value}, {}))
    atoms = cells_of(counted)
    groups = sorted({cohorts[at].group for at in counted})
    wanted: dict[Key, frozenset[Atom]] = {
        (group, name): atoms_of(counted, group, cells, atoms)
        for group in (*groups, ALL)
        for name, cells in table.items()
    }
    anyhow: dict[Key, frozenset[Atom]] = {name: atoms_of(counted, ALL, cells, atoms) for name, cells in known.items()}
    told = Release(atoms, {key: value for key, value in anyhow.items() if value}, {})
    safe = protect(
        Table(atoms, wanted),
        rule.k,
        [*earlier, told],
        least=rule.least,
        margin=LEAST_MARGIN * rule.unit,
        zeros=rule.zeros,
        secret=[key for key in wanted if _moved_little(key, earlier, atoms, wanted[key], rule.least)],
    )
    return {(str(key[0]), str(key[1])) for key in safe.shown if isinstance(key, tuple)}


def _moved_little(
    key: Key, earlier: Iterable[Release], atoms: Mapping[Atom, Cell], now: frozenset[Atom], least: int
) -> bool:
    """Whether a figure moved by little against what was shown of it: rows only ever come in, mostly."""
    amount = sum(atoms[atom].amount for atom in now)
    before = [sum(each.atoms[atom].amount for atom in each.shown[key]) for each in earlier if key in each.shown]
    return any(0 < abs(amount - old) < least for old in before)


def _people(cohort: Cohort, everybody: frozenset[int]) -> frozenset[int]:
    """Whom a cohort's figure is about; what is nobody's may be anybody's."""
    people = frozenset(person for person, _ in cohort.members)
    return everybody if NOBODY in people else people
