"""The tables of the channel report: what people had, by cell; and what may be printed for months on end; pure.

The smallest table is one month of one quantity, known in one way, with one counterparty: teams by how safe the channel
was. It is told once, as a vintage (`core.reports.vintages`). A report over several months adds up what those show, and
knows nothing else: a figure of which one month is withheld is withheld.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from server.core.reports.channels import GRADED, SHARED, ChannelLine
from server.core.reports.vintages import ALL, Contribution, Figures, TableTold, ThresholdRule
from server.core.text import Period, Share
from server.core.usage.channel_catalogue import Catalogue, Grade
from server.core.usage.channels import (
    ChannelFigure,
    ChannelRules,
    Trend,
    place,
    possible_grades,
    share_between,
    trend,
)
from server.core.usage.model import COUNTED_IN, Confidence, Counterparty, Quantity, Use

PARTS = ("watched", *GRADED, "unattributed")
NOT_ATTRIBUTABLE = "?"
"""The group of what could not be attributed to anybody."""
_WITHOUT_PARTY = frozenset({Quantity.MEGABYTES, Quantity.SCREEN_MINUTES})
"""What is not counted by whom it was with, unless a feed does."""


@dataclass(frozen=True, slots=True)
class UsageKind:
    """What a sum is of."""

    quantity: Quantity
    confidence: Confidence
    use: Use
    channel: str | None
    counterparty: Counterparty

    @property
    def measure(self) -> str:
        """Quantity and way of knowing: what is told in one table."""
        return f"{self.quantity.value}/{self.confidence.value}"


class Had(NamedTuple):
    """A sum of one month. person: our number, `NOBODY` where it could not be attributed. subject: the phone's or the
    account's number.
    """

    person: int
    team: str
    subject: int
    kind: int
    amount: int
    samples: int = 0


@dataclass(frozen=True, slots=True)
class MonthTold:
    """What was told of one month. groups: in which group each team is. wholes: by measure, the phones or accounts that
    a group has. hidden: measures of which there is something, and nothing may be told.
    """

    first: date
    groups: Mapping[str, str]
    wholes: Mapping[str, Mapping[str, int]]
    measures: Mapping[str, TableTold] = field(repr=False)
    hidden: frozenset[str] = frozenset()

    def joined(self, row: frozenset[str]) -> Sequence[str]:
        """The groups of this month that a row of teams is made of."""
        return sorted({group for team, group in self.groups.items() if team in row})

    def groups_of_people(self) -> Mapping[int, str]:
        """In which group each person was told of, if it was one."""
        found: defaultdict[int, set[str]] = defaultdict(set)
        for told in self.measures.values():
            for cohort in told.in_group(ALL):
                for person, _ in cohort.members:
                    found[person].add(cohort.group)
        return {person: next(iter(groups)) for person, groups in found.items() if len(groups) == 1}


def cells_of(catalogue: Catalogue, counterparty: Counterparty, day: date) -> Figures:
    """By figure, its cells: what the catalogue makes impossible is in none."""
    watched, others = possible_grades(catalogue, counterparty, day)
    graded = {
        grade: {f"watched_{grade.value}"} & {f"watched_{each.value}" for each in watched}
        | {f"other_{grade.value}"} & {f"other_{each.value}" for each in others}
        for grade in Grade
    }
    found = {
        **{grade.value: cells for grade, cells in graded.items()},
        "watched": {f"watched_{each.value}" for each in watched},
        "unattributed": {"unattributed"},
    }
    found[Grade.UNRATED.value] = found[Grade.UNRATED.value] | {"unattributed"}
    party = counterparty.value
    return {f"{party}/{part}": frozenset(f"{party}/{cell}" for cell in found[part]) for part in PARTS}


def parts_of(
    had: Iterable[Had], kinds: Mapping[int, UsageKind], catalogue: Catalogue, month: MonthTold
) -> Mapping[str, Sequence[Contribution]]:
    """By measure, what each person had in each group of a month; private use is left out.

    Who was told of in one group stays in it for that month, whatever team they are in by now.
    """
    day, groups = month.first, month.groups
    stays = month.groups_of_people()
    cell_of = {number: _cell(kind, catalogue, day) for number, kind in kinds.items() if kind.use is not Use.PRIVATE}
    amounts: defaultdict[tuple[str, int, str], Counter[str]] = defaultdict(Counter)
    subjects: defaultdict[tuple[str, int, str], set[int]] = defaultdict(set)
    for each in had:
        cell = cell_of.get(each.kind)
        if cell is None:
            continue
        group = stays.get(each.person) or groups.get(each.team, each.team) if each.person else NOT_ATTRIBUTABLE
        key = (kinds[each.kind].measure, each.person, group)
        own = amounts[key]
        own[f"{cell[0]}/{cell[1]}"] += each.amount
        if kinds[each.kind].confidence is Confidence.SAMPLED:
            own[f"{cell[0]}/looks_{cell[2]}"] += each.samples
        subjects[key].add(each.subject)
    found: defaultdict[str, list[Contribution]] = defaultdict(list)
    for key, own in amounts.items():
        measure, person, group = key
        text = repr(sorted(own.items()))
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        found[measure].append(Contribution(person, group, digest, dict(own), len(subjects[key]) if person else 0))
    return found


def _cell(kind: UsageKind, catalogue: Catalogue, day: date) -> tuple[str, str, str]:
    """(counterparty, cell, what its looks count as)."""
    if kind.channel is None:
        return kind.counterparty.value, "unattributed", "open"
    grade = catalogue.rate(kind.channel, kind.counterparty, day).grade.value
    watched = kind.channel in catalogue.watched
    return kind.counterparty.value, f"{'watched' if watched else 'other'}_{grade}", "watched" if watched else "other"


def figures_of(catalogue: Catalogue, day: date) -> Mapping[str, Figures]:
    """The figures of one measure in the month of that day, a table for each counterparty."""
    return {party.value: cells_of(catalogue, party, day) for party in Counterparty}


def rule_of(measure: str, k: int) -> ThresholdRule:
    """How figures of a measure are protected: in the units that are printed."""
    return ThresholdRule(k, COUNTED_IN[Quantity(measure.split("/")[0])])


def lines_of(
    months: Sequence[MonthTold],
    periods: tuple[Period, Period],
    kinds: Iterable[UsageKind],
    catalogue: Catalogue,
    rules: ChannelRules,
    k: int,
) -> tuple[Sequence[ChannelLine], Sequence[ChannelLine]]:
    """The lines of the whole and of its rows of teams, each for every counterparty and measure, whatever happened.

    periods: the one before, and the one that is reported.
    """
    known = sorted({kind.measure: kind for kind in kinds}.items())
    parties = defaultdict(set)
    for kind in kinds:
        parties[kind.measure].add(kind.counterparty)
    whole, teams = [], []
    rows = _rows([each for each in months if _within(each, periods[1])])
    for party in Counterparty:
        for measure, kind in known:
            if kind.quantity in _WITHOUT_PARTY and party not in parties[measure] | {Counterparty.UNKNOWN}:
                continue
            one = _Reader(months, measure, party, catalogue, rules, k)
            whole.append(one.line(periods, None, None))
            for at, row in enumerate(rows, start=1):
                teams.append(one.line(periods, row, at))
    teams.sort(key=lambda line: line.figure.team or 0)
    return whole, teams


def _within(month: MonthTold, period: Period) -> bool:
    return period.first <= month.first <= period.last


def _rows(months: Sequence[MonthTold]) -> Sequence[frozenset[str]]:
    """Rows of teams that stay together in every one of these months, in the order of their names.

    What could not be attributed has no row: it is in the whole.
    """
    rows: list[set[str]] = []
    for month in months:
        together: defaultdict[str, set[str]] = defaultdict(set)
        for team, group in month.groups.items():
            together[group].add(team)
        for teams in together.values():
            joined, apart = set(teams), []
            for row in rows:
                if row & joined:
                    joined |= row
                else:
                    apart.append(row)
            rows = [*apart, joined]
    return [frozenset(row) for row in sorted(rows, key=sorted)]


def name_row(row: frozenset[str]) -> str | None:
    """What a row of teams is called; None: those of no known team."""
    return None if row == {""} else " + ".join(sorted(name or "–" for name in row))


class _Reader:
    """One measure with one counterparty over months."""

    def __init__(
        self,
        months: Sequence[MonthTold],
        measure: str,
        party: Counterparty,
        catalogue: Catalogue,
        rules: ChannelRules,
        k: int,
    ) -> None:
        quantity, confidence = measure.split("/")
        self._months, self._measure, self._party, self._k = months, measure, party, k
        self._quantity, self._confidence = Quantity(quantity), Confidence(confidence)
        self._catalogue, self._rules = catalogue, rules

    def line(self, periods: tuple[Period, Period], row: frozenset[str] | None, number: int | None) -> ChannelLine:
        """The line of a row of teams; None: of the whole."""
        old, seen = self._figure(periods[0], row, number)
        figure, shown = self._figure(periods[1], row, number)
        comparable = seen >= SHARED and shown >= SHARED
        moved = trend(old, figure, self._rules) if comparable else Trend.NOT_COMPARABLE
        name = None if row is None else name_row(row)
        return ChannelLine(figure, name, shown, moved, place(figure, self._rules))

    def _figure(
        self, period: Period, row: frozenset[str] | None, number: int | None
    ) -> tuple[ChannelFigure, frozenset[str]]:
        months = [each for each in self._months if _within(each, period)]
        told = [(each, self._groups(each, row)) for each in months]
        shown = frozenset(part for part in PARTS if self._is_shown(told, part))
        sums = {part: self._sum(told, part) if part in shown else 0 for part in PARTS}
        share = None
        if shown >= SHARED and self._party is not Counterparty.UNKNOWN:
            share = share_between(
                sums["watched"], sums["unattributed"], sum(sums[each] for each in GRADED),
                self._looks(told) if self._confidence is Confidence.SAMPLED else None, self._rules.sampling,
            )  # fmt: skip
        figure = ChannelFigure(
            period=period,
            team=number,
            counterparty=self._party,
            quantity=self._quantity,
            confidence=self._confidence,
            unplaced=0,
            watched_by=(),
            by_direction=(),
            share=share,
            coverage=self._covered(told),
            **sums,
        )
        return figure, shown

    def _groups(self, month: MonthTold, row: frozenset[str] | None) -> Sequence[str]:
        """Its groups in a month; those of another month may be made of other teams: then there is nothing to add."""
        if row is None:
            return (ALL,)
        groups = month.joined(row)
        teams = {team for team, group in month.groups.items() if group in groups}
        return groups if teams <= row else ()

    def _read(self, told: Sequence[tuple[MonthTold, Sequence[str]]]) -> Iterable[tuple[MonthTold, str, TableTold]]:
        """Each group of each month of which anything is told."""
        for month, groups in told:
            of = month.measures.get(self._measure, TableTold())
            yield from ((month, group, of) for group in groups if of.in_group(group))

    def _is_shown(self, told: Sequence[tuple[MonthTold, Sequence[str]]], part: str) -> bool:
        if any(self._measure in month.hidden for month, _ in told):
            return False
        read: defaultdict[date, list[str]] = defaultdict(list)
        for month, group, _ in self._read(told):
            read[month.first].append(group)
        name = f"{self._party.value}/{part}"
        return bool(read) and all(
            _is_told(month.measures[self._measure], read[month.first], name) for month, _ in told if month.first in read
        )

    def _sum(self, told: Sequence[tuple[MonthTold, Sequence[str]]], part: str) -> int:
        name = f"{self._party.value}/{part}"
        return sum(
            of.amount(group, cells_of(self._catalogue, self._party, month.first)[name])
            for month, group, of in self._read(told)
        )

    def _looks(self, told: Sequence[tuple[MonthTold, Sequence[str]]]) -> tuple[int, int, int]:
        """(through watched channels, of no known channel, all)."""
        watched, unknown, others = (
            sum(of.amount(group, [f"{self._party.value}/looks_{name}"]) for _, group, of in self._read(told))
            for name in ("watched", "open", "other")
        )
        return watched, unknown, watched + unknown + others

    def _covered(self, told: Sequence[tuple[MonthTold, Sequence[str]]]) -> Share | None:
        """Of how many phones or accounts something is told in every month, at the least: by whole groups of k."""
        found = []
        for month, groups in told:
            wholes = month.wholes.get(self._measure)
            of = month.measures.get(self._measure)
            if wholes is None or of is None or not of.vintages:
                continue
            whole = sum(wholes.values()) if groups == (ALL,) else sum(wholes.get(group, 0) for group in groups)
            count = min(sum(of.covered(group) for group in groups), whole)
            found.append(Share(count - count % self._k, whole))
        return min(found, key=lambda each: (each.part, -each.whole), default=None)


def _is_told(told: TableTold, groups: Sequence[str], figure: str) -> bool:
    """Whether the sum of some groups is told: each of them, or of several all but them and the whole."""
    if all(told.shows(group, figure) for group in groups):
        return True
    others = {each.group for each in told.in_group(ALL)} - set(groups)
    return len(groups) > 1 and all(told.shows(group, figure) for group in (ALL, *others))
