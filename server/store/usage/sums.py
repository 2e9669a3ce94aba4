"""Usage as daily sums: staged in a temporary table, put in place of what a file covers, rolled up by month, read back.

What comes here was classified and summed at the door. A replay finds its own digest and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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
    delete,
    distinct,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import insert as plain_insert

from mdm_adapters.port import Token
from server.core.model import ContactClass, Phase, Whose
from server.core.text import Period, Share
from server.core.usage.channels import ChannelTotal, Reach
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
from server.store.database import Store, fill, insert, scratch, told
from server.store.removal import closures
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
    Column("worker_id", Integer, primary_key=True),
    Column("case_id", Integer, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)
_subject_team = scratch(
    "scratch_subject_team", Column("subject_id", Integer, primary_key=True), Column("team", Integer, nullable=False)
)


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
    """What the register says of one identifier in one case, or in none (the directory). closed_at: confirmed."""

    token: Token
    contact_class: ContactClass
    former_since: datetime | None = None
    case: int | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who had a device in which days."""

    device: int
    worker: int
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One file taken in, and how much of it could not be placed."""

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

    def add_contacts(self, contacts: Iterable[ClientContact]) -> None:
        """Add contacts with clients of a case, where consented rules let them be kept."""
        rows = [
            {
                "worker_id": each.worker,
                "case_id": each.case,
                "day": each.day.toordinal(),
                "channel": each.channel or "",
                "direction": each.direction.value,
                "count": each.count,
            }
            for each in contacts
        ]
        statement = insert(self.connection, _stage_contacts)
        statement = statement.on_conflict_do_update(
            index_elements=["worker_id", "case_id", "day", "channel", "direction"],
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


def feed_named(connection: Connection, name: str, covers: str, precedence: int) -> int:
    """The id of a feed, made if new; a feed that was withdrawn comes back with its next file."""
    statement = insert(connection, usage_feed).values(name=name, covers=covers, precedence=precedence)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"covers": covers, "precedence": precedence, "withdrawn_at": None}
        )
    )
    return int(connection.execute(select(usage_feed.c.id).where(usage_feed.c.name == name)).scalar_one())


def covers_of(connection: Connection, name: str) -> str | None:
    """Whether a known feed covers devices or accounts; None: it is not known."""
    found: str | None = connection.execute(select(usage_feed.c.covers).where(usage_feed.c.name == name)).scalar()
    return found


def knows_digest(connection: Connection, feed: str, digest: str) -> bool:
    """Whether this very file was taken in before and is not withdrawn."""
    query = (
        select(usage_run.c.id)
        .join(usage_feed, usage_feed.c.id == usage_run.c.feed_id)
        .where(usage_feed.c.name == feed, usage_run.c.digest == digest, ~usage_run.c.withdrawn)
    )
    return connection.execute(query).first() is not None


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


def known_links(connection: Connection, *, supervisors: bool = False) -> Iterator[KnownLink]:
    """Every identifier of register and directory with its class; where nobody knows whose it is, it is left out.

    supervisors: a case counts as closed by a work supervisor's word too, as the policy has it.
    """
    confirmed = closures.all_confirmed(connection, asked=supervisors)
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
            cases.c.phase,
            cases.c.closed_at,
        )
        .join(link, link.c.identifier_id == identifier.c.id)
        .join(cases, cases.c.id == link.c.case_id)
        .where(or_(link.c.linked, link.c.whose == Whose.THEIRS.value))
        .where(link.c.whose.is_distinct_from(Whose.NOT_THEIRS.value))
    )
    for each in connection.execution_options(yield_per=5_000).execute(query):
        ended = each.closed_at or confirmed.get(each.case_id)
        closed_at = ended if each.phase == Phase.CLOSED.value else None
        former = min((at for at in (each.former_since, each.gone_at) if at is not None), default=None)
        yield KnownLink(Token(each.token), ContactClass(each.contact_class), former, each.case_id, closed_at)


def case_ends(
    connection: Connection, *, supervisors: bool = False
) -> Mapping[str, Sequence[tuple[int, datetime | None]]]:
    """Each case number with its cases (two systems may use one): id, and when its closure was confirmed if it is
    closed. supervisors: as for `known_links`.
    """
    confirmed = closures.all_confirmed(connection, asked=supervisors)
    found: dict[str, list[tuple[int, datetime | None]]] = {}
    for row in connection.execute(select(cases.c.number, cases.c.id, cases.c.phase, cases.c.closed_at)):
        ended = row[3] or confirmed.get(row[1])
        found.setdefault(row[0], []).append((row[1], ended if row[2] == Phase.CLOSED.value else None))
    return found


def holders(connection: Connection) -> Sequence[Holder]:
    """Who had which device when."""
    return [
        Holder(r.device_id, r.worker_id, r.first, r.last)
        for r in connection.execute(select(device_holding).order_by(device_holding.c.first))
    ]


# --- putting in and taking out --------------------------------------------------------------------------------------


def apply(
    connection: Connection,
    feed_id: int,
    run: NewRun,
    confidence: Confidence,
    *,
    whole_days: bool,
    now: datetime,
    speaks_for: tuple[date, date] | None = None,
) -> tuple[date | None, date | None]:
    """Put what is staged in place of what it covers; the first and last day.

    whole_days: the file is the whole organisation's for its days; else it speaks for the subjects that it names, each
    from its first day to its last. speaks_for: days of which what is staged is all there is, also where that is
    nothing. connection: the staging one, in a write transaction.
    """
    first, last = connection.execute(select(func.min(_stage.c.day), func.max(_stage.c.day))).one()
    if speaks_for is not None and whole_days:
        begin, end = (day.toordinal() for day in speaks_for)
        first, last = (begin, end) if first is None else (min(first, begin), max(last, end))
    if first is not None:
        touched = _months(connection, first, last, whole_days=whole_days)
        for table, whose in ((usage_day, "subject_id"), (client_contact, "worker_id")):
            _clear(connection, table, whose, feed_id, (first, last), whole_days=whole_days)
        sums = ["subject_id", "day", "kind_id", "amount", "samples"]
        connection.execute(
            plain_insert(usage_day).from_select(
                ["feed_id", *sums],
                select(literal(feed_id), *(_stage.c[name] for name in sums)).order_by(
                    _stage.c.day, _stage.c.subject_id, _stage.c.kind_id
                ),
            )
        )
        contacts = ["worker_id", "case_id", "day", "channel", "direction", "count"]
        connection.execute(
            plain_insert(client_contact).from_select(
                ["feed_id", "confidence", *contacts],
                select(literal(feed_id), literal(confidence.value), *(_stage_contacts.c[name] for name in contacts)),
            )
        )
        _roll_up(connection, touched)
        if whole_days:
            # All that an earlier file said is replaced; if that very file comes again, it is a correction of this one.
            connection.execute(
                update(usage_run)
                .where(usage_run.c.feed_id == feed_id, usage_run.c.first_day >= first, usage_run.c.last_day <= last)
                .values(withdrawn=True)
            )
    connection.execute(
        usage_run.insert().values(
            uid=run.uid,
            feed_id=feed_id,
            at=now,
            digest=run.digest,
            rows=run.rows,
            faults=run.faults,
            unattributable=run.unattributable,
            unclassified=run.unclassified,
            not_gated=run.not_gated,
            first_day=first,
            last_day=last,
        )
    )
    return _day(first), _day(last)


def withdraw(connection: Connection, name: str, now: datetime) -> int | None:
    """Take a feed's sums out, all of them; how many there were, or None if there is no such feed in use."""
    feed_id = connection.execute(
        select(usage_feed.c.id).where(usage_feed.c.name == name, usage_feed.c.withdrawn_at.is_(None))
    ).scalar()
    if feed_id is None:
        return None
    first, last = connection.execute(
        select(func.min(usage_day.c.day), func.max(usage_day.c.day)).where(usage_day.c.feed_id == feed_id)
    ).one()
    gone = connection.execute(delete(usage_day).where(usage_day.c.feed_id == feed_id)).rowcount
    connection.execute(delete(client_contact).where(client_contact.c.feed_id == feed_id))
    if first is not None:
        _roll_up(connection, sorted({month_of(date.fromordinal(day)) for day in range(first, last + 1)}))
    connection.execute(update(usage_run).where(usage_run.c.feed_id == feed_id).values(withdrawn=True))
    connection.execute(update(usage_feed).where(usage_feed.c.id == feed_id).values(withdrawn_at=now))
    return int(gone)


def _clear(
    connection: Connection,
    table: Table,
    whose: str,
    feed_id: int,
    days: tuple[int, int],
    *,
    whole_days: bool,
) -> None:
    statement = delete(table).where(table.c.feed_id == feed_id)
    if whole_days:
        connection.execute(statement.where(table.c.day.between(*days)))
        return
    # The contacts of a file are those of its subjects: what the file names is known from the sums.
    spans = (
        select(_stage.c.subject_id, func.min(_stage.c.day).label("first"), func.max(_stage.c.day).label("last"))
        .group_by(_stage.c.subject_id)
        .subquery()
    )
    if whose == "subject_id":
        of = select(spans.c.subject_id).where(
            spans.c.subject_id == table.c.subject_id, table.c.day.between(spans.c.first, spans.c.last)
        )
    else:
        holder = func.coalesce(usage_subject.c.worker_id, device.c.worker_id)
        of = (
            select(spans.c.subject_id)
            .join(usage_subject, usage_subject.c.id == spans.c.subject_id)
            .outerjoin(device, device.c.id == usage_subject.c.device_id)
            .where(holder == table.c.worker_id, table.c.day.between(spans.c.first, spans.c.last))
        )
    connection.execute(statement.where(of.exists()))


def _months(connection: Connection, first: int, last: int, *, whole_days: bool) -> list[int]:
    """The months that change."""
    if whole_days:
        return sorted({month_of(date.fromordinal(day)) for day in range(first, last + 1)})
    days = connection.execute(select(_stage.c.day).distinct()).scalars().all()
    return sorted({month_of(date.fromordinal(day)) for day in range(min(days), max(days) + 1)})


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
    other, other_kind = usage_day.alias("other"), usage_kind.alias("other_kind")
    mine, theirs = usage_feed.alias("mine"), usage_feed.alias("theirs")
    own_kind = usage_kind.alias("own_kind")
    better = (
        select(literal(1))
        .select_from(other)
        .join(other_kind, other_kind.c.id == other.c.kind_id)
        .join(theirs, theirs.c.id == other.c.feed_id)
        .join(mine, mine.c.id == usage_day.c.feed_id)
        .join(own_kind, own_kind.c.id == usage_day.c.kind_id)
        .where(
            other.c.subject_id == usage_day.c.subject_id,
            other.c.day == usage_day.c.day,
            other.c.feed_id != usage_day.c.feed_id,
            other_kind.c.quantity == own_kind.c.quantity,
            other_kind.c.confidence == own_kind.c.confidence,
            tuple_(theirs.c.precedence, theirs.c.id) < tuple_(mine.c.precedence, mine.c.id),
        )
        .correlate(usage_day)
    )
    nowhere = usage_day.c.subject_id.in_(select(usage_subject.c.id).where(usage_subject.c.kind == "nobody"))
    return [within, nowhere | ~better.exists()]


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
        )
        for r in rows
    ]


def teams(connection: Connection) -> Mapping[str, frozenset[int]]:
    """Each team by its name, with its workers, active or not; workers of no team are left out."""
    found: dict[str, set[int]] = {}
    for row in connection.execute(select(worker.c.team, worker.c.id)):
        if row.team:
            found.setdefault(row.team, set()).add(row.id)
    return {name: frozenset(members) for name, members in sorted(found.items())}


def _holder() -> Any:
    return func.coalesce(usage_subject.c.worker_id, device.c.worker_id)


def all_workers(connection: Connection) -> frozenset[int]:
    """Every worker there is."""
    return frozenset(connection.execute(select(worker.c.id)).scalars())


def workers_of(connection: Connection, employers: frozenset[int]) -> frozenset[int]:
    """The workers of these employers."""
    return frozenset(connection.execute(select(worker.c.id).where(worker.c.employer_id.in_(employers))).scalars())


def channel_totals(connection: Connection, first: int, last: int, numbers: Mapping[str, int]) -> Sequence[ChannelTotal]:
    """Sums by month and team for `core.channels`; private use is left out. numbers: our number of each team."""
    of = kinds(connection)
    fill(
        connection,
        _subject_team,
        ((row.id, numbers.get(row.team or "", 0)) for row in connection.execute(_team_of_subjects()).all()),
    )
    by = (usage_month.c.month, _subject_team.c.team, usage_month.c.kind_id)
    sums = connection.execute(
        select(*by, func.sum(usage_month.c.amount), func.sum(usage_month.c.samples))
        .join(_subject_team, _subject_team.c.subject_id == usage_month.c.subject_id)
        .where(usage_month.c.month.between(first, last))
        .group_by(*by)
    )
    found = []
    for month, team, kind_id, amount, samples in sums.all():
        kind = of[kind_id]
        if kind.use is not Use.PRIVATE:
            found.append(
                ChannelTotal(
                    bounds(month)[0],
                    team or None,
                    kind.channel or None,
                    kind.counterparty,
                    kind.direction,
                    kind.quantity,
                    kind.confidence,
                    int(amount),
                    int(samples),
                )
            )
    return found


def _team_of_subjects() -> Select[Any]:
    return (
        select(usage_subject.c.id, usage_subject.c.kind, worker.c.team, worker.c.id.label("worker_id"))
        .outerjoin(device, device.c.id == usage_subject.c.device_id)
        .outerjoin(worker, worker.c.id == _holder())
    )


def reaches(
    connection: Connection, periods: Sequence[Period], numbers: Mapping[str, int], *, by_team: bool
) -> Sequence[Reach]:
    """Of how many devices, or workers' accounts, of a team some feed tells anything, for each kind of evidence."""
    team_of = {row.id: row for row in connection.execute(_team_of_subjects())}
    all_devices = connection.execute(
        select(worker.c.team, func.count()).join(device, device.c.worker_id == worker.c.id).group_by(worker.c.team)
    ).all()
    all_workers = connection.execute(select(worker.c.team, func.count()).group_by(worker.c.team)).all()
    wholes = {"device": dict(_pairs(all_devices)), "account": dict(_pairs(all_workers))}
    found = []
    for period in periods:
        months = usage_month_days.c.month.between(month_of(period.first), month_of(period.last))
        rows = connection.execute(
            select(usage_month_days.c.quantity, usage_month_days.c.confidence, usage_month_days.c.subject_id)
            .where(months)
            .distinct()
        )
        seen: dict[tuple[str, str, str, str | None], set[int]] = {}
        for quantity, confidence, subject in set(map(tuple, rows)):
            row = team_of[subject]
            if row.kind != "nobody":
                team = row.team if by_team else None
                seen.setdefault((quantity, confidence, row.kind, team), set()).add(subject)
        sums: dict[tuple[str, str, str | None], tuple[int, int]] = {}
        for (quantity, confidence, kind, team), who in seen.items():
            whole = wholes[kind].get(team or "", 0) if by_team else sum(wholes[kind].values())
            part, of = sums.get((quantity, confidence, team), (0, 0))
            sums[quantity, confidence, team] = part + len(who), of + whole
        for (quantity, confidence, team), (part, whole) in sums.items():
            number = numbers.get(team or "") if by_team else None
            if number is None and by_team:
                continue
            found.append(Reach(period, number, Quantity(quantity), Confidence(confidence), Share(part, whole)))
    return found


def _pairs(rows: Iterable[Any]) -> Iterator[tuple[str, int]]:
    return ((row[0], row[1]) for row in rows)


_USES = (Use.BUSINESS, Use.PRIVATE, Use.UNCLASSIFIED)
"""In the order of a Split."""
_DeviceKey: TypeAlias = tuple[int, Quantity, Confidence, Profile]


def device_totals(connection: Connection, first: int, last: int) -> Sequence[DeviceTotals]:
    """What `core.declarations` computes shares from: devices' own sums only, never an account's."""
    of = kinds(connection)
    ids: dict[int, int] = {
        row.id: row.device_id
        for row in connection.execute(select(usage_subject).where(usage_subject.c.device_id.is_not(None)))
    }
    amounts: dict[_DeviceKey, list[int]] = {}
    samples: dict[_DeviceKey, list[int]] = {}
    detail = {
        number: (kind.quantity, kind.confidence, kind.profile, _USES.index(kind.use)) for number, kind in of.items()
    }
    rows = connection.execute(
        select(usage_month.c.subject_id, usage_month.c.kind_id, func.sum(usage_month.c.amount),
               func.sum(usage_month.c.samples))
        .where(usage_month.c.month.between(first, last))
        .group_by(usage_month.c.subject_id, usage_month.c.kind_id)
    )  # fmt: skip
    for subject, kind_id, amount, looks in rows.all():
        device_id = ids.get(subject)
        if device_id is None:
            continue
        quantity, confidence, profile, use = detail[kind_id]
        key = (device_id, quantity, confidence, profile)
        if key not in amounts:
            amounts[key], samples[key] = [0, 0, 0], [0, 0, 0]
        amounts[key][use] += int(amount)
        samples[key][use] += int(looks)
    day_rows = connection.execute(
        select(
            usage_month_days.c.subject_id, usage_month_days.c.quantity, usage_month_days.c.confidence,
            usage_month_days.c.profile, func.sum(usage_month_days.c.days),
        )
        .where(usage_month_days.c.month.between(first, last))
        .group_by(*usage_month_days.primary_key.columns[1:])
    )  # fmt: skip
    days = {
        (ids[subject], Quantity(quantity), Confidence(confidence), Profile(profile)): int(count)
        for subject, quantity, confidence, profile, count in day_rows
        if subject in ids
    }
    return [
        DeviceTotals(
            device=key[0],
            quantity=key[1],
            confidence=key[2],
            profile=key[3],
            amounts=Split(*amounts[key]),
            days=days.get(key, 0),
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
    """Contacts of workers with clients of cases, kept where consented rules allow it."""
    query = (
        select(client_contact, client_contact.c["count"].label("contacts"))
        .where(client_contact.c.day.between(first.toordinal(), last.toordinal()))
        .order_by(client_contact.c.case_id, client_contact.c.worker_id, client_contact.c.day)
    )
    return [
        ClientContact(
            r.worker_id,
            r.case_id,
            date.fromordinal(r.day),
            Direction(r.direction),
            Confidence(r.confidence),
            r.channel or None,
            r.contacts,
        )
        for r in connection.execute(query)
    ]
