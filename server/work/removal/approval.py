"""Four eyes on a plan above a limit: one person asks for its release, another grants it or refuses; no wording."""

from __future__ import annotations

from datetime import timedelta

from server.core.log.entries import Body, EntryKind
from server.core.removal.approvals import ReleaseOutcome
from server.store import log
from server.store.database import Connection
from server.store.removal import approvals, orders
from server.work.admin.access import Person
from server.work.context import Context

ASKS_FOR = timedelta(days=3)
"""A request that nobody decides runs out, so that nobody grants what was meant for another week."""


def ask_release(context: Context, person: Person, plan_uid: str, digest: str) -> ReleaseOutcome:
    """Ask that a plan be released. digest: of the plan as it was looked at."""
    now = context.now()
    with context.store.write() as connection:
        plan = approvals.waiting_plan(connection, plan_uid)
        if plan is None:
            return ReleaseOutcome.NOT_WAITING
        if plan.digest != digest:
            return ReleaseOutcome.CHANGED
        known = approvals.open_request(connection, plan.id)
        if known is not None and now < known.ends_at:
            return ReleaseOutcome.ASKED_ALREADY
        if known is not None:
            approvals.decide(connection, known.id, known.asked_by, now, granted=False)
        approvals.ask(connection, plan.id, digest, person.account, now, now + ASKS_FOR)
        _tell(context, connection, person, plan_uid, "asked", None)
    return ReleaseOutcome.ASKED


def decide_release(context: Context, person: Person, plan_uid: str, digest: str, *, grant: bool) -> ReleaseOutcome:
    """Grant what another person asked for, or refuse it; who asked may only withdraw."""
    now = context.now()
    with context.store.write() as connection:
        plan = approvals.waiting_plan(connection, plan_uid)
        if plan is None:
            return ReleaseOutcome.NOT_WAITING
        request = approvals.open_request(connection, plan.id)
        if request is None or now >= request.ends_at:
            return ReleaseOutcome.NOT_ASKED
        if not plan.digest == request.digest == digest:
            return ReleaseOutcome.CHANGED
        own = request.asked_by == person.account
        if own and grant:
            return ReleaseOutcome.OWN
        approvals.decide(connection, request.id, person.account, now, granted=grant)
        if not grant:
            _tell(context, connection, person, plan_uid, "withdrawn" if own else "refused", None)
            return ReleaseOutcome.WITHDRAWN if own else ReleaseOutcome.REFUSED
        count = orders.release_plan(connection, plan_uid, now, person.role.value)
        _tell(context, connection, person, plan_uid, "released", count)
    return ReleaseOutcome.GRANTED


def _tell(
    context: Context, connection: Connection, person: Person, plan_uid: str, outcome: str, count: int | None
) -> None:
    """The role in the open log, the account behind it restricted."""
    body: Body = {
        "plan": plan_uid,
        "mode": "release",
        "outcome": outcome,
        "count": count,
        "actor_role": person.role.value,
    }
    log.append(connection, context.now(), [(EntryKind.PLAN_MADE, body)])
    log.append_restricted(
        connection, context.now(), context.keys.sealer, [f"plan {plan_uid} {outcome} by {person.uid}"]
    )
