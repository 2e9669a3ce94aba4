"""Daily sums put in and taken out: staged aside, put in place of what a file covers, rolled up by month.

What comes here was classified and summed at the door. A replay finds its own digest and changes nothing. Nothing is
read back here for a report.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    delete,
    distinct,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy import insert as plain_insert

from server.core.usage.model import (
    Confidence,
    Direction,
    Quantity,
)
from server.store.database import Store, insert, told
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
from server.store.usage.months import day_at, month_of_ordinal, months_of, ordinals
from server.store.usage.precedence import relation, that_count

_staging = MetaData()
_stage = Table(
    "stage_usage",
    _staging,
    Column("day", Integer, primary_key=True),
    Column("subject_id", Integer, primary_key=True),
    Column("kind_id", Integer, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("samples", BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,
)
_ADD = """
    INSERT INTO stage_usage (day, subject_id, kind_id, amount, samples) VALUES ({places})
    ON CONFLICT (day, subject_id, kind_id) DO UPDATE
    SET amount = stage_usage.amount + excluded.amount, samples = stage_usage.samples + excluded.samples
"""
"""Handed to the driver as it is: millions of rows go through it, and building each one's parameters costs the most."""
_stage_contacts = Table(
    "stage_contact",
    _staging,
    Column("subject_id", Integer, primary_key=True),
    Column("case_id", Integer, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)


Sum: TypeAlias = tuple[int, int, int, int, int]
"""One daily sum on its way in: day, subject, kind, amount, samples. Millions of them: a plain tuple costs least."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is remembered of a file that goes in."""

    uid: str
    digest: str
    rows: int
    faults: int
    unattributable: int
    unclassified: int
    not_gated: int


@dataclass(frozen=True, slots=True)
class Weight:
    """How much some sums are. totals: of each quantity, in counting units."""

    days: int
    subjects: int
    sums: int
    totals: tuple[tuple[Quantity, int], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What putting in what is staged would do.

    before: what would go. after: what comes in its place. late: how many sums are of days outside the period. same:
    nothing would be another. own: all that would go came with this very file. last: the last day of the period with a
    sum.
    """

    before: Weight
    after: Weight
    late: int
    same: bool
    own: bool
    last: date | None


class KeptContact(NamedTuple):
    """Contacts of a device or an account with a client of a case on a day; whose they are is asked when it is read."""

    subject: int
    case: int
    day: int
    channel: str
    direction: Direction
    contacts: int


@dataclass(slots=True)
class StagedUsage:
    """Sums in temporary tables of one connection; several of one key are added up."""

    connection: Connection = field(repr=False)

    def add(self, sums: Iterable[Sum]) -> None:
        """Add sums to those that are there; those that come in order of days cost least."""
        rows = list(sums)
        mark = "?" if self.connection.dialect.name == "sqlite" else "%s"
        if rows:
            self.connection.exec_driver_sql(_ADD.format(places=", ".join([mark] * 5)), rows)
            self.connection.commit()

    def add_contacts(self, contacts: Iterable[KeptContact]) -> None:
        """Add contacts with clients of a case, where consented rules let them be kept."""
        rows = [
            {
                "subject_id": each.subject,
                "case_id": each.case,
                "day": each.day,
                "channel": each.channel,
                "direction": each.direction.value,
                "count": each.contacts,
            }
            for each in contacts
        ]
        statement = insert(self.connection, _stage_contacts)
        statement = statement.on_conflict_do_update(
            index_elements=["subject_id", "case_id", "day", "channel", "direction"],
            set_={"count": _stage_contacts.c["count"] + statement.excluded["count"]},
        )
        if rows:
            self.connection.execute(statement, rows)
            self.connection.commit()


@contextmanager
def staging(store: Store) -> Iterator[StagedUsage]:
    """Empty temporary tables on a connection of their own; gone afterwards, whatever happens."""
    with told(), store.engine.connect() as connection:
        _staging.drop_all(connection)
        _staging.create_all(connection)
        connection.commit()
        try:
            yield StagedUsage(connection)
        finally:
            connection.rollback()
            _staging.drop_all(connection)
            connection.commit()


# --- who, what and whether --------------------------------------------------------------------------------------------


def feed_named(
    connection: Connection,
    name: str,
    covers: str,
    precedence: int,
    measures: str | None = None,
    witness_of: Iterable[str] = (),
) -> int:
    """The id of a feed, made if new; a feed that was withdrawn comes back with its next file."""
    said = {"covers": covers, "precedence": precedence, "measures": measures,
            "witness_of": " ".join(sorted(witness_of)) or None}  # fmt: skip
    statement = insert(connection, usage_feed).values(name=name, **said)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={**said, "withdrawn_at": None}))
    return int(connection.execute(select(usage_feed.c.id).where(usage_feed.c.name == name)).scalar_one())


# --- putting in and taking out --------------------------------------------------------------------------------------


def below_zero(connection: Connection) -> bool:
    """Whether some staged sum is below zero: corrections took back more than there was."""
    return connection.execute(select(_stage.c.day).where(_stage.c.amount < 0).limit(1)).first() is not None


def weigh(connection: Connection, feed_id: int, run: NewRun, *, whole_days: bool, period: tuple[date, date]) -> Change:
    """What putting in what is staged would do; as `apply`, of which it changes nothing."""
    goes = _goes(connection, feed_id, period, whole_days=whole_days)
    days = ordinals(period)
    within = _stage.c.day.between(*days)
    key = (usage_day.c.day, usage_day.c.subject_id, usage_day.c.kind_id)
    gone = (
        select(*key, func.sum(usage_day.c.amount).label("amount"), func.sum(usage_day.c.samples).label("samples"))
        .where(goes)
        .group_by(*key)
        .subquery()
    )
    before, after = _weight(connection, gone), _weight(connection, _stage)
    same = before == after and _same(connection, feed_id, run, gone, days, whole_days=whole_days)
    others = select(usage_day.c.day).join(usage_run, usage_run.c.id == usage_day.c.run_id)
    other = connection.execute(others.where(goes, usage_run.c.digest != run.digest).limit(1)).first()
    late = connection.execute(select(func.count()).select_from(_stage).where(~within)).scalar_one()
    last = connection.execute(select(func.max(_stage.c.day)).where(within)).scalar()
    return Change(before, after, late, same, other is None, day_at(last))


def _weight(connection: Connection, sums: Any) -> Weight:
    query = (
        select(usage_kind.c.quantity, func.sum(sums.c.amount))
        .join(usage_kind, usage_kind.c.id == sums.c.kind_id)
        .group_by(usage_kind.c.quantity)
        .order_by(usage_kind.c.quantity)
    )
    totals = tuple((Quantity(quantity), int(amount)) for quantity, amount in connection.execute(query))
    counts = select(func.count(distinct(sums.c.day)), func.count(distinct(sums.c.subject_id)), func.count())
    days, subjects, found = connection.execute(counts.select_from(sums)).one()
    return Weight(int(days), int(subjects), int(found), totals)


def _same(
    connection: Connection, feed_id: int, run: NewRun, gone: Any, days: tuple[int, int], *, whole_days: bool
) -> bool:
    """Whether sums, contacts and what is told of the file are there to the last one, of these very days."""
    r = usage_run.c
    told = select(r.id).where(
        r.feed_id == feed_id, ~r.withdrawn, r.first_day == days[0], r.last_day == days[1], r.rows == run.rows,
        r.faults == run.faults, r.unattributable == run.unattributable, r.unclassified == run.unclassified,
        r.not_gated == run.not_gated,
    )  # fmt: skip
    if connection.execute(told.limit(1)).first() is None:
        return False
    names = ("day", "subject_id", "kind_id", "amount", "samples")
    other = select(*(_stage.c[name] for name in names)).except_(select(*(gone.c[name] for name in names)))
    if connection.execute(other.limit(1)).first() is not None:
        return False
    fields = ("subject_id", "case_id", "day", "channel", "direction", "count")
    staged = select(*(_stage_contacts.c[name] for name in fields))
    kept = select(*(client_contact.c[name] for name in fields)).where(_clears(feed_id, days, whole_days=whole_days))
    return all(
        connection.execute(one.except_(two).limit(1)).first() is None for one, two in ((staged, kept), (kept, staged))
    )


def _goes(connection: Connection, feed_id: int, period: tuple[date, date], *, whole_days: bool) -> Any:
    """Which daily sums make room: those of the period, and what files that are replaced said of other days.

    What another file said late of a day in the period stays: it was never in a file of these days.
    """
    days = ordinals(period)
    runs = connection.execute(
        select(usage_run).where(usage_run.c.feed_id == feed_id, usage_run.c.late_first.is_not(None))
    ).all()
    day, of = usage_day.c.day, usage_day.c.run_id
    inside = [run for run in runs if days[0] <= run.first_day and run.last_day <= days[1]]
    stays = [and_(of == run.id, not_(day.between(run.first_day, run.last_day))) for run in runs if run not in inside]
    where = or_(
        and_(day.between(*days), not_(or_(*stays))) if stays else day.between(*days),
        *(and_(day.between(run.late_first, run.late_last), of == run.id) for run in inside),
    )
    named = () if whole_days else (usage_day.c.subject_id.in_(select(_stage.c.subject_id)),)
    return and_(usage_day.c.feed_id == feed_id, where, *named)


def going(
    connection: Connection, feed_id: int, period: tuple[date, date], *, whole_days: bool
) -> tuple[tuple[Table, Any], ...]:
    """Each table with which of its rows make room for what is staged."""
    contacts = _clears(feed_id, ordinals(period), whole_days=whole_days)
    return (usage_day, _goes(connection, feed_id, period, whole_days=whole_days)), (client_contact, contacts)


def rivals(connection: Connection, name: str, mine: tuple[str | None, Collection[str]]) -> Sequence[str]:
    """Feeds that tell of what is staged too, and of which nobody has said whether that is the same once more.

    mine: what the feed of that name measures, and which feeds it is a witness of.
    """
    kinds_of, kinds_there = usage_kind.alias("mine"), usage_kind.alias("theirs")
    others = [
        row.id
        for row in connection.execute(select(usage_feed).where(usage_feed.c.name != name))
        if relation(name, mine, row.name, (row.measures, (row.witness_of or "").split())) is None
    ]
    if not others:
        return ()
    nobody = select(usage_subject.c.id).where(usage_subject.c.kind == "nobody")
    query = (
        select(usage_feed.c.name)
        .distinct()
        .select_from(_stage)
        .join(usage_day, and_(usage_day.c.day == _stage.c.day, usage_day.c.subject_id == _stage.c.subject_id))
        .join(usage_feed, usage_feed.c.id == usage_day.c.feed_id)
        .join(kinds_of, kinds_of.c.id == _stage.c.kind_id)
        .join(kinds_there, kinds_there.c.id == usage_day.c.kind_id)
        .where(
            usage_feed.c.id.in_(others),
            kinds_of.c.quantity == kinds_there.c.quantity,
            kinds_of.c.confidence == kinds_there.c.confidence,
            _stage.c.subject_id.not_in(nobody),
            _stage.c.amount > 0,
        )
    )
    return sorted(connection.execute(query).scalars())


def apply(
    connection: Connection,
    feed_id: int,
    run: NewRun,
    confidence: Confidence,
    *,
    whole_days: bool,
    now: datetime,
    period: tuple[date, date],
    replaced: tuple[int, int] = (0, 0),
) -> None:
    """Put what is staged in place of what it covers.

    whole_days: the file is the whole organisation's for its days; else it speaks for the subjects that it names.
    period: the days of which what is staged is all there is, also where that is nothing; sums of other days are added
    to what is there, as this file's own. replaced: days and sums of other files, to be remembered. connection: the
    staging one, in a write transaction.
    """
    days = ordinals(period)
    goes = _goes(connection, feed_id, period, whole_days=whole_days)
    staged = connection.execute(select(_stage.c.day).distinct()).scalars().all()
    late = [day for day in staged if not days[0] <= day <= days[1]]
    touched = {*months_of(days), *map(month_of_ordinal, staged)}
    touched |= set(map(month_of_ordinal, connection.execute(
        select(usage_day.c.day).distinct().where(goes, not_(usage_day.c.day.between(*days)))).scalars()))  # fmt: skip
    connection.execute(delete(client_contact).where(_clears(feed_id, days, whole_days=whole_days)))
    connection.execute(delete(usage_day).where(goes))
    # All that an earlier file said is replaced; if that very file comes again, it is a correction of this one.
    same_file = usage_run.c.digest == run.digest
    inside = and_(usage_run.c.first_day >= days[0], usage_run.c.last_day <= days[1])
    connection.execute(
        update(usage_run)
        .where(usage_run.c.feed_id == feed_id, or_(same_file, inside) if whole_days else same_file)
        .values(withdrawn=True)
    )
    run_id = connection.execute(
        usage_run.insert()
        .returning(usage_run.c.id)
        .values(
            uid=run.uid,
            feed_id=feed_id,
            at=now,
            digest=run.digest,
            rows=run.rows,
            faults=run.faults,
            unattributable=run.unattributable,
            unclassified=run.unclassified,
            not_gated=run.not_gated,
            first_day=days[0],
            last_day=days[1],
            late_first=min(late, default=None),
            late_last=max(late, default=None),
            replaced_days=replaced[0],
            replaced_sums=replaced[1],
        )
    ).scalar_one()
    sums = ["subject_id", "day", "kind_id", "amount", "samples"]
    connection.execute(
        plain_insert(usage_day).from_select(
            ["feed_id", "run_id", *sums],
            select(literal(feed_id), literal(run_id), *(_stage.c[name] for name in sums)).order_by(
                _stage.c.day, _stage.c.subject_id, _stage.c.kind_id
            ),
        )
    )
    contacts = ["subject_id", "case_id", "day", "channel", "direction", "count"]
    connection.execute(
        plain_insert(client_contact).from_select(
            ["feed_id", "run_id", "confidence", *contacts],
            select(
                literal(feed_id), literal(run_id), literal(confidence.value),
                *(_stage_contacts.c[name] for name in contacts),
            ),
        )
    )  # fmt: skip
    _roll_up(connection, sorted(touched))


def withdraw(
    connection: Connection,
    name: str,
    now: datetime,
    *,
    file: str | None = None,
    period: tuple[date, date] | None = None,
) -> int | None:
    """Take a feed's sums out: all of them, those that came with one file (its uid), or those of some days.

    How many there were, or None if there is no such feed or file in use.
    """
    feed_id = connection.execute(
        select(usage_feed.c.id).where(usage_feed.c.name == name, usage_feed.c.withdrawn_at.is_(None))
    ).scalar()
    runs = connection.execute(select(usage_run).where(usage_run.c.feed_id == feed_id, ~usage_run.c.withdrawn)).all()
    chosen = [run for run in runs if file is None or run.uid == file]
    if feed_id is None or (file is not None and not chosen):
        return None
    numbers = [run.id for run in chosen]
    narrow = [] if file is None else [usage_day.c.run_id.in_(numbers)]
    contacts = [] if file is None else [client_contact.c.run_id.in_(numbers)]
    if period is not None:
        days = ordinals(period)
        narrow.append(usage_day.c.day.between(*days))
        contacts.append(client_contact.c.day.between(*days))
    of = and_(usage_day.c.feed_id == feed_id, *narrow)
    months = set(map(month_of_ordinal, connection.execute(select(usage_day.c.day).distinct().where(of)).scalars()))
    gone = connection.execute(delete(usage_day).where(of)).rowcount
    connection.execute(delete(client_contact).where(client_contact.c.feed_id == feed_id, *contacts))
    _roll_up(connection, sorted(months))
    for run in chosen:
        _take_days(connection, run, (run.first_day, run.last_day) if period is None else ordinals(period))
    if len(chosen) == len(runs) and period is None:
        connection.execute(update(usage_run).where(usage_run.c.feed_id == feed_id).values(withdrawn=True))
        connection.execute(update(usage_feed).where(usage_feed.c.id == feed_id).values(withdrawn_at=now))
    return int(gone)


def _take_days(connection: Connection, run: Any, days: tuple[int | None, int | None]) -> None:
    """A file speaks for these days no longer: for none, for fewer at one end, or for two parts."""
    first, last = days
    if run.first_day is None or first is None or last is None or (first <= run.first_day and run.last_day <= last):
        connection.execute(update(usage_run).where(usage_run.c.id == run.id).values(withdrawn=True))
        return
    if last < run.first_day or run.last_day < first:
        return
    change = {"first_day": last + 1} if first <= run.first_day else {"last_day": first - 1}
    connection.execute(update(usage_run).where(usage_run.c.id == run.id).values(**change))
    if run.first_day < first and last < run.last_day:
        rest = {**run._asdict(), "uid": f"{run.uid}b", "digest": f"{run.digest}b", "first_day": last + 1, "rows": 0,
                "faults": 0, "unattributable": 0, "unclassified": 0, "not_gated": 0, "late_first": None,
                "late_last": None, "replaced_days": 0, "replaced_sums": 0}  # fmt: skip
        del rest["id"]
        number = connection.execute(usage_run.insert().returning(usage_run.c.id).values(**rest)).scalar_one()
        for table in (usage_day, client_contact):
            connection.execute(
                update(table)
                .where(table.c.run_id == run.id, table.c.day.between(last + 1, run.last_day))
                .values(run_id=number)
            )


def _clears(feed_id: int, days: tuple[int, int], *, whole_days: bool) -> Any:
    """Which contacts with clients make room for those of a file: of its days, and of its subjects if it names some."""
    table = client_contact
    within = and_(
        table.c.feed_id == feed_id,
        or_(
            and_(
                table.c.day.between(*days),
                table.c.run_id.in_(
                    select(usage_run.c.id).where(
                        usage_run.c.feed_id == feed_id,
                        table.c.day.between(usage_run.c.first_day, usage_run.c.last_day),
                    )
                ),
            ),
            table.c.run_id.in_(
                select(usage_run.c.id).where(
                    usage_run.c.feed_id == feed_id,
                    usage_run.c.first_day >= days[0],
                    usage_run.c.last_day <= days[1],
                )
            ),
        ),
    )
    return within if whole_days else and_(within, table.c.subject_id.in_(select(_stage.c.subject_id)))


def roll_up(connection: Connection, days: Iterable[int]) -> None:
    """Make the monthly rows of these days anew."""
    _roll_up(connection, sorted({month_of_ordinal(day) for day in days}))


def _roll_up(connection: Connection, months: Sequence[int]) -> None:
    """Make the monthly rows of these months anew; of two feeds that tell of one thing the one that counts."""
    for month in months:
        connection.execute(delete(usage_month).where(usage_month.c.month == month))
        connection.execute(delete(usage_month_days).where(usage_month_days.c.month == month))
        chosen = that_count(connection, month)
        connection.execute(
            plain_insert(usage_month).from_select(
                ["month", "subject_id", "kind_id", "amount", "samples"],
                select(
                    literal(month),
                    usage_day.c.subject_id,
                    usage_day.c.kind_id,
                    func.sum(usage_day.c.amount),
                    func.sum(usage_day.c.samples),
                )
                .where(*chosen)
                .group_by(usage_day.c.subject_id, usage_day.c.kind_id),
            )
        )
        by = (usage_day.c.subject_id, usage_kind.c.quantity, usage_kind.c.confidence, usage_kind.c.profile)
        connection.execute(
            plain_insert(usage_month_days).from_select(
                ["month", "subject_id", "quantity", "confidence", "profile", "days"],
                select(literal(month), *by, func.count(distinct(usage_day.c.day)))
                .join(usage_kind, usage_kind.c.id == usage_day.c.kind_id)
                .where(*chosen, usage_day.c.amount + usage_day.c.samples > 0)
                .group_by(*by),
            )
        )
