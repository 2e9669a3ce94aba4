"""The order's state machine: one table of what follows what; no clock, no store.

```mermaid
stateDiagram-v2
    [*] --> ready: planned
    [*] --> waiting: planned (above the limits)
    waiting --> ready: released
    waiting --> stopped: not now
    waiting --> done: seen absent
    ready --> calling: claimed (lease, fencing number)
    ready --> stopped: not now (hold, need or register changed)
    ready --> done: seen absent
    calling --> calling: claimed (the lease ran out)
    calling --> checking: accepted (removed, trimmed, already gone)
    calling --> ready: changed
    calling --> ready: failed
    calling --> person: unclear
    calling --> person: unsteady (changed too often)
    calling --> ready: paused
    calling --> ready: returned (its lease ran out before its call)
    calling --> stopped: not now
    checking --> ready: seen present
    checking --> done: seen absent
    person --> ready: looked at
    person --> stopped: not now
    person --> done: seen absent
    stopped --> ready: planned
    stopped --> waiting: planned (above the limits)
    stopped --> checking: accepted late
    ready --> checking: accepted late
    waiting --> checking: accepted late
    stopped --> done: seen absent (a call of it is unanswered)
```

Accepted late: an engine that stood still after its last check outlived its lease, another took the order over, and the
first called the store all the same. What it did is a fact, whatever was decided meanwhile: it is looked for and told.

Seen: by a full look. A plan above the limits is the store's to know; the table below has every other move.
"""

from __future__ import annotations

from enum import StrEnum

from mdm_adapters.port import Denied, Garbled, Missing, Outcome, PortError
from server.core.model import State


class Event(StrEnum):
    """What can happen to an order."""

    PLANNED = "planned"
    RELEASED = "released"
    CLAIMED = "claimed"
    NOT_NOW = "not_now"
    ACCEPTED = "accepted"
    CHANGED = "changed"
    UNCLEAR = "unclear"
    UNSTEADY = "unsteady"
    PAUSED = "paused"
    RETURNED = "returned"
    ACCEPTED_LATE = "accepted_late"
    FAILED = "failed"
    SEEN_ABSENT = "seen_absent"
    SEEN_PRESENT = "seen_present"
    LOOKED_AT = "looked_at"


_S = State
_E = Event
NEXT: dict[tuple[State, Event], State] = {
    (_S.WAITING, _E.RELEASED): _S.READY,
    (_S.WAITING, _E.NOT_NOW): _S.STOPPED,
    (_S.WAITING, _E.SEEN_ABSENT): _S.DONE,
    (_S.READY, _E.CLAIMED): _S.CALLING,
    (_S.READY, _E.NOT_NOW): _S.STOPPED,
    (_S.READY, _E.SEEN_ABSENT): _S.DONE,
    (_S.CALLING, _E.CLAIMED): _S.CALLING,
    (_S.CALLING, _E.NOT_NOW): _S.STOPPED,
    (_S.CALLING, _E.ACCEPTED): _S.CHECKING,
    (_S.CALLING, _E.CHANGED): _S.READY,
    (_S.CALLING, _E.FAILED): _S.READY,
    (_S.CALLING, _E.UNCLEAR): _S.PERSON,
    (_S.CALLING, _E.UNSTEADY): _S.PERSON,
    (_S.CALLING, _E.PAUSED): _S.READY,
    (_S.CALLING, _E.RETURNED): _S.READY,
    (_S.CHECKING, _E.SEEN_ABSENT): _S.DONE,
    (_S.CHECKING, _E.SEEN_PRESENT): _S.READY,
    (_S.PERSON, _E.LOOKED_AT): _S.READY,
    (_S.PERSON, _E.NOT_NOW): _S.STOPPED,
    (_S.PERSON, _E.SEEN_ABSENT): _S.DONE,
    (_S.STOPPED, _E.PLANNED): _S.READY,
    (_S.STOPPED, _E.ACCEPTED_LATE): _S.CHECKING,
    (_S.READY, _E.ACCEPTED_LATE): _S.CHECKING,
    (_S.WAITING, _E.ACCEPTED_LATE): _S.CHECKING,
    (_S.STOPPED, _E.SEEN_ABSENT): _S.DONE,
}
"""Every move there is. What is not here leaves the order where it stands: repeats and late news change nothing."""

EVENT_OF_OUTCOME: dict[Outcome, Event] = {
    Outcome.REMOVED: Event.ACCEPTED,
    Outcome.TRIMMED: Event.ACCEPTED,
    Outcome.ALREADY_GONE: Event.ACCEPTED,
    Outcome.CHANGED: Event.CHANGED,
    Outcome.UNCLEAR: Event.UNCLEAR,
}

MOST_CHANGES = 5
"""Calls in a row that met another entry than was read before: then a person looks why, and nothing goes on for ever."""

_LEAST_WAIT_SECONDS = 1.0
_FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 6 * 3600.0
"""No order waits longer for its next call, whatever its vendor asks for and whatever a clock said."""
_PERSON_WAIT_SECONDS = 3600.0


def follow(state: State, event: Event) -> State:
    """The state after the event; the same state if the table knows no such move."""
    return NEXT.get((state, event), state)


def count_change(event: Event, changes: int) -> tuple[Event, int]:
    """What one more call of an order comes to whose entries were others `changes` times in a row, and how often now."""
    if event is Event.CHANGED:
        return (Event.CHANGED, changes + 1) if changes + 1 < MOST_CHANGES else (Event.UNSTEADY, 0)
    return event, 0 if event in (Event.ACCEPTED, Event.UNCLEAR) else changes


def wait_seconds(error: PortError, attempts: int) -> float:
    """How long until an order of which `attempts` calls failed is tried again: at most `LONGEST_WAIT_SECONDS`.

    The vendor's own wait wins, but for "at once", which would be asked again without end; what a person must mend is
    tried every hour, so that mending needs no second step; everything else doubles from 30 s to 6 h.
    """
    if error.wait is not None:
        return min(max(error.wait, _LEAST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
    if isinstance(error, Denied | Missing | Garbled):
        return _PERSON_WAIT_SECONDS
    return min(_FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT_SECONDS)
