"""Daily sums of usage read back, by month, part and phone, for reports and declarations; nothing is put in here."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    Select,
    and_,
    delete,
    distinct,
    func,
    literal,
    select,
)

from server.core.reports.channel_tables import Had
from server.core.usage.counterparties import ALWAYS, NEVER, Days, Held, holder_on, in_team, whose
from server.core.usage.model import (
    ClientContact,
    Confidence,
    DeviceTotals,
    Direction,
    Profile,
    Quantity,
    Split,
    Use,
)
from server.store.admin import spells
from server.store.database import fill, scratch
from server.store.schema.base import device, worker
from server.store.schema.usage import (
    client_contact,
    usage_day,
    usage_feed,
    usage_kind,
    usage_month,
    usage_month_days,
    usage_run,
    usage_subject,
)
from server.store.usage.months import bounds, day_at, month_of_ordinal, months_of
from server.store.usage.precedence import that_count
from server.store.usage.subjects import holders, kinds

_part = scratch(
    "scratch_part",
    Column("subject_id", Integer, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("part", Integer, nullable=False),
)
_piece = scratch(
    "scratch_piece",
    Column("subject_id", Integer, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("part", Integer, nullable=False),
)
"""Whole months of subjects, and days: what is summed together has the same `part`."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One file taken in, how much of it could not be placed, and how much of other files it took the place of."""

    uid: str
    feed: str
    at: datetime
    digest: str
    rows: int
    faults: int
    unattributable: int
    unclassified: int
    not_gated: int
    first: date | None
    last: date | None
    withdrawn: bool
    replaced_days: int = 0
    replaced_sums: int = 0


def read_runs(connection: Connection) -> Sequence[RunRow]:
    """Every file that was taken in, newest first."""
    rows = connection.execute(
        select(usage_run, usage_feed.c.name)
        .join(usage_feed, usage_feed.c.id == usage_run.c.feed_id)
        .order_by(usage_run.c.id.desc())
    )
    return [
        RunRow(
            r.uid,
            r.name,
            r.at,
            r.digest,
            r.rows,
            r.faults,
            r.unattributable,
            r.unclassified,
            r.not_gated,
            day_at(r.first_day),
            day_at(r.last_day),
            r.withdrawn,
            r.replaced_days,
            r.replaced_sums,
        )
        for r in rows
    ]


def teams(connection: Connection, first: date = date.min, last: date = date.max) -> Mapping[str, frozenset[int]]:
    """Each team by its name, with whoever was in it on one of these days; workers of no team are left out."""
    found: dict[str, set[int]] = {}
    for theirs in spells.memberships(connection).values():
        for each in theirs:
            if each.team and each.first <= last and (each.last is None or first <= each.last):
                found.setdefault(each.team, set()).add(each.worker)
    return {name: frozenset(members) for name, members in sorted(found.items())}


def all_workers(connection: Connection) -> frozenset[int]:
    """Every worker there is."""
    return frozenset(connection.execute(select(worker.c.id)).scalars())


def workers_of(connection: Connection, employers: frozenset[int]) -> frozenset[int]:
    """The workers of these employers."""
    return frozenset(connection.execute(select(worker.c.id).where(worker.c.employer_id.in_(employers))).scalars())


_DayKey: TypeAlias = tuple[int, str, str, str]


class Part(NamedTuple):
    """Days of a subject, both included, that are summed with those of the same key."""

    subject: int
    first: int
    last: int
    key: int


def _fill_parts(connection: Connection, parts: Iterable[Part], first: int, last: int) -> set[int]:
    """Months that lie whole in a part, and by itself each month that does not; which months those are."""
    whole: list[tuple[int, int, int, int]] = []
    broken: list[tuple[int, int, int, int]] = []
    begin, end = bounds(first)[0].toordinal(), bounds(last)[1].toordinal()
    for part in parts:
        since, until = max(part.first, begin), min(part.last, end)
        if until < since:
            continue
        months = months_of((since, until))
        full = [month for month in months if _lies_in(month, since, until)]
        if full:
            whole.append((part.subject, full[0], full[-1], part.key))
        for month in {months[0], months[-1]}.difference(full):
            of = [day.toordinal() for day in bounds(month)]
            broken.append((part.subject, max(since, of[0]), min(until, of[1]), part.key))
    fill(connection, _part, whole)
    fill(connection, _piece, broken)
    return {month_of_ordinal(row[1]) for row in broken}


def _lies_in(month: int, first: int, last: int) -> bool:
    begin, end = bounds(month)
    return first <= begin.toordinal() and end.toordinal() <= last


def part_sums(
    connection: Connection, parts: Iterable[Part], first: int, last: int
) -> tuple[Sequence[tuple[int, int, int, int, int]], Mapping[_DayKey, int]]:
    """Sums of parts in these months as (month, key, kind, amount, samples); and on how many days of a subject there was
    any, by key, quantity, confidence and profile.

    Months that lie whole in a part are read as months, the others day by day: few are.
    """
    broken = _fill_parts(connection, parts, first, last)
    within = and_(
        _part.c.subject_id == usage_month.c.subject_id, usage_month.c.month.between(_part.c.first, _part.c.last)
    )
    by = (usage_month.c.month, _part.c.part, usage_month.c.kind_id)
    whole: Select[Any] = select(*by, func.sum(usage_month.c.amount), func.sum(usage_month.c.samples))
    found = [_row(row) for row in connection.execute(whole.join(_part, within).group_by(*by))]
    told = usage_month_days.c
    kind_of = (told.quantity, told.confidence, told.profile)
    counted: Select[Any] = (
        select(_part.c.part, *kind_of, func.sum(told.days))
        .join(_part, and_(_part.c.subject_id == told.subject_id, told.month.between(_part.c.first, _part.c.last)))
        .group_by(_part.c.part, *kind_of)
    )
    days: Counter[_DayKey] = Counter({(row[0], row[1], row[2], row[3]): int(row[4]) for row in
                                      connection.execute(counted)})  # fmt: skip
    for month in sorted(broken):
        counting = that_count(connection, month)
        piece = and_(
            _piece.c.subject_id == usage_day.c.subject_id, usage_day.c.day.between(_piece.c.first, _piece.c.last)
        )
        pieces = (_piece.c.part, usage_day.c.kind_id)
        broken_sums: Select[Any] = (
            select(literal(month), *pieces, func.sum(usage_day.c.amount), func.sum(usage_day.c.samples))
            .select_from(usage_day)
            .join(_piece, piece)
            .where(*counting)
            .group_by(*pieces)
        )
        found += [_row(row) for row in connection.execute(broken_sums)]
        own = (_piece.c.part, usage_kind.c.quantity, usage_kind.c.confidence, usage_kind.c.profile)
        broken_days: Select[Any] = (
            select(*own, func.count(distinct(usage_day.c.day)))
            .select_from(usage_day)
            .join(_piece, piece)
            .join(usage_kind, usage_kind.c.id == usage_day.c.kind_id)
            .where(*counting, usage_day.c.amount + usage_day.c.samples > 0)
            .group_by(*own, usage_day.c.subject_id)
        )
        for row in connection.execute(broken_days):
            days[row[0], row[1], row[2], row[3]] += int(row[4])
    return found, days


def _row(row: Any) -> tuple[int, int, int, int, int]:
    month, key, kind, amount, samples = map(int, row)
    return month, key, kind, amount, samples


@dataclass(frozen=True, slots=True)
class Lent:
    """A subject and who had it in which team on which days. worker: None: nobody, or two at once."""

    subject: int | None
    kind: str
    pieces: tuple[tuple[Days, int | None, str], ...]


def whose_subjects(connection: Connection, span: Days) -> Sequence[Lent]:
    """Every device, every worker's account, and nobody, with who had it in which team on each day of a span.

    subject: None of a device or an account of which no feed ever told.
    """
    held = holders(connection)
    teams_of = {
        number: [((each.first.toordinal(), NEVER if each.last is None else each.last.toordinal()), each.team)
                 for each in theirs]
        for number, theirs in spells.memberships(connection).items()
    }  # fmt: skip
    rows = connection.execute(select(usage_subject)).all()
    of_device = {row.device_id: row.id for row in rows if row.device_id is not None}
    of_worker = {row.worker_id: row.id for row in rows if row.worker_id is not None}

    def pieces(theirs: Sequence[Held]) -> tuple[tuple[Days, int | None, str], ...]:
        return tuple(
            (days, worker_id, team)
            for piece, worker_id in whose(theirs, span)
            for days, team in in_team(piece, teams_of.get(worker_id or 0, ()))
        )

    found = [
        Lent(of_device.get(number), "device", pieces(held.get(number, ())))
        for number in connection.execute(select(device.c.id)).scalars().all()
    ]
    found += [
        Lent(of_worker.get(number), "account", pieces([Held(number, (ALWAYS, NEVER))])) for number in sorted(teams_of)
    ]
    return found + [Lent(row.id, "nobody", ((span, None, ""),)) for row in rows if row.kind == "nobody"]


def _span(first: int, last: int) -> Days:
    return bounds(first)[0].toordinal(), bounds(last)[1].toordinal()


def month_stamp(connection: Connection, month: int, lent: Sequence[Lent]) -> str:
    """A word that changes when the sums of a month do, or whose they are: so that only what changed is read again."""
    mixed = (usage_month.c.amount % 999_983) * (usage_month.c.subject_id % 997 + usage_month.c.kind_id % 991 + 1)
    row = connection.execute(
        select(func.count(), func.sum(mixed), func.sum(usage_month.c.samples % 999_983)).where(
            usage_month.c.month == month
        )
    ).one()
    whose_they_are = hashlib.blake2b(repr(lent).encode(), digest_size=8).hexdigest()
    return "-".join([*(str(int(each or 0)) for each in row), whose_they_are])


def had(connection: Connection, month: int, lent: Sequence[Lent]) -> Sequence[Had]:
    """Each sum of a month with whose it is and in which team they were. lent: of that month (`whose_subjects`)."""
    keys: dict[tuple[int, str, int], int] = {}
    parts = [
        Part(each.subject, *days, keys.setdefault((worker_id or 0, team, each.subject), len(keys)))
        for each in lent
        if each.subject is not None
        for days, worker_id, team in each.pieces
    ]
    of = list(keys)
    totals: dict[tuple[int, int], tuple[int, int]] = {}
    for _, key, kind, amount, samples in part_sums(connection, parts, month, month)[0]:
        before = totals.get((key, kind), (0, 0))
        totals[key, kind] = before[0] + amount, before[1] + samples
    return [Had(*of[key], kind, *both) for (key, kind), both in totals.items()]


def lent_in(connection: Connection, month: int) -> Sequence[Lent]:
    """Whose each subject was in a month, and in which team."""
    return whose_subjects(connection, _span(month, month))


def sizes_of(lent: Sequence[Lent]) -> Mapping[str, Mapping[str, int]]:
    """How many devices, and how many workers' accounts, each team had, "" being no team."""
    found: dict[str, Counter[str]] = {"device": Counter(), "account": Counter()}
    for each in lent:
        if each.kind in found:
            found[each.kind].update({team for _, _, team in each.pieces})
    return found


def covers_in(connection: Connection, month: int) -> Mapping[str, frozenset[str]]:
    """By quantity and way of knowing ("calls/measured"): whether devices, accounts or both are told of in a month."""
    rows = connection.execute(
        select(usage_month_days.c.quantity, usage_month_days.c.confidence, usage_subject.c.kind)
        .join(usage_subject, usage_subject.c.id == usage_month_days.c.subject_id)
        .where(usage_month_days.c.month == month, usage_subject.c.kind != "nobody")
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for quantity, confidence, kind in rows:
        found.setdefault(f"{quantity}/{confidence}", set()).add(kind)
    return {measure: frozenset(kinds) for measure, kinds in found.items()}


_USES = (Use.BUSINESS, Use.PRIVATE, Use.UNCLASSIFIED)
"""In the order of a Split."""
_DeviceKey: TypeAlias = tuple[int, Quantity, Confidence, Profile]


def device_totals(connection: Connection, first: int, last: int) -> Sequence[DeviceTotals]:
    """What `core.declarations` computes shares from: devices' own sums only, never an account's."""
    span = _span(first, last)
    of_devices = select(usage_subject.c.device_id).where(usage_subject.c.device_id.is_not(None))
    chosen = dict.fromkeys(connection.execute(of_devices).scalars(), (span,))
    return totals_on(connection, chosen, first, last)


def totals_on(
    connection: Connection, days_of: Mapping[int, Collection[Days]], first: int, last: int
) -> Sequence[DeviceTotals]:
    """The same of chosen days of each device, within these months."""
    of = kinds(connection)
    subject_of = {
        row.device_id: row.id
        for row in connection.execute(select(usage_subject).where(usage_subject.c.device_id.is_not(None)))
    }
    parts = [
        Part(subject_of[number], *piece, number)
        for number, pieces in days_of.items()
        if number in subject_of
        for piece in pieces
    ]
    sums_, days = part_sums(connection, parts, first, last)
    amounts: dict[_DeviceKey, list[int]] = {}
    samples: dict[_DeviceKey, list[int]] = {}
    for _, number, kind_id, amount, looks in sums_:
        kind = of[kind_id]
        key = (number, kind.quantity, kind.confidence, kind.profile)
        use = _USES.index(kind.use)
        amounts.setdefault(key, [0, 0, 0])[use] += amount
        samples.setdefault(key, [0, 0, 0])[use] += looks
    return [
        DeviceTotals(
            device=key[0],
            quantity=key[1],
            confidence=key[2],
            profile=key[3],
            amounts=Split(*amounts[key]),
            days=days.get((key[0], key[1].value, key[2].value, key[3].value), 0),
            samples=Split(*samples[key]),
        )
        for key in sorted(amounts)
    ]


def measured_quantities(connection: Connection, first: int, last: int) -> Mapping[int, frozenset[Quantity]]:
    """For each device the quantities of which some feed told anything in these months."""
    found: dict[int, set[Quantity]] = {}
    for row in connection.execute(
        select(usage_subject.c.device_id, usage_month_days.c.quantity)
        .distinct()
        .join(usage_subject, usage_subject.c.id == usage_month_days.c.subject_id)
        .where(usage_month_days.c.month.between(first, last), usage_subject.c.device_id.is_not(None))
    ):
        found.setdefault(row[0], set()).add(Quantity(row[1]))
    return {number: frozenset(quantities) for number, quantities in found.items()}


def devices_with_apps_measured(connection: Connection, first: int, last: int) -> frozenset[int]:
    """The devices of which some feed tells in these months how apps are used, whichever those are."""
    of_apps = (Quantity.SCREEN_MINUTES.value, Quantity.MESSAGES.value)
    found = connection.execute(
        select(usage_subject.c.device_id)
        .distinct()
        .join(usage_month_days, usage_month_days.c.subject_id == usage_subject.c.id)
        .where(
            usage_month_days.c.month.between(first, last),
            usage_month_days.c.quantity.in_(of_apps),
            usage_month_days.c.confidence.in_((Confidence.MEASURED.value, Confidence.SAMPLED.value)),
            usage_subject.c.device_id.is_not(None),
        )
    )
    return frozenset(found.scalars())


def read_contacts(connection: Connection, first: date, last: date) -> Sequence[ClientContact]:
    """Contacts of workers with clients of cases, kept where consented rules allow it, of who had the phone that day.

    Where nobody is known to have had it, or two had, a contact is nobody's and is left out.
    """
    held = holders(connection)
    query = (
        select(client_contact, client_contact.c["count"].label("contacts"), usage_subject.c.device_id,
               usage_subject.c.worker_id)
        .join(usage_subject, usage_subject.c.id == client_contact.c.subject_id)
        .where(client_contact.c.day.between(first.toordinal(), last.toordinal()))
        .order_by(client_contact.c.case_id, client_contact.c.day, client_contact.c.subject_id)
    )  # fmt: skip
    found = []
    for r in connection.execute(query):
        of = r.worker_id if r.device_id is None else holder_on(held.get(r.device_id, ()), r.day)
        if of is not None:
            found.append(
                ClientContact(
                    of, r.case_id, date.fromordinal(r.day), Direction(r.direction), Confidence(r.confidence),
                    r.channel or None, r.contacts,
                )
            )  # fmt: skip
    return sorted(found, key=lambda each: (each.case, each.worker, each.day))


def days_of_devices(connection: Connection) -> Sequence[tuple[date, date]]:
    """Of which days the files in use of feeds of devices tell, whatever is in them."""
    query = (
        select(usage_run.c.first_day, usage_run.c.last_day)
        .join(usage_feed, usage_feed.c.id == usage_run.c.feed_id)
        .where(usage_feed.c.covers == "device", ~usage_run.c.withdrawn, usage_run.c.first_day.is_not(None))
    )
    return [(date.fromordinal(first), date.fromordinal(last)) for first, last in connection.execute(query)]


def count_contacts(connection: Connection) -> int:
    """How many rows tell of contacts with clients."""
    return int(connection.execute(select(func.count()).select_from(client_contact)).scalar_one())


def forget_contacts(connection: Connection) -> int:
    """Delete all that tells of contacts with clients; how many rows."""
    return int(connection.execute(delete(client_contact)).rowcount)
