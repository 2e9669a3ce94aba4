"""Mandates of inquiries and what was asked under them, as they are written in one list; no keys, no database here.

A mandate is about one worker, perhaps about one of their phones. Two people put it in force, each question under it
is asked by one of them and approved by the other, and these two alone read anything of it. Of numbers that were asked
about nothing is kept but how many there were, and a keyed hash by which the same list is known again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from server.core.one_length import fits, padded

WAITS = timedelta(days=3)
"""How long a mandate or a question waits for the second person."""
OPEN_FOR = timedelta(days=1)
"""How long after it was approved a question may be answered."""
ASKS_A_DAY = 5
"""Questions under one mandate that one day allows."""
ANSWERS_A_DAY = 20
"""Answers that one person may have on one day, whatever the mandate."""
MOST_LINES = 10_000
LONGEST = timedelta(days=366)
"""From recording to the last day of a mandate; a longer inquiry needs a new one."""


class LedgerQuestion(StrEnum):
    """What is asked."""

    NUMBERS = "numbers"
    """Whose the numbers and addresses of a list are."""
    BOOKS = "books"
    """Which former clients' contacts were in the address books of the worker of the mandate."""


class MandateStanding(StrEnum):
    """How it stands with a mandate."""

    WAITING = "mandate_waiting"
    RAN_OUT = "mandate_ran_out"
    REFUSED = "mandate_refused"
    """Or taken back by who recorded it."""
    IN_FORCE = "mandate_in_force"
    ENDED = "mandate_ended"
    """By a person, or with its last day."""


class LedgerStanding(StrEnum):
    """How it stands with a question."""

    WAITING = "ask_waiting"
    RAN_OUT = "ask_ran_out"
    REFUSED = "ask_refused"
    OPEN = "ask_open"
    OVER = "ask_over"


@dataclass(frozen=True, slots=True)
class SaidBy:
    """Who did something, and when. by: the account, opaque."""

    by: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Mandate:
    """What an inquiry may ask. worker, device: our numbers; device None: all of the worker's address books.

    worker_ref, device_ref: as people call them, as they were then. requester: who wants the inquiry (`Requester`).
    first, last: the days it is about. ends_on: its own last day. second: who is asked to put it in force.
    """

    uid: str
    recorded: SaidBy
    second: str
    requester: str
    worker: int
    worker_ref: str
    first: date
    last: date
    ends_on: date
    task: str = field(default="", repr=False)
    device: int | None = None
    device_ref: str | None = None
    decided: SaidBy | None = None
    granted: bool = False
    ended: SaidBy | None = None

    def is_read_by(self, who: str) -> bool:
        """Whether that account is one of the two."""
        return who in (self.recorded.by, self.second)

    def standing(self, now: datetime, today: date) -> MandateStanding:
        """How it stands with it now."""
        if self.decided is None:
            gone = now >= self.recorded.at + WAITS or today > self.ends_on
            return MandateStanding.RAN_OUT if gone else MandateStanding.WAITING
        if not self.granted:
            return MandateStanding.REFUSED
        over = self.ended is not None or today > self.ends_on
        return MandateStanding.ENDED if over else MandateStanding.IN_FORCE


@dataclass(frozen=True, slots=True)
class LedgerAsk:
    """One question under a mandate. lines, mark: of a list, how many lines it has, and a keyed hash of what they hold.

    answers: who had the answer, and when.
    """

    uid: str
    mandate: str
    question: LedgerQuestion
    asked: SaidBy
    reason: str = field(default="", repr=False)
    lines: int = 0
    mark: str = field(default="", repr=False)
    decided: SaidBy | None = None
    granted: bool = False
    answers: tuple[SaidBy, ...] = ()

    def standing(self, now: datetime) -> LedgerStanding:
        """How it stands with it now, as far as its mandate lets it."""
        if self.decided is None:
            return LedgerStanding.WAITING if now < self.asked.at + WAITS else LedgerStanding.RAN_OUT
        if not self.granted:
            return LedgerStanding.REFUSED
        return LedgerStanding.OPEN if now < self.decided.at + OPEN_FOR else LedgerStanding.OVER


@dataclass(frozen=True, slots=True)
class Inquiries:
    """All mandates and questions, oldest first, as far back as the list goes."""

    mandates: tuple[Mandate, ...] = ()
    asks: tuple[LedgerAsk, ...] = ()

    def mandate(self, uid: str) -> Mandate | None:
        """The mandate of that id."""
        return next((each for each in self.mandates if each.uid == uid), None)

    def ask(self, uid: str) -> LedgerAsk | None:
        """The question of that id."""
        return next((each for each in self.asks if each.uid == uid), None)

    def asks_of(self, mandate: str) -> Sequence[LedgerAsk]:
        """The questions under a mandate, newest first."""
        return [each for each in reversed(self.asks) if each.mandate == mandate]

    def put(self, made: Mandate | LedgerAsk) -> Inquiries:
        """The same with this one added, or in the place of the one of its id."""
        if isinstance(made, Mandate):
            return replace(self, mandates=_put(self.mandates, made))
        return replace(self, asks=_put(self.asks, made))


def asked_on(inquiries: Inquiries, mandate: str, day: Callable[[datetime], bool]) -> int:
    """How many questions were asked under a mandate at instants of a day."""
    return sum(each.mandate == mandate and day(each.asked.at) for each in inquiries.asks)


def answered_on(inquiries: Inquiries, who: str, day: Callable[[datetime], bool]) -> int:
    """How many answers one person had at instants of a day."""
    return sum(had.by == who and day(had.at) for each in inquiries.asks for had in each.answers)


@dataclass(frozen=True, slots=True)
class TakesPart:
    """Whoever wants to take part in an inquiry. account: opaque. worker: our number of the worker they are, if known.

    leads: of whose team they are the line, by our numbers of workers; None: they lead people, and nobody knows whom.
    """

    account: str
    worker: int | None = None
    leads: frozenset[int] | None = frozenset()


def is_apart(mandate: Mandate | int, who: TakesPart) -> bool:
    """Whether somebody is to be kept from an inquiry about a worker: the subject, or their line."""
    subject = mandate if isinstance(mandate, int) else mandate.worker
    return who.worker == subject or who.leads is None or subject in who.leads


# --- as it is written ---------------------------------------------------------------------------------------------


def encode(inquiries: Inquiries) -> str:
    """The list as it is sealed. Where it does not fit, mandates that are decided on or over leave it, oldest first,
    with their questions; none that is in force does.
    """
    kept = inquiries
    while True:
        told = {"mandates": [_row(each) for each in kept.mandates], "asks": [_row(each) for each in kept.asks]}
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        oldest = next((each for each in kept.mandates if _is_done(each, kept)), None)
        if fits(text) or oldest is None:
            return padded(text)
        kept = Inquiries(
            tuple(each for each in kept.mandates if each is not oldest),
            tuple(each for each in kept.asks if each.mandate != oldest.uid),
        )


def _is_done(mandate: Mandate, all_there_are: Inquiries) -> bool:
    """By what is written alone: ended or refused, or recorded before the newest by longer than any lasts."""
    newest = max(each.recorded.at for each in all_there_are.mandates)
    over = mandate.ended is not None or (mandate.decided is not None and not mandate.granted)
    return over or newest - mandate.recorded.at > LONGEST


def decode(text: str) -> Inquiries:
    """The inverse of `encode`; ValueError for what is no such list."""
    told = json.loads(text)
    try:
        mandates = tuple(_read(Mandate, row) for row in told["mandates"])
        asks = tuple(_read(LedgerAsk, row) for row in told["asks"])
    except (TypeError, KeyError, AttributeError) as fault:
        raise ValueError("no list of inquiries") from fault
    return Inquiries(mandates, asks)


def _row(made: Mandate | LedgerAsk) -> dict[str, Any]:
    return {each.name: _plain(getattr(made, each.name)) for each in fields(made)}


def _plain(value: Any) -> Any:
    match value:
        case SaidBy():
            return [value.by, value.role, value.at.astimezone(UTC).isoformat()]
        case tuple():
            return [_plain(each) for each in value]
        case date():
            return value.isoformat()
        case _:
            return value


def _said(value: Sequence[str]) -> SaidBy:
    by, role, at = value
    return SaidBy(str(by), str(role), datetime.fromisoformat(at))


_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("recorded", "decided", "ended", "asked"), _said),
    **dict.fromkeys(("first", "last", "ends_on"), date.fromisoformat),
    "question": LedgerQuestion,
    "answers": lambda value: tuple(_said(each) for each in value),
}


def _read(kind: Any, row: Mapping[str, Any]) -> Any:
    return kind(
        **{name: value if value is None or name not in _READ else _READ[name](value) for name, value in row.items()}
    )


def _put(rows: Iterable[Any], made: Any) -> tuple[Any, ...]:
    found = tuple(rows)
    if any(each.uid == made.uid for each in found):
        return tuple(made if each.uid == made.uid else each for each in found)
    return (*found, made)
