"""The counts of an order's cards as tables and sentences; nothing is counted here."""

from __future__ import annotations

from collections.abc import Iterable

from server.core.removal.cards import Cards
from server.core.tables import Column, Kind
from server.core.text import Text, phrase

CARDS_REMOVED = Column("cards_removed", phrase("Cards removed"), Kind.COUNT, phrase("Not counted"))
CARDS_TRIMMED = Column("cards_trimmed", phrase("Cards partly removed"), Kind.COUNT, phrase("Not counted"))


def cells_of(cards: Cards | None) -> tuple[int | None, int | None]:
    """Cards removed and cut down as a table shows them; None: carried out before cards were counted, or not called."""
    return (None, None) if cards is None else (cards.removed, cards.trimmed)


def say_cards(cards: Cards) -> Text:
    """Every count of an order's cards, in a sentence."""
    return phrase(
        "Of its cards: {removed} removed, {trimmed} partly removed, {gone} already gone, {changed} "
        "changed meanwhile, {unclear} need a decision, {failed} failed.",
        removed=cards.removed,
        trimmed=cards.trimmed,
        gone=cards.gone,
        changed=cards.changed,
        unclear=cards.unclear,
        failed=cards.failed,
    )


def say_sum(all_cards: Iterable[Cards | None]) -> Text:
    """The cards of many orders, each counted once."""
    counted = [each for each in all_cards if each is not None]
    return phrase(
        "Cards removed: {removed}. Cards partly removed, with what is private left: {trimmed}. A card "
        "that holds several contacts is counted once here, and with each of them in the lines.",
        removed=sum(each.removed - each.removed_shared for each in counted),
        trimmed=sum(each.trimmed - each.trimmed_shared for each in counted),
    )
