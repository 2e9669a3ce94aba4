"""Putting back: values kept as we remove, decided when need changes, put with a lease, seen there, destroyed.

Nothing here tells why something is not put back. A value is read by nobody: it is sealed between the store's card and
the database, and opened between the database and the store.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from mdm_adapters.port import (
    PUT_NOT_BEGUN,
    Capability,
    ContactStore,
    Field,
    Match,
    Place,
    Put,
    PutOutcome,
    PutReceipt,
    Reading,
    Support,
    Token,
)
from server.core.elapsed import Moment
from server.core.identity.reading import candidates
from server.core.log.entries import Body, EntryKind
from server.core.model import Reason
from server.core.removal.need import decide
from server.core.removal.order_state import wait_seconds
from server.core.removal.plan import item_id
from server.core.removal.putting import ASKED_AGAIN_AFTER, REMOVED_FOR, BookNow, PutState, asked_for, asks, label_of
from server.store import log
from server.store.admin import organisation
from server.store.admin.organisation import PlaceRow
from server.store.database import Connection, StoreUnavailableError
from server.store.removal import needs, orders, presence
from server.store.removal import putting as store
from server.store.removal.orders import Claimed, Settlement
from server.store.removal.putting import Contact, KeptValue, PutRow, PutSettlement
from server.work.admin.access import Person
from server.work.context import Context
from server.work.removal.sync import look_at_all, matcher_within_a_call

_AT_ONCE = 500
_ROUNDS = 3
"""How often one claim is decided again and gone on with, where what it is about changed meanwhile."""
_LATER = timedelta(minutes=1)
_STRAY_AFTER = timedelta(hours=1)
"""How old the key of a case is of which nothing is kept before it goes: what it was made for is written by then."""
_CANNOT_BE_TOLD = timedelta(hours=6)
"""How long a book is left alone of which nobody can say whether the contact stands in it."""


# --- values


def keeps_values(context: Context, adapter: ContactStore) -> bool:
    """Whether the value of what is removed at this store is kept: only where it could be put back there."""
    if not context.policy.puts_back or context.case_keys is None:
        return False
    return adapter.capabilities()[Capability.PUT_CONTACTS].support is not Support.NO


def overhearing(context: Context, match: Match, heard: MutableMapping[Token, str], wanted: Sequence[Token]) -> Match:
    """The same `Match`; what it is shown of the wanted contacts is remembered in `heard`, in memory alone."""
    tokeniser, ours = context.keys.tokeniser, frozenset(wanted)

    def ask(entries: Sequence[Sequence[Field]]) -> Sequence[Sequence[Reading]]:
        found = match(entries)
        for fields, readings in zip(entries, found, strict=True):
            for field, reading in zip(fields, readings, strict=True):
                if not ours.isdisjoint(reading.tokens):
                    for each in candidates(field):
                        if (token := tokeniser.token(each)) in ours:
                            heard[token] = each.normal
        return found

    return ask


def keep(
    context: Context,
    connection: Connection,
    order_of: Mapping[str, Claimed],
    settlements: Sequence[Settlement],
    heard: Mapping[Token, str],
) -> None:
    """Keep, sealed, the values of what a store has just said it removed."""
    keys = context.case_keys
    went = [each.id for each in settlements if each.cards and each.cards.touched and order_of[each.id].token in heard]
    if keys is None or not went:
        return
    now = context.now()
    until = now + timedelta(days=context.policy.value_days)
    values = []
    for order_id, (case_id, reason) in sorted(store.cases_of_orders(connection, went).items()):
        order = order_of[order_id]
        if case_id is not None and Reason(reason) in REMOVED_FOR:
            where = _where(order.place, order.identifier)
            try:
                sealed = keys.seal(case_id, heard[order.token], where)
            except OSError:
                continue  # what the store answered is written all the same; the number stands in the case file
            values.append(KeptValue(order.place, order.identifier, order.worker, case_id, sealed, until))
    store.keep(connection, values, now)


def _where(place: int, identifier: int) -> str:
    return f"put_back.{place}.{identifier}"


def destroy_over(context: Context) -> int:
    """Destroy what is kept for nothing, and the keys of cases of which nothing is kept any more; how many values.

    Under a policy that puts nothing back that is all there is.
    """
    off = not context.policy.puts_back
    with context.store.read() as connection:
        if not store.any_rows(connection):
            if off and context.case_keys is not None:
                context.case_keys.destroy_all()
            return 0
    now = context.now()
    with context.store.write() as connection:
        before = store.cases_with_values(connection)
        count = store.destroy_all(connection) if off else store.destroy_over(connection, now)
        after = store.cases_with_values(connection)
        if count:
            log.append(connection, now, [(EntryKind.PUT_BACK, {"verb": "destroyed", "count": count})])
        # Before it is committed: a key that is gone too early costs a look into the file, one that is left is a leak.
        if context.case_keys is not None:
            if off:
                context.case_keys.destroy_all()
            else:
                context.case_keys.destroy(before - after)
                context.case_keys.sweep(after, now - _STRAY_AFTER)
    return count


# --- deciding


def plan_puts(context: Context, connection: Connection, now: datetime) -> int:
    """Decide what is due to be put back, in the transaction of a pass; how many contacts at places are."""
    if not context.policy.puts_back:
        return 0
    asked: list[Contact] = []
    while rows := store.due(connection, now, _AT_ONCE):
        wanted, others = _decide(context, connection, rows, now)
        if len(asked) + len(wanted) > context.policy.max_removals:
            # As many at once as a plan of removals waits for a person with: a register that opens everything is wrong.
            others, wanted = {**others, **dict.fromkeys(wanted, now + ASKED_AGAIN_AFTER)}, {}
        store.write_decided(connection, list(wanted), others, now)
        asked += wanted
    return len(asked)


def _decide(
    context: Context, connection: Connection, rows: Sequence[PutRow], now: datetime
) -> tuple[Mapping[Contact, tuple[str, Token]], Mapping[Contact, datetime | None]]:
    """Labels of what is to be put now, and of all others when to decide again."""
    policy, today = context.policy, context.today()
    pairs = sorted({(each.worker, each.identifier) for each in rows})
    facts = {
        (each.worker, each.identifier): each
        for each in needs.load(connection, needs.of_pairs(pairs), now, gone_too=True)
    }
    books = store.books(connection, rows, today)
    gated = orders.gated_places(connection, {each.place for each in rows}, today)
    case_of: dict[Contact, int] = {}
    others: dict[Contact, datetime | None] = {}
    for row in rows:
        known = facts.get((row.worker, row.identifier))
        if known is None:
            others[row.contact] = None
            continue
        need = decide(known.links, policy, now, known.first_seen)
        case = asked_for(need, known.links, books.get(row.contact, BookNow(None)), held=known.held)
        if case is not None and row.place in gated:
            case_of[row.contact] = case
        else:
            soon = now + ASKED_AGAIN_AFTER if asks(need) else None
            later = None if need.next_at is None else min(need.next_at, now + policy.longest_wait)
            others[row.contact] = soon or (later and max(later, now + _LATER))
    said = store.labels(connection, {(case, identifier) for (_, identifier), case in case_of.items()})
    wanted: dict[Contact, tuple[str, Token]] = {}
    for row in rows:
        if row.contact in case_of:
            found = said.get((case_of[row.contact], row.identifier))
            label = label_of(*found) if found else None
            if label is None:
                others[row.contact] = now + ASKED_AGAIN_AFTER
            else:
                wanted[row.contact] = (label, row.token)
    return wanted, others


# --- doing


@dataclass(frozen=True, slots=True)
class _Ready:
    """A put that may go at this moment."""

    row: PutRow
    put: Put


def put_due(context: Context) -> int:
    """Put back what is due and look whether it is there; how many the stores accepted.

    Every claim is answered: settled, or given back. Nothing is put where the policy only reports or puts nothing back.
    """
    accepted = 0
    while (claimed := _claim(context)) is not None:
        accepted += sum(_carry_out(context, mine) for mine in claimed)
    with context.store.read() as connection:
        waiting = store.places_to_check(connection)
    if accepted and waiting:
        look_at_all(context, full=True, ids=waiting)
    return accepted


def next_times(context: Context, connection: Connection) -> tuple[datetime | None, datetime | None]:
    """When anything is to be decided again, and when to be called; None: never."""
    if not context.policy.puts_back or context.policy.report_only:
        return None, None
    return store.next_due(connection), store.next_call(connection)


def _claim(context: Context) -> Sequence[Sequence[PutRow]] | None:
    """Claimed puts, by place; None: nothing is due."""
    if not context.policy.puts_back or context.policy.report_only or context.case_keys is None:
        return None
    now = context.now()
    with context.store.read() as connection:
        due = store.next_call(connection)
    if due is None or due > now:
        return None
    with context.store.write() as connection:
        claimed = store.claim(connection, now, by=context.engine, lease=context.lease, limit=_AT_ONCE)
        log.append(connection, now, [_line(each, {"verb": "sent", "attempt": each.fence}) for each in claimed])
    if not claimed:
        return None
    by_place: dict[int, list[PutRow]] = {}
    for each in claimed:
        by_place.setdefault(each.place, []).append(each)
    return list(by_place.values())


def _line(row: PutRow, body: Body) -> tuple[EntryKind, Body]:
    return EntryKind.PUT_BACK, {"item": item_id(row.place_uid, row.token), "place": row.place_uid, **body}


def _carry_out(context: Context, mine: Sequence[PutRow]) -> int:
    """The claimed puts of one place; how many the store accepted."""
    begun = context.moment()
    with context.store.read() as connection:
        (at,) = organisation.read_places(connection, context.today(), ids=[mine[0].place])
    adapter = context.stores.get(at.connection)
    left, accepted = list(mine), 0
    for _ in range(_ROUNDS):
        if adapter is None or not left:
            break
        ready = _ready(context, left)
        going = {each.row.contact for each in ready}
        stopped = [each for each in left if each.contact not in going]
        _settle(context, [(_given_up(context, each), None) for each in stopped])
        puts = [each.put for each in ready]

        may = partial(_may, context, [each.row for each in ready], begun)
        receipts = adapter.put(Place(at.uid, at.address), puts, matcher_within_a_call(context), may) if puts else ()
        answered = [(each.row, got) for each, got in zip(ready, receipts, strict=True) if got is not PUT_NOT_BEGUN]
        accepted += sum(got.outcome is PutOutcome.ACCEPTED for _, got in answered)
        _settle(context, [(_settlement(context, at, row, got), got) for row, got in answered])
        done = {row.contact for row, _ in answered}
        left = [each.row for each in ready if each.row.contact not in done]
    later = context.now() + _LATER
    _settle(context, [(PutSettlement(each, PutState.READY, next_at=later), None) for each in left])
    return accepted


def _ready(context: Context, rows: Sequence[PutRow]) -> Sequence[_Ready]:
    """Those that may still go, decided again, with their values."""
    keys, found = context.case_keys, []
    with context.store.read() as connection:
        wanted, _ = _decide(context, connection, rows, context.now())
    for row in rows:
        value = keys.open(row.case, row.sealed, _where(*row.contact)) if keys and row.contact in wanted else None
        if value is not None:
            label, token = wanted[row.contact]
            found.append(_Ready(row, Put(token, label, _as_written(value))))
    return found


def _may(context: Context, rows: Sequence[PutRow], begun: Moment) -> bool:
    """Whether a call for these may begin at this moment: lease, need, hold, pause and all else is asked each time."""
    if context.moment().since(begun) >= context.lease.total_seconds():
        return False
    try:
        with context.store.read() as connection:
            now = context.now()
            wanted, _ = _decide(context, connection, rows, now)
            return (
                len(wanted) == len(rows)
                and store.are_ours(connection, rows)
                and not store.is_paused(connection, rows, now)
            )
    except StoreUnavailableError:
        return False


def _as_written(normal: str) -> str:
    """A normal form (`tel:+31201234567;ext=12`, `mailto:a@b.example`) as it stands on a card."""
    return normal.removeprefix("tel:").removeprefix("mailto:").replace(";ext=", " ext. ")


def _given_up(context: Context, row: PutRow) -> PutSettlement:
    return PutSettlement(row, PutState.KEPT, due_at=context.now() + ASKED_AGAIN_AFTER)


def _settlement(context: Context, at: PlaceRow, row: PutRow, receipt: PutReceipt) -> PutSettlement:
    now = context.now()
    if receipt.error is not None:
        wait = timedelta(seconds=wait_seconds(receipt.error, row.attempts + 1))
        return PutSettlement(row, PutState.READY, next_at=now + wait, failed=True)
    if receipt.outcome is PutOutcome.UNCLEAR:
        return PutSettlement(row, PutState.KEPT, due_at=now + _CANNOT_BE_TOLD)
    key = presence.entry_key(context.keys.sealer, at, receipt.ref) if receipt.ref else None
    return PutSettlement(row, PutState.CHECKING, key=key)


def _settle(context: Context, settlements: Sequence[tuple[PutSettlement, PutReceipt | None]]) -> None:
    """In one transaction with the log; one that another claim overtook is left to that."""
    if not settlements:
        return
    now = context.now()
    said = {each.row.contact: receipt for each, receipt in settlements}
    with context.store.write() as connection:
        written = store.settle(connection, [each for each, _ in settlements])
        log.append(connection, now, [_line(each.row, _told(each, said[each.row.contact])) for each in written])


def _told(settlement: PutSettlement, receipt: PutReceipt | None) -> Body:
    body: Body = {"verb": "receipt", "attempt": settlement.row.fence}
    if receipt is None:
        return {**body, "outcome": "deferred"}
    if receipt.error is not None:
        return {**body, "outcome": "failed", "fault": receipt.error.fault.value}
    return {**body, "outcome": receipt.outcome.value if receipt.outcome else None}


# --- asking


def ask(context: Context, person: Person) -> bool:
    """A worker asks for what they need again and we removed: the same answer and the same line whatever comes of it.

    False: no worker belongs to the account, or the policy puts nothing back.
    """
    if person.worker is None or not context.policy.puts_back:
        return False
    now = context.now()
    with context.store.write() as connection:
        store.ask(connection, person.worker, now)
        log.append(connection, now, [(EntryKind.PUT_BACK, {"verb": "asked", "actor_role": "worker"})])
    return True
