"""Holds as they are written down, in one list of one length, and how two people end one; no keys, no database here.

By what lies at rest nobody can tell whether there is a hold, on whom, or how many: an empty list is as long as a full
one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from server.core.one_length import fits, padded

WORD_LASTS = timedelta(days=3)
"""How long the first person's word that a hold may end waits for a second."""


class Requester(StrEnum):
    """Who asked that nothing be removed."""

    POLICE = "police"
    INTEGRITY_OFFICE = "integrity_office"
    MANAGEMENT = "management"
    OWN = "own"
    """Whoever set it, of their own accord."""


@dataclass(frozen=True, slots=True)
class EndingWord:
    """One person said that a hold may end. by: who, opaque."""

    by: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing that it covers is removed. worker, case: our numbers; with neither it covers everything.

    worker_ref, case_number, system: as people call them, as they were when it was set. requester: for whom
    (`Requester`). review_on: when those cleared look at it again. set_by: who, opaque; "" where an earlier version of
    the tables did not say. known_to: who of those cleared has seen it. words: who said that it may end.
    """

    uid: str
    set_at: datetime
    worker: int | None = None
    case: int | None = None
    worker_ref: str | None = None
    case_number: str | None = None
    system: str | None = None
    reason: str = field(default="", repr=False)
    requester: str = ""
    review_on: date | None = None
    set_by: str = ""
    set_role: str = ""
    known_to: tuple[str, ...] = ()
    words: tuple[EndingWord, ...] = ()
    ended_at: datetime | None = None

    @property
    def everything(self) -> bool:
        """Whether it covers all there is."""
        return self.worker is None and self.case is None

    @property
    def in_force(self) -> bool:
        """Whether it still covers anything."""
        return self.ended_at is None


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold, opened for those cleared. worker and case None: it covers everything. system: the case's.

    late: calls of what it covers that had been overtaken, took something away, and were told of while it held. said_at:
    when somebody said that it may end, if that still counts; said_here: it was who asks.
    """

    uid: str
    worker: str | None
    case: str | None
    reason: str = field(repr=False)
    set_at: datetime
    released_at: datetime | None
    late: int = 0
    system: str | None = None
    requester: Requester | None = None
    review_on: date | None = None
    said_at: datetime | None = None
    said_here: bool = False
    is_new: bool = False
    """Whoever asks sees it for the first time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the holds in force cover. unreadable: the list could not be opened, so everything is held."""

    workers: frozenset[int] = frozenset()
    cases: frozenset[int] = frozenset()
    everything: bool = False
    unreadable: bool = False

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return self.everything or bool(self.workers or self.cases)

    def covers(self, worker: int, cases: Iterable[int]) -> bool:
        """Whether a contact with that worker, of these cases, is held."""
        if self.everything or worker in self.workers:
            return True
        return bool(self.cases) and any(each in self.cases for each in cases)


UNREADABLE = Standing(everything=True, unreadable=True)
"""A hold beats a removal: what cannot be read covers everything."""


def standing_of(holds: Iterable[Hold]) -> Standing:
    """What these cover together."""
    running = [each for each in holds if each.in_force]
    return Standing(
        frozenset(each.worker for each in running if each.worker is not None),
        frozenset(each.case for each in running if each.case is not None),
        any(each.everything for each in running),
    )


def begun_anew(uid: str, now: datetime) -> Hold:
    """What stands in place of a list that cannot be opened: a hold on everything, that two people end as any other."""
    return Hold(uid, now, set_role="closeout")


class Ending(StrEnum):
    """What one person's word came to."""

    SAID = "said"
    """It waits for a second person."""
    ENDED = "ended"
    AGAIN = "again"
    """The same person said so already."""
    UNKNOWN = "unknown"
    """There is no such hold in force."""


def end_by_two(holds: Sequence[Hold], uid: str, word: EndingWord) -> tuple[Sequence[Hold], Ending]:
    """The holds after one person's word that one of them may end: with the second person's, it does."""
    found = next((each for each in holds if each.uid == uid and each.in_force), None)
    if found is None:
        return holds, Ending.UNKNOWN
    words = tuple(each for each in found.words if each.at > word.at - WORD_LASTS)
    if any(each.by == word.by for each in words):
        return holds, Ending.AGAIN
    ended = bool(words)
    after = replace(found, words=(*words, word), ended_at=word.at if ended else None)
    return _put(holds, after), Ending.ENDED if ended else Ending.SAID


def seen_by(holds: Sequence[Hold], who: str, hidden_from: int | None = None) -> Sequence[Hold]:
    """The holds, each known to that person from now on, but those on the worker they are."""
    return [
        each
        if who in each.known_to or not each.in_force or (hidden_from is not None and each.worker == hidden_from)
        else replace(each, known_to=(*each.known_to, who))
        for each in holds
    ]


def review_later(holds: Sequence[Hold], uid: str, on: date) -> Sequence[Hold] | None:
    """The holds, one of them to be looked at again on another day; None: there is no such hold in force."""
    found = next((each for each in holds if each.uid == uid and each.in_force), None)
    return None if found is None else _put(holds, replace(found, review_on=on))


def _put(holds: Sequence[Hold], after: Hold) -> Sequence[Hold]:
    return [after if each.uid == after.uid else each for each in holds]


@dataclass(frozen=True, slots=True)
class HoldsWaiting:
    """What of holds waits for somebody cleared: such that they have not seen, that are due for review, that wait for
    their word, and whether everything is held.
    """

    new: int = 0
    review: int = 0
    second: int = 0
    everything: bool = False

    @property
    def any(self) -> bool:
        """Whether anything waits."""
        return bool(self.new or self.review or self.second or self.everything)


def calls_for(holds: Iterable[Hold], who: str, now: datetime, today: date) -> HoldsWaiting:
    """What waits for that person."""
    running = [each for each in holds if each.in_force]
    waiting = ([word for word in each.words if word.at > now - WORD_LASTS] for each in running)
    return HoldsWaiting(
        new=sum(who not in each.known_to for each in running),
        review=sum(each.review_on is not None and each.review_on <= today for each in running),
        second=sum(bool(words) and all(word.by != who for word in words) for words in waiting),
        everything=any(each.everything for each in running),
    )


# --- as it is written ---------------------------------------------------------------------------------------------


def encode(holds: Sequence[Hold]) -> str:
    """The list as it is sealed. Where it does not fit, holds that ended long ago leave it, the oldest first."""
    kept = list(holds)
    while True:
        text = json.dumps([_row(each) for each in kept], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        oldest = next((n for n, each in enumerate(kept) if not each.in_force), None)
        if fits(text) or oldest is None:
            return padded(text)
        del kept[oldest]


def decode(text: str) -> Sequence[Hold]:
    """The inverse of `encode`; ValueError for what is no such list."""
    rows = json.loads(text)
    if isinstance(rows, dict):
        rows = [rows]  # no hold either
    try:
        return [_hold(each) for each in rows]
    except (TypeError, KeyError, AttributeError) as fault:
        raise ValueError("no list of holds") from fault


def _row(hold: Hold) -> dict[str, object]:
    return {
        "uid": hold.uid,
        "set_at": _spelt(hold.set_at),
        "worker": hold.worker,
        "case": hold.case,
        "worker_ref": hold.worker_ref,
        "case_number": hold.case_number,
        "system": hold.system,
        "reason": hold.reason,
        "requester": hold.requester,
        "review_on": None if hold.review_on is None else hold.review_on.isoformat(),
        "set_by": hold.set_by,
        "set_role": hold.set_role,
        "known_to": list(hold.known_to),
        "words": [[each.by, each.role, _spelt(each.at)] for each in hold.words],
        "ended_at": None if hold.ended_at is None else _spelt(hold.ended_at),
    }


def _hold(row: dict[str, object]) -> Hold:
    given = dict(row)
    known, words, review, ended = (given.pop(name) for name in ("known_to", "words", "review_on", "ended_at"))
    read = Hold(**{**given, "set_at": datetime.fromisoformat(str(given["set_at"]))})  # type: ignore[arg-type]
    if not isinstance(known, list) or not isinstance(words, list):
        raise TypeError
    if not all(isinstance(each, int | None) for each in (read.worker, read.case)):
        raise TypeError
    return replace(
        read,
        known_to=tuple(str(each) for each in known),
        words=tuple(EndingWord(str(by), str(role), datetime.fromisoformat(str(at))) for by, role, at in words),
        review_on=None if review is None else date.fromisoformat(str(review)),
        ended_at=None if ended is None else datetime.fromisoformat(str(ended)),
    )


def _spelt(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
