"""May this worker have this contact now, and why: DOMAIN 14.1 as one table; no I/O, no clock.

Each linked case is decided alone, the first rule that fits; then the answers combine
(keep > review > defer > remove_reprovisionable > remove); a hold comes last and turns only removals into a deferral.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from server.core.days import AMSTERDAM, midnight
from server.core.model import OPEN_PHASES, REMOVALS, Decision, Link, Need, Phase, Reason
from server.core.policy.model import ConfirmedBy, Policy
from server.core.removal.monitoring import days_of, in_plan, is_known, window

_INSTANT = timedelta(microseconds=1)
_CLOCKS_DIFFER = timedelta(hours=1)
_days = lru_cache(lambda count: timedelta(days=count))
_hours = lru_cache(lambda count: timedelta(hours=count))
_RANK = {decision: rank for rank, decision in enumerate(Decision)}


def _class_stays(link: Link, policy: Policy, _now: datetime, _seen: datetime) -> Need | None:
    """Rule 1: professionals, colleagues and partners keep their place in the book."""
    if link.contact_class in policy.classes_that_stay:
        return Need(Decision.KEEP, Reason.CLASS_STAYS, policy.version, link.case)
    return None


def _register_uncertain(link: Link, policy: Policy, now: datetime, _seen: datetime) -> Need | None:
    """Rule 2: never remove on missing data. What was read in the future was read by a clock that was wrong."""
    if link.read_at is None or not -_CLOCKS_DIFFER <= now - link.read_at <= _hours(policy.staleness_hours):
        return Need(Decision.REVIEW, Reason.REGISTER_STALE, policy.version, link.case)
    if not link.linked:
        return Need(Decision.REVIEW, Reason.LINK_UNKNOWN, policy.version, link.case)
    return None


def _deviation(link: Link, policy: Policy, now: datetime, _seen: datetime) -> Need | None:
    """Rule 3: a valid deviation outranks monitoring and closure."""
    if link.deviation_until is not None and now < link.deviation_until:
        return Need(Decision.KEEP, Reason.DEVIATION, policy.version, link.case, next_at=link.deviation_until)
    return None


def _assigned(link: Link, policy: Policy, _now: datetime, _seen: datetime) -> Need | None:
    """Rule 4: the worker is on the case and the case is open."""
    if link.assigned_now and link.phase in OPEN_PHASES:
        return Need(Decision.KEEP, Reason.ASSIGNED, policy.version, link.case, next_at=link.assigned_until)
    return None


def _monitoring(link: Link, policy: Policy, now: datetime, _seen: datetime) -> Need | None:
    """Rule 5: in monitoring the contact is there around planned moments only; without a plan a person decides."""
    if link.phase is not Phase.MONITORING:
        return None
    planned = days_of(link, policy)
    next_at = None
    for opens, shuts in sorted(_window(moment, policy) for moment in planned):
        if opens <= now < shuts:
            return Need(Decision.KEEP, Reason.MONITORING_WINDOW, policy.version, link.case, next_at=shuts)
        if now < opens:
            next_at = opens
            break
    if in_plan(link) and link.monitored is not None and not is_known(link.monitored, policy):
        return Need(Decision.REVIEW, Reason.PLAN_UNKNOWN, policy.version, link.case, next_at=next_at)
    return Need(
        Decision.REMOVE_REPROVISIONABLE,
        Reason.MONITORING_OUTSIDE,
        policy.version,
        link.case,
        basis=f"monitoring {max((m for m in planned if _window(m, policy)[1] <= now), default='')}",
        next_at=next_at,
    )


def _former_number(link: Link, policy: Policy, now: datetime, _seen: datetime) -> Need | None:
    """Between 4 and 5, ours: operators hand numbers out again, so an old former number may be a stranger's by now; and
    one that was soon taken out again may have been a stranger's all along.

    Only who works on the open case needs no question. Every rule that could take the number away comes after this one.
    """
    since = former_since(link)
    if since is None or link.theirs:
        return None
    if now - since > _days(policy.former_number_days) or _was_brief(link, policy):
        return Need(Decision.REVIEW, Reason.FORMER_NUMBER, policy.version, link.case)
    return None


def former_since(link: Link) -> datetime | None:
    """Since when an identifier is no longer this person's: as the register says, else since it names it no more."""
    if link.former_since is None or link.gone_at is None:
        return link.former_since or link.gone_at
    return min(link.former_since, link.gone_at)


def _was_brief(link: Link, policy: Policy) -> bool:
    """Whether the register named it for so short a time that it may have been a slip of the pen."""
    if link.gone_at is None or link.former_since is not None:
        return False
    return link.since_at is None or link.gone_at - link.since_at < _days(policy.correction_days)


def _ended(link: Link, policy: Policy, now: datetime, _seen: datetime) -> Need | None:
    """Rule 6: finally closed, or no longer assigned; whichever came first starts the grace."""
    closed_at = closure_of(link, policy) if link.phase is Phase.CLOSED else None
    left_at = link.assigned_until if link.was_assigned and not link.assigned_now else None
    if closed_at is not None and day_of(closed_at) <= now and (left_at is None or closed_at <= left_at):
        return _after_grace(link, policy, now, closed_at, Reason.FINALLY_CLOSED)
    if left_at is not None:
        return _after_grace(link, policy, now, left_at, Reason.NO_LONGER_ASSIGNED)
    return None


@lru_cache(maxsize=4096)
def day_of(closed_at: datetime) -> datetime:
    """When a closure begins to count: the first instant of its day. An export that names a day means its end, and tells
    of it on that day already; the grace runs from the end all the same.
    """
    day = (closed_at - _INSTANT).astimezone(AMSTERDAM).date()
    return midnight(day)


def closure_of(link: Link, policy: Policy) -> datetime | None:
    """The confirmed closure that counts: the register's own, else the work supervisor's where the policy asks them."""
    if link.closed_at is None and policy.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR:
        return link.confirmed_at
    return link.closed_at


def _never_assigned(link: Link, policy: Policy, now: datetime, seen: datetime) -> Need | None:
    """Rule 7: never on the case, and no closure of it counts; grace runs from the first sighting.

    The case may be open, or closed by a status that nobody confirmed. A finding is made elsewhere at once.
    """
    if link.was_assigned or link.phase is Phase.MONITORING:
        return None
    grace_over = seen + _days(policy.grace_days)
    if now < grace_over:
        return Need(Decision.DEFER, Reason.DEFERRED, policy.version, link.case, next_at=grace_over)
    return Need(Decision.REMOVE, Reason.NEVER_ASSIGNED, policy.version, link.case, basis=f"seen {seen.isoformat()}")


def _unconfirmed(link: Link, policy: Policy, _now: datetime, _seen: datetime) -> Need | None:
    """What no rule of 14.1 covers, above all "closed" without a confirmed closure: a person decides."""
    return Need(Decision.REVIEW, Reason.CLOSURE_UNCONFIRMED, policy.version, link.case)


_Rule = Callable[[Link, Policy, datetime, datetime], Need | None]
RULES: tuple[_Rule, ...] = (
    _class_stays,
    _register_uncertain,
    _deviation,
    _assigned,
    _former_number,
    _monitoring,
    _ended,
    _never_assigned,
    _unconfirmed,
)
_ONLY_IN: Mapping[_Rule, frozenset[Phase]] = {
    _assigned: OPEN_PHASES,
    _monitoring: frozenset({Phase.MONITORING}),
    _never_assigned: frozenset(Phase) - {Phase.MONITORING},
}
_RULES_IN = {phase: tuple(rule for rule in RULES if phase in _ONLY_IN.get(rule, frozenset(Phase))) for phase in Phase}
"""The rules that may answer in a phase: a first pass asks some two million times."""


def decide(
    links: Iterable[Link],
    policy: Policy,
    now: datetime,
    first_seen: datetime,
    *,
    held: bool = False,
    again_at: datetime | None = None,
    noticed_at: datetime | None = None,
) -> Need:
    """The whole of DOMAIN 14.1 for one worker and one identifier.

    links: every case that identifier is linked to. now, first_seen: aware; first_seen is the first sighting with this
    worker. held: a hold covers the pair; again_at: when what is postponed is decided again at the latest. noticed_at:
    from when on its worker has been told for long enough that it may go; None: that is not asked.
    """
    needs = [decide_case(link, policy, now, first_seen) for link in links]
    wait = None if noticed_at is None or noticed_at <= now else noticed_at
    return combine(needs, policy, held=held, again_at=again_at, wait_until=wait)


def noticed_at(policy: Policy, told_since: datetime | None, now: datetime) -> datetime | None:
    """From when on a worker has been told for long enough, by this policy; None: it tells nobody.

    told_since: since when their page says that the contact may go; None: it does from now on.
    """
    return (told_since or now) + _days(policy.notice_days) if policy.notice_days else None


def combine(
    needs: Sequence[Need],
    policy: Policy,
    *,
    held: bool = False,
    again_at: datetime | None = None,
    wait_until: datetime | None = None,
) -> Need:
    """The answers of all linked cases, in order, as one: the first of the highest rank.

    again_at: when what is postponed is decided again at the latest, whatever postpones it: a row that waits tells
    nothing. wait_until: its worker has not been told for long enough before then; the same with and without a hold.
    """
    if not needs:
        return Need(Decision.IGNORE, Reason.NOT_IN_REGISTER, policy.version)
    best = needs[0]
    if len(needs) > 1:
        next_at = best.next_at
        for need in needs[1:]:
            if _RANK[need.decision] < _RANK[best.decision]:
                best = need
            next_at = _earlier(next_at, need.next_at)
        if next_at != best.next_at:
            best = best._replace(next_at=next_at)
    if wait_until is not None and best.decision in REMOVALS:
        next_at = _earlier(_earlier(best.next_at, wait_until), again_at)
        return Need(Decision.DEFER, Reason.DEFERRED, best.policy, best.case, next_at=next_at)
    if held and best.decision in REMOVALS:
        next_at = _earlier(best.next_at, again_at)
        return Need(Decision.DEFER, Reason.DEFERRED, best.policy, best.case, next_at=next_at, held=True)
    if best.decision is Decision.DEFER:
        return best._replace(next_at=_earlier(best.next_at, again_at))
    return best


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or (other is not None and other < one):
        return other
    return one


def decide_case(link: Link, policy: Policy, now: datetime, first_seen: datetime) -> Need:
    """One case alone: the first rule that fits."""
    for rule in _RULES_IN[link.phase]:
        need = rule(link, policy, now, first_seen)
        if need is not None:
            lasts = need.decision is Decision.KEEP and need.reason is not Reason.MONITORING_WINDOW
            return need if lasts else _sooner(need, link, policy, now)
    raise AssertionError("the last rule always answers")


def _sooner(need: Need, link: Link, policy: Policy, now: datetime) -> Need:
    """Decided again no later than when what is known to lie ahead happens: a closure, an end, a number too old."""
    known = need.next_at
    next_at = known if known is not None and known > now else None
    since = former_since(link)
    too_old = since and since + _days(policy.former_number_days) + _INSTANT
    closes = closure_of(link, policy)
    for ahead in (closes and day_of(closes), closes, link.assigned_until, too_old):
        if ahead is not None and ahead > now:
            next_at = _earlier(next_at, ahead)
    return need if next_at is known or next_at == known else need._replace(next_at=next_at)


def _after_grace(link: Link, policy: Policy, now: datetime, ended: datetime, reason: Reason) -> Need:
    grace_over = ended + _days(policy.grace_days)
    if now < grace_over:
        return Need(Decision.DEFER, Reason.DEFERRED, policy.version, link.case, next_at=grace_over)
    if policy.require_recorded and not link.recorded:
        return Need(Decision.REVIEW, Reason.NOT_RECORDED, policy.version, link.case)
    return Need(Decision.REMOVE, reason, policy.version, link.case, basis=f"{reason} {ended.isoformat()}")


def _window(moment: date, policy: Policy) -> tuple[datetime, datetime]:
    """From midnight to midnight in Amsterdam, policy days either side of the planned day."""
    return window(moment, policy.monitoring_window_days, policy.window_unit)
