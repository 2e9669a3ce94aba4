"""Deviations and holds: what people put between a need and a removal.

A hold leaves no trace that uncleared eyes could tell from an ordinary deferral.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from mdm_adapters.port import Field, FieldKind
from server.core.identity.reading import identifiers_in
from server.core.log.entries import EntryKind
from server.core.model import CLEARED_FOR_HOLDS, Role, Tier
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.store import log
from server.store.database import Connection
from server.store.removal import deviations_and_holds
from server.store.removal.deviations_and_holds import DeviationRow, HoldRow
from server.work.context import AMSTERDAM, Context
from server.work.removal.alive import has_ended

_LONGEST_REASON = 300

MAY_DEVIATE: Mapping[Tier, frozenset[Role]] = {
    Tier.SELF: frozenset({Role.WORKER, Role.WORK_SUPERVISOR, Role.PRIVACY_OFFICER}),
    Tier.CONSULT: frozenset({Role.WORK_SUPERVISOR, Role.PRIVACY_OFFICER}),
    Tier.BOARD: frozenset({Role.PRIVACY_OFFICER}),
}
"""Who may record a deviation of each tier (DOMAIN 9): never who runs the machine."""


@dataclass(frozen=True, slots=True)
class HoldSet:
    """A hold in force. under_way: calls that had left before it, or may still leave, since the engine that claimed them
    has not answered; beyond_recall: removals that the vendor had accepted before it; unknown: claims of engines that
    ended without an answer.
    """

    uid: str
    under_way: int
    beyond_recall: int
    unknown: int = 0

    @property
    def in_time(self) -> bool:
        """Whether nothing that it covers was, or can still be, removed by what had been claimed before it."""
        return not (self.under_way or self.beyond_recall or self.unknown)


def add_deviation(
    context: Context,
    *,
    by: Role,
    case: str,
    worker: str,
    tier: Tier,
    reason: str,
    decided_by: str,
    until_day: date,
    system: str | None = None,
) -> str:
    """Record a reasoned deviation up to and with a day; returns its id. Its text may carry no number or address.

    by: the role of who records it. system: the case system, needed where two of them use the number.
    """
    if by not in MAY_DEVIATE[tier]:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    check_text(reason)
    check_text(decided_by)
    now = context.now()
    until = datetime.combine(until_day + timedelta(days=1), time(), AMSTERDAM)
    if until <= now:
        raise DecisionRefusedError(DecisionProblem.ENDS_IN_PAST)
    limit = next((each for each in context.policy.deviation_tiers if each.tier is tier), None)
    if limit is None:
        raise DecisionRefusedError(DecisionProblem.TIER_CLOSED)
    if until_day - context.today() > timedelta(days=limit.longest_days):
        raise DecisionRefusedError(DecisionProblem.TOO_LONG)
    with context.store.write() as connection:
        of_worker, of_case = _scope(connection, worker, case, system)
        if of_worker is None or of_case is None:
            raise DecisionRefusedError(DecisionProblem.MISSING_VALUE)
        uid = uuid.uuid4().hex[:12]
        deviations_and_holds.add_deviation(
            connection,
            uid=uid,
            case_id=of_case,
            of_worker=of_worker,
            tier=tier,
            reason=reason,
            decided_by=decided_by,
            now=now,
            until=until,
        )
        body = {"deviation": uid, "tier": tier.value, "verb": "recorded", "until": until_day.isoformat()}
        body["actor_role"] = by.value
        log.append(connection, now, [(EntryKind.DEVIATION_RECORDED, body)])
    return uid


def list_deviations(context: Context) -> Sequence[DeviationRow]:
    """Deviations in force."""
    with context.store.read() as connection:
        return deviations_and_holds.read_deviations(connection, context.now())


def set_hold(
    context: Context,
    role: Role,
    *,
    worker: str | None,
    case: str | None,
    reason: str,
    wait: Callable[[], bool],
    system: str | None = None,
) -> HoldSet:
    """Set a hold on a worker, a case, or with neither on everything; returns when nothing it covers is under way.

    system: the case system, needed where two of them use the number. wait: lets a moment pass; False when the person
    will wait no longer. A call that left before the hold cannot be called back: it is waited for and counted, so that
    nobody believes the hold came in time when it did not. So is every claim that is not answered, whoever has the order
    by now: its engine may stand still, and wake. Only an engine of this machine that runs no more is waited for no
    longer; what it did is not known.
    """
    _require_clearance(context, role, "hold_set")
    check_text(reason)
    uid = uuid.uuid4().hex[:12]
    now = context.now()
    with context.store.write() as connection:
        of_worker, of_case = _scope(connection, worker, case, system)
        deviations_and_holds.set_hold(
            connection, context.keys.sealer, uid=uid, of_worker=of_worker, of_case=of_case, reason=reason, now=now
        )
        log.append_restricted(connection, now, context.keys.sealer, [f"hold_set {uid} {role.value}"])
    # Counted once the hold is in force: a claim committed meanwhile may have been checked before it was (PostgreSQL).
    found = _out_of_reach(context, uid, of_worker, of_case)
    while found.under_way and wait():
        found = _out_of_reach(context, uid, of_worker, of_case)
    return found


def _out_of_reach(context: Context, uid: str, of_worker: int | None, of_case: int | None) -> HoldSet:
    """What a hold covers and cannot stop."""
    with context.store.read() as connection:
        unanswered = deviations_and_holds.unanswered_calls(connection, of_worker, of_case)
        accepted = deviations_and_holds.accepted_before(connection, of_worker, of_case)
    one_machine = context.store.is_sqlite
    gone = {name for name, _ in unanswered if has_ended(name, one_machine=one_machine)}
    unknown = sum(count for (name, ended), count in unanswered.items() if ended or name in gone)
    return HoldSet(uid, sum(unanswered.values()) - unknown, accepted, unknown)


def release_hold(context: Context, role: Role, uid: str) -> None:
    """End a hold; what it covered is decided again."""
    _require_clearance(context, role, "hold_release")
    now = context.now()
    with context.store.write() as connection:
        if not deviations_and_holds.release_hold(connection, uid, now):
            raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
        log.append_restricted(connection, now, context.keys.sealer, [f"hold_released {uid} {role.value}"])


def list_holds(context: Context, role: Role) -> Sequence[HoldRow]:
    """Every hold, for those cleared."""
    _require_clearance(context, role, "hold_list")
    now = context.now()
    with context.store.write() as connection:
        log.append_restricted(connection, now, context.keys.sealer, [f"holds_read {role.value}"])
        return deviations_and_holds.read_holds(connection, context.keys.sealer)


def _require_clearance(context: Context, role: Role, what: str) -> None:
    if role in CLEARED_FOR_HOLDS:
        return
    now = context.now()
    with context.store.write() as connection:
        log.append_restricted(connection, now, context.keys.sealer, [f"refused {what} {role.value}"])
    raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)


def _scope(
    connection: Connection, worker: str | None, case: str | None, system: str | None
) -> tuple[int | None, int | None]:
    of_worker = of_case = None
    if worker is not None:
        of_worker = deviations_and_holds.worker_id(connection, worker)
        if of_worker is None:
            raise DecisionRefusedError(DecisionProblem.UNKNOWN_WORKER)
    if case is not None:
        ids = deviations_and_holds.case_ids(connection, case, system)
        if not ids:
            raise DecisionRefusedError(DecisionProblem.UNKNOWN_CASE)
        if len(ids) > 1:
            raise DecisionRefusedError(DecisionProblem.CASE_IN_SEVERAL)
        of_case = ids[0]
    return of_worker, of_case


def check_text(text: str) -> None:
    """Refuse a text that is too long or holds an identifier."""
    if len(text) > _LONGEST_REASON:
        raise DecisionRefusedError(DecisionProblem.TEXT_TOO_LONG)
    if identifiers_in(Field(FieldKind.TEXT, text)):
        raise DecisionRefusedError(DecisionProblem.IDENTIFIER_IN_TEXT)
