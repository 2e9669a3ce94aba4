"""Real parts that tests and the demo start themselves: CardDAV servers, PostgreSQL, a phone; no pytest here."""

from __future__ import annotations


class PartMissingError(Exception):
    """A part cannot be had on this machine; `str()` says which and why, in words for whoever runs the tests."""
