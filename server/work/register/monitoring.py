"""A work supervisor sees and changes the plans of the cases in monitoring that their team works on.

Nothing is removed here: a change lets whoever has the contacts be decided again. What is shown follows from
register and policy alone: it is the same with and without a hold, and whether or not anybody has the contact.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from server.core.log.entries import Body, EntryKind
from server.core.model import PlanChange
from server.core.problems import ClosureProblem, DecisionProblem, DecisionRefusedError, PlanProblem
from server.core.removal.monitoring import PlannedContact, first_day, is_known, last_day, plan_of
from server.store import log
from server.store.admin import organisation
from server.store.database import Connection
from server.store.removal import closures, plan_changes
from server.store.removal.plan_changes import ChangeRow, MonitoredCase
from server.work.admin import access
from server.work.admin.access import Person
from server.work.context import Context
from server.work.register import supervision
from server.work.removal.deviations_and_holds import check_text

SHOWN = 1000
"""Of cases at once."""
MOST_CHANGES = 12
"""Of one plan, in force at once."""
REACH = timedelta(days=5 * 366)
"""No plan reaches further, back or ahead."""


@dataclass(frozen=True, slots=True)
class ContactLine:
    """One planned contact. first, last: the days of its window; None: it does not take place."""

    contact: PlannedContact
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class CasePlan:
    """The plan of one case. key: names the case here, and tells nothing of it. workers: whose contact it is. own: this
    person is or was on the case. known: whether anybody knows when contact is planned. upcoming: the next day of
    contact, from today. left_out: days of the case system that open no window.
    """

    key: str
    case: str
    workers: tuple[str, ...]
    own: bool
    known: bool
    start: date | None
    lines: tuple[ContactLine, ...]
    left_out: tuple[date, ...]
    upcoming: date | None


@dataclass(frozen=True, slots=True)
class TeamPlans:
    """The cases in monitoring of a team: those without a plan first, then by the next day of contact. own: not standing
    in. found: how many there are; plans: the first of them.
    """

    team: str
    own: bool
    found: int
    plans: tuple[CasePlan, ...]


def read_plans(context: Context, person: Person, wanted: str = "") -> TeamPlans | None:
    """The plans of a team that this person may see; None: there is no such team."""
    seen = supervision.team_seen(context, person, wanted)
    if seen is None:
        return None
    now = context.now()
    with context.store.read() as connection:
        ids = plan_changes.cases_of_team(connection, seen.name, now)
        chosen = plan_changes.read_cases(connection, seen.name, ids, now)
        own = _own(connection, person, chosen)
    plans = [_plan(context, each, own=each.id in own) for each in chosen]
    plans.sort(key=lambda each: (each.known, each.upcoming or date.max, each.case))
    return TeamPlans(seen.name, seen.own, len(plans), tuple(plans[:SHOWN]))


def read_plan(context: Context, person: Person, wanted: str, key: str) -> tuple[CasePlan, tuple[ChangeRow, ...]] | None:
    """One plan by its key, with the changes in force; None: this person may see no such case."""
    seen = supervision.team_seen(context, person, wanted)
    if seen is None:
        return None
    with context.store.read() as connection:
        found = _case(context, connection, seen.name, key)
        if found is None:
            return None
        own = _own(connection, person, [found])
        changes = plan_changes.changes_of(connection, found.id)
    return _plan(context, found, own=found.id in own), tuple(changes)


def change(context: Context, person: Person, wanted: str, key: str, new: PlanChange, reason: str) -> str | None:
    """Change the plan of a case, with a reason; the change's id, or None if it stands so already (a double click).

    Raises DecisionRefusedError.
    """
    check_text(reason)
    if not reason.strip() or (new.on is None and not new.months):
        raise DecisionRefusedError(DecisionProblem.MISSING_VALUE)
    if new.months and new.months not in context.policy.planned_months:
        raise DecisionRefusedError(PlanProblem.NO_SUCH_MONTH)
    if new.on is not None and abs(new.on - context.today()) > REACH:
        raise DecisionRefusedError(PlanProblem.DAY_OUT_OF_REACH)
    team, now = _team_named(context, person, wanted), context.now()
    with context.store.write() as connection:
        found = _case_to_change(context, connection, person, team, key)
        changes = plan_changes.changes_of(connection, found.id)
        if any((each.months, each.on_date) == new for each in changes):
            return None
        if sum(new.months is None or each.months != new.months for each in changes) >= MOST_CHANGES:
            raise DecisionRefusedError(PlanProblem.TOO_MANY)
        uid = uuid.uuid4().hex[:12]
        plan_changes.put_change(
            connection,
            uid=uid,
            case_id=found.id,
            team=team,
            change=new,
            reason=reason,
            by=person.account,
            now=now,
        )
        _log(context, connection, person, uid, "recorded")
    return uid


def withdraw(context: Context, person: Person, wanted: str, key: str, uid: str) -> bool:
    """Withdraw a change; False if it is no longer in force. Raises DecisionRefusedError."""
    team = _team_named(context, person, wanted)
    with context.store.write() as connection:
        found = _case_to_change(context, connection, person, team, key)
        if uid not in {each.uid for each in plan_changes.changes_of(connection, found.id)}:
            return False
        plan_changes.end_change(connection, uid, person.account, context.now())
        _log(context, connection, person, uid, "withdrawn")
    return True


def _case_to_change(context: Context, connection: Connection, person: Person, team: str, key: str) -> MonitoredCase:
    """The case, which nobody changes meanwhile. Nobody changes the plan of a case of their own."""
    found = _case(context, connection, team, key)
    if found is None:
        raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
    if person.worker_ref is None and not organisation.read_installation(connection).demo:
        raise DecisionRefusedError(ClosureProblem.WORKER_UNKNOWN)
    if _own(connection, person, [found]):
        raise DecisionRefusedError(PlanProblem.OWN_CASE)
    closures.hold_still(connection, {found.id}, context.now())
    return found


def _log(context: Context, connection: Connection, person: Person, uid: str, verb: str) -> None:
    body: Body = {"plan_change": uid, "verb": verb, "actor_role": person.role.value}
    log.append(connection, context.now(), [(EntryKind.PLAN_CHANGED, body)])
    access.note_acts(context, connection, person, [f"plan change {uid} {verb}"])


def _team_named(context: Context, person: Person, wanted: str) -> str:
    seen = supervision.team_seen(context, person, wanted)
    if seen is None:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    return seen.name


def _own(connection: Connection, person: Person, chosen: Sequence[MonitoredCase]) -> frozenset[int]:
    """Those on which this person is or was, or of which they have planned contact."""
    ref = person.worker_ref
    if ref is None:
        return frozenset()
    named = {each.id for each in chosen if any(whose == ref for whose, _ in each.named)}
    return closures.worked_on(connection, ref, [each.id for each in chosen]) | named


def _case(context: Context, connection: Connection, team: str, key: str) -> MonitoredCase | None:
    now = context.now()
    ids = [each for each in plan_changes.cases_of_team(connection, team, now) if _key(context, each) == key]
    return next(iter(plan_changes.read_cases(connection, team, ids, now)), None)


def _key(context: Context, case_id: int) -> str:
    """Names a case in an address. Without the key nobody makes one, or tells which case it is."""
    return context.keys.sealer.hash(str(case_id), "plan.case").hex()[:16]


def _plan(context: Context, case: MonitoredCase, *, own: bool) -> CasePlan:
    policy, today = context.policy, context.today()
    plan = plan_of(case.facts, [day for _, day in case.named], policy)
    count, unit = policy.monitoring_window_days, policy.window_unit
    lines = tuple(
        ContactLine(each, None, None)
        if each.on is None
        else ContactLine(each, first_day(each.on, count, unit), last_day(each.on, count, unit))
        for each in plan.contacts
    )
    return CasePlan(
        _key(context, case.id),
        case.number,
        case.workers,
        own,
        is_known(case.facts, policy),
        plan.start,
        lines,
        plan.left_out,
        next((day for day in plan.days if day >= today), None),
    )
