"""Putting back: which contact that we removed ourselves is to stand in its book again; no store, no clock, no words.

The answer is a case or nothing, never a reason: whoever sees that something is not put back yet cannot tell a hold from
a book that was not read, a worker who is away or a person without a code (decision 0083).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from server.core.model import ContactClass, Decision, Link, Need, Presence, Reason
from server.core.removal.need import former_since

ASKED_AGAIN_AFTER = timedelta(days=1)
"""What need asks for and is not put back is decided again after so long, whatever the cause."""

_ASKS = frozenset({Reason.ASSIGNED, Reason.MONITORING_WINDOW, Reason.DEVIATION})
"""Why a contact is kept where the work asks for it. That of a class that stays is not ours to put anywhere."""
_PUT = frozenset({ContactClass.CLIENT, ContactClass.REPORTER})
REMOVED_FOR = frozenset({Reason.FINALLY_CLOSED, Reason.NO_LONGER_ASSIGNED, Reason.MONITORING_OUTSIDE})
"""Removals of which the value is kept: of those who were on the case. Who never was gets nothing back."""
_CODE = re.compile(r"[A-Z][0-9]?|[0-9]{1,2}")
_NUMBER = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z ./_-]{0,38}[0-9A-Za-z])?")


class PutState(StrEnum):
    """What is next with a contact that we removed and whose value lies sealed."""

    KEPT = "kept"
    """Nothing: need does not ask for it, or it is not put back yet."""
    READY = "ready"
    """Put it when due."""
    CALLING = "calling"
    """A lease runs: somebody is putting it, or died doing so."""
    CHECKING = "checking"
    """Look for it: the store accepted it, and accepted is never there."""
    THERE = "there"
    """Nothing: it was seen there, and its value is destroyed."""
    TAKEN_OUT = "taken_out"
    """Nothing, unless its worker asks: it was accepted, and a look in full did not find it."""


@dataclass(frozen=True, slots=True)
class BookNow:
    """What is known of one book, and of its worker, when a contact is to be put there.

    presence: of the contact in that book; None: nothing is known. leaving: an order to remove it is open there.
    shared: the book is read by several people. away: its worker is suspended, gone or absent. taken_out: its worker
    took it out after it had been put back, and has not asked for it since. unanswered: a call of ours to put it there
    was not answered, so that it may stand there by our own doing.
    """

    presence: Presence | None
    leaving: bool = False
    shared: bool = False
    away: bool = False
    taken_out: bool = False
    unanswered: bool = False


def asks(need: Need) -> bool:
    """Whether the work asks for the contact at this moment."""
    return need.decision is Decision.KEEP and need.reason in _ASKS and need.case is not None


def asked_for(need: Need, links: Sequence[Link], book: BookNow, *, held: bool) -> int | None:
    """The case for which a contact that we removed is put back into this book; None: it is not, or not yet.

    need: as decided now. links: all cases of the contact. held: a hold covers worker or case.
    """
    if not asks(need):
        return None
    if held or any(each.contact_class not in _PUT for each in links):
        return None
    if book.presence is not Presence.ABSENT and not (book.presence is Presence.PRESENT and book.unanswered):
        return None
    if book.leaving or book.shared or book.away or book.taken_out:
        return None
    ours = [each for each in links if each.case == need.case]
    if not ours or any(not each.linked or _is_former(each) for each in ours):
        return None
    return need.case


def label_of(case_number: str, person: str) -> str | None:
    """What a card that we put is called: case number and person code, never a name; None: there is no such code.

    A code is one letter, with a digit at the most, or a number of two digits: a word could be somebody's name.
    """
    code, number = person.strip().upper(), case_number.strip()
    if not _CODE.fullmatch(code) or not _NUMBER.fullmatch(number) or sum(map(str.isdigit, number)) < 3:
        return None
    return f"{number}-{code}"


def _is_former(link: Link) -> bool:
    """Whether the number was this person's, and nobody said that it still is: it may be somebody else's by now."""
    return former_since(link) is not None and not link.theirs
