"""What keeps notifications of cases from being relied on: a closed set; who finds it out is not here."""

from __future__ import annotations

from enum import StrEnum


class WatchLack(StrEnum):
    """The first thing that is wrong with a subscription."""

    NOT_MADE = "not_made"
    NO_ADDRESS = "no_address"
    """Our pages have no address to be told at."""
    NOT_THERE = "not_there"
    """The service does not know it any more, or it is not on the channel of cases."""
    NOT_ANSWERED = "not_answered"
    """The service could not be asked for it."""
    NOT_READ_BACK = "not_read_back"
    """Cases that it told of could not be read at the last try."""
    STOPPED = "stopped"
    """Far more cases would close than usual."""
    NOT_POLLED = "not_polled"
    """Nobody has asked for all cases for long, so what was lost stays lost."""
