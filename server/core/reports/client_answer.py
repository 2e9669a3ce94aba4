"""What a client is told who asks whether their number is gone: gone, still needed, or neither; pure, no clock, no hold.

Who asks may be a violent partner, so only two things are ever said: that a running case needs the number, and that it
was removed and its books have been read without it since. Everything else (a hold, the days of grace, a review, a book
that cannot be read, a number that nobody knows, an asker who is not its person) is one and the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from server.core.model import Level, Link, Presence, Reason
from server.core.policy.model import Policy
from server.core.removal.need import decide_case
from server.core.reports.ledger import CLIENTS
from server.core.workdays import local_day

_NEEDED = frozenset({Reason.ASSIGNED, Reason.MONITORING_WINDOW, Reason.MONITORING_OUTSIDE, Reason.PLAN_UNKNOWN})
"""Why a number is needed by whoever works on its case; outside its days in monitoring it stays off phones."""
_UNSOUND = frozenset({Reason.REGISTER_STALE, Reason.LINK_UNKNOWN})
_LEVELS = tuple(Level)
_LOOKS_MISSED = 3
"""A book that was read in full so many intervals ago counts as one that cannot be read (as on System status)."""
_PERSON = re.compile(r"(?P<case>\S(?:.*\S)?)\s*-\s*(?P<person>[A-Za-z0-9]{1,4})")


MOST_PEOPLE = 5
"""Persons of cases that one question may name: enough for who came back, too few to try for whose a number is."""


class IdentityCheck(StrEnum):
    """How it was made sure who asks. Nothing of a document is kept."""

    DOCUMENT = "identity_document"
    CALLED_BACK = "identity_called_back"
    KNOWN = "identity_known"
    FAILED = "identity_failed"
    """It was not done, or left a doubt."""


class SafeChannel(StrEnum):
    """Which way the answer goes: one that the case file calls safe, and not one that whoever asks proposes today."""

    IN_PERSON = "channel_in_person"
    TELEPHONE = "channel_telephone"
    POST = "channel_post"
    REPRESENTATIVE = "channel_representative"


class ToldClient(StrEnum):
    """What is said of the address books at one store."""

    GONE = "told_gone"
    NEEDED = "told_needed"
    NEITHER = "told_neither"


# --- the facts ----------------------------------------------------------------------------------------------------


class NumberLink(NamedTuple):
    """One case that names the number, or named it. contact: its number and the person's code, "100001-B". ambiguous:
    another case has the same number, in another system.
    """

    contact: str
    link: Link
    ambiguous: bool = False


class BookRead(NamedTuple):
    """One address book. searched: its newest full reading looked for this number, too. faulty: it cannot be read now,
    is suddenly empty, or holds what nobody can read.
    """

    place: int
    store: str
    full_at: datetime | None
    searched: bool
    faulty: bool = False


class NumberSeen(NamedTuple):
    """What was last seen of the number in a book, and since when."""

    place: int
    presence: Presence
    since_at: datetime


class NumberRemoved(NamedTuple):
    """A removal that is proven. receipt: its order, where the log can give a receipt of it."""

    place: int
    settled_at: datetime
    level: Level
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """All that is known of one number or address. staying: it is a colleague's or partner's. workers: our numbers of
    all who ever had to do with it.
    """

    links: tuple[NumberLink, ...] = ()
    books: tuple[BookRead, ...] = ()
    seen: tuple[NumberSeen, ...] = ()
    removed: tuple[NumberRemoved, ...] = ()
    staying: bool = False
    workers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ClientAsker:
    """Who asks. people: of which persons of which cases the front office says that they are. apart: whoever answers is
    to be kept from it, as the worker whose book it was in, or their line.
    """

    check: IdentityCheck
    people: frozenset[str] = field(default=frozenset(), repr=False)
    apart: bool = False


# --- the answer ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What is said of one store. on: the day from which it is known; level: of several removals the one that proves
    least; receipts: orders of which there is one. All three only of what is gone.
    """

    store: str
    told: ToldClient = ToldClient.NEITHER
    on: date | None = None
    level: Level | None = None
    receipts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """What is said, of each store there is, in the order of their names."""

    stores: tuple[StoreAnswer, ...]

    @property
    def told(self) -> ToldClient:
        """The whole in one word, by which a letter is chosen: something is gone, it is needed, or neither."""
        said = {each.told for each in self.stores}
        return next((each for each in (ToldClient.NEEDED, ToldClient.GONE) if each in said), ToldClient.NEITHER)


def read_people(text: str) -> frozenset[str] | None:
    """Persons of cases, one a line: "100001-B"; None: a line is no such thing, or there are too many."""
    found = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        read = _PERSON.fullmatch(line)
        if read is None:
            return None
        found.add(contact_of(read["case"], read["person"]))
    return frozenset(found) if len(found) <= MOST_PEOPLE else None


def contact_of(case: str, person: str) -> str:
    """A person of a case as people write it."""
    return f"{case.strip()}-{person.strip().upper()}"


def answer_of(facts: NumberFacts, asker: ClientAsker, policy: Policy, now: datetime) -> ClientAnswer:
    """The answer. Of every store there is something said, so that none tells by its absence where the number was."""
    stores = sorted({each.store for each in facts.books})
    if not _may_speak(facts, asker):
        return ClientAnswer(tuple(map(StoreAnswer, stores)))
    reasons = {_reason(each.link, policy, now) for each in facts.links}
    if reasons & _UNSOUND:
        return ClientAnswer(tuple(map(StoreAnswer, stores)))
    if reasons & _NEEDED:
        return ClientAnswer(tuple(StoreAnswer(each, ToldClient.NEEDED) for each in stores))
    return ClientAnswer(tuple(_of_store(each, facts, policy, now) for each in stores))


def _may_speak(facts: NumberFacts, asker: ClientAsker) -> bool:
    """Whether the number is the asker's alone, as the register has it: each of its cases is one in which they are that
    person. A number that two people share is nobody's alone; what is its partner's, or a colleague's, is no client's.
    """
    if asker.check is IdentityCheck.FAILED or asker.apart or facts.staying or not facts.links:
        return False
    return all(
        each.contact in asker.people and not each.ambiguous and each.link.contact_class in CLIENTS
        for each in facts.links
    )


def _reason(link: Link, policy: Policy, now: datetime) -> Reason:
    """Why somebody who works on the case has the number, or has not: need, for whom it is most, and without a hold."""
    at_work = link._replace(was_assigned=True, assigned_now=True, assigned_until=None, deviation_until=None)
    return decide_case(at_work, policy, now, now).reason


def _of_store(store: str, facts: NumberFacts, policy: Policy, now: datetime) -> StoreAnswer:
    books = {each.place: each for each in facts.books if each.store == store}
    seen = [each for each in facts.seen if each.place in books]
    removed = _newest(each for each in facts.removed if each.place in books)
    if not removed or not all(_is_read(each, policy, now) for each in books.values()):
        return StoreAnswer(store)
    if removed.keys() - {each.place for each in seen} or not all(_is_gone(each, books) for each in seen):
        return StoreAnswer(store)
    ours = [removed.get(each.place) for each in seen]
    # Of what was there once more and went by other hands, a full reading says that it is gone, and no more than that.
    levels = [
        each.level if each is not None and each.settled_at >= at.since_at else Level.STORE_REMOVED
        for at, each in zip(seen, ours, strict=True)
    ]
    days = [*(each.since_at for each in seen), *(each.settled_at for each in removed.values())]
    return StoreAnswer(
        store,
        ToldClient.GONE,
        local_day(max(days)),
        min(levels, key=_LEVELS.index),
        tuple(sorted(each.receipt for each in removed.values() if each.receipt is not None)),
    )


def _newest(removed: Iterable[NumberRemoved]) -> Mapping[int, NumberRemoved]:
    return {each.place: each for each in sorted(removed, key=lambda each: each.settled_at)}


def _is_read(book: BookRead, policy: Policy, now: datetime) -> bool:
    """Whether what is not seen there is not there: the whole of it was read lately, and for this number."""
    lately = timedelta(hours=_LOOKS_MISSED * policy.look_hours)
    return book.full_at is not None and book.searched and not book.faulty and now - book.full_at <= lately


def _is_gone(seen: NumberSeen, books: Mapping[int, BookRead]) -> bool:
    full_at = books[seen.place].full_at
    return seen.presence is Presence.ABSENT and full_at is not None and full_at >= seen.since_at


# --- what an answer can be about now ------------------------------------------------------------------------------


class StoreRead(NamedTuple):
    """How many address books a store has, and of how many nothing can be said now; whatever anybody asks."""

    store: str
    books: int
    unread: int


def stores_read(books: Collection[BookRead], policy: Policy, now: datetime) -> Sequence[StoreRead]:
    """Of each store, in the order of their names."""
    found = []
    for store in sorted({each.store for each in books}):
        mine = [each for each in books if each.store == store]
        found.append(StoreRead(store, len(mine), sum(not _is_read(each, policy, now) for each in mine)))
    return found
