"""What can be asked of a phone at its manager, and how far that has come; nothing is asked here."""

from __future__ import annotations

from enum import StrEnum


class Asked(StrEnum):
    """What can be asked of a phone."""

    SYNC = "sync"
    POSTURE = "posture"
    PULL = "pull"
    PUSH = "push"


class AskStanding(StrEnum):
    """How far something asked has come. `due`: not asked yet, or its fate is not known and it is asked again."""

    DUE = "due"
    ACCEPTED = "accepted"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    LAPSED = "lapsed"
    """No answer came within the time that is worth waiting for."""
    SUPERSEDED = "superseded"
    """Asked before something that was asked again later."""


def is_shown(what: Asked, state: AskStanding) -> bool:
    """Whether an ask may be seen, in pages and in the log.

    Not before it was asked; and one that takes an account off not before it has ended, so that a phone under a hold,
    which is not asked, looks like one that has not been in touch.
    """
    ended = state in (AskStanding.DONE, AskStanding.FAILED, AskStanding.LAPSED)
    return ended if what is Asked.PULL else state is not AskStanding.DUE
