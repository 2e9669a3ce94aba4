"""Carries out orders: claim, check again, call with no transaction open, settle; after a crash the repeat acts once.

The order rows are the truth. A claim is committed before the call; hold, need and register freshness are decided
again just before it, and right before each request that changes something `Permit` is asked. No call is begun once the
lease has run out. A receipt settles only with the fence of its claim; one that comes late is kept as the fact it is.
Every claim is answered, also when the database is away for a while.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from threading import Lock

from mdm_adapters.port import (
    NOT_BEGUN,
    ContactStore,
    Cut,
    Fault,
    Outcome,
    Place,
    PortError,
    Receipt,
    Shape,
    Token,
)
from server.core.log.entries import Body, EntryKind
from server.core.model import FindingKind, State
from server.core.removal.cards import Cards, count_cards
from server.core.removal.order_state import EVENT_OF_OUTCOME, Event, wait_seconds
from server.core.removal.plan import item_id
from server.store import findings, log
from server.store.admin import organisation, pauses
from server.store.database import Connection, StoreUnavailableError
from server.store.findings import NewFinding
from server.store.removal import needs, orders, presence, questions, work_counts
from server.store.removal.orders import Claimed, Settlement
from server.store.removal.presence import SeenEntry
from server.store.removal.work_counts import Done
from server.work.context import Context
from server.work.phones.managers import work_on_phones
from server.work.removal.alive import has_ended
from server.work.removal.change_notifications import look_at_hinted
from server.work.removal.pauses import end_what_ran_out
from server.work.removal.permit import Permit
from server.work.removal.plan import Pass, make_plan, still_needed
from server.work.removal.putting import destroy_over, keep, keeps_values, next_times, overhearing, put_due
from server.work.removal.sync import PlaceRead, look_at_all, matcher_within_a_call

CLAIM = 500
"""Orders taken under one lease, and settled in one transaction."""
_LEAST_CLAIM = 10
_CLAIMS_EACH = 2
_UNTIL_THE_DATABASE_IS_ASKED_AGAIN = 1.0
_LONGEST_WITHOUT_A_DATABASE = 86400.0
"""Seconds."""
_WAIT_FOR_A_LOOK = timedelta(minutes=10)
"""An order whose entry changed is woken by the next look at its place; this is only for when none comes."""
_Answer = tuple[Receipt, str]
"""What the store said of one card, and the order with which that card is counted."""
_WORST_FIRST = (Outcome.UNCLEAR, Outcome.CHANGED, Outcome.TRIMMED, Outcome.REMOVED, Outcome.ALREADY_GONE)


@dataclass(slots=True)
class Drained:
    """What a run of the engine did: orders by what became of them, cards by what became of each, faults met by kind.

    An order has the worst outcome of its cards, and one card may stand for several orders: cards are counted once.
    gap: the oldest answer of the database with which a call began, in seconds.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    cards: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    gap: float = 0.0

    @property
    def called(self) -> int:
        """How many orders were taken up."""
        return sum(self.outcomes.values())

    def add(self, other: Drained) -> None:
        """Count what another run did too."""
        self.outcomes.update(other.outcomes)
        self.cards.update(other.cards)
        self.faults.update(other.faults)
        self.gap = max(self.gap, other.gap)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: what was looked at, decided and carried out."""

    looked: tuple[PlaceRead, ...]
    passed: Pass
    drained: Drained


def run_once(context: Context, *, full: bool, at_once: int) -> Ran:
    """Read every place, decide, carry out, ask the phones; places that changed under us are worked on once more.

    full: every place in full and every pair, whatever events said.
    """
    with context.store.write() as connection:  # before a look writes over when a place was read by a false clock
        needs.mend_times(connection, context.now(), context.policy.longest_wait)
    looked = look_at_all(context, full=full, at_once=at_once)
    passed = make_plan(context, full=full)
    again, drained = carry_on(context, at_once=at_once)
    return Ran((*looked, *again), passed, drained)


def follow_hints(context: Context, *, at_once: int) -> Sequence[PlaceRead]:
    """Look at the places that vendors told of, and decide what that calls for."""
    looked = look_at_hinted(context, at_once=at_once)
    if any(each.written and (each.written.appeared or each.written.gone) for each in looked):
        make_plan(context)
    return looked


def decide_due(context: Context) -> bool:
    """Decide what became due since; whether anything came of it."""
    with context.store.read() as connection:
        again, _ = next_times(context, connection)
        if not needs.any_due(connection, context.now()) and (again is None or again > context.now()):
            return False
    passed = make_plan(context)
    return bool(passed.orders or passed.stopped or passed.findings or passed.puts)


def carry_on(context: Context, *, at_once: int) -> tuple[Sequence[PlaceRead], Drained]:
    """Carry out what is due and ask the phones; places that changed under us are read again and worked on once more."""
    looked: Sequence[PlaceRead] = ()
    drained = drain(context, at_once=at_once)
    put_due(context)
    with context.store.read() as connection:
        changed = orders.places_that_changed(connection)
    if changed:
        looked = look_at_all(context, full=True, ids=changed, at_once=at_once)
        drained.add(drain(context, at_once=at_once))
    work_on_phones(context)
    return looked, drained


def drain(context: Context, *, at_once: int = 4) -> Drained:
    """Carry out everything that is due now; returns when nothing is left to claim.

    at_once: how many claims are worked on side by side. Each takes a share of what is left, so that a few hundred
    orders are not all one thread's while the others have none, and all are done at about the same time.
    """
    total = Drained()
    end_what_ran_out(context)
    tidy(context)
    with context.store.read() as connection:
        expected = orders.due_count(connection, context.now())
    left = expected
    one_at_a_time = Lock()

    def share() -> int:
        nonlocal left
        with one_at_a_time:
            mine = CLAIM if at_once == 1 else min(CLAIM, max(_LEAST_CLAIM, ceil(left / (at_once * _CLAIMS_EACH))))
            left = max(0, left - mine)
        return mine

    def work() -> None:
        while (done := carry_out(context, limit=share())) is not None:
            with one_at_a_time:
                _add(context, total, done, expected)

    if at_once == 1:
        work()
        return total
    with ThreadPoolExecutor(at_once) as pool:
        for each in [pool.submit(work) for _ in range(at_once)]:
            each.result()
    return total


def _add(context: Context, total: Drained, done: Drained, expected: int) -> None:
    total.add(done)
    context.progress(min(total.called, expected), expected)


def tidy(context: Context) -> None:
    """What every round begins with: times that a clock which had run ahead left too far away are brought back, and
    engines of this machine that run no more are known to answer no more.
    """
    with context.store.read() as connection:
        unanswered = orders.engines_unanswered(connection)
    ended = [name for name in unanswered if has_ended(name, one_machine=context.store.is_sqlite)]
    with context.store.write() as connection:
        now = context.now()
        orders.bring_back(connection, now)
        if ended:
            orders.mark_ended(connection, ended, now)
    destroy_over(context)


def carry_out(context: Context, *, limit: int = CLAIM) -> Drained | None:
    """Claim some orders and carry them out; None if nothing was due.

    Whatever happens, each of them is answered: settled, or given back for whoever comes first. Where the policy only
    reports, none is claimed.
    """
    if context.policy.report_only:
        return None
    with context.store.write() as connection:
        begun = context.moment()
        claimed = orders.claim(connection, begun.wall, by=context.engine, lease=context.lease, limit=limit)
        by_place: dict[int, list[Claimed]] = {}
        for each in claimed:
            by_place.setdefault(each.place, []).append(each)
        places = {row.id: row for row in organisation.read_places(connection, context.today(), ids=list(by_place))}
        log.append(
            connection,
            begun.wall,
            [(EntryKind.ORDER_SENT, _sent(context, each)) for each in claimed],
        )
    if not claimed:
        return None
    done = Drained()
    permit = Permit(context, begun)
    for place_id, mine in by_place.items():
        row = places[place_id]
        errand = _Errand(context, permit, Place(row.uid, row.address), row.connection, mine, done)
        for settlements in errand.carry_out():
            done.outcomes.update(_name(each) for each in settlements if each.event is not Event.RETURNED)
            done.faults.update(each.fault for each in settlements if each.fault is not None)
            _settle(context, mine, settlements, errand.heard)
    done.gap = permit.gap
    return done


def _sent(context: Context, order: Claimed) -> Body:
    """An order in the log as it is taken up; where another policy is in force than planned it, by that one's version.

    It goes only if both call for it: the one did when it was planned, the other is asked just before the call.
    """
    body: Body = {"order": order.id, "place": order.place_uid, "attempt": order.fence}
    return body if order.policy == context.policy.version else {**body, "policy": order.policy}


class _Errand:
    """The claimed orders of one place, carried out in portions that were each decided again before their calls.

    done: what became of each card is added there.
    """

    def __init__(
        self,
        context: Context,
        permit: Permit,
        place: Place,
        connection_name: str,
        mine: Sequence[Claimed],
        done: Drained,
    ) -> None:
        self._context = context
        self._permit = permit
        self._place = place
        self._connection_name = connection_name
        self._left = list(mine)
        self._drained = done
        self._match = matcher_within_a_call(context)
        self._called: set[int] = set()
        self.heard: dict[Token, str] = {}
        self._answers: defaultdict[int, list[_Answer]] = defaultdict(list)

    def carry_out(self) -> Iterator[Sequence[Settlement]]:
        """Settlements as they come, one for each order in the end."""
        while self._left:
            try:
                if not self._permit.leased:
                    yield self._without_lease()
                if not self._permit.leased:
                    yield self._give_back(self._left)
                    return
                yield from self._portion()
            except StoreUnavailableError:
                self._context.rest(_UNTIL_THE_DATABASE_IS_ASKED_AGAIN)

    def _without_lease(self) -> Sequence[Settlement]:
        """The lease ran out. Before any call of this claim it begins again, so that a short one cannot stop everything;
        what somebody took over meanwhile is given up.
        """
        if self._permit.called:
            return ()
        now = self._context.moment()
        with self._context.store.write() as connection:
            ours = orders.renew(connection, self._left, now.wall, self._context.lease)
        self._permit.renewed(now)
        return self._give_back([each for each in self._left if each.id not in ours])

    def _give_back(self, some: Sequence[Claimed]) -> Sequence[Settlement]:
        given = {each.id for each in some}
        self._left = [each for each in self._left if each.id not in given]
        now = self._context.now()
        return [self._uncalled(each, Event.RETURNED, next_at=now) for each in some]

    def _portion(self) -> Iterator[Sequence[Settlement]]:
        """Decide again, and call as long as that holds."""
        context = self._context
        adapter = context.stores.get(self._connection_name)
        self._permit.deciding()
        now = context.now()
        with context.store.read() as connection:
            paused = pauses.paused(connection, now).covers(self._connection_name)
        if paused:
            left, self._left = self._left, []
            yield [self._uncalled(each, Event.PAUSED, next_at=now) for each in left]
            return
        allowed = still_needed(context, self._left)
        stopped = [each for each in self._left if each.id not in allowed]
        self._left = [each for each in self._left if each.id in allowed]
        if stopped:
            yield [self._uncalled(each, Event.NOT_NOW) for each in stopped]
        if adapter is None:
            left, self._left = self._left, []
            yield [_failed(context, each, PortError(Fault.NO_CONNECTION)) for each in left]
            return
        if not self._left:
            return
        with context.store.read() as connection:
            entries = presence.entries_holding(
                connection, context.keys.sealer, self._left[0].place, [each.identifier for each in self._left]
            )
        undone = self._call(adapter, [entry for entry in entries if entry.id not in self._called])
        waiting = {number for entry in undone for number in entry.identifiers}
        finished = [each for each in self._left if each.identifier not in waiting]
        self._left = [each for each in self._left if each.identifier in waiting]
        if finished:
            yield [_settlement(context, each, self._answers[each.identifier]) for each in finished]

    def _call(self, adapter: ContactStore, entries: Sequence[SeenEntry]) -> Sequence[SeenEntry]:
        """Call for these entries, batch by batch, as long as the permit holds; returns those not called for."""
        wanted = {each.identifier: each.token for each in self._left}
        match = self._match
        if keeps_values(self._context, adapter):
            match = overhearing(self._context, match, self.heard, list(wanted.values()))
        order_of = {each.identifier: each for each in self._left}
        adapter.announce(self._place, [_cut(entry, wanted) for entry in entries])
        for start in range(0, len(entries), adapter.batch):
            slice_ = entries[start : start + adapter.batch]
            concerned = [[order_of[number] for number in each.identifiers if number in order_of] for each in slice_]
            self._permit.use_for(list(dict.fromkeys(order for some in concerned for order in some)))
            cuts = [_cut(entry, wanted) for entry in slice_]
            receipts = adapter.remove(self._place, cuts, match, self._permit)
            for entry, some, receipt in zip(slice_, concerned, receipts, strict=True):
                if receipt is not NOT_BEGUN:
                    self._take(entry, min(order.id for order in some), receipt)
            if any(receipt is NOT_BEGUN for receipt in receipts):
                break
        return [entry for entry in entries if entry.id not in self._called]

    def _take(self, entry: SeenEntry, counted_with: str, receipt: Receipt) -> None:
        self._called.add(entry.id)
        self._drained.cards[receipt.outcome.value if receipt.outcome else "failed"] += 1
        for number in entry.identifiers:
            self._answers[number].append((receipt, counted_with))

    def _uncalled(self, order: Claimed, event: Event, *, next_at: datetime | None = None) -> Settlement:
        """An order that goes no further; what became of those of its cards that were called for before is kept."""
        called = self._answers.get(order.identifier)
        return Settlement(
            order.id, order.fence, event, next_at=next_at, cards=_cards(order, called) if called else None
        )


def _cut(entry: SeenEntry, wanted: Mapping[int, Token]) -> Cut:
    tokens = frozenset(token for number, token in entry.identifiers.items() if number in wanted)
    whole = entry.shape is Shape.WHOLE and len(tokens) == len(entry.identifiers)
    return Cut(entry.ref, entry.version, tokens, whole=whole, rest=entry.rest)


def _cards(order: Claimed, answers: Sequence[_Answer]) -> Cards:
    return count_cards((receipt, counted_with != order.id) for receipt, counted_with in answers)


def _settlement(context: Context, order: Claimed, answers: Sequence[_Answer]) -> Settlement:
    """One order from the receipts of all its entries: the worst is its outcome, and how many became what is kept.

    No entry left: gone, as a look must show.
    """
    cards = _cards(order, answers)
    for receipt, _ in answers:
        if receipt.error is not None:
            return _failed(context, order, receipt.error, cards)
    outcomes = {receipt.outcome for receipt, _ in answers}
    outcome = next((each for each in _WORST_FIRST if each in outcomes), Outcome.ALREADY_GONE)
    return Settlement(
        order.id,
        order.fence,
        EVENT_OF_OUTCOME[outcome],
        outcome,
        recoverable=any(receipt.recoverable for receipt, _ in answers),
        next_at=context.now() + _WAIT_FOR_A_LOOK if outcome is Outcome.CHANGED else None,
        cards=cards,
    )


def _failed(context: Context, order: Claimed, error: PortError, cards: Cards | None = None) -> Settlement:
    wait = timedelta(seconds=wait_seconds(error, order.attempts + 1))
    next_at = context.now() + wait
    return Settlement(order.id, order.fence, Event.FAILED, fault=error.fault, next_at=next_at, cards=cards)


def _settle(
    context: Context, mine: Sequence[Claimed], settlements: Sequence[Settlement], heard: Mapping[Token, str]
) -> None:
    """Write receipts, findings and log lines in one transaction; a database that cannot be reached is waited for.

    What a store answered is a fact that nobody else has, so it is kept until it is written, for as long as a day.
    """
    if not settlements:
        return
    order_of = {each.id: each for each in mine}
    again = False
    waited = 0.0
    while True:
        try:
            _write(context, order_of, settlements, heard, again=again)
        except StoreUnavailableError:
            if waited >= _LONGEST_WITHOUT_A_DATABASE:
                raise
            again = True
            waited += _UNTIL_THE_DATABASE_IS_ASKED_AGAIN
            context.rest(_UNTIL_THE_DATABASE_IS_ASKED_AGAIN)
        else:
            return


def _write(
    context: Context,
    order_of: Mapping[str, Claimed],
    settlements: Sequence[Settlement],
    heard: Mapping[Token, str],
    *,
    again: bool,
) -> None:
    now = context.now()
    by_id = {each.id: each for each in settlements}
    with context.store.write() as connection:
        # Pairs before orders, as a pass takes them: what was stopped just before its call is decided again.
        stopped = [order_of[each.id] for each in settlements if each.event is Event.NOT_NOW]
        gated = orders.gated_places(connection, {each.place for each in stopped}, context.today()) if stopped else ()
        undecided = [(each.worker, each.identifier) for each in stopped if each.place in gated]
        if undecided:
            needs.mark_due(connection, needs.of_pairs(undecided), now)
        changes = orders.settle(connection, settlements, now, by=context.engine)
        settled = {change.id for change in changes}
        overtaken = [each for each in settlements if each.id not in settled]
        late = orders.enter_late(connection, overtaken, now, by=context.engine, again=again)
        keep(context, connection, order_of, [*(by_id[each] for each in sorted(settled)), *late], heard)
        look_again = {change.place for change in changes if by_id[change.id].event is Event.CHANGED}
        look_again |= {order_of[each.id].place for each in late if each.cards}
        if look_again:
            presence.ask_for_look(connection, sorted(look_again))
        unclear = [order_of[each.id] for each in changes if by_id[each.id].event is Event.UNCLEAR]
        asked = _asked(connection, unclear, now)
        findings.open_findings(
            connection,
            [
                NewFinding(
                    _asked_about(by_id[change.id]),
                    subject=item_id(order_of[change.id].place_uid, order_of[change.id].token),
                    worker=order_of[change.id].worker,
                    place=change.place,
                    identifier=order_of[change.id].identifier,
                )
                for change in changes
                if change.after is State.PERSON and (change.place, order_of[change.id].identifier) not in asked
            ],
            now,
        )
        lines = [_receipt(order_of[change.id], by_id[change.id]) for change in changes]
        lines += [_receipt(order_of[each.id], each, late=True) for each in late]
        log.append(connection, now, lines)
        # All alike: that one of them went under a hold is for those to find who may.
        told = [f"late_receipt {each.id} {_name(each)}" for each in late if each.cards]
        log.append_restricted(connection, now, context.keys.sealer, told)
        came = [_answer(each) for each in (*(by_id[change.id] for change in changes), *late)]
        place = next(iter(order_of.values())).place  # one errand, one place
        work_counts.add_at(connection, Done.ORDER, place, Counter(each for each in came if each is not None), now)


def _receipt(order: Claimed, settlement: Settlement, *, late: bool = False) -> tuple[EntryKind, Body]:
    """A receipt in the log: the order's outcome, and of its cards how many became what.

    late: its claim was overtaken before it came.
    """
    body: Body = {
        **({"mode": "late"} if late else {}),
        "order": order.id,
        "place": order.place_uid,
        "attempt": order.fence,
        "outcome": _name(settlement),
        "fault": settlement.fault.value if settlement.fault else None,
        **({name: count for name, count in settlement.cards._asdict().items() if count} if settlement.cards else {}),
    }
    return EntryKind.RECEIPT, body


def _answer(settlement: Settlement) -> str | None:
    """What a store answered for an order, for those who watch vendors; None: it was not called for."""
    if settlement.event in (Event.NOT_NOW, Event.PAUSED, Event.RETURNED):
        return None
    return settlement.fault.value if settlement.fault else _name(settlement)


def _asked_about(settlement: Settlement) -> FindingKind:
    """Why an order waits for a person."""
    unsteady = settlement.event is Event.CHANGED
    return FindingKind.UNSTEADY_ENTRY if unsteady else FindingKind.MIXED_UNCLEAR


def _asked(connection: Connection, stopped: Sequence[Claimed], now: datetime) -> frozenset[tuple[int, int]]:
    """Which of these wait for their worker, who is asked before anybody else; by place and identifier."""
    at: dict[int, set[int]] = {}
    for each in stopped:
        at.setdefault(each.place, set()).add(each.identifier)
    return frozenset(
        (place, identifier)
        for place, identifiers in at.items()
        for identifier in questions.waits_for_worker(connection, place, identifiers, now)
    )


def _name(settlement: Settlement) -> str:
    """What became of an order in one word: the vendor's, "failed", "paused", "returned", or "deferred" for all else not
    called.
    """
    if settlement.event in (Event.PAUSED, Event.RETURNED):
        return settlement.event.value
    if settlement.event is Event.NOT_NOW:
        return "deferred"
    return settlement.outcome.value if settlement.outcome else "failed"
