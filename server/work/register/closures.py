"""A work supervisor says of closed cases that the final closure was confirmed in writing, or not yet, or takes it back.

Where the policy says that a work supervisor may (`closure_confirmed_by`). Nothing is removed here: what was said lets
whoever has the contacts be decided again, and goes the way of every closure: grace, limits, holds.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from server.core.log.entries import EntryKind
from server.core.policy.model import ConfirmedBy
from server.core.problems import ClosureProblem, DecisionProblem, DecisionRefusedError
from server.core.removal.closures import (
    ClosureAnswer,
    ClosureEnd,
    DayFault,
    RegisterSays,
    counts_from,
    fault_of_day,
    waits,
)
from server.store import log
from server.store.admin import organisation
from server.store.database import Connection
from server.store.removal import closures
from server.store.removal.closures import AnswerRow
from server.work.admin import access
from server.work.admin.access import Person
from server.work.context import Context

AT_ONCE = 25
"""Cases answered for at once, at most: each of them is looked at."""
SHOWN = 100
_SEARCHED = 10 * SHOWN
"""What was shown may stand further down the list by now."""
_FAULTS = {DayFault.IN_FUTURE: ClosureProblem.DAY_IN_FUTURE, DayFault.BEFORE_OPENING: ClosureProblem.BEFORE_OPENING}


@dataclass(frozen=True, slots=True)
class ClosureQuestion:
    """A closed case that somebody has to answer for. asked: names it as it stands now, so that nothing is answered that
    has changed since. own: this person is or was on the case, so somebody else answers. not_yet_at: that was said.
    """

    asked: str
    case: str
    opened_on: date | None
    workers: tuple[str, ...]
    contacts: int
    own: bool
    not_yet_at: datetime | None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What withdrawing came to. removed: contacts that were gone already, and stay gone. leaving: a store was being
    asked at that moment.
    """

    case: str
    removed: int
    leaving: int


def are_asked(context: Context) -> bool:
    """Whether the policy asks work supervisors."""
    return context.policy.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR


def read_questions(
    context: Context, connection: Connection, person: Person, team: str
) -> tuple[Sequence[ClosureQuestion], Sequence[AnswerRow]]:
    """What waits for an answer in a team, and what was confirmed for it."""
    waiting = closures.waiting(connection, team, limit=SHOWN) if are_asked(context) else ()
    own = _own(connection, person, {each.id for each in waiting})
    questions = [
        ClosureQuestion(
            _asked(context, each.id, each.opened_on, each.last),
            each.number,
            each.opened_on,
            each.workers,
            each.contacts,
            each.id in own,
            each.not_yet_at,
        )
        for each in waiting
    ]
    return questions, closures.answers_of_team(connection, team, limit=SHOWN)


def answer(
    context: Context, person: Person, team: str, asked: Sequence[str], said: ClosureAnswer, day: date | None = None
) -> int:
    """Record one answer for the chosen questions, all or none; returns of how many cases.

    team: one that this person may see; the caller made sure. day: the one on which the closure was confirmed in
    writing; None for "not yet". What this person answered in the same words already counts as done (a double click).

    Raises DecisionRefusedError.
    """
    chosen = list(dict.fromkeys(asked))
    if not are_asked(context):
        raise DecisionRefusedError(ClosureProblem.REGISTER_CONFIRMS)
    if not chosen:
        raise DecisionRefusedError(ClosureProblem.NOTHING_CHOSEN)
    if len(chosen) > AT_ONCE:
        raise DecisionRefusedError(ClosureProblem.TOO_MANY_CHOSEN)
    if (day is None) is (said is ClosureAnswer.CONFIRMED):
        raise DecisionRefusedError(DecisionProblem.MISSING_VALUE)
    now = context.now()
    with context.store.write() as connection:
        known = closures.answered(connection, chosen)
        if any(each != (person.account, said, day) for each in known.values()):
            raise DecisionRefusedError(DecisionProblem.CHANGED_SINCE)
        open_ones = {
            _asked(context, each.id, each.opened_on, each.last): each
            for each in closures.waiting(connection, team, limit=_SEARCHED)
        }
        fresh = [name for name in chosen if name not in known]
        if not all(name in open_ones for name in fresh):
            raise DecisionRefusedError(DecisionProblem.CHANGED_SINCE)
        ids = {open_ones[name].id: name for name in fresh}
        says = closures.hold_still(connection, ids, now)
        last = closures.newest(connection, ids)
        _check(context, connection, person, says, day)
        for number, name in ids.items():
            # Somebody may have answered, or an import come in, since the questions were read.
            if not waits(says[number]) or _asked(context, number, says[number].opened_on, last.get(number, "")) != name:
                raise DecisionRefusedError(DecisionProblem.CHANGED_SINCE)
        uids = [
            _put(connection, person, team, number, name, says[number], said, day, now) for number, name in ids.items()
        ]
        since = None if day is None else day.isoformat()
        role = person.role.value
        log.append(
            connection,
            now,
            [
                (EntryKind.CLOSURE_ANSWERED, {"closure": uid, "verb": said.value, "since": since, "actor_role": role})
                for uid in uids
            ],
        )
        access.note_acts(context, connection, person, [f"closure {uid} {said.value}" for uid in uids])
    return len(chosen)


def withdraw(context: Context, person: Person, team: str, uid: str) -> TakenBack:
    """Take a confirmation back, whoever gave it; what is gone by then is counted and stays gone. Repeated, the same.

    Raises DecisionRefusedError: NOT_FOUND: none of that team; CHANGED_SINCE: something else ended it.
    """
    now = context.now()
    with context.store.write() as connection:
        found = closures.standing(connection, uid)
        if found is None or found.team != team or found.answer is not ClosureAnswer.CONFIRMED:
            raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
        closures.hold_still(connection, {found.case_id}, now)
        removed, leaving = closures.removed_since(connection, found.case_id, found.said_at)
        how = ClosureEnd.CORRECTED if removed or leaving else ClosureEnd.WITHDRAWN
        if not closures.end_answer(connection, found.id, how, person.account, now):
            if found.ended_as in (ClosureEnd.WITHDRAWN, ClosureEnd.CORRECTED):
                return TakenBack(found.number, removed, leaving)
            raise DecisionRefusedError(DecisionProblem.CHANGED_SINCE)
        body = {"closure": uid, "verb": how.value, "count": removed, "actor_role": person.role.value}
        log.append(connection, now, [(EntryKind.CLOSURE_ANSWERED, body)])
        access.note_acts(context, connection, person, [f"closure {uid} {how.value}"])
    return TakenBack(found.number, removed, leaving)


def _check(
    context: Context, connection: Connection, person: Person, says: Mapping[int, RegisterSays], day: date | None
) -> None:
    """Nobody answers for a case of their own, and no day is stated that cannot be."""
    if person.worker_ref is None and not organisation.read_installation(connection).demo:
        raise DecisionRefusedError(ClosureProblem.WORKER_UNKNOWN)
    if _own(connection, person, set(says)):
        raise DecisionRefusedError(ClosureProblem.OWN_CASE)
    for each in says.values():
        fault = None if day is None else fault_of_day(day, each, context.today())
        if fault is not None:
            raise DecisionRefusedError(_FAULTS[fault])


def _own(connection: Connection, person: Person, case_ids: set[int]) -> frozenset[int]:
    if person.worker_ref is None:
        return frozenset()
    return closures.worked_on(connection, person.worker_ref, case_ids)


def _put(
    connection: Connection,
    person: Person,
    team: str,
    case_id: int,
    asked: str,
    says: RegisterSays,
    said: ClosureAnswer,
    day: date | None,
    now: datetime,
) -> str:
    uid = uuid.uuid4().hex[:12]
    closures.put_answer(
        connection,
        uid=uid,
        case_id=case_id,
        team=team,
        asked=asked,
        answer=said,
        on_date=day,
        confirmed_at=None if day is None else counts_from(day, now),
        opened_on=says.opened_on,
        said_by=person.account,
        now=now,
    )
    return uid


def _asked(context: Context, case_id: int, opened_on: date | None, last: str) -> str:
    """Names a question: a case as the register tells of it, and the newest answer. Without the key nobody makes one."""
    text = f"{case_id} {opened_on or '-'} {last or '-'}"
    return context.keys.sealer.hash(text, "closure.asked").hex()[:16]
