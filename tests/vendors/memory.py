"""A vendor in memory: a `ContactStore` that keeps the law without a network; and faults on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock

from mdm_adapters.port import (
    YES,
    Capability,
    CapabilityAnswer,
    ContactStore,
    Cut,
    Entry,
    Fault,
    Look,
    Match,
    Missing,
    Outcome,
    Place,
    PortError,
    Put,
    PutOutcome,
    PutReceipt,
    Receipt,
    Shape,
    Trial,
    before_change,
    no,
    partly,
    put_uid,
)
from mdm_adapters.vcard import Card, Delete, Trim, Unclear, judge, managed_card, plan_cut, read_card


@dataclass
class MemoryBook:
    """One address book. cards: ref -> (version, bytes). touched: every ref that was written or deleted, in order."""

    cards: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)

    def put(self, ref: str, body: bytes) -> None:
        """Write a card."""
        self.touched.append(ref)
        self.cards[ref] = (len(self.touched), body)

    def delete(self, ref: str) -> None:
        """Delete a card; KeyError if there is none."""
        del self.cards[ref]
        self.touched.append(ref)


class MemoryStore(ContactStore):
    """Address books in memory; `Place.address` is the key in `books`. Threads may share it.

    delta, guards: whether it offers cursors, and versions. fail_before: each is raised by one later call in place of
    doing anything. fail_after: each is raised by one later `remove` once the cut was done, as a lost answer is.
    calls: what was asked, in order, as (verb, place id). marks: of each look. hidden: refs that a list leaves out.
    """

    def __init__(self, books: Iterable[str] = (), *, delta: bool = True, guards: bool = True, batch: int = 1) -> None:
        self.books: dict[str, MemoryBook] = {address: MemoryBook() for address in books}
        self.batch = batch
        self.fail_before: deque[PortError] = deque()
        self.fail_after: deque[PortError] = deque()
        self.calls: list[tuple[str, str]] = []
        self.marks: list[str] = []
        self.hidden: set[str] = set()
        self._delta = delta
        self._guards = guards
        self._lock = RLock()

    def capabilities(self) -> Mapping[Capability, CapabilityAnswer]:
        return {
            **dict.fromkeys(Capability, YES),
            Capability.DELTA: YES if self._delta else no("This memory has no journal."),
            Capability.GUARDED_WRITES: YES if self._guards else no("This memory has no versions."),
            Capability.DEVICE_SYNC_PROOF: no("No device fetches from memory."),
            Capability.EVENTS: partly("A test writes into it."),
        }

    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        with self._lock:
            book = self._called("look", place)
            self.marks.append(mark)
            start = self._start(book, place, cursor)
            end = len(book.touched)
            refs = list(book.cards) if start is None else list(dict.fromkeys(book.touched[start:]))
            found = {
                ref: book.cards[ref]
                for ref in refs
                if ref in book.cards and (start is not None or ref not in self.hidden)
            }
        # The lock is not held while the register is asked: what is written meanwhile is in the next delta.
        entries = self._judged(found, match)
        gone = frozenset(refs) - found.keys()
        return Look(
            full=start is None,
            entries=tuple(entries),
            cursor=f"{place.address} {end}" if self._delta else None,
            read=len(found),
            gone=gone,
            changed=frozenset() if start is None else frozenset(refs),
        )

    def _look_up(self, place: Place, refs: Sequence[str], match: Match, mark: str) -> Sequence[Entry]:
        with self._lock:
            book = self._called("look_up", place)
            found = {ref: book.cards[ref] for ref in refs if ref in book.cards}
        return self._judged(found, match)

    def _judged(self, found: Mapping[str, tuple[int, bytes]], match: Match) -> list[Entry]:
        read = {ref: read_card(body) for ref, (_, body) in found.items()}
        cards = {ref: card for ref, card in read.items() if card is not None}
        readings = match([card.fields for card in cards.values()]) if cards else ()
        judged = {ref: judge(card, each) for (ref, card), each in zip(cards.items(), readings, strict=True)}
        return [
            Entry(ref, self._version(found[ref][0]), *concerns)
            for ref in found
            if (concerns := judged.get(ref) if ref in cards else (Shape.UNREADABLE, frozenset()))
        ]

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        with self._lock:
            book = self._called("remove", place)
            receipts = [self._cut(book, cut, match) for cut in cuts]
            if self.fail_after:
                raise self.fail_after.popleft()
            return receipts

    def _cut(self, book: MemoryBook, cut: Cut, match: Match) -> Receipt:
        held = book.cards.get(cut.ref)
        if held is None:
            return Receipt(Outcome.ALREADY_GONE)
        number, body = held
        if cut.version is not None and cut.version != self._version(number):
            return Receipt(Outcome.CHANGED)
        card = read_card(body)
        plan = Unclear() if card is None else _planned(card, match, cut)
        if isinstance(plan, Delete):
            book.delete(cut.ref)
            return Receipt(Outcome.REMOVED)
        if isinstance(plan, Trim):
            book.put(cut.ref, plan.body)
            return Receipt(Outcome.TRIMMED)
        return Receipt(Outcome.UNCLEAR if isinstance(plan, Unclear) else Outcome.ALREADY_GONE)

    def _put(self, place: Place, put: Put, match: Match) -> PutReceipt:
        with self._lock:
            book = self._called("put", place)
            uid = put_uid(place, put.token)
            body = managed_card(uid, put.label, put.identifier)
            card = read_card(body)
            judged = None if card is None else judge(card, match([card.fields])[0])
            if judged is None or judged.shape is not Shape.WHOLE or put.token not in judged.tokens:
                return PutReceipt(PutOutcome.UNCLEAR)
            ref = f"{uid}.vcf"
            if ref in book.cards:
                return PutReceipt(PutOutcome.UNCLEAR)
            before_change()
            book.put(ref, body)
            if self.fail_after:
                raise self.fail_after.popleft()
            return PutReceipt(PutOutcome.ACCEPTED, ref=ref)

    def _check(self, place: Place) -> Sequence[Trial]:
        with self._lock:
            self._called("check", place)
        return (Trial("The book is there", ok=True),)

    def _called(self, verb: str, place: Place) -> MemoryBook:
        self.calls.append((verb, place.id))
        if self.fail_before:
            raise self.fail_before.popleft()
        if place.address not in self.books:
            raise Missing(Fault.PLACE_GONE)
        return self.books[place.address]

    def _start(self, book: MemoryBook, place: Place, cursor: str | None) -> int | None:
        address, _, number = (cursor or "").rpartition(" ")
        known = self._delta and address == place.address and number.isdigit() and int(number) <= len(book.touched)
        return int(number) if known else None

    def _version(self, number: int) -> str | None:
        return str(number) if self._guards else None


def _planned(card: Card, match: Match, cut: Cut) -> Delete | Trim | Unclear | object:
    return plan_cut(card, match([card.fields])[0], cut.tokens, cut.said)
