"""An invented organisation over months, and somebody who holds every channel report of it against every other.

Not a line of the rules that protect is used: what the attacker knows is who was in which team, whose rows came late or
were corrected, and how a month is fixed when it is first told. Unknowns are what each person had in each month by each
channel, none below nought; every printed figure is an equation (scipy's HiGHS).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix
from sqlalchemy import delete, select, update

from server.core.model import Role
from server.core.reports.document import Report
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.model import Confidence, Counterparty, Direction, Profile, Quantity, Use
from server.store.admin import organisation
from server.store.schema.base import device, worker
from server.store.schema.usage import usage_month, usage_month_days
from server.store.usage import months as usage_months
from server.store.usage import subjects
from server.store.usage.subjects import KindKey
from server.work.usage import feeds
from tests.work.desk import Office, catalogue, open_office, rules

K = 5
PARTS = ("watched", "approved", "tolerated", "consumer", "unrated")
CALLS, CONTACTS = (Quantity.CALLS, Confidence.MEASURED), (Quantity.CONTACTS, Confidence.RECORDED)
MEASURES = (CALLS, CONTACTS)
PARTIES = (Counterparty.CLIENT, Counterparty.FORMER_CLIENT, Counterparty.UNKNOWN)
CHANNELS = {CALLS: ("phone",), CONTACTS: ("phone", "whatsapp", "email", "")}
Measure = tuple[Quantity, Confidence]
Had = Mapping[tuple[Counterparty, str], int]
"""What one person had in one month by one measure, by counterparty and channel."""
Unknown = tuple[int, int, int, str]
"""Month, person, which of their versions, channel; of one measure and counterparty."""


@dataclass(frozen=True)
class Print:
    """One printed cell. teams: of its row; None: the whole. amount: None: withheld."""

    months: tuple[int, ...]
    measure: Measure
    party: Counterparty
    teams: frozenset[str] | None
    part: str
    amount: int | None


@dataclass
class Year:
    """The organisation, its truth, and what was printed of it."""

    office: Office
    random: Random
    teams: dict[int, str]
    had: dict[tuple[int, Measure, int], Had] = field(default_factory=dict)
    versions: dict[tuple[int, Measure, int], list[Had]] = field(default_factory=dict)
    then: dict[int, dict[int, str]] = field(default_factory=dict)
    """In which team each was in a month."""
    groups: dict[int, dict[str, str]] = field(default_factory=dict)
    told: dict[tuple[int, Measure], list[dict[str, dict[int, int]]]] = field(default_factory=dict)
    prints: list[tuple[Print, frozenset[tuple[int, int, int]]]] = field(default_factory=list)
    """Each printed cell with the (month, person, version) that it sums."""
    kinds: dict[KindKey, int] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)

    # --- what happens

    def use(self, month: int, measure: Measure, who: int) -> None:
        """What one person had in a month, anew."""
        busy = self.random.choice((1, 1, 6))
        had = {
            (party, channel): self.random.choice((0, 0, 1, 2, 7)) * busy
            for party in PARTIES
            for channel in CHANNELS[measure]
            if (party, channel) != (Counterparty.UNKNOWN, "whatsapp") or self.random.random() < 0.1
        }
        had[Counterparty.CLIENT, "phone"] = self.random.randrange(3, 40)
        self.had[month, measure, who] = had
        self.versions.setdefault((month, measure, who), []).append(had)

    def store(self, month: int) -> None:
        """The sums of a month as an import would leave them."""
        with self.office.context.store.write() as connection:
            number = {int(ref.split("-")[1]): id_ for ref, id_ in connection.execute(select(worker.c.ref, worker.c.id))}
            of_device = {row.worker_id: row.ref for row in connection.execute(select(device.c.worker_id, device.c.ref))}
            today = self.office.context.today()
            devices, accounts = (
                {ref: each.id for ref, each in subjects.subjects(connection, covers, today, "x").items()}
                for covers in ("device", "account")
            )
            connection.execute(delete(usage_month).where(usage_month.c.month == month))
            connection.execute(delete(usage_month_days).where(usage_month_days.c.month == month))
            rows, days = [], []
            for (of, measure, who), had in self.had.items():
                if of != month:
                    continue
                subject = devices[of_device[number[who]]] if measure == CALLS else accounts[f"worker-{who}"]
                days.append({"month": month, "subject_id": subject, "quantity": measure[0].value,
                             "confidence": measure[1].value, "profile": "whole", "days": 9})  # fmt: skip
                for (party, channel), amount in had.items():
                    if amount:
                        rows.append({"month": month, "subject_id": subject, "amount": amount, "samples": 0,
                                     "kind_id": self._kind(connection, measure, party, channel)})  # fmt: skip
            connection.execute(usage_month.insert(), rows)
            connection.execute(usage_month_days.insert(), days)

    def _kind(self, connection: object, measure: Measure, party: Counterparty, channel: str) -> int:
        use = Use.UNCLASSIFIED if party is Counterparty.UNKNOWN else Use.BUSINESS
        key = KindKey(*measure, Profile.WHOLE, use, channel, party, Direction.OUT)
        if key not in self.kinds:
            self.kinds |= subjects.kind_ids(connection, [key])  # type: ignore[arg-type]
        return self.kinds[key]

    def move(self, who: int, team: str) -> None:
        """A worker changes teams."""
        self.teams[who] = team
        with self.office.context.store.write() as connection:
            connection.execute(update(worker).where(worker.c.ref == f"worker-{who}").values(team=team))

    # --- what is reported, and what the attacker makes of it

    def report(self, months: Sequence[int]) -> None:
        """A channel report over these months, each of its cells noted with what it must sum."""
        first, last = usage_months.bounds(months[0])[0], usage_months.bounds(months[-1])[1]
        role = self.random.choice((Role.PRIVACY_OFFICER, Role.AUDITOR))
        made = feeds.channel_report(self.office.context, catalogue(), rules(), role, first, last)
        self.reports.append(made)
        before = [months[0] - n for n in range(1, len(months) + 1)]
        for month in sorted((*before, *months)):
            for measure in MEASURES:
                self._fix(month, measure)
        prints = list(read_prints(made, tuple(months)))
        self.prints += [(each, frozenset(self._summed(each))) for each in prints if not self._is_hidden(each)]

    def _is_hidden(self, cell: Print) -> bool:
        """Whether there is something of one of its months that was never told."""
        mine = [month for month in cell.months if any(key[:2] == (month, cell.measure) for key in self.had)]
        return any(not self.told.get((month, cell.measure)) for month in mine)

    def _fix(self, month: int, measure: Measure) -> None:
        """Which rows a month is told of from now on: a group's change only if nobody's changed, or those of k or more,
        against every time before.
        """
        now: defaultdict[str, dict[int, int]] = defaultdict(dict)
        mine = {who: had for (of, by, who), had in self.had.items() if (of, by) == (month, measure)}
        if not mine or (len(mine) < K and not self.told.get((month, measure))):
            return  # of fewer people nothing is told, and so nothing is fixed
        teams = self.then.setdefault(month, dict(self.teams))
        groups = self.groups.setdefault(month, merged(teams))
        for who in mine:
            now[groups[teams[who]]][who] = len(self.versions[month, measure, who])
        history = self.told.setdefault((month, measure), [])
        kept = dict(history[-1]) if history else {}
        for group in now.keys() | kept.keys():
            changes = [{who for who, _ in before.get(group, {}).items() ^ now[group].items()} for before in history]
            if all(not changed or len(changed) >= K for changed in changes):
                kept[group] = dict(now[group])
        history.append(kept)

    def _summed(self, cell: Print) -> Iterator[tuple[int, int, int]]:
        for month in cell.months:
            history = self.told.get((month, cell.measure), [])
            for group, members in (history[-1] if history else {}).items():
                teams = {team for team, of in self.groups[month].items() if of == group}
                if cell.teams is None or teams <= cell.teams:
                    yield from ((month, who, version) for who, version in members.items())

    def value(self, cell: Print, summed: frozenset[tuple[int, int, int]], rated: Rated) -> int:
        """What a cell comes to in truth."""
        return sum(
            amount
            for month, who, version in summed
            for (party, channel), amount in self.versions[month, cell.measure, who][version - 1].items()
            if party is cell.party and cell.part in rated(party, channel)
        )


class Rated:
    """Which printed parts a channel counts in, as the published catalogue has it."""

    def __init__(self, of: Catalogue) -> None:
        self._of = of

    def __call__(self, party: Counterparty, channel: str) -> frozenset[str]:
        if not channel:
            return frozenset({"unrated"})
        grade = self._of.rate(channel, party, date(2026, 2, 1)).grade.value
        return frozenset({grade, "watched"} if channel in self._of.watched else {grade})


def merged(teams: Mapping[int, str]) -> dict[str, str]:
    """Teams of fewer than k together, with the smallest other if they are too few, by the rule in the manual."""
    sizes = {team: list(teams.values()).count(team) for team in set(teams.values())}
    small = {team for team, size in sizes.items() if size < K}
    for _, team in sorted((size, team) for team, size in sizes.items() if size >= K):
        if not small or sum(sizes[each] for each in small) >= K:
            break
        small.add(team)
    return {team: "small" if team in small else team for team in sizes}


def read_prints(made: Report, months: tuple[int, ...]) -> Iterator[Print]:
    """Every cell of the tables of use, as anybody reads them."""
    for section in made.body:
        if section.key not in ("use", "teams"):
            continue
        at = {column.key: nth for nth, column in enumerate(section.columns)}
        for row in section.rows:
            teams = None if section.key == "use" else frozenset(str(row[at["team"]]).split(" + "))
            measure = (row[at["what"]], row[at["how"]])
            for part in PARTS:
                yield Print(months, measure, row[at["who"]], teams, part, row[at[part]])  # type: ignore[arg-type]


def live(seed: int, folder: Path, *, months: int = 4) -> Year:
    """Months of an organisation: teams of all sizes, bills that come late or are corrected, moves, a pilot."""
    random = Random(seed)
    sizes = [random.choice((1, 2, 3, 4, 6, 9, 14)) for _ in range(random.randrange(4, 9))]
    many = sum(sizes)
    office = open_office(f"sqlite:///{folder / 'closeout.db'}", folder, workers=many)
    teams = [f"team-{n:02}" for n, size in enumerate(sizes) for _ in range(size)]
    year = Year(office, random, dict(enumerate(teams, start=1)))
    with office.context.store.write() as connection:
        employer = organisation.employer_named(connection, "Invented employer")
        for who, team in year.teams.items():
            organisation.put_worker(connection, f"worker-{who}", employer, team)
    office.clock.now = office.clock.now.replace(day=1)
    first = usage_months.month_of(date(2026, 2, 1))
    pilot = set(random.sample(sorted(year.teams), min(many, random.choice((1, 3, 6)))))
    late: dict[int, list[tuple[Measure, int]]] = {}
    for month in range(first, first + months):
        for measure in MEASURES:
            for who in sorted(pilot if (measure, month) == (CONTACTS, first) else year.teams):
                if random.random() < 0.12:
                    late.setdefault(month, []).append((measure, who))
                else:
                    year.use(month, measure, who)
        year.store(month)
        year.report([month])
        for of in range(first, month):
            _come_late(year, of, late.pop(of, []) if random.random() < 0.7 else [])
        for who in random.sample(sorted(year.teams), random.choice((0, 1, 3))):
            year.move(who, random.choice(sorted(set(year.teams.values()))))
        for of in range(max(first, month - 1), month + 1):
            year.report([of])
        year.report(list(range(max(first, month - 2), month + 1)))
        # Who moved at the beginning of a month was in the new team for all of it.
        office.clock.now = (office.clock.now + timedelta(days=31)).replace(day=1)
    return year


def _come_late(year: Year, month: int, late: Sequence[tuple[Measure, int]]) -> None:
    """Late bills of a month, corrections of one or two phones, and now and then one of most of them."""
    random = year.random
    everybody = sorted(year.teams)
    corrected = random.sample(everybody, random.choice((0, 1, 2)))
    corrected += [who for who in everybody if random.random() < 0.7] if random.random() < 0.3 else []
    for measure, who in (*late, *((CALLS, who) for who in corrected)):
        year.use(month, measure, who)
    if late or corrected:
        year.store(month)


# --- the attack -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pinned:
    """Something the attacker knows to within one."""

    what: str
    low: float
    high: float


def attack(year: Year) -> list[Pinned]:
    """Whatever any measure and counterparty gives away."""
    rated = Rated(catalogue())
    return [
        found for measure in MEASURES for party in PARTIES for found in _Attack(year, measure, party, rated).pinned()
    ]


class _Attack:
    """All equations of one measure and counterparty; unknowns that always go together are one block."""

    def __init__(self, year: Year, measure: Measure, party: Counterparty, rated: Rated) -> None:
        self.year, self.measure, self.party = year, measure, party
        of = {channel: rated(party, channel) for channel in CHANNELS[measure]}
        mine = [(cell, summed) for cell, summed in year.prints if (cell.measure, cell.party) == (measure, party)]
        expressions: dict[frozenset[Unknown], set[int | None]] = {}
        self.whole: set[frozenset[Unknown]] = set()
        """Sums of the whole organisation."""
        for cell, summed in mine:
            unknowns = frozenset((*who, channel) for who in summed for channel in of if cell.part in of[channel])
            if unknowns:
                expressions.setdefault(unknowns, set()).add(cell.amount)
                if cell.teams is None:
                    self.whole.add(unknowns)
        told = {each: amounts - {None} for each, amounts in expressions.items()}
        self.told = {each: next(iter(amounts)) for each, amounts in told.items() if amounts}
        assert all(len(amounts) <= 1 for amounts in told.values()), "one sum, two amounts"
        self.withheld = [each for each in expressions if each not in self.told]
        self.zeros = {unknown for each, amount in self.told.items() if not amount for unknown in each}
        where: defaultdict[Unknown, list[int]] = defaultdict(list)
        for at, each in enumerate(expressions):
            for unknown in each:
                where[unknown].append(at)
        blocks: dict[tuple[int, ...], int] = {}
        self.block_of = {unknown: blocks.setdefault(tuple(ats), len(blocks)) for unknown, ats in where.items()}
        self.people: defaultdict[int, set[int]] = defaultdict(set)
        for unknown, block in self.block_of.items():
            self.people[block].add(unknown[1])
        self.many = len(blocks)
        rows = [(at, block) for at, each in enumerate(self.told) for block in {self.block_of[u] for u in each}]
        shape = (len(self.told), self.many)
        self.left = csr_matrix((np.ones(len(rows)), tuple(zip(*rows, strict=True)) if rows else ([], [])), shape=shape)
        self.right = np.array(list(self.told.values()), dtype=float)

    def pinned(self) -> Iterator[Pinned]:
        """Each person's part and each withheld cell that is known to within one either way."""
        if not self.many:
            return
        for block in self._cramped():
            zero = {unknown for unknown, of in self.block_of.items() if of == block} <= self.zeros
            low, high = self._span({block})
            if len(self.people[block]) > 1:
                low = 0
            if high - low <= 2 + 1e-6 and not (zero and self._column_is_zero(block)):
                yield Pinned(f"{self.measure} {self.party} of {len(self.people[block])} people", low, high)
        for each in self.withheld:
            blocks = {self.block_of[unknown] for unknown in each}
            low, high = self._span(blocks)
            if high - low <= 2 + 1e-6:
                yield Pinned(f"{self.measure} {self.party}, a cell withheld", low, high)

    def _column_is_zero(self, block: int) -> bool:
        """Whether the whole organisation had nothing: a zero that the structure of the table gives."""
        return any(
            not self.told.get(each, 1) and block in {self.block_of[unknown] for unknown in each} for each in self.whole
        )

    def _cramped(self) -> list[int]:
        """Blocks that cannot all be three or more at once: those to look at one by one."""
        many = self.many
        left = csr_matrix((len(self.right), 2 * many)) if not len(self.right) else None
        if left is None:
            left = csr_matrix(np.hstack([self.left.toarray(), np.zeros((len(self.right), many))]))
        upper = csr_matrix(np.hstack([-np.eye(many), np.eye(many)]))
        found = linprog(
            np.concatenate([np.zeros(many), -np.ones(many)]), A_ub=upper, b_ub=np.zeros(many),
            A_eq=left if len(self.right) else None, b_eq=self.right if len(self.right) else None,
            bounds=[(0, 1e6)] * many + [(0, 3)] * many,
        )  # fmt: skip
        assert found.success, found.message
        alone = [block for block in range(many) if len(self.people[block]) == 1]
        return sorted({block for block in range(many) if found.x[many + block] < 3 - 1e-6} | set(alone))

    def _span(self, blocks: set[int]) -> tuple[float, float]:
        goal = np.zeros(self.many)
        goal[sorted(blocks)] = 1
        ends = []
        for sign in (1, -1):
            found = linprog(
                sign * goal, A_eq=self.left if len(self.right) else None,
                b_eq=self.right if len(self.right) else None, bounds=(0, 1e6),
            )  # fmt: skip
            assert found.success, found.message
            ends.append(sign * found.fun)
        return ends[0], ends[1]
