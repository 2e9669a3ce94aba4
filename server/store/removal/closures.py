"""What work supervisors answered about closed cases: questions that wait, answers in force, and what ended them.

Everything is asked of sets. An answer lets whoever has a contact of the case be decided again, in its own transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, or_, select, update

from server.core.model import Phase, Reason, State
from server.core.removal.closures import ClosureAnswer, ClosureEnd, RegisterSays, still_stands
from server.store.database import among
from server.store.removal.due import look_soon, make_due, of_cases
from server.store.schema.base import account, assignment, cases, closure, link, orders, pair, worker

_GONE = (State.DONE, State.CHECKING)
"""Taken away: proven, or accepted by the store and to be looked at."""


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case that is closed by its status, with contacts that wait for somebody's word.

    workers: references of those of the team who hold them. contacts: with them. last: the newest answer about it,
    whatever became of that, by its id; not_yet_at: when somebody last said "not yet", if that still stands.
    """

    id: int
    number: str
    opened_on: date | None
    workers: tuple[str, ...]
    contacts: int
    last: str
    not_yet_at: datetime | None


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer. by: the account's name, or its id where a provider vouches for it."""

    uid: str
    number: str
    answer: ClosureAnswer
    on_date: date | None
    said_at: datetime
    by: str
    ended_at: datetime | None
    ended_as: ClosureEnd | None


@dataclass(frozen=True, slots=True)
class ClosureStanding:
    """An answer as it stands now, for whoever wants to take it back."""

    id: int
    case_id: int
    number: str
    team: str
    answer: ClosureAnswer
    said_at: datetime
    ended_as: ClosureEnd | None


def waiting(connection: Connection, team: str, *, limit: int) -> Sequence[WaitingCase]:
    """Closed cases of a team that wait: those nobody answered for first, then those with the most contacts."""
    standing = select(closure.c.case_id, closure.c.said_at).where(closure.c.ended_at.is_(None)).subquery()
    count = func.count()
    chosen = connection.execute(
        select(cases.c.id, cases.c.number, cases.c.opened_on, standing.c.said_at, count.label("contacts"))
        .select_from(pair)
        .join(worker, worker.c.id == pair.c.worker_id)
        .join(cases, cases.c.id == pair.c.case_id)
        .outerjoin(standing, standing.c.case_id == cases.c.id)
        .where(worker.c.team == team, pair.c.reason == Reason.CLOSURE_UNCONFIRMED.value, _WAITS)
        .group_by(cases.c.id, cases.c.number, cases.c.opened_on, standing.c.said_at)
        .order_by(case((standing.c.said_at.is_(None), 0), else_=1), count.desc(), cases.c.number, cases.c.id)
        .limit(limit)
    ).all()
    ids = among([row.id for row in chosen])
    refs: dict[int, list[str]] = {}
    for of_case, ref in connection.execute(
        select(pair.c.case_id, worker.c.ref)
        .join(worker, worker.c.id == pair.c.worker_id)
        .where(pair.c.case_id.in_(ids), worker.c.team == team, pair.c.reason == Reason.CLOSURE_UNCONFIRMED.value)
        .distinct()
        .order_by(worker.c.ref)
    ):
        refs.setdefault(of_case, []).append(ref)
    last = newest(connection, [row.id for row in chosen])
    return [
        WaitingCase(
            row.id,
            row.number,
            row.opened_on,
            tuple(refs.get(row.id, ())),
            row.contacts,
            last.get(row.id, ""),
            row.said_at,
        )
        for row in chosen
    ]


_WAITS = and_(
    cases.c.phase == Phase.CLOSED.value,
    cases.c.closed_at.is_(None),
    ~exists().where(
        closure.c.case_id == cases.c.id,
        closure.c.ended_at.is_(None),
        closure.c.answer == ClosureAnswer.CONFIRMED.value,
    ),
)


def newest(connection: Connection, case_ids: Collection[int]) -> Mapping[int, str]:
    """The id of the newest answer about each case that has one, whatever became of it."""
    rows = connection.execute(
        select(closure.c.case_id, closure.c.uid)
        .where(closure.c.case_id.in_(among(sorted(case_ids))))
        .order_by(closure.c.id)
    )
    return {row.case_id: row.uid for row in rows}


def hold_still(connection: Connection, case_ids: Collection[int], now: datetime) -> Mapping[int, RegisterSays]:
    """Let whoever has a contact of these cases be decided again, and keep the register from changing them meanwhile.

    In this order, which is that of an import: pairs first, then cases.
    """
    mark_due(connection, case_ids, now)
    rows = connection.execute(
        select(cases.c.id, cases.c.phase, cases.c.opened_on, cases.c.closed_at)
        .where(cases.c.id.in_(among(sorted(case_ids))))
        .order_by(cases.c.id)
        .with_for_update()
    )
    return {row.id: RegisterSays(Phase(row.phase), row.opened_on, row.closed_at) for row in rows}


def mark_due(connection: Connection, case_ids: Collection[int], now: datetime) -> None:
    """Whoever has a contact of these cases is decided again."""
    chosen = select(cases.c.id).where(cases.c.id.in_(among(sorted(case_ids))))
    make_due(connection, of_cases(chosen), now)
    look_soon(connection, chosen, now)


def worked_on(connection: Connection, ref: str, case_ids: Collection[int]) -> frozenset[int]:
    """Those of the cases on which a worker is or ever was."""
    rows = connection.execute(
        select(assignment.c.case_id)
        .where(assignment.c.worker_ref == ref, assignment.c.case_id.in_(among(sorted(case_ids))))
        .distinct()
    )
    return frozenset(rows.scalars())


def answered(connection: Connection, asked: Collection[str]) -> Mapping[str, tuple[int, ClosureAnswer, date | None]]:
    """Which of these questions were answered already: by which account, what, and with which day."""
    rows = connection.execute(select(closure).where(closure.c.asked.in_(among(sorted(asked)))))
    return {row.asked: (row.said_by, ClosureAnswer(row.answer), row.on_date) for row in rows}


def put_answer(
    connection: Connection,
    *,
    uid: str,
    case_id: int,
    team: str,
    asked: str,
    answer: ClosureAnswer,
    on_date: date | None,
    confirmed_at: datetime | None,
    opened_on: date | None,
    said_by: int,
    now: datetime,
) -> None:
    """Write an answer down; the one before it, if it still stood, is no longer in force."""
    connection.execute(
        update(closure)
        .where(closure.c.case_id == case_id, closure.c.ended_at.is_(None))
        .values(ended_at=now, ended_as=ClosureEnd.ANSWERED_ANEW.value, ended_by=said_by)
    )
    connection.execute(
        closure.insert().values(
            uid=uid,
            case_id=case_id,
            team=team,
            asked=asked,
            answer=answer.value,
            on_date=on_date,
            confirmed_at=confirmed_at,
            opened_on=opened_on,
            said_by=said_by,
            said_at=now,
        )
    )


def standing(connection: Connection, uid: str) -> ClosureStanding | None:
    """An answer by its id, as it stands."""
    row = connection.execute(
        select(closure, cases.c.number).join(cases, cases.c.id == closure.c.case_id).where(closure.c.uid == uid)
    ).first()
    if row is None:
        return None
    ended_as = None if row.ended_as is None else ClosureEnd(row.ended_as)
    return ClosureStanding(row.id, row.case_id, row.number, row.team, ClosureAnswer(row.answer), row.said_at, ended_as)


def end_answer(connection: Connection, number: int, how: ClosureEnd, by: int, now: datetime) -> bool:
    """End an answer that stands; False if it does not any more."""
    done = connection.execute(
        update(closure)
        .where(closure.c.id == number, closure.c.ended_at.is_(None))
        .values(ended_at=now, ended_as=how.value, ended_by=by)
    )
    return bool(done.rowcount)


def removed_since(connection: Connection, case_id: int, since: datetime) -> tuple[int, int]:
    """How many contacts of a case went because a case was finally closed, ordered since then; and how many are on their
    way out: a store is being asked.
    """
    ground = and_(
        orders.c.identifier_id.in_(select(link.c.identifier_id).where(link.c.case_id == case_id)),
        orders.c.planned_at >= since,
        or_(orders.c.reason == Reason.FINALLY_CLOSED.value, orders.c.case_id != case_id),
    )
    row = connection.execute(
        select(
            func.count().filter(orders.c.state.in_(_GONE)).label("gone"),
            func.count().filter(orders.c.state == State.CALLING.value).label("leaving"),
        )
        .select_from(orders)
        .where(ground)
    ).one()
    return int(row.gone), int(row.leaving)


def answers_of_team(connection: Connection, team: str, *, limit: int) -> Sequence[AnswerRow]:
    """Confirmations given for a team, those that stand first, then the newest first."""
    rows = connection.execute(
        select(closure, cases.c.number, func.coalesce(account.c.name, account.c.uid).label("by"))
        .join(cases, cases.c.id == closure.c.case_id)
        .join(account, account.c.id == closure.c.said_by)
        .where(closure.c.team == team, closure.c.answer == ClosureAnswer.CONFIRMED.value)
        .order_by(case((closure.c.ended_at.is_(None), 0), else_=1), closure.c.id.desc())
        .limit(limit)
    )
    return [
        AnswerRow(
            row.uid,
            row.number,
            ClosureAnswer(row.answer),
            row.on_date,
            row.said_at,
            row.by,
            row.ended_at,
            None if row.ended_as is None else ClosureEnd(row.ended_as),
        )
        for row in rows
    ]


def confirmed_at(connection: Connection, linked: Select[Any]) -> Mapping[int, datetime]:
    """From when a confirmation counts, of those of the chosen cases that have one in force. linked: ids of cases."""
    in_force = and_(closure.c.ended_at.is_(None), closure.c.answer == ClosureAnswer.CONFIRMED.value)
    if connection.execute(select(closure.c.id).where(in_force).limit(1)).first() is None:
        return {}
    rows = connection.execute(
        select(closure.c.case_id, closure.c.confirmed_at).where(in_force, closure.c.case_id.in_(linked))
    )
    return {row.case_id: row.confirmed_at for row in rows}


def lapse(connection: Connection, changed: Select[Any], now: datetime) -> int:
    """End the answers that speak of another case than the register does now; returns how many.

    changed: ids of cases that an import changed, already as it says they are.
    """
    rows = connection.execute(
        select(closure.c.id, closure.c.on_date, closure.c.opened_on.label("then"), cases)
        .join(cases, cases.c.id == closure.c.case_id)
        .where(closure.c.ended_at.is_(None), closure.c.case_id.in_(changed))
    ).all()
    over = [
        row.id
        for row in rows
        if not still_stands(row.on_date, row.then, RegisterSays(Phase(row.phase), row.opened_on, row.closed_at))
    ]
    if over:
        connection.execute(
            update(closure).where(closure.c.id.in_(among(over))).values(ended_at=now, ended_as=ClosureEnd.LAPSED.value)
        )
    return len(over)


def all_confirmed(connection: Connection, *, asked: bool) -> Mapping[int, datetime]:
    """The same of every case. asked: whether the policy heeds them; else there are none."""
    return confirmed_at(connection, select(closure.c.case_id)) if asked else {}


def confirmed_for(orders_planned_at: Any) -> Any:
    """From when the confirmation counted by which a case was closed when an order was planned; NULL: there was none.

    A scalar subquery, for a query over `orders` and `cases`.
    """
    return (
        select(func.max(closure.c.confirmed_at))
        .where(
            closure.c.case_id == cases.c.id,
            closure.c.answer == ClosureAnswer.CONFIRMED.value,
            closure.c.said_at <= orders_planned_at,
            or_(closure.c.ended_at.is_(None), closure.c.ended_at >= orders_planned_at),
        )
        .correlate(cases, orders)
        .scalar_subquery()
    )
