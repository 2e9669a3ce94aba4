"""Counts of an order's cards: each kind by itself, added up over calls, shared cards once in a sum."""

from __future__ import annotations

import pytest

from mdm_adapters.port import Fault, Outcome, Receipt, Unreachable
from server.core.removal.cards import Cards, add_call, count_cards
from server.core.reports.cards import say_sum

FAILED = Receipt(None, Unreachable(Fault.TIMED_OUT))


def counted(*receipts: Receipt | Outcome, shared: bool = False) -> Cards:
    return count_cards((each if isinstance(each, Receipt) else Receipt(each), shared) for each in receipts)


def test_each_kind_of_receipt_is_counted_by_itself():
    every = [Outcome.REMOVED] * 3 + [Outcome.TRIMMED, Outcome.ALREADY_GONE, Outcome.CHANGED, Outcome.UNCLEAR, FAILED]
    assert counted(*every) == Cards(removed=3, trimmed=1, gone=1, changed=1, unclear=1, failed=1)
    assert counted() == Cards()
    assert counted(Outcome.REMOVED) == Cards(removed=1)


def test_a_card_that_is_counted_with_another_order_is_marked_so_if_something_was_done_to_it():
    assert counted(Outcome.REMOVED, Outcome.TRIMMED, Outcome.UNCLEAR, shared=True) == Cards(
        removed=1, trimmed=1, unclear=1, removed_shared=1, trimmed_shared=1
    )


@pytest.mark.parametrize(
    ("before", "newest", "after"),
    [
        (Cards(removed=2, failed=1), Cards(removed=1, gone=2), Cards(removed=3)),
        (Cards(removed=2, failed=1), Cards(removed=1), Cards(removed=3)),
        (Cards(gone=1, changed=1), Cards(gone=1, trimmed=1), Cards(gone=1, trimmed=1)),
        (Cards(trimmed=1, unclear=2), Cards(gone=1, unclear=1), Cards(trimmed=1, unclear=1)),
        (Cards(removed=1), Cards(gone=3), Cards(removed=1, gone=2)),
    ],
)
def test_what_went_adds_up_and_what_a_repeat_finds_gone_is_not_counted_twice(before, newest, after):
    assert add_call(before, newest) == after


def test_a_sum_over_orders_counts_a_card_of_two_contacts_once():
    text = say_sum([Cards(removed=2, trimmed=1), Cards(removed=1, removed_shared=1), None])
    assert dict(text.params) == {"removed": 2, "trimmed": 1}
