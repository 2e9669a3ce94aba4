"""What everybody is told of contacts that stay: what is postponed is counted for nobody, since what is held stays in
such a count; what may stay is counted in tens, for else its steps tell how much has just begun to wait (decision 0075).
"""

from __future__ import annotations

from server.core.text import Text, phrase

TENS = 10
NOT_COUNTED = phrase(
    "The policy has several grounds to postpone a removal. What is postponed is neither listed nor counted, for no "
    "reader, so that this says nothing about a person."
)


def down_to_tens(count: int) -> int:
    """A count as it may be told: rounded down to tens."""
    return count // TENS * TENS


def coarsely(count: int) -> Text:
    """The same in words."""
    if count < TENS:
        return phrase("fewer than ten")
    return phrase("{count} or a few more", count=down_to_tens(count))
