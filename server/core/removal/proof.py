"""What a full look proves of orders (DOMAIN 5, decision 0013); no store, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from server.core.model import Presence, State
from server.core.removal.order_state import Event, follow

RETRY_AFTER_A_FALSE_YES = timedelta(hours=1)
"""How long an order waits whose vendor said yes and kept the entry: at once it would say the same."""

_SEEN = {Presence.ABSENT: Event.SEEN_ABSENT, Presence.PRESENT: Event.SEEN_PRESENT}


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """An open order and what the look said of its contact at its place. presence: None: the look did not say.

    recoverable: the vendor keeps a copy that can come back (a soft delete).
    """

    order: str
    state: State
    presence: Presence | None
    recoverable: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """An order that a look moved: done (absent) or to be called again (present although the vendor accepted)."""

    order: str
    before: State
    after: State


def proofs(seen: Iterable[OrderSeen]) -> Sequence[Proof]:
    """What changes by a full look, in the order given. Each order was accepted before the look began, or never.

    Absent proves the removal, unless a copy is kept that can come back: that order stays to be checked. Present sends
    an accepted one back. Unknown, or not said, proves nothing.
    """
    found = []
    for each in seen:
        event = None if each.presence is None else _SEEN.get(each.presence)
        if event is None or (event is Event.SEEN_ABSENT and each.recoverable):
            continue
        after = follow(each.state, event)
        if after is not each.state:
            found.append(Proof(each.order, each.state, after))
    return found
