"""Usage as daily sums: staged in a temporary table, put in place of what a file covers, rolled up by month, read back.

What comes here was classified and summed at the door. A replay finds its own digest and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import permutations
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Select,
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
    tuple_,
    update,
)
from sqlalchemy import insert as plain_insert

from mdm_adapters.port import Token
from server.core.model import ContactClass, Whose
from server.core.reports.channel_tables import Had, UsageKind
from server.core.usage.counterparties import ALWAYS, NEVER, Days, Held, holder_on, in_team, whose
from server.core.usage.model import (
    ClientContact,
    Confidence,
    Counterparty,
    DeviceTotals,
    Direction,
    Profile,
    Quantity,
    Split,
    Use,
)
from server.store.admin import spells
from server.store.database import Store, fill, insert, scratch, told
from server.store.schema.base import cases, device, directory, employer, gate, identifier, installation, link, worker
from server.store.schema.usage import (
    client_contact,
    device_holding,
    usage_day,
    usage_feed,
    usage_kind,
    usage_month,
    usage_month_days,
    usage_run,
    usage_subject,
)
from server.store.usage.case_days import day_of

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


Sum: TypeAlias = tuple[int, int, int, int, int]
"""One daily sum on its way in: day, subject, kind, amount, samples. Millions of them: a plain tuple costs least."""


class KindKey(NamedTuple):
    """What a sum is of; `channel` is "" where none is known."""

    quantity: Quantity
    confidence: Confidence
    profile: Profile
    use: Use
    channel: str
    counterparty: Counterparty
    direction: Direction


@dataclass(frozen=True, slots=True)
class Subject:
    """Of whom sums are kept. worker: who holds the device or the account now. device: None for an account."""

    id: int
    worker: int
    device: int | None
    gated: bool


@dataclass(frozen=True, slots=True)
class KnownLink:
    """What the register says of one identifier: in the directory (case: None), or in one case.

    former: the day from which the number is theirs no more.
    """

    token: Token
    contact_class: ContactClass
    case: int | None = None
    former: int = NEVER


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


def covers_of(connection: Connection, name: str) -> str | None:
    """Whether a known feed covers devices or accounts; None: it is not known."""
    found: str | None = connection.execute(select(usage_feed.c.covers).where(usage_feed.c.name == name)).scalar()
    return found


def subjects(connection: Connection, covers: str, today: date, scope: str) -> dict[str, Subject]:
    """Every device or worker by its reference, as a subject of usage; made where there is none yet.

    gated: a demo, or the employer has a gate of that scope in force.
    """
    if covers == "device":
        rows = connection.execute(
            select(device.c.id, device.c.ref, worker.c.id.label("worker"), worker.c.employer_id).join(
                worker, worker.c.id == device.c.worker_id
            )
        ).all()
        key = usage_subject.c.device_id
        made = [{"kind": "device", "device_id": row.id} for row in rows]
    else:
        rows = connection.execute(
            select(worker.c.id, worker.c.ref, worker.c.id.label("worker"), worker.c.employer_id)
        ).all()
        key = usage_subject.c.worker_id
        made = [{"kind": "account", "worker_id": row.id} for row in rows]
    if made:
        connection.execute(insert(connection, usage_subject).on_conflict_do_nothing(), made)
    ids = {
        row.of: row.id
        for row in connection.execute(select(usage_subject.c.id, key.label("of")).where(key.is_not(None)))
    }
    allowed = gated_employers(connection, today, scope)
    return {
        row.ref: Subject(ids[row.id], row.worker, row.id if covers == "device" else None, row.employer_id in allowed)
        for row in rows
    }


def nobody(connection: Connection) -> int:
    """The subject of what cannot be attributed."""
    connection.execute(insert(connection, usage_subject).values(kind="nobody").on_conflict_do_nothing())
    return int(connection.execute(select(usage_subject.c.id).where(usage_subject.c.kind == "nobody")).scalar_one())


def gated_employers(connection: Connection, today: date, scope: str) -> frozenset[int]:
    """Employers with a gate of that scope in force today; in a demo, all of them."""
    if connection.execute(select(installation.c.demo)).scalar_one():
        return frozenset(connection.execute(select(employer.c.id)).scalars())
    query = select(gate.c.employer_id).where(gate.c.scope == scope, gate.c.ends_on >= today)
    return frozenset(connection.execute(query).scalars())


def all_gated(connection: Connection, today: date, scope: str) -> bool:
    """Whether no employer is without such a gate, so that what cannot be attributed may be counted too."""
    everyone = frozenset(connection.execute(select(employer.c.id)).scalars())
    return bool(everyone) and everyone <= gated_employers(connection, today, scope)


def kind_ids(connection: Connection, keys: Sequence[KindKey]) -> dict[KindKey, int]:
    """The ids of kinds of sums, made where new."""
    if keys:
        rows = [{name: str(value) for name, value in key._asdict().items()} for key in keys]
        connection.execute(insert(connection, usage_kind).on_conflict_do_nothing(), rows)
    return {key: number for number, key in kinds(connection).items()}


def kinds(connection: Connection) -> dict[int, KindKey]:
    """All kinds of sums by id."""
    return {
        row.id: KindKey(
            Quantity(row.quantity),
            Confidence(row.confidence),
            Profile(row.profile),
            Use(row.use),
            row.channel,
            Counterparty(row.counterparty),
            Direction(row.direction),
        )
        for row in connection.execute(select(usage_kind))
    }


def known_links(connection: Connection) -> Iterator[KnownLink]:
    """Every identifier of register and directory with its class; where nobody knows whose it is, it is left out."""
    for row in connection.execute(
        select(identifier.c.token, directory.c["class"]).join(directory, directory.c.identifier_id == identifier.c.id)
    ):
        yield KnownLink(Token(row[0]), ContactClass(row[1]))
    query = (
        select(
            identifier.c.token,
            link.c["class"].label("contact_class"),
            link.c.former_since,
            link.c.gone_at,
            link.c.case_id,
        )
        .join(link, link.c.identifier_id == identifier.c.id)
        .where(or_(link.c.linked, link.c.whose == Whose.THEIRS.value))
        .where(link.c.whose.is_distinct_from(Whose.NOT_THEIRS.value))
    )
    for each in connection.execution_options(yield_per=5_000).execute(query):
        former = min((at for at in (each.former_since, each.gone_at) if at is not None), default=None)
        day = NEVER if former is None else day_of(former)
        yield KnownLink(Token(each.token), ContactClass(each.contact_class), each.case_id, day)


def cases_by_number(connection: Connection) -> Mapping[str, Sequence[int]]:
    """The cases of each number: two systems may use one."""
    found: dict[str, list[int]] = {}
    for number, of_case in connection.execute(select(cases.c.number, cases.c.id).order_by(cases.c.id)):
        found.setdefault(number, []).append(of_case)
    return found


def holders(connection: Connection) -> Mapping[int, Sequence[Held]]:
    """Who had each device when; what was never looked at, whoever has it now, since ever."""
    found: dict[int, list[Held]] = {}
    rows = connection.execute(select(device_holding).order_by(device_holding.c.device_id, device_holding.c.first))
    for row in rows:
        first = ALWAYS if row.since_ever else row.first.toordinal()
        last = NEVER if row.last is None else row.last.toordinal()
        found.setdefault(row.device_id, []).append(Held(row.worker_id, (first, last)))
    for number, of_worker in connection.execute(select(device.c.id, device.c.worker_id)):
        found.setdefault(number, [Held(of_worker, (ALWAYS, NEVER))])
    return found


# --- putting in and taking out --------------------------------------------------------------------------------------


def below_zero(connection: Connection) -> bool:
    """Whether some staged sum is below zero: corrections took back more than there was."""
    return connection.execute(select(_stage.c.day).where(_stage.c.amount < 0).limit(1)).first() is not None


def weigh(connection: Connection, feed_id: int, run: NewRun, *, whole_days: bool, period: tuple[date, date]) -> Change:
    """What putting in what is staged would do; as `apply`, of which it changes nothing."""
    goes = _goes(connection, feed_id, period, whole_days=whole_days)
    days = _ordinals(period)
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
    return Change(before, after, late, same, other is None, _day(last))


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


def _ordinals(period: tuple[date, date]) -> tuple[int, int]:
    return period[0].toordinal(), period[1].toordinal()


def _goes(connection: Connection, feed_id: int, period: tuple[date, date], *, whole_days: bool) -> Any:
    """Which daily sums make room: those of the period, and what files that are replaced said of other days.

    What another file said late of a day in the period stays: it was never in a file of these days.
    """
    days = _ordinals(period)
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
    contacts = _clears(feed_id, _ordinals(period), whole_days=whole_days)
    return (usage_day, _goes(connection, feed_id, period, whole_days=whole_days)), (client_contact, contacts)


def rivals(connection: Connection, name: str, mine: tuple[str | None, Collection[str]]) -> Sequence[str]:
    """Feeds that tell of what is staged too, and of which nobody has said whether that is the same once more.

    mine: what the feed of that name measures, and which feeds it is a witness of.
    """
    kinds_of, kinds_there = usage_kind.alias("mine"), usage_kind.alias("theirs")
    others = [
        row.id
        for row in connection.execute(select(usage_feed).where(usage_feed.c.name != name))
        if _relation(name, mine, row.name, (row.measures, (row.witness_of or "").split())) is None
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


def _relation(
    name: str, mine: tuple[str | None, Collection[str]], other: str, theirs: tuple[str | None, Collection[str]]
) -> bool | None:
    """Whether two feeds of one thing tell the same once more, and do not add up; None: nobody has said it."""
    if other in mine[1] or name in theirs[1]:
        return True
    if mine[0] is None or theirs[0] is None:
        return None
    return "device" in (mine[0], theirs[0])


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
    days = _ordinals(period)
    goes = _goes(connection, feed_id, period, whole_days=whole_days)
    staged = connection.execute(select(_stage.c.day).distinct()).scalars().all()
    late = [day for day in staged if not days[0] <= day <= days[1]]
    touched = {*_months_of(days), *map(_month_of_ordinal, staged)}
    touched |= set(map(_month_of_ordinal, connection.execute(
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
        days = _ordinals(period)
        narrow.append(usage_day.c.day.between(*days))
        contacts.append(client_contact.c.day.between(*days))
    of = and_(usage_day.c.feed_id == feed_id, *narrow)
    months = set(map(_month_of_ordinal, connection.execute(select(usage_day.c.day).distinct().where(of)).scalars()))
    gone = connection.execute(delete(usage_day).where(of)).rowcount
    connection.execute(delete(client_contact).where(client_contact.c.feed_id == feed_id, *contacts))
    _roll_up(connection, sorted(months))
    for run in chosen:
        _take_days(connection, run, (run.first_day, run.last_day) if period is None else _ordinals(period))
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
    _roll_up(connection, sorted({_month_of_ordinal(day) for day in days}))


def _months_of(days: tuple[int, int]) -> range:
    return range(_month_of_ordinal(days[0]), _month_of_ordinal(days[1]) + 1)


def _month_of_ordinal(day: int) -> int:
    return month_of(date.fromordinal(day))


def _roll_up(connection: Connection, months: Sequence[int]) -> None:
    """Make the monthly rows of these months anew; of two feeds that tell of one thing the one that counts."""
    for month in months:
        connection.execute(delete(usage_month).where(usage_month.c.month == month))
        connection.execute(delete(usage_month_days).where(usage_month_days.c.month == month))
        chosen = _counting(connection, month)
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


def _counting(connection: Connection, month: int) -> list[Any]:
    """Which daily rows of a month count. Only if several feeds have rows in it is there anything to choose."""
    first, last = bounds(month)
    within = usage_day.c.day.between(first.toordinal(), last.toordinal())
    feeds = connection.execute(select(usage_day.c.feed_id).where(within).distinct()).scalars().all()
    if len(feeds) < 2:
        return [within]
    pairs = _outranked(connection, feeds)
    if not pairs:
        return [within]
    other, other_kind = usage_day.alias("other"), usage_kind.alias("other_kind")
    own_kind = usage_kind.alias("own_kind")
    better = (
        select(literal(1))
        .select_from(other)
        .join(other_kind, other_kind.c.id == other.c.kind_id)
        .join(own_kind, own_kind.c.id == usage_day.c.kind_id)
        .where(
            other.c.subject_id == usage_day.c.subject_id,
            other.c.day == usage_day.c.day,
            tuple_(usage_day.c.feed_id, other.c.feed_id).in_(pairs),
            other_kind.c.quantity == own_kind.c.quantity,
            other_kind.c.confidence == own_kind.c.confidence,
        )
        .correlate(usage_day)
    )
    nowhere = usage_day.c.subject_id.in_(select(usage_subject.c.id).where(usage_subject.c.kind == "nobody"))
    return [within, nowhere | ~better.exists()]


def _outranked(connection: Connection, feeds: Sequence[int]) -> list[tuple[int, int]]:
    """Of feeds that tell the same once more: each with one that counts instead of it.

    Feeds of SIMs together are what a feed of the whole phone tells at once, so they have the best rank among them.
    """
    rows = connection.execute(select(usage_feed).where(usage_feed.c.id.in_(feeds))).all()
    sims = min((row.precedence for row in rows if row.measures == "sim"), default=0)
    found = []
    for mine, theirs in permutations(rows, 2):
        said = [(row.measures, (row.witness_of or "").split()) for row in (mine, theirs)]
        if _relation(mine.name, said[0], theirs.name, said[1]) is False:
            continue
        direct = theirs.name in said[0][1] or mine.name in said[1][1]
        ranks = [(row.precedence if direct or row.measures != "sim" else sims, row.id) for row in (theirs, mine)]
        if ranks[0] < ranks[1]:
            found.append((mine.id, theirs.id))
    return found


# --- reading --------------------------------------------------------------------------------------------------------


def month_of(day: date) -> int:
    """The month of a day, counted from year 0."""
    return day.year * 12 + day.month - 1


def bounds(month: int) -> tuple[date, date]:
    """First and last day of a month."""
    year, index = divmod(month, 12)
    next_year, next_index = divmod(month + 1, 12)
    return date(year, index + 1, 1), date(next_year, next_index + 1, 1) - timedelta(days=1)


def _day(ordinal: int | None) -> date | None:
    return None if ordinal is None else date.fromordinal(ordinal)


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
            _day(r.first_day),
            _day(r.last_day),
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
        months = _months_of((since, until))
        full = [month for month in months if _lies_in(month, since, until)]
        if full:
            whole.append((part.subject, full[0], full[-1], part.key))
        for month in {months[0], months[-1]}.difference(full):
            of = [day.toordinal() for day in bounds(month)]
            broken.append((part.subject, max(since, of[0]), min(until, of[1]), part.key))
    fill(connection, _part, whole)
    fill(connection, _piece, broken)
    return {_month_of_ordinal(row[1]) for row in broken}


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
        counting = _counting(connection, month)
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


def usage_kinds(connection: Connection) -> Mapping[int, UsageKind]:
    """What sums may be of, as reports on channels tell it apart."""
    return {
        number: UsageKind(key.quantity, key.confidence, key.use, key.channel or None, key.counterparty)
        for number, key in kinds(connection).items()
    }


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
