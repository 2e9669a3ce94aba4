"""What a worker states of places nobody can see: when it is asked, withdrawn, reminded of, and how long it counts.

All of it follows from the register, the policy, the day and the worker's own answers. Nothing of it knows of a hold, of
what stands in an address book or of what was removed there, so that none of that can be told from an ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from server.core.days import AMSTERDAM
from server.core.model import Phase, StatedAnswer, StatedPlace
from server.core.policy.model import AttestationRules, ConfirmedBy, Policy
from server.core.removal.need import day_of


class PlaceStanding(StrEnum):
    """How it stands with one place, of one worker and one case that is finally closed."""

    OPEN = "open"
    """Asked, and not answered yet."""
    DONE = "done"
    NOT_THERE = "not_there"
    CANNOT = "cannot"
    AGED = "aged"
    """Answered so long ago that it counts no more."""
    UNANSWERED = "unanswered"
    """Asked, and left open for too long: nothing was stated, and nothing is assumed."""


STATED = frozenset({PlaceStanding.DONE, PlaceStanding.NOT_THERE})
"""What counts as stated, which is never proven: nobody looked."""
_ANSWERED = {
    StatedAnswer.DONE: PlaceStanding.DONE,
    StatedAnswer.NOT_THERE: PlaceStanding.NOT_THERE,
    StatedAnswer.CANNOT: PlaceStanding.CANNOT,
}


@dataclass(frozen=True, slots=True)
class WorkedCase:
    """A case that a worker is or was on, as the register has it, by our numbers. confirmed_at: the final closure as a
    work supervisor confirmed it; None: nobody did. number: as the case system writes it.
    """

    worker: int
    case: int
    phase: Phase
    closed_at: datetime | None
    confirmed_at: datetime | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class OwnStatement:
    """One answer of a worker about one place, for one case."""

    place: StatedPlace
    answer: StatedAnswer
    at: datetime


def asked_since(case: WorkedCase, policy: Policy, now: datetime) -> datetime | None:
    """From when on the worker is asked: the beginning of the day of the final closure. None: they are not.

    It is the same closure that removals follow (`core.removal.need`): a status is none, and of a case that was opened
    again there is none any more.
    """
    closed = case.closed_at
    if closed is None and policy.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR:
        closed = case.confirmed_at
    if policy.attestation is None or case.phase is not Phase.CLOSED or closed is None or day_of(closed) > now:
        return None
    return day_of(closed)


def standings(
    case: WorkedCase, said: Iterable[OwnStatement], policy: Policy, now: datetime
) -> Mapping[StatedPlace, PlaceStanding]:
    """Each place the policy asks about, in its order; empty: nothing is asked of this case.

    said: all answers of this worker about this case, the newest last. What was said before this closure is about an
    earlier one.
    """
    since = asked_since(case, policy, now)
    rules = policy.attestation
    if since is None or rules is None:
        return {}
    newest = {each.place: each for each in said if each.at >= since}
    return {place: _standing(newest.get(place), since, rules, now) for place in rules.places}


def _standing(said: OwnStatement | None, since: datetime, rules: AttestationRules, now: datetime) -> PlaceStanding:
    today = _day(now)
    if said is None:
        lapsed = _day(since) + timedelta(days=rules.open_days) <= today
        return PlaceStanding.UNANSWERED if lapsed else PlaceStanding.OPEN
    if _day(said.at) + timedelta(days=rules.counts_days) <= today:
        return PlaceStanding.AGED
    return _ANSWERED[said.answer]


def may_answer(standing: PlaceStanding, since: datetime, rules: AttestationRules, now: datetime) -> bool:
    """Whether an answer about this place is taken: an open question, or one that could not be done and now can."""
    if standing is PlaceStanding.CANNOT:
        return _day(now) < _day(since) + timedelta(days=rules.open_days)
    return standing is PlaceStanding.OPEN


def is_reminder_due(opened: Iterable[datetime], last: date | None, rules: AttestationRules, now: datetime) -> bool:
    """Whether a worker is reminded today. opened: since when each question of theirs stands open that still does; last:
    the day of their last reminder. One reminder is for all of them.
    """
    today = _day(now)
    days = (_day(since) + timedelta(days=after) for since in opened for after in rules.remind_days)
    return any(day <= today and (last is None or last < day) for day in days)


def stated_places(of_cases: Sequence[Mapping[StatedPlace, PlaceStanding]]) -> frozenset[StatedPlace]:
    """The places of which a worker states for every case they were asked about that nothing is there any more; one
    that is open, could not be done or is out of date leaves its place out.
    """
    if not of_cases:
        return frozenset()
    places = set(of_cases[0])
    return frozenset(place for place in places if all(each.get(place) in STATED for each in of_cases))


def _day(moment: datetime) -> date:
    return moment.astimezone(AMSTERDAM).date()
