"""What DOMAIN 14.1 says of a contact, read once more in plain words, by nothing of `core.removal.need`; no test here.

The rules of the agencies, in their order; ours, about numbers that are the client's no more, stands between 4 and 5.
Answers are the words of the table itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

STRONGEST_FIRST = ("keep", "review", "defer", "remove_reprovisionable", "remove")
STAYS = {"professional", "colleague", "chain_partner"}
OPEN = {"advice_open", "triage", "waiting", "conditions_followup", "investigation", "transfer_pending"}
HERE = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True)
class Rules:
    """The numbers an organisation chose, in days but for `stale_hours`. asks: a work supervisor's word counts too."""

    grace: int
    stale_hours: int
    window: int
    former: int
    correction: int
    recorded_first: bool
    asks: bool = False


@dataclass(frozen=True)
class Told:
    """What is known of one worker and one number through one case. spells: the worker's on it, begun by now.

    named: from when until when the register named the number in the case (None: since nobody knows when; it still
    does). former: the day on which the register says it stopped being theirs.
    """

    of: str
    phase: str
    read: datetime | None
    sure: bool = True
    spells: Sequence[tuple[datetime, datetime | None]] = ()
    closed: datetime | None = None
    said_closed: datetime | None = None
    recorded: bool = False
    planned: Sequence[date] = ()
    exception: datetime | None = None
    former: datetime | None = None
    named: tuple[datetime | None, datetime | None] = (None, None)
    theirs: bool = False


def answer(cases: Iterable[Told], rules: Rules, now: datetime, seen: datetime, *, held: bool = False) -> str:
    """Keep, review, defer, remove_reprovisionable, remove; ignore where no case knows the number."""
    answers = {one_case(each, rules, now, seen) for each in cases}
    strongest = next((each for each in STRONGEST_FIRST if each in answers), "ignore")
    return "defer" if held and strongest.startswith("remove") else strongest


def one_case(told: Told, rules: Rules, now: datetime, seen: datetime) -> str:  # noqa: PLR0911  one for each rule
    """The first rule that fits."""
    on_it = any(since <= now and (until is None or now < until) for since, until in told.spells)
    ever = any(since <= now for since, _ in told.spells)
    if told.of in STAYS:
        return "keep"
    if told.read is None or now - told.read > timedelta(hours=rules.stale_hours) or not told.sure:
        return "review"
    if told.exception is not None and told.exception > now:
        return "keep"
    if on_it and told.phase in OPEN:
        return "keep"
    if doubtful(told, rules, now):
        return "review"
    if told.phase == "monitoring":
        today = now.astimezone(HERE).date()
        near = any(abs((day - today).days) <= rules.window for day in told.planned)
        return "keep" if near else "remove_reprovisionable"
    closed = closure(told, rules, now)
    left = max((until for _, until in told.spells if until is not None and until <= now), default=None)
    ends = [each for each in (closed, None if on_it or not ever else left) if each is not None]
    if ends:
        if now < min(ends) + timedelta(days=rules.grace):
            return "defer"
        return "remove" if told.recorded or not rules.recorded_first else "review"
    if not ever:
        return "defer" if now < seen + timedelta(days=rules.grace) else "remove"
    return "review"


def closure(told: Told, rules: Rules, now: datetime) -> datetime | None:
    """The confirmed closure of a closed case, from the day on which it is told."""
    said = told.closed or (told.said_closed if rules.asks else None)
    if told.phase != "closed" or said is None:
        return None
    day = (said - timedelta(microseconds=1)).astimezone(HERE).date()
    return said if now.astimezone(HERE).date() >= day else None


def doubtful(told: Told, rules: Rules, now: datetime) -> bool:
    """Whether a number that is theirs no more may be a stranger's."""
    since, gone = told.named
    ended = min((each for each in (told.former, gone) if each is not None), default=None)
    if ended is None or told.theirs:
        return False
    if now - ended > timedelta(days=rules.former):
        return True
    if gone is None or told.former is not None:
        return False
    return since is None or gone - since < timedelta(days=rules.correction)
