"""Carries out orders: claim, check again, call with no transaction open, settle; after a crash the repeat acts once.

The order rows are the truth. A claim is committed before the call; hold, need and register freshness are decided
again just before it (and again whenever that answer is older than two seconds), and so is whether removing is paused;
no call is begun once the lease has run out; a receipt counts only with the fence of its claim.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from threading import Lock

from mdm_adapters.port import Cut, Fault, Outcome, Place, PortError, Receipt, Shape, Token
from server.core.cards import Cards, count_cards
from server.core.log import Body, EntryKind
from server.core.model import FindingKind, State
from server.core.plan import item_id
from server.core.progress import EVENT_OF_OUTCOME, Event, wait_seconds
from server.store import findings, log, needs, orders, organisation, pauses, presence
from server.store.findings import NewFinding
from server.store.orders import Claimed, Settlement
from server.store.presence import SeenEntry
from server.work.context import Context
from server.work.hints import look_at_hinted
from server.work.pauses import end_what_ran_out
from server.work.phones import work_on_phones
from server.work.plan import Pass, make_plan, still_needed
from server.work.sync import Looked, look_at_all, matcher

CLAIM = 500
"""Orders taken under one lease, and settled in one transaction."""
_LEAST_CLAIM = 10
_CLAIMS_EACH = 2
_CHECK_HOLDS_FOR = timedelta(seconds=2)
_WAIT_FOR_A_LOOK = timedelta(minutes=10)
"""An order whose entry changed is woken by the next look at its place; this is only for when none comes."""
_Answer = tuple[Receipt, str]
"""What the store said of one card, and the order with which that card is counted."""
_WORST_FIRST = (Outcome.UNCLEAR, Outcome.CHANGED, Outcome.TRIMMED, Outcome.REMOVED, Outcome.ALREADY_GONE)


@dataclass(frozen=True, slots=True)
class Drained:
    """What a run of the engine did: orders by what became of them, cards by what became of each, faults met by kind.

    An order has the worst outcome of its cards, and one card may stand for several orders: cards are counted once.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    cards: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)

    @property
    def called(self) -> int:
        """How many orders were taken up."""
        return sum(self.outcomes.values())

    def add(self, other: Drained) -> None:
        """Count what another run did too."""
        self.outcomes.update(other.outcomes)
        self.cards.update(other.cards)
        self.faults.update(other.faults)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: what was looked at, decided and carried out."""

    looked: tuple[Looked, ...]
    passed: Pass
    drained: Drained


def run_once(context: Context, *, full: bool, at_once: int) -> Ran:
    """Read every place, decide, carry out, ask the phones; places that changed under us are worked on once more.

    full: every place in full and every pair, whatever events said.
    """
    looked = look_at_all(context, full=full, at_once=at_once)
    passed = make_plan(context, full=full)
    again, drained = carry_on(context, at_once=at_once)
    return Ran((*looked, *again), passed, drained)


def follow_hints(context: Context, *, at_once: int) -> Sequence[Looked]:
    """Look at the places that vendors told of, and decide what that calls for."""
    looked = look_at_hinted(context, at_once=at_once)
    if any(each.written and (each.written.appeared or each.written.gone) for each in looked):
        make_plan(context)
    return looked


def carry_on(context: Context, *, at_once: int) -> tuple[Sequence[Looked], Drained]:
    """Carry out what is due and ask the phones; places that changed under us are read again and worked on once more."""
    looked: Sequence[Looked] = ()
    drained = drain(context, at_once=at_once)
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
    bring_back(context)
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


def bring_back(context: Context) -> None:
    """Bring back the times that a clock which had run ahead left too far away."""
    with context.store.write() as connection:
        orders.bring_back(connection, context.now())


def carry_out(context: Context, *, limit: int = CLAIM) -> Drained | None:
    """Claim some orders and carry them out; None if nothing was due."""
    now = context.now()
    with context.store.write() as connection:
        claimed = orders.claim(connection, now, by=context.engine, lease=context.lease, limit=limit)
        by_place: dict[int, list[Claimed]] = {}
        for each in claimed:
            by_place.setdefault(each.place, []).append(each)
        places = {row.id: row for row in organisation.read_places(connection, context.today(), ids=list(by_place))}
        log.append(
            connection,
            now,
            [(EntryKind.ORDER_SENT, _sent(context, each)) for each in claimed],
        )
    if not claimed:
        return None
    done = Drained()
    until = now + context.lease
    for place_id, mine in by_place.items():
        if done.called and context.now() >= until:
            break  # what is left is due again, for whoever comes first
        row = places[place_id]
        place = Place(row.uid, row.address)
        for settlements in _work_on(context, place, row.connection, mine, until, done.cards):
            done.outcomes.update(_name(each) for each in settlements)
            done.faults.update(each.fault for each in settlements if each.fault is not None)
            _settle(context, mine, settlements)
    return done


def _sent(context: Context, order: Claimed) -> Body:
    """An order in the log as it is taken up; where another policy is in force than planned it, by that one's version.

    It goes only if both call for it: the one did when it was planned, the other is asked just before the call.
    """
    body: Body = {"order": order.id, "place": order.place_uid, "attempt": order.fence}
    return body if order.policy == context.policy.version else {**body, "policy": order.policy}


def _work_on(
    context: Context,
    place: Place,
    connection_name: str,
    mine: Sequence[Claimed],
    until: datetime,
    cards: Counter[str],
) -> Iterator[Sequence[Settlement]]:
    """Carry out the claimed orders of one place, in portions that were each checked just before their call.

    until: when the lease runs out; a first call is made all the same, so that a short lease cannot stop everything.
    cards: what became of each card is added here.
    """
    adapter = context.stores.get(connection_name)
    match = matcher(context)
    left = list(mine)
    done: set[int] = set()
    answers: defaultdict[int, list[_Answer]] = defaultdict(list)
    while left:
        checked_at = context.now()
        with context.store.read() as connection:
            paused = pauses.paused(connection, checked_at).covers(connection_name)
        if paused:
            yield [_uncalled(each, Event.PAUSED, answers, next_at=checked_at) for each in left]
            return
        allowed = still_needed(context, left)
        stopped = [each for each in left if each.id not in allowed]
        if stopped:
            yield [_uncalled(each, Event.NOT_NOW, answers) for each in stopped]
        left = [each for each in left if each.id in allowed]
        if adapter is None:
            yield [_failed(context, each, PortError(Fault.NO_CONNECTION)) for each in left]
            return
        with context.store.read() as connection:
            entries = presence.entries_holding(
                connection, context.keys.sealer, mine[0].place, [each.identifier for each in left]
            )
        wanted = {each.identifier: each.token for each in left}
        cuts = [(entry, _cut(entry, wanted)) for entry in entries if entry.id not in done]
        order_of = {each.identifier: each.id for each in left}
        adapter.announce(place, [cut for _, cut in cuts])
        while cuts:
            slice_, cuts = cuts[: adapter.batch], cuts[adapter.batch :]
            receipts = adapter.remove(place, [cut for _, cut in slice_], match)
            cards.update(receipt.outcome.value if receipt.outcome else "failed" for receipt in receipts)
            for (entry, _), receipt in zip(slice_, receipts, strict=True):
                done.add(entry.id)
                answer = receipt, min(order_of[number] for number in entry.identifiers if number in order_of)
                for number in entry.identifiers:
                    answers[number].append(answer)
            if context.now() >= min(until, checked_at + _CHECK_HOLDS_FOR):
                break
        undone = {entry.id for entry, _ in cuts}
        finished, left = _split(left, entries, undone)
        yield [_settlement(context, each, answers[each.identifier]) for each in finished]
        if context.now() >= until:
            return


def _cut(entry: SeenEntry, wanted: Mapping[int, Token]) -> Cut:
    tokens = frozenset(token for number, token in entry.identifiers.items() if number in wanted)
    whole = entry.shape is Shape.WHOLE and len(tokens) == len(entry.identifiers)
    return Cut(entry.ref, entry.version, tokens, whole=whole)


def _split(
    left: Sequence[Claimed], entries: Sequence[SeenEntry], undone: set[int]
) -> tuple[list[Claimed], list[Claimed]]:
    """Orders all of whose entries had a receipt, and those that still have one to come."""
    waiting = {number for entry in entries if entry.id in undone for number in entry.identifiers}
    return (
        [each for each in left if each.identifier not in waiting],
        [each for each in left if each.identifier in waiting],
    )


def _uncalled(
    order: Claimed, event: Event, answers: Mapping[int, Sequence[_Answer]], *, next_at: datetime | None = None
) -> Settlement:
    """An order that goes no further; what became of those of its cards that were called before is kept."""
    called = answers.get(order.identifier)
    return Settlement(order.id, order.fence, event, next_at=next_at, cards=_cards(order, called) if called else None)


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


def _settle(context: Context, mine: Sequence[Claimed], settlements: Sequence[Settlement]) -> None:
    """Write receipts, findings and log lines in one transaction."""
    if not settlements:
        return
    now = context.now()
    by_id = {each.id: each for each in settlements}
    order_of = {each.id: each for each in mine}
    with context.store.write() as connection:
        # Pairs before orders, as a pass takes them: what was stopped just before its call is decided again.
        stopped = [order_of[each.id] for each in settlements if each.event is Event.NOT_NOW]
        gated = orders.gated_places(connection, {each.place for each in stopped}, context.today()) if stopped else ()
        again = [(each.worker, each.identifier) for each in stopped if each.place in gated]
        if again:
            needs.mark_due(connection, needs.of_pairs(again), now)
        changes = orders.settle(connection, settlements, now)
        changed = sorted({change.place for change in changes if by_id[change.id].event is Event.CHANGED})
        if changed:
            presence.ask_for_look(connection, changed)
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
                if change.after is State.PERSON
            ],
            now,
        )
        log.append(connection, now, [_receipt(order_of[change.id], by_id[change.id]) for change in changes])


def _receipt(order: Claimed, settlement: Settlement) -> tuple[EntryKind, Body]:
    """A receipt in the log: the order's outcome, and of its cards how many became what."""
    body: Body = {
        "order": order.id,
        "place": order.place_uid,
        "attempt": order.fence,
        "outcome": _name(settlement),
        "fault": settlement.fault.value if settlement.fault else None,
        **({name: count for name, count in settlement.cards._asdict().items() if count} if settlement.cards else {}),
    }
    return EntryKind.RECEIPT, body


def _asked_about(settlement: Settlement) -> FindingKind:
    """Why an order waits for a person."""
    unsteady = settlement.event is Event.CHANGED
    return FindingKind.UNSTEADY_ENTRY if unsteady else FindingKind.MIXED_UNCLEAR


def _name(settlement: Settlement) -> str:
    """What became of an order in one word: the vendor's, "failed", "paused", or "deferred" for all else not called."""
    if settlement.event is Event.PAUSED:
        return "paused"
    if settlement.event is Event.NOT_NOW:
        return "deferred"
    return settlement.outcome.value if settlement.outcome else "failed"
