"""What a full look proves of an order: absent only where no copy can come back, and never by what it did not see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest

from mdm_adapters.port import Outcome
from server.core.model import Presence, State
from server.core.removal.order_state import EVENT_OF_OUTCOME, follow
from server.core.removal.proof import OrderSeen, Proof, proofs

S, P = State, Presence
MOVES = {
    (S.READY, P.ABSENT, False): S.DONE,
    (S.WAITING, P.ABSENT, False): S.DONE,
    (S.CHECKING, P.ABSENT, False): S.DONE,
    (S.PERSON, P.ABSENT, False): S.DONE,
    (S.STOPPED, P.ABSENT, False): S.DONE,
    (S.CHECKING, P.PRESENT, False): S.READY,
    (S.CHECKING, P.PRESENT, True): S.READY,
}
"""Every move that a look makes; all others leave the order where it stands."""


@pytest.mark.parametrize("recoverable", [False, True])
@pytest.mark.parametrize("presence", [*Presence, None])
@pytest.mark.parametrize("state", State)
def test_a_look_moves_an_order_as_the_table_says(state: State, presence: Presence | None, recoverable: bool) -> None:
    after = MOVES.get((state, presence, recoverable)) if presence is not None else None
    expected = [] if after is None else [Proof("order-1", state, after)]
    assert proofs([OrderSeen("order-1", state, presence, recoverable)]) == expected


def test_nothing_but_a_look_at_an_absent_contact_settles_an_order() -> None:
    """Whatever the vendor answers: accepted is never removed."""
    answers: Sequence[State] = [follow(S.CALLING, EVENT_OF_OUTCOME[outcome]) for outcome in Outcome]
    assert S.DONE not in answers
    settled = {
        (presence, recoverable)
        for state, presence, recoverable in product(State, [*Presence, None], [False, True])
        for proof in proofs([OrderSeen("order-1", state, presence, recoverable)])
        if proof.after is S.DONE
    }
    assert settled == {(P.ABSENT, False)}


def test_orders_come_back_in_their_order_and_only_those_that_moved() -> None:
    seen = [
        OrderSeen("a", S.CHECKING, P.PRESENT, recoverable=False),
        OrderSeen("b", S.CHECKING, P.UNKNOWN, recoverable=False),
        OrderSeen("c", S.CHECKING, P.ABSENT, recoverable=True),
        OrderSeen("d", S.CHECKING, P.ABSENT, recoverable=False),
    ]
    assert proofs(iter(seen)) == [Proof("a", S.CHECKING, S.READY), Proof("d", S.CHECKING, S.DONE)]
