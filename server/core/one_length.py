"""Texts that are as long with nothing in them as with much: by its size what lies sealed tells nothing of itself."""

from __future__ import annotations

PADDED_TO = 32 * 1024
"""Bytes. Such a text is as long as a multiple of it: some 25 holds with long reasons, a hundred with short ones."""
_SPARE = 100


def fits(text: str) -> bool:
    """Whether a text fits into the shortest of these lengths."""
    return len(text.encode()) <= PADDED_TO - _SPARE


def padded(text: str) -> str:
    """The text with blanks after it, up to the next of these lengths."""
    return text + " " * (-len(text.encode()) % PADDED_TO)
