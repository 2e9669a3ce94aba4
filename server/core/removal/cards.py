"""How many cards one order was about, by what became of each: counts alone, added up over its calls; no card, no store.

A contact may stand in many cards of one book, and its order has one outcome, the worst. What went is counted in cards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mdm_adapters.port import Outcome, Receipt


class Cards(NamedTuple):
    """Cards of one order. removed and trimmed add up over its calls; the others tell of the newest call alone.

    removed_shared, trimmed_shared: how many of those hold another contact too and are counted with its order already,
    so that a sum over orders counts each card once.
    """

    removed: int = 0
    trimmed: int = 0
    gone: int = 0
    changed: int = 0
    unclear: int = 0
    failed: int = 0
    removed_shared: int = 0
    trimmed_shared: int = 0

    @property
    def touched(self) -> int:
        """Cards that are no longer as they were, by our doing."""
        return self.removed + self.trimmed


_FIELD = {
    Outcome.REMOVED: "removed",
    Outcome.TRIMMED: "trimmed",
    Outcome.ALREADY_GONE: "gone",
    Outcome.CHANGED: "changed",
    Outcome.UNCLEAR: "unclear",
    None: "failed",
}
_ONE_REMOVED = Cards(removed=1)


def count_cards(receipts: Iterable[tuple[Receipt, bool]]) -> Cards:
    """The cards of one order by its newest call. With each receipt whether its card is counted with another order."""
    found = list(receipts)
    if len(found) == 1 and found[0][0].outcome is Outcome.REMOVED and not found[0][1]:
        return _ONE_REMOVED  # as most orders are
    counts = dict.fromkeys(Cards._fields, 0)
    for receipt, shared in found:
        name = _FIELD[receipt.outcome]
        counts[name] += 1
        if shared and name in ("removed", "trimmed"):
            counts[f"{name}_shared"] += 1
    return Cards(**counts)


def add_call(before: Cards, newest: Cards) -> Cards:
    """The cards of an order after one more call.

    A repeat finds gone what an earlier call of ours took away: that is told as removed, and not a second time.
    """
    return Cards(
        removed=before.removed + newest.removed,
        trimmed=before.trimmed + newest.trimmed,
        gone=max(0, newest.gone - before.touched),
        changed=newest.changed,
        unclear=newest.unclear,
        failed=newest.failed,
        removed_shared=before.removed_shared + newest.removed_shared,
        trimmed_shared=before.trimmed_shared + newest.trimmed_shared,
    )
