"""What is kept of clients who asked whether their number is gone, as it is written in one list; no keys, no database.

Kept is that somebody was answered, when and by whom, how it was made sure who they are, and by which channel. Not
kept: the number, whose it is, and what the answer was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from server.core.one_length import padded
from server.core.reports.client_answer import IdentityCheck, SafeChannel

KEPT = timedelta(days=366)
"""How long it is kept that somebody asked: what is older leaves the list with the next question."""
ASKS_A_DAY = 10
"""Questions that one account may answer on one day: a desk has a few a week."""


@dataclass(frozen=True, slots=True)
class ClientQuestion:
    """One question. uid: also the reference in its letter. by: the account, opaque."""

    uid: str
    by: str
    role: str
    at: datetime
    check: IdentityCheck
    channel: SafeChannel


@dataclass(frozen=True, slots=True)
class ClientQuestions:
    """All that are kept, oldest first."""

    asked: tuple[ClientQuestion, ...] = ()

    def add(self, made: ClientQuestion) -> ClientQuestions:
        """The same with this one, and without those that are kept no more."""
        kept = (each for each in self.asked if made.at - each.at <= KEPT)
        return replace(self, asked=(*kept, made))

    def by_on(self, who: str, day: Callable[[datetime], bool]) -> int:
        """How many one account answered at instants of a day."""
        return sum(each.by == who and day(each.at) for each in self.asked)


def encode(questions: ClientQuestions) -> str:
    """The list as it is sealed."""
    rows = [
        [each.uid, each.by, each.role, each.at.astimezone(UTC).isoformat(), each.check.value, each.channel.value]
        for each in questions.asked
    ]
    return padded(json.dumps(rows, separators=(",", ":")))


def decode(text: str) -> ClientQuestions:
    """The inverse of `encode`; ValueError for what is no such list."""
    try:
        return ClientQuestions(
            tuple(
                ClientQuestion(
                    str(uid), str(by), str(role), datetime.fromisoformat(at), IdentityCheck(check), SafeChannel(channel)
                )
                for uid, by, role, at, check, channel in json.loads(text)
            )
        )
    except TypeError as fault:
        raise ValueError("no list of questions") from fault
