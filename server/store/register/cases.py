"""The case register's rows: an export is staged in temporary tables, weighed, then applied as sets in one transaction.

Only what differs is touched, so the cost of an import's consequences follows what changed. Temporary tables lock
nothing: other work goes on while a large file is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    distinct,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import (
    insert as plain_insert,
)

from server.core.days import AMSTERDAM
from server.core.model import ContactClass, Phase, Presence
from server.core.register.one_case import (
    AssignmentFields,
    CaseContent,
    CaseFields,
    LinkFields,
    MomentFields,
    spell_before,
)
from server.core.removal.closures import ClosureAnswer
from server.store.database import Store, insert, told
from server.store.removal import closures, needs, plan_changes
from server.store.removal.due import look_soon, make_due, of_cases
from server.store.schema.base import (
    IS_OPEN,
    Instant,
    assignment,
    case_spell,
    case_system,
    cases,
    closure,
    directory,
    employer,
    identifier,
    import_run,
    link,
    moment,
    orders,
    pair,
    place,
    sighting,
    tombstone,
    worker,
)

_staging = MetaData()
_cases = Table(
    "stage_case",
    _staging,
    Column("number", Text, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("opened_on", Date),
    Column("closed_at", Instant),
    Column("recorded", Boolean, nullable=False),
    Column("transferred_on", Date),
    Column("monitoring_from", Date),
    Column("plan_counts_from", Date),
    prefixes=["TEMPORARY"],
)
_links = Table(
    "stage_link",
    _staging,
    Column("number", Text, primary_key=True),
    Column("token", LargeBinary, primary_key=True),
    Column("verified", Boolean, nullable=False),
    Column("person", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("linked", Boolean, nullable=False),
    Column("former_since", Instant),
    prefixes=["TEMPORARY"],
)
_directory = Table(
    "stage_directory",
    _staging,
    Column("token", LargeBinary, primary_key=True),
    Column("verified", Boolean, nullable=False),
    Column("class", Text, nullable=False),
    prefixes=["TEMPORARY"],
)
_assignments = Table(
    "stage_assignment",
    _staging,
    Column("number", Text, primary_key=True),
    Column("worker_ref", Text, primary_key=True),
    Column("from_at", Instant, primary_key=True),
    Column("until_at", Instant),
    Column("role", Text, nullable=False),
    prefixes=["TEMPORARY"],
)
_moments = Table(
    "stage_moment",
    _staging,
    Column("number", Text, primary_key=True),
    Column("worker_ref", Text, primary_key=True),
    Column("on_date", Date, primary_key=True),
    prefixes=["TEMPORARY"],
)
_PLAN_DAYS = ("transferred_on", "monitoring_from", "plan_counts_from")
_RECENT = 2_000
"""Imports that are looked at to tell what is usual; with one every quarter of an hour, that is three weeks."""
_DAYS = 10
PUSHED = "pushed"
"""The mode of an import that was pushed."""
CONFIRMED = "confirmed"
"""In place of its digest: a person let it in."""
_AT_ONCE = 500
_LAID = "closeout_staging"
"""Of a connection: whether the temporary tables are there, and empty."""
_WATCHED = (ContactClass.CLIENT.value, ContactClass.REPORTER.value)
_touched = Table(
    "stage_touched",
    _staging,
    Column("number", Text, primary_key=True),
    Column("closes", Boolean, nullable=False, server_default=false()),
    prefixes=["TEMPORARY"],
)


class ExportPart(StrEnum):
    """Which sort of rows an export brings; what it does not bring stays as it was."""

    CASES = "cases"
    CONTACTS = "contacts"
    DIRECTORY = "directory"
    ASSIGNMENTS = "assignments"
    MOMENTS = "moments"


_STAGE = {
    ExportPart.CASES: _cases,
    ExportPart.CONTACTS: _links,
    ExportPart.DIRECTORY: _directory,
    ExportPart.ASSIGNMENTS: _assignments,
    ExportPart.MOMENTS: _moments,
}


@dataclass(frozen=True, slots=True)
class ImportWeight:
    """What applying a staged export would do: the numbers a breaker looks at.

    known: cases of this system before. closes: known cases that it newly closes. vanishes: known cases that a full
    export leaves out. usual: the mean of cases closed on the last ten days with an applied import, but for today; None:
    there never was one. today: what each import of today closed.
    """

    known: int
    named: int
    closes: int
    vanishes: int
    usual: float | None
    today: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What an applied export changed. closed: cases that it calls closed; newly_closed: those of them that were not
    known as closed before, or not known.
    """

    cases: int
    touched: int
    closed: int
    newly_closed: int
    vanished: int
    identifiers: int
    due: int
    lapsed: int = 0
    """Answers of work supervisors that are no longer in force: the register tells of another case now."""


@dataclass(slots=True)
class Staged:
    """An export in temporary tables of one connection; lives as long as `staging` does.

    sound: every row of it was. Else what it leaves out of a case it names may just have had a fault, and stays.
    """

    connection: Connection = field(repr=False)
    system: str
    full: bool
    parts: frozenset[ExportPart]
    sound: bool = True
    as_of: datetime | None = None
    """When the export was made. Of a case that was pushed since, it says nothing that counts."""
    pushed: bool = False
    """It was pushed: it makes its own cases fresh, and never the register."""

    def add(self, part: ExportPart, rows: Sequence[Mapping[str, Any]]) -> None:
        """Stage rows; the last of rows with the same key counts."""
        if not rows:
            return
        table = _STAGE[part]
        keys = [column.name for column in table.primary_key]
        others = [column.name for column in table.columns if not column.primary_key]
        statement = insert(self.connection, table)
        if others:
            statement = statement.on_conflict_do_update(
                index_elements=keys, set_={name: statement.excluded[name] for name in others}
            )
        else:
            statement = statement.on_conflict_do_nothing()
        self.connection.execute(statement, list(rows))
        self.connection.commit()

    def leave_told_since(self) -> None:
        """Drop what is staged of cases that were pushed after the export was made: they are as they were told then."""
        with self.connection.begin():
            _leave_told_since(self.connection, self)

    def weigh(self, midnight: datetime) -> ImportWeight:
        """The numbers for the breaker. midnight: with which today began."""
        with self.connection.begin():
            return self.weigh_within(midnight)

    def weigh_within(self, midnight: datetime) -> ImportWeight:
        """The same, in the transaction that there is."""
        system_id = self.connection.execute(select(case_system.c.id).where(case_system.c.name == self.system)).scalar()
        named = _count(self.connection, select(func.count()).select_from(_cases))
        if system_id is None:
            return ImportWeight(known=0, named=named, closes=0, vanishes=0, usual=None)
        mine = cases.c.system_id == system_id
        known = _count(self.connection, select(func.count()).select_from(cases).where(mine))
        closes = _count(
            self.connection,
            select(func.count())
            .select_from(_cases)
            .join(cases, and_(mine, cases.c.number == _cases.c.number))
            .where(_closed(_cases), ~_closed(cases)),
        )
        vanishes = 0
        if self.full:
            vanishes = _count(
                self.connection,
                select(func.count())
                .select_from(cases)
                .where(mine, ~exists().where(_cases.c.number == cases.c.number), _not_told_since(self.as_of)),
            )
        usual, today = _usual(self.connection, system_id, midnight)
        return ImportWeight(known, named, closes, vanishes, usual, today)


def _usual(connection: Connection, system_id: int, midnight: datetime) -> tuple[float | None, tuple[int, ...]]:
    """How many cases are closed on a day, and what each import of today closed."""
    applied = and_(import_run.c.system_id == system_id, import_run.c.outcome == "applied")
    recent = connection.execute(
        select(import_run.c.at, import_run.c.closed).where(applied).order_by(import_run.c.id.desc()).limit(_RECENT)
    ).all()
    days: dict[int, int] = {}
    for row in recent:
        if row.at < midnight:
            ago = (midnight - row.at).days
            days[ago] = days.get(ago, 0) + row.closed
    last = [days[ago] for ago in sorted(days)[:_DAYS]]
    today = tuple(row.closed for row in recent if row.at >= midnight)
    return sum(last) / len(last) if last else 0.0 if today else None, today


def weigh_closure(connection: Connection, system_id: int, midnight: datetime) -> ImportWeight:
    """The numbers for the breaker where one known case newly closes."""
    usual, today = _usual(connection, system_id, midnight)
    mine = select(func.count()).select_from(cases).where(cases.c.system_id == system_id)
    known = _count(connection, mine) if usual is None else 1  # how many there are is asked where nothing else tells
    return ImportWeight(known, named=1, closes=1, vanishes=0, usual=usual, today=today)


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())


def _closed(table: Any) -> ColumnElement[bool]:
    return and_(table.c.phase == Phase.CLOSED.value, table.c.closed_at.is_not(None))


@contextmanager
def staging(
    store: Store, system: str, *, full: bool, parts: frozenset[ExportPart], small: bool = False
) -> Iterator[Staged]:
    """Empty temporary tables for one export, on a connection of their own; empty or gone afterwards, whatever happens.

    small: a few rows, and more such will come: the tables stay with their connection, which saves a third of the work.
    """
    with told(), store.engine.connect() as connection:
        if not connection.info.pop(_LAID, False):
            _staging.drop_all(connection)
            _staging.create_all(connection)
            connection.commit()
        try:
            yield Staged(connection, system, full, parts)
        finally:
            connection.rollback()
            connection.execution_options(closeout_write=False)  # what is temporary needs no turn of the writers'
            if small:
                _empty(connection)
            else:
                _staging.drop_all(connection)
            connection.commit()
            connection.info[_LAID] = small


def _empty(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # nobody vacuums what is temporary
        connection.exec_driver_sql(f"TRUNCATE {', '.join(_staging.tables)}")
        return
    for name in _staging.tables:
        connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608  a name of ours


def apply(connection: Connection, staged: Staged, *, now: datetime, as_of: datetime, digest: str, rows: int) -> Applied:
    """Make the register say what the staged export says; `connection` is the staging one, in a write transaction."""
    system_id = hold_system(connection, staged.system)
    _leave_told_since(connection, staged)
    weight_closed = _count(
        connection,
        select(func.count())
        .select_from(_cases)
        .join(cases, and_(cases.c.system_id == system_id, cases.c.number == _cases.c.number))
        .where(_closed(_cases), ~_closed(cases)),
    )
    closed = _count(connection, select(func.count()).select_from(_cases).where(_closed(_cases)))
    before = and_(cases.c.system_id == system_id, cases.c.number == _cases.c.number, _closed(cases))
    newly_closed = closed - _count(
        connection, select(func.count()).select_from(_cases).join(cases, before).where(_closed(_cases))
    )
    new_identifiers = _new_identifiers(connection)
    _mark_touched(connection, staged, system_id)
    touched_ids = (
        select(cases.c.id).join(_touched, _touched.c.number == cases.c.number).where(cases.c.system_id == system_id)
    )
    _mark_closing(connection, system_id)
    _mark_due(connection, touched_ids, now)
    _forget_recorded(connection, system_id)
    _note_reopened(connection, system_id, as_of)
    _note_monitored(connection, system_id, as_of)
    _apply_cases(connection, system_id)
    plan_changes.lapse(connection, touched_ids, now)
    lapsed = closures.lapse(connection, touched_ids, now)
    all_named = staged.full and ExportPart.CASES in staged.parts
    vanished = _unlink_vanished(connection, system_id, now, staged.as_of) if all_named else 0
    if ExportPart.CONTACTS in staged.parts:
        _apply_links(connection, system_id, touched_ids, now, forget=staged.sound)
    if ExportPart.ASSIGNMENTS in staged.parts:
        _replace(connection, assignment, _assignments, system_id, touched_ids, forget=staged.sound)
    if ExportPart.MOMENTS in staged.parts:
        _replace(connection, moment, _moments, system_id, touched_ids, forget=staged.sound)
    if ExportPart.DIRECTORY in staged.parts:
        _apply_directory(connection, now)
    due = _mark_due(connection, touched_ids, now)
    look_soon(connection, touched_ids.where(_touched.c.closes), now)
    if staged.pushed:
        told = select(cases.c.id).where(cases.c.system_id == system_id, cases.c.number.in_(select(_cases.c.number)))
        due += needs.mark_told_due(connection, told, now)
        connection.execute(update(cases).where(cases.c.id.in_(told)).values(told_at=now))
    elif staged.sound:  # of what a faulty export left out nobody knows since when it is so
        due += needs.mark_unread_due(connection, system_id, now)
        connection.execute(update(case_system).where(case_system.c.id == system_id).values(read_at=as_of))
    connection.execute(
        import_run.insert().values(
            system_id=system_id,
            at=now,
            as_of=as_of,
            mode=PUSHED if staged.pushed else "full" if staged.full else "changes",
            digest=digest,
            rows=rows,
            closed=weight_closed,
            outcome="applied",
        )
    )
    return Applied(
        cases=_count(connection, select(func.count()).select_from(_cases)),
        touched=_count(connection, select(func.count()).select_from(_touched)),
        closed=closed,
        newly_closed=newly_closed,
        vanished=vanished,
        identifiers=new_identifiers,
        due=due,
        lapsed=lapsed,
    )


def last_as_of(connection: Connection, system: str, now: datetime) -> datetime | None:
    """When the newest applied export of a case system was made; None: there is none.

    One that was made later than now was taken in by a clock that ran ahead, and must not shut out every other.
    """
    found: datetime | None = connection.execute(
        select(func.max(import_run.c.as_of))
        .join(case_system, case_system.c.id == import_run.c.system_id)
        .where(
            case_system.c.name == system,
            import_run.c.outcome == "applied",
            import_run.c.mode != PUSHED,
            import_run.c.as_of <= now + needs.CLOCKS_DIFFER,
        )
    ).scalar()
    return found


def hold_system(connection: Connection, name: str) -> int:
    """The number of a case system, made if new; until the transaction ends nobody else changes its register."""
    connection.execute(insert(connection, case_system).values(name=name).on_conflict_do_nothing())
    named = select(case_system.c.id).where(case_system.c.name == name).with_for_update()
    return int(connection.execute(named).scalar_one())


def _not_told_since(as_of: datetime | None) -> ColumnElement[bool]:
    """Cases of which nobody told by itself after that."""
    return true() if as_of is None else ~_told_after(as_of)


def _told_after(moment: datetime) -> ColumnElement[bool]:
    """Whether somebody told of a case by itself after that, of all of it or of its phase alone."""
    told = (cases.c.told_at, cases.c.phase_told_at)
    return or_(*(and_(column.is_not(None), column > moment) for column in told))


def _leave_told_since(connection: Connection, staged: Staged) -> None:
    if staged.as_of is None:
        return
    since = (
        select(cases.c.number)
        .join(case_system, case_system.c.id == cases.c.system_id)
        .where(case_system.c.name == staged.system, _told_after(staged.as_of))
    )
    if connection.execute(since.limit(1)).first() is None:
        return
    for table in (_cases, _links, _assignments, _moments):
        connection.execute(delete(table).where(table.c.number.in_(since)))


def merge_pushes(connection: Connection, system: str, midnight: datetime) -> None:
    """Make one run of what was pushed today and no person let in: thousands of small ones say what the last said."""
    ours = and_(
        import_run.c.system_id.in_(select(case_system.c.id).where(case_system.c.name == system)),
        import_run.c.mode == PUSHED,
        import_run.c.digest == "",
        import_run.c.at >= midnight,
    )
    found = connection.execute(select(import_run.c.id, import_run.c.closed, import_run.c.rows).where(ours)).all()
    newest = max(row.id for row in found)
    # The newest stays: that its number is new is how a call under way learns that something came.
    closed, rows = sum(row.closed for row in found), sum(row.rows for row in found)
    connection.execute(update(import_run).where(import_run.c.id == newest).values(closed=closed, rows=rows))
    connection.execute(delete(import_run).where(ours, import_run.c.id != newest))


def named_elsewhere(connection: Connection, system_id: int, employer_name: str) -> bool:
    """Whether a staged case names, or named before, a worker of another employer than this."""
    others = (
        select(worker.c.ref)
        .join(employer, employer.c.id == worker.c.employer_id)
        .where(employer.c.name != employer_name)
    )
    told = select(_assignments.c.number).where(_assignments.c.worker_ref.in_(others)).limit(1)
    if connection.execute(told).first() is not None:
        return True
    staged = select(cases.c.id).join(_cases, _cases.c.number == cases.c.number).where(cases.c.system_id == system_id)
    return worked_elsewhere(connection, staged, employer_name)


def worked_elsewhere(connection: Connection, case_ids: Select[Any] | Sequence[int], employer_name: str) -> bool:
    """Whether one of these cases names a worker of another employer than this."""
    others = (
        select(assignment.c.case_id)
        .join(worker, worker.c.ref == assignment.c.worker_ref)
        .join(employer, employer.c.id == worker.c.employer_id)
        .where(assignment.c.case_id.in_(case_ids), employer.c.name != employer_name)
        .limit(1)
    )
    return connection.execute(others).first() is not None


def states(connection: Connection, system: str, numbers: Sequence[str]) -> dict[str, str]:
    """What the register says of each of these cases that it knows, as a text: the same text is the same state."""
    found: dict[int, tuple[str, CaseFields]] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        rows = connection.execute(
            select(cases.c.id, cases.c.number, *(cases.c[name] for name in CaseFields._fields))
            .join(case_system, case_system.c.id == cases.c.system_id)
            .where(case_system.c.name == system, cases.c.number.in_(numbers[start : start + _AT_ONCE]))
        )
        found |= {id_: (number, CaseFields(*fields)) for id_, number, *fields in rows}
    ids = sorted(found)
    links: dict[int, list[LinkFields]] = {}
    assignments: dict[int, list[AssignmentFields]] = {}
    moments: dict[int, list[MomentFields]] = {}
    linked = (link.c.person, link.c["class"], link.c.linked, link.c.former_since)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        for case_id, token, *said in connection.execute(
            select(link.c.case_id, identifier.c.token, *linked)
            .join(identifier, identifier.c.id == link.c.identifier_id)
            .where(link.c.case_id.in_(some), link.c.gone_at.is_(None))
        ):
            links.setdefault(case_id, []).append(LinkFields(bytes(token), *said))
        for case_id, *said in connection.execute(select(assignment).where(assignment.c.case_id.in_(some))):
            assignments.setdefault(case_id, []).append(AssignmentFields(*said))
        for case_id, *said in connection.execute(select(moment).where(moment.c.case_id.in_(some))):
            moments.setdefault(case_id, []).append(MomentFields(*said))
    return {
        number: CaseContent(
            fields,
            frozenset(links.get(id_, ())),
            frozenset(assignments.get(id_, ())),
            frozenset(moments.get(id_, ())),
        ).said()
        for id_, (number, fields) in found.items()
    }


def put_addresses(connection: Connection, system: str, addresses: Mapping[str, str]) -> None:
    """Remember by which address programs know each of these cases. addresses: by number."""
    ours = select(case_system.c.id).where(case_system.c.name == system).scalar_subquery()
    mine = (cases.c.system_id == ours, cases.c.number == bindparam("of_number"), cases.c.address.is_(None))
    connection.execute(
        update(cases).where(*mine).values(address=bindparam("put")),
        [{"of_number": number, "put": address} for number, address in addresses.items()],
    )


def of_number(connection: Connection, system: str, number: str) -> int | None:
    """The case of that system with this number."""
    return _one(connection, system, cases.c.number == number)


def at_address(connection: Connection, system: str, address: str) -> int | None:
    """The case of that system that programs know by this address."""
    return _one(connection, system, cases.c.address == address)


def _one(connection: Connection, system: str, which: ColumnElement[bool]) -> int | None:
    found: int | None = connection.execute(
        select(cases.c.id)
        .join(case_system, case_system.c.id == cases.c.system_id)
        .where(case_system.c.name == system, which)
    ).scalar()
    return found


def _new_identifiers(connection: Connection) -> int:
    added = 0
    for table in (_links, _directory):
        unknown = select(table.c.token, func.max(table.c.verified)).where(
            ~exists().where(identifier.c.token == table.c.token)
        )
        if connection.dialect.name == "postgresql":
            unknown = select(table.c.token, func.bool_or(table.c.verified)).where(
                ~exists().where(identifier.c.token == table.c.token)
            )
        unknown = unknown.group_by(table.c.token)
        if table is _links:  # neighbours in a case become neighbours here: what is read together lies together
            unknown = unknown.order_by(func.min(table.c.number))
        added += connection.execute(
            plain_insert(identifier).from_select(["token", "verified"], unknown),
            execution_options={"preserve_rowcount": True},  # of an INSERT it is else not always known
        ).rowcount
    return added


def _mark_touched(connection: Connection, staged: Staged, system_id: int) -> None:
    """Numbers of cases about which the export says something else than the register does."""
    differs = or_(
        cases.c.id.is_(None),
        cases.c.phase.is_distinct_from(_cases.c.phase),
        cases.c.closed_at.is_distinct_from(_cases.c.closed_at),
        cases.c.opened_on.is_distinct_from(_cases.c.opened_on),
        cases.c.recorded.is_distinct_from(_cases.c.recorded),
        *(cases.c[name].is_distinct_from(_cases.c[name]) for name in _PLAN_DAYS),
    )
    mine = and_(cases.c.system_id == system_id, cases.c.number == _cases.c.number)
    _touch(connection, select(_cases.c.number).outerjoin(cases, mine).where(differs))
    if ExportPart.CONTACTS in staged.parts:
        kept = (
            select(
                cases.c.number, identifier.c.token, link.c.person, link.c["class"], link.c.linked, link.c.former_since
            )
            .join(cases, cases.c.id == link.c.case_id)
            .join(identifier, identifier.c.id == link.c.identifier_id)
            .join(_cases, _cases.c.number == cases.c.number)
            .where(cases.c.system_id == system_id, link.c.gone_at.is_(None))
        )
        said = select(
            _links.c.number, _links.c.token, _links.c.person, _links.c["class"], _links.c.linked, _links.c.former_since
        )
        _touch_difference(connection, kept, said)
    if ExportPart.ASSIGNMENTS in staged.parts:
        kept = (
            select(
                cases.c.number, assignment.c.worker_ref, assignment.c.from_at, assignment.c.until_at, assignment.c.role
            )
            .join(cases, cases.c.id == assignment.c.case_id)
            .join(_cases, _cases.c.number == cases.c.number)
            .where(cases.c.system_id == system_id)
        )
        said = select(
            _assignments.c.number,
            _assignments.c.worker_ref,
            _assignments.c.from_at,
            _assignments.c.until_at,
            _assignments.c.role,
        )
        _touch_difference(connection, kept, said)
    if ExportPart.MOMENTS in staged.parts:
        kept = (
            select(cases.c.number, moment.c.worker_ref, moment.c.on_date)
            .join(cases, cases.c.id == moment.c.case_id)
            .join(_cases, _cases.c.number == cases.c.number)
            .where(cases.c.system_id == system_id)
        )
        _touch_difference(connection, kept, select(_moments.c.number, _moments.c.worker_ref, _moments.c.on_date))


def _mark_closing(connection: Connection, system_id: int) -> None:
    """Of the cases that are touched, those that were not finally closed before and now are."""
    closed = select(_cases.c.number).where(_closed(_cases))
    before = select(cases.c.number).where(cases.c.system_id == system_id, _closed(cases))
    number = _touched.c.number
    connection.execute(update(_touched).where(number.in_(closed), number.not_in(before)).values(closes=True))


def _touch_difference(connection: Connection, kept: Any, said: Any) -> None:
    for one, other in ((kept, said), (said, kept)):
        rows = one.except_(other).subquery()
        _touch(connection, select(rows.c.number).distinct())


def _touch(connection: Connection, numbers: Select[Any]) -> None:
    rows = numbers.subquery()
    number = next(iter(rows.c))
    fresh = select(number).where(~exists().where(_touched.c.number == number)).distinct()
    connection.execute(plain_insert(_touched).from_select(["number"], fresh))


def _apply_cases(connection: Connection, system_id: int) -> None:
    columns = ("phase", "opened_on", "closed_at", "recorded", *_PLAN_DAYS)
    rows = (
        select(
            literal(system_id).label("system_id"),
            _cases.c.number,
            *(_cases.c[name] for name in columns),
        )
        .join(_touched, _touched.c.number == _cases.c.number)
        .where(_touched.c.number.is_not(None))  # SQLite needs a WHERE to tell ON CONFLICT from a join's ON
    )
    statement = insert(connection, cases).from_select(["system_id", "number", *columns], rows)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["system_id", "number"], set_={name: statement.excluded[name] for name in columns}
        )
    )


def _note_reopened(connection: Connection, system_id: int, as_of: datetime) -> None:
    """Of a case that was closed and runs again, keep when it ran: what was contact with a former client stays so."""
    rows = connection.execute(
        select(
            cases.c.id,
            cases.c.opened_on,
            func.coalesce(cases.c.closed_at, closure.c.confirmed_at, type_=Instant).label("ended"),
            _cases.c.phase,
            _cases.c.opened_on.label("opens"),
        )
        .join(_cases, _cases.c.number == cases.c.number)
        .outerjoin(
            closure,
            and_(
                closure.c.case_id == cases.c.id,
                closure.c.ended_at.is_(None),
                closure.c.answer == ClosureAnswer.CONFIRMED.value,
            ),
        )
        .where(
            cases.c.system_id == system_id,
            cases.c.phase == Phase.CLOSED.value,
            or_(cases.c.closed_at.is_not(None), closure.c.confirmed_at.is_not(None)),
            or_(_cases.c.phase != Phase.CLOSED.value, _cases.c.opened_on > cases.c.opened_on),
        )
    ).all()
    kept = []
    for row in rows:
        spell = spell_before(ended=row.ended, opened_on=row.opened_on, phase=row.phase, opens=row.opens, as_of=as_of)
        if spell is not None:
            kept.append({"case_id": row.id, **spell._asdict()})
    if kept:
        connection.execute(insert(connection, case_spell).on_conflict_do_nothing(), kept)


def _note_monitored(connection: Connection, system_id: int, as_of: datetime) -> None:
    """Keep on which day a case was first called monitored that was known as something else before."""
    named = select(cases.c.id).join(_cases, _cases.c.number == cases.c.number).where(cases.c.system_id == system_id)
    monitored = Phase.MONITORING.value
    begins = named.where(cases.c.phase != monitored, _cases.c.phase == monitored)
    over = named.where(cases.c.seen_monitored_on.is_not(None), _cases.c.phase != monitored)
    for chosen, day in ((begins, as_of.astimezone(AMSTERDAM).date()), (over, None)):
        connection.execute(update(cases).where(cases.c.id.in_(chosen)).values(seen_monitored_on=day))


def _apply_links(
    connection: Connection, system_id: int, touched_ids: Select[Any], now: datetime, *, forget: bool
) -> None:
    """What the export names is linked; what it names no more of a case is former, and stays governed.

    forget: it tells of all that a case has.
    """
    if forget:
        named = (
            exists()
            .where(
                cases.c.id == link.c.case_id,
                _links.c.number == cases.c.number,
                identifier.c.id == link.c.identifier_id,
                _links.c.token == identifier.c.token,
            )
            .correlate(link)
        )
        dropped = and_(link.c.case_id.in_(touched_ids), link.c.gone_at.is_(None), ~named)
        # Whose number stays on phones whatever happens needs no watch once no case names it.
        connection.execute(delete(link).where(dropped, link.c["class"].not_in(_WATCHED)))
        connection.execute(update(link).where(dropped).values(gone_at=now))
    rows = (
        select(
            cases.c.id,
            identifier.c.id.label("identifier_id"),
            _links.c.person,
            _links.c["class"],
            _links.c.linked,
            _links.c.former_since,
            literal(now, Instant).label("since_at"),
        )
        .select_from(_links)
        .join(_touched, _touched.c.number == _links.c.number)
        .join(cases, and_(cases.c.system_id == system_id, cases.c.number == _links.c.number))
        .join(identifier, identifier.c.token == _links.c.token)
        .where(_links.c.token.is_not(None))
    )
    columns = ("person", "class", "linked", "former_since")
    statement = insert(connection, link).from_select(["case_id", "identifier_id", *columns, "since_at"], rows)
    told_anew = and_(statement.excluded.linked, or_(link.c.gone_at.is_not(None), ~link.c.linked))
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["case_id", "identifier_id"],
            set_={name: statement.excluded[name] for name in columns}
            | {"gone_at": None, "whose": case((told_anew, None), else_=link.c.whose)},
        )
    )


def _forget_recorded(connection: Connection, system_id: int) -> None:
    """What was said to be in the case file is no longer in force once the case is opened again."""
    reopened = (
        select(cases.c.id)
        .join(_cases, _cases.c.number == cases.c.number)
        .where(
            cases.c.system_id == system_id,
            cases.c.phase == Phase.CLOSED.value,
            _cases.c.phase != Phase.CLOSED.value,
        )
    )
    connection.execute(
        update(link).where(link.c.recorded_at.is_not(None), link.c.case_id.in_(reopened)).values(recorded_at=None)
    )


def forget_proven(connection: Connection, now: datetime, watched: timedelta) -> int:
    """Drop what the register names no more once it is proven gone and no longer watched for; returns how many links.

    watched: how long what was removed is watched for; so long it is watched for here too.
    """
    seen = exists().where(
        sighting.c.identifier_id == link.c.identifier_id, sighting.c.presence != Presence.ABSENT.value
    )
    stone = exists().where(tombstone.c.identifier_id == link.c.identifier_id, tombstone.c.expires_at > now)
    asked = exists().where(orders.c.identifier_id == link.c.identifier_id, IS_OPEN)
    unread = exists().where(or_(place.c.full_at.is_(None), place.c.full_at <= link.c.gone_at))
    gone = and_(link.c.gone_at <= now - watched, ~seen, ~stone, ~asked, ~unread)
    return connection.execute(delete(link).where(gone)).rowcount


def _replace(
    connection: Connection, table: Table, stage: Table, system_id: int, touched_ids: Select[Any], *, forget: bool
) -> None:
    if forget:
        connection.execute(delete(table).where(table.c.case_id.in_(touched_ids)))
    columns = [column.name for column in stage.columns if column.name != "number"]
    rows = (
        select(cases.c.id, *(stage.c[name] for name in columns))
        .select_from(stage)
        .join(_touched, _touched.c.number == stage.c.number)
        .join(cases, and_(cases.c.system_id == system_id, cases.c.number == stage.c.number))
        .where(stage.c.number.is_not(None))
    )
    _put(connection, table, ["case_id", *columns], rows)


def _put(connection: Connection, table: Table, columns: Sequence[str], rows: Select[Any]) -> None:
    """Insert rows, or change those of the same key. `rows` has a WHERE, which SQLite needs before ON CONFLICT."""
    keys = [column.name for column in table.primary_key]
    statement = insert(connection, table).from_select(list(columns), rows)
    others = {name: statement.excluded[name] for name in columns if name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=others)
        if others
        else statement.on_conflict_do_nothing()
    )


def _apply_directory(connection: Connection, now: datetime) -> None:
    rows = (
        select(identifier.c.id, _directory.c["class"])
        .select_from(_directory)
        .join(identifier, identifier.c.token == _directory.c.token)
    )
    entered = rows.subquery()
    changed = select(entered.c.id).where(
        ~exists().where(directory.c.identifier_id == entered.c.id, directory.c["class"] == entered.c["class"])
    )
    make_due(connection, pair.c.identifier_id.in_(changed), now)
    statement = insert(connection, directory).from_select(
        ["identifier_id", "class"], rows.where(_directory.c.token.is_not(None))
    )
    connection.execute(
        statement.on_conflict_do_update(index_elements=["identifier_id"], set_={"class": statement.excluded["class"]})
    )


def _unlink_vanished(connection: Connection, system_id: int, now: datetime, as_of: datetime | None) -> int:
    """A case that a full export leaves out is not closed: its links are unknown, which calls for a person."""
    unnamed = ~exists().where(_cases.c.number == cases.c.number)
    gone = select(cases.c.id).where(cases.c.system_id == system_id, unnamed, _not_told_since(as_of))
    newly = and_(link.c.case_id.in_(gone), link.c.linked)
    _mark_due(connection, select(link.c.case_id).where(newly), now)
    vanished = _count(connection, select(func.count(distinct(link.c.case_id))).where(newly))
    connection.execute(update(link).where(newly).values(linked=False))
    return vanished


def unlink(connection: Connection, case_id: int, now: datetime) -> bool:
    """One case is not in its case system any more, which does not close it either: as one that a full export leaves
    out. False: that was known.
    """
    newly = and_(link.c.case_id == case_id, link.c.linked, link.c.gone_at.is_(None))
    _mark_due(connection, select(cases.c.id).where(cases.c.id == case_id), now)
    return bool(connection.execute(update(link).where(newly).values(linked=False)).rowcount)


def _mark_due(connection: Connection, case_ids: Select[Any], now: datetime) -> int:
    """Whoever holds an identifier of these cases is decided again."""
    return make_due(connection, of_cases(case_ids), now)
