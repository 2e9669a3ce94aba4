"""Which figures of a table may be shown: small cells, what could be worked out from others, and from earlier reports.

A figure is a sum over *atoms*, the smallest things that are ever counted (a measure, a team, a month, a counterparty).
Everything that was ever shown is a linear equation over atoms, so rows, columns, totals, a quarter beside its months
and a team beside its organisation are all one kind of thing, within one table and across reports.

A figure about fewer than k people is withheld, and so is a count of 1 to k - 1 where what is counted may each be
somebody (`least`): "2 devices without a declaration" is about two people, however large the team. Then more is withheld
until two things hold:

- No sum or difference of what was ever shown, however many figures and reports it takes, is about fewer than k people.
- For every small figure, and every smallest part that reports tell apart, there is another set of whole numbers, none
  below zero, that agrees with all that was ever shown and differs there by enough. That other set is really made, in
  exact arithmetic, and not assumed: a reader with pencil and patience cannot tell the two apart.

Limits, to be said where reports are made: a reader who knows figures from elsewhere (the worker who is one of two in a
cell) knows more; nothing is said of a single person who makes up most of a large cell; a zero about enough people tells
of each of them, also of few that only a later report names; nothing is rounded.
Literature: Willenborg and de Waal, Elements of Statistical Disclosure Control (2001), chapter 4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import ceil, inf, lcm
from types import MappingProxyType
from typing import Any, TypeAlias

Atom: TypeAlias = Hashable
Key: TypeAlias = Hashable
TOTAL = None
"""Stands in a figure's key where it is summed over that axis."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One atom: how much, and whom it is about (our opaque numbers; they never leave with a report).

    people: all whom the figure is about, also those who did nothing: the team, not only its users. ValueError: an
    amount below zero, or one about nobody.
    """

    amount: int
    people: frozenset[int]

    def __post_init__(self) -> None:
        if self.amount < 0 or (self.amount and not self.people):
            raise ValueError("an amount is not below zero and is about somebody")


@dataclass(frozen=True, slots=True)
class Table:
    """What one would like to show. figures: for each key the atoms that it sums. ValueError: an atom without a cell."""

    atoms: Mapping[Atom, Cell]
    figures: Mapping[Key, frozenset[Atom]]

    def __post_init__(self) -> None:
        if not all(atoms <= self.atoms.keys() for atoms in self.figures.values()):
            raise ValueError("a figure sums atoms that have no cell")


@dataclass(frozen=True, slots=True)
class Release:
    """What one report showed and withheld: the memory that the next report is held against."""

    atoms: Mapping[Atom, Cell] = field(repr=False)
    shown: Mapping[Key, frozenset[Atom]]
    withheld: Mapping[Key, frozenset[Atom]]


@dataclass(frozen=True, slots=True)
class Protected:
    """What may be shown. Why a figure is withheld is not told: that would help to work it out.

    release: to be remembered, in the same transaction, if and only if this is shown to anybody.
    """

    shown: Mapping[Key, int]
    withheld: frozenset[Key]
    release: Release = field(repr=False)


def cross_table(
    name: str,
    cells: Mapping[tuple[Hashable, ...], Cell],
    roll_up: Mapping[int, Mapping[Any, Hashable]] | None = None,
) -> Table:
    """A table of all its cells and all its totals, from the finest cells there are.

    name: the measure; figures of one measure and period share atoms across reports, so it must stay the same. cells:
    by coordinates, the same number in each. roll_up: for an axis, what each coordinate is shown under (a month under
    its quarter). Keys of figures are (name, coordinate or TOTAL, ...).
    """
    figures: defaultdict[tuple[Hashable, ...], set[Atom]] = defaultdict(set)
    for coordinates in cells:
        seen = tuple((roll_up or {}).get(axis, {}).get(each, each) for axis, each in enumerate(coordinates))
        for choice in product(*((each, TOTAL) for each in seen)):
            figures[name, *choice].add((name, *coordinates))
    return Table(
        {(name, *coordinates): cell for coordinates, cell in cells.items()},
        {key: frozenset(atoms) for key, atoms in figures.items()},
    )


def protect(
    table: Table,
    k: int,
    released: Iterable[Release],
    *,
    spread: Decimal = Decimal("0.2"),
    least: int = 0,
    margin: int = 1,
    zeros: bool = False,
    secret: Collection[Key] = (),
) -> Protected:
    """What of the table may be shown, beside all that was shown before.

    k: a figure about fewer people is withheld; at least 2. spread: a withheld figure must be uncertain by at least this
    share of itself, and by at least `margin`. least: a figure above nought and below this is withheld too (threshold
    rule); with zeros, nought itself as well: it tells of each whom it is about. secret: figures to withhold whatever
    they are. The same table gives the same answer. ValueError: k below 2.
    """
    if k < 2:
        raise ValueError("a group of one is no group")
    problem = _Problem(table, k, list(released), _Rule(Fraction(spread), least, margin, zeros, frozenset(secret)))
    shown = problem.solve()
    release = Release(
        atoms=MappingProxyType(dict(table.atoms)),
        shown=MappingProxyType({key: atoms for key, atoms in table.figures.items() if key in shown}),
        withheld=MappingProxyType({key: atoms for key, atoms in table.figures.items() if key not in shown}),
    )
    amounts = {
        key: sum(table.atoms[atom].amount for atom in table.figures[key]) for key in table.figures if key in shown
    }
    return Protected(MappingProxyType(amounts), frozenset(release.withheld), release)


# --- from atoms to blocks -------------------------------------------------------------------------------------------

_Number: TypeAlias = "int | Fraction"
_Variable: TypeAlias = tuple[Atom, int]
"""An atom with its amount. A corrected atom is another unknown than it was, about the same people: so the difference of
a report and its correction is a sum like any other, and not shown if it is about few."""
_Blocks: TypeAlias = frozenset[int]
MOST_CROWDS = 20_000
"""More sets of few people than this in one table are a mistake in its atoms (one for each person, say)."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A sum that is or may be shown. key: None for one that was shown before and cannot be taken back."""

    blocks: _Blocks
    key: Key | None


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a figure is small, and how uncertain a withheld one must be; as `protect` has it."""

    spread: Fraction
    least: int
    margin: int
    zeros: bool
    secret: frozenset[Key]


class _Problem:
    """One table against the memory: blocks are the coarsest parts of which every figure is a whole number."""

    def __init__(self, table: Table, k: int, released: Sequence[Release], rule: _Rule) -> None:
        self._k, self._rule = k, rule
        # Everything in an order of its own, whatever order it came in: the same facts make the same report.
        new = {key: _variables(table.figures[key], table.atoms) for key in sorted(table.figures, key=repr)}
        old_shown, old_withheld = _related(new, released)
        people: dict[_Variable, frozenset[int]] = {}
        for source in (*(release.atoms for release in released), table.atoms):
            people.update({(atom, cell.amount): cell.people for atom, cell in source.items()})
        order = {variable: at for at, variable in enumerate(sorted(people, key=repr))}
        old_shown.sort(key=lambda each: sorted(order[variable] for variable in each))
        old_withheld.sort(key=lambda each: sorted(order[variable] for variable in each))
        block_of, members = _refine([*new.values(), *old_shown, *old_withheld], order)
        self._amounts = [sum(variable[1] for variable in each) for each in members]
        self._people = [frozenset().union(*(people[variable] for variable in each)) for each in members]
        self._new = {key: _Line(_blocks(each, block_of), key) for key, each in new.items()}
        self._old = [_Line(_blocks(each, block_of), None) for each in dict.fromkeys(old_shown)]
        self._secret = {self._new[key].blocks for key in rule.secret}
        groups = [frozenset({at}) for at in range(len(members))]
        groups += [line.blocks for line in self._new.values()]
        groups += [_blocks(each, block_of) for each in old_withheld]
        self._small = [group for group in dict.fromkeys(groups) if self._is_small(group)]
        self._crowds = self._find_crowds()

    def _is_small(self, group: _Blocks) -> bool:
        """Whether it is about somebody, and about fewer than k; or counts few."""
        return group in self._secret or self._is_about_few(group) or self._counts_few(group)

    def _counts_few(self, group: _Blocks) -> bool:
        if not any(self._people[block] for block in group):
            return False
        return (0 if self._rule.zeros else 1) <= self._amount(group) < self._rule.least

    def _is_about_few(self, group: _Blocks) -> bool:
        return 0 < len(frozenset().union(*(self._people[block] for block in group))) < self._k

    def _amount(self, group: Iterable[int]) -> int:
        return sum(self._amounts[block] for block in group)

    def _find_crowds(self) -> list[_Blocks]:
        """For every set of fewer than k people that parts are about, alone or together: all parts about them only."""
        few = (group for group in self._small if len(group) == 1 and self._is_about_few(group))
        single = {self._people[next(iter(group))] for group in few}
        sets, todo = set(single), list(single)
        while todo:
            people = todo.pop()
            for other in single:
                both = people | other
                if len(both) < self._k and both not in sets:
                    sets.add(both)
                    todo.append(both)
            if len(sets) > MOST_CROWDS:
                raise ValueError("too many small groups for one table: sum them first")
        ordered = sorted(sets, key=lambda people: (len(people), sorted(people)))
        return [frozenset(at for at, each in enumerate(self._people) if each <= people) for people in ordered]

    def solve(self) -> set[Key]:
        """The keys that may be shown. Each round withholds at least one more figure, so it ends."""
        before = _System(self._old, self._amounts)
        told_before = {crowd: len(before.tell(crowd)) for crowd in self._crowds}
        given_up = {group for group in self._small if before.derives(group)}
        shown = {key for key, line in self._new.items() if not self._is_small(line.blocks)}
        while True:
            system = _System([*self._old, *(self._new[key] for key in self._new if key in shown)], self._amounts)
            withhold = self._choose(system, self._find_told(system, told_before))
            withhold = withhold or self._choose(system, self._find_narrow(system, self._small, given_up))
            if not withhold:
                # What went with them, and can be worked out all the same, is no secret; it is told, or kept as well.
                others = {key: line.blocks for key, line in self._new.items() if key not in shown}
                others = {key: blocks for key, blocks in others.items() if not self._is_small(blocks)}
                told = {key for key, blocks in others.items() if system.derives(blocks)}
                left = [blocks for key, blocks in others.items() if key not in told]
                withhold = self._choose(system, self._find_narrow(system, left, given_up))
                if not withhold:
                    return shown | told
            shown -= withhold

    def _find_told(
        self, system: _System, told_before: Mapping[_Blocks, int]
    ) -> Iterator[tuple[_Blocks, Sequence[Key]]]:
        """What the equations tell of few people, beyond what earlier reports tell of them by themselves."""
        for crowd in self._crowds:
            told = system.tell(crowd)
            # What was told before, as when k was lower then, is not this table's to hide.
            if len(told) > told_before[crowd]:
                yield from ((crowd, system.keys(lines)) for lines in told)

    def _find_narrow(
        self, system: _System, secret: Iterable[_Blocks], given_up: set[_Blocks]
    ) -> Iterator[tuple[_Blocks, Sequence[Key]]]:
        """The groups for which whole numbers, none below zero, leave too little room."""
        for group in dict.fromkeys(secret):
            if group not in given_up and system.leeway(group, self._need(group)) < self._need(group):
                candidates = system.hem_in(group)
                if not candidates:
                    # No figure of this table has to do with it: withholding more would not help.
                    given_up.add(group)
                yield group, candidates

    def _choose(self, system: _System, found: Iterable[tuple[_Blocks, Sequence[Key]]]) -> set[Key]:
        """One figure to withhold for each group that has none among its candidates yet."""
        chosen: set[Key] = set()
        for group, candidates in found:
            if candidates and not chosen.intersection(candidates):
                need = self._need(group)
                chosen.add(min(candidates, key=lambda key: self._cost(key, need, system)))
        return chosen

    def _need(self, group: _Blocks) -> int:
        if not self._is_small(group):
            return self._rule.margin
        return max(self._rule.margin, ceil(self._rule.spread * self._amount(group)))

    def _cost(self, key: Key, need: int, system: _System) -> tuple[bool, bool, int, int, int, str]:
        """What withholding a figure costs: first whether it helps at all, then how little is lost."""
        blocks = self._new[key].blocks
        people = len(frozenset().union(*(self._people[block] for block in blocks)))
        amount = self._amount(blocks)
        # A single block too small to give or take what is needed helps nobody; a total always does.
        return (
            len(blocks) == 1 and amount < need,
            len(blocks) > 1,
            system.would_follow(blocks),
            people,
            amount,
            repr(key),
        )


def _variables(atoms: Iterable[Atom], cells: Mapping[Atom, Cell]) -> frozenset[_Variable]:
    """The unknowns that a figure sums. A cell about nobody is no unknown: everybody knows that it is zero."""
    return frozenset((atom, cells[atom].amount) for atom in atoms if cells[atom].people)


def _related(
    new: Mapping[Key, frozenset[_Variable]], released: Sequence[Release]
) -> tuple[list[frozenset[_Variable]], list[frozenset[_Variable]]]:
    """What was shown and withheld before and hangs together with the table by shared atoms, however many steps off."""
    shown = [_variables(atoms, release.atoms) for release in released for atoms in release.shown.values()]
    withheld = [_variables(atoms, release.atoms) for release in released for atoms in release.withheld.values()]
    by_variable: defaultdict[_Variable, list[int]] = defaultdict(list)
    for at, each in enumerate(shown):
        for variable in each:
            by_variable[variable].append(at)
    reached: set[int] = set()
    seen: set[_Variable] = set()
    todo = [variable for each in new.values() for variable in each]
    while todo:
        variable = todo.pop()
        if variable in seen:
            continue
        seen.add(variable)
        for at in by_variable[variable]:
            if at not in reached:
                reached.add(at)
                todo.extend(shown[at])
    return [shown[at] for at in sorted(reached)], [each for each in withheld if each & seen]


def _refine(
    sets: Sequence[frozenset[_Variable]], order: Mapping[_Variable, int]
) -> tuple[dict[_Variable, int], list[list[_Variable]]]:
    """The blocks: unknowns that are always summed together."""
    signature: defaultdict[_Variable, list[int]] = defaultdict(list)
    for at, each in enumerate(sets):
        for variable in each:
            signature[variable].append(at)
    number: dict[tuple[int, ...], int] = {}
    members: list[list[_Variable]] = []
    block_of: dict[_Variable, int] = {}
    for variable, where in sorted(signature.items(), key=lambda each: order[each[0]]):
        block = number.setdefault(tuple(where), len(members))
        if block == len(members):
            members.append([])
        members[block].append(variable)
        block_of[variable] = block
    return block_of, members


def _blocks(variables: Iterable[_Variable], block_of: Mapping[_Variable, int]) -> _Blocks:
    return frozenset(block_of[variable] for variable in variables)


# --- what the equations say -----------------------------------------------------------------------------------------


_FEW_LINES = 80
"""Up to so many figures each is tried; in larger tables withholding one that does not help costs little."""


class _System:
    """All that is shown, as equations over blocks, reduced exactly (Gauss-Jordan on sparse rows).

    Each reduced row remembers of which lines it was made, so that what gives a figure away can be named.
    """

    def __init__(self, lines: Sequence[_Line], amounts: Sequence[int]) -> None:
        self._lines, self._amounts = lines, amounts
        self._known: dict[int, int] = {}
        """Blocks that are shown by themselves, and the line that shows them."""
        for at, line in enumerate(lines):
            if len(line.blocks) == 1:
                self._known.setdefault(next(iter(line.blocks)), at)
        self._open = [line.blocks.difference(self._known) for line in lines]
        self._through: defaultdict[int, list[int]] = defaultdict(list)
        for at, line in enumerate(lines):
            if len(line.blocks) > 1:
                for block in line.blocks:
                    self._through[block].append(at)
        self._rows: dict[int, dict[int, _Number]] = {}
        self._made_of: dict[int, dict[int, _Number]] = {}
        self._rows_with: defaultdict[int, set[int]] = defaultdict(set)
        self._steps_of: dict[int, dict[int, int]] = {}
        for at in sorted(range(len(lines)), key=lambda at: len(self._open[at])):
            if self._open[at]:
                self._add(at)

    def _add(self, at: int) -> None:
        row: dict[int, _Number] = dict.fromkeys(self._open[at], 1)
        made_of: dict[int, _Number] = {at: 1}
        for pivot in [block for block in row if block in self._rows]:
            factor = row[pivot]
            _subtract(row, self._rows[pivot], factor)
            _subtract(made_of, self._made_of[pivot], factor)
        if not row:
            return
        # A pivot gives way in every witness: the largest amount has most to give.
        pivot = max(row, key=lambda block: (self._amounts[block], -block))
        scale = row[pivot]
        if scale != 1:
            row = {block: _divide(value, scale) for block, value in row.items()}
            made_of = {line: _divide(value, scale) for line, value in made_of.items()}
        for other in list(self._rows_with[pivot]):
            factor = self._rows[other][pivot]
            before = set(self._rows[other])
            _subtract(self._rows[other], row, factor)
            _subtract(self._made_of[other], made_of, factor)
            self._index(other, before, set(self._rows[other]))
        self._rows[pivot], self._made_of[pivot] = row, made_of
        self._index(pivot, set(), set(row))

    def _index(self, pivot: int, before: set[int], after: set[int]) -> None:
        for block in before - after:
            self._rows_with[block].discard(pivot)
        for block in after - before:
            self._rows_with[block].add(pivot)

    def leeway(self, group: _Blocks, enough: int) -> float:
        """How far apart two answers for this group can be that both agree with all that is shown, at the least.

        inf: any number will do. 0: it can be worked out, or no other answer in whole numbers was found. The search
        stops at `enough`.
        """
        best = 0.0
        for free, change in self._moves(group):
            best = max(best, abs(change) * self._room(free))
            if best >= enough:
                break
        return best

    def _moves(self, group: _Blocks) -> Iterator[tuple[int, int]]:
        """Free blocks whose move changes the sum of the group, with that change for one whole step."""
        unknown = group.difference(self._known)
        free = set(unknown.difference(self._rows))
        for pivot in unknown.intersection(self._rows):
            free |= self._rows[pivot].keys() - {pivot}
        for block in sorted(free):
            steps = self._steps(block)
            change = sum(steps.get(each, 0) for each in unknown)
            if change:
                yield block, change

    def _steps(self, free: int) -> dict[int, int]:
        """How every block changes when the free one moves by one whole step, all that is shown staying the same."""
        if free not in self._steps_of:
            steps: dict[int, _Number] = {free: 1}
            for pivot in self._rows_with[free]:
                steps[pivot] = -self._rows[pivot][free]
            scale = lcm(*(Fraction(value).denominator for value in steps.values()))
            self._steps_of[free] = {block: int(value * scale) for block, value in steps.items()}
        return self._steps_of[free]

    def _room(self, free: int) -> float:
        """How many whole steps there are, both ways together, before some block would fall below zero."""
        down = up = inf
        for block, step in self._steps(free).items():
            if step < 0:
                up = min(up, self._amounts[block] // -step)
            else:
                down = min(down, self._amounts[block] // step)
        return up + down

    def derives(self, group: _Blocks) -> bool:
        """Whether sums and differences of lines give this group's sum, without asking for whole or positive numbers."""
        row: dict[int, _Number] = dict.fromkeys(group.difference(self._known), 1)
        for pivot in [block for block in row if block in self._rows]:
            _subtract(row, self._rows[pivot], row[pivot])
        return not row

    def tell(self, crowd: _Blocks) -> list[set[int]]:
        """Every independent thing that sums and differences of lines tell of these blocks and no others.

        Each is given as the lines that it takes. A combination of reduced rows with anything but rows that have their
        pivot in the crowd would keep that pivot; so only those are combined until all else has gone from them.
        """
        told = [{self._known[block]} for block in crowd if block in self._known]
        outside: dict[int, tuple[dict[int, _Number], dict[int, _Number]]] = {}
        for pivot in sorted(crowd.intersection(self._rows)):
            row = {block: value for block, value in self._rows[pivot].items() if block not in crowd}
            made_of = dict(self._made_of[pivot])
            for block in [each for each in row if each in outside]:
                if block in row:
                    factor = row[block]
                    _subtract(row, outside[block][0], factor)
                    _subtract(made_of, outside[block][1], factor)
            head = next((block for block in sorted(row) if block not in outside), None)
            if head is None:
                told.append(set(made_of))
                continue
            scale = row[head]
            row = {block: _divide(value, scale) for block, value in row.items()}
            made_of = {line: _divide(value, scale) for line, value in made_of.items()}
            for other_row, other_made_of in outside.values():
                if head in other_row:
                    factor = other_row[head]
                    _subtract(other_row, row, factor)
                    _subtract(other_made_of, made_of, factor)
            outside[head] = (row, made_of)
        return told

    def hem_in(self, group: _Blocks) -> list[Key]:
        """The figures that leave the group little room: those that it follows from, else those of lines through it,
        else whatever hangs together.
        """
        made_of = {self._known[block] for block in group if block in self._known}
        made_of |= {line for block in group if block in self._rows for line in self._made_of[block]}
        if self.derives(group) and (found := self.keys(made_of)):
            return self._without_which(group, found) or found
        near = {at for block in group for at in self._through[block]}
        return self.keys(near) or self.keys(self._together(near))

    def _without_which(self, group: _Blocks, keys: Sequence[Key]) -> list[Key]:
        """Those of the figures without which the group could not be worked out."""
        if len(self._lines) > _FEW_LINES:
            return []
        blocks = {line.key: line.blocks for line in self._lines}
        # The same sum under two keys is withheld under both, one after the other.
        needed = {
            each
            for each in {blocks[key] for key in keys}
            if not _System([line for line in self._lines if line.blocks != each], self._amounts).derives(group)
        }
        return [key for key in keys if blocks[key] in needed]

    def keys(self, lines: set[int]) -> list[Key]:
        """The figures of this table among these lines, and among those that show single blocks of them."""
        blocks = {block for at in lines for block in self._lines[at].blocks}
        lines = lines | {self._known[block] for block in blocks if block in self._known}
        return [key for at in sorted(lines) if (key := self._lines[at].key) is not None]

    def _together(self, lines: set[int]) -> set[int]:
        todo, found = list(lines), set(lines)
        while todo:
            for block in self._open[todo.pop()]:
                new = set(self._through[block]) - found
                found |= new
                todo.extend(new)
        return found

    def would_follow(self, blocks: Collection[int]) -> int:
        """In how many lines a figure, once withheld, would stand alone and so be worked out again."""
        return sum(self._open[at] <= set(blocks) for block in blocks for at in self._through[block])


def _subtract(row: dict[int, _Number], other: Mapping[int, _Number], factor: _Number) -> None:
    for key, value in other.items():
        left = row.get(key, 0) - factor * value
        if left:
            row[key] = left
        else:
            row.pop(key, None)


def _divide(value: _Number, scale: _Number) -> _Number:
    found = Fraction(value) / scale
    return found.numerator if found.denominator == 1 else found
