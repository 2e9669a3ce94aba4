"""When cases ran and who was on them, in days, as usage is counted by; read in sets, and nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from server.core.days import AMSTERDAM
from server.core.model import Phase
from server.core.usage.counterparties import NEVER, Days, PastSpell, spells_of
from server.store.removal import closures
from server.store.schema.base import assignment, case_spell, cases, deviation, moment, worker
from server.store.usage.circumstances import duty_days


def day_of(at: datetime) -> int:
    """The local day of an instant."""
    return at.astimezone(AMSTERDAM).date().toordinal()


def last_day(until: datetime) -> int:
    """The last local day before something ended, which at midnight is the day before."""
    return day_of(until - timedelta(microseconds=1))


def case_spells(
    connection: Connection, only: Sequence[int] | None = None, *, supervisors: bool = False
) -> Mapping[int, tuple[Days, ...]]:
    """When each case ran, by its number of ours. only: these cases; at most some hundreds.

    supervisors: a case counts as closed by a work supervisor's word too, as the policy has it. Where the register gives
    no beginning, a case began with the first who was on it.
    """
    confirmed = closures.all_confirmed(connection, asked=supervisors)
    past: dict[int, list[PastSpell]] = {}
    begun = select(assignment.c.case_id, func.min(assignment.c.from_at)).group_by(assignment.c.case_id)
    before = select(case_spell)
    query = select(cases.c.id, cases.c.phase, cases.c.opened_on, cases.c.closed_at)
    if only is not None:
        begun = begun.where(assignment.c.case_id.in_(only))
        before = before.where(case_spell.c.case_id.in_(only))
        query = query.where(cases.c.id.in_(only))
    for row in connection.execute(before):
        first = None if row.first is None else row.first.toordinal()
        past.setdefault(row.case_id, []).append(
            PastSpell(first, row.last.toordinal(), row.reopened_on.toordinal())
        )  # fmt: skip
    first_on = {row[0]: day_of(row[1]) for row in connection.execute(begun)}
    found = {}
    for row in connection.execute(query.execution_options(yield_per=5_000)):
        closed = row.phase == Phase.CLOSED.value
        ended = row.closed_at or (confirmed.get(row.id) if closed else None)
        opened = first_on.get(row.id) if row.opened_on is None else row.opened_on.toordinal()
        found[row.id] = spells_of(
            opened,
            None if ended is None else last_day(ended),
            running=not closed or ended is None,
            past=past.get(row.id, ()),
        )
    return found


def own_days(connection: Connection, *, window_days: int) -> Mapping[int, Mapping[int, tuple[Days, ...]]]:
    """Of each worker and case on which days it was theirs: assigned, around a planned moment, or by a deviation."""
    ids = {row.ref: row.id for row in connection.execute(select(worker.c.id, worker.c.ref))}
    found: dict[int, dict[int, tuple[Days, ...]]] = {}

    def add(of_worker: int | None, case: int, first: int, last: int) -> None:
        if of_worker is not None and first <= last:
            theirs = found.setdefault(of_worker, {})
            theirs[case] = (*theirs.get(case, ()), (first, last))

    assigned = select(assignment.c.case_id, assignment.c.worker_ref, assignment.c.from_at, assignment.c.until_at)
    for row in connection.execute(assigned.execution_options(yield_per=5_000)):
        until = NEVER if row.until_at is None else last_day(row.until_at)
        add(ids.get(row.worker_ref), row.case_id, day_of(row.from_at), until)
    for row in connection.execute(select(moment)):
        on = row.on_date.toordinal()
        add(ids.get(row.worker_ref), row.case_id, on - window_days, on + window_days)
    for row in connection.execute(select(deviation)):
        add(row.worker_id, row.case_id, day_of(row.recorded_at), last_day(row.ended_at or row.until_at))
    return found


def on_duty(connection: Connection) -> Mapping[int, frozenset[int]]:
    """Of each worker the days of duty."""
    return {number: frozenset(day.toordinal() for day in days) for number, days in duty_days(connection).items()}
