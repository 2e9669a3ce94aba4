"""What a worker sees of their own phone, and the one thing they do there: keep a contact longer, with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from server.core.days import AMSTERDAM
from server.core.model import GOES, REMOVALS, Decision, Reason, Role, Tier
from server.core.removal.plan import item_id
from server.store import pages
from server.store.admin import pauses
from server.store.pages import OwnDeviation, OwnItem, OwnPhone, OwnRemoval
from server.work.admin.access import Person
from server.work.context import Context
from server.work.removal import deviations_and_holds

_DAYS = 365


@dataclass(frozen=True, slots=True)
class MyItem:
    """A contact in one's own book. id: opaque. case, person: only of a case one is or was on.

    decision None: not decided yet. A postponed one carries one reason and no date, whatever its cause; one that waits
    for a pause looks like that too.
    """

    id: str
    decision: Decision | None
    reason: Reason | None
    case: str | None
    person: str | None
    kept_until: date | None
    ours: bool = False
    """Whether a contact that closeout put back stands there, by its own record of it."""


@dataclass(frozen=True, slots=True)
class MyPhone:
    """All that is shown and given along."""

    worker: str
    phones: tuple[OwnPhone, ...]
    items: tuple[MyItem, ...]
    removed: tuple[OwnRemoval, ...]
    removed_count: int
    """Of the last year; `removed` may hold the newest of them only."""
    deviations: tuple[OwnDeviation, ...]
    longest_days: int | None
    """For how long one may keep a contact oneself; None: the policy leaves it to nobody."""
    notice: bool = False
    """Whether the policy tells beforehand that a contact may go. Then all that goes, now or later, looks the same."""
    puts_back: bool = False
    """Whether the policy puts back what was removed when the work asks for it again; one may ask for it then."""


def read_own(context: Context, person: Person, *, most_removed: int | None = None) -> MyPhone | None:
    """What is known of this person's own phone; None if no worker belongs to the account.

    most_removed: how many removals are told one by one; None: all.
    """
    if person.worker is None or person.worker_ref is None:
        return None
    now, notice = context.now(), bool(context.policy.notice_days)
    with context.store.read() as connection:
        items = pages.own_items(connection, person.worker, now)
        paused = pauses.paused_places(connection, person.worker, now)
        phones = pages.own_phones(connection, person.worker)
        since = now - timedelta(days=_DAYS)
        removed = pages.own_removals(connection, person.worker, since, most_removed)
        removed_count = pages.count_own_removals(connection, person.worker, since)
        deviations = pages.own_deviations(connection, person.worker, now)
    return MyPhone(
        person.worker_ref,
        tuple(phones),
        tuple(_my(item, waits=notice or item.place in paused) for item in items),
        tuple(removed),
        removed_count,
        tuple(deviations),
        _longest(context),
        notice=notice,
        puts_back=context.policy.puts_back,
    )


def may_keep(item: MyItem) -> bool:
    """Whether keeping it longer is theirs to decide: it would go or is postponed, and they are or were on the case."""
    return item.decision in GOES and item.case is not None


def is_longer_for_others(context: Context) -> bool:
    """Whether somebody else may keep a contact for longer than its worker may alone, after consultation for one."""
    tiers = {each.tier: each.longest_days for each in context.policy.deviation_tiers}
    return max(tiers.values(), default=0) > tiers.get(Tier.SELF, 0)


def keep(context: Context, person: Person, item: MyItem, reason: str, until: date) -> None:
    """Record a deviation of one's own (DOMAIN 9, tier SELF); raises DecisionRefusedError."""
    if item.case is None or person.worker_ref is None:
        raise ValueError("only what belongs to a case of one's own can be kept")
    deviations_and_holds.add_deviation(
        context,
        by=Role.WORKER,
        case=item.case,
        worker=person.worker_ref,
        tier=Tier.SELF,
        reason=reason,
        decided_by="worker",
        until_day=until,
    )


def _my(item: OwnItem, *, waits: bool) -> MyItem:
    decision, reason = item.decision, item.reason
    kept = None
    # What stays whatever is decided of the case (a colleague, a client that is worked with) has no last day by it.
    if item.deviation_until is not None and (decision in GOES or reason is Reason.DEVIATION):
        kept = (item.deviation_until - timedelta(microseconds=1)).astimezone(AMSTERDAM).date()
    if kept is not None and decision in GOES:
        # The next round decides so: a deviation outranks closure and monitoring (DOMAIN 14.1, rule 3).
        decision, reason = Decision.KEEP, Reason.DEVIATION
    elif waits and decision in REMOVALS:
        # It does not go at the next round, and why is no news for a worker: else a hold were the only silence there is.
        # Where notice is given, it was given, and what is held must not be what never gets beyond it (decision 0076).
        decision, reason = Decision.DEFER, Reason.DEFERRED
    return MyItem(item_id(item.place, item.token), decision, reason, item.case, item.person, kept, item.ours)


def _longest(context: Context) -> int | None:
    return next((each.longest_days for each in context.policy.deviation_tiers if each.tier is Tier.SELF), None)
