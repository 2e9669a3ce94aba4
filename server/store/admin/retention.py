"""Rows whose period is over: how many, their destruction in bounded batches, and how far each period has got.

What is needed for a decision is left where it is, whatever a period says: that stands in `_OVER`, beside the age. None
of it depends on a hold, so that nothing that stays or goes tells of one (`store.admin.custody`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, select, update

from server.core.days import end_of
from server.core.model import Disposition, FindingKind, State
from server.core.policy.retention import RetentionTerm, RowKind
from server.store.database import Store, among_keys, insert
from server.store.schema.attestation import attestation
from server.store.schema.base import (
    deviation,
    evidence,
    finding,
    import_run,
    kept_report,
    log_of_order,
    orders,
    overtaken,
    removed_entry,
    tombstone,
)
from server.store.schema.pauses import pause
from server.store.schema.reports import report_told
from server.store.schema.retention import destruction
from server.store.schema.usage import named_view

NEWEST_IMPORTS = 100
"""So many of each case system stay however old: they say how old the register is, and what an import usually closes."""


@dataclass(frozen=True, slots=True)
class RowsOver:
    """What of a term's rows is over. until: the last day whose rows go. apart: dispositions with terms of their own."""

    term: RetentionTerm
    until: date
    now: datetime
    apart: frozenset[Disposition] = frozenset()

    @property
    def before(self) -> datetime:
        """The first instant whose rows stay."""
        return end_of(self.until)


@dataclass(frozen=True, slots=True)
class Destroyed:
    """How far a term has got: the newest run that destroyed anything. ended_at None: it was broken off, or runs.

    newest: how many rows the newest line of the log about it told of. total: rows since ever.
    """

    term: str
    until: date
    begun_at: datetime
    ended_at: datetime | None
    newest: int
    total: int


@dataclass(frozen=True, slots=True)
class KindTable:
    """The table of a kind, its key, and what goes with each row: tables with the column that names it."""

    table: Table
    key: str
    parts: tuple[tuple[Table, str], ...] = ()


KINDS: Mapping[RowKind, KindTable] = {
    RowKind.REMOVALS: KindTable(
        orders,
        "id",
        (
            (evidence, "order_id"),
            (tombstone, "order_id"),
            (overtaken, "order_id"),
            (removed_entry, "order_id"),
            (log_of_order, "order_id"),
        ),
    ),
    RowKind.FINDINGS: KindTable(finding, "id"),
    RowKind.DEVIATIONS: KindTable(deviation, "id"),
    RowKind.REPORTS: KindTable(kept_report, "uid", ((report_told, "report_uid"),)),
    RowKind.IMPORTS: KindTable(import_run, "id"),
    RowKind.VIEWS_BY_NAME: KindTable(named_view, "id"),
    RowKind.PAUSES: KindTable(pause, "id"),
    RowKind.ATTESTATIONS: KindTable(attestation, "id"),
}


Conditions: TypeAlias = "Sequence[ColumnElement[bool]]"
"""Alternatives that no row fits two of, each of which an index can answer."""


def _removals(over: RowsOver) -> Conditions:
    """Proven or stopped; not while anything that it removed is watched for, whatever the policy says by now."""
    watched = exists().where(tombstone.c.order_id == orders.c.id, tombstone.c.expires_at > over.now)
    stopped = orders.c.state == State.STOPPED.value
    return (
        and_(orders.c.settled_at.is_not(None), orders.c.settled_at < over.before, ~watched),
        and_(orders.c.settled_at.is_(None), orders.c.planned_at < over.before, stopped, ~watched),
    )


def _findings(over: RowsOver) -> Conditions:
    """Closed. That an overwritten number was looked into is remembered for good: it is asked about once."""
    ends = finding.c.concluded_as
    mine = ends == over.term.ends.value if over.term.ends else ends.not_in(sorted(each.value for each in over.apart))
    return (and_(finding.c.closed_at < over.before, mine, finding.c.kind != FindingKind.NUMBER_OVERWRITTEN.value),)


def _deviations(over: RowsOver) -> Conditions:
    ended = func.coalesce(deviation.c.ended_at, deviation.c.until_at, type_=deviation.c.until_at.type)
    return (and_(ended < over.before, ended <= over.now, _not_newest(deviation)),)


def _reports(over: RowsOver) -> Conditions:
    """Made, or given up: one that is being made gives a sign of life."""
    since = func.coalesce(kept_report.c.made_at, kept_report.c.step_at, type_=kept_report.c.step_at.type)
    return (since < over.before,)


def _imports(over: RowsOver) -> Conditions:
    """Not the oldest: since when there is a register at all."""
    other = import_run.alias("other")
    newest = (
        select(other.c.id)
        .where(other.c.system_id == import_run.c.system_id)
        .order_by(other.c.id.desc())
        .offset(NEWEST_IMPORTS)
        .limit(1)
        .scalar_subquery()
    )
    oldest = select(func.min(other.c.id)).scalar_subquery()
    return (and_(import_run.c.at < over.before, import_run.c.id <= newest, import_run.c.id != oldest),)


def _views(over: RowsOver) -> Conditions:
    decided = func.coalesce(named_view.c.decided_at, named_view.c.ends_at, type_=named_view.c.ends_at.type)
    return (and_(decided < over.before, named_view.c.ends_at <= over.now),)


def _pauses(over: RowsOver) -> Conditions:
    return (and_(pause.c.ended_at < over.before, _not_newest(pause)),)


def _attestations(over: RowsOver) -> Conditions:
    return (attestation.c.said_at < over.before,)


def _not_newest(table: Table) -> ColumnElement[bool]:
    """By the number of the newest row an engine under way learns that something came (`removal.orders.news`)."""
    return table.c.id != select(func.max(table.alias("newest").c.id)).scalar_subquery()


_OVER: Mapping[RowKind, Callable[[RowsOver], Conditions]] = {
    RowKind.REMOVALS: _removals,
    RowKind.FINDINGS: _findings,
    RowKind.DEVIATIONS: _deviations,
    RowKind.REPORTS: _reports,
    RowKind.IMPORTS: _imports,
    RowKind.VIEWS_BY_NAME: _views,
    RowKind.PAUSES: _pauses,
    RowKind.ATTESTATIONS: _attestations,
}


def is_over(over: RowsOver) -> Conditions:
    """Which rows of the term's table go."""
    return _OVER[over.term.kind](over)


def count(connection: Connection, over: RowsOver) -> int:
    """How many rows go."""
    counted = select(func.count()).select_from(KINDS[over.term.kind].table)
    return sum(connection.execute(counted.where(each)).scalar_one() for each in is_over(over))


def any_over(connection: Connection, over: RowsOver) -> bool:
    """Whether any row goes."""
    return bool(_keys(connection, over, 1))


def _keys(connection: Connection, over: RowsOver, limit: int) -> Sequence[Any]:
    kind = KINDS[over.term.kind]
    found: list[Any] = []
    for each in is_over(over):
        query = select(kind.table.c[kind.key]).where(each).limit(limit - len(found))
        found += connection.execute(query).scalars()
        if len(found) == limit:
            break
    return found


def progress(connection: Connection) -> Mapping[str, Destroyed]:
    """How far each term has got, by its name; only those that ever destroyed anything."""
    return {
        row.term: Destroyed(row.term, row.until, row.begun_at, row.ended_at, row.newest, row.total)
        for row in connection.execute(select(destruction))
    }


def begin(connection: Connection, over: RowsOver, before: Destroyed | None, *, goes: bool) -> None:
    """Note that a term has got as far as its day. goes: rows of it go now, until `end`; a run that was broken off is
    gone on with.
    """
    name, now = over.term.name, over.now
    ended = None if goes else now
    if before is None:
        values = {"term": name, "until": over.until, "begun_at": now, "ended_at": ended}
        connection.execute(insert(connection, destruction).values(**values, total=0, told=0, newest=0))
        return
    anew: Mapping[str, Any] = {"begun_at": now, "ended_at": None} if goes and before.ended_at is not None else {}
    statement = update(destruction).where(destruction.c.term == name)
    connection.execute(statement.values({"until": max(before.until, over.until), **anew}))


def destroy(connection: Connection, over: RowsOver, limit: int) -> int:
    """Destroy so many rows at most, with all that goes with them; how many of the kind. In a run that was begun."""
    kind = KINDS[over.term.kind]
    mine = destruction.c.term == over.term.name
    connection.execute(select(destruction.c.term).where(mine).with_for_update())
    keys = _keys(connection, over, limit)
    if not keys:
        return 0
    for table, column in kind.parts:
        connection.execute(delete(table).where(among_keys(connection, table.c[column], keys)))
    connection.execute(delete(kind.table).where(among_keys(connection, kind.table.c[kind.key], keys)))
    more = len(keys)
    connection.execute(update(destruction).where(mine).values(total=destruction.c.total + more))
    return more


def end(connection: Connection, name: str, now: datetime) -> int:
    """Note that a term's run is over; how many rows went of which the log has not told."""
    mine = destruction.c.term == name
    row = connection.execute(select(destruction.c.total, destruction.c.told).where(mine).with_for_update()).one()
    newest = row.total - row.told
    connection.execute(update(destruction).where(mine).values(ended_at=now, told=row.total, newest=newest))
    return int(newest)


def tables_of(kinds: Collection[RowKind]) -> Sequence[str]:
    """Every table that rows of these kinds were taken from."""
    found = {each.name for kind in kinds for each in (KINDS[kind].table, *(table for table, _ in KINDS[kind].parts))}
    return sorted(found)


def leave_nothing(store: Store, kinds: Collection[RowKind]) -> bool:
    """Let the database's own files give up what was deleted, as far as it does that while others work.

    SQLite overwrote the pages (secure_delete); what it wrote ahead (WAL) is copied in and cut off. PostgreSQL forgets
    the dead rows of these tables (VACUUM). False: somebody was reading meanwhile; the next run does it.
    """
    return store.forget_deleted(tables_of(kinds))
