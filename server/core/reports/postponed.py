"""How many contacts are postponed, in the words that everybody may have: in tens, for the whole organisation, of no day
but today. What is held is among them (decision 0069).
"""

from __future__ import annotations

from server.core.text import Text, phrase

TENS = 10


def coarsely(count: int) -> Text:
    """A count as it may be told: below ten all alike, above it rounded down to tens."""
    if count < TENS:
        return phrase("fewer than ten")
    return phrase("{count} or a few more", count=count // TENS * TENS)


def say_postponed(count: int) -> Text:
    """The same in a sentence."""
    return phrase("Contacts that are postponed: {count}. They are counted in tens.", count=coarsely(count))
