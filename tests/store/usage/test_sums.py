"""Usage as sums, on both databases: what a file replaces, what of two feeds counts, and what reports are given."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import count, pairwise

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from server.core.reports.channel_tables import Had
from server.core.reports.disclosure import Cell, Release
from server.core.usage.model import (
    Confidence,
    Counterparty,
    DeviceTotals,
    Direction,
    Profile,
    Quantity,
    Split,
    Use,
)
from server.store.database import Store
from server.store.schema.base import device
from server.store.schema.usage import usage_day, usage_kind, usage_month
from server.store.usage import declarations, ingest
from server.store.usage import subjects as usage_subjects
from server.store.usage import sums as usage
from server.store.usage.ingest import KeptContact, NewRun, Sum
from server.store.usage.subjects import KindKey
from server.store.usage.sums import Part
from tests.store.fixtures import Databases, migrate
from tests.store.ground import NOW, SEALER, lay

FIRST = date(2025, 2, 3).toordinal()
FEBRUARY = 2025 * 12 + 1
FILES = count()
MINUTES = KindKey(
    Quantity.MINUTES, Confidence.MEASURED, Profile.WHOLE, Use.BUSINESS, "phone", Counterparty.CLIENT, Direction.OUT
)
UNKNOWN = MINUTES._replace(use=Use.UNCLASSIFIED, counterparty=Counterparty.UNKNOWN)
PRIVATE = MINUTES._replace(use=Use.PRIVATE, channel="", counterparty=Counterparty.UNKNOWN, direction=Direction.UNKNOWN)


def prepare(url: str) -> None:
    """Two workers with a phone each."""
    migrate(url)
    store = Store(url)
    lay(store, workers=2)
    store.close()


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    opened = Store(databases.fresh("usage", prepare))
    yield opened
    opened.close()


@pytest.fixture
def subjects(store: Store) -> Sequence[int]:
    """The two phones as subjects of usage."""
    with store.write() as connection:
        found = usage_subjects.subjects(connection, "device", NOW.date(), "observation")
    return [found[name].id for name in sorted(found)]


def kinds(store: Store, *keys: KindKey) -> list[int]:
    with store.write() as connection:
        known = usage_subjects.kind_ids(connection, keys)
    return [known[key] for key in keys]


def put(
    store: Store,
    *sums: Sum,
    feed: str = "bill",
    precedence: int = 50,
    digest: str = "",
    whole: bool = True,
    contacts: Sequence[KeptContact] = (),
    measures: str | None = None,
    period: tuple[date, date] | None = None,
) -> None:
    with ingest.staging(store) as staged:
        staged.add(sums)
        staged.add_contacts(contacts)
        connection = staged.connection.execution_options(closeout_write=True)
        with connection.begin():
            number = ingest.feed_named(connection, feed, "device", precedence, measures)
            name = digest or f"file-{next(FILES)}"
            run = NewRun(f"{feed}-{name}", name, len(sums), 0, 0, 0, 0)
            days = [date.fromordinal(each[0]) for each in sums]
            span = period or (min(days, default=NOW.date()), max(days, default=NOW.date()))
            ingest.apply(connection, number, run, Confidence.MEASURED, whole_days=whole, now=NOW, period=span)


def rows(store: Store) -> list[tuple[int, int, int, int]]:
    query = select(usage_day.c.day, usage_day.c.subject_id, usage_day.c.kind_id, usage_day.c.amount)
    with store.read() as connection:
        return sorted(tuple(row) for row in connection.execute(query))


def months(store: Store) -> list[tuple[int, int, int, int]]:
    query = select(usage_month.c.month, usage_month.c.subject_id, usage_month.c.kind_id, usage_month.c.amount)
    with store.read() as connection:
        return sorted(tuple(row) for row in connection.execute(query))


def test_sums_of_one_key_are_added_whatever_order_they_come_in(store: Store, subjects: Sequence[int]):
    (kind,) = kinds(store, MINUTES)
    one, two = subjects
    put(store, (FIRST + 1, two, kind, 5, 0), (FIRST, one, kind, 60, 0), (FIRST, one, kind, 40, 0))
    assert rows(store) == [(FIRST, one, kind, 100), (FIRST + 1, two, kind, 5)]
    assert months(store) == [(FEBRUARY, one, kind, 100), (FEBRUARY, two, kind, 5)]


def test_a_file_of_whole_days_replaces_them_and_one_of_subjects_only_its_own(store: Store, subjects: Sequence[int]):
    (kind,) = kinds(store, MINUTES)
    one, two = subjects
    put(store, (FIRST, one, kind, 1, 0), (FIRST, two, kind, 2, 0), (FIRST + 9, one, kind, 3, 0))
    put(store, (FIRST, one, kind, 10, 0), whole=False)
    assert rows(store) == [(FIRST, one, kind, 10), (FIRST, two, kind, 2), (FIRST + 9, one, kind, 3)]
    put(store, (FIRST, two, kind, 20, 0))
    assert rows(store) == [(FIRST, two, kind, 20), (FIRST + 9, one, kind, 3)]


def test_of_two_feeds_that_tell_of_one_thing_the_lower_number_counts_and_both_stay(
    store: Store, subjects: Sequence[int]
):
    minutes, unknown = kinds(store, MINUTES, UNKNOWN)
    one, two = subjects
    put(store, (FIRST, one, minutes, 100, 0), (FIRST, two, minutes, 7, 0), feed="app", precedence=20, measures="device")
    put(store, (FIRST, one, unknown, 90, 0), feed="bill", precedence=10, measures="sim")
    assert months(store) == [(FEBRUARY, one, unknown, 90), (FEBRUARY, two, minutes, 7)]
    assert len(rows(store)) == 3
    with store.write() as connection:
        assert ingest.withdraw(connection, "bill", NOW) == 1
        assert ingest.withdraw(connection, "bill", NOW) is None
    assert months(store) == [(FEBRUARY, one, minutes, 100), (FEBRUARY, two, minutes, 7)]


def weigh(store: Store, *sums: Sum, period: tuple[date, date], digest: str = "abc") -> ingest.Change:
    with ingest.staging(store) as staged:
        staged.add(sums)
        connection = staged.connection.execution_options(closeout_write=True)
        with connection.begin() as transaction:
            number = ingest.feed_named(connection, "bill", "device", 50)
            run = NewRun("new", digest, len(sums), 0, 0, 0, 0)
            found = ingest.weigh(connection, number, run, whole_days=True, period=period)
            transaction.rollback()
    return found


def test_what_a_file_would_change_is_weighed_and_the_same_to_the_last_sum_is_no_change(
    store: Store, subjects: Sequence[int]
):
    minutes, unknown = kinds(store, MINUTES, UNKNOWN)
    one, two = subjects
    day = date.fromordinal(FIRST)
    period = (day.replace(day=1), day.replace(day=28))
    old = [(FIRST, one, minutes, 60, 0), (FIRST + 1, two, minutes, 30, 0)]
    put(store, *old, digest="abc", period=period)
    assert weigh(store, *old, period=period).same
    assert not weigh(store, *old, period=(period[0], period[1] - timedelta(days=1))).same, "it speaks for fewer days"
    learnt = weigh(store, (FIRST, one, unknown, 60, 0), old[1], period=period)
    assert (learnt.same, learnt.own, learnt.before.sums, learnt.after.sums) == (False, True, 2, 2)
    other = weigh(store, (FIRST, one, minutes, 5, 0), period=period, digest="other")
    assert other == ingest.Change(
        before=ingest.Weight(2, 2, 2, ((Quantity.MINUTES, 90),)),
        after=ingest.Weight(1, 1, 1, ((Quantity.MINUTES, 5),)),
        late=0,
        same=False,
        own=False,
        last=day,
    )


def test_private_use_with_any_detail_cannot_be_stored(store: Store):
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(
            usage_kind.insert().values(**{k: str(v) for k, v in PRIVATE._replace(channel="phone")._asdict().items()})
        )


def test_a_device_is_summed_by_use_and_a_month_by_whose_it_is(store: Store, subjects: Sequence[int]):
    minutes, unknown, private = kinds(store, MINUTES, UNKNOWN, PRIVATE)
    one, two = subjects
    put(
        store,
        (FIRST, one, minutes, 60, 0), (FIRST + 1, one, minutes, 30, 0), (FIRST, one, unknown, 20, 0),
        (FIRST, one, private, 10, 0), (FIRST, two, minutes, 5, 0),
    )  # fmt: skip
    with store.read() as connection:
        first, second = (row[0] for row in connection.execute(select(device.c.id).order_by(device.c.ref)))
        found = usage.device_totals(connection, FEBRUARY, FEBRUARY)
        had = sorted(usage.had(connection, FEBRUARY, usage.lent_in(connection, FEBRUARY)))
        people = connection.execute(select(device.c.worker_id).order_by(device.c.ref)).scalars().all()
    kind = (Quantity.MINUTES, Confidence.MEASURED)
    assert found == [
        DeviceTotals(first, *kind, Split(90, 10, 20), 2),
        DeviceTotals(second, *kind, Split(5, 0, 0), 1),
    ]
    assert had == sorted(
        [
            Had(people[0], "team-1", one, minutes, 90),
            Had(people[0], "team-1", one, unknown, 20),
            Had(people[0], "team-1", one, private, 10),
            Had(people[1], "team-1", two, minutes, 5),
        ]
    )


def test_contacts_of_a_file_are_replaced_with_it_and_read_back_in_order(store: Store, subjects: Sequence[int]):
    (kind,) = kinds(store, MINUTES)
    contact = KeptContact(subjects[0], 1, FIRST, "phone", Direction.OUT, 2)
    put(store, (FIRST, subjects[0], kind, 1, 0), contacts=[contact, contact])
    span = date.fromordinal(FIRST), date.fromordinal(FIRST + 5)
    with store.read() as connection:
        (read,) = usage.read_contacts(connection, *span)
    assert (read.worker, read.case, read.direction, read.channel, read.count) == (1, 1, Direction.OUT, "phone", 4)
    put(store, (FIRST, subjects[0], kind, 1, 0))
    with store.read() as connection:
        assert usage.read_contacts(connection, *span) == []


def test_staging_leaves_nothing_behind_when_it_is_left_half_way(store: Store, subjects: Sequence[int]):
    (kind,) = kinds(store, MINUTES)
    with suppress(RuntimeError), ingest.staging(store) as staged:
        staged.add([(FIRST, subjects[0], kind, 1, 0)])
        raise RuntimeError
    assert rows(store) == []
    put(store, (FIRST, subjects[0], kind, 2, 0))
    assert rows(store) == [(FIRST, subjects[0], kind, 2)]


def test_what_a_report_showed_is_read_back_and_the_same_again_is_kept_once(store: Store):
    release = Release(
        atoms={("a", 1): Cell(5, frozenset({1, 2})), ("a", 2): Cell(3, frozenset({2}))},
        shown={("a", None): frozenset({("a", 1), ("a", 2)})},
        withheld={("a", 2): frozenset({("a", 2)})},
    )
    for _ in range(2):
        with store.write() as connection:
            declarations.remember_release(connection, SEALER, "channels", release, NOW)
    with store.read() as connection:
        (read,) = declarations.read_releases(connection, SEALER, "channels")
        assert declarations.read_releases(connection, SEALER, "other") == []
    assert (dict(read.atoms), dict(read.shown), dict(read.withheld)) == (
        dict(release.atoms),
        dict(release.shown),
        dict(release.withheld),
    )


def test_sums_of_chosen_days_are_those_that_are_counted_day_by_day(store: Store, subjects: Sequence[int]):
    """Months that lie whole in a part come from the months, the others from the days: both must count the same."""
    dice = random.Random(5)
    ids = kinds(store, MINUTES, UNKNOWN)
    begin, end = (day.toordinal() for day in (date(2025, 1, 1), date(2025, 4, 30)))
    told = {
        (day, subject, kind): dice.randrange(1, 100)
        for day in range(begin, end + 1)
        for subject in subjects
        for kind in ids
        if dice.random() < 0.4
    }
    put(store, *[(*key, amount, 0) for key, amount in told.items()])
    for _ in range(8):
        cuts = sorted(dice.sample(range(begin, end), 3))
        parts = [
            Part(subject, first + 1, last, dice.randrange(3))
            for subject in subjects
            for first, last in pairwise([begin - 1, *cuts, end])
        ]
        with store.read() as connection:
            found, days = usage.part_sums(connection, parts, FEBRUARY - 1, FEBRUARY + 2)
        by_key: Counter[tuple[int, int]] = Counter()
        for _, key, kind, amount, _ in found:
            by_key[key, kind] += amount
        expected: Counter[tuple[int, int]] = Counter()
        seen: set[tuple[int, int, int]] = set()
        for (day, subject, kind), amount in told.items():
            (key,) = {part.key for part in parts if part.subject == subject and part.first <= day <= part.last}
            expected[key, kind] += amount
            seen.add((key, subject, day))
        assert by_key == expected
        by_days = Counter(key for key, _, _ in seen)
        assert {key: count for (key, _, _, _), count in days.items()} == dict(by_days)
