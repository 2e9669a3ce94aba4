"""A pass: decides need for pairs that are due (or all), and turns removals into orders; a dry run writes no order."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from server.core.days import midnight
from server.core.log.entries import Body, EntryKind
from server.core.model import (
    CLEARED_FOR_CASES,
    CLEARED_FOR_HOLDS,
    GOES,
    REMOVALS,
    ContactClass,
    Decision,
    FindingKind,
    Need,
    Role,
    State,
    Verb,
)
from server.core.policy.model import Policy
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.removal.need import combine, decide_case, noticed_at
from server.core.removal.plan import HeldBack, digest_of, held_back, item_id, order_id
from server.store import findings, log
from server.store.database import Connection, Meanwhile
from server.store.findings import NewFinding
from server.store.removal import deviations_and_holds, needs, orders, plan_changes, presence, work_counts
from server.store.removal import putting as putting_rows
from server.store.removal.needs import Fetched, IdentifierRange, PairFacts
from server.store.removal.orders import Planned, PlanRow
from server.store.removal.work_counts import Done
from server.work.context import Context, collector_paused
from server.work.removal.putting import plan_puts

_POSTPONED_FOR = timedelta(days=1)
"""What is postponed without a day of its own is decided again after so long."""
_GOVERNED = frozenset({ContactClass.CLIENT, ContactClass.REPORTER})
"""Classes of which every link counts, whatever the policy lets stay: a finding is made of them."""


class PlanItem(NamedTuple):
    """One line of a plan: a contact at a place, what was decided and why. id: opaque, the same while the need lasts.

    held is for those cleared for holds only; of the need, too, it is not printed.
    """

    id: str
    worker: int
    place: str
    case: int | None
    need: Need
    held: bool

    def __repr__(self) -> str:
        """Without `held`."""
        return f"Item({', '.join(f'{name}={value!r}' for name, value in zip(self._fields[:-1], self, strict=False))})"


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass came to.

    items: of a dry run every removal, deferral and review; of a real pass empty (ask the report). orders: new or
    called for again. held_back: the limit the plan broke, if it did; then its orders wait for release. goes: of a dry
    run that tells only what may stay so far, how many of these contacts at places would go; None: it tells all. puts:
    contacts at places that are to be put back.
    """

    plan: str
    decided: Counter[Decision]
    items: tuple[PlanItem, ...]
    orders: int
    stopped: int
    findings: int
    digest: str
    held_back: HeldBack | None
    goes: int | None = None
    puts: int = 0


def make_plan(context: Context, *, full: bool = False) -> Pass:
    """Decide what is due (all pairs, if full), write decisions, stop orders no longer called for, write new ones.

    One transaction: a pass is made whole or not at all. No vendor is called. Where the policy only reports, a full pass
    is a dry run, whose findings are of a pilot, and any other is nothing: what is due stays so until it does more.
    """
    if context.policy.report_only:
        return replace(rehearse(context), items=()) if full else _NOTHING
    now = context.now()
    made = _Made()
    with collector_paused(), context.store.write() as connection, Meanwhile() as database:
        needs.mend_times(connection, now, context.policy.longest_wait)
        if context.policy.puts_back:
            putting_rows.make_due(connection, None if full else needs.due(now), now)
        chosen = needs.choose(connection, None if full else needs.due(now), lock=True)
        today = _Today(context, connection)
        draft = orders.PlanDraft(connection, uuid.uuid4().hex[:16], now, context.policy.version)
        write: Callable[[], object] | None = None
        for span in _in_turn(context, chosen):
            fetched = _fetch(context, connection, span, now)
            if write is not None:
                database.start(write)  # what the span before came to, while this one is decided
            answers = _decide(context, fetched, now)
            made.take(answers)
            made.limit = today.limit(made.ids)
            database.join()
            write = _stage(context, connection, draft, span, answers, made)
        if write is not None:
            write()
        limit = None if made.limit is None else made.limit.limit
        draft.stage(made.gathered(), limit)()
        digest = digest_of(made.ids, context.policy)
        draft.finish(digest, limit)
        stopped = orders.stop_unneeded(connection, set(made.ids), made.kept)
        new_findings = findings.open_findings(connection, made.found, now)
        puts = plan_puts(context, connection, now)
        new = full or bool(draft.written)
        limit_told = made.limit if new else None
        if new or new_findings:
            # Neither what led to nothing leaves a line nor what only stopped, and of what was decided again only what
            # is new is counted: a hold has all that goes decided again, whose number would stand there.
            mode = "full" if full else "due"
            count = len(made.ids) if full else len(draft.written)
            body = _body(draft.uid, digest, context.policy.version, mode, count, made.decided, limit_told)
            log.append(connection, now, [(EntryKind.PLAN_MADE, body)])
            work_counts.add(connection, Done.PASS, "", {mode: 1}, now)
    context.store.take_stock(len(draft.written))
    orders_written, stopped_count = len(draft.written), len(stopped)
    return Pass(draft.uid, made.decided, (), orders_written, stopped_count, new_findings, digest, limit_told, puts=puts)


_NOTHING = Pass("", Counter(), (), 0, 0, 0, "", None)


class _Today:
    """What the limits are held against: a plan together with all that was planned that day without anybody's release.

    Else many small plans would pass, one after the other, where one large one waits.
    """

    def __init__(self, context: Context, connection: Connection) -> None:
        self._policy = context.policy
        begun = midnight(context.today())
        before = orders.planned_since(connection, begun)
        self._before = before.keys()
        self._seen = presence.sightings_count(connection) + sum(state is State.DONE for state in before.values())

    def limit(self, ids: Sequence[str]) -> HeldBack | None:
        """The limit that these orders break together with those before them."""
        planned = len(self._before | set(ids)) if self._before else len(ids)
        return held_back(planned, self._seen, self._policy) if ids else None


@dataclass(slots=True)
class _Made:
    """What a pass has come to so far.

    ids: of every order it calls for. planned: of those, what is not yet staged. limit: the one it breaks by now; a plan
    that is above a limit stays so, however much is added.
    """

    decided: Counter[Decision] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    kept: list[tuple[int, int]] = field(default_factory=list)
    found: list[NewFinding] = field(default_factory=list)
    limit: HeldBack | None = None

    def take(self, answers: Sequence[tuple[PairFacts, Need]]) -> None:
        """Add what was decided of a span."""
        planned: list[Planned] = []
        for each, need in answers:
            self.decided[need.decision] += 1
            if need.decision in REMOVALS:
                planned += _orders_of(each, need)
            else:
                self.kept.append((each.worker, each.identifier))
            self.found += _questions_of(each, need)
        self.planned += planned
        self.ids += [each.id for each in planned]

    def gathered(self) -> Sequence[Planned]:
        """What is not yet staged, which from now on it is."""
        planned, self.planned = self.planned, []
        return planned


def _stage(
    context: Context,
    connection: Connection,
    draft: orders.PlanDraft,
    span: IdentifierRange,
    answers: Sequence[tuple[PairFacts, Need]],
    made: _Made,
) -> Callable[[], None]:
    """Hand over what a span came to; what is returned writes it.

    Orders that have to wait go in at once, so that a large plan is not held in memory. Whether those of a small one
    do is known at its end.
    """
    longest, tells = context.policy.longest_wait, bool(context.policy.notice_days)
    writes = [needs.stage_decisions(connection, answers, draft.made_at, longest, tells=tells)]
    if len(answers) < span.pairs:
        writes.append(partial(needs.forget_undecided, connection, span))
    if made.limit is not None:
        writes.append(draft.stage(made.gathered(), made.limit.limit))

    def write() -> None:
        for each in writes:
            each()

    return write


def rehearse(context: Context, role: Role | None = None) -> Pass:
    """A dry run over every pair; writes no order and no decision. role: who reads it.

    The questions that a pass would ask are asked, marked as of a pilot: an organisation that only looks and plans has
    them too. A cleared person's read is in the log, restricted.

    Whoever is not cleared for holds is told what the policy makes of the pairs as if there were none (decision 0064).
    As soon as anything was ever decided by a pass, whatever tells of what goes would tell a hold all the same, since
    what is held never ceases to be in it. From then on they are told of the pairs alone that may stay so far or that a
    person decides on: how many of these would go (`Pass.goes`), and as `items` what a person would decide (decision
    0075).
    """
    cleared = role in CLEARED_FOR_HOLDS
    with context.store.read() as connection:
        live = not cleared and needs.any_decided(connection)
    found = _rehearsed(context, lambda _facts, need: need, heeds_holds=cleared, of_what_stays=live)
    if live:
        found = _of_what_stays(found, context.policy)
    return _told(context, found, role, counts_apart=not live)


def stand_of_all(context: Context) -> Pass:
    """Every pair as reports tell of it: a removal, a postponement or a review, each with its reason.

    No hold is heeded but by what the newest pass made of it: what was postponed then is postponed still, whatever
    another policy would make of it now, and an order stands until a pass stops it. So neither a policy that somebody
    tries on a report nor the time before the next pass tells a hold.
    """
    with context.store.read() as connection:
        live = needs.any_decided(connection)
        going = needs.going(connection)

    def as_told(facts: PairFacts, need: Need) -> Need:
        decision, reason = going.get((facts.worker, facts.identifier), (need.decision, need.reason))
        if decision is Decision.DEFER or need.decision in GOES:
            return Need(decision, reason, need.policy, need.case, need.basis)
        return need

    found = _rehearsed(context, as_told, heeds_holds=False)
    if live:  # named by what goes, not by why: an order stands although its ground was corrected
        goes = tuple(item.id for item in found.items if item.need.decision in REMOVALS)
        found = replace(found, orders=goes, limit=None)
    return _told(context, found, None, counts_apart=not live)


@dataclass(frozen=True, slots=True)
class _Rehearsed:
    """What a dry run came to. orders: ids of what goes now. seen: contacts at places that it is about."""

    decided: Counter[Decision]
    items: tuple[PlanItem, ...]
    orders: tuple[str, ...]
    found: tuple[NewFinding, ...]
    limit: HeldBack | None
    seen: int
    goes: int | None = None


def _rehearsed(
    context: Context,
    as_told: Callable[[PairFacts, Need], Need],
    *,
    heeds_holds: bool,
    of_what_stays: bool = False,
) -> _Rehearsed:
    """of_what_stays: only of pairs of which it was not last decided that they go."""
    now = context.now()
    items: list[PlanItem] = []
    decided: Counter[Decision] = Counter()
    removals: list[str] = []
    found: list[NewFinding] = []
    seen = 0
    with collector_paused(), context.store.read() as connection:
        chosen = needs.choose(connection, needs.not_going() if of_what_stays else None)
        for span in _in_turn(context, chosen):
            for each, answer in _decide(context, _fetch(context, connection, span, now), now, heeds_holds=heeds_holds):
                need = as_told(each, answer)
                decided[need.decision] += 1
                seen += len(each.places)
                found += _questions_of(each, need)
                if need.decision in REMOVALS:
                    removals += [order.id for order in _orders_of(each, need)]
                if need.decision not in (Decision.KEEP, Decision.IGNORE):
                    items += _items_of(each, need)
        limit = _Today(context, connection).limit(removals)
    return _Rehearsed(decided, tuple(items), tuple(removals), tuple(found), limit, seen)


def _of_what_stays(found: _Rehearsed, policy: Policy) -> _Rehearsed:
    """What would go of what may stay so far as one count, and of single ones the reviews alone; the limit is held
    against that count, among these contacts.
    """
    going = sorted(item.id for item in found.items if item.need.decision in GOES)
    decided = Counter({each: count for each, count in found.decided.items() if each not in GOES})
    limit = held_back(len(going), found.seen, policy) if going else None
    reviews = tuple(item for item in found.items if item.need.decision not in GOES)
    return _Rehearsed(decided, reviews, tuple(going), found.found, limit, found.seen, len(going))


def _told(context: Context, found: _Rehearsed, role: Role | None, *, counts_apart: bool) -> Pass:
    """A dry run entered in the log, and what it asked."""
    now = context.now()
    digest = digest_of(found.orders, context.policy)
    uid = uuid.uuid4().hex[:16]
    body = _body(uid, digest, context.policy.version, "dry_run", len(found.orders), found.decided, found.limit)
    if not counts_apart:
        body = {**body, "count": None}
    with context.store.write() as connection:
        asked = findings.open_findings(connection, found.found, now, pilot=True)
        log.append(connection, now, [(EntryKind.PLAN_MADE, body)])
        if role in CLEARED_FOR_CASES:
            log.append_restricted(connection, now, context.keys.sealer, [f"plan {uid} read by {role}"])
    return Pass(uid, found.decided, found.items, 0, 0, asked, digest, found.limit, found.goes)


def facts_of(context: Context, role: Role, *, case: str, worker: str) -> Sequence[PairFacts]:
    """What the need table is asked about a case's identifiers with one worker; a personal read, in the log.

    To whoever is not cleared for holds it is the same whether or not the worker ever had them: that one is there, and
    is never removed, would tell.
    """
    now = context.now()
    with context.store.write() as connection:
        if role not in CLEARED_FOR_CASES:
            log.append(connection, now, [(EntryKind.REFUSED, {"what": "explain", "actor_role": role.value})])
        else:
            log.append_restricted(connection, now, context.keys.sealer, [f"explanation read by {role.value}"])
    if role not in CLEARED_FOR_CASES:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    with context.store.read() as connection:
        of_worker = deviations_and_holds.worker_id(connection, worker)
        if of_worker is None:
            raise DecisionRefusedError(DecisionProblem.UNKNOWN_WORKER)
        of_cases = deviations_and_holds.case_ids(connection, case)
        if not of_cases:
            raise DecisionRefusedError(DecisionProblem.UNKNOWN_CASE)
        if role not in CLEARED_FOR_HOLDS:
            return needs.load_wherever(connection, of_worker, of_cases, now)
        return needs.load(connection, needs.of_case(of_worker, of_cases), now)


def unplanned_monitoring(context: Context) -> tuple[int, int]:
    """How many cases are in monitoring, and of how many of them nobody knows when contact is planned."""
    with context.store.read() as connection:
        return unplanned_under(context.policy, connection)


def unplanned_under(policy: Policy, connection: Connection) -> tuple[int, int]:
    """The same under another policy."""
    return plan_changes.without_plan(connection, policy.counted_from if policy.planned_months else None)


def waiting(context: Context) -> Sequence[PlanRow]:
    """Plans above a limit that wait for somebody's release."""
    with context.store.read() as connection:
        return orders.waiting_plans(connection)


def release(context: Context, uid: str, role: Role) -> int:
    """Let a plan that waits go; returns how many orders. Each is decided again before its call all the same."""
    now = context.now()
    with context.store.write() as connection:
        count = orders.release_plan(connection, uid, now, role.value)
        if count is None:
            raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
        body: Body = {"plan": uid, "mode": "release", "outcome": "released", "count": count, "actor_role": role.value}
        log.append(connection, now, [(EntryKind.PLAN_MADE, body)])
    return count


def still_needed(context: Context, claimed: Sequence[orders.Claimed]) -> frozenset[str]:
    """Ids of claimed orders that may go on at this moment: need, hold and freshness decided again.

    One whose contact is no longer seen at its place goes on too: there is nothing to call for, only to look at. That
    is what a repeat finds after a crash between the vendor's deletion and its receipt.
    """
    if context.policy.report_only:
        return frozenset()
    now = context.now()
    with context.store.read() as connection:
        chosen = needs.choose(connection, needs.of_pairs((each.worker, each.identifier) for each in claimed))
        answers = [
            answer for span in chosen for answer in _decide(context, _fetch(context, connection, span, now), now)
        ]
        gated = orders.gated_places(connection, {each.place for each in claimed}, context.today())
        seen = presence.seen_at(connection, {each.place for each in claimed}, {each.identifier for each in claimed})
    removable = {(each.worker, each.identifier) for each, need in answers if need.decision in REMOVALS}
    return frozenset(
        each.id
        for each in claimed
        if each.place in gated
        and ((each.worker, each.identifier) in removable or (each.place, each.identifier) not in seen)
    )


def _in_turn(context: Context, spans: Sequence[IdentifierRange]) -> Iterator[IdentifierRange]:
    """Each span, telling progress."""
    for done, span in enumerate(spans):
        context.progress(done, len(spans))
        yield span
    context.progress(len(spans), len(spans))


def _fetch(context: Context, connection: Connection, span: IdentifierRange, now: datetime) -> Fetched:
    stays, notices = context.policy.classes_that_stay - _GOVERNED, bool(context.policy.notice_days)
    return needs.fetch_chosen(connection, span, now, stays=stays, notices=notices)


def _decide(
    context: Context, fetched: Fetched, now: datetime, *, heeds_holds: bool = True
) -> Sequence[tuple[PairFacts, Need]]:
    """What the policy makes of the chosen pairs of a span. A link that pairs share is decided once.

    heeds_holds: False only for what is shown to people who must not learn of any.
    """
    policy, again_at = context.policy, now + _POSTPONED_FOR
    facts = needs.facts_in(fetched)
    decided: dict[datetime, dict[int, Need]] = {}
    answers: list[tuple[PairFacts, Need]] = []
    known: dict[int, Need] = {}
    last: datetime | None = None
    for each in facts:
        seen = each.first_seen
        if seen is not last:  # most of a book was first seen in one look
            known, last = decided.setdefault(seen, {}), seen
        alone: list[Need] = []
        for link in each.links:
            need = known.get(id(link))
            if need is None:
                need = known[id(link)] = decide_case(link, policy, now, seen)
            alone.append(need)
        until = noticed_at(policy, each.told_since, now)
        wait = None if until is None or until <= now else until
        held = heeds_holds and each.held
        answers.append((each, combine(alone, policy, held=held, again_at=again_at, wait_until=wait)))
    return answers


def _body(
    uid: str, digest: str, policy: str, mode: str, count: int, decided: Counter[Decision], limit: HeldBack | None
) -> Body:
    """A pass in the log: its digest stands for every order of it."""
    return {
        "plan": uid,
        "digest": digest,
        "policy": policy,
        "mode": mode,
        "outcome": "held_back" if limit else "made",
        "rule": limit.limit if limit else None,
        "count": count,
        "review": decided[Decision.REVIEW],
    }


def _orders_of(facts: PairFacts, need: Need) -> Iterator[Planned]:
    for place in facts.places:
        order = order_id(place.uid, facts.token, Verb.REMOVE, need.basis, place.appearance)
        yield Planned(order, place.id, facts.identifier, facts.worker, need.case or None, str(need.reason))


def _items_of(facts: PairFacts, need: Need) -> Iterator[PlanItem]:
    for place in facts.places:
        yield PlanItem(item_id(place.uid, facts.token), facts.worker, place.uid, need.case or None, need, need.held)


def _pair_uid(facts: PairFacts) -> str:
    return order_id(f"worker {facts.worker}", facts.token, Verb.REMOVE, "pair", 0)[:16]


def _questions_of(facts: PairFacts, need: Need) -> Iterator[NewFinding]:
    """What a person is asked about a pair, whatever was decided of it."""
    if _never_assigned(facts):
        yield NewFinding(
            FindingKind.WITHOUT_ASSIGNMENT,
            subject=_pair_uid(facts),
            worker=facts.worker,
            identifier=facts.identifier,
            case=need.case or None,
        )
    yield from _overwritten(facts)


def _overwritten(facts: PairFacts) -> Iterator[NewFinding]:
    """A question for each case whose register names the identifier no more, once for each time that it ceased to."""
    for each in facts.links:
        if each.gone_at is not None:
            about = f"worker {facts.worker} case {each.case} {each.gone_at.isoformat()}"
            yield NewFinding(
                FindingKind.NUMBER_OVERWRITTEN,
                subject=order_id(about, facts.token, Verb.REMOVE, "overwritten", 0)[:16],
                worker=facts.worker,
                identifier=facts.identifier,
                case=each.case,
            )


def _never_assigned(facts: PairFacts) -> bool:
    """A client's or reporter's identifier with a worker whom no linked case has ever named."""
    for each in facts.links:
        if each.was_assigned or each.planned_moments or each.deviation_until or not each.linked:
            return False
        if each.contact_class not in _GOVERNED:
            return False
    return bool(facts.links)
