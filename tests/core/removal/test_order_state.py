"""The order's state machine: the diagram in its docstring and its table are one, and nothing leaves done."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdm_adapters.port import Denied, Fault, Garbled, Missing, Outcome, PortError, Unreachable
from server.core.model import SETTLED, State
from server.core.removal import order_state
from server.core.removal.order_state import (
    EVENT_OF_OUTCOME,
    MOST_CHANGES,
    NEXT,
    Event,
    count_change,
    follow,
    wait_seconds,
)

_ARROW = re.compile(r"^ +(\S+) --> (\w+): ([a-z ]+?)(?: \((.+)\))?$", re.MULTILINE)
ABOVE_THE_LIMITS = "above the limits"


def drawn() -> dict[tuple[str, Event], State]:
    """The arrows of the diagram: (state, event) -> state; those that only the store can know are left out."""
    arrows = {}
    for before, after, event, note in _ARROW.findall(order_state.__doc__ or ""):
        if note != ABOVE_THE_LIMITS:
            key = (before, Event(event.replace(" ", "_")))
            assert key not in arrows, f"two arrows for {key}"
            arrows[key] = State(after)
    return arrows


DRAWN = drawn()


def test_the_diagram_can_be_read_to_its_last_arrow():
    assert len(_ARROW.findall(order_state.__doc__ or "")) == (order_state.__doc__ or "").count("-->")


def test_the_table_holds_the_arrows_of_the_diagram_and_no_other():
    begins = {("[*]", Event.PLANNED): State.READY}
    assert {**begins, **NEXT} == DRAWN


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_an_order_moves_as_the_diagram_says_or_stays(state, event):
    assert follow(state, event) is DRAWN.get((state, event), state)


@pytest.mark.parametrize("event", Event)
def test_nothing_leaves_done(event):
    assert frozenset({State.DONE}) == SETTLED
    assert follow(State.DONE, event) is State.DONE


def test_only_seeing_it_absent_makes_an_order_done():
    assert {event for (before, event), after in NEXT.items() if after is State.DONE} == {Event.SEEN_ABSENT}


def test_an_order_under_a_lease_is_not_settled_by_a_look():
    assert follow(State.CALLING, Event.SEEN_ABSENT) is State.CALLING


@given(events=st.lists(st.sampled_from(Event), max_size=30))
def test_whatever_happens_in_whatever_order_done_is_reached_by_a_proof_and_kept(events):
    state, proven = State.READY, False
    for event in events:
        after = follow(state, event)
        if after is State.DONE and state is not State.DONE:
            assert event is Event.SEEN_ABSENT
            proven = True
        assert (after is State.DONE) == proven
        state = after


def test_every_state_can_be_reached_and_every_event_moves_something():
    assert set(DRAWN.values()) | {State.WAITING} == set(State)
    assert {event for _, event in DRAWN} == set(Event)


def test_every_outcome_is_an_event_and_none_of_them_is_proof():
    assert EVENT_OF_OUTCOME == {
        Outcome.REMOVED: Event.ACCEPTED,
        Outcome.TRIMMED: Event.ACCEPTED,
        Outcome.ALREADY_GONE: Event.ACCEPTED,
        Outcome.CHANGED: Event.CHANGED,
        Outcome.UNCLEAR: Event.UNCLEAR,
    }
    assert set(EVENT_OF_OUTCOME) == set(Outcome)


HOUR = 3600.0


@pytest.mark.parametrize(
    ("error", "attempts", "seconds"),
    [
        (Unreachable(Fault.TIMED_OUT), 1, 30.0),
        (Unreachable(Fault.TIMED_OUT), 2, 60.0),
        (Unreachable(Fault.TIMED_OUT), 3, 120.0),
        (Unreachable(Fault.DROPPED), 10, 30.0 * 2**9),
        (Unreachable(Fault.DROPPED), 11, 6 * HOUR),
        (Unreachable(Fault.DROPPED), 10_000, 6 * HOUR),
        (PortError(Fault.NO_CONNECTION), 1, 30.0),
        (Denied(Fault.WRONG_CREDENTIALS), 1, HOUR),
        (Denied(Fault.WRONG_CREDENTIALS), 50, HOUR),
        (Missing(Fault.PLACE_GONE), 7, HOUR),
        (Garbled(Fault.BAD_BODY), 7, HOUR),
        (Unreachable(Fault.THROTTLED, status=429, wait=17.0), 9, 17.0),
        (Denied(Fault.FORBIDDEN, wait=5.0), 1, 5.0),
        (Unreachable(Fault.THROTTLED, status=429, wait=0.0), 1, 1.0),
    ],
)
def test_how_long_a_failed_order_waits(error, attempts, seconds):
    assert wait_seconds(error, attempts) == seconds


def test_what_changes_again_and_again_is_asked_about_and_counted_anew_from_there():
    met, events = 0, []
    for _ in range(MOST_CHANGES + 1):
        event, met = count_change(Event.CHANGED, met)
        events.append(event)
    assert events == [*[Event.CHANGED] * (MOST_CHANGES - 1), Event.UNSTEADY, Event.CHANGED]
    assert follow(State.CALLING, Event.UNSTEADY) is State.PERSON


@pytest.mark.parametrize("event", sorted(set(Event) - {Event.CHANGED}))
def test_only_an_answer_of_the_store_ends_the_count_of_changes(event):
    assert count_change(event, 3) == (event, 0 if event in (Event.ACCEPTED, Event.UNCLEAR) else 3)
