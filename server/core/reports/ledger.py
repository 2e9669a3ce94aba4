"""What an inquiry is told of contacts and cases: how a contact stands in a worker's books, and which cases are a former
client's; frozen data and small rules, no numbers of people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from server.core.days import end_of, midnight
from server.core.model import OPEN_PHASES, ContactClass, Level, Phase, Presence
from server.core.workdays import local_day

CLIENTS = frozenset({ContactClass.CLIENT, ContactClass.REPORTER})


class InBooks(StrEnum):
    """How a contact stands in a worker's address books, several of them together: what is there outweighs what is not
    known, and that what is gone.
    """

    THERE = "book_there"
    THERE_AGAIN = "book_there_again"
    """It was removed and proven absent before."""
    UNKNOWN = "book_unknown"
    """It was there, and the book or a card in it can be read no more."""
    REMOVED = "book_removed"
    """Removed by closeout, and proven absent since."""
    GONE = "book_gone"
    """It was there, and is no more; that closeout removed it is not on record, or it was found gone."""
    NEVER = "book_never"
    """It was seen in none of them."""


class NumberStanding(StrEnum):
    """What the register says of a number and a case."""

    CURRENT = "number_current"
    FORMER = "number_former"
    """It names it as a former one."""
    OVERWRITTEN = "number_overwritten_there"
    """It named it, and does no more."""
    FORGOTTEN = "number_forgotten"
    """It names it no more; that it did is known from what closeout did then."""


class PlaceFacts(NamedTuple):
    """One contact in one book. settled_at, level: of the newest removal proven there, if there was one; phones: how
    many confirmed it; found_gone: closeout came to remove it and found it gone already.
    """

    identifier: int
    presence: Presence
    first_at: datetime
    since_at: datetime
    settled_at: datetime | None = None
    level: Level | None = None
    phones: int = 0
    found_gone: bool = False


class CaseFacts(NamedTuple):
    """One contact in one case. worked, works: whether the worker of the mandate was, or is, assigned to it. ran_before:
    the case was closed and opened again.
    """

    identifier: int
    case: str
    system: str
    person: str
    contact_class: ContactClass | None
    number: NumberStanding
    phase: Phase
    closed_at: datetime | None
    worked: bool
    works: bool
    ran_before: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """How one contact stands in all the books together. until: since when it is not there, or not known. level: of
    several removals the one that proves least.
    """

    state: InBooks = InBooks.NEVER
    first_at: datetime | None = None
    until: datetime | None = None
    settled_at: datetime | None = None
    level: Level | None = None
    phones: int = 0


NOWHERE = Books()
_LEVELS = tuple(Level)
_OUTWEIGHS = (InBooks.THERE_AGAIN, InBooks.THERE, InBooks.UNKNOWN, InBooks.GONE, InBooks.REMOVED)


def in_books(places: Sequence[PlaceFacts]) -> Books:
    """How a contact stands in these books together; with none, it was in none."""
    if not places:
        return NOWHERE
    states = [_state(each) for each in places]
    state = next(each for each in _OUTWEIGHS if each in states)
    proven = [each for each in places if each.settled_at is not None and each.level is not None]
    there = state in (InBooks.THERE, InBooks.THERE_AGAIN)
    return Books(
        state,
        min(each.first_at for each in places),
        None if there else max(each.since_at for each in places),
        max((each.settled_at for each in proven if each.settled_at), default=None),
        min((each.level for each in proven if each.level), key=_LEVELS.index, default=None),
        sum(each.phones for each in proven),
    )


def _state(facts: PlaceFacts) -> InBooks:
    match facts.presence:
        case Presence.PRESENT:
            return InBooks.THERE if facts.settled_at is None else InBooks.THERE_AGAIN
        case Presence.UNKNOWN:
            return InBooks.UNKNOWN
        case Presence.ABSENT:
            # Proven by a look after the removal, and not there since: who took it out later did so after it was back.
            ours = facts.settled_at is not None and facts.settled_at >= facts.since_at
            return InBooks.REMOVED if ours and not facts.found_gone else InBooks.GONE


def was_there(places: Iterable[PlaceFacts], first: date, last: date) -> bool:
    """Whether a contact was, or may have been, in a book on one of these days (Amsterdam)."""
    begin = midnight(first)
    end = end_of(last)
    return any(
        each.first_at < end and (each.presence is not Presence.ABSENT or each.since_at >= begin) for each in places
    )


def is_former(facts: CaseFacts) -> bool:
    """Whether a case is one in which the worker has nothing to do with the client now, or had nothing once.

    In a running case of their own they need the contact: who is in one alone is no former client.
    """
    if facts.contact_class is not None and facts.contact_class not in CLIENTS:
        return False
    return facts.phase not in OPEN_PHASES or not facts.works or facts.ran_before


def closed_on(facts: CaseFacts) -> date | None:
    """The day on which the final closure was confirmed."""
    return None if facts.closed_at is None else local_day(facts.closed_at)


# --- answers ------------------------------------------------------------------------------------------------------


class LedgerRow(NamedTuple):
    """One line of an answer. line: of the list that was asked about; None: there was none."""

    line: int | None
    facts: CaseFacts
    books: Books


@dataclass(frozen=True, slots=True)
class LedgerAnswer:
    """What was found. lines: how many the list had. staying: lines with a number of a colleague or partner. not_known,
    unreadable: lines without a number of the register, and without anything that is a number. running: contacts that
    were there and are in running cases of the worker's own alone. books: how many were asked; unread: of them, how many
    could never be read.
    """

    rows: tuple[LedgerRow, ...]
    books: int
    unread: int
    lines: int = 0
    staying: tuple[int, ...] = ()
    not_known: tuple[int, ...] = ()
    unreadable: tuple[int, ...] = ()
    running: int = 0


def spans(lines: Iterable[int]) -> str:
    """Numbers of lines as people write them: 1-3, 7."""
    found: list[list[int]] = []
    for each in sorted(set(lines)):
        if found and each == found[-1][1] + 1:
            found[-1][1] = each
        else:
            found.append([each, each])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
