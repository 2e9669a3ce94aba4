"""Cases of workers that are closed, what workers stated about them, and who may be asked; no hold is read here.

Sets are asked for: all of one worker, or of everybody since a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, FromClause, and_, exists, func, or_, select

from server.core.model import GateScope, Phase, StatedAnswer, StatedPlace
from server.core.removal.attestation import OwnStatement, WorkedCase
from server.core.removal.closures import ClosureAnswer
from server.store.database import among, insert, insert_many
from server.store.schema.attestation import attestation, attestation_reminder
from server.store.schema.base import account, assignment, cases, closure, gate, installation, membership, worker
from server.store.schema.usage import absence

WorkersCase = tuple[int, int]
"""A worker and a case, by our numbers."""


def closed_cases(connection: Connection, since: datetime, worker_id: int | None = None) -> Sequence[WorkedCase]:
    """Cases whose final closure somebody confirmed since then, each with every worker who was on it, in an order that
    says nothing of when. worker_id: of that worker alone.
    """
    confirmed = (
        select(closure.c.confirmed_at)
        .where(
            closure.c.case_id == cases.c.id,
            closure.c.ended_at.is_(None),
            closure.c.answer == ClosureAnswer.CONFIRMED.value,
        )
        .scalar_subquery()
    )
    said = func.coalesce(cases.c.closed_at, confirmed, type_=cases.c.closed_at.type)
    of_whom = (worker.c.id == worker_id,) if worker_id is not None else ()
    rows = connection.execute(
        select(worker.c.id.label("worker"), cases.c.id, cases.c.number, cases.c.closed_at, confirmed.label("confirmed"))
        .select_from(assignment)
        .join(worker, worker.c.ref == assignment.c.worker_ref)
        .join(cases, cases.c.id == assignment.c.case_id)
        .where(cases.c.phase == Phase.CLOSED.value, said >= since, *of_whom)
        .distinct()
        .order_by(cases.c.number, cases.c.id, worker.c.id)
    )
    return [WorkedCase(r.worker, r.id, Phase.CLOSED, r.closed_at, r.confirmed, r.number) for r in rows]


def statements(
    connection: Connection, since: datetime, worker_id: int | None = None, *, until: datetime | None = None
) -> Mapping[WorkersCase, Sequence[OwnStatement]]:
    """What was stated since then, and before `until`, the oldest first."""
    mine = [attestation.c.worker_id == worker_id] if worker_id is not None else []
    mine += [attestation.c.said_at < until] if until is not None else []
    rows = connection.execute(
        select(attestation).where(attestation.c.said_at >= since, *mine).order_by(attestation.c.id)
    )
    found: dict[WorkersCase, list[OwnStatement]] = {}
    for row in rows:
        said = OwnStatement(StatedPlace(row.place), StatedAnswer(row.answer), row.said_at)
        found.setdefault((row.worker_id, row.case_id), []).append(said)
    return found


def put_statements(
    connection: Connection, worker_id: int, said: Iterable[tuple[int, StatedPlace, StatedAnswer]], now: datetime
) -> None:
    """Write down what a worker states: cases, places, answers."""
    rows = [
        {"worker_id": worker_id, "case_id": case, "place": place.value, "answer": answer.value, "said_at": now}
        for case, place, answer in said
    ]
    insert_many(connection, attestation, rows)


def who_may_be_asked(connection: Connection, today: date, worker_id: int | None = None) -> frozenset[int]:
    """Workers with a sign-in of theirs that is open, in a team, of an employer with a gate for removing in force.

    Whoever may not sign in, is suspended or has left is not among them: nobody asks them, and nothing is assumed.
    """
    theirs = account.alias()
    team = membership.alias()
    conditions: list[ColumnElement[bool]] = [
        exists().where(theirs.c.worker_id == worker.c.id),
        ~exists().where(theirs.c.worker_id == worker.c.id, theirs.c.disabled_at.is_not(None)),
        or_(
            ~exists().where(team.c.worker_id == worker.c.id),
            exists().where(team.c.worker_id == worker.c.id, *_on(team, today)),
        ),
    ]
    if not connection.execute(select(installation.c.demo)).scalar():
        removing = gate.c.scope == GateScope.REMOVAL.value
        conditions.append(exists().where(gate.c.employer_id == worker.c.employer_id, gate.c.ends_on >= today, removing))
    if worker_id is not None:
        conditions.append(worker.c.id == worker_id)
    return frozenset(connection.execute(select(worker.c.id).where(and_(*conditions))).scalars())


def absent(connection: Connection, today: date) -> frozenset[int]:
    """Workers who are away today: they are not reminded."""
    return frozenset(connection.execute(select(absence.c.worker_id).where(*_on(absence, today))).scalars())


def _on(table: FromClause, today: date) -> tuple[ColumnElement[bool], ...]:
    return table.c["first"] <= today, or_(table.c["last"].is_(None), table.c["last"] >= today)


def last_reminders(connection: Connection) -> Mapping[int, date]:
    """On which day each worker was reminded last."""
    return {row.worker_id: row.sent_on for row in connection.execute(select(attestation_reminder))}


def note_reminders(connection: Connection, workers: Sequence[int], today: date) -> None:
    """Remember that these were reminded today."""
    statement = insert(connection, attestation_reminder)
    statement = statement.on_conflict_do_update(
        index_elements=["worker_id"], set_={"sent_on": statement.excluded.sent_on}
    )
    connection.execute(statement, [{"worker_id": each, "sent_on": today} for each in workers])


def worker_refs(connection: Connection, workers: Iterable[int]) -> Mapping[int, str]:
    """The reference of each of these workers."""
    rows = connection.execute(select(worker.c.id, worker.c.ref).where(worker.c.id.in_(among(sorted(workers)))))
    return {row.id: row.ref for row in rows}


def case_numbers(connection: Connection, of_cases: Iterable[int]) -> Mapping[int, str]:
    """The number of each of these cases."""
    rows = connection.execute(select(cases.c.id, cases.c.number).where(cases.c.id.in_(among(sorted(of_cases)))))
    return {row.id: row.number for row in rows}
