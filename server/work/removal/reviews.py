"""What waits for a person, with its age and what may be done; and what a privacy officer says of one contact.

Nothing is removed here: what was said lets whoever has the contact be decided again, by the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from server.core.log.entries import EntryKind
from server.core.model import CLEARED_FOR_CASES, Role, Tier, Whose
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.removal.reviews import ACTS, Act, whose_turn
from server.store import log
from server.store.removal import reviews
from server.store.removal.reviews import ReviewRow
from server.work.context import Context
from server.work.removal import deviations_and_holds

_WHOSE = {Act.THEIRS: Whose.THEIRS, Act.NOT_THEIRS: Whose.NOT_THEIRS}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contact that waits. days: whole days since it began to. turn: whose it is. acts: what can be said here."""

    row: ReviewRow
    days: int
    turn: Role
    acts: tuple[Act, ...]


def list_waiting(context: Context, role: Role, *, limit: int | None = None) -> Sequence[Waiting]:
    """Everything that waits, the longest first; a cleared person's read is in the log, restricted."""
    with context.store.write() as connection:
        if role in CLEARED_FOR_CASES:
            log.append_restricted(connection, context.now(), context.keys.sealer, [f"reviews read by {role.value}"])
        rows = reviews.waiting(connection, limit=limit)
    return [_waiting(context, row) for row in rows]


def find(context: Context, uid: str) -> Waiting | None:
    """The one of that id, if it still waits."""
    with context.store.read() as connection:
        return next((_waiting(context, row) for row in reviews.waiting(connection) if row.uid == uid), None)


def answer(
    context: Context,
    role: Role,
    uid: str,
    act: Act,
    *,
    reason: str,
    consulted: str = "",
    until: date | None = None,
) -> Waiting:
    """Record what a privacy officer says of a contact that waits, with the reason; it is decided again at once after.

    until, consulted: of KEEP, the last day and with whom it was talked over. Raises DecisionRefusedError.
    """
    if role is not Role.PRIVACY_OFFICER:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    deviations_and_holds.check_text(reason)
    now = context.now()
    found = find(context, uid)
    if found is None:
        raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
    row = found.row
    if act not in found.acts or row.case_id is None:
        raise DecisionRefusedError(DecisionProblem.CHANGED_SINCE)
    if act is Act.KEEP:
        if until is None or not consulted or row.case is None:
            raise DecisionRefusedError(DecisionProblem.MISSING_VALUE)
        deviations_and_holds.add_deviation(
            context,
            by=role,
            case=row.case,
            system=row.system,
            worker=row.worker,
            tier=Tier.CONSULT,
            reason=reason,
            decided_by=consulted,
            until_day=until,
        )
    with context.store.write() as connection:
        if act in _WHOSE and not reviews.say_whose(connection, row.case_id, row.identifier_id, _WHOSE[act], now):
            raise DecisionRefusedError(DecisionProblem.CHANGED_SINCE)
        if act is Act.RECORDED:
            reviews.say_recorded(connection, row.case_id, row.identifier_id, now)
        body = {"finding": uid, "what": row.reason.value, "verb": act.value, "actor_role": role.value}
        log.append(connection, now, [(EntryKind.FINDING, body)])
        log.append_restricted(
            connection, now, context.keys.sealer, [f"review {uid} {act.value} by {role.value}: {reason}"]
        )
    return found


def _waiting(context: Context, row: ReviewRow) -> Waiting:
    acts = ACTS.get(row.reason, ()) if row.case_id is not None else ()
    age = max(0, (context.now() - row.since).days)
    return Waiting(row, age, whose_turn(row.reason, context.policy), acts)
