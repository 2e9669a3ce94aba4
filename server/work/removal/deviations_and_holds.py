"""Deviations and holds: what people put between a need and a removal.

A hold leaves no trace that uncleared eyes could tell from an ordinary deferral.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mdm_adapters.port import Field, FieldKind
from server.core.days import end_of
from server.core.hold_record import (
    WORD_LASTS,
    Ending,
    EndingWord,
    Hold,
    HoldRow,
    HoldsWaiting,
    Requester,
    Standing,
    begun_anew,
    calls_for,
    end_by_two,
    review_later,
    seen_by,
    standing_of,
)
from server.core.identity.reading import identifiers_in
from server.core.log.entries import EntryKind
from server.core.model import CLEARED_FOR_HOLDS, Role, Tier
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.store import hold_list, log
from server.store.database import Connection
from server.store.removal import deviations_and_holds as store
from server.store.removal import needs
from server.store.removal.deviations_and_holds import DeviationRow
from server.work.context import Context
from server.work.removal import attestations
from server.work.removal.alive import has_ended

_LONGEST_REASON = 300
REVIEWED_AFTER = timedelta(days=91)
"""When a hold is looked at again, unless whoever sets it says otherwise."""

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


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a hold would do. stops: open orders that it would keep from going; beyond: what it comes too late for.

    asks: whether the policy asks workers, at each final closure, to take out numbers saved where nobody can look, which
    a hold does not change; open_asks: how many such questions about what it covers wait for an answer now.
    """

    stops: int
    beyond: HoldSet
    asks: bool = False
    open_asks: int = 0


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
    until = end_of(until_day)
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
        store.add_deviation(
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
        return store.read_deviations(connection, context.now())


@dataclass(frozen=True, slots=True)
class Cleared:
    """Who acts on holds, in a role. who: their account, opaque. worker: our number of the worker they are."""

    role: Role
    who: str
    worker: int | None = None


def cleared(by: Role | Cleared) -> Cleared:
    """Whoever it is. A role alone: nobody signs in, as in a demo, and each role is one person."""
    return by if isinstance(by, Cleared) else Cleared(by, by.value)


def set_hold(
    context: Context,
    by: Role | Cleared,
    *,
    worker: str | None,
    case: str | None,
    reason: str,
    wait: Callable[[], bool],
    system: str | None = None,
    requester: Requester = Requester.OWN,
    review_on: date | None = None,
) -> HoldSet:
    """Set a hold on a worker, a case, or with neither on everything; returns when nothing it covers is under way.

    system: the case system, needed where two of them use the number. review_on: in three months unless given. wait:
    lets a moment pass; False when the person will wait no longer. A call that left before the hold cannot be called
    back: it is waited for and counted, so that nobody believes the hold came in time when it did not. So is every claim
    that is not answered, whoever has the order by now: its engine may stand still, and wake. Only an engine of this
    machine that runs no more is waited for no longer; what it did is not known.
    """
    by = cleared(by)
    _require_clearance(context, by.role, "hold_set")
    check_text(reason)
    now, today = context.now(), context.today()
    if review_on is not None and review_on <= today:
        raise DecisionRefusedError(DecisionProblem.ENDS_IN_PAST)
    sealer = context.keys.sealer
    with context.store.write() as connection:
        of_worker, of_case = _scope(connection, worker, case, system)
        before = hold_list.read_to_change(connection, sealer)
        if before is None:
            before = [begun_anew(_fresh_id(), now)]
        made = Hold(
            _fresh_id(),
            now,
            of_worker,
            of_case,
            worker,
            case,
            _system_of(connection, of_case),
            reason,
            requester.value,
            review_on or today + REVIEWED_AFTER,
            by.who,
            by.role.value,
            (by.who,),
        )
        hold_list.write(connection, sealer, [*before, made])
        log.append_restricted(connection, now, sealer, [f"hold_set {made.uid} {by.role.value} {by.who}"])
    # It is in force: what follows makes it show sooner, and waits for a pass that decides just now.
    _decide_again(context)
    # Counted once the hold is in force: a claim committed meanwhile may have been checked before it was (PostgreSQL).
    covered = standing_of([made])
    found = _out_of_reach(context, made.uid, covered)
    while found.under_way and wait():
        found = _out_of_reach(context, made.uid, covered)
    return found


def foresee(
    context: Context, by: Role | Cleared, *, worker: str | None, case: str | None, system: str | None = None
) -> Foreseen:
    """What a hold on that would stop, and what it comes too late for; nothing is set."""
    by = cleared(by)
    _require_clearance(context, by.role, "hold_preview")
    with context.store.write() as connection:
        of_worker, of_case = _scope(connection, worker, case, system)
        covered = standing_of([Hold("", context.now(), of_worker, of_case)])
        waiting = store.open_orders(connection, covered)
        log.append_restricted(
            connection, context.now(), context.keys.sealer, [f"hold_preview {by.role.value} {by.who}"]
        )
        open_asks = attestations.count_open(context, connection, of_worker, of_case)
    found = _out_of_reach(context, "", covered)
    return Foreseen(waiting, found, context.policy.attestation is not None, open_asks)


def _decide_again(context: Context) -> None:
    """After each act on holds, reading included: by what is written nobody can tell one from another."""
    with context.store.write() as connection:
        needs.mark_going_due(connection, context.now())


def _out_of_reach(context: Context, uid: str, covered: Standing) -> HoldSet:
    """What a hold covers and cannot stop."""
    with context.store.read() as connection:
        unanswered = store.unanswered_calls(connection, covered)
        accepted = store.accepted_before(connection, covered)
    one_machine = context.store.is_sqlite
    gone = {name for name, _ in unanswered if has_ended(name, one_machine=one_machine)}
    unknown = sum(count for (name, ended), count in unanswered.items() if ended or name in gone)
    return HoldSet(uid, sum(unanswered.values()) - unknown, accepted, unknown)


def release_hold(context: Context, by: Role | Cleared, uid: str) -> bool:
    """One person's word that a hold may end. With that of a second one within three days it does, and what it covered
    is decided again; whether it did. Nobody has a word about a hold on themselves.
    """
    by = cleared(by)
    _require_clearance(context, by.role, "hold_release")
    now, sealer = context.now(), context.keys.sealer
    with context.store.write() as connection:
        holds = _readable(hold_list.read_to_change(connection, sealer))
        after, ending = end_by_two(_not_about(holds, by), uid, EndingWord(by.who, by.role.value, now))
        if ending is Ending.UNKNOWN:
            raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
        if ending is Ending.AGAIN:
            raise DecisionRefusedError(DecisionProblem.SAID_ALREADY)
        by_uid = {each.uid: each for each in after}
        hold_list.write(connection, sealer, [by_uid.get(each.uid, each) for each in holds])
        verb = "hold_released" if ending is Ending.ENDED else "hold_may_end"
        log.append_restricted(connection, now, sealer, [f"{verb} {uid} {by.role.value} {by.who}"])
    _decide_again(context)
    return ending is Ending.ENDED


def review_hold(context: Context, by: Role | Cleared, uid: str, on: date) -> None:
    """Somebody cleared looked at a hold again: it stays, and is looked at again on that day."""
    by = cleared(by)
    _require_clearance(context, by.role, "hold_review")
    now, sealer = context.now(), context.keys.sealer
    with context.store.write() as connection:
        holds = _readable(hold_list.read_to_change(connection, sealer))
        after = review_later(holds, uid, on)
        if after is None or uid not in {each.uid for each in _not_about(holds, by)}:
            raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
        if on <= context.today():
            raise DecisionRefusedError(DecisionProblem.ENDS_IN_PAST)
        hold_list.write(connection, sealer, after)
        log.append_restricted(connection, now, sealer, [f"hold_reviewed {uid} {by.role.value} {by.who}"])
    _decide_again(context)


def list_holds(context: Context, by: Role | Cleared) -> Sequence[HoldRow]:
    """Every hold, newest first, for those cleared; but none on who asks. Each is known to them from now on."""
    by = cleared(by)
    _require_clearance(context, by.role, "hold_list")
    now, sealer = context.now(), context.keys.sealer
    with context.store.write() as connection:
        holds = hold_list.read_to_change(connection, sealer)
        if holds is not None:
            # Sealed anew in any case: reading leaves the same rows behind as setting or ending one.
            hold_list.write(connection, sealer, seen_by(holds, by.who, by.worker))
        log.append_restricted(connection, now, sealer, [f"holds_read {by.role.value} {by.who}"])
        late = {} if holds is None else store.told_late(connection, holds)
    _decide_again(context)
    shown = _not_about(_readable(holds), by)
    return [_told(each, by, now, late[each.uid]) for each in reversed(shown)]


def waiting_for(context: Context, by: Cleared) -> HoldsWaiting:
    """What of holds waits for somebody cleared; for nobody else anything does."""
    if by.role not in CLEARED_FOR_HOLDS:
        return HoldsWaiting()
    with context.store.read() as connection:
        holds = hold_list.read(connection, context.keys.sealer)
    if holds is None:
        return HoldsWaiting(new=1, everything=True)
    return calls_for(_not_about(holds, by), by.who, context.now(), context.today())


def _told(hold: Hold, by: Cleared, now: datetime, late: int) -> HoldRow:
    words = [each for each in hold.words if each.at > now - WORD_LASTS] if hold.in_force else []
    return HoldRow(
        *(hold.uid, hold.worker_ref, hold.case_number, hold.reason, hold.set_at, hold.ended_at),
        late=late,
        system=hold.system,
        requester=Requester(hold.requester) if hold.requester else None,
        review_on=hold.review_on,
        said_at=words[-1].at if words else None,
        said_here=any(each.by == by.who for each in words),
        is_new=hold.in_force and by.who not in hold.known_to,
    )


def _not_about(holds: Sequence[Hold], by: Cleared) -> Sequence[Hold]:
    return [each for each in holds if by.worker is None or each.worker != by.worker]


def _readable(holds: Sequence[Hold] | None) -> Sequence[Hold]:
    if holds is None:
        raise DecisionRefusedError(DecisionProblem.UNREADABLE)
    return holds


def _fresh_id() -> str:
    return uuid.uuid4().hex[:12]


def _system_of(connection: Connection, of_case: int | None) -> str | None:
    return None if of_case is None else store.system_of(connection, of_case)


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
        of_worker = store.worker_id(connection, worker)
        if of_worker is None:
            raise DecisionRefusedError(DecisionProblem.UNKNOWN_WORKER)
    if case is not None:
        ids = store.case_ids(connection, case, system)
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
